"""Names of columns: how a mapping points into a row, and which columns a file has.

Owns the two forms of a name: the plain name of a column or top-level key, taken as it is, and a
JSON pointer (RFC 6901), which starts with a slash and leads into nested objects: `/contact/tel`.
In the inventory of a file the elements of nested lists are written `*`: `/supplies/*/value`.

The inventory serves one rule: a column that a mapping does not mention stops the import, so that
nothing is lost without somebody having said so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from hutong_adapters.interface import Cell, Row
from hutong_protocol.personal_data import findings

Pointer: TypeAlias = tuple[str, ...]
"""The keys that lead to a cell, from the outside in."""

ANY: Final = "*"
"""Stands for every element of a nested list."""


def parse_column(name: str) -> Pointer:
    """The keys that a name in a mapping leads through; empty for a name that leads nowhere."""
    if not name.startswith("/"):
        return (name,) if name else ()
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in name[1:].split("/"))


def column_text(pointer: Sequence[str]) -> str:
    """The name of a column as a mapping writes it; `parse_column` gives the pointer back."""
    if len(pointer) == 1 and pointer[0] and not pointer[0].startswith("/"):
        return pointer[0]
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in pointer)


def shown_column(name: str) -> str:
    """The name of a column as messages quote it: what stands there may be a row, and no header."""
    kinds = dict.fromkeys(found.kind.value for found in findings(name))
    return f"(hidden: {', '.join(kinds)})" if kinds else name


def cell_at(cells: Mapping[str, Cell], pointer: Pointer) -> Cell:
    """The cell that a pointer leads to; None where there is none.

    Raises:
        LookupError: something stands on the way that is no object, and would be lost.
    """
    found: Cell = dict(cells)
    for key in pointer:
        if found is None:
            return None
        if not isinstance(found, dict):
            raise LookupError("is no object")
        found = found.get(key)
    return found


def columns_of(rows: Iterable[Row]) -> list[Pointer]:
    """Every column that occurs in the rows, nested ones included, in order of appearance."""
    seen: dict[Pointer, None] = {}
    for row in rows:
        for name, cell in row.cells.items():
            seen.update(dict.fromkeys(_inside((name,), cell)))
    return list(seen)


def unmentioned(columns: Iterable[Pointer], mentions: Iterable[Pointer]) -> list[Pointer]:
    """The columns that no mention covers. A mention covers what it names and all inside.

    A column that only leads to something mentioned (an empty list of nested rows) is covered too:
    there is nothing in it that could be lost.
    """
    known = list(mentions)
    return [
        column
        for column in columns
        if not any(
            mention == column[: len(mention)] or column == mention[: len(column)]
            for mention in known
        )
    ]


def absent(columns: Iterable[Pointer], wanted: Iterable[Pointer]) -> list[Pointer]:
    """The top-level columns among the wanted ones that no row has.

    Only they are asked for: objects inside a row leave out what is empty.
    """
    there = {column[:1] for column in columns}
    return list(dict.fromkeys(want[:1] for want in wanted if want[:1] not in there))


def _inside(pointer: Pointer, cell: Cell) -> Iterator[Pointer]:
    if isinstance(cell, dict) and cell:
        for key, inner in cell.items():
            yield from _inside((*pointer, key), inner)
    elif isinstance(cell, list) and any(isinstance(element, dict | list) for element in cell):
        for element in cell:
            yield from _inside((*pointer, ANY), element)
    else:
        yield pointer
