"""The bulletin in a real browser: no script runs, nothing foreign is asked for, people can use it.

`make test` runs this where Chromium is installed; `make browser` also installs axe-core, without
which the accessibility tests are skipped, and counted. Threats 22, 44, 45.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from browser.chromium import Tab, browser, chromium_path
from bulletin.hostile import hostile_world
from bulletin.payloads import payloads, short_payloads
from bulletin.scene import make_scene, org_path, record_path
from bulletin.served import served
from bulletin.world import World, need_facts
from hutong_protocol.ids import IdKind, format_id
from node.nodes import FSC

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="browser: Chromium is not on this machine"),
]
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (1_280, 390)
LANGUAGES = ("zh", "en")
SERIOUS = ("serious", "critical")
HTML = "text/html"
NEEDS_SHOWN = 24


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.close()


@asynccontextmanager
async def beacon(page: str = "") -> AsyncIterator[tuple[str, list[str]]]:
    """An address that no page should ever ask for, and what was asked of it.

    With a `page`, that is at the address `/page`; `{url}` in it is the address to watch.
    """
    asked: list[str] = []

    async def note(request: web.Request) -> web.Response:
        if page and request.path == "/page":
            return web.Response(text=page.format(url=f"http://{request.host}/b"), content_type=HTML)
        asked.append(request.path)
        return web.Response(text="document.title = 'owned'", content_type="text/javascript")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", note)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/b", asked
    finally:
        await runner.cleanup()


def foreign(tab: Tab, origin: str) -> list[str]:
    """The addresses that the page asked for outside of the bulletin."""
    return [url for url in tab.requests if not url.startswith((f"{origin}/", "data:"))]


async def test_no_form_runs_a_script_or_asks_for_anything_elsewhere(world: World) -> None:
    """260 forms in titles, notes, names, units, places and codes; scripts are allowed to run."""
    async with beacon() as (address, asked):
        script = "document.title='owned';alert(1)"
        needs = await hostile_world(world, list(payloads(script, address)), list(short_payloads()))
        paths = ["/", "/organisations", "/incidents", "/who", "/checks", "/about"]
        paths += ["/offers?life=all", "/feed.atom"]
        step = len(needs) // NEEDS_SHOWN
        paths += [record_path(need) for need in needs[::step]]
        paths += [f"{record_path(need)}/card" for need in needs[1 :: step * 4]]
        async with served(world) as reader, browser() as tab:
            following: str | None = "/needs"
            while following is not None:
                await _is_harmless(tab, reader.url, following)
                following = await tab.evaluate(
                    "document.querySelector('a[rel~=next]')?.getAttribute('href') ?? null"
                )
                paths += await tab.evaluate(
                    "[...new Set([...document.querySelectorAll('a.org')]"
                    ".map(a => a.getAttribute('href')))].slice(0, 3)"
                )
            for path in dict.fromkeys(paths):
                await _is_harmless(tab, reader.url, path)
            assert foreign(tab, reader.url) == []
            assert tab.dialogs == []
        assert asked == []


async def _is_harmless(tab: Tab, origin: str, path: str) -> None:
    """Holds a page to have no script, frame, object, handler or foreign address in its tree."""
    await tab.open(origin + path)
    found = await tab.evaluate(
        """(() => {
          const bad = [...document.querySelectorAll('*')].filter(e =>
            ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'STYLE', 'BASE', 'IMG', 'VIDEO', 'AUDIO',
             'MATH', 'TEMPLATE'].includes(e.nodeName.toUpperCase())
            || [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'style'
                 || /^(javascript|data|vbscript):(?!,$)/i.test(a.value.trim())));
          return [document.title, bad.map(e => e.outerHTML.slice(0, 80))];
        })()"""
    )
    assert found[0] != "owned", path
    if not path.startswith("/feed.atom"):
        assert found[1] == [], path


async def test_pages_are_whole_without_scripts_and_ask_only_for_the_style_sheet(
    world: World,
) -> None:
    scene = make_scene(world)
    async with served(world) as reader, browser(scripts=False) as tab:
        for path in scene.paths():
            tab.requests.clear()
            await tab.open(reader.url + path)
            asked = {url.removeprefix(reader.url) for url in tab.requests}
            assert {path} <= asked, path
            assert all(url == path or url.startswith("/static/") for url in asked), asked
        assert tab.problems == []


async def test_no_page_is_wider_than_its_screen(world: World) -> None:
    """Phone width: only tables scroll, each in its own frame."""
    scene = make_scene(world)
    long = world.organisation("没有空格的很长的名字" * 9, note="x" * 2_000)
    long.say("need/1", FSC, need_facts(), {"title": "W" * 290, "place_name": "地" * 95})
    paths = [*scene.paths(), org_path(long), "/needs?urgency=high", "/needs?life=wrong"]
    async with served(world) as reader, browser() as tab:
        for path in paths:
            for lang in LANGUAGES:
                joint = "&" if "?" in path else "?"
                await tab.open(f"{reader.url}{path}{joint}lang={lang}")
                for width in (*WIDTHS, 320):
                    await tab.resize(width)
                    wider = await tab.evaluate("document.documentElement.scrollWidth - innerWidth")
                    assert wider <= 0, (path, width, lang, wider)


async def test_on_a_phone_needs_come_first_and_filters_at_a_link(world: World) -> None:
    """Without a script: what is open is on the first screen, the form is where its link leads."""
    scene = make_scene(world)
    top = "document.querySelector('{}').getBoundingClientRect().top"
    shown = "getComputedStyle(document.querySelector('.filters')).display"
    async with served(world) as reader, browser(scripts=False) as tab:
        for lang in LANGUAGES:
            await tab.resize(390, 844)
            await tab.open(f"{reader.url}/needs?lang={lang}")
            assert await tab.evaluate(shown) == "none"
            assert await tab.evaluate(top.format(".thing .lines")) < 500
            await tab.evaluate("document.querySelector('.to-filters a').click()")
            assert await tab.evaluate(shown) == "flex"
            await tab.open(f"{reader.url}{record_path(scene.radishes)}?lang={lang}")
            bottom = "document.querySelector('.short').getBoundingClientRect().bottom"
            assert await tab.evaluate(bottom) < 844
            await tab.resize(1_280)
            await tab.open(f"{reader.url}/needs?lang={lang}")
            assert await tab.evaluate(shown) == "flex"


async def test_text_that_would_turn_the_page_stays_in_its_place(world: World) -> None:
    """Threat 22: U+202E in a name doesn't move what stands beside it."""
    tricky = world.organisation("银行\u202e卡\u2067")
    tricky.say("need/1", FSC, need_facts(), {"title": "\u202egnp.exe", "place_name": "مدرسة"})
    async with served(world) as reader, browser() as tab:
        await tab.open(f"{reader.url}/needs?lang=en")
        text = await tab.evaluate("document.querySelector('.thing').innerText")
        assert "U+202E" in text
        assert "\u202e" not in text
        short = format_id(IdKind.ORG, tricky.org)[:16]
        after = await tab.evaluate(
            "(() => { const a = document.querySelector('.thing .org'), b = a.querySelector('bdi'),"
            " i = a.querySelector('.id'); return [i.innerText, b.getBoundingClientRect().left"
            " < i.getBoundingClientRect().left]; })()"
        )
        assert after == [short, True]


