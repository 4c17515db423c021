"""Units and their dimensions. Spec: 12.7.2."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.schema.shapes import is_code
from hutong_protocol.taxonomy import CODE_LISTS, TOPICS, UNITS
from hutong_protocol.units import (
    CONVERTIBLE,
    FACTOR_SCALE,
    dimension_of,
    factor_of,
    raw_unit,
)

SPEC = (Path(__file__).parents[2] / "spec" / "12-coordination.md").read_text("utf-8")


def test_the_table_is_that_of_the_specification() -> None:
    stated = {}
    for row in re.findall(r"^ *\| `(kg|l|min)` \| (.*) \|$", SPEC, re.MULTILINE):
        for unit, factor in re.findall(r"`([a-z0-9_]+)` ([0-9.]+)", row[1]):
            stated[unit] = (row[0], Fraction(factor))
    assert {u: (dimension_of(u), Fraction(factor_of(u), FACTOR_SCALE)) for u in CONVERTIBLE} == (
        stated
    )


@pytest.mark.parametrize(
    "unit", ["xiang", "ge", "jian", "person", "hh", "CNY", "USD", "raw:篓", "斤"]
)
def test_every_other_unit_is_its_own_dimension(unit: str) -> None:
    """件 is not 个, and nobody guesses what a bare 斤 is."""
    assert (dimension_of(unit), factor_of(unit)) == (unit, FACTOR_SCALE)


@given(st.text(max_size=80))
def test_any_word_becomes_a_code_or_nothing(word: str) -> None:
    unit = raw_unit(word)
    assert unit is None or is_code(unit)


def test_a_word_nobody_translated_is_kept_as_it_is() -> None:
    assert raw_unit(" 大 箱\n") == "raw:大箱"
    assert raw_unit(" \t") is None
    assert raw_unit("箱" * 40) == "raw:" + "箱" * 20


def test_all_labelled_codes_are_codes_with_both_labels() -> None:
    for codes in (*CODE_LISTS.values(), TOPICS, UNITS):
        for code, label in codes.items():
            assert is_code(code)
            assert label.zh
            assert label.en
