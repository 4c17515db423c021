"""Judges vectors of runs and joins that the text once left open, with the rules that judge runs.

The operations are `run.verify` and `log.join`; Spec: 5.6, 6.3, 6.4.
"""

from __future__ import annotations

from hutong_conformance.checks.s06_runs import OPS, check

__all__ = ["OPS", "check"]
