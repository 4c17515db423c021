"""Judges vectors of which chain event is in force. Spec: 4.6.

As `s04_identity` does, with the second evaluation of states.
"""

from __future__ import annotations

from hutong_conformance.checks.s04_identity import OPS, check

__all__ = ["OPS", "check"]
