"""The words of `[sheet]`: each is read, and each mistake is told by its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.mapping_samples import SHEET, plan_of, write_mapping
from adapters.sheet_samples import table
from hutong_adapters.encodings import AUTO, ENCODINGS
from hutong_adapters.interface import MappingRefused
from hutong_adapters.layout_load import SHEET_WORDS
from hutong_adapters.layout_spec import Formulas, Layout, Remarks
from hutong_adapters.mapping_load import load_mapping
from hutong_adapters.summary import plan_json, plan_words

EVERYTHING = """
[sheet]
sheets = ["物资", "二月"]
core = ["物资", "数量"]
header_rows = 2
header_fill = true
beside = true
transposed = true
totals = ["合计"]
footer = "以上"
remarks = "note"
note = "备注"
to_note = ["区县"]
shared = ["数量"]
separator = " / "
formulas = "values"

[sheet.columns]
"数量" = ["总数", "数量总计"]
"单位" = "计量单位"
"""


def layout(folder: Path, text: str) -> Layout | None:
    return load_mapping(write_mapping(folder, SHEET + text)).form.layout


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(MappingRefused) as refused:
        layout(folder, text)
    return list(refused.value.problems)


def test_every_word_is_read(tmp_path: Path) -> None:
    assert layout(tmp_path, EVERYTHING) == Layout(
        sheets=("物资", "二月"),
        core=("物资", "数量"),
        names={"数量": ("总数", "数量总计"), "单位": ("计量单位",)},
        header_rows=2,
        header_fill=True,
        beside=True,
        transposed=True,
        totals=("合计",),
        footer=("以上",),
        remarks=Remarks.NOTE,
        note="备注",
        to_note=("区县",),
        shared=("数量",),
        separator=" / ",
        formulas=Formulas.VALUES,
    )
    words = {line.split(" = ")[0] for line in EVERYTHING.splitlines() if " = " in line}
    assert words - {'"数量"', '"单位"'} == set(SHEET_WORDS) - {"columns"}


def test_a_mapping_without_the_table_has_no_layout_and_an_empty_one_its_defaults(
    tmp_path: Path,
) -> None:
    assert layout(tmp_path, "") is None
    assert layout(tmp_path, "\n[sheet]\n") == Layout()
    assert Layout().sheets == "one"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[sheet]\nhook = 1", "sheet.hook: is no word here; known: sheets, core, columns, "),
        ('[sheet]\nsheets = "Sheet1"', 'sheet.sheets: is "one", "all" or a list of names'),
        ("[sheet]\nsheets = []", 'sheet.sheets: is "one", "all" or a list of names'),
        ("[sheet]\nsheets = 1", 'sheet.sheets: is "one", "all" or a list of names'),
        ("[sheet]\ncore = 1", "sheet.core: is a text or a list of texts, none of them empty"),
        ('[sheet]\ncore = [" "]', "sheet.core: is a text or a list of texts, none of them empty"),
        ('[sheet]\ncore = ["价格"]', "sheet.core: has 价格, which nothing in the mapping uses"),
        ("[sheet]\nheader_rows = 4", "sheet.header_rows: is 1 to 3"),
        ("[sheet]\nheader_rows = true", "sheet.header_rows: is 1 to 3"),
        ('[sheet]\nheader_rows = "2"', "sheet.header_rows: is 1 to 3"),
        ("[sheet]\nheader_fill = true", "sheet.header_fill: goes with header_rows = 2 or 3"),
        ("[sheet]\ntransposed = 1", "sheet.transposed: is true or false"),
        ('[sheet]\ntotals = ["合计"]', "sheet.totals: needs `core`"),
        ("[sheet]\nbeside = true", "sheet.beside: needs `core`"),
        ('[sheet]\nremarks = "drop"', "sheet.remarks: is one of refuse, note, skip"),
        ("[sheet]\nremarks = []", "sheet.remarks: is one of refuse, note, skip"),
        (
            '[sheet]\ncore = ["物资"]\nremarks = "note"',
            "sheet.note: is required: the column that gets the notes",
        ),
        ('[sheet]\nto_note = ["区县"]', "sheet.note: is required: the column that gets the notes"),
        (
            '[sheet]\nnote = "备注"\nto_note = ["备注"]',
            "sheet.to_note: can't be the column of notes itself",
        ),
        ('[sheet]\nnote = "说明"', "sheet.note: has 说明, which nothing in the mapping uses"),
        ("[sheet]\nnote = 1", "sheet.note: is a text"),
        ('[sheet]\nshared = ["x"]', "sheet.shared: has x, which nothing in the mapping uses"),
        ('[sheet]\nformulas = "no"', "sheet.formulas: is one of refuse, values"),
        ("[sheet]\ncolumns = 1", "sheet.columns: is a table, like"),
        ('[sheet.columns]\n"数量" = 1', "sheet.columns.数量: is a list of other names"),
        (
            '[sheet.columns]\n"数量" = ["数"]\n"单位" = ["数"]',
            "sheet.columns.单位: has the name 数, which is that of 数量",
        ),
        (
            '[sheet.columns]\n"数量" = ["单位"]\n"单位" = ["x"]',
            "sheet.columns.数量: has the name 单位, which is that of 单位",
        ),
        ('[sheet.columns]\n"x" = ["y"]', "sheet.columns: has x, which nothing in the mapping uses"),
    ],
)
def test_a_mistake_is_told_by_its_place(tmp_path: Path, text: str, problem: str) -> None:
    assert any(found.startswith(problem) for found in problems(tmp_path, f"\n{text}\n"))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, '\n[sheet]\nheader_rows = 9\nformulas = "x"\nnote = ""\n')
    assert len(found) == 3


def test_sheets_are_no_business_of_json_lines(tmp_path: Path) -> None:
    found = problems(tmp_path, '\n[rows]\nformat = "jsonl"\n[sheet]\n')
    assert found == ["sheet: is about tables, not JSON lines"]


def test_the_table_is_a_table(tmp_path: Path) -> None:
    text = SHEET.replace("[columns]", "sheet = 1\n[columns]", 1)
    with pytest.raises(MappingRefused, match=r"sheet: is a table: \[sheet\]"):
        load_mapping(write_mapping(tmp_path, text))


GUIDE = (Path(__file__).resolve().parents[2] / "adapters" / "README.md").read_text("utf-8")
SECTION = GUIDE.partition("### 3.12")[2].partition("\n## ")[0]


def test_every_word_stands_in_the_guide() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", SECTION, re.MULTILINE))
    assert listed == set(SHEET_WORDS)
    for choice in (*Remarks, *Formulas, "one", "all", AUTO, *ENCODINGS):
        assert f'`"{choice}"`' in GUIDE


def test_the_sheet_of_the_guide_comes_to_what_it_says(tmp_path: Path) -> None:
    lines = [line for line in SECTION.splitlines() if re.match(r"\| \d+ \|", line)]
    parts = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rows = [cells[1:5] for cells in parts]
    said = [cells[5] for cells in parts]
    mapping = re.search(r"```toml\n(.*?)```", SECTION, re.DOTALL)
    assert mapping is not None
    text = SHEET.replace('ignore = ["备注"]', 'ignore = ["备注", "规格", "捐赠单位"]')
    text = text.replace('columns = ["编号"]', 'columns = ["物资"]')
    text = text.replace('unit = { from = "单位", lookup = "units" }', 'unit = { const = "zhi" }')
    text = text.replace('code = { from = "区县" }', 'code = { const = "610113" }')
    path = tmp_path / "a.xlsx"
    path.write_bytes(table(rows, ["D4:D5", "A4:A5"]))
    plan = plan_of(load_mapping(write_mapping(tmp_path, text + mapping[1])), path)
    assert [str(refusal) for refusal in plan.refused] == []
    assert [f"row {each.row.number}" for each in plan.drafts] == [
        word.split(":")[0] for word in said if word.startswith("row")
    ]
    assert plan.drafts[0].row.cells["物资"] == "口罩；面罩"
    assert plan.drafts[0].row.cells["数量"] == "6000"
    told = plan_json(plan)
    assert told["passed_rows"] == {
        kind: said.count(kind) for kind in ("title", "header", "total", "footer")
    }
    assert any(
        words == "rows that are none, by the layout of the sheets:"
        " 1 title, 2 header, 1 total, 1 footer"
        for words in plan_words(plan)
    )
