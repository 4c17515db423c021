"""Numbers and units for people: grouped digits, as written and in the unit that one can compare.

Owns how amounts and quantities read. Nothing is computed with here: amounts come exact from the
fold, and what is shown rounded says so. 5,000,000 斤 stays what was written, with "= 2,500 t"
beside it; boxes stay boxes. Units that this software doesn't know are shown as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from hutong_protocol import quantity, taxonomy
from hutong_protocol.encoding import Value
from hutong_protocol.quantity import AMOUNT_SCALE
from hutong_protocol.units import dimension_of

_SYMBOLS: Final[Mapping[str, str]] = {
    "kg": "kg",
    "g": "g",
    "t": "t",
    "l": "L",
    "ml": "mL",
    "m3": "m³",
    "min": "min",
    "h": "h",
}
_LOCAL_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "jin_cn": ("斤", "jin (斤)"),
    # Counting words that sheets have and the specification leaves open.
    "ding": ("顶", "ding (顶)"),
    "fu": ("副", "fu (副)"),
    "gen": ("根", "gen (根)"),
    "guan": ("罐", "can (罐)"),
    "juan": ("卷", "roll (卷)"),
    "pian": ("片", "tablet (片)"),
    "tiao": ("条", "tiao (条)"),
    "tong": ("桶", "barrel (桶)"),
    "zhang": ("张", "sheet (张)"),
}
_LARGER: Final[Mapping[str, tuple[str, int]]] = {
    "kg": ("t", 1_000),
    "min": ("h", 60),
}
_DECIMALS: Final = 3
_RAW: Final = "raw:"
_EXACT: Final = Context(prec=200, rounding=ROUND_HALF_UP)
"""More digits than any sum of amounts has."""


def grouped(number: Decimal | int | str) -> str:
    """A number with its digits in groups of three; nothing is rounded."""
    text = format(Decimal(number), "f")
    whole, point, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    return f"{int(whole):,}{point if fraction else ''}{fraction}"


def unit_name(unit: str, language: str) -> str:
    """The name of a unit. May hold anything that a record says: treat it as words of others."""
    if unit in _SYMBOLS:
        return _SYMBOLS[unit]
    chinese = language == "zh"
    if unit in _LOCAL_NAMES:
        return _LOCAL_NAMES[unit][0 if chinese else 1]
    label = taxonomy.UNITS.get(unit)
    if label is not None:
        return label.zh if chinese else _both(label)
    return unit.removeprefix(_RAW) or unit


class Scale:
    """The unit in which the amounts of one line are shown: one for all of them."""

    def __init__(self, dimension: str | None, amounts: Iterable[int | None], language: str) -> None:
        """`amounts` are those that will be shown, in 10^-15 of the base unit of `dimension`."""
        self.unit = dimension or ""
        self._divisor = 1
        largest = max((amount for amount in amounts if amount), default=0)
        larger = _LARGER.get(self.unit)
        if larger is not None and largest >= larger[1] * AMOUNT_SCALE:
            self.unit, self._divisor = larger
        self.name = unit_name(self.unit, language) if self.unit else ""

    def number(self, amount: int) -> str:
        """The amount without its unit; with ≈ where not all decimals are shown."""
        exact = _EXACT.divide(Decimal(amount), Decimal(AMOUNT_SCALE * self._divisor))
        rounded = exact.quantize(Decimal(1).scaleb(-_DECIMALS), context=_EXACT)
        return ("" if rounded == exact else "≈ ") + grouped(rounded)

    def amount(self, amount: int | None) -> str:
        """The amount with its unit; a dash for none."""
        if amount is None:
            return "–"
        return f"{self.number(amount)} {self.name}".strip()


def amount_shown(dimension: str | None, amount: int | None, language: str) -> str:
    """One amount by itself."""
    return Scale(dimension, [amount], language).amount(amount)


def quantity_shown(
    facts: Mapping[str, Value], bounds: Mapping[str, str], language: str, *, packs: bool = True
) -> str:
    """A quantity as it was written, and what that comes to in the unit that one computes with.

    Args:
        facts: a map that fits the shape of 12.3.8.
        bounds: a phrase for each bound, with `{}` where the number stands.
        packs: whether to add what a pack holds.
    """
    stated = quantity.of(facts)
    unit = "" if stated.unit is None else unit_name(stated.unit, language)
    number = _number(facts, stated.bound)
    phrase = bounds[stated.bound]
    if "{}" in phrase:
        text = phrase.format(f"{number} {unit}".strip())
    else:
        text = ("，" if language == "zh" else ", ").join(filter(None, (phrase, unit)))
    found = stated.stated() or stated.ceiling()
    if found is not None and packs and _says_more(stated, found.dimension):
        text += f" = {amount_shown(found.dimension, found.units, language)}"
    return text


def _number(facts: Mapping[str, Value], bound: str) -> str:
    value, least, most = (facts.get(name) for name in ("value", "min", "max"))
    if isinstance(value, str):
        return grouped(value)
    if isinstance(least, str) and isinstance(most, str):
        return f"{grouped(least)}–{grouped(most)}"
    if isinstance(least, str):
        return f"{grouped(least)}{'+' if bound == 'band' else ''}"
    return grouped(most) if isinstance(most, str) else ""


def _says_more(stated: quantity.Quantity, dimension: str) -> bool:
    """Whether the amount is worth telling beside the number as it was written."""
    if stated.unit is None or stated.unit in _SYMBOLS:
        return stated.pack is not None and stated.pack.unit == stated.unit
    return dimension != stated.unit or dimension_of(stated.unit) != stated.unit


def _both(label: taxonomy.Label) -> str:
    return label.en if label.en == label.zh else f"{label.en} ({label.zh})"
