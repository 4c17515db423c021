"""Reads `[sheet]` of a mapping: its words become a `Layout`, or all that is wrong with them.

Owns these words and their places. What needs another word (a note column for remarks that become
notes, a core for anything that is told apart from rows) is said here, before a sheet is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from hutong_adapters.layout_spec import Formulas, Layout, Remarks
from hutong_adapters.mapping_values import Problems, word_list
from hutong_adapters.plain_text import comparable
from hutong_adapters.sheet_child import ALL, ONE

HEADER_ROWS_MAX: Final = 3
SHEET_WORDS: Final = (
    *("sheets", "core", "columns", "header_rows", "header_fill", "beside", "transposed"),
    *("totals", "footer", "remarks", "note", "to_note", "shared", "separator", "formulas"),
)
"""The words of `[sheet]`."""

_Choice = TypeVar("_Choice", bound=StrEnum)


def load_layout(table: object, problems: Problems) -> Layout | None:
    """The layout that `[sheet]` says, None for a mapping without it."""
    if table is None:
        return None
    if not isinstance(table, dict):
        problems.add("sheet", "is a table: [sheet]")
        return None
    return _LayoutReader(table, problems).layout()


def check_layout_columns(layout: Layout, mentioned: Iterable[str], problems: Problems) -> None:
    """Notes every column that `[sheet]` has and the rest of the mapping does not: a slip."""
    known = set(map(comparable, mentioned))
    named = {
        "core": layout.core,
        "columns": tuple(layout.names),
        "to_note": layout.to_note,
        "shared": layout.shared,
        "note": () if layout.note is None else (layout.note,),
    }
    for word, columns in named.items():
        for column in columns:
            if comparable(column) not in known:
                rule = f"has {column}, which nothing in the mapping uses or lists in [columns]"
                problems.add(f"sheet.{word}", rule)


class _LayoutReader:
    def __init__(self, table: Mapping[str, Any], problems: Problems) -> None:
        self._table = table
        self._problems = problems

    def layout(self) -> Layout:
        for word in self._table.keys() - set(SHEET_WORDS):
            known = ", ".join(SHEET_WORDS)
            self._problems.add(f"sheet.{word}", f"is no word here; known: {known}")
        core = self._texts("core")
        layout = Layout(
            sheets=self._sheets(),
            core=core,
            names=self._names(core),
            header_rows=self._header_rows(),
            header_fill=self._flag("header_fill"),
            beside=self._flag("beside"),
            transposed=self._flag("transposed"),
            totals=self._texts("totals"),
            footer=self._texts("footer"),
            remarks=self._choice("remarks", Remarks, Remarks.REFUSE),
            note=self._text("note", None),
            to_note=self._texts("to_note"),
            shared=self._texts("shared"),
            separator=self._text("separator", Layout().separator) or "",
            formulas=self._choice("formulas", Formulas, Formulas.REFUSE),
        )
        self._check(layout)
        return layout

    def _check(self, layout: Layout) -> None:
        for word in ("totals", "footer", "remarks", "beside"):
            if word in self._table and not layout.core:
                rule = "needs `core`: the columns that a row of the table has"
                self._problems.add(f"sheet.{word}", rule)
        if (layout.remarks is Remarks.NOTE or layout.to_note) and layout.note is None:
            self._problems.add("sheet.note", "is required: the column that gets the notes")
        if layout.header_fill and layout.header_rows == 1:
            self._problems.add("sheet.header_fill", "goes with header_rows = 2 or 3")
        if layout.note is not None and layout.note in layout.to_note:
            self._problems.add("sheet.to_note", "can't be the column of notes itself")

    def _sheets(self) -> str | tuple[str, ...]:
        found = self._table.get("sheets", ONE)
        if found in (ONE, ALL):
            return str(found)
        names = word_list(found) if isinstance(found, list) else None
        if not names:
            self._problems.add("sheet.sheets", f'is "{ONE}", "{ALL}" or a list of names')
            return ONE
        return tuple(names)

    def _names(self, core: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        table = self._table.get("columns", {})
        if not isinstance(table, dict):
            self._problems.add("sheet.columns", 'is a table, like "数量" = ["总数", "合计数量"]')
            return {}
        found: dict[str, tuple[str, ...]] = {}
        taken = {comparable(column): column for column in (*core, *table)}
        for column, value in table.items():
            place = f"sheet.columns.{column}"
            names = word_list(value)
            if names is None or not all(names):
                self._problems.add(place, "is a list of other names of the column")
                continue
            for name in names:
                other = taken.setdefault(comparable(name), column)
                if other != column:
                    self._problems.add(place, f"has the name {name}, which is that of {other}")
            found[column] = tuple(names)
        return found

    def _header_rows(self) -> int:
        found = self._table.get("header_rows", 1)
        if isinstance(found, bool) or not isinstance(found, int):
            found = 0
        if not 1 <= found <= HEADER_ROWS_MAX:
            self._problems.add("sheet.header_rows", f"is 1 to {HEADER_ROWS_MAX}")
            return 1
        return found

    def _choice(self, word: str, choices: type[_Choice], default: _Choice) -> _Choice:
        found = self._table.get(word, default.value)
        try:
            return choices(found)
        except ValueError:
            self._problems.add(f"sheet.{word}", f"is one of {', '.join(choices)}")
            return default

    def _flag(self, word: str) -> bool:
        found = self._table.get(word, False)
        if not isinstance(found, bool):
            self._problems.add(f"sheet.{word}", "is true or false")
        return found is True

    def _text(self, word: str, default: str | None) -> str | None:
        found = self._table.get(word, default)
        if found is not None and (not isinstance(found, str) or not found):
            self._problems.add(f"sheet.{word}", "is a text")
            return default
        return found

    def _texts(self, word: str) -> tuple[str, ...]:
        found = word_list(self._table.get(word, []))
        if found is None or not all(map(comparable, found)):
            self._problems.add(f"sheet.{word}", "is a text or a list of texts, none of them empty")
            return ()
        return tuple(found)
