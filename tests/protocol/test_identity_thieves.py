"""What keys in the wrong hands can do, and what ends it: the table of 4.12, a test a row.

Every event here passes admission, so the thief has indeed what he needs. Threat 23; hard cases 25,
39, 40, 41.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

from hutong_protocol import identity_authoring as authoring
from hutong_protocol.encoding import Encodable, encode
from hutong_protocol.faults import Fault
from hutong_protocol.identity import FROZEN_BY_UNKNOWN, IdentityState, evaluate
from hutong_protocol.identity_authoring import ChainPlace, EpochPlace, KeySigner
from hutong_protocol.identity_events import Event
from hutong_protocol.ids import WriterKey
from hutong_protocol.limits import EPOCH_EVENTS_MAX
from protocol.identity_actors import (
    ALL,
    TS,
    Actor,
    actor,
    commitment,
    held,
    keys_of,
    refusal_of,
    signer,
)

AID = actor()


@dataclass(frozen=True)
class Line:
    """Where somebody stands in the key chain, and the keys that he has for going on."""

    owner: Actor
    end: Event
    pos: int
    control: tuple[KeySigner, ...]
    following: tuple[KeySigner, ...]
    recovery: tuple[KeySigner, ...]

    def change(
        self,
        auth: str,
        *seals: Event,
        name: str = "owner",
        kind: Any = None,
        recovery: tuple[KeySigner, ...] | None = None,
        affirmed: tuple[Event, ...] = (),
    ) -> Line:
        """The next key change; `name` is behind the keys that come after it."""
        control = (signer(f"{name} saved {self.pos}"),) if auth == "recovery" else self.following
        following = f"{name} next {self.pos}"
        if kind is None:
            kind = authoring.recover if auth == "recovery" else authoring.rotate
        end = kind(
            ChainPlace(self.owner.org, self.end.id, self.pos + 1, self.heads(*seals)),
            auth=auth,
            control=keys_of(control),
            next_keys=commitment(following),
            recovery=None if recovery is None else keys_of(recovery),
            affirmed=[event.id for event in affirmed],
            ts_ms=TS,
            signers={
                "control": control,
                "recovery": self.recovery,
                "both": (*control, *self.recovery),
            }[auth],
        )
        return Line(
            self.owner,
            end,
            self.pos + 1,
            control,
            (signer(following),),
            self.recovery if recovery is None else recovery,
        )

    def close(self, *seals: Event) -> Line:
        place = ChainPlace(self.owner.org, self.end.id, self.pos + 1, self.heads(*seals))
        end = authoring.close(place, auth="control", ts_ms=TS, signers=self.control)
        return Line(self.owner, end, self.pos + 1, self.control, self.following, self.recovery)

    def heads(self, *events: Event) -> Any:
        return tuple(sorted(event.id for event in events)) or (self.end.id,)

    def place(self, *after: Event) -> EpochPlace:
        return EpochPlace(self.owner.org, self.end.id, self.heads(*after))

    def delegate(self, label: str, *after: Event) -> Event:
        writer = signer(label)
        return authoring.delegate(
            self.place(*after),
            writer=WriterKey(writer.key),
            possession=authoring.prove_possession(self.owner.org, writer),
            rights=ALL,
            label=label,
            ts_ms=TS,
            signers=self.control,
        )

    def revoke(self, delegation: Event, *after: Event) -> Event:
        return authoring.revoke(
            self.place(*after),
            delegation=delegation.id,
            cut_lists=(),
            ts_ms=TS,
            signers=self.control,
        )

    def unknown(self, number: int = 0, *, chain: bool = False) -> Event:
        """Something of a later version, by the control keys."""
        body: dict[str, Encodable] = {
            "v": 2,
            "type": "anything",
            "ts": TS + number,
            "org": self.owner.org,
            "chain" if chain else "epoch": self.end.id,
            "prev": [self.end.id],
        }
        return authoring.sign_body(encode(body), self.control)


START = Line(AID, AID.event, 0, AID.control, AID.following, AID.recovery)
NODE = START.delegate("node")
BEGUN = (AID.event, NODE)


def state(*events: Event) -> IdentityState:
    """The state of these events, all of them held."""
    [found] = evaluate(events, applies_cuts=True).values()
    assert found.events == len({event.id for event in events})
    return found


def ends(*lines: Line) -> tuple[Event, ...]:
    return tuple(line.end for line in lines)


def governs(line: Line, *events: Event) -> bool:
    """Whether the line is in force to its end, undisputed."""
    found = state(*events)
    return found.chain[-1] == line.end.id and not found.contenders


def disputed(*events: Event) -> bool:
    return bool(state(*events).contenders)


# Control keys in force


def test_stolen_control_keys_delegate_and_revoke_until_the_owner_rotates() -> None:
    writer, cut = START.delegate("thief"), START.revoke(NODE)
    found = state(*BEGUN, writer, cut)
    assert found.in_force(writer.id) is not None
    assert found.in_force(NODE.id) is None
    found = state(*BEGUN, writer, cut, START.change("control", NODE).end)
    assert found.delegations.keys() == {NODE.id}
    assert found.revoked == frozenset()
    assert found.alarms == (cut.id,)


def test_stolen_control_keys_cannot_rotate_or_recover() -> None:
    """Hard case 41."""
    known = held(*BEGUN)
    own = Line(AID, AID.event, 0, AID.control, AID.control, AID.control)
    assert refusal_of(known, own.change("control").end) is Fault.NEXT_KEY_MISMATCH
    assert refusal_of(known, own.change("recovery").end) is Fault.BAD_SIGNATURE
    assert refusal_of(known, own.change("both").end) is Fault.NEXT_KEY_MISMATCH


def test_stolen_control_keys_close_and_even_dispute_until_the_owner_rotates_beside_it() -> None:
    one, two = START.close(), START.close(NODE)
    rotation = START.change("control", NODE)
    assert state(*BEGUN, one.end).delegations == {}
    assert disputed(*BEGUN, one.end, two.end)
    found = state(*BEGUN, one.end, two.end, rotation.end)
    assert governs(rotation, *BEGUN, one.end, two.end, rotation.end)
    assert found.delegations.keys() == {NODE.id}
    assert found.closed is None


def test_stolen_control_keys_freeze_by_what_they_invent_until_the_owner_rotates() -> None:
    strange = START.unknown()
    assert state(*BEGUN, strange).frozen == FROZEN_BY_UNKNOWN
    assert state(*BEGUN, strange, START.change("control", NODE).end).frozen is None
    crowd = [START.unknown(number) for number in range(EPOCH_EVENTS_MAX)]
    assert state(*BEGUN, *crowd).frozen is not None
    assert state(*BEGUN, *crowd, START.change("control", NODE).end).frozen is None


def test_an_invented_chain_event_ends_with_all_keys_of_the_owner_only() -> None:
    strange = START.unknown(chain=True)
    rotation = START.change("control", NODE)
    assert state(*BEGUN, strange, rotation.end).frozen == FROZEN_BY_UNKNOWN
    recovery = rotation.change("recovery")
    assert state(*BEGUN, strange, *ends(rotation, recovery)).frozen == FROZEN_BY_UNKNOWN
    confirmed = rotation.change("both")
    found = state(*BEGUN, strange, *ends(rotation, confirmed))
    assert found.frozen is None
    assert found.delegations.keys() == {NODE.id}
    later = recovery.change("both")
    lasting = state(*BEGUN, strange, *ends(rotation, recovery, later))
    assert lasting.frozen == FROZEN_BY_UNKNOWN  # behind a recovery nothing else counts


# Control keys of an earlier epoch


def test_control_keys_of_an_earlier_epoch_do_nothing_there_but_raise_false_alarms() -> None:
    """Hard case 25."""
    rotation = START.change("control", NODE)
    writer, cut, strange = START.delegate("thief"), START.revoke(NODE), START.unknown()
    found = state(*BEGUN, rotation.end, writer, cut, strange)
    assert found.delegations.keys() == {NODE.id}
    assert found.in_force(NODE.id) is not None
    assert found.alarms == (cut.id,)
    assert found.frozen is None


def test_control_keys_of_an_earlier_epoch_dispute_until_recovery_keys_follow() -> None:
    """The owner keeps all that was built since: he recovers at the end of his own line."""
    first = START.change("control", NODE)
    second = first.change("control")
    desk = second.delegate("desk")
    thief = Line(AID, AID.event, 0, (), first.control, ()).change("control", name="thief")
    events = (*BEGUN, *ends(first, second), desk, thief.end)
    assert disputed(*events)
    assert state(*events).delegations == {}
    for auth in ("recovery", "both"):
        answer = second.change(auth, desk)
        assert governs(answer, *events, answer.end)
        assert state(*events, answer.end).delegations.keys() == {NODE.id, desk.id}


def test_control_keys_of_before_a_confirmed_rotation_dispute_nothing() -> None:
    first = START.change("control", NODE)
    second = first.change("both")
    thief = START.change("control", NODE, name="thief")
    assert governs(second, *BEGUN, *ends(first, second, thief))


def test_the_thief_cannot_stand_behind_his_own_rotation() -> None:
    """Whatever he adds by control keys, the recovery keys of the owner come first."""
    first = START.change("control", NODE)
    answer = first.change("recovery")
    thief = START.change("control", name="thief")
    more = [thief]
    for number in range(5):
        more.append(more[-1].change("control", name=f"thief {number}"))
    assert governs(answer, *BEGUN, *ends(first, answer, *more, more[-1].close()))


# Next keys


def test_next_keys_govern_until_the_owner_recovers() -> None:
    thief = START.change("control", name="thief")
    writer = thief.delegate("thief")
    events = (*BEGUN, thief.end, writer)
    assert governs(thief, *events)
    answer = START.change("recovery", NODE)
    assert governs(answer, *events, answer.end)
    assert state(*events, answer.end).delegations.keys() == {NODE.id}


def test_next_keys_dispute_a_rotation_until_recovery_keys_follow_it() -> None:
    rotation = START.change("control", NODE)
    thief = START.change("control", name="thief")
    events = (*BEGUN, *ends(rotation, thief))
    assert disputed(*events)
    for answer in (rotation.change("recovery"), rotation.change("both")):
        assert governs(answer, *events, answer.end)


def test_any_number_of_rivals_ends_like_one() -> None:
    rotation = START.change("control", NODE)
    crowd = ends(*(START.change("control", name=f"thief {number}") for number in range(100)))
    events = (*BEGUN, rotation.end, *crowd)
    assert disputed(*events)
    assert state(*events).frozen is None
    answer = rotation.change("recovery")
    assert governs(answer, *events, answer.end)


# Recovery keys


def test_a_recovery_sheet_governs_until_the_owner_uses_all_his_keys() -> None:
    rotation = START.change("control", NODE)
    second = rotation.change("control")
    for thief in (START.change("recovery", name="thief"), rotation.change("recovery", name="x")):
        events = (*BEGUN, *ends(rotation, second, thief))
        assert governs(thief, *events)
        deeper = thief.change("both", name="thief")
        answer = second.change("both", recovery=(signer("new sheet"),))
        assert governs(answer, *events, deeper.end, answer.end)
        assert state(*events, deeper.end, answer.end).delegations.keys() == {NODE.id}


def test_a_recovery_sheet_that_all_keys_replaced_does_nothing() -> None:
    """It comes to light years later: before, beside and after its replacement."""
    rotation = START.change("control", NODE)
    replaced = rotation.change("both", recovery=(signer("new sheet"),))
    last = replaced.change("control")
    events = (*BEGUN, *ends(rotation, replaced, last))
    for place in (START, rotation):
        thief = place.change("recovery", name="thief")
        deeper = thief.change("both", name="thief")
        assert governs(last, *events, *ends(thief, deeper))
    late = Line(AID, replaced.end, 2, (), (), AID.recovery).change("recovery", name="thief")
    assert refusal_of(held(*events), late.end) is Fault.BAD_SIGNATURE


def test_a_recovery_sheet_that_was_used_alone_disputes_for_ever() -> None:
    """Replaced or not: so it is destroyed, and both sets are used where there are both."""
    rotation = START.change("control", NODE)
    used = rotation.change("recovery", recovery=(signer("new sheet"),))
    confirmed = used.change("both")
    events = (*BEGUN, *ends(rotation, used, confirmed))
    for place in (START, rotation):
        thief = place.change("recovery", name="thief")
        assert disputed(*events, thief.end)
        deeper = thief.change("both", name="thief")
        assert disputed(*events, *ends(thief, deeper))


def test_a_recovery_sheet_does_not_govern_where_recovery_came_later() -> None:
    """Without what stands behind a rotation the finder would win all, not only dispute."""
    rotation = START.change("control", NODE)
    used = rotation.change("recovery", recovery=(signer("new sheet"),))
    thief = START.change("recovery", name="thief")
    assert not governs(thief, *BEGUN, *ends(rotation, used, thief))


# Everything


def test_next_keys_and_recovery_keys_together_govern_or_dispute_for_ever() -> None:
    thief = START.change("both", name="thief", recovery=(signer("thief sheet"),))
    rotation = START.change("control", NODE)
    assert governs(thief, *BEGUN, *ends(thief, rotation))
    answer = rotation.change("both")
    assert disputed(*BEGUN, *ends(thief, rotation, answer))
    again = answer.change("both")
    assert disputed(*BEGUN, *ends(thief, rotation, answer, again))


def test_a_thief_with_control_and_recovery_keys_lacks_the_next_keys() -> None:
    thief = START.change("recovery", name="thief")
    ending = START.close()
    answer = START.change("both", NODE)
    events = (*BEGUN, *ends(thief, ending), START.delegate("thief"), answer.end)
    assert governs(answer, *events)
    assert state(*events).delegations.keys() == {NODE.id}


def test_affirming_takes_the_keys_in_force() -> None:
    """A thief whose line lost restores nothing by it, whatever it names."""
    writer = START.delegate("thief")
    thief = START.change("control", name="thief", affirmed=(writer,))
    said = authoring.affirm(thief.place(), ids=[writer.id], ts_ms=TS, signers=thief.control)
    answer = START.change("recovery", NODE)
    found = state(*BEGUN, writer, thief.end, said, answer.end)
    assert found.delegations.keys() == {NODE.id}


def test_theft_and_answer_have_one_state_in_every_order() -> None:
    """Threat 23: the node that hears the thief first is no other in the end."""
    rotation = START.change("control", NODE)
    thief = START.change("recovery", name="thief")
    answer = rotation.change("both")
    cut = START.revoke(NODE, NODE)
    events = [*BEGUN, rotation.end, thief.end, answer.end, cut]
    first = state(*events)
    assert first.alarms == (cut.id,)
    for order in permutations(events):
        assert state(*order) == first
