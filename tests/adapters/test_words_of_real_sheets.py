"""Every quantity, specification and list of goods that the Red Cross published, read in words.

Numbers and units were taken down by reading the files; of the words of items only digests stand
here.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hutong_adapters.goods_text import GoodsConcern, Piece, split_goods
from hutong_adapters.number_text import decimal_text
from hutong_adapters.pack_text import read_pack
from hutong_adapters.quantity_text import Concern, Reading, read_quantity
from hutong_protocol.quantity import decimal_millionths

calamine = pytest.importorskip("python_calamine", reason="spreadsheets: python-calamine is missing")

Table = list[list[str]]


@pytest.fixture(scope="module")
def folder(data_folder: Path) -> Path:
    return data_folder / "redcross-wuhan"


def table(path: Path) -> Table:
    """The cells of the first sheet, each as text; merged cells hold theirs in the first place."""
    book: Any = calamine.CalamineWorkbook.from_path(path)
    rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    return [[_text(cell) for cell in row] for row in rows]


def _text(cell: object) -> str:
    return f"{cell:.6f}".rstrip("0").rstrip(".") if isinstance(cell, float) else str(cell)


def sums(readings: Sequence[Reading]) -> dict[str, str]:
    """What exact quantities come to, by the word of their unit."""
    found: Counter[str] = Counter()
    for reading in readings:
        assert reading.bound == "exact"
        found[reading.unit] += decimal_millionths(reading.value or "") or 0
    return {unit: decimal_text(total) for unit, total in found.items()}


def pairs(listed: str) -> dict[str, str]:
    """A table that is written as `name value, name value`."""
    return dict(pair.split(" ") for pair in listed.split(", "))


def test_the_quantities_of_the_sixth_list_are_understood_and_add_up(folder: Path) -> None:
    rows = table(folder / "received_06-2.xlsx")
    cells = [row[3] for row in rows[6:228] if row[3] and row[3] != rows[5][3]]
    readings = [read_quantity(cell) for cell in cells]
    assert len(readings) == 209
    assert {reading.concern for reading in readings} == {None}
    assert sums(readings) == pairs(
        "片 558000, 支 114360, 瓶 48753, 盒 28574, 个 24883, 人份 8400, "
        "只 6840, 桶 6108, 箱 5378, 件 2082, 台 1734, 套 982, 包 318, 副 240, "
        "袋 47, 提 1"
    )


def test_the_quantities_of_the_seventh_list_are_understood_beside_their_units(
    folder: Path,
) -> None:
    rows = table(folder / "received_07-2.xlsx")
    units: list[str] = []
    readings = []
    for row in rows[5:147]:
        # Units are merged downwards here; nothing else is read into an empty cell.
        units.append(row[3] or units[-1])
        if row[4]:
            reading = read_quantity(row[4] + units[-1])
            assert (reading.unit, reading.concern) == (units[-1], None)
            readings.append(reading)
    assert len(readings) == 138
    found = sums(readings)
    assert {unit: found[unit] for unit in ("支", "箱", "只", "片")} == pairs(
        "支 386770, 箱 10672, 只 10000, 片 2000"
    )
    assert len(found) == 13


def packs(rows: Table, spec: int, units: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The row and content of every pack that is of the unit of its quantity."""
    for number, (row, unit) in enumerate(zip(rows, units, strict=True), start=1):
        pack = read_pack(row[spec])
        if pack is not None and pack.unit == unit:
            yield str(number), f"{pack.value}{pack.of}"


def test_specifications_of_the_sixth_list_are_packs_only_of_the_unit_beside_them(
    folder: Path,
) -> None:
    rows = table(folder / "received_06-2.xlsx")
    found = dict(packs(rows, 2, [read_quantity(row[3]).unit for row in rows]))
    assert found == pairs(
        "37 500公斤, 47 36盒, 73 20盒, 82 48个, 97 348瓶, 168 400盒, "
        "169 400盒, 170 60盒, 171 60盒, 172 40盒, 173 60盒, 177 1个, "
        "184 1000个, 185 1000个, 208 420支, 209 300盒, 210 300盒, 211 200盒, "
        "212 200盒, 213 96瓶, 214 192支, 215 30袋, 216 50kg"
    )


