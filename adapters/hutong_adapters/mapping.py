"""What a mapping says, once it is read: where each field of a record comes from, and how.

Owns the values that `mapping_load` makes of a TOML file and that `mapping_apply` follows. The
vocabulary is closed, there is no language of expressions in it: a value has one source, goes
through steps in one fixed order, and ends in one field. The guide for authors is the README of the
adapters; it names every word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from hutong_adapters.columns import ANY, Pointer
from hutong_adapters.layout_spec import Reading
from hutong_adapters.lookups import Lookup
from hutong_adapters.mapping_dates import DateStep
from hutong_adapters.rows import Form
from hutong_protocol.schema.shapes import Shape


class Unlisted(StrEnum):
    """What to do with a text that a lookup does not have."""

    REFUSE = "refuse"
    EMPTY = "empty"
    KEEP = "keep"
    RAW_UNIT = "raw_unit"


class Personal(StrEnum):
    """What to do with a value in which the detector finds personal data. Spec: 13.4."""

    REFUSE = "refuse"
    DROP = "drop"
    CUT = "cut"
    AT_HOME = "at_home"


class Duplicates(StrEnum):
    """What to do with rows of one business key whose drafts differ."""

    REFUSE = "refuse"
    FIRST = "first"
    LAST = "last"
    NUMBER = "number"


class Parser(StrEnum):
    """Named ways to read a text beyond what its field asks for."""

    DECIMAL = "decimal"
    LINE_ID = "line_id"
    CN_QUANTITY = "cn_quantity"
    CN_PACK = "cn_pack"
    CN_GOODS = "cn_goods"


OF_VALUES: Final = (Parser.DECIMAL, Parser.LINE_ID)
"""The parsers that any value may have. The others read quantities, packs and lists of goods."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: columns of the row or of the nested row, a constant, a parameter.

    Exactly one of `columns`, `const` and `param` is set. `outer` says that the columns are those
    of the row although the field is filled once for each nested row.
    """

    columns: tuple[Pointer, ...] = ()
    outer: bool = False
    const: object = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class LookupStep:
    """A table, the column of it that gives the value, and what happens to unlisted texts."""

    table: Lookup
    value: str
    unlisted: Unlisted


@dataclass(frozen=True, slots=True)
class ValueSpec:
    """One field: a source, and the steps in the order in which they are taken.

    `shape` is that of the field, or of its elements when `many`. `other` is tried when all this
    gives nothing. `required` and `personal` of `other` count by themselves.
    """

    shape: Shape
    many: bool
    source: Source
    trim: bool = True
    missing: tuple[str, ...] = ()
    join: str | None = None
    split: tuple[str, ...] = ()
    date: DateStep | None = None
    parse: Parser | None = None
    lookup: LookupStep | None = None
    default: object = None
    other: ValueSpec | None = None
    required: bool = False
    personal: Personal = Personal.REFUSE
    nested: bool = False
    """Whether the cell may hold nested rows, which then stand as JSON: only for what stays home."""


@dataclass(frozen=True, slots=True)
class PackSpec:
    """A pack that is stated in words, and the table that turns its units into codes."""

    text: ValueSpec
    lookup: LookupStep


@dataclass(frozen=True, slots=True)
class QuantitySpec:
    """A quantity: a number with its bound and unit. Spec: 12.3.8.

    `number` is None where the quantity has none. A number listed in `unbounded` or `unknown` is
    not a number but says so; an empty cell is unknown. `least` and `most` are the ends of a range.
    Where `number` is parsed as `cn_quantity`, bound and unit come out of its cell too; `unit` then
    need not have a source. A number above `doubt_above`, in millionths, is marked.
    """

    bound: str
    number: ValueSpec | None = None
    least: ValueSpec | None = None
    most: ValueSpec | None = None
    unbounded: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unit: ValueSpec | None = None
    pack: MapSpec | PackSpec | None = None
    raw: bool = False
    doubt_above: int | None = None


@dataclass(frozen=True, slots=True)
class MapSpec:
    """A map of fields. In a list it may stand for each nested row, or only if no other stands.

    With `goods` the nested rows are the pieces of the text in the cell `each`. `words` are the
    texts of a line, which stand in the text part under the id of the line.
    """

    fields: Mapping[str, Spec]
    each: Pointer | None = None
    goods: bool = False
    only_if_none: bool = False
    words: Mapping[str, ValueSpec] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class ListSpec:
    """A list whose elements are written out; one of them may stand for many nested rows."""

    elements: tuple[Spec, ...]


Spec: TypeAlias = ValueSpec | QuantitySpec | PackSpec | MapSpec | ListSpec


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that whoever runs the import gives. `kind`: `record`, `time`, `zone` or `text`."""

    kind: str
    about: str = ""
    default: str | None = None


