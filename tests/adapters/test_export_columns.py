"""An export loses nothing, and no cell of it is a formula. Threat 40."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hutong_adapters.export_columns import (
    COLUMNS,
    CellsRefused,
    joined,
    rows_of,
    safe,
    unsafe,
)

NAMED = ("need/1", "xian-2021", "fsc")
SIGNS = "=+-@\t\r\0＝＋－＠'"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)


def fields(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys((*names, "other"), values))


lines = st.lists(
    st.builds(
        lambda line, *parts: {**line, **dict(zip(("id", "item", "quantity"), parts, strict=True))},
        fields("kind", "skills"),
        texts.filter(bool),
        fields("scheme", "code"),
        fields("bound", "value", "min", "max", "unit", "pack"),
    ),
    max_size=4,
)
places = st.fixed_dictionaries(
    {}, optional={"codes": st.lists(fields("scheme", "code", "edition"), max_size=3)}
)
words = st.dictionaries(texts, fields("item", "spec", "raw", "note"), max_size=3)
facts_of = st.builds(
    lambda flat, *parts: {**flat, **dict(zip(("lines", "place"), parts, strict=True))},
    fields("incident", "urgency", "valid_until", "people", "households", "kind", "start"),
    lines | values,
    places | values,
)
texts_of = st.builds(
    lambda flat, lines: {**flat, "lines": lines},
    fields("title", "note", "place_name"),
    words | values,
)


@pytest.mark.parametrize("sign", SIGNS.removesuffix("'"))
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(sign: str) -> None:
    for text in (sign, f"{sign}1+1", f" {sign}1", f"\u200b\n{sign}1", f"\ufeff{sign}1"):
        assert safe(text) == f"'{text}"
        assert unsafe(safe(text)) == text
    assert safe(f"a{sign}") == f"a{sign}"


@given(texts)
@example("'=1")
@example("''")
@example("")
def test_every_text_comes_back_from_its_cell(text: str) -> None:
    cell = safe(text)
    assert unsafe(cell) == text
    assert cell[:1] not in set(SIGNS) - {"'"}


@given(facts_of, texts_of, st.randoms())
@example({"people": "5", "households": 5}, {"title": ""}, random.Random(1))
@example({"people": "05", "households": True}, {"lines": {}}, random.Random(1))
@example({"lines": [{"id": "a"}, {"id": "a"}]}, {"lines": {"a": {}}}, random.Random(1))
@example({"lines": [{"id": "a", "item": {}}]}, {"lines": {"a": {"raw": "\0"}}}, random.Random(1))
@example({"place": {"codes": []}, "lines": []}, {"title": "\uffff"}, random.Random(1))
def test_a_thing_comes_back_from_its_rows_in_whatever_order_they_are(
    facts: dict[str, Any], text: dict[str, Any], chance: random.Random
) -> None:
    rows = rows_of(NAMED, facts, text)
    assert all(row.keys() <= set(COLUMNS) for row in rows)
    assert not any(letter in cell for row in rows for cell in row.values() for letter in "\0\uffff")
    chance.shuffle(rows)
    found = joined(rows)
    assert (found.named, found.facts, found.text) == (NAMED, facts, text)


NEED = {
    "urgency": "high",
    "people": 37,
    "place": {"codes": [{"scheme": "CN-GB2260", "code": "610113"}], "point": {"lat": 5}},
    "lines": [
        {"id": "rice", "kind": "goods", "quantity": {"bound": "exact", "value": "2", "unit": "t"}},
        {"id": "oil", "kind": "goods", "quantity": {"bound": "unknown"}, "skills": ["x"]},
    ],
}
WORDS = {"title": "大米", "lines": {"rice": {"item": "大米", "raw": "2吨"}}}


def test_a_line_is_a_row_that_people_can_read() -> None:
    rice, oil = rows_of(NAMED, NEED, WORDS)
    read = (
        "title",
        "urgency",
        "people",
        "place_code",
        "line",
        "item",
        "amount",
        "unit",
        "as_typed",
    )
    assert [rice[column] for column in read] == [
        *("大米", "high", "37", "610113", "rice", "大米", "2", "t", "2吨")
    ]
    assert (oil["line"], oil["bound"]) == ("oil", "unknown")
    assert json.loads(oil["line_more"]) == {"line": {"skills": ["x"]}}
    assert json.loads(rice["more"]) == {"facts": {"place": {"point": {"lat": 5}}}}


def test_rows_of_one_record_must_agree_on_what_is_the_records() -> None:
    rows = rows_of(NAMED, NEED, WORDS)
    rows[1]["urgency"] = "low"
    with pytest.raises(CellsRefused) as refused:
        joined(rows)
    assert refused.value.column == "urgency"


@pytest.mark.parametrize(
    ("column", "cell"),
    [("more", "{"), ("more", "[]"), ("more", '{"facts": []}'), ("line_more", "1"), ("line", "")],
)
def test_an_edited_cell_that_is_nothing_is_refused_with_its_column(column: str, cell: str) -> None:
    (row, _) = rows_of(NAMED, NEED, WORDS)
    with pytest.raises(CellsRefused) as refused:
        joined([row | {column: cell}])
    assert refused.value.column in (column, "more")


def test_a_line_added_by_hand_comes_last_and_a_deleted_one_is_gone() -> None:
    rice, _ = rows_of(NAMED, NEED, WORDS)
    salt = {**rice, "line_number": "", "line": "salt", "item": "盐", "as_typed": ""}
    found = joined([salt, rice])
    assert [line["id"] for line in found.facts["lines"]] == ["rice", "salt"]
    assert found.text["lines"]["salt"] == {"item": "盐"}
