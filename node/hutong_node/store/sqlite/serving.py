"""What peers may learn of a store: roots, heads, runs, events, parts. Reading only.

Owns the answers to the questions of a session (`exchange.ReplicaStore`), each in one read
transaction on a connection of its own. Everything that leaves is compared with its id or commit
first: rot is served to nobody, and is reported to the writer. Records of own logs are written into
the restore marker before they are handed over, so that whatever leaves has been remembered.

Which peer may ask what is for the session and the shell. Spec: 6.6, 7.5 to 7.8.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from hutong_node.marker import Place
from hutong_node.store.sqlite.heads_tree import empty_root
from hutong_node.store.sqlite.ranges import read_rows, row_of
from hutong_node.store.sqlite.record_ids import RecentIds
from hutong_node.store.sqlite.rows import BODY_PARTS, Rotten, fits, read_body
from hutong_node.store.sqlite.shared import Shared
from hutong_node.store.sqlite.stored_runs import StoredRuns, held_contents
from hutong_protocol.encoding import decode
from hutong_protocol.exchange import (
    Cursor,
    EventsBatch,
    Head,
    HeadsPage,
    Held,
    HeldLog,
    HeldOrg,
    LogHeads,
    LogRun,
    OrgDigest,
    PartItem,
    PartsBatch,
    PartWant,
    RunsBatch,
    RunWant,
    Scope,
    ScopeRoot,
)
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.identity_events import Event, parse_event
from hutong_protocol.ids import EventId, LogId, OrgId, RecordId
from hutong_protocol.limits import FRAME_BYTES_MAX, SALT_BYTES

_PART_AROUND_BYTES: Final = 80
"""Bytes of a part in a frame beyond its own, generously."""


class Serving:
    """Answers from one connection; one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, shared: Shared) -> None:
        """Reads from `connection`."""
        self._connection = connection
        self._shared = shared
        self._runs = StoredRuns(connection, shared)
        self._recent = RecentIds()

    def scope_roots(self, scopes: Sequence[Scope]) -> list[ScopeRoot]:
        """As `ReplicaStore.scope_roots`."""
        roots = []
        for scope in scopes:
            found = self._connection.execute(
                "SELECT scope, root, counter FROM scopes WHERE space = ? AND topic = ?", scope
            ).fetchone()
            if found is None:
                cursor = Cursor(self._shared.epoch, 0)
                roots.append(ScopeRoot(scope, empty_root(scope), cursor))
                continue
            number, root, counter = found
            missing = self._connection.execute(
                "SELECT EXISTS (SELECT 1 FROM missing_parts WHERE scope = ?)", (number,)
            ).fetchone()[0]
            cursor = Cursor(self._shared.epoch, counter)
            roots.append(ScopeRoot(scope, root, cursor, missing))
        return roots

    def heads(
        self, scope: Scope, since: Cursor | None, after: bytes | None, entries_max: int
    ) -> HeadsPage:
        """As `ReplicaStore.heads`."""
        number, counter = self._scope(scope)
        cursor = Cursor(self._shared.epoch, counter)
        known = since is not None and since.epoch == cursor.epoch and since.counter <= counter
        changed_after = since.counter if since is not None and known else -1
        bounds = (number, changed_after, after or b"", entries_max + 1)
        # By the order of ids all logs would be looked at to find the few that changed.
        index = "logs_by_change" if known else "logs_by_scope"
        logs = self._connection.execute(
            f"SELECT id, head_seq, head FROM logs INDEXED BY {index}"
            " WHERE scope = ? AND changed > ? AND id > ? ORDER BY id LIMIT ?",
            bounds,
        ).fetchall()
        orgs = self._connection.execute(
            "SELECT id, digest FROM scope_orgs WHERE scope = ? AND changed > ? AND id > ?"
            " ORDER BY id LIMIT ?",
            bounds,
        ).fetchall()
        ids = sorted([row[0] for row in logs] + [row[0] for row in orgs])
        more = len(ids) > entries_max
        last = ids[entries_max - 1] if more else b"\xff" * 33
        return HeadsPage(
            scope,
            cursor,
            not known,
            tuple(
                LogHeads(LogId(log), (Head(seq, RecordId(head)),))
                for log, seq, head in logs
                if log <= last
            ),
            tuple(OrgDigest(OrgId(org), digest) for org, digest in orgs if org <= last),
            more,
        )

    def held(self, scope: Scope, logs: Sequence[LogHeads], orgs: Sequence[OrgId]) -> Held:
        """As `ReplicaStore.held`."""
        found = [self._held_log(scope, entry) for entry in logs]
        return Held(
            tuple(held for held in found if held is not None),
            tuple(self._held_org(org) for org in orgs if self._wants_org(org)),
        )

    def read_runs(self, scope: Scope, wants: Sequence[RunWant], bytes_max: int) -> RunsBatch:
        """As `ReplicaStore.read_runs`; nothing while the store may lack erasures."""
        if self._shared.withholds:
            return RunsBatch((), ())
        number, _ = self._scope(scope)
        rows = []
        for want in wants:
            found = self._connection.execute(
                "SELECT log, head_seq, erases FROM logs WHERE id = ? AND scope = ?",
                (want.log, number),
            ).fetchone()
            if found is not None and want.first_seq <= found[1]:
                rows.append((want, *found))
        rows.sort(key=lambda row: -row[3])
        runs: list[LogRun] = []
        rest: list[RunWant] = []
        left: list[tuple[bytes, Place]] = []
        room = bytes_max
        for want, log, head_seq, _ in rows:
            seq, runs_max = want.first_seq, want.runs_max or head_seq + 1
            while seq <= head_seq and runs_max > 0:
                run = None if rest else self._runs.fit(log, want.log, seq, room)
                if rest or (run is not None and runs and run.size > room):
                    rest.append(RunWant(want.log, seq, want.runs_max and runs_max))
                    break
                if run is None:
                    break  # rotten from here on
                runs.append(LogRun(want.log, run.value))
                room -= run.size
                seq, runs_max = run.last.seq + 1, runs_max - 1
                if self._is_own(want.log):
                    left.append((want.log, Place(*run.last, scope)))
        if left:
            self._shared.mark_left(left)
        return RunsBatch(tuple(runs), tuple(rest))

    def events(
        self, org: OrgId, have: Sequence[EventId], scopes: Sequence[Scope], bytes_max: int
    ) -> EventsBatch:
        """As `ReplicaStore.events`."""
        if org != self._shared.own_org and not self._writes_in(org, scopes):
            return EventsBatch(org, (), more=False)
        events = self._held_events(org)
        had = set(have)
        for event in reversed(events):
            # Descendants come later, so that whoever has one is known before its ancestors.
            if event.id in had:
                had.update(event.context)
        values: list[object] = []
        room = bytes_max
        for event in events:
            if event.id not in had:
                room -= len(event.body) + len(event.attachment or b"") + 110 * len(event.signatures)
                if values and room < 0:
                    return EventsBatch(org, tuple(values), more=True)
                values.append(event.to_value())
        return EventsBatch(org, tuple(values), more=False)

    def missing_parts(self, scope: Scope, after: RecordId | None, wants_max: int) -> list[PartWant]:
        """As `ReplicaStore.missing_parts`; leaves out organisations that have their share."""
        number, _ = self._scope(scope)
        full = self._full_orgs()
        wants: list[PartWant] = []
        for record, mask, row in self._connection.execute(
            "SELECT id, mask, row FROM missing_parts WHERE scope = ? AND id > ? ORDER BY id",
            (number, after or b""),
        ):
            if len(wants) == wants_max:
                break
            if not full or self._org_of(row) not in full:
                wants.append(PartWant(RecordId(record), mask))
        return wants

    def read_parts(self, scope: Scope, wants: Sequence[PartWant], bytes_max: int) -> PartsBatch:
        """As `ReplicaStore.read_parts`; nothing while the store may lack erasures."""
        if self._shared.withholds:
            return PartsBatch((), more=False)
        number, _ = self._scope(scope)
        rows = self._recent.find(self._connection, [want.record for want in wants])
        items: list[PartItem] = []
        room = bytes_max
        for want in wants:
            row = rows.get(want.record)
            if row is None or self._scope_of(row) != number:
                continue
            for position, content in self._contents(row):
                if want.mask >> position & 1:
                    room -= len(content) + _PART_AROUND_BYTES
                    if items and room < 0:
                        return PartsBatch(tuple(items), more=True)
                    salt, data = content[:SALT_BYTES], content[SALT_BYTES:]
                    items.append(PartItem(want.record, position, salt, data))
        return PartsBatch(tuple(items), more=False)

    def _full_orgs(self) -> set[int]:
        """The numbers of organisations that have their share of this node's disk."""
        policy = self._shared.policy
        found = self._connection.execute(
            "SELECT org FROM orgs WHERE part_bytes >= ?", (policy.part_bytes_max,)
        )
        full = {org for (org,) in found}
        if policy.payers:
            # Those that stewards named have what is left of the share of whoever pays for them.
            used: Counter[bytes] = Counter()
            rows = self._connection.execute("SELECT org, id, part_bytes FROM orgs").fetchall()
            for _, org, part_bytes in rows:
                used[policy.payers.get(org, org)] += part_bytes
            full |= {
                number
                for number, org, _ in rows
                if used[policy.payers.get(org, org)] >= policy.part_bytes_max
            }
        return full

    def _scope(self, scope: Scope) -> tuple[int, int]:
        """Number and counter of a scope; 0 and 0, which no row has, if it was never seen."""
        found = self._connection.execute(
            "SELECT scope, counter FROM scopes WHERE space = ? AND topic = ?", scope
        ).fetchone()
        return found or (0, 0)

    def _is_own(self, log: bytes) -> bool:
        found = self._connection.execute("SELECT 1 FROM own_logs WHERE id = ?", (log,)).fetchone()
        return found is not None

    def _held_log(self, scope: Scope, entry: LogHeads) -> HeldLog | None:
        found = self._connection.execute(
            "SELECT l.log, l.head_seq, l.head, o.id, o.frozen, s.space, s.topic FROM logs AS l"
            " JOIN orgs AS o USING (org) JOIN scopes AS s USING (scope) WHERE l.id = ?",
            (entry.log,),
        ).fetchone()
        if found is None:
            refused = self._shared.refusals.get(entry.log)
            if not self._shared.policy.holds(scope):
                refused = Fault.NOT_ACCEPTED
            return HeldLog(entry.log, None, entry.heads, refused) if entry.heads else None
        number, head_seq, head, org, frozen, *names = found
        unknown = tuple(
            other
            for other in entry.heads
            if other.record != head and not self._holds(number, head_seq, other)
        )
        if not unknown:
            return None
        refused = None
        if frozen:
            refused = Fault.UPGRADE_NEEDED
        elif Scope(*names) != scope or not self._shared.policy.accepts(org, scope):
            refused = Fault.NOT_ACCEPTED
        elif all(self._is_refused_branch(number, other.record) for other in unknown):
            refused = Fault.FORK
        return HeldLog(entry.log, Head(head_seq, RecordId(head)), unknown, refused)

    def _holds(self, log: int, head_seq: int, head: Head) -> bool:
        if head.seq > head_seq or (row := row_of(self._connection, log, head.seq)) is None:
            return False
        found = self._connection.execute("SELECT id FROM records WHERE row = ?", (row,)).fetchone()
        return found is not None and found[0] == head.record

    def _is_refused_branch(self, log: int, head: bytes) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM fork_proofs WHERE log = ? AND head = ?", (log, head)
        ).fetchone()
        return found is not None

    def _wants_org(self, org: OrgId) -> bool:
        return org == self._shared.own_org or self._shared.policy.lets_in(org)

    def _held_org(self, org: OrgId) -> HeldOrg:
        events = self._held_events(org)
        named = {identifier for event in events for identifier in event.context}
        return HeldOrg(org, tuple(sorted(e.id for e in events if e.id not in named)))

    def _held_events(self, org: OrgId) -> list[Event]:
        """The events that count, ancestors before descendants. They were verified when stored."""
        found = self._connection.execute(
            "SELECT e.event FROM identity_events AS e JOIN orgs AS o USING (org)"
            " WHERE o.id = ? AND e.held = 1 ORDER BY e.number",
            (org,),
        )
        events = []
        for (content,) in found:
            try:
                events.append(parse_event(decode(content, bytes_max=FRAME_BYTES_MAX)))
            except ProtocolFault:
                continue  # rotten: the writer refuses to open a store that has such an event
        return events

    def _writes_in(self, org: OrgId, scopes: Sequence[Scope]) -> bool:
        numbers = [number for scope in scopes if (number := self._scope(scope)[0])]
        marks = ",".join("?" * len(numbers))
        found = self._connection.execute(
            f"SELECT 1 FROM scope_orgs WHERE id = ? AND scope IN ({marks})", (org, *numbers)
        ).fetchone()
        return found is not None

    def _org_of(self, row: int) -> int | None:
        found = self._log_of(row, "l.org")
        return None if found is None else int(found)

    def _scope_of(self, row: int) -> int | None:
        found = self._log_of(row, "l.scope")
        return None if found is None else int(found)

    def _log_of(self, row: int, column: str) -> int | None:
        found = self._connection.execute(
            f"SELECT {column} FROM pieces AS p JOIN logs AS l USING (log)"
            " WHERE p.first_row <= ? ORDER BY p.first_row DESC LIMIT 1",
            (row,),
        ).fetchone()
        return None if found is None else found[0]

    def _contents(self, row: int) -> Iterator[tuple[int, bytes]]:
        """Positions and contents of the parts of a row that are held and fit their commit."""
        for _, found in read_rows(self._connection, (row,)):
            try:
                contents = held_contents(self._connection, found)
                parts = read_body(found.body)[BODY_PARTS]
            except Rotten:
                return
            for position, content in enumerate(contents):
                if content is not None:
                    if fits(content, parts[position][1], parts[position][2]):
                        yield position, content
                    else:
                        self._shared.found_rot([(row, position)])
