"""Rows are read as they stand, and a file that can't be read to its end is refused whole.

Threats 41 and 42, and the file limits of 37 and 38.
"""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mapping_samples import write_csv
from hutong_adapters import rows as rows_module
from hutong_adapters.columns import column_text, parse_column, unmentioned
from hutong_adapters.interface import FileRefused, Number, Row
from hutong_adapters.rows import Form, Sheet, read_sheet


def read(folder: Path, data: bytes, name: str = "a.csv", form: Form | None = None) -> Sheet:
    path = folder / name
    path.write_bytes(data)
    return read_sheet(path, form or Form())


def cells(sheet: Sheet) -> list[dict[str, object]]:
    return [dict(row.cells) for row in sheet.rows]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_csv_is_read_with_and_without_a_byte_order_mark(
    tmp_path: Path, mark: bytes, end: bytes
) -> None:
    sheet = read(tmp_path, mark + end.join([b"a,\xe7\x89\xa9", b"1,x", b""]))
    assert cells(sheet) == [{"a": "1", "物": "x"}]


def test_quoted_cells_keep_line_ends_commas_and_quotes(tmp_path: Path) -> None:
    sheet = read(tmp_path, b'a,b\r\n"x\r\ny","1,""2"""\r\n')
    assert cells(sheet) == [{"a": "x\r\ny", "b": '1,"2"'}]


def test_rows_are_counted_as_a_sheet_counts_them(tmp_path: Path) -> None:
    sheet = read(tmp_path, b'a\n"1\n2"\n\n ,\n3\n')
    assert [(row.number, row.cells["a"]) for row in sheet.rows] == [(2, "1\n2"), (5, "3")]
    assert sheet.blank == 2


def test_a_row_with_too_many_or_too_few_cells_is_refused_and_the_others_stay(
    tmp_path: Path,
) -> None:
    sheet = read(tmp_path, b"a,b\n1,2\n3\n4,5,6\n7,8\n")
    assert [row.number for row in sheet.rows] == [2, 5]
    assert [(each.row, each.rule.split(" (")[0]) for each in sheet.refused] == [
        (3, "has 1 cells, the header 2"),
        (4, "has 3 cells, the header 2"),
    ]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b'a,b\n1,"2\n3,4\n5,6\n', "is no CSV from line 2 on"),
        (b'a,b\n1,"2"x\n', "is no CSV from line 2 on"),
        (b"a\n" + b"x" * 140_000 + b"\n", "is no CSV from line 2 on"),
        (b"a\n1\0\n", "has a NUL character (line 2)"),
        (b"a\n\xed\xa0\x80\n", "is neither UTF-8 (line 2) nor GB18030 (line 2)"),
        (b"a,b,a\n1,2,3\n", "has a column twice: a"),
        (b"", "is empty"),
        (b",".join(b"c%d" % n for n in range(201)) + b"\n", "has 201 columns"),
    ],
)
def test_a_file_that_is_no_csv_is_refused_whole(tmp_path: Path, data: bytes, rule: str) -> None:
    """Threat 41."""
    with pytest.raises(FileRefused) as refused:
        read(tmp_path, data)
    assert refused.value.rule.startswith(rule)
    assert str(tmp_path) not in str(refused.value)


def test_a_column_without_a_name_is_called_by_its_place(tmp_path: Path) -> None:
    sheet = read(tmp_path, b",a\n0,x\n")
    assert cells(sheet) == [{"(column 1)": "0", "a": "x"}]


def test_json_numbers_stay_the_characters_that_were_written(tmp_path: Path) -> None:
    """Threat 42: 1.0 is no integer, and no digit of a long number is lost."""
    data = b'[{"a": 1.0, "b": 1e400, "c": 12345678901234567890.5, "d": -0, "e": true}]'
    (found,) = cells(read(tmp_path, data, "a.json"))
    assert found == {"a": "1.0", "b": "1e400", "c": "12345678901234567890.5", "d": "-0", "e": True}
    assert all(isinstance(found[name], Number) for name in "abcd")


def test_an_array_inside_of_an_object_is_found_by_its_pointer(tmp_path: Path) -> None:
    data = b'{"data": {"rows": [{"a": 1}]}}'
    sheet = read(tmp_path, data, "a.json", Form(at=("data", "rows")))
    assert cells(sheet) == [{"a": "1"}]
    with pytest.raises(FileRefused, match="no array of rows"):
        read(tmp_path, data, "a.json")


def test_json_lines_are_numbered_by_line(tmp_path: Path) -> None:
    sheet = read(tmp_path, '{"a": "x\u2028y"}\n\n{"a": 2}\n'.encode(), "a.jsonl")
    assert [(row.number, row.cells["a"]) for row in sheet.rows] == [(1, "x\u2028y"), (3, "2")]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b'[{"a": 1, "a": 2}]', "has an object with a key twice"),
        (b'[{"a": NaN}]', "is no JSON: NaN is no number"),
        (b'[{"a": -Infinity}]', "is no JSON: -Infinity is no number"),
        (b'[{"a": 01}]', "is no JSON"),
        (b'[{"a": "x"}', "is no JSON"),
        (b'[{"a": ' + b"[" * 20 + b"]" * 20 + b"}]", "is nested deeper than"),
        (b'[{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "is nested deeper than"),
        (b"[" + b"{}," * 20_000 + b"{}]", "has more than 20000 rows"),
    ],
)
def test_a_file_that_is_no_json_is_refused_whole(tmp_path: Path, data: bytes, rule: str) -> None:
    """Threat 47, for files."""
    with pytest.raises(FileRefused) as refused:
        read(tmp_path, data, "a.json")
    assert refused.value.rule.startswith(rule)


