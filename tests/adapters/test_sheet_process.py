"""Workbooks are read by a process of their own, and whatever becomes of it is told in words.

Threats 37 and 38.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

import pytest

from adapters.sheet_samples import ods, ods_row, table, xlsx
from hutong_adapters import sheet_process
from hutong_adapters.grid import CellKind, Formula, GridCell, Merge
from hutong_adapters.interface import FileRefused
from hutong_adapters.sheet_child import MEMORY_BYTES_MAX
from hutong_adapters.sheet_process import ChildFailed, read_workbook, run_child

PYTHON = (sys.executable, "-c")
LIMITED = "from hutong_adapters.sheet_child import limit_process as limit; limited = limit()\n"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "需求.xlsx"
    path.write_bytes(table([["品名", "数量"], ["口罩", 20], ["手套"]], ["B2:B3"]))
    return path


def failed(book: Path, code: str, wall_s: float = 30.0) -> ChildFailed:
    with pytest.raises(ChildFailed) as raised:
        run_child((*PYTHON, code), book, wall_s)
    return raised.value


def test_a_workbook_comes_back_as_grids(book: Path) -> None:
    found = read_workbook(book, "one")
    (grid,) = found.grids
    assert (grid.file, grid.sheet, found.notes) == ("需求.xlsx", "Sheet1", ())
    assert grid.rows[1] == (
        GridCell("口罩", CellKind.TEXT),
        GridCell("20", CellKind.NUMBER, Formula.NONE),
    )
    assert grid.merges == (Merge(1, 1, 2, 1),)


def test_a_refusal_of_the_child_names_file_sheet_and_cell(tmp_path: Path) -> None:
    path = tmp_path / "far.xlsx"
    path.write_bytes(xlsx('<row r="1"><c r="XFD1"><v>1</v></c></row>'))
    with pytest.raises(FileRefused) as refused:
        read_workbook(path, "one")
    assert str(refused.value) == (
        "far.xlsx, sheet 表, XFD1: has content in column 16384, more than 200 are not read"
        " [far-cell] (split it, or copy the rows to a new sheet)"
    )


@pytest.mark.skipif(sys.platform == "darwin", reason="memory can't be limited in this way")
def test_a_child_that_takes_too_much_memory_ends_and_not_the_parent(book: Path) -> None:
    code = LIMITED + "assert limited; x = bytearray(600 * 1024 * 1024)"
    assert failed(book, code).name == "reader-failed"
    aborting = LIMITED + "import os; os.abort()"
    assert (
        failed(book, aborting).rule
        == "took more than 512 MiB of memory to read, or broke its reader"
    )


@pytest.mark.skipif(sys.platform == "darwin", reason="memory can't be limited in this way")
def test_a_workbook_that_needs_too_much_memory_is_refused_by_name(tmp_path: Path) -> None:
    """Four million cells in 500 bytes: the process that reads them ends, and this one stays."""
    cell = '<table:table-cell office:value-type="float" office:value="1" {}/>'
    row = ods_row(
        cell.format('table:number-columns-repeated="200"'),
        attributes='table:number-rows-repeated="20000"',
    )
    path = tmp_path / "a.ods"
    path.write_bytes(ods(row))
    with pytest.raises(FileRefused) as refused:
        read_workbook(path, "one")
    assert refused.value.name == "too-much-memory"
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert most < MEMORY_BYTES_MAX


def test_a_child_without_memory_says_so_itself(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import hutong_adapters.sheet_child as child, sys\n"
        "def no_memory(data, wanted): raise MemoryError\n"
        "child.read_workbook = no_memory\n"
        "sys.exit(child.main())"
    )
    monkeypatch.setattr(sheet_process, "_CHILD", (*PYTHON, code))
    with pytest.raises(FileRefused, match="needs more than 512 MiB of memory") as refused:
        read_workbook(book, "one")
    assert refused.value.name == "too-much-memory"


def test_a_child_that_hangs_is_ended_when_its_time_is_over(book: Path) -> None:
    began_s = time.monotonic()
    found = failed(book, "import time; print('x', flush=True); time.sleep(60)", 1.0)
    assert (found.name, found.rule) == ("too-much-time", "took more than 30 s to read")
    assert time.monotonic() - began_s < 20


def test_a_child_that_says_no_more_and_stays_is_ended_at_the_same_time(book: Path) -> None:
    began_s = time.monotonic()
    found = failed(book, "import os, time; time.sleep(3); os.close(1); time.sleep(60)", 6.0)
    assert found.name == "too-much-time"
    assert time.monotonic() - began_s < 8.5


def test_a_child_that_never_stops_computing_is_ended_by_its_own_limit(book: Path) -> None:
    code = LIMITED + (
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass"
    )
    assert failed(book, code).name == "too-much-time"


def test_a_child_that_is_killed_is_told(book: Path) -> None:
    killed = failed(book, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert (killed.name, "something else ended the reading" in killed.rule) == (
        "too-much-time",
        True,
    )
    ended = failed(book, "import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    assert ended.rule == f"was read by a process that signal {signal.SIGTERM.value} ended"


def test_a_child_that_says_without_end_is_not_listened_to(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet_process, "OUTPUT_BYTES_MAX", 100_000)
    found = failed(book, "import os\nwhile True: os.write(1, b'x' * 65536)")
    assert found.name == "too-much-text"


def test_a_child_has_nothing_of_its_parent_but_the_file(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No secret of the environment, no open file, no folder to write to, no further process."""
    monkeypatch.setenv("HUTONG_PASSPHRASE", "secret")
    with book.open("rb") as kept:
        os.set_inheritable(kept.fileno(), True)
        code = LIMITED + (
            "import json, os, resource, sys\n"
            "try:\n"
            "    open(sys.argv[1], 'wb', buffering=0).write(b'x')\n"
            "    wrote = True\n"
            "except OSError:\n"
            "    wrote = False\n"
            "fds = [fd for fd in range(3, 64) if os.path.exists(f'/dev/fd/{fd}')]\n"
            "print(json.dumps([wrote, 'HUTONG_PASSPHRASE' in os.environ, os.getcwd(), fds,"
            " resource.getrlimit(resource.RLIMIT_NPROC)[0], len(os.read(0, 10_000_000))]))"
        )
        said = run_child((*PYTHON, code, str(book.with_name("written"))), book)
    wrote, secret, folder, files, processes, size = json.loads(said)
    assert (wrote, secret, folder, files, processes) == (False, False, "/", [], 0)
    assert size == book.stat().st_size


