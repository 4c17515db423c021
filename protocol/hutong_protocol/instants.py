"""Times of records: the accepted grammar, and the instant in milliseconds. Spec: 12.3.5.

Own arithmetic over the proleptic Gregorian calendar, because the year 1 with an offset lies outside
of what date libraries can hold, and because two implementations must accept exactly the same texts.
There are no leap seconds and no local times; zones by name are for people only.
"""

from __future__ import annotations

import re

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,3}))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_EPOCH_DAY = 719_162
"""Days from 0001-01-01 to 1970-01-01."""


def instant_ms(text: str) -> int | None:
    """Milliseconds from 1970-01-01T00:00:00Z to the time that `text` states; None if it is none.

    Any str is allowed. Spec: 12.3.5.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[n]) for n in range(1, 7))
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= _days_in(year, month)):
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    offset = 0
    if match[8]:
        hours, minutes = int(match[9]), int(match[10])
        offset = hours * 60 + minutes
        if hours > 23 or minutes > 59 or (match[8] == "-" and offset == 0):
            return None
        if match[8] == "-":
            offset = -offset
    fraction = int((match[7] or "0").ljust(3, "0"))
    days = _day_number(year, month, day) - _EPOCH_DAY
    return (((days * 24 + hour) * 60 + minute - offset) * 60 + second) * 1_000 + fraction


def instant_text(ms: int) -> str:
    """The time in UTC that `ms` is, without a fraction if that is zero.

    For years 1 to 9999; `instant_ms` of it gives `ms` back.
    """
    seconds, fraction = divmod(ms, 1_000)
    days, rest = divmod(seconds, 86_400)
    year, month, day = _date(days + _EPOCH_DAY)
    tail = f".{fraction:03}" if fraction else ""
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{year:04}-{month:02}-{day:02}T{clock}{tail}Z"


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days_in(year: int, month: int) -> int:
    return 29 if month == 2 and _leap(year) else _MONTH_DAYS[month - 1]


def _day_number(year: int, month: int, day: int) -> int:
    """Days from 0001-01-01, which is 0."""
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400
    return days + sum(_days_in(year, earlier) for earlier in range(1, month)) + day - 1


def _date(number: int) -> tuple[int, int, int]:
    # By the mean length of a year: leap days run ahead of it by less than one, so never too late.
    year = number * 400 // 146_097 + 1
    while _day_number(year + 1, 1, 1) <= number:
        year += 1
    month, left = 1, number - _day_number(year, 1, 1)
    while left >= _days_in(year, month):
        left -= _days_in(year, month)
        month += 1
    return year, month, left + 1
