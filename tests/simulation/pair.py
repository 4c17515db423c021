"""Two sessions over one connection, in any interleaving.

An `Endpoint` is a session with its store; it acts on events by the very loop that the docstring of
`SyncSession` shows. A `Pair` carries frames between two of them. Given a generator it picks at
random which frame arrives, which request is answered and when frames are taken for sending, so that
every order that a network and a slow store can produce comes up; without one it goes first in,
first out. Frames and their bytes are counted and can be changed or cut on the way.
"""

from __future__ import annotations

import random
import re
import textwrap
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hutong_protocol import session as session_module
from hutong_protocol import session_events
from hutong_protocol.exchange import (
    Cursor,
    Head,
    LocalChange,
    OfferedScope,
    PeerGrant,
    Scope,
)
from hutong_protocol.faults import Fault
from hutong_protocol.handshake import SessionLimits
from hutong_protocol.identity import decide_session, state_of
from hutong_protocol.identity_admission import admit
from hutong_protocol.identity_contents import covers
from hutong_protocol.identity_events import parse_event
from hutong_protocol.ids import OrgId
from hutong_protocol.log_state import LogState
from hutong_protocol.session import FEATURES, SyncSession
from hutong_protocol.session_events import CheckPeer, Event, Finished, News, Request
from hutong_protocol.session_states import Role, State
from simulation.parties import Party
from simulation.replica import Replica

Act = Callable[[Event], list[Event]]
STEPS_MAX = 200_000
"""Steps after which a pair that does not come to rest is a failure."""


def documented_act(
    session: SyncSession,
    store: Replica,
    grant_of: Callable[[CheckPeer], PeerGrant],
    tell: Callable[[News], list[Event]],
) -> Act:
    """The function `act` of the docstring of `SyncSession`, for this session."""
    text = re.search(r"```python\n(.*?)```", SyncSession.__doc__ or "", re.S)
    assert text is not None
    names: dict[str, Any] = {**vars(session_module), **vars(session_events)}
    names |= {"session": session, "store": store, "grant_of": grant_of, "tell": tell}
    exec(textwrap.dedent(text[1]), names)
    act: Act = names["act"]
    return act


def is_request(event: Event) -> bool:
    """Whether the shell has to answer it."""
    return hasattr(event, "key")


@dataclass
class Member:
    """One node as far as a session is concerned: who it is, what it holds, whom it lets in."""

    party: Party
    store: Replica
    scopes: tuple[Scope, ...]
    lets_in: Callable[[OrgId], bool] = lambda org: True
    cursors: dict[OrgId, dict[Scope, Cursor]] = field(default_factory=dict)

    def grant(self, event: CheckPeer) -> PeerGrant:
        """What a node's roster would say. Spec: 7.3, 7.4."""
        state = self.store.states.get(event.org)
        if event.events:
            held = self.store.identities.get(event.org, {})
            admission = admit([parse_event(value) for value in event.events], held)
            mine = {found.id: found for found in admission.held.values() if found.org == event.org}
            state = state_of(mine) if mine else None
        fault = decide_session(state, event.org, event.delegation)
        if state is None or fault is Fault.IDENTITY_NEEDED:
            have = state.heads if state else ()
            return PeerGrant(None, fault=Fault.IDENTITY_NEEDED, have=have)
        delegation = state.delegations.get(event.delegation)
        if delegation is None:
            return PeerGrant(None, fault=Fault.NOT_ACCEPTED)
        if fault is None and not self.lets_in(event.org):
            fault = Fault.NOT_ACCEPTED
        salts, rights = self.party.salts, self.party.rights
        offers = tuple(
            OfferedScope(scope, salts.get(scope.space))
            for scope in self.scopes
            if covers(rights, scope.space, scope.topic, salts.get(scope.space))
        )
        cursors = self.cursors.get(event.org, {})
        return PeerGrant(delegation.writer, delegation.rights, offers, fault, cursors=cursors)


