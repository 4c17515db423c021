"""How a command reaches its node: through the one that runs, or by opening the folder itself.

Owns that decision and both ways. Whoever holds the folder's lock decides: a running node is asked
over its local API, another command is waited for, and a free folder is opened. Either way a command
calls an operation of the table by its name and gets the same JSON.

The heavy parts of the node are imported only when a folder is opened.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote, urlencode, urlsplit

from hutong_node.folder_lock import WAIT_S, FolderLock, Holder, in_use
from hutong_node.operations import BY_NAME, Call, Operation
from hutong_node.refusals import Code, Refused
from hutong_node.request_shapes import body_as, query_as
from hutong_node.running_file import RunningFile
from hutong_protocol.schema.problems import Problem

if TYPE_CHECKING:
    from hutong_node.config import DataFolder
    from hutong_node.service import NodeService

ANSWER_S: Final = 180.0
"""Longer than any operation may take in the node."""
_POLL_S: Final = 0.05


class Desk(Protocol):
    """A node that can be asked to do something."""

    running: bool
    """Whether the node runs; otherwise its folder was opened for this."""

    async def call(
        self,
        name: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
        key: str | None = None,
    ) -> Any:
        """The answer of an operation (its operationId) as JSON.

        Raises:
            Refused: the node didn't do it.
        """
        ...


class FolderDesk:
    """A node whose folder this process has open."""

    running = False

    def __init__(self, service: NodeService) -> None:
        self._service = service

    async def call(
        self,
        name: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
        key: str | None = None,
    ) -> Any:
        """As `Desk.call`."""
        from hutong_node.http_errors import refusal_of
        from hutong_node.store.errors import StoreError

        operation = BY_NAME[name]
        shaped = None if operation.body is None else body_as(operation.body, body)
        call = Call(path or {}, query_as(operation.query, query or {}), shaped, key)
        try:
            answer = await operation.run(self._service, call)
        except StoreError as failed:
            raise refusal_of(failed) from failed
        return answer.model_dump(mode="json")


class RunningDesk:
    """A node that runs, asked over its local API."""

    running = True

    def __init__(self, url: str, token: str) -> None:
        self._address = urlsplit(url)
        self._token = token

    async def call(
        self,
        name: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
        key: str | None = None,
    ) -> Any:
        """As `Desk.call`."""
        operation = BY_NAME[name]
        target = _target(operation, path or {}, query or {})
        status, content = await asyncio.to_thread(self._ask, operation, target, body, key)
        try:
            answer = json.loads(content)
        except ValueError:
            raise Refused(
                Code.NOT_RUNNING,
                f"what answers at {self._address.geturl()} is no node",
                way_out="stop that program, or the node, and start the node again",
            ) from None
        if status >= 400:
            raise _refusal(answer)
        return answer

    def _ask(
        self, operation: Operation, target: str, body: object, key: str | None
    ) -> tuple[int, bytes]:
        """One request; a connection of its own, since a command makes few of them."""
        headers = {"Authorization": f"Bearer {self._token}"}
        data = None
        if operation.body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, ensure_ascii=False).encode("utf-8", errors="surrogatepass")
        if key is not None:
            headers["Idempotency-Key"] = key
        connection = http.client.HTTPConnection(self._address.netloc, timeout=ANSWER_S)
        try:
            connection.request(operation.method, target, data, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as lost:
            raise Refused(
                Code.NOT_RUNNING,
                f"the node at {self._address.geturl()} doesn't answer",
                detail=type(lost).__name__,
                way_out="look whether it is still starting, or hangs: its log says so",
            ) from lost
        finally:
            connection.close()


@asynccontextmanager
async def open_desk(folder: DataFolder, doing: str) -> AsyncIterator[Desk]:
    """The node of a folder, to be asked as long as the context lasts.

    Args:
        doing: the name of the command, told to others that want the folder meanwhile.

    Raises:
        Refused: there is no node, the folder is in use, or can't be used as it is.
    """
    if not folder.config.exists():
        raise Refused(
            Code.NO_NODE,
            f"there is no node in {folder.root}",
            way_out=f"make one: hutong init --data '{folder.root}'; or name its folder with --data",
        )
    found = await _lock_or_node(folder, doing)
    if isinstance(found, RunningDesk):
        yield found
        return
    try:
        async with _opened(folder) as service:
            yield FolderDesk(service)
    finally:
        found.release()


def running_desk(folder: DataFolder) -> RunningDesk | None:
    """The node that runs in a folder; None if none does, or it isn't so far yet.

    Raises:
        Refused: its token can't be read.
    """
    found = FolderLock.try_take(folder.lock, "look")
    if isinstance(found, FolderLock):
        found.release()
        return None
    return _node_of(folder, found)


def _node_of(folder: DataFolder, holder: Holder) -> RunningDesk | None:
    running = RunningFile.read(folder.running)
    # The file of a node that was killed may name what is now another program's address.
    if running is None or running.pid != holder.pid:
        return None
    return RunningDesk(running.url, _token(folder))


async def _lock_or_node(folder: DataFolder, doing: str) -> FolderLock | RunningDesk:
    """The folder's lock, or the running node that holds it."""
    end_s = asyncio.get_running_loop().time() + WAIT_S
    while isinstance(found := FolderLock.try_take(folder.lock, doing), Holder):
        if (desk := _node_of(folder, found)) is not None:
            return desk
        if asyncio.get_running_loop().time() >= end_s:
            raise in_use(folder.root, found)
        await asyncio.sleep(_POLL_S)
    return found


@asynccontextmanager
async def _opened(folder: DataFolder) -> AsyncIterator[NodeService]:
    """The parts of a node that doesn't run."""
    from hutong_node.local_side import LocalSide, refusals_of_opening
    from hutong_node.node import Node, open_parts

    with refusals_of_opening(folder.root):
        node = Node(await asyncio.to_thread(open_parts, folder))
    side = LocalSide.open(node, running=False)
    try:
        yield side.service
    finally:
        await node.stop()
        side.close()


def _token(folder: DataFolder) -> str:
    from hutong_node.keys import KeyFileRefused, read_secret

    try:
        return read_secret(folder.token).decode("ascii", errors="replace").strip()
    except KeyFileRefused as refused:
        raise Refused(Code.NO_TOKEN, str(refused)) from None


def _target(operation: Operation, path: Mapping[str, str], query: Mapping[str, str]) -> str:
    filled = operation.path
    for name, value in path.items():
        filled = filled.replace(f"{{{name}}}", quote(value, safe=""))
    return f"{filled}?{urlencode(query)}" if query else filled


def _refusal(answer: Any) -> Refused:
    """The refusal that the node told."""
    try:
        return Refused(
            Code(answer["code"]),
            answer["title"],
            detail=answer.get("detail", ""),
            way_out=answer.get("way_out", ""),
            problems=[
                Problem(item["path"], item["rule"], item.get("example", ""))
                for item in answer.get("problems", [])
            ],
        )
    except (KeyError, TypeError, ValueError):
        return Refused(Code.INTERNAL, "the node refused in words that this program doesn't know")
