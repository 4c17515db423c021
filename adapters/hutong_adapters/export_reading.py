"""Reads an export back: rows that were edited in a spreadsheet become drafts again.

Owns the built-in mapping `hutong-export`, which is no file: which column is what is fixed by
`export_columns`, and apostrophes that made cells safe are taken away. Rows of one record belong
together by their `hutong_id`; a row without one is a new record, and so are further rows below it
with the same title and place, as its further lines.

A row of an export says from which version it was made, so that the node can refuse an edit of
something that was revised since.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from hutong_adapters.columns import Pointer
from hutong_adapters.drafted import Drafted
from hutong_adapters.export_columns import (
    COLUMNS,
    LINE_COLUMNS,
    NAMED,
    NUMBERS,
    SHOWN,
    TIME_COLUMNS,
    CellsRefused,
    joined,
    line_paths,
    lines_in_order,
    thing_paths,
    unknown_columns,
    unsafe,
)
from hutong_adapters.interface import DraftRow, MappingRefused, Refusal, Row
from hutong_adapters.layout_spec import Reading
from hutong_adapters.mapping import KeySpec, MapSpec, RowMapping
from hutong_adapters.planning import Plan, expand
from hutong_adapters.row_ids import HUTONG_ID, identified, settle_ids
from hutong_adapters.rows import Form, Sheet, read_sheet
from hutong_protocol.schema import Problem, record_problems
from hutong_protocol.schema.jsonform import facts_from_json

NAME: Final = "hutong-export"
ABOUT: Final = "a table that `hutong export` wrote, to be imported again after it was edited"
_FORM_VERSION: Final = b"hutong-export 1"
_KEY_CHARACTERS: Final = 32
_LOCAL_DATE: Final = re.compile(r"[0-9]{2,4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,4}[^+Z]*$")
_TIME_EXAMPLE: Final = "2035-01-31T23:59:59+08:00"
_KEY_COLUMNS: Final = ("title", "place_name", "place_code")
"""By these a row without an id is known again until it has one."""


def export_mapping() -> RowMapping:
    """The mapping by its name, as far as an import asks for it."""
    columns: tuple[Pointer, ...] = tuple((column,) for column in _KEY_COLUMNS)
    nothing = MapSpec({})
    return RowMapping(
        name=NAME,
        digest=hashlib.sha256(_FORM_VERSION).hexdigest(),
        about=ABOUT,
        type="need/1",
        topic="",
        space=None,
        source=NAME,
        platform=None,
        screening=False,
        complete=False,
        form=Form(),
        key=KeySpec(columns),
        facts=nothing,
        text=nothing,
        sensitive={},
        ignored=(),
        dropped=(),
        optional=(),
        parameters={},
    )


def make_export_plan(
    paths: Iterable[Path], *, on_row: Callable[[int], None] = lambda rows: None
) -> Plan:
    """What an import of exports would send.

    Raises:
        FileRefused: a file can't be read.
        MappingRefused: it has not the columns of an export.
    """
    mapping = export_mapping()
    names = (*COLUMNS, *SHOWN, *NUMBERS)
    reading = Reading(mentioned=names, read=frozenset(COLUMNS), amounts=frozenset())
    sheets = [read_sheet(path, mapping.form, reading) for path in expand(paths)]
    for sheet in sheets:
        _check_columns(sheet)
    rows = [_plain(row) for sheet in sheets for row in sheet.rows]
    refused = [refusal for sheet in sheets for refusal in sheet.refused]
    drafted: list[Drafted] = []
    for done, group in enumerate(_groups(rows), start=1):
        result = _draft(group)
        if isinstance(result, Drafted):
            drafted.append(result)
        else:
            refused += result
        on_row(done)
    kept, twice = settle_ids(drafted)
    kept, same_key = _settle_keys(kept)
    return Plan(
        *(mapping, "", "", tuple(sheets), tuple(kept), ()),
        *((*refused, *twice, *same_key), ()),
        any_source=True,
    )


def _check_columns(sheet: Sheet) -> None:
    names = [column[0] for column in sheet.columns]
    extra = unknown_columns(names)
    gone = [column for column in COLUMNS if column not in names]
    problems = []
    if gone:
        listed = ", ".join(gone)
        problems.append(f"{sheet.file}: lacks columns of an export: {listed}. Export it again")
    if extra:
        listed = ", ".join(f'"{name}"' for name in extra)
        problems.append(f"{sheet.file}: has columns that no export has: {listed}. Take them out")
    if problems:
        raise MappingRefused(problems)


def _plain(row: Row) -> Row:
    """A row with its cells as they were before they were made safe."""
    # A number of a workbook is its characters here, as in every cell that an export wrote.
    cells = {
        name: unsafe(str(cell)) if isinstance(cell, str) else "" for name, cell in row.cells.items()
    }
    return replace(row, cells=cells)


def _groups(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows of each record, in the order in which the first of them stands."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        identifier = _cell(row, HUTONG_ID).strip()
        columns = (*NAMED, *_KEY_COLUMNS)
        group = (identifier,) if identifier else (row.file, *(_cell(row, name) for name in columns))
        found.setdefault(group, []).append(row)
    return list(found.values())


def _draft(rows: list[Row]) -> Drafted | list[Refusal]:
    first = rows[0]
    cells = [{name: _cell(row, name) for name in row.cells} for row in rows]
    try:
        said = joined(cells)
    except CellsRefused as refused:
        place = first.addresses.get(refused.column)
        name = f"{refused.column} ({place})" if place else refused.column
        return [Refusal(first.file, first.number, name, refused.rule, refused.way_out)]
    type_name, space, topic = said.named
    draft = DraftRow(
        *(_key(first), type_name, space, topic),
        *(said.facts, said.text, first.label),
    )
    drafted = Drafted(draft, first, _cells_of(rows))
    named = identified(drafted)
    if isinstance(named, Refusal):
        return [named]
    return _problems(named) or named


def _problems(drafted: Drafted) -> list[Refusal]:
    """Why the core would not sign a draft, by its cells."""
    draft = drafted.draft
    facts, problems = facts_from_json(draft.type, draft.facts)
    if not problems:
        problems = record_problems(draft.type, refs=(), facts=facts, text=draft.text)
    return [drafted.refusal(each.path, each.rule, _way_out(drafted, each)) for each in problems]


def _way_out(drafted: Drafted, problem: Problem) -> str:
    column = TIME_COLUMNS.get(problem.path)
    if column is not None and _LOCAL_DATE.match(_cell(drafted.row, column)):
        # A cell that is a date says no offset, and which is meant nobody can tell from it.
        return (
            f"a date alone is another moment in each zone: write it as text with the time and the"
            f" offset, for example {problem.example or _TIME_EXAMPLE}"
        )
    return f"for example {problem.example}" if problem.example else ""


def _settle_keys(drafts: Iterable[Drafted]) -> tuple[list[Drafted], list[Refusal]]:
    """New records that can't be told apart: the same title and place in two files."""
    seen: dict[str, Drafted] = {}
    refused = []
    for each in drafts:
        other = seen.setdefault(each.draft.key, each)
        if other is not each:
            rule = f"is the same new record as {other.row.label}"
            refused.append(each.refusal("key", rule, "give it another title"))
    return list(seen.values()), refused


