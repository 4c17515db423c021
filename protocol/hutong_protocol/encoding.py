"""Hutong-mp: the one encoding of everything that is signed or hashed. Spec: 2.1 to 2.3.

Owns encoding, the strict decoder and the loose one for session frames.

`decode` reads from left to right and checks every rule as it goes. No refusal is left to the
msgpack library: that accepts over-long forms, equal keys and timestamps, its C and Python versions
differ in depth, and a verdict here must depend on nothing but the bytes (Spec: 2.2.7). `encode`
checks the value and leaves the writing to the library, which writes shortest forms.

Texts are never normalised. Size limits belong to the callers (Spec: 9): this module only enforces
the one that it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

import msgpack

from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.limits import DEPTH_MAX, INT_MAX

Value: TypeAlias = "None | bool | int | bytes | str | list[Value] | dict[str, Value]"
"""What `decode` returns. Spec: 2.1.1."""
Encodable: TypeAlias = (
    "None | bool | int | bytes | str | Sequence[Encodable] | Mapping[str, Encodable]"
)
"""What `encode` takes; a sequence must be a list or a tuple, a mapping a dict."""

_HEADER_LIKE: Final = 1_024
"""Input up to this length may be read by the library first."""

_INT, _BIN, _STR, _ARRAY, _MAP = range(5)

# The first bytes that say all about a value, but for the small integers that stand for themselves.
_WHOLE: Final[dict[int, Value]] = {0xC0: None, 0xC2: False, 0xC3: True}
_WHOLE.update({first: first - 0x100 for first in range(0xE0, 0x100)})

# First bytes that a number follows: what it is or counts, its width in bytes, whether it is signed,
# and the numbers for which no form is shorter.
_WIDE: Final[dict[int, tuple[int, int, bool, range]]] = {
    0xC4: (_BIN, 1, False, range(2**8)),
    0xC5: (_BIN, 2, False, range(2**8, 2**16)),
    0xC6: (_BIN, 4, False, range(2**16, 2**32)),
    0xCC: (_INT, 1, False, range(2**7, 2**8)),
    0xCD: (_INT, 2, False, range(2**8, 2**16)),
    0xCE: (_INT, 4, False, range(2**16, 2**32)),
    0xCF: (_INT, 8, False, range(2**32, INT_MAX + 1)),
    0xD0: (_INT, 1, True, range(-(2**7), -32)),
    0xD1: (_INT, 2, True, range(-(2**15), -(2**7))),
    0xD2: (_INT, 4, True, range(-(2**31), -(2**15))),
    0xD3: (_INT, 8, True, range(-INT_MAX, -(2**31))),
    0xD9: (_STR, 1, False, range(32, 2**8)),
    0xDA: (_STR, 2, False, range(2**8, 2**16)),
    0xDB: (_STR, 4, False, range(2**16, 2**32)),
    0xDC: (_ARRAY, 2, False, range(16, 2**16)),
    0xDD: (_ARRAY, 4, False, range(2**16, 2**32)),
    0xDE: (_MAP, 2, False, range(16, 2**16)),
    0xDF: (_MAP, 4, False, range(2**16, 2**32)),
}


def encode(value: Encodable) -> bytes:
    """The encoding of `value`.

    Args:
        value: of the exact types of `Value`; a tuple counts as an array. Maps may have their keys
            in any order: they are written sorted.

    Raises:
        LocalProtocolError: the value is outside the profile. Values that come from a peer go
            through `encode_received`. Spec: 2.1.
    """
    try:
        return encode_received(value)
    except ProtocolFault as refused:
        raise LocalProtocolError(f"value has no encoding: {refused.detail}") from refused


def encode_received(value: object) -> bytes:
    """The encoding of a value that came, loosely decoded, from a peer. Spec: 2.1, 6.3.

    Args:
        value: anything.

    Raises:
        ProtocolFault: NOT_CANONICAL for a value outside the profile, TOO_DEEP for one nested deeper
            than 16.
    """
    if not _check_items((value,), 0):
        value = _sorted(value)
    try:
        return _pack(value)
    except UnicodeEncodeError:
        # The cause would carry the text.
        raise ProtocolFault(Fault.NOT_CANONICAL, "surrogate in a text") from None


def decode(data: bytes, *, bytes_max: int) -> Value:
    """The value that `data` encodes.

    Args:
        data: bytes from anywhere.
        bytes_max: the limit for this purpose; longer input isn't looked at.

    Raises:
        ProtocolFault: TOO_LARGE, TOO_DEEP or NOT_CANONICAL, for the breach that comes first;
            nothing else. `encode(decode(data)) == data` whenever it returns. Spec: 2.2, 2.3.
    """
    if len(data) > bytes_max:
        raise ProtocolFault(Fault.TOO_LARGE, f"{len(data)} bytes, at most {bytes_max}")
    if len(data) <= _HEADER_LIKE:
        value = _decode_header_like(data)
        if value is not None:
            return value
    try:
        items, end = _read_items(data, 0, 1, 0)
    except IndexError:
        raise _not_canonical("input ends early", len(data)) from None
    except UnicodeDecodeError:
        # Neither its words nor its cause go on: both carry the text.
        raise ProtocolFault(Fault.NOT_CANONICAL, "text that is not UTF-8") from None
    if end != len(data):
        raise _not_canonical("bytes after the value", end)
    return items[0]


def decode_loose(data: bytes, *, bytes_max: int) -> object:
    """What `data` holds as msgpack without extension types. Spec: 7.2.

    Frames are neither signed nor hashed, so over-long forms, floats, equal keys (the last counts),
    bin keys and unsorted keys pass here. The caller checks every type it uses, and passes what must
    be canonical, such as the `ext` of a record, through `encode_received`.

    A frame goes through `frame_bounds.decode_frame`, which sees to it that memory is bounded: this
    takes up to 85 times the input, and 8 bytes for each element that one of 1,024 nested arrays
    declares.

    Args:
        data: a frame within its bounds, or bytes of our own store.
        bytes_max: limit on `data`; longer input isn't looked at.

    Returns:
        None, bool, int, float, bytes, str, lists and dicts (keys str or bytes).

    Raises:
        ProtocolFault: LIMIT_EXCEEDED for input too long, BAD_FRAME for anything else that can't be
            read; nothing else.
    """
    if len(data) > bytes_max:
        raise ProtocolFault(Fault.LIMIT_EXCEEDED, f"{len(data)} bytes, at most {bytes_max}")
    length_max = len(data)
    try:
        return cast(
            object,
            msgpack.unpackb(
                data,
                raw=False,
                strict_map_key=True,
                max_str_len=length_max,
                max_bin_len=length_max,
                max_array_len=length_max,
                max_map_len=length_max,
                max_ext_len=0,
            ),
        )
    except MemoryError:
        raise ProtocolFault(Fault.LIMIT_EXCEEDED, "needs too much memory") from None
    except (ValueError, OverflowError, RecursionError, msgpack.UnpackException) as refused:
        # The library's own words could quote the peer's bytes.
        raise ProtocolFault(Fault.BAD_FRAME, f"not msgpack: {type(refused).__name__}") from None


_packers: Final[list[msgpack.Packer]] = []
"""Packers not in use: as many as threads ever encoded at once."""


def _pack(value: object) -> bytes:
    # A packer keeps its buffer, which makes it twice as fast as packing anew, but it serves only
    # one thread at a time. Taking from a list and adding to it are atomic. After an exception it
    # may hold half a value, and is dropped.
    try:
        packer = _packers.pop()
    except IndexError:
        packer = msgpack.Packer()
    encoded: bytes = packer.pack(value)
    _packers.append(packer)
    return encoded


def _decode_header_like(data: bytes) -> Value:
    """The value of a canonical encoding, or None for anything else, and for nil.

    Twice as fast as reading byte by byte. Only a shortcut to accept: what is checked, in order, and
    gives `data` when encoded has `data` as its one encoding, whatever the library let pass. Only
    for short input, since the library makes room for lengths before anything checks their depth.
    """
    try:
        value = msgpack.unpackb(data, raw=False, max_ext_len=0)
        if _check_items((value,), 0) and _pack(value) == data:
            return cast(Value, value)
    except (ProtocolFault, ValueError, OverflowError, RecursionError, msgpack.UnpackException):
        pass
    return None


def _check_items(items: Iterable[Any], depth: int) -> bool:
    """Whether all maps among `items`, at any depth, have their keys in order.

    Raises ProtocolFault for the first item outside the profile; `depth` containers are around them.
    """
    in_order = True
    for item in items:
        kind = type(item)  # exact: bool is no integer here, an enum's member no text
        if kind is int:
            if not -INT_MAX <= item <= INT_MAX:
                raise ProtocolFault(Fault.NOT_CANONICAL, "integer out of range")
        elif kind is bytes or item is None or kind is bool:
            pass
        elif kind is str:
            if "\0" in item:
                raise ProtocolFault(Fault.NOT_CANONICAL, "NUL in a text")
        elif kind is list or kind is tuple or kind is dict:
            if depth == DEPTH_MAX:
                raise ProtocolFault(Fault.TOO_DEEP, f"nested deeper than {DEPTH_MAX}")
            if item:
                if kind is dict:
                    in_order &= _check_keys(item)
                    item = item.values()
                in_order &= _check_items(item, depth + 1)
        else:
            raise ProtocolFault(Fault.NOT_CANONICAL, f"no value of the profile: {kind.__name__}")
    return in_order


def _check_keys(keys: Iterable[Any]) -> bool:
    """Whether the keys of a map are in order; a ProtocolFault if one of them is no key at all."""
    in_order = True
    last = None
    for key in keys:
        if type(key) is not str:
            raise ProtocolFault(Fault.NOT_CANONICAL, "key that is no text")
        if "\0" in key:
            raise ProtocolFault(Fault.NOT_CANONICAL, "NUL in a key")
        # Python orders texts by code point, which is the order of their UTF-8 bytes.
        if last is not None and key < last:
            in_order = False
        last = key
    return in_order


def _sorted(value: object) -> object:
    """A copy of a checked value with the keys of every map in order."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_sorted(item) for item in value]
    return value


