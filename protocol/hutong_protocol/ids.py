"""Identifiers: the kinds of 32 bytes that the protocol names things by, and their text form.

Owns the types that keep one kind from standing where another belongs, and the text with prefix and
checksum that people copy (Spec: 2.5). Inside records, events and frames identifiers are bytes; the
text is for files, screens and the local interface, and is never signed or hashed.

What an identifier is the hash of is said where the thing itself is defined.
"""

from __future__ import annotations

import base64
from enum import StrEnum
from typing import Final, NewType

from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.hashing import digest

ID_BYTES: Final = 32

OrgId = NewType("OrgId", bytes)
"""The event id of an organisation's inception. Spec: 4.1."""
PublicKey = NewType("PublicKey", bytes)
"""Any public key: control, recovery or writer. Spec: 3.1."""
WriterKey = NewType("WriterKey", PublicKey)
"""The public key that a log is signed with. Spec: 4.1."""
RecordId = NewType("RecordId", bytes)
"""Spec: 5.2."""
LogId = NewType("LogId", bytes)
"""The record id of the open record. Spec: 5.1."""
EventId = NewType("EventId", bytes)
"""Spec: 4.2."""

_CHECKSUM_BYTES: Final = 3  # 35 bytes are 56 characters of base32 without a spare bit
_BODY_CHARACTERS: Final = 56
_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz234567")


class IdKind(StrEnum):
    """What the 32 bytes of a text form are; the value is its prefix. Spec: 2.5.1."""

    ORG = "org"
    WRITER = "writer"
    RECORD = "rec"
    LOG = "log"
    EVENT = "event"
    KEY = "key"


def format_id(kind: IdKind, identifier: bytes) -> str:
    """The text form of 32 bytes, e.g. ``org-aaaq...``: prefix, hyphen, 56 characters. Spec: 2.5.

    Raises:
        LocalProtocolError: not 32 bytes.
    """
    if len(identifier) != ID_BYTES:
        raise LocalProtocolError(f"identifier of {len(identifier)} bytes instead of {ID_BYTES}")
    head = f"{kind.value}-"
    body = base64.b32encode(identifier + _checksum(head, identifier))
    return head + body.decode("ascii").lower()


def parse_id(text: str) -> tuple[IdKind, bytes]:
    """The kind and the 32 bytes that a text form names.

    Args:
        text: anything; only the exact text that `format_id` gives is valid. Blanks and capitals are
            for the program that asked a person to remove. Spec: 2.5.5.

    Raises:
        ProtocolFault: BAD_TEXT_ID. The detail does not quote the text.
    """
    prefix, _, body = text.partition("-")
    try:
        kind = IdKind(prefix)
    except ValueError:
        raise _bad("unknown prefix") from None
    if len(body) != _BODY_CHARACTERS:
        raise _bad(f"{len(body)} characters after the prefix instead of {_BODY_CHARACTERS}")
    if not _ALPHABET.issuperset(body):
        raise _bad("character outside a-z and 2-7")
    content = base64.b32decode(body.upper())
    identifier, checksum = content[:ID_BYTES], content[ID_BYTES:]
    if checksum != _checksum(f"{prefix}-", identifier):
        raise _bad("checksum differs: mistyped?")
    return kind, identifier


def parse_id_as(kind: IdKind, text: str) -> bytes:
    """The 32 bytes of a text form of this kind.

    Raises:
        ProtocolFault: BAD_TEXT_ID, also for a valid text of another kind. Spec: 2.5.4.
    """
    found, identifier = parse_id(text)
    if found is not kind:
        raise _bad(f"is of kind {found.value} instead of {kind.value}")
    return identifier


def _checksum(head: str, identifier: bytes) -> bytes:
    return digest("text-id", head.encode("ascii") + identifier)[:_CHECKSUM_BYTES]


def _bad(rule: str) -> ProtocolFault:
    return ProtocolFault(Fault.BAD_TEXT_ID, rule)
