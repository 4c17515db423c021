"""The peer bind before there is a session: slow requests, many connections, one request each.

Real sockets on loopback. Any address of 127.0.0.0/8 may be a source, so that one machine can be
many. Limits are arguments, so that seconds become tenths.
"""

from __future__ import annotations

import gzip
import resource
import socket
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from hutong_node.guard import GateLimits, address_key
from hutong_node.node import Node, NodeRefused
from hutong_node.store.interface import StoreMethods
from hutong_node.transport import JOIN_PATH, ConnectionLost, connect
from node.nodes import FSC, draft, endpoint, introduce, new_node, until
from node.raw_peer import RawPeer

QUICK = GateLimits(request_s=0.3, answer_s=0.6)
HALF_OPEN = 500


def root_of(node: Node) -> bytes:
    (entry,) = node.parts.store.run(StoreMethods.scope_roots, [FSC])
    return entry.root


def cut(node: Node, reason: str) -> float:
    return (
        node.metrics.registry.get_sample_value("hutong_connections_cut_total", {"reason": reason})
        or 0.0
    )


@pytest.mark.parametrize("tls", [True, False])
async def test_head_that_trickles_is_cut_in_time(tmp_path: Path, tls: bool) -> None:
    """Threat 10: each byte comes soon after the last, the head never ends."""
    async with (
        new_node(tmp_path, "one", tls=tls, limits=QUICK) as node,
        RawPeer(node.peer_port, tls=tls) as peer,
    ):
        began = time.monotonic()
        await peer.send(b"GET /.well-known/hutong HTTP/1.1\r\nX-Slow: ")
        with pytest.raises(ConnectionError):
            await peer.trickle()
        assert 0.2 < time.monotonic() - began < 3
        await until(lambda: node.gate.waiting == 0)
        assert cut(node, "slow") == 1


@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
async def test_handshake_of_tls_that_does_not_end_is_cut_in_time(
    tmp_path: Path, begun: bytes
) -> None:
    """Threat 10: nothing at all, or the first bytes of a handshake."""
    async with (
        new_node(tmp_path, "one", limits=QUICK) as node,
        RawPeer(node.peer_port) as peer,
    ):
        await peer.send(begun)
        assert await peer.rest(seconds=3) == b""
        await until(lambda: node.gate.waiting == 0)


async def test_body_that_trickles_is_cut_in_time(tmp_path: Path) -> None:
    """Threat 10: a request to join whose body never ends; `answer_s` counts from its head."""
    async with (
        new_node(tmp_path, "one", tls=False, limits=QUICK) as node,
        RawPeer(node.peer_port) as peer,
    ):
        began = time.monotonic()
        await peer.send(
            f"POST {JOIN_PATH} HTTP/1.1\r\nHost: n\r\nContent-Length: 200000\r\n\r\n".encode()
        )
        with pytest.raises(ConnectionError):
            await peer.trickle()
        assert 0.5 < time.monotonic() - began < 4


async def test_connection_serves_one_request_and_ends(tmp_path: Path) -> None:
    """Nothing stays open for a second request, which could take its time again."""
    async with (
        new_node(tmp_path, "one", tls=False) as node,
        RawPeer(node.peer_port) as peer,
    ):
        await peer.send(b"GET /.well-known/hutong HTTP/1.1\r\nHost: n\r\n\r\n" * 3)
        answer = await peer.rest()
        assert answer.count(b"HTTP/1.1 200") == 1
        assert b"connection: close" in answer.lower()
        await until(lambda: node.gate.waiting == 0)


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET /nowhere HTTP/1.1\r\nHost: n\r\n\r\n",
        b"GET /hutong/1/session HTTP/1.1\r\nHost: n\r\n\r\n",
        b"POST /hutong/1/session HTTP/1.1\r\nHost: n\r\n\r\n",
        b"\x00\xff garbage \r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: n\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_odd_request_is_refused_and_its_connection_ended(
    tmp_path: Path, request_head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        new_node(tmp_path, "one", tls=False, limits=QUICK) as node,
        RawPeer(node.peer_port) as peer,
    ):
        await peer.send(request_head)
        answer = await peer.rest(seconds=3)
        assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
        await until(lambda: node.gate.waiting == 0)
    assert caplog.records == []


async def test_packed_body_is_not_unpacked(tmp_path: Path) -> None:
    """Threat 9: 20 KB that would become 20 MB are judged as the 20 KB that they are."""
    packed = gzip.compress(bytes(20_000_000))
    head = (
        f"POST {JOIN_PATH} HTTP/1.1\r\nHost: n\r\nContent-Encoding: gzip\r\n"
        f"Content-Length: {len(packed)}\r\n\r\n"
    )
    async with (
        new_node(tmp_path, "one", tls=False) as node,
        RawPeer(node.peer_port) as peer,
    ):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await peer.send(head.encode() + packed)
        answer = await peer.rest()
        assert answer.startswith(b"HTTP/1.1 403")
        assert answer.endswith(b"not-canonical")
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000


