"""Vectors of which events are held: context, signatures, the key chain. Spec: 4.3, 4.5.

Each has events that are held and mostly one more, which is held, waits or has the fault. What is
held does not depend on which behaviour (4.7) is there already, so events of all types stand here.
Hard cases 25, 39, 41, 42, 47; threats 23, 30, 31.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.raw_identity import DROP, Event, Org, event, keys

AID = Org("aid")
TRIO = Org("trio", controls=3, threshold=2, nexts=2, recoveries=3, recovery_threshold=2)
NODE = AID.delegate("node")
NOWHERE = raw.bytes_from("an event that nobody has")


def cases() -> Iterator[Case]:
    """Signatures, context, the key chain, unknown events."""
    yield from _signers()
    yield from _context()
    yield from _chain()
    yield from _unknown()


def _signers() -> Iterator[Case]:
    trio, body = TRIO.incept, TRIO.body("affirm", ids=[NOWHERE])
    a, b, c = TRIO.control
    known = [trio]
    for name, signers in (("first-two", [a, b]), ("last-two", [b, c]), ("all-three", [a, b, c])):
        yield _admit(
            f"signed-by-{name}", "4.2.3", "Enough of the keys", known, event(body, signers)
        )
    short = event(body, [a])
    comment = "One key where two must sign"
    yield _admit("signed-by-one-of-two", "4.2.3", comment, known, short, "threshold-not-met")
    for name, extra in (
        ("recovery-key", TRIO.recovery[0]),
        ("next-key", TRIO.following[0]),
        ("stranger", "stranger"),
    ):
        comment = "Hard case 25: beside enough good signatures one by a key that is not in control"
        wrong = event(body, [a, b, extra])
        yield _admit(f"signed-also-by-{name}", "4.2.3", comment, known, wrong, "bad-signature")
    good = event(body, [a, b])
    comment = "A signature of which a bit is another"
    yield _admit("signature-spoilt", "4.2.3", comment, known, good.spoilt(), "bad-signature")
    pairs = (good.signatures[0], (good.signatures[1][0], trio.signatures[0][1]))
    comment = "A signature of another event"
    moved = Event(good.body, pairs)
    yield _admit("signature-of-another-event", "4.2.3", comment, known, moved, "bad-signature")
    first, second = good.signatures
    comment = "Two right signatures, each beside the other's key"
    swapped = Event(good.body, ((first[0], second[1]), (second[0], first[1])))
    yield _admit("signatures-swapped", "4.2.3", comment, known, swapped, "bad-signature")
    comment = "An inception signed by one of two"
    lone = event(TRIO.inception(), [a])
    yield _admit("incept-by-one-of-two", "4.3", comment, [], lone, "threshold-not-met")
    comment = "An inception signed by its recovery keys"
    foreign = event(TRIO.inception(), TRIO.recovery)
    yield _admit("incept-by-recovery", "4.3", comment, [], foreign, "bad-signature")
    comment = "Threat 30: the id of the event signed without its context"
    [(key, _)] = NODE.signatures
    bare = raw.sign(raw.key(AID.control[0]), NODE.id + key)
    plain = Event(NODE.body, ((key, bare),))
    yield _admit("signature-no-tag", "4.2.3", comment, [AID.incept], plain, "bad-signature")
    comment = "Threat 31: an event moved to an organisation with the same keys"
    twin = event(AID.inception(nonce=bytes(16)), AID.control)
    moved_body = AID.body("affirm", ids=[NOWHERE], org=twin.id, epoch=twin.id, prev=[twin.id])
    signatures = AID.add("affirm", ids=[NOWHERE]).signatures
    taken = Event(raw.encode(moved_body), signatures)
    yield _admit("signature-for-another-org", "4.2.3", comment, [twin], taken, "bad-signature")


def _context() -> Iterator[Case]:
    start = AID.incept
    second = AID.delegate("second", [NODE])
    for name, events, held in (
        ("its-ancestors", [second, NODE, start], [start, NODE, second]),
        ("an-ancestor", [second, start], [start]),
        ("its-inception", [second, NODE], []),
    ):
        waits = [one for one in events if one not in held]
        comment = f"An event and {name.replace('-', ' ')}, in the wrong order or without"
        yield _admitted(f"waits-for-{name}", "4.5.2", comment, events, held, waits)
    spoilt = second.spoilt()
    comment = "Signatures of an event that waits are not judged"
    yield _admitted("waits-spoilt", "4.5.2", comment, [start, spoilt], [start], [spoilt])
    comment = "A spoilt copy comes first and waits; the good one is held all the same"
    both = [spoilt, second, start, NODE]
    refused: list[tuple[int, str]] = [(0, "bad-signature")]
    held = [start, NODE, second]
    yield _admitted("waits-beside-a-bad-copy", "4.5.2", comment, both, held, [], refused)
    foreign = AID.add("affirm", ids=[NOWHERE], prev=[TRIO.id])
    comment = "An event of another organisation is no context"
    events = [start, TRIO.incept, foreign]
    yield _admitted("waits-for-own", "4.5.2", comment, events, events[:2], [foreign])
    duplicates = [start, NODE, start, NODE]
    comment = "An event that is held is not judged again"
    yield _admitted("held-twice", "4.5.1", comment, duplicates, [start, NODE], [])
    wrong = AID.add("affirm", ids=[NOWHERE], epoch=NODE.id, prev=[NODE.id])
    comment = "The epoch names an event that opens none"
    yield _admit("epoch-not-of-chain", "4.5.3", comment, [start, NODE], wrong, "bad-event")
    wrong = AID.change("rotate", "control", AID.following, after=NODE)
    comment = "The chain names an event that is not in it"
    yield _admit("chain-not-of-chain", "4.5.3", comment, [start, NODE], wrong, "bad-event")
    rotation = AID.change("rotate", "control", AID.following)
    known = [start, NODE, rotation]
    wrong = event(
        AID.body("affirm", ids=[NOWHERE], epoch=rotation.id, prev=[NODE.id]), AID.following
    )
    comment = "An event follows one of an earlier epoch"
    yield _admit("prev-of-earlier-epoch", "4.5.3", comment, known, wrong, "bad-event")
    wrong = AID.add("affirm", ids=[NOWHERE], prev=[rotation.id])
    comment = "An event follows a chain event that came after its epoch"
    yield _admit("prev-of-later-epoch", "4.5.3", comment, known, wrong, "bad-event")
    for pos in (2, 2**53 - 1):
        wrong = AID.change("rotate", "control", AID.following, pos=pos)
        comment = f"Position {pos} directly after the inception"
        yield _admit(f"pos-{pos}-after-0", "4.5.3", comment, [start], wrong, "bad-event")


def _chain() -> Iterator[Case]:
    start, trio = AID.incept, TRIO.incept
    yield from _both()
    thief = AID.change("rotate", "control", ["thief"], control=["thief"])
    comment = "Hard case 41, threat 23: a rotate to a key that was not committed to"
    yield _admit("rotate-to-a-stranger", "4.3.1", comment, [start], thief, "next-key-mismatch")
    own = AID.change("rotate", "control", AID.control, control=AID.control)
    comment = "Hard case 41, threat 23: the control keys in force cannot rotate"
    yield _admit("rotate-by-current", "4.3.1", comment, [start], own, "next-key-mismatch")
    lower = TRIO.change("rotate", "control", TRIO.following, threshold=1)
    comment = "The keys committed to, with another threshold"
    yield _admit("rotate-threshold", "4.3.1", comment, [trio], lower, "next-key-mismatch")
    part = TRIO.change("rotate", "control", TRIO.following[:1], control=TRIO.following[:1])
    comment = "A part of the keys committed to"
    yield _admit("rotate-to-a-part", "4.3.1", comment, [trio], part, "next-key-mismatch")
    short = TRIO.change("rotate", "control", TRIO.following[:1])
    comment = "A rotate by one of the two new keys"
    yield _admit("rotate-by-one-of-two", "4.3", comment, [trio], short, "threshold-not-met")
    old = TRIO.change("rotate", "control", [*TRIO.following, TRIO.control[0]])
    comment = "A rotate that an old control key has signed too"
    yield _admit("rotate-also-by-old", "4.3", comment, [trio], old, "bad-signature")
    saved = TRIO.change("recover", "recovery", TRIO.recovery[:2], control=["saved"])
    comment = "Two of three recovery keys put any key in charge"
    yield _admit("recover", "4.3", comment, [trio], saved)
    one = TRIO.change("recover", "recovery", TRIO.recovery[:1], control=["saved"])
    comment = "One of three recovery keys where two must sign"
    yield _admit("recover-by-one-of-two", "4.3", comment, [trio], one, "threshold-not-met")
    wrong = TRIO.change("recover", "recovery", TRIO.control, control=["saved"])
    comment = "A recover by the control keys"
    yield _admit("recover-by-control", "4.3", comment, [trio], wrong, "bad-signature")
    wrong = TRIO.change("recover", "recovery", [*TRIO.recovery, "saved"], control=["saved"])
    comment = "A recover by recovery keys alone that its own key has signed too"
    yield _admit("recover-also-by-own", "4.3", comment, [trio], wrong, "bad-signature")
    yield from _after_changes()
    close: dict[str, Any] = {"epoch": DROP, "chain": TRIO.id, "pos": 1}
    by_control = event(TRIO.body("close", auth="control", **close), TRIO.control[1:])
    yield _admit("close-by-control", "4.3", "A close by control keys", [trio], by_control)
    signers = [*TRIO.control[1:], *TRIO.recovery[1:]]
    by_both = event(TRIO.body("close", auth="both", **close), signers)
    yield _admit("close-by-both", "4.3", "A close by both sets", [trio], by_both)
    wrong = event(TRIO.body("close", auth="control", **close), TRIO.following)
    comment = "A close by the keys that come next"
    yield _admit("close-by-next", "4.3", comment, [trio], wrong, "bad-signature")
    wrong = event(TRIO.body("close", auth="both", **close), TRIO.control)
    comment = "A close by both sets that only one has signed"
    yield _admit("close-by-half", "4.3", comment, [trio], wrong, "threshold-not-met")
    late = event(
        TRIO.body("affirm", ids=[NOWHERE], epoch=by_control.id, prev=[by_control.id]),
        TRIO.control[:2],
    )
    comment = "After a close the keys are as before"
    yield _admit("after-close", "4.3.5", comment, [trio, by_control], late)
    first = AID.change("rotate", "control", AID.following)
    second = AID.change("rotate", "control", AID.following, following=["elsewhere"])
    comment = "Hard case 39: two rotations at one position are both held, in any order"
    for number, order in enumerate(permutations([start, first, second]), start=1):
        held = [start, first, second]
        yield _admitted(f"two-rotations-{number}", "4.5", comment, list(order), held, [])


def _both() -> Iterator[Case]:
    trio = TRIO.incept
    new = keys(["new recovery"])
    for kind in ("rotate", "recover"):
        enough = [*TRIO.following, *TRIO.recovery[1:]]
        good = TRIO.change(kind, "both", enough, recovery=new)
        comment = f"A {kind} by both thresholds that changes the recovery keys"
        yield _admit(f"{kind}-both", "4.3.2", comment, [trio], good)
        short = TRIO.change(kind, "both", enough[:-1], recovery=new)
        comment = f"A {kind} by both that one recovery key too few has signed"
        yield _admit(
            f"{kind}-both-few-recovery", "4.3", comment, [trio], short, "threshold-not-met"
        )
        short = TRIO.change(kind, "both", enough[1:], recovery=new)
        comment = f"A {kind} by both that one control key too few has signed"
        yield _admit(f"{kind}-both-few-control", "4.3", comment, [trio], short, "threshold-not-met")
        wrong = TRIO.change(kind, "both", [*enough, "new recovery"], recovery=new)
        comment = f"A {kind} by both that the recovery key it brings in has signed too"
        yield _admit(f"{kind}-both-new-recovery", "4.3", comment, [trio], wrong, "bad-signature")
        wrong = TRIO.change(kind, "both", ["thief", *TRIO.recovery], control=["thief"])
        comment = f"A {kind} by both to a key that was not committed to"
        yield _admit(f"{kind}-both-stranger", "4.3.1", comment, [trio], wrong, "next-key-mismatch")


def _after_changes() -> Iterator[Case]:
    chain = [AID.incept]
    control = AID.following
    for pos in (1, 2, 3):
        chain.append(
            AID.change("rotate", "control", control, after=chain[-1], pos=pos, control=control)
        )
        control = [f"aid later {pos}"]
    saved = AID.change(
        "recover", "recovery", AID.recovery, after=chain[-1], pos=4, control=["saved"]
    )
    good = event(AID.body("affirm", ids=[NOWHERE], epoch=saved.id, prev=[saved.id]), ["saved"])
    comment = "Hard case 47: three rotations and a recovery; the organisation stays the same"
    yield _admit("chain-of-five", "4.3", comment, [*chain, saved], good)
    comment = "Hard case 25: a control key that was rotated out signs in the new epoch"
    body = AID.body("affirm", ids=[NOWHERE], epoch=chain[1].id, prev=[chain[1].id])
    out = event(body, AID.control)
    yield _admit("signed-by-rotated-out", "4.4", comment, chain[:2], out, "bad-signature")
    late = AID.delegate("late")
    comment = "An event of the first epoch that comes after the rotation is held"
    yield _admit("first-epoch-after-rotation", "4.5", comment, chain[:2], late)
    changed = AID.change(
        "rotate", "both", [*AID.following, *AID.recovery], recovery=keys(["new recovery"])
    )
    known = [AID.incept, changed]
    fields: dict[str, Any] = {"after": changed, "pos": 2, "control": ["thief"]}
    old = AID.change("recover", "recovery", AID.recovery, **fields)
    comment = "Threat 23: an old recovery sheet that turns up later recovers nothing"
    yield _admit("recover-by-replaced", "4.3.5", comment, known, old, "bad-signature")
    new = AID.change("recover", "recovery", ["new recovery"], **fields)
    comment = "The recovery keys that a rotate brought in"
    yield _admit("recover-by-new", "4.3.5", comment, known, new)
    kept = AID.change("recover", "recovery", AID.recovery, after=chain[1], pos=2, control=["saved"])
    comment = "The recovery keys that a rotate left as they were"
    yield _admit("recover-by-kept", "4.3.5", comment, chain[:2], kept)


def _unknown() -> Iterator[Case]:
    trio = TRIO.incept
    known = [trio]
    for place in ("epoch", "chain"):
        fields: dict[str, Any] = {"epoch": DROP, "chain": trio.id} if place == "chain" else {}
        body = TRIO.body("merge", **fields)
        for name, signers, taken in (
            ("control", TRIO.control[:2], True),
            ("control-and-stranger", [*TRIO.control[:2], "stranger"], True),
            ("one-of-two", TRIO.control[:1], False),
            ("stranger", ["stranger"], False),
            ("recovery", TRIO.recovery[:2], place == "chain"),
            ("one-of-two-recovery", TRIO.recovery[:1], False),
            ("next", TRIO.following, place == "chain"),
            ("one-of-two-next", TRIO.following[:1], False),
        ):
            comment = f"An unknown {place} event by {name.replace('-', ' ')}"
            fault = "" if taken else "threshold-not-met"
            name = f"unknown-{place}-by-{name}"
            yield _admit(name, "4.5.4", comment, known, event(body, signers), fault)
        comment = f"An unknown {place} event with a signature that is not valid"
        spoilt = event(body, [*TRIO.control[:2], "stranger"]).spoilt()
        yield _admit(f"unknown-{place}-spoilt", "4.5.4", comment, known, spoilt, "bad-signature")
    change = event(TRIO.body("merge", epoch=DROP, chain=trio.id), TRIO.control[:2])
    late = event(
        TRIO.body("affirm", ids=[NOWHERE], epoch=change.id, prev=[change.id]), TRIO.control[:2]
    )
    comment = "What stands after an unknown chain event waits: its keys cannot be told"
    events = [trio, change, late]
    yield _admitted("waits-for-keys", "4.5.2", comment, events, events[:2], [late])
    unknown = event(TRIO.body("merge"), TRIO.control[:2])
    after = TRIO.add("affirm", [unknown], ids=[NOWHERE])
    comment = "What follows an unknown epoch event is held"
    yield _admit("after-unknown", "4.5", comment, [trio, unknown], after)


def _admit(
    name: str,
    section: str,
    comment: str,
    known: Sequence[Event],
    found: Event,
    fault: str = "",
) -> Case:
    """Known events that are held, and one more that is held or has the fault."""
    refused = [(len(known), fault)] if fault else []
    held = [*known] if fault else [*known, found]
    return _admitted(name, section, comment, [*known, found], held, [], refused)


def _admitted(
    name: str,
    section: str,
    comment: str,
    events: Sequence[Event],
    held: Sequence[Event],
    waiting: Sequence[Event],
    refused: Sequence[tuple[int, str]] = (),
) -> Case:
    ok: Json = {
        "held": [*sorted(one.hex for one in held)],
        "waiting": [*sorted(one.hex for one in waiting)],
        "refused": [[at, fault] for at, fault in refused],
    }
    given: dict[str, Json] = {"events": [one.json() for one in events]}
    return Case(f"4/admit-{name}", section, "MUST", comment, "identity.admit", given, {"ok": ok})
