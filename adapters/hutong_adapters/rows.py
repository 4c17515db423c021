"""Reads rows out of UTF-8 CSV, JSON and JSON lines, strictly; nothing is read into them.

Owns the way from bytes to `Row`. A file that can't be read to its end is refused as a whole
(`FileRefused`), so that nothing is half-imported; a row that is wrong by itself (too many cells, a
character that records can't hold) is a `Refusal`, and the others stay.

No cell is converted: text stays text, a JSON number stays its characters. Other encodings and
spreadsheets are other readers' business. Threats 41, 42, 47.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hutong_adapters.columns import Pointer, column_text, columns_of
from hutong_adapters.interface import Cell, FileRefused, Number, Refusal, Row

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A file is held in memory while it is mapped; 20,000 rows of 3 KB fit."""
ROWS_MAX: Final = 20_000
COLUMNS_MAX: Final = 200
CELL_CHARACTERS_MAX: Final = 65_536
"""As long as the longest part of a record."""
NESTING_MAX: Final = 16

FORMATS: Final = {"csv": (".csv",), "json": (".json",), "jsonl": (".jsonl", ".ndjson")}
"""Formats by name, with the endings by which they are recognised."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the rows lie in a file. `at` leads to the array of a JSON file that is an object."""

    format: str | None = None
    delimiter: str = ","
    at: Pointer = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of one file, its columns, and the rows that couldn't be read."""

    file: str
    columns: tuple[Pointer, ...]
    rows: tuple[Row, ...]
    refused: tuple[Refusal, ...] = ()
    blank: int = 0
    """Rows without any content, which are passed over."""


def read_sheet(path: Path, form: Form) -> Sheet:
    """The rows of a file. Its name without folders stands in every place that is told.

    Raises:
        FileRefused: too large, not UTF-8, not in its format, columns without names, too many rows.
    """
    name = path.name
    format_name = form.format or _format_of(path)
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise FileRefused(name, f"is {size} bytes, more than {FILE_BYTES_MAX}", "split it")
        data = path.read_bytes()
    except OSError as error:
        raise FileRefused(name, f"can't be opened: {error.strerror}") from None
    text = _decoded(name, data)
    if format_name == "csv":
        return _read_csv(name, text, form.delimiter)
    if format_name == "json":
        return _sheet(name, _json_elements(name, text, form.at))
    return _sheet(name, _json_lines(name, text))


def _format_of(path: Path) -> str:
    for name, endings in FORMATS.items():
        if path.suffix.lower() in endings:
            return name
    raise FileRefused(
        path.name,
        "is of no known format by its ending",
        'state it in the mapping: [rows] format = "csv", "json" or "jsonl"',
    )


def _decoded(name: str, data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileRefused(name, "is UTF-16", "save it as UTF-8")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileRefused(name, f"is not UTF-8 (line {line})", "save it as UTF-8") from None


# --- CSV


def _read_csv(name: str, text: str, delimiter: str) -> Sheet:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise FileRefused(name, f"has a NUL character (line {line})", "export it again as CSV")
    records = _csv_records(name, text, delimiter)
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
        if len(rows) > ROWS_MAX:
            raise FileRefused(name, f"has more than {ROWS_MAX} rows", "split it")
    columns = tuple((column,) for column in names)
    return Sheet(name, columns, tuple(rows), tuple(refused), blank)


def _csv_records(name: str, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Every record with the line in which it ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileRefused(
                name,
                f"is no CSV from line {begins} on: {error}",
                "a quote is opened and not closed, or a cell is too long",
            ) from None
        yield reader.line_num, cells
        begins = reader.line_num + 1


def _header(name: str, cells: Sequence[str]) -> list[str]:
    """The names of the columns; one without a name is called by its place."""
    if not cells:
        raise FileRefused(name, "is empty", "the first row names the columns")
    if len(cells) > COLUMNS_MAX:
        raise FileRefused(name, f"has {len(cells)} columns, more than {COLUMNS_MAX}")
    names = [cell.strip() or f"(column {place})" for place, cell in enumerate(cells, start=1)]
    twice = sorted({column for column in names if names.count(column) > 1})
    if twice:
        raise FileRefused(name, f"has a column twice: {', '.join(twice)}", "rename one of them")
    return names


# --- JSON


def _json_elements(name: str, text: str, at: Pointer) -> list[tuple[int, Cell]]:
    found = _json(name, text)
    for key in at:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        where = column_text(at) if at else "the file"
        way_out = 'say where it is, for example [rows] at = "/data"'
        raise FileRefused(name, f"{where} is no array of rows", way_out)
    return list(enumerate(found, start=1))


def _json_lines(name: str, text: str) -> list[tuple[int, Cell]]:
    # Only LF ends a line: a text may hold other line separators unescaped.
    return [
        (number, _json(name, line, number))
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]


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
        raise FileRefused(name, f"is no JSON: {error.msg} ({where})") from None
    except _NoJsonError as error:
        where = f" (line {line})" if line else ""
        raise FileRefused(name, f"{error}{where}") from None
    except RecursionError:
        raise FileRefused(name, f"is nested deeper than {NESTING_MAX}") from None
    if _nested_deeper(value, NESTING_MAX):
        raise FileRefused(name, f"is nested deeper than {NESTING_MAX}")
    return value


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


def _sheet(name: str, elements: Sequence[tuple[int, Cell]]) -> Sheet:
    if len(elements) > ROWS_MAX:
        raise FileRefused(name, f"has more than {ROWS_MAX} rows", "split it")
    rows: list[Row] = []
    refused: list[Refusal] = []
    blank = 0
    for number, element in elements:
        if not isinstance(element, dict):
            refused.append(Refusal(name, number, "", "is no object with columns"))
        elif not any(_filled(cell) for cell in element.values()):
            blank += 1
        else:
            row = Row(name, number, element)
            problem = _unusable(row)
            refused += [problem] if problem else []
            rows += [] if problem else [row]
    columns = columns_of(rows)
    if len(columns) > COLUMNS_MAX:
        raise FileRefused(name, f"has {len(columns)} columns, more than {COLUMNS_MAX}")
    return Sheet(name, tuple(columns), tuple(rows), tuple(refused), blank)


def _filled(cell: Cell) -> bool:
    return cell is not None and cell != "" and cell != [] and cell != {}


# --- Both


def _unusable(row: Row) -> Refusal | None:
    """Why no record could hold what is in a row, if so."""
    for name, cell in row.cells.items():
        for pointer, text in _texts((name,), cell):
            rule = _text_rule(text)
            if rule:
                return Refusal(row.file, row.number, column_text(pointer), rule)
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
