"""Reads rows out of tables of text, workbooks, JSON and JSON lines, strictly.

Owns the way from a file to `Row`. A file that can't be read to its end is refused as a whole
(`FileRefused`), so that nothing is half-imported; a row that is wrong by itself (too many cells, a
character that records can't hold) is a `Refusal`, and the others stay. No cell is converted: text
stays text, a number stays its characters.

Workbooks are read by `sheet_process`, encodings found by `encodings`. What of a sheet is a row is
said by the mapping and found by `layout`; a table of text without such words has its header in row
1 and nothing but rows below. Threats 41, 42, 47.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from hutong_adapters.columns import Pointer, column_text, columns_of, shown_column
from hutong_adapters.encodings import AUTO, decode
from hutong_adapters.grid import CELL_CHARACTERS_MAX, COLUMNS_MAX, ROWS_MAX
from hutong_adapters.interface import Cell, FileRefused, Number, Refusal, Row
from hutong_adapters.json_tables import ColumnNames, json_grid
from hutong_adapters.layout import COUNTED, LaidOut, Table, lay_out
from hutong_adapters.layout_spec import Layout, Reading
from hutong_adapters.sheet_process import Workbook, read_workbook
from hutong_adapters.text_tables import (
    FEWER,
    check_count,
    check_even,
    csv_records,
    text_grid,
    too_many_rows,
)

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A file is held in memory while it is mapped; 20,000 rows of 3 KB fit."""
NESTING_MAX: Final = 16

FORMATS: Final = {
    "csv": (".csv",),
    "tsv": (".tsv",),
    "xlsx": (".xlsx",),
    "ods": (".ods",),
    "json": (".json",),
    "jsonl": (".jsonl", ".ndjson"),
}
"""Formats by name, with the endings by which they are recognised."""
NOT_READ: Final = {
    ".xls": "save it as .xlsx",
    ".xlsm": "it may have macros: ask the sender for an .xlsx, don't open it for that",
    ".xlsb": "save it as .xlsx",
    ".et": "save it as .xlsx",
    ".numbers": "export it as .xlsx",
    ".fods": "save it as .ods",
}
"""Endings of sheets that are not read, with the way out."""
_TEXT: Final = {"csv": ",", "tsv": "\t"}
_EXPORT: Final = "export it again"
_WORKBOOKS: Final = frozenset({"xlsx", "ods"})


