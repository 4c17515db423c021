"""Reads how many of something are in one unit, where a specification states it: 2000只/箱.

Owns what counts as stated: a number, a known unit, and the unit that holds them, `2000只/箱` or
`每箱2000只`. A chain is multiplied where every step has its unit and each holds the one before it,
10支*42盒/箱 being 420 支 in a 箱; a size before the first counted thing is no step, so that
5L*4瓶/件 are 4 瓶 in a 件. All else (2500/箱, 12件*100个, 24粒X10小盒X40/箱, 12瓶*500ml/箱) states
no pack. Nothing is guessed and nothing raised: no pack is a usual answer. Spec: 12.7.4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from hutong_adapters.number_text import MILLION, cleaned, decimal_text, folded, number_at
from hutong_adapters.unit_words import MEASURES, known_at

CHARACTERS_MAX: Final = 100
_LARGEST: Final = 10**18 * MILLION

_TIMES: Final = re.compile(" *[*xX×✕] *")
_PER: Final = re.compile(" */ *每? *| *每 *")
_EACH: Final = re.compile(" *每(?:一)? *")
_HOLDS: Final = re.compile(" *(?:装有|装|有|含|共)? *")
_REMARK: Final = re.compile(r" *(?:\([^()]*\))? *[.。]?")

_HOLDERS: Final = ("板 袋 瓶 管 罐 听 小袋 小瓶", "盒 包 提 小盒 小包", "箱 件 大箱 小箱 大包 大袋")
_RANKS: Final = {word: rank for rank, words in enumerate(_HOLDERS, 1) for word in words.split()}
"""What usually holds what; any other word is a piece. Two of one rank are in no order."""


@dataclass(frozen=True, slots=True)
class StatedPack:
    """One `unit` is `value` of `of`; the units as they were written."""

    unit: str
    value: str
    of: str


@dataclass(frozen=True, slots=True)
class _Step:
    """`number` (in millionths) of `unit`, and the unit that holds them if that is said."""

    number: int
    unit: str
    holder: str


def read_pack(text: str) -> StatedPack | None:
    """The pack that a text states; None if it states none, or not clearly."""
    shown = cleaned(text).strip()
    plain = folded(shown)
    if not plain or len(plain) > CHARACTERS_MAX:
        return None
    each = _EACH.match(plain)
    if each is not None:
        return _each_holds(plain, each.end())
    steps: list[_Step] = []
    at = 0
    while (found := _step(plain, at)) is not None:
        step, at = found
        steps.append(step)
        times = _TIMES.match(plain, at)
        if times is None:
            return _chain(steps) if _REMARK.fullmatch(plain, at) else None
        at = times.end()
    return None


def _each_holds(plain: str, at: int) -> StatedPack | None:
    """每箱2000只."""
    length = known_at(plain, at)
    holds = _HOLDS.match(plain, at + length)
    found = _step(plain, at + length if holds is None else holds.end())
    if not length or found is None or found[0].holder or not _REMARK.fullmatch(plain, found[1]):
        return None
    return _chain([_Step(found[0].number, found[0].unit, plain[at : at + length])])


def _step(plain: str, at: int) -> tuple[_Step, int] | None:
    number = number_at(plain, at)
    if number is None or number.chinese or number.more or number.millionths == 0:
        return None
    unit_at = number.end + (plain[number.end : number.end + 1] == " ")
    length = known_at(plain, unit_at)
    if not length:
        return None
    end = unit_at + length
    per = _PER.match(plain, end)
    holder = 0 if per is None else known_at(plain, per.end())
    if per is None:
        return _Step(number.millionths, plain[unit_at:end], ""), end
    if not holder:
        return None
    behind = per.end() + holder
    return _Step(number.millionths, plain[unit_at:end], plain[per.end() : behind]), behind


def _chain(steps: list[_Step]) -> StatedPack | None:
    """The whole of a chain, whose last step says what holds it."""
    if len(steps) > 1 and steps[0].unit.lower() in MEASURES and not steps[0].holder:
        steps = steps[1:]
    unit = steps[-1].holder
    number = steps[0].number
    for inner, outer in pairwise(steps):
        if inner.holder not in ("", outer.unit) or not (inner.holder or _holds(inner, outer)):
            return None
        if number % MILLION or outer.number % MILLION:
            return None
        number = number // MILLION * outer.number
    units = [step.unit for step in steps] + [unit]
    if not unit or len(set(units)) < len(units) or number >= _LARGEST:
        return None
    return StatedPack(unit, decimal_text(number), steps[0].unit)


def _holds(inner: _Step, outer: _Step) -> bool:
    measured = {inner.unit.lower(), outer.unit.lower()} & MEASURES
    return not measured and _RANKS.get(inner.unit, 0) < _RANKS.get(outer.unit, 0)
