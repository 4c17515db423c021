"""Inviting and joining: how two nodes that never met begin to trust each other's certificates.

Owns both ends of section 7.12: making an invite and judging the request that uses it, and using an
invite that somebody gave us. Both end with an organisation let in, a peer known with its pin, and
scopes held. Forms and signatures are the core's `invites`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hutong_node.clock import Clock
from hutong_node.founding import OwnIdentity
from hutong_node.observe import logger
from hutong_node.roster import CERTIFICATE_TOLD, Peer, Roster
from hutong_node.store.interface import NodeStore, StoreMethods
from hutong_node.transport import ConnectionLost, post_join
from hutong_protocol.encoding import decode, encode_received
from hutong_protocol.exchange import Scope
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.identity import decide_session, evaluate
from hutong_protocol.identity_events import parse_event
from hutong_protocol.ids import OrgId
from hutong_protocol.invites import (
    Invite,
    JoinRequest,
    check_endpoint,
    read_invite,
    read_join_request,
    write_invite,
    write_join_request,
)
from hutong_protocol.limits import JOIN_REQUEST_BYTES_MAX, NONCE_BYTES

_EVENTS_BYTES_MAX: Final = 131_072


class JoiningRefused(Exception):
    """An invite can't be made or used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class JoinOutcome:
    """Whom we joined, where, and which scopes we hold from now on."""

    org: OrgId
    endpoint: str
    scopes: tuple[Scope, ...]


