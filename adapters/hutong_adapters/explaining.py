"""Says in words how one row becomes a record, and what the node would do with it.

Owns what makes a mapping mendable by somebody who did not write it: for each field its cells with
their addresses, the steps, the result and the line of the mapping that rules it; what stays at
home, which is named and not shown; what a person has to look at; by what the row is known again. It
reads nothing and asks nobody: the answer of the node comes in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hutong_adapters.columns import column_text
from hutong_adapters.drafted import Drafted, with_personal_marks
from hutong_adapters.grid import column_letters
from hutong_adapters.interface import FileRefused, Refusal, Row
from hutong_adapters.mapping_apply import Trace, draft_row
from hutong_adapters.plain_text import trimmed
from hutong_adapters.planning import PLACEHOLDER, Plan
from hutong_adapters.row_ids import HUTONG_ID
from hutong_adapters.rule_lines import RuleLines

_AT_HOME: Final = "sensitive."
_ABOVE: Final = "it is a further line of the new record in the row above it: explain that row"
_OUTCOMES: Final[Mapping[str, str]] = {
    "new": "sign a new record",
    "revised": "sign a revision",
    "reopened": "reopen its record, which was closed when the row had gone",
    "unchanged": "sign nothing: the row says what was signed for it",
    "declined": "sign nothing: somebody refused it in the queue, and it has not changed since",
    "queued": "let it wait unsigned, until somebody has looked at it",
    "refused": "refuse it",
    "question": "ask a person",
}


@dataclass(frozen=True, slots=True)
class FieldPath:
    """How one field came about. `lines` are those of the mapping that rule it."""

    field: str
    cells: str
    steps: str
    result: str
    lines: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One row in words. `draft` is None where it is refused; `remarks` are whole sentences."""

    row: str
    becomes: str
    fields: tuple[FieldPath, ...]
    at_home: tuple[FieldPath, ...]
    remarks: tuple[str, ...]
    draft: Drafted | None


def find_row(plan: Plan, wanted: str) -> Row:
    """The row of a plan that somebody means: its number, or `FILE:NUMBER`.

    Raises:
        FileRefused: there is none, or several have this number; rows that could not be read are
            told with the reason.
    """
    file, colon, number = wanted.rpartition(":")
    text = number if colon else wanted
    refusals = [refusal for sheet in plan.sheets for refusal in sheet.refused]
    name = file or (plan.sheets[0].file if plan.sheets else "the file")
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise FileRefused(name, "rows have numbers", "for example 3, or needs.csv:3")
    wanted_number = int(text)
    found = [
        row
        for sheet in plan.sheets
        for row in sheet.rows
        if row.number == wanted_number and (not file or row.file == file)
    ]
    if len(found) > 1:
        names = ", ".join(f"{row.file}:{row.number}" for row in found)
        raise FileRefused(name, f"several rows have this number: {names}", "name one of them")
    if not found:
        for refusal in refusals:
            if refusal.row == wanted_number and (not file or refusal.file == file):
                raise FileRefused(refusal.file, str(refusal))
        raise FileRefused(name, f"has no row {wanted_number}")
    return found[0]


def explain(
    plan: Plan, row: Row, parameters: Mapping[str, str], rules: RuleLines | None
) -> Explanation:
    """How a row of a plan becomes a record.

    Args:
        parameters: a value for every parameter of the mapping.
        rules: the lines of the mapping; None where there is no file of it.
    """
    traces: list[Trace] = []
    told = addressed(plan, row)
    result = draft_row(
        *(plan.mapping, told, parameters), space=plan.space, topic=plan.topic, traces=traces
    )
    paths = [_field_path(trace, rules) for trace in traces]
    draft = _draft_of(plan, row)
    return Explanation(
        row=row.label,
        becomes=f"{plan.mapping.type} in {plan.space}/{plan.topic}",
        fields=tuple(path for path in paths if not path.field.startswith(_AT_HOME)),
        at_home=tuple(path for path in paths if path.field.startswith(_AT_HOME)),
        remarks=(*_remarks(plan, row, draft), *_last_words(plan, row, result)),
        draft=draft,
    )


