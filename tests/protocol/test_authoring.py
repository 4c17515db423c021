"""What is authored is what a receiver takes: chain, clocks, signatures, identity heads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.authoring import (
    CLOCK_STEP_MAX,
    SEAL_BYTES_MAX,
    Appended,
    Draft,
    OwnLog,
    append,
    close_draft,
    erase_draft,
    next_clock,
    open_log,
)
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.ids import EventId, LogId, OrgId, RecordId
from hutong_protocol.limits import INT_MAX, RUN_RECORDS_MAX
from hutong_protocol.log_state import Joined, join
from hutong_protocol.record_ext import masks
from hutong_protocol.records import After, Kind, open_info, parse_header
from hutong_protocol.runs import PartData, RunSource, check_run, encode_run_value, fit_run
from hutong_protocol.signatures import sign
from protocol.record_samples import SEED, WRITER, bytes_of

TS = 1_700_000_000_000
ONE = (EventId(bytes_of("identity 1")),)
TWO = (EventId(bytes_of("identity 2")),)


def signed(message: bytes) -> bytes:
    return sign(SEED, message)


def opened(**changes: Any) -> Appended:
    fields: dict[str, Any] = {
        "org": OrgId(bytes_of("org")),
        "writer": WRITER,
        "delegation": EventId(bytes_of("delegation")),
        "space": "xian-2021",
        "topic": "hea",
        "nonce": bytes_of("nonce", 16),
        "identity": ONE,
        "ts": TS,
        "own_clock": 0,
        "clock_held": 0,
        "sign": signed,
    }
    return open_log(**(fields | changes))


def need(content: bytes = b"facts", **changes: Any) -> Draft:
    part = PartData(0, bytes_of("salt", 16), content)
    return replace(Draft(TS, type="need/1", parts=(part,)), **changes)


def appended(log: OwnLog, *drafts: Draft, **changes: Any) -> Appended:
    fields: dict[str, Any] = {"identity": ONE, "clock_held": 0, "sign": signed}
    return append(log, drafts, **(fields | changes))


def received(*batches: Appended) -> int:
    """The records that somebody takes who is sent all of this run by run; fails if one isn't."""
    records = [each for batch in batches for each in batch.records]
    log = records[0].record.id
    held: list[bytes] = []
    state = None
    while len(held) < len(records):
        rest = records[len(held) :]
        sources = [RunSource(each.record.header, each.record.parts) for each in rest]
        ends = [at + 1 for at, each in enumerate(rest) if each.signature is not None]
        prev = held[-1] if held else b""
        fitted = fit_run(len(held), prev, sources, ends)
        seal = rest[len(fitted.records) - 1].signature
        assert seal is not None
        run = encode_run_value(log, len(held), prev, fitted.records, seal)
        joined = join(state, check_run(run, log_id=log, writer=WRITER), held.__getitem__)
        assert isinstance(joined, Joined)
        # What is authored has the very form of what is received.
        assert joined.new_records == tuple(each.record for each in rest[: len(fitted.records)])
        state = joined.new_state
        held += [record.id for record in joined.new_records]
    return len(held)


def test_a_log_opens_with_what_its_writer_states() -> None:
    after = After(LogId(bytes_of("old log")), 7, RecordId(bytes_of("old head")))
    batch = opened(after=after, space_salt=bytes(16), own_clock=4, clock_held=9)
    [first] = batch.records
    info = open_info(parse_header(first.record.header))
    assert (info.writer, info.space, info.topic, info.after) == (WRITER, "xian-2021", "hea", after)
    assert (info.identity, info.space_salt) == (ONE, bytes(16))
    assert batch.log == OwnLog(LogId(first.record.id), 0, first.record.id, False, 10, ONE)
    assert received(batch) == 1


def test_an_open_record_that_breaks_a_rule_is_refused() -> None:
    with pytest.raises(ProtocolFault) as found:
        opened(space="西安")
    assert found.value.fault == Fault.BAD_OPEN


