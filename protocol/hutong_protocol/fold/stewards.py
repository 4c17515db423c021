"""Who is steward, and who may say what about a thing by that. Spec: 12.12.

Owns the chain of stewards and the say that follows from a link. Handoffs will lengthen the chain in
a later fold version; everything else only asks for positions, so nothing but this module changes
then. Who may deliver and confirm goods follows from decisions and stands in `carriage`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hutong_protocol.fold.records import Standing
from hutong_protocol.fold.sorting import STATEMENT_TYPES, Rank, Read, Sorted

_ANY_THING: Final = frozenset({"org/1", "incident/1", "codelist/1", "need/1", "offer/1"})
_NEED: Final = frozenset({"need/1"})

ABOUT: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "revise/1": _ANY_THING - {"codelist/1"},
        "close/1": _ANY_THING,
        "reopen/1": _ANY_THING,
        "reconfirm/1": frozenset({"need/1", "offer/1"}),
        "verify/1": frozenset({"need/1", "offer/1"}),
        **dict.fromkeys(STATEMENT_TYPES, _NEED),
    }
)
"""Of which things each follow-up type may speak. Spec: 12.12.2."""

_BY_LINK: Final = frozenset({"revise/1", "close/1", "reopen/1", "reconfirm/1", "decision/1"})


@dataclass(frozen=True, slots=True)
class StewardChain:
    """The (link, organisation) of each position, never empty. Spec: 12.12.1."""

    positions: tuple[tuple[bytes, bytes], ...]

    @property
    def steward(self) -> bytes:
        """Who is responsible now."""
        return self.positions[-1][1]

    @property
    def members(self) -> frozenset[bytes]:
        """Everybody who is or was steward."""
        return frozenset(org for _, org in self.positions)

    def position(self, link: bytes | None, org: bytes) -> int | None:
        """Where this organisation stands by this link; None if nowhere."""
        for number, position in enumerate(self.positions):
            if position == (link, org):
                return number
        return None

    def rank(self, read: Read) -> Rank:
        """The rank of a record that this chain gives a say. Spec: 12.11.3."""
        return read.rank(self.position(read.refs.link, read.org) or 0)


def chain_of(root: Read) -> StewardChain:
    """The chain of the thing that `root` is the first record of."""
    return StewardChain(((root.id, root.org),))


def judge_by_link(found: Sorted, root: Read, chain: StewardChain) -> None:
    """Sets aside what is about the wrong kind of thing, what has no say by its link, and bad
    corrections. Closing a commitment, carrying and receiving are judged elsewhere."""
    for read in _effective(found):
        name = read.record.type
        if read is root:
            continue
        apt = root.record.type in ABOUT.get(name, ()) and _fits(read, root)
        unlinked = _speaks_by_link(read) and chain.position(read.refs.link, read.org) is None
        if unlinked or not apt:
            found.set_aside(read, Standing.UNAUTHORISED)
    for name in ("commitment/1", "decision/1"):
        for read in found.of(name):
            if found.is_bad_correction(read):
                found.set_aside(read, Standing.BAD_CORRECTION)


def _speaks_by_link(read: Read) -> bool:
    """Closing a commitment is up to those who promised; everything else here needs a link."""
    if read.record.type in ("close/1", "reopen/1"):
        return read.refs.target is None
    return read.record.type in _BY_LINK


def _fits(read: Read, root: Read) -> bool:
    """A revision states the type of its thing; only needs have parts that can be closed."""
    if read.record.type == "revise/1" and read.facts is not None:
        return read.facts["of"] == root.record.type
    if read.record.type in ("close/1", "reopen/1") and read.refs.target is not None:
        return root.record.type == "need/1"
    return True


def _effective(found: Sorted) -> Iterable[Read]:
    for name in sorted(found.reads):
        yield from found.of(name)
