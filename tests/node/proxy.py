"""Stands between two nodes in tests: passes bytes or frames on, keeps them, holds them, cuts."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import WSMsgType, web

from hutong_node.transport import SESSION_PATH, SUBPROTOCOL
from hutong_protocol.limits import FRAME_BYTES_MAX


class TcpProxy:
    """Passes bytes on between whoever connects to `port` and a port of loopback.

    Attributes:
        captured: everything that went either way, if `keep`.
        passed: bytes that went either way, of each connection so far.
        cuts: how many connections were cut because their offset was reached.
        spared: how many others were broken by `spare`.
    """

    def __init__(
        self, target: int, *, keep: bool = False, offsets: Iterable[int] = (), buffer: int = 0
    ) -> None:
        """Each new connection is cut after the next one of `offsets` bytes; later ones never.

        `buffer` is that for what comes from the target, small where a stall shall not be hidden.
        """
        self.port = 0
        self.captured = bytearray()
        self.passed: list[int] = []
        self.cuts = 0
        self.spared = 0
        self._target = target
        self._keep = keep
        self._offsets: Iterator[int] = iter(offsets)
        self._buffer = buffer
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._open: dict[int, tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", 0))
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=65_536)
        self.port = listener.getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hold(self) -> None:
        """Passes nothing on from now on; connections stand."""
        self._flowing.clear()

    def let_go(self) -> None:
        """Passes on again, also what came meanwhile."""
        self._flowing.set()

    def drop(self) -> None:
        """Breaks all connections."""
        for number in list(self._open):
            self._break(number)

    def spare(self, number: int) -> None:
        """Breaks a connection that has not reached its offset; none if it has."""
        if number in self._open:
            self.spared += 1
            self._break(number)

    def _break(self, number: int) -> None:
        for writer in self._open.pop(number, ()):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, offset = len(self.passed), next(self._offsets, None)
        self.passed.append(0)
        try:
            far_reader, far_writer = await asyncio.open_connection(sock=await self._far_socket())
        except OSError:
            writer.transport.abort()
            return
        self._open[number] = (writer, far_writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pass_on(number, offset, source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _far_socket(self) -> socket.socket:
        far = socket.socket()
        far.setblocking(False)
        if self._buffer:
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer)
        try:
            await asyncio.get_running_loop().sock_connect(far, ("127.0.0.1", self._target))
        except OSError:
            far.close()
            raise
        return far

    async def _pass_on(
        self,
        number: int,
        offset: int | None,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
    ) -> None:
        try:
            while data := await source.read(65_536):
                await self._flowing.wait()
                if offset is not None:
                    data = data[: offset - self.passed[number]]
                self.passed[number] += len(data)
                if self._keep:
                    self.captured += data
                sink.write(data)
                await sink.drain()
                if self.passed[number] == offset and number in self._open:
                    self.cuts += 1
                    return
        except ConnectionError:
            pass  # either end went away, which ends both
        finally:
            self._break(number)


class FrameRelay:
    """A node in the middle: speaks the transport to both sides and passes frames on as they are.

    Attributes:
        seen: the frames that came, each with True if it came from the initiator.
        met: how many connections were made to it.
    """

    def __init__(self, target: str, context: ssl.SSLContext | None = None) -> None:
        """`target` is the endpoint that is spoken to; with `context` TLS is offered."""
        self.port = 0
        self.met = 0
        self.seen: list[tuple[bool, bytes]] = []
        self._target = target
        self._context = context
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get(SESSION_PATH, self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def frames(self, *, initiator: bool) -> list[bytes]:
        """The frames of one side, in order."""
        return [frame for first, frame in self.seen if first is initiator]

    def change(self, frame: bytes) -> bytes:
        """What is passed on in the place of `frame`."""
        return frame

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        self.met += 1
        near = web.WebSocketResponse(protocols=(SUBPROTOCOL,), max_msg_size=2 * FRAME_BYTES_MAX)
        await near.prepare(request)
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(
                self._target + SESSION_PATH,
                protocols=(SUBPROTOCOL,),
                max_msg_size=2 * FRAME_BYTES_MAX,
                ssl=False,
            ) as far,
        ):
            await asyncio.wait(
                [
                    asyncio.create_task(self._pass_on(near, far, initiator=True)),
                    asyncio.create_task(self._pass_on(far, near, initiator=False)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
            await near.close()
        return near

    async def _pass_on(
        self,
        source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
        sink: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
        *,
        initiator: bool,
    ) -> None:
        async for message in source:
            if message.type is not WSMsgType.BINARY:
                return
            self.seen.append((initiator, message.data))
            await sink.send_bytes(self.change(message.data))
