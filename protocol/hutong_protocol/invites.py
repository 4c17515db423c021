"""Invites and requests to join: their forms, signatures and text. Spec: 7.12.

Owns what an invite says, how it is signed and read, and the request that answers it. An invite's
signature is checked here under the key that it names; whether that key is the organisation's
follows from identity events, which the caller evaluates. Whether a nonce is known, unused and in
time is the inviting node's own memory.

Nothing here raises anything but `ProtocolFault` for bytes from outside.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from hutong_protocol import signatures
from hutong_protocol.encoding import Encodable, decode, encode
from hutong_protocol.exchange import Scope
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.hashing import HASH_BYTES, digest
from hutong_protocol.identity_fields import Fields, is_name
from hutong_protocol.ids import EventId, OrgId, PublicKey, WriterKey
from hutong_protocol.limits import (
    INT_MAX,
    INVITE_BODY_BYTES_MAX,
    INVITE_ENDPOINT_BYTES_MAX,
    INVITE_SCOPES_MAX,
    JOIN_REQUEST_BYTES_MAX,
    NONCE_BYTES,
)

TEXT_PREFIX: Final = "hutong-invite:"
_ENDPOINT: Final = r"wss?://(\[[0-9a-f:.]+\]|[A-Za-z0-9.-]+)(:[1-9][0-9]{0,4})?"
_INVITE_KEYS: Final = frozenset(
    {"v", "org", "delegation", "endpoint", "certificate", "scopes", "nonce", "expires"}
)
_JOIN_KEYS: Final = frozenset({"v", "org", "delegation", "nonce", "endpoint", "certificate"})
_ENVELOPE_BYTES: Final = 256
"""More than key, signature and array heads of an invite need."""


@dataclass(frozen=True, slots=True)
class Invite:
    """What an invite says. `expires_ms` since 1970; `certificate` None on loopback without TLS."""

    org: OrgId
    delegation: EventId
    key: WriterKey
    endpoint: str
    certificate: bytes | None
    scopes: tuple[Scope, ...]
    nonce: bytes
    expires_ms: int


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """A verified request; `events` are its organisation's identity events, not yet judged."""

    org: OrgId
    delegation: EventId
    key: WriterKey
    nonce: bytes
    endpoint: str | None
    certificate: bytes | None
    events: tuple[object, ...]


def write_invite(invite: Invite, sign: Callable[[bytes], bytes]) -> str:
    """The text of a signed invite. `sign` gives the signature of `invite.key` over a message."""
    body = encode(
        {
            "v": 1,
            "org": invite.org,
            "delegation": invite.delegation,
            "endpoint": invite.endpoint,
            "certificate": invite.certificate,
            "scopes": [list(scope) for scope in sorted(invite.scopes)],
            "nonce": invite.nonce,
            "expires": invite.expires_ms,
        }
    )
    _invite_of(body, invite.key)  # an invite that we could not read ourselves is our own mistake
    message = signatures.invite_message(invite.org, invite.key, digest("invite", body))
    data = encode([body, invite.key, sign(message)])
    return TEXT_PREFIX + base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def read_invite(text: str) -> Invite:
    """The invite that a text holds, its signature checked; white space in it is ignored.

    Raises:
        ProtocolFault: BAD_INVITE for its form, BAD_SIGNATURE, BAD_KEY, TOO_LARGE.
    """
    packed = "".join(text.split())
    if not packed.startswith(TEXT_PREFIX):
        raise ProtocolFault(Fault.BAD_INVITE, f"an invite starts with {TEXT_PREFIX}")
    packed = packed.removeprefix(TEXT_PREFIX)
    try:
        # Without validation foreign characters would be skipped without a word.
        data = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolFault(Fault.BAD_INVITE, "not base64url: was it copied whole?") from None
    value = decode(data, bytes_max=INVITE_BODY_BYTES_MAX + _ENVELOPE_BYTES)
    if not (isinstance(value, list) and len(value) == 3):
        raise ProtocolFault(Fault.BAD_INVITE, "expected an array of 3 items")
    body, key, signature = value
    if not (isinstance(body, bytes) and isinstance(key, bytes) and isinstance(signature, bytes)):
        raise ProtocolFault(Fault.BAD_INVITE, "expected body, key and signature as bins")
    invite = _invite_of(body, key)
    signatures.require_signature(
        key, signatures.invite_message(invite.org, invite.key, digest("invite", body)), signature
    )
    return invite


def write_join_request(request: JoinRequest, sign: Callable[[bytes], bytes]) -> bytes:
    """The bytes of a signed request to join."""
    body = encode(
        {
            "v": 1,
            "org": request.org,
            "delegation": request.delegation,
            "nonce": request.nonce,
            "endpoint": request.endpoint,
            "certificate": request.certificate,
        }
    )
    message = signatures.join_message(request.org, request.key, digest("join", body))
    events: list[Encodable] = list(request.events)  # type: ignore[arg-type]
    return encode([body, request.key, sign(message), events])


