"""Scenes of revisions, closing, expiry, checks, standings and scopes. Spec: 12.9 to 12.14, 12.18.

H4, H5, H9 of the coordination model, and the further cases about versions.
"""

from __future__ import annotations

from typing import Any

from hutong_conformance import raw
from hutong_conformance.fold_scenes.stage import (
    LATER,
    PLACE,
    Scenes,
    Stage,
    body,
    exact,
    line,
    org,
)

UNTIL_FEBRUARY = {"valid_until": "2022-02-01T00:00:00Z"}


def wanted(*lines: dict[str, Any], **more: Any) -> tuple[Stage, bytes]:
    """A need of 10 t, unless other lines are given."""
    stage = Stage()
    return stage, stage.need("SWA", *(lines or (line("a", exact(10, "t")),)), **more)


def scenes() -> Scenes:
    """All of them."""
    yield from _revisions()
    yield from _useless_revisions()
    yield from _odd_lines()
    yield from _lives()
    yield from _closing()
    yield from _closing_by_others()
    yield from _targets()
    yield from _checks()
    yield from _standings()


def _revisions() -> Scenes:
    stage, need = wanted(line("a", exact(10, "t")), line("b", exact(5, "ge")))
    stage.revise("SWA", need, line("a", exact(12, "t")))
    yield stage.case(
        "line-left-out",
        "12.13.2",
        "A line that the revision in force leaves out has target 0 and stays",
        a_required="12000",
        b_required="0",
        b_kind="goods",
    )
    stage, need = wanted()
    stage.revise("SWA", need, line("a", exact(11, "t")), clock=6)
    stage.revise("SWA", need, line("a", exact(12, "t")), clock=5)
    yield stage.case(
        "concurrent-revisions",
        "12.13.1",
        "Of two heads the greater (clock, id) is in force",
        a_required="11000",
        flags=["concurrent"],
    )
    stage, need = wanted()
    first = stage.revise("SWA", need, line("a", exact(11, "t")), clock=6)
    stage.revise("SWA", need, line("a", exact(12, "t")), clock=5, replaces=[first])
    yield stage.case(
        "replaced-revision",
        "12.11.3",
        "What was replaced is no head",
        a_required="12000",
        flags=[],
    )


def _useless_revisions() -> Scenes:
    stage, need = wanted()
    stage.revise("ELSE", need, line("a", exact(1, "t")))
    stage.revise("SWA", need, line("a", exact(2, "t")), link=org("no link"))
    facts = {"of": "org/1", "body": {"kind": "ngo"}}
    stage.say("SWA", "revise", facts, need, need)
    yield stage.case(
        "revisions-without-say",
        "12.12.2",
        "By a stranger, by no link, of another type: no effect",
        a_required="10000",
        standing={"effective": 1, "unauthorised": 3},
    )
    stage, need = wanted()
    good = stage.revise("SWA", need, line("a", exact(8, "t")))
    bad = {"of": "need/1", "body": body(line("a", exact(7, "t")), urgency=True)}
    stage.say("SWA", "revise", bad, need, need, replaces=[good])
    stage.say("SWA", "revise", raw.nested(3), need, need)
    yield stage.case(
        "unreadable-revisions",
        "12.6.2",
        "A known field of another kind, or bytes that are no map: no effect, not even by refs",
        a_required="8000",
        standing={"effective": 2, "unreadable": 2},
    )
    stage, need = wanted()
    stage.revise("SWA", need, line("a", exact(8, "t"), novelty={"x": [None]}), novelty=-1)
    yield stage.case(
        "fields-of-later-versions",
        "12.6.2",
        "Unknown fields don't matter",
        a_required="8000",
    )
    stage, need = wanted()
    stage.make_critical(stage.revise("SWA", need, line("a", exact(8, "t"))))
    yield stage.case(
        "critical-key-in-revision",
        "12.9.3",
        "Hard case 14: a revision with an unknown critical key is kept and not acted on",
        a_required="10000",
        standing={"effective": 1, "unknown": 1},
    )
    stage, need = wanted()
    stage.make_critical(need)
    stage.commit("COOP", need, exact(1, "t"))
    yield stage.case(
        "critical-key-in-need",
        "12.9.3",
        "Hard case 14: what is about a need that nobody may act on is pending",
        standing={"pending": 1, "unknown": 1},
    )


