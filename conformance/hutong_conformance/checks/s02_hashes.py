"""Judges vectors of tagged hashes with the tag written out by hand. Spec: 2.4.

SHA-256 itself is that of the standard library; what can be wrong is what goes into it.
"""

from __future__ import annotations

import hashlib
import re

from hutong_conformance.cases import Json

OPS = frozenset({"hash"})


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the hash is that of the tag and the data."""
    request, expect = case["input"], case["expect"]
    assert isinstance(request, dict)
    assert isinstance(expect, dict)
    context, data = request["context"], request["hex"]
    assert isinstance(context, str)
    assert isinstance(data, str)
    assert re.fullmatch(r"[a-z0-9-]{1,32}", context), f"{case['id']}: no context: {context!r}"
    state = hashlib.sha256()
    for piece in (b"hutong", b"/", b"1", b"/", context.encode(), b"\x00", bytes.fromhex(data)):
        state.update(piece)
    assert expect == {"ok": state.hexdigest()}, f"{case['id']}: the hash is {state.hexdigest()}"
