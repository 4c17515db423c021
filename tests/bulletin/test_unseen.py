"""What a public bulletin doesn't show leaves no trace, and two nodes that hold the same show it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bulletin.scene import Scene, make_scene, org_path, record_path
from bulletin.served import Reader, served
from bulletin.world import HEA, LATER, World, exact, need_facts, offer_facts
from hutong_protocol.exchange import Scope
from hutong_protocol.ids import IdKind, format_id
from node.nodes import BASE, FSC

PUBLIC: dict[str, Any] = {"public": True, "scopes": ("xian-2021/fsc",)}
ELSEWHERE = Scope("other-2021", "fsc")
LISTS = (
    *("/needs?life=all", "/offers?life=all", "/needs?place=61&life=all", "/who?place=6101"),
    *("/feed.atom", "/feed.atom?life=all&place=61", "/?place=61", "/robots.txt"),
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def scene(world: World) -> Scene:
    return make_scene(world)


async def everything(reader: Reader, scene: Scene) -> dict[str, tuple[int, str]]:
    """All pages in both languages, by address: status and text."""
    found = {}
    for path in (*scene.paths(), *LISTS):
        for lang in ("zh", "en"):
            address = f"{path}{'&' if '?' in path else '?'}lang={lang}"
            answer = await reader.get(address)
            found[address] = (answer.status, answer.text)
    return found


def say_elsewhere(world: World, scene: Scene) -> list[str]:
    """Records in scopes that aren't listed, about what is shown too; addresses of what they make.

    Its own organisation says all of it, and one that is known from the scopes that are shown.
    """
    world.node.parts.roster.subscribe([ELSEWHERE, Scope(ELSEWHERE.space, "base")])
    stranger = world.organisation()
    paths = [org_path(stranger)]
    facts = need_facts(scene.incident, urgency="immediate")
    about: dict[str, Any] = {"thing": scene.radishes, "revision": scene.radishes}
    for scope in (HEA, ELSEWHERE):
        for author in (stranger, scene.asks):
            need = author.say("need/1", scope, facts, {"title": "藏起来的", "place_name": "密地"})
            offer = author.say("offer/1", scope, offer_facts(scene.incident), {"title": "藏供"})
            paths += [record_path(need), record_path(offer, "offers")]
            promise = {"line": "radish", "quantity": exact("9", "t"), "valid_until": LATER}
            check = {"outcome": "refuted", "method": "desk", "checked": {"exists": True}}
            author.say("commitment/1", scope, promise, {"note": "藏起来的诺"}, **about)
            author.say("verify/1", scope, check, {"note": "藏起来的核"}, **about)
            author.say("close/1", scope, {"reason": "fulfilled"}, thing=scene.radishes)
            author.say("post/1", scope, {}, {"text": "藏起来的话"}, thing=scene.radishes)
    card = stranger.say("org/1", Scope(ELSEWHERE.space, "base"), {"kind": "gov"}, {"title": "藏"})
    assert card
    return paths


async def test_records_in_scopes_that_are_not_listed_change_no_byte_of_a_public_bulletin(
    world: World, scene: Scene
) -> None:
    """Not a count, a digest, a coverage, an organisation, a history or a feed. Threat 49."""
    async with served(world, **PUBLIC) as reader:
        before = await everything(reader, scene)
        hidden = say_elsewhere(world, scene)
        await world.settle()
        assert await everything(reader, scene) == before
        nothing = await reader.get(record_path(bytes(32)))
        for path in hidden:
            answer = await reader.get(path)
            assert (answer.status, answer.text) == (404, nothing.text)
    async with served(world) as reader:
        for path in hidden:
            assert (await reader.get(path)).status == 200


async def test_what_is_asked_of_another_scope_is_refused_like_what_is_not_there(
    world: World, scene: Scene
) -> None:
    absent = format_id(IdKind.RECORD, bytes(32))
    async with served(world, **PUBLIC) as reader:
        for form in ("/needs/{}", "/needs/{}/card", "/offers/{}", "/incidents/{}"):
            there = await reader.get(form.format(format_id(IdKind.RECORD, scene.several)))
            nowhere = await reader.get(form.format(absent))
            assert (there.status, there.text) == (nowhere.status, nowhere.text) == (404, there.text)
        held = await reader.page("/needs?topic=xian-2021/hea&lang=en")
        unheld = await reader.page("/needs?topic=xian-2021/nut&lang=en")
        assert re.sub(r"health|hea\b", "x", held) == re.sub(r"nutrition|nut\b", "x", unheld)


async def test_bulletins_of_two_nodes_with_the_same_records_are_the_same(tmp_path: Path) -> None:
    """A19: identical numbers, coverage and fold digest at the same instant, whatever came when."""
    pages = []
    for number, later_ms in enumerate((0, 45_000)):
        (tmp_path / str(number)).mkdir()
        world = World(tmp_path / str(number), seed=7)
        world.clock.now += later_ms
        scene = make_scene(world)
        if number:
            # This one indexed half of it before the rest came, and holds a scope more.
            world.node.parts.roster.subscribe([Scope("third-2021", "fsc")])
            await world.settle()
        scene.asks.say("need/1", HEA, need_facts(scene.incident), {"title": "后来的"})
        async with served(world, public=True, scopes=("xian-2021/fsc", "xian-2021/hea")) as reader:
            pages.append(await everything(reader, scene))
        await world.close()
    one, other = pages
    assert one.keys() == other.keys()
    for path in one:
        if not path.startswith(("/feed.atom", "/robots")) and "/card" not in path:
            assert one[path] == other[path], path
    about = one["/about?lang=en"][1]
    assert len(re.findall(r"<code>[0-9a-f]{64}</code>", about)) == 4


async def test_an_empty_public_bulletin_gives_no_commands_to_its_readers(world: World) -> None:
    async with served(world, **PUBLIC) as reader:
        for path in ("/", "/needs", "/offers", "/organisations", "/incidents", "/checks", "/who"):
            text = await reader.page(f"{path}?lang=en")
            assert "hutong publish" not in text
            assert "hutong " not in text
            assert "Look again later" in text, path
    async with served(world) as reader:
        assert "hutong publish" in await reader.page("/needs?lang=en")


async def test_scopes_of_the_space_of_a_listed_topic_are_not_listed_with_it(world: World) -> None:
    """`base` comes with a topic: cards and incidents only."""
    world.organisation("有名片", "ngo")
    async with served(world, **PUBLIC) as reader:
        assert "有名片" in await reader.page("/organisations")
        about = await reader.page("/about")
        assert BASE.topic in about
        assert FSC.topic in about
        assert HEA.topic not in re.findall(r"xian-2021/([a-z]+)", about)
