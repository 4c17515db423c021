"""Scenes of promises and decisions. Spec: 12.11, 12.12, 12.15, 12.7.

H1, H2, H8, A3, A4 of the coordination model, and the further cases about promises.
"""

from __future__ import annotations

from hutong_conformance.fold_scenes.stage import (
    LATER,
    Scenes,
    Stage,
    exact,
    line,
    org,
    pack,
)


def wanted(tons: int = 2500) -> tuple[Stage, bytes]:
    """SWA needs some tons."""
    stage = Stage()
    return stage, stage.need("SWA", line("a", exact(tons, "t")))


def scenes() -> Scenes:
    """All of them."""
    yield from _pledges()
    yield from _pledges_of_others()
    yield from _vague_pledges()
    yield from _decisions()
    yield from _answers()
    yield from _strangers()
    yield from _lines()
    yield from _units()
    yield from _counting()
    yield from _changes()
    yield from _withdrawals()
    yield from _gone()


def _pledges() -> Scenes:
    stage, need = wanted()
    first = stage.commit("COOP", need, exact(1500, "t"))
    second = stage.commit("FOUND", need, exact(1500, "t"))
    yield stage.case(
        "pledges-exceed",
        "12.15.5",
        "H1: two pledges of 1,500 t for 2,500 t both stand; over-promised by 500 t, nothing wins",
        a_pledged="3000000",
        a_over_promised="500000",
        a_open="2500000",
        a_accepted="0",
        coverage="none",
    )
    stage.accept(need, first, exact(1500, "t"), by="COOP")
    stage.accept(need, second, exact(1000, "t"), by="FOUND")
    yield stage.case(
        "pledges-decided",
        "12.15.3",
        "H1: the steward accepts 1,500 t and 1,000 t: full, nothing over-promised",
        a_open="0",
        a_over_promised="0",
        coverage="full",
        flags=[],
    )
    stage.forget(second)
    yield stage.case(
        "decision-without-commitment",
        "12.15.3",
        "A provider unknown to this node, accepted by the steward, counts all the same",
        a_accepted="2500000",
        a_over_promised="0",
        coverage="full",
    )


def _pledges_of_others() -> Scenes:
    stage = Stage()
    need = stage.need("SWA", line("a", exact(5_000_000, "jin_cn")))
    stage.commit("FOUND", need, exact(1500, "t"))
    stage.commit("SETTER", need, exact(1500, "t"), provider=org("COOP"), basis="phone")
    yield stage.case(
        "proxy-apart",
        "12.15.5",
        "A4: 5,000,000 jin are 2,500 t; a promise by telephone is a sum of its own",
        a_required="2500000",
        a_pledged="1500000",
        a_proxy="1500000",
        a_over_promised="500000",
    )


def _vague_pledges() -> Scenes:
    stage, need = wanted(50)
    stage.commit("COOP", need, {"bound": "up_to", "max": "20", "unit": "t"})
    stage.commit("FOUND", need, {"bound": "unknown"})
    stage.commit("TEAM", need, {"bound": "estimate", "min": "3", "max": "9", "unit": "t"})
    stage.commit("CARE", need, {"bound": "band", "min": "5", "max": "9", "unit": "t"})
    yield stage.case(
        "promises-without-number",
        "12.15.5",
        "A ceiling is possible, unknown and band are counted, a range counts its least",
        a_pledged="3000",
        a_possible="20000",
        a_unquantified=2,
    )
    yield stage.case(
        "pledges-expired",
        "12.15.5",
        "What nobody decided is no pledge once its valid_until is over; everybody is asked again",
        as_of=LATER,
        a_pledged="0",
        a_possible="0",
        life="expired",
    )
    yield stage.case(
        "expiry-to-the-millisecond",
        "12.9.2",
        "A time is over at its own instant",
        as_of="2022-01-07T04:00:00Z",
        a_pledged="0",
        life="active",
    )
    yield stage.case(
        "expiry-a-millisecond-before",
        "12.9.2",
        "and not a millisecond before",
        as_of="2022-01-07T03:59:59.999Z",
        a_pledged="3000",
    )


def _decisions() -> Scenes:
    stage, need = wanted()
    for name in ("COOP", "FOUND"):
        promise = stage.commit(name, need, exact(1500, "t"))
        stage.accept(need, promise, exact(1500, "t"), by=name)
    yield stage.case(
        "over-accepted",
        "12.19.1",
        "H2: both acceptances count and the excess is flagged",
        a_accepted="3000000",
        a_open="0",
        flags=["over_accepted:500000"],
    )

    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(1500, "t"))
    stage.accept(need, promise, exact(1500, "t"), by="COOP", clock=7)
    stage.accept(need, promise, exact(900, "t"), by="COOP", clock=6)
    yield stage.case(
        "concurrent-decisions",
        "12.11.3",
        "H2: of two decisions on one commitment, neither knowing the other, the greater (clock, "
        "id) counts, wherever it stands in the list",
        a_accepted="1500000",
        flags=["concurrent"],
    )


