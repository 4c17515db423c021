"""From files and a mapping to what would be sent: everything that needs no node.

Owns the order of the checks. A file that can't be read, a column that nobody mentioned, one that
vanished or a parameter without a value stops the import before any row is drafted; then each row is
drafted by itself, and rows of one key are told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hutong_adapters.business_keys import Copy, base_key, key_number, settle_copies
from hutong_adapters.columns import Pointer, absent, column_text, shown_column, unmentioned
from hutong_adapters.drafted import Drafted, with_personal_marks
from hutong_adapters.interface import FileRefused, MappingRefused, Refusal
from hutong_adapters.mapping import RowMapping
from hutong_adapters.mapping_apply import draft_row
from hutong_adapters.mapping_dates import is_zone
from hutong_adapters.plain_text import trimmed
from hutong_adapters.row_ids import HUTONG_ID, RESERVED, identified, settle_ids
from hutong_adapters.rows import FORMATS, NOT_READ, Sheet, read_sheet
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.ids import ID_BYTES, IdKind, format_id, parse_id_as
from hutong_protocol.instants import instant_ms
from hutong_protocol.schema.shapes import TOPIC

PLACEHOLDER: Final = format_id(IdKind.RECORD, bytes(ID_BYTES))
"""Stands for a record id that nobody gave, when nothing is sent."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the records go, and the values of parameters that were given."""

    space: str | None = None
    topic: str | None = None
    given: Mapping[str, str] | None = None
    may_guess: bool = False
    """Whether ids that are missing may be stood for by `PLACEHOLDER`: nothing is sent."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the refused rows of a file: they can't be used, but they are not gone.

    `unplaced` are rows of which not even the key could be read.
    """

    keys: frozenset[str] = frozenset()
    things: frozenset[str] = frozenset()
    unplaced: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would send. `placeholders` are parameters that nobody gave.

    With `any_source` the rows may name records of every source: they are of an export. `standing`
    are the rows of the file that are refused.
    """

    mapping: RowMapping
    space: str
    topic: str
    sheets: tuple[Sheet, ...]
    drafts: tuple[Drafted, ...]
    copies: tuple[Copy, ...]
    refused: tuple[Refusal, ...]
    placeholders: tuple[str, ...]
    any_source: bool = False
    standing: Standing = Standing()

    def still_has(self, key: str, thing: str) -> bool:
        """Whether a row that nothing is sent for stands in the file all the same."""
        shared, _ = key_number(key)
        return shared in self.standing.keys or thing in self.standing.things

    @property
    def rows(self) -> int:
        """How many rows the files have, blank ones left out."""
        return sum(len(sheet.rows) + len(sheet.refused) for sheet in self.sheets)


def make_plan(
    mapping: RowMapping,
    paths: Iterable[Path],
    target: Target,
    *,
    on_row: Callable[[int], None] = lambda rows: None,
) -> Plan:
    """The plan for some files, which together are one set of rows.

    Args:
        on_row: is told the number of rows drafted so far, for a display of progress.

    Raises:
        FileRefused: a file can't be read.
        MappingRefused: the mapping doesn't fit the files, or something was not given.
    """
    space, topic = _scope(mapping, target)
    parameters, placeholders = resolve_parameters(mapping, target)
    sheets = read_sheets(mapping, paths)
    drafted: list[Drafted] = []
    refused = [refusal for sheet in sheets for refusal in sheet.refused]
    done = 0
    for sheet in sheets:
        for row in sheet.rows:
            result = draft_row(mapping, row, parameters, space=space, topic=topic)
            if isinstance(result, Drafted):
                named = identified(with_personal_marks(result))
                drafted += [named] if isinstance(named, Drafted) else []
                refused += [named] if isinstance(named, Refusal) else []
            else:
                refused += result
            done += 1
            on_row(done)
    settled = settle_copies(mapping.key.duplicates, drafted)
    kept, copied_ids = settle_ids(settled.drafts)
    refused += [*settled.refused, *copied_ids]
    return Plan(
        *(mapping, space, topic, tuple(sheets), tuple(kept), settled.copies),
        *(tuple(refused), placeholders),
        standing=_standing(mapping, sheets, refused),
    )


def _standing(mapping: RowMapping, sheets: Iterable[Sheet], refused: Iterable[Refusal]) -> Standing:
    """By what the refused rows are known."""
    places = {(refusal.file, refusal.row) for refusal in refused}
    keys: set[str] = set()
    things: set[str] = set()
    placed = set()
    for row in (row for sheet in sheets for row in sheet.rows):
        if (row.file, row.number) not in places:
            continue
        key, named = base_key(mapping.key, row), row.cells.get(HUTONG_ID)
        keys |= {key} if isinstance(key, str) else set()
        things |= {trimmed(named)} if isinstance(named, str) else set()
        if isinstance(key, str):
            placed.add((row.file, row.number))
    return Standing(frozenset(keys), frozenset(things - {""}), len(places - placed))


def read_sheets(mapping: RowMapping, paths: Iterable[Path]) -> list[Sheet]:
    """The rows of all files, after the mapping was found to know their columns.

    Raises:
        FileRefused, MappingRefused: as `make_plan`.
    """
    reading = mapping.reading()
    sheets = [read_sheet(path, mapping.form, reading) for path in expand(paths)]
    for sheet in sheets:
        if sheet.rows or sheet.columns:
            check_columns(mapping, sheet)
    return sheets


def expand(paths: Iterable[Path]) -> list[Path]:
    """Files, with those of a folder in the order of their names.

    Raises:
        FileRefused: a folder without files of a known format; no path at all.
    """
    found: list[Path] = []
    endings = {ending for known in FORMATS.values() for ending in known} | NOT_READ.keys()
    for path in paths:
        if path.is_dir():
            # Not those that a program keeps beside a sheet that is open in it.
            inside = sorted(
                each
                for each in path.iterdir()
                if each.suffix.lower() in endings and not each.name.startswith((".", "~$"))
            )
            if not inside:
                raise FileRefused(path.name, "is a folder without files of a known format")
            found += inside
        else:
            found.append(path)
    if not found:
        raise FileRefused("import", "no file was named")
    return found


def check_columns(mapping: RowMapping, sheet: Sheet) -> None:
    """Holds a file, and every table in it, to its mapping: nothing unmentioned, nothing vanished.

    Raises:
        MappingRefused: with the columns, and what to write about them.
    """
    tables: list[tuple[str, Sequence[Pointer]]] = [
        (table.label, [(column,) for column in table.columns]) for table in sheet.tables
    ]
    problems = [
        problem
        for label, columns in tables or [(sheet.file, sheet.columns)]
        for problem in _column_problems(mapping, label, columns)
    ]
    if problems:
        raise MappingRefused(problems)


def _column_problems(mapping: RowMapping, label: str, columns: Sequence[Pointer]) -> Iterator[str]:
    named = [column for column in columns if column not in RESERVED]
    used = absent([], mapping.used_columns())
    if used and absent(columns, mapping.used_columns()) == used:
        names = ", ".join(_quoted(used))
        # What stands there instead may well be a row: it is not quoted.
        yield (
            f"{label}: has none of the columns that the mapping uses ({names}). Is it the mapping "
            f"for this file? `hutong adapter list` names the built-in ones"
        )
        return
    extra = unmentioned(named, mapping.mentions())
    if extra:
        names = ", ".join(_quoted(extra))
        yield (
            f"{label}: has columns that the mapping does not mention: {names}. Use them, or "
            f"list them in [columns] as ignore (nobody needs them) or drop (nobody may have them)"
        )
    optional = {column[:1] for column in mapping.optional}
    gone = [column for column in absent(columns, mapping.used_columns()) if column not in optional]
    if gone:
        names = ", ".join(_quoted(gone))
        yield (
            f"{label}: has no column {names}, which the mapping uses. Renamed in the file? "
            f"Where it may be missing, list it in [columns] as optional"
        )


def resolve_parameters(
    mapping: RowMapping, target: Target
) -> tuple[dict[str, str], tuple[str, ...]]:
    """A value for every parameter, and which of them are only placeholders.

    Raises:
        MappingRefused: one has no value, or one that is not of its kind; or it is unknown.
    """
    given = dict(target.given or {})
    problems = [
        f"--set {name}: the mapping has no such parameter; it has {', '.join(mapping.parameters)}"
        for name in given.keys() - mapping.parameters.keys()
    ]
    values: dict[str, str] = {}
    placeholders: list[str] = []
    for name, parameter in mapping.parameters.items():
        value = given.get(name, parameter.default)
        if value is None and target.may_guess and parameter.kind == "record":
            value = PLACEHOLDER
            placeholders.append(name)
        if value is None:
            about = f" ({parameter.about})" if parameter.about else ""
            problems.append(f"parameter {name} has no value{about}: give --set {name}=...")
            continue
        rule = _parameter_rule(parameter.kind, value)
        if rule:
            problems.append(f"parameter {name}: {rule}")
        values[name] = value
    if problems:
        raise MappingRefused(problems)
    return values, tuple(placeholders)


def _parameter_rule(kind: str, value: str) -> str:
    if kind == "time" and instant_ms(value) is None:
        return "is a time with its offset, like 2020-03-31T23:59:59+08:00"
    if kind == "zone" and not is_zone(value):
        return "is a time zone by its IANA name, like Asia/Shanghai"
    if kind == "record":
        try:
            parse_id_as(IdKind.RECORD, value)
        except ProtocolFault as fault:
            return f"is a record id, rec-... ({fault.detail})"
    return ""


def _scope(mapping: RowMapping, target: Target) -> tuple[str, str]:
    space = target.space or mapping.space
    topic = target.topic or mapping.topic
    problems = []
    if space is None:
        problems.append("space: the mapping names none; give --space")
    for name, value in (("space", space), ("topic", topic)):
        if value is not None and TOPIC.fullmatch(value) is None:
            problems.append(f"{name}: is 1 to 64 of a-z, 0-9 and hyphen")
    if problems:
        raise MappingRefused(problems)
    assert space is not None
    return space, topic


def _quoted(columns: Sequence[Pointer]) -> list[str]:
    return [f'"{shown_column(column_text(column))}"' for column in columns]
