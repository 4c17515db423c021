"""Who may ask the bulletin, what goes out with every answer, and what never does."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bulletin.html_check import check_html
from bulletin.scene import Scene, make_scene, record_path
from bulletin.served import Answer, served
from bulletin.world import World, need_facts
from hutong_node.bulletin import app
from hutong_node.bulletin.admission import FORWARDED, accepted_language
from hutong_node.bulletin.app import HEADERS, STATUS
from hutong_node.bulletin.server import BulletinRefused, BulletinServer
from hutong_node.bulletin.words import words_in
from hutong_node.config import BulletinListen
from hutong_node.guard import GateLimits
from hutong_node.observe import set_up_logging
from hutong_node.refusals import Code, Refused
from hutong_node.store.errors import StoreError
from hutong_protocol.ids import IdKind, format_id
from node.nodes import FSC

CANARY = "13800138000"
PUBLIC: dict[str, Any] = {"public": True, "scopes": ("xian-2021/fsc",)}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def scene(world: World) -> Scene:
    return make_scene(world)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    set_up_logging(stream=stream)
    yield stream
    set_up_logging()


def check_problem(answer: Answer, status: int, kind: str) -> None:
    """Holds an answer to being a page that says why there is none."""
    assert answer.status == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert check_html(answer.text).problems == []
    assert words_in("zh")(f"problem.{kind}") in answer.text
    check_headers(answer)


def check_headers(answer: Answer) -> None:
    """Holds an answer to what goes out with every one."""
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "Set-Cookie" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_every_answer_has_the_headers_and_no_cookie(world: World, scene: Scene) -> None:
    async with served(world) as reader:
        for path in (*scene.paths(), "/feed.atom", "/robots.txt", "/nothing", "/needs?life=x"):
            check_headers(await reader.get(path))
        policy = (await reader.get("/")).headers["Content-Security-Policy"]
        assert policy == (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
            " base-uri 'none'; frame-ancestors 'none'"
        )


async def test_pages_only_get_and_head_and_say_so(world: World, scene: Scene) -> None:
    async with served(world) as reader:
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
            answer = await reader.get("/needs", method=method)
            check_problem(answer, 405, "method")
            assert answer.headers["Allow"] == "GET, HEAD"
        for path in ("/needs", record_path(scene.radishes), "/feed.atom"):
            head = await reader.get(path, method="HEAD")
            whole = await reader.get(path)
            assert (head.status, head.text) == (200, "")
            assert head.headers["ETag"] == whole.headers["ETag"]
            check_headers(head)


async def test_other_names_for_this_address_are_refused(world: World) -> None:
    """Threat 46: a page that rebinds its own name to loopback reads nothing."""
    async with served(world) as reader:
        for host in ("evil.example", "evil.example:8642", "127.0.0.1.evil.example", "", "[::2]"):
            check_problem(await reader.get("/", headers={"Host": host}), 403, "foreign")
        for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:99"):
            assert (await reader.get("/", headers={"Host": host})).status == 200


async def test_pages_of_other_sites_are_refused_and_links_from_them_are_not(world: World) -> None:
    """Threat 46: foreign Origin 403; nothing is loaded into another page."""
    async with served(world) as reader:
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
            check_problem(await reader.get("/", headers={"Origin": origin}), 403, "foreign")
        assert (await reader.get("/", headers={"Origin": reader.url})).status == 200
        sent = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        for destination in ("image", "script", "style", "object", "empty"):
            headers = {**sent, "Sec-Fetch-Dest": destination}
            check_problem(await reader.get("/needs", headers=headers), 403, "foreign")
        frame = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        framed = await reader.get("/", headers={**frame, "Sec-Fetch-Dest": "iframe"})
        check_problem(framed, 403, "foreign")
        followed = await reader.get("/", headers={**frame, "Sec-Fetch-Dest": "document"})
        assert followed.status == 200


@pytest.mark.parametrize("name", [*sorted(FORWARDED), "x-forwarded-for"])
async def test_what_a_proxy_passes_on_is_refused_unless_the_bulletin_is_public(
    world: World, name: str
) -> None:
    """Behind a proxy everybody comes from this machine and calls it by the names of loopback."""
    passed_on = {name: "203.0.113.7"}
    async with served(world) as reader:
        for path in ("/", "/needs", "/feed.atom", "/nothing"):
            check_problem(await reader.get(path, headers=passed_on), 403, "forwarded")
    async with served(world, **PUBLIC) as reader:
        assert (await reader.get("/", headers=passed_on)).status == 200


async def test_wrong_parameters_are_refused_by_name_with_a_way_out(world: World) -> None:
    async with served(world) as reader:
        answer = await reader.get("/needs?urgency=x&place=61&lang=zh")
        check_problem(answer, 400, "bad_parameter")
        assert "参数“urgency”：应是 immediate" in answer.text
        assert 'href="/needs?place=61&amp;lang=zh"' in answer.text
        hostile = await reader.get("/needs?place=%3Cscript%3E&colour=%3Cb%3E")
        assert hostile.status == 400
        assert "<script>" not in hostile.text
        assert "<b>" not in hostile.text
        for query in ("history=1", "start=x", "nothing=1", "%3Cb%3E=1"):
            ignored = await reader.get(f"/checks?{query}")
            assert ignored.status == 200
            assert "未识别、已忽略的参数" in ignored.text
            assert "<b>" not in ignored.text
        assert (await reader.get("/offers?urgency=high")).status == 200
        long = await reader.get("/needs?place=" + "6" * 3_000)
        check_problem(long, 414, "too_long")
        assert (await reader.get("/needs?lang=zh&lang=en")).status == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("//evil.example/", 404),
        ("/..%2f..%2fetc/passwd", 404),
        ("/static/..%2fapp.py", 404),
        ("/static/%2e%2e/app.py", 404),
        ("/needs/", 404),
        ("/needs;x=1", 404),
        ("/needs/%00", 404),
        ("/%ff%fe", 404),
        ("/needs?place=%ff", 400),
        ("/needs?place=61%00", 400),
        ("/needs?place=%ED%A0%80", 400),
        ("/needs?place=61' OR '1'='1", 400),
        ("/needs?topic=../..", 400),
        ("/needs?topic=%25", 400),
        ("/needs?lang=en%0d%0aSet-Cookie:%20a=1", 400),
        ("/needs?history=%D9%A1", 200),
        ("/needs?%ff=%fe&%3Cb%3E=%3Cb%3E", 200),
        ("/needs?place=X:%25%5F*%22%27--&lang=en", 200),
        ("/needs?after=5.9999999999999999." + "f" * 64, 200),
        ("/needs?after=0.-9999999999999999." + "0" * 64, 200),
        ("/needs?after=0.0." + "0" * 63, 400),
        ("/organisations?start=org-" + "7" * 56, 400),
    ],
)
async def test_addresses_that_mean_something_elsewhere_are_only_addresses(
    world: World, path: str, status: int
) -> None:
    """Threat 49: paths, SQL, line ends, bytes that are no text; nothing inside is told."""
    async with served(world) as reader:
        answer = await reader.get(path.replace(" ", "%20"))
        assert answer.status == status
        check_headers(answer)
        assert "Location" not in answer.headers
        assert check_html(answer.text).problems == []
        for told in ("Traceback", "Error", "sqlite", "root:", "<b>"):
            assert told not in answer.text


async def test_language_is_asked_for_by_the_address_then_the_browser_then_the_node(
    world: World,
) -> None:
    async with served(world) as reader:
        english = {"Accept-Language": "fr, en-GB;q=0.8, zh;q=0.2"}
        assert 'lang="en"' in await reader.page("/", headers=english)
        assert '<html lang="zh-CN">' in await reader.page("/?lang=zh", headers=english)
        assert '<html lang="zh-CN">' in await reader.page("/")
        assert (await reader.get("/")).headers["Vary"] == "Accept-Language"
    async with served(world, language="en") as reader:
        assert '<html lang="en">' in await reader.page("/")
        refused = await reader.get("/needs?life=x", headers={"Accept-Language": "zh-TW"})
        assert '<html lang="zh-CN">' in refused.text


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "zh"),
        ("en", "en"),
        ("zh-Hant-TW,en;q=0.5", "zh"),
        ("de,en;q=0.1", "en"),
        ("en;q=0, zh;q=0.1", "zh"),
        ("en;q=nan, fr", "zh"),
        ("en;q=7", "zh"),
        (";;,,=q", "zh"),
        ("*", "zh"),
    ],
)
def test_any_header_gives_some_language(header: str, expected: str) -> None:
    assert accepted_language(header, "zh") == expected


async def test_a_page_that_would_come_out_the_same_is_not_sent_again(
    world: World, scene: Scene
) -> None:
    async with served(world) as reader:
        first = await reader.get("/needs")
        tag = first.headers["ETag"]
        again = await reader.get("/needs", headers={"If-None-Match": f'"x", {tag}'})
        assert (again.status, again.text) == (304, "")
        assert (await reader.get("/needs?lang=en")).headers["ETag"] != tag
        scene.asks.say("need/1", FSC, need_facts(), {"title": "新需求"})
        await world.settle()
        changed = await reader.get("/needs", headers={"If-None-Match": tag})
        assert changed.status == 200
        assert "新需求" in changed.text
        world.clock.now += 120_000
        later = await reader.get("/needs", headers={"If-None-Match": changed.headers["ETag"]})
        assert '截至</dt><dd><time datetime="2026-01-02T04:02:00Z">' in later.text


async def test_style_sheet_is_kept_by_browsers_and_fetches_nothing(world: World) -> None:
    async with served(world) as reader:
        page = await reader.page("/")
        address = page.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
        answer = await reader.get(address)
        assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
        assert "immutable" in answer.headers["Cache-Control"]
        assert "url(" not in answer.text
        assert "@import" not in answer.text
        assert (await reader.get("/static/other.css")).status == 404


# What never goes out


async def test_nothing_that_is_asked_for_reaches_a_log_or_a_metric(
    world: World, scene: Scene, log: io.StringIO
) -> None:
    """Threat 54."""
    async with served(world) as reader:
        for path in (
            f"/needs?place={CANARY}",
            f"/needs?{CANARY}={CANARY}",
            f"/needs/{CANARY}",
            f"/{CANARY}",
            record_path(scene.radishes),
        ):
            await reader.get(path, headers={"X-Canary": CANARY, "User-Agent": CANARY})
    metrics = "".join(
        str(sample) for family in world.node.metrics.registry.collect() for sample in family.samples
    )
    for text in (log.getvalue(), metrics):
        assert CANARY not in text
        assert format_id(IdKind.RECORD, scene.radishes) not in text
    assert "'route': '/needs/{id}'" in metrics


async def test_what_goes_wrong_inside_is_a_page_that_tells_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError(CANARY)

    def failing(*_: Any) -> Any:
        raise StoreError(CANARY)

    async with served(world) as reader:
        monkeypatch.setattr(app, "checks_page", broken)
        monkeypatch.setattr(app, "who_page", failing)
        for path, status, kind in (("/checks", 500, "internal"), ("/who", 503, "busy")):
            answer = await reader.get(path)
            check_problem(answer, status, kind)
            assert CANARY not in answer.text
            assert "Error" not in answer.text
        assert (await reader.get("/needs")).status == 200
    assert CANARY not in log.getvalue()
    assert "ZeroDivisionError" in log.getvalue()


async def test_a_page_that_takes_too_long_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "PAGE_S", 0.0)
    async with served(world) as reader:
        answer = await reader.get("/needs")
        check_problem(answer, 503, "busy")
        assert answer.headers["Retry-After"] == "5"
    monkeypatch.setattr(app, "PAGE_S", 15.0)
    monkeypatch.setattr(app, "UNDER_WAY_MAX", 0)
    async with served(world) as reader:
        check_problem(await reader.get("/needs"), 503, "busy")


async def test_a_node_that_was_put_back_shows_no_records(
    world: World, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its authors have erased since may still be in it. Spec 5.1.6."""
    refusal = Refused(Code.CANNOT_PUBLISH, "put back")
    monkeypatch.setattr(type(world.node.parts.restoring), "refusal", lambda _: refusal)
    async with served(world) as reader:
        for path in (*scene.paths(), "/feed.atom"):
            answer = await reader.get(path)
            check_problem(answer, 503, "withheld")
            assert "萝卜" not in answer.text


