"""Reads the records of one thing and sets aside those that can have no effect. Spec: 12.9.3, 12.11.

Owns the standings that need no authority (unknown to pending), bad corrections, heads and the
record that holds for a statement. Everything is total: cycles of `replaces`, wrong ids and bytes of
any kind lead to some standing, never to an exception.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from hutong_protocol.fold.flags import Flag
from hutong_protocol.fold.records import (
    NOT_INTERPRETED,
    FoldRecord,
    PartState,
    Standing,
    ThingKey,
)
from hutong_protocol.schema.reading import FactMap, known_type, read_record
from hutong_protocol.schema.refs import Position, Refs, missing_refs, read_refs

Rank: TypeAlias = tuple[int, int, bytes]
"""(position in the steward chain, clock, id). Spec: 12.11.3."""

STATEMENT_TYPES: Final = frozenset(
    {"commitment/1", "decision/1", "dispatch/1", "receipt/1", "delivered/1", "loss/1"}
)


@dataclass(frozen=True, slots=True)
class Read:
    """A record of a known type; `facts` is None when they are gone. Spec: 12.10."""

    record: FoldRecord
    refs: Refs
    facts: FactMap | None

    @property
    def id(self) -> bytes:
        """Its record id."""
        return self.record.id

    @property
    def org(self) -> bytes:
        """Its author."""
        return self.record.org

    @property
    def statement(self) -> bytes:
        """The id of the statement it belongs to. Spec: 12.11.1."""
        return self.refs.first or self.record.id

    def rank(self, position: int = 0) -> Rank:
        """Spec: 12.11.3."""
        return position, self.record.clock, self.record.id


@dataclass(slots=True)
class Sorted:
    """The readable records of one thing by type, and the standing of every record."""

    key: ThingKey
    records: Mapping[bytes, FoldRecord]
    root: Read | None = None
    reads: dict[str, list[Read]] = field(default_factory=lambda: defaultdict(list))
    standing: dict[bytes, Standing] = field(default_factory=dict)
    flags: set[Flag] = field(default_factory=set)

    def of(self, type_name: str) -> list[Read]:
        """The records of a type that are still effective."""
        return [
            read
            for read in self.reads.get(type_name, ())
            if self.standing[read.id] is Standing.EFFECTIVE
        ]

    def set_aside(self, read: Read, standing: Standing) -> None:
        """Takes a record out of everything that follows."""
        self.standing[read.id] = standing

    def is_bad_correction(self, read: Read) -> bool:
        """Whether `first` names an own record of another type, or a correction. Spec: 12.11.2.

        Records of others are not looked at: whether they are held must not matter here.
        """
        first = self.records.get(read.refs.first) if read.refs.first else None
        if first is None or first.org != read.org:
            return False
        other = first.refs[Position.FIRST] if len(first.refs) > Position.FIRST else b""
        return bool(first.type != read.record.type or other)


def sort_records(key: ThingKey, records: Mapping[bytes, FoldRecord]) -> Sorted:
    """Reads every record of `key`; what isn't set aside is effective for now."""
    found = Sorted(key, records)
    for identifier in sorted(records):
        record = records[identifier]
        standing, read = _read(record)
        found.standing[identifier] = standing
        if read is not None:
            found.reads[record.type].append(read)
    root = records.get(key.id)
    if root is not None and found.standing[root.id] is Standing.EFFECTIVE:
        known = known_type(root.type)
        if known is not None and known.root:
            found.root = found.reads[root.type][0]
    if found.root is None:
        for identifier, standing in found.standing.items():
            if standing is Standing.EFFECTIVE:
                found.standing[identifier] = Standing.PENDING
    return found


def _read(record: FoldRecord) -> tuple[Standing, Read | None]:
    known = known_type(record.type)
    if known is None or record.critical:
        return Standing.UNKNOWN, None
    if record.type in NOT_INTERPRETED:
        return Standing.NOT_INTERPRETED, None
    if not known.lives.admits(record.topic):
        return Standing.MISPLACED, None
    if record.facts_state in (PartState.ERASED, PartState.MISSING):
        refs = read_refs(record.refs, known.refs)
        if missing_refs(refs, known.refs):
            return Standing.UNREADABLE, None
        return Standing.EFFECTIVE, Read(record, refs, None)
    facts = record.facts if record.facts_state is PartState.PRESENT else None
    readable = read_record(known, record.refs, facts)
    if readable is None:
        return Standing.UNREADABLE, None
    return Standing.EFFECTIVE, Read(record, *readable)


def heads(reads: Sequence[Read], *, replaced: Iterable[bytes] = ()) -> list[Read]:
    """Those that none of the others replaces; all, if that leaves none. Spec: 12.11.3.

    Args:
        replaced: ids that count as replaced besides.
    """
    gone = set(replaced)
    for read in reads:
        gone |= read.refs.replaces - {read.id}
    return [read for read in reads if read.id not in gone] or list(reads)


def highest(reads: Sequence[Read], rank: Callable[[Read], Rank]) -> tuple[Read, bool]:
    """The head that holds among at least one record, and whether there were several heads."""
    candidates = heads(reads)
    return max(candidates, key=rank), len(candidates) > 1


@dataclass(frozen=True, slots=True)
class Statement:
    """One organisation's own statement, and the record that holds for it. Spec: 12.11.4.

    `original`: its first record is among its effective records. Several authors can claim one id;
    then the original one is meant.
    """

    id: bytes
    author: bytes
    holds: Read
    original: bool

    @property
    def facts(self) -> FactMap | None:
        """The facts that hold; None when they are gone."""
        return self.holds.facts


def statements(found: Sorted, reads: Iterable[Read]) -> list[Statement]:
    """The statements of records of one type, in order of id, the original first, then by author.

    Flags `concurrent`.
    """
    members: dict[tuple[bytes, bytes], list[Read]] = defaultdict(list)
    for read in reads:
        members[read.statement, read.org].append(read)
    result = []
    for (identifier, author), group in members.items():
        candidates = heads(group, replaced=[identifier] if len(group) > 1 else ())
        holds = max(candidates, key=Read.rank)
        if len(candidates) > 1:
            found.flags.add(Flag("concurrent", record=holds.id.hex()))
        original = any(read.id == identifier for read in group)
        result.append(Statement(identifier, author, holds, original))
    return sorted(result, key=lambda said: (said.id, not said.original, said.author))
