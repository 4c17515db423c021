"""A look at a store from beside it: reading only, whether a node has it open or not.

Owns opening a database file without any of what opening a store does: no migration, no comparison
with the restore marker, no lock. Own logs are not given up here, and nothing that a peer may have
could leave by it. SQLite itself may move what a crashed process left in the write-ahead log into
the file, as whoever opens it next would.

Files of databases are never opened otherwise than by SQLite: closing such a file would take away
the locks that this very process holds on it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import quote

from hutong_node.marker import Mismatch, Place
from hutong_node.store.errors import StoreError
from hutong_node.store.interface import Policy
from hutong_node.store.sqlite.connection import open_reader, sqlite_errors
from hutong_node.store.sqlite.migrations import migrations
from hutong_node.store.sqlite.opening import RESTORED
from hutong_node.store.sqlite.reading import Reading
from hutong_node.store.sqlite.shared import Shared
from hutong_protocol.ids import OrgId

_WAIT_S: Final = 5.0
_STEPS: Final = 10_000
"""Steps of SQLite between two looks at the clock: some milliseconds."""
_PROBLEM_LENGTH: Final = 200


class Unfit(Exception):
    """A store that this version doesn't read.

    `case` is not-wal, newer, other-version or older.
    """

    def __init__(self, case: str) -> None:
        super().__init__(case)
        self.case = case


class Glance:
    """A store seen from beside. `restored` is why it may lack erasures, if it may."""

    def __init__(self, reading: Reading, generation: bytes, restored: Mismatch | None) -> None:
        self.reading = reading
        self.generation = generation
        self.restored = restored

    def holds(self, log: bytes, seq: int, record: bytes) -> bool:
        """Whether a record is held, as the restore marker asks it."""
        found = self.reading.connection.execute(
            "SELECT r.id FROM logs AS l JOIN pieces AS p USING (log)"
            " JOIN records AS r ON r.row = p.first_row + ?2 - p.first_seq"
            " WHERE l.id = ?1 AND p.first_seq <= ?2 AND ?2 < p.first_seq + p.records",
            (log, seq),
        ).fetchone()
        return found is not None and found[0] == record


@contextmanager
def glance(path: Path, own_org: OrgId | None, policy: Policy) -> Iterator[Glance]:
    """Opens a store beside whoever has it open.

    Raises:
        Unfit: it was made by another version, or isn't in the mode that the node demands.
        StoreError: it can't be read.
    """
    with closing(_look_at(path)) as first, sqlite_errors(f"looking at {path}"):
        if _journal_mode(first) != "wal":
            raise Unfit("not-wal")  # the demand of it, below, would change the file
        _require_known(first)
    connection = open_reader(path)
    try:
        with sqlite_errors(f"looking at {path}"):
            properties = dict(connection.execute("SELECT name, value FROM properties").fetchall())
            generation = bytes(properties.get("generation", b""))
            restored = properties.get(RESTORED)
            shared = Shared(
                epoch=generation,
                own_org=own_org,
                policy=policy,
                refusals={},
                mark_left=_nothing_leaves,
                found_rot=_nobody_hears,
                damaged=set(),
                withholds=True,
            )
            reading = Reading(connection, shared, path)
            connection.execute("BEGIN")
            yield Glance(reading, generation, None if restored is None else Mismatch[restored])
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Soundness:
    """What SQLite says of a file: its journal mode, and the first problem in its own words.

    They name tables and pages, never content. `finished` is false if the time was over before.
    """

    mode: str
    problem: str | None
    finished: bool


def soundness(path: Path, end_s: float) -> Soundness:
    """Looks through a database until `end_s` of `time.monotonic`.

    Raises:
        StoreError: it can't be read.
    """
    with closing(_look_at(path)) as connection, sqlite_errors(f"looking at {path}"):
        mode = _journal_mode(connection)
        connection.set_progress_handler(lambda: time.monotonic() > end_s, _STEPS)
        try:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError as stopped:
            if getattr(stopped, "sqlite_errorname", "") != "SQLITE_INTERRUPT":
                raise
            return Soundness(mode, None, finished=False)
    problem = None if said == "ok" else str(said).replace("\n", " ")[:_PROBLEM_LENGTH]
    return Soundness(mode, problem, finished=True)


def properties_of(path: Path) -> dict[str, object]:
    """The table `properties` of a database that has one; empty if it can't be read."""
    try:
        with closing(_look_at(path)) as connection:
            return dict(connection.execute("SELECT name, value FROM properties").fetchall())
    except (sqlite3.Error, StoreError):
        return {}


def sqlite_version() -> tuple[int, int, int]:
    """Which SQLite this is."""
    major, minor, micro = sqlite3.sqlite_version_info
    return major, minor, micro


def _look_at(path: Path) -> sqlite3.Connection:
    """A connection that can't write to an existing database."""
    with sqlite_errors(f"opening {path}"):
        return sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=_WAIT_S,
            check_same_thread=False,
        )


def _journal_mode(connection: sqlite3.Connection) -> str:
    """In which mode a database is; asking doesn't change it."""
    return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def _require_known(connection: sqlite3.Connection) -> None:
    known = [(step.number, step.checksum) for step in migrations()]
    seen = connection.execute("SELECT number, checksum FROM schema_version ORDER BY number")
    numbers = seen.fetchall()
    if len(numbers) > len(known):
        raise Unfit("newer")
    if numbers != known[: len(numbers)]:
        raise Unfit("other-version")
    if len(numbers) < len(known):
        raise Unfit("older")


def _nothing_leaves(_places: Iterable[tuple[bytes, Place]]) -> NoReturn:
    raise StoreError("nothing is handed to anybody here")


def _nobody_hears(_places: Sequence[tuple[int, int]]) -> None:
    """What is rotten is found again, and told, by whoever has the store open."""
