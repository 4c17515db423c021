"""Vectors of Hutong-mp: every form that is right, nesting and sizes. Spec: 2.1, 2.2.

Every value that decodes and is small also gets a vector for the encoder. Wrong forms are in
`s02_refused`, what a str may contain is in `s02_text`. Hard cases 11, 15.
"""

from __future__ import annotations

from collections.abc import Iterator

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.independent.mp_decoder import Value, tagged

ENCODED_BYTES_MAX = 700
"""Above this size a vector for the encoder would only repeat what the decoder's shows."""

INT_ENDS = (
    *(0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**53 - 1),
    *(-1, -32, -33, -128, -129, -32_768, -32_769, -(2**31), -(2**31) - 1, -(2**53) + 1),
)
"""Both ends of every form of the table in 2.1.7."""


def cases() -> Iterator[Case]:
    """Values with their only encoding, the encoder's duties, and limits from both sides."""
    for name, section, comment, value in values():
        yield from accepted(name, section, comment, value)
    yield from _encoder_sorts()
    yield from _nesting()
    yield from _sizes()


def accepted(name: str, section: str, comment: str, value: Value) -> Iterator[Case]:
    """The case that `value` decodes, and if it is small the case that it encodes to these bytes."""
    data = raw.encode(value)
    yield Case(
        f"2/{name}",
        section,
        "MUST",
        comment,
        "encoding.decode",
        {"hex": data.hex()},
        ok(tagged(value)),
    )
    if len(data) <= ENCODED_BYTES_MAX:
        yield Case(
            f"2/encode-{name}",
            section,
            "MUST",
            f"Encoder: {comment[0].lower()}{comment[1:]}",
            "encoding.encode",
            {"value": tagged(value)},
            ok(data.hex()),
        )


def refused(
    name: str,
    section: str,
    comment: str,
    data: bytes,
    *,
    fault: str = "not-canonical",
    bytes_max: int | None = None,
) -> Case:
    """The case that a decoder answers `data` with `fault`."""
    limit: dict[str, Json] = {} if bytes_max is None else {"max": bytes_max}
    return Case(
        f"2/{name}",
        section,
        "MUST",
        comment,
        "encoding.decode",
        {"hex": data.hex(), **limit},
        {"fault": fault},
    )


def ok(value: Json) -> dict[str, Json]:
    """The reply that carries `value`."""
    return {"ok": value}


def signed_name(number: int) -> str:
    """`number` in a name of a file: without a sign."""
    return f"minus-{-number}" if number < 0 else str(number)


def values() -> Iterator[tuple[str, str, str, Value]]:
    """Name, section, comment and value of what decodes; two values are told apart by a name."""
    yield "nil", "2.1.1", "Nil", None
    yield "false", "2.1.1", "False, which is no 0", False
    yield "true", "2.1.1", "True, which is no 1", True
    for number in INT_ENDS:
        comment = f"The integer {number} in its only form"
        yield f"int-{signed_name(number)}", "2.1.7", comment, number
    # 65,535 is shown by the over-long form that is refused: half as many bytes in the set.
    for count in (0, 1, 255, 256, 65_536):
        yield f"bin-{count}", "2.1.7", f"A bin of {count} bytes", raw.bytes_from("bin", count)
    for count in (0, 1, 31, 32, 255, 256, 65_536):
        yield f"str-{count}", "2.1.7", f"A str of {count} bytes", "h" * count
    for count in (0, 1, 15, 16, 65_536):
        nils: list[Value] = [None] * count
        yield f"array-{count}", "2.1.7", f"An array of {count} values", nils
    for count in (0, 1, 15, 16, 256):
        entries: dict[str, Value] = {f"k{index:03}": index for index in range(count)}
        yield f"map-{count}", "2.1.7", f"A map of {count} entries", entries
    yield from _maps_in_order()
    yield (
        "all-types",
        "2.1.1",
        "One value of every type in one array",
        [None, False, True, 0, -1, b"\0", "a", [], {}],
    )
    yield (
        "example-of-the-text",
        "2.1.9",
        "The example at the end of 2.1",
        {"": None, "a": [-1, 128, 2**53 - 1], "aa": b"\0", "b": {}},
    )
    record = raw.bytes_from("a record")
    header: list[Value] = [1, 1, record, 7, record, 1_700_000_000_000, 9, "need/1", [record]]
    header += [[[0, 99, raw.bytes_from("a commit")]], {"crit": ["x"], "x": True}]
    yield "like-a-header", "2.1.9", "Eleven values as a header has them", header
    deep: Value = []
    deep_map: Value = {}
    for level in range(15):
        deep = [deep]
        deep_map = {"k": deep_map} if level % 2 else [deep_map]
    yield "depth-16", "2.1.8", "Sixteen arrays inside each other, the innermost empty", deep
    yield "depth-16-mixed", "2.1.8", "Sixteen arrays and maps inside each other", deep_map
    leaf: Value = 7
    for _ in range(16):
        leaf = [leaf]
    yield "depth-16-full", "2.1.8", "An integer inside sixteen arrays: it adds no depth", leaf


