"""A small stage for tests of the fold: organisations by name, statements one call each.

Ids are hashes of a running number, so a scene is the same on every run, and clocks rise by one for
each statement of an organisation, as a writer's would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from hutong_protocol.encoding import encode
from hutong_protocol.fold import (
    FoldRecord,
    FoldState,
    PartState,
    Standing,
    ThingView,
    checked_digest,
    fold,
    standings_of,
)
from hutong_protocol.fold.records import thing_of
from hutong_protocol.instants import instant_ms
from hutong_protocol.quantity import amount_text
from hutong_protocol.schema import Refs, record_problems, write_refs

SPACE, TOPIC = "xian-2021", "fsc"
NOON = "2022-01-03T12:00:00+08:00"
LATER = "2022-01-09T12:00:00+08:00"


def at(text: str) -> int:
    """The instant of a time."""
    instant = instant_ms(text)
    assert instant is not None
    return instant


def org(name: str) -> bytes:
    """The id of an organisation."""
    return hashlib.sha256(f"org {name}".encode()).digest()


def exact(value: str | int, unit: str, **more: Any) -> dict[str, Any]:
    """An exact quantity."""
    return {"bound": "exact", "value": str(value), "unit": unit, **more}


def pack(unit: str, value: str | int, of: str) -> dict[str, Any]:
    """A pack, as the field of a quantity."""
    return {"pack": {"unit": unit, "of": {"value": str(value), "unit": of}}}


def line(identifier: str, quantity: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A line of goods."""
    return {"id": identifier, "kind": "goods", "quantity": quantity, **more}


