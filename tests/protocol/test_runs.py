"""Runs: the fast way through `check_run` equals the plain one, nothing else gets through, and what
is sent is what is checked."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.encoding import decode_loose, encode
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.limits import FRAME_BYTES_MAX, INT_MAX, RUN_BYTES_MAX
from hutong_protocol.records import parse_header
from hutong_protocol.runs import (
    CheckedRun,
    PartData,
    RunSource,
    check_run,
    encode_run_value,
    fit_run,
    run_bytes,
)
from hutong_protocol.signatures import public_key
from protocol.record_samples import (
    CLOSE_RECORD,
    OPEN_RECORD,
    WRITER,
    SampleLog,
    bytes_of,
    loose_values,
    open_ext,
    present,
    wire_record,
    wire_records,
)

HASH = bytes_of("some hash")
VECTORS = Path(__file__).resolve().parents[2] / "spec" / "vectors" / "6"


def checked(log: SampleLog, first: int, last: int) -> CheckedRun:
    return check_run(log.run(first, last), log_id=log.id, writer=WRITER)


def fault_of(run: object, log_id: bytes, writer: bytes | None = WRITER) -> Fault:
    with pytest.raises(ProtocolFault) as found:
        check_run(run, log_id=log_id, writer=writer)
    return found.value.fault


@given(st.lists(wire_records(), max_size=12), st.booleans(), st.data())
def test_a_run_gives_the_headers_that_the_plain_way_gives(
    records: list[list[Any]], closes: bool, data: st.DataObject
) -> None:
    log = SampleLog(records + [CLOSE_RECORD] * closes)
    last = data.draw(st.integers(0, len(log.ids) - 1))
    first = data.draw(st.integers(0, last))
    run = log.run(first, last)
    received = decode_loose(encode(run), bytes_max=RUN_BYTES_MAX)
    found = check_run(received, log_id=log.id, writer=WRITER)
    assert [record.header for record in found.records] == log.headers[first : last + 1]
    assert [record.id for record in found.records] == log.ids[first : last + 1]
    assert [found.log, found.first_seq, found.prev, found.seal] == [*run[:3], run[4]]
    assert (found.opened is None) == (first > 0)
    for record in found.records:
        header = parse_header(record.header)
        content = (record.kind, record.clock, record.ts, record.type, record.refs, record.ext)
        assert header.seq == record.seq
        assert content == (
            *(header.kind, header.clock, header.ts, header.type, header.refs, header.ext),
        )
        assert record.part_refs == header.parts
        assert record.parts == parts_of(log.records[record.seq])
    assert run_bytes(first, found.records) == len(encode(run))


@given(st.lists(wire_records(), min_size=1, max_size=4), st.data())
def test_no_value_makes_the_check_raise_anything_but_a_fault(
    records: list[list[Any]], data: st.DataObject
) -> None:
    """Threats 8 and 13: a value of any type at any place of a run that was right."""
    log = SampleLog(records)
    right = log.run(data.draw(st.integers(0, 1)), len(log.ids) - 1)
    run = copy.deepcopy(right)
    around: list[Any] = run
    at = data.draw(st.integers(0, 4))
    while isinstance(around[at], list) and around[at] and data.draw(st.booleans()):
        around = around[at]
        at = data.draw(st.integers(0, len(around) - 1))
    around[at] = data.draw(loose_values)
    with suppress(ProtocolFault):
        check_run(run, log_id=log.id, writer=WRITER)
        # Nothing is another but element 0. Written out, since 1 == 1.0 == True.
        assert repr(run[1:]) == repr(right[1:])


@given(loose_values)
def test_any_value_in_place_of_a_run_is_a_fault(value: object) -> None:
    with suppress(ProtocolFault):
        check_run(value, log_id=bytes_of("log"), writer=WRITER)
        raise AssertionError("accepted")


def golden_runs() -> list[tuple[bytes, bytes | None]]:
    """The runs of the vectors made for this, each with its writer unless it opens its log."""
    inputs = [
        json.loads(path.read_text("utf-8"))["input"] for path in sorted(VECTORS.glob("golden-*"))
    ]
    assert len(inputs) >= 20
    return [
        (bytes.fromhex(given["run"]), bytes.fromhex(given["writer"]) if "writer" in given else None)
        for given in inputs
    ]


def is_taken(data: bytes, writer: bytes | None, log_id: bytes) -> bool:
    """Whether a session would take these bytes for a run of this log."""
    try:
        value = decode_loose(data, bytes_max=FRAME_BYTES_MAX)
        if not isinstance(value, list) or value[:1] != [log_id]:
            return False  # of another log, of which no key is held
        check_run(value, log_id=log_id, writer=writer)
    except ProtocolFault:
        return False
    return True


def flips_taken(run: bytes, writer: bytes | None) -> list[int]:
    """The bits of a run that could be another."""
    value = decode_loose(run, bytes_max=RUN_BYTES_MAX)
    assert isinstance(value, list)
    log_id = value[0]
    assert is_taken(run, writer, log_id)
    taken = []
    for bit in range(8 * len(run)):
        changed = bytearray(run)
        changed[bit // 8] ^= 1 << bit % 8
        if is_taken(bytes(changed), writer, log_id):
            taken.append(bit)
    return taken


def test_no_bit_of_a_golden_run_can_be_another() -> None:
    """Threat 1, the first four golden runs; the others in `make sim`."""
    assert [flips_taken(*golden) for golden in golden_runs()[:4]] == [[]] * 4


@pytest.mark.slow
def test_no_bit_of_any_golden_run_can_be_another() -> None:
    """Threat 1: all flips of 20 golden runs, 60,000 and more."""
    runs = golden_runs()
    assert sum(8 * len(run) for run, _ in runs) >= 60_000
    assert [flips_taken(*golden) for golden in runs] == [[]] * len(runs)


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (CLOSE_RECORD, Fault.LOG_CLOSED),
        (wire_record(parts=[[0, bytes(15), b"facts"]]), Fault.BAD_PARTS),
        (wire_record(parts=[present(0, b"")]), Fault.BAD_PARTS),
        (wire_record(parts=[present(0, bytes(65_537))]), Fault.BAD_PARTS),
        (wire_record(parts=[[0, HASH, 65_537]]), Fault.BAD_PARTS),
        (wire_record(parts=[[True, HASH, 5]]), Fault.BAD_PARTS),
        (wire_record(parts=[present(1, b"text"), present(0, b"facts")]), Fault.BAD_PARTS),
        (wire_record(refs=[HASH] * 17), Fault.BAD_REFS),
        (wire_record(refs=[HASH, b""]), Fault.BAD_REFS),
        (wire_record(ts=True), Fault.BAD_HEADER),
        (wire_record(clock=0), Fault.BAD_HEADER),
        (wire_record(type="Need/1"), Fault.BAD_HEADER),
        (OPEN_RECORD, Fault.BAD_HEADER),
        (wire_record(ext={"mask": [1]}), Fault.BAD_EXT),
        (wire_record(ts=1.0), Fault.NOT_CANONICAL),
        (wire_record()[:6], Fault.BAD_RUN),
    ],
)
def test_one_wrong_record_makes_the_whole_run_wrong(record: list[Any], fault: Fault) -> None:
    """Hard case 36 for the close record, hard case 12 for the lengths. More in the vectors."""
    log = SampleLog([wire_record()])
    run = [*log.run(1, 1)[:3], [record, wire_record()], bytes(64)]
    assert fault_of(run, log.id) == fault


@pytest.mark.parametrize("count", [256, 257])
def test_a_run_has_at_most_256_records(count: int) -> None:
    log = SampleLog([wire_record(ts=number) for number in range(count)])
    if count == 256:
        assert len(checked(log, 1, count).records) == count
    else:
        assert fault_of(log.run(1, count), log.id) == Fault.BAD_RUN


@pytest.mark.parametrize("extra", [0, 1])
def test_a_run_is_at_most_a_mebibyte_long(extra: int) -> None:
    full = wire_record(parts=[present(0, bytes(65_536)), present(1, bytes(65_535))])
    rest = [present(0, bytes(65_536)), present(1, bytes(1_000))]
    short = SampleLog([full] * 7 + [wire_record(parts=rest)]).run(1, 8)
    missing = RUN_BYTES_MAX - len(encode(short))
    rest = [present(0, bytes(65_536)), present(1, bytes(1_000 + missing + extra))]
    log = SampleLog([full] * 7 + [wire_record(parts=rest)])
    assert len(encode(log.run(1, 8))) == RUN_BYTES_MAX + extra
    if extra:
        assert fault_of(log.run(1, 8), log.id) == Fault.TOO_LARGE
    else:
        assert len(checked(log, 1, 8).records) == 8


def test_seqs_end_at_two_to_the_53_less_one() -> None:
    """Hard case 15, threat 19."""
    run = [HASH, INT_MAX, HASH, [wire_record(), wire_record()], bytes(64)]
    assert fault_of(run, HASH) == Fault.BAD_HEADER
    assert fault_of([HASH, INT_MAX, HASH, [wire_record()], bytes(64)], HASH) == Fault.BAD_SIGNATURE
    assert fault_of([HASH, 2**53, HASH, [wire_record()], bytes(64)], HASH) == Fault.BAD_RUN


def test_the_key_comes_from_the_open_record_where_the_run_has_it() -> None:
    log = SampleLog([wire_record()])
    other = public_key(bytes_of("another"))
    assert check_run(log.run(0, 1), log_id=log.id, writer=None).opened is not None
    assert check_run(log.run(0, 1), log_id=log.id, writer=other).opened is not None
    assert fault_of(log.run(1, 1), log.id, other) == Fault.BAD_SIGNATURE


def test_a_key_that_is_none_is_a_bad_key() -> None:
    """Hard case 18."""
    log = SampleLog([], wire_record(kind=0, clock=1, type="", ext=open_ext(writer=bytes(32))))
    assert fault_of(log.run(0, 0), log.id, None) == Fault.BAD_KEY


def test_without_the_open_record_a_later_run_is_a_gap_unless_it_has_a_fault() -> None:
    """Spec 6.3.5: its seal can't be checked, all the rest can."""
    log = SampleLog([wire_record()] * 2)
    assert fault_of([*log.run(1, 2)[:4], bytes(64)], log.id, None) == Fault.GAP
    assert fault_of([*log.run(1, 2)[:3], [None], bytes(64)], log.id, None) == Fault.BAD_RUN
    bad = [*log.run(1, 2)[:3], [wire_record(clock=0)], bytes(64)]
    assert fault_of(bad, log.id, None) == Fault.BAD_HEADER


