"""Tables of text, CSV and TSV, as records of cells and as a grid like that of a sheet.

Owns what such a table may have, counted before any cell is made, and that a quote which is opened
is closed. What of it is a row is said elsewhere. Threats 38 and 42.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from hutong_adapters.grid import COLUMNS_MAX, EMPTY, ROWS_MAX, CellKind, Grid, GridCell
from hutong_adapters.interface import FileRefused

CELLS_MAX: Final = ROWS_MAX * COLUMNS_MAX
"""What a file may have of signs between cells, lines or values, counted before any is made: each
costs a hundred bytes and more where it is nothing else, so that 64 MiB of them are gigabytes."""
FEWER: Final = "leave out columns that nobody needs, or split it"


def check_count(name: str, text: str, what: str, *signs: str) -> None:
    """Holds the number of some signs to the limit, before a cell is made of them.

    Raises:
        FileRefused: there are more.
    """
    if sum(map(text.count, signs)) > CELLS_MAX:
        raise FileRefused(name, f"has more than {CELLS_MAX} {what}", "split it", name="too-many")


def too_many_rows(name: str) -> FileRefused:
    """The refusal of a file with more rows than are read."""
    return FileRefused(name, f"has more than {ROWS_MAX} rows", "split it", name="too-many-rows")


def text_grid(name: str, text: str, delimiter: str) -> Grid:
    """A table of text as a sheet: every cell is text."""
    cells: dict[str, GridCell] = {"": EMPTY}
    rows: list[tuple[GridCell, ...]] = []
    blank = 0
    for _, record in csv_records(name, text, delimiter):
        if not any(cell.strip() for cell in record):
            blank += 1
            continue
        number = len(rows) + blank + 1
        if number > ROWS_MAX + 1:
            raise too_many_rows(name)
        if len(record) > COLUMNS_MAX:
            rule = f"has {len(record)} columns in row {number}, more than {COLUMNS_MAX}"
            raise FileRefused(name, rule, FEWER, name="too-many-columns")
        rows += [()] * blank
        blank = 0
        row = [
            cells.get(cell) or cells.setdefault(cell, GridCell(cell, CellKind.TEXT))
            for cell in record
        ]
        rows.append(tuple(row))
    if not rows:
        raise FileRefused(name, "is empty", "the first row names the columns", name="empty")
    return Grid(name, "", tuple(rows))


def check_even(grid: Grid) -> None:
    """Of a transposed table every row must be as long as the others: a stray comma would shift it.

    Raises:
        FileRefused: one is not.
    """
    for number, row in enumerate(grid.rows, start=1):
        if row and len(row) != grid.width:
            rule = f"has {len(row)} cells in row {number}, and {grid.width} in another"
            way_out = "look for a missing or stray quote or comma"
            raise FileRefused(grid.file, rule, way_out, name="uneven")


def csv_records(name: str, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Every record with the line in which it ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileRefused(
                name,
                f"is no CSV from line {begins} on: {error}",
                "a quote is opened and not closed, or a cell is too long",
                name="broken-csv",
            ) from None
        yield reader.line_num, cells
        begins = reader.line_num + 1
