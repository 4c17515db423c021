"""What the Red Cross of Wuhan and Hubei had received in January 2020, as offers. Real data.

Through the built-in mappings, up to what would be sent. The sums are those that a person came to
who added up the sheets by unit.
"""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.mapping_samples import plan_of
from adapters.test_words_of_real_sheets import GOODS
from hutong_adapters.drafted import Drafted
from hutong_adapters.interface import FileRefused, MappingRefused
from hutong_adapters.mapping_load import load_mapping
from hutong_adapters.planning import Plan
from hutong_adapters.summary import plan_json
from hutong_adapters.unit_words import UNIT_TABLES

pytest.importorskip("python_calamine", reason="spreadsheets: python-calamine is missing")

CODES = UNIT_TABLES["builtin:units-mainland"]


def code(word: str) -> str:
    """The unit that a word becomes: its code, or the word as nobody translated it."""
    return CODES.get(word, f"raw:{word}")


def coded(listed: str) -> dict[str, Decimal]:
    """Sums that are written as `word number, word number`, by the code of the unit."""
    pairs = [pair.split(" ") for pair in listed.split(", ")]
    return {code(word): Decimal(number) for word, number in pairs}


def lines(drafted: Drafted) -> list[dict[str, Any]]:
    found: Any = drafted.draft.facts["lines"]
    return list(found)


def sums(plan: Plan) -> dict[str, Decimal]:
    """What the exact quantities of a plan come to, by unit."""
    found: dict[str, Decimal] = {}
    for quantity in (line["quantity"] for each in plan.drafts for line in lines(each)):
        assert quantity["bound"] == "exact"
        number = Decimal(quantity["value"])
        found[quantity["unit"]] = found.get(quantity["unit"], Decimal(0)) + number
    return found


@pytest.fixture(scope="module")
def folder(data_folder: Path) -> Path:
    return data_folder / "redcross-wuhan"


@pytest.fixture(scope="module")
def january_28(folder: Path) -> Plan:
    return plan_of(load_mapping("redcross-wuhan-stock"), folder / "received_06-2.xlsx")


@pytest.fixture(scope="module")
def january_29(folder: Path) -> Plan:
    return plan_of(load_mapping("redcross-wuhan-stock"), folder / "received_07-2.xlsx")


@pytest.fixture(scope="module")
def inflow(folder: Path) -> Plan:
    return plan_of(load_mapping("hubei-inflow"), folder / "hubei-inflow.csv")


def test_the_list_of_28_january_is_209_offers_of_one_line_each(january_28: Plan) -> None:
    told = plan_json(january_28)
    assert (told["rows"], told["drafts"], told["refused"], told["copies"]) == (209, 209, [], [])
    assert told["passed_rows"] == {"title": 3, "header": 2, "footer": 3}
    assert (told["lines"], told["bounds"]) == (209, {"exact": 209})
    assert sums(january_28) == coded(
        "片 558000, 支 114360, 瓶 48753, 盒 28574, 个 24883, 人份 8400, 只 6840, 桶 6108, "
        "箱 5378, 件 2082, 台 1734, 套 982, 包 318, 副 240, 袋 47, 提 1"
    )


def test_ten_amounts_of_two_goods_each_are_one_offer_with_one_amount(january_28: Plan) -> None:
    drafts = {each.row.number: each for each in january_28.drafts}
    shared = {
        48: "6000个",
        97: "2箱",
        99: "5箱",
        103: "4箱",
        105: "1200只",
        185: "10箱",
        187: "3506个",
        218: "84件",
        220: "375件",
        222: "367件",
    }
    for number, typed in shared.items():
        (line,) = lines(drafts[number])
        assert f"{line['quantity']['value']}{typed[-1]}" == typed
        assert line["quantity"]["unit"] == code(typed[-1])
        assert number + 1 not in drafts
    assert drafts[48].draft.text["title"] == "迈康一次性口罩；FM口罩"
    assert 159 not in drafts


