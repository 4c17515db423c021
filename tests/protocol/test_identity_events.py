"""Form of identity events: what `parse_event` takes, and the name of the fault of each breach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hutong_protocol import identity_authoring as authoring
from hutong_protocol import signatures
from hutong_protocol.curve import SMALL_ORDER_ENCODINGS
from hutong_protocol.cuts import encode_manifest
from hutong_protocol.encoding import Encodable, Value, encode
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.hashing import digest
from hutong_protocol.identity_events import parse_body, parse_event
from hutong_protocol.identity_fields import LOW_ORDER_X25519
from hutong_protocol.ids import OrgId, WriterKey
from hutong_protocol.limits import IDENTITY_EVENT_BYTES_MAX
from protocol.identity_actors import fields_of, signer
from protocol.identity_samples import (
    AID,
    EVENTS,
    FRIEND,
    GONE,
    HASHES,
    ID,
    OPTIONAL,
    Change,
    changed,
    fault_of,
)


@pytest.mark.parametrize("type_name", EVENTS)
def test_every_type_of_event_is_read_back_as_it_was_written(type_name: str) -> None:
    event = EVENTS[type_name]
    assert event.type == type_name
    assert event.known
    assert parse_event(event.to_value()) == event
    assert parse_body(event.body) == event.statement
    assert event.id == digest("event", event.body)


@pytest.mark.parametrize(
    ("type_name", "field"),
    [
        (name, field)
        for name, event in EVENTS.items()
        for field in fields_of(event)
        if field not in OPTIONAL.get(name, set())
    ],
)
def test_a_field_that_must_be_there_is_missed(type_name: str, field: str) -> None:
    wire = changed(type_name, **{field: GONE})
    if field == "manifest":
        wire[2] = None
    # Without its type or its organisation an event can't be told from a newer inception.
    wanted = Fault.BAD_EVENT
    if field in ("org", "type", "v", "ts"):
        assert fault_of(wire) in (wanted, Fault.UPGRADE_NEEDED)
    else:
        assert fault_of(wire) == wanted


@pytest.mark.parametrize(
    ("type_name", "field"),
    [(name, field) for name, fields in OPTIONAL.items() for field in sorted(fields)],
)
def test_a_field_that_may_be_missing_may(type_name: str, field: str) -> None:
    event = parse_event(changed(type_name, **{field: GONE}))
    assert event.known
    assert event.type == type_name


def test_an_inception_is_its_own_organisation() -> None:
    """Hard case 47 rests on it: no later event has a part in the id."""
    assert AID.event.org == OrgId(AID.event.id) == digest("event", AID.event.body)
    assert AID.event.prev == ()
    assert AID.event.context == frozenset()


BAD_SHAPES: dict[str, tuple[str, Change]] = {
    "v is a bool": ("delegate", {"v": True}),
    "v is negative": ("delegate", {"v": -1}),
    "type is a bin": ("delegate", {"type": b"delegate"}),
    "ts is negative": ("delegate", {"ts": -1}),
    "ts is a str": ("delegate", {"ts": "now"}),
    "org is short": ("delegate", {"org": AID.org[:-1]}),
    "prev is empty": ("delegate", {"prev": []}),
    "prev has five": ("delegate", {"prev": HASHES[:5]}),
    "prev is unsorted": ("delegate", {"prev": HASHES[1::-1]}),
    "prev has one twice": ("delegate", {"prev": HASHES[:1] * 2}),
    "prev is a bin": ("delegate", {"prev": ID}),
    "epoch is nil": ("delegate", {"epoch": None}),
    "control is empty": ("incept", {"control": [], "threshold": 0}),
    "control has six keys": ("incept", {"control": HASHES[:6]}),
    "control is unsorted": ("incept", {"control": HASHES[1::-1]}),
    "threshold is zero": ("incept", {"threshold": 0}),
    "threshold is above the keys": ("incept", {"threshold": 2}),
    "next has another key": ("incept", {"next": {"keys": HASHES[:1], "threshold": 1, "x": 1}}),
    "next has no threshold": ("incept", {"next": {"keys": HASHES[:1]}}),
    "next has six digests": ("incept", {"next": {"keys": HASHES[:6], "threshold": 1}}),
    "next threshold above": ("incept", {"next": {"keys": HASHES[:1], "threshold": 2}}),
    "recovery is a list": ("incept", {"recovery": HASHES[:1]}),
    "nonce of 15 bytes": ("incept", {"nonce": bytes(15)}),
    "pos is zero": ("rotate", {"pos": 0}),
    "auth is unknown": ("rotate", {"auth": "all"}),
    "rotate by recovery alone": ("rotate", {"auth": "recovery"}),
    "rotate of recovery keys by control": ("rotate", {"auth": "control"}),
    "recover by control": ("recover", {"auth": "control"}),
    "close by recovery alone": ("close", {"auth": "recovery"}),
    "affirm of none": ("affirm", {"ids": []}),
    "affirm of 65": ("affirm", {"ids": sorted(digest("event", bytes([n])) for n in range(65))}),
    "rotate affirms none": ("rotate", {"affirm": []}),
    "successor is nil": ("close", {"successor": None}),
    "label is empty": ("delegate", {"label": ""}),
    "label of 65 bytes": ("delegate", {"label": "x" * 65}),
    "label of 22 Chinese characters": ("delegate", {"label": "库" * 22}),
    "home_org is short": ("delegate", {"home_org": bytes(31)}),
    "pop of 63 bytes": ("delegate", {"pop": bytes(63)}),
    "writer of 33 bytes": ("delegate", {"writer": bytes(33)}),
    "reason has a capital": ("revoke", {"reason": "Lost"}),
    "reason is empty": ("revoke", {"reason": ""}),
    "reason of 33": ("revoke", {"reason": "a" * 33}),
    "reason ends in a line break": ("revoke", {"reason": "lost\n"}),
    "number is zero": ("sealkey", {"number": 0}),
    "until is negative": ("sealkey", {"until": -1}),
    "seal key of 31 bytes": ("sealkey", {"key": bytes(31)}),
    "subject is short": ("endorse", {"subject": bytes(31)}),
    "spaces are a word": ("endorse", {"spaces": "**"}),
    "spaces are empty": ("endorse", {"spaces": []}),
    "33 spaces": ("endorse", {"spaces": HASHES}),
    "a space by name": ("endorse", {"spaces": ["xian-2021"]}),
    "topics are empty": ("endorse", {"topics": []}),
    "33 topics": ("endorse", {"topics": [f"t{number:02}" for number in range(33)]}),
    "topics are unsorted": ("endorse", {"topics": ["fsc", "base"]}),
    "a topic twice": ("endorse", {"topics": ["fsc", "fsc"]}),
    "a topic with a capital": ("endorse", {"topics": ["Fsc"]}),
    "a topic of 65": ("endorse", {"topics": ["x" * 65]}),
    "everything inside a list": ("endorse", {"topics": ["*"]}),
    "endorsement is short": ("unendorse", {"endorsement": bytes(31)}),
}


@pytest.mark.parametrize("name", BAD_SHAPES)
def test_a_field_of_another_shape_is_refused(name: str) -> None:
    type_name, changes = BAD_SHAPES[name]
    assert fault_of(changed(type_name, **changes)) == Fault.BAD_EVENT


def rights(**changes: Any) -> dict[str, Any]:
    full = {"spaces": "*", "topics": "*", "write": True, "session": True, "erase": False}
    merged = {**full, **changes}
    return {name: value for name, value in merged.items() if value is not GONE}


@pytest.mark.parametrize(
    "wrong",
    [
        rights(admin=True),
        rights(erase=GONE),
        rights(write=1),
        rights(spaces=[]),
        rights(spaces=[b"short"]),
        rights(topics=None),
        rights(topics="fsc"),
        [],
    ],
)
def test_rights_have_exactly_their_five_fields(wrong: Encodable) -> None:
    assert fault_of(changed("delegate", rights=wrong)) == Fault.BAD_EVENT


@pytest.mark.parametrize("type_name", ["incept", "rotate", "recover"])
def test_no_key_is_both_control_and_recovery(type_name: str) -> None:
    key = AID.following[0].key
    wire = changed(type_name, control=[key], recovery={"keys": [key], "threshold": 1})
    assert fault_of(wire) == Fault.BAD_EVENT


def test_thirty_two_spaces_and_topics_fit() -> None:
    event = parse_event(
        changed("endorse", spaces=HASHES[:32], topics=[f"t{number:02}" for number in range(32)])
    )
    assert event.known


# Outer form


BAD_OUTSIDES: dict[str, Callable[[list[Any]], Any]] = {
    "no array": lambda wire: {"body": wire[0]},
    "nil": lambda _: None,
    "two elements": lambda wire: wire[:2],
    "four elements": lambda wire: [*wire, None],
    "body is a str": lambda wire: ["body", *wire[1:]],
    "body is no map": lambda wire: [encode([1]), *wire[1:]],
    "signatures are nil": lambda wire: [wire[0], None, None],
    "no signature": lambda wire: [wire[0], [], None],
    "signature of 63 bytes": lambda wire: [wire[0], [[wire[1][0][0], bytes(63)]], None],
    "key of 31 bytes": lambda wire: [wire[0], [[bytes(31), bytes(64)]], None],
    "three in a pair": lambda wire: [wire[0], [[*wire[1][0], 1]], None],
    "a pair that is a bin": lambda wire: [wire[0], [b"pair"], None],
    "a key that is a str": lambda wire: [wire[0], [["k" * 32, bytes(64)]], None],
    "eleven signatures": lambda wire: [
        wire[0],
        [[bytes([number]) * 32, bytes(64)] for number in range(11)],
        None,
    ],
    "unsorted signatures": lambda wire: [
        wire[0],
        [[bytes([2]) * 32, bytes(64)], [bytes([1]) * 32, bytes(64)]],
        None,
    ],
    "an attachment that nothing names": lambda wire: [*wire[:2], b""],
}


@pytest.mark.parametrize("name", BAD_OUTSIDES)
def test_an_event_of_another_outer_form_is_refused(name: str) -> None:
    assert fault_of(BAD_OUTSIDES[name](EVENTS["endorse"].to_value())) == Fault.BAD_EVENT


def test_two_signatures_of_one_key_are_no_event() -> None:
    """Hard case 42: equal or different, they would be counted twice by who counts signatures."""
    [body, [[key, signature]], attachment] = EVENTS["endorse"].to_value()  # type: ignore[misc, str-unpack]
    for second in (signature, bytes(64)):
        wire = [body, sorted([[key, signature], [key, second]]), attachment]
        assert fault_of(wire) == Fault.BAD_EVENT


@pytest.mark.parametrize("excess", [0, 1])
def test_a_body_has_at_most_4096_bytes(excess: int) -> None:
    base = len(changed("endorse", note="")[0]) + 2  # a str of so many bytes needs two bytes more
    wire = changed("endorse", note="x" * (IDENTITY_EVENT_BYTES_MAX - base + excess))
    assert len(wire[0]) == IDENTITY_EVENT_BYTES_MAX + excess
    if excess:
        assert fault_of(wire) == Fault.TOO_LARGE
    else:
        assert not parse_event(wire).known


def test_a_body_that_is_not_canonical_is_refused_before_its_form() -> None:
    event = EVENTS["endorse"]
    assert fault_of([event.body + b"\0", *event.to_value()[1:]]) == Fault.NOT_CANONICAL
    assert fault_of([b"\x91" * 17 + b"\x90", [], None]) == Fault.TOO_DEEP


# Manifests


def test_a_manifest_is_the_one_that_the_body_names() -> None:
    wire = EVENTS["revoke"].to_value()
    assert fault_of([*wire[:2], encode_manifest([ID])]) == Fault.BAD_CUT
    assert fault_of([*wire[:2], None]) == Fault.BAD_EVENT
    assert fault_of([*wire[:2], bytes(31)]) == Fault.BAD_CUT
    assert fault_of([*wire[:2], bytes(65_568)]) == Fault.TOO_LARGE
    assert fault_of([*wire[:2], b"".join(HASHES[1::-1])]) == Fault.BAD_CUT


# Keys


Y_TWO = (2).to_bytes(32, "little")
"""No point of the curve has y = 2."""


@pytest.mark.parametrize("key", [*sorted(SMALL_ORDER_ENCODINGS), Y_TWO])
def test_a_weak_writer_key_is_refused_where_it_is_delegated(key: bytes) -> None:
    """Hard cases 18 and 19, threat 29: at the delegation, not at the first record."""
    assert fault_of(changed("delegate", writer=key)) == Fault.BAD_KEY


@pytest.mark.parametrize("type_name", ["incept", "rotate", "recover"])
def test_a_weak_control_or_recovery_key_is_refused_where_it_comes_in(type_name: str) -> None:
    """Threat 29."""
    assert fault_of(changed(type_name, control=[Y_TWO])) == Fault.BAD_KEY
    recovery = {"keys": [Y_TWO], "threshold": 1}
    assert fault_of(changed(type_name, recovery=recovery)) == Fault.BAD_KEY


@pytest.mark.parametrize("top_bit", [0, 1 << 255])
@pytest.mark.parametrize("number", sorted(LOW_ORDER_X25519))
def test_a_low_order_seal_key_is_refused(number: int, top_bit: int) -> None:
    """Hard case 57."""
    key = (number | top_bit).to_bytes(32, "little")
    assert fault_of(changed("sealkey", key=key)) == Fault.BAD_KEY


def ladder(scalar: int, u: int) -> int:
    """[scalar] of the point with this u, as a u; 0 for the neutral point. RFC 7748."""
    p = 2**255 - 19
    x2, z2, x3, z3 = 1, 0, u, 1
    for bit in bin(scalar)[2:]:
        if bit == "1":
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb = d * a % p, c * b % p
        x3, z3 = (da + cb) ** 2 % p, u * (da - cb) ** 2 % p
        aa, bb = a * a % p, b * b % p
        x2, z2 = aa * bb % p, (aa - bb) * (aa + 121665 * (aa - bb)) % p
        if bit == "1":
            x2, z2, x3, z3 = x3, z3, x2, z2
    return x2 * pow(z2, -1, p) % p if z2 else 0


def test_the_low_order_points_are_those_that_eight_times_give_nothing() -> None:
    p = 2**255 - 19
    assert all(ladder(8, number % p) == 0 for number in LOW_ORDER_X25519)
    assert ladder(8, 9) != 0
    assert len({number % p for number in LOW_ORDER_X25519}) == 5


# Possession


def test_a_delegation_needs_a_proof_that_somebody_holds_the_key() -> None:
    writer, other = signer("node"), signer("other")
    message = signatures.possession_message(AID.org, WriterKey(writer.key))
    wrong = {
        "another key": other.sign(message),
        "another organisation": authoring.prove_possession(FRIEND, writer),
        "another writer": authoring.prove_possession(AID.org, other),
        "another context": writer.sign(message.replace(b"sign-possession", b"sign-hello")),
        "nobody": bytes(64),
    }
    for proof in wrong.values():
        assert fault_of(changed("delegate", pop=proof)) == Fault.BAD_POSSESSION


# Nothing else ever comes out


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.binary(max_size=70) | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def never_raises_anything_else(value: object) -> None:
    try:
        event = parse_event(value)
    except ProtocolFault:
        return
    assert event.to_value() == value


@given(VALUES)
def test_no_value_raises_anything_but_a_fault(value: object) -> None:
    never_raises_anything_else(value)


@given(
    type_name=st.sampled_from(sorted(EVENTS)),
    field=st.data(),
    value=VALUES.filter(lambda value: not isinstance(value, float)),
)
def test_no_field_of_a_body_raises_anything_but_a_fault(
    type_name: str, field: st.DataObject, value: Value
) -> None:
    name = field.draw(st.sampled_from(sorted(fields_of(EVENTS[type_name]))) | st.text(max_size=5))
    try:
        wire = changed(type_name, **{name: value})
    except LocalProtocolError:
        assume(False)
    never_raises_anything_else(wire)


@given(place=st.integers(0, 2), value=VALUES, type_name=st.sampled_from(sorted(EVENTS)))
def test_no_element_of_an_event_raises_anything_but_a_fault(
    place: int, value: object, type_name: str
) -> None:
    wire: list[object] = [*EVENTS[type_name].to_value()]
    wire[place] = value
    never_raises_anything_else(wire)


@given(body=st.binary(max_size=80))
def test_no_bytes_of_a_body_raise_anything_but_a_fault(body: bytes) -> None:
    never_raises_anything_else([body, *EVENTS["endorse"].to_value()[1:]])


def test_two_organisations_with_equal_keys_differ_by_their_nonce() -> None:
    first = fields_of(AID.event)
    second = authoring.sign_body(encode({**first, "nonce": bytes(16)}), AID.control)
    assert second.org != AID.org
