"""The store contract: what peers are told. Spec: 4.5, 6.6, 7.6, 7.7."""

from __future__ import annotations

import random
from pathlib import Path

from contracts.contract_steps import root_of, take
from contracts.made_logs import OTHER_SCOPE, SCOPE, MadeLog
from contracts.opening_contract import OpeningContract
from hutong_protocol.encoding import encode_received
from hutong_protocol.exchange import (
    Cursor,
    Head,
    LogHeads,
    ReplicaStore,
    RunWant,
)
from hutong_protocol.faults import Fault
from hutong_protocol.identity import evaluate
from hutong_protocol.identity_contents import EVERYTHING, Rights
from hutong_protocol.ids import RecordId
from hutong_protocol.limits import RUN_BYTES_MAX, RUN_RECORDS_MAX
from simulation.parties import Party, delegate, found


class ServingContract(OpeningContract):
    """Runs, heads and identity events."""

    # Serving

    def test_runs_are_bounded_and_resumed(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        logs = [MadeLog(party, rng) for _ in range(3)]
        for log in logs:
            log.data(40, size=30_000)
            for run in log.runs(step=11):
                take(store, run)
        wants: tuple[RunWant, ...] = tuple(RunWant(log.log, 5) for log in logs)
        got: dict[bytes, int] = {}
        batches = 0
        while wants:
            batch = store.read_runs(SCOPE, wants, RUN_BYTES_MAX)
            size = sum(len(encode_received(run.run)) for run in batch.runs)
            assert 0 < size <= RUN_BYTES_MAX
            for log_id, run_value in batch.runs:
                records = run_value[3]
                assert isinstance(records, list)
                assert run_value[1] == got.get(log_id, 5)
                assert len(records) <= RUN_RECORDS_MAX
                got[log_id] = got.get(log_id, 5) + len(records)
            wants = batch.rest
            batches += 1
        assert got == {log.log: 41 for log in logs}
        assert batches > 3

    def test_a_run_of_one_is_enough_where_one_was_asked_for(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 29: halving asks for one run at a place."""
        log = MadeLog(party, rng)
        log.data(700, size=5)
        for run in log.runs():
            take(store, run)
        batch = store.read_runs(SCOPE, [RunWant(log.log, 100, 1)], 2**21)
        assert [run.run[1] for run in batch.runs] == [100]
        assert batch.rest == ()

    def test_logs_that_erase_are_sent_first(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Spec 7.7.1."""
        logs = [MadeLog(party, rng) for _ in range(4)]
        for log in logs:
            log.data(2)
        logs[3].erase({logs[3].records[1].id: 1})
        for log in logs:
            take(store, log.run())
        wants = [RunWant(log.log, 0) for log in logs]
        batch = store.read_runs(SCOPE, wants, 2**21)
        order = [run.log for run in batch.runs]
        assert order == [logs[3].log, *(log.log for log in logs[:3])]

    def test_logs_of_another_scope_are_not_served(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        log = MadeLog(party, rng)
        take(store, log.run())
        assert store.read_runs(OTHER_SCOPE, [RunWant(log.log, 0)], 2**21).runs == ()

    def test_heads_since_a_cursor_are_those_changed_after_it(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 62: exclusive, so neither a duplicate nor a skip."""
        logs = [MadeLog(party, rng) for _ in range(6)]
        for log in logs:
            take(store, log.run())
        cursor = store.heads(SCOPE, None, None, 100).cursor
        page = store.heads(SCOPE, cursor, None, 100)
        assert (page.full, page.logs, page.orgs) == (False, (), ())
        for log in logs[2:4]:
            log.data(1)
            take(store, log.run(1))
        page = store.heads(SCOPE, cursor, None, 100)
        assert {entry.log: entry.heads for entry in page.logs} == {
            log.log: (log.head,) for log in logs[2:4]
        }
        assert page.cursor.counter > cursor.counter
        assert store.heads(SCOPE, page.cursor, None, 100).logs == ()

    def test_a_cursor_of_another_epoch_or_from_the_future_means_all(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 61."""
        log = MadeLog(party, rng)
        take(store, log.run())
        cursor = store.heads(SCOPE, None, None, 100).cursor
        for other in (Cursor(bytes(16), 0), Cursor(cursor.epoch, cursor.counter + 1)):
            page = store.heads(SCOPE, other, None, 100)
            assert (page.full, len(page.logs), len(page.orgs)) == (True, 1, 1)

    def test_pages_of_heads_cover_everything_once(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        made = [MadeLog(party, rng) for _ in range(11)]
        logs = {log.log for log in made}
        for log in made:
            take(store, log.run())
        seen: list[bytes] = []
        after: bytes | None = None
        while True:
            page = store.heads(SCOPE, None, after, 3)
            ids = [entry.log for entry in page.logs] + [entry.org for entry in page.orgs]
            assert len(ids) <= 3
            assert all(after is None or one > after for one in ids)
            seen += ids
            if not page.more:
                break
            after = max(ids)
        assert len(seen) == len(set(seen))
        assert set(seen) == {*logs, party.org}

    def test_held_heads_are_told_from_unknown_ones(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        log, unknown = MadeLog(party, rng), MadeLog(party, rng)
        log.data(4)
        take(store, log.run(0, 3))
        lower = Head(2, log.records[2].id)
        odd = Head(2, RecordId(rng.randbytes(32)))
        asked = [
            LogHeads(log.log, (Head(3, log.records[3].id),)),
            LogHeads(log.log, (lower,)),
            LogHeads(log.log, (lower, log.head)),
            LogHeads(log.log, (odd,)),
            LogHeads(unknown.log, (unknown.head,)),
        ]
        held = store.held(SCOPE, asked, [party.org]).logs
        mine = Head(3, log.records[3].id)
        assert [(entry.log, entry.head, entry.unknown) for entry in held] == [
            (log.log, mine, (log.head,)),
            (log.log, mine, (odd,)),
            (unknown.log, None, (unknown.head,)),
        ]

    # Identity

    def test_events_in_any_order_give_the_same_identity(
        self, tmp_path: Path, rng: random.Random
    ) -> None:
        stranger = found(rng)
        rights = Rights(EVERYTHING, EVERYTHING, True, True, False)
        events = list(stranger.events)
        for _ in range(3):
            events.append(
                delegate(stranger.org, events, stranger.control, rng.randbytes(32), rights)
            )
        values = [event.to_value() for event in events]
        expected = evaluate(events)[stranger.org].heads
        for number in range(3):
            folder = tmp_path / str(number)
            folder.mkdir()
            store = self.open(folder, stranger, lambda _: True)
            order = [values[0], *rng.sample(values[1:], 4)]
            outcomes = [store.store_events(stranger.org, [value]) for value in order]
            assert outcomes[-1].heads == expected
            assert store.held(SCOPE, [], [stranger.org]).orgs[0].heads == expected
            served = store.events(stranger.org, [], [], 2**21).events
            assert sorted(map(encode_received, served)) == sorted(map(encode_received, values))

    def test_events_are_served_after_those_that_the_peer_has(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        take(store, MadeLog(party, rng).run())
        [inception, delegation] = party.values
        assert store.events(party.org, [], [SCOPE], 2**21).events == (inception, delegation)
        assert store.events(party.org, [party.events[0].id], [SCOPE], 2**21).events == (delegation,)
        assert store.events(party.org, [party.delegation], [SCOPE], 2**21).events == ()
        first = store.events(party.org, [], [SCOPE], 1)
        assert (first.events, first.more) == ((inception,), True)
        assert store.events(party.org, [], [OTHER_SCOPE], 2**21).events == ()

    def test_a_bad_event_does_not_keep_a_good_one_out(
        self, store: ReplicaStore, rng: random.Random
    ) -> None:
        stranger = found(rng)
        [(key, signature)] = stranger.events[1].signatures
        wrong = signature[:-1] + bytes([signature[-1] ^ 1])
        spoiled = [stranger.events[1].body, [[key, wrong]], None]
        outcome = store.store_events(stranger.org, [spoiled, stranger.values[0]])
        assert outcome.fault is Fault.BAD_SIGNATURE
        outcome = store.store_events(stranger.org, [stranger.values[1]])
        assert (outcome.fault, outcome.heads) == (None, (stranger.delegation,))

    def test_a_changed_identity_changes_the_roots_of_its_scopes(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        take(store, MadeLog(party, rng).run())
        cursor = store.heads(SCOPE, None, None, 10).cursor
        before = root_of(store)
        rights = Rights(EVERYTHING, EVERYTHING, True, True, False)
        event = delegate(party.org, party.events, party.control, rng.randbytes(32), rights)
        store.store_events(party.org, [event.to_value()])
        page = store.heads(SCOPE, cursor, None, 10)
        digest = evaluate([*party.events, event])[party.org].digest
        assert [(entry.org, entry.digest) for entry in page.orgs] == [(party.org, digest)]
        assert root_of(store) != before
