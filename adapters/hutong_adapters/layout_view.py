"""A window on a grid that knows about merged cells.

Owns the one rule for them: the text of a merged cell stands in its first cell, and is filled
downwards inside of the range and nowhere else. It is never filled to the right, where it would
become the content of another column. What lies hidden under a merged cell is never content, but it
is known, since somebody may have meant it.
"""

from __future__ import annotations

from hutong_adapters.grid import EMPTY, Grid, GridCell, Merge


class View:
    """Some columns of a grid, from `left` to before `right`; rows and columns count as there."""

    def __init__(self, grid: Grid, left: int, right: int, covers: dict[int, Merge] | None = None):
        self.grid = grid
        self.left = left
        self.right = right
        self.height = len(grid.rows)
        self._width = max(grid.width, 1)
        self._covers = _covered(grid, self._width) if covers is None else covers
        self._wide = {(merge.top, merge.left) for merge in grid.merges if merge.right > merge.left}
        columns = range(left, right)
        self._filled = [
            any(not self.own(row, column).blank for column in columns) for row in range(self.height)
        ]

    def part(self, left: int, right: int) -> View:
        """The same grid through a narrower window."""
        return View(self.grid, left, right, self._covers)

    def cover(self, row: int, column: int) -> Merge | None:
        """The merged range that covers a cell, unless the cell is the first of it."""
        return self._covers.get(row * self._width + column)

    def own(self, row: int, column: int) -> GridCell:
        """What stands in a cell itself: nothing where a merged cell covers it."""
        if self._covers and row * self._width + column in self._covers:
            return EMPTY
        return self.grid.cell(row, column)

    def anchor(self, row: int, column: int) -> int:
        """The row in which the content of a cell stands: higher up inside of a merged range."""
        merge = self.cover(row, column)
        return merge.top if merge is not None and merge.left == column else row

    def shown(self, row: int, column: int) -> GridCell:
        """What a person takes for the content of a cell, filled downwards in merged ranges."""
        return self.own(self.anchor(row, column), column)

    def hides(self, row: int, column: int) -> bool:
        """Whether there is content under a merged cell, which nobody sees."""
        return self.cover(row, column) is not None and not self.grid.cell(row, column).blank

    def is_wide(self, row: int, column: int) -> bool:
        """Whether a cell is the first of a range that is merged across columns."""
        return (row, column) in self._wide

    def filled(self, row: int) -> bool:
        """Whether a row has content of its own."""
        return self._filled[row]

    def own_cells(self, row: int) -> list[int]:
        """The columns in which a row has content of its own."""
        if not self._filled[row]:
            return []
        columns = range(self.left, min(self.right, len(self.grid.rows[row])))
        return [column for column in columns if not self.own(row, column).blank]


def blank_columns(view: View, first: int) -> set[int]:
    """The columns without content of their own from a row on."""
    empty = set(range(view.left, view.right))
    for row in range(first, view.height):
        empty -= set(view.own_cells(row))
    return empty


def _covered(grid: Grid, width: int) -> dict[int, Merge]:
    found: dict[int, Merge] = {}
    for merge in grid.merges:
        for row in range(merge.top, min(merge.bottom + 1, len(grid.rows))):
            for column in range(merge.left, min(merge.right + 1, width)):
                if (row, column) != (merge.top, merge.left):
                    found[row * width + column] = merge
    return found
