"""What has effect of an organisation's events: rank, disputes, sealing, restoring, in every order.

Each scenario is judged over all permutations of its events, since conflicts are settled by
authority and never by arrival. Spec: 4.6, 4.7. Hard cases 39, 40, 47; threat 23.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol import identity_authoring as authoring
from hutong_protocol.encoding import Encodable, encode
from hutong_protocol.faults import LocalProtocolError
from hutong_protocol.identity_authoring import ChainPlace, EpochPlace, KeySigner
from hutong_protocol.identity_events import Event
from hutong_protocol.identity_standing import Standing, standing_of
from hutong_protocol.ids import EventId
from protocol.identity_actors import TS, Actor, actor, rotated, signer

AID = actor()
NODE = AID.delegate("node")
OTHER = AID.delegate("other")
THIRD = signer("third")


def standing(*events: Event) -> Standing:
    """The one standing that every order of these events comes to."""
    found = standing_of(events)
    assert all(standing_of(order) == found for order in orders(events))
    return found


def orders(events: Sequence[Event]) -> list[Sequence[Event]]:
    """All permutations of up to six events, otherwise 720 random ones."""
    if len(events) <= 6:
        return list(permutations(events))
    chance = random.Random(len(events))
    return [chance.sample(events, len(events)) for _ in range(720)]


def revoke(delegation: Event, *after: Event) -> Event:
    return authoring.revoke(
        AID.after(*(after or (AID.event,))),
        delegation=delegation.id,
        cut_lists=(),
        ts_ms=TS,
        signers=AID.control,
    )


def after(chain: Event, *events: Event) -> EpochPlace:
    heads = tuple(sorted(event.id for event in events)) or (chain.id,)
    return EpochPlace(AID.org, chain.id, heads)


def affirm(chain: Event, *ids: Event, signers: Sequence[KeySigner]) -> Event:
    return authoring.affirm(
        after(chain), ids=[event.id for event in ids], ts_ms=TS, signers=signers
    )


def names(standing: Standing) -> list[EventId]:
    return [event.id for event in standing.chain]


def recovered(place: ChainPlace, *, control: str = "third", owner: Actor = AID) -> Event:
    return rotated(
        owner,
        place,
        auth="recovery",
        kind=authoring.recover,
        control=(signer(control),),
        signers=owner.recovery,
        following=f"after {control}",
    )


def both(place: ChainPlace, following: str = "third") -> Event:
    return rotated(
        AID, place, auth="both", signers=(*AID.following, *AID.recovery), following=following
    )


def closed(place: ChainPlace) -> Event:
    return authoring.close(place, auth="control", successor=None, ts_ms=TS, signers=AID.control)


def test_without_a_key_change_everything_has_effect() -> None:
    found = standing(AID.event, NODE, OTHER, revoke(NODE, OTHER))
    assert names(found) == [AID.event.id]
    assert len(found.sealed) == 3
    assert not found.void | found.waiting | found.restored


def test_a_rotation_seals_what_it_follows_and_voids_the_rest() -> None:
    late = AID.delegate("late", NODE)
    found = standing(AID.event, NODE, OTHER, late, rotated(AID, AID.end(NODE)))
    assert found.sealed == {NODE.id}
    assert found.void == {OTHER.id, late.id}


def test_rank_decides_between_events_at_one_place() -> None:
    """Hard case 40: recovery beats rotation, both together beat recovery, closing comes last."""
    place = AID.end()
    ranked = [closed(place), rotated(AID, place), recovered(place), both(place)]
    for count in range(1, 5):
        found = standing(AID.event, *ranked[:count])
        assert names(found) == [AID.event.id, ranked[count - 1].id]
        assert found.contenders == ()


def test_two_of_one_rank_are_disputed_until_a_higher_one_comes() -> None:
    """Hard case 39: nobody wins by being first."""
    place = AID.end()
    two = [rotated(AID, place, following=name) for name in ("one", "two")]
    found = standing(AID.event, *two)
    assert names(found) == [AID.event.id]
    assert set(found.contenders) == {event.id for event in two}
    settled = recovered(place)
    found = standing(AID.event, *two, settled)
    assert names(found) == [AID.event.id, settled.id]
    assert found.contenders == ()


def test_in_a_dispute_what_gives_waits_for_all_and_what_takes_holds_at_once() -> None:
    lost = AID.delegate("lost")
    taken = revoke(NODE, NODE)
    one = rotated(AID, AID.end(taken, OTHER), following="one")
    two = rotated(AID, AID.end(NODE, OTHER), following="two")
    found = standing(AID.event, NODE, OTHER, lost, taken, one, two)
    assert found.sealed == {NODE.id, OTHER.id, taken.id}
    assert found.waiting == {lost.id}


def test_what_follows_a_contender_waits_and_has_effect_once_it_wins() -> None:
    place = AID.end()
    one, two = (rotated(AID, place, following=name) for name in ("one", "two"))
    work = authoring.affirm(after(one), ids=[NODE.id], ts_ms=TS, signers=AID.following)
    found = standing(AID.event, NODE, one, two, work)
    assert found.waiting == {NODE.id, work.id}
    found = standing(AID.event, NODE, one, work)
    assert found.sealed == {work.id}
    assert found.restored == {NODE.id}


def test_what_follows_a_loser_is_void() -> None:
    rotation = rotated(AID, AID.end())
    work = authoring.affirm(after(rotation), ids=[NODE.id], ts_ms=TS, signers=AID.following)
    found = standing(AID.event, NODE, rotation, work, recovered(AID.end()))
    assert found.void == {NODE.id, work.id}


def test_an_affirm_restores_delegations_and_nothing_else() -> None:
    rotation = rotated(AID, AID.end())
    taken = revoke(OTHER, OTHER)
    said = affirm(rotation, NODE, taken, signers=AID.following)
    found = standing(AID.event, NODE, OTHER, taken, rotation, said)
    assert found.restored == {NODE.id}
    assert found.void == {OTHER.id, taken.id}
    assert found.effective == {NODE.id, said.id}


def test_an_affirm_within_the_key_change_restores_too() -> None:
    rotation = authoring.rotate(
        AID.end(),
        auth="control",
        control=authoring.key_set([key.key for key in AID.following], 1),
        next_keys=authoring.commit_to([THIRD.key], 1),
        affirmed=[NODE.id],
        ts_ms=TS,
        signers=AID.following,
    )
    assert standing(AID.event, NODE, OTHER, rotation).restored == {NODE.id}


def test_a_chain_goes_on_over_many_positions() -> None:
    events, keys, end = [AID.event], AID.following, AID.event
    for pos in range(1, 6):
        end = rotated(
            AID,
            ChainPlace(AID.org, end.id, pos, (end.id,)),
            control=keys,
            following=f"key {pos}",
        )
        keys = (signer(f"key {pos}"),)
        events.append(end)
    assert names(standing(*events)) == [event.id for event in events]


def race() -> list[Event]:
    """Concurrent delegations, a revoke beside its delegation, and a race of three key changes."""
    taken = revoke(NODE)
    late = AID.delegate("late", NODE, OTHER)
    rotation = rotated(AID, AID.end(NODE, OTHER))
    rival = rotated(AID, AID.end(NODE, taken), following="rival")
    recovery = recovered(AID.end(taken, OTHER))
    return [NODE, OTHER, taken, late, rotation, rival, recovery]


@given(st.permutations(race()), st.integers(0, 7))
def test_every_part_of_a_race_has_one_standing_in_every_order(
    order: list[Event], count: int
) -> None:
    some = order[:count]
    names_held = {event.id for event in some} | {AID.event.id}
    held = [event for event in some if names_held.issuperset(event.prev)]
    while any(not {one.id for one in held} | {AID.event.id} >= set(event.prev) for event in held):
        kept = {one.id for one in held} | {AID.event.id}
        held = [event for event in held if kept.issuperset(event.prev)]
    forwards = standing_of([AID.event, *held])
    assert forwards == standing_of([*reversed(held), AID.event])
    parts = (forwards.sealed, forwards.restored, forwards.waiting, forwards.void)
    epoch = {event.id for event in held if not event.is_chain_event}
    assert frozenset().union(*parts) == epoch
    assert sum(map(len, parts)) == len(epoch)


def test_the_recovery_of_the_race_wins_and_its_revoke_holds() -> None:
    """Threat 23: the thief rotates and delegates, the owner recovers and revokes."""
    events = race()
    found = standing(AID.event, *events)
    recovery = events[-1]
    assert names(found) == [AID.event.id, recovery.id]
    assert found.sealed == {OTHER.id, events[2].id}


def test_events_without_exactly_one_inception_have_no_standing() -> None:
    for events in ([], [NODE], [AID.event, actor("other").event]):
        with pytest.raises(LocalProtocolError):
            standing_of(events)


def test_what_gives_waits_where_more_than_64_contend_and_what_takes_holds() -> None:
    """Whoever has a key can make any number of rivals."""
    taken = revoke(NODE, NODE)
    rivals = [rotated(AID, AID.end(taken), following=f"rival {number}") for number in range(65)]
    events = [AID.event, NODE, taken]
    assert standing_of([*events, *rivals[:64]]).sealed == {NODE.id, taken.id}
    found = standing_of([*events, *rivals])
    assert found.sealed == {taken.id}
    assert found.waiting == {NODE.id}
    settled = recovered(AID.end(NODE))
    assert standing_of([*events, *rivals, settled]).last == settled


def strange(place: EpochPlace) -> Event:
    """An epoch event of a later version."""
    return AID.signed({"type": "vouch", "prev": list(place.prev)})


def chain_event(place: ChainPlace) -> Event:
    """A chain event of a later version."""
    body: dict[str, Encodable] = {
        "v": 1,
        "type": "migrate",
        "ts": TS,
        "org": AID.org,
        "chain": place.chain,
        "prev": list(place.prev),
    }
    return authoring.sign_body(encode(body), AID.control)


def test_an_unknown_epoch_event_matters_unless_it_is_void() -> None:
    event = strange(AID.after(AID.event))
    rotation = rotated(AID, AID.end(NODE))
    assert standing(AID.event, event).unknown == {event.id}
    assert standing(AID.event, NODE, event, rotation).unknown == frozenset()
    said = affirm(rotation, event, signers=AID.following)
    found = standing(AID.event, NODE, event, rotation, said)
    assert found.unknown == found.restored == {event.id}


def test_an_unknown_chain_event_matters_unless_all_keys_pass_over_it() -> None:
    """Threat 23: the way out when a thief of control keys invents something."""
    event = chain_event(AID.end())
    rotation = rotated(AID, AID.end())
    for beside in (rotation, recovered(AID.end()), closed(AID.end())):
        found = standing(AID.event, event, beside)
        assert names(found) == [AID.event.id, beside.id]
        assert found.unknown == {event.id}
    assert standing(AID.event, event, both(AID.end())).unknown == frozenset()
    confirmed = second("both", ChainPlace(AID.org, rotation.id, 2, (rotation.id,)))
    assert standing(AID.event, event, rotation, confirmed).unknown == frozenset()


def all_types() -> list[Event]:
    """One event of each type at least, around two rivals and a recovery that settles them."""
    taken = revoke(NODE, NODE)
    vouched = AID.endorse("friend", NODE)
    gone = AID.unendorse(vouched, vouched)
    sealing = AID.seal_key(1, bytes([9]) * 32, OTHER)
    settled = authoring.resolve(
        AID.after(OTHER), delegation=OTHER.id, cut_lists=(), ts_ms=TS, signers=AID.control
    )
    rotation = rotated(AID, AID.end(gone, sealing))
    rival = rotated(AID, AID.end(taken, settled), following="rival")
    saved = recovered(AID.end(taken, gone))
    said = affirm(saved, OTHER, signers=[signer("third")])
    ending = authoring.close(
        ChainPlace(AID.org, saved.id, 2, (said.id,)),
        auth="control",
        ts_ms=TS,
        signers=[signer("third")],
    )
    lost = affirm(rotation, NODE, signers=AID.following)
    first = [NODE, OTHER, taken, vouched, gone, sealing, settled, strange(AID.after(NODE))]
    return [*first, rotation, rival, saved, said, ending, lost]


ALL_TYPES = all_types()


@given(st.permutations(ALL_TYPES), st.integers(6, len(ALL_TYPES)))
def test_every_type_of_event_has_one_standing_in_every_order(
    order: list[Event], count: int
) -> None:
    """Threat 23: six to fourteen of them, as far as each has what it names."""
    some = {event.id: event for event in order[:count]}
    while lost := [one for one in some.values() if not one.context <= {*some, AID.org}]:
        for event in lost:
            del some[event.id]
    forwards = standing_of([AID.event, *some.values()])
    assert forwards == standing_of([*reversed(some.values()), AID.event])
    parts = (forwards.sealed, forwards.restored, forwards.waiting, forwards.void)
    epoch = {event.id for event in some.values() if not event.is_chain_event}
    assert sorted(one for part in parts for one in part) == sorted(epoch)


def test_every_six_events_around_a_key_change_have_one_standing() -> None:
    """Hard cases 39, 40: all 720 orders of each six."""
    for start in range(4):
        some = {event.id: event for event in ALL_TYPES[start::2]}
        while lost := [one for one in some.values() if not one.context <= {*some, AID.org}]:
            for event in lost:
                del some[event.id]
        standing(AID.event, *some.values())


def second(kind: str, place: ChainPlace) -> Event:
    """The event at the second position: keys that were committed to, perhaps with recovery keys."""
    third, new = (signer("third"),), (signer("new recovery"),)
    if kind == "both":
        return rotated(
            *(AID, place),
            auth="both",
            control=third,
            signers=(*third, *AID.recovery),
            recovery=new,
            following="fourth",
        )
    return rotated(AID, place, control=third, following="fourth")


def test_recovery_keys_that_were_replaced_undo_nothing_before_their_replacement() -> None:
    """The sheet in a drawer is the recovery key of the first position for good."""
    first = rotated(AID, AID.end())
    place = ChainPlace(AID.org, first.id, 2, (first.id,))
    found_later = recovered(AID.end(), control="thief")
    replaced = second("both", place)
    found = standing(AID.event, first, replaced, found_later)
    assert names(found) == [AID.event.id, first.id, replaced.id]
    # As long as nobody replaced them they are the recovery keys, and recovery comes first.
    found = standing(AID.event, first, second("control", place), found_later)
    assert names(found) == [AID.event.id, found_later.id]


def test_a_recovered_line_gets_no_backing_from_what_it_says_itself() -> None:
    """Whoever has only the sheet has all keys of the line behind it, but not of the one before."""
    thief = recovered(AID.end(), control="thief")
    place = ChainPlace(AID.org, thief.id, 2, (thief.id,))
    keys = (signer("after thief"),)
    deeper = rotated(
        AID, place, auth="both", control=keys, signers=(*keys, *AID.recovery), following="x"
    )
    honest = both(AID.end())
    assert names(standing(AID.event, thief, deeper, honest)) == [AID.event.id, honest.id]


def test_closing_outranks_nothing_whoever_signs_it() -> None:
    """The keys that sign a close are those in force, which a thief of the desk has."""
    ending = authoring.close(
        AID.end(),
        auth="both",
        successor=None,
        ts_ms=TS,
        signers=(*AID.control, *AID.recovery),
    )
    rotation = rotated(AID, AID.end())
    assert names(standing(AID.event, ending, rotation)) == [AID.event.id, rotation.id]
