"""Names of organisations are claims: wherever one is shown, its short id stands beside it.

Threat 22: an organisation that gives itself the name of another, letter by letter or with letters
that only look the same, is told apart in lists, histories and exports.
"""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import pytest

from hutong_node.commands.terms import plain, who
from hutong_node.demo.members import Member
from together.sheets import SPACE, processes, run

NAME = "西安红十字会"
FAR_FUTURE = "2098-12-31T00:00:00+08:00"


async def card(member: Member, name: str) -> None:
    """What an organisation says of itself."""
    facts = {"kind": "ngo"}
    await member.publish(
        {"type": "org/1", "space": SPACE, "topic": "base", "facts": facts, "text": {"title": name}}
    )


async def need(member: Member, incident: str, title: str) -> None:
    facts = {
        "incident": incident,
        "place": {"codes": [{"scheme": "CN-GB2260", "code": "610113"}]},
        "urgency": "high",
        "valid_until": FAR_FUTURE,
        "lines": [{"id": "rice", "kind": "goods", "quantity": {"bound": "unknown"}}],
    }
    await member.publish(
        {"type": "need/1", "space": SPACE, "topic": "fsc", "facts": facts, "text": {"title": title}}
    )


async def things(member: Member, count: int) -> None:
    """Waits until a node shows so many things."""
    async with asyncio.timeout(30):
        while True:
            if len((await member.ask("GET", "/v1/things"))["things"]) == count:
                return
            await asyncio.sleep(0.1)


async def test_name_of_another_is_told_apart_by_its_id(tmp_path: Path) -> None:
    """Threat 22."""
    async with processes(tmp_path, "one", "two") as (one, two):
        facts = {"start": "2021-12-09T00:00:00+08:00"}
        draft = {"type": "incident/1", "space": SPACE, "topic": "base", "facts": facts}
        (incident,) = await one.publish(draft | {"text": {"title": "疫情"}})
        await card(one, NAME)
        await need(one, incident, "大米")
        await things(two, 3)
        await card(two, NAME)
        await need(two, incident, "面粉")
        await things(one, 5)
        ids = {title: member.org for title, member in (("大米", one), ("面粉", two))}
        _, listed, _ = await run(one, "list", "need")
        rows = [line for line in listed.splitlines() if NAME in line]
        assert len(rows) == 2
        for title, org in ids.items():
            (line,) = [line for line in rows if title in line]
            assert f"{NAME} ({org[:16]})" in line
        (thing,) = [t for t in (await one.ask("GET", "/v1/things?type=need"))["things"]
                    if t["title"] == "面粉"]  # fmt: skip
        _, shown, _ = await run(one, "show", thing["id"])
        assert f"{NAME} ({two.org[:16]})" in shown
        _, out, _ = await run(one, "export", "need", "--numbers", "-o", "-")
        table = csv.DictReader(io.StringIO(out.removeprefix("\ufeff"), newline=""))
        found = {row["title"]: (row["by"], row["looked_after_by"]) for row in table}
        assert found == {title: (f"{NAME} ({org[:16]})",) * 2 for title, org in ids.items()}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Red Cross", "Red Cross (org-abcdefghijkl)"),
        (None, "org-abcdefghijkl"),
        ("Red\u200b Cross", "Red⟦U+200B⟧ Cross (org-abcdefghijkl)"),
        ("\u202essorC deR", "⟦U+202E⟧ssorC deR (org-abcdefghijkl)"),
        ("Red\x1b[2J\nCross", "Red [2J Cross (org-abcdefghijkl)"),
        ("R\u0435d Cross", "R\u0435d Cross (org-abcdefghijkl, letters of several alphabets)"),
        ("Red\u3164Cross", "Red⟦U+3164⟧Cross (org-abcdefghijkl)"),
    ],
)
def test_what_hides_in_a_name_is_seen(name: str | None, shown: str) -> None:
    author: dict[str, Any] = {"id": "org-abcdefghijklmnopqrst", "name": name}
    assert plain(who(author)) == shown
