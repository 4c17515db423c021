"""Dispatches, receipts, deliveries, losses: who may say so, each counted once. Spec: 12.16."""

from __future__ import annotations

from typing import Any

from hutong_protocol.fold import Standing
from protocol.fold.scenes import Scene, exact, line, org


def promised(tons: int = 1500, **more: Any) -> tuple[Scene, bytes, bytes]:
    """A need of 2,500 t and an accepted promise of COOP; `more` goes into the decision."""
    scene = Scene()
    need = scene.need("SWA", line("a", exact(2500, "t")), receivers=[org("TEAM")])
    promise = scene.commit("COOP", need, exact(tons, "t"))
    scene.decide("SWA", need, promise, "accept", exact(tons, "t"), by="COOP", **more)
    return scene, need, promise


def test_corrected_receipts_and_strangers_leave_what_is_still_on_the_way() -> None:
    """H7: 1,500 t left, 1,480.25 t came, corrected to 1,480.5; a stranger reports 9,999 t."""
    scene, need, promise = promised()
    sent = scene.goods("COOP", "dispatch", need, exact(1500, "t"), of=promise)
    first = scene.goods(
        "SWA", "receipt", need, exact("1480.25", "t"), of=promise, refs={"dispatch": sent}
    )
    assert scene.numbers(need)["received"] == "1480250"
    scene.goods(
        "SWA",
        "receipt",
        need,
        exact("1480.5", "t"),
        of=promise,
        refs={"dispatch": sent, "first": first, "replaces": [first]},
    )
    stranger = scene.goods("ELSE", "receipt", need, exact(9999, "t"), of=promise)
    assert scene.standing(stranger) is Standing.UNAUTHORISED
    assert scene.numbers(need)["received"] == "1480500"
    assert scene.numbers(need)["in_transit"] == "19500"
    assert scene.numbers(need)["open"] == "1000000"
    assert scene.flags(need) == ["unauthorised"]
    scene.goods("COOP", "loss", need, exact("19.5", "t"), of=promise, refs={"dispatch": sent})
    assert "in_transit" not in scene.numbers(need)
    assert scene.numbers(need)["open"] == "1019500"
    assert scene.axes(need) == ("active", "part", "part")


def test_three_receipts_written_offline_count_once_each() -> None:
    """A2: retries give the same ids, so copies change nothing."""
    scene, need, promise = promised(3)
    for number in range(3):
        scene.goods("TEAM", "receipt", need, exact(1, "t"), of=promise, waybill=f"W{number}")
    again = Scene([*scene.records, *scene.records[-2:]])
    assert again.numbers(need)["received"] == "3000"
    assert again.numbers(need) == scene.numbers(need)


def test_a_bulk_receipt_of_households_completes_the_delivery() -> None:
    """A18: 260 households at one community, no names."""
    scene = Scene()
    need = scene.need("SWA", line("a", exact(260, "hh")), receivers=[org("SQ")])
    place = {"codes": [{"scheme": "CN-NBS12", "code": "610113001001"}]}
    scene.goods("SQ", "receipt", need, exact(260, "hh"), place=place, households=260)
    assert scene.axes(need) == ("active", "full", "full")
    assert scene.numbers(need) == {"required": "260", "received": "260"}


def test_one_truck_reported_by_two_receivers_counts_once_without_a_waybill() -> None:
    scene, need, promise = promised()
    scene.goods("TEAM", "receipt", need, exact(20, "t"), of=promise)
    scene.goods("SWA", "receipt", need, exact(19, "t"), of=promise)
    assert scene.numbers(need)["received"] == "20000"
    assert scene.flags(need) == ["second_receipt"]


def test_within_a_waybill_the_steward_outranks_a_receiver_and_a_receiver_who_is_named() -> None:
    scene, need, promise = promised(receipt_by=[org("SQ")])
    scene.goods("SQ", "receipt", need, exact(30, "t"), of=promise, waybill="W1")
    assert scene.numbers(need)["received"] == "30000"
    scene.goods("TEAM", "receipt", need, exact(10, "t"), of=promise, waybill="W1")
    scene.goods("TEAM", "receipt", need, exact(11, "t"), of=promise, waybill="W1")
    assert scene.numbers(need)["received"] == "21000"
    scene.goods("SWA", "receipt", need, exact(15, "t"), of=promise, waybill="W1")
    assert scene.numbers(need)["received"] == "15000"
    assert scene.flags(need) == ["second_receipt"]


