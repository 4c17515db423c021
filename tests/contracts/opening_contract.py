"""What every part of the store contract starts from."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.contract_steps import know
from hutong_protocol.exchange import ReplicaStore
from hutong_protocol.ids import OrgId
from simulation.parties import Party, found


class OpeningContract:
    """What each test starts from: a store of its own, which knows the events of `party`."""

    def open(self, folder: Path, own: Party, accepts: Callable[[OrgId], bool]) -> ReplicaStore:
        """A new store of the organisation `own` that takes what `accepts` lets in, any scope."""
        raise AssertionError("a subclass opens the store")

    @pytest.fixture
    def rng(self) -> random.Random:
        return random.Random(20_200_123)

    @pytest.fixture
    def party(self, rng: random.Random) -> Party:
        return found(rng)

    @pytest.fixture
    def store(self, tmp_path: Path, rng: random.Random, party: Party) -> ReplicaStore:
        refused = self.refused = found(rng)
        store = self.open(tmp_path, found(rng), lambda org: org != refused.org)
        know(store, party)
        return store
