"""Services, divisions, equipment and free text of other projects: what is read, and what is not.

Through the built-in mappings, with real data. A table that holds no needs and no offers is either a
table for lookups or is refused, whole or row by row, with the reason.
"""

from __future__ import annotations

import csv
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.mapping_samples import (
    HEADER,
    ROW,
    changed,
    only_refusal,
    plan_of,
    sheet_mapping,
    write_csv,
)
from adapters.table_accounts import counts, csv_rows, elements, lines, read, reasons
from hutong_adapters.interface import FileRefused, MappingRefused
from hutong_adapters.mapping_load import BUILT_IN, built_in_names, load_mapping
from hutong_adapters.summary import plan_words, refused_words

GB = {"country": "GB", "valid_until": "2035-12-31T23:59:59Z"}

# --- HSDS: services and organisations


@pytest.mark.parametrize("name", ["services.csv", "service_list.json"])
def test_a_service_is_a_standing_offer(data_folder: Path, name: str) -> None:
    plan = read("hsds-services", data_folder / "hsds" / name, **GB)
    assert counts(plan) == (1, 1, 0)
    (drafted,) = plan.drafts
    facts, text = drafted.draft.facts, drafted.draft.text
    assert (facts["standing"], text["title"]) == (True, "Community Counselling")
    assert [(line["kind"], line["quantity"]) for line in lines(plan)] == [
        ("service", {"bound": "unknown"})
    ]
    assert dict(drafted.draft.sensitive) == {"email": "email@example.com"}
    assert "email" not in str(text)


def test_a_service_in_a_csv_and_in_json_says_the_same(data_folder: Path) -> None:
    table, answer = (
        read("hsds-services", data_folder / "hsds" / name, **GB).drafts[0].draft
        for name in ("services.csv", "service_list.json")
    )
    assert (table.key, table.facts, table.text) == (answer.key, answer.facts, answer.text)


def test_a_service_that_is_closed_is_no_offer(data_folder: Path, tmp_path: Path) -> None:
    text = (data_folder / "hsds" / "services.csv").read_text("utf-8")
    (tmp_path / "services.csv").write_text(text.replace(",active,", ",defunct,"), "utf-8")
    plan = read("hsds-services", tmp_path / "services.csv", **GB)
    assert counts(plan) == (1, 0, 1)
    assert list(reasons(plan)) == [
        (
            "status",
            "is not in active (only a service that is running is an offer: leave the others out)",
        )
    ]


@pytest.mark.parametrize("name", ["organizations.csv", "organization_list.json"])
def test_an_organisation_is_a_card(data_folder: Path, name: str) -> None:
    plan = read("hsds-organizations", data_folder / "hsds" / name, kind="ngo")
    assert counts(plan) == (1, 1, 0)
    (drafted,) = plan.drafts
    assert drafted.draft.facts == {
        "kind": "ngo",
        "ext_ids": [{"scheme": "hsds", "id": "d9d5e0f5-d3ce-4f73-9a2f-4dd0ecc6c610"}],
    }
    assert drafted.draft.text["desk"] == {"url": "http://example.com"}
    assert set(drafted.draft.sensitive) == {"email"}


def test_the_other_tables_of_hsds_are_parts_of_a_service_and_stop_the_import(
    data_folder: Path,
) -> None:
    """They name services by id only, and a mapping joins no files."""
    for name in (
        *("schedules.csv", "locations.csv", "service_at_location.csv", "taxonomies.csv"),
        *("taxonomy_terms.csv", "service_at_location_list.json"),
    ):
        with pytest.raises(MappingRefused) as stopped:
            read("hsds-services", data_folder / "hsds" / name, **GB)
        assert any("which the mapping uses" in problem for problem in stopped.value.problems)


# --- Divisions of China: no needs, but codes


def test_a_list_of_divisions_is_no_list_of_needs_and_stops_the_import(data_folder: Path) -> None:
    for name in ("areas.csv", "cities.csv", "provinces.csv"):
        with pytest.raises(MappingRefused) as stopped:
            read("harvey-needs", data_folder / "china-divisions" / name)
        assert stopped.value.problems == (
            f'{name}: has none of the columns that the mapping uses ("id", "need"). Is it the '
            "mapping for this file? `hutong adapter list` names the built-in ones",
        )
    with pytest.raises(FileRefused, match="the file is no array of rows"):
        read("harvey-needs", data_folder / "china-divisions" / "HK-MO-TW.json")


