"""Codes of places become names in the index, each with the places that it lies in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_node.place_levels import levels, parent_of, place_name, typed


@pytest.mark.parametrize(
    ("scheme", "code", "expected"),
    [
        ("CN-GB2260", "610113", ("CN:61", "CN:6101", "CN:610113")),
        ("CN-GB2260", "610100", ("CN:61", "CN:6101")),
        ("CN-GB2260", "610000", ("CN:61",)),
        ("CN-GB2260", "61", ("CN:61",)),
        (
            "CN-NBS12",
            "610113001002",
            ("CN:61", "CN:6101", "CN:610113", "CN:610113001", "CN:610113001002"),
        ),
        ("CN-NBS12", "610113001000", ("CN:61", "CN:6101", "CN:610113", "CN:610113001")),
        ("CN-GB2260", "6101131", ("CN-GB2260:6101131",)),
        ("CN-GB2260", "西安", ("CN-GB2260:西安",)),
        ("CN-GB2260", "٦١", ("CN-GB2260:٦١",)),
        ("CN-GB2260", "000000", ("CN-GB2260:000000",)),
        ("ISO3166-2", "CN-61", ("ISO3166-2:CN", "ISO3166-2:CN-61")),
        ("ISO3166-2", "-", ("ISO3166-2:-",)),
        ("PCODE", "PH0456", ("PCODE:PH0456",)),
    ],
)
def test_a_code_lies_in_all_wider_places(scheme: str, code: str, expected: tuple[str, ...]) -> None:
    assert levels(scheme, code) == expected
    assert [parent_of(name) for name in expected] == ["", *expected[:-1]]


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_code_has_a_name_and_the_widest_lies_in_nothing(scheme: str, code: str) -> None:
    names = levels(scheme, code)
    assert names
    assert parent_of(names[0]) == ""
    assert [parent_of(name) for name in names[1:]] == list(names[:-1])


@pytest.mark.parametrize("text", ["61", "6101", "610113", "PCODE:PH0456", "ISO3166-2:CN-61"])
def test_what_is_typed_is_read_and_written_alike(text: str) -> None:
    name = place_name(text)
    assert name is not None
    assert typed(name) == text
    assert place_name(typed(name)) == name


@pytest.mark.parametrize("text", ["", "6", "610", "61011", "陕西", ":", "a:", ":b", "CN:6", "CN:x"])
def test_what_can_be_no_place_is_refused(text: str) -> None:
    assert place_name(text) is None


def test_full_codes_and_schemes_name_the_same_place() -> None:
    assert place_name("610100") == place_name("6101") == place_name("CN-GB2260:610100") == "CN:6101"
