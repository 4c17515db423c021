"""What an address asks for: filters and a place in a list, read strictly and written back.

Owns the parameters of all pages. Each is bounded and has few values; a wrong one is refused by
name, with what would be right, since a filter that is silently ignored shows the wrong list. What
isn't a parameter at all is ignored and said so: chat programs add their own to every address that
is passed on in them. An empty parameter is none, as forms send it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final
from urllib.parse import urlencode

from hutong_node.listing import COVERAGES, URGENCIES, VERIFICATIONS, Role, State
from hutong_node.listing_values import Position, Wanted
from hutong_node.place_levels import place_name, typed
from hutong_protocol.exchange import Scope
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.ids import IdKind, format_id, parse_id_as

LANGUAGES: Final = ("zh", "en")
QUERY_BYTES_MAX: Final = 2_048
_VALUE_MAX: Final = 200
_HISTORY_MAX: Final = 10_000_000
_NAME: Final = re.compile(r"[a-z0-9-]{1,64}")
_AFTER: Final = re.compile(r"([0-5])\.(-?[0-9]{1,16})\.([0-9a-f]{64})")
LIVES: Final[Mapping[str, tuple[State, ...]]] = {
    "open": (State.OPEN,),
    "active": (State.OPEN, State.COVERED),
    "expired": (State.EXPIRED,),
    "closed": (State.CLOSED,),
    "all": tuple(State),
}


class BadParameter(Exception):
    """A parameter can't be used. `rule` is the key of a sentence that says what would be right."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(name)
        self.name = name
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; None is any. Ids are bytes, a place is a name of the index.

    `topic` has a space or, with an empty one, stands for the topic in all spaces.
    """

    topic: Scope | None = None
    place: str | None = None
    urgency: str | None = None
    life: str | None = None
    coverage: str | None = None
    verification: str | None = None
    organisation: bytes | None = None
    incident: bytes | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether anything is left out that the list without filters would show."""
        return self != Filters()

    def states(self) -> tuple[State, ...]:
        """How a thing may stand: open without a word, active where a coverage is asked for."""
        if self.life is None:
            return LIVES["open" if self.coverage is None else "active"]
        return LIVES[self.life]

    def scopes(self, held: Iterable[Scope]) -> list[Scope]:
        """Those of the scopes that are asked for."""
        topic = self.topic
        if topic is None:
            return list(held)
        return [
            scope
            for scope in held
            if scope.topic == topic.topic and topic.space in ("", scope.space)
        ]

    def wanted(self, role: Role) -> Wanted:
        """The same for the index."""
        return Wanted(
            role,
            self.states(),
            place=self.place,
            incident=None if self.incident is None else self.incident.hex(),
            org=self.organisation,
            urgency=None if self.urgency is None else URGENCIES.index(self.urgency),
            coverage=None if self.coverage is None else COVERAGES.index(self.coverage),
            verification=(
                None if self.verification is None else VERIFICATIONS.index(self.verification)
            ),
        )

    def parameters(self) -> dict[str, str]:
        """As they stand in an address."""
        found: dict[str, str | None] = {
            "topic": None if self.topic is None else topic_text(self.topic),
            "place": None if self.place is None else typed(self.place),
            "urgency": self.urgency,
            "life": self.life,
            "coverage": self.coverage,
            "verification": self.verification,
            "organisation": _id_text(IdKind.ORG, self.organisation),
            "incident": _id_text(IdKind.RECORD, self.incident),
        }
        return {name: value for name, value in found.items() if value is not None}


