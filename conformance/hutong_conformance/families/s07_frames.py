"""Vectors of frames: their bounds, their shapes, and what a receiver overlooks. Spec: 7.2.

A frame is written element by element; what is long is given as pieces that repeat, so that a frame
of 2 MiB is a short file. Threats 8 and 13, hard case 72.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.raw import Plain

FRAME_BYTES_MAX = 2_097_152
VALUES_MAX = 262_144
DEPTH_MAX = 16

ID = raw.bytes_from("frame id")
LATER_ID = b"\xff" * 32
SALT = raw.bytes_from("frame salt", 16)
EPOCH = raw.bytes_from("frame epoch", 16)
SIGNATURE = raw.bytes_from("frame signature", 64)
RUN: Plain = [ID, 0, b"", [[0, 0, 1, "", [], [], {}]], SIGNATURE]

HELLO: list[Plain] = [
    *(1, "hutong", [1, 7], ["live", "zstd"], 0, ID, ID, ID),
    {"credit": 8, "frame": FRAME_BYTES_MAX, "other": None},
]
FRAMES: dict[str, list[Plain]] = {
    "hello": HELLO,
    "auth": [2, SIGNATURE],
    "events": [3, ID, [[b"body", [[ID, SIGNATURE]], None]], False],
    "events-wanted": [4, ID, [ID]],
    "scopes": [5, [["a-1", "base", SALT], ["a-1", "fsc", None]]],
    "root": [6, ID, True],
    "roots": [7, [ID, ID]],
    "heads-wanted": [8, 0, None, 0, None],
    "heads": [9, 0, EPOCH, 3, True, [[ID, [[0, ID]]], [LATER_ID, []]], [[ID, ID]], False],
    "runs-wanted": [10, 0, [[ID, 0], [ID, 0, 1]]],
    "runs": [11, 0, [RUN, [0, 1, ID, [], SIGNATURE]]],
    "runs-end": [12, 1_023],
    "credit": [13, 64],
    "parts-wanted": [14, 0, [[ID, 1], [LATER_ID, 15]]],
    "parts": [15, 0, [[ID, 3, SALT, b"part"]], False],
    "done": [16, ID, 1, False],
    "refused": [17, 0, ID, 7, "gap"],
    "have": [18, 0, [[ID, 7, ID]]],
    "bye": [19, "", ""],
    "shared": [22, [[0, SALT], [2, None]]],
}


def cases() -> Iterator[Case]:
    """Bounds first, then forms of msgpack, shapes of each frame, and lists."""
    yield from _sizes()
    yield from _values()
    yield from _depths()
    yield from _forms()
    yield from _shapes()
    yield from _lists()


def _case(
    name: str,
    section: str,
    comment: str,
    pieces: Sequence[tuple[bytes, int]] | bytes,
    expect: int | str | None,
) -> Case:
    """`expect` is the type of the frame, None for one that is ignored, or a fault."""
    if isinstance(pieces, bytes):
        pieces = [(pieces, 1)]
    given: list[Json] = [[piece.hex(), count] for piece, count in pieces]
    reply: dict[str, Json] = {"ok": None if expect is None else {"type": expect}}
    if isinstance(expect, str):
        reply = {"fault": expect}
    return Case(f"7/frame-{name}", section, "MUST", comment, "frame.read", {"pieces": given}, reply)


def _array(count: int) -> bytes:
    """The head of an array of so many values, in its longest form."""
    return raw.array([], 32, count=count)


def _map(count: int) -> bytes:
    return raw.mapping([], 32, count=count)


def _sizes() -> Iterator[Case]:
    around = raw.array([raw.integer(13), raw.integer(1), raw.binary(b"", 32, count=0)])
    for length, expect in ((FRAME_BYTES_MAX, 13), (FRAME_BYTES_MAX + 1, "limit-exceeded")):
        filling = length - len(around)
        head = raw.array([b"\x0d", b"\x01", raw.binary(b"", 32, count=filling)])
        comment = f"A frame of {length:,} bytes, most of them in an element that is ignored"
        yield _case(f"bytes-{length}", "7.2.1", comment, [(head, 1), (b"\0", filling)], expect)


def _values() -> Iterator[Case]:
    over = "limit-exceeded"
    events = b"\x94\x03" + raw.encode(ID)
    for count, expect in ((VALUES_MAX - 4, 3), (VALUES_MAX - 3, over)):
        name = "at-limit" if expect == 3 else "above-limit"
        total = count + 4
        comment = f"Threat 8: {total:,} values, most of them integers of one byte"
        pieces = [(events + _array(count), 1), (b"\xe0", count), (b"\xc2", 1)]
        yield _case(f"values-{name}", "7.2.5", comment, pieces, expect)
    half = VALUES_MAX // 2
    for name, empty in (("arrays", b"\x90"), ("maps", b"\x80")):
        comment = f"Threat 8: 2 MiB of empty {name}"
        count = FRAME_BYTES_MAX - 50
        pieces = [(events + _array(count), 1), (empty, count), (b"\xc2", 1)]
        yield _case(f"values-empty-{name}", "7.2.5", comment, pieces, over)
    comment = "Threat 8: arrays are counted together, however short each is"
    for name, count, expect in (
        ("short-arrays", half - 2, 3),
        ("more-short-arrays", half - 1, over),
    ):
        pieces = [(events + _array(count), 1), (b"\x91\xe0", count), (b"\xc2", 1)]
        yield _case(f"values-in-{name}", "7.2.5", comment, pieces, expect)
    comment = "Threat 8: keys of maps are values too: 3 for each of these"
    third = (VALUES_MAX - 4) // 3
    for name, count, expect in (("maps", third, 3), ("more-maps", third + 1, over)):
        pieces = [(events + _array(count), 1), (b"\x81\xa0\xe0", count), (b"\xc2", 1)]
        yield _case(f"values-in-{name}", "7.2.5", comment, pieces, expect)
    comment = "Values count in elements that are ignored, and in a frame of an unknown type"
    many = [(_array(VALUES_MAX - 2), 1), (b"\xe0", VALUES_MAX - 2)]
    yield _case("values-ignored", "7.2.5", comment, [(b"\x93\x0d\x01", 1), *many], over)
    yield _case("values-unknown", "7.2.5", comment, [(b"\x92\x63", 1), *many], None)
    pieces = [(b"\x93\x63\x00", 1), *many]
    yield _case("values-unknown-above-limit", "7.2.5", comment, pieces, over)
    # 256 records of a kind that is not known, each with a header of 1,024 bytes.
    inner = 928
    record = raw.array(
        [
            *(b"\x09", b"\x00", b"\x01", raw.text(""), b"\x90", b"\x90"),
            raw.mapping([(raw.text("k"), raw.array([b"\x00"] * inner, 16))]),
        ]
    )
    head = b"\x93\x0b\x00\x91\x95" + raw.encode(ID) + b"\x01" + raw.encode(ID)
    pieces = [(head + raw.array([], 16, count=256), 1), (record, 256), (raw.encode(SIGNATURE), 1)]
    comment = "A run of 256 records, each with a list of 928 integers: any run fits into a frame"
    yield _case("values-of-heavy-run", "7.2.5", comment, pieces, 11)


def _depths() -> Iterator[Case]:
    over = "limit-exceeded"
    for depth, expect in ((DEPTH_MAX, 3), (DEPTH_MAX + 1, over)):
        # The frame, the array of events, and the rest one in the other.
        for name, around, inner in (
            ("arrays", b"\x91", b"\x90"),
            ("maps", b"\x81\xa0", b"\x80"),
            ("arrays-long", raw.array([], 16, count=1), b"\x90"),
            ("full", b"\x91", b"\x91\xc0"),
        ):
            data = b"\x94\x03" + raw.encode(ID) + b"\x91" + around * (depth - 3) + inner + b"\xc2"
            comment = f"Threat 8: {name} nested {depth} deep"
            yield _case(f"depth-{depth}-{name}", "7.2.5", comment, data, expect)
    deep = raw.nested(DEPTH_MAX - 1)
    comment = "Depth counts in an element that is ignored"
    yield _case("depth-ignored", "7.2.5", comment, b"\x93\x0d\x01" + deep, over)
    comment = "Depth counts in a frame of an unknown type"
    yield _case("depth-unknown", "7.2.5", comment, b"\x92\x63" + deep, over)
    comment = "An element that is ignored may be as deep as the frame allows"
    yield _case("depth-ignored-within", "7.2.5", comment, b"\x93\x0d\x01" + raw.nested(14), 13)
    comment = "Threat 8: 2 MiB of nesting"
    yield _case(
        "depth-bomb", "7.2.5", comment, [(b"\x91", FRAME_BYTES_MAX - 1), (b"\x90", 1)], over
    )


def _forms() -> Iterator[Case]:
    bad = "bad-frame"
    loose: dict[str, tuple[str, bytes]] = {
        "over-long": ("Receivers judge by value", b"\x92" + raw.integer(13, "u32") + b"\xcc\x01"),
        "array-32": ("Receivers judge by value", _array(2) + b"\x0d\x01"),
        "signed": ("Receivers judge by value", b"\x92\xd0\x0d\xd3\0\0\0\0\0\0\0\1"),
        "extra-float": ("Hard case 72: an element beyond", b"\x93\x0d\x01" + raw.float64(0)),
        "extra-map": ("Hard case 72: an element beyond", b"\x93\x0d\x01\x81\xa1b\xc0"),
        "extra-bin-key": ("Hard case 72: an element beyond", b"\x93\x0d\x01\x81\xc4\x01b\xc0"),
    }
    for name, (comment, data) in loose.items():
        yield _case(f"form-{name}", "7.2.1", comment, data, 13)
    limits = [(b"\xa6credit", b"\x08"), (b"\xa5other", b"\xc0"), (b"\xa5frame", b"\xce\0\x20\0\0")]
    data = b"\x99" + b"".join(map(raw.encode, HELLO[:-1])) + raw.mapping(limits)
    yield _case("form-unsorted-keys", "7.2.1", "Receivers judge by value", data, 1)
    broken: dict[str, tuple[str, bytes]] = {
        "empty": ("No bytes at all", b""),
        "reserved": ("The byte that msgpack never uses", b"\x92\x0d\xc1"),
        "trailing": ("A byte after the frame", b"\x92\x0d\x01\xc0"),
        "two": ("Two frames in one message", b"\x92\x0d\x01\x92\x0d\x01"),
        "short": ("One element fewer than announced", b"\x93\x0d\x01"),
        "claims-array": (
            "Threat 8: elements that do not come",
            b"\x92\x0d" + _array(VALUES_MAX - 9),
        ),
        "claims-map": (
            "Threat 8: entries that do not come",
            b"\x92\x0d" + _map(VALUES_MAX // 2 - 9),
        ),
        "claims-bin": ("Threat 8: bytes that do not come", b"\x92\x0d\xc6\xff\xff\xff\xff"),
        "claims-str": ("Threat 8: bytes that do not come", b"\x92\x0d\xdb\xff\xff\xff\xff"),
        "half-length": ("The length itself breaks off", b"\x92\x0d\xdd\x00\x00"),
        "half-integer": ("An integer breaks off", b"\x92\x0d\xcf\x00\x00"),
        "utf8": ("A str that is not UTF-8", raw.array([b"\x13", b"\xa1\xff", b"\xa0"])),
        "utf8-ignored": ("A str that is not UTF-8, where it is ignored", b"\x93\x0d\x01\xa1\xff"),
        "surrogate": ("A str with half a surrogate pair", b"\x93\x13\xa3\xed\xa0\x80\xa0"),
        "ext": ("An ext value, where it is ignored", b"\x93\x0d\x01" + raw.extension(1, b"x")),
        "timestamp": ("A timestamp", b"\x92\x0d" + raw.extension(-1, bytes(4))),
        "int-key": ("A key that is an int", b"\x93\x0d\x01\x81\x00\xc0"),
        "nil-key": ("A key that is nil", b"\x93\x0d\x01\x81\xc0\xc0"),
        "array-key": ("A key that is an array", b"\x93\x0d\x01\x81\x90\xc0"),
        "nil": ("No array", raw.NIL),
        "map": ("No array", b"\x80"),
        "no-type": ("An array without a type", b"\x90"),
        "type-true": ("A bool is no type", b"\x92\xc3\x01"),
        "type-float": ("A float is no int", b"\x92" + raw.float64(0x402A << 48) + b"\x01"),
        "type-negative": ("A type is no less than 0", b"\x92\xff\x01"),
        "type-text": ("A type is no str", b"\x92\xa2\x31\x33\x01"),
        "credit-float": (
            "A float is no int, whatever its value",
            b"\x92\x0d" + raw.float32(0x3F800000),
        ),
    }
    for name, (comment, data) in broken.items():
        yield _case(f"form-{name}", "7.2.1", f"{comment} (threat 13)", data, bad)
    for number in (0, 20, 21, 23, 99, 2**53 - 1):
        comment = f"Hard case 72: frame {number} is not known, or only with a feature"
        data = raw.array([raw.integer(number), b"\xc0"])
        yield _case(f"unknown-{number}", "7.2.2", comment, data, None)


def _shapes() -> Iterator[Case]:
    bad = "bad-frame"
    for name, frame in FRAMES.items():
        number = frame[0]
        assert isinstance(number, int)
        upper = name.upper().replace("-", "_")
        yield _case(name, "7.2.2", f"{upper} as it should be", raw.encode(frame), number)
        comment = f"Hard case 72: {upper} with an element that a later version adds"
        yield _case(f"{name}-longer", "7.2.2", comment, raw.encode([*frame, {"later": 1}]), number)
        comment = f"{upper} without its last element"
        yield _case(f"{name}-shorter", "7.2.2", comment, raw.encode(frame[:-1]), bad)
        comment = f"{upper} with true for its first element"
        yield _case(f"{name}-true", "7.2.2", comment, raw.encode([number, True, *frame[2:]]), bad)
    longer: dict[str, list[Plain]] = {
        "scopes": [5, [["a-1", "base", None, 7]]],
        "heads": [9, 0, EPOCH, 3, True, [[ID, [[0, ID, 7]], 7]], [[ID, ID, 7]], False],
        "runs-wanted": [10, 0, [[ID, 0, 0, 7]]],
        "parts": [15, 0, [[ID, 0, SALT, b"part", 7]], False],
    }
    for name, frame in longer.items():
        number = frame[0]
        assert isinstance(number, int)
        comment = "Hard case 72: elements beyond those listed, in nested arrays"
        yield _case(f"{name}-longer-inside", "7.2.2", comment, raw.encode(frame), number)
    for name, comment, frame in _wrong():
        yield _case(name, "7.2.2", comment, raw.encode(frame), bad)


def _wrong() -> Iterator[tuple[str, str, list[Plain]]]:
    """Frames with one wrong element: a name, what is wrong, the frame."""

    def hello(at: int, value: Plain) -> list[Plain]:
        return [*HELLO[:at], value, *HELLO[at + 1 :]]

    largest = FRAME_BYTES_MAX
    yield "hello-other-protocol", "Another name", hello(1, "Hutong")
    yield "hello-no-version", "At least one version", hello(2, [])
    yield "hello-feature-of-33", "A feature has at most 32 bytes", hello(3, ["f" * 33])
    yield "hello-role-2", "A role is 0 or 1", hello(4, 2)
    yield "hello-nonce-of-31", "A nonce of 31 bytes", hello(5, bytes(31))
    yield "hello-limits-array", "Limits are a map", hello(8, [])
    yield "hello-no-credit", "Limits without credit", hello(8, {"frame": largest})
    yield "hello-credit-0", "Credit from 1 to 64", hello(8, {"credit": 0, "frame": largest})
    yield "hello-credit-65", "Credit from 1 to 64", hello(8, {"credit": 65, "frame": largest})
    for size in (1_114_111, largest + 1):
        limits: Plain = {"credit": 8, "frame": size}
        yield f"hello-frame-{size}", "Frames from 1,114,112 to 2,097,152 bytes", hello(8, limits)
    yield "auth-of-63", "A signature of 63 bytes", [2, bytes(63)]
    yield "events-no-array", "Events are an array", [3, ID, None, False]
    yield "scopes-upper-case", "A space in capitals", [5, [["A-1", "base", None]]]
    yield "scopes-topic-of-65", "A topic of 65 bytes", [5, [["a-1", "b" * 65, None]]]
    yield "scopes-salt-of-15", "A salt of 15 bytes", [5, [["a-1", "base", SALT[:15]]]]
    yield "scopes-no-salt", "A scope of two elements", [5, [["a-1", "base"]]]
    yield "roots-of-31", "A root of 31 bytes", [7, [ID[:31]]]
    yield "heads-wanted-epoch-of-15", "An epoch of 15 bytes", [8, 0, EPOCH[:15], 0, None]
    yield "heads-epoch-nil", "HEADS always names its epoch", [9, 0, None, 0, True, [], [], False]
    yield "runs-wanted-none", "At least one want", [10, 0, []]
    yield "runs-wanted-first-negative", "A seq of -1", [10, 0, [[ID, -1]]]
    yield "runs-none", "At least one run", [11, 0, []]
    yield "runs-nil", "A run that is no array", [11, 0, [None]]
    yield "runs-empty", "A run without a log", [11, 0, [[]]]
    yield "runs-log-of-31", "A log of 31 bytes", [11, 0, [[ID[:31], 0, b"", [], SIGNATURE]]]
    yield "runs-end-scope-1024", "A scope above 1,023", [12, 1_024]
    yield "credit-0", "Credit from 1 to 64", [13, 0]
    yield "credit-65", "Credit from 1 to 64", [13, 65]
    yield "parts-wanted-none", "At least one want", [14, 0, []]
    yield "parts-wanted-mask-0", "A mask of no part", [14, 0, [[ID, 0]]]
    yield "parts-wanted-mask-16", "A mask beyond four parts", [14, 0, [[ID, 16]]]
    yield "parts-position-4", "A position beyond four parts", [15, 0, [[ID, 4, SALT, b"x"]], False]
    yield "parts-empty", "A part of no bytes", [15, 0, [[ID, 0, SALT, b""]], False]
    yield "done-round-negative", "A round of -1", [16, ID, -1, False]
    yield "done-again-1", "1 is no bool", [16, ID, 1, 1]
    yield "refused-fault-of-33", "A fault of 33 bytes", [17, 0, ID, 7, "f" * 33]
    yield "have-none", "At least one log", [18, 0, []]
    yield "bye-fault-of-33", "A fault of 33 bytes", [19, "f" * 33, ""]
    yield "bye-text-of-201", "201 bytes in 67 characters", [19, "", "人" * 67]
    twice: Plain = ["a-1", "base", None]
    yield "scopes-twice", "Scopes ascend (7.2.4)", [5, [twice, twice]]
    other: Plain = ["a-1", "aid", None]
    yield "scopes-unsorted", "Scopes ascend (7.2.4)", [5, [twice, other]]
    yield "shared-unsorted", "Positions ascend (7.2.4)", [22, [[1, None], [0, None]]]
    page: list[Plain] = [9, 0, EPOCH, 3, True]
    logs: Plain = [[LATER_ID, []], [ID, []]]
    yield "heads-logs-unsorted", "Ids ascend (7.2.4)", [*page, logs, [], False]
    yield "heads-orgs-twice", "Ids ascend (7.2.4)", [*page, [], [[ID, ID], [ID, ID]], False]


def _lists() -> Iterator[Case]:
    item = raw.encode(ID)
    features = raw.encode("live")
    before = b"\x99" + b"".join(map(raw.encode, HELLO[:2]))
    rest = b"".join(map(raw.encode, HELLO[4:]))
    lists: list[tuple[str, int, int, bytes, bytes, bytes]] = [
        ("hello-versions", 1, 32, before, b"\x01", raw.encode(HELLO[3]) + rest),
        ("hello-features", 1, 32, before + raw.encode(HELLO[2]), features, rest),
        ("events-wanted", 4, 1_024, b"\x93\x04" + item, item, b""),
        ("roots", 7, 1_024, b"\x92\x07", item, b""),
        ("runs-wanted", 10, 4_096, b"\x93\x0a\x00", b"\x92" + item + b"\x00", b""),
        ("parts-wanted", 14, 256, b"\x93\x0e\x00", b"\x92" + item + b"\x01", b""),
        ("have", 18, 4_096, b"\x93\x12\x00", b"\x93" + item + b"\x00" + item, b""),
    ]
    for name, number, most, first, each, last in lists:
        for count, expect in ((most, number), (most + 1, "limit-exceeded")):
            pieces = [(first + _array(count), 1), (each, count)]
            pieces += [(last, 1)] if last else []
            comment = f"A list of {count:,}, at most {most:,}"
            yield _case(f"{name}-{count}", "7.2.2", comment, pieces, expect)
    heads = raw.encode([0, ID])
    for count, expect in ((4, 9), (5, "limit-exceeded")):
        log = b"\x92" + item + bytes([0x90 + count]) + heads * count
        data = b"\x98\x09\x00" + raw.encode(EPOCH) + b"\x03\xc3\x91" + log + b"\x90\xc2"
        yield _case(f"heads-of-{count}", "7.2.2", f"A log with {count} heads", data, expect)
