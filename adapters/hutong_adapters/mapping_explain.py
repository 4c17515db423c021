"""Says how one row becomes a record, field by field: source, steps, result.

Owns what makes a mapping mendable by somebody who did not write it. What stays at home is named and
not shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from hutong_adapters.drafted import Drafted
from hutong_adapters.interface import Mark, Row
from hutong_adapters.mapping import RowMapping
from hutong_adapters.mapping_apply import Trace, draft_row
from hutong_adapters.mapping_steps import PersonalNote


def explain_row(
    mapping: RowMapping, row: Row, parameters: Mapping[str, str], *, space: str, topic: str
) -> list[str]:
    """The fields of the record that a row becomes, one a line, and what is refused."""
    traces: list[Trace] = []
    result = draft_row(mapping, row, parameters, space=space, topic=topic, traces=traces)
    said = [f"{row.label} -> {mapping.type} in {space}/{topic}"]
    said += [_field_words(trace) for trace in traces]
    if isinstance(result, Drafted):
        said.append(f"key: {result.draft.key}")
        said += [_note_words(note) for note in result.personal]
        said += [_mark_words(mark) for mark in result.draft.marks]
        if result.lines_added:
            said.append("the row has no lines: it got one that says so")
        return said
    return [*said, "refused:", *(f"  {refusal}" for refusal in result)]


def _field_words(trace: Trace) -> str:
    source = ", ".join(trace.cells) or "no cell"
    steps = "; ".join(trace.steps)
    result = "(left out)" if trace.result is None else json.dumps(trace.result, ensure_ascii=False)
    return f"  {trace.field} <- {source}" + (f" | {steps}" if steps else "") + f" = {result}"


def _note_words(note: PersonalNote) -> str:
    return f"personal data in {note.cell}: {note.kind}: {note.action}"


def _mark_words(mark: Mark) -> str:
    return f"to be looked at: {mark.cell}: {mark.what}: {mark.words}"
