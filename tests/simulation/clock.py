"""Virtual time: one true clock, and for each node a monotonic and a wall clock that may be wrong.

Sessions see monotonic time only; what writers claim in `ts` is the wall clock, which may jump by
decades. Nothing in the simulation reads the machine's clock.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

YEAR_MS = 365 * 86_400_000


@dataclass
class Clock:
    """The clocks of one node; `offset_ms` is how wrong its wall clock is."""

    monotonic_ms: int = 0
    offset_ms: int = 0

    def pass_time(self, elapsed_ms: int) -> None:
        """Time goes by."""
        self.monotonic_ms += elapsed_ms

    def jump(self, rng: random.Random) -> None:
        """The wall clock is set wrong, by up to 30 years. Threat 62."""
        self.offset_ms = rng.randint(-30 * YEAR_MS, 30 * YEAR_MS)

    def wall_ms(self) -> int:
        """What the node would write as `ts`; never below 0."""
        return max(0, 40 * YEAR_MS + self.monotonic_ms + self.offset_ms)
