"""Any text goes from a table into a record, to another node, into a table and back unchanged.

Threat 40: no cell of an export is a formula. Threat 43: what comes back unedited signs nothing.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from hutong_adapters.export_columns import COLUMNS, unsafe
from hutong_adapters.export_reading import make_export_plan
from hutong_adapters.exporting import Exported, collect, csv_bytes, write_file, xlsx_bytes
from hutong_adapters.mapping_load import load_mapping
from hutong_adapters.planning import Plan, Target, make_plan
from hutong_adapters.runner import Report, Wish, send_plan
from hutong_adapters.sheet_process import read_workbook
from hutong_protocol.personal_data import findings
from node.local_nodes import Local, opened
from node.nodes import BASE, FSC, introduce, new_node, until
from together.naughty_strings import LEAST, naughty_strings
from together.sheets import MAPPING, ServiceNode, write_table

NO_CELL = re.compile("[\ufffe\uffff]|_x[0-9a-fA-F]{4}_x[0-9a-fA-F]{4}_")
FORMULA = set("=+-@\t\r\0＝＋－＠")
TEXTS = MAPPING.replace(
    'title = { from = "物资", required = true }',
    'title = { from = "物资", required = true, trim = false }\n'
    'note = { from = "备注", trim = false }\n'
    'place_name = { from = "地点", trim = false }',
).replace(
    'quantity = { from = "户数", unit = { const = "hh" } }',
    'quantity = { from = "户数", unit = { const = "hh" } }\n'
    'words.item = { from = "物资", trim = false }\nwords.raw = { from = "备注", trim = false }',
)
HEADER = ["编号", "区县", "物资", "户数", "备注", "地点"]


@asynccontextmanager
async def two_nodes(root: Path) -> AsyncIterator[tuple[Local, Local]]:
    """Two nodes that exchange one scope."""
    async with AsyncExitStack() as stack:
        one, two = (new_node(root, name, tls=False) for name in ("one", "two"))
        locals_ = [
            await stack.enter_async_context(opened(node, running=True)) for node in (one, two)
        ]
        await stack.enter_async_context(one)
        await stack.enter_async_context(two)
        await introduce(one, two, [FSC])
        yield locals_[0], locals_[1]


async def in_step(one: Local, two: Local) -> None:
    """Waits until both hold the same."""

    def roots(found: Local) -> list[bytes]:
        from hutong_node.store.interface import StoreMethods

        scopes = found.node.parts.store.run(StoreMethods.scope_roots, [BASE, FSC])
        return [scope.root for scope in scopes]

    await until(lambda: roots(one) == roots(two))


def plan_of(folder: Path, file: Path, incident: str, mapping: str = TEXTS) -> Plan:
    (folder / "texts.toml").write_text(mapping, "utf-8")
    target = Target(given={"incident": incident})
    return make_plan(load_mapping(folder / "texts.toml"), [file], target)


async def sent(found: Local, plan: Plan) -> Report:
    assert [str(refusal) for refusal in plan.refused] == []
    return await send_plan(plan, ServiceNode(found), Wish())


def cells_of_csv(content: bytes) -> list[dict[str, str]]:
    """The rows of an exported CSV, after every cell was found to be safe."""
    text = content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert not any(cell[:1] in FORMULA for row in rows for cell in row if cell)
    # Every field is quoted, so that no program takes one apart or for a number.
    assert len(re.findall(r'(?:^|,|\r\n)"', text)) >= sum(map(len, rows))
    return [dict(zip(rows[0], map(unsafe, row), strict=True)) for row in rows[1:]]


def cells_of_xlsx(folder: Path, content: bytes) -> list[dict[str, str]]:
    """The rows of an exported workbook, after no formula was found in it."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode("utf-8")
        assert not [name for name in book.namelist() if "rels" in name and "sheet" in name]
    assert "<f" not in sheet
    assert set(re.findall(r' t="(\w+)"', sheet)) == {"s"}
    assert len(re.findall(r"<c ", sheet)) == len(re.findall(r'<c [^>]*t="s"', sheet))
    path = folder / "look.xlsx"
    path.write_bytes(content)
    (grid,) = read_workbook(path, "one").grids
    header = [cell.text for cell in grid.rows[0]]
    return [
        {name: unsafe(cell.text) for name, cell in zip(header, row, strict=False)}
        for row in grid.rows[1:]
    ]


async def exported(found: Local) -> Exported:
    return await collect(ServiceNode(found), {"type": "need/1"})


