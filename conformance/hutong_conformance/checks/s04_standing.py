"""Judges vectors of what has effect where keys changed. Spec: 4.7.

As `s04_identity` does, with the second evaluation of states.
"""

from __future__ import annotations

from hutong_conformance.checks.s04_identity import OPS, check

__all__ = ["OPS", "check"]
