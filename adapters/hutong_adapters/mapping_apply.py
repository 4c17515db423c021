"""Applies a mapping to a row: a draft that the core would sign, or every reason why not.

Owns the building of facts and text from the specs of a mapping, and the judgement of the whole by
the core's schema and detector, so that a draft that leaves here is one that a node takes. A row is
drafted whole or not at all, and all its refusals are told at once.

A map that has columns and got nothing from any of them is left out (an empty third item of a sheet,
a point without coordinates); one of constants only stays. Every field remembers its cells, so that
an objection of the schema names the cell that a person can mend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hutong_adapters.business_keys import base_key
from hutong_adapters.columns import cell_at
from hutong_adapters.drafted import Drafted
from hutong_adapters.goods_text import GOODS_CONCERN_WORDS, GoodsConcern, Piece, split_goods
from hutong_adapters.interface import Cell, DraftRow, Mark, Refusal, Row
from hutong_adapters.mapping import (
    ListSpec,
    MapSpec,
    PackSpec,
    Parser,
    QuantitySpec,
    RowMapping,
    Spec,
    ValueSpec,
    columns_read,
)
from hutong_adapters.mapping_quantity import (
    IMPLAUSIBLE,
    cut_raw,
    is_implausible,
    pack_in_words,
    quantity_in_words,
)
from hutong_adapters.mapping_steps import (
    CellRefused,
    PersonalNote,
    Scope,
    Taken,
    cell_texts,
    take,
)
from hutong_protocol.personal_data import findings
from hutong_protocol.quantity import number_from_text
from hutong_protocol.schema import record_problems
from hutong_protocol.schema.jsonform import Json, facts_from_json

AT_HOME_CHARACTERS_MAX: Final = 8_192

_BAND_ENDS: Final[Mapping[str, Mapping[str, str]]] = {
    "1-4": {"min": "1", "max": "4"},
    "5-9": {"min": "5", "max": "9"},
    "10-19": {"min": "10", "max": "19"},
    "20+": {"min": "20"},
}


@dataclass(frozen=True, slots=True)
class Trace:
    """How one field came about, for `explain`."""

    field: str
    cells: tuple[str, ...]
    steps: tuple[str, ...]
    result: Json


def draft_row(
    mapping: RowMapping,
    row: Row,
    parameters: Mapping[str, str],
    *,
    space: str,
    topic: str,
    traces: list[Trace] | None = None,
) -> Drafted | list[Refusal]:
    """The draft that a row comes to, or why there is none.

    Args:
        parameters: a value for every parameter of the mapping.
        traces: gets an entry for each field, in the order of the mapping.
    """
    drafting = _Drafting(mapping, row, parameters, traces)
    return drafting.draft(space, topic)


@dataclass(slots=True)
class _Drafting:
    """One row on its way to a draft."""

    mapping: RowMapping
    row: Row
    parameters: Mapping[str, str]
    traces: list[Trace] | None
    refusals: list[Refusal] = field(default_factory=list)
    cells_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    personal: list[PersonalNote] = field(default_factory=list)
    at_home: dict[str, str] = field(default_factory=dict)
    line_texts: dict[str, Json] = field(default_factory=dict)
    wordings: dict[str, str] = field(default_factory=dict)
    """Of quantities, by their path: how they were typed, where a person has to see it."""
    marks: list[Mark] = field(default_factory=list)
    lines_added: int = 0

    def draft(self, space: str, topic: str) -> Drafted | list[Refusal]:
        scope = Scope(self.row.cells, addresses=self.row.addresses)
        facts, _ = self._map(self.mapping.facts, scope, "")
        text, _ = self._map(self.mapping.text, scope, "text")
        if self.line_texts:
            text["lines"] = self.line_texts
        for name, spec in self.mapping.sensitive.items():
            self._keep_at_home(name, spec, scope)
        key = base_key(self.mapping.key, self.row)
        if isinstance(key, Refusal):
            self.refusals.append(key)
            return self.refusals
        draft = DraftRow(
            *(key, self.mapping.type, space, topic),
            *(facts, text, self.row.label, self.at_home),
            marks=tuple(dict.fromkeys(self.marks)),
        )
        drafted = Drafted(draft, self.row, self.cells_of, tuple(self.personal), self.lines_added)
        if not self.refusals:
            self._judge(drafted)
        return self.refusals or drafted

    def _judge(self, drafted: Drafted) -> None:
        """Asks the core whether this could be signed."""
        draft = drafted.draft
        facts, problems = facts_from_json(draft.type, draft.facts)
        if not problems:
            problems = record_problems(draft.type, refs=(), facts=facts, text=draft.text)
        for problem in problems:
            rule, way_out = problem.rule, ""
            if rule.startswith("pii:"):
                way_out = 'take it out of the cell, or say `personal = "drop"`, "cut" or "at_home"'
            elif problem.example:
                way_out = f"for example {problem.example}"
            elif rule == "is required":
                rule, way_out = self._nothing(problem.path)
            self.refusals.append(drafted.refusal(problem.path, rule, way_out))

    def _nothing(self, path: str) -> tuple[str, str]:
        """Why a row has nothing for a field that every record has, and what to do about it."""
        why = [mark.words for mark in self.marks if mark.field == path]
        rule = ": ".join(["gives nothing for a field that is required", *why])
        other = "`only_if_none`" if path == "lines" else "`default`"
        return rule, f"fill it in, take the row out, or say with {other} what stands there"

    def _spec(self, spec: Spec, scope: Scope, path: str) -> tuple[Json, bool]:
        """What a spec comes to, None for nothing, and whether anything of the row went in."""
        if isinstance(spec, ValueSpec):
            return self._value(spec, scope, path)
        if isinstance(spec, QuantitySpec):
            return self._quantity(spec, scope, path)
        if isinstance(spec, ListSpec):
            return self._list(spec, scope, path)
        if isinstance(spec, PackSpec):
            return None, False
        value, filled = self._map(spec, scope, path)
        if not filled and any(columns_read(spec)):
            return None, False
        return value, filled

    def _map(self, spec: MapSpec, scope: Scope, path: str) -> tuple[dict[str, Json], bool]:
        found: dict[str, Json] = {}
        filled = False
        for name, part in spec.fields.items():
            value, from_row = self._spec(part, scope, f"{path}.{name}" if path else name)
            filled |= from_row
            if value is not None:
                found[name] = value
        return found, filled

    def _list(self, spec: ListSpec, scope: Scope, path: str) -> tuple[Json, bool]:
        found: list[Json] = []
        filled = False
        for element in spec.elements:
            if not isinstance(element, MapSpec):
                value, from_row = self._spec(element, scope, f"{path}[{len(found)}]")
                found += [] if value is None else [value]
                filled |= from_row
                continue
            if element.only_if_none:
                if not found:
                    found.append(self._element(element, scope, f"{path}[0]", keep=True)[0])
                    self.lines_added += path == "lines"
                    filled = True  # It was asked for: what it stands in is no empty table.
                continue
            for inside in self._scopes(element, scope, path):
                place = f"{path}[{len(found)}]"
                if inside.piece is not None and inside.piece.concern is not None:
                    self._mark_goods(inside.label, place, inside.piece.concern)
                value, from_row = self._element(element, inside, place)
                found += [] if value is None else [value]
                filled |= from_row
        return found or None, filled

    def _scopes(self, element: MapSpec, scope: Scope, path: str) -> list[Scope]:
        """The scopes that an element of a list stands for: the row, or each of its nested rows."""
        if element.each is None:
            return [scope]
        name = scope.name(element.each)
        self.cells_of.setdefault(path, (name,))
        try:
            cell: Cell = cell_at(scope.cells, element.each)
        except LookupError:
            cell = {} if element.goods else "no list"
        if cell is None:
            return []
        if element.goods:
            return self._pieces(cell, name, scope, path)
        if not isinstance(cell, list) or not all(isinstance(each, dict) for each in cell):
            self._refuse(CellRefused(name, "is no list of nested rows"), path)
            return []
        place = (*scope.place, *element.each)
        return [
            Scope(each, (*place, str(number)), scope)
            for number, each in enumerate(cell)
            if isinstance(each, dict)
        ]

    def _pieces(self, cell: Cell, name: str, scope: Scope, path: str) -> list[Scope]:
        """A scope for each item that a text lists."""
        if not isinstance(cell, str):
            self._refuse(CellRefused(name, "is no text that could list goods"), path)
            return []
        goods = split_goods(cell)
        for concern in goods.concerns:
            if concern is GoodsConcern.NOT_SPLIT:
                way_out = "shorten it, or give each item a row of its own"
                self._refuse(CellRefused(name, GOODS_CONCERN_WORDS[concern], way_out), path)
            else:
                self._mark_goods(name, path, concern)
        return [
            Scope(_columns_of(piece), around=scope, piece=piece, label=f"{name}, item {number}")
            for number, piece in enumerate(goods.pieces, start=1)
        ]

    def _element(
        self, element: MapSpec, scope: Scope, path: str, *, keep: bool = False
    ) -> tuple[Json, bool]:
        value, filled = self._map(element, scope, path)
        words: dict[str, Json] = {}
        line = value.get("id")
        for name, spec in element.words.items():
            text, from_row = self._value(spec, scope, f"text.lines.{line}.{name}")
            filled |= from_row
            if text is not None:
                words[name] = text
        wording = self.wordings.get(f"{path}.quantity", "")
        if scope.piece is not None and scope.piece.concern is not None:
            wording = self._wording(scope.piece.raw, (scope.label,), f"{path}.raw") or wording
        if wording and "raw" not in words and path.startswith("lines["):
            words["raw"] = wording
            self.cells_of[f"text.lines.{line}.raw"] = self.cells_of.get(
                f"{path}.quantity", (scope.label,)
            )
        has_columns = any(columns_read(element))
        if not filled and has_columns and not keep:
            return None, False
        if words and isinstance(line, str):
            self.line_texts[line] = words
        return value, filled

    def _value(self, spec: ValueSpec, scope: Scope, path: str) -> tuple[Any, bool]:
        self.cells_of[path] = self._cells(spec, scope)
        try:
            taken = take(spec, scope, self.parameters)
        except CellRefused as refused:
            self._refuse(refused, path)
            return None, True
        if taken.cells:
            self.cells_of[path] = taken.cells
        for what, words in taken.marks:
            self.marks.append(Mark(", ".join(taken.cells), path, what, words))
        self.personal += taken.personal
        if taken.held_back is not None:
            self._hold(path, taken.held_back, taken.cells)
        self._trace(path, taken)
        return taken.value, taken.filled

    def _quantity(self, spec: QuantitySpec, scope: Scope, path: str) -> tuple[Json, bool]:
        found: dict[str, Json] = {"bound": spec.bound}
        filled = False
        in_words = False
        if spec.number is not None:
            in_words = spec.number.parse is Parser.CN_QUANTITY
            filled = self._numbered(spec, spec.number, scope, path, found)
            typed = next(iter(self._texts(spec.number, scope, path)), "") if spec.raw else ""
            if typed and path not in self.wordings and path not in self.at_home:
                self.wordings[path] = typed
        for name, part in (("min", spec.least), ("max", spec.most)):
            if part is not None:
                value, from_row = self._value(part, scope, f"{path}.{name}")
                filled |= from_row
                if value is not None:
                    found[name] = value
        if (spec.least or spec.most) and not {"min", "max"} <= found.keys():
            found = {"bound": "unknown"}
        if spec.doubt_above is not None and is_implausible(found, spec.doubt_above):
            self.marks.append(Mark(", ".join(self.cells_of[path]), path, *IMPLAUSIBLE))
        if spec.unit is not None and not in_words:
            unit, _ = self._value(spec.unit, scope, f"{path}.unit")
            if unit is not None:
                found["unit"] = unit
        if spec.pack is not None:
            pack = self._pack(spec.pack, found.get("unit"), scope, f"{path}.pack")
            if pack is not None:
                found["pack"] = pack
        return found, filled

    def _pack(self, spec: MapSpec | PackSpec, unit: Json, scope: Scope, path: str) -> Json:
        if isinstance(spec, MapSpec):
            pack = self._spec(spec, scope, path)[0]
            return pack if _states_pack(pack) else None
        if unit is None:
            return None
        cells = self.cells_of[path] = self._cells(spec.text, scope)
        taken = Taken(cells=cells)
        try:
            taken.value = pack_in_words(spec, unit, scope, ", ".join(cells), taken.steps)
        except CellRefused as refused:
            self._refuse(refused, path)
            return None
        self._trace(path, taken)
        return taken.value

    def _numbered(
        self,
        spec: QuantitySpec,
        number: ValueSpec,
        scope: Scope,
        path: str,
        found: dict[str, Json],
    ) -> bool:
        """Puts the number of a quantity, or what its sentinel says, into `found`."""
        sentinels = {**dict.fromkeys(spec.unknown, "unknown")}
        sentinels |= dict.fromkeys(spec.unbounded, "unbounded")
        text = next(iter(self._texts(number, scope, path)), "")
        if text in sentinels:
            found["bound"] = sentinels[text]
            self.cells_of[path] = self._cells(number, scope)
            taken = Taken(sentinels[text], self.cells_of[path], [f"listed in {sentinels[text]}"])
            self._trace(path, taken)
            if number.parse is Parser.CN_QUANTITY and spec.unit is not None:
                self._unit_beside(spec.unit, scope, path, found)
            return True
        if _looks_like(text, sentinels):
            rule = "has the value of a sentinel, written in another way"
            way_out = "list this form as well, or write the cell as the others"
            self._refuse(CellRefused(", ".join(self._cells(number, scope)), rule, way_out), path)
            return True
        if number.parse is Parser.CN_QUANTITY and spec.unit is not None:
            return self._in_words(number, spec.unit, text, scope, path, found)
        value, filled = self._value(number, scope, path)
        if value is None:
            found["bound"] = "unknown"
        elif spec.bound == "band":
            found.update(_BAND_ENDS[value])
        else:
            found[{"at_least": "min", "up_to": "max"}.get(spec.bound, "value")] = value
        return filled

    def _in_words(
        self,
        number: ValueSpec,
        unit: ValueSpec,
        text: str,
        scope: Scope,
        path: str,
        found: dict[str, Json],
    ) -> bool:
        """Puts what a cell says in words into `found`: bound, numbers and unit."""
        cells = self.cells_of[path] = self._cells(number, scope)
        where = ", ".join(cells)
        filled = bool(text)
        if not text and isinstance(number.default, str):
            text = number.default
        if not text and number.required:
            self._refuse(CellRefused(where, "is empty and required", "fill it in"), path)
            return False
        try:
            said = quantity_in_words(text, unit, scope, where, self.parameters)
        except CellRefused as refused:
            self._refuse(refused, f"{path}.unit")
            return True
        found.clear()
        found.update(said.facts)
        self.marks += [Mark(where, path, what, words) for what, words in said.marks]
        self.personal += said.personal
        if said.held_back is not None:
            self._hold(path, said.held_back, cells)
        if said.raw:
            self.wordings[path] = said.raw
        shown = {name: value for name, value in found.items() if name != "unit"}
        self._trace(path, Taken(shown, cells, said.steps))
        unit_path = f"{path}.unit"
        self.cells_of[unit_path] = said.unit_cells
        if said.unit_steps:
            self._trace(unit_path, Taken(found.get("unit"), said.unit_cells, said.unit_steps))
        return filled

    def _unit_beside(
        self, unit: ValueSpec, scope: Scope, path: str, found: dict[str, Json]
    ) -> None:
        """The unit of a cell that is a sentinel: that of the column for units, or the default."""
        value: Json = None
        if unit.source.columns:
            value, _ = self._value(unit, scope, f"{path}.unit")
        elif isinstance(unit.default, str):
            value = unit.default
        if value is not None:
            found["unit"] = value

    def _wording(self, text: str, cells: tuple[str, ...], path: str) -> str:
        """A wording as a record can hold it; one with personal data stays at home."""
        kinds = findings(text)
        if not kinds:
            return cut_raw(text)
        self.personal += [
            PersonalNote(", ".join(cells), kind.kind.value, "at_home") for kind in kinds
        ]
        self._hold(path, text, cells)
        return ""

    def _mark_goods(self, cell: str, path: str, concern: GoodsConcern) -> None:
        self.marks.append(Mark(cell, path, concern.value, GOODS_CONCERN_WORDS[concern]))

    def _texts(self, spec: ValueSpec, scope: Scope, path: str) -> list[str]:
        try:
            return cell_texts(spec, scope)
        except CellRefused as refused:
            self._refuse(refused, path)
            return []

    def _keep_at_home(self, name: str, spec: ValueSpec, scope: Scope) -> None:
        try:
            taken = take(spec, scope, self.parameters)
        except CellRefused as refused:
            self._refuse(refused, f"sensitive.{name}")
            return
        if isinstance(taken.value, str):
            self._hold(name, taken.value, taken.cells)
        if self.traces is not None:
            shown = None if taken.value is None else "(kept at home)"
            trace = Trace(f"sensitive.{name}", taken.cells, tuple(taken.steps), shown)
            self.traces.append(trace)

    def _hold(self, name: str, text: str, cells: tuple[str, ...]) -> None:
        if len(text) > AT_HOME_CHARACTERS_MAX:
            rule = f"has {len(text)} characters, more than {AT_HOME_CHARACTERS_MAX}"
            self._refuse(CellRefused(", ".join(cells), rule, "shorten it"), f"sensitive.{name}")
        self.at_home[name] = text

    def _cells(self, spec: ValueSpec, scope: Scope) -> tuple[str, ...]:
        inside = scope.for_spec(spec)
        return tuple(inside.name(column) for column in spec.source.columns)

    def _refuse(self, refused: CellRefused, path: str) -> None:
        refusal = Refusal(
            *(self.row.file, self.row.number, refused.cell, refused.rule, refused.way_out, path)
        )
        if refusal not in self.refusals:
            self.refusals.append(refusal)

    def _trace(self, path: str, taken: Taken) -> None:
        if self.traces is not None:
            result: Any = taken.value
            self.traces.append(Trace(path, taken.cells, tuple(taken.steps), result))


def _columns_of(piece: Piece) -> dict[str, Cell]:
    """A piece of a text as a nested row."""
    return {
        "item": piece.item,
        "spec": piece.spec,
        "quantity": piece.quantity,
        "raw": piece.raw,
    }


def _states_pack(pack: Json) -> bool:
    """Whether a row names a pack or its number; what the things are counted in is none."""
    if not isinstance(pack, dict):
        return False
    of = pack.get("of")
    return "unit" in pack or (isinstance(of, dict) and "value" in of)


def _looks_like(text: str, sentinels: Mapping[str, str]) -> bool:
    """Whether a text is the number of a sentinel in another form, such as `1.0` for `1`."""
    number = number_from_text(text)
    return number is not None and number in map(number_from_text, sentinels)
