"""Checks a whole store: everything that is stored twice is computed again and compared.

For tests, for `hutong doctor` and after a restore. Ids from headers, chains from ids, seals from
signatures, commits from parts, heads and erased parts from records, the tree from the heads, the
index of ids from the rows. Reads one snapshot beside a running node and changes nothing; takes some
20 us a record. It trusts no row, and shares with the store only how rows are laid out. Spec: 6.1.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hutong_node.store.sqlite.connection import open_reader, sqlite_errors
from hutong_node.store.sqlite.heads_tree import EMPTY_NODES
from hutong_node.store.sqlite.ranges import Row
from hutong_node.store.sqlite.rows import PartStates, Rotten, build_header, fits
from hutong_node.store.sqlite.stored_runs import held_contents
from hutong_protocol import tree
from hutong_protocol.encoding import decode
from hutong_protocol.erasure import Erase, EraseTarget, LogOwner, erased_masks
from hutong_protocol.exchange import Scope
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.identity import IdentityState, decide_log, evaluate
from hutong_protocol.identity_events import parse_event
from hutong_protocol.ids import EventId, OrgId, PublicKey, RecordId, WriterKey
from hutong_protocol.limits import FRAME_BYTES_MAX, SEAL_SPACING_MAX
from hutong_protocol.record_ext import masks
from hutong_protocol.records import Header, Kind, open_info, parse_header, record_id
from hutong_protocol.signatures import record_message, verify


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it must be. `place` names tables and numbers, never content."""

    fault: str
    place: str


@dataclass(slots=True)
class Verification:
    """What was checked, and what was found wrong; a store is sound when `problems` is empty."""

    records: int = 0
    logs: int = 0
    scopes: int = 0
    missing_parts: int = 0
    erased_parts: int = 0
    problems: list[Problem] = field(default_factory=list)


def verify_store(path: Path) -> Verification:
    """Checks the store at `path`, which may be in use.

    Raises:
        StoreError: it can't be read at all.
    """
    connection = open_reader(path)
    try:
        with sqlite_errors(f"checking {path}"):
            connection.execute("BEGIN")
            return _Check(connection).run()
    finally:
        connection.close()


@dataclass(slots=True)
class _Target:
    """What is known of the parts of a record, to be compared with the erases at the end."""

    target: EraseTarget
    states: PartStates


