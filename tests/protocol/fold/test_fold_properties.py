"""What holds for every set of records. Spec: 12.9, 12.15, 12.20."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from example_counts import examples
from hutong_protocol.fold import (
    FoldRecord,
    FoldState,
    IncrementalFold,
    LineView,
    PartState,
    ThingKey,
    affected_things,
    decode_basis,
    encode_basis,
    fold,
    reduce_thing,
    state_json,
    thing_digest,
    thing_of,
    view,
)
from hutong_protocol.schema import RECORD_TYPES, decode_part
from protocol.fold.histories import history
from protocol.fold.scenes import NOON, SPACE, TOPIC, at, org

SEEDS = st.integers(0, 2**32 - 1)
INSTANTS = st.sampled_from([0, at(NOON), at("2022-01-04T00:00:00Z"), at("2023-01-01T00:00:00Z")])


def as_bytes(state: FoldState) -> bytes:
    """Everything a fold says, as bytes."""
    return json.dumps(state_json(state), sort_keys=True).encode()


@settings(max_examples=examples(40))
@given(SEEDS, INSTANTS, st.integers(5, 120))
def test_any_permutation_and_multiset_of_the_records_folds_to_the_same_bytes(
    seed: int, as_of_ms: int, steps: int
) -> None:
    """Threat 4."""
    rng = Random(seed)
    records = history(rng, steps)
    expected = as_bytes(fold(records, as_of_ms))
    again = [*records, *rng.choices(records, k=len(records))]
    rng.shuffle(again)
    assert as_bytes(fold(again, as_of_ms)) == expected


@settings(max_examples=examples(25))
@given(SEEDS)
def test_a_copy_without_its_facts_changes_nothing_beside_the_one_with_them(seed: int) -> None:
    rng = Random(seed)
    records = history(rng, 40)
    expected = as_bytes(fold(records, at(NOON)))
    bare = [replace(r, facts=None, facts_state=PartState.MISSING) for r in rng.sample(records, 10)]
    present = [record for record in records if record.facts_state is PartState.PRESENT]
    known = {record.id for record in present}
    bare = [record for record in bare if record.id in known]
    assert as_bytes(fold([*bare, *records], at(NOON))) == expected


@settings(max_examples=examples(40))
@given(SEEDS)
def test_what_matters_to_no_number_changes_no_byte(seed: int) -> None:
    """Threat 18: wall time decides nothing."""
    rng = Random(seed)
    records = history(rng, 40)
    altered = [
        replace(
            record,
            ts_ms=rng.randint(0, 2**53 - 1),
            writer=org(str(rng.random())),
            log=org(str(rng.random())),
            seq=rng.randint(0, 2**53 - 1),
            text=b"\xc1",
        )
        for record in records
    ]
    assert as_bytes(fold(altered, at(NOON))) == as_bytes(fold(records, at(NOON)))


@settings(max_examples=examples(40))
@given(SEEDS, INSTANTS)
def test_the_incremental_index_equals_the_fold_after_any_history(seed: int, as_of_ms: int) -> None:
    """Records come, are cut away, lose and get their facts; each touches one thing."""
    rng = Random(seed)
    records = history(rng, 60)
    rng.shuffle(records)
    index = IncrementalFold()
    held: dict[bytes, FoldRecord] = {}
    for record in records:
        written = index.cost.bases_written
        touched = index.add([record, record])
        held[record.id] = record
        assert touched == affected_things(record)
        assert index.cost.bases_written == written + 1
        roll = rng.random()
        victim = rng.choice(list(held))
        if roll < 0.1:
            assert len(index.remove([victim])) == 1
            del held[victim]
        elif roll < 0.2:
            held[victim] = replace(held[victim], facts=None, facts_state=PartState.ERASED)
            assert index.set_facts(victim, PartState.ERASED) == affected_things(held[victim])
        if rng.random() < 0.15:
            assert as_bytes(index.state(as_of_ms)) == as_bytes(fold(held.values(), as_of_ms))
    assert as_bytes(index.state(as_of_ms)) == as_bytes(fold(held.values(), as_of_ms))


@settings(max_examples=examples(25))
@given(SEEDS)
def test_what_is_held_already_costs_nothing(seed: int) -> None:
    rng = Random(seed)
    records = history(rng, 30)
    index = IncrementalFold()
    index.add(records)
    cost = replace(index.cost)
    assert index.add(records) == frozenset()
    assert index.remove([org("unknown")]) == frozenset()
    assert index.set_facts(org("unknown"), PartState.ERASED) == frozenset()
    assert index.cost == cost


@settings(max_examples=examples(25))
@given(SEEDS)
def test_a_basis_survives_its_form_as_bytes(seed: int) -> None:
    groups: dict[object, list[FoldRecord]] = {}
    for record in history(Random(seed), 50):
        groups.setdefault(thing_of(record), []).append(record)
    for group in groups.values():
        basis = reduce_thing(group)
        assert decode_basis(encode_basis(basis)) == basis


ANY_BYTES = st.one_of(st.binary(max_size=60), st.sampled_from([b"\x80", b"\xc0", b"\x81\xa1a\xc0"]))
ANY_RECORD = st.builds(
    FoldRecord,
    id=st.binary(min_size=1, max_size=1).map(lambda b: b * 32),
    org=st.binary(min_size=1, max_size=1).map(lambda b: b * 32),
    writer=st.just(b""),
    clock=st.integers(1, 3),
    ts_ms=st.just(0),
    space=st.just(SPACE),
    topic=st.sampled_from(["base", TOPIC]),
    type=st.sampled_from([*RECORD_TYPES, "what/1"]),
    refs=st.lists(
        st.one_of(st.just(b""), st.binary(min_size=1, max_size=1).map(lambda b: b * 32)),
        max_size=12,
    ).map(tuple),
    facts=ANY_BYTES,
    facts_state=st.sampled_from(PartState),
)


@settings(max_examples=examples(200))
@given(st.lists(ANY_RECORD, max_size=25), SEEDS)
def test_no_bytes_in_facts_and_no_refs_raise(records: list[FoldRecord], seed: int) -> None:
    """Hard case 38; cycles of `replaces` and `first` are possible here though not with hashes."""
    once = {record.id: record for record in records}
    expected = as_bytes(fold(once.values(), 0))
    shuffled = list(once.values())
    Random(seed).shuffle(shuffled)
    assert as_bytes(fold(shuffled, 0)) == expected


@settings(max_examples=examples(60))
@given(SEEDS, INSTANTS)
def test_the_numbers_of_every_line_fit_together(seed: int, as_of_ms: int) -> None:
    for thing in fold(history(Random(seed), 80, wrongness=0.05), as_of_ms).things:
        for line in thing.lines:
            check_line(line)


def check_line(line: LineView) -> None:
    """Relations between the numbers that follow from their definitions."""
    for numbers in (line.numbers, *line.other):
        sums = (numbers.accepted, numbers.in_transit, numbers.received, numbers.pledged)
        assert min(*sums, numbers.proxy, numbers.possible, numbers.reported) >= 0
        assert numbers.pledged >= numbers.accepted
        target = numbers.required
        if target is None:
            assert numbers.open is None
            continue
        assert numbers.open is not None
        assert numbers.open_if_all_pledges_hold is not None
        assert max(0, target - numbers.received - numbers.accepted) <= numbers.open <= target
        assert numbers.open_if_all_pledges_hold <= numbers.open
        assert numbers.over_promised == max(0, numbers.pledged + numbers.proxy - target)


def named_by(author: bytes, records: list[FoldRecord]) -> set[bytes]:
    """The author of a need and everybody whom its own records about it name."""
    found = {author}

    def walk(value: object) -> None:
        if isinstance(value, bytes):
            found.add(value)
        elif isinstance(value, list | dict):
            for element in value.values() if isinstance(value, dict) else value:
                walk(element)

    for record in records:
        if record.org == author and record.facts is not None:
            walk(decode_part(record.facts))
    return found


@settings(max_examples=examples(60))
@given(SEEDS)
def test_settled_numbers_need_only_the_steward_and_those_whom_it_names(seed: int) -> None:
    """The invariant of section 12.15: whoever else is held or not, the digest of a thing stays."""
    groups: dict[ThingKey, list[FoldRecord]] = {}
    for record in history(Random(seed), 100, wrongness=0.05):
        groups.setdefault(thing_of(record), []).append(record)
    for key, group in groups.items():
        author = next(record.org for record in group if record.id == key.id)
        named = named_by(author, group)
        everything = view(reduce_thing(group), at(NOON))
        settled = view(reduce_thing([r for r in group if r.org in named]), at(NOON))
        if everything is not None:
            assert settled is not None
            assert thing_digest(everything) == thing_digest(settled)


@settings(max_examples=examples(60))
@given(SEEDS, st.sampled_from([0.05, 0.15]))
def test_whom_a_need_names_is_known_from_its_author_alone_and_is_enough(
    seed: int, wrongness: float
) -> None:
    """Section 12.22: a node that holds a need's author finds out whom else to store, and with them
    the settled numbers are those of a node that holds everybody."""
    groups: dict[ThingKey, list[FoldRecord]] = {}
    for record in history(Random(seed), 100, wrongness=wrongness):
        groups.setdefault(thing_of(record), []).append(record)
    for key, group in groups.items():
        author = next(record.org for record in group if record.id == key.id)
        own = reduce_thing([record for record in group if record.org == author]).thing
        if own is None:
            continue
        enough = [record for record in group if record.org in {author, *own.named}]
        everything = reduce_thing(group)
        assert everything.thing is not None
        assert everything.thing.named == own.named
        with_all, with_named = view(everything, at(NOON)), view(reduce_thing(enough), at(NOON))
        assert with_all is not None
        assert with_named is not None
        assert thing_digest(with_all) == thing_digest(with_named)
