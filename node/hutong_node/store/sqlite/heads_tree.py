"""The stored digest tree of each scope: one root, kept with the heads in one transaction.

A change of some logs and organisations recomputes their buckets from the tables, the nodes above
these, and the root. The 64 bucket hashes of a node lie in one row, the 64 node hashes and the root
with the scope, so one changed log costs two small rows whatever the store holds. The tree may
always be computed anew from the entries: `verify` does, and compares. Spec: 7.5.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from hutong_protocol import tree
from hutong_protocol.exchange import Scope
from hutong_protocol.hashing import HASH_BYTES

EMPTY_NODES: Final = tree.EMPTY * tree.NODES
_EMPTY_BUCKETS: Final = tree.EMPTY * tree.FANOUT


def empty_root(scope: Scope) -> bytes:
    """The root of a scope without entries."""
    return tree.root_hash(scope.space, scope.topic, EMPTY_NODES)


def update_tree(
    connection: sqlite3.Connection, number: int, scope: Scope, nodes: bytes, ids: Iterable[bytes]
) -> tuple[bytes, bytes]:
    """Brings the tree of a scope to what its tables say now.

    Args:
        number: of the scope.
        nodes: its 64 node hashes so far.
        ids: the logs and organisations whose entries have changed.

    Returns:
        The node hashes and the root, for the caller to store with the scope.
    """
    changed: defaultdict[int, set[int]] = defaultdict(set)
    for identifier in ids:
        bucket = tree.bucket_of(identifier)
        changed[bucket // tree.FANOUT].add(bucket)
    new_nodes = bytearray(nodes)
    for node, buckets in changed.items():
        place = number * tree.NODES + node
        row = connection.execute(
            "SELECT buckets FROM tree_nodes WHERE place = ?", (place,)
        ).fetchone()
        hashes = bytearray(row[0] if row is not None else _EMPTY_BUCKETS)
        for bucket in buckets:
            at = bucket % tree.FANOUT * HASH_BYTES
            entries = bucket_entries(connection, number, bucket)
            hashes[at : at + HASH_BYTES] = tree.bucket_hash(entries)
        connection.execute(
            "INSERT INTO tree_nodes VALUES (?, ?)"
            " ON CONFLICT (place) DO UPDATE SET buckets = excluded.buckets",
            (place, bytes(hashes)),
        )
        at = node * HASH_BYTES
        new_nodes[at : at + HASH_BYTES] = tree.node_hash(bytes(hashes))
    result = bytes(new_nodes)
    return result, tree.root_hash(scope.space, scope.topic, result)


def bucket_entries(connection: sqlite3.Connection, number: int, bucket: int) -> list[bytes]:
    """The entries of one bucket of a scope, by the tables."""
    bounds = (number, _bound(bucket), _bound(bucket + 1))
    logs = connection.execute(
        "SELECT id, head FROM logs WHERE scope = ? AND id >= ? AND id < ?", bounds
    )
    entries = [tree.log_entry(identifier, (head,)) for identifier, head in logs]
    orgs = connection.execute(
        "SELECT id, digest FROM scope_orgs WHERE scope = ? AND id >= ? AND id < ?", bounds
    )
    entries += [tree.org_entry(identifier, digest) for identifier, digest in orgs]
    return entries


def _bound(bucket: int) -> bytes:
    """The least id of a bucket; of the bucket after the last, bytes above every id."""
    return (bucket << 4).to_bytes(2, "big") if bucket < tree.BUCKETS else b"\xff" * 33
