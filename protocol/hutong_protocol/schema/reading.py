"""Whether a record is readable: a function of its type, refs and facts. Spec: 12.6.1, 12.6.2.

Owns the way from bytes of a facts part to a map, for readers. Any bytes are allowed: what is wrong
makes the record unreadable, which is counted, and is never a fault of anybody's log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from hutong_protocol.encoding import Value, decode
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.limits import PART_BYTES_MAX
from hutong_protocol.schema.problems import Problem, Report
from hutong_protocol.schema.record_types import RECORD_TYPES, RecordType
from hutong_protocol.schema.refs import Refs, missing_refs, read_refs

FactMap: TypeAlias = dict[str, Value]


def decode_part(data: bytes) -> FactMap | None:
    """The map that the bytes of a facts or text part encode; None for any other bytes."""
    try:
        value = decode(data, bytes_max=PART_BYTES_MAX)
    except ProtocolFault:
        return None
    return value if isinstance(value, dict) else None


def read_record(
    record_type: RecordType, refs: Sequence[bytes], facts: bytes | None
) -> tuple[Refs, FactMap] | None:
    """The refs by position and the facts of a readable record; None for an unreadable one.

    Args:
        facts: the bytes of its facts part; None when it has no such part, which counts as an empty
            map.
    """
    found = read_refs(refs, record_type.refs)
    if missing_refs(found, record_type.refs):
        return None
    value = {} if facts is None else decode_part(facts)
    if value is None or fact_problems(record_type, found, value, authoring=False):
        return None
    return found, value


def fact_problems(
    record_type: RecordType, refs: Refs, facts: Mapping[str, object], *, authoring: bool
) -> list[Problem]:
    """What is wrong with the facts of a record with these refs."""
    report = Report(authoring=authoring)
    record_type.facts.check(facts, report)
    if record_type.name == "link/1" and refs.target is None and "far" not in facts:
        report.add_at("far", "is required when the target is none")
    return report.problems


def known_type(name: str) -> RecordType | None:
    """The record type of a header's `type`, if it is one of version 1."""
    return RECORD_TYPES.get(name)
