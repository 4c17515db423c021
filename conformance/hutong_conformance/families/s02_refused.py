"""Vectors of bytes that are msgpack, or nearly, and yet not Hutong-mp. Spec: 2.1, 2.2.

Over-long forms, integers out of range, types that the profile leaves out, maps with unsorted,
repeated or odd keys, and input that ends early or goes on. Hard cases 1-7, 11, 15.
"""

from __future__ import annotations

from collections.abc import Iterator

from hutong_conformance import raw
from hutong_conformance.cases import Case
from hutong_conformance.families.s02_encoding import refused, signed_name


def cases() -> Iterator[Case]:
    """Every way to write something else than the one encoding of a value."""
    yield from _over_long_integers()
    yield from _integers_out_of_range()
    yield from _over_long_lengths()
    yield from _foreign_types()
    yield from _broken_maps()
    yield from _odd_keys()
    yield from _incomplete_input()
    yield from _inside_larger_values()


def _over_long_integers() -> Iterator[Case]:
    forms: tuple[tuple[raw.IntForm, tuple[int, ...]], ...] = (
        ("u8", (0, 127)),
        ("u16", (0, 128, 255)),
        ("u32", (0, 65_535)),
        ("u64", (0, 2**32 - 1)),
        ("i8", (0, 127, -1, -32)),
        ("i16", (0, 128, 32_767, -1, -33, -128)),
        ("i32", (0, 65_536, 2**31 - 1, -1, -32_768)),
        ("i64", (0, 2**32, 2**53 - 1, -1, -(2**31))),
    )
    for form, numbers in forms:
        for number in numbers:
            why = (
                "an unsigned form is right" if form[0] == "i" and number >= 0 else "shorter exists"
            )
            yield refused(
                f"int-{signed_name(number)}-as-{form}",
                "2.1.7",
                f"Hard case 1: the integer {number} in the form {form}: {why}",
                raw.integer(number, form),
            )
    yield refused(
        "int-over-long-inside",
        "2.1.7",
        "Hard case 1: an over-long integer deep inside a value that is else right",
        raw.mapping([(raw.text("seq"), raw.array([raw.NIL, raw.integer(1, "u64")]))]),
    )


def _integers_out_of_range() -> Iterator[Case]:
    outside: tuple[tuple[int, raw.IntForm], ...] = (
        (2**53, "u64"),
        (2**53 + 1, "u64"),
        (2**63 - 1, "u64"),
        (2**63, "u64"),
        (2**64 - 1, "u64"),
        (-(2**53), "i64"),
        (-(2**53) - 1, "i64"),
        (-(2**63), "i64"),
    )
    for number, form in outside:
        yield refused(
            f"int-{signed_name(number)}",
            "2.1.2",
            f"Hard case 15: the integer {number} is out of range",
            raw.integer(number, form),
        )


def _over_long_lengths() -> Iterator[Case]:
    tables: tuple[tuple[str, tuple[tuple[int, raw.Width], ...]], ...] = (
        ("str", ((0, 8), (31, 8), (0, 16), (32, 16), (255, 16), (0, 32), (256, 32), (65_535, 32))),
        ("bin", ((0, 16), (255, 16), (0, 32), (256, 32), (65_535, 32))),
        ("array", ((0, 16), (15, 16), (0, 32), (16, 32), (65_535, 32))),
        ("map", ((0, 16), (15, 16), (0, 32), (16, 32), (300, 32))),
    )
    for kind, forms in tables:
        for count, width in forms:
            yield refused(
                f"{kind}-{count}-length-in-{width}",
                "2.1.7",
                f"Hard case 2: the length {count} of this {kind} in {width} bits is over-long",
                _of_length(kind, count, width),
            )
    yield refused(
        "map-key-over-long",
        "2.1.7",
        "Hard case 2: a key whose length is over-long",
        raw.mapping([(raw.text("a", 8), raw.NIL)]),
    )


