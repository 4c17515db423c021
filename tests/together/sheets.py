"""Tables and nodes for tests of the whole way: from a file into one node, and on to another."""

from __future__ import annotations

import csv
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter

from hutong_node.config import DataFolder
from hutong_node.demo.members import Member, free_ports
from node.local_nodes import Local

SPACE = "xian-2021"
SCOPES = [{"space": SPACE, "topic": "fsc"}]

MAPPING = """\
mapping = 1
name = "shared-sheet"
type = "need/1"
space = "xian-2021"
topic = "fsc"
screening = "off"

[key]
columns = ["编号"]

[parameters.incident]
kind = "record"

[facts]
incident = { param = "incident" }
urgency = { const = "high" }
valid_until = { const = "2098-12-31T00:00:00+08:00" }
place.codes = [{ scheme = { const = "CN-GB2260" }, code = { from = "区县" } }]

[[facts.lines]]
id = { const = "rice" }
kind = { const = "goods" }
quantity = { from = "户数", unit = { const = "hh" } }

[text]
title = { from = "物资", required = true }
"""
HEADER = ["编号", "区县", "物资", "户数"]


def write_table(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    """A table as CSV or XLSX, by its ending."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
        return path
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("表")
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
    return path


@dataclass(frozen=True)
class ServiceNode:
    """A node as adapters know it, without sockets in between."""

    found: Local

    async def import_rows(self, source: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """As `POST /v1/imports/{source}`."""
        from hutong_node.api_models import ImportRequest

        asked = ImportRequest.model_validate(dict(request))
        return (await self.found.service.import_rows(source, asked)).model_dump(mode="json")

    async def source(self, source: str, state: str | None = None) -> dict[str, Any]:
        """As `GET /v1/imports/{source}`."""
        return (await self.found.service.source(source, state)).model_dump(mode="json")

    async def things(self, query: Mapping[str, str]) -> dict[str, Any]:
        """As `GET /v1/things`."""
        from hutong_node.indexing import ThingFilter

        wanted = ThingFilter(query.get("space"), query.get("topic"), query.get("type"))
        answer = await self.found.service.things(
            wanted,
            as_of=query.get("as_of"),
            after=query.get("after"),
            limit=int(query.get("limit", "100")),
        )
        return answer.model_dump(mode="json")

    async def thing(self, identifier: str, query: Mapping[str, str]) -> dict[str, Any]:
        """As `GET /v1/things/{id}`."""
        answer = await self.found.service.thing(identifier, query.get("as_of"))
        return answer.model_dump(mode="json")


@asynccontextmanager
async def processes(root: Path, *names: str) -> AsyncIterator[list[Member]]:
    """Nodes as processes of their own; the others have joined the first and hold one scope."""
    ports = free_ports(2 * len(names))
    members = [
        Member(name, "", DataFolder(root / name), peer_port, local_port)
        for name, peer_port, local_port in zip(names, ports[::2], ports[1::2], strict=True)
    ]
    async with AsyncExitStack() as stack:
        for member in members:
            member.init()
            stack.push_async_callback(member.stop)
            await member.start()
        first, *others = members
        await first.ask("POST", "/v1/subscriptions", {"scopes": SCOPES})
        for other in others:
            invite = await first.ask("POST", "/v1/invites", {"scopes": SCOPES})
            await other.ask("POST", "/v1/join", {"invite": invite["invite"]})
        yield members


async def run(member: Member, *arguments: str | Path) -> tuple[int, str, str]:
    """A `hutong` command for the folder of a member: exit code, output, errors."""
    import asyncio

    from hutong_node.demo.members import command

    given = [os.fspath(argument) for argument in arguments]
    process = await asyncio.create_subprocess_exec(
        *command(*given, "--data", os.fspath(member.folder.root)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "300"},
    )
    out, errors = await process.communicate()
    return process.returncode or 0, out.decode(), errors.decode()
