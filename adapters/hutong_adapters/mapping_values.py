"""Reads the table of one value of a mapping: its source and its steps.

Owns the words that such a table may have, and says of each wrong one what would be right. Nothing
here knows rows: `mapping_apply` takes the steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

from hutong_adapters.columns import Pointer, parse_column
from hutong_adapters.lookups import Lookup, LookupRefused, inline_lookup
from hutong_adapters.mapping import (
    OF_VALUES,
    LookupStep,
    Parameter,
    Parser,
    Personal,
    Source,
    Unlisted,
    ValueSpec,
)
from hutong_adapters.mapping_dates import DateRefused, DateStep, YearRule, date_step
from hutong_adapters.plain_text import comparable
from hutong_adapters.unit_words import BUILT_IN_PREFIX, UNIT_TABLES
from hutong_protocol.schema.compound import Party
from hutong_protocol.schema.problems import Report
from hutong_protocol.schema.shapes import Bin, Coded, Enum, Id, Shape

SOURCES: Final = ("from", "from_row", "const", "param")
STEPS: Final = (
    *("trim", "missing", "join", "split", "date", "parse", "lookup", "value", "unlisted"),
    *("default", "else", "required", "personal"),
)
VALUE_WORDS: Final = frozenset(SOURCES + STEPS)
DATE_WORDS: Final = frozenset({"format", "zone", "at", "year", "part"})
PARSED: Final[Mapping[Parser, str]] = {
    Parser.DECIMAL: "values",
    Parser.LINE_ID: "values",
    Parser.CN_QUANTITY: "the number of a quantity",
    Parser.CN_PACK: "the `pack` of a quantity",
    Parser.CN_GOODS: "`each`",
}
"""Where each parser may stand."""

_Choice = TypeVar("_Choice", bound=StrEnum)


class Problems:
    """What is wrong with a mapping, each with its place in the file."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, place: str, rule: str) -> None:
        """Notes one."""
        self.found.append(f"{place}: {rule}")


