"""The text form of identifiers. Spec: 2.5. Hashes apart by their contexts. Spec: 2.4."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.hashing import digest
from hutong_protocol.ids import IdKind, format_id, parse_id, parse_id_as

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
IDENTIFIER = bytes(range(32))
identifiers = st.binary(min_size=32, max_size=32)


def refused(text: str) -> bool:
    with pytest.raises(ProtocolFault) as caught:
        parse_id(text)
    return caught.value.fault is Fault.BAD_TEXT_ID


@given(st.sampled_from(IdKind), identifiers)
def test_any_identifier_comes_back_from_its_text(kind: IdKind, identifier: bytes) -> None:
    text = format_id(kind, identifier)
    assert len(text) == len(kind.value) + 1 + 56
    assert parse_id(text) == (kind, identifier)
    assert parse_id_as(kind, text) == identifier


@given(st.sampled_from(IdKind), identifiers)
def test_the_text_is_what_the_specification_says(kind: IdKind, identifier: bytes) -> None:
    covered = b"hutong/1/text-id\0" + kind.value.encode() + b"-" + identifier
    content = identifier + hashlib.sha256(covered).digest()[:3]
    expected = kind.value + "-" + base64.b32encode(content).decode().lower()
    assert format_id(kind, identifier) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (IdKind.ORG, "org-aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypwp2da"),
        (IdKind.KEY, "key-aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dyp2q7dg"),
        (IdKind.RECORD, "rec-aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypvareg"),
    ],
)
def test_the_test_values_of_the_specification_hold(kind: IdKind, text: str) -> None:
    assert parse_id(text) == (kind, IDENTIFIER)


def test_every_mistake_in_one_character_is_noticed() -> None:
    text = format_id(IdKind.ORG, IDENTIFIER)
    for position in range(len("org-"), len(text)):
        for other in ALPHABET:
            if other != text[position]:
                assert refused(text[:position] + other + text[position + 1 :])


def test_every_swap_of_neighbours_is_noticed() -> None:
    text = format_id(IdKind.LOG, hashlib.sha256(b"any").digest())
    for at in range(len("log-"), len(text) - 1):
        if text[at] != text[at + 1]:
            assert refused(text[:at] + text[at + 1] + text[at] + text[at + 2 :])


@pytest.mark.parametrize("kind", IdKind)
def test_a_text_cannot_be_relabelled_as_another_kind(kind: IdKind) -> None:
    text = format_id(kind, IDENTIFIER)
    for other in IdKind:
        if other is not kind:
            assert refused(other.value + "-" + text.partition("-")[2])
            with pytest.raises(ProtocolFault, match="instead of"):
                parse_id_as(other, text)


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        str.capitalize,
        lambda text: " " + text,
        lambda text: text + "\n",
        lambda text: text + "=",
        lambda text: text[:-1],
        lambda text: text + "a",
        lambda text: text.replace("-", "_"),
        lambda text: text.replace("-", "--"),
        lambda text: text.replace("org-", ""),
        lambda text: text.replace("org", "organisation"),
        lambda text: text[:-1] + "1",
        lambda text: text[:-1] + "ａ",
        lambda text: text[:-1] + "ı",
        lambda text: "",
        lambda text: "org-",
        lambda text: "-",
    ],
)
def test_only_the_exact_text_is_valid(change: Callable[[str], str]) -> None:
    assert refused(change(format_id(IdKind.ORG, IDENTIFIER)))


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    assert refused(text)


def test_the_detail_of_a_refusal_does_not_quote_the_text() -> None:
    with pytest.raises(ProtocolFault) as caught:
        parse_id("secret-" + "a" * 56)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_only_32_bytes_have_a_text(length: int) -> None:
    with pytest.raises(LocalProtocolError):
        format_id(IdKind.ORG, bytes(length))


def test_the_same_bytes_in_another_context_have_another_hash() -> None:
    """Hard case 16."""
    contexts = ("record", "event", "part", "leaf", "node", "root", "roots", "fold")
    assert len({digest(context, b"same") for context in contexts}) == len(contexts)


def test_the_test_hashes_of_the_specification_hold() -> None:
    """Spec: 2.4.6."""
    assert digest("record", b"").hex() == (
        "697506165eb5d2a5adb2a6842c949b79abfcfa1dc6b3ec6c5f85036807a30ea5"
    )
    assert digest("part", b"").hex() == (
        "482b2bf9e8d7b6f05de7a7e861862aba9e594317f021f55a1c491c6ff2df63ef"
    )
    assert digest("record", b"\x90").hex() == (
        "71e5a8faf51eb144b5f39b08c090bdbc708d0cc3263ec22be593def472b98380"
    )
