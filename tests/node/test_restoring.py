"""Stores that were restored, copied or cloned: when own logs go on, and when they never may."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.contract_steps import SOURCE, served_absent, take
from contracts.made_logs import SCOPE, MadeLog
from hutong_node.marker import Mismatch, read_marker
from hutong_node.store.sqlite.verify import verify_store
from hutong_protocol.exchange import RunWant
from hutong_protocol.faults import Fault
from node.publishing_steps import after_of, publish, serve
from node.sqlite_stores import (
    opened,
    require,
)
from simulation.parties import Party, found


@pytest.fixture
def rng() -> random.Random:
    return random.Random(11)


@pytest.fixture
def party(rng: random.Random) -> Party:
    return found(rng)


def snapshot(folder: Path) -> dict[Path, bytes]:
    """The files of a closed store."""
    return {file: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def put_back(files: dict[Path, bytes], only: str = "") -> None:
    """Puts older content back into the same files, as a restore in place does."""
    for file, content in files.items():
        if only in file.name:
            with file.open("r+b") as stream:
                stream.truncate()
                stream.write(content)


def test_an_intact_store_goes_on_with_its_log(tmp_path: Path, party: Party) -> None:
    """Hard case 33: marker intact, with or without a network: appends freely."""
    with opened(tmp_path, party) as store:
        first = publish(store)
        serve(store, first)
        generation = store.status().generation
    with opened(tmp_path, party) as store:
        assert store.store.mismatch is None
        assert store.status().generation == generation
        second = publish(store)
        assert (second.log, second.first_seq) == (first.log, 2)


def test_what_leaves_is_in_the_marker_before_it_is_handed_over(
    tmp_path: Path, party: Party, rng: random.Random
) -> None:
    stranger = found(rng)
    foreign = MadeLog(stranger, rng)
    marker = tmp_path / "restore-marker"
    with opened(tmp_path, party) as store:
        store.store_events(stranger.org, stranger.values)
        take(store, foreign.run())
        publication = publish(store, 300)
        marked = read_marker(marker)
        assert marked is not None
        assert not isinstance(marked, Mismatch)
        assert marked.left == {}
        wants = [RunWant(publication.log, 0, 2), RunWant(foreign.log, 0)]
        store.read_runs(SCOPE, wants, 2**21)
        marked = read_marker(marker)
        assert not isinstance(marked, Mismatch)
        assert marked is not None
        [(log, place)] = marked.left.items()
        assert (log, place.scope) == (publication.log, SCOPE)
        assert 0 < place.seq < 300
        store.store.mark_left(
            SCOPE, [(publication.log, publication.head), (foreign.log, foreign.head)]
        )
        marked = read_marker(marker)
        assert not isinstance(marked, Mismatch)
        assert marked is not None
        assert {log: place.seq for log, place in marked.left.items()} == {publication.log: 300}


def test_an_older_copy_that_lacks_what_has_left_opens_a_new_log(
    tmp_path: Path, party: Party
) -> None:
    """Threats 25 and 26, hard case 33: no peer is needed to notice."""
    with opened(tmp_path, party) as store:
        publish(store, 2)
    older = snapshot(tmp_path)
    with opened(tmp_path, party) as store:
        lost = publish(store, 3)
        serve(store, lost)
        generation = store.status().generation
    put_back(older, "records.db")
    with opened(tmp_path, party) as store:
        assert store.store.mismatch is Mismatch.STORE_BEHIND
        assert store.status().generation != generation
        publication = publish(store)
        assert publication.log != lost.log
        assert after_of(store, publication) == (lost.log, 5, lost.head.record)
        assert [own.retired is None for own in store.own_logs()].count(True) == 1
    with opened(tmp_path, party) as store:
        assert store.store.mismatch is None
        assert publish(store).log == publication.log
    assert verify_store(tmp_path / "records.db").problems == []


def test_an_older_copy_that_has_what_has_left_goes_on(tmp_path: Path, party: Party) -> None:
    """What never left this disk can't be missed by anybody."""
    with opened(tmp_path, party) as store:
        first = publish(store, 2)
        serve(store, first)
    older = snapshot(tmp_path)
    with opened(tmp_path, party) as store:
        publish(store, 3)
    put_back(older, "records.db")
    with opened(tmp_path, party) as store:
        assert store.store.mismatch is None
        again = publish(store)
        assert (again.log, again.first_seq) == (first.log, 3)


