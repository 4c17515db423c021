"""Vectors of public keys: which 32 bytes are a key. Spec: 3.1.

Built from scalars, torsion points and plain numbers y, so that each refused key breaks one rule.
Hard cases 18, 19; threat 29.
"""

from __future__ import annotations

from collections.abc import Iterator

from hutong_conformance import raw
from hutong_conformance.cases import Case
from hutong_conformance.independent import ed25519 as curve

SIGN_BIT = 1 << 255


def cases() -> Iterator[Case]:
    """Keys that are valid, and every way not to be one."""
    yield from _valid()
    yield from _small_order()
    yield from _not_reduced()
    yield from _off_curve()
    yield from _mixed_order()
    good = raw.key("length").public
    for count, key in ((0, b""), (31, good[:31]), (33, good + b"\0"), (64, good * 2)):
        yield _case(f"key-of-{count}-bytes", "A key of another length", key, valid=False)


def encoded(y: int, sign: int = 0) -> bytes:
    """32 bytes of any y below 2^255 and a sign bit."""
    return (y | sign * SIGN_BIT).to_bytes(32, "little")


def _valid() -> Iterator[Case]:
    for number in range(1, 5):
        yield _case(f"key-valid-{number}", "An honest key", raw.key(f"valid {number}").public)
    counted = raw.key_from_seed(bytes(range(32))).public
    yield _case("key-of-the-text", "The test value at the end of 3.1", counted)
    for scalar, name in ((1, "base-point"), (2, "twice-base-point"), (8, "eight-base-points")):
        key = raw.Key(scalar, b"").public
        yield _case(f"key-{name}", "A point of prime order that is easy to guess is valid", key)
    last = raw.Key(curve.ORDER - 1, b"").public
    yield _case("key-minus-base-point", "The base point with the other x", last)
    for sign in (0, 1):
        key = next(
            key
            for number in range(100)
            if (key := raw.key(f"sign {number}").public)[31] >> 7 == sign
        )
        yield _case(f"key-sign-bit-{sign}", f"An honest key whose sign bit is {sign}", key)


def _small_order() -> Iterator[Case]:
    for number, key in enumerate(sorted(curve.SMALL_ORDER), start=1):
        y = int.from_bytes(key, "little") & SIGN_BIT - 1
        odd = " in an encoding that is not canonical" if curve.decode(key) is None else ""
        yield _case(
            f"key-small-order-{number:02}",
            f"Hard case 18: the small-order point with y = {_near(y)}{odd}",
            key,
            valid=False,
        )


def _near(y: int) -> str:
    """`y` for people: the interesting ones lie near 0 and near p."""
    if y < 100:
        return str(y)
    return f"p{y - curve.P:+d}" if abs(y - curve.P) < 100 else "(of order 8)"


def _not_reduced() -> Iterator[Case]:
    for above in range(19):
        y = curve.P + above
        if curve.x_of(above) is None:
            continue
        for sign in (0, 1):
            key = encoded(y, sign)
            if key not in curve.SMALL_ORDER:
                comment = f"y = p+{above}: on the curve if reduced, but 3.1.1 (b) wants y < p"
                yield _case(f"key-y-p-plus-{above}-sign-{sign}", comment, key, valid=False)


def _off_curve() -> Iterator[Case]:
    outside = [y for y in range(2, 40) if curve.x_of(y) is None][:3]
    for y in outside:
        for sign in (0, 1):
            comment = f"Hard case 19: no point of the curve has y = {y}"
            yield _case(f"key-off-curve-{y}-sign-{sign}", comment, encoded(y, sign), valid=False)
    y = int.from_bytes(raw.bytes_from("off curve"), "little") % curve.P
    while curve.x_of(y) is not None:
        y += 1
    yield _case(
        "key-off-curve-large",
        "Hard case 19: no point has this y, a large one",
        encoded(y),
        valid=False,
    )
    yield _case(
        "key-y-p-plus-off-curve",
        "y >= p, and off the curve even if reduced",
        encoded(curve.P + next(y for y in range(19) if curve.x_of(y) is None)),
        valid=False,
    )


def _mixed_order() -> Iterator[Case]:
    signer = raw.key("mixed order")
    for torsion in range(1, 8):
        yield _case(
            f"key-mixed-order-{torsion}",
            f"Hard case 17: an honest key plus {torsion} times a point of order 8",
            raw.bent(signer, torsion).public,
            valid=False,
        )


def _case(name: str, comment: str, key: bytes, *, valid: bool = True) -> Case:
    return Case(
        f"3/{name}",
        "3.1.1",
        "MUST",
        comment,
        "key.check",
        {"key": key.hex()},
        {"ok": True} if valid else {"fault": "bad-key"},
    )
