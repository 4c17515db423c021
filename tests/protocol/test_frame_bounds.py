"""What a frame may hold is found before it is decoded, and costs little. Spec: 7.2.5."""

from __future__ import annotations

import tracemalloc
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from example_counts import examples
from hutong_protocol.encoding import Value, decode_loose, encode
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.frame_bounds import decode_frame
from hutong_protocol.frame_forms import parse_frame
from hutong_protocol.frames import Events, Frame
from hutong_protocol.limits import DEPTH_MAX, FRAME_BYTES_MAX, FRAME_ITEMS_MAX
from protocol.encoding_samples import mutants, values
from protocol.frame_counting import items_of

ID = bytes(range(32))
MEMORY_MAX = 64 * 2**20
"""The bar of threat 8."""


def fault_of(data: bytes) -> Fault:
    with pytest.raises(ProtocolFault) as refused:
        decode_frame(data)
    return refused.value.fault


def array(count: int, *, of: bytes) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big") + of * count


def table(count: int) -> bytes:
    """A map with `count` different keys of three bytes."""
    keys = (b"\xa3" + bytes(key) for key in product(range(1, 128), repeat=3))
    return b"\xdf" + count.to_bytes(4, "big") + b"".join(next(keys) + b"\xe0" for _ in range(count))


@given(values)
def test_a_frame_within_its_bounds_is_read_as_it_is(value: Value) -> None:
    data = encode(value)
    assert decode_frame(data) == decode_loose(data, bytes_max=len(data))


def loosely(data: bytes, read: object) -> object:
    try:
        return read(data)  # type: ignore[operator]
    except ProtocolFault as refused:
        return refused.fault


@settings(max_examples=examples(500))
@given(st.binary(max_size=60))
def test_bytes_of_any_kind_are_read_as_the_library_reads_them_or_refused(data: bytes) -> None:
    """Threat 13. The walk over the bytes neither lets more pass nor less, but for the depth."""
    found = repr(loosely(data, decode_frame))
    if found != repr(Fault.LIMIT_EXCEEDED):
        assert found == repr(loosely(data, lambda data: decode_loose(data, bytes_max=60)))


def test_mutants_are_read_as_the_library_reads_them_or_refused() -> None:
    """Threat 13."""
    refused = 0
    for data in mutants(5_000):
        found = repr(loosely(data, decode_frame))
        if found == repr(Fault.LIMIT_EXCEEDED):
            refused += 1
        else:
            assert found == repr(loosely(data, lambda data: decode_loose(data, bytes_max=10**6)))
    assert 0 < refused < 500


@pytest.mark.parametrize("inner", [b"\x90", b"\x80", b"\x91\xc0", b"\x81\xa0\xc0"])
@pytest.mark.parametrize("around", [b"\x91", b"\x81\xa0", b"\xdc\x00\x01", b"\xdf\0\0\0\1\xa0"])
def test_a_frame_may_nest_sixteen_deep(inner: bytes, around: bytes) -> None:
    """Threat 8."""
    assert decode_frame(around * (DEPTH_MAX - 1) + inner)
    assert fault_of(around * DEPTH_MAX + inner) is Fault.LIMIT_EXCEEDED


def test_depth_counts_in_elements_that_are_ignored_and_in_unknown_frames() -> None:
    fits, too_deep = (b"\x91" * (depth - 1) + b"\x90" for depth in (DEPTH_MAX - 1, DEPTH_MAX))
    for head in (b"\x93\x0d\x01", b"\x92\x63"):
        parse_frame(head + fits)
        assert fault_of(head + too_deep) is Fault.LIMIT_EXCEEDED


