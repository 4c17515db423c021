"""Implementations of section 3 that each leave out one rule, and the vectors that must notice.

They are the core, plain calls of a library, or the equation in integers with something left out.
`MUTANTS` names each with the ids that catch it.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hutong_conformance.cases import Json
from hutong_conformance.independent import ed25519 as curve
from hutong_protocol import harness

Request = dict[str, Json]
Mutant = Callable[[Request], dict[str, Json]]
Verdict = Callable[[bytes, bytes, bytes], bool]

OK: dict[str, Json] = {"ok": True}
BAD_KEY: dict[str, Json] = {"fault": "bad-key"}
BAD_SIGNATURE: dict[str, Json] = {"fault": "bad-signature"}
CONTEXTS = (
    "sign-record",
    "sign-event",
    "sign-possession",
    "sign-hello",
    "sign-invite",
    "sign-join",
)


def field(request: Request, name: str) -> bytes:
    return bytes.fromhex(str(request[name]))


def keys(accepts: Callable[[bytes], bool]) -> Mutant:
    """The core, but `accepts` decides which keys are valid."""

    def answer(request: Request) -> dict[str, Json]:
        if request["op"] != "key.check":
            return harness.answer(request)
        return OK if accepts(field(request, "key")) else BAD_KEY

    return answer


def core_accepts(key: bytes) -> bool:
    return "ok" in harness.answer({"op": "key.check", "key": key.hex()})


def reduced(key: bytes) -> bytes:
    number = int.from_bytes(key, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    return (y % curve.P | sign << 255).to_bytes(32, "little")


def on_curve(key: bytes) -> bool:
    return curve.decode(key) is not None


def verifies(verdict: Verdict, *, check_key: bool = True) -> Mutant:
    """The core, but `verdict` decides about signatures, after the key was checked or not."""

    def answer(request: Request) -> dict[str, Json]:
        if request["op"] != "signature.verify":
            return harness.answer(request)
        key = field(request, "key")
        if check_key and not core_accepts(key):
            return BAD_KEY
        good = verdict(key, field(request, "message"), field(request, "signature"))
        return OK if good else BAD_SIGNATURE

    return answer


def library(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def core(key: bytes, message: bytes, signature: bytes) -> bool:
    request: Request = {"key": key.hex(), "message": message.hex(), "signature": signature.hex()}
    return "ok" in harness.answer({"op": "signature.verify", **request})


def with_s(change: Callable[[int], int]) -> Verdict:
    """The core, S changed before."""

    def verdict(key: bytes, message: bytes, signature: bytes) -> bool:
        s = change(int.from_bytes(signature[32:], "little"))
        return core(
            key, message, signature[:32] + s.to_bytes(max(32, len(signature) - 32), "little")
        )

    return verdict


def lenient_point(encoded: bytes) -> curve.Point | None:
    point = curve.decode(reduced(encoded))
    return (
        curve.decode(reduced(encoded)[:31] + bytes([encoded[31] & 0x7F]))
        if point is None
        else point
    )


def cofactored(key: bytes, message: bytes, signature: bytes) -> bool:
    """8 R = 8 ([S]B - [k]A), R decoded leniently: as batch verification and ZIP 215 have it."""
    a, r = curve.decode(key), lenient_point(signature[:32]) if len(signature) == 64 else None
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= curve.ORDER:
        return False
    k = curve.challenge(signature[:32], key, message)
    found = curve.add(curve.multiply(s, curve.BASE), curve.negate(curve.multiply(k, a)))
    return curve.equal(curve.multiply(8, found), curve.multiply(8, r))


def forgets_context(request: Request) -> dict[str, Json]:
    """Takes a signature from any context."""
    if request["op"] != "signature.in-context":
        return harness.answer(request)
    fields = field(request, "fields")
    for context in CONTEXTS:
        message = b"hutong/1/" + context.encode() + b"\0" + fields
        if core(field(request, "key"), message, field(request, "signature")):
            return OK
    return BAD_SIGNATURE


def tags_with(tag: Callable[[str], bytes]) -> Mutant:
    """Builds the message with another tag."""

    def answer(request: Request) -> dict[str, Json]:
        if request["op"] != "signature.in-context":
            return harness.answer(request)
        message = tag(str(request["context"])) + field(request, "fields")
        return (
            OK
            if core(field(request, "key"), message, field(request, "signature"))
            else BAD_SIGNATURE
        )

    return answer


def one_fault(request: Request) -> dict[str, Json]:
    """Calls everything a bad signature."""
    reply = harness.answer(request)
    return BAD_SIGNATURE if request["op"] == "signature.verify" and reply == BAD_KEY else reply


SMALL_ORDER_R = tuple(f"3/signature-r-small-order-{number:02}" for number in (1, 3, 9))
MUTANTS: dict[str, tuple[Mutant, tuple[str, ...]]] = {
    # No y from p on reduces to a point of prime order, so this one has to leave out both rules.
    "accepts y of p and above": (
        keys(
            lambda key: (
                core_accepts(key)
                or (len(key) == 32 and on_curve(reduced(key)) and not on_curve(key))
            )
        ),
        ("3/key-y-p-plus-3-sign-0", "3/key-y-p-plus-18-sign-1"),
    ),
    "doesn't check the order of keys": (
        keys(on_curve),
        ("3/key-mixed-order-1", "3/key-mixed-order-7", "3/key-small-order-03"),
    ),
    "refuses small-order keys by a list only": (
        keys(lambda key: on_curve(key) and key not in curve.SMALL_ORDER),
        ("3/key-mixed-order-1", "3/key-mixed-order-4"),
    ),
    "accepts what the library imports": (
        keys(lambda key: len(key) == 32),
        ("3/key-off-curve-2-sign-0", "3/key-small-order-01", "3/key-mixed-order-1"),
    ),
    "accepts keys of any length": (
        keys(lambda key: core_accepts(key[:32])),
        ("3/key-of-33-bytes", "3/key-of-64-bytes"),
    ),
    "refuses keys with a sign bit": (
        keys(lambda key: core_accepts(key) and key[31] < 0x80),
        ("3/key-sign-bit-1",),
    ),
    "refuses the base point": (
        keys(lambda key: core_accepts(key) and key[0] != 0x58),
        ("3/key-base-point",),
    ),
    "accepts small-order R": (verifies(library), ("3/signature-r-small-order-03",)),
    "checks no key before a signature": (
        verifies(library, check_key=False),
        (
            "3/signature-key-mixed-order-1",
            "3/signature-key-small-order-03",
            "3/signature-key-short",
        ),
    ),
    "reduces S": (
        verifies(with_s(lambda s: s % curve.ORDER)),
        ("3/signature-s-plus-1-l", "3/signature-s-plus-2-l", "3/signature-s-plus-7-l"),
    ),
    "masks the top bits of S": (
        verifies(with_s(lambda s: s % (1 << 253))),
        ("3/signature-s-bit-253", "3/signature-s-bit-254", "3/signature-s-bit-255"),
    ),
    "verifies with cofactor": (
        verifies(cofactored),
        ("3/signature-r-mixed-order-1", "3/signature-r-mixed-order-7", *SMALL_ORDER_R),
    ),
    "cuts signatures to 64 bytes": (
        verifies(lambda key, message, signature: core(key, message, signature[:64])),
        ("3/signature-65-long", "3/signature-128-long"),
    ),
    "verifies nothing": (
        verifies(lambda _key, _message, signature: len(signature) == 64),
        ("3/signature-message-changed", "3/signature-other-key", "3/signature-zeros"),
    ),
    "refuses another valid signature": (
        verifies(lambda k, m, s: core(k, m, s) and s[0] != 0xB0),
        ("3/signature-second-valid",),
    ),
    "accepts signatures of other contexts": (
        forgets_context,
        tuple(f"3/context-{a}-not-{b}" for a in CONTEXTS for b in CONTEXTS if a != b),
    ),
    "signs without a tag": (
        tags_with(lambda _: b""),
        ("3/context-no-tag", "3/context-sign-record", "3/context-sign-hello"),
    ),
    "signs without the NUL of the tag": (
        tags_with(lambda context: b"hutong/1/" + context.encode()),
        ("3/context-no-nul", "3/context-sign-invite"),
    ),
    "signs everything as a record": (
        tags_with(lambda _: b"hutong/1/sign-record\0"),
        ("3/context-sign-event-not-sign-record", "3/context-sign-possession"),
    ),
    "knows one fault only": (one_fault, ("3/signature-key-short", "3/signature-key-mixed-order-1")),
}
"""What is wrong with an implementation -> how it answers, and vectors that must catch it."""