def _maps_in_order() -> Iterator[tuple[str, str, str, Value]]:
    yield "map-empty-key", "2.1.6", "The empty str is a key", {"": 1}
    yield "map-prefix-first", "2.1.5", "A proper prefix stands first", {"a": 1, "aa": 2, "ab": 3}
    yield (
        "map-not-by-length",
        "2.1.5",
        "Keys are not ordered by length: aa before b",
        {"aa": 1, "b": 2},
    )
    yield "map-capitals-first", "2.1.5", "Capitals come before small letters", {"Z": 1, "a": 2}
    yield (
        "map-code-point-order",
        "2.1.5",
        "U+FF5E before U+1F600, though its UTF-16 code unit is the greater",
        {"\uff5e": 1, "\U0001f600": 2},
    )
    yield (
        "map-digits-as-keys",
        "2.1.5",
        "Keys that look like numbers are ordered as text: 10 before 9",
        {"1": 1, "10": 2, "9": 3},
    )
    yield (
        "map-names-of-objects",
        "2.1.6",
        "Keys that mean something to objects of JavaScript or Python are keys like others",
        {"__class__": 1, "__proto__": 2, "constructor": 3, "toString": 4},
    )
    yield (
        "map-keys-not-normalised",
        "2.1.4",
        "Two spellings of one accented letter are two keys",
        {"e\u0301": 1, "\u00e9": 2},
    )


def _encoder_sorts() -> Iterator[Case]:
    """The encoder is given entries in another order than the one it has to write."""
    orders: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("reversed", ("b", "aa", "a", "")),
        ("utf16-order", ("\U0001f600", "\uff5e")),
        ("number-order", ("9", "10", "1")),
        ("length-order", ("b", "aa")),
    )
    for name, keys in orders:
        entries = [(key, position) for position, key in enumerate(keys)]
        yield Case(
            f"2/encode-sorts-{name}",
            "2.1.5",
            "MUST",
            "Encoder: entries given in another order are written in that of their UTF-8 bytes",
            "encoding.encode",
            {
                "value": {
                    "map": [[{"str": key}, {"int": str(position)}] for key, position in entries]
                }
            },
            ok(raw.encode(dict(entries)).hex()),
        )


def _nesting() -> Iterator[Case]:
    def deep(name: str, comment: str, data: bytes) -> Case:
        return refused(name, "2.2.2", comment, data, fault="too-deep")

    level = raw.mapping([(raw.text("k"), b"")])
    yield deep(
        "depth-17", "Seventeen arrays inside each other, the innermost empty", raw.nested(16)
    )
    yield deep(
        "depth-17-full", "An integer inside seventeen arrays", raw.nested(17, raw.integer(7))
    )
    yield deep("depth-17-maps", "Seventeen maps inside each other", level * 16 + raw.mapping([]))
    yield deep(
        "depth-17-mixed", "Arrays and maps count alike", (level + b"\x91") * 8 + raw.array([])
    )
    yield deep(
        "depth-17-second",
        "The second value of an array is too deep, the first is not",
        raw.array([raw.nested(14), raw.nested(15)]),
    )
    yield deep("depth-bomb", "Hard case 11: twenty thousand arrays", raw.nested(20_000))
    yield deep(
        "depth-bomb-maps", "Hard case 11: ten thousand maps", level * 10_000 + raw.mapping([])
    )


def _sizes() -> Iterator[Case]:
    for limit in (1_024, 4_096):
        value = bytes(limit - 3)
        data = raw.encode(value)
        assert len(data) == limit
        yield Case(
            f"2/size-{limit}",
            "2.2.1",
            "MUST",
            f"Input of exactly {limit} bytes where the limit is {limit}",
            "encoding.decode",
            {"hex": data.hex(), "max": limit},
            ok(tagged(value)),
        )
        yield refused(
            f"size-{limit + 1}",
            "2.2.1",
            f"Input of {limit + 1} bytes where the limit is {limit}",
            raw.encode(bytes(limit - 2)),
            fault="too-large",
            bytes_max=limit,
        )
    yield refused(
        "size-before-decoding",
        "2.2.5",
        "Input that is too long and no value at all: the size is checked first",
        raw.RESERVED * 17,
        fault="too-large",
        bytes_max=16,
    )
    yield refused(
        "size-before-depth",
        "2.2.5",
        "Input that is too long and too deep: the size is checked first",
        raw.nested(40),
        fault="too-large",
        bytes_max=40,
    )
