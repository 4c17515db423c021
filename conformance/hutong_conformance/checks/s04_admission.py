"""Judges vectors of which events are held by a second reading of the text. Spec: 4.3, 4.5.

Events are read and verified by `independent` alone.
"""

from __future__ import annotations

from hutong_conformance.cases import Json
from hutong_conformance.independent import identity

OPS = frozenset({"identity.admit"})


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector's reply is that of the second reading."""
    request = case["input"]
    assert isinstance(request, dict)
    events = request["events"]
    assert isinstance(events, list)
    found = {"ok": identity.admission(events)}
    assert case["expect"] == found, f"{case['id']}: found {found}"
