"""Cut lists and manifests: what is written is read again, and nothing else is taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.cuts import (
    CutList,
    CutLog,
    cut_list_hash,
    encode_cut_list,
    encode_manifest,
    parse_cut_list,
    parse_manifest,
)
from hutong_protocol.encoding import encode
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.hashing import digest
from hutong_protocol.ids import EventId, LogId, RecordId
from hutong_protocol.limits import CUT_LIST_BYTES_MAX, CUT_MANIFEST_BYTES_MAX, INT_MAX

IDS = sorted(digest("record", bytes([number])) for number in range(6))
LIST = CutList(
    delegation=EventId(IDS[0]),
    space="xian-2021",
    topic="fsc",
    salt=bytes(16),
    logs=(
        CutLog(LogId(IDS[1]), ((0, RecordId(IDS[2])),)),
        CutLog(LogId(IDS[2]), tuple((5, RecordId(identifier)) for identifier in IDS[:4])),
        CutLog(LogId(IDS[3]), ((3, RecordId(IDS[5])), (INT_MAX, RecordId(IDS[4])))),
    ),
)


def fault_of_list(data: bytes) -> Fault:
    with pytest.raises(ProtocolFault) as caught:
        parse_cut_list(data)
    return caught.value.fault


def fault_of_manifest(data: bytes) -> Fault:
    with pytest.raises(ProtocolFault) as caught:
        parse_manifest(data)
    return caught.value.fault


def test_a_cut_list_is_read_as_it_was_written() -> None:
    data = encode_cut_list(LIST)
    assert parse_cut_list(data) == LIST
    assert cut_list_hash(data) == digest("cut-list", data)


def test_the_order_in_which_logs_and_heads_are_given_makes_no_difference() -> None:
    turned = replace(
        LIST, logs=tuple(CutLog(entry.log, entry.heads[::-1]) for entry in LIST.logs[::-1])
    )
    assert encode_cut_list(turned) == encode_cut_list(LIST)


def test_a_cut_list_of_no_log_keeps_nothing() -> None:
    nothing = replace(LIST, logs=())
    assert parse_cut_list(encode_cut_list(nothing)) == nothing


def one(log: object = IDS[1], heads: object = ((7, IDS[2]),)) -> list[Any]:
    return [log, heads]


@pytest.mark.parametrize(
    "value",
    [
        {},
        [IDS[0], ["a", "b"], bytes(16)],
        [IDS[0], ["a", "b"], bytes(16), [], None],
        [IDS[0][1:], ["a", "b"], bytes(16), []],
        [IDS[0], "a", bytes(16), []],
        [IDS[0], ["a"], bytes(16), []],
        [IDS[0], ["a", "b", "c"], bytes(16), []],
        [IDS[0], ["A", "b"], bytes(16), []],
        [IDS[0], ["a", ""], bytes(16), []],
        [IDS[0], ["a", "b" * 65], bytes(16), []],
        [IDS[0], ["a", "b"], bytes(15), []],
        [IDS[0], ["a", "b"], bytes(16), None],
    ],
)
def test_a_cut_list_of_another_shape_is_refused(value: Any) -> None:
    assert fault_of_list(encode(value)) == Fault.BAD_CUT


@pytest.mark.parametrize(
    "logs",
    [
        [None],
        [[IDS[1]]],
        [[*one(), 1]],
        [one(log=IDS[1][1:])],
        [one(heads=[])],
        [one(heads=None)],
        [one(heads=[[number, IDS[0]] for number in range(5)])],
        [one(heads=[[1]])],
        [one(heads=[[1, IDS[0], 0]])],
        [one(heads=[IDS[0]])],
        [one(heads=[[-1, IDS[0]]])],
        [one(heads=[[True, IDS[0]]])],
        [one(heads=[[1, IDS[0][1:]]])],
        [one(heads=[[2, IDS[0]], [1, IDS[1]]])],
        [one(heads=[[1, IDS[1]], [1, IDS[0]]])],
        [one(heads=[[1, IDS[0]], [1, IDS[0]]])],
        [one(log=IDS[2]), one(log=IDS[1])],
        [one(), one()],
    ],
)
def test_logs_of_a_cut_list_of_another_shape_are_refused(logs: Any) -> None:
    assert fault_of_list(encode([IDS[0], ["a", "b"], bytes(16), logs])) == Fault.BAD_CUT


def test_a_cut_list_has_at_most_1048576_bytes() -> None:
    logs: list[Any] = [[number.to_bytes(32, "big"), [[1, IDS[0]]]] for number in range(14_600)]
    whole = encode([IDS[0], ["a", "b"], bytes(16), logs])
    entry = len(encode(logs[0]))
    fits = (CUT_LIST_BYTES_MAX - len(whole)) // entry
    logs = logs[: len(logs) + fits]
    data = encode([IDS[0], ["a", "b"], bytes(16), logs])
    assert CUT_LIST_BYTES_MAX - entry < len(data) <= CUT_LIST_BYTES_MAX
    assert len(parse_cut_list(data).logs) == len(logs)
    assert fault_of_list(bytes(CUT_LIST_BYTES_MAX + 1)) == Fault.TOO_LARGE
    assert fault_of_list(data + bytes(CUT_LIST_BYTES_MAX - len(data))) == Fault.NOT_CANONICAL


def test_what_breaks_the_form_is_not_written() -> None:
    for wrong in (
        replace(LIST, salt=bytes(15)),
        replace(LIST, topic="Fsc"),
        replace(LIST, logs=LIST.logs * 2),
        replace(LIST, logs=(CutLog(LogId(IDS[1]), ()),)),
    ):
        with pytest.raises(LocalProtocolError):
            encode_cut_list(wrong)


def test_a_manifest_is_read_as_it_was_written() -> None:
    data = encode_manifest([IDS[2], IDS[0], IDS[2]])
    assert data == IDS[0] + IDS[2]
    manifest = parse_manifest(data)
    assert manifest.lists == (IDS[0], IDS[2])
    assert manifest.hash == digest("cut-manifest", data)


def test_an_empty_manifest_keeps_nothing() -> None:
    assert encode_manifest([]) == b""
    assert parse_manifest(b"").lists == ()


def test_a_manifest_of_another_form_is_refused() -> None:
    assert fault_of_manifest(IDS[0][1:]) == Fault.BAD_CUT
    assert fault_of_manifest(IDS[1] + IDS[0]) == Fault.BAD_CUT
    assert fault_of_manifest(IDS[0] + IDS[0]) == Fault.BAD_CUT


def test_a_manifest_has_at_most_65536_bytes() -> None:
    hashes = [number.to_bytes(32, "big") for number in range(2_049)]
    data = encode_manifest(hashes[:2_048])
    assert len(data) == CUT_MANIFEST_BYTES_MAX
    assert len(parse_manifest(data).lists) == 2_048
    assert fault_of_manifest(data + hashes[2_048]) == Fault.TOO_LARGE
    with pytest.raises(LocalProtocolError):
        encode_manifest(hashes)
    with pytest.raises(LocalProtocolError):
        encode_manifest([bytes(16), bytes(range(16))])


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([*IDS, bytes(16), "a", "b"]),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=16,
)


@given(VALUES, VALUES)
def test_no_value_raises_anything_but_a_fault(value: Any, logs: Any) -> None:
    for whole in (value, [IDS[0], ["a", "b"], bytes(16), logs]):
        data = encode(whole)
        try:
            assert encode_cut_list(parse_cut_list(data)) == data
        except ProtocolFault as fault:
            assert fault.fault == Fault.BAD_CUT  # noqa: PT017


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_but_a_fault(data: bytes) -> None:
    try:
        assert encode_cut_list(parse_cut_list(data)) == data
    except ProtocolFault as fault:
        assert fault.detail  # noqa: PT017
    try:
        assert encode_manifest(parse_manifest(data).lists) == data
    except ProtocolFault as fault:
        assert fault.fault == Fault.BAD_CUT  # noqa: PT017
