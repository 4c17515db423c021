"""Revisions, lines, closing, expiry and the axes that follow. Spec: 12.13, 12.14, 12.17."""

from __future__ import annotations

import pytest

from hutong_protocol.fold import PartState, Standing
from protocol.fold.scenes import LATER, NOON, Scene, exact, line, org


def test_an_expired_need_takes_a_late_receipt_and_comes_back_by_reconfirming() -> None:
    """H9, A17: the receipt counts whenever it arrives, the same id lives again."""
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")), valid_until="2022-01-04T12:00:00+08:00")
    assert scene.axes(need, "2022-01-04T11:59:59.999+08:00")[0] == "active"
    assert scene.axes(need, "2022-01-04T04:00:00Z")[0] == "expired"
    scene.goods("SWA", "receipt", need, exact(4, "t"))
    assert scene.axes(need, LATER) == ("expired", "part", "part")
    scene.say("SWA", "reconfirm", {"valid_until": "2022-02-01T00:00:00Z"}, thing=need, link=need)
    assert scene.axes(need, LATER) == ("active", "part", "part")


def test_a_mistaken_date_can_be_corrected_to_an_earlier_one() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")))
    for date in ("2032-02-01T00:00:00Z", "2022-01-05T00:00:00Z"):
        scene.say("SWA", "reconfirm", {"valid_until": date}, thing=need, link=need)
    assert scene.axes(need, LATER)[0] == "expired"
    scene.revise("SWA", need, line("a", exact(9, "t")), valid_until="2022-03-01T00:00:00Z")
    assert scene.axes(need, LATER)[0] == "active"


def test_a_reconfirmation_that_was_replaced_says_nothing() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")))
    facts = {"valid_until": "2022-02-01T00:00:00Z"}
    wrong = scene.say("SWA", "reconfirm", facts, clock=9, thing=need, link=need)
    facts = {"valid_until": "2022-01-05T00:00:00Z"}
    scene.say("SWA", "reconfirm", facts, clock=3, thing=need, link=need, replaces=[wrong])
    assert scene.axes(need, LATER)[0] == "expired"


def test_a_revision_states_the_whole_and_a_line_left_out_has_target_zero() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")), line("b", exact(5, "ge")))
    scene.revise("SWA", need, line("a", exact(12, "t")))
    assert scene.numbers(need)["required"] == "12000"
    left_out = scene.thing(need).lines[1]
    assert (left_out.basis.in_body, left_out.numbers.required, left_out.basis.kind) == (
        False, 0, "goods",
    )  # fmt: skip


def test_concurrent_revisions_leave_the_greater_and_a_flag() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")))
    scene.revise("SWA", need, line("a", exact(11, "t")), clock=6)
    scene.revise("SWA", need, line("a", exact(12, "t")), clock=5)
    assert scene.numbers(need)["required"] == "11000"
    assert scene.flags(need) == ["concurrent"]


def test_a_revision_that_replaces_another_wins_though_its_clock_is_lower() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")))
    first = scene.revise("SWA", need, line("a", exact(11, "t")), clock=6)
    scene.revise("SWA", need, line("a", exact(12, "t")), clock=5, replaces=[first])
    assert scene.numbers(need)["required"] == "12000"
    assert scene.flags(need) == []


def test_a_revision_below_what_was_accepted_says_by_how_much() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")))
    promise = scene.commit("COOP", need, exact(10, "t"))
    scene.decide("SWA", need, promise, "accept", exact(10, "t"), by="COOP")
    scene.revise("SWA", need, line("a", exact(6, "t")))
    assert scene.flags(need) == ["required_below_accepted:4000"]


def test_closing_a_line_with_promises_on_it_says_what_is_owed() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")), line("b", exact(5, "ge")))
    promise = scene.commit("COOP", need, exact(10, "t"))
    scene.decide("SWA", need, promise, "accept", exact(10, "t"), by="COOP")
    scene.goods("SWA", "receipt", need, exact(3, "t"), of=promise)
    scene.close("SWA", need, "no_help_wanted", lines=["a"])
    assert scene.flags(need) == ["required_below_accepted:7000"]
    assert scene.axes(need) == ("active", "none", "none")


def test_closing_all_lines_one_by_one_closes_the_need_with_the_last_reason() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")), line("b", exact(5, "ge")))
    scene.close("SWA", need, "duplicate", lines=["a"])
    assert scene.axes(need)[0] == "active"
    scene.close("SWA", need, "done_by_others", lines=["b"])
    assert scene.axes(need)[0] == "closed"
    assert scene.thing(need).thing.reason == "done_by_others"


