"""All parts together on real data: a sheet as it was edited for two weeks, version by version."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from hutong_adapters.mapping_load import load_mapping
from hutong_adapters.planning import Target, make_plan
from hutong_adapters.runner import Report, Wish, send_plan
from hutong_node.api_models import ReleaseRequest, ScopeItem, SubscribeRequest
from hutong_node.indexing import fold_record
from hutong_node.store.interface import StoreMethods, Watermark
from hutong_protocol.fold import FoldRecord, IncrementalFold, fold
from hutong_protocol.records import Kind
from node.local_nodes import Local, local
from together.sheets import ServiceNode

AS_OF_MS = 1_582_000_000_000
INCIDENT = "rec-aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypvareg"


def versions(data_folder: Path) -> list[list[dict[str, Any]]]:
    """The rows of each of the 29 versions, oldest first."""
    lines = (data_folder / "wuhan2020" / "wuhanshi_history.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["rows"] for line in lines]


async def imported(found: Local, folder: Path, rows: list[dict[str, Any]]) -> Report:
    """One version, as a complete file."""
    file = folder / "sheet.json"
    file.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    mapping = load_mapping("wuhan2020-hospitals")
    plan = make_plan(mapping, [file], Target(given={"incident": INCIDENT}))
    return await send_plan(plan, ServiceNode(found), Wish(complete=True))


def data_records(found: Local) -> list[FoldRecord]:
    """What the store holds, in the order of its arrival."""
    changes = found.node.parts.store.run(StoreMethods.records_after, Watermark(), 100_000)
    assert not changes.more
    return [fold_record(record) for record in changes.new if record.kind == Kind.DATA]


async def hold(found: Local) -> None:
    """Subscribes to where the mapping puts its needs."""
    scopes = [ScopeItem(space="wuhan-2020", topic="hea")]
    await found.service.subscribe(SubscribeRequest(scopes=scopes))


async def test_versions_of_a_sheet_fold_equal_in_whatever_order_they_come(
    tmp_path: Path, data_folder: Path
) -> None:
    """The issue: 29 versions imported in order, their records in random order elsewhere."""
    sheets = versions(data_folder)
    assert len(sheets) == 29
    async with local(tmp_path) as found:
        await hold(found)
        outcomes: Counter[str] = Counter()
        for rows in sheets:
            report = await imported(found, tmp_path, rows)
            outcomes.update(report.counts)
            again = await imported(found, tmp_path, rows)
            assert again.signed == 0
        records = data_records(found)
    assert outcomes["new"] >= 48
    assert outcomes["revised"] > 0
    assert {record.type for record in records} >= {"need/1", "revise/1"}
    in_order = fold(records, AS_OF_MS)
    for seed in range(5):
        shuffled = list(records)
        Random(seed).shuffle(shuffled)
        elsewhere = IncrementalFold()
        for record in shuffled:
            elsewhere.add([record])
        state = elsewhere.state(AS_OF_MS)
        assert [scope.fold_digest for scope in state.scopes] == [
            scope.fold_digest for scope in in_order.scopes
        ]
        assert state == in_order


async def test_hospitals_are_imported_once(tmp_path: Path, data_folder: Path) -> None:
    """The issue: 227 needs, 2,095 lines, and a second import signs nothing."""
    files = sorted((data_folder / "wuhan2020" / "hospital_fe").glob("*.json"))
    mapping = load_mapping("wuhan2020-hospitals")
    plan = make_plan(mapping, files, Target(given={"incident": INCIDENT}))
    async with local(tmp_path) as found:
        await hold(found)
        first = await send_plan(plan, ServiceNode(found), Wish(complete=True))
        # The row in whose address a door number was found waits for a person.
        (waiting,) = (await found.service.queue()).drafts
        assert [(mark.cell, mark.what) for mark in waiting.marks] == [("address", "pii:door")]
        await found.service.release(waiting.id, ReleaseRequest(method="desk", checker="李"))
        second = await send_plan(plan, ServiceNode(found), Wish(complete=True))
        records = data_records(found)
    assert (first.signed, first.counts["queued"], second.signed) == (226, 1, 0)
    state = fold(records, AS_OF_MS)
    needs = [view for view in state.things if view.thing.type == "need/1"]
    assert len(needs) == 227
    # 13 rows ask without saying for what: they have one line that says so.
    assert sum(len(view.lines) for view in needs) == 2_095 + 13
    exact = [
        line.numbers.required
        for view in needs
        for line in view.lines
        if line.basis.id == "mask-n95" and line.numbers.required is not None
    ]
    assert sum(exact) == 548_300 * 10**15
