"""Reads the lists of the index: pages, totals, what came last, who does what where.

Owns the reading of what `listing` writes, on a connection of its own, so that a reader never waits
for the index to be written; all that one page shows is read from one state of the file. Only the
scopes that the caller may see are looked at.

Every read is bounded. A page takes at most `per_party` things of one organisation while others have
things to show, and says how many it left out: whoever writes 200,000 needs fills no list (threat
20). Filters that no key begins with look at `SCANNED_MAX` rows of an organisation at most, and say
so when that was not all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hutong_node.indexing import IndexReader
from hutong_node.listing import (
    EVERYTHING,
    INCIDENT_FACET,
    PLACE,
    Connection,
    Role,
    Standing,
    State,
)
from hutong_node.listing_values import (
    LeftOut,
    Listed,
    ListPage,
    Position,
    StoredThing,
    Stream,
    Tally,
    Wanted,
)
from hutong_protocol import fold
from hutong_protocol.exchange import Scope
from hutong_protocol.fold import ThingBasis

SCANNED_MAX: Final = 20_000
COUNTED_MAX: Final = 200
"""Above it, left-out things are counted as "more than"."""
STREAMS_MAX: Final = 4_000
"""Combinations of scope, state and organisation that one page is put together from."""
_NEWS_SCANNED_MAX: Final = 400
_THINGS: Final = (Role.NEED, Role.OFFER, Role.CARD, Role.INCIDENT)


class ListReader:
    """Opens states of the lists for reading; may be used from any thread, one at a time."""

    def __init__(self, path: Path) -> None:
        """`path` is the file of an index that exists."""
        self._index = IndexReader(path)

    def close(self) -> None:
        """Closes the file."""
        self._index.close()

    @contextmanager
    def state(self, scopes: Iterable[Scope]) -> Iterator[ListState]:
        """One state of the lists, restricted to `scopes`.

        Raises:
            IndexFailed: the file can't be read.
        """
        with self._index.transaction() as connection:
            yield ListState(connection, scopes)


@dataclass(slots=True)
class _Gathered:
    """What was read for one organisation of a page."""

    streams: list[Stream] = field(default_factory=list)
    rows: list[Listed] = field(default_factory=list)
    beyond: Position | None = None
    """The first row after those, if there is one."""


class ListState:
    """Answers from one state of the lists. Use it inside `ListReader.state` only."""

    def __init__(self, connection: Connection, scopes: Iterable[Scope]) -> None:
        self._connection = connection
        wanted = set(scopes)
        self.scopes: Mapping[int, Scope] = {
            number: Scope(space, topic)
            for number, space, topic in connection.execute("SELECT scope, space, topic FROM scopes")
            if Scope(space, topic) in wanted
        }
        self._orgs: dict[int, bytes] = {}

    def within(self, scopes: Iterable[Scope]) -> ListState:
        """The same state, restricted to those of its scopes that are among `scopes`."""
        allowed = set(self.scopes.values())
        return ListState(self._connection, (scope for scope in scopes if scope in allowed))

    # Lists

    def page(
        self, wanted: Wanted, *, after: Position | None, rows_max: int, per_party: int
    ) -> ListPage:
        """A page of a list, the most urgent first, then what is due first, then by id."""
        streams, filters = self._streams(wanted)
        gathered: dict[int, _Gathered] = defaultdict(_Gathered)
        for stream in streams:
            gathered[stream.party].streams.append(stream)
        if len(gathered) <= 1:
            per_party = rows_max
        partly = []
        for party, found in gathered.items():
            complete = self._gather(wanted, found, filters, after, per_party)
            if not complete:
                partly.append(self._org(party))
        rows = sorted(
            (row for found in gathered.values() for row in found.rows), key=lambda row: row.at
        )[:rows_max]
        if not rows:
            return ListPage(partly=tuple(partly), organisations=len(gathered))
        end = rows[-1].at
        left_out, more = self._left_out(wanted, filters, gathered, end)
        return ListPage(
            rows=tuple(rows),
            left_out=tuple(left_out),
            after=end if more else None,
            total=None if filters or wanted.urgency is not None else _total(streams),
            organisations=len(gathered),
            partly=tuple(partly),
        )

    def latest(self, wanted: Wanted, *, rows_max: int, per_party: int) -> list[tuple[int, bytes]]:
        """(number of thing, organisation), what this node stored last first."""
        streams = {
            (stream.scope, stream.party)
            for stream in self._streams(Wanted(wanted.role, tuple(State), org=wanted.org))[0]
        }
        facets = {
            self._facet(kind, name)
            for kind, name in ((PLACE, wanted.place), (INCIDENT_FACET, wanted.incident))
            if name is not None
        }
        found: list[tuple[int, int, bytes]] = []
        by_party: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for scope, party in streams:
            by_party[party] += self._news(wanted, facets, scope, party, per_party)
        for party, rows in by_party.items():
            rows.sort(reverse=True)
            found += ((row, thing, self._org(party)) for row, thing in rows[:per_party])
        return [(thing, org) for _, thing, org in sorted(found, reverse=True)[:rows_max]]

    def things(self, numbers: Sequence[int]) -> dict[int, StoredThing]:
        """Things by their numbers."""
        found = {}
        for number in numbers:
            row = self._connection.execute(
                "SELECT space, topic, basis, said_ms FROM things JOIN standings USING (thing)"
                " WHERE thing = ?",
                (number,),
            ).fetchone()
            basis = None if row is None else fold.decode_basis(row[2])
            if basis is not None:
                found[number] = StoredThing(number, Scope(row[0], row[1]), basis, row[3])
        return found

    def thing(self, identifier: bytes) -> StoredThing | None:
        """The thing with this id in one of the scopes, with the number of its records."""
        rows = self._connection.execute(
            "SELECT thing, space, topic, basis, said_ms, (SELECT count(*) FROM members AS m"
            " WHERE m.thing = things.thing) FROM things JOIN standings USING (thing) WHERE id = ?",
            (identifier,),
        )
        for number, space, topic, data, said_ms, records in rows:
            scope = Scope(space, topic)
            basis = fold.decode_basis(data)
            if basis is not None and scope in self.scopes.values():
                return StoredThing(number, scope, basis, said_ms, records)
        return None

    def records_of(self, thing: int, *, offset: int, records_max: int) -> list[bytes]:
        """Ids of a thing's records in the order in which this node stored them."""
        rows = self._connection.execute(
            "SELECT record FROM members WHERE thing = ? ORDER BY row LIMIT ? OFFSET ?",
            (thing, records_max, offset),
        )
        return [record for (record,) in rows]

    def bases(self, scope: Scope, *, after: bytes, things_max: int) -> list[ThingBasis]:
        """Everything that the index has of a scope, in the order of ids, above one id."""
        rows = self._connection.execute(
            "SELECT basis FROM things WHERE space = ? AND topic = ? AND id > ? ORDER BY id LIMIT ?",
            (scope.space, scope.topic, after, things_max),
        )
        found = (fold.decode_basis(data) for (data,) in rows)
        return [basis for basis in found if basis is not None]

    # Totals

    def count_things(self) -> int:
        """The number of needs, offers, cards and incidents."""
        (row,) = self._connection.execute(
            "SELECT coalesce(sum(things), 0) FROM counts WHERE facet = ?"
            f" AND scope IN ({_marks(self.scopes)}) AND role IN ({_marks(_THINGS)})",
            (EVERYTHING, *self.scopes, *_THINGS),
        )
        return int(row[0])

    def tallies(
        self, *, org: bytes | None = None, place: str | None = None, incident: str | None = None
    ) -> list[Tally]:
        """All counts of one organisation, place or incident; of everything without any."""
        facet = EVERYTHING
        if place is not None or incident is not None:
            facet = self._facet(*_one_facet(place, incident))
        clause, values = "", [facet]
        if org is not None:
            party = self._party(org)
            if party is None:
                return []
            clause, values = " AND party = ?", [facet, party]
        rows = self._connection.execute(
            "SELECT party, scope, role, state, things FROM counts"
            f" WHERE facet = ?{clause} AND scope IN ({_marks(self.scopes)}) AND things > 0",
            (*values, *self.scopes),
        )
        return [
            Tally(self._org(party), self.scopes[scope], Role(role), State(state), things)
            for party, scope, role, state, things in rows
        ]

    def organisations(self, *, after: bytes, orgs_max: int) -> list[bytes]:
        """Organisations that have anything here, in the order of their ids."""
        found = []
        for party, org in self._connection.execute(
            "SELECT party, org FROM parties WHERE org > ? ORDER BY org", (after,)
        ):
            row = self._connection.execute(
                f"SELECT 1 FROM counts WHERE party = ? AND facet = ?"
                f" AND scope IN ({_marks(self.scopes)}) AND things > 0 LIMIT 1",
                (party, EVERYTHING, *self.scopes),
            ).fetchone()
            if row is not None:
                found.append(org)
            if len(found) == orgs_max:
                break
        return found

    def places(self, parent: str, *, places_max: int) -> list[tuple[str, int]]:
        """The places directly in `parent` (empty: those in none) with most open needs first."""
        found: dict[str, int] = defaultdict(int)
        for scope in self.scopes:
            rows = self._connection.execute(
                "SELECT facets.name, needs FROM places JOIN facets USING (facet)"
                " WHERE scope = ? AND places.parent = ? AND needs > 0"
                " ORDER BY needs DESC LIMIT ?",
                (scope, parent, places_max),
            )
            for name, needs in rows:
                found[name] += needs
        return sorted(found.items(), key=lambda each: (-each[1], each[0]))[:places_max]

    # Inside

    def _streams(self, wanted: Wanted) -> tuple[list[Stream], tuple[int, ...]]:
        """The streams of a list, and facets that its rows have to be in besides."""
        facets = [
            self._facet(kind, name)
            for kind, name in ((PLACE, wanted.place), (INCIDENT_FACET, wanted.incident))
            if name is not None
        ]
        leading = facets[0] if facets else EVERYTHING
        clause, values = "", []
        if wanted.org is not None:
            clause, values = " AND party = ?", [self._party(wanted.org) or 0]
        rows = self._connection.execute(
            "SELECT facet, scope, role, state, party, things FROM counts WHERE facet = ?"
            f" AND scope IN ({_marks(self.scopes)}) AND role = ?"
            f" AND state IN ({_marks(wanted.states)}){clause} AND things > 0 LIMIT ?",
            (leading, *self.scopes, wanted.role, *wanted.states, *values, STREAMS_MAX),
        )
        return [Stream(*row) for row in rows], tuple(facets[1:])

    def _gather(
        self,
        wanted: Wanted,
        found: _Gathered,
        filters: tuple[int, ...],
        after: Position | None,
        per_party: int,
    ) -> bool:
        """Reads the first rows of one organisation; whether all that could pass were seen."""
        complete = True
        rows: list[Listed] = []
        for stream in found.streams:
            got = list(self._rows(wanted, stream, filters, after, None, per_party + 1))
            if wanted.scans and len(got) <= per_party and stream.things > SCANNED_MAX:
                complete = False
            rows += got
        rows.sort(key=lambda row: row.at)
        found.rows = rows[:per_party]
        if len(rows) > per_party:
            found.beyond = rows[per_party].at
        return complete

    def _left_out(
        self,
        wanted: Wanted,
        filters: tuple[int, ...],
        gathered: Mapping[int, _Gathered],
        end: Position,
    ) -> tuple[list[LeftOut], bool]:
        """What lies before `end` and isn't shown, and whether anything lies after it."""
        left_out, more = [], False
        for found in gathered.values():
            if found.rows and found.rows[-1].at > end:
                more = True
            elif found.beyond is not None:
                last = found.rows[-1]
                if found.beyond > end:
                    more = True
                    continue
                between = after_end = 0
                for stream in found.streams:
                    span = self._rows(wanted, stream, filters, last.at, end, COUNTED_MAX)
                    between += sum(1 for _ in span)
                    after_end += len(list(self._rows(wanted, stream, filters, end, None, 1)))
                left_out.append(LeftOut(last.org, last.at, min(between, COUNTED_MAX)))
                more = more or after_end > 0
        return left_out, more

    def _rows(
        self,
        wanted: Wanted,
        stream: Stream,
        filters: tuple[int, ...],
        after: Position | None,
        until: Position | None,
        rows_max: int,
    ) -> Iterator[Listed]:
        """Rows of a stream in order, after one position and up to another."""
        key = "facet = ? AND scope = ? AND role = ? AND state = ? AND party = ?"
        values: list[Any] = [*stream[:5]]
        for column, value in (("urgency", wanted.urgency),):
            if value is not None:
                key += f" AND {column} = ?"
                values.append(value)
        for compared, position in ((">", after), ("<=", until)):
            if position is not None:
                key += f" AND (urgency, due_ms, id) {compared} (?, ?, ?)"
                values += position
        columns = "urgency, due_ms, id, thing, coverage, verification"
        sql = f"SELECT {columns} FROM listed WHERE {key} ORDER BY urgency, due_ms, id LIMIT ?"
        if wanted.scans:
            clauses = []
            values.append(SCANNED_MAX)
            for column, value in (
                ("coverage", wanted.coverage),
                ("verification", wanted.verification),
            ):
                if value is not None:
                    clauses.append(f"{column} = ?")
                    values.append(value)
            for facet in filters:
                clauses.append(
                    "EXISTS (SELECT 1 FROM listed AS also WHERE also.facet = ? AND also.scope = ?"
                    " AND also.role = ? AND also.state = ? AND also.party = ?"
                    " AND also.urgency = seen.urgency AND also.due_ms = seen.due_ms"
                    " AND also.id = seen.id)"
                )
                values += [facet, *stream[1:5]]
            sql = f"SELECT * FROM ({sql}) AS seen WHERE {' AND '.join(clauses)} LIMIT ?"
        values.append(rows_max)
        org = self._org(stream.party)
        for urgency, due_ms, identifier, thing, *_ in self._connection.execute(sql, values):
            yield Listed(org, Position(urgency, due_ms, identifier), thing)

    def _news(
        self, wanted: Wanted, facets: set[int], scope: int, party: int, rows_max: int
    ) -> list[tuple[int, int]]:
        found = []
        for row, thing, data in self._connection.execute(
            "SELECT row, thing, entry FROM news JOIN standings USING (thing)"
            " WHERE scope = ? AND role = ? AND party = ? ORDER BY row DESC LIMIT ?",
            (scope, wanted.role, party, _NEWS_SCANNED_MAX),
        ):
            entry = Standing.decoded(data)
            if (
                entry.state in wanted.states
                and wanted.urgency in (None, entry.urgency)
                and wanted.coverage in (None, entry.coverage)
                and wanted.verification in (None, entry.verification)
                and facets <= set(entry.facets)
            ):
                found.append((row, thing))
            if len(found) == rows_max:
                break
        return found

    def _facet(self, kind: str, name: str) -> int:
        """The number of a facet; one that no row has for a name that is in no record."""
        row = self._connection.execute(
            "SELECT facet FROM facets WHERE kind = ? AND name = ?", (kind, name)
        ).fetchone()
        return -1 if row is None else int(row[0])

    def _party(self, org: bytes) -> int | None:
        row = self._connection.execute("SELECT party FROM parties WHERE org = ?", (org,)).fetchone()
        return None if row is None else int(row[0])

    def _org(self, party: int) -> bytes:
        if party not in self._orgs:
            (self._orgs[party],) = self._connection.execute(
                "SELECT org FROM parties WHERE party = ?", (party,)
            ).fetchone()
        return self._orgs[party]


def _one_facet(place: str | None, incident: str | None) -> tuple[str, str]:
    return (PLACE, place) if place is not None else (INCIDENT_FACET, incident or "")


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values) or "NULL"


def _total(streams: Iterable[Stream]) -> int:
    return sum(stream.things for stream in streams)
