"""Vectors of the fold: who said what, and all that it comes to. Spec: 12.9 to 12.21.

The scenes stand in `fold_scenes`, with the values that a person expects of each; the whole result
comes from `independent.fold_output`, a second implementation, and the core has to agree.
"""

from __future__ import annotations

from collections.abc import Iterator

from hutong_conformance.cases import Case
from hutong_conformance.fold_scenes import goods, promises, versions


def cases() -> Iterator[Case]:
    """Promises and decisions, goods, versions and standings."""
    yield from promises.scenes()
    yield from goods.scenes()
    yield from versions.scenes()
