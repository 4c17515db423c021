"""States of a session, which frames each takes, and the moves between them: all of it as data.

Owns every fact about the order of a session that does not depend on what a frame says. Two rules
keep it readable: a session changes its state only by `Place.move`, and a frame is looked up here
before anything else happens with it. Both sides run the same table; where one side only may receive
a frame, the table names the side. What depends on contents (an answer that nobody asked for, the
number of a round) is judged by the handlers. The table of section 7.13 of the specification is the
text that `table_text` gives; a test compares them. Spec: 7.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Final

from hutong_protocol.faults import LocalProtocolError
from hutong_protocol.frames import FrameType


class Role(IntEnum):
    """The side of a session, as it stands in HELLO."""

    INITIATOR = 0
    RESPONDER = 1


class State(Enum):
    """Where a session is; the value says what it waits for."""

    GREETING = "the peer's HELLO"
    PROVING = "the peer's AUTH"
    CHECKING = "the verdict on the peer's delegation and signature"
    AGREEING = "the peer's SCOPES or SHARED"
    OPENING = "the first comparison of the shared roots"
    COMPARING = "both ROOTS of a round"
    TRANSFERRING = "what this side still asks for"
    ENDING = "the peer's DONE"
    LIVE = "new records"
    LEAVING = "the peer's BYE"
    CLOSED = "nothing"


class Move(Enum):
    """What takes a session from one state to another; the value says when it happens."""

    PEER_NAMED = "a HELLO with a common version and the opposite role"
    PROOF_RECEIVED = "an AUTH"
    PEER_VERIFIED = "the signature verified, the peer let in"
    SCOPES_AGREED = "SHARED received or sent, not empty"
    EQUAL_AT_ONCE = "the roots are equal before any round"
    ROUND_CALLED = "the initiator begins a round, the responder receives its ROOTS"
    ROOTS_EXCHANGED = "ROOTS sent and received"
    DONE_SENT = "DONE sent, or received when an own ROOT stood for it"
    WENT_LIVE = "both DONE, no further round, both have `live`"
    BYE_SENT = "BYE sent"
    BYE_EXCHANGED = "BYE received, or the connection ended"


class Side(Enum):
    """Which side may receive a frame in a state."""

    BOTH = "both"
    INITIATOR = "initiator"
    RESPONDER = "responder"

    def includes(self, role: Role) -> bool:
        """Whether the side with this role may."""
        return self is Side.BOTH or self.name == role.name


def _receivable() -> Mapping[State, Mapping[FrameType, Side]]:
    both, initiator, responder = Side.BOTH, Side.INITIATOR, Side.RESPONDER
    # Questions and their answers, and what may cross with anything once scopes are agreed.
    common = {
        FrameType.EVENTS: both,
        FrameType.EVENTS_WANTED: both,
        FrameType.RUNS_WANTED: both,
        FrameType.RUNS: both,
        FrameType.RUNS_END: both,
        FrameType.CREDIT: both,
        FrameType.PARTS_WANTED: both,
        FrameType.PARTS: both,
        FrameType.REFUSED: both,
        FrameType.BYE: both,
    }
    heads = {FrameType.HEADS_WANTED: both, FrameType.HEADS: both}
    identity = {FrameType.EVENTS: both, FrameType.EVENTS_WANTED: both, FrameType.BYE: both}
    return {
        State.GREETING: {FrameType.HELLO: both, FrameType.BYE: both},
        State.PROVING: {FrameType.AUTH: both, **identity},
        State.CHECKING: {FrameType.SCOPES: responder, **identity},
        State.AGREEING: {
            FrameType.SCOPES: responder,
            FrameType.SHARED: initiator,
            **identity,
        },
        State.OPENING: {
            FrameType.ROOT: initiator,
            FrameType.ROOTS: responder,
            FrameType.DONE: responder,
            **common,
        },
        State.COMPARING: {
            FrameType.ROOTS: both,
            # A live responder may have sent these before it saw the ROOTS of the initiator.
            FrameType.ROOT: initiator,
            FrameType.HAVE: initiator,
            **common,
        },
        State.TRANSFERRING: {FrameType.DONE: both, **heads, **common},
        State.ENDING: {FrameType.DONE: both, **heads, **common},
        State.LIVE: {
            FrameType.ROOT: both,
            FrameType.ROOTS: responder,
            FrameType.HAVE: both,
            **common,
        },
        # A side that has said BYE lets pass what the peer sent before it knew.
        State.LEAVING: dict.fromkeys(FrameType, both),
        State.CLOSED: {},
    }


RECEIVABLE: Final = _receivable()
"""What each state takes; another frame of a known type is `unexpected-frame`. Spec: 7.13."""

_OPEN: Final = tuple(state for state in State if state not in (State.LEAVING, State.CLOSED))

MOVES: Final[Mapping[tuple[State, Move], State]] = {
    (State.GREETING, Move.PEER_NAMED): State.PROVING,
    (State.PROVING, Move.PROOF_RECEIVED): State.CHECKING,
    (State.CHECKING, Move.PEER_VERIFIED): State.AGREEING,
    (State.AGREEING, Move.SCOPES_AGREED): State.OPENING,
    (State.OPENING, Move.EQUAL_AT_ONCE): State.TRANSFERRING,
    (State.OPENING, Move.DONE_SENT): State.ENDING,
    (State.OPENING, Move.ROUND_CALLED): State.COMPARING,
    (State.COMPARING, Move.ROOTS_EXCHANGED): State.TRANSFERRING,
    (State.TRANSFERRING, Move.DONE_SENT): State.ENDING,
    (State.ENDING, Move.ROUND_CALLED): State.COMPARING,
    (State.ENDING, Move.WENT_LIVE): State.LIVE,
    (State.LIVE, Move.ROUND_CALLED): State.COMPARING,
    **{(state, Move.BYE_SENT): State.LEAVING for state in _OPEN},
    **{(state, Move.BYE_EXCHANGED): State.CLOSED for state in (*_OPEN, State.LEAVING)},
}
"""The only changes of state that there are. Spec: 7.13."""


class Place:
    """The state of one session and its role."""

    __slots__ = ("role", "state")

    def __init__(self, role: Role) -> None:
        self.role = role
        self.state = State.GREETING

    def takes(self, frame: FrameType) -> bool:
        """Whether a frame of this type may be received now."""
        side = RECEIVABLE[self.state].get(frame)
        return side is not None and side.includes(self.role)

    def move(self, move: Move) -> None:
        """Goes to the state that the table gives; a LocalProtocolError if there is none."""
        after = MOVES.get((self.state, move))
        if after is None:
            raise LocalProtocolError(f"no {move.name} in {self.state.name}")
        self.state = after


def table_text() -> str:
    """The two tables of section 7.13, as Markdown."""
    marks = {Side.BOTH: "", Side.INITIATOR: " (I)", Side.RESPONDER: " (R)"}
    lines = ["| state | waits for | takes |", "|---|---|---|"]
    for state in State:
        frames = sorted(RECEIVABLE[state].items(), key=lambda item: item[0])
        takes = ", ".join(f"{frame.name}{marks[side]}" for frame, side in frames)
        if state is State.LEAVING:
            takes = "BYE; ignores all others"
        lines.append(f"| {state.name} | {state.value} | {takes or 'ignores everything'} |")
    lines += ["", "| from | when | to |", "|---|---|---|"]
    for (state, move), after in MOVES.items():
        if move not in (Move.BYE_SENT, Move.BYE_EXCHANGED):
            lines.append(f"| {state.name} | {move.value} | {after.name} |")
    lines.append(f"| any but LEAVING, CLOSED | {Move.BYE_SENT.value} | LEAVING |")
    lines.append(f"| any but CLOSED | {Move.BYE_EXCHANGED.value} | CLOSED |")
    return "\n".join(lines)
