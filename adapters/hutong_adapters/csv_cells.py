"""Sets cells of a table of text and leaves every other character as it is.

Owns the places of fields and records in the text, found by the same rules by which Python's `csv`
reads it (strict, quotes doubled): a quote opens a field only at its beginning, CR, LF and CR LF end
a record. Nothing is parsed and written anew, so what a person or program wrote stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_QUOTE = '"'


@dataclass(frozen=True, slots=True)
class Record:
    """Where the fields of a record begin and end in the text."""

    fields: tuple[tuple[int, int], ...]


def records(text: str, delimiter: str) -> list[Record]:
    """The records of a table that `csv` can read, blank lines included."""
    found: list[Record] = []
    fields: list[tuple[int, int]] = []
    place = begins = 0
    while place < len(text):
        if place == begins and text[place] == _QUOTE:
            place = _behind_quotes(text, place)
            continue
        letter = text[place]
        if letter == delimiter:
            fields.append((begins, place))
            begins = place = place + 1
        elif letter in "\r\n":
            fields.append((begins, place))
            found.append(Record(tuple(fields)))
            fields = []
            place += 2 if text.startswith("\r\n", place) else 1
            begins = place
        else:
            place += 1
    if fields or begins < len(text):
        found.append(Record((*fields, (begins, len(text)))))
    return found


def with_cells(text: str, delimiter: str, cells: Mapping[tuple[int, int], str]) -> str:
    """The text with fields set, by record and field from 0.

    A field that is one beyond the last of its record is appended. Values have nothing that would
    have to be quoted.
    """
    found = records(text, delimiter)
    changes: list[tuple[int, int, str]] = []
    for (record, field), value in cells.items():
        fields = found[record].fields
        if field < len(fields):
            changes.append((*fields[field], value))
        else:
            end = fields[-1][1]
            changes.append((end, end, delimiter + value))
    pieces: list[str] = []
    done = 0
    for begins, end, value in sorted(changes):
        pieces += [text[done:begins], value]
        done = end
    return "".join([*pieces, text[done:]])


def _behind_quotes(text: str, place: int) -> int:
    """The place behind the quotes that open at `place`."""
    place += 1
    while place < len(text):
        if text[place] != _QUOTE:
            place += 1
        elif text.startswith(_QUOTE * 2, place):
            place += 2
        else:
            return place + 1
    return place
