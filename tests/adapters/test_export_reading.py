"""An export that was edited is read back as it is meant, or refused with the cell to mend."""

from __future__ import annotations

import re
import zipfile
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from adapters.mapping_samples import write_csv
from hutong_adapters.export_columns import COLUMNS, LINE_COLUMNS, NUMBERS, Cells, safe
from hutong_adapters.export_reading import make_export_plan
from hutong_adapters.exporting import Exported, csv_bytes, thing_rows, write_file, xlsx_bytes
from hutong_adapters.grid import column_letters
from hutong_adapters.interface import MappingRefused
from hutong_adapters.planning import Plan
from hutong_protocol.ids import IdKind, format_id

IDS = [format_id(IdKind.RECORD, bytes([number]) * 32) for number in range(9)]
PHONE = "13800138000"
NEED: Cells = {
    "type": "need/1",
    "space": "xian-2021",
    "topic": "fsc",
    "title": "大米",
    "incident": IDS[0],
    "urgency": "high",
    "valid_until": "2098-12-31T00:00:00+08:00",
    "place_scheme": "CN-GB2260",
    "place_code": "610113",
    "line_number": "1",
    "line": "rice",
    "line_kind": "goods",
    "bound": "exact",
    "amount": "200",
    "unit": "kg",
}


def plan(folder: Path, *rows: Cells, columns: tuple[str, ...] = COLUMNS) -> Plan:
    table = [list(columns), *([safe(row.get(name, "")) for name in columns] for row in rows)]
    return make_export_plan([write_csv(folder, table)])


def test_rows_of_one_record_become_one_draft_in_whatever_order(tmp_path: Path) -> None:
    named = NEED | {"hutong_id": IDS[1], "hutong_revision": IDS[2]}
    oil = named | {"line_number": "2", "line": "oil", "amount": "5"}
    other = NEED | {"hutong_id": IDS[3]}
    found = plan(tmp_path, oil, other, named)
    assert found.refused == ()
    one, two = (each.draft for each in found.drafts)
    assert [line["id"] for line in one.facts["lines"]] == ["rice", "oil"]  # type: ignore[union-attr,index,call-overload]
    assert (one.thing, one.seen, two.thing) == (IDS[1], IDS[2], IDS[3])
    assert found.any_source
    again = plan(tmp_path, named, oil, other)
    assert [each.draft.key for each in again.drafts] == [one.key, two.key]


def test_a_row_without_an_id_is_a_new_record_with_the_lines_below_it(tmp_path: Path) -> None:
    oil = NEED | {"line": "oil", "line_number": ""}
    other = NEED | {"title": "面粉"}
    found = plan(tmp_path, NEED, oil, other)
    assert [(each.draft.thing, each.draft.text["title"]) for each in found.drafts] == [
        (None, "大米"),
        (None, "面粉"),
    ]
    again = plan(tmp_path, other, NEED, oil)
    assert {each.draft.key for each in again.drafts} == {each.draft.key for each in found.drafts}


@pytest.mark.parametrize(
    ("edit", "cell"),
    [
        ({"amount": "二百"}, "amount"),
        ({"urgency": "soon"}, "urgency"),
        ({"title": ""}, "title"),
        ({"more": "{"}, "more"),
        ({"hutong_id": "rec-x"}, "hutong_id"),
        ({"title": f"请打 {PHONE}"}, "title"),
        ({"type": "post/1"}, ""),
    ],
)
def test_what_is_edited_wrongly_is_refused_with_its_cell(
    tmp_path: Path, edit: Cells, cell: str
) -> None:
    found = plan(tmp_path, NEED | edit, NEED | {"title": "面粉"})
    assert [each.draft.text["title"] for each in found.drafts] == ["面粉"]
    refusal = found.refused[0]
    assert (refusal.row, refusal.cell.startswith(cell)) == (2, True)
    assert PHONE not in str(refusal)


def test_a_table_that_is_no_export_stops(tmp_path: Path) -> None:
    with pytest.raises(MappingRefused, match="lacks columns of an export: more"):
        plan(tmp_path, NEED, columns=COLUMNS[:-1])
    with pytest.raises(MappingRefused, match='no export has: "备注"'):
        plan(tmp_path, NEED, columns=(*COLUMNS, "备注"))
    assert plan(tmp_path, NEED, columns=(*COLUMNS, *NUMBERS)).refused == ()


def told(**text: str) -> dict[str, object]:
    """A thing as a node tells it."""
    author = {"id": "org-x", "name": "妇源汇"}
    thing = {"id": IDS[1], "type": "org/1", "space": "s", "topic": "base", "author": author}
    return {"thing": thing | {"steward": author}, "revision": IDS[1], "facts": {"kind": "ngo"},
            "text": text, "lines": []}  # fmt: skip


