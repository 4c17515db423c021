"""Implementations of section 2 that each leave out one rule, and the vectors that must notice.

Most are the core with its input mended, so that exactly one breach is not seen; some are what one
writes first with a general msgpack library. `MUTANTS` names each with the ids that catch it.
"""

from __future__ import annotations

import contextlib
import hashlib
import unicodedata
from collections.abc import Callable
from typing import Any

import msgpack

from conformance.lenient_msgpack import Mend, Node, mended, pairs, shortest, with_pairs
from hutong_conformance import raw
from hutong_conformance.cases import Json
from hutong_conformance.families.s02_text_ids import spell
from hutong_conformance.independent.mp_decoder import tagged
from hutong_protocol import harness

Request = dict[str, Json]
Mutant = Callable[[Request], dict[str, Json]]


def mending(mend: Mend, *, trailing: bool = False) -> Mutant:
    """The core, decoding input in which `mend` was applied to every value."""

    def answer(request: Request) -> dict[str, Json]:
        if request["op"] == "encoding.decode":
            data = mended(bytes.fromhex(str(request["hex"])), mend, trailing=trailing)
            request = {**request, "hex": data.hex()}
        return harness.answer(request)

    return answer


def only(*kinds: str, mend: Mend = shortest) -> Mend:
    """`mend` for values of these kinds only."""
    return lambda node: mend(node) if node.kind in kinds else node


def becomes(spelled: bytes) -> Mend:
    """A mend that puts other bytes in place of the value."""

    def replace(node: Node) -> Node:
        return Node("nil", spelled)

    return replace


def in_range(node: Node) -> Node:
    assert isinstance(node.content, int)
    bound = 2**53 - 1
    node.spelled = raw.integer(max(-bound, min(bound, node.content)))
    return node


def without_nul(node: Node) -> Node:
    assert isinstance(node.content, bytes)
    node.spelled = raw.text(node.content.replace(b"\0", b"n"))
    return node


def utf8(errors: str) -> Mend:
    """Reads broken text in another way: `replace` as JavaScript does, `surrogatepass` as Java."""

    def mend(node: Node) -> Node:
        assert isinstance(node.content, bytes)
        with contextlib.suppress(UnicodeDecodeError):
            text = node.content.decode("utf-8", errors)
            node.spelled = raw.text(text.encode("utf-8", "replace"))
        return node

    return only("str", mend=mend)


def latin(node: Node) -> Node:
    """Takes a two-byte over-long form for the character that it stands for."""
    assert isinstance(node.content, bytes)
    node.spelled = raw.text(node.content.replace(b"\xc1\xbf", b"\x7f").replace(b"\xc0\x80", b"n"))
    return node


def last_key_wins(node: Node) -> Node:
    entries: dict[bytes, tuple[Node, Node]] = {}
    for key, value in pairs(node):
        entries[key.spelled] = (key, value)
    return with_pairs(node, list(entries.values())) if len(entries) < len(pairs(node)) else node


def sorts(order: Callable[[bytes], Any]) -> Mend:
    """Sorts the keys of a map if they stand in `order`, which may be any order at all."""

    def mend(node: Node) -> Node:
        keys = [key.content for key, _ in pairs(node)]
        found = [key for key in keys if isinstance(key, bytes)]
        if len(found) < len(keys) or found != sorted(found, key=order):
            return node
        return with_pairs(node, sorted(pairs(node), key=lambda pair: pair[0].content))

    return only("map", mend=mend)


def any_order(node: Node) -> Node:
    if not all(key.kind == "str" for key, _ in pairs(node)):
        return node
    return with_pairs(node, sorted(pairs(node), key=lambda pair: pair[0].content))


def keys_as_text(kind: str) -> Mend:
    """Takes a key of another kind for a text."""

    def mend(node: Node) -> Node:
        for key, _ in pairs(node):
            if key.kind == kind:
                content = key.content if isinstance(key.content, bytes) else b"key"
                key.kind, key.content, key.spelled = "str", content, raw.text(content)
        return node

    return only("map", mend=mend)


def timestamp(node: Node) -> Node:
    is_timestamp = isinstance(node.content, bytes) and node.content[:1] == b"\xff"
    return Node("nil", raw.NIL) if is_timestamp else node


