"""`make bench`: replication between two processes on loopback, beside the floor of the same run.

For each size one JSON line on standard output, the last thing printed; progress goes to standard
error. `RECORDS=10000 make bench` measures one size. What is measured is said at each field below;
figures of different runs or machines are not comparable, ratios within a run are.

A floor below half of what the design measured is reported as invalid: the machine was too busy.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from content import RUN_RECORDS, WRITERS, facts

HERE: Final = Path(__file__).parent
SIZES: Final = (10_000, 100_000)
FLOOR_RECORDS_PER_CPU_S: Final = 151_000
"""The floor as the design measured it, on a quiet machine."""
LIVE_RECORDS: Final = 300
LIVE_PAUSE_S: Final = 0.01


class Process:
    """One of our processes, spoken to in JSON lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Wraps a process that has just been started."""
        self._process = process

    @classmethod
    async def start(cls, script: str, *arguments: str) -> Process:
        """Starts a script of this folder."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            os.fspath(HERE / script),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        return cls(process)

    async def read(self) -> Any:
        """The next line it prints."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise SystemExit("bench: a process ended before it had answered")
        return json.loads(line)

    async def ask(self, **command: Any) -> Any:
        """Sends a command, returns the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        return await self.read()

    async def end(self) -> None:
        """Closes its input and waits."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()


async def floor(records: int, mode: str) -> dict[str, Any]:
    """The floor in one mode, by code that shares nothing with Hutong."""
    process = await Process.start("floor.py", "--records", str(records), "--mode", mode)
    result: dict[str, Any] = await process.read()
    await process.end()
    return result


async def measure(records: int) -> dict[str, Any]:
    """All figures of one size."""
    tell(f"{records} records: the floor")
    floors = [await floor(records, "batch") for _ in range(3)]
    each = await floor(records, "each")
    floor_rate = statistics.median(entry["records_per_cpu_s"] for entry in floors)
    with tempfile.TemporaryDirectory(prefix="hutong-bench-") as folder:
        tell(f"{records} records: filling the sender")
        sender = await Process.start("peer.py", "--folder", f"{folder}/a", "--full", str(records))
        receiver = await Process.start("peer.py", "--folder", f"{folder}/b")
        a, b = await sender.read(), await receiver.read()
        await sender.ask(do="let-in", org=b["org"])
        dial = {"do": "sync", "endpoint": f"ws://127.0.0.1:{a['port']}", "org": a["org"]}
        tell(f"{records} records: cold catch-up")
        cold = await receiver.ask(**dial)
        sizes = await receiver.ask(do="sizes")
        tell(f"{records} records: equal, a hundred new, live")
        equals = [await receiver.ask(**dial) for _ in range(5)]
        await asyncio.sleep(0.2)
        turns = await sender.ask(do="turns")
        await sender.ask(do="hundred")
        hundred = await receiver.ask(**dial)
        sent = await sender.ask(do="live", count=LIVE_RECORDS, pause_s=LIVE_PAUSE_S)
        await asyncio.sleep(0.3)
        arrived = await receiver.ask(do="arrivals", count=LIVE_RECORDS)
        await receiver.end()
        await sender.end()
    check(cold["records"] == records, f"{cold['records']} of {records} records came")
    check(hundred["records"] == WRITERS, f"{hundred['records']} of {WRITERS} new records came")
    delays = sorted((got - went) / 1e6 for went, got in zip(sent, arrived, strict=True))
    rate = cold["records"] / cold["cpu_s"]
    wire = cold["bytes"] / records
    return {
        "records": records,
        "floor_valid": floor_rate >= FLOOR_RECORDS_PER_CPU_S / 2,
        "cold": {
            "records_per_cpu_s": round(rate),
            "floor_records_per_cpu_s": round(floor_rate),
            "verify_each_records_per_cpu_s": each["records_per_cpu_s"],
            "ratio": round(rate / floor_rate, 3),
            "ratio_verify_each": round(rate / each["records_per_cpu_s"], 2),
            "wall_records_per_s": round(records / cold["ms"] * 1_000),
            "wire_bytes_per_record": round(wire, 1),
            "overhead_bytes_per_record": round(wire - part_bytes(records) - len("need/1"), 1),
        },
        "rss_mib": round(sizes["rss_mib"], 1),
        "disk_bytes_per_record": round(sizes["disk_bytes"] / records, 1),
        "equal": {
            "bytes": equals[0]["bytes"],
            "round_trips": turns,
            "ms": round(statistics.median(entry["ms"] for entry in equals), 2),
        },
        "hundred_new": {"bytes": hundred["bytes"], "ms": round(hundred["ms"], 1)},
        "live": {
            "p50_ms": round(delays[len(delays) // 2], 2),
            "p99_ms": round(delays[int(len(delays) * 0.99)], 2),
        },
    }


def part_bytes(records: int) -> float:
    """Bytes of parts per record: overhead is what the wire carries beyond them and the types."""
    per_writer = records // WRITERS
    total = sum(
        len(facts(writer, seq)) for writer in range(WRITERS) for seq in range(1, per_writer)
    )
    return total / records


def check(holds: bool, problem: str) -> None:
    """Ends the benchmark if what it rests on does not hold."""
    if not holds:
        raise SystemExit(f"bench: {problem}")


def tell(text: str) -> None:
    """Progress for people."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """`RECORDS` names one size; otherwise all of `SIZES`."""
    wanted = os.environ.get("RECORDS")
    sizes = (int(wanted),) if wanted else SIZES
    if any(size < WRITERS or size % WRITERS for size in sizes):
        raise SystemExit(f"RECORDS must be a multiple of {WRITERS}")
    check(RUN_RECORDS <= 256, "runs too long")
    results = [asyncio.run(measure(size)) for size in sizes]
    for result in results:
        if not result["floor_valid"]:
            tell(
                "floor below half of the design's figure: this run is INVALID, the machine is busy"
            )
    for result in results:
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
