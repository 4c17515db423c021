"""What a session asks of its shell, and what it reports.

Owns the request events, each answered by one call of the session, and the news, which need no
answer. A request names a method of `exchange.ReplicaStore` and its arguments; the shell calls that
and hands the answer back together with the request. Requests may be answered in any order and at
any time; answers that come after the end of the session are dropped. Spec: 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hutong_protocol.exchange import (
    Cursor,
    Leftover,
    LogHeads,
    LogRun,
    PartItem,
    PartWant,
    RunWant,
    Scope,
)
from hutong_protocol.faults import Fault
from hutong_protocol.ids import EventId, OrgId, RecordId


@dataclass(frozen=True, slots=True)
class CheckPeer:
    """Who is this, and what may it share? Answer: `peer_checked` with a `PeerGrant`.

    `events` are the peer's own identity events as it sent them, unverified and not to be stored:
    after the signature of the peer has been verified they come again with `StoreEvents`.
    """

    key: int
    org: OrgId
    delegation: EventId
    events: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class ReadRoots:
    """Answer: `roots_read` with `store.scope_roots(scopes)`."""

    key: int
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class ReadHeads:
    """Answer: `heads_read` with `store.heads(scope, since, after, entries_max)`."""

    key: int
    scope: Scope
    since: Cursor | None
    after: bytes | None
    entries_max: int


@dataclass(frozen=True, slots=True)
class CompareHeads:
    """Answer: `heads_compared` with `store.held(scope, logs, orgs)`."""

    key: int
    scope: Scope
    logs: tuple[LogHeads, ...]
    orgs: tuple[OrgId, ...]


@dataclass(frozen=True, slots=True)
class ReadRuns:
    """Answer: `runs_read` with `store.read_runs(scope, wants, bytes_max)`."""

    key: int
    scope: Scope
    wants: tuple[RunWant, ...]
    bytes_max: int


@dataclass(frozen=True, slots=True)
class StoreRuns:
    """Answer: `runs_stored` with `store.store_runs(scope, runs, source)`."""

    key: int
    scope: Scope
    runs: tuple[LogRun, ...]
    source: OrgId


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """Answer: `events_read` with `store.events(org, have, scopes, bytes_max)`."""

    key: int
    org: OrgId
    have: tuple[EventId, ...]
    scopes: tuple[Scope, ...]
    bytes_max: int


@dataclass(frozen=True, slots=True)
class StoreEvents:
    """Answer: `events_stored` with `store.store_events(org, events)`."""

    key: int
    org: OrgId
    events: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class ListMissing:
    """Answer: `missing_listed` with `store.missing_parts(scope, after, wants_max)`."""

    key: int
    scope: Scope
    after: RecordId | None
    wants_max: int


@dataclass(frozen=True, slots=True)
class ReadParts:
    """Answer: `parts_read` with `store.read_parts(scope, wants, bytes_max)`."""

    key: int
    scope: Scope
    wants: tuple[PartWant, ...]
    bytes_max: int


@dataclass(frozen=True, slots=True)
class StoreParts:
    """Answer: `parts_stored` with `store.store_parts(scope, items)`."""

    key: int
    scope: Scope
    items: tuple[PartItem, ...]


Request: TypeAlias = (
    CheckPeer
    | ReadRoots
    | ReadHeads
    | CompareHeads
    | ReadRuns
    | StoreRuns
    | ReadEvents
    | StoreEvents
    | ListMissing
    | ReadParts
    | StoreParts
)


@dataclass(frozen=True, slots=True)
class Opened:
    """The peer is verified and the scopes are agreed."""

    org: OrgId
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A run stays refused, here or (`leftover.by_peer`) by the peer. Nobody is to blame."""

    leftover: Leftover


@dataclass(frozen=True, slots=True)
class RoundEnded:
    """Both sides have said DONE; `stored` records were new here in this round."""

    number: int
    stored: int
    equal: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """Both hold the same. `cursors` replace those kept for this peer, for the scopes named."""

    root: bytes
    cursors: Mapping[Scope, Cursor]


@dataclass(frozen=True, slots=True)
class Unsettled:
    """The sides differ and another round would not help. `leftovers_unlisted` counts the rest."""

    own_root: bytes
    peer_root: bytes
    leftovers: tuple[Leftover, ...]
    leftovers_unlisted: int


@dataclass(frozen=True, slots=True)
class Live:
    """From now on new records are passed on as they come."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The peer broke a rule, did not prove itself or is not let in; BYE is on its way.

    `detail` is for the log: it never quotes text or parts. Only `fault`s that are not refusals
    count against the peer.
    """

    fault: Fault
    detail: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The session is over and the connection can be closed.

    `peer_fault` is what the peer gave as its reason, `interrupted` says that the session ended
    before both sides were through (always false after `Failed`).
    """

    peer_fault: str
    interrupted: bool


News: TypeAlias = Opened | Refused | RoundEnded | Settled | Unsettled | Live | Failed | Finished
Event: TypeAlias = Request | News