def reencodes_only(request: Request) -> dict[str, Json]:
    """A library, and a comparison with its own re-encoding: no walk over types and order."""
    if request["op"] != "encoding.decode":
        return harness.answer(request)
    data = bytes.fromhex(str(request["hex"]))
    if len(data) > int(str(request.get("max", len(data)))):
        return {"fault": "too-large"}
    try:
        value = msgpack.unpackb(data, raw=False, max_ext_len=0)
        if msgpack.packb(value) != data:
            return {"fault": "not-canonical"}
        return {"ok": tagged(value) if msgpack_types(value) else None}
    except (ValueError, OverflowError, RecursionError):
        return {"fault": "too-deep" if data.startswith(b"\x91" * 16) else "not-canonical"}


def msgpack_types(value: object) -> bool:
    """Whether a decoded value can be tagged at all: no float or ext, no key that is no text."""
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and msgpack_types(list(value.values()))
    if isinstance(value, list):
        return all(map(msgpack_types, value))
    return value is None or isinstance(value, bool | int | str | bytes)


def walks_only(request: Request) -> dict[str, Json]:
    """A library, and a walk over the types: no comparison with the one encoding."""
    if request["op"] != "encoding.decode":
        return harness.answer(request)
    try:
        value = msgpack.unpackb(bytes.fromhex(str(request["hex"])), raw=False, max_ext_len=0)
        # The stubs say that packb may give None.
        written = bytes(msgpack.packb(any_sorted(value)) or b"")
        return harness.answer({"op": "encoding.decode", "hex": written.hex()})
    except (ValueError, TypeError, OverflowError, RecursionError):
        return harness.answer(request)


def any_sorted(value: object) -> object:
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: any_sorted(item) for key, item in sorted(value.items())}
    return [any_sorted(item) for item in value] if isinstance(value, list) else value


def changed(op: str, change: Callable[[Request], Request]) -> Mutant:
    """The core, given a changed request of one operation."""
    return lambda request: harness.answer(change(request) if request["op"] == op else request)


def with_reply(op: str, change: Callable[[Json], Json]) -> Mutant:
    """The core, its result of one operation changed."""

    def answer(request: Request) -> dict[str, Json]:
        reply = harness.answer(request)
        return {"ok": change(reply["ok"])} if request["op"] == op and "ok" in reply else reply

    return answer


def deep_walk(value: Json, change: Callable[[str], str]) -> Json:
    """A tagged value with every str changed."""
    if isinstance(value, list):
        return [deep_walk(item, change) for item in value]
    if isinstance(value, dict) and "str" in value:
        return {"str": change(str(value["str"]))}
    if isinstance(value, dict) and "map" in value:
        return {"map": deep_walk(value["map"], change)}
    return value


def entries_of(value: Json) -> list[tuple[str, Json]] | None:
    """Keys and tagged values of a tagged map, or None for something else."""
    entries = value.get("map") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        return None
    found = []
    for entry in entries:
        assert isinstance(entry, list)
        key, item = entry
        assert isinstance(key, dict)
        found.append((str(key["str"]), item))
    return found


def through_object(value: Json) -> Json:
    """Entries of maps in the order of a JavaScript object: keys that are numbers first."""
    entries = entries_of(value)
    if isinstance(value, list):
        return [through_object(item) for item in value]
    if entries is None:
        return value
    numbers = sorted((entry for entry in entries if entry[0].isdecimal()), key=lambda e: int(e[0]))
    names = [entry for entry in entries if not entry[0].isdecimal() and entry[0] != "__proto__"]
    return {"map": [[{"str": key}, through_object(item)] for key, item in numbers + names]}


def encodes_by(order: Callable[[str], Any]) -> Mutant:
    """The core, but the entries of an outermost map are written in another order of keys."""

    def encoded(value: Json) -> bytes:
        return bytes.fromhex(str(harness.answer({"op": "encoding.encode", "value": value})["ok"]))

    def answer(request: Request) -> dict[str, Json]:
        entries = entries_of(request.get("value"))
        if request["op"] != "encoding.encode" or entries is None:
            return harness.answer(request)
        entries.sort(key=lambda entry: order(entry[0]))
        return {"ok": raw.mapping((raw.text(key), encoded(item)) for key, item in entries).hex()}

    return answer


def no_checksum(request: Request) -> Request:
    """Replaces the checksum of a text by the right one."""
    prefix, _, body = str(request["text"]).partition("-")
    if len(body) != 56 or not set(body) <= set("abcdefghijklmnopqrstuvwxyz234567"):
        return request
    number = 0
    for character in body:
        number = number * 32 + "abcdefghijklmnopqrstuvwxyz234567".index(character)
    return {**request, "text": spell(prefix, (number >> 24).to_bytes(32, "big"))}


