"""From checked records to rows: what one append writes, gathered in a single pass.

The hottest loop of the store. A data record whose one part came with it, which is nearly every
record, goes a short way; everything else (parts that are absent or erased already, erase records,
unknown kinds) is looked at closely. Nothing here touches the database, except to ask what an erase
that came earlier says about a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hutong_node.store.sqlite.held import LogRow
from hutong_node.store.sqlite.parts import Parts
from hutong_node.store.sqlite.rows import ONE_HERE, pack_parts, strip_header
from hutong_protocol.records import Kind
from hutong_protocol.runs import CheckedRecord

COLUMNS: Final = "row, id, body, parts"

_SEQ_AT: Final = 37  # after array, v, a kind below 128 and a log of 32 bytes
_REST_AT: Final = {0xCC: 73, 0xCD: 74, 0xCE: 76, 0xCF: 80}
"""Where a header goes on after `prev`, by the first byte of its seq; 72 for a seq below 128."""


@dataclass(slots=True)
class NewRows:
    """What an append writes.

    `values` are those of the rows, in `COLUMNS`; `sizes` counts, up to and with each record, header
    bytes and declared parts. `missing` are (id, row, mask), `arrived` (row, id) of records that an
    erase has waited for, `erases` erase records with their rows.
    """

    values: list[Any] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    missing: list[tuple[bytes, int, int]] = field(default_factory=list)
    arrived: list[tuple[int, bytes]] = field(default_factory=list)
    erases: list[tuple[int, CheckedRecord]] = field(default_factory=list)
    part_bytes: int = 0
    clock_max: int = 0


def gather(log: LogRow, records: Sequence[CheckedRecord], first_row: int, parts: Parts) -> NewRows:
    """The rows of records that are appended to `log` from `first_row` on."""
    new = NewRows()
    values, sizes = new.values, new.sizes
    awaited = parts.awaited(log.scope.number)
    part_bytes = clock_max = size = 0
    for row, record in enumerate(records, start=first_row):
        identifier, header, _, kind, clock, _, _, _, _, present, _ = record
        if (
            kind == Kind.DATA
            and len(present) == 1
            and (part := present[0]) is not None
            and identifier not in awaited
        ):
            data = part.data
            part_bytes += len(data)
            size += len(header) + len(data)
            first = header[_SEQ_AT]
            body = header[2:3] + header[72 if first < 0x80 else _REST_AT[first] :]
            values += (row, identifier, body, ONE_HERE + part.salt + data)
        else:
            size += len(header) + sum(known.length for known in record.part_refs)
            part_bytes += _look_closely(new, log, row, record, parts)
        sizes.append(size)
        if clock > clock_max:
            clock_max = clock
    new.part_bytes, new.clock_max = part_bytes, clock_max
    return new


def _look_closely(new: NewRows, log: LogRow, row: int, record: CheckedRecord, parts: Parts) -> int:
    """Any record; returns the bytes of its parts that are kept."""
    erased = 0
    if record.id in parts.awaited(log.scope.number):
        erased = parts.erased_on_arrival(log, record)
        new.arrived.append((row, record.id))
    contents = [
        None if part is None or erased >> position & 1 else part.salt + part.data
        for position, part in enumerate(record.parts)
    ]
    absent = sum(1 << position for position, content in enumerate(contents) if content is None)
    if absent & ~erased:
        new.missing.append((record.id, row, absent & ~erased))
    if record.kind == Kind.ERASE:
        new.erases.append((row, record))
    body = strip_header(record.header, record.seq)
    new.values += (row, record.id, body, pack_parts(contents, erased))
    return sum(
        known.length
        for known, content in zip(record.part_refs, contents, strict=True)
        if content is not None
    )
