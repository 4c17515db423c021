"""A mapping makes a line of each item that a cell lists, and marks what is doubtful."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.mapping_samples import (
    HEADER,
    ROW,
    changed,
    only_draft,
    only_line,
    only_refusal,
    plan_of,
    sheet_mapping,
    sheet_plan,
    write_csv,
    write_json,
)
from adapters.words_samples import GOODS, lines_of, marks_of, raw_of, with_cells
from hutong_adapters.mapping import columns_read
from hutong_adapters.planning import check_columns


def test_a_cell_of_several_goods_becomes_a_line_for_each(tmp_path: Path) -> None:
    cell = "口罩（KN95型1200盒、一次性3.4万只），护目镜98个，手套、消毒液1400瓶60箱"
    plan = sheet_plan(tmp_path, with_cells(物资=cell, 备注="急"), mapping=GOODS)
    assert lines_of(plan) == [
        ("口罩", "KN95型", "1200", "he"),
        ("口罩", "一次性", "34000", "zhi"),
        ("护目镜", None, "98", "ge"),
        ("手套", None, None, None),
        ("消毒液", None, "1400", "ping"),
    ]
    words: Any = only_draft(plan).draft.text["lines"]
    assert {each["note"] for each in words.values()} == {"急"}
    assert marks_of(plan) == [("物资, item 5, quantity", "lines[4].quantity", "two-amounts")]
    assert [each.get("raw") for each in words.values()] == [*[None] * 4, "1400瓶60箱"]


def test_money_among_goods_is_left_out_and_marked_at_its_cell(tmp_path: Path) -> None:
    plan = sheet_plan(tmp_path, with_cells(物资="口罩3万个、捐款5万元"), mapping=GOODS)
    assert len(lines_of(plan)) == 1
    assert marks_of(plan) == [("物资", "lines", "money-not-goods")]


def test_a_row_of_nothing_but_money_has_no_line_or_one_that_says_so(tmp_path: Path) -> None:
    row = with_cells(物资="捐款3.9亿")
    assert only_refusal(sheet_plan(tmp_path, row, mapping=GOODS)).field == "lines"
    stated = GOODS + '[[facts.lines]]\nonly_if_none = true\nid = { const = "unstated" }\n'
    stated += 'kind = { const = "goods" }\nquantity = { bound = "unknown" }\n'
    plan = sheet_plan(tmp_path, row, mapping=stated)
    assert only_draft(plan).lines_added == 1
    assert [what for _, _, what in marks_of(plan)] == ["money-not-goods"]


def test_a_number_that_was_not_used_keeps_the_words_of_its_item(tmp_path: Path) -> None:
    plan = sheet_plan(tmp_path, with_cells(物资="口罩20箱已收"), mapping=GOODS)
    assert only_line(plan)["quantity"] == {"bound": "unknown"}
    assert raw_of(plan) == "口罩20箱已收"
    assert marks_of(plan) == [("物资, item 1", "lines[0]", "number-not-used")]


def test_words_of_an_item_with_personal_data_stay_at_home(tmp_path: Path) -> None:
    text = changed('words.item = { from = "item" }', 'words.item = { const = "x" }', GOODS)
    text = changed('title = { from = "物资"', 'title = { from = "区县"', text)
    plan = sheet_plan(tmp_path, with_cells(物资="口罩20箱送13800138000"), mapping=text)
    draft = only_draft(plan).draft
    assert dict(draft.sensitive) == {"lines[0].raw": "口罩20箱送13800138000"}
    assert "13800138000" not in f"{draft.facts}{draft.text}{draft.marks}"


@pytest.mark.parametrize(
    ("cell", "rule"),
    [(["口罩"], "is no text that could list goods"), ({"a": "口罩"}, "is no text that could list")],
)
def test_a_list_of_goods_that_is_no_text_is_refused(
    tmp_path: Path, cell: object, rule: str
) -> None:
    row: dict[str, object] = dict(zip(HEADER, ROW, strict=True))
    text = changed('title = { from = "物资"', 'title = { from = "区县"', GOODS)
    text = changed('ignore = ["数量", "单位"]', 'ignore = ["数量", "单位", "/物资/a"]', text)
    plan = plan_of(sheet_mapping(tmp_path, text), write_json(tmp_path, [row | {"物资": cell}]))
    assert [(each.cell, each.rule[: len(rule)]) for each in plan.refused] == [("物资", rule)]


def test_a_cell_of_prose_is_refused_with_a_way_out(tmp_path: Path) -> None:
    text = changed('title = { from = "物资"', 'title = { from = "区县"', GOODS)
    plan = sheet_plan(tmp_path, with_cells(物资="口" * 4_001), mapping=text)
    assert [(each.cell, each.rule) for each in plan.refused] == [
        ("物资", "is too long to be split into items")
    ]
    assert plan.refused[0].way_out


def test_an_item_named_twice_is_refused_and_not_added_up(tmp_path: Path) -> None:
    plan = sheet_plan(tmp_path, with_cells(物资="口罩20箱、口罩30箱"), mapping=GOODS)
    assert only_refusal(plan).rule == "has no id twice"


def test_columns_of_a_piece_are_in_no_file_and_those_of_the_row_are(tmp_path: Path) -> None:
    mapping = sheet_mapping(tmp_path, GOODS)
    assert set(columns_read(mapping.facts)) == {("区县",), ("物资",), ("备注",)}
    plan = plan_of(mapping, write_csv(tmp_path, [HEADER, ROW]))
    check_columns(mapping, plan.sheets[0])
    gone = plan_of(
        sheet_mapping(tmp_path, changed('"数量", "单位"', '"数量"', GOODS)),
        write_csv(tmp_path, [[name for name in HEADER if name != "单位"], [*ROW[:4], ROW[5]]]),
    )
    assert len(gone.drafts) == 1


def test_the_goods_of_a_real_list_become_lines(tmp_path: Path, data_folder: Path) -> None:
    """Seventeen lists of goods and one gift of money; one row names a thing in two sizes."""
    text = changed('columns = ["编号"]', 'columns = ["物资"]', GOODS)
    text = changed('from = "区县"', 'const = "420100"', text)
    text = changed('from_row = "备注"', 'from_row = "来源"', text)
    columns = 'ignore = ["折算金额(万元)", "链接"]'
    text = changed('ignore = ["数量", "单位"]', columns, text)
    plan = plan_of(
        sheet_mapping(tmp_path, text), data_folder / "redcross-wuhan" / "hubei-inflow.csv"
    )
    assert [(each.row, each.field) for each in plan.refused] == [(2, "lines")]
    lines: list[Any] = [each.draft.facts["lines"] for each in plan.drafts]
    assert [len(each) for each in lines] == [1, 1, 1, 3, 2, 1, 1, 1, 4, 1, 1, 1, 5, 1, 1, 4, 1]
    bounds = [line["quantity"]["bound"] for each in lines for line in each]
    assert (bounds.count("exact"), bounds.count("unknown")) == (25, 5)
    marked = [mark.what for each in plan.drafts for mark in each.draft.marks]
    assert marked == ["two-amounts", "item-guessed"]
