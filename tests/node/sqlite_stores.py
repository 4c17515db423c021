"""SQLite stores for tests, opened in folders of their own and always closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

from hutong_node.publishing import OwnWriter
from hutong_node.store.interface import Policy, StoredRecord, StoreMethods
from hutong_node.store.sqlite.store import SqliteStore
from hutong_protocol.exchange import RunsBatch
from hutong_protocol.ids import RecordId
from simulation.parties import Party

MACHINE = bytes(32)
EVERYBODY = Policy(orgs=None, scopes=None)


class FixedClock:
    """A clock that tests move."""

    def __init__(self, now_ms: int = 1_600_000_000_000) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms

    def monotonic_s(self) -> float:
        return self.ms / 1_000


class OpenStore(StoreMethods, Protocol):
    """What tests see of an open store: its methods, and the store itself."""

    store: SqliteStore


class Direct:
    """The methods of a store to be called without an event loop."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self.store.run, getattr(StoreMethods, name))


def writer_of(party: Party) -> OwnWriter:
    """What a party publishes with."""
    return OwnWriter(party.org, party.delegation, party.seed, party.salts)


def open_store(
    folder: Path,
    own: Party | None = None,
    policy: Policy = EVERYBODY,
    clock: FixedClock | None = None,
    machine: bytes = MACHINE,
) -> SqliteStore:
    """The store in `folder`, which may have been there before."""
    return SqliteStore(
        folder / "records.db",
        folder / "restore-marker",
        own=None if own is None else writer_of(own),
        policy=policy,
        clock=clock or FixedClock(),
        machine=machine,
    )


@contextmanager
def opened(
    folder: Path,
    own: Party | None = None,
    policy: Policy = EVERYBODY,
    clock: FixedClock | None = None,
    machine: bytes = MACHINE,
) -> Iterator[OpenStore]:
    """As `open_store`, closed at the end; if it has an own party, that one is known to it."""
    store = open_store(folder, own, policy, clock, machine)
    try:
        direct = cast(OpenStore, Direct(store))
        if own is not None:
            direct.store_events(own.org, own.values)
        yield direct
    finally:
        store.close()


def require(store: OpenStore, record: bytes) -> StoredRecord:
    """A record that must be held."""
    found = store.record(RecordId(record))
    assert found is not None
    return found


def records_in(batch: RunsBatch) -> list[Any]:
    """The records of all runs of a batch, in order."""
    found: list[Any] = []
    for run in batch.runs:
        assert isinstance(run.run[3], list)
        found += run.run[3]
    return found
