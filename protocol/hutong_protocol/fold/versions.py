"""The versions of a thing: the body in force, its lines, until when it holds, whether it is closed.

Owns sections 12.13 and 12.14. Lines are never lost: one that a later version leaves out stays with
target 0, since promises may hang on it, and one that only others name is shown as unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hutong_protocol import quantity
from hutong_protocol.encoding import Value
from hutong_protocol.fold.flags import Flag
from hutong_protocol.fold.sorting import Rank, Read, Sorted, heads, highest
from hutong_protocol.fold.stewards import StewardChain
from hutong_protocol.instants import instant_ms
from hutong_protocol.quantity import Pack
from hutong_protocol.schema.reading import FactMap

_BEFORE_ALL: Rank = (-1, 0, b"")


@dataclass(frozen=True, slots=True)
class LineDefinition:
    """A line as one version has it. Spec: 12.7.6."""

    id: str
    kind: str
    item: tuple[str, str] | None
    facts: FactMap
    dimension: str | None
    target: int | None
    pack: Pack | None


@dataclass(frozen=True, slots=True)
class Version:
    """The thing's first record or a revision; `body` is None when its facts are gone."""

    id: bytes
    rank: Rank
    body: FactMap | None
    lines: dict[str, LineDefinition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Versions:
    """All effective versions from the lowest rank, and the one in force. Spec: 12.13.1."""

    all: tuple[Version, ...]
    in_force: Version

    def pack(self, revision: bytes | None, line: str) -> Pack | None:
        """The pack of a line at a named revision. Spec: 12.7.5."""
        for version in self.all:
            if version.id == revision:
                definition = version.lines.get(line)
                return None if definition is None else definition.pack
        return None

    def definitions(self, line: str) -> list[LineDefinition]:
        """The line in each version that has it, from the lowest rank."""
        return [version.lines[line] for version in self.all if line in version.lines]

    def defined_lines(self) -> set[str]:
        """The ids of the lines that some version has."""
        return {line for version in self.all for line in version.lines}

    def organisations(self, name: str) -> frozenset[bytes]:
        """The organisations in a party field, or list of parties, of any version."""
        found: set[bytes] = set()
        for version in self.all:
            value = (version.body or {}).get(name, [])
            entries = value if isinstance(value, list) else [value]
            found |= {entry for entry in entries if isinstance(entry, bytes)}
        return frozenset(found)


def versions_of(found: Sorted, root: Read, chain: StewardChain) -> Versions:
    """The versions of the thing. Flags concurrent revisions."""
    revisions = found.of("revise/1")
    first = _version(root, _BEFORE_ALL, root.facts)
    versions = [first]
    in_force = first
    if revisions:
        holds, concurrent = highest(revisions, chain.rank)
        if concurrent:
            found.flags.add(Flag("concurrent", record=holds.id.hex()))
        for read in revisions:
            body = None if read.facts is None else read.facts["body"]
            version = _version(read, chain.rank(read), body if isinstance(body, dict) else None)
            versions.append(version)
            if read is holds:
                in_force = version
    return Versions(tuple(sorted(versions, key=lambda version: version.rank)), in_force)


def _version(read: Read, rank: Rank, body: FactMap | None) -> Version:
    lines = {}
    for facts in line_maps(body):
        definition = _definition(facts)
        lines[definition.id] = definition
    return Version(read.id, rank, body, lines)


def line_maps(body: FactMap | None) -> Iterator[FactMap]:
    """The maps of the lines of a body that fits its shape; none for things without lines."""
    lines = (body or {}).get("lines", [])
    assert isinstance(lines, list)
    for line in lines:
        assert isinstance(line, dict)
        yield line


def _definition(facts: FactMap) -> LineDefinition:
    identifier, stated = facts["id"], facts["quantity"]
    assert isinstance(identifier, str)
    assert isinstance(stated, dict)
    amount = quantity.of(stated)
    target = amount.stated()
    item = facts.get("item")
    return LineDefinition(
        id=identifier,
        kind=coded_text(facts["kind"]),
        item=(str(item["scheme"]), str(item["code"])) if isinstance(item, dict) else None,
        facts=facts,
        dimension=amount.dimension(),
        target=None if target is None else target.units,
        pack=amount.pack,
    )


def coded_text(value: Value) -> str:
    """A coded value as text. Spec: 12.21.2."""
    if isinstance(value, dict):
        address, code = value["list"], value["code"]
        assert isinstance(address, dict)
        by = address["by"]
        assert isinstance(by, bytes)
        return f"{by.hex()}/{address['name']!s}/{address['version']!s}#{code!s}"
    assert isinstance(value, str)
    return value


def time_of(facts: FactMap | None, name: str) -> int | None:
    """The instant in a time field, None without it."""
    value = (facts or {}).get(name)
    return instant_ms(value) if isinstance(value, str) else None


def changed_lines(versions: Versions) -> Iterator[str]:
    """The lines of the body whose kind, item or dimension is not the first one. Spec: 12.13.3."""
    for line, now in sorted(versions.in_force.lines.items()):
        before = versions.definitions(line)[0]
        if (now.kind, now.item, now.dimension) != (before.kind, before.item, before.dimension):
            yield line


def valid_until(found: Sorted, root: Read, chain: StewardChain) -> int | None:
    """Until when the thing holds, None if nothing says so. Spec: 12.13.4."""
    revisions = heads(found.of("revise/1"))
    confirmations = found.of("reconfirm/1")
    replaced: set[bytes] = set()
    for read in (*found.of("revise/1"), *confirmations):
        replaced |= read.refs.replaces - {read.id}
    standing = [read for read in confirmations if read.id not in replaced] or confirmations
    for read in sorted((*revisions, *standing), key=chain.rank, reverse=True):
        facts = read.facts
        if facts is not None and read.record.type == "revise/1":
            body = facts["body"]
            facts = body if isinstance(body, dict) else None
        instant = time_of(facts, "valid_until")
        if instant is not None:
            return instant
    return time_of(root.facts, "valid_until")


@dataclass(frozen=True, slots=True)
class Closing:
    """Which lines are closed, and whether the thing is. Spec: 12.14."""

    lines: frozenset[str]
    thing: bool
    reason: str | None


def closing_of(
    found: Sorted, chain: StewardChain, lines: Iterable[str], body_lines: frozenset[str]
) -> Closing:
    """Applies the records that close and reopen the thing or its lines. Flags concurrent ones."""
    said = [
        read for read in (*found.of("close/1"), *found.of("reopen/1")) if read.refs.target is None
    ]
    closed: dict[str, Read] = {}
    for line in lines:
        ruling = _ruling(found, chain, [read for read in said if covers(read, line)])
        if ruling is not None and ruling.record.type == "close/1":
            closed[line] = ruling
    if body_lines:
        reasons = [closed[line] for line in body_lines if line in closed]
        is_closed = len(reasons) == len(body_lines)
    else:
        whole = _ruling(found, chain, [read for read in said if covers(read, None)])
        is_closed = whole is not None and whole.record.type == "close/1"
        reasons = [whole] if whole is not None else []
    reason = None
    if is_closed:
        facts = max(reasons, key=chain.rank).facts
        reason = None if facts is None else coded_text(facts["reason"])
    return Closing(frozenset(closed), is_closed, reason)


def _ruling(found: Sorted, chain: StewardChain, covering: list[Read]) -> Read | None:
    if not covering:
        return None
    ruling, concurrent = highest(covering, chain.rank)
    if concurrent:
        found.flags.add(Flag("concurrent", record=ruling.id.hex()))
    return ruling


def covers(read: Read, line: str | None) -> bool:
    """Whether a close or reopen speaks of a line; None asks for the whole. Spec: 12.14.1."""
    lines = (read.facts or {}).get("lines")
    if not isinstance(lines, list):
        return True
    return line is not None and line in lines
