"""A file that nobody can have meant stops before anything is signed, and can be meant all the same.

Threat 43: neither a copy nor an older state nor renamed keys publish a row a second time.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

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
from hutong_adapters.comparing import (
    COLUMNS,
    COPY,
    OLDER,
    TWICE,
    VANISHED,
    run_name,
    state_digest,
)
from hutong_adapters.interface import FileRefused
from hutong_adapters.planning import Plan
from hutong_adapters.runner import Report, Wish, send_plan


def rows_of(count: int, first: str = "A-{}") -> list[list[str]]:
    return [[first.format(n), *ROW[1:3], str(n), *ROW[4:]] for n in range(1, count + 1)]


def plan(folder: Path, rows: list[list[str]], mapping: str = "") -> Plan:
    loaded = sheet_mapping(folder, mapping) if mapping else sheet_mapping(folder)
    return plan_of(loaded, write_csv(folder, [HEADER, *rows]))


def send(node: FakeNode, planned: Plan, *accepted: str, complete: bool = True) -> Report:
    wish = Wish(complete, accepted=frozenset(accepted))
    return asyncio.run(send_plan(planned, node, wish))


def stopped(node: FakeNode, planned: Plan, *, complete: bool = True) -> FileRefused:
    """Why an import stops; nothing was signed and nothing closed."""
    before = (node.signed, [known.closed for known in node.rows.values()])
    with pytest.raises(FileRefused) as refused:
        send(node, planned, complete=complete)
    assert (node.signed, [known.closed for known in node.rows.values()]) == before
    assert node.open_run is None
    return refused.value


def test_the_state_of_a_file_is_what_its_rows_say_in_any_order(tmp_path: Path) -> None:
    rows = rows_of(5)
    one, two = plan(tmp_path, rows), plan(tmp_path, rows[::-1])
    assert state_digest(one) == state_digest(two)
    assert run_name(one, one.drafts) != run_name(two, two.drafts)
    rows[2][3] = "260"
    assert state_digest(one) != state_digest(plan(tmp_path, rows))


def test_a_file_given_twice_under_two_names_stops(tmp_path: Path) -> None:
    mapping = sheet_mapping(tmp_path)
    files = [write_csv(tmp_path, [HEADER, *rows_of(3)], name) for name in ("a.csv", "b.csv")]
    planned = plan_of(mapping, *files)
    node = FakeNode()
    refused = stopped(node, planned)
    assert (refused.file, refused.name) == ("b.csv", TWICE)
    assert "the same rows as a.csv" in str(refused)
    assert send(node, planned, TWICE).counts == {"new": 3, "copy": 3}


def test_an_older_state_of_the_file_stops_and_says_when_it_was_read(tmp_path: Path) -> None:
    node = FakeNode()
    older = rows_of(4)
    newer = [list(row) for row in older]
    newer[0][3] = "260"
    send(node, plan(tmp_path, older))
    send(node, plan(tmp_path, newer))
    refused = stopped(node, plan(tmp_path, older[::-1]))
    assert refused.name == OLDER
    assert node.runs[0]["at"] in str(refused)
    assert node.runs[1]["at"] in str(refused)
    assert send(node, plan(tmp_path, older), OLDER).counts == {"unchanged": 3, "revised": 1}
    # Now it is the newest state, and the other one is old.
    assert send(node, plan(tmp_path, older)).signed == 0
    assert stopped(node, plan(tmp_path, newer)).name == OLDER


def test_an_older_copy_that_was_never_imported_is_known_by_its_rows(tmp_path: Path) -> None:
    node = FakeNode()
    rows = rows_of(8)
    send(node, plan(tmp_path, rows))
    for place in (0, 1, 2, 3):
        rows[place][3] = "900"
        send(node, plan(tmp_path, rows))
    copy = rows_of(8)
    copy[3][3] = "900"  # a state between two imports
    refused = stopped(node, plan(tmp_path, copy))
    assert (refused.name, "3 rows" in str(refused)) == (OLDER, True)
    copy[7][3] = "7777"  # but with an edit of its own it is a state that never was
    assert send(node, plan(tmp_path, copy)).counts == {"revised": 4, "unchanged": 4}


def test_two_rows_that_go_back_are_two_edits_taken_back(tmp_path: Path) -> None:
    node = FakeNode()
    rows = rows_of(4)
    send(node, plan(tmp_path, rows[:3]))
    send(node, plan(tmp_path, [[*row[:3], "9", *row[4:]] for row in rows[:2]] + rows[2:]))
    report = send(node, plan(tmp_path, rows))
    assert report.counts == {"revised": 2, "unchanged": 2}


def test_a_file_of_another_source_stops(tmp_path: Path) -> None:
    node = FakeNode(elsewhere=[{"source": "town-sheet", "at": "2026-01-01T00:00:00Z"}])
    planned = plan(tmp_path, rows_of(3))
    refused = stopped(node, planned)
    assert (refused.name, "--source town-sheet" in refused.way_out) == (COPY, True)
    assert send(node, planned, COPY).counts == {"new": 3}
    assert send(node, planned).counts == {"unchanged": 3}


def test_an_optional_column_that_was_there_and_is_gone_stops(tmp_path: Path) -> None:
    text = changed("title = {", 'note = { from = "备注" }\ntitle = {')
    text = changed('ignore = ["备注"]', 'optional = ["备注"]', text)
    mapping = sheet_mapping(tmp_path, text)
    node = FakeNode()
    send(node, plan_of(mapping, write_csv(tmp_path, [HEADER, *rows_of(3)])))
    without = [row[:5] for row in [HEADER, *rows_of(3)]]
    planned = plan_of(mapping, write_csv(tmp_path, without))
    refused = stopped(node, planned)
    assert (refused.name, '"备注"' in refused.rule) == (COLUMNS, True)
    assert send(node, planned, COLUMNS).signed == 0
    # Once it was accepted, the file is the one without it.
    rows = [*without, ["A-9", *ROW[1:5]]]
    assert send(node, plan_of(mapping, write_csv(tmp_path, rows))).counts["new"] == 1


def test_another_sheet_would_close_most_rows_and_stops(tmp_path: Path) -> None:
    node = FakeNode()
    send(node, plan(tmp_path, rows_of(5)))
    other = [[f"Z-{n}", "610112", "面粉", "1", "袋", ""] for n in range(9)]
    refused = stopped(node, plan(tmp_path, [*rows_of(2), *other]))
    assert refused.name == VANISHED
    assert "lacks 3 of the 5 rows" in refused.rule
    assert f"--accept {VANISHED}=3" in refused.way_out
    planned = plan(tmp_path, [*rows_of(2), *other])
    with pytest.raises(FileRefused):
        send(node, planned, f"{VANISHED}=2")
    assert send(node, planned, f"{VANISHED}=3").counts == {"closed": 3, "new": 9, "unchanged": 2}


@pytest.mark.parametrize("complete", [True, False])
def test_rows_under_other_keys_are_known_by_what_they_say(tmp_path: Path, complete: bool) -> None:
    """The key column was refilled: nothing would be closed without `complete`, but doubled."""
    node = FakeNode()
    send(node, plan(tmp_path, rows_of(9)), complete=complete)
    rows = [*rows_of(9, "B-{}")[:3], *rows_of(9)[3:]]
    refused = stopped(node, plan(tmp_path, rows), complete=complete)
    assert (refused.name, '"编号"' in refused.rule) == (VANISHED, True)
    assert "a second time" in refused.rule
    accepted = send(node, plan(tmp_path, rows), f"{VANISHED}=3", complete=complete)
    assert accepted.counts["new"] == 3


def test_few_rows_of_a_small_sheet_may_go(tmp_path: Path) -> None:
    node = FakeNode()
    send(node, plan(tmp_path, rows_of(3)))
    assert send(node, plan(tmp_path, rows_of(1))).counts == {"closed": 2, "unchanged": 1}


def test_a_file_of_only_new_rows_is_an_ordinary_one_if_it_is_not_complete(tmp_path: Path) -> None:
    node = FakeNode()
    send(node, plan(tmp_path, rows_of(5)), complete=False)
    rows = [[f"Z-{n}", *ROW[1:3], str(n + 50), *ROW[4:]] for n in range(5)]
    report = send(node, plan(tmp_path, rows), complete=False)
    assert report.counts == {"new": 5, "gone": 5}


def test_a_look_sends_nothing_and_tells_what_would_be(tmp_path: Path) -> None:
    node = FakeNode()
    send(node, plan(tmp_path, rows_of(5)))
    rows = [*rows_of(4), ["A-9", *ROW[1:3], "77", *ROW[4:]]]
    rows[0][3] = "260"
    report = asyncio.run(send_plan(plan(tmp_path, rows), node, Wish(True, look=True)))
    assert (report.signed, node.signed, report.sent) == (0, 5, 0)
    survey = report.survey
    assert survey is not None
    assert [drafted.row.number for drafted, _ in survey.read("changed")] == [2]
    assert [drafted.row.number for drafted, _ in survey.read("new")] == [6]
    assert len(survey.read("same")) == 3
    assert [row["row"] for row in survey.vanished()] == ["sheet.csv row 6"]


def test_a_file_read_again_is_not_looked_at_row_by_row(tmp_path: Path) -> None:
    node = FakeNode()
    planned = plan(tmp_path, rows_of(250))
    send(node, planned)
    asked = len(node.requests)
    assert send(node, planned).survey is None
    assert len(node.requests) - asked == 3
