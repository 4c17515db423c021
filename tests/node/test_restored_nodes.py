"""Nodes with a store put back from an older copy: they take erasures before they give or show."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any, cast

import pytest

from contracts.made_logs import SCOPE
from hutong_node import driver, restoring
from hutong_node.api_models import DraftItem, PublishRequest
from hutong_node.clock import SystemClock
from hutong_node.indexing import ThingFilter
from hutong_node.intake import Intake
from hutong_node.marker import Mismatch
from hutong_node.node import Node, open_parts
from hutong_node.publishing import PublishingRefused
from hutong_node.refusals import Code, Refused
from hutong_node.restoring import WAIT_MAX_S, WAIT_S, Restoring
from hutong_node.roster import Peer, Roster
from hutong_node.service import NodeService
from hutong_node.store.interface import NewErase, NewPart, NewRecord, PartState, StoreMethods
from hutong_node.store.sqlite.store import SqliteStore
from hutong_protocol.exchange import PartWant, RunWant
from hutong_protocol.ids import OrgId, RecordId
from node.local_nodes import need_facts
from node.nodes import BASE, FSC, SPACE, draft, introduce, new_node, until
from node.publishing_steps import publish, serve
from node.sqlite_stores import opened
from simulation.parties import found

ONE, TWO = OrgId(b"\1" * 32), OrgId(b"\2" * 32)
TEXT = b"\x81\xa5title\xaa13800138000"


# The store


def test_store_that_was_put_back_gives_nothing_until_it_has_caught_up(tmp_path: Path) -> None:
    """Spec 5.1.6: neither records nor parts, also after a restart; identity events all the same."""
    party = found(random.Random(1))
    with opened(tmp_path, party) as store:
        first = publish(store)
        serve(store, first)
        assert store.store.restored is None
    (tmp_path / "restore-marker").unlink()
    for expected in (Mismatch.MARKER_MISSING, None):
        with opened(tmp_path, party) as store:
            assert store.store.mismatch is expected
            assert store.store.restored is Mismatch.MARKER_MISSING
            assert store.read_runs(SCOPE, [RunWant(first.log, 0)], 2**21).runs == ()
            wants = [PartWant(first.records[0], 1)]
            assert store.read_parts(SCOPE, wants, 2**21).items == ()
            assert store.events(party.org, (), (), 2**20).events != ()
            assert store.scope_roots([SCOPE])[0].root != bytes(32)
    with opened(tmp_path, party) as store:
        asyncio.run(store.store.caught_up())
        assert store.store.restored is None
        serve(store, first)
    with opened(tmp_path, party) as store:
        assert store.store.restored is None
        serve(store, first)


# What is waited for


class Hands(SystemClock):
    """A monotonic clock that a test moves."""

    seconds = 0.0

    def monotonic_s(self) -> float:
        return self.seconds


class PutBack:
    """A store that was put back, as far as waiting goes."""

    restored: Mismatch | None = Mismatch.STORE_BEHIND

    async def caught_up(self) -> None:
        self.restored = None


def waiting(tmp_path: Path, *peers: OrgId) -> tuple[Restoring, PutBack, Hands, Roster]:
    roster = Roster(tmp_path / "node.db")
    for org in peers:
        roster.set_peer(Peer(org, "wss://there.example", bytes(32), 1))
    store, clock = PutBack(), Hands()
    return Restoring(cast(SqliteStore, store), roster, clock), store, clock, roster


async def started(waits: Restoring) -> tuple[asyncio.Task[None], list[bool]]:
    told: list[bool] = []
    task = asyncio.create_task(waits.run(lambda: told.append(True)))
    await asyncio.sleep(0)
    return task, told


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "_LOOK_S", 0.01)
    monkeypatch.setattr(driver, "TICK_S", 0.05)


async def test_all_peers_are_waited_for_and_no_longer(tmp_path: Path) -> None:
    waits, store, _, _ = waiting(tmp_path, ONE, TWO)
    task, told = await started(waits)
    waits.compare_begins(ONE)
    waits.compare_ended(ONE, done=True)
    await asyncio.sleep(0.03)
    assert waits.waits
    assert waits.withholds
    waits.compare_begins(TWO)
    waits.compare_ended(TWO, done=False)
    assert waits.waits
    waits.compare_begins(TWO)
    waits.compare_ended(TWO, done=True)
    assert not waits.waits
    await task
    assert told == [True]
    assert store.restored is None
    assert not waits.withholds


async def test_peers_out_of_reach_are_waited_for_a_minute(tmp_path: Path) -> None:
    """Threat 26: with nobody in reach work goes on, but nothing is served."""
    waits, _, clock, _ = waiting(tmp_path, ONE, TWO)
    task, told = await started(waits)
    clock.seconds = WAIT_S - 1
    assert waits.waits
    refusal = waits.refusal()
    assert refusal is not None
    assert refusal.code is Code.RESTORING
    assert refusal.detail == Mismatch.STORE_BEHIND.value
    clock.seconds = WAIT_S
    assert waits.refusal() is None
    await asyncio.sleep(0.03)
    assert waits.withholds
    assert told == []
    waits.compare_begins(TWO)
    waits.compare_ended(TWO, done=True)
    await task
    assert told == [True]


async def test_comparison_under_way_is_waited_for_but_not_for_ever(tmp_path: Path) -> None:
    waits, _, clock, _ = waiting(tmp_path, ONE)
    task, _ = await started(waits)
    waits.compare_begins(ONE)
    clock.seconds = WAIT_MAX_S - 1
    assert waits.waits
    clock.seconds = WAIT_MAX_S
    assert not waits.waits
    assert waits.withholds
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_node_without_peers_goes_on_at_once_and_serves_from_the_first_on(
    tmp_path: Path,
) -> None:
    """Hard case 33: restored offline: a new instance, no fork, no waiting."""
    waits, store, _, _ = waiting(tmp_path)
    assert not waits.waits
    task, _ = await started(waits)
    await asyncio.sleep(0.03)
    assert waits.withholds
    waits.compare_begins(ONE)
    waits.compare_ended(ONE, done=True)
    await task
    assert store.restored is None


async def test_node_that_does_not_run_says_that_it_must(tmp_path: Path) -> None:
    waits, store, clock, _ = waiting(tmp_path, ONE)
    clock.seconds = 10 * WAIT_MAX_S
    refusal = waits.refusal()
    assert refusal is not None
    assert "hutong run" in refusal.way_out
    store.restored = None
    assert waits.refusal() is None
    task, told = await started(waits)
    await task
    assert told == []


# Whole nodes


def with_text() -> NewRecord:
    return NewRecord(type="x-test/1", parts=(NewPart(0, b"\x80"), NewPart(1, TEXT)))


def database(node: Node) -> Path:
    return node.parts.folder.database


def text_of(node: Node, record: RecordId) -> PartState | None:
    held = node.parts.store.run(StoreMethods.record, record)
    return None if held is None else held.parts[1].state


def count(node: Node) -> int:
    return node.parts.store.run(StoreMethods.status).records


async def put_back_before_an_erasure(author: Node, node: Node) -> tuple[Node, RecordId]:
    """`node` with a store from before `author`, which runs, erased a text; and that record."""
    async with node:
        await introduce(author, node, [FSC])
        published = await author.publish(FSC, [with_text()])
        (record,) = published.records
        await until(lambda: text_of(node, record) is PartState.PRESENT)
    older = database(node).read_bytes()
    async with Node(open_parts(node.parts.folder)) as later:
        await later.publish(FSC, [draft(1)])
        await author.publish(FSC, [NewErase({record: 0b10})])
        await until(lambda: text_of(later, record) is PartState.ERASED)
        await until(lambda: count(author) == count(later))
    with database(node).open("r+b") as file:
        file.truncate()
        file.write(older)
    again = Node(open_parts(node.parts.folder))
    assert again.parts.store.mismatch is Mismatch.STORE_BEHIND
    assert text_of(again, record) is PartState.PRESENT
    return again, record


async def test_node_that_was_put_back_takes_erasures_before_it_gives_or_signs(
    tmp_path: Path,
) -> None:
    """Threat 25, hard case 34. A third node, which would get the text from it, gets none."""
    author, node, third = (new_node(tmp_path, name) for name in ("author", "node", "third"))
    third.parts.roster.let_in(author.parts.identity.org, "", 1)
    async with author:
        again, record = await put_back_before_an_erasure(author, node)
        await author.gate.close()  # out of reach: nobody can dial it, and it isn't told to
        await author.peering.stop()
        async with again, third:
            await introduce(again, third, [FSC])
            with pytest.raises(PublishingRefused) as refused:
                await again.publish(FSC, [draft(2)])
            assert refused.value.code is Code.RESTORING
            await until(lambda: any(peer.state == "unsettled" for peer in third.peering.statuses()))
            assert text_of(third, record) is None
            assert count(third) == 0


async def test_node_that_was_put_back_goes_on_when_it_has_compared(tmp_path: Path) -> None:
    """It gets its own records back, goes on in a new log, and others get what only it has."""
    author, node = (new_node(tmp_path, name) for name in ("author", "node"))
    async with author:
        again, record = await put_back_before_an_erasure(author, node)
        own_before = {log.log for log in again.parts.store.run(StoreMethods.own_logs)}
        async with again:
            with pytest.raises(PublishingRefused):
                await again.publish(FSC, [draft(2)])
            await until(lambda: again.parts.store.restored is None)
            assert text_of(again, record) is PartState.ERASED
            published = await again.publish(FSC, [draft(3)])
            assert published.log not in own_before
            await until(lambda: count(author) == count(again))
        assert TEXT not in database(node).read_bytes()


async def test_records_that_only_the_restored_node_has_reach_others_afterwards(
    tmp_path: Path,
) -> None:
    """Withheld in the first comparison, which ends unsettled, and served in one right after it."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one:
        async with two:
            await introduce(one, two, [FSC])
            await until(lambda: len(one.peering.statuses()) == 1)
        alone = Node(open_parts(two.parts.folder))
        await alone.publish(FSC, [draft(number) for number in range(9)])
        await alone.stop()
        (two.parts.folder.root / "restore-marker").unlink()
        async with Node(open_parts(two.parts.folder)) as again:
            assert again.parts.restoring.withholds
            await until(lambda: not again.parts.restoring.withholds)
            await until(lambda: count(one) == 10, seconds=10)


