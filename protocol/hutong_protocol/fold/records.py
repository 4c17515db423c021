"""What goes into the fold: records as the coordination model sees them. Spec: 12.9.

Owns the input value, the grouping by thing, and the standing of a record. Whoever calls the fold
has already left out what is not authentic or was cut away (sections 4 to 6); nothing here verifies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from hutong_protocol.schema.reading import known_type

FOLD_VERSION: Final = 1
"""Changes with every rule that changes a number, an axis or a steward. Spec: 12.1."""

NOT_INTERPRETED: Final = frozenset(
    {
        "request/1",
        "allocation/1",
        "relay/1",
        "handoff/1",
        "handoff_accept/1",
        "handoff_withdraw/1",
        "link/1",
        "post/1",
        "flag/1",
    }
)
"""Types that fold version 1 keeps and counts only. Spec: 12.9.3."""


class PartState(StrEnum):
    """The state of a record's facts. Spec: 5.6, 12.9.1."""

    PRESENT = "present"
    ERASED = "erased"
    MISSING = "missing"
    ABSENT = "absent"
    """The record has no facts part."""


class Standing(StrEnum):
    """What a record is to the fold. Spec: 12.9.3."""

    UNKNOWN = "unknown"
    NOT_INTERPRETED = "not_interpreted"
    MISPLACED = "misplaced"
    UNREADABLE = "unreadable"
    PENDING = "pending"
    UNAUTHORISED = "unauthorised"
    BAD_CORRECTION = "bad_correction"
    OWN_RECEIPT = "own_receipt"
    EFFECTIVE = "effective"


@dataclass(frozen=True, slots=True)
class FoldRecord:
    """An authentic, effective data record.

    `facts` and `text` are the bytes of the parts of role 0 and 1, None when they are not held or
    not there; `facts_state` says which. `writer`, `ts_ms`, `text`, `log` and `seq` matter to no
    number: they travel along for those who show where something came from.

    `critical` says that `crit` in the record's ext names a key that this version does not know.
    """

    id: bytes
    org: bytes
    writer: bytes
    clock: int
    ts_ms: int
    space: str
    topic: str
    type: str
    refs: tuple[bytes, ...]
    facts: bytes | None
    text: bytes | None = None
    facts_state: PartState = PartState.PRESENT
    log: bytes = b""
    seq: int = 0
    critical: bool = False


class ThingKey(NamedTuple):
    """Names a thing in its home scope. Records of different keys never meet. Spec: 12.9.3."""

    space: str
    topic: str
    id: bytes


def thing_of(record: FoldRecord) -> ThingKey:
    """The thing that a record belongs to, from its header alone. Spec: 12.2.4."""
    known = known_type(record.type)
    about = record.refs[0] if record.refs else b""
    if (known is not None and known.root) or not about:
        about = record.id
    return ThingKey(record.space, record.topic, about)


_STATES: Final = tuple(PartState)


def merged(records: Iterable[FoldRecord]) -> dict[bytes, FoldRecord]:
    """One record for each id. Of copies the one whose facts are held counts. Spec: 12.9.1."""
    found: dict[bytes, FoldRecord] = {}
    for record in records:
        other = found.get(record.id)
        if other is None or _preference(record) < _preference(other):
            found[record.id] = record
    return found


def _preference(record: FoldRecord) -> tuple[int, bytes]:
    """Sorts copies of one record. Present facts of one id are the same bytes, since the header
    commits to them; comparing them too only keeps this total for input that no log can hold."""
    return _STATES.index(record.facts_state), record.facts or b""
