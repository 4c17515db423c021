"""Builds headers, runs and logs for vectors, right ones and ones with one wrong thing in them.

Owns the assembly of what sections 5 and 6 describe, over the bytes of `raw`: nothing here judges a
rule, so a record with seventeen refs is built, hashed and signed like any other, and its only fault
is that one. An element may be `Encoded`, bytes that stand as they are.

Everything is deterministic. It must not import the core.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from hutong_conformance import raw


@dataclass(frozen=True, slots=True)
class Encoded:
    """Bytes that stand in place of a value, whatever they are."""

    data: bytes


Item: TypeAlias = "None | bool | int | bytes | str | Encoded | Sequence[Item] | Mapping[str, Item]"
Keyed: TypeAlias = "dict[str, Item]"

ORG = raw.bytes_from("org of the logs")
WRITER = raw.key("writer of the logs")
DELEGATION = raw.bytes_from("delegation of the logs")
TS = 1_767_225_600_000
"""1 January 2026, midnight UTC."""


def mp(value: Item) -> bytes:
    """The canonical encoding of a value, with what is `Encoded` in it as it stands."""
    if isinstance(value, Encoded):
        return value.data
    if isinstance(value, Mapping):
        ordered = sorted(value.items(), key=lambda pair: pair[0].encode())
        return raw.mapping((raw.text(key), mp(item)) for key, item in ordered)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return raw.array(mp(item) for item in value)
    return raw.encode(value)


def open_ext(**changes: Item) -> Keyed:
    """The ext of an open record, with some keys added or with other values."""
    stated: Keyed = {
        "org": ORG,
        "writer": WRITER.public,
        "delegation": DELEGATION,
        "space": "xian-2021",
        "topic": "hea",
        "nonce": raw.bytes_from("nonce", 16),
        "identity": [raw.bytes_from("identity head")],
    }
    return stated | changes


def without(keyed: Keyed, key: str) -> Keyed:
    """A copy without one key."""
    return {name: item for name, item in keyed.items() if name != key}


def elements(**changes: Item) -> Keyed:
    """The eleven elements of a data record with one part, by name and in order."""
    fields: Keyed = {
        "v": 1,
        "kind": 1,
        "log": raw.bytes_from("some log"),
        "seq": 7,
        "prev": raw.bytes_from("record before"),
        "ts": TS,
        "clock": 9,
        "type": "need/1",
        "refs": [],
        "parts": [[0, 250, raw.bytes_from("some commit")]],
        "ext": {},
    }
    if not changes.keys() <= fields.keys():
        raise ValueError(f"no elements: {changes.keys() - fields.keys()}")
    return fields | changes


def open_elements(**changes: Item) -> Keyed:
    """The elements of an open record."""
    place: Keyed = {"kind": 0, "log": b"", "seq": 0, "prev": b"", "clock": 1, "type": ""}
    return elements(**(place | {"parts": [], "ext": open_ext()} | changes))


def erase_elements(**changes: Item) -> Keyed:
    """The elements of an erase record with two targets."""
    targets: Item = [raw.bytes_from("first target"), raw.bytes_from("second target")]
    content: Keyed = {"kind": 2, "type": "", "refs": targets, "parts": [], "ext": {"mask": [1, 3]}}
    return elements(**(content | changes))


def close_elements(**changes: Item) -> Keyed:
    """The elements of a close record."""
    content: Keyed = {"kind": 3, "type": "", "parts": []}
    return elements(**(content | changes))


def header(fields: Keyed) -> bytes:
    """The encoded header of elements by name."""
    return mp(list(fields.values()))


def record_id(header_bytes: bytes) -> bytes:
    """The id of the record with this header."""
    return raw.digest("record", header_bytes)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a record in a run; `data` is what it holds, present or not."""

    role: int
    data: bytes
    salt: bytes = field(default_factory=lambda: raw.bytes_from("salt of a part", 16))

    @property
    def commit(self) -> bytes:
        """The hash that the header has of it."""
        return raw.digest("part", self.salt + self.data)

    @property
    def in_header(self) -> Item:
        """Role, length and commit."""
        return [self.role, len(self.data), self.commit]

    @property
    def present(self) -> Item:
        """As it stands in a run, with its bytes."""
        return [self.role, self.salt, self.data]

    @property
    def absent(self) -> Item:
        """As it stands in a run, without its bytes."""
        return [self.role, self.commit, len(self.data)]


