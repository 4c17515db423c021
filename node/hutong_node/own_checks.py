"""What a release says in public about how a draft was checked. Spec: 12.18, 13.1.2.

Owns which field groups the organisation's own `verify` names. Without a word about what was looked
at, a desk check confirms what stands in the row, bound by digest: the place, the quantity, the
urgency, each only if the row has it. That a need exists and that somebody can be reached can't be
read off a row: this is confirmed only where somebody was asked or was there, or says so himself.
Only needs and offers are checked; where nothing is left to confirm, no check is signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from hutong_node.backing import DESK
from hutong_protocol.encoding import Value
from hutong_protocol.fold import checked_digest

BOUND_GROUPS: Final = ("place", "quantity", "urgency")
"""What a check is bound to by its digest: what was read is what stands there."""
UNBOUND_GROUPS: Final = ("exists", "reachable")
"""What binds to nothing in the record, and isn't in the row either."""
_CHECKED_TYPES: Final = frozenset({"need/1", "offer/1"})


def groups_of(method: str, named: Sequence[str] | None) -> tuple[str, ...]:
    """The groups that a check by this method is about: those named, or what the method allows."""
    if named is not None:
        return tuple(named)
    return BOUND_GROUPS if method == DESK else ("exists", *BOUND_GROUPS)


def confirmed(
    type_name: str, facts: Mapping[str, Value], groups: Iterable[str]
) -> dict[str, Value]:
    """The `checked` of a verify of these facts; empty where nothing can be confirmed."""
    if type_name not in _CHECKED_TYPES:
        return {}
    found: dict[str, Value] = {}
    for group in groups:
        if group in UNBOUND_GROUPS:
            found[group] = True
        elif _is_stated(group, facts):
            bound = checked_digest(group, None, facts)
            if bound is not None:
                found[group] = bound
    return found


def _is_stated(group: str, facts: Mapping[str, Value]) -> bool:
    """Whether the facts say anything that could be confirmed in this group."""
    if group == "urgency":
        return "urgency" in facts or "needed_by" in facts
    if group == "quantity":
        return any(_has_amount(line) for line in _maps(facts.get("lines")))
    return group in facts


def _has_amount(line: Mapping[str, Value]) -> bool:
    quantity = line.get("quantity")
    return isinstance(quantity, dict) and quantity.get("bound") != "unknown"


def _maps(value: Value | None) -> list[dict[str, Value]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
