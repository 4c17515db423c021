"""Implementations of 4.6, 4.7 and 4.9 that each leave out one rule, and the vectors that notice.

Each is the core with one of its functions replaced while it answers, as in `mutants_identity`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from conformance.mutants_identity import Mutant, Request, after, nothing, replaced
from hutong_conformance.cases import Json
from hutong_protocol import harness, identity, identity_admission
from hutong_protocol import identity_standing as standing
from hutong_protocol.faults import Fault
from hutong_protocol.harness_ops import identity as harness_ops
from hutong_protocol.identity_contents import (
    Affirm,
    Delegate,
    Endorse,
    Incept,
    KeyChange,
    Revoke,
    SealKey,
)
from hutong_protocol.identity_events import Event
from hutong_protocol.identity_standing import Standing
from hutong_protocol.ids import EventId

Held = Mapping[EventId, Event]
RANKS = standing._ranks
CHAIN = standing._chain
SEALED = standing._sealed
RESTORED = standing._restored
ANCESTORS = standing._ancestors
UNSETTLED = standing._unsettled
STANDING = standing.standing_of
REVOKES = identity._revokes
FROZEN = identity._frozen
AUTHORITY = identity_admission.authority_after


def ranked(**ranks: int) -> Mutant:
    """The core with other numbers for ranks."""

    def answer(request: Request) -> dict[str, Json]:
        with ExitStack() as stack:
            for name, rank in ranks.items():
                stack.enter_context(patch.object(standing, f"_{name.upper()}", rank))
            return harness.answer(request)

    return answer


def own_ranks(followers: Any) -> dict[EventId, int]:
    """Each event by itself: nothing stands behind it."""
    return {
        event.id: rank
        for siblings in followers.values()
        for event in siblings
        for rank in RANKS({event.id: [event]}).values()
    }


def raised_by_both(followers: Any) -> dict[EventId, int]:
    """Only both sets of keys stand behind an event, recovery keys do not."""
    own, full = own_ranks(followers), RANKS(followers)
    return {one: full[one] if full[one] == standing._BOTH else own[one] for one in full}


def raised_recoveries(followers: Any) -> dict[EventId, int]:
    """Raises recoveries, too."""
    found = RANKS(followers)
    events = [event for siblings in followers.values() for event in siblings if event.id in found]
    for event in sorted(events, key=lambda event: event.statement.pos or 0, reverse=True):
        behind = [found.get(later.id, 0) for later in followers.get(event.id, ())]
        found[event.id] = max([found[event.id], *behind])
    return found


def raised_once(followers: Any) -> dict[EventId, int]:
    """Looks only at the event directly behind."""
    found = own_ranks(followers)
    own = dict(found)
    for siblings in followers.values():
        for event in siblings:
            if isinstance(event.content, KeyChange) and event.content.auth == "control":
                behind = [own.get(later.id, 0) for later in followers.get(event.id, ())]
                found[event.id] = max([own[event.id], *behind])
    return found


def settled(choose: Callable[[Sequence[Event]], Event]) -> Callable[..., Any]:
    """Lets one of several contenders win."""

    def chain(inception: Event, followers: Any, ranks: Any) -> Any:
        line, contenders = CHAIN(inception, followers, ranks)
        while contenders:
            chosen = choose(contenders)
            more, contenders = CHAIN(chosen, followers, ranks)
            line = [*line, *more]
        return line, []

    return chain


def unknown_in_line(followers: Any) -> dict[EventId, int]:
    """Gives unknown chain events a rank."""
    events = [event for siblings in followers.values() for event in siblings]
    return {event.id: 0 for event in events} | RANKS(followers)


def seals_all(held: Held, chain: Sequence[Event], contenders: Any, epochs: Any) -> set[EventId]:
    """What a chain event leaves out has effect, too."""
    inside = {event.id for opened in chain[:-1] for event in epochs.get(opened.id, ())}
    return SEALED(held, chain, contenders, epochs) | inside


def seals_heads(held: Held, *of: Event) -> set[EventId]:
    """Looks only at what is named itself."""
    return {one for event in of for one in event.prev if not held[one].is_chain_event}


def seals_later(held: Held, chain: Sequence[Event], contenders: Any, epochs: Any) -> set[EventId]:
    """Waits with every epoch until a chain event seals it."""
    inside = {event.id for event in epochs.get(chain[-1].id, ())}
    return SEALED(held, chain, contenders, epochs) - (set() if contenders else inside)


def seals_in_losers(held: Held, chain: Any, contenders: Any, epochs: Any) -> set[EventId]:
    """Whatever some chain event follows is sealed."""
    changes = [event for event in held.values() if event.is_chain_event and event.prev]
    return SEALED(held, chain, contenders, epochs) | ANCESTORS(held, *changes)


def disputed(combine: Callable[..., set[EventId]], *, gives: bool) -> Callable[..., set[EventId]]:
    """Treats all that gives, or all that takes, by another combination of the contenders."""

    def sealed(held: Held, chain: Any, contenders: Any, epochs: Any) -> set[EventId]:
        found = SEALED(held, chain, contenders, epochs)
        if not contenders:
            return found
        common = combine(*(ANCESTORS(held, contender) for contender in contenders))
        giving = Delegate | Affirm | SealKey | Endorse
        judged = {
            event.id
            for event in epochs.get(chain[-1].id, ())
            if isinstance(event.content, giving) is gives
        }
        return found - judged | (common & judged)

    return sealed


def restores_anything(held: Held, chain: Any, sealed: Collection[EventId]) -> set[EventId]:
    named = [event.content.ids for event in held.values() if isinstance(event.content, Affirm)]
    return {one for ids in named for one in ids if one in held} - set(sealed)


def restores_by_void(held: Held, chain: Any, sealed: Collection[EventId]) -> set[EventId]:
    """Lets an affirm count that has no effect itself."""
    said = {one for one, event in held.items() if isinstance(event.content, Affirm)}
    return RESTORED(held, chain, {*sealed, *said}) - set(sealed)


def restores_by_losers(held: Held, chain: Any, sealed: Collection[EventId]) -> set[EventId]:
    """Lets key changes affirm that are not in force."""
    return RESTORED(held, list(held.values()), sealed)


def restores_by_events(held: Held, chain: Any, sealed: Collection[EventId]) -> set[EventId]:
    """Overlooks what key changes affirm."""
    return RESTORED(held, (), sealed)


def restores_known(held: Held, chain: Any, sealed: Collection[EventId]) -> set[EventId]:
    """Overlooks that an unknown event may be a delegation."""
    return {one for one in RESTORED(held, chain, sealed) if held[one].known}


def only_contenders(chain: Any, contenders: Any, followers: Any) -> set[EventId]:
    """Forgets what follows a contender's follower."""
    return UNSETTLED(chain, contenders, {})


