"""Judges vectors of states and decisions by a second evaluation.

Spec: 4.6, 4.7, 4.9, 4.11. Events are read, verified and evaluated by `independent` alone.
"""

from __future__ import annotations

from hutong_conformance.cases import Json
from hutong_conformance.independent import identity

OPS = frozenset({"identity.evaluate", "identity.decide", "identity.decide-session"})


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector's reply is that of the second evaluation."""
    request = case["input"]
    assert isinstance(request, dict)
    events = request["events"]
    assert isinstance(events, list)
    found: Json
    match case["op"]:
        case "identity.evaluate":
            states = identity.states(events)
            wanted = request.get("org")
            found = {"ok": {org: states[org] for org in states if wanted in (None, org)}}
        case "identity.decide":
            opened = request["open"]
            assert isinstance(opened, dict)
            found = identity.decide(events, opened)
        case _:
            found = identity.decide_session(events, str(request["org"]), str(request["delegation"]))
    assert case["expect"] == found, f"{case['id']}: found {found}"
