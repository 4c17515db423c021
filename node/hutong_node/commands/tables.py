"""Tables for people: what fits a terminal, and everything in a pipe.

Owns how columns share the width of a terminal. An id, a number or a time is never cut or wrapped:
half of one can't be copied. Columns that hold words are wrapped and share what is left; where even
that is too wide, columns are left out in the order that the command names, and the command says
which. In a pipe or a file every column stands there whole, one line a row. Widths are those of
terminals, where a Chinese character takes two places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

GAP: Final = 2
FLOORS: Final = (24, 20, 12, 8)
"""The least widths of columns of words, the first of them the widest; unless they need less."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns are shown, by their places, and how wide each is; which were left out."""

    shown: tuple[int, ...]
    widths: tuple[int, ...]
    left_out: tuple[str, ...]


def laid_out(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None,
    *,
    words: Sequence[str] = (),
    drop: Sequence[str] = (),
) -> Layout:
    """How a table fits into `width` places; None for as wide as it is.

    Args:
        words: the columns that may be wrapped, the one that gets the room first.
        drop: the columns that may be left out, the first to go first.
    """
    natural = [
        max(cells_of(name), *(cells_of(row[place]) for row in rows), 0)
        for place, name in enumerate(columns)
    ]
    if width is None:
        return Layout(tuple(range(len(columns))), tuple(natural), ())
    least = list(natural)
    for rank, name in enumerate(words):
        place = columns.index(name)
        least[place] = min(natural[place], FLOORS[min(rank, len(FLOORS) - 1)])
    shown, left_out = list(range(len(columns))), []
    # A column in which nothing stands is missed by nobody.
    for place in [place for place in shown if rows and not any(row[place] for row in rows)]:
        if columns[place] in drop and _total(least, shown) > width:
            shown.remove(place)
    for name in drop:
        place = columns.index(name)
        if place in shown and _total(least, shown) > width:
            shown.remove(place)
            left_out.append(name)
    spare = max(width - _total(least, shown), 0)
    for name in words:
        place = columns.index(name)
        if place in shown:
            more = min(natural[place] - least[place], spare)
            least[place] += more
            spare -= more
    return Layout(tuple(shown), tuple(least[place] for place in shown), tuple(left_out))


def lines_of(
    columns: Sequence[str], rows: Sequence[Sequence[str]], layout: Layout
) -> Iterator[str]:
    """The lines of a table: its names, a rule, its rows."""
    yield from _row([columns[place] for place in layout.shown], layout.widths)
    yield "─" * (sum(layout.widths) + GAP * (len(layout.widths) - 1))
    for row in rows:
        yield from _row([row[place] for place in layout.shown], layout.widths)


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most `width` places, broken at spaces where there are any."""
    lines, left = [], text
    while cells_of(left) > width:
        end = _fitting(left, width)
        space = left.rfind(" ", 0, end + 1)
        cut = space if space > 0 else end
        lines.append(left[:cut].rstrip())
        left = left[cut:].lstrip()
    return [*lines, left]


def cells_of(text: str) -> int:
    """The places that a text takes in a terminal."""
    from rich.cells import cell_len

    return cell_len(text)


def _fitting(text: str, width: int) -> int:
    """How many characters, at least one, fit into `width` places."""
    used = 0
    for place, letter in enumerate(text):
        used += cells_of(letter)
        if used > width:
            return max(place, 1)
    return len(text)


def _row(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    columns = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for number in range(max(map(len, columns), default=0)):
        parts = [column[number] if number < len(column) else "" for column in columns]
        padded = [part + " " * (w - cells_of(part)) for part, w in zip(parts, widths, strict=True)]
        yield (" " * GAP).join(padded).rstrip()


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[place] for place in shown) + GAP * max(len(shown) - 1, 0)
