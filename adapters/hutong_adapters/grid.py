"""A sheet as a grid of cells, before anybody says what its rows mean.

Owns the values that every reader of sheets ends in, whatever the file was: the cells with their
text and kind, the merged ranges, and the names of places (`D92`). A cell is what the sheet says and
nothing more: a number is its shortest exact decimal text, so that nothing later has to call `float`
on it (Threat 42), and a date is a date without a zone, since a sheet has none.

The limits of a sheet stand here as well (Threats 37 and 38). This module imports next to nothing:
the process that reads workbooks needs it and should load little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Final

from hutong_adapters.plain_text import trimmed

ROWS_MAX: Final = 20_000
COLUMNS_MAX: Final = 200
CELL_CHARACTERS_MAX: Final = 65_536
"""As long as the longest part of a record."""
MERGES_MAX: Final = 20_000
SIGNIFICANT_END: Final = 1e15
"""From here on a spreadsheet no longer keeps every digit that was typed: it has 15."""

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class CellKind(StrEnum):
    """What a sheet says that a cell is."""

    EMPTY = "empty"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOL = "bool"
    ERROR = "error"


class Formula(StrEnum):
    """Whether a cell's value was computed, and from what."""

    NONE = ""
    LOCAL = "local"
    EXTERNAL = "external"
    """From another file, which nobody has sent."""


@dataclass(frozen=True, slots=True)
class GridCell:
    """One cell.

    `text`: of a number its shortest exact decimal, of a date `YYYY-MM-DD`, `YYYY-MM-DDThh:mm:ss`
    or `hh:mm:ss`, of a bool `true` or `false`, of an error what the sheet shows, like `#REF!`.
    """

    text: str = ""
    kind: CellKind = CellKind.EMPTY
    formula: Formula = Formula.NONE

    @property
    def blank(self) -> bool:
        """Whether a person sees nothing in it. A formula without a result is not blank."""
        return not self.formula and self.kind is not CellKind.ERROR and is_blank(self.text)


EMPTY: Final = GridCell()


@dataclass(frozen=True, slots=True)
class Merge:
    """A merged range, by its corners from 0; the first holds what is shown."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class Grid:
    """A whole sheet. Rows may have different lengths: what is not there is empty.

    `sheet` is the name of the sheet, empty for files that have none. `turned` says that rows and
    columns have changed places since it was read; addresses are always those of the file.
    """

    file: str
    sheet: str
    rows: tuple[tuple[GridCell, ...], ...]
    merges: tuple[Merge, ...] = ()
    hidden: bool = False
    turned: bool = False

    @property
    def width(self) -> int:
        """Columns of the widest row."""
        return max(map(len, self.rows), default=0)

    def cell(self, row: int, column: int) -> GridCell:
        """The cell of a place, empty beyond the end of its row."""
        cells = self.rows[row]
        return cells[column] if column < len(cells) else EMPTY

    def address(self, row: int, column: int) -> str:
        """The name of a place in the file."""
        return address(column, row) if self.turned else address(row, column)

    def turn(self) -> Grid:
        """The same sheet with rows and columns in each other's place."""
        width = self.width
        rows = tuple(
            tuple(self.cell(row, column) for row in range(len(self.rows)))
            for column in range(width)
        )
        merges = tuple(
            Merge(merge.left, merge.top, merge.right, merge.bottom) for merge in self.merges
        )
        return replace(self, rows=rows, merges=merges, turned=not self.turned)


def is_blank(text: str) -> bool:
    """Whether a text has nothing that can be seen: blanks, and characters without width."""
    return not text or not trimmed(text)


@cache
def column_letters(column: int) -> str:
    """The name of a column, counted from 0: `A`, ..., `Z`, `AA`."""
    letters = ""
    column += 1
    while column:
        column, last = divmod(column - 1, len(_LETTERS))
        letters = _LETTERS[last] + letters
    return letters


def address(row: int, column: int) -> str:
    """The name of a place, counted from 0: (91, 3) is `D92`."""
    return f"{column_letters(column)}{row + 1}"


def number_text(number: float) -> str | None:
    """The shortest decimal that is exactly this number to a spreadsheet: 217080.0 is `217080`.

    None for what is no number that a sheet keeps whole: not finite, or of more than 15 digits.
    """
    if not math.isfinite(number) or abs(number) >= SIGNIFICANT_END:
        return None
    text = format(Decimal(repr(number)), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
