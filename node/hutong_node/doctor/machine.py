"""What the doctor asks this machine: disk, ports, programs, time zones. Tests replace it.

Owns every question to the operating system whose answer a test could not bring about by really
breaking something: a full disk, an old library, a taken port. It judges nothing.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import socket
import ssl
import sys
import zoneinfo
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from hutong_node.store.sqlite.glance import sqlite_version

EXTRAS: Final = {
    "asyncpg": "postgres",
    "python_calamine": "sheets",
    "segno": "qr",
    "xlsxwriter": "sheets",
    "zstandard": "zstd",
}
"""Modules that are optional, and the extra of this project that brings them."""


@dataclass(frozen=True, slots=True)
class DiskNumbers:
    """Room of a file system for this user; `inodes_free` is None where it has no fixed number."""

    free_bytes: int
    inodes_free: int | None


@dataclass(frozen=True, slots=True)
class Versions:
    """The programs below this one. `tls13`: whether OpenSSL was built with TLS 1.3."""

    python: tuple[int, int, int]
    sqlite: tuple[int, int, int]
    openssl: str
    tls13: bool


class Machine(Protocol):
    """Where the doctor asks what it can't read from the folder."""

    def disk(self, folder: Path) -> DiskNumbers:
        """The room of the file system that a folder lies on."""
        ...

    def user(self) -> int:
        """The number of the user whom this process acts for."""
        ...

    def can_write(self, folder: Path) -> bool:
        """Whether this process may make files in a folder."""
        ...

    def versions(self) -> Versions:
        """Which programs this one runs on."""
        ...

    def has_time_zone(self, name: str) -> bool:
        """Whether the rules of a time zone are there."""
        ...

    def has_module(self, name: str) -> bool:
        """Whether an optional module is installed; it is not imported."""
        ...

    def cannot_listen(self, host: str, port: int) -> str:
        """Why nothing could listen there now, as the system's error name; empty if it could."""
        ...


class ThisMachine:
    """The machine that this process runs on."""

    def disk(self, folder: Path) -> DiskNumbers:
        """As `Machine.disk`."""
        found = os.statvfs(folder)
        # A file system that makes inodes as it needs them says 0 of 0.
        inodes = found.f_favail if found.f_files else None
        return DiskNumbers(found.f_bavail * found.f_frsize, inodes)

    def user(self) -> int:
        """As `Machine.user`."""
        return os.geteuid()

    def can_write(self, folder: Path) -> bool:
        """As `Machine.can_write`."""
        return os.access(folder, os.W_OK | os.X_OK)

    def versions(self) -> Versions:
        """As `Machine.versions`."""
        return Versions(
            python=sys.version_info[:3],
            sqlite=sqlite_version(),
            openssl=ssl.OPENSSL_VERSION,
            tls13=ssl.HAS_TLSv1_3,
        )

    def has_time_zone(self, name: str) -> bool:
        """As `Machine.has_time_zone`."""
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            return False
        return True

    def has_module(self, name: str) -> bool:
        """As `Machine.has_module`."""
        return importlib.util.find_spec(name) is not None

    def cannot_listen(self, host: str, port: int) -> str:
        """As `Machine.cannot_listen`. Binds for a moment; nobody can connect meanwhile."""
        if port == 0:
            return ""
        try:
            family, _, _, _, address = socket.getaddrinfo(
                host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            with socket.socket(family, socket.SOCK_STREAM) as listener:
                # As a node does it: a connection that has just ended is no obstacle.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
        except OSError as refused:
            return errno.errorcode.get(refused.errno or 0, type(refused).__name__)
        return ""
