"""A row that names its record is that record's row, if it may be; an old table undoes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hutong_node.api_models import ImportAnswer, ImportRow, ReleaseRequest
from hutong_node.refusals import Refused
from hutong_protocol.ids import IdKind, format_id
from node.local_nodes import CANARY, Local, local, need_facts, row, rows


async def take(one: Local, *given: Any, source: str = "sheet", **options: Any) -> ImportAnswer:
    return await one.service.import_rows(source, rows(*given, **options))


def naming(given: ImportRow, thing: str | None, seen: str | None = None) -> ImportRow:
    return given.model_copy(update={"thing": thing, "seen": seen})


def refusals(answer: ImportAnswer) -> list[tuple[str, str]]:
    return [(problem.path, problem.rule) for entry in answer.rows for problem in entry.problems]


async def test_row_goes_on_under_a_new_key_when_it_names_its_record(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        first = await take(
            one, row("a", incident, sensitive={"contact": CANARY}), row("b", incident)
        )
        thing = first.rows[0].thing
        text = {"title": "大米 a"}
        moved = naming(row("new-a", incident, text=text, sensitive={"contact": CANARY}), thing)
        dry = await take(one, moved, row("b", incident), complete=True, dry_run=True)
        assert (dry.counts, dry.gone) == ({"unchanged": 2}, [])
        done = await take(one, moved, row("b", incident), complete=True)
        assert (done.counts, done.signed) == ({"unchanged": 2}, 0)
        assert (await one.service.at_home(thing or "")).values == {"contact": CANARY}
        edited = row("new-a", incident, "9", text=text)
        assert (await take(one, edited)).rows[0].thing == thing
        assert (await take(one, row("a", incident))).counts == {"new": 1, "gone": 2}


async def test_key_that_a_named_row_left_is_free_for_another_row(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        thing = (await take(one, row("a", incident))).rows[0].thing
        answer = await take(
            one,
            naming(row("b", incident, text={"title": "大米 a"}), thing),
            row("a", incident, text={"title": "another"}),
        )
        assert [entry.outcome for entry in answer.rows] == ["unchanged", "new"]


@pytest.mark.parametrize("chunk", [1, 2, 7, 100])
async def test_numbers_that_were_filled_anew_are_no_edit_where_rows_have_their_ids(
    tmp_path: Path, chunk: int
) -> None:
    """A row put in at the top, one taken out, and the column of numbers drawn down again."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        texts = [{"title": f"物资 {name}"} for name in "abcdefgh"]
        first = await take(
            one, *(row(str(n), incident, text=text) for n, text in enumerate(texts, 1))
        )
        things = [entry.thing for entry in first.rows]
        assert len(set(things)) == len(texts)
        kept = [(things[n], texts[n]) for n in (4, 0, 1, 2, 3, 5, 6)]
        numbered = [
            naming(row(str(n), incident, text=text), thing)
            for n, (thing, text) in enumerate(kept, 2)
        ]
        given = [*numbered, row("1", incident, text={"title": "new"})]
        counts: Counter[str] = Counter()
        for start in range(0, len(given), chunk):
            rest = given[start : start + chunk]
            last = start + chunk >= len(given)
            answer = await take(one, *rest, run="r", last=last, complete=True)
            assert refusals(answer) == []
            counts.update(answer.counts)
        assert counts == {"unchanged": 7, "new": 1, "closed": 1}
        edited = naming(row("3", incident, "9", text=kept[1][1]), kept[1][0])
        assert (await take(one, edited)).rows[0].outcome == "revised"
        # And the numbers alone are known again, without any id.
        plain = [each.model_copy(update={"thing": None}) for each in given if each.key != "3"]
        assert (await take(one, *plain)).counts == {"unchanged": 7, "gone": 1}


