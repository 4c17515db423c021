"""Vectors of `ext`: keys known and unknown, crit, exp, identity, mask, open records. Spec: 5.3.

Hard cases 13 and 14: what no version knows stays byte for byte, and `crit` changes nothing about
what is replicated.
"""

from __future__ import annotations

from collections.abc import Iterator

from hutong_conformance import raw
from hutong_conformance.cases import Case
from hutong_conformance.families.s05_records import accepted, refused
from hutong_conformance.raw_records import (
    Item,
    Keyed,
    close_elements,
    elements,
    erase_elements,
    open_elements,
    open_ext,
    without,
)

INT_MAX = 2**53 - 1
HASH = raw.bytes_from("a hash")
HASHES: list[Item] = [*sorted(raw.bytes_from(f"hash {number}") for number in range(5))]
TWO_PARTS: Item = [[0, 1, HASH], [1, 1, HASH]]


def cases() -> Iterator[Case]:
    """Keys in general, then the defined keys in the order of 5.3."""
    yield from _keys()
    yield from _crit()
    yield from _exp()
    yield from _identity()
    yield from _open()
    yield from _mask()


def _right(name: str, comment: str, ext: Item, section: str = "5.3.1") -> Case:
    return accepted(f"ext-{name}", section, comment, elements(parts=TWO_PARTS, ext=ext))


def _wrong(
    name: str, comment: str, ext: Item, section: str = "5.3.1", fault: str = "bad-ext"
) -> Case:
    return refused(f"ext-{name}", section, comment, elements(parts=TWO_PARTS, ext=ext), fault)


def _keys() -> Iterator[Case]:
    yield _right("16-keys", "Sixteen keys", {f"key-{number}": number for number in range(16)})
    yield _wrong("17-keys", "Seventeen keys", {f"key-{number}": number for number in range(17)})
    yield _right("key-of-64", "A key of 64 bytes", {"k" * 64: None})
    yield _wrong("key-of-65", "A key of 65 bytes", {"k" * 65: None})
    yield _wrong("key-of-66-in-22", "22 Chinese characters are 66 bytes", {"键" * 22: None})
    yield _wrong("key-empty", "The empty key", {"": None})
    yield _wrong("array", "The empty array", [])
    yield _wrong("nil", "nil", None)
    unknown: Item = {"later": [None, True, -1, b"\0", {"a": "é"}]}
    yield _right("unknown-key", "Hard case 13: an unknown key is kept as it is", unknown)
    yield _right(
        "open-keys-elsewhere",
        "The keys of open records mean nothing in others",
        {"org": 1, "space": None},
    )
    deep: Item = None
    for _ in range(7):
        deep = [deep]
    yield _right("depth-8", "ext of depth 8, itself counted", {"later": deep})
    yield _wrong("depth-9", "ext of depth 9, itself counted", {"later": [deep]}, fault="too-deep")
    open_deep = open_elements(ext=open_ext(later=[deep]))
    yield refused(
        "open-depth-9", "5.3.1", "ext of an open record of depth 9", open_deep, "too-deep"
    )
    yield _wrong("depth-9-maps", "ext of depth 9, of maps", _maps(9), fault="too-deep")


def _maps(depth: int) -> Item:
    ext: Item = {}
    for _ in range(depth - 1):
        ext = {"a": ext}
    return ext


