"""The independent Ed25519: its constants, its group, and its verdicts beside those of the core."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from example_counts import examples
from hutong_conformance import raw
from hutong_conformance.independent import ed25519 as curve
from hutong_protocol import signatures
from hutong_protocol.faults import ProtocolFault

scalars = st.integers(0, curve.ORDER - 1)
SIGNER = raw.key("differential")
PUBLIC = SIGNER.public


def core_accepts_key(key: bytes) -> bool:
    try:
        signatures.check_key(key)
    except ProtocolFault:
        return False
    return True


def test_the_base_point_has_the_coordinates_and_order_of_rfc_8032() -> None:
    assert curve.encode(curve.BASE).hex() == "58" + "66" * 31
    assert curve.equal(curve.multiply(curve.ORDER, curve.BASE), curve.NEUTRAL)
    assert not curve.equal(curve.BASE, curve.NEUTRAL)


def test_the_curve_has_eight_points_of_small_order_in_fourteen_encodings() -> None:
    """Hard case 18."""
    assert len({curve.encode(point) for point in curve.TORSION}) == 8
    assert all(curve.equal(curve.multiply(8, point), curve.NEUTRAL) for point in curve.TORSION)
    assert len(curve.SMALL_ORDER) == 14


@settings(max_examples=examples(20))
@given(scalars, scalars)
def test_multiplying_is_adding_in_any_order(one: int, other: int) -> None:
    left = curve.add(curve.multiply(one, curve.BASE), curve.multiply(other, curve.BASE))
    assert curve.equal(left, curve.multiply(one + other, curve.BASE))
    assert curve.equal(curve.add(left, curve.negate(left)), curve.NEUTRAL)


@settings(max_examples=examples(30))
@given(scalars)
def test_an_encoded_point_decodes_to_itself(scalar: int) -> None:
    point = curve.multiply(scalar, curve.BASE)
    decoded = curve.decode(curve.encode(point))
    assert decoded is not None
    assert curve.equal(decoded, point)


@settings(max_examples=examples(40))
@given(st.binary(min_size=32, max_size=32), st.integers(0, 7))
def test_core_and_independent_curve_give_keys_the_same_verdict(seed: bytes, torsion: int) -> None:
    """Threat 29: random bytes, honest keys and mixed-order keys."""
    for key in (seed, raw.bent(raw.key_from_seed(seed), torsion).public):
        assert core_accepts_key(key) == (curve.key_point(key) is not None)


@settings(max_examples=examples(60))
@given(st.binary(max_size=80), st.integers(0, 63), st.integers(0, 255), st.integers(0, 7))
def test_core_and_independent_curve_give_signatures_the_same_verdict(
    message: bytes, at: int, flip: int, torsion: int
) -> None:
    signature = bytearray(raw.sign(SIGNER, message, nonce_torsion=torsion))
    signature[at] ^= flip
    found = curve.verify(PUBLIC, message, bytes(signature))
    assert found == signatures.verify(PUBLIC, message, bytes(signature))
    assert found == (flip == 0 and torsion == 0)


@settings(max_examples=examples(20))
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_honest_signatures_of_a_library_are_valid(seed: bytes, message: bytes) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    assert curve.verify(public, message, private.sign(message))


def test_no_y_of_p_and_above_reduces_to_a_point_of_prime_order() -> None:
    """So rule (b) of 3.1.1 never decides alone; an implementation may not rely on that."""
    reduced = [y.to_bytes(32, "little") for y in range(2**255 - curve.P)]
    assert [key for key in reduced if curve.key_point(key) is not None] == []


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), b"\xff" * 32])
def test_bytes_that_are_no_point_decode_to_nothing(key: bytes) -> None:
    assert curve.decode(key) is None
    assert not curve.verify(key, b"", bytes(64))
