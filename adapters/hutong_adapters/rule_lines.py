"""Where in a mapping a field is ruled: the line of its file, for whoever has to mend it.

Owns the way from a field of a record to lines of TOML. The parser of the standard library tells no
lines, so headers and keys are looked for here, one a line; what stands inside a value that goes
over several lines is found by the line on which that begins. It is for people only: nothing is
decided by it, and where it finds nothing it says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hutong_adapters.mapping_load import BUILT_IN

_KEY: Final = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_KEYS: Final = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER: Final = re.compile(rf"\s*\[\[?\s*({_KEYS})\s*\]\]?\s*(?:#.*)?")
_ENTRY: Final = re.compile(rf"\s*({_KEYS})\s*=")
_ONE_KEY: Final = re.compile(_KEY)
_PLACES: Final = re.compile(r"\[[^\]]*\]")
_WORDS: Final = re.compile(r"text\.lines\..*\.([a-z]+)")


class RuleLines:
    """The lines of one mapping by what they rule."""

    def __init__(self, text: str) -> None:
        """`text` is the mapping as it stands in its file."""
        self._lines = list(_paths(text))

    def of_field(self, field: str) -> tuple[int, ...]:
        """The lines that rule a field of the record, from 1; those of the nearest field around it.

        Several, where a list has several elements that are written out.
        """
        wanted = _rule_of(field)
        length = max((_shared(path, wanted) for path, _ in self._lines), default=0)
        if length < 2:
            return ()
        found = [
            (path, line)
            for path, line in self._lines
            if _shared(path, wanted) == length <= len(path)
        ]
        # A header or key that goes beyond the field rules only a part of it.
        exact = [line for path, line in found if len(path) == length]
        return tuple(exact or [line for _, line in found])


def mapping_text(name: str | Path) -> str:
    """The text of a mapping that could be loaded, by its path or built-in name."""
    path = Path(name)
    if path.suffix != ".toml" and path.name == str(name):
        path = BUILT_IN / f"{name}.toml"
    return path.read_text(encoding="utf-8")


def _paths(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.fullmatch(line)
        if header is not None:
            table = _split(header[1])
            yield table, number
        elif (entry := _ENTRY.match(line)) is not None:
            yield (*table, *_split(entry[1])), number


def _split(keys: str) -> tuple[str, ...]:
    return tuple(key.strip("\"'") for key in _ONE_KEY.findall(keys))


def _rule_of(field: str) -> tuple[str, ...]:
    """The path in a mapping that fills a field of a record."""
    words = _WORDS.fullmatch(field)
    if words is not None:
        return ("facts", "lines", "words", words[1])
    path = tuple(_PLACES.sub("", field).split("."))
    return path if path[0] in ("text", "sensitive") else ("facts", *path)


def _shared(path: Sequence[str], wanted: Sequence[str]) -> int:
    """How many steps two paths have in common from the outside in."""
    length = 0
    for one, other in zip(path, wanted, strict=False):
        if one != other:
            break
        length += 1
    return length
