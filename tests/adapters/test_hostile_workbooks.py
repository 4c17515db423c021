"""Workbooks that would hurt are refused by name before they do. Threats 37 to 40.

They go through `sheet_child.read_workbook` in this process, which is what the limited process runs;
`test_sheet_process` shows the process itself.
"""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hostile_samples import DTD, FILE_ENTITY, LAUGHS, ONE_CELL, OUTSIDE, refusal
from adapters.sheet_samples import (
    SHEET_PART,
    made,
    ods,
    ods_of,
    ods_row,
    ods_text,
    parts_of,
    table,
    xlsx,
    zipped,
)
from hutong_adapters import sheet_scan
from hutong_adapters.archive_scan import SheetRefused
from hutong_adapters.sheet_child import ALL, read_workbook

PARTS = ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml", "xl/styles.xml"]
PARTS += [SHEET_PART, "[Content_Types].xml", "_rels/.rels"]


@pytest.mark.parametrize("declared", [DTD, OUTSIDE, FILE_ENTITY, LAUGHS, "<!DOCTYPE x>"])
@pytest.mark.parametrize("part", PARTS)
def test_a_document_type_is_refused_in_every_part(part: str, declared: str) -> None:
    """Threat 39: bare, with entities inside and outside, and a billion laughs."""
    parts = parts_of(table([["a"]]))
    text = parts[part].decode("utf-8")
    head, _, rest = text.partition("?>")
    parts[part] = f"{head}?>{declared}{rest}".encode()
    found = refusal(zipped(parts))
    assert found.name == "dtd"
    assert part in found.rule


@pytest.mark.parametrize("declared", [DTD, OUTSIDE, FILE_ENTITY, LAUGHS])
def test_a_document_type_is_refused_in_ods(declared: str) -> None:
    """Threat 39."""
    content = parts_of(ods(ods_row(ods_text("a"))))["content.xml"].decode()
    head, _, rest = content.partition("?>")
    assert refusal(ods_of(f"{head}?>{declared}{rest}")).name == "dtd"


def test_an_entity_that_nobody_declared_is_refused() -> None:
    found = refusal(xlsx('<row r="1"><c r="A1" t="str"><v>&boo;</v></c></row>'))
    assert (found.name, found.sheet) == ("entity", "表")


def test_deep_nesting_is_refused_and_uses_no_stack() -> None:
    """Threat 39."""
    assert refusal(xlsx("<x>" * 200_000 + "</x>" * 200_000)).name == "zip-bomb"
    nested = zipped(parts_of(xlsx("<x>" * 200_000 + "</x>" * 200_000)), 0)
    assert refusal(nested).name == "deep-xml"
    assert refusal(ods("<x>" * 65 + "</x>" * 65)).name == "deep-xml"


def test_a_tag_of_many_megabytes_costs_no_more_than_its_length() -> None:
    """The parser begins anew with every piece of a tag: in small pieces this took ten seconds."""
    tag = b"<styleSheet a='" + random.Random(5).randbytes(12_000_000).hex().encode() + b"'/>"
    data = xlsx(ONE_CELL, {"xl/styles.xml": tag})
    began_s = time.process_time()
    assert read_workbook(data, ALL)["sheets"]
    assert time.process_time() - began_s < 4


@pytest.mark.parametrize("codec", ["utf-16", "gb18030", "latin-1"])
def test_a_part_of_another_encoding_is_refused(codec: str) -> None:
    sheet = f'<?xml version="1.0" encoding="{codec}"?><worksheet>é</worksheet>'
    assert refusal(xlsx("", {SHEET_PART: sheet.encode(codec)})).name == "odd-encoding"
    told = f'<?xml version="1.0" encoding="{codec}"?><worksheet/>'
    assert refusal(xlsx("", {SHEET_PART: told.encode()})).name == "odd-encoding"