def test_a_waybill_and_the_dispatch_that_carries_it_are_the_same_truck() -> None:
    scene, need, promise = promised()
    sent = scene.goods("COOP", "dispatch", need, exact(20, "t"), of=promise, waybill="W1")
    scene.goods("SWA", "receipt", need, exact(20, "t"), of=promise, refs={"dispatch": sent})
    scene.goods("TEAM", "receipt", need, exact(20, "t"), of=promise, waybill="W1")
    assert scene.numbers(need)["received"] == "20000"


def test_a_receipt_without_a_promise_finds_it_by_its_waybill() -> None:
    scene, need, promise = promised()
    scene.goods("COOP", "dispatch", need, exact(20, "t"), of=promise, waybill="W1")
    scene.goods("TEAM", "receipt", need, exact(20, "t"), waybill="W1")
    numbers = scene.numbers(need)
    assert numbers["open"] == "1000000"
    assert "in_transit" not in numbers


def test_a_waybill_for_two_promises_is_two_loads() -> None:
    scene, need, promise = promised()
    other = scene.commit("COOP", need, exact(500, "t"))
    scene.decide("SWA", need, other, "accept", exact(500, "t"), by="COOP")
    for target in (promise, other):
        scene.goods("COOP", "dispatch", need, exact(10, "t"), of=target, waybill="W1")
        scene.goods("SWA", "receipt", need, exact(10, "t"), of=target, waybill="W1")
    assert scene.numbers(need)["received"] == "20000"
    assert "in_transit" not in scene.numbers(need)


def test_keyless_receipts_of_one_author_add_to_the_keys_that_it_won() -> None:
    scene, need, promise = promised()
    scene.goods("TEAM", "receipt", need, exact(10, "t"), of=promise, waybill="W1")
    scene.goods("TEAM", "receipt", need, exact(5, "t"), of=promise)
    scene.goods("SWA", "receipt", need, exact(12, "t"), of=promise)
    assert scene.numbers(need)["received"] == "15000"


def test_a_direct_receipt_without_any_promise_lowers_what_is_open() -> None:
    scene, need, _ = promised(1000)
    scene.goods("TEAM", "receipt", need, exact(100, "t"))
    assert scene.numbers(need)["open"] == "1400000"


def test_damaged_and_wrong_goods_do_not_count_and_short_ones_do() -> None:
    scene, need, promise = promised()
    for condition in ("ok", "short", "damaged", "wrong_item"):
        scene.goods("TEAM", "receipt", need, exact(1, "t"), of=promise, condition=condition)
    assert scene.numbers(need)["received"] == "2000"


def test_nobody_confirms_what_it_provides_implements_or_carries() -> None:
    """The steward included: a need answered by oneself needs another's word."""
    scene = Scene()
    need = scene.need("SWA", line("a", exact(9, "t")), receivers=[org("COOP"), org("TRUCK")])
    promise = scene.commit("COOP", need, exact(9, "t"))
    scene.decide("SWA", need, promise, "accept", exact(9, "t"), by="COOP", carrier=org("TRUCK"))
    for name in ("COOP", "TRUCK"):
        receipt = scene.goods(name, "receipt", need, exact(9, "t"), of=promise)
        assert scene.standing(receipt) is Standing.OWN_RECEIPT
    own = scene.commit("SWA", need, exact(1, "t"))
    receipt = scene.goods("SWA", "receipt", need, exact(1, "t"), of=own)
    assert scene.standing(receipt) is Standing.OWN_RECEIPT
    assert scene.axes(need) == ("active", "full", "none")
    assert scene.flags(need) == ["own_receipt"]


