"""What a node remembers of the readings of a source: enough to know an old file and to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hutong_node.api_models import ImportAnswer
from hutong_node.refusals import Code, Refused
from node.local_nodes import Local, local, row, rows

ONE, TWO = "1" * 64, "2" * 64


async def take(one: Local, *given: Any, **options: Any) -> ImportAnswer:
    return await one.service.import_rows("sheet", rows(*given, **options))


async def test_source_knows_what_was_read_last_and_what_was_read_before(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        assert (await one.service.source("sheet")).last is None
        await take(one, row("a", incident), state=ONE, columns=["编号", "数量"])
        await take(one, row("a", incident, "9"), state=TWO)
        known = await one.service.source("sheet", ONE)
        assert known.last is not None
        assert (known.open, known.last.state, known.last.finished) == (1, TWO, True)
        assert known.same is not None
        assert (known.same.state, known.same.columns) == (ONE, ["编号", "数量"])
        assert (known.begun, known.elsewhere) == (None, [])
        (elsewhere,) = (await one.service.source("another", TWO)).elsewhere
        assert elsewhere.source == "sheet"
        assert (await one.service.source("another", "3" * 64)).elsewhere == []
        with pytest.raises(Refused):
            await one.service.source("No Name")


async def test_dry_run_says_how_each_row_compares_with_the_reading_before(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        await take(one, row("a", incident), row("b", incident), row("c", incident))
        await take(one, row("a", incident, "9"), row("b", incident), row("c", incident))
        given = [
            row("a", incident),
            row("b", incident),
            row("c", incident, "7", text={"title": "面粉"}),
            row("d", incident),
            row("e", incident, text={"title": "大米 b"}),
        ]
        dry = await take(one, *given, dry_run=True, run="look")
        told = {entry.key: entry for entry in dry.rows}
        assert {key: entry.read for key, entry in told.items()} == {
            "a": "earlier",
            "b": "same",
            "c": "changed",
            "d": "new",
            "e": "new",
        }
        assert told["a"].read_at is not None
        assert (told["d"].same_as, told["e"].same_as) == (None, "b")
        assert [(c.path, c.before, c.now) for c in told["c"].changes] == [
            ("facts.lines[rice].quantity.value", "200", "7"),
            ("text.title", "大米 c", "面粉"),
        ]
        real = await take(one, *given)
        assert all(entry.read is None and entry.changes == [] for entry in real.rows)


async def test_paused_run_goes_on_behind_what_it_took(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        given = [row(key, incident) for key in "abcdef"]
        chunk: dict[str, Any] = {"run": "r", "state": ONE, "last": False}
        await take(one, *given[:2], **chunk, first=0)
        await take(one, *given[:2], **chunk, first=0)  # the answer was lost
        await take(one, *given[2:4], **chunk, first=2)
        await take(one, *given[:1], **chunk, first=0)  # came late: takes nothing back
        await take(one, run="r", pause=True)
        begun = (await one.service.source("sheet")).begun
        assert begun is not None
        assert (begun.run, begun.taken, begun.finished, begun.state) == ("r", 4, False, ONE)
        last = await take(one, *given[4:], run="r", first=4, complete=True)
        assert (last.counts, last.gone) == ({"new": 2}, [])
        known = await one.service.source("sheet", ONE)
        assert (known.begun, known.open) == (None, 6)
        assert known.same is not None
        assert known.same.taken == 6


async def test_chunk_that_leaves_a_gap_is_not_counted_as_taken(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        await take(one, row("a", incident), run="r", last=False, first=0)
        await take(one, row("c", incident), run="r", last=False, first=2)
        begun = (await one.service.source("sheet")).begun
        assert begun is not None
        assert begun.taken == 1


async def test_paused_run_makes_way_for_another_one_and_is_over_then(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        await take(one, row("a", incident), row("b", incident))
        await take(one, row("a", incident), run="r", last=False, complete=True)
        paused = await take(one, run="r", pause=True, complete=True)
        assert (paused.gone, paused.signed) == ([], 0)
        other = await take(one, row("b", incident), run="s")
        assert other.counts == {"gone": 1, "unchanged": 1}
        with pytest.raises(Refused) as refused:
            await take(one, row("b", incident), run="r")
        assert refused.value.code is Code.OTHER_SOURCE_RUN
