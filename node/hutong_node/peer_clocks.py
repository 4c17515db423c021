"""What the peers' clocks say, and whether this node's own is so far off that it must not sign.

Time decides nothing in Hutong, but what is signed with a wrong time says so for good. Peers tell
their time when a connection opens and with every keep-alive; each is remembered as its distance
from this process's monotonic clock, so that a clock that is set right, or jumps, is noticed at once
and without a new connection.

No peer is trusted: this clock counts as off only if more than half of the organisations heard
agree that it is, on the same side, and, for a node that knows several peers, at least two of them
do. So one liar can stop nobody who has other peers. The only peer of a node counts alone: refusing
costs an operator a word, signing with a wrong time can't be undone. Spec: 5.2.6, 7.1.4, 9.2.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from statistics import median_low
from typing import Final, NamedTuple

from hutong_node.clock import Clock
from hutong_protocol.ids import OrgId

CLOCK_OFF_MAX_MS: Final = 600_000
"""Ten minutes. Spec: 9.2."""
TOLD_MAX_S: Final = 86_400.0
"""What a peer's clock said a day ago says nothing about it now; one that is there says it anew."""

_DATE_MAX_S: Final = 253_402_300_799
"""The last second of the year 9999."""
_PING: Final = re.compile(rb"[0-9]{1,16}")


class TimeTold(NamedTuple):
    """What a peer's clock said when this node's monotonic clock said `heard_s`."""

    peer_ms: int
    heard_s: float


@dataclass(frozen=True, slots=True)
class ClockVerdict:
    """How this clock stands beside those of the peers. Positive: it is ahead of theirs, in ms.

    `off_ms` is the median over `compared` organisations, None without any. `apart` are those on the
    prevailing side from whose clocks it is more than ten minutes off; `is_off` says that they are
    enough for not signing.
    """

    off_ms: int | None = None
    compared: int = 0
    apart: tuple[OrgId, ...] = ()
    is_off: bool = False


class PeerClocks:
    """The clocks of this node's peers, one an organisation. Safe to use from any thread."""

    def __init__(self, clock: Clock, expected: Callable[[], Collection[OrgId]]) -> None:
        """`expected` are the organisations that the node has as peers, heard of or not."""
        self._clock = clock
        self._expected = expected
        self._lock = threading.Lock()
        self._told: dict[OrgId, TimeTold] = {}

    def told(self, org: OrgId, time: TimeTold) -> None:
        """Takes note of what the clock of a peer said that has proved who it is."""
        with self._lock:
            self._told[org] = time

    def forget(self, org: OrgId) -> None:
        """Drops a peer, whose clock says nothing any more."""
        with self._lock:
            self._told.pop(org, None)

    def offsets_ms(self) -> dict[OrgId, int]:
        """By how much this clock is ahead of each peer's, now."""
        with self._lock:
            told = dict(self._told)
            now_ms, now_s = self._clock.now_ms(), self._clock.monotonic_s()
        return {
            org: now_ms - time.peer_ms - round((now_s - time.heard_s) * 1_000)
            for org, time in told.items()
            if now_s - time.heard_s <= TOLD_MAX_S
        }

    def verdict(self) -> ClockVerdict:
        """How it stands now."""
        offsets = self.offsets_ms()
        if not offsets:
            return ClockVerdict()
        ahead = sorted(org for org, off in offsets.items() if off > CLOCK_OFF_MAX_MS)
        behind = sorted(org for org, off in offsets.items() if off < -CLOCK_OFF_MAX_MS)
        apart = max(ahead, behind, key=len)
        off_ms = median_low(offsets.values())
        return ClockVerdict(off_ms, len(offsets), tuple(apart), self._enough(apart, offsets))

    def _enough(self, apart: Collection[OrgId], offsets: Collection[OrgId]) -> bool:
        if not apart or 2 * len(apart) <= len(offsets):
            return False
        known = {*offsets, *self._expected()}
        return len(apart) >= min(2, len(known))


def date_text(now_ms: int) -> str:
    """A time as the HTTP field `Date` has it. Spec: 7.1.4."""
    return formatdate(min(now_ms // 1_000, _DATE_MAX_S), usegmt=True)


def date_ms(text: str | None) -> int | None:
    """The time in a `Date` field, None if it says none in the one form that is generated."""
    if text is None:
        return None
    plain = text.replace(":60 GMT", ":59 GMT")  # a leap second
    try:
        at_s = round(parsedate_to_datetime(plain).timestamp())
    except (ValueError, OverflowError, IndexError, TypeError):  # by version of the library
        return None
    # The library reads other forms, too, and zones; what it writes is the one form.
    return at_s * 1_000 if at_s >= 0 and formatdate(at_s, usegmt=True) == plain else None


def ping_payload(now_ms: int) -> bytes:
    """What a keep-alive carries. Spec: 7.1.4."""
    return b"%d" % now_ms


def ping_ms(payload: bytes) -> int | None:
    """The time in a keep-alive, None if it carries none."""
    return int(payload) if _PING.fullmatch(payload) else None


def span_text(span_ms: int) -> str:
    """A span of time for people, without its sign: `12 min`, `3 h 5 min`, `2 days`."""
    minutes = round(abs(span_ms) / 60_000)
    if minutes < 1:
        return f"{round(abs(span_ms) / 1_000)} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} days"
