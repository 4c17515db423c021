"""The values that pass between reading, mapping and sending rows, and what can go wrong.

Owns the words that all adapters share: a row as it was read, a draft made of it, a refusal that a
person can act on. Cells are what a file says and nothing more: a number of a JSON file stays the
characters that were written (`Number`), so that nobody takes `1.0` for an integer or rounds a long
number, and a cell of a CSV file is always text.

Errors are told apart by their consequence: a mapping or a file that can't be used stops everything
before the first row is sent; a row that can't be used is a `Refusal` and the others go on; a node
that can't be reached may be tried again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    # For annotations only: the schema would make up a fifth of the time that `hutong --help` takes.
    from hutong_protocol.schema.jsonform import Json


class Number(str):
    """The characters of a JSON number, as written."""

    __slots__ = ()


Cell: TypeAlias = "None | bool | str | Number | list[Cell] | dict[str, Cell]"
"""What a file has in one place. CSV has only str."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file. `number` is what people find it by: in CSV as a sheet counts, with the
    header as row 1; in JSON the element, from 1; in JSON lines the line.

    `file` names the table: the file and, where several tables of it are read, the sheet in
    brackets, `needs.xlsx [物资]`. `addresses` are the places of cells in their sheet, by column:
    `D92`.
    """

    file: str
    number: int
    cells: Mapping[str, Cell]
    addresses: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def label(self) -> str:
        """How the row is named to people: file and number."""
        return f"{self.file} row {self.number}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row can't be used, where, and what to do about it. Never quotes the cell.

    `cell` is the name of the column, or a pointer into a nested row, with its address where the
    file has them: `数量 (D92)`; empty for the whole row.
    `field` is the field of the record that it was for, like `facts.lines[0].quantity`.
    """

    file: str
    row: int
    cell: str
    rule: str
    way_out: str = ""
    field: str = ""

    def __str__(self) -> str:
        place = f"{self.file} row {self.row}" + (f", {self.cell}" if self.cell else "")
        target = f" [{self.field}]" if self.field else ""
        return f"{place}: {self.rule}{target}" + (f" ({self.way_out})" if self.way_out else "")


@dataclass(frozen=True, slots=True)
class Mark:
    """Something in a row at which a person must look before it is signed. Never quotes the cell.

    `cell` names it as refusals do, `field` is the field of the record, like
    `facts.lines[0].quantity`. `what` is a word for programs: `quantity-not-understood`,
    `two-amounts`, `year-guessed`, `pii:cn_mobile`; `words` say the same to people.
    """

    cell: str
    field: str
    what: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A row as it would be published.

    Facts and text are in their JSON form. `key` is the business key: opaque, equal for the same
    row of the next file whatever its place. `sensitive` stays at home and is never signed. A draft
    with `marks` waits for a person, whatever the mapping says about screening. `thing` is the
    record that the row names itself, `seen` the version of it that the row shows.
    """

    key: str
    type: str
    space: str
    topic: str
    facts: Mapping[str, Json]
    text: Mapping[str, Json]
    row_label: str
    sensitive: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    marks: tuple[Mark, ...] = ()
    thing: str | None = None
    seen: str | None = None


class MappingRefused(Exception):
    """A mapping can't be used; `problems` are all that were found, each with its place."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class FileRefused(Exception):
    """A file can't be read to its end, so nothing of it is used. Never quotes a cell.

    `name` is the reason in a word for programs, like `zip-bomb`, where it has one; `sheet` and
    `cell` say where, as far as there is a place.
    """

    def __init__(
        self,
        file: str,
        rule: str,
        way_out: str = "",
        *,
        name: str = "",
        sheet: str = "",
        cell: str = "",
    ) -> None:
        place = file + (f", sheet {sheet}" if sheet else "") + (f", {cell}" if cell else "")
        named = f" [{name}]" if name else ""
        super().__init__(f"{place}: {rule}{named}" + (f" ({way_out})" if way_out else ""))
        self.file = file
        self.rule = rule
        self.way_out = way_out
        self.name = name
        self.sheet = sheet
        self.cell = cell


class NodeRefused(Exception):
    """The node answered that it won't do this; trying again unchanged is of no use.

    `code` is the name of the reason in the node's interface, empty where it gave none.
    """

    def __init__(self, words: str, code: str = "") -> None:
        super().__init__(words)
        self.code = code


class NodeUnavailable(Exception):
    """The node couldn't be reached, or didn't answer in time; trying again may help."""
