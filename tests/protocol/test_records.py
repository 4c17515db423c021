"""Headers, parts and ids: every rule of sections 5.2 to 5.5, at its limit and one above."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.encoding import decode, encode
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.limits import INT_MAX
from hutong_protocol.record_ext import masks
from hutong_protocol.records import (
    After,
    PartRef,
    encode_elements,
    encode_header,
    open_info,
    parse_header,
    part_commit,
    read_elements,
    record_id,
    require_commit,
)
from protocol.record_samples import (
    bytes_of,
    elements,
    erase_elements,
    in_header,
    loose_values,
    open_elements,
    open_ext,
    other_context,
    wire_records,
)

HASH = bytes_of("some hash")


def fault_of(broken: list[Any]) -> Fault:
    """The fault of elements, which must be the same however they come."""
    with pytest.raises(ProtocolFault) as found:
        encode_elements(broken)
    with pytest.raises(ProtocolFault) as parsed:
        parse_header(encode(broken))
    assert found.value.fault == parsed.value.fault
    return found.value.fault


def is_accepted(right: list[Any]) -> bool:
    """Whether elements are a header that reads back as they are."""
    data = encode_elements(right)
    header = parse_header(data)
    return data == encode(right) == encode_header(header) and decode(data, bytes_max=1_024) == right


@given(wire_records(), st.integers(1, INT_MAX))
def test_a_header_reads_back_as_it_was_written(record: list[Any], seq: int) -> None:
    kind, ts, clock, type_name, refs, parts, ext = record
    place = [1, kind, HASH, seq, HASH, ts, clock]
    data = encode_elements([*place, type_name, refs, in_header(parts), ext])
    header = parse_header(data)
    assert encode_header(header) == data
    assert header.refs == tuple(refs)
    assert [list(part) for part in header.parts] == in_header(parts)
    assert (header.kind, header.seq, header.clock, header.ext) == (kind, seq, clock, ext)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_raise_anything_but_a_fault(data: bytes) -> None:
    """Threat 13, for headers."""
    with suppress(ProtocolFault):
        assert encode_header(parse_header(data)) == data


@given(
    st.sampled_from([elements(), open_elements(), erase_elements()]),
    st.integers(0, 10),
    loose_values,
)
def test_no_element_makes_the_writer_raise_anything_but_a_fault(
    right: list[Any], at: int, value: object
) -> None:
    broken = [*right[:at], value, *right[at + 1 :]]
    with suppress(ProtocolFault):
        data = encode_elements(broken)
        assert encode_header(parse_header(data)) == data


@given(
    st.sampled_from([encode(elements()), encode(open_elements()), encode(erase_elements())]),
    st.data(),
)
def test_a_changed_byte_gives_another_id_or_a_fault(right: bytes, data: st.DataObject) -> None:
    """Threat 2: no two accepted byte strings have one id."""
    at = data.draw(st.integers(0, len(right) - 1))
    changed = right[:at] + bytes([right[at] ^ data.draw(st.integers(1, 255))]) + right[at + 1 :]
    with suppress(ProtocolFault):
        assert encode_header(parse_header(changed)) == changed
    assert record_id(changed) != record_id(right)


def test_the_id_is_the_tagged_hash_of_the_bytes_as_they_are() -> None:
    """Hard case 16: behind another tag the same bytes give another id."""
    data = encode(elements())
    assert record_id(data) == other_context("record", data)
    assert record_id(data) != other_context("part", data)


@pytest.mark.parametrize(
    "right",
    [
        elements(),
        elements(kind=4, type="anything at all"),
        elements(kind=INT_MAX, type="名" * 10),
        elements(kind=4, type="e\u0301"),
        elements(seq=1),
        elements(seq=INT_MAX, clock=INT_MAX, ts=INT_MAX),
        elements(ts=0, clock=1),
        elements(type="a/1"),
        elements(type="a_b-c9/9999"),
        elements(type="x" * 30 + "/1"),
        elements(refs=[HASH] * 16),
        elements(refs=[b"", b"", HASH]),
        elements(parts=[]),
        elements(parts=[[0, 65_536, HASH], [1, 65_536, HASH]]),
        elements(parts=[[0, 1, HASH], [1, 1, HASH], [2, 1, HASH], [2, 1, HASH]]),
        elements(parts=[[3, 1, HASH], [3, 1, HASH], [INT_MAX, 1, HASH]]),
        elements(kind=3, type="", parts=[]),
        erase_elements(),
        erase_elements(refs=[bytes_of(str(i)) for i in range(16)], ext={"mask": [1] * 16}),
        erase_elements(ext={"identity": [HASH], "mask": [1, 1]}),
        open_elements(),
        open_elements(ext=open_ext(after=[HASH, 0, HASH], space_salt=bytes(16))),
        open_elements(ext=open_ext(space="a" * 64, topic="0-")),
        open_elements(ext=open_ext(identity=[bytes([i]) * 32 for i in range(4)])),
        elements(ext={"crit": ["b", "crit"], "b": None}),
        elements(ext={chr(97 + i): i for i in range(16)}),
        elements(ext={"k" * 64: None}),
        elements(ext={"mine": [[[[[[[]]]]]]]}),
        elements(ext={"org": 5, "nonce": "of no meaning here"}),
        elements(parts=[[0, 1, HASH], [1, 1, HASH]], ext={"exp": {"1": 0}}),
        elements(kind=4, type="", ext={"identity": 3, "mask": "x"}),
    ],
)
def test_what_obeys_every_rule_is_accepted(right: list[Any]) -> None:
    """Hard cases 8, 13 and 15: texts stay as they are, unknown keys too, seq goes to 2^53-1."""
    assert is_accepted(right)


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (elements(v=2), Fault.UPGRADE_NEEDED),
        (elements(v=0), Fault.UPGRADE_NEEDED),
        ([2], Fault.UPGRADE_NEEDED),
        (elements(v=-1), Fault.BAD_HEADER),
        (elements(v=True), Fault.BAD_HEADER),
        (elements(v="1"), Fault.BAD_HEADER),
        ([], Fault.BAD_HEADER),
        (elements()[:10], Fault.BAD_HEADER),
        ([*elements(), None], Fault.BAD_HEADER),
        (elements(kind=-1), Fault.BAD_HEADER),
        (elements(kind=True), Fault.BAD_HEADER),
        (elements(kind=0), Fault.BAD_HEADER),
        (elements(seq=0), Fault.BAD_HEADER),
        (elements(seq=-1), Fault.BAD_HEADER),
        (elements(log=HASH[:31]), Fault.BAD_HEADER),
        (elements(log=""), Fault.BAD_HEADER),
        (elements(log=b""), Fault.BAD_HEADER),
        (elements(prev=HASH + b"0"), Fault.BAD_HEADER),
        (elements(prev=b""), Fault.BAD_HEADER),
        (open_elements(log=HASH), Fault.BAD_HEADER),
        (open_elements(prev=HASH), Fault.BAD_HEADER),
        (open_elements(seq=1), Fault.BAD_HEADER),
        (elements(ts=-1), Fault.BAD_HEADER),
        (elements(ts=None), Fault.BAD_HEADER),
        (elements(clock=0), Fault.BAD_HEADER),
        (elements(clock=False), Fault.BAD_HEADER),
        (elements(type=""), Fault.BAD_HEADER),
        (elements(type="need"), Fault.BAD_HEADER),
        (elements(type="need/0"), Fault.BAD_HEADER),
        (elements(type="need/01"), Fault.BAD_HEADER),
        (elements(type="need/12345"), Fault.BAD_HEADER),
        (elements(type="Need/1"), Fault.BAD_HEADER),
        (elements(type="9eed/1"), Fault.BAD_HEADER),
        (elements(type="need/1\n"), Fault.BAD_HEADER),
        (elements(type="need/\u0661"), Fault.BAD_HEADER),
        (elements(type="x" * 31 + "/1"), Fault.BAD_HEADER),
        (elements(type=b"need/1"), Fault.BAD_HEADER),
        (elements(kind=4, type="名" * 11), Fault.BAD_HEADER),
        (erase_elements(type="need/1"), Fault.BAD_HEADER),
        (open_elements(type="need/1"), Fault.BAD_HEADER),
        (elements(refs=[HASH] * 17), Fault.BAD_REFS),
        (elements(refs=[HASH, b""]), Fault.BAD_REFS),
        (elements(refs=[HASH[:31]]), Fault.BAD_REFS),
        (elements(refs=None), Fault.BAD_REFS),
        (elements(refs={}), Fault.BAD_REFS),
        (elements(refs=["x" * 32]), Fault.BAD_REFS),
        (open_elements(refs=[HASH]), Fault.BAD_REFS),
        (elements(kind=3, type="", parts=[], refs=[HASH]), Fault.BAD_REFS),
        (erase_elements(refs=[], ext={"mask": []}), Fault.BAD_REFS),
        (erase_elements(refs=[HASH, HASH]), Fault.BAD_REFS),
        (erase_elements(refs=[b"", HASH]), Fault.BAD_REFS),
        (elements(parts=[[0, 0, HASH]]), Fault.BAD_PARTS),
        (elements(parts=[[0, 65_537, HASH]]), Fault.BAD_PARTS),
        (elements(parts=[[0, True, HASH]]), Fault.BAD_PARTS),
        (elements(parts=[[0, 1, HASH[:31]]]), Fault.BAD_PARTS),
        (elements(parts=[[-1, 1, HASH]]), Fault.BAD_PARTS),
        (elements(parts=[[0, 1]]), Fault.BAD_PARTS),
        (elements(parts=[None]), Fault.BAD_PARTS),
        (elements(parts=None), Fault.BAD_PARTS),
        (elements(parts=[[0, 1, HASH]] * 2), Fault.BAD_PARTS),
        (elements(parts=[[1, 1, HASH]] * 2), Fault.BAD_PARTS),
        (elements(parts=[[1, 1, HASH], [0, 1, HASH]]), Fault.BAD_PARTS),
        (elements(parts=[[2, 1, HASH]] * 5), Fault.BAD_PARTS),
        (elements(parts=[[0, 65_536, HASH], [1, 65_535, HASH], [2, 2, HASH]]), Fault.BAD_PARTS),
        (open_elements(parts=[[0, 1, HASH]]), Fault.BAD_PARTS),
        (erase_elements(parts=[[0, 1, HASH]]), Fault.BAD_PARTS),
        (elements(kind=3, type=""), Fault.BAD_PARTS),
        (elements(ext=None), Fault.BAD_EXT),
        (elements(ext=[]), Fault.BAD_EXT),
        (elements(ext={"": 1}), Fault.BAD_EXT),
        (elements(ext={"k" * 65: None}), Fault.BAD_EXT),
        (elements(ext={"名" * 22: None}), Fault.BAD_EXT),
        (elements(ext={chr(97 + i): i for i in range(17)}), Fault.BAD_EXT),
        (elements(ext={"mine": [[[[[[[[]]]]]]]]}), Fault.TOO_DEEP),
        (
            elements(ext={"mine": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {}}}}}}}}}),
            Fault.TOO_DEEP,
        ),
        (elements(ext={"crit": []}), Fault.BAD_EXT),
        (elements(ext={"crit": "a", "a": 1}), Fault.BAD_EXT),
        (elements(ext={"crit": ["a"]}), Fault.BAD_EXT),
        (elements(ext={"crit": ["a", "a"], "a": 1}), Fault.BAD_EXT),
        (elements(ext={"crit": ["b", "a"], "a": 1, "b": 1}), Fault.BAD_EXT),
        (elements(ext={"crit": [1], "a": 1}), Fault.BAD_EXT),
        (elements(ext={"exp": {}}), Fault.BAD_EXT),
        (elements(ext={"exp": {"0": 1}}), Fault.BAD_EXT),
        (elements(parts=[[1, 1, HASH]], ext={"exp": {"1": 1}}), Fault.BAD_EXT),
        (elements(parts=[[1, 1, HASH]], ext={"exp": {"00": 1}}), Fault.BAD_EXT),
        (elements(parts=[[1, 1, HASH]], ext={"exp": {"0": -1}}), Fault.BAD_EXT),
        (elements(parts=[[1, 1, HASH]], ext={"exp": {"0": None}}), Fault.BAD_EXT),
        (elements(parts=[[1, 1, HASH]], ext={"exp": [1]}), Fault.BAD_EXT),
        (elements(kind=4, type="", ext={"exp": {"0": 1}}), Fault.BAD_EXT),
        (elements(kind=4, type="", ext={"crit": ["a"]}), Fault.BAD_EXT),
        (elements(ext={"identity": []}), Fault.BAD_EXT),
        (elements(ext={"identity": HASH}), Fault.BAD_EXT),
        (elements(ext={"identity": [HASH, HASH]}), Fault.BAD_EXT),
        (elements(ext={"identity": [b"\1" * 32, b"\0" * 32]}), Fault.BAD_EXT),
        (elements(ext={"identity": [bytes([i]) * 32 for i in range(5)]}), Fault.BAD_EXT),
        (elements(ext={"mask": [1]}), Fault.BAD_EXT),
        (erase_elements(ext={}), Fault.BAD_EXT),
        (erase_elements(ext={"mask": [1]}), Fault.BAD_EXT),
        (erase_elements(ext={"mask": [1, 1, 1]}), Fault.BAD_EXT),
        (erase_elements(ext={"mask": [0, 1]}), Fault.BAD_EXT),
        (erase_elements(ext={"mask": [1, 16]}), Fault.BAD_EXT),
        (erase_elements(ext={"mask": [1, True]}), Fault.BAD_EXT),
        (erase_elements(ext={"mask": 1}), Fault.BAD_EXT),
        (open_elements(ext=open_ext(mask=[1])), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(crit=["a"])), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(space="")), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(space="a" * 65)), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(topic="Hea")), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(topic="hea\n")), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(topic=b"hea")), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(org=bytes(31))), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(writer=bytes(33))), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(delegation="x" * 32)), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(nonce=bytes(15))), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(space_salt=bytes(17))), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(identity=[])), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(after=[HASH, 0])), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(after=[HASH, -1, HASH])), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(after=[HASH, 0, b""])), Fault.BAD_OPEN),
        (open_elements(ext=open_ext(after=5)), Fault.BAD_OPEN),
        (open_elements(ext={}), Fault.BAD_OPEN),
        *(
            (open_elements(ext=open_ext(**{key: None})), Fault.BAD_OPEN)
            for key in ("org", "writer", "delegation", "space", "topic", "nonce", "identity")
        ),
    ],
)
def test_each_broken_rule_has_its_fault(broken: list[Any], fault: Fault) -> None:
    """Threat 19 and hard case 15 for seq; hard case 12 for the length of a part."""
    assert fault_of(broken) == fault


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), -0.0, 2**53, -(2**53), "a\0b", {b"k": 1}, {1: 1}, "\ud800"]
)
@pytest.mark.parametrize("at", [0, 3, 5, 7, 8, 10])
def test_what_has_no_encoding_is_not_canonical(value: object, at: int) -> None:
    """Hard cases 5 and 6, for elements that a session decoded loosely."""
    broken = elements()
    broken[at] = {"key": value} if at == 10 else value
    with pytest.raises(ProtocolFault) as found:
        encode_elements(broken)
    assert found.value.fault == Fault.NOT_CANONICAL


def test_a_header_of_1024_bytes_is_accepted_and_one_more_refused() -> None:
    """Hard case 9."""
    missing = 1_024 - len(encode(elements(ext={"fill": "x" * 256})))
    fitting = elements(ext={"fill": "x" * (256 + missing)})
    assert len(encode(fitting)) == 1_024
    assert is_accepted(fitting)
    assert fault_of(elements(ext={"fill": "x" * (257 + missing)})) == Fault.TOO_LARGE


def test_a_value_that_is_no_array_is_no_header() -> None:
    with pytest.raises(ProtocolFault) as found:
        read_elements({"v": 1})
    assert found.value.fault == Fault.BAD_HEADER


def test_an_open_record_says_whose_log_it_is() -> None:
    ext = open_ext(after=[HASH, 5, bytes(32)], space_salt=bytes(16))
    info = open_info(parse_header(encode(open_elements(ext=ext))))
    assert (info.org, info.writer, info.delegation) == (
        ext["org"],
        ext["writer"],
        ext["delegation"],
    )
    assert (info.space, info.topic, info.nonce) == ("xian-2021", "hea", ext["nonce"])
    assert info.after == After(HASH, 5, bytes(32))  # type: ignore[arg-type]
    assert (info.identity, info.space_salt) == (tuple(ext["identity"]), bytes(16))
    plain = open_info(parse_header(encode(open_elements())))
    assert (plain.after, plain.space_salt) == (None, None)


def test_only_an_open_record_opens_a_log() -> None:
    with pytest.raises(ProtocolFault) as found:
        open_info(parse_header(encode(elements())))
    assert found.value.fault == Fault.BAD_OPEN


def test_an_erase_record_gives_a_mask_for_each_ref() -> None:
    assert masks(parse_header(encode(erase_elements())).ext) == (1, 15)


def test_a_commit_is_over_salt_and_bytes() -> None:
    """Hard case 51: without the salt, the commit of known bytes cannot be computed."""
    salt = bytes_of("salt", 16)
    assert part_commit(salt, b"facts") == other_context("part", salt + b"facts")
    assert part_commit(bytes(16), b"facts") != part_commit(salt, b"facts")


@pytest.mark.parametrize("count", [0, 15, 17])
def test_a_salt_has_sixteen_bytes(count: int) -> None:
    with pytest.raises(LocalProtocolError):
        part_commit(bytes(count), b"facts")


@pytest.mark.parametrize(
    ("salt", "content"),
    [(bytes(16), b"fact"), (bytes(15), b"facts"), (bytes(16), b"factz"), (b"1" * 16, b"facts")],
)
def test_a_part_that_does_not_fit_its_commit_is_refused(salt: bytes, content: bytes) -> None:
    part = PartRef(0, 5, part_commit(bytes(16), b"facts"))
    require_commit(part, bytes(16), b"facts")
    with pytest.raises(ProtocolFault) as found:
        require_commit(part, salt, content)
    assert found.value.fault == Fault.BAD_COMMIT