def _answers() -> Scenes:
    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(1500, "t"))
    yes = stage.accept(need, promise, exact(1500, "t"), by="COOP", clock=7)
    stage.decide("SWA", need, promise, "release", by="COOP", replaces=[yes], clock=6)
    yield stage.case(
        "replaced-decision",
        "12.11.3",
        "A replaced decision is no head even if its clock is higher; release gives back",
        a_accepted="0",
        a_pledged="0",
        flags=[],
    )

    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(5, "t"))
    stage.decide("SWA", need, promise, "wait", by="COOP")
    declined = stage.commit("FOUND", need, exact(7, "t"))
    stage.decide("SWA", need, declined, "decline", by="FOUND")
    yield stage.case(
        "waiting-and-declined",
        "12.15.5",
        "A promise that waits is still pledged, a declined one is not",
        a_pledged="5000",
    )


def _strangers() -> Scenes:
    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(5, "t"))
    stage.decide("ELSE", need, promise, "accept", exact(5, "t"), by="COOP")
    yield stage.case(
        "stranger-decides",
        "12.12.2",
        "A valid signature gives no say: the decision of a stranger is kept and flagged",
        a_accepted="0",
        a_pledged="5000",
        flags=["unauthorised"],
    )
    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(5, "t"))
    facts = {
        "outcome": "accept", "line": "a", "commitment_author": org("COOP"),
        "quantity": exact(5, "t"),
    }  # fmt: skip
    stage.say("SWA", "decision", facts, need, org("no link"), need, b"", promise)
    yield stage.case(
        "decision-by-no-link",
        "12.12.2",
        "The steward's own decision counts only by the link that made it steward",
        a_accepted="0",
        flags=["unauthorised"],
    )


def _lines() -> Scenes:
    stage = Stage()
    need = stage.need(
        "SWA",
        line("suits", exact(300, "jian")),
        line("people", exact(4, "person"), kind="people"),
        line("hours", exact(6, "h"), kind="service"),
    )
    promise = stage.commit("CARE", need, exact(6, "h"), on="hours")
    stage.accept(need, promise, exact(6, "h"), by="CARE", on="hours")
    yield stage.case(
        "one-line-of-three",
        "12.17.3",
        "A3: hours accepted, suits and volunteers open: part",
        hours_open="0",
        suits_open="300",
        people_open="4",
        coverage="part",
    )

    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(5, "t"))
    stage.accept(need, promise, exact(9, "t"), by="OTHER")
    yield stage.case(
        "basis-mismatch",
        "12.15.2",
        "A decision that names another author counts by itself, beside the commitment",
        a_accepted="9000",
        flags=["basis_mismatch"],
    )


def _units() -> Scenes:
    stage = Stage()
    need = stage.need("SWA", line("a", exact(5000, "kg")))
    promise = stage.commit("COOP", need, exact(100, "xiang"))
    stage.accept(need, promise, exact(100, "xiang"), by="COOP")
    yield stage.case(
        "boxes-against-kilograms",
        "12.15.1",
        "H8: 100 boxes for a need in kg stay in other and leave it open",
        a_open="5000",
        a_accepted="0",
        coverage="none",
    )
    stage = Stage()
    need = stage.need("SWA", line("a", exact(5000, "kg")))
    boxes = exact(100, "xiang", **pack("xiang", 20, "kg"))
    promise = stage.commit("COOP", need, boxes)
    stage.accept(need, promise, boxes, by="COOP")
    yield stage.case(
        "boxes-with-a-pack",
        "12.7.4",
        "H8: with an own pack of 20 kg they are 2,000 kg",
        a_accepted="2000",
        a_open="3000",
    )
    stage = Stage()
    need = stage.need("SWA", line("a", exact(5000, "kg", **pack("xiang", 20, "kg"))))
    promise = stage.commit("COOP", need, exact(100, "xiang"))
    later = stage.revise("SWA", need, line("a", exact(5000, "kg", **pack("xiang", 10, "kg"))))
    stage.commit("FOUND", need, exact(1, "xiang"), revision=later)
    stage.commit("TEAM", need, exact(1, "xiang"), revision=org("no revision"))
    yield stage.case(
        "pack-of-the-line",
        "12.7.5",
        "H8: without an own pack that of the line at the revision named holds: 20 kg, then 10 kg, "
        "then none",
        a_pledged="2010",
    )


