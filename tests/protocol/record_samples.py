"""Records and runs for the tests of sections 5 and 6: a log that grows, and values of all kinds.

Keys and hashes come from labels, so that a failure shows the same bytes again.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from hypothesis import strategies as st

from hutong_protocol.hashing import tag
from hutong_protocol.ids import PublicKey, RecordId, WriterKey
from hutong_protocol.limits import INT_MAX
from hutong_protocol.records import encode_elements, part_commit, record_id
from hutong_protocol.signatures import public_key, record_message, sign


def bytes_of(label: str, count: int = 32) -> bytes:
    """Bytes fixed by a label."""
    return hashlib.shake_256(label.encode()).digest(count)


SEED: Final = bytes_of("writer")
WRITER: Final = WriterKey(PublicKey(public_key(SEED)))
ORG: Final = bytes_of("org")


def open_ext(**changes: Any) -> dict[str, Any]:
    """The ext of an open record; a change to None takes the key away."""
    ext = {
        "org": ORG,
        "writer": WRITER,
        "delegation": bytes_of("delegation"),
        "space": "xian-2021",
        "topic": "hea",
        "nonce": bytes_of("nonce", 16),
        "identity": [bytes_of("identity")],
    } | changes
    return {key: value for key, value in ext.items() if value is not None}


def elements(**changes: Any) -> list[Any]:
    """The eleven elements of a data record with one part."""
    fields = {
        "v": 1,
        "kind": 1,
        "log": bytes_of("log"),
        "seq": 7,
        "prev": bytes_of("prev"),
        "ts": 1_700_000_000_000,
        "clock": 9,
        "type": "need/1",
        "refs": [],
        "parts": [[0, 250, bytes_of("commit")]],
        "ext": {},
    }
    assert changes.keys() <= fields.keys()
    return list((fields | changes).values())


def open_elements(**changes: Any) -> list[Any]:
    """The eleven elements of an open record."""
    place = {"kind": 0, "log": b"", "seq": 0, "prev": b"", "clock": 1, "type": "", "parts": []}
    return elements(**(place | {"ext": open_ext()} | changes))


def erase_elements(**changes: Any) -> list[Any]:
    """The eleven elements of an erase record with two targets."""
    refs = [bytes_of("target 1"), bytes_of("target 2")]
    content = {"kind": 2, "type": "", "refs": refs, "parts": [], "ext": {"mask": [1, 15]}}
    return elements(**(content | changes))


def wire_record(**changes: Any) -> list[Any]:
    """A data record as it stands in a run."""
    fields = {
        "kind": 1,
        "ts": 1_700_000_000_000,
        "clock": 2,
        "type": "need/1",
        "refs": [],
        "parts": [],
        "ext": {},
    }
    assert changes.keys() <= fields.keys()
    return list((fields | changes).values())


def present(role: int, content: bytes, label: str = "salt") -> list[Any]:
    """A part with its bytes, as it stands in a run."""
    return [role, bytes_of(label, 16), content]


OPEN_RECORD: Final = wire_record(kind=0, clock=1, type="", ext=open_ext())
CLOSE_RECORD: Final = wire_record(kind=3, type="")


class SampleLog:
    """A log of records as they stand in runs, with the headers that the specification gives them.

    `records[0]` is the open record; a record that breaks a rule raises its ProtocolFault here.
    """

    def __init__(self, records: list[list[Any]], opening: list[Any] = OPEN_RECORD) -> None:
        self.records: list[list[Any]] = []
        self.headers: list[bytes] = []
        self.ids: list[RecordId] = []
        for record in (opening, *records):
            self.add(record)

    @property
    def id(self) -> RecordId:
        return self.ids[0]

    def add(self, record: list[Any]) -> None:
        """Appends a record; its header comes from `encode_elements`, the slow and plain way."""
        kind, ts, clock, type_name, refs, parts, ext = record
        seq = len(self.ids)
        log, prev = (self.ids[0], self.ids[-1]) if seq else (b"", b"")
        header = encode_elements(
            [1, kind, log, seq, prev, ts, clock, type_name, refs, in_header(parts), ext]
        )
        self.records.append(record)
        self.headers.append(header)
        self.ids.append(record_id(header))

    def seal(self, seq: int) -> bytes:
        """The writer's signature of the record at `seq`."""
        return sign(SEED, record_message(self.ids[seq]))

    def run(self, first: int, last: int) -> list[Any]:
        """The run of the records from `first` to `last`."""
        prev = self.ids[first - 1] if first else b""
        return [self.id, first, prev, self.records[first : last + 1], self.seal(last)]


