"""The hospitals of wuhan2020 as they were published, through the built-in mapping.

A supply value of 1 means "no upper limit" there, and null that nobody said how many. Adding up the
column as it stands gives 548,470 N95 masks; 170 of them are lines without a limit that are written
as 1, so the exact lines come to 548,300.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from adapters.fake_node import FakeNode
from adapters.mapping_samples import plan_of, write_json
from hutong_adapters.mapping_load import load_mapping
from hutong_adapters.planning import Plan, Target, make_plan
from hutong_adapters.runner import Report, Wish, send_plan
from hutong_adapters.summary import item_counts, keys_digest, millionths_text, plan_json
from hutong_adapters.summary import source_lines as lines_of

NAME = "wuhan2020-hospitals"
N95 = ("mask-n95", "zhi")


@pytest.fixture(scope="module")
def hospitals(data_folder: Path) -> Path:
    return data_folder / "wuhan2020" / "hospital_fe"


@pytest.fixture(scope="module")
def plan(hospitals: Path) -> Plan:
    return make_plan(load_mapping(NAME), [hospitals], Target(may_guess=True))


def send(node: FakeNode, plan: Plan, *, complete: bool = True) -> Report:
    return asyncio.run(send_plan(plan, node, Wish(complete=complete)))


def test_every_hospital_is_a_need_and_every_supply_a_line(plan: Plan) -> None:
    told = plan_json(plan)
    assert (told["rows"], told["drafts"], told["refused"]) == (227, 227, [])
    assert told["lines"] == 2_095
    assert told["bounds"] == {"unbounded": 1_809, "unknown": 22, "exact": 264}


def test_thirteen_rows_without_supplies_get_a_line_that_says_so(plan: Plan) -> None:
    """A need has at least one line, so these 13 stand beside the 2,095 and not among them."""
    added = [each for each in plan.drafts if each.lines_added]
    assert len(added) == 13
    assert all(each.row.cells["supplies"] == [] for each in added)
    assert {json.dumps(each.draft.facts["lines"]) for each in added} == {
        '[{"id": "unstated", "kind": "goods", "quantity": {"bound": "unknown"}}]'
    }


def test_exact_masks_add_up_and_a_line_without_limit_is_no_mask(
    plan: Plan, hospitals: Path
) -> None:
    counts = item_counts(line for each in plan.drafts for line in lines_of(each))
    masks = counts[N95]
    assert millionths_text(masks.exact) == "548300"
    assert masks.bounds == {"exact": 33, "unbounded": 170, "unknown": 2}
    supplies = [
        supply
        for file in hospitals.glob("*.json")
        for row in json.loads(file.read_bytes())
        for supply in row["supplies"]
        if "N95" in supply["key"]
    ]
    naive = sum(supply["value"] or 0 for supply in supplies)
    assert naive == 548_470
    assert naive - masks.bounds["unbounded"] == 548_300


def test_every_hospital_has_a_place_by_its_code(plan: Plan) -> None:
    places: Any = [each.draft.facts["place"] for each in plan.drafts]
    codes = Counter(place["codes"][0]["code"] for place in places)
    assert all(code.startswith("42") and len(code) == 6 for code in codes)
    assert sum(count for code, count in codes.items() if code[2:4] == "01") == 46
    # A county before it became a city, a development zone, and a city in place of a district.
    assert codes["421023"] == 3
    by_name: Any = {each.row.cells["name"]: each.draft.facts["place"] for each in plan.drafts}
    assert by_name["武汉大学人民医院东院"]["codes"][0]["code"] == "420100"
    assert codes["429006"] == 6


def test_codes_of_places_agree_with_the_published_divisions(plan: Plan, data_folder: Path) -> None:
    folder = data_folder / "china-divisions"
    known = {
        line.partition(",")[0]
        for line in (folder / "areas.csv").read_text("utf-8").splitlines()[1:]
    }
    cities = (folder / "cities.csv").read_text("utf-8").splitlines()[1:]
    known |= {f"{line.partition(',')[0]}00" for line in cities}
    places: Any = [each.draft.facts["place"] for each in plan.drafts]
    used = {place["codes"][0]["code"] for place in places}
    assert used - known == {"421023"}, "the county of Jianli, a city since June 2020"


def test_one_door_number_is_cut_and_the_street_stays(plan: Plan) -> None:
    note = {"file": "huangshishi.json", "row": 17, "cell": "address"}
    assert plan_json(plan)["personal"] == [note | {"kind": "door", "action": "cut"}]
    (drafted,) = [each for each in plan.drafts if each.personal]
    address, place_name = drafted.row.cells["address"], drafted.draft.text["place_name"]
    assert isinstance(address, str)
    assert isinstance(place_name, str)
    assert address.startswith(place_name)
    assert not address.removeprefix(place_name)[:1].isspace()


def test_contacts_stay_at_home(plan: Plan) -> None:
    assert all(set(each.draft.sensitive) == {"contacts"} for each in plan.drafts)
    assert not any("tel" in json.dumps(each.draft.facts) for each in plan.drafts)


def test_a_second_reading_in_any_order_knows_the_same_rows(
    plan: Plan, hospitals: Path, tmp_path: Path
) -> None:
    chance = random.Random(2020)
    for file in hospitals.glob("*.json"):
        rows = json.loads(file.read_bytes())
        chance.shuffle(rows)
        renumbered = [row | {"id": number} for number, row in enumerate(rows)]
        write_json(tmp_path, renumbered, file.name)
    again = make_plan(load_mapping(NAME), [tmp_path], Target(may_guess=True))
    assert keys_digest(again) == keys_digest(plan)
    node = FakeNode()
    # The row in whose address a door number was found waits for a person.
    assert send(node, plan).counts == {"new": 226, "queued": 1}
    assert (len(node.rows), len(node.waiting)) == (226, 1)
    report = send(node, again)
    assert (report.counts, report.signed) == ({"unchanged": 226, "queued": 1}, 0)


def test_six_names_stand_twice_and_one_of_them_is_told_apart_by_its_district(
    plan: Plan,
) -> None:
    names = Counter((each.row.cells["city"], each.row.cells["name"]) for each in plan.drafts)
    assert sum(count > 1 for count in names.values()) == 6
    keys = Counter(each.draft.key for each in plan.drafts)
    assert Counter(keys.values()) == {1: 217, 2: 5}


def test_an_edited_hospital_signs_one_revision_also_where_it_stands_twice(
    plan: Plan, hospitals: Path, tmp_path: Path
) -> None:
    node = FakeNode()
    send(node, plan)
    for file in hospitals.glob("*.json"):
        rows = json.loads(file.read_bytes())
        if file.name == "huangshishi.json":
            twice = [row for row in rows if row["name"] == "黄石市第二医院"]
            twice[-1]["remark"] = "急需"
            rows.remove(twice[0])
            rows.append(twice[0])
        write_json(tmp_path, rows, file.name)
    edited = make_plan(load_mapping(NAME), [tmp_path], Target(may_guess=True))
    report = send(node, edited)
    assert report.counts == {"unchanged": 225, "revised": 1, "queued": 1}


@pytest.fixture(scope="module")
def versions(data_folder: Path) -> list[dict[str, Any]]:
    file = data_folder / "wuhan2020" / "wuhanshi_history.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_the_versions_of_a_sheet_come_in_one_after_the_other(
    versions: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """29 versions in two weeks: what is new, revised, unchanged and gone adds up each time."""
    mapping, node = load_mapping(NAME), FakeNode()
    totals: Counter[str] = Counter()
    open_keys: set[str] = set()
    for number, version in enumerate(versions):
        path = write_json(tmp_path, version["rows"], "wuhanshi.json")
        planned = plan_of(mapping, path)
        assert planned.refused == ()
        report = send(node, planned)
        counts = report.counts
        now = {key for key, known in node.rows.items() if not known.closed}
        assert len(now) == len(version["rows"])
        assert counts["new"] + counts["reopened"] == len(now - open_keys)
        assert counts["closed"] == len(open_keys - now)
        assert counts["revised"] + counts["unchanged"] == len(now & open_keys)
        open_keys = now
        totals += counts
        print(number, version["committed_at"], dict(sorted(counts.items())))
        assert send(node, plan_of(mapping, path)).signed == 0
    assert len(versions) == 29
    assert totals["new"] + totals["reopened"] == 53
    assert totals["closed"] == 8
    assert node.signed == sum(totals[each] for each in ("new", "revised", "reopened", "closed"))
    assert "28 2020-02-14" in capsys.readouterr().out
