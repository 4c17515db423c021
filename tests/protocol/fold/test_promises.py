"""Promises, decisions and what they come to. Spec: 12.11, 12.12, 12.15."""

from __future__ import annotations

from hutong_protocol.fold import PartState, Standing
from protocol.fold.scenes import LATER, Scene, exact, line, org, pack


def radish() -> tuple[Scene, bytes]:
    """A need of 2,500 t."""
    scene = Scene()
    return scene, scene.need("SWA", line("a", exact(2500, "t")))


def test_two_pledges_above_the_need_both_stand_and_neither_wins_by_time() -> None:
    """H1. Over-promising is visible; the steward's decisions resolve it."""
    scene, need = radish()
    first = scene.commit("COOP", need, exact(1500, "t"))
    second = scene.commit("FOUND", need, exact(1500, "t"))
    assert scene.numbers(need) == {
        "required": "2500000",
        "open": "2500000",
        "pledged": "3000000",
        "over_promised": "500000",
    }
    assert scene.axes(need) == ("active", "none", "none")
    scene.decide("SWA", need, first, "accept", exact(1500, "t"), by="COOP")
    scene.decide("SWA", need, second, "accept", exact(1000, "t"), by="FOUND")
    assert scene.numbers(need) == {
        "required": "2500000",
        "accepted": "2500000",
        "pledged": "2500000",
    }
    assert scene.axes(need) == ("active", "full", "none")
    assert scene.flags(need) == []


def test_accepting_too_much_counts_and_is_flagged_with_the_amount() -> None:
    """H2, first half."""
    scene, need = radish()
    for name in ("COOP", "FOUND"):
        promise = scene.commit(name, need, exact(1500, "t"))
        scene.decide("SWA", need, promise, "accept", exact(1500, "t"), by=name)
    assert scene.numbers(need)["accepted"] == "3000000"
    assert scene.flags(need) == ["over_accepted:500000"]


def test_two_decisions_of_a_cloned_key_on_one_commitment_leave_one_and_a_flag() -> None:
    """H2, second half: neither knows of the other, so the greater (clock, id) counts."""
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(1500, "t"))
    scene.decide("SWA", need, promise, "accept", exact(1500, "t"), by="COOP", clock=7)
    scene.decide("SWA", need, promise, "accept", exact(900, "t"), by="COOP", clock=8)
    assert scene.numbers(need)["accepted"] == "900000"
    assert scene.flags(need) == ["concurrent"]


def test_a_replacing_decision_is_not_concurrent() -> None:
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(1500, "t"))
    wait = scene.decide("SWA", need, promise, "wait", by="COOP")
    scene.decide(
        "SWA", need, promise, "accept", exact(3, "t"), by="COOP", refs={"replaces": [wait]}
    )
    assert scene.numbers(need)["accepted"] == "3000"
    assert scene.flags(need) == []


def test_a_need_in_jin_shows_a_pledge_a_proxy_and_what_is_over_promised() -> None:
    """A4: 500万斤 are 2,500 t; COOP's promise came by telephone through the setter."""
    scene = Scene()
    need = scene.need("SWA", line("a", exact(5_000_000, "jin_cn")))
    found = scene.commit("FOUND", need, exact(1500, "t"))
    coop = scene.commit("SETTER", need, exact(1500, "t"), provider=org("COOP"), basis="phone")
    assert scene.numbers(need) == {
        "required": "2500000",
        "open": "2500000",
        "pledged": "1500000",
        "proxy": "1500000",
        "over_promised": "500000",
    }
    provider = org("COOP")
    scene.decide("SWA", need, coop, "accept", exact(1500, "t"), by="SETTER", provider=provider)
    scene.decide("SWA", need, found, "accept", exact(1000, "t"), by="FOUND")
    assert scene.numbers(need) == {
        "required": "2500000",
        "accepted": "2500000",
        "pledged": "2500000",
    }


