"""Scenes of dispatches, receipts, deliveries and losses. Spec: 12.16.

H7, A2, A18 of the coordination model, and the further cases about goods.
"""

from __future__ import annotations

from typing import Any

from hutong_conformance.fold_scenes.stage import PLACE, Scenes, Stage, exact, line, org


def promised(tons: int = 1500, **more: Any) -> tuple[Stage, bytes, bytes]:
    """2,500 t needed, a promise of COOP accepted; TEAM is a receiver. `more`: the decision's."""
    stage = Stage()
    need = stage.need("SWA", line("a", exact(2500, "t")), receivers=[org("TEAM")])
    promise = stage.commit("COOP", need, exact(tons, "t"))
    stage.accept(need, promise, exact(tons, "t"), by="COOP", **more)
    return stage, need, promise


def scenes() -> Scenes:
    """All of them."""
    yield from _on_the_way()
    yield from _once()
    yield from _once_by_dispatch()
    yield from _who()
    yield from _who_is_named()
    yield from _who_corrects()
    yield from _losses()
    yield from _kinds()
    yield from _other_kinds()


def _on_the_way() -> Scenes:
    stage, need, promise = promised()
    sent = stage.goods("COOP", "dispatch", need, exact(1500, "t"), promise)
    first = stage.goods("SWA", "receipt", need, exact("1480.25", "t"), promise, sent=sent)
    stage.goods(
        "SWA", "receipt", need, exact("1480.5", "t"), promise, sent=sent, first=first,
        replaces=[first],
    )  # fmt: skip
    stage.goods("ELSE", "receipt", need, exact(9999, "t"), promise)
    yield stage.case(
        "corrected-receipt",
        "12.16.5",
        "H7: corrected to 1,480.5 t, a stranger's 9,999 t not counted, 19.5 t on the way",
        a_received="1480500",
        a_in_transit="19500",
        a_open="1000000",
        delivery="part",
        flags=["unauthorised"],
    )
    stage.goods("COOP", "loss", need, exact("19.5", "t"), promise, sent=sent)
    yield stage.case(
        "loss-ends-transit",
        "12.16.7",
        "H7: a loss takes it off the way and opens the need again",
        a_in_transit="0",
        a_open="1019500",
    )
    stage, need, promise = promised(2500)
    stage.goods("COOP", "delivered", need, exact(2500, "t"), promise)
    stage.goods("TEAM", "receipt", need, exact(2400, "t"), promise)
    yield stage.case(
        "reported-delivery",
        "12.15.5",
        "The provider's word is reported, completes nothing, and shrinks by what is confirmed",
        a_reported="100000",
        delivery="part",
    )
    stage, need, promise = promised(carrier=org("TRUCK"))
    stage.goods("TRUCK", "dispatch", need, exact(30, "t"), promise, waybill="W1")
    stage.goods("COOP", "dispatch", need, exact(20, "t"), promise, waybill="W1")
    stage.goods("TRUCK", "dispatch", need, exact(15, "t"), promise)
    yield stage.case(
        "dispatch-once",
        "12.16.5",
        "One truck by provider and carrier: the provider's first; then the greater own sum",
        a_in_transit="20000",
    )
    stage = Stage()
    need = stage.need("SWA", line("a", exact(9, "t")))
    promise = stage.commit("COOP", need, exact(9, "t"))
    stage.goods("COOP", "dispatch", need, exact(9, "t"), promise)
    yield stage.case(
        "dispatch-before-decision",
        "12.12.2",
        "Nobody has named COOP yet: its dispatch has no effect until then",
        a_in_transit="0",
        flags=["unauthorised"],
    )


def _once() -> Scenes:
    stage, need, promise = promised()
    stage.goods("TEAM", "receipt", need, exact(20, "t"), promise)
    stage.goods("SWA", "receipt", need, exact(19, "t"), promise)
    yield stage.case(
        "one-truck-two-receivers",
        "12.16.5",
        "Without a waybill the greatest own sum counts, and the second receipt is flagged",
        a_received="20000",
        flags=["second_receipt"],
    )
    stage, need, promise = promised(receipt_by=[org("SQ")])
    stage.goods("SQ", "receipt", need, exact(30, "t"), promise, waybill="W1")
    stage.goods("TEAM", "receipt", need, exact(10, "t"), promise, waybill="W1")
    stage.goods("TEAM", "receipt", need, exact(11, "t"), promise, waybill="W1")
    yield stage.case(
        "receiver-before-named",
        "12.16.5",
        "Within a waybill a receiver's own receipts add up and outrank one who was only named",
        a_received="21000",
        flags=["second_receipt"],
    )
    stage.goods("SWA", "receipt", need, exact(15, "t"), promise, waybill="W1")
    yield stage.case(
        "steward-before-receiver",
        "12.16.5",
        "and the steward outranks both, though it saw less",
        a_received="15000",
    )
    stage, need, promise = promised()
    sent = stage.goods("COOP", "dispatch", need, exact(20, "t"), promise, waybill="W1")
    stage.goods("SWA", "receipt", need, exact(20, "t"), promise, sent=sent)
    stage.goods("TEAM", "receipt", need, exact(20, "t"), promise, waybill="W1")
    yield stage.case(
        "waybill-stands-for-dispatch",
        "12.16.4",
        "A dispatch and the waybill that it carries are one key",
        a_received="20000",
        a_in_transit="0",
    )