@pytest.mark.parametrize(
    ("value", "cell", "rule"),
    [
        ('"x\\u0000"', "a", "has a NUL character"),
        ('"\\ud800"', "a", "has half of a character (a lone surrogate)"),
        ('{"b/c": ["\\udfff"]}', "/a/b~1c/0", "has half of a character (a lone surrogate)"),
        ('"' + "x" * 65_537 + '"', "a", "has 65537 characters, more than 65536"),
    ],
)
def test_a_row_that_no_record_could_hold_is_refused_with_its_cell(
    tmp_path: Path, value: str, cell: str, rule: str
) -> None:
    data = f'[{{"a": 1}}, {{"a": {value}}}, 3]'.encode()
    sheet = read(tmp_path, data, "a.json")
    assert [row.number for row in sheet.rows] == [1]
    assert [(each.row, each.cell, each.rule) for each in sheet.refused] == [
        (2, cell, rule),
        (3, "", "is no object with columns"),
    ]


def test_a_file_is_not_opened_when_it_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "FILE_BYTES_MAX", 3)
    with pytest.raises(FileRefused, match="is 4 bytes, more than 3"):
        read(tmp_path, b"a\n1\n")


@pytest.mark.parametrize(
    ("name", "sign"),
    [("a.csv", b","), ("a.csv", b"\n"), ("a.json", b"1,"), ("a.json", b"{},"), ("a.jsonl", b"\n")],
)
def test_a_file_of_nothing_but_separators_costs_no_more_than_reading_it(
    tmp_path: Path, name: str, sign: bytes
) -> None:
    """64 MiB of `1,` were 33 million values: seven gigabytes and a minute."""
    data = b"[" + sign * 4_000_001 + b"1]"
    tracemalloc.start()
    try:
        with pytest.raises(FileRefused) as refused:
            read(tmp_path, data, name)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refused.value.name == "too-many"
    assert peak_bytes < 4 * len(data)


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b'a,b\n1,"2\n', "a.csv", "broken-csv"),
        (b"a\n" + b"x" * 131_073, "a.csv", "broken-csv"),
        (b"a\n" + b"1\n" * 20_001, "a.csv", "too-many-rows"),
        (b"," * 200, "a.csv", "too-many-columns"),
        (b"a,a\n", "a.csv", "column-twice"),
        (b"", "a.csv", "empty"),
        (b"{}", "a.json", "no-rows"),
        (b"[", "a.json", "broken-json"),
        (b"[" * 100_000, "a.json", "too-deep"),
        (b'{"a":1}\n' * 20_001, "a.jsonl", "too-many-rows"),
        (b"{}", "a.dat", "not-read"),
    ],
)
def test_a_file_that_is_refused_is_refused_by_name_with_a_way_out(
    tmp_path: Path, data: bytes, name: str, reason: str
) -> None:
    with pytest.raises(FileRefused) as refused:
        read(tmp_path, data, name)
    assert refused.value.name == reason
    assert refused.value.way_out


def test_an_unknown_ending_and_a_missing_file_are_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="format"):
        read(tmp_path, b"a\n", "a.data")
    assert read(tmp_path, b"a\n1\n", "a.data", Form("csv")).rows
    with pytest.raises(FileRefused, match="can't be opened"):
        read_sheet(tmp_path / "none.csv", Form())


plain = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(st.lists(st.lists(plain, min_size=2, max_size=2), min_size=1, max_size=8))
def test_any_text_comes_out_of_csv_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]
) -> None:
    path = write_csv(tmp_path_factory.mktemp("csv"), [["a", "b"], *table])
    sheet = read_sheet(path, Form())
    expected = [row for row in table if any(cell.strip() for cell in row)]
    assert [[row.cells["a"], row.cells["b"]] for row in sheet.rows] == expected


@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.json", "a.jsonl"]))
def test_any_bytes_are_rows_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    refused = ""
    rows: tuple[Row, ...] = ()
    try:
        rows = read(folder, data, name).rows
    except FileRefused as error:
        refused = error.file
    assert refused in ("", name)
    assert all(row.cells for row in rows)


def test_nested_columns_are_named_from_the_outside_in(tmp_path: Path) -> None:
    rows = [{"a": 1, "b": {"c/d": 2, "e": {}}, "f": [{"g": 1}, {"h": 2}], "i": [1], "j": []}]
    sheet = read(tmp_path, json.dumps(rows).encode(), "a.json")
    names = [column_text(column) for column in sheet.columns]
    assert names == ["a", "/b/c~1d", "/b/e", "/f/*/g", "/f/*/h", "i", "j"]
    assert [parse_column(name) for name in names] == list(sheet.columns)


def test_a_mention_covers_what_is_inside_and_nothing_beside_it() -> None:
    columns = [("a",), ("b", "c"), ("b", "d"), ("e", "*", "f")]
    assert unmentioned(columns, [("b",), ("e", "*", "g")]) == [("a",), ("e", "*", "f")]
    assert unmentioned([("e",)], [("e", "*", "g")]) == []


@given(st.text())
def test_a_pointer_is_read_as_it_was_written(name: str) -> None:
    assert parse_column(column_text((name, "x"))) == (name, "x")
