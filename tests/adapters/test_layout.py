"""What of a sheet is a row: headers, totals, footers, remarks and merged cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from adapters.layout_samples import CORE, READING, found, laid, told
from adapters.sheet_samples import grid
from hutong_adapters.grid import CellKind, Formula, Grid, GridCell, Merge
from hutong_adapters.interface import FileRefused, Number
from hutong_adapters.layout import lay_out
from hutong_adapters.layout_spec import Formulas, Layout, Remarks


def test_titles_are_passed_over_and_counted() -> None:
    out = laid(
        [
            ["接收物资公示"],
            ["", "2020年1月29日"],
            [],
            ["品名", "数量"],
            ["口罩", "20"],
            [],
            ["手套", "5"],
        ]
    )
    assert found(out) == [(5, ["口罩", "20"]), (7, ["手套", "5"])]
    assert out.counts == {"title": 2, "header": 1, "row": 2}
    assert out.blank == 2
    assert out.rows[0].addresses == {"品名": "A5", "数量": "B5"}
    assert out.rows[0].label == "a.xlsx row 5"


def test_columns_are_found_by_their_other_names_in_any_order_and_width() -> None:
    layout = replace(CORE, names={"数量": ("总数", "Amount"), "单位": ("计量单位",)})
    out = laid(
        [["ＡＭＯＵＮＴ", "计量\u200b单位 ", "品 名", "品名"], ["20", "只", "x", "口罩"]], layout
    )
    assert out.tables[0].columns == ("数量", "单位", "品 名", "品名")
    assert out.rows[0].cells == {"数量": "20", "单位": "只", "品 名": "x", "品名": "口罩"}


def test_a_title_that_is_worded_like_a_column_is_no_header() -> None:
    layout = Layout(core=("物资",))
    out = laid([["物资"], ["物资", "数量"], ["口罩", "1"]], layout)
    assert found(out) == [(3, ["口罩", "1"])]
    merged = laid(
        [["物资", "", ""], ["物资", "数量", ""], ["口罩", "1", ""]], layout, [(0, 0, 0, 2)]
    )
    assert found(merged) == [(3, ["口罩", "1"])]


def test_a_header_in_mid_sheet_starts_anew_with_another_order() -> None:
    out = laid(
        [
            *(["品名", "数量"], ["口罩", "20"], []),
            *(["数量", "单位", "品名"], ["5", "双", "手套"], ["", "", ""]),
        ]
    )
    assert [dict(row.cells) for row in out.rows] == [
        {"品名": "口罩", "数量": "20"},
        {"数量": "5", "单位": "双", "品名": "手套"},
    ]
    assert [(table.label, table.columns) for table in out.tables] == [
        ("a.xlsx, header in row 1", ("品名", "数量")),
        ("a.xlsx, header in row 4", ("数量", "单位", "品名")),
    ]


def test_a_row_whose_item_is_called_like_the_only_core_column_is_a_row() -> None:
    layout = Layout(core=("物资",))
    out = laid([["物资", "数量"], ["物资", "20"], ["物资", "数量"], ["口罩", "1"]], layout)
    assert found(out) == [(2, ["物资", "20"]), (4, ["口罩", "1"])]
    assert out.counts["header"] == 2


TWO_ROWS = [
    ["捐赠表", "", "", ""],
    ["编号", "需求", "", "地点"],
    ["", "品名", "数量", ""],
    ["A-1", "口罩", "20", "雁塔"],
]
TWO_ROW_MERGES = [(0, 0, 0, 3), (1, 0, 2, 0), (1, 1, 1, 2), (1, 3, 2, 3)]


def test_the_names_of_a_merged_header_of_two_rows_are_joined() -> None:
    layout = Layout(core=("编号", "需求/品名"), header_rows=2)
    out = laid(TWO_ROWS, layout, TWO_ROW_MERGES)
    assert out.tables[0].columns == ("编号", "需求/品名", "需求/数量", "地点")
    assert found(out) == [(4, ["A-1", "口罩", "20", "雁塔"])]
    assert out.counts == {"title": 1, "header": 2, "row": 1}


def test_a_table_of_text_has_lost_its_merges_and_names_are_filled_to_the_right_on_demand() -> None:
    layout = Layout(core=("编号", "需求/品名"), header_rows=2)
    assert laid(TWO_ROWS, replace(layout, header_fill=True)).tables[0].columns == (
        *("编号", "需求/品名", "需求/数量", "地点"),
    )
    assert laid(TWO_ROWS, layout).tables[0].columns == ("编号", "需求/品名", "数量", "地点")


def test_a_header_of_one_row_over_two_says_that_there_are_two() -> None:
    with pytest.raises(FileRefused) as refused:
        laid(TWO_ROWS, Layout(core=("编号", "地点")), TWO_ROW_MERGES)
    assert refused.value.name == "column-twice"
    assert "has the column 需求 twice, in B2 and C2" in str(refused.value)
    assert "header_rows = 2" in refused.value.way_out


def test_a_date_above_a_header_of_two_rows_is_a_title() -> None:
    rows = [["", "", "", "2020年"], ["编号", "需求", "", "地点"], *TWO_ROWS[2:]]
    merges = [(1, 0, 2, 0), (1, 1, 1, 2), (1, 3, 2, 3)]
    layout = Layout(core=("编号",), header_rows=2)
    out = laid(rows, layout, merges)
    assert out.tables[0].columns == ("编号", "需求/品名", "需求/数量", "地点")


def test_a_sheet_without_header_says_which_row_comes_nearest() -> None:
    with pytest.raises(FileRefused) as refused:
        laid([["品名", "件数"], ["口罩", "20"]])
    assert refused.value.name == "no-header"
    assert refused.value.rule == (
        "has no header: no row names all of 品名, 数量; row 1 has 品名, but not 数量."
        " Its other names: 件数"
    )
    assert "[sheet.columns]" in refused.value.way_out


def test_the_nearest_header_of_two_rows_tells_its_names_as_a_mapping_has_to_write_them() -> None:
    rows = [["物资", "数量", "数量"], ["物资", "数量", "单位"], ["口罩", "20", "只"]]
    with pytest.raises(FileRefused) as refused:
        laid(rows, Layout(core=("物资", "数量/数量"), header_rows=2))
    assert refused.value.rule.endswith(
        "row 1 has 物资, but not 数量/数量. Its other names: 数量, 数量/单位"
    )


def test_a_row_of_things_that_comes_nearest_is_not_quoted() -> None:
    for other in ("13800138000", "一位住在三楼的老人需要有人陪她去医院" * 3):
        with pytest.raises(FileRefused) as refused:
            laid([["品名", other]])
        assert refused.value.rule.endswith("row 1 has 品名, but not 数量")


def test_a_column_that_stands_twice_is_refused_with_both_places() -> None:
    with pytest.raises(FileRefused, match="has the column 数量 twice, in B1 and C1"):
        laid([["品名", "数量", "总数"]], replace(CORE, names={"数量": ("总数",)}))


def test_totals_are_known_by_words_and_no_item_that_begins_like_them() -> None:
    layout = replace(CORE, totals=("合计", "总计"))
    out = laid(
        [
            ["序号", "品名", "数量"],
            ["1", "口罩", "20"],
            ["", "合计", "20"],
            ["合计：", "", "20"],
            ["总计 20箱"],
            ["3", "合计", "20"],
            ["4", "总计量仪", "2"],
            ["合计员工作服", "工作服", "3"],
        ],
        layout,
    )
    assert [number for number, _ in found(out)] == [2, 7, 8]
    assert out.counts["total"] == 4


def test_a_footer_ends_the_table_until_the_next_header() -> None:
    layout = replace(CORE, footer=("以上物资", "备注："))
    out = laid(
        [
            *(
                ["品名", "数量"],
                ["口罩", "20"],
                ["以上物资已拨付。"],
                [],
                ["武汉市红十字会"],
                ["1月29日"],
            ),
            *(["品名", "数量"], ["手套", "5"], ["备注：另有一些在途。"]),
        ],
        layout,
    )
    assert found(out) == [(2, ["口罩", "20"]), (8, ["手套", "5"])]
    assert out.counts == {"header": 2, "row": 2, "footer": 4}


def test_a_whole_row_below_a_footer_is_not_lost() -> None:
    layout = replace(CORE, footer=("备注",))
    out = laid([["品名", "数量"], ["备注：急"], ["口罩", "20"]], layout)
    assert found(out) == []
    assert told(out) == [
        "a.xlsx row 3, A3: footer: has all that a row has, below the footer in row 2"
        " (move it above the footer, or correct `footer` in [sheet])"
    ]
    assert out.counts == {"header": 1, "footer": 1, "refused": 1}


REMARKS = [
    *(
        ["品名", "数量", "单位"],
        ["口罩", "20", "只"],
        ["", "", "定向捐赠"],
        ["", "", "省医院3000只"],
    ),
    *([], ["", "", "孤立"]),
]


def test_a_row_without_anything_in_the_core_is_refused_unless_the_mapping_says_what_it_is() -> None:
    out = laid(REMARKS)
    assert [refusal.row for refusal in out.refused] == [3, 4, 6]
    assert told(out)[0] == (
        "a.xlsx row 3, C3: remark: has nothing in 品名, 数量"
        " (say in [sheet] what such rows are: `remarks`, `footer` or `totals`)"
    )
    skipped = laid(REMARKS, replace(CORE, remarks=Remarks.SKIP))
    assert (told(skipped), skipped.counts["remark"]) == ([], 3)


def test_remarks_belong_to_the_row_directly_above() -> None:
    out = laid(REMARKS, replace(CORE, remarks=Remarks.NOTE, note="备注"))
    assert out.rows[0].cells["备注"] == "定向捐赠；省医院3000只"
    assert out.tables[0].columns == ("品名", "数量", "单位", "备注")
    assert [(refusal.row, refusal.rule.split(":")[0]) for refusal in out.refused] == [(6, "remark")]
    assert out.counts == {"header": 1, "row": 1, "remark": 2, "refused": 1}


def test_a_note_column_of_the_sheet_keeps_what_it_has() -> None:
    layout = replace(CORE, remarks=Remarks.NOTE, note="备注", separator=" / ")
    out = laid(
        [["品名", "数量", "备注"], ["口罩", "20", "急"], ["", "", "再急"], ["手套", "5", ""]],
        layout,
    )
    assert [row.cells["备注"] for row in out.rows] == ["急 / 再急", ""]
    assert out.tables[0].columns == ("品名", "数量", "备注")


def test_remarks_of_a_refused_row_go_with_it() -> None:
    rows = [["品名", "数量"], ["口罩", "1", "x"], ["", "", "注"], ["手套", "5"]]
    cells = [list(each) for each in grid(rows).rows]
    cells[1][1] = GridCell("1", CellKind.NUMBER, Formula.LOCAL)
    layout = replace(CORE, remarks=Remarks.NOTE, note="备注")
    out = lay_out(Grid("a.xlsx", "", tuple(map(tuple, cells))), layout, READING, label="a.xlsx")
    assert [row.cells["备注"] for row in out.rows] == [""]
    assert out.counts == {"header": 1, "refused": 1, "remark": 1, "row": 1}


def test_a_text_that_is_merged_across_the_table_is_no_row() -> None:
    rows = [["品名", "数量"], ["口罩", "20"], ["第二批", ""], ["手套", "5"]]
    out = laid(rows, replace(CORE, remarks=Remarks.SKIP), [(2, 0, 2, 1)])
    assert [number for number, _ in found(out)] == [2, 4]
    assert out.counts["remark"] == 1


MERGED = [["捐赠单位", "品名", "数量", "单位"], ["甲", "口罩", "20", "只"], ["", "", "30", ""]]


def test_a_merged_cell_is_filled_downwards_inside_of_its_range_and_nowhere_else() -> None:
    rows = [*MERGED, ["", "手套", "5", "双"]]
    out = laid(rows, merges=[(1, 0, 2, 0), (1, 1, 2, 1), (1, 3, 2, 3)])
    assert found(out) == [
        (2, ["甲", "口罩", "20", "只"]),
        (3, ["甲", "口罩", "30", "只"]),
        (4, ["", "手套", "5", "双"]),
    ]
    assert out.rows[1].addresses == {"捐赠单位": "A2", "品名": "B2", "数量": "C3", "单位": "D2"}


def test_nothing_is_filled_where_no_cells_are_merged() -> None:
    out = laid(MERGED)
    assert found(out)[1] == (3, ["", "", "30", ""])


def test_nothing_is_filled_to_the_right() -> None:
    """A text over two columns is that of the first: never a quantity that was not written."""
    out = laid([["品名", "数量", "单位"], ["口罩若干", "", "只"]], merges=[(1, 0, 1, 1)])
    assert found(out) == [(2, ["口罩若干", "", "只"])]


def test_a_merged_quantity_makes_its_rows_one_and_is_neither_copied_nor_split() -> None:
    rows = [
        ["捐赠单位", "品名", "规格", "数量"],
        ["贝因美", "迈康口罩", "2000个/箱", "6000个"],
        ["", "FM口罩", "", ""],
        ["何氏", "手套", "", "5箱"],
    ]
    out = laid(rows, merges=[(1, 0, 2, 0), (1, 2, 2, 2), (1, 3, 2, 3)])
    assert found(out) == [
        (2, ["贝因美", "迈康口罩；FM口罩", "2000个/箱", "6000个"]),
        (4, ["何氏", "手套", "", "5箱"]),
    ]
    assert out.counts == {"header": 1, "row": 3}


def test_further_texts_of_shared_rows_go_to_the_notes_where_the_mapping_says_so() -> None:
    rows = [
        ["品名", "捐赠单位", "数量"],
        ["手套", "校友会", "10"],
        ["", "定向捐赠"],
        [],
        ["", "省医院"],
    ]
    layout = replace(CORE, to_note=("捐赠单位",), note="备注")
    out = laid(rows, layout, merges=[(1, 0, 4, 0), (1, 2, 4, 2)])
    assert found(out) == [(2, ["手套", "校友会", "10", "定向捐赠；省医院"])]
    assert (out.blank, out.counts["row"]) == (1, 3)


def test_a_merged_unit_is_no_shared_amount_but_a_column_the_mapping_names_is() -> None:
    rows = [["品名", "数量", "金额"], ["口罩", "20", "500"], ["手套", "5", ""]]
    merges = [(1, 2, 2, 2)]
    assert len(laid(rows, merges=merges).rows) == 2
    shared = laid(rows, replace(CORE, shared=("金额",)), merges)
    assert [refusal.rule for refusal in shared.refused] == [
        "two-amounts: has 2 amounts in rows that a merged cell makes one"
    ]


def test_ranges_of_two_amounts_that_overlap_are_one_row_or_refused() -> None:
    reading = replace(READING, amounts=frozenset({"最少", "最多"}))
    rows = [["品名", "数量", "最少", "最多"], ["a", "x", "1", "9"], ["b"], ["c", "", "", "7"]]
    out = laid(rows, merges=[(1, 2, 3, 2), (1, 3, 2, 3)], reading=reading)
    assert told(out) == [
        "a.xlsx row 2, 最多 (D2): two-amounts: has 2 amounts in rows that a merged cell makes one"
        " (split the merged cell, or write the amounts in one)"
    ]
    assert out.counts["refused"] == 3


def with_cell(cell: GridCell, *, merges: Sequence[Merge] = ()) -> Grid:
    """A sheet whose B2 is a cell."""
    base = grid([["品名", "数量", "链接"], ["口罩", "", ""], ["手套", "5", ""]])
    second = (base.rows[1][0], cell, cell)
    return replace(base, rows=(base.rows[0], second, base.rows[2]), merges=tuple(merges))


@pytest.mark.parametrize(
    ("cell", "formulas", "rule"),
    [
        (GridCell("2", CellKind.NUMBER, Formula.LOCAL), Formulas.REFUSE, "formula: is computed"),
        (GridCell("", CellKind.EMPTY, Formula.LOCAL), Formulas.REFUSE, "formula: is computed"),
        (GridCell("", CellKind.EMPTY, Formula.LOCAL), Formulas.VALUES, "formula: has no result"),
        (GridCell("2", CellKind.NUMBER, Formula.EXTERNAL), Formulas.VALUES, "formula: takes its"),
        (GridCell("#REF!", CellKind.ERROR, Formula.LOCAL), Formulas.VALUES, "error: shows #REF!"),
        (GridCell("#N/A", CellKind.ERROR), Formulas.REFUSE, "error: shows #N/A"),
        (GridCell("too many digits", CellKind.ERROR), Formulas.VALUES, "error: shows too many"),
    ],
)
def test_a_cell_that_is_computed_or_broken_refuses_its_row_by_its_address(
    cell: GridCell, formulas: Formulas, rule: str
) -> None:
    """Threat 40, for what comes in: only in columns that the mapping reads."""
    out = lay_out(with_cell(cell), replace(CORE, formulas=formulas), READING, label="a.xlsx")
    assert [number for number, _ in found(out)] == [3]
    (refusal,) = out.refused
    assert (refusal.row, refusal.cell) == (2, "数量 (B2)")
    assert refusal.rule.startswith(rule)
    assert refusal.way_out


def test_a_computed_value_is_taken_where_the_mapping_says_so() -> None:
    cell = GridCell("2", CellKind.NUMBER, Formula.LOCAL)
    layout = replace(CORE, formulas=Formulas.VALUES)
    out = lay_out(with_cell(cell), layout, READING, label="a.xlsx")
    assert out.rows[0].cells == {"品名": "口罩", "数量": "2", "链接": "2"}
    assert isinstance(out.rows[0].cells["数量"], Number)


def test_what_a_merged_cell_hides_refuses_its_row_where_it_is_read() -> None:
    out = laid([*MERGED[:2], ["", "藏", "30", ""]], merges=[(1, 1, 2, 1)])
    assert told(out) == [
        "a.xlsx row 3, 品名 (B3): hidden: has content under a merged cell"
        " (split the merged cell, and keep what is meant)"
    ]
    assert len(laid([*MERGED[:2], ["藏", "", "30", ""]], merges=[(1, 0, 2, 0)]).rows) == 2


def test_a_header_that_is_computed_is_refused() -> None:
    base = grid([["品名", "数量"]])
    computed = GridCell("数量", CellKind.TEXT, Formula.LOCAL)
    other = replace(base, rows=((base.rows[0][0], computed),))
    with pytest.raises(FileRefused, match=r"a\.xlsx, sheet 表, B1: has a header that is computed"):
        lay_out(other, CORE, READING, label="a.xlsx")


def test_kinds_of_cells_stay_what_they_are() -> None:
    base = grid([["品名", "数量", "急", "日期"]])
    row = (
        GridCell("口罩", CellKind.TEXT),
        GridCell("20", CellKind.NUMBER),
        GridCell("true", CellKind.BOOL),
        GridCell("2020-01-29", CellKind.DATE),
    )
    out = lay_out(replace(base, rows=(*base.rows, row)), CORE, READING, label="a.xlsx")
    assert list(out.rows[0].cells.values()) == ["口罩", "20", True, "2020-01-29"]
    assert isinstance(out.rows[0].cells["数量"], Number)
