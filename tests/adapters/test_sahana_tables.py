"""Requests and stock in the import sheets of Sahana Eden, through the built-in mappings. Real data.

The sheets join a request and its items by number; a mapping joins nothing, so each is read for what
it carries. The samples are those of three deployments with three ways of writing dates.
"""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.mapping_samples import HEADER, ROW, changed, only_refusal, plan_of, sheet_mapping
from adapters.mapping_samples import write_csv as written
from adapters.table_accounts import counts, csv_rows, lines, read, reasons
from hutong_adapters.interface import FileRefused, MappingRefused

UNTIL = {"valid_until": "2035-12-31T23:59:59Z"}
DILI = {"country": "TL", "zone": "Asia/Dili", **UNTIL}


@pytest.fixture(scope="module")
def folder(data_folder: Path) -> Path:
    return data_folder / "sahana"


REQUESTS = [
    ("ifrc_train_req.csv", DILI, ["2013-01-16T23:59:59+09:00", "2013-01-29T23:59:59+09:00"]),
    (
        "arc_req.csv",
        {"country": "US", "zone": "America/New_York", **UNTIL},
        ["2014-07-17T23:59:59-04:00"] * 2,
    ),
    (
        "share_req.csv",
        {"country": "LK", "zone": "Asia/Colombo", **UNTIL},
        [f"2017-07-0{day}T23:59:59+05:30" for day in (3, 3, 5, 5, 5, 5, 3, 3, 3)],
    ),
]


@pytest.mark.parametrize(("name", "given", "needed_by"), REQUESTS)
def test_a_request_is_a_need_with_a_line_that_says_where_its_items_are(
    folder: Path, name: str, given: dict[str, str], needed_by: list[str]
) -> None:
    plan = read("sahana-requests", folder / name, **given)
    rows = csv_rows(folder / name)
    assert counts(plan) == (len(rows), len(rows), 0)
    assert [each.draft.facts["needed_by"] for each in plan.drafts] == needed_by
    urgency = {"High": "high", "Medium": "normal", "Low": "low"}
    assert [each.draft.facts["urgency"] for each in plan.drafts] == [
        urgency[row["Priority"]] for row in rows
    ]
    assert [each.draft.text["title"] for each in plan.drafts] == [row["Purpose"] for row in rows]
    assert [each.draft.text["place_name"] for each in plan.drafts] == [
        row["Requested for Facility"] for row in rows
    ]
    assert {line["quantity"]["bound"] for line in lines(plan)} == {"unknown"}
    assert sum(each.lines_added for each in plan.drafts) == len(rows)


def test_persons_of_a_request_stay_at_home_or_are_dropped(folder: Path) -> None:
    plan = read("sahana-requests", folder / "ifrc_train_req.csv", **DILI)
    assert [dict(each.draft.sensitive) for each in plan.drafts] == [{"requester": "person"}] * 2
    assert "person" not in str([(each.draft.facts, each.draft.text) for each in plan.drafts])
    dropped = {column[0] for column in plan.mapping.dropped}
    assert dropped == {"Assigned To", "Approved by", "Requested for", "Received by"}


def test_a_request_that_was_delivered_is_no_need_and_refused(folder: Path, tmp_path: Path) -> None:
    rows = csv_rows(folder / "share_req.csv")
    rows[3]["Date Delivered"] = "2017-07-09"
    path = written(tmp_path, [list(rows[0]), *(list(row.values()) for row in rows)])
    plan = read("sahana-requests", path, country="LK", zone="Asia/Colombo", **UNTIL)
    assert counts(plan) == (9, 8, 1)
    assert [(each.row, each.cell) for each in plan.refused] == [(5, "Date Delivered (Q5)")]
    assert "delivered, so it is no need any more" in plan.refused[0].rule


def test_what_the_sheets_do_not_say_is_asked_for_all_at_once(folder: Path) -> None:
    with pytest.raises(MappingRefused) as stopped:
        read("sahana-requests", folder / "arc_req.csv")
    assert [problem.partition(" has no value")[0] for problem in stopped.value.problems] == [
        *("parameter country", "parameter zone", "parameter valid_until"),
    ]
    assert all("give --set" in problem for problem in stopped.value.problems)


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("ifrc_train_req_item.csv", {"raw:m2": 32_000, "ge": 13_600}),
        ("arc_req_item.csv", {"ge": 400}),
        ("share_req_item.csv", {"ge": 60, "raw:case": 20}),
    ],
)
def test_an_item_of_a_request_is_a_need_with_its_quantity(
    folder: Path, name: str, units: dict[str, int]
) -> None:
    plan = read("sahana-request-items", folder / name, country="TL", **UNTIL)
    rows = csv_rows(folder / name)
    assert counts(plan) == (len(rows), len(rows), 0)
    found: dict[str, Decimal] = {}
    for line in lines(plan):
        unit = line["quantity"]["unit"]
        found[unit] = found.get(unit, Decimal(0)) + Decimal(line["quantity"]["value"])
    assert found == units
    assert sum(Decimal(row["Quantity"]) for row in rows) == sum(units.values())


