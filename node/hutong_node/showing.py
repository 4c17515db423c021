"""Records and things as the local API shows them to people and programs.

Owns the way out: bytes become text ids, instants RFC 3339, organisations get the names by which
they are known here. Numbers, axes and flags are the core's and are passed on as they are; nothing
is computed or left out here. What can't be read is shown as such instead of failing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias, cast

from hutong_node.api_models import (
    Author,
    BackingItem,
    JsonMap,
    LineItem,
    ProblemItem,
    RecordAnswer,
    ThingAnswer,
    ThingItem,
)
from hutong_node.backing import backing_of
from hutong_node.drafting import FACTS_ROLE, TEXT_ROLE, refs_to_json
from hutong_node.indexing import fold_record
from hutong_node.refusals import discreet
from hutong_node.store.interface import PartState, StoredRecord
from hutong_protocol import fold
from hutong_protocol.encoding import Value
from hutong_protocol.fold import Standing, ThingView
from hutong_protocol.fold.versions import coded_text
from hutong_protocol.ids import ID_BYTES, IdKind, RecordId, format_id
from hutong_protocol.instants import instant_text
from hutong_protocol.schema import RECORD_TYPES, Problem, decode_part
from hutong_protocol.schema.jsonform import facts_to_json

_TIME_MS_MAX: Final = 253_402_300_799_999
"""The last millisecond of the year 9999, beyond which times have no text."""

_FIRST_MS: Final = 1_767_225_600_000
"""2026-01-01: before it this protocol had no records."""
_AHEAD_MS_MAX: Final = 600_000
"""How far a writer's clock may be ahead of ours without a word about it."""

_State: TypeAlias = Literal["present", "erased", "missing", "absent"]
_KIND_OF: Final = {
    **dict.fromkeys(("who", "author", "provider", "by", "steward"), IdKind.ORG),
    **dict.fromkeys(("commitment", "record", "id", "revision"), IdKind.RECORD),
}
"""Fields of the core's JSON of a thing that hold an id."""


class Directory:
    """The names by which organisations are known at this node."""

    def __init__(self, names: Mapping[bytes, str]) -> None:
        self._names = names

    def author(self, org: bytes) -> Author:
        """An organisation with its name, if it has one here."""
        return Author(id=format_id(IdKind.ORG, org), name=self._names.get(org))


def time_text(ms: int | None) -> str | None:
    """An instant as RFC 3339 in UTC; None for none, or for one that no calendar has."""
    return None if ms is None or not 0 <= ms <= _TIME_MS_MAX else instant_text(ms)


def _doubt(ts: int, now_ms: int) -> Literal["early", "late"] | None:
    """Whether a writer's time can't be right by ours. It decides nothing either way. Spec: 5.2."""
    if ts < _FIRST_MS:
        return "early"
    return "late" if ts > now_ms + _AHEAD_MS_MAX else None


def record_text(record: bytes) -> str:
    """A record id in its text form."""
    return format_id(IdKind.RECORD, record)


def problem_items(problems: Iterable[Problem]) -> list[ProblemItem]:
    """Problems as the API tells them."""
    return [
        ProblemItem(path=p.path, rule=p.rule, example=p.example) for p in map(discreet, problems)
    ]


def record_answer(
    record: StoredRecord,
    directory: Directory,
    standing: Standing | None = None,
    *,
    now_ms: int,
) -> RecordAnswer:
    """A record with everything that can be read of it; `now_ms` is this node's time."""
    facts, facts_state, raw = part_of(record, FACTS_ROLE)
    text, text_state, _ = part_of(record, TEXT_ROLE)
    known = RECORD_TYPES.get(record.type)
    return RecordAnswer(
        id=record_text(record.id),
        type=record.type,
        space=record.scope.space,
        topic=record.scope.topic,
        author=directory.author(record.org),
        writer=format_id(IdKind.WRITER, record.writer),
        log=format_id(IdKind.LOG, record.log),
        seq=record.seq,
        clock=record.clock,
        written_at=time_text(record.ts) or str(record.ts),
        written_at_doubt=_doubt(record.ts, now_ms),
        refs=refs_to_json(record.refs, None if known is None else known.refs),
        facts=None if facts is None else as_json(record.type, facts),
        facts_state=facts_state,
        text=None if text is None else as_json("", text),
        text_state=text_state,
        standing=None if standing is None else standing.value,
        fits=raw is None,
        raw=raw,
    )


def thing_item(view: ThingView, revision: StoredRecord | None, directory: Directory) -> ThingItem:
    """A thing as it stands in a list; `revision` is the record of its version in force."""
    thing = view.thing
    body, text = body_of(revision), _text_of(revision)
    return ThingItem(
        id=record_text(view.key.id),
        type=thing.type,
        space=view.key.space,
        topic=view.key.topic,
        title=_words(text.get("title")),
        author=directory.author(thing.author),
        steward=directory.author(thing.steward),
        urgency=coded_text(body["urgency"]) if "urgency" in body else None,
        place=_place(body, text),
        life=view.life,
        reason=thing.reason,
        coverage=view.coverage,
        delivery=view.delivery,
        verification=thing.verification,
        backing=[
            BackingItem(
                third_party=backing.third_party,
                methods=list(backing.methods),
                at=time_text(backing.checked_at_ms),
            )
            for backing in backing_of(thing.verification, thing.checks)
        ],
        valid_until=time_text(thing.valid_until_ms),
        lines=len(view.lines),
        flags=sorted({flag.flag for flag in view.flags}),
        waiting_on=sorted({waiting.what for waiting in view.waiting_on}),
    )


