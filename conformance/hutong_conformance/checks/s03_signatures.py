"""Judges vectors of signatures by the independent verifier. Spec: 3.2, 3.3.

The message of a context is put together here from the tag and the fields, whose lengths must be
those that the table of 3.3 fixes.
"""

from __future__ import annotations

from hutong_conformance.cases import Json
from hutong_conformance.independent import ed25519

OPS = frozenset({"signature.verify", "signature.in-context"})

FIELDS_BYTES = {
    "sign-record": 32,
    "sign-event": 64,
    "sign-possession": 64,
    "sign-hello": 65,
    "sign-invite": 96,
    "sign-join": 96,
}


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector's verdict is that of the independent verifier."""
    request = case["input"]
    assert isinstance(request, dict)
    key, signature = _bytes(request["key"]), _bytes(request["signature"])
    if case["op"] == "signature.in-context":
        context, fields = request["context"], _bytes(request["fields"])
        assert isinstance(context, str)
        assert FIELDS_BYTES.get(context) == len(fields), f"{case['id']}: fields of another length"
        message = b"hutong/1/" + context.encode() + b"\x00" + fields
    else:
        assert case["op"] == "signature.verify", f"{case['id']}: no vector of signatures"
        message = _bytes(request["message"])
    found: dict[str, Json] = {"ok": True}
    if ed25519.key_point(key) is None:
        found = {"fault": "bad-key"}
    elif not ed25519.verify(key, message, signature):
        found = {"fault": "bad-signature"}
    assert case["expect"] == found, f"{case['id']}: found {found}"


def _bytes(spelled: Json) -> bytes:
    assert isinstance(spelled, str)
    return bytes.fromhex(spelled)
