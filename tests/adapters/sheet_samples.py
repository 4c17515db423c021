"""Workbooks that tests make: sound ones by a program, odd ones by hand, and mappings for them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

pytest.importorskip("python_calamine", reason="the extra `sheets` is not installed")
xlsxwriter: Any = pytest.importorskip("xlsxwriter", reason="the extra `sheets` is not installed")

from hutong_adapters.grid import EMPTY, CellKind, Grid, GridCell, Merge  # noqa: E402

SHEET_PART = "xl/worksheets/sheet1.xml"
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
ODS_SPACES = " ".join(
    f'xmlns:{prefix}="urn:{name}"'
    for prefix, name in {
        "office": "oasis:names:tc:opendocument:xmlns:office:1.0",
        "table": "oasis:names:tc:opendocument:xmlns:table:1.0",
        "text": "oasis:names:tc:opendocument:xmlns:text:1.0",
        "style": "oasis:names:tc:opendocument:xmlns:style:1.0",
        "calcext": "org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0",
    }.items()
)


def made(
    fill: Callable[[Any, Any], None], names: Sequence[str] = ("Sheet1",), **options: Any
) -> bytes:
    """A workbook: `fill` gets the workbook and its first sheet, further sheets stand after it."""
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True, **options})
    sheets = [book.add_worksheet(name) for name in names]
    fill(book, sheets[0])
    book.close()
    return written.getvalue()


def table(rows: Sequence[Sequence[object]], merges: Iterable[str] = ()) -> bytes:
    """A workbook of one sheet with these cells; merged ranges keep the text of their first cell."""

    def fill(book: Any, sheet: Any) -> None:
        for range_name in merges:
            sheet.merge_range(range_name, "")
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if cell not in (None, ""):
                    sheet.write(row, column, cell)

    return made(fill)


def xlsx(
    sheet: str, parts: Mapping[str, str | bytes | None] | None = None, *, tail: str = ""
) -> bytes:
    """A workbook by hand: `sheet` stands in its sheetData, a part that is None is left out."""
    every: dict[str, str | bytes | None] = {
        "[Content_Types].xml": TYPES,
        "xl/workbook.xml": (
            f'<workbook xmlns:r="{RELATION}"><sheets>'
            '<sheet name="表" sheetId="1" r:id="rId1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships><Relationship Id="rId1" Type="{RELATION}/worksheet"'
            ' Target="worksheets/sheet1.xml"/></Relationships>'
        ),
        SHEET_PART: f"<worksheet><sheetData>{sheet}</sheetData>{tail}</worksheet>",
        **(parts or {}),
    }
    return zipped({name: part for name, part in every.items() if part is not None})


def zipped(parts: Mapping[str, str | bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these parts."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", kind) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return written.getvalue()


def parts_of(data: bytes) -> dict[str, bytes]:
    """The parts of an archive, to change one of them."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def ods(
    rows: str, *, styles: str = "", table_tag: str = 'table:name="表"', more: str = ""
) -> bytes:
    """An ODS workbook by hand. `rows` are its table rows, `more` stands behind the table."""
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {ODS_SPACES}>'
        f"<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet><table:table {table_tag}>{rows}</table:table>{more}"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    return ods_of(content)


def ods_of(content: str | bytes, parts: Mapping[str, str | bytes] | None = None) -> bytes:
    """An ODS workbook with this content.xml."""
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return zipped({"mimetype": kind, "content.xml": content, **(parts or {})})


def ods_text(text: str, attributes: str = "") -> str:
    """A cell of an ODS table that holds text."""
    return (
        f'<table:table-cell office:value-type="string" {attributes}><text:p>{text}</text:p>'
        "</table:table-cell>"
    )


def ods_row(*cells: str, attributes: str = "") -> str:
    """A row of an ODS table."""
    return f"<table:table-row {attributes}>{''.join(cells)}</table:table-row>"


def grid(rows: Sequence[Sequence[str]], merges: Iterable[tuple[int, int, int, int]] = ()) -> Grid:
    """A grid of text cells."""
    return Grid(
        "a.xlsx",
        "表",
        tuple(
            tuple(GridCell(text, CellKind.TEXT) if text else EMPTY for text in row) for row in rows
        ),
        tuple(Merge(*each) for each in merges),
    )
