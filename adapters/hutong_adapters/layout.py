"""Finds the rows of a sheet by what a mapping says about its layout.

Owns the outermost steps: turning a transposed sheet, parting tables that stand side by side, and
going through each table from one header to the next. Whatever is in a sheet ends as a row, as a
refusal, or in one of the counts: titles, headers, totals, footers, remarks. Nothing with content is
passed over without being counted.

`layout_headers` finds and names columns, `layout_rows` makes rows of what is between headers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from hutong_adapters.grid import Grid, column_letters
from hutong_adapters.interface import Refusal, Row
from hutong_adapters.layout_headers import Header, HeaderFinder, Names
from hutong_adapters.layout_rows import SectionReader
from hutong_adapters.layout_spec import Layout, Reading
from hutong_adapters.layout_view import View, blank_columns

COUNTED: Final = ("title", "header", "total", "footer", "remark")
"""What is passed over and counted, in the order in which it is told."""


@dataclass(frozen=True, slots=True)
class Table:
    """The columns from one header on. `label` says to people which table of which file it is.

    `sheet` is the name of its sheet, `header` the number of the last row of its header.
    """

    label: str
    columns: tuple[str, ...]
    sheet: str = ""
    header: int = 1


@dataclass(slots=True)
class LaidOut:
    """What was found in a sheet.

    `counts` are of rows with content, or of parts of them where tables stand side by side: beside
    `COUNTED` also `row` and `refused`. Together they are all that have content.
    """

    tables: list[Table] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    blank: int = 0


def lay_out(
    grid: Grid, layout: Layout, reading: Reading, *, label: str, even: bool = False
) -> LaidOut:
    """The rows of a sheet.

    Args:
        label: how the sheet is named in rows, like `needs.xlsx [物资]`.
        even: whether a row must have as many cells as its header: in a table of text, where one
            stray comma shifts all that follows.

    Raises:
        FileRefused: no header, or one that names a column twice.
    """
    if layout.transposed:
        grid = grid.turn()
        label = _inside(label, "by column")
    names = Names(layout.names, layout.core, reading.mentioned)
    whole = HeaderFinder(View(grid, 0, grid.width), layout, names)
    bands = [whole]
    if layout.beside:
        parts = [whole.view.part(*ends) for ends in _bands(whole)]
        bands = [HeaderFinder(part, layout, names) for part in parts]
    found = LaidOut()
    for band in bands:
        of_band = label
        if len(bands) > 1:
            ends = f"{column_letters(band.view.left)}-{column_letters(band.view.right - 1)}"
            of_band = _inside(label, ends)
        _read_band(band, layout, reading, found, of_band, even=even)
    return found


def _read_band(
    finder: HeaderFinder,
    layout: Layout,
    reading: Reading,
    found: LaidOut,
    label: str,
    *,
    even: bool,
) -> None:
    view = finder.view
    headers = finder.headers()
    if not headers:
        if any(map(view.filled, range(view.height))):
            raise finder.no_header()
        found.blank += view.height
        return
    _count(view, range(headers[0].first), "title", found)
    ends = [header.first for header in headers[1:]] + [view.height]
    for header, end in zip(headers, ends, strict=True):
        _count(view, range(header.first, header.after), "header", found)
        section = SectionReader(view, layout, reading, header, label, even=even)
        section.read(end)
        of_table = _table_label(label, header, headers)
        found.tables.append(Table(of_table, section.columns(), view.grid.sheet, header.after))
        found.rows += section.rows
        found.refused += section.refused
        found.counts.update(section.counts)
        found.blank += section.blank


def _count(view: View, rows: range, what: str, found: LaidOut) -> None:
    filled = sum(map(view.filled, rows))
    if filled:
        found.counts[what] += filled
    found.blank += len(rows) - filled


def _table_label(label: str, header: Header, headers: list[Header]) -> str:
    return f"{label}, header in row {header.first + 1}" if len(headers) > 1 else label


def _inside(label: str, what: str) -> str:
    """A label with something more in its brackets."""
    return f"{label[:-1]}, {what}]" if label.endswith("]") else f"{label} [{what}]"


def _bands(finder: HeaderFinder) -> list[tuple[int, int]]:
    """The ranges of columns that hold a table each.

    They are separated by columns without content from the first header on; what has no header of
    its own belongs to the table on its left.
    """
    view = finder.view
    first = finder.first_row_with_core()
    if first is None:
        return [(view.left, view.right)]
    empty = blank_columns(view, first)
    starts = [
        column
        for column in range(view.left, view.right)
        if column not in empty and (column == view.left or column - 1 in empty)
    ]
    bands: list[tuple[int, int]] = []
    for start, end in zip(starts, [*starts[1:], view.right], strict=True):
        if not bands:
            bands.append((view.left, end))
        elif finder.has_header(start, end) and finder.has_header(*bands[-1]):
            bands.append((start, end))
        else:
            bands[-1] = (bands[-1][0], end)
    return bands