def test_a_check_without_a_log_is_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        check_run([None, 1, HASH, [wire_record()], bytes(64)], log_id=HASH[:31], writer=WRITER)


def test_element_zero_is_not_looked_at() -> None:
    log = SampleLog([wire_record()])
    run = [object(), *log.run(1, 1)[1:]]
    assert check_run(run, log_id=log.id, writer=WRITER).last.id == log.ids[1]


# What is sent.


def held(log: SampleLog) -> list[RunSource]:
    """The log as a store keeps it that received all of it."""
    return [
        RunSource(header, parts_of(record))
        for header, record in zip(log.headers, log.records, strict=True)
    ]


def parts_of(record: list[Any]) -> tuple[PartData | None, ...]:
    """What a record of a run has present of each part."""
    return tuple(PartData(*part) if isinstance(part[2], bytes) else None for part in record[5])


@given(st.lists(wire_records(), min_size=1, max_size=10), st.data())
def test_what_is_fitted_is_what_a_receiver_takes(
    records: list[list[Any]], data: st.DataObject
) -> None:
    log = SampleLog(records)
    first = data.draw(st.integers(0, len(log.ids) - 1))
    last = len(log.ids) - first
    ends = sorted(data.draw(st.sets(st.integers(1, last), min_size=1)))
    wanted = data.draw(st.integers(0, 4_000))
    prev = log.ids[first - 1] if first else b""
    fitted = fit_run(first, prev, held(log)[first:], ends, bytes_wanted=wanted)
    count = len(fitted.records)
    assert count in ends
    assert fitted.last_id == log.ids[first + count - 1]
    assert fitted.rotten == ()
    run: list[Any] = encode_run_value(
        log.id, first, prev, fitted.records, log.seal(first + count - 1)
    )
    assert run == log.run(first, first + count - 1)
    # The array of records may take two bytes less than was reckoned with.
    assert len(encode(run)) <= wanted or count == ends[0]
    longer = [end for end in ends if end > count]
    if longer:
        assert len(encode(log.run(first, first + longer[0] - 1))) + 2 > wanted


