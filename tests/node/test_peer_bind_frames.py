"""What a stranger or a silent peer may do to a node on an open WebSocket, on real sockets."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hutong_node import driver, transport
from hutong_node.clock import SystemClock
from hutong_node.node import Node
from hutong_node.roster import Peer
from hutong_node.store.interface import NewPart, NewRecord, StoreMethods
from hutong_protocol.encoding import encode
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.frame_forms import encode_frame, parse_frame
from hutong_protocol.frames import Bye, Hello
from hutong_protocol.limits import FRAME_BYTES_MAX
from node.nodes import FSC, draft, endpoint, introduce, new_node, until
from node.proxy import TcpProxy
from node.raw_peer import BINARY, CLOSE, CONTINUED, TEXT, RawPeer, header, message

TICK_S = 0.03


class Leaping(SystemClock):
    """A monotonic clock that a test can put forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks come often, and nobody waits long for the end of a connection."""
    monkeypatch.setattr(driver, "TICK_S", TICK_S)
    monkeypatch.setattr(transport, "_CLOSE_S", 0.2)


async def some_ticks() -> None:
    await asyncio.sleep(5 * TICK_S)


def root_of(node: Node) -> bytes:
    (entry,) = node.parts.store.run(StoreMethods.scope_roots, [FSC])
    return entry.root


def ends(node: Node, fault: str) -> float:
    value = node.metrics.registry.get_sample_value("hutong_session_ends_total", {"fault": fault})
    return value or 0.0


def close_code(payload: bytes) -> int:
    return int.from_bytes(payload[:2], "big")


async def bye_of(peer: RawPeer) -> str:
    """The fault of the BYE that must come, among other frames of the session."""
    async with asyncio.timeout(20):
        while True:
            opcode, payload = await peer.next()
            if opcode == BINARY and isinstance(frame := parse_frame(payload), Bye):
                return frame.fault


def hello() -> bytes:
    """A HELLO of an initiator that nobody knows."""
    zeros = bytes(32)
    return encode_frame(Hello((1,), (), 0, zeros, zeros, zeros, FRAME_BYTES_MAX, 8))  # type: ignore[arg-type]


# Messages (threat 9)


async def test_message_above_the_limit_is_refused_by_its_header(tmp_path: Path) -> None:
    """Threat 9: 100 MB are announced; the node answers 1009 before it has taken 8 of them."""
    async with (
        new_node(tmp_path, "one", tls=False) as node,
        RawPeer(node.peer_port) as peer,
    ):
        await peer.upgrade()
        await peer.send(header(100_000_000))
        opcode, payload = await peer.next()
        assert (opcode, close_code(payload)) == (CLOSE, 1009)
        await until(lambda: node.peering.sessions == 0)
        assert await peer.flood(bytes(100_000)) < 8_000_000


async def test_message_in_many_pieces_is_refused_at_the_same_limit(tmp_path: Path) -> None:
    """Threat 9: no piece is too long, and the last one never comes."""
    async with (
        new_node(tmp_path, "one", tls=False) as node,
        RawPeer(node.peer_port) as peer,
    ):
        await peer.upgrade()
        await peer.send(message(b"", BINARY, fin=False))
        sent = await peer.flood(message(bytes(65_000), CONTINUED, fin=False))
        assert FRAME_BYTES_MAX < sent < 16_000_000
        await until(lambda: node.peering.sessions == 0)


async def test_frame_of_one_byte_too_many_is_named_by_the_session(tmp_path: Path) -> None:
    """Spec 7.2.1: the transport lets so much through that the session can say what is wrong."""
    async with (
        new_node(tmp_path, "one", tls=False) as node,
        RawPeer(node.peer_port) as peer,
    ):
        await peer.upgrade()
        await peer.send(message(bytes(FRAME_BYTES_MAX + 1)))
        assert await bye_of(peer) == "limit-exceeded"


async def test_packed_messages_are_neither_offered_nor_taken(tmp_path: Path) -> None:
    """Threat 9: a decompression bomb needs a decompressor."""
    async with (
        new_node(tmp_path, "one", tls=False) as node,
        RawPeer(node.peer_port) as peer,
    ):
        head = await peer.upgrade("permessage-deflate; client_max_window_bits")
        assert "101" in head
        assert "extensions" not in head.lower()
        await peer.send(message(b"\x00" * 100, packed=True))
        opcode, payload = await peer.next()
        assert (opcode, close_code(payload)) == (CLOSE, 1002)
        await until(lambda: node.peering.sessions == 0)


async def test_text_message_ends_the_session_as_bad_frame(tmp_path: Path) -> None:
    """Spec 7.1.1."""
    async with (
        new_node(tmp_path, "one", tls=False) as node,
        RawPeer(node.peer_port) as peer,
    ):
        await peer.upgrade()
        await peer.send(message("你好".encode(), TEXT))
        assert await bye_of(peer) == "bad-frame"
        await peer.send(message(b"", CLOSE))
        await until(lambda: node.peering.sessions == 0)
        assert ends(node, "bad-frame") == 1


async def test_pings_are_answered_and_keep_no_stranger(tmp_path: Path) -> None:
    clock = Leaping()
    async with (
        new_node(tmp_path, "one", tls=False, clock=clock) as node,
        RawPeer(node.peer_port) as peer,
    ):
        await peer.upgrade()
        for number in range(5_000):
            await peer.send(message(b"%d" % number, 9))
        for number in range(5_000):
            assert await peer.next() == (10, b"%d" % number)
        await some_ticks()
        clock.ahead_s += 11
        assert await bye_of(peer) == "timed-out"


# Frames (threat 13)


async def test_garbage_by_the_thousand_ends_sessions_and_nothing_else(tmp_path: Path) -> None:
    """Threat 13: each garbage frame costs its sender the session, with a fault that has a name."""
    dice = random.Random(13)
    one, two = new_node(tmp_path, "one", tls=False), new_node(tmp_path, "two", tls=False)
    async with one, two:
        await introduce(one, two, [FSC])
        await until(lambda: [peer.state for peer in two.peering.statuses()] == ["settled"])
        tries = two.peering.statuses()[0].tries
        for round_number in range(150):
            async with RawPeer(one.peer_port, source="127.0.0.9") as peer:
                await peer.upgrade()
                await peer.send(b"".join(message(garbage(dice)) for _ in range(20)))
                assert await bye_of(peer) != ""
            if round_number % 50 == 0:
                await one.publish(FSC, [draft(round_number)])
        await until(lambda: root_of(one) == root_of(two))
        await until(lambda: one.peering.sessions == 1)
        assert two.peering.statuses()[0].tries == tries
        named = ends(one, "bad-frame") + ends(one, "unexpected-frame") + ends(one, "limit-exceeded")
        assert named == 150
        assert ends(one, "internal") == 0


def garbage(dice: random.Random) -> bytes:
    """Bytes that are no frame: noise, a known type with noise, or a HELLO with a wrong byte."""
    while True:
        match dice.randrange(3):
            case 0:
                data = dice.randbytes(dice.randrange(1, 300))
            case 1:
                data = b"\x94" + bytes([dice.randrange(1, 23)]) + dice.randbytes(100)
            case _:
                whole = bytearray(hello())
                whole[dice.randrange(13)] ^= 1 << dice.randrange(8)
                data = bytes(whole)
        try:
            frame = parse_frame(data)
        except ProtocolFault:
            return data
        if frame is not None and not isinstance(frame, Hello | Bye):
            return data


async def test_unknown_frames_by_the_thousand_are_ignored(tmp_path: Path) -> None:
    """Hard case 72."""
    async with (
        new_node(tmp_path, "one", tls=False) as node,
        RawPeer(node.peer_port) as peer,
    ):
        await peer.upgrade()
        unknown = message(encode([77, "from", {"a": "later"}, "version"]))
        await peer.send(unknown * 5_000)
        await peer.send(message(hello()))
        opcode, payload = await peer.next()
        assert (opcode, type(parse_frame(payload))) == (BINARY, Hello)
        assert node.peering.sessions == 1


# Time (threat 10)


@pytest.mark.parametrize("begun", [False, True])
async def test_peer_that_does_not_say_who_it_is_is_cut_after_ten_seconds(
    tmp_path: Path, begun: bool
) -> None:
    """Spec 7.1.3: without HELLO, or with HELLO and no proof; and it need not agree to the end."""
    clock = Leaping()
    async with (
        new_node(tmp_path, "one", tls=False, clock=clock) as node,
        RawPeer(node.peer_port) as peer,
    ):
        await peer.upgrade()
        if begun:
            await peer.send(message(hello()))
        await some_ticks()
        clock.ahead_s += 9
        await some_ticks()
        assert node.peering.sessions == 1
        clock.ahead_s += 1
        assert await bye_of(peer) == "timed-out"
        await some_ticks()
        clock.ahead_s += 5
        await until(lambda: node.peering.sessions == 0)
        assert ends(node, "timed-out") == 1


async def test_peer_gone_without_a_word_is_dropped_after_ninety_seconds(tmp_path: Path) -> None:
    """Spec 7.1.3; and a living one that has nothing to say is kept for as long as it answers."""
    clock = Leaping()
    one, two = new_node(tmp_path, "one", clock=clock), new_node(tmp_path, "two")
    async with one, two, TcpProxy(one.peer_port) as proxy:
        await introduce(one, two, [FSC])
        await redirect(two, one, proxy)
        await until(lambda: [peer.state for peer in one.peering.statuses()] == ["settled"])
        for _ in range(5):
            clock.ahead_s += 25
            await some_ticks()
        assert one.peering.sessions == 1
        assert proxy.passed == [proxy.passed[0]]
        proxy.hold()
        for _ in range(3):
            clock.ahead_s += 29
            await some_ticks()
        assert one.peering.sessions == 1
        clock.ahead_s += 4
        await until(lambda: one.peering.sessions == 0)


async def test_peer_that_reads_nothing_is_dropped_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat 10: what is written for it is bounded by the connection's buffers, and so is time."""
    monkeypatch.setattr(transport, "SEND_STALL_S", 1.0)
    one, two, three = (new_node(tmp_path, name) for name in ("one", "two", "three"))
    async with one, two, three, TcpProxy(one.peer_port, buffer=4_096) as proxy:
        await introduce(one, two, [FSC])
        await introduce(one, three, [FSC])
        await redirect(two, one, proxy)
        await until(lambda: {peer.state for peer in one.peering.statuses()} == {"settled"})
        await until(lambda: root_of(one) == root_of(two) == root_of(three))
        proxy.hold()
        big = [NewRecord(type="x-test/1", parts=(NewPart(0, bytes(60_000)),)) for _ in range(16)]
        for _ in range(12):
            await one.publish(FSC, big)
        await until(lambda: root_of(one) == root_of(three))
        await until(lambda: one.peering.sessions == 1, seconds=10)
        assert one.peering.statuses()[0].org in {two.parts.identity.org, three.parts.identity.org}
        proxy.let_go()
        await until(lambda: root_of(one) == root_of(two))


async def redirect(dialler: Node, target: Node, proxy: TcpProxy) -> None:
    """Lets `dialler` reach `target` through the proxy from now on, its pin unchanged."""
    scheme = endpoint(target).partition(":")[0]
    (peer,) = dialler.parts.roster.peers()
    where = f"{scheme}://127.0.0.1:{proxy.port}"
    dialler.parts.roster.set_peer(Peer(peer.org, where, peer.certificate, peer.since_ms))
    await dialler.peering.cut(peer.org)
    await until(lambda: target.peering.sessions == 0 or len(proxy.passed) > 0)
    await dialler.roster_changed()
    await until(lambda: len(proxy.passed) > 0)


async def test_handshakes_of_many_strangers_leave_no_session_behind(tmp_path: Path) -> None:
    async with new_node(tmp_path, "one", tls=False) as node:
        async with AsyncExitStack() as stack:
            for number in range(60):
                peer = RawPeer(node.peer_port, source=f"127.0.0.{number % 5 + 2}")
                await (await stack.enter_async_context(peer)).upgrade()
                await peer.send(message(hello()))
            assert node.peering.sessions == 60
        await until(lambda: node.peering.sessions == 0)
        assert node.gate.waiting == 0
