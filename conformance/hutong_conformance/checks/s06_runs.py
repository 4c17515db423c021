"""Judges vectors of runs and of logs that grow by them. Spec: 6.2 to 6.4.

Headers, chain, commits and seals come from `independent`, the Ed25519 included.
"""

from __future__ import annotations

import json
from functools import lru_cache

from hutong_conformance.cases import Json
from hutong_conformance.independent import run_rules
from hutong_conformance.independent.mp_decoder import Rejected

OPS = frozenset({"run.verify", "log.join"})


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector expects what the independent rules find."""
    request = case["input"]
    assert isinstance(request, dict)
    if case["op"] == "run.verify":
        found = verified(request)
    else:
        assert case["op"] == "log.join", f"{case['id']}: no vector of runs"
        found = joined(request)
    assert case["expect"] == found, f"{case['id']}: the independent rules say {found}"
    as_text = [json.dumps(reply, sort_keys=True) for reply in (case["expect"], found)]
    assert as_text[0] == as_text[1], f"{case['id']}: true and 1 are not the same"


def verified(request: dict[str, Json]) -> dict[str, Json]:
    """The reply to `run.verify`."""
    writer = spelled(request["writer"]) if "writer" in request else None
    fault, first_seq, ids = verdict(spelled(request["run"]), writer)
    if fault:
        return {"fault": fault}
    return {"ok": {"first_seq": first_seq, "ids": [each.hex() for each in ids]}}


@lru_cache(maxsize=512)
def verdict(run: bytes, writer: bytes | None) -> tuple[str, int, tuple[bytes, ...]]:
    """A fault, or the first seq and the ids; kept, since an equation in Python takes its time."""
    try:
        found = run_rules.verify(run, writer)
    except Rejected as rejected:
        return rejected.fault, 0, ()
    return "", found.first_seq, tuple(found.ids)


def joined(request: dict[str, Json]) -> dict[str, Json]:
    """The reply to `log.join`."""
    runs = request["runs"]
    assert isinstance(runs, list)
    log, steps = grown(tuple(map(spelled, runs)))
    outcomes: list[Json] = [step if isinstance(step, str) else {**step} for step in steps]
    head: Json = [len(log.ids) - 1, log.ids[-1].hex()] if log.ids else None
    missing: list[Json] = [[*place] for place in sorted(log.missing)]
    closed = log.kinds[-1:] == [3]
    return {"ok": {"steps": outcomes, "head": head, "closed": closed, "missing": missing}}


@lru_cache(maxsize=512)
def grown(runs: tuple[bytes, ...]) -> tuple[run_rules.Log, tuple[run_rules.Step, ...]]:
    """The log after these runs, and what became of each; kept for the same reason."""
    log = run_rules.Log()
    steps = tuple(map(log.take, runs))
    return log, steps


def spelled(value: Json) -> bytes:
    """The bytes of a hexadecimal text."""
    assert isinstance(value, str)
    return bytes.fromhex(value)