def test_a_line_added_after_a_whole_close_is_closed_and_can_be_reopened() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")))
    close = scene.close("SWA", need, "fulfilled")
    scene.revise("SWA", need, line("a", exact(10, "t")), line("b", exact(1, "t")))
    assert scene.axes(need, LATER)[0] == "closed"
    scene.say("SWA", "reopen", {"lines": ["b"]}, thing=need, link=need, replaces=[close])
    assert [x.basis.closed for x in scene.thing(need).lines] == [True, False]
    assert scene.axes(need)[0] == "active"


def test_what_was_wanted_stays_visible_when_everything_is_closed() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")))
    scene.goods("SWA", "receipt", need, exact(10, "t"))
    scene.close("SWA", need, "fulfilled")
    assert scene.axes(need) == ("closed", "full", "full")


def test_an_unbounded_line_half_served_has_no_target_and_part_delivery() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", {"bound": "unbounded", "unit": "ge"}))
    assert scene.axes(need) == ("active", "no_target", "none")
    scene.goods("SWA", "receipt", need, exact(500, "ge"))
    assert scene.axes(need) == ("active", "no_target", "part")
    assert scene.numbers(need) == {"received": "500"}


def test_lines_without_a_target_count_for_coverage_only_if_all_are() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", {"bound": "unknown"}), line("b", exact(5, "ge")))
    assert scene.axes(need)[1] == "none"
    scene.goods("SWA", "receipt", need, exact(5, "ge"), on="b")
    assert scene.axes(need) == ("active", "full", "part")


def test_missing_is_unknown_and_never_one() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", {"bound": "unknown"}))
    (found,) = scene.thing(need).lines
    assert (found.numbers.required, found.basis.dimension) == (None, None)


def test_a_line_that_changes_its_unit_is_flagged_and_old_promises_go_to_other() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")))
    scene.commit("COOP", need, exact(1, "t"))
    scene.revise("SWA", need, line("a", exact(10, "xiang")))
    assert scene.flags(need) == ["line_changed"]
    (found,) = scene.thing(need).lines
    assert (found.numbers.dimension, found.numbers.pledged) == ("xiang", 0)
    assert [(n.dimension, n.pledged) for n in found.other] == [("kg", 1000 * 10**15)]


def test_a_line_that_only_a_promise_names_is_shown_as_unknown() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")))
    before = scene.state().scopes[0].fold_digest
    scene.commit("COOP", need, exact(1, "t"), on="zz")
    assert scene.flags(need) == ["unknown_line"]
    assert scene.state().scopes[0].fold_digest == before


def test_a_revision_without_its_facts_stays_in_force_and_has_no_lines() -> None:
    """The head stays the head: nothing older comes back by erasing."""
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")))
    revision = scene.revise("SWA", need, line("a", exact(12, "t")))
    scene.erase(revision, PartState.MISSING)
    view = scene.thing(need)
    assert view.thing.revision == revision
    assert [(x.basis.in_body, x.numbers.required) for x in view.lines] == [(False, None)]
    assert scene.axes(need) == ("active", "no_target", "none")
    assert scene.flags(need) == ["facts_missing"]


def test_a_need_whose_facts_are_erased_still_exists() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")))
    scene.erase(need)
    assert scene.axes(need, LATER) == ("active", "no_target", "none")


def test_organisations_and_incidents_close_and_have_no_other_axes() -> None:
    """A20: closing an incident keeps everything."""
    scene = Scene(topic="base")
    facts = {"start": "2021-12-22T00:00:00+08:00"}
    incident = scene.say("SWA", "incident", facts)
    assert scene.axes(incident) == ("active", None, None)
    scene.close("SWA", incident, "done_by_others")
    assert scene.axes(incident) == ("closed", None, None)
    scene.say("SWA", "reopen", {}, thing=incident, link=incident)
    assert scene.axes(incident, LATER) == ("active", None, None)


def test_an_offer_has_a_life_and_what_it_holds() -> None:
    scene = Scene()
    lines = [line("a", exact(800, "bao"))]
    facts = {
        "incident": org("incident"),
        "lines": lines,
        "place": {"codes": [{"scheme": "CN-GB2260", "code": "610100"}]},
        "valid_until": "2022-01-08T12:00:00+08:00",
    }
    offer = scene.say("FOUND", "offer", facts)
    assert scene.axes(offer, NOON) == ("active", None, None)
    assert scene.axes(offer, LATER)[0] == "expired"
    assert scene.numbers(offer)["required"] == "800"


@pytest.mark.parametrize("link", ["other", "stranger"])
def test_a_revision_by_a_wrong_link_has_no_effect(link: str) -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "t")))
    revision = scene.revise("SWA", need, line("a", exact(1, "t")), link=org(link))
    assert scene.standing(revision) is Standing.UNAUTHORISED
    assert scene.numbers(need)["required"] == "10000"
