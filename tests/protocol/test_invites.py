"""Invites and requests to join: what is written is read again, and nothing else is taken."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol import signatures
from hutong_protocol.encoding import decode, encode
from hutong_protocol.exchange import Scope
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.hashing import digest
from hutong_protocol.ids import EventId, OrgId, WriterKey
from hutong_protocol.invites import (
    TEXT_PREFIX,
    Invite,
    JoinRequest,
    check_endpoint,
    read_invite,
    read_join_request,
    write_invite,
    write_join_request,
)

SEED = bytes(range(32))
KEY = WriterKey(signatures.public_key(SEED))
INVITE = Invite(
    org=OrgId(bytes([1]) * 32),
    delegation=EventId(bytes([2]) * 32),
    key=KEY,
    endpoint="wss://node.example:8640",
    certificate=bytes([3]) * 32,
    scopes=(Scope("xian-2021", "base"), Scope("xian-2021", "fsc")),
    nonce=bytes(16),
    expires_ms=1_640_000_000_000,
)
REQUEST = JoinRequest(
    org=OrgId(bytes([4]) * 32),
    delegation=EventId(bytes([5]) * 32),
    key=KEY,
    nonce=bytes(16),
    endpoint=None,
    certificate=None,
    events=([b"body", [], None],),
)


def sign(message: bytes) -> bytes:
    return signatures.sign(SEED, message)


def packed(text: str) -> bytes:
    data = text.removeprefix(TEXT_PREFIX)
    return base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))


def text_of(data: bytes) -> str:
    return TEXT_PREFIX + base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_invite_is_read_as_it_was_written_and_survives_line_breaks() -> None:
    text = write_invite(INVITE, sign)
    assert read_invite(text) == INVITE
    assert read_invite(f"  {text[:30]}\n {text[30:]}\n") == INVITE


def test_request_is_read_as_it_was_written() -> None:
    found = read_join_request(write_join_request(REQUEST, sign))
    assert replace(found, events=()) == replace(REQUEST, events=())
    assert found.events == ([b"body", [], None],)


def test_every_flipped_byte_of_an_invite_is_refused() -> None:
    """Threat 1 for invites: whatever a messenger changes shows."""
    data = packed(write_invite(INVITE, sign))
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 0x01
        with pytest.raises(ProtocolFault):
            read_invite(text_of(bytes(broken)))


def test_signature_of_an_invite_is_no_signature_of_a_request() -> None:
    """Threat 30: the two contexts are apart although their fields are alike."""
    content = bytes(32)
    invite = signatures.invite_message(INVITE.org, KEY, content)
    join = signatures.join_message(INVITE.org, KEY, content)
    assert not signatures.verify(KEY, join, sign(invite))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"endpoint": "https://node.example"}, Fault.BAD_INVITE),
        ({"endpoint": "wss://user@node.example"}, Fault.BAD_INVITE),
        ({"endpoint": "wss://node.example:70000"}, Fault.BAD_INVITE),
        ({"scopes": [["xian-2021", "Base"]]}, Fault.BAD_INVITE),
        ({"scopes": [["b", "x"], ["a", "x"]]}, Fault.BAD_INVITE),
        ({"scopes": []}, Fault.BAD_INVITE),
        ({"nonce": bytes(15)}, Fault.BAD_INVITE),
        ({"expires": True}, Fault.BAD_INVITE),
        ({"v": 2}, Fault.UPGRADE_NEEDED),
        ({"more": 1}, Fault.BAD_INVITE),
    ],
)
def test_signed_invite_of_another_form_is_refused(change: dict[str, object], fault: Fault) -> None:
    value = decode(packed(write_invite(INVITE, sign)), bytes_max=4_096)
    assert isinstance(value, list)
    assert isinstance(value[0], bytes)
    fields = decode(value[0], bytes_max=4_096)
    assert isinstance(fields, dict)
    body = encode({**fields, **change})  # type: ignore[dict-item]
    signature = sign(signatures.invite_message(INVITE.org, KEY, digest("invite", body)))
    with pytest.raises(ProtocolFault) as refused:
        read_invite(text_of(encode([body, KEY, signature])))
    assert refused.value.fault == fault


def test_own_invite_of_a_wrong_form_is_not_written() -> None:
    with pytest.raises((ProtocolFault, LocalProtocolError)):
        write_invite(replace(INVITE, endpoint="ftp://x"), sign)


@pytest.mark.parametrize(
    ("endpoint", "good"),
    [
        ("wss://node.example", True),
        ("wss://[::1]:8640", True),
        ("ws://127.0.0.1:8640", True),
        ("wss://node.example/", False),
        ("wss://node.example:0", False),
        ("wss://node.example\n", False),
        ("wss://", False),
    ],
)
def test_endpoint_has_one_form(endpoint: str, good: bool) -> None:
    assert check_endpoint(endpoint) is good


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_a_fault(data: bytes) -> None:
    with pytest.raises(ProtocolFault):
        read_invite(text_of(data))
    with pytest.raises(ProtocolFault):
        read_join_request(data)


@given(st.text(max_size=200))
def test_no_text_raises_anything_but_a_fault(text: str) -> None:
    with pytest.raises(ProtocolFault):
        read_invite(text)
    with pytest.raises(ProtocolFault):
        read_invite(TEXT_PREFIX + text)