def judged(**changes: Callable[[Held, Standing], Any]) -> Mutant:
    """The core with some fields of every standing replaced."""

    def standing_of(events: Iterable[Event]) -> Standing:
        held = {event.id: event for event in events}
        found = STANDING(held.values())
        return dataclasses.replace(
            found, **{name: change(held, found) for name, change in changes.items()}
        )

    return replaced(identity, "standing_of", standing_of)


def affirm_gives_back(held: Held, found: Standing) -> Any:
    """An affirm brings back what was revoked."""
    revoked, alarms = REVOKES(held, found)
    said = [held[one].content for one in found.sealed]
    back = {one for content in said if isinstance(content, Affirm) for one in content.ids}
    return revoked - back, alarms


def revokes_ancestors(held: Held, found: Standing) -> Any:
    """Lets a revoke work only on a delegation that it follows, or that is of an earlier epoch."""
    revoked, alarms = REVOKES(held, found)
    contents = {one: held[one].content for one in found.sealed}
    followed = {
        content.delegation
        for one, content in contents.items()
        if isinstance(content, Revoke)
        and content.delegation in held
        and (
            held[one].anchor != held[content.delegation].anchor
            or content.delegation in held[one].prev
        )
    }
    return revoked & followed, alarms


def revokes_always(held: Held, found: Standing) -> Any:
    """Lets void revokes hold."""
    named = {e.content.delegation for e in held.values() if isinstance(e.content, Revoke)}
    return frozenset(named), ()


def revokes_writers(held: Held, found: Standing) -> Any:
    """Takes a revoke for one of the writer key."""
    revoked, alarms = REVOKES(held, found)
    contents = {one: event.content for one, event in held.items()}
    writers = {one: c.writer for one, c in contents.items() if isinstance(c, Delegate)}
    gone = {writers[one] for one in revoked & writers.keys()}
    return revoked | {one for one in writers if writers[one] in gone}, alarms


def alarms_for_good(held: Held, found: Standing) -> Any:
    """Does not notice that a revoke was said again."""
    revoked, _ = REVOKES(held, found)
    lost = [one for one in found.void if isinstance(held[one].content, Revoke)]
    return revoked, tuple(sorted(lost))


def no_alarms(held: Held, found: Standing) -> Any:
    return REVOKES(held, found)[0], ()


