"""What another process sees of a store that is open: a count, and damage to its pages."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from contracts.contract_steps import take
from contracts.made_logs import MadeLog
from hutong_node.store.sqlite.bystander import count_records, page_damage
from node.sqlite_stores import opened
from simulation.parties import found

NAME = "records.db"


def test_records_are_counted_while_the_store_is_open(tmp_path: Path) -> None:
    rng = random.Random(1)
    party = found(rng)
    assert count_records(tmp_path / NAME) == 0
    with opened(tmp_path) as store:
        assert count_records(tmp_path / NAME) == 0
        store.store_events(party.org, party.values)
        log = MadeLog(party, rng)
        log.data(4)
        take(store, log.run())
        assert count_records(tmp_path / NAME) == 5
    assert count_records(tmp_path / NAME) == 5
    assert page_damage(tmp_path / NAME) == []


def test_what_no_longer_fits_together_is_told(tmp_path: Path) -> None:
    file = tmp_path / NAME
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE words (word TEXT PRIMARY KEY, more TEXT)")
    connection.execute("INSERT INTO words VALUES ('blanket', 'twelve')")
    connection.commit()
    connection.close()
    assert page_damage(file) == []
    data = file.read_bytes()
    assert data.count(b"blanket") == 2
    file.write_bytes(data.replace(b"blanket", b"blinket", 1))
    assert page_damage(file)


def test_a_file_that_is_no_database_holds_nothing_and_cannot_be_asked(tmp_path: Path) -> None:
    file = tmp_path / NAME
    file.write_bytes(b"no database" * 100)
    assert count_records(file) == 0
    with pytest.raises(sqlite3.Error):
        page_damage(file)
