"""Judges vectors of the fold by folding them again, with code that is not the core's."""

from __future__ import annotations

import json
from typing import Any

from hutong_conformance.cases import Json
from hutong_conformance.independent.fold_output import fold

OPS = ("fold",)


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the expected state is what the records come to."""
    request: Any = case["input"]
    expected: Any = case["expect"]
    assert list(expected) == ["ok"], "a fold has no fault"
    found = fold(request["records"], request["as_of"])
    assert as_text(found) == as_text(expected["ok"]), f"{case['id']}: the state is another one"
    shuffled = fold(request["records"][::-1], request["as_of"])
    assert shuffled == found, f"{case['id']}: the order of records matters"


def as_text(state: Any) -> str:
    """A state to compare: to Python true equals 1."""
    return json.dumps(state, sort_keys=True)
