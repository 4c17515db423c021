"""The committed vectors are right and complete.

They are judged by code that shares nothing with the core and notices a corrupted copy of any of
them; where the specification gives a list, there is a vector for each of its rows.
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import permutations
from typing import Any

import pytest

from hutong_conformance import checks, families, generate
from hutong_conformance.cases import SPEC_VERSION, Case, load, vectors_root
from hutong_conformance.families import s02_hashes, s02_text_ids, s03_signatures
from hutong_conformance.independent import ed25519

SPEC = vectors_root().parent
FAMILIES = families.names()
INPUT_CHARS_MAX = 5_000
DEEP_FIELDS_MAX = 12
BIND_EVERY_BYTE = {
    *("encoding.decode", "encoding.encode", "hash", "id.format", "id.parse"),
    *("signature.verify", "signature.in-context"),
    *("record.parse", "record.id", "run.verify", "tree.root", "tree.shared"),
}
"""Operations whose result changes with each byte of the input. Elsewhere a byte may not matter: a
key may become another valid key, an erase without effect names another record."""

Vector = dict[str, Any]


@cache
def cases_of(family: str) -> tuple[Case, ...]:
    return tuple(families.cases_of(family))


@cache
def committed() -> dict[str, Case]:
    return {case.id: case for case in load()}


def vector_of(case: Case) -> Vector:
    vector: Vector = json.loads(case.to_json())
    return vector


def judged_right(vector: Vector) -> bool:
    check = checks.check_for(vector["id"], vector["op"])
    assert check is not None, f"nobody judges {vector['id']}"
    try:
        check(vector)
    except (AssertionError, ValueError, KeyError, TypeError):
        return False
    return True


@pytest.mark.parametrize("family", FAMILIES)
def test_every_committed_vector_passes_the_check_of_its_family(family: str) -> None:
    """Threats 1, 2, 29: the oracle knows neither the core's decoder nor its library."""
    files = [committed()[case.id] for case in cases_of(family)]
    assert files
    assert [case.id for case in files if not judged_right(vector_of(case))] == []


def other_expectations(vector: Vector) -> Iterator[Vector]:
    """Copies that expect something else."""
    expect = vector["expect"]
    faults = ["not-canonical", "too-deep", "too-large", "bad-text-id", "bad-key", "bad-signature"]
    wrong: list[Vector] = [{"fault": name} for name in faults if expect.get("fault") != name]
    values: list[Any] = [None, True, False, "", "00", [], {"int": "7"}]
    wrong += [{"ok": value} for value in values]
    for other in wrong:
        if json.dumps(other) != json.dumps(expect):
            yield {**vector, "expect": other}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_copy_that_expects_something_else_is_noticed_in_every_vector(family: str) -> None:
    missed = {
        vector["id"]
        for case in cases_of(family)
        for vector in other_expectations(vector_of(case))
        if judged_right(vector)
    }
    assert missed == set()


def texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every text in the lists and objects of an input, with the keys that lead there."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list | dict):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(item, (*path, key))


