"""Vectors of signatures: valid ones, malleated ones, and those that libraries disagree about.

Signatures that lenient libraries accept are built with the equation that they check, with or
without cofactor, so that a verifier that leaves out one rule of 3.2.1 is caught by name.
Spec: 3.2, 3.3. Hard cases 16-18, 20; threats 29, 30.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.independent import ed25519 as curve

SIGNER = raw.key("signer")
MESSAGE = raw.tagged("sign-record", raw.bytes_from("record id"))

FIELDS = {
    "sign-record": raw.bytes_from("record id"),
    "sign-event": raw.bytes_from("event id") + SIGNER.public,
    "sign-possession": raw.bytes_from("organisation id") + SIGNER.public,
    "sign-hello": b"\1" + raw.bytes_from("transcript") + SIGNER.public,
    "sign-invite": raw.bytes_from("organisation id") + SIGNER.public + raw.bytes_from("invite"),
    "sign-join": raw.bytes_from("organisation id") + SIGNER.public + raw.bytes_from("join"),
}
"""The fields of each signing context, joined, by the table of 3.3.4."""


def cases() -> Iterator[Case]:
    """Every case of signatures and of their contexts."""
    yield from _valid()
    yield from _altered()
    yield from _malleated()
    yield from _odd_r()
    yield from _bad_keys()
    yield from _other_schemes()
    yield from _contexts()


def _valid() -> Iterator[Case]:
    for count in (0, 1, 32, 64, 1_000):
        message = raw.bytes_from(f"message {count}", count)
        signature = raw.sign(SIGNER, message)
        comment = f"An honest signature of {count} bytes"
        yield _case(
            f"signature-of-{count}-bytes", "3.2.1", comment, SIGNER.public, message, signature
        )
    counted = raw.key_from_seed(bytes(range(32)))
    message = raw.tagged("sign-record", bytes(32))
    yield _case(
        "signature-of-the-text",
        "3.2.7",
        "The test value at the end of 3.2",
        counted.public,
        message,
        raw.sign(counted, message),
    )
    nonce = int.from_bytes(raw.bytes_from("another nonce", 31), "little")
    yield _case(
        "signature-second-valid",
        "3.2.7",
        "Hard case 21: another valid signature of the message that 3/signature-sign-record has",
        SIGNER.public,
        MESSAGE,
        raw.sign(SIGNER, MESSAGE, nonce=nonce),
    )


def _altered() -> Iterator[Case]:
    key, right = SIGNER.public, raw.sign(SIGNER, MESSAGE)
    for place, byte, bit in (("r", 0, 0), ("r-sign", 31, 7), ("s", 32, 0), ("s-top", 62, 4)):
        flipped = bytearray(right)
        flipped[byte] ^= 1 << bit
        yield _bad(
            f"signature-bit-of-{place}", "3.2.1", f"One bit of {place} is flipped", bytes(flipped)
        )
    other = raw.key("somebody else")
    changes: tuple[tuple[str, str, bytes, bytes, bytes], ...] = (
        (
            "message-changed",
            "One bit of the message",
            key,
            MESSAGE[:-1] + bytes([MESSAGE[-1] ^ 1]),
            right,
        ),
        ("message-longer", "A byte after the message", key, MESSAGE + b"\0", right),
        ("message-shorter", "The last byte of the message is missing", key, MESSAGE[:-1], right),
        ("message-empty", "No message", key, b"", right),
        ("other-key", "Under another honest key", other.public, MESSAGE, right),
        ("key-negated", "Under the key with the other x", _negated(key), MESSAGE, right),
        ("of-other-message", "Of another message", key, MESSAGE, raw.sign(SIGNER, b"another")),
        ("halves-swapped", "S before R", key, MESSAGE, right[32:] + right[:32]),
        ("zeros", "64 zero bytes", key, MESSAGE, bytes(64)),
        ("ones", "64 bytes ff", key, MESSAGE, b"\xff" * 64),
        ("r-negated", "R with the other x", key, MESSAGE, _negated(right[:32]) + right[32:]),
    )
    for name, comment, changed_key, message, signature in changes:
        yield _case(
            f"signature-{name}", "3.2.1", comment, changed_key, message, signature, "bad-signature"
        )
    for count, signature in (
        (0, b""),
        (32, right[:32]),
        (63, right[:63]),
        (65, right + b"\0"),
        (128, right * 2),
    ):
        yield _bad(f"signature-{count}-long", "3.2.1", f"A signature of {count} bytes", signature)


def _negated(encoded: bytes) -> bytes:
    return encoded[:31] + bytes([encoded[31] ^ 0x80])


def _malleated() -> Iterator[Case]:
    right = raw.sign(SIGNER, MESSAGE)
    s = raw.s_of(right)
    for times in (1, 2, 7, 14):
        yield _bad(
            f"signature-s-plus-{times}-l",
            "3.2.1",
            f"Hard case 20: S + {times} L: the equation holds, S < L does not",
            raw.with_s(right, s + times * curve.ORDER),
        )
    for bit in (253, 254, 255):
        yield _bad(
            f"signature-s-bit-{bit}",
            "3.2.1",
            f"Bit {bit} of S is set: some libraries mask it away",
            raw.with_s(right, s | 1 << bit),
        )
    yield _bad("signature-s-is-l", "3.2.1", "S = L", raw.with_s(right, curve.ORDER))
    yield _bad(
        "signature-s-below-l",
        "3.2.1",
        "S = L-1: in range, equation wrong",
        raw.with_s(right, curve.ORDER - 1),
    )


def _odd_r() -> Iterator[Case]:
    for number, encoding in enumerate(sorted(curve.SMALL_ORDER), start=1):
        holds = encoding == curve.encode(curve.NEUTRAL)
        equation = "without" if holds else "with"
        yield _bad(
            f"signature-r-small-order-{number:02}",
            "3.2.3",
            f"R is of small order; the equation {equation} cofactor holds",
            raw.sign(SIGNER, MESSAGE, nonce=0, r_bytes=encoding),
        )
    for torsion in range(1, 8):
        yield _bad(
            f"signature-r-mixed-order-{torsion}",
            "3.2.2",
            f"Hard case 17: R is off by {torsion} points of order 8: holds with cofactor only",
            raw.sign(SIGNER, MESSAGE, nonce_torsion=torsion),
        )
    off = next(y for y in range(2, 40) if curve.x_of(y) is None).to_bytes(32, "little")
    yield _bad(
        "signature-r-off-curve", "3.2.2", "R is no point", raw.sign(SIGNER, MESSAGE, r_bytes=off)
    )


def _bad_keys() -> Iterator[Case]:
    """Signatures that verify in lenient libraries, under keys that are none."""
    for number, key in enumerate(sorted(curve.SMALL_ORDER), start=1):
        message, signature = _under_small_order(key)
        yield _case(
            f"signature-key-small-order-{number:02}",
            "3.2.4",
            "Hard case 18: under a small-order key; S is the nonce, no secret was needed",
            key,
            message,
            signature,
            "bad-key",
        )
    for torsion in range(1, 8):
        signer = raw.bent(raw.key("mixed order"), torsion)
        message, signature = _bent_but_passing(signer)
        yield _case(
            f"signature-key-mixed-order-{torsion}",
            "3.2.4",
            "Hard case 17: under a mixed-order key; the equation without cofactor holds",
            signer.public,
            message,
            signature,
            "bad-key",
        )
    signer = raw.bent(raw.key("mixed order"), 1)
    yield _case(
        "signature-key-mixed-order-cofactor",
        "3.2.4",
        "Hard case 17: under a mixed-order key; only the equation with cofactor holds",
        signer.public,
        MESSAGE,
        raw.sign(signer, MESSAGE),
        "bad-key",
    )
    for name, key in (
        ("short", SIGNER.public[:31]),
        ("empty", b""),
        ("long", SIGNER.public + b"\0"),
    ):
        right = raw.sign(SIGNER, MESSAGE)
        yield _case(
            f"signature-key-{name}",
            "3.2.4",
            "The key has another length",
            key,
            MESSAGE,
            right,
            "bad-key",
        )


def _under_small_order(key: bytes) -> tuple[bytes, bytes]:
    """A message and a signature for which R = [S]B - [k]A holds with the small-order A of `key`.

    R is of prime order, so k has to remove A: the message is counted up until k is a multiple of
    the order of A, as a lenient library would compute it.
    """
    nonce = int.from_bytes(raw.bytes_from("small order nonce", 31), "little")
    r_bytes = curve.encode(curve.multiply(nonce, curve.BASE))
    for count in range(1_000):
        message = raw.tagged("sign-record", count.to_bytes(32, "big"))
        if curve.challenge(r_bytes, key, message) % 8 == 0:
            return message, r_bytes + nonce.to_bytes(32, "little")
    raise AssertionError("one message in eight has such a challenge")


def _bent_but_passing(signer: raw.Key) -> tuple[bytes, bytes]:
    """A message and a signature under a mixed-order key whose challenge removes the torsion."""
    for count in range(1_000):
        message = raw.tagged("sign-record", count.to_bytes(32, "big"))
        signature = raw.sign(signer, message)
        if curve.challenge(signature[:32], signer.public, message) % 8 == 0:
            return message, signature
    raise AssertionError("one message in eight has such a challenge")


def _other_schemes() -> Iterator[Case]:
    hashed = hashlib.sha512(MESSAGE).digest()
    dom = b"SigEd25519 no Ed25519 collisions"
    schemes: tuple[tuple[str, str, bytes], ...] = (
        ("ed25519ph", "Ed25519ph of the message", raw.sign(SIGNER, hashed, dom=dom + b"\1\0")),
        ("ed25519ctx", "Ed25519ctx with a context", raw.sign(SIGNER, MESSAGE, dom=dom + b"\0\1x")),
        ("of-sha512", "Of the SHA-512 of the message", raw.sign(SIGNER, hashed)),
        (
            "of-sha256",
            "Of the SHA-256 of the message",
            raw.sign(SIGNER, hashlib.sha256(MESSAGE).digest()),
        ),
    )
    for name, comment, signature in schemes:
        yield _bad(f"signature-{name}", "3.2.8", comment, signature)


def _contexts() -> Iterator[Case]:
    """Each context with its own signature, and with that of every other context."""
    for context, fields in FIELDS.items():
        message = raw.tagged(context, fields)
        comment = f"A signature in the context {context}, over the whole message"
        signature = raw.sign(SIGNER, message)
        yield _case(f"signature-{context}", "3.3.1", comment, SIGNER.public, message, signature)
        comment = f"The verifier builds the message of the context {context} itself"
        yield _in_context(f"context-{context}", "3.3.1", comment, context, fields, signature)
        for other in FIELDS:
            if other != context:
                yield _in_context(
                    f"context-{context}-not-{other}",
                    "3.3.2",
                    f"Threat 30: these fields were signed in the context {other}",
                    context,
                    fields,
                    raw.sign(SIGNER, raw.tagged(other, fields)),
                    fault=True,
                )
    fields = FIELDS["sign-record"]
    bare: tuple[tuple[str, str, bytes], ...] = (
        ("no-tag", "The fields alone were signed", fields),
        ("no-nul", "The tag lacks its NUL", b"hutong/1/sign-record" + fields),
        ("hash-tag", "The tag of a hash context was signed", raw.tagged("record", fields)),
        ("version-2", "The tag names another major version", b"hutong/2/sign-record\0" + fields),
        ("capital", "A capital in the tag", b"hutong/1/Sign-record\0" + fields),
    )
    for name, comment, message in bare:
        signature = raw.sign(SIGNER, message)
        yield _in_context(
            f"context-{name}", "3.3.1", comment, "sign-record", fields, signature, fault=True
        )


def _case(
    name: str,
    section: str,
    comment: str,
    key: bytes,
    message: bytes,
    signature: bytes,
    fault: str = "",
) -> Case:
    request: dict[str, Json] = {
        "key": key.hex(),
        "message": message.hex(),
        "signature": signature.hex(),
    }
    expect: dict[str, Json] = {"fault": fault} if fault else {"ok": True}
    return Case(f"3/{name}", section, "MUST", comment, "signature.verify", request, expect)


def _bad(name: str, section: str, comment: str, signature: bytes) -> Case:
    return _case(name, section, comment, SIGNER.public, MESSAGE, signature, "bad-signature")


def _in_context(
    name: str,
    section: str,
    comment: str,
    context: str,
    fields: bytes,
    signature: bytes,
    *,
    fault: bool = False,
) -> Case:
    request: dict[str, Json] = {
        "context": context,
        "fields": fields.hex(),
        "key": SIGNER.public.hex(),
        "signature": signature.hex(),
    }
    expect: dict[str, Json] = {"fault": "bad-signature"} if fault else {"ok": True}
    return Case(f"3/{name}", section, "MUST", comment, "signature.in-context", request, expect)