def _odd_lines() -> Scenes:
    stage, need = wanted()
    revision = stage.revise("SWA", need, line("a", exact(12, "t")))
    stage.lose(revision, "missing")
    yield stage.case(
        "revision-missing",
        "12.10.1",
        "The head stays the head: no lines of its own, no target, nothing older comes back",
        a_required=None,
        coverage="no_target",
        revision=revision.hex(),
        flags=["facts_missing"],
    )
    stage, need = wanted()
    stage.commit("COOP", need, exact(1, "t"))
    stage.revise("SWA", need, line("a", exact(10, "xiang")))
    yield stage.case(
        "line-changed",
        "12.13.3",
        "A line that changes its dimension: what was promised goes to other",
        a_dimension="xiang",
        a_pledged="0",
        flags=["line_changed"],
    )
    stage, need = wanted()
    stage.commit("COOP", need, exact(1, "t"), on="zz")
    yield stage.case(
        "unknown-line",
        "12.13.2",
        "A line that only a promise names",
        zz_required=None,
        zz_dimension=None,
        flags=["unknown_line"],
    )


def _lives() -> Scenes:
    stage, need = wanted(valid_until="2022-01-04T12:00:00+08:00")
    stage.goods("SWA", "receipt", need, exact(4, "t"))
    yield stage.case(
        "expired-and-received",
        "12.17.1",
        "H9: a receipt counts whenever it comes; life is expired, delivery part",
        as_of=LATER,
        life="expired",
        delivery="part",
    )
    stage.say("SWA", "reconfirm", UNTIL_FEBRUARY, need, need)
    yield stage.case(
        "reconfirmed",
        "12.13.4",
        "H9: reconfirming brings the same id back",
        as_of=LATER,
        life="active",
        delivery="part",
    )
    stage.say("SWA", "reconfirm", {"valid_until": "2022-01-05T00:00:00Z"}, need, need)
    yield stage.case(
        "latest-word-counts",
        "12.13.4",
        "A mistaken date is corrected by an earlier one",
        as_of=LATER,
        life="expired",
    )
    stage.say("ELSE", "reconfirm", UNTIL_FEBRUARY, need, need)
    yield stage.case(
        "stranger-reconfirms",
        "12.12.2",
        "Only the steward reconfirms",
        as_of=LATER,
        life="expired",
    )
    stage, need = wanted()
    wrong = stage.say("SWA", "reconfirm", UNTIL_FEBRUARY, need, need, clock=9)
    early = {"valid_until": "2022-01-05T00:00:00Z"}
    stage.say("SWA", "reconfirm", early, need, need, clock=3, replaces=[wrong])
    yield stage.case(
        "replaced-reconfirmation",
        "12.13.4",
        "A replaced date says nothing, whatever its clock; the need itself ranks below",
        as_of=LATER,
        life="expired",
        valid_until_ms=1_641_340_800_000,
    )


