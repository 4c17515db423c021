"""Sets cells of one sheet of a workbook and copies everything else as it is.

Owns the change of a sheet's XML by places: cells are inserted as inline strings where they belong
in their row, and no other byte of the sheet changes but the hints of its extent. All other parts of
the workbook are copied, so that formats, formulas and other sheets stay. The workbook was read
before, by the process that refuses hostile ones; a part that is odd all the same is refused.
"""

from __future__ import annotations

import io
import posixpath
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from xml.parsers import expat

from hutong_adapters.grid import column_letters

_PART_BYTES_MAX: Final = 64 * 1024 * 1024
_SHEET_NS: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL_ID: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ADDRESS: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_DIMENSION: Final = re.compile(rb"<(?:[A-Za-z0-9]+:)?dimension\s[^>]*/>")
_SPANS: Final = re.compile(rb'(<(?:[A-Za-z0-9]+:)?row\b[^>]*?)\s+spans="[^"]*"')


class WorkbookRefused(Exception):
    """The workbook can't be changed in this way; the message says why."""


@dataclass(slots=True)
class _RowPlaces:
    """Where the cells of a row stand: column from 0, begin and end; and the end of the row."""

    cells: list[tuple[int, int, int]] = field(default_factory=list)
    end: int = -1
    prefix: str = ""


Place: TypeAlias = tuple[int, int | None]
"""A row and a column, from 0; without a column, the first one that is free in the whole sheet."""


def with_cells(data: bytes, sheet: str, cells: Mapping[Place, str]) -> bytes:
    """The workbook with texts set in one sheet.

    Args:
        sheet: its name; empty for the only one of the workbook.
        cells: the texts, without characters that XML would have to escape.

    Raises:
        WorkbookRefused: a row is not there, a cell holds something already, or a part is odd.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old:
            part = _part_of(old, sheet)
            changed = _changed(_read(old, part), cells)
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
                for entry in old.infolist():
                    content = changed if entry.filename == part else _read(old, entry.filename)
                    new.writestr(entry, content)
    except (zipfile.BadZipFile, KeyError, ET.ParseError, expat.ExpatError, ValueError) as odd:
        raise WorkbookRefused(f"a part of it is odd ({type(odd).__name__})") from None
    return out.getvalue()


def _read(book: zipfile.ZipFile, part: str) -> bytes:
    with book.open(part) as content:
        data = content.read(_PART_BYTES_MAX + 1)
    if len(data) > _PART_BYTES_MAX:
        raise WorkbookRefused("a part of it is too large")
    return data


def _part_of(book: zipfile.ZipFile, sheet: str) -> str:
    """The part that holds a sheet."""
    described = ET.fromstring(_read(book, "xl/workbook.xml"))
    sheets = list(described.iter(f"{{{_SHEET_NS}}}sheet"))
    found = [each for each in sheets if not sheet or each.get("name") == sheet]
    if len(found) != 1:
        raise WorkbookRefused("it is not clear which sheet is meant")
    wanted = found[0].get(_REL_ID)
    relations = ET.fromstring(_read(book, "xl/_rels/workbook.xml.rels"))
    for each in relations:
        if each.get("Id") == wanted:
            target = each.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.join("xl", target)
            return posixpath.normpath(path)
    raise WorkbookRefused("a sheet of it has no part")


def _changed(xml: bytes, cells: Mapping[Place, str]) -> bytes:
    rows = _places(xml)
    filled = [
        column
        for places in rows.values()
        for column, begins, ends in places.cells
        if _holds_something(xml[begins:ends])
    ]
    free = max(filled, default=-1) + 1
    edits: list[tuple[int, int, bytes]] = []
    for (row, asked), text in cells.items():
        column = free if asked is None else asked
        places = rows.get(row)
        if places is None or places.end < 0:
            raise WorkbookRefused(f"row {row + 1} is not there as it should be")
        address = f"{column_letters(column)}{row + 1}"
        prefix = places.prefix
        written = (
            f'<{prefix}c r="{address}" t="inlineStr"><{prefix}is><{prefix}t>{text}'
            f"</{prefix}t></{prefix}is></{prefix}c>"
        ).encode("ascii")
        at = end = places.end
        for known, begins, ends in places.cells:
            if known == column:
                if _holds_something(xml[begins:ends]):
                    raise WorkbookRefused(f"{address} holds something already")
                at, end = begins, ends
                break
            if known > column:
                at = end = begins
                break
        edits.append((at, end, written))
    pieces: list[bytes] = []
    done = 0
    for at, end, written in sorted(edits):
        pieces += [xml[done:at], written]
        done = end
    return _SPANS.sub(rb"\1", _DIMENSION.sub(b"", b"".join([*pieces, xml[done:]])))


def _holds_something(cell: bytes) -> bool:
    """Whether a cell has a value, a text or a formula; a format alone is nothing."""
    return cell.count(b"<") > 2 or (cell.count(b"<") == 2 and b"</" not in cell)


def _places(xml: bytes) -> dict[int, _RowPlaces]:
    """The places of rows and cells, by the number of the row from 0."""
    found: dict[int, _RowPlaces] = {}
    parser = expat.ParserCreate()
    if not xml.lstrip(b"\xef\xbb\xbf").lstrip().startswith((b"<?xml", b"<")):
        raise WorkbookRefused("its sheet is in an encoding that is not changed here")
    row = -1
    column = begins = -1

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, begins
        prefix, _, bare = name.rpartition(":")
        if bare == "row":
            row = int(attributes["r"]) - 1 if "r" in attributes else row + 1
            column = -1
            found[row] = _RowPlaces(prefix=f"{prefix}:" if prefix else "")
        elif bare == "c" and row >= 0:
            address = _ADDRESS.fullmatch(attributes.get("r", ""))
            column = _column(address[1]) if address is not None else column + 1
            begins = parser.CurrentByteIndex

    def end(name: str) -> None:
        bare = name.rpartition(":")[2]
        at = parser.CurrentByteIndex
        if bare == "c" and row >= 0:
            found[row].cells.append((column, begins, xml.index(b">", at) + 1))
        elif bare == "row" and xml.startswith(b"</", at):
            found[row].end = at

    def doctype(*_: object) -> None:
        raise WorkbookRefused("a part of it has a document type")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = doctype
    parser.Parse(xml, True)
    return found


def column_of(address: str) -> int:
    """The column of an address such as `D92`, from 0."""
    found = _ADDRESS.fullmatch(address)
    return 0 if found is None else _column(found[1])


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