FILTERS: Final = tuple(field.name for field in fields(Filters))


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that an address asks for. `history` counts the records to pass over."""

    lang: str | None = None
    filters: Filters = Filters()
    after: Position | None = None
    org_after: bytes | None = None
    history: int = 0
    ignored: tuple[str, ...] = ()

    def place(self) -> dict[str, str]:
        """The place in the list of the page, as parameters."""
        found = {}
        if self.after is not None:
            found["after"] = position_text(self.after)
        if self.org_after is not None:
            found["start"] = format_id(IdKind.ORG, self.org_after)
        if self.history:
            found["history"] = str(self.history)
        return found

    def address(self, path: str, filters: Filters | None = None, **more: str) -> str:
        """An address of this bulletin that keeps the language, if it was asked for."""
        parameters = {} if filters is None else filters.parameters()
        parameters |= more
        if self.lang is not None:
            parameters.setdefault("lang", self.lang)
        return f"{path}?{urlencode(parameters)}" if parameters else path


def read_query(given: Iterable[tuple[str, str]], allowed: Iterable[str]) -> Asked:
    """What the parameters of a query ask for.

    Args:
        given: names and values, decoded.
        allowed: those that the page has, besides `lang`.

    Raises:
        BadParameter: one can't be used.
    """
    known = {"lang", *allowed}
    values: dict[str, str] = {}
    ignored = []
    for name, value in given:
        if name not in known:
            ignored.append(name)
        elif name in values:
            raise BadParameter(name, "twice")
        elif value:
            if len(value) > _VALUE_MAX:
                raise BadParameter(name, "too-long")
            values[name] = value
    filters = Filters()
    asked = Asked(ignored=tuple(ignored))
    for name, value in values.items():
        if name in FILTERS:
            filters = replace(filters, **{name: _READERS[name](name, value)})
    if "lang" in values:
        asked = replace(asked, lang=_one_of(LANGUAGES)("lang", values["lang"]))
    if "after" in values:
        asked = replace(asked, after=read_position("after", values["after"]))
    if "start" in values:
        asked = replace(asked, org_after=_org("start", values["start"]))
    if "history" in values:
        asked = replace(asked, history=_history("history", values["history"]))
    return replace(asked, filters=filters)


def position_text(at: Position) -> str:
    """A place in a list, for `after`."""
    return f"{at.urgency}.{at.due_ms}.{at.id.hex()}"


def read_position(name: str, text: str) -> Position:
    """A place in a list that `position_text` gave."""
    match = _AFTER.fullmatch(text)
    if match is None:
        raise BadParameter(name, "after")
    return Position(int(match[1]), int(match[2]), bytes.fromhex(match[3]))


def topic_text(scope: Scope) -> str:
    """A scope as it stands in an address; the topic alone without a space."""
    return f"{scope.space}/{scope.topic}" if scope.space else scope.topic


def _topic(name: str, text: str) -> Scope:
    space, slash, topic = text.rpartition("/")
    if not _NAME.fullmatch(topic) or (slash and not _NAME.fullmatch(space)):
        raise BadParameter(name, "topic")
    return Scope(space, topic)


def _place(name: str, text: str) -> str:
    found = place_name(text)
    if found is None:
        raise BadParameter(name, "place")
    return found


def _org(name: str, text: str) -> bytes:
    return _id(IdKind.ORG, name, text)


def _record(name: str, text: str) -> bytes:
    return _id(IdKind.RECORD, name, text)


def _id(kind: IdKind, name: str, text: str) -> bytes:
    try:
        return parse_id_as(kind, text)
    except ProtocolFault:
        raise BadParameter(name, f"id-{kind.value}") from None


def _id_text(kind: IdKind, identifier: bytes | None) -> str | None:
    return None if identifier is None else format_id(kind, identifier)


def _history(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 8 and int(text) <= _HISTORY_MAX):
        raise BadParameter(name, "number")
    return int(text)


def _one_of(values: Iterable[str]) -> Callable[[str, str], str]:
    allowed = tuple(values)

    def read(name: str, text: str) -> str:
        if text not in allowed:
            raise BadParameter(name, name)
        return text

    return read


_READERS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "topic": _topic,
    "place": _place,
    "urgency": _one_of(URGENCIES),
    "life": _one_of(LIVES),
    "coverage": _one_of(COVERAGES),
    "verification": _one_of(VERIFICATIONS),
    "organisation": _org,
    "incident": _record,
}
