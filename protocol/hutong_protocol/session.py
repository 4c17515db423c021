"""One session with one peer: the state machine over frames, without any input or output.

Owns the order of things: handshake, scopes, roots, rounds, live, and the end. The halves that give
and take are `session_serving`, `session_asking` and `session_parts`; which frame may come when is
data in `session_states`. Nothing a peer sends raises: it becomes an event, at worst `Failed`.
Calls that do not fit (an answer to no request) are our own bugs and raise LocalProtocolError.
Time, nonce, keys and records come in as arguments. Runs are opaque lists here. Spec: 7.

How to drive it is in the docstring of `SyncSession`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from hutong_protocol.exchange import (
    EventsBatch,
    EventsOutcome,
    HeadsPage,
    Held,
    LocalChange,
    PartsBatch,
    PartWant,
    PeerGrant,
    RunOutcome,
    RunsBatch,
    Scope,
    ScopeRoot,
)
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.frame_forms import parse_frame
from hutong_protocol.frames import (
    BYE_TEXT_BYTES_MAX,
    FRAME_TYPES,
    Auth,
    Bye,
    Credit,
    Done,
    Events,
    EventsWanted,
    Have,
    Heads,
    HeadsWanted,
    Hello,
    Parts,
    PartsWanted,
    Refused,
    Root,
    Roots,
    Runs,
    RunsEnd,
    RunsWanted,
    Scopes,
    Shared,
)
from hutong_protocol.handshake import Handshake, OwnIdentity, SessionLimits
from hutong_protocol.ids import OrgId
from hutong_protocol.session_asking import Asking, Questions
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
    Request,
    StoreEvents,
    StoreParts,
    StoreRuns,
)
from hutong_protocol.session_opening import Opening
from hutong_protocol.session_outlet import Outlet
from hutong_protocol.session_parts import PartsPass
from hutong_protocol.session_rounds import Rounds
from hutong_protocol.session_serving import Serving
from hutong_protocol.session_states import Move, Place, Role, State

HANDSHAKE_MS: Final = 10_000
"""Time from the start to a verified peer. Spec: 7.1."""
STALL_MS: Final = 60_000
"""How long this side waits for any frame while it can do nothing itself. Spec: 7.1."""
CREDIT_MS: Final = 30_000
"""How long a peer may leave runs waiting for credit. Spec: 7.10."""
FEATURES: Final = frozenset({"live"})
"""What this implementation offers. Spec: 7.11."""

_OVER: Final = (State.LEAVING, State.CLOSED)
_Part = TypeVar("_Part")


@dataclass(slots=True)
class Clock:
    """What the session knows about time, all of it from `tick`."""

    now_ms: int = 0
    started_ms: int | None = None
    heard_ms: int = 0
    fed_ms: int = 0
    heard: bool = False


class SyncSession:
    """One side of a session.

    Call `start` once. After each call, act on the events that it returns, then send what
    `frames_to_send` gives; call that only when the connection can take more. `act` is all that a
    shell has to know about a session (the simulation runs this very text):

    ```python
    def act(event: Event) -> list[Event]:
        match event:
            case CheckPeer():
                return session.peer_checked(event, grant_of(event))
            case ReadRoots(_, scopes):
                return session.roots_read(event, store.scope_roots(scopes))
            case ReadHeads(_, scope, since, after, most):
                return session.heads_read(event, store.heads(scope, since, after, most))
            case CompareHeads(_, scope, logs, orgs):
                return session.heads_compared(event, store.held(scope, logs, orgs))
            case ReadRuns(_, scope, wants, most):
                return session.runs_read(event, store.read_runs(scope, wants, most))
            case StoreRuns(_, scope, runs, peer):
                return session.runs_stored(event, store.store_runs(scope, runs, peer))
            case ReadEvents(_, org, have, scopes, most):
                return session.events_read(event, store.events(org, have, scopes, most))
            case StoreEvents(_, org, values):
                return session.events_stored(event, store.store_events(org, values))
            case ListMissing(_, scope, last, most):
                return session.missing_listed(event, store.missing_parts(scope, last, most))
            case ReadParts(_, scope, wants, most):
                return session.parts_read(event, store.read_parts(scope, wants, most))
            case StoreParts(_, scope, items):
                return session.parts_stored(event, store.store_parts(scope, items))
            case _:
                return tell(event)
    ```

    Args:
        role: who opened the connection is the initiator.
        own: who this side is.
        nonce: 32 random bytes, new for each session.
        certificate: SHA-256 of the responder's certificate as this side sees it, None on loopback
            without TLS.
        limits: what the peer may send.
        features: those offered, of `FEATURES`.
    """

    def __init__(
        self,
        role: Role,
        own: OwnIdentity,
        nonce: bytes,
        *,
        certificate: bytes | None,
        limits: SessionLimits | None = None,
        features: frozenset[str] = FEATURES,
    ) -> None:
        self._own = own
        self._limits = limits or SessionLimits()
        self._place = Place(role)
        self._outlet = Outlet()
        self._questions = Questions(self._outlet)
        self._handshake = Handshake(role, own, nonce, certificate, features, self._limits)
        self._opening = Opening(self._place, self._outlet, self._handshake, self._scopes_agreed)
        self._peer: Hello | None = None
        self._serving: Serving | None = None
        self._asking: Asking | None = None
        self._parts: PartsPass | None = None
        self._rounds: Rounds | None = None
        self._through = False
        self._clock = Clock()

    @property
    def state(self) -> State:
        """Where the session is."""
        return self._place.state

    @property
    def peer_org(self) -> OrgId | None:
        """The organisation that the peer named; proved only from `Opened` on."""
        return self._peer.org if self._peer else None

    # What the shell gives

    def start(self) -> list[Event]:
        """Begins; the initiator has its HELLO to send."""
        if self._place.role is Role.INITIATOR:
            self._outlet.send_bytes(self._handshake.own_hello)
        return self._outlet.take_events()

    def frames_to_send(self) -> list[bytes]:
        """The frames to send now, in order; from now on they count as sent."""
        return self._outlet.take_frames()

    def receive(self, data: bytes) -> list[Event]:
        """Takes one frame as it came. Never raises for what is in it."""
        self._clock.heard = True
        if self._place.state is State.LEAVING:
            self._ignore_but_bye(data)
        return self._protected(lambda: self._receive(data))

    def receive_eof(self) -> list[Event]:
        """Takes note that the connection has ended."""
        if self._place.state is not State.CLOSED:
            self._place.move(Move.BYE_EXCHANGED)
            self._outlet.report(Finished("", interrupted=not self._through))
        return self._outlet.take_events()

    def tick(self, now_ms: int) -> list[Event]:
        """Takes the time of a monotonic clock; at least once a second."""
        return self._protected(lambda: self._tick(now_ms))

    def local_change(self, changes: Sequence[LocalChange], *, eager: bool = True) -> list[Event]:
        """Takes note of records that became durable here, but not through this session.

        `eager`, for a live session: send them at once from now on, instead of naming them.
        """

        def note() -> None:
            if self._serving is not None:
                self._serving.eager = eager
                for change in changes:
                    self._serving.changed(change)

        return self._protected(note)

    def ask_again(self) -> list[Event]:
        """Takes note that this side would take now what it refused before: it compares anew."""

        def note() -> None:
            if self._rounds is not None:
                self._rounds.ask_again()

        return self._protected(note)

    def close(self, fault: Fault | None = None) -> list[Event]:
        """Ends the session from this side."""
        if self._place.state not in _OVER:
            self._through = self._place.state is State.LIVE
            self._say_bye(fault.value if fault else "", "")
        return self._outlet.take_events()

    # Answers to requests

    def peer_checked(self, request: CheckPeer, grant: PeerGrant) -> list[Event]:
        """Answer to `CheckPeer`."""
        return self._answer(request, lambda: self._opening.checked(grant))

    def roots_read(self, request: ReadRoots, roots: Sequence[ScopeRoot]) -> list[Event]:
        """Answer to `ReadRoots`."""
        return self._answer(request, lambda: _require(self._rounds).roots_read(request, roots))

    def heads_read(self, request: ReadHeads, page: HeadsPage) -> list[Event]:
        """Answer to `ReadHeads`."""
        return self._answer(request, lambda: _require(self._serving).heads_read(page))

    def heads_compared(self, request: CompareHeads, held: Held) -> list[Event]:
        """Answer to `CompareHeads`."""
        return self._answer(request, lambda: _require(self._asking).heads_compared(request, held))

    def runs_read(self, request: ReadRuns, batch: RunsBatch) -> list[Event]:
        """Answer to `ReadRuns`."""
        return self._answer(request, lambda: _require(self._serving).runs_read(request, batch))

    def runs_stored(self, request: StoreRuns, outcomes: Sequence[RunOutcome]) -> list[Event]:
        """Answer to `StoreRuns`, when the runs are durable."""
        return self._answer(request, lambda: _require(self._asking).runs_stored(request, outcomes))

    def events_read(self, request: ReadEvents, batch: EventsBatch) -> list[Event]:
        """Answer to `ReadEvents`."""
        return self._answer(request, lambda: _require(self._serving).events_read(batch))

    def events_stored(self, request: StoreEvents, outcome: EventsOutcome) -> list[Event]:
        """Answer to `StoreEvents`, when the events are durable."""

        def note() -> None:
            # The peer's own events from before AUTH belong to no question of a round.
            if request.events is not self._opening.peer_events:
                _require(self._asking).events_stored(outcome)

        return self._answer(request, note)

    def missing_listed(self, request: ListMissing, wants: Sequence[PartWant]) -> list[Event]:
        """Answer to `ListMissing`."""
        return self._answer(request, lambda: _require(self._parts).missing_listed(wants))

    def parts_read(self, request: ReadParts, batch: PartsBatch) -> list[Event]:
        """Answer to `ReadParts`."""
        return self._answer(request, lambda: _require(self._serving).parts_read(request, batch))

    def parts_stored(self, request: StoreParts, count: int) -> list[Event]:
        """Answer to `StoreParts`, when the parts are durable."""
        return self._answer(request, lambda: _require(self._parts).parts_stored(count))

    def _answer(self, request: Request, handle: Callable[[], None]) -> list[Event]:
        if not self._outlet.answered(request):
            raise LocalProtocolError(f"answer to no open {type(request).__name__}")
        return self._protected(handle)

    def _protected(self, handle: Callable[[], None]) -> list[Event]:
        """Runs a step of an open session, and turns a fault into the end of it."""
        if self._place.state not in _OVER:
            try:
                handle()
                self._advance()
            except ProtocolFault as refused:
                self._fail(refused.fault, refused.detail)
        return self._outlet.take_events()

    # What the peer sends

    def _receive(self, data: bytes) -> None:
        if len(data) > self._limits.frame_bytes_max:
            raise ProtocolFault(Fault.LIMIT_EXCEEDED, f"frame of {len(data)} bytes")
        frame = parse_frame(data)
        if frame is None:
            return
        kind = FRAME_TYPES[type(frame)]
        if not self._place.takes(kind):
            raise ProtocolFault(Fault.UNEXPECTED_FRAME, f"{kind.name} in {self._place.state.name}")
        match frame:
            case Hello():
                self._hello(data, frame)
            case Auth():
                self._opening.auth(frame)
            case Scopes():
                self._opening.scopes(frame)
            case Shared():
                self._opening.shared(frame)
            case Events():
                if self._asking is None:
                    self._opening.events(frame)
                else:
                    self._asking.events(frame)
            case EventsWanted() | HeadsWanted() | RunsWanted() | PartsWanted():
                self._asked(frame)
            case Root():
                _require(self._rounds).root(frame)
            case Roots():
                _require(self._rounds).roots(frame)
            case Done():
                _require(self._rounds).done(frame)
            case Heads():
                _require(self._asking).heads(frame)
            case Runs():
                live = self._place.state is State.LIVE
                _require(self._asking).runs(frame, live=live)
            case RunsEnd():
                _require(self._asking).runs_end(frame)
            case Have():
                _require(self._asking).have(frame, self._clock.now_ms)
            case Refused():
                _require(self._asking).refused_by_peer(frame)
            case Credit(frames):
                _require(self._serving).credit_given(frames)
            case Parts():
                _require(self._parts).parts(frame)
            case Bye():
                self._bye(frame)

    def _hello(self, data: bytes, frame: Hello) -> None:
        self._peer = frame
        self._serving = Serving(self._outlet, frame.credit)
        self._opening.hello(data, frame)

    def _asked(self, frame: EventsWanted | HeadsWanted | RunsWanted | PartsWanted) -> None:
        if self._rounds is None:
            if not isinstance(frame, EventsWanted) or frame.org != self._own.org:
                raise ProtocolFault(Fault.UNEXPECTED_FRAME, "not about this organisation")
        elif self._rounds.peer_is_done:
            raise ProtocolFault(Fault.UNEXPECTED_FRAME, "a question after DONE")
        _require(self._serving).asked(frame)

    def _bye(self, frame: Bye) -> None:
        self._through |= self._place.state is State.LIVE
        self._outlet.send(Bye("", ""))
        self._place.move(Move.BYE_EXCHANGED)
        self._outlet.report(Finished(frame.fault, interrupted=not self._through))

    def _ignore_but_bye(self, data: bytes) -> None:
        """Takes a frame after this side has said BYE."""
        try:
            frame = parse_frame(data)
        except ProtocolFault:
            return
        if isinstance(frame, Bye):
            self._place.move(Move.BYE_EXCHANGED)
            self._outlet.report(Finished(frame.fault, interrupted=not self._through))

    # What follows

    def _scopes_agreed(self, scopes: tuple[Scope, ...]) -> None:
        peer, serving = _require(self._peer), _require(self._serving)
        self._outlet.report(Opened(peer.org, scopes))
        if not scopes:
            self._leave()
            return
        serving.share(scopes)
        credit = self._limits.credit
        self._asking = Asking(self._outlet, self._questions, scopes, peer.org, credit)
        self._parts = PartsPass(self._outlet, self._questions, scopes)
        self._rounds = Rounds(
            self._place,
            self._outlet,
            scopes,
            (serving, self._asking, self._parts, self._questions),
            self._opening.grant.cursors,
            live="live" in self._handshake.features,
            leave=self._leave,
        )

    def _advance(self) -> None:
        if self._place.state in _OVER:
            return
        if self._rounds is not None:
            self._rounds.advance()
        elif self._serving is not None:
            self._serving.pump()

    def _tick(self, now_ms: int) -> None:
        clock = self._clock
        if clock.started_ms is None:
            clock.started_ms = clock.heard_ms = clock.fed_ms = now_ms
        clock.now_ms = now_ms
        if self._rounds is not None:
            self._rounds.tick(now_ms, heard=clock.heard)
            waits = self._rounds.waits_for_peer
        else:
            waits = not self._outlet.awaits_shell
            opened = self._place.state is State.AGREEING
            if not opened and now_ms - clock.started_ms > HANDSHAKE_MS:
                raise ProtocolFault(Fault.TIMED_OUT, "handshake")
        if clock.heard or not waits:
            clock.heard_ms = now_ms
        if self._serving is None or not self._serving.starved:
            clock.fed_ms = now_ms
        clock.heard = False
        if now_ms - clock.heard_ms > STALL_MS:
            raise ProtocolFault(Fault.TIMED_OUT, f"nothing came in {self._place.state.name}")
        if now_ms - clock.fed_ms > CREDIT_MS:
            raise ProtocolFault(Fault.TIMED_OUT, "no credit")

    # The end

    def _leave(self) -> None:
        self._through = True
        self._say_bye("", "")

    def _fail(self, fault: Fault, detail: str) -> None:
        self._through = True
        text = detail.encode("utf-8", "replace")[:BYE_TEXT_BYTES_MAX].decode("utf-8", "ignore")
        self._say_bye(fault.value, text)
        self._outlet.report(Failed(fault, detail))

    def _say_bye(self, fault: str, text: str) -> None:
        self._outlet.send(Bye(fault, text))
        self._place.move(Move.BYE_SENT)


def _require(part: _Part | None) -> _Part:
    """A half of the session that the table of states promises to exist by now."""
    if part is None:
        raise LocalProtocolError("the session is not open")
    return part
