"""Local writing in the simulation: own logs in a replica, and damage that a disk can do.

`Writer` does what a node's publishing does: one open log a scope, appended to under the rules of
`authoring`. The functions below hurt a replica in ways that a node may find its store in.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from hutong_protocol import authoring
from hutong_protocol.authoring import Draft
from hutong_protocol.encoding import Value
from hutong_protocol.exchange import Head, LocalChange, LogRun, Scope
from hutong_protocol.ids import EventId, LogId, RecordId
from hutong_protocol.records import encode_elements, record_id
from hutong_protocol.runs import PartData, RunSource, encode_run_value, fit_run
from hutong_protocol.signatures import record_message
from simulation.parties import Party
from simulation.replica import Replica
from simulation.replica_state import Log

UNKNOWN_KIND = 9


class Writer:
    """Writes records of a party into its replica."""

    def __init__(self, party: Party, store: Replica, rng: random.Random) -> None:
        self.party = party
        self.store = store
        self._rng = rng
        self._open: dict[Scope, LogId] = {}
        self.now_ms = 1_000

    def forget_logs(self) -> None:
        """Never appends to a log again that may have gone on elsewhere. Spec: 5.1.5."""
        self._open.clear()

    def write(self, scope: Scope, drafts: Sequence[Draft]) -> LocalChange:
        """Appends drafts to the log of the scope, opening one if there is none."""
        if scope not in self._open:
            self._open[scope] = self._open_log(scope)
        log = self.store.logs[self._open[scope]]
        first_seq = log.state.head_seq + 1
        state = log.state
        own = authoring.OwnLog(
            state.log, state.head_seq, state.head_id, state.closed, self._clock(), self._heads
        )
        appended = authoring.append(
            own, drafts, identity=self._heads, clock_held=self._clock(), sign=self.party.sign
        )
        self._store(scope, own.log, appended)
        return LocalChange(scope, own.log, first_seq, self._head(own.log))

    def new_log(self, scope: Scope) -> LocalChange:
        """Begins another instance of the log of a scope."""
        self._open[scope] = self._open_log(scope)
        return LocalChange(scope, self._open[scope], 0, self._head(self._open[scope]))

    def write_unknown(self, scope: Scope) -> LocalChange:
        """A record of a kind that this version does not know, as a later version may write."""
        if scope not in self._open:
            self._open[scope] = self._open_log(scope)
        log = self.store.logs[self._open[scope]]
        seq, prev = log.state.head_seq + 1, log.state.head_id
        ext: dict[str, Value] = {"later": [1, 2], "crit": ["later"]}
        place = (1, UNKNOWN_KIND, log.state.log, seq, prev, 5, seq + 1)
        header = encode_elements((*place, "later/1", (), [], ext))
        seal = self.party.sign(record_message(record_id(header)))
        fitted = fit_run(seq, prev, [RunSource(header, ())], [1])
        run = encode_run_value(log.state.log, seq, prev, fitted.records, seal)
        [outcome] = self.store.store_runs(scope, [LogRun(log.state.log, run)], self.party.org)
        assert outcome.fault is None, outcome
        return LocalChange(scope, log.state.log, seq, self._head(log.state.log))

    def random_drafts(self, count: int, *, size_max: int = 60) -> list[Draft]:
        """Drafts of data records with up to three parts."""
        rng = self._rng
        drafts = []
        for _ in range(count):
            parts = tuple(
                PartData(role, rng.randbytes(16), rng.randbytes(rng.randint(1, size_max)))
                for role in range(rng.choice((0, 1, 1, 2)))
            )
            self.now_ms += rng.randint(-3, 9)
            refs = tuple(rng.randbytes(32) for _ in range(rng.choice((0, 0, 1))))
            drafts.append(Draft(max(self.now_ms, 0), type="need/1", refs=refs, parts=parts))
        return drafts

    def erase(self, scope: Scope, record: RecordId, mask: int) -> LocalChange:
        """Erases parts of a record."""
        return self.write(scope, [authoring.erase_draft(7, {record: mask})])

    def _open_log(self, scope: Scope) -> LogId:
        party = self.party
        opened = authoring.open_log(
            org=party.org,
            writer=party.writer,
            delegation=party.delegation,
            space=scope.space,
            topic=scope.topic,
            nonce=self._rng.randbytes(16),
            identity=self._heads,
            ts=1,
            own_clock=self._clock(),
            clock_held=self._clock(),
            sign=party.sign,
            space_salt=party.salts.get(scope.space),
        )
        self._store(scope, opened.log.log, opened)
        return opened.log.log

    @property
    def _heads(self) -> tuple[EventId, ...]:
        return self.store.states[self.party.org].heads

    def _clock(self) -> int:
        return 1 + max((len(log.kept) for log in self.store.logs.values()), default=0)

    def _head(self, log: LogId) -> Head:
        state = self.store.logs[log].state
        return Head(state.head_seq, state.head_id)

    def _store(self, scope: Scope, log: LogId, appended: authoring.Appended) -> None:
        records = appended.records
        first = 0
        for at, entry in enumerate(records):
            if entry.signature is None:
                continue
            piece = [one.record for one in records[first : at + 1]]
            sources = [RunSource(record.header, record.parts) for record in piece]
            prev = self._prev(log, piece[0].seq)
            fitted = fit_run(piece[0].seq, prev, sources, [len(piece)])
            run = encode_run_value(log, piece[0].seq, prev, fitted.records, entry.signature)
            [outcome] = self.store.store_runs(scope, [LogRun(log, run)], self.party.org)
            assert outcome.fault is None, outcome
            first = at + 1

    def _prev(self, log: LogId, seq: int) -> bytes:
        return self.store.logs[log].kept[seq - 1].record.id if seq else b""


def spoil_signatures(log: Log, rng: random.Random) -> None:
    """Garbage in the middle: never at the head, which was verified when it was stored."""
    for kept in log.kept[:-1]:
        if rng.random() < 0.5:
            log.signatures[kept.record.seq] = rng.randbytes(64)


def lose_parts(store: Replica, log: Log, rng: random.Random) -> None:
    """Parts that were never received, and ones whose bytes no longer fit."""
    for kept in log.kept:
        for position, part in enumerate(kept.parts):
            if part is None or rng.random() > 0.3:
                continue
            if rng.random() < 0.5:
                kept.parts[position] = None
                store.scopes[log.scope].missing.add(kept.record.id)
            else:
                kept.parts[position] = part._replace(data=rng.randbytes(len(part.data)))