def test_parts_that_do_not_fit_are_left_out_the_longest_first() -> None:
    """256 records always fit, whatever their parts. Spec: 6.6."""
    small = present(0, b"small")
    records = [wire_record(parts=[small, present(1, bytes(60_000 + n))]) for n in range(20)]
    log = SampleLog(records)
    fitted = fit_run(1, log.ids[0], held(log)[1:], [20])
    run: list[Any] = encode_run_value(log.id, 1, log.ids[0], fitted.records, log.seal(20))
    received = check_run(run, log_id=log.id, writer=WRITER)
    absent = [record.seq for record in received.records if record.parts[1] is None]
    assert absent == [18, 19, 20]
    assert all(record.parts[0] is not None for record in received.records)
    assert len(encode(run)) <= RUN_BYTES_MAX


def test_a_rotten_part_is_sent_as_absent_and_reported() -> None:
    """Hard case 12: the chain stays intact, and the part is missing from now on."""
    log = SampleLog([wire_record(parts=[present(0, b"facts"), present(1, b"text")])] * 2)
    sources = held(log)
    for rotten in (PartData(1, bytes(16), b"text"), PartData(1, bytes_of("salt", 16), b"texts")):
        part = sources[2].parts[0]
        sources[2] = RunSource(sources[2].header, (part, rotten))
        fitted = fit_run(1, log.ids[0], sources[1:], [2])
        assert fitted.rotten == ((1, 1),)
        run = encode_run_value(log.id, 1, log.ids[0], fitted.records, log.seal(2))
        received = check_run(run, log_id=log.id, writer=WRITER)
        assert [part is None for part in received.records[1].parts] == [False, True]


