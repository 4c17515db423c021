"""What an import comes to, in numbers: for people in words, for programs as JSON.

Owns the counting. A line counts by its bound, and lines that the mapping added because a row had
none are counted apart: no cell stands for them. Sums are of exact quantities of one item and unit
only, in whole millionths; a line without upper limit is in no sum, whatever number stood for it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from hutong_adapters.drafted import Drafted
from hutong_adapters.interface import Mark, Refusal
from hutong_adapters.planning import Plan
from hutong_protocol.instants import instant_ms
from hutong_protocol.quantity import decimal_millionths
from hutong_protocol.schema.jsonform import Json

_RANGES_MAX: Final = 10
_ADDRESS: Final = re.compile(r" \([A-Z]{1,3}[0-9]+\)")
"""That of a cell behind the name of its column."""
_RAW_UNIT: Final = "raw:"
TITLE_SHOWN: Final = 40
_MILLION: Final = 1_000_000
MARKS_SHOWN_MAX: Final = 20


@dataclass(slots=True)
class ItemCount:
    """The lines of one item and unit. `exact` is a sum in millionths."""

    lines: int = 0
    exact: int = 0
    bounds: Counter[str] = field(default_factory=Counter)


def plan_json(plan: Plan, now_ms: int | None = None) -> dict[str, Json]:
    """The counts of a plan. Keys stay as they are within version 1 of the program.

    Args:
        now_ms: the time by which drafts that are expired before they were signed are counted;
            without one none is.
    """
    lines = [line for drafted in plan.drafts for line in source_lines(drafted)]
    bounds = Counter(_bound(line) for line in lines)
    personal = [
        {"file": drafted.row.file, "row": drafted.row.number, "cell": note.cell}
        | {"kind": note.kind, "action": note.action}
        for drafted in plan.drafts
        for note in drafted.personal
    ]
    return {
        "mapping": plan.mapping.name,
        "mapping_digest": plan.mapping.digest,
        "source": plan.mapping.source,
        "type": plan.mapping.type,
        "space": plan.space,
        "topic": plan.topic,
        "files": [sheet.file for sheet in plan.sheets],
        "rows": plan.rows,
        "blank_rows": sum(sheet.blank for sheet in plan.sheets),
        "passed_rows": dict(_passed(plan)),
        "notes": [note for sheet in plan.sheets for note in sheet.notes],
        "drafts": len(plan.drafts),
        "lines": len(lines),
        "lines_added": sum(drafted.lines_added for drafted in plan.drafts),
        "bounds": dict(sorted(bounds.items())),
        "untranslated_units": sum(1 for _ in _untranslated(plan)),
        "items": _items_json(lines),
        "copies": [
            {"file": copy.row.file, "row": copy.row.number, "counted": copy.counted.label}
            for copy in plan.copies
        ],
        "refused_rows": len({(refusal.file, refusal.row) for refusal in plan.refused}),
        "refused": [refusal_json(refusal) for refusal in plan.refused],
        "personal": personal,  # type: ignore[dict-item]
        "marks": _marks_json(plan),
        "expired": sum(_expired(drafted, now_ms) for drafted in plan.drafts),
        "at_home": sum(len(drafted.draft.sensitive) for drafted in plan.drafts),
        "placeholders": list(plan.placeholders),
        "keys_digest": keys_digest(plan),
    }


def refusal_json(refusal: Refusal) -> dict[str, Json]:
    """A refusal with its place, rule and way out."""
    return {
        "file": refusal.file,
        "row": refusal.row,
        "cell": refusal.cell,
        "field": refusal.field,
        "rule": refusal.rule,
        "way_out": refusal.way_out,
    }


def refused_words(refused: Sequence[Refusal], shown_max: int) -> list[str]:
    """Refusals for people, a line each; rows that are refused alike stand in one.

    Args:
        shown_max: how many lines; one more then says how many rows have no line.
    """
    alike: dict[tuple[str, str, str, str], list[Refusal]] = {}
    for refusal in refused:
        column = _ADDRESS.sub("", refusal.cell)
        alike.setdefault((refusal.file, column, refusal.rule, refusal.way_out), []).append(refusal)
    said: list[str] = []
    left: set[tuple[str, int]] = set()
    for (file, column, rule, way_out), group in alike.items():
        if len(said) == shown_max:
            left |= {(refusal.file, refusal.row) for refusal in group}
            continue
        numbers = list(dict.fromkeys(refusal.row for refusal in group))
        if len(numbers) == 1:
            said.append(str(group[0]))
            continue
        place = f"{file}, {len(numbers)} rows ({_ranges(numbers)})"
        target = f" [{group[0].field}]" if group[0].field else ""
        out = f" ({way_out})" if way_out else ""
        said.append(f"{place}{f', {column}' if column else ''}: {rule}{target}{out}")
    if left:
        said.append(f"... and {len(left)} rows more; --json lists all")
    return said


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers of rows as people write them, `2-5, 8`; the first few of many."""
    ends: list[list[int]] = []
    for number in sorted(numbers):
        if ends and number == ends[-1][1] + 1:
            ends[-1][1] = number
        else:
            ends.append([number, number])
    told = [f"{first}-{last}" if last > first else str(first) for first, last in ends]
    return ", ".join(told[:_RANGES_MAX]) + (", ..." if len(told) > _RANGES_MAX else "")


