"""Vectors of headers: every element at its limit and one above, and ids. Spec: 5.2 to 5.5.

Each refused header breaks one rule. What stands in `ext` has a family of its own (`s05_ext`).
Hard cases 1-4, 6-10, 12, 15, 16; threats 2, 19.
"""

from __future__ import annotations

from collections.abc import Iterator

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.independent import mp_decoder
from hutong_conformance.raw_records import (
    Encoded,
    Item,
    Keyed,
    close_elements,
    elements,
    erase_elements,
    header,
    mp,
    open_elements,
    record_id,
)

INT_MAX = 2**53 - 1
HASH = raw.bytes_from("a hash")


def cases() -> Iterator[Case]:
    """The encoding, then the elements of the table of 5.2.2 in their order, then ids."""
    yield from _encoding()
    yield from _whole()
    yield from _versions_and_shape()
    yield from _kinds()
    yield from _places()
    yield from _times()
    yield from _types()
    yield from _refs()
    yield from _parts()
    yield from _ids()


def accepted(name: str, section: str, comment: str, fields: Keyed) -> Case:
    """The case that a header parses to its elements."""
    data = header(fields)
    read = mp_decoder.decode(data)
    assert isinstance(read, list)
    expect: dict[str, Json] = {}
    for key, value in zip(fields, read, strict=True):
        expect[key] = mp_decoder.tagged(value) if key == "ext" else _plain(value)
    return Case(
        f"5/{name}",
        section,
        "MUST",
        comment,
        "record.parse",
        {"header": data.hex()},
        {"ok": expect},
    )


def refused(name: str, section: str, comment: str, fields: Keyed | bytes, fault: str) -> Case:
    """The case that a header, or bytes in place of one, is refused with `fault`."""
    data = fields if isinstance(fields, bytes) else header(fields)
    return Case(
        f"5/{name}",
        section,
        "MUST",
        comment,
        "record.parse",
        {"header": data.hex()},
        {"fault": fault},
    )


