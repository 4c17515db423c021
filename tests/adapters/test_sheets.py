"""Sheets of every format, from the file to what would be sent. Threats 37, 38, 41 and 42."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import pytest

from adapters.mapping_samples import HEADER, ROW, SHEET, plan_of, write_mapping
from adapters.sheet_samples import made, ods, ods_row, ods_text, parts_of, table, xlsx, zipped
from hutong_adapters.interface import FileRefused, MappingRefused
from hutong_adapters.layout_spec import Layout, Reading
from hutong_adapters.mapping import RowMapping
from hutong_adapters.mapping_load import load_mapping
from hutong_adapters.planning import Plan, Target, expand, make_plan, read_sheets
from hutong_adapters.rows import Form, Sheet, read_sheet

LAID_OUT = SHEET + '\n[sheet]\ncore = ["物资", "数量"]\nfooter = ["填表人"]\n'
TABLE: list[list[object]] = [
    ["某区物资需求表"],
    [],
    list(HEADER),
    list(ROW),
    ["A-2", "610113", "口罩", 500, "只", ""],
    ["填表人：值班室"],
]


def mapped(folder: Path, text: str = LAID_OUT) -> RowMapping:
    return load_mapping(write_mapping(folder, text))


def read(folder: Path, data: bytes, name: str, form: Form | None = None) -> Sheet:
    path = folder / name
    path.write_bytes(data)
    return read_sheet(path, form or Form())


def planned(folder: Path, data: bytes, name: str, text: str = LAID_OUT) -> Plan:
    path = folder / name
    path.write_bytes(data)
    return plan_of(mapped(folder, text), path)


def refused(folder: Path, data: bytes, name: str, form: Form | None = None) -> FileRefused:
    with pytest.raises(FileRefused) as raised:
        read(folder, data, name, form)
    assert str(folder) not in str(raised.value)
    return raised.value


def as_text(between: str = ",") -> str:
    width = len(HEADER)
    lines = [[str(cell) for cell in row] + [""] * (width - len(row)) for row in TABLE]
    return "".join(between.join(line) + "\r\n" for line in lines)


def as_ods() -> bytes:
    def cell(value: object) -> str:
        if isinstance(value, int):
            return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
        return ods_text(str(value)) if value else "<table:table-cell/>"

    return ods("".join(ods_row(*map(cell, row)) for row in TABLE))


FORMATS = {
    "a.xlsx": table(TABLE),
    "a.ods": as_ods(),
    "a.csv": as_text().encode(),
    "mark.csv": codecs.BOM_UTF8 + as_text().encode(),
    "gb.csv": as_text().encode("gb18030"),
    "le.csv": codecs.BOM_UTF16_LE + as_text().encode("utf-16-le"),
    "be.csv": codecs.BOM_UTF16_BE + as_text().encode("utf-16-be"),
    "a.tsv": as_text("\t").encode(),
    "A.TSV": as_text("\t").encode("utf-16"),
}


@pytest.mark.parametrize(("name", "data"), FORMATS.items(), ids=FORMATS)
def test_one_sheet_is_the_same_rows_in_every_format(tmp_path: Path, name: str, data: bytes) -> None:
    plan = planned(tmp_path, data, name)
    assert [str(refusal) for refusal in plan.refused] == []
    quantities: Any = [each.draft.facts["lines"] for each in plan.drafts]
    assert [line["quantity"] for (line,) in quantities] == [
        {"bound": "exact", "value": "20", "unit": "dai"},
        {"bound": "exact", "value": "500", "unit": "zhi"},
    ]
    assert [each.draft.row_label for each in plan.drafts] == [f"{name} row 4", f"{name} row 5"]
    (sheet,) = plan.sheets
    assert (sheet.passed, sheet.blank) == ({"title": 1, "header": 1, "footer": 1}, 1)


def test_a_refusal_names_column_and_address_of_its_cell(tmp_path: Path) -> None:
    rows: list[list[object]] = [*TABLE[:4], ["A-2", "610113", "口罩", "约五百", "只", ""]]
    plan = planned(tmp_path, table(rows), "a.xlsx")
    assert [str(refusal) for refusal in plan.refused] == [
        "a.xlsx row 5, 数量 (D5): is no number in plain digits [lines[0].quantity] (for example"
        " 2500.5; words go into `unbounded` or `unknown` of the quantity)"
    ]


def test_what_is_read_in_another_encoding_is_told(tmp_path: Path) -> None:
    assert read(tmp_path, FORMATS["a.csv"], "a.csv").notes == ()
    gb = read(tmp_path, "a,数\n1,2\n".encode("gb18030"), "gb.csv")
    assert gb.notes == ("gb.csv: was read as gb18030",)
    assert [dict(row.cells) for row in gb.rows] == [{"a": "1", "数": "2"}]
    utf16 = read(tmp_path, "a,数\n1,2\n".encode("utf-16"), "u.csv", Form(layout=Layout()))
    assert utf16.notes == ("u.csv: was read as utf-16",)
    latin = read(tmp_path, "año\n1\n".encode("latin-1"), "l.csv", Form(encoding="latin-1"))
    assert latin.notes == ("l.csv: was read as latin-1",)


def test_a_workbook_without_words_about_it_has_its_header_first(tmp_path: Path) -> None:
    sheet = read(tmp_path, table([["a", "b"], [1, "x"]]), "a.xlsx")
    assert [(row.number, dict(row.cells)) for row in sheet.rows] == [(2, {"a": "1", "b": "x"})]
    assert sheet.columns == (("a",), ("b",))


def two_sheets(second: list[str]) -> bytes:
    def fill(book: Any, sheet: Any) -> None:
        for each, header in zip(book.worksheets(), (HEADER, second), strict=True):
            each.write_row(0, 0, header)
            each.write_row(
                1, 0, [ROW[HEADER.index(name)] if name in HEADER else "x" for name in header]
            )

    return made(fill, ["一月", "二月"])


def test_rows_of_several_sheets_are_told_apart(tmp_path: Path) -> None:
    every = LAID_OUT + 'sheets = "all"\n'
    plan = planned(tmp_path, two_sheets(HEADER[::-1]), "a.xlsx", every)
    assert [row.label for sheet in plan.sheets for row in sheet.rows] == [
        "a.xlsx [一月] row 2",
        "a.xlsx [二月] row 2",
    ]
    one = planned(tmp_path, two_sheets(HEADER), "a.xlsx", LAID_OUT + 'sheets = ["二月"]\n')
    assert [row.label for sheet in one.sheets for row in sheet.rows] == ["a.xlsx row 2"]
    with pytest.raises(FileRefused, match="has several sheets: 一月, 二月"):
        planned(tmp_path, two_sheets(HEADER), "a.xlsx")


def test_each_table_is_held_to_the_columns_of_the_mapping(tmp_path: Path) -> None:
    """A column that vanished from the second sheet is not made up for by the first."""
    every = LAID_OUT + 'sheets = "all"\n'
    with pytest.raises(MappingRefused) as raised:
        planned(tmp_path, two_sheets([*HEADER[:4], "联系人", "备注"]), "a.xlsx", every)
    extra, gone = raised.value.problems
    assert extra.startswith(
        'a.xlsx [二月]: has columns that the mapping does not mention: "联系人"'
    )
    assert gone.startswith('a.xlsx [二月]: has no column "单位", which the mapping uses.')


def test_a_header_in_mid_sheet_is_held_to_them_too(tmp_path: Path) -> None:
    rows: list[list[object]] = [*TABLE[:4], ["物资", "数量", "编号", "区县", "价格"]]
    with pytest.raises(MappingRefused) as raised:
        planned(tmp_path, table(rows), "a.xlsx")
    assert [problem.split(": ")[0] for problem in raised.value.problems] == (
        ["a.xlsx, header in row 5"] * 2
    )


def test_a_formula_is_refused_only_where_the_mapping_reads_it(tmp_path: Path) -> None:
    """Threat 40. 备注 is ignored by the mapping, so what it computes is nobody's business."""

    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, ROW)
        sheet.write_formula("F2", '=HYPERLINK("http://192.0.2.1")', None, "x")
        sheet.write_row(2, 0, ["A-2", "610113", "口罩", "", "只"])
        sheet.write_formula("D3", "=10*2", None, 20)

    plan = planned(tmp_path, made(fill), "a.xlsx")
    assert [str(refusal) for refusal in plan.refused] == [
        "a.xlsx row 3, 数量 (D3): formula: is computed, and what it comes to may change"
        ' (paste it as values, or say formulas = "values" in [sheet])'
    ]
    assert len(plan.drafts) == 1
    taken = planned(tmp_path, made(fill), "a.xlsx", LAID_OUT + 'formulas = "values"\n')
    assert (len(taken.drafts), taken.refused) == (2, ())


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"a,b\n1,2\n", "a.xlsx", "not-a-workbook"),
        (b"a,b\n1,2\n", "a.ods", "not-a-workbook"),
        (table([["a"]]), "a.csv", "not-text"),
        (as_ods(), "a.tsv", "not-text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1xls", "a.csv", "not-text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1xls", "a.xlsx", "old-excel"),
        (b"<html><table><tr><td>a", "a.xlsx", "not-a-workbook"),
        (b"x", "a.xls", "not-read"),
        (b"x", "a.XLSM", "not-read"),
        (b"x", "a.xlsb", "not-read"),
        (table([[]]), "a.xlsx", "empty"),
        (b"\r\n,,\r\n", "a.csv", "empty"),
        (b"a\n1\0\n", "a.csv", "nul"),
        ("a,b\n1,2\n".encode("utf-16-le"), "a.csv", "nul"),
        (b'a,b\n1,"2\n3,4\n', "a.csv", "broken-csv"),
        (b"a\n" + b"x" * 140_000, "a.csv", "broken-csv"),
        (b"a\n" + b"1\n" * 20_001, "a.csv", "too-many-rows"),
        (b",".join([b"a"] * 201) + b"\n", "a.csv", "too-many-columns"),
    ],
)
def test_a_file_that_is_not_what_it_is_called_or_has_no_end_is_refused(
    tmp_path: Path, data: bytes, name: str, reason: str
) -> None:
    """Threats 38 and 41; with and without words about its layout."""
    for layout in (None, Layout()):
        assert refused(tmp_path, data, name, Form(layout=layout)).name == reason