def _once_by_dispatch() -> Scenes:
    stage, need, promise = promised()
    stage.goods("COOP", "dispatch", need, exact(20, "t"), promise, waybill="W1")
    stage.goods("TEAM", "receipt", need, exact(20, "t"), waybill="W1")
    yield stage.case(
        "waybill-finds-promise",
        "12.16.3",
        "A receipt without promise belongs to the dispatch of its waybill",
        a_open="1000000",
        a_in_transit="0",
    )
    stage, need, promise = promised()
    stage.goods("TEAM", "receipt", need, exact(10, "t"), promise, waybill="W1")
    stage.goods("TEAM", "receipt", need, exact(5, "t"), promise)
    stage.goods("SWA", "receipt", need, exact(12, "t"), promise)
    yield stage.case(
        "keys-and-keyless",
        "12.16.5",
        "The keys that an author won and its receipts without key add up",
        a_received="15000",
    )
    stage, need, promise = promised()
    unknown = org("a dispatch that is not here")
    stage.goods("TEAM", "receipt", need, exact(5, "t"), promise, sent=unknown)
    stage.goods("SWA", "receipt", need, exact(4, "t"), promise, sent=unknown)
    yield stage.case(
        "dispatch-not-held",
        "12.16.4",
        "A dispatch that nobody holds is a key all the same",
        a_received="4000",
    )
    stage, need, _ = promised(1000)
    stage.goods("TEAM", "receipt", need, exact(100, "t"))
    stage.goods("TEAM", "receipt", need, exact(50, "t"))
    yield stage.case(
        "direct-receipts",
        "12.15.4",
        "Receipts without any promise lower what is open",
        a_open="1350000",
        a_received="150000",
    )


def _who() -> Scenes:
    stage = Stage()
    need = stage.need("SWA", line("a", exact(9, "t")), receivers=[org("COOP"), org("TRUCK")])
    promise = stage.commit("COOP", need, exact(9, "t"))
    stage.accept(need, promise, exact(9, "t"), by="COOP", carrier=org("TRUCK"))
    stage.goods("COOP", "receipt", need, exact(9, "t"), promise)
    stage.goods("TRUCK", "receipt", need, exact(9, "t"), promise)
    own = stage.commit("SWA", need, exact(1, "t"))
    stage.goods("SWA", "receipt", need, exact(1, "t"), own)
    yield stage.case(
        "own-receipts",
        "12.16.2",
        "Nobody confirms what it provides, implements or carries itself, the steward included",
        a_received="0",
        delivery="none",
        flags=["own_receipt"],
    )
    stage = Stage()
    need = stage.need("SWA", line("a", exact(9, "t")))
    promise = stage.commit("SWA", need, exact(9, "t"), provider=org("COOP"), basis="phone")
    stage.accept(need, promise, exact(9, "t"), by="SWA", provider=org("COOP"))
    stage.goods("SWA", "receipt", need, exact(9, "t"), promise)
    yield stage.case(
        "proxy-author-confirms",
        "12.16.2",
        "Who wrote down a promise for somebody else may confirm it",
        delivery="full",
    )


def _who_is_named() -> Scenes:
    stage, need, promise = promised(receipt_by=[org("SQ")])
    stage.decide("SWA", need, promise, "release", by="COOP")
    stage.goods("SQ", "receipt", need, exact(7, "t"), promise)
    yield stage.case(
        "named-and-released",
        "12.16.1",
        "Whoever a decision named stays a receiver after it is replaced",
        a_received="7000",
    )
    stage, need, promise = promised()
    wrong = stage.accept(need, promise, exact(9, "t"), by="COOP", receipt_by=[org("SQ")])
    stage.accept(need, promise, exact(9, "t"), by="COOP", first=wrong)
    stage.goods("SQ", "receipt", need, exact(7, "t"), promise)
    yield stage.case(
        "named-by-mistake",
        "12.16.1",
        "A corrected decision never named anybody",
        a_received="0",
    )
    stage, need, promise = promised()
    stage.revise("SWA", need, line("a", exact(2500, "t")))
    stage.goods("TEAM", "receipt", need, exact(7, "t"), promise)
    yield stage.case(
        "receiver-of-an-earlier-version",
        "12.16.1",
        "Receivers of any version are recognised",
        a_received="7000",
    )


