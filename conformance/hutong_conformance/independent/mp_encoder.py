"""A small encoder of Hutong-mp, for checks that have to build bytes: headers, names of scopes.

Owns: value -> bytes. Spec: 2.1.7. Lengths and integers go through one function, which takes the
first form of the table that holds the number; nothing is shared with the core or with `raw`.
"""

from __future__ import annotations

from hutong_conformance.independent.mp_decoder import Value

BIN = ((0xC4, 1), (0xC5, 2), (0xC6, 4))
STR = ((0xD9, 1), (0xDA, 2), (0xDB, 4))
ARRAY = ((0xDC, 2), (0xDD, 4))
MAP = ((0xDE, 2), (0xDF, 4))
UNSIGNED = ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8))
SIGNED = ((0xD0, 1), (0xD1, 2), (0xD2, 4), (0xD3, 8))


def encode(value: Value) -> bytes:
    """The encoding of a value; keys of maps are sorted here."""
    if value is None or value is True or value is False:
        return {None: b"\xc0", True: b"\xc3", False: b"\xc2"}[value]
    if isinstance(value, int):
        if -32 <= value <= 127:
            return bytes([value % 256])
        if value > 0:
            return counted(value, UNSIGNED)
        lead, width = next(form for form in SIGNED if value >= -(1 << 8 * form[1] - 1))
        return bytes([lead]) + (value % (1 << 8 * width)).to_bytes(width, "big")
    if isinstance(value, bytes):
        return counted(len(value), BIN) + value
    if isinstance(value, str):
        raw = value.encode()
        return (bytes([0xA0 + len(raw)]) if len(raw) < 32 else counted(len(raw), STR)) + raw
    if isinstance(value, list):
        head = bytes([0x90 + len(value)]) if len(value) < 16 else counted(len(value), ARRAY)
        return head + b"".join(map(encode, value))
    head = bytes([0x80 + len(value)]) if len(value) < 16 else counted(len(value), MAP)
    keys = sorted(value, key=str.encode)
    return head + b"".join(encode(key) + encode(value[key]) for key in keys)


def counted(number: int, forms: tuple[tuple[int, int], ...]) -> bytes:
    """The lead byte and the number, in the first form that holds it."""
    lead, width = next(form for form in forms if number < 1 << 8 * form[1])
    return bytes([lead]) + number.to_bytes(width, "big")
