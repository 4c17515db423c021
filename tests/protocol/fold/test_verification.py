"""Checks bound to what was checked. Spec: 12.18."""

from __future__ import annotations

from typing import Any

from protocol.fold.scenes import Scene, body, exact, line, org


def checked() -> tuple[Scene, bytes, dict[str, Any]]:
    """A need of 200 households, confirmed in place and quantity by CHECK."""
    facts = body(line("a", exact(200, "hh")))
    scene = Scene()
    need = scene.say("SWA", "need", facts)
    scene.check("CHECK", need, "confirmed", "place", "quantity", "urgency", of=facts)
    return scene, need, facts


def test_raising_the_quantity_makes_its_check_outdated_and_leaves_the_place_fresh() -> None:
    """H4, and the second half of A5: not confirmed, not lost."""
    scene, need, _ = checked()
    assert scene.thing(need).thing.verification == "confirmed"
    scene.revise("SWA", need, line("a", exact(260, "hh")))
    view = scene.thing(need)
    assert view.thing.verification == "outdated"
    assert {check.group: check.fresh for check in view.checks} == {
        "place": True,
        "quantity": False,
        "urgency": True,
    }


def test_revising_back_to_what_was_checked_makes_it_fresh_again() -> None:
    scene, need, _ = checked()
    raised = scene.revise("SWA", need, line("a", exact(260, "hh")))
    assert scene.thing(need).thing.verification == "outdated"
    scene.revise("SWA", need, line("a", exact(200, "hh")), replaces=[raised])
    assert scene.thing(need).thing.verification == "confirmed"


def test_one_confirms_and_another_refutes() -> None:
    """H5: disputed, both shown; the fold never chooses."""
    scene, need, facts = checked()
    scene.check("OTHER", need, "refuted", "quantity", of=facts)
    view = scene.thing(need)
    assert view.thing.verification == "disputed"
    assert {(check.by, check.outcome) for check in view.checks if check.group == "quantity"} == {
        (org("CHECK"), "confirmed"),
        (org("OTHER"), "refuted"),
    }


def test_only_the_latest_word_of_each_checker_counts() -> None:
    scene, need, facts = checked()
    scene.check("OTHER", need, "refuted", "quantity", of=facts)
    scene.check("OTHER", need, "confirmed", "quantity", of=facts)
    assert scene.thing(need).thing.verification == "confirmed"


def test_a_replaced_check_counts_nowhere_not_even_in_its_other_groups() -> None:
    scene, need, facts = checked()
    wrong = scene.check("OTHER", need, "refuted", "place", of=facts)
    again = {"outcome": "follow_up", "method": "desk", "checked": {"exists": True}}
    scene.say("OTHER", "verify", again, thing=need, revision=need, replaces=[wrong])
    assert scene.thing(need).thing.verification == "follow_up"


def test_nobody_takes_back_the_check_of_another() -> None:
    """Threat 16."""
    scene, need, facts = checked()
    refuted = scene.check("OTHER", need, "refuted", "place", of=facts)
    again = {"outcome": "confirmed", "method": "desk", "checked": {"exists": True}}
    scene.say("SWA", "verify", again, thing=need, revision=need, replaces=[refuted])
    assert scene.thing(need).thing.verification == "disputed"


def test_a_desk_checking_its_own_need_is_no_third_party() -> None:
    facts = body(line("a", exact(5, "hh")), on_behalf_of=org("CLIENT"))
    scene = Scene()
    need = scene.say("SWA", "need", facts)
    for name in ("SWA", "CLIENT", "ELSE"):
        scene.check(name, need, "confirmed", "exists", of=facts)
    found = {check.by: check.third_party for check in scene.thing(need).checks}
    assert found == {org("SWA"): False, org("CLIENT"): False, org("ELSE"): True}


def test_a_check_of_one_line_is_bound_to_that_line() -> None:
    facts = body(line("a", exact(5, "hh")), line("b", exact(7, "ge")))
    scene = Scene()
    need = scene.say("SWA", "need", facts)
    scene.check("CHECK", need, "confirmed", "quantity", of=facts, line="a")
    scene.revise("SWA", need, line("a", exact(5, "hh")), line("b", exact(8, "ge")))
    assert scene.thing(need).thing.verification == "confirmed"
    scene.revise("SWA", need, line("b", exact(8, "ge")))
    assert scene.thing(need).thing.verification == "outdated"


def test_checks_change_no_number_axis_or_fold_digest() -> None:
    scene, need, _ = checked()
    without = Scene(scene.records[:1])
    assert scene.numbers(need) == without.numbers(need)
    here, there = scene.state().scopes[0], without.state().scopes[0]
    assert here.fold_digest == there.fold_digest
    assert here.claims_digest != there.claims_digest


def test_a_check_without_its_facts_checks_nothing() -> None:
    scene, need, _ = checked()
    scene.erase(scene.records[1].id)
    assert scene.thing(need).thing.verification == "unchecked"