@dataclass(frozen=True, slots=True)
class KeySpec:
    """The columns that say which row is which. Never the number of the row."""

    columns: tuple[Pointer, ...]
    duplicates: Duplicates = Duplicates.REFUSE


@dataclass(frozen=True, slots=True)
class RowMapping:
    """A whole mapping of format version 1. `digest` changes with the file and its tables."""

    name: str
    digest: str
    about: str
    type: str
    topic: str
    space: str | None
    source: str
    platform: str | None
    screening: bool
    complete: bool
    form: Form
    key: KeySpec
    facts: MapSpec
    text: MapSpec
    sensitive: Mapping[str, ValueSpec]
    ignored: tuple[Pointer, ...]
    dropped: tuple[Pointer, ...]
    optional: tuple[Pointer, ...]
    parameters: Mapping[str, Parameter]
    lookups: Mapping[str, Lookup] = field(default_factory=lambda: MappingProxyType({}))
    """The tables that have a name in the mapping."""

    @property
    def version_text(self) -> str:
        """The mapping and its version, for people who ask later what a record came from."""
        return f"{self.name} {self.digest[:12]}"

    def used_columns(self) -> list[Pointer]:
        """Every column that a field, the key or the list of what stays at home reads."""
        found = list(self.key.columns)
        parts: list[Spec] = [self.facts, self.text, *self.sensitive.values()]
        for part in parts:
            found += columns_read(part)
        return list(dict.fromkeys(found))

    def mentions(self) -> list[Pointer]:
        """Every column that is used, or left out on purpose. To be optional is neither."""
        return [*self.used_columns(), *self.ignored, *self.dropped]

    def reading(self) -> Reading:
        """What the layout of a sheet must know of this mapping: names of columns."""
        amounts = [*amounts_read(self.facts), *amounts_read(self.text)]
        return Reading(
            mentioned=tuple(dict.fromkeys(column[0] for column in self.mentions())),
            read=frozenset(column[0] for column in self.used_columns()),
            amounts=frozenset(column[0] for column in amounts),
        )


PIECE: Final[Pointer] = ("", ANY)
"""Stands for the pieces of a text, whose columns are in no file."""


def columns_read(spec: Spec, inside: Pointer = ()) -> Iterator[Pointer]:
    """The columns that a part of a mapping reads, from the outermost row on."""
    if isinstance(spec, ValueSpec):
        for column in spec.source.columns:
            if spec.source.outer:
                yield column
            elif inside != PIECE:
                yield (*inside, *column)
        if spec.other is not None:
            yield from columns_read(spec.other, inside)
    elif isinstance(spec, QuantitySpec):
        parts: list[Spec | None] = [spec.number, spec.least, spec.most, spec.unit, spec.pack]
        for part in parts:
            if part is not None:
                yield from columns_read(part, inside)
    elif isinstance(spec, PackSpec):
        yield from columns_read(spec.text, inside)
    elif isinstance(spec, ListSpec):
        for element in spec.elements:
            yield from columns_read(element, inside)
    else:
        if spec.each is not None and spec.goods:
            yield spec.each
            inside = PIECE
        elif spec.each is not None:
            inside = (*inside, *spec.each, ANY)
        for field_spec in (*spec.fields.values(), *spec.words.values()):
            yield from columns_read(field_spec, inside)


def amounts_read(spec: Spec) -> Iterator[Pointer]:
    """The columns whose cells hold amounts: one that is merged over rows is shared by them."""
    if isinstance(spec, QuantitySpec):
        for part in (spec.number, spec.least, spec.most):
            if part is not None:
                yield from columns_read(part)
    elif isinstance(spec, ListSpec):
        for element in spec.elements:
            yield from amounts_read(element)
    elif isinstance(spec, MapSpec):
        if spec.each is not None and spec.goods:
            yield spec.each
            return
        for field_spec in spec.fields.values():
            yield from amounts_read(field_spec)
