"""What each thing contributes to lists: where it stands, under whom, in which order.

Owns the tables of `listing.sql` and everything that is written there. Lists are read by scope,
place or incident, then by what an organisation does there (`Role`) and how the thing stands
(`State`), the most urgent first, then what is due first; so each page is a few short reads, however
much somebody else has written (threat 20). The order goes by what records say and is the same on
every node.

Only codes, ids, times and counts stand here: words come from the store. `expired` is a matter of
time: `turn` moves things when theirs has come. Reading is `listing_reading`'s business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final, Protocol, TypeAlias, cast

from hutong_node.place_levels import levels, parent_of
from hutong_protocol import fold
from hutong_protocol.encoding import Value, decode, encode
from hutong_protocol.fold import ThingBasis, ThingKey, ThingView
from hutong_protocol.instants import instant_ms

TABLES: Final = ("scopes", "parties", "facets", "listed", "counts", "places", "news", "standings")
EVERYTHING: Final = 0
"""The facet in which all things stand."""
PLACE: Final = "place"
INCIDENT_FACET: Final = "incident"
NO_TIME: Final = 2**53 - 1
"""Where nothing says by when: after everything else."""
COVERAGES: Final = ("none", "part", "no_target", "full")
VERIFICATIONS: Final = (
    "unchecked",
    "follow_up",
    "partly",
    "confirmed",
    "outdated",
    "refuted",
    "disputed",
)
URGENCIES: Final = ("immediate", "high", "normal", "low")
_URGENCY_OTHER: Final = len(URGENCIES)
_URGENCY_NONE: Final = _URGENCY_OTHER + 1
_PROMISED: Final = frozenset({"", "wait", "accept"})
"""Outcomes with which a promise still stands."""
_ENTRY_BYTES_MAX: Final = 2**20
_TURN_MAX: Final = 2_000


class Role(IntEnum):
    """What an organisation has to do with a thing."""

    NEED = 1
    OFFER = 2
    PROMISE = 3
    DELIVER = 4
    CHECK = 5
    CARD = 6
    INCIDENT = 7


class State(IntEnum):
    """How a thing stands; a need is COVERED when it is active and nothing of it is open."""

    OPEN = 0
    COVERED = 1
    EXPIRED = 2
    CLOSED = 3


_ROLES: Final[Mapping[str, Role]] = {
    "need/1": Role.NEED,
    "offer/1": Role.OFFER,
    "org/1": Role.CARD,
    "incident/1": Role.INCIDENT,
}
Facet: TypeAlias = tuple[str, str]
"""A kind and a name: a place, or the id of an incident as hex."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How a thing is listed. `checks` are (organisation, record) of those that stand."""

    state: State
    urgency: int
    due_ms: int
    coverage: int
    verification: int
    facets: tuple[Facet, ...]
    roles: tuple[tuple[Role, bytes], ...]
    checks: tuple[tuple[bytes, bytes], ...]


def entry_of(view: ThingView, body: Mapping[str, Value]) -> Entry | None:
    """How a thing is listed by its view and the facts in force; None for types without lists."""
    thing = view.thing
    role = _ROLES.get(thing.type)
    if role is None:
        return None
    roles = {(role, thing.author)}
    for promise in thing.promises:
        who = promise.provider or promise.author
        if who is not None and promise.held and not promise.withdrawn:
            if promise.outcome in _PROMISED:
                roles.add((Role.PROMISE, who))
            rows = [row for line in thing.lines for row in line.rows]
            if any(row.commitment == promise.id and _moved(row) for row in rows):
                roles.add((Role.DELIVER, who))
    roles |= {(Role.CHECK, check.by) for check in thing.checks}
    return Entry(
        state=_state(view),
        urgency=_urgency(body),
        due_ms=_due_ms(role, thing.valid_until_ms, body),
        coverage=COVERAGES.index(view.coverage) if view.coverage in COVERAGES else 0,
        verification=VERIFICATIONS.index(thing.verification),
        facets=tuple(_facets(role, body)),
        roles=tuple(sorted(roles)),
        checks=tuple(sorted({(check.by, check.record) for check in thing.checks})),
    )


