"""Writes what a node holds into a table: CSV or XLSX, safe to open, and to be imported again.

Owns the way out. Things are asked for page by page and told as `export_columns` says. Only what was
signed is exported, nothing that rows brought and that stays at home. Text of others in which the
detector finds personal data is left out, and a column says so (Spec: 13.4.6).

Every field of CSV is quoted, and every cell of XLSX is a string that nothing turns into a formula,
a link or a number (Threat 40). A file is written beside its place and moved there whole.
"""

from __future__ import annotations

import csv
import io
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from hutong_adapters.export_columns import (
    LINE_NUMBERS,
    THING_NUMBERS,
    Cells,
    header,
    rows_of,
    safe,
)
from hutong_adapters.interface import NodeRefused
from hutong_adapters.plain_text import with_codes
from hutong_adapters.row_ids import HUTONG_ID, HUTONG_REVISION
from hutong_protocol.personal_data import findings

PAGE: Final = 200
XLSX_CHARACTERS_MAX: Final = 32_767
"""As many as a cell of a workbook holds."""
XLSX_ROWS_MAX: Final = 1_048_576
FORMATS: Final = ("csv", "xlsx")
TYPES: Final = ("need/1", "offer/1", "org/1", "incident/1")
"""Types that an export has: those that can be imported."""

SHORT_ID: Final = 16
"""Characters of an organisation's id beside its name, prefix included: as many as in lists."""

_ALLOWED_KEYS: Final = ("desk", "waybill", "source")
"""What is no free text: an organisation's desk and numbers of carriers (Spec: 13.4.1), and keyed
ids of rows, which are bytes."""


class ExportRefused(Exception):
    """Nothing was written; the message says why and what to do."""


class ThingsNode(Protocol):
    """What an export needs of a node."""

    async def things(self, query: Mapping[str, str]) -> dict[str, Any]:
        """A page of things. Raises NodeRefused or NodeUnavailable."""
        ...

    async def thing(self, identifier: str, query: Mapping[str, str]) -> dict[str, Any]:
        """A thing, whole. Raises NodeRefused or NodeUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Exported:
    """The rows of an export by column, and how many things they are of."""

    columns: list[str]
    rows: list[Cells]
    things: int
    hidden: int


async def collect(
    node: ThingsNode,
    wanted: Mapping[str, str],
    *,
    own: str | None = None,
    numbers: bool = False,
    on_things: Callable[[int], None] = lambda things: None,
) -> Exported:
    """The rows of all things that fit.

    Args:
        wanted: the filters of `GET /v1/things`, and `as_of`.
        own: only things that this organisation looks after.
        numbers: also what the records come to.
        on_things: is told how many things there are so far, for a display of progress.

    Raises:
        NodeRefused, NodeUnavailable: the node didn't tell.
    """
    rows: list[Cells] = []
    things = hidden = 0
    query = {**wanted, "limit": str(PAGE)}
    at = {name: value for name, value in wanted.items() if name == "as_of"}
    while True:
        page = await node.things(query)
        # One instant for all of them, however long it takes.
        at = at or {"as_of": str(page["as_of"])}
        query |= at
        for item in page["things"]:
            if item["type"] not in TYPES or (own is not None and item["steward"]["id"] != own):
                continue
            whole = await _whole(node, item["id"], at)
            if whole is None or whole["facts"] is None:
                continue
            found = thing_rows(whole, numbers=numbers)
            rows += found
            things += 1
            hidden += bool(found[0]["hidden"])
            on_things(things)
        if page.get("next") is None:
            return Exported(header(numbers=numbers), rows, things, hidden)
        query["after"] = str(page["next"])


async def _whole(node: ThingsNode, identifier: str, at: Mapping[str, str]) -> dict[str, Any] | None:
    try:
        return await node.thing(identifier, at)
    except NodeRefused as refused:
        if refused.code == "not-found":
            return None  # it was erased between two questions
        raise


def thing_rows(whole: Mapping[str, Any], *, numbers: bool) -> list[Cells]:
    """The rows of one thing, as the node tells it."""
    thing = whole["thing"]
    facts, text, hidden = _without_personal(whole["facts"], whole["text"] or {})
    shown: Cells = {
        HUTONG_ID: thing["id"],
        HUTONG_REVISION: whole["revision"],
        "by": _who(thing["author"]),
        "hidden": "; ".join(hidden),
    }
    if numbers:
        shown |= {name: _words(thing.get(name)) for name in THING_NUMBERS}
        shown["looked_after_by"] = _who(thing["steward"])
    rows = rows_of((thing["type"], thing["space"], thing["topic"]), facts, text)
    lines = {line["id"]: line for line in whole["lines"]}
    for row in rows:
        row |= shown
        line = lines.get(row.get("line", ""))
        if numbers and line is not None:
            row |= {name: _words(line.get(name)) for name in LINE_NUMBERS}
    return rows


def csv_bytes(exported: Exported) -> bytes:
    """An export as CSV: UTF-8 with a byte order mark, every field quoted, lines ended by CR LF."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(exported.columns)
    for row in exported.rows:
        writer.writerow([safe(row.get(column, "")) for column in exported.columns])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", errors="replace")


