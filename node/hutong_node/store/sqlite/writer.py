"""One thread that writes, and what is queued for it committed in groups.

Operations run one after the other, each inside a savepoint, so that a failing one takes nothing of
its neighbours with it. What is queued when one has run joins its transaction; nothing waits for
company. Nobody learns a result before the COMMIT has returned, so what was acknowledged is on disk
(threat 56). When nothing is queued the thread does the store's housekeeping.

The thread opens its connection itself and alone uses it. It knows nothing about records.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from hutong_node.store.errors import StoreClosed, StoreError, StoreFull
from hutong_node.store.sqlite.connection import sqlite_errors

GROUP_S: Final = 0.05
"""A group takes no further operation after this time: the first of it is waiting."""
GROUP_OPERATIONS_MAX: Final = 256
IDLE_S: Final = 0.2
"""Quiet time after which housekeeping begins."""

T = TypeVar("T")


class Subject(Protocol):
    """What operations are done to: it owns the connection and what is remembered of its content."""

    connection: sqlite3.Connection

    def forget(self) -> None:
        """Drops everything remembered, after a rollback."""
        ...

    def after_commit(self) -> None:
        """Is called after each commit, before its results are told."""
        ...

    def tidy(self) -> bool:
        """Does a bounded piece of housekeeping outside a transaction; True if there is more."""
        ...


SubjectT = TypeVar("SubjectT", bound=Subject)


@dataclass(slots=True)
class _Operation(Generic[SubjectT]):
    work: Callable[[SubjectT], Any]
    future: Future[Any]


class WriterThread(Generic[SubjectT]):
    """Runs operations on one subject, in the order in which they were submitted."""

    def __init__(self, make_subject: Callable[[], SubjectT]) -> None:
        """Starts the thread, which makes the subject; its failure to do so is raised here."""
        self._queue: queue.SimpleQueue[_Operation[SubjectT] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open = True
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(make_subject, started), name="hutong-store", daemon=True
        )
        self._thread.start()
        started.result()

    def submit(self, work: Callable[[SubjectT], T]) -> Future[T]:
        """Queues `work`; the future is done once its transaction is committed, or it failed.

        Raises:
            StoreClosed: `close` was called.
        """
        future: Future[T] = Future()
        with self._lock:
            if not self._open:
                raise StoreClosed("the store is closed")
            self._queue.put(_Operation(work, future))
        return future

    def close(self) -> None:
        """Finishes what is queued and ends the thread."""
        with self._lock:
            if self._open:
                self._open = False
                self._queue.put(None)
        self._thread.join()

    def _run(self, make_subject: Callable[[], SubjectT], started: Future[None]) -> None:
        try:
            subject = make_subject()
        except BaseException as failed:  # noqa: BLE001 - raised again by whoever started the thread
            started.set_exception(failed)
            return
        started.set_result(None)
        del started
        busy = True
        try:
            while True:
                try:
                    operation = self._queue.get(timeout=IDLE_S if busy else None)
                except queue.Empty:
                    busy = self._tidied(subject.tidy, subject) or False
                    continue
                if operation is None or not self._commit_group(subject, operation):
                    return
                busy = True
        finally:
            with self._lock:
                self._open = False
            self._fail_queued()
            subject.connection.close()

    def _commit_group(self, subject: SubjectT, first: _Operation[SubjectT]) -> bool:
        """Runs and commits one group; False when the thread is to end after it."""
        results: list[tuple[Future[Any], Any]] = []
        go_on = True
        operation: _Operation[SubjectT] | None = first
        end = time.monotonic() + GROUP_S
        try:
            with sqlite_errors("beginning a transaction"):
                subject.connection.execute("BEGIN IMMEDIATE")
        except StoreError as failed:
            first.future.set_exception(failed)
            return True
        while operation is not None:
            self._run_one(subject, operation, results)
            if not subject.connection.in_transaction:
                break  # the disk is full: SQLite has rolled back the whole group
            if len(results) >= GROUP_OPERATIONS_MAX or time.monotonic() >= end:
                break
            try:
                operation = self._queue.get_nowait()
            except queue.Empty:
                break
            go_on = operation is not None
        try:
            if not subject.connection.in_transaction:
                raise StoreFull("the disk is full: a group of operations was rolled back")
            with sqlite_errors("committing"):
                subject.connection.execute("COMMIT")
        except StoreError as failed:
            self._roll_back(subject)
            for future, _ in results:
                future.set_exception(failed)
            return go_on
        self._tidied(subject.after_commit, subject)
        for future, result in results:
            future.set_result(result)
        return go_on

    def _run_one(
        self,
        subject: SubjectT,
        operation: _Operation[SubjectT],
        results: list[tuple[Future[Any], Any]],
    ) -> None:
        if not operation.future.set_running_or_notify_cancel():
            return
        execute = subject.connection.execute
        try:
            with sqlite_errors("writing"):
                execute("SAVEPOINT operation")
                result = operation.work(subject)
                execute("RELEASE operation")
        except Exception as failed:  # noqa: BLE001 - the outermost loop of this thread
            subject.forget()
            if subject.connection.in_transaction:
                execute("ROLLBACK TO operation")
                execute("RELEASE operation")
            operation.future.set_exception(failed)
        else:
            results.append((operation.future, result))

    @staticmethod
    def _roll_back(subject: SubjectT) -> None:
        subject.forget()
        if subject.connection.in_transaction:
            with sqlite_errors("rolling back"):
                subject.connection.execute("ROLLBACK")

    @staticmethod
    def _tidied(step: Callable[[], T], subject: SubjectT) -> T | None:
        try:
            with sqlite_errors("keeping house"):
                return step()
        except StoreError:
            # It is tried again after the next operation; a full disk is no reason to end.
            subject.forget()
            if subject.connection.in_transaction:
                subject.connection.execute("ROLLBACK")
            return None

    def _fail_queued(self) -> None:
        while True:
            try:
                operation = self._queue.get_nowait()
            except queue.Empty:
                return
            if operation is not None:
                operation.future.set_exception(StoreClosed("the store was closed"))
