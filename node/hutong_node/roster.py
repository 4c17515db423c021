"""What this node's operator decided: who is let in, which peers to dial, which scopes are held.

Owns `node.db`, a small SQLite file beside the store of records. Nothing in it is ever replicated,
and none of it can be had back from peers, so it is written as durably as records are. The policy by
which the store judges is made from it here.

One connection behind a lock, with short transactions; callers on the event loop go through
`asyncio.to_thread`. It does not judge records and knows no protocol beyond ids.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

from hutong_node.store.interface import Policy
from hutong_protocol.exchange import Scope
from hutong_protocol.ids import OrgId

ROSTER_FILE: Final = "node.db"
BASE_TOPIC: Final = "base"
CERTIFICATE_TOLD: Final = "certificate-told"
"""Setting: the SHA-256, hex, of the certificate that invites and requests to join last named."""
NAMED_MAX: Final = 1_024
"""Organisations that the needs of one author may let in."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A node to exchange with. Without an `endpoint` it dials us. `certificate` is its pin."""

    org: OrgId
    endpoint: str | None
    certificate: bytes | None
    since_ms: int


@dataclass(frozen=True, slots=True)
class LetIn:
    """An organisation that the operator let in, with the operator's own note about it.

    `heeded`: those whom its needs name are stored, too.
    """

    org: OrgId
    note: str
    since_ms: int
    heeded: bool = True


class Naming(NamedTuple):
    """An organisation that the stewards of a need by `author` named in a scope. Spec: 12.22."""

    scope: Scope
    org: OrgId
    author: OrgId


class Named(NamedTuple):
    """A naming that the node took note of."""

    naming: Naming
    since_ms: int


