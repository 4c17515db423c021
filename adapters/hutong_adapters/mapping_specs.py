"""Reads the tables `[facts]` and `[text]` of a mapping against the shapes of a record type.

Owns the way from nested tables to `MapSpec`, `ListSpec` and `QuantitySpec`. At every step the shape
of the record type says what a table is: a map of fields, a quantity, or a value with a source. So a
mapping can name every field there is, now and after a field is added, and no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hutong_adapters.columns import Pointer, column_text, parse_column
from hutong_adapters.goods_text import PIECE_COLUMNS
from hutong_adapters.grid import CELL_CHARACTERS_MAX
from hutong_adapters.mapping import (
    OF_VALUES,
    ListSpec,
    MapSpec,
    PackSpec,
    Parser,
    QuantitySpec,
    Spec,
    ValueSpec,
)
from hutong_adapters.mapping_values import (
    SOURCES,
    VALUE_WORDS,
    Problems,
    ValueReader,
    word_list,
)
from hutong_protocol.quantity import decimal_millionths
from hutong_protocol.schema.compound import LOCAL_PARTY, QUANTITY_FIELDS, Party, Quantity
from hutong_protocol.schema.jsonform import structure
from hutong_protocol.schema.problems import Report
from hutong_protocol.schema.record_types import RECORD_TYPES
from hutong_protocol.schema.shapes import (
    COUNT_BANDS,
    Decimal,
    Enum,
    ListOf,
    MapBy,
    MapOf,
    Shape,
    Words,
)

LINES: Final = "facts.lines"
"""Where lines stand, whose words stand in the text part."""

_ELEMENT_WORDS: Final = frozenset({"each", "only_if_none", "words"})
_QUANTITY_WORDS: Final = frozenset(
    {"bound", "min", "max", "unbounded", "unknown", "unit", "pack", "raw", "doubt_above"}
)
_NOT_OF_NUMBERS: Final = frozenset({"join", "split", "date", "personal", "else"})
_NOT_IN_WORDS: Final = ("bound", "min", "max", "lookup", "value", "unlisted")
"""Words of a quantity that its cell says itself, with `cn_quantity`."""
_OF_PACKS: Final = frozenset(
    {"from", "from_row", "trim", "missing", "parse", "lookup", "value", "unlisted"}
)
_OF_UNITS_IN_WORDS: Final = frozenset(
    {"from", "from_row", "trim", "missing", "lookup", "value", "unlisted", "default"}
)
_BANDS: Final = Enum(tuple(sorted(COUNT_BANDS)))
_PACK_TEXT: Final = Words(CELL_CHARACTERS_MAX)


def line_words() -> Mapping[str, Shape]:
    """The texts that a line may have, by name."""
    lines = RECORD_TYPES["need/1"].text.fields["lines"].shape
    assert isinstance(lines, MapBy)
    assert isinstance(lines.values, MapOf)
    return {name: field.shape for name, field in lines.values.fields.items()}


class SpecReader:
    """Reads parts of one mapping."""

    def __init__(self, problems: Problems, values: ValueReader) -> None:
        self._problems = problems
        self._values = values

    def record(self, shape: Shape, table: Mapping[str, Any], place: str) -> MapSpec:
        """A whole part of a record: its fields as the mapping states them."""
        inner = structure(shape)
        assert isinstance(inner, MapOf)
        return self._map(inner, table, place, in_each=False)

    def _spec(self, shape: Shape, value: object, place: str, *, in_each: bool) -> Spec | None:
        if place == "text.lines":
            self._problems.add(place, "the words of a line stand in `words` of [[facts.lines]]")
            return None
        if isinstance(shape, Quantity):
            return self._quantity(shape, value, place, in_each=in_each)
        if isinstance(shape, Party):
            if isinstance(value, dict) and value.keys() <= LOCAL_PARTY.fields.keys():
                return self._map(LOCAL_PARTY, value, place, in_each=in_each)
            return self._values.value(shape, value, place, in_each=in_each)
        inner = structure(shape)
        if isinstance(inner, ListOf):
            return self._list(inner, value, place, in_each=in_each)
        if not isinstance(inner, MapOf | MapBy):
            return self._values.value(shape, value, place, in_each=in_each)
        if not isinstance(value, dict):
            self._problems.add(place, "is a table of fields")
            return None
        if isinstance(inner, MapBy):
            return self._map_by(inner, value, place, in_each=in_each)
        return self._map(inner, value, place, in_each=in_each)

    def _map(self, shape: MapOf, table: Mapping[str, Any], place: str, *, in_each: bool) -> MapSpec:
        fields: dict[str, Spec] = {}
        for name, value in table.items():
            known = shape.fields.get(name)
            if known is None:
                names = ", ".join(shape.fields)
                self._problems.add(f"{place}.{name}", f"is no field here; known: {names}")
                continue
            spec = self._spec(known.shape, value, f"{place}.{name}", in_each=in_each)
            if spec is not None:
                fields[name] = spec
        for name, known in shape.fields.items():
            if known.required and name not in table:
                self._problems.add(f"{place}.{name}", "is required")
        return MapSpec(fields)

    def _map_by(
        self, shape: MapBy, table: Mapping[str, Any], place: str, *, in_each: bool
    ) -> MapSpec:
        fields: dict[str, Spec] = {}
        for name, value in table.items():
            report = Report(authoring=True)
            shape.keys.check(name, report)
            for problem in report.problems:
                self._problems.add(f"{place}.{name}", f"the name {problem.rule}")
            spec = self._spec(shape.values, value, f"{place}.{name}", in_each=in_each)
            if spec is not None:
                fields[name] = spec
        return MapSpec(fields)

    def _list(
        self, shape: ListOf, value: object, place: str, *, in_each: bool
    ) -> ListSpec | ValueSpec | None:
        inner = structure(shape.shape)
        if isinstance(value, list):
            elements = [
                self._element(shape.shape, element, f"{place}[{number}]", in_each=in_each)
                for number, element in enumerate(value)
            ]
            return ListSpec(tuple(element for element in elements if element is not None))
        if isinstance(inner, MapOf):
            self._problems.add(place, f"is a list: write [[{place}]], or [{{ ... }}]")
            return None
        return self._values.value(shape.shape, value, place, many=True, in_each=in_each)

    def _element(self, shape: Shape, value: object, place: str, *, in_each: bool) -> Spec | None:
        inner = structure(shape)
        if not isinstance(inner, MapOf) or not isinstance(value, dict):
            return self._spec(shape, value, place, in_each=in_each)
        each, goods = self._each(value, place, in_each=in_each)
        fields = {name: part for name, part in value.items() if name not in _ELEMENT_WORDS}
        inside = in_each or each is not None
        spec = self._map(inner, fields, place, in_each=inside)
        only_if_none = value.get("only_if_none", False)
        if not isinstance(only_if_none, bool):
            self._problems.add(f"{place}.only_if_none", "is true or false")
        words = self._words(value.get("words", {}), place, in_each=inside)
        element = MapSpec(spec.fields, each, goods, only_if_none is True, words)
        if goods:
            self._check_pieces(element, place)
        return element

    def _check_pieces(self, element: MapSpec, place: str) -> None:
        """Inside of a list of goods, columns are those of its pieces."""
        known = ", ".join(PIECE_COLUMNS)
        for value in _values_in(element):
            for column in () if value.source.outer else value.source.columns:
                if column_text(column) not in PIECE_COLUMNS:
                    rule = f"{column_text(column)} is no part of a piece; there are {known}"
                    self._problems.add(place, f"{rule}; a column of the row is `from_row`")

    def _each(
        self, table: Mapping[str, Any], place: str, *, in_each: bool
    ) -> tuple[Pointer | None, bool]:
        """The column of the nested rows, and whether they stand in it as a text."""
        named = table.get("each")
        goods = isinstance(named, dict)
        if isinstance(named, dict):
            if named.keys() != {"from", "parse"} or named["parse"] != Parser.CN_GOODS:
                rule = 'is a column, or { from = "column", parse = "cn_goods" }'
                self._problems.add(f"{place}.each", rule)
                return None, False
            named = named["from"]
        if named is None:
            return None, False
        pointer = parse_column(named) if isinstance(named, str) else ()
        if not pointer or in_each:
            rule = "is the column that holds the nested rows; it does not stand inside another"
            self._problems.add(f"{place}.each", rule)
            return None, False
        return pointer, goods

    def _words(self, table: object, place: str, *, in_each: bool) -> dict[str, ValueSpec]:
        shapes = line_words()
        found: dict[str, ValueSpec] = {}
        if not isinstance(table, dict) or (table and not place.startswith(f"{LINES}[")):
            self._problems.add(f"{place}.words", "is a table of texts, in [[facts.lines]] only")
            return found
        for name, value in table.items():
            if name not in shapes:
                known = ", ".join(shapes)
                self._problems.add(f"{place}.words.{name}", f"is no text of a line; known: {known}")
                continue
            spec = self._values.value(shapes[name], value, f"{place}.words.{name}", in_each=in_each)
            if spec is not None:
                found[name] = spec
        return found

    def _quantity(
        self, shape: Quantity, table: object, place: str, *, in_each: bool
    ) -> QuantitySpec | None:
        if not isinstance(table, dict):
            self._problems.add(place, 'is a table, like { from = "number", unit = { ... } }')
            return None
        allowed = (VALUE_WORDS - _NOT_OF_NUMBERS) | _QUANTITY_WORDS
        for word in table.keys() - allowed:
            known = ", ".join(sorted(allowed))
            self._problems.add(f"{place}.{word}", f"is no word for a quantity; known: {known}")
        bound = self._bound(shape, table, place)
        number = self._number(table, place, bound, in_each=in_each)
        ends = {
            name: self._values.value(Decimal(), table[name], f"{place}.{name}", in_each=in_each)
            for name in ("min", "max")
            if name in table
        }
        self._check_numbers(bound, number is not None, set(ends), table, place)
        parts = QUANTITY_FIELDS.fields
        in_words = number is not None and number.parse is Parser.CN_QUANTITY
        if in_words:
            for word in table.keys() & set(_NOT_IN_WORDS):
                self._problems.add(f"{place}.{word}", "does not go with cn_quantity")
        unit = None
        if "unit" in table:
            shape_of_unit = parts["unit"].shape
            unit = self._unit(
                shape_of_unit, table["unit"], f"{place}.unit", in_each=in_each, in_words=in_words
            )
        pack = table.get("pack")
        pack_spec: Spec | None = None
        if isinstance(pack, dict) and "parse" in pack:
            pack_spec = self._pack(pack, unit, f"{place}.pack", in_each=in_each)
        elif pack is not None:
            pack_spec = self._spec(parts["pack"].shape, pack, f"{place}.pack", in_each=in_each)
        raw = table.get("raw", False)
        if not isinstance(raw, bool) or (raw and not place.startswith(f"{LINES}[")):
            self._problems.add(f"{place}.raw", "is true or false, in [[facts.lines]] only")
        return QuantitySpec(
            bound=bound,
            number=number,
            least=ends.get("min"),
            most=ends.get("max"),
            unbounded=self._sentinels(table, place, "unbounded"),
            unknown=self._sentinels(table, place, "unknown"),
            unit=unit,
            pack=pack_spec if isinstance(pack_spec, MapSpec | PackSpec) else None,
            raw=raw is True,
            doubt_above=self._doubt_above(table, place),
        )

    def _doubt_above(self, table: Mapping[str, Any], place: str) -> int | None:
        found = table.get("doubt_above")
        if found is None:
            return None
        number = decimal_millionths(found) if isinstance(found, str) else None
        if number is None:
            self._problems.add(f"{place}.doubt_above", 'is a number as text, like "1000000"')
        return number

    def _unit(
        self, shape: Shape, table: object, place: str, *, in_each: bool, in_words: bool
    ) -> ValueSpec | None:
        if not in_words:
            return self._values.value(shape, table, place, in_each=in_each)
        if isinstance(table, dict):
            for word in table.keys() - _OF_UNITS_IN_WORDS:
                known = ", ".join(sorted(_OF_UNITS_IN_WORDS))
                self._problems.add(f"{place}.{word}", f"does not go with cn_quantity; {known} do")
            if "lookup" not in table:
                rule = 'needs `lookup`, which makes codes of words, like "builtin:units"'
                self._problems.add(place, rule)
        return self._values.value(shape, table, place, in_each=in_each, may_lack_source=True)

    def _pack(
        self, table: Mapping[str, Any], unit: ValueSpec | None, place: str, *, in_each: bool
    ) -> PackSpec | None:
        """A pack in words. Its units go through the table of `unit` where it has none itself."""
        for word in table.keys() - _OF_PACKS:
            known = ", ".join(sorted(_OF_PACKS))
            self._problems.add(f"{place}.{word}", f"is no word for cn_pack; known: {known}")
        text = self._values.value(
            _PACK_TEXT, table, place, in_each=in_each, parsers=(Parser.CN_PACK,)
        )
        lookup = None
        if text is not None:
            lookup = text.lookup or (None if unit is None else unit.lookup)
        if text is not None and lookup is None:
            rule = "needs `lookup`, which makes codes of words, since `unit` has none"
            self._problems.add(place, rule)
        return None if text is None or lookup is None else PackSpec(text, lookup)

    def _bound(self, shape: Quantity, table: Mapping[str, Any], place: str) -> str:
        bound = table.get("bound", "exact")
        if bound not in shape.bounds:
            self._problems.add(f"{place}.bound", f"is one of {', '.join(shape.bounds)}")
            return "exact"
        return str(bound)

    def _number(
        self, table: Mapping[str, Any], place: str, bound: str, *, in_each: bool
    ) -> ValueSpec | None:
        words = {
            word: value
            for word, value in table.items()
            if word in VALUE_WORDS and word not in _NOT_OF_NUMBERS
        }
        if not any(word in words for word in SOURCES):
            for word in words:
                self._problems.add(f"{place}.{word}", f"goes with one of {', '.join(SOURCES)}")
            return None
        shape = _BANDS if bound == "band" else Decimal()
        parsers = (*OF_VALUES, Parser.CN_QUANTITY)
        return self._values.value(shape, words, place, in_each=in_each, parsers=parsers)

    def _check_numbers(
        self, bound: str, number: bool, ends: set[str], table: Mapping[str, Any], place: str
    ) -> None:
        if number and ends:
            self._problems.add(place, "has a source for one number, or min and max, not both")
        elif bound in ("unbounded", "unknown"):
            if number or ends:
                self._problems.add(place, f"has no number with bound {bound}")
        elif not (number or (ends == {"min", "max"} and bound == "estimate")) and not any(
            word in table for word in SOURCES
        ):
            rule = "has a source for its number; or min, max and the bound estimate"
            self._problems.add(place, rule)
        if bound not in ("unbounded", "unknown") and "unit" not in table:
            self._problems.add(f"{place}.unit", "is required: where does the unit stand?")

    def _sentinels(self, table: Mapping[str, Any], place: str, word: str) -> tuple[str, ...]:
        found = word_list(table.get(word, []))
        if found is None:
            self._problems.add(f"{place}.{word}", 'is a list of cells as text, like ["1"]')
            return ()
        return tuple(found)


def _values_in(spec: Spec) -> Iterator[ValueSpec]:
    """Every value inside of a part of a mapping, with what stands in for it."""
    if isinstance(spec, ValueSpec):
        yield spec
        if spec.other is not None:
            yield from _values_in(spec.other)
    elif isinstance(spec, QuantitySpec):
        parts: list[Spec | None] = [spec.number, spec.least, spec.most, spec.unit, spec.pack]
        for part in parts:
            if part is not None:
                yield from _values_in(part)
    elif isinstance(spec, PackSpec):
        yield spec.text
    elif isinstance(spec, ListSpec):
        for element in spec.elements:
            yield from _values_in(element)
    else:
        for part in (*spec.fields.values(), *spec.words.values()):
            yield from _values_in(part)
