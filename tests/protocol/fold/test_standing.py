"""What a record is to the fold, and who has a say, by type and relation. Spec: 12.9, 12.12.

The rows of the table are tried with every relation that an author can have to a thing (Threat 16).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hutong_protocol.fold import NOT_INTERPRETED, PartState, Standing
from hutong_protocol.schema import RECORD_TYPES
from protocol.fold.scenes import Scene, body, exact, line, org

RELATIONS = (
    "steward", "provider", "proxy_author", "carrier", "receiver", "named", "funder", "stranger",
)  # fmt: skip
PROVIDER, PROXY_AUTHOR = "provider", "proxy_author"


def stage() -> tuple[Scene, bytes, bytes]:
    """A need with one accepted proxy promise; every relation has an organisation of its name."""
    scene = Scene()
    need = scene.need("steward", line("a", exact(9, "t")), receivers=[org("receiver")])
    promise = scene.commit(PROXY_AUTHOR, need, exact(9, "t"), provider=org(PROVIDER), basis="phone")
    scene.decide(
        "steward",
        need,
        promise,
        "accept",
        exact(9, "t"),
        by=PROXY_AUTHOR,
        provider=org(PROVIDER),
        carrier=org("carrier"),
        funder=org("funder"),
        receipt_by=[org("named")],
    )
    return scene, need, promise


SAYINGS: dict[str, tuple[Callable[[Scene, str, bytes, bytes], bytes], set[str]]] = {
    "revise": (lambda s, who, need, _: s.revise(who, need, line("a", exact(1, "t"))), {"steward"}),
    "close": (lambda s, who, need, _: s.close(who, need, "duplicate"), {"steward"}),
    "reopen": (
        lambda s, who, need, _: s.say(who, "reopen", {}, thing=need, link=need),
        {"steward"},
    ),
    "reconfirm": (
        lambda s, who, need, _: s.say(
            who, "reconfirm", {"valid_until": "2022-05-01T00:00:00Z"}, thing=need, link=need
        ),
        {"steward"},
    ),
    "withdraw the promise": (
        lambda s, who, need, promise: s.close(who, need, "withdrawn", target=promise),
        {PROVIDER, PROXY_AUTHOR},
    ),
    "verify": (
        lambda s, who, need, _: s.check(who, need, "confirmed", "exists", of={}),
        set(RELATIONS),
    ),
    "commitment": (lambda s, who, need, _: s.commit(who, need, exact(1, "t")), set(RELATIONS)),
    "decision": (
        lambda s, who, need, promise: s.decide(who, need, promise, "release", by=PROXY_AUTHOR),
        {"steward"},
    ),
    "dispatch": (
        lambda s, who, need, promise: s.goods(who, "dispatch", need, exact(1, "t"), of=promise),
        {PROVIDER, PROXY_AUTHOR, "carrier"},
    ),
    "delivered": (
        lambda s, who, need, promise: s.goods(who, "delivered", need, exact(1, "t"), of=promise),
        {PROVIDER, PROXY_AUTHOR, "carrier"},
    ),
    "loss": (
        lambda s, who, need, promise: s.goods(who, "loss", need, exact(1, "t"), of=promise),
        {PROVIDER, PROXY_AUTHOR, "carrier", "steward", "receiver", "named"},
    ),
    "receipt": (
        lambda s, who, need, promise: s.goods(who, "receipt", need, exact(1, "t"), of=promise),
        {"steward", "receiver", "named"},
    ),
    "receipt without promise": (
        lambda s, who, need, _: s.goods(who, "receipt", need, exact(1, "t")),
        {"steward", "receiver"},
    ),
}


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("saying", SAYINGS)
def test_only_those_with_a_say_have_an_effect(saying: str, relation: str) -> None:
    """Threat 16: a valid signature gives no authority; what has none changes nothing settled."""
    scene, need, promise = stage()
    before = scene.state().scopes[0].fold_digest
    say, allowed = SAYINGS[saying]
    record = say(scene, relation, need, promise)
    if relation in allowed:
        assert scene.standing(record) is Standing.EFFECTIVE
    else:
        assert scene.standing(record) is Standing.UNAUTHORISED
        assert scene.state().scopes[0].fold_digest == before
        assert "unauthorised" in scene.flags(need)


def test_a_government_that_closes_the_need_of_another_changes_nothing() -> None:
    """A15."""
    scene, need, _ = stage()
    close = scene.close("GOV", need, "done_by_others")
    assert scene.standing(close) is Standing.UNAUTHORISED
    assert scene.axes(need)[0] == "active"


ORG_FACTS = {"kind": "ngo"}


@pytest.mark.parametrize("type_name", ["org", "incident", "offer"])
def test_only_its_author_revises_and_closes_any_other_thing(type_name: str) -> None:
    scene = Scene(topic="fsc" if type_name == "offer" else "base")
    facts: dict[str, Any] = {
        "org": ORG_FACTS,
        "incident": {"start": "2021-12-22T00:00:00Z"},
        "offer": {k: v for k, v in body(line("a", exact(1, "t"))).items() if k != "urgency"},
    }[type_name]
    thing = scene.say("SWA", type_name, facts)
    revised = {"of": f"{type_name}/1", "body": facts}
    mine = scene.say("SWA", "revise", revised, thing=thing, link=thing)
    theirs = scene.say("ELSE", "revise", revised, thing=thing, link=thing)
    closed = scene.close("ELSE", thing, "duplicate")
    assert [scene.standing(r) for r in (mine, theirs, closed)] == [
        Standing.EFFECTIVE,
        Standing.UNAUTHORISED,
        Standing.UNAUTHORISED,
    ]


def test_a_revision_must_be_of_the_type_of_its_thing() -> None:
    scene, need, _ = stage()
    facts = {"of": "org/1", "body": ORG_FACTS}
    record = scene.say("steward", "revise", facts, thing=need, link=need)
    assert scene.standing(record) is Standing.UNAUTHORISED


def test_promises_about_an_offer_have_nobody_to_decide() -> None:
    scene = Scene()
    facts = {k: v for k, v in body(line("a", exact(1, "t"))).items() if k != "urgency"}
    offer = scene.say("SWA", "offer", facts)
    record = scene.commit("COOP", offer, exact(1, "t"))
    assert scene.standing(record) is Standing.UNAUTHORISED


def test_what_comes_before_its_need_is_pending_and_applies_when_it_comes() -> None:
    """Hard case 38."""
    scene, need, promise = stage()
    early = Scene([r for r in scene.records if r.id != need])
    assert early.standing(promise) is Standing.PENDING
    assert early.state().things == ()
    assert early.state().coverage.standing == (("pending", 2),)
    assert scene.standing(promise) is Standing.EFFECTIVE


def test_closing_what_nobody_promised_is_pending() -> None:
    scene, need, _ = stage()
    record = scene.close("COOP", need, "withdrawn", target=org("nothing"))
    assert scene.standing(record) is Standing.PENDING


def test_types_of_later_versions_are_kept_and_counted() -> None:
    """Threat 67, hard case 74: they disturb nothing."""
    scene, need, _ = stage()
    before = scene.state()
    scene.strict = False
    scene.say("SWA", "trade", {"anything": [None, True]}, thing=need)
    scene.change(scene.records[-1].id, type="need/2")
    scene.say("SWA", "trade", None)
    after = scene.state()
    assert after.scopes == before.scopes
    assert dict(after.coverage.types) == {"need/2": 1, "trade/1": 1}
    assert dict(after.coverage.standing)["unknown"] == 2


def test_record_with_an_unknown_critical_key_is_kept_and_not_acted_on() -> None:
    """Hard case 14: a revision leaves the numbers as they are, a need is nobody's thing."""
    scene, need, promise = stage()
    before = scene.state()
    revision = scene.revise("SWA", need, line("a", exact(99, "t")))
    scene.change(revision, critical=True)
    assert scene.standing(revision) is Standing.UNKNOWN
    assert scene.state().scopes == before.scopes
    scene.change(need, critical=True)
    assert scene.standing(need) is Standing.UNKNOWN
    assert scene.standing(promise) is Standing.PENDING


