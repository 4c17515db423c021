"""What the cells of XLSX and ODS come to: exactly what the sheet says, and what it does not say.

Threat 42.
"""

from __future__ import annotations

from typing import Any

import pytest

from adapters.sheet_samples import made, ods, ods_row, ods_text, parts_of, xlsx, zipped
from hutong_adapters.archive_scan import SheetRefused
from hutong_adapters.sheet_child import ALL, ONE, read_workbook

LOCAL, EXTERNAL = "local", "external"


def rows(data: bytes) -> Any:
    """The cells of the only sheet: None, a text, or kind, text and formula."""
    (sheet,) = read_workbook(data, ALL)["sheets"]
    return sheet["rows"]


def cell(data: bytes) -> Any:
    """The first cell that is there."""
    return next(each for row in rows(data) for each in row if each is not None)


def number(value: float, form: str | int, **options: Any) -> bytes:
    """A workbook whose A1 has a number in a format."""

    def fill(book: Any, sheet: Any) -> None:
        sheet.write_number(0, 0, value, book.add_format({"num_format": form}))

    return made(fill, **options)


@pytest.mark.parametrize(
    ("value", "form", "read"),
    [
        (43859, "yyyy-mm-dd", "2020-01-29"),
        (43859, 14, "2020-01-29"),
        (43859, 'yyyy"年"m"月"d"日"', "2020-01-29"),
        (43859, '[$-804]yyyy"年"m"月"d"日";@', "2020-01-29"),
        (43859, 31, "2020-01-29"),
        (43859, 57, "2020-01-29"),
        (43859, 58, "2020-01-29"),
        (43859.5, "yyyy-mm-dd hh:mm", "2020-01-29T12:00:00"),
        (43859.999999, "yyyy-mm-dd hh:mm:ss", "2020-01-30T00:00:00"),
        (43859 + 1 / 3, "m/d hh:mm", "2020-01-29T08:00:00"),
        (0.75, "hh:mm", "18:00:00"),
        (1.5, "[h]:mm", "36:00:00"),
        (1, "yyyy-mm-dd", "1899-12-31"),
    ],
)
def test_a_date_is_a_day_or_a_time_without_a_zone(value: float, form: str | int, read: str) -> None:
    found = cell(number(value, form))
    assert found[0] == "date"
    assert found[1] == read or value == 1  # the year 1900 was no leap year but to spreadsheets


def test_a_date_of_a_sheet_from_1904_is_the_day_that_it_shows() -> None:
    styles = '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
    for said, day in (("1", "2024-01-30"), ("0", "2020-01-29")):
        parts = parts_of(xlsx('<row r="1"><c r="A1" s="1"><v>43859</v></c></row>'))
        book = parts["xl/workbook.xml"].replace(
            b"<sheets>", b'<workbookPr date1904="%s"/><sheets>' % said.encode()
        )
        data = zipped({**parts, "xl/workbook.xml": book, "xl/styles.xml": styles})
        assert cell(data) == ["date", day]


@pytest.mark.parametrize("value", [-5, -0.5])
def test_a_number_before_all_calendars_is_an_error_and_no_midnight(value: float) -> None:
    assert cell(number(value, "yyyy-mm-dd")) == ["error", "no date"]


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("217080", ["number", "217080"]),
        ("4.9000000000000004", ["number", "4.9"]),
        ("1E-7", ["number", "0.0000001"]),
        ("-0", ["number", "0"]),
        ("610113199001011234", ["error", "too many digits"]),
        ("6.10113199001011E+17", ["error", "too many digits"]),
        ("NaN", ["error", "no number"]),
        ("1e400", ["error", "no number"]),
    ],
)
def test_a_number_is_what_was_typed_or_an_error(said: str, read: list[str]) -> None:
    """Threat 42. A long number that is no text has lost digits, and nobody can say which."""
    assert cell(xlsx(f'<row r="1"><c r="A1"><v>{said}</v></c></row>')) == read


@pytest.mark.parametrize(
    "shown", ["#REF!", "#DIV/0!", "#N/A", "#SPILL!", "#CALC!", "#GETTING_DATA", "#FIELD!"]
)
def test_an_error_stays_an_error(shown: str) -> None:
    around = '<c r="B1" t="str"><v>t="e"</v></c>'
    data = xlsx(f'<row r="1"><c r="A1" t="e"><v>{shown}</v></c>{around}</row>')
    assert rows(data) == [[["error", shown], 't="e"']]


def test_what_an_error_cell_holds_beside_an_error_is_not_told() -> None:
    data = xlsx('<row r="1"><c r="A1" t="e"><v>13800138000</v></c></row>')
    assert rows(data) == [[["error", "an error"]]]