REST = ', "hidden": false, "unseen_rows": 0, "unseen_named": []}], "hidden": [], "limited": true}'


@pytest.mark.parametrize(
    "said",
    [
        "x",
        "[]",
        "{}",
        '{"sheets": 1, "hidden": [], "limited": true}',
        '{"sheets": [{"name": "a"}], "hidden": [], "limited": true}',
        '{"sheets": [{"name": "a", "rows": [[1]], "merges": []' + REST,
        '{"sheets": [{"name": "a", "rows": [[["weird", "1"]]], "merges": []' + REST,
        '{"sheets": [{"name": "a", "rows": [], "merges": [[1, 2, "x", 4]]' + REST,
        '{"sheets": [{"name": "a", "rows": [['
        + ",".join(["null"] * 201)
        + ']], "merges": []'
        + REST,
        '{"sheets": [{"name": "a", "rows": [], "merges": []' + REST.replace("0", "-1"),
        "[" * 100_000,
    ],
)
def test_what_a_child_says_is_not_believed(
    book: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    code = f"import sys; sys.stdout.write({said[:50]!r} * {1 if len(said) < 5_000 else 2_000})"
    code = f"print({said!r})" if len(said) < 5_000 else code
    monkeypatch.setattr(sheet_process, "_CHILD", (*PYTHON, code))
    with pytest.raises(FileRefused) as refused:
        read_workbook(book, "one")
    assert (refused.value.name, refused.value.file) == ("reader-failed", "需求.xlsx")


def test_a_system_that_cannot_limit_memory_is_told_of(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = (
        '{"sheets": [{"name": "看", "rows": [], "merges": [], "hidden": false, "unseen_rows": 2,'
        ' "unseen_named": [3, 7]}],'
        ' "hidden": ["藏"], "limited": false}'
    )
    monkeypatch.setattr(sheet_process, "_CHILD", (*PYTHON, f"print({said!r})"))
    assert read_workbook(book, "one").notes == (
        "需求.xlsx: the hidden sheet 藏 was not read",
        "需求.xlsx: the sheet 看 has 2 hidden rows (3, 7), read like the others",
        "需求.xlsx: this system could not limit the memory of the process that read it",
    )


def test_without_the_extra_the_command_that_installs_it_is_named(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys; sys.modules['python_calamine'] = None\n"
        "import hutong_adapters.sheet_child as child\n"
        "sys.exit(child.main())"
    )
    monkeypatch.setattr(sheet_process, "_CHILD", (*PYTHON, code))
    with pytest.raises(FileRefused) as refused:
        read_workbook(book, "one")
    assert refused.value.name == "extra-missing"
    assert refused.value.way_out == "python -m pip install 'hutong[sheets]'"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="can't be opened"):
        read_workbook(tmp_path / "none.xlsx", "one")
