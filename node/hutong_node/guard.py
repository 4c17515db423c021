"""Connections on the peer bind until they are sessions: how many there may be, and how long.

Owns accepting. The HTTP library has no limit for the time that a TLS handshake, a request's head or
its body takes, so that a few hundred sockets on which nothing or little comes would fill a node
(threat 10). Here each connection has one such limit from the moment it is accepted, and at most
one request. Those that have not yet asked for a session make room for newer ones, oldest first,
those of the same address before all others: whoever opens many is in his own way.

What a request says is `http_peer`'s business, what a session may do is its own. Spec: 7.1, 9.2.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

_BACKLOG: Final = 128
_SHUTDOWN_S: Final = 2.0
"""How long a peer may take to agree to the end of TLS before the connection is simply dropped."""
_OUT_OF_FILES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class GateLimits:
    """How many connections may wait to become something, and how long.

    Attributes:
        waiting_max: connections that are no session yet, of all addresses together.
        per_address_max: of one address, connections that wait, and also sessions.
        request_s: from accepting to the end of the request's head, the TLS handshake included.
        answer_s: from there to the last byte of the answer, unless it becomes a session.
    """

    waiting_max: int = 64
    per_address_max: int = 16
    request_s: float = 10.0
    answer_s: float = 20.0


class Gate:
    """Accepts connections, hands them to the HTTP library and cuts those that overstay."""

    def __init__(self, limits: GateLimits, cut: Callable[[str], None]) -> None:
        """Nothing listens yet. `cut` hears why a connection was cut: a word for a metric."""
        self.port = 0
        self._limits = limits
        self._cut = cut
        self._make_protocol: Callable[[], asyncio.Protocol] | None = None
        self._context: ssl.SSLContext | None = None
        self._listeners: list[socket.socket] = []
        self._acceptors: set[asyncio.Task[None]] = set()
        self._arriving: set[asyncio.Task[None]] = set()
        self._waiting: dict[_Guest, None] = {}
        self._guests: dict[asyncio.Protocol, _Guest] = {}
        self._waiting_from: Counter[str] = Counter()
        self._sessions_from: Counter[str] = Counter()

    async def open(
        self,
        make_protocol: Callable[[], asyncio.Protocol],
        host: str,
        port: int,
        context: ssl.SSLContext | None,
    ) -> None:
        """Listens on every address that `host` stands for; `port` 0 takes a free one.

        Raises:
            OSError: the address is in use or is none of this machine.
        """
        self._make_protocol, self._context = make_protocol, context
        self.port = port
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        problem: OSError | None = None
        for family, address in dict.fromkeys((info[0], info[4][:2]) for info in found):
            try:
                listener = socket.create_server(
                    (str(address[0]), self.port), family=family, backlog=_BACKLOG
                )
            except OSError as refused:
                # A name may stand for an address of a family that this machine does not have.
                if refused.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    await self.close()
                    raise
                problem = refused
                continue
            listener.setblocking(False)
            self.port = listener.getsockname()[1]
            self._listeners.append(listener)
        if not self._listeners:
            raise problem or OSError(errno.EADDRNOTAVAIL, "no such address")
        for listener in self._listeners:
            self._acceptors.add(asyncio.create_task(self._accept(listener), name="accept"))

    async def close(self) -> None:
        """Stops listening and cuts what is no session; sessions end by their own rules."""
        for task in self._acceptors:
            task.cancel()
        await asyncio.gather(*self._acceptors, return_exceptions=True)
        self._acceptors.clear()
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for guest in list(self._waiting):
            guest.cut()
        # Handshakes that were cut end by themselves, and close their sockets.
        await asyncio.gather(*self._arriving, return_exceptions=True)

    @property
    def waiting(self) -> int:
        """Connections that are no session yet."""
        return len(self._waiting)

    def asked(self, protocol: object) -> None:
        """Takes note that the head of a request has come on the connection of `protocol`."""
        guest = self._guest(protocol)
        if guest is not None and guest in self._waiting:
            guest.limit(self._limits.answer_s)

    def may_enter(self, protocol: object) -> bool:
        """Whether the connection may become a session: it still stands, and its address has few."""
        guest = self._guest(protocol)
        if guest is None or guest not in self._waiting:
            return False
        return self._sessions_from[guest.address] < self._limits.per_address_max

    def entered(self, protocol: object) -> None:
        """Takes note that the connection has become a session, which has limits of its own."""
        guest = self._guest(protocol)
        if guest is not None and guest in self._waiting:
            self._forget_waiting(guest)
            guest.limit(None)
            self._sessions_from[guest.address] += 1

    # What connections do

    def left(self, guest: _Guest) -> None:
        """Takes note that a connection has ended."""
        guest.limit(None)
        if self._guests.pop(guest.inner, None) is None:
            return
        if guest in self._waiting:
            self._forget_waiting(guest)
        else:
            _less(self._sessions_from, guest.address)

    def overstayed(self, guest: _Guest) -> None:
        """Cuts a connection whose time is over."""
        if guest in self._waiting:
            self._drop(guest, "slow")

    def _guest(self, protocol: object) -> _Guest | None:
        return self._guests.get(protocol) if isinstance(protocol, asyncio.Protocol) else None

    def _drop(self, guest: _Guest, reason: str) -> None:
        self._cut(reason)
        guest.cut()
        self.left(guest)

    def _forget_waiting(self, guest: _Guest) -> None:
        del self._waiting[guest]
        _less(self._waiting_from, guest.address)

    def _make_room(self, address: str) -> None:
        if self._waiting_from[address] >= self._limits.per_address_max:
            self._drop(next(guest for guest in self._waiting if guest.address == address), "room")
        elif len(self._waiting) >= self._limits.waiting_max:
            self._drop(next(iter(self._waiting)), "room")

    # Accepting

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listener)
            except OSError as refused:
                # Out of files: those that wait are cut in time. Otherwise it had gone already.
                await asyncio.sleep(_PAUSE_S if refused.errno in _OUT_OF_FILES else 0)
                continue
            assert self._make_protocol is not None
            address = address_key(str(peer[0]))
            self._make_room(address)
            guest = _Guest(self, self._make_protocol(), connection, address)
            self._guests[guest.inner] = guest
            self._waiting[guest] = None
            self._waiting_from[address] += 1
            guest.limit(self._limits.request_s)
            task = asyncio.create_task(self._take_in(guest, connection), name="take in")
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    async def _take_in(self, guest: _Guest, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        # Without TLS asyncio refuses to be given these.
        tls = self._context is not None
        try:
            await loop.connect_accepted_socket(
                lambda: guest,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=self._limits.request_s if tls else None,
                ssl_shutdown_timeout=_SHUTDOWN_S if tls else None,
            )
        except (OSError, TimeoutError):
            # A scanner, a peer that went away, or one that was cut: all the same from here.
            connection.close()
            self.left(guest)


class _Guest(asyncio.Protocol):
    """One connection: passes everything on to the HTTP library's protocol, and can be cut."""

    def __init__(
        self, gate: Gate, inner: asyncio.Protocol, connection: socket.socket, address: str
    ) -> None:
        self.inner = inner
        self.address = address
        self._gate = gate
        self._connection = connection
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def limit(self, seconds: float | None) -> None:
        """Sets the time that the connection has from now; None: no limit."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(seconds, self._gate.overstayed, self)

    def cut(self) -> None:
        """Ends the connection at once, whatever it is doing."""
        if self._transport is not None:
            self._transport.abort()
            return
        # In the handshake of TLS, where only the event loop knows the transport: it sees the end of
        # the connection and cleans up. An error means that it has ended by itself.
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received()

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.inner.connection_lost(exc)
        self._gate.left(self)


def address_key(host: str) -> str:
    """What counts as one address: an IPv4 address, or the 64 bits that an IPv6 host is given.

    A host that is no address, which no socket tells, counts as itself.
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)


def _less(counts: Counter[str], address: str) -> None:
    counts[address] -= 1
    if counts[address] <= 0:
        del counts[address]
