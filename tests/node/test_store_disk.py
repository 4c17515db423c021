"""The store and its disk: settings, versions, what erasing leaves, rot, a disk that is full."""

from __future__ import annotations

import random
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.contract_steps import SOURCE, item_of, served_absent, take
from contracts.made_logs import SCOPE, MadeLog
from hutong_node.store.errors import StoreClosed, StoreFull, StoreRefused
from hutong_node.store.interface import PartState, StoreMethods, Watermark
from hutong_node.store.sqlite import connection as connections
from hutong_node.store.sqlite.migrations import Migration, migrate, migrations
from hutong_node.store.sqlite.verify import verify_store
from hutong_protocol.authoring import Draft
from hutong_protocol.exchange import PartWant, RunWant
from hutong_protocol.faults import Fault
from hutong_protocol.runs import PartData
from node.sqlite_stores import open_store, opened, records_in, require
from simulation.parties import Party, found


@pytest.fixture
def rng() -> random.Random:
    return random.Random(7)


@pytest.fixture
def party(rng: random.Random) -> Party:
    return found(rng)


def files_of(folder: Path) -> dict[str, bytes]:
    """The content of every file of a store."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


# Settings and versions


def test_both_kinds_of_connection_have_the_settings_that_durability_needs(tmp_path: Path) -> None:
    """Threat 57: WAL with synchronous FULL; NORMAL loses acknowledged records."""
    path = tmp_path / "records.db"
    writer = connections.open_writer(path)
    reader = connections.open_reader(path)
    for connection in (writer, reader):
        found_settings = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema")
        }
        assert found_settings == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "trusted_schema": 0,
        }
        assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("CREATE TABLE t (a)")
    assert path.stat().st_mode & 0o077 == 0
    writer.close()
    reader.close()


def test_a_setting_that_does_not_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_SETTINGS", (("synchronous", "OFF", 2),))
    with pytest.raises(StoreRefused, match="synchronous is 0 instead of 2"):
        connections.open_writer(tmp_path / "records.db")


def test_something_else_than_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"not a database at all" * 500)
    with pytest.raises(StoreRefused, match="SQLITE_NOTADB"):
        open_store(tmp_path)


def test_a_second_process_is_refused_while_the_store_is_open(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(StoreRefused, match="in use by another process"):
        open_store(tmp_path)
    open_store(tmp_path).close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """Threat 68."""
    open_store(tmp_path).close()
    connection = connections.open_writer(tmp_path / "records.db")
    known = migrations()
    later = Migration(len(known) + 1, "0099_later.sql", "CREATE TABLE a (b INT) STRICT;", "00")
    assert migrate(connection, [*known, later]) == ["0099_later.sql"]
    connection.close()
    with pytest.raises(StoreRefused, match="newer version"):
        open_store(tmp_path)


def test_other_migrations_than_those_applied_are_refused(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    connection = connections.open_writer(tmp_path / "records.db")
    with pytest.raises(StoreRefused, match="is not the"):
        migrate(connection, [replace(step, checksum="00") for step in migrations()])
    connection.close()


def test_a_failed_migration_leaves_nothing_behind(tmp_path: Path) -> None:
    connection = connections.open_writer(tmp_path / "records.db")
    half = Migration(1, "0001_half.sql", "CREATE TABLE a (b INTEGER) STRICT; CREATE nonsense;", "1")
    with pytest.raises(Exception, match="nonsense"):
        migrate(connection, [half])
    assert connection.execute("SELECT count(*) FROM schema_version").fetchone() == (0,)
    tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'a'").fetchall()
    assert tables == []
    connection.close()


def test_migrations_are_numbered_without_holes() -> None:
    assert [step.number for step in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_closed_store_takes_no_calls(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.close()
    store.close()
    with pytest.raises(StoreClosed):
        store.run(StoreMethods.scopes)


# Erasing


def test_erased_bytes_and_salts_are_in_no_file_of_the_store(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Hard case 50: also after page splits, late arrival, and before the store is closed."""
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        logs = [MadeLog(party, rng) for _ in range(6)]
        ends = dict.fromkeys(range(6), 0)
        late = []
        for _ in range(80):
            number = rng.randrange(6)
            log = logs[number]
            log.data(rng.choice([1, 1, 4, 20]), rng.choice([20, 200, 900, 6_000]), 2)
            first = ends[number]
            absent = [(seq, 1) for seq in range(first, len(log.records)) if rng.random() < 0.2]
            take(store, log.run(first, absent=absent))
            late += [(log, seq) for seq, _ in absent if log.records[seq].parts]
            ends[number] = len(log.records)
        rng.shuffle(late)
        for log, seq in late[:100]:
            assert store.store_parts(SCOPE, [item_of(log, log.records[seq].id, 1)]) == 1
        every = [
            (log, record.id, part)
            for log in logs
            for record in log.records
            for part in record.parts
            if part is not None
        ]
        chosen = rng.sample(every, len(every) // 3)
        everything = b"".join(files_of(tmp_path).values())
        assert sum(part.salt in everything for _, _, part in chosen) > len(chosen) * 0.8
        for log in logs:
            masks: dict[bytes, int] = {}
            for owner, identifier, part in chosen:
                if owner is log:
                    masks[identifier] = masks.get(identifier, 0) | 1 << part.role
            named = sorted(masks)
            for at in range(0, len(named), 16):
                log.erase({identifier: masks[identifier] for identifier in named[at : at + 16]})  # type: ignore[misc]
        for number, log in enumerate(logs):
            take(store, log.run(ends[number]))
        store.scopes()  # whatever was queued is done
        everything = b"".join(files_of(tmp_path).values())
        left = [part for _, _, part in chosen if part.salt in everything or part.data in everything]
        assert left == []
        kept = [part for _, _, part in every if part not in [one for _, _, one in chosen]]
        assert sum(part.salt in everything for part in kept) > len(kept) * 0.5
    assert verify_store(tmp_path / "records.db").problems == []


def test_scrubbing_is_finished_by_the_next_start(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """A reader in the middle of something keeps the write-ahead log; a crash follows."""
    copy = tmp_path / "copy"
    copy.mkdir()
    log = MadeLog(party, rng)
    [record] = log.data(1, size=500)
    log.erase({record: 1})
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, log.run(0, 1))
        reader = connections.open_reader(tmp_path / "records.db")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM records").fetchone()
        take(store, log.run(2))
        store.scopes()
        for name in ("records.db", "records.db-wal", "restore-marker"):
            shutil.copy(tmp_path / name, copy / name)
        reader.execute("ROLLBACK")
        reader.close()
    salt = log.part(record).salt
    assert any(salt in content for content in files_of(copy).values())
    with opened(copy) as store:  # a copy serves nothing before it has met a peer
        assert require(store, record).parts[0].state is PartState.ERASED
        assert not any(salt in content for content in files_of(copy).values())


# Rot


def test_a_flipped_bit_in_a_part_is_served_to_nobody_and_mended(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Threat 60, hard case 12."""
    log = MadeLog(party, rng)
    ids = log.data(60, size=100)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, log.run())
    connection = connections.open_writer(tmp_path / "records.db")
    rotten = rng.sample(range(60), 40)
    for number in rotten:
        with connection.blobopen("records", "parts", number + 2) as blob:
            at = rng.randrange(3, len(blob))
            blob.seek(at)
            byte = blob.read(1)[0] ^ 1 << rng.randrange(8)
            blob.seek(at)
            blob.write(bytes([byte]))
    connection.close()
    with opened(tmp_path) as store:
        assert served_absent(store, log) == {(number + 1, 0) for number in rotten}
        wants = sorted(PartWant(ids[number], 1) for number in rotten)
        store.store_runs(SCOPE, [], SOURCE)  # what was queued before is done
        assert store.missing_parts(SCOPE, None, 99) == wants
        changed = store.records_after(Watermark(row=61), 100)
        assert {record.id for record in changed.altered} == {want.record for want in wants}
        assert store.store_parts(SCOPE, [item_of(log, want.record, 0) for want in wants]) == 40
        assert served_absent(store, log) == set()
    assert verify_store(tmp_path / "records.db").problems == []


def test_a_part_that_came_late_and_rots_is_mended_in_its_place(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    log = MadeLog(party, rng)
    [record] = log.data(1, size=300, parts=2)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, log.run(absent=[(1, 1)]))
        assert store.store_parts(SCOPE, [item_of(log, record, 1)]) == 1
        connection = sqlite3.connect(tmp_path / "records.db")
        connection.execute("UPDATE late_parts SET content = zeroblob(length(content))")
        connection.commit()
        connection.close()
        assert served_absent(store, log) == {(1, 1)}
        store.store_runs(SCOPE, [], SOURCE)
        assert store.missing_parts(SCOPE, None, 9) == [PartWant(record, 0b10)]
        assert store.read_parts(SCOPE, [PartWant(record, 0b11)], 2**20).items == (
            item_of(log, record, 0),
        )
        assert store.store_parts(SCOPE, [item_of(log, record, 1)]) == 1
        assert served_absent(store, log) == set()
        log.erase({record: 0b11})
        take(store, log.run(2))
        assert served_absent(store, log) == {(1, 0), (1, 1)}
        everything = b"".join(files_of(tmp_path).values())
        assert log.part(record, 1).salt not in everything
    assert verify_store(tmp_path / "records.db").problems == []


def test_a_fork_of_a_log_that_has_rotted_is_refused_without_proof(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    log = MadeLog(party, rng)
    log.data(3)
    branch = log.fork(2)
    branch.data(1)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, log.run())
        connection = sqlite3.connect(tmp_path / "records.db")
        connection.execute("UPDATE records SET body = zeroblob(length(body)) WHERE row = 4")
        connection.commit()
        connection.close()
        [outcome] = store.store_runs(SCOPE, [branch.run(3)], SOURCE)
        assert outcome.fault is Fault.FORK
        assert store.fork_proofs() == []


@pytest.mark.parametrize("column", ["id", "body"])
def test_a_flipped_bit_in_a_header_ends_what_is_served(
    tmp_path: Path, party: Party, rng: random.Random, column: str
) -> None:
    """Threat 60: what lies before is still served, nothing false ever is."""
    log = MadeLog(party, rng)
    log.data(50)
    for trial in range(20):
        folder = tmp_path / str(trial)
        folder.mkdir()
        with opened(folder) as store:
            store.store_events(party.org, party.values)
            for run in log.runs(step=10):
                take(store, run)
        seq = rng.randrange(51)
        connection = connections.open_writer(folder / "records.db")
        content = bytearray(
            connection.execute(f"SELECT {column} FROM records WHERE row = {seq + 1}").fetchone()[0]
        )
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        connection.execute(f"UPDATE records SET {column} = ? WHERE row = {seq + 1}", (content,))
        connection.close()
        assert verify_store(folder / "records.db").problems != []
        with opened(folder) as store:
            batch = store.read_runs(SCOPE, [RunWant(log.log, 0)], 2**21)
            served = len(records_in(batch))
            assert served <= seq
            assert records_in(batch) == log.run().run[3][:served]  # type: ignore[index]
            assert store.records_after(Watermark(), 99).damaged != ()
            assert store.status().damaged_logs == (log.log,)


def test_a_rotten_seal_is_not_served(tmp_path: Path, party: Party, rng: random.Random) -> None:
    """Spec 6.6.1: a signature that rotted since it was verified ends no run."""
    log = MadeLog(party, rng)
    log.data(600, size=5)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        for run in log.runs(step=250):
            take(store, run)
        connection = sqlite3.connect(tmp_path / "records.db")
        connection.execute("UPDATE seals SET signature = zeroblob(64) WHERE seq = 600")
        connection.commit()
        connection.close()
        batch = store.read_runs(SCOPE, [RunWant(log.log, 0)], 2**21)
        assert len(records_in(batch)) == 500


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE logs SET head_seq = head_seq - 1",
        "UPDATE logs SET head = zeroblob(32)",
        "UPDATE logs SET writer = zeroblob(32)",
        "UPDATE scopes SET root = zeroblob(32)",
        "UPDATE tree_nodes SET buckets = zeroblob(2048)",
        "UPDATE scope_orgs SET clock_max = 99",
        "DELETE FROM pieces WHERE first_row = 1",
        "DELETE FROM seals",
        "UPDATE seals SET signature = zeroblob(64)",
        "UPDATE records SET parts = zeroblob(length(parts)) WHERE row = 3",
        "UPDATE records SET body = zeroblob(30) WHERE row = 3",
        "DELETE FROM records WHERE row = (SELECT max(row) FROM records)",
        "DELETE FROM record_ids WHERE row = 2",
        "UPDATE orgs SET digest = zeroblob(32)",
        "UPDATE missing_parts SET mask = 2",
        "DELETE FROM erasures",
    ],
)
def test_the_check_of_a_whole_store_finds_any_change(
    tmp_path: Path, party: Party, rng: random.Random, damage: str
) -> None:
    log = MadeLog(party, rng)
    ids = log.data(12)
    log.erase({ids[8]: 1})
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, log.run(absent=[(4, 0)]))
        store.record(ids[0])
    path = tmp_path / "records.db"
    with opened(tmp_path) as store:
        take(store, MadeLog(party, rng).run())
    before = verify_store(path)
    assert (before.problems, before.records, before.missing_parts) == ([], 15, 1)
    connection = sqlite3.connect(path)
    connection.execute(damage)
    connection.commit()
    connection.close()
    assert verify_store(path).problems != []


# A full disk


def test_a_full_disk_refuses_writes_and_goes_on_serving(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Threat 59."""
    small, big = MadeLog(party, rng), MadeLog(party, rng)
    small.data(2)
    big.data(200, size=4_000)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, small.run())
        store.store._writer.submit(lambda replica: _set_pages(replica.connection, 60)).result()
        with pytest.raises(StoreFull):
            store.store_runs(SCOPE, [big.run()], SOURCE)
        assert served_absent(store, small) == set()
        assert store.heads(SCOPE, None, None, 9).logs[0].log == small.log
        store.store._writer.submit(lambda replica: _set_pages(replica.connection, 2**30)).result()
        take(store, big.run(), stored=201)
    assert verify_store(tmp_path / "records.db").problems == []


def _set_pages(connection: sqlite3.Connection, pages: int) -> None:
    connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()


# Backup


def test_a_backup_by_vacuum_into_is_a_whole_store(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Threat 61."""
    log = MadeLog(party, rng)
    log.data(30)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, log.run())
        reader = connections.open_reader(tmp_path / "records.db")
        reader.execute("PRAGMA query_only = OFF")
        reader.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
        reader.close()
    found_out = verify_store(tmp_path / "backup.db")
    assert (found_out.records, found_out.problems) == (31, [])


def test_a_record_of_three_hundred_bytes_takes_no_more_than_450_on_disk(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Goal 9 of performance.md, all indexes included."""
    logs = [MadeLog(party, rng) for _ in range(20)]
    for log in logs:
        parts = [PartData(0, rng.randbytes(16), rng.randbytes(261)) for _ in range(500)]
        log.write([Draft(2**40, type="need/1", parts=(part,)) for part in parts])
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        for first in (0, 256):
            for log in logs:
                take(store, log.run(first, min(first + 255, 500)))
        store.store._writer.submit(lambda replica: replica.ledger.ids.fill()).result()
    assert verify_store(tmp_path / "records.db").records == 10_020
    assert (tmp_path / "records.db").stat().st_size / 10_020 <= 450


def test_a_hint_is_found_again_until_it_is_dropped(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        assert store.hint("cursor/a") is None
        store.set_hint("cursor/a", b"1")
        store.set_hint("cursor/a", b"2")
        assert store.hint("cursor/a") == b"2"
        store.set_hint("cursor/a", None)
        assert store.hint("cursor/a") is None