def body(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The facts of a need with these lines."""
    return {
        "incident": org("incident"),
        "lines": list(lines),
        "place": {"codes": [{"scheme": "CN-GB2260", "code": "610113"}]},
        "urgency": "high",
        "valid_until": "2022-01-08T12:00:00+08:00",
        **more,
    }


@dataclass
class Scene:
    """The records said so far, and short ways to say more. Every method returns the new id."""

    records: list[FoldRecord] = field(default_factory=list)
    strict: bool = True
    """Whether what is said must be fit to be signed."""
    topic: str = TOPIC
    clocks: dict[str, int] = field(default_factory=dict)

    def say(
        self,
        author: str,
        type_name: str,
        facts: dict[str, Any] | None,
        *,
        clock: int | None = None,
        topic: str | None = None,
        **refs: Any,
    ) -> bytes:
        """Any record; `refs` are fields of `Refs`, `replaces` a list."""
        replaces = frozenset(refs.pop("replaces", ()))
        written = write_refs(Refs(**refs, replaces=replaces))
        name = f"{type_name}/1"
        if self.strict:
            titled = type_name in ("need", "offer", "org", "incident", "relay", "revise")
            text = {"title": "x"} if titled else {}
            text = {"text": "x"} if type_name == "post" else text
            assert record_problems(name, refs=written, facts=facts or {}, text=text) == []
        number = len(self.records)
        self.clocks[author] = self.clocks.get(author, 0) + 1 if clock is None else clock
        record = FoldRecord(
            id=hashlib.sha256(f"record {number}".encode()).digest(),
            org=org(author),
            writer=org(f"writer of {author}"),
            clock=self.clocks[author],
            ts_ms=at(NOON) + number,
            space=SPACE,
            topic=self.topic if topic is None else topic,
            type=name,
            refs=written,
            facts=None if facts is None else encode(facts),
            facts_state=PartState.ABSENT if facts is None else PartState.PRESENT,
            log=org(f"log of {author}"),
            seq=self.clocks[author],
        )
        self.records.append(record)
        return record.id

    def need(self, author: str, *lines: dict[str, Any], **more: Any) -> bytes:
        """A need."""
        return self.say(author, "need", body(*lines, **more))

    def revise(
        self,
        author: str,
        need: bytes,
        *lines: dict[str, Any],
        replaces: Iterable[bytes] = (),
        link: bytes | None = None,
        clock: int | None = None,
        **more: Any,
    ) -> bytes:
        """A revision of a need."""
        facts = {"of": "need/1", "body": body(*lines, **more)}
        return self.say(
            author, "revise", facts, clock=clock, thing=need, link=link or need, replaces=replaces
        )

    def commit(
        self,
        author: str,
        need: bytes,
        quantity: dict[str, Any],
        *,
        on: str = "a",
        revision: bytes | None = None,
        refs: dict[str, Any] | None = None,
        **more: Any,
    ) -> bytes:
        """A promise for a line, unless `more` says otherwise until the 7th."""
        facts = {
            "line": on,
            "quantity": quantity,
            "valid_until": "2022-01-07T12:00:00+08:00",
            **more,
        }
        return self.say(
            author, "commitment", facts, thing=need, revision=revision or need, **(refs or {})
        )

    def decide(
        self,
        author: str,
        need: bytes,
        commitment: bytes,
        outcome: str,
        quantity: dict[str, Any] | None = None,
        *,
        by: str,
        on: str = "a",
        clock: int | None = None,
        refs: dict[str, Any] | None = None,
        **more: Any,
    ) -> bytes:
        """A decision on the commitment that `by` wrote."""
        facts = {"outcome": outcome, "line": on, "commitment_author": org(by), **more}
        if quantity is not None:
            facts["quantity"] = quantity
        named = {"link": need, "revision": need, **(refs or {})}
        return self.say(
            author, "decision", facts, clock=clock, thing=need, target=commitment, **named
        )

    def goods(
        self,
        author: str,
        type_name: str,
        need: bytes,
        quantity: dict[str, Any],
        *,
        of: bytes | None = None,
        on: str = "a",
        refs: dict[str, Any] | None = None,
        **more: Any,
    ) -> bytes:
        """A dispatch, receipt, delivered or loss for the commitment `of`."""
        facts = {"line": on, "quantity": quantity, **more}
        named: dict[str, Any] = {} if of is None else {"target": of}
        return self.say(author, type_name, facts, thing=need, **named, **(refs or {}))

    def close(
        self, author: str, need: bytes, reason: str, *, target: bytes | None = None, **more: Any
    ) -> bytes:
        """Closes the need, or the target."""
        refs: dict[str, Any] = {"link": need} if target is None else {"target": target}
        replaces = more.pop("replaces", ())
        facts = {"reason": reason, **more}
        return self.say(author, "close", facts, thing=need, replaces=replaces, **refs)

    def check(self, author: str, need: bytes, outcome: str, *groups: str, **more: Any) -> bytes:
        """A verify of the need as it is in force when `of` (facts) is not given."""
        of = more.pop("of")
        bound: dict[str, Any] = {}
        for group in groups:
            digest = None
            if group not in ("exists", "reachable"):
                digest = checked_digest(group, more.get("line"), of)
            bound[group] = True if digest is None else digest
        facts = {"outcome": outcome, "method": "two_way", "checked": bound, **more}
        return self.say(author, "verify", facts, thing=need, revision=need)

    def change(self, identifier: bytes, **changes: Any) -> None:
        """Replaces fields of a record that was said."""
        for number, record in enumerate(self.records):
            if record.id == identifier:
                self.records[number] = replace(record, **changes)

    def erase(self, identifier: bytes, state: PartState = PartState.ERASED) -> None:
        """Takes the facts of a record away."""
        self.change(identifier, facts=None, facts_state=state)

    def state(self, as_of: str = NOON) -> FoldState:
        """The fold of everything said."""
        return fold(self.records, at(as_of))

    def thing(self, identifier: bytes, as_of: str = NOON) -> ThingView:
        """The view of one thing."""
        (found,) = [view for view in self.state(as_of).things if view.key.id == identifier]
        return found

    def numbers(self, need: bytes, on: str = "a", as_of: str = NOON) -> dict[str, str | None]:
        """The numbers of a line that are not zero, as text."""
        (found,) = [x for x in self.thing(need, as_of).lines if x.basis.id == on]
        names = (
            "required", "accepted", "in_transit", "received", "open", "pledged", "proxy",
            "possible", "over_promised", "open_if_all_pledges_hold", "reported",
        )  # fmt: skip
        values = {name: getattr(found.numbers, name) for name in names}
        return {name: amount_text(units) for name, units in values.items() if units}

    def axes(self, need: bytes, as_of: str = NOON) -> tuple[str, str | None, str | None]:
        """Life, coverage, delivery."""
        view = self.thing(need, as_of)
        return view.life, view.coverage, view.delivery

    def flags(self, need: bytes, as_of: str = NOON) -> list[str]:
        """The names of the flags, with the amount where there is one, sorted."""
        found = self.thing(need, as_of).flags
        return sorted(f"{f.flag}:{f.amount}" if f.amount else f.flag for f in found)

    def standing(self, identifier: bytes) -> Standing:
        """The standing of a record."""
        (record,) = [r for r in self.records if r.id == identifier]
        group = [r for r in self.records if thing_of(r) == thing_of(record)]
        return standings_of(group)[identifier]
