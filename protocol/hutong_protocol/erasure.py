"""Which parts are erased: a pure function of the records that erase. Spec: 5.7.

Owns the rule when an erase record has an effect on a target, and the set of erased parts that
follows. The order in which records arrive does not matter, since each pair of an erase and a target
is judged by itself and masks are joined; so a store may ask about one pair at a time.

The caller leaves out records that are not authentic or that are cut away (Spec: 5.7.2), and looks
the right `erase` up in the eraser's delegation. Making bytes disappear is the store's task.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from hutong_protocol.ids import OrgId, RecordId, WriterKey


class LogOwner(NamedTuple):
    """What decides between an erase and a target: where a record's log belongs, and whose it is."""

    org: OrgId
    space: str
    topic: str
    writer: WriterKey


@dataclass(frozen=True, slots=True)
class EraseTarget:
    """A record that has parts, or had them: `parts` is their number, 0 in an erase record."""

    record: RecordId
    owner: LogOwner
    parts: int


@dataclass(frozen=True, slots=True)
class Erase:
    """An authentic erase record that is not cut away.

    `may_erase` says that the delegation of its log has the right `erase`; `names` are its refs,
    each with the mask beside it.
    """

    owner: LogOwner
    may_erase: bool
    names: tuple[tuple[RecordId, int], ...]


def effective_mask(erase: Erase, target: EraseTarget) -> int:
    """The parts of `target` that `erase` erases: bit i is position i; 0 is none.

    An erase without the right, from another organisation or for another scope is no fault, and
    neither is a bit at or above the number of parts: they have no effect. Spec: 5.7.2, 5.7.3.
    """
    same_scope = (
        erase.owner.org == target.owner.org
        and erase.owner.space == target.owner.space
        and erase.owner.topic == target.owner.topic
    )
    if not same_scope or not (erase.may_erase or erase.owner.writer == target.owner.writer):
        return 0
    mask = 0
    for record, bits in erase.names:
        if record == target.record:
            mask |= bits
    return mask & (1 << target.parts) - 1


def erased_masks(erases: Iterable[Erase], targets: Iterable[EraseTarget]) -> dict[RecordId, int]:
    """The erased parts of `targets`: record id -> mask, without those of which none is erased.

    The same for any order, and for any repetition, of both arguments. Spec: 5.7.4.
    """
    naming: dict[RecordId, list[Erase]] = {}
    for erase in erases:
        for record, _ in erase.names:
            naming.setdefault(record, []).append(erase)
    erased: dict[RecordId, int] = {}
    for target in targets:
        for erase in naming.get(target.record, ()):
            mask = effective_mask(erase, target)
            if mask:
                erased[target.record] = erased.get(target.record, 0) | mask
    return erased
