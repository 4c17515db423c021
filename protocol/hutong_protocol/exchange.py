"""The values that a session and a store hand to each other, and the store's interface.

Owns the nouns of replication between the sans-I/O session, the node's store and the in-memory
store of the simulation: a scope and its root, pages of heads, runs wanted and their outcome,
identity events, missing parts, and what a peer may do. A session emits requests that carry these
values; a shell calls the store method of the same noun and gives the answer back.

Runs and events travel here as decoded msgpack values (`list`), unchecked: only the store looks
inside them, through the modules of sections 4 to 6. All values are frozen; sequences are tuples.
Ids and heads are 32 bytes, epochs 16. Spec: 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from hutong_protocol.faults import REFUSALS, RUN_REFUSALS, Fault
from hutong_protocol.identity_contents import Rights
from hutong_protocol.ids import EventId, LogId, OrgId, RecordId, WriterKey


class Scope(NamedTuple):
    """A pair (space, topic), the unit of replication; sorts by space, then topic. Spec: 5.1."""

    space: str
    topic: str


class Head(NamedTuple):
    """The last record of one branch of a log. Spec: 5.10."""

    seq: int
    record: RecordId


class Cursor(NamedTuple):
    """A place in the history of a scope at one store; a hint, never evidence. Spec: 7.6."""

    epoch: bytes
    counter: int


@dataclass(frozen=True, slots=True)
class ScopeRoot:
    """The digest of a scope at one moment.

    `missing` is the number of parts on the want-list of the scope, of which any value above 0 says
    only that there are some. Spec: 7.5.
    """

    scope: Scope
    root: bytes
    cursor: Cursor
    missing: int = 0


@dataclass(frozen=True, slots=True)
class LogHeads:
    """The heads of a log, 1 to 4, sorted; none at all means a shattered log. Spec: 7.5."""

    log: LogId
    heads: tuple[Head, ...]


class OrgDigest(NamedTuple):
    """An organisation with a log in the scope and the digest of its identity heads. Spec: 4.7.7."""

    org: OrgId
    digest: bytes


@dataclass(frozen=True, slots=True)
class HeadsPage:
    """A page of the entries of a scope: logs and organisations, each sorted by id.

    It holds *every* entry (that the question was about) whose id is above the `after` of the
    question and not above the greatest id in the page; `more` says that others follow. `cursor` is
    the store's place before the page was read; `full` is false when only entries changed after the
    cursor of the question are listed. Spec: 7.6.
    """

    scope: Scope
    cursor: Cursor
    full: bool
    logs: tuple[LogHeads, ...]
    orgs: tuple[OrgDigest, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class HeldLog:
    """What a store holds of a log of which a peer named a head that the store does not hold.

    `head` is the store's own (the longest branch), None if it has no record of the log; `unknown`
    are the peer's heads that are not among the records held, never empty. `refused` is set when
    the store knows already that it would refuse them, so that they are not asked for again in each
    session; it is a leftover then.
    """

    log: LogId
    head: Head | None
    unknown: tuple[Head, ...]
    refused: Fault | None = None


@dataclass(frozen=True, slots=True)
class HeldOrg:
    """The identity heads that a store holds of an organisation, sorted; none if it is unknown."""

    org: OrgId
    heads: tuple[EventId, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """Answer to a comparison: logs with something unknown, and organisations asked about.

    An organisation left out is one about which the store does not want to learn.
    """

    logs: tuple[HeldLog, ...]
    orgs: tuple[HeldOrg, ...]


class RunWant(NamedTuple):
    """A wish for runs of a log from `first_seq` on: all, or only the first `runs_max` (0 = all)."""

    log: LogId
    first_seq: int
    runs_max: int = 0


class LogRun(NamedTuple):
    """A run as decoded, with the log it is about. Element 0 of `run` may be anything. Spec: 6.2."""

    log: LogId
    run: list[object]


@dataclass(frozen=True, slots=True)
class RunsBatch:
    """Runs in the order in which they are to be sent, and what remains of the wants.

    `rest` is empty at the end; a want for a log or seq that is not held is simply dropped.
    """

    runs: tuple[LogRun, ...]
    rest: tuple[RunWant, ...]


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What became of one run.

    `fault` is None when it was taken (`stored` new records, 0 for a duplicate), a refusal (nothing
    stored, nobody to blame) or a fault of the run (blames the peer). `at_join` says that it was
    found by what is held, so that LOG_CLOSED is a refusal (Spec: 6.4.4).

    `first_seq` and `last_seq` are those of the run, as far as it had them, else 0. `held` is the
    head after it. `needs` names the organisation whose events are wanted, with `identity-needed`.
    `fork_seq`, with `fork`, is the first seq at which the run and the branch held differ, None if
    that lies below the run.
    """

    log: LogId
    first_seq: int
    last_seq: int
    fault: Fault | None
    stored: int
    held: Head | None
    needs: OrgId | None = None
    fork_seq: int | None = None
    detail: str = ""
    at_join: bool = False

    @property
    def blames(self) -> bool:
        """Whether the run itself has a fault, which counts against the peer. Spec: 6.5."""
        refusals = RUN_REFUSALS if self.at_join else REFUSALS
        return self.fault is not None and self.fault not in refusals


