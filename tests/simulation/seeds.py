"""Which seeds a simulation runs with, and how a failing one is shown.

`SEED=123` in the environment runs that one alone; `HUTONG_SIM_SEEDS=5000` that many from 0 on;
otherwise as many as fit into the seconds that a test grants itself, but a minimum in any case.
Seeds that once failed are run first, always.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

FAILED_ONCE: dict[str, tuple[int, ...]] = {}
"""Test -> seeds that showed a fault, kept after it was mended."""


def _chosen(name: str, seconds: float, seeds_min: int) -> Iterator[int]:
    if "SEED" in os.environ:
        yield int(os.environ["SEED"])
        return
    yield from FAILED_ONCE.get(name, ())
    count = int(os.environ.get("HUTONG_SIM_SEEDS", "0"))
    started_s = time.monotonic()
    seed = 0
    while seed < count or (
        not count and (seed < seeds_min or time.monotonic() - started_s < seconds)
    ):
        yield seed
        seed += 1


def each_seed(
    name: str, run: Callable[[int], object], *, seconds: float, seeds_min: int = 20
) -> int:
    """Runs `run` with seed after seed; returns how many there were.

    Raises:
        AssertionError: with the seed and the line that replays it, from the failure itself.
    """
    ran = 0
    for seed in _chosen(name, seconds, seeds_min):
        try:
            run(seed)
        except Exception as failure:
            replay = f"SEED={seed} python -m pytest tests/simulation -k {name}"
            raise AssertionError(f"{name}: seed {seed} failed; replay: {replay}") from failure
        ran += 1
    print(f"{name}: {ran} seeds")
    return ran
