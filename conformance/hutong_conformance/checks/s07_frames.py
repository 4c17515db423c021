"""Judges vectors of frames by a grammar of the table of 7.2. Spec: 7.2.

A rule is a function of a value that raises `Rejected` for a wrong one. Rules are put together as
the table puts frames together, so that the grammar can be held against it line by line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from hutong_conformance.cases import Json
from hutong_conformance.independent.frame_reader import Rejected, Value, read

OPS = frozenset({"frame.read"})

Rule: TypeAlias = Callable[[Value], None]

LARGEST = 9_007_199_254_740_991
FRAME_BYTES = (1_114_112, 2_097_152)


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector expects this verdict."""
    request = case["input"]
    assert isinstance(request, dict)
    fault, kind = judged(joined(request["pieces"]))
    found: dict[str, Json] = {"fault": fault} if fault else {"ok": kind}
    assert case["expect"] == found, f"{case['id']}: found {found}"


@lru_cache(maxsize=1)
def judged(data: bytes) -> tuple[str, Json]:
    """The fault of a frame, or none and its verdict. The largest take a third of a second each."""
    try:
        return "", verdict(data)
    except Rejected as rejected:
        return rejected.fault, None


def verdict(data: bytes) -> Json:
    """The type of a frame, None for one that is not known; raises `Rejected`."""
    frame = read(data)
    if not isinstance(frame, list) or not frame:
        raise wrong("no array with a type")
    number, *elements = frame
    natural(number)
    assert isinstance(number, int)
    if number not in FRAMES:
        return None
    FRAMES[number](elements)
    return {"type": number}


def joined(pieces: Json) -> bytes:
    """The bytes that pieces and their counts make."""
    assert isinstance(pieces, list)
    data = b""
    for piece in pieces:
        assert isinstance(piece, list)
        text, count = piece
        assert isinstance(text, str)
        assert isinstance(count, int)
        data += bytes.fromhex(text) * count
    return data


def wrong(detail: str) -> Rejected:
    """What is no frame of its type."""
    return Rejected("bad-frame", detail)


def whole(low: int, high: int = LARGEST) -> Rule:
    """An int from `low` to `high`; neither a bool nor a float is one."""

    def rule(value: Value) -> None:
        if type(value) is not int or value < low or value > high:
            raise wrong(f"no int from {low} to {high}")

    return rule


natural = whole(0)


def boolean(value: Value) -> None:
    """A bool."""
    if value is not True and value is not False:
        raise wrong("no bool")


def binary(low: int, high: int | None = None) -> Rule:
    """A bin of `low` bytes, or of `low` to `high`."""

    def rule(value: Value) -> None:
        if not isinstance(value, bytes) or not low <= len(value) <= (high or low):
            raise wrong(f"no bin of {low} bytes")

    return rule


def text(bytes_high: int) -> Rule:
    """A str of at most so many bytes."""

    def rule(value: Value) -> None:
        if not isinstance(value, str) or len(value.encode()) > bytes_high:
            raise wrong(f"no str of up to {bytes_high} bytes")

    return rule


def name(value: Value) -> None:
    """A space or topic: 1 to 64 of a-z, 0-9 and the hyphen."""
    text(64)(value)
    assert isinstance(value, str)
    if not value or set(value) - set("abcdefghijklmnopqrstuvwxyz0123456789-"):
        raise wrong("no name")


def anything(_: Value) -> None:
    """A value that another section judges."""


def either(one: Rule, other: Rule) -> Rule:
    """What one of two rules takes."""

    def rule(value: Value) -> None:
        try:
            one(value)
        except Rejected:
            other(value)

    return rule


def nil(value: Value) -> None:
    """Nil."""
    if value is not None:
        raise wrong("not nil")


def listed(item: Rule, high: int | None, low: int = 0) -> Rule:
    """An array of `low` to `high` items that obey one rule."""

    def rule(value: Value) -> None:
        if not isinstance(value, list) or len(value) < low:
            raise wrong(f"no array of at least {low}")
        if high is not None and len(value) > high:
            raise Rejected("limit-exceeded", f"more than {high}")
        for inner in value:
            item(inner)

    return rule


def row(*rules: Rule) -> Rule:
    """An array whose first items obey these rules; more of them may follow."""

    def rule(value: Value) -> None:
        if not isinstance(value, list) or len(value) < len(rules):
            raise wrong(f"no array of {len(rules)}")
        for each, inner in zip(rules, value, strict=False):
            each(inner)

    return rule


def rising(items: Rule, key: Callable[[list[Value]], list[Value]]) -> Rule:
    """A list by a rule, whose items ascend by a key, no two equal."""

    def rule(value: Value) -> None:
        items(value)
        assert isinstance(value, list)
        keys = [key(item) for item in value if isinstance(item, list)]
        if any(not one < other for one, other in pairwise(keys)):
            raise wrong("not ascending")

    return rule


def limits(value: Value) -> None:
    """The limits of a HELLO."""
    if not isinstance(value, dict):
        raise wrong("limits are no map")
    whole(*FRAME_BYTES)(value.get("frame"))
    whole(1, 64)(value.get("credit"))


def protocol(value: Value) -> None:
    """The first element of a HELLO."""
    if value != "hutong":
        raise wrong("another protocol")


def run(value: Value) -> None:
    """A run, of which the session reads only the log."""
    row(either(id_, natural))(value)


def want(value: Value) -> None:
    """A wish for runs."""
    row(id_, natural)(value)
    assert isinstance(value, list)
    if len(value) > 2:
        natural(value[2])


def heads(elements: Value) -> None:
    """HEADS: its elements, and how many entries they are together."""
    logs = listed(row(id_, listed(row(natural, id_), 4)), 4_096)
    orgs = listed(row(id_, id_), 4_096)
    by_id = (rising(each, lambda entry: [entry[0]]) for each in (logs, orgs))
    row(scope, epoch, natural, boolean, *by_id, boolean)(elements)
    assert isinstance(elements, list)
    if sum(len(entries) for entries in elements[4:6] if isinstance(entries, Sequence)) > 4_096:
        raise Rejected("limit-exceeded", "more than 4,096 entries")


scope = whole(0, 1_023)
id_ = binary(32)
epoch = binary(16)
salt = either(binary(16), nil)

FRAMES: dict[int, Rule] = {
    1: row(
        *(protocol, listed(natural, 32, 1), listed(text(32), 32), whole(0, 1)),
        *(id_, id_, id_, limits),
    ),
    2: row(binary(64)),
    3: row(id_, listed(anything, None), boolean),
    4: row(id_, listed(id_, 1_024)),
    5: row(rising(listed(row(name, name, salt), 1_024), lambda entry: [*entry[:2]])),
    6: row(id_, boolean),
    7: row(listed(id_, 1_024, 1)),
    8: row(scope, either(epoch, nil), natural, either(id_, nil)),
    9: heads,
    10: row(scope, listed(want, 4_096, 1)),
    11: row(scope, listed(run, None, 1)),
    12: row(scope),
    13: row(whole(1, 64)),
    14: row(scope, listed(row(id_, whole(1, 15)), 256, 1)),
    15: row(scope, listed(row(id_, whole(0, 3), binary(16), binary(1, 65_536)), None), boolean),
    16: row(id_, natural, boolean),
    17: row(scope, id_, natural, text(32)),
    18: row(scope, listed(row(id_, natural, id_), 4_096, 1)),
    19: row(text(32), text(200)),
    22: row(rising(listed(row(scope, salt), 1_024), lambda entry: [entry[0]])),
}
"""By number of the frame, what its elements after the type are."""
