"""Vectors of runs: what one may be, each rule broken, seals, and every limit. Spec: 6.2, 6.3.

A run with a wrong record is sealed over that very record, so its only fault is the one named. How
runs join a log is the family `s06_joins`. Hard cases 10, 12, 15, 20-24, 36; threats 1, 19, 31.
"""

from __future__ import annotations

from collections.abc import Iterator

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.independent import ed25519 as curve
from hutong_conformance.raw_records import (
    CLOSING,
    TS,
    WRITER,
    Content,
    Item,
    Log,
    Part,
    mp,
    opening,
    record_id,
)

INT_MAX = 2**53 - 1
RUN_BYTES_MAX = 1_048_576
HASH = raw.bytes_from("a hash")
FACTS = Part(0, raw.bytes_from("facts", 40))
TEXT = Part(1, "联系仓库".encode())
PLAIN = Content(parts=[FACTS])
OTHER = raw.key("another writer")
GOLDEN = 20


def cases() -> Iterator[Case]:
    """Right runs, then shapes, records, links, seals and limits."""
    yield from _right()
    yield from _golden()
    yield from _shapes()
    yield from _parts()
    yield from _records()
    yield from _links()
    yield from _seals()
    yield from _limits()


def accepted(name: str, section: str, comment: str, log: Log, first: int, last: int) -> Case:
    """The case that a run of a log verifies and gives its ids."""
    return _gives_ids(name, section, comment, log, first, last, log.run(first, last))


def _gives_ids(
    name: str, section: str, comment: str, log: Log, first: int, last: int, run: bytes
) -> Case:
    expect: Json = {"first_seq": first, "ids": [each.hex() for each in log.ids[first : last + 1]]}
    return _case(name, section, comment, run, {"ok": expect}, first > 0)


def refused(
    name: str, section: str, comment: str, run: bytes, fault: str, *, later: bool = True
) -> Case:
    """The case that a run is refused; `later` gives the writer's key along, as for a held log."""
    return _case(name, section, comment, run, {"fault": fault}, later)


def _case(
    name: str,
    section: str,
    comment: str,
    run: bytes,
    expect: dict[str, Json],
    later: bool,
    writer: bytes = WRITER.public,
) -> Case:
    given: dict[str, Json] = {"run": run.hex()}
    if later:
        given["writer"] = writer.hex()
    return Case(f"6/{name}", section, "MUST", comment, "run.verify", given, expect)


def _right() -> Iterator[Case]:
    log = Log(
        PLAIN,
        Content(parts=[FACTS, TEXT]),
        Content(type="offer/1", refs=[HASH, b"", HASH]),
        CLOSING,
    )
    yield accepted("open-alone", "6.2", "A log's first record alone", log, 0, 0)
    yield accepted("whole-log", "6.2", "A whole log with its close record", log, 0, 4)
    yield accepted("one-record", "6.2", "One record in the middle", log, 2, 2)
    yield accepted("two-records", "6.2", "Two records in the middle", log, 1, 2)
    comment = "No part has its bytes: the ids are the same"
    yield _gives_ids("parts-absent", "6.2.1", comment, log, 0, 4, log.bare_run(0, 4))
    mixed = Content(parts=[FACTS, (TEXT.in_header, TEXT.absent)])
    yield accepted(
        "one-part-absent", "6.2.1", "A part with its bytes, one without", Log(mixed), 0, 1
    )
    strange = Content(
        kind=77, type="任何 text", refs=[HASH], parts=[Part(9, b"\0")], ext={"later": [None, {}]}
    )
    yield accepted(
        "unknown-kind",
        "6.3.2",
        "Hard cases 13 and 74: an unknown kind, role and key",
        Log(strange),
        0,
        1,
    )
    critical = Content(ext={"crit": ["later"], "later": 1})
    yield accepted(
        "critical-key",
        "6.3.2",
        "Hard case 14: replicated, whatever is critical",
        Log(critical),
        1,
        1,
    )
    erasing = Content(kind=2, type="", refs=[HASH], ext={"mask": [3]})
    yield accepted(
        "erase-record", "6.3.2", "An erase of a record that nobody showed", Log(erasing), 1, 1
    )
    times = Log(
        Content(ts=INT_MAX), Content(ts=0, clock=1), Content(ts=2**31 * 1_000, clock=INT_MAX)
    )
    yield accepted(
        "times-as-they-like", "6.3.2", "Hard case 73: neither ts nor clock need ascend", times, 0, 3
    )
    unknown_refs = Content(refs=[HASH])
    yield accepted(
        "unknown-refs",
        "6.3.2",
        "Hard case 38: refs to records that nobody holds",
        Log(unknown_refs),
        1,
        1,
    )
    second = raw.sign(WRITER, raw.tagged("sign-record", log.ids[2]), nonce=12_345)
    run = log.run(2, 2, seal=second)
    comment = "Hard case 21: another valid signature, the same record"
    yield _gives_ids("second-signature", "6.3.2", comment, log, 2, 2, run)


