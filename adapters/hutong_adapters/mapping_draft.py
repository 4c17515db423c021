"""Drafts a mapping for a table that has none: `hutong adapter draft`.

Owns the plan of such a mapping: which column becomes which field, what stays at home, what nobody
needs. It decides nothing for good: `mapping_draft_text` marks each guess `# ?`, rows wait in the
queue, and whatever may be personal stays at home. What can't be guessed is a parameter, which the
import asks for. The same file gives the same draft.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hutong_adapters.interface import FileRefused
from hutong_adapters.mapping_draft_guesses import (
    URGENCY_WORDS,
    Dates,
    Key,
    are_units,
    dates_of,
    has_personal_data,
    key_of,
    known_places,
    words_of,
    years_of,
)
from hutong_adapters.mapping_draft_roles import AT_HOME, PERSONAL, Role, is_exact, role_of
from hutong_adapters.mapping_draft_table import DraftTable, read_draft_table, with_core
from hutong_adapters.plain_text import comparable

TYPES: Final = ("need/1", "offer/1")
"""What a row of a drafted mapping can be."""
_MANY: Final = 0.3
"""From this share of cells on that look personal, a column is one of personal data."""
_IDS: Final = frozenset({"cn_id18", "bank_card", "cn_passport"})
_HEALTH: Final = (
    "口罩 防护 消毒 酒精 手套 药 试剂 面屏 护目镜 隔离衣 体温 血压 mask glove medic gown"
)
_FOOD: Final = (
    "米 面 油 菜 奶 蛋 肉 果 盐 水 食 豆 葱 薯 瓜 萝卜 rice flour food water lunch dinner"
)


@dataclass(slots=True)
class Draft:
    """What a mapping for a table would say. Columns are named as in the table.

    `lists` says that the items are lists of goods in words, with their amounts.
    """

    table: DraftTable
    type: str
    roles: dict[str, Role]
    item: str | None = None
    spec: str | None = None
    quantity: str | None = None
    unit: str | None = None
    lists: bool = False
    place: str | None = None
    area: str | None = None
    areas: Mapping[str, str] = field(default_factory=dict)
    urgency: str | None = None
    urgencies: Mapping[str, str] = field(default_factory=dict)
    needed_by: str | None = None
    dates: Dates | None = None
    year: str | None = None
    notes: list[str] = field(default_factory=list)
    at_home: dict[str, str] = field(default_factory=dict)
    """What stays at home: its name in the mapping, and its column."""
    drop: list[str] = field(default_factory=list)
    core: list[str] = field(default_factory=list)
    key: Key = field(default_factory=lambda: Key(()))
    topic: str = "log"
    chinese: bool = False

    def used(self) -> set[str]:
        """The columns that something in the mapping reads."""
        named = (self.item, self.spec, self.quantity, self.unit, self.place, self.area)
        others = (self.urgency, self.needed_by)
        found = {column for column in (*named, *others) if column is not None}
        return found | {*self.notes, *self.at_home.values(), *self.key.columns}

    def ignored(self) -> list[str]:
        """The columns that nothing reads, in the order of the table."""
        out = self.used() | set(self.drop)
        return [name for name in (*self.table.columns, *self.table.nested) if name not in out]


def draft_mapping(path: Path, sheet: str | None = None, type_name: str = "need/1") -> Draft:
    """What a mapping for a file would say.

    Args:
        type_name: `need/1` or `offer/1`: what a row is, which no sheet says.

    Raises:
        FileRefused: the file can't be read, or has no names above its columns.
    """
    table = read_draft_table(path, sheet)
    draft = Draft(table, type_name, {})
    _assign(draft, _personal(draft))
    draft.core = _core(draft)
    draft.table = with_core(table, draft.core)
    for name in draft.table.columns:
        draft.roles.setdefault(name, Role.REST)
    _read_cells(draft)
    for columns in draft.table.headers:
        if draft.used().isdisjoint(columns):
            rule = "has rows that look like headers, of tables with nothing in common"
            raise FileRefused(path.name, rule, "draft each by itself", name="headers-differ")
    return draft


# --- Columns


def _personal(draft: Draft) -> set[str]:
    """Sorts out what nobody may sign, by names and by what the detector finds in cells."""
    taken: set[str] = set()
    for name in draft.table.columns:
        role = role_of(name)
        share, kinds = (
            (1.0, set[str]()) if role in PERSONAL else has_personal_data(draft.table.texts(name))
        )
        draft.roles[name] = role
        if role is Role.NUMBER_OF_PERSON or (share >= _MANY and kinds & _IDS):
            draft.drop.append(name)
        elif role in AT_HOME:
            _keep_at_home(draft, role.value, name)
        elif share >= _MANY:
            _keep_at_home(draft, "private", name)
        else:
            continue
        taken.add(name)
    for name in draft.table.nested:
        draft.roles[name] = role_of(name)
        if role_of(name) in PERSONAL:
            draft.drop.append(name)
            taken.add(name)
    return taken


def _keep_at_home(draft: Draft, word: str, column: str) -> None:
    number = 1 + sum(name.partition("_")[0] == word for name in draft.at_home)
    draft.at_home[word if number == 1 else f"{word}_{number}"] = column


def _assign(draft: Draft, taken: set[str]) -> None:
    """Which column serves which field: the one with the plainest name, or the fullest."""
    table = draft.table
    free = [name for name in table.columns if name not in taken]

    def first(role: Role) -> str | None:
        fitting = [name for name in free if draft.roles[name] is role]
        return min(
            fitting, key=lambda name: (not is_exact(name), -len(table.texts(name))), default=None
        )

    for name in free:
        if draft.roles[name] is Role.UNIT and not are_units(table.texts(name)):
            draft.roles[name] = Role.PLACE
    draft.item, draft.spec = first(Role.ITEM), first(Role.SPEC)
    draft.quantity, draft.unit = first(Role.QUANTITY), first(Role.UNIT)
    draft.place = first(Role.PLACE)
    draft.area = first(Role.DISTRICT) or first(Role.CITY)
    if draft.type == "need/1":
        draft.urgency, draft.needed_by = first(Role.URGENCY), first(Role.NEEDED_BY)
    draft.notes = [name for name in free if draft.roles[name] is Role.NOTE]
    if draft.item is None:
        # Something has to stand in the line: the first column of words that nothing else uses.
        used = draft.used()
        draft.item = next(
            (name for name in free if name not in used and _is_words(table, name)), None
        )
    if draft.quantity is None and draft.item is not None:
        texts = table.texts(draft.item)
        amounts = sum(any(letter.isdigit() for letter in text) for text in texts)
        chinese = sum(map(_is_chinese, texts))
        draft.lists = bool(texts) and 3 * amounts >= len(texts) and 2 * chinese >= len(texts)


def _is_words(table: DraftTable, column: str) -> bool:
    texts = table.texts(column)
    words = [text for text in texts if any(letter.isalpha() for letter in text)]
    return 2 * len(words) > len(texts)


def _is_chinese(text: str) -> bool:
    return any("\u3400" <= letter <= "\u9fff" for letter in text)


def _core(draft: Draft) -> list[str]:
    """Two columns that every row has: with them a header is known from a title."""
    likely = [draft.item, draft.quantity, draft.unit, draft.place, draft.area, *draft.notes]
    home = set(draft.at_home.values()) | set(draft.drop)
    named = [name for name in draft.table.columns if not name.startswith("(column ")]
    others = [name for name in named if name not in home]
    filled = sorted(others, key=lambda name: -len(draft.table.texts(name)))
    wanted = [name for name in (*likely, *filled, *named) if name in named]
    return list(dict.fromkeys(wanted))[:2]


# --- Cells


def _read_cells(draft: Draft) -> None:
    table = draft.table
    draft.chinese = any(map(_is_chinese, table.columns)) or any(
        map(_is_chinese, table.texts(draft.item) if draft.item else ())
    )
    if draft.area is not None:
        words = words_of(table.texts(draft.area))
        draft.areas = known_places(words or ())
        draft.area = None if words is None else draft.area
    if draft.urgency is not None:
        words = words_of(table.texts(draft.urgency))
        draft.urgencies = {word: URGENCY_WORDS.get(comparable(word), "") for word in words or ()}
        draft.urgency = None if words is None else draft.urgency
    if draft.needed_by is not None:
        draft.dates = dates_of(table.texts(draft.needed_by))
        if draft.dates is None:
            draft.needed_by = None
    if draft.dates is not None and draft.dates.yearless:
        dated = (Role.NEEDED_BY, Role.DATE)
        years = set[str]()
        for name in table.columns:
            if draft.roles[name] in dated:
                years |= years_of(table.texts(name))
        draft.year = years.pop() if len(years) == 1 else None
    draft.topic = _topic(draft)
    named = [name for name in table.columns if draft.roles[name] is Role.KEY]
    home = {*draft.at_home.values(), *draft.drop}
    named = [name for name in named if name not in home]
    what = (draft.place, draft.item, draft.spec, draft.area)
    # What is edited often tells rows apart today, and makes new ones of them tomorrow.
    edited = (Role.QUANTITY, Role.NOTE, Role.URGENCY, Role.KEY)
    more = [name for name in table.columns if name not in home and draft.roles[name] not in edited]
    draft.key = key_of(table, named, [name for name in what if name is not None], more)


def _topic(draft: Draft) -> str:
    """The topic that most items are about by their words; `log` where none leads clearly."""
    texts = [text.casefold() for text in draft.table.texts(draft.item)] if draft.item else []
    counts = {
        topic: sum(any(word in text for word in words.split()) for text in texts)
        for topic, words in (("hea", _HEALTH), ("fsc", _FOOD))
    }
    best = max(counts, key=lambda topic: counts[topic])
    return best if texts and 2 * counts[best] > len(texts) else "log"
