"""Judges vectors of cuts by a second reading of the text. Spec: 4.8.

Decoder, rules, events and the choice of a cut are those of `independent`.
"""

from __future__ import annotations

from hutong_conformance.cases import Json
from hutong_conformance.independent import cut_choice, identity_form
from hutong_conformance.independent.mp_decoder import Rejected

OPS = frozenset({"cut.list", "cut.manifest", "cut.effective"})


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector's reply is that of the second reading."""
    request = case["input"]
    assert isinstance(request, dict)
    found: dict[str, Json]
    try:
        match case["op"]:
            case "cut.list":
                found = {"ok": identity_form.cut_list(bytes.fromhex(str(request["hex"])))}
            case "cut.manifest":
                found = {"ok": identity_form.manifest(bytes.fromhex(str(request["hex"])))}
            case _:
                events = request["events"]
                assert isinstance(events, list)
                found = {"ok": cut_choice.effective(events, request)}
    except Rejected as rejected:
        found = {"fault": rejected.fault}
    assert case["expect"] == found, f"{case['id']}: found {found}"
