"""WebSocket connections to peers: TLS with pinned certificates, one frame a message.

Owns how frames reach a peer and come from it, for both sides, and the checks that belong to a
connection: pin, sizes, time-outs, plain connections on loopback only (threats 8 to 10, 32). What
frames say is the session's business. Spec: 7.1.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket as sockets
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp
from aiohttp import WSMsgType, web

from hutong_node.clock import Clock, SystemClock
from hutong_node.peer_clocks import TimeTold, date_ms, date_text, ping_ms, ping_payload
from hutong_protocol.limits import FRAME_BYTES_MAX

SESSION_PATH: Final = "/hutong/1/session"
JOIN_PATH: Final = "/hutong/1/join"
SUBPROTOCOL: Final = "hutong.1"

CONNECT_S: Final = 10.0
SEND_STALL_S: Final = 30.0
"""A peer that takes nothing for so long is dropped (threat 10)."""
_CLOSE_S: Final = 2.0
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
            ConnectionLost: it can't be sent, or the peer did not take it within `SEND_STALL_S`.
        """
        ...

    async def receive(self) -> bytes | None:
        """The next frame, or None when the peer has ended the connection.

        A message that is not binary comes as the empty frame, which is none: `bad-frame`.

        Raises:
            ConnectionLost: the connection broke.
        """
        ...

    @property
    def heard(self) -> int:
        """How many messages of any kind have come, those that keep the connection alive too."""
        ...

    async def ping(self) -> None:
        """Asks for a sign of life, which counts in `heard` when it comes.

        Raises:
            ConnectionLost: as `send`.
        """
        ...

    async def close(self) -> None:
        """Ends the connection; nothing happens if it has ended."""
        ...

    def abort(self) -> None:
        """Ends the connection at once, without a word and without waiting."""
        ...