def _of_length(kind: str, count: int, width: raw.Width | None) -> bytes:
    match kind:
        case "str":
            return raw.text("h" * count, width)
        case "bin":
            return raw.binary(bytes(count), width)
        case "array":
            return raw.array([raw.NIL] * count, width)
    return raw.mapping([(raw.text(f"k{i:03}"), raw.NIL) for i in range(count)], width)


def _foreign_types() -> Iterator[Case]:
    floats: tuple[tuple[str, bytes], ...] = (
        ("zero", raw.float64(0)),
        ("minus-zero", raw.float64(0x8000000000000000)),
        ("one", raw.float64(0x3FF0000000000000)),
        ("two-to-53", raw.float64(0x4340000000000000)),
        ("infinity", raw.float64(0x7FF0000000000000)),
        ("minus-infinity", raw.float64(0xFFF0000000000000)),
        ("nan", raw.float64(0x7FF8000000000000)),
        ("nan-with-payload", raw.float64(0x7FF8DEADBEEF0001)),
        ("nan-signalling", raw.float64(0x7FF0000000000001)),
        ("short-one", raw.float32(0x3F800000)),
        ("short-minus-zero", raw.float32(0x80000000)),
        ("short-nan", raw.float32(0x7FC00000)),
    )
    for name, data in floats:
        yield refused(f"float-{name}", "2.1.1", "Hard case 6: a float", data)
    yield refused(
        "float-as-map-value",
        "2.1.1",
        "Hard case 6: a float as the value of an entry",
        raw.mapping([(raw.text("qty"), raw.float64(0x4008000000000000))]),
    )
    extensions: tuple[tuple[str, bytes], ...] = (
        *((f"ext-fix-{count}", raw.extension(5, bytes(count))) for count in (1, 2, 4, 8, 16)),
        ("ext-empty", raw.extension(5, b"")),
        ("ext-3", raw.extension(5, b"abc")),
        ("ext-256", raw.extension(-128, bytes(256))),
        ("ext-32-length", b"\xc9\x00\x00\x00\x03\x05abc"),
        ("timestamp-32", raw.extension(-1, bytes.fromhex("6553f100"))),
        ("timestamp-64", raw.extension(-1, bytes.fromhex("000000006553f100"))),
        ("timestamp-96", raw.extension(-1, bytes.fromhex("00000000000000006553f100"))),
    )
    for name, data in extensions:
        what = "a timestamp" if name.startswith("time") else "an extension type"
        yield refused(name, "2.1.1", f"Hard case 6: {what}", data)
    yield refused(
        "timestamp-in-array",
        "2.1.1",
        "Hard case 6: a timestamp inside an array",
        raw.array([raw.integer(1), raw.extension(-1, bytes.fromhex("6553f100"))]),
    )
    yield refused("reserved-byte", "2.1.7", "The first byte c1 never occurs", raw.RESERVED)
    yield refused(
        "reserved-byte-in-array", "2.1.7", "The byte c1 inside an array", raw.array([raw.RESERVED])
    )


def _broken_maps() -> Iterator[Case]:
    a, aa, b = raw.text("a"), raw.text("aa"), raw.text("b")
    one, two = raw.integer(1), raw.integer(2)
    maps: tuple[tuple[str, str, list[tuple[bytes, bytes]]], ...] = (
        ("duplicate-key", "Hard case 3: the same key twice", [(a, one), (a, two)]),
        ("duplicate-key-same-value", "Hard case 3: the same entry twice", [(a, one), (a, one)]),
        (
            "duplicate-empty-key",
            "Hard case 3: the empty key twice",
            [(raw.text(""), one), (raw.text(""), two)],
        ),
        ("duplicate-key-apart", "Hard case 3: a key again later", [(a, one), (b, one), (a, two)]),
        ("unsorted", "Hard case 4: b before a", [(b, one), (a, two)]),
        (
            "unsorted-last",
            "Hard case 4: only the last key is out of order",
            [(a, one), (b, one), (aa, two)],
        ),
        ("unsorted-prefix", "Hard case 4: a key before its own prefix", [(aa, one), (a, two)]),
        ("sorted-by-length", "Hard case 4: shorter keys first", [(b, one), (aa, two)]),
        ("sorted-without-case", "Hard case 4: a before B", [(a, one), (raw.text("B"), two)]),
        (
            "sorted-as-numbers",
            "Hard case 4: 9 before 10",
            [(raw.text("9"), one), (raw.text("10"), two)],
        ),
        (
            "sorted-by-utf16",
            "Hard case 4: U+1F600 before U+FF5E, the order of UTF-16 code units",
            [(raw.text("\U0001f600"), one), (raw.text("\uff5e"), two)],
        ),
    )
    for name, comment, pairs in maps:
        yield refused(f"map-{name}", "2.1.5", comment, raw.mapping(pairs))
    yield refused(
        "map-duplicate-key-inside",
        "2.1.5",
        "Hard case 3: the same key twice in a map inside an array inside a map",
        raw.mapping([(a, raw.array([raw.mapping([(a, one), (a, two)])]))]),
    )


