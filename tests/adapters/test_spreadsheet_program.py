"""A spreadsheet program opens what is exported, and saves what is imported. Threats 40 and 42.

Needs LibreOffice, which not every machine has; what it makes of cells is not ours to say, so each
test compares with what the program itself says they are.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.sheet_samples import made
from hutong_adapters.export_columns import unsafe
from hutong_adapters.exporting import Exported, csv_bytes, xlsx_bytes
from hutong_adapters.sheet_child import ONE, read_workbook

PROGRAM = shutil.which("soffice")
pytestmark = [
    pytest.mark.office,
    pytest.mark.skipif(PROGRAM is None, reason="office: LibreOffice is not on this machine"),
]

LIKE_FORMULAS = [
    *("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "＝1+1", "＋1", "'=1", "'", "=cmd|' /C calc'!A0"),
    *('=HYPERLINK("http://192.0.2.1","x")', "1-2", "a\n=1", '"=1"', ",=1", ";=1", "00123", "1e3"),
]


@pytest.fixture
def saved_as(tmp_path: Path) -> Callable[[Path, str], bytes]:
    """The program opens a file and saves it in another format."""

    def save(path: Path, form: str) -> bytes:
        assert PROGRAM is not None
        folder = tmp_path / f"as-{form}"
        profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
        subprocess.run(
            [PROGRAM, profile, "--headless", "--convert-to", form, "--outdir", folder, path],
            check=True,
            capture_output=True,
            timeout=180,
        )
        return (folder / path.with_suffix(f".{form}").name).read_bytes()

    return save


def cells(data: bytes) -> list[list[Any]]:
    (sheet,) = read_workbook(data, ONE)["sheets"]
    rows: list[list[Any]] = sheet["rows"]
    return rows


def fill(book: Any, sheet: Any) -> None:
    """Every kind of cell that people type."""
    form = book.add_format
    sheet.write_column(
        0, 0, ["口罩", "00123", "610113199001011234", "a\tb", "a\nb", "👨‍👩‍👧", "  x "]
    )
    sheet.write_column(0, 1, [20, -5, 0.1, 1e-7, 123456789012345, 999999999999999, 4.9])
    sheet.write_column(0, 2, [True, False])
    for row, (number, shown) in enumerate(
        [
            *((43859, "yyyy-mm-dd"), (43859, 'yyyy"年"m"月"d"日"'), (43859.5, "yyyy-mm-dd hh:mm")),
            *((0.5, "0%"), (1234.5, '"¥"#,##0.00'), (20, '0"袋"'), (20, '0"days"')),
        ]
    ):
        sheet.write_number(row, 3, number, form({"num_format": shown}))
    sheet.write_formula("E1", "=1+1", None, 2)
    sheet.write_formula("E2", "=1/0", None, "#DIV/0!")
    sheet.write_rich_string("E3", "a", form({"bold": True}), "b", "c")
    sheet.write_comment("E3", "nobody's business")
    sheet.write_url("E4", "http://192.0.2.1/", string="link")
    sheet.merge_range("F1:F3", "merged")


def test_a_workbook_is_the_same_before_and_after_a_program_saved_it(
    tmp_path: Path, saved_as: Callable[[Path, str], bytes]
) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(made(fill))
    before = cells(path.read_bytes())
    assert before[1][4] == ["error", "#DIV/0!", "local"]
    # The program keeps a typed truth as a formula, `TRUE()`, and a truth of ODS as the number 1.
    as_xlsx = cells(saved_as(path, "xlsx"))
    assert [row[:2] + row[3:] for row in as_xlsx] == [row[:2] + row[3:] for row in before]
    as_ods = cells(saved_as(path, "ods"))
    assert [row[:2] + row[3:] for row in as_ods] == [row[:2] + row[3:] for row in before]


def test_no_cell_of_an_export_is_a_formula_to_a_program(
    tmp_path: Path, saved_as: Callable[[Path, str], bytes]
) -> None:
    exported = Exported(["title"], [{"title": text} for text in LIKE_FORMULAS], 0, 0)
    for name, content in (("a.xlsx", xlsx_bytes(exported)), ("b.csv", csv_bytes(exported))):
        path = tmp_path / name
        path.write_bytes(content)
        rows = cells(saved_as(path, "ods"))
        found = [cell for row in rows for cell in row if cell is not None]
        assert len(found) == len(LIKE_FORMULAS) + 1
        assert not any(isinstance(cell, list) and len(cell) > 2 for cell in found)
        if name == "a.xlsx":
            assert [unsafe(cell) for cell in found[1:]] == LIKE_FORMULAS
