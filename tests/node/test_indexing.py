"""The index equals the fold of everything held, after any history, and little work keeps it so."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from hutong_node.indexing import FoldIndex, ThingFilter, fold_record
from hutong_node.node import Node
from hutong_node.store.interface import (
    NewErase,
    NewPart,
    NewRecord,
    StoreMethods,
    Watermark,
)
from hutong_protocol import fold
from hutong_protocol.exchange import Scope
from hutong_protocol.fold import FoldRecord
from hutong_protocol.ids import RecordId
from hutong_protocol.records import Kind
from node.nodes import FSC, new_node
from protocol.fold.histories import history

NOON_MS = 1_641_096_000_000


async def say(node: Node, scope: Scope, record: FoldRecord, named: dict[bytes, bytes]) -> RecordId:
    """Publishes what a record of a made-up history says, in this node's own log."""
    parts = () if record.facts is None else (NewPart(0, record.facts),)
    refs = tuple(named.get(ref, ref) for ref in record.refs)
    published = await node.publish(scope, [NewRecord(record.type, refs=refs, parts=parts)])
    named[record.id] = published.records[0]
    return published.records[0]


def folded(node: Node) -> fold.FoldState:
    """The fold of all records that the store holds, made from nothing."""
    store = node.parts.store
    changes = store.run(StoreMethods.records_after, Watermark(), 100_000)
    records = [fold_record(record) for record in changes.new if record.kind == Kind.DATA]
    assert not changes.more
    return fold.fold(records, NOON_MS)


@pytest.mark.parametrize("seed", range(4))
async def test_index_equals_the_fold_after_any_history(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    node = new_node(tmp_path, "node")
    index = node.parts.index
    named: dict[bytes, bytes] = {}
    said: list[RecordId] = []
    for record in history(rng, 60):
        said.append(await say(node, FSC, record, named))
        if rng.random() < 0.1:
            await node.publish(FSC, [NewErase({rng.choice(said): 1})])
        if rng.random() < 0.3:
            await index.follow(node.parts.store)
            assert index.state(NOON_MS) == folded(node)
    await index.follow(node.parts.store)
    assert index.state(NOON_MS) == folded(node)
    assert index.state(NOON_MS).things
    await node.stop()


async def test_one_record_reduces_one_thing(tmp_path: Path) -> None:
    """The issue: a counted, bounded number of rows. Here one basis, its own records."""
    node = new_node(tmp_path, "node")
    named: dict[bytes, bytes] = {}
    records = list(history(Random(7), 80))
    for record in records:
        await say(node, FSC, record, named)
    index = node.parts.index
    await index.follow(node.parts.store)
    for record in records[:10]:
        written, read = index.cost.bases_written, index.cost.records_read
        said = await say(node, FSC, record, dict(named))
        await index.follow(node.parts.store)
        about = fold.thing_of(fold_record(node.parts.store.run(StoreMethods.records, [said])[said]))
        assert index.cost.bases_written == written + 1
        assert index.cost.records_read == read + len(index.members(about.id))
    await node.stop()


async def test_deleted_index_is_made_again_and_another_store_begins_anew(tmp_path: Path) -> None:
    node = new_node(tmp_path, "node")
    named: dict[bytes, bytes] = {}
    for record in history(Random(3), 40):
        await say(node, FSC, record, named)
    store = node.parts.store
    await node.parts.index.follow(store)
    again = FoldIndex(tmp_path / "again.db", b"generation")
    assert await again.follow(store) > 0
    assert again.state(NOON_MS) == node.parts.index.state(NOON_MS)
    again.close()
    other = FoldIndex(tmp_path / "again.db", b"another")
    assert other.count() == 0
    other.close()
    await node.stop()


async def test_filters_and_pages_give_what_the_state_holds(tmp_path: Path) -> None:
    node = new_node(tmp_path, "node")
    named: dict[bytes, bytes] = {}
    for record in history(Random(11), 120):
        await say(node, FSC, record, named)
    index = node.parts.index
    await index.follow(node.parts.store)
    for life in ("active", "expired", "closed"):
        wanted = ThingFilter(type="need/1", topic="fsc", life=life)
        found, after = [], b""
        while page := index.views(wanted, NOON_MS, after=after, views_max=3):
            found += page
            after = page[-1].key.id
        expected = [
            view
            for view in index.state(NOON_MS).things
            if view.thing.type == "need/1" and view.life == life
        ]
        assert found == sorted(expected, key=lambda view: view.key.id)
    assert index.views(ThingFilter(life="nonsense"), NOON_MS, views_max=3) == []
    assert index.view(bytes(32), NOON_MS) is None
    await node.stop()
