"""Quantities out of words: what is read, what is marked, and what is never taken for a number.

Threat 42; the wordings of real sheets, and quantities that a grammar makes up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hutong_adapters.number_text import MILLION, decimal_text, folded
from hutong_adapters.quantity_text import CONCERN_WORDS, Concern, Reading, read_quantity
from hutong_adapters.unit_words import KNOWN, UNIT_TABLES
from hutong_protocol.quantity import decimal_millionths
from hutong_protocol.units import CONVERTIBLE


def said(text: str) -> tuple[object, ...]:
    """Bound, numbers and unit of a cell that raises no concern."""
    reading = read_quantity(text)
    assert reading.concern is None
    assert reading.before == reading.after.strip("。") == ""
    return short(reading)


def short(reading: Reading) -> tuple[object, ...]:
    numbers = [each for each in (reading.value, reading.least, reading.most) if each is not None]
    return (reading.bound, *numbers, reading.unit)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("198件", ("exact", "198", "件")),
        ("198.0", ("exact", "198", "")),
        ("13.5万盒", ("exact", "135000", "盒")),
        ("500万斤", ("exact", "5000000", "斤")),
        ("1亿2000万", ("exact", "120000000", "")),
        ("3万5千只", ("exact", "35000", "只")),
        ("1,000 个", ("exact", "1000", "个")),
        ("２，０００只", ("exact", "2000", "只")),
        ("\u200b198\u00a0件\u3000", ("exact", "198", "件")),
        ("\u200b19\u200b8件", ("exact", "198", "件")),
        ("*1", ("exact", "1", "")),
        ("x2", ("exact", "2", "")),
        ("×3个", ("exact", "3", "个")),
        ("8400人份", ("exact", "8400", "人份")),
        ("10大箱", ("exact", "10", "大箱")),
        ("20pcs", ("exact", "20", "pcs")),
        ("5m³", ("exact", "5", "m³")),
        ("2千", ("exact", "2000", "")),
        ("2千克", ("exact", "2", "千克")),
        ("共20箱", ("exact", "20", "箱")),
        ("（20箱）", ("exact", "20", "箱")),
        ("20箱。", ("exact", "20", "箱")),
        ("0箱", ("exact", "0", "箱")),
        ("约500箱", ("estimate", "500", "箱")),
        ("大约 500 箱", ("estimate", "500", "箱")),
        ("近500箱", ("estimate", "500", "箱")),
        ("20箱左右", ("estimate", "20", "箱")),
        ("十来箱", ("estimate", "10", "箱")),
        ("约500余箱", ("estimate", "500", "箱")),
        ("500余箱", ("at_least", "500", "箱")),
        ("500多万斤", ("at_least", "5000000", "斤")),
        ("5000+", ("at_least", "5000", "")),
        ("5000+箱", ("at_least", "5000", "箱")),
        ("超500箱", ("at_least", "500", "箱")),
        ("不少于5箱", ("at_least", "5", "箱")),
        ("至少5箱", ("at_least", "5", "箱")),
        ("20箱以上", ("at_least", "20", "箱")),
        ("约500以上", ("at_least", "500", "")),
        ("百余箱", ("at_least", "100", "箱")),
        ("上万只", ("at_least", "10000", "只")),
        ("最多10箱", ("up_to", "10", "箱")),
        ("不超过10箱", ("up_to", "10", "箱")),
        ("3-5箱", ("estimate", "3", "5", "箱")),
        ("3～5", ("estimate", "3", "5", "")),
        ("三到五", ("estimate", "3", "5", "")),
        ("3箱至5箱", ("estimate", "3", "5", "箱")),
        ("1万-2万只", ("estimate", "10000", "20000", "只")),
        ("500-2万只", ("estimate", "500", "20000", "只")),
        ("5-5箱", ("estimate", "5", "箱")),
        ("若干", ("unknown", "")),
        ("若干箱", ("unknown", "箱")),
        ("大量", ("unknown", "")),
        ("", ("unknown", "")),
        ("\u200b", ("unknown", "")),
        ("不限", ("unbounded", "")),
        ("越多越好", ("unbounded", "")),
        ("不限只", ("unbounded", "只")),
    ],
)
def test_what_people_write_is_read(text: str, expected: tuple[object, ...]) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("三百五十套", "350"), ("两千套", "2000"), ("一万二套", "12000"), ("廿套", "20")),
        *(("廿五套", "25"), ("零套", "0"), ("一百零五套", "105"), ("三百五套", "350")),
        *(("一万零二套", "10002"), ("十二套", "12"), ("壹佰贰拾套", "120"), ("半套", "0.5")),
        *(("一亿二千万套", "120000000"), ("一千零五十套", "1050"), ("两百万套", "2000000")),
        *(("三百兩", "300"), ("五", "5"), ("三萬套", "30000"), ("两百五", "250")),
        *(("一万二千三套", "12300"), ("十万八套", "108000"), ("一百廿五套", "125")),
        *(("三万亿", "3000000000000"), ("一千二百万亿", "1200000000000000")),
    ],
)
def test_numbers_in_words_are_read(text: str, value: str) -> None:
    assert (said(text)[0], said(text)[1]) == ("exact", value)


@pytest.mark.parametrize(
    "text",
    [
        *("1,5箱", "2、5KG", "1/868kg", "1.2.3", "1 000", "1_000", "1e400", "0x10", "nan", "inf"),
        *("-5", "+5箱", "50%", "1:20", "1'000", "5²", "½", "²", "٣", "Ⅷ箱", "①箱", "५箱", "5³箱"),
        *(
            "十几箱",
            "几十箱",
            "数百",
            "三五箱",
            "百箱",
            "一批口罩",
            "1万2箱",
            "一箱半",
            "3箱半",
            "二〇二〇",
        ),
        *("一万两万只", "一万五万", "一亿五亿", "一万五亿", "一百万五套", "十万十万只"),
        *("三亿千", "零五套", "十万零", "百五十套", "一万百", "二百十五", "一百零零五"),
        *("(5)", "（ 1,000 ）", "(5.5)", "人均2个", "平均2个"),
        *(
            "各50袋",
            "每天20箱",
            "20箱/天",
            "20包/200片",
            "20只装",
            "100盒/件",
            "不需要20箱",
            "第5批",
        ),
        *(
            "3月",
            "1月29日",
            "2020-01-29",
            "027-85555555",
            "10-20-30箱",
            "5-3箱",
            "20*30箱",
            "5k",
            "5w",
        ),
        *(
            "不超过500余箱",
            "至少500以内",
            "口罩不超过500余箱",
            "至少口罩20个",
            "N95口罩20个",
            "A20箱",
        ),
        *(
            "1234567890123456789箱",
            "0.0000001箱",
            "1.23456789亿",
            "9999999999999亿",
            "=1+1",
            "待送",
        ),
        "只" * 201 + "5箱",
    ],
)
def test_what_has_no_one_reading_is_unknown_and_marked(text: str) -> None:
    """Threat 42, and wordings that people read in two ways."""
    reading = read_quantity(text)
    assert short(reading) == ("unknown", "")
    assert reading.concern is Concern.NOT_UNDERSTOOD


@pytest.mark.parametrize(
    ("text", "expected", "after"),
    [
        ("1400瓶60箱", ("exact", "1400", "瓶"), "60箱"),
        ("1400瓶（60箱）", ("exact", "1400", "瓶"), "（60箱）"),
        ("1400瓶、60箱", ("exact", "1400", "瓶"), "、60箱"),
        ("500箱+200箱", ("exact", "500", "箱"), "+200箱"),
        ("5箱*20瓶", ("exact", "5", "箱"), "*20瓶"),
        ("20箱，每箱50只", ("exact", "20", "箱"), "，每箱50只"),
    ],
)
def test_of_two_amounts_the_first_counts_and_nothing_is_added(
    text: str, expected: tuple[object, ...], after: str
) -> None:
    reading = read_quantity(text)
    assert short(reading) == expected
    assert (reading.after, reading.concern) == (after, Concern.TWO_AMOUNTS)


@pytest.mark.parametrize(
    ("text", "expected", "before", "after"),
    [
        ("20箱（急）", ("exact", "20", "箱"), "", "（急）"),
        ("20个口罩", ("exact", "20", "个"), "", "口罩"),
        ("口罩20个", ("exact", "20", "个"), "口罩", ""),
        ("口罩约20个", ("estimate", "20", "个"), "口罩", ""),
        ("一次性口罩*20个", ("exact", "20", "个"), "一次性口罩", ""),
        ("20箱（N95）", ("exact", "20", "箱"), "", "（N95）"),
    ],
)
def test_words_beside_an_amount_are_kept_and_marked(
    text: str, expected: tuple[object, ...], before: str, after: str
) -> None:
    reading = read_quantity(text)
    assert (short(reading), reading.before, reading.after) == (expected, before, after)
    assert reading.concern is Concern.WORDS_BESIDE


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        *(("1-2万只", "10000", "20000"), ("一到两万只", "10000", "20000")),
        *(("3-5百只", "300", "500"), ("一百到两百万只", "1000000", "2000000")),
        ("5-1万只", "5", "10000"),
    ],
)
def test_a_range_that_may_have_left_out_a_word_is_read_and_marked(
    text: str, least: str, most: str
) -> None:
    reading = read_quantity(text)
    assert short(reading) == ("estimate", least, most, "只")
    assert reading.concern is Concern.GUESSED


def test_every_concern_has_words_that_quote_nothing() -> None:
    assert set(CONCERN_WORDS) == set(Concern)


# --- Quantities that a grammar makes up


@dataclass(frozen=True)
class Written:
    """A number as it may be written, and its value in millionths."""

    text: str
    millionths: int
    power: int = 0


DIGITS = "零一二三四五六七八九"
FULL_WIDTH = str.maketrans("0123456789.,", "０１２３４５６７８９．，")


def chinese(number: int) -> str:
    """A number from 1 below 10^8 in Chinese words, as it is taught."""
    if number >= 10_000:
        high, low = divmod(number, 10_000)
        return (
            chinese(high) + "万" + ("零" if 0 < low < 1_000 else "") + (chinese(low) if low else "")
        )
    text, skipped = "", False
    for power, word in ((1_000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // power % 10
        if digit:
            text += ("零" if skipped and text else "") + DIGITS[digit] + word
        skipped = digit == 0
    return text


@st.composite
def arabic(draw: st.DrawFn) -> Written:
    whole = draw(st.integers(0, 10**9))
    places = draw(st.integers(0, 6))
    fraction = draw(st.integers(0, 10**places - 1)) if places else 0
    text = f"{whole:,}" if draw(st.booleans()) else str(whole)
    text += f".{fraction:0{places}}" if places else ""
    word, power = draw(
        st.sampled_from([("", 0), ("百", 2), ("千", 3), ("万", 4), ("亿", 8), ("百万", 6)])
    )
    if draw(st.booleans()):
        text = text.translate(FULL_WIDTH)
    value = whole * MILLION + fraction * 10 ** (6 - places)
    return Written(text + word, value * 10**power, power)


words = st.integers(1, 10**8 - 1).map(lambda number: Written(chinese(number), number * MILLION))
numbers = st.one_of(arabic(), words)
blanks = st.sampled_from(["", "", " ", "\u3000", "\u00a0", "\u200b"])
# 2千克 is two kilograms, and 三百两 is no number.
OF_THE_GRAMMAR = sorted(
    unit for unit in KNOWN - {"两", "克"} if not unit[0].isascii() and unit[0] != "千"
)
units = st.sampled_from(OF_THE_GRAMMAR)
before_words = st.sampled_from(
    [
        *(("", "exact"), ("共", "exact"), ("约", "estimate"), ("近", "estimate")),
        *(("超", "at_least"), ("不少于", "at_least"), ("最多", "up_to"), ("不超过", "up_to")),
    ]
)
after_words = st.sampled_from(
    [("", ""), ("左右", "estimate"), ("以上", "at_least"), ("以内", "up_to")]
)


@given(numbers, before_words, st.sampled_from(["", "余", "多", "+"]), blanks, units, after_words)
def test_a_quantity_that_the_grammar_makes_is_read_back(
    number: Written,
    before: tuple[str, str],
    more: str,
    blank: str,
    unit: str,
    after: tuple[str, str],
) -> None:
    stated = {before[1], after[1], "at_least" if more == "+" else ""} - {"", "exact"}
    reading = read_quantity(f"{before[0]}{number.text}{more}{blank}{unit}{after[0]}")
    if number.millionths >= 10**18 * MILLION or (more == "+" and after[0]):
        assert reading.concern is not None
        return
    contradicts = "up_to" in stated and (len(stated - {"estimate"}) > 1 or more)
    if contradicts:
        assert short(reading) == ("unknown", "")
        return
    bound = next((each for each in ("at_least", "up_to", "estimate") if each in stated), "exact")
    if bound == "exact" and more:
        bound = "at_least"
    assert reading.concern is None
    assert short(reading) == (bound, decimal_text(number.millionths), unit)


@given(arabic(), arabic(), st.sampled_from(["-", "~", "～", "至", "到", "—"]), units)
def test_a_range_that_the_grammar_makes_is_read_back(
    low: Written, high: Written, between: str, unit: str
) -> None:
    assume(low.text[-1].isdigit() == high.text[-1].isdigit())
    assume(max(low.millionths, high.millionths) < 10**18 * MILLION)
    reading = read_quantity(f"{low.text}{between}{high.text}{unit}")
    large = high.power // 4 * 4
    if low.power < 4 <= high.power and low.millionths * 10**large < high.millionths:
        low = Written(low.text, low.millionths * 10**large)
        assert reading.concern is Concern.GUESSED
    if low.millionths > high.millionths:
        assert short(reading) == ("unknown", "")
        return
    ends = dict.fromkeys((decimal_text(low.millionths), decimal_text(high.millionths)))
    assert short(reading) == ("estimate", *ends, unit)


NUMERALS = "零一二两三四五六七八九十百千万亿廿卅"


def ways(number: int) -> set[str]:
    """The ways in which a number from 1 below 10^8 is written in words."""
    taught = chinese(number)
    found = {taught, taught.removeprefix("一") if taught.startswith("一十") else taught}
    found |= {each.replace("零一十", "零十") for each in found}
    for _ in range(taught.count("零")):
        places = (
            (each, match.start()) for each in found for match in re.finditer("零(?!十)", each)
        )
        found |= {each[:at] + each[at + 1 :] for each, at in places}
    found |= {re.sub("万(?=.千)", "万零", each) for each in found}
    # 三百五 and 一万二: the last word is left out where the digit counts the next lower one.
    for last, next_higher in (("十", "百"), ("百", "千"), ("千", "万")):
        found |= {
            each.removesuffix(last)
            for each in found
            if each.endswith(last) and each[-3:-2] == next_higher
        }
    return found


@given(st.text(NUMERALS, min_size=1, max_size=7))
def test_words_make_a_number_only_as_it_is_written(text: str) -> None:
    """一万两万 and 三亿千 state no one number, whatever could be made of their words."""
    reading = read_quantity(text + "套")
    if reading.bound != "exact" or text == "零":
        return
    assert reading.value is not None
    found = int(reading.value)
    high, low = divmod(found, 10**8)
    plain = text.replace("两", "二").replace("廿", "二十").replace("卅", "三十")
    if not high:
        assert plain in ways(low)
        return
    before, _, after = plain.rpartition("亿")
    assert before in ways(high)
    last = {DIGITS[low // 10**7]} if low % 10**7 == 0 else set()
    assert after.removeprefix("零") in (ways(low) | last if low else {""})


NOISE = st.text(
    st.one_of(
        st.sampled_from(
            "0123456789０１２３４５.,，、:/_+-*x~≥<>% 约余多至到半只箱个瓶kgKe（）()每各"
        ),
        st.characters(categories=["Nd", "No", "Nl", "Cf", "Zs", "Lo", "Sm"]),
    ),
    max_size=24,
)
CHINESE_NUMBERS = re.compile("[零一二两三四五六七八九十百千万亿廿卅半]")


@given(st.one_of(st.text(max_size=60), NOISE))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    reading = read_quantity(text)
    wanted = {
        "exact": {(True, False, False)},
        "estimate": {(True, False, False), (False, True, True)},
        "at_least": {(False, True, False)},
        "up_to": {(False, False, True)},
        "unbounded": {(False, False, False)},
        "unknown": {(False, False, False)},
    }
    numbers_there = tuple(each is not None for each in (reading.value, reading.least, reading.most))
    assert numbers_there in wanted[reading.bound]
    for number in (reading.value, reading.least, reading.most):
        assert number is None or decimal_millionths(number) is not None
    assert reading.unit in text.translate(
        dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
    )


@given(NOISE)
def test_no_number_has_digits_that_the_text_does_not_have(text: str) -> None:
    """Threat 42: digits of other scripts, superscripts and Roman numerals make no number."""
    plain = folded(text)
    assume(not CHINESE_NUMBERS.search(plain))
    reading = read_quantity(text)
    written = re.sub("[\u00ad\u200b-\u200d\u2060\ufeff,]", "", plain)
    for number in (reading.value, reading.least, reading.most):
        assert (
            number is None
            or number in written
            or f"{number}.0" in written
            or _padded(number, written)
        )


def _padded(number: str, written: str) -> bool:
    """Whether the number stands there with zeros behind its point."""
    dot = "" if "." in number else r"\."
    return re.search(rf"(?<![0-9.]){re.escape(number)}{dot}0*(?![0-9])", written) is not None


# --- Units


def test_a_bare_jin_is_in_no_table_but_that_of_its_region() -> None:
    """500万斤 are 2,500 t here and 3,000 t there (spec 12.7.3): the mapping says where it is."""
    assert "斤" not in UNIT_TABLES["builtin:units"]
    assert UNIT_TABLES["builtin:units-mainland"]["斤"] == "jin_cn"
    assert UNIT_TABLES["builtin:units-taiwan"]["斤"] == "catty_tw"
    for table in UNIT_TABLES.values():
        assert (table["市斤"], table["台斤"], table["公斤"]) == ("jin_cn", "catty_tw", "kg")


def test_every_unit_that_converts_has_a_word() -> None:
    codes = set(UNIT_TABLES["builtin:units"].values())
    assert codes >= CONVERTIBLE
    assert folded("兩") in KNOWN