def _golden() -> Iterator[Case]:
    """Short runs of every kind of content, for tests that flip each of their bits."""
    for number in range(GOLDEN):
        dice = raw.bytes_from(f"golden run {number}", 16)
        log = Log(first=opening(nonce=dice))
        for seq in range(1, 2 + number % 3):
            parts = [
                Part(
                    role, raw.bytes_from(f"golden {number}/{seq}/{role}", 1 + dice[role] % 90), dice
                )
                for role in range(dice[seq] % 3)
            ]
            refs: list[Item] = [
                raw.bytes_from(f"golden ref {each}") for each in range(dice[seq + 3] % 2)
            ]
            ext: dict[str, Item] = {"exp": {"1": TS + seq}} if len(parts) > 1 else {}
            log.add(
                Content(
                    type=f"need/{1 + dice[seq + 6]}",
                    ts=TS + number,
                    clock=seq + 1,
                    refs=refs,
                    parts=parts,
                    ext=ext,
                )
            )
        if number % 5 == 4:
            log.add(CLOSING)
        last = len(log.ids) - 1
        first = 0 if number % 4 == 0 else 1
        comment = "Threat 1: none of its bits can be another"
        yield accepted(f"golden-{number + 1:02}", "6.3", comment, log, first, last)


def _shapes() -> Iterator[Case]:
    log = Log(PLAIN, PLAIN)

    def wrong(name: str, comment: str, **changes: Item) -> Case:
        return refused(
            name, "6.2", comment, log.run(1, 2, seal=log.signed(2), **changes), "bad-run"
        )

    fields: list[Item] = [log.id, 1, log.ids[0], [PLAIN.in_run()], log.signed(1)]
    yield refused("of-4", "6.2", "A run of four elements", mp(fields[:4]), "bad-run")
    yield refused("of-6", "6.2", "A run of six elements", mp([*fields, None]), "bad-run")
    yield refused("map", "6.2", "A map in place of a run", mp({"log": log.id}), "bad-run")
    yield refused("nil", "6.2", "nil in place of a run", mp(None), "bad-run")
    yield wrong("log-of-31", "A log id of 31 bytes", log=log.id[:31])
    yield wrong("log-nil", "No log", log=None)
    yield wrong("first-seq-negative", "Threat 19: first_seq negative", first_seq=-1)
    yield wrong("first-seq-true", "first_seq is true", first_seq=True)
    yield wrong("first-seq-str", "first_seq is a str", first_seq="1")
    yield wrong("prev-empty", "No prev in a run that doesn't open", prev=b"")
    yield wrong("prev-of-31", "prev of 31 bytes", prev=HASH[:31])
    yield wrong("prev-nil", "prev is nil", prev=None)
    yield wrong("no-records", "No records", records=[])
    yield wrong("records-nil", "records are nil", records=None)
    opened = log.run(0, 2, prev=HASH)
    yield refused("prev-at-0", "6.2", "prev in a run from seq 0", opened, "bad-run", later=False)
    record = PLAIN.in_run()
    assert isinstance(record, list)
    yield wrong("record-of-6", "A record of six elements", records=[record[:6]])
    yield wrong("record-of-8", "A record of eight elements", records=[[*record, None]])
    yield wrong(
        "record-header",
        "A whole header in place of a record",
        records=[[1, 1, log.id, 1, log.id, *record[1:]]],
    )
    yield wrong("record-nil", "A record that is nil", records=[None])
    for count in (0, 63, 65, 128):
        run = log.run(1, 2, seal=(log.signed(2) * 2)[:count])
        yield refused(f"seal-of-{count}", "6.2", f"A seal of {count} bytes", run, "bad-signature")
    nil = log.run(1, 2, seal=None)
    yield refused("seal-nil", "6.2", "No seal", nil, "bad-signature")


