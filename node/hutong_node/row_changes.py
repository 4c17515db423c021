"""What differs between two versions of a thing, field by field, in words.

Owns the comparison that people see before they sign a revision: which fields changed, from what to
what. Lines are compared by their ids, so that an inserted line changes no other. Both sides are in
their JSON form; it is for looking only, nothing is decided by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from hutong_node.intake_shapes import ChangeItem

CHANGES_MAX: Final = 200
WORDS_MAX: Final = 300
"""Characters of a value that are shown."""


def changes_between(
    before: Mapping[str, object],
    before_text: Mapping[str, object],
    now: Mapping[str, object],
    now_text: Mapping[str, object],
) -> list[ChangeItem]:
    """The fields that differ, those of the facts first, at most `CHANGES_MAX`."""
    old = {**_flat(before, "facts"), **_flat(before_text, "text")}
    new = {**_flat(now, "facts"), **_flat(now_text, "text")}
    found = []
    for path in dict.fromkeys([*new, *old]):
        if old.get(path) != new.get(path):
            found.append(ChangeItem(path=path, before=old.get(path), now=new.get(path)))
    found.sort(key=lambda change: change.path.startswith("text"))
    return found[:CHANGES_MAX]


def fields_of(facts: Mapping[str, object], text: Mapping[str, object]) -> dict[str, str]:
    """Every field with its value in words, in the order in which they stand."""
    return {**_flat(facts, "facts"), **_flat(text, "text")}


def undone_fields(
    said: Mapping[str, str], in_force: Mapping[str, str], now: Mapping[str, str]
) -> list[str]:
    """The fields whose edit by somebody else `now` would take back without meaning to.

    It says of them what it said before, and so never touched them; all three as `fields_of`.
    """
    return [
        path
        for path in dict.fromkeys([*in_force, *said])
        if in_force.get(path) != said.get(path) and now.get(path) == said.get(path)
    ]


def _flat(value: object, path: str) -> dict[str, str]:
    return dict(_leaves(value, path))


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}")
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            named = inner.get("id", inner.get("key")) if isinstance(inner, Mapping) else None
            name = named if isinstance(named, str) else str(place)
            yield from _leaves(inner, f"{path}[{name}]")
    else:
        words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield path, words if len(words) <= WORDS_MAX else words[:WORDS_MAX] + "…"
