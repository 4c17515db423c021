"""Who says so, and how they know: what stands behind the word that a thing was checked.

Owns the choice of checks that carry the state of a thing (spec, 12.18.4), by party and by method.
"Confirmed" after somebody read a row at a desk is another thing than after a call back, and one's
own check another than a third party's: whoever shows the state shows these beside it. Nothing is
computed anew; the state is the fold's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hutong_protocol.fold.basis import Check

DESK: Final = "desk"
METHODS: Final = ("on_site", "two_way", "one_way", DESK)
"""The methods that the specification knows, the nearest to the people concerned first."""
_SAID: Final = frozenset({"confirmed", "partly", "refuted"})
"""States that a check says in so many words."""


@dataclass(frozen=True, slots=True)
class Backing:
    """What one kind of party bases a state on: every method that was used, the nearest first."""

    third_party: bool
    methods: tuple[str, ...]
    checked_at_ms: int | None

    @property
    def is_desk_only(self) -> bool:
        """Whether nobody outside was asked."""
        return self.methods == (DESK,)


def backing_of(state: str, checks: Iterable[Check]) -> tuple[Backing, ...]:
    """What stands behind a state, a third party's checks first; nothing for states without."""
    if state not in _SAID:
        return ()
    found = [check for check in checks if check.fresh and check.outcome == state]
    backing = []
    for third_party in (True, False):
        of_party = [check for check in found if check.third_party is third_party]
        if of_party:
            times = [check.checked_at_ms for check in of_party if check.checked_at_ms is not None]
            methods = sorted({check.method for check in of_party}, key=_order)
            backing.append(Backing(third_party, tuple(methods), max(times, default=None)))
    return tuple(backing)


def _order(method: str) -> tuple[int, str]:
    return (METHODS.index(method) if method in METHODS else len(METHODS), method)
