"""Judges vectors of Hutong-mp by the independent decoder. Spec: 2.1, 2.2.

A vector of the decoder is decoded; a vector of the encoder is judged by decoding what it expects:
the bytes must be Hutong-mp and give the value of the request, whatever order its entries stand in.
"""

from __future__ import annotations

from hutong_conformance.cases import Json
from hutong_conformance.independent import mp_decoder

OPS = frozenset({"encoding.decode", "encoding.encode"})


def check(case: dict[str, Json]) -> None:
    """Raises AssertionError unless the vector expects what the independent decoder finds."""
    request, expect = case["input"], case["expect"]
    assert isinstance(request, dict)
    assert isinstance(expect, dict)
    if case["op"] == "encoding.decode":
        found = _decoded(request)
        assert found == expect, f"{case['id']}: the independent decoder says {_short(found)}"
        return
    assert case["op"] == "encoding.encode", f"{case['id']}: no vector of Hutong-mp"
    encoded = expect.get("ok")
    assert isinstance(encoded, str), f"{case['id']}: every value of a vector can be encoded"
    found = _decoded({"hex": encoded})
    wanted = {"ok": sorted_entries(request["value"])}
    assert found == wanted, f"{case['id']}: the bytes expected decode to {_short(found)}"


def _decoded(request: dict[str, Json]) -> dict[str, Json]:
    spelled, limit = request["hex"], request.get("max")
    assert isinstance(spelled, str)
    assert limit is None or type(limit) is int
    assert spelled == spelled.lower(), "hexadecimal is lower case"
    try:
        value = mp_decoder.decode(bytes.fromhex(spelled), bytes_max=limit)
    except mp_decoder.Rejected as rejected:
        return {"fault": rejected.fault}
    return {"ok": mp_decoder.tagged(value)}


def sorted_entries(value: Json) -> Json:
    """A tagged value with the entries of its maps in the order in which they are encoded."""
    if isinstance(value, list):
        return [sorted_entries(item) for item in value]
    if not isinstance(value, dict) or "map" not in value:
        return value
    entries = value["map"]
    assert isinstance(entries, list)
    inner: list[Json] = [[key, sorted_entries(item)] for key, item in map(_pair, entries)]
    return {"map": sorted(inner, key=_key_bytes)}


def _pair(entry: Json) -> tuple[Json, Json]:
    assert isinstance(entry, list)
    key, value = entry
    return key, value


def _key_bytes(entry: Json) -> bytes:
    assert isinstance(entry, list)
    key = entry[0]
    assert isinstance(key, dict)
    text = key["str"]
    assert isinstance(text, str)
    return text.encode()


def _short(found: Json) -> str:
    return str(found)[:200]
