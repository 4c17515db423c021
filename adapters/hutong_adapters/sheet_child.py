"""The process that reads a workbook: limited in memory and time, without anything to write to.

Started by `sheet_process` with a workbook on standard input, and ends with one JSON object on
standard output: the cells of the sheets that were asked for, or why not. Workbooks come from
strangers and pass through parsers; what goes wrong in here ends this process and nothing else.
Threats 37 to 39.

Owns the order: limits first, then the archive and its XML are scanned, then python-calamine reads
the values out of an archive of just the parts that were scanned. The two readers must have seen the
same cells; if not, the workbook is refused, since one of them was misled. Spec of the object: see
`sheet_process`, which checks it.

    python -m hutong_adapters.sheet_child '"one"' < needs.xlsx
"""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import io
import json
import math
import sys
from collections.abc import Mapping
from typing import Any, Final

from hutong_adapters.archive_scan import Archive, SheetRefused, packed
from hutong_adapters.grid import COLUMNS_MAX, CellKind, address, number_text
from hutong_adapters.ods_scan import CONTENT, open_ods
from hutong_adapters.plain_text import comparable
from hutong_adapters.sheet_scan import SheetScan, place
from hutong_adapters.xlsx_scan import WORKBOOK, open_xlsx

MEMORY_BYTES_MAX: Final = 512 * 1024 * 1024
CPU_S_MAX: Final = 30
INPUT_BYTES_MAX: Final = 64 * 1024 * 1024
OUTPUT_BYTES_MAX: Final = 64 * 1024 * 1024
UNSEEN_NAMED_MAX: Final = 20
"""Hidden rows that are named; the others are counted."""
ONE: Final = "one"
"""The only visible sheet with content; several of them need a choice."""
ALL: Final = "all"
"""Every visible sheet with content."""

_SAVE_AGAIN: Final = "open it in a spreadsheet program, save it again, and import that"


def main() -> int:
    """Reads one workbook; returns the exit code."""
    limited = limit_process()
    gc.disable()  # millions of cells, no cycles, and the process ends with them
    try:
        wanted = json.loads(sys.argv[1])
        data = sys.stdin.buffer.read(INPUT_BYTES_MAX + 1)
        found = read_workbook(data, wanted) | {"limited": limited}
        said = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        written = said.encode("utf-8", "surrogatepass")
        if len(written) > OUTPUT_BYTES_MAX:
            raise SheetRefused("too-much-text", "has more content than is read at once", "split it")
    except SheetRefused as refused:
        written = _refusal_json(refused)
    except MemoryError:
        rule = f"needs more than {MEMORY_BYTES_MAX >> 20} MiB of memory"
        written = _refusal_json(SheetRefused("too-much-memory", rule, "split it"))
    sys.stdout.buffer.write(written)
    sys.stdout.buffer.flush()
    return 0


def limit_process() -> bool:
    """Takes memory, time, files and further processes from this process.

    Returns whether its memory is limited: not every system can.
    """
    import resource

    limits = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, CPU_S_MAX),
        (resource.RLIMIT_NPROC, 0),
    ]
    for which, most in limits:
        _limit(resource, which, most)
    return _limit(resource, resource.RLIMIT_AS, MEMORY_BYTES_MAX)


def _limit(resource: Any, which: int, most: int) -> bool:
    try:
        hard = resource.getrlimit(which)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(which, (most, most))
    except (ValueError, OSError):
        return False
    return True


def read_workbook(data: bytes, wanted: str | list[str]) -> dict[str, Any]:
    """The sheets of a workbook as the JSON object that this process ends with.

    Args:
        wanted: `ONE`, `ALL`, or the names of sheets, compared as people read them.

    Raises:
        SheetRefused: it can't be read, or has not the sheets that are wanted.
    """
    if len(data) > INPUT_BYTES_MAX:
        raise SheetRefused("too-large", f"is larger than {INPUT_BYTES_MAX} bytes", "split it")
    archive = Archive(data)
    if WORKBOOK in archive.names:
        workbook = open_xlsx(archive)
        listed = [(sheet.name, sheet.hidden) for sheet in workbook.sheets]
        chosen = _chosen(listed, wanted)
        scans = [workbook.scan(sheet) for sheet in workbook.sheets if sheet.name in chosen]
        parts = workbook.parts
    elif CONTENT in archive.names:
        ods = open_ods(archive)
        listed = [(sheet.name, sheet.hidden) for sheet in ods.sheets]
        chosen = _chosen(listed, wanted)
        scans = [sheet for sheet in ods.sheets if sheet.name in chosen]
        parts = ods.parts
    else:
        raise SheetRefused("not-a-workbook", "is an archive, but no workbook", "name the workbook")
    if not isinstance(wanted, list):
        scans = [scan for scan in scans if scan.filled or scan.formulas]
    if wanted == ONE and len(scans) > 1:
        names = ", ".join(scan.name for scan in scans)
        way_out = 'say which in [sheet] of the mapping: sheets = ["..."] or "all"'
        raise SheetRefused("several-sheets", f"has several sheets: {names}", way_out)
    hidden = [name for name, unseen in listed if unseen and name not in chosen]
    return {"sheets": _values(packed(parts), scans), "hidden": hidden}


