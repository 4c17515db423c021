"""Commitments, the steward's decisions on them, and what is accepted. Spec: 12.11.4, 12.12, 12.15.

Owns what stands between a promise and its need: which record holds, whether it was withdrawn, what
the steward decided. A decision repeats what it decides on, so it counts where the commitment itself
is not held; the commitment, where it is, can only lower what was accepted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hutong_protocol import quantity
from hutong_protocol.encoding import Value
from hutong_protocol.fold.flags import Flag
from hutong_protocol.fold.records import PartState, Standing
from hutong_protocol.fold.sorting import Read, Sorted, Statement, highest, statements
from hutong_protocol.fold.stewards import StewardChain
from hutong_protocol.fold.versions import Versions
from hutong_protocol.quantity import Amount, Quantity
from hutong_protocol.schema.reading import FactMap

KEPT: Final = "fulfilled"
"""The reason for closing a commitment that does not withdraw it. Spec: 12.14.3."""


@dataclass(frozen=True, slots=True)
class Decided:
    """All effective decisions on one commitment. Spec: 12.12, 12.15.1.

    `statements` are whatever holds for each decision statement, also if replaced later: they name
    people. `now` is the decision that counts.
    """

    statements: tuple[Statement, ...]
    now: Statement

    @property
    def facts(self) -> FactMap | None:
        """The facts of the decision that counts; None when they are gone."""
        return self.now.facts

    @property
    def outcome(self) -> str:
        """Spec: 12.21.6; `unknown` when the facts are gone."""
        return "unknown" if self.facts is None else str(self.facts["outcome"])

    def named(self, *names: str) -> frozenset[bytes]:
        """The organisations in these party fields of any of the decisions."""
        found: set[bytes] = set()
        for statement in self.statements:
            facts = statement.facts
            if facts is None:
                continue
            for name in names:
                value = provider_of(facts) if name == "provider" else facts.get(name)
                entries = value if isinstance(value, list) else [value]
                found |= {entry for entry in entries if isinstance(entry, bytes)}
        return frozenset(found)


def provider_of(facts: FactMap, author: bytes | None = None) -> Value:
    """The provider that a commitment by `author`, or a decision, names. Spec: 12.4."""
    default = facts.get("commitment_author") if author is None else author
    return facts.get("provider", default)


def same_party(one: Value, other: Value) -> bool:
    """Whether two party fields may mean the same: parties without a node do. Spec: 12.15.2."""
    return one == other or (isinstance(one, dict) and isinstance(other, dict))


def decisions_by_target(found: Sorted, chain: StewardChain) -> dict[bytes, Decided]:
    """The decisions on each commitment. Flags `concurrent`."""
    by_target: dict[bytes, list[Statement]] = defaultdict(list)
    for statement in statements(found, found.of("decision/1")):
        target = statement.holds.refs.target
        assert target is not None  # required of a readable decision
        by_target[target].append(statement)
    result = {}
    for target, said in by_target.items():
        by_record = {statement.holds.id: statement for statement in said}
        ruling, concurrent = highest([statement.holds for statement in said], chain.rank)
        if concurrent:
            found.flags.add(Flag("concurrent", record=ruling.id.hex()))
        result[target] = Decided(tuple(said), by_record[ruling.id])
    return result


def commitment_statements(found: Sorted, versions: Versions) -> list[Statement]:
    """All commitment statements, in the order of `statements`. Flags raised ones. 12.11.4."""
    reads = found.of("commitment/1")
    firsts = {(read.id, read.org): read for read in reads}
    kept = []
    for read in reads:
        first = firsts.get((read.refs.first, read.org)) if read.refs.first else None
        if first is not None and _raised(first, read, versions):
            found.flags.add(Flag("commitment_raised", record=read.id.hex()))
        else:
            kept.append(read)
    return statements(found, kept)


def commitments_by_id(
    said: Iterable[Statement], decided: Mapping[bytes, Decided]
) -> dict[bytes, Statement]:
    """The commitment that is meant by each id. Spec: 12.11.5."""
    result: dict[bytes, Statement] = {}
    for statement in said:
        other = result.get(statement.id)
        decision = decided.get(statement.id)
        facts = None if decision is None else decision.facts
        if other is None or (facts is not None and facts["commitment_author"] == statement.author):
            result[statement.id] = statement
    return result


def stated_quantity(facts: FactMap) -> Quantity:
    """The quantity of facts that must have one."""
    value = facts["quantity"]
    assert isinstance(value, dict)
    return quantity.of(value)


def line_of(facts: FactMap) -> str:
    """The line of facts that must have one."""
    line = facts["line"]
    assert isinstance(line, str)
    return line


def amount_of(read: Read, facts: FactMap, versions: Versions) -> Amount | None:
    """The amount that a statement states. Spec: 12.7.5, 12.7.7."""
    return stated_quantity(facts).stated(versions.pack(read.refs.revision, line_of(facts)))


def ceiling_of(read: Read, facts: FactMap, versions: Versions) -> Amount | None:
    """The ceiling that an `up_to` states. Spec: 12.7.7."""
    return stated_quantity(facts).ceiling(versions.pack(read.refs.revision, line_of(facts)))


def _raised(first: Read, revision: Read, versions: Versions) -> bool:
    """Whether a revision promises something else, or more, than the first record. Spec: 12.11.4."""
    old, new = first.facts, revision.facts
    if old is None or new is None:
        return False
    if line_of(old) != line_of(new):
        return True
    if not same_party(provider_of(old, first.org), provider_of(new, revision.org)):
        return True
    limit = amount_of(first, old, versions) or ceiling_of(first, old, versions)
    if limit is None:
        return stated_quantity(old).bound != stated_quantity(new).bound
    says = amount_of(revision, new, versions)
    if says is None and amount_of(first, old, versions) is None:
        says = ceiling_of(revision, new, versions)
    return says is None or says.dimension != limit.dimension or says.units > limit.units


def withdrawn(
    found: Sorted, commitments: Mapping[bytes, Statement], decided: Mapping[bytes, Decided]
) -> frozenset[bytes]:
    """The commitments that somebody with a say took back. Judges all closing of targets.

    Spec: 12.12.2, 12.14.3.
    """
    said: dict[tuple[bytes, bytes], list[Read]] = defaultdict(list)
    for read in (*found.of("close/1"), *found.of("reopen/1")):
        target = read.refs.target
        if target is None:
            continue
        if target not in commitments and target not in decided:
            found.set_aside(read, Standing.PENDING)
        elif read.org not in _owners(commitments.get(target), decided.get(target)):
            found.set_aside(read, Standing.UNAUTHORISED)
        else:
            said[target, read.org].append(read)
    result = set()
    for (target, _), reads in said.items():
        ruling, concurrent = highest(reads, Read.rank)
        if concurrent:
            found.flags.add(Flag("concurrent", record=ruling.id.hex()))
        reason = None if ruling.facts is None else ruling.facts.get("reason")
        if ruling.record.type == "close/1" and reason != KEPT:
            result.add(target)
    return frozenset(result)


def _owners(commitment: Statement | None, decided: Decided | None) -> frozenset[bytes]:
    """Author and provider of a commitment, as any decision on it says, and as it says itself
    unless it isn't the one that was decided on."""
    owners: set[bytes] = set()
    authors = None if decided is None else decided.named("commitment_author")
    if commitment is not None and (not authors or commitment.author in authors):
        owners.add(commitment.author)
        if commitment.facts is not None:
            provider = provider_of(commitment.facts, commitment.author)
            owners |= {provider} if isinstance(provider, bytes) else set()
    if decided is not None:
        owners |= decided.named("commitment_author", "provider")
    return frozenset(owners)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a commitment and the decision on it come to. Spec: 12.15.2, 12.15.3.

    `commitment` is None where it is not held, or is not the one that was decided on.
    """

    id: bytes
    commitment: Statement | None
    decided: Decided | None
    withdrawn: bool
    accepted: Amount | None
    accepted_line: str | None


def outcome_of(
    found: Sorted,
    identifier: bytes,
    commitment: Statement | None,
    decided: Decided | None,
    *,
    withdrawn: bool,
    versions: Versions,
) -> Outcome:
    """Applies the decision to the commitment. Flags `basis_mismatch`, `withdrawn_after_accept`."""
    if commitment is not None and commitment.holds.record.facts_state is PartState.MISSING:
        commitment = None
    facts = None if decided is None else decided.facts
    if decided is None or facts is None:
        return Outcome(identifier, commitment, decided, withdrawn, None, None)
    mark = Flag("basis_mismatch", record=identifier.hex())
    if commitment is not None and not _decides(facts, commitment):
        found.flags.add(mark)
        commitment = None
    accepted = None
    if facts["outcome"] == "accept":
        if withdrawn:
            found.flags.add(Flag("withdrawn_after_accept", record=identifier.hex()))
        else:
            accepted = amount_of(decided.now.holds, facts, versions)
            if accepted is not None and commitment is not None:
                accepted, unlike = _limited(accepted, commitment, versions)
                if unlike:
                    found.flags.add(mark)
    return Outcome(identifier, commitment, decided, withdrawn, accepted, line_of(facts))


def _decides(decision: FactMap, commitment: Statement) -> bool:
    """Whether a decision means this commitment. Spec: 12.15.2."""
    if decision["commitment_author"] != commitment.author:
        return False
    facts = commitment.facts
    return facts is None or (
        decision["line"] == facts["line"]
        and same_party(provider_of(decision), provider_of(facts, commitment.author))
    )


def _limited(accepted: Amount, commitment: Statement, versions: Versions) -> tuple[Amount, bool]:
    """The accepted amount, at most what is promised; and whether that is in another dimension."""
    facts = commitment.facts
    if facts is None:  # erased: missing ones count as not held
        return Amount(accepted.dimension, 0), False
    promised = amount_of(commitment.holds, facts, versions)
    limit = promised or ceiling_of(commitment.holds, facts, versions)
    if limit is None:
        return accepted, False
    if limit.dimension != accepted.dimension:
        return accepted, True
    return Amount(accepted.dimension, min(accepted.units, limit.units)), False


def commitment_ids(
    commitments: Mapping[bytes, Statement],
    decided: Mapping[bytes, Decided],
    others: Iterable[bytes],
) -> list[bytes]:
    """Every commitment that c runs over, ascending. Spec: 12.15."""
    return sorted({*commitments, *decided, *others})