async def test_session_completes_beside_five_hundred_half_open_sockets(tmp_path: Path) -> None:
    """Threat 10: from 250 addresses and from the honest node's own; new ones keep coming."""
    limits = GateLimits(waiting_max=64, per_address_max=16, request_s=5)
    one, two = new_node(tmp_path, "one", limits=limits), new_node(tmp_path, "two")
    async with one, two, AsyncExitStack() as stack:
        await introduce(one, two, [FSC])
        await one.publish(FSC, [draft(number) for number in range(50)])
        began = time.monotonic()
        await until(lambda: root_of(one) == root_of(two))
        quiet_s = time.monotonic() - began
        sources = [f"127.0.1.{number % 250 + 1}" for number in range(HALF_OPEN - 50)]
        for source in [*sources, *["127.0.0.1"] * 50]:
            await stack.enter_async_context(RawPeer(one.peer_port, source=source))
        await until(lambda: cut(one, "room") >= HALF_OPEN - 64)
        assert one.gate.waiting <= 64
        await two.peering.cut(one.parts.identity.org)
        await one.publish(FSC, [draft(number) for number in range(50)])
        began = time.monotonic()
        await until(lambda: root_of(one) == root_of(two))
        # The dialler waits up to half a second before it comes again.
        assert time.monotonic() - began < 2 * quiet_s + 2
        assert one.gate.waiting <= 64


async def test_address_has_so_many_sessions_and_another_has_its_own(tmp_path: Path) -> None:
    async with (
        new_node(tmp_path, "one", tls=False, sessions_per_address_max=2) as node,
        AsyncExitStack() as stack,
    ):
        heads = []
        for source in ["127.0.0.2"] * 3 + ["127.0.0.3"]:
            peer = await stack.enter_async_context(RawPeer(node.peer_port, source=source))
            heads.append((await peer.upgrade()).split()[1])
        assert heads == ["101", "101", "429", "101"]


async def test_room_of_an_address_comes_back_when_its_sessions_end(tmp_path: Path) -> None:
    async with new_node(tmp_path, "one", tls=False, sessions_per_address_max=1) as node:
        for _ in range(3):
            async with RawPeer(node.peer_port) as peer:
                assert "101" in await peer.upgrade()
            await until(lambda: node.peering.sessions == 0)


async def test_strangers_make_room_for_who_comes_and_proved_peers_do_not(tmp_path: Path) -> None:
    """Threat 10: slots taken by those who never say who they are cost an honest peer nothing."""
    one = new_node(tmp_path, "one", sessions_max=2)
    two, three, four = (new_node(tmp_path, name) for name in ("two", "three", "four"))
    async with one, two, three, four, AsyncExitStack() as stack:
        for number in range(2):
            peer = RawPeer(one.peer_port, tls=True, source=f"127.0.0.{number + 2}")
            await (await stack.enter_async_context(peer)).upgrade()
        await until(lambda: one.peering.sessions == 2)
        await one.publish(FSC, [draft(1)])
        for joiner in (two, three):
            await introduce(one, joiner, [FSC])
            await until(lambda joiner=joiner: root_of(one) == root_of(joiner))  # type: ignore[misc]
        stranger = await stack.enter_async_context(RawPeer(one.peer_port, tls=True))
        assert "503" in await stranger.upgrade()
        with pytest.raises(ConnectionLost, match="status 503"):
            await connect(endpoint(one), one.parts.certificate)
        # Strangers that were cut count until their connection is gone.
        await until(lambda: one.peering.sessions == 2)


async def test_port_in_use_is_said_and_nothing_stays_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        parts = new_node(tmp_path, "one").parts
        port = taken.getsockname()[1]
        peer = parts.config.peer.model_copy(update={"port": port})
        node = Node(replace(parts, config=parts.config.model_copy(update={"peer": peer})))
        with pytest.raises(NodeRefused, match=f"can't listen on 127.0.0.1:{port}"):
            await node.start()
        await node.stop()
        assert node.gate.port == port


async def test_stopped_node_cuts_connections_that_wait(tmp_path: Path) -> None:
    async with new_node(tmp_path, "one") as node, RawPeer(node.peer_port) as peer:
        await until(lambda: node.gate.waiting == 1)
        await node.stop()
        assert await peer.rest(seconds=3) == b""


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_addresses_that_one_host_is_given_count_as_one(host: str, key: str) -> None:
    assert address_key(host) == key
