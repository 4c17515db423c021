"""Vectors of what the text once left open to its first strangers. Spec: 5.6, 6.3.5, 6.4.

Which of two answers comes first, what a refused run leaves behind, and parts that are erased and so
are no longer missing. The questions are listed in spec/decisions/0010. Hard case 36; threat 19.
"""

from __future__ import annotations

from collections.abc import Iterator

from hutong_conformance.cases import Case, Level
from hutong_conformance.families.s06_joins import FACTS, GARBAGE, LOG, TEXT, Step, joined
from hutong_conformance.raw_records import CLOSING, TS, Content, Log

BOTH = Content(ts=TS + 1, parts=[FACTS, TEXT])
CLOSED = Log(BOTH, BOTH, CLOSING)
BEYOND = Log(BOTH, BOTH, CLOSING, Content(ts=TS + 7), Content(ts=TS + 8))


def cases() -> Iterator[Case]:
    """Runs without a key, the order of steps, refused runs, and erased parts."""
    yield from _without_a_key()
    yield from _order()
    yield from _refused()
    yield from _erased()


def _without_a_key() -> Iterator[Case]:
    """Later runs of a log of which nothing is held. Spec: 6.3.5."""
    wrong = Log(BOTH, Content(clock=0))
    for name, comment, run, answer in (
        ("whole", "the run is right", LOG.run(1, 3), "gap"),
        (
            "garbage-seal",
            "whether the seal is one can't be told",
            LOG.run(1, 3, seal=GARBAGE),
            "gap",
        ),
        ("short-seal", "the seal is too short", LOG.run(1, 3, seal=GARBAGE[:63]), "bad-signature"),
        ("bad-header", "a record has the clock 0", wrong.run(1, 2), "bad-header"),
        ("no-records", "there are no records", LOG.run(1, 3, records=[]), "bad-run"),
        ("after-close", "it goes on after a close record", BEYOND.run(2, 4), "log-closed"),
    ):
        words = f"The open record is neither in the run nor held; {comment}"
        yield Case(
            f"6/no-key-{name}",
            "6.3.5",
            "MUST",
            words,
            "run.verify",
            {"run": run.hex()},
            {"fault": answer},
        )
        # Who refuses before checking says gap of all of these.
        level: Level = "MUST" if answer == "gap" else "SHOULD"
        yield joined(f"nothing-held-{name}", words, LOG, [(run, answer)], held=None, level=level)


def _order() -> Iterator[Case]:
    """Of several answers to one run the first is right. Spec: 6.4."""

    def closed(name: str, comment: str, run: bytes, step: Step) -> Case:
        steps: list[tuple[bytes, Step]] = [(CLOSED.run(0, 3), (4, 0)), (run, step)]
        return joined(f"order-{name}", comment, CLOSED, steps, held=3)

    yield closed(
        "gap-then-closed",
        "Hard case 36: a run further beyond the close record is a gap first",
        BEYOND.run(5, 5),
        "gap",
    )
    yield closed(
        "fork-then-closed",
        "Hard case 36: right after the close record, but of another branch: a fork first",
        CLOSED.stray(Content(ts=TS + 9), seq=4, prev=CLOSED.ids[2]),
        "fork",
    )
    yield joined(
        "order-fault-then-gap",
        "A run with a gap before it whose seal is garbage: the fault first",
        LOG,
        [(LOG.run(0, 2), (3, 0)), (LOG.run(4, 6, seal=GARBAGE), "bad-signature")],
        held=2,
        level="SHOULD",
    )
    other = LOG.branch(3, Content(ts=TS - 1), Content(ts=TS - 2))
    yield joined(
        "order-fault-then-fork",
        "A run of another branch whose seal is garbage is no proof of anything: the fault first",
        LOG,
        [(LOG.run(0, 6), (7, 0)), (other.run(3, 5, seal=GARBAGE), "bad-signature")],
        held=6,
    )


def _refused() -> Iterator[Case]:
    """A run that is refused leaves nothing behind. Spec: 6.4."""
    bare = LOG.bare_run(0, 4)
    missing = [(seq, position) for seq in range(1, 5) for position in range(2)]
    other = LOG.branch(3, *[Content(ts=TS - 1 - number) for number in range(3)])
    yield joined(
        "refused-fork-brings-no-parts",
        "The run leaves the branch held: parts that its known records carry are not kept either",
        LOG,
        [(bare, (5, 0)), (other.run(1, 5), "fork")],
        held=4,
        missing=missing,
    )
    yield joined(
        "faulty-brings-no-parts",
        "Nor are parts kept of a run whose seal is garbage",
        LOG,
        [(bare, (5, 0)), (LOG.run(1, 4, seal=GARBAGE), "bad-signature"), (LOG.run(1, 2), (0, 2))],
        held=4,
        missing=missing[4:],
    )
    yield joined(
        "duplicate-with-another-end",
        "A run of known records that ends where no seal is held is a duplicate like any other",
        LOG,
        [(LOG.run(0, 6), (7, 0)), (LOG.run(1, 3), (0, 3)), (LOG.run(0, 6), (0, 7))],
        held=6,
        section="6.4.6",
    )


def _erased() -> Iterator[Case]:
    """An erased part is not missing, whoever sends it. Spec: 5.6, 6.4.3."""
    target = Log(BOTH, BOTH)
    erase = Content(kind=2, type="", refs=[target.ids[1]], ext={"mask": [1]})
    whole = Log(BOTH, BOTH, erase, Content(ts=TS + 5))
    erase_both = Log(
        BOTH,
        BOTH,
        Content(kind=2, type="", refs=[target.ids[1], target.ids[2]], ext={"mask": [2, 15]}),
    )

    def erased(
        name: str,
        comment: str,
        log: Log,
        *steps: tuple[bytes, Step],
        missing: tuple[tuple[int, int], ...] = (),
    ) -> Case:
        held = len(log.ids) - 1
        return joined(
            f"erased-{name}", comment, log, steps, held=held, missing=missing, section="6.4.3"
        )

    yield erased(
        "not-missing",
        "Nobody sent the parts; the one that an erase record names is not missing",
        whole,
        (whole.bare_run(0, 4), (5, 0)),
        missing=((1, 1), (2, 0), (2, 1)),
    )
    yield erased(
        "still-to-come",
        "The same, and the erase record comes in a run of its own",
        whole,
        (whole.bare_run(0, 2), (3, 0)),
        (whole.bare_run(3, 4), (2, 0)),
        missing=((1, 1), (2, 0), (2, 1)),
    )
    yield erased(
        "brought-by-a-duplicate",
        "A duplicate carries both parts: the missing one is kept, the erased one is not",
        whole,
        (whole.bare_run(0, 4), (5, 0)),
        (whole.run(1, 1), (0, 1)),
        missing=((2, 0), (2, 1)),
    )
    yield erased(
        "brought-before",
        "The parts were there before the erase record: erased, not missing",
        whole,
        (whole.run(0, 2), (3, 0)),
        (whole.bare_run(0, 4), (2, 3)),
    )
    yield erased(
        "several",
        "Two targets, each with its own mask; bits without a part have no effect",
        erase_both,
        (erase_both.bare_run(0, 3), (4, 0)),
        missing=((1, 0),),
    )
