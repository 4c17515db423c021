"""Judges vectors of wrong forms: the same independent decoder as for right ones.

It checks each rule where the byte stands, and re-encodes nothing.
"""

from __future__ import annotations

from hutong_conformance.checks.s02_encoding import OPS, check

__all__ = ["OPS", "check"]