def word_list(value: object) -> list[str] | None:
    """A text or a list of texts as a list; None for anything else."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return list(value)
    return None


class ValueReader:
    """Reads values against the lookup tables and parameters of one mapping."""

    def __init__(
        self,
        problems: Problems,
        lookups: Mapping[str, Lookup],
        parameters: Mapping[str, Parameter],
    ) -> None:
        self._problems = problems
        self._lookups = lookups
        self._parameters = parameters
        self.built_in_used: set[str] = set()
        """The names of the built-in tables that the mapping has asked for so far."""
        self._uses: dict[tuple[str, str], tuple[Lookup, list[Shape]]] = {}
        """By the place of a table and its column: the table, and the fields it serves."""

    def check_lookups(self) -> None:
        """Notes each value of a table that no field which it serves could take.

        Only tables that serve nothing but fields with a closed list of codes are judged: what is
        wrong for one field may be meant for another.
        """
        for (place, column), (table, shapes) in self._uses.items():
            if not all(map(_is_closed, shapes)):
                continue
            for key, values in table.values.items():
                rules = [_rule_against(shape, values[column]) for shape in shapes]
                if values[column] and all(rules):
                    words = " | ".join(table.written.get(key, key))
                    self._problems.add(f'{place}."{words}"', rules[0])

    def value(
        self,
        shape: Shape,
        table: object,
        place: str,
        *,
        many: bool = False,
        in_each: bool = False,
        may_be_nested: bool = False,
        parsers: Sequence[Parser] = OF_VALUES,
        may_lack_source: bool = False,
    ) -> ValueSpec | None:
        """The value that a table states for a field of this shape; None if it is wrong.

        Args:
            many: the field is a list of `shape`.
            in_each: columns are those of a nested row; `from_row` reaches the row around it.
            may_lack_source: the text may come from somewhere else; the steps are all that counts.
        """
        if not isinstance(table, dict):
            self._problems.add(place, 'is a table with its source, like { from = "column" }')
            return None
        before = len(self._problems.found)
        for word in table.keys() - VALUE_WORDS:
            known = ", ".join(SOURCES + STEPS)
            self._problems.add(f"{place}.{word}", f"is no word for a value; known: {known}")
        source = Source()
        if not (may_lack_source and table.keys().isdisjoint(SOURCES)):
            source = self._source(shape, table, place, many=many, in_each=in_each)
        lookup = self._lookup(table, place)
        self._note_use(shape, lookup, table, place)
        self._check_several(source, lookup, table, place)
        if "split" in table and not many:
            self._problems.add(f"{place}.split", "is for fields that are lists")
        default = table.get("default")
        if default is not None:
            self._check_constant(shape, default, f"{place}.default", many=many)
        other = table.get("else")
        spec = ValueSpec(
            shape=shape,
            many=many,
            source=source,
            trim=self._flag(table, place, "trim", default=True),
            missing=self._texts(table, place, "missing"),
            join=self._text(table, place, "join"),
            split=self._texts(table, place, "split"),
            date=self._date(table.get("date"), f"{place}.date"),
            parse=self._parser(table, place, parsers),
            lookup=lookup,
            default=default,
            other=None
            if other is None
            else self.value(shape, other, f"{place}.else", many=many, in_each=in_each),
            required=self._flag(table, place, "required"),
            personal=self._choice(table, place, "personal", Personal.REFUSE),
            nested=may_be_nested,
        )
        return spec if len(self._problems.found) == before else None

    def _source(
        self, shape: Shape, table: Mapping[str, Any], place: str, *, many: bool, in_each: bool
    ) -> Source:
        named = [word for word in SOURCES if word in table]
        if len(named) != 1:
            self._problems.add(place, f"has exactly one of {', '.join(SOURCES)}")
            return Source()
        word = named[0]
        if word == "const":
            self._check_constant(shape, table["const"], f"{place}.const", many=many)
            return Source(const=table["const"])
        if word == "param":
            name = table["param"]
            if name not in self._parameters:
                known = ", ".join(self._parameters) or "none"
                self._problems.add(f"{place}.param", f"is one of [parameters]: {known}")
            return Source(param=str(name))
        if word == "from_row" and not in_each:
            self._problems.add(f"{place}.from_row", "is for fields inside of `each`")
        return Source(columns=self._columns(table[word], f"{place}.{word}"), outer=word != "from")

    def _columns(self, value: object, place: str) -> tuple[Pointer, ...]:
        names = word_list(value)
        if not names or not all(map(parse_column, names)):
            self._problems.add(place, "is the name of a column or a list of them")
            return ()
        return tuple(map(parse_column, names))

    def _lookup(self, table: Mapping[str, Any], place: str) -> LookupStep | None:
        named = table.get("lookup")
        if named is None:
            for word in ("value", "unlisted"):
                if word in table:
                    self._problems.add(f"{place}.{word}", "goes with `lookup`")
            return None
        lookup = self._table(named, f"{place}.lookup")
        if lookup is None:
            return None
        column = table.get("value", lookup.value_columns[0])
        if column not in lookup.value_columns:
            known = ", ".join(lookup.value_columns)
            self._problems.add(f"{place}.value", f"is a column of {lookup.name}: {known}")
        elif "value" not in table and len(lookup.value_columns) > 1:
            known = ", ".join(lookup.value_columns)
            self._problems.add(place, f"says with `value` which column of {lookup.name}: {known}")
        unlisted = self._choice(table, place, "unlisted", Unlisted.REFUSE)
        return LookupStep(lookup, str(column), unlisted)

    def _note_use(
        self, shape: Shape, lookup: LookupStep | None, table: Mapping[str, Any], place: str
    ) -> None:
        """Notes which field a table serves, for `check_lookups`."""
        if lookup is not None:
            named = table["lookup"]
            where = f"lookups.{named}" if isinstance(named, str) else f"{place}.lookup"
            _, shapes = self._uses.setdefault((where, lookup.value), (lookup.table, []))
            shapes.append(shape)

    def _table(self, named: object, place: str) -> Lookup | None:
        if isinstance(named, str) and named.startswith(BUILT_IN_PREFIX):
            return self._built_in(named, place)
        if isinstance(named, dict) and all(isinstance(text, str) for text in named.values()):
            try:
                return inline_lookup("the table", named)
            except LookupRefused as refused:
                self._problems.add(place, str(refused))
                return None
        found = self._lookups.get(named) if isinstance(named, str) else None
        if found is None:
            known = ", ".join(self._lookups) or "none"
            self._problems.add(place, f"is one of [lookups] ({known}), or a table of texts")
        return found

    def _built_in(self, named: str, place: str) -> Lookup | None:
        if named not in UNIT_TABLES:
            self._problems.add(place, f"is one of {', '.join(UNIT_TABLES)}")
            return None
        self.built_in_used.add(named)
        # Forms of one word that are compared as equal, like m3 and m³, stand there once.
        words = {comparable(word): code for word, code in UNIT_TABLES[named].items()}
        return inline_lookup(named, words)

    def _check_several(
        self, source: Source, lookup: LookupStep | None, table: Mapping[str, Any], place: str
    ) -> None:
        """Several columns become one value by `join`, or together are the key of a table."""
        texts = 1 if "join" in table else len(source.columns)
        if texts > 1 and lookup is None:
            self._problems.add(place, "has several columns: say with `join` what stands between")
        if lookup is not None and max(texts, 1) != lookup.table.key_columns:
            wanted = lookup.table.key_columns
            self._problems.add(place, f"needs {wanted} columns for {lookup.table.name}")

    def _check_constant(self, shape: Shape, value: object, place: str, *, many: bool) -> None:
        """Ids stand as text and maps may hold some: those are judged when a row is drafted."""
        values = value if many and isinstance(value, list) else [value]
        for each in values:
            if isinstance(each, dict | list) or isinstance(shape, Id | Bin | Party):
                continue
            report = Report(authoring=True)
            shape.check(each, report)
            for problem in report.problems:
                example = f", for example {problem.example}" if problem.example else ""
                self._problems.add(place, problem.rule + example)

    def _date(self, table: object, place: str) -> DateStep | None:
        if table is None:
            return None
        if not isinstance(table, dict) or table.keys() - DATE_WORDS:
            self._problems.add(place, f"is a table of {', '.join(sorted(DATE_WORDS))}")
            return None
        part = table.get("part")
        if part not in (None, "day"):
            self._problems.add(f"{place}.part", "is day, the day of a time in the zone")
        year = self._year(table.get("year"), f"{place}.year")
        if year is None and "year" in table:
            return None
        patterns = word_list(table.get("format"))
        zone, at = table.get("zone"), table.get("at", "00:00:00")
        zone_param = None
        if isinstance(zone, dict):
            zone_param = self._zone_param(zone, f"{place}.zone")
            if zone_param is None:
                return None
            zone = ""
        if not patterns or not isinstance(zone, str) or not isinstance(at, str):
            self._problems.add(place, 'is like { format = "YYYY-MM-DD", zone = "Asia/Shanghai" }')
            return None
        try:
            return date_step(
                *(tuple(patterns), zone, at), year=year, day=part == "day", zone_param=zone_param
            )
        except DateRefused as refused:
            self._problems.add(place, str(refused))
            return None

    def _zone_param(self, table: Mapping[str, Any], place: str) -> str | None:
        name = table.get("param")
        parameter = self._parameters.get(name) if isinstance(name, str) else None
        if len(table) == 1 and parameter is not None and parameter.kind == "zone":
            return str(name)
        self._problems.add(place, "is an IANA name, or { param = a parameter of kind zone }")
        return None

    def _year(self, value: object, place: str) -> YearRule | None:
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 9999:
            return YearRule(fixed=value)
        if isinstance(value, dict) and len(value) == 1:
            word, name = next(iter(value.items()))
            parameter = self._parameters.get(name) if isinstance(name, str) else None
            wanted = {"param": "text", "near": "time"}.get(word)
            if wanted is not None and parameter is not None and parameter.kind == wanted:
                return YearRule(param=name) if word == "param" else YearRule(near=name)
        rule = (
            "is a year as a number, like 2022 without quotes, or { param = a text parameter } "
            "or { near = a time parameter }"
        )
        self._problems.add(place, rule)
        return None

    def _parser(
        self, table: Mapping[str, Any], place: str, allowed: Sequence[Parser]
    ) -> Parser | None:
        name = table.get("parse")
        if name is None or name in tuple(allowed):
            return None if name is None else Parser(name)
        if name in tuple(Parser):
            where = PARSED[Parser(name)]
            self._problems.add(f"{place}.parse", f"{name} is for {where}")
        else:
            self._problems.add(f"{place}.parse", f"is one of {', '.join(Parser)}")
        return None

    def _choice(self, table: Mapping[str, Any], place: str, word: str, default: _Choice) -> _Choice:
        kind = type(default)
        try:
            return kind(table.get(word, default))
        except ValueError:
            self._problems.add(f"{place}.{word}", f"is one of {', '.join(kind)}")
            return default

    def _flag(
        self, table: Mapping[str, Any], place: str, word: str, *, default: bool = False
    ) -> bool:
        found = table.get(word, default)
        if not isinstance(found, bool):
            self._problems.add(f"{place}.{word}", "is true or false")
        return found is True

    def _text(self, table: Mapping[str, Any], place: str, word: str) -> str | None:
        found = table.get(word)
        if found is not None and not isinstance(found, str):
            self._problems.add(f"{place}.{word}", "is text")
            return None
        return found

    def _texts(self, table: Mapping[str, Any], place: str, word: str) -> tuple[str, ...]:
        found = word_list(table.get(word, []))
        if found is None or (word == "split" and "" in found):
            self._problems.add(f"{place}.{word}", "is a text or a list of texts")
            return ()
        return tuple(found)


def _is_closed(shape: Shape) -> bool:
    """Whether a field takes nothing but words of a list that is known here."""
    return isinstance(shape, Enum) or (isinstance(shape, Coded) and shape.is_closed)


def _rule_against(shape: Shape, value: str) -> str:
    """The rule that a text breaks as the value of a field; empty if none."""
    report = Report(authoring=True)
    shape.check(value, report)
    return report.problems[0].rule if report.problems else ""
