"""A mapping makes facts of quantities, packs and goods in words, and marks of what is doubtful."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mapping_samples import (
    HEADER,
    changed,
    explained,
    only_draft,
    only_line,
    only_refusal,
    sheet_mapping,
    sheet_plan,
)
from adapters.words_samples import (
    BESIDE,
    GOODS,
    IN_WORDS,
    PACKED,
    UNITS,
    marks_of,
    raw_of,
    with_cells,
)
from hutong_adapters.drafted import Drafted
from hutong_adapters.interface import MappingRefused, Mark, Row
from hutong_adapters.mapping_apply import draft_row
from hutong_adapters.mapping_quantity import RAW_BYTES_MAX, cut_raw
from hutong_adapters.planning import PLACEHOLDER, Plan

# --- Quantities


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("198件", {"bound": "exact", "value": "198", "unit": "jian"}),
        ("13.5万盒", {"bound": "exact", "value": "135000", "unit": "he"}),
        ("500万斤", {"bound": "exact", "value": "5000000", "unit": "jin_cn"}),
        ("8400人份", {"bound": "exact", "value": "8400", "unit": "raw:人份"}),
        ("5 M³", {"bound": "exact", "value": "5", "unit": "m3"}),
        ("约500箱", {"bound": "estimate", "value": "500", "unit": "xiang"}),
        ("500余箱", {"bound": "at_least", "min": "500", "unit": "xiang"}),
        ("不超过10箱", {"bound": "up_to", "max": "10", "unit": "xiang"}),
        ("3-5箱", {"bound": "estimate", "min": "3", "max": "5", "unit": "xiang"}),
        ("不限", {"bound": "unbounded"}),
        ("若干箱", {"bound": "unknown", "unit": "xiang"}),
        ("", {"bound": "unknown"}),
    ],
)
def test_bound_number_and_unit_come_out_of_one_cell(
    tmp_path: Path, cell: str, expected: dict[str, str]
) -> None:
    plan = sheet_plan(tmp_path, with_cells(数量=cell), mapping=IN_WORDS)
    assert only_line(plan)["quantity"] == expected
    assert marks_of(plan) == []
    assert raw_of(plan) is None


@pytest.mark.parametrize(
    ("cell", "expected", "what"),
    [
        ("1400瓶60箱", {"bound": "exact", "value": "1400", "unit": "ping"}, "two-amounts"),
        ("20箱（急）", {"bound": "exact", "value": "20", "unit": "xiang"}, "words-beside-quantity"),
        ("十几箱", {"bound": "unknown"}, "quantity-not-understood"),
        ("5000+", {"bound": "unknown"}, "unit-missing"),
        (
            "1-2万只",
            {"bound": "estimate", "min": "10000", "max": "20000", "unit": "zhi"},
            "quantity-guessed",
        ),
    ],
)
def test_what_is_doubtful_is_marked_and_its_words_are_kept(
    tmp_path: Path, cell: str, expected: dict[str, str], what: str
) -> None:
    plan = sheet_plan(tmp_path, with_cells(数量=cell), mapping=IN_WORDS)
    assert only_line(plan)["quantity"] == expected
    assert marks_of(plan) == [("数量", "lines[0].quantity", what)]
    assert raw_of(plan) == cell
    (mark,) = only_draft(plan).draft.marks
    assert mark.words
    assert cell not in mark.words


def test_five_million_jin_weigh_what_they_weigh_where_the_mapping_says_it_is(
    tmp_path: Path,
) -> None:
    """Spec 12.7.3: the bare 斤 is translated only by a table that was chosen."""
    row = with_cells(数量="500万斤")
    for table, unit in (("units-mainland", "jin_cn"), ("units-taiwan", "catty_tw")):
        text = changed("builtin:units-mainland", f"builtin:{table}", IN_WORDS)
        assert only_line(sheet_plan(tmp_path, row, mapping=text))["quantity"]["unit"] == unit
    text = changed("builtin:units-mainland", "builtin:units", IN_WORDS)
    assert only_line(sheet_plan(tmp_path, row, mapping=text))["quantity"]["unit"] == "raw:斤"
    strict = changed(', unlisted = "raw_unit"', "", text)
    refusal = only_refusal(sheet_plan(tmp_path, row, mapping=strict))
    assert (refusal.cell, refusal.rule) == ("数量", "is not in builtin:units")
    assert refusal.field == "lines[0].quantity.unit"


def test_a_unit_that_the_table_leaves_out_makes_no_other_unit_of_the_number(
    tmp_path: Path,
) -> None:
    text = changed('unlisted = "raw_unit"', 'unlisted = "empty", default = "ge"', IN_WORDS)
    plan = sheet_plan(tmp_path, with_cells(数量="20筐"), mapping=text)
    assert only_line(plan)["quantity"] == {"bound": "unknown"}
    assert [what for _, _, what in marks_of(plan)] == ["unit-missing"]
    plan = sheet_plan(tmp_path, with_cells(数量="20"), mapping=text)
    assert only_line(plan)["quantity"] == {"bound": "exact", "value": "20", "unit": "ge"}


@pytest.mark.parametrize(
    ("cell", "unit", "expected", "marked"),
    [
        ("20", "箱", "xiang", []),
        ("20箱", "", "xiang", []),
        ("20箱", " 箱 ", "xiang", []),
        ("20箱", "只", "xiang", ["units-differ"]),
        ("不限", "箱", "xiang", []),
        ("", "箱", "xiang", []),
    ],
)
def test_a_column_for_units_serves_cells_without_one_and_never_overrules_them(
    tmp_path: Path, cell: str, unit: str, expected: str, marked: list[str]
) -> None:
    plan = sheet_plan(tmp_path, with_cells(数量=cell, 单位=unit), mapping=BESIDE)
    assert only_line(plan)["quantity"]["unit"] == expected
    assert [what for _, _, what in marks_of(plan)] == marked


def test_listed_cells_come_before_what_the_words_say(tmp_path: Path) -> None:
    text = changed('parse = "cn_quantity",', 'parse = "cn_quantity", unbounded = ["1"],', BESIDE)
    plan = sheet_plan(tmp_path, with_cells(数量="1", 单位="只"), mapping=text)
    assert only_line(plan)["quantity"] == {"bound": "unbounded", "unit": "zhi"}
    plan = sheet_plan(tmp_path, with_cells(数量="1.0", 单位="只"), mapping=text)
    assert only_refusal(plan).rule == "has the value of a sentinel, written in another way"


def test_an_empty_quantity_takes_the_default_or_is_refused_where_it_is_required(
    tmp_path: Path,
) -> None:
    text = changed('parse = "cn_quantity",', 'parse = "cn_quantity", default = "1",', BESIDE)
    line = only_line(sheet_plan(tmp_path, with_cells(数量="", 单位="只"), mapping=text))
    assert line["quantity"] == {"bound": "exact", "value": "1", "unit": "zhi"}
    text = changed('parse = "cn_quantity",', 'parse = "cn_quantity", required = true,', BESIDE)
    refused = sheet_plan(tmp_path, with_cells(数量=""), mapping=text).refused
    assert [(each.cell, each.rule) for each in refused] == [("数量", "is empty and required")]


@pytest.mark.parametrize("cell", ["13800138000", "20箱 13800138000", "联系人13800138000"])
def test_personal_data_in_a_quantity_stays_at_home(tmp_path: Path, cell: str) -> None:
    """A telephone number is no number of boxes."""
    plan = sheet_plan(tmp_path, with_cells(数量=cell), mapping=IN_WORDS)
    drafted = only_draft(plan)
    assert only_line(plan)["quantity"] == {"bound": "unknown"}
    assert dict(drafted.draft.sensitive) == {"lines[0].quantity": cell}
    assert [(note.cell, note.kind, note.action) for note in drafted.personal] == [
        ("数量", "cn_mobile", "at_home")
    ]
    shown = f"{drafted.draft.facts}{drafted.draft.text}{drafted.draft.marks}"
    assert "13800138000" not in shown


def test_the_wording_of_every_quantity_is_kept_where_the_mapping_asks(tmp_path: Path) -> None:
    text = changed('parse = "cn_quantity",', 'parse = "cn_quantity", raw = true,', IN_WORDS)
    assert raw_of(sheet_plan(tmp_path, with_cells(数量="13.5万盒"), mapping=text)) == "13.5万盒"
    plan = sheet_plan(tmp_path, with_cells(数量="13800138000"), mapping=text)
    assert raw_of(plan) is None


def test_a_wording_too_long_for_a_record_is_cut_and_the_row_stays(tmp_path: Path) -> None:
    plan = sheet_plan(tmp_path, with_cells(数量="很多很多" * 400), mapping=IN_WORDS)
    assert only_line(plan)["quantity"] == {"bound": "unknown"}
    assert str(raw_of(plan)).endswith("很…")


@given(st.text(max_size=3_000))
def test_a_cut_wording_fits_and_is_the_beginning(text: str) -> None:
    cut = cut_raw(text)
    assert len(cut.encode("utf-8", "ignore")) <= RAW_BYTES_MAX
    assert text.startswith(cut.removesuffix("…"))


# --- Packs


@pytest.mark.parametrize(
    ("cell", "spec", "pack"),
    [
        ("2箱", "2000只/箱", {"unit": "xiang", "of": {"value": "2000", "unit": "zhi"}}),
        ("10箱", "400副/箱", {"unit": "xiang", "of": {"value": "400", "unit": "raw:副"}}),
        ("4桶", "50kg/桶", {"unit": "raw:桶", "of": {"value": "50", "unit": "kg"}}),
        ("5000盒", "100盒/件(4瓶装)", None),
        ("12箱", "400个/件", None),
        ("2箱", "2500/箱", None),
        ("2箱", "", None),
        ("不限", "2000只/箱", None),
        ("十几箱", "2000只/箱", None),
    ],
)
def test_a_pack_is_taken_only_where_it_is_of_the_unit_of_the_quantity(
    tmp_path: Path, cell: str, spec: str, pack: object
) -> None:
    plan = sheet_plan(tmp_path, with_cells(数量=cell, 备注=spec), mapping=PACKED)
    assert only_line(plan)["quantity"].get("pack") == pack


def test_a_pack_in_words_goes_with_a_plain_number_too(tmp_path: Path) -> None:
    pack = 'pack = { parse = "cn_pack", from = "备注", lookup = "builtin:units" }, raw = true }'
    text = changed("raw = true }", pack, changed('ignore = ["备注"]', ""))
    line = only_line(sheet_plan(tmp_path, with_cells(备注="10公斤/袋"), mapping=text))
    assert line["quantity"]["pack"] == {"unit": "dai", "of": {"value": "10", "unit": "kg"}}


def test_a_pack_of_a_unit_that_the_table_refuses_refuses_the_row(tmp_path: Path) -> None:
    text = changed(', unlisted = "raw_unit"', "", PACKED)
    plan = sheet_plan(tmp_path, with_cells(数量="2箱", 备注="30支/箱"), mapping=text)
    refusal = only_refusal(plan)
    assert (refusal.cell, refusal.field) == ("备注", "lines[0].quantity.pack")
    assert refusal.rule == "is not in builtin:units-mainland"


# --- Addresses and explanations


def drafted(folder: Path, text: str, cells: Sequence[str]) -> tuple[Drafted, list[str]]:
    """A row of a sheet that knows its addresses, as a draft and explained."""
    mapping = sheet_mapping(folder, text)
    places = {name: f"{letter}7" for name, letter in zip(HEADER, "ABCDEF", strict=True)}
    row = Row("needs.xlsx", 7, dict(zip(HEADER, cells, strict=True)), places)
    given = {"incident": PLACEHOLDER}
    result = draft_row(mapping, row, given, space="xian-2021", topic="fsc")
    assert isinstance(result, Drafted)
    plan = Plan(mapping, "xian-2021", "fsc", (), (result,), (), (), ())
    return result, explained(plan, row)


def test_a_mark_names_its_cell_as_the_sheet_does(tmp_path: Path) -> None:
    result, said = drafted(tmp_path, IN_WORDS, with_cells(数量="1400瓶60箱"))
    (mark,) = result.draft.marks
    assert mark == Mark("数量 (D7)", "lines[0].quantity", "two-amounts", mark.words)
    assert f"to be looked at: 数量 (D7): two-amounts: {mark.words}" in said
    result, _ = drafted(tmp_path, GOODS, with_cells(物资="口罩十箱、手套5"))
    assert [mark.cell for mark in result.draft.marks] == ["物资 (C7), item 2"]


def test_explain_says_how_words_were_read(tmp_path: Path) -> None:
    _, said = drafted(tmp_path, PACKED, with_cells(数量="约13.5万箱", 备注="2000只/箱"))
    assert (
        '  lines[0].quantity <- 数量 (D7) | number 135000; estimate; unit 箱 = {"bound": '
        '"estimate", "value": "135000"}'
    ) in said
    assert (
        "  lines[0].quantity.unit <- 数量 (D7) | looked up value in builtin:units-mainland"
        ' = "xiang"'
    ) in said
    (pack,) = [line for line in said if line.startswith("  lines[0].quantity.pack")]
    assert "one 箱 is 2000 只" in pack
    _, said = drafted(tmp_path, GOODS, with_cells(物资="口罩十箱"))
    assert (
        "  lines[0].quantity <- 物资 (C7), item 1, quantity | number 10; unit 箱"
        ' = {"bound": "exact", "value": "10"}'
    ) in said


# --- What a mapping may say


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            f"unit = {UNITS}",
            'unit = { const = "ge" }',
            "facts.lines[0].quantity.unit.const: does not go with cn_quantity; ",
        ),
        (
            f"unit = {UNITS}",
            'unit = { default = "ge" }',
            "facts.lines[0].quantity.unit: needs `lookup`, which makes codes of words, like",
        ),
        (
            "builtin:units-mainland",
            "builtin:units-mars",
            "facts.lines[0].quantity.unit.lookup: is one of builtin:units, builtin:units-mainl",
        ),
        (
            "unit = {",
            'bound = "exact", unit = {',
            "facts.lines[0].quantity.bound: does not go with cn_quantity",
        ),
        (
            "unit = {",
            'lookup = { "x" = "1" }, unit = {',
            "facts.lines[0].quantity.lookup: does not go with cn_quantity",
        ),
        (
            "unit = {",
            'pack = { parse = "cn_pack", from = "备注", join = " " }, unit = {',
            "facts.lines[0].quantity.pack.join: is no word for cn_pack; known: from, ",
        ),
        (
            "unit = {",
            'pack = { parse = "cn_goods", from = "备注" }, unit = {',
            "facts.lines[0].quantity.pack.parse: cn_goods is for `each`",
        ),
        (
            f", unit = {UNITS}",
            "",
            "facts.lines[0].quantity.unit: is required: where does the unit stand?",
        ),
        (
            'parse = "line_id"',
            'parse = "cn_pack"',
            "facts.lines[0].id.parse: cn_pack is for the `pack` of a quantity",
        ),
        (
            "[[facts.lines]]",
            '[[facts.lines]]\neach = { from = "物资" }',
            'facts.lines[0].each: is a column, or { from = "column", parse = "cn_goods" }',
        ),
        (
            "[[facts.lines]]",
            '[[facts.lines]]\neach = { from = "备注", parse = "cn_goods" }',
            "facts.lines[0]: 物资 is no part of a piece; there are item, spec, quantity, raw",
        ),
    ],
)
def test_what_is_wrong_with_words_for_words_is_told_by_its_place(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    with pytest.raises(MappingRefused) as refused:
        sheet_mapping(tmp_path, changed(old, new, IN_WORDS))
    assert any(each.startswith(problem) for each in refused.value.problems)


def test_a_pack_in_words_needs_a_table_of_units(tmp_path: Path) -> None:
    pack = 'pack = { parse = "cn_pack", from = "备注" }, unit = { const = "dai" }, raw = true }'
    text = changed('unit = { from = "单位", lookup = "units" }, raw = true }', pack)
    with pytest.raises(MappingRefused, match="pack: needs `lookup`"):
        sheet_mapping(tmp_path, text)


def test_a_built_in_table_is_part_of_the_version_of_a_mapping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sheet_mapping(tmp_path, IN_WORDS).digest
    tables = {"builtin:units-mainland": {"件": "jian"}}
    monkeypatch.setattr("hutong_adapters.mapping_load.UNIT_TABLES", tables)
    assert sheet_mapping(tmp_path, IN_WORDS).digest != before
