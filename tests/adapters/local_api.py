"""A local API on loopback in a thread of its own, in front of a `FakeNode`.

Owns the outer form of the node's interface: the files of its data folder, the token, problem
documents. What rows come to is `fake_node`'s business.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from adapters.fake_node import FakeNode
from hutong_adapters.interface import NodeRefused, NodeUnavailable
from hutong_adapters.planning import PLACEHOLDER

TOKEN = "0123456789abcdef"


@dataclass(slots=True)
class LocalApi:
    """What is behind the address. `incidents` are the active ones of any space."""

    node: FakeNode = field(default_factory=FakeNode)
    incidents: list[str] = field(default_factory=lambda: [PLACEHOLDER])
    asked: list[str] = field(default_factory=list)

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application(client_max_size=1_048_576)
        application.router.add_post("/v1/imports/{source}", self._import)
        application.router.add_get("/v1/imports/{source}", self._source)
        application.router.add_get("/v1/things", self._things)
        return application

    async def _import(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _problem(401, "the token is missing or wrong")
        self.asked.append(request.match_info["source"])
        try:
            answer = await self.node.import_rows(request.match_info["source"], await request.json())
        except NodeRefused as refused:
            return _problem(409, str(refused))
        except NodeUnavailable as unavailable:
            return _problem(503, str(unavailable))
        return web.json_response(answer)

    async def _source(self, request: web.Request) -> web.Response:
        state = request.query.get("state")
        return web.json_response(await self.node.source(request.match_info["source"], state))

    async def _things(self, request: web.Request) -> web.Response:
        self.asked.append(request.query_string)
        return web.json_response({"things": [{"id": each} for each in self.incidents]})


def _problem(status: int, title: str) -> web.Response:
    told = {
        "title": title,
        "detail": "here",
        "way_out": "do that",
        "problems": [{"path": "rows", "rule": "is short"}],
    }
    text = json.dumps(told)
    return web.Response(status=status, text=text, content_type="application/problem+json")


@contextmanager
def serving(api: LocalApi, folder: Path) -> Iterator[str]:
    """Serves until the block ends; `folder` says where, as the data folder of a node does."""
    loop = asyncio.new_event_loop()
    started = threading.Event()
    urls: list[str] = []

    async def start() -> web.AppRunner:
        runner = web.AppRunner(api.application())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        return runner

    def serve() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        started.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve, name="local-api")
    thread.start()
    started.wait(10)
    (folder / "running.json").write_text(json.dumps({"url": urls[0], "pid": 1}), "utf-8")
    (folder / "api.token").write_text(f"{TOKEN}\n", "ascii")
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
