"""The fold of one thing up to who has a say, written a second time from the specification.

Owns 12.9 to 12.14: standings, statements, heads, decisions, versions, closing. Records are plain
objects with attributes, amounts are Fractions of base units, and nothing is fast. Numbers follow in
`fold_numbers`, their form in `fold_output`. Shares no code with the core.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hutong_conformance.independent import facts as forms

ROOTS = ("org/1", "incident/1", "codelist/1", "need/1", "offer/1")
SILENT = (
    "request/1", "allocation/1", "relay/1", "handoff/1", "handoff_accept/1", "handoff_withdraw/1",
    "link/1", "post/1", "flag/1",
)  # fmt: skip
UNITS = {
    "kg": {"kg": "1", "g": "0.001", "t": "1000", "jin_cn": "0.5", "liang_cn": "0.05",
           "dan_cn": "50", "catty_tw": "0.6"},
    "l": {"l": "1", "ml": "0.001", "m3": "1000"},
    "min": {"min": "1", "h": "60"},
}  # fmt: skip
Amount = tuple[str, Fraction]
"""A dimension and how much of its base unit."""


def in_base(value: str, unit: str) -> Amount:
    """Spec: 12.7.2."""
    for dimension, factors in UNITS.items():
        if unit in factors:
            return dimension, Fraction(value) * Fraction(factors[unit])
    return unit, Fraction(value)


def measure(quantity: dict[str, Any], number: str | None, pack: Any = None) -> Amount | None:
    """The amount of one of the numbers of a quantity; `pack` is that of the line. Spec: 12.7.4."""
    if number is None or "unit" not in quantity:
        return None
    for held in (quantity.get("pack"), pack):
        if held is not None and held["unit"] == quantity["unit"]:
            dimension, each = in_base(held["of"]["value"], held["of"]["unit"])
            return dimension, each * Fraction(number)
    return in_base(number, quantity["unit"])


def stated(quantity: dict[str, Any], pack: Any = None) -> Amount | None:
    """Spec: 12.7.7."""
    number = None if quantity["bound"] == "band" else quantity.get("value", quantity.get("min"))
    return measure(quantity, number, pack)


def ceiling(quantity: dict[str, Any], pack: Any = None) -> Amount | None:
    """Spec: 12.7.7."""
    return measure(quantity, quantity["max"], pack) if quantity["bound"] == "up_to" else None


def coded(value: Any) -> str:
    """Spec: 12.21.2."""
    if isinstance(value, str):
        return value
    held = value["list"]
    return f"{held['by'].hex()}/{held['name']}/{held['version']}#{value['code']}"


class Record:
    """A record of the input, with what could be read of it."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.id, self.org = bytes.fromhex(entry["id"]), bytes.fromhex(entry["org"])
        self.clock, self.type, self.state = entry["clock"], entry["type"], entry["state"]
        self.space, self.topic = entry["space"], entry["topic"]
        self.refs = [bytes.fromhex(ref) for ref in entry["refs"]]
        self.data = bytes.fromhex(entry["facts"]) if self.state == "present" else None
        self.facts: dict[str, Any] | None = None
        self.standing = "effective"
        self.critical = bool(entry.get("critical"))
        self.fixed, self.replaces = [b""] * 6, set[bytes]()
        about = self.refs[0] if self.refs else b""
        self.thing = self.id if self.type in ROOTS or not about else about

    @property
    def gone(self) -> bool:
        """Whether its facts are erased or missing."""
        return self.state in ("erased", "missing")

    def read(self) -> None:
        """The standings that need no other record. Spec: 12.9.3."""
        if self.critical or not forms.known(self.type):
            self.standing = "unknown"
        elif self.type in SILENT:
            self.standing = "not_interpreted"
        elif forms.lives(self.type) not in ("any", "base" if self.topic == "base" else "home"):
            self.standing = "misplaced"
        else:
            found = forms.refs(self.type, self.refs)
            self.facts = None if self.gone else forms.read(self.type, self.refs, self.data)
            if found is None or (self.facts is None and not self.gone):
                self.standing = "unreadable"
            else:
                self.fixed, self.replaces = found[0], set(found[1]) - {self.id}

    link = property(lambda self: self.fixed[1])
    revision = property(lambda self: self.fixed[2])
    first = property(lambda self: self.fixed[3])
    target = property(lambda self: self.fixed[4])
    dispatch = property(lambda self: self.fixed[5])


