"""Nothing that a peer hands over surfaces as an exception, and nothing false is ever stored."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.contract_steps import SOURCE, take
from contracts.made_logs import SCOPE, MadeLog
from example_counts import examples
from hutong_node.store.sqlite.verify import verify_store
from hutong_protocol.exchange import LogHeads, LogRun, PartItem, RunWant
from hutong_protocol.faults import Fault
from hutong_protocol.ids import LogId, RecordId
from node.sqlite_stores import OpenStore, opened
from simulation.parties import Party, found

JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(),
        st.binary(max_size=70),
        st.text(max_size=40),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(max_size=8), st.binary(max_size=8)), inner, max_size=3),
    ),
    max_leaves=8,
)
MANY = settings(
    max_examples=examples(200),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)


class World:
    """A store that knows a party and half of one of its logs."""

    def __init__(self, store: OpenStore) -> None:
        rng = random.Random(9)
        self.store = store
        self.party: Party = found(rng)
        store.store_events(self.party.org, self.party.values)
        self.log, self.unknown = MadeLog(self.party, rng), MadeLog(self.party, rng)
        for log in (self.log, self.unknown):
            log.data(12, parts=2)
            log.erase({log.records[3].id: 1})
            log.unknown()
        take(store, self.log.run(0, 5))
        self.root = store.scope_roots([SCOPE])[0].root


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("abused")
    with opened(folder) as store:
        yield World(store)
    assert verify_store(folder / "records.db").problems == []


def places_in(value: object) -> list[tuple[Any, Any]]:
    """Every (container, key) in a value, so that each of its elements can be replaced."""
    found_places: list[tuple[Any, Any]] = []
    if isinstance(value, list):
        found_places += [(value, at) for at in range(len(value))]
    elif isinstance(value, dict):
        found_places += [(value, key) for key in value]
    return found_places + [
        deeper for container, key in found_places for deeper in places_in(container[key])
    ]


@MANY
@given(data=st.data(), junk=JUNK, at=st.integers(0, 10_000), drop=st.booleans())
def test_any_element_of_a_run_may_be_anything(
    world: World, data: st.DataObject, junk: object, at: int, *, drop: bool
) -> None:
    made = data.draw(st.sampled_from([world.log.run(6), world.log.run(0), world.unknown.run()]))
    run = copy.deepcopy(made.run)
    places = places_in(run)
    container, key = places[at % len(places)]
    if drop:
        del container[key]
    else:
        container[key] = junk
    if run == made.run or run[1:] == made.run[1:]:
        return
    [outcome] = world.store.store_runs(SCOPE, [LogRun(made.log, run)], SOURCE)
    assert outcome.stored == 0
    assert world.store.scope_roots([SCOPE])[0].root == world.root


@MANY
@given(value=st.lists(JUNK, max_size=6))
def test_anything_at_all_may_be_handed_over_as_a_run(world: World, value: list[object]) -> None:
    for log in (world.log.log, world.unknown.log, LogId(bytes(32))):
        [outcome] = world.store.store_runs(SCOPE, [LogRun(log, value)], SOURCE)
        assert outcome.fault is not None
        assert outcome.stored == 0


@MANY
@given(values=st.lists(JUNK, max_size=3))
def test_anything_at_all_may_be_handed_over_as_an_event(world: World, values: list[object]) -> None:
    outcome = world.store.store_events(world.party.org, values)
    assert outcome.stored == 0
    assert outcome.fault is not None or not values
    assert outcome.heads == (world.party.delegation,)


@MANY
@given(
    record=st.one_of(st.binary(max_size=40), st.integers(0, 13)),
    position=st.integers(0, 2**53 - 1),
    salt=st.binary(max_size=20),
    content=st.binary(max_size=50),
)
def test_any_part_may_be_handed_over(
    world: World, record: bytes | int, position: int, salt: bytes, content: bytes
) -> None:
    name = world.log.records[record].id if isinstance(record, int) else RecordId(record)
    assert world.store.store_parts(SCOPE, [PartItem(name, position, salt, content)]) == 0


def test_a_claim_of_a_head_far_away_is_only_a_claim(world: World) -> None:
    """Threats 14, 19: nothing is kept of what a peer says that it has."""
    far = world.log.head._replace(seq=2**53 - 1)
    held = world.store.held(SCOPE, [LogHeads(world.log.log, (far,))], [])
    assert [entry.unknown for entry in held.logs] == [(far,)]
    assert held.logs[0].head is not None
    assert held.logs[0].head.seq == 5
    wants = [RunWant(world.log.log, seq) for seq in (6, 2**53 - 1)]
    assert world.store.read_runs(SCOPE, wants, 2**21).runs == ()
    run = world.log.run(6)
    run.run[1] = 2**53 - 1
    [outcome] = world.store.store_runs(SCOPE, [run], SOURCE)
    assert (outcome.fault, outcome.stored) == (Fault.GAP, 0)