class JoinDesk:
    """Makes invites, answers requests that use them, and uses invites of others."""

    def __init__(
        self,
        identity: OwnIdentity,
        store: NodeStore,
        roster: Roster,
        clock: Clock,
        *,
        certificate: bytes | None,
        public: str | None,
    ) -> None:
        """`public` is the endpoint where others reach us, if any; `certificate` what they see."""
        self._identity = identity
        self._store = store
        self._roster = roster
        self._clock = clock
        self._certificate = certificate
        self._public = public

    def make_invite(self, scopes: Sequence[Scope], endpoint: str | None, expires_ms: int) -> str:
        """The text of a new invite for one node, for scopes that are held here.

        Raises:
            JoiningRefused: there is no endpoint to dial, or a scope isn't held here.
        """
        endpoint = endpoint or self._public
        if endpoint is None or not check_endpoint(endpoint):
            raise JoiningRefused(
                "an invite needs the address where this node is reached, wss://host:port: give"
                " --endpoint, or set `public` under [peer] in hutong.toml"
            )
        held = set(self._roster.subscriptions())
        unknown = [scope for scope in scopes if scope not in held]
        if unknown or not scopes:
            named = ", ".join("/".join(scope) for scope in unknown) or "no scope"
            raise JoiningRefused(f"not held here: {named}; use `hutong subscribe` first")
        nonce = secrets.token_bytes(NONCE_BYTES)
        text = write_invite(
            Invite(
                org=self._identity.org,
                delegation=self._identity.delegation,
                key=self._identity.writer,
                endpoint=endpoint,
                certificate=None if endpoint.startswith("ws://") else self._certificate,
                scopes=tuple(sorted(scopes)),
                nonce=nonce,
                expires_ms=expires_ms,
            ),
            self._identity.sign,
        )
        self._note_told()
        self._roster.add_invite(nonce, sorted(scopes), expires_ms)
        return text

    async def answer(self, data: bytes) -> bytes:
        """The answer to a request to join: our own events, encoded. Spec: 7.12.5.

        Raises:
            ProtocolFault: the request is malformed or not accepted; nothing was changed.
        """
        request = read_join_request(data)
        now_ms = self._clock.now_ms()
        # The invite first, and events not on the event loop: anybody can send a great many of them,
        # and each signature takes its time (threat 11).
        if not await asyncio.to_thread(self._roster.invite_stands, request.nonce, now_ms):
            raise ProtocolFault(Fault.NOT_ACCEPTED, "the invite is unknown or expired")
        verdict = await asyncio.to_thread(
            _verdict, request.events, request.org, request.delegation, request.key
        )
        if verdict is not None:
            raise ProtocolFault(verdict, "the joiner's events don't give it this delegation")
        scopes = await asyncio.to_thread(
            self._roster.use_invite, request.nonce, request.org, now_ms
        )
        if scopes is None:
            raise ProtocolFault(Fault.NOT_ACCEPTED, "the invite is unknown, expired or was used")
        await self._store.call(StoreMethods.store_events, request.org, request.events)
        await self._meet(
            Peer(request.org, request.endpoint, request.certificate, now_ms), scopes, "joined us"
        )
        logger().info("peer-joined", org=request.org)
        return encode_received(await self._own_events())

    async def join(self, text: str) -> JoinOutcome:
        """Uses an invite: lets its organisation in, pins its certificate, holds its scopes.

        Raises:
            JoiningRefused: the invite is damaged or expired, or the other node refused.
            ConnectionLost: the other node can't be reached.
        """
        try:
            invite = read_invite(text)
        except ProtocolFault as fault:
            raise JoiningRefused(f"this invite can't be used: {fault}") from None
        now_ms = self._clock.now_ms()
        if invite.org == self._identity.org:
            raise JoiningRefused("this is an invite of our own organisation")
        if invite.expires_ms <= now_ms:
            raise JoiningRefused(
                "this invite has expired by our clock: ask for a new one, or check the clock"
            )
        request = write_join_request(
            JoinRequest(
                org=self._identity.org,
                delegation=self._identity.delegation,
                key=self._identity.writer,
                nonce=invite.nonce,
                endpoint=self._public,
                certificate=self._certificate if self._public else None,
                events=tuple(await self._own_events()),
            ),
            self._identity.sign,
        )
        status, answer = await post_join(invite.endpoint, invite.certificate, request)
        if status != 200:
            known = {fault.value for fault in Fault}
            name = answer.decode("ascii", errors="replace")
            raise JoiningRefused(
                f"the other node refused: {name if name in known else f'status {status}'};"
                " an invite works once and for a limited time"
            )
        events = _events_of(answer)
        try:
            verdict = _verdict(events, invite.org, invite.delegation, invite.key)
        except ProtocolFault as fault:
            verdict = fault.fault
        if verdict is not None:
            raise JoiningRefused(
                f"the other node doesn't speak for the organisation of the invite ({verdict.value})"
            )
        await self._store.call(StoreMethods.store_events, invite.org, events)
        if self._public:
            await asyncio.to_thread(self._note_told)
        await self._meet(
            Peer(invite.org, invite.endpoint, invite.certificate, now_ms),
            invite.scopes,
            "invited us",
        )
        return JoinOutcome(invite.org, invite.endpoint, invite.scopes)

    async def _meet(self, peer: Peer, scopes: Sequence[Scope], note: str) -> None:
        def keep() -> None:
            self._roster.let_in(peer.org, note, peer.since_ms)
            self._roster.set_peer(peer)
            self._roster.subscribe(scopes)

        await asyncio.to_thread(keep)

    def _note_told(self) -> None:
        """Remembers which certificate others pin from now on."""
        if self._certificate is not None:
            self._roster.set_setting(CERTIFICATE_TOLD, self._certificate.hex())

    async def _own_events(self) -> list[object]:
        batch = await self._store.call(
            StoreMethods.events, self._identity.org, (), (), _EVENTS_BYTES_MAX
        )
        return list(batch.events)


def _events_of(answer: bytes) -> tuple[object, ...]:
    try:
        value = decode(answer, bytes_max=JOIN_REQUEST_BYTES_MAX)
    except ProtocolFault as fault:
        raise JoiningRefused(f"the other node's answer can't be read: {fault}") from None
    if not isinstance(value, list):
        raise JoiningRefused("the other node's answer is no list of events")
    return tuple(value)


def _verdict(values: Sequence[object], org: OrgId, delegation: bytes, key: bytes) -> Fault | None:
    """Whether the events give the organisation this delegation, for this key, with sessions."""
    state = evaluate([parse_event(value) for value in values]).get(org)
    fault = decide_session(state, org, delegation)
    if fault is not None or state is None:
        return fault or Fault.IDENTITY_NEEDED
    found = next((entry for entry in state.delegations.values() if entry.id == delegation), None)
    return None if found is not None and found.writer == key else Fault.NOT_ACCEPTED


__all__ = ["ConnectionLost", "JoinDesk", "JoinOutcome", "JoiningRefused"]
