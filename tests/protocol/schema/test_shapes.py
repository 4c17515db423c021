"""Shapes at their edges: the same verdict in every implementation. Spec: 12.3."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.schema import shapes
from hutong_protocol.schema.compound import (
    FAR,
    GROUPS,
    ITEM,
    MONEY,
    OF_A_LINE,
    PROMISED,
    STATED,
    WINDOW,
    Party,
    Place,
    Quantity,
)
from hutong_protocol.schema.problems import Problem, Report, path_text
from hutong_protocol.schema.shapes import (
    Bin,
    Bool,
    Code,
    Coded,
    Count,
    Decimal,
    Enum,
    Id,
    IdOf,
    Int,
    ListOf,
    MapBy,
    Shape,
    Time,
    Words,
)
from protocol.fold.scenes import exact, org, pack


def fits(shape: Shape, value: object, *, authoring: bool = False) -> bool:
    """Whether a value has no problem."""
    report = Report(authoring=authoring)
    shape.check(value, report)
    return not report.problems


KEY = shapes.Pattern(shapes.KEY, "a")
TOPIC = shapes.Pattern(shapes.TOPIC, "fsc")
CODED_MAP = {"list": {"by": org("o"), "name": "n", "version": 1}, "code": "c"}

EDGES: list[tuple[Shape, list[Any], list[Any]]] = [
    (Id(IdOf.ORG), [bytes(32)], [bytes(31), bytes(33), b"", "0" * 32, None, [bytes(32)]]),
    (Bin(8, 32), [bytes(8), bytes(32)], [bytes(7), bytes(33), "12345678"]),
    (Bool(), [True, False], [0, 1, "true", None]),
    (Bool(only_true=True), [True], [False, 1, None]),
    (Int(1, 9), [1, 9], [0, 10, True, "1", None, b"1"]),
    (Int(), [0, 2**53 - 1], [-1, 2**53, False]),
    (
        Code(),
        ["a", "字" * 21, "a" * 64, "raw:篓", "\x80"],
        ["", "字" * 22, "a" * 65, "a b", "a\n", "\x7f", " ", 1, b"a", None],
    ),
    (KEY, ["a", "0._-" + "z" * 44], ["", "A", "-a", "a" * 49, "a\n", "ａ", 1, None]),
    (TOPIC, ["fsc", "x-1", "-"], ["", "F", "a_b", "a" * 65, "a\n", None]),
    (Words(6), ["", "字字", "a\nb"], ["字字a", 1, None, b"a"]),
    (Enum(("a", "b")), ["a"], ["", "A", "c", 1, None, ["a"], {"a": 1}]),
    (
        Decimal(),
        ["0", "0.0", "1", "10.000001", "9" * 18 + ".999999"],
        [
            "", "00", "01", "-1", "+1", ".5", "1.", "1.0000001", "9" * 19, "1e3", "1,0", " 1",
            "1 ", "１", "٣", "nan", "1_0", 1, True, None, "1\n", "0x1",
        ],
    ),
    (Decimal(positive=True), ["0.000001"], ["0", "0.000000"]),
    (
        Time(),
        [
            "2022-01-03T18:00:00+08:00", "2022-01-03T18:00:00Z", "2020-02-29T00:00:00.5Z",
            "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999-23:59", "2000-02-29T00:00:00Z",
        ],
        [
            "2022-01-03", "2022-01-03T18:00Z", "2022-01-03 18:00:00Z", "2022-01-03t18:00:00Z",
            "2022-01-03T18:00:00z", "2022-01-03T18:00:00", "2022-01-03T18:00:00+0800",
            "2022-01-03T18:00:00+24:00", "2022-01-03T18:00:00+08:60", "2022-01-03T18:00:00-00:00",
            "2022-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2022-13-01T00:00:00Z",
            "2022-00-01T00:00:00Z", "2022-01-00T00:00:00Z", "2022-04-31T00:00:00Z",
            "0000-01-01T00:00:00Z", "2022-01-03T24:00:00Z", "2022-01-03T23:60:00Z",
            "2022-01-03T23:59:60Z", "2022-01-03T18:00:00.1234Z", "2022-01-03T18:00:00.Z",
            "２022-01-03T18:00:00Z", "2022-01-03T18:00:00Z\n", 1641204000, None, "",
        ],
    ),
    (
        Count(),
        [0, 2**53 - 1, "1-4", "5-9", "10-19", "20+"],
        [-1, True, "1", "0-4", "20-", 2**53, None],
    ),
    (
        Coded("any"),
        ["a", CODED_MAP],
        ["", "a b", {}, {"code": "c"}, {**CODED_MAP, "code": ""}, {**CODED_MAP, "list": {}}, 1],
    ),
    (ListOf(Int(), 2, least=1), [[1], [1, 2]], [[], [1, 2, 3], [True], {}, None, (1,)]),
    (MapBy(KEY, Int(), 2), [{}, {"a": 1}], [{"A": 1}, {"a": "1"}, {"a": 1, "b": 1, "c": 1}, []]),
    (
        Party(),
        [org("o"), {"key": "p1", "kind": "shop"}, {"key": "p1", "kind": "unheard-of"}],
        [b"", "COOP", {"key": "p1"}, {"kind": "shop"}, {"key": "P", "kind": "shop"}, None],
    ),
    (
        Place(),
        [
            {"codes": [{"scheme": "s", "code": "c"}]},
            {"point": {"lat": 1, "lon": -1, "crs": "WGS84", "radius_m": 500}},
        ],
        [
            {}, {"codes": []}, {"codes": [{"scheme": "s"}]}, {"name": "x"},
            {"point": {"lat": 90_000_001, "lon": 0, "crs": "WGS84", "radius_m": 500}},
            {"point": {"lat": 0, "lon": 180_000_001, "crs": "WGS84", "radius_m": 500}},
            {"point": {"lat": 0, "lon": 0, "crs": "GCJ02", "radius_m": 500}},
            {"point": {"lat": 0, "lon": 0, "crs": "WGS84", "radius_m": 499}},
        ],
    ),
    (WINDOW, [{"key": "2022-W01"}], [{}, {"key": "k", "capacity": {"bound": "unbounded"}}]),
    (FAR, [{"id": org("r")}], [{}, {"id": org("r"), "topic": "F"}]),
    (MONEY, [{"value": "1", "currency": "CNY"}], [{"value": "1"}, {"value": 1, "currency": "CNY"},
                                                  {"value": "1", "currency": "cny"}]),
    (ITEM, [{"scheme": "s", "code": "c"}], [{"code": "c"}, {"scheme": "s"}]),
    (GROUPS, [[], [{"group": "a", "people": "1-4"}]], [[{}], [{"group": "a", "people": "1"}]]),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "right", "wrong"), EDGES, ids=lambda v: type(v).__name__)
def test_each_shape_takes_what_fits_and_nothing_else(
    shape: Shape, right: list[Any], wrong: list[Any]
) -> None:
    """Threats 42 and 48."""
    for value in right:
        assert fits(shape, value), value
    for value in wrong:
        assert not fits(shape, value), value
        assert not fits(shape, value, authoring=True), value


def number(bound: str, **fields: Any) -> dict[str, Any]:
    """A quantity of kilograms."""
    return {"bound": bound, "unit": "kg", **fields}


QUANTITIES_RIGHT = [
    number("exact", value="0"),
    number("estimate", value="1.5"),
    number("estimate", min="1", max="1"),
    number("estimate", min="1.10", max="1.2"),
    number("at_least", min="3"),
    number("up_to", max="3"),
    number("unbounded"),
    {"bound": "unbounded"},
    {"bound": "unknown"},
    number("band", min="1", max="4"),
    number("band", min="20"),
    exact(1, "xiang", **pack("xiang", "0.000001", "kg")),
    exact(1, "kg", **pack("xiang", "20", "kg")),
]
QUANTITIES_WRONG = [
    {},
    None,
    "1 kg",
    {"bound": "exact", "value": "1"},
    number("exact"),
    number("exact", value="1", min="1"),
    number("exact", value=1),
    number("estimate", min="1"),
    number("estimate", min="2", max="1"),
    number("estimate", value="1", min="1", max="2"),
    number("at_least", value="1"),
    number("up_to", min="1"),
    number("unbounded", value="1"),
    number("unknown", max="1"),
    number("band", min="1", max="5"),
    number("band", min="1"),
    number("band", min="20", max="30"),
    number("band", min="1.0", max="4"),
    number("about", value="1"),
    exact(1, "xiang", pack={"unit": "xiang"}),
    exact(1, "xiang", **pack("xiang", "0", "kg")),
    exact(1, "a b"),
]


def test_each_bound_has_exactly_its_numbers() -> None:
    for value in QUANTITIES_RIGHT:
        assert fits(Quantity(OF_A_LINE), value), value
    for wrong in QUANTITIES_WRONG:
        assert not fits(Quantity(OF_A_LINE), wrong), wrong


def test_promises_and_statements_have_fewer_bounds_than_lines() -> None:
    def bounds(allowed: tuple[str, ...]) -> set[str]:
        return {q["bound"] for q in QUANTITIES_RIGHT if fits(Quantity(allowed), q)}

    assert bounds(PROMISED) == {"exact", "estimate", "up_to", "unknown", "band"}
    assert bounds(STATED) == {"exact", "estimate", "band"}


def test_authors_keep_more_rules_than_readers() -> None:
    point = {"lat": 34_220_001, "lon": 108_945_000, "crs": "WGS84", "radius_m": 500}
    stricter: list[tuple[Shape, object]] = [
        (Coded("kinds"), "unheard-of"),
        (Words(9, may_be_empty=False), "  "),
        (Quantity(OF_A_LINE), number("estimate", min="1", max="1.0")),
        (Place(), {"point": point}),
        (ITEM, {"scheme": "s", "code": "c", "novelty": 1}),
    ]
    for shape, value in stricter:
        assert fits(shape, value)
        assert not fits(shape, value, authoring=True)
    assert fits(Coded("kinds"), "x-own", authoring=True)
    assert fits(Coded("skills"), "anything", authoring=True)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.binary(max_size=40) | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
        max_leaves=8,
    )
)
def test_no_value_raises_and_readers_never_object_to_what_authors_may_write(value: object) -> None:
    for shape, _, _ in EDGES:
        if fits(shape, value, authoring=True):
            assert fits(shape, value)


def test_a_problem_names_the_path_the_rule_and_an_example() -> None:
    report = Report(authoring=True)
    GROUPS.check([{"group": "elderly", "people": "3"}], report)
    assert report.problems == [
        Problem("[0].people", "is a whole number or one of 1-4, 5-9, 10-19, 20+", "37")
    ]
    assert path_text(["lines", 0, "quantity", "value"]) == "lines[0].quantity.value"
