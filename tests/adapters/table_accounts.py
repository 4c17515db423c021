"""What must hold of every table that was read through a mapping, whatever is in it.

Nothing is lost, what is drafted can be signed, and what is refused can be mended: each refusal has
its row, cell, rule and way out, and quotes no cell. Rows are counted here by the standard library.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

from hutong_adapters.mapping_load import load_mapping
from hutong_adapters.planning import Plan, Target, make_plan
from hutong_adapters.summary import plan_json
from hutong_protocol.schema import record_problems
from hutong_protocol.schema.jsonform import facts_from_json

QUOTED_MIN = 5
"""Shorter cells stand in messages by chance: `ge`, `other`, `2013`."""


@lru_cache(maxsize=1)
def read(mapping: str, *paths: Path, **given: str) -> Plan:
    """What a built-in mapping makes of files, as a dry run does. The last is remembered."""
    target = Target(space="test", given=given, may_guess=True)
    plan = make_plan(load_mapping(mapping), paths, target)
    check(plan)
    return plan


def check(plan: Plan) -> None:
    """Holds a plan to what is true of all."""
    refused = {(each.file, each.row) for each in plan.refused}
    assert plan.rows == len(plan.drafts) + len(plan.copies) + len(refused)
    for each in plan.drafts:
        facts, problems = facts_from_json(each.draft.type, each.draft.facts)
        problems += record_problems(each.draft.type, refs=(), facts=facts, text=each.draft.text)
        assert problems == []
    columns = {name for sheet in plan.sheets for column in sheet.columns for name in column}
    cells = {
        (row.file, row.number): [text for text in texts(row.cells) if text not in columns]
        for sheet in plan.sheets
        for row in sheet.rows
    }
    for refusal in plan.refused:
        assert refusal.row > 0
        assert refusal.rule
        assert refusal.cell
        assert refusal.way_out
        said = f"{refusal.rule} {refusal.way_out}"
        assert not [text for text in cells.get((refusal.file, refusal.row), ()) if text in said]
    for each in plan.drafts:
        of_row = cells[each.row.file, each.row.number]
        for mark in each.draft.marks:
            assert not [text for text in of_row if text in f"{mark.cell} {mark.words}"]


def texts(value: Any) -> list[str]:
    """Every text of a row that is long enough to be known again."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [str(value)] if value is not None and len(str(value)) >= QUOTED_MIN else []


def counts(plan: Plan) -> tuple[int, int, int]:
    """Rows, drafts and rows refused."""
    told: Any = plan_json(plan)
    return told["rows"], told["drafts"], told["refused_rows"]


def reasons(plan: Plan) -> dict[tuple[str, str], int]:
    """How many rows were refused, by column and rule."""
    seen = {(each.row, each.cell.partition(" (")[0], each.rule) for each in plan.refused}
    return dict(Counter((cell, rule) for _, cell, rule in seen))


def lines(plan: Plan) -> list[dict[str, Any]]:
    """All lines of a plan."""
    found: list[Any] = [each.draft.facts["lines"] for each in plan.drafts]
    return [line for of_draft in found for line in of_draft]


def csv_rows(path: Path, encoding: str = "utf-8-sig") -> list[dict[str, str]]:
    """The rows of a CSV file with something in them, by the standard library."""
    with path.open(encoding=encoding, newline="") as file:
        return [row for row in csv.DictReader(file) if any(row.values())]


def elements(path: Path) -> list[Any]:
    """The elements of a JSON file, or of its `contents`."""
    found = json.loads(path.read_bytes())
    return list(found["contents"] if isinstance(found, dict) else found)
