"""The store contract: the three states of a part. Spec: 5.6, 5.7, 7.8."""

from __future__ import annotations

import random

import pytest

from contracts.contract_steps import item_of, know, root_of, served_absent, take
from contracts.made_logs import OTHER_SCOPE, SCOPE, MadeLog
from contracts.opening_contract import OpeningContract
from hutong_protocol.encoding import encode_received
from hutong_protocol.exchange import (
    PartWant,
    ReplicaStore,
    RunWant,
)
from hutong_protocol.identity_contents import EVERYTHING, Rights
from hutong_protocol.ids import RecordId
from hutong_protocol.signatures import public_key
from simulation.parties import Party, delegate, found


class PartsContract(OpeningContract):
    """Missing, late and erased parts."""

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
