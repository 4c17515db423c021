"""What a scan finds out about a sheet, and the limits that it holds the sheet to.

Owns the result that the scans of XLSX and ODS share: which cells have content, which of them are
formulas or errors, what the reader of values is known to lose, and the merged ranges. A sheet that
goes beyond a limit is refused by the place where it does, before its values are read. Threats 37
and 38.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from hutong_adapters.archive_scan import SheetRefused
from hutong_adapters.grid import (
    CELL_CHARACTERS_MAX,
    COLUMNS_MAX,
    MERGES_MAX,
    ROWS_MAX,
    Formula,
    Merge,
    address,
)

TEXT_CHARACTERS_MAX: Final = 20_000_000
"""Of all cells together. A text that stands once in a file may be shown by every cell."""
SHEETS_MAX: Final = 200
NAME_CHARACTERS_MAX: Final = 255
"""Excel has 31, other programs more. Names of sheets stand in messages."""
MERGED_CELLS_MAX: Final = 500_000
"""They are kept one by one; this is twenty-five columns of the longest sheet."""

_SPLIT: Final = "split it, or copy the rows to a new sheet"


_ERROR: Final = re.compile(r"#[A-Z][A-Z0-9/_]{0,20}[!?]?")


def error_text(shown: str) -> str:
    """What an error shows, for messages: nothing else that a cell might hold is told."""
    return shown if _ERROR.fullmatch(shown) else "an error"


def place(row: int, column: int) -> int:
    """One number for a place within the limits, both counted from 0."""
    return row * COLUMNS_MAX + column


@dataclass(slots=True)
class SheetScan:
    """One sheet, as its XML says.

    `filled` are the cells with something to be seen. `texts` are what cells show where the reader
    of values would say something else; `no_dates` are numbers that no calendar has, whatever their
    format. `unseen_rows` are those with content that a person has hidden, or a filter; `characters`
    counts the texts of all cells.
    """

    name: str
    hidden: bool
    part: str
    filled: set[int] = field(default_factory=set)
    formulas: dict[int, Formula] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    no_dates: set[int] = field(default_factory=set)
    merges: list[Merge] = field(default_factory=list)
    unseen_rows: set[int] = field(default_factory=set)
    characters: int = 0

    def refuse(self, name: str, rule: str, way_out: str, cell: str = "") -> SheetRefused:
        """A refusal that names this sheet."""
        return SheetRefused(name, rule, way_out, sheet=self.name, cell=cell)

    def check_place(self, row: int, column: int) -> None:
        """Raises SheetRefused for a cell with content that is too far away."""
        if row >= ROWS_MAX:
            rule = f"has content in row {row + 1}, more than {ROWS_MAX} are not read"
        elif column >= COLUMNS_MAX:
            rule = f"has content in column {column + 1}, more than {COLUMNS_MAX} are not read"
        else:
            return
        raise self.refuse("far-cell", rule, _SPLIT, address(row, column))

    def count_text(self, characters: int, row: int, column: int, times: int = 1) -> None:
        """Counts the text of a cell; raises SheetRefused for more than any sheet needs."""
        if characters > CELL_CHARACTERS_MAX:
            rule = f"has {characters} characters in one cell, more than {CELL_CHARACTERS_MAX}"
            raise self.refuse("huge-text", rule, "shorten it", address(row, column))
        self.characters += characters * times
        if self.characters > TEXT_CHARACTERS_MAX:
            rule = f"has more than {TEXT_CHARACTERS_MAX} characters in its cells"
            raise self.refuse("too-much-text", rule, _SPLIT, address(row, column))

    def settle_merges(self, found: Iterable[Merge]) -> None:
        """Takes the merged ranges as far as the sheet has content; raises if two of them overlap.

        Ranges begin inside of the limits, or they hold nothing: only their first cell has content.
        """
        last_row, last_column = self._end()
        kept: list[Merge] = []
        for merge in found:
            if merge.top > last_row or merge.left > last_column:
                continue
            bottom, right = min(merge.bottom, last_row), min(merge.right, last_column)
            if (bottom, right) != (merge.top, merge.left):
                kept.append(Merge(merge.top, merge.left, bottom, right))
        area = sum((each.bottom - each.top + 1) * (each.right - each.left + 1) for each in kept)
        if area > MERGED_CELLS_MAX:
            rule = f"has {area} cells in merged ranges, more than {MERGED_CELLS_MAX}"
            raise self.refuse("odd-merges", rule, "split the merged cells")
        kept.sort(key=lambda merge: (merge.top, merge.left))
        taken = bytearray(max(last_row + 1, 0) * COLUMNS_MAX)
        for merge in kept:
            for row in range(merge.top, merge.bottom + 1):
                start, stop = place(row, merge.left), place(row, merge.right) + 1
                if any(taken[start:stop]):
                    rule = "has two merged ranges that share cells"
                    where = address(merge.top, merge.left)
                    raise self.refuse("odd-merges", rule, "split the cells and merge anew", where)
                taken[start:stop] = b"\x01" * (stop - start)
        self.merges = kept

    def _end(self) -> tuple[int, int]:
        """The last row and column with content, -1 where there is none."""
        last_row = last_column = -1
        for filled in self.filled | self.formulas.keys():
            row, column = divmod(filled, COLUMNS_MAX)
            last_row, last_column = max(last_row, row), max(last_column, column)
        return last_row, last_column


def check_names(names: Sequence[str]) -> None:
    """Raises SheetRefused for a list of sheets that no workbook has."""
    if len(names) > SHEETS_MAX:
        way_out = "copy the sheet to a new workbook"
        raise SheetRefused("too-many-sheets", f"has more than {SHEETS_MAX} sheets", way_out)
    if any(len(name) > NAME_CHARACTERS_MAX for name in names):
        rule = f"has a sheet whose name is longer than {NAME_CHARACTERS_MAX} characters"
        raise SheetRefused("broken-workbook", rule, "rename the sheet")
    if len(set(names)) < len(names):
        raise SheetRefused("broken-workbook", "has two sheets of one name", "rename one of them")


def check_merge_count(scan: SheetScan, count: int) -> None:
    """Raises SheetRefused for more merged ranges than any sheet has."""
    if count > MERGES_MAX:
        raise scan.refuse("odd-merges", f"has more than {MERGES_MAX} merged ranges", _SPLIT)
