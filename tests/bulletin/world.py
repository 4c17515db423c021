"""A node that holds what several organisations wrote, for tests of the bulletin.

Owns signed logs of made-up organisations, put straight into a node's store as a peer's would be.
What they say isn't checked before it is signed, so that it can be anything that a hostile peer
might send; `need_facts` and the like make what is right.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.made_logs import MadeLog
from hutong_node.node import Node
from hutong_node.store.interface import Policy, StoreMethods
from hutong_protocol.authoring import Draft
from hutong_protocol.encoding import encode
from hutong_protocol.exchange import Scope
from hutong_protocol.ids import RecordId
from hutong_protocol.runs import PartData
from hutong_protocol.schema import Refs, write_refs
from node.nodes import BASE, FSC, SPACE, new_node
from simulation.parties import found

HEA = Scope(SPACE, "hea")
NOON_MS = 1_767_326_400_000
"""2026-01-02T04:00:00Z, noon in Xi'an."""
DAY_MS = 86_400_000
LATER = "2026-02-01T00:00:00+08:00"
EARLIER = "2025-12-31T00:00:00+08:00"
PLACE = {"codes": [{"scheme": "CN-GB2260", "code": "610113"}]}


Said = tuple[str, Mapping[str, Any] | None, Mapping[str, Any] | None, Mapping[str, Any]]
"""A record to be: type, facts, text, refs by name."""


class FixedClock:
    """A clock that stands where it is put."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self.now = now_ms

    def now_ms(self) -> int:
        return self.now

    def monotonic_s(self) -> float:
        return self.now / 1_000

    async def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1_000)


class World:
    """A node and those whose records it holds."""

    def __init__(self, root: Path, *, seed: int = 1, **bulletin: Any) -> None:
        self.clock = FixedClock()
        self.node: Node = new_node(root, "one", tls=False, clock=self.clock)
        self.rng = random.Random(seed)
        self.nonce = 0
        parts = self.node.parts
        parts.roster.subscribe([BASE, FSC, HEA])
        parts.store.run(StoreMethods.set_policy, Policy(orgs=None, scopes=None))

    def organisation(self, name: str | None = None, kind: str = "ngo", **text: Any) -> Author:
        """A new organisation; with a name it has a card."""
        author = Author(self)
        if name is not None:
            author.say("org/1", BASE, {"kind": kind}, {"title": name, **text})
        return author

    async def settle(self) -> None:
        """Waits until the index has everything."""
        await self.node.index_is_current()

    async def close(self) -> None:
        """Stops the node."""
        await self.node.stop()


class Author:
    """One organisation with a log for each scope in which it has said something."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.party = found(world.rng)
        self.org = self.party.org
        self._logs: dict[Scope, MadeLog] = {}
        store = world.node.parts.store
        outcome = store.run(StoreMethods.store_events, self.org, self.party.values)
        assert outcome.fault is None

    def say(
        self,
        type_name: str,
        scope: Scope,
        facts: Mapping[str, Any] | None,
        text: Mapping[str, Any] | None = None,
        *,
        ts_ms: int = NOON_MS,
        **refs: Any,
    ) -> RecordId:
        """One record, stored at once. Refs are record ids by name."""
        return self.say_all(scope, [(type_name, facts, text, refs)], ts_ms=ts_ms)[0]

    def say_all(
        self,
        scope: Scope,
        said: Sequence[Said],
        *,
        ts_ms: int = NOON_MS,
    ) -> list[RecordId]:
        """Several records, in runs of at most 200."""
        ids: list[RecordId] = []
        store = self.world.node.parts.store
        for start in range(0, len(said), 200):
            log = self._logs.get(scope)
            first = 0 if log is None else log.head.seq + 1
            if log is None:
                log = self._logs[scope] = MadeLog(self.party, self.world.rng, scope)
            ids += log.write([self._draft(ts_ms, *each) for each in said[start : start + 200]])
            (outcome,) = store.run(StoreMethods.store_runs, scope, [log.run(first)], self.org)
            assert outcome.fault is None, outcome
        return ids

    def _draft(
        self,
        ts_ms: int,
        type_name: str,
        facts: Mapping[str, Any] | None,
        text: Mapping[str, Any] | None,
        refs: Mapping[str, Any],
    ) -> Draft:
        salt = self.world.rng.randbytes(16)
        parts = [
            PartData(role, salt, encode(dict(value)))
            for role, value in ((0, facts), (1, text))
            if value is not None
        ]
        return Draft(
            ts_ms, type=type_name, refs=write_refs(Refs(**refs)) if refs else (), parts=tuple(parts)
        )


def exact(value: str, unit: str) -> dict[str, Any]:
    """A quantity."""
    return {"bound": "exact", "value": value, "unit": unit}


def need_facts(incident: bytes = bytes(32), **more: Any) -> dict[str, Any]:
    """Facts of a need with one line of rice, or those lines that are given."""
    line = {"id": "rice", "kind": "goods", "quantity": exact("200", "kg")}
    return {
        "incident": incident,
        "lines": [line],
        "place": PLACE,
        "urgency": "normal",
        "valid_until": LATER,
        **more,
    }


def offer_facts(incident: bytes = bytes(32), **more: Any) -> dict[str, Any]:
    """Facts of an offer with one line of rice."""
    facts = need_facts(incident, **more)
    if "urgency" not in more:
        del facts["urgency"]
    return facts