async def test_naughty_strings_come_back_as_they_were(tmp_path: Path) -> None:
    """The issue: at least 515 of them, through import, sync, CSV and XLSX, and import again."""
    texts = naughty_strings()
    assert len(set(texts)) == len(texts) >= LEAST
    assert not any(findings(text) for text in texts)
    # A title must have something in it that can be seen; the other fields may have anything.
    titles = [text if text.strip() else f"空 {n}" for n, text in enumerate(texts)]
    rows = [
        [f"R{n}", "610113", title, "5", text, text]
        for n, (title, text) in enumerate(zip(titles, texts, strict=True))
    ]
    file = write_table(tmp_path / "texts.csv", [HEADER, *rows])
    async with two_nodes(tmp_path) as (one, two):
        incident = await one.incident()
        plan = plan_of(tmp_path, file, incident)
        assert (await sent(one, plan)).counts == {"new": len(texts)}
        await in_step(one, two)
        for found in (one, two):
            there = await exported(found)
            assert (there.things, there.hidden) == (len(texts), 0)
            assert_same_texts(cells_of_csv(csv_bytes(there)), texts, titles)
            assert_same_texts(cells_of_xlsx(tmp_path, xlsx_bytes(there)), texts, titles)
        out = await exported(one)
        for name, content in (("again.csv", csv_bytes(out)), ("again.xlsx", xlsx_bytes(out))):
            write_file(tmp_path / name, content, replace=False)
            again = make_export_plan([tmp_path / name])
            report = await sent(one, again)
            assert (report.counts, report.signed) == ({"unchanged": len(texts)}, 0)
            foreign = await send_plan(again, ServiceNode(two), Wish())
            assert (foreign.counts, foreign.signed) == ({"refused": len(texts)}, 0)
            assert "another organisation" in foreign.refused[0].rule


def assert_same_texts(rows: list[dict[str, str]], texts: list[str], titles: list[str]) -> None:
    """That every text stands in the columns it was written into, byte for byte."""
    assert len(rows) == len(texts)
    for column in ("title", "note", "place_name", "item", "as_typed"):
        written = titles if column in ("title", "item") else texts
        held = Counter(row.get(column, "") for row in rows)
        kept = [text for text in written if not NO_CELL.search(text)]
        # What no workbook keeps stands in the JSON beside it, escaped.
        assert held == Counter(kept) + Counter({"": len(written) - len(kept)})
        beside = "".join(row["more"] + row["line_more"] for row in rows)
        for text in set(written) - set(kept):
            assert json.dumps(text).replace("_x", "\\u005fx") in beside


async def test_edits_of_an_export_are_signed_and_nothing_else(tmp_path: Path) -> None:
    rows = [[f"R{n}", "610113", f"大米 {n}", str(n), "=备注", "村"] for n in range(1, 6)]
    file = write_table(tmp_path / "texts.csv", [HEADER, *rows])
    async with two_nodes(tmp_path) as (one, _):
        incident = await one.incident()
        await sent(one, plan_of(tmp_path, file, incident))
        out = await exported(one)
        edited = [dict(row) for row in out.rows]
        by_title = {row["title"]: row for row in edited}
        by_title["大米 3"]["amount"] = "260"
        by_title["大米 4"]["note"] = "＝changed"
        added = {column: by_title["大米 5"].get(column, "") for column in COLUMNS}
        added |= {"hutong_id": "", "hutong_revision": "", "title": "面粉", "item": "面粉"}
        edited.remove(by_title["大米 5"])
        path = tmp_path / "edited.csv"
        write_file(path, csv_bytes(replace(out, rows=[*edited, added])), replace=False)
        report = await sent(one, make_export_plan([path]))
        assert report.counts == {"new": 1, "revised": 2, "unchanged": 2}
        assert report.signed == 3
        again = {row["title"]: row for row in (await exported(one)).rows}
        assert (again["大米 3"]["amount"], again["大米 4"]["note"]) == ("260", "＝changed")
        assert again["面粉"]["amount"] == "5"
        # The table was made before these edits: editing it once more would undo them.
        stale = [dict(row) for row in out.rows]
        next(row for row in stale if row["title"] == "大米 3")["amount"] = "7"
        write_file(path, csv_bytes(replace(out, rows=stale)), replace=True)
        late = await send_plan(make_export_plan([path]), ServiceNode(one), Wish())
        assert (late.counts["refused"], late.signed) == (1, 0)
        assert "revised since" in late.refused[0].rule
        assert late.refused[0].cell.startswith("hutong_revision")


