"""Makes nodes for tests: real folders, real stores, real sockets on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hutong_node.clock import Clock, SystemClock
from hutong_node.config import Config, DataFolder, LocalListen, PeerListen, Policy
from hutong_node.founding import found
from hutong_node.guard import GateLimits
from hutong_node.node import Node, open_parts
from hutong_node.store.interface import NewPart, NewRecord, StoreMethods
from hutong_protocol.encoding import encode
from hutong_protocol.exchange import Scope

SPACE = "xian-2021"
BASE = Scope(SPACE, "base")
FSC = Scope(SPACE, "fsc")


def new_node(
    root: Path,
    name: str,
    *,
    tls: bool = True,
    clock: Clock | None = None,
    limits: GateLimits | None = None,
    **policy: Any,
) -> Node:
    """A new organisation whose node holds `FSC` and listens on a free port of loopback."""
    folder = DataFolder(root / name)
    config = Config(
        organisation=name,
        peer=PeerListen(host="127.0.0.1", port=0, tls=tls),
        local=LocalListen(port=0),
        policy=Policy(**policy),
    )
    found(folder, config, SystemClock())
    node = Node(open_parts(folder, clock), limits=limits)
    parts = node.parts
    parts.roster.subscribe([FSC])
    judged = parts.roster.policy(parts.identity.org, config.policy.organisation_bytes_max)
    parts.store.run(StoreMethods.set_policy, judged)
    return node


def reopened(node: Node) -> Node:
    """The same node again, after it was stopped."""
    return Node(open_parts(node.parts.folder))


def endpoint(node: Node) -> str:
    """Where a started node is dialled."""
    scheme = "wss" if node.parts.certificate else "ws"
    return f"{scheme}://127.0.0.1:{node.peer_port}"


def draft(number: int) -> NewRecord:
    """A data record of a type that no fold knows."""
    return NewRecord(type="x-test/1", parts=(NewPart(0, encode({"number": number})),))


async def introduce(inviter: Node, joiner: Node, scopes: list[Scope]) -> None:
    """Lets `joiner` join `inviter` for these scopes, by an invite."""
    inviter.parts.roster.subscribe(scopes)
    await inviter.roster_changed()
    held = inviter.parts.roster.subscriptions()
    text = inviter.desk.make_invite(held, endpoint(inviter), inviter.clock.now_ms() + 60_000)
    await joiner.desk.join(text)
    await joiner.roster_changed()


async def until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    """Waits until `condition` holds; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in stores and threads
            await asyncio.sleep(0.01)
