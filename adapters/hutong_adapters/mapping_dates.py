"""Reads a date or time of a sheet by a stated pattern and in a stated zone. Spec: 12.3.5.

Owns the step `date` of mappings. A pattern is made of `YYYY`, `YY` (2000 to 2099), `MM`, `M`,
`DD`, `D`, `a` (上午, 下午, AM, PM), `hh`, `h`, `mm`, `ss`, `S` (a fraction of up to six digits, cut
to three), text in single quotes, and signs that stand for themselves; `rfc3339` is a time that
carries its offset, `excel-serial` and `excel-serial-1904` are the days that a workbook counts. Only
ASCII digits are digits. The zone is an IANA name from the mapping or from whoever imports, never
the host's; a local time that a zone skips or has twice is refused, since nobody can say which was
meant. So is a year that nobody gave.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hutong_protocol.instants import instant_ms

RFC3339: Final = "rfc3339"
SERIAL: Final = "excel-serial"
SERIAL_1904: Final = "excel-serial-1904"
NAMED: Final = (RFC3339, SERIAL, SERIAL_1904)
"""Formats that have a name and are no pattern."""

_TOKENS: Final = {
    "YYYY": ("year", "[0-9]{4}"),
    "YY": ("year", "[0-9]{2}"),
    "MM": ("month", "[0-9]{2}"),
    "M": ("month", "[0-9]{1,2}"),
    "DD": ("day", "[0-9]{2}"),
    "D": ("day", "[0-9]{1,2}"),
    "a": ("half", "上午|下午|[AaPp][Mm]"),
    "hh": ("hour", "[0-9]{2}"),
    "h": ("hour", "[0-9]{1,2}"),
    "mm": ("minute", "[0-9]{2}"),
    "ss": ("second", "[0-9]{2}"),
    "S": ("fraction", "[0-9]{1,6}"),
}
_TOKEN: Final = re.compile("YYYY|YY|MM|M|DD|D|a|hh|h|mm|ss|S|'[^']*'|.", re.DOTALL)
_CLOCK: Final = re.compile("([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])")
_YEAR: Final = re.compile("[0-9]{4}")
_SERIAL: Final = re.compile(r"([0-9]{1,7})(?:\.([0-9]{1,20}))?")
_CENTURY: Final = 2000
"""Of years in two digits. Sheets of needs are of today, and no birthday belongs in them."""
_OF_THE_HOST: Final = frozenset({"localtime", "posixrules"})
"""Files beside the zones, which are what somebody chose for this computer."""
_DAY_SECONDS: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING_GIVEN: Final[Mapping[str, str]] = MappingProxyType({})


class DateRefused(ValueError):
    """A pattern, zone or date can't be used; the message does not quote the date."""


@dataclass(frozen=True, slots=True)
class YearRule:
    """Which year a date without one is of: a fixed one, that of a parameter, or a guess.

    Exactly one is set. `near` names a parameter with a time: the date nearest to it is taken, so
    that 12月30日 in a list of January is of the year before.
    """

    fixed: int | None = None
    param: str | None = None
    near: str | None = None


@dataclass(frozen=True, slots=True)
class DateReading:
    """A time with its offset, and whether its year was guessed."""

    text: str
    year_guessed: bool = False


