"""The clocks of a node: what the wall says, and what only ever goes forward.

Wall time goes into what is signed (`ts`) and into what is shown; it decides nothing about validity
or order. Time-outs and waiting use monotonic time, so that a jump of the wall clock moves none of
them (threat 62). Everything in the node that needs a time takes a `Clock`; tests pass their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

_MONOTONIC: Final[Callable[[], float]] = (
    # A clock that stands still while a laptop is shut would make the wall look as if it jumped.
    partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)


class Clock(Protocol):
    """Where a node reads the time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z as this machine believes; may jump either way."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since some fixed moment; never goes back, goes on while the machine sleeps."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z; 0 where the machine believes in an earlier time.

        A header's `ts` has no negative values, and a machine with a flat battery may be anywhere.
        """
        return max(0, time.time_ns() // 1_000_000)

    def monotonic_s(self) -> float:
        """Seconds since some fixed moment, those in which the machine slept included."""
        return _MONOTONIC()
