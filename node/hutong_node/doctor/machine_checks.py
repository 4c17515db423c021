"""Checks of the machine: room on the disk, the programs below this one, time zones, extras.

Owns the numbers at which a lack is told. They stand above those at which the node stops by itself,
so that somebody reads of it while there is still something to be done.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hutong_node.doctor.findings import Facts, Finding
from hutong_node.doctor.machine import EXTRAS
from hutong_node.doctor.premises import Premises
from hutong_node.overview import DISK_FREE_MIN_BYTES
from hutong_node.store.sqlite.connection import SQLITE_MIN, WAL_BYTES_MAX

PYTHON_MIN: Final = (3, 11)
PYTHON_NEXT: Final = (3, 14)
"""The first version that this software was not tried with."""
TIME_ZONE: Final = "Asia/Shanghai"
"""The zone that the mappings of this project name; if it is missing, all are."""
_ROOM_BYTES: Final = 512 * 2**20
_SHARE_OF_STORE: Final = 10
_INODES_LOW: Final = 10_000
_INODES_NONE: Final = 100


def disk(at: Premises) -> Iterator[Finding]:
    """Room for the databases to grow, and for the names of files.

    A write-ahead log may be twice its limit for a moment; the rest is time to act: half a GiB, and
    a tenth of what is stored, since writing a file anew takes room beside it.
    """
    numbers = at.machine.disk(at.folder.root)
    stored = sum(path.stat().st_size for path in at.folder.root.glob("*.db"))
    need = 2 * WAL_BYTES_MAX + _ROOM_BYTES + stored // _SHARE_OF_STORE
    facts: Facts = {"path": str(at.folder.root), "free": numbers.free_bytes, "need": need}
    if numbers.free_bytes < DISK_FREE_MIN_BYTES:
        yield Finding("disk-space", "full", facts)
    else:
        yield Finding("disk-space", "low" if numbers.free_bytes < need else "ok", facts)
    if numbers.inodes_free is not None:
        inodes: Facts = {"path": str(at.folder.root), "count": numbers.inodes_free}
        if numbers.inodes_free < _INODES_NONE:
            yield Finding("inodes", "none", inodes)
        else:
            yield Finding("inodes", "low" if numbers.inodes_free < _INODES_LOW else "ok", inodes)


def programs(at: Premises) -> Iterator[Finding]:
    """Python, SQLite and OpenSSL, and the rules of time zones."""
    found = at.machine.versions()
    python = {"version": _dotted(found.python), "min": _dotted(PYTHON_MIN)}
    if found.python < PYTHON_MIN:
        yield Finding("python", "old", python)
    elif found.python >= PYTHON_NEXT:
        yield Finding("python", "untried", python)
    else:
        yield Finding("python", "ok", python)
    sqlite = {"version": _dotted(found.sqlite), "min": _dotted(SQLITE_MIN)}
    yield Finding("sqlite", "old" if found.sqlite < SQLITE_MIN else "ok", sqlite)
    yield Finding("openssl", "ok" if found.tls13 else "old", {"version": found.openssl})
    has_zones = at.machine.has_time_zone(TIME_ZONE)
    yield Finding("time-zones", "ok" if has_zones else "missing", {"zone": TIME_ZONE})


def extras(at: Premises) -> Iterator[Finding]:
    """Which optional modules are installed. None is needed for a node to work."""
    lacking = sorted({extra for name, extra in EXTRAS.items() if not at.machine.has_module(name)})
    if lacking:
        yield Finding("extras", "some", {"names": ", ".join(lacking)})
    else:
        yield Finding("extras", "all", {"names": ", ".join(sorted(set(EXTRAS.values())))})


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