def prefix_not_covered(request: Request) -> Request:
    """Accepts the checksum of any prefix."""
    prefix, _, body = str(request["text"]).partition("-")
    for other in ("org", "writer", "rec", "log", "event", "key"):
        reply = harness.answer({"op": "id.parse", "text": f"{other}-{body}"})
        if "ok" in reply:
            found = reply["ok"]
            assert isinstance(found, dict)
            return {**request, "text": spell(prefix, bytes.fromhex(str(found["hex"])))}
    return request


def hashes(*pieces: Callable[[str], bytes]) -> Mutant:
    """SHA-256 of other bytes before the data."""

    def answer(request: Request) -> dict[str, Json]:
        if request["op"] != "hash":
            return harness.answer(request)
        start = b"".join(piece(str(request["context"])) for piece in pieces)
        return {"ok": hashlib.sha256(start + bytes.fromhex(str(request["hex"]))).hexdigest()}

    return answer


def text_change(change: Callable[[str], str]) -> Mutant:
    """The core, given a changed text of an identifier."""
    return changed("id.parse", lambda request: {**request, "text": change(str(request["text"]))})


def drops(op: str, name: str) -> Mutant:
    """The core, not told one field of an operation."""
    return changed(op, lambda request: {key: item for key, item in request.items() if key != name})


def utf16(key: bytes) -> bytes:
    return key.decode("utf-8", "replace").encode("utf-16-be")


def depth_of(value: Json) -> int:
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    entries = entries_of(value)
    return 0 if entries is None else 1 + max((depth_of(item) for _, item in entries), default=0)


def depth_15(request: Request) -> dict[str, Json]:
    reply = harness.answer(request)
    return {"fault": "too-deep"} if depth_of(reply.get("ok")) > 15 else reply


def never_too_deep(request: Request) -> dict[str, Json]:
    reply = harness.answer(request)
    return {"ok": None} if reply == {"fault": "too-deep"} else reply