def test_texts_keep_every_character_but_none_that_is_not_shown() -> None:
    shared = (
        "<sst><si><r><t>一</t></r><r><t>二</t></r><rPh><t>yi</t></rPh></si>"
        '<si><t xml:space="preserve"> a\n b </t></si><si><t>&lt;&#x4e2d;&amp;</t></si>'
        "<si><t>_x000D__x4e2d_</t></si></sst>"
    )
    texts = "".join(f'<c t="s"><v>{n}</v></c>' for n in range(3))
    inline = '<c t="inlineStr"><is><r><t>x</t></r><r><t>y</t></r><rPh><t>z</t></rPh></is></c>'
    data = xlsx(f'<row r="1">{texts}{inline}</row>', {"xl/sharedStrings.xml": shared})
    assert rows(data) == [["一二", " a\n b ", "<中&", "xy"]]


def test_cells_and_rows_without_addresses_stand_one_after_the_other() -> None:
    data = xlsx(
        "<row><c><v>1</v></c><c/><c><v>2</v></c></row><row/>"
        '<row r="4"><c r="C4"><v>3</v></c><c><v>4</v></c></row>'
    )
    assert rows(data) == [
        [["number", "1"], None, ["number", "2"]],
        [],
        [],
        [None, None, ["number", "3"], ["number", "4"]],
    ]


def test_formulas_are_known_whatever_they_come_to() -> None:
    """Threat 40, for what is read: a value that was computed is known to be."""
    data = xlsx(
        '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="B1" t="str"><f>"x"</f><v>x</v></c>'
        '<c r="C1"><f>A1</f></c><c r="D1"><f>[1]Sheet1!A1</f><v>5</v></c>'
        '<c r="E1"><v>7</v></c></row>'
        '<row r="2"><c r="A2"><f t="shared" ref="A2:B2" si="0">[2]S!A1</f><v>1</v></c>'
        '<c r="B2"><f t="shared" si="0"/><v>1</v></c>'
        '<c r="C2"><f t="array" ref="C2:D2">A1:B1</f><v>1</v></c><c r="D2"><v>1</v></c></row>'
        '<row r="3"><c r="A3"><f>T[2020]</f><v>1</v></c></row>'
    )
    assert rows(data) == [
        [
            ["number", "2", LOCAL],
            ["text", "x", LOCAL],
            ["empty", "", LOCAL],
            ["number", "5", EXTERNAL],
            ["number", "7"],
        ],
        [
            ["number", "1", EXTERNAL],
            ["number", "1", EXTERNAL],
            ["number", "1", LOCAL],
            ["number", "1", LOCAL],
        ],
        [["number", "1", LOCAL]],
    ]


def test_merged_ranges_reach_as_far_as_there_is_content() -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.merge_range("A1:B1", "x")
        sheet.merge_range("A3:A9", "y")
        sheet.merge_range("F20:G30", "")
        sheet.write("C5", "z")

    (sheet,) = read_workbook(made(fill), ALL)["sheets"]
    assert sheet["merges"] == [[0, 0, 0, 1], [2, 0, 4, 0]]


def test_the_only_sheet_with_content_is_read_and_several_are_named() -> None:
    def fill(book: Any, sheet: Any) -> None:
        for each in book.worksheets()[: len(filled)]:
            each.write(0, 0, "x")

    filled = ["a"]
    assert [each["name"] for each in read_workbook(made(fill, ["a", "b"]), ONE)["sheets"]] == ["a"]
    filled = ["a", "b"]
    with pytest.raises(SheetRefused) as refused:
        read_workbook(made(fill, ["一月", "二月", "空"]), ONE)
    assert refused.value.name == "several-sheets"
    assert "一月, 二月" in refused.value.rule
    assert "sheets" in refused.value.way_out
    both = read_workbook(made(fill, ["一月", "二月", "空"]), ALL)
    assert [each["name"] for each in both["sheets"]] == ["一月", "二月"]
    with pytest.raises(SheetRefused) as refused:
        read_workbook(made(fill, ["一月", "二月"]), ["三月"])
    assert (refused.value.name, "三月" in refused.value.rule) == ("no-such-sheet", True)


def value(kind: str, attributes: str, shown: str = "") -> str:
    """A cell of an ODS table with a value."""
    return (
        f'<table:table-cell office:value-type="{kind}" {attributes}><text:p>{shown}</text:p>'
        "</table:table-cell>"
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (value("float", 'office:value="1.50"', "1,5"), ["number", "1.5"]),
        (value("percentage", 'office:value="0.5"', "50%"), ["number", "0.5"]),
        (value("currency", 'office:value="7"', "7 ¥"), ["number", "7"]),
        (value("float", 'office:value="12345678901234567890"'), ["error", "too many digits"]),
        (value("date", 'office:date-value="2020-01-29"', "29/1"), ["date", "2020-01-29"]),
        (
            value("date", 'office:date-value="2020-01-29T12:30:00"', "29/1"),
            ["date", "2020-01-29T12:30:00"],
        ),
        (value("time", 'office:time-value="PT26H30M00S"', "26:30"), "26:30:00"),
        (value("boolean", 'office:boolean-value="true"', "WAHR"), ["bool", "true"]),
        (ods_text("a<text:s text:c='2'/>b"), "a  b"),
        (ods_text("10<text:line-break/>20<text:tab/>30"), "10\n20\t30"),
        (ods_text("武汉火车站</text:p><text:p>武昌火车站"), "武汉火车站\n武昌火车站"),
        (ods_text("a<text:span>b</text:span><text:a>c</text:a>"), "abc"),
        (ods_text("shown", 'office:string-value="said"'), "shown"),
        (
            ods_text("#REF!", 'calcext:value-type="error" table:formula="of:=[.#REF!]"'),
            ["error", "#REF!", LOCAL],
        ),
        (
            value("float", 'table:formula="of:=\'file:///b.ods\'#$T.A1" office:value="5"', "5"),
            ["number", "5", EXTERNAL],
        ),
        (
            "<table:table-cell office:value-type='string'><office:annotation><text:p>who</text:p>"
            "</office:annotation><text:p>what</text:p></table:table-cell>",
            "what",
        ),
    ],
)
def test_a_cell_of_ods_is_what_it_shows(written: str, read: object) -> None:
    """Line ends stay: without them 10 and 20 would be 1020."""
    assert cell(ods(ods_row(written))) == read


