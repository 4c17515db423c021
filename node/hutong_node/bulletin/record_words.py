"""The words and facts of a record as far as they fit what the specification says they are.

Owns reading parts of records for pages. Words that don't fit their field are left out, one field at
a time (Spec: 12.5); facts are used of readable records only, so that code which shows them meets
nothing but what the schema allows. Whether words are there, erased or missing is told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hutong_node.bulletin.text_safety import NOTHING, Shown, shown
from hutong_node.drafting import FACTS_ROLE, TEXT_ROLE
from hutong_node.showing import part_of
from hutong_node.store.interface import PartState, StoredRecord
from hutong_protocol.encoding import Value
from hutong_protocol.schema import RECORD_TYPES, read_record
from hutong_protocol.schema.problems import Report
from hutong_protocol.schema.refs import Refs

_NO_WORDS: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class RecordWords:
    """The text part of a record: the fields that fit, and whether it is there."""

    fields: Mapping[str, Any]
    state: str

    def text(self, name: str, *, personal: bool = True) -> Shown:
        """A field of words, ready to show; nothing where it isn't there."""
        return self.of(self.fields.get(name), personal=personal)

    def of(self, value: object, *, personal: bool = True) -> Shown:
        """Some words of this part, in its language."""
        if not isinstance(value, str) or not value.strip():
            return NOTHING
        language = self.fields.get("language", "")
        return shown(value, language if isinstance(language, str) else "", personal=personal)

    def line(self, line: str) -> Mapping[str, Any]:
        """The words of one line."""
        found = self.fields.get("lines", _NO_WORDS).get(line, _NO_WORDS)
        return found if isinstance(found, Mapping) else _NO_WORDS

    def party(self, key: str) -> Shown:
        """The name of a party without a node."""
        return self.of(self.fields.get("parties", _NO_WORDS).get(key))


def words_of(record: StoredRecord | None) -> RecordWords:
    """The words of a record; none of None."""
    if record is None:
        return RecordWords(_NO_WORDS, "missing")
    text, state, _ = part_of(record, TEXT_ROLE)
    known = RECORD_TYPES.get(record.type)
    if not text or known is None:
        return RecordWords(_NO_WORDS, state)
    found = {}
    for name, field in known.text.fields.items():
        if name in text:
            report = Report(authoring=False)
            field.shape.check(text[name], report)
            if not report.problems:
                found[name] = text[name]
    return RecordWords(found, state)


def facts_of(record: StoredRecord) -> tuple[Refs, Mapping[str, Value]] | None:
    """The refs and facts of a readable record; None of any other, also if its facts are gone."""
    known = RECORD_TYPES.get(record.type)
    if known is None:
        return None
    for part in record.parts:
        if part.role == FACTS_ROLE:
            if part.state is not PartState.PRESENT:
                return None
            return read_record(known, record.refs, part.data)
    return read_record(known, record.refs, None)


def facts_state(record: StoredRecord) -> str:
    """`present`, `erased`, `missing` or `absent`."""
    return next((part.state.value for part in record.parts if part.role == FACTS_ROLE), "absent")


def body_in_force(record: StoredRecord | None) -> Mapping[str, Value]:
    """The facts of a version of a thing, of a readable one only."""
    found = None if record is None else facts_of(record)
    if found is None:
        return {}
    body = found[1].get("body")
    return body if isinstance(body, dict) else found[1]
