"""What the store in memory keeps: records, logs, and the tree and want-list of each scope.

Plain data with the few computations that need nothing else. `replica` changes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hutong_protocol import tree
from hutong_protocol.erasure import LogOwner
from hutong_protocol.exchange import Scope
from hutong_protocol.identity_events import Event
from hutong_protocol.ids import EventId, RecordId
from hutong_protocol.log_state import LogState
from hutong_protocol.records import part_commit
from hutong_protocol.runs import CheckedRecord, PartData


@dataclass
class Kept:
    """A record as it is kept; `erased` is the mask of parts that are gone for good."""

    record: CheckedRecord
    parts: list[PartData | None]
    erased: int = 0

    @property
    def missing(self) -> int:
        """The mask of parts neither present nor erased."""
        held = sum(1 << at for at, part in enumerate(self.parts) if part is not None)
        return ((1 << len(self.parts)) - 1) & ~held & ~self.erased


@dataclass
class Log:
    """A log with its one branch; signatures by seq, which may be garbage in the middle."""

    state: LogState
    scope: Scope
    kept: list[Kept] = field(default_factory=list)
    signatures: dict[int, bytes] = field(default_factory=dict)
    forks: dict[bytes, int] = field(default_factory=dict)
    """Heads of branches that were refused with proof, and where they part."""


@dataclass
class ScopeState:
    """What is kept for each scope: changes by entry, and the want-list."""

    counter: int = 0
    changed: dict[bytes, int] = field(default_factory=dict)
    entries: dict[bytes, bytes] = field(default_factory=dict)
    missing: set[RecordId] = field(default_factory=set)
    buckets: list[bytes] = field(default_factory=lambda: [tree.EMPTY] * tree.BUCKETS)
    nodes: list[bytes] = field(default_factory=lambda: [tree.EMPTY] * tree.NODES)

    def change(self, entry_id: bytes, entry: bytes) -> None:
        """Puts an entry in, and hashes its way up the tree anew, as a store does."""
        self.counter += 1
        self.changed[entry_id] = self.counter
        self.entries[entry_id] = entry
        bucket = tree.bucket_of(entry_id)
        members = [
            each
            for identifier, each in self.entries.items()
            if tree.bucket_of(identifier) == bucket
        ]
        self.buckets[bucket] = tree.bucket_hash(members)
        node = bucket // tree.FANOUT
        first = node * tree.FANOUT
        self.nodes[node] = tree.node_hash(b"".join(self.buckets[first : first + tree.FANOUT]))

    def root(self, scope: Scope) -> bytes:
        """The root of the scope that this is the state of."""
        return tree.root_hash(scope.space, scope.topic, b"".join(self.nodes))


def owner_of(log: Log) -> LogOwner:
    """What decides about erasing records of a log. Spec: 5.7."""
    opened = log.state.open
    return LogOwner(opened.org, opened.space, opened.topic, opened.writer)


def fits(kept: Kept, position: int, part: PartData) -> bool:
    """Whether a part gives the commit of its place. Spec: 5.5."""
    ref = kept.record.part_refs[position]
    return len(part.data) == ref.length and part_commit(part.salt, part.data) == ref.commit


def ancestors_first(held: dict[EventId, Event]) -> list[Event]:
    """Events in an order in which each can be judged when it comes."""
    ordered: dict[EventId, Event] = {}
    left = dict(held)
    while left:
        ready = [event for event in left.values() if event.context <= ordered.keys()]
        for event in sorted(ready, key=lambda event: event.id):
            ordered[event.id] = left.pop(event.id)
    return list(ordered.values())
