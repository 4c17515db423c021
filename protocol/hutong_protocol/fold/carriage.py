"""Goods on their way: dispatches, receipts, deliveries and losses, each counted once. Spec: 12.16.

Owns who may say that goods left or arrived, which commitment a receipt belongs to, and the rule
that the same truck, reported by several people, counts once. Amounts of different dimensions never
meet: everything is computed for each dimension by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from hutong_protocol.fold.promises import Decided, amount_of, line_of, provider_of
from hutong_protocol.fold.records import Standing
from hutong_protocol.fold.sorting import Read, Sorted, Statement, statements
from hutong_protocol.fold.stewards import StewardChain
from hutong_protocol.fold.versions import Versions

Key: TypeAlias = tuple[str, bytes | None, bytes]
"""(kind, commitment, waybill or dispatch): what two reports of the same goods share. 12.16.4."""
Cell: TypeAlias = tuple[str, str]
"""A line and a dimension."""

_COUNTED_CONDITIONS: Final = (None, "ok", "short")


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement with an amount, of one line and dimension."""

    author: bytes
    authority: int
    units: int
    commitment: bytes | None
    key: Key | None


@dataclass(slots=True)
class Counted:
    """What entries come to: by commitment (None: none), and by key. Spec: 12.16.5.

    `stated` is the sum of everything stated, so that what was not counted can be noticed.
    """

    by_commitment: dict[bytes | None, int] = field(default_factory=dict)
    by_key: dict[Key, int] = field(default_factory=dict)
    stated: dict[bytes | None, int] = field(default_factory=lambda: defaultdict(int))


def count_once(entries: Iterable[Entry]) -> Counted:
    """Counts entries of one line and dimension. Spec: 12.16.5."""
    result = Counted()
    keyed: dict[Key, list[Entry]] = defaultdict(list)
    own: dict[bytes | None, dict[bytes, int]] = defaultdict(lambda: defaultdict(int))
    sums: dict[bytes | None, int] = defaultdict(int)
    for entry in entries:
        if entry.key is not None:
            keyed[entry.key].append(entry)
        else:
            own[entry.commitment][entry.author] += entry.units
            result.stated[entry.commitment] += entry.units
    for key, group in keyed.items():
        winner, units = _winner(group)
        commitment = key[1]
        if key[0] == "unheld":
            theirs = [e.commitment for e in group if e.author == winner and e.commitment]
            commitment = min(theirs, default=None)
        result.by_key[key] = units
        sums[commitment] += units
        own[commitment][winner] += units
        result.stated[commitment] += sum(entry.units for entry in group)
    for commitment, authors in own.items():
        result.by_commitment[commitment] = max(sums[commitment], *authors.values())
    return result


def _winner(group: list[Entry]) -> tuple[bytes, int]:
    """The author that wins a key, and its sum."""
    units: dict[bytes, int] = defaultdict(int)
    authority: dict[bytes, int] = {}
    for entry in group:
        units[entry.author] += entry.units
        authority[entry.author] = min(entry.authority, authority.get(entry.author, 99))
    winner = min(units, key=lambda author: (authority[author], -units[author], author))
    return winner, units[winner]


