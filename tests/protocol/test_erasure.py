"""The erased set is a pure function of the set of erase records and targets, in any order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.erasure import Erase, EraseTarget, LogOwner, effective_mask, erased_masks
from hutong_protocol.ids import OrgId, PublicKey, RecordId, WriterKey
from protocol.record_samples import bytes_of

RECORDS = [RecordId(bytes_of(f"record {number}")) for number in range(4)]


def owner(org: str = "org", space: str = "s", topic: str = "t", writer: str = "w") -> LogOwner:
    key = WriterKey(PublicKey(bytes_of(writer)))
    return LogOwner(OrgId(bytes_of(org)), space, topic, key)


def target(record: RecordId = RECORDS[0], parts: int = 2, **where: str) -> EraseTarget:
    return EraseTarget(record, owner(**where), parts)


def erase(mask: int = 3, *, right: bool = False, **where: str) -> Erase:
    return Erase(owner(**where), right, ((RECORDS[0], mask),))


owners = st.builds(
    owner,
    org=st.sampled_from("ab"),
    space=st.sampled_from("st"),
    topic=st.sampled_from("st"),
    writer=st.sampled_from("vw"),
)
erases = st.builds(
    Erase,
    owners,
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(RECORDS), st.integers(1, 15)), max_size=4).map(tuple),
)
targets = st.lists(
    st.builds(EraseTarget, st.sampled_from(RECORDS), owners, st.integers(0, 4)),
    unique_by=lambda each: each.record,
)


@given(st.lists(erases, max_size=8), targets, st.data())
def test_any_order_and_repetition_erase_the_same(
    found: list[Erase], held: list[EraseTarget], data: st.DataObject
) -> None:
    """Hard case 48: whichever of an erase and its target comes first."""
    expected = erased_masks(found, held)
    again = data.draw(st.permutations([*found, *found[:3]]))
    assert erased_masks(again, data.draw(st.permutations(held))) == expected
    for each in held:
        mask = 0
        for one in again:
            mask |= effective_mask(one, each)
        assert expected.get(each.record, 0) == mask
        assert mask < 1 << each.parts
    assert all(expected.values())
    assert expected.keys() <= {each.record for each in held}


@given(st.lists(erases, max_size=6), erases, targets)
def test_one_more_erase_only_adds(found: list[Erase], more: Erase, held: list[EraseTarget]) -> None:
    """And taking it away, when it is cut, gives back exactly what it alone erased."""
    before, after = erased_masks(found, held), erased_masks([*found, more], held)
    for each in held:
        added = effective_mask(more, each)
        assert after.get(each.record, 0) == before.get(each.record, 0) | added


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (erase(), 3),
        (erase(writer="other"), 0),
        (erase(writer="other", right=True), 3),
        (erase(org="other", right=True), 0),
        (erase(space="other", right=True), 0),
        (erase(topic="other", right=True), 0),
        (erase(12), 0),
        (erase(15), 3),
        (Erase(owner(), False, ()), 0),
        (Erase(owner(), False, ((RECORDS[1], 3),)), 0),
        (Erase(owner(), False, ((RECORDS[0], 1), (RECORDS[0], 2))), 3),
    ],
)
def test_an_erase_reaches_only_what_its_writer_may_erase(one: Erase, expected: int) -> None:
    """Hard case 52."""
    assert effective_mask(one, target()) == expected
    assert erased_masks([one], [target()]) == ({RECORDS[0]: expected} if expected else {})


def test_an_erase_record_has_nothing_to_erase() -> None:
    """Hard case 54."""
    assert effective_mask(erase(15), target(parts=0)) == 0
