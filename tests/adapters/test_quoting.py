"""No message quotes a cell, even where a row was taken for the names of columns. Threat 54."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.mapping_samples import HEADER, ROW, changed, plan_of, sheet_mapping, write_csv
from hutong_adapters.comparing import columns_of
from hutong_adapters.interface import FileRefused, MappingRefused
from together.sheets import write_table

PHONE = "13800138000"
NAME = "王小明"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_table_without_its_header_is_told_so_and_not_quoted(tmp_path: Path, form: str) -> None:
    row = [NAME, PHONE, *ROW[2:5], "x"]
    file = write_table(tmp_path / f"sheet.{form}", [row, [*row[:-1], "y"]])
    with pytest.raises((MappingRefused, FileRefused)) as refused:
        plan_of(sheet_mapping(tmp_path), file)
    said = str(refused.value)
    assert "has none of the columns that the mapping uses" in said
    assert not any(cell in said for cell in (PHONE, NAME, *ROW[2:4]))


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_name_of_a_column_that_is_personal_data_is_hidden(tmp_path: Path, form: str) -> None:
    extra = write_table(tmp_path / f"extra.{form}", [[*HEADER, PHONE], [*ROW, ""]])
    twice = write_table(tmp_path / f"twice.{form}", [[*HEADER, PHONE, PHONE], [*ROW, "", ""]])
    for file in (extra, twice):
        with pytest.raises((MappingRefused, FileRefused)) as refused:
            plan_of(sheet_mapping(tmp_path), file)
        assert "(hidden: cn_mobile)" in str(refused.value)
        assert PHONE not in str(refused.value)


def test_columns_that_the_node_remembers_have_no_personal_data(tmp_path: Path) -> None:
    mapping = sheet_mapping(tmp_path, changed('ignore = ["备注"]', f'ignore = ["备注", "{PHONE}"]'))
    plan = plan_of(mapping, write_csv(tmp_path, [[*HEADER, PHONE], [*ROW, ""]]))
    assert columns_of(plan) == [*HEADER, "(hidden: cn_mobile)"]
