"""Tables with hashtags (HXL) in every form of the samples, through the built-in mapping. Real data.

A row of who does what where is an offer of its organisation. What has no row of tags, or tags that
the mapping does not know, is refused as a whole and says what is missing.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from adapters.table_accounts import counts, lines, read, reasons
from hutong_adapters.interface import FileRefused
from hutong_adapters.mapping_load import BUILT_IN, load_mapping
from hutong_adapters.planning import Plan, Target, make_plan

UNTIL = "2035-12-31T23:59:59Z"


@pytest.fixture(scope="module")
def folder(data_folder: Path) -> Path:
    return data_folder / "hxl"


def plan_of_file(path: Path) -> Plan:
    return read("hxl-3w", path, valid_until=UNTIL)


def said(plan: Plan) -> list[tuple[object, object, object]]:
    """What the records of a plan say, in the order of the rows."""
    return [(each.draft.key, each.draft.facts, each.draft.text) for each in plan.drafts]


SAME = (
    *("input-valid.csv", "input-valid-latin1.csv", "input-valid.json"),
    *("input-valid-objects.json", "input-valid.xlsx"),
)


@pytest.mark.parametrize("name", SAME)
def test_one_table_in_five_forms_is_the_same_four_offers(folder: Path, name: str) -> None:
    if name.endswith("xlsx"):
        pytest.importorskip("python_calamine", reason="spreadsheets: python-calamine is missing")
    plan = plan_of_file(folder / name)
    assert counts(plan) == (4, 4, 0)
    assert said(plan) == said(plan_of_file(folder / "input-valid.csv"))


def test_targets_are_lines_by_group_and_their_place_is_a_code(folder: Path) -> None:
    plan = plan_of_file(folder / "input-valid.csv")
    found = [(line["id"], line["quantity"].get("value")) for line in lines(plan)]
    assert found == [
        *(("women", "100"), ("men", "100"), ("people", None), ("women", "250")),
        *(("men", "300"), ("women", "80"), ("men", "95")),
    ]
    places: list[Any] = [each.draft.facts["place"] for each in plan.drafts]
    assert [place["codes"][0]["code"] for place in places] == ["PA-7", "CO-CAU", "CO-CHO", "VE-Z"]
    assert [each.draft.facts["tags"] for each in plan.drafts] == [
        ["wsh"],
        ["hea"],
        ["edu"],
        ["wsh"],
    ]
    groups = [each.draft.facts.get("groups") for each in plan.drafts]
    assert groups[:2] == [[{"group": "women", "people": 100}], None]


def test_latin_1_is_told_and_reads_the_same_letters(folder: Path) -> None:
    plan = plan_of_file(folder / "input-valid-latin1.csv")
    assert plan.sheets[0].notes == ("input-valid-latin1.csv: was read as latin-1",)
    assert plan.drafts[2].draft.text["title"] == "UNICEF · Educación · Formación de enseñadores"


def test_a_merged_organisation_counts_for_both_of_its_rows(folder: Path) -> None:
    pytest.importorskip("python_calamine", reason="spreadsheets: python-calamine is missing")
    plan = plan_of_file(folder / "input-merged.xlsx")
    assert counts(plan) == (4, 4, 0)
    parties: list[Any] = [each.draft.text["parties"] for each in plan.drafts]
    assert [party["org"] for party in parties] == ["ACNUR", "UNICEF", "UNICEF", "OMS"]
    assert [line["quantity"]["value"] for line in lines(plan)] == [
        *("100", "100", "105", "110", "250", "300", "80", "95"),
    ]


@pytest.mark.parametrize("name", ["input-simple.csv", "input-date.csv"])
def test_one_row_for_women_and_one_for_men_are_two_offers(folder: Path, name: str) -> None:
    plan = plan_of_file(folder / name)
    with (folder / name).open(encoding="utf-8", newline="") as file:
        _, tags, *rows = csv.reader(file)
    assert counts(plan) == (8, 8, 0)
    sexes = {"Hombres": "men", "Mujeres": "women"}
    assert [line["id"] for line in lines(plan)] == [
        sexes[row[tags.index("#population+sex")]] for row in rows
    ]
    assert [line["quantity"].get("value", "") for line in lines(plan)] == [
        row[tags.index("#targeted")] for row in rows
    ]
    assert plan.sheets[0].passed == {"title": 1, "header": 1}


def test_a_date_stays_as_somebody_wrote_it(folder: Path) -> None:
    """03-18-14 and 19/3/15 stand in one column: people see that, a program would guess."""
    plan = plan_of_file(folder / "input-date.csv")
    notes = [each.draft.text["note"] for each in plan.drafts]
    assert (notes[1], notes[6]) == ("03-18-14", "19/3/15")


def test_an_activity_that_ended_is_no_offer(folder: Path) -> None:
    plan = plan_of_file(folder / "input-status.csv")
    assert counts(plan) == (8, 6, 2)
    assert [(each.row, each.cell) for each in plan.refused] == [
        *((7, "#status (H7)"), (8, "#status (H8)")),
    ]
    ((_, rule),) = reasons(plan)
    assert rule == (
        "is not in running "
        "(words for activities that go on; one that ended is no offer: leave it out)"
    )


def test_a_place_that_the_table_does_not_have_refuses_its_row(folder: Path, tmp_path: Path) -> None:
    text = (folder / "input-simple.csv").read_text("utf-8").replace("Los Santos", "Los Santoz")
    (tmp_path / "a.csv").write_text(text, "utf-8")
    plan = plan_of_file(tmp_path / "a.csv")
    assert counts(plan) == (8, 6, 2)
    assert [each.cell for each in plan.refused] == [
        *("#country (F3), #adm1 (G3)", "#country (F4), #adm1 (G4)"),
    ]
    assert all("hxl-provinces.csv" in each.rule for each in plan.refused)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("input-untagged.csv", "no row names all of #org, #sector, #adm1 "),
        ("input-multiline.csv", "no row names all of #org, #sector, #adm1 "),
        ("input-fuzzy.csv", "row 3 has #org, #sector, but not #adm1"),
        ("input-multiple-headers.csv", "row 3 has #org, #adm1, but not #sector"),
        ("wide-tagging-test.csv", "no row names all of #org, #sector, #adm1 "),
    ],
)
def test_a_table_without_its_tags_is_refused_with_the_row_that_comes_nearest(
    folder: Path, name: str, words: str
) -> None:
    """The wide one is a survey of a household, in 192 columns: nothing of it is an activity."""
    with pytest.raises(FileRefused, match=words) as refused:
        plan_of_file(folder / name)
    assert refused.value.name == "no-header"
    assert "[sheet.columns]" in refused.value.way_out


def test_of_two_sheets_the_mapping_says_which(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="spreadsheets: python-calamine is missing")
    with pytest.raises(FileRefused, match="input-quality-no-hxl, input-quality-hxl"):
        plan_of_file(folder / "input-quality.xlsx")
    text = (BUILT_IN / "hxl-3w.toml").read_text("utf-8")
    named = text.replace("[sheet]\n", '[sheet]\nsheets = ["input-quality-hxl"]\n', 1)
    (tmp_path / "mine.toml").write_text(named, "utf-8")
    for table in ("hxl-provinces.csv", "hxl-sectors.csv"):
        (tmp_path / table).write_bytes((BUILT_IN / table).read_bytes())
    target = Target(space="test", given={"valid_until": UNTIL}, may_guess=True)
    plan = make_plan(load_mapping(tmp_path / "mine.toml"), [folder / "input-quality.xlsx"], target)
    assert counts(plan) == (4, 4, 0)
