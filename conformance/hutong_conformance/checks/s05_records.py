"""Judges vectors of headers and ids by the independent reader. Spec: 5.2 to 5.5."""

from __future__ import annotations

import json

from hutong_conformance.cases import Json
from hutong_conformance.independent import headers
from hutong_conformance.independent.mp_decoder import Rejected, Value, tagged

OPS = frozenset({"record.parse", "record.id"})

NAMES = ("v", "kind", "log", "seq", "prev", "ts", "clock", "type", "refs", "parts", "ext")


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector expects what the independent reader finds."""
    request = case["input"]
    assert isinstance(request, dict)
    spelled = request["header"]
    assert isinstance(spelled, str)
    header = bytes.fromhex(spelled)
    found: dict[str, Json]
    try:
        elements = headers.read(header)
    except Rejected as rejected:
        found = {"fault": rejected.fault}
    else:
        if case["op"] == "record.id":
            found = {"ok": headers.identify(header).hex()}
        else:
            assert case["op"] == "record.parse", f"{case['id']}: no vector of headers"
            shown = {name: shape(item) for name, item in zip(NAMES, elements, strict=True)}
            found = {"ok": shown | {"ext": tagged(elements[10])}}
    assert case["expect"] == found, f"{case['id']}: the independent reader says {found}"
    as_text = [json.dumps(reply, sort_keys=True) for reply in (case["expect"], found)]
    assert as_text[0] == as_text[1], f"{case['id']}: true and 1 are not the same"


def shape(value: Value) -> Json:
    """An element as a reply has it: bins in hexadecimal."""
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    assert isinstance(value, int | str | dict)
    return None if isinstance(value, dict) else value
