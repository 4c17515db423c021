"""The queue: nothing is signed before somebody looked, and each draft at most once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hutong_node.api_models import (
    ImportAnswer,
    RefuseManyRequest,
    RefuseRequest,
    ReleaseManyRequest,
    ReleaseRequest,
)
from hutong_node.commands.draft_words import first_line_words
from hutong_node.intake import KEPT_FILE, DraftFilter
from hutong_node.refusals import Code, Refused
from hutong_node.store.interface import StoreMethods
from node.local_nodes import CANARY, Local, local, marked, row, rows

TWO_WAY = ReleaseRequest(method="two_way", checker="李")


async def take(one: Local, *given: Any, **options: Any) -> ImportAnswer:
    return await one.service.import_rows("sheet", rows(*given, queue=True, **options))


def records(one: Local) -> int:
    return one.node.parts.store.run(StoreMethods.status).records


async def test_screened_import_signs_after_release_with_the_own_check_beside_it(
    tmp_path: Path,
) -> None:
    """Acceptance scenario A1: five rows, one with a mobile number, one duplicate native id."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        before = records(one)
        given = [
            row("1", incident),
            row("2", incident),
            row("3", incident),
            row("3", incident),
            row("5", incident, text={"title": f"请联系 {CANARY}"}),
        ]
        for _ in range(2):
            answer = await take(one, *given)
            assert [entry.outcome for entry in answer.rows] == [
                *("queued", "queued", "queued", "unchanged", "refused")
            ]
            assert answer.rows[4].problems[0].rule == "pii:cn_mobile"
            assert ((await one.service.queue()).waiting, records(one)) == (3, before)
        page = await one.service.queue()
        released = [await one.service.release(draft.id, TWO_WAY) for draft in page.drafts]
        shown = await one.service.thing(released[0].thing)
        assert shown.thing.verification == "confirmed"
        assert {(check["group"], check["method"], check["third_party"], check["fresh"])
                for check in shown.checks} == {
            (group, "two_way", False, True) for group in ("exists", "place", "quantity", "urgency")
        }  # fmt: skip
        assert "李" not in shown.model_dump_json()
        assert (await one.service.queue()).drafts == []
        # One need and one check for each draft, and the log of the scope that they opened.
        assert records(one) == before + 7
        assert [entry.outcome for entry in (await take(one, *given)).rows][:3] == ["unchanged"] * 3