def test_who_wrote_down_a_promise_for_somebody_else_may_confirm_it() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(9, "t")))
    promise = scene.commit("SWA", need, exact(9, "t"), provider=org("COOP"), basis="phone")
    scene.decide("SWA", need, promise, "accept", exact(9, "t"), by="SWA", provider=org("COOP"))
    scene.goods("SWA", "receipt", need, exact(9, "t"), of=promise)
    assert scene.axes(need)[2] == "full"


def test_a_receiver_named_once_stays_one_after_the_decision_is_replaced() -> None:
    scene, need, promise = promised(receipt_by=[org("SQ")])
    scene.decide("SWA", need, promise, "release", by="COOP")
    scene.goods("SQ", "receipt", need, exact(7, "t"), of=promise)
    assert scene.numbers(need)["received"] == "7000"


def test_a_receiver_named_by_mistake_and_corrected_is_none() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(9, "t")))
    promise = scene.commit("COOP", need, exact(9, "t"))
    wrong = scene.decide(
        "SWA", need, promise, "accept", exact(9, "t"), by="COOP", receipt_by=[org("SQ")]
    )
    scene.decide("SWA", need, promise, "accept", exact(9, "t"), by="COOP", refs={"first": wrong})
    receipt = scene.goods("SQ", "receipt", need, exact(7, "t"), of=promise)
    assert scene.standing(receipt) is Standing.UNAUTHORISED


def test_a_receiver_of_any_version_keeps_its_receipts() -> None:
    scene, need, promise = promised()
    scene.goods("TEAM", "receipt", need, exact(7, "t"), of=promise)
    scene.revise("SWA", need, line("a", exact(2500, "t")))
    assert scene.numbers(need)["received"] == "7000"


def test_only_those_whom_a_decision_names_report_goods_on_the_way() -> None:
    scene = Scene()
    need = scene.need("SWA", line("a", exact(9, "t")))
    promise = scene.commit("COOP", need, exact(9, "t"))
    early = scene.goods("COOP", "dispatch", need, exact(9, "t"), of=promise)
    assert scene.standing(early) is Standing.UNAUTHORISED
    scene.decide("SWA", need, promise, "accept", exact(9, "t"), by="COOP", carrier=org("TRUCK"))
    assert scene.standing(early) is Standing.EFFECTIVE
    stranger = scene.goods("ELSE", "dispatch", need, exact(9, "t"), of=promise)
    assert scene.standing(stranger) is Standing.UNAUTHORISED
    assert scene.numbers(need)["in_transit"] == "9000"


def test_provider_and_carrier_reporting_one_truck_count_once_the_provider_first() -> None:
    scene, need, promise = promised(carrier=org("TRUCK"))
    scene.goods("TRUCK", "dispatch", need, exact(30, "t"), of=promise, waybill="W1")
    scene.goods("COOP", "dispatch", need, exact(20, "t"), of=promise, waybill="W1")
    assert scene.numbers(need)["in_transit"] == "20000"
    scene.goods("TRUCK", "dispatch", need, exact(15, "t"), of=promise)
    assert scene.numbers(need)["in_transit"] == "20000"
    scene.goods("COOP", "dispatch", need, exact(1, "t"), of=promise)
    assert scene.numbers(need)["in_transit"] == "21000"


def test_two_reports_of_one_loss_count_the_greater_and_never_more_than_left() -> None:
    scene, need, promise = promised()
    sent = scene.goods("COOP", "dispatch", need, exact(20, "t"), of=promise)
    scene.goods("SWA", "receipt", need, exact(15, "t"), of=promise, refs={"dispatch": sent})
    scene.goods("COOP", "loss", need, exact(2, "t"), of=promise, refs={"dispatch": sent})
    scene.goods("SWA", "loss", need, exact(3, "t"), of=promise, refs={"dispatch": sent})
    assert scene.numbers(need)["in_transit"] == "2000"
    scene.goods("TEAM", "loss", need, exact(900, "t"), of=promise, refs={"dispatch": sent})
    assert "in_transit" not in scene.numbers(need)
    assert scene.numbers(need)["open"] == "1005000"


