"""What the checks go by: the folder, the machine, the clock, and the node if it runs.

Owns what is read once for all checks. Everything that may be broken may be missing here, and each
check makes do without it: a damaged configuration must not hide a full disk. Nothing is changed by
reading: the store in particular is never opened as the node opens it, which after a mismatch would
give up its logs before anybody could put the right file back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from hutong_node.clock import Clock
from hutong_node.config import Config, ConfigRefused, DataFolder, load_config
from hutong_node.doctor.machine import Machine
from hutong_node.founding import FoundingRefused, OwnIdentity, load_identity
from hutong_node.keys import KeyFileRefused
from hutong_node.marker import Mismatch
from hutong_node.peer_clocks import PeerClocks
from hutong_node.peer_status import PeerStatus
from hutong_node.roster import ROSTER_FILE, Roster
from hutong_node.store.errors import StoreError
from hutong_node.store.sqlite.connection import sqlite_errors
from hutong_protocol.ids import OrgId

CLOCK_AHEAD_MAX_MS: Final = 600_000
"""How far ahead of this clock a time may be that this machine wrote itself. Spec: 9.2."""


@dataclass(frozen=True, slots=True)
class Live:
    """What only a running node knows, and the roster that it has open.

    `names` gives the name of an organisation, if it has one here; `dial` tries all peers without a
    session at once instead of after their pause; `mismatch` is why own logs were given up when this
    process opened the store.
    """

    pid: int
    peer_port: int
    certificate: bytes | None
    mismatch: Mismatch | None
    clock_trusted: bool
    clocks: PeerClocks
    roster: Roster
    statuses: Callable[[], Sequence[PeerStatus]]
    dial: Callable[[], None]
    names: Callable[[OrgId], str | None]


@dataclass(frozen=True, slots=True)
class Premises:
    """Everything that checks ask. `config_problem` says why there is no `config`."""

    folder: DataFolder
    machine: Machine
    clock: Clock
    live: Live | None
    config: Config | None
    config_problem: str
    identity: OwnIdentity | None
    roster: Roster | None


@contextmanager
def premises(
    folder: DataFolder, machine: Machine, clock: Clock, live: Live | None
) -> Iterator[Premises]:
    """Reads what can be read of a folder. What can't is left to the checks to name."""
    config, problem = None, ""
    try:
        config = load_config(folder)
    except ConfigRefused as refused:
        problem = str(refused)
    identity = None
    with suppress(FoundingRefused, KeyFileRefused):  # named by the check of the keys
        identity = load_identity(folder)
    roster = live.roster if live is not None else _roster(folder)
    try:
        yield Premises(folder, machine, clock, live, config, problem, identity, roster)
    finally:
        if live is None and roster is not None:
            roster.close()


def _roster(folder: DataFolder) -> Roster | None:
    path = folder.root / ROSTER_FILE
    if not path.exists():
        return None  # opening it would make an empty one
    try:
        with sqlite_errors(f"opening {path}"):
            return Roster(path)
    except (OSError, StoreError):
        return None
