"""A peer may send anything at any time: no session raises, whatever its state. Threats 1, 8, 13."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from example_counts import examples
from hutong_protocol.faults import Fault
from hutong_protocol.frame_forms import encode_frame
from hutong_protocol.frames import (
    FRAME_TYPES,
)
from hutong_protocol.session_events import Failed
from hutong_protocol.session_states import RECEIVABLE, Role, State
from protocol.frame_samples import SAMPLES
from protocol.session_pairs import (
    session_in,
)
from simulation.checkers import check_store
from simulation.pair import Pair
from simulation.scenario import Scenario


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(State))
def test_every_state_answers_every_frame_as_the_table_says(state: State, role: Role) -> None:
    """All pairs of a state and a frame, those allowed and those not."""
    for frame in SAMPLES:
        _, end = session_in(state, role)
        kind = FRAME_TYPES[type(frame)]
        side = RECEIVABLE[state].get(kind)
        events = end.session.receive(encode_frame(frame))
        faults = [event.fault for event in events if isinstance(event, Failed)]
        if state in (State.LEAVING, State.CLOSED):
            assert faults == []
        elif side is None or not side.includes(role):
            assert faults == [Fault.UNEXPECTED_FRAME], kind
            assert end.session.state is State.LEAVING


junk = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(SAMPLES).map(encode_frame),
    st.sampled_from(["own", "peer", "peer", "peer", "step", "step"]),
)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(list(State)),
    st.sampled_from(list(Role)),
    st.lists(junk, max_size=12),
    st.randoms(use_true_random=False),
)
def test_frames_in_any_order_raise_nothing(
    state: State, role: Role, inputs: list[bytes | str], chance: random.Random
) -> None:
    """Threat 13: valid frames, frames of this very session again, and random bytes."""
    pair, end = session_in(state, role)
    for given_input in inputs:
        if given_input == "step":
            pair.step()
            continue
        sent = [data for by, data in pair.sent if (by is role) == (given_input == "own")]
        data = given_input if isinstance(given_input, bytes) else chance.choice(sent or [b""])
        end.take(end.session.receive(data))
    pair.run()
    for one in pair.ends:
        check_store(one.member.store)


def mangler(rng: random.Random, rate: float) -> Callable[[Role, bytes], list[bytes]]:
    """Somebody in the middle who turns bits, repeats, swaps and drops frames."""
    kept: list[bytes] = []

    def tamper(sender: Role, data: bytes) -> list[bytes]:
        kept.append(data)
        if rng.random() > rate or len(kept) < 6:
            return [data]
        match rng.randrange(5):
            case 0:
                at = rng.randrange(len(data))
                turned = data[at] ^ 1 << rng.randrange(8)
                return [data[:at] + bytes([turned]) + data[at + 1 :]]
            case 1:
                return [data, data]
            case 2:
                return []
            case 3:
                return [rng.choice(kept), data]
            case _:
                return [data[: rng.randrange(len(data))]]

    return tamper


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_mangled_sessions_raise_nothing_and_store_nothing_wrong(rate: float) -> None:
    """Threats 1, 13: whatever happens to frames, a store holds only what its writers signed."""
    for seed in range(12):
        scenario = Scenario(seed, live=bool(seed % 2))
        authored = {record for member in scenario.members for record in member.store.records}
        pair = scenario.session()
        rng = random.Random(seed)
        Pair(*pair.ends, rng=rng, tamper=mangler(rng, rate)).run()
        for member in scenario.members:
            check_store(member.store, authored)
