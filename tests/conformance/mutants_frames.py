"""Readers of frames (section 7.2) that each get one rule wrong, and the vectors that must notice.

Each is the core with one of its names replaced while it answers. `MUTANTS` names each with its
section and the ids that catch it.
"""

from __future__ import annotations

from conformance.mutants_records import Mutant, Request, with_other
from hutong_conformance.cases import Json
from hutong_protocol import frame_bounds, frame_forms, harness
from hutong_protocol.encoding import decode_loose
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.frames import Frame
from hutong_protocol.harness_ops import frames as frame_ops
from hutong_protocol.limits import FRAME_BYTES_MAX, FRAME_ITEMS_MAX, INT_MAX


def counts_each_array_alone(data: bytes) -> object:
    """Bounds the elements of each array and map, and not those of all together."""

    def check(value: object) -> None:
        if isinstance(value, list | dict):
            if len(value) > FRAME_ITEMS_MAX - 4:
                raise ProtocolFault(Fault.LIMIT_EXCEEDED, "too many elements")
            for item in value.values() if isinstance(value, dict) else value:
                check(item)

    value = decode_loose(data, bytes_max=FRAME_BYTES_MAX)
    check(value)
    return value


def bounds_known_frames_only(data: bytes) -> object:
    if data[1:2] == b"\x63":
        return decode_loose(data, bytes_max=FRAME_BYTES_MAX)
    return frame_bounds.decode_frame(data)


def refuses_unknown(data: bytes) -> Frame:
    frame = frame_forms.parse_frame(data)
    if frame is None:
        raise ProtocolFault(Fault.BAD_FRAME, "unknown type")
    return frame


def takes_floats(value: object, low: int = 0, high: int = INT_MAX) -> int:
    if not isinstance(value, int | float) or not low <= value <= high:
        raise ProtocolFault(Fault.BAD_FRAME, "no number")
    return int(value)


def bad_frame_for_any_limit(request: Request) -> dict[str, Json]:
    reply = harness.answer(request)
    return {"fault": "bad-frame"} if reply == {"fault": "limit-exceeded"} else reply


MUTANTS: dict[str, tuple[str, Mutant, tuple[str, ...]]] = {
    "counts no values": (
        "7",
        with_other((frame_bounds, "FRAME_ITEMS_MAX", 10**9)),
        ("7/frame-values-above-limit", "7/frame-values-in-more-maps", "7/frame-values-ignored"),
    ),
    "counts each array alone": (
        "7",
        with_other((frame_forms, "decode_frame", counts_each_array_alone)),
        ("7/frame-values-in-more-short-arrays", "7/frame-values-in-more-maps"),
    ),
    "lets one value more pass": (
        "7",
        with_other((frame_bounds, "FRAME_ITEMS_MAX", 262_145)),
        ("7/frame-values-above-limit",),
    ),
    "lets one value less pass": (
        "7",
        with_other((frame_bounds, "FRAME_ITEMS_MAX", 262_143)),
        ("7/frame-values-at-limit",),
    ),
    "bounds no depth": (
        "7",
        with_other((frame_bounds, "DEPTH_MAX", 500)),
        ("7/frame-depth-17-arrays", "7/frame-depth-17-maps", "7/frame-depth-ignored"),
    ),
    "lets only fifteen nest": (
        "7",
        with_other((frame_bounds, "DEPTH_MAX", 15)),
        ("7/frame-depth-16-full", "7/frame-depth-ignored-within"),
    ),
    "bounds no frame of an unknown type": (
        "7",
        with_other((frame_forms, "decode_frame", bounds_known_frames_only)),
        ("7/frame-values-unknown-above-limit", "7/frame-depth-unknown"),
    ),
    "refuses frames of unknown types": (
        "7",
        with_other((frame_ops, "parse_frame", refuses_unknown)),
        ("7/frame-unknown-99", "7/frame-values-unknown"),
    ),
    "takes floats for integers": (
        "7",
        with_other((frame_forms, "_int", takes_floats)),
        ("7/frame-form-credit-float",),
    ),
    "knows one fault of frames": (
        "7",
        bad_frame_for_any_limit,
        ("7/frame-runs-wanted-4097", "7/frame-depth-bomb"),
    ),
    "takes no order for granted": (
        "7",
        with_other((frame_forms, "_ascending", lambda ids: None)),
        ("7/frame-heads-logs-unsorted", "7/frame-heads-orgs-twice"),
    ),
}
"""What is wrong -> the section, how such an implementation answers, vectors that must catch it."""
