"""The byte workbench writes what it says: right bytes where asked, wrong ones exactly as asked."""

from __future__ import annotations

import msgpack
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from hutong_conformance import raw
from hutong_conformance.independent import ed25519 as curve
from hutong_conformance.independent import mp_decoder
from hutong_protocol import hashing

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.binary(max_size=40)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
)
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
flat = st.lists(scalars, max_size=20) | st.dictionaries(names, scalars, max_size=20)
nested = st.lists(scalars | flat, max_size=5) | st.dictionaries(names, scalars | flat, max_size=5)
values = scalars | flat | nested | nested.map(lambda value: [[[[[[[[[[[[[value]]]]]]]]]]]]])
"""Values of every depth up to 15."""


@given(values)
def test_what_is_encoded_is_read_back_by_the_independent_decoder(value: raw.Plain) -> None:
    data = raw.encode(value)
    assert mp_decoder.decode(data) == value


@given(scalars)
def test_scalars_have_the_bytes_that_the_library_writes(value: raw.Plain) -> None:
    assert raw.encode(value) == msgpack.packb(value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (raw.integer(5, "u64"), "cf0000000000000005"),
        (raw.integer(-1, "i16"), "d1ffff"),
        (raw.text("a", 32), "db0000000161"),
        (raw.text(b"\xff"), "a1ff"),
        (raw.text("ab", count=9), "a96162"),
        (raw.binary(b"a", 16), "c5000161"),
        (raw.array([raw.NIL], 16), "dc0001c0"),
        (raw.mapping([(raw.text("b"), raw.NIL), (raw.text("a"), raw.NIL)]), "82a162c0a161c0"),
        (raw.extension(-1, bytes(4)), "d6ff00000000"),
        (raw.extension(5, b""), "c70005"),
        (raw.float32(0x7FC00000), "ca7fc00000"),
        (raw.nested(2), "919190"),
    ],
)
def test_wrong_forms_are_written_as_asked(written: bytes, expected: str) -> None:
    assert written.hex() == expected


def test_a_form_that_cannot_hold_the_number_is_an_error() -> None:
    with pytest.raises(ValueError, match="fix"):
        raw.integer(200, "fix")
    with pytest.raises(ValueError, match="fix"):
        raw.array([raw.NIL] * 16, "fix")
    with pytest.raises(ValueError, match="fix"):
        raw.binary(b"", "fix")


@given(st.binary(max_size=64))
def test_hashes_and_tags_are_those_of_the_core(data: bytes) -> None:
    assert raw.tagged("part", b"") == hashing.tag("part")
    assert raw.digest("part", data) == hashing.digest("part", data)


@pytest.mark.parametrize("label", ["a", "b", "c"])
def test_an_honest_signature_is_the_one_of_every_library(label: str) -> None:
    key = raw.key(label)
    private = Ed25519PrivateKey.from_private_bytes(raw.bytes_from(label))
    assert key.public == private.public_key().public_bytes_raw()
    assert raw.sign(key, b"message") == private.sign(b"message")


def test_a_bent_key_differs_by_a_point_of_small_order() -> None:
    key = raw.key("bent")
    points = [curve.decode(raw.bent(key, torsion).public) for torsion in range(8)]
    first = points[0]
    assert first is not None
    for torsion, point in enumerate(points):
        assert point is not None
        difference = curve.add(point, curve.negate(first))
        assert curve.equal(difference, curve.TORSION[torsion])


def test_the_same_label_gives_the_same_bytes_of_any_length() -> None:
    assert raw.bytes_from("salt", 16) == raw.bytes_from("salt", 32)[:16]
    assert raw.bytes_from("salt") != raw.bytes_from("nonce")
