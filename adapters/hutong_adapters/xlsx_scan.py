"""Scans the parts of an XLSX workbook: its sheets, and in each what the values don't say.

Owns the little that is needed of the format: the list of sheets and where they are, the lengths of
shared texts, and of each sheet the places with content, formulas, errors and merged ranges. Cells
must stand in the order in which every spreadsheet program writes them, each once, since a reader of
values could otherwise see another sheet than this scan. Formats of cells, pictures and links are
never looked at; links are never followed. Threats 37 to 40.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from typing import Final

from hutong_adapters.archive_scan import Archive, SheetRefused
from hutong_adapters.grid import COLUMNS_MAX, ROWS_MAX, Formula, Merge, address, column_letters
from hutong_adapters.sheet_scan import (
    SheetScan,
    check_merge_count,
    check_names,
    error_text,
    place,
)
from hutong_adapters.xml_scan import scan_part

WORKBOOK: Final = "xl/workbook.xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_SHARED: Final = "xl/sharedStrings.xml"
_GUARDED: Final = ("[Content_Types].xml", "_rels/.rels", "xl/styles.xml")
_ROOT: Final = (
    b'<Relationships><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument'
    b'/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
"""Where the workbook is, for the reader of values: where this scan looked, and nowhere else."""
_COMMON_ERRORS: Final = frozenset(
    {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"}
)
_ERROR_CELL: Final = re.compile(rb"""(<(?:\w+:)?c\s[^>]*?\bt=)(["'])e\2""")
_MACRO_PARTS: Final = ("vbaproject.bin", "xl/macrosheets/")
_CELL: Final = re.compile("([A-Z]{1,3})([1-9][0-9]{0,6})")
_OTHER_BOOK: Final = re.compile(r"\[[0-9]+\][^\[\]!]*!")
_RANGES_MAX: Final = 200_000
"""Cells that are looked at because a formula fills ranges."""
_LETTERS: Final = [column_letters(column) for column in range(COLUMNS_MAX)]
_SAVE_AGAIN: Final = "open it in a spreadsheet program, save it again, and import that"


@dataclass(frozen=True, slots=True)
class SheetPlace:
    """A sheet of a workbook, by name, and where it is."""

    name: str
    hidden: bool
    part: str


@dataclass(slots=True)
class XlsxWorkbook:
    """A workbook whose list of sheets was read. `parts` are all that were looked at so far."""

    archive: Archive
    sheets: list[SheetPlace]
    parts: dict[str, bytes]
    lengths: array[int]
    """Characters of each shared text, 0 for one in which nothing can be seen."""

    def scan(self, sheet: SheetPlace) -> SheetScan:
        """Everything about one sheet. Raises SheetRefused."""
        content = self.archive.read(sheet.part)
        self.parts[sheet.part] = content
        found = SheetScan(sheet.name, sheet.hidden, sheet.part)
        handler = _SheetHandler(found, self.lengths)
        scan_part(sheet.part, content, handler, sheet=sheet.name)
        found.settle_merges(handler.merges)
        if not _COMMON_ERRORS.issuperset(found.errors.values()):
            # The reader of values ends at an error that it doesn't know, like #SPILL!; what a cell
            # with an error shows is known already.
            self.parts[sheet.part] = _ERROR_CELL.sub(rb'\1"str"', content)
        return found


def open_xlsx(archive: Archive) -> XlsxWorkbook:
    """The sheets of a workbook. Raises SheetRefused."""
    for name in sorted(archive.names):
        if any(part in name.casefold() for part in _MACRO_PARTS):
            raise SheetRefused(
                "macros",
                "has macros, programs that run when it is opened",
                "ask the sender for an .xlsx without them; don't open it for that",
            )
    parts = {WORKBOOK: archive.read(WORKBOOK), _RELATIONS: archive.read(_RELATIONS)}
    for name in _GUARDED:
        if name in archive.names:
            parts[name] = archive.read(name)
            scan_part(name, parts[name], _Nothing())
    parts["_rels/.rels"] = _ROOT
    workbook, relations = _WorkbookHandler(), _RelationsHandler()
    scan_part(WORKBOOK, parts[WORKBOOK], workbook)
    scan_part(_RELATIONS, parts[_RELATIONS], relations)
    shared = _SharedHandler()
    # Readers find this part by its name, whatever the relations say, and in any case.
    for name in archive.names:
        if name.casefold() == _SHARED.casefold():
            parts[name] = archive.read(name)
            scan_part(name, parts[name], shared)
    sheets = _sheets(workbook, relations, archive.names)
    return XlsxWorkbook(archive, sheets, parts, shared.lengths)


def _sheets(
    workbook: _WorkbookHandler, relations: _RelationsHandler, names: frozenset[str]
) -> list[SheetPlace]:
    found: list[SheetPlace] = []
    for name, hidden, relation in workbook.sheets:
        kind, target = relations.targets.get(relation, ("", ""))
        if kind == "chartsheet":
            continue
        part = target[1:] if target.startswith("/") else f"xl/{target}"
        if kind != "worksheet" or part not in names or part in [sheet.part for sheet in found]:
            rule = "has a sheet that is not where it says"
            raise SheetRefused("broken-workbook", rule, _SAVE_AGAIN, sheet=name)
        found.append(SheetPlace(name, hidden, part))
    check_names([sheet.name for sheet in found])
    return found


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _Nothing:
    """For parts of which only the guard is needed."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        pass

    def end(self, name: str) -> None:
        pass

    def text(self, text: str) -> None:
        pass


class _WorkbookHandler(_Nothing):
    """The list of sheets: name, whether hidden, and the id of its relation."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, bool, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if _local(name) != "sheet":
            return
        relation = next((value for key, value in attributes.items() if _local(key) == "id"), "")
        hidden = attributes.get("state", "visible") != "visible"
        self.sheets.append((attributes.get("name", ""), hidden, relation))


class _RelationsHandler(_Nothing):
    """Kind and target of each relation, by its id."""

    def __init__(self) -> None:
        self.targets: dict[str, tuple[str, str]] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if _local(name) != "Relationship":
            return
        relation = attributes.get("Id", "")
        if relation in self.targets:
            raise SheetRefused("broken-workbook", "names one of its parts twice", _SAVE_AGAIN)
        outside = attributes.get("TargetMode") == "External"
        kind = "" if outside else attributes.get("Type", "").rpartition("/")[2]
        self.targets[relation] = (kind, attributes.get("Target", ""))


class _SharedHandler:
    """The lengths of shared texts. Readings of Chinese characters (`rPh`) are not shown."""

    def __init__(self) -> None:
        self.lengths = array("L")
        self._pieces: list[str] = []
        self._in_text = False
        self._in_reading = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = _local(name)
        if local == "si":
            self._pieces = []
        elif local == "rPh":
            self._in_reading = True
        elif local == "t":
            self._in_text = not self._in_reading

    def end(self, name: str) -> None:
        local = _local(name)
        if local == "si":
            text = "".join(self._pieces)
            self.lengths.append(len(text) if text.strip() else 0)
        elif local == "rPh":
            self._in_reading = False
        elif local == "t":
            self._in_text = False

    def text(self, text: str) -> None:
        if self._in_text:
            self._pieces.append(text)


@dataclass(slots=True)
class _SheetHandler:
    """Goes through the cells of a sheet in order. Called for every cell, so it does little."""

    scan: SheetScan
    lengths: array[int]
    merges: list[Merge] = field(default_factory=list)
    row: int = -1
    column: int = -1
    row_unseen: bool = False
    kind: str = ""
    in_cell: bool = False
    in_reading: bool = False
    into: list[str] | None = None
    """Where text goes at the moment: nowhere, or to one of the two lists."""
    value: list[str] = field(default_factory=list)
    formula: list[str] = field(default_factory=list)
    has_formula: bool = False
    has_value: bool = False
    ranges: list[Merge] = field(default_factory=list)
    """Ranges of which one formula fills every cell, though only one says so."""
    shared_external: set[str] = field(default_factory=set)
    formula_id: str = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if ":" in name:
            name = _local(name)
        if name == "c":
            self._cell_begins(attributes)
        elif name == "row":
            self._row_begins(attributes)
        elif name == "mergeCell":
            self.merges.append(self._range(attributes.get("ref", "")))
            check_merge_count(self.scan, len(self.merges))
        elif self.in_cell:
            self._inside(name, attributes)

    def _inside(self, name: str, attributes: dict[str, str]) -> None:
        if name == "v":
            if self.has_value:
                raise self._odd("has a cell with two values", self.row, self.column)
            self.into = self.value
            self.has_value = True
        elif name == "f":
            self.into = self.formula
            self.has_formula = True
            self.formula_id = attributes.get("si", "") if attributes.get("t") == "shared" else ""
            if "ref" in attributes and attributes.get("t") in ("array", "dataTable"):
                self.ranges.append(self._range(attributes["ref"]))
        elif name == "t":
            if self.kind != "inlineStr":
                raise self._odd("has a cell with two values", self.row, self.column)
            self.into = None if self.in_reading else self.value
            self.has_value = True
        elif name == "rPh":
            self.in_reading = True

    def end(self, name: str) -> None:
        if ":" in name:
            name = _local(name)
        if name == "c":
            self._cell_ends()
        elif name in ("v", "f", "t"):
            self.into = None
        elif name == "rPh":
            self.in_reading = False
        elif name == "sheetData":
            self._fill_ranges()

    def text(self, text: str) -> None:
        if self.into is not None:
            self.into.append(text)

    def _row_begins(self, attributes: dict[str, str]) -> None:
        said = attributes.get("r")
        row = self.row + 1
        if said is not None:
            if not said.isascii() or not said.isdigit() or len(said) > 7:
                raise self._odd("has a row without a number", self.row, 0)
            row = int(said) - 1
        if row <= self.row:
            raise self._odd("has a row twice, or rows out of order", row, 0)
        self.row, self.column = row, -1
        self.row_unseen = attributes.get("hidden") in ("1", "true")

    def _cell_begins(self, attributes: dict[str, str]) -> None:
        if self.in_cell or self.row < 0:
            raise self._odd("has a cell outside of a row", self.row, self.column)
        said = attributes.get("r")
        column = self.column + 1
        if said is not None and not (
            column < COLUMNS_MAX and said == f"{_LETTERS[column]}{self.row + 1}"
        ):
            row, column = self._address(said)
            if row != self.row or column <= self.column:
                raise self._odd("has a cell twice, or cells out of order", row, column)
        self.column = column
        self.kind = attributes.get("t", "n")
        self.in_cell = True
        self.has_formula = self.has_value = False
        self.value.clear()
        self.formula.clear()

    def _cell_ends(self) -> None:
        self.in_cell = self.in_reading = False
        self.into = None
        text = "".join(self.value)
        if self.has_formula:
            self._note_formula()
        if not self.has_value:
            return
        if self.row >= ROWS_MAX or self.column >= COLUMNS_MAX:
            # Of empty texts too: a reader keeps room for everything up to the last of them.
            self.scan.check_place(self.row, self.column)
        characters = len(text)
        if self.kind == "s":
            index = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
            if not 0 <= index < len(self.lengths):
                raise self._odd("has a cell whose text is missing", self.row, self.column)
            characters = self.lengths[index]
        elif not text.strip():
            characters = 0
        if not characters:
            return
        scan, row, column = self.scan, self.row, self.column
        scan.count_text(characters, row, column)
        here = place(row, column)
        scan.filled.add(here)
        if self.row_unseen:
            scan.unseen_rows.add(row)
        if self.kind == "e":
            scan.errors[here] = error_text(text)
        elif self.kind == "n" and text.startswith("-"):
            scan.no_dates.add(here)

    def _note_formula(self) -> None:
        self.scan.check_place(self.row, self.column)
        outside = _OTHER_BOOK.search("".join(self.formula)) is not None
        if self.formula_id:
            if outside:
                self.shared_external.add(self.formula_id)
            outside = self.formula_id in self.shared_external
        found = Formula.EXTERNAL if outside else Formula.LOCAL
        self.scan.formulas[place(self.row, self.column)] = found

    def _fill_ranges(self) -> None:
        filled = self.scan.filled
        looked = 0
        for each in self.ranges:
            rows = range(each.top, min(each.bottom + 1, ROWS_MAX))
            columns = range(each.left, min(each.right + 1, COLUMNS_MAX))
            if len(rows) * len(columns) < len(filled):
                inside = [place(row, column) for row in rows for column in columns]
            else:
                inside = [
                    here
                    for here in filled
                    if here // COLUMNS_MAX in rows and here % COLUMNS_MAX in columns
                ]
            looked += min(len(rows) * len(columns), len(filled))
            if looked > _RANGES_MAX:
                raise self._odd("has formulas over too many cells", each.top, each.left)
            for here in inside:
                if here in filled:
                    self.scan.formulas.setdefault(here, Formula.LOCAL)
        self.ranges.clear()

    def _range(self, said: str) -> Merge:
        first, colon, last = said.partition(":")
        top, left = self._address(first)
        bottom, right = self._address(last) if colon else (top, left)
        if bottom < top or right < left:
            raise self._odd("has a range that ends before it begins", top, left)
        return Merge(top, left, bottom, right)

    def _address(self, said: str) -> tuple[int, int]:
        found = _CELL.fullmatch(said)
        if found is None:
            raise self._odd("has a cell without an address", self.row, self.column)
        column = 0
        for letter in found[1]:
            column = column * 26 + ord(letter) - ord("A") + 1
        return int(found[2]) - 1, column - 1

    def _odd(self, rule: str, row: int, column: int) -> SheetRefused:
        where = address(max(row, 0), max(column, 0))
        return self.scan.refuse("odd-cells", rule, _SAVE_AGAIN, where)