async def test_ids_that_were_shifted_by_a_row_revise_nothing(tmp_path: Path) -> None:
    """Somebody sorted all columns but that of the ids."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        given = [row(key, incident, text={"title": key}) for key in "abcd"]
        things = [entry.thing for entry in (await take(one, *given)).rows]
        shifted = [
            naming(each, thing) for each, thing in zip(given, [*things[1:], things[0]], strict=True)
        ]
        answer = await take(one, *shifted, complete=True)
        assert (answer.counts, answer.signed) == ({"refused": 4}, 0)
        assert (await take(one, *given, complete=True)).counts == {"unchanged": 4}


async def test_record_published_by_hand_is_taken_over_by_the_row_that_names_it(
    tmp_path: Path,
) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        thing = await one.draft(
            "need/1", "fsc", facts=need_facts(incident), text={"title": "大米 a"}
        )
        same = await take(one, naming(row("a", incident), thing))
        assert (same.counts, same.signed) == ({"unchanged": 1}, 0)
        edited = await take(one, row("a", incident, "260"))
        assert (edited.rows[0].outcome, edited.rows[0].thing) == ("revised", thing)


@pytest.mark.parametrize("copied", ["same request", "later chunk"])
async def test_row_that_was_copied_with_its_id_is_refused_and_closes_nothing(
    tmp_path: Path, copied: str
) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        thing = (await take(one, row("a", incident))).rows[0].thing
        original = naming(row("a", incident), thing)
        copy = naming(row("copy", incident, "5"), thing)
        if copied == "same request":
            answer = await take(one, original, copy, complete=True)
        else:
            await take(one, original, run="r", last=False, complete=True)
            answer = await take(one, copy, run="r", complete=True)
        assert answer.rows[-1].outcome == "refused"
        assert "two rows" in answer.rows[-1].problems[0].rule
        assert (answer.gone, answer.signed) == ([], 0)


async def test_ids_that_are_not_the_rows_own_are_refused_with_the_reason(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        first = await take(one, row("a", incident), row("b", incident))
        a, b = (entry.thing for entry in first.rows)
        other = (await take(one, row("z", incident), source="other")).rows[0].thing
        nothing = format_id(IdKind.RECORD, b"n" * 32)
        mistyped = "rec-" + "a" * 56
        answer = await take(
            one,
            naming(row("k1", incident), nothing),
            naming(row("k2", incident), other),
            naming(row("a", incident), b),
            naming(row("k3", incident), mistyped),
            naming(row("k4", incident, type="offer/1"), a),
            complete=True,
        )
        assert [entry.outcome for entry in answer.rows] == ["refused"] * 5
        told = refusals(answer)
        assert [path for path, _ in told[:4]] == ["thing"] * 4
        for (_, rule), part in zip(
            told, ("no thing", "source other", "needs.csv row a", "id of a record"), strict=False
        ):
            assert part in rule
        # A refused row is no vanished one.
        assert {entry.outcome for entry in answer.gone} <= {"question"}
        assert answer.signed == 0


async def test_exported_row_of_any_source_is_held_against_the_version_in_force(
    tmp_path: Path,
) -> None:
    """The round trip of an export: nothing is signed for what was not edited."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        thing = (await take(one, row("a", incident))).rows[0].thing
        shown = await one.service.thing(thing or "")

        def exported(value: str, seen: str) -> ImportRow:
            return naming(row("x", incident, value, text={"title": "大米 a"}), thing, seen)

        options: dict[str, Any] = {"source": "hutong-export", "any_source": True}
        same = await take(one, exported("200", shown.revision), **options)
        assert (same.counts, same.signed) == ({"unchanged": 1}, 0)
        edited = await take(one, exported("260", shown.revision), **options)
        assert (edited.counts, edited.signed) == ({"revised": 1}, 1)
        # The sheet it came from has not changed, and does not undo the edit.
        assert (await take(one, row("a", incident))).signed == 0
        assert (await one.service.thing(thing or "")).lines[0].required == "260"
        assert (await take(one, row("a", incident, "300"))).signed == 1
        unedited = await take(one, exported("200", shown.revision), **options)
        assert (unedited.counts, unedited.signed) == ({"unchanged": 1}, 0)
        stale = await take(one, exported("270", shown.revision), **options)
        assert [path for path, _ in refusals(stale)] == ["seen"]
        assert (await one.service.thing(thing or "")).lines[0].required == "300"
        again = (await one.service.thing(thing or "")).revision
        assert (await take(one, exported("270", again), **options)).signed == 1
        wrong = await take(one, exported("5", incident), **options)
        assert "version of this thing" in refusals(wrong)[0][1]


async def test_dry_run_of_an_edited_export_tells_the_edit_as_the_import_signs_it(
    tmp_path: Path,
) -> None:
    """A row that no run has had yet is not one that stood in this run before."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        thing = (await take(one, row("a", incident))).rows[0].thing
        edited = naming(row("x", incident, "9", text={"title": "大米 a"}), thing, thing)
        dry = await take(one, edited, source="export", any_source=True, dry_run=True, run="look")
        assert (dry.counts, refusals(dry)) == ({"revised": 1}, [])
        assert [(c.before, c.now) for c in dry.rows[0].changes] == [("200", "9")]
        done = await take(one, edited, source="export", any_source=True)
        assert (done.counts, done.signed) == ({"revised": 1}, 1)


async def exported(one: Local, *given: ImportRow, **options: Any) -> ImportAnswer:
    return await take(one, *given, source="hutong-export", any_source=True, **options)


async def test_row_that_an_export_has_too_is_closed_when_its_own_file_lost_it(
    tmp_path: Path,
) -> None:
    """An export is no list of its own, decision 0020."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        a, b = row("a", incident), row("b", incident)
        things = [entry.thing for entry in (await take(one, a, b)).rows]
        for given, thing in zip((a, b), things, strict=True):
            named = naming(given.model_copy(update={"key": f"x-{given.key}"}), thing)
            assert (await exported(one, named)).counts == {"unchanged": 1}
        done = await take(one, a, complete=True)
        assert (done.counts, done.signed) == ({"closed": 1, "unchanged": 1}, 1)
        assert (done.gone[0].title, done.gone[0].thing) == ("大米 b", things[1])