@dataclass(frozen=True, slots=True)
class Goods:
    """What moved, by line, dimension and commitment. Spec: 12.15, 12.16."""

    dispatched: Mapping[Cell, Counted]
    received: Mapping[Cell, Counted]
    lost: Mapping[Cell, Mapping[bytes, int]]
    delivered: Mapping[Cell, Mapping[bytes, int]]
    unmeasured: frozenset[str]
    """Lines with a receipt that states no amount."""
    lines: frozenset[str]
    """All lines that somebody with a say named."""
    commitments: frozenset[bytes]
    """All commitments that effective dispatches and receipts name."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """Who has a say over goods, and what belongs to what."""

    chain: StewardChain
    versions: Versions
    decided: Mapping[bytes, Decided]
    commitments: Mapping[tuple[bytes, bytes], Statement]
    """By id and author: whose own promise something is must not depend on who else is held."""
    receivers: frozenset[bytes]

    def carrying(self, target: bytes | None, org: bytes) -> int | None:
        """The authority to report a dispatch; None for none. Spec: 12.12.2, 12.16.5."""
        decided = self.decided.get(target) if target is not None else None
        if decided is not None:
            for authority, name in enumerate(("provider", "carrier", "commitment_author")):
                if org in decided.named(name):
                    return authority
        return None

    def receiving(self, target: bytes | None, org: bytes) -> int | None:
        """The authority to confirm a receipt; None for none. Spec: 12.16.1."""
        if org in self.chain.members:
            return 0
        if org in self.receivers:
            return 1
        decided = self.decided.get(target) if target is not None else None
        if decided is not None and org in decided.named("receipt_by"):
            return 2
        return None

    def is_own(self, target: bytes | None, org: bytes) -> bool:
        """Whether `org` would confirm what it provides, implements or carries. Spec: 12.16.2."""
        if target is None:
            return False
        decided = self.decided.get(target)
        if decided is not None and org in decided.named("provider", "implementer", "carrier"):
            return True
        commitment = self.commitments.get((target, org))
        if commitment is None or commitment.facts is None:
            return False
        facts = commitment.facts
        return org in (provider_of(facts, org), facts.get("implementer"))

    def confirmers(self, target: bytes) -> tuple[bytes, ...]:
        """Everybody who may confirm receipts for a commitment, ascending."""
        decided = self.decided.get(target)
        named = decided.named("receipt_by") if decided is not None else frozenset()
        everybody = self.chain.members | self.receivers | named
        return tuple(sorted(org for org in everybody if not self.is_own(target, org)))


class Shipments:
    """The effective dispatches, for finding what a receipt or loss belongs to. Spec: 12.16.3."""

    def __init__(self, dispatches: Iterable[Statement]) -> None:
        self._by_id: dict[bytes, Statement] = {}
        self._by_waybill: dict[tuple[str, str], bytes] = {}
        self._keys: set[tuple[str, Key]] = set()
        for statement in dispatches:  # of equal ids the first one is meant
            if statement.facts is None:
                continue
            self._by_id.setdefault(statement.id, statement)
            line, waybill = line_of(statement.facts), statement.facts.get("waybill")
            target = statement.holds.refs.target
            if isinstance(waybill, str) and target is not None:
                self._by_waybill.setdefault((line, waybill), target)
                self._keys.add((line, waybill_key(target, waybill)))

    def applying(self, dispatch: bytes | None, line: str) -> Statement | None:
        """The dispatch that is named, if it is effective and of this line."""
        statement = self._by_id.get(dispatch) if dispatch is not None else None
        if statement is None or statement.facts is None or line_of(statement.facts) != line:
            return None
        return statement

    def commitment_of(self, read: Read) -> bytes | None:
        """The commitment of a receipt. Spec: 12.16.3."""
        facts = read.facts
        if read.refs.target is not None or facts is None:
            return read.refs.target
        line, waybill = line_of(facts), facts.get("waybill")
        statement = self.applying(read.refs.dispatch, line)
        if statement is not None:
            return statement.holds.refs.target
        return self._by_waybill.get((line, waybill)) if isinstance(waybill, str) else None

    def key_of(self, read: Read) -> Key | None:
        """The key of a receipt or loss. Spec: 12.16.4."""
        facts = read.facts
        assert facts is not None
        line, waybill = line_of(facts), facts.get("waybill")
        if read.refs.dispatch is not None:
            statement = self.applying(read.refs.dispatch, line)
            if statement is None or statement.facts is None:
                return ("unheld", None, read.refs.dispatch)
            target, carried = statement.holds.refs.target, statement.facts.get("waybill")
            if isinstance(carried, str):
                return waybill_key(target, carried)
            return ("dispatch", target, statement.id)
        if isinstance(waybill, str):
            return waybill_key(self.commitment_of(read), waybill)
        return None

    def amount(self, key: Key, cell: Cell, counted: Counted, versions: Versions) -> int | None:
        """How much was dispatched under a key; None if no effective dispatch has it. 12.16.7."""
        line, dimension = cell
        if key[0] == "waybill":
            return counted.by_key.get(key, 0) if (line, key) in self._keys else None
        statement = self._by_id.get(key[2]) if key[0] == "dispatch" else None
        if statement is None or statement.facts is None:
            return None
        amount = amount_of(statement.holds, statement.facts, versions)
        return amount.units if amount is not None and amount.dimension == dimension else 0


def waybill_key(commitment: bytes | None, waybill: str) -> Key:
    """The key of goods under a waybill. Spec: 12.16.4."""
    return ("waybill", commitment, waybill.encode())


def goods_of(found: Sorted, ruling: Ruling) -> Goods:
    """Judges and counts everything about carriage and receiving. Spec: 12.16."""
    for name in ("dispatch/1", "delivered/1"):
        for read in found.of(name):
            _judge(found, read, ruling.carrying(read.refs.target, read.org) is not None)
    dispatches = statements(found, found.of("dispatch/1"))
    shipments = Shipments(dispatches)
    for read in found.of("receipt/1"):
        target = shipments.commitment_of(read)
        judged = _judge(found, read, ruling.receiving(target, read.org) is not None)
        if judged and ruling.is_own(target, read.org):
            found.set_aside(read, Standing.OWN_RECEIPT)
    for read in found.of("loss/1"):
        target = read.refs.target
        has_say = ruling.carrying(target, read.org) is not None
        _judge(found, read, has_say or ruling.receiving(target, read.org) is not None)
    receipts = statements(found, found.of("receipt/1"))
    losses = statements(found, found.of("loss/1"))
    deliveries = statements(found, found.of("delivered/1"))

    versions = ruling.versions
    dispatched = _counted(_dispatch_entries(dispatches, ruling))
    arrivals, unmeasured = _receipt_entries(receipts, ruling, shipments)
    received = _counted(arrivals)
    everything = (*dispatches, *receipts, *losses, *deliveries)
    targets = {statement.holds.refs.target for statement in dispatches}
    targets |= {shipments.commitment_of(statement.holds) for statement in receipts}
    return Goods(
        dispatched=dispatched,
        received=received,
        lost=_lost(losses, shipments, dispatched, received, versions),
        delivered=_own_sums(deliveries, versions),
        unmeasured=unmeasured,
        lines=frozenset(line_of(s.facts) for s in everything if s.facts is not None),
        commitments=frozenset(target for target in targets if target is not None),
    )


def _judge(found: Sorted, read: Read, has_say: bool) -> bool:
    if not has_say:
        found.set_aside(read, Standing.UNAUTHORISED)
        return False
    if found.is_bad_correction(read):
        found.set_aside(read, Standing.BAD_CORRECTION)
        return False
    return True


def _counted(entries: Mapping[Cell, list[Entry]]) -> dict[Cell, Counted]:
    return {cell: count_once(group) for cell, group in entries.items()}


def _dispatch_entries(dispatches: Iterable[Statement], ruling: Ruling) -> dict[Cell, list[Entry]]:
    entries: dict[Cell, list[Entry]] = defaultdict(list)
    for statement in dispatches:
        facts, target = statement.facts, statement.holds.refs.target
        amount = None if facts is None else amount_of(statement.holds, facts, ruling.versions)
        if facts is None or amount is None:
            continue
        waybill = facts.get("waybill")
        key = waybill_key(target, waybill) if isinstance(waybill, str) else None
        authority = ruling.carrying(target, statement.author) or 0
        entry = Entry(statement.author, authority, amount.units, target, key)
        entries[line_of(facts), amount.dimension].append(entry)
    return entries


def _receipt_entries(
    receipts: Iterable[Statement], ruling: Ruling, shipments: Shipments
) -> tuple[dict[Cell, list[Entry]], frozenset[str]]:
    entries: dict[Cell, list[Entry]] = defaultdict(list)
    unmeasured = set()
    for statement in receipts:
        read, facts = statement.holds, statement.facts
        if facts is None or facts.get("condition") not in _COUNTED_CONDITIONS:
            continue
        line, amount = line_of(facts), amount_of(read, facts, ruling.versions)
        if amount is None:
            unmeasured.add(line)
            continue
        commitment = shipments.commitment_of(read)
        authority = ruling.receiving(commitment, statement.author) or 0
        key = shipments.key_of(read)
        entry = Entry(statement.author, authority, amount.units, commitment, key)
        entries[line, amount.dimension].append(entry)
    return entries, frozenset(unmeasured)


def _lost(
    losses: Iterable[Statement],
    shipments: Shipments,
    dispatched: Mapping[Cell, Counted],
    received: Mapping[Cell, Counted],
    versions: Versions,
) -> dict[Cell, dict[bytes, int]]:
    """Spec: 12.16.7."""
    sums: dict[tuple[Cell, bytes, Key | None], dict[bytes, int]] = defaultdict(
        lambda: defaultdict(int)
    )
    for statement in losses:
        read, facts = statement.holds, statement.facts
        amount = None if facts is None else amount_of(read, facts, versions)
        if facts is None or amount is None or read.refs.target is None:
            continue
        cell = (line_of(facts), amount.dimension)
        sums[cell, read.refs.target, shipments.key_of(read)][statement.author] += amount.units
    result: dict[Cell, dict[bytes, int]] = defaultdict(lambda: defaultdict(int))
    for (cell, target, key), authors in sums.items():
        units = max(authors.values())
        if key is not None:
            sent = shipments.amount(key, cell, dispatched.get(cell, Counted()), versions)
            if sent is not None:
                arrived = received.get(cell, Counted()).by_key.get(key, 0)
                units = min(units, max(0, sent - arrived))
        result[cell][target] += units
    for cell, targets in result.items():
        for target in targets:
            sent = dispatched.get(cell, Counted()).by_commitment.get(target, 0)
            arrived = received.get(cell, Counted()).by_commitment.get(target, 0)
            targets[target] = min(targets[target], max(0, sent - arrived))
    return result


def _own_sums(deliveries: Iterable[Statement], versions: Versions) -> dict[Cell, dict[bytes, int]]:
    """The greatest own sum of one author, by commitment. Spec: 12.15.5."""
    sums: dict[tuple[Cell, bytes], dict[bytes, int]] = defaultdict(lambda: defaultdict(int))
    for statement in deliveries:
        facts, target = statement.facts, statement.holds.refs.target
        amount = None if facts is None else amount_of(statement.holds, facts, versions)
        if facts is not None and amount is not None and target is not None:
            cell = (line_of(facts), amount.dimension)
            sums[cell, target][statement.author] += amount.units
    result: dict[Cell, dict[bytes, int]] = defaultdict(dict)
    for (cell, target), authors in sums.items():
        result[cell][target] = max(authors.values())
    return result
