"""Reads how much a cell states: a bound, numbers and a unit out of words. Spec: 12.3.8.

Owns the grammar `[约 近 超 ...] number [余 多 + 以上 ...] unit`, ranges, and words such as 不限 and
若干. What it reads is exact; what it can't read is `unknown` with a concern, never a number that
somebody might have meant. Of two amounts the first counts and nothing is added: 1400瓶60箱 are the
same goods twice. All that stood beside the amount is told, and raises a concern, so that whoever
screens the row sees it.

Pure: text in, a `Reading` out. Codes of units, packs and personal data are others' business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hutong_adapters.number_text import (
    MILLION,
    FoundNumber,
    cleaned,
    decimal_text,
    folded,
    number_at,
)
from hutong_adapters.unit_words import KNOWN, known_at

CHARACTERS_MAX: Final = 200
"""A longer cell is prose, and not read."""
_POINTS: Final = " .,;:、。!"


class Concern(StrEnum):
    """What a person has to look at in a cell that was read, or was not."""

    NOT_UNDERSTOOD = "quantity-not-understood"
    TWO_AMOUNTS = "two-amounts"
    GUESSED = "quantity-guessed"
    WORDS_BESIDE = "words-beside-quantity"
    UNIT_MISSING = "unit-missing"
    UNITS_DIFFER = "units-differ"


CONCERN_WORDS: Final[Mapping[Concern, str]] = MappingProxyType(
    {
        Concern.NOT_UNDERSTOOD: "states no amount that could be read; it stands as unknown",
        Concern.TWO_AMOUNTS: "states more than one amount; the first counts, nothing was added",
        Concern.GUESSED: "states a range like 1-2万, read as 10,000 to 20,000",
        Concern.WORDS_BESIDE: "has words beside the amount that may change what it means",
        Concern.UNIT_MISSING: "states a number without a unit, and the mapping has none for it",
        Concern.UNITS_DIFFER: "has another unit than the column for units; that of the cell counts",
    }
)
"""The same for people. Never quotes the cell."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a cell states. Numbers are decimals of the specification.

    `value`, `least` and `most` stand as the bound wants them: `value` with `exact`; `value`, or
    `least` and `most`, with `estimate`; `least` with `at_least`; `most` with `up_to`; nothing with
    `unbounded` and `unknown`. `unit` is as it was written, empty where there is none. `before` and
    `after` are what stood beside the amount. `steps` say in words how it was read.
    """

    bound: str
    value: str | None = None
    least: str | None = None
    most: str | None = None
    unit: str = ""
    before: str = ""
    after: str = ""
    steps: tuple[str, ...] = ()
    concern: Concern | None = None

    @property
    def clean(self) -> bool:
        """Whether an amount was read and all of the text belongs to it, or to a second amount."""
        stated = any((self.value, self.least, self.most)) or self.bound == "unbounded"
        return stated and self.concern in (None, Concern.GUESSED, Concern.TWO_AMOUNTS)


_EVERY_WORD: Final = re.compile(
    "(?:数量)?(?:不限(?:量|数量|制)?|越多越好|多多益善|没有上限|无上限|无限量?|有多少要多少|有多少收多少)"
)
_NO_NUMBER: Final = re.compile(
    "(若干|大量|少量|适量|少许|一些|一批|部分|一部分|很多|许多|不详|不明|未知|不清楚|待定|待统计|待核实|待确认|未统计)"
)


def _saying(bound: str, words: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), bound)


_PREFIXES: Final[Mapping[str, str]] = {
    **_saying("estimate", "约 大约 大概 约计 约莫 估计 预计 预估 近 将近 接近 差不多 ~ ≈"),
    **_saying("at_least", "不少于 不低于 不小于 至少 最少 起码 超 超过 逾 多于 大于 高于 > >= ≥ ≧"),
    **_saying("up_to", "不超过 不多于 不大于 不高于 最多 至多 少于 小于 低于 不足 不到 < <= ≤ ≦"),
    **_saying("", "共 共计 总计 总共 合计 计 总数 总量 数量 需 需要"),
}
_SUFFIXES: Final[Mapping[str, str]] = {
    **_saying("estimate", "左右 上下"),
    **_saying("at_least", "以上 及以上"),
    **_saying("up_to", "以内 以下 之内"),
}


def _either(words: Mapping[str, str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


_PREFIX: Final = re.compile(f"({_either(_PREFIXES)})[ :]*")
_PREFIXES_AT_END: Final = re.compile(f"(?:(?:{_either(_PREFIXES)})[ :]*)+$")
_BOUND_WORDS: Final = re.compile(_either({word: "" for word, bound in _PREFIXES.items() if bound}))
_OVER: Final = re.compile("上(?=[百千万亿])")
_TIMES: Final = re.compile("[*xX×✕] ?(?=[0-9])")
_TIMES_AT_END: Final = re.compile("[*xX×✕] ?$")
_SUFFIX: Final = re.compile(rf" *(?:({_either(_SUFFIXES)})|\+(?! ?[0-9]))")
_SUFFIX_OF_RUN: Final = re.compile(f"(.+?)(?={_either(_SUFFIXES)})")
_MORE: Final = re.compile("[余多来]")
_RANGE: Final = re.compile(" *(?:--?|~|至|到) *")
_HALF: Final = re.compile("半(?=.)")
_RUN: Final = re.compile(r"[^\W\d_]+")
_HAN: Final = re.compile("[\u3400-\u9fff]{1,4}")
_LATIN: Final = re.compile("[A-Za-z]{2,12}")
_NO_UNIT: Final = re.compile("[几数多余半来第每各年月日号时点分装入%]|[kKwW](?![A-Za-z])")
_BOOKED: Final = re.compile(r" *\( *[0-9.,]+ *\) *")
_BRACKETED: Final = re.compile(r" *[(\[【]([^()\[\]【】]*)[)\]】] *")
_BESIDE: Final = re.compile(r"[^\W\d_]|[ (\[【,;:、。!+*x×~-]")
_PACKED: Final = re.compile("[半装入]")
_WORDS_BEFORE: Final = re.compile(r"(?:[^\W\d_]|[ ()\[\]【】,;:、*×])*")
_CHANGES_IT: Final = re.compile("[各每均不无没非未第减负差除另]")


@dataclass(frozen=True, slots=True)
class _Amount:
    """An amount and where it ends in the text."""

    reading: Reading
    end: int


def read_quantity(text: str) -> Reading:
    """What a cell states. Any text is allowed, and nothing is raised."""
    shown = cleaned(text)
    plain = folded(shown)
    if not plain.strip(" "):
        return Reading("unknown", steps=("empty",))
    if len(plain) > CHARACTERS_MAX:
        return _not_understood(f"longer than {CHARACTERS_MAX} characters")
    if _BOOKED.fullmatch(plain):
        return _not_understood(
            "a number in brackets, which bookkeepers write for less than nothing"
        )
    bracketed = _BRACKETED.fullmatch(plain)
    if bracketed is not None:
        shown, plain = (each[slice(*bracketed.span(1))] for each in (shown, plain))
    said = _in_words(shown, plain)
    if said is not None:
        return said
    start = len(plain) - len(plain.lstrip(" "))
    for begin in _beginnings(plain, start, len(plain)):
        amount = _amount_at(shown, plain, begin)
        if amount is not None:
            return _with_words_beside(shown, plain, begin, amount)
    return _not_understood("no amount that can be read")


def _not_understood(step: str) -> Reading:
    return Reading("unknown", steps=(step,), concern=Concern.NOT_UNDERSTOOD)


def _in_words(shown: str, plain: str) -> Reading | None:
    """不限 and 若干, alone or before a unit."""
    text = plain.strip(_POINTS)
    begin = plain.index(text) if text else 0
    for pattern, bound in ((_EVERY_WORD, "unbounded"), (_NO_NUMBER, "unknown")):
        match = pattern.match(text)
        if match is None:
            continue
        unit = text[match.end() :].strip(" ")
        if not unit or unit.lower() in KNOWN:
            at = begin + len(text) - len(unit)
            return Reading(bound, unit=shown[at : at + len(unit)], steps=(f"{bound} in words",))
    return None


def _beginnings(plain: str, start: int, end: int) -> Iterator[int]:
    """Where an amount may begin: at the start, or behind words before the first digit."""
    yield start
    before = _WORDS_BEFORE.match(plain, start, end)
    if before is None or before.end() == end or before.end() == start:
        return
    words = before[0]
    times = _TIMES_AT_END.search(words)
    begin = times or _PREFIXES_AT_END.search(words)
    other = words if begin is None else words[: begin.start()]
    last = other[-1:]
    if (
        _CHANGES_IT.search(other)
        or _BOUND_WORDS.search(other)
        or (last.isascii() and last.isalpha())
    ):
        return
    yield start + len(other)


def _amount_at(shown: str, plain: str, start: int) -> _Amount | None:
    """The amount that begins exactly here."""
    bounds: list[str] = []
    at = start
    while (match := _PREFIX.match(plain, at)) is not None:
        bounds.append(_PREFIXES[match[1]])
        at = match.end()
    for pattern, bound in ((_OVER, "at_least"), (_TIMES, "")):
        match = pattern.match(plain, at)
        if match is not None:
            bounds.append(bound)
            at = match.end()
            break
    number = _half(plain, at) or number_at(plain, at)
    if number is None:
        return None
    between = _range(shown, plain, number)
    if between is not None:
        second, unit, guessed = between
        return _ranged(shown, plain, bounds, (number, second), unit, guessed=guessed)
    return _single(shown, plain, bounds, number)


def _half(plain: str, at: int) -> FoundNumber | None:
    """半箱: half of one. A half that follows a number is not read."""
    if _HALF.match(plain, at) is None or not known_at(plain, at + 1):
        return None
    return FoundNumber(MILLION // 2, at + 1, MILLION // 2, chinese=True)


def _single(shown: str, plain: str, bounds: list[str], number: FoundNumber) -> _Amount | None:
    at = number.end
    more = number.more
    match = _MORE.match(plain, at)
    if match is not None and not more:
        more, at = match[0], match.end()
    if number.bare and not (more or any(bounds)):
        return None
    if more:
        bounds = [*bounds, "estimate" if more == "来" else "more"]
    value = decimal_text(number.millionths)
    steps = [f"number {value}"]
    tail = _tail(shown, plain, at, chinese=number.chinese)
    bound = None if tail is None else _bound([*bounds, *tail.bounds])
    if tail is None or bound is None:
        return None
    steps += [] if bound == "exact" else [bound]
    steps += [f"unit {tail.unit}"] if tail.unit else ["no unit"]
    reading = Reading(
        bound,
        value=value if bound in ("exact", "estimate") else None,
        least=value if bound == "at_least" else None,
        most=value if bound == "up_to" else None,
        unit=tail.unit,
        steps=tuple(steps),
    )
    return _Amount(reading, tail.end)


def _bound(said: list[str]) -> str | None:
    """What the words around a number come to; None if they contradict each other.

    约500余 is a guess, 500余 is 500 or more.
    """
    stated = {bound for bound in said if bound}
    if "more" in stated:
        stated -= {"more"}
        stated |= set() if stated else {"at_least"}
    if {"at_least", "up_to"} <= stated or ("more" in said and "up_to" in stated):
        return None
    for bound in ("at_least", "up_to", "estimate"):
        if bound in stated:
            return bound
    return "exact"


# --- Ranges


def _range(
    shown: str, plain: str, first: FoundNumber
) -> tuple[FoundNumber, str | None, int] | None:
    """The second number of a range, and the unit of the first if it has one.

    At last, by which power of ten the first is multiplied if the range is like 1-2万; else 0.
    """
    if first.more or first.bare:
        return None
    at, unit = first.end, None
    length = known_at(plain, at)
    between = _RANGE.match(plain, at)
    if between is None and length:
        unit = shown[at : at + length]
        between = _RANGE.match(plain, at + length)
    second = None if between is None else number_at(plain, between.end())
    if second is None or second.more or second.bare:
        return None
    return second, unit, _said_once(first, second) if unit is None else 0


def _said_once(first: FoundNumber, second: FoundNumber) -> int:
    """The power of the 万 that the second number of a range may say for both.

    1-2万 and 一百到两百万; 500-2万 says it for the second only.
    """
    if not first.power and first.plain < second.plain:
        return second.power
    large = second.power // 4 * 4
    return large if first.power < 4 and first.millionths * 10**large < second.millionths else 0


_FAR: Final = 100
"""How many times the first number the second of a range is, at most, without a doubt."""


def _ranged(
    shown: str,
    plain: str,
    bounds: list[str],
    ends: tuple[FoundNumber, FoundNumber],
    unit: str | None,
    *,
    guessed: int,
) -> _Amount | None:
    first, second = ends
    least = first.millionths * 10**guessed
    tail = _tail(shown, plain, second.end, chinese=first.chinese or second.chinese)
    if tail is None or least > second.millionths or (unit is not None and unit != tail.unit):
        return None
    if {*bounds, *tail.bounds} - {"", "estimate"}:
        return None
    low, high = decimal_text(least), decimal_text(second.millionths)
    steps = (f"range {low} to {high}", f"unit {tail.unit}" if tail.unit else "no unit")
    # 500-2万 may be meant; whoever writes 5-1万 has probably left out a word.
    far = second.power > first.power and second.millionths > _FAR * least
    concern = Concern.GUESSED if guessed or far else None
    if low == high:
        reading = Reading("estimate", low, unit=tail.unit, steps=steps, concern=concern)
    else:
        reading = Reading("estimate", None, low, high, tail.unit, steps=steps, concern=concern)
    return _Amount(reading, tail.end)


# --- Units and what follows


@dataclass(frozen=True, slots=True)
class _Tail:
    """The unit behind a number, the bounds said around it, and where both end."""

    unit: str
    bounds: tuple[str, ...]
    end: int


def _tail(shown: str, plain: str, at: int, *, chinese: bool) -> _Tail | None:
    """The unit behind a number; None if what follows makes the number something else.

    Behind a number in Chinese words only a unit that is known, and nothing joined to it, so that
    一次性口罩 is no quantity.
    """
    bounds = []
    match = _SUFFIX.match(plain, at)
    if match is not None:
        bounds.append(_SUFFIXES.get(match[1], "at_least"))
        at = match.end()
    while plain[at : at + 1] == " ":
        at += 1
    length = _unit_length(plain, at, chinese=chinese)
    if length is None:
        return None
    end = at + length
    unit = shown[at:end]
    match = _SUFFIX.match(plain, end) if unit else None
    if match is not None and not bounds:
        bounds.append(_SUFFIXES.get(match[1], "at_least"))
        end = match.end()
    if chinese and _RUN.match(plain, end):
        return None
    return _Tail(unit, tuple(bounds), end)


def _unit_length(plain: str, at: int, *, chinese: bool) -> int | None:
    """How many characters are the unit: 0 where there is none, None if it can't be one."""
    known = known_at(plain, at)
    run = _RUN.match(plain, at)
    if run is None:
        return known
    if known == len(run[0]):
        return known
    if _NO_UNIT.match(plain, at) and not known:
        return None
    head = _SUFFIX_OF_RUN.match(run[0])
    word = run[0] if head is None else head[1]
    if known and (known >= len(word) or not chinese):
        return known
    follows = plain[at + len(word) : at + len(word) + 1]
    if chinese or (follows.isalnum() and head is None):
        return None
    plausible = _HAN.fullmatch(word) or _LATIN.fullmatch(word)
    return len(word) if plausible else None


