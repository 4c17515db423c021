"""The scene of the vectors about standing: a rotation that seals one delegation, and rivals.

Owns the events that several families tell their stories with and the forms of their cases. What is
expected is said by the families.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.identity_stage import Place, founded, ids, state
from hutong_conformance.raw_identity import Event, Org

START = founded(Org("aid"))
FIRST = START.last
NODE = START.delegate("node")
LATE = START.delegate("late")
TURNED = START.rotate(NODE)
SUBJECT = raw.bytes_from("friend")
VOUCHED: dict[str, Json] = {"subject": SUBJECT.hex(), "spaces": "*", "topics": "*"}
ENDORSE = {"subject": SUBJECT, "spaces": "*", "topics": "*"}
KEY = raw.bytes_from("seal key")


def rivals(one: Sequence[Event], two: Sequence[Event]) -> list[Place]:
    """Two rotations that seal these."""
    return [START.rotate(*one, name="one"), START.rotate(*two, name="two")]


def tops(places: Sequence[Place]) -> list[Event]:
    """The chain events themselves."""
    return [place.last for place in places]


def after_change(
    name: str,
    section: str,
    comment: str,
    events: Sequence[Event],
    granted: Mapping[str, Event],
    last: Place = TURNED,
    *,
    chain: Sequence[Place] | None = None,
    heads: Sequence[Event] | None = None,
    **others: Json,
) -> Case:
    """Nothing is disputed and `last` is the end of the chain, by default the only head."""
    short = [START] if last is START else [START, last]
    expected = state(
        last,
        chain=short if chain is None else chain,
        heads=[last.last] if heads is None else heads,
        events=len(events),
        granted=granted,
    )
    return state_case(name, section, comment, events, {**expected, **others})


def dispute_state(
    contenders: Sequence[Place],
    events: Sequence[Event],
    granted: Mapping[str, Event],
    last: Place = START,
    heads: Sequence[Event] | None = None,
    **others: Json,
) -> dict[str, Json]:
    """The state while these are contenders after `last`, by default the only heads."""
    expected = state(
        last,
        chain=[START] if last is START else [START, last],
        heads=tops(contenders) if heads is None else heads,
        events=len(events),
        granted=granted,
        contenders=ids(*tops(contenders)),
    )
    return {**expected, **others}


def contended(
    name: str,
    comment: str,
    others: Sequence[Event],
    contenders: Sequence[Place],
    granted: Mapping[str, Event] | None = None,
    *,
    last: Place = START,
    heads: Sequence[Event] | None = None,
    section: str = "4.7.2",
    **shown: Json,
) -> Case:
    """A dispute of these contenders after `last`, by default the only heads."""
    events = [FIRST, *others, *tops(contenders)]
    expected = dispute_state(contenders, events, granted or {}, last, heads, **shown)
    return state_case(name, section, comment, events, expected)


def state_case(
    name: str, section: str, comment: str, events: Sequence[Event], expected: dict[str, Json]
) -> Case:
    """A case that asks for the state of one organisation."""
    org = str(expected["org"])
    given: dict[str, Json] = {"events": [one.json() for one in events], "org": org}
    ok: Json = {org: expected}
    return Case(
        f"4/standing-{name}", section, "MUST", comment, "identity.evaluate", given, {"ok": ok}
    )