def test_a_decision_counts_where_the_commitment_is_not_held() -> None:
    """A4 on a node that doesn't accept FOUND: all settled numbers are the same there."""
    scene, need = radish()
    coop = scene.commit("COOP", need, exact(1500, "t"))
    found = scene.commit("FOUND", need, exact(1500, "t"))
    scene.decide("SWA", need, coop, "accept", exact(1500, "t"), by="COOP")
    scene.decide("SWA", need, found, "accept", exact(1000, "t"), by="FOUND")
    without = Scene([r for r in scene.records if r.org != org("FOUND")])
    assert without.numbers(need) == scene.numbers(need)
    here, there = scene.state(), without.state()
    assert here.scopes[0].fold_digest == there.scopes[0].fold_digest
    assert there.coverage.not_held == (org("FOUND"),)
    assert here.coverage.not_held == ()


def test_accepting_one_line_of_three_leaves_the_others_open() -> None:
    """A3: suits, volunteers and hours in one need; a mere pledge would leave the hours open."""
    scene = Scene()
    need = scene.need(
        "SWA",
        line("suits", exact(300, "jian")),
        {"id": "people", "kind": "people", "quantity": exact(4, "person")},
        {"id": "hours", "kind": "service", "quantity": exact(6, "h")},
    )
    promise = scene.commit("CARE", need, exact(6, "h"), on="hours")
    assert scene.numbers(need, "hours") == {"required": "360", "open": "360", "pledged": "360"}
    scene.decide("SWA", need, promise, "accept", exact(6, "h"), by="CARE", on="hours")
    assert scene.numbers(need, "hours") == {"required": "360", "accepted": "360", "pledged": "360"}
    assert scene.numbers(need, "suits") == {"required": "300", "open": "300"} | {
        "open_if_all_pledges_hold": "300"
    }
    assert scene.axes(need) == ("active", "part", "none")


def test_boxes_against_kilograms_stay_apart_unless_a_pack_says_what_is_in_one() -> None:
    """H8: 100 箱 for a need in kg."""
    scene = Scene()
    need = scene.need("SWA", line("a", exact(5000, "kg")))
    promise = scene.commit("COOP", need, exact(100, "xiang"))
    scene.decide("SWA", need, promise, "accept", exact(100, "xiang"), by="COOP")
    assert scene.numbers(need) == {
        "required": "5000",
        "open": "5000",
        "open_if_all_pledges_hold": "5000",
    }
    (found,) = scene.thing(need).lines
    assert [(n.dimension, n.accepted, n.pledged) for n in found.other] == [
        ("xiang", 100 * 10**15, 100 * 10**15)
    ]

    own = Scene()
    need = own.need("SWA", line("a", exact(5000, "kg")))
    boxes = exact(100, "xiang", **pack("xiang", 20, "kg"))
    promise = own.commit("COOP", need, boxes)
    own.decide("SWA", need, promise, "accept", boxes, by="COOP")
    assert own.numbers(need)["accepted"] == "2000"


def test_the_pack_of_the_line_holds_for_who_states_none() -> None:
    """H8, second half: at the revision that the statement names, never later ones."""
    scene = Scene()
    boxes = pack("xiang", 20, "kg")
    need = scene.need("SWA", line("a", exact(5000, "kg", **boxes)))
    promise = scene.commit("COOP", need, exact(100, "xiang"))
    scene.decide("SWA", need, promise, "accept", exact(100, "xiang"), by="COOP")
    assert scene.numbers(need)["accepted"] == "2000"
    later = scene.revise("SWA", need, line("a", exact(5000, "kg", **pack("xiang", 10, "kg"))))
    assert scene.numbers(need)["accepted"] == "2000"
    other = scene.commit("FOUND", need, exact(1, "xiang"), revision=later)
    assert scene.numbers(need)["pledged"] == "2010"
    assert scene.standing(other) is Standing.EFFECTIVE


def test_the_pack_of_a_strangers_revision_never_holds() -> None:
    """Threat 16: naming a forged revision doesn't turn boxes into tons."""
    scene = Scene()
    need = scene.need("SWA", line("a", exact(5000, "kg")))
    forged = scene.revise("THIEF", need, line("a", exact(1, "kg", **pack("xiang", 999, "t"))))
    scene.commit("COOP", need, exact(1, "xiang"), revision=forged)
    assert "pledged" not in scene.numbers(need)


def test_need_and_promise_in_boxes_meet_in_boxes() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(30, "xiang")))
    scene.commit("COOP", need, exact(12, "xiang"))
    assert scene.numbers(need)["open_if_all_pledges_hold"] == "18"