async def test_raised_need_keeps_the_check_of_its_place_and_loses_that_of_its_quantity(
    tmp_path: Path,
) -> None:
    """H4: 200 to 260 after the check; the edit waits in the queue like any other."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        (first,) = (await take(one, row("a", incident))).rows
        assert first.queue is not None
        done = await one.service.release(first.queue, TWO_WAY)
        edited = (await take(one, row("a", incident, "260"))).rows[0]
        assert (edited.outcome, edited.thing) == ("queued", done.thing)
        assert (await one.service.thing(done.thing)).lines[0].required == "200"
        (waiting,) = (await one.service.queue()).drafts
        assert waiting.action == "revise"
        unlooked = ReleaseRequest(method="desk", groups=["exists"])
        await one.service.release(waiting.id, unlooked)
        shown = await one.service.thing(done.thing)
        assert shown.lines[0].required == "260"
        fresh = {check["group"]: check["fresh"] for check in shown.checks}
        assert fresh == {"exists": True, "place": True, "quantity": False, "urgency": True}


async def test_waiting_draft_shows_all_that_a_screener_needs(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        (queued,) = (await take(one, row("a", incident, sensitive={"contact": CANARY}))).rows
        assert queued.queue is not None
        shown = await one.service.queued(queued.queue)
        assert shown.at_home == {"contact": CANARY}
        assert shown.facts is not None
        assert shown.facts["incident"] == incident
        assert shown.text == {"title": "大米 a"}
        assert (shown.row, shown.source) == ("needs.csv row a", "sheet")


async def test_list_of_drafts_says_how_much_of_what_and_how_urgent(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        given = row("a", incident)
        mask = {"id": "mask", "kind": "goods", "quantity": {"bound": "unknown"}}
        facts = {**given.facts, "lines": [*given.facts["lines"], mask]}  # type: ignore[misc]
        text = {"title": "物资", "lines": {"rice": {"item": "大米", "raw": "200公斤"}}}
        await take(one, given.model_copy(update={"facts": facts, "text": text}))
        (draft,) = (await one.service.queue()).drafts
        assert (draft.urgency, draft.lines) == ("high", 2)
        assert draft.first_line is not None
        assert draft.first_line.what == "大米"
        assert draft.first_line.quantity == {"bound": "exact", "value": "200", "unit": "kg"}
        assert first_line_words(draft.model_dump()) == "大米 200 kg +1"
        assert first_line_words({"first_line": None, "lines": 0}) == ""


async def test_draft_is_decided_once_and_a_refused_row_stays_out_until_it_changes(
    tmp_path: Path,
) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        given = row("a", incident, sensitive={"contact": CANARY})
        (queued,) = (await take(one, given)).rows
        assert queued.queue is not None
        await one.service.refuse(queued.queue, RefuseRequest(reason="twice", checker="王"))
        assert one.intake.kept_at_home("sheet", "a") == {}
        for attempt in (
            one.service.release(queued.queue, TWO_WAY),
            one.service.refuse(queued.queue, RefuseRequest(reason="")),
        ):
            with pytest.raises(Refused) as refused:
                await attempt
            assert refused.value.code is Code.ALREADY_DECIDED
        assert (await take(one, given)).rows[0].outcome == "declined"
        unscreened = await one.service.import_rows("sheet", rows(given))
        assert unscreened.rows[0].outcome == "declined"
        assert (await take(one, row("a", incident, "9"))).rows[0].outcome == "queued"
        with pytest.raises(Refused):
            await one.service.queued(10_000)


async def test_row_edited_while_it_waits_replaces_its_draft(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        (first,) = (await take(one, row("a", incident))).rows
        (second,) = (await take(one, row("a", incident, "9"))).rows
        assert first.queue != second.queue
        (waiting,) = (await one.service.queue()).drafts
        assert waiting.id == second.queue
        assert first.queue is not None
        with pytest.raises(Refused):
            await one.service.release(first.queue, TWO_WAY)


async def test_draft_whose_row_is_gone_from_a_complete_file_leaves_the_queue(
    tmp_path: Path,
) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        await take(one, row("a", incident), row("b", incident, sensitive={"contact": CANARY}))
        await take(one, row("a", incident))
        assert (await one.service.queue()).waiting == 2
        await take(one, row("a", incident), complete=True)
        assert [draft.key for draft in (await one.service.queue()).drafts] == ["a"]
        assert one.intake.kept_at_home("sheet", "b") == {}


async def test_import_without_queue_takes_the_row_out_of_it(tmp_path: Path) -> None:
    """An operator said that this source needs no screening."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        await take(one, row("a", incident))
        answer = await one.service.import_rows("sheet", rows(row("a", incident)))
        assert answer.signed == 1
        assert (await one.service.queue()).waiting == 0


async def test_release_interrupted_before_the_check_signs_only_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        (queued,) = (await take(one, row("a", incident))).rows
        assert queued.queue is not None
        publish = one.node.publish

        async def stopping(scope: Any, news: Any, name: Any = None, request: bytes = b"") -> Any:
            if news[0].type == "verify/1":
                raise KeyboardInterrupt
            return await publish(scope, news, name, request)

        monkeypatch.setattr(one.node, "publish", stopping)
        with pytest.raises(KeyboardInterrupt):
            await one.service.release(queued.queue, TWO_WAY)
        monkeypatch.undo()
        signed = records(one)
        done = await one.service.release(queued.queue, TWO_WAY)
        assert records(one) == signed + 1
        shown = await one.service.thing(done.thing)
        assert [entry.type for entry in shown.history] == ["need/1", "verify/1"]