class Connection(Protocol):
    """What these tables are asked through: the connection that `indexing` has opened."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any:
        """One statement; rows to iterate over."""
        ...

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        """One statement for each of the parameters."""
        ...


class Listing:
    """The tables, on the connection of the index; every call is inside its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers: dict[tuple[str, str | bytes], int] = {}

    def forget_numbers(self) -> None:
        """Drops what is remembered of the tables, after they were emptied or rolled back."""
        self._numbers.clear()

    def put(
        self,
        thing: int,
        basis: ThingBasis,
        body: Mapping[str, Value],
        rows: Mapping[bytes, int],
        *,
        said_ms: int,
        as_of_ms: int,
    ) -> None:
        """Lists a thing as it is now.

        Args:
            thing: its number in the index.
            rows: the row in the store of each of its records, by id.
            said_ms: the latest time that one of its records claims to be of.
        """
        view = fold.view(basis, as_of_ms)
        entry = None if view is None else entry_of(view, body)
        before = self._taken_out(thing)
        if entry is None or basis.thing is None:
            self._change(thing, basis.key.id, before, None)
            self._connection.execute("DELETE FROM standings WHERE thing = ?", (thing,))
            return
        newest = max(rows.values(), default=0)
        standing = self._standing(basis.key, entry, rows, newest)
        self._change(thing, basis.key.id, before, standing)
        self._connection.execute(
            "INSERT OR REPLACE INTO standings VALUES (?, ?, ?, ?, ?)",
            (thing, standing.state, basis.thing.valid_until_ms, said_ms, standing.encoded()),
        )

    def is_time(self, as_of_ms: int) -> bool:
        """Whether `turn` would change anything."""
        return bool(self._due(as_of_ms, 1))

    def turn(self, as_of_ms: int) -> int:
        """Moves things whose time is over, or isn't any more; how many, at most a few thousand."""
        due = self._due(as_of_ms, _TURN_MAX)
        for thing, identifier, until_ms, data, basis_data in due:
            before = Standing.decoded(data)
            over = until_ms is not None and as_of_ms >= until_ms
            if over:
                state = State.EXPIRED
            else:
                basis = fold.decode_basis(basis_data)
                view = None if basis is None else fold.view(basis, as_of_ms)
                state = State.OPEN if view is None else _state(view)
            after = before.moved(state)
            self._change(thing, identifier, before, after)
            self._connection.execute(
                "UPDATE standings SET state = ?, entry = ? WHERE thing = ?",
                (state, after.encoded(), thing),
            )
        return len(due)

    def _due(self, as_of_ms: int, most: int) -> list[tuple[Any, ...]]:
        sql = (
            "SELECT thing, id, until_ms, entry, basis FROM standings JOIN things USING (thing)"
            " WHERE state = ? AND until_ms {} ? LIMIT ?"
        )
        found: list[tuple[Any, ...]] = []
        for state, compared in (
            (State.OPEN, "<="),
            (State.COVERED, "<="),
            # Only a clock that was set back brings these again.
            (State.EXPIRED, ">"),
        ):
            found += self._connection.execute(sql.format(compared), (state, as_of_ms, most))
        return found

    # Inside

    def _taken_out(self, thing: int) -> Standing | None:
        row = self._connection.execute(
            "SELECT entry FROM standings WHERE thing = ?", (thing,)
        ).fetchone()
        return None if row is None else Standing.decoded(row[0])

    def _standing(
        self, key: ThingKey, entry: Entry, rows: Mapping[bytes, int], newest: int
    ) -> Standing:
        own = next(who for role, who in entry.roles if role in _ROLES.values())
        news = [(int(_own_role(entry)), self._party(own), newest)]
        latest: dict[int, int] = {}
        for by, record in entry.checks:
            party = self._party(by)
            latest[party] = max(latest.get(party, 0), rows.get(record, 0))
        news += [(int(Role.CHECK), party, row) for party, row in latest.items()]
        return Standing(
            scope=self._number("scopes", "scope", ("space", "topic"), (key.space, key.topic)),
            state=int(entry.state),
            urgency=entry.urgency,
            due_ms=entry.due_ms,
            coverage=entry.coverage,
            verification=entry.verification,
            facets=(EVERYTHING, *sorted({self._facet(*facet) for facet in entry.facets})),
            roles=tuple((int(role), self._party(who)) for role, who in entry.roles),
            news=tuple(news),
        )

    def _change(
        self, thing: int, identifier: bytes, before: Standing | None, after: Standing | None
    ) -> None:
        """Brings the tables from one standing of a thing to another, touching what differs."""
        old = set() if before is None else set(before.rows())
        new = set() if after is None else set(after.rows())
        self._connection.executemany(
            "DELETE FROM listed WHERE facet = ? AND scope = ? AND role = ? AND state = ?"
            " AND party = ? AND urgency = ? AND due_ms = ? AND id = ?",
            [(*row[:7], identifier) for row in old - new],
        )
        self._connection.executemany(
            "INSERT INTO listed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(*row[:7], identifier, *row[7:], thing) for row in new - old],
        )
        changes = Counter(row[:5] for row in new - old)
        changes.subtract(row[:5] for row in old - new)
        self._count((place, by) for place, by in changes.items() if by)
        old_news = set() if before is None else set(before.news_rows())
        new_news = set() if after is None else set(after.news_rows())
        self._connection.executemany(
            "DELETE FROM news WHERE scope = ? AND role = ? AND party = ? AND row = ? AND thing = ?",
            [(*row, thing) for row in old_news - new_news],
        )
        self._connection.executemany(
            "INSERT INTO news VALUES (?, ?, ?, ?, ?)",
            [(*row, thing) for row in new_news - old_news],
        )

    def _count(self, changes: Iterable[tuple[tuple[int, ...], int]]) -> None:
        for place, by in changes:
            self._connection.execute(
                "INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET things = things + excluded.things",
                (*place, by),
            )
            facet, scope, role, state, _ = place
            if role == Role.NEED and state == State.OPEN and facet != EVERYTHING:
                self._connection.execute(
                    "INSERT INTO places SELECT ?, facet, parent, ? FROM facets"
                    " WHERE facet = ? AND kind = ?"
                    " ON CONFLICT DO UPDATE SET needs = needs + excluded.needs",
                    (scope, by, facet, PLACE),
                )

    def _party(self, org: bytes) -> int:
        return self._number("parties", "party", ("org",), (org,))

    def _facet(self, kind: str, name: str) -> int:
        parent = parent_of(name) if kind == PLACE else ""
        return self._number("facets", "facet", ("kind", "name"), (kind, name), parent=parent)

    def _number(
        self,
        table: str,
        column: str,
        names: Sequence[str],
        values: Sequence[str | bytes],
        **more: str,
    ) -> int:
        """The number of a row of a small table, which is made if it isn't there."""
        known = (table, "\0".join(str(value) for value in values))
        if known not in self._numbers:
            where = " AND ".join(f"{name} = ?" for name in names)
            row = self._connection.execute(
                f"SELECT {column} FROM {table} WHERE {where}", values
            ).fetchone()
            if row is None:
                columns = ", ".join((*names, *more))
                marks = ", ".join("?" for _ in (*names, *more))
                row = self._connection.execute(
                    f"INSERT INTO {table} ({columns}) VALUES ({marks}) RETURNING {column}",
                    (*values, *more.values()),
                ).fetchone()
            if len(self._numbers) >= 50_000:
                self._numbers.clear()
            self._numbers[known] = int(row[0])
        return self._numbers[known]


