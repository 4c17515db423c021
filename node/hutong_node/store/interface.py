"""What the rest of the node may ask a store, and the values that it answers with.

Owns the interface: `ReplicaStore` of the core, the methods that only a node has, and the facade
through which both are called. Each method is one transaction; no connection, cursor or transaction
crosses this line, and nothing is acknowledged before it is on disk. The store decides what it takes
by the rules of the core and a `Policy` that the shell gives; it never reads the meaning of records.

Faults of records are in outcomes; exceptions are those of `errors`. Spec: 4 to 7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

from hutong_protocol.encoding import Value
from hutong_protocol.exchange import Head, ReplicaStore, Scope
from hutong_protocol.identity import IdentityState
from hutong_protocol.ids import LogId, OrgId, RecordId, WriterKey

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Policy:
    """What this node stores. What it doesn't is refused with `not-accepted` or `quota`.

    `orgs` are those let in everywhere, None for all; `orgs_in` adds organisations in single scopes,
    as the stewards of needs name them; `payers` says whose quota their records are charged to.
    `scopes` are those held, None for all. Above `part_bytes_max` an organisation's headers are kept
    and its parts left missing; above `logs_max` it opens no further log. Identity events of at most
    `strangers_max` organisations that are not let in are kept, since a peer is known before it is
    let in. Spec: 6.4.5, 6.5.3, 9.2, 12.22.
    """

    orgs: frozenset[OrgId] | None = frozenset()
    scopes: frozenset[Scope] | None = frozenset()
    orgs_in: Mapping[Scope, frozenset[OrgId]] = field(default_factory=lambda: MappingProxyType({}))
    payers: Mapping[OrgId, OrgId] = field(default_factory=lambda: MappingProxyType({}))
    part_bytes_max: int = 2**33
    logs_max: int = 100_000
    strangers_max: int = 256

    def holds(self, scope: Scope) -> bool:
        """Whether records of this scope are stored."""
        return self.scopes is None or scope in self.scopes

    def lets_in(self, org: bytes) -> bool:
        """Whether this organisation is let in somewhere."""
        return (
            self.orgs is None
            or org in self.orgs
            or any(org in named for named in self.orgs_in.values())
        )

    def accepts(self, org: bytes, scope: Scope) -> bool:
        """Whether this organisation's records in this scope are stored."""
        return self.holds(scope) and (
            self.orgs is None or org in self.orgs or org in self.orgs_in.get(scope, ())
        )


class PartState(StrEnum):
    """The three states of a part. Spec: 5.6."""

    PRESENT = "present"
    ERASED = "erased"
    MISSING = "missing"


class StoredPart(NamedTuple):
    """A part of a stored record; `salt` and `data` are empty unless it is present."""

    role: int
    length: int
    commit: bytes
    state: PartState
    salt: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it is held. Its header was compared with its id when it was read.

    `row` counts the records of this store in the order in which they became durable, from 1; it
    means nothing elsewhere. A part that is rotten is shown as missing.
    """

    row: int
    id: RecordId
    log: LogId
    seq: int
    scope: Scope
    org: OrgId
    writer: WriterKey
    kind: int
    ts: int
    clock: int
    type: str
    refs: tuple[bytes, ...]
    parts: tuple[StoredPart, ...]
    ext: Mapping[str, Value]
    header: bytes


class Watermark(NamedTuple):
    """How far a reader of changes has come: the last row, and the last change of a part."""

    row: int = 0
    part_change: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed after a watermark, and the watermark that covers it.

    `new` came in the order of rows; `altered` are records from before whose parts came late, were
    erased or were found rotten, each once. `damaged` are rows that can't be read any more. `more`
    says that others follow.
    """

    new: tuple[StoredRecord, ...]
    altered: tuple[StoredRecord, ...]
    damaged: tuple[int, ...]
    watermark: Watermark
    more: bool


@dataclass(frozen=True, slots=True)
class ForkProof:
    """Two runs, without parts, of which each is authentic and which differ at `seq`. Spec: 5.10.

    `held` begins one branch, which this store keeps, `refused` the other; both are encoded runs.
    """

    log: LogId
    scope: Scope
    org: OrgId
    seq: int
    held: bytes
    refused: bytes
    found_ms: int