async def test_pages_of_the_queue_follow_each_other(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        await take(one, *(row(str(number), incident) for number in range(5)))
        seen: list[str] = []
        after = None
        while True:
            page = await one.service.queue(after=after, limit=2)
            seen += [draft.key for draft in page.drafts]
            after = page.next
            if after is None:
                break
        assert seen == ["0", "1", "2", "3", "4"]
        with pytest.raises(Refused):
            await one.service.queue(after="-1")


async def test_row_with_marks_waits_even_where_nothing_is_screened(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        given = [row("a", incident), marked(row("b", incident), ("数量 (D7)", "两个数"))]
        answer = await one.service.import_rows("sheet", rows(*given))
        assert [entry.outcome for entry in answer.rows] == ["new", "queued"]
        (waiting,) = (await one.service.queue()).drafts
        assert [(mark.cell, mark.words) for mark in waiting.marks] == [("数量 (D7)", "两个数")]
        # Read again with better words, in a row that has moved: the same draft.
        given[1] = marked(row("b", incident), ("数量 (D9)", "10 与 20"))
        again = (await one.service.import_rows("sheet", rows(*given))).rows[1]
        assert again.queue == waiting.id
        shown = await one.service.queued(waiting.id)
        assert [mark.words for mark in shown.marks] == ["10 与 20"]
        await one.service.release(waiting.id, TWO_WAY)
        settled = await one.service.import_rows("sheet", rows(*given))
        assert (settled.counts, settled.signed) == ({"unchanged": 2}, 0)


async def test_mark_that_quotes_personal_data_is_not_repeated(tmp_path: Path) -> None:
    """Threat 54: the slip of an adapter stands in no list, and not in the queue's file."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        await take(one, marked(row("a", incident), (f"电话 {CANARY}", f"is {CANARY}")))
        page = await one.service.queue()
        assert page.drafts[0].marks[0].words.startswith("(hidden")
        assert CANARY not in page.model_dump_json()
        files = one.node.parts.folder.root.rglob("*")
        assert [file.name for file in files if file.is_file() and holds(file)] == []


def holds(file: Path) -> bool:
    return CANARY.encode() in file.read_bytes()


async def test_revision_that_waits_shows_what_it_changes(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        (first,) = (await take(one, row("a", incident))).rows
        await one.service.release(first.queue or 0, TWO_WAY)
        (second,) = (await take(one, row("a", incident, "260"))).rows
        shown = await one.service.queued(second.queue or 0)
        assert [(change.path, change.before, change.now) for change in shown.changes] == [
            ("facts.lines[rice].quantity.value", "200", "260")
        ]
        assert shown.thing == second.thing


async def test_queue_is_listed_by_source_type_action_and_marks(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        (first,) = (await take(one, row("a", incident))).rows
        await one.service.release(first.queue or 0, TWO_WAY)
        await take(one, row("a", incident, "7"), row("b", incident))
        other = rows(
            row("c", incident, type="offer/1"), marked(row("d", incident), ("x", "")), queue=True
        )
        await one.service.import_rows("other", other)

        async def keys(**wanted: Any) -> list[str]:
            page = await one.service.queue(wanted=DraftFilter(**wanted))
            return [draft.key for draft in page.drafts]

        # A need's facts have a field that an offer does not know.
        assert await keys() == ["a", "b", "d"]
        assert await keys(source="sheet") == ["a", "b"]
        assert await keys(revises=True) == ["a"]
        assert await keys(revises=False, marked=False) == ["b"]
        assert await keys(marked=True) == ["d"]
        assert await keys(type="offer/1") == []
        page = await one.service.queue(limit=1)
        counts = [(count.source, count.waiting, count.marked) for count in page.sources]
        assert (counts, page.waiting) == ([("other", 1, 1), ("sheet", 2, 0)], 3)


async def test_several_drafts_are_decided_each_by_itself(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        await take(one, *(row(str(number), incident) for number in range(4)))
        upto = (await one.service.queue()).upto
        late = await take(one, row("late", incident), marked(row("m", incident), ("x", "")))
        numbers = [1, 3, 99, 1]
        some = ReleaseManyRequest(method="desk", checker="李", numbers=numbers)
        done = await one.service.release_many(some)
        assert [(draft.id, draft.done, draft.code) for draft in done.drafts] == [
            (1, True, ""),
            (3, True, ""),
            (99, False, "not-found"),
        ]
        assert all(draft.verify for draft in done.drafts if draft.done)
        rest = ReleaseManyRequest(method="desk", source="sheet", upto=upto)
        assert [draft.id for draft in (await one.service.release_many(rest)).drafts] == [2, 4]
        refuse = RefuseManyRequest(reason="twice", source="sheet")
        refused = await one.service.refuse_many(refuse)
        assert ([draft.id for draft in refused.drafts], refused.marked) == ([late.rows[0].queue], 1)
        neither = ReleaseManyRequest(method="desk")
        both = ReleaseManyRequest(method="desk", numbers=[1], source="sheet")
        for wrong in (neither, both):
            with pytest.raises(Refused):
                await one.service.release_many(wrong)


async def test_decided_draft_leaves_no_mark_behind(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        given = [marked(row(key, incident), ("备注", "王家人")) for key in "abc"]
        await take(one, *given)
        first, second, _ = (await one.service.queue()).drafts
        await one.service.release(first.id, TWO_WAY)
        await one.service.refuse(second.id, RefuseRequest(reason="twice"))
        await take(one, row("x", incident), complete=True)
        assert [one.intake.marks(number) for number in (1, 2, 3)] == [[], [], []]
        kept = one.node.parts.folder.root / KEPT_FILE
        assert "王家人".encode() not in kept.read_bytes()
