"""What a person decided about a draft holds for what that person was shown, and once.

Threat 43: between the look and the signature other people decide, imports replace drafts, records
are revised, and processes end.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hutong_node.api_models import (
    ImportAnswer,
    RefuseRequest,
    ReleaseManyRequest,
    ReleaseRequest,
)
from hutong_node.indexing import ThingFilter
from hutong_node.refusals import Code, Refused
from hutong_node.store.errors import StoreFull
from hutong_node.store.interface import StoreMethods
from node.local_nodes import Local, local, local_again, marked, need_facts, row, rows
from node.nodes import SPACE

DRAFTS = 40
TWO_WAY = ReleaseRequest(method="two_way", checker="李")


async def take(one: Local, *given: Any, **options: Any) -> ImportAnswer:
    return await one.service.import_rows("sheet", rows(*given, queue=True, **options))


def records(one: Local) -> int:
    return one.node.parts.store.run(StoreMethods.status).records


async def test_number_stands_for_what_was_shown_under_it(tmp_path: Path) -> None:
    """Further marks are something that nobody has looked at: the draft waits on as another one."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        (seen,) = (await take(one, row("a", incident))).rows
        given = marked(row("a", incident), ("单位 (E7)", "which unit?"))
        (later,) = (await take(one, given)).rows
        assert later.queue != seen.queue
        with pytest.raises(Refused) as refused:
            await one.service.release(seen.queue or 0, TWO_WAY)
        assert refused.value.code is Code.ALREADY_DECIDED
        assert (await one.service.queued(later.queue or 0)).marks[0].cell == "单位 (E7)"
        # With fewer marks there is nothing new to look at.
        (settled,) = (await take(one, row("a", incident))).rows
        assert settled.queue == later.queue
        await one.service.release(later.queue or 0, TWO_WAY)
        assert one.intake.base(later.queue or 0) is None


