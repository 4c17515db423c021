"""The index of the fold: what the records held come to, thing by thing, kept up to date.

Owns `index.db`, which is derived: deleting it costs time and nothing else. It follows the store
behind a watermark that is written in the transaction of the bases it covers, so that a crash at any
moment leaves an index that is merely behind. A record touches exactly one thing, named by its
header; only that thing is reduced again (spec 12.9).

Rules of meaning are the core's `fold`; here is only bookkeeping. The index equals the fold of all
records held, whatever the history: a test holds it to that.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from hutong_node.clock import Clock, SystemClock
from hutong_node.listing import Listing
from hutong_node.observe import logger
from hutong_node.roster import Naming
from hutong_node.store.errors import StoreError
from hutong_node.store.interface import (
    NodeStore,
    PartState,
    StoredRecord,
    StoreMethods,
    Watermark,
)
from hutong_protocol import fold
from hutong_protocol.encoding import Value
from hutong_protocol.exchange import Scope
from hutong_protocol.fold import FoldRecord, FoldState, ThingBasis, ThingKey, ThingView
from hutong_protocol.ids import OrgId, RecordId
from hutong_protocol.record_ext import names_unknown_critical_key
from hutong_protocol.records import Kind
from hutong_protocol.schema import decode_part

BATCH_RECORDS: Final = 1_000
_FORM: Final = 3
"""Form of this file; another one is made anew. So is one of another fold version or store."""
_SCHEMAS: Final = ("indexing.sql", "listing.sql")
_FACTS_ROLE: Final = 0
_TEXT_ROLE: Final = 1


@dataclass(slots=True)
class Cost:
    """What following has cost since the start: bases written, records read to make them."""

    bases_written: int = 0
    records_read: int = 0


@dataclass(frozen=True, slots=True)
class ThingFilter:
    """Which things are wanted; None means any. `life` is active, expired or closed."""

    space: str | None = None
    topic: str | None = None
    type: str | None = None
    life: str | None = None


class FoldIndex:
    """The bases of all things, in a file of their own."""

    def __init__(self, path: Path, generation: bytes, clock: Clock | None = None) -> None:
        """Opens the index of the store with this generation, or begins it anew.

        Args:
            clock: says which things are listed as expired.
        """
        self.path = path
        self.cost = Cost()
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._following = asyncio.Lock()
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        # Losing the last moments of a derived file in a power cut costs time only.
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA secure_delete=ON")
        self._listing = Listing(self._connection)
        self._belongs = f"{_FORM}/{fold.FOLD_VERSION}/{generation.hex()}"
        if not self._is_current():
            self.clear()

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def clear(self) -> None:
        """Forgets everything, to be made again from the store."""
        with self._lock, self._transaction():
            # A file of another form may have other columns, so the tables go, too.
            for (table,) in self._connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            ).fetchall():
                self._connection.execute(f'DROP TABLE "{table}"')
            for name in _SCHEMAS:
                for statement in _statements(name):
                    self._connection.execute(statement)
            self._set_property("belongs", self._belongs)
        self._listing.forget_numbers()

    @property
    def watermark(self) -> Watermark:
        """How far the store has been followed."""
        row, change = self._property("row"), self._property("part_change")
        return Watermark(int(row or 0), int(change or 0))

    async def follow(self, store: NodeStore) -> int:
        """Takes in everything that the store has and the index lacks; returns how many records.

        One follower at a time: of two, the slower would write what it read earlier over the work of
        the other, and the index would stay behind until the next change.
        """
        async with self._following:
            return await self._follow(store)

    async def _follow(self, store: NodeStore) -> int:
        taken = 0
        while True:
            before = self.watermark
            changes = await store.call(StoreMethods.records_after, before, BATCH_RECORDS)
            if changes.watermark == before:
                return taken
            touched = [*changes.new, *changes.altered]
            keys = sorted({fold.thing_of(record) for record in _fold_records(touched)})
            members = await asyncio.to_thread(self._members_with, keys, touched)
            found = await store.call(StoreMethods.records, sorted(set().union(*members.values())))
            await asyncio.to_thread(self._write, members, found, changes.watermark)
            taken += len(touched)
            if not changes.more:
                return taken

    async def keep_following(
        self,
        store: NodeStore,
        changed: asyncio.Event,
        followed: Callable[[], Awaitable[None]],
    ) -> None:
        """Follows the store whenever `changed` is set, until cancelled; `followed` is told then."""
        while True:
            await changed.wait()
            changed.clear()
            try:
                await self.follow(store)
                await followed()
            except (StoreError, sqlite3.Error) as broken:
                logger().error("index-stopped", error=type(broken).__name__)
                await asyncio.sleep(1)
                changed.set()

    def turn_lists(self, as_of_ms: int) -> None:
        """Brings the lists to an instant: what expires by then is listed as expired.

        A moment's work, left for later while the index is being written to.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._listing.is_time(as_of_ms):
                with self._transaction():
                    self._listing.turn(as_of_ms)
        finally:
            self._lock.release()

    # Reading

    def view(self, thing: bytes, as_of_ms: int) -> ThingView | None:
        """A thing at an instant, in whichever scope held here; None if it isn't held."""
        rows = self._rows("SELECT basis FROM things WHERE id = ? AND type IS NOT NULL", thing)
        for (data,) in rows:
            basis = fold.decode_basis(data)
            if basis is not None:
                return fold.view(basis, as_of_ms)
        return None

    def namings_after(self, number: int) -> tuple[int, list[Naming]]:
        """Whom stewards named, as found after the naming of this number, and the last number.

        Numbers begin anew with the index, from 1. Spec: 12.22.
        """
        rows = self._rows(
            "SELECT number, space, topic, org, author FROM namings WHERE number > ?"
            " ORDER BY number",
            number,
        )
        found = [
            Naming(Scope(space, topic), OrgId(org), OrgId(author))
            for _, space, topic, org, author in rows
        ]
        return (rows[-1][0] if rows else number), found

    def members(self, thing: bytes) -> list[RecordId]:
        """The ids of all records of a thing, sorted."""
        rows = self._rows(
            "SELECT record FROM members JOIN things USING (thing) WHERE id = ? ORDER BY record",
            thing,
        )
        return [RecordId(record) for (record,) in rows]

    def views(
        self, wanted: ThingFilter, as_of_ms: int, *, after: bytes = b"", views_max: int
    ) -> list[ThingView]:
        """At most `views_max` things with ids above `after` that pass, in the order of ids."""
        clauses = ["id > ?", "type IS NOT NULL"]
        values: list[str | int | bytes] = [after]
        for column in ("space", "topic", "type"):
            value = getattr(wanted, column)
            if value is not None:
                clauses.append(f"{column} = ?")
                values.append(value)
        if wanted.life is not None:
            over = "(valid_until_ms IS NOT NULL AND valid_until_ms <= ?)"
            clause = {
                "active": f"NOT closed AND NOT {over}",
                "expired": f"NOT closed AND {over}",
                "closed": "closed",
            }.get(wanted.life)
            if clause is None:
                return []
            clauses.append(clause)
            if wanted.life != "closed":
                values.append(as_of_ms)
        sql = f"SELECT basis FROM things WHERE {' AND '.join(clauses)} ORDER BY id LIMIT ?"
        found = []
        for (data,) in self._rows(sql, *values, views_max):
            basis = fold.decode_basis(data)
            seen = fold.view(basis, as_of_ms) if basis is not None else None
            if seen is not None:
                found.append(seen)
        return found

    def state(self, as_of_ms: int) -> FoldState:
        """Everything at an instant: scopes with their digests, coverage, all things."""
        bases = (fold.decode_basis(data) for (data,) in self._rows("SELECT basis FROM things"))
        return fold.state_of((basis for basis in bases if basis is not None), as_of_ms)

    def count(self) -> int:
        """The number of things whose first record is held."""
        return int(self._rows("SELECT count(*) FROM things WHERE type IS NOT NULL")[0][0])

    # Writing

    def _members_with(
        self, keys: Sequence[ThingKey], touched: Sequence[StoredRecord]
    ) -> dict[ThingKey, set[RecordId]]:
        """The records of the things touched: those known before, and the new ones."""
        members: dict[ThingKey, set[RecordId]] = defaultdict(set)
        for key in keys:
            rows = self._rows(
                "SELECT record FROM members JOIN things USING (thing)"
                " WHERE space = ? AND topic = ? AND id = ?",
                *key,
            )
            members[key].update(RecordId(record) for (record,) in rows)
        for record in _fold_records(touched):
            members[fold.thing_of(record)].add(RecordId(record.id))
        return members

    def _write(
        self,
        members: dict[ThingKey, set[RecordId]],
        found: dict[RecordId, StoredRecord],
        watermark: Watermark,
    ) -> None:
        now_ms = self._clock.now_ms()
        with self._lock, self._transaction():
            for key, ids in sorted(members.items()):
                stored = [found[record] for record in ids if record in found]
                records = list(_fold_records(stored))
                if records:
                    self._write_thing(key, fold.reduce_thing(records), stored, now_ms)
                    self.cost.bases_written += 1
                    self.cost.records_read += len(records)
            self._set_property("row", watermark.row)
            self._set_property("part_change", watermark.part_change)

    def _write_thing(
        self, key: ThingKey, basis: ThingBasis, stored: Sequence[StoredRecord], now_ms: int
    ) -> None:
        thing = basis.thing
        (number,) = self._connection.execute(
            "INSERT INTO things (space, topic, id, type, closed, valid_until_ms, basis)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (space, topic, id) DO UPDATE SET"
            " type = excluded.type, closed = excluded.closed,"
            " valid_until_ms = excluded.valid_until_ms, basis = excluded.basis RETURNING thing",
            (
                *key,
                thing.type if thing else None,
                int(thing.closed) if thing else 0,
                thing.valid_until_ms if thing else None,
                fold.encode_basis(basis),
            ),
        ).fetchone()
        self._connection.executemany(
            "INSERT OR IGNORE INTO members VALUES (?, ?, ?)",
            [(number, record.id, record.row) for record in stored],
        )
        in_force = next((each for each in stored if thing and each.id == thing.revision), None)
        self._listing.put(
            number,
            basis,
            {} if in_force is None else _body(in_force),
            {record.id: record.row for record in stored},
            said_ms=max(record.ts for record in stored),
            as_of_ms=now_ms,
        )
        if thing is not None and thing.named:
            self._connection.executemany(
                "INSERT OR IGNORE INTO namings (space, topic, org, author) VALUES (?, ?, ?, ?)",
                [(key.space, key.topic, org, thing.author) for org in thing.named],
            )

    def _is_current(self) -> bool:
        """Whether the file was made by this form, from this store."""
        found = self._rows("SELECT 1 FROM sqlite_schema WHERE name = 'properties'")
        return bool(found) and self._property("belongs") == self._belongs

    def _property(self, name: str) -> str | int | None:
        rows = self._rows("SELECT value FROM properties WHERE name = ?", name)
        return rows[0][0] if rows else None

    def _set_property(self, name: str, value: str | int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO properties VALUES (?, ?)", (name, value))

    def _rows(self, sql: str, *values: str | int | bytes) -> list[tuple[Any, ...]]:
        with self._lock:
            return list(self._connection.execute(sql, values))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._listing.forget_numbers()
            raise
        self._connection.execute("COMMIT")


class IndexFailed(Exception):
    """The file of the index can't be read just now."""


class IndexReader:
    """A connection of its own to an index that exists, for reading states of it.

    May be used from any thread, by one at a time; it doesn't wait for the index to be written.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA query_only=ON")

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One state of the file, whatever is written meanwhile.

        Raises:
            IndexFailed: it can't be read.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN")
                try:
                    yield self._connection
                finally:
                    self._connection.execute("ROLLBACK")
            except sqlite3.Error as broken:
                raise IndexFailed(type(broken).__name__) from broken


def _fold_records(records: Iterable[StoredRecord]) -> Iterator[FoldRecord]:
    """Data records as the fold sees them. Spec: 12.9.1."""
    for record in records:
        if record.kind == Kind.DATA:
            yield fold_record(record)


def fold_record(record: StoredRecord) -> FoldRecord:
    """One stored data record as input of the fold."""
    facts, state = _part(record, _FACTS_ROLE)
    text, _ = _part(record, _TEXT_ROLE)
    return FoldRecord(
        id=record.id,
        org=record.org,
        writer=record.writer,
        clock=record.clock,
        ts_ms=record.ts,
        space=record.scope.space,
        topic=record.scope.topic,
        type=record.type,
        refs=record.refs,
        facts=facts,
        text=text,
        facts_state=state,
        log=record.log,
        seq=record.seq,
        critical=names_unknown_critical_key(record.ext),
    )


def _statements(name: str) -> Iterator[str]:
    """The statements of one of the package's files of SQL."""
    lines = (resources.files("hutong_node") / name).read_text(encoding="utf-8").splitlines()
    text = "\n".join(line.partition("--")[0] for line in lines)
    return (statement for statement in text.split(";") if statement.strip())


def _body(record: StoredRecord) -> dict[str, Value]:
    """The facts of a version of a thing: of its first record, or the body of a revision."""
    data, _ = _part(record, _FACTS_ROLE)
    facts = None if data is None else decode_part(data)
    body = (facts or {}).get("body")
    return body if isinstance(body, dict) else facts or {}


def _part(record: StoredRecord, role: int) -> tuple[bytes | None, fold.PartState]:
    for part in record.parts:
        if part.role == role:
            present = part.state is PartState.PRESENT
            return (part.data if present else None), fold.PartState(part.state.value)
    return None, fold.PartState.ABSENT
