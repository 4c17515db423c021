"""Acceptance scenario A1 with real files and real processes: a platform that screens requests.

Five rows of a CSV, one with a mobile number in its text, one with a native id that stands twice.
Imported twice, three drafts wait and nothing is signed; a screener calls back and releases them;
the other organisation sees each need with its check, and checks one itself.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hutong_node.demo.members import Member
from hutong_protocol.fold import checked_digest
from hutong_protocol.schema.jsonform import facts_from_json
from together.sheets import HEADER, MAPPING, SPACE, processes, run, write_table

PHONE = "13800138000"
PLATFORM = MAPPING.replace('screening = "off"\n', 'platform = "shaanxi-platform"\n')
ROWS = [
    ["101", "610113", "大米", "5"],
    ["102", "610113", "面粉", "3"],
    ["103", "610113", "食油", "2"],
    ["103", "610113", "食油", "2"],
    ["104", "610113", f"急需药品，请打 {PHONE}", "1"],
]
TITLES = {"大米", "面粉", "食油"}


async def needs(member: Member) -> dict[str, dict[str, Any]]:
    page = await member.ask("GET", "/v1/things?type=need")
    return {thing["title"]: thing for thing in page["things"]}


async def checks(member: Member, thing: str, count: int) -> list[dict[str, Any]]:
    """The checks of a need, once there are so many."""
    async with asyncio.timeout(30):
        while True:
            whole = await member.ask("GET", f"/v1/things/{thing}")
            if len(whole["checks"]) >= count:
                found: list[dict[str, Any]] = whole["checks"]
                return found
            await asyncio.sleep(0.1)


async def shown(member: Member, titles: set[str]) -> list[dict[str, Any]]:
    """The needs of these titles, once a member shows them and no others."""
    async with asyncio.timeout(30):
        while True:
            found = await needs(member)
            if set(found) == titles:
                return list(found.values())
            await asyncio.sleep(0.1)


async def imported_twice(swa: Member, file: Path, waiting: int) -> dict[str, Any]:
    """What the second import says; both let the same drafts wait, and sign nothing."""
    records = (await swa.ask("GET", "/v1/status"))["records"]
    done: dict[str, Any] = {}
    for _ in range(2):
        done = await imported(swa, file)
        assert done["counts"].get("queued") == waiting
        assert (done["signed"], done["counts"]["copy"]) == (0, 1)
        assert (await swa.ask("GET", "/v1/queue"))["waiting"] == waiting
        assert (await swa.ask("GET", "/v1/status"))["records"] == records
    return done


async def imported(swa: Member, file: Path) -> dict[str, Any]:
    mapping = file.with_name("sheet.toml")
    _, out, errors = await run(swa, "import", file, "--mapping", mapping, "--json")
    assert PHONE not in out + errors
    told: dict[str, Any] = json.loads(out)
    return told


def backing(whole: dict[str, Any]) -> list[tuple[bool, list[str]]]:
    """Who stands behind the word that a need was checked, and by which methods."""
    return [(each["third_party"], each["methods"]) for each in whole["thing"]["backing"]]


async def check_on_site(member: Member, thing: str) -> None:
    """Another organisation looks at the place of a need."""
    whole = await member.ask("GET", f"/v1/things/{thing}")
    facts, _ = facts_from_json("need/1", whole["facts"])
    place = checked_digest("place", None, facts)
    assert place is not None
    found = {"exists": True, "place": place.hex()}
    draft = {"type": "verify/1", "space": SPACE, "topic": "fsc"}
    said = {"outcome": "confirmed", "method": "on_site", "checked": found}
    await member.publish(draft | {"refs": {"thing": thing, "revision": thing}, "facts": said})


@pytest.mark.parametrize("personal", ["refuse", "cut"])
async def test_only_what_was_screened_leaves_the_platform(tmp_path: Path, personal: str) -> None:
    """A1."""
    mapping = PLATFORM.replace("required = true }", f'required = true, personal = "{personal}" }}')
    tmp_path.joinpath("sheet.toml").write_text(mapping, "utf-8")
    file = write_table(tmp_path / "requests.csv", [HEADER, *ROWS])
    waiting = 3 if personal == "refuse" else 4
    async with processes(tmp_path, "swa", "rescue") as (swa, rescue):
        start = {"start": "2021-12-09T00:00:00+08:00"}
        draft = {"type": "incident/1", "space": SPACE, "topic": "base", "facts": start}
        await swa.publish(draft | {"text": {"title": "疫情"}})
        done = await imported_twice(swa, file, waiting)
        queue = await swa.ask("GET", "/v1/queue")
        # The number is told by its cell, in the refusal or in the mark.
        told = [(each["rule"], each["row"], each["cell"]) for each in done["refused"]]
        told += [(mark["what"], 6, mark["cell"]) for item in queue["drafts"]
                 for mark in item["marks"]]  # fmt: skip
        ((what, row, cell),) = told
        assert (what, row, "物资" in cell) == ("pii:cn_mobile", 6, True)
        assert await needs(rescue) == {}

        given = ("--source", "shared-sheet", "--method", "two_way", "--checker", "李", "--yes")
        code, out, errors = await run(swa, "queue", "release", *given)
        assert (code, out.count("rec-")) == (0, 2 * len(TITLES)), errors
        # What has a mark waits for a look of its own; it is not released with the others.
        assert (await swa.ask("GET", "/v1/queue"))["waiting"] == waiting - len(TITLES)
        for thing in await shown(rescue, TITLES):
            found = await checks(rescue, thing["id"], 4)
            assert {(each["method"], each["third_party"], each["fresh"]) for each in found} == {
                ("two_way", False, True)
            }
            assert {each["group"] for each in found} == {"exists", "place", "quantity", "urgency"}
            whole = await rescue.ask("GET", f"/v1/things/{thing['id']}")
            assert whole["thing"]["author"]["id"] == swa.org
            assert backing(whole) == [(False, ["two_way"])]
            source = whole["facts"]["source"]
            assert source["platform"] == "shaanxi-platform"
            assert not {row[0] for row in ROWS} & set(source.values())
            assert not any(
                secret in json.dumps(whole, ensure_ascii=False) for secret in (PHONE, "李")
            )

        rice = (await needs(rescue))["大米"]["id"]
        await check_on_site(rescue, rice)
        for member in (swa, rescue):
            found = await checks(member, rice, 6)
            third = {each["group"] for each in found if each["third_party"]}
            assert third == {"exists", "place"}
            whole = await member.ask("GET", f"/v1/things/{rice}")
            assert backing(whole) == [(True, ["on_site"]), (False, ["two_way"])]
        again = await imported(swa, file)
        assert (again["counts"]["unchanged"], again["signed"]) == (len(TITLES), 0)
