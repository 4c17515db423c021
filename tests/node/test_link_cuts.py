"""Links that break: at any byte, silently, or because both sides made one. Real nodes and sockets.

Whatever was cut, what one side had stored is there, is sent once more at most, and counts once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from hutong_node import driver, peering, transport
from hutong_node.node import Node
from hutong_node.peer_status import PeerStatus
from hutong_node.roster import Peer
from hutong_node.store.interface import NewPart, NewRecord, StoreMethods
from hutong_node.store.sqlite.store import SqliteStore
from hutong_protocol.exchange import LocalChange, Scope
from node.nodes import BASE, FSC, draft, endpoint, new_node, until
from node.proxy import TcpProxy


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comes back at once after a cut, and does not wait for goodbyes that cannot come."""
    monkeypatch.setattr(driver, "TICK_S", 0.03)
    monkeypatch.setattr(peering, "BACK_OFF_FIRST_S", 0.002)
    monkeypatch.setattr(peering, "BACK_OFF_MAX_S", 0.01)
    monkeypatch.setattr(driver, "LEAVE_S", 0.2)
    monkeypatch.setattr(transport, "_CLOSE_S", 0.1)


def root_of(node: Node) -> bytes:
    return b"".join(
        entry.root for entry in node.parts.store.run(StoreMethods.scope_roots, [BASE, FSC])
    )


def status_of(node: Node) -> PeerStatus:
    """How the node sees its one peer; a blank status before it has met any."""
    return next(iter(node.peering.statuses()), PeerStatus(node.parts.identity.org, None))


def records_of(node: Node) -> int:
    return node.parts.store.run(StoreMethods.status).records


async def acquainted(one: Node, two: Node, scopes: Sequence[Scope] = (FSC,)) -> None:
    """Lets each in at the other, with its identity held; nobody is dialled yet."""
    for node, other in ((one, two), (two, one)):
        org = other.parts.identity.org
        node.parts.roster.let_in(org, "", 1)
        node.parts.roster.subscribe(list(scopes))
        node.parts.store.run(StoreMethods.store_events, org, other.parts.identity.events)
        await node.roster_changed()


async def dial(dialler: Node, target: Node, port: int | None = None) -> None:
    """Makes `dialler` reach `target`, at a proxy's port if one is given."""
    where = endpoint(target).replace(str(target.peer_port), str(port or target.peer_port))
    peer = Peer(target.parts.identity.org, where, target.parts.certificate, 1)
    dialler.parts.roster.set_peer(peer)
    await dialler.roster_changed()


async def cut_at(root: Path, offsets: Sequence[int], *, tls: bool) -> list[int]:
    """Exchanges three records over a connection that is cut, for every offset, and checks it all.

    Before each connection either side writes one record, so that there is something to send both
    ways. Returns the bytes of each connection.
    """
    one, two = new_node(root, "one", tls=tls), new_node(root, "two", tls=tls)
    async with one, two, TcpProxy(one.peer_port, offsets=offsets) as proxy:
        await acquainted(one, two)
        # Counting what is received shows repeated work; that it does no harm, the stores show.
        await one.publish(FSC, [draft(0)])
        for number, _ in enumerate(offsets):
            await one.publish(FSC, [draft(number)])
            await two.publish(FSC, [draft(number)])
            if number == 0:
                await dial(two, one, proxy.port)
            await until(lambda number=number: len(proxy.passed) > number)  # type: ignore[misc]
            await until(
                lambda number=number: (  # type: ignore[misc]
                    proxy.cuts + proxy.spared > number or root_of(one) == root_of(two)
                )
            )
            proxy.spare(number)
        await one.publish(FSC, [draft(-1)])
        await until(lambda: root_of(one) == root_of(two))
        count = 2 + 2 * len(offsets) + 2
        assert (records_of(one), records_of(two)) == (count, count)
        assert status_of(two).records_received <= count
        for node in (one, two):
            assert node.metrics.registry.get_sample_value(
                "hutong_session_ends_total", {"fault": "internal"}
            ) in (None, 0.0)
        return proxy.passed


@pytest.mark.parametrize("tls", [True, False])
async def test_session_cut_at_any_byte_goes_on_where_it_was(tmp_path: Path, tls: bool) -> None:
    """Threat 33: 30 places in one session, with a new record on each side before each of them."""
    whole = (await cut_at(tmp_path / "whole", [1_000_000], tls=tls))[0]
    dice = random.Random(33)
    places = sorted(dice.sample(range(1, whole), 30), key=lambda _: dice.random())
    passed = await cut_at(tmp_path / "cut", places, tls=tls)
    assert sum(a == b for a, b in zip(passed, places, strict=False)) > 20


@pytest.mark.slow
async def test_session_cut_at_every_byte_goes_on_where_it_was(tmp_path: Path) -> None:
    """Threat 33, all k of a session that carries three records."""
    whole = (await cut_at(tmp_path / "whole", [1_000_000], tls=False))[0]
    await cut_at(tmp_path / "cut", range(1, whole), tls=False)


async def test_big_catch_up_cut_again_and_again_makes_progress_each_time(tmp_path: Path) -> None:
    """Threat 33: what was stored before a cut is not sent again after it.

    10 MB in frames of up to 1 MiB, over connections that carry 3 MB each.
    """
    one, two = new_node(tmp_path, "one", tls=False), new_node(tmp_path, "two", tls=False)
    async with one, two, TcpProxy(one.peer_port, offsets=[3_000_000] * 40) as proxy:
        await acquainted(one, two)
        big = [NewRecord(type="x-test/1", parts=(NewPart(0, bytes(60_000)),))] * 16
        for _ in range(10):
            await one.publish(FSC, big)
        await dial(two, one, proxy.port)
        await until(lambda: root_of(one) == root_of(two))
        assert 3 <= proxy.cuts <= 12
        assert sum(proxy.passed) < 2.5 * 10_000_000
        assert records_of(two) == 161
        assert status_of(two).records_received == 161


