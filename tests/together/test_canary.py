"""What a row brought and nobody let out stands in one file of one node, and nowhere else.

Threats 51 and 54: a telephone number, an identity number and an address go in with a sheet, in
columns that stay at home and in free text; then everything is imported, screened, exchanged and
exported, and every byte that came of it is searched.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

from hutong_node.demo.members import Member
from together.sheets import HEADER, MAPPING, SPACE, processes, run, write_table

PHONE = "13800138000"
IDENTITY = "11010519491231002X"
DOOR = "3号楼2单元501室"
CANARIES = (PHONE, IDENTITY, DOOR)
KEPT = "kept-at-home.db"

SCREENED = MAPPING.replace('screening = "off"\n', "").replace(
    "[key]",
    '[sensitive]\nphone = { from = "电话" }\nid = { from = "证件" }\n'
    'home = { from = "住址" }\n\n[key]',
).replace(
    'title = { from = "物资", required = true }',
    'title = { from = "物资", required = true }\nnote = { from = "备注", personal = "cut" }',
)  # fmt: skip
COLUMNS = [*HEADER, "电话", "证件", "住址", "备注"]
HOME = [PHONE, IDENTITY, DOOR]
ROWS = [
    ["R1", "610113", "大米", "5", *HOME, f"急 {PHONE}"],
    ["R2", "610113", "面粉", "5", *HOME, f"{DOOR} 老人"],
    ["R3", "610113", "食油", "5", *HOME, ""],
    ["R4", "610113", f"请打 {PHONE}", "5", *HOME, ""],
    ["R5", "610113", "药", PHONE, *HOME, IDENTITY],
]


def holders(folder: Path) -> set[str]:
    """The files below a folder in which any of the canaries stands, in any of these forms."""
    forms = [form for canary in CANARIES for form in (canary.encode(), canary.encode("utf-16-le"),
                                                      json.dumps(canary).encode())]  # fmt: skip
    return {
        file.name
        for file in folder.rglob("*")
        if file.is_file() and any(form in file.read_bytes() for form in forms)
    }


def assert_clean(*said: str) -> None:
    for text in said:
        assert not any(canary in text for canary in CANARIES)


async def arrived(member: Member, count: int) -> None:
    """Waits until a node shows so many needs."""
    async with asyncio.timeout(30):
        while True:
            if len((await member.ask("GET", "/v1/things?type=need"))["things"]) == count:
                return
            await asyncio.sleep(0.1)


async def probes(member: Member) -> str:
    """What a node tells without being asked about a row."""
    import aiohttp

    told = [await member.ask("GET", path) for path in ("/v1/status", "/v1/queue", "/v1/things")]
    url = f"http://127.0.0.1:{member.local_port}/metrics"
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return json.dumps(told, ensure_ascii=False) + await answer.text()


async def test_personal_data_of_a_sheet_stays_in_one_file_of_one_node(tmp_path: Path) -> None:
    """Threats 51, 54."""
    sheets = tmp_path / "sheets"
    sheets.mkdir()
    (sheets / "sheet.toml").write_text(SCREENED, "utf-8")
    file = write_table(sheets / "sheet.csv", [COLUMNS, *ROWS])
    given = ("import", file, "--mapping", sheets / "sheet.toml")
    async with processes(tmp_path / "nodes", "swa", "other") as (swa, other):
        facts = {"start": "2021-12-09T00:00:00+08:00"}
        draft = {"type": "incident/1", "space": SPACE, "topic": "base", "facts": facts}
        await swa.publish(draft | {"text": {"title": "疫情"}})
        said: list[str] = []

        async def hutong(*arguments: str | Path) -> str:
            _, out, errors = await run(swa, *arguments)
            said.extend((out, errors))
            return out

        for options in (["--dry-run"], ["--diff"], [], ["--json"], ["--dry-run", "--json"]):
            await hutong(*given, *options)
        assert "pii:cn_mobile" in "".join(said)
        listed = await hutong("queue", "list")
        assert ("大米" in listed, "pii:cn_mobile" in listed, "pii:door" in listed) == (True,) * 3
        # Only whoever has to call back sees it, and only on asking for this one row.
        shown = (await run(swa, "queue", "show", "1"))[1]
        assert all(canary in shown for canary in CANARIES)
        explained = (await run(swa, *given, "--explain", "2"))[1]
        assert_clean(explained)
        assert set() < holders(swa.folder.root) <= {KEPT, f"{KEPT}-wal"}

        await hutong("queue", "release", "1", "2", "--method", "two_way", "--checker", "李")
        await hutong("queue", "refuse", "3", "--reason", "twice")
        await arrived(other, 2)
        for member in (swa, other):
            for form in ("csv", "xlsx"):
                out = sheets / f"{member.name}.{form}"
                said.extend((await run(member, "export", "--numbers", "-o", out))[1:])
            said.append(await probes(member))
        await hutong("list", "need")
        assert_clean(*said)
        assert holders(other.folder.root) == set()
        assert holders(swa.folder.root) <= {KEPT, f"{KEPT}-wal"}
        assert holders(sheets) == {"sheet.csv"}
        for path in sheets.glob("*.xlsx"):
            assert_clean(*texts_of(path))

        # A row that is gone takes what it brought along.
        write_table(file, [COLUMNS, ["R9", "610113", "盐", "5", "", "", "", ""]])
        done = await hutong(*given, "--complete", "--accept", "rows-vanished=2")
        assert "2 closed" in done
        assert holders(swa.folder.root) == set()


def texts_of(path: Path) -> Iterator[str]:
    """What stands in the parts of a workbook, which are packed."""
    import zipfile

    with zipfile.ZipFile(path) as book:
        for name in book.namelist():
            yield book.read(name).decode("utf-8", errors="replace")
