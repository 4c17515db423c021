"""What tests of layouts start from: a table of two core columns, and short forms of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.sheet_samples import grid
from hutong_adapters.layout import LaidOut, lay_out
from hutong_adapters.layout_spec import Layout, Reading

CORE = Layout(core=("品名", "数量"))
READING = Reading(
    ("品名", "数量", "单位", "备注"), frozenset({"品名", "数量", "单位"}), frozenset({"数量"})
)


def laid(
    rows: Sequence[Sequence[str]],
    layout: Layout = CORE,
    merges: Sequence[tuple[int, int, int, int]] = (),
    reading: Reading = READING,
    *,
    even: bool = False,
) -> LaidOut:
    return lay_out(grid(rows, merges), layout, reading, label="a.xlsx", even=even)


def found(laid_out: LaidOut) -> list[tuple[int, list[Any]]]:
    """Rows by number, with their cells."""
    return [(row.number, list(row.cells.values())) for row in laid_out.rows]


def told(laid_out: LaidOut) -> list[str]:
    return [str(refusal) for refusal in laid_out.refused]
