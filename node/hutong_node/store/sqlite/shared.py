"""What the readers and the writer of one open store have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hutong_node.marker import Place
from hutong_node.store.interface import Policy
from hutong_protocol.faults import Fault
from hutong_protocol.ids import LogId, OrgId


@dataclass(slots=True)
class Shared:
    """Touched by several threads; each access is a single one, which the interpreter keeps whole.

    `epoch` is the store's for cursors. `mark_left` remembers places of own logs on disk;
    `found_rot` hears of rows and positions of parts that don't fit their commit; `damaged` collects
    logs that can't be read to their end. `withholds`: no record or part is handed to a peer, since
    the store may lack erasures. Spec: 5.1.6.
    """

    epoch: bytes
    own_org: OrgId | None
    policy: Policy
    refusals: dict[LogId, Fault]
    mark_left: Callable[[Iterable[tuple[bytes, Place]]], None]
    found_rot: Callable[[Sequence[tuple[int, int]]], None]
    damaged: set[LogId]
    withholds: bool
