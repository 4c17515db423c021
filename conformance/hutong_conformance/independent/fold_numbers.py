"""Goods and numbers of one thing, written a second time from the specification.

Owns 12.15 and 12.16 and the parts of 12.19 that count. Amounts are Fractions of base units, by
(line, dimension); whatever is asked for and isn't there is 0. Shares no code with the core.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from hutong_conformance.independent.fold_rules import (
    Group,
    Record,
    Statement,
    alike,
    ceiling,
    provider,
)

Cell = tuple[str, str]
Key = tuple[Any, ...]


class Count:
    """One run of the counting rule over (author, authority, amount, commitment, key). 12.16.5."""

    def __init__(self, entries: list[tuple[bytes, int, Fraction, bytes, Key | None]]) -> None:
        self.keys: dict[Key, Fraction] = {}
        self.stated: dict[bytes, Fraction] = defaultdict(Fraction)
        sums: dict[bytes, Fraction] = defaultdict(Fraction)
        own: dict[tuple[bytes, bytes], Fraction] = defaultdict(Fraction)
        for author, _, amount, commitment, key in entries:
            if key is None:
                own[commitment, author] += amount
                self.stated[commitment] += amount
        for key in {entry[4] for entry in entries} - {None}:
            assert key is not None
            group = [entry for entry in entries if entry[4] == key]
            ranks = []
            for author in {entry[0] for entry in group}:
                mine = [entry for entry in group if entry[0] == author]
                total = sum((entry[2] for entry in mine), Fraction())
                ranks.append((min(entry[1] for entry in mine), -total, author))
            _, minus, winner = min(ranks)
            if key[0] == "named":
                theirs = [e[3] for e in group if e[0] == winner and e[3]]
                commitment = min(theirs, default=b"")
            else:
                commitment = key[1]
            self.keys[key] = -minus
            sums[commitment] -= minus
            own[commitment, winner] -= minus
            self.stated[commitment] += sum((entry[2] for entry in group), Fraction())
        self.counts: dict[bytes, Fraction] = defaultdict(Fraction)
        for (commitment, _), amount in own.items():
            self.counts[commitment] = max(self.counts[commitment], amount, sums[commitment])


class Goods:
    """Who may say what about goods, and what it comes to."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.receivers = group.parties("receivers")
        self.judge(("dispatch/1", "delivered/1"), lambda r: self.carries(r.target, r.org))
        self.dispatches = group.statements(group.effective("dispatch/1"))
        self.judge(("receipt/1",), lambda r: self.receives(self.commitment_of(r), r.org))
        for record in group.effective("receipt/1"):
            if self.is_own(self.commitment_of(record), record.org):
                record.standing = "own_receipt"
        self.judge(
            ("loss/1",),
            lambda r: (
                0 if self.carries(r.target, r.org) is not None else self.receives(r.target, r.org)
            ),
        )
        self.receipts = group.statements(group.effective("receipt/1"))
        self.losses = group.statements(group.effective("loss/1"))
        self.deliveries = group.statements(group.effective("delivered/1"))
        self.sent = self.counted(self.dispatches, self.dispatch_entry)
        self.received = self.counted(self.receipts, self.receipt_entry)
        self.unmeasured = {
            s.facts["line"]
            for s in self.receipts
            if s.facts is not None and self.arrived(s) and group.amount(s.record) is None
        }
        self.delivered = self.own_sums(self.deliveries)
        self.lost = self.count_losses()

    def judge(self, types: tuple[str, ...], authority: Any) -> None:
        """Sets aside who has no say and bad corrections."""
        for record in self.group.effective(*types):
            if authority(record) is None:
                record.standing = "unauthorised"
            elif self.group.miscorrects(record):
                record.standing = "bad_correction"

    def carries(self, target: bytes, org: bytes) -> int | None:
        """The authority to report a dispatch, None for none."""
        names = ("provider", "carrier", "commitment_author")
        found = [i for i, name in enumerate(names) if org in self.group.named(target, name)]
        return min(found, default=None)

    def receives(self, target: bytes, org: bytes) -> int | None:
        """The authority to confirm a receipt, None for none. Spec: 12.16.1."""
        assert self.group.root is not None
        if org == self.group.root.org:
            return 0
        if org in self.receivers:
            return 1
        return 2 if org in self.group.named(target, "receipt_by") else None

    def is_own(self, target: bytes, org: bytes) -> bool:
        """Spec: 12.16.2."""
        if org in self.group.named(target, "provider", "implementer", "carrier"):
            return True
        return any(
            s.id == target
            and s.author == org
            and s.facts is not None
            and org in (provider(s.record), s.facts.get("implementer"))
            for s in self.group.promises
        )

    def confirmers(self, target: bytes) -> list[bytes]:
        """Who may confirm receipts for a commitment."""
        assert self.group.root is not None
        everybody = {self.group.root.org} | self.receivers | self.group.named(target, "receipt_by")
        return sorted(org for org in everybody if not self.is_own(target, org))

    def applying(self, record: Record) -> Statement | None:
        """Spec: 12.16.3."""
        assert record.facts is not None
        for statement in self.dispatches:
            if statement.id == record.dispatch and statement.facts is not None:
                right = statement.facts["line"] == record.facts["line"]
                return statement if right else None
        return None

    def commitment_of(self, record: Record) -> bytes:
        """The commitment of a receipt, empty for none. Spec: 12.16.3."""
        if record.target or record.facts is None:
            return bytes(record.target)
        statement = self.applying(record)
        if statement is not None:
            return bytes(statement.record.target)
        waybill = record.facts.get("waybill")
        same = (record.facts["line"], waybill)
        for other in self.dispatches if waybill is not None else []:
            said = other.facts or {}
            if (said.get("line"), said.get("waybill")) == same:
                return bytes(other.record.target)
        return b""

    def key_of(self, record: Record) -> Key | None:
        """Spec: 12.16.4."""
        assert record.facts is not None
        if record.dispatch:
            statement = self.applying(record)
            if statement is None or statement.facts is None:
                return ("named", record.dispatch)
            waybill = statement.facts.get("waybill")
            if waybill is not None:
                return ("waybill", statement.record.target, waybill)
            return ("dispatch", statement.record.target, statement.id)
        waybill = record.facts.get("waybill")
        return None if waybill is None else ("waybill", self.commitment_of(record), waybill)

    def counted(self, statements: Iterable[Statement], entry: Any) -> dict[Cell, Count]:
        """One count for each line and dimension."""
        cells: dict[Cell, list[Any]] = defaultdict(list)
        for statement in statements:
            if statement.facts is None:
                continue
            amount = self.group.amount(statement.record)
            rest = entry(statement)
            if amount is not None and rest is not None:
                authority, commitment, key = rest
                cells[statement.facts["line"], amount[0]].append(
                    (statement.author, authority, amount[1], commitment, key)
                )
        return {cell: Count(entries) for cell, entries in cells.items()}

    def dispatch_entry(self, statement: Statement) -> Any:
        """Authority, commitment and key of a dispatch."""
        target, waybill = statement.record.target, (statement.facts or {}).get("waybill")
        key = None if waybill is None else ("waybill", target, waybill)
        return self.carries(target, statement.author), target, key

    def arrived(self, statement: Statement) -> bool:
        """Whether the condition of a receipt counts."""
        return (statement.facts or {}).get("condition", "ok") in ("ok", "short")

    def receipt_entry(self, statement: Statement) -> Any:
        """Authority, commitment and key of a receipt that counts."""
        if not self.arrived(statement):
            return None
        commitment = self.commitment_of(statement.record)
        authority = self.receives(commitment, statement.author)
        return authority, commitment, self.key_of(statement.record)

    def own_sums(self, statements: Iterable[Statement]) -> dict[tuple[Cell, bytes], Fraction]:
        """The greatest own sum of one author. Spec: 12.15.5."""
        sums: dict[Any, Fraction] = defaultdict(Fraction)
        for statement in statements:
            if statement.facts is not None:
                amount = self.group.amount(statement.record)
                if amount is not None:
                    cell = (statement.facts["line"], amount[0])
                    sums[cell, statement.record.target, statement.author] += amount[1]
        result: dict[tuple[Cell, bytes], Fraction] = defaultdict(Fraction)
        for (cell, target, _), amount_sum in sums.items():
            result[cell, target] = max(result[cell, target], amount_sum)
        return result

    def room(self, key: Key, cell: Cell) -> Fraction | None:
        """Spec: 12.16.7."""
        sent = Fraction()
        if key[0] == "waybill":
            carrying = [
                s
                for s in self.dispatches
                if s.facts is not None
                and (s.facts["line"], s.record.target, s.facts.get("waybill"))
                == (cell[0], key[1], key[2])
            ]
            if not carrying:
                return None
            sent = self.sent[cell].keys.get(key, sent) if cell in self.sent else sent
        elif key[0] == "dispatch":
            statement = next(s for s in self.dispatches if s.id == key[2] and s.facts is not None)
            amount = self.group.amount(statement.record)
            sent = amount[1] if amount is not None and amount[0] == cell[1] else sent
        else:
            return None
        arrived = self.received[cell].keys.get(key, Fraction()) if cell in self.received else 0
        return max(Fraction(), sent - arrived)

    def count_losses(self) -> dict[tuple[Cell, bytes], Fraction]:
        """Spec: 12.16.7."""
        sums: dict[Any, dict[bytes, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
        for statement in self.losses:
            if statement.facts is not None:
                amount = self.group.amount(statement.record)
                if amount is not None:
                    cell = (statement.facts["line"], amount[0])
                    where = (cell, statement.record.target, self.key_of(statement.record))
                    sums[where][statement.author] += amount[1]
        result: dict[tuple[Cell, bytes], Fraction] = defaultdict(Fraction)
        for (cell, target, key), authors in sums.items():
            greatest = max(authors.values())
            room = None if key is None else self.room(key, cell)
            result[cell, target] += greatest if room is None else min(greatest, room)
        for cell, target in result:
            left = of(self.sent, cell, target) - of(self.received, cell, target)
            result[cell, target] = min(result[cell, target], max(Fraction(), left))
        return result


def of(counts: dict[Cell, Count], cell: Cell, commitment: bytes) -> Fraction:
    """What was counted for a commitment in a cell."""
    return counts[cell].counts[commitment] if cell in counts else Fraction()


class Promise:
    """A commitment as it counts: what was promised, decided, accepted. Spec: 12.15."""

    def __init__(self, group: Group, identifier: bytes) -> None:
        self.id = identifier
        self.decision = group.decision.get(identifier)
        held = group.commitment.get(identifier)
        if held is not None and held.record.state == "missing":
            held = None
        said = None if self.decision is None else self.decision.facts
        if held is not None and said is not None and not self.meant(said, held):
            group.flag("basis_mismatch", record=identifier.hex())
            held = None
        self.held = held
        facts = None if held is None else held.facts
        self.facts = facts or {}
        self.withdrawn = identifier in group.withdrawn
        self.author = held.author if held is not None else (said or {}).get("commitment_author")
        self.provider = (said or {}).get("provider", (said or {}).get("commitment_author"))
        if held is not None and (facts is not None or self.provider is None):
            self.provider = provider(held.record) if facts is not None else held.author
        self.amount = group.amount(held.record) if held is not None and facts else None
        self.ceiling = group.amount(held.record, ceiling) if held is not None and facts else None
        self.line = self.facts.get("line")
        self.decided_line = None if said is None else said["line"]
        self.accepted: tuple[str, Fraction] | None = None
        if said is not None and said["outcome"] == "accept":
            self.accept(group, held is not None and facts is None)

    def meant(self, said: dict[str, Any], held: Statement) -> bool:
        """Whether a decision means this commitment. Spec: 12.15.2."""
        if said["commitment_author"] != held.author:
            return False
        if held.facts is None:
            return True
        names = said.get("provider", said["commitment_author"])
        return said["line"] == held.facts["line"] and alike(names, provider(held.record))

    def accept(self, group: Group, erased: bool) -> None:
        """Spec: 12.15.3."""
        assert self.decision is not None
        if self.withdrawn:
            group.flag("withdrawn_after_accept", record=self.id.hex())
            return
        self.accepted = group.amount(self.decision)
        if self.accepted is None:
            return
        limit = (self.accepted[0], Fraction()) if erased else self.amount or self.ceiling
        if limit is not None and limit[0] != self.accepted[0]:
            group.flag("basis_mismatch", record=self.id.hex())
        elif limit is not None:
            self.accepted = (self.accepted[0], min(self.accepted[1], limit[1]))

    def undecided(self, over: Any) -> bool:
        """Whether it counts as a pledge or proxy."""
        if self.withdrawn or self.held is None:
            return False
        outcome = self.outcome
        return outcome in (None, "wait") and not over(self.facts.get("valid_until"))

    @property
    def outcome(self) -> str | None:
        """The outcome of the decision, None without one."""
        if self.decision is None:
            return None
        return "unknown" if self.decision.facts is None else str(self.decision.facts["outcome"])

    def state(self, over: Any) -> str:
        """Spec: 12.21.6."""
        if self.withdrawn:
            return "withdrawn"
        words = {"accept": "accepted", "decline": "declined", "release": "released"}
        if self.outcome in (*words, "unknown"):
            return words.get(str(self.outcome), "unknown")
        if over(self.facts.get("valid_until")):
            return "expired"
        return "waiting" if self.outcome == "wait" else "undecided"