def explain_export(plan: Plan, row: Row) -> Explanation:
    """What a row of an export says, field by field: there is no mapping whose steps to show."""
    named = row.cells.get(HUTONG_ID)
    thing = trimmed(named) if isinstance(named, str) else ""
    draft = next(
        (
            each
            for each in plan.drafts
            if (thing and each.draft.thing == thing)
            or (each.row.file, each.row.number) == (row.file, row.number)
        ),
        None,
    )
    refusals = [each for each in plan.refused if (each.file, each.row) == (row.file, row.number)]
    if draft is None:
        said = ["refused:", *(f"  {refusal}" for refusal in refusals)] if refusals else [_ABOVE]
        return Explanation(row.label, "no record of its own", (), (), tuple(said), None)
    drafted, about = draft, draft.draft
    fields = [
        FieldPath(path, ", ".join(drafted.cells(path)) or "more", "", result, "")
        for path, result in [
            *_leaves(about.facts, ""),
            *_leaves(about.text, "text"),
        ]
    ]
    known = "a new record" if about.thing is None else f"the row names its record: {about.thing}"
    becomes = f"{about.type} in {about.space}/{about.topic}"
    return Explanation(row.label, becomes, tuple(fields), (), (known,), draft)


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Every field inside a value with its JSON."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{number}]")
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def addressed(plan: Plan, row: Row) -> Row:
    """The row with the places of its cells, also where a plain table of text told none."""
    if row.addresses:
        return row
    for sheet in plan.sheets:
        flat = sheet.file.lower().endswith((".csv", ".tsv"))
        if flat and any(each is row for each in sheet.rows):
            names = [column[0] for column in sheet.columns if len(column) == 1]
            if list(row.cells) == names:
                places = {
                    name: f"{column_letters(place)}{row.number}" for place, name in enumerate(names)
                }
                return replace(row, addresses=places)
    return row


def outcome_words(told: Mapping[str, Any]) -> list[str]:
    """What the node would do with a row, from the entry of a dry run, and why."""
    outcome = str(told["outcome"])
    said = [f"the node would {_OUTCOMES.get(outcome, outcome)}"]
    if told.get("thing"):
        said.append(f"its record: {told['thing']}")
    if told.get("read") == "earlier":
        said.append(f"it says again what it said at {told.get('read_at')}")
    elif told.get("read") == "same" and outcome == "queued":
        said.append("it waits already, and says the same as when it was read last")
    if told.get("same_as"):
        said.append("another row of this source says exactly the same under another key")
    for change in told.get("changes", ()):
        said.append(f"{change['path']}: {_value(change['before'])} -> {_value(change['now'])}")
    for problem in told.get("problems", ()):
        said.append(f"{problem['path'] or 'it'}: {problem['rule']}")
    return said


def plain_words(said: Explanation) -> list[str]:
    """An explanation as lines of text, for a pipe."""
    lines = [f"{said.row} -> {said.becomes}"]
    for path in (*said.fields, *said.at_home):
        steps = f" | {path.steps}" if path.steps else ""
        rule = f" (mapping line {path.lines})" if path.lines else ""
        lines.append(f"  {path.field} <- {path.cells}{steps} = {path.result}{rule}")
    return [*lines, *said.remarks]


def _field_path(trace: Trace, rules: RuleLines | None) -> FieldPath:
    result = "(left out)" if trace.result is None else json.dumps(trace.result, ensure_ascii=False)
    if trace.result == PLACEHOLDER:
        result = "(still to be given)"
    if trace.field.startswith(_AT_HOME):
        result = "(stays at home)" if trace.result is not None else "(left out)"
    found = () if rules is None else rules.of_field(trace.field)
    return FieldPath(
        field=trace.field,
        cells=", ".join(trace.cells) or "no cell",
        steps="; ".join(trace.steps),
        result=result,
        lines=" or ".join(map(str, found)),
    )


def _draft_of(plan: Plan, row: Row) -> Drafted | None:
    return next((each for each in plan.drafts if each.row is row), None)


def _remarks(plan: Plan, row: Row, draft: Drafted | None) -> list[str]:
    key = plan.mapping.key
    columns = ", ".join(map(column_text, key.columns))
    said = [f"the row is known again by: {columns}"]
    if draft is not None:
        if draft.draft.thing is not None:
            said = [f"the row names its record: {draft.draft.thing}"]
        others = [
            each.row.label
            for each in plan.drafts
            if each.draft.key == draft.draft.key and each is not draft
        ]
        if others:
            listed = _some(others)
            said.append(f"{listed} share this key: they are told apart by what they say")
        if draft.lines_added:
            said.append("the row has no lines: it got one that says so")
    for copy in plan.copies:
        if copy.row is row:
            said.append(f"it is a copy of {copy.counted.label}, and not counted")
    return said


def _last_words(plan: Plan, row: Row, result: Drafted | list[Refusal]) -> list[str]:
    """What somebody has to look at, or why the row is refused; with the places of the cells."""
    if isinstance(result, list):
        refusals: list[Refusal] = result
    else:
        refusals = [
            each for each in plan.refused if (each.file, each.row) == (row.file, row.number)
        ]
    if refusals:
        return ["refused:", *(f"  {refusal}" for refusal in refusals)]
    assert isinstance(result, Drafted)
    said = []
    for mark in with_personal_marks(result).draft.marks:
        words = f": {mark.words}" if mark.words else ""
        said.append(f"to be looked at: {mark.cell}: {mark.what}{words}")
    if said:
        said.append("so it waits for a person, whatever the mapping says about screening")
    elif plan.mapping.screening:
        said.append("rows of this mapping wait for a person")
    return said


def _some(labels: Sequence[str]) -> str:
    shown = ", ".join(labels[:5])
    return shown if len(labels) <= 5 else f"{shown} and {len(labels) - 5} more"


def _value(value: object) -> str:
    return "nothing" if value is None else str(value)
