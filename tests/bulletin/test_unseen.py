"""What may be seen: what a bulletin doesn't show leaves no trace, and what it does is the same."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bulletin.scene import Scene, make_scene, org_path, record_path
from bulletin.served import Reader, served
from bulletin.world import EARLIER, HEA, LATER, World, exact, need_facts, offer_facts
from hutong_node.config import BulletinListen, Config, ConfigRefused, load_config, write_config
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


async def test_a_public_bulletin_shows_only_what_is_listed(world: World, scene: Scene) -> None:
    """What is in other scopes is not there: no page, no count, no name in a list."""
    hidden = world.organisation()
    hidden.say("need/1", HEA, need_facts(), {"title": "只在卫生主题"})
    async with served(world, **PUBLIC) as reader:
        for path in scene.paths():
            answer = await reader.get(path)
            expected = 404 if path in map(record_path, (scene.several, scene.closed)) else 200
            assert answer.status == expected, path
        listed = await reader.page("/needs?life=all")
        assert "急需萝卜" in listed
        assert "护理人手" not in listed
        assert "护理人手" not in await reader.page("/feed.atom?life=all")
        assert "护理人手" not in await reader.page("/needs?topic=xian-2021/hea&life=all")
        assert (await reader.get(org_path(hidden))).status == 404
        assert "xian-2021/hea" not in await reader.page("/about?lang=zh")
        assert "只在卫生主题" not in await reader.page("/")
        assert "西安社工协会" in await reader.page("/organisations?lang=zh")
        assert "西安封控" in await reader.page("/incidents?lang=zh")
        assert (await reader.get("/", headers={"Host": "any.example"})).status == 200
    async with served(world) as reader:
        assert (await reader.get(record_path(scene.several))).status == 200
        assert (await reader.get(org_path(hidden))).status == 200


async def test_a_public_bulletin_tells_how_many_peers_there_are_and_not_who(world: World) -> None:
    from hutong_node.roster import Peer
    from hutong_protocol.ids import OrgId

    peer = OrgId(b"\7" * 32)
    world.node.parts.roster.set_peer(Peer(peer, "wss://peer.example:1", b"\1" * 32, 1))
    name = format_id(IdKind.ORG, peer)[:16]
    async with served(world) as reader:
        assert name in await reader.page("/about")
    async with served(world, **PUBLIC) as reader:
        about = await reader.page("/about?lang=en")
        assert name not in about
        assert "1, never the same so far" in about
        assert "peer.example" not in about


async def test_a_public_bulletin_is_called_by_its_address(world: World) -> None:
    address = "https://hutong.example.org"
    async with served(world, address=address, **PUBLIC) as reader:
        for host, status in (
            ("hutong.example.org", 200),
            ("localhost", 200),
            ("evil.example", 403),
        ):
            assert (await reader.get("/", headers={"Host": host})).status == status
        own = {"Host": "hutong.example.org", "Origin": address}
        assert (await reader.get("/", headers=own)).status == 200
        feed = await reader.page("/feed.atom", headers={"Host": "localhost"})
        assert f'href="{address}/needs"' in feed


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ({"host": "0.0.0.0"}, "public = true"),
        ({"host": "192.0.2.1"}, "public = true"),
        ({"address": "https://hutong.example.org"}, "public = true"),
        ({"public": True}, "scopes"),
        ({"public": True, "scopes": ("xian-2021",)}, "scopes"),
        ({"zone": "Nowhere/Nothing"}, "no time zone"),
        ({"address": "https://example.org/path"}, "address"),
        ({"language": "fr"}, "language"),
        ({"cookies": True}, "cookies"),
    ],
)
def test_a_configuration_that_shows_too_much_or_nothing_is_refused(
    listen: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        BulletinListen(**listen)


def test_the_configuration_is_written_with_comments_and_read_back(world: World) -> None:
    folder = world.node.parts.folder
    folder.config.unlink()
    listen = BulletinListen(port=9000, address="http://a.example:80", zone="UTC", **PUBLIC)
    write_config(folder, Config(organisation="甲", bulletin=listen))
    assert load_config(folder).bulletin == listen
    text = folder.config.read_text("utf-8")
    folder.config.write_text(text.replace("public = true", "public = false"), "utf-8")
    with pytest.raises(ConfigRefused, match="needs `public = true` and `scopes`"):
        load_config(folder)


def test_base_comes_with_any_topic_of_a_space_and_nothing_else(world: World) -> None:
    from hutong_node.bulletin.source import Source

    source = Source(world.node, BulletinListen(**PUBLIC))
    assert source.scopes() == [BASE, FSC]
    source.close()
    other = Source(world.node, BulletinListen(public=True, scopes=("other/fsc",)))
    assert other.scopes() == []
    other.close()


async def test_personal_data_in_what_others_sent_is_hidden(world: World) -> None:
    """Threats 51 and 54, spec 13.4.6: whoever let it through, this page shows it to nobody."""
    author = world.organisation("某组织 13800138000")
    need = author.say(
        "need/1",
        FSC,
        need_facts(lines=[{"id": "a", "kind": "goods", "quantity": exact("1", "raw:13800138000")}]),
        {
            "title": "找 13800138000",
            "place_name": "3号楼2单元501室",
            "note": "身份证 11010519491231002X",
            "lines": {"a": {"item": "a@example.org", "raw": "微信：abc12345"}},
        },
    )
    async with served(world) as reader:
        for path in ("/", "/needs", record_path(need), f"{record_path(need)}/card", "/feed.atom"):
            text = await reader.page(path)
            for secret in ("13800138000", "501室", "11010519491231002X", "example.org", "abc12345"):
                if secret == "example.org" and path.endswith("/feed.atom"):
                    continue
                assert secret not in text, (path, secret)
        assert "此处隐去：手机号" in await reader.page("/needs")


async def test_personal_data_in_codes_and_units_is_hidden_and_in_no_address(world: World) -> None:
    """Only a desk and a waybill may look like it. Spec 13.4.1, 13.4.6."""
    number = "13800138000"
    place = {"codes": [{"scheme": "X", "code": number}, {"scheme": "CN-GB2260", "code": "610113"}]}
    line = {
        "id": "a",
        "kind": "goods",
        "quantity": exact("5", f"raw:{number}"),
        "item": {"scheme": "x", "code": number},
        "skills": [number],
    }
    author = world.organisation("甲", has=[number])
    facts = need_facts(lines=[line], place=place, severity=number, restrictions=[number])
    need = author.say("need/1", FSC, facts, {"title": "大米"})
    offer = author.say(
        "offer/1", FSC, offer_facts(stock_id=number, place=place, lines=[line]), {"title": "米"}
    )
    author.say("incident/1", BASE, {"start": EARLIER, "glide": number}, {"title": "某事"})
    paths = ["/", "/needs", "/offers", "/who", "/who?place=X:1", "/incidents", "/organisations"]
    paths += [record_path(need), record_path(need) + "/card", record_path(offer, "offers")]
    paths += ["/feed.atom", org_path(author)]
    async with served(world) as reader:
        for path in paths:
            assert number not in await reader.page(path), path
        assert "此处隐去" in await reader.page(record_path(need))
