"""The whole fold: records and an instant in, the state of everything out. Spec: 12.9 to 12.21.

Owns the putting together of things into scopes with their digests, and of tallies into coverage. It
is a pure function of the set of records and `as_of`; `incremental` computes the same step by step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from hutong_protocol.fold.basis import ThingBasis
from hutong_protocol.fold.coverage import Coverage, coverage_of
from hutong_protocol.fold.digests import claims_digest, fold_digest, thing_digest
from hutong_protocol.fold.records import FoldRecord, ThingKey, thing_of
from hutong_protocol.fold.reduce import reduce_thing
from hutong_protocol.fold.thing_view import ThingView, view


@dataclass(frozen=True, slots=True)
class ScopeState:
    """A scope with at least one thing. Spec: 12.21.3."""

    space: str
    topic: str
    things: int
    fold_digest: bytes
    claims_digest: bytes


@dataclass(frozen=True, slots=True)
class FoldState:
    """Everything at an instant; things in order of (space, topic, id). Spec: 12.21."""

    as_of_ms: int
    scopes: tuple[ScopeState, ...]
    things: tuple[ThingView, ...]
    coverage: Coverage


def fold(records: Iterable[FoldRecord], as_of_ms: int) -> FoldState:
    """The state that these records come to at an instant.

    Args:
        records: authentic, effective data records in any order; copies are allowed.
        as_of_ms: milliseconds since 1970, within +/-(2^53-1).
    """
    groups: dict[ThingKey, list[FoldRecord]] = defaultdict(list)
    for record in records:
        groups[thing_of(record)].append(record)
    return state_of((reduce_thing(group) for group in groups.values()), as_of_ms)


def state_of(bases: Iterable[ThingBasis], as_of_ms: int) -> FoldState:
    """The state that these bases, each of another thing, come to at an instant."""
    ordered = sorted(bases, key=lambda basis: basis.key)
    views = [seen for basis in ordered if (seen := view(basis, as_of_ms)) is not None]
    return FoldState(
        as_of_ms=as_of_ms,
        scopes=tuple(_scopes(views, as_of_ms)),
        things=tuple(views),
        coverage=coverage_of(basis.tally for basis in ordered),
    )


def _scopes(views: Iterable[ThingView], as_of_ms: int) -> Iterable[ScopeState]:
    by_scope: dict[tuple[str, str], list[ThingView]] = defaultdict(list)
    for seen in views:
        by_scope[seen.key.space, seen.key.topic].append(seen)
    for (space, topic), held in sorted(by_scope.items()):
        digests = [(seen.key.id, thing_digest(seen)) for seen in held]
        yield ScopeState(
            space=space,
            topic=topic,
            things=len(held),
            fold_digest=fold_digest(space, topic, as_of_ms, digests),
            claims_digest=claims_digest(space, topic, as_of_ms, held),
        )
