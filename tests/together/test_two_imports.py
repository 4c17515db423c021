"""Two imports of one source at once, from two terminals: the same file, or two states of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hutong_adapters import runner
from hutong_adapters.interface import FileRefused
from hutong_adapters.mapping_load import load_mapping
from hutong_adapters.planning import Plan, Target, make_plan
from hutong_adapters.runner import Report, Wish, send_plan
from hutong_node.demo.members import Member
from node.local_nodes import Local, local
from together.sheets import HEADER, MAPPING, SPACE, ServiceNode, processes, run, write_table


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for seconds."""
    monkeypatch.setattr(runner, "WAIT_PAUSE_S", 0.02)


def table(count: int, value: str = "5") -> list[list[str]]:
    return [HEADER, *([f"R{n}", "610113", f"大米 {n}", value] for n in range(1, count + 1))]


def planned(folder: Path, rows: list[list[str]], incident: str) -> Plan:
    folder.joinpath("sheet.toml").write_text(MAPPING, "utf-8")
    file = write_table(folder / "sheet.csv", rows)
    target = Target(given={"incident": incident})
    return make_plan(load_mapping(folder / "sheet.toml"), [file], target)


@dataclass
class Overtaken:
    """A node at which another import of the source begins, once, after this one has looked.

    `ends`: whether that has ended before this one asks to begin.
    """

    found: Local
    other: Plan
    ends: bool
    told: list[str] = field(default_factory=list)
    going: asyncio.Task[Report] | None = None

    async def import_rows(self, source: str, request: Mapping[str, Any]) -> dict[str, Any]:
        node = ServiceNode(self.found)
        if not request["dry_run"] and self.going is None:
            self.going = asyncio.create_task(send_plan(self.other, node, Wish()))
            if self.ends:
                await self.going
            else:
                async with asyncio.timeout(30):
                    while (await node.source(source))["begun"] is None:
                        assert not self.going.done(), "it ended before it was met"
                        await asyncio.sleep(0)
        answer = await self.found_import(source, request)
        return answer

    async def found_import(self, source: str, request: Mapping[str, Any]) -> dict[str, Any]:
        from hutong_adapters.interface import NodeRefused
        from hutong_node.refusals import Refused

        try:
            return await ServiceNode(self.found).import_rows(source, request)
        except Refused as refused:
            raise NodeRefused(refused.title, refused.code.value) from None

    async def source(self, source: str, state: str | None = None) -> dict[str, Any]:
        return await ServiceNode(self.found).source(source, state)


@pytest.mark.parametrize("ends", [True, False])
async def test_older_file_is_held_against_the_newer_one_that_came_meanwhile(
    tmp_path: Path, ends: bool
) -> None:
    """Somebody opens last week's mail while a colleague imports today's file."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        older = planned(tmp_path, table(300), incident)
        newer = planned(tmp_path, table(300, "9"), incident)
        assert (await send_plan(older, ServiceNode(one), Wish())).signed == 300
        node = Overtaken(one, newer, ends)
        with pytest.raises(FileRefused, match="older state") as refused:
            await send_plan(older, node, Wish(), on_wait=node.told.append)
        assert refused.value.name == "older-state"
        assert len(node.told) == 1
        assert node.going is not None
        assert (await node.going).counts == {"revised": 300}
        assert (await send_plan(newer, ServiceNode(one), Wish())).counts == {"unchanged": 300}


@pytest.mark.parametrize("ends", [True, False])
async def test_same_file_twice_at_once_signs_each_row_once(tmp_path: Path, ends: bool) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        given = planned(tmp_path, table(300), incident)
        node = Overtaken(one, given, ends)
        second = await send_plan(given, node, Wish(complete=True))
        assert node.going is not None
        first = await node.going
        assert first.signed + second.signed == 300
        assert (await send_plan(given, ServiceNode(one), Wish())).counts == {"unchanged": 300}


async def test_same_command_in_three_terminals_signs_each_row_once(tmp_path: Path) -> None:
    """As people do it: three processes, one node, one file."""
    tmp_path.joinpath("sheet.toml").write_text(MAPPING, "utf-8")
    file = write_table(tmp_path / "sheet.csv", table(400))
    async with processes(tmp_path, "swa") as (swa,):
        facts = {"start": "2021-12-09T00:00:00+08:00"}
        draft = {"type": "incident/1", "space": SPACE, "topic": "base", "facts": facts}
        await swa.publish(draft | {"text": {"title": "疫情"}})

        async def imported(member: Member) -> dict[str, Any]:
            given = ("import", file, "--mapping", tmp_path / "sheet.toml", "--complete", "--json")
            code, out, errors = await run(member, *given)
            assert code == 0, errors
            told: dict[str, Any] = json.loads(out)
            return told

        done = await asyncio.gather(*(imported(swa) for _ in range(3)))
        assert sum(each["signed"] for each in done) == 400
        assert [each["gone"] for each in done] == [[], [], []]
        again = await imported(swa)
        assert (again["signed"], again["counts"]) == (0, {"unchanged": 400})