def test_a_workbook_by_another_name_is_read_as_what_it_is(tmp_path: Path) -> None:
    assert len(read(tmp_path, as_ods(), "a.xlsx").rows) == 4
    assert len(read(tmp_path, table(TABLE), "a.data", Form("xlsx")).rows) == 4


@pytest.mark.parametrize(("name", "last"), [("a.csv", 20_001), ("a.xlsx", 20_000)])
def test_a_sheet_of_twenty_thousand_rows_is_read(tmp_path: Path, name: str, last: int) -> None:
    """Threat 38. In a workbook the header is one of them."""
    count = last - 1
    if name == "a.csv":
        data = b"a,b\n" + b"".join(b"%d,x\n" % number for number in range(count))
    else:
        rows = "".join(f"<row><c><v>{number}</v></c></row>" for number in range(count))
        data = xlsx('<row><c t="str"><v>a</v></c></row>' + rows)
    for layout in (None, Layout(core=("a",))):
        sheet = read(tmp_path, data, name, Form(layout=layout))
        assert len(sheet.rows) == count
        assert sheet.rows[-1].number == last


def test_one_row_more_than_that_is_refused_with_its_place(tmp_path: Path) -> None:
    rows = "<row><c><v>1</v></c></row>" * 20_001
    found = refused(tmp_path, xlsx(rows), "a.xlsx")
    assert (found.name, found.sheet, found.cell) == ("far-cell", "表", "A20001")
    wide = "<row>" + "<c><v>1</v></c>" * 201 + "</row>"
    found = refused(tmp_path, xlsx(wide), "a.xlsx")
    assert (found.name, found.cell) == ("far-cell", "GS1")


