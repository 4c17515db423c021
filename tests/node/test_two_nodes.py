"""Nodes with real stores on real sockets: join, exchange, go on live, come back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from hutong_node.joining import JoiningRefused
from hutong_node.node import Node
from hutong_node.roster import Peer
from hutong_node.store.interface import StoreMethods
from node.nodes import BASE, FSC, draft, endpoint, introduce, new_node, reopened, until


def root_of(node: Node) -> bytes:
    return b"".join(
        entry.root for entry in node.parts.store.run(StoreMethods.scope_roots, [BASE, FSC])
    )


async def test_joined_nodes_come_to_equal_roots_and_stay_live(tmp_path: Path) -> None:
    """The whole path: invite, join, dial, catch up, then single records as they are written."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two:
        await one.publish(FSC, [draft(number) for number in range(300)])
        await introduce(one, two, [FSC])
        await two.publish(BASE, [draft(1)])
        await until(lambda: root_of(one) == root_of(two))
        assert two.parts.store.run(StoreMethods.status).records == 303
        await until(lambda: [peer.state for peer in two.peering.statuses()] == ["settled"])
        before = root_of(two)
        await one.publish(FSC, [draft(1_000)])
        await until(lambda: root_of(two) != before and root_of(one) == root_of(two))
        await until(lambda: two.peering.statuses()[0].records_received == 302)


async def test_records_reach_a_third_node_through_one_that_wrote_none(tmp_path: Path) -> None:
    """The middle is not trusted: the third checks runs, delegation and chain itself."""
    one, middle, three = (new_node(tmp_path, name) for name in ("one", "middle", "three"))
    async with one, middle, three:
        await introduce(middle, one, [FSC])
        await introduce(middle, three, [FSC])
        three.parts.roster.let_in(one.parts.identity.org, "", 1)
        await three.roster_changed()
        for number in range(50):
            await one.publish(FSC, [draft(number)])
        await until(lambda: root_of(one) == root_of(three) == root_of(middle))
        assert three.parts.store.run(StoreMethods.identity, one.parts.identity.org) is not None


async def test_node_that_was_away_catches_up_after_its_restart(tmp_path: Path) -> None:
    """Hard case 34, too: what a peer is believed to hold is compared, not remembered."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one:
        async with two:
            await introduce(one, two, [FSC])
            await one.publish(FSC, [draft(0)])
            await until(lambda: root_of(one) == root_of(two))
        await one.publish(FSC, [draft(number) for number in range(1, 500)])
        async with reopened(two) as again:
            await until(lambda: root_of(one) == root_of(again))
            assert again.parts.store.run(StoreMethods.status).records == 501


async def test_invite_works_once_and_another_certificate_is_refused(tmp_path: Path) -> None:
    one, two, three = (new_node(tmp_path, name) for name in ("one", "two", "three"))
    async with one, two, three:
        one.parts.roster.subscribe([FSC])
        text = one.desk.make_invite([FSC], endpoint(one), one.clock.now_ms() + 60_000)
        await two.desk.join(text)
        with pytest.raises(JoiningRefused, match="not-accepted"):
            await three.desk.join(text)
        # A node in the middle has its own certificate: the pin does not fit.
        pinned = two.parts.roster.peers()[0]
        two.parts.roster.set_peer(replace(pinned, certificate=bytes(32)))
        await two.roster_changed()
        await until(lambda: "certificate" in (two.peering.statuses()[0].last_reason or ""))


async def test_stranger_gets_no_session_and_learns_no_scope(tmp_path: Path) -> None:
    one, stranger = new_node(tmp_path, "one"), new_node(tmp_path, "stranger")
    async with one, stranger:
        await one.publish(FSC, [draft(0)])
        certificate = one.parts.certificate
        stranger.parts.roster.set_peer(Peer(one.parts.identity.org, endpoint(one), certificate, 1))
        stranger.parts.roster.let_in(one.parts.identity.org, "", 1)
        stranger.parts.roster.subscribe([FSC])
        await stranger.roster_changed()
        await until(lambda: stranger.peering.statuses()[0].last_fault == "peer: not-accepted")
        assert stranger.parts.store.run(StoreMethods.status).records == 0


async def test_writes_on_both_sides_during_catch_up_converge(tmp_path: Path) -> None:
    """Hard case 60, with real stores and sockets."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two:
        await one.publish(FSC, [draft(number) for number in range(1_000)])
        await introduce(one, two, [FSC])

        async def write(node: Node) -> None:
            for number in range(100):
                await node.publish(FSC, [draft(number)])

        await asyncio.gather(write(one), write(two))
        await until(lambda: root_of(one) == root_of(two))
        assert one.parts.store.run(StoreMethods.status).records == 1_202


async def test_lost_connection_ends_a_session_as_such_and_is_dialled_again(tmp_path: Path) -> None:
    """A connection cut under a live session reaches the dialler as `ConnectionLost`, not in a
    group of exceptions: that once ended the dialling of this peer for good."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two:
        await introduce(one, two, [FSC])
        await until(lambda: root_of(one) == root_of(two))
        await until(lambda: two.peering.statuses()[0].connected_ms is not None)
        tries = two.peering.statuses()[0].tries
        await two.peering.cut(one.parts.identity.org)
        await until(lambda: two.peering.statuses()[0].tries > tries)
        await one.publish(FSC, [draft(1)])
        await until(lambda: root_of(one) == root_of(two))
        assert two.parts.store.run(StoreMethods.status).records == 2
