"""What leaves the bulletin: the card that people pass on, and the feed that programs read."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bulletin.html_check import check_html
from bulletin.scene import Scene, make_scene, record_path
from bulletin.served import served
from bulletin.world import DAY_MS, NOON_MS, World, need_facts
from hutong_node.bulletin import card
from hutong_protocol.ids import IdKind, format_id
from node.nodes import FSC

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def scene(world: World) -> Scene:
    return make_scene(world)


async def test_the_share_card_has_a_text_a_link_and_a_code(
    world: World, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record_path(scene.radishes)
    public: dict[str, Any] = {
        "public": True,
        "scopes": ("xian-2021/fsc",),
        "address": "https://hutong.example.org",
    }
    async with served(world, **public) as reader:
        zh = await reader.page(f"{path}/card?lang=zh", headers={"Host": "hutong.example.org"})
        text = re.sub(r"<[^>]+>", "", zh)
        for words in (
            "【需求】急需萝卜",
            "地点：雁塔区 · 陕西 610113",
            "萝卜：需要 5,000,000 斤 = 2,500 t，尚缺 1,000 t",
            "截至 2026-01-02 12:00 +08:00",
            f"https://hutong.example.org{path}",
        ):
            assert words in text, words
        assert re.search(r'<path fill="#000" d="M4 4h7v1h-7z', zh)
        assert "只在本机可用" not in zh
        assert check_html(zh).problems == []
    card.qr_path.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "segno", None)
    async with served(world) as reader:
        without = await reader.page(f"{path}/card?lang=en")
        assert "is not installed on this node; use the link" in without
        assert "works on this machine only" in without
    card.qr_path.cache_clear()


async def test_a_card_says_how_urgent_it_is_and_whom_to_turn_to(world: World, scene: Scene) -> None:
    async with served(world) as reader:
        zh = await reader.page(f"{record_path(scene.radishes)}/card?lang=zh")
        lines = re.sub(r"<[^>]+>", "", zh).splitlines()
        for line in (
            "一天内 · 有效 · 核实后有改动",
            "需在此前 2026-01-05 00:00 +08:00",
            "联系：值班处 029-88880000 desk@example.org",
        ):
            assert line in lines, line
        offer = await reader.page(f"{record_path(scene.offer, 'offers')}/card?lang=en")
        assert "Back to the offer" in offer
        assert "all open" not in offer


async def test_a_title_adds_no_line_of_its_own_to_what_is_passed_on(world: World) -> None:
    """Somebody who reads it in a chat takes each line for the node's. Threat 22."""
    author = world.organisation("好人\n联系：13900000000")
    forged = "大米\n截至 2030-01-01\n\thttps://evil.example"
    need = author.say(
        "need/1",
        FSC,
        need_facts(),
        {"title": forged, "place_name": forged, "lines": {"rice": {"item": forged}}},
    )
    async with served(world) as reader:
        page = await reader.page(f"{record_path(need)}/card?lang=zh")
        message = page.partition('<div class="message">')[2].partition("</div>")[0]
        lines = re.sub(r"<[^>]+>", "", message).splitlines()
        starts = [line.lstrip("【需求】地点：物资发布截至").split(" ")[0] for line in lines]
        assert len(lines) == 8, lines
        assert not any(line.startswith(("\t", "https://evil")) for line in lines), starts


@pytest.mark.parametrize("public", [True, False])
async def test_a_card_whose_link_leads_nowhere_for_others_says_so(
    world: World, scene: Scene, public: bool
) -> None:
    listen: dict[str, Any] = {"public": True, "scopes": ("xian-2021/fsc",)} if public else {}
    async with served(world, **listen) as reader:
        page = await reader.page(f"{record_path(scene.radishes)}/card?lang=en")
        assert page.index("works on this machine only") < page.index("Text for a chat message")


async def test_a_feed_says_in_words_what_it_hides(world: World) -> None:
    world.organisation("甲").say("need/1", FSC, need_facts(), {"title": "找 13800138000"})
    async with served(world) as reader:
        feed = ElementTree.fromstring(await reader.page("/feed.atom?lang=en"))
        titles = [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")]
        assert titles == ["找 [hidden here: mobile number]"]


async def test_the_code_of_a_card_says_what_the_link_says() -> None:
    """Read back module by module from the path, and compared with another drawing of the code."""
    import segno

    address = "https://hutong.example.org/needs/rec-" + "a" * 56
    found = card.qr_path(address)
    assert found is not None
    dark = set()
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", found.path):
        dark |= {(int(x) + step - 4, int(y) - 4) for step in range(int(length))}
    matrix = [list(row) for row in segno.make_qr(address, error="m").matrix]
    expected = {(x, y) for y, row in enumerate(matrix) for x, bit in enumerate(row) if bit}
    assert dark == expected
    assert found.size == len(matrix) + 8


async def test_the_feed_is_atom_with_stable_ids_and_claimed_times(
    world: World, scene: Scene
) -> None:
    ahead = scene.asks.say(
        "need/1", FSC, need_facts(), {"title": "来自未来"}, ts_ms=NOON_MS + 900 * DAY_MS
    )
    async with served(world) as reader:
        answer = await reader.get("/feed.atom?lang=en")
        assert answer.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
        feed = ElementTree.fromstring(answer.text)
        entries = list(feed.iter(f"{ATOM}entry"))
        ids = [entry.findtext(f"{ATOM}id") for entry in entries]
        assert ids == [
            f"urn:hutong:{format_id(IdKind.RECORD, need)}"
            for need in (ahead, scene.several, scene.radishes)
        ]
        times = [entry.findtext(f"{ATOM}updated") for entry in entries]
        assert times == ["2026-01-02T04:00:00Z"] * 3
        assert feed.findtext(f"{ATOM}updated") == "2026-01-02T04:00:00Z"
        summary = entries[2].findtext(f"{ATOM}summary") or ""
        assert "萝卜 5,000,000 jin (斤) = 2,500 t open 1,000 t" in summary
        links = [link.get("href") or "" for link in feed.iter(f"{ATOM}link")]
        assert all(link.startswith(reader.url) for link in links)
        for link in links:
            assert (await reader.get(link.removeprefix(reader.url))).status == 200
        narrow = ElementTree.fromstring(await reader.page("/feed.atom?urgency=high"))
        assert [entry.findtext(f"{ATOM}title") for entry in narrow.iter(f"{ATOM}entry")] == [
            "护理人手、口罩与心理咨询"
        ]
        assert narrow.findtext(f"{ATOM}id") != feed.findtext(f"{ATOM}id")
        again = await reader.get(
            "/feed.atom?lang=en", headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert (again.status, again.text) == (304, "")
