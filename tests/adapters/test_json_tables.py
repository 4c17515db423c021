"""JSON whose rows are lists of cells, and JSON objects whose keys the mapping calls otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.mapping_samples import (
    HEADER,
    ROW,
    SHEET,
    only_draft,
    only_refusal,
    plan_of,
    sheet_mapping,
    write_csv,
    write_json,
)
from hutong_adapters.interface import FileRefused, MappingRefused

LISTS = SHEET + '\n[sheet]\ncore = ["物资", "数量"]\n[sheet.columns]\n"物资" = ["品名"]\n'


def test_rows_that_are_lists_are_the_table_that_a_csv_file_has(tmp_path: Path) -> None:
    mapping = sheet_mapping(tmp_path, LISTS)
    rows = [["受灾需求表", "", "", "", "", ""], HEADER, ROW, ["A-2", "610113", "水", "5", "袋", ""]]
    table = plan_of(mapping, write_csv(tmp_path, rows))
    lists = plan_of(mapping, write_json(tmp_path, rows))
    assert lists.refused == ()
    assert lists.drafts[0].draft.facts == table.drafts[0].draft.facts
    assert [each.draft.key for each in lists.drafts] == [each.draft.key for each in table.drafts]
    assert lists.sheets[0].passed == {"title": 1, "header": 1}
    assert [each.row.number for each in lists.drafts] == [3, 4]


def test_numbers_of_such_rows_keep_their_characters(tmp_path: Path) -> None:
    rows = f'[{HEADER}, ["A-1", 610113, "大米", 20.50, "袋", null]]'.replace("'", '"')
    (tmp_path / "rows.json").write_text(rows, "utf-8")
    plan = plan_of(sheet_mapping(tmp_path, LISTS), tmp_path / "rows.json")
    assert plan.drafts[0].row.cells["数量"] == "20.50"


def test_a_row_with_a_cell_too_many_is_refused_by_its_number(tmp_path: Path) -> None:
    path = write_json(tmp_path, [HEADER, [*ROW, "x"]])
    refusal = only_refusal(plan_of(sheet_mapping(tmp_path, LISTS), path))
    assert (refusal.row, refusal.rule) == (2, "has 7 cells, the header 6")


def test_a_list_inside_of_a_cell_refuses_the_file(tmp_path: Path) -> None:
    path = write_json(tmp_path, [HEADER, [["A-1"], *ROW[1:]]])
    with pytest.raises(FileRefused, match="has a list or an object in a cell of row 2"):
        plan_of(sheet_mapping(tmp_path, LISTS), path)


def test_without_words_about_headers_a_list_is_refused_with_the_way_out(tmp_path: Path) -> None:
    refused = plan_of(sheet_mapping(tmp_path), write_json(tmp_path, [HEADER, ROW])).refused
    assert [each.row for each in refused] == [1, 2]
    assert all("`core` in [sheet]" in each.way_out for each in refused)


def test_a_key_of_an_object_may_have_another_name_of_its_column(tmp_path: Path) -> None:
    row = dict(zip(HEADER, ROW, strict=True))
    row["品名"] = row.pop("物资")
    plan = plan_of(sheet_mapping(tmp_path, LISTS), write_json(tmp_path, [row]))
    assert only_draft(plan).draft.text["title"] == "大米"


def test_an_object_that_names_a_column_twice_is_refused(tmp_path: Path) -> None:
    row = dict(zip(HEADER, ROW, strict=True)) | {"品名": "水"}
    refusal = only_refusal(plan_of(sheet_mapping(tmp_path, LISTS), write_json(tmp_path, [row])))
    assert (refusal.row, refusal.cell) == (1, "物资")
    assert "twice" in refusal.rule


def test_a_key_without_a_name_is_told_as_the_mapping_can_write_it(tmp_path: Path) -> None:
    row = dict(zip(HEADER, ROW, strict=True)) | {"": "001"}
    with pytest.raises(MappingRefused, match='does not mention: "/"'):
        plan_of(sheet_mapping(tmp_path), write_json(tmp_path, [row]))
    named = SHEET.replace('ignore = ["备注"]', 'ignore = ["备注", "/"]')
    plan = plan_of(sheet_mapping(tmp_path, named), write_json(tmp_path, [row]))
    assert only_draft(plan).draft.text["title"] == "大米"
