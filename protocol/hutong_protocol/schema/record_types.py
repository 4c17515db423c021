"""Every record type of version 1: where it lives, its refs, facts and text. Spec: 12.2.

Final for `/1`, like the tables of facts and text that it puts together. Who may say what, and what
it comes to, is in `fold`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hutong_protocol.schema.facts import FACTS
from hutong_protocol.schema.refs import RefRules
from hutong_protocol.schema.shapes import MapOf, Shape
from hutong_protocol.schema.texts import TEXTS

BASE_TOPIC: Final = "base"


class Lives(StrEnum):
    """In which topics a type may stand. Spec: 12.2.7."""

    BASE = "base"
    NOT_BASE = "not-base"
    ANY = "any"

    def admits(self, topic: str) -> bool:
        """Whether a record of the type may stand in `topic`."""
        return self is Lives.ANY or (topic == BASE_TOPIC) is (self is Lives.BASE)


@dataclass(frozen=True, slots=True)
class RecordType:
    """One record type. `root`: its first record is a thing by itself. Spec: 12.2."""

    name: str
    lives: Lives
    refs: RefRules
    facts: Shape
    text: MapOf
    root: bool = False


_CLOSING: Final = RefRules(thing="R", link="o", target="o", replaces=True, link_or_target=True)
_BY_LINK: Final = RefRules(thing="R", link="R", replaces=True)
_CARRIED: Final = RefRules(thing="R", revision="o", first="o", target="R", replaces=True)
_ARRIVED: Final = RefRules(
    thing="R", revision="o", first="o", target="R", dispatch="o", replaces=True
)
_RECEIVED: Final = RefRules(
    thing="R", revision="o", first="o", target="o", dispatch="o", replaces=True
)
_POINTING: Final = RefRules(thing="R", first="o", target="o", replaces=True)

_ROOTS: Final = {
    "org/1": Lives.BASE,
    "incident/1": Lives.BASE,
    "codelist/1": Lives.BASE,
    "need/1": Lives.NOT_BASE,
    "offer/1": Lives.NOT_BASE,
}
_FOLLOW_UPS: Final = {
    "revise/1": (Lives.ANY, _BY_LINK),
    "close/1": (Lives.ANY, _CLOSING),
    "reopen/1": (Lives.ANY, _CLOSING),
    "reconfirm/1": (Lives.ANY, _BY_LINK),
    "verify/1": (Lives.ANY, RefRules(thing="R", revision="R", replaces=True)),
    "commitment/1": (
        Lives.NOT_BASE,
        RefRules(thing="R", revision="R", first="o", replaces=True),
    ),
    "decision/1": (
        Lives.NOT_BASE,
        RefRules(thing="R", link="R", revision="R", first="o", target="R", replaces=True),
    ),
    "request/1": (Lives.NOT_BASE, RefRules(thing="R", revision="o", first="o", replaces=True)),
    "allocation/1": (
        Lives.NOT_BASE,
        RefRules(thing="R", revision="o", first="o", target="o", replaces=True),
    ),
    "dispatch/1": (Lives.NOT_BASE, _CARRIED),
    "receipt/1": (Lives.NOT_BASE, _RECEIVED),
    "delivered/1": (Lives.NOT_BASE, _ARRIVED),
    "loss/1": (Lives.NOT_BASE, _ARRIVED),
    "relay/1": (Lives.ANY, RefRules(thing="o", first="o", replaces=True)),
    "handoff/1": (Lives.NOT_BASE, _BY_LINK),
    "handoff_accept/1": (Lives.NOT_BASE, RefRules(thing="R", target="R")),
    "handoff_withdraw/1": (Lives.NOT_BASE, RefRules(thing="R", link="R", target="R")),
    "link/1": (Lives.NOT_BASE, _POINTING),
    "post/1": (Lives.ANY, RefRules(thing="o", first="o", target="o", replaces=True)),
    "flag/1": (Lives.ANY, _POINTING),
}

RECORD_TYPES: Final[Mapping[str, RecordType]] = MappingProxyType(
    {
        **{
            name: RecordType(name, lives, RefRules(), FACTS[name], TEXTS[name], root=True)
            for name, lives in _ROOTS.items()
        },
        **{
            name: RecordType(name, lives, refs, FACTS[name], TEXTS[name])
            for name, (lives, refs) in _FOLLOW_UPS.items()
        },
    }
)
"""By the `type` of the header."""
