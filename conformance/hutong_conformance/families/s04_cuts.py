"""Vectors of cut lists and cut manifests: their form and their hashes. Spec: 4.8.1, 4.8.2.

Which cut is effective stands in `s04_cut_effects`. A cut list at its limit of a mebibyte has no
vector: two megabytes of hex would show little.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json

IDS = sorted(raw.bytes_from(f"cut {number}") for number in range(6))
BY, SALT = raw.bytes_from("delegation"), raw.bytes_from("salt of a cut", 16)
Heads = Sequence[tuple[int, bytes]]


def cases() -> Iterator[Case]:
    """Lists, then manifests."""
    yield from _lists()
    yield from _wrong_lists()
    yield from _manifests()


def _lists() -> Iterator[Case]:
    four = [(5, IDS[0]), (5, IDS[1]), (6, IDS[0]), (2**53 - 1, IDS[3])]
    for name, comment, logs in (
        ("nothing", "A cut list of no log keeps nothing", []),
        ("one-log", "One log with one head", [(IDS[0], [(7, IDS[1])])]),
        ("seq-0", "A head that is the open record", [(IDS[0], [(0, IDS[0])])]),
        ("four-heads", "Four heads, two of them at one seq", [(IDS[0], four)]),
        ("three-logs", "Three logs", [(log, [(1, IDS[5])]) for log in IDS[:3]]),
    ):
        yield _list(name, comment, "xian-2021", "fsc", logs)
    comment = "Names of 64 bytes"
    yield _list("long-names", comment, "a" * 64, "-" * 64, [(IDS[0], [(7, IDS[1])])])


def _list(
    name: str, comment: str, space: str, topic: str, logs: Sequence[tuple[bytes, Heads]]
) -> Case:
    listed: list[Any] = [[log, [[seq, head] for seq, head in heads]] for log, heads in logs]
    data = raw.encode([BY, [space, topic], SALT, listed])
    ok: Json = {
        "hash": raw.digest("cut-list", data).hex(),
        "delegation": BY.hex(),
        "space": space,
        "topic": topic,
        "salt": SALT.hex(),
        "logs": [[log.hex(), [[seq, head.hex()] for seq, head in heads]] for log, heads in logs],
    }
    return _case("list", f"cut-list-{name}", comment, data, {"ok": ok})


def _wrong_lists() -> Iterator[Case]:
    one: list[Any] = [IDS[0], [[7, IDS[1]]]]
    scope = ["xian-2021", "fsc"]
    five: list[Any] = [[number, IDS[0]] for number in range(5)]
    wrong: tuple[tuple[str, str, Any], ...] = (
        ("map", "A map", {}),
        ("three-elements", "An array of three", [BY, scope, SALT]),
        ("five-elements", "An array of five", [BY, scope, SALT, [], None]),
        ("delegation-31", "A delegation of 31 bytes", [BY[1:], scope, SALT, []]),
        ("scope-str", "A scope that is a str", [BY, "fsc", SALT, []]),
        ("scope-one-name", "A scope of one name", [BY, scope[:1], SALT, []]),
        ("space-capital", "A space with a capital", [BY, ["Xian", "fsc"], SALT, []]),
        ("topic-empty", "An empty topic", [BY, ["xian-2021", ""], SALT, []]),
        ("topic-65", "A topic of 65 bytes", [BY, ["xian-2021", "x" * 65], SALT, []]),
        ("salt-15", "A salt of 15 bytes", [BY, scope, SALT[1:], []]),
        ("logs-nil", "Logs that are nil", [BY, scope, SALT, None]),
        ("log-31", "A log id of 31 bytes", [BY, scope, SALT, [[IDS[0][1:], one[1]]]]),
        ("log-alone", "A log without heads", [BY, scope, SALT, [[IDS[0]]]]),
        ("no-heads", "No heads of a log", [BY, scope, SALT, [[IDS[0], []]]]),
        ("five-heads", "Five heads of a log", [BY, scope, SALT, [[IDS[0], five]]]),
        ("seq-negative", "A seq below 0", [BY, scope, SALT, [[IDS[0], [[-1, IDS[1]]]]]]),
        ("seq-bool", "A seq that is a bool", [BY, scope, SALT, [[IDS[0], [[True, IDS[1]]]]]]),
        ("head-33", "A head of 33 bytes", [BY, scope, SALT, [[IDS[0], [[7, IDS[1] + b"\0"]]]]]),
        ("heads-by-id", "Heads sorted by id", [BY, scope, SALT, [[IDS[0], five[:2][::-1]]]]),
        (
            "heads-unsorted",
            "Heads at one seq unsorted",
            [BY, scope, SALT, [[IDS[0], [[7, IDS[2]], [7, IDS[1]]]]]],
        ),
        ("head-twice", "A head twice", [BY, scope, SALT, [[IDS[0], [[7, IDS[1]]] * 2]]]),
        ("logs-unsorted", "Logs unsorted", [BY, scope, SALT, [[IDS[1], one[1]], one]]),
        ("log-twice", "A log twice", [BY, scope, SALT, [one, one]]),
    )
    for name, comment, value in wrong:
        data = raw.encode(value)
        yield _case("list", f"cut-list-{name}", comment, data, {"fault": "bad-cut"})
    data = raw.encode([BY, scope, SALT, [one]])
    expect: dict[str, Json] = {"fault": "not-canonical"}
    yield _case("list", "cut-list-trailing-byte", "A byte after the list", data + b"\0", expect)


def _manifests() -> Iterator[Case]:
    for count in (0, 1, 3, 2048):
        lists = sorted(IDS[:3])[:count] if count < 4 else _many(count)
        data = b"".join(lists)
        ok: Json = {
            "hash": raw.digest("cut-manifest", data).hex(),
            "lists": [one.hex() for one in lists],
        }
        comment = f"A manifest of {count} lists"
        yield _case("manifest", f"cut-manifest-of-{count}", comment, data, {"ok": ok})
    for name, comment, data, fault in (
        ("31-bytes", "A manifest of 31 bytes", IDS[0][1:], "bad-cut"),
        ("33-bytes", "A manifest of 33 bytes", IDS[0] + b"\xff", "bad-cut"),
        ("unsorted", "A manifest of hashes unsorted", IDS[1] + IDS[0], "bad-cut"),
        ("repeated", "A manifest with a hash twice", IDS[0] * 2, "bad-cut"),
        ("of-2049", "A manifest of 2,049 lists", b"".join(_many(2049)), "too-large"),
    ):
        yield _case("manifest", f"cut-manifest-{name}", comment, data, {"fault": fault})


def _many(count: int) -> list[bytes]:
    return [number.to_bytes(32, "big") for number in range(count)]


def _case(kind: str, name: str, comment: str, data: bytes, expect: dict[str, Json]) -> Case:
    section = "4.8.1" if kind == "list" else "4.8.2"
    return Case(f"4/{name}", section, "MUST", comment, f"cut.{kind}", {"hex": data.hex()}, expect)