def _plain(value: mp_decoder.Value) -> Json:
    """The form of an element other than `ext` in a reply."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    assert isinstance(value, int | str)
    return value


def _encoding() -> Iterator[Case]:
    def wrong(name: str, comment: str, **changes: Item) -> Case:
        return refused(f"header-{name}", "5.2.1", comment, elements(**changes), "not-canonical")

    yield wrong("seq-over-long", "Hard case 1: seq 7 as cc07", seq=Encoded(raw.integer(7, "u8")))
    yield wrong("v-over-long", "Hard case 1: v as cc01", v=Encoded(raw.integer(1, "u8")))
    long_type = Encoded(raw.text("need/1", 8))
    yield wrong(
        "type-over-long", "Hard case 2: the length of type in a byte of its own", type=long_type
    )
    long_log = Encoded(raw.binary(HASH, 16))
    yield wrong("log-over-long", "Hard case 2: the length of log in two bytes", log=long_log)
    yield wrong("refs-over-long", "Hard case 2: refs as dc0000", refs=Encoded(raw.array([], 16)))
    pair = (raw.text("mine"), raw.NIL)
    twice = Encoded(raw.mapping([pair, pair]))
    yield wrong("ext-key-twice", "Hard case 3: a key of ext twice", ext=twice)
    unsorted = Encoded(raw.mapping([(raw.text("b"), raw.NIL), (raw.text("a"), raw.NIL)]))
    yield wrong("ext-unsorted", "Hard case 4: keys of ext in another order", ext=unsorted)
    yield wrong(
        "ext-key-bin",
        "Hard case 5: a bin as key of ext",
        ext=Encoded(raw.mapping([(raw.binary(b"a"), raw.NIL)])),
    )
    yield wrong(
        "ext-key-int",
        "Hard case 5: an int as key of ext",
        ext=Encoded(raw.mapping([(raw.integer(1), raw.NIL)])),
    )
    yield wrong(
        "ts-float", "Hard case 6: ts as a float", ts=Encoded(raw.float64(0x4278BCFE56800000))
    )
    yield wrong("clock-minus-zero", "Hard case 6: -0.0", clock=Encoded(raw.float64(1 << 63)))
    nan = {"mine": Encoded(raw.float64(0x7FF8 << 48))}
    yield wrong("ext-nan", "Hard case 6: NaN in ext", ext=nan)
    timestamp = Encoded(raw.extension(-1, bytes(4)))
    yield wrong("ts-timestamp", "Hard case 6: ts as msgpack's timestamp", ts=timestamp)
    yield wrong("seq-2-53", "Hard case 15: seq 2^53", seq=Encoded(raw.integer(2**53, "u64")))


def _whole() -> Iterator[Case]:
    """The encoding as a whole: its end, its texts, its depth and its size."""
    yield refused(
        "header-trailing-byte",
        "5.2.1",
        "Hard case 7: a byte after the header",
        header(elements()) + b"\0",
        "not-canonical",
    )
    yield refused("header-empty", "5.2.1", "No bytes at all", b"", "not-canonical")
    nul = elements(kind=9, type=Encoded(raw.text("a\0b")))
    yield refused(
        "header-type-nul",
        "5.2.1",
        "Hard case 8: NUL in the type of an unknown kind",
        nul,
        "not-canonical",
    )
    deep = elements(ext={"mine": Encoded(raw.nested(14))})
    yield refused(
        "header-too-deep", "5.2.1", "ext so deep that the header has depth 17", deep, "too-deep"
    )
    fill = 1_024 - len(header(elements(ext={"fill": "x" * 256}))) + 256
    yield accepted(
        "header-1024",
        "5.2.2",
        "Hard case 9: a header of exactly 1,024 bytes",
        elements(ext={"fill": "x" * fill}),
    )
    longer = elements(ext={"fill": "x" * (fill + 1)})
    yield refused(
        "header-1025", "5.2.2", "Hard case 9: a header of 1,025 bytes", longer, "too-large"
    )
    broken = raw.bytes_from("no header", 1_025)
    yield refused(
        "header-1025-garbage",
        "5.2.1",
        "1,025 bytes that are not even msgpack: the size is found first",
        broken,
        "too-large",
    )


def _versions_and_shape() -> Iterator[Case]:
    def wrong(name: str, comment: str, fields: Keyed | bytes, fault: str = "bad-header") -> Case:
        return refused(name, "5.2.1", comment, fields, fault)

    yield accepted("data", "5.2.1", "An ordinary data record", elements())
    for v in (0, 2, INT_MAX):
        comment = f"A header of version {v}: reported, not stored"
        yield wrong(f"v-{v}", comment, elements(v=v), "upgrade-needed")
    another = mp([2, "another shape in another version"])
    yield wrong(
        "v-2-shorter",
        "A later version may have another shape: v is read first",
        another,
        "upgrade-needed",
    )
    yield wrong("v-negative", "v is negative", elements(v=-1))
    yield wrong("v-true", "v is true, which is no integer", elements(v=True))
    yield wrong("v-str", "v is the text 1", elements(v="1"))
    fields = list(elements().values())
    yield wrong("elements-10", "An element too few", mp(fields[:10]))
    yield wrong("elements-12", "An element too many", mp([*fields, None]))
    yield wrong("elements-0", "The empty array", mp([]))
    yield wrong("header-map", "A map of the elements by name", mp(elements()))
    yield wrong("header-nil", "nil in place of a header", mp(None))


def _kinds() -> Iterator[Case]:
    yield accepted("open", "5.2.2", "An ordinary open record", open_elements())
    yield accepted("erase", "5.2.2", "An ordinary erase record", erase_elements())
    yield accepted("close", "5.2.2", "An ordinary close record", close_elements())
    for kind in (4, 255, INT_MAX):
        fields = elements(kind=kind, type="any 种类", refs=[HASH])
        yield accepted(f"kind-{kind}", "5.2.5", "An unknown kind is kept like any other", fields)
    free: Keyed = {"identity": "of no meaning here", "mask": {}}
    comment = "Of an unknown kind neither identity nor mask is judged"
    yield accepted("kind-4-free-ext", "5.3.5", comment, elements(kind=4, ext=free))
    for name, kind_value in (("negative", -1), ("true", True), ("nil", None), ("str", "1")):
        yield refused(
            f"kind-{name}", "5.2.2", f"kind is {name}", elements(kind=kind_value), "bad-header"
        )


def _places() -> Iterator[Case]:
    def wrong(name: str, comment: str, fields: Keyed) -> Case:
        return refused(name, "5.2.2", comment, fields, "bad-header")

    yield accepted("seq-1", "5.2.2", "The first seq after the open record", elements(seq=1))
    yield accepted("seq-max", "5.2.2", "Hard case 15, threat 19: seq 2^53-1", elements(seq=INT_MAX))
    yield wrong("seq-0", "Threat 19: seq 0 in a record that doesn't open a log", elements(seq=0))
    yield wrong("seq-negative", "Threat 19: a negative seq", elements(seq=-1))
    yield wrong("seq-false", "seq is false, which is not 0", open_elements(seq=False))
    yield wrong("open-seq-1", "An open record at seq 1", open_elements(seq=1))
    for name in ("log", "prev"):
        for count in (0, 31, 33):
            short = raw.bytes_from("a hash", count)
            yield wrong(f"{name}-of-{count}", f"{name} of {count} bytes", elements(**{name: short}))
        yield wrong(f"{name}-str", f"{name} is a str", elements(**{name: "x" * 32}))
        yield wrong(f"open-{name}", f"An open record with a {name}", open_elements(**{name: HASH}))
        yield wrong(f"open-{name}-nil", f"{name} is nil, not empty", open_elements(**{name: None}))


def _times() -> Iterator[Case]:
    yield accepted("ts-0", "5.2.2", "Hard case 73: ts 0", elements(ts=0))
    yield accepted("ts-2038", "5.2.2", "Hard case 73: ts beyond 2038", elements(ts=2**31 * 1_000))
    yield accepted("ts-max", "5.2.2", "Hard case 73: ts 2^53-1", elements(ts=INT_MAX))
    yield accepted("clock-1", "5.4", "The first clock", elements(clock=1))
    yield accepted(
        "clock-max", "5.4.3", "A reader accepts any clock in range", elements(clock=INT_MAX)
    )
    wrong: tuple[tuple[str, Keyed], ...] = (
        ("ts-negative", {"ts": -1}),
        ("ts-nil", {"ts": None}),
        ("ts-true", {"ts": True}),
        ("clock-0", {"clock": 0}),
        ("clock-negative", {"clock": -1}),
        ("clock-true", {"clock": True}),
    )
    for name, change in wrong:
        yield refused(
            name, "5.2.2", f"The element is out of range: {name}", elements(**change), "bad-header"
        )


def _types() -> Iterator[Case]:
    for name, spelled in (
        ("shortest", "a/1"),
        ("all-characters", "a-z_09/9999"),
        ("32-bytes", "n" * 27 + "/1000"),
    ):
        yield accepted(f"type-{name}", "5.2.2", f"A type: {name}", elements(type=spelled))
    for name, spelled in (
        ("empty", ""),
        ("no-version", "need"),
        ("version-0", "need/0"),
        ("version-01", "need/01"),
        ("version-10000", "need/10000"),
        ("no-name", "/1"),
        ("capital", "Need/1"),
        ("digit-first", "1need/1"),
        ("space", "need /1"),
        ("newline", "need/1\n"),
        ("arabic-digit", "need/\u0661"),
        ("33-bytes", "n" * 28 + "/1000"),
    ):
        yield refused(
            f"type-{name}", "5.2.2", f"No type: {name}", elements(type=spelled), "bad-header"
        )
    yield refused("type-bin", "5.2.2", "type is a bin", elements(type=b"need/1"), "bad-header")
    for name, fields in (
        ("open", open_elements(type="need/1")),
        ("erase", erase_elements(type="need/1")),
        ("close", close_elements(type="need/1")),
    ):
        yield refused(
            f"{name}-type", "5.2.2", f"Kind {name} has an empty type", fields, "bad-header"
        )
    chinese = "需" * 10
    yield accepted(
        "unknown-type-30-bytes",
        "5.2.2",
        "10 Chinese characters are 30 bytes",
        elements(kind=4, type=chinese + "!!"),
    )
    yield refused(
        "unknown-type-33-bytes",
        "5.2.2",
        "Hard case 10: 11 Chinese characters are 33 bytes",
        elements(kind=4, type=chinese + "求"),
        "bad-header",
    )
    for name, spelled in (("nfc", "\u00e9"), ("nfd", "e\u0301")):
        comment = "Hard case 8: texts keep their bytes, nothing is normalised"
        yield accepted(f"unknown-type-{name}", "5.2.1", comment, elements(kind=4, type=spelled))


def _refs() -> Iterator[Case]:
    def wrong(name: str, comment: str, fields: Keyed) -> Case:
        return refused(name, "5.2.2", comment, fields, "bad-refs")

    sixteen: list[Item] = [raw.bytes_from(f"ref {number}") for number in range(16)]
    yield accepted("refs-16", "5.2.2", "Sixteen refs", elements(refs=sixteen))
    yield accepted(
        "refs-with-gaps",
        "5.2.2",
        "Empty positions before the last ref",
        elements(refs=[b"", HASH, b"", HASH]),
    )
    yield wrong("refs-17", "Seventeen refs", elements(refs=[*sixteen, HASH]))
    yield wrong("refs-last-empty", "The last ref is empty", elements(refs=[HASH, b""]))
    yield wrong("refs-of-31", "A ref of 31 bytes", elements(refs=[HASH[:31]]))
    yield wrong("refs-str", "A ref that is a str", elements(refs=["x" * 32]))
    yield wrong("refs-nil", "refs is nil, not the empty array", elements(refs=None))
    yield wrong("refs-map", "refs is the empty map", elements(refs={}))
    yield wrong("open-refs", "An open record with a ref", open_elements(refs=[HASH]))
    yield wrong("close-refs", "A close record with a ref", close_elements(refs=[HASH]))
    yield accepted(
        "erase-16",
        "5.2.2",
        "An erase of sixteen records",
        erase_elements(refs=sixteen, ext={"mask": [15] * 16}),
    )
    yield wrong("erase-none", "An erase of nothing", erase_elements(refs=[], ext={"mask": []}))
    yield wrong("erase-twice", "An erase names a record twice", erase_elements(refs=[HASH, HASH]))
    yield wrong(
        "erase-empty-ref", "An erase with an empty position", erase_elements(refs=[b"", HASH])
    )


def _parts() -> Iterator[Case]:
    def right(name: str, comment: str, parts: Item) -> Case:
        return accepted(f"parts-{name}", "5.5", comment, elements(parts=parts))

    def wrong(name: str, comment: str, parts: Item) -> Case:
        return refused(f"parts-{name}", "5.5", comment, elements(parts=parts), "bad-parts")

    yield right("none", "No parts", [])
    yield right(
        "4",
        "Four parts: role 2 may repeat",
        [[0, 1, HASH], [1, 1, HASH], [2, 1, HASH], [2, 2, HASH]],
    )
    yield right(
        "unknown-roles",
        "Reserved and unknown roles, repeated",
        [[3, 1, HASH], [3, 1, HASH], [INT_MAX, 1, HASH]],
    )
    yield right("65536", "Hard case 10: a part of 65,536 bytes", [[0, 65_536, HASH]])
    yield right("131072", "Parts of 131,072 bytes together", [[0, 65_536, HASH], [1, 65_536, HASH]])
    yield wrong("65537", "Hard cases 10 and 12: a part of 65,537 bytes", [[0, 65_537, HASH]])
    yield wrong(
        "131073",
        "Parts of 131,073 bytes together",
        [[0, 65_536, HASH], [1, 65_536, HASH], [2, 1, HASH]],
    )
    yield wrong("length-0", "A part of no bytes", [[0, 0, HASH]])
    yield wrong("length-negative", "A negative length", [[0, -1, HASH]])
    yield wrong("length-true", "A length that is true", [[0, True, HASH]])
    yield wrong("5", "Five parts", [[2, 1, HASH]] * 5)
    yield wrong("facts-twice", "Role 0 twice", [[0, 1, HASH], [0, 1, HASH]])
    yield wrong("text-twice", "Role 1 twice", [[1, 1, HASH], [1, 1, HASH]])
    yield wrong("descending", "Roles that descend", [[1, 1, HASH], [0, 1, HASH]])
    yield wrong("role-negative", "A negative role", [[-1, 1, HASH]])
    yield wrong("role-false", "A role that is false", [[False, 1, HASH]])
    yield wrong("commit-31", "A commit of 31 bytes", [[0, 1, HASH[:31]]])
    yield wrong("commit-str", "A commit that is a str", [[0, 1, "x" * 32]])
    yield wrong("of-2", "A part of two elements", [[0, 1]])
    yield wrong("of-4", "A part of four elements", [[0, 1, HASH, None]])
    yield wrong("nil-inside", "A part that is nil", [None])
    yield wrong("nil", "parts is nil, not the empty array", None)
    for name, fields in (
        ("open", open_elements),
        ("erase", erase_elements),
        ("close", close_elements),
    ):
        yield refused(
            f"{name}-parts",
            "5.2.2",
            f"Kind {name} has no parts",
            fields(parts=[[0, 1, HASH]]),
            "bad-parts",
        )


def _ids() -> Iterator[Case]:
    def of(name: str, comment: str, data: bytes) -> Case:
        expect: dict[str, Json] = {"ok": record_id(data).hex()}
        return Case(
            f"5/id-{name}", "5.2.3", "MUST", comment, "record.id", {"header": data.hex()}, expect
        )

    yield of("data", "Hard case 16: the id is the hash in the context record", header(elements()))
    yield of("open", "The id of an open record is the id of its log", header(open_elements()))
    yield of("erase", "The id of an erase record", header(erase_elements()))
    yield of("close", "The id of a close record", header(close_elements()))
    yield of(
        "unknown-kind", "The id of a record of unknown kind", header(elements(kind=9, type=""))
    )
    yield Case(
        "5/id-not-canonical",
        "5.2.3",
        "MUST",
        "Threat 2: another encoding of the same elements has no id",
        "record.id",
        {"header": header(elements(seq=Encoded(raw.integer(7, "u16")))).hex()},
        {"fault": "not-canonical"},
    )
