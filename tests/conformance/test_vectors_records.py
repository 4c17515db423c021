"""The vectors of sections 5, 6 and 7 are complete: hard cases, limits from both sides, and runs
to flip bits of; and their judges agree with the core about more than the vectors."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_conformance.cases import Case, load
from hutong_conformance.independent import headers, mp_decoder, mp_encoder, run_rules
from hutong_protocol.encoding import decode, encode
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.limits import INT_MAX, RUN_BYTES_MAX
from hutong_protocol.records import encode_elements, parse_header
from hutong_protocol.runs import check_run
from protocol.record_samples import (
    WRITER,
    SampleLog,
    elements,
    erase_elements,
    open_elements,
    values,
    wire_record,
    wire_records,
)


@cache
def committed() -> dict[str, Case]:
    return {case.id: case for section in ("5", "6", "7") for case in load(only=section)}


@pytest.mark.parametrize(
    ("number", "ids"),
    [
        (1, ("5/header-seq-over-long", "5/header-v-over-long")),
        (2, ("5/header-type-over-long", "5/header-log-over-long", "5/header-refs-over-long")),
        (3, ("5/header-ext-key-twice",)),
        (4, ("5/header-ext-unsorted",)),
        (5, ("5/header-ext-key-bin", "5/header-ext-key-int")),
        (6, ("5/header-ts-float", "5/header-ext-nan", "5/header-clock-minus-zero")),
        (6, ("5/header-ts-timestamp",)),
        (7, ("5/header-trailing-byte",)),
        (8, ("5/header-type-nul", "5/unknown-type-nfc", "5/unknown-type-nfd")),
        (9, ("5/header-1024", "5/header-1025")),
        (10, ("5/parts-65536", "5/parts-65537", "6/part-65536", "6/part-65537")),
        (10, ("5/unknown-type-30-bytes", "5/unknown-type-33-bytes", "5/ext-key-of-66-in-22")),
        (11, ("5/header-too-deep", "5/ext-depth-9")),
        (12, ("6/part-absent-65537", "6/parts-missing", "6/parts-absent")),
        (13, ("5/ext-unknown-key", "6/unknown-kind")),
        (14, ("5/ext-crit", "6/critical-key")),
        (15, ("5/seq-max", "5/header-seq-2-53", "6/seq-max", "6/seq-beyond-max")),
        (16, ("5/id-data",)),
        (18, ("6/open-writer-small-order", "6/writer-small-order")),
        (20, ("6/seal-s-plus-l",)),
        (21, ("6/second-signature", "6/join-second-signature")),
        (22, ("6/join-garbage-in-the-middle",)),
        (23, ("6/join-garbage-tail",)),
        (24, ("6/seal-by-another",)),
        (26, ("6/join-gap", "6/join-gap-at-end")),
        (27, ("6/link-prev", "6/link-seq", "6/fork-seq-below-prev", "6/fork-seq-above-prev")),
        (27, ("6/fork-prev-elsewhere", "6/fork-prev-two-back")),
        (28, ("6/fork-equal-heights", "6/fork-at-head", "7/tree-other-head")),
        (31, ("7/tree-shattered", "7/tree-4-heads")),
        (36, ("6/record-after-close", "6/closed-then-more", "6/closed-in-the-run")),
        (38, ("6/unknown-refs",)),
        (48, ("5/erasure-before-target", "5/erasure-after-target", "5/erasure-cut-away")),
        (52, ("5/erasure-other-org",)),
        (54, ("5/erasure-of-erase",)),
        (68, ("6/join-poisoned-then-honest",)),
        (73, ("5/ts-0", "5/ts-2038", "6/times-as-they-like")),
    ],
)
def test_each_hard_case_of_records_and_runs_has_its_vectors(
    number: int, ids: tuple[str, ...]
) -> None:
    missing = [name for name in ids if name not in committed()]
    assert missing == [], f"hard case {number}"


@pytest.mark.parametrize(
    ("at", "above", "fault"),
    [
        ("5/header-1024", "5/header-1025", "too-large"),
        ("5/parts-65536", "5/parts-65537", "bad-parts"),
        ("5/parts-131072", "5/parts-131073", "bad-parts"),
        ("5/parts-4", "5/parts-5", "bad-parts"),
        ("5/refs-16", "5/refs-17", "bad-refs"),
        ("5/ext-16-keys", "5/ext-17-keys", "bad-ext"),
        ("5/ext-key-of-64", "5/ext-key-of-65", "bad-ext"),
        ("5/ext-depth-8", "5/ext-depth-9", "too-deep"),
        ("5/ext-identity-4", "5/ext-identity-5", "bad-ext"),
        ("5/erase-mask-ends", "5/erase-mask-16", "bad-ext"),
        ("5/type-32-bytes", "5/type-33-bytes", "bad-header"),
        ("5/seq-max", "5/header-seq-2-53", "not-canonical"),
        ("5/open-names-of-64", "5/open-space-of-65", "bad-open"),
        ("5/open-names-of-64", "5/open-topic-of-65", "bad-open"),
        ("5/open", "5/open-nonce-of-17", "bad-open"),
        ("6/256-records", "6/257-records", "bad-run"),
        ("6/bytes-1048576", "6/bytes-1048577", "too-large"),
        ("6/part-65536", "6/part-65537", "bad-parts"),
        ("6/seq-max", "6/seq-beyond-max", "bad-header"),
        ("6/one-record", "6/seal-of-65", "bad-signature"),
        ("7/frame-bytes-2097152", "7/frame-bytes-2097153", "limit-exceeded"),
        ("7/frame-values-at-limit", "7/frame-values-above-limit", "limit-exceeded"),
        ("7/frame-depth-16-arrays", "7/frame-depth-17-arrays", "limit-exceeded"),
        ("7/frame-depth-16-maps", "7/frame-depth-17-maps", "limit-exceeded"),
    ],
)
def test_each_limit_has_a_vector_at_it_and_one_above(at: str, above: str, fault: str) -> None:
    assert "ok" in committed()[at].expect
    assert committed()[above].expect == {"fault": fault}


def test_the_golden_runs_are_enough_for_sixty_thousand_flips() -> None:
    """Threat 1."""
    golden = [case for name, case in committed().items() if name.startswith("6/golden-")]
    assert len(golden) == 20
    assert sum(4 * len(str(case.input["run"])) for case in golden) >= 60_000


@given(values)
def test_the_encoder_of_the_judges_writes_what_their_decoder_reads(value: Any) -> None:
    data = mp_encoder.encode(value)
    assert mp_decoder.decode(data) == value
    assert data == encode(value)


@pytest.mark.parametrize(
    "value",
    [
        *(2**bits + near for bits in (5, 7, 8, 15, 16, 31, 32) for near in (-2, -1, 0, 1)),
        INT_MAX,
        *(-(2**bits) + near for bits in (5, 7, 8, 15, 16, 31, 32) for near in (-1, 0, 1)),
        -INT_MAX,
        *("x" * count for count in (31, 32, 255, 256, 65_535, 65_536)),
        *(bytes(count) for count in (255, 256, 65_535, 65_536)),
        *([None] * count for count in (15, 16, 65_535, 65_536)),
        {str(number): number for number in range(16)},
        {str(number): number for number in range(70_000)},
    ],
    ids=lambda value: f"{type(value).__name__}-{value if isinstance(value, int) else len(value)}",
)
def test_it_writes_the_shortest_form_at_every_edge(value: Any) -> None:
    assert decode(mp_encoder.encode(value), bytes_max=2_000_000) == value


@given(
    st.sampled_from([elements(), open_elements(), erase_elements()]),
    st.integers(0, 10),
    values,
)
def test_two_readers_of_headers_agree_about_any_element(
    right: list[Any], at: int, value: Any
) -> None:
    data = encode([*right[:at], value, *right[at + 1 :]])
    assert verdict_of_judge(data) == verdict_of_core(data)


def verdict_of_judge(header: bytes) -> str:
    try:
        headers.read(header)
    except mp_decoder.Rejected as rejected:
        return rejected.fault
    return ""


def verdict_of_core(header: bytes) -> str:
    try:
        parse_header(header)
    except ProtocolFault as fault:
        return fault.fault.value
    return ""


@given(st.lists(wire_records(), max_size=4), st.data())
def test_two_checkers_of_runs_agree_about_any_log(
    records: list[list[Any]], data: st.DataObject
) -> None:
    log = SampleLog(records)
    first = data.draw(st.integers(0, len(records)))
    run = log.run(first, len(records))
    found = run_rules.verify(encode(run), WRITER)
    assert found.ids == log.ids[first:]
    assert found.ids == [r.id for r in check_run(run, log_id=log.id, writer=WRITER).records]
    changed = bytearray(encode(run))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(mp_decoder.Rejected):
        run_rules.verify(bytes(changed), WRITER)


def test_a_log_of_the_judges_takes_only_what_follows() -> None:
    log = SampleLog([wire_record(ts=number) for number in range(3)])
    judge = run_rules.Log()
    assert judge.take(encode(log.run(1, 2))) == "gap"
    assert judge.take(encode(log.run(0, 1))) == {"new": 2, "known": 0}
    assert judge.take(encode(log.run(1, 3))) == {"new": 2, "known": 1}
    assert judge.ids == log.ids


def test_a_header_that_is_too_large_for_a_run_is_too_large_alone() -> None:
    with pytest.raises(ProtocolFault):
        encode_elements(elements(ext={"fill": "x" * RUN_BYTES_MAX}))
    assert verdict_of_judge(encode(elements(ext={"fill": "x" * 1_024}))) == "too-large"
