"""Takes the steps of one value: from the cells of a row to what stands in the record.

Owns the order of the steps, which is always the same: read, `trim`, `missing`, `join`, `split`,
`date`, `parse`, `lookup`, the form that the field asks for, `default`, `else`, `required`,
`personal`. Numbers are read by one explicit parser; nothing here calls `int` or `float` on a cell
(Threat 42). What can't be used is refused with its cell, and never quoted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hutong_adapters.columns import Pointer, cell_at, column_text
from hutong_adapters.goods_text import Piece
from hutong_adapters.interface import Cell
from hutong_adapters.mapping import LookupStep, Parser, Personal, Unlisted, ValueSpec
from hutong_adapters.mapping_dates import DateRefused
from hutong_adapters.plain_text import comparable, trimmed
from hutong_protocol.instants import instant_ms
from hutong_protocol.personal_data import findings
from hutong_protocol.quantity import number_from_text
from hutong_protocol.schema.shapes import COUNT_BANDS, KEY, Bool, Count, Decimal, Int, Shape, Time
from hutong_protocol.units import raw_unit

_WHOLE: Final = re.compile("[0-9]{1,16}")
_LINE_ID_CHARACTERS: Final = 16
YEAR_GUESSED: Final = ("year-guessed", "has no year; the nearest day of this name was taken")


class CellRefused(Exception):
    """A cell can't be used; `rule` does not quote it."""

    def __init__(self, cell: str, rule: str, way_out: str = "") -> None:
        super().__init__(rule)
        self.cell = cell
        self.rule = rule
        self.way_out = way_out


@dataclass(frozen=True, slots=True)
class Scope:
    """Where columns are looked up: the row, or one of its nested rows, and the row around it.

    `addresses` are those of the row's cells in their sheet. `piece` is set where a nested row is a
    piece of a text; `label` then names it.
    """

    cells: Mapping[str, Cell]
    place: Pointer = ()
    around: Scope | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    piece: Piece | None = None
    label: str = ""

    def for_spec(self, spec: ValueSpec) -> Scope:
        """The scope that the columns of a value belong to."""
        return self.around if spec.source.outer and self.around is not None else self

    def name(self, column: Pointer) -> str:
        """How a cell of this scope is named to people: `数量 (D92)`, where it has an address."""
        if self.piece is not None:
            return f"{self.label}, {column_text(column)}"
        name = column_text((*self.place, *column))
        address = "" if self.place else self.addresses.get(column[0], "")
        return f"{name} ({address})" if address else name


@dataclass(frozen=True, slots=True)
class PersonalNote:
    """Personal data that was noticed and dealt with as the mapping says."""

    cell: str
    kind: str
    action: str


@dataclass(slots=True)
class Taken:
    """What came of a value. `filled`: something of the row went in.

    `held_back` is the text that must stay at home instead. `marks` are what a person has to look
    at, as a word for programs and in words.
    """

    value: object = None
    cells: tuple[str, ...] = ()
    steps: list[str] = field(default_factory=list)
    filled: bool = False
    personal: list[PersonalNote] = field(default_factory=list)
    held_back: str | None = None
    marks: list[tuple[str, str]] = field(default_factory=list)


def take(spec: ValueSpec, scope: Scope, parameters: Mapping[str, str]) -> Taken:
    """What a value comes to in a scope.

    Raises:
        CellRefused: a cell has what the field can't hold, or is empty and required.
    """
    if spec.source.param is not None:
        return Taken(parameters[spec.source.param], steps=[f"parameter {spec.source.param}"])
    if not spec.source.columns:
        return Taken(spec.source.const, steps=["constant"])
    taken = _from_cells(spec, scope, parameters)
    if taken.value is None and spec.default is not None:
        taken.value = spec.default
        taken.steps.append("empty: default")
    if taken.value is None and spec.other is not None:
        taken = _otherwise(taken, take(spec.other, scope, parameters))
    if taken.value is None and spec.required:
        raise CellRefused(", ".join(taken.cells), "is empty and required", "fill it in")
    if spec.personal is not Personal.REFUSE:
        _hold_back(spec.personal, taken)
    return taken


