"""A basis as bytes and back, for stores that keep one for each thing. Spec: none: local.

Owns a private form in Hutong-mp that is never sent or hashed. It carries the fold version: a store
that finds another one reduces the thing again, so nothing needs to be migrated.
"""

from __future__ import annotations

from typing import Any, Final

from hutong_protocol.encoding import Encodable, decode, encode
from hutong_protocol.fold.basis import Check, LineBasis, Promise, Row, Tally, Thing, ThingBasis
from hutong_protocol.fold.flags import Flag
from hutong_protocol.fold.records import FOLD_VERSION, ThingKey

_FORM: Final = 2
_BYTES_MAX: Final = 1 << 30
"""Our own bytes are read back: the limit only says that there is one."""


def encode_basis(basis: ThingBasis) -> bytes:
    """The bytes of a basis; `decode_basis` gives it back."""
    tally = basis.tally
    value: list[Encodable] = [
        _FORM,
        FOLD_VERSION,
        list(basis.key),
        None if basis.thing is None else _thing_value(basis.thing),
        [
            [[name, number] for name, number in tally.standing],
            [[name, number] for name, number in tally.types],
            tally.facts_erased,
            tally.facts_missing,
            list(tally.authors),
            list(tally.named),
        ],
    ]
    return encode(value)


def decode_basis(data: bytes) -> ThingBasis | None:
    """The basis in bytes that `encode_basis` made; None if another version made them."""
    value: Any = decode(data, bytes_max=_BYTES_MAX)
    if value[:2] != [_FORM, FOLD_VERSION]:
        return None
    _, _, key, thing, tally = value
    return ThingBasis(
        key=ThingKey(*key),
        thing=None if thing is None else _thing_of(thing),
        tally=Tally(
            standing=tuple((name, number) for name, number in tally[0]),
            types=tuple((name, number) for name, number in tally[1]),
            facts_erased=tally[2],
            facts_missing=tally[3],
            authors=tuple(tally[4]),
            named=tuple(tally[5]),
        ),
    )


def _thing_value(thing: Thing) -> Encodable:
    return [
        thing.type,
        thing.author,
        thing.steward,
        thing.revision,
        _wide(thing.valid_until_ms),
        thing.closed,
        thing.reason,
        [_line_value(line) for line in thing.lines],
        [_promise_value(promise) for promise in thing.promises],
        [
            [c.line, c.group, c.by, c.record, c.outcome, c.method, c.fresh, c.third_party,
             _wide(c.checked_at_ms)]
            for c in thing.checks
        ],
        thing.verification,
        [[f.flag, f.line, f.record, f.type, f.count, f.amount] for f in thing.flags],
        list(thing.named),
    ]  # fmt: skip


def _thing_of(value: list[Any]) -> Thing:
    return Thing(
        type=value[0],
        author=value[1],
        steward=value[2],
        revision=value[3],
        valid_until_ms=_narrow(value[4]),
        closed=value[5],
        reason=value[6],
        lines=tuple(_line_of(line) for line in value[7]),
        promises=tuple(_promise_of(promise) for promise in value[8]),
        checks=tuple(_check_of(check) for check in value[9]),
        verification=value[10],
        flags=tuple(Flag(*flag) for flag in value[11]),
        named=tuple(value[12]),
    )


def _line_value(line: LineBasis) -> Encodable:
    return [
        line.id,
        line.kind,
        line.in_body,
        line.defined,
        line.closed,
        line.dimension,
        _wide(line.target),
        line.unmeasured,
        [
            [row.commitment, row.dimension, _wide(row.accepted), _wide(row.dispatched),
             _wide(row.received), _wide(row.lost), _wide(row.delivered)]
            for row in line.rows
        ],
    ]  # fmt: skip


def _line_of(value: list[Any]) -> LineBasis:
    rows = tuple(Row(row[0], row[1], *(_narrow(units) for units in row[2:])) for row in value[8])
    fields: list[Any] = [*value[:6], _narrow(value[6]), value[7], rows]
    return LineBasis(*fields)


def _check_of(value: list[Any]) -> Check:
    fields: list[Any] = [*value[:-1], _narrow(value[-1])]
    return Check(*fields)


def _promise_value(p: Promise) -> Encodable:
    return [
        p.id, p.author, p.provider, p.proxy, p.held, p.withdrawn, p.outcome, p.line, p.dimension,
        _wide(p.units), _wide(p.ceiling), _wide(p.valid_until_ms), _wide(p.eta_ms),
        p.decided_line, list(p.confirmers),
    ]  # fmt: skip


def _promise_of(value: list[Any]) -> Promise:
    numbers = (_narrow(number) for number in value[9:13])
    fields: list[Any] = [*value[:9], *numbers, value[13], tuple(value[14])]
    return Promise(*fields)


def _wide(number: int | None) -> str | None:
    """Amounts go beyond the integers of Hutong-mp, so they are kept as text."""
    return None if number is None else str(number)


def _narrow(text: Any) -> Any:
    return None if text is None else int(text)