def _closing() -> Scenes:
    stage, need = wanted(line("a", exact(10, "t")), line("b", exact(5, "ge")))
    promise = stage.commit("COOP", need, exact(10, "t"))
    stage.accept(need, promise, exact(10, "t"), by="COOP")
    stage.goods("SWA", "receipt", need, exact(3, "t"), promise)
    stage.close("SWA", need, "no_help_wanted", lines=["a"])
    yield stage.case(
        "closed-line-owes",
        "12.14.1",
        "A line closed with promises on it says what is owed; the other line decides coverage",
        a_closed=True,
        coverage="none",
        life="active",
        flags=["required_below_accepted:7000"],
    )
    stage.close("SWA", need, "done_by_others", lines=["b"])
    yield stage.case(
        "all-lines-closed",
        "12.14.2",
        "All lines closed: the need is, with the reason of the last; all lines count again",
        life="closed",
        reason="done_by_others",
        coverage="part",
    )
    stage, need = wanted()
    whole = stage.close("SWA", need, "fulfilled")
    stage.revise("SWA", need, line("a", exact(10, "t")), line("b", exact(1, "t")))
    yield stage.case(
        "line-added-after-closing",
        "12.14.1",
        "A line added after a whole close is closed",
        b_closed=True,
        life="closed",
    )
    stage.say("SWA", "reopen", {"lines": ["b"]}, need, need, replaces=[whole])
    yield stage.case(
        "line-reopened",
        "12.14.1",
        "and reopening it alone leaves the other closed",
        a_closed=True,
        b_closed=False,
        life="active",
    )


def _closing_by_others() -> Scenes:
    stage, need = wanted()
    stage.close("GOV", need, "done_by_others")
    yield stage.case(
        "closed-by-a-government",
        "12.12.2",
        "A15: kept, no effect, flagged",
        life="active",
        flags=["unauthorised"],
    )
    stage = Stage("base")
    incident = stage.say("SWA", "incident", {"start": "2021-12-22T00:00:00+08:00"})
    stage.close("SWA", incident, "done_by_others")
    yield stage.case(
        "closed-incident",
        "12.14.2",
        "A20: an incident has a life and no other axes",
        life="closed",
        coverage=None,
        delivery=None,
    )
    stage, need = wanted()
    promise = stage.commit("COOP", need, exact(10, "t"))
    stage.accept(need, promise, exact(10, "t"), by="COOP")
    stage.revise("SWA", need, line("a", exact(6, "t")))
    yield stage.case(
        "required-below-accepted",
        "12.19.1",
        "A revision below what was accepted is flagged apart from accepting too much",
        flags=["required_below_accepted:4000"],
    )


def _targets() -> Scenes:
    stage, need = wanted(line("a", {"bound": "unbounded", "unit": "ge"}))
    stage.goods("SWA", "receipt", need, exact(500, "ge"))
    yield stage.case(
        "unbounded-line",
        "12.17.3",
        "An unbounded need half served: no target, part",
        a_received="500",
        a_open=None,
        coverage="no_target",
        delivery="part",
    )
    stage, need = wanted(line("a", {"bound": "unknown"}), line("b", exact(5, "ge")))
    stage.goods("SWA", "receipt", need, exact(5, "ge"), on="b")
    yield stage.case(
        "line-without-target",
        "12.17.3",
        "Lines without target count for coverage only if all are; for delivery always",
        coverage="full",
        delivery="part",
    )
    stage, need = wanted(line("a", {"bound": "at_least", "min": "5", "unit": "ge"}),
                         line("b", {"bound": "up_to", "max": "5", "unit": "ge"}),
                         line("c", {"bound": "estimate", "min": "2", "max": "9", "unit": "ge"}),
                         line("d", exact(0, "ge")))  # fmt: skip
    yield stage.case(
        "targets-by-bound",
        "12.3.8",
        "The least of a range is the target; at most has none; zero is satisfied",
        a_required="5",
        b_required=None,
        c_required="2",
        d_required="0",
        coverage="none",
    )


def checked() -> tuple[Stage, bytes, dict[str, Any]]:
    """200 households, confirmed in place and quantity."""
    facts = body(line("a", exact(200, "hh")))
    stage = Stage()
    need = stage.say("SWA", "need", facts)
    check(stage, "CHECK", need, facts, "confirmed", "place", "quantity")
    return stage, need, facts