drafts = st.one_of(
    st.binary(min_size=1, max_size=50).map(need),
    st.integers(1, 15).map(lambda mask: erase_draft(TS, {RecordId(bytes_of("target")): mask})),
    st.just(need(type="offer/1", refs=(bytes_of("ref"),))),
)


@given(st.lists(st.lists(drafts, min_size=1, max_size=5), max_size=5), st.booleans())
def test_what_is_authored_is_taken_by_a_receiver(batches: list[list[Draft]], closes: bool) -> None:
    done = [opened()]
    for batch in [*batches, *[[close_draft(TS)]] * closes]:
        done.append(appended(done[-1].log, *batch))
    records = [each for batch in done for each in batch.records]
    assert received(*done) == len(records)
    assert [each.record.seq for each in records] == list(range(len(records)))
    assert all(batch.records[-1].signature is not None for batch in done)
    clocks = [each.record.clock for each in records]
    assert clocks == sorted(set(clocks))
    assert done[-1].log.closed == closes


def test_at_least_every_256th_record_is_signed() -> None:
    """Spec: 6.1.3."""
    first = opened()
    batch = appended(first.log, *[need()] * 600)
    at = [number for number, each in enumerate(batch.records) if each.signature is not None]
    assert at == [RUN_RECORDS_MAX - 1, 2 * RUN_RECORDS_MAX - 1, 599]
    assert received(first, batch) == 601


def test_at_least_every_512_kib_are_signed() -> None:
    """Spec: 6.1.3, over header bytes and declared lengths of parts."""
    first = opened()
    batch = appended(first.log, *[need(bytes(60_000))] * 30)
    since = 0
    for each in batch.records:
        since += len(each.record.header) + 60_000
        assert since <= SEAL_BYTES_MAX
        since = 0 if each.signature is not None else since
    assert sum(each.signature is not None for each in batch.records) == 4
    assert received(first, batch) == 31


def test_a_batch_that_just_fills_the_spacing_has_one_signature() -> None:
    first = opened()
    header = len(appended(first.log, need(bytes(58_000))).records[0].record.header)
    sizes = [58_000] * 9
    sizes[-1] += SEAL_BYTES_MAX - 9 * (header + 58_000)
    for extra, expected in ((0, [8]), (1, [7, 8])):
        sizes[-1] += extra
        batch = appended(first.log, *[need(bytes(size)) for size in sizes])
        assert [at for at, each in enumerate(batch.records) if each.signature] == expected


def test_identity_heads_are_named_once_after_each_change() -> None:
    """Spec: 5.3.2."""
    log = opened().log
    batch = appended(log, need(), need(), identity=(*TWO, *ONE))
    again = appended(batch.log, need(), identity=(*ONE, *TWO))
    back = appended(again.log, need(), identity=TWO)
    named = [
        each.record.ext.get("identity") for done in (batch, again, back) for each in done.records
    ]
    assert named == [sorted([*ONE, *TWO]), None, None, [*TWO]]
    many = [EventId(bytes([number]) * 32) for number in range(6)]
    assert appended(log, need(), identity=many).records[0].record.ext["identity"] == many[:4]


@pytest.mark.parametrize("identity", [(), []])
def test_nothing_is_authored_without_an_identity(identity: tuple[EventId, ...]) -> None:
    with pytest.raises(LocalProtocolError):
        opened(identity=identity)
    with pytest.raises(LocalProtocolError):
        appended(opened().log, need(), identity=identity)


