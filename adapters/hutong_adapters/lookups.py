"""Tables that turn what a sheet says into codes: a CSV file beside the mapping, or written in it.

Owns reading and asking them. A key is compared as people read it (`plain_text.comparable`), and no
two keys of a table may look the same: a table that answers one question twice is refused. Values
are taken as they stand. Files are named without folders or with folders below the mapping, never
with a way out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TypeAlias

from hutong_adapters.interface import FileRefused
from hutong_adapters.plain_text import comparable, trimmed
from hutong_adapters.rows import Form, read_sheet

Key: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A table: for each key the values by column. All keys have the same number of columns.

    `about` says to people what it is a table of, `written` how its keys are written there.
    """

    name: str
    key_columns: int
    values: Mapping[Key, Mapping[str, str]]
    value_columns: tuple[str, ...]
    about: str = ""
    written: Mapping[Key, Key] = field(default_factory=lambda: MappingProxyType({}))

    def unfilled(self) -> list[str]:
        """The keys without any value, as they are written: somebody still has to fill them in."""
        empty = [key for key, values in self.values.items() if not any(values.values())]
        return [" | ".join(self.written.get(key, key)) for key in empty]

    def has_blank(self, texts: Sequence[str], column: str) -> bool:
        """Whether a key stands there without a value: somebody said that there is none."""
        found = self.values.get(tuple(map(comparable, texts)))
        return found is not None and not found[column]

    def get(self, texts: Sequence[str], column: str) -> str | None:
        """The value of a column for a key; None where the table has none, or an empty one."""
        found = self.values.get(tuple(map(comparable, texts)))
        return None if found is None else found[column] or None


class LookupRefused(ValueError):
    """A table can't be used; the message says why, without the name of the table."""


def inline_lookup(name: str, pairs: Mapping[str, str]) -> Lookup:
    """A table of one key column and one value column, called `value`.

    Raises:
        LookupRefused: two keys that look the same.
    """
    rows = [((text,), {"value": value}) for text, value in pairs.items()]
    return Lookup(name, 1, _keyed(rows), ("value",), written=_written(rows))


def file_lookup(name: str, folder: Path, file: str, key_columns: Sequence[str]) -> Lookup:
    """The table in a CSV file; all columns but those of the key give values.

    Raises:
        LookupRefused: no such file in the folder, not CSV, no such columns, two equal keys.
    """
    place = PurePosixPath(file)
    if place.is_absolute() or ".." in place.parts or "\\" in file or place.suffix != ".csv":
        raise LookupRefused("is a CSV file in the folder of the mapping, named without its folder")
    try:
        sheet = read_sheet(folder / place, Form("csv"))
    except FileRefused as refused:
        raise LookupRefused(str(refused)) from None
    if sheet.refused:
        raise LookupRefused(str(sheet.refused[0]))
    names = [column[0] for column in sheet.columns]
    unknown = [column for column in key_columns if column not in names]
    if unknown or not key_columns:
        raise LookupRefused(f"has no column {', '.join(unknown)}; there are {', '.join(names)}")
    values = tuple(column for column in names if column not in key_columns)
    if not values:
        raise LookupRefused("has no column beside those of the key")
    rows = []
    for row in sheet.rows:
        texts = {column: trimmed(str(cell)) for column, cell in row.cells.items()}
        key = tuple(texts[column] for column in key_columns)
        rows.append((key, {column: texts[column] for column in values}))
    return Lookup(name, len(key_columns), _keyed(rows), values, written=_written(rows))


def _keyed(
    rows: Sequence[tuple[Key, Mapping[str, str]]],
) -> Mapping[Key, Mapping[str, str]]:
    found: dict[Key, Mapping[str, str]] = {}
    for key, values in rows:
        compared = tuple(map(comparable, key))
        if compared in found:
            raise LookupRefused(f"has the key {' | '.join(key)} twice")
        found[compared] = values
    return found


def _written(rows: Sequence[tuple[Key, Mapping[str, str]]]) -> Mapping[Key, Key]:
    return {tuple(map(comparable, key)): key for key, _ in rows}
