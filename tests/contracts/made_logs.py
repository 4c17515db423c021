"""Logs made by hand for tests of stores: real signatures, any run of them, on any branch.

A `MadeLog` is written by one party of the simulation and can be cut into runs at any two places,
since whoever has the seed can sign any record. Everything random comes from the generator given.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence

from hutong_protocol import authoring
from hutong_protocol.authoring import Draft
from hutong_protocol.encoding import Value
from hutong_protocol.exchange import Head, LogRun, Scope
from hutong_protocol.ids import EventId, LogId, RecordId
from hutong_protocol.records import encode_elements, record_id
from hutong_protocol.runs import (
    CheckedRecord,
    PartData,
    RunSource,
    encode_run_value,
    fit_run,
)
from hutong_protocol.signatures import record_message, sign
from simulation.parties import Party

SCOPE = Scope("xian-2021", "fsc")
OTHER_SCOPE = Scope("xian-2021", "hea")
UNKNOWN_KIND = 9


class MadeLog:
    """A log of a party, growing record by record."""

    def __init__(
        self,
        party: Party,
        rng: random.Random,
        scope: Scope = SCOPE,
        *,
        seed: bytes | None = None,
        delegation: EventId | None = None,
        writer: bytes | None = None,
    ) -> None:
        """By default the writer and delegation are those of the party."""
        self.party = party
        self.scope = scope
        self.seed = seed or party.seed
        self.knows: tuple[EventId, ...] = (party.delegation,)
        self._rng = rng
        opened = authoring.open_log(
            org=party.org,
            writer=writer or party.writer,  # type: ignore[arg-type]
            delegation=delegation or party.delegation,
            space=scope.space,
            topic=scope.topic,
            nonce=rng.randbytes(16),
            identity=self.knows,
            ts=1,
            own_clock=0,
            clock_held=0,
            sign=self._sign,
            space_salt=party.salts.get(scope.space),
        )
        self.records: list[CheckedRecord] = [opened.records[0].record]
        self._state = opened.log

    @property
    def log(self) -> LogId:
        return self._state.log

    @property
    def head(self) -> Head:
        return Head(self._state.head_seq, self._state.head_id)

    def fork(self, at: int) -> MadeLog:
        """Another branch with the same records up to seq `at`."""
        branch = object.__new__(MadeLog)
        branch.__dict__.update(self.__dict__)
        branch.records = self.records[: at + 1]
        last = branch.records[-1]
        branch._state = authoring.OwnLog(
            self.log, last.seq, last.id, False, last.clock, self._state.identity
        )
        return branch

    def write(self, drafts: Sequence[Draft]) -> list[RecordId]:
        """Appends drafts; returns their ids."""
        appended = authoring.append(
            self._state, drafts, identity=self.knows, clock_held=0, sign=self._sign
        )
        self._state = appended.log
        self.records += [authored.record for authored in appended.records]
        return [authored.record.id for authored in appended.records]

    def data(self, count: int, size: int = 40, parts: int = 1) -> list[RecordId]:
        """Appends data records with `parts` parts of `size` random bytes each."""
        rng = self._rng
        return self.write(
            [
                Draft(
                    rng.randrange(2**40),
                    type="need/1",
                    refs=tuple(rng.randbytes(32) for _ in range(rng.choice((0, 0, 2)))),
                    parts=tuple(
                        PartData(role, rng.randbytes(16), rng.randbytes(size))
                        for role in (0, 1, 4, 5)[:parts]
                    ),
                )
                for _ in range(count)
            ]
        )

    def erase(self, masks: Mapping[RecordId, int]) -> RecordId:
        """Appends an erase record."""
        return self.write([authoring.erase_draft(7, masks)])[0]

    def close(self) -> RecordId:
        """Appends a close record."""
        return self.write([authoring.close_draft(8)])[0]

    def unknown(self) -> RecordId:
        """Appends a record of a kind, type and ext key that this version does not know."""
        last = self.records[-1]
        ext: dict[str, Value] = {"crit": ["later"], "later": [1, {"deep": None}]}
        place = (1, UNKNOWN_KIND, self.log, last.seq + 1, last.id, 5, last.clock + 1)
        header = encode_elements((*place, "later/1", (), [], ext))
        content = (UNKNOWN_KIND, last.clock + 1, 5, "later/1", (), (), (), ext)
        self.records.append(CheckedRecord(record_id(header), header, last.seq + 1, *content))
        self._state = authoring.OwnLog(
            *(self.log, last.seq + 1, self.records[-1].id, False, last.clock + 1),
            self._state.identity,
        )
        return self.records[-1].id

    def run(
        self, first: int = 0, last: int | None = None, absent: Collection[tuple[int, int]] = ()
    ) -> LogRun:
        """The run of seqs `first` to `last`; `absent` are (seq, position) of parts left out."""
        end = len(self.records) if last is None else last + 1
        records = self.records[first:end]
        sources = [
            RunSource(
                record.header,
                tuple(
                    None if (record.seq, position) in absent else part
                    for position, part in enumerate(record.parts)
                ),
            )
            for record in records
        ]
        prev = self.records[first - 1].id if first else b""
        fitted = fit_run(first, prev, sources, [len(sources)])
        seal = self._sign(record_message(records[-1].id))
        return LogRun(self.log, encode_run_value(self.log, first, prev, fitted.records, seal))

    def runs(self, first: int = 0, step: int = 256) -> list[LogRun]:
        """Runs of at most `step` records that make up the log from `first` on."""
        end = len(self.records)
        return [self.run(at, min(at + step, end) - 1) for at in range(first, end, step)]

    def part(self, record: RecordId, position: int = 0) -> PartData:
        """A part of a record."""
        [found] = [known for known in self.records if known.id == record]
        part = found.parts[position]
        assert part is not None
        return part

    def _sign(self, message: bytes) -> bytes:
        return sign(self.seed, message)
