"""Tables in JSON: rows that are lists, and objects whose keys are called otherwise.

Owns what `[sheet]` of a mapping means for JSON. An array of lists is a table like that of a CSV
file, with titles and a header among its rows. An array of objects needs no layout; of `[sheet]` the
other names of columns hold for its keys, so that one mapping reads a table in either form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hutong_adapters.grid import COLUMNS_MAX, EMPTY, ROWS_MAX, CellKind, Grid, GridCell
from hutong_adapters.interface import Cell, FileRefused, Number, Refusal, Row
from hutong_adapters.layout_headers import Names
from hutong_adapters.layout_spec import Layout, Reading

_WORDS: Final = {True: "true", False: "false"}


def json_grid(name: str, elements: Sequence[tuple[int, Cell]]) -> Grid:
    """Rows that are lists as a sheet. Numbers keep their characters.

    Raises:
        FileRefused: a list or an object in a cell; too many rows or columns.
    """
    if len(elements) > ROWS_MAX:
        raise FileRefused(name, f"has more than {ROWS_MAX} rows", "split it")
    rows: list[tuple[GridCell, ...]] = []
    for number, element in elements:
        assert isinstance(element, list)
        if len(element) > COLUMNS_MAX:
            rule = f"has {len(element)} columns in row {number}, more than {COLUMNS_MAX}"
            raise FileRefused(name, rule)
        rows.append(tuple(_grid_cell(name, number, cell) for cell in element))
    return Grid(name, "", tuple(rows))


def _grid_cell(name: str, number: int, cell: Cell) -> GridCell:
    if isinstance(cell, bool):
        return GridCell(_WORDS[cell], CellKind.BOOL)
    if isinstance(cell, list | dict):
        rule = f"has a list or an object in a cell of row {number}, where rows are lists"
        raise FileRefused(name, rule, "write the table as objects")
    if not cell:
        return EMPTY
    return GridCell(str(cell), CellKind.NUMBER if isinstance(cell, Number) else CellKind.TEXT)


class ColumnNames:
    """The names that a mapping has for the keys of objects."""

    def __init__(self, layout: Layout, reading: Reading) -> None:
        self._names = Names(layout.names, layout.core, reading.mentioned)

    def named(self, row: Row) -> Row | Refusal:
        """A row under the names of the mapping; refused where two of its keys have the same."""
        cells: dict[str, Cell] = {}
        for key, cell in row.cells.items():
            column = self._names.column(key)
            if column in cells:
                rule = "is there twice, under names that the mapping takes for the same"
                return Refusal(row.file, row.number, column, rule, "keep one of them")
            cells[column] = cell
        return Row(row.file, row.number, cells, row.addresses)
