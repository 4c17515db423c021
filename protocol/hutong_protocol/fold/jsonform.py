"""The state of a fold as JSON, and records of a fold from JSON. Spec: 12.21.

Owns the form in which vectors, the harness and the local interface show a fold: ids as hex, amounts
as text in the base unit, absent facts as null, every array in one order.
"""

from __future__ import annotations

from typing import TypeAlias

from hutong_protocol.fold.basis import Check
from hutong_protocol.fold.coverage import Coverage
from hutong_protocol.fold.digests import optional_text, thing_digest
from hutong_protocol.fold.records import FOLD_VERSION
from hutong_protocol.fold.state import FoldState, ScopeState
from hutong_protocol.fold.thing_view import LineView, Numbers, PromiseView, ThingView
from hutong_protocol.quantity import amount_text

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"


def state_json(state: FoldState) -> dict[str, Json]:
    """Spec: 12.21.1."""
    return {
        "fold": FOLD_VERSION,
        "as_of_ms": state.as_of_ms,
        "scopes": [_scope(scope) for scope in state.scopes],
        "things": [thing_json(view) for view in state.things],
        "coverage": coverage_json(state.coverage),
    }


def thing_json(view: ThingView) -> dict[str, Json]:
    """Spec: 12.21.4."""
    thing = view.thing
    return {
        "id": view.key.id.hex(),
        "space": view.key.space,
        "topic": view.key.topic,
        "type": thing.type,
        "author": thing.author.hex(),
        "steward": thing.steward.hex(),
        "revision": thing.revision.hex(),
        "valid_until_ms": thing.valid_until_ms,
        "life": view.life,
        "reason": thing.reason,
        "coverage": view.coverage,
        "delivery": view.delivery,
        "verification": {
            "state": thing.verification,
            "checks": [_check(check) for check in thing.checks],
        },
        "lines": [_line(line) for line in view.lines],
        "waiting_on": [dict(entry.as_map()) for entry in view.waiting_on],
        "flags": [dict(flag.as_map()) for flag in view.flags],
        "digest": thing_digest(view).hex(),
    }


def coverage_json(coverage: Coverage) -> dict[str, Json]:
    """Spec: 12.21.9."""
    return {
        "records": coverage.records,
        "standing": dict(coverage.standing),
        "types": dict(coverage.types),
        "facts_erased": coverage.facts_erased,
        "facts_missing": coverage.facts_missing,
        "organisations": coverage.organisations,
        "not_held": [org.hex() for org in coverage.not_held],
    }


def _scope(scope: ScopeState) -> dict[str, Json]:
    return {
        "space": scope.space,
        "topic": scope.topic,
        "things": scope.things,
        "fold_digest": scope.fold_digest.hex(),
        "claims_digest": scope.claims_digest.hex(),
    }


def _line(line: LineView) -> dict[str, Json]:
    numbers = line.numbers
    return {
        "id": line.basis.id,
        "kind": line.basis.kind,
        "closed": line.basis.closed,
        "dimension": numbers.dimension,
        "required": optional_text(numbers.required),
        "accepted": amount_text(numbers.accepted),
        "in_transit": amount_text(numbers.in_transit),
        "received": amount_text(numbers.received),
        "open": optional_text(numbers.open),
        "pledged": amount_text(numbers.pledged),
        "proxy": amount_text(numbers.proxy),
        "possible": amount_text(numbers.possible),
        "over_promised": optional_text(numbers.over_promised),
        "open_if_all_pledges_hold": optional_text(numbers.open_if_all_pledges_hold),
        "reported": amount_text(numbers.reported),
        "unquantified": line.unquantified,
        "unmeasured": line.basis.unmeasured,
        "other": [_other(other) for other in line.other],
        "commitments": [_promise(line, entry) for entry in line.promises],
    }


def _other(numbers: Numbers) -> dict[str, Json]:
    return {
        "dimension": numbers.dimension,
        "accepted": amount_text(numbers.accepted),
        "in_transit": amount_text(numbers.in_transit),
        "received": amount_text(numbers.received),
        "pledged": amount_text(numbers.pledged),
        "proxy": amount_text(numbers.proxy),
        "possible": amount_text(numbers.possible),
        "reported": amount_text(numbers.reported),
    }


def _promise(line: LineView, entry: PromiseView) -> dict[str, Json]:
    promise = entry.promise
    rows = {row.dimension: row for row in entry.rows}
    dimensions = set(rows)
    promised: dict[str, int] = {}
    if promise.line == line.basis.id and promise.dimension and promise.units is not None:
        promised[promise.dimension] = promise.units
        dimensions.add(promise.dimension)
    amounts: list[Json] = []
    for dimension in sorted(dimensions):
        row = rows.get(dimension)
        amounts.append(
            {
                "dimension": dimension,
                "promised": optional_text(promised.get(dimension)),
                "accepted": amount_text(row.accepted if row else 0),
                "dispatched": amount_text(row.dispatched if row else 0),
                "received": amount_text(row.received if row else 0),
                "lost": amount_text(row.lost if row else 0),
                "reported": amount_text(row.delivered if row else 0),
            }
        )
    return {
        "id": promise.id.hex(),
        "author": None if promise.author is None else promise.author.hex(),
        "provider": None if promise.provider is None else promise.provider.hex(),
        "proxy": promise.proxy,
        "held": promise.held,
        "state": entry.state,
        "overdue": entry.overdue,
        "amounts": amounts,
    }


def _check(check: Check) -> dict[str, Json]:
    return {
        "line": check.line,
        "group": check.group,
        "by": check.by.hex(),
        "record": check.record.hex(),
        "outcome": check.outcome,
        "method": check.method,
        "fresh": check.fresh,
        "third_party": check.third_party,
        "checked_at_ms": check.checked_at_ms,
    }
