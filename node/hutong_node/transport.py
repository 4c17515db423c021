"""WebSocket connections to peers: TLS with pinned certificates, one frame a message.

Owns how frames reach a peer and come from it, for both sides, and the checks that belong to a
connection: pin, sizes, time-outs, plain connections on loopback only (threats 8 to 10, 32). What
frames say is the session's business. Spec: 7.1.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp
from aiohttp import WSMsgType, web

from hutong_protocol.limits import FRAME_BYTES_MAX

SESSION_PATH: Final = "/hutong/1/session"
JOIN_PATH: Final = "/hutong/1/join"
SUBPROTOCOL: Final = "hutong.1"

CONNECT_S: Final = 10.0
KEEP_ALIVE_S: Final = 20.0
"""Ping interval; aiohttp drops a peer that doesn't answer within half of it."""
SEND_STALL_S: Final = 30.0
"""A peer that takes nothing for so long is dropped (threat 10)."""
_MESSAGE_BYTES_MAX: Final = FRAME_BYTES_MAX + 1_024
"""Above the protocol's own limit, so that the session judges a frame of one byte too many itself:
aiohttp refuses an uncompressed message of exactly its limit."""


class ConnectionLost(Exception):
    """The connection can't be made or has ended; the message says why, without peer's text."""


class Channel(Protocol):
    """One connection, whichever side made it."""

    @property
    def certificate(self) -> bytes | None:
        """SHA-256 of the responder's certificate as this side sees it; None without TLS."""
        ...

    async def send(self, frame: bytes) -> None:
        """Sends one frame; waits while the peer is slow.

        Raises:
            ConnectionLost: it can't be sent, or the peer took nothing for `SEND_STALL_S`.
        """
        ...

    async def receive(self) -> bytes | None:
        """The next frame, or None when the peer has ended the connection.

        Raises:
            ConnectionLost: the connection broke, or a message was no binary one.
        """
        ...

    async def close(self) -> None:
        """Ends the connection; nothing happens if it has ended."""
        ...


class WebSocketChannel:
    """A channel over an aiohttp WebSocket of either side."""

    __slots__ = (
        "_certificate",
        "_client",
        "_sent_last",
        "_socket",
        "received_bytes",
        "round_trips",
        "sent_bytes",
    )

    def __init__(
        self,
        socket: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
        certificate: bytes | None,
        client: aiohttp.ClientSession | None = None,
    ) -> None:
        self._socket = socket
        self._certificate = certificate
        self._client = client
        self.sent_bytes = 0
        self.received_bytes = 0
        self.round_trips = 0
        self._sent_last = False

    @property
    def certificate(self) -> bytes | None:
        """SHA-256 of the responder's certificate as this side sees it; None without TLS."""
        return self._certificate

    async def send(self, frame: bytes) -> None:
        """Sends one frame. See `Channel.send`."""
        try:
            async with asyncio.timeout(SEND_STALL_S):
                await self._socket.send_bytes(frame)
        except TimeoutError:
            raise ConnectionLost(f"peer took nothing for {SEND_STALL_S:.0f} s") from None
        except (ConnectionError, RuntimeError, aiohttp.ClientError) as broken:
            raise ConnectionLost(f"sending failed: {type(broken).__name__}") from broken
        self.sent_bytes += len(frame)
        self._sent_last = True

    async def receive(self) -> bytes | None:
        """The next frame. See `Channel.receive`."""
        try:
            message = await self._socket.receive()
        except (ConnectionError, RuntimeError, aiohttp.ClientError) as broken:
            raise ConnectionLost(f"receiving failed: {type(broken).__name__}") from broken
        if message.type is WSMsgType.BINARY:
            data: bytes = message.data
            self.received_bytes += len(data)
            # An answer to something sent, however many frames went out or come in together.
            self.round_trips += self._sent_last
            self._sent_last = False
            return data
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
            return None
        if message.type is WSMsgType.ERROR:
            raise ConnectionLost(f"connection broke: {type(message.data).__name__}")
        raise ConnectionLost("peer sent a message that is not binary")

    async def close(self) -> None:
        """Ends the connection. See `Channel.close`."""
        try:
            async with asyncio.timeout(2):
                await self._socket.close()
        except (TimeoutError, ConnectionError, RuntimeError, aiohttp.ClientError):
            pass  # it is gone, which is what was wanted
        finally:
            if self._client is not None:
                await self._client.close()


