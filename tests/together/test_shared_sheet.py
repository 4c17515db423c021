"""Acceptance scenario A5 with real files and real processes: a sheet that many people edit.

Snapshot 1 has ten rows. In snapshot 2 the quantity of row 3 went from 200 to 260 households, row 7
is deleted, row 11 added, the order shuffled, and the file is said to be complete.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hutong_node.demo.members import Member
from together.sheets import HEADER, MAPPING, SPACE, processes, run, write_table

FAR_FUTURE = "2098-12-31T00:00:00+08:00"


def snapshot_one() -> list[list[str]]:
    return [[f"R{n}", "610113", f"大米 {n}", str(200 if n == 3 else n * 10)] for n in range(1, 11)]


def snapshot_two() -> list[list[str]]:
    rows = [row for row in snapshot_one() if row[0] != "R7"]
    rows.append(["R11", "610113", "大米 11", "110"])
    next(row for row in rows if row[0] == "R3")[3] = "260"
    random.Random(5).shuffle(rows)
    return rows


async def incident(member: Member) -> str:
    """An incident to which the needs belong."""
    facts = {"start": "2021-12-09T00:00:00+08:00"}
    draft = {"type": "incident/1", "space": SPACE, "topic": "base", "facts": facts}
    (made,) = await member.publish(draft | {"text": {"title": "疫情"}})
    return made


async def imported(member: Member, file: Path, *options: str) -> dict[str, Any]:
    """What `hutong import --json` says; its exit code is among it."""
    mapping = file.with_name("sheet.toml")
    code, out, errors = await run(member, "import", file, "--mapping", mapping, *options, "--json")
    assert out, errors
    told: dict[str, Any] = json.loads(out)
    return told | {"exit_code": code}


async def needs(member: Member) -> dict[str, dict[str, Any]]:
    """The needs that a node shows, by title."""
    page = await member.ask("GET", "/v1/things?type=need&limit=500")
    return {thing["title"]: thing for thing in page["things"]}


async def shown(member: Member, title: str, done: Callable[[dict[str, Any]], bool]) -> Any:
    """A need once it is there and as it should be."""
    async with asyncio.timeout(30):
        while True:
            thing = (await needs(member)).get(title)
            if thing is not None:
                whole = await member.ask("GET", f"/v1/things/{thing['id']}")
                if done(whole):
                    return whole
            await asyncio.sleep(0.1)


def required(value: str) -> Callable[[dict[str, Any]], bool]:
    return lambda whole: bool(whole["lines"][0]["required"] == value)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_two_snapshots_of_a_shared_sheet_sign_exactly_their_difference(
    tmp_path: Path, form: str
) -> None:
    """A5."""
    tmp_path.joinpath("sheet.toml").write_text(MAPPING, "utf-8")
    first = write_table(tmp_path / f"one.{form}", [HEADER, *snapshot_one()])
    second = write_table(tmp_path / f"two.{form}", [HEADER, *snapshot_two()])
    async with processes(tmp_path, "swa", "community") as (swa, community):
        await incident(swa)
        done = await imported(swa, first, "--complete")
        assert (done["counts"], done["signed"]) == ({"new": 10}, 10)
        before = await shown(community, "大米 3", required("200"))
        untouched = {title: thing["id"] for title, thing in (await needs(swa)).items()}
        # Somebody on site checks row 3, place and quantity.
        checked = {"exists": True, **await check_digests(swa, before)}
        facts = {"outcome": "confirmed", "method": "on_site", "checked": checked}
        refs = {"thing": before["thing"]["id"], "revision": before["thing"]["id"]}
        await community.publish(
            {"type": "verify/1", "space": SPACE, "topic": "fsc", "refs": refs, "facts": facts}
        )
        await shown(swa, "大米 3", lambda whole: whole["thing"]["verification"] == "confirmed")

        look = await imported(swa, second, "--complete", "--diff")
        assert look["signed"] == 0
        assert (len(look["diff"]["new"]), len(look["diff"]["gone"])) == (1, 1)
        (changed,) = look["diff"]["changed"]
        assert [(c["before"], c["now"]) for c in changed["changes"]] == [("200", "260")]

        done = await imported(swa, second, "--complete")
        assert done["counts"] == {"closed": 1, "new": 1, "revised": 1, "unchanged": 8}
        assert (done["signed"], done["exit_code"]) == (3, 0)
        (gone,) = done["gone"]
        assert gone["thing"] == untouched["大米 7"]
        for member in (swa, community):
            raised = await shown(member, "大米 3", required("260"))
            fresh = {check["group"]: check["fresh"] for check in raised["checks"]}
            assert (fresh["place"], fresh["quantity"]) == (True, False)
            assert raised["thing"]["id"] == untouched["大米 3"]
            closed = await shown(member, "大米 7", lambda w: w["thing"]["life"] == "closed")
            assert closed["thing"]["reason"] == "source_row_removed"
            await shown(member, "大米 11", required("110"))
            for title in set(untouched) - {"大米 3", "大米 7"}:
                thing = (await needs(member))[title]
                whole = await member.ask("GET", f"/v1/things/{thing['id']}")
                assert [record["type"] for record in whole["history"]] == ["need/1"]
        again = await imported(swa, second, "--complete")
        assert (again["counts"], again["signed"]) == ({"unchanged": 10}, 0)


async def check_digests(member: Member, need: dict[str, Any]) -> dict[str, str]:
    """What a check of place and quantity is bound to. Spec: 12.18."""
    from hutong_protocol.fold import checked_digest
    from hutong_protocol.schema.jsonform import facts_from_json

    whole = await member.ask("GET", f"/v1/things/{need['thing']['id']}")
    facts, problems = facts_from_json("need/1", whole["facts"])
    assert problems == []
    found = {group: checked_digest(group, None, facts) for group in ("place", "quantity")}
    return {group: digest.hex() for group, digest in found.items() if digest is not None}


async def test_missing_row_is_a_question_where_the_file_is_not_complete_or_promises_live(
    tmp_path: Path,
) -> None:
    """A5: without `complete` nothing is closed; a row with live promises is never closed."""
    tmp_path.joinpath("sheet.toml").write_text(MAPPING, "utf-8")
    first = write_table(tmp_path / "one.csv", [HEADER, *snapshot_one()])
    second = write_table(tmp_path / "two.csv", [HEADER, *snapshot_two()])
    async with processes(tmp_path, "swa", "community") as (swa, community):
        await incident(swa)
        await imported(swa, first)
        seventh = await shown(community, "大米 7", required("70"))
        done = await imported(swa, second)
        assert done["counts"] == {"gone": 1, "new": 1, "revised": 1, "unchanged": 8}
        assert "not closed" in done["gone"][0]["reason"]
        quantity = {"bound": "exact", "value": "5", "unit": "hh"}
        need = seventh["thing"]["id"]
        promise = {"line": "rice", "quantity": quantity, "valid_until": FAR_FUTURE}
        await community.publish(
            {
                "type": "commitment/1",
                "space": SPACE,
                "topic": "fsc",
                "refs": {"thing": need, "revision": need},
                "facts": promise,
            }
        )
        await shown(swa, "大米 7", lambda whole: whole["lines"][0]["pledged"] == "5")
        done = await imported(swa, second, "--complete")
        (gone,) = done["gone"]
        assert (gone["outcome"], gone["thing"], done["signed"]) == ("question", need, 0)
        assert (done["exit_code"], "1 promise hangs" in gone["reason"]) == (1, True)
        assert (await shown(swa, "大米 7", required("70")))["thing"]["life"] == "active"
