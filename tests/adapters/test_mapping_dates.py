"""Dates as workbooks and people write them: serials, days without a year, the day in a zone.

The zone is always that of the mapping; the last tests ask in processes that live elsewhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mapping_samples import (
    HEADER,
    ROW,
    changed,
    only_draft,
    only_refusal,
    plan_of,
    sheet_mapping,
    write_csv,
)
from hutong_adapters.interface import MappingRefused
from hutong_adapters.mapping_dates import DateRefused, YearRule, date_step

ZONE = "Asia/Shanghai"
MIDNIGHT = "00:00:00"


# --- Serials


@pytest.mark.parametrize(
    ("pattern", "cell", "expected"),
    [
        ("excel-serial", "43859", "2020-01-29T00:00:00+08:00"),
        ("excel-serial", "43859.0", "2020-01-29T00:00:00+08:00"),
        ("excel-serial", "43859.5", "2020-01-29T12:00:00+08:00"),
        ("excel-serial", "44567.6667", "2022-01-06T16:00:03+08:00"),
        ("excel-serial", "44567.666666666664", "2022-01-06T16:00:00+08:00"),
        ("excel-serial", "43830.99999999999", "2020-01-01T00:00:00+08:00"),
        ("excel-serial", "2958465", "9999-12-31T00:00:00+08:00"),
        ("excel-serial-1904", "42397", "2020-01-29T00:00:00+08:00"),
        ("excel-serial-1904", "0.5", "1904-01-01T12:00:00+08:00"),
    ],
)
def test_a_serial_is_the_day_and_second_that_a_workbook_shows(
    pattern: str, cell: str, expected: str
) -> None:
    assert date_step((pattern,), ZONE, MIDNIGHT).read(cell).text == expected


def test_days_before_the_one_that_only_excel_has_are_counted_from_another() -> None:
    """Excel took 1900 for a leap year: serial 60 is a 29 February that never was."""
    step = date_step(("excel-serial",), "UTC", MIDNIGHT)
    assert step.read("1").text == "1900-01-01T00:00:00+00:00"
    assert step.read("59").text == "1900-02-28T00:00:00+00:00"
    with pytest.raises(DateRefused, match="a day that only Excel has"):
        step.read("60")
    assert step.read("61").text == "1900-03-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("0.75", "is a time of day without a date"),
        ("9999999", "outside of the years"),
        *(
            (cell, "is no date like excel-serial")
            for cell in ("-1", "4.3859e4", "４３８５９", "1_0")
        ),
        *((cell, "is no date like excel-serial") for cell in ("43859.", ".5", "43859,5", "")),
    ],
)
def test_a_serial_that_is_no_day_is_refused(cell: str, rule: str) -> None:
    """Threat 42."""
    with pytest.raises(DateRefused, match=rule):
        date_step(("excel-serial",), ZONE, MIDNIGHT).read(cell)


@given(st.integers(61, 2_958_465))
def test_every_serial_is_its_day_and_a_day_later_in_the_system_of_1904(serial: int) -> None:
    expected = date(1899, 12, 30) + timedelta(days=serial)
    step = date_step(("excel-serial",), "UTC", MIDNIGHT)
    assert step.read(str(serial)).text == f"{expected.isoformat()}T00:00:00+00:00"
    if serial >= 1_462:
        other = date_step(("excel-serial-1904",), "UTC", MIDNIGHT)
        assert other.read(str(serial - 1_462)) == step.read(str(serial))


def test_a_serial_without_a_time_takes_the_time_of_the_mapping() -> None:
    step = date_step(("excel-serial",), ZONE, "23:59:59")
    assert step.read("43859").text == "2020-01-29T23:59:59+08:00"
    assert step.read("43859.25").text == "2020-01-29T06:00:00+08:00"


# --- Days of a time


@pytest.mark.parametrize(
    ("cell", "at", "expected"),
    [
        ("2020-01-31T16:00:00.000Z", MIDNIGHT, "2020-02-01T00:00:00+08:00"),
        ("2020-01-31T15:59:59.999Z", MIDNIGHT, "2020-01-31T00:00:00+08:00"),
        ("2020-01-31T16:00:00.000Z", "23:59:59", "2020-02-01T23:59:59+08:00"),
        ("2020-12-31T16:00:00.000Z", MIDNIGHT, "2021-01-01T00:00:00+08:00"),
    ],
)
def test_the_day_of_a_time_is_its_day_in_the_zone(cell: str, at: str, expected: str) -> None:
    step = date_step(("rfc3339",), ZONE, at, day=True)
    assert step.read(cell).text == expected


def test_the_day_counts_of_serials_and_patterns_too() -> None:
    step = date_step(("excel-serial", "YYYY-MM-DD hh:mm"), ZONE, "23:59:59", day=True)
    assert step.read("43859.5").text == "2020-01-29T23:59:59+08:00"
    assert step.read("2020-01-29 08:30").text == "2020-01-29T23:59:59+08:00"


# --- Days without a year


def test_a_day_without_a_year_is_of_the_year_that_was_given() -> None:
    fixed = date_step(("M月D日",), ZONE, MIDNIGHT, year=YearRule(fixed=2020))
    reading = fixed.read("1月29日")
    assert (reading.text, reading.year_guessed) == ("2020-01-29T00:00:00+08:00", False)
    given_later = date_step(("M/D",), ZONE, MIDNIGHT, year=YearRule(param="year"))
    reading = given_later.read("1/29", {"year": "2021"})
    assert (reading.text, reading.year_guessed) == ("2021-01-29T00:00:00+08:00", False)
    with pytest.raises(DateRefused, match="the parameter year is no year like 2020"):
        given_later.read("1/29", {"year": "２０２１"})


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1月29日", "2022-01-29"),
        ("12月30日", "2021-12-30"),
        ("6月1日", "2022-06-01"),
        ("8月1日", "2021-08-01"),
        ("2月29日", "2020-02-29"),
    ],
)
def test_a_guessed_year_is_that_of_the_nearest_day_and_is_said(cell: str, expected: str) -> None:
    step = date_step(("M月D日",), ZONE, MIDNIGHT, year=YearRule(near="listed"))
    reading = step.read(cell, {"listed": "2022-01-05T20:00:00Z"})
    assert (reading.text, reading.year_guessed) == (f"{expected}T00:00:00+08:00", True)


def test_a_year_in_the_cell_is_not_guessed() -> None:
    step = date_step(("YYYY年M月D日", "M月D日"), ZONE, MIDNIGHT, year=YearRule(near="listed"))
    reading = step.read("2019年1月29日", {"listed": "2022-01-05T00:00:00Z"})
    assert (reading.text, reading.year_guessed) == ("2019-01-29T00:00:00+08:00", False)


def test_a_day_that_no_year_has_is_refused() -> None:
    fixed = date_step(("M月D日",), ZONE, MIDNIGHT, year=YearRule(fixed=2021))
    near = date_step(("M月D日",), ZONE, MIDNIGHT, year=YearRule(near="listed"))
    for step, cell in ((fixed, "2月29日"), (near, "2月30日"), (near, "13月1日")):
        with pytest.raises(DateRefused, match="is no date of the calendar"):
            step.read(cell, {"listed": "2022-01-05T00:00:00Z"})


# --- Chinese forms


@pytest.mark.parametrize(
    ("pattern", "cell", "expected"),
    [
        ("YYYY年M月D日", "2020年1月29日", "2020-01-29T00:00:00+08:00"),
        ("YYYY年M月D日 ah点", "2020年1月29日 下午3点", "2020-01-29T15:00:00+08:00"),
        ("YYYY年M月D日 ah点", "2020年1月29日 上午3点", "2020-01-29T03:00:00+08:00"),
        ("YYYY年M月D日ah:mm", "2020年1月29日下午12:30", "2020-01-29T12:30:00+08:00"),
        ("YYYY-MM-DD h:mm a", "2020-01-29 12:30 AM", "2020-01-29T00:30:00+08:00"),
        ("YYYY-MM-DD h:mm a", "2020-01-29 11:30 pm", "2020-01-29T23:30:00+08:00"),
    ],
)
def test_hours_of_half_a_day_are_hours_of_the_day(pattern: str, cell: str, expected: str) -> None:
    assert date_step((pattern,), ZONE, MIDNIGHT).read(cell).text == expected


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("2020年1月29日上午12点", "an hour that its half of the day does not have"),
        ("2020年1月29日下午13点", "an hour that its half of the day does not have"),
        ("2020年1月29日晚上8点", "is no date like"),
        ("2020年1月29日下午三点", "is no date like"),
        ("2020年1月29日下午", "is no date like"),
    ],
)
def test_an_hour_that_has_two_readings_is_refused(cell: str, rule: str) -> None:
    """上午12点 is noon for some and midnight for others."""
    with pytest.raises(DateRefused, match=rule):
        date_step(("YYYY年M月D日ah点",), ZONE, MIDNIGHT).read(cell)


@pytest.mark.parametrize("pattern", ["M月D日", "YYYY-MM-DD a", "YYYY-DD"])
def test_a_pattern_that_leaves_the_day_open_is_refused(pattern: str) -> None:
    with pytest.raises(DateRefused):
        date_step((pattern,), ZONE, MIDNIGHT)


# --- In a mapping


def dated(words: str) -> str:
    """The sample mapping with `valid_until` read from the last column."""
    date_words = f'from = "备注", date = {{ zone = "Asia/Shanghai", {words} }}'
    text = changed('const = "2022-01-31T00:00:00+08:00"', date_words)
    text = changed("[lookups.units]", '[parameters.listed]\nkind = "time"\n[lookups.units]', text)
    return changed('ignore = ["备注"]', "", text)


GUESSED = dated('format = ["M月D日", "YYYY年M月D日"], year = { near = "listed" }, at = "23:59:59"')


def test_a_guessed_year_is_marked_at_its_cell(tmp_path: Path) -> None:
    mapping = sheet_mapping(tmp_path, GUESSED)
    path = write_csv(tmp_path, [HEADER, [*ROW[:5], "12月30日"]])
    draft = only_draft(plan_of(mapping, path, listed="2022-01-05T00:00:00+08:00")).draft
    assert draft.facts["valid_until"] == "2021-12-30T23:59:59+08:00"
    (mark,) = draft.marks
    assert (mark.cell, mark.field, mark.what) == ("备注", "valid_until", "year-guessed")
    assert "12" not in mark.words


def test_a_year_that_was_not_guessed_is_not_marked(tmp_path: Path) -> None:
    mapping = sheet_mapping(tmp_path, GUESSED)
    path = write_csv(tmp_path, [HEADER, [*ROW[:5], "2021年12月30日"]])
    draft = only_draft(plan_of(mapping, path, listed="2022-01-05T00:00:00+08:00")).draft
    assert draft.marks == ()
    fixed = sheet_mapping(tmp_path, dated('format = "M月D日", year = 2021'))
    path = write_csv(tmp_path, [HEADER, [*ROW[:5], "12月30日"]])
    draft = only_draft(plan_of(fixed, path, listed="2022-01-05T00:00:00+08:00")).draft
    assert (draft.facts["valid_until"], draft.marks) == ("2021-12-30T00:00:00+08:00", ())


def test_a_date_that_is_refused_names_its_cell_and_does_not_quote_it(tmp_path: Path) -> None:
    mapping = sheet_mapping(tmp_path, dated('format = "excel-serial"'))
    path = write_csv(tmp_path, [HEADER, [*ROW[:5], "四三八五九"]])
    refusal = only_refusal(plan_of(mapping, path, listed="2022-01-05T00:00:00+08:00"))
    assert (refusal.cell, refusal.rule) == ("备注", "is no date like excel-serial")
    assert "四" not in str(refusal)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ('format = "M月D日"', "facts.valid_until.date: `format` needs YYYY or YY, or `year`"),
        ('format = "YYYY-MM-DD", year = 2020', "date: `year` is for a `format` without YYYY"),
        ('format = "M/D", year = 0', "facts.valid_until.date.year: is a year as a number, "),
        ('format = "M/D", year = true', "facts.valid_until.date.year: is a year as a number, "),
        ('format = "M/D", year = "2020"', "facts.valid_until.date.year: is a year as a number, "),
        (
            'format = "M/D", year = { near = "x" }',
            "facts.valid_until.date.year: is a year as a number, ",
        ),
        (
            'format = "M/D", year = { near = ["x"] }',
            "facts.valid_until.date.year: is a year as a number, ",
        ),
        ('format = "M/D", year = { param = "listed" }', "facts.valid_until.date.year: is a year"),
        ('format = "rfc3339", part = "hour"', "facts.valid_until.date.part: is day, "),
        ('format = "rfc3339", in = "x"', "facts.valid_until.date: is a table of at, format, "),
    ],
)
def test_what_is_wrong_with_a_date_is_told_before_a_row_is_read(
    tmp_path: Path, words: str, problem: str
) -> None:
    with pytest.raises(MappingRefused) as refused:
        sheet_mapping(tmp_path, dated(words))
    assert any(problem in each for each in refused.value.problems)


# --- Elsewhere

ASKED = """
from hutong_adapters.mapping_dates import YearRule, date_step
zone = "Asia/Shanghai"
print(date_step(("rfc3339",), zone, "00:00:00", day=True).read("2020-01-31T16:00:00.000Z").text)
print(date_step(("excel-serial",), zone, "00:00:00").read("43859").text)
print(date_step(("YYYY-MM-DD hh:mm",), zone, "00:00:00").read("2020-03-08 02:30").text)
near = date_step(("M月D日",), zone, "00:00:00", year=YearRule(near="listed"))
print(near.read("7月4日", {"listed": "2020-01-02T17:00:00Z"}).text)
"""


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "../localtime", "/etc/localtime"])
def test_the_zone_of_the_host_has_no_name(zone: str) -> None:
    """Many systems keep their own zone among the others, as `localtime`."""
    with pytest.raises(DateRefused, match="`zone` is an IANA name"):
        date_step(("YYYY-MM-DD",), zone, "00:00:00")


@pytest.mark.parametrize("host", ["America/New_York", "Asia/Shanghai", "Pacific/Kiritimati"])
def test_the_zone_of_the_host_plays_no_part(host: str) -> None:
    """02:30 on 8 March 2020 is a time that New York does not have, and Shanghai has."""
    ran = subprocess.run(
        [sys.executable, "-c", ASKED],
        env={**os.environ, "TZ": host, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.split() == [
        "2020-02-01T00:00:00+08:00",
        "2020-01-29T00:00:00+08:00",
        "2020-03-08T02:30:00+08:00",
        "2019-07-04T00:00:00+08:00",
    ]


# --- Years of two digits, zones that whoever imports gives


def test_a_year_of_two_digits_is_of_this_century() -> None:
    step = date_step(("M/D/YY h:mm:ss a",), "America/New_York", MIDNIGHT)
    assert step.read("11/16/12 12:10:00 AM").text == "2012-11-16T00:10:00-05:00"
    assert date_step(("DD.MM.YY",), "UTC", MIDNIGHT).read("01.02.99").text.startswith("2099-02-01")
    with pytest.raises(DateRefused, match="is no date like M/D/YY"):
        step.read("11/16/2012 12:10:00 AM")


def test_a_pattern_has_one_year_only() -> None:
    with pytest.raises(DateRefused, match="`format` has YY"):
        date_step(("YYYY-MM-DD YY",), "UTC", MIDNIGHT)


ZONED = """
[parameters.zone]
kind = "zone"
"""
DATED = (
    changed(
        'valid_until = { const = "2022-01-31T00:00:00+08:00" }',
        'valid_until = { from = "备注", date = { format = "YYYY-M-D", zone = {param = "zone"} } }',
    ).replace('ignore = ["备注"]', "")
    + ZONED
)


def test_whoever_imports_can_give_the_zone(tmp_path: Path) -> None:
    path = write_csv(tmp_path, [HEADER, [*ROW[:-1], "2012-11-16"]])
    mapping = sheet_mapping(tmp_path, DATED)
    drafted = only_draft(plan_of(mapping, path, zone="Asia/Dili"))
    assert drafted.draft.facts["valid_until"] == "2012-11-16T00:00:00+09:00"
    with pytest.raises(MappingRefused, match="parameter zone: is a time zone by its IANA name"):
        plan_of(mapping, path, zone="Dili")
    with pytest.raises(MappingRefused, match="parameter zone has no value"):
        plan_of(mapping, path)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (ZONED, "", "facts.valid_until.date.zone: is an IANA name, or { param ="),
        ('kind = "zone"', 'kind = "text"', "facts.valid_until.date.zone: is an IANA name, or"),
        (
            'kind = "zone"',
            'kind = "zone"\ndefault = "Dili"',
            "parameters.zone.default: is an IANA name like",
        ),
    ],
)
def test_a_zone_comes_from_a_parameter_that_is_one(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    with pytest.raises(MappingRefused) as refused:
        sheet_mapping(tmp_path, changed(old, new, DATED))
    assert any(found.startswith(problem) for found in refused.value.problems)