def _crit() -> Iterator[Case]:
    def wrong(name: str, comment: str, crit: Item) -> Case:
        return _wrong(f"crit-{name}", comment, {"crit": crit, "one": 1, "two": 2}, "5.3.2")

    both: Item = {"crit": ["one", "two"], "one": 1, "two": 2}
    yield _right(
        "crit", "Hard case 14: a record with unknown critical keys is replicated", both, "5.3.2"
    )
    yield _right("crit-itself", "crit is a key of this ext too", {"crit": ["crit"]}, "5.3.2")
    sixteen: Keyed = {f"k{number:02}": None for number in range(15)}
    names: list[Item] = ["crit", *sixteen]
    yield _right("crit-16", "Sixteen critical keys", sixteen | {"crit": names}, "5.3.2")
    yield wrong("empty", "An empty crit", [])
    yield wrong("absent-key", "A critical key that isn't there", ["three"])
    yield wrong("twice", "A critical key twice", ["one", "one"])
    yield wrong("unsorted", "Critical keys unsorted", ["two", "one"])
    yield wrong("bin", "A critical key as a bin", [b"one"])
    yield wrong("str", "crit is a str", "one")
    unknown = elements(kind=4, type="", ext={"crit": ["three"]})
    yield refused(
        "unknown-kind-crit", "5.3.5", "crit is judged in unknown kinds too", unknown, "bad-ext"
    )


def _exp() -> Iterator[Case]:
    def wrong(name: str, comment: str, exp: Item) -> Case:
        return _wrong(f"exp-{name}", comment, {"exp": exp}, "5.3.2")

    yield _right("exp", "A text that expires", {"exp": {"1": 1_800_000_000_000}}, "5.3.2")
    yield _right("exp-0", "An expiry in 1970 is no fault", {"exp": {"1": 0}}, "5.3.2")
    yield _right("exp-max", "An expiry at 2^53-1", {"exp": {"1": INT_MAX}}, "5.3.2")
    yield wrong("facts", "Facts never expire", {"0": 1})
    yield wrong("beyond", "A position without a part", {"2": 1})
    yield wrong("empty", "An empty exp", {})
    yield wrong("padded", "A position with a zero before it", {"01": 1})
    yield wrong("negative", "A negative time", {"1": -1})
    yield wrong("true", "A time that is true", {"1": True})
    yield wrong("array", "exp is an array", [1])
    unknown = elements(kind=4, type="", ext={"exp": {"0": 1}})
    yield refused(
        "unknown-kind-exp", "5.3.5", "exp is judged in unknown kinds too", unknown, "bad-ext"
    )
    closing = close_elements(ext={"exp": {"0": 1}})
    yield refused("close-exp", "5.3.2", "A record without parts has no exp", closing, "bad-ext")


def _identity() -> Iterator[Case]:
    def wrong(name: str, comment: str, heads: Item) -> Case:
        return _wrong(f"identity-{name}", comment, {"identity": heads}, "5.3.2")

    yield _right("identity-1", "One head", {"identity": HASHES[:1]}, "5.3.2")
    yield _right("identity-4", "Four heads", {"identity": HASHES[:4]}, "5.3.2")
    yield wrong("5", "Five heads", HASHES)
    yield wrong("0", "No head", [])
    yield wrong("unsorted", "Heads unsorted", [HASHES[1], HASHES[0]])
    yield wrong("twice", "A head twice", [HASHES[0], HASHES[0]])
    yield wrong("of-31", "A head of 31 bytes", [HASH[:31]])
    yield wrong("bin", "One head without an array", HASH)
    erasing = erase_elements(ext={"identity": [], "mask": [1, 1]})
    yield refused("erase-identity-0", "5.3.2", "No head, in an erase record", erasing, "bad-ext")


