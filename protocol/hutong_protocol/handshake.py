"""The handshake: HELLO of both sides, the transcript, and the proof of the writer key.

Owns section 7.3 as far as it is computation. Everything offered by either side, both nonces, both
delegations, the roles and the certificate as this side sees it are in the transcript, so that a
replay, a reflection, a downgrade and a relay in the middle give another transcript and no valid
signature. Who the peer's organisation is and whether it is let in is asked of the shell by the
session. Spec: 7.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hutong_protocol.encoding import encode
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.frame_forms import encode_frame
from hutong_protocol.frames import CREDIT_MAX, FRAME_BYTES_MIN, Auth, Hello
from hutong_protocol.hashing import HASH_BYTES, digest
from hutong_protocol.ids import EventId, OrgId, WriterKey
from hutong_protocol.limits import FRAME_BYTES_MAX
from hutong_protocol.session_states import Role
from hutong_protocol.signatures import hello_message, verify

VERSIONS: Final = (1,)
"""Major versions that this implementation speaks. Spec: 11.3."""


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """Who this side is: organisation, delegation with the right `session`, and its writer key.

    `sign` signs a message (with its tag) with that key.
    """

    org: OrgId
    delegation: EventId
    writer: WriterKey
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What this side lets the peer send: bytes of a frame, and RUNS frames not yet dealt with."""

    frame_bytes_max: int = FRAME_BYTES_MAX
    credit: int = 8

    def __post_init__(self) -> None:
        if not FRAME_BYTES_MIN <= self.frame_bytes_max <= FRAME_BYTES_MAX:
            raise LocalProtocolError(f"frames of {self.frame_bytes_max} bytes")
        if not 1 <= self.credit <= CREDIT_MAX:
            raise LocalProtocolError(f"credit of {self.credit}")


def transcript(initiator_hello: bytes, responder_hello: bytes, certificate: bytes | None) -> bytes:
    """The 32 bytes that both sides sign: both HELLOs as sent, and the certificate. Spec: 7.3."""
    return digest("transcript", encode([initiator_hello, responder_hello, certificate]))


class Handshake:
    """The computation of one handshake, for either side.

    Args:
        nonce: 32 random bytes, never used before.
        certificate: SHA-256 of the responder's certificate as this side sees it; None on loopback
            without TLS.
    """

    def __init__(
        self,
        role: Role,
        own: OwnIdentity,
        nonce: bytes,
        certificate: bytes | None,
        features: frozenset[str],
        limits: SessionLimits,
    ) -> None:
        if len(nonce) != HASH_BYTES or (certificate and len(certificate) != HASH_BYTES):
            raise LocalProtocolError("nonce and certificate hash have 32 bytes")
        self._role = role
        self._own = own
        self._certificate = certificate
        self._hello = Hello(
            versions=VERSIONS,
            features=tuple(sorted(features)),
            role=role.value,
            nonce=nonce,
            org=own.org,
            delegation=own.delegation,
            frame_bytes_max=limits.frame_bytes_max,
            credit=limits.credit,
        )
        self.own_hello: Final = encode_frame(self._hello)
        self._transcript = b""
        self.features: frozenset[str] = frozenset()

    def meet(self, received: bytes, hello: Hello) -> None:
        """Takes the peer's HELLO; from now on `features` are those of both.

        Raises:
            ProtocolFault: NO_COMMON_VERSION, or HANDSHAKE_FAILED for our own role or nonce.
        """
        if not set(VERSIONS) & set(hello.versions):
            raise ProtocolFault(Fault.NO_COMMON_VERSION, f"offered {hello.versions}")
        if hello.role == self._hello.role or hello.nonce == self._hello.nonce:
            raise ProtocolFault(Fault.HANDSHAKE_FAILED, "own role or nonce came back")
        self.features = frozenset(self._hello.features) & frozenset(hello.features)
        hellos = (self.own_hello, received)
        if self._role is Role.RESPONDER:
            hellos = (received, self.own_hello)
        self._transcript = transcript(*hellos, self._certificate)

    def proof(self) -> Auth:
        """The AUTH of this side, after `meet`."""
        message = hello_message(self._role.value, self._transcript, self._own.writer)
        return Auth(self._own.sign(message))

    def check(self, writer: WriterKey, signature: bytes) -> None:
        """Nothing, if the peer has the writer key.

        Raises:
            ProtocolFault: HANDSHAKE_FAILED.
        """
        message = hello_message(1 - self._role.value, self._transcript, writer)
        if not verify(writer, message, signature):
            raise ProtocolFault(Fault.HANDSHAKE_FAILED, "AUTH does not verify")
