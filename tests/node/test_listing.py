"""Lists of the index: what stands in them after any history, and how they are read.

The tables are a cache, so the first question is whether they equal what the things come to; then
come order, pages and the share that one organisation may take of a page (threat 20).
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bulletin.world import (
    DAY_MS,
    EARLIER,
    HEA,
    LATER,
    NOON_MS,
    Author,
    World,
    exact,
    need_facts,
    offer_facts,
)
from hutong_node.indexing import FoldIndex
from hutong_node.listing import EVERYTHING, PLACE, Role, State
from hutong_node.listing_reading import ListReader, ListState
from hutong_node.listing_values import ListPage, Position, Wanted
from hutong_node.store.interface import NewErase
from hutong_protocol import fold
from hutong_protocol.ids import RecordId
from node.nodes import BASE, FSC, new_node
from node.test_indexing import say
from protocol.fold.histories import history

ALL = (BASE, FSC, HEA)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.close()


def table(index: FoldIndex, sql: str) -> list[tuple[Any, ...]]:
    """Rows straight from the file."""
    connection = sqlite3.connect(index.path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def read(world: World, wanted: Wanted, **options: Any) -> ListPage:
    """One page of the whole node."""
    options = {"after": None, "rows_max": 1_000, "per_party": 1_000, "scopes": ALL} | options
    reader = ListReader(world.node.parts.index.path)
    try:
        with reader.state(options.pop("scopes")) as state:
            return state.page(wanted, **options)
    finally:
        reader.close()


def connection_of(reader: ListReader) -> sqlite3.Connection:
    """What a reader reads through, to look over its shoulder."""
    return reader._index._connection


def ids(page: ListPage) -> list[bytes]:
    return [row.at.id for row in page.rows]


@pytest.mark.parametrize("seed", range(3))
async def test_lists_say_what_things_come_to_after_any_history(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    node = new_node(tmp_path, "node")
    index = node.parts.index
    named: dict[bytes, bytes] = {}
    said: list[RecordId] = []
    for record in history(rng, 60):
        said.append(await say(node, FSC, record, named))
        if rng.random() < 0.1:
            await node.publish(FSC, [NewErase({rng.choice(said): 1})])
        if rng.random() < 0.3:
            await index.follow(node.parts.store)
        if rng.random() < 0.2:
            index.turn_lists(NOON_MS + rng.randrange(-3, 40) * DAY_MS)
    await index.follow(node.parts.store)
    as_of_ms = node.clock.now_ms()
    index.turn_lists(as_of_ms)
    expected: Counter[tuple[bytes, int]] = Counter()
    for view in index.state(as_of_ms).things:
        if view.thing.type in ("need/1", "offer/1"):
            state = State.OPEN if view.life == "active" else State[view.life.upper()]
            if state is State.OPEN and view.coverage == "full":
                state = State.COVERED
            expected[view.key.id, int(state)] += 1
    rows = table(
        index, f"SELECT id, state FROM listed WHERE facet = {EVERYTHING} AND role IN (1, 2)"
    )
    assert Counter(rows) == expected
    counted = table(
        index,
        "SELECT facet, scope, role, state, party, count(*) FROM listed"
        " GROUP BY facet, scope, role, state, party ORDER BY 1, 2, 3, 4, 5",
    )
    kept = "SELECT * FROM counts WHERE things > 0 ORDER BY facet, scope, role, state, party"
    assert table(index, kept) == counted
    again = FoldIndex(tmp_path / "again.db", b"x", node.clock)
    await again.follow(node.parts.store)
    everything = "SELECT id, state, urgency, due_ms, coverage, verification FROM listed ORDER BY id"
    assert table(again, everything) == table(index, everything)
    again.close()
    await node.stop()


async def test_pages_of_any_size_give_every_thing_once_in_order(world: World) -> None:
    rng = Random(5)
    authors = [world.organisation(f"组织 {number}") for number in range(4)]
    for _ in range(40):
        urgency = rng.choice(("immediate", "high", "normal", "low", "x-other"))
        until = f"2026-02-{rng.randint(1, 9):02}T00:00:00Z"
        facts = need_facts(urgency=urgency, valid_until=until)
        rng.choice(authors).say("need/1", rng.choice((FSC, HEA)), facts, {"title": "大米"})
    await world.settle()
    whole = read(world, Wanted(Role.NEED))
    assert whole.total == len(whole.rows) == 40
    assert [row.at for row in whole.rows] == sorted(row.at for row in whole.rows)
    found, after = [], None
    while True:
        page = read(world, Wanted(Role.NEED), after=after, rows_max=7)
        found += ids(page)
        after = page.after
        if after is None:
            break
    assert found == ids(whole)


async def test_who_writes_most_takes_a_share_of_a_page_and_is_told(world: World) -> None:
    """Threat 20: others stay in sight, nothing is lost, and what is left out is counted."""
    loud, quiet = world.organisation("多"), world.organisation("少")
    loud.say_all(FSC, [("need/1", need_facts(urgency="immediate"), {}, {}) for _ in range(90)])
    kept = quiet.say_all(FSC, [("need/1", need_facts(urgency="low"), {}, {}) for _ in range(3)])
    await world.settle()
    page = read(world, Wanted(Role.NEED), rows_max=50, per_party=10)
    by_org = Counter(row.org for row in page.rows)
    assert by_org == {loud.org: 10, quiet.org: 3}
    assert set(kept) <= set(ids(page))
    (left,) = page.left_out
    assert (left.org, left.things) == (loud.org, 80)
    rest = read(world, Wanted(Role.NEED, org=loud.org), after=left.after, rows_max=100)
    shown = {row.at.id for row in page.rows if row.org == loud.org}
    assert len(shown | set(ids(rest))) == 90
    assert not shown & set(ids(rest))
    alone = read(world, Wanted(Role.NEED, org=loud.org), rows_max=50, per_party=10)
    assert len(alone.rows) == 50
    assert alone.left_out == ()


async def test_a_page_costs_no_more_however_much_one_organisation_writes(world: World) -> None:
    """Threat 20: its bar is less than twice; here steps of the database are counted, not time."""
    for number in range(5):
        author = world.organisation(str(number))
        author.say_all(FSC, [("need/1", need_facts(), {}, {}) for _ in range(30)])
    loud = world.organisation("多")

    async def steps() -> int:
        await world.settle()
        reader = ListReader(world.node.parts.index.path)
        counted = [0]

        def count() -> int:
            counted[0] += 1
            return 0

        connection_of(reader).set_progress_handler(count, 10)
        with reader.state(ALL) as state:
            for role in (Role.NEED, Role.OFFER):
                state.page(Wanted(role), after=None, rows_max=50, per_party=10)
            state.latest(Wanted(Role.NEED), rows_max=50, per_party=10)
            state.places("CN:61", places_max=20)
            state.tallies()
        reader.close()
        return counted[0]

    loud.say_all(FSC, [("need/1", need_facts(urgency="immediate"), {}, {}) for _ in range(300)])
    few = await steps()
    loud.say_all(FSC, [("need/1", need_facts(urgency="immediate"), {}, {}) for _ in range(2_000)])
    many = await steps()
    assert few > 20
    assert many < 2 * few


async def test_pages_go_on_where_every_organisation_is_cut_short(world: World) -> None:
    authors = [world.organisation(str(number)) for number in range(2)]
    for author in authors:
        author.say_all(FSC, [("need/1", need_facts(), {}, {}) for _ in range(30)])
    await world.settle()
    seen: set[bytes] = set()
    after: Position | None = None
    left = 0
    for _ in range(60):
        page = read(world, Wanted(Role.NEED), after=after, rows_max=50, per_party=4)
        assert not seen & set(ids(page))
        seen |= set(ids(page))
        left += sum(out.things for out in page.left_out)
        after = page.after
        if after is None:
            break
    assert after is None
    assert len(seen) + left == 60


async def test_filters_find_places_incidents_and_states(world: World) -> None:
    one = world.organisation("一")
    fire = one.say("incident/1", BASE, {"start": EARLIER}, {"title": "火"})
    flood = one.say("incident/1", BASE, {"start": LATER}, {"title": "水"})

    def need(code: str, incident: bytes, **more: Any) -> bytes:
        place = {"codes": [{"scheme": "CN-GB2260", "code": code}]}
        return one.say("need/1", FSC, need_facts(incident, place=place, **more), {})

    yanta = need("610113", fire)
    beilin = need("610103", flood, urgency="high")
    hubei = need("420102", flood, valid_until=EARLIER)
    elsewhere = one.say("need/1", HEA, need_facts(flood), {})
    await world.settle()
    needs = Wanted(Role.NEED)
    assert ids(read(world, Wanted(Role.NEED, place="CN:6101"), scopes=[FSC])) == [beilin, yanta]
    assert set(ids(read(world, needs))) == {yanta, beilin, elsewhere}
    assert ids(read(world, needs, scopes=[HEA])) == [elsewhere]
    assert ids(read(world, Wanted(Role.NEED, (State.EXPIRED,)))) == [hubei]
    both = Wanted(Role.NEED, place="CN:610113", incident=flood.hex())
    assert ids(read(world, both)) == [elsewhere]
    assert ids(read(world, Wanted(Role.NEED, place="CN:99"))) == []
    assert ids(read(world, Wanted(Role.NEED, urgency=1))) == [beilin]
    assert [row.at.id for row in read(world, Wanted(Role.INCIDENT)).rows] == [flood, fire]
    assert ids(read(world, Wanted(Role.NEED, org=b"\1" * 32))) == []


async def test_time_moves_things_between_states_both_ways(world: World) -> None:
    one = world.organisation("一")
    need = one.say("need/1", FSC, need_facts(), {})
    await world.settle()
    index = world.node.parts.index
    over_ms = NOON_MS + 60 * DAY_MS
    for now_ms, state in ((NOON_MS, State.OPEN), (over_ms, State.EXPIRED), (NOON_MS, State.OPEN)):
        index.turn_lists(now_ms)
        for each in State:
            assert ids(read(world, Wanted(Role.NEED, (each,)))) == ([need] if each is state else [])
    places = table(index, "SELECT sum(needs) FROM places")
    assert places == [(3,)]


async def test_promises_deliveries_and_checks_stand_under_those_who_made_them(
    world: World,
) -> None:
    asks, gives, looks = (world.organisation(name) for name in ("求", "供", "核"))
    need = asks.say("need/1", FSC, need_facts(), {})
    line = {"line": "rice", "quantity": exact("200", "kg")}
    promise = gives.say(
        "commitment/1", FSC, {**line, "valid_until": LATER}, thing=need, revision=need
    )
    checked = {"outcome": "confirmed", "method": "on_site", "checked": {"exists": True}}
    looks.say("verify/1", FSC, checked, thing=need, revision=need)
    await world.settle()
    promised = Wanted(Role.PROMISE, tuple(State), org=gives.org)
    delivered = Wanted(Role.DELIVER, tuple(State), org=gives.org)
    assert ids(read(world, promised)) == [need]
    assert ids(read(world, delivered)) == []
    assert ids(read(world, Wanted(Role.CHECK, org=looks.org))) == [need]
    assert ids(read(world, Wanted(Role.NEED, verification=3))) == [need]
    decision = {**line, "outcome": "accept", "commitment_author": gives.org}
    asks.say("decision/1", FSC, decision, thing=need, link=need, revision=need, target=promise)
    gives.say("dispatch/1", FSC, line, thing=need, revision=need, target=promise)
    await world.settle()
    assert ids(read(world, Wanted(Role.NEED))) == []
    assert ids(read(world, Wanted(Role.NEED, (State.COVERED,)))) == [need]
    assert ids(read(world, delivered)) == [need]


def latest(world: World, wanted: Wanted, **options: Any) -> list[bytes]:
    options = {"rows_max": 50, "per_party": 10} | options
    reader = ListReader(world.node.parts.index.path)
    with reader.state(ALL) as state:
        rows = state.latest(wanted, **options)
        things = state.things([thing for thing, _ in rows])
        found = [things[thing].basis.key.id for thing, _ in rows]
    reader.close()
    return found


async def test_what_came_last_stands_first_and_nobody_fills_the_list(world: World) -> None:
    loud, quiet = world.organisation("多"), world.organisation("少")
    first = quiet.say("need/1", FSC, need_facts(urgency="low"), {})
    many = loud.say_all(FSC, [("need/1", need_facts(), {}, {}) for _ in range(40)])
    await world.settle()
    assert latest(world, Wanted(Role.NEED)) == [*reversed(many[-10:]), first]
    note = {"of": "need/1", "body": need_facts(urgency="low")}
    quiet.say("revise/1", FSC, note, thing=first, link=first)
    await world.settle()
    assert latest(world, Wanted(Role.NEED))[0] == first
    assert latest(world, Wanted(Role.NEED, urgency=3)) == [first]
    assert latest(world, Wanted(Role.NEED, place="CN:99")) == []
    assert latest(world, Wanted(Role.OFFER)) == []


async def test_totals_places_and_organisations_count_only_scopes_that_may_be_seen(
    world: World,
) -> None:
    one, two = world.organisation("一"), world.organisation("二")
    one.say_all(FSC, [("need/1", need_facts(), {}, {}) for _ in range(3)])
    two.say("offer/1", HEA, offer_facts(), {})
    two.say("need/1", HEA, need_facts(), {})
    await world.settle()
    reader = ListReader(world.node.parts.index.path)

    def state_facts(state: ListState) -> tuple[Counter[Role], list[tuple[str, int]], list[bytes]]:
        totals: Counter[Role] = Counter()
        for tally in state.tallies():
            totals[tally.role] += tally.things
        return (
            totals,
            state.places("CN:61", places_max=5),
            state.organisations(after=b"", orgs_max=9),
        )

    with reader.state([FSC]) as state:
        assert state_facts(state) == ({Role.NEED: 3}, [("CN:6101", 3)], [one.org])
    with reader.state(ALL) as state:
        totals, places, orgs = state_facts(state)
        assert totals == {Role.NEED: 4, Role.OFFER: 1, Role.CARD: 2}
        assert places == [("CN:6101", 4)]
        assert orgs == sorted([one.org, two.org])
        assert [tally.things for tally in state.tallies(org=two.org, place="CN:610113")] == [1, 1]
        assert state.tallies(org=b"\2" * 32) == []
    with reader.state([]) as state:
        assert state_facts(state) == ({}, [], [])
    reader.close()


async def test_a_thing_outside_the_scopes_that_may_be_seen_is_not_there(world: World) -> None:
    one = world.organisation("一")
    need = one.say("need/1", HEA, need_facts(), {})
    await world.settle()
    reader = ListReader(world.node.parts.index.path)
    with reader.state([FSC, BASE]) as state:
        assert state.thing(need) is None
    with reader.state([HEA]) as state:
        found = state.thing(need)
        assert found is not None
        assert (found.scope, found.records, found.said_ms) == (HEA, 1, NOON_MS)
        assert state.records_of(found.thing, offset=0, records_max=5) == [need]
        assert state.records_of(found.thing, offset=1, records_max=5) == []
        view = fold.view(found.basis, NOON_MS)
        assert view is not None
    reader.close()


async def test_no_words_of_records_stand_in_the_index(world: World) -> None:
    one = world.organisation("只在商店里的名字")
    one.say("need/1", FSC, need_facts(), {"title": "只在商店里的标题", "note": "只在商店里的话"})
    await world.settle()
    await world.close()
    held = world.node.parts.index.path.read_bytes()
    assert "只在商店里".encode() not in held


async def test_every_read_of_a_list_begins_with_a_key(world: World) -> None:
    """Threat 20: no list is made by looking at all of them."""
    author: Author = world.organisation("一")
    author.say("need/1", FSC, need_facts(), {})
    await world.settle()
    reader = ListReader(world.node.parts.index.path)
    seen: list[str] = []
    connection_of(reader).set_trace_callback(seen.append)
    with reader.state(ALL) as state:
        for wanted in (
            Wanted(Role.NEED),
            Wanted(Role.NEED, place="CN:61", incident="00" * 32, coverage=1, org=author.org),
        ):
            state.page(wanted, after=Position(0, 0, b""), rows_max=5, per_party=2)
            state.latest(wanted, rows_max=5, per_party=2)
        state.places("CN:61", places_max=5)
        found = state.thing(bytes(32))
        state.tallies(org=author.org)
    connection_of(reader).set_trace_callback(None)
    assert found is None
    lists = [sql for sql in seen if any(name in sql for name in ("listed", "news", "places"))]
    assert lists
    for sql in lists:
        plan = [row[3] for row in connection_of(reader).execute(f"EXPLAIN QUERY PLAN {sql}")]
        scans = [step for step in plan if step.startswith("SCAN") and step != "SCAN seen"]
        assert scans == [], (sql, plan)
    reader.close()
    assert (
        table(world.node.parts.index, "SELECT kind FROM facets WHERE kind = 'place'")
        == [(PLACE,)] * 3
    )