def test_a_row_that_no_record_could_hold_is_refused_by_itself(tmp_path: Path) -> None:
    data = table([["a"], ["x" * 30_000], ["y"]])
    assert len(read(tmp_path, data, "a.xlsx").rows) == 2
    text = b"a\n" + b"x" * 70_000 + b"\ny\n"
    for layout in (None, Layout()):
        sheet = read(tmp_path, text, "a.csv", Form(layout=layout))
        assert [row.number for row in sheet.rows] == [3]
        assert [each.rule for each in sheet.refused] == ["has 70000 characters, more than 65536"]


def test_a_transposed_table_of_text_has_lines_of_one_length(tmp_path: Path) -> None:
    """Threat 41: a stray comma would give every thing the value of its neighbour."""
    form = Form(layout=Layout(core=("品名", "数量"), transposed=True))
    reading = Reading(("品名", "数量"))
    path = tmp_path / "a.csv"
    path.write_text("品名,口罩,手套\n数量,20,5\n", "utf-8")
    sheet = read_sheet(path, form, reading)
    assert [row.label for row in sheet.rows] == [
        "a.csv [by column] row 2",
        "a.csv [by column] row 3",
    ]
    path.write_text("品名,口罩,手套\n数量,20,,5\n", "utf-8")
    with pytest.raises(FileRefused, match="has 3 cells in row 1, and 4 in another"):
        read_sheet(path, form, reading)