@dataclass(frozen=True, slots=True)
class Content:
    """A record of a log without its place there.

    `parts` are items of `Part`, or a pair of what stands in the header and what in the run.
    """

    kind: Item = 1
    ts: Item = TS
    clock: Item = 2
    type: Item = "need/1"
    refs: Item = ()
    parts: Sequence[Part | tuple[Item, Item]] = ()
    ext: Item = field(default_factory=dict)

    def in_run(self, *, absent: bool = False) -> Item:
        """The record as it stands in a run; `absent`: no part has its bytes."""
        parts: list[Item] = []
        for part in self.parts:
            if isinstance(part, tuple):
                parts.append(part[1])
            else:
                parts.append(part.absent if absent else part.present)
        return [self.kind, self.ts, self.clock, self.type, self.refs, parts, self.ext]

    def in_header(self) -> list[Item]:
        """The parts as they stand in the header."""
        return [part[0] if isinstance(part, tuple) else part.in_header for part in self.parts]


def opening(**changes: Item) -> Content:
    """An open record; `changes` are those of `open_ext`."""
    return Content(kind=0, clock=1, type="", ext=open_ext(**changes))


CLOSING = Content(kind=3, type="")


class Log:
    """A log that is built record by record, without any rule."""

    def __init__(self, *contents: Content, first: Content | None = None) -> None:
        self.contents: list[Content] = []
        self.headers: list[bytes] = []
        self.ids: list[bytes] = []
        self.add(opening() if first is None else first)
        for content in contents:
            self.add(content)

    @property
    def id(self) -> bytes:
        """The log's id: that of its open record."""
        return self.ids[0]

    def add(self, content: Content) -> None:
        """Appends a record at the next seq."""
        seq = len(self.ids)
        log, prev = (self.ids[0], self.ids[-1]) if seq else (b"", b"")
        place: list[Item] = [1, content.kind, log, seq, prev, content.ts, content.clock]
        tail: list[Item] = [content.type, content.refs, content.in_header(), content.ext]
        self.contents.append(content)
        self.headers.append(mp([*place, *tail]))
        self.ids.append(record_id(self.headers[-1]))

    def branch(self, last: int, *contents: Content) -> Log:
        """Another log, equal up to `last` and with other records after it: a fork."""
        other = Log(first=self.contents[0])
        for content in (*self.contents[1 : last + 1], *contents):
            other.add(content)
        return other

    def signed(self, seq: int, signer: raw.Key = WRITER) -> bytes:
        """The signature of the record at `seq`."""
        return raw.sign(signer, raw.tagged("sign-record", self.ids[seq]))

    def run(self, first: int, last: int, **changes: Item) -> bytes:
        """The run from `first` to `last`; `changes` replace its elements by name."""
        fields: Keyed = {
            "log": self.id,
            "first_seq": first,
            "prev": self.ids[first - 1] if first else b"",
            "records": [content.in_run() for content in self.contents[first : last + 1]],
            "seal": self.signed(last) if "seal" not in changes else b"",
        }
        if not changes.keys() <= fields.keys():
            raise ValueError(f"no elements: {changes.keys() - fields.keys()}")
        return mp(list((fields | changes).values()))

    def bare_run(self, first: int, last: int) -> bytes:
        """The run from `first` to `last` in which no part has its bytes."""
        bare = [content.in_run(absent=True) for content in self.contents[first : last + 1]]
        return self.run(first, last, records=bare)

    def stray(self, content: Content, *, seq: int, prev: bytes) -> bytes:
        """A run of one record that claims any place in this log, well sealed for that place."""
        place: list[Item] = [1, content.kind, self.id, seq, prev, content.ts, content.clock]
        header_bytes = mp([*place, content.type, content.refs, content.in_header(), content.ext])
        seal = raw.sign(WRITER, raw.tagged("sign-record", record_id(header_bytes)))
        return mp([self.id, seq, prev, [content.in_run()], seal])