def _with_words_beside(shown: str, plain: str, begin: int, amount: _Amount) -> Reading:
    """The amount as it stands, or why it can't stand among its neighbours."""
    reading = amount.reading
    before = shown[:begin].strip()
    after = shown[amount.end :].strip()
    rest = plain[amount.end :].strip(_POINTS)
    concern = reading.concern
    if before:
        concern = Concern.WORDS_BESIDE
    if rest:
        if not _BESIDE.match(rest) and not (rest[0].isdigit() and reading.unit):
            return _not_understood("a number beside signs that may change it")
        another = _has_amount(shown, plain, amount.end)
        if _PACKED.match(rest) or (rest[0] == "每" and not another):
            return _not_understood("what one holds, or how often; not how much")
        if (rest[0].isdigit() or not reading.unit) and not another and _has_digit(rest):
            return _not_understood("several numbers")
        if another and not reading.unit:
            return _not_understood("several numbers")
        concern = Concern.TWO_AMOUNTS if another else Concern.WORDS_BESIDE
    steps = reading.steps
    steps += ("words beside it",) if before or after.strip(_POINTS + "。，；：！") else ()
    return replace(reading, before=before, after=after, steps=steps, concern=concern)


def _has_amount(shown: str, plain: str, start: int) -> bool:
    """Whether a number with a known unit stands anywhere from here on."""
    for at in range(start, len(plain)):
        number = _half(plain, at) or number_at(plain, at)
        if number is not None and known_at(plain, number.end + (plain[number.end :][:1] == " ")):
            return True
    return False


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() or letter.isnumeric() for letter in text)
