"""Judges vectors of the digest tree, top down over bit strings. Spec: 7.5.

Where the family sorts entries into lists by arithmetic, this asks at every place of the tree which
entries have the bits that lead there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hutong_conformance.cases import Json
from hutong_conformance.independent.mp_encoder import encode

OPS = frozenset({"tree.root", "tree.shared"})

Entry = tuple[str, bytes]
"""The bits of an id, and the entry."""


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector expects this root."""
    request = case["input"]
    assert isinstance(request, dict)
    if case["op"] == "tree.shared":
        found = tagged("roots", b"".join(map(spelled, listed(request["roots"]))))
    else:
        assert case["op"] == "tree.root", f"{case['id']}: no vector of the tree"
        found = root(request)
    assert case["expect"] == {"ok": found.hex()}, f"{case['id']}: the root is {found.hex()}"


def root(request: dict[str, Json]) -> bytes:
    """The root of the scope of a request."""
    entries: list[Entry] = []
    for pair in listed(request["logs"]):
        identifier, heads = pair_of(pair)
        assert len(heads) <= 4
        number = 255 if not heads else len(heads)
        entries.append((bits(identifier), b"\0" + identifier + bytes([number, *b"".join(heads)])))
    for pair in listed(request["orgs"]):
        identifier, heads = pair_of(pair)
        digest = tagged("identity-heads", b"".join(heads))
        entries.append((bits(identifier), b"\1" + identifier + b"\1" + digest))
    nodes = [node(below(entries, f"{j:06b}"), f"{j:06b}") for j in range(64)]
    space, topic = listed(request["scope"])
    assert isinstance(space, str)
    assert isinstance(topic, str)
    return tagged("root", encode([space, topic]) + b"".join(nodes))


def node(entries: Sequence[Entry], path: str) -> bytes:
    """The hash of a node, or of nothing."""
    if not entries:
        return bytes(32)
    paths = [f"{path}{j:06b}" for j in range(64)]
    return tagged("node", b"".join(bucket(below(entries, each), each) for each in paths))


def bucket(entries: Sequence[Entry], path: str) -> bytes:
    """The hash of a bucket, split once if it has more than 64 entries."""
    if len(entries) < 65:
        return leaf(entries)
    leaves = [leaf(below(entries, f"{path}{j:06b}")) for j in range(64)]
    return tagged("node", b"".join(leaves))


def leaf(entries: Sequence[Entry]) -> bytes:
    """The hash of entries, or of nothing."""
    return tagged("leaf", b"".join(sorted(entry for _, entry in entries))) if entries else bytes(32)


def below(entries: Sequence[Entry], path: str) -> list[Entry]:
    """The entries whose ids begin with these bits."""
    return [entry for entry in entries if entry[0].startswith(path)]


def tagged(context: str, data: bytes) -> bytes:
    """The hash in a context."""
    return hashlib.sha256(f"hutong/1/{context}\0".encode() + data).digest()


def bits(identifier: bytes) -> str:
    """An id as ones and zeros."""
    assert len(identifier) == 32
    return f"{int.from_bytes(identifier, 'big'):0256b}"


def pair_of(value: Json) -> tuple[bytes, list[bytes]]:
    """An id and hashes, sorted."""
    identifier, hashes = listed(value)
    return spelled(identifier), sorted(map(spelled, listed(hashes)))


def listed(value: Json) -> list[Json]:
    """A list."""
    assert isinstance(value, list)
    return value


def spelled(value: Json) -> bytes:
    """The bytes of a hexadecimal text."""
    assert isinstance(value, str)
    return bytes.fromhex(value)
