"""Byte workbench: builds right and, above all, wrong bytes that no honest encoder would make.

Owns: msgpack in every form the format allows (over-long, unsorted, repeated keys, floats, ext,
wrong counts), and Ed25519 signatures with a chosen nonce, torsion or scalar. Used by the families
of vectors of every section, since a correct encoder can't produce an incorrect vector.

Everything is deterministic. It must not import the core: its right bytes are compared with the
core's when vectors are generated. Curve arithmetic comes from `independent.ed25519`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hutong_conformance.independent import ed25519 as curve

NIL = b"\xc0"
TRUE = b"\xc3"
FALSE = b"\xc2"
RESERVED = b"\xc1"

Bits: TypeAlias = Literal[8, 16, 32]
Width: TypeAlias = Literal["fix"] | Bits
"""How many bits the length takes; `fix` puts it into the lead byte."""
IntForm: TypeAlias = Literal["fix", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"]

_INT_FORMS: dict[IntForm, tuple[int, str]] = {
    "u8": (0xCC, ">B"),
    "u16": (0xCD, ">H"),
    "u32": (0xCE, ">I"),
    "u64": (0xCF, ">Q"),
    "i8": (0xD0, ">b"),
    "i16": (0xD1, ">h"),
    "i32": (0xD2, ">i"),
    "i64": (0xD3, ">q"),
}
_LENGTH_FORMATS: dict[Bits, str] = {8: ">B", 16: ">H", 32: ">I"}


def integer(number: int, form: IntForm | None = None) -> bytes:
    """`number` in `form`, or in its shortest form; raises if it doesn't fit the form."""
    form = _shortest_int(number) if form is None else form
    if form == "fix":
        if not -32 <= number <= 127:
            raise ValueError(f"{number} has no fix form")
        return bytes([number & 0xFF])
    lead, layout = _INT_FORMS[form]
    return bytes([lead]) + struct.pack(layout, number)


def _shortest_int(number: int) -> IntForm:
    if -32 <= number <= 127:
        return "fix"
    forms: tuple[IntForm, ...] = (
        ("u8", "u16", "u32", "u64") if number >= 0 else ("i8", "i16", "i32", "i64")
    )
    for form in forms[:-1]:
        try:
            struct.pack(_INT_FORMS[form][1], number)
        except struct.error:
            continue
        return form
    return forms[-1]


def text(content: str | bytes, width: Width | None = None, *, count: int | None = None) -> bytes:
    """A str; bytes stand as they are, UTF-8 or not. `count` announces another length."""
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    announced = len(raw) if count is None else count
    return _length(announced, width, fix=(0xA0, 31), leads={8: 0xD9, 16: 0xDA, 32: 0xDB}) + raw


def binary(content: bytes, width: Width | None = None, *, count: int | None = None) -> bytes:
    """A bin; `count` announces another length than that of `content`."""
    announced = len(content) if count is None else count
    return _length(announced, width, fix=None, leads={8: 0xC4, 16: 0xC5, 32: 0xC6}) + content


def array(items: Iterable[bytes], width: Width | None = None, *, count: int | None = None) -> bytes:
    """An array of encoded items; `count` announces another number of items."""
    items = list(items)
    announced = len(items) if count is None else count
    return _length(announced, width, fix=(0x90, 15), leads={16: 0xDC, 32: 0xDD}) + b"".join(items)


def mapping(
    pairs: Iterable[tuple[bytes, bytes]], width: Width | None = None, *, count: int | None = None
) -> bytes:
    """A map of encoded pairs in the order given; `count` announces another number of pairs."""
    pairs = list(pairs)
    announced = len(pairs) if count is None else count
    body = b"".join(key + value for key, value in pairs)
    return _length(announced, width, fix=(0x80, 15), leads={16: 0xDE, 32: 0xDF}) + body


def _length(
    count: int, width: Width | None, *, fix: tuple[int, int] | None, leads: dict[Bits, int]
) -> bytes:
    if width is None and (fix is None or count > fix[1]):
        width = next(bits for bits in _LENGTH_FORMATS if bits in leads and count < 1 << bits)
    if width is None or width == "fix":
        if fix is None or count > fix[1]:
            raise ValueError(f"{count} has no fix form")
        return bytes([fix[0] | count])
    return bytes([leads[width]]) + struct.pack(_LENGTH_FORMATS[width], count)


def float32(bits: int) -> bytes:
    """A float of these 32 bits."""
    return b"\xca" + bits.to_bytes(4, "big")


