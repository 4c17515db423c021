"""What the detector notices, and what it leaves alone. Spec: 13.4. All data here is made up."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.personal_data import Kind, findings


def id_number(seventeen: str) -> str:
    """An identity number with its check character."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(seventeen, weights, strict=True))
    return seventeen + "10X98765432"[total % 11]


def org_code(seventeen: str) -> str:
    """An organisation code with its check character."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(alphabet.index(c) * pow(3, i, 31) for i, c in enumerate(seventeen))
    return seventeen + alphabet[-total % 31]


def card(digits: str) -> str:
    """A card number with its Luhn digit."""
    for last in "0123456789":
        number = [int(d) for d in (digits + last)][::-1]
        if (sum(number[::2]) + sum(sum(divmod(2 * d, 10)) for d in number[1::2])) % 10 == 0:
            return digits + last
    raise AssertionError


ID = id_number("61011319900101123")
CARD = card("622202123456789")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("打电话13800138000找老张", [Kind.CN_MOBILE]),
        ("+86 138-0013-8000", [Kind.CN_MOBILE]),
        ("0086 138 0013 8000", [Kind.CN_MOBILE]),
        ("138.0013.8000", [Kind.CN_MOBILE]),
        ("１３８００１３８０００", [Kind.CN_MOBILE]),
        ("138\u200b0013\u200d8000", [Kind.CN_MOBILE]),
        ("一三八零零一三八零零零", [Kind.CN_MOBILE]),
        ("幺叁捌〇〇壹三八0零〇", [Kind.CN_MOBILE]),
        (f"身份证{ID}", [Kind.CN_ID18]),
        (f"{ID[:6]} {ID[6:14]} {ID[14:]}", [Kind.CN_ID18]),
        (f"x{ID.lower()}y", [Kind.CN_ID18]),
        (f"12 {ID}", [Kind.CN_ID18]),
        (f"卡号 {CARD}", [Kind.BANK_CARD]),
        (f"{CARD[:4]} {CARD[4:8]} {CARD[8:12]} {CARD[12:]}", [Kind.BANK_CARD]),
        ("写信 someone.else+x@mail.example.org 谢谢", [Kind.EMAIL]),
        ("someone＠example．org", [Kind.EMAIL]),
        ("微信号：zhang_san66", [Kind.WECHAT]),
        ("vx: abc12345", [Kind.WECHAT]),
        ("wxid_abc12345", [Kind.WECHAT]),
        ("QQ 12345678", [Kind.WECHAT]),
        ("029-12345678", [Kind.LANDLINE]),
        ("(0917) 1234567", [Kind.LANDLINE]),
        ("护照号 E12345678", [Kind.CN_PASSPORT]),
        ("passport: EA1234567", [Kind.CN_PASSPORT]),
        ("3号楼2单元501室", [Kind.DOOR]),
        ("12栋503室", [Kind.DOOR]),
        ("三号楼二单元五零一室", [Kind.DOOR]),
        ("2单元501", [Kind.DOOR]),
        ("北路16号X4-308室", [Kind.DOOR]),
        (f"{ID}，13800138000", [Kind.CN_ID18, Kind.CN_MOBILE]),
    ],
)
def test_what_has_the_form_of_personal_data_is_noticed(text: str, kinds: list[Kind]) -> None:
    assert [finding.kind for finding in findings(text)] == kinds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "需要大米500万斤，雁塔区",
        org_code("91110000802100433"),
        f"统一社会信用代码 {org_code('52610000MJU123456').lower()}",
        id_number("61011319901301123"),  # no thirteenth month
        ID[:-1] + ("0" if ID[-1] != "0" else "1"),
        CARD[:-1] + str((int(CARD[-1]) + 1) % 10),
        "2022-01-03 18:00",
        "12345678901234567890",
        "1380013800",
        "138001380001",
        "GB 19083-2010, YY/T 0969-2013",
        "微信群里说过了",
        "2022-W01",
        "E12345678",
        "ICU病房3间，20室内帐篷",
        "610113",
        "20教室",
        "http://www.example.org/info/2020/C0126.htm",
        "一二三四",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert findings(text) == []


def test_an_organisation_code_hides_what_lies_in_it() -> None:
    """An all-digit code whose digits would make a card number."""
    rng = Random(7)
    while True:
        code = org_code("5" + "".join(rng.choice("0123456789") for _ in range(16)))
        if code.isdecimal() and code == card(code[:-1]):
            break
    assert findings(code) == []
    assert [f.kind for f in findings(code.replace(code[8], code[8] + " ", 1))] == [Kind.BANK_CARD]


def test_a_span_points_into_the_text_as_it_was_given() -> None:
    text = "联系\u200b１３８\u200b００１３８０００。"
    (found,) = findings(text)
    assert text[found.start : found.end] == "１３８\u200b００１３８０００"
    number = "幺三八零零一三八零零零"
    (found,) = findings(f"请打{number}！")
    assert f"请打{number}！"[found.start : found.end] == number


def test_random_numbers_are_rarely_taken_for_identity_numbers() -> None:
    rng = Random(1)
    numbers = ("".join(rng.choice("0123456789") for _ in range(18)) for _ in range(40_000))
    hits = sum(any(f.kind is Kind.CN_ID18 for f in findings(number)) for number in numbers)
    assert hits <= 10


@given(st.text())
def test_any_text_gives_spans_within_it(text: str) -> None:
    for finding in findings(text):
        assert 0 <= finding.start < finding.end <= len(text)


@given(st.text(alphabet="0123456789 -@.aA:微信号楼单元室护照vxq+()〇一", max_size=60))
def test_texts_near_the_patterns_give_spans_within_them(text: str) -> None:
    for finding in findings(text):
        assert 0 <= finding.start < finding.end <= len(text)


@pytest.mark.parametrize(
    "piece", ["1", "6 ", "a", "a@", "a.", "微信", "vx ", "单元1", "1号", "护照", "0", "(0", "一"]
)
def test_no_text_takes_long(piece: str) -> None:
    started = time.process_time()
    findings(piece * (16_384 // len(piece)))
    assert time.process_time() - started < 2
