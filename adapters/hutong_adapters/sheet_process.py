"""Reads workbooks in a process of their own, which is ended when it takes too much.

Owns the parent's side: starting `sheet_child` with nothing but the file, waiting no longer than
`WALL_S_MAX`, taking no more output than a sheet can have, and turning whatever became of the child
into grids or into words. What the child says is checked like anything from outside: it has read a
stranger's file. Threats 37 and 38.

The child limits itself before it reads: memory, processor time, nothing to write to. On macOS
memory can't be limited in this way; then the notes of the workbook say so.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hutong_adapters.grid import (
    COLUMNS_MAX,
    EMPTY,
    MERGES_MAX,
    ROWS_MAX,
    CellKind,
    Formula,
    Grid,
    GridCell,
    Merge,
)
from hutong_adapters.interface import FileRefused
from hutong_adapters.sheet_child import (
    CPU_S_MAX,
    MEMORY_BYTES_MAX,
    OUTPUT_BYTES_MAX,
    UNSEEN_NAMED_MAX,
)

WALL_S_MAX: Final = 40.0
"""Longer than the processor time that the child has: the rest is waiting for the disk."""

_CHILD: Final = (sys.executable, "-P", "-m", "hutong_adapters.sheet_child")
_KEPT_VARIABLES: Final = ("HOME", "PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE")
"""What an interpreter needs to find the same packages; nothing else is passed on."""
_PIECE_BYTES: Final = 1024 * 1024
_TOO_MUCH_TIME: Final = f"took more than {CPU_S_MAX} s to read"
_TOO_MUCH_MEMORY: Final = f"took more than {MEMORY_BYTES_MAX >> 20} MiB of memory to read"
_SPLIT: Final = "split it, or copy the filled cells to a new workbook"


@dataclass(frozen=True, slots=True)
class Workbook:
    """The sheets that were wanted, and what a person should know of the others."""

    grids: tuple[Grid, ...]
    notes: tuple[str, ...]


class ChildFailed(Exception):
    """The child ended without an answer; `name` is the reason in a word."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(rule)
        self.name = name
        self.rule = rule


def read_workbook(path: Path, wanted: str | Sequence[str]) -> Workbook:
    """The sheets of an XLSX or ODS file.

    Args:
        wanted: `sheet_child.ONE`, `sheet_child.ALL`, or the names of sheets.

    Raises:
        FileRefused: it can't be read, would hurt, or has not the sheets that are wanted.
    """
    name = path.name
    words = json.dumps(wanted if isinstance(wanted, str) else list(wanted))
    try:
        said = run_child((*_CHILD, words), path)
    except OSError as error:
        raise FileRefused(name, f"can't be opened: {error.strerror}") from None
    except ChildFailed as failed:
        raise FileRefused(name, failed.rule, _SPLIT, name=failed.name) from None
    try:
        return _workbook(name, json.loads(said))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        rule = "was read by a process that answered nonsense"
        raise FileRefused(name, rule, _SPLIT, name="reader-failed") from None


def run_child(command: Sequence[str], path: Path, wall_s: float = WALL_S_MAX) -> bytes:
    """What a command says about a file that it gets on standard input.

    Raises:
        OSError: the file or the command can't be opened.
        ChildFailed: it took too long, said too much, or ended in another way than it should.
    """
    environment = {key: os.environ[key] for key in _KEPT_VARIABLES if key in os.environ}
    with path.open("rb") as file:
        child = subprocess.Popen(
            command,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    deadline_s = time.monotonic() + wall_s
    try:
        said = _said(child, deadline_s)
        code = child.wait(timeout=max(deadline_s - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        raise ChildFailed("too-much-time", _TOO_MUCH_TIME) from None
    finally:
        _end(child)
    if code < 0:
        raise _killed(-code)
    if code != 0 or not said:
        raise ChildFailed("reader-failed", "was read by a process that ended without an answer")
    return said


def _said(child: subprocess.Popen[bytes], deadline_s: float) -> bytes:
    """All output, as it comes: neither time nor size is left to the child."""
    assert child.stdout is not None
    pieces: list[bytes] = []
    size = 0
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not selector.select(left_s):
                raise ChildFailed("too-much-time", _TOO_MUCH_TIME)
            piece = os.read(child.stdout.fileno(), _PIECE_BYTES)
            if not piece:
                return b"".join(pieces)
            size += len(piece)
            if size > OUTPUT_BYTES_MAX:
                raise ChildFailed("too-much-text", "has more content than is read at once")
            pieces.append(piece)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
    child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _killed(number: int) -> ChildFailed:
    """What a signal that ended the child says. A parser without memory ends it by SIGABRT."""
    if number in (signal.SIGXCPU, signal.SIGKILL):
        killed = number == signal.SIGKILL
        rule = _TOO_MUCH_TIME + (", or something else ended the reading" if killed else "")
        return ChildFailed("too-much-time", rule)
    if number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS):
        return ChildFailed("too-much-memory", f"{_TOO_MUCH_MEMORY}, or broke its reader")
    return ChildFailed("reader-failed", f"was read by a process that signal {number} ended")


def _workbook(file: str, said: Mapping[str, Any]) -> Workbook:
    refused = said.get("refused")
    if refused is not None:
        raise FileRefused(
            file,
            str(refused["rule"]),
            str(refused["way_out"]),
            name=str(refused["name"]),
            sheet=str(refused["sheet"]),
            cell=str(refused["cell"]),
        )
    cells = _Cells()
    grids = tuple(_grid(file, sheet, cells) for sheet in said["sheets"])
    notes = [f"{file}: the hidden sheet {name} was not read" for name in said["hidden"]]
    for sheet in said["sheets"]:
        count = _index(sheet["unseen_rows"])
        if count:
            # A filter hides rows too, and who sent the file may not know of them.
            which = f"{count} hidden rows" if count > 1 else "a hidden row"
            numbers = [_index(row) for row in sheet["unseen_named"]][:UNSEEN_NAMED_MAX]
            named = ", ".join(map(str, numbers)) + (", ..." if count > len(numbers) else "")
            notes.append(
                f"{file}: the sheet {sheet['name']} has {which} ({named}), read like the others"
            )
    if not said["limited"]:
        notes.append(f"{file}: this system could not limit the memory of the process that read it")
    return Workbook(grids, tuple(notes))


def _grid(file: str, said: Mapping[str, Any], cells: _Cells) -> Grid:
    rows = tuple(tuple(map(cells.cell, row)) for row in said["rows"])
    if len(rows) > ROWS_MAX or any(len(row) > COLUMNS_MAX for row in rows):
        raise ValueError("more cells than a sheet may have")
    merges = tuple(Merge(*map(_index, each)) for each in said["merges"])
    if len(merges) > MERGES_MAX:
        raise ValueError("more merged ranges than a sheet may have")
    return Grid(file, _text(said["name"]), rows, merges, bool(said["hidden"]))


class _Cells:
    """Makes cells out of their JSON; equal ones are one object."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], GridCell] = {}

    def cell(self, said: Any) -> GridCell:
        """A cell. Raises ValueError for what is none."""
        if said is None:
            return EMPTY
        key = (CellKind.TEXT.value, said) if isinstance(said, str) else tuple(map(_text, said))
        found = self._known.get(key)
        if found is None:
            kind, text, formula = (*key, Formula.NONE.value)[:3]
            found = GridCell(text, CellKind(kind), Formula(formula))
            self._known[key] = found
        return found


def _text(said: Any) -> str:
    if not isinstance(said, str):
        raise TypeError("no text")
    return said


def _index(said: Any) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or said < 0:
        raise TypeError("no place")
    return said
