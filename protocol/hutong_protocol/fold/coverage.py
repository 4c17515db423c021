"""What a view rests on: how many records, what of them is missing, whom one does not hold. 12.20.1.

Owns the adding up of the tallies of things. A node adds what only it knows: the scopes that it
holds and the organisations that it refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hutong_protocol.fold.basis import Tally


@dataclass(frozen=True, slots=True)
class Coverage:
    """Spec: 12.20.1, 12.21.9. `standing` and `types` are in order of name, without zeros."""

    records: int
    standing: tuple[tuple[str, int], ...]
    types: tuple[tuple[str, int], ...]
    facts_erased: int
    facts_missing: int
    organisations: int
    not_held: tuple[bytes, ...]


def coverage_of(tallies: Iterable[Tally]) -> Coverage:
    """The coverage of everything that these tallies count."""
    standing: Counter[str] = Counter()
    types: Counter[str] = Counter()
    authors: set[bytes] = set()
    named: set[bytes] = set()
    erased = missing = 0
    for tally in tallies:
        standing.update(dict(tally.standing))
        types.update(dict(tally.types))
        authors.update(tally.authors)
        named.update(tally.named)
        erased += tally.facts_erased
        missing += tally.facts_missing
    return Coverage(
        records=standing.total(),
        standing=tuple(sorted(standing.items())),
        types=tuple(sorted(types.items())),
        facts_erased=erased,
        facts_missing=missing,
        organisations=len(authors),
        not_held=tuple(sorted(named - authors)),
    )
