"""Mappings and files that several tests of the adapters start from, all of them made up."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hutong_adapters.drafted import Drafted
from hutong_adapters.explaining import explain, plain_words
from hutong_adapters.interface import Refusal, Row
from hutong_adapters.mapping import RowMapping
from hutong_adapters.mapping_load import load_mapping
from hutong_adapters.planning import PLACEHOLDER, Plan, Target, make_plan

SHEET = """\
mapping = 1
name = "district-sheet"
type = "need/1"
space = "xian-2021"
topic = "fsc"
screening = "off"

[columns]
ignore = ["备注"]

[key]
columns = ["编号"]

[parameters.incident]
kind = "record"

[lookups.units]
table = { "斤" = "jin_cn", "袋" = "dai", "只" = "zhi" }

[facts]
incident = { param = "incident" }
urgency = { const = "normal" }
valid_until = { const = "2022-01-31T00:00:00+08:00" }
place.codes = [{ scheme = { const = "CN-GB2260" }, code = { from = "区县" } }]

[[facts.lines]]
id = { from = "物资", parse = "line_id" }
kind = { const = "goods" }
quantity = { from = "数量", unit = { from = "单位", lookup = "units" }, raw = true }
words.item = { from = "物资" }

[text]
title = { from = "物资", required = true }
"""
"""A line a row: the sheet of the README."""

HEADER = ["编号", "区县", "物资", "数量", "单位", "备注"]
ROW = ["A-1", "610113", "大米", "20", "袋", ""]


def write_mapping(folder: Path, text: str = SHEET, name: str = "sheet.toml") -> Path:
    """A mapping as a file."""
    tomllib.loads(text)
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def sheet_mapping(folder: Path, text: str = SHEET) -> RowMapping:
    """A mapping as it is loaded from a file."""
    return load_mapping(write_mapping(folder, text))


def write_csv(folder: Path, rows: Sequence[Sequence[str]], name: str = "sheet.csv") -> Path:
    """A CSV file in UTF-8 with every cell quoted; the header is the first row."""
    path = folder / name
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    path.write_text("\r\n".join(lines) + "\r\n", "utf-8", newline="")
    return path


def write_json(folder: Path, rows: object, name: str = "rows.json") -> Path:
    """A JSON file."""
    path = folder / name
    path.write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    return path


def plan_of(mapping: RowMapping, *paths: Path, **given: str) -> Plan:
    """What would be sent for some files; the incident is a placeholder."""
    return make_plan(mapping, paths, Target(given={"incident": PLACEHOLDER, **given}))


def sheet_plan(folder: Path, *rows: Sequence[str], mapping: str = SHEET) -> Plan:
    """What would be sent for rows under `HEADER`."""
    return plan_of(sheet_mapping(folder, mapping), write_csv(folder, [HEADER, *rows]))


def only_draft(plan: Plan) -> Drafted:
    """The one draft of a plan in which nothing was refused."""
    assert [str(refusal) for refusal in plan.refused] == []
    (drafted,) = plan.drafts
    return drafted


def only_refusal(plan: Plan) -> Refusal:
    """The one refusal of a plan without drafts."""
    assert plan.drafts == ()
    (refusal,) = plan.refused
    return refusal


def only_line(plan: Plan) -> Mapping[str, Any]:
    """The one line of the one draft."""
    lines: Any = only_draft(plan).draft.facts["lines"]
    (line,) = lines
    assert isinstance(line, dict)
    return line


def changed(old: str, new: str, text: str = SHEET) -> str:
    """A mapping with one place changed; the place must be there."""
    assert old in text
    return text.replace(old, new, 1)


def explained(plan: Plan, row: Row) -> list[str]:
    """A row of a plan in words, as `--explain` prints them into a pipe."""
    return plain_words(explain(plan, row, {"incident": PLACEHOLDER}, None))