@pytest.mark.parametrize(
    ("own", "held", "expected"),
    [
        (0, 0, (1, False)),
        (5, 0, (6, False)),
        (5, 5, (6, False)),
        (5, 9, (10, False)),
        (5, 5 + CLOCK_STEP_MAX - 1, (5 + CLOCK_STEP_MAX, False)),
        (5, 5 + CLOCK_STEP_MAX, (6, True)),
        (0, INT_MAX, (1, True)),
        (INT_MAX - 1, 0, (INT_MAX, False)),
    ],
)
def test_a_clock_follows_the_highest_that_is_not_too_far_ahead(
    own: int, held: int, expected: tuple[int, bool]
) -> None:
    """Spec: 5.4. Hard case 15."""
    assert next_clock(own, held) == expected


@pytest.mark.parametrize(("own", "held"), [(INT_MAX, 0), (INT_MAX - 5, INT_MAX)])
def test_a_scope_whose_clocks_are_used_up_takes_no_record(own: int, held: int) -> None:
    with pytest.raises(LocalProtocolError):
        next_clock(own, held)


def test_a_clock_too_far_ahead_raises_the_alarm_and_is_not_adopted() -> None:
    log = opened(own_clock=7, clock_held=7).log
    batch = appended(log, need(), need(), clock_held=2**40)
    assert batch.clock_alarm
    assert [each.record.clock for each in batch.records] == [9, 10]
    assert not appended(log, need(), clock_held=2**20).clock_alarm


@pytest.mark.parametrize(
    "draft",
    [
        need(ext={"note": "for the file"}),
        need(ext={"org": bytes(32)}),
        need(ext={"mask": [1]}),
        need(ext={"identity": [bytes(32)]}),
        need(kind=Kind.OPEN),
        need(parts=(PartData(2, bytes(16), b"box"),)),
        need(parts=(PartData(2, bytes(16), b"box"),), ext={"exp": {"1": TS}}),
    ],
)
def test_what_can_never_be_erased_is_not_authored_by_mistake(draft: Draft) -> None:
    """Spec: 5.3.1, 5.9.4."""
    with pytest.raises(LocalProtocolError):
        appended(opened().log, draft)


def test_a_sealed_part_that_expires_is_authored() -> None:
    draft = need(parts=(PartData(2, bytes(16), b"box"),), ext={"exp": {"0": TS}, "crit": ["exp"]})
    first = opened()
    assert received(first, appended(first.log, draft)) == 2


@pytest.mark.parametrize(
    ("draft", "fault"),
    [
        (need(type="Need"), Fault.BAD_HEADER),
        (need(ts=-1), Fault.BAD_HEADER),
        (need(b""), Fault.BAD_PARTS),
        (need(bytes(65_537)), Fault.BAD_PARTS),
        (need(refs=(bytes(32),) * 17), Fault.BAD_REFS),
        (need(ext={"exp": {"0": TS}}), Fault.BAD_EXT),
        (erase_draft(TS, {RecordId(bytes(32)): 0}), Fault.BAD_EXT),
        (erase_draft(TS, {}), Fault.BAD_REFS),
    ],
)
def test_a_draft_that_breaks_a_rule_has_the_fault_a_receiver_would_find(
    draft: Draft, fault: Fault
) -> None:
    log = opened().log
    with pytest.raises(ProtocolFault) as found:
        appended(log, need(), draft)
    assert found.value.fault == fault


def test_nothing_is_appended_to_a_closed_log() -> None:
    """Hard case 36."""
    log = opened().log
    closed = appended(log, need(), close_draft(TS)).log
    assert closed.closed
    with pytest.raises(LocalProtocolError):
        appended(closed, need())
    with pytest.raises(LocalProtocolError):
        appended(log, close_draft(TS), need())


def test_an_append_of_nothing_is_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        appended(opened().log)


def test_an_erase_names_its_targets_in_order_with_their_masks() -> None:
    targets = {RecordId(bytes_of(f"target {number}")): 1 + number for number in range(5)}
    [erase] = appended(opened().log, erase_draft(TS, targets)).records
    assert dict(zip(erase.record.refs, masks(erase.record.ext), strict=True)) == targets
    assert list(erase.record.refs) == sorted(targets)
