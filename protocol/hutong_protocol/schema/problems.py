"""What is wrong with a value, in words that a person who filled in a field can act on.

Owns the one form of every objection of section 12: where, which rule, and a right example. The
value itself is never repeated, since problems reach logs and other people's screens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One objection. `path` is like `lines[0].quantity.unit`, empty for the whole.

    `example` is a value that would do, as it would be typed; empty where none helps.
    """

    path: str
    rule: str
    example: str = ""


class Report:
    """Collects the problems of one value while it is walked over.

    `authoring` makes shapes also ask what only authors have to keep (Spec: 12.6.4); without it they
    ask exactly what makes a record readable (Spec: 12.6.1).
    """

    __slots__ = ("_path", "authoring", "problems")

    def __init__(self, *, authoring: bool) -> None:
        self.authoring = authoring
        self.problems: list[Problem] = []
        self._path: list[str | int] = []

    def enter(self, step: str | int) -> None:
        """Goes into a field or an element."""
        self._path.append(step)

    def leave(self) -> None:
        """Comes back out of it."""
        self._path.pop()

    def add(self, rule: str, example: str = "") -> None:
        """Notes a problem where the walk is."""
        self.problems.append(Problem(path_text(self._path), rule, example))

    def add_at(self, step: str, rule: str, example: str = "") -> None:
        """Notes a problem of one field of where the walk is."""
        self.problems.append(Problem(path_text([*self._path, step]), rule, example))


def path_text(steps: Sequence[str | int]) -> str:
    """`["lines", 0, "unit"]` as `lines[0].unit`."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text