CELLS = {
    "XFD1048576": ("far-cell", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
    "A20001": ("far-cell", '<row r="20001"><c r="A20001"><v>1</v></c></row>'),
    "GS1": ("far-cell", '<row r="1"><c r="GS1"><v>1</v></c></row>'),
    "GS2": ("far-cell", '<row r="1"/><row r="2"><c r="GS2" t="str"><v> </v></c></row>'),
    "GS3": ("far-cell", '<row r="3"><c r="GS3"><f>1+1</f></c></row>'),
    "A2": ("odd-cells", '<row r="2"/><row r="2"><c r="A2"><v>1</v></c></row>'),
    "A1": ("odd-cells", '<row r="2"/><row r="1"><c r="A1"><v>1</v></c></row>'),
    "B4": ("odd-cells", '<row r="4"><c r="B4"><v>1</v></c><c r="B4"><v>2</v></c></row>'),
    "A5": ("odd-cells", '<row r="5"><c r="B5"><v>1</v></c><c r="A5"><v>2</v></c></row>'),
    "A7": ("odd-cells", '<row r="6"><c r="A7"><v>1</v></c></row>'),
    "A8": ("odd-cells", '<row r="8"><c r="?"><v>1</v></c></row>'),
    "A9": ("odd-cells", '<row r="9"><c r="A9" t="s"><v>7</v></c></row>'),
    "A10": (
        "huge-text",
        f'<row r="10"><c r="A10" t="inlineStr"><is><t>{"x" * 65_537}</t></is></c></row>',
    ),
}


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_that_is_too_far_twice_or_too_large_is_refused_by_its_address(cell: str) -> None:
    """Threat 38."""
    name, rows = CELLS[cell]
    found = refusal(xlsx(rows))
    assert (found.name, found.sheet, found.cell) == (name, "表", cell)


def test_empty_formatted_cells_do_not_count_however_far_they_are() -> None:
    """Threat 38: this is what deleting the content of a sheet leaves behind."""
    far = '<row r="1048576"><c r="A1048576" s="1"/><c r="XFD1048576" s="1"/></row>'
    (sheet,) = read_workbook(xlsx(ONE_CELL + far), ALL)["sheets"]
    assert sheet["rows"] == [["x"]]


def test_a_huge_shared_text_is_refused_where_it_is_shown() -> None:
    shared = f"<sst><si><t>{'x' * 70_000}</t></si></sst>"
    cell = '<row r="3"><c r="B3" t="s"><v>0</v></c></row>'
    found = refusal(xlsx(cell, {"xl/sharedStrings.xml": shared}))
    assert (found.name, found.cell) == ("huge-text", "B3")


def test_a_text_that_many_cells_share_counts_as_often_as_it_is_shown() -> None:
    shared = f"<sst><si><t>{'x' * 60_000}</t></si></sst>"
    rows = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 1_000))
    found = refusal(xlsx(rows, {"xl/sharedStrings.xml": shared}))
    assert (found.name, found.cell) == ("too-much-text", "A334")


ODS_BOMBS = {
    "rows": ods_row(ods_text("x"), attributes='table:number-rows-repeated="1000000"'),
    "columns": ods_row(ods_text("x", 'table:number-columns-repeated="16384"')),
    "both": ods_row(
        ods_text("x", 'table:number-columns-repeated="16384"'),
        attributes='table:number-rows-repeated="1048576"',
    ),
    "empty texts": ods_row(
        '<table:table-cell office:value-type="string" table:number-columns-repeated="16384"/>'
    ),
    "formulas": ods_row(
        '<table:table-cell table:formula="of:=1" table:number-columns-repeated="999"/>'
    ),
    "behind an empty million": ods_row(
        "<table:table-cell/>", attributes='table:number-rows-repeated="1000000"'
    )
    + ods_row(ods_text("x")),
}


@pytest.mark.parametrize("rows", ODS_BOMBS.values(), ids=ODS_BOMBS)
def test_content_that_is_repeated_beyond_the_limits_is_refused(rows: str) -> None:
    """Threat 38, for a sheet of a few bytes that has no end."""
    assert refusal(ods(rows)).name == "far-cell"


def test_a_long_text_that_is_repeated_within_the_limits_is_refused_too() -> None:
    repeated = 'table:number-columns-repeated="200"'
    rows = ods_row(
        ods_text("x" * 60_000, repeated), attributes='table:number-rows-repeated="20000"'
    )
    assert refusal(ods(rows)).name == "too-much-text"


@pytest.mark.parametrize(
    "rows",
    [
        ods_row(ods_text("x", 'table:number-columns-repeated="0"')),
        ods_row(ods_text("x", 'table:number-columns-repeated="-1"')),
        ods_row(ods_text("x", 'table:number-columns-repeated="x"')),
        ods_row(ods_text("x", 'table:number-columns-repeated="99999999"')),
        ods_row("<table:table-cell><table:table/></table:table-cell>"),
        ods_text("x"),
        ods_row(ods_row(ods_text("x"))),
        ods_row(ods_text("x" + '<text:s text:c="9999"/>')),
        ods_row(
            ods_text("x", 'table:number-rows-spanned="2"'),
            attributes='table:number-rows-repeated="2"',
        ),
    ],
)
def test_ods_that_no_program_writes_is_refused(rows: str) -> None:
    assert refusal(ods(rows)).name == "odd-cells"


