"""Domain-separated SHA-256, the only hash of major version 1.

Every hash and every signed message starts with an ASCII context tag ending in NUL, so that bytes of
one context can never stand for bytes of another. Spec: 2.4.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

HASH_BYTES = 32


@lru_cache(maxsize=64)
def tag(context: str) -> bytes:
    """The bytes that precede the data of `context`, e.g. ``b"hutong/1/record\\0"``. Spec: 2.4."""
    return b"hutong/1/" + context.encode("ascii") + b"\0"


def digest(context: str, data: bytes) -> bytes:
    """The 32-byte SHA-256 of `data` behind the tag of `context`. Spec: 2.4."""
    return hashlib.sha256(tag(context) + data).digest()
