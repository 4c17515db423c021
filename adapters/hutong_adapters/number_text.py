"""Numbers as people write them in Chinese sheets, exactly: 13.5万, 三百五十, 1亿2000万.

Owns which characters are digits here. Full-width digits and signs count as their ASCII forms, by
rule and not by accident; the digits of other scripts, superscripts, fractions and Roman numerals
are no digits, and neither an underscore nor an exponent is part of a number (Threat 42). A text is
never given to `int` or `float`: digits pass `number_from_text` of the core, and the rest is whole
millionths. Numbers of more than six decimals or eighteen digits are not read.

What has more than one reading is not read either: 1,5 and 2、5 and 1万2, 十几, 三五, 二〇二〇.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hutong_protocol.quantity import decimal_millionths, number_from_text

MILLION: Final = 1_000_000
_TOO_LARGE: Final = 10**18 * MILLION

_WITHOUT_WIDTH: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_BLANKS: Final = "\t\n\r\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_FORMS: Final[Mapping[int, int | str]] = {
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(map(ord, _BLANKS + "\u202f\u205f\u3000"), " "),
    **str.maketrans("〜∼–—―", "~~---"),
    **str.maketrans("約餘總計過於萬億兩來幾數裝無詳", "约余总计过于万亿两来几数装无详"),
    **str.maketrans("壹贰貳叁參肆伍陆陸柒捌玖拾佰仟〇", "一二二三三四五六六七八九十百千零"),
}
"""One character for one, so that a place in the folded text is the same place in the other."""

_ARABIC: Final = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,24})(\.[0-9]{1,24})?")
_GOES_ON: Final = re.compile(r"[0-9]|[.,、/:'_][0-9]")
_POWERS: Final[Mapping[str, int]] = {"十": 1, "百": 2, "千": 3, "万": 4, "亿": 8, "万亿": 12}
_THOUSAND: Final = "千(?![克米瓦卡赫帕伏])"
"""2千克 is two kilograms, not two thousand grams; it is the same amount."""
_MULTIPLIER: Final = re.compile(f"(百|{_THOUSAND})?(万亿|万|亿)?")
_INNER_MORE: Final = re.compile("([余多来])(?=[百千万亿])")
_CHINESE: Final = re.compile(f"(?:[零一二两三四五六七八九十百万亿廿卅]|{_THOUSAND}){{1,24}}")
_DIGITS: Final = dict(zip("零一二两三四五六七八九", (0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_TENS: Final = {"廿": 2, "卅": 3}
_GOES_ON_IN_WORDS: Final = re.compile(f"[零一二三四五六七八九十百万亿廿卅几数]|{_THOUSAND}")
_GOES_ON_IN_DIGITS: Final = re.compile("[0-9几数]")


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """A number in a text. `millionths` is its exact value, `end` the place behind it.

    `plain` is the number before its 百, 千, 万 or 亿, and `power` that of ten which these make.
    `more` is 余, 多 or 来 between the two. `bare` says that only such a word stands there, as in
    百余. `chinese` says that it is written without digits.
    """

    millionths: int
    end: int
    plain: int
    power: int = 0
    more: str = ""
    bare: bool = False
    chinese: bool = False


def cleaned(text: str) -> str:
    """A text without the characters that have no width."""
    return text.translate(_WITHOUT_WIDTH)


def folded(text: str) -> str:
    """A text with signs in ASCII and words of numbers in one form, each at its own place."""
    return text.translate(_FORMS)


def decimal_text(millionths: int) -> str:
    """A number of millionths as a decimal of the specification. Spec: 12.3.4."""
    whole, rest = divmod(millionths, MILLION)
    return f"{whole}.{rest:06}".rstrip("0") if rest else str(whole)


def number_at(text: str, start: int) -> FoundNumber | None:
    """The number that begins at a place of a folded text; None if none that can be read does."""
    found = _arabic(text, start) or _chinese(text, start)
    if found is None or found.millionths >= _TOO_LARGE:
        return None
    behind = _GOES_ON_IN_WORDS if not found.chinese else _GOES_ON_IN_DIGITS
    return None if behind.match(text, found.end) else found


# --- With digits


def _arabic(text: str, start: int) -> FoundNumber | None:
    first = _part(text, start)
    if first is None:
        return None
    total, last = first.millionths, first
    while last.power and not last.more and text[last.end : last.end + 1].isascii():
        following = _part(text, last.end)
        if following is None:
            break
        fits = following.millionths < 10**last.power * MILLION
        stated = following.power or _digits_at(text, last.end) > 2
        whole = last.plain % MILLION == 0 and following.plain % MILLION == 0
        if not (fits and stated and whole):
            return None
        total, last = total + following.millionths, following
    if _GOES_ON.match(text, last.end):
        return None
    if last is first:
        return first
    return FoundNumber(total, last.end, first.plain, first.power, last.more)


def _digits_at(text: str, start: int) -> int:
    match = _ARABIC.match(text, start)
    return 0 if match is None else len(match[0])


def _part(text: str, start: int) -> FoundNumber | None:
    """One run of digits with what multiplies it."""
    match = _ARABIC.match(text, start)
    if match is None or re.match("0[0-9]", match[0]):
        # 027 is the beginning of a telephone number, or of some other that counts nothing.
        return None
    number = number_from_text(match[0])
    plain = None if number is None else decimal_millionths(number)
    if plain is None:
        return None
    more = _INNER_MORE.match(text, match.end())
    at = match.end() if more is None else more.end()
    power, end = _power_at(text, at)
    if not power:
        return FoundNumber(plain, match.end(), plain)
    return FoundNumber(plain * 10**power, end, plain, power, more[1] if more else "")


def _power_at(text: str, start: int) -> tuple[int, int]:
    match = _MULTIPLIER.match(text, start)
    if match is None:
        return 0, start
    return sum(_POWERS[word] for word in match.groups() if word), match.end()


# --- With words


def _chinese(text: str, start: int) -> FoundNumber | None:
    match = _CHINESE.match(text, start)
    if match is None:
        return None
    run = match[0]
    if len(run) > 1 and run[-1] == "两" and run[-2] in "十百千万亿":
        # 三百两: the unit.
        run = run[:-1]
    end = start + len(run)
    head = run.rstrip("百千万亿")
    power = _power_of(run[len(head) :])
    number = _chinese_number(run) if head else 10**power if power else None
    if number is None:
        return None
    value = number * MILLION
    more = _INNER_MORE.match(text, end)
    further, behind = (0, end) if more is None else _power_at(text, more.end())
    if more is not None and further:
        return FoundNumber(value * 10**further, behind, value, further, more[1], chinese=True)
    plain = (_chinese_number(head) if head else None) or number
    return FoundNumber(value, end, plain * MILLION, power, bare=not head, chinese=True)


def _power_of(words: str) -> int:
    """The power of ten that 百, 万 or 百万 stand for; 0 for what is no such word."""
    return _power_at(words, 0)[0] if words and _MULTIPLIER.fullmatch(words) else 0


def _chinese_number(run: str) -> int | None:
    """The number that a run of Chinese digits states; None if it states none, or several.

    Each of 亿 and 万 stands once, but for the 万 of 三万亿; 一万两万 are two numbers.
    """
    before, found, after = run.rpartition("亿")
    if not found:
        return _with_ten_thousands(run, first=True)
    number = _with_ten_thousands(before, first=True, whole=True)
    if not number or "亿" in before:
        return None
    return _after(number, 8, before, after, _with_ten_thousands(after, first=False))


def _with_ten_thousands(run: str, *, first: bool, whole: bool = False) -> int | None:
    """A number below 10^8; see `_section`."""
    before, found, after = run.partition("万")
    if not found:
        return _section(run, first=first, whole=whole)
    number = _section(before, first=first, whole=True)
    if not number:
        return None
    if whole and len(after) == 1:
        return None
    return _after(number, 4, before, after, _section(after, first=False, whole=whole))


def _after(number: int, power: int, before: str, after: str, rest: int | None) -> int | None:
    """A number of 万 or 亿 and what follows them: `rest`, or a last digit of the next lower word.

    一万二 is twelve thousand. 一百万二 is read in two ways, and not read.
    """
    whole: int = number * 10**power
    if not after:
        return whole
    if after in _DIGITS:
        lower: int = 10 ** (power - 1)
        return None if after == "零" or before[-1] in "百千万" else whole + _DIGITS[after] * lower
    return None if rest is None else whole + rest


def _section(run: str, *, first: bool, whole: bool) -> int | None:
    """A number below ten thousand.

    Args:
        first: nothing stands before it; else it may begin with 零.
        whole: 万 or 亿 follow, so that a last digit counts ones; at the end 三百五 is 350.
    """
    if run == "零" and first and not whole:
        return 0
    total, limit, place = 0, 4, 0
    while place < len(run):
        word, following = run[place], run[place + 1 : place + 2]
        zero, begins = word == "零", place == 0
        if zero:
            if (first and begins) or not following or following == "零":
                return None
            place += 1
            word, following = run[place], run[place + 1 : place + 2]
        if word in _TENS:
            number, power, place = _TENS[word], 1, place + 1
        elif word == "十" and (zero or (first and begins)):
            number, power, place = 1, 1, place + 1
        elif word in _DIGITS and following in ("十", "百", "千"):
            number, power, place = _DIGITS[word], _POWERS[following], place + 2
        elif word in _DIGITS and not following:
            colloquial = not zero and 1 < limit < 4
            if colloquial and whole:
                return None
            number, power, place = _DIGITS[word], limit - 1 if colloquial else 0, place + 1
        else:
            return None
        if power >= limit or (zero and not begins and power + 1 == limit):
            return None
        total, limit = total + number * 10**power, power
    return total or None
