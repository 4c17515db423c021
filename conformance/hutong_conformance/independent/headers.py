"""Reads headers from scratch, as an oracle for the vectors of section 5.

Owns: bytes -> the eleven elements, or the name of the fault. Spec: 5.2 to 5.5. It follows the text
of the specification rule by rule, over values of `mp_decoder`, and shares no code with the core.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TypeAlias

from hutong_conformance.independent.mp_decoder import INT_LIMIT, Rejected, Value, decode

Elements: TypeAlias = "list[Value]"

HEADER_LIMIT = 1024
OPEN, DATA, ERASE, CLOSE = range(4)
DATA_TYPE = re.compile(rb"[a-z][a-z0-9_-]*/[1-9][0-9]{0,3}\Z")
NAME = re.compile(rb"[a-z0-9-]{1,64}\Z")


def read(header: bytes) -> Elements:
    """The elements of a header that breaks no rule; raises `Rejected`. Spec: 5.2."""
    value = decode(header, bytes_max=HEADER_LIMIT)
    if not isinstance(value, list) or not value or not number(value[0]):
        raise Rejected("bad-header", "no array that begins with v")
    if value[0] != 1:
        raise Rejected("upgrade-needed", "v is another")
    if len(value) != 11:
        raise Rejected("bad-header", "not eleven elements")
    _, kind, log, seq, prev, ts, clock, name, refs, parts, _ = value
    demand(number(kind) and number(seq) and number(ts), "bad-header", "kind, seq, ts")
    demand(number(clock) and clock != 0, "bad-header", "clock")
    demand((kind == OPEN) == (seq == 0), "bad-header", "seq 0 and kind 0 go together")
    link = 0 if kind == OPEN else 32
    demand(binary(log, link) and binary(prev, link), "bad-header", "log, prev")
    demand(isinstance(name, str), "bad-header", "type")
    assert isinstance(name, str)
    raw_name = name.encode()
    if kind == DATA:
        demand(bool(DATA_TYPE.match(raw_name)), "bad-header", "form of type")
    demand(kind not in (OPEN, ERASE, CLOSE) or not raw_name, "bad-header", "type is empty")
    demand(len(raw_name) <= 32, "bad-header", "length of type")
    judge_refs(kind, refs)
    judge_parts(kind, parts)
    judge_ext(value)
    return value


def identify(header: bytes) -> bytes:
    """The record id. Spec: 5.2.3."""
    return hashlib.sha256(b"hutong/1/record\x00" + header).digest()


def demand(holds: bool, fault: str, what: str) -> None:
    """Raises `Rejected` with `fault` unless the rule holds."""
    if not holds:
        raise Rejected(fault, what)


def number(value: Value) -> bool:
    """Whether a value is an integer from 0 to 2^53-1."""
    return not isinstance(value, bool) and isinstance(value, int) and 0 <= value <= INT_LIMIT


def binary(value: Value, length: int) -> bool:
    """Whether a value is a bin of that length."""
    return isinstance(value, bytes) and len(value) == length


def judge_refs(kind: Value, refs: Value) -> None:
    """Element 8 of the table. Spec: 5.2."""
    demand(isinstance(refs, list) and len(refs) <= 16, "bad-refs", "at most 16")
    assert isinstance(refs, list)
    for ref in refs:
        demand(ref == b"" or binary(ref, 32), "bad-refs", "32 bytes or none")
    demand(not refs or refs[-1] != b"", "bad-refs", "the last")
    demand(not (kind in (OPEN, CLOSE) and refs), "bad-refs", "none here")
    if kind == ERASE:
        named = [ref for ref in refs if isinstance(ref, bytes) and ref]
        demand(0 < len(refs) == len(named) == len(set(named)), "bad-refs", "targets")


def judge_parts(kind: Value, parts: Value) -> None:
    """Element 9 of the table. Spec: 5.5."""
    demand(isinstance(parts, list) and len(parts) <= 4, "bad-parts", "at most 4")
    assert isinstance(parts, list)
    demand(not (kind in (OPEN, ERASE, CLOSE) and parts), "bad-parts", "none here")
    roles: list[int] = []
    lengths = 0
    for part in parts:
        demand(isinstance(part, list) and len(part) == 3, "bad-parts", "three elements")
        assert isinstance(part, list)
        role, length, commit = part
        demand(number(role) and number(length) and binary(commit, 32), "bad-parts", "elements")
        assert isinstance(role, int)
        assert isinstance(length, int)
        demand(1 <= length <= 65536, "bad-parts", "length")
        roles.append(role)
        lengths += length
    demand(roles == sorted(roles), "bad-parts", "order of roles")
    demand(roles.count(0) < 2 and roles.count(1) < 2, "bad-parts", "facts and text once")
    demand(lengths <= 131072, "bad-parts", "lengths together")


def judge_ext(value: Elements) -> None:
    """Element 10 of the table. Spec: 5.3."""
    kind, refs, parts, ext = value[1], value[8], value[9], value[10]
    assert isinstance(kind, int)
    assert isinstance(refs, list)
    assert isinstance(parts, list)
    fault = "bad-open" if kind == OPEN else "bad-ext"
    demand(isinstance(ext, dict) and len(ext) <= 16, fault, "at most 16 keys")
    assert isinstance(ext, dict)
    demand(all(1 <= len(key.encode()) <= 64 for key in ext), fault, "keys")
    demand(depth(ext) <= 8, "too-deep", "depth of ext")
    if "crit" in ext:
        crit = ext["crit"]
        demand(isinstance(crit, list) and 1 <= len(crit) <= 16, fault, "crit")
        assert isinstance(crit, list)
        names = [key for key in crit if isinstance(key, str)]
        demand(len(names) == len(crit) and set(names) <= ext.keys(), fault, "keys in crit")
        demand(strictly_sorted([key.encode() for key in names]), fault, "order of crit")
    if "exp" in ext:
        times = ext["exp"]
        demand(isinstance(times, dict) and len(times) > 0, fault, "exp")
        assert isinstance(times, dict)
        for position, at in times.items():
            demand(position in ("0", "1", "2", "3") and number(at), fault, "entry of exp")
            demand(int(position) < len(parts), fault, "position of exp")
            part = parts[int(position)]
            assert isinstance(part, list)
            demand(part[0] != 0, fault, "exp of facts")
    if kind > CLOSE:
        return
    if "identity" in ext:
        judge_heads(ext["identity"], fault)
    demand(("mask" in ext) == (kind == ERASE), fault, "where mask stands")
    if kind == ERASE:
        masks = ext["mask"]
        demand(isinstance(masks, list) and len(masks) == len(refs), fault, "mask")
        assert isinstance(masks, list)
        demand(all(number(mask) and mask in range(1, 16) for mask in masks), fault, "masks")
    if kind == OPEN:
        judge_open(ext)


def judge_heads(heads: Value, fault: str) -> None:
    """`identity`. Spec: 5.3.2."""
    demand(isinstance(heads, list) and 1 <= len(heads) <= 4, fault, "identity")
    assert isinstance(heads, list)
    found = [head for head in heads if isinstance(head, bytes) and len(head) == 32]
    demand(len(found) == len(heads) and strictly_sorted(found), fault, "heads")


def judge_open(ext: Mapping[str, Value]) -> None:
    """The keys of an open record. Spec: 5.3.3."""
    lengths = {"org": 32, "writer": 32, "delegation": 32, "nonce": 16}
    needed = {"space", "topic", "identity", *lengths}
    demand(needed <= ext.keys(), "bad-open", "a key is missing")
    for key, length in lengths.items():
        demand(binary(ext[key], length), "bad-open", key)
    for key in ("space", "topic"):
        name = ext[key]
        demand(isinstance(name, str), "bad-open", key)
        assert isinstance(name, str)
        demand(bool(NAME.match(name.encode())), "bad-open", key)
    demand("space_salt" not in ext or binary(ext["space_salt"], 16), "bad-open", "space_salt")
    if "after" in ext:
        after = ext["after"]
        demand(isinstance(after, list) and len(after) == 3, "bad-open", "after")
        assert isinstance(after, list)
        log, seq, head = after
        demand(binary(log, 32) and number(seq) and binary(head, 32), "bad-open", "after")


def depth(value: Value) -> int:
    """The depth of a value. Spec: 2.1.8."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def strictly_sorted(items: list[bytes]) -> bool:
    """Whether items ascend, no two equal."""
    return items == sorted(set(items))
