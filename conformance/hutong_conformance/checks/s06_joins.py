"""Judges vectors of logs that grow by runs, with the rules that judge runs. Spec: 6.4.

The operation is `log.join`; the log is that of `independent.run_rules`.
"""

from __future__ import annotations

from hutong_conformance.checks.s06_runs import OPS, check

__all__ = ["OPS", "check"]
