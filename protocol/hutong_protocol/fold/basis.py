"""What one thing comes to before anybody asks at which instant. Spec: 12.13 to 12.18.

Owns the values between `reduce` and `view`: everything that depends on the records of a thing and
not on `as_of`. A store keeps a basis for each thing, replaces it when a record of that thing
comes, and makes views from it; `basis_codec` is its form as bytes. Amounts are whole numbers of
10^-15 of the dimension's base unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hutong_protocol.fold.flags import Flag
from hutong_protocol.fold.records import ThingKey


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one commitment (None: of none) on one line, in one dimension. Spec: 12.15."""

    commitment: bytes | None
    dimension: str
    accepted: int = 0
    dispatched: int = 0
    received: int = 0
    lost: int = 0
    delivered: int = 0


@dataclass(frozen=True, slots=True)
class Promise:
    """One commitment as its author and the steward left it. Spec: 12.15.

    `line`, `dimension`, `units` and `ceiling` are what it promises itself; None where it isn't held
    or says nothing measurable. `outcome` is that of the decision: empty for none, `unknown` when
    its facts are gone. `provider` is None for a party without a node.
    """

    id: bytes
    author: bytes | None
    provider: bytes | None
    proxy: bool
    held: bool
    withdrawn: bool
    outcome: str
    line: str | None
    dimension: str | None
    units: int | None
    ceiling: int | None
    valid_until_ms: int | None
    eta_ms: int | None
    decided_line: str | None
    confirmers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class LineBasis:
    """One line: its definition and the rows of it. Spec: 12.13, 12.15.

    `in_body` says that the revision in force has it, `defined` that some version has it.
    """

    id: str
    kind: str | None
    in_body: bool
    defined: bool
    closed: bool
    dimension: str | None
    target: int | None
    unmeasured: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One group of one verify. Spec: 12.18."""

    line: str | None
    group: str
    by: bytes
    record: bytes
    outcome: str
    method: str
    fresh: bool
    third_party: bool
    checked_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Thing:
    """The state of a thing whose first record is held. Spec: 12.13 to 12.19.

    `named` are the organisations, ascending, without whose records the settled numbers of a need
    may be wrong: those that its stewards name. Spec: 12.22.
    """

    type: str
    author: bytes
    steward: bytes
    revision: bytes
    valid_until_ms: int | None
    closed: bool
    reason: str | None
    lines: tuple[LineBasis, ...] = ()
    promises: tuple[Promise, ...] = ()
    checks: tuple[Check, ...] = ()
    verification: str = "unchecked"
    flags: tuple[Flag, ...] = ()
    named: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts for coverage. Spec: 12.20.1.

    `standing` and `types` are (name, number) pairs in order of name; `types` of records unknown or
    not interpreted. `authors` wrote records; `named` stand in facts of effective ones.
    """

    standing: tuple[tuple[str, int], ...] = ()
    types: tuple[tuple[str, int], ...] = ()
    facts_erased: int = 0
    facts_missing: int = 0
    authors: tuple[bytes, ...] = ()
    named: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ThingBasis:
    """All that the fold keeps of the records of one key. `thing` is None as long as the first
    record of the thing isn't held: then all its records are pending."""

    key: ThingKey
    thing: Thing | None = None
    tally: Tally = field(default_factory=Tally)
