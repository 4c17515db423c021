"""Proofs of forks: two runs without parts that cannot both continue one log. Spec: 5.10.

The branch that was held first stays; of any other the proof is kept, so that it can be shown to the
organisation that has to settle it. Header-only, so nothing here is ever erased.
"""

from __future__ import annotations

import sqlite3

from hutong_node.store.interface import ForkProof
from hutong_node.store.sqlite.held import LogRow
from hutong_node.store.sqlite.ranges import read_range
from hutong_node.store.sqlite.rows import Rotten, build_header, read_body
from hutong_protocol import log_state
from hutong_protocol.encoding import encode_received
from hutong_protocol.exchange import Scope
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.ids import LogId, OrgId
from hutong_protocol.records import record_id
from hutong_protocol.runs import CheckedRun, check_run, encode_run_value


def bare_run(connection: sqlite3.Connection, log: LogRow, seq: int) -> CheckedRun | None:
    """The held run from `seq` to the next seal, without parts; None if it has rotted away."""
    found = connection.execute(
        "SELECT seq, signature FROM seals WHERE log = ? AND seq >= ? ORDER BY seq LIMIT 1",
        (log.number, seq),
    ).fetchone()
    if found is None:
        return None
    last, seal = found
    rows = list(read_range(connection, log.number, seq - 1, last))
    prev = rows.pop(0).id if seq > 0 else b""
    first_prev = prev
    records: list[object] = []
    try:
        for row in rows:
            if record_id(build_header(row.body, log.id, row.seq, prev)) != row.id:
                return None
            prev = row.id
            records.append(_bare(read_body(row.body)))
        value = encode_run_value(log.id, seq, first_prev, records, seal)
        return check_run(value, log_id=log.id, writer=log.state.open.writer)
    except (Rotten, ProtocolFault):
        return None


def keep_fork(
    connection: sqlite3.Connection,
    log: LogRow,
    proof: log_state.ForkProof,
    now_ms: int,
    *,
    proofs_max: int,
) -> None:
    """Keeps a proof, once for each refused head, and at most `proofs_max` of one log."""
    connection.execute(
        "INSERT OR IGNORE INTO fork_proofs"
        " SELECT ?, ?, ?, ?, ?, ?, ? WHERE"
        " (SELECT count(*) FROM fork_proofs WHERE log = ?) < ?",
        (
            *(log.number, proof.seq, proof.other.last.seq, proof.other.last.id),
            *(_encode(proof.one), _encode(proof.other), now_ms, log.number, proofs_max),
        ),
    )


def has_proof(connection: sqlite3.Connection, log: LogRow, head: bytes) -> bool:
    """Whether a proof is kept whose refused run ends with this record."""
    found = connection.execute(
        "SELECT 1 FROM fork_proofs WHERE log = ? AND head = ?", (log.number, head)
    ).fetchone()
    return found is not None


def list_forks(connection: sqlite3.Connection) -> list[ForkProof]:
    """All proofs, those of one log together."""
    found = connection.execute(
        "SELECT l.id, s.space, s.topic, o.id, f.seq, f.held, f.refused, f.found_ms"
        " FROM fork_proofs AS f JOIN logs AS l USING (log) JOIN scopes AS s USING (scope)"
        " JOIN orgs AS o USING (org) ORDER BY l.id, f.seq"
    )
    return [
        ForkProof(LogId(log), Scope(space, topic), OrgId(org), seq, held, refused, found_ms)
        for log, space, topic, org, seq, held, refused, found_ms in found
    ]


def _encode(run: CheckedRun) -> bytes:
    records = [
        [
            *(record.kind, record.ts, record.clock, record.type, record.refs),
            *([[part.role, part.commit, part.length] for part in record.part_refs], record.ext),
        ]
        for record in run.records
    ]
    return encode_received(encode_run_value(run.log, run.first_seq, run.prev, records, run.seal))


def _bare(elements: list[object]) -> list[object]:
    """The elements of a body as they stand in a run without parts."""
    parts = elements[5]
    assert isinstance(parts, list)
    return [*elements[:5], [[role, commit, length] for role, length, commit in parts], elements[6]]