async def test_export_closes_nothing_and_tells_nothing_as_gone(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        assert (await exported(one, row("a", incident), row("b", incident))).signed == 2
        assert (await exported(one, row("a", incident))).counts == {"unchanged": 1}
        for dry_run in (True, False):
            with pytest.raises(Refused, match="an export is not complete"):
                await exported(one, row("a", incident), complete=True, dry_run=dry_run)


async def test_record_that_was_typed_into_an_export_may_move_into_a_sheet(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        thing = (await exported(one, row("typed", incident))).rows[0].thing
        text = {"title": "大米 typed"}
        moved = naming(row("a", incident, text=text), thing)
        assert (await take(one, moved)).counts == {"unchanged": 1}
        assert (await take(one, row("b", incident), complete=True)).counts == {
            "closed": 1,
            "new": 1,
        }


async def test_another_list_keeps_a_row_open_only_as_long_as_it_has_it(tmp_path: Path) -> None:
    """The question names both ways out: take it out there too, or close it by hand."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        a, b, z = (row(key, incident) for key in "abz")
        thing = (await take(one, a, b)).rows[1].thing
        # A program of its own that keeps a list with rows of every source.
        one.intake.put_rows(
            [
                replace(state, source="list", key="l-b", label="list row 2")
                for state in one.intake.rows("sheet", ["b"]).values()
            ]
        )
        asked = await take(one, a, complete=True)
        assert (asked.counts, asked.signed) == ({"question": 1, "unchanged": 1}, 0)
        reason = asked.gone[0].reason
        assert "list row 2 of the source list, which still has it" in reason
        assert f"hutong close {thing} --reason" in reason
        await take(one, z, source="list")
        done = await take(one, a, complete=True)
        assert (done.counts, done.signed) == ({"closed": 1, "unchanged": 1}, 1)


async def test_sheet_that_would_take_back_an_edit_of_an_export_waits_for_a_person(
    tmp_path: Path,
) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        thing = (await take(one, row("a", incident))).rows[0].thing
        text = {"title": "大米 a"}
        raised = naming(row("x", incident, "250", text=text), thing, thing)
        assert (await exported(one, raised)).counts == {"revised": 1}
        # As long as the sheet says what it said, nothing is taken back.
        assert (await take(one, row("a", incident))).counts == {"unchanged": 1}
        touched = row("a", incident, text={**text, "note": "备注"})
        dry, answer = await take(one, touched, dry_run=True), await take(one, touched)
        assert dry.rows[0].problems == answer.rows[0].problems
        assert (answer.counts, answer.signed) == ({"queued": 1}, 0)
        assert "this row: facts.lines[rice].quantity.value" in answer.rows[0].problems[0].rule
        assert answer.rows[0].queue is not None
        (waiting,) = (await one.service.queue()).drafts
        assert [mark.what for mark in waiting.marks] == ["revised-elsewhere"]
        released = await one.service.release(
            waiting.id, ReleaseRequest(method="desk", groups=["exists"])
        )
        shown = await one.service.thing(released.thing)
        assert (shown.lines[0].required, shown.thing.flags) == ("200", [])
        raised = naming(row("x", incident, "250", text=text), thing, shown.revision)
        assert (await exported(one, raised)).counts == {"revised": 1}
        # The same edit in the sheet takes nothing back, and neither does a later one of it.
        both = row("a", incident, "250", text=text)
        assert (await take(one, both)).counts == {"revised": 1}
        again = row("a", incident, "260", text=text)
        assert (await take(one, again)).counts == {"revised": 1}


async def test_row_that_would_take_back_many_edits_names_a_few(tmp_path: Path) -> None:
    """A mark has room for 300 characters, and names of lines are long."""
    async with local(tmp_path) as one:
        incident = await one.incident()

        def lines(value: str) -> dict[str, Any]:
            facts = need_facts(incident, value)
            (line,) = facts["lines"]
            names = [f"{'long' * 11}-{number}" for number in range(5)]
            return facts | {"lines": [line | {"id": name} for name in names]}

        given = row("a", incident).model_copy(update={"facts": lines("200")})
        first = await take(one, given)
        assert refusals(first) == []
        thing = first.rows[0].thing
        raised = naming(given.model_copy(update={"facts": lines("250"), "key": "x"}), thing, thing)
        assert (await exported(one, raised)).counts == {"revised": 1}
        touched = given.model_copy(update={"text": {"title": "大米"}})
        answer = await take(one, touched)
        assert answer.counts == {"queued": 1}
        assert answer.rows[0].problems[0].rule.endswith(" ...")
