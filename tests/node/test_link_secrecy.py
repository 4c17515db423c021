"""What somebody on the line between two nodes reads, and what he can do there.

A recording proxy sees the bytes as they travel; a relay speaks the transport to both sides and has
the frames themselves, as whoever terminates the connection in the middle would.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from hutong_node import transport
from hutong_node.certificate import make_certificate
from hutong_node.joining import JoiningRefused
from hutong_node.node import Node
from hutong_node.roster import Peer
from hutong_node.store.interface import NewPart, NewRecord, StoreMethods
from hutong_node.transport import SESSION_PATH, ConnectionLost, connect, post_join, server_context
from hutong_protocol.encoding import encode
from hutong_protocol.frame_forms import encode_frame, parse_frame
from hutong_protocol.frames import Auth, Bye, Hello
from node.nodes import FSC, draft, endpoint, new_node, until
from node.proxy import FrameRelay, TcpProxy
from node.raw_peer import BINARY, RawPeer, message

SECRET = "需要棉被三百床，请联系村委会"


def root_of(node: Node) -> bytes:
    (entry,) = node.parts.store.run(StoreMethods.scope_roots, [FSC])
    return entry.root


def reach(dialler: Node, where: str, certificate: bytes | None) -> None:
    """Gives the one peer of `dialler` another address and pin."""
    (peer,) = dialler.parts.roster.peers()
    dialler.parts.roster.set_peer(replace(peer, endpoint=where, certificate=certificate))


async def friends(one: Node, two: Node) -> None:
    """Lets both in at each other; nobody is dialled yet."""
    for node, other in ((one, two), (two, one)):
        org = other.parts.identity.org
        node.parts.roster.let_in(org, "", 1)
        node.parts.store.run(StoreMethods.store_events, org, other.parts.identity.events)
    await one.roster_changed()


def last_of(node: Node) -> str:
    (status,) = node.peering.statuses()
    return f"{status.last_fault} {status.last_reason}"


@pytest.mark.parametrize("tls", [True, False])
async def test_text_of_a_record_is_on_the_line_only_without_tls(tmp_path: Path, tls: bool) -> None:
    """Threat 32; without TLS, on loopback, the same search does find the text."""
    one, two = new_node(tmp_path, "one", tls=tls), new_node(tmp_path, "two", tls=tls)
    async with one, two, TcpProxy(one.peer_port, keep=True) as proxy:
        await friends(one, two)
        record = NewRecord("x-test/1", parts=(NewPart(1, encode({"text": SECRET})),))
        await one.publish(FSC, [record])
        where = endpoint(one).replace(str(one.peer_port), str(proxy.port))
        peer = Peer(one.parts.identity.org, where, one.parts.certificate, 1)
        two.parts.roster.set_peer(peer)
        await two.roster_changed()
        await until(lambda: root_of(one) == root_of(two))
        record_id = (await one.publish(FSC, [record])).records[0]
        await until(lambda: root_of(one) == root_of(two))
        for plain in (
            SECRET.encode(),
            one.parts.identity.org,
            record_id,
            b"xian-2021",
            b"x-test/1",
        ):
            assert (plain in proxy.captured) is not tls, plain


@pytest.mark.parametrize(
    "where", ["ws://192.0.2.1:8640", "ws://example.org", "ws://[2001:db8::1]:1", "ws://127.0.0.1.x"]
)
async def test_plain_connection_beyond_loopback_is_refused_before_it_is_made(where: str) -> None:
    """Threat 32."""
    with pytest.raises(ConnectionLost, match="loopback"):
        await connect(where, None)
    with pytest.raises(ConnectionLost, match="loopback"):
        await post_join(where, None, b"")


async def test_connection_with_tls_and_no_pin_is_refused_before_it_is_made() -> None:
    with pytest.raises(ConnectionLost, match="pinned"):
        await connect("wss://127.0.0.1:1", None)


async def test_other_certificate_than_the_pinned_one_is_refused_by_dialler_and_joiner(
    tmp_path: Path,
) -> None:
    """Threat 32: a self-signed certificate is as good as its pin."""
    async with new_node(tmp_path, "one") as one:
        with pytest.raises(ConnectionLost, match="certificate"):
            await connect(endpoint(one), bytes(32))
        with pytest.raises(ConnectionLost, match="certificate"):
            await post_join(endpoint(one), bytes(32), b"\x90")
        channel = await connect(endpoint(one), one.parts.certificate)
        assert channel.certificate == one.parts.certificate
        await channel.close()


async def test_relay_with_its_own_certificate_is_found_out_even_where_its_pin_is_held(
    tmp_path: Path,
) -> None:
    """Threat 5, cross-peer relay: the certificate that each side sees is in what it signs.

    Whoever got his own certificate pinned, by a forged invite or a mistake, still can't stand
    between two nodes and pass their frames on.
    """
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    files = (tmp_path / "middle.pem", tmp_path / "middle.key")
    pin = make_certificate(*files)
    async with one, two, FrameRelay(endpoint(one), server_context(*files)) as relay:
        await friends(one, two)
        await one.publish(FSC, [draft(1)])
        where = f"wss://127.0.0.1:{relay.port}"
        two.parts.roster.set_peer(Peer(one.parts.identity.org, where, pin, 1))
        await two.roster_changed()
        await until(lambda: "handshake-failed" in last_of(two))
        seen = [type(parse_frame(frame)) for _, frame in relay.seen]
        assert seen[:3] == [Hello, Hello, Auth]
        assert set(seen) <= {Hello, Auth, Bye}
        assert two.parts.store.run(StoreMethods.status).records == 0
        # The same two nodes, without anybody in between.
        reach(two, endpoint(one), one.parts.certificate)
        await two.roster_changed()
        await until(lambda: root_of(one) == root_of(two))


async def test_recorded_proof_of_another_session_is_refused(tmp_path: Path) -> None:
    """Threat 5, replay: the frames of an honest initiator, recorded and said again."""
    one, two = new_node(tmp_path, "one", tls=False), new_node(tmp_path, "two", tls=False)
    async with one, two, FrameRelay(endpoint(one)) as relay:
        await friends(one, two)
        await one.publish(FSC, [draft(1)])
        where = f"ws://127.0.0.1:{relay.port}"
        two.parts.roster.set_peer(Peer(one.parts.identity.org, where, None, 1))
        await two.roster_changed()
        await until(lambda: root_of(one) == root_of(two))
        recorded = relay.frames(initiator=True)[:3]
        assert [type(parse_frame(frame)) for frame in recorded[:2]] == [Hello, Auth]
        answered = await said(one, recorded)
        assert [type(frame) for frame in answered] == [Hello, Auth, Bye]
        assert answered[-1] == Bye("handshake-failed", "AUTH does not verify")


async def test_own_frames_sent_back_are_refused(tmp_path: Path) -> None:
    """Threat 5, reflection: with the role as it was, and with the other role."""
    one, two = new_node(tmp_path, "one", tls=False), new_node(tmp_path, "two", tls=False)
    async with one, two:
        await friends(one, two)
        async with RawPeer(one.peer_port) as peer:
            await peer.upgrade()
            await peer.send(message(encode_frame(a_hello(one, bytes(32)))))
            own = parse_frame((await peer.next())[1])
            proof = (await peer.next())[1]
        assert isinstance(own, Hello)
        assert (await said(one, [encode_frame(own)]))[-1] == Bye(
            "handshake-failed", "own role or nonce came back"
        )
        turned = encode_frame(replace(own, role=0))
        assert [type(frame) for frame in await said(one, [turned, proof])] == [Hello, Auth, Bye]


async def test_tampered_offers_of_a_relayed_handshake_are_refused(tmp_path: Path) -> None:
    """Threat 6: a feature taken out of a HELLO on its way is in no transcript of its sender."""
    one, two = new_node(tmp_path, "one", tls=False), new_node(tmp_path, "two", tls=False)
    async with one, two, Downgrading(endpoint(one)) as relay:
        await friends(one, two)
        where = f"ws://127.0.0.1:{relay.port}"
        two.parts.roster.set_peer(Peer(one.parts.identity.org, where, None, 1))
        await two.roster_changed()
        await until(lambda: "handshake-failed" in last_of(two))
        assert relay.turned > 0


class Downgrading(FrameRelay):
    """A relay that takes the features out of every HELLO."""

    turned = 0

    def change(self, frame: bytes) -> bytes:
        parsed = parse_frame(frame)
        if isinstance(parsed, Hello) and parsed.features:
            self.turned += 1
            return encode_frame(replace(parsed, features=()))
        return frame


def a_hello(node: Node, nonce: bytes) -> Hello:
    """A HELLO in the name of the node's own organisation, by somebody without its key."""
    identity = node.parts.identity
    return Hello((1,), ("live",), 0, nonce, identity.org, identity.delegation, 2_097_152, 8)


