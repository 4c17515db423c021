"""Organisations as the writer sees them: their events, the state that follows, what they use.

Events are verified again when they are read from the file: they are few, and whoever could change
the file could else change who may write. The state itself is computed by the core and stored
nowhere, except its digest and whether it is frozen, which readers need. Spec: 4.5, 4.7, 4.9.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from hutong_node.store.errors import StoreRefused
from hutong_node.store.interface import Policy
from hutong_node.store.sqlite.held import OrgRow
from hutong_protocol.encoding import Encodable, decode, encode
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.identity import IdentityState, admit, state_of
from hutong_protocol.identity_events import Event, parse_event
from hutong_protocol.ids import EventId, OrgId
from hutong_protocol.limits import FRAME_BYTES_MAX

_ABSENT_MAX: Final = 10_000
"""Organisations known not to be in the table; one forgotten is looked for once more."""


class Orgs:
    """The organisations of a store. Rows are made for whoever is asked about with `make`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Remembers nothing yet."""
        self._connection = connection
        self._known: dict[OrgId, OrgRow] = {}
        self._absent: set[OrgId] = set()
        self._stored_bytes: dict[OrgId, int] = {}

    def forget(self) -> None:
        """Drops what is remembered of the tables."""
        self._known.clear()
        self._absent.clear()
        self._stored_bytes.clear()

    def get(self, org: OrgId) -> OrgRow | None:
        """The row of an organisation, None if the store never heard of it."""
        known = self._known.get(org)
        if known is None:
            if org in self._absent:
                return None
            found = self._connection.execute(
                "SELECT org, digest, part_bytes, logs FROM orgs WHERE id = ?", (org,)
            ).fetchone()
            if found is None:
                if len(self._absent) >= _ABSENT_MAX:
                    self._absent.clear()
                self._absent.add(org)
                return None
            known = self._load(org, *found)
            self._known[org] = known
            self._stored_bytes[org] = known.part_bytes
        return known

    def require(self, org: OrgId) -> OrgRow:
        """The row of an organisation that must be there, since something refers to it.

        Raises:
            StoreRefused: it isn't: the store is damaged.
        """
        found = self.get(org)
        if found is None:
            raise StoreRefused("the store is damaged: an organisation that has logs is unknown")
        return found

    def make(self, org: OrgId) -> OrgRow:
        """The row of an organisation, new if there is none."""
        if (found := self.get(org)) is None:
            self._connection.execute(
                "INSERT INTO orgs (id, digest, frozen, part_bytes, logs) VALUES (?, ?, 0, 0, 0)",
                (org, b""),
            )
            self._absent.discard(org)
            found = self.require(org)
        return found

    def strangers(self, policy: Policy) -> int:
        """How many organisations without a log here are known that are not let in."""
        found = self._connection.execute("SELECT id FROM orgs WHERE logs = 0")
        return sum(not policy.lets_in(identifier) for (identifier,) in found)

    def keep(self, org: OrgRow, held: Sequence[Event], waiting: Sequence[Event]) -> bool:
        """Keeps events that now count and the copies that now wait, instead of those before.

        Args:
            held: new ones only, ancestors before descendants.
            waiting: all copies that wait.

        Returns:
            Whether the state of the organisation is another than before.
        """
        self._connection.execute(
            "DELETE FROM identity_events WHERE org = ? AND held = 0", (org.number,)
        )
        rows = [(event, 1) for event in held] + [(event, 0) for event in waiting]
        self._connection.executemany(
            "INSERT INTO identity_events (org, id, held, event) VALUES (?, ?, ?, ?)",
            [(org.number, event.id, is_held, encode(_value(event))) for event, is_held in rows],
        )
        org.held.update((event.id, event) for event in held)
        org.waiting = list(waiting)
        before = org.state
        org.state = _state(org)
        if held and org.state is not None:
            org.version += 1
            org.digest = org.state.digest
            self._connection.execute(
                "UPDATE orgs SET digest = ?, frozen = ? WHERE org = ?",
                (org.digest, org.state.frozen is not None, org.number),
            )
        return org.state != before

    def add_to_scope(self, org: OrgRow, scope: int, changed: int) -> None:
        """Notes that the organisation has one log more, in this scope (by its number)."""
        self._connection.execute("UPDATE orgs SET logs = logs + 1 WHERE org = ?", (org.number,))
        org.logs += 1
        self._connection.execute(
            "INSERT OR IGNORE INTO scope_orgs (scope, org, id, digest, changed, clock_max)"
            " VALUES (?, ?, ?, ?, ?, 0)",
            (scope, org.number, org.id, org.digest, changed),
        )

    def flush(self) -> None:
        """Stores how many bytes of parts each organisation has."""
        for org in self._known.values():
            if org.part_bytes != self._stored_bytes[org.id]:
                self._connection.execute(
                    "UPDATE orgs SET part_bytes = ? WHERE org = ?", (org.part_bytes, org.number)
                )
                self._stored_bytes[org.id] = org.part_bytes

    def _load(self, org: OrgId, number: int, digest: bytes, part_bytes: int, logs: int) -> OrgRow:
        copies = []
        for (content,) in self._connection.execute(
            "SELECT event FROM identity_events WHERE org = ? ORDER BY number", (number,)
        ):
            try:
                copies.append(parse_event(decode(content, bytes_max=FRAME_BYTES_MAX)))
            except ProtocolFault as rotten:
                raise StoreRefused(
                    f"the store is damaged: an identity event gives {rotten.fault.value}"
                ) from rotten
        admission = admit(copies)
        row = OrgRow(
            number=number,
            id=org,
            digest=digest,
            part_bytes=part_bytes,
            logs=logs,
            held=dict(admission.held),
            waiting=[copies[position] for position in admission.waiting],
            state=None,
        )
        row.state = _state(row)
        if digest != (row.state.digest if row.state else b""):
            raise StoreRefused("the store is damaged: identity events do not give their digest")
        return row


def _state(org: OrgRow) -> IdentityState | None:
    if EventId(org.id) not in org.held:
        return None
    return state_of(org.held, waiting=frozenset(event.id for event in org.waiting))


def _value(event: Event) -> Encodable:
    return event.to_value()


def held_heads(org: OrgRow | None) -> tuple[EventId, ...]:
    """The identity heads held of an organisation, sorted; none if its inception is not held."""
    return org.state.heads if org is not None and org.state is not None else ()