@dataclass(frozen=True, slots=True)
class EventsBatch:
    """Identity events of an organisation, ancestors before descendants, as decoded values."""

    org: OrgId
    events: tuple[object, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class EventsOutcome:
    """What became of a batch of events: new ones, ones that wait, the heads held afterwards.

    `fault` is that of the first event that failed; the others of the batch are judged all the
    same, since an event stands for itself. Spec: 4.5.
    """

    org: OrgId
    stored: int
    waiting: int
    heads: tuple[EventId, ...]
    fault: Fault | None = None
    detail: str = ""


class PartWant(NamedTuple):
    """Parts of a record that are missing; bit i of `mask` is position i. Spec: 7.8."""

    record: RecordId
    mask: int


class PartItem(NamedTuple):
    """One part of a record with its salt (16 bytes). Spec: 5.5."""

    record: RecordId
    position: int
    salt: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class PartsBatch:
    """Parts held of those wanted; `more` says that others are held but did not fit."""

    items: tuple[PartItem, ...]
    more: bool


class LocalChange(NamedTuple):
    """Records that became durable here otherwise than through the session that is told of them."""

    scope: Scope
    log: LogId
    first_seq: int
    head: Head


class OfferedScope(NamedTuple):
    """A scope that this node would exchange with a peer, and that its own delegation covers.

    `salt` is that under which its rights list the space, None where they say `"*"`. Spec: 7.4.
    """

    scope: Scope
    salt: bytes | None


@dataclass(frozen=True, slots=True)
class PeerGrant:
    """What this node knows and decides about the organisation and delegation of a HELLO.

    `writer` is the key of the delegation, None when the delegation is not known; then `fault` is
    `identity-needed` and `have` are the identity heads known. With a `writer`, `fault` refuses the
    peer once its signature has been verified (`not-accepted`, `upgrade-needed`), or is None and
    `rights` and `offers` say what may be shared; `cursors` are those kept from the last settled
    session with this peer. Spec: 7.3, 7.4.
    """

    writer: WriterKey | None
    rights: Rights | None = None
    offers: tuple[OfferedScope, ...] = ()
    fault: Fault | None = None
    have: tuple[EventId, ...] = ()
    cursors: Mapping[Scope, Cursor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Leftover:
    """What a session could not settle. `by_peer`: the peer refused it, not this side."""

    scope: Scope
    log: LogId
    first_seq: int
    fault: Fault
    by_peer: bool


class ReplicaStore(Protocol):
    """What a session needs of a store; each method is one transaction.

    Implementations never raise for what a peer sent: faults are in the outcomes.
    """

    def scope_roots(self, scopes: Sequence[Scope]) -> list[ScopeRoot]:
        """The roots of `scopes`, in that order, of one moment. A scope never seen is empty."""
        ...

    def heads(
        self, scope: Scope, since: Cursor | None, after: bytes | None, entries_max: int
    ) -> HeadsPage:
        """A page of at most `entries_max` entries with ids above `after`, in the order of ids.

        With a `since` of this store's epoch and a counter not above its own, only the entries
        changed after that counter; with another `since`, all of them.
        """
        ...

    def held(self, scope: Scope, logs: Sequence[LogHeads], orgs: Sequence[OrgId]) -> Held:
        """Compares a peer's heads with what is held of the same logs and organisations."""
        ...

    def read_runs(self, scope: Scope, wants: Sequence[RunWant], bytes_max: int) -> RunsBatch:
        """Runs for `wants` of at most `bytes_max` together, each by spec 6.6.

        Bytes are counted with the log as 32 bytes in each run. `bytes_max` is never below the
        limit of one run, so that a batch makes progress. Logs with erase records come first, then
        the order of `wants`. Logs of another scope are not held here.
        """
        ...

    def store_runs(self, scope: Scope, runs: Sequence[LogRun], source: OrgId) -> list[RunOutcome]:
        """Checks, joins and keeps `runs`, in order, in one transaction; one outcome for each.

        `source` is the organisation of the peer. A log of another scope is `not-accepted`.
        """
        ...

    def events(
        self, org: OrgId, have: Sequence[EventId], scopes: Sequence[Scope], bytes_max: int
    ) -> EventsBatch:
        """The events of `org` that are neither `have` nor ancestors of those, ancestors first.

        Only for this node's own organisation, or one that has a log in one of `scopes`; for others
        the batch is empty. At most `bytes_max` encoded, and at least one event if there is any.
        """
        ...

    def store_events(self, org: OrgId, events: Sequence[object]) -> EventsOutcome:
        """Verifies and keeps events; those that lack an ancestor wait. Spec: 4.5."""
        ...

    def missing_parts(self, scope: Scope, after: RecordId | None, wants_max: int) -> list[PartWant]:
        """Missing parts of records with ids above `after`, sorted by record id."""
        ...

    def read_parts(self, scope: Scope, wants: Sequence[PartWant], bytes_max: int) -> PartsBatch:
        """The parts held of those wanted that fit their commit, in the order of `wants`.

        Each counts as its bytes and 64 more against `bytes_max`, which is never below 1 MiB.
        """
        ...

    def store_parts(self, scope: Scope, items: Sequence[PartItem]) -> int:
        """Keeps the parts that are missing and fit their commit; returns how many."""
        ...
