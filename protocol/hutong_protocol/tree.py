"""The digest tree of a scope: one root that is equal where the same heads are held. Spec: 7.5.

Owns entries, buckets, nodes and roots, from scratch (`scope_root`) and piece by piece, as a store
recomputes them when one entry changes: `bucket_of` the entry, `bucket_hash` of what is in the
bucket, `node_hash` of its node's 64 buckets, `root_hash` of the 64 nodes.

Parts are not in it, so erasing changes nothing here. It keeps nothing and knows no store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from hutong_protocol.encoding import encode
from hutong_protocol.faults import LocalProtocolError
from hutong_protocol.hashing import HASH_BYTES, digest

BUCKETS: Final = 4_096
NODES: Final = 64
FANOUT: Final = 64
"""Buckets of a node, and sub-leaves of a bucket that is split."""
LEAF_ENTRIES_MAX: Final = 64
"""Entries of a bucket that is not split."""
EMPTY: Final = bytes(HASH_BYTES)
"""The hash of an empty bucket, and of a node whose buckets are all empty."""

HEADS_MAX: Final = 4
_SHATTERED: Final = b"\xff"
_LOG: Final = b"\x00"
_ORG: Final = b"\x01"
_LEVEL_BYTES: Final = FANOUT * HASH_BYTES


def log_entry(log: bytes, heads: Iterable[bytes]) -> bytes:
    """The entry of a log.

    Args:
        log: its id, 32 bytes.
        heads: the ids of its heads, 1 to 4 in any order; none at all for a shattered log.

    Raises:
        LocalProtocolError: more heads, one twice, or an id that is not 32 bytes. Spec: 7.5.1.
    """
    ids = sorted(heads)
    if len(ids) > HEADS_MAX or len(set(ids)) < len(ids):
        raise LocalProtocolError(f"a log has 1 to {HEADS_MAX} heads, no two equal")
    count = bytes([len(ids)]) if ids else _SHATTERED
    return _LOG + _identifier(log) + count + b"".join(map(_identifier, ids))


def org_entry(org: bytes, identity_digest: bytes) -> bytes:
    """The entry of an organisation with a log in the scope; both arguments are 32 bytes.

    The digest is that of its identity's heads (Spec: 4.7.7). Spec: 7.5.1.
    """
    return _ORG + _identifier(org) + b"\x01" + _identifier(identity_digest)


def bucket_of(identifier: bytes) -> int:
    """The bucket, 0 to 4,095, of a log or organisation: the first 12 bits of its id."""
    return identifier[0] << 4 | identifier[1] >> 4


def bucket_hash(entries: Iterable[bytes]) -> bytes:
    """The hash of a bucket.

    Args:
        entries: all entries of one bucket, each once, in any order.
    """
    members = sorted(entries)
    if len(members) <= LEAF_ENTRIES_MAX:
        return _leaf(members)
    parts: list[list[bytes]] = [[] for _ in range(FANOUT)]
    for entry in members:
        # The id follows the byte that tells the kind of entry; bits 12 to 17 of the id.
        parts[(entry[2] & 0x0F) << 2 | entry[3] >> 6].append(entry)
    return digest("node", b"".join(map(_leaf, parts)))


def node_hash(bucket_hashes: bytes) -> bytes:
    """The hash of node j over buckets 64j to 64j+63.

    Args:
        bucket_hashes: their 64 hashes joined, 2,048 bytes.
    """
    _require_level(bucket_hashes)
    if not any(bucket_hashes):
        return EMPTY
    return digest("node", bucket_hashes)


def root_hash(space: str, topic: str, node_hashes: bytes) -> bytes:
    """The root of a scope over its 64 nodes.

    Args:
        node_hashes: their hashes joined, 2,048 bytes.
    """
    _require_level(node_hashes)
    return digest("root", encode([space, topic]) + node_hashes)


def scope_root(space: str, topic: str, entries: Iterable[bytes]) -> bytes:
    """The root of a scope from all of its entries, each once, in any order. Spec: 7.5.4."""
    buckets: dict[int, list[bytes]] = {}
    for entry in entries:
        buckets.setdefault(bucket_of(entry[1:]), []).append(entry)
    hashes = [bucket_hash(buckets.get(number, ())) for number in range(BUCKETS)]
    nodes = (
        node_hash(b"".join(hashes[first : first + FANOUT])) for first in range(0, BUCKETS, FANOUT)
    )
    return root_hash(space, topic, b"".join(nodes))


def shared_root(roots: Sequence[bytes]) -> bytes:
    """The one root over shared scopes: `roots` are theirs, in the order of the scopes.

    Spec: 7.5.4.
    """
    return digest("roots", b"".join(map(_identifier, roots)))


def _leaf(members: Sequence[bytes]) -> bytes:
    return digest("leaf", b"".join(members)) if members else EMPTY


def _identifier(content: bytes) -> bytes:
    if len(content) != HASH_BYTES:
        # Entries are joined without lengths: another length could make two sets look the same.
        raise LocalProtocolError(f"{len(content)} bytes instead of {HASH_BYTES}")
    return content


def _require_level(hashes: bytes) -> None:
    if len(hashes) != _LEVEL_BYTES:
        raise LocalProtocolError(f"{len(hashes)} bytes of hashes instead of {_LEVEL_BYTES}")
