"""Hutong-strict Ed25519, and the messages that are signed. Spec: 3.

Owns the verdict on keys and signatures, signing, and the layout of every signed message. The only
module that imports `cryptography`: of the rules of 3.2.1 OpenSSL gives the equation, the others are
checked here, the cheap ones before its call even where it would check them too, so that a change of
the library can't widen what is accepted.

Nothing here raises for bytes of a peer, except `check_key` and `require_signature`, which say
`bad-key` and `bad-signature`. Whose key may sign what is for `identity` and `runs` to know.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InternalError, InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from hutong_protocol.curve import KEY_BYTES, SMALL_ORDER_ENCODINGS, L, key_flaw
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.hashing import HASH_BYTES, tag
from hutong_protocol.ids import EventId, OrgId, PublicKey, RecordId, WriterKey

SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_VERDICTS_KEPT: Final = 65_536
"""Keys whose verdict is remembered, some 15 MiB when full: more than the writers of a large
federation, since going round a smaller memory would cost a millisecond at each signature."""
_LOADED_KEPT: Final = 1_024
"""Keys kept in the library's form, about 1 KiB each; loading one costs only some microseconds."""

_RECORD: Final = tag("sign-record")
_EVENT: Final = tag("sign-event")
_POSSESSION: Final = tag("sign-possession")
_HELLO: Final = tag("sign-hello")
_INVITE: Final = tag("sign-invite")
_JOIN: Final = tag("sign-join")

_flaw = lru_cache(maxsize=_VERDICTS_KEPT)(key_flaw)
_load = lru_cache(maxsize=_LOADED_KEPT)(Ed25519PublicKey.from_public_bytes)


def check_key(key: bytes) -> None:
    """Nothing, if these bytes are a valid public key.

    About a millisecond for a new key, 0.1 us for one of the last 65,536.

    Raises:
        ProtocolFault: BAD_KEY. Spec: 3.1.
    """
    flaw = _flaw(key)
    if flaw is not None:
        raise ProtocolFault(Fault.BAD_KEY, flaw)


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is a valid signature of `message` under `key`.

    Args:
        key: any bytes; an invalid key has no valid signature.
        message: with its tag: what one of the `..._message` functions gave.
        signature: any bytes.

    Returns:
        The verdict of Spec 3.2. Never raises for any bytes. About 0.1 ms; the cheap rules come
        before the equation.
    """
    if (
        len(signature) != SIGNATURE_BYTES
        or int.from_bytes(signature[32:], "little") >= L
        or signature[:32] in SMALL_ORDER_ENCODINGS
        or _flaw(key) is not None
    ):
        return False
    try:
        _load(key).verify(signature, message)
    except (InvalidSignature, ValueError, InternalError):
        return False
    return True


def require_signature(key: bytes, message: bytes, signature: bytes) -> None:
    """Nothing, if `signature` is valid.

    Raises:
        ProtocolFault: BAD_KEY, otherwise BAD_SIGNATURE. Spec: 3.2.4.
    """
    check_key(key)
    if not verify(key, message, signature):
        raise ProtocolFault(Fault.BAD_SIGNATURE, "signature is not valid under the key")


def public_key(seed: bytes) -> PublicKey:
    """The public key of a private one.

    Args:
        seed: 32 bytes from a generator fit for keys.

    Raises:
        LocalProtocolError: not 32 bytes.
    """
    return PublicKey(_private(seed).public_key().public_bytes_raw())


def sign(seed: bytes, message: bytes) -> bytes:
    """The 64-byte signature of `message`, the same each time. Spec: 3.2.7.

    Args:
        seed: the private key, 32 bytes; it is not kept.
        message: with its tag: what one of the `..._message` functions gave.

    Raises:
        LocalProtocolError: the seed is not 32 bytes.
    """
    return _private(seed).sign(message)


def record_message(record: RecordId) -> bytes:
    """What a writer signs for a record. Spec: 3.3, 6.1."""
    return _RECORD + _field(record, HASH_BYTES)


def event_message(event: EventId, signer: PublicKey) -> bytes:
    """What a control or recovery key signs for an identity event. Spec: 3.3, 4.2."""
    return _EVENT + _field(event, HASH_BYTES) + _field(signer, KEY_BYTES)


def possession_message(org: OrgId, writer: WriterKey) -> bytes:
    """What a writer key signs to show that its delegation is wanted. Spec: 3.3, 4.4."""
    return _POSSESSION + _field(org, HASH_BYTES) + _field(writer, KEY_BYTES)


def hello_message(role: int, transcript: bytes, writer: WriterKey) -> bytes:
    """What a side of a session signs; `role` is 0 for the initiator, 1 for the responder.

    Spec: 3.3, 7.3.
    """
    if role not in (0, 1):
        raise LocalProtocolError(f"role {role} instead of 0 or 1")
    return _HELLO + bytes([role]) + _field(transcript, HASH_BYTES) + _field(writer, KEY_BYTES)


def invite_message(org: OrgId, signer: WriterKey, body_digest: bytes) -> bytes:
    """What an inviting organisation's writer signs; the digest is that of the context `invite`.

    Spec: 3.3, 7.12.
    """
    return _INVITE + _contact(org, signer, body_digest)


def join_message(org: OrgId, signer: WriterKey, body_digest: bytes) -> bytes:
    """What a joining organisation's writer signs; the digest is that of the context `join`.

    Spec: 3.3, 7.12.
    """
    return _JOIN + _contact(org, signer, body_digest)


def _contact(org: OrgId, signer: WriterKey, body_digest: bytes) -> bytes:
    return _field(org, HASH_BYTES) + _field(signer, KEY_BYTES) + _field(body_digest, HASH_BYTES)


def _field(content: bytes, length: int) -> bytes:
    # A field of another length would let two lists of fields give the same message. Spec: 3.3.1.
    # Callers have checked the shape of what a peer sent, so it is our own mistake.
    if len(content) != length:
        raise LocalProtocolError(f"signed field of {len(content)} bytes instead of {length}")
    return content


def _private(seed: bytes) -> Ed25519PrivateKey:
    if len(seed) != SEED_BYTES:
        raise LocalProtocolError(f"seed of {len(seed)} bytes instead of {SEED_BYTES}")
    return Ed25519PrivateKey.from_private_bytes(seed)
