"""Vectors of runs that arrive one after the other for a log: gaps, duplicates, forks. Spec: 6.4.

The receiver holds nothing at first and has no policy; what is refused changes nothing.
Hard cases 21-23, 26-28, 36; threats 4, 14, 15, 19.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json, Level
from hutong_conformance.raw_records import CLOSING, TS, WRITER, Content, Log, Part

FACTS = Part(0, raw.bytes_from("facts", 40))
TEXT = Part(1, "联系仓库".encode())
LOG = Log(*[Content(ts=TS + number, parts=[FACTS, TEXT]) for number in range(6)])
GARBAGE = raw.bytes_from("no signature", 64)

Step = str | tuple[int, int]
"""The name of a fault or refusal, or the numbers of new and of known records."""


def cases() -> Iterator[Case]:
    """Runs in order, with gaps, again, after bad ones, of another branch, after the end."""
    yield from _in_order()
    yield from _bad_signatures()
    yield from _forks()
    yield from _closed()
    yield from _parts()


def joined(
    name: str,
    comment: str,
    log: Log,
    steps: Sequence[tuple[bytes, Step]],
    *,
    held: int | None,
    missing: Sequence[tuple[int, int]] = (),
    section: str = "6.4",
    level: Level = "MUST",
) -> Case:
    """The case that runs have these outcomes and leave the receiver with `log` up to `held`."""
    outcomes: list[Json] = [
        step if isinstance(step, str) else {"new": step[0], "known": step[1]} for _, step in steps
    ]
    expect: Json = {
        "steps": outcomes,
        "head": None if held is None else [held, log.ids[held].hex()],
        "closed": held is not None and log.contents[held].kind == 3,
        "missing": [[*place] for place in missing],
    }
    runs: Json = [run.hex() for run, _ in steps]
    return Case(f"6/{name}", section, level, comment, "log.join", {"runs": runs}, {"ok": expect})


def _in_order() -> Iterator[Case]:
    def right(name: str, comment: str, *steps: tuple[int, int, Step], held: int | None = 6) -> Case:
        runs = [(LOG.run(first, last), step) for first, last, step in steps]
        return joined(f"join-{name}", comment, LOG, runs, held=held)

    yield right("nothing", "Nothing arrived", held=None)
    yield right("at-once", "A whole log in one run", (0, 6, (7, 0)))
    yield right("in-order", "Three runs in order", (0, 2, (3, 0)), (3, 3, (1, 0)), (4, 6, (3, 0)))
    yield right("again", "Threat 4: the same run again", (0, 6, (7, 0)), (0, 6, (0, 7)))
    yield right("part-of-held", "A run inside what is held", (0, 6, (7, 0)), (2, 3, (0, 2)))
    yield right("overlap", "A run that goes on beyond what is held", (0, 3, (4, 0)), (2, 6, (3, 2)))
    yield right("longer", "The log again, but longer", (0, 3, (4, 0)), (0, 6, (3, 4)))
    comment = "Hard case 26: records between are not held; then they come"
    yield right("gap", comment, (0, 2, (3, 0)), (4, 6, "gap"), (3, 3, (1, 0)), (4, 6, (3, 0)))
    yield right("gap-of-all", "Nothing is held, not even the key", (1, 6, "gap"), held=None)
    yield right("gap-at-end", "Hard case 26: the gap stays", (0, 2, (3, 0)), (4, 6, "gap"), held=2)


def _bad_signatures() -> Iterator[Case]:
    whole, start = LOG.run(0, 6), LOG.run(0, 2)
    bad_middle = LOG.run(3, 4, seal=GARBAGE)
    yield joined(
        "join-garbage-in-the-middle",
        "Hard case 22: garbage as a signature in the middle; the run beyond it is taken",
        LOG,
        [(start, (3, 0)), (bad_middle, "bad-signature"), (LOG.run(3, 6), (4, 0))],
        held=6,
    )
    yield joined(
        "join-garbage-tail",
        "Hard case 23: the tail's signature is garbage; later a longer run comes",
        LOG,
        [(start, (3, 0)), (LOG.run(3, 5, seal=GARBAGE), "bad-signature"), (LOG.run(3, 6), (4, 0))],
        held=6,
    )
    yield joined(
        "join-poisoned-then-honest",
        "Hard case 68: a poisoned run, then the honest one of another peer",
        LOG,
        [(LOG.run(0, 6, seal=GARBAGE), "bad-signature"), (whole, (7, 0))],
        held=6,
    )
    second = raw.sign(WRITER, raw.tagged("sign-record", LOG.ids[6]), nonce=987_654_321)
    yield joined(
        "join-second-signature",
        "Hard case 21: another valid signature of a record that is held is no fork",
        LOG,
        [(whole, (7, 0)), (LOG.run(5, 6, seal=second), (0, 2))],
        held=6,
        section="6.4.3",
    )


def _forks() -> Iterator[Case]:
    other = LOG.branch(3, *[Content(ts=TS - 1 - number) for number in range(3)])
    longer = LOG.branch(3, *[Content(ts=TS - 1 - number) for number in range(9)])

    def fork(name: str, comment: str, run: bytes, *, refusal: str = "fork", last: int = 6) -> Case:
        steps: list[tuple[bytes, Step]] = [(LOG.run(0, last), (last + 1, 0)), (run, refusal)]
        return joined(f"fork-{name}", comment, LOG, steps, held=last)

    yield fork("equal-heights", "Hard case 28: equal seqs, other ids", other.run(0, 6))
    yield fork("at-head", "Hard case 28: another record in place of the head", other.run(6, 6))
    yield fork("longer", "Threat 15: the other branch is longer", longer.run(0, 12))
    yield fork(
        "begins-there", "The run begins with the first record that differs", longer.run(4, 12)
    )
    yield fork("below", "The run begins above the fork: prev tells", longer.run(6, 12))
    yield fork("next-seq", "The run begins after the head, on the other branch", longer.run(7, 12))
    yield fork(
        "gap-first",
        "It begins further up: all that can be said is gap",
        longer.run(8, 12),
        refusal="gap",
    )
    yield fork("shorter", "The other branch is shorter", other.run(0, 4))
    equal = LOG.branch(3, *LOG.contents[4:])
    steps: list[tuple[bytes, Step]] = [(LOG.run(0, 6), (7, 0)), (equal.run(0, 6), (0, 7))]
    yield joined("fork-none", "The same records written twice are the same", LOG, steps, held=6)
    before = Log(*[Content(ts=TS - 9)] * 2)
    yield fork(
        "seq-below-prev",
        "Hard case 27: prev is the head, but the seq is one too low",
        _moved(LOG, prev_of=6, seq=6),
    )
    yield fork(
        "seq-above-prev",
        "Hard case 27: prev is the head, but the seq is one too high",
        _moved(LOG, prev_of=6, seq=8),
        refusal="gap",
    )
    yield fork(
        "prev-elsewhere",
        "Hard case 27: the seq is right, prev is of another log",
        _moved(LOG, prev_of=6, seq=7, prev=before.ids[2]),
    )
    yield fork(
        "prev-two-back",
        "Hard case 27: the seq is right, prev is two records back",
        _moved(LOG, prev_of=5, seq=7),
    )


def _moved(log: Log, *, prev_of: int, seq: int, prev: bytes | None = None) -> bytes:
    """A run of one record, well sealed, whose seq and prev do not belong together."""
    before = log.ids[prev_of] if prev is None else prev
    return log.stray(Content(ts=TS + 99), seq=seq, prev=before)


def _closed() -> Iterator[Case]:
    log = Log(*LOG.contents[1:3], CLOSING)
    beyond = Log(*LOG.contents[1:3], CLOSING, Content(ts=TS + 7))
    yield joined(
        "closed-then-more",
        "Hard case 36: a record after the close record",
        log,
        [(log.run(0, 3), (4, 0)), (beyond.run(4, 4), "log-closed")],
        held=3,
    )
    yield joined(
        "closed-again",
        "The closed log again is no fault",
        log,
        [(log.run(0, 3), (4, 0)), (log.run(1, 3), (0, 3))],
        held=3,
    )
    yield joined(
        "closed-in-the-run",
        "Hard case 36: the same inside one run: all of it is refused",
        log,
        [(beyond.run(0, 4), "log-closed"), (log.run(0, 3), (4, 0))],
        held=3,
    )
    other = log.branch(2, Content(ts=TS + 7), Content(ts=TS + 8))
    yield joined(
        "closed-and-fork",
        "Another record in place of the close record is a fork",
        log,
        [(log.run(0, 3), (4, 0)), (other.run(0, 4), "fork")],
        held=3,
    )
    yield joined(
        "closed-elsewhere",
        "A close record where another record is held is a fork too",
        other,
        [(other.run(0, 4), (5, 0)), (log.run(3, 3), "fork")],
        held=4,
    )


def _parts() -> Iterator[Case]:
    bare = LOG.bare_run(0, 2)
    missing = [(1, 0), (1, 1), (2, 0), (2, 1)]
    yield joined(
        "parts-missing",
        "Hard case 12: parts that nobody sent are missing",
        LOG,
        [(bare, (3, 0))],
        held=2,
        missing=missing,
    )
    yield joined(
        "parts-brought-later",
        "A missing part that a duplicate carries is kept",
        LOG,
        [(bare, (3, 0)), (LOG.run(2, 2), (0, 1))],
        held=2,
        missing=missing[:2],
    )
    yield joined(
        "parts-not-lost-again",
        "A duplicate without parts takes nothing away",
        LOG,
        [(LOG.run(0, 2), (3, 0)), (bare, (0, 3))],
        held=2,
    )
    yield joined(
        "parts-with-more",
        "Parts of known records and new records in one run",
        LOG,
        [(bare, (3, 0)), (LOG.run(1, 4), (2, 2))],
        held=4,
    )
