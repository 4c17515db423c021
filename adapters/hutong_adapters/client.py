"""Speaks with the local API of the organisation's own node. The only module that does network.

Owns finding the node (the address in `running.json` and the token of its data folder), and telling
its answers apart: done, refused for good, or worth another try. Where the command line of the node
hands over a door of its own (`Door`), requests go through that, and the node need not run. It knows
nothing of mappings. Every wait has an end; redirects, proxies and cookies are not followed, since
the token goes with every request.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self
from urllib.parse import urlencode

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


class Requests(Protocol):
    """A node that takes requests as its local API does."""

    async def ask(
        self, method: str, target: str, body: object = None
    ) -> tuple[int, dict[str, Any]]:
        """The status and the JSON of the answer."""
        ...


class Door(Protocol):
    """What the command line of a node hands to commands of other packages."""

    def open(self, folder: Path | None, doing: str) -> AbstractAsyncContextManager[Requests]:
        """The node of a folder; OSError with words where it can't be reached."""
        ...


class NodeApi:
    """The operations that adapters need, over any way to ask."""

    def __init__(self, requests: Requests) -> None:
        """Nothing is asked yet."""
        self._requests = requests

    async def import_rows(self, source: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Sends a chunk of rows; returns what became of each.

        Raises:
            NodeRefused, NodeUnavailable: as `_ask`.
        """
        return await self._ask("POST", f"/v1/imports/{source}", request)

    async def source(self, source: str, state: str | None = None) -> dict[str, Any]:
        """What the node knows of a source, held against the digest of a file.

        Raises:
            NodeRefused, NodeUnavailable: as `_ask`.
        """
        query = "" if state is None else f"?state={state}"
        return await self._ask("GET", f"/v1/imports/{source}{query}", None)

    async def active_things(self, type_name: str, space: str, topic: str) -> list[dict[str, Any]]:
        """The first page of active things of a type in a scope.

        Raises:
            NodeRefused, NodeUnavailable: as `_ask`.
        """
        page = await self.things(
            {"type": type_name, "space": space, "topic": topic, "life": "active"}
        )
        found = page.get("things")
        return found if isinstance(found, list) else []

    async def things(self, query: Mapping[str, str]) -> dict[str, Any]:
        """A page of things: `things`, and `next` where there are more.

        Raises:
            NodeRefused, NodeUnavailable: as `_ask`.
        """
        return await self._ask("GET", f"/v1/things?{urlencode(query)}", None)

    async def thing(self, identifier: str, query: Mapping[str, str]) -> dict[str, Any]:
        """A thing with its facts, text and numbers.

        Raises:
            NodeRefused, NodeUnavailable: as `_ask`.
        """
        asked = f"?{urlencode(query)}" if query else ""
        return await self._ask("GET", f"/v1/things/{identifier}{asked}", None)

    async def own_organisation(self) -> str:
        """The id of the organisation whose node this is.

        Raises:
            NodeRefused, NodeUnavailable: as `_ask`.
        """
        answer = await self._ask("GET", "/v1/organisations", None)
        return str(answer["own"]["id"])

    async def _ask(
        self, method: str, target: str, body: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """One request, one answer.

        Raises:
            NodeRefused: the node won't do it; its own words.
            NodeUnavailable: it isn't there, didn't answer in time, or can't just now.
        """
        status, found = await self._requests.ask(method, target, body)
        if status == 200:
            return found
        words = _problem_words(status, found)
        if status >= 500 or status == 429:
            raise NodeUnavailable(words)
        raise NodeRefused(words, str(found.get("code", "")))


@asynccontextmanager
async def open_node(folder: Path | None, door: Door | None, doing: str) -> AsyncIterator[NodeApi]:
    """The node of a folder, by default of the usual one.

    Args:
        door: of the node's own command line; without one the node must run.
        doing: the name of the command, told to others that want the folder meanwhile.

    Raises:
        NodeUnavailable: there is no node, it doesn't run, or is in use.
    """
    if door is None:
        async with NodeClient(find_node(folder or default_folder())) as node:
            yield node
        return
    async with AsyncExitStack() as stack:
        try:
            requests = await stack.enter_async_context(door.open(folder, doing))
        except OSError as error:
            raise NodeUnavailable(str(error)) from None
        yield NodeApi(requests)


class NodeClient(NodeApi):
    """Requests to a node that runs. Use as an asynchronous context manager."""

    def __init__(self, address: NodeAddress) -> None:
        """Nothing is sent yet."""
        super().__init__(self)
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

    async def ask(
        self, method: str, target: str, body: object = None
    ) -> tuple[int, dict[str, Any]]:
        """One request, one answer.

        Raises:
            NodeRefused: the answer can't be used.
            NodeUnavailable: the node isn't there, or didn't answer in time.
        """
        assert self._session is not None
        url = self._address.url + target
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
        if found is None and status == 200:
            raise NodeRefused("what answers is no node")
        return status, found or {}


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _problem_words(status: int, problem: dict[str, Any]) -> str:
    """What a problem document says, on one line (RFC 9457)."""
    if not problem:
        return f"the node answered {status} without a reason"
    words = str(problem.get("title") or f"the node answered {status}")
    if problem.get("detail"):
        words += f": {problem['detail']}"
    for each in problem.get("problems") or []:
        words += f"; {each.get('path')}: {each.get('rule')}"
    if problem.get("way_out"):
        words += f" ({problem['way_out']})"
    return words