def float64(bits: int) -> bytes:
    """A float of these 64 bits."""
    return b"\xcb" + bits.to_bytes(8, "big")


def extension(code: int, content: bytes) -> bytes:
    """An ext value with type `code` (-128 to 127) in its shortest form; -1 is a timestamp."""
    fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}
    kind = struct.pack(">b", code)
    if len(content) in fixed:
        return bytes([fixed[len(content)]]) + kind + content
    return (
        _length(len(content), None, fix=None, leads={8: 0xC7, 16: 0xC8, 32: 0xC9}) + kind + content
    )


def nested(depth: int, inner: bytes = b"\x90") -> bytes:
    """`inner` inside `depth` arrays of one item."""
    return b"\x91" * depth + inner


Plain: TypeAlias = "None | bool | int | bytes | str | Sequence[Plain] | Mapping[str, Plain]"


def encode(value: Plain) -> bytes:
    """The canonical Hutong-mp of `value`: shortest forms, keys sorted by their UTF-8 bytes."""
    if value is None:
        return NIL
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes):
        return binary(value)
    if isinstance(value, Mapping):
        ordered = sorted(value.items(), key=lambda pair: pair[0].encode())
        return mapping((text(key), encode(item)) for key, item in ordered)
    return array(encode(item) for item in value)


def tagged(context: str, data: bytes) -> bytes:
    """`data` behind the domain tag of `context`. Spec: 2.4."""
    return b"hutong/1/" + context.encode("ascii") + b"\0" + data


def digest(context: str, data: bytes) -> bytes:
    """SHA-256 of `data` behind the tag of `context`. Spec: 2.4."""
    return hashlib.sha256(tagged(context, data)).digest()


def bytes_from(label: str, count: int = 32) -> bytes:
    """`count` bytes fixed by `label`: seeds, salts and nonces of vectors, never real secrets."""
    return hashlib.shake_256(b"hutong vectors: " + label.encode()).digest(count)


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key laid open: `scalar` may be any number and `torsion` bends the public key."""

    scalar: int
    prefix: bytes
    torsion: int = 0

    @property
    def public(self) -> bytes:
        """The 32 bytes of scalar * B + torsion."""
        point = curve.multiply(self.scalar, curve.BASE)
        return curve.encode(curve.add(point, curve.TORSION[self.torsion]))


def key_from_seed(seed: bytes) -> Key:
    """The key that every Ed25519 library derives from the 32 bytes of `seed`."""
    wide = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(wide[:32], "little")
    scalar = scalar & (1 << 254) - 8 | 1 << 254
    return Key(scalar, wide[32:])


def key(label: str) -> Key:
    """The key whose seed `label` fixes."""
    return key_from_seed(bytes_from(label))


def bent(signer: Key, torsion: int) -> Key:
    """`signer` with a public key of mixed order: the same scalar, off by a small-order point."""
    return Key(signer.scalar, signer.prefix, torsion)


def sign(
    signer: Key,
    message: bytes,
    *,
    nonce: int | None = None,
    nonce_torsion: int = 0,
    r_bytes: bytes | None = None,
    dom: bytes = b"",
) -> bytes:
    """A signature whose pieces may be wrong; without options it is the one of RFC 8032.

    Args:
        nonce: the secret r instead of the derived one; 0 makes R the neutral point.
        nonce_torsion: bends R by `curve.TORSION[nonce_torsion]` after S is fixed by r alone.
        r_bytes: written (and hashed) as R instead of the encoding of the point.
        dom: bytes before everything that is hashed, as in the ctx and ph variants of RFC 8032.
    """
    if nonce is None:
        wide = hashlib.sha512(dom + signer.prefix + message).digest()
        nonce = int.from_bytes(wide, "little") % curve.ORDER
    if r_bytes is None:
        point = curve.multiply(nonce, curve.BASE)
        r_bytes = curve.encode(curve.add(point, curve.TORSION[nonce_torsion]))
    public = signer.public
    k = curve.challenge(dom + r_bytes, public, message)
    return r_bytes + ((nonce + k * signer.scalar) % curve.ORDER).to_bytes(32, "little")


def with_s(signature: bytes, s: int) -> bytes:
    """`signature` with another number in its second half."""
    return signature[:32] + s.to_bytes(32, "little")


def s_of(signature: bytes) -> int:
    """The number in the second half of `signature`."""
    return int.from_bytes(signature[32:], "little")