async def test_draft_whose_record_was_revised_meanwhile_is_shown_again(tmp_path: Path) -> None:
    """Nobody's edit is undone by a release that was decided on before it."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        (first,) = (await take(one, row("a", incident))).rows
        thing = (await one.service.release(first.queue or 0, TWO_WAY)).thing
        (second,) = (await take(one, row("a", incident, "260"))).rows
        body = {"of": "need/1", "body": need_facts(incident, "999")}
        text = {"title": "大米 a"}
        await one.draft(
            "revise/1", "fsc", refs={"thing": thing, "link": thing}, facts=body, text=text
        )
        before = records(one)
        with pytest.raises(Refused, match="was revised meanwhile") as refused:
            await one.service.release(second.queue or 0, TWO_WAY)
        assert (refused.value.code, records(one)) == (Code.ALREADY_DECIDED, before)
        (waiting,) = (await one.service.queue()).drafts
        assert waiting.id != second.queue
        shown = await one.service.queued(waiting.id)
        assert [(change.before, change.now) for change in shown.changes] == [("999", "260")]
        # An import that finds it so changes nothing about it.
        assert (await take(one, row("a", incident, "260"))).rows[0].queue == waiting.id
        await one.service.release(waiting.id, TWO_WAY)
        assert (await one.service.thing(thing)).lines[0].required == "260"


async def test_of_two_who_decide_about_a_draft_the_second_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One signs, the other refuses, a third signs too, and the row is imported again meanwhile."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        (queued,) = (await take(one, row("a", incident))).rows
        number = queued.queue or 0
        publish = one.node.publish
        signing, go_on = asyncio.Event(), asyncio.Event()

        async def slow(*given: Any) -> Any:
            signing.set()
            await go_on.wait()
            return await publish(*given)

        monkeypatch.setattr(one.node, "publish", slow)
        before = records(one)
        first = asyncio.create_task(one.service.release(number, TWO_WAY))
        await signing.wait()
        others = [
            asyncio.create_task(one.service.refuse(number, RefuseRequest(reason="twice"))),
            asyncio.create_task(one.service.release(number, ReleaseRequest(method="desk"))),
            asyncio.create_task(take(one, row("a", incident, "9"))),
        ]
        # As long as they may take to come to the draft.
        done, _ = await asyncio.wait(others, timeout=0.3)
        assert done == set()
        go_on.set()
        released = await first
        for each in others[:2]:
            with pytest.raises(Refused) as refused:
                await each
            assert refused.value.code is Code.ALREADY_DECIDED
        answer = await others[2]
        assert isinstance(answer, ImportAnswer)
        assert (answer.rows[0].outcome, answer.rows[0].thing) == ("queued", released.thing)
        shown = await one.service.thing(released.thing)
        assert [entry.type for entry in shown.history] == ["need/1", "verify/1"]
        # The need, its check, and the log of their scope.
        assert records(one) == before + 3


async def test_release_of_a_source_signs_nothing_that_came_while_it_went_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import replaces one draft and marks another, after the first of them was released."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        await take(one, *(row(key, incident) for key in "abc"))
        publish = one.node.publish
        signing, go_on = asyncio.Event(), asyncio.Event()

        async def slow(*given: Any) -> Any:
            signing.set()
            await go_on.wait()
            return await publish(*given)

        monkeypatch.setattr(one.node, "publish", slow)
        every = ReleaseManyRequest(method="two_way", source="sheet")
        going = asyncio.create_task(one.service.release_many(every))
        await signing.wait()
        edited = [
            row("a", incident),
            row("b", incident, "9"),
            marked(row("c", incident), ("x", "")),
        ]
        coming = asyncio.create_task(take(one, *edited))
        await asyncio.wait([coming], timeout=0.3)
        go_on.set()
        done = await going
        assert [(draft.id, draft.done, draft.code) for draft in done.drafts] == [
            (1, True, ""),
            (2, False, "already-decided"),
            (3, False, "already-decided"),
        ]
        await coming
        waiting = (await one.service.queue()).drafts
        assert [(draft.key, len(draft.marks)) for draft in waiting] == [("b", 0), ("c", 1)]


async def test_released_draft_that_was_not_checked_yet_is_neither_refused_nor_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was signed can't be refused any more, and the check that was made is not lost."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        (queued,) = (await take(one, row("a", incident))).rows
        number = queued.queue or 0
        publish = one.node.publish

        async def stopping(scope: Any, news: Any, name: Any = None, request: bytes = b"") -> Any:
            done = await publish(scope, news, name, request)
            if news[0].type == "need/1":
                raise StoreFull("full")
            return done

        # The record is signed, and neither its row nor the draft knows of it.
        monkeypatch.setattr(one.node, "publish", stopping)
        with pytest.raises(StoreFull):
            await one.service.release(number, TWO_WAY)
        monkeypatch.undo()
        with pytest.raises(Refused, match="signed") as refused:
            await one.service.refuse(number, RefuseRequest(reason="twice"))
        assert refused.value.code is Code.ALREADY_DECIDED
        again = (await take(one, row("a", incident), complete=True)).rows[0]
        assert again.outcome == "unchanged"
        assert [draft.id for draft in (await one.service.queue()).drafts] == [number]
        done = await one.service.release(number, TWO_WAY)
        shown = await one.service.thing(done.thing)
        assert [entry.type for entry in shown.history] == ["need/1", "verify/1"]
        assert (await one.service.queue()).drafts == []


async def test_draft_about_what_another_organisation_looks_after_is_not_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        (first,) = (await take(one, row("a", incident))).rows
        await one.service.release(first.queue or 0, TWO_WAY)
        (second,) = (await take(one, row("a", incident, "260"))).rows
        index = one.node.parts.index
        view = index.view

        def handed_over(thing: bytes, as_of_ms: int) -> Any:
            found = view(thing, as_of_ms)
            return found and replace(found, thing=replace(found.thing, steward=b"\7" * 32))

        monkeypatch.setattr(index, "view", handed_over)
        before = records(one)
        with pytest.raises(Refused) as refused:
            await one.service.release(second.queue or 0, TWO_WAY)
        assert refused.value.code is Code.INVALID_RECORD
        assert "another organisation" in refused.value.problems[0].rule
        assert records(one) == before


RELEASING = """
import asyncio, sys
from pathlib import Path
from hutong_node.config import DataFolder
from hutong_node.node import Node, open_parts
from node.local_nodes import opened
from hutong_node.api_models import ReleaseManyRequest

async def main(folder):
    async with opened(Node(open_parts(DataFolder(Path(folder))))) as one:
        publish = one.node.publish
        async def told(*args):
            done = await publish(*args)
            print("signed", flush=True)
            return done
        one.node.publish = told
        every = ReleaseManyRequest(method="two_way", source="sheet")
        await one.service.release_many(every)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("seed", range(4))
async def test_release_killed_at_any_moment_signs_each_draft_and_each_check_once(
    tmp_path: Path, seed: int
) -> None:
    """kill -9, while a whole source is released; then the file comes again, and it goes on."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        given = [row(str(number), incident) for number in range(DRAFTS)]
        await take(one, *given)
        folder = one.node.parts.folder.root
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RELEASING, str(folder)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    for _ in range(random.Random(seed).randrange(1, 2 * DRAFTS)):
        assert await child.stdout.readline() == b"signed\n"
    child.kill()
    await child.wait()
    async with local_again(one) as again:
        await take(again, *given, complete=True)
        every = ReleaseManyRequest(method="desk", source="sheet")
        done = await again.service.release_many(every)
        assert all(draft.done for draft in done.drafts)
        assert (await again.service.queue()).waiting == 0
        things = (await again.service.things(ThingFilter(SPACE, "fsc", "need/1"))).things
        assert sorted(thing.title or "" for thing in things) == sorted(
            f"大米 {number}" for number in range(DRAFTS)
        )
        for thing in things:
            shown = await again.service.thing(thing.id)
            assert [entry.type for entry in shown.history] == ["need/1", "verify/1"]
