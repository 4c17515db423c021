"""The local write path: one log a scope, clocks, names, and when a log is given up for good."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from contracts.contract_steps import heads_of, revocation, take
from contracts.made_logs import OTHER_SCOPE, SCOPE, MadeLog
from hutong_node.publishing import PublishingRefused
from hutong_node.store.interface import (
    NewErase,
    NewPart,
    NewRecord,
    PartState,
    Policy,
)
from hutong_node.store.sqlite.verify import verify_store
from hutong_protocol.exchange import RunWant
from hutong_protocol.identity_contents import EVERYTHING, Rights
from hutong_protocol.ids import RecordId
from hutong_protocol.limits import PART_BYTES_MAX
from hutong_protocol.records import open_info, parse_header
from hutong_protocol.signatures import public_key
from node.publishing_steps import after_of, need, publish
from node.sqlite_stores import (
    EVERYBODY,
    FixedClock,
    opened,
    records_in,
    require,
)
from simulation.parties import Party, delegate, found


@pytest.fixture
def rng() -> random.Random:
    return random.Random(11)


@pytest.fixture
def party(rng: random.Random) -> Party:
    return found(rng)


# Signing


def test_a_published_record_is_kept_as_it_was_said(tmp_path: Path, party: Party) -> None:
    clock = FixedClock(1_700_000_000_123)
    new = NewRecord("offer/1", (b"r" * 32,), (NewPart(0, b"f"), NewPart(1, b"t")), {1: 99})
    with opened(tmp_path, party, clock=clock) as store:
        publication = store.publish(SCOPE, [new])
        record = require(store, publication.records[0])
        assert (record.type, record.refs, record.ts, record.kind) == (
            *("offer/1", (b"r" * 32,), 1_700_000_000_123, 1),
        )
        assert [(part.role, part.data, part.state) for part in record.parts] == [
            (0, b"f", PartState.PRESENT),
            (1, b"t", PartState.PRESENT),
        ]
        assert record.parts[0].salt != record.parts[1].salt
        assert record.ext == {"exp": {"1": 99}}
        assert (record.org, record.writer, record.scope) == (party.org, party.writer, SCOPE)
        assert (record.log, record.seq) == (publication.log, 1) == (publication.log, 1)
    assert verify_store(tmp_path / "records.db").problems == []


def test_each_scope_has_one_log_that_its_open_record_describes(
    tmp_path: Path, rng: random.Random
) -> None:
    party = found(rng, spaces=["xian-2021"])
    with opened(tmp_path, party) as store:
        first, again = publish(store), publish(store, 2)
        other = publish(store, scope=OTHER_SCOPE)
        assert first.log == again.log != other.log
        assert (again.first_seq, again.head.seq) == (2, 3)
        record = require(store, first.log)
        info = open_info(parse_header(record.header))
        assert (info.org, info.writer, info.delegation) == (
            *(party.org, party.writer, party.delegation),
        )
        assert info.space_salt == party.salts["xian-2021"]
        assert info.identity == (party.delegation,)
        assert info.after is None
    assert verify_store(tmp_path / "records.db").problems == []


def test_many_records_of_one_request_are_signed_at_their_spacing(
    tmp_path: Path, party: Party
) -> None:
    """Spec 6.1.3."""
    with opened(tmp_path, party) as store:
        publication = publish(store, 600)
        assert len(set(publication.records)) == 600
        batch = store.read_runs(SCOPE, [RunWant(publication.log, 0)], 2**21)
        assert len(records_in(batch)) == 601
    found_out = verify_store(tmp_path / "records.db")
    assert (found_out.problems, found_out.records) == ([], 601)


def test_a_trickle_keeps_enough_signatures_and_few_more(tmp_path: Path, party: Party) -> None:
    """Spec 6.6.4: single appends do not leave a signature each."""
    with opened(tmp_path, party) as store:
        log = publish(store).log
        for _ in range(599):
            publish(store)
        seals = store.store._writer.submit(
            lambda replica: replica.connection.execute("SELECT count(*) FROM seals").fetchone()[0]
        ).result()
        assert seals <= 8
        batch = store.read_runs(SCOPE, [RunWant(log, 17)], 2**21)
        assert len(records_in(batch)) == 601 - 17
    assert verify_store(tmp_path / "records.db").problems == []


def test_the_clock_is_one_above_what_the_organisation_has_said_in_the_scope(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Spec 5.4.1: other writers of the organisation count, other organisations don't."""
    seed = rng.randbytes(32)
    rights = Rights(EVERYTHING, EVERYTHING, True, True, False)
    event = delegate(party.org, party.events, party.control, seed, rights)
    colleague = MadeLog(party, rng, seed=seed, writer=public_key(seed), delegation=event.id)
    colleague.data(20)
    stranger = found(rng)
    foreign = MadeLog(stranger, rng)
    foreign.data(50)
    with opened(tmp_path, party) as store:
        store.store_events(party.org, [event.to_value()])
        store.store_events(stranger.org, stranger.values)
        take(store, foreign.run())
        first = publish(store, 2)
        take(store, colleague.run())
        second = publish(store, 2)
        said = (RecordId(first.log), *first.records, *second.records)
        clocks = [require(store, one).clock for one in said]
        assert clocks == [1, 2, 3, 22, 23]


