"""Rounds of a session: comparing roots, when a round is over, settled or not, and live.

Owns the numbers of rounds, both DONE of each, and the decision that follows: equal roots settle,
different ones call for another round as long as either side had news, and at most eight. That last
compare is what makes a session's claim to be settled true, whatever was written, refused or lost
meanwhile. Spec: 7.5, 7.6, 7.9, 7.10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from hutong_protocol.exchange import Cursor, Scope, ScopeRoot
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.frames import Done, Root, Roots
from hutong_protocol.session_asking import Asking, Questions
from hutong_protocol.session_events import Live, ReadRoots, RoundEnded, Settled, Unsettled
from hutong_protocol.session_outlet import Outlet
from hutong_protocol.session_parts import PartsPass
from hutong_protocol.session_serving import Serving
from hutong_protocol.session_states import Move, Place, Role, State
from hutong_protocol.tree import shared_root

ROUNDS_MAX: Final = 8
"""Rounds in a row. Sides that write without pause differ at every compare; live takes over then."""
PUSHED_FRAMES_MAX: Final = 32
"""RUNS sent unasked at the end of a round; the rest is found in the next one."""
QUIET_MS: Final = 30_000
"""After this long without anything to do, live sides compare roots."""


class Purpose(Enum):
    """What roots are read for."""

    OPEN = auto()
    ROUND = auto()
    DONE = auto()
    QUIET = auto()
    AGAIN = auto()
    REPLY = auto()


@dataclass(slots=True)
class Round:
    """One round; number 0 is the compare before any, and has no ROOTS."""

    number: int
    own_roots: tuple[ScopeRoot, ...] = ()
    own_root: bytes = b""
    peer_roots: tuple[bytes, ...] = ()
    own_done: Done | None = None
    peer_done: Done | None = None
    flushing: bool = False
    closing: bool = False


class Rounds:
    """The rounds of one session, from agreed scopes to its end.

    Args:
        live: whether both sides have the feature.
        leave: ends the session without a fault.
    """

    def __init__(
        self,
        place: Place,
        outlet: Outlet,
        scopes: Sequence[Scope],
        halves: tuple[Serving, Asking, PartsPass, Questions],
        cursors: Mapping[Scope, Cursor],
        *,
        live: bool,
        leave: Callable[[], None],
    ) -> None:
        self._place = place
        self._outlet = outlet
        self._scopes = tuple(scopes)
        self._serving, self._asking, self._parts, self._questions = halves
        self._cursors = cursors
        self._live = live
        self._leave = leave
        self._round = Round(0)
        self._series_base = 0
        self._peer_root: Root | None = None
        self._reading: dict[int, Purpose] = {}
        self._unsettled: tuple[bytes, bytes] | None = None
        self._asks_again = False
        self._busy_ms = 0
        self._stored_before = 0
        self._read(Purpose.OPEN)

    @property
    def peer_is_done(self) -> bool:
        """Whether the peer has said that it asks nothing more in this round."""
        return self._round.peer_done is not None

    @property
    def waits_for_peer(self) -> bool:
        """Whether nothing can go on before the peer sends something."""
        if self._place.state is State.LIVE:
            return self._questions.any_open
        return not self._outlet.awaits_shell

    def ask_again(self) -> None:
        """Compares once more when live and idle, also a pair of roots that ended unsettled."""
        self._asks_again = True

    # Frames

    def root(self, frame: Root) -> None:
        """The peer's shared root: at the opening, or when it is quiet."""
        match self._place.state:
            case State.OPENING:
                if self._peer_root is not None:
                    raise ProtocolFault(Fault.UNEXPECTED_FRAME, "a second ROOT")
                self._peer_root = frame
                self._open()
            case State.LIVE:
                # One at a time, so that a peer gets no more replies than it reads.
                if Purpose.REPLY not in self._reading.values() and not self._outlet.has_frames:
                    self._peer_root = frame
                    self._read(Purpose.REPLY)
            case _:
                pass  # it crossed the ROOTS of the initiator

    def roots(self, frame: Roots) -> None:
        """The peer's roots, which begin a round at the responder and go on with it otherwise."""
        if len(frame.roots) != len(self._scopes):
            raise ProtocolFault(Fault.BAD_FRAME, f"{len(frame.roots)} roots")
        unexpected = ProtocolFault(Fault.UNEXPECTED_FRAME, "ROOTS before their time")
        if self._place.role is Role.INITIATOR:
            if not self._round.own_roots:
                raise unexpected
            self._round.peer_roots = frame.roots
            self._transfer_begins()
            return
        if self._place.state is not State.COMPARING:
            if not self._round.own_root:
                raise unexpected
            if self._place.state is State.LIVE:
                self._series_base = self._round.number
            self._call_round()
        elif self._round.peer_roots:
            raise unexpected
        self._round.peer_roots = frame.roots
        self._read(Purpose.ROUND)

    def done(self, frame: Done) -> None:
        """The peer has nothing more to ask in this round."""
        current = self._round
        if frame.round_number != current.number or current.peer_done or not current.own_root:
            raise ProtocolFault(Fault.UNEXPECTED_FRAME, f"DONE of round {frame.round_number}")
        current.peer_done = frame
        if self._place.state is State.OPENING:
            if any(root.missing for root in current.own_roots):
                self._place.move(Move.EQUAL_AT_ONCE)
                self._begin_parts()
                return
            # Its own ROOT has said all that this side had to say.
            current.own_done = Done(current.own_root, 0, again=False)
            self._place.move(Move.DONE_SENT)
        if self._place.state is State.ENDING:
            self._conclude()

    # Answers of the shell

    def roots_read(self, request: ReadRoots, roots: Sequence[ScopeRoot]) -> None:
        """Goes on with the roots of this side."""
        purpose = self._reading.pop(request.key)
        own_root = shared_root([root.root for root in roots])
        if purpose is Purpose.DONE:
            self._say_done(own_root)
        elif purpose is Purpose.QUIET:
            if self._place.state is State.LIVE:
                # Not again and again for parts that this peer does not have.
                if self._asking.stored > self._stored_before:
                    self._begin_parts(roots)
                self._stored_before = self._asking.stored
                self._outlet.send(Root(own_root, done=True))
        elif purpose is Purpose.AGAIN:
            if self._place.state is State.LIVE:
                self._unsettled = None
                self._outlet.send(Root(own_root, done=False))
        elif purpose is Purpose.REPLY:
            if self._place.state is State.LIVE:
                self._reply(own_root, tuple(roots))
        else:
            self._round.own_roots = tuple(roots)
            self._round.own_root = own_root
            if purpose is Purpose.OPEN:
                self._open()
            else:
                self._outlet.send(Roots(tuple(root.root for root in roots)))
                if self._place.role is Role.RESPONDER:
                    self._transfer_begins()

    def _read(self, purpose: Purpose) -> None:
        request = ReadRoots(self._outlet.key(), self._scopes)
        self._reading[request.key] = purpose
        self._outlet.request(request)

    # The opening

    def _open(self) -> None:
        own = self._round
        if not own.own_root:
            return
        if self._place.role is Role.RESPONDER:
            done = not any(root.missing for root in own.own_roots)
            self._outlet.send(Root(own.own_root, done))
        elif self._peer_root is None:
            return
        elif own.own_root == self._peer_root.root:
            self._place.move(Move.EQUAL_AT_ONCE)
            if self._peer_root.done:
                own.peer_done = Done(self._peer_root.root, 0, again=False)
            self._begin_parts()
        else:
            self._call_round(own.own_root, own.own_roots)

    def _reply(self, own_root: bytes, roots: tuple[ScopeRoot, ...]) -> None:
        """Decides what a ROOT of a live peer leads to."""
        assert self._peer_root is not None
        peer_root = self._peer_root.root
        if not self._peer_root.done:
            self._unsettled = None  # the peer would take now what it refused then
        if own_root == peer_root or (own_root, peer_root) == self._unsettled:
            return
        if self._place.role is Role.RESPONDER:
            self._outlet.send(Root(own_root, done=True))
        elif self._idle:
            self._series_base = self._round.number
            self._call_round(own_root, roots)

    def _begin_parts(self, roots: Sequence[ScopeRoot] = ()) -> None:
        listed = enumerate(roots or self._round.own_roots)
        self._parts.begin([position for position, root in listed if root.missing])

    # A round

    def _call_round(self, own_root: bytes = b"", own_roots: tuple[ScopeRoot, ...] = ()) -> None:
        """Goes on to the next round; the initiator sends its ROOTS, reading them if not given."""
        self._place.move(Move.ROUND_CALLED)
        self._serving.live = False
        self._serving.pushes_left = 0
        self._round = Round(self._round.number + 1, own_roots, own_root)
        if own_roots:
            self._outlet.send(Roots(tuple(root.root for root in own_roots)))
        elif self._place.role is Role.INITIATOR:
            self._read(Purpose.ROUND)

    def _transfer_begins(self) -> None:
        self._place.move(Move.ROOTS_EXCHANGED)
        pairs = zip(self._round.own_roots, self._round.peer_roots, strict=True)
        differing = [at for at, (own, peer) in enumerate(pairs) if own.root != peer]
        # Cursors are hints for the first round only: what they hide is listed in the second.
        cursors = self._cursors if self._round.number == 1 else {}
        self._asking.begin(differing, cursors)
        self._begin_parts()
        self._parts.begin(differing)

    def advance(self) -> None:
        """Does whatever can be done now."""
        self._serving.pump()
        current = self._round
        if self._place.state is State.LIVE:
            self._asking.pump()
            self._parts.pump()
        elif self._place.state is State.TRANSFERRING and not current.closing:
            self._asking.pump()
            if not self._asking.idle:
                return
            self._parts.pump()
            if not self._parts.over:
                return
            if not current.flushing:
                current.flushing = True
                self._serving.pushes_left = PUSHED_FRAMES_MAX
                self._serving.pump()
            if self._serving.flushed:
                self._serving.pushes_left = 0
                current.closing = True
                self._read(Purpose.DONE)

    def _say_done(self, own_root: bytes) -> None:
        current = self._round
        again = self._asking.stored > 0 or self._asking.used_cursors or own_root != current.own_root
        current.own_done = Done(own_root, current.number, again)
        self._outlet.send(current.own_done)
        self._place.move(Move.DONE_SENT)
        if current.peer_done is not None:
            self._conclude()

    def _agree(self, own: Done, peer: Done) -> bool:
        """The final compare of roots."""
        return own.root == peer.root

    def _conclude(self) -> None:
        """Both have said DONE: settled, another round, or unsettled."""
        own, peer = self._round.own_done, self._round.peer_done
        assert own is not None
        assert peer is not None
        equal = self._agree(own, peer)
        self._outlet.report(RoundEnded(self._round.number, self._asking.stored, equal))
        if equal:
            self._outlet.report(Settled(own.root, self._asking.cursors))
        else:
            rounds = self._round.number - self._series_base
            if (own.again or peer.again) and rounds < ROUNDS_MAX:
                self._call_round()
                return
            asking = self._asking
            self._unsettled = (own.root, peer.root)
            self._outlet.report(
                Unsettled(own.root, peer.root, asking.leftovers, asking.leftovers_unlisted)
            )
        if self._live:
            self._place.move(Move.WENT_LIVE)
            # The roots of this round are behind; a DONE would be out of place from now on.
            self._round = Round(self._round.number, self._round.own_roots, self._round.own_root)
            self._serving.live = True
            self._stored_before = self._asking.stored
            self._outlet.report(Live())
        else:
            self._leave()

    # Live

    @property
    def _idle(self) -> bool:
        busy = self._outlet.awaits_shell or self._questions.any_open or not self._serving.idle
        return not busy and self._asking.idle and self._parts.over

    def tick(self, now_ms: int, *, heard: bool) -> None:
        """Compares roots when nothing has happened for a while."""
        if self._place.state is not State.LIVE:
            return
        self._asking.tick(now_ms)
        if self._asks_again and self._idle:
            self._asks_again = False
            self._read(Purpose.AGAIN)
        elif heard or not self._idle:
            self._busy_ms = now_ms
        elif now_ms - self._busy_ms >= QUIET_MS:
            self._busy_ms = now_ms
            self._read(Purpose.QUIET)
