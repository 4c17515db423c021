"""Time zones by name, also on machines that have no database of them."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_FIXED: Final = {"UTC": UTC, "Asia/Shanghai": timezone(timedelta(hours=8))}
"""What holds without a database; the second since 1991."""


def zone_of(name: str) -> tzinfo | None:
    """The zone with this IANA name; None if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _FIXED.get(name)