INTERPRETED_LATER: dict[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
    "request": ({"line": "a", "quantity": exact(1, "t")}, {}),
    "allocation": ({"outcome": "wait", "line": "a", "to": org("COOP")}, {}),
    "relay": (
        {
            "home": {"space": "xian-2021", "topic": "fsc"},
            "subject": org("need"),
            "of": "need/1",
            "card": {
                "lines": [line("a", exact(1, "t"))],
                "valid_until": "2022-01-08T12:00:00+08:00",
            },
        },
        {"thing": None},
    ),
    "handoff": ({"to": org("COOP")}, {"link": org("link")}),
    "handoff_accept": (None, {"target": org("handoff")}),
    "handoff_withdraw": ({}, {"link": org("link"), "target": org("handoff")}),
    "link": ({"relation": "same"}, {"target": org("other")}),
    "post": ({"kind": "question"}, {}),
    "flag": ({"reason": "stale"}, {}),
}


def test_all_types_without_behaviour_yet_are_in_the_list() -> None:
    assert {f"{name}/1" for name in INTERPRETED_LATER} == NOT_INTERPRETED
    assert set(RECORD_TYPES) > NOT_INTERPRETED


@pytest.mark.parametrize("type_name", INTERPRETED_LATER)
def test_types_without_behaviour_yet_change_nothing(type_name: str) -> None:
    scene, need, _ = stage()
    before = scene.state()
    facts, refs = INTERPRETED_LATER[type_name]
    record = scene.say("steward", type_name, facts, **{"thing": need, **refs})
    assert scene.standing(record) is Standing.NOT_INTERPRETED
    after = scene.state()
    assert after.scopes == before.scopes
    assert dict(after.coverage.types) == {f"{type_name}/1": 1}


