"""kill -9 at any moment: what was acknowledged is there, nothing by half, no seq used twice.

A child process publishes and receives into one store without a pause; the test kills it after a
random time, looks at what it had acknowledged, and starts the next child on the same files.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from hutong_node.marker import Mismatch, read_marker
from hutong_node.store.interface import PartState
from hutong_node.store.sqlite.verify import verify_store
from hutong_protocol.ids import LogId, RecordId
from node import crashing_store
from node.sqlite_stores import opened, require
from simulation.parties import found

KILLS = 20
TESTS = Path(__file__).parents[1]


class Said:
    """Everything that children acknowledged."""

    def __init__(self) -> None:
        self.published: dict[tuple[bytes, int], bytes] = {}
        self.stored: dict[bytes, tuple[int, bytes]] = {}
        self.erased: set[bytes] = set()
        self.left: defaultdict[bytes, int] = defaultdict(lambda: -1)
        self.lines = 0

    def take(self, line: bytes) -> None:
        """Notes one line; a line without its end was not said."""
        if not line.endswith(b"\n"):
            return
        self.lines += 1
        what, *words = line.decode("ascii").split()
        if what == "published":
            place = (bytes.fromhex(words[0]), int(words[1]))
            assert place not in self.published, "a seq was used twice"
            self.published[place] = bytes.fromhex(words[2])
        elif what == "stored":
            self.stored[bytes.fromhex(words[0])] = (int(words[1]), bytes.fromhex(words[2]))
        elif what == "erased":
            self.erased.add(bytes.fromhex(words[0]))
        elif what == "left":
            log = bytes.fromhex(words[0])
            self.left[log] = max(self.left[log], int(words[1]))
        else:
            assert (what, words) == ("opened", ["None"])


def run_and_kill(folder: Path, seed: int, delay_s: float, *, while_opening: bool) -> list[bytes]:
    """What a child said before it was killed `delay_s` after its start, or its first words."""
    child = subprocess.Popen(
        [sys.executable, crashing_store.__file__, str(folder), str(seed)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
    )
    assert child.stdout is not None
    lines = [] if while_opening else [child.stdout.readline()]
    time.sleep(delay_s)
    child.send_signal(signal.SIGKILL)
    lines += child.stdout.readlines()
    child.stdout.close()
    child.wait()
    return lines


def check(folder: Path, said: Said) -> int:
    """Compares the store with what was said; returns its number of records."""
    found_out = verify_store(folder / "records.db")
    assert found_out.problems == []
    marked = read_marker(folder / "restore-marker")
    assert marked is not None
    assert not isinstance(marked, Mismatch)
    for log, seq in said.left.items():
        assert marked.left[log].seq >= seq
    with opened(folder, found(random.Random(crashing_store.OWN_SEED))) as store:
        assert store.store.mismatch is None
        for log, (seq, identifier) in said.stored.items():
            assert [known.id for known in store.log_records(LogId(log), seq, 1)] == [identifier]
        held = store.records([RecordId(record) for record in said.published.values()])
        for (log, seq), identifier in said.published.items():
            record = held[RecordId(identifier)]
            assert (record.log, record.seq) == (log, seq)
        for identifier in said.erased:
            assert require(store, identifier).parts[0].state is PartState.ERASED
    return found_out.records


def test_a_store_survives_kills_at_any_moment(tmp_path: Path) -> None:
    """Threats 56 and 58, hard case 63."""
    rng = random.Random(4)
    said = Said()
    records = 0
    for kill in range(KILLS):
        while_opening = kill % 6 == 0
        delay_s = rng.uniform(0.2, 0.7) if while_opening else rng.uniform(0, 0.25)
        for line in run_and_kill(tmp_path, kill, delay_s, while_opening=while_opening):
            said.take(line)
        if not (tmp_path / "restore-marker").exists():
            continue  # it had not got as far as that
        before, records = records, check(tmp_path, said)
        assert records >= before
    assert len({log for log, _ in said.published}) == 1
    assert said.lines > 200
    assert said.erased
    assert said.left
