"""A copy of a file with the ids of its records: nothing else changes, and rows are known again."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.mapping_samples import HEADER, ROW, plan_of, sheet_mapping, write_csv
from hutong_adapters.csv_cells import records, with_cells
from hutong_adapters.interface import FileRefused
from hutong_adapters.write_back import check_out, write_ids
from hutong_protocol.ids import IdKind, format_id
from together.sheets import write_table

IDS = [format_id(IdKind.RECORD, bytes([number]) * 32) for number in range(9)]
ROWS = [["A-1", *ROW[1:]], ["A-2", *ROW[1:]], ["A-3", *ROW[1:]]]

cells = st.lists(
    st.lists(st.text(st.sampled_from('ab,;"\r\n \t大'), max_size=5), min_size=1, max_size=4),
    max_size=5,
)


@given(st.text(st.sampled_from('ab,"\r\n大'), max_size=20))
@example('a,"b\r\n""c"\r\rd')
@example('"a"b,c')
@example("a,")
def test_fields_are_where_the_parser_of_tables_finds_them(text: str) -> None:
    try:
        parsed = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return
    found = records(text, ",")
    assert [len(each) or 1 for each in parsed] == [len(each.fields) for each in found]
    for row, record in zip(parsed, found, strict=True):
        for cell, (begins, end) in zip(row or [""], record.fields, strict=True):
            plain = text[begins:end]
            assert cell == (plain[1:-1].replace('""', '"') if plain.startswith('"') else plain)


@given(cells, st.booleans())
def test_a_cell_added_to_each_record_is_read_and_the_rest_stays(
    rows: list[list[str]], quoted: bool
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL) if quoted else csv.writer(out)
    writer.writerows(rows)
    text = out.getvalue()
    added = {(place, len(row)): f"id-{place}" for place, row in enumerate(rows)}
    changed = with_cells(text, ",", added)
    parsed = list(csv.reader(io.StringIO(changed, newline=""), strict=True))
    assert parsed == [[*row, f"id-{place}"] for place, row in enumerate(rows)]
    for place in range(len(rows)):
        changed = changed.replace(f",id-{place}", "", 1)
    assert changed == text


def written(folder: Path, file: Path, out: str, ids: dict[int, str]) -> Path:
    """The copy of a file whose rows became these records."""
    plan = plan_of(sheet_mapping(folder), file)
    path = folder / out
    write_ids(plan, file, path, {(file.name, number): thing for number, thing in ids.items()})
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_of_csv_no_other_byte_changes(tmp_path: Path, encoding: str) -> None:
    file = write_csv(tmp_path, [HEADER, *ROWS])
    text = file.read_bytes().decode("utf-8")
    # A blank line, a field over two lines, and no line end at the last one.
    text = text.replace('"A-2"', '\r\n"A-2"').replace("大米", '大""米\n', 1).rstrip("\r\n")
    file.write_bytes(text.encode(encoding))
    before = file.read_bytes()
    out = written(tmp_path, file, "out.csv", {2: IDS[1], 5: IDS[2]})
    assert file.read_bytes() == before
    after = out.read_bytes()
    for inserted in (",hutong_id", f",{IDS[1]}", f",{IDS[2]}"):
        piece = inserted.encode("utf-16-le") if encoding == "utf-16" else inserted.encode("ascii")
        assert after.count(piece) == 1
        after = after.replace(piece, b"")
    comma = ",".encode("utf-16-le") if encoding == "utf-16" else b","
    assert len(after) - len(before) == len(comma)  # the row in between got an empty cell
    plan = plan_of(sheet_mapping(tmp_path), out)
    assert [each.draft.thing for each in plan.drafts] == [IDS[1], None, IDS[2]]
    assert plan.refused == ()


STYLES = [
    (encoding, ending, quoted, delimiter, last)
    for encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16-le", "utf-16-be")
    for ending in ("\r\n", "\n", "\r")
    for quoted in (True, False)
    for delimiter in (",", "\t")
    for last in (True, False)
]


@pytest.mark.parametrize("style", STYLES)
def test_of_every_style_of_csv_only_the_new_cells_are_new(
    tmp_path: Path, style: tuple[str, str, bool, str, bool]
) -> None:
    """Encodings, line ends, quotes, delimiters, with and without a line end at the last row."""
    encoding, ending, quoted, delimiter, last = style
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator=ending,
        quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL,
    )
    writer.writerows([HEADER, ROWS[0], [], ["A-2", *ROW[1:2], '大"米\n, 面\t', *ROW[3:]], ROWS[2]])
    said = text.getvalue() if last else text.getvalue().removesuffix(ending)
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")
    file = tmp_path / ("needs.csv" if delimiter == "," else "needs.tsv")
    file.write_bytes(mark + said.encode(encoding))
    out = written(tmp_path, file, f"out{file.suffix}", {2: IDS[1], 4: IDS[2], 5: IDS[3]})
    after = out.read_bytes()
    for new in ("hutong_id", IDS[1], IDS[2], IDS[3]):
        cell = (delimiter + new).encode(encoding.removesuffix("-sig"))
        assert after.count(cell) == 1
        after = after.replace(cell, b"")
    assert after == file.read_bytes()
    plan = plan_of(sheet_mapping(tmp_path), out)
    assert [each.draft.thing for each in plan.drafts] == IDS[1:4]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_file_that_was_sorted_meanwhile_gets_no_ids(tmp_path: Path, form: str) -> None:
    """Ids beside the rows of others would let the next import revise those."""

    def write(rows: list[list[str]]) -> Path:
        return write_table(tmp_path / f"needs.{form}", [HEADER, *rows])

    file = write(ROWS)
    plan = plan_of(sheet_mapping(tmp_path), file)
    things = {(file.name, number): IDS[number] for number in (2, 3, 4)}
    write(ROWS[::-1])
    out = tmp_path / f"out.{form}"
    with pytest.raises(FileRefused, match="was changed while it was imported"):
        write_ids(plan, file, out, things)
    assert not out.exists()
    write(ROWS)
    write_ids(plan, file, out, things)
    assert out.exists()


def test_an_empty_column_that_is_there_is_filled(tmp_path: Path) -> None:
    rows = [["hutong_id", *HEADER], [IDS[1], *ROWS[0]], ["", *ROWS[1]]]
    file = write_csv(tmp_path, rows)
    out = written(tmp_path, file, "out.csv", {2: IDS[1], 3: IDS[2]})
    found = list(csv.reader(io.StringIO(out.read_bytes().decode("utf-8"), newline="")))
    assert [row[0] for row in found] == ["hutong_id", IDS[1], IDS[2]]
    assert [row[1:] for row in found] == [row[1:] for row in rows]


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as book:
        return {name: book.read(name) for name in book.namelist()}


def test_of_a_workbook_no_other_cell_changes(tmp_path: Path) -> None:
    file = tmp_path / "needs.xlsx"
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("物资")
        bold = book.add_format({"bold": True})
        for number, row in enumerate([HEADER, *ROWS]):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell, bold if not number else None)
            sheet.write_blank(number, 12, None, bold)
    before = file.read_bytes()
    out = written(tmp_path, file, "out.xlsx", {2: IDS[1], 4: IDS[3]})
    assert file.read_bytes() == before
    old, new = parts(file), parts(out)
    assert old.keys() == new.keys()
    changed = [name for name in old if old[name] != new[name]]
    assert changed == ["xl/worksheets/sheet1.xml"]
    assert new[changed[0]].count(b"inlineStr") == 3
    plan = plan_of(sheet_mapping(tmp_path), out)
    assert [str(refusal) for refusal in plan.refused] == []
    assert [each.draft.thing for each in plan.drafts] == [IDS[1], None, IDS[3]]
    again = written(tmp_path, out, "again.xlsx", {2: IDS[1], 3: IDS[2], 4: IDS[3]})
    plan = plan_of(sheet_mapping(tmp_path), again)
    assert [each.draft.thing for each in plan.drafts] == [IDS[1], IDS[2], IDS[3]]


def test_a_file_is_never_written_over_and_its_form_is_kept(tmp_path: Path) -> None:
    file = write_csv(tmp_path, [HEADER, *ROWS])
    other = write_csv(tmp_path, [HEADER, *ROWS], "other.csv")
    for files, out in (
        ([file], file),
        ([file], tmp_path / "out.xlsx"),
        ([file, other], tmp_path / "out.csv"),
        ([tmp_path], tmp_path / "out.csv"),
        ([tmp_path / "rows.json"], tmp_path / "out.json"),
        ([file], tmp_path / "nowhere" / "out.csv"),
    ):
        with pytest.raises(FileRefused):
            check_out(files, out)
    check_out([file], tmp_path / "out.csv")
