"""The end of the demo: reads the three stores back and says whether they are sound and equal.

Owns the judgement. It believes no figure that a node reported: each database is checked record by
record (ids, chains, seals, commits, tree), and the fold is made anew from the records, all three at
one instant. A byte changed in a database shows here.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hutong_node.demo.members import Member
from hutong_node.indexing import FoldIndex
from hutong_node.node import open_parts
from hutong_node.store.errors import StoreError
from hutong_node.store.interface import NodeStore, StoreMethods
from hutong_node.store.sqlite.bystander import page_damage
from hutong_node.store.sqlite.verify import verify_store
from hutong_protocol.fold import FoldState
from hutong_protocol.hashing import digest
from hutong_protocol.tree import shared_root


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What one store comes to. `problems` is empty for a sound one."""

    name: str
    records: int
    frontier_digest: str
    fold_digest: str
    state: FoldState | None
    problems: tuple[str, ...]

    def summary(self) -> dict[str, str | int]:
        """The fields of the last line of `--check --json`."""
        return {
            "name": self.name,
            "records": self.records,
            "frontier_digest": self.frontier_digest,
            "fold_digest": self.fold_digest,
        }


def fingerprint(member: Member) -> bytes:
    """The SHA-256 of a member's database, its node being stopped."""
    return hashlib.sha256(member.folder.database.read_bytes()).digest()


async def read_back(
    members: Sequence[Member], as_of_ms: int, left: Sequence[bytes] | None = None
) -> list[NodeResult]:
    """The result of each member, whose node must have been stopped.

    Args:
        left: the fingerprints of the databases as the nodes left them. With them even a byte that
            belongs to nothing shows (room that SQLite keeps free, a counter in its header).
    """
    results = []
    for at, member in enumerate(members):
        result = await _read_one(member, as_of_ms, None if left is None else left[at])
        results.append(result)
    return results


def are_equal(results: Sequence[NodeResult]) -> bool:
    """Whether all stores are sound, hold the same, and fold to the same."""
    return (
        all(not result.problems and result.records > 0 for result in results)
        and len({result.frontier_digest for result in results}) == 1
        and len({result.fold_digest for result in results}) == 1
        and len({result.records for result in results}) == 1
    )


async def _read_one(member: Member, as_of_ms: int, left: bytes | None) -> NodeResult:
    problems: list[str] = []
    if left is not None and fingerprint(member) != left:
        problems.append("the database was changed after its node had stopped")
    try:
        problems += [f"sqlite: {words}" for words in page_damage(member.folder.database)]
        checked = verify_store(member.folder.database)
        problems += [f"{problem.fault} at {problem.place}" for problem in checked.problems]
        parts = open_parts(member.folder)
        try:
            scopes = parts.roster.subscriptions()
            roots = parts.store.run(StoreMethods.scope_roots, scopes)
            frontier = shared_root([entry.root for entry in roots])
            state = await _folded(parts.store, as_of_ms)
        finally:
            parts.index.close()
            parts.store.close()
            parts.roster.close()
    except (StoreError, sqlite3.Error, ValueError, TypeError, LookupError) as broken:
        # A changed byte may also be in a text or number that SQLite hands out as it is.
        problems.append(f"the store can't be read: {type(broken).__name__}")
        return NodeResult(member.name, 0, "", "", None, tuple(problems))
    folded = digest("fold", b"".join(scope.fold_digest for scope in state.scopes))
    return NodeResult(
        member.name, checked.records, frontier.hex(), folded.hex(), state, tuple(problems)
    )


async def _folded(store: NodeStore, as_of_ms: int) -> FoldState:
    """The fold of everything in a store, made from nothing."""
    with tempfile.TemporaryDirectory(prefix="hutong-demo-fold-") as folder:
        index = FoldIndex(Path(folder) / "index.db", b"")
        await index.follow(store)
        state = index.state(as_of_ms)
        index.close()
        return state
