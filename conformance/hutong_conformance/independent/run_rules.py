"""Checks runs and joins them to a log from scratch, as an oracle for the vectors of section 6.

Owns: the bytes of a run -> its ids, or the name of the fault (Spec: 6.2, 6.3), and a log that grows
by runs (Spec: 6.4, steps 1 to 4). Each header is built, written with `mp_encoder` and read again by
`headers`, so that every rule is judged over bytes. Shares no code with the core.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from hutong_conformance.independent import ed25519, headers
from hutong_conformance.independent.headers import binary, demand, identify, number
from hutong_conformance.independent.mp_decoder import INT_LIMIT, Rejected, Value, decode
from hutong_conformance.independent.mp_encoder import encode

RUN_LIMIT = 1 << 20
PLACE = tuple[int, int]
Step: TypeAlias = "str | dict[str, int]"


@dataclass
class Run:
    """What a run without a fault says."""

    log: bytes
    first_seq: int
    prev: bytes
    writer: bytes
    ids: list[bytes] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    absent: set[PLACE] = field(default_factory=set)
    present: set[PLACE] = field(default_factory=set)
    erased: set[tuple[bytes, int]] = field(default_factory=set)
    """What its erase records name: an id and a position."""


def verify(data: bytes, writer: bytes | None) -> Run:
    """The run in these bytes; `writer` is needed for one that doesn't begin at seq 0."""
    value = decode(data, bytes_max=RUN_LIMIT)
    demand(isinstance(value, list) and len(value) == 5, "bad-run", "five elements")
    assert isinstance(value, list)
    log, first, prev, records, seal = value
    demand(binary(log, 32) and number(first), "bad-run", "log, first_seq")
    demand(binary(prev, 0 if first == 0 else 32), "bad-run", "prev")
    demand(isinstance(records, list) and 1 <= len(records) <= 256, "bad-run", "records")
    demand(binary(seal, 64), "bad-signature", "length of the seal")
    assert isinstance(log, bytes)
    assert isinstance(first, int)
    assert isinstance(prev, bytes)
    assert isinstance(records, list)
    assert isinstance(seal, bytes)
    demand(first + len(records) - 1 <= INT_LIMIT, "bad-header", "last seq")
    run = Run(log, first, prev, writer or b"")
    for record in records:
        add(run, record)
    if first == 0:
        demand(run.ids[0] == log, "bad-run", "the log is that of the open record")
    demand(first == 0 or writer is not None, "gap", "the open record is not here")
    demand(ed25519.key_point(run.writer) is not None, "bad-key", "writer")
    message = b"hutong/1/sign-record\x00" + run.ids[-1]
    demand(ed25519.verify(run.writer, message, seal), "bad-signature", "seal")
    return run


def add(run: Run, record: Value) -> None:
    """Rebuilds the header of the next record of a run. Spec: 6.3.2."""
    demand(isinstance(record, list) and len(record) == 7, "bad-run", "seven elements")
    assert isinstance(record, list)
    demand(run.kinds[-1:] != [headers.CLOSE], "log-closed", "a record after the last")
    kind, ts, clock, name, refs, parts, ext = record
    seq = run.first_seq + len(run.ids)
    log, before = (run.log, (run.ids or [run.prev])[-1]) if seq else (b"", b"")
    demand(isinstance(parts, list), "bad-parts", "an array")
    assert isinstance(parts, list)
    described: list[Value] = []
    for position, part in enumerate(parts):
        role, length, commit, has_bytes = describe(part)
        described.append([role, length, commit])
        (run.present if has_bytes else run.absent).add((seq, position))
    built: Value = [1, kind, log, seq, before, ts, clock, name, refs, described, ext]
    header = encode(built)
    headers.read(header)
    run.ids.append(identify(header))
    assert isinstance(kind, int)
    assert isinstance(ext, dict)
    run.kinds.append(kind)
    if kind == headers.ERASE:
        run.erased |= set(named(refs, ext["mask"]))
    if seq == 0:
        writer = ext["writer"]
        assert isinstance(writer, bytes)
        run.writer = writer


def named(refs: Value, masks: Value) -> Iterator[tuple[bytes, int]]:
    """The parts that an erase record names. Spec: 5.3.4."""
    assert isinstance(refs, list)
    assert isinstance(masks, list)
    for ref, mask in zip(refs, masks, strict=True):
        assert isinstance(ref, bytes)
        assert isinstance(mask, int)
        yield from ((ref, position) for position in range(4) if mask >> position & 1)


def describe(part: Value) -> tuple[Value, Value, Value, bool]:
    """Role, length and commit of a part of a run, and whether its bytes are there."""
    demand(isinstance(part, list) and len(part) == 3, "bad-parts", "three elements")
    assert isinstance(part, list)
    role, second, third = part
    if isinstance(second, bytes) and isinstance(third, bytes) and len(second) == 16:
        commit = hashlib.sha256(b"hutong/1/part\x00" + second + third).digest()
        return role, len(third), commit, True
    demand(binary(second, 32) and number(third), "bad-parts", "present or absent")
    return role, third, second, False


class Log:
    """A log as a receiver holds it that started with nothing."""

    def __init__(self) -> None:
        self.ids: list[bytes] = []
        self.kinds: list[int] = []
        self.writer: bytes | None = None
        self.absent: set[PLACE] = set()
        self.erased: set[tuple[bytes, int]] = set()

    @property
    def missing(self) -> set[PLACE]:
        """The parts that are neither here nor erased. Spec: 5.6.3."""
        return {(s, p) for s, p in self.absent if (self.ids[s], p) not in self.erased}

    def take(self, data: bytes) -> Step:
        """What becomes of the next run that arrives."""
        try:
            return self.join(data)
        except Rejected as rejected:
            return rejected.fault

    def join(self, data: bytes) -> Step:
        """Counts of new and known records; raises `Rejected`. Spec: 6.4."""
        run = verify(data, self.writer)
        first, held = run.first_seq, len(self.ids)
        demand(first <= held, "gap", "records between")
        demand(first == 0 or self.ids[first - 1] == run.prev, "fork", "below the run")
        known = min(held - first, len(run.ids))
        demand(self.ids[first : first + known] == run.ids[:known], "fork", "a held seq")
        if known < len(run.ids):
            demand(self.kinds[-1:] != [headers.CLOSE], "log-closed", "the head is a close record")
        self.writer = run.writer
        self.ids += run.ids[known:]
        self.kinds += run.kinds[known:]
        self.absent |= {place for place in run.absent if place[0] >= held}
        self.absent -= run.present
        self.erased |= run.erased
        return {"new": len(run.ids) - known, "known": known}
