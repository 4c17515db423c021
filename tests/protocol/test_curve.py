"""Which 32 bytes are a key. Spec: 3.1."""

from __future__ import annotations

import hashlib
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from example_counts import examples
from hutong_protocol import curve
from protocol import edwards

SEED: Final = bytes(range(32))
TORSION: Final = edwards.torsion()
HONEST: Final = edwards.multiply(edwards.secret_scalar(SEED), edwards.BASE)


def is_valid(key: bytes) -> bool:
    return curve.key_flaw(key) is None


@settings(max_examples=examples(50))
@given(st.binary(min_size=32, max_size=32))
def test_every_key_that_a_signer_makes_is_valid(seed: bytes) -> None:
    assert is_valid(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


def test_the_arithmetic_of_these_tests_gives_the_key_of_the_library() -> None:
    key = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
    assert edwards.encoded(HONEST) == key


@settings(max_examples=examples(40))
@given(st.binary(min_size=32, max_size=32))
def test_a_verdict_is_that_of_the_formulas_in_the_specification(key: bytes) -> None:
    number = int.from_bytes(key, "little")
    y, sign = number & (2**255 - 1), number >> 255
    point = edwards.point_with(y, sign) if y < edwards.P else None
    expected = (
        point is not None and point != edwards.O and edwards.multiply(edwards.L, point) == edwards.O
    )
    assert is_valid(key) is expected


@given(st.binary(max_size=80))
def test_no_bytes_raise(key: bytes) -> None:
    flaw = curve.key_flaw(key)
    assert flaw is None or flaw


def test_the_14_small_order_encodings_are_all_there_are() -> None:
    """Threat 29. Every encoding of the eight points: y or y + p, and x = 0 with either sign."""
    encodings = set()
    for point in TORSION:
        for y in (point.y, point.y + edwards.P):
            for sign in (0, 1) if point.x == 0 else (point.x & 1,):
                if y < 2**255:
                    encodings.add((y | sign << 255).to_bytes(32, "little"))
    assert encodings == curve.SMALL_ORDER_ENCODINGS
    assert len(encodings) == 14


@pytest.mark.parametrize("key", sorted(curve.SMALL_ORDER_ENCODINGS), ids=bytes.hex)
def test_a_small_order_key_is_refused(key: bytes) -> None:
    """Hard case 18, threat 29."""
    assert not is_valid(key)


@pytest.mark.parametrize("number", range(1, 8))
def test_an_honest_key_plus_a_small_order_point_is_refused(number: int) -> None:
    """Hard case 17, threat 29: keys of mixed order, which libraries judge differently."""
    mixed = edwards.add(HONEST, TORSION[number])
    assert edwards.multiply(8 * edwards.L, mixed) == edwards.O
    assert not is_valid(edwards.encoded(mixed))


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("above", range(19))
def test_a_y_of_p_or_more_is_refused(above: int, sign: int) -> None:
    """Threat 29: the second encoding that a point with a small y has."""
    key = ((edwards.P + above) | sign << 255).to_bytes(32, "little")
    assert curve.key_flaw(key) == "y is not below 2^255-19"


def test_no_point_of_prime_order_has_a_second_encoding() -> None:
    """So the rule on y refuses nothing that the rule on the order takes: no key has two forms."""
    points = [edwards.point_with(y, sign) for y in range(19) for sign in (0, 1)]
    assert sum(point is not None for point in points) > 10
    assert not any(point and is_valid(edwards.encoded(point)) for point in points)


@pytest.mark.parametrize("y", [1, edwards.P - 1])
def test_a_zero_x_with_the_sign_bit_is_refused(y: int) -> None:
    assert curve.key_flaw((y | 1 << 255).to_bytes(32, "little")) == "no point of the curve"


def test_bytes_off_the_curve_are_refused() -> None:
    """Hard case 19."""
    off = [y for y in range(2, 40) if edwards.point_with(y, 0) is None]
    assert len(off) > 10
    for y in off:
        assert curve.key_flaw(y.to_bytes(32, "little")) == "no point of the curve"


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    assert not is_valid((edwards.encoded(HONEST) * 2)[:length])


def test_half_of_random_bytes_are_off_the_curve_and_an_eighth_of_the_rest_is_valid() -> None:
    keys = [hashlib.sha256(bytes([number])).digest() for number in range(200)]
    flaws = [curve.key_flaw(key) for key in keys]
    assert 60 < flaws.count("no point of the curve") < 140
    assert 0 < flaws.count(None) < 40
