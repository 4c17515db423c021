"""What a mapping says about the layout of a sheet: the words of `[sheet]`, once they are read.

Owns values only. `layout_load` makes them of a mapping, `layout` follows them; the guide for
authors is the README of the adapters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Remarks(StrEnum):
    """What to do with rows that have something, but in none of the core columns."""

    REFUSE = "refuse"
    NOTE = "note"
    SKIP = "skip"


class Formulas(StrEnum):
    """What to do with cells whose value was computed."""

    REFUSE = "refuse"
    VALUES = "values"


@dataclass(frozen=True, slots=True)
class Layout:
    """What `[sheet]` of a mapping says.

    `sheets`: `one`, `all`, or names. `names` are the other names of columns, by column. Without
    `core` the first row with content is the only header, and every row with content is a row.
    """

    sheets: str | tuple[str, ...] = "one"
    core: tuple[str, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    header_rows: int = 1
    header_fill: bool = False
    beside: bool = False
    transposed: bool = False
    totals: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    remarks: Remarks = Remarks.REFUSE
    note: str | None = None
    to_note: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    separator: str = "；"
    formulas: Formulas = Formulas.REFUSE


@dataclass(frozen=True, slots=True)
class Reading:
    """What the rest of a mapping makes of columns, by their names.

    `mentioned` are all that it names at all, `read` those whose content it uses, `amounts` those
    that hold quantities.
    """

    mentioned: tuple[str, ...] = ()
    read: frozenset[str] = frozenset()
    amounts: frozenset[str] = frozenset()
