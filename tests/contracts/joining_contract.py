"""The store contract: which runs are taken, which refused and why. Spec: 4.11, 6.3, 6.4."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from contracts.contract_steps import (
    SOURCE,
    flip_part,
    flip_prev,
    flip_seal,
    heads_of,
    know,
    no_records,
    refuse,
    revocation,
    root_of,
    take,
)
from contracts.made_logs import OTHER_SCOPE, SCOPE, MadeLog
from contracts.opening_contract import OpeningContract
from hutong_protocol import tree
from hutong_protocol.encoding import encode_received
from hutong_protocol.exchange import (
    Head,
    LogHeads,
    ReplicaStore,
    RunWant,
)
from hutong_protocol.faults import Fault
from hutong_protocol.identity import evaluate
from hutong_protocol.ids import LogId
from hutong_protocol.signatures import public_key
from simulation.parties import Party, found


class JoiningContract(OpeningContract):
    """Empty stores, joining, and who may write."""

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
        for spoil in (flip_seal, flip_part, flip_prev, no_records):
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
        assert not refuse(store, after.run(4), Fault.LOG_CLOSED, held=log.head).blames
        # What one run shows by itself is its own fault.
        assert refuse(store, after.run(3), Fault.LOG_CLOSED, held=log.head).blames

    def test_runs_of_one_batch_are_judged_one_by_one(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        log, other = MadeLog(party, rng), MadeLog(party, rng)
        log.data(4)
        batch = [log.run(0, 1), flip_seal(log.run(2)), other.run(), log.run(4), log.run(2)]
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