def test_specifications_of_the_seventh_list_are_packs_where_every_step_has_its_unit(
    folder: Path,
) -> None:
    rows = table(folder / "received_07-2.xlsx")
    found = dict(packs(rows, 2, [row[3] for row in rows]))
    assert found == pairs(
        "37 1200袋, 38 600瓶, 39 100支, 40 300支, 42 2000个, 44 6000片, "
        "72 3600支, 74 400支, 75 300支, 76 300个, 77 80盒, 78 2000枚, "
        "81 500包, 83 500个, 84 1000副, 85 400副, 90 1000只, 121 150个, "
        "122 200个, 137 600只"
    )


# --- Goods as free text

GOODS: list[list[tuple[str, str]]] = [
    [],
    [("135000", "盒")],
    [("1400", "瓶")],
    [("50000", "只")],
    [("1200", "盒"), ("20000", "只"), ("34000", "只")],
    [("50000", "只"), ("1000", "瓶")],
    [("10000", "只")],
    [("10", "台")],
    [("", "")],
    [("", ""), ("", ""), ("", ""), ("", "")],
    [("30000", "个")],
    [("3000", "个")],
    [("25", "袋")],
    [("150", "瓶"), ("400", "盒"), ("216", "瓶"), ("169", "瓶"), ("24", "瓶")],
    [("36000", "个")],
    [("144", "个")],
    [("98", "个"), ("198", "副"), ("5500", "片"), ("3900", "片")],
    [("1500", "支")],
]
"""Of each row of the list its numbers and units, as somebody read them; the first is money."""
WORDS = "b74ce2b93e004a5c40dfd6b6090b6f64"
"""Of the item and specification of every piece, one a line."""


def test_the_goods_of_every_row_are_split_into_items(folder: Path) -> None:
    with (folder / "hubei-inflow.csv").open(encoding="utf-8-sig", newline="") as file:
        inflow = [row["物资"] for row in csv.DictReader(file)]
    with (folder / "hubei-outflow.csv").open(encoding="utf-8-sig", newline="") as file:
        outflow = [row["物资"] for row in csv.DictReader(file)]
    used = [row[2] for row in table(folder / "hubei_usage_01.xlsx")[3:20]]
    assert outflow == used == inflow[1:]
    goods = [split_goods(cell) for cell in inflow]
    assert [[amount(piece) for piece in each.pieces] for each in goods] == GOODS
    assert [each.concerns for each in goods] == [(GoodsConcern.MONEY,)] + [()] * 17
    pieces = [piece for each in goods for piece in each.pieces]
    assert [piece.concern for piece in pieces if piece.concern] == [GoodsConcern.ITEM_GUESSED]
    marked = [read_quantity(piece.quantity).concern for piece in pieces]
    assert [concern for concern in marked if concern] == [Concern.TWO_AMOUNTS]
    listed = "\n".join(f"{piece.item}|{piece.spec}" for piece in pieces)
    assert hashlib.sha256(listed.encode("utf-8")).hexdigest()[:32] == WORDS


def amount(piece: Piece) -> tuple[str, str]:
    reading = read_quantity(piece.quantity)
    return (reading.value or "", reading.unit)


def test_where_goods_went_is_no_list_of_goods_and_says_so(folder: Path) -> None:
    """Numbers without a unit, whose sum was corrected later, are not made into quantities."""
    with (folder / "hubei-outflow.csv").open(encoding="utf-8-sig", newline="") as file:
        places = [row["流向"] for row in csv.DictReader(file)]
    cells = [split_goods(place) for place in places]
    numbered = [[amount(piece) for piece in goods.pieces if piece.quantity] for goods in cells]
    assert [each for each in numbered if each] == [[("72", "个")]]
    left = [piece for goods in cells for piece in goods.pieces if piece.concern]
    assert [piece.concern for piece in left] == [GoodsConcern.NUMBER_LEFT] * 3