def first_keys(known: Any, chain_event: EventId) -> Any:
    """Leaves the keys of the inception in charge."""
    [first] = [event.id for event in known.values() if isinstance(event.content, Incept)]
    return AUTHORITY(known, first)


def frozen_by_any(held: Held, found: Standing, count: int, applies: bool) -> str | None:
    """Every unknown event freezes."""
    strange = any(not event.known for event in held.values())
    return "unknown-event" if strange else FROZEN(held, found, count, applies)


def unknown_on_line(inception: Event, followers: Any, ranks: Any) -> set[EventId]:
    """Looks for unknown chain events only beside the chain in force."""
    chain, _ = CHAIN(inception, followers, ranks)
    after = [event for one in chain for event in followers.get(one.id, ())]
    return {event.id for event in after if not event.known}


def unknown_at_end(inception: Event, followers: Any, ranks: Any) -> set[EventId]:
    """Lets anything that is known pass over an unknown chain event."""
    chain, _ = CHAIN(inception, followers, ranks)
    return {event.id for event in followers.get(chain[-1].id, ()) if not event.known}


def shows(op: str, name: str, change: Callable[[Any], Json]) -> Mutant:
    """The core, with one field of each state told otherwise."""

    def changed(request: Request, reply: dict[str, Json]) -> dict[str, Json]:
        states: Any = reply["ok"]
        return {"ok": {org: {**state, name: change(state)} for org, state in states.items()}}

    return after(op, changed)


def sessions_of_revoked(state: Any, org: bytes, delegation: bytes) -> Any:
    """Gives sessions to whoever was granted a delegation once."""
    return identity._decide(state, org, delegation) or (
        None if delegation in state.delegations else Fault.NOT_ACCEPTED
    )


def patched(name: str, replacement: object) -> Mutant:
    return replaced(standing, name, replacement)