@pytest.mark.parametrize(("type_name", "topic"), [("need", "base"), ("org", "fsc")])
def test_things_in_the_wrong_topic_are_misplaced(type_name: str, topic: str) -> None:
    scene = Scene(topic=topic)
    facts = body(line("a", exact(1, "t"))) if type_name == "need" else ORG_FACTS
    record = scene.say("SWA", type_name, facts)
    assert scene.standing(record) is Standing.MISPLACED
    assert scene.state().things == ()


def test_records_of_another_scope_are_about_nothing_here() -> None:
    scene, need, _ = stage()
    elsewhere = scene.say("steward", "reopen", {}, topic="hea", thing=need, link=need)
    assert scene.standing(elsewhere) is Standing.PENDING
    assert len(scene.state().things) == 1


def test_an_unreadable_revision_has_no_effect_not_even_through_its_refs() -> None:
    scene, need, _ = stage()
    good = scene.revise("steward", need, line("a", exact(8, "t")))
    scene.strict = False
    facts = {"of": "need/1", "body": body(line("a", exact(7, "t")), urgency=True)}
    bad = scene.say("steward", "revise", facts, thing=need, link=need, replaces=[good])
    assert scene.standing(bad) is Standing.UNREADABLE
    assert scene.numbers(need)["required"] == "8000"
    assert dict(scene.state().coverage.standing)["unreadable"] == 1


def test_fields_of_a_later_version_are_ignored_and_the_record_counts() -> None:
    """Threat 67, hard case 13."""
    scene, need, promise = stage()
    scene.strict = False
    more = {"novelty": {"x": [None, -1]}, "quantity": {**exact(2, "t"), "shade": "red"}}
    facts = {"line": "a", **more}
    scene.say("steward", "receipt", facts, thing=need, target=promise)
    assert scene.numbers(need)["received"] == "2000"


def test_a_record_without_a_required_ref_is_unreadable_in_every_state() -> None:
    scene, need, _ = stage()
    scene.strict = False
    record = scene.say("steward", "revise", {"of": "org/1", "body": ORG_FACTS}, thing=need)
    assert scene.standing(record) is Standing.UNREADABLE
    scene.erase(record)
    assert scene.standing(record) is Standing.UNREADABLE
    assert scene.state().coverage.facts_erased == 1


def test_missing_and_erased_facts_are_counted_apart() -> None:
    scene, _, promise = stage()
    scene.erase(promise, PartState.MISSING)
    assert (scene.state().coverage.facts_erased, scene.state().coverage.facts_missing) == (0, 1)