def _read_items(data: bytes, at: int, count: int, depth: int) -> tuple[list[Value], int]:
    """The `count` values from byte `at` on, inside `depth` containers, and where they end.

    Raises ProtocolFault, IndexError where the input ends early, UnicodeDecodeError. One loop reads
    all scalars of an array: a call for each value would take half as long again.
    """
    items: list[Value] = []
    append = items.append
    size = len(data)
    for _ in range(count):
        first = data[at]
        at += 1
        # The two commonest first: half the values of a header are short bins, a third are small
        # integers.
        if first == 0xC4:
            start = at + 1
            at = start + data[at]
            if at > size:
                raise IndexError
            append(data[start:at])
            continue
        if first < 0x80:
            append(first)
            continue

        if first < 0x90:
            kind, number = _MAP, first - 0x80
        elif first < 0xA0:
            kind, number = _ARRAY, first - 0x90
        elif first < 0xC0:
            kind, number = _STR, first - 0xA0
        elif first in _WHOLE:
            append(_WHOLE[first])
            continue
        else:
            kind, number, at = _read_number(data, at, first)
            if kind == _INT:
                append(number)
                continue

        if kind == _STR or kind == _BIN:  # noqa: SIM109 - this path is hot
            start = at
            at += number
            if at > size:
                raise IndexError
            append(_text(data, start, at) if kind == _STR else data[start:at])
        else:
            if depth == DEPTH_MAX:
                raise ProtocolFault(Fault.TOO_DEEP, f"deeper than {DEPTH_MAX} at byte {at}")
            if (2 * number if kind == _MAP else number) > size - at:
                raise IndexError
            read = _read_map if kind == _MAP else _read_items
            inner, at = read(data, at, number, depth + 1)
            append(inner)
    return items, at


