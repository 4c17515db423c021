"""Peers that are let in and do wrong, or hold something else: what honest nodes make of it.

Real nodes on real sockets, with logs of a third party put into their stores beforehand.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from contracts.made_logs import OTHER_SCOPE, MadeLog
from hutong_node import driver, peer_status, peering, transport
from hutong_node.node import Node
from hutong_node.store.interface import StoreMethods
from hutong_node.store.sqlite.store import SqliteStore
from hutong_protocol import signatures
from hutong_protocol.exchange import LogRun, RunsBatch
from hutong_protocol.faults import Fault
from hutong_protocol.ids import OrgId
from node.nodes import BASE, FSC, draft, introduce, new_node, reopened, until
from simulation.parties import Party, found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is refused comes back at once: the worst that a peer can do."""
    monkeypatch.setattr(driver, "TICK_S", 0.03)
    monkeypatch.setattr(peering, "BACK_OFF_FIRST_S", 0.002)
    monkeypatch.setattr(peering, "BACK_OFF_MAX_S", 0.004)
    monkeypatch.setattr(transport, "_CLOSE_S", 0.1)


def root_of(node: Node) -> bytes:
    return b"".join(
        entry.root for entry in node.parts.store.run(StoreMethods.scope_roots, [BASE, FSC])
    )


async def let_in(node: Node, *parties: Party) -> None:
    for party in parties:
        node.parts.roster.let_in(party.org, "", 1)
        node.parts.store.run(StoreMethods.store_events, party.org, party.values)
    await node.roster_changed()


def store(node: Node, *runs: LogRun) -> list[Fault | None]:
    source = node.parts.identity.org
    return [
        entry.fault for entry in node.parts.store.run(StoreMethods.store_runs, FSC, runs, source)
    ]


class Counting:
    """Counts how often a signature is verified."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self._verify = signatures.verify
        monkeypatch.setattr(signatures, "verify", self)

    def __call__(self, key: bytes, message: bytes, signature: bytes) -> bool:
        self.calls += 1
        return self._verify(key, message, signature)


class Spoiling:
    """The store of a node that is as it should be, except for the seals of runs that it serves."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.honest = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def call(self, method: Callable[..., Any], *args: Any) -> Any:
        answer = await self._store.call(method, *args)
        if isinstance(answer, RunsBatch) and not self.honest:
            runs = [LogRun(log, [*value[:4], bytes(64)]) for log, value in answer.runs]
            return replace(answer, runs=tuple(runs))
        return answer


def ends(node: Node, fault: str) -> float:
    value = node.metrics.registry.get_sample_value("hutong_session_ends_total", {"fault": fault})
    return value or 0.0


def spoiling_beside_honest(tmp_path: Path) -> tuple[Node, Node, Node]:
    """A node, an honest one, and one whose signatures never verify."""
    one, two, bad = (new_node(tmp_path, name) for name in ("one", "two", "bad"))
    bad = Node(replace(bad.parts, store=cast(SqliteStore, Spoiling(bad.parts.store))))
    return one, two, bad


async def test_peer_whose_signatures_never_verify_stops_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threats 1 and 11: it comes again at once, hundreds of times, and costs one check each."""
    monkeypatch.setattr(peer_status, "FAULTS_MAX", 10_000)
    one, two, bad = spoiling_beside_honest(tmp_path)
    async with one, two, bad:
        await bad.publish(FSC, [draft(number) for number in range(20)])
        await introduce(one, bad, [FSC])
        await introduce(one, two, [FSC])
        began = time.monotonic()
        for _ in range(10):
            await two.publish(FSC, [draft(number) for number in range(100)])
        await until(lambda: root_of(one) == root_of(two))
        await until(lambda: ends(one, Fault.BAD_SIGNATURE.value) >= 20)
        assert time.monotonic() - began < 10
        assert root_of(one) == root_of(two)
        assert one.parts.store.run(StoreMethods.status).records == 1_001


async def test_peer_that_fails_again_and_again_is_shut_out_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat 11: from the third fault on; then once more, until a session settles."""
    monkeypatch.setattr(peer_status, "SHUT_OUT_FIRST_S", 0.3)
    one, two, bad = spoiling_beside_honest(tmp_path)
    async with one, two, bad:
        await bad.publish(FSC, [draft(1)])
        await introduce(one, bad, [FSC])
        await until(lambda: ends(one, Fault.BAD_SIGNATURE.value) == 3)
        await until(lambda: bad.peering.statuses()[0].last_fault == "peer: quota")
        assert ends(one, Fault.BAD_SIGNATURE.value) == 3
        await until(lambda: ends(one, Fault.BAD_SIGNATURE.value) == 4)
        bad.parts.store.honest = True  # type: ignore[attr-defined] # it is a `Spoiling`
        await until(lambda: root_of(one) == root_of(bad), seconds=5)
        await until(lambda: one.peering.statuses()[0].faults == 0)