def _parts() -> Iterator[Case]:
    def wrong(name: str, comment: str, *parts: Part | tuple[Item, Item]) -> Case:
        log = Log(Content(parts=parts))
        return refused(f"part-{name}", "6.2.1", comment, log.run(1, 1), "bad-parts")

    salt = raw.bytes_from("salt", 16)
    described = FACTS.in_header
    yield wrong("salt-of-15", "A salt of 15 bytes", Part(0, b"facts", salt[:15]))
    yield wrong("salt-of-17", "A salt of 17 bytes", Part(0, b"facts", salt + b"\0"))
    yield wrong("salt-empty", "No salt", Part(0, b"facts", b""))
    yield wrong("empty", "A part of no bytes", Part(0, b""))
    yield wrong("absent-length-0", "An absent part of no bytes", ([0, 0, HASH], [0, HASH, 0]))
    long: Item = [0, 65_537, HASH]
    yield wrong(
        "absent-65537", "Hard case 12: an absent part of 65,537 bytes", (long, [0, HASH, 65_537])
    )
    yield wrong("absent-commit-31", "A commit of 31 bytes", ([0, 5, HASH[:31]], [0, HASH[:31], 5]))
    yield wrong(
        "absent-as-in-header",
        "Length and commit in the order of the header",
        (described, described),
    )
    yield wrong("data-str", "The bytes as a str", (described, [0, salt, "facts"]))
    yield wrong("salt-str", "The salt as a str", (described, [0, "0123456789abcdef", b"facts"]))
    yield wrong("of-2", "A part without bytes", (described, [0, salt]))
    yield wrong("of-4", "A part of four elements", (described, [0, salt, b"facts", None]))
    yield wrong("nil", "A part that is nil", (described, None))
    yield wrong("role-negative", "A negative role", Part(-1, b"facts"))
    yield wrong("descending", "Roles that descend", TEXT, FACTS)
    yield wrong("facts-twice", "Role 0 twice", FACTS, FACTS)
    yield wrong("5", "Five parts", *[Part(2, b"sealed")] * 5)
    half = Part(2, bytes(65_536))
    yield wrong(
        "131073",
        "Parts of 131,073 bytes together",
        Part(0, b"1"),
        (half.in_header, half.absent),
        (half.in_header, half.absent),
    )


