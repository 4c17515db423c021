"""Vectors of readable and unreadable facts: a full example, one place changed. Spec: 12.2 to 12.6.

Nothing is converted, at any depth; fields that nobody knows don't matter. Threats 48, 67.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hutong_conformance import raw
from hutong_conformance.cases import Case
from hutong_conformance.fact_samples import FACTS, FAR
from hutong_conformance.fold_scenes.stage import exact, org, pack

REFS = [org(f"ref {number}") for number in range(10)]
ALONE = {"org/1", "incident/1", "codelist/1", "need/1", "offer/1", "relay/1", "post/1"}
"""The types whose records may name nothing."""

OUT = object()
"""Stands for taking a field away."""

Change = tuple[str, str, str, Any, bool, str]
"""Name, type, path, new value, whether it is readable, and why."""

CHANGES: tuple[Change, ...] = (
    ("required-left-out", "need/1", "incident", OUT, False, "A required field must stand"),
    ("optional-left-out", "need/1", "severity", OUT, True, "An optional one need not"),
    ("nil-is-no-absence", "need/1", "severity", None, False, "nil is a value"),
    ("unknown-field", "need/1", "novelty", [None, {}], True, "Fields of later versions"),
    ("unknown-field-deep", "need/1", "lines.0.quantity.pack.of.novelty", -1, True, "also deep"),
    ("bool-for-int", "codelist/1", "version", True, False, "true is no integer"),
    ("int-for-bool", "offer/1", "standing", 1, False, "1 is no boolean"),
    ("text-for-int", "codelist/1", "version", "1", False, "a text of digits is no integer"),
    ("int-for-decimal", "dispatch/1", "quantity.value", 5, False, "an integer is no decimal"),
    ("version-zero", "codelist/1", "version", 0, False, "versions start at 1"),
    ("version-greatest", "codelist/1", "version", 2**53 - 1, True, "and end at 2^53-1"),
    ("count-as-text", "need/1", "people", "3", False, "a count is an integer"),
    ("count-as-band", "need/1", "people", "10-19", True, "or a band"),
    ("count-negative", "need/1", "people", -1, False, "and never negative"),
    ("count-bool", "need/1", "people", True, False, "nor a boolean"),
    ("id-short", "need/1", "incident", bytes(31), False, "An id is 32 bytes"),
    ("id-as-text", "need/1", "incident", "0" * 64, False, "and no text"),
    ("source-key-short", "need/1", "source.key", bytes(7), False, "8 to 32 bytes"),
    ("source-key-long", "need/1", "source.key", bytes(33), False, "8 to 32 bytes"),
    ("code-with-blank", "need/1", "urgency", "very high", False, "A code has no blank"),
    ("code-with-del", "need/1", "urgency", "high\x7f", False, "and no control character"),
    ("code-with-c1", "need/1", "urgency", "high\x80", True, "C1 and beyond are no matter"),
    ("code-empty", "need/1", "urgency", "", False, "and is not empty"),
    ("code-64-bytes", "need/1", "urgency", "字" * 21 + "a", True, "64 bytes of UTF-8 fit"),
    ("code-66-bytes", "need/1", "urgency", "字" * 22, False, "66 do not"),
    ("code-unheard-of", "need/1", "urgency", "soonish", True, "Any code is readable"),
    ("coded-by-a-list", "need/1", "groups.0.group.code", "x", True, "A8: a code of a campaign"),
    ("coded-without-list", "need/1", "groups.0.group.list", OUT, False, "a map names its list"),
    ("closed-value-unknown", "decision/1", "outcome", "maybe", False, "Enums are closed in /1"),
    ("bound-unknown-word", "need/1", "lines.0.quantity.bound", "about", False, "so are bounds"),
    ("key-upper-case", "need/1", "lines.0.id", "A", False, "A key is lower case"),
    ("key-48", "need/1", "lines.0.id", "a" * 48, True, "of 48 characters at most"),
    ("key-49", "need/1", "lines.0.id", "a" * 49, False, "and not 49"),
    ("topic-underscore", "need/1", "tags.0", "pro_gbv", False, "A topic is [a-z0-9-]"),
    ("line-twice", "need/1", "lines", [FACTS["need/1"]["lines"][0]] * 2, False, "A line id once"),
    ("lines-none", "need/1", "lines", [], False, "At least one line"),
    ("lines-51", "need/1", "lines",
     [{**FACTS["need/1"]["lines"][0], "id": f"l{n}"} for n in range(51)], False, "at most 50"),
    ("lines-as-map", "need/1", "lines", {}, False, "A list is an array"),
    ("receivers-9", "need/1", "receivers", [org("r")] * 9, False, "at most 8 receivers"),
    ("party-without-kind", "need/1", "on_behalf_of.kind", OUT, False, "A party without a node"),
    ("party-as-name", "need/1", "on_behalf_of", "COOP", False, "is no name"),
    ("place-of-nothing", "need/1", "place", {}, False, "A place names something"),
    ("place-of-no-codes", "need/1", "place", {"codes": []}, False, "not even an empty list"),
    ("point-wgs84-only", "request/1", "place.point.crs", "GCJ02", False, "Points are WGS84"),
    ("point-too-exact", "request/1", "place.point.radius_m", 499, False, "of 500 m or more"),
    ("point-off-the-grid", "request/1", "place.point.lat", 1, True, "the grid binds authors"),
    ("point-beyond-the-pole", "request/1", "place.point.lat", 90_000_001, False, "on this globe"),
    ("time-without-offset", "need/1", "needed_by", "2022-01-03T18:00:00", False, "An offset"),
    ("quantity-no-unit", "dispatch/1", "quantity.unit", OUT, False, "An exact one has a unit"),
    ("quantity-unknown-no-unit", "need/1", "lines.0.quantity", {"bound": "unknown"}, True,
     "unknown needs none"),
    ("quantity-unbounded-dispatch", "dispatch/1", "quantity", {"bound": "unbounded"}, False,
     "What was stated is exact, estimated or a band"),
    ("quantity-up-to-promise", "commitment/1", "quantity",
     {"bound": "up_to", "max": "5", "unit": "t"}, True, "A promise may be up to"),
    ("quantity-at-least-promise", "commitment/1", "quantity",
     {"bound": "at_least", "min": "5", "unit": "t"}, False, "and not at least"),
    ("quantity-two-numbers", "dispatch/1", "quantity.min", "1", False, "One number for exact"),
    ("quantity-max-of-unbounded", "need/1", "lines.0.quantity",
     {"bound": "unbounded", "unit": "ge", "max": "5"}, False, "No number for unbounded"),
    ("range-upside-down", "dispatch/1", "quantity",
     {"bound": "estimate", "min": "2", "max": "1.999999", "unit": "t"}, False, "min above max"),
    ("range-of-one", "dispatch/1", "quantity",
     {"bound": "estimate", "min": "2", "max": "2.0", "unit": "t"}, True, "equal ends are read"),
    ("band-of-six", "dispatch/1", "quantity",
     {"bound": "band", "min": "1", "max": "6", "unit": "hh"}, False, "Bands are four"),
    ("band-from-20", "dispatch/1", "quantity", {"bound": "band", "min": "20", "unit": "hh"}, True,
     "the last one has no max"),
    ("band-in-other-digits", "dispatch/1", "quantity",
     {"bound": "band", "min": "1.0", "max": "4", "unit": "hh"}, False, "in these very texts"),
    ("pack-of-nothing", "dispatch/1", "quantity", exact(1, "xiang", **pack("xiang", "0.0", "kg")),
     False, "A pack holds something"),
    ("pack-of-another-unit", "dispatch/1", "quantity", exact(1, "kg", **pack("xiang", 2, "kg")),
     True, "and may be for another unit"),
    ("accept-without-quantity", "decision/1", "quantity", OUT, False, "Accepting says how much"),
    ("checked-nothing", "verify/1", "checked", {}, False, "A check checks something"),
    ("checked-false", "verify/1", "checked.exists", False, False, "exists is true"),
    ("checked-unknown-group", "verify/1", "checked", {"colour": True}, False, "that one knows"),
    ("money-lower-case", "receipt/1", "value.currency", "cny", False, "ISO 4217 is upper case"),
    ("relay-without-card", "relay/1", "card", OUT, False, "A relay shows a card"),
    ("revise-of-a-list", "revise/1", "of", "codelist/1", False, "Code lists are not revised"),
    ("revise-body-unreadable", "revise/1", "body.urgency", 3, False, "The body is whole facts"),
    ("revise-body-of-another-type", "revise/1", "of", "org/1", False, "of the type stated"),
)  # fmt: skip


def cases() -> Iterator[Case]:
    """Full examples, changed ones, refs, and bytes that are no facts."""
    for name, facts in FACTS.items():
        slug = name.removesuffix("/1").replace("_", "-")
        yield case(f"full-{slug}", name, facts, True, f"{name} with every field")
        comment = f"{name} that names no record: {'it may' if name in ALONE else 'unreadable'}"
        yield case(
            f"no-refs-{slug}", name, facts, name in ALONE, comment, refs=[], section="12.2.5"
        )
    for slug, name, path, value, readable, why in CHANGES:
        facts = changed(FACTS[name], path.split("."), value)
        yield case(slug, name, facts, readable, f"{why} ({name} {path})")
    yield from _refs()
    yield from _bytes()


def case(
    slug: str,
    name: str,
    facts: Any,
    readable: bool,
    comment: str,
    *,
    refs: list[bytes] | None = None,
    section: str = "12.6.1",
) -> Case:
    """The case that a record is readable or not."""
    data = facts if isinstance(facts, bytes | None) else raw.encode(facts)
    entries = REFS if refs is None else refs
    return Case(
        f"12/facts-{slug}",
        section,
        "MUST",
        comment,
        "facts.readable",
        {
            "type": name,
            "refs": [entry.hex() for entry in entries],
            "facts": None if data is None else data.hex(),
        },
        {"ok": readable},
    )


def changed(value: Any, path: list[str], new: object) -> Any:
    """A copy of `value` with `new` at a path, or nothing there."""
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        at = int(step)
        inner = changed(value[at], rest, new) if rest else new
        return [*value[:at], inner, *value[at + 1 :]]
    copy = {key: element for key, element in value.items() if key != step or rest}
    if rest:
        copy[step] = changed(value[step], rest, new)
    elif new is not OUT:
        copy[step] = new
    return copy


def _refs() -> Iterator[Case]:
    close, link = FACTS["close/1"], {"relation": "same"}
    thing, target = REFS[0], REFS[4]
    nothing = b""
    rows = (
        ("close-by-link", "close/1", close, REFS[:2], True, "A thing is closed by a link"),
        ("close-target", "close/1", close, [thing, *[nothing] * 3, target], True,
         "something else by its target"),
        ("close-neither", "close/1", close, [thing], False, "one of them must stand"),
        ("link-here", "link/1", link, [thing, *[nothing] * 3, target], True,
         "The other side stands in refs"),
        ("link-far", "link/1", {**link, "far": FAR}, [thing], True, "or in facts"),
        ("link-nowhere", "link/1", link, [thing], False, "or the record is unreadable"),
        ("position-unused", "reconfirm/1", FACTS["reconfirm/1"], REFS, True,
         "Positions that a type does not use, and from 10 on, don't matter"),
        ("position-empty", "reconfirm/1", FACTS["reconfirm/1"], [nothing, thing], False,
         "The empty bin is none"),
    )  # fmt: skip
    for slug, name, facts, refs, readable, comment in rows:
        yield case(f"refs-{slug}", name, facts, readable, comment, refs=refs, section="12.2.3")


def _bytes() -> Iterator[Case]:
    accept, flag = "handoff_accept/1", "flag/1"
    rows: tuple[tuple[str, str, bytes | None, bool, str], ...] = (
        ("absent-none-required", accept, None, True, "Without facts: the empty map"),
        ("absent-some-required", flag, None, False, "where something is required: unreadable"),
        ("empty-bytes", accept, b"", False, "No bytes are no map"),
        ("nil", accept, b"\xc0", False, "nil is no map"),
        ("array", accept, b"\x90", False, "an array is no map"),
        ("trailing-byte", accept, b"\x80\x00", False, "Facts that are not canonical"),
        ("long-form", flag, bytes.fromhex("81a6726561736f6ed905") + b"stale", False,
         "a text in a longer form than needed"),
        ("keys-out-of-order", accept, bytes.fromhex("82a162c0a161c0"), False, "keys not sorted"),
        ("float", accept, bytes.fromhex("81a161ca3f800000"), False, "a float, even if unknown"),
        ("too-deep", accept, b"\x81\xa1a" + raw.nested(15), False, "nested deeper than 16"),
        ("just-deep-enough", accept, b"\x81\xa1a" + raw.nested(14), True, "nested 16 deep"),
    )  # fmt: skip
    for slug, name, data, readable, comment in rows:
        yield case(f"bytes-{slug}", name, data, readable, comment)
