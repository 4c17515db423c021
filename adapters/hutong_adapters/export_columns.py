"""The table that an export is: which field of a thing stands in which column, there and back.

Owns the columns. A line of a need or offer is a row, with the fields of its thing repeated; a thing
without lines is one row. What has no column of its own, or a form that no cell can hold, stands as
JSON in `more` and `line_more`, so that nothing is lost: `joined` gives back exactly what `rows_of`
was given, in whatever order the rows are.

Cells are text, and safe to open (Threat 40): one that a spreadsheet might take for a formula has an
apostrophe before it, and so has one that begins with an apostrophe, which makes it reversible.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from hutong_adapters.row_ids import HUTONG_ID, HUTONG_REVISION

Cells: TypeAlias = dict[str, str]
"""A row by its columns, before `safe`; an empty text is an empty cell."""

MORE: Final = "more"
LINE_MORE: Final = "line_more"
LINE_NUMBER: Final = "line_number"
NAMED: Final = ("type", "space", "topic")

_TEXT: Final = {"title": "title", "place_name": "place_name", "note": "note"}
_FACTS: Final = {
    "incident": "incident",
    "urgency": "urgency",
    "severity": "severity",
    "valid_until": "valid_until",
    "needed_by": "needed_by",
    "org_kind": "kind",
    "start": "start",
    "glide": "glide",
}
TIME_COLUMNS: Final = {"valid_until": "valid_until", "needed_by": "needed_by", "start": "start"}
"""The fields that are instants, with their columns."""
_COUNTS: Final = ("people", "households")
_PLACE: Final = {"place_scheme": "scheme", "place_code": "code"}
_LINE_TEXT: Final = {"item": "item", "spec": "spec", "as_typed": "raw", "line_note": "note"}
_ITEM: Final = {"item_scheme": "scheme", "item_code": "code"}
_QUANTITY: Final = {
    "bound": "bound",
    "amount": "value",
    "at_least": "min",
    "at_most": "max",
    "unit": "unit",
}

THING_COLUMNS: Final = (
    *(HUTONG_ID, HUTONG_REVISION, *NAMED),
    *_TEXT,
    *_FACTS,
    *_COUNTS,
    *_PLACE,
)
LINE_COLUMNS: Final = (
    *(LINE_NUMBER, "line", "line_kind", *_LINE_TEXT, *_ITEM),
    *_QUANTITY,
)
COLUMNS: Final = (*THING_COLUMNS, *LINE_COLUMNS, LINE_MORE, MORE)
"""What every export has, in this order."""

SHOWN: Final = ("by", "hidden")
"""Columns for people: who says it, and what is not shown since it looks like personal data."""
THING_NUMBERS: Final = (
    *("life", "coverage", "delivery", "verification", "looked_after_by", "waiting_on", "flags"),
)
LINE_NUMBERS: Final = (
    *("dimension", "required", "accepted", "in_transit", "received", "open", "pledged"),
)
NUMBERS: Final = (*THING_NUMBERS, *LINE_NUMBERS)
"""What `--numbers` adds: what the records come to, which nobody states and no import reads."""

_FORMULA: Final = frozenset("=+-@\t\r\0＝＋－＠")
_NO_CELL: Final = re.compile("[\0\ufffe\uffff]|_x[0-9a-fA-F]{4}_x[0-9a-fA-F]{4}_")
"""What no spreadsheet keeps as it is: `_x0041_` stands for a letter there, and escapes of it that
overlap are written and read in more than one way."""


class CellsRefused(Exception):
    """Rows of an export that were edited into something that is no thing. Never quotes a cell."""

    def __init__(self, column: str, rule: str, way_out: str = "") -> None:
        super().__init__(rule)
        self.column = column
        self.rule = rule
        self.way_out = way_out


@dataclass(frozen=True, slots=True)
class Joined:
    """What rows of one thing say. `named` are its type, space and topic."""

    named: tuple[str, str, str]
    facts: dict[str, Any]
    text: dict[str, Any]


def safe(text: str) -> str:
    """A text as a cell that no spreadsheet takes for a formula; `unsafe` gives it back."""
    return f"'{text}" if text.startswith("'") or _begins_formula(text) else text


def unsafe(cell: str) -> str:
    """The text that `safe` made a cell of."""
    return cell[1:] if cell.startswith("'") else cell


def _begins_formula(text: str) -> bool:
    """Whether the first thing to be seen is the sign of a formula; what is before it is trimmed."""
    for letter in text:
        if letter in _FORMULA:
            return True
        if not letter.isspace() and unicodedata.category(letter) not in ("Cf", "Cc"):
            return False
    return False


def rows_of(
    named: tuple[str, str, str], facts: Mapping[str, Any], text: Mapping[str, Any]
) -> list[Cells]:
    """The rows of a thing; both parts in their JSON form."""
    rest, words = deepcopy(dict(facts)), deepcopy(dict(text))
    cells: Cells = dict(zip(NAMED, named, strict=True))
    cells |= _moved(words, _TEXT) | _moved(rest, _FACTS) | _counts(rest)
    place = rest.get("place")
    codes = place.get("codes") if isinstance(place, dict) else None
    if isinstance(codes, list) and codes and isinstance(codes[0], dict):
        first = dict(codes[0])
        moved = _moved(first, _PLACE)
        if len(moved) == len(_PLACE) and not first:
            cells |= moved
            _drop_first(rest, "place", "codes")
    lines = rest.get("lines")
    by_line = words.get("lines")
    by_line = by_line if isinstance(by_line, dict) else {}
    found: list[Cells] = []
    if isinstance(lines, list) and lines and _can_be_rows(lines):
        found = [_line_cells(number, line, by_line) for number, line in enumerate(lines, 1)]
        rest.pop("lines")
        told = {cells["line"] for cells in found if _has_words(by_line.get(cells["line"]))}
        left = {name: said for name, said in by_line.items() if name not in told}
        if told and left:
            words["lines"] = left
        elif told:
            words.pop("lines")
    more = {name: part for name, part in (("facts", rest), ("text", words)) if part}
    cells[MORE] = _json(more) if more else ""
    return [cells | line for line in found] or [cells]


def joined(rows: Sequence[Mapping[str, str]]) -> Joined:
    """What the rows of one thing say.

    Raises:
        CellsRefused: they differ in what is the thing's, or a cell can't be read.
    """
    first = rows[0]
    for column in (*THING_COLUMNS, MORE):
        if any(row.get(column, "") != first.get(column, "") for row in rows[1:]):
            rule = "differs between the rows of one record"
            raise CellsRefused(column, rule, "write the same into all of them")
    more = _json_map(first.get(MORE, ""), MORE)
    facts, text = _map_in(more, "facts"), _map_in(more, "text")
    for column, name in _TEXT.items():
        _put(text, name, first.get(column, ""))
    for column, name in _FACTS.items():
        value = first.get(column, "")
        _put(facts, name, value)
    for name in _COUNTS:
        value = first.get(name, "")
        _put(facts, name, int(value) if _is_whole(value) else value)
    code = {name: first.get(column, "") for column, name in _PLACE.items()}
    if any(code.values()):
        place = facts.setdefault("place", {})
        if not isinstance(place, dict):
            raise CellsRefused(MORE, "has a place that is none")
        place["codes"] = [{n: v for n, v in code.items() if v}, *(place.get("codes") or [])]
    lines = lines_in_order(rows)
    if lines:
        found = [_line(rows[place]) for place in lines]
        facts["lines"] = [line for line, _ in found]
        said = {line["id"]: words for line, words in found if words and isinstance(line["id"], str)}
        if said:
            text["lines"] = {**_map_in(text, "lines"), **said}
    kind, space, topic = (first.get(column, "") for column in NAMED)
    return Joined((kind, space, topic), facts, text)


def lines_in_order(rows: Sequence[Mapping[str, object]]) -> list[int]:
    """The places of the rows that are lines, in the order in which the thing has them."""
    places = [
        place for place, row in enumerate(rows) if any(row.get(column) for column in LINE_COLUMNS)
    ]
    return sorted(places, key=lambda place: _line_order(rows[place]))


def thing_paths(column: str) -> list[str]:
    """The fields of a thing that stand in a column, as objections name them."""
    if column in LINE_COLUMNS or column == LINE_MORE:
        return []
    if column in _TEXT:
        return [f"text.{_TEXT[column]}"]
    if column in _PLACE:
        return [f"place.codes[0].{_PLACE[column]}"]
    return [_FACTS.get(column, column)]


def line_paths(column: str, number: int, line: str) -> list[str]:
    """The fields of a line that stand in a column; `number` counts from 0."""
    if column in _LINE_TEXT:
        return [f"text.lines.{line}.{_LINE_TEXT[column]}"]
    fields = {"line": "id", "line_kind": "kind"}
    fields |= {name: f"item.{inner}" for name, inner in _ITEM.items()}
    fields |= {name: f"quantity.{inner}" for name, inner in _QUANTITY.items()}
    return [f"lines[{number}].{fields[column]}"] if column in fields else []


def _line_cells(number: int, line: Mapping[str, Any], words: Mapping[str, Any]) -> Cells:
    rest = deepcopy(dict(line))
    cells: Cells = {LINE_NUMBER: str(number), "line": str(rest.pop("id"))}
    cells |= _moved(rest, {"line_kind": "kind"})
    said = words.get(cells["line"])
    said = deepcopy(said) if isinstance(said, dict) else {}
    cells |= _moved(said, _LINE_TEXT)
    for name, columns in (("item", _ITEM), ("quantity", _QUANTITY)):
        inside = rest.get(name)
        if isinstance(inside, dict) and inside:
            cells |= _moved(inside, columns)
            if not inside:
                rest.pop(name)
    more = {name: part for name, part in (("line", rest), ("text", said)) if part}
    cells[LINE_MORE] = _json(more) if more else ""
    return cells


def _line(row: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    more = _json_map(row.get(LINE_MORE, ""), LINE_MORE)
    line, words = _map_in(more, "line"), _map_in(more, "text")
    if not row.get("line"):
        raise CellsRefused("line", "is empty", "give the line a short name, like rice")
    line = {"id": row["line"], **line}
    _put(line, "kind", row.get("line_kind", ""))
    for name, columns in (("item", _ITEM), ("quantity", _QUANTITY)):
        inside = _map_in(line, name)
        for column, inner in columns.items():
            _put(inside, inner, row.get(column, ""))
        if inside:
            line[name] = inside
    for column, name in _LINE_TEXT.items():
        _put(words, name, row.get(column, ""))
    return line, words


def _line_order(row: Mapping[str, object]) -> tuple[int, str]:
    """By the number of the line; those without one come last, in the order of the rows."""
    number = str(row.get(LINE_NUMBER, ""))
    plain = number.isascii() and number.isdigit()
    return (0, number.rjust(9, "0")) if plain else (1, "")


def _can_be_rows(lines: Sequence[object]) -> bool:
    """Whether each line is a map with an id of its own that a cell can hold."""
    ids = [line.get("id") if isinstance(line, dict) else None for line in lines]
    return all(_fits(each) for each in ids) and len(set(map(str, ids))) == len(ids)


def _moved(source: dict[str, Any], columns: Mapping[str, str]) -> Cells:
    """Takes out of a map the texts that cells can hold."""
    return {
        column: str(source.pop(name)) for column, name in columns.items() if _fits(source.get(name))
    }


def _counts(source: dict[str, Any]) -> Cells:
    """Takes out of a map its counts: whole numbers, or bands such as 1-4."""
    found: Cells = {}
    for name in _COUNTS:
        value = source.get(name)
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        if whole or (_fits(value) and not _is_whole(str(value))):
            found[name] = str(source.pop(name))
    return found


def _has_words(said: object) -> bool:
    return isinstance(said, dict) and bool(said)


def _fits(value: object) -> bool:
    return isinstance(value, str) and value != "" and _NO_CELL.search(value) is None


def _is_whole(cell: str) -> bool:
    """Whether a cell is a whole number as it is written; `05` and bands are none."""
    return cell.isascii() and cell.isdigit() and len(cell) <= 16 and str(int(cell)) == cell


def _drop_first(holder: dict[str, Any], name: str, inner: str) -> None:
    """Takes the first entry off a list in a map, and what is empty then."""
    holder[name][inner] = holder[name][inner][1:]
    if not holder[name][inner]:
        holder[name].pop(inner)
    if not holder[name]:
        holder.pop(name)


def _put(target: dict[str, Any], name: str, value: object) -> None:
    if value != "":
        target[name] = value


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    # In JSON these may stand escaped, so that a cell can hold them.
    for letters in ("\ufffe", "\uffff"):
        text = text.replace(letters, f"\\u{ord(letters):04x}")
    return text.replace("_x", "\\u005fx")


def _json_map(cell: str, column: str) -> dict[str, Any]:
    if not cell:
        return {}
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise CellsRefused(column, "is no JSON object", "export it again, and leave this column")
    return found


def _map_in(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = holder.get(name, {})
    if not isinstance(found, dict):
        raise CellsRefused(MORE, f"has no object in {name}", "export it again")
    return found


def header(*, numbers: bool) -> list[str]:
    """The columns of an export."""
    return [*COLUMNS, *SHOWN, *(NUMBERS if numbers else ())]


def unknown_columns(columns: Iterable[str]) -> list[str]:
    """Columns that no export has."""
    known = {*COLUMNS, *SHOWN, *NUMBERS}
    return [column for column in columns if column not in known]
