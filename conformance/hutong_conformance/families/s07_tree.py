"""Vectors of the digest tree: entries, buckets that are split, nodes, roots. Spec: 7.5.

Ids are made so that they fall into one bucket, into one sub-leaf, or apart. Hard cases 28, 31, 59.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json

SCOPE = ("xian-2021", "hea")
EMPTY = bytes(32)

Log = tuple[bytes, Sequence[bytes]]
"""A log and its heads; none for a shattered log."""
Org = tuple[bytes, Sequence[bytes]]
"""An organisation and the heads of its identity."""


def cases() -> Iterator[Case]:
    """Roots of one scope from small to large, then roots over several."""
    yield from _small()
    yield from _heads()
    yield from _buckets()
    yield from _shared()


def identifier(bucket: int, sub_leaf: int, number: int) -> bytes:
    """An id in a bucket (0 to 4,095) whose next six bits are `sub_leaf`."""
    tail = raw.bytes_from(f"id {bucket}/{sub_leaf}/{number}")
    start = bucket << 12 | sub_leaf << 6 | tail[2] & 0x3F
    return start.to_bytes(3, "big") + tail[3:]


def head(number: int) -> bytes:
    """Some record id."""
    return raw.bytes_from(f"head {number}")


def root_of(scope: tuple[str, str], logs: Sequence[Log], orgs: Sequence[Org]) -> bytes:
    """The scope root, by the text of 7.5."""
    entries = [
        b"\x00" + log + (bytes([len(heads)]) + b"".join(sorted(heads)) if heads else b"\xff")
        for log, heads in logs
    ]
    entries += [
        b"\x01" + org + b"\x01" + raw.digest("identity-heads", b"".join(sorted(heads)))
        for org, heads in orgs
    ]
    buckets: list[list[bytes]] = [[] for _ in range(4_096)]
    for entry in entries:
        buckets[int.from_bytes(entry[1:3], "big") >> 4].append(entry)
    hashes = [_bucket(members) for members in buckets]
    nodes = []
    for first in range(0, 4_096, 64):
        level = hashes[first : first + 64]
        nodes.append(raw.digest("node", b"".join(level)) if any(map(any, level)) else EMPTY)
    return raw.digest("root", raw.encode([*scope]) + b"".join(nodes))


def _bucket(entries: list[bytes]) -> bytes:
    if len(entries) <= 64:
        return _leaf(entries)
    leaves: list[list[bytes]] = [[] for _ in range(64)]
    for entry in entries:
        leaves[int.from_bytes(entry[1:4], "big") >> 6 & 63].append(entry)
    return raw.digest("node", b"".join(map(_leaf, leaves)))


def _leaf(entries: list[bytes]) -> bytes:
    return raw.digest("leaf", b"".join(sorted(entries))) if entries else EMPTY


def _case(
    name: str,
    comment: str,
    logs: Sequence[Log],
    orgs: Sequence[Org] = (),
    *,
    section: str = "7.5",
    scope: tuple[str, str] = SCOPE,
) -> Case:
    given: dict[str, Json] = {
        "scope": [*scope],
        "logs": [[log.hex(), [each.hex() for each in heads]] for log, heads in logs],
        "orgs": [[org.hex(), [each.hex() for each in heads]] for org, heads in orgs],
    }
    expect: dict[str, Json] = {"ok": root_of(scope, logs, orgs).hex()}
    return Case(f"7/tree-{name}", section, "MUST", comment, "tree.root", given, expect)


def _small() -> Iterator[Case]:
    one: Log = (identifier(0, 0, 1), [head(1)])
    yield _case("empty", "A scope without a log", [], section="7.5.4")
    yield _case("empty-other-topic", "The name is in the root", [], scope=("xian-2021", "base"))
    swapped = ("hea", "xian-2021")
    yield _case("empty-swapped", "Space and topic the other way round", [], scope=swapped)
    long = ("a" * 64, "b" * 32)
    yield _case("long-names", "Names of 64 and 32 bytes take another form in mp", [one], scope=long)
    org: Org = (identifier(4_095, 63, 1), [head(2)])
    yield _case("one-log", "One log in the first bucket", [one], section="7.5.1")
    yield _case("log-and-org", "One log and its organisation", [one], [org], section="7.5.1")
    same = identifier(0, 0, 1)
    yield _case("same-id", "A log and an organisation with the same id", [one], [(same, [head(1)])])
    last: Log = (bytes([255]) * 32, [head(1)])
    yield _case("last-bucket", "One log in the last bucket", [last], section="7.5.2")
    zero: Log = (bytes(32), [bytes(32)])
    yield _case("zero-ids", "Ids of zeros are no empty bucket", [zero], section="7.5.2")


def _heads() -> Iterator[Case]:
    log = identifier(7, 7, 7)
    for count in (1, 2, 3, 4):
        heads = sorted(map(head, range(count)))
        comment = f"Hard case 31: a log with {count} heads"
        yield _case(f"{count}-heads", comment, [(log, heads)], section="7.5.1")
    unsorted = sorted(map(head, range(4)), reverse=True)
    comment = "The same four heads in another order give the same root"
    yield _case("4-heads-unsorted", comment, [(log, unsorted)], section="7.5.1")
    comment = "Hard case 31: a shattered log (no heads here) is an entry without ids"
    yield _case("shattered", comment, [(log, [])], section="7.5.1")
    comment = "Hard case 28: the same log at the same seq with another head"
    yield _case("other-head", comment, [(log, [head(9)])], section="7.5.1")
    one: Log = (log, [head(1)])
    for count in (1, 2, 5):
        heads = [head(number) for number in reversed(range(count))]
        comment = f"An organisation with {count} identity heads, given unsorted"
        yield _case(f"{count}-identity-heads", comment, [one], [(log, heads)], section="7.5.1")


def _buckets() -> Iterator[Case]:
    def logs(count: int, bucket: int, sub_leaf: int | None = None) -> list[Log]:
        places = [n % 64 if sub_leaf is None else sub_leaf for n in range(count)]
        return [(identifier(bucket, place, n), [head(n)]) for n, place in enumerate(places)]

    for count in (2, 64, 65):
        split = "split" if count > 64 else "not split"
        comment = f"{count} logs in one bucket, which is {split}"
        yield _case(f"bucket-of-{count}", comment, logs(count, 1_234), section="7.5.2")
    comment = "65 logs in one bucket and one sub-leaf, which is never split again"
    yield _case("sub-leaf-of-65", comment, logs(65, 1_234, 5), section="7.5.2")
    ends = [*logs(33, 99, 0), *((identifier(99, 63, n), [head(n)]) for n in range(33))]
    yield _case(
        "sub-leaves-at-the-ends",
        "A split bucket of the first and last sub-leaf",
        ends,
        section="7.5.2",
    )
    orgs: list[Org] = [(identifier(1_234, 63, 1), [head(1)])]
    comment = "64 logs and an organisation in one bucket: entries of both kinds count"
    yield _case("bucket-of-64-and-org", comment, logs(64, 1_234), orgs, section="7.5.2")
    reverse = list(reversed(logs(64, 1_234)))
    yield _case(
        "bucket-of-64-reversed",
        "The order in which entries come says nothing",
        reverse,
        section="7.5.2",
    )
    edges = [log for bucket in (0, 63, 64, 127, 4_032, 4_095) for log in logs(1, bucket)]
    yield _case(
        "edges-of-nodes",
        "Logs in the first and last buckets of three nodes",
        edges,
        section="7.5.3",
    )
    apart: list[Log] = [(raw.bytes_from(f"log {n}"), [head(n)]) for n in range(40)]
    yield _case(
        "40-logs", "Forty logs apart", apart, [(raw.bytes_from("org"), [head(0)])], section="7.5.4"
    )


def _shared() -> Iterator[Case]:
    roots = [raw.bytes_from(f"root {number}") for number in range(3)]
    comments = {0: "No scope", 1: "One scope", 3: "Three scopes, in the order of the shared scopes"}
    for count, comment in comments.items():
        yield _over(f"shared-{count}", comment, roots[:count])
    yield _over("shared-3-other-order", "The order counts", [roots[1], roots[0], roots[2]])


def _over(name: str, comment: str, roots: Sequence[bytes]) -> Case:
    given: dict[str, Json] = {"roots": [root.hex() for root in roots]}
    expect: dict[str, Json] = {"ok": raw.digest("roots", b"".join(roots)).hex()}
    return Case(f"7/tree-{name}", "7.5.4", "MUST", comment, "tree.shared", given, expect)
