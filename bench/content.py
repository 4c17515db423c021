"""What the benchmark replicates: records of 100 organisations, signed before the clock starts.

Every record is a need of one line with about 250 bytes of facts, in its writer's own log. The same
seeds give the same records in every run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from hutong_protocol import signatures
from hutong_protocol.authoring import Draft, OwnLog, append, open_log
from hutong_protocol.encoding import encode
from hutong_protocol.exchange import LogRun, Scope
from hutong_protocol.identity import evaluate
from hutong_protocol.identity_authoring import (
    KeySigner,
    commit_to,
    delegate,
    epoch_place,
    incept,
    key_set,
    prove_possession,
)
from hutong_protocol.identity_contents import EVERYTHING, Rights
from hutong_protocol.ids import EventId, LogId, OrgId, WriterKey
from hutong_protocol.runs import PartData, RunSource, encode_run_value, fit_run

WRITERS = 100
RUN_RECORDS = 250
SCOPE = Scope("bench-2026", "fsc")
TYPE = "need/1"
_START_MS = 1_640_000_000_000


@dataclass(slots=True)
class BenchWriter:
    """One organisation with one writer and the head of its log."""

    number: int
    org: OrgId
    delegation: EventId
    seed: bytes
    events: list[object]
    identity: tuple[EventId, ...]
    log: OwnLog | None = None

    def sign(self, message: bytes) -> bytes:
        """The writer key's signature."""
        return signatures.sign(self.seed, message)


def bench_writer(number: int) -> BenchWriter:
    """The organisation with this number, always the same."""

    def key(purpose: str) -> tuple[bytes, KeySigner]:
        seed = hashlib.sha256(f"bench/{number}/{purpose}".encode()).digest()
        return seed, KeySigner(
            signatures.public_key(seed), lambda message: signatures.sign(seed, message)
        )

    control, following, recovery = (key(name)[1] for name in ("control", "next", "recovery"))
    seed, writer = key("writer")
    inception = incept(
        control=key_set([control.key], 1),
        next_keys=commit_to([following.key], 1),
        recovery=key_set([recovery.key], 1),
        nonce=seed[:16],
        ts_ms=_START_MS,
        signers=[control],
    )
    (state,) = evaluate([inception]).values()
    granted = delegate(
        epoch_place(state),
        writer=WriterKey(writer.key),
        possession=prove_possession(state.org, writer),
        rights=Rights(EVERYTHING, EVERYTHING, write=True, session=True, erase=True),
        label="bench",
        ts_ms=_START_MS,
        signers=[control],
    )
    events: list[object] = [inception.to_value(), granted.to_value()]
    return BenchWriter(number, state.org, granted.id, seed, events, (granted.id,))


def facts(writer: int, seq: int) -> bytes:
    """Facts of one need with one line."""
    return encode(
        {
            "incident": hashlib.sha256(b"incident").digest(),
            "lines": [
                {
                    "id": "masks",
                    "kind": "goods",
                    "item": {"scheme": "x-item", "code": f"mask-{seq % 97}"},
                    "quantity": {"bound": "exact", "value": str(100 + seq % 900), "unit": "zhi"},
                }
            ],
            "place": {"codes": [{"scheme": "CN-GB2260", "code": str(610_100 + writer % 16)}]},
            "urgency": "high",
            "valid_until": "2022-01-20T00:00:00+08:00",
        }
    )


def runs(writer: BenchWriter, records: int, *, salt: bytes = b"") -> Iterator[LogRun]:
    """The next `records` records of a writer's log, as runs of at most 250; opens it if needed."""
    left = records
    while left > 0:
        sources: list[RunSource] = []
        seals: dict[int, bytes] = {}
        if writer.log is None:
            opened = open_log(
                org=writer.org,
                writer=WriterKey(signatures.public_key(writer.seed)),
                delegation=writer.delegation,
                space=SCOPE.space,
                topic=SCOPE.topic,
                nonce=writer.seed[:16],
                identity=writer.identity,
                ts=_START_MS,
                own_clock=0,
                clock_held=0,
                sign=writer.sign,
            )
            log, first_seq, prev = opened.log, 0, b""
            sources += [RunSource(entry.record.header, ()) for entry in opened.records]
            left -= 1
        else:
            log, first_seq, prev = writer.log, writer.log.head_seq + 1, writer.log.head_id
        count = min(left, RUN_RECORDS - len(sources))
        base = log.head_seq + 1
        if count:
            drafts = [
                Draft(
                    ts=_START_MS + seq,
                    type=TYPE,
                    parts=(
                        PartData(
                            0,
                            hashlib.sha256(b"%d/%d" % (writer.number, seq) + salt).digest()[:16],
                            facts(writer.number, seq),
                        ),
                    ),
                )
                for seq in range(base, base + count)
            ]
            appended = append(
                log, drafts, identity=writer.identity, clock_held=log.clock, sign=writer.sign
            )
            log = appended.log
            for entry in appended.records:
                sources.append(RunSource(entry.record.header, entry.record.parts))
                if entry.signature is not None:
                    seals[len(sources)] = entry.signature
        else:
            seals[1] = writer.sign(signatures.record_message(log.head_id))
        fitted = fit_run(first_seq, prev, sources, [len(sources)])
        seal = seals[len(sources)]
        value = encode_run_value(log.log, first_seq, prev, fitted.records, seal)
        yield LogRun(LogId(log.log), value)
        writer.log = log
        left -= count
