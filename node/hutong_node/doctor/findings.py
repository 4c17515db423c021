"""What the doctor finds: one value a check, and the report that they make.

Owns the form of a finding and the rule of what counts as bad. A finding names its check and the
case that was met by codes that don't change, with the numbers that its sentence needs; state and
sentences of a case stand in `words.toml`. Facts hold numbers, paths, addresses, ids and codes of
this program: no secret, no text of a record and no word of a stranger may be put into one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from hutong_node.store.errors import StoreError
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.ids import OrgId

Fact: TypeAlias = str | int
Facts: TypeAlias = dict[str, Fact]

FAILED: Final = "failed"
"""The case of any check that could not be made."""


class State(StrEnum):
    """How serious a finding is, the worst first."""

    BAD = "bad"
    WARN = "warn"
    UNKNOWN = "unknown"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `peer` is the organisation of the peer that it is about."""

    code: str
    case: str
    facts: Mapping[str, Fact] = field(default_factory=lambda: MappingProxyType({}))
    peer: OrgId | None = None


def collected(code: str, found: Iterable[Finding], peer: OrgId | None = None) -> list[Finding]:
    """The findings of one check; if it breaks off, those so far and one that says so.

    What a damaged folder or a stranger can cause never takes the other checks away. Words of an
    exception may quote anything, so that only its kind is told.
    """
    kept: list[Finding] = []
    iterator: Iterator[Finding] = iter(found)
    while True:
        try:
            finding = next(iterator, None)
        except (OSError, StoreError, ProtocolFault, ValueError) as failed:
            kept.append(Finding(code, FAILED, {"error": type(failed).__name__}, peer))
            return kept
        if finding is None:
            return kept
        kept.append(finding)
