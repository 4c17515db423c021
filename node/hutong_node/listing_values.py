"""What lists are asked for and answer with: places in an order, wishes, pages, counts.

Owns the values between the tables of `listing` and whoever shows them; `listing_reading` makes
them. The order of every list is by urgency, then by when something is due, then by id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from hutong_node.listing import Role, State
from hutong_protocol.exchange import Scope
from hutong_protocol.fold import ThingBasis


class Position(NamedTuple):
    """A place in the order of a list."""

    urgency: int
    due_ms: int
    id: bytes


class Listed(NamedTuple):
    """A thing in a list: under which organisation, where in the order, its number."""

    org: bytes
    at: Position
    thing: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is about. None means any; `place` and `incident` are names of facets."""

    role: Role
    states: tuple[State, ...] = (State.OPEN,)
    place: str | None = None
    incident: str | None = None
    org: bytes | None = None
    urgency: int | None = None
    coverage: int | None = None
    verification: int | None = None

    @property
    def scans(self) -> bool:
        """Whether rows are looked at that then don't pass."""
        both = self.place is not None and self.incident is not None
        return both or self.coverage is not None or self.verification is not None


class LeftOut(NamedTuple):
    """Things of one organisation that a page leaves out, between its last one shown and the end
    of the page; `things` stops counting somewhere."""

    org: bytes
    after: Position
    things: int


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page. `total` is None where it isn't known; `partly` are those not looked at to the end."""

    rows: tuple[Listed, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    after: Position | None = None
    total: int | None = 0
    organisations: int = 0
    partly: tuple[bytes, ...] = ()


class Stream(NamedTuple):
    """The rows of one organisation in one scope and state: a beginning of the key of `listed`."""

    facet: int
    scope: int
    role: int
    state: int
    party: int
    things: int


class Tally(NamedTuple):
    """How many things an organisation has in a scope, in a role and state."""

    org: bytes
    scope: Scope
    role: Role
    state: State
    things: int


@dataclass(frozen=True, slots=True)
class StoredThing:
    """A thing as the index has it; `said_ms` is the latest time that one of its records claims."""

    thing: int
    scope: Scope
    basis: ThingBasis
    said_ms: int
    records: int = 0
