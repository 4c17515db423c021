"""Lets in, scope by scope, the organisations whom the stewards of needs name.

The settled numbers of a need depend on the records of those whom its stewards name, and must be the
same everywhere. So a node stores these organisations in that scope, too, if the author of the need
is let in and heeded. It goes by the fold, after records have been taken; replication knows nothing
of it. It ends there: needs of an organisation that is let in by naming only let in nobody. What was
let in so is never withdrawn by the node itself. Spec: 12.22.

Who counts is decided by the roster; what their records cost is charged by `quotas`.
"""

from __future__ import annotations

import asyncio

from hutong_node.clock import Clock
from hutong_node.indexing import FoldIndex
from hutong_node.observe import logger
from hutong_node.roster import Roster


class NamedLetIn:
    """Carries what the index finds into the roster, for one node."""

    def __init__(self, index: FoldIndex, roster: Roster, clock: Clock) -> None:
        self._index = index
        self._roster = roster
        self._clock = clock
        self._number = 0

    async def take(self) -> bool:
        """Takes note of whom stewards named since the last time; True if there was anybody new.

        All are kept, of authors who are not let in too: the operator may change that.
        """
        number, namings = await asyncio.to_thread(self._index.namings_after, self._number)
        if not namings:
            return False
        now_ms = self._clock.now_ms()
        added = await asyncio.to_thread(self._roster.add_named, namings, now_ms)
        self._number = number
        if added:
            logger().info("organisations-named", count=added)
        return added > 0
