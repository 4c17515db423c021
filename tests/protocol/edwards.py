"""The curve of Ed25519 by the affine formulas of the specification, to build odd keys with.

Written from the text alone and shares nothing with `hutong_protocol.curve`. Slow: an addition takes
two inversions. Not for secrets.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
I = 19681161376707505956807079304988542015446066515923890162744021073123829784752  # noqa: E741


class Point(NamedTuple):
    x: int
    y: int


O = Point(0, 1)  # noqa: E741
BASE = Point(
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)


def add(a: Point, b: Point) -> Point:
    product = D * a.x * b.x * a.y * b.y
    return Point(
        (a.x * b.y + b.x * a.y) * pow(1 + product, -1, P) % P,
        (a.y * b.y + a.x * b.x) * pow(1 - product, -1, P) % P,
    )


def multiply(factor: int, point: Point) -> Point:
    result = O
    while factor:
        if factor & 1:
            result = add(result, point)
        point = add(point, point)
        factor >>= 1
    return result


def encoded(point: Point) -> bytes:
    return (point.y | (point.x & 1) << 255).to_bytes(32, "little")


def point_with(y: int, sign: int) -> Point | None:
    """The point with this y and lowest bit of x, by 3.1.2."""
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * I % P
    if v * x * x % P != u or (x == 0 and sign == 1):
        return None
    return Point(x if x & 1 == sign else P - x, y)


def torsion() -> list[Point]:
    """The eight points whose order divides 8, the neutral one first."""
    y = 2
    while True:
        point = point_with(y, 0)
        if point is not None:
            generator = multiply(L, point)
            if multiply(4, generator) != O:
                return [multiply(n, generator) for n in range(8)]
        y += 1


def secret_scalar(seed: bytes) -> int:
    """The number that a seed stands for: RFC 8032, 5.1.5."""
    number = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    return number & ~7 & (2**255 - 1) & ~(1 << 254) | 1 << 254


def challenge(r: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L


def signature_with(nonce: int, scalar: int, key: bytes, message: bytes, offset: Point = O) -> bytes:
    """A signature by this scalar with R = [nonce]B + offset, whatever `key` says."""
    r = encoded(add(multiply(nonce, BASE), offset))
    s = (nonce + challenge(r, key, message) * scalar) % L
    return r + s.to_bytes(32, "little")
