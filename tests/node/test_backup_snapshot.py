"""Copies of databases in use: whole, of one moment; that of the store is one that was put back."""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from hutong_node.marker import Mismatch
from hutong_node.store.errors import StoreError
from hutong_node.store.sqlite.snapshot import Numbers, copy_databases, make_put_back, numbers_of
from hutong_node.store.sqlite.verify import verify_store
from node.publishing_steps import publish, serve
from node.sqlite_stores import opened
from simulation.parties import found


def numbered(path: Path, weight: int = 0) -> sqlite3.Connection:
    """A database in the mode of ours, with one number in it and some weight."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("CREATE TABLE numbers (number INTEGER)")
    connection.execute("CREATE TABLE weight (content BLOB)")
    connection.execute("INSERT INTO numbers VALUES (0)")
    connection.execute("INSERT INTO weight VALUES (?)", (bytes(weight),))
    return connection


def number_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT number FROM numbers").fetchone()[0])


@pytest.mark.parametrize(("weight", "attempts"), [(20_000_000, 4), (0, 250)])
def test_databases_that_are_written_meanwhile_are_copied_as_of_one_moment(
    tmp_path: Path, weight: int, attempts: int
) -> None:
    """Threat 61. One is always written before the other: no copy shows them otherwise."""
    files = [tmp_path / name for name in ("one", "two", "three")]
    connections = [numbered(file, weight) for file in files]
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not stop.is_set():
            written += 1
            for connection in connections:
                connection.execute("UPDATE numbers SET number = ?", (written,))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        before = 0
        for attempt in range(attempts):
            into = tmp_path / f"copy-{attempt}"
            into.mkdir()
            reported: list[tuple[int, int]] = []
            before = written
            copy_databases(
                [(file, into / file.name) for file in files],
                lambda done, total, to=reported: to.append((done, total)),  # type: ignore[misc]
            )
            one, two, three = (number_in(into / file.name) for file in files)
            assert one >= two >= three >= one - 1
            assert one >= before - 1
            assert len(reported) > 3 or not weight
            assert reported[-1] == (reported[0][1], reported[0][1])
            assert sorted(path.name for path in into.iterdir()) == ["one", "three", "two"]
            assert {path.stat().st_mode & 0o777 for path in into.iterdir()} == {0o600}
        assert written > before
    finally:
        stop.set()
        writer.join()
        for connection in connections:
            connection.close()


def test_plain_copy_of_a_database_in_use_lacks_what_the_log_beside_it_has(tmp_path: Path) -> None:
    """Why none is made. Threat 61."""
    connection = sqlite3.connect(tmp_path / "one", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE numbers (number INTEGER)")
    connection.execute("INSERT INTO numbers VALUES (7)")
    shutil.copy(tmp_path / "one", tmp_path / "plain")
    copy_databases([(tmp_path / "one", tmp_path / "copy")])
    with closing(sqlite3.connect(tmp_path / "plain")) as plain:
        assert plain.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
    assert number_in(tmp_path / "copy") == 7
    connection.close()


def test_copy_over_an_existing_file_is_refused(tmp_path: Path) -> None:
    numbered(tmp_path / "one").close()
    (tmp_path / "copy").touch()
    with pytest.raises(FileExistsError):
        copy_databases([(tmp_path / "one", tmp_path / "copy")])
    with pytest.raises(StoreError):
        copy_databases([(tmp_path / "none", tmp_path / "other")])


@pytest.mark.parametrize("marker", ["its own", "none"])
def test_copy_of_a_store_is_known_as_put_back_whatever_marker_it_finds(
    tmp_path: Path, marker: str
) -> None:
    """Threats 25 and 26, hard case 33: even beside the very marker of the store it was copied from.

    The file, too, is put where the original was, so that not even its number is another.
    """
    party = found(random.Random(1))
    with opened(tmp_path, party) as store:
        first = publish(store)
        serve(store, first)
    database = tmp_path / "records.db"
    copy_databases([(database, tmp_path / "copy.db")])
    make_put_back(tmp_path / "copy.db")
    assert numbers_of(tmp_path / "copy.db") == Numbers(1, len(first.records) + 1, 1)
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]
    with database.open("r+b") as file:
        file.truncate()
        file.write((tmp_path / "copy.db").read_bytes())
    if marker == "none":
        (tmp_path / "restore-marker").unlink()
    with opened(tmp_path, party) as store:
        assert store.store.mismatch is not None
        assert store.store.restored is not None
        second = publish(store)
        assert second.log != first.log
    assert verify_store(database).problems == []


def test_copy_of_a_store_without_records_is_known_as_put_back_all_the_same(tmp_path: Path) -> None:
    """Without records no log can be continued; what was erased since may have been lost, though."""
    party = found(random.Random(1))
    with opened(tmp_path, party):
        pass
    copy_databases([(tmp_path / "records.db", tmp_path / "copy.db")])
    make_put_back(tmp_path / "copy.db")
    (tmp_path / "copy.db").replace(tmp_path / "records.db")
    (tmp_path / "restore-marker").unlink()
    with opened(tmp_path, party) as store:
        assert store.store.restored is Mismatch.PUT_BACK
