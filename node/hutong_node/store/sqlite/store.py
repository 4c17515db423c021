"""An open SQLite store: the writer thread, the readers, and the start that makes them trustworthy.

Owns opening and closing. Opening takes the lock, sets up the connections, brings the schema up to
date, and compares the store with its restore marker before anything may be written or served: after
a mismatch all own logs are retired and the store has a new generation (threats 24 to 26). Then
`call` and `run` send each method to where it belongs: writing methods to the one writer thread,
reading methods to a few threads with connections that can't write.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from hutong_node.clock import Clock, SystemClock
from hutong_node.marker import Mismatch, Place, machine_id
from hutong_node.publishing import Forbids, OwnWriter
from hutong_node.replica import Replica
from hutong_node.store.ballast import drop_ballast, take_ballast
from hutong_node.store.errors import StoreClosed, StoreError, StoreFull
from hutong_node.store.interface import Policy, StoreMethods
from hutong_node.store.sqlite.connection import (
    StoreLock,
    open_reader,
    open_writer,
    sqlite_errors,
)
from hutong_node.store.sqlite.ledger import Ledger
from hutong_node.store.sqlite.opening import Prepared, prepare
from hutong_node.store.sqlite.reading import Reading
from hutong_node.store.sqlite.shared import Shared
from hutong_node.store.sqlite.writer import WriterThread
from hutong_protocol.exchange import Head, Scope
from hutong_protocol.ids import LogId

P = ParamSpec("P")
T = TypeVar("T")

READERS: Final = 2


class SqliteStore:
    """A store in one SQLite file. `mismatch` is why own logs were retired when it was opened.

    `restored` is such a reason, of this opening or an earlier one, after which the store has not
    caught up yet: until `caught_up` it hands no record to anybody. Spec: 5.1.6.
    """

    def __init__(
        self,
        path: Path,
        marker_path: Path,
        *,
        own: OwnWriter | None = None,
        policy: Policy | None = None,
        clock: Clock | None = None,
        machine: bytes | None = None,
        forbids: Forbids = lambda: None,
    ) -> None:
        """Opens the store at `path`, or makes it. Without `policy` nothing of others is taken.

        Args:
            marker_path: of the restore marker, outside the folder that copies of the store go to.
            own: what local statements are signed with; without it nothing can be published.
            machine: 32 bytes that stand for this machine, by default `machine_id()`.
            forbids: why nothing may be signed at a moment; asked on the writer's thread.

        Raises:
            StoreRefused: another process has it, it is newer, damaged, or on an unfit file system.
            StoreFull: the disk is full.
        """
        self._path = path
        self._lock = StoreLock(path)
        try:
            prepared = _prepare(path, marker_path, machine or machine_id(), own)
            self.mismatch: Mismatch | None = prepared.mismatch
            self.restored: Mismatch | None = prepared.restored
            self._marker = prepared.marker
            self._shared = Shared(
                epoch=prepared.generation,
                own_org=None if own is None else own.org,
                policy=policy or Policy(),
                refusals={},
                mark_left=self._mark_left,
                found_rot=self._found_rot,
                damaged=set(),
                withholds=prepared.restored is not None,
            )
            self._writer = WriterThread(
                partial(self._make_replica, own, clock or SystemClock(), forbids)
            )
        except BaseException:
            self._lock.release()
            raise
        self._local = threading.local()
        self._readers = ThreadPoolExecutor(READERS, "hutong-read")
        self._reader_connections: list[sqlite3.Connection] = []
        self._closed = False

    async def call(
        self,
        method: Callable[Concatenate[StoreMethods, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """As `NodeStore.call`."""
        return await asyncio.wrap_future(self._submit(method, *args, **kwargs))

    def run(
        self,
        method: Callable[Concatenate[StoreMethods, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """As `NodeStore.run`."""
        return self._submit(method, *args, **kwargs).result()

    async def caught_up(self) -> None:
        """Takes note, on disk, that erasures and identity events were had from a peer."""
        await asyncio.wrap_future(self._writer.submit(lambda replica: replica.caught_up()))
        self.restored = None
        self._shared.withholds = False

    def mark_left(self, scope: Scope, heads: Iterable[tuple[LogId, Head]]) -> None:
        """Remembers on disk that records of own logs are about to leave otherwise than by a call.

        `read_runs` does so by itself; this is for what goes out by another way. Other logs are
        ignored. Takes a sync of a small file, once a batch.

        Raises:
            StoreError: it could not be remembered; nothing of it may leave.
        """
        own = {known.log for known in self.run(StoreMethods.own_logs)}
        self._mark_left((log, Place(*head, scope)) for log, head in heads if log in own)

    def close(self) -> None:
        """As `NodeStore.close`."""
        if self._closed:
            return
        self._closed = True
        self._readers.shutdown()
        for connection in self._reader_connections:
            connection.close()
        # The last connection to be closed empties the write-ahead log into the file.
        self._writer.close()
        self._marker.close()
        self._lock.release()

    def _submit(
        self, method: Callable[Concatenate[StoreMethods, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        if self._closed:
            raise StoreClosed("the store is closed")
        name = method.__name__
        work = partial(_perform, name, args, kwargs)
        if hasattr(Replica, name):
            if name == "set_policy":
                self._shared.policy = args[0]  # type: ignore[assignment]
            return self._writer.submit(work)
        return self._readers.submit(self._read, work)

    def _read(self, work: Callable[[Reading], T]) -> T:
        with sqlite_errors("reading"):
            reading = getattr(self._local, "reading", None)
            if reading is None:
                connection = open_reader(self._path)
                self._reader_connections.append(connection)
                reading = self._local.reading = Reading(connection, self._shared, self._path)
            connection = reading.connection
            connection.execute("BEGIN")
            try:
                return work(reading)
            finally:
                connection.execute("ROLLBACK")

    def _make_replica(self, own: OwnWriter | None, clock: Clock, forbids: Forbids) -> Replica:
        ledger = Ledger(open_writer(self._path))
        ledger.resume_scrub()
        return Replica(
            ledger,
            own=own,
            clock=clock,
            policy=self._shared.policy,
            refusals=self._shared.refusals,
            forbids=forbids,
        )

    def _mark_left(self, places: Iterable[tuple[bytes, Place]]) -> None:
        try:
            self._marker.mark_left(places)
        except OSError as failed:
            raise StoreError(f"the restore marker can't be written: {failed}") from failed

    def _found_rot(self, places: Sequence[tuple[int, int]]) -> None:
        # Nobody waits for it; what fails is found again by the next reader.
        self._writer.submit(lambda replica: replica.mark_rotten(places))


def _prepare(path: Path, marker_path: Path, machine: bytes, own: OwnWriter | None) -> Prepared:
    """As `prepare`, giving up the ballast if the disk is too full for it."""
    ballast = path.with_name(path.name + ".ballast")
    try:
        prepared = prepare(path, marker_path, machine, own)
    except StoreFull:
        if not drop_ballast(ballast):
            raise
        prepared = prepare(path, marker_path, machine, own)
    take_ballast(ballast)
    return prepared


def _perform(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], target: object) -> Any:
    return getattr(target, name)(*args, **kwargs)
