"""The vectors of section 4: a byte changed anywhere in an event shows, and nothing is left out."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hutong_conformance import checks, families
from hutong_conformance.cases import Case, load
from hutong_conformance.families import s04_events

FAMILIES = families.names(section=4)
Vector = dict[str, Any]


def vector_of(case: Case) -> Vector:
    vector: Vector = json.loads(case.to_json())
    return vector


def judged_right(vector: Vector) -> bool:
    check = checks.check_for(vector["id"], vector["op"])
    assert check is not None
    try:
        check(vector)
    except (AssertionError, ValueError):
        return False
    return True


def every_event_counts(vector: Vector) -> bool:
    """Whether all events of a case are held, each once, so that none may change unnoticed."""
    expect = vector["expect"]["ok"]
    if vector["op"] == "identity.admit":
        return len(vector["input"]["events"]) == len(expect["held"])
    if vector["op"] == "identity.evaluate":
        counted = sum(state["events"] for state in expect.values())
        return bool(len(vector["input"]["events"]) == counted)
    return False


def flipped(data: str, at: int) -> str:
    changed = bytearray.fromhex(data)
    changed[at] ^= 1
    return changed.hex()


def changed_events(vector: Vector, *, signatures: bool) -> Iterator[Vector]:
    """Copies with one bit changed at two places of each body, and in each signature."""
    alone = "event" in vector["input"]
    count = 1 if alone else len(vector["input"]["events"])
    for position in range(count):
        for part in range(3 if signatures else 2):
            corrupt = copy.deepcopy(vector)
            given = corrupt["input"]
            event = given["event"] if alone else given["events"][position]
            if part < 2:
                event[0] = flipped(event[0], (len(event[0]) // 2 - 1) // (part + 1))
            else:
                event[1][-1][1] = flipped(event[1][-1][1], 40)
            yield corrupt


CASES = [case for name in FAMILIES for case in families.cases_of(name) if "ok" in case.expect]


def test_a_bit_changed_in_a_right_event_is_noticed() -> None:
    """Signatures of a single event are not judged, so there the body is what counts."""
    alone = [case for case in CASES if case.op == "identity.event"]
    missed = {
        case.id
        for case in alone
        for vector in changed_events(vector_of(case), signatures=False)
        if judged_right(vector)
    }
    assert len(alone) > len(s04_events.BASES)
    assert missed == set()


def test_a_bit_changed_in_events_that_are_all_held_is_noticed() -> None:
    """Threat 31: in the body or in a signature."""
    whole = [case for case in CASES if every_event_counts(vector_of(case))]
    missed = {
        case.id
        for case in whole
        for vector in changed_events(vector_of(case), signatures=True)
        if judged_right(vector)
    }
    assert len(whole) > 30
    assert missed == set()


@pytest.mark.parametrize(
    ("number", "ids"),
    [
        (18, [f"4/delegate-writer-small-order-{number:02}" for number in range(1, 15)]),
        (19, ["4/delegate-writer-off-curve", "4/incept-control-off-curve"]),
        (24, ["4/log-under-another-writer", "4/log-under-another-delegation"]),
        (25, ["4/admit-signed-by-rotated-out", "4/admit-signed-also-by-stranger"]),
        (39, [f"4/state-concurrent-{number}" for number in range(1, 7)]),
        (39, [f"4/chain-two-rotations-{number}" for number in range(1, 7)]),
        (40, [f"4/standing-six-race-{number}" for number in range(1, 8)]),
        (41, ["4/admit-rotate-to-a-stranger", "4/admit-rotate-by-current"]),
        (42, ["4/event-two-signatures-of-one-key", "4/event-signature-twice"]),
        (43, ["4/cut-moved-up", "4/cut-moved-down", "4/cut-moved-void"]),
        (44, ["4/session-revoked", "4/log-revoked"]),
        (45, ["4/log-before-delegation", "4/log-taken"]),
        (46, ["4/log-topic-not-listed", "4/log-another-space"]),
        (47, ["4/admit-chain-of-five", "4/chain-three-rotations-and-recovery"]),
        (57, [f"4/sealkey-low-order-{number}" for number in range(1, 8)]),
    ],
)
def test_each_hard_case_of_identity_has_its_vectors(number: int, ids: list[str]) -> None:
    committed = {case.id for case in load(only="4")}
    assert [name for name in ids if name not in committed] == [], f"hard case {number}"


def test_every_fault_of_identity_is_the_answer_of_some_vector() -> None:
    vectors = [vector_of(case) for case in load(only="4")]
    answers = {vector["expect"].get("fault") for vector in vectors}
    answers |= {
        fault
        for vector in vectors
        if vector["op"] == "identity.admit"
        for _, fault in vector["expect"]["ok"]["refused"]
    }
    assert {
        *("bad-event", "bad-possession", "threshold-not-met", "next-key-mismatch", "bad-cut"),
        *("bad-key", "bad-signature", "too-large", "not-canonical", "upgrade-needed"),
        *("identity-needed", "not-accepted"),
    } <= answers
