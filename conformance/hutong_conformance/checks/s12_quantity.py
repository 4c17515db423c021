"""Judges vectors of amounts with fractions, and of instants with another calendar."""

from __future__ import annotations

import json
from typing import Any

from hutong_conformance.cases import Json
from hutong_conformance.independent import facts as forms
from hutong_conformance.independent.fold_lines import dimension, text
from hutong_conformance.independent.fold_rules import ceiling, stated
from hutong_conformance.independent.mp_decoder import Rejected, decode

OPS = ("quantity.read", "time.instant")


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless amount, ceiling, dimension or instant are right."""
    request: Any = case["input"]
    found: Json
    if case["op"] == "time.instant":
        found = forms.instant(request["text"])
    else:
        quantity = whole(request["quantity"])
        held = whole(request.get("line_pack", "c0"))
        assert "line_pack" not in request or forms.fits("pack", held), f"{case['id']}: no pack"
        found = None
        if forms.fits("quantity-line", quantity):
            amount, most = stated(quantity, held), ceiling(quantity, held)
            found = {
                "dimension": dimension(quantity, held),
                "amount": text(None if amount is None else amount[1]),
                "ceiling": text(None if most is None else most[1]),
            }
    # As text: to Python true equals 1.
    assert json.dumps(case["expect"]) == json.dumps({"ok": found}), f"{case['id']}: {found}"


def whole(data: str) -> Any:
    """The value that hex encodes, None for what is no encoding."""
    try:
        return decode(bytes.fromhex(data))
    except Rejected:
        return None