async def test_sheet_closes_its_rows_after_a_round_through_an_export(tmp_path: Path) -> None:
    """Decision 20, with a number typed into the exported workbook on the way."""
    rows = [["R1", "610113", "大米", "200", "", ""], ["R2", "610113", "面粉", "5", "", ""]]
    file = write_table(tmp_path / "texts.csv", [HEADER, *rows])
    async with two_nodes(tmp_path) as (one, _):
        incident = await one.incident()
        await sent(one, plan_of(tmp_path, file, incident))
        path = tmp_path / "out.xlsx"
        out = await exported(one)
        with xlsxwriter.Workbook(path) as book:
            page = book.add_worksheet()
            page.write_row(0, 0, out.columns)
            for number, row in enumerate(out.rows, start=1):
                cells = dict(row) | {"amount": 250 if row["title"] == "大米" else 5}
                page.write_row(number, 0, [cells.get(column, "") for column in out.columns])
        plan = make_export_plan([path])
        look = await send_plan(plan, ServiceNode(one), Wish(look=True))
        assert look.survey is not None
        assert (look.refused, look.survey.vanished()) == ([], [])
        assert sorted(row["outcome"] for _, row in look.survey.rows) == ["revised", "unchanged"]
        assert (await sent(one, plan)).counts == {"revised": 1, "unchanged": 1}
        # The sheet touches a remark, and would take the 250 back.
        rows[0][4] = "备注"
        file = write_table(tmp_path / "texts.csv", [HEADER, *rows])
        waiting = await sent(one, plan_of(tmp_path, file, incident))
        assert (waiting.counts, waiting.signed) == ({"queued": 1, "unchanged": 1}, 0)
        assert "quantity.value" in waiting.questions[0]
        file = write_table(tmp_path / "texts.csv", [HEADER, rows[0]])
        complete = Wish(complete=True)
        done = await send_plan(plan_of(tmp_path, file, incident), ServiceNode(one), complete)
        assert (done.counts["closed"], done.signed) == (1, 1)
        assert done.gone[0]["title"] == "面粉"


async def test_numbers_tell_what_the_records_come_to(tmp_path: Path) -> None:
    rows = [["R1", "610113", "大米", "200", "", ""]]
    file = write_table(tmp_path / "texts.csv", [HEADER, *rows])
    async with two_nodes(tmp_path) as (one, _):
        await sent(one, plan_of(tmp_path, file, await one.incident()))
        (row,) = (await collect(ServiceNode(one), {"type": "need/1"}, numbers=True)).rows
        assert (row["required"], row["open"], row["life"]) == ("200", "200", "active")
        own = (await one.service.organisations()).own.id
        assert (await collect(ServiceNode(one), {}, own=own)).things == 2
        assert (await collect(ServiceNode(one), {}, own="org-x")).things == 0


async def test_every_type_of_cell_goes_in_or_is_refused_by_name(tmp_path: Path) -> None:
    """Numbers and dates as the sheet shows them, never rounded; formulas and errors refused."""
    path = tmp_path / "cells.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        dated = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, HEADER)
        for row, (note, value) in enumerate(CELLS, start=1):
            sheet.write_row(row, 0, [f"R{row}", "610113", note, 5])
            if note == "date":
                sheet.write_datetime(row, 4, value, dated)
            elif note == "text":
                sheet.write_string(row, 4, value)
            elif note == "formula":
                sheet.write_formula(row, 4, "=1+1", None, 2)
            elif note == "error":
                sheet.write_formula(row, 4, "=1/0", None, "#DIV/0!")
            else:
                sheet.write(row, 4, value)
    async with two_nodes(tmp_path) as (one, two):
        incident = await one.incident()
        plan = plan_of(tmp_path, path, incident)
        assert sorted(each.row for each in plan.refused) == [
            row for row, (note, _) in enumerate(CELLS, start=2) if note in ("formula", "error")
        ]
        kept = replace(plan, refused=())
        assert (await sent(one, kept)).signed == len(EXPECTED)
        await in_step(one, two)
        found = cells_of_csv(csv_bytes(await exported(two)))
        assert {row["title"]: row["note"] for row in found} == EXPECTED


CELLS: list[tuple[str, Any]] = [
    ("text", "=not a formula"),
    ("whole", 217080.0),
    ("fraction", 0.1),
    ("large", 123456789012345),
    ("negative", -2.5),
    ("true", True),
    ("date", date(2020, 1, 31)),
    ("empty", None),
    ("formula", None),
    ("error", None),
]
EXPECTED = {
    "text": "=not a formula",
    "whole": "217080",
    "fraction": "0.1",
    "large": "123456789012345",
    "negative": "-2.5",
    "true": "true",
    "date": "2020-01-31",
    "empty": "",
}


def test_an_export_is_never_written_over_another_file(tmp_path: Path) -> None:
    from hutong_adapters.exporting import ExportRefused

    path = tmp_path / "out.csv"
    write_file(path, b"one", replace=False)
    with pytest.raises(ExportRefused, match="is there already"):
        write_file(path, b"two", replace=False)
    assert path.read_bytes() == b"one"
    write_file(path, b"two", replace=True)
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]
