"""The rows that the demo imports: what thirteen district offices might have kept in their sheets.

Owns an invented data set, the same in each run: places are real, communities, quantities and all
else are made up. It is written as files, because a file is where the way of a row begins.
"""

from __future__ import annotations

import csv
from importlib import resources
from pathlib import Path
from typing import Final

DISTRICTS: Final = (
    ("610102", "新城区"),
    ("610103", "碑林区"),
    ("610104", "莲湖区"),
    ("610111", "灞桥区"),
    ("610112", "未央区"),
    ("610113", "雁塔区"),
    ("610114", "阎良区"),
    ("610115", "临潼区"),
    ("610116", "长安区"),
    ("610117", "高陵区"),
    ("610118", "鄠邑区"),
    ("610122", "蓝田县"),
    ("610124", "周至县"),
)
ROWS_PER_DISTRICT: Final = 30
ROWS: Final = len(DISTRICTS) * ROWS_PER_DISTRICT
COLUMNS: Final = (
    "编号",
    "区县",
    "社区",
    "物资",
    "数量",
    "单位",
    "紧急程度",
    "备注",
    "联系人",
    "电话",
)

_GOODS: Final = (
    ("白菜", "斤", 400),
    ("萝卜", "斤", 600),
    ("大米", "袋", 20),
    ("方便面", "箱", 15),
    ("N95口罩", "只", 200),
    ("防护服", "套", 30),
    ("消毒液", "瓶", 60),
    ("成人纸尿裤", "包", 25),
    ("婴儿奶粉", "罐", 12),
    ("胰岛素", "支", 10),
)
_COMMUNITIES: Final = (
    "东风",
    "和平",
    "朝阳",
    "建设",
    "友谊",
    "胜利",
    "光明",
    "红旗",
    "幸福",
    "长乐",
)
_URGENCY: Final = ("紧急", "一般", "一般", "较急")


def write_sample(folder: Path) -> list[Path]:
    """Writes one CSV file for each district; returns their paths. 390 rows in all."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, (code, name) in enumerate(DISTRICTS):
        path = folder / f"{code}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            sheet = csv.writer(stream)
            sheet.writerow(COLUMNS)
            for row in range(ROWS_PER_DISTRICT):
                sheet.writerow(_row(number, code, name, row))
        files.append(path)
    return files


def mapping_path() -> Path:
    """The mapping that says what the columns of the sample mean."""
    return Path(str(resources.files("hutong_node.demo") / "sample.toml"))


def _row(number: int, code: str, district: str, row: int) -> tuple[str, ...]:
    mixed = number * 31 + row * 17
    goods, unit, step = _GOODS[mixed % len(_GOODS)]
    # A row in ten has no number, as in real sheets: it is unknown, never one.
    quantity = "" if mixed % 10 == 9 else str(step * (1 + mixed % 7))
    community = f"{_COMMUNITIES[(mixed // 3) % len(_COMMUNITIES)]}{1 + row}社区"
    return (
        f"{code}-{row + 1:03d}",
        district,
        community,
        goods,
        quantity,
        unit,
        _URGENCY[mixed % len(_URGENCY)],
        "封控小区，可送至东门" if row % 3 == 0 else "",
        "（社区值班）",
        "",
    )
