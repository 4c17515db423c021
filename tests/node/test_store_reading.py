"""What the node reads of its own store: records in order, changes since a place, and numbers."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from contracts.contract_steps import SOURCE, item_of, take
from contracts.made_logs import OTHER_SCOPE, SCOPE, MadeLog
from hutong_node.store import ballast
from hutong_node.store.errors import StoreFull
from hutong_node.store.interface import PartState, StoreMethods, Watermark
from hutong_node.store.sqlite import record_ids
from hutong_node.store.sqlite import store as stores
from hutong_node.store.sqlite.opening import Prepared, prepare
from hutong_protocol.ids import LogId, RecordId
from node.sqlite_stores import open_store, opened, require
from simulation.parties import Party, found


@pytest.fixture
def rng() -> random.Random:
    return random.Random(5)


@pytest.fixture
def party(rng: random.Random) -> Party:
    return found(rng)


def test_changes_come_in_the_order_in_which_they_became_durable(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Each record once, none left out, whatever the size of a step."""
    logs = [MadeLog(party, rng), MadeLog(party, rng)]
    expected: list[RecordId] = []
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        for number in range(12):
            log = logs[number % 2]
            first = len(log.records) if number > 1 else 0
            log.data(rng.choice([1, 7]))
            take(store, log.run(first))
            expected += [record.id for record in log.records[first:]]
        for step in (1, 5, 1_000):
            watermark, seen, more = Watermark(), [], True
            while more:
                changes = store.records_after(watermark, step)
                assert len(changes.new) <= step
                seen += [record.id for record in changes.new]
                assert [record.row for record in changes.new] == list(
                    range(watermark.row + 1, watermark.row + 1 + len(changes.new))
                )
                watermark, more = changes.watermark, changes.more
            assert seen == expected
            assert store.records_after(watermark, 10).new == ()


def test_changed_parts_are_told_once_after_their_record(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    log = MadeLog(party, rng)
    ids = log.data(4, parts=2)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, log.run(absent=[(1, 0), (1, 1), (2, 0)]))
        first = store.records_after(Watermark(), 100)
        assert [part.state for part in first.new[1].parts] == [PartState.MISSING] * 2
        store.store_parts(SCOPE, [item_of(log, ids[0], 0), item_of(log, ids[0], 1)])
        log.erase({ids[3]: 0b10})
        take(store, log.run(5))
        changes = store.records_after(first.watermark, 100)
        assert [record.seq for record in changes.new] == [5]
        assert {record.id for record in changes.altered} == {ids[0], ids[3]}
        states = {record.id: [part.state for part in record.parts] for record in changes.altered}
        assert states[ids[0]] == [PartState.PRESENT] * 2
        assert states[ids[3]] == [PartState.PRESENT, PartState.ERASED]
        again = store.records_after(changes.watermark, 100)
        assert (again.new, again.altered, again.more) == ((), (), False)
        # Who has seen nothing yet is told of each record once, as it is now.
        fresh = store.records_after(Watermark(), 100)
        assert (len(fresh.new), fresh.altered) == (6, ())


def test_records_are_found_by_id_before_and_after_they_are_indexed(
    tmp_path: Path, party: Party, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_ids, "BEHIND_MAX", 50)
    monkeypatch.setattr(record_ids, "BATCH", 20)
    log = MadeLog(party, rng)
    unknown = RecordId(rng.randbytes(32))
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        for number in range(10):
            first = len(log.records) if number else 0
            log.data(17)
            take(store, log.run(first))
            wanted = [unknown, *(record.id for record in rng.sample(log.records, 10))]
            found_out = store.records(wanted)
            assert found_out.keys() == set(wanted[1:])
            assert all(found_out[one].header for one in wanted[1:])
            assert store.record(unknown) is None
    with opened(tmp_path) as store:
        assert len(store.records([record.id for record in log.records])) == len(log.records)


def test_a_stored_record_tells_what_its_header_says(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    log = MadeLog(party, rng, OTHER_SCOPE)
    log.data(3, parts=2)
    log.unknown()
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        store.store_runs(OTHER_SCOPE, [log.run()], SOURCE)
        assert [record.seq for record in store.log_records(log.log, 0, 99)] == [0, 1, 2, 3, 4]
        assert [record.seq for record in store.log_records(log.log, 2, 2)] == [2, 3]
        assert store.log_records(log.log, 9, 2) == []
        assert store.log_records(log.log, 0, 0) == []
        assert store.log_records(LogId(bytes(32)), 0, 9) == []
        for made in log.records:
            kept = require(store, made.id)
            assert (kept.header, kept.kind, kept.ts, kept.clock, kept.type) == (
                *(made.header, made.kind, made.ts, made.clock, made.type),
            )
            assert (kept.refs, dict(kept.ext)) == (made.refs, dict(made.ext))
            assert (kept.log, kept.scope, kept.org, kept.writer) == (
                *(log.log, OTHER_SCOPE, party.org, party.writer),
            )
            assert [(p.role, p.length, p.commit) for p in kept.parts] == [*made.part_refs]
            assert [(p.role, p.salt, p.data) for p in kept.parts] == [*made.parts]


def test_the_status_counts_what_is_held(tmp_path: Path, party: Party, rng: random.Random) -> None:
    log = MadeLog(party, rng)
    log.data(4)
    with opened(tmp_path, found(rng)) as store:
        store.store_events(party.org, party.values)
        take(store, log.run(absent=[(2, 0)]))
        status = store.status()
        assert (status.records, status.logs, status.orgs, status.missing_parts) == (5, 1, 2, 1)
        assert (status.forked_logs, status.frozen_orgs, status.damaged_logs) == (0, (), ())
        assert status.disk_bytes > 4_096
        assert len(status.generation) == 16


def test_reads_go_on_while_much_is_written(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """A reader sees whole operations: the root always fits the heads."""
    logs = [MadeLog(party, rng) for _ in range(4)]
    for log in logs:
        log.data(400, size=20)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        done = threading.Event()
        seen: list[int] = []

        def read() -> None:
            while not done.is_set():
                [root] = store.scope_roots([SCOPE])
                seen.append(root.cursor.counter)
                assert len(store.heads(SCOPE, None, None, 99).logs) <= 4

        reader = threading.Thread(target=read)
        reader.start()
        for step in range(0, 401, 20):
            for log in logs:
                take(store, log.run(step, min(step + 19, 400)))
        done.set()
        reader.join()
        assert seen == sorted(seen)
        assert len(seen) > 1


async def test_calls_of_many_tasks_are_answered_in_order(tmp_path: Path, party: Party) -> None:
    store = open_store(tmp_path, party)
    try:
        names = [f"n{number}" for number in range(50)]
        for value in (b"1", b"2"):
            for name in names:
                await store.call(StoreMethods.set_hint, name, value)
        assert {await store.call(StoreMethods.hint, name) for name in names} == {b"2"}
    finally:
        store.close()


def test_a_store_on_a_full_disk_starts_on_its_ballast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat 59."""
    open_store(tmp_path).close()
    kept = tmp_path / "records.db.ballast"
    assert kept.stat().st_size == ballast.BALLAST_BYTES

    def full(*args: object) -> Prepared:
        if kept.exists():
            raise StoreFull("the disk is full")
        return prepare(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(stores, "prepare", full)
    monkeypatch.setattr(ballast, "_FREE_BYTES_MIN", 2**62)
    open_store(tmp_path).close()
    assert not kept.exists()
    monkeypatch.setattr(stores, "prepare", lambda *args: (_ for _ in ()).throw(StoreFull("full")))
    with pytest.raises(StoreFull):
        open_store(tmp_path)
