"""Whom this node exchanges with, and when: dialling, answering, going on for as long as it lasts.

Owns all sessions of a node. Each peer with an address is dialled until a session stands, with
back-off and jitter; peers that dial us are answered by the same code. Between two nodes that dial
each other one session is kept. What one session stored, or this node wrote, is told to the live
ones: whole to two of them, by name to the rest, so that many links do not carry it many times.
Who is let in is decided here from the roster; what is in a session, by the session. Spec: 7, 7.10.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from hutong_node.clock import Clock
from hutong_node.cursors import keep_cursors, kept_cursors
from hutong_node.driver import SessionDriver
from hutong_node.founding import OwnIdentity
from hutong_node.observe import Metrics, logger
from hutong_node.peer_clocks import PeerClocks
from hutong_node.peer_status import PeerStatus
from hutong_node.restoring import Restoring
from hutong_node.roster import Peer, Roster
from hutong_node.store.errors import StoreError
from hutong_node.store.interface import NodeStore, StoreMethods
from hutong_node.transport import ConnectionLost, WebSocketChannel, connect
from hutong_protocol.exchange import LocalChange, OfferedScope, PeerGrant
from hutong_protocol.faults import REFUSALS, Fault, ProtocolFault
from hutong_protocol.handshake import OwnIdentity as SessionIdentity
from hutong_protocol.handshake import SessionLimits
from hutong_protocol.identity import IdentityState, decide_session, evaluate
from hutong_protocol.identity_events import parse_event
from hutong_protocol.ids import OrgId
from hutong_protocol.session import SyncSession
from hutong_protocol.session_events import (
    CheckPeer,
    Failed,
    Finished,
    Live,
    News,
    Opened,
    Refused,
    RoundEnded,
    Settled,
    Unsettled,
)
from hutong_protocol.session_states import Role

EAGER_LINKS: Final = 2
BACK_OFF_FIRST_S: Final = 0.5
BACK_OFF_MAX_S: Final = 300.0
STEADY_S: Final = 30.0
"""A session that lasted so long was a success: the back-off begins anew."""
_EVENTS_MAX: Final = 4_096
"""Events of a stranger that are looked at: four full epochs."""


@dataclass(slots=True, eq=False)
class _Link:
    """One session under way."""

    role: Role
    channel: WebSocketChannel
    expected: OrgId | None = None
    """Whom we dialled; who it really is, `org` says from `Opened` on."""
    driver: SessionDriver | None = None
    org: OrgId | None = None
    began_s: float = 0.0
    live: bool = False
    eager: bool = False
    delegation: bytes | None = None
    """Which node of the organisation it says it is."""
    given_up: bool = False
    """It makes room for another one and is about to end."""


class Peering:
    """All sessions of one node; `start` them, `announce` what was written, `stop`."""

    def __init__(
        self,
        identity: OwnIdentity,
        store: NodeStore,
        roster: Roster,
        *,
        clock: Clock,
        clocks: PeerClocks,
        restoring: Restoring,
        metrics: Metrics,
        credit: int,
        sessions_max: int,
        stored: Callable[[Sequence[LocalChange]], None] = lambda _changes: None,
    ) -> None:
        """Does nothing yet: peers are dialled from `start` on. `stored` hears that records came."""
        self._identity = identity
        self._store = store
        self._roster = roster
        self._clock = clock
        self._clocks = clocks
        self._restoring = restoring
        self._metrics = metrics
        self._credit = credit
        self._sessions_max = sessions_max
        self._stored = stored
        self._links: set[_Link] = set()
        self._statuses: dict[OrgId, PeerStatus] = {}
        self._dialling: dict[OrgId, asyncio.Task[None]] = {}
        self._wake: dict[OrgId, asyncio.Event] = {}
        self._stopping = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    # What the node calls

    def start(self) -> None:
        """Dials every peer of the roster that has an address; call again after it changed."""
        for peer in self._roster.peers():
            self._status(peer.org, peer.endpoint)
            dialled = self._dialling.get(peer.org)
            if peer.endpoint is not None and (dialled is None or dialled.done()):
                task = asyncio.create_task(self._dial(peer.org), name="dial")
                self._dialling[peer.org] = task
            elif peer.org in self._wake:
                self._wake[peer.org].set()

    async def stop(self) -> None:
        """Ends all sessions politely, within two seconds."""
        self._stopping = True
        for driver in self._drivers():
            driver.stop()
        # Dials first come to their end by the goodbye of their session, if they have one.
        try:
            await asyncio.wait_for(self._quiet.wait(), 2)
        except TimeoutError:
            logger().warning("sessions-cut", count=len(self._links))
        for task in self._dialling.values():
            task.cancel()
        await asyncio.gather(*self._dialling.values(), return_exceptions=True)
        for link in list(self._links):
            await link.channel.close()

    async def cut(self, org: OrgId) -> None:
        """Breaks the connection with a peer without a word; it is dialled again."""
        for link in list(self._links):
            if link.org == org:
                await link.channel.close()

    def ask_again(self) -> None:
        """Lets sessions ask for what was refused before: another policy holds by now."""
        for driver in self._drivers():
            driver.ask_again()

    def renew(self) -> None:
        """Ends all sessions, to be dialled anew with other scopes. Spec: 7.4."""
        for link in self._links:
            if link.driver is not None and not link.given_up:
                link.given_up = True
                link.driver.stop()

    def forget(self, org: OrgId) -> None:
        """Stops dialling a peer and ends its session."""
        task = self._dialling.pop(org, None)
        if task is not None:
            task.cancel()
        for link in list(self._links):
            if link.org == org and link.driver is not None:
                link.channel.hears_time = lambda _: None
                link.driver.stop()
        self._statuses.pop(org, None)
        self._clocks.forget(org)

    def _drivers(self) -> list[SessionDriver]:
        return [link.driver for link in self._links if link.driver is not None]

    @property
    def sessions(self) -> int:
        """How many sessions are under way, not counting those still in the handshake of TLS."""
        return len(self._links)

    def statuses(self) -> list[PeerStatus]:
        """All peers known since the start, by organisation id."""
        for link in self._links:
            if (status := self._known(link.org)) is not None:
                status.sent_bytes = link.channel.sent_bytes
                status.received_bytes = link.channel.received_bytes
        return [self._statuses[org] for org in sorted(self._statuses)]

    def announce(self, changes: Sequence[LocalChange]) -> None:
        """Passes on what became durable here otherwise than through a session."""
        self._pass_on(changes, but=None)

    def make_room(self) -> bool:
        """Whether one more peer may come. The oldest that has not proved who it is makes room."""
        if self._stopping:
            return False
        standing = [link for link in self._links if not link.given_up]
        if len(standing) < self._sessions_max:
            return True
        strangers = [link for link in standing if link.org is None and link.role is Role.RESPONDER]
        if not strangers:
            return False
        oldest = min(strangers, key=lambda link: link.began_s)
        oldest.given_up = True
        oldest.channel.abort()
        return True

    async def answer(self, channel: WebSocketChannel) -> None:
        """Runs a session as the responder on a connection for which `make_room` found room."""
        try:
            await self._run(_Link(Role.RESPONDER, channel))
        except ConnectionLost as lost:
            logger().info("session-lost", role="responder", reason=str(lost))
        except Exception as bug:  # noqa: BLE001 - the outermost loop of a connection
            self._metrics.session_ends.labels(fault="internal").inc()
            logger().error("session-broke", role="responder", error=type(bug).__name__)

    # Dialling

    async def _dial(self, org: OrgId) -> None:
        """Keeps a session with one peer standing for as long as the node runs."""
        wake = self._wake.setdefault(org, asyncio.Event())
        wait_s = BACK_OFF_FIRST_S
        while not self._stopping:
            peer = next((entry for entry in self._roster.peers() if entry.org == org), None)
            if peer is None or peer.endpoint is None:
                return
            status = self._status(org, peer.endpoint)
            if self._linked(org):
                await asyncio.sleep(BACK_OFF_FIRST_S)
                continue
            began_s = self._clock.monotonic_s()
            await self._try_once(peer, status)
            if self._clock.monotonic_s() - began_s >= STEADY_S:
                wait_s = BACK_OFF_FIRST_S
            if self._linked(org):
                continue  # by its own dial: the state is that of this session, no wait
            # Full jitter: nodes that lost the same peer at once do not come back at once.
            pause_s = wait_s * random.uniform(0.5, 1.0)
            status.state, status.next_try_s = "waiting", pause_s
            wake.clear()
            try:
                async with asyncio.timeout(pause_s):
                    await wake.wait()
                    wait_s = BACK_OFF_FIRST_S
            except TimeoutError:
                wait_s = min(wait_s * 2, BACK_OFF_MAX_S)

    async def _try_once(self, peer: Peer, status: PeerStatus) -> None:
        assert peer.endpoint is not None
        status.tries += 1
        status.state = "dialling"
        try:
            channel = await connect(peer.endpoint, peer.certificate, self._clock)
            if self._stopping:
                await channel.close()
                return
            self._metrics.dials.labels(outcome="connected").inc()
            await self._run(_Link(Role.INITIATOR, channel, expected=peer.org))
        except ConnectionLost as lost:
            self._metrics.dials.labels(outcome="lost").inc()
            status.last_reason = str(lost)
            logger().info("peer-lost", org=peer.org, endpoint=peer.endpoint, reason=str(lost))
        except Exception as bug:  # noqa: BLE001 - the outermost loop of a peer: it goes on dialling
            self._metrics.session_ends.labels(fault="internal").inc()
            status.last_reason = f"internal error: {type(bug).__name__}"
            logger().error("session-broke", org=peer.org, error=type(bug).__name__)

    # One session

    async def _run(self, link: _Link) -> None:
        session = SyncSession(
            link.role,
            SessionIdentity(
                org=self._identity.org,
                delegation=self._identity.delegation,
                writer=self._identity.writer,
                sign=self._identity.sign,
            ),
            secrets.token_bytes(32),
            certificate=link.channel.certificate,
            limits=SessionLimits(credit=self._credit),
        )
        driver = SessionDriver(
            session,
            link.channel,
            self._store,
            clock=self._clock,
            grant_of=lambda request: self._grant(request, link),
            tell=lambda news: self._note(link, news),
            stored=lambda changes: self._received(link, changes),
            keep_cursors=lambda cursors: keep_cursors(self._store, link.org, cursors),
            listed=lambda orgs: self._listed(link, orgs),
        )
        link.driver = driver
        link.began_s = self._clock.monotonic_s()
        self._links.add(link)
        self._quiet.clear()
        under_way = self._metrics.sessions.labels(role=link.role.name.lower())
        try:
            with under_way.track_inprogress():
                await driver.run()
        except StoreError as broken:
            raise ConnectionLost(f"the store failed: {type(broken).__name__}") from broken
        finally:
            self._links.discard(link)
            if not self._links:
                self._quiet.set()
            self._metrics.bytes_moved.labels(direction="sent").inc(link.channel.sent_bytes)
            self._metrics.bytes_moved.labels(direction="received").inc(link.channel.received_bytes)
            status = self._known(link.org)
            if link.org is not None and not self._linked(link.org):
                self._restoring.compare_ended(link.org, done=False)
            if status is not None and not self._linked(link.org):
                status.state, status.connected_ms = "apart", None
            if link.eager:
                self._choose_eager()

    async def _grant(self, request: CheckPeer, link: _Link) -> PeerGrant:
        """What the peer may do: known, let in, and the one that was dialled."""
        link.delegation = request.delegation
        state = await self._store.call(StoreMethods.identity, request.org)
        have = state.heads if state is not None else ()
        verdict = decide_session(state, request.org, request.delegation)
        if verdict is Fault.IDENTITY_NEEDED and request.events:
            # A stranger may show many events, and each signature takes its time.
            state = await asyncio.to_thread(_shown, request)
            verdict = decide_session(state, request.org, request.delegation)
        if state is None or verdict is Fault.IDENTITY_NEEDED:
            return PeerGrant(writer=None, fault=Fault.IDENTITY_NEEDED, have=have)
        delegation = state.delegations.get(request.delegation)
        if delegation is None:
            return PeerGrant(writer=None, fault=verdict or Fault.NOT_ACCEPTED, have=have)
        if verdict is None and not await self._is_let_in(request.org, link.expected):
            verdict = Fault.NOT_ACCEPTED
        if verdict is None and self._is_shut_out(request.org):
            verdict = Fault.QUOTA
        if verdict is not None:
            return PeerGrant(writer=delegation.writer, fault=verdict)
        scopes = await asyncio.to_thread(self._roster.subscriptions)
        return PeerGrant(
            writer=delegation.writer,
            rights=delegation.rights,
            offers=tuple(OfferedScope(scope, None) for scope in scopes),
            cursors=await kept_cursors(self._store, request.org),
        )

    async def _is_let_in(self, org: OrgId, expected: OrgId | None) -> bool:
        if expected is not None and org != expected:
            return False
        entries = await asyncio.to_thread(self._roster.organisations)
        return org == self._identity.org or any(entry.org == org for entry in entries)

    def _is_shut_out(self, org: OrgId) -> bool:
        status = self._known(org)
        return status is not None and self._clock.monotonic_s() < status.shut_out_until_s

    def _note(self, link: _Link, news: News) -> None:
        """Keeps what people want to know of a session."""
        about = link.org or link.expected
        status = self._known(about)
        match news:
            case Opened(org=org, scopes=scopes):
                link.org = org
                self._hear_time(link, org)
                self._restoring.compare_begins(org)
                self._keep_one(link)
                if link.given_up:
                    return
                status = self._status(org, None)
                status.state, status.next_try_s = "syncing", None
                status.scopes = scopes
                status.connected_ms = self._clock.now_ms()
                status.last_fault = status.last_reason = status.settle_ms = None
            case Refused(leftover=leftover) if status is not None:
                side = status.refusals_by_peer if leftover.by_peer else status.refusals
                side[leftover.fault.value] += 1
                by = "peer" if leftover.by_peer else "us"
                self._metrics.refusals.labels(fault=leftover.fault.value, by=by).inc()
            case RoundEnded(number=number) if status is not None:
                status.rounds = number
            case Settled() | Unsettled() if link.org is not None and not self._compared(link):
                pass  # people see the session that stays
            case Settled() if status is not None:
                status.settled_ms = self._clock.now_ms()
                status.faults = 0
                if status.settle_ms is None:
                    status.settle_ms = (self._clock.monotonic_s() - link.began_s) * 1_000
                    status.settle_bytes = link.channel.sent_bytes + link.channel.received_bytes
                    status.settle_round_trips = link.channel.round_trips
                status.state, status.leftovers = "settled", 0
            case Unsettled(leftovers=leftovers, leftovers_unlisted=unlisted) if status is not None:
                status.state, status.leftovers = "unsettled", len(leftovers) + unlisted
            case Live():
                link.live = True
                self._choose_eager()
            case Failed(fault=fault, detail=detail):
                self._metrics.session_ends.labels(fault=fault.value).inc()
                level = "info" if fault in REFUSALS else "warning"
                getattr(logger(), level)(
                    "session-failed", org=about, fault=fault.value, detail=detail
                )
                if status is not None:
                    status.last_fault = fault.value
                if status is not None and link.org is not None and fault not in REFUSALS:
                    status.blame(self._clock.monotonic_s())
            case Finished(peer_fault=peer_fault) if peer_fault:
                # The peer's word for it is one of the spec's names or it is not shown at all.
                known = peer_fault in {fault.value for fault in Fault}
                named = peer_fault if known else "unknown"
                logger().info("session-refused-by-peer", org=about, peer_fault=named)
                if status is not None:
                    status.last_fault = f"peer: {named}"
            case _:
                pass

    def _listed(self, link: _Link, orgs: Sequence[OrgId]) -> None:
        if (status := self._known(link.org)) is not None:
            status.note_listed(orgs)

    def _compared(self, link: _Link) -> bool:
        """Takes note of a comparison that came to its end; False if people see another session."""
        if link.org is not None:
            self._restoring.compare_ended(link.org, done=True)
        return not link.given_up

    def _hear_time(self, link: _Link, org: OrgId) -> None:
        """What the peer's clock says counts from now on: it has proved who it is."""
        channel = link.channel
        channel.hears_time = partial(self._clocks.told, org)
        if channel.time_told is not None:
            channel.hears_time(channel.time_told)

    def _received(self, link: _Link, changes: Sequence[LocalChange]) -> None:
        count = sum(change.head.seq - change.first_seq + 1 for change in changes)
        self._metrics.records_received.inc(count)
        if (status := self._known(link.org)) is not None:
            status.records_received += count
        self._pass_on(changes, but=link)
        self._stored(changes)

    def _pass_on(self, changes: Sequence[LocalChange], but: _Link | None) -> None:
        for link in self._links:
            if link is not but and link.driver is not None:
                link.driver.local_change(changes, eager=link.eager)

    def _choose_eager(self) -> None:
        """Two live links get records whole, longest-standing first; sets keep no order, ids do."""
        live = sorted((link for link in self._links if link.live), key=lambda link: link.org or b"")
        for place, link in enumerate(live):
            link.eager = place < EAGER_LINKS

    def _keep_one(self, link: _Link) -> None:
        """Ends all but one session with the same node.

        Of nodes that dialled each other at once the dial of the lower id stays, on both sides. Of
        two that one side made, the newer: it would not have dialled if it still had the older.
        """
        twins = [
            twin
            for twin in self._links
            if twin.org == link.org and twin.delegation == link.delegation and not twin.given_up
        ]
        if len(twins) < 2 or link.org is None or link.delegation is None:
            return
        # Two nodes of one organisation differ in their delegation only.
        own = (self._identity.org, self._identity.delegation)
        lower_dials = Role.INITIATOR if own < (link.org, link.delegation) else Role.RESPONDER
        chosen = [twin for twin in twins if twin.role is lower_dials] or twins
        keep = link if link in chosen else chosen[0]
        for twin in twins:
            if twin is not keep and twin.driver is not None:
                twin.given_up = True
                twin.driver.stop()

    def _linked(self, org: OrgId | None) -> bool:
        return any(link.org == org for link in self._links)

    def _known(self, org: OrgId | None) -> PeerStatus | None:
        return None if org is None else self._statuses.get(org)

    def _status(self, org: OrgId, endpoint: str | None) -> PeerStatus:
        status = self._statuses.setdefault(org, PeerStatus(org, endpoint))
        status.endpoint = endpoint or status.endpoint
        return status


def _shown(request: CheckPeer) -> IdentityState | None:
    """The peer's state by the events that it sent itself, verified but not yet stored."""
    events = []
    for value in request.events[:_EVENTS_MAX]:
        try:
            events.append(parse_event(value))
        except ProtocolFault:
            continue
    return evaluate(events).get(request.org)
