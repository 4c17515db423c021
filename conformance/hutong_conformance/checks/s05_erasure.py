"""Judges vectors of erasure: of each part alone, whether some erase reaches it. Spec: 5.7.

The family says which parts are erased; here nothing is joined but the answers.
"""

from __future__ import annotations

import json

from hutong_conformance.cases import Json

OPS = frozenset({"erasure.effective"})

Fields = dict[str, Json]


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless exactly the parts expected are reached by an erase."""
    request = case["input"]
    assert isinstance(request, dict)
    assert case["op"] == "erasure.effective", f"{case['id']}: no vector of erasure"
    erases = objects(request["erases"])
    found: list[Json] = []
    for target in sorted(objects(request["targets"]), key=lambda target: str(target["record"])):
        parts = target["parts"]
        assert type(parts) is int
        reached = [part for part in range(parts) if any(reaches(e, target, part) for e in erases)]
        if reached:
            found.append([target["record"], sum(2**part for part in reached)])
    assert json.dumps(case["expect"]) == json.dumps({"ok": found}), f"{case['id']}: {found}"


def reaches(erase: Fields, target: Fields, part: int) -> bool:
    """Whether an erase is effective on one part of a target."""
    if erase["org"] != target["org"] or erase["scope"] != target["scope"]:
        return False
    if erase["writer"] != target["writer"] and erase["right"] is not True:
        return False
    names = erase["names"]
    assert isinstance(names, list)
    for name in names:
        assert isinstance(name, list)
        record, mask = name
        assert isinstance(mask, int)
        if record == target["record"] and mask // 2**part % 2 == 1:
            return True
    return False


def objects(value: Json) -> list[Fields]:
    """A list of objects."""
    assert isinstance(value, list)
    assert all(isinstance(item, dict) for item in value)
    return [item for item in value if isinstance(item, dict)]