async def connect(endpoint: str, certificate: bytes | None) -> WebSocketChannel:
    """Connects to a peer as the initiator.

    Args:
        endpoint: `wss://host[:port]`, or `ws://` for a loopback address.
        certificate: the pinned SHA-256, 32 bytes; None for `ws://`.

    Raises:
        ConnectionLost: the endpoint can't be reached, shows another certificate, or is plain and
            not on loopback.
    """
    client = await pinned_client(endpoint, certificate)
    try:
        async with asyncio.timeout(CONNECT_S):
            socket = await client.ws_connect(
                endpoint + SESSION_PATH,
                protocols=(SUBPROTOCOL,),
                heartbeat=KEEP_ALIVE_S,
                compress=0,
                max_msg_size=_MESSAGE_BYTES_MAX,
                ssl=_pin(certificate),
            )
    except aiohttp.ServerFingerprintMismatch as refused:
        await client.close()
        raise ConnectionLost(
            "peer shows another certificate than the pinned one: was its certificate changed?"
        ) from refused
    except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as refused:
        await client.close()
        raise ConnectionLost(f"{endpoint} can't be reached: {type(refused).__name__}") from refused
    if socket.protocol != SUBPROTOCOL:
        await socket.close()
        await client.close()
        raise ConnectionLost(f"{endpoint} doesn't speak {SUBPROTOCOL}")
    return WebSocketChannel(socket, certificate, client)


async def post_join(endpoint: str, certificate: bytes | None, request: bytes) -> tuple[int, bytes]:
    """Sends a request to join; the answer's status and its first 262,144 bytes. Spec: 7.12.4.

    Raises:
        ConnectionLost: as `connect`.
    """
    client = await pinned_client(endpoint, certificate)
    url = endpoint.replace("ws", "http", 1) + JOIN_PATH
    try:
        async with (
            asyncio.timeout(CONNECT_S),
            client.post(
                url,
                data=request,
                headers={"Content-Type": "application/octet-stream"},
                allow_redirects=False,
                ssl=_pin(certificate),
            ) as answer,
        ):
            # readexactly would wait for a peer that trickles; the time-out above bounds both.
            data = b""
            async for chunk in answer.content.iter_chunked(65_536):
                data += chunk
                if len(data) > 262_144:
                    raise ConnectionLost("the answer is longer than 262,144 bytes")
            return answer.status, data
    except aiohttp.ServerFingerprintMismatch as refused:
        raise ConnectionLost("the node shows another certificate than the invite says") from refused
    except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as refused:
        raise ConnectionLost(f"{endpoint} can't be reached: {type(refused).__name__}") from refused
    finally:
        await client.close()


async def pinned_client(endpoint: str, certificate: bytes | None) -> aiohttp.ClientSession:
    """An HTTP client fit for peers: no cookies, no proxies, no redirects, bounded waiting.

    Raises:
        ConnectionLost: the endpoint is plain and not on loopback, or has no pin.
    """
    parts = urlsplit(endpoint)
    if parts.scheme == "ws":
        if not is_loopback(parts.hostname or ""):
            raise ConnectionLost("a connection without TLS is for loopback addresses only")
    elif certificate is None:
        raise ConnectionLost("a peer's certificate must be pinned: use its invite")
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
    )


def server_socket() -> web.WebSocketResponse:
    """The responder's side of a WebSocket, with the limits of spec 7.1."""
    return web.WebSocketResponse(
        protocols=(SUBPROTOCOL,),
        compress=False,
        heartbeat=KEEP_ALIVE_S,
        max_msg_size=_MESSAGE_BYTES_MAX,
    )


def server_context(certificate_path: Path, key_path: Path) -> ssl.SSLContext:
    """TLS 1.3 with the node's own certificate. Spec: 7.1.2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate_path, key_path)
    return context


def is_loopback(host: str) -> bool:
    """Whether `host` is a loopback address, or the name localhost."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _pin(certificate: bytes | None) -> aiohttp.Fingerprint | bool:
    return True if certificate is None else aiohttp.Fingerprint(certificate)
