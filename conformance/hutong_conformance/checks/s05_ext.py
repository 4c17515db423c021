"""Judges vectors of `ext`: a header is read as a whole, so the check is that of any header.

Spec: 5.3. The keys are judged by `independent.headers`.
"""

from __future__ import annotations

from hutong_conformance.checks.s05_records import OPS, check

__all__ = ["OPS", "check"]
