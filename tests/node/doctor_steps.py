"""Folders and machines for the doctor's tests, and the way to what it finds about them."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hutong_node.clock import Clock, SystemClock
from hutong_node.config import Config, DataFolder, LocalListen, PeerListen
from hutong_node.doctor.examination import Report, examine
from hutong_node.doctor.findings import Finding
from hutong_node.doctor.machine import DiskNumbers, Machine, ThisMachine, Versions
from hutong_node.doctor.words import Language, Told, tell
from hutong_node.founding import found
from hutong_protocol.ids import OrgId

Found = dict[str, dict[str, Finding]]
"""Findings by code and case."""
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


class Sick(ThisMachine):
    """This machine, but for what a test says of it."""

    def __init__(
        self,
        *,
        disk: DiskNumbers | OSError | None = None,
        user: int | None = None,
        writable: bool = True,
        versions: Versions | None = None,
        zones: bool = True,
        modules: bool = True,
        listening: str | None = None,
    ) -> None:
        self._disk = disk
        self._user = user
        self._writable = writable
        self._versions = versions
        self._zones = zones
        self._modules = modules
        self._listening = listening

    def disk(self, folder: Path) -> DiskNumbers:
        if isinstance(self._disk, OSError):
            raise self._disk
        return self._disk or super().disk(folder)

    def user(self) -> int:
        return super().user() if self._user is None else self._user

    def can_write(self, folder: Path) -> bool:
        return self._writable

    def versions(self) -> Versions:
        return self._versions or super().versions()

    def has_time_zone(self, name: str) -> bool:
        return self._zones and super().has_time_zone(name)

    def has_module(self, name: str) -> bool:
        return self._modules

    def cannot_listen(self, host: str, port: int) -> str:
        return super().cannot_listen(host, port) if self._listening is None else self._listening


class At(SystemClock):
    """A clock of this machine that is off by so much."""

    def __init__(self, off_ms: int) -> None:
        self.off_ms = off_ms

    def now_ms(self) -> int:
        return super().now_ms() + self.off_ms


def new_folder(root: Path, name: str = "n", **listen: object) -> DataFolder:
    """A new organisation whose node was never started; it would listen on free ports."""
    folder = DataFolder(root / name)
    peer = PeerListen.model_validate({"host": "127.0.0.1", "port": 0, **listen})
    found(folder, Config(organisation=name, peer=peer, local=LocalListen(port=0)), SystemClock())
    return folder


async def looked(
    folder: DataFolder,
    machine: Machine | None = None,
    clock: Clock | None = None,
    *,
    seconds: float = 20,
) -> Found:
    """What the doctor finds about a folder whose node doesn't run, or can't be asked."""
    report = await examine(folder, machine or Sick(), clock or SystemClock(), seconds=seconds)
    return by_code(report)


def by_code(report: Report, peer: OrgId | None = None) -> Found:
    """The findings of a report, or those about one peer."""
    found: Found = defaultdict(dict)
    for finding in report.findings:
        if peer is None or finding.peer == peer:
            found[finding.code][finding.case] = finding
    return found


def told(finding: Finding, language: Language = Language.EN) -> Told:
    """A finding in words, about the usual folder."""
    return tell(finding, language)


def paste(finding: Finding, data: str = "") -> None:
    """Does what the finding's command says, in a shell."""
    command = tell(finding, Language.EN, data).command
    subprocess.run(["sh", "-ec", command], check=True, capture_output=True, timeout=20)


@asynccontextmanager
async def listening(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Something that isn't a node, on a port of loopback."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything and says nothing."""
    await reader.read()
    writer.close()