_Row: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in the tables for one thing, in their numbers."""

    scope: int
    state: int
    urgency: int
    due_ms: int
    coverage: int
    verification: int
    facets: tuple[int, ...]
    roles: tuple[tuple[int, int], ...]
    news: tuple[tuple[int, int, int], ...]

    def rows(self) -> Iterator[_Row]:
        """The rows of `listed` without id and thing: key first, then what is filtered by."""
        for facet in self.facets:
            for role, party in self.roles:
                yield (
                    *(facet, self.scope, role, self.state, party, self.urgency, self.due_ms),
                    *(self.coverage, self.verification),
                )

    def news_rows(self) -> Iterator[_Row]:
        """The rows of `news` without the thing."""
        for role, party, row in self.news:
            yield self.scope, role, party, row

    def moved(self, state: State) -> Standing:
        """The same in another state."""
        return replace(self, state=int(state))

    def encoded(self) -> bytes:
        """As bytes, for the file."""
        return encode(
            [
                *(self.scope, self.state, self.urgency, self.due_ms, self.coverage),
                self.verification,
                list(self.facets),
                [list(role) for role in self.roles],
                [list(each) for each in self.news],
            ]
        )

    @classmethod
    def decoded(cls, data: bytes) -> Standing:
        """From what `encoded` gave."""
        *plain, facets, roles, news = cast("list[Any]", decode(data, bytes_max=_ENTRY_BYTES_MAX))
        scope, state, urgency, due_ms, coverage, verification = plain
        return cls(
            *(scope, state, urgency, due_ms, coverage, verification, tuple(facets)),
            roles=tuple((role, party) for role, party in roles),
            news=tuple((role, party, row) for role, party, row in news),
        )


def _state(view: ThingView) -> State:
    if view.life == "closed":
        return State.CLOSED
    if view.life == "expired":
        return State.EXPIRED
    return State.COVERED if view.coverage == "full" else State.OPEN


def _own_role(entry: Entry) -> Role:
    return next(role for role, _ in entry.roles if role in _ROLES.values())


def _moved(row: fold.basis.Row) -> bool:
    return bool(row.dispatched or row.delivered or row.received)


def _urgency(body: Mapping[str, Value]) -> int:
    urgency = body.get("urgency")
    if urgency is None:
        return _URGENCY_NONE
    return URGENCIES.index(urgency) if urgency in URGENCIES else _URGENCY_OTHER


def _due_ms(role: Role, valid_until_ms: int | None, body: Mapping[str, Value]) -> int:
    if role is Role.INCIDENT:
        # The latest incident first.
        start = body.get("start")
        ms = instant_ms(start) if isinstance(start, str) else None
        return NO_TIME if ms is None else -ms
    needed_by = body.get("needed_by")
    ms = instant_ms(needed_by) if isinstance(needed_by, str) else None
    if ms is None:
        ms = valid_until_ms
    return NO_TIME if ms is None else ms


def _facets(role: Role, body: Mapping[str, Value]) -> Iterator[Facet]:
    place = body.get("place")
    codes = place.get("codes") if isinstance(place, dict) else None
    if role is Role.CARD or role is Role.INCIDENT:
        codes = body.get("areas")
    for code in codes if isinstance(codes, list) else []:
        if isinstance(code, dict):
            for name in levels(str(code.get("scheme")), str(code.get("code"))):
                yield PLACE, name
    incident = body.get("incident")
    if isinstance(incident, bytes):
        yield INCIDENT_FACET, incident.hex()
