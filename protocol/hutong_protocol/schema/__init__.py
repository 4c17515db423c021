"""Records of the coordination model: their types, refs, facts and text. Spec: 12.2 to 12.6.

`record_types.RECORD_TYPES` is the table; `reading.read_record` says whether a record counts;
`authoring.record_problems` says whether it may be signed; `jsonform` is how facts stand in JSON.
"""

from hutong_protocol.schema.authoring import record_problems, validate_facts, validate_text
from hutong_protocol.schema.problems import Problem
from hutong_protocol.schema.reading import decode_part, read_record
from hutong_protocol.schema.record_types import RECORD_TYPES, RecordType
from hutong_protocol.schema.refs import Position, Refs, write_refs

__all__ = [
    "RECORD_TYPES",
    "Position",
    "Problem",
    "RecordType",
    "Refs",
    "decode_part",
    "read_record",
    "record_problems",
    "validate_facts",
    "validate_text",
    "write_refs",
]
