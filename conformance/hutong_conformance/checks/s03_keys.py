"""Judges vectors of public keys by the independent curve. Spec: 3.1.

Validity is computed as the text has it: decoded, then multiplied by the order as an integer.
"""

from __future__ import annotations

from hutong_conformance.cases import Json
from hutong_conformance.independent import ed25519

OPS = frozenset({"key.check"})


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector's verdict is that of the independent curve."""
    request, expect = case["input"], case["expect"]
    assert isinstance(request, dict)
    key = request["key"]
    assert isinstance(key, str)
    valid = ed25519.key_point(bytes.fromhex(key)) is not None
    found: dict[str, Json] = {"ok": True} if valid else {"fault": "bad-key"}
    assert expect == found, f"{case['id']}: found {found}"