class SlowToAnswer:
    """The store of a node that answers late, when runs have been stored for some time."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.stored = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def call(self, method: Callable[..., Any], *args: Any) -> Any:
        answer = await self._store.call(method, *args)
        if method is StoreMethods.store_runs:
            self.stored.set()
            await asyncio.sleep(0.2)
        return answer


@pytest.mark.parametrize("broken", [True, False])
async def test_records_stored_while_their_session_ends_are_told_all_the_same(
    tmp_path: Path, broken: bool
) -> None:
    """Otherwise the index and other peers would not hear of them before something else comes."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    slow = SlowToAnswer(two.parts.store)
    two = Node(replace(two.parts, store=cast(SqliteStore, slow)))
    heard: list[LocalChange] = []
    two.listeners.append(heard.extend)
    async with one, two, TcpProxy(one.peer_port) as proxy:
        await acquainted(one, two)
        await one.publish(FSC, [draft(1), draft(2)])
        await dial(two, one, proxy.port)
        await slow.stored.wait()
        if broken:
            proxy.drop()
        else:
            two.peering.forget(one.parts.identity.org)
        await until(lambda: heard != [])
        assert [change.head.seq for change in heard] == [2]


async def test_nodes_that_dial_each_other_keep_one_session(tmp_path: Path) -> None:
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two:
        await acquainted(one, two)
        await asyncio.gather(dial(one, two), dial(two, one))
        await until(lambda: status_of(one).state == status_of(two).state == "settled")
        await until(lambda: one.peering.sessions == two.peering.sessions == 1)
        tries = status_of(one).tries + status_of(two).tries
        await one.publish(FSC, [draft(1)])
        await until(lambda: root_of(one) == root_of(two))
        await asyncio.sleep(0.3)
        assert one.peering.sessions == two.peering.sessions == 1
        assert status_of(one).tries + status_of(two).tries == tries


async def test_state_of_a_peer_is_that_of_the_session_which_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dial of our own that comes to nothing meanwhile does not make it look lost."""
    monkeypatch.setattr(transport, "CONNECT_S", 60.0)
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    held: list[asyncio.StreamWriter] = []
    async with one, two:
        mute = await asyncio.start_server(lambda _reader, writer: held.append(writer), "127.0.0.1")
        async with mute:
            await acquainted(one, two)
            await dial(two, one, mute.sockets[0].getsockname()[1])
            await until(lambda: held != [])
            await dial(one, two)
            await until(lambda: status_of(two).state == "settled")
            held[0].transport.abort()
            await until(lambda: status_of(two).last_reason is not None)
        assert status_of(two).state == "settled"
        await asyncio.sleep(0.1)
        assert (status_of(two).state, status_of(two).tries) == ("settled", 1)


async def test_peer_that_comes_back_takes_the_place_of_its_dead_session(tmp_path: Path) -> None:
    """The old connection broke at the peer's side only; nobody waits for it to be found silent."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two, TcpProxy(one.peer_port) as proxy:
        await acquainted(one, two)
        await dial(two, one, proxy.port)
        await until(lambda: status_of(one).state == "settled")
        proxy.hold()
        await dial(two, one)
        await two.peering.cut(one.parts.identity.org)
        await until(lambda: status_of(two).state == "settled")
        await one.publish(FSC, [draft(1)])
        await until(lambda: root_of(one) == root_of(two), seconds=5)
        await until(lambda: one.peering.sessions == 1)
        assert status_of(one).state == "settled"


async def test_stopped_node_says_goodbye_to_whom_it_dialled(tmp_path: Path) -> None:
    """The other side sees a session that ended, not one that broke."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one:
        async with two:
            await acquainted(one, two)
            await dial(two, one)
            await until(lambda: status_of(one).state == "settled")
            with capture_logs() as lines:
                await two.stop()
                await until(lambda: one.peering.sessions == 0)
        assert [line["event"] for line in lines] == []


async def test_peer_forgotten_and_made_again_is_dialled_again(tmp_path: Path) -> None:
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two:
        await acquainted(one, two)
        await dial(two, one)
        await until(lambda: status_of(two).state == "settled")
        org = one.parts.identity.org
        two.parts.roster.drop_peer(org)
        await two.peering.cut(org)
        await until(lambda: two.peering.sessions == 0)
        await asyncio.sleep(0.1)
        await dial(two, one)
        await until(lambda: status_of(two).state == "settled")
        assert two.peering.sessions == 1


async def test_many_peers_at_once_meet_in_one_node(tmp_path: Path) -> None:
    """Eight nodes that dial one at the same moment, each with something new, end equal."""
    hub = new_node(tmp_path, "hub")
    async with hub, AsyncExitStack() as stack:
        others = []
        for number in range(8):
            other = await stack.enter_async_context(new_node(tmp_path, f"n{number}"))
            await acquainted(hub, other)
            others.append(other)
        for node in others:
            for other in others:
                node.parts.roster.let_in(other.parts.identity.org, "", 1)
            await node.roster_changed()
            await node.publish(FSC, [draft(1), draft(2)])
        await asyncio.gather(*(dial(node, hub) for node in others))
        await until(lambda: {root_of(node) for node in others} == {root_of(hub)})
        assert records_of(hub) == 8 * 3
