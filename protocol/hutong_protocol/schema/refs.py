"""What the positions of a header's `refs` mean, the same in every record type. Spec: 12.2.

Owns the position numbers, which of them a type uses, and the reading of `refs` by position. That
the named records exist and are what they should be is the fold's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal, TypeAlias

from hutong_protocol.schema.problems import Problem


class Position(IntEnum):
    """A position in `refs`. Spec: 12.2.2."""

    THING = 0
    LINK = 1
    REVISION = 2
    FIRST = 3
    TARGET = 4
    DISPATCH = 5
    REPLACES = 6
    """The first of four."""


REPLACES_MAX: Final = 4

Use: TypeAlias = Literal["R", "o", "-"]
"""Required, optional, not used."""


@dataclass(frozen=True, slots=True)
class RefRules:
    """Which positions a record type uses. Spec: 12.2.3.

    `link_or_target`: the link is required unless there is a target (`close`, `reopen`).
    """

    thing: Use = "-"
    link: Use = "-"
    revision: Use = "-"
    first: Use = "-"
    target: Use = "-"
    dispatch: Use = "-"
    replaces: bool = False
    link_or_target: bool = False

    def use(self, position: Position) -> Use:
        """How the type uses one of the fixed positions."""
        uses: tuple[Use, ...] = (
            self.thing, self.link, self.revision, self.first, self.target, self.dispatch,
        )  # fmt: skip
        return uses[position]


@dataclass(frozen=True, slots=True)
class Refs:
    """The record ids of a header by position; None and empty for none. Spec: 12.2.2."""

    thing: bytes | None = None
    link: bytes | None = None
    revision: bytes | None = None
    first: bytes | None = None
    target: bytes | None = None
    dispatch: bytes | None = None
    replaces: frozenset[bytes] = frozenset()


_FIXED: Final = tuple(position for position in Position if position is not Position.REPLACES)


def read_refs(refs: Sequence[bytes], rules: RefRules) -> Refs:
    """The ids at the positions that the type uses; positions that it doesn't use are none."""

    def at(position: Position) -> bytes | None:
        if position >= len(refs) or rules.use(position) == "-":
            return None
        return refs[position] or None

    start = Position.REPLACES
    listed = refs[start : start + REPLACES_MAX] if rules.replaces else ()
    return Refs(
        thing=at(Position.THING),
        link=at(Position.LINK),
        revision=at(Position.REVISION),
        first=at(Position.FIRST),
        target=at(Position.TARGET),
        dispatch=at(Position.DISPATCH),
        replaces=frozenset(entry for entry in listed if entry),
    )


def missing_refs(refs: Refs, rules: RefRules) -> list[str]:
    """The names of the required positions that are none: with any, a record is unreadable."""
    values = (refs.thing, refs.link, refs.revision, refs.first, refs.target, refs.dispatch)
    missing = [
        position.name.lower()
        for position in _FIXED
        if rules.use(position) == "R" and values[position] is None
    ]
    if rules.link_or_target and refs.link is None and refs.target is None:
        missing.append("link")
    return missing


def write_refs(refs: Refs) -> tuple[bytes, ...]:
    """The header's `refs` for these ids: none as the empty bin, and none at the end left out.

    `replaces` is written in ascending order. Spec: 5.2, 12.2.2.
    """
    fixed = (refs.thing, refs.link, refs.revision, refs.first, refs.target, refs.dispatch)
    entries = [entry or b"" for entry in fixed] + sorted(refs.replaces)
    while entries and not entries[-1]:
        entries.pop()
    return tuple(entries)


def refs_problems(refs: Sequence[bytes], rules: RefRules) -> list[Problem]:
    """What an author may not write. Spec: 12.2.3, 12.6.4."""
    found = [
        Problem(f"refs[{Position[name.upper()].value}]", f"names the {name}, required")
        for name in missing_refs(read_refs(refs, rules), rules)
    ]
    for number, entry in enumerate(refs):
        if not entry:
            continue
        if number < Position.REPLACES:
            unused = rules.use(Position(number)) == "-"
        else:
            unused = not rules.replaces or number >= Position.REPLACES + REPLACES_MAX
        if unused:
            found.append(Problem(f"refs[{number}]", "is not used by this type"))
    both = len(refs) > Position.TARGET and refs[Position.TARGET] and refs[Position.LINK]
    if rules.link_or_target and both:
        found.append(Problem("refs[1]", "is none when a target is closed or reopened"))
    return found
