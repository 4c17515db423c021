"""The floor: a bare loop that does the least a signed, durable replication could do.

Two processes on loopback: a sender with N records of 100 writers, and a receiver that takes
WebSocket frames of 250 records, rebuilds a hash chain, verifies signatures and commits to SQLite
(WAL, synchronous=FULL). It shares no module with Hutong, so that a ratio against it says something.

Two modes: `batch` verifies one signature a frame (what a chained log allows at best), `each` one
signature a record (what verifying every record alone allows). Prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import resource
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import aiohttp
import msgpack
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

WRITERS = 100
FRAME_RECORDS = 250
TRANSACTION_ROWS = 4_000
VERIFY_EACH_MAX = 20_000
"""Records of the `each` mode: enough for a rate, since each costs more than 0.1 ms."""


def record_bytes(writer: int, seq: int) -> bytes:
    """One record of about 260 bytes with the fields that a need's line would have."""
    filler = hashlib.sha256(b"%d/%d" % (writer, seq)).hexdigest()
    record = {
        "v": 1,
        "type": "need/1",
        "seq": seq,
        "ts": 1_640_000_000_000 + seq,
        "clock": seq + 1,
        "line": "masks",
        "kind": "goods",
        "item": {"scheme": "x-item", "code": f"mask-{seq % 97}"},
        "quantity": {"bound": "exact", "value": str(100 + seq % 900), "unit": "zhi"},
        "place": "610113",
        "note": filler + filler[:18],
    }
    return cast(bytes, msgpack.packb(record))


def writer_key(writer: int) -> Ed25519PrivateKey:
    """The key of one writer, the same in every run."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"floor/%d" % writer).digest())


def build_frames(records: int, mode: str) -> list[bytes]:
    """All frames of the sender, signed; built before the clock starts."""
    frames: list[bytes] = []
    per_writer = records // WRITERS
    for writer in range(WRITERS):
        key = writer_key(writer)
        head = bytes(32)
        for first in range(0, per_writer, FRAME_RECORDS):
            rows = []
            signatures = []
            for seq in range(first, min(first + FRAME_RECORDS, per_writer)):
                data = record_bytes(writer, seq)
                head = hashlib.sha256(head + data).digest()
                rows.append(data)
                if mode == "each":
                    signatures.append(key.sign(head))
            if mode == "batch":
                signatures.append(key.sign(head))
            frames.append(cast(bytes, msgpack.packb([writer, first, rows, signatures])))
    return frames


async def serve(records: int, mode: str) -> None:
    """Sender: prints its port, sends all frames to the first client, ends when it leaves."""
    frames = build_frames(records, mode)
    done = asyncio.Event()

    async def stream(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, max_msg_size=4 << 20)
        await socket.prepare(request)
        for frame in frames:
            await socket.send_bytes(frame)
        await socket.close()
        done.set()
        return socket

    app = web.Application()
    app.router.add_get("/", stream)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    addresses = runner.addresses
    print(addresses[0][1], flush=True)
    await done.wait()
    await runner.cleanup()


def open_store(path: Path) -> sqlite3.Connection:
    """The receiver's database with the durability that a node needs."""
    store = sqlite3.connect(path, isolation_level=None)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=FULL")
    store.execute(
        "CREATE TABLE record (log INTEGER, seq INTEGER, id BLOB, data BLOB,"
        " PRIMARY KEY (log, seq)) WITHOUT ROWID"
    )
    return store


async def receive(port: int, mode: str, folder: Path) -> dict[str, Any]:
    """Receiver: takes everything, verified and durable; returns what it cost."""
    store = open_store(folder / "floor.db")
    keys = [
        Ed25519PublicKey.from_public_bytes(writer_key(w).public_key().public_bytes_raw())
        for w in range(WRITERS)
    ]
    heads = [bytes(32)] * WRITERS
    pending: list[tuple[int, int, bytes, bytes]] = []
    count = 0
    wire_bytes = 0
    cpu_start = time.process_time()
    wall_start = time.perf_counter()
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"http://127.0.0.1:{port}/", compress=0, max_msg_size=4 << 20) as socket,
    ):
        async for message in socket:
            wire_bytes += len(message.data)
            writer, first, rows, signatures = msgpack.unpackb(message.data)
            head = heads[writer]
            for index, data in enumerate(rows):
                head = hashlib.sha256(head + data).digest()
                if mode == "each":
                    keys[writer].verify(signatures[index], head)
                pending.append((writer, first + index, head, data))
            if mode == "batch":
                keys[writer].verify(signatures[0], head)
            heads[writer] = head
            count += len(rows)
            if len(pending) >= TRANSACTION_ROWS:
                commit(store, pending)
    commit(store, pending)
    cpu_s = time.process_time() - cpu_start
    wall_s = time.perf_counter() - wall_start
    stored = store.execute("SELECT count(*) FROM record").fetchone()[0]
    if stored != count:
        raise SystemExit(f"floor stored {stored} of {count} records")
    store.close()
    return {
        "mode": mode,
        "records": count,
        "records_per_cpu_s": round(count / cpu_s),
        "wall_records_per_s": round(count / wall_s),
        "wire_bytes_per_record": round(wire_bytes / count, 1),
        "disk_bytes_per_record": round((folder / "floor.db").stat().st_size / count, 1),
        "rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def commit(store: sqlite3.Connection, pending: list[tuple[int, int, bytes, bytes]]) -> None:
    """Write the pending rows in one transaction."""
    if not pending:
        return
    store.execute("BEGIN IMMEDIATE")
    store.executemany("INSERT INTO record VALUES (?, ?, ?, ?)", pending)
    store.execute("COMMIT")
    pending.clear()


async def run(records: int, mode: str) -> dict[str, Any]:
    """Start the sender as a process of its own, receive from it here."""
    if mode == "each":
        records = min(records, VERIFY_EACH_MAX)
    sender = await asyncio.create_subprocess_exec(
        sys.executable,
        os.fspath(Path(__file__)),
        "--serve",
        "--records",
        str(records),
        "--mode",
        mode,
        stdout=asyncio.subprocess.PIPE,
    )
    assert sender.stdout is not None
    port = int(await sender.stdout.readline())
    try:
        with tempfile.TemporaryDirectory() as folder:
            return await receive(port, mode, Path(folder))
    finally:
        await sender.wait()


def main() -> None:
    """Command line: `python bench/floor.py --records 100000 --mode batch`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--mode", choices=["batch", "each"], default="batch")
    parser.add_argument("--serve", action="store_true", help="be the sender (internal)")
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.records, arguments.mode))
        return
    try:
        result = asyncio.run(run(arguments.records, arguments.mode))
    except InvalidSignature:
        raise SystemExit("floor: a signature did not verify") from None
    print(json.dumps(result))


if __name__ == "__main__":
    main()
