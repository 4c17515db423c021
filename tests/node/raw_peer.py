"""A peer that says whatever a test wants on a plain socket: half requests, odd frames, nothing."""

from __future__ import annotations

import asyncio
import ssl
import struct
from types import TracebackType
from typing import Self

from hutong_node.transport import SESSION_PATH, SUBPROTOCOL

BINARY, TEXT, CONTINUED, CLOSE = 2, 1, 0, 8

UPGRADE = (
    f"GET {SESSION_PATH} HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"
)


def message(
    payload: bytes, opcode: int = BINARY, *, fin: bool = True, packed: bool = False
) -> bytes:
    """One WebSocket frame of a client, masked with zeros so that its bytes stay readable."""
    return header(len(payload), opcode, fin=fin, packed=packed) + payload


def header(length: int, opcode: int = BINARY, *, fin: bool = True, packed: bool = False) -> bytes:
    """The header of a WebSocket frame that claims `length` bytes."""
    first = opcode | fin << 7 | packed << 6
    if length < 126:
        sizes = struct.pack("!BB", first, 0x80 | length)
    elif length < 65_536:
        sizes = struct.pack("!BBH", first, 0x80 | 126, length)
    else:
        sizes = struct.pack("!BBQ", first, 0x80 | 127, length)
    return sizes + bytes(4)


class RawPeer:
    """A connection to a node's peer bind. Use as an asynchronous context manager."""

    def __init__(self, port: int, *, tls: bool = False, source: str = "127.0.0.1") -> None:
        """`source` is the address that the node sees, any of loopback."""
        self._port = port
        self._tls = tls
        self._source = source

    async def __aenter__(self) -> Self:
        context = None
        if self._tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._port, ssl=context, local_addr=(self._source, 0), limit=4_194_304
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.transport.abort()

    async def send(self, data: bytes) -> None:
        """Sends bytes as they are.

        Raises:
            ConnectionError: the node has ended the connection.
        """
        self._writer.write(data)
        await self._writer.drain()
        if self._reader.at_eof():
            raise ConnectionResetError

    async def trickle(self) -> None:
        """Sends one byte after another, for as long as the node lets it.

        Raises:
            ConnectionError: the node has ended the connection.
        """
        while True:
            await self.send(b"a")
            await asyncio.sleep(0.02)

    async def flood(self, piece: bytes) -> int:
        """Sends the same again and again until the node ends the connection; how many bytes."""
        sent = 0
        while True:
            try:
                await self.send(piece)
            except ConnectionError:
                return sent
            sent += len(piece)

    async def upgrade(self, *extensions: str) -> str:
        """Asks for a session; the head of the answer."""
        asked = "".join(f"Sec-WebSocket-Extensions: {name}\r\n" for name in extensions)
        await self.send((UPGRADE + asked + "\r\n").encode())
        return (await self._reader.readuntil(b"\r\n\r\n")).decode()

    async def next(self) -> tuple[int, bytes]:
        """The next WebSocket frame of the node: opcode and payload.

        Raises:
            asyncio.IncompleteReadError: the node has ended the connection.
        """
        first, length = await self._reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(length)

    async def rest(self, *, seconds: float = 20) -> bytes:
        """What comes until the node ends the connection, which it must within `seconds`."""
        async with asyncio.timeout(seconds):
            try:
                return await self._reader.read()
            except ConnectionError:
                return b""
