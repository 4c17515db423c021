"""A check is never shown without who made it and how: a desk check is no call back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bulletin.scene import record_path
from bulletin.served import Reader, served
from bulletin.world import Author, World, need_facts
from hutong_protocol.fold import checked_digest
from hutong_protocol.ids import RecordId
from node.nodes import BASE, FSC


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.close()


def checked(author: Author, need: RecordId, method: str, facts: dict[str, object]) -> None:
    place = checked_digest("place", None, facts)  # type: ignore[arg-type]
    said = {"outcome": "confirmed", "method": method, "checked": {"place": place}}
    said["checked_at"] = "2026-01-02T11:32:00+08:00"
    author.say("verify/1", FSC, said, thing=need, revision=need)


async def badges(reader: Reader, path: str, lang: str) -> list[tuple[str, str]]:
    """The classes and words of the badges that say how something was checked."""
    joint = "&" if "?" in path else "?"
    text = await reader.page(f"{path}{joint}lang={lang}")
    found = re.findall(r'<span class="badge axis-(\S+)">([^<]*)</span>', text)
    return [(value, words) for value, words in found if value.startswith("confirmed")]


ROWS = [
    ("desk", "confirmed-desk", "已核实（自查 · 案头）", "checked by its own desk · desk"),
    ("one_way", "confirmed", "已核实（自查 · 单方）", "checked by its own desk · one-way"),
    ("two_way", "confirmed", "已核实（自查 · 双方）", "checked by its own desk · two-way"),
    ("on_site", "confirmed", "已核实（自查 · 现场）", "checked by its own desk · on site"),
    ("x-drone", "confirmed", "已核实（自查 · 其他方式）", "checked by its own desk · another way"),
]


@pytest.mark.parametrize(("method", "value", "zh", "en"), ROWS)
async def test_method_and_party_stand_beside_confirmed_wherever_a_need_is_listed(
    world: World, method: str, value: str, zh: str, en: str
) -> None:
    asks = world.organisation("甲")
    incident = asks.say("incident/1", BASE, {"start": "2026-01-01T00:00:00+08:00"}, {"title": "疫"})
    facts = need_facts(incident)
    need = asks.say("need/1", FSC, facts, {"title": "大米"})
    checked(asks, need, method, facts)
    async with served(world) as reader:
        for path in ("/", "/needs", record_path(need)):
            assert await badges(reader, path, "zh") == [(value, zh)], path
            assert await badges(reader, path, "en") == [(value, en)], path
        card = await reader.page(f"{record_path(need)}/card?lang=zh")
        assert zh in card
        assert "最近核实：2026-01-02 11:32" in card
        assert en in await reader.page(f"{record_path(need)}/card?lang=en")
        assert zh in await reader.page("/feed.atom?lang=zh")
        outcome = f'class="badge outcome-{value}"'
        assert outcome in await reader.page(f"{record_path(need)}?lang=zh")


async def test_third_party_is_told_apart_from_the_own_desk(world: World) -> None:
    """A1: after a second organisation's check it is confirmed by a third party."""
    asks, looks = world.organisation("甲"), world.organisation("乙")
    incident = asks.say("incident/1", BASE, {"start": "2026-01-01T00:00:00+08:00"}, {"title": "疫"})
    facts = need_facts(incident)
    need = asks.say("need/1", FSC, facts, {"title": "大米"})
    checked(asks, need, "desk", facts)
    checked(looks, need, "on_site", facts)
    async with served(world) as reader:
        en = "confirmed by a third party · on site; by its own desk · desk"
        assert await badges(reader, "/needs", "en") == [("confirmed", en)]
        zh = "已核实（第三方 · 现场；自查 · 案头）"
        assert await badges(reader, "/needs", "zh") == [("confirmed", zh)]


@pytest.mark.parametrize(
    ("needed_by", "closed", "zh", "en"),
    [
        ("2025-12-30T12:00:00+08:00", False, "(已过期限，3 天前)", "(overdue, 3 days ago)"),
        ("2026-01-01T12:00:00+08:00", False, "(已过期限，24 小时前)", "(overdue, 24 h ago)"),
        ("2026-01-03T12:00:00+08:00", False, "", ""),
        ("2026-01-01T12:00:00+08:00", True, "", ""),
    ],
)
async def test_need_whose_time_is_over_says_so_as_long_as_it_stands(
    world: World, needed_by: str, closed: bool, zh: str, en: str
) -> None:
    """It is still the first of its list: years ago must not look like today."""
    asks = world.organisation("甲")
    incident = asks.say("incident/1", BASE, {"start": "2025-12-01T00:00:00+08:00"}, {"title": "疫"})
    facts = need_facts(incident) | {"needed_by": needed_by}
    need = asks.say("need/1", FSC, facts, {"title": "大米"})
    if closed:
        asks.say("close/1", FSC, {"reason": "withdrawn"}, thing=need, link=need)
    async with served(world) as reader:
        for path in ("/needs?life=all", record_path(need), f"{record_path(need)}/card"):
            joint = "&" if "?" in path else "?"
            for lang, said in (("zh", zh), ("en", en)):
                text = await reader.page(f"{path}{joint}lang={lang}")
                assert ("已过期限" in text or "overdue" in text) is bool(said)
                assert said in text