async def test_everything_can_be_reached_by_keyboard_and_the_focus_is_seen(world: World) -> None:
    make_scene(world)
    async with served(world) as reader, browser() as tab:
        await tab.open(f"{reader.url}/needs?lang=en")
        key: dict[str, Any] = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
        seen = []
        for _ in range(14):
            await tab.command("Input.dispatchKeyEvent", type="rawKeyDown", **key)
            await tab.command("Input.dispatchKeyEvent", type="keyUp", **key)
            seen.append(
                await tab.evaluate(
                    "(e => [e.innerText || e.name, getComputedStyle(e).outlineStyle,"
                    " e.getBoundingClientRect().left >= 0])(document.activeElement)"
                )
            )
        assert seen[0] == ["Skip to content", "solid", True]
        assert all(outline == "solid" and visible for _, outline, visible in seen)
        names = [name for name, _, _ in seen]
        assert "Needs" in names
        assert "topic" in [name if name.islower() else "" for name in names] or "any" in str(names)


async def test_the_printed_page_leaves_out_what_paper_cannot_do(world: World) -> None:
    scene = make_scene(world)
    async with served(world) as reader, browser() as tab:
        await tab.command("Emulation.setEmulatedMedia", media="print")
        for path in ("/needs", record_path(scene.radishes)):
            await tab.open(f"{reader.url}{path}?lang=en")
            hidden = await tab.evaluate(
                "[...document.querySelectorAll('.sections, .languages, .filters, .turning')]"
                ".every(e => getComputedStyle(e).display === 'none')"
            )
            assert hidden
            text = await tab.evaluate("document.body.innerText")
            assert "2026-01-02 12:00 +08:00" in text
            assert "Fold digest" in text


async def violations(tab: Tab) -> list[str]:
    """What axe-core finds that is serious, on the page as it is shown."""
    await tab.evaluate(f"{AXE.read_text('utf-8')}; 0")
    told = json.loads(
        await tab.evaluate("axe.run(document).then(r => JSON.stringify(r.violations))")
    )
    return [
        f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:120]}"
        for each in told
        if each["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_axe_finds_nothing_serious_at_both_widths(world: World, lang: str) -> None:
    if not AXE.is_file():
        pytest.skip("browser: axe-core is not installed (make browser)")
    scene = make_scene(world)
    paths = [*scene.paths(), "/needs?place=61&life=all", "/needs?urgency=wrong", "/needs?place=99"]
    found: list[str] = []
    async with served(world) as reader, browser() as tab:
        for path in paths:
            joint = "&" if "?" in path else "?"
            await tab.open(f"{reader.url}{path}{joint}lang={lang}")
            for width in WIDTHS:
                await tab.resize(width)
                found += [f"{path} {width}: {each}" for each in await violations(tab)]
    assert found == []


async def test_what_these_tests_look_for_is_noticed_where_it_is() -> None:
    """A page with a script, a foreign image and grey text on grey: the instruments work."""
    page = (
        "<!doctype html><html lang=en><title>x</title><body><main><h1>x</h1>"
        "<p style='color:#aaa;background:#bbb'>pale</p><img src='{url}' alt=''>"
        "<script>document.title='owned';alert('seen')</script></main>"
    )
    async with beacon(page) as (address, asked), browser() as tab:
        await tab.open(address.removesuffix("/b") + "/page")
        assert await tab.evaluate("document.title") == "owned"
        assert tab.dialogs == ["seen"]
        assert "/b" in asked
        assert address in foreign(tab, "http://127.0.0.1:1")
        if AXE.is_file():
            assert [each.partition(" ")[0] for each in await violations(tab)] == ["color-contrast"]
