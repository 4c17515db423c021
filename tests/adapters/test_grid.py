"""A cell is what a sheet says: numbers keep their digits, places have their names. Threat 42."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sheet_samples import grid
from hutong_adapters.grid import CellKind, Formula, GridCell, address, column_letters, number_text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (217080.0, "217080"),
        (4.9, "4.9"),
        (0.1 + 0.2, "0.30000000000000004"),
        (-0.0, "0"),
        (1e-7, "0.0000001"),
        (-2.5, "-2.5"),
        (999_999_999_999_999.0, "999999999999999"),
        (3, "3"),
    ],
)
def test_a_number_is_its_shortest_exact_decimal(number: float, text: str) -> None:
    assert number_text(number) == text


@pytest.mark.parametrize("number", [1e15, 610113199001011234.0, 1e400, -1e15, float("nan")])
def test_a_number_whose_digits_a_sheet_does_not_keep_is_none(number: float) -> None:
    """A long number that was typed as one has lost its last digits already."""
    assert number_text(number) is None


@given(st.floats(min_value=-1e14, max_value=1e14))
def test_no_digit_of_a_number_is_added_or_lost(number: float) -> None:
    text = number_text(number)
    assert text is not None
    assert float(text) == number
    assert "e" not in text
    assert Decimal(text) == Decimal(repr(number))


def test_places_are_named_as_a_sheet_names_them() -> None:
    assert [column_letters(column) for column in (0, 25, 26, 199, 701, 702, 16_383)] == (
        ["A", "Z", "AA", "GR", "ZZ", "AAA", "XFD"]
    )
    assert address(91, 3) == "D92"


def test_a_turned_grid_keeps_the_addresses_of_its_file() -> None:
    turned = grid([["a", "b", "c"], ["d"]], [(0, 1, 0, 2)]).turn()
    assert [[cell.text for cell in row] for row in turned.rows] == [
        ["a", "d"],
        ["b", ""],
        ["c", ""],
    ]
    assert turned.address(2, 0) == "C1"
    assert (turned.merges[0].top, turned.merges[0].bottom) == (1, 2)
    assert turned.turn().address(0, 2) == "C1"


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\xa0", "\u3000\ufeff", "\n"])
def test_what_cannot_be_seen_is_blank(text: str) -> None:
    assert GridCell(text, CellKind.TEXT).blank
    assert not GridCell(text, CellKind.TEXT, Formula.LOCAL).blank