async def said(node: Node, frames: list[bytes]) -> list[object]:
    """What a node answers to these frames on a new connection, up to its BYE."""
    answers: list[object] = []
    async with asyncio.timeout(10), RawPeer(node.peer_port) as peer:
        await peer.upgrade()
        for frame in frames:
            await peer.send(message(frame))
        while not answers or not isinstance(answers[-1], Bye):
            opcode, payload = await peer.next()
            if opcode == BINARY:
                answers.append(parse_frame(payload))
    return answers


# Servers that are no nodes


@asynccontextmanager
async def server(
    context: ssl.SSLContext | None = None,
    *,
    status: int = 200,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> AsyncIterator[int]:
    """A web server that answers every request with the same; its port."""

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=headers)

    application = web.Application()
    application.router.add_route("*", "/{anything:.*}", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_peer_that_speaks_no_tls_13_is_refused(tmp_path: Path) -> None:
    """Spec 7.1.2."""
    files = (tmp_path / "old.pem", tmp_path / "old.key")
    pin = make_certificate(*files)
    context = server_context(*files)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with FrameRelay("ws://127.0.0.1:1", context) as relay:
        with pytest.raises(ConnectionLost, match=r"TLS 1\.3"):
            await connect(f"wss://127.0.0.1:{relay.port}", pin)


async def test_redirect_is_followed_by_neither_dialler_nor_joiner(tmp_path: Path) -> None:
    """A pin belongs to one endpoint; a peer must not send us to a service inside our network."""
    files = (tmp_path / "other.pem", tmp_path / "other.key")
    pin = make_certificate(*files)
    async with FrameRelay("ws://127.0.0.1:1") as inside:
        away = {"Location": f"http://127.0.0.1:{inside.port}{SESSION_PATH}"}
        async with server(server_context(*files), status=307, headers=away) as port:
            with pytest.raises(ConnectionLost):
                await connect(f"wss://127.0.0.1:{port}", pin)
            status, _ = await post_join(f"wss://127.0.0.1:{port}", pin, b"\x90")
            assert status == 307
        assert inside.met == 0


async def test_answer_to_a_join_is_read_up_to_its_limit(tmp_path: Path) -> None:
    async with server(body=bytes(300_000)) as port:
        with pytest.raises(ConnectionLost, match="262,144"):
            await post_join(f"ws://127.0.0.1:{port}", None, b"\x90")


async def test_peer_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "CONNECT_S", 0.2)
    async with TcpProxy(1) as nowhere, new_node(tmp_path, "one") as one:
        async with TcpProxy(one.peer_port) as held:
            held.hold()
            with pytest.raises(ConnectionLost, match="TimeoutError"):
                await connect(f"wss://127.0.0.1:{held.port}", one.parts.certificate)
        with pytest.raises(ConnectionLost, match="can't be reached"):
            await connect(f"wss://127.0.0.1:{nowhere.port}", one.parts.certificate)