class WebSocketChannel:
    """A channel over an aiohttp WebSocket of either side."""

    __slots__ = (
        "_certificate",
        "_client",
        "_clock",
        "_sent_last",
        "_socket",
        "heard",
        "hears_time",
        "received_bytes",
        "round_trips",
        "sent_bytes",
        "time_told",
    )

    def __init__(
        self,
        socket: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
        certificate: bytes | None,
        client: aiohttp.ClientSession | None = None,
        *,
        clock: Clock,
        date: str | None = None,
    ) -> None:
        """`date` is the field of that name which the peer sent when the connection opened."""
        self._socket = socket
        self._certificate = certificate
        self._client = client
        self._clock = clock
        self.time_told: TimeTold | None = None
        """What the peer's clock said last. Nobody has proved yet who the peer is."""
        self.hears_time: Callable[[TimeTold], None] = lambda _: None
        """Called whenever the peer says it anew."""
        self._take_time(date_ms(date))
        self.heard = 0
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
        await self._write(self._socket.send_bytes(frame))
        self.sent_bytes += len(frame)
        self._sent_last = True

    async def ping(self) -> None:
        """Asks for a sign of life, and says what time it is here. See `Channel.ping`."""
        await self._write(self._socket.ping(ping_payload(self._clock.now_ms())))

    async def receive(self) -> bytes | None:
        """The next frame. See `Channel.receive`."""
        while True:
            try:
                message = await self._socket.receive()
                self.heard += 1
                if message.type is WSMsgType.PING:
                    self._take_time(ping_ms(bytes(message.data)))
                    await self._write(self._socket.pong(message.data))
                    continue
            except (ConnectionError, RuntimeError, aiohttp.ClientError) as broken:
                raise ConnectionLost(f"receiving failed: {type(broken).__name__}") from broken
            match message.type:
                case WSMsgType.PONG:
                    continue
                case WSMsgType.BINARY:
                    data: bytes = message.data
                    self.received_bytes += len(data)
                    # An answer to something sent, however many frames went out or came together.
                    self.round_trips += self._sent_last
                    self._sent_last = False
                    return data
                case WSMsgType.TEXT:
                    return b""
                case WSMsgType.ERROR:
                    raise ConnectionLost(f"connection broke: {type(message.data).__name__}")
                case _:
                    return None

    async def close(self) -> None:
        """Ends the connection. See `Channel.close`."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._socket.close()
        except (TimeoutError, ConnectionError, RuntimeError, aiohttp.ClientError):
            self.abort()  # what was still to be written would be kept for a peer that reads nothing
        finally:
            if self._client is not None:
                await self._client.close()

    def abort(self) -> None:
        """Ends the connection at once. See `Channel.abort`."""
        raw = self._socket.get_extra_info("socket")
        if raw is not None:
            with suppress(OSError):  # it may have ended
                raw.shutdown(sockets.SHUT_RDWR)

    def _take_time(self, peer_ms: int | None) -> None:
        if peer_ms is not None:
            self.time_told = TimeTold(peer_ms, self._clock.monotonic_s())
            self.hears_time(self.time_told)

    async def _write(self, writing: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(SEND_STALL_S):
                await writing
        except TimeoutError:
            self.abort()
            raise ConnectionLost(f"peer took too little in {SEND_STALL_S:.0f} s") from None
        except (ConnectionError, RuntimeError, aiohttp.ClientError) as broken:
            raise ConnectionLost(f"sending failed: {type(broken).__name__}") from broken


async def connect(
    endpoint: str, certificate: bytes | None, clock: Clock | None = None
) -> WebSocketChannel:
    """Connects to a peer as the initiator.

    Args:
        endpoint: `wss://host[:port]`, or `ws://` for a loopback address.
        certificate: the pinned SHA-256, 32 bytes; None for `ws://`.
        clock: what the peer is told of the time, by default this machine's.

    Raises:
        ConnectionLost: the endpoint can't be reached, shows another certificate, or is plain and
            not on loopback.
    """
    clock = clock or SystemClock()
    dates: list[str] = []
    client = await pinned_client(endpoint, certificate, dates)
    try:
        async with asyncio.timeout(CONNECT_S):
            socket = await client.ws_connect(
                endpoint + SESSION_PATH,
                protocols=(SUBPROTOCOL,),
                headers={"Date": date_text(clock.now_ms())},
                autoping=False,
                compress=0,
                max_msg_size=_MESSAGE_BYTES_MAX,
                ssl=_pin(certificate),
            )
        if socket.protocol != SUBPROTOCOL:
            raise ConnectionLost(f"{endpoint} doesn't speak {SUBPROTOCOL}")
        seen = _seen(socket, certificate)
        date = dates[-1] if dates else None
        return WebSocketChannel(socket, seen, client, clock=clock, date=date)
    except BaseException as refused:
        await client.close()
        if isinstance(refused, (TimeoutError, OSError, aiohttp.ClientError, ValueError)):
            raise ConnectionLost(_in_words(endpoint, refused)) from refused
        raise


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


async def pinned_client(
    endpoint: str, certificate: bytes | None, dates: list[str] | None = None
) -> aiohttp.ClientSession:
    """An HTTP client fit for peers: no cookies, no proxies, no redirects, bounded waiting.

    Args:
        dates: filled with the `Date` fields of answers; those of an upgrade are shown nowhere else.

    Raises:
        ConnectionLost: the endpoint is plain and not on loopback, or has no pin.
    """
    parts = urlsplit(endpoint)
    if parts.scheme == "ws":
        if not is_loopback(parts.hostname or ""):
            raise ConnectionLost("a connection without TLS is for loopback addresses only")
    elif certificate is None:
        raise ConnectionLost("a peer's certificate must be pinned: use its invite")
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    if dates is not None:
        trace.on_request_end.append(_collect_into(dates))
    return aiohttp.ClientSession(
        trace_configs=[trace],
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
    )


def server_socket(clock: Clock) -> web.WebSocketResponse:
    """The responder's side of a WebSocket, with the limits of spec 7.1 and the time here."""
    socket = web.WebSocketResponse(
        protocols=(SUBPROTOCOL,),
        autoping=False,
        compress=False,
        max_msg_size=_MESSAGE_BYTES_MAX,
    )
    socket.headers["Date"] = date_text(clock.now_ms())
    return socket


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


def _in_words(endpoint: str, refused: Exception) -> str:
    match refused:
        case aiohttp.ServerFingerprintMismatch():
            return "peer shows another certificate than the pinned one: was it changed?"
        case aiohttp.WSServerHandshakeError(status=status):
            return f"{endpoint} answers with status {status}"
        case _:
            return f"{endpoint} can't be reached: {type(refused).__name__}"


async def _refuse_redirect(*_: object) -> None:
    """A pin belongs to one endpoint; where a peer sends us is nobody's business (threat 35)."""
    raise aiohttp.ClientError("redirected")


def _collect_into(
    dates: list[str],
) -> Callable[[object, object, aiohttp.TraceRequestEndParams], Awaitable[None]]:
    async def collect(_: object, __: object, ended: aiohttp.TraceRequestEndParams) -> None:
        dates.extend(ended.response.headers.getall("Date", ())[:1])

    return collect


def _seen(socket: aiohttp.ClientWebSocketResponse, certificate: bytes | None) -> bytes | None:
    """The digest of the certificate that this connection showed, which is the pinned one.

    Raises:
        ConnectionLost: it is not, or TLS is older than 1.3.
    """
    if certificate is None:
        return None
    tls = socket.get_extra_info("ssl_object")
    if tls is None or tls.version() != "TLSv1.3":
        raise ConnectionLost("peer's connection is not TLS 1.3")
    shown = hashlib.sha256(tls.getpeercert(binary_form=True)).digest()
    if shown != certificate:
        raise ConnectionLost("peer shows another certificate than the pinned one")
    return shown


def _pin(certificate: bytes | None) -> aiohttp.Fingerprint | bool:
    return True if certificate is None else aiohttp.Fingerprint(certificate)
