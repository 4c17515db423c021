"""Flags: what a thing says about itself where its numbers alone would hide something. Spec: 12.19.

A flag never changes a number. Each stands once; ids in it are hex, so that it has one form in JSON,
in digests and on a screen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hutong_protocol.encoding import encode


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag; the other fields are None where they don't apply. Spec: 12.21.8.

    `record` and `amount` are text (12.7.8) already; `type` is the type of the records counted.
    """

    flag: str
    line: str | None = None
    record: str | None = None
    type: str | None = None
    count: int | None = None
    amount: str | None = None

    def as_map(self) -> dict[str, str | int]:
        """The fields that apply."""
        fields: dict[str, str | int | None] = {
            "flag": self.flag,
            "line": self.line,
            "record": self.record,
            "type": self.type,
            "count": self.count,
            "amount": self.amount,
        }
        return {name: value for name, value in fields.items() if value is not None}


def in_order(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """Each flag once, by the bytes of its encoding. Spec: 12.21.1."""
    return tuple(sorted(set(flags), key=lambda flag: encode(flag.as_map())))
