"""A real session with a peer up to the comparison of what both hold, and no further.

Owns the one way to see what a session would come to while the node itself doesn't run: it proves
who it is with the writer key, hears the peer's decision, its roots and its lists of heads, tells
its own, and says goodbye. No record is asked for or given, nothing is stored, and the restore
marker stays as it is. A node that runs has sessions of its own, of which a second one would end the
first (`peering` keeps one); there its own state is told instead. Spec: 7.3 to 7.6, 7.9.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hutong_node.clock import Clock
from hutong_node.driver import TICK_S
from hutong_node.founding import OwnIdentity
from hutong_node.peer_clocks import TimeTold
from hutong_node.roster import Peer
from hutong_node.store.sqlite.glance import Glance
from hutong_node.transport import ConnectionLost, WebSocketChannel, connect
from hutong_protocol.exchange import (
    EventsOutcome,
    Held,
    OfferedScope,
    PartsBatch,
    PeerGrant,
    RunsBatch,
    Scope,
)
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.frame_forms import parse_frame
from hutong_protocol.frames import Roots
from hutong_protocol.handshake import OwnIdentity as SessionIdentity
from hutong_protocol.identity import IdentityState, decide_session, evaluate
from hutong_protocol.identity_events import parse_event
from hutong_protocol.ids import LogId, OrgId
from hutong_protocol.session import SyncSession
from hutong_protocol.session_events import (
    CheckPeer,
    CompareHeads,
    Event,
    Failed,
    Finished,
    ListMissing,
    Opened,
    ReadEvents,
    ReadHeads,
    ReadParts,
    ReadRoots,
    ReadRuns,
    Settled,
    StoreEvents,
    Unsettled,
)
from hutong_protocol.session_states import Role

COMPARE_S: Final = 20.0
_PAGE: Final = 4_096
_LOGS_MAX: Final = 100_000
_EVENTS_MAX: Final = 4_096


@dataclass(slots=True)
class Compared:
    """What a session came to.

    `lost` is why there was no connection; `fault` what this side, `peer_fault` what the peer ended
    the session with. `scopes` are those agreed, None before that. `differing` are those of them in
    which the two differ; `theirs` counts records that the peer has and this node lacks, `ours` the
    other way; both are None if it was not said in time. `listed`: organisations with records there.
    """

    lost: str = ""
    fault: str = ""
    peer_fault: str = ""
    scopes: tuple[Scope, ...] | None = None
    differing: tuple[Scope, ...] = ()
    theirs: int | None = None
    ours: int | None = None
    listed: set[OrgId] = field(default_factory=set)
    told: TimeTold | None = None


async def compare(
    peer: Peer,
    identity: OwnIdentity,
    scopes: Sequence[Scope],
    seen: Glance,
    clock: Clock,
    *,
    let_in: bool,
) -> Compared:
    """Has a session with a peer that has an address, until both know whether they hold the same.

    Args:
        scopes: those that this node holds.
        let_in: whether the peer's organisation is let in here.
    """
    assert peer.endpoint is not None
    try:
        channel = await connect(peer.endpoint, peer.certificate, clock)
    except ConnectionLost as lost:
        return Compared(lost=str(lost))
    talk = _Talk(peer, identity, scopes, seen, channel, let_in=let_in)
    talk.result.told = channel.time_told
    try:
        async with asyncio.timeout(COMPARE_S):
            await talk.run(clock)
    except TimeoutError:
        talk.result.lost = "it took too long"
    except ConnectionLost as lost:
        talk.result.lost = str(lost)
    finally:
        await channel.close()
    return talk.result


class _Talk:
    """One such session under way."""

    def __init__(
        self,
        peer: Peer,
        identity: OwnIdentity,
        scopes: Sequence[Scope],
        seen: Glance,
        channel: WebSocketChannel,
        *,
        let_in: bool,
    ) -> None:
        self.result = Compared()
        self._peer = peer
        self._scopes = scopes
        self._seen = seen
        self._channel = channel
        self._let_in = let_in
        self._session = SyncSession(
            Role.INITIATOR,
            SessionIdentity(identity.org, identity.delegation, identity.writer, identity.sign),
            secrets.token_bytes(32),
            certificate=channel.certificate,
            features=frozenset(),
        )
        self._own_roots: tuple[bytes, ...] = ()
        self._peer_roots: tuple[bytes, ...] | None = None
        self._peer_heads: dict[Scope, dict[LogId, int]] = {}
        self._over = False

    async def run(self, clock: Clock) -> None:
        """Until it is known, or one side ends it. Raises ConnectionLost."""
        await self._turn(self._session.start())
        receiving = asyncio.create_task(self._channel.receive(), name="doctor receives")
        try:
            while not self._over:
                await asyncio.wait({receiving}, timeout=TICK_S)
                if not receiving.done():
                    await self._turn(self._session.tick(int(clock.monotonic_s() * 1_000)))
                    continue
                frame = receiving.result()
                if frame is None:
                    await self._turn(self._session.receive_eof())
                    continue
                receiving = asyncio.create_task(self._channel.receive(), name="doctor receives")
                self._overhear(frame)
                await self._turn(self._session.receive(frame))
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)

    async def _turn(self, events: Sequence[Event]) -> None:
        waiting = list(events)
        while waiting:
            waiting += await self._act(waiting.pop(0))
        for frame in self._session.frames_to_send():
            await self._channel.send(frame)

    async def _act(self, event: Event) -> Sequence[Event]:
        """Answers from looking; records are neither given nor asked for."""
        match event:
            case CheckPeer():
                grant = await asyncio.to_thread(self._grant, event)
                return self._session.peer_checked(event, grant)
            case StoreEvents(org=org):
                return self._session.events_stored(event, EventsOutcome(org, 0, 0, ()))
            case Opened(scopes=scopes):
                self.result.scopes = scopes
            case ReadRoots(scopes=scopes) if not self._own_roots:
                roots = await asyncio.to_thread(self._seen.reading.scope_roots, scopes)
                self._own_roots = tuple(root.root for root in roots)
                return self._session.roots_read(event, roots)
            case CompareHeads(scope=scope, logs=logs, orgs=orgs):
                heads = self._peer_heads.setdefault(scope, {})
                for entry in logs:
                    heads[entry.log] = max((head.seq for head in entry.heads), default=-1)
                self.result.listed.update(orgs)
                # As if all of it were held: then the next page is asked for, and no record.
                return self._session.heads_compared(event, Held((), ()))
            case ReadEvents(org=org, have=have, scopes=shared, bytes_max=bytes_max):
                read = self._seen.reading.events
                batch = await asyncio.to_thread(read, org, have, shared, bytes_max)
                return self._session.events_read(event, batch)
            case ReadHeads(scope=scope, since=since, after=after, entries_max=entries_max):
                list_heads = self._seen.reading.heads
                page = await asyncio.to_thread(list_heads, scope, since, after, entries_max)
                return self._session.heads_read(event, page)
            case ReadRuns():
                return self._session.runs_read(event, RunsBatch((), ()))
            case ReadParts():
                return self._session.parts_read(event, PartsBatch((), more=False))
            case ListMissing():
                return self._session.missing_listed(event, ())
            case Settled() | ReadRoots() | Unsettled():
                # The lists are through, or both hold the same.
                await asyncio.to_thread(self._conclude)
                return self._session.close()
            case Failed(fault=fault):
                self.result.fault = fault.value
            case Finished(peer_fault=peer_fault):
                self.result.peer_fault = peer_fault
                self._over = True
            case _:
                pass
        return ()

    def _grant(self, request: CheckPeer) -> PeerGrant:
        """As a node that knows of the peer only what it shows of itself."""
        if not request.events:
            return PeerGrant(writer=None, fault=Fault.IDENTITY_NEEDED)
        state = _shown(request)
        verdict = decide_session(state, request.org, request.delegation)
        delegation = None if state is None else state.delegations.get(request.delegation)
        if delegation is None:
            return PeerGrant(writer=None, fault=verdict or Fault.IDENTITY_NEEDED)
        if verdict is None and (request.org != self._peer.org or not self._let_in):
            verdict = Fault.NOT_ACCEPTED
        if verdict is not None:
            return PeerGrant(writer=delegation.writer, fault=verdict)
        offers = tuple(OfferedScope(scope, None) for scope in self._scopes)
        return PeerGrant(writer=delegation.writer, rights=delegation.rights, offers=offers)

    def _overhear(self, frame: bytes) -> None:
        """Takes the peer's roots, which the session keeps to itself."""
        try:
            parsed = parse_frame(frame)
        except ProtocolFault:
            return  # the session says so in a moment
        if isinstance(parsed, Roots) and self._peer_roots is None:
            self._peer_roots = parsed.roots

    def _conclude(self) -> None:
        agreed = self.result.scopes or ()
        if self._peer_roots is None:
            self.result.theirs = self.result.ours = 0  # equal at once: roots were not listed
            return
        self.result.differing = tuple(
            scope
            for scope, own, other in zip(agreed, self._own_roots, self._peer_roots, strict=False)
            if own != other
        )
        theirs = ours = 0
        for scope in self.result.differing:
            held, listed = self._own_heads(scope), self._peer_heads.get(scope, {})
            for log in held.keys() | listed.keys():
                ahead = listed.get(log, -1) - held.get(log, -1)
                theirs, ours = theirs + max(0, ahead), ours + max(0, -ahead)
        self.result.theirs, self.result.ours = theirs, ours

    def _own_heads(self, scope: Scope) -> dict[LogId, int]:
        heads: dict[LogId, int] = {}
        after: bytes | None = None
        while len(heads) < _LOGS_MAX:
            page = self._seen.reading.heads(scope, None, after, _PAGE)
            heads |= {entry.log: max(head.seq for head in entry.heads) for entry in page.logs}
            after = max([*(e.log for e in page.logs), *(e.org for e in page.orgs)], default=None)
            if not page.more or after is None:
                break
        return heads


def _shown(request: CheckPeer) -> IdentityState | None:
    events = []
    for value in request.events[:_EVENTS_MAX]:
        try:
            events.append(parse_event(value))
        except ProtocolFault:
            continue
    return evaluate(events).get(request.org)
