"""Finds personal data that must not be signed in the clear. Spec: 13.4.

Owns the detector: text in, kinds and spans out, never the text itself, so that a finding can be
logged. It is used when a record is authored and in every adapter. It notices numbers and addresses
that have a form; names have none and stay a person's job.

Check digits keep harmless numbers apart (of 200,000 random strings in the form of an identity
number about six pass); where there is none, as with mobile numbers, the caller decides by the field
what a finding means. All patterns are bounded, so that no text is slow.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from hutong_protocol.instants import instant_ms


class Kind(StrEnum):
    """What was found. Spec: 13.4.3."""

    CN_ID18 = "cn_id18"
    BANK_CARD = "bank_card"
    CN_MOBILE = "cn_mobile"
    EMAIL = "email"
    WECHAT = "wechat"
    LANDLINE = "landline"
    CN_PASSPORT = "cn_passport"
    DOOR = "door"


@dataclass(frozen=True, slots=True)
class Finding:
    """A kind, and where in the text as it was given: `text[start:end]`."""

    kind: Kind
    start: int
    end: int


_Span: TypeAlias = tuple[int, int]

_CHINESE_DIGITS: Final = {
    **dict(zip("〇零一二三四五六七八九", "00123456789", strict=True)),
    **dict(zip("壹贰叁肆伍陆柒捌玖幺两", "12345678912", strict=True)),
}
_DIGIT_RUN = re.compile(f"[0-9{''.join(_CHINESE_DIGITS)}]{{5,}}")
_WORTH_A_LOOK = re.compile(r"[0-9@]|微信|wechat|weixin|vx|wx|qq|单元|楼|栋|幢|座", re.IGNORECASE)

# Lookaheads with a group: every position is a candidate, so that a number in the wrong place before
# the right one does not hide it.
_ID18 = re.compile(r"(?<![0-9])(?=([1-9](?:[ -]?[0-9]){16}[ -]?[0-9Xx])(?![0-9]))")
_ORG_CODE = re.compile(r"(?<![0-9A-Za-z])(?=([0-9A-HJ-NP-RTUW-Y]{18})(?![0-9A-Za-z]))")
_CARDS = tuple(
    re.compile(rf"(?<![0-9])(?=([3-6](?:[ -]?[0-9]){{{digits - 1}}})(?![0-9]))")
    for digits in (19, 18, 17, 16)
)
_MOBILE = re.compile(
    r"(?<![0-9])(?=((?:(?:\+|00)?86[ .-]?)?1[ .-]?[3-9](?:[ .-]?[0-9]){9})(?![0-9]))"
)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])(?=([A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}))"
)
_WECHAT = re.compile(
    r"(?=((?:微信号?[ :]{0,4}|(?<![a-z0-9])(?:wechat|weixin|vx|wx)[ :]{1,4}|(?<![a-z0-9])(?=wxid_))"
    r"[a-z][a-z0-9_-]{5,19}|(?<![a-z])qq号?[ :]{0,4}[0-9]{5,11}(?![0-9])))",
    re.IGNORECASE,
)
_LANDLINE = re.compile(
    r"(?<![0-9])(?=((?:\(0[1-9][0-9]{1,2}\)|0[1-9][0-9]{1,2}[ -])[ -]?[0-9]{7,8})(?![0-9]))"
)
_PASSPORT = re.compile(
    r"(?:护照|passport).{0,10}?(?<![A-Z0-9])(?=([EGDSPH][A-Z]?[0-9]{7,8})(?![A-Z0-9]))",
    re.IGNORECASE,
)
_NUMBER = "[0-9零〇一二三四五六七八九十百]{1,5}"
_DOOR = re.compile(
    rf"(?=({_NUMBER}(?:号楼|栋|幢|座) ?(?:{_NUMBER}单元 ?)?{_NUMBER}(?:室|号|户)"
    rf"|{_NUMBER}单元 ?{_NUMBER}(?:室|号|户)?|{_NUMBER}(?:号|-)[A-Za-z0-9-]{{0,6}}?{_NUMBER}室))"
)

_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ORG_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def findings(text: str) -> list[Finding]:
    """The personal data noticed in `text`, by kind in the order of the specification, then place.

    Any str is allowed. What lies inside an earlier finding, or inside the code of an organisation,
    is not reported again. Spec: 13.4.
    """
    prepared, origins = _prepare(text)
    if _WORTH_A_LOOK.search(prepared) is None:
        return []
    found: list[Finding] = []
    covered = bytearray(len(prepared))
    for kind, spans in _SEARCHES:
        for start, end in spans(prepared):
            if covered.count(1, start, end) == end - start:
                continue
            covered[start:end] = b"\1" * (end - start)
            if kind is not None:
                found.append(Finding(kind, origins[start], origins[end - 1] + 1))
    return found


def _prepare(text: str) -> tuple[str, list[int]]:
    """The text that is searched, and for each of its characters the index in the given one."""
    letters: list[str] = []
    origins: list[int] = []
    for index, letter in enumerate(text):
        if letter.isascii():
            letters.append(letter)
            origins.append(index)
        elif unicodedata.category(letter) != "Cf":
            for form in unicodedata.normalize("NFKC", letter):
                digit = unicodedata.decimal(form, None)
                letters.append(form if digit is None else str(digit))
                origins.append(index)
    plain = _DIGIT_RUN.sub(
        lambda run: "".join(_CHINESE_DIGITS.get(letter, letter) for letter in run[0]),
        "".join(letters),
    )
    return plain, origins


def _matches(pattern: re.Pattern[str]) -> Callable[[str], Iterator[_Span]]:
    def spans(text: str) -> Iterator[_Span]:
        return (match.span(1) for match in pattern.finditer(text))

    return spans


def _identity_numbers(text: str) -> Iterator[_Span]:
    for match in _ID18.finditer(text):
        number = re.sub("[ -]", "", match[1]).upper()
        date = f"{number[6:10]}-{number[10:12]}-{number[12:14]}T00:00:00Z"
        total = sum(int(n) * weight for n, weight in zip(number, _ID_WEIGHTS, strict=False))
        if (
            number[6:8] in ("19", "20")
            and instant_ms(date) is not None
            and "10X98765432"[total % 11] == number[17]
        ):
            yield match.span(1)


def _organisation_codes(text: str) -> Iterator[_Span]:
    for match in _ORG_CODE.finditer(text.upper()):
        values = [_ORG_ALPHABET.index(letter) for letter in match[1]]
        total = sum(value * pow(3, place, 31) for place, value in enumerate(values[:17]))
        if (31 - total % 31) % 31 == values[17]:
            yield match.span(1)


def _bank_cards(text: str) -> Iterator[_Span]:
    for pattern in _CARDS:
        for match in pattern.finditer(text):
            digits = [int(digit) for digit in re.sub("[ -]", "", match[1])][::-1]
            doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
            if (sum(digits[::2]) + sum(doubled)) % 10 == 0:
                yield match.span(1)


_SEARCHES: Final[tuple[tuple[Kind | None, Callable[[str], Iterator[_Span]]], ...]] = (
    (Kind.CN_ID18, _identity_numbers),
    (None, _organisation_codes),
    (Kind.BANK_CARD, _bank_cards),
    (Kind.CN_MOBILE, _matches(_MOBILE)),
    (Kind.EMAIL, _matches(_EMAIL)),
    (Kind.WECHAT, _matches(_WECHAT)),
    (Kind.LANDLINE, _matches(_LANDLINE)),
    (Kind.CN_PASSPORT, _matches(_PASSPORT)),
    (Kind.DOOR, _matches(_DOOR)),
)