@dataclass(frozen=True, slots=True)
class DateStep:
    """How the dates of a column are written.

    `patterns` are tried in order. `zone_param` is the parameter that gives the zone, if it is not
    `zone`. `at` is the time of day of a pattern without one; with `day` it is that of all, and only
    the day in the zone counts.
    """

    patterns: tuple[str, ...]
    zone: str
    at: str
    expressions: tuple[re.Pattern[str] | None, ...]
    """Of each pattern; None for a format that has a name."""
    year: YearRule | None = None
    day: bool = False
    zone_param: str | None = None

    def zone_in(self, parameters: Mapping[str, str]) -> str:
        """The zone, with these values of the mapping's parameters."""
        return self.zone if self.zone_param is None else parameters[self.zone_param]

    def read(self, text: str, parameters: Mapping[str, str] = _NOTHING_GIVEN) -> DateReading:
        """The time that a text states, with the offset that the zone has then.

        Args:
            parameters: the values of the mapping's parameters, for a year or zone that one gives.

        Raises:
            DateRefused: no pattern fits, or it is no time that the zone has once.
        """
        if self.zone_param is not None:
            zoned = replace(self, zone=self.zone_in(parameters), zone_param=None)
            return zoned.read(text, parameters)
        for pattern, expression in zip(self.patterns, self.expressions, strict=True):
            guessed = False
            if expression is not None:
                match = expression.fullmatch(text)
                if match is None:
                    continue
                parts = {name: part for name, part in match.groupdict().items() if part}
                local, guessed = self._dated(parts, parameters)
            else:
                named = self._named(pattern, text)
                if named is None:
                    continue
                local = named
            if self.day:
                local = self._once(local.date(), self._clock())
            return DateReading(_text(local), guessed)
        raise DateRefused(f"is no date like {' or '.join(self.patterns)}")

    def _named(self, pattern: str, text: str) -> datetime | None:
        if pattern == RFC3339:
            instant = instant_ms(text)
            return None if instant is None else _in_zone(instant, self.zone)
        match = _SERIAL.fullmatch(text)
        if match is None:
            return None
        day, seconds = _from_serial(match[1], match[2] or "", since_1904=pattern == SERIAL_1904)
        if seconds is None:
            return self._once(day, self._clock())
        return self._once(day, time(seconds // 3600, seconds // 60 % 60, seconds % 60))

    def _dated(
        self, parts: Mapping[str, str], parameters: Mapping[str, str]
    ) -> tuple[datetime, bool]:
        """The local time of a pattern's parts, and whether its year was guessed."""
        clock = self._time(parts)
        if "year" in parts:
            year = int(parts["year"]) + (_CENTURY if len(parts["year"]) == 2 else 0)
            return self._once(_day(year, parts), clock), False
        rule = self.year
        assert rule is not None
        if rule.near is None:
            return self._once(_day(_stated_year(rule, parameters), parts), clock), False
        instant = instant_ms(parameters[rule.near])
        if instant is None:
            raise DateRefused(f"has no year, and the parameter {rule.near} is no time")
        nearest = _in_zone(instant, self.zone).date()
        return self._once(_nearest(nearest, parts), clock), True

    def _clock(self) -> time:
        return time.fromisoformat(self.at)

    def _time(self, parts: Mapping[str, str]) -> time:
        if "hour" not in parts:
            return self._clock()
        fraction = parts.get("fraction", "0")[:3].ljust(3, "0")
        hour = _hour(int(parts["hour"]), parts.get("half", ""))
        try:
            return time(
                hour,
                int(parts.get("minute", "0")),
                int(parts.get("second", "0")),
                int(fraction) * 1_000,
            )
        except ValueError:
            raise DateRefused("is no date of the calendar") from None

    def _once(self, day: date, clock: time) -> datetime:
        """A local time that the zone has once."""
        local = datetime.combine(day, clock, ZoneInfo(self.zone))
        if local.utcoffset() != local.replace(fold=1).utcoffset():
            # Skipped and repeated local times both differ in `fold`.
            raise DateRefused(f"is a time that {self.zone} skips or has twice")
        return local


# --- Parts of a date


def _day(year: int, parts: Mapping[str, str]) -> date:
    try:
        return date(year, int(parts["month"]), int(parts["day"]))
    except ValueError:
        raise DateRefused("is no date of the calendar") from None


def _stated_year(rule: YearRule, parameters: Mapping[str, str]) -> int:
    if rule.fixed is not None:
        return rule.fixed
    given = parameters.get(rule.param or "", "")
    if _YEAR.fullmatch(given) is None:
        raise DateRefused(f"has no year, and the parameter {rule.param} is no year like 2020")
    return int(given)


def _nearest(around: date, parts: Mapping[str, str]) -> date:
    """The day of this month and day that is nearest to another; the earlier of two."""

    def candidates() -> Iterator[date]:
        # Eight years, since 1900 had no 29 February.
        for year in range(max(1, around.year - 8), min(9999, around.year + 8) + 1):
            try:
                yield _day(year, parts)
            except DateRefused:
                continue

    found = min(candidates(), key=lambda day: abs(day - around), default=None)
    if found is None:
        raise DateRefused("is no date of the calendar")
    return found


def _hour(hour: int, half: str) -> int:
    """The hour of the day. 上午12点 is noon for some and midnight for others, and refused."""
    if not half:
        return hour
    afternoon = half == "下午" or half.upper() == "PM"
    if hour > 12 or (half == "上午" and hour == 12):
        raise DateRefused("has an hour that its half of the day does not have")
    return hour % 12 + (12 if afternoon else 0)


def _from_serial(days: str, fraction: str, *, since_1904: bool) -> tuple[date, int | None]:
    """The day that a workbook counts, and the second of the day if it states one.

    Excel took 1900 for a leap year: its day 60 is a 29 February that never was, and the days
    before it are counted from another day than those behind it. A fraction is rounded to seconds.
    """
    whole = int(days)
    if since_1904:
        begin = date(1904, 1, 1)
    elif whole == 60:
        raise DateRefused("is 29 February 1900, a day that only Excel has")
    elif whole == 0:
        raise DateRefused("is a time of day without a date")
    else:
        begin = date(1899, 12, 31) if whole < 60 else date(1899, 12, 30)
    seconds = None
    if fraction.strip("0"):
        scale = 10 ** len(fraction)
        seconds = (2 * int(fraction) * _DAY_SECONDS + scale) // (2 * scale)
        whole, seconds = whole + seconds // _DAY_SECONDS, seconds % _DAY_SECONDS
    try:
        return begin + timedelta(days=whole), seconds
    except OverflowError:
        raise DateRefused("is a time outside of the years 1 to 9999") from None


# --- Making a step


def is_zone(name: str) -> bool:
    """Whether the system knows a zone by its IANA name."""
    if name in _OF_THE_HOST:
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def date_step(
    patterns: tuple[str, ...],
    zone: str,
    at: str,
    *,
    year: YearRule | None = None,
    day: bool = False,
    zone_param: str | None = None,
) -> DateStep:
    """A step of these patterns.

    Raises:
        DateRefused: a pattern without month or day, or without a year that nothing else gives, or
            with an unknown letter; an unknown zone; an `at` that is no time of day; a year that
            no pattern is without.
    """
    if not _CLOCK.fullmatch(at):
        raise DateRefused("`at` is a time of day like 23:59:59")
    if zone_param is None and not is_zone(zone):
        raise DateRefused(
            "`zone` is an IANA name like Asia/Shanghai; is the system's tzdata installed?"
        )
    expressions = tuple(_expression(pattern, yearless=year is not None) for pattern in patterns)
    if year is not None and all(
        expression is None or "year" in expression.groupindex for expression in expressions
    ):
        raise DateRefused("`year` is for a `format` without YYYY or YY")
    return DateStep(patterns, zone, at, expressions, year, day, zone_param)


def _expression(pattern: str, *, yearless: bool) -> re.Pattern[str] | None:
    if pattern in NAMED:
        return None
    seen: list[str] = []
    expression = ""
    for token in _TOKEN.findall(pattern):
        name, digits = _TOKENS.get(token, ("", ""))
        if name in seen or (not name and token.isalpha() and token.isascii() and token != "T"):
            raise DateRefused(f"`format` has {token}; it is made of {', '.join(_TOKENS)}")
        if name:
            seen.append(name)
            expression += f"(?P<{name}>{digits})"
        else:
            expression += re.escape(token[1:-1] if len(token) > 1 else token)
    if not {"month", "day"} <= set(seen):
        raise DateRefused("`format` needs YYYY or YY, MM or M, and DD or D")
    if "year" not in seen and not yearless:
        raise DateRefused("`format` needs YYYY or YY, or `year` that says which year is meant")
    if (
        ("minute" in seen and "hour" not in seen)
        or ("second" in seen and "minute" not in seen)
        or ("half" in seen and "hour" not in seen)
    ):
        raise DateRefused("`format` has minutes after hours and seconds after minutes")
    return re.compile(expression)


def _in_zone(instant: int, zone: str) -> datetime:
    try:
        return (_EPOCH + timedelta(milliseconds=instant)).astimezone(ZoneInfo(zone))
    except OverflowError:
        raise DateRefused("is a time outside of the years 1 to 9999") from None


def _text(local: datetime) -> str:
    """As RFC 3339; a fraction is cut to milliseconds, an offset with seconds refused."""
    offset = local.utcoffset() or timedelta(0)
    if offset.total_seconds() % 60:
        raise DateRefused("is a time whose offset has seconds")
    spec = "milliseconds" if local.microsecond else "seconds"
    return local.isoformat(timespec=spec)