def _records() -> Iterator[Case]:
    def wrong(name: str, section: str, comment: str, fault: str, content: Content) -> Case:
        run = Log(content, PLAIN).run(1, 2)
        return refused(f"record-{name}", section, comment, run, fault)

    yield wrong("kind-0", "6.3.3", "Kind 0 after the first record", "bad-header", opening())
    yield wrong("kind-negative", "6.3.2", "A negative kind", "bad-header", Content(kind=-1))
    yield wrong("kind-true", "6.3.2", "kind is true", "bad-header", Content(kind=True))
    yield wrong("ts-negative", "6.3.2", "A negative ts", "bad-header", Content(ts=-1))
    yield wrong("ts-true", "6.3.2", "ts is true", "bad-header", Content(ts=True))
    yield wrong("clock-0", "6.3.2", "A clock of 0", "bad-header", Content(clock=0))
    yield wrong(
        "type-empty", "6.3.2", "A data record without a type", "bad-header", Content(type="")
    )
    yield wrong(
        "type-33", "6.3.2", "A type of 33 bytes", "bad-header", Content(type="n" * 31 + "/1")
    )
    yield wrong("type-bin", "6.3.2", "type is a bin", "bad-header", Content(type=b"need/1"))
    yield wrong("refs-17", "6.3.2", "Seventeen refs", "bad-refs", Content(refs=[HASH] * 17))
    yield wrong(
        "refs-last-empty", "6.3.2", "The last ref is empty", "bad-refs", Content(refs=[HASH, b""])
    )
    yield wrong("refs-nil", "6.3.2", "refs is nil", "bad-refs", Content(refs=None))
    yield wrong("ext-nil", "6.3.2", "ext is nil", "bad-ext", Content(ext=None))
    yield wrong("ext-array", "6.3.2", "ext is the empty array", "bad-ext", Content(ext=[]))
    mask: Item = {"mask": [1]}
    yield wrong("mask-in-data", "6.3.2", "A mask in a data record", "bad-ext", Content(ext=mask))
    erasing = Content(kind=2, type="", refs=[HASH])
    yield wrong("erase-without-mask", "6.3.2", "An erase without a mask", "bad-ext", erasing)
    closing = Content(kind=3, type="", parts=[FACTS])
    yield wrong("close-parts", "6.3.2", "A close record with a part", "bad-parts", closing)
    long = Content(ext={"fill": "x" * 1_024})
    yield wrong(
        "header-too-large", "6.3.2", "A record whose header is too large", "too-large", long
    )
    yield wrong(
        "after-close", "6.3.4", "Hard case 36: a record after a close record", "log-closed", CLOSING
    )
    nil_parts = Log(PLAIN).run(1, 1, records=[[1, TS, 2, "need/1", [], None, {}]])
    yield refused("record-parts-nil", "6.2.1", "parts is nil", nil_parts, "bad-parts")
    data = Log(first=PLAIN)
    yield refused(
        "data-at-0",
        "6.3.3",
        "A log that begins with a data record",
        data.run(0, 0),
        "bad-header",
        later=False,
    )
    incomplete = Log(first=Content(kind=0, type=""))
    yield refused(
        "open-ext-empty",
        "6.3.2",
        "An open record that states nothing",
        incomplete.run(0, 0),
        "bad-open",
        later=False,
    )


def _links() -> Iterator[Case]:
    log = Log(PLAIN, Content(ts=TS + 1), Content(ts=TS + 2))
    seal = log.signed(3)

    def wrong(name: str, comment: str, **changes: Item) -> Case:
        run = log.run(2, 3, seal=seal, **changes)
        return refused(f"link-{name}", "6.3", comment, run, "bad-signature")

    yield wrong("prev", "Hard case 27: seq is right, prev is another", prev=HASH)
    yield wrong("prev-of-record-before", "prev is the id one record further back", prev=log.ids[0])
    yield wrong("seq", "Hard case 27: prev is right, seq is one more", first_seq=3)
    yield wrong("log", "Threat 31: the records of one log under the id of another", log=HASH)
    records = [content.in_run() for content in log.contents]
    yield wrong("order", "Two records in the other order", records=[records[3], records[2]])
    yield wrong("left-out", "Threat 3: a record left out", records=[records[3]])
    yield wrong("twice", "A record twice", records=[records[2], records[2], records[3]])
    whole = log.run(0, 3, log=HASH)
    yield refused(
        "open-of-another-log",
        "6.3.3",
        "The id of the open record is not the log",
        whole,
        "bad-run",
        later=False,
    )
    changed = opening(org=HASH).in_run()
    replaced = log.run(0, 3, records=[changed, *records[1:]])
    yield refused(
        "open-replaced",
        "6.3.3",
        "Threat 31: another organisation in the open record",
        replaced,
        "bad-run",
        later=False,
    )