def check(
    stage: Stage, author: str, need: bytes, facts: dict[str, Any], outcome: str, *groups: str
) -> bytes:
    """A verify of what these facts state."""
    values: dict[str, Any] = {
        "place": facts["place"],
        "quantity": [[entry["id"], entry["quantity"]] for entry in facts["lines"]],
        "urgency": {"urgency": facts["urgency"]},
    }
    bound = {
        name: True
        if name not in values
        else raw.digest("checked", raw.encode([name, "", values[name]]))
        for name in groups
    }
    said = {"outcome": outcome, "method": "two_way", "checked": bound}
    return stage.say(author, "verify", said, need, b"", need)


def _checks() -> Scenes:
    stage, need, facts = checked()
    check(stage, "SWA", need, facts, "confirmed", "exists", "urgency")
    yield stage.case(
        "checked",
        "12.18.4",
        "Fresh checks confirm; the own desk is no third party",
        checked="confirmed",
    )
    stage.revise("SWA", need, line("a", exact(260, "hh")))
    yield stage.case(
        "check-outdated",
        "12.18.2",
        "H4: raised from 200 to 260, the check of the quantity is outdated, that of the place not",
        checked="outdated",
    )
    stage, need, facts = checked()
    check(stage, "OTHER", need, facts, "refuted", "quantity")
    yield stage.case(
        "check-disputed",
        "12.18.4",
        "H5: one confirms, another refutes",
        checked="disputed",
    )
    check(stage, "OTHER", need, facts, "partly", "quantity")
    yield stage.case(
        "check-latest",
        "12.18.3",
        "Only the latest word of each checker counts",
        checked="partly",
    )
    stage, need, facts = checked()
    refuted = check(stage, "OTHER", need, facts, "refuted", "place")
    said = {"outcome": "confirmed", "method": "desk", "checked": {"exists": True}}
    stage.say("SWA", "verify", said, need, b"", need, replaces=[refuted])
    yield stage.case(
        "check-not-taken-back-by-others",
        "12.18.3",
        "Nobody replaces the check of another",
        checked="disputed",
    )


def _standings() -> Scenes:
    stage, need = wanted()
    stage.commit("COOP", need, exact(1, "t"))
    stage.forget(need)
    yield stage.case(
        "need-not-held",
        "12.9.3",
        "What comes before its need is pending",
        things=0,
        standing={"pending": 1},
    )
    stage, need = wanted()
    stage.say("SWA", "need", body(line("a", exact(1, "t"))), topic="base")
    stage.say("SWA", "org", {"kind": "ngo"})
    stage.say("SWA", "trade/3", {"x": 1}, need)
    stage.say("SWA", "post", None, need)
    stage.say("SWA", "close", {"reason": "duplicate"}, need, need, topic="hea")
    stage.say("SWA", "close", {"reason": "duplicate"}, need)
    yield stage.case(
        "standings",
        "12.9.3",
        "Misplaced, unknown, not interpreted, of another scope, without a required ref",
        life="active",
        standing={
            "effective": 1,
            "misplaced": 2,
            "not_interpreted": 1,
            "pending": 1,
            "unknown": 1,
            "unreadable": 1,
        },
    )
    stage, need = wanted()
    stage.say("SWA", "need", body(line("a", exact(1, "t")), place=PLACE), topic="hea")
    stage.records.append(dict(stage.records[0]))
    bare = {**stage.records[0], "facts": None, "state": "missing"}
    stage.records.insert(0, bare)
    stage.records.append(bare)
    yield stage.case(
        "copies",
        "12.9.1",
        "Copies count once, the one with facts before one without; scopes stay apart",
        things=2,
        standing={"effective": 2},
    )
    stage, need = wanted()
    one = stage.revise("SWA", need, line("a", exact(2, "t")), replaces=[raw.bytes_from("record 2")])
    stage.revise("SWA", need, line("a", exact(3, "t")), replaces=[one])
    yield stage.case(
        "heads-in-a-circle",
        "12.11.3",
        "Hashes don't allow a circle, but a fold must end: all are heads then",
        a_required="3000",
        flags=["concurrent"],
    )
