"""What a side sends stays within the bounds of a frame, whatever it holds. Spec: 7.2.5."""

from __future__ import annotations

import random

import pytest

from hutong_protocol import session_serving
from hutong_protocol.encoding import Value
from hutong_protocol.exchange import (
    Cursor,
    Head,
    LogHeads,
    LogRun,
    OfferedScope,
    PartItem,
    PartWant,
    RunsBatch,
    RunWant,
    Scope,
)
from hutong_protocol.frame_bounds import run_items
from hutong_protocol.frame_forms import encode_frame, encode_runs, parse_frame
from hutong_protocol.frames import (
    ENTRIES_MAX,
    PART_WANTS_MAX,
    SCOPES_MAX,
    Events,
    EventsWanted,
    Frame,
    Have,
    Heads,
    Parts,
    PartsWanted,
    Runs,
    RunsEnd,
    RunsWanted,
    Scopes,
    Shared,
)
from hutong_protocol.ids import EventId, LogId, OrgId, RecordId
from hutong_protocol.limits import (
    EPOCH_EVENTS_MAX,
    HEADER_BYTES_MAX,
    INT_MAX,
    PARTS_MAX,
    RUN_RECORDS_MAX,
)
from hutong_protocol.records import encode_elements, record_id
from hutong_protocol.runs import RunSource, encode_run_value, fit_run
from hutong_protocol.session_events import ReadRuns
from hutong_protocol.session_outlet import Outlet
from hutong_protocol.session_serving import ANSWER_BYTES_MAX, Serving
from hutong_protocol.session_states import Role
from protocol.frame_counting import items_of
from protocol.session_pairs import (
    SCOPE,
    members,
    pair_of,
    stores_equal,
    writer,
)
from simulation.pair import settled

ID = bytes(range(32))
LOG = LogId(RecordId(ID))


def one_byte_values(count: int) -> Value:
    """A value of `count` values, itself included, each of which takes one byte."""
    if count == 1:
        return 0
    inner = min(15, count - 1)
    each, more = divmod(count - 1, inner)
    return [one_byte_values(each + (at < more)) for at in range(inner)]


def heaviest_run(log: LogId = LOG) -> list[object]:
    """A run with as many values as a run can have: 256 headers of 1,024 bytes, full of them."""
    before = prev = RecordId(b"\x01" * 32)
    sources = []
    for seq in range(1, RUN_RECORDS_MAX + 1):
        ext = {"k": one_byte_values(HEADER_BYTES_MAX - (80 if seq < 128 else 82 - (seq < 256)))}
        header = encode_elements((1, 9, log, seq, prev, 0, 1, "", (), (), ext))
        assert len(header) == HEADER_BYTES_MAX
        sources.append(RunSource(header, ()))
        prev = record_id(header)
    fitted = fit_run(1, before, sources, [RUN_RECORDS_MAX])
    return encode_run_value(log, 1, before, fitted.records, bytes(64))


def test_any_run_fits_into_a_frame() -> None:
    run = heaviest_run()
    assert 240_000 < run_items(run) < 244_000
    data = encode_runs(1, [LogRun(LOG, run)], lambda log: log)
    assert isinstance(parse_frame(data), Runs)
    assert 3 + run_items(run) == items_of(data)


def run_of(log: LogId, records: list[object]) -> LogRun:
    return LogRun(log, encode_run_value(log, 0, b"", records, bytes(64)))


def test_the_values_of_a_run_are_counted_as_a_frame_holds_them() -> None:
    ext: dict[str, Value] = {"crit": ["k"], "k": {"a": [1, {"b": None}], "c": []}}
    part = [0, bytes(16), b"part"]
    records: list[object] = [
        [0, 1, 1, "", [], [], {}],
        [1, 1, 2, "need/1", [ID, b""], [part, part], ext],
    ]
    run = run_of(LOG, records)
    assert 3 + run_items(run.run) == items_of(encode_runs(0, [run], lambda log: log))


def ids(count: int) -> list[bytes]:
    return [at.to_bytes(32, "big") for at in range(count)]