def _read_number(data: bytes, at: int, first: int) -> tuple[int, int, int]:
    """What the number after `first` is or counts, the number, and where it ends."""
    if first not in _WIDE:
        raise _not_canonical(f"first byte {first:02x}", at)
    kind, width, signed, numbers = _WIDE[first]
    end = at + width
    if end > len(data):
        raise IndexError
    number = int.from_bytes(data[at:end], "big", signed=signed)
    if number not in numbers:
        raise _not_canonical("number out of range or not in its shortest form", at)
    return kind, number, end


def _text(data: bytes, start: int, end: int) -> str:
    """The str between these bytes."""
    text = data[start:end].decode()
    if "\0" in text:
        raise _not_canonical("NUL in the text", start)
    return text


def _read_map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[str, Value], int]:
    """The map with the `count` entries from byte `at` on, and where it ends."""
    result: dict[str, Value] = {}
    last = None
    for _ in range(count):
        (key,), end = _read_items(data, at, 1, depth)
        if type(key) is not str:
            raise _not_canonical("key that is no text", at)
        # Python orders texts by code point, which is the order of their UTF-8 bytes.
        if last is not None and key <= last:
            raise _not_canonical("key equal to the one before, or out of order,", at)
        (result[key],), at = _read_items(data, end, 1, depth)
        last = key
    return result, at


def _not_canonical(rule: str, at: int) -> ProtocolFault:
    return ProtocolFault(Fault.NOT_CANONICAL, f"{rule} at byte {at}")
