"""JSON from programs: one meaning for one text, or a refusal."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_node.json_strict import BODY_BYTES_MAX, DEPTH_MAX, BadJson, parse
from node.bad_json import MALFORMED

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("name", MALFORMED)
def test_text_that_is_no_json_or_two_things_at_once_is_refused(name: str) -> None:
    """Threat 47."""
    with pytest.raises(BadJson):
        parse(MALFORMED[name])


@given(value=VALUES, escaped=st.booleans())
def test_value_written_by_any_program_comes_back_as_it_was(value: object, escaped: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=escaped).encode()) == value


@given(st.binary(max_size=200) | TEXTS.map(str.encode))
def test_no_bytes_raise_anything_but_a_refusal(data: bytes) -> None:
    with suppress(BadJson):
        assert json.dumps(parse(data), ensure_ascii=False).encode()


def test_depth_at_the_limit_is_taken_and_one_more_is_not() -> None:
    assert parse(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)
    with pytest.raises(BadJson, match="levels"):
        parse(b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1))


def test_body_at_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    body = b'"' + b"a" * (BODY_BYTES_MAX - 2) + b'"'
    assert parse(body) == "a" * (BODY_BYTES_MAX - 2)
    with pytest.raises(BadJson, match="longer"):
        parse(body + b" ")


def test_pair_of_escapes_is_one_character_and_minus_zero_is_zero() -> None:
    assert parse(b'["\\ud83d\\ude00", -0, "\\u0000"]') == ["\U0001f600", 0, "\0"]


def test_refusal_never_quotes_the_text() -> None:
    """Threat 54."""
    for text in (b'{"a": "13800138000",}', b"[13800138000.5]", b'{"13800138000": 1, x}'):
        with pytest.raises(BadJson) as refused:
            parse(text)
        assert "13800138000" not in str(refused.value)