def read_join_request(data: bytes) -> JoinRequest:
    """The request that `data` holds, its signature checked under the key it names.

    Raises:
        ProtocolFault: BAD_INVITE for its form, BAD_SIGNATURE, BAD_KEY, TOO_LARGE, NOT_CANONICAL.
    """
    value = decode(data, bytes_max=JOIN_REQUEST_BYTES_MAX)
    if not (isinstance(value, list) and len(value) == 4):
        raise ProtocolFault(Fault.BAD_INVITE, "expected an array of 4 items")
    body, key, signature, events = value
    if not (isinstance(body, bytes) and isinstance(key, bytes) and isinstance(signature, bytes)):
        raise ProtocolFault(Fault.BAD_INVITE, "expected body, key and signature as bins")
    if not isinstance(events, list):
        raise ProtocolFault(Fault.BAD_INVITE, "expected events as an array")
    fields = _fields(body, _JOIN_KEYS)
    request = JoinRequest(
        org=OrgId(fields.binary("org")),
        delegation=fields.event_id("delegation"),
        key=_key(key),
        nonce=fields.binary("nonce", NONCE_BYTES),
        endpoint=_optional_endpoint(fields),
        certificate=_certificate(fields),
        events=tuple(events),
    )
    signatures.require_signature(
        key, signatures.join_message(request.org, request.key, digest("join", body)), signature
    )
    return request


def check_endpoint(text: str) -> bool:
    """Whether `text` has the form of an endpoint. Spec: 7.12.1."""
    if not 1 <= len(text.encode()) <= INVITE_ENDPOINT_BYTES_MAX:
        return False
    found = re.fullmatch(_ENDPOINT, text, re.ASCII)
    return found is not None and (found[2] is None or int(found[2][1:]) <= 65_535)


def _invite_of(body: bytes, key: bytes) -> Invite:
    fields = _fields(body, _INVITE_KEYS)
    endpoint = fields.text("endpoint")
    if not check_endpoint(endpoint):
        raise fields.breach("endpoint", "wss://host or wss://host:port")
    return Invite(
        org=OrgId(fields.binary("org")),
        delegation=fields.event_id("delegation"),
        key=_key(key),
        endpoint=endpoint,
        certificate=_certificate(fields),
        scopes=_scopes(fields),
        nonce=fields.binary("nonce", NONCE_BYTES),
        expires_ms=fields.integer("expires", 0, INT_MAX),
    )


def _fields(body: bytes, exactly: frozenset[str]) -> Fields:
    value = decode(body, bytes_max=INVITE_BODY_BYTES_MAX)
    if not isinstance(value, dict) or value.keys() != exactly:
        raise ProtocolFault(
            Fault.BAD_INVITE, f"expected a map of exactly {', '.join(sorted(exactly))}"
        )
    fields = Fields(value, fault=Fault.BAD_INVITE, where="body")
    if fields.integer("v", 0) != 1:
        raise ProtocolFault(Fault.UPGRADE_NEEDED, "body of another major version")
    return fields


def _scopes(fields: Fields) -> tuple[Scope, ...]:
    scopes: list[Scope] = []
    for item in fields.items("scopes", fields.value("scopes"), 1, INVITE_SCOPES_MAX):
        if not isinstance(item, list) or len(item) != 2:
            raise fields.breach("scopes", "pairs of space and topic")
        space, topic = item
        if not (isinstance(space, str) and isinstance(topic, str)):
            raise fields.breach("scopes", "names of 1 to 64 bytes of [a-z0-9-]")
        if not (is_name(space) and is_name(topic)):
            raise fields.breach("scopes", "names of 1 to 64 bytes of [a-z0-9-]")
        scopes.append(Scope(space, topic))
    if any(left >= right for left, right in pairwise(scopes)):
        raise fields.breach("scopes", "ascending scopes, no two equal")
    return tuple(scopes)


def _certificate(fields: Fields) -> bytes | None:
    return None if fields.value("certificate") is None else fields.binary("certificate")


def _optional_endpoint(fields: Fields) -> str | None:
    if fields.value("endpoint") is None:
        return None
    endpoint = fields.text("endpoint")
    if not check_endpoint(endpoint):
        raise fields.breach("endpoint", "wss://host or wss://host:port")
    return endpoint


def _key(key: bytes) -> WriterKey:
    if len(key) != HASH_BYTES:
        raise ProtocolFault(Fault.BAD_KEY, f"key of {len(key)} bytes instead of {HASH_BYTES}")
    return WriterKey(PublicKey(key))