class OwnLog(NamedTuple):
    """A log that this node writes, or has given up for the reason in `retired`."""

    log: LogId
    scope: Scope
    head: Head
    retired: str | None


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """Numbers of a store for people and metrics.

    `damaged_logs` are those found unreadable from some record on since the store was opened;
    `disk_bytes` counts the database and its log.
    """

    generation: bytes
    records: int
    logs: int
    orgs: int
    missing_parts: int
    forked_logs: int
    frozen_orgs: tuple[OrgId, ...]
    damaged_logs: tuple[LogId, ...]
    own_logs: tuple[OwnLog, ...]
    disk_bytes: int


class NewPart(NamedTuple):
    """A part to be signed: its role and its bytes. The salt is drawn when it is signed."""

    role: int
    data: bytes


@dataclass(frozen=True, slots=True)
class NewRecord:
    """What this node is about to say. `expires_ms` are times by position of the part. Spec: 5.2.

    Everything else of a header is the store's to fill in.
    """

    type: str
    refs: tuple[bytes, ...] = ()
    parts: tuple[NewPart, ...] = ()
    expires_ms: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class NewErase:
    """Parts that this node is about to erase: masks of positions for 1 to 16 records. Spec: 5.7."""

    masks: Mapping[RecordId, int]


@dataclass(frozen=True, slots=True)
class Publication:
    """What publishing came to: ids in the order given, and the log that they stand in.

    `again` is true when the same request had been published under its name before: nothing was
    signed, and `records` are those of then. `clock_alarm` says that a clock too far ahead is held,
    and was not adopted: it goes to the operator. Spec: 5.4.2.
    """

    records: tuple[RecordId, ...]
    log: LogId
    first_seq: int
    head: Head
    again: bool = False
    clock_alarm: bool = False


class StoreMethods(ReplicaStore, Protocol):
    """Everything that a store does. Names of methods are also what `NodeStore.call` goes by."""

    def set_policy(self, policy: Policy) -> None:
        """Judges by `policy` from now on; what is stored already stays."""
        ...

    def identity(self, org: OrgId) -> IdentityState | None:
        """The state of an organisation, None if its inception is not held."""
        ...

    def publish(
        self,
        scope: Scope,
        news: Sequence[NewRecord | NewErase],
        name: str | None = None,
        request: bytes = b"",
    ) -> Publication:
        """Signs records in this node's own log of `scope`, all or none, and keeps them.

        With a `name` (an idempotency key of 1 to 200 characters) the answer is kept with it: the
        same name and `request` (its digest) get the same answer, another `request` is refused.

        Raises:
            PublishingRefused: see `hutong_node.publishing`.
        """
        ...

    def close_log(self, scope: Scope) -> Head | None:
        """Ends the own open log of `scope` with a close record; None if there is none open."""
        ...

    def scopes(self) -> list[Scope]:
        """The scopes in which at least one log is held, sorted."""
        ...

    def record(self, record: RecordId) -> StoredRecord | None:
        """The record with this id."""
        ...

    def records(self, records: Sequence[RecordId]) -> dict[RecordId, StoredRecord]:
        """Those of these records that are held."""
        ...

    def log_records(self, log: LogId, first_seq: int, records_max: int) -> list[StoredRecord]:
        """Records of a log in order, from `first_seq` on."""
        ...

    def records_after(self, watermark: Watermark, records_max: int) -> Changes:
        """At most `records_max` records that are new after `watermark`, or have changed."""
        ...

    def fork_proofs(self) -> list[ForkProof]:
        """All proofs of forks found so far, those of one log together."""
        ...

    def own_logs(self) -> list[OwnLog]:
        """The logs that this node writes or wrote."""
        ...

    def status(self) -> StoreStatus:
        """Counts; takes a moment in a large store."""
        ...

    def hint(self, name: str) -> bytes | None:
        """What `set_hint` kept under this name."""
        ...

    def set_hint(self, name: str, value: bytes | None) -> None:
        """Keeps a small value for the shell, or drops it. Losing it must cost time only."""
        ...


class NodeStore(Protocol):
    """An open store, to be called from any thread or task."""

    async def call(
        self,
        method: Callable[Concatenate[StoreMethods, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Runs `method`, e.g. ``await store.call(StoreMethods.heads, scope, None, None, 100)``.

        Writes run in the order of the calls and are done when they are on disk; reads see
        everything that was done before. A call that is cancelled may still be carried out.

        Raises:
            StoreError: the store could not do it; nothing of it was kept.
        """
        ...

    def run(
        self,
        method: Callable[Concatenate[StoreMethods, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """As `call`, for programs without an event loop: waits for the result."""
        ...

    def close(self) -> None:
        """Finishes what was begun and closes the store; twice is the same as once."""
        ...
