"""Judges vectors of identifiers as text with a base32 of its own. Spec: 2.5.

The text is taken apart character by character into one large number; no library decodes it.
"""

from __future__ import annotations

import hashlib

from hutong_conformance.cases import Json

OPS = frozenset({"id.format", "id.parse"})

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
PREFIXES = ("org", "writer", "rec", "log", "event", "key")
BODY_CHARS = 56


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector expects what section 2.5 gives."""
    request, expect = case["input"], case["expect"]
    assert isinstance(request, dict)
    assert isinstance(expect, dict)
    if case["op"] == "id.parse":
        assert expect == _parsed(request), f"{case['id']}: found {_parsed(request)}"
        return
    assert case["op"] == "id.format", f"{case['id']}: no vector of text identifiers"
    text = expect.get("ok")
    assert isinstance(text, str), f"{case['id']}: every 32 bytes have a text"
    wanted = {"ok": {"prefix": request["prefix"], "hex": request["hex"]}}
    assert _parsed({"text": text}) == wanted, f"{case['id']}: the text is read as something else"


def _parsed(request: dict[str, Json]) -> dict[str, Json]:
    text = request["text"]
    assert isinstance(text, str)
    prefix, hyphen, body = text.partition("-")
    asked = request.get("prefix", prefix)
    content = _read(prefix, body) if hyphen and prefix in PREFIXES and asked == prefix else None
    if content is None:
        return {"fault": "bad-text-id"}
    return {"ok": {"prefix": prefix, "hex": content.hex()}}


def _read(prefix: str, body: str) -> bytes | None:
    if len(body) != BODY_CHARS or any(character not in ALPHABET for character in body):
        return None
    number = 0
    for character in body:
        number = number * 32 + ALPHABET.index(character)
    content, checksum = divmod(number, 1 << 24)
    raw = content.to_bytes(32, "big")
    covered = b"hutong/1/text-id\0" + prefix.encode() + b"-" + raw
    if hashlib.sha256(covered).digest()[:3] != checksum.to_bytes(3, "big"):
        return None
    return raw
