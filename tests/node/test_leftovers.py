"""Nothing of what was dropped is left on the disk: not in free pages, not in logs, not elsewhere.

The tests read the raw bytes of all files of a folder while the node has them open.
"""

from __future__ import annotations

import random
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hutong_node.api_models import RefuseRequest, ReleaseRequest
from hutong_node.intake import KEPT_FILE, Intake, RowState
from hutong_node.leftovers import Leftovers
from node.local_nodes import local, row, rows
from node.nodes import FSC

ROW = RowState("sheet", "a", "needs.csv row 1", "need/1", FSC, 1, b"digest")
PERSON = "北关村三组王秀英"
"""Stands for what a draft says about a person; no detector knows it, only a reader would."""
AT_HOME = "wang.xiuying@example"
DRAFTS = 120


def found_in(folder: Path, secret: str) -> list[str]:
    """The names of the files in which `secret` stands, whole or as the end of a longer row."""
    return sorted(
        file.name
        for file in folder.rglob("*")
        if file.is_file() and secret.encode() in file.read_bytes()
    )


def some_text(number: int, rng: random.Random) -> bytes:
    """The text of a draft; of different lengths, some over several pages, so that pages split."""
    filling = "大米" * rng.choice((3, 20, 90, 700, 2_500))
    return f"{PERSON} {number} {filling} {PERSON}".encode()


