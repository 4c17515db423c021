"""The driver of a session, on a connection and a store that do what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from hutong_node import driver
from hutong_node.clock import SystemClock
from hutong_node.driver import SessionDriver
from hutong_node.store.errors import StoreClosed
from hutong_node.store.interface import NodeStore
from hutong_node.transport import ConnectionLost
from hutong_protocol.encoding import encode
from hutong_protocol.exchange import PeerGrant
from hutong_protocol.faults import Fault
from hutong_protocol.frame_forms import encode_frame, parse_frame
from hutong_protocol.frames import Bye, Hello
from hutong_protocol.handshake import OwnIdentity
from hutong_protocol.ids import EventId, OrgId, WriterKey
from hutong_protocol.limits import FRAME_BYTES_MAX
from hutong_protocol.session import SyncSession
from hutong_protocol.session_events import CheckPeer, Failed, News
from hutong_protocol.session_states import Role
from hutong_protocol.signatures import public_key
from node.nodes import until

KEY = WriterKey(public_key(bytes(32)))
NOISE = encode([77, "of a later version"])


def hello(nonce: bytes = bytes(32)) -> bytes:
    org, delegation = OrgId(bytes(32)), EventId(bytes(32))
    return encode_frame(Hello((1,), (), 0, nonce, org, delegation, FRAME_BYTES_MAX, 8))


class Scripted:
    """A channel on which these frames come, and then nothing."""

    certificate = None
    heard = 0

    def __init__(self, frames: Sequence[bytes]) -> None:
        self.frames = list(frames)
        self.sent: list[bytes] = []
        self.pings = 0
        self.closed = False

    async def send(self, frame: bytes) -> None:
        self.sent.append(frame)
        await asyncio.sleep(0)

    async def receive(self) -> bytes | None:
        if not self.frames:
            await asyncio.Event().wait()
        self.heard += 1
        return self.frames.pop(0)

    async def ping(self) -> None:
        self.pings += 1

    async def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


class Stuck(Scripted):
    """A channel that takes nothing until it is released."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        super().__init__(frames)
        self.released = asyncio.Event()

    async def send(self, frame: bytes) -> None:
        await self.released.wait()


class Watched:
    """What a driver asks for besides frames: a grant after some time, and nothing of a store."""

    def __init__(self, answer: Exception | None = None, *, seconds: float = 0) -> None:
        self.news: list[News] = []
        self._answer = answer
        self._seconds = seconds

    async def grant(self, request: CheckPeer) -> PeerGrant:
        await asyncio.sleep(self._seconds)
        if self._answer is not None:
            raise self._answer
        return PeerGrant(writer=KEY, fault=Fault.NOT_ACCEPTED)


class NoStore:
    """No question to a store comes before the peer is let in."""

    call = None


def driven(channel: Scripted, watched: Watched) -> SessionDriver:
    own = OwnIdentity(
        org=OrgId(b"\1" * 32),
        delegation=EventId(b"\1" * 32),
        writer=KEY,
        sign=lambda _: bytes(64),
    )

    async def keep(_: object) -> None:
        raise AssertionError

    return SessionDriver(
        SyncSession(Role.RESPONDER, own, b"\1" * 32, certificate=None),
        channel,
        cast(NodeStore, NoStore()),
        clock=SystemClock(),
        grant_of=watched.grant,
        tell=watched.news.append,
        stored=lambda _: None,
        keep_cursors=keep,
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "TICK_S", 0.01)


async def test_frames_after_a_goodbye_hold_nothing_back() -> None:
    """Threat 10: the answer to a question from before BYE needs no room among frames after it.

    When it needed some, a stranger kept a session for ever with one HELLO and one BYE.
    """
    channel = Scripted([hello(), encode_frame(Bye("", "")), *[NOISE] * 500])
    async with asyncio.timeout(5):
        finished = await driven(channel, Watched(seconds=0.2)).run()
    assert finished.interrupted
    assert channel.closed
    assert len(channel.frames) > 400


async def test_frames_are_taken_no_faster_than_they_are_handled() -> None:
    """Threat 8: what waits of a peer's frames is bounded, whatever it sends."""
    channel = Stuck([hello(), *[NOISE] * 500])
    running = asyncio.create_task(driven(channel, Watched()).run())
    await asyncio.sleep(0.1)
    assert len(channel.frames) >= 490
    channel.released.set()
    await until(lambda: not channel.frames)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert channel.closed


async def test_goodbye_that_nobody_answers_ends_the_session_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Spec 7.9.4 waits for the peer's BYE or the end of the connection; this one sends neither."""
    monkeypatch.setattr(driver, "LEAVE_S", 0.1)
    channel, watched = Scripted([b"\xc1"]), Watched()
    async with asyncio.timeout(5):
        await driven(channel, watched).run()
    assert channel.closed
    assert [parse_frame(frame) for frame in channel.sent] == [
        Bye("bad-frame", parse_frame(channel.sent[0]).text)  # type: ignore[union-attr]
    ]
    assert any(isinstance(news, Failed) for news in watched.news)


async def test_silent_peer_is_asked_for_a_sign_of_life_and_dropped_without_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(driver, "KEEP_ALIVE_S", 0.05)
    monkeypatch.setattr(driver, "SILENT_S", 0.3)
    channel = Scripted([])
    with pytest.raises(ConnectionLost, match="silent"):
        await driven(channel, Watched()).run()
    assert 3 <= channel.pings <= 7
    assert channel.closed


async def test_failing_store_ends_the_session_as_what_it_is() -> None:
    """The exception of a task is not hidden in a group, which nobody expects."""
    channel = Scripted([hello()])
    with pytest.raises(StoreClosed):
        await driven(channel, Watched(StoreClosed("closed"))).run()
    assert channel.closed


async def test_stop_says_goodbye_even_when_much_waits() -> None:
    channel = Scripted([hello(), *[NOISE] * 500])
    subject = driven(channel, Watched(seconds=1))
    for _ in range(200):
        subject.local_change([], eager=True)
    subject.stop()
    running = asyncio.create_task(subject.run())
    await asyncio.sleep(0.1)
    assert Bye("", "") in [parse_frame(frame) for frame in channel.sent]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
