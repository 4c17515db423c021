"""A process that writes into a store and says what was acknowledged, to be killed by a test.

Usage: python crashing_store.py FOLDER SEED. It publishes records of one organisation and stores
runs of another, in turn and at once, and prints one line for each thing that was acknowledged.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from contracts.made_logs import SCOPE, MadeLog
from hutong_node.store.interface import NewErase, NewPart, NewRecord, StoreMethods
from hutong_node.store.sqlite.store import SqliteStore
from hutong_protocol.exchange import RunWant
from hutong_protocol.ids import OrgId, RecordId
from node.sqlite_stores import open_store
from simulation.parties import found

OWN_SEED = 1
FOREIGN_SEED = 2


def say(*words: object) -> None:
    """One line, out at once."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def publish(store: SqliteStore, rng: random.Random) -> None:
    """Publishes, erases and serves own records."""
    while True:
        news: list[NewRecord | NewErase] = [
            NewRecord("need/1", parts=(NewPart(0, rng.randbytes(rng.choice([5, 300, 9_000]))),))
            for _ in range(rng.choice([1, 1, 30]))
        ]
        done = await store.call(StoreMethods.publish, SCOPE, news)
        for seq, record in enumerate(done.records, start=done.first_seq):
            say("published", done.log.hex(), seq, record.hex())
        if rng.random() < 0.2:
            erased = done.records[0]
            await store.call(StoreMethods.publish, SCOPE, [NewErase({erased: 1})])
            say("erased", erased.hex())
        if rng.random() < 0.3:
            batch = await store.call(StoreMethods.read_runs, SCOPE, [RunWant(done.log, 0)], 2**21)
            last = batch.runs[-1].run
            assert isinstance(last[1], int)
            assert isinstance(last[3], list)
            say("left", done.log.hex(), last[1] + len(last[3]) - 1)


async def receive(store: SqliteStore, rng: random.Random) -> None:
    """Stores runs of another organisation's logs."""
    party = found(random.Random(FOREIGN_SEED))
    await store.call(StoreMethods.store_events, party.org, party.values)
    logs = [MadeLog(party, rng) for _ in range(3)]
    while True:
        log = rng.choice(logs)
        first = 0 if len(log.records) == 1 else len(log.records)
        log.data(rng.choice([1, 20, 200]), size=100)
        if rng.random() < 0.3:
            log.erase({RecordId(rng.choice(log.records).id): 1})
        runs = log.runs(first)
        outcomes = await store.call(StoreMethods.store_runs, SCOPE, runs, OrgId(bytes(32)))
        assert all(outcome.fault is None for outcome in outcomes), outcomes
        say("stored", log.log.hex(), log.head.seq, log.head.record.hex())


async def main(folder: Path, seed: int) -> None:
    """Writes until it is killed."""
    rng = random.Random(seed)
    own = found(random.Random(OWN_SEED))
    store = open_store(folder, own)
    say("opened", store.mismatch)
    await store.call(StoreMethods.store_events, own.org, own.values)
    async with asyncio.TaskGroup() as group:
        group.create_task(publish(store, rng))
        group.create_task(publish(store, random.Random(seed + 1)))
        group.create_task(receive(store, rng))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