def other_texts(name: Any, value: str, *, all_over: bool) -> Iterator[str]:
    """Texts with one bit of the hexadecimal, or one character, changed: at both ends and between,
    or only between."""
    is_hex = name != "text" and re.fullmatch(r"(?:[0-9a-f]{2})+", value) is not None
    if not value or name in ("context", "prefix") or not (is_hex or name == "text"):
        return
    units = len(value) // 2 if is_hex else len(value)
    for at in sorted({0, units // 2, units - 1} if all_over else {units // 2}):
        if is_hex:
            data = bytearray.fromhex(value)
            data[at] ^= 0x01
            yield data.hex()
        else:
            yield value[:at] + ("b" if value[at] != "b" else "c") + value[at + 1 :]


def flipped(vector: Vector) -> Iterator[Vector]:
    """Copies in which one bit of a hex field, or one character of a text, is another.

    Of fields deep inside the input only some, each changed once.
    """
    found = list(texts(vector["input"]))
    fields = [place for place in found if len(place[0]) == 1]
    deep = [place for place in found if len(place[0]) > 1]
    for path, value in fields + deep[:: len(deep) // DEEP_FIELDS_MAX + 1]:
        *around, name = path
        for other in other_texts(name, value, all_over=not around):
            corrupt = copy.deepcopy(vector)
            inner = corrupt["input"]
            for key in around:
                inner = inner[key]
            inner[name] = other
            yield corrupt


@pytest.mark.parametrize("family", FAMILIES)
def test_a_byte_changed_in_an_input_is_noticed_where_it_can_be(family: str) -> None:
    """Where a fault is expected a changed byte mostly gives another breach with the same name.

    Where a result of `BIND_EVERY_BYTE` is expected every change must show.
    """
    changed: Counter[bool] = Counter()
    missed = []
    for case in cases_of(family):
        if len(str(case.input)) <= INPUT_CHARS_MAX:
            for vector in flipped(vector_of(case)):
                right = judged_right(vector)
                changed[right] += 1
                if right and "ok" in case.expect and case.op in BIND_EVERY_BYTE:
                    missed.append(vector["id"])
    assert changed[False] > 0
    assert missed == []


def test_the_generator_finds_nothing_to_change() -> None:
    found = generate.collect()
    assert generate.differences(found, vectors_root()) == []
    assert len(found) == len(committed())


def test_the_set_names_the_version_that_the_index_of_the_specification_states() -> None:
    assert f"Version {SPEC_VERSION} " in (SPEC / "README.md").read_text("utf-8")


def test_every_family_and_operation_is_described_beside_the_vectors() -> None:
    described = (SPEC / "vectors" / "README.md").read_text("utf-8")
    ops = {case.op for case in committed().values()}
    assert [name for name in (*FAMILIES, *sorted(ops)) if f"`{name}`" not in described] == []


def table(section: str, heading: str) -> list[str]:
    """The first column of the tables under a heading of the specification, without backquotes."""
    path = next(SPEC.glob(f"{section}-*.md"))
    _, _, after = path.read_text("utf-8").partition(f"\n## {heading} ")
    text = after.partition("\n## ")[0]
    return re.findall(r"^ *\| `([a-z0-9-]+)` \|", text, re.MULTILINE)


def test_there_is_a_hash_in_every_context_of_the_specification() -> None:
    """Hard case 16: the same bytes with another tag have another hash."""
    assert sorted(s02_hashes.CONTEXTS) == sorted(table("2", "2.4"))
    same = [
        case
        for name, case in committed().items()
        if name.removeprefix("2/hash-") in table("2", "2.4")
    ]
    assert len({str(case.input["hex"]) for case in same}) == 1
    assert len({str(case.expect["ok"]) for case in same}) == len(same) == len(s02_hashes.CONTEXTS)


def test_there_is_an_identifier_of_every_kind_of_the_specification() -> None:
    assert list(s02_text_ids.PREFIXES) == table("2", "2.5")


def test_there_is_a_vector_for_every_ordered_pair_of_signing_contexts() -> None:
    """Threat 30."""
    contexts = table("3", "3.3")
    assert sorted(contexts) == sorted(s03_signatures.FIELDS)
    wanted = {f"3/context-{one}-not-{other}" for one, other in permutations(contexts, 2)}
    assert wanted - committed().keys() == set()


def test_all_fourteen_small_order_encodings_are_tried_as_key_and_as_r() -> None:
    """Hard case 18, threat 29: the list of 3.2.3 equals the one that the curve gives."""
    listed = set(
        re.findall(r"^ *([0-9a-f]{64})$", (SPEC / "3-signatures.md").read_text(), re.MULTILINE)
    )
    keys = {str(case.input["key"]) for case in committed().values() if case.op == "key.check"}
    firsts = {
        str(case.input["signature"])[:64]
        for case in committed().values()
        if case.op == "signature.verify" and case.expect == {"fault": "bad-signature"}
    }
    assert listed == {encoding.hex() for encoding in ed25519.SMALL_ORDER}
    assert len(listed) == 14
    assert listed <= keys
    assert listed <= firsts


@pytest.mark.parametrize(
    ("number", "ids"),
    [
        (1, ("2/int-127-as-u8", "2/int-over-long-inside")),
        (2, ("2/str-31-length-in-8", "2/bin-255-length-in-16", "2/array-15-length-in-16")),
        (3, ("2/map-duplicate-key", "2/map-duplicate-key-apart")),
        (4, ("2/map-unsorted", "2/map-sorted-by-utf16")),
        (5, ("2/map-key-bin", "2/map-key-int")),
        (6, ("2/float-nan", "2/float-minus-zero", "2/ext-fix-1", "2/timestamp-64")),
        (7, ("2/trailing-nil",)),
        (8, ("2/text-nul-alone", "2/text-overlong-2", "2/text-surrogate-high", "2/text-nfd")),
        (11, ("2/depth-bomb", "2/claims-array-of-4294967295")),
        (15, ("2/int-9007199254740991", "2/int-9007199254740992")),
        (16, ("2/hash-record", "2/hash-part")),
        (17, ("3/signature-key-mixed-order-1", "3/signature-r-mixed-order-1")),
        (18, ("3/key-small-order-01", "3/signature-key-small-order-14")),
        (19, ("3/key-off-curve-2-sign-0",)),
        (20, ("3/signature-s-plus-1-l", "3/signature-s-plus-2-l", "3/signature-s-plus-7-l")),
        (21, ("3/signature-second-valid", "3/signature-sign-record")),
    ],
)
def test_each_hard_case_of_encoding_and_signatures_has_its_vectors(
    number: int, ids: tuple[str, ...]
) -> None:
    missing = [name for name in ids if name not in committed()]
    assert missing == [], f"hard case {number}"
