"""Judges vectors of cut lists and manifests by a second reading of the text. Spec: 4.8.

Decoder and rules are those of `independent`.
"""

from __future__ import annotations

from hutong_conformance.cases import Json
from hutong_conformance.independent import identity_form
from hutong_conformance.independent.mp_decoder import Rejected

OPS = frozenset({"cut.list", "cut.manifest"})


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector's reply is that of the second reading."""
    request = case["input"]
    assert isinstance(request, dict)
    data = bytes.fromhex(str(request["hex"]))
    found: dict[str, Json]
    try:
        read = identity_form.cut_list if case["op"] == "cut.list" else identity_form.manifest
        found = {"ok": read(data)}
    except Rejected as rejected:
        found = {"fault": rejected.fault}
    assert case["expect"] == found, f"{case['id']}: found {found}"
