"""What a node stores of whom: who is let in, scopes held, quotas, strangers, and refusals kept."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from contracts.contract_steps import SOURCE, item_of, revocation, take
from contracts.made_logs import OTHER_SCOPE, SCOPE, MadeLog
from hutong_node.store.interface import Policy
from hutong_node.store.sqlite.verify import verify_store
from hutong_protocol.exchange import LogHeads
from hutong_protocol.faults import Fault
from hutong_protocol.identity_contents import EVERYTHING, Rights
from hutong_protocol.ids import OrgId
from node.sqlite_stores import OpenStore, opened, records_in
from simulation.parties import Party, delegate, found, more_events

NOBODY = Policy(orgs=frozenset(), scopes=frozenset({SCOPE}))


@pytest.fixture
def rng() -> random.Random:
    return random.Random(3)


@pytest.fixture
def party(rng: random.Random) -> Party:
    return found(rng)


def fault_of(store: OpenStore, log: MadeLog, first: int = 0) -> Fault | None:
    """What becomes of the rest of a log."""
    [outcome] = store.store_runs(log.scope, [log.run(first)], SOURCE)
    return outcome.fault


def test_a_policy_says_who_is_let_in_where() -> None:
    one, two, three = (OrgId(bytes([number]) * 32) for number in range(3))
    policy = Policy(
        orgs=frozenset({one}), scopes=frozenset({SCOPE}), orgs_in={SCOPE: frozenset({two})}
    )
    assert policy.accepts(one, SCOPE)
    assert policy.accepts(two, SCOPE)
    assert not policy.accepts(three, SCOPE)
    assert not policy.accepts(one, OTHER_SCOPE)
    assert [policy.lets_in(org) for org in (one, two, three)] == [True, True, False]
    assert Policy(orgs=None, scopes=None).accepts(three, OTHER_SCOPE)
    assert not Policy().accepts(one, SCOPE)


def test_nothing_is_taken_of_others_without_a_policy(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    log = MadeLog(party, rng)
    with opened(tmp_path, policy=NOBODY) as store:
        store.store_events(party.org, party.values)
        assert fault_of(store, log) is Fault.NOT_ACCEPTED
        store.set_policy(Policy(frozenset({party.org}), frozenset({SCOPE})))
        assert fault_of(store, log) is None
        log.data(1)
        store.set_policy(NOBODY)
        assert fault_of(store, log, 1) is Fault.NOT_ACCEPTED
        assert store.status().records == 1


def test_a_scope_that_is_not_held_is_refused(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    policy = Policy(orgs=None, scopes=frozenset({SCOPE}))
    with opened(tmp_path, policy=policy) as store:
        store.store_events(party.org, party.values)
        assert fault_of(store, MadeLog(party, rng, OTHER_SCOPE)) is Fault.NOT_ACCEPTED
        assert fault_of(store, MadeLog(party, rng)) is None
        assert store.scopes() == [SCOPE]


def test_a_stranger_costs_no_signature_check(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Threat 11: an organisation that isn't let in is refused by its name alone."""
    log = MadeLog(party, rng)
    run = log.run()
    run.run[4] = bytes(64)
    with opened(tmp_path, policy=NOBODY) as store:
        [outcome] = store.store_runs(SCOPE, [run], SOURCE)
        assert outcome.fault is Fault.NOT_ACCEPTED


