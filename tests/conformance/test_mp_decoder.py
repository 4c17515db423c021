"""The independent decoder agrees with the core, and accepts nothing but the one encoding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.test_raw import values
from hutong_conformance import raw
from hutong_conformance.cases import load
from hutong_conformance.independent import mp_decoder
from hutong_protocol import encoding
from hutong_protocol.faults import ProtocolFault

LIMIT = 1 << 20
SEEDS = [
    bytes.fromhex(str(case.input["hex"]))
    for case in load(only="2")
    if case.op == "encoding.decode" and len(str(case.input["hex"])) <= 4_000
]
PIECES = [
    *(raw.integer(1, form) for form in ("u8", "u16", "i8", "i64")),
    *(raw.text("a", 8), raw.binary(b"a", 16), raw.array([], 16), raw.mapping([], 32)),
    *(raw.float64(0), raw.float32(1), raw.extension(-1, bytes(4)), raw.extension(1, b"")),
    *(
        raw.NIL,
        raw.TRUE,
        raw.RESERVED,
        raw.text(b"\xc0\x80"),
        raw.text("\0"),
        raw.integer(2**53, "u64"),
    ),
]
"""Values that are right or wrong by one byte: random bytes alone would rarely get that far."""


def verdict_of_independent(data: bytes) -> str:
    """The value with its types (True is no 1, entries have an order), or the fault."""
    try:
        return f"ok {mp_decoder.decode(data, bytes_max=LIMIT)!r}"
    except mp_decoder.Rejected as rejected:
        return rejected.fault


def verdict_of_core(data: bytes) -> str:
    try:
        return f"ok {encoding.decode(data, bytes_max=LIMIT)!r}"
    except ProtocolFault as fault:
        return fault.fault.value


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Bytes near a right value: some of them changed, cut out, put in or doubled."""
    base = draw(st.sampled_from(SEEDS) | values.map(raw.encode) | st.binary(max_size=30))
    data = bytearray(base)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 3)):
            case 0 if at < len(data):
                data[at] = draw(st.integers(0, 255))
            case 1:
                del data[at : at + draw(st.integers(1, 4))]
            case 2:
                data[at:at] = draw(st.sampled_from(PIECES))
            case _:
                data[at:at] = data[at : at + draw(st.integers(1, 8))]
    inner = bytes(data)
    return draw(st.sampled_from([inner, raw.array([raw.binary(bytes(1_100)), inner])]))


@given(mutants())
def test_core_and_independent_decoder_give_the_same_verdict(data: bytes) -> None:
    """Threat 2 and the differential method of section 2 of the threats."""
    independent, core = verdict_of_independent(data), verdict_of_core(data)
    if {independent, core} == {"too-deep", "not-canonical"}:
        return  # bytes with both breaches may be refused by either name (2.2.5)
    assert core == independent


@given(mutants())
def test_what_is_accepted_is_the_one_encoding_of_its_value(data: bytes) -> None:
    try:
        value = mp_decoder.decode(data)
    except mp_decoder.Rejected:
        return
    assert raw.encode(value) == data


@given(st.binary(max_size=200))
def test_no_bytes_get_anything_but_a_value_or_a_named_fault(data: bytes) -> None:
    verdict = verdict_of_independent(data)
    assert verdict.startswith("ok ") or verdict in ("not-canonical", "too-deep")


@pytest.mark.parametrize("lead", [0xDD, 0xDF, 0xDB, 0xC6])
def test_a_claimed_length_costs_no_memory(lead: int) -> None:
    """Hard case 11. A list or bytes of that length would end the test run."""
    assert verdict_of_independent(bytes([lead]) + b"\xff" * 4) == "not-canonical"


def test_tagged_values_keep_types_and_order_apart() -> None:
    value: mp_decoder.Value = {"b": [None, True, 1, b"\1"], "a": "1"}
    assert mp_decoder.tagged(value) == {
        "map": [
            [{"str": "b"}, [None, True, {"int": "1"}, {"bin": "01"}]],
            [{"str": "a"}, {"str": "1"}],
        ]
    }