@dataclass(frozen=True, slots=True)
class Form:
    """How the rows lie in a file.

    `delimiter` is that of the format if it is None. `at` leads to the array of a JSON file that is
    an object. `layout` is what the mapping says about sheets, if it says anything.
    """

    format: str | None = None
    delimiter: str | None = None
    at: Pointer = ()
    encoding: str | tuple[str, ...] = AUTO
    layout: Layout | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of one file, its columns, and the rows that couldn't be read.

    `tables` are the columns under each header, where a layout found several; then `columns` are all
    of them. `passed` counts what the layout took for no row, by kind. `notes` are what a person
    should know of how the file was read.
    """

    file: str
    columns: tuple[Pointer, ...]
    rows: tuple[Row, ...]
    refused: tuple[Refusal, ...] = ()
    blank: int = 0
    """Rows without any content, which are passed over."""
    tables: tuple[Table, ...] = ()
    passed: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()


def read_sheet(path: Path, form: Form, reading: Reading | None = None) -> Sheet:
    """The rows of a file. Its name without folders stands in every place that is told.

    Args:
        reading: what the mapping does with columns, for files that have a layout.

    Raises:
        FileRefused: too large, in no encoding or format that is read, hostile, columns without
            names, too many rows, or not laid out as the mapping says.
    """
    name = path.name
    format_name = form.format or _format_of(path)
    reading = reading or Reading()
    data = _bytes_of(path, format_name)
    if format_name in _WORKBOOKS:
        return _read_workbook(path, form.layout or Layout(), reading)
    if format_name in _TEXT:
        return _read_text(name, data, form.delimiter or _TEXT[format_name], form, reading)
    text = _json_text(name, data)
    if format_name == "jsonl":
        return _sheet(name, _json_lines(name, text))
    elements = _json_elements(name, text, form.at)
    if form.layout is None:
        return _sheet(name, elements)
    if elements and all(isinstance(element, list) for _, element in elements):
        grid = json_grid(name, elements)
        return _laid_out(name, [lay_out(grid, form.layout, reading, label=name, even=True)], [])
    return _sheet(name, elements, ColumnNames(form.layout, reading))


def read_grids(path: Path, wanted: str | Sequence[str]) -> Workbook | None:
    """The cells of a table before anything says what a row is; None for JSON that is no table.

    Args:
        wanted: which sheets of a workbook, as `sheet_process.read_workbook` takes them.

    Raises:
        FileRefused: as `read_sheet`, as far as there is no layout.
    """
    format_name = _format_of(path)
    data = _bytes_of(path, format_name)
    if format_name in _WORKBOOKS:
        return read_workbook(path, wanted)
    if format_name in _TEXT:
        delimiter = _TEXT[format_name]
        text, notes = _plain_text(path.name, data, delimiter, AUTO)
        return Workbook((text_grid(path.name, text, delimiter),), tuple(notes))
    if format_name == "jsonl":
        return None
    elements = _json_elements(path.name, _json_text(path.name, data), ())
    if not elements or not all(isinstance(element, list) for _, element in elements):
        return None
    return Workbook((json_grid(path.name, elements),), ())


def _bytes_of(path: Path, format_name: str) -> bytes:
    """The content of a file; nothing of a workbook, which is read by a process of its own."""
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            rule = f"is {size} bytes, more than {FILE_BYTES_MAX}"
            raise FileRefused(path.name, rule, "split it", name="too-large")
        return b"" if format_name in _WORKBOOKS else path.read_bytes()
    except OSError as error:
        raise FileRefused(path.name, f"can't be opened: {error.strerror}") from None


def _json_text(name: str, data: bytes) -> str:
    decoded = decode(name, data, "utf-8")
    if decoded.encoding != "utf-8":
        rule = f"is {decoded.encoding.upper()}"
        raise FileRefused(name, rule, "save it as UTF-8", name="wrong-encoding")
    check_count(name, decoded.text, "commas and brackets", ",", "[", "{")
    return decoded.text


def _format_of(path: Path) -> str:
    for name, endings in FORMATS.items():
        if path.suffix.lower() in endings:
            return name
    way_out = NOT_READ.get(path.suffix.lower())
    if way_out is not None:
        rule = f"is of a format that is not read ({path.suffix.lower()})"
        raise FileRefused(path.name, rule, way_out, name="not-read")
    raise FileRefused(
        path.name,
        "is of no known format by its ending",
        f"state it in the mapping: [rows] format = one of {', '.join(FORMATS)}",
        name="not-read",
    )


# --- Sheets


def _read_workbook(path: Path, layout: Layout, reading: Reading) -> Sheet:
    found = read_workbook(path, layout.sheets)
    if not found.grids:
        raise FileRefused(path.name, "has no sheet with content", name="empty")
    several = len(found.grids) > 1
    laid_out = [
        lay_out(
            grid, layout, reading, label=f"{path.name} [{grid.sheet}]" if several else path.name
        )
        for grid in found.grids
    ]
    return _laid_out(path.name, laid_out, found.notes)


def _laid_out(name: str, found: Sequence[LaidOut], notes: Sequence[str]) -> Sheet:
    tables = tuple(table for each in found for table in each.tables)
    rows: list[Row] = []
    refused = [refusal for each in found for refusal in each.refused]
    for row in (row for each in found for row in each.rows):
        problem = _unusable(row)
        refused += [problem] if problem else []
        rows += [] if problem else [row]
    if len(rows) + len(refused) > ROWS_MAX:
        raise too_many_rows(name)
    passed = sum((each.counts for each in found), Counter[str]())
    columns = dict.fromkeys((column,) for table in tables for column in table.columns)
    return Sheet(
        file=name,
        columns=tuple(columns),
        rows=tuple(rows),
        refused=tuple(refused),
        blank=sum(each.blank for each in found),
        tables=tables,
        passed={kind: passed[kind] for kind in COUNTED if passed[kind]},
        notes=tuple(notes),
    )


# --- Tables of text


def _read_text(name: str, data: bytes, delimiter: str, form: Form, reading: Reading) -> Sheet:
    text, notes = _plain_text(name, data, delimiter, form.encoding)
    if form.layout is None:
        sheet = _read_csv(name, text, delimiter)
        return replace(sheet, notes=tuple(notes))
    grid = text_grid(name, text, delimiter)
    if form.layout.transposed:
        check_even(grid)
    found = lay_out(grid, form.layout, reading, label=name, even=True)
    return _laid_out(name, [found], notes)


def _plain_text(
    name: str, data: bytes, delimiter: str, encoding: str | tuple[str, ...]
) -> tuple[str, list[str]]:
    """The text of a table within its limits, and what a person should know of its encoding."""
    decoded = decode(name, data, encoding)
    text = decoded.text
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        rule = f"has a NUL character (line {line})"
        raise FileRefused(name, rule, "export it again as CSV", name="nul")
    check_count(name, text, "separators of cells", delimiter)
    check_count(name, text, "lines", "\n", "\r")
    notes = [] if decoded.encoding == "utf-8" else [f"{name}: was read as {decoded.encoding}"]
    return text, notes


def _read_csv(name: str, text: str, delimiter: str) -> Sheet:
    records = csv_records(name, text, delimiter)
    _, header = next(records, (0, []))
    names = _header(name, header)
    rows: list[Row] = []
    refused: list[Refusal] = []
    blank = 0
    for number, (line, cells) in enumerate(records, start=2):
        if not any(cell.strip() for cell in cells):
            blank += 1
        elif len(cells) != len(names):
            rule = f"has {len(cells)} cells, the header {len(names)} (ends in line {line})"
            way_out = "look for a missing or stray quote or comma"
            refused.append(Refusal(name, number, "", rule, way_out))
        else:
            row = Row(name, number, dict(zip(names, cells, strict=True)))
            problem = _unusable(row)
            refused += [problem] if problem else []
            rows += [] if problem else [row]
        if len(rows) + len(refused) > ROWS_MAX:
            raise too_many_rows(name)
    columns = tuple((column,) for column in names)
    return Sheet(name, columns, tuple(rows), tuple(refused), blank)


def _header(name: str, cells: Sequence[str]) -> list[str]:
    """The names of the columns; one without a name is called by its place."""
    if not cells:
        raise FileRefused(name, "is empty", "the first row names the columns", name="empty")
    if len(cells) > COLUMNS_MAX:
        rule = f"has {len(cells)} columns, more than {COLUMNS_MAX}"
        raise FileRefused(name, rule, FEWER, name="too-many-columns")
    names = [cell.strip() or f"(column {place})" for place, cell in enumerate(cells, start=1)]
    twice = sorted({column for column in names if names.count(column) > 1})
    if twice:
        rule = f"has a column twice: {', '.join(map(shown_column, twice))}"
        raise FileRefused(name, rule, "rename one of them", name="column-twice")
    return names


# --- JSON


def _json_elements(name: str, text: str, at: Pointer) -> list[tuple[int, Cell]]:
    found = _json(name, text)
    for key in at:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        where = column_text(at) if at else "the file"
        way_out = 'say where it is, for example [rows] at = "/data"'
        raise FileRefused(name, f"{where} is no array of rows", way_out, name="no-rows")
    return list(enumerate(found, start=1))


def _json_lines(name: str, text: str) -> list[tuple[int, Cell]]:
    # Only LF ends a line: a text may hold other line separators unescaped.
    check_count(name, text, "lines", "\n")
    found: list[tuple[int, Cell]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        if len(found) == ROWS_MAX:
            raise too_many_rows(name)
        found.append((number, _json(name, line, number)))
    return found


def _json(name: str, text: str, line: int | None = None) -> Cell:
    """Any JSON value, numbers as they are written; nothing that is not JSON, no key twice."""
    try:
        value: Cell = json.loads(
            text,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_constant,
            object_pairs_hook=_no_key_twice,
        )
    except json.JSONDecodeError as error:
        where = f"line {line or error.lineno}, column {error.colno}"
        rule = f"is no JSON: {error.msg} ({where})"
        raise FileRefused(name, rule, _EXPORT, name="broken-json") from None
    except _NoJsonError as error:
        where = f" (line {line})" if line else ""
        raise FileRefused(name, f"{error}{where}", _EXPORT, name="broken-json") from None
    except RecursionError:
        raise _too_deep(name) from None
    if _nested_deeper(value, NESTING_MAX):
        raise _too_deep(name)
    return value


def _too_deep(name: str) -> FileRefused:
    rule = f"is nested deeper than {NESTING_MAX}"
    return FileRefused(name, rule, "export the rows only", name="too-deep")


def _nested_deeper(value: Cell, levels: int) -> bool:
    """Without recursion: that is what a deep value would use up."""
    inside: list[Cell] = [value]
    for _ in range(levels):
        inside = [
            inner
            for outer in inside
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not inside:
            return False
    return any(isinstance(each, dict | list) for each in inside)


class _NoJsonError(ValueError):
    pass


def _no_constant(word: str) -> Cell:
    raise _NoJsonError(f"is no JSON: {word} is no number")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise _NoJsonError(f"has an object with a key twice: {', '.join(map(repr, twice))}")
    return found


def _sheet(
    name: str, elements: Sequence[tuple[int, Cell]], names: ColumnNames | None = None
) -> Sheet:
    if len(elements) > ROWS_MAX:
        raise too_many_rows(name)
    rows: list[Row] = []
    refused: list[Refusal] = []
    blank = 0
    for number, element in elements:
        if not isinstance(element, dict):
            refused.append(_no_object(name, number, element))
        elif not any(_filled(cell) for cell in element.values()):
            blank += 1
        else:
            row = Row(name, number, element)
            problem = _unusable(row)
            named = row if names is None or problem else names.named(row)
            rows += [named] if isinstance(named, Row) and not problem else []
            refused += [problem] if problem else [named] if isinstance(named, Refusal) else []
    columns = columns_of(rows)
    if len(columns) > COLUMNS_MAX:
        rule = f"has {len(columns)} columns, more than {COLUMNS_MAX}"
        raise FileRefused(name, rule, FEWER, name="too-many-columns")
    return Sheet(name, tuple(columns), tuple(rows), tuple(refused), blank)


def _no_object(name: str, number: int, element: Cell) -> Refusal:
    way_out = ""
    if isinstance(element, list):
        way_out = "where rows are lists, say with `core` in [sheet] which columns a header names"
    return Refusal(name, number, "", "is no object with columns", way_out)


def _filled(cell: Cell) -> bool:
    return cell is not None and cell != "" and cell != [] and cell != {}


# --- Both


def _unusable(row: Row) -> Refusal | None:
    """Why no record could hold what is in a row, if so."""
    for name, cell in row.cells.items():
        for pointer, text in _texts((name,), cell):
            rule = _text_rule(text)
            if rule:
                return Refusal(row.file, row.number, shown_column(column_text(pointer)), rule)
    return None


def _text_rule(text: str) -> str:
    if len(text) > CELL_CHARACTERS_MAX:
        return f"has {len(text)} characters, more than {CELL_CHARACTERS_MAX}"
    if "\0" in text:
        return "has a NUL character"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "has half of a character (a lone surrogate)"
    return ""


def _texts(pointer: Pointer, cell: Cell) -> Iterator[tuple[Pointer, str]]:
    if isinstance(cell, str):
        yield pointer, cell
    elif isinstance(cell, dict):
        for key, inner in cell.items():
            yield (*pointer, key), key
            yield from _texts((*pointer, key), inner)
    elif isinstance(cell, list):
        for number, inner in enumerate(cell):
            yield from _texts((*pointer, str(number)), inner)