def test_an_ods_sheet_as_a_program_leaves_it_is_read() -> None:
    """Programs end a sheet with a million empty rows of as many empty cells as there are."""
    empty = '<table:table-cell table:number-columns-repeated="16384"/>'
    rows = ods_row(ods_text("x"), empty) + ods_row(
        empty, attributes='table:number-rows-repeated="1048575"'
    )
    (sheet,) = read_workbook(ods(rows), ALL)["sheets"]
    assert sheet["rows"] == [["x"]]


@pytest.mark.parametrize(
    ("merges", "name"),
    [
        ('<mergeCell ref="A1:B2"/><mergeCell ref="B2:C3"/>', "odd-merges"),
        ('<mergeCell ref="A1:B2"/><mergeCell ref="A1:B2"/>', "odd-merges"),
        ('<mergeCell ref="B2:A1"/>', "odd-cells"),
        ('<mergeCell ref="x"/>', "odd-cells"),
        ('<mergeCell ref="A1:B1"/>' * 20_001, "odd-merges"),
    ],
)
def test_merged_ranges_that_no_sheet_has_are_refused(merges: str, name: str) -> None:
    corner = '<row r="1"><c r="A1"><v>1</v></c></row><row r="3"><c r="C3"><v>1</v></c></row>'
    found = refusal(xlsx(corner, tail=f"<mergeCells>{merges}</mergeCells>"))
    assert (found.name, found.sheet) == (name, "表")


def test_a_range_merged_over_a_whole_sheet_costs_no_more_than_its_content() -> None:
    merges = '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    (sheet,) = read_workbook(xlsx(ONE_CELL, tail=merges), ALL)["sheets"]
    assert sheet["merges"] == []
    far = '<row r="20000"><c r="GR20000"><v>1</v></c></row>'
    assert refusal(xlsx(ONE_CELL + far, tail=merges)).name == "odd-merges"


def test_formulas_over_more_cells_than_there_are_cost_no_more_than_the_cells() -> None:
    wide = '<f t="array" ref="A1:GR20000">1</f><v>1</v>'
    few = "".join(f'<row r="{n}"><c r="A{n}">{wide}</c></row>' for n in range(1, 5))
    plain = '<row r="5"><c r="B5"><v>2</v></c></row>'
    (sheet,) = read_workbook(xlsx(few + plain), ALL)["sheets"]
    assert sheet["rows"][4] == [None, ["number", "2", "local"]]
    many = "".join(f'<row r="{n}"><c r="A{n}">{wide}</c></row>' for n in range(1, 600))
    assert refusal(xlsx(many)).name == "odd-cells"


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("xl/_rels/workbook.xml.rels", "<Relationships/>"),
        (
            "xl/_rels/workbook.xml.rels",
            '<Relationships><Relationship Id="rId1" Type="x/worksheet" TargetMode="External"'
            ' Target="file:///etc/passwd"/></Relationships>',
        ),
        (
            "xl/_rels/workbook.xml.rels",
            '<Relationships><Relationship Id="rId1" Type="x/worksheet"'
            ' Target="../../outside.xml"/></Relationships>',
        ),
        (
            "xl/_rels/workbook.xml.rels",
            "<Relationships>"
            + '<Relationship Id="rId1" Type="x/worksheet" Target="worksheets/sheet1.xml"/>' * 2
            + "</Relationships>",
        ),
        ("xl/workbook.xml", None),
        ("xl/_rels/workbook.xml.rels", None),
        (SHEET_PART, None),
    ],
)
def test_a_workbook_whose_parts_are_not_where_they_should_be_is_refused(
    part: str, content: str | None
) -> None:
    """A link is never followed, inside or outside."""
    assert refusal(xlsx(ONE_CELL, {part: content})).name in ("broken-workbook", "not-a-workbook")


READ_DIFFERENTLY = {
    "a comment in a number": ("odd-xml", xlsx('<row r="1"><c r="A1"><v>1<!-- -->0</v></c></row>')),
    "CDATA": ("odd-xml", xlsx('<row r="1"><c r="A1" t="str"><v><![CDATA[7]]></v></c></row>')),
    "an instruction": ("odd-xml", xlsx('<row r="1"><c r="A1"><v>1<?x y?>0</v></c></row>')),
    "two values": ("odd-cells", xlsx('<row r="1"><c r="A1"><v>1</v><v>0</v></c></row>')),
    "text and value": (
        "odd-cells",
        xlsx('<row r="1"><c r="A1" t="inlineStr"><is><t>1</t></is><v>3</v></c></row>'),
    ),
    "a text in a number": (
        "odd-cells",
        xlsx('<row r="1"><c r="A1" t="n"><is><t>7</t></is></c></row>'),
    ),
    "a number without one": (
        "read-differently",
        ods(ods_row('<table:table-cell office:value-type="float"/>')),
    ),
    "a text without a kind": (
        "read-differently",
        ods(ods_row("<table:table-cell><text:p>6</text:p></table:table-cell>")),
    ),
    "a number behind a text": (
        "odd-cells",
        ods(ods_row(ods_text("6", 'office:value="5"'))),
    ),
}