def keys_digest(plan: Plan) -> str:
    """Equal for two plans that know the same rows: a digest of their keys, in no order."""
    shared = Counter(drafted.draft.key for drafted in plan.drafts)
    listed = "\n".join(f"{key} {count}" for key, count in sorted(shared.items()))
    return hashlib.sha256(listed.encode("ascii")).hexdigest()


def source_lines(drafted: Drafted) -> Iterator[Mapping[str, Any]]:
    """The lines of a draft that stand for something in its row."""
    lines = drafted.draft.facts.get("lines")
    if isinstance(lines, list) and not drafted.lines_added:
        yield from (line for line in lines if isinstance(line, dict))


def item_counts(lines: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], ItemCount]:
    """Lines by item code (or line id, without one) and unit."""
    found: dict[tuple[str, str], ItemCount] = {}
    for line in lines:
        quantity = line["quantity"]
        item = line.get("item", {}).get("code", line["id"])
        count = found.setdefault((item, quantity.get("unit", "")), ItemCount())
        count.lines += 1
        count.bounds[quantity["bound"]] += 1
        if quantity["bound"] == "exact":
            count.exact += decimal_millionths(quantity["value"]) or 0
    return found


def titled(label: str, title: object) -> str:
    """A row with what its record is called, as far as that is known, cut to a glance."""
    words = " ".join(str(title or "").split())
    words = words if len(words) <= TITLE_SHOWN else f"{words[: TITLE_SHOWN - 1]}…"
    return f"{label} ({words})" if words else label


def gone_row(gone: Mapping[str, Any]) -> str:
    """A row that is gone: its number is one of the file that was read last."""
    return titled(f"{gone['row']} of the last import", gone.get("title"))


def plan_words(
    plan: Plan, now_ms: int | None = None, *, refused: Sequence[Refusal] | None = None
) -> list[str]:
    """The same for people, a line each.

    Args:
        refused: all that was refused in the end, by the node too; else what the plan refuses.
    """
    counts = plan_json(plan, now_ms)
    if refused is not None:
        counts["refused_rows"] = len({(each.file, each.row) for each in refused})
    bounds: Any = counts["bounds"]
    said = [
        f"{counted(plan.rows, 'row')} in {counted(len(plan.sheets), 'file')}: "
        f"{counted(len(plan.drafts), 'draft')}, {counted(len(plan.copies), 'copy', 'copies')}, "
        f"{counts['refused_rows']} refused"
    ]
    said += [note for sheet in plan.sheets for note in sheet.notes]
    passed = ", ".join(f"{number} {kind}" for kind, number in _passed(plan).items())
    if passed:
        said.append(f"rows that are none, by the layout of the sheets: {passed}")
    if counts["lines"]:
        listed = ", ".join(f"{number} {bound}" for bound, number in bounds.items())
        said.append(f"{counted(counts['lines'], 'line')}: {listed}")
    untranslated = list(_untranslated(plan))
    if untranslated:
        rows = ", ".join(dict.fromkeys(each.row.label for each in untranslated[:_RANGES_MAX]))
        more = ", ..." if len(untranslated) > _RANGES_MAX else ""
        said.append(
            f"{counted(len(untranslated), 'line')} with a unit that nobody translated (raw:...): "
            f"{rows}{more}; they add up with no other unit"
        )
    if counts["lines_added"]:
        added = counted(counts["lines_added"], "row")
        said.append(f"{added} without lines got one that says so")
    if counts["at_home"]:
        verb = "stays" if counts["at_home"] == 1 else "stay"
        said.append(f"{counted(counts['at_home'], 'value')} {verb} at home")
    if counts["expired"]:
        said.append(
            f"{counts['expired']} of {counted(len(plan.drafts), 'draft')} have a valid_until that "
            "is past: they will stand as expired, to be asked about again"
        )
    said += _marks_words(plan)
    for copy in plan.copies:
        said.append(f"{copy.row.label}: a copy of {copy.counted.label}, counted once")
    if plan.placeholders:
        said.append(f"still to be given: {', '.join(plan.placeholders)}")
    return said


