"""Scans the content of an ODS workbook: its sheets, and in each what the values don't say.

Owns the little that is needed of the format: tables, rows and cells with their repeats, spans,
formulas and errors. A row or cell may say that it stands a million times, so that a sheet of a few
bytes has no end; what has content is counted with its repeats, and what has none costs nothing.
Text is gathered where the reader of values would lose a line end or a tab, or would take a value
that is not the one shown. Threats 37 to 40.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from hutong_adapters.archive_scan import Archive, SheetRefused
from hutong_adapters.grid import COLUMNS_MAX, ROWS_MAX, Formula, Merge, address
from hutong_adapters.sheet_scan import (
    SheetScan,
    check_merge_count,
    check_names,
    error_text,
    place,
)
from hutong_adapters.xml_scan import scan_part

CONTENT: Final = "content.xml"
MEDIA_TYPE: Final = b"application/vnd.oasis.opendocument.spreadsheet"
_MANIFEST: Final = "META-INF/manifest.xml"
_SCRIPT_PARTS: Final = ("basic/", "scripts/")
_CELLS: Final = ("table:table-cell", "table:covered-table-cell")
_REPEAT_MAX: Final = 10_000_000
_OTHER_FILE: Final = re.compile("'#")
_DURATION: Final = re.compile(
    r"PT([0-9]{1,9})H([0-9]{1,2})M([0-9]{1,2})(?:[.,][0-9]{1,9})?S", re.ASCII
)
_VALUES: Final = {
    "float": "office:value",
    "percentage": "office:value",
    "currency": "office:value",
    "date": "office:date-value",
    "time": "office:time-value",
    "boolean": "office:boolean-value",
    "string": "office:string-value",
}
"""The attribute that holds the value of a cell, by its kind."""
_ENDS: Final = {"text:line-break": "\n", "text:tab": "\t"}
_SAVE_AGAIN: Final = "open it in a spreadsheet program, save it again, and import that"


@dataclass(slots=True)
class OdsWorkbook:
    """A workbook whose content was scanned as a whole. `parts` are all that were looked at."""

    sheets: list[SheetScan]
    parts: dict[str, bytes]


def open_ods(archive: Archive) -> OdsWorkbook:
    """All sheets of a workbook. Raises SheetRefused."""
    # The reader of values wants a list of parts, and needs nothing of it.
    parts: dict[str, bytes] = {"mimetype": MEDIA_TYPE, _MANIFEST: b"<manifest:manifest/>"}
    if any(name.casefold().startswith(_SCRIPT_PARTS) for name in archive.names):
        raise SheetRefused(
            "macros",
            "has macros, programs that run when it is opened",
            "ask the sender for an .ods without them; don't open it for that",
        )
    if _MANIFEST in archive.names:
        scan_part(_MANIFEST, archive.read(_MANIFEST), _ManifestHandler())
    parts[CONTENT] = archive.read(CONTENT)
    handler = _ContentHandler()
    scan_part(CONTENT, parts[CONTENT], handler)
    check_names([sheet.name for sheet in handler.sheets])
    for sheet, merges in zip(handler.sheets, handler.merges, strict=True):
        sheet.settle_merges(merges)
    return OdsWorkbook(handler.sheets, parts)


class _ManifestHandler:
    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name.endswith("encryption-data"):
            raise SheetRefused(
                "encrypted", "is protected with a password", "save it without the password"
            )

    def end(self, name: str) -> None:
        pass

    def text(self, text: str) -> None:
        pass


@dataclass(slots=True)
class _Cell:
    """A cell while it is read. `shown` are the texts of its paragraphs."""

    attributes: dict[str, str]
    shown: list[str] = field(default_factory=list)
    lossy: bool = False


@dataclass(slots=True)
class _ContentHandler:
    """Goes through `content.xml`. Elements outside of the cells of a sheet pass by."""

    sheets: list[SheetScan] = field(default_factory=list)
    merges: list[list[Merge]] = field(default_factory=list)
    unseen_styles: set[str] = field(default_factory=set)
    style: str = ""
    tables: int = 0
    row: int = 0
    rows: int = 1
    """How many times the row that is read stands there."""
    in_row: bool = False
    row_unseen: bool = False
    column: int = 0
    """Where the next cell begins."""
    cell_column: int = 0
    """Where the cell that is read begins."""
    cell: _Cell | None = None
    aside: int = 0
    """Depth inside of something in a cell that is not its text: a comment, a picture."""
    paragraphs: int = 0
    in_paragraph: bool = False
    looked: int = 0
    """Cells that formulas over several cells were noted for."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self.cell is not None:
            self._inside(name, attributes)
        elif name in _CELLS:
            if not self.in_row:
                raise self._odd("has a cell outside of a row")
            self.cell = _Cell(attributes)
            self.cell_column = self.column
            self.paragraphs = 0
        elif name == "table:table-row":
            if not self.tables or self.in_row:
                raise self._odd("has a row outside of a table")
            self.rows = self._times(attributes, "table:number-rows-repeated")
            self.in_row, self.column = True, 0
            self.row_unseen = attributes.get("table:visibility") in ("collapse", "filter")
        elif name == "table:table":
            self._table_begins(attributes)
        elif name == "style:style":
            self.style = attributes.get("style:name", "")
        elif name == "style:table-properties" and attributes.get("table:display") == "false":
            self.unseen_styles.add(self.style)

    def _table_begins(self, attributes: dict[str, str]) -> None:
        if self.tables:
            raise self._odd("has a table in a table")
        hidden = attributes.get("table:style-name") in self.unseen_styles
        self.sheets.append(SheetScan(attributes.get("table:name", ""), hidden, CONTENT))
        self.merges.append([])
        self.tables, self.row = 1, 0

    def _inside(self, name: str, attributes: dict[str, str]) -> None:
        assert self.cell is not None
        if name in _CELLS or name == "table:table":
            raise self._odd("has a table in a cell")
        if self.aside or name.startswith(("office:annotation", "draw:", "table:")):
            self.aside += 1
        elif name == "text:p":
            if self.paragraphs:
                self.cell.shown.append("\n")
            self.paragraphs += 1
            self.in_paragraph = True
        elif name == "text:s":
            count = self._times(attributes, "text:c")
            if count > 1_000:
                raise self._odd("has too many blanks in a cell")
            self.cell.shown.append(" " * count)
        elif name in _ENDS:
            self.cell.shown.append(_ENDS[name])
            self.cell.lossy = True

    def end(self, name: str) -> None:
        if self.aside:
            self.aside -= 1
        elif name in _CELLS:
            self._cell_ends(covered=name != _CELLS[0])
        elif name == "text:p":
            self.in_paragraph = False
        elif name == "table:table-row" and self.in_row:
            self.in_row = False
            self.row += self.rows
        elif name == "table:table":
            self.tables = 0

    def text(self, text: str) -> None:
        if self.cell is not None and self.in_paragraph and not self.aside:
            self.cell.shown.append(text)

    def _cell_ends(self, *, covered: bool) -> None:
        cell, self.cell = self.cell, None
        assert cell is not None
        attributes = cell.attributes
        columns = self._times(attributes, "table:number-columns-repeated")
        row, column = self.row, self.cell_column
        self.column += columns
        kind = attributes.get("office:value-type", "")
        shown = "".join(cell.shown)
        said = attributes.get("office:string-value")
        formula = attributes.get("table:formula")
        filled = kind not in ("", "string") or bool((said or shown).strip())
        if not covered:
            self._note_merge(attributes, row, column, filled=filled)
        if not kind and not filled and formula is None:
            return
        self._check_value(kind, attributes)
        scan = self.sheets[-1]
        # Of empty texts too: a reader keeps room for everything up to the last of them.
        scan.check_place(row, column)
        scan.check_place(row + self.rows - 1, column + columns - 1)
        scan.count_text(len(shown), row, column, self.rows * columns)
        if formula is not None:
            self._note_formula(attributes, formula, columns)
        if not filled:
            return
        text: str | None = shown if cell.lossy or said is not None else None
        if kind == "time":
            duration = _DURATION.fullmatch(attributes.get("office:time-value", ""))
            if duration is not None:
                hours, minutes, seconds = duration.groups()
                text = f"{hours:0>2}:{minutes:0>2}:{seconds:0>2}"
        if self.row_unseen:
            scan.unseen_rows.update(range(row, row + self.rows))
        is_error = attributes.get("calcext:value-type") == "error"
        # A cell stands in one place of the limits only, so all loops together are bounded.
        for each in range(row, row + self.rows):
            for here in range(place(each, column), place(each, column) + columns):
                scan.filled.add(here)
                if is_error:
                    scan.errors[here] = error_text(shown)
                elif text is not None and kind in ("string", "time"):
                    scan.texts[here] = text

    def _check_value(self, kind: str, attributes: dict[str, str]) -> None:
        """A cell has no value but that of its kind: a reader could take another than is shown."""
        said = {name for name in attributes if name.startswith("office:") and "value" in name}
        if not said <= {"office:value-type", _VALUES.get(kind, "")}:
            raise self._odd("has a cell with the value of another kind")

    def _note_formula(self, attributes: dict[str, str], formula: str, columns: int) -> None:
        """Notes a formula where it stands, repeats included, or over the cells that it fills."""
        scan = self.sheets[-1]
        found = Formula.EXTERNAL if _OTHER_FILE.search(formula) else Formula.LOCAL
        row, column = self.row, self.cell_column
        rows = self.rows
        filled_rows = self._times(attributes, "table:number-matrix-rows-spanned")
        filled_columns = self._times(attributes, "table:number-matrix-columns-spanned")
        if filled_rows > 1 or filled_columns > 1:
            if rows > 1 or columns > 1:
                raise self._odd("has a formula over several cells that is repeated")
            rows, columns = filled_rows, filled_columns
            scan.check_place(row + rows - 1, column + columns - 1)
            self.looked += rows * columns
            if self.looked > ROWS_MAX * COLUMNS_MAX:
                raise self._odd("has formulas over too many cells")
        for each in range(row, row + rows):
            for other in range(column, column + columns):
                scan.formulas[place(each, other)] = found

    def _note_merge(
        self, attributes: dict[str, str], row: int, column: int, *, filled: bool
    ) -> None:
        rows = self._times(attributes, "table:number-rows-spanned")
        columns = self._times(attributes, "table:number-columns-spanned")
        if (rows == 1 and columns == 1) or row >= ROWS_MAX or column >= COLUMNS_MAX:
            return
        if rows > 1 and self.rows > 1:
            raise self._odd("has merged rows that are repeated")
        # Of repeated rows without content no merged cell matters, and there may be a million.
        for each in range(row, min(row + (self.rows if filled else 1), ROWS_MAX)):
            self.merges[-1].append(Merge(each, column, each + rows - 1, column + columns - 1))
        check_merge_count(self.sheets[-1], len(self.merges[-1]))

    def _times(self, attributes: dict[str, str], name: str) -> int:
        said = attributes.get(name)
        if said is None:
            return 1
        if not said.isascii() or not said.isdigit() or not 0 < len(said) < 9 or int(said) == 0:
            raise self._odd(f"has a cell or row whose {name.partition(':')[2]} is no number")
        if int(said) > _REPEAT_MAX:
            raise self._odd(f"has a cell or row whose {name.partition(':')[2]} has no end")
        return int(said)

    def _odd(self, rule: str) -> SheetRefused:
        where = address(min(self.row, ROWS_MAX), min(self.cell_column, COLUMNS_MAX))
        sheet = self.sheets[-1].name if self.sheets else ""
        return SheetRefused("odd-cells", rule, _SAVE_AGAIN, sheet=sheet, cell=where)