def in_header(parts: list[Any]) -> list[list[Any]]:
    """Parts of a run as they stand in the header."""
    found = []
    for role, second, third in parts:
        if isinstance(third, bytes):
            found.append([role, len(third), part_commit(second, third)])
        else:
            found.append([role, third, second])
    return found


def other_context(context: str, data: bytes) -> bytes:
    """SHA-256 of `data` behind the tag of a context, computed here."""
    return hashlib.sha256(tag(context) + data).digest()


def nest(value: object) -> object:
    """`value` inside twenty arrays."""
    for _ in range(20):
        value = [value]
    return value


# Strategies. Ids and salts are few, so that equal ones occur.

ids: Final = st.sampled_from([bytes_of(f"id {number}") for number in range(6)])
ints: Final = st.one_of(
    st.integers(0, 300), st.integers(0, INT_MAX), st.sampled_from([2**16, 2**32, INT_MAX])
)
clocks: Final = ints.map(lambda number: max(number, 1))
type_names: Final = st.from_regex(r"[a-z][a-z0-9_-]{0,20}/[1-9][0-9]{0,3}", fullmatch=True)
texts: Final = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=0, max_size=12
)
scalars: Final = st.one_of(
    st.none(), st.booleans(), st.integers(-INT_MAX, INT_MAX), texts, st.binary(max_size=40)
)
values: Final = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
unknown_ext: Final = st.dictionaries(
    st.text("abcdexyz.", min_size=5, max_size=20),
    scalars | st.lists(scalars, max_size=3),
    max_size=3,
)


@st.composite
def wire_parts(draw: st.DrawFn) -> list[list[Any]]:
    """Parts of a run that obey section 5.5, present and absent."""
    roles = draw(st.sets(st.sampled_from([0, 1])))
    more = draw(st.lists(st.integers(2, 300), max_size=2))
    found: list[list[Any]] = []
    for role in sorted([*roles, *more]):
        if draw(st.booleans()):
            found.append([role, draw(st.binary(min_size=16, max_size=16)), draw(contents)])
        else:
            found.append([role, draw(ids), draw(st.integers(1, 40_000))])
    return found[:3]


contents: Final = st.binary(min_size=1, max_size=300)


@st.composite
def refs_of_data(draw: st.DrawFn) -> list[bytes]:
    """Refs of a data record: ids, and empty places but at the end."""
    found = draw(st.lists(ids | st.just(b""), max_size=5))
    return [*found, draw(ids)] if found else []


@st.composite
def wire_records(draw: st.DrawFn) -> list[Any]:
    """Records that obey section 5 and may stand after the open record; none closes the log."""
    kind = draw(st.sampled_from([1, 1, 1, 2, 4, 77]))
    has_unknown, has_identity, has_exp, has_crit = (draw(st.booleans()) for _ in range(4))
    ext: dict[str, Any] = dict(draw(unknown_ext)) if has_unknown else {}
    if has_identity and kind in (1, 2):
        ext["identity"] = sorted(draw(st.sets(ids, min_size=1, max_size=4)))
    if kind == 2:
        refs = draw(st.lists(ids, min_size=1, max_size=4, unique=True))
        ext["mask"] = [draw(st.integers(1, 15)) for _ in refs]
        parts, type_name = [], ""
    else:
        refs, parts = draw(refs_of_data()), draw(wire_parts())
        type_name = (
            draw(type_names) if kind == 1 else draw(texts.filter(lambda t: len(t.encode()) <= 32))
        )
        expiring = [str(position) for position, part in enumerate(parts) if part[0] != 0]
        if expiring and has_exp:
            ext["exp"] = {expiring[0]: draw(ints)}
    if ext and has_crit:
        ext["crit"] = [max(ext)]
    return [kind, draw(ints), draw(clocks), type_name, refs, parts, ext]


loose_values: Final = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([0, 1, 2**53, 2**64 - 1, -(2**63), 10**30]),
        st.floats(allow_nan=True, allow_infinity=True),
        st.sampled_from([1.0, 0.0, -0.0]),
        st.text(max_size=40),
        st.binary(max_size=70),
        st.binary(min_size=32, max_size=32),
    ),
    lambda inner: (
        st.lists(inner, max_size=12)
        | st.dictionaries(st.text(max_size=5) | st.binary(max_size=5), inner, max_size=4)
        | inner.map(nest)
    ),
    max_leaves=12,
)
"""What `decode_loose` may give, and more."""
