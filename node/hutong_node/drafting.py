"""From what a program asks to be said to what can be signed, and the objections on the way.

Owns the JSON form of drafts: names of refs become positions, text ids become bytes, facts and text
become parts. Everything that forbids signing is told at once, each with its path, the rule and a
right example, because a row or a form is mended in one go. What may be said is the schema's
business; here come only the questions that need to know where the record would stand.

It signs nothing and reads no store. Spec: 12.2 to 12.6, 13.3, 13.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from hutong_node.store.interface import NewPart, NewRecord
from hutong_protocol.encoding import Encodable, Value, encode
from hutong_protocol.exchange import Scope
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.hashing import digest
from hutong_protocol.ids import ID_BYTES, IdKind, format_id, parse_id_as
from hutong_protocol.instants import instant_ms
from hutong_protocol.limits import INT_MAX
from hutong_protocol.schema import (
    RECORD_TYPES,
    Position,
    Problem,
    Refs,
    record_problems,
    write_refs,
)
from hutong_protocol.schema.jsonform import facts_from_json
from hutong_protocol.schema.record_types import Lives
from hutong_protocol.schema.refs import REPLACES_MAX, RefRules

FACTS_ROLE: Final = 0
TEXT_ROLE: Final = 1
_REF_PATH: Final = re.compile(r"refs\[(\d+)\]")
_ELSEWHERE: Final = ("text", "refs", "type", "topic", "exp")
_SINGLE_REFS: Final = ("thing", "link", "revision", "first", "target", "dispatch")
_REPLACES: Final = "replaces"


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement with its parts decoded, as far as it could be read.

    `problems` is empty when it may be signed; then `record` gives it to the store. `expires_ms`
    is that of the text part.
    """

    scope: Scope
    type: str
    refs: tuple[bytes, ...]
    facts: Mapping[str, Value]
    text: Mapping[str, Value]
    expires_ms: int | None = None
    problems: tuple[Problem, ...] = ()

    def record(self) -> NewRecord:
        """The statement as the store signs it: facts and text as parts, empty ones left out."""
        parts = []
        if self.facts:
            parts.append(NewPart(FACTS_ROLE, encode(_encodable(self.facts))))
        expires = {} if self.expires_ms is None else {len(parts): self.expires_ms}
        if self.text:
            parts.append(NewPart(TEXT_ROLE, encode(_encodable(self.text))))
        return NewRecord(self.type, self.refs, tuple(parts), expires)

    def digest(self) -> bytes:
        """32 bytes that are equal for drafts that say the same in the same place. Spec: none."""
        return digest(
            "local/draft",
            encode(
                [
                    *self.scope,
                    self.type,
                    list(self.refs),
                    _encodable(self.facts),
                    _encodable(self.text),
                    self.expires_ms,
                ]
            ),
        )


def draft_from_json(
    type_name: str,
    scope: Scope,
    *,
    refs: Mapping[str, str | Sequence[str]],
    facts: Mapping[str, object],
    text: Mapping[str, object],
    author: bytes,
    text_expires: str | None = None,
    now_ms: int = 0,
) -> Draft:
    """The draft that this JSON means, with everything that forbids signing it.

    Args:
        refs: by name, as text ids; `replaces` as a list of them.
        facts, text: objects as parsed from JSON, with ids as text and other bins as hex.
        author: the organisation that would sign.
        text_expires: RFC 3339 time from which the text is to be forgotten.
        now_ms: what is over by then can't be asked for.
    """
    header_refs, problems = refs_from_json(refs)
    converted, unread = facts_from_json(type_name, facts)
    problems += [_within("facts", problem) for problem in unread]
    words = cast("dict[str, Value]", dict(text))
    expires_ms, wrong = _expiry(text_expires, words, now_ms)
    problems += wrong
    draft = Draft(scope, type_name, header_refs, converted, words, expires_ms)
    return checked(draft, author, problems)


def checked(draft: Draft, author: bytes, problems: Iterable[Problem] = ()) -> Draft:
    """The draft with all that forbids signing it, beginning with `problems`. Spec: 12.6.4.

    What is wrong with a field for which there is a problem already is not told twice.
    """
    found = list(problems)
    told = {problem.path for problem in found}
    objections = record_problems(
        draft.type, refs=draft.refs, facts=draft.facts, text=draft.text, author=author
    )
    found += _misplaced(draft)
    found += [placed for problem in objections if (placed := _placed(problem)).path not in told]
    return Draft(
        *(draft.scope, draft.type, draft.refs, draft.facts, draft.text, draft.expires_ms),
        problems=tuple(dict.fromkeys(found)),
    )