DIVIDED = changed(
    "[lookups.units]",
    '[lookups.districts]\nabout = "areas.csv: districts and counties by code"\n'
    'file = "areas.csv"\nkey = "code"\n[lookups.units]',
)
DIVIDED = changed(
    "[text]\n",
    '[text]\nplace_name = { from = "区县", lookup = "districts", value = "name" }\n',
    DIVIDED,
)


def test_divisions_are_a_table_by_which_codes_are_known_and_named(
    data_folder: Path, tmp_path: Path
) -> None:
    shutil.copy(data_folder / "china-divisions" / "areas.csv", tmp_path)
    areas = csv_rows(tmp_path / "areas.csv")
    assert len(areas) == 2_978
    mapping = sheet_mapping(tmp_path, DIVIDED)
    rows = [[f"A-{n}", area["code"], *ROW[2:]] for n, area in enumerate(areas[::30])]
    plan = plan_of(mapping, write_csv(tmp_path, [HEADER, *rows]))
    assert counts(plan) == (100, 100, 0)
    assert [each.draft.text["place_name"] for each in plan.drafts] == [
        area["name"] for area in areas[::30]
    ]
    refusal = only_refusal(
        plan_of(mapping, write_csv(tmp_path, [HEADER, [ROW[0], "999999", *ROW[2:]]]))
    )
    assert (refusal.cell, refusal.field) == ("区县", "text.place_name")
    assert refusal.rule == "is not in districts (areas.csv: districts and counties by code)"


def test_names_of_districts_alone_are_no_key_of_the_table(
    data_folder: Path, tmp_path: Path
) -> None:
    """28 names stand more than once in the country, 8 of them in one province."""
    shutil.copy(data_folder / "china-divisions" / "areas.csv", tmp_path)
    text = DIVIDED.replace('key = "code"', 'key = "name"')
    with pytest.raises(MappingRefused, match=r"lookups\.districts: has the key .* twice"):
        sheet_mapping(tmp_path, text)


# --- Harvey: pieces of text


def test_pieces_of_a_text_are_refused_one_by_one_and_told_in_one_line(data_folder: Path) -> None:
    path = data_folder / "harvey" / "ignored_needs.json"
    plan = read("harvey-needs", path)
    rows = len(elements(path))
    assert counts(plan) == (rows, 0, rows) == (108, 0, 108)
    rule = (
        "is not in single_goods "
        "(relief-goods-en.csv: names of single goods; no sentences, lists or times)"
    )
    assert reasons(plan) == {("need", rule): 108}
    assert refused_words(plan.refused, 20) == [
        f"ignored_needs.json, 108 rows (1-108), need: {rule} [lines[0].id] "
        "(add it to the table, or say with `unlisted` what to do)"
    ]


def test_a_piece_that_is_one_good_is_a_need_that_waits(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"id": 1, "need": "Laundry  detergent", "created_at": "", "updated_at": ""}]')
    plan = read("harvey-needs", path)
    assert [line["id"] for line in lines(plan)] == ["laundry-detergent"]
    assert plan.mapping.screening


# --- Protective equipment in the USA


def implausible(rows: list[dict[str, str]], column: str) -> int:
    """How many rows have a number above a million."""
    return sum(Decimal(row[column]) > 1_000_000 for row in rows)


def test_every_donor_of_ppe_match_is_an_offer_and_absurd_numbers_are_marked(
    data_folder: Path,
) -> None:
    path = data_folder / "ppe-match" / "anon_donors.csv"
    plan, rows = read("ppe-match-donors", path), csv_rows(path)
    assert counts(plan) == (len(rows), len(rows), 0) == (1_658, 1_658, 0)
    found = [Decimal(line["quantity"]["value"]) for line in lines(plan)]
    assert found == [Decimal(row["qty"]) for row in rows]
    marked = [each for each in plan.drafts if each.draft.marks]
    assert {mark.what for each in marked for mark in each.draft.marks} == {"quantity-implausible"}
    assert len(marked) == implausible(rows, "qty") == 33
    assert len({line["id"] for line in lines(plan)}) == 17
    assert "33 rows to be looked at: 33 quantity-implausible" in plan_words(plan)


