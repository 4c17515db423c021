"""Writes a copy of a file with a column `hutong_id`: which record each row became.

Owns the way back into the user's table. The file itself is never touched. The copy has one more
column, or an empty one filled; of CSV no other byte changes, of XLSX no other cell. Whoever goes on
with the copy may rename, correct or sort anything, and every row is known again.

Tables that stand side by side or are transposed, several sheets at once, ODS and JSON are refused:
there it is not clear where the column would stand.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from hutong_adapters import csv_cells, xlsx_cells
from hutong_adapters.encodings import ENCODINGS, decode
from hutong_adapters.exporting import write_file
from hutong_adapters.interface import FileRefused
from hutong_adapters.planning import Plan
from hutong_adapters.row_ids import HUTONG_ID
from hutong_adapters.rows import Sheet, read_sheet

_TEXT: Final = {".csv": ",", ".tsv": "\t"}
_BOMS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def check_out(files: Sequence[Path], out: Path) -> None:
    """Looks, before anything is sent, whether the copy could be written.

    Raises:
        FileRefused: it could not.
    """
    if len(files) != 1 or files[0].is_dir():
        raise FileRefused(out.name, "is a copy of one file: give one file with --write-back")
    ending = files[0].suffix.lower()
    if ending not in (*_TEXT, ".xlsx"):
        rule = f"can't be a copy of {files[0].name}: only CSV, TSV and XLSX are written back"
        raise FileRefused(out.name, rule, "save it as XLSX")
    if out.suffix.lower() != ending:
        raise FileRefused(out.name, f"is a copy of {files[0].name}: end it in {ending}")
    if out.exists():
        rule = "is there already, and a file of yours is never written over"
        raise FileRefused(out.name, rule, "name another file")
    if not out.parent.is_dir():
        raise FileRefused(out.name, "is in a folder that is not there", "make the folder first")


def write_ids(plan: Plan, file: Path, out: Path, things: Mapping[tuple[str, int], str]) -> None:
    """Writes the copy.

    Args:
        things: the records of rows, by file and number of the row.

    Raises:
        FileRefused: it can't be written; what was signed stays.
    """
    (sheet,) = plan.sheets
    if plan.any_source:
        raise FileRefused(file.name, "is an export, which has its ids", "export it again")
    layout = plan.mapping.form.layout
    if layout is not None and (layout.transposed or layout.beside):
        rule = "has tables side by side, or is transposed: there is no place for a column"
        raise FileRefused(file.name, rule, "bring the tables below each other")
    data = _data_of(plan, sheet, file)
    ids = {number: thing for (_, number), thing in things.items()}
    ids |= {copy.row.number: ids[copy.counted.number] for copy in plan.copies
            if copy.counted.number in ids}  # fmt: skip
    if file.suffix.lower() == ".xlsx":
        content = _workbook(sheet, file, data, ids)
    else:
        content = _text(plan, sheet, file, data, ids)
    write_file(out, content, replace=False)


def _data_of(plan: Plan, sheet: Sheet, file: Path) -> bytes:
    """The bytes of the file, if it is still the one that was imported.

    Importing takes minutes, in which somebody may sort the sheet: ids would stand beside the rows
    of others then, and the next import would revise those.
    """
    try:
        before = file.read_bytes()
        again = read_sheet(file, plan.mapping.form, plan.mapping.reading())
        after = file.read_bytes()
    except OSError as error:
        raise FileRefused(file.name, f"can't be opened any more: {error.strerror}") from None
    same = (again.columns, again.rows, again.tables) == (sheet.columns, sheet.rows, sheet.tables)
    if before != after or not same:
        rule = "was changed while it was imported, so no copy with ids was written"
        raise FileRefused(file.name, rule, "import it again, with --write-back")
    return after


def _text(plan: Plan, sheet: Sheet, file: Path, data: bytes, ids: Mapping[int, str]) -> bytes:
    form = plan.mapping.form
    delimiter = form.delimiter or _TEXT[file.suffix.lower()]
    decoded = decode(file.name, data, form.encoding)
    text = decoded.text
    found = csv_cells.records(text, delimiter)
    parsed = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    lengths = [len(record) for record in parsed]
    # A blank line has no field for one of them, and an empty one for the other.
    if [length or 1 for length in lengths] != [len(record.fields) for record in found]:
        raise FileRefused(file.name, "can't be written back: its records are not told apart")
    headers = sorted({table.header for table in sheet.tables}) or [1]
    cells: dict[tuple[int, int], str] = {}
    for place, number in enumerate(headers):
        end = headers[place + 1] - 1 if place + 1 < len(headers) else len(found)
        width = lengths[number - 1]
        named = enumerate(parsed[number - 1])
        column = next((n for n, name in named if name.strip() == HUTONG_ID), width)
        if column == width:
            cells[number - 1, width] = HUTONG_ID
        for record in range(number, end):
            # Every record as long as the header gets one more cell, or it would be shorter now.
            if lengths[record] == width and (column == width or record + 1 in ids):
                cells[record, column] = ids.get(record + 1, "")
    placed = {record + 1 for (record, _), said in cells.items() if said}
    unplaced = sorted(ids.keys() - placed)
    if unplaced:
        rule = f"can't be written back: row {unplaced[0]} is shorter or longer than its header"
        raise FileRefused(file.name, rule, "fill the cells up to the last column")
    written = csv_cells.with_cells(text, delimiter, cells)
    return _encoded(file, data, text, decoded.encoding, written)


def _encoded(file: Path, data: bytes, before: str, encoding: str, text: str) -> bytes:
    """The new text in the bytes of the old one: its byte order mark and encoding."""
    mark = next((mark for mark in _BOMS if data.startswith(mark)), b"")
    codec = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}.get(mark)
    codec = codec or ENCODINGS.get(encoding, encoding)
    if mark + before.encode(codec, errors="replace") != data:
        rule = f"has characters that {encoding} can write in two ways: its copy would differ"
        raise FileRefused(file.name, rule, "save it as UTF-8")
    return mark + text.encode(codec)


def _workbook(sheet: Sheet, file: Path, data: bytes, ids: Mapping[int, str]) -> bytes:
    sheets = {table.sheet for table in sheet.tables}
    if len(sheets) != 1:
        rule = "has rows on several sheets: write them back one by one"
        raise FileRefused(file.name, rule, "name one sheet in [sheet] of the mapping")
    cells: dict[xlsx_cells.Place, str] = {}
    if not any(HUTONG_ID in table.columns for table in sheet.tables):
        cells |= {(table.header - 1, None): HUTONG_ID for table in sheet.tables}
    for row in sheet.rows:
        if row.number in ids and not row.cells.get(HUTONG_ID):
            place = row.addresses.get(HUTONG_ID)
            column = None if place is None else xlsx_cells.column_of(place)
            cells[row.number - 1, column] = ids[row.number]
    try:
        (name,) = sheets
        return xlsx_cells.with_cells(data, name, cells)
    except xlsx_cells.WorkbookRefused as refused:
        raise FileRefused(file.name, f"can't be written back: {refused}") from None
