"""An export that was edited is read back as it is meant, or refused with the cell to mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.mapping_samples import write_csv
from hutong_adapters.export_columns import COLUMNS, NUMBERS, Cells, safe
from hutong_adapters.export_reading import make_export_plan
from hutong_adapters.exporting import Exported, csv_bytes, thing_rows, write_file, xlsx_bytes
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
        ({"amount": "二百"}, "line"),
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
