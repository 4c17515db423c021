"""The bulletin's own address: opened after the node, closed before it.

Owns the bind. It is another one than those of peers and of the local API, since other people use it
and nothing on it needs a secret. `guard` bounds how many connections wait and how long, as it does
for peers. A port that is in use costs the pages and not the node.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from hutong_node.bulletin.admission import allowed_hosts
from hutong_node.bulletin.app import Bulletin
from hutong_node.bulletin.source import Source
from hutong_node.config import BulletinListen
from hutong_node.guard import Gate, GateLimits
from hutong_node.http_peer import SILENT
from hutong_node.node import Node
from hutong_node.observe import logger

LIMITS: Final = GateLimits(waiting_max=128, per_address_max=64, request_s=10.0, answer_s=40.0)
"""Behind a proxy all connections come from one address; a browser opens about six at once."""
HEADER_BYTES_MAX: Final = 8_190


class BulletinRefused(Exception):
    """The bulletin can't listen as it is configured; the message says what to change."""


class BulletinServer:
    """The bulletin of a node while it runs. `url` is where it is reached from this machine."""

    def __init__(
        self, node: Node, listen: BulletinListen, *, limits: GateLimits | None = None
    ) -> None:
        """Nothing listens yet."""
        self._node = node
        self._listen = listen
        self._gate = Gate(
            limits or LIMITS,
            cut=lambda reason: node.metrics.connections_cut.labels(reason=f"page-{reason}").inc(),
        )
        self._source: Source | None = None
        self._bulletin: Bulletin | None = None
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        """Listens.

        Raises:
            BulletinRefused: the address can't be had.
        """
        listen = self._listen
        self._source = Source(self._node, listen)
        hosts = allowed_hosts(listen.host, listen.address, public=listen.public)
        self._bulletin = Bulletin(self._source, self._node.metrics, hosts=hosts)
        application = self._bulletin.application()
        application.middlewares.insert(0, self._one_request)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=SILENT,
            shutdown_timeout=2,
            auto_decompress=False,
            max_line_size=HEADER_BYTES_MAX,
        )
        await self._runner.setup()
        assert self._runner.server is not None
        try:
            await self._gate.open(self._runner.server, listen.host, listen.port, None)
        except OSError as refused:
            await self.stop()
            raise BulletinRefused(
                f"can't listen on {listen.host}:{listen.port} ({refused.strerror}): the pages are"
                " not served. Change `port` under [bulletin] in hutong.toml"
            ) from refused
        self.url = f"http://{_reachable(listen.host)}:{self._gate.port}"
        self._bulletin.origin = listen.address or self.url
        logger().info("bulletin-listens", port=self._gate.port)

    async def stop(self) -> None:
        """Stops listening and closes what pages read. Idempotent."""
        await self._gate.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._bulletin is not None:
            self._bulletin.close()
            self._bulletin = None
        if self._source is not None:
            self._source.close()
            self._source = None

    @web.middleware
    async def _one_request(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Around every request: its connection ends with the answer."""
        self._gate.asked(request.protocol)
        response = await handler(request)
        response.force_close()
        return response


def _reachable(host: str) -> str:
    """A host as it stands in an address: brackets around IPv6, loopback for "everywhere"."""
    if host in ("0.0.0.0", "", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