def _counting() -> Scenes:
    stage = Stage()
    need = stage.need("SWA", line("a", exact(5000, "kg")))
    forged = stage.revise("ELSE", need, line("a", exact(1, "kg", **pack("xiang", 999, "t"))))
    stage.commit("COOP", need, exact(1, "xiang"), revision=forged)
    yield stage.case(
        "pack-of-a-forged-revision",
        "12.7.5",
        "The pack of a revision without effect never holds",
        a_pledged="0",
    )
    stage = Stage()
    need = stage.need("SWA", line("a", exact(30, "xiang")))
    stage.commit("COOP", need, exact(12, "xiang"))
    stage.commit("FOUND", need, exact(12, "jian"))
    yield stage.case(
        "counting-words",
        "12.7.2",
        "Boxes meet boxes and no other counting word",
        a_pledged="12",
        a_open_if_all_pledges_hold="18",
    )
    stage = Stage()
    huge = exact("999999999999999999.999999", "t", **pack("t", "999999999999999999.999999", "t"))
    need = stage.need("SWA", line("a", huge))
    stage.commit("COOP", need, exact("0.000001", "xiang", **pack("xiang", "0.000001", "g")))
    yield stage.case(
        "extreme-amounts",
        "12.7.1",
        "The greatest and the least amount, subtracted without rounding",
        a_required="999999999999999999999998000000000000000.000000001",
        a_pledged="0.000000000000001",
        a_open_if_all_pledges_hold="999999999999999999999998000000000000000.000000000999999",
    )


def _changes() -> Scenes:
    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(1500, "t"))
    stage.accept(need, promise, exact(1200, "t"), by="COOP")
    stage.commit("COOP", need, exact(700, "t"), first=promise, replaces=[promise])
    yield stage.case(
        "commitment-reduced",
        "12.15.3",
        "A reduced commitment lowers what was accepted",
        a_accepted="700000",
        flags=[],
    )
    stage.commit("COOP", need, exact(1501, "t"), first=promise)
    yield stage.case(
        "commitment-raised",
        "12.11.4",
        "A revision above the first record is set aside",
        a_accepted="700000",
        flags=["commitment_raised"],
    )
    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(1500, "t"))
    stage.commit("ELSE", need, exact(1, "t"), first=promise)
    yield stage.case(
        "revision-of-anothers-commitment",
        "12.11.2",
        "A first by another author corrects nothing; the id means the one that contains it",
        a_pledged="1500000",
        flags=[],
    )


def _withdrawals() -> Scenes:
    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(1500, "t"))
    stage.accept(need, promise, exact(1500, "t"), by="COOP")
    close = stage.close("COOP", need, "withdrawn", target=promise)
    yield stage.case(
        "withdrawn-after-accept",
        "12.14.3",
        "A provider withdraws: open rises, flagged",
        a_open="2500000",
        flags=["withdrawn_after_accept"],
    )
    stage.say("COOP", "reopen", {}, need, b"", b"", b"", promise, replaces=[close])
    yield stage.case(
        "withdrawal-taken-back",
        "12.14.3",
        "Reopening the promise makes it count again",
        a_open="1000000",
        flags=[],
    )
    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(1500, "t"))
    stage.accept(need, promise, exact(1500, "t"), by="COOP")
    stage.close("COOP", need, "fulfilled", target=promise)
    stage.close("ELSE", need, "withdrawn", target=promise)
    stage.close("COOP", need, "withdrawn", target=org("nothing"))
    yield stage.case(
        "closing-that-withdraws-nothing",
        "12.14.3",
        "Closed as fulfilled, by a stranger, or a target that nobody holds: still accepted",
        a_accepted="1500000",
        standing={"effective": 4, "pending": 1, "unauthorised": 1},
    )
    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(1, "t"), eta="2022-01-04T00:00:00Z")
    stage.accept(need, promise, exact(1, "t"), by="COOP")
    yield stage.case(
        "overdue",
        "12.19.1",
        "Expiry of an accepted promise changes no number; what is late is flagged",
        as_of=LATER,
        a_accepted="1000",
        a_pledged="1000",
        flags=["overdue"],
    )


def _gone() -> Scenes:
    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(5, "t"))
    stage.accept(need, promise, exact(5, "t"), by="COOP")
    stage.lose(promise, "missing")
    yield stage.case(
        "commitment-missing",
        "12.10.2",
        "Facts of a commitment missing: as if not held",
        a_accepted="5000",
        flags=["facts_missing"],
    )
    stage.lose(promise)
    yield stage.case(
        "commitment-erased",
        "12.10.2",
        "Facts of a commitment erased: it promises 0",
        a_accepted="0",
        flags=["facts_erased"],
    )
    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(5, "t"))
    yes = stage.accept(need, promise, exact(5, "t"), by="COOP")
    stage.lose(yes)
    yield stage.case(
        "decision-erased",
        "12.10.1",
        "A decision without facts still decides and accepts nothing",
        a_accepted="0",
        a_pledged="0",
        flags=["facts_erased"],
    )
