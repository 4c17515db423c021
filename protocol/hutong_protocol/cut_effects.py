"""What is kept of a log after its delegation was revoked, resolved or never came to hold.

Owns the choice among several cuts of one log: those that another one follows give way to it, and of
concurrent ones the lowest holds, as a whole. A cut whose list for the scope is not held keeps
nothing until the list comes: whoever has none can't be told from whoever was sent none. Of a
delegation that is not granted nothing is kept. Spec: 4.8.3 to 4.8.6.

Pure: events that have effect and the cut lists held come in. What becomes of records beyond a cut
is for the store; form and hashes of lists are for `cuts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hutong_protocol.cuts import CutHead, CutList, parse_manifest
from hutong_protocol.identity_contents import Delegate, Resolve, Revoke
from hutong_protocol.identity_events import Event
from hutong_protocol.identity_standing import Standing
from hutong_protocol.ids import EventId, LogId


@dataclass(frozen=True, slots=True)
class CutEvent:
    """A `revoke` or `resolve` that has effect.

    `lists` are the hashes of its manifest, sorted; `follows` the other cut events of the same
    delegation that are among its ancestors.
    """

    id: EventId
    revokes: bool
    lists: tuple[bytes, ...]
    follows: frozenset[EventId]


@dataclass(frozen=True, slots=True)
class DelegationCuts:
    """What may cut the logs of one delegation; `events` are sorted by id."""

    delegation: EventId
    granted: bool
    events: tuple[CutEvent, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """What is kept of one log: these heads and their ancestors; without any, nothing.

    `event` is the one whose cut it is, or None if nothing is kept since the delegation is not
    granted.
    """

    event: EventId | None
    heads: tuple[CutHead, ...]


def cuts_of(
    held: Mapping[EventId, Event], standing: Standing, delegation: EventId
) -> DelegationCuts:
    """What may cut the logs of a delegation, which need not be held.

    Args:
        held: the events that `standing` was made of.

    Takes time proportional to the ancestors of its `revoke` and `resolve` events, for each of them.
    """
    manifests = {
        identifier: held[identifier].attachment or b""
        for identifier in standing.sealed
        if _names(held[identifier], delegation)
    }
    return DelegationCuts(
        delegation,
        delegation in standing.effective and isinstance(held[delegation].content, Delegate),
        tuple(
            CutEvent(
                identifier,
                isinstance(held[identifier].content, Revoke),
                parse_manifest(manifests[identifier]).lists,
                frozenset(_ancestors(held, identifier) & manifests.keys()),
            )
            for identifier in sorted(manifests)
        ),
    )


def effective_cut(
    cuts: DelegationCuts, lists: Mapping[bytes, CutList], scope: tuple[str, str], log: LogId
) -> Cut | None:
    """The cut in force of one log, or None if nothing is cut of it.

    Args:
        cuts: those of the log's delegation.
        lists: the cut lists held, by hash; those of other delegations and scopes play no part.
        scope: space and topic of the log.

    Spec: 4.8.4 to 4.8.6.
    """
    if not cuts.granted:
        return Cut(None, ())
    kept = {}
    for event in cuts.events:
        heads = _heads(event, lists, cuts.delegation, scope, log)
        if heads is not None:
            kept[event.id] = heads
    overtaken = {earlier for event in cuts.events if event.id in kept for earlier in event.follows}
    in_force = [identifier for identifier in kept if identifier not in overtaken]
    if not in_force:
        return None
    first = min(in_force, key=lambda identifier: (_highest(kept[identifier]), identifier))
    return Cut(first, kept[first])


def _names(event: Event, delegation: EventId) -> bool:
    """Whether the event cuts logs of this delegation."""
    content = event.content
    return isinstance(content, Revoke | Resolve) and content.delegation == delegation


def _heads(
    event: CutEvent,
    lists: Mapping[bytes, CutList],
    delegation: EventId,
    scope: tuple[str, str],
    log: LogId,
) -> tuple[CutHead, ...] | None:
    """What one event keeps of a log; None if it says nothing of it."""
    fitting = [
        lists[name]
        for name in event.lists
        if name in lists
        and lists[name].delegation == delegation
        and (lists[name].space, lists[name].topic) == scope
    ]
    if not fitting:
        return ()
    for entry in fitting[0].logs:
        if entry.log == log:
            return entry.heads
    return () if event.revokes else None


def _highest(heads: Sequence[CutHead]) -> int:
    return max((seq for seq, _ in heads), default=-1)


def _ancestors(held: Mapping[EventId, Event], identifier: EventId) -> set[EventId]:
    """All events that this one follows, chain events included."""
    found: set[EventId] = set()
    ahead = list(held[identifier].prev)
    while ahead:
        earlier = ahead.pop()
        if earlier not in found:
            found.add(earlier)
            ahead.extend(held[earlier].prev)
    return found
