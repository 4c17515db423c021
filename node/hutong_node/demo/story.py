"""What happens in the demo: how needs cross from a file to two others' nodes, and what then.

Owns the order of events. A platform imports sheets; a foundation that peers with both others offers
and promises; a government office peers with the foundation only, so what it knows of the platform
came through a third party. While records are on their way the office is killed and comes back.
Nothing here looks into a store, except to count rows at the moment of the kill.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hutong_node.demo.members import DemoFailed, Member
from hutong_protocol.instants import instant_text

KILL_FROM: Final = 0.30
KILL_TO: Final = 0.70
"""The office is killed when it holds this share of the records that the platform will have."""
CONVERGE_S: Final = 60.0
PROMISES: Final = 5
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Material:
    """What is imported: files in order, the mapping, how many rows, and the names used."""

    files: tuple[Path, ...]
    mapping: str
    rows: int
    space: str
    topic: str
    incident: str


@dataclass(slots=True)
class Account:
    """What happened, for the table at the end."""

    imported: int = 0
    refused: int = 0
    killed_at: float = 0.0
    killed_records: int = 0
    promised: list[str] = field(default_factory=list)


class Story:
    """One run of the demo over three members that are already running."""

    def __init__(
        self,
        platform: Member,
        foundation: Member,
        office: Member,
        material: Material,
        tell: Callable[[str], None],
    ) -> None:
        """`tell` says progress to people."""
        self._platform = platform
        self._foundation = foundation
        self._office = office
        self._material = material
        self._tell = tell
        self._incident = ""
        self.account = Account()

    async def run(self) -> Account:
        """The whole story.

        Raises:
            DemoFailed: something didn't happen in time.
        """
        await self._meet()
        await self._introduce_themselves()
        await self._import_while_the_office_dies()
        await self._coordinate()
        await self._until_equal()
        return self.account

    # The parts of the story

    async def _meet(self) -> None:
        """Invites both ways of the foundation; who is let in beyond them is said by each."""
        self._tell(
            "the foundation invites the platform and the office; they do not know each other"
        )
        scopes = [
            {"space": self._material.space, "topic": topic}
            for topic in ("base", self._material.topic)
        ]
        await self._foundation.ask("POST", "/v1/subscriptions", {"scopes": scopes})
        for guest in (self._platform, self._office):
            invite = await self._foundation.ask("POST", "/v1/invites", {"scopes": scopes})
            await guest.ask("POST", "/v1/join", {"invite": invite["invite"]})
        for one, other in ((self._platform, self._office), (self._office, self._platform)):
            await one.ask(
                "POST", "/v1/organisations", {"organisation": other.org, "note": other.role}
            )

    async def _introduce_themselves(self) -> None:
        for member, kind in (
            (self._platform, "platform"),
            (self._foundation, "foundation"),
            (self._office, "gov"),
        ):
            await member.publish(
                {
                    "type": "org/1",
                    "space": self._material.space,
                    "topic": "base",
                    "facts": {"kind": kind},
                    "text": {"title": member.name, "note": member.role},
                }
            )
        (self._incident,) = await self._platform.publish(
            {
                "type": "incident/1",
                "space": self._material.space,
                "topic": "base",
                "facts": {"start": "2021-12-09T00:00:00+08:00"},
                "text": {"title": self._material.incident},
            }
        )

    async def _import_while_the_office_dies(self) -> None:
        """Imports file after file; a second task kills the office when it has enough, not all."""
        expected = self._material.rows
        killer = asyncio.create_task(self._kill_office_at_share(expected), name="killer")
        try:
            for number, file in enumerate(self._material.files, start=1):
                began = time.monotonic()
                result = await self._platform.hutong(
                    "import",
                    str(file),
                    "--mapping",
                    self._material.mapping,
                    "--space",
                    self._material.space,
                    "--set",
                    f"incident={self._incident}",
                    # Real sheets are years old: shown as they stood, all would have expired.
                    "--set",
                    f"valid_until={_time(30)}",
                )
                counts = result["counts"]
                self.account.imported += counts.get("new", 0)
                self.account.refused += counts.get("refused", 0)
                rate = counts.get("new", 0) / max(time.monotonic() - began, 0.001)
                self._tell(
                    f"imported {file.name} ({number} of {len(self._material.files)}):"
                    f" {self.account.imported} of {expected} rows signed, {rate:.0f} rows/s"
                )
            if not killer.done():
                async with asyncio.timeout(10):
                    await killer
            await killer
        except TimeoutError:
            raise DemoFailed("the office never held between 30 and 70 % of the records") from None
        finally:
            killer.cancel()
        self._tell("the office comes back")
        await self._office.start()

    async def _kill_office_at_share(self, expected: int) -> None:
        while True:
            share = self._office.records_on_disk() / expected
            if share >= KILL_FROM:
                break
            await asyncio.sleep(0.02)
        await self._office.kill()
        held = self._office.records_on_disk()
        self.account.killed_records, self.account.killed_at = held, held / expected
        self._tell(
            f"the office was killed with SIGKILL: it held {held} records,"
            f" {self.account.killed_at:.0%} of those to come"
        )
        if not 0.2 <= self.account.killed_at <= 0.8:
            raise DemoFailed(f"the office held {self.account.killed_at:.0%} when it was killed")

    async def _coordinate(self) -> None:
        """An offer, promises, decisions, goods sent, goods received, and a check by the office."""
        needs = await self._measured_needs()
        self._tell(f"the foundation offers, and promises to serve {len(needs)} needs")
        await self._offer(needs[0])
        for need in needs:
            await self._serve(need)
            self.account.promised.append(need["id"])
        await self._check(needs[0])

    async def _measured_needs(self) -> list[dict[str, Any]]:
        """Open needs with a target, as the foundation sees them: they came by the wire.

        Five of them, or as many as there are: in real sheets most lines have no number.
        """
        await self._until_imported()
        found: list[dict[str, Any]] = []
        query = f"/v1/things?type=need&life=active&space={self._material.space}&limit=100"
        after = ""
        while len(found) < PROMISES:
            page = await self._foundation.ask("GET", query + after)
            for item in page["things"]:
                need = await self._foundation.ask("GET", f"/v1/things/{item['id']}")
                lines = [line["id"] for line in need["lines"] if line["required"] is not None]
                if lines and need["facts"] is not None:
                    wanted = next(line for line in need["facts"]["lines"] if line["id"] == lines[0])
                    found.append({"id": item["id"], "line": wanted, "facts": need["facts"]})
                if len(found) == PROMISES:
                    break
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        if not found:
            raise DemoFailed("no need with a number reached the foundation")
        return found

    async def _until_imported(self) -> None:
        """Waits until the foundation holds, and has folded, what the platform holds."""
        try:
            async with asyncio.timeout(CONVERGE_S):
                while True:
                    mine, theirs = [
                        await member.ask("GET", "/v1/status")
                        for member in (self._platform, self._foundation)
                    ]
                    if (
                        mine["frontier_digest"] == theirs["frontier_digest"]
                        and not theirs["behind"]
                    ):
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise DemoFailed("the foundation did not get what the platform imported") from None

    async def _offer(self, need: dict[str, Any]) -> None:
        await self._foundation.publish(
            {
                "type": "offer/1",
                "space": self._material.space,
                "topic": self._material.topic,
                "facts": {
                    "incident": self._incident,
                    "lines": [{**need["line"], "id": "stock"}],
                    "place": need["facts"]["place"],
                    "valid_until": _time(30),
                },
                "text": {"title": "库存物资 / stock in hand"},
            }
        )

    async def _serve(self, need: dict[str, Any]) -> None:
        """One need: promised, accepted, sent and received by those whose say it is."""
        quantity = need["line"]["quantity"]
        common = {"space": self._material.space, "topic": self._material.topic}
        line = {"line": need["line"]["id"], "quantity": quantity}
        thing = {"thing": need["id"]}
        (promise,) = await self._foundation.publish(
            {
                **common,
                "type": "commitment/1",
                "refs": {**thing, "revision": need["id"]},
                "facts": {**line, "valid_until": _time(10), "eta": _time(2)},
            }
        )
        await self._until_known(self._platform, promise)
        await self._platform.publish(
            {
                **common,
                "type": "decision/1",
                "refs": {**thing, "link": need["id"], "revision": need["id"], "target": promise},
                "facts": {
                    **line,
                    "outcome": "accept",
                    "commitment_author": self._foundation.org,
                },
            }
        )
        (sent,) = await self._foundation.publish(
            {
                **common,
                "type": "dispatch/1",
                "refs": {**thing, "revision": need["id"], "target": promise},
                "facts": {**line, "left_at": _time(0)},
            }
        )
        await self._until_known(self._platform, sent)
        await self._platform.publish(
            {
                **common,
                "type": "receipt/1",
                "refs": {**thing, "revision": need["id"], "target": promise, "dispatch": sent},
                "facts": {**line, "condition": "ok"},
            }
        )

    async def _check(self, need: dict[str, Any]) -> None:
        """The office, which knows the platform only through the foundation, checks a need."""
        await self._until_known(self._office, need["id"])
        await self._office.publish(
            {
                "type": "verify/1",
                "space": self._material.space,
                "topic": self._material.topic,
                "refs": {"thing": need["id"], "revision": need["id"]},
                "facts": {
                    "outcome": "confirmed",
                    "method": "two_way",
                    "checked": {"exists": True, "reachable": True},
                    "checked_at": _time(0),
                },
            }
        )

    async def _until_known(self, member: Member, record: str) -> None:
        """Waits until a record has reached a member's node."""
        try:
            async with asyncio.timeout(CONVERGE_S):
                while True:
                    try:
                        await member.ask("GET", f"/v1/records/{record}")
                    except DemoFailed:
                        await asyncio.sleep(0.02)
                    else:
                        return
        except TimeoutError:
            raise DemoFailed(f"a record did not reach {member.name}") from None

    async def _until_equal(self) -> None:
        """Waits until all three frontiers are equal."""
        members = (self._platform, self._foundation, self._office)
        digests: Sequence[str] = ()
        try:
            async with asyncio.timeout(CONVERGE_S):
                while True:
                    statuses = [await member.ask("GET", "/v1/status") for member in members]
                    digests = [status["frontier_digest"] for status in statuses]
                    behind = sum(status["behind"] for status in statuses)
                    if len(set(digests)) == 1 and behind == 0:
                        self._tell("all three hold the same")
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise DemoFailed(
                f"the nodes are not equal after {CONVERGE_S:.0f} s: {json.dumps(list(digests))}"
            ) from None


def _time(days: int) -> str:
    """An instant so many days from now, to the second."""
    now_ms = time.time_ns() // 1_000_000
    return instant_text((now_ms + days * _DAY_MS) // 1_000 * 1_000)
