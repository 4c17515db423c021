"""Vectors of erasure: which erase records have an effect on which parts. Spec: 5.7.

All records of a case are authentic and not cut away. Hard cases 48, 52, 54.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json

HERE = ("xian-2021", "hea")
ORG, OTHER_ORG = raw.bytes_from("org"), raw.bytes_from("another org")
NODE, DESK = raw.bytes_from("writer of a node"), raw.bytes_from("writer of a desk")
RECORDS = sorted(raw.bytes_from(f"record {number}") for number in range(17))
ONE, TWO, THREE = RECORDS[:3]


def cases() -> Iterator[Case]:
    """Who may erase what, masks, several erases, and what is not held."""
    yield from _who()
    yield from _masks()
    yield from _several()


def target(
    record: bytes,
    parts: int = 2,
    *,
    org: bytes = ORG,
    writer: bytes = NODE,
    scope: tuple[str, str] = HERE,
) -> Json:
    """A record that is held."""
    return {"record": record.hex(), **_owner(org, scope, writer), "parts": parts}


def erase(
    names: Mapping[bytes, int],
    *,
    org: bytes = ORG,
    writer: bytes = NODE,
    scope: tuple[str, str] = HERE,
    right: bool = False,
) -> Json:
    """An erase record: the records it names with their masks."""
    named: Json = [[record.hex(), mask] for record, mask in names.items()]
    return {**_owner(org, scope, writer), "right": right, "names": named}


def _owner(org: bytes, scope: tuple[str, str], writer: bytes) -> dict[str, Json]:
    return {"org": org.hex(), "scope": [*scope], "writer": writer.hex()}


def _case(
    name: str,
    comment: str,
    targets: Sequence[Json],
    erases: Sequence[Json],
    erased: Mapping[bytes, int],
    section: str = "5.7.2",
) -> Case:
    expect: Json = [[record.hex(), erased[record]] for record in sorted(erased)]
    given: dict[str, Json] = {"targets": [*targets], "erases": [*erases]}
    return Case(
        f"5/erasure-{name}", section, "MUST", comment, "erasure.effective", given, {"ok": expect}
    )


def _who() -> Iterator[Case]:
    one = [target(ONE)]
    yield _case("nothing", "Nothing is erased, nothing is there", [], [], {})
    yield _case("same-writer", "A writer erases its own", one, [erase({ONE: 3})], {ONE: 3})
    desk = erase({ONE: 3}, writer=DESK, right=True)
    yield _case(
        "by-right", "Another writer of the organisation, with the right", one, [desk], {ONE: 3}
    )
    desk = erase({ONE: 3}, writer=DESK)
    yield _case(
        "without-right", "Another writer without the right: no effect, no fault", one, [desk], {}
    )
    both = erase({ONE: 3}, right=True)
    yield _case("own-and-right", "Its own, with the right too", one, [both], {ONE: 3})
    foreign = erase({ONE: 3}, org=OTHER_ORG, right=True)
    yield _case(
        "other-org", "Hard case 52: another organisation, whatever its rights", one, [foreign], {}
    )
    topic = erase({ONE: 3}, scope=("xian-2021", "fsc"), right=True)
    yield _case("other-topic", "From another topic", one, [topic], {})
    space = erase({ONE: 3}, scope=("xian-2022", "hea"), right=True)
    yield _case("other-space", "From another space", one, [space], {})
    swapped = erase({ONE: 3}, scope=("hea", "xian-2021"), right=True)
    yield _case("scope-swapped", "Space and topic the other way round", one, [swapped], {})


def _masks() -> Iterator[Case]:
    for mask in (1, 2, 4, 8, 15):
        kept = mask & 0b111
        expected = {ONE: kept} if kept else {}
        comment = f"Mask {mask} on a record of three parts"
        yield _case(
            f"mask-{mask}", comment, [target(ONE, 3)], [erase({ONE: mask})], expected, "5.7.3"
        )
    four = [target(ONE, 4)]
    yield _case("mask-of-four", "All of four parts", four, [erase({ONE: 15})], {ONE: 15}, "5.7.3")
    comment = "Hard case 54: an erase record has no parts, so it can't be erased"
    yield _case(
        "of-erase",
        comment,
        [target(ONE, 0), target(TWO)],
        [erase({ONE: 1, TWO: 1})],
        {TWO: 1},
        "5.7.3",
    )


def _several() -> Iterator[Case]:
    all_targets = [target(ONE), target(TWO), target(THREE)]
    several = erase({ONE: 1, THREE: 2})
    yield _case(
        "several-targets",
        "One erase, two targets",
        all_targets,
        [several],
        {ONE: 1, THREE: 2},
        "5.7.1",
    )
    many = erase(dict.fromkeys(RECORDS[:16], 1))
    held = [target(record) for record in RECORDS]
    yield _case(
        "sixteen-targets",
        "One erase, sixteen targets",
        held,
        [many],
        dict.fromkeys(RECORDS[:16], 1),
        "5.7.1",
    )
    first, second = erase({ONE: 1}), erase({ONE: 2})
    for name, erases in (("joined", [first, second]), ("joined-other-order", [second, first])):
        yield _case(
            f"masks-{name}",
            "Masks of two erases are joined",
            [target(ONE)],
            erases,
            {ONE: 3},
            "5.7.4",
        )
    yield _case("twice", "The same erase twice", [target(ONE)], [first, first], {ONE: 1}, "5.7.4")
    mixed = [erase({ONE: 1}, org=OTHER_ORG), erase({ONE: 2})]
    yield _case(
        "one-of-two", "One of two erases has no effect", [target(ONE)], mixed, {ONE: 2}, "5.7.2"
    )
    comment = "Hard case 48: the erase came first, its target is not held"
    yield _case("before-target", comment, [target(TWO)], [erase({ONE: 3})], {}, "5.7.4")
    comment = "Hard case 48: the same after the target arrived"
    yield _case(
        "after-target", comment, [target(TWO), target(ONE)], [erase({ONE: 3})], {ONE: 3}, "5.7.4"
    )
    comment = (
        "Hard case 48: an erase that was cut away is not among the records: its part is missing"
    )
    yield _case("cut-away", comment, [target(ONE)], [], {}, "5.7.4")
