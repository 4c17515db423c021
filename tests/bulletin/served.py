"""The bulletin of a made-up node on a real socket, and how tests ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from bulletin.world import World
from hutong_node.bulletin.server import BulletinServer
from hutong_node.config import BulletinListen
from hutong_node.guard import GateLimits


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Reader:
    """Somebody with a browser, without its cookies and without following anything."""

    url: str
    session: aiohttp.ClientSession

    async def get(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request, the address as it is given."""
        from yarl import URL

        address = URL(self.url + path, encoded=True)
        async with self.session.request(
            method, address, headers=headers, allow_redirects=False
        ) as answer:
            return Answer(answer.status, await answer.text(errors="strict"), answer.headers)

    async def page(self, path: str, **options: Any) -> str:
        """The text of a page that there is."""
        answer = await self.get(path, **options)
        assert answer.status == 200, (path, answer.status, answer.text)
        return answer.text


@asynccontextmanager
async def served(
    world: World, *, limits: GateLimits | None = None, **listen: Any
) -> AsyncIterator[Reader]:
    """The bulletin of a world, on a free port, with everything in the index."""
    await world.settle()
    server = BulletinServer(world.node, BulletinListen(port=0, **listen), limits=limits)
    await server.start()
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            yield Reader(server.url, session)
    finally:
        await server.stop()