def _odd_keys() -> Iterator[Case]:
    one, two = raw.integer(1), raw.integer(2)
    keys: tuple[tuple[str, bytes], ...] = (
        ("int", one),
        ("bin", raw.binary(b"a")),
        ("nil", raw.NIL),
        ("true", raw.TRUE),
        ("float", raw.float64(0x3FF0000000000000)),
        ("array", raw.array([])),
        ("map", raw.mapping([])),
        ("timestamp", raw.extension(-1, bytes.fromhex("6553f100"))),
    )
    for name, key in keys:
        yield refused(
            f"map-key-{name}",
            "2.1.1",
            "Hard case 5: a key that is no str",
            raw.mapping([(key, one)]),
        )
    yield refused(
        "map-key-bin-after-str",
        "2.1.1",
        "Hard case 5: the same bytes once as str and once as bin",
        raw.mapping([(raw.text("a"), one), (raw.binary(b"a"), two)]),
    )


def _incomplete_input() -> Iterator[Case]:
    yield refused("empty-input", "2.2.3", "No byte at all", b"")
    for lead in (0xCC, 0xCD, 0xCE, 0xCF, 0xD0, 0xD1, 0xD2, 0xD3):
        width = 1 << (lead & 3)
        yield refused(
            f"ends-in-int-{lead:02x}",
            "2.2.3",
            "Input ends inside an integer",
            bytes([lead]) + b"\x7f" * (width - 1),
        )
    pieces: tuple[tuple[str, bytes], ...] = (
        ("str-length", b"\xd9"),
        ("str-16-length", b"\xda\x01"),
        ("str-32-length", b"\xdb\x00\x01\x00"),
        ("bin-length", b"\xc4"),
        ("bin-16-length", b"\xc5\x01"),
        ("bin-32-length", b"\xc6\x00\x01\x00"),
        ("array-16-length", b"\xdc\x00"),
        ("array-32-length", b"\xdd\x00\x01\x00"),
        ("map-16-length", b"\xde\x00"),
        ("map-32-length", b"\xdf\x00\x01\x00"),
        ("short-str", raw.text("ab", count=3)),
        ("str", raw.text("h" * 31, count=32)),
        ("bin", raw.binary(b"abc", count=4)),
        ("array", raw.array([raw.NIL], count=2)),
        ("array-16", raw.array([raw.NIL] * 15, count=16)),
        ("map-before-key", raw.mapping([], count=1)),
        ("map-before-value", raw.mapping([(raw.text("a"), b"")])),
        ("map-before-last", raw.mapping([(raw.text("a"), raw.NIL)], count=2)),
    )
    for name, data in pieces:
        yield refused(f"ends-in-{name}", "2.2.3", "Input ends before the value does", data)
    most = 2**32 - 1
    for kind, lead in (("array", 0xDD), ("map", 0xDF), ("str", 0xDB), ("bin", 0xC6), ("ext", 0xC9)):
        yield refused(
            f"claims-{kind}-of-{most}",
            "2.2.4",
            f"Hard case 11: five bytes that claim {most} more: nothing is to be reserved for them",
            bytes([lead]) + most.to_bytes(4, "big"),
        )
    yield refused(
        "claims-nested",
        "2.2.4",
        "Hard case 11: each of sixteen arrays claims 65,536 values, none is there",
        b"\xdd\x00\x01\x00\x00" * 16,
    )
    for name, tail in (
        ("nil", raw.NIL),
        ("nul", b"\0"),
        ("newline", b"\n"),
        ("value", raw.array([])),
    ):
        yield refused(
            f"trailing-{name}",
            "2.1.9",
            "Hard case 7: a byte after the value",
            raw.mapping([]) + tail,
        )