def test_a_store_put_in_place_of_an_empty_one_names_what_the_marker_knows(
    tmp_path: Path, party: Party
) -> None:
    """The database was deleted; the marker remembers what had left."""
    with opened(tmp_path, party) as store:
        lost = publish(store, 4)
        serve(store, lost)
    for file in tmp_path.glob("records.db*"):
        file.unlink()
    with opened(tmp_path, party) as store:
        assert store.store.mismatch is Mismatch.OTHER_STORE
        assert after_of(store, publish(store)) == (lost.log, 4, lost.head.record)


def _remove_marker(folder: Path) -> None:
    (folder / "restore-marker").unlink()


def _damage_marker(folder: Path) -> None:
    (folder / "restore-marker").write_bytes(b"damaged\n")


def _copy_in_place(folder: Path) -> None:
    content = (folder / "records.db").read_bytes()
    (folder / "elsewhere.db").write_bytes(content)
    (folder / "records.db").unlink()
    (folder / "elsewhere.db").rename(folder / "records.db")


@pytest.mark.parametrize(
    ("act", "machine", "expected"),
    [
        (_remove_marker, bytes(32), Mismatch.MARKER_MISSING),
        (_damage_marker, bytes(32), Mismatch.MARKER_DAMAGED),
        (_copy_in_place, bytes(32), Mismatch.STORE_COPIED),
        (lambda folder: None, b"other" + bytes(27), Mismatch.OTHER_MACHINE),
    ],
)
def test_whatever_does_not_fit_its_marker_opens_a_new_log(
    tmp_path: Path,
    party: Party,
    act: Callable[[Path], None],
    machine: bytes,
    expected: Mismatch,
) -> None:
    """Threat 24: the clone opens a new instance, so that two machines never fork a log."""
    with opened(tmp_path, party) as store:
        first = publish(store)
        cursor = store.heads(SCOPE, None, None, 9).cursor
    act(tmp_path)
    with opened(tmp_path, party, machine=machine) as store:
        assert store.store.mismatch is expected
        second = publish(store)
        assert after_of(store, second) == (first.log, 1, first.head.record)
        assert store.heads(SCOPE, cursor, None, 9).full
        [retired] = [own for own in store.own_logs() if own.retired is not None]
        assert (retired.log, retired.retired) == (first.log, expected.value)
    with opened(tmp_path, party, machine=machine) as store:
        assert store.store.mismatch is None
        assert publish(store).log == second.log


def test_own_records_that_come_back_are_kept_and_the_log_given_up(
    tmp_path: Path, party: Party
) -> None:
    """Hard cases 34, 35: database and marker rolled back together, which nobody can notice here."""
    with opened(tmp_path, party) as store:
        publish(store, 2)
    older = snapshot(tmp_path)
    with opened(tmp_path, party) as store:
        lost = publish(store, 3)
        runs = store.read_runs(SCOPE, [RunWant(lost.log, 0)], 2**21).runs
    put_back(older)
    with opened(tmp_path, party) as store:
        assert store.store.mismatch is None
        for run in runs:
            take(store, run)
        assert require(store, lost.records[-1]) is not None
        publication = publish(store)
        assert publication.log != lost.log
        assert after_of(store, publication) == (lost.log, 5, lost.head.record)
    assert verify_store(tmp_path / "records.db").problems == []


def test_a_forked_own_log_is_given_up(tmp_path: Path, party: Party) -> None:
    """Hard cases 31, 35, threat 27: after an undetected rollback the writer stops, and says so."""
    with opened(tmp_path, party) as store:
        publish(store, 2)
    older = snapshot(tmp_path)
    with opened(tmp_path, party) as store:
        lost = publish(store, 3)
        [run] = store.read_runs(SCOPE, [RunWant(lost.log, 0)], 2**21).runs
    put_back(older)
    with opened(tmp_path, party) as store:
        publish(store)
        [outcome] = store.store_runs(SCOPE, [run], SOURCE)
        assert (outcome.fault, outcome.fork_seq) == (Fault.FORK, 3)
        assert store.status().forked_logs == 1
        [proof] = store.fork_proofs()
        assert (proof.log, proof.seq, proof.org) == (lost.log, 3, party.org)
        publication = publish(store)
        assert publication.log != lost.log
        [retired] = [own for own in store.own_logs() if own.retired is not None]
        assert (retired.log, retired.retired) == (lost.log, "it was forked")
    assert verify_store(tmp_path / "records.db").problems == []


def test_own_records_that_are_only_echoed_change_nothing(tmp_path: Path, party: Party) -> None:
    with opened(tmp_path, party) as store:
        publication = publish(store, 3)
        [run] = store.read_runs(SCOPE, [RunWant(publication.log, 0)], 2**21).runs
        take(store, run, stored=0)
        assert publish(store).log == publication.log
        assert served_absent(store, MadeLog(party, random.Random(1))) == set()