def _open() -> Iterator[Case]:
    def right(name: str, comment: str, **changes: Item) -> Case:
        return accepted(f"open-{name}", "5.3.3", comment, open_elements(ext=open_ext(**changes)))

    def wrong(name: str, comment: str, **changes: Item) -> Case:
        fields = open_elements(ext=open_ext(**changes))
        return refused(f"open-{name}", "5.3.3", comment, fields, "bad-open")

    yield right("after", "A log that continues another", after=[HASH, 0, HASH])
    yield right("after-max", "It continues at 2^53-1", after=[HASH, INT_MAX, HASH])
    yield right("space-salt", "A log in a space that its rights hide", space_salt=bytes(16))
    yield right("names-of-64", "Space and topic of 64 bytes", space="a" * 64, topic="9-" * 32)
    yield right("names-of-1", "Space and topic of 1 byte", space="-", topic="0")
    yield right("unknown-key", "Hard case 13: an unknown key", later=None)
    for key in ("org", "writer", "delegation", "space", "topic", "nonce", "identity"):
        fields = open_elements(ext=without(open_ext(), key))
        yield refused(f"open-without-{key}", "5.3.3", f"{key} is missing", fields, "bad-open")
    for key in ("org", "writer", "delegation"):
        yield wrong(f"{key}-of-31", f"{key} of 31 bytes", **{key: HASH[:31]})
        yield wrong(f"{key}-str", f"{key} is a str", **{key: "x" * 32})
    for key in ("space", "topic"):
        yield wrong(f"{key}-of-65", f"{key} of 65 bytes", **{key: "a" * 65})
        yield wrong(f"{key}-empty", f"An empty {key}", **{key: ""})
        yield wrong(f"{key}-capital", f"A capital in {key}", **{key: "Hea"})
        yield wrong(f"{key}-chinese", f"A Chinese {key}", **{key: "西安"})
        yield wrong(f"{key}-newline", f"A line break after {key}", **{key: "hea\n"})
        yield wrong(f"{key}-bin", f"{key} is a bin", **{key: b"hea"})
    for count in (15, 17):
        yield wrong(f"nonce-of-{count}", f"A nonce of {count} bytes", nonce=bytes(count))
        yield wrong(f"space-salt-of-{count}", f"A salt of {count} bytes", space_salt=bytes(count))
    yield wrong("after-of-2", "after without the head", after=[HASH, 0])
    yield wrong("after-of-4", "after with a fourth element", after=[HASH, 0, HASH, None])
    yield wrong("after-seq-negative", "after at a negative seq", after=[HASH, -1, HASH])
    yield wrong("after-head-empty", "after with an empty head", after=[HASH, 0, b""])
    yield wrong("after-nil", "after is nil: it may be left out, but not be nil", after=None)
    yield wrong("identity-unsorted", "Heads unsorted", identity=[HASHES[1], HASHES[0]])
    yield wrong("crit-absent-key", "A critical key that isn't there", crit=["later"])
    yield wrong("exp", "An open record has no parts to expire", exp={"0": 1})
    many: Keyed = {f"later-{number}": None for number in range(10)}
    yield wrong("17-keys", "Seventeen keys", **many)
    empty = open_elements(ext={})
    yield refused(
        "open-ext-empty", "5.3.3", "An open record that states nothing", empty, "bad-open"
    )


def _mask() -> Iterator[Case]:
    def wrong(name: str, comment: str, ext: Item) -> Case:
        return refused(f"erase-mask-{name}", "5.3.4", comment, erase_elements(ext=ext), "bad-ext")

    yield accepted(
        "erase-mask-ends",
        "5.3.4",
        "The least and the greatest mask",
        erase_elements(ext={"mask": [1, 15]}),
    )
    yield wrong("missing", "No mask", {})
    yield wrong("short", "A mask less than refs", {"mask": [1]})
    yield wrong("long", "A mask more than refs", {"mask": [1, 1, 1]})
    yield wrong("0", "A mask that names no part", {"mask": [1, 0]})
    yield wrong("16", "A mask with a fifth bit", {"mask": [1, 16]})
    yield wrong("true", "A mask that is true", {"mask": [1, True]})
    yield wrong("int", "One mask without an array", {"mask": 1})
    yield _wrong("mask-in-data", "A mask in a data record", {"mask": [1]}, "5.3.4")
    closing = close_elements(ext={"mask": []})
    yield refused("close-mask", "5.3.4", "A mask in a close record", closing, "bad-ext")
    opening = open_elements(ext=open_ext(mask=[]))
    yield refused("open-mask", "5.3.4", "A mask in an open record", opening, "bad-open")