def test_a_folder_has_sheets_of_all_formats_and_none_that_is_open_somewhere(
    tmp_path: Path,
) -> None:
    for name in ("a.xlsx", "b.ods", "c.csv", "d.tsv", "~$a.xlsx", ".~lock.b.ods", "readme.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in expand([tmp_path])] == ["a.xlsx", "b.ods", "c.csv", "d.tsv"]


def test_an_old_workbook_in_a_folder_is_not_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "sheets"
    folder.mkdir()
    (folder / "a.csv").write_text(as_text(), "utf-8")
    (folder / "b.xls").write_bytes(b"x")
    with pytest.raises(FileRefused, match=r"b\.xls: is of a format that is not read"):
        read_sheets(mapped(tmp_path), [folder])


def test_the_order_of_keys_does_not_depend_on_the_format(tmp_path: Path) -> None:
    """The same row is the same row, whichever program saved the sheet."""
    keys = [
        [each.draft.key for each in planned(tmp_path, data, name).drafts]
        for name, data in FORMATS.items()
    ]
    assert all(each == keys[0] for each in keys)


def test_a_workbook_that_hides_content_in_another_entry_is_read_as_it_was_scanned(
    tmp_path: Path,
) -> None:
    """What the archive has beside the scanned parts never reaches the reader of values."""
    parts = parts_of(table([["a"], [1]]))
    parts["xl/worksheets/sheet9.xml"] = parts["xl/worksheets/sheet1.xml"].replace(b"1", b"9")
    parts["_rels/.rels"] = (
        b'<Relationships><Relationship Id="r" Type="x" Target="no.xml"/></Relationships>'
    )
    sheet = read(tmp_path, zipped(parts), "a.xlsx")
    assert [dict(row.cells) for row in sheet.rows] == [{"a": "1"}]


def test_a_plan_of_sheets_needs_no_node(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(table(TABLE))
    plan = make_plan(mapped(tmp_path), [path], Target(may_guess=True))
    assert (plan.rows, len(plan.drafts)) == (2, 2)