def test_what_was_refused_is_not_asked_for_in_every_session(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Hard case 77."""
    log, other, frozen = MadeLog(party, rng), MadeLog(party, rng), found(rng)
    frozen_log = MadeLog(frozen, rng)
    asked = [LogHeads(one.log, (one.head,)) for one in (log, other)]
    with opened(tmp_path, policy=NOBODY) as store:
        store.store_events(party.org, party.values)
        assert [entry.refused for entry in store.held(SCOPE, asked, []).logs] == [None, None]
        fault_of(store, log)
        found_out = store.held(SCOPE, asked, [party.org])
        assert [entry.refused for entry in found_out.logs] == [Fault.NOT_ACCEPTED, None]
        assert found_out.orgs == ()
        unheld = store.held(OTHER_SCOPE, asked, []).logs
        assert {entry.refused for entry in unheld} == {Fault.NOT_ACCEPTED}
        store.set_policy(Policy(orgs=None, scopes=None))
        assert [entry.refused for entry in store.held(SCOPE, asked, []).logs] == [None, None]
        store.store_events(frozen.org, frozen.values)
        take(store, frozen_log.run())
        frozen_log.data(1)
        store.store_events(frozen.org, [revocation(frozen)])
        asked = [LogHeads(frozen_log.log, (frozen_log.head,))]
        found_out = store.held(SCOPE, asked, [frozen.org])
        assert [entry.refused for entry in found_out.logs] == [Fault.UPGRADE_NEEDED]
        assert len(found_out.orgs) == 1
        assert store.status().frozen_orgs == (frozen.org,)


def test_over_quota_headers_are_kept_and_parts_are_missing(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Spec 6.5.3: chains and erasures still arrive."""
    log = MadeLog(party, rng)
    ids = log.data(30, size=1_000)
    policy = Policy(orgs=None, scopes=None, part_bytes_max=10_000)
    with opened(tmp_path, policy=policy) as store:
        store.store_events(party.org, party.values)
        take(store, log.run(0, 8), stored=9)
        take(store, log.run(9), stored=22)
        assert store.status().missing_parts == 22
        # Two more parts fit; then the organisation has its share, and nothing more is wanted.
        items = [item_of(log, identifier, 0) for identifier in ids[8:14]]
        assert store.store_parts(SCOPE, items) == 2
        assert store.missing_parts(SCOPE, None, 99) == []
        log.erase({ids[0]: 1, ids[1]: 1})
        take(store, log.run(31), stored=1)
        assert store.store_parts(SCOPE, items) == 2
        store.set_policy(Policy(orgs=None, scopes=None))
        assert len(store.missing_parts(SCOPE, None, 99)) == 18
    assert verify_store(tmp_path / "records.db").problems == []


def test_an_organisation_opens_only_so_many_logs(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    other = found(rng)
    with opened(tmp_path, policy=Policy(orgs=None, scopes=None, logs_max=2)) as store:
        for known in (party, other):
            store.store_events(known.org, known.values)
        faults = [fault_of(store, MadeLog(party, rng)) for _ in range(3)]
        assert faults == [None, None, Fault.QUOTA]
        assert fault_of(store, MadeLog(other, rng)) is None


def test_strangers_are_known_by_their_events_up_to_a_number(
    tmp_path: Path, rng: random.Random
) -> None:
    """A peer shows who it is before anybody lets it in."""
    policy = Policy(orgs=frozenset(), scopes=frozenset(), strangers_max=3)
    strangers = [found(rng) for _ in range(5)]
    with opened(tmp_path, policy=policy) as store:
        faults = [store.store_events(one.org, one.values).fault for one in strangers]
        assert faults == [None, None, None, Fault.QUOTA, Fault.QUOTA]
        assert store.identity(strangers[0].org) is not None
        assert store.identity(strangers[4].org) is None
        many = [event.to_value() for event in more_events(strangers[0], 70, rng)]
        assert store.store_events(strangers[0].org, many).fault is Fault.QUOTA
        store.set_policy(Policy(frozenset({strangers[4].org}), frozenset()))
        assert store.store_events(strangers[4].org, strangers[4].values).fault is None


def test_events_wait_for_their_ancestors_over_a_restart(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Spec 4.5.2: a bad copy does not displace a good one."""
    rights = Rights(EVERYTHING, EVERYTHING, True, True, False)
    later = delegate(party.org, party.events, party.control, rng.randbytes(32), rights)
    [(key, signature)] = later.signatures
    bad = [later.body, [[key, bytes([signature[0] ^ 1]) + signature[1:]]], None]
    with opened(tmp_path) as store:
        outcome = store.store_events(party.org, [bad, later.to_value(), later.to_value()])
        assert (outcome.stored, outcome.fault, outcome.heads) == (0, None, ())
        assert outcome.waiting == 3
        assert store.identity(party.org) is None
    with opened(tmp_path) as store:
        outcome = store.store_events(party.org, [party.values[1]])
        assert (outcome.stored, outcome.waiting) == (0, 1)
        outcome = store.store_events(party.org, [party.values[0]])
        assert (outcome.stored, outcome.heads) == (3, (later.id,))
    with opened(tmp_path) as store:
        state = store.identity(party.org)
        assert state is not None
        assert (state.heads, state.waiting) == ((later.id,), frozenset())
    assert verify_store(tmp_path / "records.db").problems == []


def test_events_of_another_organisation_are_a_fault(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    with opened(tmp_path) as store:
        outcome = store.store_events(found(rng).org, party.values)
        assert (outcome.stored, outcome.fault) == (0, Fault.BAD_EVENT)


def test_a_record_that_names_an_unknown_event_asks_for_it(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Spec 5.3.2: identity behind."""
    rights = Rights(EVERYTHING, EVERYTHING, True, True, False)
    later = delegate(party.org, party.events, party.control, rng.randbytes(32), rights)
    log = MadeLog(party, rng)
    log.data(1)
    log.knows = (later.id,)
    log.data(1)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        [outcome] = store.store_runs(SCOPE, [log.run(0, 1)], SOURCE)
        assert (outcome.fault, outcome.needs) == (None, None)
        [outcome] = store.store_runs(SCOPE, [log.run(2)], SOURCE)
        assert (outcome.fault, outcome.stored, outcome.needs) == (None, 1, party.org)


def test_two_proofs_of_one_fork_are_one(tmp_path: Path, party: Party, rng: random.Random) -> None:
    """Threat 15: the proof is kept; of five branches four are enough to show it."""
    log = MadeLog(party, rng)
    log.data(4, parts=2)
    branches = [log.fork(2) for _ in range(6)]
    for branch in branches:
        branch.data(1)
    with opened(tmp_path) as store:
        store.store_events(party.org, party.values)
        take(store, log.run())
        for branch in (*branches, *branches):
            assert fault_of(store, branch, 3) is Fault.FORK
        proofs = store.fork_proofs()
        assert len(proofs) == 4
        assert {(proof.log, proof.seq, proof.scope) for proof in proofs} == {(log.log, 3, SCOPE)}
        assert all(log.part(log.records[3].id).data not in proof.held for proof in proofs)
        assert store.status().forked_logs == 1
        below = log.fork(1)
        below.data(3)
        assert fault_of(store, below, 4) is Fault.FORK
        assert len(store.fork_proofs()) == 4
        assert len(records_in(store.read_runs(SCOPE, [], 2**21))) == 0
