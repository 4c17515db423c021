"""What a node waits for whose store was put back from an older copy, or moved.

Such a store may lack what was erased and revoked since it was copied. So before the node signs or
shows anything it compares with its peers, and before that it hands no record to anybody. It goes
on when each peer of the roster was compared with; after a minute, with those that were in reach;
after ten minutes whatever a peer does. With no peer in reach it signs into its new logs and shows
what it has, as work must go on (threat 26), but serves nothing until it has compared with one: the
first session takes before it gives. Spec: 5.1.6.

Why own logs are given up is for `marker` and the store; how records are withheld, for the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from hutong_node.clock import Clock
from hutong_node.observe import logger
from hutong_node.refusals import Code, Refused
from hutong_node.roster import Roster
from hutong_node.store.sqlite.store import SqliteStore
from hutong_protocol.ids import OrgId

WAIT_S: Final = 60.0
"""Peers that are in reach at all are reached in this time, several tries included."""
WAIT_MAX_S: Final = 600.0
"""A peer that begins a comparison and never ends it holds nobody up for longer."""
_LOOK_S: Final = 0.5
"""How often it is asked whether the time is over, if nothing happens."""


class Restoring:
    """The way of one node back to its work. `refusal` and its like may be asked on any thread."""

    def __init__(self, store: SqliteStore, roster: Roster, clock: Clock) -> None:
        """Nothing is waited for unless the store says that it was put back."""
        self._store = store
        self._roster = roster
        self._clock = clock
        self._began_s: float | None = None
        self._comparing: set[OrgId] = set()
        self._compared: set[OrgId] = set()
        self._news = asyncio.Event()

    @property
    def withholds(self) -> bool:
        """Whether no record is handed to peers, since none was compared with yet."""
        return self._store.restored is not None

    @property
    def waits(self) -> bool:
        """Whether nothing is to be signed or shown yet."""
        if not self.withholds:
            return False
        peers = {peer.org for peer in self._roster.peers()}
        if peers <= self._compared:
            return False
        if self._began_s is None:
            return True  # it doesn't run, so it can ask nobody
        waited_s = self._clock.monotonic_s() - self._began_s
        if waited_s < WAIT_S:
            return True
        return bool(self._comparing - self._compared) and waited_s < WAIT_MAX_S

    def refusal(self) -> Refused | None:
        """What people and programs are told while nothing is signed or shown."""
        if not self.waits:
            return None
        if self._began_s is None:
            way_out = "start the node (hutong run): with no peer in reach it waits for a minute"
        else:
            way_out = "wait: hutong status shows the peers; without one it takes a minute"
        return Refused(
            Code.RESTORING,
            "this node's store was put back or moved: it asks its peers first what was erased"
            " and revoked meanwhile",
            detail="" if self._store.restored is None else self._store.restored.value,
            way_out=way_out,
        )

    def compare_begins(self, org: OrgId) -> None:
        """A peer proved who it is, and its session compares."""
        self._comparing.add(org)

    def compare_ended(self, org: OrgId, *, done: bool) -> None:
        """A session with a peer took what that peer has (`done`), or ended before it could."""
        self._comparing.discard(org)
        if done:
            self._compared.add(org)
        self._news.set()

    async def run(self, caught_up: Callable[[], None]) -> None:
        """Waits until the node may go on, and lets it serve; `caught_up` is told then."""
        if not self.withholds:
            return
        self._began_s = self._clock.monotonic_s()
        logger().warning("restored", reason=getattr(self._store.restored, "value", ""))
        while not self._compared or self.waits:
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK_S)
        await self._store.caught_up()
        logger().info("caught-up", count=len(self._compared))
        caught_up()
