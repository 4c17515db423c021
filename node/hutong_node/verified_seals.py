"""The seals that this process has verified lately, so that no copy of a run is verified again.

Several peers bring the same run: before its log can be kept (its identity is on the way, it was
refused), or cut at other places than those held. Verifying is a pure function of the key, the
record's id and the signature, and an id covers its record and everything before it; so what was
right once is right for good, whoever brings it. Only what verified is remembered, under all three.

Bounded: the oldest is forgotten first, which costs one verification. Spec: 6.3.5, hard case 65.
"""

from __future__ import annotations

from typing import Final

from hutong_protocol.ids import RecordId

SEALS_MAX: Final = 4_096
"""Runs of 64 peers with 8 frames under way each, several times over; about 1.5 MB."""


class VerifiedSeals:
    """A set of (writer key, record id, signature) that forgets its oldest entries."""

    def __init__(self, seals_max: int = SEALS_MAX) -> None:
        self._seals_max = seals_max
        self._known: dict[tuple[bytes, RecordId, bytes], None] = {}

    def __contains__(self, seal: tuple[bytes, RecordId, bytes]) -> bool:
        return seal in self._known

    def __len__(self) -> int:
        return len(self._known)

    def add(self, writer: bytes, record: RecordId, signature: bytes) -> None:
        """Remembers a signature that was verified for this record under this key."""
        seal = (writer, record, signature)
        if seal not in self._known and len(self._known) >= self._seals_max:
            del self._known[next(iter(self._known))]
        self._known[seal] = None
