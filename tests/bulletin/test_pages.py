"""What the pages say: numbers, sources, what is missing, and where everything leads."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from bulletin.html_check import Checked, check_html
from bulletin.scene import Scene, make_scene, org_path, record_path
from bulletin.served import Reader, served
from bulletin.world import HEA, NOON_MS, Said, World, exact, need_facts
from hutong_node.bulletin.tables import in_province, shared_beginning
from hutong_node.store.interface import NewErase, NewPart, NewRecord, StoreMethods
from hutong_protocol.encoding import encode
from hutong_protocol.ids import IdKind, RecordId, format_id
from node.nodes import BASE, FSC

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def scene(world: World) -> Scene:
    return make_scene(world)


async def read(reader: Reader, path: str, lang: str = "en") -> Checked:
    """A page that is checked whole."""
    joint = "&" if "?" in path else "?"
    text = await reader.page(f"{path}{joint}lang={lang}")
    found = check_html(text)
    assert found.problems == [], (path, found.problems)
    found.text = re.sub(r"\s+", " ", found.text)
    return found


async def test_every_page_is_well_formed_in_both_languages(world: World, scene: Scene) -> None:
    async with served(world) as reader:
        for path in scene.paths():
            for lang, tag in (("zh", "zh-CN"), ("en", "en")):
                found = await read(reader, path, lang)
                assert found.lang == tag
                assert found.landmarks >= {"main", "header", "footer", "nav"}
                assert "Shown(" not in found.text
                assert "None" not in found.text


async def test_every_link_of_every_page_leads_to_a_page(world: World, scene: Scene) -> None:
    async with served(world) as reader:
        seen: set[str] = set()
        for path in scene.paths():
            for link in (await read(reader, path, "zh")).links:
                address = unescape(link).partition("#")[0]
                if address and address not in seen:
                    seen.add(address)
                    answer = await reader.get(address)
                    assert answer.status == 200, (path, address)
        assert len(seen) > 60


async def test_the_radishes_read_as_they_were_written_and_as_they_come_to(
    world: World, scene: Scene
) -> None:
    """A4: 500万斤 are 2,500 t; a promise by telephone stands apart; what is on its way is said."""
    async with served(world) as reader:
        zh = (await read(reader, record_path(scene.radishes), "zh")).text
        assert "5,000,000 斤 = 2,500 t" in zh
        assert "原文 500万斤" in zh
        for words in ("需要 2,500 t", "已落实 1,500 t", "在途 0.5 t", "已收到 1,480 t"):
            name, amount = words.split(" ", 1)
            assert re.search(rf"{name}\s+{amount}", zh), words
        assert re.search(r"尚缺\s+1,000 t", zh)
        assert re.search(r"代他人承诺\s+1,500 t", zh)
        assert re.search(r"超额承诺\s+500 t", zh)
        en = (await read(reader, record_path(scene.radishes))).text
        assert "5,000,000 jin (斤) = 2,500 t" in en
        assert "on behalf of somebody without a node" in en
        assert "12,000" in en
        assert "2026-01-05 00:00 +08:00" in en


async def test_a_need_says_who_said_what_when_and_in_whose_log(world: World, scene: Scene) -> None:
    async with served(world) as reader:
        page = await read(reader, record_path(scene.radishes))
        for words in (
            "stated the need",
            "promised",
            "answered a promise",
            "sent",
            "received",
            "checked",
            "its author has no say, not counted",
            "not understood here, not counted",
            "waybill 陕A12345",
        ):
            assert words in page.text, words
        record = format_id(IdKind.RECORD, scene.radishes)[:16]
        assert f"record {record}" in page.text
        assert len(re.findall(r"log log-[a-z2-7]{12}, no\. \d+", page.text)) == 9
        assert "a promise is overdue" in page.text
        assert "records by authors without a say, not counted (1)" in page.text
        assert "Whoever asks accepts; whoever provides promises." in page.text
        assert "民政 Office" in page.text
        assert "third party" in page.text
        assert "changed since" in page.text


async def test_a_need_begins_with_what_a_coordinator_looks_for(world: World, scene: Scene) -> None:
    """What, where, how much is open, how old the last check is, whom to turn to."""
    async with served(world) as reader:
        zh = (await read(reader, record_path(scene.radishes), "zh")).text
        short = zh[zh.index("急需萝卜") : zh.index("条目与数量")]
        for words in (
            "萝卜: 5,000,000 斤 = 2,500 t 尚缺 1,000 t",
            "雁塔区",
            "陕西 610113",
            "需在此前 2026-01-05 00:00 +08:00",
            "最近核实 2026-01-01 10:00 +08:00 (26 小时前)",
            "找谁 西安社工协会 org-",
            "电话 029-88880000",
        ):
            assert words in short, words
        several = (await read(reader, record_path(scene.several))).text
        assert "people: at least 4 person (人) all open" in several
        assert "last checked not checked" in several
        offer = (await read(reader, record_path(scene.offer, "offers"))).text
        assert "all open" not in offer
        assert "What ends first comes first." in (await read(reader, "/offers")).text
        assert "turn to 基金会 Foundation org-" in offer


async def test_a_history_names_lines_and_says_what_each_version_asked_for(
    world: World, scene: Scene
) -> None:
    async with served(world) as reader:
        text = (await read(reader, record_path(scene.radishes))).text
        history = text[text.index("History and sources") :]
        assert re.search(r"History and sources .{0,150} stated the need needed by", history)
        assert "lines 萝卜 5,000,000 jin (斤) = 2,500 t" in history
        assert "promised line 萝卜 amount 1,500 t" in history
        assert "line radish" not in history
        several = (await read(reader, record_path(scene.several))).text
        assert "lines people at least 4 person (人); goods · masks no upper limit" in several
        assert "closed reason fulfilled lines goods · suits" in several
        author = scene.asks
        need = author.say("need/1", FSC, need_facts(), {"title": "大米"})
        body = need_facts(lines=[{"id": "rice", "kind": "goods", "quantity": exact("260", "kg")}])
        author.say("revise/1", FSC, {"of": "need/1", "body": body}, None, thing=need, link=need)
        await world.settle()
        revised = (await read(reader, record_path(need))).text
        assert re.search(r"stated the need .{0,40}lines goods 200 kg", revised)
        assert re.search(r"revised .{0,40}lines goods 260 kg", revised)


def test_a_place_is_called_what_nearly_all_call_it() -> None:
    assert shared_beginning(["武汉市江岸区", "武汉市江汉区", "武汉市"]) == "武汉市"
    assert shared_beginning(["天门市一", "天门市二", "天门市三", "潜江市", "仙桃市"]) == ""
    assert shared_beginning(["雁塔区"]) == ""


async def test_a_place_is_not_named_twice_by_its_province(world: World) -> None:
    author = world.organisation("甲")
    for number in range(3):
        place = {"codes": [{"scheme": "CN-GB2260", "code": f"42010{number + 2}"}]}
        text = {"title": "口罩", "place_name": f"湖北省武汉市某区{number}"}
        author.say("need/1", FSC, need_facts(place=place), text)
    author.say("need/1", FSC, need_facts(), {"title": "口罩", "place_name": "雁塔区"})
    async with served(world) as reader:
        assert "湖北 42 3 陕西 61 1" in (await read(reader, "/", "zh")).text
        assert "湖北 420102 1" in (await read(reader, "/?place=42", "zh")).text
        by_place = (await read(reader, "/who?place=42", "zh")).text
        assert "湖北 420102" in by_place
    for code, name, expected in (
        ("CN:4201", "湖北省武汉市江", "武汉市"),
        ("CN:4228", "湖北恩施土家族苗族自治州", "恩施土家族苗族自治州"),
        ("CN:42", "湖北省武汉市", ""),
        ("CN:4209", "湖北省孝", ""),
        ("CN:610113", "陕西省西安市雁塔区", "西安市雁塔区"),
        ("X:42", "湖北省", "湖北省"),
    ):
        assert in_province(code, name) == expected


async def test_names_of_filters_have_their_short_ids(world: World, scene: Scene) -> None:
    """Threat 22: anybody may take any name."""
    org = format_id(IdKind.ORG, scene.asks.org)
    async with served(world) as reader:
        found = await read(reader, f"/needs?organisation={org}")
        assert f"Organisation: Xi’an Social Work Association {org[:16]}" in found.text


async def test_lines_of_every_kind_are_shown_with_what_can_be_said_of_them(
    world: World, scene: Scene
) -> None:
    async with served(world) as reader:
        text = (await read(reader, record_path(scene.several))).text
        assert "护理人手、口罩与心理咨询" in text
        assert "asked at least 4 person (人)" in text
        assert "asked no upper limit, zhi (只)" in text
        assert "asked amount not stated" in text
        assert re.search(r"Asked\s+6 h", text)
        assert re.search(r"Possible, at most\s+900 zhi", text)
        assert "promised 2 box (箱)" in text
        assert "to renew an expired promise" in text
        assert "nurse" in text
        assert "revised" in text


async def test_a_closed_need_and_an_expired_one_say_so(world: World, scene: Scene) -> None:
    async with served(world) as reader:
        closed = (await read(reader, record_path(scene.closed))).text
        assert "closed because done by others" in closed
        assert "goods closed goods · asked 200 kg Asked 200 kg" in closed
        assert "Open 200 kg" not in closed
        assert "药品" in (await read(reader, "/needs?life=closed")).text
        assert "药品" not in (await read(reader, "/needs?life=all&topic=fsc")).text
        expired = (await read(reader, record_path(scene.expired))).text
        assert "expired, to be reconfirmed" in expired
        assert "西安社工协会" in (await read(reader, record_path(scene.expired), "zh")).text


async def test_lists_show_what_the_filters_ask_for_and_how_to_drop_them(
    world: World, scene: Scene
) -> None:
    async with served(world) as reader:
        whole = await read(reader, "/needs")
        assert "Open needs" in whole.text
        assert "Needs: 2." in whole.text
        assert whole.text.index("急需萝卜") < whole.text.index("护理人手")
        narrow = await read(reader, "/needs?topic=xian-2021/hea&place=61&urgency=high")
        assert "急需萝卜" not in narrow.text
        assert "护理人手" in narrow.text
        assert "Filters in force" in narrow.text
        dropped = [unescape(link) for link in narrow.links if link.startswith("/needs?")]
        assert "/needs?place=61&urgency=high&lang=en" in dropped
        other = "/needs?topic=xian-2021%2Fhea&place=61&urgency=high&lang=zh"
        assert other in dropped
        for query, there in (
            ("coverage=part", True),
            ("coverage=none", False),
            ("verification=outdated", True),
            ("verification=disputed", False),
            (f"incident={format_id(IdKind.RECORD, scene.incident)}", True),
            (f"organisation={format_id(IdKind.ORG, scene.gives.org)}", False),
            ("place=42", False),
            ("topic=nut", False),
        ):
            found = (await read(reader, f"/needs?{query}")).text
            assert ("急需萝卜" in found) is there, query


async def test_two_incidents_are_counted_apart(world: World, scene: Scene) -> None:
    """A20: filters and totals never mix."""
    async with served(world) as reader:
        listed = (await read(reader, "/incidents", "zh")).text
        assert listed.index("洪水") < listed.index("西安封控")
        assert "尚有缺口的需求 0 · 有效供给 0" in listed
        assert "尚有缺口的需求 2 · 有效供给 1" in listed
        one = (await read(reader, record_path(scene.incident, "incidents"), "zh")).text
        assert "EP-2021-000001-CHN" in one
        assert "急需萝卜" in one


async def test_an_organisation_has_its_desk_its_claims_and_what_it_does(
    world: World, scene: Scene
) -> None:
    async with served(world) as reader:
        page = await read(reader, org_path(scene.asks))
        assert "Xi’an Social Work Association" in page.text
        assert "says it is association" in page.text
        assert {link for link, _ in page.outward} == {
            "tel:02988880000",
            "mailto:desk@example.org",
            "https://example.org/xa",
        }
        assert "急需萝卜" in page.text
        gives = (await read(reader, org_path(scene.gives))).text
        assert "Needs for which it promised" in gives
        assert "库存物资" in gives
        listed = (await read(reader, "/organisations", "zh")).text
        assert "西安社工协会" in listed
        assert "自称 基金会" in listed


async def test_who_does_what_where_is_computed_from_records(world: World, scene: Scene) -> None:
    async with served(world) as reader:
        text = (await read(reader, "/who", "zh")).text
        assert "求 2" in text
        assert "供 1 · 诺 1 · 送 1" in text
        assert "核 1" in text
        assert "陕西 610113" in text


async def test_checks_are_listed_with_who_looked_and_when(world: World, scene: Scene) -> None:
    async with served(world) as reader:
        text = (await read(reader, "/checks", "zh")).text
        assert "急需萝卜" in text
        assert "现场核实" in text
        assert "2026-01-01 10:00 +08:00" in text
        assert "民政 Office" in text


async def test_the_foot_says_what_the_page_rests_on(world: World, scene: Scene) -> None:
    async with served(world) as reader:
        text = (await read(reader, "/needs")).text
        roots = world.node.parts.store.run(
            StoreMethods.scope_roots, world.node.parts.roster.subscriptions()
        )
        assert roots
        assert "As of 2026-01-02 12:00 +08:00" in text
        assert "organisations: 3" in text
        assert "not counted or not understood 2" in text
        assert re.search(r"Frontier digest [0-9a-f]{16}", text)
        assert re.search(r"xian-2021/fsc [0-9a-f]{16}", text)
        about = (await read(reader, "/about")).text
        state = world.node.parts.index.state(NOON_MS)
        for scope in state.scopes:
            assert scope.fold_digest.hex() in about
        assert "as of 2026-01-02 12:00 +08:00" in about


async def test_an_empty_node_says_what_to_do_next(world: World) -> None:
    async with served(world) as reader:
        for path, words in (
            ("/", "No needs yet. To publish one: hutong publish"),
            ("/needs", "No needs yet."),
            ("/offers", "No offers yet."),
            ("/organisations", "No records of any organisation yet."),
            ("/incidents", "No incidents yet."),
            ("/checks", "No checks yet."),
            ("/who", "No records of any organisation yet."),
            ("/needs?place=61", "Nothing matches these filters. Drop one of them"),
        ):
            assert words in (await read(reader, path)).text, path
        own = format_id(IdKind.ORG, world.node.parts.identity.org)
        assert "this node’s own organisation" in (await read(reader, f"/organisations/{own}")).text


async def test_what_was_erased_is_told_and_its_place_stays(world: World) -> None:
    """H10: the history shows that something was erased, not what."""
    facts = encode(need_facts())
    text = encode({"title": "写错的标题", "note": "不该说的话"})
    said = await world.node.publish(
        FSC, [NewRecord("need/1", parts=(NewPart(0, facts), NewPart(1, text)))]
    )
    (need,) = said.records
    async with served(world) as reader:
        assert "不该说的话" in (await read(reader, record_path(need))).text
        await world.node.publish(FSC, [NewErase({need: 0b10})])
        await world.settle()
        after = await reader.page(f"{record_path(need)}?lang=en")
        assert "(words erased by their author)" in after
        assert "写错的标题" not in after
        assert "不该说的话" not in after
        assert "200 kg" in after
        listed = await reader.page("/needs?lang=zh")
        assert "（文字已由作者删除）" in listed


async def test_one_organisation_cannot_fill_a_list_or_a_need(world: World) -> None:
    """Threat 20: what is left out is counted and can be seen."""
    loud, quiet = world.organisation("多"), world.organisation("少")
    many: list[Said] = [
        ("need/1", need_facts(urgency="immediate"), {"title": "刷屏"}, {}) for _ in range(70)
    ]
    loud.say_all(FSC, many)
    need = quiet.say("need/1", FSC, need_facts(urgency="low"), {"title": "安静的需求"})
    line = {"line": "rice", "quantity": exact("1", "kg"), "valid_until": "2026-03-01T00:00:00Z"}
    about = {"thing": need, "revision": need}
    loud.say_all(FSC, [("commitment/1", line, None, about) for _ in range(120)])
    async with served(world) as reader:
        page = await read(reader, "/needs")
        assert page.text.count("刷屏") == 15
        assert "安静的需求" in page.text
        assert "55 more here by 多" in page.text
        more = next(link for link in page.links if "organisation=" in link and "after=" in link)
        rest = await read(reader, unescape(more).replace("&lang=en", ""))
        assert rest.text.count("刷屏") == 50
        one = await read(reader, record_path(need))
        assert one.text.count("not answered yet") == 10
        assert "110 more promises by 多" in one.text
        assert "1 to 50 of 121" in one.text
        last = await read(reader, f"{record_path(need)}?history=100")
        assert "101 to 121 of 121" in last.text
        feed = ElementTree.fromstring(await reader.page("/feed.atom"))
        titles = [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")]
        assert titles.count("刷屏") == 20
        assert "安静的需求" in titles


async def test_a_history_too_long_to_judge_is_read_page_by_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hutong_node.bulletin import history

    monkeypatch.setattr(history, "WHOLE_MAX", 20)
    author = world.organisation("一")
    need = author.say("need/1", FSC, need_facts(), {"title": "大米"})
    notes: list[Said] = [("x-note/1", {}, None, {"thing": need}) for _ in range(60)]
    author.say_all(FSC, notes)
    async with served(world) as reader:
        first = await read(reader, record_path(need))
        assert "1 to 50 of 61" in first.text
        assert "stated the need" in first.text
        assert "51 to 61 of 61" in (await read(reader, f"{record_path(need)}?history=50")).text
        assert "No more records." in (await read(reader, f"{record_path(need)}?history=90")).text


async def test_pages_of_a_list_hang_together_and_lose_nothing(world: World) -> None:
    author = world.organisation("一")
    author.say_all(
        HEA, [("need/1", need_facts(), {"title": f"需求{n:03}"}, {}) for n in range(120)]
    )
    async with served(world) as reader:
        seen: list[str] = []
        address: str | None = "/needs?topic=hea"
        while address is not None:
            page = await read(reader, address.replace("&lang=en", ""))
            seen += re.findall(r"需求\d{3}", page.text)
            address = page.next
        assert sorted(seen) == [f"需求{n:03}" for n in range(120)]


async def test_names_of_organisations_come_with_ids_and_by_language(world: World) -> None:
    """Threat 22: two of one name are told apart."""
    one, two = world.organisation("妇源汇"), world.organisation("妇源汇")
    for author in (one, two):
        author.say("need/1", FSC, need_facts(), {"title": "大米"})
    nameless = world.organisation()
    nameless.say("need/1", FSC, need_facts(), {"title": "面粉"})
    async with served(world) as reader:
        text = (await read(reader, "/needs", "zh")).text
        for author in (one, two):
            assert f"妇源汇 {format_id(IdKind.ORG, author.org)[:16]}" in text
        assert f"（无名称） {format_id(IdKind.ORG, nameless.org)[:16]}" in text


async def test_a_thing_of_another_kind_or_none_is_no_page(world: World, scene: Scene) -> None:
    async with served(world) as reader:
        for path in (
            record_path(scene.radishes, "offers"),
            record_path(scene.offer, "needs"),
            record_path(scene.incident, "needs"),
            record_path(RecordId(bytes(32))),
            f"{record_path(scene.radishes, 'offers')}/card",
            "/needs/rec-abc",
            "/needs/' OR 1=1",
            "/organisations/" + format_id(IdKind.ORG, bytes(32)),
            "/incidents/" + format_id(IdKind.RECORD, scene.radishes),
            "/static/../words.toml",
            "/static/bulletin.css",
            "/nothing",
        ):
            answer = await reader.get(path.replace(" ", "%20").replace("'", "%27"))
            assert answer.status == 404, path
            assert check_html(answer.text).problems == []


async def test_a_card_that_does_not_fit_is_ignored_field_by_field(world: World) -> None:
    author = world.organisation()
    author.say("org/1", BASE, {"kind": "ngo"}, {"title": "一", "note": 7, "desk": {"url": 5}})
    odd = world.organisation()
    odd.say("org/1", BASE, {"kind": "ngo"}, {"title": ["x"], "names": {"en": "Odd"}, "note": "n"})
    async with served(world) as reader:
        assert "一" in (await read(reader, org_path(author))).text
        assert "Odd" in (await read(reader, org_path(odd), "en")).text
        assert "no name here" not in (await read(reader, org_path(odd), "en")).text
