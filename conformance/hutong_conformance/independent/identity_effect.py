"""What has effect of an organisation's events, from the text of section 4: part of an oracle.

Owns a second reading of 4.6, 4.7 and 4.9, written as definitions that call each other, over sets of
event ids: each sentence of the text is a function. Nothing is sorted, indexed or visited once, so
that it has no shape in common with the core. Slow: for a few dozen events.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from hutong_conformance.independent.identity_form import Body

Held = Mapping[bytes, Body]
GIVES = ("delegate", "affirm", "sealkey", "endorse")
EPOCH_EVENTS = 1024
CONTENDERS = 64


class Effect:
    """The definitions of 4.6 and 4.7 about the held events of one organisation."""

    def __init__(self, held: Held) -> None:
        self.held = held
        self.chain_events = {one for one, body in held.items() if "epoch" not in body}
        self.epoch_events = set(held) - self.chain_events
        [self.first] = [
            one for one, body in held.items() if body["known"] and body["type"] == "incept"
        ]
        # Each definition is asked again and again, and always says the same.
        for name in (
            "rank",
            "in_force",
            "contenders",
            "ancestors",
            "sealed",
            "affirmed",
            "granted",
        ):
            setattr(self, name, cache(getattr(self, name)))

    # 4.6

    def following(self, one: bytes) -> set[bytes]:
        """Those that name it in `chain`, siblings of each other."""
        return {other for other in self.chain_events if self.held[other].get("chain") == one}

    def rank(self, one: bytes) -> int:
        """4 is the highest, 0 is none."""
        body = self.held[one]
        if not body["known"]:
            return 0
        if body["type"] == "close":
            return self.raised(1, one)
        if body["auth"] == "control":
            return self.raised(2, one)
        return 4 if body["auth"] == "both" else 3

    def raised(self, rank: int, one: bytes) -> int:
        """At least the ranks of those that follow it."""
        return max([rank, *(self.rank(other) for other in self.following(one))])

    def best(self, one: bytes) -> set[bytes]:
        """Of those that name it, the ones of the highest rank."""
        ranks = {other: self.rank(other) for other in self.following(one)}
        top = max(ranks.values(), default=0)
        return {other for other, rank in ranks.items() if rank == top > 0}

    def in_force(self) -> tuple[bytes, ...]:
        """The chain in force."""
        return self.from_here(self.first)

    def from_here(self, one: bytes) -> tuple[bytes, ...]:
        """The chain in force from this event of it."""
        after = self.best(one)
        return (one, *self.from_here(*after)) if len(after) == 1 else (one,)

    def contenders(self) -> frozenset[bytes]:
        """Empty unless the organisation is disputed."""
        after = self.best(self.in_force()[-1])
        return frozenset(after if len(after) > 1 else ())

    def beyond(self, one: bytes) -> bool:
        """Whether a chain event is a contender or follows one."""
        return one in self.contenders() or (
            one != self.first and self.beyond(self.held[one]["chain"])
        )

    # 4.7

    def ancestors(self, one: bytes) -> frozenset[bytes]:
        """What an event names in `prev`, and what that names."""
        named = self.held[one].get("prev", ())
        return frozenset(named).union(*(self.ancestors(other) for other in named))

    def sealed(self, one: bytes) -> bool:
        """Whether an epoch event has effect by itself."""
        start = self.held[one]["epoch"]
        chain = self.in_force()
        if start not in chain:
            return False
        if start != chain[-1]:
            return one in self.ancestors(chain[chain.index(start) + 1])
        if not self.contenders():
            return True
        votes = {one in self.ancestors(other) for other in self.contenders()}
        if self.held[one]["known"] and self.held[one]["type"] in GIVES:
            return votes == {True} and len(self.contenders()) <= CONTENDERS
        return True in votes

    def of(self, kind: str) -> dict[bytes, Body]:
        """The sealed events of a type that is known."""
        return {
            one: self.held[one]
            for one in self.epoch_events
            if self.held[one]["known"] and self.held[one]["type"] == kind and self.sealed(one)
        }

    def affirmed(self) -> set[bytes]:
        """The ids that are named by what can restore."""
        by_events = [body["ids"] for body in self.of("affirm").values()]
        by_changes = [self.held[one].get("affirm", ()) for one in self.in_force()]
        return set().union(*by_events, *by_changes)

    def restored(self, one: bytes) -> bool:
        """Whether a delegation, perhaps of a later version, counts although nothing seals it."""
        body = self.held[one]
        delegates = not body["known"] or body["type"] == "delegate"
        return delegates and not self.sealed(one) and one in self.affirmed()

    def suspended(self, one: bytes) -> bool:
        """Whether a dispute keeps an epoch event from having effect, or from being void."""
        if self.sealed(one) or self.restored(one) or not self.contenders():
            return False
        start = self.held[one]["epoch"]
        return start == self.in_force()[-1] or self.beyond(start)

    def void(self, one: bytes) -> bool:
        """Whether an epoch event has no effect, as things are."""
        return not (self.sealed(one) or self.restored(one) or self.suspended(one))

    def granted(self) -> set[bytes]:
        """The delegations that are sealed or restored."""
        restored = {one for one in self.epoch_events if self.restored(one)}
        return set(self.of("delegate")) | {one for one in restored if self.held[one]["known"]}

    def revoked(self) -> set[bytes]:
        """The ids that a sealed revoke names."""
        return {body["delegation"] for body in self.of("revoke").values()}

    def endorsed(self) -> set[bytes]:
        """The endorsements in force."""
        return set(self.of("endorse")) - {
            body["endorsement"] for body in self.of("unendorse").values()
        }

    def heads(self) -> set[bytes]:
        """What stands for the whole."""
        standing = {one for one in self.epoch_events if not self.void(one)}
        counted = self.chain_events | standing | self.alarms()
        named: set[Any] = set()
        for one in counted:
            body = self.held[one]
            named |= {*body.get("prev", ()), body.get("chain"), body.get("epoch")}
        return counted - named

    def alarms(self) -> set[bytes]:
        """The revokes that a key change has undone."""
        return {
            one
            for one in self.epoch_events
            if self.held[one]["known"]
            and self.held[one]["type"] == "revoke"
            and self.void(one)
            and self.held[one]["delegation"] not in self.revoked()
        }

    # 4.9

    def passed(self, one: bytes) -> bool:
        """Whether an event of the highest rank keeps a chain event from ever having effect."""
        if one == self.first:
            return False
        before = self.held[one]["chain"]
        beside = {self.rank(other) for other in self.following(before)}
        return (self.rank(one) < 4 and 4 in beside) or self.passed(before)

    def reckoned(self, one: bytes) -> bool:
        """Whether an unknown event may have effect for those who know it."""
        return not self.passed(one) if one in self.chain_events else not self.void(one)

    def frozen(self) -> bool:
        """Whether nobody may go on; what an implementation cannot do itself is left out."""
        last = self.in_force()[-1]
        return (
            any(not body["known"] and self.reckoned(one) for one, body in self.held.items())
            or sum(self.held[one]["epoch"] == last for one in self.epoch_events) > EPOCH_EVENTS
        )