def test_the_loss_of_one_truck_does_not_eat_into_another() -> None:
    scene, need, promise = promised()
    for waybill in ("W1", "W2"):
        scene.goods("COOP", "dispatch", need, exact(20, "t"), of=promise, waybill=waybill)
    scene.goods("COOP", "loss", need, exact(900, "t"), of=promise, waybill="W1")
    assert scene.numbers(need)["in_transit"] == "20000"


def test_the_word_of_the_provider_is_reported_and_completes_nothing() -> None:
    scene, need, promise = promised(2500)
    scene.goods("COOP", "delivered", need, exact(2500, "t"), of=promise)
    assert scene.numbers(need)["reported"] == "2500000"
    assert scene.axes(need) == ("active", "full", "none")
    scene.goods("SWA", "receipt", need, exact(2400, "t"), of=promise)
    assert scene.numbers(need)["reported"] == "100000"


def test_receipts_above_the_need_are_kept_and_flagged() -> None:
    scene, need, _ = promised()
    scene.goods("TEAM", "receipt", need, exact(2600, "t"))
    assert scene.flags(need) == ["over_received:100000"]
    assert "open" not in scene.numbers(need)


def test_a_band_of_people_received_makes_the_line_part() -> None:
    scene = Scene()
    band = {"bound": "band", "min": "1", "max": "4", "unit": "person"}
    need = scene.need("SWA", line("a", band))
    assert scene.axes(need) == ("active", "no_target", "none")
    scene.goods("SWA", "receipt", need, band)
    assert scene.axes(need) == ("active", "no_target", "part")


def test_goods_in_another_unit_arrived_too() -> None:
    scene, need, promise = promised()
    scene.goods("TEAM", "receipt", need, exact(5, "xiang"), of=promise)
    assert scene.axes(need)[2] == "part"
    assert "received" not in scene.numbers(need)


def test_a_correction_of_somebody_elses_receipt_corrects_nothing() -> None:
    """Threat 16: it stands for itself, so that it doesn't matter whether the other is held."""
    scene, need, promise = promised()
    first = scene.goods("TEAM", "receipt", need, exact(5, "t"), of=promise)
    other = scene.goods("SWA", "receipt", need, exact(0, "t"), of=promise, refs={"first": first})
    assert scene.standing(other) is Standing.EFFECTIVE
    assert scene.numbers(need)["received"] == "5000"
    assert scene.flags(need) == []


def test_a_correction_names_the_first_record_and_not_another_correction() -> None:
    scene, need, promise = promised()
    first = scene.goods("TEAM", "receipt", need, exact(5, "t"), of=promise)
    second = scene.goods("TEAM", "receipt", need, exact(6, "t"), of=promise, refs={"first": first})
    third = scene.goods("TEAM", "receipt", need, exact(7, "t"), of=promise, refs={"first": second})
    assert scene.standing(third) is Standing.BAD_CORRECTION
    assert scene.numbers(need)["received"] == "6000"


def test_two_corrections_that_do_not_know_of_each_other_leave_one_and_a_flag() -> None:
    scene, need, promise = promised()
    first = scene.goods("TEAM", "receipt", need, exact(5, "t"), of=promise)
    for value in (6, 7):
        scene.goods("TEAM", "receipt", need, exact(value, "t"), of=promise, refs={"first": first})
    assert scene.numbers(need)["received"] == "7000"
    assert scene.flags(need) == ["concurrent"]


def test_an_erased_receipt_counts_nothing_and_is_flagged() -> None:
    scene, need, promise = promised()
    receipt = scene.goods("TEAM", "receipt", need, exact(5, "t"), of=promise)
    scene.erase(receipt)
    assert "received" not in scene.numbers(need)
    assert scene.flags(need) == ["facts_erased"]


def test_a_receipt_for_a_dispatch_that_nobody_holds_counts_once() -> None:
    scene, need, promise = promised()
    unknown = {"dispatch": org("a dispatch that is not here")}
    scene.goods("TEAM", "receipt", need, exact(5, "t"), of=promise, refs=unknown)
    scene.goods("SWA", "receipt", need, exact(4, "t"), of=promise, refs=unknown)
    assert scene.numbers(need)["received"] == "4000"