def test_text_of_others_that_looks_like_personal_data_is_left_out(tmp_path: Path) -> None:
    """Spec 13.4.6; the desk of an organisation is meant to be called."""
    whole = told(title="妇源汇", note=f"请打 {PHONE}")
    whole["text"] |= {"desk": {"phone": PHONE}}  # type: ignore[operator]
    rows = thing_rows(whole, numbers=False)
    (row,) = rows
    assert (row.get("note", ""), row["hidden"]) == ("", "note: cn_mobile")
    exported = Exported([*COLUMNS, "hidden"], rows, 1, 1)
    assert csv_bytes(exported).decode().count(PHONE) == 1
    write_file(tmp_path / "out.xlsx", xlsx_bytes(exported), replace=False)
    assert make_export_plan([tmp_path / "out.xlsx"]).drafts[0].draft.text["desk"] == {
        "phone": PHONE
    }


def edited_workbook(folder: Path, **edits: object) -> Path:
    """An exported workbook in which somebody typed into cells of its first row."""
    path = folder / "out.xlsx"
    rows = [NEED | {"hutong_id": IDS[1]}, NEED | {"hutong_id": IDS[1], "line": "oil"}]
    rows[1]["line_number"] = "2"
    with xlsxwriter.Workbook(path) as book:
        dated = book.add_format({"num_format": "yyyy-mm-dd"})
        page = book.add_worksheet("hutong")
        page.write_row(0, 0, COLUMNS)
        for number, row in enumerate(rows, start=1):
            for place, column in enumerate(COLUMNS):
                shared = number == 1 or column not in LINE_COLUMNS
                value = edits.get(column) if shared and column in edits else row.get(column, "")
                if isinstance(value, date):
                    page.write_datetime(number, place, value, dated)
                else:
                    page.write(number, place, value)
    return path


def test_cells_of_an_exported_workbook_are_formatted_as_text(tmp_path: Path) -> None:
    """So that what is typed into one stays as it was typed, in empty cells and new rows too."""
    path = tmp_path / "out.xlsx"
    write_file(path, xlsx_bytes(Exported([*COLUMNS], [NEED], 1, 0)), replace=False)
    with zipfile.ZipFile(path) as book:
        assert 'formatCode="@"' in book.read("xl/styles.xml").decode()
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert len(re.findall(r"<c ", sheet)) == len(re.findall(r'<c [^>]*s="1"', sheet))
    assert re.search(rf'<col min="1" max="{len(COLUMNS)}" [^>]*style="1"', sheet)


def test_number_typed_into_an_exported_workbook_is_the_amount(tmp_path: Path) -> None:
    found = make_export_plan([edited_workbook(tmp_path, amount=250)])
    assert [str(each) for each in found.refused] == []
    lines = found.drafts[0].draft.facts["lines"]
    assert lines[0]["quantity"]["value"] == "250"  # type: ignore[index,call-overload]
    assert type(lines[0]["quantity"]["value"]) is str  # type: ignore[index,call-overload]
    (again,) = make_export_plan([edited_workbook(tmp_path, amount=0.5)]).drafts
    assert again.draft.facts["lines"][0]["quantity"]["value"] == "0.5"  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("column", "value"),
    [("amount", -3), ("line_kind", "things"), ("place_code", "\n"), ("bound", "x")],
)
def test_objection_to_a_field_of_a_line_names_its_own_cell(
    tmp_path: Path, column: str, value: object
) -> None:
    (refusal, *_) = make_export_plan([edited_workbook(tmp_path, **{column: value})]).refused
    letter = column_letters(COLUMNS.index(column))
    assert (refusal.row, refusal.cell) == (2, f"{column} ({letter}2)")


def test_line_that_stands_below_its_successor_is_refused_by_its_own_cell(tmp_path: Path) -> None:
    """Lines go by their numbers, whatever order the rows are sorted in."""
    named = NEED | {"hutong_id": IDS[1], "line_number": "2", "line": "oil"}
    first = named | {"line_number": "1", "line": "rice", "amount": "二百"}
    (refusal,) = plan(tmp_path, named, first).refused
    assert (refusal.field, refusal.cell) == ("lines[0].quantity.value", "amount")


@pytest.mark.parametrize("typed", [date(2035, 1, 31), "2035/1/31", "2035年1月31日"])
def test_date_without_an_offset_is_refused_with_the_way_out(tmp_path: Path, typed: object) -> None:
    (refusal,) = make_export_plan([edited_workbook(tmp_path, valid_until=typed)]).refused
    assert refusal.cell.startswith("valid_until (")
    assert "another moment in each zone" in refusal.way_out
    assert "+0" in refusal.way_out
