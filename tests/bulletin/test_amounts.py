"""Numbers, units and times as people read them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_node.bulletin.amounts import Scale, amount_shown, grouped, quantity_shown, unit_name
from hutong_node.bulletin.times import time_shown
from hutong_node.bulletin.words import words_in
from hutong_node.zones import zone_of
from hutong_protocol.quantity import AMOUNT_SCALE
from hutong_protocol.taxonomy import UNITS


def said(language: str = "zh", **facts: Any) -> str:
    return quantity_shown(facts, words_in(language).bounds, language)


@pytest.mark.parametrize(
    ("facts", "zh", "en"),
    [
        (
            {"bound": "exact", "value": "5000000", "unit": "jin_cn"},
            "5,000,000 斤 = 2,500 t",
            "5,000,000 jin (斤) = 2,500 t",
        ),
        (
            {"bound": "exact", "value": "5000000", "unit": "catty_tw"},
            "5,000,000 台斤 = 3,000 t",
            "5,000,000 catty (0.6 kg) (台斤) = 3,000 t",
        ),
        ({"bound": "exact", "value": "200", "unit": "kg"}, "200 kg", "200 kg"),
        ({"bound": "exact", "value": "300", "unit": "tao"}, "300 套", "300 set (套)"),
        ({"bound": "exact", "value": "0.5", "unit": "t"}, "0.5 t", "0.5 t"),
        ({"bound": "estimate", "value": "90", "unit": "h"}, "约 90 h", "about 90 h"),
        (
            {"bound": "estimate", "min": "10", "max": "20", "unit": "hh"},
            "约 10–20 户",
            "about 10–20 household (户)",
        ),
        (
            {"bound": "at_least", "min": "3", "unit": "person"},
            "至少 3 人",
            "at least 3 person (人)",
        ),
        ({"bound": "up_to", "max": "7", "unit": "jin_cn"}, "至多 7 斤 = 3.5 kg", None),
        ({"bound": "unbounded", "unit": "zhi"}, "不限量，只", "no upper limit, zhi (只)"),
        ({"bound": "unbounded"}, "不限量", "no upper limit"),
        ({"bound": "unknown"}, "数量未说明", "amount not stated"),
        ({"bound": "band", "min": "10", "max": "19", "unit": "person"}, "10–19 人", None),
        ({"bound": "band", "min": "20", "unit": "person"}, "20+ 人", None),
        (
            {
                "bound": "exact",
                "value": "100",
                "unit": "xiang",
                "pack": {"unit": "xiang", "of": {"value": "20", "unit": "kg"}},
            },
            "100 箱 = 2 t",
            "100 box (箱) = 2 t",
        ),
        ({"bound": "exact", "value": "3", "unit": "raw:大桶"}, "3 大桶", "3 大桶"),
        ({"bound": "exact", "value": "1234.50", "unit": "CNY"}, "1,234.5 元", None),
    ],
)
def test_quantities_read_as_written_with_what_they_come_to(
    facts: dict[str, Any], zh: str, en: str | None
) -> None:
    assert said("zh", **facts) == zh
    if en is not None:
        assert said("en", **facts) == en


def test_every_unit_of_the_specification_has_a_name_in_both_languages() -> None:
    for unit in UNITS:
        assert unit_name(unit, "zh")
        assert unit_name(unit, "en")
    assert unit_name("x-unknown", "zh") == "x-unknown"


def test_amounts_of_a_line_share_one_unit_and_say_when_they_are_rounded() -> None:
    tonne = 1_000 * AMOUNT_SCALE
    scale = Scale("kg", [2_500 * tonne, None, 0], "en")
    assert scale.amount(2_500 * tonne) == "2,500 t"
    assert scale.amount(500 * AMOUNT_SCALE) == "0.5 t"
    assert scale.amount(None) == "–"
    assert amount_shown("kg", AMOUNT_SCALE // 3, "en") == "≈ 0.333 kg"
    assert amount_shown("min", 90 * AMOUNT_SCALE, "zh") == "1.5 h"
    assert amount_shown(None, 0, "en") == "0"


@given(st.integers(0, 10**45))
def test_no_amount_however_large_is_wrong_or_fails(units: int) -> None:
    text = amount_shown("ge", units, "zh")
    number = text.removesuffix(" 个").replace(",", "")
    if not number.startswith("≈"):
        whole, _, fraction = number.partition(".")
        assert int(whole) * AMOUNT_SCALE + int(fraction.ljust(15, "0") or 0) == units


def test_digits_stand_in_groups_of_three() -> None:
    assert [grouped(each) for each in (0, 999, 1000, 1234567)] == ["0", "999", "1,000", "1,234,567"]
    assert grouped("1000000.250000") == "1,000,000.25"
    assert grouped("200000000000000") == "200,000,000,000,000"


def test_times_stand_in_the_zone_with_its_offset() -> None:
    zone = zone_of("Asia/Shanghai")
    assert zone is not None
    shown = time_shown(1_641_191_520_000, zone)
    assert shown is not None
    assert (shown.iso, shown.text) == ("2022-01-03T06:32:00Z", "2022-01-03 14:32 +08:00")
    utc = zone_of("UTC")
    assert utc is not None
    there = time_shown(1_641_191_520_000, utc)
    assert there is not None
    assert there.text == "2022-01-03 06:32 +00:00"


def test_times_beyond_calendars_are_left_out() -> None:
    zone = zone_of("Asia/Shanghai")
    assert zone is not None
    for ms in (None, -(2**53), 2**53, -62_135_596_800_000, 253_402_300_799_999):
        assert time_shown(ms, zone) is None
    assert time_shown(0, zone) is not None
    assert zone_of("Nowhere/Nothing") is None
    assert zone_of("../../etc/passwd") is None
