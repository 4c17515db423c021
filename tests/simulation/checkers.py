"""What must hold of simulated stores, whatever happened.

Safety is checked on any store at any time: nothing in it that its writer did not sign, chains
unbroken, parts that fit, erased ones gone, the tree equal to one built anew. Liveness is checked
after things have come to rest: equal where scopes are shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hutong_protocol import tree
from hutong_protocol.exchange import Scope
from hutong_protocol.identity import decide_log, evaluate
from hutong_protocol.records import part_commit, record_id
from hutong_protocol.signatures import record_message, verify
from simulation.replica import Replica


def check_store(store: Replica, authored: Iterable[bytes] | None = None) -> None:
    """Safety of one store; `authored` are the ids of all records that honest writers wrote."""
    known = None if authored is None else set(authored)
    for log_id, log in store.logs.items():
        prev = b""
        for seq, kept in enumerate(log.kept):
            record = kept.record
            assert record.seq == seq
            assert record.id == record_id(record.header)
            assert known is None or record.id in known, "a record that nobody wrote"
            if seq:
                assert log.kept[seq - 1].record.id == prev
            prev = record.id
            for at in range(len(kept.parts)):
                assert not (kept.erased >> at & 1 and kept.parts[at]), "erased bytes are back"
        assert bytes(log.kept[0].record.id) == log_id
        head = log.kept[-1].record
        assert verify(log.state.open.writer, record_message(head.id), log.signatures[head.seq])
        assert decide_log(store.states[log.state.open.org], log.state.open) is None
    for scope, state in store.scopes.items():
        entries = [
            tree.log_entry(log.state.log, [log.state.head_id])
            for log in store.logs.values()
            if log.scope == scope
        ]
        orgs = {log.state.open.org for log in store.logs.values() if log.scope == scope}
        entries += [tree.org_entry(org, store.states[org].digest) for org in orgs]
        assert sorted(entries) == sorted(state.entries.values())
    for org, held in store.identities.items():
        assert evaluate(held.values())[org] == store.states[org]


def roots(store: Replica, scopes: Sequence[Scope]) -> list[bytes]:
    """The roots of these scopes."""
    return [root.root for root in store.scope_roots(scopes)]


def check_equal(stores: Sequence[Replica], scopes: Sequence[Scope]) -> None:
    """Equal stores: equal roots, and behind them equal records and identities."""
    first, *others = stores
    for scope in scopes:
        entries = first.scopes[scope].entries.values()
        assert roots(first, [scope]) == [tree.scope_root(*scope, entries)]
    for other in others:
        assert roots(first, scopes) == roots(other, scopes), "different roots"
        for scope in scopes:
            assert _records(first, scope) == _records(other, scope)
            assert _erased(first, scope) == _erased(other, scope)


def _records(store: Replica, scope: Scope) -> set[bytes]:
    return {record for record, (log, _) in store.records.items() if log.scope == scope}


def _erased(store: Replica, scope: Scope) -> dict[bytes, int]:
    return {
        record: kept.erased
        for record, (log, kept) in store.records.items()
        if log.scope == scope and kept.erased
    }


def check_parts(stores: Sequence[Replica], scopes: Sequence[Scope]) -> None:
    """A part that fits at one of the stores, and is not erased, is held by all of them."""
    for scope in scopes:
        held: dict[tuple[bytes, int], int] = {}
        for store in stores:
            for record, (log, kept) in store.records.items():
                for at, part in enumerate(kept.parts):
                    if log.scope != scope or part is None:
                        continue
                    ref = kept.record.part_refs[at]
                    if part_commit(part.salt, part.data) == ref.commit:
                        held[record, at] = held.get((record, at), 0) + 1
        assert all(count == len(stores) for count in held.values()), "a part that one side lacks"