async def test_people_are_told_and_see_nothing_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By every way to read or sign, in status, and after a minute with nobody in reach."""
    node = new_node(tmp_path, "node")
    intake = Intake(node.parts.folder.root / "intake.db")
    service = NodeService(node, intake, running=False)
    node.parts.roster.subscribe([FSC])
    await node.roster_changed()
    facts = {"start": "2021-12-09T00:00:00+08:00"}
    incident = DraftItem(
        type="incident/1", space=SPACE, topic="base", facts=cast(Any, facts), text={"title": "x"}
    )
    (published,) = (await service.publish(PublishRequest(drafts=[incident]))).records
    node.parts.roster.set_peer(Peer(ONE, "ws://127.0.0.1:1", None, 1))
    await node.stop()
    intake.close()
    (node.parts.folder.root / "restore-marker").unlink()
    clock = Hands()
    again = Node(open_parts(node.parts.folder, clock))
    intake = Intake(node.parts.folder.root / "intake.db")
    service = NodeService(again, intake, running=True)
    need = DraftItem(
        type="need/1",
        space=SPACE,
        topic="fsc",
        facts=need_facts(published.id),
        text={"title": "大米"},
    )
    async with again:
        for attempt in (
            service.things(ThingFilter()),
            service.thing(published.id),
            service.record(published.id),
            service.publish(PublishRequest(drafts=[need])),
        ):
            with pytest.raises(Refused) as refused:
                await attempt
            assert refused.value.code is Code.RESTORING
            assert refused.value.way_out
        shown = await service.status()
        assert shown.marker_mismatch == Mismatch.MARKER_MISSING.value
        assert "before it was compared" in " ".join(shown.alarms)
        clock.seconds = WAIT_S
        assert len((await service.things(ThingFilter())).things) == 1
        await service.publish(PublishRequest(drafts=[need]))
        assert "no peer was in reach" in " ".join((await service.status()).alarms)
        assert again.parts.store.run(StoreMethods.scope_roots, [BASE])
    intake.close()
