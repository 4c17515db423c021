"""What every store of records does, as tests of whatever a subclass opens.

A subclass gives `open`; each test asks the methods of `ReplicaStore` only, so the same suite holds
the node's SQLite store and the in-memory store of the simulation to section 6.4 to 6.6 and 7.5 to
7.8. What only a node's store does is tested beside it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.made_logs import OTHER_SCOPE, SCOPE, MadeLog
from hutong_protocol import identity_authoring, tree
from hutong_protocol.encoding import encode_received
from hutong_protocol.exchange import (
    Cursor,
    Head,
    LogHeads,
    LogRun,
    PartItem,
    PartWant,
    ReplicaStore,
    RunWant,
    Scope,
)
from hutong_protocol.faults import Fault
from hutong_protocol.identity import evaluate
from hutong_protocol.identity_contents import EVERYTHING, Rights
from hutong_protocol.ids import LogId, OrgId, RecordId
from hutong_protocol.limits import RUN_BYTES_MAX, RUN_RECORDS_MAX
from hutong_protocol.signatures import public_key
from simulation.parties import Party, delegate, found

SOURCE = OrgId(bytes(32))


class StoreContract:
    """The suite. Each test has its own store, which knows the events of `party`."""

    def open(self, folder: Path, own: Party, accepts: Callable[[OrgId], bool]) -> ReplicaStore:
        """A new store of the organisation `own` that takes what `accepts` lets in, any scope."""
        raise AssertionError("a subclass opens the store")

    @pytest.fixture
    def rng(self) -> random.Random:
        return random.Random(20_200_123)

    @pytest.fixture
    def party(self, rng: random.Random) -> Party:
        return found(rng)

    @pytest.fixture
    def store(self, tmp_path: Path, rng: random.Random, party: Party) -> ReplicaStore:
        refused = self.refused = found(rng)
        store = self.open(tmp_path, found(rng), lambda org: org != refused.org)
        know(store, party)
        return store

    # Empty, append, read

    def test_an_empty_store_has_the_roots_of_nothing(self, store: ReplicaStore) -> None:
        [root] = store.scope_roots([SCOPE])
        assert root.root == tree.scope_root(*SCOPE, [])
        assert root.cursor.counter == 0
        page = store.heads(SCOPE, None, None, 10)
        assert (page.logs, page.orgs, page.full, page.more) == ((), (), True, False)
        assert store.read_runs(SCOPE, [RunWant(LogId(bytes(32)), 0)], 2**21).runs == ()

    def test_what_was_stored_is_served_again_byte_for_byte(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        log = MadeLog(party, rng)
        log.data(20)
        log.data(5, size=300, parts=3)
        log.data(3, parts=0)
        log.unknown()
        run = log.run()
        take(store, run, stored=30)
        batch = store.read_runs(SCOPE, [RunWant(log.log, 0)], 2**21)
        assert encode_received(batch.runs[0].run) == encode_received(run.run)
        assert (len(batch.runs), batch.rest) == (1, ())

    def test_the_root_is_that_of_the_heads(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        logs = [MadeLog(party, rng) for _ in range(5)]
        for log in logs:
            log.data(2)
            take(store, log.run())
        entries = [tree.log_entry(log.log, [log.head.record]) for log in logs]
        digest = evaluate(party.events)[party.org].digest
        expected = tree.scope_root(*SCOPE, [*entries, tree.org_entry(party.org, digest)])
        assert store.scope_roots([SCOPE, OTHER_SCOPE])[0].root == expected
        assert store.scope_roots([OTHER_SCOPE])[0].root == tree.scope_root(*OTHER_SCOPE, [])

    def test_any_cut_of_a_log_into_runs_gives_the_same_root(
        self, tmp_path: Path, party: Party, rng: random.Random
    ) -> None:
        log = MadeLog(party, rng)
        log.data(300, size=20)
        roots = set()
        for step in (256, 100, 7):
            folder = tmp_path / str(step)
            folder.mkdir()
            store = self.open(folder, party, lambda _: True)
            know(store, party)
            for run in log.runs(step=step):
                take(store, run)
            roots.add(root_of(store))
        assert len(roots) == 1

    # Joining

    def test_a_gap_is_refused_and_nothing_is_stored(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 26."""
        log = MadeLog(party, rng)
        log.data(5)
        refuse(store, log.run(3), Fault.GAP, held=None)
        take(store, log.run(0, 1))
        before = root_of(store)
        refuse(store, log.run(3), Fault.GAP, held=Head(1, log.records[1].id))
        assert root_of(store) == before

    def test_a_duplicate_changes_nothing(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 65, threat 4."""
        log = MadeLog(party, rng)
        log.data(9)
        take(store, log.run())
        before = store.scope_roots([SCOPE])
        for run in (log.run(), log.run(0, 4), log.run(3, 6), log.run(9)):
            take(store, run, stored=0)
        assert store.scope_roots([SCOPE]) == before

    def test_an_overlapping_run_adds_what_is_new(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        log = MadeLog(party, rng)
        log.data(9)
        take(store, log.run(0, 4))
        take(store, log.run(2), stored=5)
        assert heads_of(store) == {log.log: log.head}

    def test_another_record_at_a_held_seq_is_a_fork(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 28: equal heights, different heads."""
        log = MadeLog(party, rng)
        log.data(5)
        branch = log.fork(3)
        branch.data(2)
        take(store, log.run())
        before = root_of(store)
        outcome = refuse(store, branch.run(), Fault.FORK, held=log.head)
        assert outcome.fork_seq == 4
        assert refuse(store, branch.run(5), Fault.FORK, held=log.head).fork_seq is None
        assert root_of(store) == before
        held = store.held(SCOPE, [LogHeads(log.log, (branch.head,))], [])
        assert [(entry.head, entry.refused) for entry in held.logs] == [(log.head, Fault.FORK)]

    def test_an_inauthentic_branch_is_ignored(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 32."""
        log = MadeLog(party, rng)
        log.data(5)
        take(store, log.run())
        forged = log.fork(3)
        forged.seed = rng.randbytes(32)
        forged.data(2)
        refuse(store, forged.run(4), Fault.BAD_SIGNATURE, held=log.head)

    def test_a_bad_run_is_dropped_and_an_honest_copy_taken(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard cases 23, 68 and threat 1: a fault is the run's, ids are not banned."""
        log = MadeLog(party, rng)
        log.data(6)
        take(store, log.run(0, 2))
        good = log.run(3)
        for spoil in (_flip_seal, _flip_part, _flip_prev, _no_records):
            [outcome] = store.store_runs(SCOPE, [spoil(log.run(3))], SOURCE)
            assert outcome.fault is not None
            assert outcome.stored == 0
            assert heads_of(store) == {log.log: Head(2, log.records[2].id)}
        take(store, good, stored=4)

    def test_nothing_comes_after_a_close(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 36."""
        log = MadeLog(party, rng)
        log.data(2)
        log.close()
        after = log.fork(3)
        after.data(1)
        take(store, log.run())
        refuse(store, after.run(4), Fault.LOG_CLOSED, held=log.head)

    def test_runs_of_one_batch_are_judged_one_by_one(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        log, other = MadeLog(party, rng), MadeLog(party, rng)
        log.data(4)
        batch = [log.run(0, 1), _flip_seal(log.run(2)), other.run(), log.run(4), log.run(2)]
        outcomes = store.store_runs(SCOPE, batch, SOURCE)
        assert [outcome.fault for outcome in outcomes] == [
            *(None, Fault.BAD_SIGNATURE, None, Fault.GAP, None)
        ]
        assert heads_of(store) == {log.log: log.head, other.log: other.head}

    # Who may write

    def test_a_log_waits_for_its_identity(self, store: ReplicaStore, rng: random.Random) -> None:
        """Hard cases 24, 45."""
        stranger = found(rng)
        log = MadeLog(stranger, rng)
        outcome = refuse(store, log.run(), Fault.IDENTITY_NEEDED, held=None)
        assert outcome.needs == stranger.org
        store.store_events(stranger.org, stranger.values[:1])
        refuse(store, log.run(), Fault.IDENTITY_NEEDED, held=None)
        store.store_events(stranger.org, stranger.values)
        take(store, log.run())

    def test_an_organisation_that_is_not_let_in_is_refused(
        self, store: ReplicaStore, rng: random.Random
    ) -> None:
        store.store_events(self.refused.org, self.refused.values)
        log = MadeLog(self.refused, rng)
        refuse(store, log.run(), Fault.NOT_ACCEPTED, held=None)

    def test_a_log_of_another_scope_is_refused(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 46."""
        log = MadeLog(party, rng, OTHER_SCOPE)
        refuse(store, log.run(), Fault.NOT_ACCEPTED, held=None)
        [outcome] = store.store_runs(OTHER_SCOPE, [log.run()], SOURCE)
        assert outcome.fault is None
        log.data(1)
        assert store.store_runs(SCOPE, [log.run(1)], SOURCE)[0].fault is Fault.NOT_ACCEPTED

    @pytest.mark.parametrize("rights", [{"write": False}, {"spaces": ["elsewhere"]}])
    def test_a_delegation_without_the_right_is_refused(
        self, store: ReplicaStore, rng: random.Random, rights: dict[str, Any]
    ) -> None:
        """Hard cases 24, 46."""
        limited = found(rng, **rights)
        know(store, limited)
        refuse(store, MadeLog(limited, rng).run(), Fault.NOT_ACCEPTED, held=None)

    def test_a_log_of_another_writer_than_delegated_is_refused(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 24, threat 31."""
        seed = rng.randbytes(32)
        log = MadeLog(party, rng, seed=seed, writer=public_key(seed))
        refuse(store, log.run(), Fault.NOT_ACCEPTED, held=None)

    def test_a_frozen_organisation_is_refused_and_what_it_wrote_stays(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Spec 4.9."""
        log = MadeLog(party, rng)
        log.data(1)
        take(store, log.run())
        log.data(1)
        before = root_of(store)
        outcome = store.store_events(party.org, [revocation(party)])
        assert (outcome.stored, outcome.fault) == (1, None)
        refuse(store, log.run(2), Fault.UPGRADE_NEEDED, held=Head(1, log.records[1].id))
        refuse(store, MadeLog(party, rng).run(), Fault.UPGRADE_NEEDED, held=None)
        assert heads_of(store) == {log.log: Head(1, log.records[1].id)}
        assert root_of(store) != before  # the organisation's entry is another now

    # Parts

    def test_missing_parts_are_wanted_until_they_come(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        log = MadeLog(party, rng)
        ids = log.data(4, parts=3)
        take(store, log.run(absent=[(1, 0), (1, 2), (3, 1)]))
        wants = sorted([PartWant(ids[0], 0b101), PartWant(ids[2], 0b010)])
        assert store.missing_parts(SCOPE, None, 9) == wants
        assert store.missing_parts(SCOPE, None, 1) == wants[:1]
        assert store.missing_parts(SCOPE, wants[0].record, 9) == wants[1:]
        assert store.scope_roots([SCOPE])[0].missing > 0
        assert store.read_parts(SCOPE, wants, 2**20).items == ()
        assert store.store_parts(SCOPE, [item_of(log, ids[0], 0), item_of(log, ids[2], 1)]) == 2
        assert store.missing_parts(SCOPE, None, 9) == [PartWant(ids[0], 0b100)]
        assert store.store_parts(SCOPE, [item_of(log, ids[0], 2)]) == 1
        assert store.scope_roots([SCOPE])[0].missing == 0
        batch = store.read_runs(SCOPE, [RunWant(log.log, 0)], 2**21)
        assert encode_received(batch.runs[0].run) == encode_received(log.run().run)

    def test_a_part_that_does_not_fit_or_is_not_missing_is_not_kept(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        log = MadeLog(party, rng)
        ids = log.data(3)
        take(store, log.run(absent=[(1, 0)]))
        right = item_of(log, ids[0], 0)
        wrong = [
            right._replace(data=right.data[:-1] + b"?"),
            right._replace(salt=bytes(16)),
            right._replace(salt=right.salt[:15], data=right.salt[15:] + right.data),
            right._replace(position=1),
            right._replace(record=RecordId(bytes(32))),
            item_of(log, ids[1], 0),
        ]
        assert store.store_parts(SCOPE, wrong) == 0
        assert store.store_parts(OTHER_SCOPE, [right]) == 0
        assert store.store_parts(SCOPE, [right, right]) == 1

    def test_a_run_brings_parts_that_were_missing(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Spec 6.4.3."""
        log = MadeLog(party, rng)
        log.data(4, parts=2)
        take(store, log.run(0, 2, absent=[(1, 0), (2, 1)]))
        take(store, log.run(1), stored=2)
        assert store.missing_parts(SCOPE, None, 9) == []

    def test_parts_are_read_within_the_bound(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        log = MadeLog(party, rng)
        ids = log.data(4, size=1_000, parts=2)
        take(store, log.run())
        wants = [PartWant(record, 0b11) for record in ids]
        batch = store.read_parts(SCOPE, wants, 2**20)
        assert not batch.more
        assert batch.items == tuple(item_of(log, record, at) for record in ids for at in (0, 1))
        few = store.read_parts(SCOPE, wants, 2_500)
        assert few.more
        assert few.items == batch.items[:2]
        assert store.read_parts(OTHER_SCOPE, wants, 2**20).items == ()

    # Erasing

    def test_an_erased_part_is_gone_and_refused(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard cases 49, 51: the header stays, the root depends on headers only."""
        log = MadeLog(party, rng)
        ids = log.data(3, parts=2)
        log.erase({ids[0]: 0b01, ids[1]: 0b11})
        take(store, log.run())
        absent = {(1, 0), (2, 0), (2, 1)}
        assert served_absent(store, log) == absent
        assert store.missing_parts(SCOPE, None, 9) == []
        assert store.read_parts(SCOPE, [PartWant(ids[0], 0b11)], 2**20).items == (
            item_of(log, ids[0], 1),
        )
        before = root_of(store)
        assert store.store_parts(SCOPE, [item_of(log, ids[0], 0)]) == 0
        take(store, log.run(), stored=0)
        assert served_absent(store, log) == absent
        assert root_of(store) == before

    def test_an_erase_that_comes_first_waits_for_its_target(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 48: the part is refused on arrival."""
        log, eraser = MadeLog(party, rng), MadeLog(party, rng)
        ids = log.data(2, parts=2)
        eraser.erase({ids[0]: 0b10, ids[1]: 0b11, RecordId(rng.randbytes(32)): 1})
        take(store, eraser.run())
        take(store, log.run())
        assert served_absent(store, log) == {(1, 1), (2, 0), (2, 1)}
        assert store.missing_parts(SCOPE, None, 9) == []

    def test_a_missing_part_that_is_erased_is_no_longer_wanted(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        log = MadeLog(party, rng)
        ids = log.data(1, parts=3)
        take(store, log.run(absent=[(1, 0), (1, 1)]))
        log.erase({ids[0]: 0b101})
        take(store, log.run(2))
        assert store.missing_parts(SCOPE, None, 9) == [PartWant(ids[0], 0b010)]

    @pytest.mark.parametrize("may_erase", [True, False])
    def test_another_writer_needs_the_right_to_erase(
        self, store: ReplicaStore, party: Party, rng: random.Random, *, may_erase: bool
    ) -> None:
        """Spec 5.7.2."""
        seed = rng.randbytes(32)
        rights = Rights(EVERYTHING, EVERYTHING, True, True, may_erase)
        event = delegate(party.org, party.events, party.control, seed, rights)
        store.store_events(party.org, [event.to_value()])
        log = MadeLog(party, rng)
        ids = log.data(1)
        eraser = MadeLog(party, rng, seed=seed, writer=public_key(seed), delegation=event.id)
        eraser.erase({ids[0]: 1})
        for run in rng.sample([log.run(), eraser.run()], 2):
            take(store, run)
        assert served_absent(store, log) == ({(1, 0)} if may_erase else set())

    def test_an_erase_by_another_organisation_has_no_effect(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 52, threat 16."""
        other = found(rng, erase=True)
        know(store, other)
        log, eraser = MadeLog(party, rng), MadeLog(other, rng)
        ids = log.data(2)
        eraser.erase({ids[0]: 1, ids[1]: 1})
        take(store, log.run(0, 1))
        take(store, eraser.run())
        take(store, log.run(2))
        assert served_absent(store, log) == set()

    def test_an_erase_of_an_erase_has_no_effect(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        """Hard case 54."""
        log = MadeLog(party, rng)
        [record] = log.data(1)
        first = log.erase({record: 1})
        log.erase({first: 0b1111})
        take(store, log.run())
        assert served_absent(store, log) == {(1, 0)}

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


def _flip_seal(run: LogRun) -> LogRun:
    seal = run.run[4]
    assert isinstance(seal, bytes)
    return LogRun(run.log, [*run.run[:4], bytes([seal[0] ^ 1]) + seal[1:]])


def _flip_part(run: LogRun) -> LogRun:
    records: Any = run.run[3]
    role, salt, data = records[0][5][0]
    records[0][5][0] = [role, salt, bytes([data[0] ^ 1]) + data[1:]]
    return run


def _flip_prev(run: LogRun) -> LogRun:
    prev = run.run[2]
    assert isinstance(prev, bytes)
    return LogRun(run.log, [*run.run[:2], bytes([prev[0] ^ 1]) + prev[1:], *run.run[3:]])


def _no_records(run: LogRun) -> LogRun:
    return LogRun(run.log, [*run.run[:3], [], run.run[4]])
