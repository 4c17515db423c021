"""What other nodes reach: the session endpoint, joining, and the card at `/.well-known/hutong`.

Owns the application on the peer bind; how many may come and how long they may take is `guard`'s
business. A connection serves one request and is closed, or becomes a session. No record, count or
peer is told here: whatever is restricted is said in sessions only. Spec: 7.1, 7.12.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from hutong_node.clock import Clock
from hutong_node.guard import Gate
from hutong_node.joining import JoinDesk
from hutong_node.observe import logger
from hutong_node.peering import Peering
from hutong_node.transport import (
    JOIN_PATH,
    SESSION_PATH,
    SUBPROTOCOL,
    WebSocketChannel,
    server_socket,
)
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.handshake import VERSIONS
from hutong_protocol.ids import IdKind, OrgId, format_id
from hutong_protocol.limits import JOIN_REQUEST_BYTES_MAX

SOFTWARE: Final = "hutong"
SILENT: Final = logging.Logger("hutong-peer-bind", level=logging.CRITICAL + 1)
"""For the HTTP library, which would log what strangers send with a traceback (threat 54)."""


def peer_application(
    peering: Peering,
    desk: JoinDesk,
    gate: Gate,
    *,
    org: OrgId,
    certificate: bytes | None,
    clock: Clock,
    version: str,
    joined: Callable[[], Awaitable[None]],
) -> web.Application:
    """The application for the peer bind.

    Args:
        gate: where the connections of this application come in.
        certificate: SHA-256 of what we present, None without TLS.
        clock: what peers are told of the time.
        joined: called after somebody joined, before the answer goes out.
    """
    card = {
        "protocol": "hutong",
        "versions": list(VERSIONS),
        "session": SESSION_PATH,
        "organisation": format_id(IdKind.ORG, org),
        "software": {"name": SOFTWARE, "version": version},
    }
    routes = _Routes(peering, desk, gate, certificate, clock, joined, card)
    application = web.Application(
        client_max_size=JOIN_REQUEST_BYTES_MAX, middlewares=(routes.one_request,)
    )
    application.router.add_get(SESSION_PATH, routes.session)
    application.router.add_post(JOIN_PATH, routes.join)
    application.router.add_get("/.well-known/hutong", routes.card)
    return application


class _Routes:
    """What the application answers with."""

    def __init__(
        self,
        peering: Peering,
        desk: JoinDesk,
        gate: Gate,
        certificate: bytes | None,
        clock: Clock,
        joined: Callable[[], Awaitable[None]],
        card: object,
    ) -> None:
        self._peering = peering
        self._desk = desk
        self._gate = gate
        self._certificate = certificate
        self._clock = clock
        self._joined = joined
        self._card = card

    @web.middleware
    async def one_request(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Around every request: its connection ends with the answer."""
        self._gate.asked(request.protocol)
        try:
            response = await handler(request)
        except web.HTTPException as refused:
            refused.force_close()
            raise
        except Exception as bug:  # noqa: BLE001 - the outermost loop of a connection
            logger().error("request-broke", route=request.path, error=type(bug).__name__)
            response = web.Response(status=500)
        response.force_close()
        return response

    async def session(self, request: web.Request) -> web.StreamResponse:
        """Turns the connection into a session, and is done when that has ended."""
        # Looked at here, since the library would write a line of log with a stranger's text in it.
        offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        if SUBPROTOCOL not in (name.strip() for name in offered):
            return web.Response(status=400, text=f"a WebSocket of {SUBPROTOCOL} is wanted")
        if not self._gate.may_enter(request.protocol):
            return web.Response(status=429, text="quota")
        if not self._peering.make_room():
            return web.Response(status=503, text="quota")
        socket = server_socket(self._clock)
        await socket.prepare(request)
        self._gate.entered(request.protocol)
        told = request.headers.get("Date")
        channel = WebSocketChannel(socket, self._certificate, clock=self._clock, date=told)
        await self._peering.answer(channel)
        return socket

    async def join(self, request: web.Request) -> web.Response:
        """Answers a request to join. Spec: 7.12.5."""
        data = await request.read()
        try:
            answer = await self._desk.answer(data)
        except ProtocolFault as fault:
            logger().info("join-refused", fault=fault.fault.value, detail=fault.detail)
            return web.Response(status=403, text=fault.fault.value)
        await self._joined()
        return web.Response(body=answer, content_type="application/octet-stream")

    async def card(self, _request: web.Request) -> web.Response:
        """Says what speaks here, to anybody."""
        return web.json_response(self._card)
