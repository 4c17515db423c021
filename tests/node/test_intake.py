"""What is remembered of rows: privately, durably, and by runs that can't mix."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from hutong_node.intake import KEPT_FILE, RUN_IDLE_MS, Intake, RowState, RunRefused
from node.local_nodes import CANARY
from node.nodes import FSC

ROW = RowState("sheet", "a", "needs.csv row 1", "need/1", FSC, 1, b"digest")


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    return Intake(tmp_path / "intake.db")


def test_rows_survive_a_restart_as_they_were(tmp_path: Path) -> None:
    first = Intake(tmp_path / "intake.db")
    kept = replace(ROW, thing=bytes(32), revision=b"r" * 32, digest=b"d", closure=b"c", closed=True)
    first.put_rows([kept, replace(ROW, key="b", pending=b"plan")])
    first.close()
    again = Intake(tmp_path / "intake.db")
    assert again.rows("sheet", ["a", "b", "c"]) == {
        "a": kept,
        "b": replace(ROW, key="b", pending=b"plan"),
    }
    assert [row.key for row in again.pending_rows("sheet")] == ["b"]
    assert again.pending_rows("other") == []
    assert again.row_of_thing(bytes(32)) == kept


def test_values_kept_at_home_stand_in_a_private_file_of_their_own(tmp_path: Path) -> None:
    """Threat 54."""
    path = tmp_path / "intake.db"
    intake = Intake(path)
    intake.put_rows([ROW])
    intake.keep_at_home("sheet", {"a": {"contact": CANARY}, "b": {"contact": "x"}})
    assert intake.kept_at_home("sheet", "a") == {"contact": CANARY}
    intake.close()
    files = {file.name: file for file in tmp_path.iterdir()}
    assert {name for name, file in files.items() if CANARY.encode() in file.read_bytes()} == {
        KEPT_FILE
    }
    assert {stat.S_IMODE(file.stat().st_mode) for file in files.values()} == {0o600}
    again = Intake(path)
    again.forget_kept("sheet", ["a"])
    assert again.kept_at_home("sheet", "a") == {}
    assert again.kept_at_home("sheet", "b") == {"contact": "x"}
    again.close()
    # What was deleted is overwritten, not only unlinked.
    assert CANARY.encode() not in (tmp_path / KEPT_FILE).read_bytes()


def test_run_goes_on_and_others_wait_until_it_ends_or_falls_silent(intake: Intake) -> None:
    first = intake.begin_run("sheet", "r1", "m", 1_000)
    assert intake.begin_run("sheet", "r1", "m", 2_000) == first
    with pytest.raises(RunRefused, match="under way"):
        intake.begin_run("sheet", "r2", "m", 2_001)
    assert intake.begin_run("other", "r2", "m", 2_001) != first
    intake.finish_run(first, 2_001)
    second = intake.begin_run("sheet", "r2", "m", 2_002)
    with pytest.raises(RunRefused, match="under way"):
        intake.begin_run("sheet", "r3", "m", 2_002 + RUN_IDLE_MS - 1)
    third = intake.begin_run("sheet", "r3", "m", 2_002 + RUN_IDLE_MS)
    assert first < second < third


def test_run_that_another_one_followed_never_goes_on(intake: Intake) -> None:
    """Its rows would be marked as of the old run, and taken for gone by the new one."""
    intake.begin_run("sheet", "r1", "m", 0)
    intake.begin_run("sheet", "r2", "m", RUN_IDLE_MS)
    for now_ms in (RUN_IDLE_MS + 1, 9 * RUN_IDLE_MS):
        with pytest.raises(RunRefused, match="after this one"):
            intake.begin_run("sheet", "r1", "m", now_ms)


def test_clock_that_went_back_does_not_open_the_door_to_a_second_run_for_ever(
    intake: Intake,
) -> None:
    intake.begin_run("sheet", "r1", "m", 10 * RUN_IDLE_MS)
    assert intake.begin_run("sheet", "r2", "m", 0)


def test_only_open_published_rows_of_other_runs_are_gone(intake: Intake) -> None:
    published = replace(ROW, thing=bytes(32), run=1)
    intake.put_rows(
        [
            published,
            replace(published, key="seen", run=2),
            replace(published, key="closed", closed=True),
            replace(ROW, key="never signed"),
            replace(published, key="other", source="elsewhere"),
        ]
    )
    assert [row.key for row in intake.gone_rows("sheet", 2)] == ["a"]


def test_name_stands_for_one_request_and_all_or_none_are_kept(intake: Intake) -> None:
    assert intake.claim({"a": b"1", "b": b"2"}, 0) is None
    assert intake.claim({"c": b"3", "b": b"other"}, 0) == "b"
    assert intake.claim({"c": b"other than three"}, 0) is None
    assert intake.claim({"a": b"1"}, 0) is None


def test_row_has_one_waiting_draft_the_newest(intake: Intake) -> None:
    first = intake.queue_draft(ROW, b"f", b"t", b"1", 5)
    assert intake.queue_draft(ROW, b"f", b"t", b"1", 6) == first
    second = intake.queue_draft(ROW, b"g", b"t", b"2", 7)
    assert [draft.id for draft in intake.waiting_drafts(0, 10)] == [second]
    assert intake.decide_draft(second, "refused", 8, reason="no")
    assert not intake.decide_draft(second, "released", 9)
    latest = intake.latest_drafts("sheet", ["a"])["a"]
    assert (latest.state, latest.reason, latest.facts) == ("refused", "no", b"")
    assert intake.waiting_count() == 0
