"""An import sends each row once, says nothing twice, and never closes what it could not read.

A1 and A5 of the coordination design with rows of our own; Threat 43.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.fake_node import FakeNode
from adapters.mapping_samples import (
    HEADER,
    ROW,
    changed,
    plan_of,
    sheet_mapping,
    write_csv,
)
from hutong_adapters import runner
from hutong_adapters.interface import NodeRefused, NodeUnavailable
from hutong_adapters.planning import Plan
from hutong_adapters.runner import Report, Wish, send_plan

LOOK = Wish(look=True)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(runner, "WAIT_PAUSE_S", 0.001)
    monkeypatch.setattr(runner, "WAIT_S", 0.005)


def rows_of(count: int) -> list[list[str]]:
    return [[f"A-{number}", *ROW[1:3], str(number), *ROW[4:]] for number in range(1, count + 1)]


def plan(folder: Path, rows: list[list[str]], mapping: str = "") -> Plan:
    loaded = sheet_mapping(folder, mapping) if mapping else sheet_mapping(folder)
    return plan_of(loaded, write_csv(folder, [HEADER, *rows]))


def send(node: FakeNode, planned: Plan, wish: Wish | None = None) -> Report:
    return asyncio.run(send_plan(planned, node, wish or Wish()))


def test_a_second_import_signs_nothing(tmp_path: Path) -> None:
    node = FakeNode()
    planned = plan(tmp_path, rows_of(250))
    first, second = send(node, planned), send(node, planned)
    assert (first.counts["new"], first.signed) == (250, 250)
    assert (second.counts["unchanged"], second.signed) == (250, 0)
    assert node.open_run is None


def test_a_file_goes_in_chunks_of_one_run_of_which_only_the_last_ends_it(tmp_path: Path) -> None:
    node = FakeNode()
    seen: list[int] = []
    asyncio.run(send_plan(plan(tmp_path, rows_of(250)), node, Wish(), on_sent=seen.append))
    assert [len(request["rows"]) for request in node.requests] == [100, 100, 50]
    assert [request["last"] for request in node.requests] == [False, False, True]
    assert len({request["run"] for request in node.requests if "run" in request}) == 1
    assert seen == [100, 200, 250]


def test_chunks_fit_the_body_of_a_request(tmp_path: Path) -> None:
    text = changed("title = {", 'note = { from = "备注" }\ntitle = {')
    text = changed('ignore = ["备注"]', "", text)
    rows = [[*each[:5], "需" * 2_700] for each in rows_of(60)]
    node = FakeNode()
    assert send(node, plan(tmp_path, rows, text)).counts["new"] == 60
    assert len(node.requests) > 1


def test_a_shared_sheet_signs_exactly_its_edits(tmp_path: Path) -> None:
    """A5: one quantity raised, one row deleted, the order shuffled, one row added."""
    node = FakeNode()
    before = rows_of(10)
    assert send(node, plan(tmp_path, before), Wish(complete=True)).signed == 10
    after = [list(each) for each in before if each[0] != "A-7"] + rows_of(11)[10:]
    next(each for each in after if each[0] == "A-3")[3] = "260"
    random.Random(5).shuffle(after)
    report = send(node, plan(tmp_path, after), Wish(complete=True))
    assert report.counts == {"unchanged": 8, "revised": 1, "new": 1, "closed": 1}
    assert [gone["row"] for gone in report.gone] == ["sheet.csv row 8"]
    assert report.signed == 3


def test_without_complete_a_missing_row_is_told_and_not_closed(tmp_path: Path) -> None:
    """A5."""
    node = FakeNode()
    send(node, plan(tmp_path, rows_of(3)))
    report = send(node, plan(tmp_path, rows_of(2)))
    assert report.counts == {"unchanged": 2, "gone": 1}
    assert report.signed == 0


def test_a_mapping_may_say_that_its_files_are_complete(tmp_path: Path) -> None:
    node = FakeNode()
    text = changed("[key]", "[rows]\ncomplete = true\n[key]")
    send(node, plan(tmp_path, rows_of(3), text))
    assert send(node, plan(tmp_path, rows_of(2), text)).counts["closed"] == 1


def test_a_refused_row_is_no_vanished_one(tmp_path: Path) -> None:
    node = FakeNode()
    send(node, plan(tmp_path, rows_of(3)))
    rows = rows_of(3)[:2]
    rows[1][3] = "二"
    report = send(node, plan(tmp_path, rows), Wish(complete=True))
    assert report.complete is False
    assert "refused" in report.not_complete
    # The row stands in the file, refused: only the third one is gone.
    assert report.counts == {"unchanged": 1, "refused": 1, "gone": 1}
    assert [gone["row"] for gone in report.gone] == ["sheet.csv row 4"]
    assert not any(known.closed for known in node.rows.values())


def test_two_rows_of_one_key_that_differ_are_refused_and_not_gone(tmp_path: Path) -> None:
    node = FakeNode()
    send(node, plan(tmp_path, rows_of(3)))
    first, second, third = rows_of(3)
    report = send(node, plan(tmp_path, [first, second, [second[0], *third[1:]], third]))
    assert report.counts == {"unchanged": 2, "refused": 2}
    look = send(node, plan(tmp_path, [first, [*second[:3], "二", *second[4:]], third]), LOOK)
    assert look.survey is not None
    assert look.survey.vanished() == []


def test_row_whose_key_cannot_be_read_is_told_as_one_that_may_be_gone(tmp_path: Path) -> None:
    node = FakeNode()
    send(node, plan(tmp_path, rows_of(2)))
    first, second = rows_of(2)
    report = send(node, planned := plan(tmp_path, [first, ["", *second[1:]]]))
    assert report.counts == {"unchanged": 1, "refused": 1, "gone": 1}
    assert planned.standing.unplaced == 1


def test_look_tells_why_the_node_would_refuse_a_row(tmp_path: Path) -> None:
    node = FakeNode(refuse={})
    send(node, plan(tmp_path, rows_of(2)))
    node.refuse = dict.fromkeys(node.rows, ("text.title", "was erased"))
    report = send(node, plan(tmp_path, rows_of(2)), LOOK)
    assert [(each.row, each.rule) for each in report.refused] == [
        (2, "was erased"),
        (3, "was erased"),
    ]
    assert report.sent == 0


def test_a_file_without_rows_closes_nothing(tmp_path: Path) -> None:
    node = FakeNode()
    send(node, plan(tmp_path, rows_of(3)))
    report = send(node, plan(tmp_path, []), Wish(complete=True))
    assert "no row" in report.not_complete
    assert not any(known.closed for known in node.rows.values())


def test_rows_wait_unsigned_where_the_mapping_or_the_caller_says_so(tmp_path: Path) -> None:
    for text, wish in (
        (changed('screening = "off"\n', ""), Wish()),
        (changed("", ""), Wish(queue=True)),
    ):
        node = FakeNode()
        report = send(node, plan(tmp_path, rows_of(3), text), wish)
        assert (report.counts, report.signed) == ({"queued": 3}, 0)
        assert len(node.waiting) == 3


PLATFORM = changed("title = {", 'note = { from = "备注" }\ntitle = {')
PLATFORM = changed('ignore = ["备注"]', "", PLATFORM)
PLATFORM = changed('columns = ["编号"]', 'columns = ["编号"]\nduplicates = "first"', PLATFORM)
PLATFORM = changed('screening = "off"\n', "", PLATFORM)


@pytest.mark.parametrize(
    ("personal", "drafts", "refused"),
    [("", 3, 1), (', personal = "drop"', 4, 0), (', personal = "at_home"', 4, 0)],
)
def test_five_rows_of_a_platform_wait_for_its_screeners(
    tmp_path: Path, personal: str, drafts: int, refused: int
) -> None:
    """A1: one row has a mobile number in its text, one a native id that was there before."""
    text = changed('note = { from = "备注" }', f'note = {{ from = "备注"{personal} }}', PLATFORM)
    rows = rows_of(4)
    rows[2][5] = "请打13800138000"
    rows.append([*rows[0][:5], "再次提交"])
    node = FakeNode()
    for _ in range(2):
        planned = plan(tmp_path, rows, text)
        report = send(node, planned)
        assert report.counts["queued"] == drafts
        assert report.counts["copy"] == 1
        assert [(each.row, each.cell, each.rule) for each in report.refused] == [
            (4, "备注", "pii:cn_mobile")
        ] * refused
        assert report.signed == 0
        assert len(node.waiting) == drafts
    signed_or_sent = "".join(
        f"{row['facts']}{row['text']}" for request in node.requests for row in request["rows"]
    )
    assert "13800138000" not in signed_or_sent


def test_what_stays_at_home_goes_to_the_own_node_only_beside_the_draft(tmp_path: Path) -> None:
    text = changed('ignore = ["备注"]', "") + '[sensitive]\ncontact = { from = "备注" }\n'
    rows = rows_of(1)
    rows[0][5] = "13800138000"
    node = FakeNode()
    send(node, plan(tmp_path, rows, text))
    (row,) = node.requests[0]["rows"]
    assert row["sensitive"] == {"contact": "13800138000"}
    assert "13800138000" not in f"{row['facts']}{row['text']}{row['key']}{row['row']}"


def test_what_the_node_refuses_is_told_with_its_cell(tmp_path: Path) -> None:
    planned = plan(tmp_path, rows_of(2))
    node = FakeNode(
        refuse={planned.drafts[1].draft.key: ("facts.lines[0].quantity.unit", "is unknown")}
    )
    report = send(node, planned)
    (refusal,) = report.refused
    assert (refusal.row, refusal.cell, refusal.rule) == (3, "单位", "is unknown")
    assert report.counts == {"new": 1, "refused": 1}


def test_a_node_that_is_busy_is_asked_again_and_a_row_is_signed_once(tmp_path: Path) -> None:
    busy = NodeUnavailable("busy")
    node = FakeNode(failures=[busy, busy, None, busy])
    report = send(node, plan(tmp_path, rows_of(150)))
    assert (report.counts, node.signed) == ({"new": 150}, 150)
    assert len(node.requests) == 5


def test_a_node_that_stays_away_ends_the_import_and_the_next_one_goes_on(tmp_path: Path) -> None:
    node = FakeNode(failures=[None, *[NodeUnavailable("gone")] * runner.TRIES])
    planned = plan(tmp_path, rows_of(250))
    with pytest.raises(NodeUnavailable):
        send(node, planned, Wish(complete=True))
    assert node.signed == 100
    assert node.open_run is None
    report = send(node, planned, Wish(complete=True))
    assert (report.counts, report.taken) == ({"new": 150}, 100)
    assert node.signed == 250


def test_a_refused_import_is_not_tried_again(tmp_path: Path) -> None:
    node = FakeNode(failures=[NodeRefused("no such source")])
    with pytest.raises(NodeRefused):
        send(node, plan(tmp_path, rows_of(1)))
    assert len(node.requests) == 1


def test_an_import_waits_until_a_killed_one_is_taken_for_dead(tmp_path: Path) -> None:
    busy = NodeRefused("another run of this source is under way", runner.UNDER_WAY)
    node = FakeNode(failures=[busy, busy])
    told: list[str] = []
    planned = plan(tmp_path, rows_of(3))
    report = asyncio.run(send_plan(planned, node, Wish(), on_wait=told.append))
    assert report.counts == {"new": 3}
    assert told == ["another run of this source is under way"]


def test_an_import_does_not_wait_for_a_living_one_without_end(tmp_path: Path) -> None:
    busy = NodeRefused("another run of this source is under way", runner.UNDER_WAY)
    node = FakeNode(failures=[busy] * 50)
    with pytest.raises(NodeRefused):
        send(node, plan(tmp_path, rows_of(3)))
    assert len(node.requests) < 10
    assert node.signed == 0


class Interrupting(FakeNode):
    """Cancels the import when a number of requests have been answered."""

    async def import_rows(self, source: str, request: Mapping[str, Any]) -> dict[str, Any]:
        answer = await FakeNode.import_rows(self, source, request)
        if len(self.requests) == 2:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
        return answer


def test_an_interrupted_import_closes_nothing_and_goes_on_where_it_stopped(
    tmp_path: Path,
) -> None:
    node = Interrupting()
    planned = plan(tmp_path, rows_of(450))
    with pytest.raises(asyncio.CancelledError):
        send(node, planned, Wish(complete=True))
    assert node.signed == 200
    assert node.requests[-1]["pause"]
    assert (node.requests[-1]["last"], node.requests[-1]["complete"]) == (False, False)
    resumed = send(node, planned, Wish(complete=True))
    assert (resumed.counts, resumed.taken, resumed.gone) == ({"new": 250}, 200, [])
    assert node.signed == 450
    assert len({request["run"] for request in node.requests if "run" in request}) == 1


def test_an_interrupted_import_of_another_state_is_not_gone_on_with(tmp_path: Path) -> None:
    node = Interrupting()
    with pytest.raises(asyncio.CancelledError):
        send(node, plan(tmp_path, rows_of(250)))
    rows = rows_of(250)
    rows[0][3] = "999"
    report = send(node, plan(tmp_path, rows))
    assert (report.counts, report.taken) == ({"revised": 1, "unchanged": 199, "new": 50}, 0)


def test_every_row_is_sent_again_where_its_record_is_asked_for(tmp_path: Path) -> None:
    node = Interrupting()
    planned = plan(tmp_path, rows_of(250))
    with pytest.raises(asyncio.CancelledError):
        send(node, planned)
    report = send(node, planned, Wish(whole=True))
    assert (report.counts, report.taken) == ({"unchanged": 200, "new": 50}, 0)


def test_marks_go_with_their_row_and_let_it_wait(tmp_path: Path) -> None:
    text = changed('ignore = ["备注"]', "", sheet_with_note(', personal = "cut"'))
    rows = rows_of(2)
    rows[1][5] = "请打13800138000 急"
    node = FakeNode()
    assert send(node, plan(tmp_path, rows, text)).counts == {"new": 1, "queued": 1}
    (mark,) = node.requests[0]["rows"][1]["marks"]
    assert (mark["cell"].startswith("备注"), mark["what"]) == (True, "pii:cn_mobile")
    assert "13800138000" not in str(node.requests)


def sheet_with_note(personal: str) -> str:
    """The sheet's mapping with a note."""
    return changed("title = {", f'note = {{ from = "备注"{personal} }}\ntitle = {{')