def _key(row: Row) -> str:
    """By what a row is known again: its record, or for a new one what it is called and where."""
    identifier = _cell(row, HUTONG_ID).strip()
    columns = (*NAMED, *_KEY_COLUMNS)
    said = [identifier] if identifier else [_cell(row, column) for column in columns]
    hashed = hashlib.sha256(b"hutong/export-key/1\0" + json.dumps(said).encode("ascii")).digest()
    return base64.b32encode(hashed).decode("ascii").lower()[:_KEY_CHARACTERS]


def _cells_of(rows: list[Row]) -> Mapping[str, tuple[str, ...]]:
    """The cells behind a record, as far as they can be told by column."""
    first = rows[0]

    def place(row: Row, column: str) -> str:
        address = row.addresses.get(column)
        return f"{column} ({address})" if address else column

    found = {"key": tuple(place(first, column) for column in _KEY_COLUMNS)}
    for column in first.cells:
        for path in thing_paths(column):
            found[path] = (place(first, column),)
    for number, row in enumerate(lines_in_order([row.cells for row in rows])):
        told = rows[row]
        found[f"lines[{number}]"] = tuple(place(told, column) for column in ("line", "item"))
        for column in LINE_COLUMNS:
            for path in line_paths(column, number, _cell(told, "line")):
                found[path] = (place(told, column),)
    return found


def _cell(row: Row, column: str) -> str:
    cell = row.cells.get(column, "")
    return cell if isinstance(cell, str) else ""