def _seals() -> Iterator[Case]:
    log = Log(PLAIN, PLAIN)
    message = raw.tagged("sign-record", log.ids[2])
    good = log.signed(2)

    def wrong(name: str, comment: str, seal: bytes) -> Case:
        return refused(f"seal-{name}", "6.3.5", comment, log.run(1, 2, seal=seal), "bad-signature")

    yield wrong("zeros", "Hard case 22: no signature at all", bytes(64))
    yield wrong("of-record-before", "The signature of the record before the last", log.signed(1))
    yield wrong("of-open-record", "The signature of the open record", log.signed(0))
    yield wrong("by-another", "Hard case 24: a signature by another key", log.signed(2, OTHER))
    yield wrong("without-tag", "A signature of the bare id", raw.sign(WRITER, log.ids[2]))
    event = raw.tagged("sign-event", log.ids[2])
    yield wrong("other-context", "Threat 30: signed in another context", raw.sign(WRITER, event))
    yield wrong(
        "of-header",
        "A signature of the header instead of the id",
        raw.sign(WRITER, raw.tagged("sign-record", log.headers[2])),
    )
    yield wrong("s-plus-l", "Hard case 20: S + L", raw.with_s(good, raw.s_of(good) + curve.ORDER))
    yield wrong("small-order-r", "R is the neutral point", raw.sign(WRITER, message, nonce=0))
    yield wrong("flipped", "One bit is another", bytes([good[0] ^ 1]) + good[1:])
    small = curve.encode(curve.TORSION[1])
    run = log.run(1, 2)
    fault: dict[str, Json] = {"fault": "bad-key"}
    yield _case(
        "writer-small-order",
        "6.3.5",
        "Hard case 18: the log's key is of small order",
        run,
        fault,
        True,
        small,
    )
    weak = Log(first=opening(writer=small))
    yield refused(
        "open-writer-small-order",
        "6.3.5",
        "Hard case 18: so is that of the open record",
        weak.run(0, 0),
        "bad-key",
        later=False,
    )
    foreign = Log(first=opening(writer=OTHER.public))
    yield refused(
        "open-writer-other",
        "6.3.5",
        "The open record names another key than the seal's",
        foreign.run(0, 0),
        "bad-signature",
        later=False,
    )


def _limits() -> Iterator[Case]:
    many = Log(*[Content(ts=TS + number) for number in range(257)])
    yield accepted("256-records", "6.2", "A run of 256 records", many, 1, 256)
    yield refused("257-records", "6.2", "A run of 257 records", many.run(1, 257), "bad-run")
    yield accepted(
        "part-65536",
        "6.3.2",
        "Hard case 10: a part of 65,536 bytes",
        Log(Content(parts=[Part(0, bytes(65_536))])),
        1,
        1,
    )
    longer = Log(Content(parts=[Part(0, bytes(65_537))]))
    yield refused(
        "part-65537", "6.3.2", "Hard case 10: a part of 65,537 bytes", longer.run(1, 1), "bad-parts"
    )
    yield from _longest()
    for name, count, fault in (("seq-max", 1, None), ("seq-beyond-max", 2, "bad-header")):
        yield _at_the_last_seq(name, count, fault)


def _longest() -> Iterator[Case]:
    """A run of exactly 1,048,576 bytes, and one with a byte more."""
    full = Content(parts=[Part(0, bytes(65_536)), Part(1, bytes(65_535))])
    spare = (
        RUN_BYTES_MAX
        - len(
            Log(*[full] * 7, Content(parts=[Part(0, bytes(65_536)), Part(1, bytes(1_000))])).run(
                1, 8
            )
        )
        + 1_000
    )
    for name, count, fault in (("1048576", spare, None), ("1048577", spare + 1, "too-large")):
        log = Log(*[full] * 7, Content(parts=[Part(0, bytes(65_536)), Part(1, bytes(count))]))
        if fault is None:
            yield accepted(f"bytes-{name}", "6.2.2", f"A run of {name} bytes", log, 1, 8)
        else:
            yield refused(f"bytes-{name}", "6.2.2", f"A run of {name} bytes", log.run(1, 8), fault)


def _at_the_last_seq(name: str, count: int, fault: str | None) -> Case:
    """`count` records from seq 2^53-1 on, of a log of which nothing else is known."""
    log_id, before = raw.bytes_from("a long log"), raw.bytes_from("its record before the last")
    prev, records, ids = before, [], []
    for seq in range(INT_MAX, INT_MAX + count):
        content = Content(ts=TS)
        place: list[Item] = [1, 1, log_id, seq, prev, TS, 2, "need/1", [], [], {}]
        prev = record_id(mp(place))
        ids.append(prev.hex())
        records.append(content.in_run())
    seal = raw.sign(WRITER, raw.tagged("sign-record", prev))
    run = mp([log_id, INT_MAX, before, records, seal])
    listed: list[Json] = [*ids]
    expect: dict[str, Json] = {"ok": {"first_seq": INT_MAX, "ids": listed}}
    comment = f"Hard case 15, threat 19: {count} records from seq 2^53-1 on"
    return _case(name, "6.2.3", comment, run, expect if fault is None else {"fault": fault}, True)
