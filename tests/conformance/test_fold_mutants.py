"""The vectors of section 12 catch folds that get one rule wrong each, by a vector of a name."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from conformance.mutants_records import Mutant, with_other
from hutong_conformance.cases import Case, load
from hutong_conformance.report import same
from hutong_protocol import harness, quantity
from hutong_protocol.fold import (
    carriage,
    coverage,
    digests,
    promises,
    reduce,
    sorting,
    state,
    stewards,
    thing_view,
    verification,
    versions,
)
from hutong_protocol.fold.basis import Tally
from hutong_protocol.fold.records import NOT_INTERPRETED
from hutong_protocol.fold.sorting import Read, Sorted
from hutong_protocol.schema import reading


def never(*_: Any, **__: Any) -> bool:
    return False


def always(*_: Any, **__: Any) -> bool:
    return True


def by_id(read: Read, position: int = 0) -> Any:
    return position, 0, read.id


def counted_twice(entries: Any) -> carriage.Counted:
    return carriage_count([replace(entry, key=None) for entry in entries])


def summed(entries: Any) -> carriage.Counted:
    """Adds up what several people report of the same goods."""
    found = carriage_count(entries)
    for commitment, units in found.stated.items():
        found.by_commitment[commitment] = units
    return found


def flat(entries: Any) -> carriage.Counted:
    return carriage_count([replace(entry, authority=0) for entry in entries])


carriage_count = carriage.count_once


def without_pack(self: quantity.Quantity, line_pack: Any) -> Any:
    return self.pack if self.pack is not None and self.pack.unit == self.unit else None


def any_pack(self: quantity.Quantity, line_pack: Any) -> Any:
    return self.pack or line_pack


def pack_in_force(self: versions.Versions, revision: bytes | None, line: str) -> Any:
    definition = self.in_force.lines.get(line)
    return None if definition is None else definition.pack


def after(instant_ms: int | None, as_of_ms: int) -> bool:
    return instant_ms is not None and as_of_ms > instant_ms


def everybody(*_: Any) -> int:
    return 0


def merged_last(records: Any) -> Any:
    return {record.id: record for record in records}


def keep_replaced(reads: Any, *, replaced: Any = ()) -> Any:
    return list(reads)


def ceiling_counts(self: quantity.Quantity, line_pack: Any = None) -> Any:
    number = self.value if self.value is not None else self.least or self.most
    return None if self.bound == "band" else self._amount(number, line_pack)


def greatest_of_range(self: quantity.Quantity, line_pack: Any = None) -> Any:
    number = self.value if self.value is not None else self.most or self.least
    return None if self.bound in ("band", "up_to") else self._amount(number, line_pack)


def not_limited(accepted: Any, commitment: Any, versions_: Any) -> Any:
    return accepted, False


def all_lines(lines: Any) -> Any:
    return list(lines)


def unread_refs(found: Any, rules: Any) -> list[str]:
    return []


def nobody_replaced(reads: list[Read]) -> Any:
    return [read for read in reads if read.facts is not None]


def last_line_only(read: Read, line: str | None) -> bool:
    return not isinstance((read.facts or {}).get("lines"), list)


def no_tally(found: Sorted) -> Tally:
    return Tally()


def no_room(self: Any, key: Any, cell: Any, counted: Any, versions_: Any) -> None:
    return None


def own_commitment_only(self: Any, read: Read) -> bytes | None:
    return read.refs.target


MUTANTS: dict[str, tuple[Mutant, str]] = {
    "adds up reports of one truck": (
        with_other((carriage, "count_once", summed)),
        "12/one-truck-two-receivers",
    ),
    "ignores waybills": (
        with_other((carriage, "count_once", counted_twice)),
        "12/steward-before-receiver",
    ),
    "gives every reporter the same authority": (
        with_other((carriage, "count_once", flat)),
        "12/steward-before-receiver",
    ),
    "lets anybody confirm": (
        with_other((carriage.Ruling, "receiving", everybody)),
        "12/corrected-receipt",
    ),
    "lets anybody send": (
        with_other((carriage.Ruling, "carrying", everybody)),
        "12/dispatch-before-decision",
    ),
    "lets people confirm their own goods": (
        with_other((carriage.Ruling, "is_own", never)),
        "12/own-receipts",
    ),
    "takes no waybill for a promise": (
        with_other((carriage.Shipments, "commitment_of", own_commitment_only)),
        "12/waybill-finds-promise",
    ),
    "counts damaged goods": (
        with_other((carriage, "_COUNTED_CONDITIONS", (None, "ok", "short", "damaged"))),
        "12/conditions",
    ),
    "lets a loss eat into other trucks": (
        with_other((carriage.Shipments, "amount", no_room)),
        "12/loss-has-room",
    ),
    "lets anybody revise and decide": (
        with_other((stewards.StewardChain, "position", everybody)),
        "12/stranger-decides",
    ),
    "takes corrections of corrections": (
        with_other((Sorted, "is_bad_correction", never)),
        "12/bad-corrections",
    ),
    "orders by id alone": (with_other((Read, "rank", by_id)), "12/concurrent-decisions"),
    "ignores replaces": (with_other((sorting, "heads", keep_replaced)), "12/replaced-decision"),
    "ignores replaces of dates": (
        with_other((reduce, "valid_until", lambda found, root, chain: versions.time_of(
            max(found.of("reconfirm/1") or [root], key=chain.rank).facts, "valid_until"))),
        "12/replaced-reconfirmation",
    ),
    "takes raised commitments": (with_other((promises, "_raised", never)), "12/commitment-raised"),
    "doesn't limit what was accepted": (
        with_other((promises, "_limited", not_limited)),
        "12/commitment-reduced",
    ),
    "takes fulfilled for withdrawn": (
        with_other((promises, "KEPT", "kept")),
        "12/closing-that-withdraws-nothing",
    ),
    "takes any commitment for the one decided on": (
        with_other((promises, "_decides", always)),
        "12/basis-mismatch",
    ),
    "knows no pack of a line": (
        with_other((quantity.Quantity, "_holding", without_pack)),
        "12/pack-of-the-line",
    ),
    "applies a pack to any unit": (
        with_other((quantity.Quantity, "_holding", any_pack)),
        "12/quantity-pack-for-another-unit",
    ),
    "takes the pack in force": (
        with_other((versions.Versions, "pack", pack_in_force)),
        "12/pack-of-the-line",
    ),
    "takes a ceiling for an amount": (
        with_other((quantity.Quantity, "stated", ceiling_counts)),
        "12/quantity-up-to",
    ),
    "takes the greatest of a range": (
        with_other((quantity.Quantity, "stated", greatest_of_range)),
        "12/quantity-range",
    ),
    "converts counting words": (
        with_other((quantity, "dimension_of", lambda unit: "kg")),
        "12/boxes-against-kilograms",
    ),
    "expires a millisecond late": (
        with_other((thing_view, "is_over", after)),
        "12/expiry-to-the-millisecond",
    ),
    "counts closed lines": (
        with_other((thing_view, "_counted_lines", all_lines)),
        "12/closed-line-owes",
    ),
    "closes only what a record names whole": (
        with_other((versions, "covers", last_line_only)),
        "12/all-lines-closed",
    ),
    "flags no changed line": (
        with_other((reduce, "changed_lines", lambda _: ())),
        "12/line-changed",
    ),
    "lets others take checks back": (
        with_other((verification, "_standing", lambda reads: [
            read for read in reads if read.facts is not None and not any(
                read.id in other.refs.replaces for other in reads)])),
        "12/check-not-taken-back-by-others",
    ),
    "keeps every check fresh": (
        with_other((verification, "checked_digest", lambda *_: None)),
        "12/checked",
    ),
    "interprets nothing of unknown types as pending": (
        with_other((sorting, "NOT_INTERPRETED", NOT_INTERPRETED - {"post/1"})),
        "12/standings",
    ),
    "reads records without their refs": (
        with_other((reading, "missing_refs", unread_refs)),
        "12/facts-no-refs-decision",
    ),
    "takes the last copy of a record": (with_other((reduce, "merged", merged_last)), "12/copies"),
    "counts nothing for coverage": (with_other((reduce, "_tally", no_tally)), "12/standings"),
    "leaves the fold version out": (
        with_other((digests, "FOLD_VERSION", 2)),
        "12/pledges-exceed",
    ),
    "mixes claims into the fold digest": (
        with_other((digests, "_settled_line", digests._claimed_line)),
        "12/pledges-exceed",
    ),
    "says whom it holds wrongly": (
        with_other((state, "coverage_of", lambda tallies: coverage.coverage_of([]))),
        "12/decision-without-commitment",
    ),
}  # fmt: skip


@cache
def cases() -> dict[str, Case]:
    return {case.id: case for case in load(only="12")}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_vector_that_is_named_catches_each_wrong_fold(name: str) -> None:
    """Threats 16, 21, 42, 48."""
    mutant, vector = MUTANTS[name]
    case = cases()[vector]
    assert same(harness.answer(case.request), case.expect)
    assert not same(mutant(case.request), case.expect)


def test_the_core_answers_every_vector_as_it_says() -> None:
    wrong = [
        case.id for case in cases().values() if not same(harness.answer(case.request), case.expect)
    ]
    assert wrong == []