def test_every_problem_has_a_status_and_words() -> None:
    for kind, status in STATUS.items():
        assert status >= 400
        for language in ("zh", "en"):
            words = words_in(language)
            assert words(f"problem.{kind}")
            assert words(f"problem.{kind}_text")
            assert words(f"problem.{kind}_way")


# The socket


async def test_a_port_in_use_is_refused_in_words(world: World) -> None:
    await world.settle()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = BulletinServer(world.node, BulletinListen(port=port))
        with pytest.raises(BulletinRefused, match="Change `port` under"):
            await server.start()
        await server.stop()


async def test_connections_that_say_nothing_are_cut_and_others_are_served(world: World) -> None:
    """As for peers: half-open sockets cost nobody else the page."""
    limits = GateLimits(waiting_max=8, per_address_max=8, request_s=0.3, answer_s=5.0)
    async with served(world, limits=limits) as reader:
        port = int(reader.url.rpartition(":")[2])
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(12)]
        assert (await reader.get("/needs")).status == 200
        for stream, writer in opened:
            async with asyncio.timeout(5):
                assert await stream.read() == b""
            writer.close()
        assert (await reader.get("/needs")).status == 200


async def test_what_is_no_request_is_answered_plainly_or_cut(
    world: World, log: io.StringIO
) -> None:
    async with served(world) as reader:
        port = int(reader.url.rpartition(":")[2])
        for sent in (
            b"GET /\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: " + b"x" * 20_000 + b"\r\n\r\n",
            b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            f"GET /<script>{CANARY} HTTP/9.9\r\n\r\n".encode(),
        ):
            stream, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            async with asyncio.timeout(15):
                answered = await stream.read()
            writer.close()
            assert b"text/html" not in answered or b"<script>" not in answered
        assert (await reader.get("/")).status == 200
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line for line in lines if line["level"] == "error"] == []
    assert CANARY not in log.getvalue()
