"""Speaks with the local HTTP API of the organisation's own node. The only module that does network.

Owns finding the node (the address in `running.json` and the token of its data folder), and telling
its answers apart: done, refused for good, or worth another try. It knows nothing of mappings. Every
wait has an end; redirects, proxies and cookies are not followed, since the token goes with every
request.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from hutong_adapters.interface import NodeRefused, NodeUnavailable

REQUEST_S: Final = 180.0
"""As long as a node takes to sign the largest chunk on a slow disk, and some more."""
CONNECT_S: Final = 5.0
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
"""An answer lists every row that is gone, so it may be longer than a request."""

_RUNNING: Final = "running.json"
_TOKEN: Final = "api.token"


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where the local API of a node listens, and the token for it."""

    url: str
    token: str = field(repr=False)


def default_folder() -> Path:
    """`$HUTONG_HOME`, otherwise `~/.hutong`, as for the commands of a node."""
    home = os.environ.get("HUTONG_HOME")
    return Path(home) if home else Path.home() / ".hutong"


def find_node(folder: Path) -> NodeAddress:
    """The node that runs with this data folder.

    Raises:
        NodeUnavailable: none runs, or its files can't be read; the message says what to do.
    """
    try:
        running = json.loads((folder / _RUNNING).read_text(encoding="utf-8"))
        url = str(running["url"])
    except (OSError, ValueError, KeyError, TypeError):
        raise NodeUnavailable(
            f"no node runs in {folder}: start it with `hutong run --data {folder}`,"
            " or look first with --dry-run, which needs none"
        ) from None
    try:
        token = (folder / _TOKEN).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise NodeUnavailable(f"the token in {folder / _TOKEN} can't be read") from None
    return NodeAddress(url.rstrip("/"), token)


class NodeClient:
    """Requests to one node. Use as an asynchronous context manager."""

    def __init__(self, address: NodeAddress) -> None:
        """Nothing is sent yet."""
        self._address = address
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Opens the session."""
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._address.token}"},
            timeout=aiohttp.ClientTimeout(total=REQUEST_S, sock_connect=CONNECT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def import_rows(self, source: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Sends a chunk of rows; returns what became of each.

        Raises:
            NodeRefused, NodeUnavailable: as `_ask`.
        """
        return await self._ask("POST", f"/v1/imports/{source}", request)

    async def active_things(self, type_name: str, space: str, topic: str) -> list[dict[str, Any]]:
        """The first page of active things of a type in a scope.

        Raises:
            NodeRefused, NodeUnavailable: as `_ask`.
        """
        query = f"?type={type_name}&space={space}&topic={topic}&life=active"
        answer = await self._ask("GET", f"/v1/things{query}", None)
        things = answer.get("things")
        return things if isinstance(things, list) else []

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        """One request, one answer.

        Raises:
            NodeRefused: the node won't do it; its own words.
            NodeUnavailable: it isn't there, didn't answer in time, or can't just now.
        """
        assert self._session is not None
        url = self._address.url + path
        try:
            async with self._session.request(
                method, url, json=body, allow_redirects=False
            ) as answer:
                content = await answer.content.read(ANSWER_BYTES_MAX + 1)
                while chunk := await answer.content.read(ANSWER_BYTES_MAX + 1):
                    content += chunk
                    if len(content) > ANSWER_BYTES_MAX:
                        raise NodeRefused("the node's answer is too long")
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NodeUnavailable(f"the node did not answer ({type(error).__name__})") from None
        found = _json_object(content)
        if status == 200 and found is not None:
            return found
        words = _problem_words(status, found)
        if status >= 500 or status == 429:
            raise NodeUnavailable(words)
        raise NodeRefused(words, str((found or {}).get("code", "")))


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _problem_words(status: int, problem: dict[str, Any] | None) -> str:
    """What a problem document says, on one line (RFC 9457)."""
    if problem is None:
        return f"the node answered {status} without a reason"
    words = str(problem.get("title") or f"the node answered {status}")
    if problem.get("detail"):
        words += f": {problem['detail']}"
    for each in problem.get("problems") or []:
        words += f"; {each.get('path')}: {each.get('rule')}"
    if problem.get("way_out"):
        words += f" ({problem['way_out']})"
    return words
