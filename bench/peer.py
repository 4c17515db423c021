"""One of the two nodes of the benchmark, as a process of its own; driven over standard input.

`--full N` makes the sender: its store is filled before it listens. Without it the process is the
receiver. Commands come as JSON lines, one answer each. Times are of the machine's monotonic clock,
which both processes read.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from content import SCOPE, TYPE, WRITERS, BenchWriter, bench_writer, facts, runs
from hutong_node.clock import SystemClock
from hutong_node.config import Config, DataFolder, LocalListen, PeerListen
from hutong_node.founding import found
from hutong_node.node import Node, open_parts
from hutong_node.observe import set_up_logging
from hutong_node.roster import Peer
from hutong_node.store.interface import NewPart, NewRecord, StoreMethods
from hutong_protocol.exchange import LocalChange, LogRun, Scope
from hutong_protocol.ids import OrgId

BASE = Scope(SCOPE.space, "base")


def cpu_s() -> float:
    """CPU seconds of this process so far, all threads, user and system."""
    return time.process_time()


class BenchPeer:
    """A node and what the benchmark asks of it."""

    def __init__(self, folder: Path, *, indexed: bool) -> None:
        """Makes a new node in `folder`; `indexed` says whether the fold's index follows."""
        data = DataFolder(folder)
        config = Config(
            organisation="bench",
            peer=PeerListen(host="127.0.0.1", port=0, tls=False),
            local=LocalListen(port=0),
        )
        found(data, config, SystemClock())
        self.node = Node(open_parts(data))
        self.indexed = indexed
        self.writers: list[BenchWriter] = [bench_writer(number) for number in range(WRITERS)]
        self.arrivals: list[int] = []
        self.node.listeners.append(self.note_arrival)
        roster = self.node.parts.roster
        for writer in self.writers:
            roster.let_in(writer.org, "", 1)
        roster.subscribe([SCOPE])

    def note_arrival(self, changes: Sequence[LocalChange]) -> None:
        """Remembers when records became durable here."""
        now = time.monotonic_ns()
        self.arrivals.extend(
            now for change in changes for _ in range(change.head.seq - change.first_seq + 1)
        )

    async def start(self) -> None:
        """Listens; follows with the index if asked to."""
        await self.node.roster_changed()
        await self.node.start(indexed=self.indexed)

    async def fill(self, records: int) -> None:
        """Puts `records` records into the store, open records included."""
        await self.node.roster_changed()
        store = self.node.parts.store
        for writer in self.writers:
            await store.call(StoreMethods.store_events, writer.org, writer.events)
            share = list(runs(writer, records // WRITERS))
            await self.take(writer.org, share)

    async def take(self, org: OrgId, share: Sequence[LogRun]) -> None:
        """Stores runs; anything but success is the benchmark's own mistake."""
        outcomes = await self.node.parts.store.call(StoreMethods.store_runs, SCOPE, share, org)
        bad = [outcome for outcome in outcomes if outcome.fault is not None]
        if bad:
            raise SystemExit(f"bench: {bad[0]}")

    async def hundred(self) -> None:
        """One more record of every writer."""
        for writer in self.writers:
            await self.take(writer.org, list(runs(writer, 1)))

    async def live(self, count: int, pause_s: float) -> list[int]:
        """Publishes single records; the moments at which each publish was called."""
        moments = []
        for seq in range(count):
            moments.append(time.monotonic_ns())
            await self.node.publish(
                SCOPE, [NewRecord(type=TYPE, parts=(NewPart(0, facts(0, seq)),))]
            )
            await asyncio.sleep(pause_s)
        return moments

    async def sync(self, endpoint: str, org: OrgId) -> dict[str, Any]:
        """Dials the other node and waits until both hold the same; what that cost here."""
        peering = self.node.peering
        peering.forget(org)
        await self.until_apart()
        gc.collect()
        received_before = len(self.arrivals)
        cpu_before = cpu_s()
        self.node.parts.roster.set_peer(Peer(org, endpoint, None, 1))
        self.node.parts.roster.let_in(org, "", 1)
        await self.node.roster_changed()
        async with asyncio.timeout(600):
            while not any(peer.settled_ms for peer in peering.statuses()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        used_s = cpu_s() - cpu_before
        status = peering.statuses()[0]
        return {
            "records": len(self.arrivals) - received_before,
            "cpu_s": used_s,
            "ms": status.settle_ms,
            "bytes": status.settle_bytes,
        }

    async def until_apart(self) -> None:
        """Waits until no session is left."""
        async with asyncio.timeout(10):
            while self.node.peering.sessions:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def obey(self, command: dict[str, Any]) -> Any:
        """Carries out one command."""
        match command["do"]:
            case "sync":
                return await self.sync(command["endpoint"], OrgId(bytes.fromhex(command["org"])))
            case "let-in":
                self.node.parts.roster.let_in(OrgId(bytes.fromhex(command["org"])), "", 1)
                await self.node.roster_changed()
                return None
            case "turns":
                # Seen from the responder: the initiator's own frames may cross, ours never do.
                return self.node.peering.statuses()[0].settle_round_trips
            case "hundred":
                return await self.hundred()
            case "live":
                return await self.live(command["count"], command["pause_s"])
            case "arrivals":
                return self.arrivals[-command["count"] :]
            case "sizes":
                status = await self.node.parts.store.call(StoreMethods.status)
                peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                return {
                    "records": status.records,
                    "disk_bytes": status.disk_bytes,
                    "rss_mib": peak_kib / 1024,
                }
            case _:
                raise SystemExit(f"bench: unknown command {command}")


async def run(arguments: argparse.Namespace) -> None:
    """Starts the node, says where it is, and obeys until standard input ends."""
    peer = BenchPeer(arguments.folder, indexed=arguments.indexed)
    if arguments.full:
        await peer.fill(arguments.full)
    await peer.start()
    gc.collect()
    gc.freeze()
    reply({"port": peer.node.peer_port, "org": peer.node.parts.identity.org.hex()})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        reply(await peer.obey(json.loads(line)))
    await peer.node.stop()


def reply(value: Any) -> None:
    """One JSON line on standard output."""
    print(json.dumps(value), flush=True)


def main() -> None:
    """Command line, used by `run.py`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--full", type=int, default=0)
    parser.add_argument("--indexed", action="store_true")
    set_up_logging(level="ERROR")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
