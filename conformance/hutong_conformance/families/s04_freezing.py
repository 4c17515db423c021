"""Vectors of unknown events that freeze or do not, and of decisions where keys changed.

Spec: 4.9, 4.11. Hard case 44. Decisions within one epoch stand in `s04_identity`.
"""

from __future__ import annotations

from collections.abc import Iterator

from hutong_conformance.cases import Case, Json
from hutong_conformance.raw_identity import Event, public
from hutong_conformance.standing_scene import (
    FIRST,
    LATE,
    NODE,
    START,
    TURNED,
    after_change,
    contended,
    rivals,
    tops,
)


def cases() -> Iterator[Case]:
    """States, then decisions."""
    yield from _freezing()
    yield from _chain()
    yield from _decisions()


def _freezing() -> Iterator[Case]:
    """Unknown epoch events."""
    strange = START.add("vouch")
    comment = "An unknown event that is void does not freeze"
    yield after_change(
        "unknown-void", "4.9.1", comment, [FIRST, NODE, strange, TURNED.last], {"node": NODE}
    )
    sealing = START.rotate(NODE, strange)
    comment = "An unknown event that a rotation seals freezes"
    yield after_change(
        "unknown-sealed",
        "4.9.1",
        comment,
        [FIRST, NODE, strange, sealing.last],
        {"node": NODE},
        sealing,
        frozen=True,
    )
    comment = "An unknown event that is affirmed freezes: it may be a delegation"
    said = TURNED.affirm(strange)
    yield after_change(
        "unknown-affirmed",
        "4.9.1",
        comment,
        [FIRST, NODE, strange, TURNED.last, said],
        {"node": NODE},
        heads=[strange, said],
        frozen=True,
    )
    pair = rivals([NODE], [NODE])
    comment = "An unknown event that waits for a dispute freezes"
    yield contended(
        "unknown-in-dispute",
        comment,
        [NODE, strange],
        pair,
        {"node": NODE},
        heads=[strange, *tops(pair)],
        section="4.9.1",
        frozen=True,
    )


def _chain() -> Iterator[Case]:
    """Unknown chain events."""
    migrated = START.unknown()
    comment = "An unknown chain event freezes, and has no rank"
    yield after_change(
        "unknown-chain",
        "4.9.1",
        comment,
        [FIRST, migrated],
        {},
        START,
        heads=[migrated],
        frozen=True,
    )
    for name, place, frozen in (
        ("rotate", START.rotate(), True),
        ("recover", START.recover(), True),
        ("both", START.rotate(both=True), False),
    ):
        comment = f"An unknown chain event beside {name}"
        yield after_change(
            f"unknown-chain-beside-{name}",
            "4.9.1",
            comment,
            [FIRST, migrated, place.last],
            {},
            place,
            heads=[migrated, place.last],
            frozen=frozen,
        )
    yield from _behind(migrated)


def _behind(migrated: Event) -> Iterator[Case]:
    """Unknown chain events, and what stands behind others."""
    turned = START.rotate()
    backed = turned.rotate(both=True)
    comment = "An unknown chain event beside a rotation behind which both sets of keys stand"
    yield after_change(
        "unknown-chain-beside-backed",
        "4.9.1",
        comment,
        [FIRST, migrated, turned.last, backed.last],
        {},
        backed,
        chain=[START, turned, backed],
        heads=[migrated, backed.last],
    )
    lost = turned.unknown()
    for name, place, frozen in (
        ("below-recover", START.recover(), True),
        ("below-both", START.recover(both=True), False),
    ):
        comment = f"An unknown chain event after a rotation that is passed over, {name}"
        yield after_change(
            f"unknown-chain-{name}",
            "4.9.1",
            comment,
            [FIRST, turned.last, lost, place.last],
            {},
            place,
            heads=[lost, place.last],
            frozen=frozen,
        )


# 4.11


def _decisions() -> Iterator[Case]:
    taken = TURNED.revoke(NODE)
    late = [FIRST, NODE, LATE, TURNED.last]
    pair = [place.last for place in rivals([NODE], [])]
    strange = [FIRST, NODE, START.add("vouch"), TURNED.last]
    for name, comment, events, delegation, log, session in (
        ("sealed", "A delegation that is sealed", late, NODE, "", ""),
        ("void", "A delegation that is void", late, LATE, "not-accepted", "not-accepted"),
        ("affirmed", "A delegation that is restored", [*late, TURNED.affirm(LATE)], LATE, "", ""),
        (
            "revoked",
            "Hard case 44: under a delegation that is revoked logs are for cuts, sessions are not",
            [*late, taken],
            NODE,
            "",
            "not-accepted",
        ),
        (
            "in-dispute",
            "A delegation that waits for a dispute",
            [FIRST, NODE, *pair],
            NODE,
            "not-accepted",
            "not-accepted",
        ),
        ("thawed", "What froze the organisation is void", strange, NODE, "", ""),
    ):
        writer = public("node" if delegation is NODE else "late").hex()
        given: dict[str, Json] = {"events": [one.json() for one in events]}
        opened: Json = {
            "org": START.org.id.hex(),
            "writer": writer,
            "delegation": delegation.hex,
            "space": "xian-2021",
            "topic": "fsc",
            "space_salt": None,
        }
        reply: dict[str, Json] = {"fault": log} if log else {"ok": True}
        yield Case(
            f"4/log-{name}",
            "4.11.1",
            "MUST",
            comment,
            "identity.decide",
            {**given, "open": opened},
            reply,
        )
        reply = {"fault": session} if session else {"ok": {"writer": writer}}
        asked: dict[str, Json] = {"org": START.org.id.hex(), "delegation": delegation.hex}
        yield Case(
            f"4/session-{name}",
            "4.11.2",
            "MUST",
            comment,
            "identity.decide-session",
            {**given, **asked},
            reply,
        )
