"""Sheets as the Red Cross of Wuhan and Hubei published them in January 2020, and those of HXL.

What is a row of them, and what is none, by the words of the built-in mapping. Which quantities
their texts hold is shown elsewhere; here it is that there are as many as in the sheet, each once,
at its address. Real data.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.sheet_samples import made, ods, ods_row, ods_text
from hutong_adapters.grid import CellKind, Grid
from hutong_adapters.interface import FileRefused, Row
from hutong_adapters.layout_spec import Layout, Remarks
from hutong_adapters.mapping_load import load_mapping
from hutong_adapters.rows import Form, Sheet, read_sheet
from hutong_adapters.sheet_process import read_workbook

STOCK = load_mapping("redcross-wuhan-stock")
READING = STOCK.reading()
assert STOCK.form.layout is not None
LAYOUT: Layout = STOCK.form.layout


@pytest.fixture(scope="module")
def folder(data_folder: Path) -> Path:
    return data_folder / "redcross-wuhan"


@pytest.fixture(scope="module")
def january_28(folder: Path) -> Sheet:
    return read_sheet(folder / "received_06-2.xlsx", STOCK.form, READING)


@pytest.fixture(scope="module")
def january_29(folder: Path) -> Sheet:
    return read_sheet(folder / "received_07-2.xlsx", STOCK.form, READING)


def row(sheet: Sheet, number: int) -> Row:
    return next(each for each in sheet.rows if each.number == number)


def test_the_sheet_of_28_january_has_209_quantities_and_each_is_a_row(january_28: Sheet) -> None:
    assert january_28.refused == ()
    assert len(january_28.rows) == 209
    assert january_28.passed == {"title": 3, "header": 2, "footer": 3}
    assert len({each.addresses["数量总计"] for each in january_28.rows}) == 209
    sums: Counter[str] = Counter()
    for each in january_28.rows:
        amount = re.fullmatch(r"([0-9]+)(\D+)", str(each.cells["数量总计"]))
        assert amount is not None
        sums[amount[2]] += int(amount[1])
    assert dict(sums) == {
        "片": 558_000,
        "支": 114_360,
        "瓶": 48_753,
        "盒": 28_574,
        "个": 24_883,
        "人份": 8_400,
        "只": 6_840,
        "桶": 6_108,
        "箱": 5_378,
        "件": 2_082,
        "台": 1_734,
        "套": 982,
        "包": 318,
        "副": 240,
        "袋": 47,
        "提": 1,
    }


def test_ten_quantities_are_shared_and_stay_one_amount(january_28: Sheet) -> None:
    """Hard case 7, for sheets: a merged quantity is of all its rows, once."""
    shared = {
        48: ("迈康一次性口罩；FM口罩", "6000个"),
        97: ("利托那韦片", "2箱"),
        99: ("N95口罩；医用口罩", "5箱"),
        103: ("折叠式口罩；自吸过滤式防颗粒物呼吸器", "4箱"),
        105: ("面罩；自吸过滤呼吸器", "1200只"),
        185: ("Face mask；Ear-loop", "10箱"),
        187: ("LED紫外线消毒袋；（SZDR-P26）", "3506个"),
        218: ("抗病毒口服液", "84件"),
        220: ("抗病毒口服液", "375件"),
        222: ("抗病毒口服液", "367件"),
    }
    found = {
        number: (row(january_28, number).cells["品名"], row(january_28, number).cells["数量总计"])
        for number in shared
    }
    assert found == shared
    numbers = {each.number for each in january_28.rows}
    assert not {number + 1 for number in shared} & numbers


def test_batch_and_pack_on_two_rows_of_one_quantity_are_joined(january_28: Sheet) -> None:
    assert [row(january_28, number).cells["规格"] for number in (218, 220, 222)] == [
        *("20191104；80盒/件", "20191105；80盒/件", "20191106；80盒/件"),
    ]
    assert row(january_28, 97).cells["规格"] == "348瓶/箱；324瓶/箱"
    assert row(january_28, 99).cells["备注"] == "定向捐赠协和医院、儿童医院"


def test_an_item_merged_over_five_quantities_stays_five_rows(january_28: Sheet) -> None:
    rows = [row(january_28, number) for number in range(92, 97)]
    assert [each.cells["数量总计"] for each in rows] == [
        *("36000片", "126000片", "70000片", "81000片", "245000片"),
    ]
    assert [each.cells["品名"] for each in rows] == ["口罩"] * 5
    assert [each.addresses["品名"] for each in rows] == ["B92"] * 5
    assert [each.addresses["规格"] for each in rows] == ["C92", "C93", "C94", "C95", "C96"]


def test_donors_are_filled_inside_of_their_merges_only(january_28: Sheet) -> None:
    assert row(january_28, 207).cells["捐赠单位"] == "一家企业"
    assert row(january_28, 8).cells["捐赠单位"] == row(january_28, 9).cells["捐赠单位"]
    assert all(each.cells["捐赠单位"] for each in january_28.rows)


def test_the_header_in_row_159_is_no_item(january_28: Sheet) -> None:
    assert 159 not in {each.number for each in january_28.rows}
    assert all(each.cells["品名"] != "品名" for each in january_28.rows)
    assert [table.label for table in january_28.tables] == [
        "received_06-2.xlsx, header in row 6",
        "received_06-2.xlsx, header in row 159",
    ]


def test_without_words_for_the_footer_its_three_rows_are_refused_and_no_row_is_lost(
    folder: Path,
) -> None:
    layout = replace(LAYOUT, footer=(), remarks=Remarks.REFUSE)
    sheet = read_sheet(folder / "received_06-2.xlsx", Form(layout=layout), READING)
    assert len(sheet.rows) == 209
    assert [(each.row, each.cell, each.rule.split(":")[0]) for each in sheet.refused] == [
        *((233, "A233", "remark"), (236, "A236", "remark"), (237, "A237", "remark")),
    ]


def test_the_sheet_of_29_january_has_138_quantities_none_without_unit(january_29: Sheet) -> None:
    assert january_29.refused == ()
    assert len(january_29.rows) == 138
    sums: dict[str, Decimal] = {}
    for each in january_29.rows:
        unit = str(each.cells["计量单位"])
        sums[unit] = sums.get(unit, Decimal(0)) + Decimal(str(each.cells["数量总计"]))
    assert "" not in sums
    expected = {"支": 386_770, "箱": 10_672, "只": 10_000, "片": 2_000}
    assert {unit: sums[unit] for unit in expected} == expected


def test_the_unit_is_filled_downwards_and_the_quantity_beside_it_is_not_shared(
    january_29: Sheet,
) -> None:
    assert [row(january_29, number).cells["计量单位"] for number in range(17, 21)] == ["台"] * 4
    assert [str(row(january_29, number).cells["数量总计"]) for number in (46, 47, 48)] == [
        *("217080", "44970", "124720"),
    ]
    assert row(january_29, 47).addresses["计量单位"] == "D46"


def test_rows_86_to_89_belong_to_row_85(january_29: Sheet) -> None:
    assert row(january_29, 85).cells["备注"] == (
        "定向捐赠；1.省人民医院3000副；2.武汉精神卫生中心1000副"
    )
    assert row(january_29, 85).cells["捐赠单位"] == "上海第二医科大学校友会"
    assert not {86, 87, 88, 89} & {each.number for each in january_29.rows}


def test_the_list_of_what_was_used_has_a_title_a_date_and_a_footer(folder: Path) -> None:
    layout = Layout(core=("品名", "流向"), footer=("备注",))
    sheet = read_sheet(folder / "hubei_usage_01.xlsx", Form(layout=layout))
    assert ([each.number for each in sheet.rows], sheet.refused) == (list(range(4, 21)), ())
    assert sheet.passed == {"title": 2, "header": 1, "footer": 1}
    assert sheet.rows[0].cells["折算金额（万元）"] == "500"
    assert sheet.rows[13].cells["流向"] == "武汉仁爱医院1.6\n武汉天佑医院1.6万"


def test_a_cell_that_shows_a_day_is_that_day(folder: Path) -> None:
    (grid,) = read_workbook(folder / "hubei_usage_01.xlsx", "one").grids
    cell = grid.cell(1, 1)
    assert (cell.text, cell.kind) == ("2020-01-29", CellKind.DATE)


@pytest.mark.parametrize("name", ["received_06-2.xlsx", "received_07-2.xlsx"])
def test_a_published_sheet_saved_in_another_format_is_the_same_rows(
    folder: Path, tmp_path: Path, name: str
) -> None:
    """XLSX by another program, and ODS with its spans, come to what was published."""
    (grid,) = read_workbook(folder / name, "one").grids
    published = read_sheet(folder / name, STOCK.form, READING)
    for path, data in (
        (tmp_path / "a.xlsx", as_xlsx(grid)),
        (tmp_path / "a.ods", as_ods(grid)),
    ):
        path.write_bytes(data)
        again = read_sheet(path, STOCK.form, READING)
        assert [(each.number, dict(each.cells)) for each in again.rows] == [
            (each.number, dict(each.cells)) for each in published.rows
        ]
        assert again.passed == published.passed


def as_xlsx(grid: Grid) -> bytes:
    def fill(book: object, sheet: object) -> None:
        for merge in grid.merges:
            sheet.merge_range(merge.top, merge.left, merge.bottom, merge.right, "")  # type: ignore[attr-defined]
        for row_number, cells in enumerate(grid.rows):
            for column, cell in enumerate(cells):
                if cell.kind is CellKind.NUMBER:
                    sheet.write_number(row_number, column, float(cell.text))  # type: ignore[attr-defined]
                elif cell.text:
                    sheet.write_string(row_number, column, cell.text)  # type: ignore[attr-defined]

    return made(fill)


def as_ods(grid: Grid) -> bytes:
    spans = {(merge.top, merge.left): merge for merge in grid.merges}
    covered = {
        (row_number, column)
        for merge in grid.merges
        for row_number in range(merge.top, merge.bottom + 1)
        for column in range(merge.left, merge.right + 1)
    } - spans.keys()

    def cell(row_number: int, column: int) -> str:
        if (row_number, column) in covered:
            return "<table:covered-table-cell/>"
        merge = spans.get((row_number, column))
        span = (
            ""
            if merge is None
            else (
                f'table:number-rows-spanned="{merge.bottom - merge.top + 1}"'
                f' table:number-columns-spanned="{merge.right - merge.left + 1}"'
            )
        )
        found = grid.cell(row_number, column)
        if found.kind is CellKind.NUMBER:
            return (
                f'<table:table-cell office:value-type="float" office:value="{found.text}" {span}/>'
            )
        text = found.text.replace("&", "&amp;").replace("<", "&lt;")
        return ods_text(text, span) if text else f"<table:table-cell {span}/>"

    return ods(
        "".join(
            ods_row(*(cell(row_number, column) for column in range(grid.width)))
            for row_number in range(len(grid.rows))
        )
    )


HXL = Layout(core=("#sector+es", "#org+es"))


@pytest.mark.parametrize("name", ["input-valid.xlsx", "input-valid.csv", "input-valid-latin1.csv"])
def test_hashtags_are_a_header_below_two_rows_of_titles(data_folder: Path, name: str) -> None:
    encoding = "latin-1" if "latin" in name else "auto"
    sheet = read_sheet(data_folder / "hxl" / name, Form(layout=HXL, encoding=encoding))
    assert ([each.number for each in sheet.rows], sheet.refused) == ([4, 5, 6, 7], ())
    assert sheet.passed == {"title": 2, "header": 1}
    assert sheet.rows[2].cells["#subsector+es"] == "Formación de enseñadores"


def test_merged_countries_and_dates_are_filled_in_their_ranges(data_folder: Path) -> None:
    sheet = read_sheet(data_folder / "hxl" / "input-merged.xlsx", Form(layout=HXL))
    assert [each.cells["#org+es"] for each in sheet.rows] == ["ACNUR", "UNICEF", "UNICEF", "OMS"]
    assert [each.cells["#country"] for each in sheet.rows] == [
        *("Panamá", "Colombia", "Colombia", "Venezuela"),
    ]
    assert [each.cells["#date+reported"] for each in sheet.rows] == ["1 March 2015"] * 4


def test_a_header_of_two_rows_names_columns_by_both(data_folder: Path) -> None:
    layout = Layout(
        core=("¿Qué?/Sector/Cluster", "¿Quién?/Organización"),
        header_rows=2,
        sheets=("input-quality-no-hxl",),
        names={"hombres": ("¿Para quién?/Hombres",)},
    )
    sheet = read_sheet(data_folder / "hxl" / "input-quality.xlsx", Form(layout=layout))
    assert [str(column[0]) for column in sheet.columns] == [
        *("Registro", "¿Qué?/Sector/Cluster", "¿Qué?/Subsector", "¿Quién?/Organización"),
        *("hombres", "¿Para quién?/Mujeres", "¿Dónde?/País"),
        *("¿Dónde?/Departamento/Provincia/Estado", "¿Cuándo?"),
    ]
    assert [each.cells["¿Quién?/Organización"] for each in sheet.rows] == [
        *("ACNUR", "UNICEF", "UNICEF", "OMS"),
    ]


def test_a_workbook_of_two_sheets_asks_which_one(data_folder: Path) -> None:
    with pytest.raises(
        FileRefused, match="several sheets: input-quality-no-hxl, input-quality-hxl"
    ):
        read_sheet(data_folder / "hxl" / "input-quality.xlsx", Form(layout=HXL))


def test_rows_with_more_cells_than_their_header_are_refused_each_with_the_reason(
    data_folder: Path,
) -> None:
    layout = Layout(core=("Qué?/Registro",), header_rows=2, header_fill=True, remarks=Remarks.SKIP)
    sheet = read_sheet(data_folder / "hxl" / "input-fuzzy.csv", Form(layout=layout))
    assert (sheet.rows, sheet.passed) == ((), {"header": 2, "remark": 1})
    assert [(each.row, each.rule) for each in sheet.refused] == [
        (number, "has 9 cells, the header 8") for number in (4, 5, 6, 7)
    ]


def test_a_sheet_that_tags_two_columns_alike_is_refused_with_both(data_folder: Path) -> None:
    with pytest.raises(FileRefused, match=r"has the column #targeted\+f twice, in E3 and F3"):
        read_sheet(data_folder / "hxl" / "input-fuzzy.csv", Form(layout=HXL))