def thing_answer(
    view: ThingView,
    records: Mapping[RecordId, StoredRecord],
    directory: Directory,
    *,
    behind: int,
    now_ms: int,
) -> ThingAnswer:
    """A thing with its numbers and its history, oldest record first.

    Args:
        records: those of the thing, by id.
        now_ms: this node's time, against which the times of writers look odd or not.
    """
    revision = records.get(RecordId(view.thing.revision))
    body, text = body_of(revision), _text_of(revision)
    shown = cast("dict[str, Any]", _with_text_ids(fold.thing_json(view)))
    standings = fold.standings_of([fold_record(record) for record in records.values()])
    history = sorted(records.values(), key=lambda record: (record.ts, record.clock, record.id))
    words = text.get("lines")
    bodies = {line["id"]: line for line in _lines_of(body)}
    return ThingAnswer(
        thing=thing_item(view, revision, directory),
        revision=record_text(view.thing.revision),
        facts=as_json(view.thing.type, body) if body else None,
        text=as_json("", text) if text else None,
        lines=[
            _line_item(line, bodies.get(line["id"], {}), words if isinstance(words, dict) else {})
            for line in shown["lines"]
        ],
        waiting_on=shown["waiting_on"],
        checks=shown["verification"]["checks"],
        flags=shown["flags"],
        history=[
            record_answer(record, directory, standings.get(record.id), now_ms=now_ms)
            for record in history
        ],
        as_of=time_text(view.as_of_ms) or str(view.as_of_ms),
        digest=shown["digest"],
        behind=behind,
    )


def part_of(record: StoredRecord, role: int) -> tuple[dict[str, Value] | None, _State, str | None]:
    """The map in the part of this role, its state, and its bytes as hex where it is no map."""
    for part in record.parts:
        if part.role == role:
            if part.state is PartState.ERASED:
                return None, "erased", None
            if part.state is PartState.MISSING:
                return None, "missing", None
            value = decode_part(part.data)
            return value, "present", part.data.hex() if value is None else None
    return None, "absent", None


def body_of(revision: StoredRecord | None) -> dict[str, Value]:
    """The facts of a version of a thing: of its first record, or the body of a revision."""
    facts = None if revision is None else part_of(revision, FACTS_ROLE)[0]
    if facts is None:
        return {}
    body = facts.get("body")
    return body if isinstance(body, dict) else facts


def title_of(revision: StoredRecord | None) -> str | None:
    """The title in the text of a version of a thing."""
    return _words(_text_of(revision).get("title"))


def as_json(type_name: str, value: Mapping[str, Value]) -> JsonMap:
    """Facts of a type as JSON; with an empty type a text part, which has no ids."""
    return cast("JsonMap", facts_to_json(type_name, value))


def _text_of(revision: StoredRecord | None) -> dict[str, Value]:
    text = None if revision is None else part_of(revision, TEXT_ROLE)[0]
    return text or {}


def _words(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _place(body: Mapping[str, Value], text: Mapping[str, Value]) -> str | None:
    named = _words(text.get("place_name"))
    place = body.get("place")
    codes = place.get("codes") if isinstance(place, dict) else None
    if named is not None or not isinstance(codes, list):
        return named
    listed = [entry for entry in codes if isinstance(entry, dict)]
    return ", ".join(f"{entry['scheme']!s} {entry['code']!s}" for entry in listed) or None


def _lines_of(body: Mapping[str, Value]) -> list[dict[str, Any]]:
    lines = body.get("lines")
    found = lines if isinstance(lines, list) else []
    return [line for line in found if isinstance(line, dict) and isinstance(line.get("id"), str)]


def _line_item(line: dict[str, Any], body: dict[str, Any], words: dict[str, Any]) -> LineItem:
    said = words.get(line["id"])
    said = said if isinstance(said, dict) else {}
    item, quantity = body.get("item"), body.get("quantity")
    coded = _words(item.get("code")) if isinstance(item, dict) else None
    return LineItem(
        **line,
        words=_words(said.get("item")) or coded,
        raw=_words(said.get("raw")),
        bound=_words(quantity.get("bound")) if isinstance(quantity, dict) else None,
    )


def _with_text_ids(value: object, name: str = "") -> object:
    """The core's JSON of a thing with text ids where it has hex."""
    if isinstance(value, dict):
        return {key: _with_text_ids(element, key) for key, element in value.items()}
    if isinstance(value, list):
        return [_with_text_ids(element) for element in value]
    kind = _KIND_OF.get(name)
    # `id` is also a line's own name, which is shorter than any id in hex. Spec: 12.3.2.
    if kind is not None and isinstance(value, str) and len(value) == 2 * ID_BYTES:
        return format_id(kind, bytes.fromhex(value))
    return value
