"""Vectors of the key chain in force: ranks, what follows an event, disputes. Spec: 4.6.

Rivals follow one chain event, the inception, and seal nothing, so that only the chain is at stake.
Hard cases 39, 40, 47; threat 23. What a dispute leaves of the epochs stands in `s04_standing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.identity_stage import Place, founded, ids, state
from hutong_conformance.raw_identity import Event, Org

START = founded(Org("aid"))
RIVAL = START.rotate(name="thief")
SHEET = START.recover(name="thief")
HEIR = raw.bytes_from("successor")
RANKS: tuple[tuple[int, str, Place], ...] = (
    (4, "rotate-both", START.rotate(both=True)),
    (4, "recover-both", START.recover(both=True)),
    (3, "recover", START.recover()),
    (2, "rotate", START.rotate()),
    (1, "close", START.close()),
    (1, "close-both", START.close(both=True)),
)


def cases() -> Iterator[Case]:
    """One by one, then rivals, then what stands behind them."""
    yield from _single()
    yield from _pairs()
    yield from _disputes()
    yield from _behind()
    yield from _old_keys()


def _single() -> Iterator[Case]:
    for _, name, place in RANKS:
        comment = f"The keys in force after {name.replace('-', ' ')}"
        yield _won(f"keys-after-{name}", "4.6.5", comment, [START, place])
    for kind, place in (
        ("rotate", START.rotate(both=True, recovery=["new recovery"])),
        ("recover", START.recover(recovery=["new recovery"])),
    ):
        comment = f"The recovery keys are those that the {kind} brings"
        yield _won(f"recovery-keys-of-{kind}", "4.6.5", comment, [START, place])
    closed = START.close(successor=HEIR)
    comment = "A close may name a successor"
    yield _won("closed-with-successor", "4.6.6", comment, [START, closed], successor=HEIR.hex())
    opened = closed.rotate()
    comment = "A key change after a close ends it"
    yield _won("open-again", "4.6.6", comment, [START, closed, opened])
    long = [START]
    for number in range(3):
        long.append(long[-1].rotate(name=f"turn {number}"))
    long.append(long[-1].recover())
    comment = "Hard case 47: one organisation after three rotations and a recovery"
    yield _won("three-rotations-and-recovery", "4.6.3", comment, long)
    backwards = _won("three-rotations-backwards", "4.6.3", comment, long, backwards=True)
    yield backwards
    orphan = START.rotate().rotate()
    comment = "A chain event whose predecessor is not held is not in force"
    expected = state(START, chain=[START], heads=[START.last], events=1, waiting=ids(orphan.last))
    yield _case("gap-in-the-chain", "4.6.3", comment, [START.last, orphan.last], expected)


def _pairs() -> Iterator[Case]:
    for (rank, name, place), (lower, other, rival) in combinations(RANKS, 2):
        for turn, order in enumerate((False, True), start=1):
            words = (name.replace("-", " "), other.replace("-", " "))
            if rank > lower:
                comment = f"Hard case 40, threat 23: {words[0]} outranks {words[1]}"
                yield _won(
                    f"{name}-over-{other}-{turn}",
                    "4.6.2",
                    comment,
                    [START, place],
                    beside=[rival.last],
                    backwards=order,
                )
            else:
                comment = f"Hard case 39: {words[0]} and {words[1]} are of one rank"
                yield _disputed(
                    f"{name}-beside-{other}-{turn}",
                    comment,
                    [place, rival],
                    backwards=order,
                )


def _disputes() -> Iterator[Case]:
    one, two, three = (START.rotate(name=name) for name in ("one", "two", "three"))
    comment = "Hard case 39: two rotations at one position, in any order of arrival"
    for number, order in enumerate(permutations([START, one, two]), start=1):
        expected = _dispute([one, two], events=3)
        events = [place.last for place in order]
        yield _case(f"two-rotations-{number}", "4.6.3", comment, events, expected)
    yield _disputed("three-contenders", "Three contenders", [one, two, three])
    comment = "A dispute lower down does not matter to a higher rank"
    lows = [one.last, two.last]
    settled = START.recover()
    yield _won("settled-by-recovery", "4.6.3", comment, [START, settled], beside=lows)
    both = START.rotate(both=True)
    recoveries = [START.recover(name=name).last for name in ("one", "two")]
    comment = "Two recoveries are settled by both sets of keys"
    yield _won("settled-by-both", "4.6.3", comment, [START, both], beside=recoveries)
    comment = "A lower rank settles nothing"
    low = START.rotate().last
    pair = [START.recover(name=name) for name in ("one", "two")]
    yield _disputed("not-settled-from-below", comment, pair, beside=[low])
    comment = "Two by both sets of keys stay disputed whoever recovers"
    highest = [START.rotate(both=True, name=name) for name in ("one", "two")]
    yield _disputed("disputed-for-ever", comment, highest, beside=[START.recover().last])
    comment = "A dispute at a later position leaves the chain before it in force"
    rivals = [one.rotate(name=name) for name in ("one", "two")]
    expected = {
        **state(one, chain=[START, one], heads=[each.last for each in rivals], events=4),
        "contenders": ids(*(each.last for each in rivals)),
    }
    events = [START.last, one.last, *(each.last for each in rivals)]
    yield _case("disputed-later", "4.6.3", comment, events, expected)
    after = one.recover()
    comment = "What follows a loser is passed over with it, whatever its rank"
    winner = START.recover(both=True)
    yield _won("passed-over-line", "4.6.4", comment, [START, winner], beside=[after.last], lost=one)


def _behind() -> Iterator[Case]:
    """What follows an event stands behind it. 4.6.2."""
    turned, ended = START.rotate(), START.close()
    for name, comment, line, loser in (
        (
            "rotate-then-both",
            "both sets, over a recovery",
            [turned, turned.rotate(both=True)],
            SHEET,
        ),
        (
            "rotate-then-recover-both",
            "both sets that recover, over a recovery",
            [turned, turned.recover(both=True)],
            SHEET,
        ),
        (
            "rotate-then-recover",
            "recovery keys, over a rotation",
            [turned, turned.recover()],
            RIVAL,
        ),
        ("close-then-both", "both sets, over a recovery", [ended, ended.rotate(both=True)], SHEET),
        ("close-then-recover", "recovery keys, over a rotation", [ended, ended.recover()], RIVAL),
        (
            "two-rotations-then-both",
            "both sets two positions later, over a recovery",
            [turned, turned.rotate(), turned.rotate().rotate(both=True)],
            SHEET,
        ),
        (
            "rotate-close-both",
            "both sets after a close, over a recovery",
            [turned, turned.close(), turned.close().rotate(both=True)],
            SHEET,
        ),
    ):
        yield _won(
            f"behind-{name}",
            "4.6.2",
            f"Threat 23: behind the first event stand {comment}",
            [START, *line],
            beside=[loser.last],
        )
    yield from _behind_in_vain()


def _behind_in_vain() -> Iterator[Case]:
    """What does not raise an event above its rival."""
    turned, ended, saved = START.rotate(), START.close(), START.recover()
    for name, comment, line, other in (
        (
            "rotate-then-rotate",
            "control keys: they raise no rotation",
            [turned, turned.rotate()],
            RIVAL,
        ),
        (
            "rotate-then-recover-only",
            "recovery keys, as of a recovery",
            [turned, turned.recover()],
            SHEET,
        ),
        ("close-then-rotate", "control keys, as of a rotation", [ended, ended.rotate()], RIVAL),
        (
            "recover-then-both",
            "all keys of its own choice: they do not raise a recovery",
            [saved, saved.rotate(both=True)],
            SHEET,
        ),
    ):
        yield _disputed(
            f"behind-{name}",
            f"Threat 23: behind the first event stand {comment}",
            [line[0], other],
            beside=[line[1].last],
            following=line[1:],
        )
    comment = "Threat 23: whoever has recovery keys alone outranks nobody who has both"
    deeper = saved.rotate(both=True)
    winner = START.rotate(both=True)
    yield _won(
        "recovered-line-below-both",
        "4.6.2",
        comment,
        [START, winner],
        beside=[deeper.last],
        lost=saved,
    )


def _old_keys() -> Iterator[Case]:
    """Sheets and keys that turn up again."""
    turned = START.rotate()
    changed = turned.rotate(both=True, recovery=["new recovery"])
    sheet = START.recover(name="finder")
    comment = "Threat 23: a recovery sheet that was replaced undoes nothing before its replacement"
    yield _won("old-sheet", "4.6.2", comment, [START, turned, changed], beside=[sheet.last])
    comment = "A recovery sheet that nobody replaced recovers from the first position"
    yield _won(
        "sheet-in-force",
        "4.6.2",
        comment,
        [START, sheet],
        beside=[turned.rotate().last],
        lost=turned,
    )
    renewed = turned.recover(recovery=["new recovery"])
    comment = "Threat 23: a sheet that a recovery replaced can dispute, but does not win"
    yield _disputed(
        "sheet-replaced-by-recovery",
        comment,
        [turned, sheet],
        beside=[renewed.last],
        following=[renewed],
    )
    confirmed = turned.rotate().rotate().recover()
    line = [START, turned, turned.rotate(), turned.rotate().rotate(), confirmed]
    old = turned.rotate(name="thief")
    comment = "Threat 23: control keys of long ago dispute nothing that recovery keys confirmed"
    yield _won("old-control-keys", "4.6.2", comment, line, beside=[old.last])


# Forms of cases


def _won(
    name: str,
    section: str,
    comment: str,
    line: Sequence[Place],
    *,
    beside: Sequence[Event] = (),
    lost: Place | None = None,
    backwards: bool = False,
    successor: Json = None,
) -> Case:
    """This chain is in force; `lost` is what `beside` follows, if not something of the chain."""
    last = line[-1]
    events = [*(place.last for place in line), *([lost.last] if lost else ()), *beside]
    expected = state(
        last,
        chain=line,
        heads=[last.last, *beside],
        events=len(events),
        closed=name.rpartition("after-")[2].startswith("close") or name.startswith("close"),
        successor=successor,
    )
    return _case(name, section, comment, events[::-1] if backwards else events, expected)


def _disputed(
    name: str,
    comment: str,
    contenders: Sequence[Place],
    *,
    beside: Sequence[Event] = (),
    following: Sequence[Place] = (),
    backwards: bool = False,
) -> Case:
    """These are contenders after the inception; `following` follow the first of them."""
    events = [START.last, *(place.last for place in contenders), *beside]
    tops = [*following[-1:], *contenders[bool(following) :]]
    expected = _dispute(contenders, events=len(events))
    heads = [*(place.last for place in tops), *(() if following else beside)]
    return _case(
        name,
        "4.6.3",
        comment,
        events[::-1] if backwards else events,
        {**expected, **_heads(heads)},
    )


def _dispute(contenders: Sequence[Place], *, events: int) -> dict[str, Json]:
    heads = [place.last for place in contenders]
    return state(START, chain=[START], heads=heads, events=events, contenders=ids(*heads))


def _heads(heads: Sequence[Event]) -> dict[str, Json]:
    shown = state(START, chain=[START], heads=heads, events=1)
    return {name: shown[name] for name in ("heads", "digest")}


def _case(
    name: str, section: str, comment: str, events: Sequence[Event], expected: dict[str, Json]
) -> Case:
    org = str(expected["org"])
    given: dict[str, Json] = {"events": [one.json() for one in events], "org": org}
    ok: Json = {org: expected}
    return Case(f"4/chain-{name}", section, "MUST", comment, "identity.evaluate", given, {"ok": ok})
