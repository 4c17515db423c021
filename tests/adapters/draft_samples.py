"""A sheet as volunteers keep it, made up: titles, two header rows, merges, totals and a footer."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from adapters.sheet_samples import made

AREAS = ("雁塔区", "碑林区", "未央区", "莲湖区", "新城区")
PEOPLE = ("王芳", "李建国", "赵敏", "刘洋", "陈静", "孙磊", "周丽", "马超", "吴倩", "郑义")
GOODS = (
    ("大米", "10kg/袋", 50, "袋"),
    ("蔬菜包", "", "约200份", ""),
    ("口罩", "N95", "13.5万只", ""),
    ("土豆", "", "若干", ""),
    ("食用油", "5L/桶", "3-5箱", ""),
)
_NAMES: tuple[tuple[str, str], ...] = (
    *(("序号", ""), ("区县", ""), ("社区", ""), ("需求", "物资"), ("", "规格"), ("数量", "数量")),
    *(("", "单位"), ("缓急", ""), ("登记日期", ""), ("最晚", ""), ("联系人", ""), ("电话", "")),
    *(("对接情况", "捐赠方"), ("", "已到"), ("备注", "")),
)


def messy(folder: Path) -> Path:
    """50 rows of ten communities, under titles and a header of two rows."""
    path = folder / "needs.xlsx"
    path.write_bytes(made(_fill, ["需求登记", "Sheet2"]))
    return path


def _fill(book: Any, sheet: Any) -> None:
    day = book.add_format({"num_format": "yyyy/m/d"})
    sheet.merge_range("A1:M1", "某志愿互助队 封控社区物资需求登记表（共享版）")
    sheet.merge_range("A2:M2", "更新：1月6日晚 填表：各小组长，请勿改动表头！")
    for column, (upper, lower) in enumerate(_NAMES):
        if upper and not lower:
            sheet.merge_range(2, column, 3, column, upper)
        elif lower:
            sheet.write(3, column, lower)
    for first, name in ((3, "需求"), (5, "数量"), (12, "对接情况")):
        sheet.merge_range(2, first, 2, first + 1, name)
    for place, person in enumerate(PEOPLE):
        top = 4 + 5 * place
        for column, text in (
            (2, f"第{place + 1}社区"),
            (10, person),
            (11, f"138001380{place:02}"),
        ):
            sheet.merge_range(top, column, top + 4, column, text)
        if place % 2 == 0:
            sheet.merge_range(top, 1, top + 9, 1, AREAS[place // 2])
        for number, (item, spec, quantity, unit) in enumerate(GOODS):
            row = top + number
            cells: tuple[object, ...] = (item, spec, quantity, unit)
            sheet.write(row, 0, row - 3)
            for column, cell in enumerate(cells, start=3):
                if cell:
                    sheet.write(row, column, cell)
            sheet.write(row, 7, ("急", "特急", "一般")[row % 3])
            sheet.write(row, 8, "1月5日")
            if number == 0:
                sheet.write(row, 9, ("2022/1/10", "1月9日", "尽快")[place % 3])
            elif number == 1:
                sheet.write_datetime(row, 9, dt.date(2022, 1, 8), day)
    sheet.merge_range("A55:E55", "合计")
    sheet.write_formula("F55", "=SUM(F5:F54)", None, 500)
    sheet.merge_range("A56:O56", "注：急=24小时内；数据以社区上报为准，联系王老师。")