def test_a_need_in_packed_boxes_counts_in_what_is_in_them() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(30, "xiang", **pack("xiang", "0.5", "t"))))
    scene.commit("COOP", need, exact(3, "t"))
    assert scene.numbers(need) == {
        "required": "15000",
        "open": "15000",
        "pledged": "3000",
        "open_if_all_pledges_hold": "12000",
    }


def test_unknown_units_count_among_their_own_kind_only() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(10, "raw:篓")))
    scene.commit("COOP", need, exact(4, "raw:篓"))
    scene.commit("FOUND", need, exact(4, "raw:筐"))
    assert scene.numbers(need)["pledged"] == "4"
    (found,) = scene.thing(need).lines
    assert [n.dimension for n in found.other] == ["raw:筐"]


def test_a_live_commitment_lowers_what_was_accepted_and_never_raises_it() -> None:
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(1500, "t"))
    scene.decide("SWA", need, promise, "accept", exact(1200, "t"), by="COOP")
    assert scene.numbers(need)["accepted"] == "1200000"
    scene.commit("COOP", need, exact(700, "t"), refs={"first": promise, "replaces": [promise]})
    assert scene.numbers(need)["accepted"] == "700000"


def test_a_revision_that_promises_more_is_set_aside_and_flagged() -> None:
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(100, "t"))
    scene.commit("COOP", need, exact(101, "t"), refs={"first": promise, "replaces": [promise]})
    assert scene.numbers(need)["pledged"] == "100000"
    assert scene.flags(need) == ["commitment_raised"]


def test_a_revision_may_move_the_arrival() -> None:
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(100, "t"), eta="2022-01-04T00:00:00Z")
    scene.decide("SWA", need, promise, "accept", exact(100, "t"), by="COOP")
    assert scene.flags(need, "2022-01-05T00:00:00Z") == ["overdue"]
    scene.commit("COOP", need, exact(100, "t"), eta="2022-01-06T00:00:00Z", refs={"first": promise})
    assert scene.flags(need, "2022-01-05T00:00:00Z") == []


def test_releasing_gives_the_quantity_back() -> None:
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(1500, "t"))
    yes = scene.decide("SWA", need, promise, "accept", exact(1500, "t"), by="COOP")
    scene.decide("SWA", need, promise, "release", by="COOP", refs={"replaces": [yes]})
    assert scene.numbers(need) == {
        "required": "2500000",
        "open": "2500000",
        "open_if_all_pledges_hold": "2500000",
    }


def test_withdrawing_after_acceptance_opens_the_need_again_and_is_flagged() -> None:
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(1500, "t"))
    scene.decide("SWA", need, promise, "accept", exact(1500, "t"), by="COOP")
    scene.close("COOP", need, "withdrawn", target=promise)
    assert scene.numbers(need)["open"] == "2500000"
    assert scene.flags(need) == ["withdrawn_after_accept"]


def test_closing_a_promise_as_fulfilled_takes_nothing_back() -> None:
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(1500, "t"))
    scene.decide("SWA", need, promise, "accept", exact(1500, "t"), by="COOP")
    scene.close("COOP", need, "fulfilled", target=promise)
    assert scene.numbers(need)["accepted"] == "1500000"


def test_who_promised_by_proxy_may_withdraw_through_its_own_node() -> None:
    scene, need = radish()
    promise = scene.commit("SETTER", need, exact(5, "t"), provider=org("COOP"), basis="phone")
    stranger = scene.close("FOUND", need, "withdrawn", target=promise)
    assert scene.standing(stranger) is Standing.UNAUTHORISED
    assert scene.numbers(need)["proxy"] == "5000"
    scene.close("COOP", need, "withdrawn", target=promise)
    assert "proxy" not in scene.numbers(need)


def test_a_withdrawal_counts_where_only_the_decision_is_held() -> None:
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(1500, "t"))
    scene.decide("SWA", need, promise, "accept", exact(1500, "t"), by="COOP")
    scene.close("COOP", need, "withdrawn", target=promise)
    without = Scene([r for r in scene.records if r.id != promise])
    assert without.numbers(need)["open"] == "2500000"


