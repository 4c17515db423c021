"""How many examples a property is tried with: fifty times as many in `make sim` as in `make test`.

The profile of Hypothesis says which; it is that of the environment, `HYPOTHESIS_PROFILE=long` being
what `make sim` sets. A test that wants another number than the usual 100 takes it from `examples`.
"""

from __future__ import annotations

import os
from typing import Final

PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE", "default")
_TIMES: Final = {"default": 1, "long": 50}[PROFILE]


def examples(count: int) -> int:
    """The number of examples in this run of what `make test` tries with `count`."""
    return count * _TIMES
