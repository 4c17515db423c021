"""Checks by others: what was looked at, whether it still is what stands there. Spec: 12.18.

Owns the digests of field groups and the states that follow. A check is bound to what was checked by
a digest, so raising a quantity makes the check of the quantity outdated and leaves that of the
place alone. Nothing is averaged: who said what stays visible.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from hutong_protocol.encoding import Encodable, Value, encode
from hutong_protocol.fold.basis import Check
from hutong_protocol.fold.sorting import Read, Sorted
from hutong_protocol.fold.versions import Version, coded_text, line_maps, time_of
from hutong_protocol.hashing import digest
from hutong_protocol.schema.reading import FactMap

GROUPS: Final = ("exists", "place", "quantity", "reachable", "urgency")
"""The field groups, ascending. Those without a digest bind to nothing."""

_WORST_FIRST: Final = ("disputed", "refuted", "outdated", "partly", "follow_up", "confirmed")
UNCHECKED: Final = "unchecked"


def checked_digest(group: str, line: str | None, body: Mapping[str, Value]) -> bytes | None:
    """The digest that a verify of `group` states for this body; None if there is nothing to bind.

    Args:
        group: `place`, `quantity` or `urgency`.
        line: the line checked, None for the whole.
        body: facts of a need or offer.

    Spec: 12.18.1.
    """
    value: Encodable
    if group == "place":
        value = body.get("place")
    elif group == "urgency":
        value = {name: body[name] for name in ("urgency", "needed_by") if name in body}
    else:
        by_line = {str(entry["id"]): entry["quantity"] for entry in line_maps(dict(body))}
        if line is not None:
            value = by_line.get(line)
        else:
            value = [[identifier, by_line[identifier]] for identifier in sorted(by_line)]
    if value is None:
        return None
    return digest("checked", encode([group, line or "", value]))


def checks_of(
    found: Sorted, version: Version, insiders: frozenset[bytes]
) -> tuple[tuple[Check, ...], str]:
    """The latest check of each author for each line and group, and the state of the thing.

    Args:
        version: the version in force.
        insiders: those whose check is no third party's.
    """
    latest: dict[tuple[bytes, str | None, str], Read] = {}
    for read in _standing(found.of("verify/1")):
        for group in _groups(read.facts):
            slot = (read.org, _line(read.facts), group)
            if slot not in latest or latest[slot].rank() < read.rank():
                latest[slot] = read
    checks = [
        _check(read, line, group, version, insiders) for (_, line, group), read in latest.items()
    ]
    checks.sort(key=lambda check: (check.line or "", check.group, check.by))
    return tuple(checks), _state(checks)


def _standing(reads: list[Read]) -> Iterable[Read]:
    """Those with facts that no other of the same author replaces."""
    replaced: dict[bytes, set[bytes]] = defaultdict(set)
    for read in reads:
        replaced[read.org] |= read.refs.replaces - {read.id}
    return [read for read in reads if read.facts is not None and read.id not in replaced[read.org]]


def _groups(facts: FactMap | None) -> list[str]:
    checked = (facts or {}).get("checked")
    return [group for group in GROUPS if isinstance(checked, dict) and group in checked]


def _line(facts: FactMap | None) -> str | None:
    line = (facts or {}).get("line")
    return line if isinstance(line, str) else None


def _check(
    read: Read, line: str | None, group: str, version: Version, insiders: frozenset[bytes]
) -> Check:
    facts = read.facts or {}
    checked = facts["checked"]
    assert isinstance(checked, dict)
    bound = checked[group]
    fresh = bound is True or (
        version.body is not None and bound == checked_digest(group, line, version.body)
    )
    return Check(
        line=line,
        group=group,
        by=read.org,
        record=read.id,
        outcome=str(facts["outcome"]),
        method=coded_text(facts["method"]),
        fresh=fresh,
        third_party=read.org not in insiders,
        checked_at_ms=time_of(facts, "checked_at"),
    )


def _state(checks: Iterable[Check]) -> str:
    """Spec: 12.18.4."""
    slots: dict[tuple[str | None, str], list[Check]] = defaultdict(list)
    for check in checks:
        slots[check.line, check.group].append(check)
    states = {_slot_state(group) for group in slots.values()}
    return next((state for state in _WORST_FIRST if state in states), UNCHECKED)


def _slot_state(checks: list[Check]) -> str:
    outcomes = {check.outcome for check in checks if check.fresh}
    if not outcomes:
        return "outdated"
    if "refuted" in outcomes:
        return "disputed" if outcomes & {"confirmed", "partly"} else "refuted"
    return next((word for word in ("partly", "confirmed") if word in outcomes), "follow_up")
