"""Exports and copies with ids, opened by LibreOffice: no formula, no link, no text turned.

Threat 40. `make test` runs this where LibreOffice is installed; `make office` runs it alone.
Elsewhere the tests are skipped, and counted.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import xlsxwriter

from adapters.mapping_samples import HEADER, ROW, SHEET, plan_of, sheet_mapping
from hutong_adapters.export_columns import unsafe
from hutong_adapters.export_reading import make_export_plan
from hutong_adapters.exporting import Exported, collect, csv_bytes, xlsx_bytes
from hutong_adapters.runner import Wish, send_plan
from hutong_adapters.write_back import write_ids
from hutong_protocol.ids import IdKind, format_id
from node.local_nodes import Local, local, row, rows
from office.libreoffice import (
    CSV_IN,
    CSV_IN_UNASKED,
    CSV_OUT,
    Cell,
    as_kept,
    cells_of,
    converted,
    office_path,
)
from together.naughty_strings import naughty_strings
from together.sheets import ServiceNode

pytestmark = [
    pytest.mark.office,
    pytest.mark.skipif(office_path() is None, reason="office: LibreOffice is not on this machine"),
]
FIELDS = ("title", "note", "place_name", "item", "as_typed")
IDS = [format_id(IdKind.RECORD, bytes([number]) * 32) for number in range(4)]


def titled(text: str, number: int) -> str:
    """A title must have something that can be seen."""
    return text if text.strip() else f"空 {number}"


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Local]:
    """A node with a need for each naughty string, which stands in five of its fields."""
    async with local(tmp_path) as found:
        incident = await found.incident()
        given = [
            row(
                str(number),
                incident,
                text={
                    "title": titled(text, number),
                    "note": text,
                    "place_name": text,
                    "lines": {"rice": {"item": text, "raw": text}},
                },
            )
            for number, text in enumerate(naughty_strings())
        ]
        assert (await found.service.import_rows("sheet", rows(*given))).signed == len(given)
        yield found


async def exported(one: Local) -> Exported:
    return await collect(ServiceNode(one), {"type": "need/1"}, numbers=True)


def texts_in(table: list[list[Cell]]) -> Counter[tuple[str, str]]:
    """The texts of the naughty columns, by column, as an import would take them."""
    header = [cell.text for cell in table[0]]
    found: Counter[tuple[str, str]] = Counter()
    for line in table[1:]:
        for name, cell in zip(header, line, strict=False):
            if name in FIELDS:
                found[name, as_kept(unsafe(cell.text))] += 1
    return found


def expected_texts(out: Exported) -> Counter[tuple[str, str]]:
    return Counter((name, as_kept(line.get(name, ""))) for line in out.rows for name in FIELDS)


@pytest.mark.parametrize("form", ["xlsx", "csv"])
async def test_no_cell_of_an_export_is_a_formula_and_every_text_is_there(
    one: Local, tmp_path: Path, form: str
) -> None:
    """Threat 40."""
    out = await exported(one)
    file = tmp_path / f"needs.{form}"
    file.write_bytes(xlsx_bytes(out) if form == "xlsx" else csv_bytes(out))
    table = cells_of(file, tmp_path, read_as=CSV_IN if form == "csv" else None)
    cells = [cell for line in table for cell in line]
    assert len(table) == len(out.rows) + 1
    assert [cell for cell in cells if cell.formula or cell.link] == []
    assert {cell.kind for cell in cells} == {"string", ""}
    assert texts_in(table) == expected_texts(out)


async def test_no_cell_of_a_csv_is_a_formula_whatever_a_person_chooses(
    one: Local, tmp_path: Path
) -> None:
    """Numbers and dates are recognised then, which is no harm; formulas are not. Threat 40."""
    file = tmp_path / "needs.csv"
    file.write_bytes(csv_bytes(await exported(one)))
    for read_as in (CSV_IN_UNASKED, None):
        cells = [cell for line in cells_of(file, tmp_path, read_as=read_as) for cell in line]
        assert [cell for cell in cells if cell.formula or cell.link] == []


@pytest.mark.parametrize("form", ["xlsx", "csv"])
async def test_export_saved_by_libreoffice_signs_only_what_it_could_not_keep(
    one: Local, tmp_path: Path, form: str
) -> None:
    """Opened, saved and imported again: threats 40 and 43."""
    out = await exported(one)
    (tmp_path / f"needs.{form}").write_bytes(xlsx_bytes(out) if form == "xlsx" else csv_bytes(out))
    saved = tmp_path / "saved"
    saved.mkdir()
    file = converted(
        tmp_path / f"needs.{form}",
        CSV_OUT if form == "csv" else form,
        saved,
        read_as=CSV_IN if form == "csv" else None,
    )
    plan = make_export_plan([file])
    kept = {each.draft.thing: each.draft for each in plan.drafts}
    for line in out.rows:
        text = kept[line["hutong_id"]].text
        for name in ("title", "note", "place_name"):
            if line.get(name):
                assert as_kept(str(text[name])) == as_kept(line[name])
    report = await send_plan(plan, ServiceNode(one), Wish())
    assert [str(refusal) for refusal in report.refused] == []
    # A record is revised where the program has made one line end of another, and nowhere else.
    returns = sum("\r" in line.get("note", "") for line in out.rows)
    assert set(report.counts) == {"revised", "unchanged"}
    assert report.counts["revised"] <= returns < len(out.rows) / 10
    assert report.counts.total() == len(out.rows)


def test_a_formula_and_a_number_are_noticed(tmp_path: Path) -> None:
    """That these tests could fail: the same look at a table that is not safe."""
    file = tmp_path / "unsafe.csv"
    file.write_text('"=1+1","12","text"\n', "utf-8")
    (line,) = cells_of(file, tmp_path, read_as=CSV_IN_UNASKED)
    assert [(cell.formula, cell.kind) for cell in line] == [
        (True, "float"),
        (False, "float"),
        (False, "string"),
    ]
    book_file = tmp_path / "unsafe.xlsx"
    with xlsxwriter.Workbook(book_file) as book:
        sheet = book.add_worksheet()
        sheet.write_formula(0, 0, "=1+1")
        sheet.write_url(0, 1, "https://www.example.org/", string="link")
    (line,) = cells_of(book_file, tmp_path)
    assert [(cell.formula, cell.link) for cell in line if cell.kind] == [
        (True, False),
        (False, True),
    ]


def test_copy_of_a_workbook_opens_with_all_that_was_in_it(tmp_path: Path) -> None:
    """Formats, merged cells, formulas, a table, a second sheet: only the ids are new."""
    file = tmp_path / "needs.xlsx"
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("物资")
        bold = book.add_format({"bold": True, "bg_color": "#ffcc00"})
        for number, line in enumerate([HEADER, ["A-1", *ROW[1:]], ["A-2", *ROW[1:]]]):
            for column, cell in enumerate(line):
                sheet.write_string(number, column, cell, bold if not number else None)
        sheet.set_column(0, 3, 30)
        sheet.freeze_panes(1, 0)
        sheet.write_comment(1, 0, "a remark")
        sheet.data_validation(1, 1, 9, 1, {"validate": "list", "source": ["a", "b"]})
        other = book.add_worksheet("另一张")
        other.write_formula(0, 0, "=SUM(B1:B3)", None, 6)
        other.write_column(0, 1, [1, 2, 3])
        other.merge_range(4, 0, 5, 3, "merged", bold)
        chart = book.add_chart({"type": "column"})
        chart.add_series({"values": ["另一张", 0, 1, 2, 1]})
        other.insert_chart(8, 0, chart)
    mapping = sheet_mapping(tmp_path, SHEET + '\n[sheet]\nsheets = ["物资"]\n')
    plan = plan_of(mapping, file)
    out = tmp_path / "with-ids.xlsx"
    write_ids(plan, file, out, {(file.name, 2): IDS[1], (file.name, 3): IDS[2]})
    folders = [tmp_path / name for name in ("before", "after")]
    for folder in folders:
        folder.mkdir()
    before = cells_of(file, folders[0])
    after = cells_of(out, folders[1])
    assert [line[: len(HEADER)] for line in after] == [line[: len(HEADER)] for line in before]
    assert [line[len(HEADER)] for line in after] == [
        Cell(text, "string", False, False) for text in ("hutong_id", IDS[1], IDS[2])
    ]
    # Of the other sheet LibreOffice makes the same, formula, merge and chart included.
    flat = [(folder / f"{path.stem}.fods").read_text("utf-8")
            for folder, path in zip(folders, (file, out), strict=True)]  # fmt: skip
    others = [text[text.index('table:name="另一张"') :] for text in flat]
    assert others[0] == others[1]


def test_copy_of_a_csv_opens_with_one_more_column(tmp_path: Path) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(
        [HEADER, ["A-1", *ROW[1:]], ["A-2", '大"米\n, 面', *ROW[2:]]]
    )
    file = tmp_path / "needs.csv"
    file.write_bytes(text.getvalue().encode("utf-8"))
    plan = plan_of(sheet_mapping(tmp_path), file)
    out = tmp_path / "with-ids.csv"
    write_ids(plan, file, out, {(file.name, 2): IDS[1], (file.name, 3): IDS[2]})
    before, after = (cells_of(each, tmp_path, read_as=CSV_IN) for each in (file, out))
    assert [line[: len(HEADER)] for line in after] == [line[: len(HEADER)] for line in before]
    assert [line[len(HEADER)].text for line in after] == ["hutong_id", IDS[1], IDS[2]]
