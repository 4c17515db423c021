"""Digests of folded state: equal numbers show as equal digests. Spec: 12.20.

Owns the bytes that are hashed. The fold digest covers what depends only on stewards and those whom
they name, so it is equal wherever the same things of a scope are held; the claims digest covers the
rest and compares only between nodes with the same records.
"""

from __future__ import annotations

from collections.abc import Iterable

from hutong_protocol.encoding import Encodable, encode
from hutong_protocol.fold.records import FOLD_VERSION
from hutong_protocol.fold.thing_view import LineView, Numbers, ThingView
from hutong_protocol.hashing import digest
from hutong_protocol.quantity import amount_text


def thing_digest(view: ThingView) -> bytes:
    """The digest of the settled state of a thing at its instant. Spec: 12.20.2."""
    settled: list[Encodable] = [
        _settled_line(line)
        for line in view.lines
        if line.basis.defined or not _is_settled_zero(line)
    ]
    key, thing = view.key, view.thing
    state: list[Encodable] = [
        FOLD_VERSION,
        key.space,
        key.topic,
        key.id,
        thing.type,
        view.as_of_ms,
        thing.steward,
        view.life,
        thing.reason,
        view.coverage,
        view.delivery,
        settled,
    ]
    return digest("fold-thing", encode(state))


def fold_digest(
    space: str, topic: str, as_of_ms: int, things: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """The fold digest of a scope, from the id and digest of each of its things. Spec: 12.20.3."""
    listed: list[Encodable] = [[identifier, of_thing] for identifier, of_thing in sorted(things)]
    return digest("fold", encode([FOLD_VERSION, space, topic, as_of_ms, listed]))


def claims_digest(space: str, topic: str, as_of_ms: int, views: Iterable[ThingView]) -> bytes:
    """The claims digest of a scope, from the views of all of its things. Spec: 12.20.4."""
    listed: list[Encodable] = [
        [
            view.key.id,
            [_claimed_line(line) for line in view.lines],
            view.thing.verification,
            [flag.as_map() for flag in view.flags],
        ]
        for view in sorted(views, key=lambda view: view.key.id)
    ]
    return digest("claims", encode([FOLD_VERSION, space, topic, as_of_ms, listed]))


def optional_text(units: int | None) -> str | None:
    """An amount as text, None as None. Spec: 12.7.8."""
    return None if units is None else amount_text(units)


def _is_settled_zero(line: LineView) -> bool:
    return all(numbers.is_settled_zero for numbers in (line.numbers, *line.other))


def _settled_line(line: LineView) -> Encodable:
    numbers = line.numbers
    return [
        line.basis.id,
        line.basis.closed,
        numbers.dimension,
        optional_text(numbers.required),
        *_settled_sums(numbers),
        optional_text(numbers.open),
        [
            [other.dimension, *_settled_sums(other)]
            for other in line.other
            if not other.is_settled_zero
        ],
    ]


def _settled_sums(numbers: Numbers) -> list[str]:
    return [amount_text(n) for n in (numbers.accepted, numbers.in_transit, numbers.received)]


def _claimed_line(line: LineView) -> Encodable:
    numbers = line.numbers
    return [
        line.basis.id,
        amount_text(numbers.pledged),
        amount_text(numbers.proxy),
        amount_text(numbers.possible),
        line.unquantified,
        optional_text(numbers.over_promised),
        optional_text(numbers.open_if_all_pledges_hold),
        amount_text(numbers.reported),
        [
            [
                other.dimension,
                *(
                    amount_text(n)
                    for n in (other.pledged, other.proxy, other.possible, other.reported)
                ),
            ]
            for other in line.other
            if not other.is_claimed_zero
        ],
    ]
