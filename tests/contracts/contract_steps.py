"""Steps of the store contract: storing, refusing, and looking at what came of it."""

from __future__ import annotations

from typing import Any

from contracts.made_logs import SCOPE, MadeLog
from hutong_protocol import identity_authoring
from hutong_protocol.exchange import (
    Head,
    LogRun,
    PartItem,
    ReplicaStore,
    RunWant,
    Scope,
)
from hutong_protocol.faults import Fault
from hutong_protocol.identity import evaluate
from hutong_protocol.ids import OrgId, RecordId
from simulation.parties import Party

SOURCE = OrgId(bytes(32))


def know(store: ReplicaStore, party: Party) -> None:
    """Stores the events of a party."""
    assert store.store_events(party.org, party.values).fault is None


def take(store: ReplicaStore, run: LogRun, stored: int | None = None) -> None:
    """Stores a run, which must be taken."""
    [outcome] = store.store_runs(SCOPE, [run], SOURCE)
    assert outcome.fault is None, outcome
    assert stored is None or outcome.stored == stored


def refuse(store: ReplicaStore, run: LogRun, fault: Fault, held: Head | None) -> Any:
    """Stores a run, which must fail like this."""
    [outcome] = store.store_runs(SCOPE, [run], SOURCE)
    assert (outcome.fault, outcome.stored, outcome.held) == (fault, 0, held)
    return outcome


def root_of(store: ReplicaStore, scope: Scope = SCOPE) -> bytes:
    """The root of a scope."""
    return store.scope_roots([scope])[0].root


def heads_of(store: ReplicaStore) -> dict[bytes, Head]:
    """The head of each log."""
    page = store.heads(SCOPE, None, None, 1_000)
    return {entry.log: entry.heads[0] for entry in page.logs}


def item_of(log: MadeLog, record: RecordId, position: int) -> PartItem:
    """A part of a made record, as it travels."""
    part = log.part(record, position)
    return PartItem(record, position, part.salt, part.data)


def served_absent(store: ReplicaStore, log: MadeLog) -> set[tuple[int, int]]:
    """(seq, position) of the parts that are served as absent."""
    absent = set()
    for run in store.read_runs(SCOPE, [RunWant(log.log, 0)], 2**22).runs:
        first, records = run.run[1], run.run[3]
        assert isinstance(first, int)
        assert isinstance(records, list)
        for seq, record in enumerate(records, start=first):
            absent |= {(seq, at) for at, part in enumerate(record[5]) if isinstance(part[2], int)}
    return absent


def revocation(party: Party) -> object:
    """An event that freezes a party for this version."""
    place = identity_authoring.epoch_place(evaluate(party.events)[party.org])
    event = identity_authoring.revoke(
        place, delegation=party.delegation, cut_lists=[], ts_ms=9, signers=[party.control]
    )
    return event.to_value()


def flip_seal(run: LogRun) -> LogRun:
    seal = run.run[4]
    assert isinstance(seal, bytes)
    return LogRun(run.log, [*run.run[:4], bytes([seal[0] ^ 1]) + seal[1:]])


def flip_part(run: LogRun) -> LogRun:
    records: Any = run.run[3]
    role, salt, data = records[0][5][0]
    records[0][5][0] = [role, salt, bytes([data[0] ^ 1]) + data[1:]]
    return run


def flip_prev(run: LogRun) -> LogRun:
    prev = run.run[2]
    assert isinstance(prev, bytes)
    return LogRun(run.log, [*run.run[:2], bytes([prev[0] ^ 1]) + prev[1:], *run.run[3:]])


def no_records(run: LogRun) -> LogRun:
    return LogRun(run.log, [*run.run[:3], [], run.run[4]])
