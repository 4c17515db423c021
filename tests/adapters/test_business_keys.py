"""A row is known again by what it says, never by where it stands. Decision 0011, Threat 43."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.fake_node import FakeNode
from adapters.mapping_samples import (
    HEADER,
    ROW,
    changed,
    only_draft,
    only_refusal,
    plan_of,
    sheet_mapping,
    sheet_plan,
    write_csv,
    write_json,
)
from hutong_adapters.business_keys import SHARED_MAX, key_number, numbered_key
from hutong_adapters.comparing import OLDER, VANISHED
from hutong_adapters.mapping import RowMapping
from hutong_adapters.runner import Report, Wish, send_plan

NUMBERED = changed('columns = ["编号"]', 'columns = ["编号"]\nduplicates = "number"')


def row(number: str, amount: str) -> list[str]:
    return [number, *ROW[1:3], amount, *ROW[4:]]


def send(
    node: FakeNode, mapping: RowMapping, folder: Path, rows: list[list[str]], *, complete: bool
) -> Report:
    plan = plan_of(mapping, write_csv(folder, [HEADER, *rows]))
    # What stops an import that nobody can have meant is another test's business.
    accepted = {OLDER, *(f"{VANISHED}={count}" for count in range(20))}
    return asyncio.run(send_plan(plan, node, Wish(complete, accepted=frozenset(accepted))))


@pytest.mark.parametrize("other", ["A-1", " A-1 ", "a-1", "Ａ-1", "A-1\u200b", "A-1\t"])
def test_keys_are_compared_as_people_read_them(tmp_path: Path, other: str) -> None:
    key = only_draft(sheet_plan(tmp_path, row("A-1", "20"))).draft.key
    assert only_draft(sheet_plan(tmp_path, row(other, "20"))).draft.key == key
    assert only_draft(sheet_plan(tmp_path, row("A-2", "20"))).draft.key != key


def test_a_key_is_opaque_and_says_nothing_of_the_row(tmp_path: Path) -> None:
    key = only_draft(sheet_plan(tmp_path, row("13800138000", "20"))).draft.key
    assert "13800138000" not in key
    assert len(key) == 32


def test_columns_of_a_key_do_not_run_into_each_other(tmp_path: Path) -> None:
    mapping = sheet_mapping(tmp_path, changed('columns = ["编号"]', 'columns = ["编号", "物资"]'))
    rows = [["ab", "610113", "c", *ROW[3:]], ["a", "610113", "bc", *ROW[3:]]]
    plan = plan_of(mapping, write_csv(tmp_path, [HEADER, *rows]))
    assert len({each.draft.key for each in plan.drafts}) == 2


def test_the_key_of_a_number_and_of_its_text_is_one(tmp_path: Path) -> None:
    mapping = sheet_mapping(tmp_path)
    keys = []
    for cell in (17, "17"):
        cells: dict[str, object] = dict(zip(HEADER, ROW, strict=True))
        path = write_json(tmp_path, [cells | {"编号": cell}])
        keys.append(only_draft(plan_of(mapping, path)).draft.key)
    assert keys[0] == keys[1]


def test_a_row_without_a_key_is_refused(tmp_path: Path) -> None:
    refusal = only_refusal(sheet_plan(tmp_path, row(" ", "20")))
    assert (refusal.cell, refusal.rule) == (
        "编号",
        "is empty, and by it the row is known again",
    )


def test_equal_rows_of_one_key_count_once(tmp_path: Path) -> None:
    plan = sheet_plan(tmp_path, row("A-1", "20"), row("a-1", "20"))
    assert only_draft(plan).row.number == 2
    assert [(copy.row.number, copy.counted.number) for copy in plan.copies] == [(3, 2)]


def test_different_rows_of_one_key_are_refused_and_name_each_other(tmp_path: Path) -> None:
    plan = sheet_plan(tmp_path, row("A-1", "20"), row("A-1", "30"), row("A-2", "1"))
    assert [each.row.number for each in plan.drafts] == [4]
    assert [(each.row, "sheet.csv row" in each.rule) for each in plan.refused] == [
        (2, True),
        (3, True),
    ]


@pytest.mark.parametrize(("duplicates", "number"), [("first", 2), ("last", 4)])
def test_the_first_or_last_row_of_a_key_counts_where_the_mapping_says_so(
    tmp_path: Path, duplicates: str, number: int
) -> None:
    text = changed('columns = ["编号"]', f'columns = ["编号"]\nduplicates = "{duplicates}"')
    rows = [row("A-1", "20"), row("A-1", "30"), row("A-1", "40")]
    plan = sheet_plan(tmp_path, *rows, mapping=text)
    assert only_draft(plan).row.number == number
    assert len(plan.copies) == 2


def test_a_key_of_very_many_rows_is_no_key(tmp_path: Path) -> None:
    rows = [row("A-1", str(number)) for number in range(SHARED_MAX + 1)]
    plan = sheet_plan(tmp_path, *rows, mapping=NUMBERED)
    assert plan.drafts == ()
    assert len(plan.refused) == SHARED_MAX + 1


def test_the_number_of_a_key_is_read_as_it_was_written() -> None:
    assert [key_number(numbered_key("k", number)) for number in (1, 2, 17)] == [
        ("k", 1),
        ("k", 2),
        ("k", 17),
    ]
    assert key_number("other#scheme") == ("other", 1)


def test_rows_of_one_key_are_numbered_and_known_again(tmp_path: Path) -> None:
    node, mapping = FakeNode(), sheet_mapping(tmp_path, NUMBERED)
    rows = [row("A-1", "20"), row("A-1", "30"), row("A-2", "1")]
    assert send(node, mapping, tmp_path, rows, complete=True).counts["new"] == 3
    again = send(node, mapping, tmp_path, rows[::-1], complete=True)
    assert (again.counts["unchanged"], again.signed) == (3, 0)


@pytest.mark.parametrize(
    ("after", "counts"),
    [
        (["20", "31"], {"unchanged": 1, "revised": 1}),
        (["31", "20"], {"unchanged": 1, "revised": 1}),
        (["30"], {"unchanged": 1, "closed": 1}),
        (["20"], {"unchanged": 1, "closed": 1}),
        (["7", "30", "20"], {"unchanged": 2, "new": 1}),
        (["8", "9"], {"revised": 2}),
        (["20", "20"], {"unchanged": 1, "revised": 1}),
        ([], {"closed": 2}),
    ],
)
def test_an_edit_among_rows_of_one_key_signs_exactly_that_edit(
    tmp_path: Path, after: list[str], counts: dict[str, int]
) -> None:
    node, mapping = FakeNode(), sheet_mapping(tmp_path, NUMBERED)
    kept = row("B-1", "1")
    send(node, mapping, tmp_path, [row("A-1", "20"), row("A-1", "30"), kept], complete=True)
    rows = [*(row("A-1", amount) for amount in after), kept]
    report = send(node, mapping, tmp_path, rows, complete=True)
    assert report.counts == Counter(counts) + Counter(unchanged=1)


amounts = st.lists(st.sampled_from(["1", "2", "3", "4"]), max_size=5)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=4), st.randoms())
def test_no_order_of_rows_signs_anything_and_no_edit_signs_more_than_it_is(
    tmp_path_factory: pytest.TempPathFactory,
    versions: list[tuple[list[str], list[str]]],
    chance: random.Random,
) -> None:
    """Threat 43. What stays is the multiset of each key; the rest is edited, new or gone."""
    folder = tmp_path_factory.mktemp("keys")
    node, mapping = FakeNode(), sheet_mapping(folder, NUMBERED)
    before = {"A-1": Counter[str](), "A-2": Counter[str]()}
    for one, two in versions:
        now = {"A-1": Counter(one), "A-2": Counter(two)}
        rows = [row(key, each) for key, found in now.items() for each in found.elements()]
        rows.append(row("B-1", "1"))
        chance.shuffle(rows)
        report = send(node, mapping, folder, rows, complete=True)
        same = sum((now[key] & before[key]).total() for key in now)
        edited = sum(
            min((now[key] - before[key]).total(), (before[key] - now[key]).total()) for key in now
        )
        assert report.counts["unchanged"] >= same
        assert report.counts["revised"] == edited
        chance.shuffle(rows)
        assert send(node, mapping, folder, rows, complete=True).signed == 0
        before = now