def _chosen(listed: list[tuple[str, bool]], wanted: str | list[str]) -> set[str]:
    """The names of the sheets to look at."""
    if not isinstance(wanted, list):
        return {name for name, hidden in listed if not hidden}
    names = {comparable(name): name for name, _ in listed}
    missing = [name for name in wanted if comparable(name) not in names]
    if missing:
        there = ", ".join(name for name, _ in listed)
        raise SheetRefused(
            "no-such-sheet",
            f"has no sheet {', '.join(missing)}",
            f"it has {there}: correct `sheets` in [sheet]",
        )
    return {names[comparable(name)] for name in wanted}


def _values(data: bytes, scans: list[SheetScan]) -> list[dict[str, Any]]:
    if not scans:
        return []
    try:
        import python_calamine
    except ImportError:
        raise SheetRefused(
            "extra-missing",
            "is a workbook, and the package that reads them is not installed",
            "python -m pip install 'hutong[sheets]'",
        ) from None
    found = []
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        for scan in scans:
            values = workbook.get_sheet_by_name(scan.name).to_python(skip_empty_area=False)
            found.append(_sheet_json(scan, values))
    except (MemoryError, SheetRefused):
        raise
    # The outermost loop of this process; calamine also ends by panics, which are no Exception.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise SheetRefused(
            "broken-workbook", f"can't be read ({type(error).__name__})", _SAVE_AGAIN
        ) from None
    return found


def _sheet_json(scan: SheetScan, values: list[list[Any]]) -> dict[str, Any]:
    """A sheet: rows of cells, each null, a text, or [kind, text] with its formula if it has one."""
    widths: dict[int, int] = {}
    for here in scan.filled | scan.formulas.keys():
        row, column = divmod(here, COLUMNS_MAX)
        widths[row] = max(widths.get(row, 0), column + 1)
    rows: list[list[Any]] = []
    for row in range(max(widths, default=-1) + 1):
        line = values[row] if row < len(values) else []
        if any(value != "" for value in line[COLUMNS_MAX:]):
            raise _misled(scan, row, COLUMNS_MAX)
        cells: list[Any] = []
        for column in range(max(widths.get(row, 0), min(len(line), COLUMNS_MAX))):
            here = place(row, column)
            cell = _cell_json(scan, here, line[column] if column < len(line) else "")
            if here in scan.filled:
                misled = cell is None
            else:
                misled = here not in scan.formulas and not _is_space(cell)
            if misled:
                raise _misled(scan, row, column)
            cells.append(cell)
        while cells and cells[-1] is None:
            cells.pop()
        rows.append(cells)
    for row, line in enumerate(values[len(rows) :], start=len(rows)):
        if not all(map(_is_space, (value or None for value in line))):
            raise _misled(scan, row, 0)
    merges = [[each.top, each.left, each.bottom, each.right] for each in scan.merges]
    return {
        "name": scan.name,
        "hidden": scan.hidden,
        "rows": rows,
        "merges": merges,
        "unseen_rows": len(scan.unseen_rows),
        "unseen_named": [row + 1 for row in sorted(scan.unseen_rows)[:UNSEEN_NAMED_MAX]],
    }


def _is_space(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _cell_json(scan: SheetScan, here: int, value: Any) -> Any:
    kind, text = _kind_and_text(scan, here, value)
    formula = scan.formulas.get(here)
    if formula is not None:
        return [kind.value, text, formula.value]
    if kind is CellKind.EMPTY:
        return None
    return text if kind is CellKind.TEXT else [kind.value, text]


def _kind_and_text(scan: SheetScan, here: int, value: Any) -> tuple[CellKind, str]:
    if here in scan.errors:
        return CellKind.ERROR, scan.errors[here]
    if here in scan.texts:
        return CellKind.TEXT, scan.texts[here]
    if isinstance(value, str):
        return (CellKind.TEXT if value else CellKind.EMPTY), value
    if isinstance(value, bool):
        return CellKind.BOOL, "true" if value else "false"
    if isinstance(value, int | float):
        text = number_text(value)
        if text is None:
            return CellKind.ERROR, "too many digits" if math.isfinite(value) else "no number"
        return CellKind.NUMBER, text
    if here in scan.no_dates:
        return CellKind.ERROR, "no date"
    return CellKind.DATE, _date_text(value)


def _date_text(value: Any) -> str:
    """A date or time to the nearest second: days are kept as fractions, and rounded."""
    if isinstance(value, dt.datetime):
        whole = value.replace(microsecond=0)
        with contextlib.suppress(OverflowError):
            whole += dt.timedelta(seconds=value.microsecond >= 500_000)
        return whole.isoformat()
    if isinstance(value, dt.timedelta | dt.time):
        if isinstance(value, dt.time):
            value = dt.timedelta(
                hours=value.hour,
                minutes=value.minute,
                seconds=value.second,
                microseconds=value.microsecond,
            )
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours:02}:{minutes:02}:{seconds:02}"
    return str(value.isoformat())


def _misled(scan: SheetScan, row: int, column: int) -> SheetRefused:
    return scan.refuse(
        "read-differently",
        "is read differently by two readers, so it is unclear what it says",
        _SAVE_AGAIN,
        address(row, column),
    )


def _refusal_json(refused: SheetRefused) -> bytes:
    said: Mapping[str, str] = {
        "name": refused.name,
        "rule": refused.rule,
        "way_out": refused.way_out,
        "sheet": refused.sheet,
        "cell": refused.cell,
    }
    return json.dumps({"refused": said}).encode("ascii")


if __name__ == "__main__":
    sys.exit(main())
