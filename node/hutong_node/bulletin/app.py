"""Answers requests for pages: what is made, kept and sent, and what goes out around a page.

Owns everything between the network and the pages; `admission` says whom it refuses. Nothing is
stored in a browser, no page runs a script, no other site can frame one (threats 44 to 46), and no
answer tells what went wrong inside. Logs and metrics know the kind of page and the status, never an
address.

Pages are made in threads, a few at a time, and kept for as long as they would come out the same.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler

from hutong_node.bulletin.admission import accepted_language, refusal
from hutong_node.bulletin.card import card_page
from hutong_node.bulletin.feed import feed_page
from hutong_node.bulletin.filters import (
    FILTERS,
    LANGUAGES,
    QUERY_BYTES_MAX,
    Asked,
    BadParameter,
    read_query,
)
from hutong_node.bulletin.footing import Folding, footing
from hutong_node.bulletin.incidents_page import incident_page, incidents_page
from hutong_node.bulletin.lists_page import OFFER_FILTERS, needs_page, offers_page
from hutong_node.bulletin.need_page import thing_page
from hutong_node.bulletin.overview_page import checks_page, overview_page
from hutong_node.bulletin.pages import (
    feed_text,
    frame_of,
    page,
    problem_frame,
    style_path,
    style_sheet,
)
from hutong_node.bulletin.parties_page import organisation_page, organisations_page, who_page
from hutong_node.bulletin.source import Glance, Source
from hutong_node.bulletin.text_safety import Shown, joined, shown
from hutong_node.bulletin.views import About, Choice, Problem
from hutong_node.bulletin.words import Words, words_in
from hutong_node.indexing import IndexFailed
from hutong_node.observe import Metrics, logger
from hutong_node.store.errors import StoreError
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.ids import IdKind, parse_id_as

PAGE_S: Final = 15.0
"""How long a page may take to be made."""
UNDER_WAY_MAX: Final = 32
"""Pages that are being made or wait for it; more are refused for now."""
_THREADS: Final = 2
_KEPT_MAX: Final = 64
_HTML: Final = "text/html"
_ATOM: Final = "application/atom+xml"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "hutong",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
ROBOTS: Final = "User-agent: *\nDisallow: /*?\n"
"""Each list has more combinations of filters than anybody should fetch."""


@dataclass(frozen=True, slots=True)
class Made:
    """A page that was made."""

    body: bytes
    tag: str
    kind: str = _HTML


class _NoSuchPage(Exception):
    """There is nothing at this address that may be seen."""


class _Withheld(Exception):
    """The store may hold what was erased elsewhere. Spec: 5.1.6."""


Make: TypeAlias = Callable[[Glance, str], str]
"""Makes the content of a page from a glance and the id in its address."""


class Bulletin:
    """The pages of one node."""

    def __init__(self, source: Source, metrics: Metrics, *, hosts: frozenset[str] | None) -> None:
        """Nothing is made yet.

        Args:
            hosts: names by which the bulletin may be called; None for any.
        """
        self._source = source
        self._metrics = metrics
        self._hosts = hosts
        self._folding = Folding(source)
        self._pool = ThreadPoolExecutor(_THREADS, "bulletin")
        self._kept: OrderedDict[tuple[object, ...], Made] = OrderedDict()
        self._under_way = 0
        self.origin = ""
        """Scheme, host and port with which links that are passed on begin."""

    def close(self) -> None:
        """Waits for pages under way, and closes what they read."""
        self._folding.close()
        self._pool.shutdown(cancel_futures=True)

    def application(self) -> web.Application:
        """The application for the bulletin's bind."""
        application = web.Application(middlewares=[self._answered], client_max_size=1)
        add = application.router.add_get
        for path, allowed, make in self._pages():
            add(path, self._handler(path, tuple(allowed), make))
        add("/feed.atom", self._handler("/feed.atom", FILTERS, self._feed, _ATOM))
        add("/static/{name}", self._static)
        add("/robots.txt", self._robots)
        return application

    # The pages

    def _pages(self) -> Iterable[tuple[str, Iterable[str], Make]]:
        filters = (*FILTERS, "after")
        yield "/", ("place",), self._overview
        yield "/needs", filters, self._list("/needs")
        yield "/offers", (*OFFER_FILTERS, "after"), self._list("/offers")
        for kind in ("need", "offer"):
            yield f"/{kind}s/{{id}}", ("history",), self._thing(kind)
            yield f"/{kind}s/{{id}}/card", (), self._card(kind)
        yield "/who", ("start", "place"), self._who
        yield "/organisations", ("start",), self._organisations
        yield "/organisations/{id}", (), self._organisation
        yield "/incidents", ("after",), self._incidents
        yield "/incidents/{id}", (), self._incident
        yield "/checks", (), self._checks
        yield "/about", (), self._about

    def _overview(self, glance: Glance, _id: str) -> str:
        content = overview_page(glance)
        heading = shown(glance.words("overview.heading"))
        return self._page(glance, "overview", "/", heading, content, content.feed)

    def _list(self, path: str) -> Make:
        def make(glance: Glance, _id: str) -> str:
            content = needs_page(glance) if path == "/needs" else offers_page(glance)
            return self._page(glance, "things", path, shown(content.heading), content, content.feed)

        return make

    def _thing(self, kind: str) -> Make:
        def make(glance: Glance, text: str) -> str:
            content = thing_page(glance, _record(text), kind)
            if content is None:
                raise _NoSuchPage
            return self._page(glance, "thing", f"/{kind}s/{text}", content.title, content)

        return make

    def _card(self, kind: str) -> Make:
        def make(glance: Glance, text: str) -> str:
            content = card_page(glance, _record(text), kind, self.origin)
            if content is None:
                raise _NoSuchPage
            heading = joined((shown(glance.words("card.heading")), content.title), " · ")
            return self._page(glance, "card", f"/{kind}s/{text}/card", heading, content)

        return make

    def _who(self, glance: Glance, _id: str) -> str:
        heading = shown(glance.words("who.heading"))
        return self._page(glance, "who", "/who", heading, who_page(glance))

    def _organisations(self, glance: Glance, _id: str) -> str:
        heading = shown(glance.words("orgs.heading"))
        content = organisations_page(glance)
        return self._page(glance, "organisations", "/organisations", heading, content)

    def _organisation(self, glance: Glance, text: str) -> str:
        content = organisation_page(glance, _identifier(IdKind.ORG, text))
        if content is None:
            raise _NoSuchPage
        heading = content.ref.name or shown(content.ref.short, personal=False)
        return self._page(glance, "organisation", f"/organisations/{text}", heading, content)

    def _incidents(self, glance: Glance, _id: str) -> str:
        heading = shown(glance.words("incidents.heading"))
        return self._page(glance, "incidents", "/incidents", heading, incidents_page(glance))

    def _incident(self, glance: Glance, text: str) -> str:
        content = incident_page(glance, _record(text))
        if content is None:
            raise _NoSuchPage
        return self._page(glance, "incident", f"/incidents/{text}", content.row.title, content)

    def _checks(self, glance: Glance, _id: str) -> str:
        heading = shown(glance.words("checks.heading"))
        return self._page(glance, "checks", "/checks", heading, checks_page(glance))

    def _about(self, glance: Glance, _id: str) -> str:
        content = About(footing(glance, self._folding), self._source.listen.public)
        heading = shown(glance.words("about.heading"))
        frame = frame_of(glance, "/about", heading, footing=content.footing)
        return page("about", frame, content, glance.words)

    def _feed(self, glance: Glance, _id: str) -> str:
        return feed_text(feed_page(glance, self.origin))

    def _page(
        self,
        glance: Glance,
        template: str,
        path: str,
        heading: Shown,
        content: object,
        feed: str | None = None,
    ) -> str:
        foot = footing(glance, self._folding)
        frame = frame_of(glance, path, heading, footing=foot, feed=feed)
        return page(template, frame, content, glance.words)

    # Answering

    def _handler(
        self, path: str, allowed: tuple[str, ...], make: Make, kind: str = _HTML
    ) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            asked = read_query(request.query.items(), allowed)
            language = self._language(request, asked)
            identifier = request.match_info.get("id", "")
            if self._under_way >= UNDER_WAY_MAX:
                raise TimeoutError
            self._under_way += 1
            try:
                async with asyncio.timeout(PAGE_S):
                    made = await asyncio.get_running_loop().run_in_executor(
                        self._pool, self._made, path, asked, language, identifier, make, kind
                    )
            finally:
                self._under_way -= 1
            return self._response(request, made)

        return handle

    def _made(
        self, path: str, asked: Asked, language: str, identifier: str, make: Make, kind: str
    ) -> Made:
        """A page, made now or kept from a moment ago; runs in a thread."""
        if self._source.node.parts.restoring.refusal() is not None:
            raise _Withheld
        key = (path, asked, language, identifier, self._source.picture(), self._folding.mark())
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        with self._source.glance(asked, language) as glance:
            text = make(glance, identifier)
        # Lone surrogates are shown by their codes; this is for what nobody thought of.
        body = text.encode("utf-8", errors="replace")
        made = Made(body, f'W/"{hashlib.sha256(body).hexdigest()[:32]}"', kind)
        self._kept[key] = made
        while len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        return made

    def _response(self, request: web.Request, made: Made) -> web.Response:
        headers = {"ETag": made.tag, "Vary": "Accept-Language", "Cache-Control": "no-cache"}
        given = request.headers.get("If-None-Match", "")
        if made.tag in (tag.strip() for tag in given.split(",")):
            return web.Response(status=304, headers=headers)
        response = web.Response(
            body=made.body, content_type=made.kind, charset="utf-8", headers=headers
        )
        response.enable_compression()
        return response

    async def _static(self, request: web.Request) -> web.StreamResponse:
        if request.path != style_path():
            raise _NoSuchPage
        response = web.Response(body=style_sheet(), content_type="text/css", charset="utf-8")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.enable_compression()
        return response

    async def _robots(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=ROBOTS)

    @web.middleware
    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Around every request: who may ask, and what goes out whatever happens."""
        started_s = asyncio.get_running_loop().time()
        try:
            problem = refusal(
                request,
                hosts=self._hosts,
                origin=self.origin,
                is_public=self._source.listen.public,
            )
            response = (
                await handler(request) if problem is None else self._problem(request, problem)
            )
        except BadParameter as bad:
            response = self._bad_parameter(request, bad)
        except _NoSuchPage:
            response = self._problem(request, "not_found")
        except _Withheld:
            response = self._problem(request, "withheld")
        except web.HTTPException as raised:
            known = {404: "not_found", 405: "method", 413: "method"}
            response = self._problem(request, known.get(raised.status, "internal"))
        except (TimeoutError, StoreError, IndexFailed) as late:
            logger().warning("bulletin-busy", route=_route(request), error=type(late).__name__)
            response = self._problem(request, "busy")
        except Exception as unforeseen:  # noqa: BLE001 - the outermost loop of the bulletin
            # Its message may quote anything, so only its kind is told.
            logger().error(
                "bulletin-failed", route=_route(request), error=type(unforeseen).__name__
            )
            response = self._problem(request, "internal")
        took_s = asyncio.get_running_loop().time() - started_s
        self._metrics.pages.labels(route=_route(request), status=str(response.status)).observe(
            took_s
        )
        response.headers.update(HEADERS)
        return response

    def _problem(self, request: web.Request, kind: str) -> web.Response:
        words, asked = self._words_for(request)
        text = words(f"problem.{kind}_text", *((QUERY_BYTES_MAX,) if kind == "too_long" else ()))
        problem = Problem(
            heading=words(f"problem.{kind}"),
            text=shown(text),
            way_out=words(f"problem.{kind}_way"),
            links=(
                Choice(asked.address("/"), words("nav.overview")),
                Choice(asked.address("/needs"), words("nav.needs")),
            ),
        )
        response = _problem_response(STATUS[kind], words, asked, problem)
        if kind == "method":
            response.headers["Allow"] = "GET, HEAD"
        if kind == "busy":
            response.headers["Retry-After"] = "5"
        return response

    def _bad_parameter(self, request: web.Request, bad: BadParameter) -> web.Response:
        words, asked = self._words_for(request)
        rest = [(name, value) for name, value in request.query.items() if name != bad.name]
        links = []
        try:
            read = read_query(rest, (*FILTERS, "after", "start", "history"))
            address = read.address(_path(request), read.filters, **read.place())
            links.append(Choice(address, words("problem.without")))
        except BadParameter:
            pass
        links.append(Choice(asked.address(_path(request)), words("filter.clear")))
        problem = Problem(
            heading=words("problem.bad_parameter"),
            text=shown(words("problem.bad_parameter_text", bad.name, words(f"rule.{bad.rule}"))),
            way_out=words("problem.bad_parameter_way"),
            links=tuple(links),
        )
        return _problem_response(400, words, asked, problem)

    def _language(self, request: web.Request, asked: Asked) -> str:
        if asked.lang is not None:
            return asked.lang
        return accepted_language(
            request.headers.get("Accept-Language", ""), self._source.listen.language
        )

    def _words_for(self, request: web.Request) -> tuple[Words, Asked]:
        """The language of an answer to a request that can't be read otherwise."""
        given = request.query.getall("lang", [])
        asked = Asked(lang=given[0]) if len(given) == 1 and given[0] in LANGUAGES else Asked()
        return words_in(self._language(request, asked)), asked


STATUS: Final = {
    "not_found": 404,
    "method": 405,
    "foreign": 403,
    "forwarded": 403,
    "too_long": 414,
    "busy": 503,
    "withheld": 503,
    "internal": 500,
}


def _problem_response(status: int, words: Words, asked: Asked, problem: Problem) -> web.Response:
    text = page("problem", problem_frame(words, asked, problem), problem, words)
    response = web.Response(
        status=status,
        body=text.encode("utf-8", errors="replace"),
        content_type=_HTML,
        charset="utf-8",
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _record(text: str) -> bytes:
    return _identifier(IdKind.RECORD, text)


def _identifier(kind: IdKind, text: str) -> bytes:
    try:
        return parse_id_as(kind, text)
    except ProtocolFault:
        raise _NoSuchPage from None


def _path(request: web.Request) -> str:
    """The path of a page of ours, as it was matched."""
    resource = request.match_info.route.resource
    return "/" if resource is None else str(resource.url_for(**request.match_info))


def _route(request: web.Request) -> str:
    """The address as the table has it, never as it was typed: labels and logs hold no ids."""
    resource = request.match_info.route.resource
    return "none" if resource is None else resource.canonical