def _otherwise(empty: Taken, other: Taken) -> Taken:
    """What `else` gave, with the cells and steps that gave nothing before it."""
    return replace(
        other,
        cells=tuple(dict.fromkeys((*empty.cells, *other.cells))),
        steps=[*empty.steps, "empty: else", *other.steps],
        filled=other.filled or other.value is not None,
        marks=[*empty.marks, *other.marks],
    )


def cell_texts(spec: ValueSpec, scope: Scope) -> list[str]:
    """The texts that the columns of a value hold, after `trim` and `missing`.

    One for each column, empty where it has none; of a list, those of its elements.

    Raises:
        CellRefused: an object or a list where a text belongs.
    """
    inside = scope.for_spec(spec)
    found: list[str] = []
    for column in spec.source.columns:
        name = inside.name(column)
        try:
            cell = cell_at(inside.cells, column)
        except LookupError:
            raise CellRefused(name, "is no object that could hold this column") from None
        texts = [trimmed(text) if spec.trim else text for text in _texts(cell, spec, name)]
        texts = ["" if text in spec.missing else text for text in texts]
        found += texts or [""]
    return found


def _texts(cell: Cell, spec: ValueSpec, name: str) -> list[str]:
    if cell is None:
        return []
    if isinstance(cell, bool):
        return ["true" if cell else "false"]
    if isinstance(cell, str):
        return [str(cell)]
    if spec.nested:
        return [json.dumps(cell, ensure_ascii=False)] if cell else []
    if isinstance(cell, list) and spec.many:
        return [text for element in cell for text in _texts(element, spec, name)]
    what = "a list" if isinstance(cell, list) else "an object"
    raise CellRefused(name, f"holds {what}, and one text belongs here", "name what is inside of it")


def _from_cells(spec: ValueSpec, scope: Scope, parameters: Mapping[str, str]) -> Taken:
    inside = scope.for_spec(spec)
    cells = tuple(inside.name(column) for column in spec.source.columns)
    taken = Taken(cells=cells)
    texts = cell_texts(spec, scope)
    if not any(texts):
        taken.steps.append("empty")
        return taken
    taken.filled = True
    where = ", ".join(cells)
    if spec.join is not None:
        texts = [spec.join.join(text for text in texts if text)]
        taken.steps.append("joined")
    if _says_nothing(spec, texts):
        taken.filled = False
        taken.steps.append("stands there without a value")
        return taken
    values: list[object] = []
    if spec.join is None and spec.lookup is not None and len(spec.source.columns) > 1:
        values = [looked_up(spec.lookup, texts, where, taken.steps)]
    else:
        if spec.split:
            texts = _split(spec, texts)
            taken.steps.append(f"split into {len(texts)}")
        values = [_read(spec, text, where, taken, parameters) for text in texts if text]
    fitted = [
        fit(spec.shape, value, where, taken.steps) if isinstance(value, str) else value
        for value in values
        if value is not None
    ]
    if spec.many:
        taken.value = fitted or None
    elif fitted:
        taken.value = fitted[0]
    return taken


def _says_nothing(spec: ValueSpec, texts: Sequence[str]) -> bool:
    """Whether a table has a text with an empty value, and the mapping says that this is none."""
    step = spec.lookup
    return (
        step is not None
        and step.unlisted is Unlisted.EMPTY
        and spec.date is None
        and spec.parse is None
        and not spec.split
        and step.table.has_blank(texts, step.value)
    )


def _split(spec: ValueSpec, texts: Sequence[str]) -> list[str]:
    between = "|".join(re.escape(text) for text in spec.split)
    pieces = [piece for text in texts for piece in re.split(between, text)]
    return [trimmed(piece) if spec.trim else piece for piece in pieces]


def _read(
    spec: ValueSpec, text: str, where: str, taken: Taken, parameters: Mapping[str, str]
) -> str | None:
    """One text through `date`, `parse` and `lookup`."""
    steps = taken.steps
    if spec.date is not None:
        try:
            reading = spec.date.read(text, parameters)
        except DateRefused as refused:
            raise CellRefused(where, str(refused), "correct the cell or the format") from None
        text = reading.text
        steps.append(f"date in {spec.date.zone_in(parameters)}")
        if reading.year_guessed:
            steps.append("year guessed")
            taken.marks.append(YEAR_GUESSED)
    if spec.parse is Parser.DECIMAL:
        text = _number(text, where)
        steps.append("number")
    elif spec.parse is Parser.LINE_ID:
        text = line_id(text)
        steps.append("made a line id")
    if spec.lookup is not None:
        return looked_up(spec.lookup, [text], where, steps)
    return text