def queue_many(intake: Intake, rng: random.Random) -> list[int]:
    numbers = list(range(DRAFTS))
    rng.shuffle(numbers)
    keyed = [replace(ROW, key=f"{number:04}") for number in numbers]
    intake.put_rows(keyed)
    for kept in keyed:
        intake.keep_at_home("sheet", {kept.key: {"contact": f"{AT_HOME} {kept.key}" * 9}})
    return [
        intake.queue_draft(kept, b"facts", some_text(number, rng), bytes([number]), 1)
        for kept, number in zip(keyed, numbers, strict=True)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_dropped_content_is_nowhere_in_the_files(tmp_path: Path, seed: int) -> None:
    """Threat 54: dropped, refused, replaced, decided and forgotten in a mixed order."""
    rng = random.Random(seed)
    intake = Intake(tmp_path / "intake.db")
    drafts = queue_many(intake, rng)
    assert KEPT_FILE in {name.removesuffix("-wal") for name in found_in(tmp_path, PERSON)}
    for number, draft in enumerate(rng.sample(drafts, len(drafts))):
        key = intake.draft(draft).key  # type: ignore[union-attr] # it was queued just now
        match number % 4:
            case 0:
                intake.drop_drafts("sheet", [key], 2)
            case 1:
                intake.decide_draft(draft, "refused", 2, reason="twice", checker="李")
            case 2:
                intake.decide_draft(draft, "released", 2, method="desk")
            case _:
                changed = intake.queue_draft(replace(ROW, key=key), b"f", b"short", b"x", 3)
                intake.decide_draft(changed, "refused", 4)
        if number % 2:
            intake.keep_at_home("sheet", {key: {"contact": "none"}})
        else:
            intake.forget_kept("sheet", [key])
    intake.remove_leftovers()
    assert found_in(tmp_path, PERSON) == []
    assert found_in(tmp_path, AT_HOME) == []
    assert found_in(tmp_path, "none") != []
    intake.close()


def test_overwriting_alone_leaves_copies(tmp_path: Path) -> None:
    """Why the files are written anew: without it the same search finds what was dropped."""
    rng = random.Random(1)
    intake = Intake(tmp_path / "intake.db")
    for draft in queue_many(intake, rng):
        intake.decide_draft(draft, "refused", 2)
    assert KEPT_FILE + "-wal" in found_in(tmp_path, PERSON)
    intake.remove_leftovers()
    assert found_in(tmp_path, PERSON) == []
    intake.close()


def test_what_still_waits_stays(tmp_path: Path) -> None:
    intake = Intake(tmp_path / "intake.db")
    drafts = queue_many(intake, random.Random(2))
    before = intake.draft(drafts[1])
    intake.decide_draft(drafts[0], "refused", 2, reason="twice")
    intake.remove_leftovers()
    assert intake.draft(drafts[1]) == before
    refused = intake.draft(drafts[0])
    assert refused is not None
    assert (refused.state, refused.reason, refused.facts, refused.text) == (
        *("refused", "twice"),
        *(b"", b""),
    )
    intake.close()


def test_process_that_ends_early_leaves_the_rest_to_the_next(tmp_path: Path) -> None:
    """Killed between the decision and the end of it: the file itself remembers."""
    intake = Intake(tmp_path / "intake.db")
    drafts = queue_many(intake, random.Random(3))
    for draft in drafts:
        intake.decide_draft(draft, "refused", 2)
    intake.forget_kept("sheet", [f"{number:04}" for number in range(DRAFTS)])
    killed = tmp_path / "killed"
    killed.mkdir()
    for file in tmp_path.iterdir():
        if file.is_file() and not file.name.endswith("-shm"):
            (killed / file.name).write_bytes(file.read_bytes())
    assert found_in(killed, PERSON) != []
    again = Intake(killed / "intake.db")
    assert found_in(killed, PERSON) == found_in(killed, AT_HOME) == []
    assert again.waiting_count() == 0
    again.close()
    intake.close()
    assert found_in(tmp_path, PERSON) == []


def test_plans_that_were_carried_out_leave_nothing(tmp_path: Path) -> None:
    intake = Intake(tmp_path / "intake.db")
    planned = [
        replace(ROW, key=str(number), pending=PERSON.encode() * number) for number in range(1, 90)
    ]
    intake.put_rows(planned)
    intake.put_rows([replace(kept, pending=None, thing=bytes(32)) for kept in planned])
    intake.remove_leftovers(of_plans=False)
    assert found_in(tmp_path, PERSON) != []
    intake.remove_leftovers()
    assert found_in(tmp_path, PERSON) == []
    assert len(intake.rows("sheet", [kept.key for kept in planned])) == 89
    intake.close()


def test_nothing_is_written_anew_without_need(tmp_path: Path) -> None:
    intake = Intake(tmp_path / "intake.db")
    drafts = queue_many(intake, random.Random(4))
    intake.remove_leftovers()
    before = (tmp_path / (KEPT_FILE + "-wal")).read_bytes()
    intake.keep_at_home("sheet", {"0001": {"contact": f"{AT_HOME} 0001" * 9}})
    assert intake.queue_draft(replace(ROW, key="no such"), b"", b"", b"d", 1) > drafts[-1]
    intake.remove_leftovers()
    assert (tmp_path / (KEPT_FILE + "-wal")).read_bytes().startswith(before)
    intake.close()


def test_leftovers_that_cannot_be_removed_stay_due(tmp_path: Path) -> None:
    """Somebody else reads the file at that moment: nothing fails, and the next time does it."""
    intake = Intake(tmp_path / "intake.db")
    drafts = queue_many(intake, random.Random(5))
    reader = sqlite3.connect(tmp_path / KEPT_FILE, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM drafts").fetchone()
    connection = sqlite3.connect(tmp_path / KEPT_FILE, isolation_level=None, timeout=0)
    leftovers = Leftovers(connection, ("main",))
    connection.execute("BEGIN")
    connection.execute("DELETE FROM drafts WHERE id = ?", (drafts[0],))
    leftovers.note("main")
    connection.execute("COMMIT")
    assert not leftovers.remove()
    assert not Leftovers(connection, ("main",)).remove()
    reader.execute("COMMIT")
    reader.close()
    assert Leftovers(connection, ("main",)).remove()
    connection.execute("BEGIN")
    leftovers.note("main")
    connection.execute("ROLLBACK")
    leftovers.rolled_back()
    connection.close()
    intake.close()


async def test_refused_and_gone_rows_leave_nothing_in_the_folder_of_a_node(tmp_path: Path) -> None:
    """Threat 54, by way of the operations that people use; the node goes on running."""
    async with local(tmp_path) as one:
        folder = one.node.parts.folder.root
        incident = await one.incident()
        told: dict[str, Any] = {
            "text": {"title": f"{PERSON} 大米"},
            "sensitive": {"contact": AT_HOME},
        }

        async def take(*keys: str, complete: bool = False) -> list[int]:
            given = [row(key, incident, **told) for key in keys]
            request = rows(*given, queue=True, complete=complete)
            answer = await one.service.import_rows("sheet", request)
            return [entry.queue for entry in answer.rows if entry.queue is not None]

        first, _ = await take("a", "b")
        assert {name.removesuffix("-wal") for name in found_in(folder, PERSON)} == {KEPT_FILE}
        await one.service.refuse(first, RefuseRequest(reason="twice"))
        await take("c", complete=True)
        (waiting,) = (await one.service.queue()).drafts
        await one.service.refuse(waiting.id, RefuseRequest(reason="no"))
        assert found_in(folder, PERSON) == found_in(folder, AT_HOME) == []
        (released,) = await take("d")
        await one.service.release(released, ReleaseRequest(method="desk"))
        # Signed now, and so in the store; in the notes about rows it is not needed any more.
        assert {name.removesuffix("-wal") for name in found_in(folder, PERSON)} == {"hutong.db"}


async def test_index_holds_no_text(tmp_path: Path) -> None:
    """It is derived from facts alone: what is erased from the store is in no other file."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        text = {"title": PERSON, "note": f"{PERSON} {AT_HOME}", "place_name": PERSON}
        given = [row(str(number), incident, text=text) for number in range(40)]
        await one.service.import_rows("sheet", rows(*given))
        await one.node.index_is_current()
        assert one.node.parts.index.count() == 41
        folder = one.node.parts.folder.root
        assert not {name for name in found_in(folder, PERSON) if name.startswith("index.db")}
        assert found_in(folder, PERSON) != []
