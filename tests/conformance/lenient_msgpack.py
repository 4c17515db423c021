"""Reads msgpack as a lenient library would and writes it back with chosen breaches mended.

For the mutants: bytes whose only breach is one that a mutant doesn't see come out canonical, so
that the strict core accepts them. It knows nothing of the core, and what it can't read it leaves
alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from hutong_conformance import raw


@dataclass(slots=True)
class Node:
    """A value: its kind, the bytes it was read from, a scalar's content or a container's items."""

    kind: str
    spelled: bytes
    content: int | bytes = b""
    items: list[Node] = field(default_factory=list)


_LENGTHS = {
    0xC4: ("bin", 1), 0xC5: ("bin", 2), 0xC6: ("bin", 4),
    0xC7: ("ext", 1), 0xC8: ("ext", 2), 0xC9: ("ext", 4),
    0xD9: ("str", 1), 0xDA: ("str", 2), 0xDB: ("str", 4),
    0xDC: ("array", 2), 0xDD: ("array", 4), 0xDE: ("map", 2), 0xDF: ("map", 4),
}  # fmt: skip
_INTS = {
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
_FIXED = {
    0xC0: ("nil", 0),
    0xC2: ("bool", 0),
    0xC3: ("bool", 0),
    0xCA: ("float", 4),
    0xCB: ("float", 8),
}
_FIX_EXT = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


def read(data: bytes, at: int = 0) -> tuple[Node, int]:
    """The value at `at` and where it ends; raises ValueError where nothing can be read."""
    if at >= len(data):
        raise ValueError("ends early")
    lead, start = data[at], at
    at += 1
    if lead < 0x80 or lead >= 0xE0:
        return Node("int", data[start:at], lead if lead < 0x80 else lead - 0x100), at
    if lead < 0xC0:
        kind = "map" if lead < 0x90 else "array" if lead < 0xA0 else "str"
        return _sized(data, start, at, kind, lead & (0x1F if kind == "str" else 0x0F))
    if lead in _LENGTHS:
        kind, width = _LENGTHS[lead]
        count = int.from_bytes(_take(data, at, width), "big")
        return _sized(data, start, at + width, kind, count)
    if lead in _INTS:
        width = struct.calcsize(_INTS[lead])
        (number,) = struct.unpack(_INTS[lead], _take(data, at, width))
        return Node("int", data[start : at + width], number), at + width
    if lead in _FIX_EXT:
        return _sized(data, start, at, "ext", _FIX_EXT[lead])
    if lead not in _FIXED:
        raise ValueError("c1")
    kind, width = _FIXED[lead]
    _take(data, at, width)
    return Node(kind, data[start : at + width]), at + width


def _take(data: bytes, at: int, count: int) -> bytes:
    if count > len(data) - at:
        raise ValueError("ends early")
    return data[at : at + count]


def _sized(data: bytes, start: int, at: int, kind: str, count: int) -> tuple[Node, int]:
    if kind in ("str", "bin", "ext"):
        count += kind == "ext"
        content = _take(data, at, count)
        at += count
        return Node(kind, data[start:at], content), at
    items = []
    head = data[start:at]
    for _ in range(2 * count if kind == "map" else count):
        item, at = read(data, at)
        items.append(item)
    return Node(kind, head, len(head), items), at


Mend = Callable[[Node], Node]


def mended(data: bytes, mend: Mend, *, trailing: bool = False) -> bytes:
    """`data` with `mend` applied to every value, innermost first; unchanged if it can't be read."""
    try:
        node, end = read(data)
    except (ValueError, RecursionError):
        return data
    return spell(_mended(node, mend)) + (b"" if trailing else data[end:])


def _mended(node: Node, mend: Mend) -> Node:
    node.items = [_mended(item, mend) for item in node.items]
    return mend(node)


def spell(node: Node) -> bytes:
    """The bytes of a node: as they were read, but for a container whose items may have changed."""
    if node.kind == "array":
        return node.spelled + b"".join(map(spell, node.items))
    if node.kind == "map":
        return node.spelled + b"".join(map(spell, node.items))
    return node.spelled


def shortest(node: Node) -> Node:
    """A node with the shortest head."""
    match node.kind, node.content:
        case "int", int() as number if number < 2**64:
            node.spelled = raw.integer(number)
        case "str", bytes() as content:
            node.spelled = raw.text(content)
        case "bin", bytes() as content:
            node.spelled = raw.binary(content)
        case "array", _:
            node.spelled = raw.array([], count=len(node.items))
        case "map", _:
            node.spelled = raw.mapping([], count=len(node.items) // 2)
    return node


def pairs(node: Node) -> list[tuple[Node, Node]]:
    """The entries of a map."""
    return list(zip(node.items[::2], node.items[1::2], strict=True))


def with_pairs(node: Node, entries: list[tuple[Node, Node]]) -> Node:
    """A map with other entries and the head that belongs to their number."""
    node.items = [item for entry in entries for item in entry]
    return shortest(node)
