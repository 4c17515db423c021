"""Hutong-strict Ed25519 in plain integers: the oracle for the vectors of section 3.

Owns: curve arithmetic, validity of a key, validity of a signature. Spec: 3.1, 3.2. Every rule is
applied where the bytes are read; the constants of the curve are derived here, not copied, and the
small-order list is computed from the points of order 8.

Shares no code with the core and asks no library but SHA-512. Not constant-time: it never sees a
secret that matters.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_MINUS_ONE = pow(2, (P - 1) // 4, P)


class Point(NamedTuple):
    """A point in extended coordinates: x = X/Z, y = Y/Z, X*Y = Z*T."""

    x: int
    y: int
    z: int
    t: int


NEUTRAL = Point(0, 1, 1, 0)


def add(left: Point, right: Point) -> Point:
    """The sum, by the complete formulas for a = -1: no special cases."""
    a = (left.y - left.x) * (right.y - right.x) % P
    b = (left.y + left.x) * (right.y + right.x) % P
    c = 2 * left.t * right.t * D % P
    d = 2 * left.z * right.z % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return Point(e * f % P, g * h % P, f * g % P, e * h % P)


def negate(point: Point) -> Point:
    """The point with x negated."""
    return Point(-point.x % P, point.y, point.z, -point.t % P)


def multiply(scalar: int, point: Point) -> Point:
    """`scalar` times `point`, for a scalar >= 0 that is not reduced first: torsion counts."""
    total = NEUTRAL
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def equal(left: Point, right: Point) -> bool:
    """Whether two representations are the same point."""
    return not (
        (left.x * right.z - right.x * left.z) % P or (left.y * right.z - right.y * left.z) % P
    )


def encode(point: Point) -> bytes:
    """The canonical 32 bytes: y little-endian, the lowest bit of x on top."""
    inverse = pow(point.z, -1, P)
    x, y = point.x * inverse % P, point.y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def x_of(y: int) -> int | None:
    """The even x that belongs to `y`, or None where no point of the curve has this y."""
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    square = u * pow(v, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_MINUS_ONE % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 else x


def decode(encoded: bytes) -> Point | None:
    """The point of a canonical encoding, or None: length, y < p, on the curve, no negative zero."""
    if len(encoded) != 32:
        return None
    number = int.from_bytes(encoded, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    if y >= P:
        return None
    x = x_of(y)
    if x is None or (x == 0 and sign):
        return None
    x = P - x if sign else x
    return Point(x, y, 1, x * y % P)


def _base() -> Point:
    y = 4 * pow(5, -1, P) % P
    x = x_of(y)
    assert x is not None
    return Point(x, y, 1, x * y % P)


BASE = _base()


def _torsion() -> tuple[Point, ...]:
    """The eight points of order dividing 8: multiples of L times a point outside the subgroup."""
    for y in range(2, 100):
        found = decode(y.to_bytes(32, "little"))
        if found is None:
            continue
        generator = multiply(ORDER, found)
        if not equal(multiply(4, generator), NEUTRAL):
            return tuple(multiply(i, generator) for i in range(8))
    raise AssertionError("no point of order 8 among the first hundred y")


TORSION = _torsion()
"""The eight points of small order; `TORSION[i]` is i times a generator of order 8."""


def small_order_encodings() -> frozenset[bytes]:
    """All 32-byte strings a lenient decoder would read as a point of small order: fourteen."""
    found = set()
    for point in TORSION:
        y = int.from_bytes(encode(point), "little") & (1 << 255) - 1
        for spelling in (y, y + P):
            if spelling < 1 << 255:
                found |= {(spelling | sign << 255).to_bytes(32, "little") for sign in (0, 1)}
    return frozenset(found)


SMALL_ORDER = small_order_encodings()


@lru_cache(maxsize=1024)
def key_point(key: bytes) -> Point | None:
    """The point of a valid key, or None: canonical, on the curve, of order L. Spec: 3.1."""
    point = decode(key)
    if point is None or equal(point, NEUTRAL) or not equal(multiply(ORDER, point), NEUTRAL):
        return None
    return point


def challenge(r: bytes, key: bytes, message: bytes) -> int:
    """SHA-512 over R, key and message as they stand, little-endian, modulo L."""
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % ORDER


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is valid under the valid key `key`. Spec: 3.2."""
    point = key_point(key)
    if point is None or len(signature) != 64:
        return False
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= ORDER or r in SMALL_ORDER:
        return False
    expected = add(multiply(s, BASE), negate(multiply(challenge(r, key, message), point)))
    return encode(expected) == r
