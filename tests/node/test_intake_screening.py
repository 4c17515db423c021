"""The queue: nothing is signed before somebody looked, and each draft at most once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hutong_node.api_models import ImportAnswer, RefuseRequest, ReleaseRequest
from hutong_node.refusals import Code, Refused
from hutong_node.store.interface import StoreMethods
from node.local_nodes import CANARY, Local, local, row, rows

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
        assert (await take(one, given)).rows[0].outcome == "refused"
        unscreened = await one.service.import_rows("sheet", rows(given))
        assert unscreened.rows[0].outcome == "refused"
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
