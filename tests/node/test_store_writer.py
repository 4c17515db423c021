"""One writer: operations in order, in groups, each for itself, told only after the commit."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from hutong_node.store.errors import StoreClosed, StoreError
from hutong_node.store.sqlite.connection import open_reader, open_writer
from hutong_node.store.sqlite.writer import GROUP_OPERATIONS_MAX, WriterThread


class Counting:
    """A table of numbers, and what the writer does around them."""

    def __init__(self, path: Path) -> None:
        self.connection = open_writer(path)
        self.connection.execute("CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY)")
        self.commits = 0
        self.forgotten = 0
        self.tidied = threading.Event()

    def forget(self) -> None:
        self.forgotten += 1

    def after_commit(self) -> None:
        self.commits += 1

    def tidy(self) -> bool:
        self.tidied.set()
        return False

    def add(self, number: int) -> int:
        self.connection.execute("INSERT INTO numbers VALUES (?)", (number,))
        return number


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "numbers.db"


@pytest.fixture
def writer(path: Path) -> Iterator[WriterThread[Counting]]:
    writer = WriterThread(lambda: Counting(path))
    yield writer
    writer.close()


def numbers_in(path: Path) -> list[int]:
    reader = open_reader(path)
    found = [number for (number,) in reader.execute("SELECT n FROM numbers ORDER BY rowid")]
    reader.close()
    return found


def hold(writer: WriterThread[Counting]) -> threading.Event:
    """Keeps the writer busy until the event is set."""
    release, holding = threading.Event(), threading.Event()

    def wait(subject: Counting) -> None:
        holding.set()
        release.wait(5)

    writer.submit(wait)
    holding.wait(5)
    return release


def test_what_was_acknowledged_is_there(writer: WriterThread[Counting], path: Path) -> None:
    assert writer.submit(lambda subject: subject.add(1)).result() == 1
    assert numbers_in(path) == [1]


def test_what_is_queued_is_committed_in_one_group(
    writer: WriterThread[Counting], path: Path
) -> None:
    before = writer.submit(lambda subject: subject.commits).result()
    release = hold(writer)
    futures = [writer.submit(lambda subject, n=n: subject.add(n)) for n in range(50)]  # type: ignore[misc]
    assert not any(future.done() for future in futures)
    assert numbers_in(path) == []
    release.set()
    assert [future.result() for future in futures] == list(range(50))
    assert numbers_in(path) == list(range(50))
    after = writer.submit(lambda subject: subject.commits).result()
    assert after - before <= 4


def test_a_group_has_an_end(writer: WriterThread[Counting]) -> None:
    release = hold(writer)
    count = GROUP_OPERATIONS_MAX * 3
    futures = [writer.submit(lambda subject, n=n: subject.add(n)) for n in range(count)]  # type: ignore[misc]
    release.set()
    assert futures[-1].result() == count - 1
    assert writer.submit(lambda subject: subject.commits).result() >= 3


def test_a_failing_operation_takes_nothing_of_its_neighbours_with_it(
    writer: WriterThread[Counting], path: Path
) -> None:
    release = hold(writer)

    def half(subject: Counting) -> int:
        subject.add(10)
        return subject.add(1)

    futures = [
        writer.submit(lambda subject: subject.add(1)),
        writer.submit(half),
        writer.submit(lambda subject: subject.add(2)),
    ]
    release.set()
    assert futures[0].result() == 1
    with pytest.raises(StoreError, match="UNIQUE"):
        futures[1].result()
    assert futures[2].result() == 2
    assert numbers_in(path) == [1, 2]
    assert writer.submit(lambda subject: subject.forgotten).result() == 1


def test_an_operation_may_raise_anything(writer: WriterThread[Counting]) -> None:
    def wrong(subject: Counting) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        writer.submit(wrong).result()
    assert writer.submit(lambda subject: subject.add(3)).result() == 3


def test_a_cancelled_operation_is_left_out(writer: WriterThread[Counting], path: Path) -> None:
    release = hold(writer)
    unwanted = writer.submit(lambda subject: subject.add(1))
    assert unwanted.cancel()
    wanted = writer.submit(lambda subject: subject.add(2))
    release.set()
    wanted.result()
    assert numbers_in(path) == [2]


def test_a_failed_commit_fails_the_whole_group(writer: WriterThread[Counting], path: Path) -> None:
    release = hold(writer)

    def break_promise(subject: Counting) -> None:
        subject.connection.execute(
            "CREATE TABLE child (n REFERENCES numbers DEFERRABLE INITIALLY DEFERRED)"
        )
        subject.connection.execute("INSERT INTO child VALUES (77)")

    futures: list[Future[object]] = [
        writer.submit(lambda subject: subject.add(1)),
        writer.submit(break_promise),
    ]
    release.set()
    for future in futures:
        with pytest.raises(StoreError, match="committing: FOREIGN KEY"):
            future.result()
    assert numbers_in(path) == []
    assert writer.submit(lambda subject: subject.add(1)).result() == 1


def test_housekeeping_is_done_when_nothing_is_queued(writer: WriterThread[Counting]) -> None:
    subject = writer.submit(lambda subject: subject).result()
    assert subject.tidied.wait(5)


def test_failing_housekeeping_does_not_end_the_writer(
    writer: WriterThread[Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = writer.submit(lambda subject: subject).result()

    def fail(self: Counting) -> bool:
        self.connection.execute("BEGIN")
        self.tidied.set()
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Counting, "tidy", fail)
    subject.tidied.clear()
    assert writer.submit(lambda subject: subject.add(1)).result() == 1
    assert subject.tidied.wait(5)
    assert writer.submit(lambda subject: subject.add(2)).result() == 2


def test_a_writer_that_cannot_begin_says_so(writer: WriterThread[Counting], path: Path) -> None:
    writer.submit(lambda subject: subject.connection.execute("PRAGMA busy_timeout = 0")).result()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="beginning a transaction: database is locked"):
        writer.submit(lambda subject: subject.add(1)).result()
    other.execute("ROLLBACK")
    other.close()
    assert writer.submit(lambda subject: subject.add(1)).result() == 1


def test_closing_finishes_what_was_queued_and_refuses_more(path: Path) -> None:
    writer = WriterThread(lambda: Counting(path))
    release = hold(writer)
    last = writer.submit(lambda subject: subject.add(9))
    release.set()
    writer.close()
    writer.close()
    assert last.result() == 9
    with pytest.raises(StoreClosed):
        writer.submit(lambda subject: subject.add(10))


def test_a_subject_that_cannot_be_made_is_told_to_the_opener() -> None:
    def broken() -> Counting:
        raise sqlite3.DatabaseError("no such disk")

    with pytest.raises(sqlite3.DatabaseError, match="no such disk"):
        WriterThread(broken)
