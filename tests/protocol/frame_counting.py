"""Counts what a frame holds, by the definition of the specification. Spec: 7.2.5."""

from __future__ import annotations

from hutong_protocol.frame_bounds import decode_frame


def items_of(data: bytes) -> int:
    """The values in a frame, by the definition of 7.2.5."""

    def inside(value: object) -> int:
        if isinstance(value, dict):
            return 2 * len(value) + sum(map(inside, value.values()))
        return len(value) + sum(map(inside, value)) if isinstance(value, list) else 0

    return inside(decode_frame(data))
