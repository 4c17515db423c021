"""Times as people read them: in one zone, with its offset, never only relative.

Owns the zone of the pages. "Two hours ago" is wrong on paper and in yesterday's message, so every
time is told whole. How old a check is counts in a hurry: there the time before that of the page is
told beside it. Times in records are what their authors claim; they decide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from hutong_protocol.instants import instant_text

_FIRST_MS: Final = -62_135_596_800_000 + 172_800_000
_LAST_MS: Final = 253_402_300_799_999 - 172_800_000
"""Two days within the years 1 and 9999, beyond which no zone has a calendar."""


@dataclass(frozen=True, slots=True)
class TimeShown:
    """An instant: as programs read it, and as people do. `age` is in words, empty where it isn't
    told."""

    iso: str
    text: str
    age: str = ""


def time_shown(ms: int | None, zone: tzinfo) -> TimeShown | None:
    """An instant in a zone, to the minute, with the offset; None for one beyond calendars."""
    if ms is None or not _FIRST_MS <= ms <= _LAST_MS:
        return None
    local = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)
    local = local.astimezone(zone)
    offset = local.strftime("%z")
    date = f"{local.year:04}-{local.month:02}-{local.day:02}"
    return TimeShown(
        instant_text(ms),
        f"{date} {local.hour:02}:{local.minute:02} {offset[:3]}:{offset[3:5]}",
    )


def age_of(ms: int | None, as_of_ms: int) -> tuple[str, int] | None:
    """How long before the page something was: a unit and a number of it, rounded down.

    None for what is later than the page, or has no time. Two days are still told in hours.
    """
    if ms is None or ms > as_of_ms:
        return None
    minutes = (as_of_ms - ms) // 60_000
    if minutes < 120:
        return "minutes", minutes
    hours = minutes // 60
    return ("hours", hours) if hours < 48 else ("days", hours // 24)
