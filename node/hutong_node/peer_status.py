"""What this node knows of one peer and its sessions: for people, and for whom to let in again.

Owns the numbers that `status` shows, and the penalty for faults: a peer whose sessions fail by its
own fault again and again is shut out for some time, since each one costs the node signatures and
room (threat 11). A session that settles ends it. Nothing here is kept beyond the process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from hutong_protocol.exchange import Scope
from hutong_protocol.ids import OrgId

FAULTS_MAX: Final = 3
"""Faults in a row that are forgiven but one: software fails, too, and comes right by itself."""
SHUT_OUT_FIRST_S: Final = 5.0
SHUT_OUT_MAX_S: Final = 300.0
_LISTED_MAX: Final = 1_000
"""Organisations remembered of what a peer lists: more than any operator would look through."""


@dataclass(slots=True)
class PeerStatus:
    """What people see of one peer; times in ms since 1970, by this node's clock."""

    org: OrgId
    endpoint: str | None
    state: str = "waiting"
    tries: int = 0
    connected_ms: int | None = None
    settled_ms: int | None = None
    next_try_s: float | None = None
    last_fault: str | None = None
    last_reason: str | None = None
    records_received: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    rounds: int = 0
    settle_ms: float | None = None
    """From the open connection to the first settled end of this session, and what that took."""
    settle_bytes: int = 0
    settle_round_trips: int = 0
    leftovers: int = 0
    scopes: tuple[Scope, ...] | None = None
    """Those agreed in the latest session; None before the first."""
    listed: set[OrgId] = field(default_factory=set)
    """Organisations of which it says that it has records, in scopes where the two differed."""
    refusals: Counter[str] = field(default_factory=Counter)
    refusals_by_peer: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    """Sessions that failed by this peer's fault since the last settled one."""
    shut_out_until_s: float = 0.0
    """By the monotonic clock; before it, its sessions are refused with `quota`."""

    def note_listed(self, orgs: Iterable[OrgId]) -> None:
        """Takes note of organisations that the peer listed."""
        for org in orgs:
            if len(self.listed) < _LISTED_MAX:
                self.listed.add(org)

    def blame(self, now_s: float) -> None:
        """Takes note of a fault of the peer: from the third in a row on it is shut out a while."""
        self.faults += 1
        beyond = self.faults - FAULTS_MAX
        if beyond >= 0:
            self.shut_out_until_s = now_s + min(SHUT_OUT_FIRST_S * 2**beyond, SHUT_OUT_MAX_S)