MUTANTS: dict[str, tuple[Mutant, tuple[str, ...]]] = {
    "accepts over-long integers": (
        mending(only("int")),
        ("2/int-0-as-u8", "2/int-127-as-i8", "2/int-minus-33-as-i16", "2/int-over-long-inside"),
    ),
    "accepts over-long lengths of strs": (
        mending(only("str")),
        ("2/str-31-length-in-8", "2/str-65535-length-in-32", "2/map-key-over-long"),
    ),
    "accepts over-long lengths of bins": (mending(only("bin")), ("2/bin-255-length-in-16",)),
    "accepts over-long lengths of arrays": (mending(only("array")), ("2/array-15-length-in-16",)),
    "accepts over-long lengths of maps": (mending(only("map")), ("2/map-15-length-in-16",)),
    "accepts integers of 64 bits": (
        mending(only("int", mend=in_range)),
        ("2/int-9007199254740992", "2/int-minus-9007199254740992", "2/int-18446744073709551615"),
    ),
    "accepts floats": (
        mending(only("float", mend=becomes(b"\0"))),
        ("2/float-nan", "2/float-minus-zero", "2/float-short-one", "2/float-as-map-value"),
    ),
    "accepts extension types": (
        mending(only("ext", mend=becomes(raw.NIL))),
        ("2/ext-fix-1", "2/ext-empty", "2/ext-32-length", "2/timestamp-96"),
    ),
    "accepts timestamps only": (
        mending(only("ext", mend=timestamp)),
        ("2/timestamp-32", "2/timestamp-64", "2/timestamp-96", "2/timestamp-in-array"),
    ),
    "accepts NUL in strs": (
        mending(only("str", mend=without_nul)),
        ("2/text-nul-alone", "2/text-nul-last", "2/text-nul-in-key"),
    ),
    "replaces broken UTF-8": (
        mending(utf8("replace")),
        ("2/text-latin-1", "2/text-cut-3", "2/text-surrogate-high-in-key", "2/text-byte-ff"),
    ),
    "accepts surrogates": (
        mending(utf8("surrogatepass")),
        ("2/text-surrogate-high", "2/text-surrogate-low", "2/text-surrogate-pair"),
    ),
    "accepts over-long UTF-8": (
        mending(only("str", mend=latin)),
        ("2/text-overlong-2", "2/text-overlong-2-nul"),
    ),
    "keeps the last of equal keys": (
        mending(only("map", mend=last_key_wins)),
        ("2/map-duplicate-key", "2/map-duplicate-empty-key", "2/map-duplicate-key-inside"),
    ),
    "accepts unsorted keys": (
        mending(only("map", mend=any_order)),
        ("2/map-unsorted", "2/map-unsorted-prefix", "2/map-unsorted-last"),
    ),
    "sorts keys by UTF-16": (mending(sorts(utf16)), ("2/map-sorted-by-utf16",)),
    "sorts keys by length": (
        mending(sorts(lambda key: (len(key), key))),
        ("2/map-sorted-by-length",),
    ),
    "sorts keys without case": (mending(sorts(bytes.lower)), ("2/map-sorted-without-case",)),
    "accepts bins as keys": (mending(keys_as_text("bin")), ("2/map-key-bin",)),
    "accepts integers as keys": (mending(keys_as_text("int")), ("2/map-key-int",)),
    "accepts nil as a key": (mending(keys_as_text("nil")), ("2/map-key-nil",)),
    "ignores what follows the value": (
        mending(lambda node: node, trailing=True),
        ("2/trailing-nil", "2/trailing-newline", "2/trailing-value"),
    ),
    "has no limit of depth": (never_too_deep, ("2/depth-17", "2/depth-17-maps", "2/depth-bomb")),
    "allows a depth of 15": (depth_15, ("2/depth-16", "2/depth-16-mixed", "2/depth-16-full")),
    "has no limit of size": (drops("encoding.decode", "max"), ("2/size-1025", "2/size-4097")),
    "allows less than the limit": (
        changed(
            "encoding.decode", lambda r: {**r, "max": int(str(r["max"])) - 1} if "max" in r else r
        ),
        ("2/size-1024", "2/size-4096"),
    ),
    "compares with its re-encoding only": (
        reencodes_only,
        ("2/float-one", "2/map-unsorted", "2/map-key-bin", "2/text-nul-alone"),
    ),
    "walks over the types only": (
        walks_only,
        ("2/int-0-as-u8", "2/map-duplicate-key", "2/map-unsorted", "2/str-31-length-in-8"),
    ),
    "normalises text": (
        with_reply(
            "encoding.decode", lambda v: deep_walk(v, lambda s: unicodedata.normalize("NFC", s))
        ),
        ("2/text-nfd", "2/text-hangul-nfd", "2/map-keys-not-normalised"),
    ),
    "drops a byte order mark": (
        with_reply("encoding.decode", lambda v: deep_walk(v, lambda s: s.removeprefix("\ufeff"))),
        ("2/text-byte-order-mark",),
    ),
    "keeps maps in objects of JavaScript": (
        with_reply("encoding.decode", through_object),
        ("2/map-digits-as-keys", "2/map-names-of-objects"),
    ),
    "encodes keys by UTF-16": (
        encodes_by(lambda key: key.encode("utf-16-be")),
        ("2/encode-sorts-utf16-order",),
    ),
    "encodes keys by length": (
        encodes_by(lambda key: (len(key), key)),
        ("2/encode-sorts-length-order", "2/encode-map-not-by-length"),
    ),
    "encodes keys as they come": (
        encodes_by(lambda _: 0),
        ("2/encode-sorts-reversed", "2/encode-sorts-number-order"),
    ),
    "hashes without a tag": (hashes(), ("2/hash-record", "2/hash-part-empty")),
    "hashes without the NUL of the tag": (
        hashes(lambda context: b"hutong/1/" + context.encode()),
        ("2/hash-record", "2/hash-data-starts-with-tag"),
    ),
    "hashes everything as a record": (
        hashes(lambda _: b"hutong/1/record\0"),
        ("2/hash-part", "2/hash-fold"),
    ),
    "doesn't check checksums": (
        changed("id.parse", no_checksum),
        ("2/id-last-character", "2/id-swapped", "2/id-first-character", "2/id-other-prefix"),
    ),
    "doesn't cover the prefix by the checksum": (
        changed("id.parse", prefix_not_covered),
        ("2/id-other-prefix",),
    ),
    "turns identifiers into small letters": (
        text_change(str.lower),
        ("2/id-capitals", "2/id-one-capital", "2/id-prefix-capital", "2/id-kelvin"),
    ),
    "strips identifiers": (
        text_change(str.strip),
        ("2/id-blank-before", "2/id-blank-after", "2/id-newline-after"),
    ),
    "strips padding": (text_change(lambda text: text.rstrip("=")), ("2/id-padding",)),
    "ignores the kind that is asked for": (
        drops("id.parse", "prefix"),
        ("2/id-rec-where-log-asked", "2/id-key-where-writer-asked"),
    ),
}
"""What is wrong with an implementation -> how it answers, and vectors that must catch it."""
