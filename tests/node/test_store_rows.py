"""Records in rows: every header comes back byte for byte, every state of parts is told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_node.store.sqlite.rows import (
    STATE_BYTES,
    PartStates,
    Rotten,
    build_header,
    check_body,
    pack_parts,
    read_body,
    read_parts,
    room_of,
    strip_header,
)
from hutong_protocol.encoding import Encodable, encode
from hutong_protocol.limits import INT_MAX
from hutong_protocol.records import record_id

LOG, PREV = b"l" * 32, b"p" * 32
INTS = st.one_of(
    st.integers(0, INT_MAX),
    st.sampled_from([0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, INT_MAX]),
)
PARTS = st.lists(st.tuples(st.binary(max_size=40), st.booleans()), max_size=4)


def header_of(kind: int, seq: int, lengths: list[int] | None = None) -> bytes:
    """A header of this kind and seq whose parts have these lengths."""
    parts: list[Encodable] = [
        [role, length, bytes(32)] for role, length in enumerate(lengths or [])
    ]
    links = (LOG, PREV) if seq else (b"", b"")
    return encode([1, kind, links[0], seq, links[1], 7, 9, "need/1", [bytes(32)], parts, {}])


@given(kind=INTS, seq=INTS)
def test_a_header_comes_back_byte_for_byte(kind: int, seq: int) -> None:
    header = header_of(kind, seq, [5])
    body = strip_header(header, seq)
    assert build_header(body, LOG, seq, PREV) == header
    assert len(header) - len(body) >= (70 if seq else 5)
    check_body(body, LOG, seq, PREV, record_id(header))
    assert read_body(body) == [kind, 7, 9, "need/1", [bytes(32)], [[0, 5, bytes(32)]], {}]


@given(seq=st.integers(1, 2**40), at=st.integers(0, 1_000), bit=st.integers(0, 7))
def test_any_flipped_bit_of_a_body_is_noticed(seq: int, at: int, bit: int) -> None:
    """Threat 60."""
    header = header_of(1, seq, [5])
    body = bytearray(strip_header(header, seq))
    body[at % len(body)] ^= 1 << bit
    with pytest.raises(Rotten):
        check_body(bytes(body), LOG, seq, PREV, record_id(header))


@given(body=st.binary(max_size=80))
def test_garbage_as_a_body_never_raises_anything_but_rotten(body: bytes) -> None:
    build_header(body, LOG, 5, PREV)
    try:
        assert len(read_body(body)) == 7
    except Rotten:
        return


@given(parts=PARTS)
def test_parts_come_back_where_they_were(parts: list[tuple[bytes, bool]]) -> None:
    contents = [bytes(16) + data if held else None for data, held in parts]
    blob = pack_parts(contents)
    body = strip_header(header_of(1, 5, [len(data) for data, _ in parts]), 5)
    assert read_parts(body, blob) == contents
    states = PartStates.read(blob)
    assert states.count == len(parts)
    assert states.missing == sum(1 << at for at, (_, held) in enumerate(parts) if not held)
    lengths = [len(data) for data, _ in parts]
    for position, content in enumerate(contents):
        if content is not None:
            assert blob is not None
            offset, size = room_of(states, lengths, position)
            assert blob[offset : offset + size] == content


@given(
    masks=st.tuples(*[st.sampled_from(["here", "late", "erased", "missing"])] * 4),
    room=st.integers(0, 15),
)
def test_states_come_back_as_they_were(masks: tuple[str, ...], room: int) -> None:
    found = {name: sum(1 << at for at, is_ in enumerate(masks) if is_ == name) for name in masks}
    states = PartStates(
        *(4, room, found.get("here", 0), found.get("late", 0), found.get("erased", 0))
    )
    data = states.encode()
    assert len(data) == STATE_BYTES
    assert PartStates.read(data + b"room") == states
    assert states.missing == found.get("missing", 0)


def test_an_erased_part_leaves_no_room_when_it_never_came() -> None:
    blob = pack_parts([None, bytes(20)], erased=0b01)
    states = PartStates.read(blob)
    assert (states.room, states.here, states.erased, states.missing) == (0b10, 0b10, 0b01, 0)


def test_a_blob_that_contradicts_its_header_is_rotten() -> None:
    body = strip_header(header_of(1, 5, [3]), 5)
    blob = pack_parts([bytes(19), None])
    with pytest.raises(Rotten):
        read_parts(body, blob)
    with pytest.raises(Rotten):
        PartStates.read(b"\0")