@pytest.mark.parametrize(("name", "data"), READ_DIFFERENTLY.values(), ids=READ_DIFFERENTLY)
def test_what_two_readers_would_read_differently_is_refused(name: str, data: bytes) -> None:
    """Of `1<!-- -->0` one reader makes ten and another one. What a sheet says is not a choice."""
    found = refusal(data)
    assert (found.name, found.sheet) == (name, "表")
    assert found.cell in ("A1", "")


MUTABLE = table([["品名", "数量"], ["口罩", 20], ["手套", 5]], ["A2:A3"])


@given(
    st.lists(st.tuples(st.integers(0, len(MUTABLE) - 1), st.integers(1, 255)), max_size=12),
    st.sampled_from(["xlsx", "inside"]),
)
def test_a_workbook_changed_anywhere_is_read_or_refused(
    changes: list[tuple[int, int]], where: str
) -> None:
    """Whatever the bytes, nothing but a refusal comes out of the reading."""
    if where == "xlsx":
        data = bytearray(MUTABLE)
        for place, bits in changes:
            data[place] ^= bits
        content = bytes(data)
    else:
        parts = {name: bytearray(part) for name, part in parts_of(MUTABLE).items()}
        names = [name for name in parts if name.startswith("xl/") and "theme" not in name]
        for place, bits in changes:
            part = parts[names[place % len(names)]]
            part[place % len(part)] ^= bits
        content = zipped({name: bytes(part) for name, part in parts.items()})
    _read_or_refused(content)


@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"]))
def test_any_bytes_are_read_or_refused(data: bytes, head: bytes) -> None:
    _read_or_refused(head + data)


words = st.sampled_from(
    [
        *("<row r='1'>", "</row>", "<c r='A1'>", "<c t='s'>", "</c>", "<v>", "</v>", "<f>", "</f>"),
        *("<is>", "</is>", "<t>", "</t>", "<rPh>", "</rPh>", "1", "x", "<!--x-->", "<![CDATA[y]]>"),
        *("<table:table-row>", "</table:table-row>", "<table:table-cell>", "</table:table-cell>"),
        *("<text:p>", "</text:p>", "<table:covered-table-cell/>", "<text:s/>", "<?x y?>"),
    ]
)


@given(st.lists(words, max_size=20))
def test_any_order_of_elements_is_read_or_refused(pieces: list[str]) -> None:
    _read_or_refused(xlsx("".join(pieces)))
    _read_or_refused(ods("".join(pieces)))


def _read_or_refused(data: bytes) -> None:
    found: dict[str, Any] = {}
    refused = ""
    try:
        found = read_workbook(data, ALL)
    except SheetRefused as error:
        refused = error.name
    assert bool(refused) != bool(found)
    json.dumps(found)


def test_the_limit_of_texts_is_that_of_a_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_scan, "TEXT_CHARACTERS_MAX", 3)
    assert refusal(table([["ab", "cd"]])).name == "too-much-text"


def test_hidden_sheets_are_named_and_not_read() -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write(0, 0, "x")
        book.worksheets()[1].write(0, 0, "y")
        book.worksheets()[1].hide()
        book.worksheets()[2].very_hidden()

    data = made(fill, ["看", "藏", "深藏"])
    found = read_workbook(data, ALL)
    assert [sheet["name"] for sheet in found["sheets"]] == ["看"]
    assert found["hidden"] == ["藏", "深藏"]
    assert [sheet["name"] for sheet in read_workbook(data, [" 藏 "])["sheets"]] == ["藏"]


def test_a_list_of_sheets_that_no_workbook_has_is_refused() -> None:
    """Names of sheets stand in messages, so they are neither many nor long."""
    many = "".join(f'<table:table table:name="{n}"/>' for n in range(200))
    assert refusal(ods("", more=many)).name == "too-many-sheets"
    named = refusal(ods("", table_tag=f'table:name="{"x" * 256}"'))
    assert (named.name, len(named.rule) < 100) == ("broken-workbook", True)
    assert refusal(ods("", more='<table:table table:name="表"/>')).name == "broken-workbook"