def counted(number: Any, one: str, many: str | None = None) -> str:
    """A number and its noun: `1 row`, `2 rows`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def _marks(plan: Plan) -> Iterator[tuple[Drafted, Mark]]:
    """What a person has to look at, row by row; marks of personal data are among them."""
    for drafted in plan.drafts:
        for mark in drafted.draft.marks:
            yield drafted, mark


def _marks_json(plan: Plan) -> list[Json]:
    return [
        {
            "file": drafted.row.file,
            "row": drafted.row.number,
            "cell": mark.cell,
            "what": mark.what,
        }
        for drafted, mark in _marks(plan)
    ]


def _marks_words(plan: Plan) -> Iterator[str]:
    kinds = Counter(mark.what for _, mark in _marks(plan))
    if not kinds:
        return
    listed = ", ".join(f"{number} {what}" for what, number in sorted(kinds.items()))
    rows = len({(drafted.row.file, drafted.row.number) for drafted, _ in _marks(plan)})
    yield f"{counted(rows, 'row')} to be looked at: {listed}"
    alike: dict[tuple[str, str, str, str], list[tuple[Drafted, Mark]]] = {}
    for drafted, mark in _marks(plan):
        column = _ADDRESS.sub("", mark.cell)
        alike.setdefault((drafted.row.file, column, mark.what, mark.words), []).append(
            (drafted, mark)
        )
    for (file, column, what, words), group in islice(alike.items(), MARKS_SHOWN_MAX):
        numbers = list(dict.fromkeys(drafted.row.number for drafted, _ in group))
        place = f"{file}, {len(numbers)} rows ({_ranges(numbers)}), {column}"
        if len(numbers) == 1:
            place = f"{group[0][0].row.label}, {group[0][1].cell}"
        yield f"{place}: {what}{f': {words}' if words else ''}"
    if len(alike) > MARKS_SHOWN_MAX:
        yield f"... and {len(alike) - MARKS_SHOWN_MAX} kinds more; --json lists all"


def _untranslated(plan: Plan) -> Iterator[Drafted]:
    """For each line whose unit stands as the sheet has it, its row."""
    for drafted in plan.drafts:
        for line in source_lines(drafted):
            unit = line["quantity"].get("unit", "")
            if isinstance(unit, str) and unit.startswith(_RAW_UNIT):
                yield drafted


def _expired(drafted: Drafted, now_ms: int | None) -> bool:
    until = drafted.draft.facts.get("valid_until")
    ends_ms = instant_ms(until) if isinstance(until, str) else None
    return ends_ms is not None and now_ms is not None and ends_ms <= now_ms


def _passed(plan: Plan) -> Counter[str]:
    """What the layout of sheets took for no row, by kind."""
    found: Counter[str] = Counter()
    for sheet in plan.sheets:
        found.update(sheet.passed)
    return found


def _bound(line: Mapping[str, Any]) -> str:
    return str(line["quantity"]["bound"])


def _items_json(lines: Iterable[Mapping[str, Any]]) -> list[Json]:
    return [
        {
            "item": item,
            "unit": unit,
            "lines": count.lines,
            "bounds": dict(sorted(count.bounds.items())),
            "exact": millionths_text(count.exact),
        }
        for (item, unit), count in sorted(item_counts(lines).items())
    ]


def millionths_text(number: int) -> str:
    """A whole number of millionths as a decimal."""
    whole, rest = divmod(number, _MILLION)
    return f"{whole}.{rest:06}".rstrip("0") if rest else str(whole)