def prefixed(problems: Iterable[Problem], prefix: str) -> list[Problem]:
    """The problems with `prefix` before their paths: which draft of several they are about."""
    return [Problem(f"{prefix}.{p.path}" if p.path else prefix, p.rule, p.example)
            for p in problems]  # fmt: skip


def refs_from_json(
    refs: Mapping[str, str | Sequence[str]],
) -> tuple[tuple[bytes, ...], list[Problem]]:
    """The header's refs for record ids by name, and what of them can't be read.

    Whether a type uses a name is for the schema to say. Spec: 12.2.2.
    """
    problems: list[Problem] = []
    found: dict[str, bytes] = {}
    replaced: frozenset[bytes] = frozenset()
    for name, value in refs.items():
        path = f"refs.{name}"
        if name in _SINGLE_REFS:
            found[name] = _record_id(value, path, problems)
        elif name != _REPLACES:
            known = ", ".join((*_SINGLE_REFS, _REPLACES))
            problems.append(Problem(path, f"is no name of a ref; known: {known}"))
        elif isinstance(value, str) or len(value) > REPLACES_MAX:
            problems.append(Problem(path, f"is a list of at most {REPLACES_MAX} record ids"))
        else:
            replaced = frozenset(
                _record_id(entry, f"{path}[{place}]", problems) for place, entry in enumerate(value)
            )
    return write_refs(Refs(**found, replaces=replaced)), problems


def refs_to_json(refs: Sequence[bytes], rules: RefRules | None) -> dict[str, str | list[str]]:
    """Refs by name, those that are none left out.

    With `rules`, so are ids at positions that the type doesn't use: readers ignore them.
    """
    shown: dict[str, str | list[str]] = {}
    for position, (name, entry) in enumerate(zip(_SINGLE_REFS, refs, strict=False)):
        if entry and (rules is None or rules.use(Position(position)) != "-"):
            shown[name] = format_id(IdKind.RECORD, entry)
    start = int(Position.REPLACES)
    replaced = [entry for entry in refs[start : start + REPLACES_MAX] if entry]
    if replaced and (rules is None or rules.replaces):
        shown[_REPLACES] = [format_id(IdKind.RECORD, entry) for entry in replaced]
    return shown


def _record_id(value: object, path: str, problems: list[Problem]) -> bytes:
    try:
        return parse_id_as(IdKind.RECORD, value if isinstance(value, str) else "")
    except ProtocolFault as fault:
        problems.append(Problem(path, f"is a record id in its text form ({fault.detail})", "rec-"))
        # Something must stand there, or the schema would say that the ref is missing.
        return bytes(ID_BYTES)


def _misplaced(draft: Draft) -> list[Problem]:
    """Whether a type may stand in the topic. Spec: 12.2.7."""
    known = RECORD_TYPES.get(draft.type)
    if known is None or known.lives.admits(draft.scope.topic):
        return []
    if known.lives is Lives.BASE:
        return [Problem("topic", f"is base for {draft.type}", "base")]
    return [Problem("topic", f"is not base for {draft.type}", "fsc")]


def _expiry(
    text_expires: str | None, text: Mapping[str, Value], now_ms: int
) -> tuple[int | None, list[Problem]]:
    if text_expires is None:
        return None, []
    at_ms = instant_ms(text_expires)
    example = "2030-01-31T00:00:00+08:00"
    if at_ms is None or not 0 < at_ms <= INT_MAX:
        return None, [Problem("exp.text", "is a time with its offset from UTC", example)]
    if at_ms <= now_ms:
        return None, [Problem("exp.text", "is in the future", example)]
    if not text:
        return None, [Problem("exp.text", "stands only where there is text to forget")]
    return at_ms, []


def _placed(problem: Problem) -> Problem:
    """A problem of the core with the part that it is in before its path, refs by name."""
    match = _REF_PATH.fullmatch(problem.path)
    if match is not None:
        position = int(match[1])
        name = _SINGLE_REFS[position] if position < len(_SINGLE_REFS) else _REPLACES
        return Problem(f"refs.{name}", problem.rule, problem.example)
    if problem.path.split(".")[0] in _ELSEWHERE or problem.path.split("[")[0] == "facts":
        return problem
    return _within("facts", problem)


def _within(part: str, problem: Problem) -> Problem:
    path = f"{part}.{problem.path}" if problem.path else part
    return Problem(path, problem.rule, problem.example)


def _encodable(value: Mapping[str, Value]) -> Mapping[str, Encodable]:
    return value
