"""The local API for commands of other packages, whether the node runs or not.

Owns one door: packages outside the node may not import it, and yet their commands should find it as
the node's own do. The command line hands them this object; what they ask and get has the form of
the local API, addresses and problem documents included.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from hutong_node.desk import Desk


class DeskRequests:
    """A node that takes requests as its local API does."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def ask(
        self, method: str, target: str, body: object = None
    ) -> tuple[int, dict[str, Any]]:
        """The status and JSON that the local API would answer; `target` begins with /v1/."""
        from hutong_node.http_errors import problem_json
        from hutong_node.operations import OPERATIONS
        from hutong_node.refusals import Code, Refused

        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            for operation in OPERATIONS:
                found = re.fullmatch(_pattern(operation.path), parts.path)
                if found is not None and operation.method == method:
                    path = {name: unquote(value) for name, value in found.groupdict().items()}
                    answer = await self._desk.call(
                        operation.name, path=path, query=query, body=body
                    )
                    return 200, answer
            raise Refused(Code.NO_SUCH_ROUTE, "no such address", way_out="see /v1/openapi.json")
        except Refused as refused:
            problem = problem_json(refused)
            return int(problem["status"]), problem


class DeskDoor:
    """Opens the node of a folder for one command."""

    @asynccontextmanager
    async def open(self, folder: Path | None, doing: str) -> AsyncIterator[DeskRequests]:
        """The node of a folder, by default of the usual one; `doing` is told to others.

        Raises:
            NodeNotReached: there is none, or it is in use; the message says what to do.
        """
        from hutong_node.config import DataFolder, default_folder
        from hutong_node.desk import open_desk
        from hutong_node.refusals import Refused

        try:
            async with open_desk(DataFolder(folder or default_folder()), doing) as desk:
                yield DeskRequests(desk)
        except Refused as refused:
            words = f"{refused.title} ({refused.way_out})" if refused.way_out else refused.title
            raise NodeNotReached(words) from None


class NodeNotReached(OSError):
    """A command can't reach the node of its folder."""


def _pattern(path: str) -> str:
    """A pattern for an address of the table, with the names of its places."""
    return re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
