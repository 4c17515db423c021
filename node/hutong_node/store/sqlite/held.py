"""What the writer remembers of an organisation, a scope and a log while it works on them.

Values of the writer thread only. Each is the one object for its row as long as it is remembered,
and says what the tables say, or will say when the running operation is flushed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hutong_protocol.erasure import LogOwner
from hutong_protocol.exchange import Scope
from hutong_protocol.identity import IdentityState
from hutong_protocol.identity_events import Event
from hutong_protocol.ids import EventId, LogId, OrgId
from hutong_protocol.log_state import LogState


@dataclass(slots=True)
class OrgRow:
    """An organisation as stored.

    `held` are its events that count, `waiting` copies of events that can't be judged yet. `version`
    grows with every change of the state, so that what was decided by it can be remembered.
    """

    number: int
    id: OrgId
    digest: bytes
    part_bytes: int
    logs: int
    held: dict[EventId, Event]
    waiting: list[Event]
    state: IdentityState | None
    version: int = 0


@dataclass(slots=True)
class ScopeRow:
    """A scope as stored; `touched` are ids whose entries the running operation changed.

    `clocks` holds, by number of the organisation, the highest clock that it appended.
    """

    number: int
    scope: Scope
    counter: int
    nodes: bytes
    touched: set[bytes] = field(default_factory=set)
    clocks: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class LogRow:
    """A log as stored. `seals` are its last two: seq, and bytes since the seal before."""

    number: int
    state: LogState
    scope: ScopeRow
    org: OrgRow
    erases: bool
    seals: list[tuple[int, int]]

    @property
    def id(self) -> LogId:
        """The log id."""
        return self.state.log

    @property
    def owner(self) -> LogOwner:
        """What decides whether an erase has an effect. Spec: 5.7.2."""
        opened = self.state.open
        return LogOwner(opened.org, opened.space, opened.topic, opened.writer)

    @property
    def may_erase(self) -> bool:
        """Whether its delegation has the right `erase`."""
        if self.org.state is None:
            return False
        delegation = self.org.state.delegations.get(self.state.open.delegation)
        return delegation is not None and delegation.rights.erase
