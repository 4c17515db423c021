"""Digests, coverage, the forms of results, and the calls that stores make. Spec: 12.20, 12.21."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hutong_protocol import harness
from hutong_protocol.encoding import decode, encode
from hutong_protocol.fold import (
    FoldRecord,
    IncrementalFold,
    ThingKey,
    decode_basis,
    encode_basis,
    reduce_thing,
    state_json,
    thing_digest,
    thing_of,
)
from hutong_protocol.hashing import digest
from hutong_protocol.instants import instant_text
from protocol.fold.scenes import LATER, NOON, SPACE, TOPIC, Scene, at, exact, line, org, pack


def scene_with_everything() -> tuple[Scene, bytes]:
    """A need with promises in two dimensions, a closed line and something on its way."""
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")), line("b", {"bound": "unknown"}))
    promise = scene.commit("COOP", need, exact(4, "t"))
    scene.decide("SWA", need, promise, "accept", exact(4, "t"), by="COOP")
    scene.goods("COOP", "dispatch", need, exact("1.5", "t"), of=promise)
    boxes = scene.commit("FOUND", need, exact(3, "xiang"))
    scene.decide("SWA", need, boxes, "accept", exact(3, "xiang"), by="FOUND")
    scene.close("SWA", need, "out_of_scope", lines=["b"])
    return scene, need


def test_the_digest_of_a_thing_is_of_exactly_these_bytes() -> None:
    scene, need = scene_with_everything()
    settled: list[Any] = [
        1, SPACE, TOPIC, need, "need/1", at(NOON), org("SWA"), "active", None, "part", "none",
        [
            ["a", False, "kg", "10000", "4000", "1500", "0", "6000", [["xiang", "3", "0", "0"]]],
            ["b", True, None, None, "0", "0", "0", None, []],
        ],
    ]  # fmt: skip
    expected = digest("fold-thing", encode(settled))
    assert thing_digest(scene.thing(need)) == expected
    scope = scene.state().scopes[0]
    assert scope.fold_digest == digest(
        "fold", encode([1, SPACE, TOPIC, at(NOON), [[need, expected]]])
    )


def test_the_claims_digest_is_of_exactly_these_bytes() -> None:
    scene, need = scene_with_everything()
    lines: list[Any] = [
        ["a", "4000", "0", "0", 0, "0", "6000", "0", [["xiang", "3", "0", "0", "0"]]],
        ["b", "0", "0", "0", 0, None, None, "0", []],
    ]
    claims: list[Any] = [1, SPACE, TOPIC, at(NOON), [[need, lines, "unchecked", []]]]
    assert scene.state().scopes[0].claims_digest == digest("claims", encode(claims))


def test_another_instant_or_number_is_another_digest() -> None:
    scene, need = scene_with_everything()
    digests = {thing_digest(scene.thing(need, as_of)) for as_of in (NOON, LATER)}
    scene.revise("SWA", need, line("a", exact("10.000001", "t")), line("b", {"bound": "unknown"}))
    digests.add(thing_digest(scene.thing(need)))
    assert len(digests) == 3


def test_a_change_of_words_changes_no_digest() -> None:
    """H10: the text part is erased, quantities and commitments stay."""
    scene, need = scene_with_everything()
    before = scene.state().scopes
    scene.change(need, text=b"anything")
    assert scene.state().scopes == before


def test_equal_records_show_equal_numbers_coverage_and_digest_everywhere() -> None:
    """A19: the open bulletin of two nodes."""
    scene, _ = scene_with_everything()
    here = IncrementalFold()
    for record in reversed(scene.records):
        here.add([record])
    assert state_json(here.state(at(NOON))) == state_json(scene.state())


def test_coverage_counts_what_a_view_rests_on() -> None:
    scene, need = scene_with_everything()
    scene.goods("ELSE", "receipt", need, exact(1, "t"))
    scene.say("ELSE", "post", {}, thing=need)
    promise = scene.commit("SETTER", need, exact(1, "t"), provider=org("FAR"), basis="phone")
    scene.erase(promise)
    coverage = scene.state().coverage
    assert dict(coverage.standing) == {"effective": 8, "unauthorised": 1, "not_interpreted": 1}
    assert dict(coverage.types) == {"post/1": 1}
    assert (coverage.records, coverage.facts_erased, coverage.organisations) == (10, 1, 5)
    assert coverage.not_held == ()


def test_two_incidents_and_two_scopes_never_mix() -> None:
    """A20."""
    scene, need = scene_with_everything()
    other = Scene(topic="hea")
    elsewhere = other.need("SWA", line("a", exact(1, "t")))
    both = Scene([*scene.records, *other.records])
    assert [scope.topic for scope in both.state().scopes] == ["fsc", "hea"]
    assert elsewhere == need  # the same running number: told apart by the scope alone
    assert [view.lines[0].numbers.accepted > 0 for view in both.state().things] == [True, False]


def test_a_basis_of_another_version_is_made_again() -> None:
    scene, _ = scene_with_everything()
    data = encode_basis(reduce_thing(scene.records))
    value = decode(data, bytes_max=len(data))
    assert isinstance(value, list)
    value[1] = 2
    assert decode_basis(encode(value)) is None
    assert decode_basis(data) is not None


def test_reducing_several_things_at_once_is_the_callers_mistake() -> None:
    scene = Scene()
    scene.need("SWA", line("a", exact(1, "t")))
    scene.need("SWA", line("a", exact(1, "t")))
    with pytest.raises(ValueError, match="2 things"):
        reduce_thing(scene.records)
    with pytest.raises(ValueError, match="0 things"):
        reduce_thing([])


def test_the_thing_of_a_record_needs_no_other_record() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(1, "t")))
    scene.commit("COOP", need, exact(1, "t"))
    alone = scene.say("SWA", "post", {})
    scene.change(need, refs=(org("something else"),))
    keys = [thing_of(record) for record in scene.records]
    assert keys == [ThingKey(SPACE, TOPIC, thing) for thing in (need, need, alone)]


def asked(record: FoldRecord) -> dict[str, Any]:
    """A record as a request of the harness has it."""
    return {
        "id": record.id.hex(),
        "org": record.org.hex(),
        "clock": record.clock,
        "space": record.space,
        "topic": record.topic,
        "type": record.type,
        "refs": [ref.hex() for ref in record.refs],
        "facts": None if record.facts is None else record.facts.hex(),
        "state": record.facts_state.value,
    }


def test_the_harness_folds_what_it_is_given() -> None:
    scene, need = scene_with_everything()
    scene.erase(scene.records[-1].id)
    request = {
        "op": "fold",
        "as_of": instant_text(at(NOON)),
        "records": [asked(record) for record in scene.records],
    }
    reply = harness.answer(json.loads(json.dumps(request)))
    assert reply == {"ok": state_json(scene.state())}
    assert json.loads(json.dumps(reply))["ok"]["things"][0]["id"] == need.hex()


def test_the_harness_says_what_is_wrong_with_a_request() -> None:
    wrong: list[dict[str, Any]] = [
        {"op": "fold", "as_of": "yesterday", "records": []},
        {"op": "fold", "as_of": NOON, "records": [1]},
        {"op": "fold", "as_of": NOON, "records": [{"state": "lost"}]},
        {"op": "facts.readable", "type": "need/2", "refs": [], "facts": None},
        {"op": "quantity.read", "quantity": "80", "line_pack": "80"},
    ]
    for request in wrong:
        assert "error" in harness.answer(request)


def test_the_harness_reads_facts_quantities_and_times() -> None:
    boxes = encode(exact(3, "xiang")).hex()
    packed = encode(pack("xiang", "0.5", "t")["pack"]).hex()
    assert harness.answer({"op": "quantity.read", "quantity": boxes, "line_pack": packed}) == {
        "ok": {"dimension": "kg", "amount": "1500", "ceiling": None}
    }
    assert harness.answer({"op": "quantity.read", "quantity": "c0"}) == {"ok": None}
    assert harness.answer({"op": "time.instant", "text": NOON}) == {"ok": at(NOON)}
    assert harness.answer({"op": "time.instant", "text": "noon"}) == {"ok": None}
    for facts, expected in ((None, True), ("80", True), ("c0", False)):
        request: dict[str, Any] = {"op": "facts.readable", "type": "post/1", "refs": []}
        assert harness.answer({**request, "facts": facts}) == {"ok": expected}
