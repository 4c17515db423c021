"""What is guessed from the cells of a table: its key, its dates, and what its words stand for.

Owns the rules of what may be shown of cells: the distinct words of a column that sorts things into
few kinds, at most thirty of at most twenty characters, none of which looks like personal data. Of
all other columns only their names leave this module. Every guess is the same for the same file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from hutong_adapters.mapping_dates import DateRefused, DateStep, YearRule, date_step
from hutong_adapters.mapping_draft_table import DraftTable
from hutong_adapters.plain_text import comparable
from hutong_adapters.unit_words import KNOWN
from hutong_protocol.personal_data import findings

WORDS_MAX: Final = 30
WORD_CHARACTERS_MAX: Final = 20
_JUDGED_MAX: Final = 1_000
"""Cells by which a column is judged; the detector looks at each again before it is signed."""
LEAP_YEAR: Final = 2024
"""Any year that has every day: patterns without a year are tried with it."""

URGENCY_WORDS: Final[Mapping[str, str]] = {
    word: code
    for code, words in {
        "immediate": "特急 火急 十万火急 加急 立即 马上 当天 非常紧急 万分紧急 critical immediate",
        "high": "急 紧急 较急 比较紧急 急需 high urgent",
        "normal": "一般 普通 正常 中 常规 medium normal moderate",
        "low": "不急 低 缓 low",
    }.items()
    for word in words.split()
}

_WITH_YEAR: Final = (
    *("YYYY-MM-DD", "YYYY-MM-DDThh:mm:ss", "YYYY/M/D", "YYYY-M-D", "YYYY.M.D", "YYYY年M月D日"),
    *("YYYY/M/D h:mm", "YYYY/M/D h:mm:ss", "YYYY-MM-DD hh:mm:ss", "YYYY-MM-DD hh:mm", "rfc3339"),
)
_AMBIGUOUS: Final = (
    *("D/M/YYYY", "M/D/YYYY", "D-M-YYYY", "M-D-YYYY", "D.M.YYYY", "D/M/YY", "M/D/YY"),
)
_WITHOUT_YEAR: Final = ("M月D日", "M月D号", "M/D", "M.D")
_TABLES: Final = (("hubei-districts.csv", "district"), ("hubei-cities.csv", "city"))


def words_of(texts: Iterable[str]) -> list[str] | None:
    """The distinct words of a column in the order of the file; None if they may not be shown."""
    words = dict.fromkeys(texts)
    if len(words) > WORDS_MAX or any(
        len(word) > WORD_CHARACTERS_MAX or findings(word) or not word.isprintable()
        for word in words
    ):
        return None
    by_look: dict[str, str] = {}
    for word in words:
        by_look.setdefault(comparable(word), word)
    return list(by_look.values())


def has_personal_data(texts: Sequence[str]) -> tuple[float, set[str]]:
    """The share of texts in which the detector finds something, and the kinds of it."""
    kinds: set[str] = set()
    count = 0
    texts = texts[:_JUDGED_MAX]
    for text in texts:
        found = findings(text)
        count += bool(found)
        kinds |= {each.kind.value for each in found}
    return (count / len(texts) if texts else 0.0), kinds


def are_units(texts: Sequence[str]) -> bool:
    """Whether most texts are words for units, and no names of bodies."""
    known = sum(comparable(text) in KNOWN for text in texts)
    return not texts or 2 * known >= len(texts)


def known_places(words: Iterable[str]) -> dict[str, str]:
    """The codes of the words that stand in tables of our own, empty for the others."""
    return {word: _place_codes().get(comparable(word), "") for word in words}


@cache
def _place_codes() -> dict[str, str]:
    found: dict[str, str] = {}
    twice: set[str] = set()
    for name, column in _TABLES:
        text = (Path(__file__).parent / "mappings" / name).read_text("utf-8")
        for row in csv.DictReader(text.splitlines()):
            word = comparable(row[column])
            twice |= {word} if found.get(word, row["code"]) != row["code"] else set()
            found[word] = row["code"]
    return {word: code for word, code in found.items() if word not in twice}


# --- Dates


@dataclass(frozen=True, slots=True)
class Dates:
    """The patterns that read a column, and the words in it that are no dates at all.

    `yearless` says that one of the patterns has no year. `unread` counts what no pattern reads.
    """

    patterns: tuple[str, ...]
    words: tuple[str, ...] = ()
    yearless: bool = False
    unread: int = 0


def dates_of(texts: Sequence[str]) -> Dates | None:
    """How the dates of a column are written; None if few of its texts are dates."""
    left = list(dict.fromkeys(texts))
    total = len(left)
    patterns: list[str] = []
    for pattern in (*_WITH_YEAR, *_WITHOUT_YEAR):
        rest = [text for text in left if not _reads(pattern, text)]
        if len(rest) < len(left):
            patterns.append(pattern)
            left = rest
    numbered = [text for text in left if any(letter.isdigit() for letter in text)]
    fitting = [
        pattern
        for pattern in _AMBIGUOUS
        if numbered and all(_reads(pattern, text) for text in numbered)
    ]
    if len(fitting) == 1:
        patterns += fitting
        left = [text for text in left if text not in numbered]
        numbered = []
    if not patterns or 2 * len(left) > total:
        return None
    words = words_of(text for text in left if text not in numbered) or []
    return Dates(
        tuple(patterns),
        tuple(words),
        any(pattern in _WITHOUT_YEAR for pattern in patterns),
        len(left) - len(words),
    )


def years_of(texts: Iterable[str]) -> set[str]:
    """The years of those texts that are dates with one."""
    found = set()
    for text in dict.fromkeys(texts):
        if not text[:4].isdigit():
            continue
        if any(_reads(pattern, text) for pattern in _WITH_YEAR):
            found.add(text[:4])
    return found


@cache
def _step(pattern: str) -> DateStep:
    year = YearRule(fixed=LEAP_YEAR) if pattern in _WITHOUT_YEAR else None
    return date_step((pattern,), "UTC", "00:00:00", year=year)


def _reads(pattern: str, text: str) -> bool:
    try:
        _step(pattern).read(text)
    except DateRefused:
        return False
    return True


# --- The key


@dataclass(frozen=True, slots=True)
class Key:
    """The columns by which rows are known again; `unique` unless things share what is in them.

    `counted` says that the column only numbers the rows.
    """

    columns: tuple[str, ...]
    unique: bool = True
    counted: bool = False


def is_unique(table: DraftTable, column: str) -> bool:
    """Whether each row has something in a column, and each something else."""
    texts = [comparable(text) for text in table.texts(column)]
    return bool(table.rows) and len(texts) == len(table.rows) == len(set(texts))


def only_counts(table: DraftTable, column: str) -> bool:
    """Whether a column holds nothing but the numbers of its rows, one after the other."""
    texts = table.texts(column)
    return any(texts == list(map(str, range(first, first + len(texts)))) for first in (0, 1))


def key_of(
    table: DraftTable, named: Sequence[str], what: Sequence[str], more: Sequence[str] = ()
) -> Key:
    """The key: a column of ids that is filled, or else the first columns that together are unique.

    Args:
        named: columns whose names say that they are ids.
        what: columns that say what a row is about, the most telling first.
        more: others that may be added, if those don't tell rows apart.
    """
    ids = [column for column in named if is_unique(table, column)]
    for column in ids:
        if not only_counts(table, column):
            return Key((column,))
    others = [column for column in named if column not in ids and table.texts(column)]
    candidates = [*what, *(column for column in others if column not in what)]
    if not ids:
        candidates = [*others, *(column for column in what if column not in others)]
    wider = [*candidates, *(column for column in more if column not in candidates)]
    for count in range(1, len(wider) + 1):
        if _tells_apart(table, wider[:count], ids):
            return Key(tuple(wider[:count]))
    if ids:
        return Key((ids[0],), counted=True)
    columns = candidates or [column for column in table.columns if table.texts(column)]
    return Key(tuple(columns or table.columns[:1]), unique=False)


def _tells_apart(table: DraftTable, columns: Sequence[str], numbers: Sequence[str]) -> bool:
    """Whether rows with the same in some columns are the same, but for their numbers."""
    seen: dict[tuple[str, ...], dict[str, str]] = {}
    for row in table.rows:
        key = tuple(comparable(row.get(column, "")) for column in columns)
        rest = {name: text for name, text in row.items() if name not in numbers}
        if not any(key) or seen.setdefault(key, rest) != rest:
            return False
    return True