def xlsx_bytes(exported: Exported) -> bytes:
    """An export as a workbook of one sheet, in which every cell is a string.

    Raises:
        ExportRefused: a cell or the sheet is too long for a workbook, or the library is missing.
    """
    try:
        import xlsxwriter
    except ImportError:
        raise ExportRefused(
            "workbooks need an extra package: install hutong[sheets], or write CSV"
        ) from None
    if len(exported.rows) >= XLSX_ROWS_MAX:
        raise ExportRefused(f"{len(exported.rows)} rows are more than a workbook has: write CSV")
    out = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("hutong")
        sheet.freeze_panes(1, 0)
        # As text, so that what is typed into a cell stays as it was typed.
        as_text = book.add_format({"num_format": "@"})
        sheet.set_column(0, len(exported.columns) - 1, None, as_text)
        for column, name in enumerate(exported.columns):
            sheet.write_string(0, column, name, as_text)
        for place, row in enumerate(exported.rows, start=1):
            for column, name in enumerate(exported.columns):
                cell = safe(row.get(name, ""))
                if len(cell.encode("utf-16-le")) // 2 > XLSX_CHARACTERS_MAX:
                    raise ExportRefused(
                        f"{row[HUTONG_ID]}: {name} is too long for a workbook: write CSV"
                    )
                if cell:
                    sheet.write_string(place, column, cell, as_text)
    return out.getvalue()


def write_file(path: Path, content: bytes, *, replace: bool) -> None:
    """Puts a whole file in its place.

    Raises:
        ExportRefused: it is there already, or can't be written.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        if not replace and path.exists():
            raise ExportRefused(f"{path} is there already: name another file, or say --force")
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            beside.replace(path)
        else:
            # Unlike a rename, a link fails where somebody else was quicker.
            os.link(beside, path)
    except FileExistsError:
        raise ExportRefused(f"{path} is there already: name another file") from None
    except OSError as error:
        raise ExportRefused(f"{path} can't be written: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)


def _without_personal(
    facts: Mapping[str, Any], text: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Both parts without texts in which personal data is found, and where it was."""
    found: list[str] = []

    def clean(value: Any, path: Sequence[str]) -> Any:
        if isinstance(value, str):
            kinds = dict.fromkeys(finding.kind.value for finding in findings(value))
            if kinds:
                found.append(f"{'.'.join(path)}: {', '.join(kinds)}")
            return "" if kinds else value
        if isinstance(value, list):
            return [clean(inner, path) for inner in value]
        if isinstance(value, Mapping):
            return {
                name: inner if name in _ALLOWED_KEYS else clean(inner, [*path, name])
                for name, inner in value.items()
                if not findings(name)
            }
        return value

    cleaned = clean(facts, []), clean(text, [])
    return *cleaned, found


def _who(author: Mapping[str, Any]) -> str:
    """An organisation: the name that it gives itself, and what nobody can take from it, its id."""
    identifier = str(author["id"])
    name = str(author.get("name") or "")
    if not name:
        return identifier
    shown = "(hidden)" if findings(name) else " ".join(with_codes(name).split())
    return f"{shown} ({identifier[:SHORT_ID]})"


def _words(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        return ", ".join(map(str, value))
    return str(value)