def _inside_larger_values() -> Iterator[Case]:
    """One breach of each kind again, in a value like a header and in a long one.

    Decoders may treat short and long input, or a shape that they expect, on paths of their own.
    """
    one = raw.integer(1)
    breaches: tuple[tuple[str, str, bytes], ...] = (
        ("int-over-long", "2.1.7", raw.integer(1, "u64")),
        ("negative-over-long", "2.1.7", raw.integer(-1, "i8")),
        ("int-out-of-range", "2.1.2", raw.integer(2**53, "u64")),
        ("str-over-long", "2.1.7", raw.text("a", 8)),
        ("bin-over-long", "2.1.7", raw.binary(b"a", 16)),
        ("array-over-long", "2.1.7", raw.array([], 16)),
        ("map-over-long", "2.1.7", raw.mapping([], 16)),
        ("duplicate-key", "2.1.5", raw.mapping([(raw.text("a"), one), (raw.text("a"), one)])),
        ("unsorted", "2.1.5", raw.mapping([(raw.text("b"), one), (raw.text("a"), one)])),
        ("bin-key", "2.1.1", raw.mapping([(raw.binary(b"a"), one)])),
        ("float", "2.1.1", raw.float64(0x3FF0000000000000)),
        ("nan", "2.1.1", raw.float64(0x7FF8000000000000)),
        ("ext-empty", "2.1.1", raw.extension(5, b"")),
        ("timestamp", "2.1.1", raw.extension(-1, bytes(4))),
        ("nul", "2.1.3", raw.text("a\0b")),
        ("surrogate", "2.1.3", raw.text(b"\xed\xa0\x80")),
        ("utf8-cut", "2.1.3", raw.text(b"\xe2\x82")),
        ("reserved", "2.1.7", raw.RESERVED),
    )
    for name, section, data in breaches:
        comment = "Hard cases 1-8: the breach stands in ext of a value shaped like a header"
        yield refused(f"in-header-{name}", section, comment, like_header(data))
        comment = "The breach stands behind 2,000 bytes that are right"
        long = raw.array([raw.binary(bytes(2_000)), data])
        yield refused(f"in-long-{name}", section, comment, long)
    whole = like_header(raw.TRUE)
    yield refused(
        "in-header-trailing", "2.1.9", "Hard case 7: a byte after a header", whole + b"\0"
    )
    yield refused("in-header-cut", "2.2.3", "The last byte of a header is missing", whole[:-1])
    # Two levels are the header and its ext; nested() adds the innermost array.
    comment = "Seventeen levels, two of them the header and its ext"
    data = like_header(raw.nested(14))
    yield refused("in-header-too-deep", "2.2.2", comment, data, fault="too-deep")


def like_header(inside: bytes) -> bytes:
    """Eleven elements as a header has them, the last a map from one key to `inside`."""
    identifier = raw.binary(raw.bytes_from("a record"))
    elements = [raw.integer(1), raw.integer(1), identifier, raw.integer(7), identifier]
    elements += [raw.integer(1_700_000_000_000), raw.integer(9), raw.text("need/1")]
    commit = raw.binary(raw.bytes_from("a commit"))
    elements.append(raw.array([identifier]))
    elements.append(raw.array([raw.array([raw.integer(0), raw.integer(99), commit])]))
    elements.append(raw.mapping([(raw.text("x"), inside)]))
    return raw.array(elements)
