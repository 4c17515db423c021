"""A row that became a draft, with the way back from every field to its cells.

Owns the one question that comes after mapping: which cell does a person mend when somebody (the
schema, the detector, the node) objects to a field?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hutong_adapters.interface import DraftRow, Mark, Refusal, Row
from hutong_adapters.mapping_steps import PersonalNote


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft with what is known about it here. Its key is not final before `number_shared`.

    `cells_of` names the cells behind each field. `lines_added` are lines that no cell stands for.
    """

    draft: DraftRow
    row: Row
    cells_of: Mapping[str, tuple[str, ...]]
    personal: tuple[PersonalNote, ...] = ()
    lines_added: int = 0

    def refusal(self, path: str, rule: str, way_out: str = "") -> Refusal:
        """An objection to a field as one to the cells that it came from."""
        cells = ", ".join(self.cells(path))
        return Refusal(self.row.file, self.row.number, cells, rule, way_out, path)

    def cells(self, path: str) -> Sequence[str]:
        """The cells of the nearest field around a path that has any, else of those inside it."""
        around = path
        while around:
            if self.cells_of.get(around):
                return self.cells_of[around]
            within = (f"{around}.", f"{around}[")
            inside = [cells for name, cells in self.cells_of.items() if name.startswith(within)]
            if any(inside):
                return list(dict.fromkeys(cell for cells in inside for cell in cells))
            around = around[: max(around.rfind("."), around.rfind("["), 0)]
        return ()


def with_personal_marks(drafted: Drafted) -> Drafted:
    """The draft with a mark for all personal data that was found in its row.

    What was dropped, cut or kept at home rarely stood alone: a name is no pattern, and stays.
    """
    if not drafted.personal:
        return drafted
    marks = [
        Mark(note.cell, "", f"pii:{note.kind}", f"personal data was found there: {note.action}")
        for note in drafted.personal
    ]
    found = tuple(dict.fromkeys([*drafted.draft.marks, *marks]))
    return replace(drafted, draft=replace(drafted.draft, marks=found))
