"""Judges vectors of readable facts by a second table of the record types."""

from __future__ import annotations

from typing import Any

from hutong_conformance.cases import Json
from hutong_conformance.independent import facts as forms

OPS = ("facts.readable",)


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the expected verdict is the right one."""
    request: Any = case["input"]
    refs = [bytes.fromhex(entry) for entry in request["refs"]]
    data = None if request["facts"] is None else bytes.fromhex(request["facts"])
    readable = forms.read(request["type"], refs, data) is not None
    expected: Any = case["expect"]
    assert list(expected) == ["ok"], "reading facts has no fault"
    assert expected["ok"] is readable, f"{case['id']}: readable is {readable}"