def looked_up(lookup: LookupStep, texts: Sequence[str], where: str, steps: list[str]) -> str | None:
    """What a table has for some texts, or what the mapping says about texts that it has not.

    Raises:
        CellRefused: the table does not have them, and nothing is said about that.
    """
    found = lookup.table.get(texts, lookup.value)
    if found is not None:
        steps.append(f"looked up {lookup.value} in {lookup.table.name}")
        return found
    if lookup.unlisted is Unlisted.REFUSE:
        about = f" ({lookup.table.about})" if lookup.table.about else ""
        raise CellRefused(
            where,
            f"is not in {lookup.table.name}{about}",
            "add it to the table, or say with `unlisted` what to do",
        )
    steps.append(f"not in {lookup.table.name}: {lookup.unlisted.value}")
    text = " ".join(text for text in texts if text)
    if lookup.unlisted is Unlisted.KEEP:
        return text
    return raw_unit(text) if lookup.unlisted is Unlisted.RAW_UNIT else None


def fit(shape: Shape, text: str, where: str, steps: list[str]) -> object:
    """A text in the form that a field asks for.

    Raises:
        CellRefused: it does not have it. Forms that the schema judges by itself are left to it.
    """
    if isinstance(shape, Decimal):
        number = _number(text, where)
        steps.append(f"number {number}")
        return number
    if isinstance(shape, Int) or (isinstance(shape, Count) and text not in COUNT_BANDS):
        whole = text.replace(",", "") if number_from_text(text) else text
        if _WHOLE.fullmatch(whole) is None:
            raise CellRefused(where, "is no whole number in plain digits", "for example 37")
        steps.append("whole number")
        return int(whole)
    if isinstance(shape, Bool):
        if text not in ("true", "false"):
            raise CellRefused(where, "is not true or false", "translate it with `lookup`")
        return text == "true"
    if isinstance(shape, Time) and instant_ms(text) is None:
        raise CellRefused(where, "is no time with its offset", "say with `date` how it is written")
    return text


def _number(text: str, where: str) -> str:
    number = number_from_text(text)
    if number is None:
        way_out = "for example 2500.5; words go into `unbounded` or `unknown` of the quantity"
        raise CellRefused(where, "is no number in plain digits", way_out)
    return number


def line_id(text: str) -> str:
    """An id for a line that has only words: the same for texts that look the same."""
    plain = comparable(text)
    if KEY.fullmatch(plain):
        return plain
    hashed = hashlib.sha256(b"hutong/line-id\0" + plain.encode("utf-8")).digest()
    return "x-" + base64.b32encode(hashed).decode("ascii").lower()[:_LINE_ID_CHARACTERS]


def _hold_back(policy: Personal, taken: Taken) -> None:
    """Does with personal data what the mapping says. Only text from the row is looked at."""
    many = taken.value if isinstance(taken.value, list) else None
    texts = [taken.value] if many is None else many
    kept: list[object] = []
    for text in texts:
        found = findings(text) if isinstance(text, str) and taken.filled else []
        if not found:
            kept.append(text)
            continue
        assert isinstance(text, str)
        where = ", ".join(taken.cells)
        action = policy.value
        if policy is Personal.CUT:
            cut = _cut(text)
            kept += [] if cut is None else [cut]
            action = action if cut is not None else Personal.DROP.value
        elif policy is Personal.AT_HOME:
            taken.held_back = text if taken.held_back is None else f"{taken.held_back}\n{text}"
        taken.personal += [PersonalNote(where, each.kind.value, action) for each in found]
        taken.steps.append(f"personal data: {action}")
    if many is None:
        taken.value = kept[0] if kept else None
    else:
        taken.value = kept or None


def _cut(text: str) -> str | None:
    """A text without what the detector finds in it; None if nothing that may stay is left."""
    while True:
        found = findings(text)
        if not found:
            return trimmed(text) or None
        first = min(found, key=lambda finding: (finding.start, -finding.end))
        text = text[: first.start] + text[first.end :]
