"""Exact amounts. Spec: 12.3.4, 12.7."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol import quantity
from hutong_protocol.quantity import (
    AMOUNT_SCALE,
    Amount,
    amount_text,
    decimal_millionths,
    number_from_text,
)
from hutong_protocol.units import CONVERTIBLE, FACTOR_SCALE, factor_of
from protocol.fold.scenes import exact, pack

WHOLE = st.integers(0, 10**18 - 1)
MILLIONTHS = st.integers(0, 10**24 - 1)
UNITS = st.sampled_from([*sorted(CONVERTIBLE), "xiang", "person", "CNY", "raw:篓"])


def as_decimal(millionths: int) -> str:
    """A decimal with all of its six places."""
    whole, rest = divmod(millionths, 10**6)
    return f"{whole}.{rest:06}"


@given(MILLIONTHS, UNITS)
def test_an_amount_is_exactly_number_times_factor(number: int, unit: str) -> None:
    amount = quantity.of(exact(as_decimal(number), unit)).stated()
    assert amount is not None
    factor = Fraction(factor_of(unit), FACTOR_SCALE)
    assert Fraction(amount.units, AMOUNT_SCALE) == Fraction(number, 10**6) * factor


@given(MILLIONTHS, st.integers(1, 10**24 - 1), UNITS, UNITS)
def test_a_pack_multiplies_without_rounding(number: int, content: int, unit: str, of: str) -> None:
    stated = exact(as_decimal(number), unit, **pack(unit, as_decimal(content), of))
    amount = quantity.of(stated).stated()
    assert amount is not None
    factor = Fraction(factor_of(of), FACTOR_SCALE)
    expected = Fraction(number, 10**6) * Fraction(content, 10**6) * factor
    assert Fraction(amount.units, AMOUNT_SCALE) == expected


@given(st.integers(0, 10**50))
def test_the_text_of_an_amount_is_its_only_one(units: int) -> None:
    text = amount_text(units)
    assert Fraction(text) == Fraction(units, AMOUNT_SCALE)
    assert text == "0" or not text.startswith("00")
    assert "." not in text or not text.endswith(("0", "."))


@given(MILLIONTHS)
def test_a_decimal_is_read_exactly_with_or_without_its_last_zeros(number: int) -> None:
    text = as_decimal(number)
    assert decimal_millionths(text) == number
    assert decimal_millionths(text.rstrip("0").rstrip(".")) == number


@pytest.mark.parametrize(
    ("value", "unit", "kilograms"),
    [("5000000", "jin_cn", 2_500_000), ("5000000", "catty_tw", 3_000_000), ("1", "t", 1000),
     ("1", "dan_cn", 50), ("20", "liang_cn", 1), ("1000", "g", 1)],
)  # fmt: skip
def test_five_million_jin_are_2500_tons_and_in_catties_3000(
    value: str, unit: str, kilograms: int
) -> None:
    assert quantity.of(exact(value, unit)).stated() == Amount("kg", kilograms * AMOUNT_SCALE)


def test_the_pack_that_holds_is_the_own_one_and_only_for_its_unit() -> None:
    stated = quantity.of(exact(3, "xiang"))
    line = quantity.pack_of(pack("xiang", 20, "kg"))
    other = quantity.pack_of(pack("he", 20, "kg"))
    assert stated.stated() == Amount("xiang", 3 * AMOUNT_SCALE)
    assert stated.stated(line) == Amount("kg", 60 * AMOUNT_SCALE)
    assert stated.stated(other) == Amount("xiang", 3 * AMOUNT_SCALE)
    own = quantity.of(exact(3, "xiang", **pack("xiang", 5, "he")))
    assert own.stated(line) == Amount("he", 15 * AMOUNT_SCALE)
    assert own.dimension(line) == "he"


def test_bounds_without_a_number_have_no_amount() -> None:
    band = {"bound": "band", "min": "1", "max": "4", "unit": "hh"}
    assert quantity.of(band).stated() is None
    assert quantity.of({"bound": "unknown"}).stated() is None
    assert quantity.of({"bound": "unknown"}).dimension() is None
    up_to = quantity.of({"bound": "up_to", "max": "4", "unit": "h"})
    assert up_to.stated() is None
    assert up_to.ceiling() == Amount("min", 240 * AMOUNT_SCALE)
    least = quantity.of({"bound": "at_least", "min": "4", "unit": "hh"})
    assert least.stated() == Amount("hh", 4 * AMOUNT_SCALE)
    assert least.ceiling() is None


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("0", "0"), ("007", "7"), (" 12 ", "12"), ("1,234,567", "1234567"), ("1.50", "1.5"),
        ("3.", "3"), ("0.000001", "0.000001"), ("1" * 18, "1" * 18), ("0" * 30 + "1", "1"),
        ("", None), ("-1", None), ("+1", None), ("１２", None), ("1_000", None), ("1e400", None),
        ("nan", None), ("inf", None), ("0x10", None), ("1,23", None), ("1.0000001", None),
        ("1" * 19, None), ("٣", None), ("1 000", None), (".5", None), ("12万", None),
    ],
)  # fmt: skip
def test_a_cell_is_a_number_only_if_it_plainly_is(cell: str, number: str | None) -> None:
    """Threat 42: what int() and float() would take is not what people wrote."""
    assert number_from_text(cell) == number


@given(st.text())
def test_any_cell_gives_a_decimal_or_nothing(cell: str) -> None:
    number = number_from_text(cell)
    assert number is None or decimal_millionths(number) is not None
