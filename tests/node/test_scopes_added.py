"""Scopes that a node holds from now on are exchanged with the peers that it has already."""

from __future__ import annotations

from pathlib import Path

from hutong_node.node import Node
from hutong_node.store.interface import StoreMethods
from hutong_protocol.exchange import Scope
from node.nodes import FSC, SPACE, draft, introduce, new_node, until

OTHER = Scope(SPACE, "other")


def root_of(node: Node) -> bytes:
    return node.parts.store.run(StoreMethods.scope_roots, [OTHER])[0].root


async def test_scope_added_while_a_session_stands_is_exchanged_without_a_restart(
    tmp_path: Path,
) -> None:
    """The scopes of a session are those of its opening, so the standing one makes way."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two:
        await introduce(one, two, [FSC])
        await one.publish(FSC, [draft(0)])
        await until(lambda: [peer.state for peer in two.peering.statuses()] == ["settled"])
        for node in (one, two):
            node.parts.roster.subscribe([OTHER])
            await node.roster_changed()
        before = root_of(one)
        await one.publish(OTHER, [draft(1)])
        await until(lambda: root_of(one) == root_of(two))
        await until(lambda: [peer.state for peer in one.peering.statuses()] == ["settled"])
        assert root_of(two) == root_of(one) != before


async def test_standing_session_stays_when_the_roster_changed_but_no_scope(tmp_path: Path) -> None:
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two:
        await introduce(one, two, [FSC])
        await until(lambda: [peer.state for peer in two.peering.statuses()] == ["settled"])
        before = [(peer.tries, peer.connected_ms) for peer in two.peering.statuses()]
        two.parts.roster.let_in(new_node(tmp_path, "three").parts.identity.org, "", 1)
        await two.roster_changed()
        await one.publish(FSC, [draft(0)])
        await until(lambda: two.peering.statuses()[0].records_received == 2)
        now = [(peer.tries, peer.connected_ms) for peer in two.peering.statuses()]
        assert now == before
