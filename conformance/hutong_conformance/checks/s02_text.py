"""Judges vectors of the contents of strs: the same independent decoder as for the rest of 2.1.

It reads UTF-8 by a table of its own and asks no codec.
"""

from __future__ import annotations

from hutong_conformance.checks.s02_encoding import OPS, check

__all__ = ["OPS", "check"]
