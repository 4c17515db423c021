"""The opening of a session: who the peer is, whether it is let in, and which scopes are shared.

Owns sections 7.3 and 7.4 as far as they are an order of frames; the computation is `handshake`, the
decision the shell's. Before the peer's signature has been verified nothing leaves but HELLO, AUTH,
BYE and what concerns the identity events of the two organisations, and nothing is stored. The
peer's refusal is said only after its signature was verified. Spec: 7.3, 7.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hutong_protocol.exchange import OfferedScope, PeerGrant, Scope
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.frames import (
    SCOPES_MAX,
    Auth,
    Events,
    EventsWanted,
    Hello,
    Scopes,
    Shared,
)
from hutong_protocol.handshake import Handshake
from hutong_protocol.identity_contents import Rights, covers
from hutong_protocol.session_events import CheckPeer, StoreEvents
from hutong_protocol.session_outlet import Outlet
from hutong_protocol.session_states import Move, Place, Role, State

EVENT_PAGES_MAX: Final = 4
"""EVENTS taken before AUTH is verified: a long identity, and no more from a stranger."""


class Opening:
    """The part of a session before its scopes are shared.

    Args:
        agreed: called once, with the shared scopes in order; none ends the session.
    """

    def __init__(
        self,
        place: Place,
        outlet: Outlet,
        handshake: Handshake,
        agreed: Callable[[tuple[Scope, ...]], None],
    ) -> None:
        self._place = place
        self._outlet = outlet
        self._handshake = handshake
        self._agreed = agreed
        self._peer: Hello | None = None
        self._grant: PeerGrant | None = None
        self._signature: bytes | None = None
        self._events_asked = False
        self._event_pages = 0
        self._offers: tuple[OfferedScope, ...] = ()
        self._early: Scopes | None = None
        self.peer_events: tuple[object, ...] = ()

    @property
    def grant(self) -> PeerGrant:
        """What the peer may do; known once it is verified."""
        if self._grant is None:
            raise LocalProtocolError("the peer has not been checked")
        return self._grant

    def hello(self, data: bytes, frame: Hello) -> None:
        """Takes the peer's HELLO, in the bytes that it came in."""
        self._handshake.meet(data, frame)
        self._place.move(Move.PEER_NAMED)
        self._peer = frame
        if self._place.role is Role.RESPONDER:
            self._outlet.send_bytes(self._handshake.own_hello)
        self._outlet.send(self._handshake.proof())
        self._check()

    def auth(self, frame: Auth) -> None:
        """Takes the peer's proof."""
        self._place.move(Move.PROOF_RECEIVED)
        self._signature = frame.signature
        self._judge()

    def _check(self) -> None:
        assert self._peer is not None
        peer = self._peer
        key = self._outlet.key()
        self._outlet.request(CheckPeer(key, peer.org, peer.delegation, self.peer_events))

    def checked(self, grant: PeerGrant) -> None:
        """Takes the shell's decision, or its wish for the peer's identity events."""
        assert self._peer is not None
        if grant.writer is not None or grant.fault is not Fault.IDENTITY_NEEDED:
            self._grant = grant
            self._judge()
        elif self._event_pages < EVENT_PAGES_MAX:
            self._events_asked = True
            self._outlet.send(EventsWanted(self._peer.org, grant.have))
        else:
            raise ProtocolFault(Fault.IDENTITY_NEEDED, "the delegation is not among the events")

    def events(self, frame: Events) -> None:
        """Takes the peer's own events.

        Raises:
            ProtocolFault: UNEXPECTED_FRAME unless they were asked for; IDENTITY_NEEDED if there are
                none.
        """
        if not self._events_asked or self._peer is None or frame.org != self._peer.org:
            raise ProtocolFault(Fault.UNEXPECTED_FRAME, "events that were not asked for")
        if not frame.events:
            raise ProtocolFault(Fault.IDENTITY_NEEDED, "the peer gives no events of its own")
        self._events_asked = False
        self._event_pages = self._event_pages + 1 if frame.more else EVENT_PAGES_MAX
        self.peer_events += frame.events
        self._check()

    def _judge(self) -> None:
        """Verifies the peer when both its AUTH and the decision about it are here."""
        grant = self._grant
        if self._place.state is not State.CHECKING or grant is None or self._signature is None:
            return
        if grant.writer is None:
            raise ProtocolFault(Fault.HANDSHAKE_FAILED, "no such delegation")
        self._handshake.check(grant.writer, self._signature)
        if grant.fault is not None:
            raise ProtocolFault(grant.fault, "this organisation or delegation is not let in")
        self._place.move(Move.PEER_VERIFIED)
        if self.peer_events:
            assert self._peer is not None
            self._outlet.request(StoreEvents(self._outlet.key(), self._peer.org, self.peer_events))
        self._offers = tuple(sorted(grant.offers))[:SCOPES_MAX]
        if self._place.role is Role.INITIATOR:
            self._outlet.send(Scopes(self._offers))
        elif self._early is not None:
            self.scopes(self._early)

    def scopes(self, frame: Scopes) -> None:
        """Takes the initiator's scopes and answers with those that are shared."""
        if self._place.state is State.CHECKING:
            if self._early is not None:
                raise ProtocolFault(Fault.UNEXPECTED_FRAME, "a second SCOPES")
            self._early = frame
            return
        rights = self._rights
        own = dict(self._offers)
        choices = [
            (position, own[scope])
            for position, (scope, salt) in enumerate(frame.offers)
            if scope in own and covers(rights, *scope, salt)
        ]
        self._outlet.send(Shared(tuple(choices)))
        self._agree(tuple(frame.offers[position].scope for position, _ in choices))

    def shared(self, frame: Shared) -> None:
        """Takes the responder's choice.

        Raises:
            ProtocolFault: BAD_FRAME for a scope that was not offered, NOT_ACCEPTED for one that the
                responder's delegation does not cover.
        """
        scopes = []
        for position, salt in frame.choices:
            if position >= len(self._offers):
                raise ProtocolFault(Fault.BAD_FRAME, f"scope {position} was not offered")
            scope = self._offers[position].scope
            if not covers(self._rights, *scope, salt):
                raise ProtocolFault(Fault.NOT_ACCEPTED, f"scope {position} is not covered")
            scopes.append(scope)
        self._agree(tuple(scopes))

    @property
    def _rights(self) -> Rights:
        if self.grant.rights is None:
            raise LocalProtocolError("a peer was let in without rights")
        return self.grant.rights

    def _agree(self, scopes: tuple[Scope, ...]) -> None:
        if scopes:
            self._place.move(Move.SCOPES_AGREED)
        self._agreed(scopes)
