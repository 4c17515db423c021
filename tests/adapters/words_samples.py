"""Mappings of quantities and goods in words, and what tests ask of the plans they come to."""

from __future__ import annotations

from typing import Any

from adapters.mapping_samples import HEADER, ROW, changed, only_draft
from hutong_adapters.planning import Plan

UNITS = '{ lookup = "builtin:units-mainland", unlisted = "raw_unit" }'
OLD = 'quantity = { from = "数量", unit = { from = "单位", lookup = "units" }, raw = true }'
IN_WORDS = changed(OLD, f'quantity = {{ from = "数量", parse = "cn_quantity", unit = {UNITS} }}')
IN_WORDS = changed('ignore = ["备注"]', 'ignore = ["备注", "单位"]', IN_WORDS)
BESIDE = changed(UNITS, UNITS.replace("{ ", '{ from = "单位", '), IN_WORDS)
BESIDE = changed('ignore = ["备注", "单位"]', 'ignore = ["备注"]', BESIDE)
PACKED = changed("unit = {", 'pack = { parse = "cn_pack", from = "备注" }, unit = {', IN_WORDS)
PACKED = changed('ignore = ["备注", "单位"]', 'ignore = ["单位"]', PACKED)
GOODS = changed(
    '[[facts.lines]]\nid = { from = "物资", parse = "line_id" }',
    '[[facts.lines]]\neach = { from = "物资", parse = "cn_goods" }\n'
    'id = { from = ["item", "spec"], join = " ", parse = "line_id" }',
)
GOODS = changed(
    OLD, f'quantity = {{ from = "quantity", parse = "cn_quantity", unit = {UNITS} }}', GOODS
)
GOODS = changed(
    'words.item = { from = "物资" }',
    'words.item = { from = "item" }\nwords.spec = { from = "spec" }\n'
    'words.note = { from_row = "备注" }',
    GOODS,
)
GOODS = changed('ignore = ["备注"]', 'ignore = ["数量", "单位"]', GOODS)


def with_cells(**cells: str) -> list[str]:
    """The sample row with some cells changed."""
    return [cells.get(name, old) for name, old in zip(HEADER, ROW, strict=True)]


def marks_of(plan: Plan) -> list[tuple[str, str, str]]:
    return [(mark.cell, mark.field, mark.what) for mark in only_draft(plan).draft.marks]


def raw_of(plan: Plan) -> object:
    (words,) = only_draft(plan).draft.text["lines"].values()  # type: ignore[union-attr]
    assert isinstance(words, dict)
    return words.get("raw")


def lines_of(plan: Plan) -> list[tuple[Any, ...]]:
    """Item, specification, number and unit of each line of the one draft."""
    draft = only_draft(plan).draft
    lines: Any = draft.facts["lines"]
    words: Any = draft.text["lines"]
    return [
        (
            words[line["id"]].get("item"),
            words[line["id"]].get("spec"),
            line["quantity"].get("value"),
            line["quantity"].get("unit"),
        )
        for line in lines
    ]