def test_the_list_of_29_january_is_138_offers_each_with_a_unit(january_29: Plan) -> None:
    told = plan_json(january_29)
    assert (told["rows"], told["drafts"], told["refused"], told["copies"]) == (138, 138, [], [])
    assert (told["lines"], told["bounds"]) == (138, {"exact": 138})
    found = sums(january_29)
    assert len(found) == 13
    expected = coded("支 386770, 箱 10672, 只 10000, 片 2000")
    assert {unit: found[unit] for unit in expected} == expected


def test_what_stands_below_a_row_is_its_note(january_29: Plan) -> None:
    (gloves,) = [each for each in january_29.drafts if each.row.number == 85]
    assert gloves.draft.text["note"] == "定向捐赠；1.省人民医院3000副；2.武汉精神卫生中心1000副"
    assert [each.row.number for each in january_29.drafts if "note" in each.draft.text] == [85]


def test_a_box_of_400_pairs_is_a_pack(january_29: Plan) -> None:
    (gloves,) = [each for each in january_29.drafts if each.row.number == 85]
    (line,) = lines(gloves)
    assert line["quantity"] == {
        "bound": "exact",
        "value": "10",
        "unit": "xiang",
        "pack": {"unit": "xiang", "of": {"value": "400", "unit": "raw:副"}},
    }


def test_donors_stay_at_home_and_the_lists_wait_for_a_person(
    january_28: Plan, january_29: Plan, inflow: Plan
) -> None:
    for plan in (january_28, january_29, inflow):
        assert plan.mapping.screening
        assert all(set(each.draft.sensitive) <= {"donor"} for each in plan.drafts)
        assert all("个人捐赠者" not in str(each.draft.text) for each in plan.drafts)
    assert [len(plan.drafts) for plan in (january_28, january_29)] == [209, 138]


def test_goods_as_free_text_are_a_line_each(inflow: Plan, folder: Path) -> None:
    with (folder / "hubei-inflow.csv").open(encoding="utf-8-sig", newline="") as file:
        gifts = list(csv.DictReader(file))
    told = plan_json(inflow)
    assert (told["rows"], told["drafts"], told["lines"]) == (len(gifts), 17, 30)
    assert told["bounds"] == {"exact": 25, "unknown": 5}
    found = [
        [(line["quantity"].get("value", ""), line["quantity"].get("unit", "")) for line in each]
        for each in map(lines, inflow.drafts)
    ]
    assert found == [
        [(value, code(unit) if unit else "") for value, unit in gift] for gift in GOODS[1:]
    ]
    marked = {each.row.number: [mark.what for mark in each.draft.marks] for each in inflow.drafts}
    assert {number: marks for number, marks in marked.items() if marks} == {
        4: ["two-amounts"],
        18: ["item-guessed"],
    }


def test_a_gift_of_money_is_refused_with_the_reason(inflow: Plan) -> None:
    (refusal,) = inflow.refused
    assert (refusal.row, refusal.cell, refusal.field) == (2, "物资", "lines")
    assert refusal.rule == (
        "gives nothing for a field that is required: "
        "names money, which is no line of goods and was left out"
    )
    assert "take the row out" in refusal.way_out


def test_where_the_goods_went_is_no_offer_and_the_import_says_what_differs(folder: Path) -> None:
    """The same goods, handed out: read as offers they would stand there twice."""
    with pytest.raises(MappingRefused) as stopped:
        plan_of(load_mapping("hubei-inflow"), folder / "hubei-outflow.csv")
    extra, gone = stopped.value.problems
    assert 'does not mention: "捐赠方", "流向"' in extra
    assert 'has no column "来源"' in gone
    with pytest.raises(FileRefused, match="say with `core` in"):
        plan_of(load_mapping("hubei-inflow"), folder / "hubei_usage_01.xlsx")
