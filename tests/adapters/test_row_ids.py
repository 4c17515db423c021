"""A column `hutong_id` says which record a row is, and is no column that a mapping has to know."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from adapters.fake_node import FakeNode
from adapters.mapping_samples import HEADER, ROW, changed, plan_of, sheet_mapping, write_csv
from hutong_adapters.planning import Plan
from hutong_adapters.row_ids import HUTONG_ID, HUTONG_REVISION, in_sending_order
from hutong_adapters.runner import Wish, send_plan
from hutong_protocol.ids import IdKind, format_id

IDS = [format_id(IdKind.RECORD, bytes([number]) * 32) for number in range(9)]
NUMBERED = changed('columns = ["编号"]', 'columns = ["编号"]\nduplicates = "number"')


def plan(folder: Path, *rows: list[str], mapping: str = "") -> Plan:
    loaded = sheet_mapping(folder, mapping) if mapping else sheet_mapping(folder)
    header = [HUTONG_ID, *HEADER, HUTONG_REVISION]
    return plan_of(loaded, write_csv(folder, [header, *rows]))


def row(identifier: str, key: str = "A-1", amount: str = "20", seen: str = "") -> list[str]:
    return [identifier, key, *ROW[1:3], amount, *ROW[4:], seen]


def test_a_row_names_its_record_and_the_version_that_it_shows(tmp_path: Path) -> None:
    planned = plan(tmp_path, row(f" {IDS[1]} ", seen=IDS[2]), row("", "A-2"))
    assert planned.refused == ()
    one, two = (each.draft for each in planned.drafts)
    assert (one.thing, one.seen) == (IDS[1], IDS[2])
    assert (two.thing, two.seen) == (None, None)
    node = FakeNode()
    asyncio.run(send_plan(planned, node, Wish()))
    first, second = node.requests[0]["rows"]
    assert (first["thing"], first["seen"]) == (IDS[1], IDS[2])
    assert not {"thing", "seen"} & second.keys()


@pytest.mark.parametrize("wrong", ["x", IDS[1][:-1], IDS[1].upper(), IDS[1] + "a", "13800138000"])
def test_what_is_no_id_is_refused_with_its_cell_and_not_quoted(tmp_path: Path, wrong: str) -> None:
    planned = plan(tmp_path, row(wrong), row(IDS[1], "A-2"))
    (refusal,) = planned.refused
    assert (refusal.row, refusal.cell.startswith(HUTONG_ID)) == (2, True)
    assert wrong not in str(refusal)
    assert len(planned.drafts) == 1


def test_a_row_copied_with_its_id_is_refused_with_the_other_one(tmp_path: Path) -> None:
    planned = plan(tmp_path, row(IDS[1]), row(IDS[1], "A-2"), row(IDS[2], "A-3"))
    assert [(each.row, "sheet.csv row" in each.rule) for each in planned.refused] == [
        (2, True),
        (3, True),
    ]
    assert [each.draft.thing for each in planned.drafts] == [IDS[2]]


def test_copies_of_a_row_share_the_id_of_any_of_them(tmp_path: Path) -> None:
    planned = plan(tmp_path, row(""), row(IDS[1]), row(IDS[1]))
    assert [each.draft.thing for each in planned.drafts] == [IDS[1]]
    assert len(planned.copies) == 2


def test_rows_of_one_key_that_name_two_records_are_no_copies(tmp_path: Path) -> None:
    assert len(plan(tmp_path, row(IDS[1]), row(IDS[2])).refused) == 2
    numbered = plan(tmp_path, row(IDS[1]), row(IDS[2]), mapping=NUMBERED)
    assert [each.draft.thing for each in numbered.drafts] == [IDS[1], IDS[2]]


def test_a_numbered_row_keeps_the_number_of_the_record_that_it_names(tmp_path: Path) -> None:
    node = FakeNode()
    rows = [row("", amount="20"), row("", amount="30")]
    asyncio.run(send_plan(plan(tmp_path, *rows, mapping=NUMBERED), node, Wish()))
    by_amount = {each["facts"]["lines"][0]["quantity"]["value"]: each["key"]
                 for each in node.requests[-1]["rows"]}  # fmt: skip
    node.things = {by_amount["20"]: IDS[1], by_amount["30"]: IDS[2]}
    # Both edited at once, which no content could tell apart.
    edited = [row(IDS[2], amount="31"), row(IDS[1], amount="21")]
    asyncio.run(send_plan(plan(tmp_path, *edited, mapping=NUMBERED), node, Wish()))
    sent = {each["thing"]: each["key"] for each in node.requests[-1]["rows"]}
    assert sent == {IDS[1]: by_amount["20"], IDS[2]: by_amount["30"]}


def test_rows_that_name_their_record_are_sent_first(tmp_path: Path) -> None:
    """A key that such a row left is free for the rows behind it."""
    planned = plan(tmp_path, row("", "A-1"), row(IDS[1], "A-2"), row("", "A-3"))
    ordered = in_sending_order(planned.drafts)
    assert [each.row.number for each in ordered] == [3, 2, 4]
