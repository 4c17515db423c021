"""What a frame may hold at most, found before anything of it is decoded. Spec: 7.2.5.

Owns the bounds of a frame: its bytes, its depth and the number of its values. They are counted in
the bytes, without making a value, since a decoder spends up to 85 bytes of memory on one byte of a
frame: 2 MiB of small maps become 170 MiB. Within the bounds no frame takes more than some 25 MiB.

`decode_frame` judges bytes from a peer. `run_items` counts what a run adds, for the side that
sends it. Which frame it is and whether it has the right shape is a matter of `frame_forms`.
"""

from __future__ import annotations

from typing import Any, Final, cast

from hutong_protocol.encoding import decode_loose
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.limits import DEPTH_MAX, FRAME_BYTES_MAX, FRAME_ITEMS_MAX

RUNS_ITEMS_MAX: Final = FRAME_ITEMS_MAX - 3
"""Values of the runs of one RUNS: all but the type, the scope and the array of the runs."""
_RUN_ITEMS: Final = 6
"""A run with its five elements, without what is in the records."""
_RECORD_ITEMS: Final = 8
_PART_ITEMS: Final = 4


def _whole_lengths() -> bytes:
    """By the first byte of a value: its length, where that byte alone tells it, else 0."""
    lengths = bytearray(256)
    lengths[0x00:0x80] = bytes([1]) * 0x80
    lengths[0xA0:0xC0] = bytes(range(1, 33))  # short strs
    for first in (0xC0, 0xC2, 0xC3, *range(0xE0, 0x100)):
        lengths[first] = 1
    for first, length in zip(range(0xCA, 0xD4), (5, 9, 2, 3, 5, 9, 2, 3, 5, 9), strict=True):
        lengths[first] = length  # floats, unsigned and signed integers
    return bytes(lengths)


_WHOLE_LENGTHS: Final = _whole_lengths()

# First bytes that a length follows: the number of its bytes, and how many values or bytes each of
# what it counts is.
_BYTES_AFTER: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_ITEMS_AFTER: Final = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}


def decode_frame(data: bytes) -> object:
    """The value of a frame, read loosely. Spec: 7.2.

    Args:
        data: bytes from a peer.

    Returns:
        What `encoding.decode_loose` gives, nested 16 deep at most.

    Raises:
        ProtocolFault: LIMIT_EXCEEDED for a frame that is too long, too deep or has too many values,
            BAD_FRAME for what is no msgpack; nothing else.
    """
    if len(data) > FRAME_BYTES_MAX:
        raise _beyond(f"{len(data)} bytes, at most {FRAME_BYTES_MAX}")
    try:
        end = _end_within_bounds(data)
    except IndexError:
        raise ProtocolFault(Fault.BAD_FRAME, "input ends early") from None
    if end != len(data):
        raise ProtocolFault(Fault.BAD_FRAME, f"the value does not end at byte {len(data)}")
    return decode_loose(data, bytes_max=FRAME_BYTES_MAX)


def run_items(run: list[object]) -> int:
    """The values that a run adds to a frame, itself included.

    Args:
        run: as `runs.encode_run_value` made it.
    """
    items = _RUN_ITEMS
    for *_, refs, parts, ext in cast(list[list[Any]], run[3]):
        items += _RECORD_ITEMS + len(refs) + _PART_ITEMS * len(parts)
        if ext:
            items += _items_in(ext)
    return items


def _end_within_bounds(data: bytes) -> int:
    """Where the value at the start of `data` ends. One loop for all of it: this path is hot.

    Raises ProtocolFault, and IndexError where the input ends early.
    """
    at = 0
    left = 1  # values to come in the innermost array or map
    around: list[int] = []  # those of the arrays and maps around it
    items_left = FRAME_ITEMS_MAX
    while True:
        if not left:
            if not around:
                return at
            left = around.pop()
            continue
        left -= 1
        first = data[at]
        length = _WHOLE_LENGTHS[first]
        if length:
            at += length
            continue
        if first == 0xC4:  # the commonest of all bins
            at += 2 + data[at + 1]
            continue
        at += 1
        if first < 0xA0:
            items = first - 0x90 if first >= 0x90 else 2 * (first - 0x80)
        elif first in _BYTES_AFTER:
            width = _BYTES_AFTER[first]
            at += width + _number(data, at, width)
            continue
        elif first in _ITEMS_AFTER:
            width, each = _ITEMS_AFTER[first]
            items = each * _number(data, at, width)
            at += width
        else:
            raise ProtocolFault(Fault.BAD_FRAME, f"first byte {first:02x}")
        if len(around) == DEPTH_MAX:
            raise _beyond(f"nested deeper than {DEPTH_MAX}")
        items_left -= items
        if items_left < 0:
            raise _beyond(f"more than {FRAME_ITEMS_MAX} values")
        around.append(left)
        left = items


def _number(data: bytes, at: int, width: int) -> int:
    """The number in these bytes; an IndexError if there are fewer."""
    data[at + width - 1]
    return int.from_bytes(data[at : at + width], "big")


def _items_in(value: Any) -> int:
    """The values inside an array or map, at any depth."""
    if not isinstance(value, list | tuple | dict):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    each = 2 if isinstance(value, dict) else 1
    return each * len(value) + sum(map(_items_in, inner))


def _beyond(rule: str) -> ProtocolFault:
    return ProtocolFault(Fault.LIMIT_EXCEEDED, rule)
