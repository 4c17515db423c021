"""Units of measure: which dimension a unit belongs to, and its exact factor. Spec: 12.7.

Owns the one table of units that convert. Every other word is a dimension of its own, so counting
words (boxes, bags), people and money never convert into each other, and a unit that nobody here
knows is computed with exactly, among its own kind.

Bare words are not translated: 斤 is 0.5 kg in one place and 0.6 kg in another. Labels of units for
people stand in `taxonomy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FACTOR_SCALE: Final = 1_000
"""Factors are whole numbers of thousandths: no factor has more than three decimals."""

_TABLE: Final[Mapping[str, tuple[str, int]]] = MappingProxyType(
    {
        "kg": ("kg", 1_000),
        "g": ("kg", 1),
        "t": ("kg", 1_000_000),
        "jin_cn": ("kg", 500),
        "liang_cn": ("kg", 50),
        "dan_cn": ("kg", 50_000),
        "catty_tw": ("kg", 600),
        "l": ("l", 1_000),
        "ml": ("l", 1),
        "m3": ("l", 1_000_000),
        "min": ("min", 1_000),
        "h": ("min", 60_000),
    }
)

CONVERTIBLE: Final = frozenset(_TABLE)
"""The units that have a dimension other than themselves, or share one. Spec: 12.7.2."""


def dimension_of(unit: str) -> str:
    """The dimension of a unit, named by its base unit. Spec: 12.7.2."""
    found = _TABLE.get(unit)
    return unit if found is None else found[0]


def factor_of(unit: str) -> int:
    """How many thousandths of the base unit one `unit` is. Spec: 12.7.2."""
    found = _TABLE.get(unit)
    return FACTOR_SCALE if found is None else found[1]


def raw_unit(word: str) -> str | None:
    """The unit code of a word that nobody translated, `raw:<word>`; None if nothing is left of it.

    Blanks and control characters are taken out; a word too long for a code (64 bytes) is cut at a
    character.
    """
    kept = "".join(letter for letter in word if letter > " " and letter != "\x7f")
    room = 64 - len("raw:")
    cut = kept.encode("utf-8", "ignore")[:room].decode("utf-8", "ignore")
    return f"raw:{cut}" if cut else None
