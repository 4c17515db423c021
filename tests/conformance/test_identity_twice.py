"""Two readings of sections 4.6 to 4.9 agree about random histories, whole, in part and shuffled."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.identity_histories import LOGS, SCOPES, History, history
from example_counts import examples
from hutong_conformance.independent import cut_choice, identity, identity_form
from hutong_conformance.independent.identity_effect import Effect
from hutong_protocol.cut_effects import cuts_of, effective_cut
from hutong_protocol.cuts import cut_list_hash, parse_cut_list
from hutong_protocol.harness_ops.identity import state_json
from hutong_protocol.identity import state_of
from hutong_protocol.identity_events import Event, parse_event
from hutong_protocol.identity_standing import standing_of
from hutong_protocol.ids import EventId, LogId

SEEDS = st.integers(0, 2**32 - 1)


def hexed(value: Any) -> Any:
    """A wire event as it stands in a vector."""
    if isinstance(value, list):
        return [hexed(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value


def part_of(made: History) -> list[bytes]:
    """Ids of some events with all that they name, in any order."""
    chance = made.chance
    wanted = {made.org, *(one for one in made.bodies if chance.random() < 0.4)}
    ahead = list(wanted)
    while ahead:
        body = made.bodies[ahead.pop()]
        named = {*body.get("prev", ()), body.get("chain"), body.get("epoch")} - {None}
        ahead.extend(named - wanted)
        wanted |= named
    return chance.sample(sorted(wanted), len(wanted))


@settings(max_examples=examples(300))
@given(SEEDS, st.integers(1, 30))
def test_both_readings_give_one_state_for_any_part_of_any_history(seed: int, count: int) -> None:
    made = history(Random(seed), count)
    parsed = {one: parse_event(wire) for one, wire in made.wires.items()}
    bodies = {one: identity_form.read(hexed(wire)) for one, wire in made.wires.items()}
    for ids in (list(made.wires), part_of(made), part_of(made)):
        held: dict[EventId, Event] = {EventId(one): parsed[one] for one in ids}
        chance = Random(seed)
        again = {EventId(one): parsed[one] for one in chance.sample(ids, len(ids))}
        found = state_json(state_of(held, applies_cuts=True))
        assert state_json(state_of(again, applies_cuts=True)) == found
        assert identity.state([bodies[one] for one in ids], []) == found
        standing = standing_of(held.values())
        effect = Effect({one: bodies[one] for one in ids})
        assert standing.void == {one for one in effect.epoch_events if effect.void(one)}
        assert standing.waiting == {one for one in effect.epoch_events if effect.suspended(one)}


@settings(max_examples=examples(300))
@given(SEEDS, st.integers(4, 30))
def test_both_readings_choose_one_cut_of_any_log(seed: int, count: int) -> None:
    made = history(Random(seed), count)
    held = {EventId(one): parse_event(wire) for one, wire in made.wires.items()}
    effect = Effect({one: identity_form.read(hexed(wire)) for one, wire in made.wires.items()})
    standing = standing_of(held.values())
    for data in (made.lists, made.chance.sample(made.lists, len(made.lists) // 2)):
        lists = {cut_list_hash(one): parse_cut_list(one) for one in data}
        read = [identity_form.cut_list(one) for one in data]
        for delegation in held:
            cuts = cuts_of(held, standing, delegation)
            for space, topic in SCOPES:
                for log in LOGS:
                    asked = {
                        "delegation": delegation.hex(),
                        "space": space,
                        "topic": topic,
                        "log": log.hex(),
                    }
                    found = effective_cut(cuts, lists, (space, topic), LogId(log))
                    shown = found and {
                        "event": found.event and found.event.hex(),
                        "heads": [[seq, head.hex()] for seq, head in found.heads],
                    }
                    assert cut_choice.chosen(effect, read, asked) == shown