class Endpoint:
    """One side: a session, its member, what it has said and what it has not answered yet."""

    def __init__(
        self,
        member: Member,
        role: Role,
        nonce: bytes,
        *,
        certificate: bytes | None = b"c" * 32,
        limits: SessionLimits | None = None,
        features: frozenset[str] = FEATURES,
    ) -> None:
        self.member = member
        self.session = SyncSession(
            role,
            member.party.own,
            nonce,
            certificate=certificate,
            limits=limits,
            features=features,
        )
        self.news: list[News] = []
        self.pending: list[Event] = []
        self.inbox: deque[bytes] = deque()
        self.on_change: Callable[[Sequence[LocalChange]], None] = lambda changes: None
        self._act = documented_act(self.session, member.store, member.grant, self._tell)
        self.take(self.session.start())

    def _tell(self, news: News) -> list[Event]:
        self.news.append(news)
        if isinstance(news, session_events.Settled) and self.session.peer_org is not None:
            kept = self.member.cursors.setdefault(self.session.peer_org, {})
            kept.update(news.cursors)
        return []

    def take(self, events: Sequence[Event]) -> None:
        """Notes what the session wants; news are told at once, requests wait."""
        for event in events:
            if is_request(event):
                self.pending.append(event)
            else:
                self._act(event)

    def answer(self, position: int = 0) -> None:
        """Answers one of the requests."""
        event = self.pending.pop(position)
        if isinstance(event, session_events.StoreRuns):
            before = {log: kept.state.head_seq for log, kept in self.member.store.logs.items()}
            self.take(self._act(event))
            self._report(before, event.scope)
        else:
            self.take(self._act(event))

    def _report(self, before: dict[Any, int], scope: Scope) -> None:
        """Tells others on this node what has become durable through this session."""
        changes = [
            LocalChange(scope, log, before.get(log, -1) + 1, head)
            for log, kept in self.member.store.logs.items()
            if kept.scope == scope and before.get(log, -1) < kept.state.head_seq
            for head in [kept_head(kept.state)]
        ]
        if changes:
            self.on_change(changes)

    @property
    def of_rounds(self) -> list[session_events.RoundEnded]:
        """The rounds that have ended."""
        return self.of(session_events.RoundEnded)

    @property
    def ended(self) -> bool:
        """Whether the session is closed."""
        return self.session.state is State.CLOSED

    def of(self, kind: type[News]) -> list[Any]:
        """The news of a kind, in order."""
        return [news for news in self.news if isinstance(news, kind)]


def kept_head(state: LogState) -> Head:
    """The head of a log state, as the exchange names it."""
    return Head(state.head_seq, state.head_id)


Tamper = Callable[[Role, bytes], list[bytes]]
"""Given the sender and a frame: the frames that arrive instead."""


class Pair:
    """A connection with both of its ends."""

    def __init__(
        self,
        initiator: Endpoint,
        responder: Endpoint,
        rng: random.Random | None = None,
        tamper: Tamper = lambda sender, data: [data],
    ) -> None:
        self.ends = (initiator, responder)
        self._rng = rng
        self._tamper = tamper
        self.sent: list[tuple[Role, bytes]] = []
        self.cut = False

    @property
    def bytes_sent(self) -> int:
        """Bytes of all frames, both ways."""
        return sum(len(data) for _, data in self.sent)

    def _moves(self) -> list[tuple[str, int]]:
        moves = []
        for at, end in enumerate(self.ends):
            moves += [("answer", at)] * bool(end.pending)
            moves += [("deliver", at)] * bool(end.inbox)
        return moves

    def _flush(self, at: int) -> None:
        for data in self.ends[at].session.frames_to_send():
            self.sent.append((Role(at), data))
            if not self.cut:
                self.ends[1 - at].inbox.extend(self._tamper(Role(at), data))

    def step(self) -> bool:
        """One thing that can happen now; whether there was one."""
        rng = self._rng
        for at in (0, 1):
            if rng is None or rng.random() < 0.7:
                self._flush(at)
        moves = self._moves()
        if not moves:
            self._flush(0)
            self._flush(1)
            moves = self._moves()
        if not moves:
            return False
        kind, at = rng.choice(moves) if rng else moves[0]
        end = self.ends[at]
        if kind == "deliver":
            end.take(end.session.receive(end.inbox.popleft()))
        else:
            end.answer(rng.randrange(len(end.pending)) if rng else 0)
        return True

    def run(self, between: Callable[[], None] = lambda: None) -> None:
        """Runs until nothing moves any more; `between` is called before each step."""
        for _ in range(STEPS_MAX):
            between()
            if not self.step():
                return
        raise AssertionError("the sessions do not come to rest")

    def break_connection(self) -> None:
        """Loses what is under way; both sides see the end of the stream."""
        self.cut = True
        for end in self.ends:
            end.inbox.clear()
            end.take(end.session.receive_eof())
            end.session.frames_to_send()

    def tick(self, now_ms: int) -> None:
        """Gives both sides the time."""
        for end in self.ends:
            end.take(end.session.tick(now_ms))


def settled(end: Endpoint) -> bool:
    """Whether the last round of this side ended with equal roots."""
    rounds = end.of(session_events.RoundEnded)
    return bool(rounds) and rounds[-1].equal


def finished(end: Endpoint) -> Finished | None:
    """How the session ended, if it did."""
    ends = end.of(Finished)
    return ends[-1] if ends else None


__all__ = [
    "Endpoint",
    "Member",
    "Pair",
    "Request",
    "Tamper",
    "documented_act",
    "finished",
    "is_request",
    "settled",
]