class Roster:
    """The operator's decisions, kept in one file."""

    def __init__(self, path: Path) -> None:
        """Opens `path`, making it if it is not there, readable by its owner only."""
        path.touch(mode=0o600)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(
            (resources.files("hutong_node") / "roster.sql").read_text(encoding="utf-8")
        )

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def setting(self, name: str) -> str | None:
        """A value kept under `name`."""
        rows = self._rows("SELECT value FROM settings WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def set_setting(self, name: str, value: str) -> None:
        """Keeps `value` under `name`."""
        self._rows("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, value)

    def organisations(self) -> list[LetIn]:
        """Those let in, by id."""
        rows = self._rows(
            "SELECT id, note, since_ms, id NOT IN (SELECT id FROM unheeded) FROM organisations"
            " ORDER BY id"
        )
        return [LetIn(OrgId(org), note, since, bool(heeded)) for org, note, since, heeded in rows]

    def let_in(self, org: OrgId, note: str, now_ms: int) -> bool:
        """Lets an organisation in; False if it was let in before (its note is then changed)."""
        with self._lock:
            known = self._connection.execute(
                "SELECT 1 FROM organisations WHERE id = ?", (org,)
            ).fetchone()
            self._connection.execute(
                "INSERT INTO organisations VALUES (?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET note = excluded.note",
                (org, note, now_ms),
            )
            self._connection.execute("DELETE FROM turned_away WHERE id = ?", (org,))
        return known is None

    def heed(self, org: OrgId, heeded: bool) -> bool:
        """Whether needs of an organisation let others in; False if that was so before."""
        if heeded:
            return bool(self._rows("DELETE FROM unheeded WHERE id = ? RETURNING id", org))
        return bool(self._rows("INSERT OR IGNORE INTO unheeded VALUES (?) RETURNING id", org))

    def shut_out(self, org: OrgId) -> bool:
        """Takes no more from an organisation, whoever names it; what is held stays.

        False if nothing was taken from it before.
        """
        with self._lock:
            execute = self._connection.execute
            let_in = execute(
                "DELETE FROM organisations WHERE id = ? RETURNING id", (org,)
            ).fetchall()
            named = execute("SELECT 1 FROM named WHERE org = ? LIMIT 1", (org,)).fetchall()
            new = execute(
                "INSERT OR IGNORE INTO turned_away VALUES (?) RETURNING id", (org,)
            ).fetchall()
        return bool(let_in or (named and new))

    def turned_away(self) -> frozenset[OrgId]:
        """Those of whom the operator wants nothing, whoever names them."""
        return frozenset(OrgId(org) for (org,) in self._rows("SELECT id FROM turned_away"))

    def add_named(self, namings: Iterable[Naming], now_ms: int) -> int:
        """Takes note of whom stewards named; how many are new.

        Of one author at most `NAMED_MAX` organisations are: what names more is no list of helpers.
        """
        added = 0
        with self._lock:
            execute = self._connection.execute
            for scope, org, author in namings:
                found = execute(
                    "INSERT OR IGNORE INTO named (space, topic, org, author, since_ms)"
                    " SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?6 > (SELECT count(DISTINCT org) FROM named"
                    " WHERE author = ?4 AND org <> ?3) RETURNING number",
                    (*scope, org, author, now_ms, NAMED_MAX),
                ).fetchall()
                added += len(found)
        return added

    def named(self, own: OrgId) -> list[Named]:
        """Whom stewards named that are let in by that alone, as it stands now, oldest first."""
        rows = self._rows(
            "SELECT space, topic, org, author, since_ms FROM named WHERE"
            " author NOT IN (SELECT id FROM unheeded)"
            " AND org NOT IN (SELECT id FROM turned_away UNION SELECT id FROM organisations)"
            " ORDER BY number"
        )
        heard = {own, *(entry.org for entry in self.organisations())}
        return [
            Named(Naming(Scope(space, topic), OrgId(org), OrgId(author)), since)
            for space, topic, org, author, since in rows
            if author in heard and org != own
        ]

    def subscriptions(self) -> list[Scope]:
        """The scopes to hold, sorted."""
        rows = self._rows("SELECT space, topic FROM subscriptions ORDER BY space, topic")
        return [Scope(space, topic) for space, topic in rows]

    def subscribe(self, scopes: Sequence[Scope]) -> None:
        """Holds these scopes from now on, and the `base` topic of their spaces. Spec: 7.4.2."""
        wanted = {*scopes, *(Scope(scope.space, BASE_TOPIC) for scope in scopes)}
        with self._lock:
            self._connection.executemany(
                "INSERT OR IGNORE INTO subscriptions VALUES (?, ?)", sorted(wanted)
            )

    def peers(self) -> list[Peer]:
        """All peers, by organisation id."""
        rows = self._rows("SELECT org, endpoint, certificate, since_ms FROM peers ORDER BY org")
        return [Peer(OrgId(org), endpoint, pin, since) for org, endpoint, pin, since in rows]

    def set_peer(self, peer: Peer) -> None:
        """Keeps a peer; one of the same organisation is replaced, which is also how to re-pin."""
        self._rows(
            "INSERT OR REPLACE INTO peers VALUES (?, ?, ?, ?)",
            peer.org,
            peer.endpoint,
            peer.certificate,
            peer.since_ms,
        )

    def drop_peer(self, org: OrgId) -> bool:
        """Forgets a peer; False if there was none."""
        return bool(self._rows("DELETE FROM peers WHERE org = ? RETURNING org", org))

    def add_invite(self, nonce: bytes, scopes: Sequence[Scope], expires_ms: int) -> None:
        """Remembers an invite that was given away."""
        listed = json.dumps([list(scope) for scope in scopes])
        self._rows("INSERT INTO invites VALUES (?, ?, ?, NULL)", nonce, listed, expires_ms)

    def invite_stands(self, nonce: bytes, now_ms: int) -> bool:
        """Whether an invite is known and not expired, whoever has used it."""
        known = self._rows(
            "SELECT 1 FROM invites WHERE nonce = ? AND expires_ms > ?", nonce, now_ms
        )
        return bool(known)

    def use_invite(self, nonce: bytes, org: OrgId, now_ms: int) -> list[Scope] | None:
        """Uses up an invite, once: its scopes, or None if it is unknown, expired or was used.

        The same organisation may come again with the same invite: its answer may have been lost.
        """
        with self._lock:
            row = self._connection.execute(
                "UPDATE invites SET used_by = ?2 WHERE nonce = ?1 AND expires_ms > ?3"
                " AND (used_by IS NULL OR used_by = ?2) RETURNING scopes",
                (nonce, org, now_ms),
            ).fetchone()
        return None if row is None else [Scope(*pair) for pair in json.loads(row[0])]

    def void_invites(self) -> int:
        """Takes back every invite that nobody has used so far; how many."""
        return len(self._rows("DELETE FROM invites WHERE used_by IS NULL RETURNING nonce"))

    def policy(self, own: OrgId, part_bytes_max: int, *, store_named: bool = True) -> Policy:
        """What the store takes, by these decisions: the organisations let in, the scopes held.

        Args:
            store_named: also those in single scopes whom the stewards of needs name there.
        """
        orgs_in: defaultdict[Scope, set[OrgId]] = defaultdict(set)
        payers: dict[OrgId, OrgId] = {}
        for (scope, org, author), _ in self.named(own) if store_named else ():
            orgs_in[scope].add(org)
            payers.setdefault(org, author)
        return Policy(
            orgs=frozenset({own, *(entry.org for entry in self.organisations())}),
            scopes=frozenset(self.subscriptions()),
            orgs_in={scope: frozenset(orgs) for scope, orgs in orgs_in.items()},
            payers=payers,
            part_bytes_max=part_bytes_max,
        )

    def _rows(self, sql: str, *values: str | int | bytes | None) -> list[tuple[Any, ...]]:
        with self._lock:
            return list(self._connection.execute(sql, values))
