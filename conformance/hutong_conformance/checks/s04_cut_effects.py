"""Judges vectors of which cut of a log is effective. Spec: 4.8.3 to 4.8.6.

As `s04_cuts` does, with the second reading of cuts.
"""

from __future__ import annotations

from hutong_conformance.checks.s04_cuts import OPS, check

__all__ = ["OPS", "check"]