def _who_corrects() -> Scenes:
    stage, need, promise = promised()
    first = stage.goods("TEAM", "receipt", need, exact(5, "t"), promise)
    second = stage.goods("TEAM", "receipt", need, exact(6, "t"), promise, first=first)
    stage.goods("TEAM", "receipt", need, exact(7, "t"), promise, first=second)
    stage.goods("SWA", "receipt", need, exact(0, "t"), promise, first=first)
    yield stage.case(
        "bad-corrections",
        "12.11.2",
        "A correction of a correction has no effect; one of another's record corrects nothing",
        a_received="6000",
        flags=["bad_correction"],
    )
    stage, need, promise = promised()
    first = stage.goods("TEAM", "receipt", need, exact(5, "t"), promise)
    for value in (8, 7):
        stage.goods("TEAM", "receipt", need, exact(value, "t"), promise, first=first)
    yield stage.case(
        "concurrent-corrections",
        "12.11.4",
        "Two corrections that don't know of each other: the greater (clock, id), flagged",
        a_received="7000",
        flags=["concurrent"],
    )


def _losses() -> Scenes:
    stage, need, promise = promised()
    sent = stage.goods("COOP", "dispatch", need, exact(20, "t"), promise)
    stage.goods("SWA", "receipt", need, exact(15, "t"), promise, sent=sent)
    stage.goods("COOP", "loss", need, exact(2, "t"), promise, sent=sent)
    stage.goods("SWA", "loss", need, exact(3, "t"), promise, sent=sent)
    yield stage.case(
        "loss-greatest",
        "12.16.7",
        "Two reports of one loss count the greatest own sum",
        a_in_transit="2000",
    )
    stage, need, promise = promised()
    for waybill in ("W1", "W2"):
        stage.goods("COOP", "dispatch", need, exact(20, "t"), promise, waybill=waybill)
    stage.goods("COOP", "loss", need, exact(900, "t"), promise, waybill="W1")
    yield stage.case(
        "loss-has-room",
        "12.16.7",
        "A loss is at most what its own dispatch left open",
        a_in_transit="20000",
    )


def _kinds() -> Scenes:
    stage, need, promise = promised()
    for condition in ("ok", "short", "damaged", "wrong_item"):
        stage.goods("TEAM", "receipt", need, exact(1, "t"), promise, condition=condition)
    yield stage.case(
        "conditions",
        "12.16.5",
        "What came damaged or wrong doesn't count, what came short does",
        a_received="2000",
    )
    stage = Stage()
    need = stage.need("SWA", line("a", exact(260, "hh")), receivers=[org("SQ")])
    stage.goods("SQ", "receipt", need, exact(260, "hh"), place=PLACE, households=260)
    yield stage.case(
        "bulk-receipt",
        "12.17.4",
        "A18: 260 households at one place, no names: full",
        delivery="full",
        coverage="full",
    )
    stage = Stage()
    band = {"bound": "band", "min": "1", "max": "4", "unit": "person"}
    need = stage.need("SWA", line("a", band))
    stage.goods("SWA", "receipt", need, band)
    yield stage.case(
        "band-receipt",
        "12.16.8",
        "A band has no target and no amount; any receipt makes the line part",
        a_required=None,
        a_unmeasured=True,
        coverage="no_target",
        delivery="part",
    )


def _other_kinds() -> Scenes:
    stage, need, promise = promised()
    stage.goods("TEAM", "receipt", need, exact(5, "xiang"), promise)
    yield stage.case(
        "receipt-in-another-unit",
        "12.17.4",
        "Something in another dimension arrived: part, and no kilogram of it",
        a_received="0",
        delivery="part",
    )
    stage, need, _ = promised()
    stage.goods("TEAM", "receipt", need, exact(2600, "t"))
    yield stage.case(
        "receipt-above-need",
        "12.19.1",
        "Receipts above the need are kept and flagged",
        a_received="2600000",
        a_open="0",
        flags=["over_received:100000"],
    )
    stage, need, promise = promised()
    receipt = stage.goods("TEAM", "receipt", need, exact(5, "t"), promise)
    stage.lose(receipt)
    yield stage.case(
        "receipt-erased",
        "12.10.1",
        "A receipt without facts counts nowhere",
        a_received="0",
        flags=["facts_erased"],
    )