class _Check:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._found = Verification()
        self._identities: dict[OrgId, IdentityState] = {}
        self._erases: list[Erase] = []
        self._targets: list[_Target] = []
        self._clocks: dict[tuple[int, int], int] = {}

    def run(self) -> Verification:
        for (line,) in self._rows("PRAGMA integrity_check"):
            if line != "ok":
                self._problem("not-a-database", str(line))
        self._check_rows()
        self._check_orgs()
        for row in self._rows(
            "SELECT l.log, l.id, l.scope, l.org, o.id, s.space, s.topic, l.writer, l.delegation,"
            " l.head_seq, l.head, l.closed, l.erases FROM logs AS l JOIN orgs AS o USING (org)"
            " JOIN scopes AS s USING (scope)"
        ):
            self._found.logs += 1
            try:
                self._check_log(*row)
            except (ProtocolFault, Rotten) as found:
                self._problem(getattr(found, "fault", Fault.CHAIN_BROKEN), f"log {row[0]}: {found}")
        self._check_erased()
        self._check_scopes()
        self._check_own_logs()
        return self._found

    def _check_rows(self) -> None:
        """Pieces cover the rows of `records` exactly, and the index of ids what it says."""
        expected = 1
        for first_row, records in self._rows(
            "SELECT first_row, records FROM pieces ORDER BY first_row"
        ):
            if first_row != expected:
                self._problem("rows-uncovered", f"piece at row {first_row}, expected {expected}")
            expected = first_row + records
        [(last,)] = self._rows("SELECT ifnull(max(row), 0) FROM records")
        [(count,)] = self._rows("SELECT count(*) FROM records")
        if not last == count == expected - 1:
            self._problem("rows-uncovered", f"{count} rows to {last}, pieces to {expected - 1}")
        [(covered,)] = self._rows(
            "SELECT ifnull(max(value), 0) FROM properties WHERE name = 'ids_to'"
        )
        [(indexed,)] = self._rows("SELECT count(*) FROM record_ids")
        [(right,)] = self._rows(
            "SELECT count(*) FROM record_ids AS i JOIN records AS r USING (row)"
            " WHERE r.row <= ? AND hex(substr(r.id, 1, 6)) = printf('%012X', i.prefix)",
            covered,
        )
        if not indexed == right == covered:
            self._problem("index-differs", f"{right} of {indexed} ids for {covered} rows")

    def _check_orgs(self) -> None:
        for number, org, digest, frozen in self._rows("SELECT org, id, digest, frozen FROM orgs"):
            events = []
            for (content,) in self._rows(
                "SELECT event FROM identity_events WHERE org = ? AND held = 1", number
            ):
                try:
                    events.append(parse_event(decode(content, bytes_max=FRAME_BYTES_MAX)))
                except ProtocolFault as found:
                    self._problem(found.fault, f"event of organisation {number}")
            state = evaluate(events).get(OrgId(org))
            if state is None:
                if digest:
                    self._problem(Fault.BAD_EVENT, f"organisation {number}: no inception")
                continue
            self._identities[OrgId(org)] = state
            if len(state.held) != len(events):
                self._problem(Fault.BAD_EVENT, f"organisation {number}: an event does not count")
            if state.digest != digest or bool(frozen) != (state.frozen is not None):
                self._problem("heads-differ", f"identity of organisation {number}")

    def _check_log(
        self,
        number: int,
        log: bytes,
        scope: int,
        org: int,
        org_id: bytes,
        space: str,
        topic: str,
        writer: bytes,
        delegation: bytes,
        head_seq: int,
        head: bytes,
        closed: int,
        erases: int,
    ) -> None:
        seals = dict(self._rows("SELECT seq, signature FROM seals WHERE log = ?", number))
        owner = LogOwner(OrgId(org_id), space, topic, WriterKey(PublicKey(writer)))
        prev, seq, last_seal, has_erases, is_closed = b"", -1, -1, False, False
        may_erase = self._may_erase(owner.org, delegation)
        for row in self._log_rows(number):
            if row.seq != seq + 1 or is_closed:
                raise Rotten(f"seq {row.seq} after {seq}, closed: {is_closed}")
            data = build_header(row.body, log, row.seq, prev)
            if record_id(data) != row.id:
                raise Rotten(f"header at seq {row.seq} does not give its id")
            header = parse_header(data)
            if row.seq == 0:
                opened = open_info(header)
                stated = (opened.org, opened.space, opened.topic, opened.writer)
                if row.id != log or stated != owner or opened.delegation != delegation:
                    self._problem(Fault.BAD_OPEN, f"log {number}")
                refusal = decide_log(self._identities.get(opened.org), opened)
                # What a frozen organisation wrote before stays. Spec: 4.9.2.
                if refusal not in (None, Fault.UPGRADE_NEEDED):
                    self._problem(str(refusal), f"log {number}")
            prev, seq = row.id, row.seq
            is_closed = header.kind == Kind.CLOSE
            has_erases = has_erases or header.kind == Kind.ERASE
            self._clocks[scope, org] = max(self._clocks.get((scope, org), 0), header.clock)
            self._check_parts(scope, row, header, owner, may_erase)
            self._found.records += 1
            if seq in seals:
                if seq - last_seal > SEAL_SPACING_MAX + 1:
                    self._problem(Fault.BAD_SIGNATURE, f"log {number}: no seal near seq {seq}")
                if not verify(writer, record_message(RecordId(row.id)), seals[seq]):
                    self._problem(Fault.BAD_SIGNATURE, f"log {number}: seal at seq {seq}")
                last_seal = seq
        if last_seal != seq:
            self._problem(Fault.BAD_SIGNATURE, f"log {number}: the head is not sealed")
        if (seq, prev, is_closed, has_erases) != (head_seq, head, bool(closed), bool(erases)):
            self._problem("heads-differ", f"log {number}: head {head_seq}, records to {seq}")

    def _check_parts(
        self, scope: int, row: Row, header: Header, owner: LogOwner, may_erase: bool
    ) -> None:
        states = PartStates.read(row.parts)
        if states.count != len(header.parts):
            raise Rotten(f"states of {states.count} parts at seq {row.seq}")
        contents = held_contents(self._connection, row)
        for position, (part, content) in enumerate(zip(header.parts, contents, strict=True)):
            if (content is not None) != bool(states.present >> position & 1):
                raise Rotten(f"part {position} at seq {row.seq} is not where it is said to be")
            if content is not None and not fits(content, part.length, part.commit):
                self._problem(Fault.BAD_COMMIT, f"row {row.row}, part {position}")
        wanted = self._rows(
            "SELECT row, mask FROM missing_parts WHERE scope = ? AND id = ?", scope, row.id
        )
        if wanted != ([(row.row, states.missing)] if states.missing else []):
            self._problem("wants-differ", f"row {row.row}")
        self._found.missing_parts += states.missing.bit_count()
        self._found.erased_parts += states.erased.bit_count()
        target = EraseTarget(RecordId(row.id), owner, len(header.parts))
        if header.parts:
            self._targets.append(_Target(target, states))
        if header.kind == Kind.ERASE:
            named = tuple(zip(map(RecordId, header.refs), masks(header.ext), strict=True))
            self._erases.append(Erase(owner, may_erase, named))
            for record, mask in named:
                query = "SELECT mask FROM erasures WHERE scope = ? AND target = ? AND row = ?"
                if self._rows(query, scope, record, row.row) != [(mask,)]:
                    self._problem(Fault.ERASED, f"erase of row {row.row}")

    def _check_erased(self) -> None:
        expected = erased_masks(self._erases, [known.target for known in self._targets])
        for known in self._targets:
            if known.states.erased != expected.get(known.target.record, 0):
                self._problem(Fault.ERASED, f"erased parts are {known.states.erased}, by mask")

    def _check_scopes(self) -> None:
        for number, space, topic, counter, root, nodes in self._rows(
            "SELECT scope, space, topic, counter, root, nodes FROM scopes"
        ):
            self._found.scopes += 1
            logs = self._rows("SELECT id, head, changed FROM logs WHERE scope = ?", number)
            entries = [tree.log_entry(log, (head,)) for log, head, _ in logs]
            orgs = self._rows(
                "SELECT s.id, s.digest, o.digest, s.changed, s.clock_max, o.org FROM scope_orgs"
                " AS s JOIN orgs AS o USING (org) WHERE s.scope = ?",
                number,
            )
            entries += [tree.org_entry(org, digest) for org, digest, *_ in orgs]
            if tree.scope_root(space, topic, entries) != root:
                self._problem("root-differs", f"scope {number}")
            if self._root_of_nodes(number, Scope(space, topic), nodes) != root:
                self._problem("root-differs", f"nodes of scope {number}")
            changed = [*(row[2] for row in logs), *(row[3] for row in orgs)]
            if max(changed, default=0) > counter:
                self._problem("heads-differ", f"counter of scope {number}")
            for _, digest, expected, _, clock, org in orgs:
                if digest != expected or clock != self._clocks.get((number, org), 0):
                    self._problem("heads-differ", f"organisation {org} in scope {number}")

    def _root_of_nodes(self, number: int, scope: Scope, nodes: bytes) -> bytes:
        """The root by the stored bucket hashes, if the stored nodes agree with these."""
        stored = dict(
            self._rows(
                "SELECT place % ?, buckets FROM tree_nodes WHERE place / ? = ?",
                *(tree.NODES, tree.NODES, number),
            )
        )
        hashes = [
            tree.node_hash(stored[node]) if node in stored else tree.EMPTY
            for node in range(tree.NODES)
        ]
        if b"".join(hashes) != nodes:
            return EMPTY_NODES
        return tree.root_hash(scope.space, scope.topic, nodes)

    def _check_own_logs(self) -> None:
        for log, seq, head, head_seq, held in self._rows(
            "SELECT o.id, o.seq, o.head, l.head_seq, l.head FROM own_logs AS o"
            " LEFT JOIN logs AS l USING (id) WHERE o.retired IS NULL"
        ):
            if (seq, head) != (head_seq, held):
                self._problem("heads-differ", f"own log {log.hex()[:8]}")

    def _may_erase(self, org: OrgId, delegation: bytes) -> bool:
        state = self._identities.get(org)
        found = None if state is None else state.delegations.get(EventId(delegation))
        return found is not None and found.rights.erase

    def _log_rows(self, log: int) -> Iterator[Row]:
        """The rows of a log as its pieces say, in the order of seqs."""
        found = self._connection.execute(
            "SELECT p.first_seq + r.row - p.first_row, r.row, r.id, r.body, r.parts"
            " FROM pieces AS p CROSS JOIN records AS r"
            " ON r.row BETWEEN p.first_row AND p.first_row + p.records - 1"
            " WHERE p.log = ? ORDER BY p.first_seq, r.row",
            (log,),
        )
        return map(Row._make, found)

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values).fetchall()

    def _problem(self, fault: str, place: str) -> None:
        self._found.problems.append(Problem(str(fault), place))
