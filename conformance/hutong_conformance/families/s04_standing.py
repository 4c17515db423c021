"""Vectors of what has effect where keys changed: sealing, restoring, taking back, alarms.

Spec: 4.7. One event more or less at a time, around a rotation that seals one delegation and nothing
else. Hard cases 39, 40; threat 23. Which chain event is in force stands in `s04_chain`, what a
dispute leaves in `s04_disputes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, permutations

from hutong_conformance.cases import Case, Json
from hutong_conformance.identity_stage import Place, ids
from hutong_conformance.raw_identity import RIGHTS, Event, public
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
    dispute_state,
    state_case,
)


def cases() -> Iterator[Case]:
    """Sealing, restoring, taking back, in several orders."""
    yield from _sealing()
    yield from _restoring()
    yield from _taking_back()
    yield from _orders()


# 4.7.2, 4.7.7


def _sealing() -> Iterator[Case]:
    both = [FIRST, NODE, LATE]
    comment = "Threat 23: what a rotation does not follow is void, and no head"
    yield after_change("sealed", "4.7.2", comment, [*both, TURNED.last], {"node": NODE})
    comment = "What a rotation follows through another event is sealed, too"
    second = START.delegate("second", NODE)
    turned = START.rotate(second)
    granted = {"node": NODE, "second": second}
    yield after_change(
        "sealed-deeper", "4.7.2", comment, [FIRST, NODE, second, turned.last], granted, turned
    )
    comment = "An event that follows a sealed one is not sealed by that"
    late = START.delegate("late", NODE)
    yield after_change(
        "late-event", "4.7.2", comment, [FIRST, NODE, late, TURNED.last], {"node": NODE}
    )
    comment = "Events of the last epoch have effect with nothing after them"
    new = TURNED.delegate("new")
    events = [FIRST, NODE, TURNED.last, new]
    granted = {"node": NODE, "new": new}
    yield after_change("open-epoch", "4.7.2", comment, events, granted, heads=[new])
    comment = "A second rotation seals the second epoch only"
    again = TURNED.rotate(new)
    lost = TURNED.delegate("lost")
    events = [*both, TURNED.last, new, lost, again.last]
    yield after_change(
        "sealed-twice", "4.7.2", comment, events, granted, again, chain=[START, TURNED, again]
    )
    comment = "A close seals, like any other chain event"
    ended = START.close(NODE)
    yield after_change(
        "sealed-by-close", "4.7.2", comment, [*both, ended.last], {"node": NODE}, ended, closed=True
    )
    yield from _void()


def _void() -> Iterator[Case]:
    """What is void by its type. 4.7.4, 4.7.6."""
    comment = "What follows a chain event that is passed over is void"
    lost = TURNED.delegate("new")
    saved = START.recover(LATE)
    events = [FIRST, NODE, LATE, TURNED.last, lost, saved.last]
    yield after_change(
        "after-a-loser",
        "4.7.4",
        comment,
        events,
        {"late": LATE},
        saved,
        heads=[TURNED.last, saved.last],
    )
    comment = "A seal key that is void is not used"
    one, two = (START.add("sealkey", number=number, key=KEY) for number in (1, 2))
    turned = START.rotate(one)
    shown: Json = [{"id": one.hex, "number": 1, "key": KEY.hex(), "until": None}]
    events = [FIRST, one, two, turned.last]
    yield after_change("void-seal-key", "4.7.6", comment, events, {}, turned, seal_keys=shown)
    comment = "An endorsement that is void is not in force"
    vouched = START.add("endorse", **ENDORSE)
    yield after_change(
        "void-endorse", "4.7.6", comment, [FIRST, NODE, vouched, TURNED.last], {"node": NODE}
    )
    comment = "An unendorse that is void takes nothing back"
    gone = START.add("unendorse", vouched, endorsement=vouched.id)
    turned = START.rotate(vouched)
    events = [FIRST, vouched, gone, turned.last]
    shown = {vouched.hex: VOUCHED}
    yield after_change("void-unendorse", "4.7.6", comment, events, {}, turned, endorsements=shown)
    comment = "An unendorse of a later epoch takes back"
    gone = turned.add("unendorse", endorsement=vouched.id)
    events = [FIRST, vouched, turned.last, gone]
    yield after_change("unendorse-later", "4.7.6", comment, events, {}, turned, heads=[gone])


# 4.7.3


def _restoring() -> Iterator[Case]:
    base = [FIRST, NODE, LATE]
    granted = {"node": NODE, "late": LATE}
    said = TURNED.affirm(LATE)
    comment = "An affirm restores a delegation that was void"
    events = [*base, TURNED.last, said]
    yield after_change("affirmed", "4.7.3", comment, events, granted, heads=[LATE, said])
    comment = "An affirm in the key change itself"
    turned = START.rotate(NODE, affirm=[LATE])
    events = [*base, turned.last]
    yield after_change(
        "affirmed-in-rotate", "4.7.3", comment, events, granted, turned, heads=[LATE, turned.last]
    )
    saved = START.recover(NODE, affirm=[LATE])
    events = [*base, saved.last]
    yield after_change(
        "affirmed-in-recover", "4.7.3", comment, events, granted, saved, heads=[LATE, saved.last]
    )
    comment = "A delegation of a line that is passed over can be affirmed"
    new = TURNED.delegate("new")
    saved = START.recover(NODE, affirm=[new])
    events = [FIRST, NODE, TURNED.last, new, saved.last]
    yield after_change(
        "affirmed-of-a-loser",
        "4.7.3",
        comment,
        events,
        {"node": NODE, "new": new},
        saved,
        heads=[new, saved.last],
    )
    yield from _not_restoring()


def _not_restoring() -> Iterator[Case]:
    """What restores nothing."""
    base = [FIRST, NODE, LATE]
    granted = {"node": NODE, "late": LATE}
    comment = "An affirm that is void restores nothing"
    lost = TURNED.affirm(LATE)
    again = TURNED.rotate()
    events = [*base, TURNED.last, lost, again.last]
    yield after_change(
        "affirm-void", "4.7.3", comment, events, {"node": NODE}, again, chain=[START, TURNED, again]
    )
    comment = "An affirm in a key change that is passed over restores nothing"
    turned = START.rotate(NODE, affirm=[LATE])
    saved = START.recover(NODE)
    events = [*base, turned.last, saved.last]
    yield after_change(
        "affirm-in-a-loser",
        "4.7.3",
        comment,
        events,
        {"node": NODE},
        saved,
        heads=[turned.last, saved.last],
    )
    comment = "Other events are not restored"
    vouched = START.add("endorse", **ENDORSE)
    said = TURNED.affirm(vouched)
    events = [FIRST, NODE, vouched, TURNED.last, said]
    yield after_change("affirm-of-endorse", "4.7.3", comment, events, {"node": NODE}, heads=[said])
    comment = "A delegation that is not held yet has nothing to be restored"
    events = [FIRST, NODE, TURNED.last, TURNED.affirm(LATE)]
    yield after_change(
        "affirm-of-nothing", "4.7.3", comment, events, {"node": NODE}, heads=events[-1:]
    )
    comment = "What is revoked stays revoked when it is affirmed"
    taken = TURNED.revoke(LATE)
    said = TURNED.affirm(LATE, after=[taken])
    events = [*base, TURNED.last, taken, said]
    yield after_change(
        "affirm-of-revoked",
        "4.7.5",
        comment,
        events,
        granted,
        heads=[LATE, said],
        revoked=ids(LATE),
    )


# 4.7.5, 4.7.8


def _taking_back() -> Iterator[Case]:
    beside = START.revoke(NODE)
    comment = "A revoke beside its delegation, which it does not follow, takes it back"
    events = [FIRST, NODE, beside]
    yield after_change(
        "revoke-beside",
        "4.7.5",
        comment,
        events,
        {"node": NODE},
        START,
        revoked=ids(NODE),
        heads=[NODE, beside],
    )
    comment = "A revoke of what is not held is told, and holds when it comes"
    yield after_change(
        "revoke-before",
        "4.7.5",
        comment,
        [FIRST, beside],
        {},
        START,
        revoked=ids(NODE),
        heads=[beside],
    )
    again = START.delegate("node", beside, label="node again")
    comment = "The same writer delegated anew is not touched by the revoke"
    granted: dict[str, Json] = {
        one.hex: {
            "writer": public("node").hex(),
            "rights": RIGHTS,
            "label": label,
            "home_org": None,
        }
        for one, label in ((NODE, "node"), (again, "node again"))
    }
    yield after_change(
        "delegated-anew",
        "4.4.5",
        comment,
        [*events, again],
        {},
        START,
        revoked=ids(NODE),
        heads=[NODE, again],
        delegations=granted,
    )
    later = TURNED.revoke(NODE)
    comment = "A revoke of a later epoch takes back"
    yield after_change(
        "revoke-later",
        "4.7.5",
        comment,
        [FIRST, NODE, TURNED.last, later],
        {"node": NODE},
        heads=[later],
        revoked=ids(NODE),
    )
    yield from _alarms(later)


def _alarms(later: Event) -> Iterator[Case]:
    """Revokes that a key change has undone, `later` of which says one again."""
    lost = START.revoke(NODE, NODE)
    comment = "A revoke that a key change has undone is an alarm, and stays a head"
    events = [FIRST, NODE, lost, TURNED.last]
    yield after_change(
        "revoke-void",
        "4.7.8",
        comment,
        events,
        {"node": NODE},
        heads=[lost, TURNED.last],
        alarms=ids(lost),
    )
    comment = "A revoke said again ends the alarm"
    events = [FIRST, NODE, lost, TURNED.last, later]
    yield after_change(
        "revoke-said-again",
        "4.7.8",
        comment,
        events,
        {"node": NODE},
        heads=[later],
        revoked=ids(NODE),
    )
    comment = "Another delegation revoked ends no alarm"
    other = TURNED.revoke(LATE)
    events = [FIRST, NODE, lost, TURNED.last, other]
    yield after_change(
        "revoke-of-another",
        "4.7.8",
        comment,
        events,
        {"node": NODE},
        heads=[lost, other],
        revoked=ids(LATE),
        alarms=ids(lost),
    )
    settled = START.revoke(NODE, NODE, kind="resolve")
    comment = "A resolve takes nothing back"
    yield after_change(
        "resolve", "4.7.5", comment, [FIRST, NODE, settled], {"node": NODE}, START, heads=[settled]
    )


# 4.1.2


def _orders() -> Iterator[Case]:
    """Six events in several orders: one state."""
    taken = START.revoke(NODE)
    other = START.delegate("other")
    turned = START.rotate(NODE, other)
    rival = START.rotate(NODE, taken, name="thief")
    saved = START.recover(other, taken)
    race = [FIRST, NODE, other, taken, turned.last, saved.last]
    comment = "Hard case 40, threat 23: a recovery, a rotation and a revoke racing"
    yield from _permuted(
        "race", comment, race, {"other": other}, saved, [turned.last, saved.last], revoked=ids(NODE)
    )
    said = TURNED.affirm(LATE)
    six = [FIRST, NODE, LATE, TURNED.last, said, TURNED.delegate("new", said)]
    comment = "Hard case 39: delegations before, beside and after a rotation"
    granted = {"node": NODE, "late": LATE, "new": six[-1]}
    yield from _permuted("affirm", comment, six, granted, TURNED, [LATE, six[-1]])
    comment = "Hard case 39: two rotations, and a revoke that one of them follows"
    events = [FIRST, NODE, other, taken, turned.last, rival.last]
    expected = dispute_state([turned, rival], events, {"node": NODE}, revoked=ids(NODE))
    for number, order in enumerate(_some_orders(events), start=1):
        yield state_case(f"six-rivals-{number}", "4.1.2", comment, order, expected)


def _permuted(
    name: str,
    comment: str,
    events: Sequence[Event],
    granted: Mapping[str, Event],
    last: Place,
    heads: Sequence[Event],
    revoked: Json = None,
) -> Iterator[Case]:
    for number, order in enumerate(_some_orders(events), start=1):
        yield after_change(
            f"six-{name}-{number}",
            "4.1.2",
            comment,
            order,
            granted,
            last,
            heads=heads,
            revoked=revoked or [],
        )


def _some_orders(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """Six of the 720 orders, the first and the last among them."""
    yield from islice(permutations(events), 0, None, 719 // 5)
    yield events[::-1]
