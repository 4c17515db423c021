"""The harness of the core: one reply for any line, and errors told apart from faults."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol import harness
from hutong_protocol.harness_ops.request import Json

SIGNATURE: dict[str, Json] = {"key": "00" * 32, "message": "", "signature": "00" * 64}

jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = st.sampled_from(
    ["hex", "max", "value", "context", "text", "prefix", "key", "message", "signature", "fields"]
)
bodies = jsons | st.sampled_from(["00", "c0", "org", "record", "sign-record", "00" * 32, "00" * 64])


def replies(lines: bytes) -> list[dict[str, Json]]:
    written = io.BytesIO()
    harness.serve(io.BytesIO(lines), written)
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_each_line_has_one_reply_in_order() -> None:
    lines = b'{"op":"encoding.decode","hex":"07"}\n\n{"op":"encoding.decode","hex":"cc07"}\n'
    assert replies(lines) == [{"ok": {"int": "7"}}, {"fault": "not-canonical"}]


def test_an_operation_that_is_not_known_is_unsupported() -> None:
    assert harness.answer({"op": "no.such.op"}) == {"unsupported": True}


def test_keys_that_an_operation_does_not_know_are_ignored() -> None:
    assert harness.answer({"op": "encoding.decode", "hex": "c0", "newer": 1}) == {"ok": None}


@pytest.mark.parametrize(
    "request_of",
    [
        {},
        {"op": 7},
        {"op": "encoding.decode"},
        {"op": "encoding.decode", "hex": "c"},
        {"op": "encoding.decode", "hex": "C0"},
        {"op": "encoding.decode", "hex": "c0 "},
        {"op": "encoding.decode", "hex": None},
        {"op": "encoding.decode", "hex": "c0", "max": "9"},
        {"op": "encoding.decode", "hex": "c0", "max": True},
        {"op": "encoding.encode"},
        {"op": "encoding.encode", "value": 7},
        {"op": "encoding.encode", "value": {"int": "007"}},
        {"op": "encoding.encode", "value": {"int": "9007199254740992"}},
        {"op": "encoding.encode", "value": {"str": "\0"}},
        {"op": "encoding.encode", "value": {"int": "1", "str": ""}},
        {"op": "encoding.encode", "value": {"map": [[{"str": "a"}]]}},
        {"op": "encoding.encode", "value": {"map": [[{"str": "a"}, None], [{"str": "a"}, None]]}},
        {"op": "encoding.encode", "value": {"map": [[None, None]]}},
        {"op": "frame.read", "pieces": [["c0"]]},
        {"op": "frame.read", "pieces": [["c0", -1]]},
        {"op": "frame.read", "pieces": [["c0", 2**22 + 1]]},
        {"op": "frame.read", "pieces": [["00" * 2_048, 2**60]]},
        {"op": "hash", "context": "Record", "hex": ""},
        {"op": "hash", "context": "", "hex": ""},
        {"op": "id.format", "prefix": "user", "hex": "00" * 32},
        {"op": "id.format", "prefix": "org", "hex": "00"},
        {"op": "id.parse", "text": 7},
        {"op": "id.parse", "text": "", "prefix": "user"},
        {"op": "key.check"},
        {"op": "signature.verify", "key": "", "message": ""},
        {"op": "signature.in-context", "context": "record", "fields": "00" * 32, **SIGNATURE},
        {"op": "signature.in-context", "context": "sign-record", "fields": "00", **SIGNATURE},
        {"op": "signature.in-context", "context": "sign-hello", "fields": "07" * 65, **SIGNATURE},
    ],
)
def test_a_malformed_request_is_an_error_and_no_fault(request_of: dict[str, Json]) -> None:
    assert list(harness.answer(request_of)) == ["error"]


@pytest.mark.parametrize(
    "line", [b"no json", b"[1]", b'"x"', b"\xff\xfe", b"{", b"[" * 100_000, b"7" * 5_000]
)
def test_a_line_that_is_no_json_object_is_an_error(line: bytes) -> None:
    [reply] = replies(line + b"\n")
    assert list(reply) == ["error"]


@given(st.sampled_from(sorted(harness.OPS)), st.dictionaries(fields, bodies, max_size=5))
def test_any_request_gets_exactly_one_kind_of_reply(op: str, request_of: dict[str, Json]) -> None:
    reply = harness.answer({**request_of, "op": op})
    assert len(reply) == 1
    assert reply.keys() <= {"ok", "fault", "error"}
    assert json.loads(json.dumps(reply)) == reply


def test_the_module_answers_on_standard_output_and_ends_with_its_input() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hutong_protocol.harness"],
        input='{"op":"id.parse","text":"西安"}\n'.encode(),
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert json.loads(done.stdout) == {"fault": "bad-text-id"}
    assert done.stderr == b""
