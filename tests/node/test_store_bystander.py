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


def test_a_torn_file_is_damaged_or_cannot_be_asked(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    file = tmp_path / NAME
    data = bytearray(file.read_bytes())
    data[-4_096:] = bytes(4_096)
    file.write_bytes(data)
    assert page_damage(file)
    file.write_bytes(b"no database" * 100)
    assert count_records(file) == 0
    with pytest.raises(sqlite3.Error):
        page_damage(file)