MUTANTS: dict[str, tuple[Mutant, tuple[str, ...]]] = {
    "lets a rotation beat a recovery": (
        ranked(rotate=2, recovery=1),
        ("4/chain-recover-over-rotate-1", "4/standing-six-race-1", "4/chain-settled-by-recovery"),
    ),
    "ranks a recovery like both": (
        ranked(recovery=3),
        ("4/chain-rotate-both-over-recover-1", "4/chain-old-sheet", "4/chain-settled-by-both"),
    ),
    "ranks closing like rotating": (ranked(close=1), ("4/chain-rotate-over-close-1",)),
    "lets closing beat rotating": (
        ranked(close=1, rotate=0),
        ("4/chain-rotate-over-close-2", "4/chain-rotate-over-close-both-1"),
    ),
    "lets the first to arrive win": (
        patched("_chain", settled(lambda found: found[0])),
        ("4/chain-two-rotations-1", "4/chain-disputed-for-ever", "4/standing-six-rivals-1"),
    ),
    "lets the lowest id win": (
        patched("_chain", settled(lambda found: min(found, key=lambda event: event.id))),
        ("4/chain-two-rotations-1", "4/chain-three-contenders"),
    ),
    "lets nothing stand behind an event": (
        patched("_ranks", own_ranks),
        ("4/chain-old-sheet", "4/chain-old-control-keys", "4/chain-behind-close-then-both"),
    ),
    "lets only both sets of keys stand behind an event": (
        patched("_ranks", raised_by_both),
        ("4/chain-sheet-replaced-by-recovery", "4/chain-behind-rotate-then-recover"),
    ),
    "lets something stand behind a recovery": (
        patched("_ranks", raised_recoveries),
        ("4/chain-recovered-line-below-both",),
    ),
    "sees only what stands directly behind": (
        patched("_ranks", raised_once),
        ("4/chain-behind-two-rotations-then-both", "4/chain-old-control-keys"),
    ),
    "ranks unknown chain events": (
        patched("_ranks", unknown_in_line),
        ("4/standing-unknown-chain",),
    ),
    "seals what a chain event leaves out": (
        patched("_sealed", seals_all),
        ("4/standing-sealed", "4/standing-void-seal-key", "4/standing-void-unendorse"),
    ),
    "seals only what is named itself": (
        patched("_ancestors", seals_heads),
        ("4/standing-sealed-deeper",),
    ),
    "waits for a chain event to seal": (
        patched("_sealed", seals_later),
        ("4/standing-open-epoch", "4/state-concurrent-1"),
    ),
    "lets losers seal": (
        patched("_sealed", seals_in_losers),
        ("4/standing-after-a-loser", "4/standing-six-race-1"),
    ),
    "gives where any contender follows": (
        patched("_sealed", disputed(set.union, gives=True)),
        ("4/standing-not-every-delegate", "4/standing-not-every-affirm"),
    ),
    "gives nothing in a dispute": (
        patched("_sealed", disputed(lambda *_: set(), gives=True)),
        ("4/standing-every-delegate", "4/standing-every-endorse", "4/standing-every-sealkey"),
    ),
    "takes only where every contender follows": (
        patched("_sealed", disputed(set.intersection, gives=False)),
        ("4/standing-any-revoke", "4/standing-any-unendorse", "4/cut-in-dispute"),
    ),
    "takes nothing in a dispute": (
        patched("_sealed", disputed(lambda *_: set(), gives=False)),
        ("4/standing-any-revoke", "4/standing-revoke-followed-by-65"),
    ),
    "counts the followers of any number of contenders": (
        patched("CONTENDERS_MAX", 10**6),
        ("4/standing-followed-by-65",),
    ),
    "counts the followers of fewer contenders": (
        patched("CONTENDERS_MAX", 63),
        ("4/standing-followed-by-64",),
    ),
    "restores whatever is affirmed": (
        patched("_restored", restores_anything),
        ("4/standing-affirm-of-endorse",),
    ),
    "restores by what is void": (
        patched("_restored", restores_by_void),
        ("4/standing-affirm-void",),
    ),
    "restores by key changes that lost": (
        patched("_restored", restores_by_losers),
        ("4/standing-affirm-in-a-loser", "4/standing-affirm-of-a-contender"),
    ),
    "restores by events only": (
        patched("_restored", restores_by_events),
        ("4/standing-affirmed-in-rotate", "4/standing-affirmed-of-a-loser"),
    ),
    "restores no unknown events": (
        patched("_restored", restores_known),
        ("4/standing-unknown-affirmed",),
    ),
    "calls void what waits for a dispute": (
        patched("_unsettled", lambda *_: set()),
        ("4/standing-after-a-contender", "4/standing-none-revoke"),
    ),
    "lets only what a contender opened wait": (
        patched("_unsettled", only_contenders),
        ("4/standing-after-a-follower",),
    ),
    "counts void events among the heads": (
        judged(void=lambda held, found: frozenset()),
        ("4/standing-sealed", "4/standing-after-a-loser"),
    ),
    "leaves restored events out of the heads": (
        judged(void=lambda held, found: found.void | found.restored),
        ("4/standing-affirmed",),
    ),
    "leaves the first keys in charge": (
        replaced(identity, "authority_after", first_keys),
        ("4/chain-keys-after-rotate", "4/chain-recovery-keys-of-recover"),
    ),
    "brings back by affirming what is revoked": (
        replaced(identity, "_revokes", affirm_gives_back),
        ("4/standing-affirm-of-revoked",),
    ),
    "revokes only what the revoke follows": (
        replaced(identity, "_revokes", revokes_ancestors),
        ("4/standing-revoke-beside", "4/standing-revoke-before"),
    ),
    "revokes though the revoke is void": (
        replaced(identity, "_revokes", revokes_always),
        ("4/standing-revoke-void",),
    ),
    "revokes the writer key": (
        replaced(identity, "_revokes", revokes_writers),
        ("4/standing-delegated-anew",),
    ),
    "goes on with an alarm after the revoke was said again": (
        replaced(identity, "_revokes", alarms_for_good),
        ("4/standing-revoke-said-again",),
    ),
    "raises no alarm": (
        replaced(identity, "_revokes", no_alarms),
        ("4/standing-revoke-void", "4/standing-revoke-of-another"),
    ),
    "freezes for every unknown event": (
        replaced(identity, "_frozen", frozen_by_any),
        ("4/standing-unknown-void", "4/log-thawed", "4/standing-unknown-chain-beside-both"),
    ),
    "overlooks unknown chain events on lines that are passed over": (
        patched("_unranked", unknown_on_line),
        ("4/standing-unknown-chain-below-recover", "4/standing-unknown-chain-beside-both"),
    ),
    "overlooks unknown chain events that anything passes over": (
        patched("_unranked", unknown_at_end),
        ("4/standing-unknown-chain-beside-rotate", "4/standing-unknown-chain-beside-recover"),
    ),
    "stays closed": (
        shows("identity.evaluate", "closed", lambda state: len(state["chain"]) > 2),
        ("4/chain-open-again",),
    ),
    "forgets the successor": (
        shows("identity.evaluate", "successor", nothing),
        ("4/chain-closed-with-successor",),
    ),
    "gives sessions to revoked delegations": (
        replaced(harness_ops, "decide_session", sessions_of_revoked),
        ("4/session-revoked",),
    ),
}
"""What is wrong with an implementation -> how it answers, and vectors that must catch it."""
