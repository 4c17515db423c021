"""Reads a date or time of a sheet by a stated pattern and in a stated zone. Spec: 12.3.5.

Owns the step `date` of mappings. A pattern is made of `YYYY`, `MM`, `M`, `DD`, `D`, `hh`, `h`,
`mm`, `ss`, `S` (a fraction of up to six digits, cut to three), text in single quotes, and signs
that stand for themselves; `rfc3339` is a time that carries its offset. Only ASCII digits are
digits. The zone is an IANA name from the mapping, never the host's; a local time that a zone skips
or has twice is refused, since nobody can say which was meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hutong_protocol.instants import instant_ms

RFC3339: Final = "rfc3339"

_TOKENS: Final = {
    "YYYY": ("year", "[0-9]{4}"),
    "MM": ("month", "[0-9]{2}"),
    "M": ("month", "[0-9]{1,2}"),
    "DD": ("day", "[0-9]{2}"),
    "D": ("day", "[0-9]{1,2}"),
    "hh": ("hour", "[0-9]{2}"),
    "h": ("hour", "[0-9]{1,2}"),
    "mm": ("minute", "[0-9]{2}"),
    "ss": ("second", "[0-9]{2}"),
    "S": ("fraction", "[0-9]{1,6}"),
}
_TOKEN: Final = re.compile("YYYY|MM|M|DD|D|hh|h|mm|ss|S|'[^']*'|.", re.DOTALL)
_CLOCK: Final = re.compile("([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class DateRefused(ValueError):
    """A pattern, zone or date can't be used; the message does not quote the date."""


@dataclass(frozen=True, slots=True)
class DateStep:
    """How the dates of a column are written.

    `patterns` are tried in order. `at` is the time of day of a pattern without one.
    """

    patterns: tuple[str, ...]
    zone: str
    at: str
    expressions: tuple[re.Pattern[str] | None, ...]
    """Of each pattern; None for `rfc3339`."""

    def read(self, text: str) -> str:
        """The time that a text states, with the offset that the zone has then.

        Raises:
            DateRefused: no pattern fits, or it is no time that the zone has once.
        """
        for expression in self.expressions:
            if expression is None:
                instant = instant_ms(text)
                if instant is not None:
                    return _text(_in_zone(instant, self.zone))
            else:
                match = expression.fullmatch(text)
                if match is not None:
                    return _text(self._local(match.groupdict()))
        raise DateRefused(f"is no date like {' or '.join(self.patterns)}")

    def _local(self, parts: dict[str, str]) -> datetime:
        hour, minute, second = (int(part) for part in self.at.split(":"))
        try:
            local = datetime(
                int(parts["year"]),
                int(parts["month"]),
                int(parts["day"]),
                int(parts.get("hour", hour)),
                int(parts.get("minute", 0 if "hour" in parts else minute)),
                int(parts.get("second", 0 if "hour" in parts else second)),
                int(parts.get("fraction", "0")[:3].ljust(3, "0")) * 1_000,
                tzinfo=ZoneInfo(self.zone),
            )
        except ValueError:
            raise DateRefused("is no date of the calendar") from None
        first, second_time = local.utcoffset(), local.replace(fold=1).utcoffset()
        if first != second_time:
            # Skipped and repeated local times both differ in `fold`.
            raise DateRefused(f"is a time that {self.zone} skips or has twice")
        return local


def date_step(patterns: tuple[str, ...], zone: str, at: str) -> DateStep:
    """A step of these patterns.

    Raises:
        DateRefused: a pattern without year, month or day, or with an unknown letter; an unknown
            zone; an `at` that is no time of day.
    """
    if not _CLOCK.fullmatch(at):
        raise DateRefused("`at` is a time of day like 23:59:59")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DateRefused(
            "`zone` is an IANA name like Asia/Shanghai; is the system's tzdata installed?"
        ) from None
    return DateStep(patterns, zone, at, tuple(map(_expression, patterns)))


def _expression(pattern: str) -> re.Pattern[str] | None:
    if pattern == RFC3339:
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
    if not {"year", "month", "day"} <= set(seen):
        raise DateRefused("`format` needs YYYY, MM or M, and DD or D")
    if ("minute" in seen and "hour" not in seen) or ("second" in seen and "minute" not in seen):
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
