"""A stage on which organisations say things, for vectors of the fold.

Owns short ways to write records whose bytes come from `raw`, and the making of a case. Ids are
fixed by a running number and the clocks of an organisation rise by one for each statement unless
said otherwise. Nothing here says whether a statement is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.independent.fold_output import fold

SPACE, TOPIC = "xian-2021", "fsc"
NOON = "2022-01-03T12:00:00+08:00"
LATER = "2022-01-09T12:00:00+08:00"
PLACE = {"codes": [{"scheme": "CN-GB2260", "code": "610113"}]}


def org(name: str) -> bytes:
    """The id of an organisation, or of anything else that isn't there."""
    return raw.bytes_from(f"org {name}")


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
    """The facts of a need with these lines, valid until the 8th."""
    return {
        "incident": org("incident"),
        "lines": list(lines),
        "place": PLACE,
        "urgency": "high",
        "valid_until": "2022-01-08T12:00:00+08:00",
        **more,
    }


class Stage:
    """What was said so far. Every method returns the id of the new record."""

    def __init__(self, topic: str = TOPIC) -> None:
        self.topic = topic
        self.records: list[dict[str, Json]] = []
        self.names: dict[bytes, int] = {}
        self.clocks: dict[str, int] = {}

    def say(
        self,
        author: str,
        kind: str,
        facts: Any,
        *refs: bytes,
        replaces: Sequence[bytes] = (),
        clock: int | None = None,
        topic: str | None = None,
    ) -> bytes:
        """Any record; `refs` are positions 0 to 5. `facts` is a map, bytes, or None for none."""
        entries = list(refs)
        if replaces:
            entries += [b""] * (6 - len(entries)) + sorted(replaces)
        while entries and not entries[-1]:
            entries.pop()
        self.clocks[author] = self.clocks.get(author, 0) + 1 if clock is None else clock
        identifier = raw.bytes_from(f"record {len(self.records)}")
        data = facts if isinstance(facts, bytes) else raw.encode(facts)
        self.names[identifier] = len(self.records)
        self.records.append(
            {
                "id": identifier.hex(),
                "org": org(author).hex(),
                "clock": self.clocks[author],
                "space": SPACE,
                "topic": self.topic if topic is None else topic,
                "type": kind if "/" in kind else f"{kind}/1",
                "refs": [entry.hex() for entry in entries],
                "facts": None if facts is None else data.hex(),
                "state": "absent" if facts is None else "present",
            }
        )
        return identifier

    def need(self, author: str, *lines: dict[str, Any], **more: Any) -> bytes:
        """A need."""
        return self.say(author, "need", body(*lines, **more))

    def revise(
        self,
        author: str,
        need: bytes,
        *lines: dict[str, Any],
        replaces: Sequence[bytes] = (),
        clock: int | None = None,
        link: bytes | None = None,
        **more: Any,
    ) -> bytes:
        """A revision of a need."""
        facts = {"of": "need/1", "body": body(*lines, **more)}
        return self.say(author, "revise", facts, need, link or need, replaces=replaces, clock=clock)

    def commit(
        self,
        author: str,
        need: bytes,
        quantity: dict[str, Any],
        *,
        on: str = "a",
        revision: bytes | None = None,
        first: bytes = b"",
        replaces: Sequence[bytes] = (),
        **more: Any,
    ) -> bytes:
        """A promise, valid until the 7th unless `more` says otherwise."""
        facts = {"line": on, "quantity": quantity, "valid_until": "2022-01-07T12:00:00+08:00"}
        refs = (need, b"", revision or need, first)
        return self.say(author, "commitment", {**facts, **more}, *refs, replaces=replaces)

    def decide(
        self,
        author: str,
        need: bytes,
        promise: bytes,
        outcome: str,
        quantity: dict[str, Any] | None = None,
        *,
        by: str,
        on: str = "a",
        first: bytes = b"",
        replaces: Sequence[bytes] = (),
        clock: int | None = None,
        **more: Any,
    ) -> bytes:
        """A decision on the promise that `by` wrote."""
        facts = {"outcome": outcome, "line": on, "commitment_author": org(by), **more}
        if quantity is not None:
            facts["quantity"] = quantity
        refs = (need, need, need, first, promise)
        return self.say(author, "decision", facts, *refs, replaces=replaces, clock=clock)

    def accept(
        self, need: bytes, promise: bytes, quantity: dict[str, Any], *, by: str, **more: Any
    ) -> bytes:
        """SWA accepts."""
        return self.decide("SWA", need, promise, "accept", quantity, by=by, **more)

    def goods(
        self,
        author: str,
        kind: str,
        need: bytes,
        quantity: dict[str, Any],
        of: bytes = b"",
        *,
        on: str = "a",
        sent: bytes = b"",
        first: bytes = b"",
        replaces: Sequence[bytes] = (),
        **more: Any,
    ) -> bytes:
        """A dispatch, receipt, delivered or loss for the promise `of`."""
        facts = {"line": on, "quantity": quantity, **more}
        return self.say(author, kind, facts, need, b"", b"", first, of, sent, replaces=replaces)

    def close(
        self,
        author: str,
        need: bytes,
        reason: str,
        *,
        target: bytes = b"",
        replaces: Sequence[bytes] = (),
        **more: Any,
    ) -> bytes:
        """Closes the need, or the target."""
        link = b"" if target else need
        facts = {"reason": reason, **more}
        return self.say(author, "close", facts, need, link, b"", b"", target, replaces=replaces)

    def lose(self, identifier: bytes, state: str = "erased") -> None:
        """Takes the facts of a record away."""
        entry = self.records[self.names[identifier]]
        entry["facts"], entry["state"] = None, state

    def make_critical(self, identifier: bytes) -> None:
        """Makes a record name, in `crit`, a key that no reader of version 1 knows."""
        self.records[self.names[identifier]]["critical"] = True

    def forget(self, identifier: bytes) -> None:
        """Takes a record away, as if it had never come."""
        self.records[self.names[identifier]] = {}

    def case(
        self, name: str, section: str, comment: str, *, as_of: str = NOON, **shows: Json
    ) -> Case:
        """The case of what was said.

        Args:
            shows: values of the first thing, stated by hand: a field of the thing, or, as
                `a_received`, a field of its line `a`; `flags` as names, with amounts if any.
        """
        # Copies: the stage goes on after this case.
        records = [dict(entry) for entry in self.records if entry]
        state: Any = fold(records, as_of)
        thing = state["things"][0] if state["things"] else {}
        for field, expected in shows.items():
            found = shown(state, thing, field)
            assert found == expected, f"12/{name}: {field} is {found!r}, not {expected!r}"
        return Case(
            f"12/{name}",
            section,
            "MUST",
            comment,
            "fold",
            {"as_of": as_of, "records": list[Json](records)},
            {"ok": state},
        )


def shown(state: Any, thing: Any, field: str) -> Json:
    """What a fold says under the short name that a scene uses."""
    head, _, rest = field.partition("_")
    for each in thing.get("lines", []):
        if each["id"] == head and rest in each:
            found: Json = each[rest]
            return found
    if field == "flags":
        return sorted(
            flag["flag"] + (f":{flag['amount']}" if "amount" in flag else "")
            for flag in thing["flags"]
        )
    if field == "standing":
        standing: Json = state["coverage"]["standing"]
        return standing
    if field == "checked":
        return str(thing["verification"]["state"])
    if field == "things":
        return len(state["things"])
    value: Json = thing[field]
    return value


Scenes = Iterator[Case]
