"""Implementations of 4.8.3 to 4.8.6 that each leave out one rule, and the vectors that notice.

Most are the core with one of its functions replaced while it answers, as in `mutants_identity`;
those that choose another cut have the choice written out once more, with its rules as arguments.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conformance.mutants_identity import Mutant, replaced
from hutong_protocol import cut_effects
from hutong_protocol.cut_effects import Cut, CutEvent, DelegationCuts
from hutong_protocol.cuts import CutHead, CutList
from hutong_protocol.harness_ops import identity as operations
from hutong_protocol.identity_contents import Resolve, Revoke

CUTS_OF = cut_effects.cuts_of
EFFECTIVE = cut_effects.effective_cut
HEADS = cut_effects._heads
ANCESTORS = cut_effects._ancestors
Kept = Mapping[Any, Sequence[CutHead]]
Chosen = Callable[[Kept, DelegationCuts], Cut | None]


def lists_seen(change: Callable[[CutEvent, Mapping[bytes, CutList], Any, Any], Any]) -> Mutant:
    """The core with another idea of which lists an event has."""

    def heads(event: CutEvent, lists: Any, delegation: Any, scope: Any, log: Any) -> Any:
        event, lists = change(event, lists, delegation, scope)
        return HEADS(event, lists, delegation, scope, log)

    return replaced(cut_effects, "_heads", heads)


def any_scope(event: CutEvent, lists: Any, delegation: Any, scope: Any) -> Any:
    moved = {n: dataclasses.replace(o, space=scope[0], topic=scope[1]) for n, o in lists.items()}
    return event, moved


def any_delegation(event: CutEvent, lists: Any, delegation: Any, scope: Any) -> Any:
    return event, {n: dataclasses.replace(o, delegation=delegation) for n, o in lists.items()}


def any_list(event: CutEvent, lists: Any, delegation: Any, scope: Any) -> Any:
    return dataclasses.replace(event, lists=tuple(sorted(lists))), lists


def last_list(event: CutEvent, lists: Any, delegation: Any, scope: Any) -> Any:
    return dataclasses.replace(event, lists=event.lists[::-1]), lists


def all_lists_or_none(event: CutEvent, lists: Any, delegation: Any, scope: Any) -> Any:
    """Waits until every list of the manifest is there."""
    return event, lists if set(event.lists) <= lists.keys() else {}


def missing_cuts_nothing(event: CutEvent, lists: Any, *asked: Any) -> Any:
    found = HEADS(event, lists, *asked)
    return found if any(name in lists for name in event.lists) else None


def empty_cuts_nothing(event: CutEvent, lists: Any, *asked: Any) -> Any:
    """Takes an empty manifest for one that says nothing."""
    return HEADS(event, lists, *asked) if event.lists else None


def unlisted_is_kept(event: CutEvent, lists: Any, *asked: Any) -> Any:
    return HEADS(dataclasses.replace(event, revokes=False), lists, *asked)


def unlisted_is_cut(event: CutEvent, lists: Any, *asked: Any) -> Any:
    return HEADS(dataclasses.replace(event, revokes=True), lists, *asked)


def one_head(event: CutEvent, lists: Any, *asked: Any) -> Any:
    found = HEADS(event, lists, *asked)
    return found and found[-1:]


def chosen(choose: Chosen) -> Mutant:
    """The core with another choice among the cuts that do not give way."""

    def effective(cuts: DelegationCuts, lists: Any, scope: Any, log: Any) -> Cut | None:
        if not cuts.granted:
            return Cut(None, ())
        kept = {
            event.id: heads
            for event in cuts.events
            if (heads := HEADS(event, lists, cuts.delegation, scope, log)) is not None
        }
        gone = {one for event in cuts.events if event.id in kept for one in event.follows}
        return choose({one: kept[one] for one in kept if one not in gone}, cuts)

    return replaced(operations, "effective_cut", effective)


def picked(key: Callable[[Any, Sequence[CutHead]], Any]) -> Mutant:
    """Takes the cut whose key is the least."""

    def choose(kept: Kept, cuts: DelegationCuts) -> Cut | None:
        if not kept:
            return None
        first = min(kept, key=lambda one: key(one, kept[one]))
        return Cut(first, tuple(kept[first]))

    return chosen(choose)


def seqs(heads: Sequence[CutHead], nothing: int = -1) -> list[int]:
    return [seq for seq, _ in heads] or [nothing]


def backwards(one: bytes) -> bytes:
    return bytes(255 - byte for byte in one)


def mixed(kept: Kept, cuts: DelegationCuts) -> Cut | None:
    """Keeps of the cut that wins only what every other keeps, too."""
    if not kept:
        return None
    first = min(kept, key=lambda one: (max(seqs(kept[one])), one))
    most = min(max(seqs(heads)) for heads in kept.values())
    heads = {head for heads in kept.values() for head in heads if head[0] <= most}
    return Cut(first, tuple(sorted(heads)))


def following(change: Callable[[CutEvent, DelegationCuts], frozenset[Any]]) -> Mutant:
    """The core with another idea of which cuts give way."""

    def effective(cuts: DelegationCuts, *asked: Any) -> Cut | None:
        events = (dataclasses.replace(one, follows=change(one, cuts)) for one in cuts.events)
        return EFFECTIVE(dataclasses.replace(cuts, events=tuple(events)), *asked)

    return replaced(operations, "effective_cut", effective)


def direct_only(held: Any, identifier: Any) -> set[Any]:
    return set(held[identifier].prev)


def within_epoch(held: Any, identifier: Any) -> set[Any]:
    """Stops at chain events."""
    epoch = held[identifier].statement.epoch
    inside = {one: event for one, event in held.items() if event.statement.epoch == epoch}
    return ANCESTORS(held, identifier) & inside.keys()


def revokes_win(one: CutEvent, cuts: DelegationCuts) -> frozenset[Any]:
    """A resolve never moves the cut of a revoke."""
    revokes = {event.id for event in cuts.events if event.revokes}
    return one.follows if one.revokes else one.follows - revokes


def cut_by_all(held: Any, standing: Any, delegation: Any) -> DelegationCuts:
    """Void events cut as well."""
    sealed = standing.sealed | standing.void | standing.waiting
    return CUTS_OF(held, dataclasses.replace(standing, sealed=sealed), delegation)


def always_granted(held: Any, standing: Any, delegation: Any) -> DelegationCuts:
    return dataclasses.replace(CUTS_OF(held, standing, delegation), granted=True)


def sealed_only(held: Any, standing: Any, delegation: Any) -> DelegationCuts:
    """Does not know of restored delegations."""
    found = CUTS_OF(held, standing, delegation)
    return dataclasses.replace(found, granted=delegation in standing.sealed)


def anything_granted(held: Any, standing: Any, delegation: Any) -> DelegationCuts:
    """Takes every event that has effect for a delegation."""
    found = CUTS_OF(held, standing, delegation)
    return dataclasses.replace(found, granted=delegation in standing.effective)


def of_any_delegation(event: Any, delegation: Any) -> bool:
    return isinstance(event.content, Revoke | Resolve)


MUTANTS: dict[str, tuple[Mutant, tuple[str, ...]]] = {
    "takes lists of any scope": (lists_seen(any_scope), ("4/cut-list-of-another-topic",)),
    "takes lists of any delegation": (
        lists_seen(any_delegation),
        ("4/cut-list-of-another-delegation",),
    ),
    "takes lists that no manifest names": (lists_seen(any_list), ("4/cut-list-not-named",)),
    "takes the last of several lists": (
        lists_seen(last_list),
        ("4/cut-two-lists-1", "4/cut-two-lists-2"),
    ),
    "waits for all lists of a manifest": (
        lists_seen(all_lists_or_none),
        ("4/cut-two-lists-one-held",),
    ),
    "keeps everything until the list comes": (
        replaced(cut_effects, "_heads", missing_cuts_nothing),
        ("4/cut-revoke-list-missing", "4/cut-resolve-list-missing", "4/cut-moved-list-missing"),
    ),
    "takes an empty manifest for none": (
        replaced(cut_effects, "_heads", empty_cuts_nothing),
        ("4/cut-revoke-all", "4/cut-resolve-all"),
    ),
    "keeps the logs that a revoke does not list": (
        replaced(cut_effects, "_heads", unlisted_is_kept),
        ("4/cut-revoke-not-listed",),
    ),
    "cuts the logs that a resolve does not list": (
        replaced(cut_effects, "_heads", unlisted_is_cut),
        ("4/cut-resolve-not-listed", "4/cut-resolve-leaves"),
    ),
    "keeps one head": (replaced(cut_effects, "_heads", one_head), ("4/cut-four-heads",)),
    "takes the highest cut": (
        picked(lambda one, heads: (-max(seqs(heads)), one)),
        ("4/cut-lowest-1", "4/cut-below-seq-0"),
    ),
    "takes the cut with the lowest seq of all": (
        picked(lambda one, heads: (min(seqs(heads)), one)),
        ("4/cut-highest-of-each",),
    ),
    "takes the highest event id at one seq": (
        picked(lambda one, heads: (max(seqs(heads)), backwards(one))),
        ("4/cut-equal-seq-1", "4/cut-equal-seq-2"),
    ),
    "takes the lowest event id": (
        picked(lambda one, heads: one),
        ("4/cut-resolve-beside",),
    ),
    "counts nothing kept as seq 0": (
        picked(lambda one, heads: (max(seqs(heads, 0)), bool(not heads), one)),
        ("4/cut-below-seq-0",),
    ),
    "mixes cuts": (chosen(mixed), ("4/cut-highest-of-each",)),
    "lets no cut give way": (
        following(lambda one, cuts: frozenset()),
        ("4/cut-moved-up", "4/cut-moved-both", "4/cut-moved-in-next-epoch"),
    ),
    "lets cuts give way to what follows directly": (
        replaced(cut_effects, "_ancestors", direct_only),
        ("4/cut-moved-deeper", "4/cut-moved-in-next-epoch"),
    ),
    "lets cuts give way within an epoch": (
        replaced(cut_effects, "_ancestors", within_epoch),
        ("4/cut-moved-in-next-epoch",),
    ),
    "lets no resolve move a revoke": (following(revokes_win), ("4/cut-moved-by-resolve",)),
    "lets the last cut win": (
        following(lambda one, cuts: frozenset(e.id for e in cuts.events if e.id < one.id)),
        ("4/cut-moved-one-of-two",),
    ),
    "lets void events cut": (
        replaced(operations, "cuts_of", cut_by_all),
        ("4/cut-void", "4/cut-moved-void", "4/cut-in-dispute-none"),
    ),
    "keeps logs of delegations that are not granted": (
        replaced(operations, "cuts_of", always_granted),
        ("4/cut-not-held", "4/cut-not-granted", "4/cut-no-delegation"),
    ),
    "keeps nothing of restored delegations": (
        replaced(operations, "cuts_of", sealed_only),
        ("4/cut-restored", "4/cut-restored-and-cut"),
    ),
    "takes any event for a delegation": (
        replaced(operations, "cuts_of", anything_granted),
        ("4/cut-no-delegation",),
    ),
    "cuts the logs of every delegation": (
        replaced(cut_effects, "_names", of_any_delegation),
        ("4/cut-revoke-of-another",),
    ),
}
"""What is wrong with an implementation -> how it answers, and vectors that must catch it."""