def test_stock_counts_packs_and_says_what_a_pack_holds(folder: Path) -> None:
    path = folder / "ifrc_train_inv_item.csv"
    plan = read("sahana-stock", path, **DILI)
    rows = csv_rows(path)
    assert counts(plan) == (42, 42, 0)
    for row, line in zip(rows, lines(plan), strict=True):
        quantity = line["quantity"]
        assert quantity["value"] == row["Quantity"]
        assert ("pack" in quantity) is bool(row["Pack"])
        if row["Pack"]:
            assert quantity["unit"] == f"raw:{row['Pack']}"
            assert quantity["pack"]["of"]["value"] == row["Pack Quantity"]
    assert sum("pack" in line["quantity"] for line in lines(plan)) == 33
    assert lines(plan)[0]["quantity"] == {
        "bound": "exact",
        "value": "5000",
        "unit": "raw:Roll",
        "pack": {"unit": "raw:Roll", "of": {"value": "10", "unit": "ge"}},
    }


def test_expiry_owner_and_donor_of_stock(folder: Path) -> None:
    plan = read("sahana-stock", folder / "ifrc_train_inv_item.csv", **DILI)
    dated = [each.draft.facts["until"] for each in plan.drafts if "until" in each.draft.facts]
    assert dated == ["2015-04-01T23:59:59+09:00"]
    owners: list[Any] = [each.draft.text["parties"] for each in plan.drafts]
    assert sum(owner["owner"] == "Tegucigalpa" for owner in owners) == 9
    assert sum(bool(each.draft.sensitive) for each in plan.drafts) == 33
    assert all("Acme" not in str(each.draft.text) for each in plan.drafts)


@pytest.mark.parametrize(
    ("mapping", "name"),
    [
        ("sahana-requests", "format_req.csv"),
        ("sahana-request-items", "format_req_item.csv"),
        ("sahana-stock", "format_inv_item.csv"),
    ],
)
def test_an_empty_template_is_known_by_its_columns_and_has_no_row(
    folder: Path, mapping: str, name: str
) -> None:
    given = dict(DILI)
    if mapping == "sahana-request-items":
        del given["zone"]
    plan = read(mapping, folder / name, **given)
    assert (counts(plan), plan.sheets[0].passed) == ((0, 0, 0), {"header": 1})


# --- A catalogue is no offer: it is a table for lookups


def test_a_catalogue_is_refused_as_stock_with_what_is_missing(folder: Path) -> None:
    with pytest.raises(FileRefused, match="no row names all of Warehouse, Item Name, Quantity"):
        read("sahana-stock", folder / "ifrc_items_sample.csv", **DILI)


CATALOGUED = changed(
    "[lookups.units]",
    '[lookups.catalogue]\nfile = "ifrc_items_sample.csv"\nkey = "item code"\n[lookups.units]',
)
CATALOGUED = changed(
    'words.item = { from = "物资" }',
    'words.item = { from = "物资", lookup = "catalogue", value = "item description" }',
    CATALOGUED,
)


def test_a_catalogue_gives_the_words_for_the_codes_of_another_sheet(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copy(folder / "ifrc_items_sample.csv", tmp_path)
    catalogue = csv_rows(folder / "ifrc_items_sample.csv")
    codes = [row["item code"] for row in catalogue]
    rows = [[f"A-{n}", ROW[1], code, *ROW[3:]] for n, code in enumerate(codes)]
    mapping = sheet_mapping(tmp_path, CATALOGUED)
    plan = plan_of(mapping, written(tmp_path, [HEADER, *rows]))
    assert counts(plan) == (101, 101, 0)
    texts: list[Any] = [each.draft.text["lines"] for each in plan.drafts]
    items = [next(iter(each.values()))["item"] for each in texts]
    assert items == [row["item description"].strip() for row in catalogue]
    unknown = written(tmp_path, [HEADER, [*ROW[:2], "NOCODE01", *ROW[3:]]])
    refusal = only_refusal(plan_of(mapping, unknown))
    assert (refusal.cell, refusal.rule) == ("物资", "is not in catalogue")
    assert reasons(plan) == {}
