"""From the records of one thing to its basis: the part of the fold without an instant. Spec: 12.9.

Owns the order of the steps. Each step may set records aside for the later ones (wrong author, bad
correction) and leave flags; what is left is put together here. The result is a function of the set
of records alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from hutong_protocol.encoding import Value
from hutong_protocol.fold.basis import LineBasis, Promise, Row, Tally, Thing, ThingBasis
from hutong_protocol.fold.carriage import Goods, Ruling, goods_of
from hutong_protocol.fold.flags import Flag, in_order
from hutong_protocol.fold.promises import (
    Decided,
    Outcome,
    amount_of,
    ceiling_of,
    commitment_ids,
    commitment_statements,
    commitments_by_id,
    decisions_by_target,
    line_of,
    outcome_of,
    provider_of,
    withdrawn,
)
from hutong_protocol.fold.records import (
    FoldRecord,
    PartState,
    Standing,
    merged,
    thing_of,
)
from hutong_protocol.fold.sorting import STATEMENT_TYPES, Read, Sorted, sort_records
from hutong_protocol.fold.stewards import StewardChain, chain_of, judge_by_link
from hutong_protocol.fold.verification import checks_of
from hutong_protocol.fold.versions import (
    Closing,
    Versions,
    changed_lines,
    closing_of,
    time_of,
    valid_until,
    versions_of,
)
from hutong_protocol.quantity import amount_text

_COUNTED_STANDINGS = frozenset(
    {Standing.UNAUTHORISED, Standing.BAD_CORRECTION, Standing.OWN_RECEIPT}
)
_PARTY_FIELDS = (
    "receivers",
    "on_behalf_of",
    "provider",
    "funder",
    "implementer",
    "carrier",
    "receipt_by",
    "commitment_author",
)
_DECISION_PARTIES = (
    *("provider", "funder", "implementer", "carrier", "receipt_by", "commitment_author"),
)


def reduce_thing(records: Iterable[FoldRecord]) -> ThingBasis:
    """The basis of the one thing that all of `records` belong to.

    Args:
        records: at least one; any order, copies allowed, all with the same `thing_of`.

    Raises:
        ValueError: none, or of several things: the caller's mistake, whatever the records hold.
    """
    return _reduced(records)[0]


def standings_of(records: Iterable[FoldRecord]) -> Mapping[bytes, Standing]:
    """The standing of each record of one thing, as `reduce_thing` judges it. Spec: 12.9.3."""
    return _reduced(records)[1].standing


def _reduced(records: Iterable[FoldRecord]) -> tuple[ThingBasis, Sorted]:
    by_id = merged(records)
    keys = {thing_of(record) for record in by_id.values()}
    if len(keys) != 1:
        raise ValueError(f"records of {len(keys)} things instead of one")
    found = sort_records(keys.pop(), by_id)
    thing = None if found.root is None else _thing(found, found.root)
    return ThingBasis(found.key, thing, _tally(found)), found


def _thing(found: Sorted, root: Read) -> Thing:
    chain = chain_of(root)
    judge_by_link(found, root, chain)
    versions = versions_of(found, root, chain)
    decided = decisions_by_target(found, chain)
    promised = commitment_statements(found, versions)
    commitments = commitments_by_id(promised, decided)
    taken_back = withdrawn(found, commitments, decided)
    own = {(statement.id, statement.author): statement for statement in promised}
    ruling = Ruling(chain, versions, decided, own, versions.organisations("receivers"))
    goods = goods_of(found, ruling)
    outcomes = [
        outcome_of(
            found,
            identifier,
            commitments.get(identifier),
            decided.get(identifier),
            withdrawn=identifier in taken_back,
            versions=versions,
        )
        for identifier in commitment_ids(commitments, decided, goods.commitments)
    ]
    names = _line_names(found, versions, goods)
    body_lines = frozenset(versions.in_force.lines)
    closing = closing_of(found, chain, names, body_lines)
    lines = tuple(_line(name, versions, closing, outcomes, goods) for name in names)
    _flag_lines(found, versions, lines, goods)
    insiders = chain.members | versions.organisations("on_behalf_of") | {root.org}
    checks, verification = checks_of(found, versions.in_force, insiders)
    _flag_standing(found)
    return Thing(
        type=root.record.type,
        author=root.org,
        steward=chain.steward,
        revision=versions.in_force.id,
        valid_until_ms=valid_until(found, root, chain),
        closed=closing.thing,
        reason=closing.reason,
        lines=lines,
        promises=tuple(_promise(outcome, ruling) for outcome in outcomes),
        checks=checks,
        verification=verification,
        flags=in_order(found.flags),
        named=_named(root, chain, versions, decided.values()),
    )


def _named(
    root: Read, chain: StewardChain, versions: Versions, decided: Iterable[Decided]
) -> tuple[bytes, ...]:
    """Whom the stewards of a need name, ascending. Spec: 12.22.1."""
    if root.record.type != "need/1":
        return ()
    named = chain.members | versions.organisations("receivers")
    for decision in decided:
        named |= decision.named(*_DECISION_PARTIES)
    return tuple(sorted(named - {root.org}))


def _line_names(found: Sorted, versions: Versions, goods: Goods) -> list[str]:
    """Every line that a version has or somebody with a say names. Spec: 12.13.2."""
    named = set(goods.lines) | versions.defined_lines()
    for name in ("commitment/1", "decision/1"):
        named |= {line_of(read.facts) for read in found.of(name) if read.facts is not None}
    return sorted(named)


def _line(
    name: str, versions: Versions, closing: Closing, outcomes: list[Outcome], goods: Goods
) -> LineBasis:
    definitions = versions.definitions(name)
    in_body = name in versions.in_force.lines
    known = versions.in_force.lines.get(name) or (definitions[-1] if definitions else None)
    target = known.target if known is not None and in_body else None
    if known is not None and not in_body and versions.in_force.body is not None:
        target = 0
    return LineBasis(
        id=name,
        kind=None if known is None else known.kind,
        in_body=in_body,
        defined=known is not None,
        closed=name in closing.lines,
        dimension=None if known is None else known.dimension,
        target=target,
        unmeasured=name in goods.unmeasured,
        rows=_rows(name, outcomes, goods),
    )


def _rows(line: str, outcomes: list[Outcome], goods: Goods) -> tuple[Row, ...]:
    """What each commitment came to on a line, ascending by commitment (none first), dimension."""
    cells: dict[tuple[bytes | None, str], dict[str, int]] = {}

    def add(commitment: bytes | None, dimension: str, name: str, units: int) -> None:
        if units:
            cells.setdefault((commitment, dimension), {})[name] = units

    for outcome in outcomes:
        if outcome.accepted is not None and outcome.accepted_line == line:
            accepted = outcome.accepted
            add(outcome.id, accepted.dimension, "accepted", accepted.units)
    for name, counted in (("dispatched", goods.dispatched), ("received", goods.received)):
        for (where, dimension), count in counted.items():
            for commitment, units in count.by_commitment.items() if where == line else ():
                add(commitment, dimension, name, units)
    for name, sums in (("lost", goods.lost), ("delivered", goods.delivered)):
        for (where, dimension), by_commitment in sums.items():
            for known, units in by_commitment.items() if where == line else ():
                add(known, dimension, name, units)
    order = sorted(cells, key=lambda cell: (cell[0] or b"", cell[1]))
    return tuple(
        Row(
            commitment,
            dimension,
            accepted=units.get("accepted", 0),
            dispatched=units.get("dispatched", 0),
            received=units.get("received", 0),
            lost=units.get("lost", 0),
            delivered=units.get("delivered", 0),
        )
        for commitment, dimension in order
        for units in [cells[commitment, dimension]]
    )


def _promise(outcome: Outcome, ruling: Ruling) -> Promise:
    decided, commitment = outcome.decided, outcome.commitment
    decision = None if decided is None else decided.facts
    facts = None if commitment is None else commitment.facts
    author: Value = None if decision is None else decision["commitment_author"]
    provider: Value = None if decision is None else provider_of(decision)
    amount = ceiling = None
    if commitment is not None:
        author = commitment.author
        provider = author if facts is None and provider is None else provider
        if facts is not None:
            provider = provider_of(facts, commitment.author)
            amount = amount_of(commitment.holds, facts, ruling.versions)
            ceiling = ceiling_of(commitment.holds, facts, ruling.versions)
    stated = amount or ceiling
    return Promise(
        id=outcome.id,
        author=author if isinstance(author, bytes) else None,
        provider=provider if isinstance(provider, bytes) else None,
        proxy=provider != author,
        held=commitment is not None,
        withdrawn=outcome.withdrawn,
        outcome="" if decided is None else decided.outcome,
        line=None if facts is None else line_of(facts),
        dimension=None if stated is None else stated.dimension,
        units=None if amount is None else amount.units,
        ceiling=None if ceiling is None else ceiling.units,
        valid_until_ms=time_of(facts, "valid_until"),
        eta_ms=time_of(facts, "eta"),
        decided_line=None if decision is None else line_of(decision),
        confirmers=ruling.confirmers(outcome.id),
    )


def _flag_lines(
    found: Sorted, versions: Versions, lines: tuple[LineBasis, ...], goods: Goods
) -> None:
    """Spec: 12.13, 12.16.6, 12.19.1."""
    flags = found.flags
    flags |= {Flag("line_changed", line=name) for name in changed_lines(versions)}
    for (where, _), counted in goods.received.items():
        for commitment, units in counted.by_commitment.items():
            if counted.stated[commitment] > units:
                record = None if commitment is None else commitment.hex()
                flags.add(Flag("second_receipt", line=where, record=record))
    for line in lines:
        if line.defined:
            flags |= set(_amount_flags(line, versions))
        else:
            flags.add(Flag("unknown_line", line=line.id))


def _amount_flags(line: LineBasis, versions: Versions) -> Iterator[Flag]:
    rows = [row for row in line.rows if row.dimension == line.dimension]
    accepted = sum(row.accepted for row in rows)
    received = sum(row.received for row in rows)
    owed = sum(max(0, row.accepted - row.received - row.lost) for row in rows)
    if line.target is not None and accepted > line.target:
        targets = [
            definition.target
            for definition in versions.definitions(line.id)
            if definition.dimension == line.dimension
        ]
        always = all(target is not None and accepted > target for target in targets)
        name = "over_accepted" if always else "required_below_accepted"
        yield Flag(name, line=line.id, amount=amount_text(accepted - line.target))
    if line.target is not None and received > line.target > 0:
        yield Flag("over_received", line=line.id, amount=amount_text(received - line.target))
    if line.closed and owed > 0:
        yield Flag("required_below_accepted", line=line.id, amount=amount_text(owed))


def _flag_standing(found: Sorted) -> None:
    """Counts what was set aside for its author, and says which facts are gone."""
    counts = Counter(
        (standing, found.records[identifier].type)
        for identifier, standing in found.standing.items()
        if standing in _COUNTED_STANDINGS
    )
    for (standing, name), count in counts.items():
        found.flags.add(Flag(standing.value, type=name, count=count))
    for identifier, standing in found.standing.items():
        state = found.records[identifier].facts_state
        if standing is Standing.EFFECTIVE and state in (PartState.ERASED, PartState.MISSING):
            found.flags.add(Flag(f"facts_{state.value}"))


def _tally(found: Sorted) -> Tally:
    records = found.records.values()
    uninterpreted = (Standing.UNKNOWN, Standing.NOT_INTERPRETED)
    types = Counter(record.type for record in records if found.standing[record.id] in uninterpreted)
    named: set[bytes] = set()
    for name in ("need/1", "offer/1", "revise/1", *STATEMENT_TYPES):
        for read in found.of(name):
            named |= _organisations(read.facts or {})
    return Tally(
        standing=tuple(sorted(Counter(s.value for s in found.standing.values()).items())),
        types=tuple(sorted(types.items())),
        facts_erased=sum(record.facts_state is PartState.ERASED for record in records),
        facts_missing=sum(record.facts_state is PartState.MISSING for record in records),
        authors=tuple(sorted({record.org for record in records})),
        named=tuple(sorted(named)),
    )


def _organisations(facts: Mapping[str, Value]) -> set[bytes]:
    """The organisation ids in the party fields of facts."""
    body = facts.get("body")
    source = body if isinstance(body, dict) else facts
    found: set[bytes] = set()
    for name in _PARTY_FIELDS:
        value = source.get(name)
        entries = value if isinstance(value, list) else [value]
        found |= {entry for entry in entries if isinstance(entry, bytes)}
    return found
