"""Vectors of the state of an organisation of one epoch and of decisions. Spec: 4.7, 4.9, 4.11.

What is expected is written down from how the events were built. What key changes do stands in
`s04_standing`. Hard cases 24, 39, 45, 46.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

from hutong_conformance import identity_stage as stage
from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.raw_identity import (
    RIGHTS,
    Event,
    Org,
    event,
    public,
)

AID = Org("aid")
TRIO = Org("trio", controls=3, threshold=2, nexts=2, recoveries=3, recovery_threshold=2)
NODE = AID.delegate("node")
OTHER = AID.delegate("other node")
LATER = AID.delegate("later", [NODE, OTHER])
FRIEND = AID.add("endorse", [NODE], subject=raw.bytes_from("friend"), spaces="*", topics=["fsc"])
RIVAL = AID.add("endorse", subject=raw.bytes_from("rival"), spaces="*", topics="*")
GONE = AID.add("unendorse", [RIVAL], endorsement=RIVAL.id)
SEALS = [
    AID.add("sealkey", number=number, key=raw.bytes_from(f"seal {label}"))
    for number, label in ((1, "one"), (2, "two"), (2, "three"))
]
WRITER = {"node": NODE, "other node": OTHER, "later": LATER}
NOWHERE = raw.bytes_from("an event that nobody has")
SALT = raw.bytes_from("salt of a space", 16)


def cases() -> Iterator[Case]:
    """States, then decisions."""
    yield from _states()
    yield from _frozen()
    yield from _logs()
    yield from _sessions()


# States


def _states() -> Iterator[Case]:
    start = AID.incept
    yield _evaluate("inception", "4.6.3", "An inception alone", [start], _state([start]))
    trio = TRIO.incept
    comment = "An inception with thresholds"
    yield _evaluate("inception-of-three", "4.6.3", comment, [trio], _state([trio], owner=TRIO))
    two = [start, NODE, OTHER]
    for number, order in enumerate(permutations(two), start=1):
        comment = "Hard case 39: two concurrent delegations both hold, in any order"
        expected = _state([NODE, OTHER], delegations=["node", "other node"], events=3)
        yield _evaluate(f"concurrent-{number}", "4.7.2", comment, list(order), expected)
    six = [start, NODE, OTHER, LATER, RIVAL, GONE]
    expected = _state([LATER, GONE], delegations=["node", "other node", "later"], events=6)
    comment = "Six events forwards, backwards, with duplicates: one state"
    orders: tuple[tuple[str, list[Event]], ...] = (
        ("forwards", six),
        ("backwards", six[::-1]),
        ("with-duplicates", [*six[::2], *six, *six[::-2]]),
    )
    for name, events in orders:
        yield _evaluate(f"six-{name}", "4.1.2", comment, events, expected)
    lost = AID.delegate("lost", [NODE, AID.delegate("never seen")])
    comment = "An event that waits is no head and takes none away"
    expected = _state([NODE], delegations=["node"], events=2, waiting=[lost])
    yield _evaluate("heads-and-waiting", "4.7.7", comment, [start, NODE, lost], expected)
    thief = event(AID.delegation("thief"), ["thief"])
    comment = "Events that fail have no effect"
    expected = _state([NODE], delegations=["node"], events=2)
    events = [thief, start, OTHER.spoilt(), NODE]
    yield _evaluate("nothing-of-what-fails", "4.5", comment, events, expected)
    yield from _endorsements()
    yield from _seals()
    comment = "Without its inception an organisation has no state"
    yield _reply("evaluate-no-inception", "4.6.3", comment, [NODE, FRIEND], {})
    comment = "Two organisations at once"
    both: Json = {AID.id.hex(): _state([start]), TRIO.id.hex(): _state([trio], owner=TRIO)}
    yield _reply("evaluate-two", "4.6.3", comment, [start, trio], both)
    hidden = {**RIGHTS, "spaces": [_space("xian-2021")], "topics": ["base", "fsc"], "erase": True}
    desk = AID.delegate("desk", rights=hidden, home_org=TRIO.id)
    comment = "Rights and the organisation whose staff works there stand in the state"
    given: Json = {
        "writer": public("desk").hex(),
        "rights": {**hidden, "spaces": [_space("xian-2021").hex()]},
        "label": "desk",
        "home_org": TRIO.id.hex(),
    }
    shown = {**_state([desk], events=2), "delegations": {desk.hex: given}}
    yield _evaluate("delegation-with-everything", "4.4.2", comment, [start, desk], shown)


def _endorsements() -> Iterator[Case]:
    start = AID.incept
    comment = "An endorsement"
    expected = _state([FRIEND], delegations=["node"], endorsements=[FRIEND], events=3)
    yield _evaluate("endorsement", "4.7.6", comment, [start, NODE, FRIEND], expected)
    beside = AID.add("unendorse", endorsement=RIVAL.id)
    comment = "An unendorse that follows its endorsement"
    expected = _state([GONE], events=3)
    yield _evaluate("unendorse-after", "4.7.6", comment, [start, RIVAL, GONE], expected)
    comment = "An unendorse that came about beside its endorsement"
    expected = _state([RIVAL, beside], events=3)
    yield _evaluate("unendorse-beside", "4.7.6", comment, [start, RIVAL, beside], expected)
    wrong = AID.add("unendorse", [NODE], endorsement=NODE.id)
    comment = "An unendorse that names a delegation has no effect"
    expected = _state([wrong], delegations=["node"], events=3)
    yield _evaluate("unendorse-a-delegation", "4.7.6", comment, [start, NODE, wrong], expected)
    again = AID.add("endorse", [GONE], subject=raw.bytes_from("rival"), spaces="*", topics="*")
    comment = "An endorsement given again after it was taken back"
    expected = _state([again], endorsements=[again], events=4)
    yield _evaluate("endorse-again", "4.7.6", comment, [start, RIVAL, GONE, again], expected)
    foreign = TRIO.add("unendorse", endorsement=RIVAL.id)
    comment = "An unendorse of another organisation has no effect"
    expected = _state([RIVAL], endorsements=[RIVAL], events=2)
    events = [start, RIVAL, TRIO.incept, foreign]
    yield _evaluate("unendorse-by-another", "4.7.6", comment, events, expected)


def _seals() -> Iterator[Case]:
    one, *twos = SEALS
    later = sorted(twos, key=lambda seal: seal.id, reverse=True)
    shown: Json = [
        {
            "id": seal.hex,
            "number": number,
            "key": raw.bytes_from(f"seal {label}").hex(),
            "until": None,
        }
        for seal, number, label in (
            *((seal, 2, "two" if seal == twos[0] else "three") for seal in later),
            (one, 1, "one"),
        )
    ]
    expected = {**_state(SEALS, events=4), "seal_keys": shown}
    comment = "Seal keys by number, then event id, the one to use first"
    yield _evaluate("seal-keys", "4.7.6", comment, [AID.incept, *SEALS], expected)


def _frozen() -> Iterator[Case]:
    start = AID.incept
    base: dict[str, Any] = {"subject": NOWHERE, "spaces": "*", "topics": "*"}
    for name, changes in (
        ("type", {"type": "vouch"}),
        ("version", {"v": 2}),
        ("key", {"weight": 3}),
    ):
        found = event({**AID.body("endorse", **base), **changes}, AID.control)
        comment = f"An event with an unknown {name} freezes"
        expected = _state([NODE, found], delegations=["node"], events=3, frozen=True)
        yield _evaluate(f"frozen-by-{name}", "4.9.1", comment, [start, NODE, found], expected)
    stranger = event(AID.body("vouch"), ["stranger"])
    comment = "Nobody else can freeze an organisation"
    expected = _state([NODE], delegations=["node"], events=2)
    yield _evaluate("not-frozen", "4.5.4", comment, [start, NODE, stranger], expected)
    lost = AID.add("vouch", prev=[NOWHERE])
    comment = "An unknown event that waits does not freeze"
    expected = _state([NODE], delegations=["node"], events=2, waiting=[lost])
    yield _evaluate("not-frozen-by-waiting", "4.9.1", comment, [start, NODE, lost], expected)


def _state(
    heads: Sequence[Event],
    *,
    owner: Org = AID,
    delegations: Sequence[str] = (),
    endorsements: Sequence[Event] = (),
    events: int = 1,
    waiting: Sequence[Event] = (),
    frozen: bool = False,
) -> dict[str, Json]:
    """What is expected of an organisation of one epoch."""
    return stage.state(
        stage.founded(owner),
        chain=[stage.founded(owner)],
        heads=heads,
        events=events,
        granted={label: WRITER[label] for label in delegations},
        endorsements={one.hex: _endorsement(one) for one in endorsements},
        waiting=stage.ids(*waiting),
        frozen=frozen,
    )


def _endorsement(one: Event) -> Json:
    label = "friend" if one == FRIEND else "rival"
    topics: Json = ["fsc"] if one == FRIEND else "*"
    return {"subject": raw.bytes_from(label).hex(), "spaces": "*", "topics": topics}


def _space(name: str) -> bytes:
    return raw.digest("space-right", SALT + name.encode())


# Decisions


def _logs() -> Iterator[Case]:
    start = AID.incept
    events = [start, NODE, OTHER, FRIEND]
    yield _log("log-taken", "A log under its delegation", events)
    comment = "Hard case 45: a log before its delegation"
    yield _log("log-before-delegation", comment, [start], fault="identity-needed")
    yield _log("log-of-unknown-org", "A log before its inception", [], fault="identity-needed")
    late = AID.delegate("node", [OTHER])
    comment = "Hard case 45: a log whose delegation waits"
    yield _log(
        "log-before-ancestors", comment, [start, late], fault="identity-needed", delegation=late
    )
    comment = "Hard case 24: a log under another writer"
    other = public("other node").hex()
    yield _log("log-under-another-writer", comment, events, fault="not-accepted", writer=other)
    for name, named in (
        ("another-delegation", OTHER),
        ("an-endorsement", FRIEND),
        ("the-inception", start),
    ):
        comment = f"Hard case 24: a log under {name.replace('-', ' ')}"
        name = f"log-under-{name}"
        yield _log(name, comment, events, fault="not-accepted", delegation=named)
    hash_ = _space("xian-2021")
    for name, rights, salt, fault in (
        ("no-write", {"write": False}, None, "not-accepted"),
        ("no-session", {"session": False}, None, ""),
        ("topic-listed", {"topics": ["base", "fsc"]}, None, ""),
        ("topic-not-listed", {"topics": ["base", "hea"]}, None, "not-accepted"),
        ("space-listed", {"spaces": [hash_]}, SALT, ""),
        ("space-without-salt", {"spaces": [hash_]}, None, "not-accepted"),
        ("space-with-another-salt", {"spaces": [hash_]}, bytes(16), "not-accepted"),
        ("another-space", {"spaces": [_space("wuhan-2020")]}, SALT, "not-accepted"),
        ("salt-where-all-spaces", {}, SALT, ""),
    ):
        delegation = AID.delegate("node", rights={**RIGHTS, **rights})
        comment = f"Hard case 46: the rights of the delegation: {name.replace('-', ' ')}"
        known = [start, delegation]
        shown = None if salt is None else salt.hex()
        yield _log(
            f"log-{name}", comment, known, fault=fault, delegation=delegation, space_salt=shown
        )
    frozen = AID.add("vouch", [NODE])
    comment = "A log of a frozen organisation"
    yield _log("log-frozen", comment, [start, NODE, frozen], fault="upgrade-needed")
    comment = "A log of a frozen organisation whose delegation is not held: first the events"
    yield _log(
        "log-frozen-unknown",
        comment,
        [start, AID.add("vouch")],
        fault="identity-needed",
    )


def _log(
    name: str,
    comment: str,
    events: Sequence[Event],
    *,
    fault: str = "",
    delegation: Event = NODE,
    **changes: Json,
) -> Case:
    opened: dict[str, Json] = {
        "org": AID.id.hex(),
        "writer": public("node").hex(),
        "delegation": delegation.hex,
        "space": "xian-2021",
        "topic": "fsc",
        "space_salt": None,
        **changes,
    }
    given: dict[str, Json] = {"events": [one.json() for one in events], "open": opened}
    expect: dict[str, Json] = {"fault": fault} if fault else {"ok": True}
    return Case(f"4/{name}", "4.11.1", "MUST", comment, "identity.decide", given, expect)


def _sessions() -> Iterator[Case]:
    start = AID.incept
    silent = AID.delegate("node", rights={**RIGHTS, "session": False})
    reader = AID.delegate("node", rights={**RIGHTS, "write": False})
    events = [start, NODE, FRIEND, silent, reader]
    frozen = [start, NODE, AID.add("vouch", [NODE])]
    for name, known, delegation, fault in (
        ("taken", events, NODE, ""),
        ("without-write", events, reader, ""),
        ("without-session", events, silent, "not-accepted"),
        ("under-an-endorsement", events, FRIEND, "not-accepted"),
        ("before-delegation", events, OTHER, "identity-needed"),
        ("of-unknown-org", [NODE], NODE, "identity-needed"),
        ("frozen", frozen, NODE, "upgrade-needed"),
    ):
        given: dict[str, Json] = {
            "events": [one.json() for one in known],
            "org": AID.id.hex(),
            "delegation": delegation.hex,
        }
        ok: Json = {"writer": public("node").hex()}
        expect: dict[str, Json] = {"fault": fault} if fault else {"ok": ok}
        comment = f"A session {name.replace('-', ' ')}"
        yield Case(
            f"4/session-{name}",
            "4.11.2",
            "MUST",
            comment,
            "identity.decide-session",
            given,
            expect,
        )


# Forms of cases


def _evaluate(
    name: str, section: str, comment: str, events: Sequence[Event], expected: dict[str, Json]
) -> Case:
    """The state of one organisation of these events."""
    org = str(expected["org"])
    given: dict[str, Json] = {"events": [one.json() for one in events], "org": org}
    ok: Json = {org: expected}
    name = f"4/state-{name}"
    return Case(name, section, "MUST", comment, "identity.evaluate", given, {"ok": ok})


def _reply(name: str, section: str, comment: str, events: Sequence[Event], ok: Json) -> Case:
    given: dict[str, Json] = {"events": [one.json() for one in events]}
    return Case(f"4/{name}", section, "MUST", comment, "identity.evaluate", given, {"ok": ok})
