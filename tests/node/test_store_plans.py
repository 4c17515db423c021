"""What peers ask costs the store what they get, not what it holds. Threat 12.

Every statement that answers a peer is caught as it runs, and its plan is asked for: none may read a
table that grows with the records from one end to the other.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.made_logs import SCOPE, MadeLog
from hutong_protocol.exchange import Cursor, LogHeads, PartWant, RunWant
from hutong_protocol.ids import OrgId
from node.sqlite_stores import OpenStore, opened
from simulation.parties import found

SMALL = {"CONSTANT", "properties", "scopes", "orgs", "own_logs", "hints"}
"""What does not grow with the records, or is no table; all else is to be reached by an index."""


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that any connection of the store runs, with their values."""
    statements: list[str] = []
    connect = sqlite3.connect

    def traced(*args: Any, **more: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(*args, **more)
        made.set_trace_callback(statements.append)
        return made

    monkeypatch.setattr(sqlite3, "connect", traced)
    return statements


def scans(path: Path, statements: list[str]) -> Iterator[str]:
    """Steps of plans that go through a table that grows, under its name or an alias."""
    plain = sqlite3.connect(path)
    for statement in sorted(set(statements)):
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            for *_, step in plain.execute(f"EXPLAIN QUERY PLAN {statement}"):
                words = step.split()
                if words[0] == "SCAN" and words[1] not in SMALL:
                    yield f"{step}: {statement}"
    plain.close()


def ask_everything(store: OpenStore, log: MadeLog) -> None:
    """What the session asks of a store for a peer."""
    cursor = store.scope_roots([SCOPE])[0].cursor
    store.heads(SCOPE, None, None, 10)
    store.heads(SCOPE, Cursor(cursor.epoch, cursor.counter - 1), None, 10)
    store.heads(SCOPE, None, bytes(32), 10)
    store.held(SCOPE, [LogHeads(log.log, (log.head,))], [log.party.org])
    store.read_runs(SCOPE, [RunWant(log.log, 40, 0)], 1_048_576)
    store.events(log.party.org, (), [SCOPE], 100_000)
    store.missing_parts(SCOPE, None, 10)
    store.read_parts(SCOPE, [PartWant(log.records[3].id, 1)], 1_048_576)
    store.store_runs(SCOPE, [log.run(30, 50)], OrgId(bytes(32)))
    store.identity(log.party.org)


def test_no_answer_to_a_peer_goes_through_a_whole_table(tmp_path: Path, caught: list[str]) -> None:
    rng = random.Random(12)
    with opened(tmp_path) as store:
        logs = [MadeLog(found(rng), rng) for _ in range(20)]
        for log in logs:
            store.store_events(log.party.org, log.party.values)
            log.data(60, parts=2)
            store.store_runs(SCOPE, [log.run(absent=[(3, 0)])], OrgId(bytes(32)))
        caught.clear()
        ask_everything(store, logs[7])
        statements = list(caught)
    assert len(statements) > 15
    assert list(scans(tmp_path / "records.db", statements)) == []


def test_a_scan_would_be_noticed(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        assert store.status().records == 0
    found_out = list(scans(tmp_path / "records.db", ["SELECT * FROM logs AS l WHERE closed = 1"]))
    assert len(found_out) == 1
