"""Which row is which: business keys, and rows that share one. Decision 0011.

Owns the key by which a row of today's file is known in tomorrow's: what stands in the columns that
the mapping names, compared as people read it, and never the number of the row. Keys are opaque, so
that a telephone number used as one reaches neither logs nor screens.

Where several rows of a file share a key, the mapping says what they are: copies (counted once), the
first or last of which counts, or different things, which are numbered. Numbers are given by
content: a row that is as it was keeps its number, wherever it stands.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hutong_adapters.columns import cell_at, column_text
from hutong_adapters.drafted import Drafted
from hutong_adapters.interface import DraftRow, Refusal, Row
from hutong_adapters.mapping import Duplicates, KeySpec
from hutong_adapters.plain_text import comparable

SHARED_MAX: Final = 50
"""Rows of one key. More say that the key is no key."""
_KEY_CHARACTERS: Final = 32
_SEPARATOR: Final = "#"


@dataclass(frozen=True, slots=True)
class Copy:
    """A row that does not count because another of the same key does."""

    row: Row
    counted: Row


@dataclass(frozen=True, slots=True)
class Settled:
    """Drafts, each with its own key; the copies among the rows; what was refused."""

    drafts: tuple[Drafted, ...]
    copies: tuple[Copy, ...] = ()
    refused: tuple[Refusal, ...] = ()


def base_key(spec: KeySpec, row: Row) -> str | Refusal:
    """The key of a row, before rows that share it are told apart."""
    texts = []
    for column in spec.columns:
        try:
            cell = cell_at(row.cells, column)
        except LookupError:
            cell = []
        if isinstance(cell, list | dict):
            return Refusal(row.file, row.number, column_text(column), "is no text for a key")
        texts.append("" if cell is None else comparable(str(cell)))
    if not any(texts):
        names = ", ".join(map(column_text, spec.columns))
        rule = "is empty, and by it the row is known again"
        return Refusal(row.file, row.number, names, rule, "fill it in", "key")
    named = json.dumps(texts, ensure_ascii=False).encode("utf-8")
    hashed = hashlib.sha256(b"hutong/row-key/1\0" + named).digest()
    return base64.b32encode(hashed).decode("ascii").lower()[:_KEY_CHARACTERS]


def numbered_key(key: str, number: int) -> str:
    """The key of the `number`th of several rows that share one; the first keeps the bare key."""
    return key if number == 1 else f"{key}{_SEPARATOR}{number}"


def key_number(key: str) -> tuple[str, int]:
    """The shared key and the number that `numbered_key` made a key of."""
    shared, _, number = key.partition(_SEPARATOR)
    return shared, int(number) if number.isascii() and number.isdigit() else 1


def content(draft: DraftRow) -> str:
    """What a draft says, for comparing two of them."""
    said = [draft.type, draft.space, draft.topic, draft.facts, draft.text]
    return json.dumps(said, sort_keys=True, ensure_ascii=False)


def settle_copies(duplicates: Duplicates, drafted: Sequence[Drafted]) -> Settled:
    """Drafts of which no two share a key, but for those that are to be numbered."""
    groups: dict[str, list[int]] = {}
    for place, each in enumerate(drafted):
        groups.setdefault(each.draft.key, []).append(place)
    kept: dict[int, Drafted] = {}
    copies: list[Copy] = []
    refused: list[Refusal] = []
    for places in groups.values():
        group = [drafted[place] for place in places]
        if len(group) == 1:
            kept[places[0]] = group[0]
        elif duplicates is Duplicates.NUMBER:
            if len(group) > SHARED_MAX:
                rule = f"is one of {len(group)} rows with one key, more than {SHARED_MAX}"
                refused += [each.refusal("key", rule, "name more columns") for each in group]
            else:
                kept |= dict(zip(places, group, strict=True))
        elif duplicates is Duplicates.REFUSE and not _all_the_same(group):
            refused += _not_told_apart(group)
        else:
            place = places[-1 if duplicates is Duplicates.LAST else 0]
            kept[place] = _with_id_of_any(drafted[place], group)
            copies += [Copy(each.row, drafted[place].row) for each in group
                       if each is not drafted[place]]  # fmt: skip
    in_order = tuple(kept[place] for place in sorted(kept))
    return Settled(in_order, tuple(copies), tuple(refused))


def _all_the_same(group: Sequence[Drafted]) -> bool:
    """Whether rows say the same, and name no two records."""
    things = {each.draft.thing for each in group if each.draft.thing is not None}
    return len(things) <= 1 and len({content(each.draft) for each in group}) == 1


def _with_id_of_any(counted: Drafted, group: Sequence[Drafted]) -> Drafted:
    """A row that counts for its copies, with the record that one of them names."""
    things = [each.draft.thing for each in group if each.draft.thing is not None]
    if counted.draft.thing is not None or not things:
        return counted
    return replace(counted, draft=replace(counted.draft, thing=things[0]))


def _not_told_apart(group: Sequence[Drafted]) -> Iterable[Refusal]:
    for each in group:
        others = ", ".join(other.row.label for other in group if other is not each)
        yield each.refusal(
            "key",
            f"has the key of {others}, and says something else",
            "correct one of them, name more columns in [key], or say `duplicates`",
        )


Unchanged = Callable[[Sequence[DraftRow]], Awaitable[set[str]]]
"""Which keys of some drafts, no key twice, the node already holds with the same content."""


async def number_shared(
    drafts: Sequence[Drafted], known: Mapping[str, str], unchanged: Unchanged
) -> list[Drafted]:
    """The drafts with every shared key numbered, so that what is as it was keeps its number.

    Args:
        known: the records of all open rows that the node has of this source, by their keys. A row
            that names its record keeps the number under which that is known.
        unchanged: asked only about rows whose key has, or had, several.
    """
    numbers: dict[str, set[int]] = {}
    keys: dict[str, tuple[str, int]] = {}
    for key, thing in known.items():
        shared, number = key_number(key)
        numbers.setdefault(shared, set()).add(number)
        keys[thing] = (shared, number)
    groups: dict[str, list[int]] = {}
    for place, each in enumerate(drafts):
        groups.setdefault(each.draft.key, []).append(place)
    given: dict[int, int] = {}
    for place, each in enumerate(drafts):
        shared, number = keys.get(each.draft.thing or "", ("", 0))
        if shared == each.draft.key:
            given[place] = number
    open_groups = {
        key: places
        for key, places in groups.items()
        if len(places) > 1 or numbers.get(key, {1}) != {1}
    }
    await _match(drafts, open_groups, numbers, unchanged, given)
    for key, places in open_groups.items():
        taken = {given[place] for place in places if place in given}
        free = sorted(numbers.get(key, set()) - taken)
        for place in places:
            if place not in given:
                given[place] = free.pop(0) if free else _next(taken | numbers.get(key, set()))
                taken.add(given[place])
    return [
        with_key(each, numbered_key(each.draft.key, given.get(place, 1)))
        for place, each in enumerate(drafts)
    ]


async def _match(
    drafts: Sequence[Drafted],
    groups: Mapping[str, Sequence[int]],
    numbers: Mapping[str, set[int]],
    unchanged: Unchanged,
    given: dict[int, int],
) -> None:
    """Finds the rows that are as they were, by asking about every pair of row and number.

    One question has each key once, so that groups are asked about together and there are as many
    questions as the largest group has pairs to a row.
    """
    rounds = max(
        (max(len(places), len(numbers.get(key, ()))) for key, places in groups.items()), default=0
    )
    for shift in range(rounds):
        asked: dict[str, tuple[int, int]] = {}
        for key, places in groups.items():
            held = sorted(numbers.get(key, ()))
            size = max(len(places), len(held))
            for index, place in enumerate(places):
                turn = (index + shift) % size
                if shift < size and turn < len(held) and place not in given:
                    asked[numbered_key(key, held[turn])] = (place, held[turn])
        if not asked:
            continue
        same = await unchanged(
            [with_key(drafts[place], key).draft for key, (place, _) in asked.items()]
        )
        taken = {(drafts[place].draft.key, number) for place, number in given.items()}
        for key, (place, number) in asked.items():
            if key in same and (drafts[place].draft.key, number) not in taken:
                given[place] = number


def _next(numbers: set[int]) -> int:
    number = 1
    while number in numbers:
        number += 1
    return number


def with_key(drafted: Drafted, key: str) -> Drafted:
    """The same draft under another key."""
    return replace(drafted, draft=replace(drafted.draft, key=key))
