"""Tables side by side, turned and of text; and that nothing with content is lost uncounted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.layout_samples import CORE, READING, found, laid, told
from adapters.sheet_samples import grid
from hutong_adapters.interface import FileRefused
from hutong_adapters.layout import LaidOut, lay_out
from hutong_adapters.layout_spec import Formulas, Layout, Remarks

BESIDE = [
    ["某市物资表", "", "", "", "", "", ""],
    ["品名", "数量", "", "品名", "单位", "数量", "备注"],
    ["口罩", "20", "", "大米", "袋", "7", ""],
    ["手套", "5", "", "合计", "", "7", ""],
    ["", "", "", "品名", "数量", "单位", ""],
    ["护目镜", "9", "", "面粉", "3", "袋", "急"],
]


def test_tables_side_by_side_are_read_each_by_itself() -> None:
    out = laid(BESIDE, replace(CORE, beside=True, totals=("合计",)))
    assert [(row.label, dict(row.cells)) for row in out.rows] == [
        ("a.xlsx [A-C] row 3", {"品名": "口罩", "数量": "20"}),
        ("a.xlsx [A-C] row 4", {"品名": "手套", "数量": "5"}),
        ("a.xlsx [A-C] row 6", {"品名": "护目镜", "数量": "9"}),
        ("a.xlsx [D-G] row 3", {"品名": "大米", "单位": "袋", "数量": "7", "备注": ""}),
        ("a.xlsx [D-G] row 6", {"品名": "面粉", "数量": "3", "单位": "袋", "(column 7)": "急"}),
    ]
    assert out.counts == {"title": 1, "header": 3, "row": 5, "total": 1}
    assert out.rows[3].addresses["数量"] == "F3"


def test_what_has_no_header_of_its_own_belongs_to_the_table_on_its_left() -> None:
    out = laid([["品名", "数量", "", "备注"], ["口罩", "20", "", "急"]], replace(CORE, beside=True))
    assert found(out) == [(2, ["口罩", "20", "急"])]


def test_tables_side_by_side_without_the_word_are_refused_with_it() -> None:
    with pytest.raises(FileRefused, match="beside = true"):
        laid(BESIDE)


def test_a_transposed_table_is_turned_and_keeps_its_addresses() -> None:
    rows = [["某表"], ["品名", "口罩", "手套"], ["数量", "20", ""], ["单位", "只", "双"]]
    out = laid(rows, replace(CORE, transposed=True), merges=[(2, 1, 2, 2)])
    assert out.tables[0].columns == ("品名", "数量", "单位")
    assert dict(out.rows[0].cells) == {
        "某表": "",
        "品名": "口罩；手套",
        "数量": "20",
        "单位": "只；双",
    }
    assert out.rows[0].label == "a.xlsx [by column] row 2"
    assert out.rows[0].addresses["数量"] == "B3"
    apart = laid(rows[1:], replace(CORE, transposed=True))
    assert [list(row.cells.values()) for row in apart.rows] == [
        ["口罩", "20", "只"],
        ["手套", "", "双"],
    ]


def test_a_column_without_a_name_is_called_by_its_place_if_a_row_has_something_in_it() -> None:
    out = laid([["品名", "数量", "", ""], ["口罩", "20", "x", ""], ["手套", "5", "", ""]])
    assert out.tables[0].columns == ("品名", "数量", "(column 3)")
    assert [row.cells["(column 3)"] for row in out.rows] == ["x", ""]


def test_without_a_core_the_first_row_is_the_header_and_all_others_are_rows() -> None:
    out = laid([[], ["a", "b"], ["1"], ["合计", "2"]], Layout())
    assert found(out) == [(3, ["1", ""]), (4, ["合计", "2"])]
    assert laid([[], []], Layout()).rows == []


def test_a_table_of_text_has_rows_as_long_as_their_header() -> None:
    """Threat 41: one stray comma shifts all that follows. Titles and footers may be shorter."""
    rows = [["某表"], ["品名", "数量", "单位"], ["口罩", "20"], ["手套", "5", "双"], ["备注"]]
    out = laid(rows, replace(CORE, footer=("备注",)), even=True)
    assert found(out) == [(4, ["手套", "5", "双"])]
    assert told(out) == [
        "a.xlsx row 3: has 2 cells, the header 3 (look for a missing or stray quote or comma)"
    ]


# --- Everything is accounted for

words = st.sampled_from(
    ["", "", "", "品名", "数量", "单位", "合计", "备注", "以上", "口罩", "20", "\u200b", " "]
)
tables = st.lists(st.lists(words, max_size=6), max_size=9)
ranges = st.tuples(*[st.integers(0, 8)] * 2, st.integers(1, 4), st.integers(1, 3))
layouts = st.builds(
    Layout,
    core=st.sampled_from([(), ("品名",), ("品名", "数量")]),
    names=st.sampled_from([{}, {"单位": ("以上",)}]),
    header_rows=st.integers(1, 2),
    header_fill=st.booleans(),
    beside=st.booleans(),
    transposed=st.booleans(),
    totals=st.sampled_from([(), ("合计",)]),
    footer=st.sampled_from([(), ("备注",)]),
    remarks=st.sampled_from(list(Remarks)),
    note=st.just("备注"),
    to_note=st.sampled_from([(), ("单位",)]),
    shared=st.sampled_from([(), ("单位",)]),
    formulas=st.sampled_from(list(Formulas)),
)


def apart(found: Sequence[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Merged ranges of which no two share a cell, as a workbook has them."""
    taken: set[tuple[int, int]] = set()
    kept = []
    for top, left, rows, columns in found:
        cells = {(top + row, left + column) for row in range(rows) for column in range(columns)}
        if len(cells) > 1 and not cells & taken:
            taken |= cells
            kept.append((top, left, top + rows - 1, left + columns - 1))
    return kept


