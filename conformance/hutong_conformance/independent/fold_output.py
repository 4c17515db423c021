"""A whole fold as JSON, written a second time from the specification.

Owns 12.14 to 12.21 as far as they are about axes, checks, flags, waiting and digests; what comes
before stands in `fold_rules`, `fold_numbers` and `fold_lines`. Shares no code with the core.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from fractions import Fraction
from typing import Any

from hutong_conformance.independent import facts as forms
from hutong_conformance.independent.fold_lines import Line, dimension, item, text
from hutong_conformance.independent.fold_numbers import Goods, Promise
from hutong_conformance.independent.fold_rules import Group, Record, coded, stated
from hutong_conformance.independent.mp_encoder import encode

WORST_FIRST = ("disputed", "refuted", "outdated", "partly", "follow_up", "confirmed")


def digest(context: str, value: Any) -> str:
    """The tagged hash of a value, as hex. Spec: 2.4."""
    return hashlib.sha256(b"hutong/1/" + context.encode() + b"\0" + encode(value)).hexdigest()


def fold(entries: list[dict[str, Any]], as_of: str) -> dict[str, Any]:
    """The state of records at a time, in the form of 12.21."""
    as_of_ms = forms.instant(as_of)
    assert as_of_ms is not None
    best: dict[str, Any] = {}
    order = ("present", "erased", "missing", "absent")
    for entry in entries:
        other = best.get(entry["id"])
        if other is None or order.index(entry["state"]) < order.index(other["state"]):
            best[entry["id"]] = entry
    grouped: dict[tuple[str, str, bytes], list[Record]] = defaultdict(list)
    for entry in best.values():
        record = Record(entry)
        grouped[record.space, record.topic, record.thing].append(record)
    groups = {key: Group(records) for key, records in sorted(grouped.items())}
    things: list[dict[str, Any]] = []
    scopes: dict[tuple[str, str], list[Thing]] = defaultdict(list)
    for (space, topic, _), group in groups.items():
        if group.root is not None:
            thing = Thing(group, as_of_ms)
            things.append(thing.json())
            scopes[space, topic].append(thing)
    return {
        "fold": 1,
        "as_of_ms": as_of_ms,
        "scopes": [scope(*key, held, as_of_ms) for key, held in sorted(scopes.items())],
        "things": things,
        "coverage": coverage(list(groups.values())),
    }


def scope(space: str, topic: str, things: list[Thing], as_of_ms: int) -> dict[str, Any]:
    """Spec: 12.20.3, 12.20.4."""
    head = [1, space, topic, as_of_ms]
    settled = [[t.root.id, bytes.fromhex(t.digest())] for t in things]
    claimed = [[t.root.id, t.claims(), t.verification, t.flags()] for t in things]
    return {
        "space": space,
        "topic": topic,
        "things": len(things),
        "fold_digest": digest("fold", [*head, settled]),
        "claims_digest": digest("claims", [*head, claimed]),
    }


def coverage(groups: list[Group]) -> dict[str, Any]:
    """Spec: 12.20.1."""
    records = [r for group in groups for r in group.records]
    named: set[bytes] = set()
    for record in records:
        if record.standing == "effective" and record.type not in ("org/1", "incident/1"):
            said = (record.facts or {}).get("body", record.facts or {})
            for name in ("receivers", "on_behalf_of", "provider", "funder", "implementer",
                         "carrier", "receipt_by", "commitment_author"):  # fmt: skip
                value = said.get(name)
                named |= {v for v in (value if isinstance(value, list) else [value])
                          if isinstance(v, bytes)}  # fmt: skip
    authors = {r.org for r in records}
    silent = [r.type for r in records if r.standing in ("unknown", "not_interpreted")]
    return {
        "records": len(records),
        "standing": dict(sorted(Counter(r.standing for r in records).items())),
        "types": dict(sorted(Counter(silent).items())),
        "facts_erased": sum(r.state == "erased" for r in records),
        "facts_missing": sum(r.state == "missing" for r in records),
        "organisations": len(authors),
        "not_held": [org.hex() for org in sorted(named - authors)],
    }


class Thing:
    """A thing at an instant."""

    def __init__(self, group: Group, as_of_ms: int) -> None:
        assert group.root is not None
        self.group, self.root, self.as_of_ms = group, group.root, as_of_ms
        self.goods = Goods(group)
        ids = {*group.commitment, *group.decision}
        ids |= {s.record.target for s in self.goods.dispatches}
        ids |= {self.goods.commitment_of(s.record) for s in self.goods.receipts} - {b""}
        self.promises = [Promise(group, identifier) for identifier in sorted(ids)]
        self.closings: dict[str | None, Record | None] = {}
        self.body_lines = sorted(group.lines_of(group.in_force.id))
        self.lines = [Line(self, name) for name in self.line_names()]
        self.life, self.reason = self.live()
        self.make_checks()

    def over(self, time: Any) -> bool:
        """Whether a time is over. Spec: 12.9.2."""
        instant = time if isinstance(time, int | None) else forms.instant(time)
        return instant is not None and self.as_of_ms >= instant

    def line_names(self) -> list[str]:
        """Spec: 12.13.2."""
        group = self.group
        names = {name for version in group.versions for name in group.lines_of(version.id)}
        said = [*group.effective("commitment/1"), *group.effective("decision/1")]
        said += [s.record for s in (*self.goods.dispatches, *self.goods.receipts,
                                    *self.goods.losses, *self.goods.deliveries)]  # fmt: skip
        return sorted(names | {r.facts["line"] for r in said if r.facts is not None})

    def closing(self, line: str | None) -> Record | None:
        """What was said last about closing a line, or (None) the whole. Spec: 12.14.1."""
        if line not in self.closings:
            covering = []
            for record in self.group.effective("close/1", "reopen/1"):
                lines = (record.facts or {}).get("lines")
                if not record.target and (lines is None or line in lines):
                    covering.append(record)
            self.closings[line] = self.group.best(covering) if covering else None
        return self.closings[line]

    def is_closed(self, line: str | None) -> bool:
        """Whether a line, or (None) the whole, is closed."""
        said = self.closing(line)
        return said is not None and said.type == "close/1"

    def live(self) -> tuple[str, str | None]:
        """Spec: 12.17.1, 12.14.2."""
        over: list[str | None] = [*self.body_lines] or [None]
        if all(self.is_closed(line) for line in over):
            said = [record for record in map(self.closing, over) if record is not None]
            last = max(said, key=lambda r: (r.clock, r.id))
            return "closed", None if last.facts is None else coded(last.facts["reason"])
        return ("expired" if self.over(self.valid_until()) else "active"), None

    def valid_until(self) -> int | None:
        """Spec: 12.13.4."""
        group = self.group
        revisions = group.effective("revise/1")
        confirmations = group.effective("reconfirm/1")
        by_revisions = {ref for r in revisions for ref in r.replaces}
        gone = by_revisions | {ref for r in confirmations for ref in r.replaces}
        heads = [r for r in revisions if r.id not in by_revisions] or revisions
        heads = heads + ([r for r in confirmations if r.id not in gone] or confirmations)
        for record in sorted(heads, key=lambda r: (r.clock, r.id), reverse=True):
            said = (record.facts or {}).get("body", record.facts or {})
            if "valid_until" in said:
                return forms.instant(said["valid_until"])
        first = (self.root.facts or {}).get("valid_until")
        return None if first is None else forms.instant(first)

    def counted_lines(self) -> list[Line]:
        """Spec: 12.17.2."""
        body = [line for line in self.lines if line.in_body]
        return [line for line in body if not line.closed] or body

    def coverage(self) -> str | None:
        """Spec: 12.17.3."""
        lines = self.counted_lines()
        wanted = [line for line in lines if line.target]
        if self.root.type != "need/1":
            return None
        if not wanted:
            return "no_target" if not lines or any(x.target is None for x in lines) else "full"
        if all(line.main["open"] == 0 for line in wanted):
            return "full"
        return "none" if all(x.main["open"] == x.target for x in wanted) else "part"

    def delivery(self) -> str | None:
        """Spec: 12.17.4."""
        if self.root.type != "need/1":
            return None
        states = {line.delivery() for line in self.counted_lines() if line.target != 0}
        return "none" if not states else states.pop() if len(states) == 1 else "part"

    def make_checks(self) -> None:
        """Spec: 12.18."""
        group, said = self.group, self.group.effective("verify/1")
        latest: dict[tuple[bytes, str, str], Record] = {}
        for record in sorted(said, key=lambda r: (r.clock, r.id)):
            replaced = any(o.org == record.org and record.id in o.replaces for o in said)
            if record.facts is not None and not replaced:
                for name in ("exists", "reachable", "place", "quantity", "urgency"):
                    if name in record.facts["checked"]:
                        latest[record.org, record.facts.get("line", ""), name] = record
        insiders = {self.root.org} | group.parties("on_behalf_of")
        self.checks: list[dict[str, Any]] = []
        slots: dict[tuple[str, str], set[Any]] = defaultdict(set)
        for (org, line, name), record in sorted(
            latest.items(), key=lambda item: (item[0][1], item[0][2], item[0][0])
        ):
            assert record.facts is not None
            bound = record.facts["checked"][name]
            fresh = bound is True or bound == self.bound(name, line)
            slots[line, name] |= {record.facts["outcome"] if fresh else None}
            at = record.facts.get("checked_at")
            self.checks.append(
                {
                    "line": record.facts.get("line"),
                    "group": name,
                    "by": org.hex(),
                    "record": record.id.hex(),
                    "outcome": record.facts["outcome"],
                    "method": coded(record.facts["method"]),
                    "fresh": fresh,
                    "third_party": org not in insiders,
                    "checked_at_ms": None if at is None else forms.instant(at),
                }
            )
        states = {slot_state(outcomes - {None}) for outcomes in slots.values()}
        self.verification = next((s for s in WORST_FIRST if s in states), "unchecked")

    def bound(self, name: str, line: str) -> bytes | None:
        """The digest of a field group in force. Spec: 12.18.1."""
        body = self.group.body
        if body is None:
            return None
        lines = {x["id"]: x["quantity"] for x in body["lines"]}
        value: Any = body["place"]
        if name == "quantity":
            value = lines.get(line) if line else [[x, lines[x]] for x in sorted(lines)]
        elif name == "urgency":
            value = {k: body[k] for k in ("urgency", "needed_by") if k in body}
        return None if value is None else bytes.fromhex(digest("checked", [name, line, value]))

    def flags(self) -> list[dict[str, Any]]:
        """Spec: 12.19.1."""
        group, found = self.group, Group.flag
        aside = Counter((r.standing, r.type) for r in group.records)
        for (standing, kind), count in aside.items():
            if standing in ("unauthorised", "own_receipt", "bad_correction"):
                found(group, standing, type=kind, count=count)
        for record in group.effective():
            if record.gone:
                found(group, f"facts_{record.state}")
        for (line, _), counted in self.goods.received.items():
            for commitment, amount in counted.counts.items():
                if counted.stated[commitment] > amount:
                    found(group, "second_receipt", line=line, record=commitment.hex() or None)
        for each in self.lines:
            self.flag_line(each)
        return sorted(group.flag_list, key=encode)

    def flag_line(self, line: Line) -> None:
        """The flags of a line."""
        flag = self.group.flag
        for promise in line.shown():
            if line.overdue(promise):
                flag("overdue", line=line.id, record=promise.id.hex())
        if line.known is None:
            flag("unknown_line", line=line.id)
            return
        old = line.history[0]
        now = (coded(line.known["kind"]), item(line.known), line.dimension)
        if line.in_body and now != (coded(old["kind"]), item(old), dimension(old["quantity"])):
            flag("line_changed", line=line.id)
        rows = [line.row(p, line.dimension) for p in self.promises] if line.dimension else []
        owed = sum((max(Fraction(), r["accepted"] - r["received"] - r["lost"]) for r in rows),
                   Fraction())  # fmt: skip
        accepted, received = line.main["accepted"], line.main["received"]
        if line.target is not None and accepted > line.target:
            same = [x for x in line.history if dimension(x["quantity"]) == line.dimension]
            targets = [stated(x["quantity"]) for x in same]
            always = all(t is not None and accepted > t[1] for t in targets)
            name = "over_accepted" if always else "required_below_accepted"
            flag(name, line=line.id, amount=text(accepted - line.target))
        if line.target and received > line.target:
            flag("over_received", line=line.id, amount=text(received - line.target))
        if line.closed and owed:
            flag("required_below_accepted", line=line.id, amount=text(owed))

    def waiting(self) -> list[dict[str, str]]:
        """Spec: 12.19.2."""
        found: list[Any] = []

        def wait(who: bytes, what: str, **more: str) -> None:
            entry = {"who": who.hex(), "what": what, **more}
            found.extend([entry] if entry not in found else [])

        if self.life == "expired":
            wait(self.root.org, "reconfirm")
        for line in self.lines:
            for p in line.shown():
                about = {"line": line.id, "commitment": p.id.hex()}
                if not line.closed and p.held is not None and p.line == line.id:
                    state = p.state(self.over)
                    if state in ("undecided", "waiting"):
                        wait(self.root.org, "decide", **about)
                    if state == "expired":
                        wait(p.held.author, "renew", **about)
                for r in line.rows(p).values():
                    done, moved = r["received"] + r["lost"], max(r["dispatched"], r["reported"])
                    sender = p.provider if isinstance(p.provider, bytes) else p.author
                    if r["accepted"] > max(done, moved) and not line.closed and sender:
                        wait(sender, "send", **about)
                    if moved > done:
                        for org in self.goods.confirmers(p.id):
                            wait(org, "confirm", **about)
        return sorted(found, key=encode)

    def digest(self) -> str:
        """Spec: 12.20.2."""
        sums = ("accepted", "in_transit", "received")
        lines: list[Any] = []
        for line in self.lines:
            held = [n for n in line.other if any(n[name] for name in sums)]
            if line.known is None and not held and not any(line.main[name] for name in sums):
                continue
            other = [[n["dimension"], *(text(n[name]) for name in sums)] for n in held]
            settled = [text(line.main[name]) for name in ("required", *sums, "open")]
            lines.append([line.id, line.closed, line.dimension, *settled, other])
        head = [1, self.root.space, self.root.topic, self.root.id, self.root.type, self.as_of_ms]
        axes = [self.life, self.reason, self.coverage(), self.delivery()]
        return digest("fold-thing", [*head, self.root.org, *axes, lines])

    def claims(self) -> list[Any]:
        """Spec: 12.20.4."""
        found = []
        for line in self.lines:
            sums = ("pledged", "proxy", "possible", "reported")
            other = [
                [n["dimension"], *(text(n[name]) for name in sums)]
                for n in line.other
                if any(n[name] for name in sums)
            ]
            ends = ("over_promised", "open_if_all_pledges_hold", "reported")
            found.append(
                [line.id, *(text(line.main[name]) for name in sums[:3]), line.unquantified,
                 *(text(line.main[name]) for name in ends), other]
            )  # fmt: skip
        return found

    def json(self) -> dict[str, Any]:
        """Spec: 12.21.4."""
        return {
            "id": self.root.id.hex(),
            "space": self.root.space,
            "topic": self.root.topic,
            "type": self.root.type,
            "author": self.root.org.hex(),
            "steward": self.root.org.hex(),
            "revision": self.group.in_force.id.hex(),
            "valid_until_ms": self.valid_until(),
            "life": self.life,
            "reason": self.reason,
            "coverage": self.coverage(),
            "delivery": self.delivery(),
            "verification": {"state": self.verification, "checks": self.checks},
            "lines": [line.json() for line in self.lines],
            "waiting_on": self.waiting(),
            "flags": self.flags(),
            "digest": self.digest(),
        }


def slot_state(outcomes: set[str]) -> str:
    """Spec: 12.18.4."""
    if not outcomes:
        return "outdated"
    if "refuted" in outcomes:
        return "disputed" if outcomes & {"confirmed", "partly"} else "refuted"
    return next((s for s in ("partly", "confirmed") if s in outcomes), "follow_up")