@pytest.mark.parametrize("deep", [b"\x91", b"\x81\xa0", b"\xdc\x00\x01"])
def test_no_depth_of_a_frame_raises_anything_else(deep: bytes) -> None:
    """Threat 8: deeper than any stack."""
    data = deep * (FRAME_BYTES_MAX // len(deep))
    assert fault_of(data) is Fault.LIMIT_EXCEEDED


def test_values_are_counted_over_the_whole_frame() -> None:
    """Threat 8: elements of arrays, keys and values of maps, wherever they stand."""
    half = FRAME_ITEMS_MAX // 2
    assert decode_frame(array(FRAME_ITEMS_MAX, of=b"\x00"))
    assert decode_frame(table(half))
    assert decode_frame(b"\x92" + array(half - 1, of=b"\x90") + array(half - 1, of=b"\x80"))
    assert decode_frame(array(half, of=b"\x91\x00"))
    for beyond in (
        array(FRAME_ITEMS_MAX + 1, of=b"\x00"),
        table(half + 1),
        b"\x92" + array(half - 1, of=b"\x90") + array(half, of=b"\x80"),
        array(half + 1, of=b"\x91\x00"),
    ):
        assert fault_of(beyond) is Fault.LIMIT_EXCEEDED


@pytest.mark.parametrize("head", [b"\xdd", b"\xdf"])
def test_a_count_that_nothing_follows_is_refused_by_itself(head: bytes) -> None:
    assert fault_of(head + b"\xff" * 4) is Fault.LIMIT_EXCEEDED
    assert fault_of(head + (2).to_bytes(4, "big")) is Fault.BAD_FRAME


# What 2 MiB can be filled with: one element of the array that fills the frame, or all of it.
HOSTILE = {
    "small negative integers": b"\xe0",
    "integers": b"\xcd\x10\x00",
    "floats": b"\xca\x00\x00\x00\x01",
    "bins of two bytes": b"\xc4\x02ab",
    "empty bins": b"\xc4\x00",
    "strs of one byte": b"\xa1a",
    "strs of one wide character": b"\xa2\xc4\x80",
    "strs of one character of four bytes": b"\xa4\xf0\x9f\x98\x80",
    "empty arrays": b"\x90",
    "empty maps": b"\x80",
    "arrays of one": b"\x91\xe0",
    "arrays of five": b"\x95" + b"\xe0" * 5,
    "maps of one": b"\x81\xa0\xe0",
    "maps in maps": b"\x81\xa0\x81\xa0\x81\xa0\x80",
    "maps of six": b"\x86" + b"".join(b"\xa1" + bytes([97 + at, 0xE0]) for at in range(6)),
    "maps of eleven": b"\x8b" + b"".join(b"\xa1" + bytes([97 + at, 0xE0]) for at in range(11)),
    "arrays as deep as may be": b"\x91" * 12 + b"\x90",
    "maps as deep as may be": b"\x81\xa0" * 12 + b"\x80",
    "bin keys": b"\x81\xc4\x01a\xe0",
}


def events_of(content: bytes) -> bytes:
    """EVENTS, the frame that takes any value for an event."""
    return b"\x94\x03\xc4\x20" + ID + content + b"\xc2"


def full(element: bytes, items_max: int | None) -> bytes:
    """A frame filled with one element: 2 MiB of it, or as many as are within the bounds."""
    count = (FRAME_BYTES_MAX - 100) // len(element)
    if items_max is not None:
        count = min(count, items_max // (1 + items_of(element)))
    return events_of(array(count, of=element))


def outcome_of(data: bytes) -> tuple[Frame | Fault | None, int]:
    """What becomes of a frame, and the memory at most used meanwhile."""
    tracemalloc.start()
    try:
        try:
            found: Frame | Fault | None = parse_frame(data)
        except ProtocolFault as refused:
            found = refused.fault
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_far_beyond_the_bounds_is_refused_before_it_costs_anything(name: str) -> None:
    """Threat 8: 2 MiB of one thing."""
    found, peak = outcome_of(full(HOSTILE[name], None))
    assert found is Fault.LIMIT_EXCEEDED
    assert peak < 2**20


@pytest.mark.parametrize("name", HOSTILE)
def test_no_shape_takes_much_memory(name: str) -> None:
    """Threat 8: half of the bar at most, measured over a quarter of the values, for time."""
    found, peak = outcome_of(full(HOSTILE[name], FRAME_ITEMS_MAX // 4))
    assert isinstance(found, Events)
    assert peak < MEMORY_MAX // 8


@pytest.mark.parametrize("name", ["maps in maps", "strs of one character of four bytes"])
def test_the_worst_shapes_take_little_memory(name: str) -> None:
    """Threat 8: what is just within the bounds."""
    found, peak = outcome_of(full(HOSTILE[name], FRAME_ITEMS_MAX - 8))
    assert isinstance(found, Events)
    assert peak < MEMORY_MAX // 2


@pytest.mark.parametrize(
    "data",
    [
        events_of(table(FRAME_ITEMS_MAX // 2 - 8)),
        events_of(table(400_000)),
        array(FRAME_ITEMS_MAX, of=b"")[:5] * 1_000,
        b"".join(b"\xdd\x00\x00\x7f\xff" + b"\xe0" * 0x7FFE for _ in range(60)),
        b"\xdc\x1f\xff" * 1_000 + b"\xe0" * (FRAME_BYTES_MAX - 3_000),
        events_of(b"\x9f" + b"".join(array(17_000, of=b"\x9f" + b"\xe0" * 15) for _ in range(15)))[
            :FRAME_BYTES_MAX
        ],
        events_of(b"\x91\xc6" + (FRAME_BYTES_MAX - 100).to_bytes(4, "big"))
        + bytes(FRAME_BYTES_MAX - 100),
    ],
    ids=["map", "longest map", "counts only", "wide and deep", "thousand open", "rows", "one bin"],
)
def test_a_frame_of_odd_shape_takes_little_memory(data: bytes) -> None:
    """Threat 8: what is only claimed is never allocated."""
    assert len(data) <= FRAME_BYTES_MAX
    _, peak = outcome_of(data)
    assert peak < MEMORY_MAX // 2


elements = st.recursive(
    st.sampled_from([b"\xe0", b"\xa2\xc4\x80", b"\xc4\x02ab", b"\xcd\x10\x00", b"\x90", b"\x80"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=15).map(
            lambda items: bytes([0x90 + len(items)]) + b"".join(items)
        ),
        st.lists(inner, max_size=11).map(
            lambda items: (
                bytes([0x80 + len(items)])
                + b"".join(b"\xa1" + bytes([97 + at]) + item for at, item in enumerate(items))
            )
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=examples(25))
@given(elements)
def test_no_mixture_of_shapes_takes_much_memory(element: bytes) -> None:
    """Threat 8: measured over a sixteenth of the values, for time."""
    _, peak = outcome_of(full(element, FRAME_ITEMS_MAX // 16))
    assert peak < MEMORY_MAX // 32