@given(tables, st.lists(ranges, max_size=4).map(apart), layouts, st.booleans())
def test_whatever_has_content_is_a_row_a_refusal_or_counted(
    rows: list[list[str]],
    merges: list[tuple[int, int, int, int]],
    layout: Layout,
    even: bool,
) -> None:
    """Nothing is lost without having been said: the counts add up to the rows that are filled."""
    sheet = grid(rows, merges)
    refused = ""
    out = LaidOut()
    try:
        out = lay_out(sheet, layout, READING, label="a.xlsx", even=even)
    except FileRefused as error:
        refused = error.name
    assert refused in ("", "no-header", "column-twice")
    if refused:
        return
    turned = sheet.turn() if layout.transposed else sheet
    covered = {
        (row, column)
        for merge in turned.merges
        for row in range(merge.top, merge.bottom + 1)
        for column in range(merge.left, merge.right + 1)
        if (row, column) != (merge.top, merge.left)
    }
    filled = [
        {
            column
            for column, cell in enumerate(cells)
            if not cell.blank and (row, column) not in covered
        }
        for row, cells in enumerate(turned.rows)
    ]
    parts = sum(out.counts.values())
    assert parts >= sum(map(bool, filled))
    if not layout.beside:
        assert parts == sum(map(bool, filled))
        assert parts + out.blank == len(turned.rows)
    assert (out.counts["row"] > 0) == bool(out.rows)
    assert (out.counts["refused"] > 0) == bool(out.refused)
    for row in out.rows:
        assert all(name in row.cells for name in row.addresses)


@given(
    st.lists(
        st.tuples(st.sampled_from(["口罩", "手套", "面粉"]), st.integers(1, 99)),
        min_size=1,
        max_size=8,
    ),
    st.lists(st.integers(1, 3), min_size=8, max_size=8),
)
def test_no_amount_is_copied_or_lost_however_cells_are_merged(
    things: list[tuple[str, int]], heights: list[int]
) -> None:
    """The sum over all rows is that of the cells that are seen."""
    rows = [["品名", "数量"]]
    merges = []
    for (item, amount), height in zip(things, heights, strict=False):
        top = len(rows)
        rows.append([item, str(amount)])
        rows += [[f"{item}{number}", ""] for number in range(1, height)]
        if height > 1:
            merges.append((top, 1, top + height - 1, 1))
    out = laid(rows, merges=merges)
    assert sum(int(str(row.cells["数量"])) for row in out.rows) == sum(n for _, n in things)
    assert len(out.rows) == len(things)


def test_a_row_that_is_too_long_adds_no_column_to_its_table() -> None:
    """Or the import would stop over a column that the file does not have."""
    rows = [["品名", "数量"], ["口罩", "20", "x"], ["手套", "5"]]
    out = lay_out(grid(rows), CORE, READING, label="a.csv", even=True)
    assert out.tables[0].columns == ("品名", "数量")
    assert [str(each) for each in out.refused] == [
        "a.csv row 2: has 3 cells, the header 2 (look for a missing or stray quote or comma)"
    ]
    assert out.counts == {"header": 1, "refused": 1, "row": 1}


def test_the_row_that_comes_nearest_to_a_header_is_found_by_other_names_too() -> None:
    layout = replace(CORE, names={"品名": ("物品名称",)})
    with pytest.raises(FileRefused, match="row 2 has 品名, but not 数量"):
        laid([["某表"], ["物品名称", "总数"], ["口罩", "20"]], layout)
