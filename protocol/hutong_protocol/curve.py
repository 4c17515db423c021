"""Points of the Ed25519 curve: which 32 bytes are a valid public key.

Owns the arithmetic that signature libraries leave out: canonical y, a point on the curve, and prime
order (Spec: 3.1), and the list of encodings refused as R (Spec: 3.2.3). A pure function of bytes,
in integers of any size; about a millisecond a key, so callers keep the verdict, as
`signatures.check_key` does.

Public keys are public: nothing here runs in constant time, and nothing here may touch a secret.
Signing and verifying live in `signatures`.
"""

from __future__ import annotations

from typing import Final

KEY_BYTES: Final = 32

P: Final = 2**255 - 19
"""The field's prime."""
L: Final = 2**252 + 27742317777372353535851937790883648493
"""The order of the base point: a prime. The whole group has 8 L points."""
D: Final = -121665 * pow(121666, -1, P) % P
"""The curve is -x^2 + y^2 = 1 + D x^2 y^2."""

_TWO_D: Final = 2 * D % P
_SQRT_OF_MINUS_1: Final = pow(2, (P - 1) // 4, P)
_L_BITS: Final = tuple(bit == "1" for bit in bin(L)[3:])
"""The bits of L below its highest, highest first: the steps of double-and-add."""

SMALL_ORDER_ENCODINGS: Final = frozenset(
    bytes.fromhex(encoding)
    for encoding in (
        "00" * 32,
        "00" * 31 + "80",
        "01" + "00" * 31,
        "01" + "00" * 30 + "80",
        "ec" + "ff" * 30 + "7f",
        "ec" + "ff" * 31,
        "ed" + "ff" * 30 + "7f",
        "ed" + "ff" * 31,
        "ee" + "ff" * 30 + "7f",
        "ee" + "ff" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
)
"""All 14 encodings, canonical or not, of the eight points whose order divides 8. Spec: 3.2.3."""


def key_flaw(encoded: bytes) -> str | None:
    """What makes `encoded` no valid public key, or None for a valid one.

    Args:
        encoded: any bytes.

    Returns:
        A short reason that names the rule broken, without the bytes. Takes 1 to 5 ms for a point on
        the curve, far less otherwise. Never raises. Spec: 3.1.
    """
    if len(encoded) != KEY_BYTES:
        return f"key of {len(encoded)} bytes instead of 32"
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return "y is not below 2^255-19"
    x = _x_of(y, sign)
    if x is None:
        return "no point of the curve"
    if not _has_order_l(x, y):
        return "point is not of prime order"
    return None


def _x_of(y: int, sign: int) -> int | None:
    """The x of the point with this y whose lowest bit is `sign`. Spec: 3.1.2."""
    u = (y * y - 1) % P
    v = (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    vx2 = v * x * x % P
    if vx2 != u:
        if vx2 != P - u:
            return None
        x = x * _SQRT_OF_MINUS_1 % P
    if x == 0 and sign:
        return None
    return x if x & 1 == sign else P - x


def _has_order_l(x: int, y: int) -> bool:
    """Whether [L](x, y) is the neutral point and (x, y) is not.

    Extended coordinates (X : Y : Z : T) with x = X/Z, y = Y/Z, xy = T/Z. The addition is complete
    on this curve (D is no square), so no pair of points needs a case of its own. Doubling doesn't
    read T, so T is only computed where an addition follows.
    """
    if x == 0 and y == 1:
        return False
    # The point added again and again, in the form that saves the most work: Y-X, Y+X, 2dT (Z = 1).
    minus, plus, twice_dt = y - x, y + x, _TWO_D * x * y % P
    x3, y3, z3 = x, y, 1
    for add in _L_BITS:
        # Doubling, for the curve with a = -1 (dbl-2008-hwcd).
        a = x3 * x3
        b = y3 * y3
        s = x3 + y3
        e = (s * s - a - b) % P
        g = (b - a) % P
        f = (g - 2 * z3 * z3) % P
        h = -a - b
        x3 = e * f % P
        y3 = g * h % P
        z3 = f * g % P
        if add:
            t3 = e * h % P
            # Addition with Z of the second point 1 (madd-2008-hwcd-3).
            a = (y3 - x3) * minus
            b = (y3 + x3) * plus
            c = t3 * twice_dt
            e = (b - a) % P
            f = (2 * z3 - c) % P
            g = (2 * z3 + c) % P
            h = (b + a) % P
            x3 = e * f % P
            y3 = g * h % P
            z3 = f * g % P
    return x3 % P == 0 and (y3 - z3) % P == 0