async def test_record_that_five_peers_bring_is_verified_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hard case 65: as it came first; what is held already needs no signature."""
    rng = Random(65)
    party = found(rng)
    log = MadeLog(party, rng, FSC)
    log.data(20)
    node = new_node(tmp_path, "node")
    async with node:
        await let_in(node, party)
        counting = Counting(monkeypatch)
        for number in range(5):
            (outcome,) = node.parts.store.run(
                StoreMethods.store_runs, FSC, [log.run()], OrgId(bytes([number]) * 32)
            )
            assert (outcome.stored, outcome.fault) == (0 if number else 21, None)
        assert counting.calls == 1


async def test_what_nobody_let_in_wrote_costs_no_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threats 7 and 11: its identity is known here, from another scope, and it is not let in."""
    rng = Random(11)
    stranger, party = found(rng), found(rng)
    node = new_node(tmp_path, "node")
    async with node:
        await let_in(node, party)
        node.parts.store.run(StoreMethods.store_events, stranger.org, stranger.values)
        counting = Counting(monkeypatch)
        assert store(node, MadeLog(stranger, rng, FSC).run()) == [Fault.NOT_ACCEPTED]
        assert counting.calls == 0
        assert store(node, MadeLog(party, rng, OTHER_SCOPE).run()) == [Fault.NOT_ACCEPTED]
        assert node.parts.store.run(StoreMethods.status).records == 0


async def test_both_branches_of_a_fork_are_known_as_such_at_every_node_that_held_one(
    tmp_path: Path,
) -> None:
    """Threat 15, hard case 28: each keeps its branch and the proof, and the session goes on."""
    rng = Random(15)
    party = found(rng)
    log = MadeLog(party, rng, FSC)
    log.data(40)
    branch = log.fork(17)
    log.data(5)
    branch.data(30)
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two:
        for node, held in ((one, log), (two, branch)):
            await let_in(node, party)
            assert store(node, held.run()) == [None]
        await introduce(one, two, [FSC])
        for node in (one, two):
            await until(lambda node=node: node.parts.store.run(StoreMethods.status).forked_logs)  # type: ignore[misc]
            proofs = node.parts.store.run(StoreMethods.fork_proofs)
            assert {proof.log for proof in proofs} == {log.log}
            assert all(proof.seq >= 18 for proof in proofs)
        await one.publish(FSC, [draft(1)])
        await two.publish(FSC, [draft(1)])
        await until(lambda: one.parts.store.run(StoreMethods.status).records == 46 + 4)
        await until(lambda: two.parts.store.run(StoreMethods.status).records == 48 + 4)


async def test_equal_nodes_need_two_round_trips_and_few_bytes_on_a_real_line(
    tmp_path: Path,
) -> None:
    """Hard case 59: 600 bytes and 60 a scope both ways, with 2,000 records in two scopes."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two:
        await introduce(one, two, [FSC])
        for _ in range(10):
            await one.publish(FSC, [draft(number) for number in range(200)])
        await one.publish(BASE, [draft(0)])
        await until(lambda: root_of(one) == root_of(two))
        await two.stop()
        async with reopened(two) as again:
            await until(lambda: [peer.state for peer in again.peering.statuses()] == ["settled"])
            (status,) = again.peering.statuses()
            assert status.settle_round_trips == 2
            assert 0 < status.settle_bytes <= 600 + 2 * 60
