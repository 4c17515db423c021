"""Session frames as values: the number of each type, its dataclass and its bounds.

Owns the list of frames of section 7.2. `frame_forms` reads and writes their bytes; which frame may
come when is a matter of `session_states`, what it means of `session`. `scope` is the position in
the list of shared scopes. Runs and events inside are decoded values that nobody has judged yet.
Spec: 7.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

from hutong_protocol.exchange import (
    Cursor,
    Head,
    LogHeads,
    OfferedScope,
    OrgDigest,
    PartItem,
    PartWant,
    RunWant,
)
from hutong_protocol.ids import EventId, LogId, OrgId
from hutong_protocol.limits import PART_BYTES_MAX, RUN_BYTES_MAX

PROTOCOL_NAME: Final = "hutong"
HELLO_ITEMS_MAX: Final = 32
"""Versions or features in a HELLO: many releases to come, and a small frame before AUTH."""
FEATURE_BYTES_MAX: Final = 32
SCOPES_MAX: Final = 1_024
"""Scopes of one session; their roots together are 34 KiB."""
ENTRIES_MAX: Final = 4_096
"""Entries of one HEADS, wants of one RUNS_WANTED, logs of one HAVE: about 300 KB."""
PART_WANTS_MAX: Final = 256
CREDIT_MAX: Final = 64
FRAME_BYTES_MIN: Final = RUN_BYTES_MAX + PART_BYTES_MAX
"""Least frame that a side may limit the other to: any run fits, with room around it."""
BYE_TEXT_BYTES_MAX: Final = 200
EPOCH_BYTES: Final = 16
FAULT_BYTES_MAX: Final = 32


class FrameType(IntEnum):
    """The number that a frame begins with."""

    HELLO = 1
    AUTH = 2
    EVENTS = 3
    EVENTS_WANTED = 4
    SCOPES = 5
    ROOT = 6
    ROOTS = 7
    HEADS_WANTED = 8
    HEADS = 9
    RUNS_WANTED = 10
    RUNS = 11
    RUNS_END = 12
    CREDIT = 13
    PARTS_WANTED = 14
    PARTS = 15
    DONE = 16
    REFUSED = 17
    HAVE = 18
    BYE = 19
    SHARED = 22


@dataclass(frozen=True, slots=True)
class Hello:
    """First frame of each side. `role` is 0 for the initiator, 1 for the responder. Spec: 7.3."""

    versions: tuple[int, ...]
    features: tuple[str, ...]
    role: int
    nonce: bytes
    org: OrgId
    delegation: EventId
    frame_bytes_max: int
    credit: int


@dataclass(frozen=True, slots=True)
class Auth:
    """Proof that the sender has the writer key of its HELLO's delegation. Spec: 7.3."""

    signature: bytes


@dataclass(frozen=True, slots=True)
class Events:
    """Answer to `EventsWanted`; `more`: others are held that did not fit."""

    org: OrgId
    events: tuple[object, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class EventsWanted:
    """Question for the events of an organisation that are not ancestors of those held."""

    org: OrgId
    have: tuple[EventId, ...]


@dataclass(frozen=True, slots=True)
class Scopes:
    """What the initiator would exchange, sorted. Spec: 7.4."""

    offers: tuple[OfferedScope, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """Which of those the responder shares: position, and its own salt. Spec: 7.4."""

    choices: tuple[tuple[int, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Root:
    """The sender's shared root; `done`: if equal, the sender has nothing to ask. Spec: 7.6."""

    root: bytes
    done: bool


@dataclass(frozen=True, slots=True)
class Roots:
    """The sender's root of each shared scope. Spec: 7.6."""

    roots: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class HeadsWanted:
    """Question for entries of a scope with ids above `after`. Spec: 7.6."""

    scope: int
    since: Cursor | None
    after: bytes | None


@dataclass(frozen=True, slots=True)
class Heads:
    """A page of entries; ids ascend in each of the two lists. Spec: 7.6."""

    scope: int
    cursor: Cursor
    full: bool
    logs: tuple[LogHeads, ...]
    orgs: tuple[OrgDigest, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class RunsWanted:
    """Question for runs. Spec: 7.7."""

    scope: int
    wants: tuple[RunWant, ...]


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs; element 0 of each is a log id or the number of a log named before. Spec: 7.7."""

    scope: int
    runs: tuple[list[object], ...]


@dataclass(frozen=True, slots=True)
class RunsEnd:
    """All runs of one `RunsWanted` have been sent."""

    scope: int


@dataclass(frozen=True, slots=True)
class Credit:
    """Frames under credit that the sender has dealt with. Spec: 7.7."""

    frames: int


@dataclass(frozen=True, slots=True)
class PartsWanted:
    """Question for missing parts. Spec: 7.8."""

    scope: int
    wants: tuple[PartWant, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """Answer to `PartsWanted`; `more`: others are held that did not fit."""

    scope: int
    items: tuple[PartItem, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The sender has nothing more to ask in this round. Spec: 7.9."""

    root: bytes
    round_number: int
    again: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """The sender does not take a run; information. Spec: 7.7."""

    scope: int
    log: LogId
    first_seq: int
    fault: str


@dataclass(frozen=True, slots=True)
class Have:
    """Heads that the sender holds, while live. Spec: 7.10."""

    scope: int
    logs: tuple[tuple[LogId, Head], ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """Last frame of a side; `fault` is empty when all is well."""

    fault: str
    text: str


Frame: TypeAlias = (
    Hello
    | Auth
    | Events
    | EventsWanted
    | Scopes
    | Shared
    | Root
    | Roots
    | HeadsWanted
    | Heads
    | RunsWanted
    | Runs
    | RunsEnd
    | Credit
    | PartsWanted
    | Parts
    | Done
    | Refused
    | Have
    | Bye
)

FRAME_TYPES: Final[dict[type[Frame], FrameType]] = {
    Hello: FrameType.HELLO,
    Auth: FrameType.AUTH,
    Events: FrameType.EVENTS,
    EventsWanted: FrameType.EVENTS_WANTED,
    Scopes: FrameType.SCOPES,
    Shared: FrameType.SHARED,
    Root: FrameType.ROOT,
    Roots: FrameType.ROOTS,
    HeadsWanted: FrameType.HEADS_WANTED,
    Heads: FrameType.HEADS,
    RunsWanted: FrameType.RUNS_WANTED,
    Runs: FrameType.RUNS,
    RunsEnd: FrameType.RUNS_END,
    Credit: FrameType.CREDIT,
    PartsWanted: FrameType.PARTS_WANTED,
    Parts: FrameType.PARTS,
    Done: FrameType.DONE,
    Refused: FrameType.REFUSED,
    Have: FrameType.HAVE,
    Bye: FrameType.BYE,
}
