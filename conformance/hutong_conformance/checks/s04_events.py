"""Judges vectors of the form of identity events by a second reading of the text. Spec: 4.2 to 4.4.

Decoder, curve and rules are those of `independent`.
"""

from __future__ import annotations

from hutong_conformance.cases import Json
from hutong_conformance.independent import identity_form
from hutong_conformance.independent.mp_decoder import Rejected

OPS = frozenset({"identity.event"})


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector's reply is that of the second reading."""
    request = case["input"]
    assert isinstance(request, dict)
    found: dict[str, Json]
    try:
        body = identity_form.read(request["event"])
    except Rejected as rejected:
        found = {"fault": rejected.fault}
    else:
        found = {
            "ok": {
                "id": body["id"].hex(),
                "org": body["org"].hex(),
                "type": body["type"],
                "known": body["known"],
            }
        }
    assert case["expect"] == found, f"{case['id']}: found {found}"