def test_a_clock_far_ahead_is_not_adopted_and_raises_an_alarm(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Spec 5.4.2."""
    colleague = MadeLog(party, rng)
    colleague._state = colleague._state.__class__(
        *(colleague.log, 0, colleague.head.record, False, 2**40, colleague._state.identity)
    )
    colleague.data(1)
    with opened(tmp_path, party) as store:
        publish(store)
        take(store, colleague.run())
        publication = publish(store)
        assert publication.clock_alarm
        assert require(store, publication.records[0]).clock == 3


def test_the_first_record_after_a_change_names_the_new_identity(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    """Spec 5.3.2."""
    rights = Rights(EVERYTHING, EVERYTHING, True, True, False)
    event = delegate(party.org, party.events, party.control, rng.randbytes(32), rights)
    with opened(tmp_path, party) as store:
        before = publish(store)
        store.store_events(party.org, [event.to_value()])
        after = publish(store, 2)
        exts = [require(store, one).ext for one in (*before.records, *after.records)]
        assert exts == [{}, {"identity": [event.id]}, {}]


def test_an_erase_of_an_own_record_takes_effect_at_once(tmp_path: Path, party: Party) -> None:
    with opened(tmp_path, party) as store:
        text = b"telephone 029-0000"
        publication = store.publish(SCOPE, [NewRecord("post/1", parts=(NewPart(1, text),))])
        assert any(text in file.read_bytes() for file in tmp_path.iterdir())
        store.publish(SCOPE, [NewErase({publication.records[0]: 1})])
        [part] = require(store, publication.records[0]).parts
        assert (part.state, part.data, part.salt) == (PartState.ERASED, b"", b"")
        assert not any(text in file.read_bytes() for file in tmp_path.iterdir())


def test_a_closed_log_is_followed_by_another_that_names_it(tmp_path: Path, party: Party) -> None:
    """Spec 5.11."""
    with opened(tmp_path, party) as store:
        assert store.close_log(SCOPE) is None
        first = publish(store)
        head = store.close_log(SCOPE)
        assert head is not None
        assert head.seq == 2
        second = publish(store)
        assert after_of(store, second) == (first.log, 2, head.record)
    assert verify_store(tmp_path / "records.db").problems == []


# Names of requests


def test_the_same_request_under_its_name_signs_nothing_again(tmp_path: Path, party: Party) -> None:
    with opened(tmp_path, party) as store:
        first = store.publish(SCOPE, [need(), need()], "import-7", b"digest")
        heads = heads_of(store)
        again = store.publish(SCOPE, [need()], "import-7", b"digest")
        assert again.again
        assert (again.records, again.log, again.head) == (first.records, first.log, first.head)
        assert heads_of(store) == heads
        with pytest.raises(PublishingRefused, match="another request"):
            store.publish(SCOPE, [need()], "import-7", b"other")
    with opened(tmp_path, party) as store:
        assert store.publish(SCOPE, [need()], "import-7", b"digest").records == first.records


@pytest.mark.parametrize("name", ["", "x" * 201])
def test_a_name_has_a_length(tmp_path: Path, party: Party, name: str) -> None:
    with opened(tmp_path, party) as store, pytest.raises(PublishingRefused, match="200"):
        store.publish(SCOPE, [need()], name)


# What is refused


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [need()] * 10_001,
        [NewRecord("Need/1")],
        [NewRecord("need/1", parts=(NewPart(0, b"x" * (PART_BYTES_MAX + 1)),))],
        [NewRecord("need/1", parts=(NewPart(0, b""),))],
        [NewRecord("need/1", parts=(NewPart(1, b"x"), NewPart(0, b"x")))],
        [NewRecord("need/1", refs=(b"short",))],
        [NewRecord("need/1", parts=(NewPart(2, b"sealed without expiry"),))],
        [NewRecord("need/1", parts=(NewPart(0, b"x"),), expires_ms={0: 5})],
        [NewErase({RecordId(bytes([n]) * 32): 1 for n in range(17)})],
        [NewErase({})],
        [need(), NewErase({RecordId(bytes(32)): 16})],
    ],
)
def test_a_wrong_statement_is_refused_and_nothing_of_its_request_is_kept(
    tmp_path: Path, party: Party, wrong: list[NewRecord]
) -> None:
    with opened(tmp_path, party) as store:
        with pytest.raises(PublishingRefused):
            store.publish(SCOPE, wrong, "named", b"")
        assert store.scopes() == []
        assert store.status().records == 0
        assert not store.publish(SCOPE, [need()], "named", b"").again


def test_nothing_is_signed_without_a_right(tmp_path: Path, rng: random.Random) -> None:
    def try_publishing(name: str, party: Party | None, policy: Policy, match: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        with opened(folder, party, policy) as store:
            with pytest.raises(PublishingRefused, match=match):
                publish(store)
            assert store.status().records == 0

    try_publishing("no key", None, EVERYBODY, "no writer key")
    try_publishing("no right", found(rng, write=False), EVERYBODY, "not-accepted")
    try_publishing("elsewhere", found(rng, spaces=["other"]), EVERYBODY, "not-accepted")
    try_publishing("not held", found(rng), Policy(), "does not hold the scope")


def test_a_frozen_organisation_publishes_nothing_more(tmp_path: Path, party: Party) -> None:
    """Spec 4.9.2."""
    with opened(tmp_path, party) as store:
        publish(store)
        store.store_events(party.org, [revocation(party)])
        with pytest.raises(PublishingRefused, match="upgrade-needed"):
            publish(store)
        with pytest.raises(PublishingRefused, match="upgrade-needed"):
            publish(store, scope=OTHER_SCOPE)
