"""The store of the node, and that of the simulation, keep the contract of `store_contract`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from contracts.contract_steps import know, root_of, take
from contracts.made_logs import SCOPE, MadeLog
from contracts.store_contract import StoreContract
from hutong_node.store.interface import Policy
from hutong_node.store.sqlite.store import SqliteStore
from hutong_node.store.sqlite.verify import verify_store
from hutong_protocol.exchange import ReplicaStore
from hutong_protocol.ids import OrgId
from node.sqlite_stores import Direct, open_store
from simulation.parties import Party
from simulation.replica import Replica


@dataclass(frozen=True, slots=True)
class _LetIn(Policy):
    """A policy by a function instead of by lists."""

    judge: Callable[[OrgId], bool] = field(default=lambda org: True)

    def lets_in(self, org: bytes) -> bool:
        return self.judge(OrgId(org))

    def accepts(self, org: bytes, scope: object) -> bool:
        return self.judge(OrgId(org))


class TestSqliteStore(StoreContract):
    """SQLite; afterwards each store is checked from the first row to the last."""

    @pytest.fixture(autouse=True)
    def opened(self) -> Iterator[list[tuple[Path, SqliteStore]]]:
        self.stores: list[tuple[Path, SqliteStore]] = []
        yield self.stores
        for folder, store in self.stores:
            store.close()
            assert verify_store(folder / "records.db").problems == []

    def open(self, folder: Path, own: Party, accepts: Callable[[OrgId], bool]) -> ReplicaStore:
        policy = _LetIn(orgs=None, scopes=None, judge=accepts)
        store = open_store(folder, own, policy)
        self.stores.append((folder, store))
        return cast(ReplicaStore, Direct(store))

    def test_everything_is_there_after_a_restart(
        self, store: ReplicaStore, party: Party, rng: random.Random
    ) -> None:
        log = MadeLog(party, rng)
        ids = log.data(300, parts=2)
        log.erase({ids[5]: 3})
        for run in log.runs():
            take(store, run)
        before = (root_of(store), store.heads(SCOPE, None, None, 9))
        [(folder, open_one)] = self.stores
        open_one.close()
        self.stores[0] = (folder, open_store(folder))
        again = cast(ReplicaStore, Direct(self.stores[0][1]))
        assert (root_of(again), again.heads(SCOPE, None, None, 9)) == before
        log.data(1)
        take(again, log.run(302))


class TestStoreOfTheSimulation(StoreContract):
    """The model that simulations run on is a store by the same contract."""

    def open(self, folder: Path, own: Party, accepts: Callable[[OrgId], bool]) -> ReplicaStore:
        replica = Replica(own.org, random.Random(1), accepts)
        know(replica, own)
        return replica
