"""Exact quantities: decimals, bounds, packs and amounts. Spec: 12.3.8, 12.7.

An amount is a whole number of 10^-15 of the base unit of a dimension, so that sums and comparisons
never round: six decimals of a number, six of a pack's content and three of a factor make fifteen.
There is no division here. The forms are judged by `schema`; `of` expects facts that fit them.

`number_from_text` is the parser for programs that read sheets: it takes nothing that only looks
like a number (Threat 42).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from hutong_protocol.units import dimension_of, factor_of

AMOUNT_SCALE: Final = 10**15
"""Amounts are in this part of the base unit."""

_NUMBER_SCALE = 10**6
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,6}))?")

BANDS: Final[frozenset[tuple[str, str | None]]] = frozenset(
    {("1", "4"), ("5", "9"), ("10", "19"), ("20", None)}
)
"""The (min, max) of quantities with the bound `band`. Spec: 12.3.8."""

Facts: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Amount:
    """How much: `units` of 10^-15 of the base unit of `dimension`. Spec: 12.7.1."""

    dimension: str
    units: int


@dataclass(frozen=True, slots=True)
class Pack:
    """One `unit` is `number` (in millionths) of `of_unit`. Spec: 12.7.4."""

    unit: str
    number: int
    of_unit: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity as stated; numbers are in millionths. Spec: 12.3.8."""

    bound: str
    value: int | None
    least: int | None
    most: int | None
    unit: str | None
    pack: Pack | None

    def stated(self, line_pack: Pack | None = None) -> Amount | None:
        """The amount of the value, or of the least of a range; None if there is neither.

        A band has none, whatever its numbers say. `line_pack` is the pack of the line, which holds
        where the quantity has none of its own for its unit. Spec: 12.7.5 to 12.7.7.
        """
        if self.bound == "band":
            return None
        number = self.value if self.value is not None else self.least
        return self._amount(number, line_pack)

    def ceiling(self, line_pack: Pack | None = None) -> Amount | None:
        """The amount of the most of an `up_to`; None for other bounds. Spec: 12.7.7."""
        return self._amount(self.most, line_pack) if self.bound == "up_to" else None

    def dimension(self, line_pack: Pack | None = None) -> str | None:
        """The dimension that this is computed in; None without a unit. Spec: 12.7.6."""
        if self.unit is None:
            return None
        pack = self._holding(line_pack)
        return dimension_of(self.unit if pack is None else pack.of_unit)

    def _holding(self, line_pack: Pack | None) -> Pack | None:
        for pack in (self.pack, line_pack):
            if pack is not None and pack.unit == self.unit:
                return pack
        return None

    def _amount(self, number: int | None, line_pack: Pack | None) -> Amount | None:
        if number is None or self.unit is None:
            return None
        pack = self._holding(line_pack)
        if pack is None:
            units = number * _NUMBER_SCALE * factor_of(self.unit)
            return Amount(dimension_of(self.unit), units)
        return Amount(dimension_of(pack.of_unit), number * pack.number * factor_of(pack.of_unit))


def of(facts: Facts) -> Quantity:
    """The quantity in a map that fits the shape of 12.3.8."""
    return Quantity(
        bound=_str(facts["bound"]),
        value=_millionths(facts.get("value")),
        least=_millionths(facts.get("min")),
        most=_millionths(facts.get("max")),
        unit=_str(facts["unit"]) if "unit" in facts else None,
        pack=pack_of(facts),
    )


def pack_of(facts: Facts) -> Pack | None:
    """The pack in a map that fits the shape of 12.3.8, if it has one."""
    pack = facts.get("pack")
    if not isinstance(pack, dict):
        return None
    content = pack["of"]
    return Pack(pack["unit"], decimal_millionths(content["value"]) or 0, content["unit"])


def decimal_millionths(text: str) -> int | None:
    """The number that a decimal states, in millionths; None if it is no decimal. Spec: 12.3.4."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return None
    return int(match[1]) * _NUMBER_SCALE + int((match[2] or "").ljust(6, "0"))


def amount_text(units: int) -> str:
    """The canonical text of an amount that is not negative. Spec: 12.7.8."""
    whole, rest = divmod(units, AMOUNT_SCALE)
    return f"{whole}.{rest:015}".rstrip("0") if rest else str(whole)


def number_from_text(text: str) -> str | None:
    """The decimal that a cell of a sheet states in plain ASCII; None if it is anything else.

    Takes digits with commas between groups of three, one decimal point, leading zeros and blanks
    around. Nothing else: no sign, no exponent, no underscore, no full-width digit, no more than 18
    whole digits or 6 decimals that are not zero. Threat 42.
    """
    match = re.fullmatch(r"([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]*))?", text.strip(" \t"))
    if match is None:
        return None
    whole = match[1].replace(",", "").lstrip("0") or "0"
    fraction = (match[2] or "").rstrip("0")
    if len(whole) > 18 or len(fraction) > 6:
        return None
    return f"{whole}.{fraction}" if fraction else whole


def _millionths(text: object) -> int | None:
    return decimal_millionths(text) if isinstance(text, str) else None


def _str(value: object) -> str:
    assert isinstance(value, str)
    return value