HEADS = tuple(Head(INT_MAX, RecordId(ID)) for _ in range(4))
LONGEST: list[Frame] = [
    EventsWanted(OrgId(EventId(ID)), tuple(map(EventId, ids(EPOCH_EVENTS_MAX)))),
    Scopes(tuple(OfferedScope(Scope(f"{at:04}", "base"), bytes(16)) for at in range(SCOPES_MAX))),
    Shared(tuple((at, bytes(16)) for at in range(SCOPES_MAX))),
    Heads(
        0,
        Cursor(bytes(16), INT_MAX),
        True,
        tuple(LogHeads(LogId(RecordId(log)), HEADS) for log in ids(ENTRIES_MAX)),
        (),
        True,
    ),
    RunsWanted(
        0, tuple(RunWant(LogId(RecordId(log)), INT_MAX, INT_MAX) for log in ids(ENTRIES_MAX))
    ),
    PartsWanted(0, tuple(PartWant(RecordId(record), 15) for record in ids(PART_WANTS_MAX))),
    Parts(
        0,
        tuple(
            PartItem(RecordId(record), position, bytes(16), bytes(900))
            for record in ids(PART_WANTS_MAX)
            for position in range(PARTS_MAX)
        ),
        True,
    ),
    Have(0, tuple((LogId(RecordId(log)), HEADS[0]) for log in ids(ENTRIES_MAX))),
]


@pytest.mark.parametrize("frame", LONGEST, ids=lambda frame: type(frame).__name__)
def test_lists_of_the_greatest_length_stay_within_the_bounds(frame: Frame) -> None:
    assert parse_frame(encode_frame(frame)) == frame


def test_events_of_half_a_frame_stay_within_the_bounds() -> None:
    """No event is shorter than 100 bytes and 98 for each signature after the first."""
    event: list[object] = [bytes(4), [[bytes(32), bytes(64)]], None]
    count = ANSWER_BYTES_MAX // 100
    frame = Events(OrgId(EventId(ID)), (event,) * count, True)
    assert parse_frame(encode_frame(frame)) == frame


def reading(serving: Serving, outlet: Outlet) -> ReadRuns:
    """The request for runs that a side makes now, the only one."""
    serving.pump()
    [request] = outlet.take_events()
    assert isinstance(request, ReadRuns)
    return request


def test_runs_that_are_too_many_values_for_one_frame_go_into_several() -> None:
    """Threat 8, the other way round: an honest side is never cut off for what it holds."""
    logs = [LogId(RecordId(log)) for log in ids(3)]
    small: list[object] = [[0, 1, 1, "", [], [], {}]]
    batch = RunsBatch(
        (
            run_of(logs[0], small),
            run_of(logs[0], small),
            LogRun(logs[1], heaviest_run(logs[1])),
            LogRun(logs[2], heaviest_run(logs[2])),
            run_of(logs[2], small),
        ),
        (RunWant(logs[0], 7, 2),),
    )
    outlet = Outlet()
    serving = Serving(outlet, peer_credit=8)
    serving.share([SCOPE])
    serving.asked(RunsWanted(0, tuple(RunWant(log, 0) for log in logs)))
    serving.runs_read(reading(serving, outlet), batch)
    [sent] = [parse_frame(data) for data in outlet.take_frames()]
    assert isinstance(sent, Runs)
    assert len(sent.runs) == 3

    again = reading(serving, outlet)
    assert again.wants == (RunWant(logs[2], 1, 1), RunWant(logs[2], 0, 1), RunWant(logs[0], 7, 2))
    serving.runs_read(again, RunsBatch(batch.runs[3:], ()))
    last, end = [parse_frame(data) for data in outlet.take_frames()]
    assert isinstance(last, Runs)
    assert len(last.runs) == 2
    assert end == RunsEnd(0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("live", [False, True])
def test_sides_that_hold_more_than_a_frame_takes_converge(
    seed: int, live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With so low a bound that batches of runs are cut, asked for or not."""
    monkeypatch.setattr(session_serving, "RUNS_ITEMS_MAX", 500)
    rng = random.Random(seed)
    two = members(rng)
    for one in two:
        writing = writer(one, rng)
        for _ in range(12):
            writing.new_log(SCOPE)
            writing.write(SCOPE, writing.random_drafts(rng.randint(1, 30)))
    pair = pair_of(two, rng, live=live)
    pair.run()
    if live:
        for role, one in zip(Role, two, strict=True):
            writing = writer(one, rng)
            change = writing.write(SCOPE, writing.random_drafts(40))
            end = pair.ends[role]
            end.take(end.session.local_change([change], eager=True))
        pair.run()
    else:
        assert all(settled(end) for end in pair.ends)
    stores_equal(pair)
    runs = [frame for _, data in pair.sent if isinstance(frame := parse_frame(data), Runs)]
    assert len(runs) > 8
    assert any(len(frame.runs) > 1 for frame in runs)
    for frame in runs:
        assert len(frame.runs) == 1 or sum(map(run_items, frame.runs)) <= 500