def test_recipients_are_more_than_one_import_takes_and_come_in_parts(
    data_folder: Path, tmp_path: Path
) -> None:
    path = data_folder / "ppe-match" / "anon_recipients.csv"
    with pytest.raises(FileRefused, match="has more than 20000 rows"):
        read("ppe-match-recipients", path)
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert len(rows) == 31_202
    part = write_csv(tmp_path, [header, *rows[::20]])
    plan = read("ppe-match-recipients", part)
    assert counts(plan) == (1_561, 1_561, 0)
    found = [Decimal(line["quantity"]["value"]) for line in lines(plan)]
    assert found == [Decimal(row[4]) for row in rows[::20]]
    assert {row[3] for row in rows} <= {row["word"] for row in csv_rows(BUILT_IN / "ppe-items.csv")}


def test_offers_to_getusppe_are_refused_for_a_state_that_is_none_or_a_negative_number(
    data_folder: Path,
) -> None:
    path = data_folder / "getusppe" / "all_offers.csv"
    plan, rows = read("getusppe-offers", path), csv_rows(path)
    states = {row["word"].casefold() for row in csv_rows(BUILT_IN / "us-states.csv")}
    nowhere = [row for row in rows if row["stateprovince"].casefold() not in {"", *states}]
    negative = [row for row in rows if Decimal(row["qty"]) < 0]
    both = [row for row in nowhere if row in negative]
    assert (len(rows), len(nowhere), len(negative), len(both)) == (4_966, 60, 31, 1)
    assert counts(plan) == (4_966, 4_876, 90)
    assert reasons(plan) == {
        (
            "stateprovince",
            "is not in states "
            "(us-states.csv: states and territories of the USA, by name or two letters)",
        ): 60,
        ("qty", "is no number in plain digits"): 31,
    }
    assert sum(bool(each.draft.marks) for each in plan.drafts) == 43


def test_an_offer_without_a_state_is_of_the_country_and_small_letters_are_a_state(
    data_folder: Path,
) -> None:
    plan = read("getusppe-offers", data_folder / "getusppe" / "all_offers.csv")
    places: dict[str, Any] = {}
    for each in plan.drafts:
        facts: Any = each.draft.facts
        places[str(each.row.cells["stateprovince"])] = facts["place"]["codes"][0]
    assert places[""] == {"scheme": "ISO3166-1", "code": "US"}
    for word, code in {"ca": "US-CA", "Ohio": "US-OH", "nj": "US-NJ", "PR": "US-PR"}.items():
        assert places[word] == {"scheme": "ISO3166-2", "code": code}


def test_our_names_of_equipment_cover_those_of_the_project_with_its_packs(
    data_folder: Path,
) -> None:
    kinds = csv_rows(data_folder / "getusppe" / "lookup_equipment_type.csv")
    ours = {row["word"]: row for row in csv_rows(BUILT_IN / "ppe-items.csv")}
    packs = {row["word"]: row for row in csv_rows(BUILT_IN / "ppe-packs.csv")}
    assert {kind["enumcode"] for kind in kinds} <= ours.keys()
    stated = {
        kind["enumcode"]: kind["unitOfMeasure"].rpartition(" of ")[2]
        for kind in kinds
        if kind["unitOfMeasure"].startswith(("Box of", "Package of"))
    }
    assert {word: row["of"] for word, row in packs.items()} == stated
    assert all(ours[word]["unit"] == row["unit"] for word, row in packs.items())


# --- Messages of people: no table of needs


def test_messages_of_people_are_no_needs_of_an_organisation(data_folder: Path) -> None:
    """A text and forty labels. Nothing in a row says what is needed where, nor who asks."""
    path = data_folder / "disaster-messages" / "requests_offers_validation.csv"
    with pytest.raises(MappingRefused) as stopped:
        read("harvey-needs", path)
    extra, gone = stopped.value.problems
    assert 'does not mention: "message"' in extra
    assert 'has no column "need"' in gone


# --- All built-in mappings


@pytest.mark.parametrize("name", built_in_names())
def test_every_built_in_mapping_says_what_it_is_and_stands_in_the_guide(name: str) -> None:
    mapping = load_mapping(name)
    assert mapping.name == name
    assert mapping.about
    guide = (Path(__file__).resolve().parents[2] / "adapters" / "README.md").read_text("utf-8")
    assert f"| `{name}` |" in guide
