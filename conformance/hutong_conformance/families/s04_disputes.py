"""Vectors of what has effect while an organisation is disputed, and afterwards. Spec: 4.7.

Two rotations at one position, each of which seals something or nothing. Hard case 39; threat 23.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hutong_conformance.cases import Case, Json
from hutong_conformance.identity_stage import ids
from hutong_conformance.raw_identity import Event
from hutong_conformance.standing_scene import (
    ENDORSE,
    FIRST,
    KEY,
    LATE,
    NODE,
    START,
    TURNED,
    VOUCHED,
    after_change,
    contended,
    rivals,
    tops,
)


def cases() -> Iterator[Case]:
    """In the epoch before the contenders, then around it."""
    yield from _disputes()
    yield from _around_disputes()


def _disputes() -> Iterator[Case]:
    """What gives waits for every contender, what takes holds with any. 4.7.2."""
    vouched = START.add("endorse", **ENDORSE)
    seal = START.add("sealkey", number=1, key=KEY)
    used: Json = [{"id": seal.hex, "number": 1, "key": KEY.hex(), "until": None}]
    in_force: Json = {vouched.hex: VOUCHED}
    gives: tuple[tuple[str, Event, Mapping[str, Event], Json, Json], ...] = (
        ("delegate", NODE, {"node": NODE}, {}, []),
        ("endorse", vouched, {}, in_force, []),
        ("sealkey", seal, {}, {}, used),
    )
    for name, found, granted, endorsed, seals in gives:
        comment = f"What gives holds in a dispute where every contender follows it: {name}"
        pair = rivals([found], [found])
        yield contended(
            f"every-{name}",
            comment,
            [found],
            pair,
            granted,
            endorsements=endorsed,
            seal_keys=seals,
        )
        comment = f"What gives waits in a dispute where a contender does not follow it: {name}"
        yield contended(f"not-every-{name}", comment, [found], rivals([found], []))
    yield from _affirms()
    yield from _takes(vouched)
    yield from _numbers()


def _affirms() -> Iterator[Case]:
    """Affirms in the epoch before the contenders."""
    old = START.rotate()
    for name, sealing, granted in (
        ("every", ([0], [0]), {"late": LATE}),
        ("not-every", ([0], []), {}),
    ):
        said = old.affirm(LATE)
        pair = [
            old.rotate(*(said for _ in found), name=label)
            for found, label in zip(sealing, ("one", "two"), strict=True)
        ]
        comment = f"An affirm in a dispute that {name.replace('-', ' ')} contender follows"
        extra = [LATE] if granted else []
        yield contended(
            f"{name}-affirm",
            comment,
            [LATE, old.last, said],
            pair,
            granted,
            last=old,
            heads=[*extra, *(place.last for place in pair)],
        )


def _takes(vouched: Event) -> Iterator[Case]:
    """What takes holds with any contender."""
    taken = START.revoke(NODE, NODE)
    comment = "Threat 23: a revoke holds in a dispute where one contender follows it"
    pair = rivals([taken], [NODE])
    yield contended("any-revoke", comment, [NODE, taken], pair, {"node": NODE}, revoked=ids(NODE))
    comment = "A revoke that no contender follows waits"
    pair = rivals([NODE], [NODE])
    yield contended(
        "none-revoke", comment, [NODE, taken], pair, {"node": NODE}, heads=[taken, *tops(pair)]
    )
    comment = "An unendorse holds in a dispute where one contender follows it"
    gone = START.add("unendorse", vouched, endorsement=vouched.id)
    yield contended("any-unendorse", comment, [vouched, gone], rivals([gone], [vouched]))


def _numbers() -> Iterator[Case]:
    """More than two contenders."""
    taken = START.revoke(NODE, NODE)
    comment = "Of three contenders one does not follow the delegation"
    three = [*rivals([NODE], [NODE]), START.rotate(name="three")]
    yield contended("two-of-three", comment, [NODE], three)
    for count in (64, 65):
        many = [START.rotate(NODE, name=f"rival {number}") for number in range(count)]
        comment = f"What {count} contenders follow"
        granted = {"node": NODE} if count == 64 else {}
        yield contended(f"followed-by-{count}", comment, [NODE], many, granted)
    many = [START.rotate(taken, name=f"rival {number}") for number in range(65)]
    comment = "A revoke holds in a dispute of any number"
    yield contended("revoke-followed-by-65", comment, [NODE, taken], many, revoked=ids(NODE))


def _around_disputes() -> Iterator[Case]:
    """What comes before a dispute, and what follows it."""
    pair = [TURNED.rotate(name=name) for name in ("one", "two")]
    comment = "A dispute leaves earlier epochs as they are"
    yield contended(
        "before-a-dispute", comment, [NODE, LATE, TURNED.last], pair, {"node": NODE}, last=TURNED
    )
    one, two = rivals([NODE], [NODE])
    new = one.delegate("new")
    comment = "What follows a contender waits"
    heads = [new, two.last]
    yield contended(
        "after-a-contender", comment, [NODE, new], [one, two], {"node": NODE}, heads=heads
    )
    on = one.rotate(new)
    later = on.delegate("later")
    comment = "What follows what follows a contender waits"
    yield contended(
        "after-a-follower",
        comment,
        [NODE, new, on.last, later],
        [one, two],
        {"node": NODE},
        heads=[later, two.last],
    )
    comment = "What waited has effect when its side has won"
    won = one.recover(new)
    yield after_change(
        "dispute-won",
        "4.7.2",
        comment,
        [FIRST, NODE, one.last, two.last, new, won.last],
        {"node": NODE, "new": new},
        won,
        chain=[START, one, won],
        heads=[two.last, won.last],
    )
    comment = "What waited is void when its side has lost"
    won = START.recover(NODE)
    yield after_change(
        "dispute-lost",
        "4.7.4",
        comment,
        [FIRST, NODE, one.last, two.last, new, won.last],
        {"node": NODE},
        won,
        heads=[one.last, two.last, won.last],
    )
    comment = "A contender's affirm waits with it"
    pair = [START.rotate(NODE, name="one", affirm=[LATE]), START.rotate(NODE, name="two")]
    yield contended(
        "affirm-of-a-contender",
        comment,
        [NODE, LATE],
        pair,
        {"node": NODE},
        heads=[LATE, *tops(pair)],
    )
