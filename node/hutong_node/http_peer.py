"""What other nodes reach: the session endpoint, joining, and the card at `/.well-known/hutong`.

Owns the application on the peer bind and what guards it before a session exists: caps on sessions
per address and sizes (threats 8 to 10). No record, count or peer is told here: whatever is
restricted is said in sessions only. Spec: 7.1, 7.12.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from hutong_node.joining import JoinDesk
from hutong_node.observe import logger
from hutong_node.peering import Peering
from hutong_node.transport import JOIN_PATH, SESSION_PATH, WebSocketChannel, server_socket
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.handshake import VERSIONS
from hutong_protocol.ids import IdKind, OrgId, format_id
from hutong_protocol.limits import JOIN_REQUEST_BYTES_MAX

SOFTWARE: Final = "hutong"


def peer_application(
    peering: Peering,
    desk: JoinDesk,
    *,
    org: OrgId,
    certificate: bytes | None,
    version: str,
    per_address_max: int,
    joined: Callable[[], Awaitable[None]],
) -> web.Application:
    """The application for the peer bind.

    Args:
        certificate: SHA-256 of what we present, None without TLS.
        per_address_max: sessions that one address may have at a time.
        joined: called after somebody joined, before the answer goes out.
    """
    open_from: Counter[str] = Counter()

    async def session(request: web.Request) -> web.StreamResponse:
        address = request.remote or "unknown"
        if open_from[address] >= per_address_max:
            return web.Response(status=429, text="quota")
        open_from[address] += 1
        try:
            socket = server_socket()
            await socket.prepare(request)
            if socket.ws_protocol is None:
                await socket.close()
                return socket
            await peering.answer(WebSocketChannel(socket, certificate))
            return socket
        finally:
            open_from[address] -= 1
            if not open_from[address]:
                del open_from[address]

    async def join(request: web.Request) -> web.Response:
        data = await request.read()
        try:
            answer = await desk.answer(data)
        except ProtocolFault as fault:
            logger().info("join-refused", fault=fault.fault.value, detail=fault.detail)
            return web.Response(status=403, text=fault.fault.value)
        await joined()
        return web.Response(body=answer, content_type="application/octet-stream")

    async def card(_request: web.Request) -> web.Response:
        return web.json_response(_card(org, version))

    application = web.Application(client_max_size=JOIN_REQUEST_BYTES_MAX)
    application.router.add_get(SESSION_PATH, session)
    application.router.add_post(JOIN_PATH, join)
    application.router.add_get("/.well-known/hutong", card)
    return application


def _card(org: OrgId, version: str) -> dict[str, object]:
    """What anybody may know of this node."""
    return {
        "protocol": "hutong",
        "versions": list(VERSIONS),
        "session": SESSION_PATH,
        "organisation": format_id(IdKind.ORG, org),
        "software": {"name": SOFTWARE, "version": version},
    }
