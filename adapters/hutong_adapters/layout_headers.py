"""Finds the headers of a table and gives its columns the names that a mapping uses.

Owns the rule for what is a header: a row, or a group of as many rows as the mapping says, in which
every core column is named. Names are compared as people read them, so that width, case and
invisible characters don't matter, and a column is found by any of its other names. The first header
may stand anywhere below titles; a later one starts anew, maybe with another order of columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hutong_adapters.columns import shown_column
from hutong_adapters.grid import CellKind, GridCell
from hutong_adapters.interface import FileRefused
from hutong_adapters.layout_spec import Formulas, Layout
from hutong_adapters.layout_view import View
from hutong_adapters.plain_text import comparable, trimmed

BETWEEN: Final = "/"
"""Stands between the names of a header of several rows."""
_LONGER: Final = 16
"""How many characters more than its plain form a name may be written with."""
_NAME_SHOWN_MAX: Final = 40
_NAMES_SHOWN_MAX: Final = 30


@dataclass(frozen=True, slots=True)
class Header:
    """A header: its first row, the row after it, and the names of columns that have one."""

    first: int
    after: int
    names: Mapping[int, str]


class Names:
    """The names of columns that a mapping knows."""

    def __init__(
        self, others: Mapping[str, Iterable[str]], core: Iterable[str], mentioned: Iterable[str]
    ) -> None:
        self.core = tuple(core)
        self._known: dict[str, str] = {}
        for column in (*mentioned, *others, *core):
            self._known.setdefault(comparable(column), column)
        for column, more in others.items():
            for name in more:
                self._known[comparable(name)] = column
        accepted = {name for name, column in self._known.items() if column in set(self.core)}
        self._pieces = accepted | {piece for name in accepted for piece in name.split(BETWEEN)}
        self._longest = max(map(len, self._pieces), default=0) + _LONGER
        self._plain: dict[str, str] = {}

    def column(self, name: str) -> str:
        """The column that a name in a sheet stands for: its own name where the mapping has none."""
        return self._known.get(comparable(name), name)

    def knows(self, name: str) -> bool:
        """Whether the mapping has this column."""
        return comparable(name) in self._known

    def may_name_core(self, cell: GridCell) -> bool:
        """Whether a cell may be part of the name of a core column. Asked of every cell."""
        text = cell.text
        if cell.kind is not CellKind.TEXT or len(text) > self._longest:
            return False
        plain = self._plain.get(text)
        if plain is None:
            plain = self._plain[text] = comparable(text)
        return plain in self._pieces


class HeaderFinder:
    """Looks for headers through a window."""

    def __init__(self, view: View, layout: Layout, names: Names) -> None:
        self.view = view
        self._layout = layout
        self._names = names
        columns = range(view.left, view.right)
        self._candidates = [
            bool(names.core)
            and view.filled(row)
            and any(names.may_name_core(view.own(row, column)) for column in columns)
            for row in range(view.height)
        ]

    def headers(self) -> list[Header]:
        """All headers, from top to bottom.

        Raises:
            FileRefused: one names a column twice, or is computed.
        """
        if not self._names.core:
            rows = range(self.view.height)
            first = next(filter(self.view.filled, rows), None)
            return [] if first is None else [self._header(first)]
        found: list[Header] = []
        row = 0
        while row < self.view.height:
            before = found[-1] if found else None
            if not self._is_header(row, before):
                row += 1
                continue
            # A title above a header of several rows can look like the first of them.
            last = row + self._layout.header_rows - 1
            while row < last and row + 1 < self.view.height and self._is_header(row + 1, before):
                row += 1
            found.append(self._header(row))
            row = found[-1].after
        return found

    def first_row_with_core(self) -> int | None:
        """The first row that names every core column, in whatever place."""
        for row in range(self.view.height):
            if self._is_header(row, None):
                return row
        return None

    def has_header(self, left: int, right: int) -> bool:
        """Whether some of the columns have a header of their own."""
        inside = HeaderFinder(self.view.part(left, right), self._layout, self._names)
        return inside.first_row_with_core() is not None

    def no_header(self) -> FileRefused:
        """The refusal of a sheet in which no row is a header, with the one that comes nearest."""
        grid = self.view.grid
        core = self._names.core
        best: list[str] = []
        where = 0
        for row in range(self.view.height):
            named = self._columns(row) if self._may_be(row) else []
            there = [column for column in core if column in named]
            if len(there) > len(best):
                best, where = there, row
        missing = ", ".join(column for column in core if column not in best)
        rule = f"has no header: no row names all of {', '.join(core)}"
        if best:
            rule += f"; row {where + 1} has {', '.join(best)}, but not {missing}"
            others = self._other_names(where, core)
            rule += f". Its other names: {', '.join(others)}" if others else ""
        way_out = "add the names that the sheet uses to [sheet.columns], or say `header_rows`"
        return FileRefused(grid.file, rule, way_out, name="no-header", sheet=grid.sheet)

    def _other_names(self, row: int, core: Iterable[str]) -> list[str]:
        """The names that a row has beside those of the core, for whoever wrote one otherwise.

        What is long, a number or a date is no name, and makes the row one of things: nothing of it
        is told then, since it may be about somebody.
        """
        rows = range(row, min(row + self._layout.header_rows, self.view.height))
        for each in rows:
            kinds = {self.view.own(each, column).kind for column in self.view.own_cells(each)}
            if not kinds <= {CellKind.TEXT}:
                return []
        names = [name for name in self._named(row) if self._names.column(name) not in core]
        if any(len(name) > _NAME_SHOWN_MAX or shown_column(name) != name for name in names):
            return []
        return list(dict.fromkeys(names))[:_NAMES_SHOWN_MAX]

    def _may_be(self, row: int) -> bool:
        return any(self._candidates[row : row + self._layout.header_rows])

    def _is_header(self, row: int, before: Header | None) -> bool:
        if not self._may_be(row) or not self.view.filled(row):
            return False
        named = self._named(row)
        columns = self._columns(row)
        if not set(self._names.core) <= set(columns):
            return False
        if before is None:
            # A title may be worded like the only core column; a header names more than one thing.
            return len(set(columns)) > 1 or self.view.right - self.view.left == 1
        if len(self._names.core) > 1:
            return True
        # With one core column a row may say its name by chance, and what is beside it then is data.
        known = set(before.names.values())
        return all(self._names.knows(name) or name in known for name in named)

    def _named(self, row: int) -> list[str]:
        names = (self._name(row, column) for column in range(self.view.left, self.view.right))
        return [name for name in names if name]

    def _columns(self, row: int) -> list[str]:
        """The columns that a row names, by the names of the mapping."""
        return [self._names.column(name) for name in self._named(row)]

    def _header(self, row: int) -> Header:
        view, grid = self.view, self.view.grid
        after = min(row + self._layout.header_rows, view.height)
        names: dict[int, str] = {}
        for column in range(view.left, view.right):
            name = self._name(row, column)
            if not name:
                continue
            name = self._names.column(name)
            if name in names.values():
                first = next(place for place, known in names.items() if known == name)
                places = f"{grid.address(row, first)} and {grid.address(row, column)}"
                rule = f"has the column {shown_column(name)} twice, in {places}"
                way_out = (
                    "rename one; for tables side by side say beside = true in [sheet], for names in"
                    " two rows header_rows = 2"
                )
                if not self._names.core:
                    way_out = (
                        "rename one; if this is a title above the table, say with `core` in [sheet]"
                        " which columns its header names"
                    )
                raise FileRefused(grid.file, rule, way_out, name="column-twice", sheet=grid.sheet)
            names[column] = name
            self._check_computed(row, after, column)
        return Header(row, after, names)

    def _check_computed(self, first: int, after: int, column: int) -> None:
        view, grid = self.view, self.view.grid
        for row in range(first, after):
            cell = view.own(row, column)
            if cell.kind is CellKind.ERROR or (
                cell.formula and self._layout.formulas is Formulas.REFUSE
            ):
                raise FileRefused(
                    grid.file,
                    "has a header that is computed",
                    "type the names of columns as text",
                    name="formula",
                    sheet=grid.sheet,
                    cell=grid.address(row, column),
                )

    def _name(self, first: int, column: int) -> str:
        """The name of a column in the header that begins in a row; empty for none."""
        after = min(first + self._layout.header_rows, self.view.height)
        texts = [self._text(first, row, column) for row in range(first, after)]
        if self._layout.header_fill and texts[-1]:
            for place, row in enumerate(range(first, after - 1)):
                at = column
                while not texts[place] and at > self.view.left:
                    at -= 1
                    texts[place] = self._text(first, row, at)
        kept: list[str] = []
        for text in texts:
            if text and not (kept and comparable(kept[-1]) == comparable(text)):
                kept.append(text)
        return BETWEEN.join(kept)

    def _text(self, first: int, row: int, column: int) -> str:
        """A text of a header, from the merged cell that covers it if that is part of the header."""
        merge = self.view.cover(row, column)
        if merge is None:
            cell = self.view.own(row, column)
        elif merge.top >= first and merge.left >= self.view.left:
            cell = self.view.grid.cell(merge.top, merge.left)
        else:
            return ""
        return " ".join(trimmed(cell.text).split())