def test_expiry_ends_an_undecided_pledge_and_not_an_accepted_one() -> None:
    scene, need = radish()
    accepted = scene.commit("COOP", need, exact(1, "t"))
    scene.commit("FOUND", need, exact(1, "t"))
    scene.decide("SWA", need, accepted, "accept", exact(1, "t"), by="COOP")
    assert scene.numbers(need)["pledged"] == "2000"
    assert scene.numbers(need, as_of=LATER)["pledged"] == "1000"
    assert scene.numbers(need, as_of=LATER)["accepted"] == "1000"
    assert scene.flags(need, LATER) == ["overdue"]


def test_promises_without_a_number_are_possible_and_never_pledged() -> None:
    scene, need = radish()
    scene.commit("COOP", need, {"bound": "up_to", "max": "20", "unit": "t"})
    scene.commit("FOUND", need, {"bound": "unknown"})
    assert scene.numbers(need)["possible"] == "20000"
    assert "pledged" not in scene.numbers(need)
    assert scene.thing(need).lines[0].unquantified == 1


def test_an_up_to_promise_is_a_ceiling_for_what_is_accepted() -> None:
    scene, need = radish()
    promise = scene.commit("COOP", need, {"bound": "up_to", "max": "20", "unit": "t"})
    scene.decide("SWA", need, promise, "accept", exact(50, "t"), by="COOP")
    assert scene.numbers(need)["accepted"] == "20000"


def test_a_decision_on_other_terms_than_the_promise_counts_by_itself() -> None:
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(5, "t"))
    scene.decide("SWA", need, promise, "accept", exact(9, "t"), by="OTHER")
    assert scene.numbers(need)["accepted"] == "9000"
    assert scene.flags(need) == ["basis_mismatch"]


def test_erasing_a_promise_takes_it_back_and_missing_it_does_not() -> None:
    """Facts erased: quantity 0, equal everywhere. Facts missing: as if not held."""
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(5, "t"))
    scene.decide("SWA", need, promise, "accept", exact(5, "t"), by="COOP")
    scene.erase(promise, PartState.MISSING)
    assert scene.numbers(need)["accepted"] == "5000"
    assert scene.flags(need) == ["facts_missing"]
    scene.erase(promise)
    assert "accepted" not in scene.numbers(need)
    assert scene.flags(need) == ["facts_erased"]


def test_a_decision_without_its_facts_still_decides_and_accepts_nothing() -> None:
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(5, "t"))
    yes = scene.decide("SWA", need, promise, "accept", exact(5, "t"), by="COOP")
    scene.erase(yes)
    assert "pledged" not in scene.numbers(need)
    assert scene.thing(need).lines[0].promises[0].state == "unknown"


def test_everybody_who_must_act_is_waited_for() -> None:
    scene, need = radish()
    promise = scene.commit("COOP", need, exact(5, "t"))

    def waiting(as_of: str = "2022-01-03T12:00:00+08:00") -> set[tuple[bytes, str]]:
        return {(w.who, w.what) for w in scene.thing(need, as_of).waiting_on}

    assert waiting() == {(org("SWA"), "decide")}
    assert waiting(LATER) == {(org("SWA"), "reconfirm"), (org("COOP"), "renew")}
    scene.decide("SWA", need, promise, "accept", exact(5, "t"), by="COOP", receipt_by=[org("SQ")])
    assert waiting() == {(org("COOP"), "send")}
    scene.goods("COOP", "dispatch", need, exact(5, "t"), of=promise)
    assert waiting() == {(org("SWA"), "confirm"), (org("SQ"), "confirm")}
    scene.goods("SQ", "receipt", need, exact(5, "t"), of=promise)
    assert waiting() == set()


def test_amounts_at_the_extremes_stay_exact() -> None:
    """Offers run up to 2x10^14; six decimals in a pack of six decimals in thousandths."""
    scene = Scene()
    huge = exact("999999999999999999.999999", "t", **pack("t", "999999999999999999.999999", "t"))
    need = scene.need("SWA", line("a", huge))
    tiny = exact("0.000001", "xiang", **pack("xiang", "0.000001", "g"))
    scene.commit("COOP", need, tiny)
    numbers = scene.numbers(need)
    assert numbers["pledged"] == "0.000000000000001"
    whole = 999_999_999_999_999_999_999_999**2 * 1_000_000
    rest = f"{whole - 1}"
    assert numbers["open_if_all_pledges_hold"] == f"{rest[:-15]}.{rest[-15:]}"
