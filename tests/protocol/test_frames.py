"""Frames: what is written is read back, what is wrong is named, and nothing else is raised."""

from __future__ import annotations

from typing import cast

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.encoding import decode, encode
from hutong_protocol.exchange import LogRun
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.frame_forms import encode_frame, encode_runs, parse_frame
from hutong_protocol.frames import (
    CREDIT_MAX,
    ENTRIES_MAX,
    FRAME_BYTES_MIN,
    FRAME_TYPES,
    PART_WANTS_MAX,
    SCOPES_MAX,
    Credit,
    Frame,
    FrameType,
    Runs,
)
from hutong_protocol.limits import FRAME_BYTES_MAX
from protocol.frame_samples import EPOCH, HASH, LOG, LOG_2, ORG, RECORD, SALT, SAMPLES


def packed(value: object) -> bytes:
    """Any value as msgpack, right or wrong."""
    return cast(bytes, msgpack.packb(value))


def elements(frame: Frame) -> list[object]:
    """The decoded array of a frame."""
    value = msgpack.unpackb(encode_frame(frame))
    assert isinstance(value, list)
    return value


def fault_of(value: object) -> Fault:
    """The fault with which a frame of these elements is refused."""
    with pytest.raises(ProtocolFault) as refused:
        parse_frame(packed(value))
    return refused.value.fault


def verdict(data: bytes) -> Fault | None:
    """The fault with which bytes are refused, None if they are not."""
    try:
        parse_frame(data)
    except ProtocolFault as refused:
        return refused.fault
    return None


QUIET = (None, Fault.BAD_FRAME, Fault.LIMIT_EXCEEDED)


@pytest.mark.parametrize("frame", SAMPLES, ids=lambda frame: type(frame).__name__)
def test_a_frame_is_read_back_as_it_was_written(frame: Frame) -> None:
    assert parse_frame(encode_frame(frame)) == frame


@pytest.mark.parametrize("frame", SAMPLES, ids=lambda frame: type(frame).__name__)
def test_a_frame_is_written_in_hutong_mp(frame: Frame) -> None:
    encoded = encode_frame(frame)
    assert encode(decode(encoded, bytes_max=FRAME_BYTES_MAX)) == encoded


@pytest.mark.parametrize("frame", SAMPLES, ids=lambda frame: type(frame).__name__)
def test_elements_beyond_those_listed_are_ignored(frame: Frame) -> None:
    """Hard case 72."""
    assert parse_frame(packed([*elements(frame), {"later": 1.5}])) == frame


@pytest.mark.parametrize("frame", SAMPLES, ids=lambda frame: type(frame).__name__)
def test_a_frame_without_its_last_element_is_refused(frame: Frame) -> None:
    assert fault_of(elements(frame)[:-1]) is Fault.BAD_FRAME


def test_every_type_of_frame_has_a_sample() -> None:
    assert {FRAME_TYPES[type(frame)] for frame in SAMPLES} == set(FrameType)


@given(st.integers(0, 2**40).filter(lambda number: number not in set(FrameType)))
def test_a_frame_of_an_unknown_type_is_ignored(number: int) -> None:
    """Hard case 72."""
    assert parse_frame(packed([number, "anything"])) is None


@given(st.binary(max_size=300))
def test_random_bytes_raise_a_fault_or_nothing(data: bytes) -> None:
    """Threat 13."""
    assert verdict(data) in QUIET


odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=40),
    st.lists(st.integers(0, 3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


@given(st.sampled_from(SAMPLES), st.data())
def test_a_frame_with_an_odd_element_raises_a_fault_or_nothing(
    frame: Frame, data: st.DataObject
) -> None:
    """Threat 13: any element at any depth replaced by any value."""
    value = elements(frame)
    place: list[object] = value
    while True:
        at = data.draw(st.integers(0, len(place) - 1))
        inner = place[at]
        if isinstance(inner, list) and inner and data.draw(st.booleans()):
            place = inner
            continue
        place[at] = data.draw(odd)
        break
    assert verdict(packed(value)) in QUIET


@given(st.sampled_from(SAMPLES), st.data())
def test_a_frame_with_a_turned_bit_raises_a_fault_or_nothing(
    frame: Frame, data: st.DataObject
) -> None:
    raw = bytearray(encode_frame(frame))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    assert verdict(bytes(raw)) in QUIET


def test_a_frame_of_two_mebibytes_is_read_and_one_byte_more_is_not() -> None:
    def frame_of(size: int) -> bytes:
        return packed([FrameType.CREDIT, 1, bytes(size)])

    around = len(frame_of(FRAME_BYTES_MAX)) - FRAME_BYTES_MAX
    assert parse_frame(frame_of(FRAME_BYTES_MAX - around)) == Credit(1)
    with pytest.raises(ProtocolFault) as refused:
        parse_frame(frame_of(FRAME_BYTES_MAX - around + 1))
    assert refused.value.fault is Fault.LIMIT_EXCEEDED


def test_lists_are_taken_up_to_their_limit_and_no_further() -> None:
    def ids(count: int) -> list[bytes]:
        return [at.to_bytes(32, "big") for at in range(count)]

    def scopes(count: int) -> list[object]:
        return [[f"{at:04d}", "base", None] for at in range(count)]

    cases: list[tuple[list[object], list[object]]] = [
        ([5, scopes(SCOPES_MAX)], [5, scopes(SCOPES_MAX + 1)]),
        ([7, ids(SCOPES_MAX)], [7, ids(SCOPES_MAX + 1)]),
        ([4, ORG, ids(1_024)], [4, ORG, ids(1_025)]),
        (
            [10, 0, [[log, 0] for log in ids(ENTRIES_MAX)]],
            [10, 0, [[log, 0] for log in ids(ENTRIES_MAX + 1)]],
        ),
        (
            [14, 0, [[log, 1] for log in ids(PART_WANTS_MAX)]],
            [14, 0, [[log, 1] for log in ids(PART_WANTS_MAX + 1)]],
        ),
        (
            [9, 0, EPOCH, 0, True, [[log, []] for log in ids(ENTRIES_MAX)], [], False],
            [9, 0, EPOCH, 0, True, [[log, []] for log in ids(ENTRIES_MAX)], [[ORG, HASH]], False],
        ),
        (
            [18, 0, [[log, 0, HASH] for log in ids(ENTRIES_MAX)]],
            [18, 0, [[log, 0, HASH] for log in ids(ENTRIES_MAX + 1)]],
        ),
    ]
    for within, beyond in cases:
        assert parse_frame(packed(within)) is not None
        assert fault_of(beyond) is Fault.LIMIT_EXCEEDED


def test_what_must_ascend_is_refused_otherwise() -> None:
    scope = ["a", "base", None]
    assert fault_of([5, [scope, scope]]) is Fault.BAD_FRAME
    assert fault_of([22, [[1, None], [0, None]]]) is Fault.BAD_FRAME
    logs = [[LOG_2, []], [LOG, []]]
    assert fault_of([9, 0, EPOCH, 0, True, logs, [], False]) is Fault.BAD_FRAME
    orgs = [[ORG, HASH], [ORG, HASH]]
    assert fault_of([9, 0, EPOCH, 0, True, [], orgs, False]) is Fault.BAD_FRAME


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        7,
        [True],
        [-1],
        [1.0],
        ["hello"],
        [13, 0],
        [13, CREDIT_MAX + 1],
        [13, True],
        [13, 1.0],
        [14, 0, [[RECORD, 0]]],
        [14, 0, [[RECORD, 16]]],
        [14, 0, []],
        [10, 0, []],
        [11, 0, []],
        [11, 0, [[b"short", 0]]],
        [11, 0, [[-0.0]]],
        [12, SCOPES_MAX],
        [15, 0, [[RECORD, 4, SALT, b"x"]], False],
        [15, 0, [[RECORD, 0, SALT, b""]], False],
        [15, 0, [[RECORD, 0, SALT, bytes(65_537)]], False],
        [5, [["UPPER", "base", None]]],
        [5, [["a", "b" * 65, None]]],
        [5, [["a", "base", b"short"]]],
        [19, "x" * 33, ""],
        [19, "", "x" * 201],
        [16, HASH, -1, False],
        [16, HASH, 1, 1],
    ],
)
def test_a_wrong_shape_is_refused(value: object) -> None:
    assert fault_of(value) is Fault.BAD_FRAME


@pytest.mark.parametrize(
    ("at", "wrong"),
    [
        (1, "other"),
        (2, []),
        (2, [1.0]),
        (3, ["f" * 33]),
        (4, 2),
        (5, bytes(31)),
        (8, []),
        (8, {"credit": 8}),
        (8, {"credit": 0, "frame": FRAME_BYTES_MIN}),
        (8, {"credit": 65, "frame": FRAME_BYTES_MIN}),
        (8, {"credit": 8, "frame": FRAME_BYTES_MIN - 1}),
        (8, {"credit": 8, "frame": FRAME_BYTES_MAX + 1}),
    ],
)
def test_a_wrong_hello_is_refused(at: int, wrong: object) -> None:
    value = elements(SAMPLES[0])
    value[at] = wrong
    assert fault_of(value) is Fault.BAD_FRAME


def test_runs_are_written_with_the_names_of_their_logs() -> None:
    run: list[object] = ["anything", 4, HASH, [[1, 2]], b"seal"]
    data = encode_runs(5, [LogRun(LOG, run), LogRun(LOG_2, run)], lambda log: log[0])
    assert parse_frame(data) == Runs(5, ([1, *run[1:]], [2, *run[1:]]))
