"""The table of states: every pair of state and frame, the moves, and the text of section 7.13."""

from __future__ import annotations

from pathlib import Path

import pytest

from hutong_protocol.faults import LocalProtocolError
from hutong_protocol.frames import FrameType
from hutong_protocol.session_states import (
    MOVES,
    RECEIVABLE,
    Move,
    Place,
    Role,
    Side,
    State,
    table_text,
)

SPEC = Path(__file__).resolve().parents[2] / "spec" / "7-session.md"


def test_the_specification_shows_the_table_that_the_code_runs() -> None:
    assert table_text() in SPEC.read_text("utf-8")


def test_every_state_says_what_it_takes() -> None:
    assert set(RECEIVABLE) == set(State)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(State))
def test_a_place_takes_what_the_table_gives_its_side(state: State, role: Role) -> None:
    place = Place(role)
    place.state = state
    for frame in FrameType:
        side = RECEIVABLE[state].get(frame)
        expected = side is Side.BOTH or (side is not None and side.name == role.name)
        assert place.takes(frame) is expected


def test_nothing_but_identity_is_taken_before_the_peer_is_verified() -> None:
    """Threat 5: what is restricted comes after AUTH."""
    early = {FrameType.HELLO, FrameType.AUTH, FrameType.BYE, FrameType.SCOPES}
    early |= {FrameType.EVENTS, FrameType.EVENTS_WANTED}
    for state in (State.GREETING, State.PROVING, State.CHECKING):
        assert set(RECEIVABLE[state]) <= early


def test_moves_other_than_those_of_the_table_are_our_own_mistake() -> None:
    for state in State:
        for move in Move:
            place = Place(Role.INITIATOR)
            place.state = state
            if (state, move) in MOVES:
                place.move(move)
                assert place.state is MOVES[state, move]
            else:
                with pytest.raises(LocalProtocolError):
                    place.move(move)


def test_every_state_is_reached_and_left() -> None:
    reached, edge = {State.GREETING}, {State.GREETING}
    while edge:
        edge = {after for (state, _), after in MOVES.items() if state in edge} - reached
        reached |= edge
    assert reached == set(State)
    assert {state for state, _ in MOVES} == set(State) - {State.CLOSED}


def test_bye_is_taken_in_every_open_state() -> None:
    for state in set(State) - {State.CLOSED}:
        assert RECEIVABLE[state][FrameType.BYE] is Side.BOTH