# Joining


async def test_stranger_can_make_a_node_check_no_events_without_an_invite(tmp_path: Path) -> None:
    """Threat 11: the invite is looked at before the signatures of what came with it."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two:
        text = one.desk.make_invite([FSC], endpoint(one), one.clock.now_ms() - 1)
        with pytest.raises(JoiningRefused, match="expired"):
            await two.desk.join(text)
        two.desk._clock = Yesterday()  # its clock is wrong, so that it asks
        with pytest.raises(JoiningRefused, match="not-accepted"):
            await two.desk.join(text)
        assert one.parts.roster.organisations() == []


class Yesterday:
    def now_ms(self) -> int:
        return 0

    def monotonic_s(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    "body", [encode([1, 2]), encode([[b"", []]]), encode([]), encode({}), b"\xc1", b""]
)
async def test_inviter_that_answers_with_odd_events_is_refused_in_words(
    tmp_path: Path, body: bytes
) -> None:
    """What a peer sends surfaces as a refusal, not as an exception of the core."""
    one, two = new_node(tmp_path, "one", tls=False), new_node(tmp_path, "two")
    async with one, two, server(body=body) as port:
        where = f"ws://127.0.0.1:{port}"
        text = one.desk.make_invite([FSC], where, one.clock.now_ms() + 60_000)
        with pytest.raises(JoiningRefused):
            await two.desk.join(text)
        assert two.parts.roster.peers() == []


def test_pin_is_the_digest_of_what_the_connection_shows(tmp_path: Path) -> None:
    """Spec 7.1.2: over the DER form, which is what the TLS library gives."""
    files = (tmp_path / "a.pem", tmp_path / "a.key")
    pin = make_certificate(*files)
    der = ssl.PEM_cert_to_DER_cert(files[0].read_text(encoding="ascii"))
    assert hashlib.sha256(der).digest() == pin
