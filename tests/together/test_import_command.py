"""`hutong import` as people use it: interrupted, gone on with, written back, without a node.

Nothing is signed twice, nothing is closed by an import that did not end, and the same command goes
on where it stopped.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from hutong_node.demo.members import Member, command
from together.sheets import HEADER, MAPPING, SPACE, processes, run, write_table

ROWS = 600


def rows(count: int) -> list[list[str]]:
    return [[f"R{n}", "610113", f"大米 {n}", str(n)] for n in range(1, count + 1)]


async def incident(member: Member) -> None:
    facts = {"start": "2021-12-09T00:00:00+08:00"}
    draft = {"type": "incident/1", "space": SPACE, "topic": "base", "facts": facts}
    await member.publish(draft | {"text": {"title": "疫情"}})


async def titles(member: Member) -> list[str]:
    """The titles of all needs that a node shows."""
    found: list[str] = []
    after = ""
    while True:
        page = await member.ask("GET", f"/v1/things?type=need&limit=500{after}")
        found += [thing["title"] for thing in page["things"]]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


async def importing(member: Member, *arguments: str | Path) -> dict[str, Any]:
    code, out, errors = await run(member, "import", *arguments, "--json")
    assert out, errors
    told: dict[str, Any] = json.loads(out)
    return told | {"exit_code": code}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
async def test_interrupted_import_goes_on_at_once_and_signs_nothing_twice(
    tmp_path: Path, how: signal.Signals
) -> None:
    """kill -9, and Ctrl-C, in the middle of a long file."""
    tmp_path.joinpath("sheet.toml").write_text(MAPPING, "utf-8")
    file = write_table(tmp_path / "sheet.csv", [HEADER, *rows(ROWS)])
    given = (file, "--mapping", tmp_path / "sheet.toml", "--complete")
    async with processes(tmp_path, "swa") as (swa,):
        await incident(swa)
        folder = os.fspath(swa.folder.root)
        process = await asyncio.create_subprocess_exec(
            *command("import", *(os.fspath(each) for each in given), "--data", folder),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            while len(await titles(swa)) < 50:
                assert process.returncode is None, "the import ended before it was interrupted"
                await asyncio.sleep(0.01)
        process.send_signal(how)
        _, errors = await process.communicate()
        if how is signal.SIGINT:
            assert process.returncode == 2
            assert "the same command goes on" in errors.decode()
        began = len(await titles(swa))
        assert began < ROWS
        started_s = time.monotonic()
        done = await importing(swa, *given)
        assert time.monotonic() - started_s < 45, "it waited for an import that was dead"
        assert done["taken_before"] >= 50
        assert done["counts"].get("new", 0) + began >= ROWS - 100
        assert done["gone"] == []
        assert sorted(await titles(swa)) == sorted(row[2] for row in rows(ROWS))
        again = await importing(swa, *given)
        assert (again["signed"], again["counts"]) == (0, {"unchanged": ROWS})


async def test_copy_with_ids_is_known_again_when_its_keys_are_renamed(tmp_path: Path) -> None:
    tmp_path.joinpath("sheet.toml").write_text(MAPPING, "utf-8")
    file = write_table(tmp_path / "sheet.csv", [HEADER, *rows(6)])
    out = tmp_path / "with-ids.csv"
    given = ("--mapping", tmp_path / "sheet.toml", "--complete")
    async with processes(tmp_path, "swa") as (swa,):
        await incident(swa)
        done = await importing(swa, file, *given, "--write-back", out)
        assert done["written_back"] == os.fspath(out)
        with out.open(encoding="utf-8", newline="") as copy:
            header, *found = list(csv.reader(copy))
        assert header == [*HEADER, "hutong_id"]
        renamed = [[f"X{n}", *row[1:]] for n, row in enumerate(found)]
        renamed[2][3] = "260"
        renamed.reverse()
        edited = write_table(tmp_path / "edited.csv", [header, *renamed])
        again = await importing(swa, edited, *given)
        assert again["counts"] == {"revised": 1, "unchanged": 5}
        taken = await importing(swa, file, *given, "--write-back", out)
        assert "is there already" in taken["stopped"][0]


async def test_copy_that_cannot_be_written_hides_nothing_that_was_signed(tmp_path: Path) -> None:
    """The sheet is saved, sorted, while its rows are sent: they are signed, and told as signed."""
    tmp_path.joinpath("sheet.toml").write_text(MAPPING, "utf-8")
    given = rows(300)
    file = write_table(tmp_path / "sheet.csv", [HEADER, *given])
    out = tmp_path / "with-ids.csv"
    async with processes(tmp_path, "swa") as (swa,):
        await incident(swa)
        options = ("--mapping", tmp_path / "sheet.toml", "--write-back", out)
        going = asyncio.create_task(importing(swa, file, *options))
        async with asyncio.timeout(60):
            while len(await titles(swa)) < 1:
                assert not going.done(), "the import ended before the sheet was saved"
                await asyncio.sleep(0.01)
        write_table(file, [HEADER, *reversed(given)])
        done = await going
        assert (done["signed"], done["exit_code"], done["written_back"]) == (300, 1, None)
        assert "was changed while it was imported" in done["questions"][0]
        assert not out.exists()
        again = await importing(swa, file, *options)
        assert (again["signed"], again["counts"], again["exit_code"]) == (0, {"unchanged": 300}, 0)
        assert out.exists()


async def test_import_and_export_open_the_folder_where_no_node_runs(tmp_path: Path) -> None:
    tmp_path.joinpath("sheet.toml").write_text(MAPPING, "utf-8")
    file = write_table(tmp_path / "sheet.csv", [HEADER, *rows(3)])
    given = (file, "--mapping", tmp_path / "sheet.toml")
    async with processes(tmp_path, "swa") as (swa,):
        await incident(swa)
        await swa.stop()
        assert (await importing(swa, *given))["signed"] == 3
        assert (await importing(swa, *given))["counts"] == {"unchanged": 3}
        out = tmp_path / "out.xlsx"
        code, said, errors = await run(swa, "export", "need", "--own", "-o", out)
        assert (code, "3 records in 3 rows" in said) == (0, True), errors
        code, said, errors = await run(swa, "import", out, "--mapping", "hutong-export")
        assert (code, "3 unchanged; 0 records signed" in said) == (0, True), errors
        await swa.start()
        code, said, _ = await run(swa, "export", "-o", "-", "--numbers")
        assert (code, said.count("rec-")) == (0, 2 * (3 + 1) + 3)