@pytest.mark.parametrize("ends", [[], [4], [5, 6]])
def test_a_run_without_a_seal_in_reach_is_our_own_mistake(ends: list[int]) -> None:
    log = SampleLog([wire_record()] * 2)
    with pytest.raises(LocalProtocolError):
        fit_run(0, b"", held(log), ends)


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("bit", [0, 9, 400, 1_000])
def test_rot_in_a_stored_header_is_noticed_before_it_is_sent(at: int, bit: int) -> None:
    """Threat 60: never a run that a peer would blame us for."""
    log = SampleLog([wire_record(refs=[HASH] * 3)] * 2)
    sources = held(log)
    header = bytearray(sources[at].header)
    header[bit // 8] ^= 1 << bit % 8
    sources[at] = RunSource(bytes(header), sources[at].parts)
    try:
        fitted = fit_run(0, b"", sources, [3])
    except ProtocolFault as fault:
        found = fault.fault
        assert found == Fault.CHAIN_BROKEN
    else:
        # The last header has nothing after it that would tell: the caller compares its id.
        assert at == 2
        assert fitted.last_id != log.ids[2]


@pytest.mark.parametrize("header", [b"", b"\x90", b"\x01", b"\xc1", bytes(2_000)])
def test_what_is_no_header_at_all_is_noticed_too(header: bytes) -> None:
    log = SampleLog([wire_record()])
    for at in (0, 1):
        sources = held(log)
        sources[at] = RunSource(header, ())
        with pytest.raises(ProtocolFault) as found:
            fit_run(0, b"", sources, [2])
        assert found.value.fault == Fault.CHAIN_BROKEN


def test_256_records_with_one_small_part_cost_what_the_specification_says() -> None:
    """Spec: 6.7. At most 48 bytes a record beyond its part's bytes and its type."""
    part = bytes(250)
    log = SampleLog([wire_record(clock=2**20, parts=[present(0, part)]) for _ in range(256)])
    overhead = len(encode(log.run(1, 256))) / 256 - len(part) - len("need/1")
    assert overhead <= 48