class Statement:
    """What one author says under one id, and the record that holds. Spec: 12.11."""

    def __init__(self, key: tuple[bytes, bytes], members: list[Record], flags: Any) -> None:
        self.id, self.author = key
        self.original = any(r.id == self.id for r in members)
        gone = {ref for r in members for ref in r.replaces}
        gone |= {self.id} if len(members) > 1 else set()
        heads = [r for r in members if r.id not in gone] or members
        self.record = max(heads, key=lambda r: (r.clock, r.id))
        self.facts = self.record.facts
        if len(heads) > 1:
            flags("concurrent", record=self.record.id.hex())


class Group:
    """The records of one thing; each step sets standings for those after it."""

    def __init__(self, records: list[Record]) -> None:
        self.records = sorted(records, key=lambda r: r.id)
        self.flag_list: list[dict[str, Any]] = []
        for record in self.records:
            record.read()
        here = [r for r in self.records if r.id == r.thing and r.type in ROOTS]
        self.root = here[0] if here and here[0].standing == "effective" else None
        if self.root is None:
            for record in self.effective():
                record.standing = "pending"
            return
        self.by_link()
        self.make_versions()
        self.make_decisions()
        self.make_commitments()
        self.make_withdrawals()

    def flag(self, name: str, **fields: Any) -> None:
        """Raises a flag, once."""
        entry = {"flag": name, **{k: v for k, v in fields.items() if v is not None}}
        if entry not in self.flag_list:
            self.flag_list.append(entry)

    def effective(self, *types: str) -> list[Record]:
        """The effective records, of some types or all."""
        return [
            r for r in self.records if r.standing == "effective" and (not types or r.type in types)
        ]

    def linked(self, record: Record) -> bool:
        """Whether the link gives its author position 0, the only one. Spec: 12.12.1."""
        assert self.root is not None
        return bool(record.link == self.root.id and record.org == self.root.org)

    def by_link(self) -> None:
        """Spec: 12.12.2, for everything but goods and closing a target."""
        assert self.root is not None
        thing = self.root.type
        for record in self.effective():
            if record is self.root:
                continue
            kind = record.type
            if kind == "revise/1":
                right = thing != "codelist/1" and self.linked(record)
                right = right and (record.facts is None or record.facts["of"] == thing)
            elif kind in ("close/1", "reopen/1"):
                right = thing == "need/1" if record.target else self.linked(record)
            elif kind in ("reconfirm/1", "verify/1"):
                right = thing in ("need/1", "offer/1")
                right = right and (kind == "verify/1" or self.linked(record))
            else:
                right = thing == "need/1" and (kind != "decision/1" or self.linked(record))
            if not right:
                record.standing = "unauthorised"
            elif kind in ("commitment/1", "decision/1") and self.miscorrects(record):
                record.standing = "bad_correction"

    def miscorrects(self, record: Record) -> bool:
        """Spec: 12.11.2."""
        return any(
            other.id == record.first
            and other.org == record.org
            and (other.type != record.type or (len(other.refs) > 3 and other.refs[3] != b""))
            for other in self.records
        )

    def statements(self, records: list[Record]) -> list[Statement]:
        """Of equal ids the one that is meant comes first. Spec: 12.11.5."""
        members: dict[tuple[bytes, bytes], list[Record]] = {}
        for record in records:
            members.setdefault((record.first or record.id, record.org), []).append(record)
        found = [Statement(key, group, self.flag) for key, group in members.items()]
        return sorted(found, key=lambda s: (s.id, not s.original, s.author))

    def best(self, records: list[Record]) -> Record:
        """The highest head; flags several. Spec: 12.11.3."""
        gone = {ref for r in records for ref in r.replaces}
        heads = [r for r in records if r.id not in gone] or records
        best = max(heads, key=lambda r: (r.clock, r.id))
        if len(heads) > 1:
            self.flag("concurrent", record=best.id.hex())
        return best

    def make_versions(self) -> None:
        """Spec: 12.13."""
        assert self.root is not None
        revisions = sorted(self.effective("revise/1"), key=lambda r: (r.clock, r.id))
        self.in_force = self.best(revisions) if revisions else self.root
        self.versions = [self.root, *revisions]
        self.bodies = {
            r.id: None if r.facts is None else r.facts if r is self.root else r.facts["body"]
            for r in self.versions
        }
        self.body = self.bodies[self.in_force.id]

    def lines_of(self, version: bytes) -> dict[str, Any]:
        """The lines of a version by id."""
        body = self.bodies[version]
        return {line["id"]: line for line in (body or {}).get("lines", [])}

    def pack(self, record: Record, line: str) -> Any:
        """Spec: 12.7.5."""
        if record.revision not in self.bodies:
            return None
        found = self.lines_of(record.revision).get(line)
        return None if found is None else found["quantity"].get("pack")

    def amount(self, record: Record, rule: Any = stated) -> Amount | None:
        """What a statement with a line and a quantity comes to."""
        assert record.facts is not None
        found = rule(record.facts["quantity"], self.pack(record, record.facts["line"]))
        return found if found is None else (found[0], found[1])

    def parties(self, name: str) -> set[bytes]:
        """Organisations in a field of any version."""
        found: set[bytes] = set()
        for body in self.bodies.values():
            value = (body or {}).get(name, [])
            found |= {v for v in (value if isinstance(value, list) else [value])
                      if isinstance(v, bytes)}  # fmt: skip
        return found

    def make_decisions(self) -> None:
        """Spec: 12.15.1."""
        self.decisions: dict[bytes, list[Record]] = {}
        for statement in self.statements(self.effective("decision/1")):
            self.decisions.setdefault(statement.record.target, []).append(statement.record)
        self.decision = {target: self.best(said) for target, said in self.decisions.items()}

    def named(self, target: bytes, *names: str) -> set[bytes]:
        """Whom any effective decision on a target names in these fields."""
        found: set[bytes] = set()
        for record in self.decisions.get(target, []):
            said = dict(record.facts or {})
            said.setdefault("provider", said.get("commitment_author"))
            for name in names:
                value = said.get(name)
                found |= {v for v in (value if isinstance(value, list) else [value])
                          if isinstance(v, bytes)}  # fmt: skip
        return found

    def make_commitments(self) -> None:
        """Spec: 12.11.4, 12.11.5."""
        records = self.effective("commitment/1")
        kept = []
        for record in records:
            first = [r for r in records if r.id == record.first and r.org == record.org]
            if first and self.raises(first[0], record):
                self.flag("commitment_raised", record=record.id.hex())
            else:
                kept.append(record)
        self.promises = self.statements(kept)
        self.commitment: dict[bytes, Statement] = {}
        for statement in self.promises:
            decision = self.decision.get(statement.id)
            said = (decision.facts if decision is not None else None) or {}
            if said.get("commitment_author") == statement.author:
                self.commitment[statement.id] = statement
            self.commitment.setdefault(statement.id, statement)

    def raises(self, first: Record, record: Record) -> bool:
        """Whether a revision is set aside. Spec: 12.11.4."""
        old, new = first.facts, record.facts
        if old is None or new is None:
            return False
        if old["line"] != new["line"] or not alike(provider(first), provider(record)):
            return True
        limit, says = self.amount(first), self.amount(record)
        if limit is None:
            limit = self.amount(first, ceiling)
            if limit is None:
                return bool(old["quantity"]["bound"] != new["quantity"]["bound"])
            says = says or self.amount(record, ceiling)
        return says is None or says[0] != limit[0] or says[1] > limit[1]

    def make_withdrawals(self) -> None:
        """Spec: 12.12.2, 12.14.3."""
        said: dict[tuple[bytes, bytes], list[Record]] = {}
        for record in self.effective("close/1", "reopen/1"):
            target = record.target
            if not target:
                continue
            if target not in self.commitment and target not in self.decision:
                record.standing = "pending"
                continue
            owners = self.named(target, "commitment_author", "provider")
            authors = self.named(target, "commitment_author")
            held = self.commitment.get(target)
            if held is not None and (not authors or held.author in authors):
                owners |= {held.author}
                owners |= {provider(held.record)} if held.facts is not None else set()
            if record.org in owners:
                said.setdefault((target, record.org), []).append(record)
            else:
                record.standing = "unauthorised"
        self.withdrawn = set()
        for (target, _), records in said.items():
            best = self.best(records)
            if best.type == "close/1" and (best.facts or {}).get("reason") != "fulfilled":
                self.withdrawn.add(target)


def provider(record: Record) -> Any:
    """The provider of a commitment with facts."""
    assert record.facts is not None
    return record.facts.get("provider", record.org)


def alike(one: Any, other: Any) -> bool:
    """Spec: 12.15.2."""
    return bool(one == other or (isinstance(one, dict) and isinstance(other, dict)))
