"""A thing at an instant: its numbers, axes, and who is waited for. Spec: 12.15, 12.17, 12.19.

Owns everything that compares something with `as_of`. Views are cheap: a store makes them from the
basis when somebody asks, and nothing of them is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from hutong_protocol.encoding import encode
from hutong_protocol.fold.basis import Check, LineBasis, Promise, Row, Thing, ThingBasis
from hutong_protocol.fold.flags import Flag, in_order
from hutong_protocol.fold.records import ThingKey


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a line in one dimension, in amounts. Spec: 12.15.

    `required`, `open` and the two that compare with a target are None without one.
    """

    dimension: str | None
    required: int | None = None
    accepted: int = 0
    in_transit: int = 0
    received: int = 0
    open: int | None = None
    pledged: int = 0
    proxy: int = 0
    possible: int = 0
    over_promised: int | None = None
    open_if_all_pledges_hold: int | None = None
    reported: int = 0

    @property
    def is_settled_zero(self) -> bool:
        """Whether the settled sums are all zero."""
        return not (self.accepted or self.in_transit or self.received)

    @property
    def is_claimed_zero(self) -> bool:
        """Whether the claimed sums are all zero."""
        return not (self.pledged or self.proxy or self.possible or self.reported)


@dataclass(frozen=True, slots=True)
class PromiseView:
    """A commitment on one line at an instant. Spec: 12.21.6."""

    promise: Promise
    state: str
    overdue: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class LineView:
    """A line at an instant. Spec: 12.21.5."""

    basis: LineBasis
    numbers: Numbers
    other: tuple[Numbers, ...]
    unquantified: int
    promises: tuple[PromiseView, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who is waited for. Spec: 12.19.2."""

    who: bytes
    what: str
    line: str | None = None
    commitment: bytes | None = None

    def as_map(self) -> dict[str, str]:
        """The fields that apply, ids as hex."""
        fields = {
            "who": self.who.hex(),
            "what": self.what,
            "line": self.line,
            "commitment": None if self.commitment is None else self.commitment.hex(),
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ThingView:
    """A thing at an instant. `coverage` and `delivery` are None for things other than needs."""

    key: ThingKey
    as_of_ms: int
    thing: Thing
    life: str
    coverage: str | None
    delivery: str | None
    lines: tuple[LineView, ...]
    waiting_on: tuple[Waiting, ...]
    flags: tuple[Flag, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks that stand. Spec: 12.18.3."""
        return self.thing.checks


def view(basis: ThingBasis, as_of_ms: int) -> ThingView | None:
    """The thing at an instant; None as long as its first record isn't held."""
    thing = basis.thing
    if thing is None:
        return None
    lines = tuple(_line_view(thing, line, as_of_ms) for line in thing.lines)
    is_need = thing.type == "need/1"
    if thing.closed:
        life = "closed"
    else:
        life = "expired" if is_over(thing.valid_until_ms, as_of_ms) else "active"
    overdue = (
        Flag("overdue", line=line.basis.id, record=entry.promise.id.hex())
        for line in lines
        for entry in line.promises
        if entry.overdue
    )
    return ThingView(
        key=basis.key,
        as_of_ms=as_of_ms,
        thing=thing,
        life=life,
        coverage=_coverage(lines) if is_need else None,
        delivery=_delivery(lines) if is_need else None,
        lines=lines,
        waiting_on=_in_order(_waiting(thing, life, lines)),
        flags=in_order((*thing.flags, *overdue)),
    )


def is_over(instant_ms: int | None, as_of_ms: int) -> bool:
    """Whether a time is over; one that nobody stated never is. Spec: 12.9.2."""
    return instant_ms is not None and as_of_ms >= instant_ms


def _line_view(thing: Thing, line: LineBasis, as_of_ms: int) -> LineView:
    promises = tuple(_promise_views(thing, line, as_of_ms))
    undecided = [
        entry.promise
        for entry in promises
        if entry.state in ("undecided", "waiting") and entry.promise.line == line.id
    ]
    dimensions = {row.dimension for row in line.rows}
    dimensions |= {p.dimension for p in undecided if p.dimension is not None}
    numbers = _numbers(line, line.dimension, line.target, undecided)
    others = (
        _numbers(line, dimension, None, undecided)
        for dimension in sorted(dimensions - {line.dimension})
    )
    return LineView(
        basis=line,
        numbers=numbers,
        other=tuple(n for n in others if not (n.is_settled_zero and n.is_claimed_zero)),
        unquantified=sum(p.held and p.units is None and p.ceiling is None for p in undecided),
        promises=promises,
    )


def _promise_views(thing: Thing, line: LineBasis, as_of_ms: int) -> Iterator[PromiseView]:
    by_commitment: dict[bytes | None, list[Row]] = defaultdict(list)
    for row in line.rows:
        by_commitment[row.commitment].append(row)
    for promise in thing.promises:
        rows = tuple(by_commitment.get(promise.id, ()))
        if not rows and line.id not in (promise.line, promise.decided_line):
            continue
        owing = any(row.accepted > row.received + row.lost for row in rows)
        due = promise.valid_until_ms if promise.eta_ms is None else promise.eta_ms
        overdue = owing and is_over(due, as_of_ms)
        yield PromiseView(promise, _state(promise, as_of_ms), overdue, rows)


def _state(promise: Promise, as_of_ms: int) -> str:
    """Spec: 12.21.6."""
    if promise.withdrawn:
        return "withdrawn"
    decided = {"accept": "accepted", "decline": "declined", "release": "released"}
    if promise.outcome in decided:
        return decided[promise.outcome]
    if promise.outcome == "unknown":
        return "unknown"
    if is_over(promise.valid_until_ms, as_of_ms):
        return "expired"
    return "waiting" if promise.outcome == "wait" else "undecided"


def _numbers(
    line: LineBasis, dimension: str | None, target: int | None, undecided: list[Promise]
) -> Numbers:
    """Spec: 12.15. `undecided` are the promises on this line that nobody decided."""
    rows = [row for row in line.rows if row.dimension == dimension]
    pending = [p for p in undecided if p.dimension == dimension and dimension is not None]
    own = {p.id: p.units for p in pending if p.units is not None}
    accepted = sum(row.accepted for row in rows)
    received = sum(row.received for row in rows)
    pledged = accepted + sum(p.units or 0 for p in pending if not p.proxy)
    proxy = sum(p.units or 0 for p in pending if p.proxy)
    still_due = sum(_rest(row.accepted, row) for row in rows if row.commitment is not None)
    arrived = {row.commitment: row for row in rows if row.commitment is not None}
    hoped = sum(
        _rest(row.accepted + own.get(row.commitment or b"", 0), row) for row in arrived.values()
    ) + sum(units for identifier, units in own.items() if identifier not in arrived)
    without_target = Numbers(
        dimension=dimension,
        accepted=accepted,
        in_transit=sum(_rest(row.dispatched, row) for row in arrived.values()),
        received=received,
        pledged=pledged,
        proxy=proxy,
        possible=sum(p.ceiling or 0 for p in pending),
        reported=sum(_rest(row.delivered, row) for row in arrived.values()),
    )
    if target is None:
        return without_target
    return Numbers(
        dimension=dimension,
        required=target,
        accepted=accepted,
        in_transit=without_target.in_transit,
        received=received,
        open=max(0, target - received - still_due),
        pledged=pledged,
        proxy=proxy,
        possible=without_target.possible,
        over_promised=max(0, pledged + proxy - target),
        open_if_all_pledges_hold=max(0, target - received - hoped),
        reported=without_target.reported,
    )


def _rest(units: int, row: Row) -> int:
    """What of `units` has neither arrived nor been lost."""
    return max(0, units - row.received - row.lost)


def _counted_lines(lines: Iterable[LineView]) -> list[LineView]:
    """Spec: 12.17.2."""
    body = [line for line in lines if line.basis.in_body]
    return [line for line in body if not line.basis.closed] or body


def _coverage(lines: Iterable[LineView]) -> str:
    """Spec: 12.17.3."""
    counted = _counted_lines(lines)
    wanted = [line.numbers for line in counted if line.numbers.required]
    if wanted:
        return _summary(wanted, lambda n: n.open == 0, lambda n: n.open == n.required)
    if not counted or any(line.numbers.required is None for line in counted):
        return "no_target"
    return "full"


def _delivery(lines: Iterable[LineView]) -> str:
    """Spec: 12.17.4."""
    states = [_line_delivery(line) for line in _counted_lines(lines) if line.numbers.required != 0]
    if not states:
        return "none"
    return _summary(states, lambda s: s == "full", lambda s: s == "none")


def _line_delivery(line: LineView) -> str:
    required, received = line.numbers.required, line.numbers.received
    if required is not None and received >= required:
        return "full"
    something = received or line.basis.unmeasured or any(n.received for n in line.other)
    return "part" if something else "none"


_T = TypeVar("_T")


def _summary(values: list[_T], full: Callable[[_T], bool], none: Callable[[_T], bool]) -> str:
    if all(full(value) for value in values):
        return "full"
    return "none" if all(none(value) for value in values) else "part"


def _waiting(thing: Thing, life: str, lines: Iterable[LineView]) -> Iterator[Waiting]:
    """Spec: 12.19.2."""
    if life == "expired":
        yield Waiting(thing.steward, "reconfirm")
    for line in lines:
        for entry in line.promises:
            yield from _waiting_on_promise(thing, line.basis, entry)


def _waiting_on_promise(thing: Thing, line: LineBasis, entry: PromiseView) -> Iterator[Waiting]:
    promise, rows = entry.promise, entry.rows
    if not line.closed and promise.held and promise.line == line.id:
        if entry.state in ("undecided", "waiting"):
            yield Waiting(thing.steward, "decide", line.id, promise.id)
        elif entry.state == "expired" and promise.author is not None:
            yield Waiting(promise.author, "renew", line.id, promise.id)
    sender = promise.provider or promise.author
    for row in rows:
        done = row.received + row.lost
        if row.accepted > max(done, row.dispatched, row.delivered) and not line.closed and sender:
            yield Waiting(sender, "send", line.id, promise.id)
        if max(row.dispatched, row.delivered) > done:
            for org in promise.confirmers:
                yield Waiting(org, "confirm", line.id, promise.id)


def _in_order(waiting: Iterable[Waiting]) -> tuple[Waiting, ...]:
    return tuple(sorted(set(waiting), key=lambda entry: encode(entry.as_map())))
