"""What several peers bring is verified once, and nothing passes that did not verify."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.contract_steps import SOURCE, flip_seal, heads_of, take
from contracts.made_logs import SCOPE, MadeLog
from example_counts import examples
from hutong_node.store.interface import PartState
from hutong_node.store.sqlite.verify import verify_store
from hutong_node.verified_seals import VerifiedSeals
from hutong_protocol import signatures
from hutong_protocol.exchange import Head, LogRun, RunWant
from hutong_protocol.faults import Fault
from hutong_protocol.ids import RecordId
from node.sqlite_stores import OpenStore, opened, require
from simulation.parties import Party, found


class Counting:
    """Counts how often a signature is verified, and how often it was right."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = self.right = 0
        self._verify = signatures.verify
        monkeypatch.setattr(signatures, "verify", self)

    def __call__(self, key: bytes, message: bytes, signature: bytes) -> bool:
        self.calls += 1
        right = self._verify(key, message, signature)
        self.right += right
        return right


@pytest.fixture
def rng() -> random.Random:
    return random.Random(65)


@pytest.fixture
def party(rng: random.Random) -> Party:
    return found(rng)


def faults_of(store: OpenStore, runs: Sequence[LogRun]) -> list[Fault | None]:
    return [outcome.fault for outcome in store.store_runs(SCOPE, runs, SOURCE)]


def test_copies_of_a_run_whose_log_cannot_be_kept_yet_are_verified_once(
    tmp_path: Path, party: Party, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hard case 65: five peers bring it before its identity has come, and the five again after."""
    log = MadeLog(party, rng)
    log.data(20)
    with opened(tmp_path) as store:
        counting = Counting(monkeypatch)
        assert faults_of(store, [log.run()] * 5) == [Fault.IDENTITY_NEEDED] * 5
        assert counting.calls == 1
        store.store_events(party.org, party.values)
        known = counting.calls
        assert faults_of(store, [log.run()] * 5) == [None] * 5
        assert counting.calls == known
        assert heads_of(store) == {log.log: log.head}


def test_copies_of_a_refused_branch_are_verified_once(
    tmp_path: Path, party: Party, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hard cases 28, 65."""
    log = MadeLog(party, rng)
    log.data(9)
    branch = log.fork(4)
    branch.data(3)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, log.run())
        counting = Counting(monkeypatch)
        assert faults_of(store, [branch.run(2)]) == [Fault.FORK]
        assert counting.calls == 2  # of the proof one half is checked anew: that of the branch held
        assert faults_of(store, [branch.run(2)] * 4) == [Fault.FORK] * 4
        assert counting.calls == 2
        assert len(store.fork_proofs()) == 1
        assert heads_of(store) == {log.log: log.head}


def test_a_run_that_is_held_entirely_is_not_verified_however_it_was_cut(
    tmp_path: Path, party: Party, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hard case 65: other peers keep other seals, so that their runs end elsewhere."""
    log = MadeLog(party, rng)
    log.data(30)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, log.run())
        counting = Counting(monkeypatch)
        for first, last in ((0, 7), (3, 12), (5, 5), (11, 29), (0, 30)):
            take(store, log.run(first, last), stored=0)
        assert counting.calls == 0


def test_late_parts_of_held_records_need_no_signature(
    tmp_path: Path, party: Party, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their commits vouch for them; those that don't fit are not taken. Spec: 6.4."""
    log = MadeLog(party, rng)
    first, second, third = log.data(3)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, log.run(absent={(1, 0), (2, 0)}))
        counting = Counting(monkeypatch)
        take(store, log.run(0, 2), stored=0)
        take(store, log.run(), stored=0)
        assert counting.calls == 0
        states = [require(store, record).parts[0].state for record in (first, second, third)]
        assert states == [PartState.PRESENT] * 3
        assert store.status().missing_parts == 0


def test_a_bad_seal_on_held_records_is_neither_blamed_nor_kept(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """The records are known to be authentic; what is served later ends at good signatures only."""
    log = MadeLog(party, rng)
    log.data(30)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, log.run())
        take(store, flip_seal(log.run(2, 20)), stored=0)
        take(store, flip_seal(log.run()), stored=0)
        runs = store.read_runs(SCOPE, [RunWant(log.log, 0)], 2**21).runs
        assert [run.run[4] for run in runs] == [log.run().run[4]]
    assert verify_store(tmp_path / "records.db").problems == []


def test_a_seal_that_was_right_for_one_run_vouches_for_no_other(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Threat 1: a run with the remembered seal and other content never passes."""
    log = MadeLog(party, rng)
    log.data(6)
    with opened(tmp_path) as store:
        assert faults_of(store, [log.run()]) == [Fault.IDENTITY_NEEDED]
        store.store_events(party.org, party.values)
        shorter, other = log.run(0, 5), log.run()
        shorter.run[4] = log.run().run[4]
        records = cast("list[Any]", other.run[3])
        role, salt, data = records[1][5][0]
        records[1][5][0] = [role, salt, bytes([data[0] ^ 1]) + data[1:]]
        spoilt = [shorter, other, flip_seal(log.run())]
        assert faults_of(store, spoilt) == [Fault.BAD_SIGNATURE] * 3
        assert store.status().records == 0
        assert faults_of(store, [log.run()]) == [None]


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_nothing_is_held_whose_seal_never_verified(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any runs of a log and a forged branch of it, in any order, cut anywhere, seals mixed up."""
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    party = found(rng)
    log = MadeLog(party, rng)
    log.data(6)
    forged = log.fork(3)
    forged.seed = rng.randbytes(32)
    forged.data(3)
    seals = [one.run(last, last).run[4] for one in (log, forged) for last in range(7)]
    offers = []
    for _ in range(data.draw(st.integers(1, 12))):
        source = data.draw(st.sampled_from((log, log, forged)))
        last = data.draw(st.integers(0, 6))
        run = source.run(data.draw(st.integers(0, last)), last)
        if data.draw(st.integers(0, 3)) == 0:
            run.run[4] = data.draw(st.sampled_from(seals))
        offers.append(run)
    with opened(tmp_path_factory.mktemp("store")) as store:
        for run in offers[:3]:
            faults_of(store, [run])  # before the identity has come
        store.store_events(party.org, party.values)
        for run in offers:
            [outcome] = store.store_runs(SCOPE, [run], SOURCE)
            assert outcome.stored == 0 or outcome.fault is None
        for held in store.log_records(log.log, 0, 99):
            assert held.id == log.records[held.seq].id
        runs = store.read_runs(SCOPE, [RunWant(log.log, 0)], 2**21).runs
        if runs:
            final = store.log_records(log.log, 0, 99)[-1]
            assert signatures.verify(
                party.writer, signatures.record_message(final.id), _seal(runs[-1])
            )
            assert heads_of(store) == {log.log: Head(final.seq, final.id)}


def _seal(run: LogRun) -> bytes:
    seal = run.run[4]
    assert isinstance(seal, bytes)
    return seal


def test_only_so_many_seals_are_remembered() -> None:
    seals = VerifiedSeals(3)
    entries = [(bytes(32), RecordId(bytes([number]) * 32), bytes(64)) for number in range(5)]
    for entry in entries:
        seals.add(*entry)
        seals.add(*entry)
    assert len(seals) == 3
    assert [entry in seals for entry in entries] == [False, False, True, True, True]
    key, record, _ = entries[-1]
    assert (key, record, b"\x01" * 64) not in seals
    assert (b"\x01" * 32, record, bytes(64)) not in seals
