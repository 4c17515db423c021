"""Shapes with rules between their fields: quantity, place, party, window. Spec: 12.3.7 to 12.3.14.

Each adds to its map what no single field can say: which numbers stand with which bound, that a
place names something, that a revision's body fits the type that it states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hutong_protocol.quantity import BANDS, decimal_millionths
from hutong_protocol.schema.problems import Report
from hutong_protocol.schema.shapes import (
    CURRENCY,
    KEY,
    TOPIC,
    Code,
    Coded,
    Count,
    Decimal,
    Enum,
    Field,
    Id,
    IdOf,
    Int,
    ListOf,
    MapOf,
    Pattern,
    Shape,
    Time,
)

POINT_GRID: Final = 5_000
"""Microdegrees: about 550 m from north to south. Spec: 13.3.2."""

_NUMBERS: Final[Mapping[str, frozenset[frozenset[str]]]] = MappingProxyType(
    {
        "exact": frozenset({frozenset({"value"})}),
        "estimate": frozenset({frozenset({"value"}), frozenset({"min", "max"})}),
        "at_least": frozenset({frozenset({"min"})}),
        "up_to": frozenset({frozenset({"max"})}),
        "unbounded": frozenset({frozenset()}),
        "unknown": frozenset({frozenset()}),
        "band": frozenset({frozenset({"min", "max"}), frozenset({"min"})}),
    }
)
"""Which number fields stand with which bound. Spec: 12.3.8."""

OF_A_LINE: Final = tuple(_NUMBERS)
PROMISED: Final = ("exact", "estimate", "band", "up_to", "unknown")
STATED: Final = ("exact", "estimate", "band")

QUANTITY_FIELDS: Final = MapOf(
    {
        "bound": Field(Enum(OF_A_LINE), required=True),
        "value": Field(Decimal()),
        "min": Field(Decimal()),
        "max": Field(Decimal()),
        "unit": Field(Code()),
        "pack": Field(
            MapOf(
                {
                    "unit": Field(Code(), required=True),
                    "of": Field(
                        MapOf(
                            {
                                "value": Field(Decimal(positive=True), required=True),
                                "unit": Field(Code(), required=True),
                            }
                        ),
                        required=True,
                    ),
                }
            )
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """How much, with one of the bounds allowed here. Spec: 12.3.8."""

    bounds: tuple[str, ...]

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.8."""
        before = len(report.problems)
        QUANTITY_FIELDS.check(value, report)
        if len(report.problems) > before or type(value) is not dict:
            return
        bound = value["bound"]
        if bound not in self.bounds:
            report.add_at("bound", f"is one of {', '.join(self.bounds)} here", self.bounds[0])
            return
        numbers = frozenset(value) & {"value", "min", "max"}
        if numbers not in _NUMBERS[bound]:
            choices = sorted(_NUMBERS[bound], key=len)
            allowed = " or ".join(" and ".join(sorted(names)) or "no number" for names in choices)
            report.add(f"has {allowed} with bound {bound}")
        elif bound == "band" and (value["min"], value.get("max")) not in BANDS:
            report.add("with bound band is 1 to 4, 5 to 9, 10 to 19 or from 20")
        elif bound == "estimate" and "min" in value:
            _check_range(value["min"], value["max"], report)
        if "unit" not in value and bound not in ("unbounded", "unknown"):
            report.add_at("unit", "is required", "ge")


def _check_range(least: str, most: str, report: Report) -> None:
    low, high = decimal_millionths(least) or 0, decimal_millionths(most) or 0
    if low > high:
        report.add("has min at most max")
    elif low == high and report.authoring:
        report.add("has min below max; else it is a value")


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation, or a party without a node. Spec: 12.3.7."""

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.7."""
        if type(value) is dict:
            LOCAL_PARTY.check(value, report)
        else:
            _ORG.check(value, report)


