"""Finds the table in a file about which no mapping says anything yet.

Owns the guess of where its header is: the row with the most names that are known, with the rows
above or below that belong to it by merged cells, or by what stands beside what in a table of text.
What a column is called and what a row is, `layout` says, so that the draft of a mapping is read
later as it was read here. Totals and footers are found by a few words that stand here, and
never by what is in a sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hutong_adapters.columns import shown_column
from hutong_adapters.grid import CellKind, Grid, Merge
from hutong_adapters.interface import FileRefused
from hutong_adapters.layout import lay_out
from hutong_adapters.layout_spec import Layout, Reading
from hutong_adapters.layout_view import View
from hutong_adapters.mapping_draft_roles import Role, role_of
from hutong_adapters.plain_text import comparable, trimmed
from hutong_adapters.rows import Form, read_grids, read_sheet
from hutong_adapters.sheet_child import ONE
from hutong_protocol.personal_data import findings

TOTALS: Final = (
    "合计",
    "总计",
    "小计",
    "共计",
    "总和",
    "total",
    "totals",
    "grand total",
    "subtotal",
)
FOOTERS: Final = (
    *("注：", "注:", "备注：", "备注:", "说明", "填表", "制表", "审核", "填报", "联系方式", "以上"),
    *("note:", "notes:", "source:"),
)
_LOOKED_AT: Final = 60
"""Rows in which a header is looked for."""
_NAME_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class DraftTable:
    """A table and what was seen of it. Each row has a text for each column that is not nested.

    `sheet` is the name that was asked for, `header` the number of the first header row, 0 where
    rows have names of their own. `known` says whether names of the header were recognised. `nested`
    are columns that hold lists, `optional` those that a header further down doesn't have.
    """

    file: str
    sheet: str
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    nested: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    headers: tuple[tuple[str, ...], ...] = ()
    header: int = 0
    header_rows: int = 1
    header_fill: bool = False
    totals: tuple[str, ...] = ()
    footers: tuple[str, ...] = ()
    merged: bool = False
    known: bool = True
    notes: tuple[str, ...] = ()
    grid: Grid | None = None

    def texts(self, column: str) -> list[str]:
        """What a column has, without what is empty."""
        return [row[column] for row in self.rows if row.get(column)]


@dataclass(frozen=True, slots=True)
class _Place:
    first: int
    rows: int = 1
    fill: bool = False
    known: bool = True


def read_draft_table(path: Path, sheet: str | None) -> DraftTable:
    """The table in a file.

    Args:
        sheet: the name of the sheet of a workbook; None for the only one.

    Raises:
        FileRefused: it can't be read, has several sheets, or no names above its columns.
    """
    try:
        found = read_grids(path, ONE if sheet is None else [sheet])
    except FileRefused as refused:
        if refused.name != "several-sheets":
            raise
        way_out = "say which with --sheet NAME"
        raise FileRefused(refused.file, refused.rule, way_out, name=refused.name) from None
    if found is None:
        return _of_objects(path)
    if not found.grids:
        raise FileRefused(path.name, "has no sheet with content", name="empty")
    return replace(_of_grid(found.grids[0]), sheet=sheet or "", notes=found.notes)


def with_core(table: DraftTable, core: Sequence[str]) -> DraftTable:
    """The same table with its rows as a mapping with these words will read them."""
    if table.grid is None:
        return table
    amounts = frozenset(name for name in table.columns if role_of(name) is Role.QUANTITY)
    layout = Layout(
        core=tuple(core),
        header_rows=table.header_rows,
        header_fill=table.header_fill,
        totals=table.totals,
        footer=table.footers,
    )
    reading = Reading(table.columns, frozenset(), amounts)
    laid = lay_out(table.grid, layout, reading, label=table.file)
    columns = [*table.columns, *(name for each in laid.tables for name in each.columns)]
    rows = tuple({name: _text(cell) for name, cell in row.cells.items()} for row in laid.rows)
    optional = [
        name
        for name in dict.fromkeys(columns)
        if not all(name in each.columns for each in laid.tables)
    ]
    return replace(
        table,
        columns=tuple(dict.fromkeys(columns)),
        rows=rows,
        optional=tuple(optional),
        headers=tuple(each.columns for each in laid.tables),
    )


def _of_objects(path: Path) -> DraftTable:
    """The rows of JSON that is a list of objects."""
    sheet = read_sheet(path, Form())
    if not sheet.columns:
        raise FileRefused(path.name, "has no rows with named columns", name="no-header")
    nested = dict.fromkeys(column[0] for column in sheet.columns if len(column) > 1)
    columns = tuple(column[0] for column in sheet.columns if column[0] not in nested)
    for name in (*columns, *nested):
        _check_name(path.name, name)
    rows = tuple({name: _text(row.cells.get(name)) for name in columns} for row in sheet.rows)
    return DraftTable(path.name, "", columns, rows, tuple(nested), notes=sheet.notes)


def _of_grid(grid: Grid) -> DraftTable:
    view = View(grid, 0, grid.width)
    place = _header(view)
    layout = Layout(header_rows=place.rows, header_fill=place.fill)
    laid = lay_out(_below(grid, place.first), layout, Reading(), label=grid.file)
    columns = laid.tables[0].columns if laid.tables else ()
    for name in columns:
        _check_name(grid.file, name)
    rows = tuple({name: _text(cell) for name, cell in row.cells.items()} for row in laid.rows)
    after = range(place.first + place.rows, view.height)
    seen = [comparable(view.own(row, at).text) for row in after for at in view.own_cells(row)]
    firsts = [
        comparable(view.own(row, view.own_cells(row)[0]).text)
        for row in after
        if len(view.own_cells(row)) == 1
    ]
    return DraftTable(
        file=grid.file,
        sheet="",
        columns=columns,
        rows=rows,
        header=place.first + 1,
        header_rows=place.rows,
        header_fill=place.fill,
        totals=tuple(word for word in TOTALS if any(_is_total(text, word) for text in seen)),
        footers=tuple(
            word
            for word in FOOTERS
            if any(text.startswith(comparable(word)) for text in firsts)
            and comparable(word) not in map(comparable, FOOTERS[: FOOTERS.index(word)])
        ),
        merged=any(merge.top >= after.start and merge.bottom > merge.top for merge in grid.merges),
        known=place.known,
        grid=grid,
    )


def _check_name(file: str, name: str) -> None:
    if shown_column(name) != name:
        raise FileRefused(
            file,
            "has no header: what stands where names of columns should be has personal data",
            "put a row above the table that says what its columns are",
            name="no-header",
        )


def _is_total(text: str, word: str) -> bool:
    rest = text.removeprefix(word)
    return rest != text and not rest[:1].isalpha()


def _below(grid: Grid, first: int) -> Grid:
    """The grid from a row on."""
    merges = tuple(
        Merge(merge.top - first, merge.left, merge.bottom - first, merge.right)
        for merge in grid.merges
        if merge.top >= first
    )
    return replace(grid, rows=grid.rows[first:], merges=merges)


# --- Where the header is


def _header(view: View) -> _Place:
    filled = [row for row in range(view.height) if view.filled(row)][:_LOOKED_AT]
    if not filled:
        raise FileRefused(view.grid.file, "has no row with content", name="empty")
    rows = [row for row in filled if _may_be_header(view, row)]
    tags = next((row for row in rows if _has_tags(view, row)), None)
    if tags is not None:
        return _Place(tags)
    best = max(rows, key=lambda row: (_known(view, row), -row), default=filled[0])
    if _known(view, best) < 2 and (not rows or _known(view, best) < len(view.own_cells(best))):
        width = max((len(view.own_cells(row)) for row in filled), default=1)
        full = [row for row in rows if 2 * len(view.own_cells(row)) >= width]
        return replace(_grown(view, (full or filled)[0]), known=_known(view, best) > 0)
    return _grown(view, best)


def _may_be_header(view: View, row: int) -> bool:
    own = view.own_cells(row)
    cells = [view.own(row, column) for column in own]
    if len(own) == 1 and (view.is_wide(row, own[0]) or view.right - view.left > 2):
        return False
    return all(
        cell.kind is CellKind.TEXT
        and not cell.formula
        and len(trimmed(cell.text)) <= _NAME_MAX
        and not findings(cell.text)
        for cell in cells
    )


def _known(view: View, row: int) -> int:
    """How many different things the names of a row are known to be for."""
    texts = (view.own(row, column).text for column in view.own_cells(row))
    return len({role_of(text) for text in texts} - {Role.REST})


def _has_tags(view: View, row: int) -> bool:
    """Whether a row has hashtags of HXL, which are better names than those above."""
    texts = [trimmed(view.own(row, column).text) for column in view.own_cells(row)]
    tags = [text for text in texts if len(text) > 1 and text.startswith("#")]
    return len(tags) > 1 and 2 * len(tags) >= len(texts)


def _grown(view: View, row: int) -> _Place:
    """The header of one row, or of as many as merged cells or empty ones say."""
    above = row - 1
    if row > 0 and _reach(view, above) >= row:
        return _Place(above, min(_reach(view, above) - above + 1, 3))
    if _reach(view, row) > row:
        return _Place(row, min(_reach(view, row) - row + 1, 3))
    if row > 0 and _is_upper(view, above, row):
        return _Place(above, 2, fill=not view.grid.merges)
    if row + 1 < view.height and _is_upper(view, row, row + 1):
        return _Place(row, 2, fill=not view.grid.merges)
    return _Place(row)


def _reach(view: View, row: int) -> int:
    """The last row to which a merged cell of a row reaches that is one column wide."""
    ends = [
        merge.bottom
        for merge in view.grid.merges
        if merge.top == row and merge.left == merge.right and _may_be_header(view, row)
    ]
    return max(ends, default=row)


def _is_upper(view: View, upper: int, lower: int) -> bool:
    """Whether a row is the upper part of the header of another: each names what the other doesn't,
    and the lower one names things that are known."""
    if not (_may_be_header(view, upper) and _may_be_header(view, lower)):
        return False
    above, below = set(view.own_cells(upper)), set(view.own_cells(lower))
    short = all(len(trimmed(view.own(lower, column).text)) <= 12 for column in below)
    return (
        len(above) > 1
        and bool(above - below)
        and bool(below - above)
        and short
        and _known(view, lower) > 0
        and all(role_of(view.own(lower, column).text) is not Role.REST for column in below & above)
    )


def _text(cell: object) -> str:
    return "" if cell is None or isinstance(cell, list | dict) else trimmed(str(cell))