def test_rows_cells_and_formulas_of_ods_stand_as_often_as_they_say() -> None:
    again = 'table:number-columns-repeated="2"'
    formula = 'table:formula="of:=1" office:value="2" table:number-columns-repeated="2"'
    data = ods(
        ods_row(ods_text("a", again), attributes='table:number-rows-repeated="2"')
        + ods_row("<table:table-cell/>", attributes='table:number-rows-repeated="2"')
        + ods_row(f"<table:table-cell {again}/>", value("float", formula, "2"))
    )
    two = ["number", "2", LOCAL]
    assert rows(data) == [["a", "a"], ["a", "a"], [], [], [None, None, two, two]]


def test_a_formula_of_ods_over_several_cells_is_known_in_each() -> None:
    spans = 'table:number-matrix-rows-spanned="2" table:number-matrix-columns-spanned="1"'
    data = ods(
        ods_row(value("float", f'table:formula="of:=A" {spans} office:value="1"', "1"))
        + ods_row(value("float", 'office:value="2"', "2"))
    )
    assert rows(data) == [[["number", "1", LOCAL]], [["number", "2", LOCAL]]]


def test_spans_of_ods_are_merged_ranges_and_styles_hide_sheets() -> None:
    spanned = 'table:number-rows-spanned="2" table:number-columns-spanned="2"'
    body = ods_row(ods_text("a", spanned), "<table:covered-table-cell/>", ods_text("b")) + ods_row(
        '<table:covered-table-cell table:number-columns-repeated="2"/>', ods_text("c")
    )
    styles = (
        '<style:style style:name="ta1"><style:table-properties table:display="true"/></style:style>'
        '<style:style style:name="ta2"><style:table-properties table:display="false"/>'
        "</style:style>"
    )
    hidden = f'<table:table table:name="藏" table:style-name="ta2">{body}</table:table>'
    data = ods(body, styles=styles, table_tag='table:name="看" table:style-name="ta1"', more=hidden)
    found = read_workbook(data, ONE)
    (sheet,) = found["sheets"]
    assert (sheet["name"], sheet["merges"], found["hidden"]) == ("看", [[0, 0, 1, 1]], ["藏"])
    assert sheet["rows"] == [["a", None, "b"], [None, None, "c"]]


def test_rows_that_nobody_sees_are_read_and_counted() -> None:
    """A filter hides rows: whoever sends the file may have meant only what is seen."""

    def fill(book: Any, sheet: Any) -> None:
        sheet.write_column(0, 0, ["a", "b", "c", "d"])
        for row in (1, 2, 7):
            sheet.set_row(row, None, None, {"hidden": True})

    (sheet,) = read_workbook(made(fill), ONE)["sheets"]
    assert (sheet["rows"], sheet["unseen_rows"]) == ([["a"], ["b"], ["c"], ["d"]], 2)
    assert sheet["unseen_named"] == [2, 3]
    again = 'table:number-rows-repeated="2" table:visibility="filter"'
    data = ods(
        ods_row(ods_text("a"))
        + ods_row(ods_text("b"), attributes=again)
        + ods_row(ods_text("c"), attributes='table:visibility="collapse"')
        + ods_row("<table:table-cell/>", attributes='table:visibility="collapse"')
    )
    (sheet,) = read_workbook(data, ONE)["sheets"]
    assert (sheet["rows"], sheet["unseen_rows"]) == ([["a"], ["b"], ["b"], ["c"]], 3)
    assert sheet["unseen_named"] == [2, 3, 4]


def test_every_kind_of_cell_comes_back_from_a_program_that_writes_sheets() -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["文字", 2.5, 3, True, None, "=x", " "])
        form = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.write_number(0, 8, 43890 + 86_399 / 86_400, form)
        sheet.write_rich_string(0, 9, "a", book.add_format({"bold": True}), "b", "c")

    found = rows(made(fill, strings_to_formulas=False))[0]
    assert found == [
        *("文字", ["number", "2.5"], ["number", "3"], ["bool", "true"], None, "=x", " ", None),
        *(["date", "2020-02-29T23:59:59"], "abc"),
    ]
