"""Makes rows of what stands between two headers, and accounts for everything that is none.

Owns what a row of a sheet is. Rows that share one merged quantity are one row: the amount stands
there once, so it is neither copied nor split, and what the rows say otherwise is joined. A row
without anything in a core column is a remark. Totals and footers are known by the words that the
mapping has for them, and below a footer nothing is taken for a row without asking.

A cell that the mapping reads and that is computed, broken or hidden refuses its row, by its
address. Threats 40 and 42.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hutong_adapters.grid import CellKind, Formula, GridCell
from hutong_adapters.interface import Cell, Number, Refusal, Row
from hutong_adapters.layout_headers import Header
from hutong_adapters.layout_spec import Formulas, Layout, Reading, Remarks
from hutong_adapters.layout_view import View
from hutong_adapters.plain_text import comparable, trimmed


@dataclass(slots=True)
class _Pending:
    """A row that may still get remarks. Refused ones take theirs with them."""

    row: int
    cells: dict[str, Cell] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class SectionReader:
    """Reads the rows below one header."""

    def __init__(
        self,
        view: View,
        layout: Layout,
        reading: Reading,
        header: Header,
        label: str,
        *,
        even: bool,
    ) -> None:
        self.rows: list[Row] = []
        self.refused: list[Refusal] = []
        self.counts: Counter[str] = Counter()
        self.blank = 0
        self._view = view
        self._layout = layout
        self._reading = reading
        self._header = header
        self._label = label
        self._length = len(view.grid.rows[header.after - 1]) if even else None
        self._totals = [comparable(word) for word in layout.totals]
        self._footer = [comparable(word) for word in layout.footer]
        by_name = {name: column for column, name in header.names.items()}
        self._core = [by_name[name] for name in layout.core if name in by_name]
        amounts = {*reading.amounts, *layout.shared}
        self._amounts = [column for name, column in by_name.items() if name in amounts]
        self._note_column = by_name.get(layout.note or "")
        self._nameless: set[int] = set()
        self._with_content: set[int] = set()
        self._pending: list[_Pending] = []
        self._above: _Pending | None = None
        """The row that a remark would belong to: the one directly above, if there is one."""
        self._footer_row: int | None = None

    def columns(self) -> tuple[str, ...]:
        """The names of the columns; one without a name is called by its place, if it is used."""
        named = {column: self._name(column) for column in self._nameless | set(self._header.names)}
        if self._layout.transposed:
            # A title above a table that was turned stands where a column has its name.
            known = {*self._reading.mentioned, *self._layout.core, *self._layout.names}
            named = {
                column: name
                for column, name in named.items()
                if name in known or column in self._with_content
            }
        names = [named[column] for column in sorted(named)]
        if self._layout.note is not None and self._layout.note not in names:
            names.append(self._layout.note)
        return tuple(names)

    def read(self, end: int) -> None:
        """Reads everything from the header to before a row."""
        for rows in self._units(end):
            if not any(map(self._view.filled, rows)):
                self.blank += len(rows)
                self._above = None
            else:
                self._unit(rows)
        nameless = {column: f"(column {column + 1})" for column in self._nameless}
        for each in self._pending:
            self.rows.append(self._finished(each, nameless))

    def _units(self, end: int) -> list[range]:
        """Rows, with those in one range that share an amount."""
        start = self._header.after
        joined = [False] * (end + 1)
        for merge in self._view.grid.merges:
            if merge.left in self._amounts and merge.bottom > merge.top:
                for row in range(max(merge.top, start) + 1, min(merge.bottom + 1, end)):
                    joined[row] = True
        units: list[range] = []
        for row in range(start, end):
            if joined[row] and units:
                units[-1] = range(units[-1].start, row + 1)
            else:
                units.append(range(row, row + 1))
        return units

    def _unit(self, rows: range) -> None:
        filled = [row for row in rows if self._view.filled(row)]
        self.blank += len(rows) - len(filled)
        own = [(row, column) for row in filled for column in self._view.own_cells(row)]
        first = self._plain(*own[0])
        in_core = [place for place in own if place[1] in self._core]
        if self._footer_row is not None:
            self._below_footer(filled, {column for _, column in in_core})
        elif any(first.startswith(word) for word in self._footer):
            self._footer_row = filled[0]
            self._pass("footer", len(filled))
        elif self._is_total([first, *(self._plain(*place) for place in in_core)]):
            self._pass("total", len(filled))
        elif self._core and (not in_core or self._is_heading(own)):
            self._remark(filled, own)
        else:
            self._row(rows, len(filled), own)

    def _plain(self, row: int, column: int) -> str:
        return comparable(self._view.own(row, column).text)

    def _pass(self, what: str, count: int) -> None:
        self.counts[what] += count
        self._above = None

    def _is_total(self, texts: Sequence[str]) -> bool:
        """Whether one of some texts is a word for totals, alone or before what is no letter."""
        return any(
            text == word or (text.startswith(word) and not text[len(word)].isalpha())
            for text in texts
            for word in self._totals
        )

    def _is_heading(self, own: Sequence[tuple[int, int]]) -> bool:
        """Whether all that a row has is one text that is merged across several columns."""
        return len(own) == 1 and self._view.is_wide(*own[0])

    def _below_footer(self, filled: Sequence[int], core: set[int]) -> None:
        if core != set(self._core) or not core:
            self._pass("footer", len(filled))
            return
        assert self._footer_row is not None
        self._refuse_unit(
            filled,
            f"footer: has all that a row has, below the footer in row {self._footer_row + 1}",
            "move it above the footer, or correct `footer` in [sheet]",
            self._view.grid.address(filled[0], min(core)),
        )

    def _remark(self, filled: Sequence[int], own: Sequence[tuple[int, int]]) -> None:
        where = self._view.grid.address(*own[0])
        if self._layout.remarks is Remarks.SKIP:
            self._pass("remark", len(filled))
            return
        if self._layout.remarks is Remarks.REFUSE:
            rule = "remark: has nothing in " + ", ".join(self._layout.core)
            way_out = "say in [sheet] what such rows are: `remarks`, `footer` or `totals`"
            self._refuse_unit(filled, rule, way_out, where)
            return
        if self._above is None:
            rule = "remark: there is no row directly above that it could belong to"
            way_out = "move it under its row, or say `footer` in [sheet]"
            self._refuse_unit(filled, rule, way_out, where)
            return
        problems = [self._problem(self._view.own(*place)) for place in own]
        for place, (rule, way_out) in zip(own, problems, strict=True):
            if rule:
                self._refuse_unit(filled, rule, way_out, self._view.grid.address(*place))
                return
        texts = [trimmed(self._view.own(*place).text) for place in own]
        self._above.notes.append(" ".join(texts))
        self.counts["remark"] += len(filled)

    def _refuse_unit(self, filled: Sequence[int], rule: str, way_out: str, cell: str) -> None:
        self.refused.append(Refusal(self._label, filled[0] + 1, cell, rule, way_out))
        self._pass("refused", len(filled))

    def _row(self, rows: range, filled: int, own: Sequence[tuple[int, int]]) -> None:
        pending = _Pending(rows.start)
        problems = self._shape_problems(rows, own)
        if any(not problem.cell for problem in problems):
            # Its cells may stand under the wrong names: nothing of it is a column of the table.
            self.refused += problems
            self.counts["refused"] += filled
            self._above = pending
            return
        self._with_content |= {column for _, column in own}
        self._nameless |= {column for _, column in own if column not in self._header.names}
        for column in sorted({*self._header.names, *(column for _, column in own)}):
            if len(rows) == 1 and self._view.cover(rows.start, column) is None:
                problems += self._take_cell(pending, rows.start, column)
            else:
                problems += self._take(pending, rows, column)
        self._above = pending
        if problems:
            self.refused += problems
            self.counts["refused"] += filled
        else:
            self._pending.append(pending)
            self.counts["row"] += filled

    def _name(self, column: int) -> str:
        return self._header.names.get(column, f"(column {column + 1})")

    def _shape_problems(self, rows: range, own: Sequence[tuple[int, int]]) -> list[Refusal]:
        if self._length is not None:
            for row in rows:
                cells = len(self._view.grid.rows[row])
                if cells != self._length:
                    rule = f"has {cells} cells, the header {self._length}"
                    way_out = "look for a missing or stray quote or comma"
                    return [Refusal(self._label, row + 1, "", rule, way_out)]
        found = []
        for column in self._amounts:
            places = [place for place in own if place[1] == column]
            if len(rows) > 1 and len(places) > 1:
                rule = (
                    f"two-amounts: has {len(places)} amounts in rows that a merged cell makes one"
                )
                way_out = "split the merged cell, or write the amounts in one"
                found.append(self._refusal(rows.start, *places[0], rule, way_out))
        return found

    def _take_cell(self, pending: _Pending, row: int, column: int) -> list[Refusal]:
        """Puts one cell that nothing covers into a row: what `_take` does, for most cells."""
        name = self._name(column)
        cell = self._view.grid.cell(row, column)
        pending.cells[name] = _value(cell)
        pending.addresses[name] = self._view.grid.address(row, column)
        if name in self._reading.read and (cell.formula or cell.kind is CellKind.ERROR):
            rule, way_out = self._problem(cell)
            if rule:
                return [self._refusal(row, row, column, rule, way_out)]
        return []

    def _take(self, pending: _Pending, rows: range, column: int) -> list[Refusal]:
        """Puts what rows have in a column into a row; returns why it can't be used, if so."""
        name = self._name(column)
        places = [(self._view.anchor(row, column), column) for row in rows]
        problems = []
        if name in self._reading.read:
            for row, place in zip(rows, places, strict=True):
                rule, way_out = self._problem(self._view.own(*place))
                where = place
                if self._view.hides(row, column):
                    rule, where = "hidden: has content under a merged cell", (row, column)
                    way_out = "split the merged cell, and keep what is meant"
                if rule:
                    problems.append(self._refusal(rows.start, *where, rule, way_out))
        texts: dict[str, tuple[int, int]] = {}
        for place in places:
            cell = self._view.own(*place)
            if not cell.blank:
                texts.setdefault(trimmed(cell.text), place)
        where = next(iter(texts.values()), (rows.start, column))
        pending.addresses[name] = self._view.grid.address(*where)
        if len(texts) < 2:
            pending.cells[name] = _value(self._view.own(*where))
        elif name in self._layout.to_note:
            first, *others = texts
            pending.cells[name] = first
            pending.notes += others
        else:
            pending.cells[name] = self._layout.separator.join(texts)
        return list(dict.fromkeys(problems))

    def _problem(self, cell: GridCell) -> tuple[str, str]:
        """Why a cell that is read can't be used, and the way out; empty if it can."""
        if cell.kind is CellKind.ERROR:
            return (
                f"error: shows {cell.text} and no value",
                "correct it; a number of more than 15 digits must be typed as text",
            )
        if not cell.formula:
            return "", ""
        if self._layout.formulas is Formulas.REFUSE:
            return (
                "formula: is computed, and what it comes to may change",
                'paste it as values, or say formulas = "values" in [sheet]',
            )
        if cell.formula is Formula.EXTERNAL:
            return "formula: takes its value from another file", "paste it as values"
        if cell.kind is CellKind.EMPTY:
            return "formula: has no result", "open the file in a spreadsheet program and save it"
        return "", ""

    def _refusal(self, number: int, row: int, column: int, rule: str, way_out: str) -> Refusal:
        cell = f"{self._name(column)} ({self._view.grid.address(row, column)})"
        return Refusal(self._label, number + 1, cell, rule, way_out)

    def _finished(self, pending: _Pending, nameless: dict[int, str]) -> Row:
        cells = pending.cells
        for name in nameless.values():
            cells.setdefault(name, "")
        note = self._layout.note
        if note is not None:
            there = cells.get(note) or ""
            notes = [str(there), *pending.notes] if there else pending.notes
            cells[note] = self._layout.separator.join(notes) if pending.notes else there
        return Row(self._label, pending.row + 1, cells, pending.addresses)


def _value(cell: GridCell) -> Cell:
    """A cell as adapters hold it: nothing is converted."""
    if cell.kind is CellKind.NUMBER:
        return Number(cell.text)
    if cell.kind is CellKind.BOOL:
        return cell.text == "true"
    return cell.text