_ORG = Id(IdOf.ORG)
LOCAL_PARTY: Final = MapOf(
    {
        "key": Field(Pattern(KEY, "p1"), required=True),
        "kind": Field(Coded("org kinds"), required=True),
    }
)

PLACE_CODE: Final = MapOf(
    {
        "scheme": Field(Code(), required=True),
        "code": Field(Code(), required=True),
        "edition": Field(Code()),
    }
)
"""Spec: 12.3.9."""

PLACE_FIELDS: Final = MapOf(
    {
        "codes": Field(ListOf(PLACE_CODE, 8)),
        "point": Field(
            MapOf(
                {
                    "lat": Field(Int(-90_000_000, 90_000_000), required=True),
                    "lon": Field(Int(-180_000_000, 180_000_000), required=True),
                    "crs": Field(Enum(("WGS84",)), required=True),
                    "radius_m": Field(Int(500, 1_000_000), required=True),
                }
            )
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where, by codes or a coarse point. Spec: 12.3.9."""

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.9; authors also keep the grid of 13.3."""
        before = len(report.problems)
        PLACE_FIELDS.check(value, report)
        if len(report.problems) > before or type(value) is not dict:
            return
        if not value.get("codes") and "point" not in value:
            report.add("has at least one code or a point", "CN-GB2260 610113")
        if report.authoring and "point" in value:
            point = value["point"]
            if point["lat"] % POINT_GRID or point["lon"] % POINT_GRID:
                report.add_at(
                    "point", "is on the grid of 5,000 microdegrees", "34220000, 108945000"
                )


@dataclass(frozen=True, slots=True)
class _AnyMap:
    """A map, whatever is in it: what is, depends on a field beside it."""

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.4."""
        if type(value) is not dict:
            report.add("is a map")


_BODY: Final = _AnyMap()


@dataclass(frozen=True, slots=True)
class Revised:
    """The facts of a `revise`: a type, and a body with the whole facts of it. Spec: 12.4."""

    bodies: Mapping[str, Shape]

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.4."""
        before = len(report.problems)
        MapOf({"of": Field(Enum(tuple(self.bodies)), True), "body": Field(_BODY, True)}).check(
            value, report
        )
        if len(report.problems) > before or type(value) is not dict:
            return
        report.enter("body")
        self.bodies[value["of"]].check(value["body"], report)
        report.leave()


@dataclass(frozen=True, slots=True)
class Answer:
    """The facts of a decision or allocation: accepting states a quantity. Spec: 12.4."""

    fields: MapOf

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.4."""
        self.fields.check(value, report)
        if type(value) is not dict:
            return
        accepting = value.get("outcome") == "accept"
        if accepting and "quantity" not in value:
            report.add_at("quantity", "is required when the outcome is accept")
        if report.authoring and not accepting and "quantity" in value:
            report.add_at("quantity", "stands only when the outcome is accept")


GROUPS: Final = ListOf(
    MapOf(
        {
            "group": Field(Coded("groups"), required=True),
            "people": Field(Count()),
            "households": Field(Count()),
        }
    ),
    32,
)
"""Spec: 12.3.10."""

WINDOW: Final = MapOf(
    {
        "key": Field(Code(), required=True),
        "from": Field(Time()),
        "until": Field(Time()),
        "zone": Field(Code()),
        "capacity": Field(Quantity(STATED)),
    }
)
"""Spec: 12.3.11."""

FAR: Final = MapOf(
    {
        "id": Field(Id(IdOf.RECORD), required=True),
        "space": Field(Pattern(TOPIC, "xian-2021")),
        "topic": Field(Pattern(TOPIC, "fsc")),
    }
)
"""Spec: 12.3.12."""

MONEY: Final = MapOf(
    {
        "value": Field(Decimal(), required=True),
        "currency": Field(Pattern(CURRENCY, "CNY"), required=True),
    }
)
"""Spec: 12.3.13."""

ITEM: Final = MapOf({"scheme": Field(Code(), required=True), "code": Field(Code(), required=True)})
"""Spec: 12.3.14."""
