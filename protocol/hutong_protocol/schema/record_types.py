"""Every record type of version 1: where it lives, its refs, facts and text. Spec: 12.2 to 12.5.

This is the table of the specification as data, final for `/1`: fields may be added, never changed.
Readers and authors, the documentation and the JSON forms all come from it. Who may say what, and
what it comes to, is in `fold`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hutong_protocol.schema.compound import (
    FAR,
    GROUPS,
    ITEM,
    MONEY,
    OF_A_LINE,
    PLACE_CODE,
    PROMISED,
    STATED,
    WINDOW,
    Answer,
    Party,
    Place,
    Quantity,
    Revised,
)
from hutong_protocol.schema.refs import RefRules
from hutong_protocol.schema.shapes import (
    KEY,
    LIST_ADDRESS,
    TOPIC,
    Bin,
    Bool,
    Code,
    Coded,
    Count,
    Enum,
    Field,
    Id,
    IdOf,
    Int,
    ListOf,
    MapBy,
    MapOf,
    Pattern,
    Shape,
    Time,
    Words,
)

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


def _required(shape: Shape) -> Field:
    return Field(shape, required=True)


_ORG = Id(IdOf.ORG)
_RECORD = Id(IdOf.RECORD)
_DIGEST = Id(IdOf.DIGEST)
_KEY = Pattern(KEY, "rice-kg")
_TOPIC = Pattern(TOPIC, "fsc")
_TITLE = Words(300)
_NAME = Field(Words(300, may_be_empty=False), required=True)
_NOTE = {"note": Field(Words(8_192)), "language": Field(Code())}
_PARTIES = {"parties": Field(MapBy(_KEY, _TITLE, 16))}
_RAW = {"raw": Field(_TITLE)}
_PLACE_NAME = {"place_name": Field(_TITLE)}
_NAMES = {"names": Field(MapBy(Code(), _TITLE, 16))}
_DETAIL = Words(2_048)
_LINE_WORDS = {
    "lines": Field(
        MapBy(
            _KEY,
            MapOf({name: Field(_DETAIL) for name in ("item", "spec", "raw", "note")}),
            50,
        )
    )
}
_PLACE_CODES = ListOf(PLACE_CODE, 64)

_LINE = MapOf(
    {
        "id": _required(_KEY),
        "kind": _required(Coded("kinds")),
        "quantity": _required(Quantity(OF_A_LINE)),
        "item": Field(ITEM),
        "skills": Field(ListOf(Coded("skills"), 16)),
        "modality": Field(Coded("modalities")),
        "languages": Field(ListOf(Code(), 16)),
        "windows": Field(ListOf(WINDOW, 64)),
    }
)
_LINES = _required(ListOf(_LINE, 50, least=1, unique="id"))

_ORG_FACTS = MapOf(
    {
        "kind": _required(Coded("org kinds")),
        "ext_ids": Field(ListOf(MapOf({"scheme": _required(Code()), "id": _required(Code())}), 8)),
        "areas": Field(_PLACE_CODES),
        "topics": Field(ListOf(_TOPIC, 32)),
        "facilitates": Field(ListOf(_TOPIC, 32)),
        "has": Field(ListOf(Coded("capabilities"), 64)),
        "lacks": Field(ListOf(Coded("capabilities"), 64)),
    }
)
_INCIDENT_FACTS = MapOf(
    {
        "start": _required(Time()),
        "glide": Field(Code()),
        "areas": Field(_PLACE_CODES),
        "codelists": Field(ListOf(LIST_ADDRESS, 16)),
    }
)
_SHARED = {
    "incident": _required(_RECORD),
    "lines": _LINES,
    "place": _required(Place()),
    "valid_until": _required(Time()),
    "people": Field(Count()),
    "households": Field(Count()),
    "groups": Field(GROUPS),
    "tags": Field(ListOf(_TOPIC, 16)),
    "on_behalf_of": Field(Party()),
    "source": Field(MapOf({"platform": _required(Code()), "key": _required(Bin(8, 32))})),
    "restrictions": Field(ListOf(Coded("restrictions"), 16)),
}
_NEED_FACTS = MapOf(
    {
        **_SHARED,
        "urgency": _required(Coded("urgencies")),
        "needed_by": Field(Time()),
        "severity": Field(Coded("severities")),
        "receivers": Field(ListOf(Party(), 8)),
        "for_commitment": Field(FAR),
    }
)
_OFFER_FACTS = MapOf(
    {
        **_SHARED,
        "from": Field(Time()),
        "until": Field(Time()),
        "earmark": Field(
            MapOf(
                {
                    "areas": Field(_PLACE_CODES),
                    "groups": Field(ListOf(Coded("groups"), 64)),
                    "items": Field(ListOf(ITEM, 64)),
                }
            )
        ),
        "stock_id": Field(Code()),
        "standing": Field(Bool()),
        "transport_included": Field(Bool()),
        "funded_until": Field(Time()),
        "funder": Field(Party()),
    }
)
_ORG_TEXT = MapOf(
    {
        "title": _NAME,
        **_NAMES,
        **_NOTE,
        "desk": Field(
            MapOf(
                {
                    name: Field(_TITLE)
                    for name in ("name", "phone", "email", "address", "url", "hours")
                }
            )
        ),
    }
)
_INCIDENT_TEXT = MapOf({"title": _NAME, **_NAMES, **_NOTE})
_NEED_TEXT = MapOf({"title": _NAME, **_NOTE, **_PLACE_NAME, **_LINE_WORDS, **_PARTIES})

REVISABLE: Final[Mapping[str, tuple[Shape, MapOf]]] = MappingProxyType(
    {
        "need/1": (_NEED_FACTS, _NEED_TEXT),
        "offer/1": (_OFFER_FACTS, _NEED_TEXT),
        "org/1": (_ORG_FACTS, _ORG_TEXT),
        "incident/1": (_INCIDENT_FACTS, _INCIDENT_TEXT),
    }
)
"""Facts and text of the types that a `revise` may be about."""

_CODELIST_FACTS = MapOf(
    {
        "name": _required(_KEY),
        "version": _required(Int(1)),
        "entries": _required(
            ListOf(
                MapOf(
                    {
                        "code": _required(Code()),
                        "sensitive": Field(Bool()),
                        "maps_to": Field(ListOf(Coded("any"), 8)),
                    }
                ),
                500,
                least=1,
            )
        ),
    }
)
_CLOSED_LINES = {"lines": Field(ListOf(_KEY, 50, least=1))}
_CHECKED = MapOf(
    {
        "exists": Field(Bool(only_true=True)),
        "reachable": Field(Bool(only_true=True)),
        "place": Field(_DIGEST),
        "quantity": Field(_DIGEST),
        "urgency": Field(_DIGEST),
    },
    at_least_one=True,
    rule="has at least one of exists, reachable, place, quantity, urgency",
)
_VERIFY_FACTS = MapOf(
    {
        "outcome": _required(Enum(("confirmed", "partly", "refuted", "unreachable", "follow_up"))),
        "method": _required(Coded("check methods")),
        "checked": _required(_CHECKED),
        "line": Field(_KEY),
        "checked_at": Field(Time()),
    }
)
_COMMITMENT_FACTS = MapOf(
    {
        "line": _required(_KEY),
        "quantity": _required(Quantity(PROMISED)),
        "valid_until": _required(Time()),
        "provider": Field(Party()),
        "funder": Field(Party()),
        "implementer": Field(Party()),
        "eta": Field(Time()),
        "basis": Field(Coded("bases")),
        "offer": Field(FAR),
        "via": Field(FAR),
    }
)
_OUTCOME = _required(Enum(("accept", "decline", "wait", "release")))
_DECISION_FACTS = Answer(
    MapOf(
        {
            "outcome": _OUTCOME,
            "line": _required(_KEY),
            "commitment_author": _required(_ORG),
            "quantity": Field(Quantity(STATED)),
            "provider": Field(Party()),
            "funder": Field(Party()),
            "implementer": Field(Party()),
            "carrier": Field(Party()),
            "receipt_by": Field(ListOf(Party(), 8)),
            "via": Field(FAR),
            "reason": Field(Coded("decision reasons")),
        }
    )
)
_LINE_AND_QUANTITY = {"line": _required(_KEY), "quantity": _required(Quantity(STATED))}
_REQUEST_FACTS = MapOf(
    {
        **_LINE_AND_QUANTITY,
        "window": Field(Code()),
        "need": Field(FAR),
        "place": Field(Place()),
        "groups": Field(GROUPS),
    }
)
_ALLOCATION_FACTS = Answer(
    MapOf(
        {
            "outcome": _OUTCOME,
            "line": _required(_KEY),
            "to": _required(Party()),
            "quantity": Field(Quantity(STATED)),
            "window": Field(Code()),
            "areas": Field(ListOf(PLACE_CODE, 16)),
            "groups": Field(GROUPS),
            "commitment": Field(FAR),
            "reason": Field(Coded("decision reasons")),
        }
    )
)
_WAYBILL = {"waybill": Field(Code())}
_DISPATCH_FACTS = MapOf(
    {**_LINE_AND_QUANTITY, **_WAYBILL, "left_at": Field(Time()), "carrier": Field(Party())}
)
_DELIVERED_FACTS = MapOf({**_LINE_AND_QUANTITY, **_WAYBILL, "delivered_at": Field(Time())})
_LOSS_FACTS = MapOf({**_LINE_AND_QUANTITY, **_WAYBILL, "reason": Field(Coded("loss reasons"))})
_RECEIPT_FACTS = MapOf(
    {
        **_LINE_AND_QUANTITY,
        **_WAYBILL,
        "condition": Field(Enum(("ok", "short", "damaged", "wrong_item"))),
        "received_at": Field(Time()),
        "place": Field(Place()),
        "people": Field(Count()),
        "households": Field(Count()),
        "groups": Field(GROUPS),
        "people_served": Field(Count()),
        "value": Field(MONEY),
        "method": Field(Coded("hand-over methods")),
    }
)
_RELAY_FACTS = MapOf(
    {
        "home": _required(MapOf({"space": _required(_TOPIC), "topic": _required(_TOPIC)})),
        "subject": _required(_RECORD),
        "of": _required(Enum(("need/1", "offer/1"))),
        "revision": Field(_RECORD),
        "to": Field(ListOf(_ORG, 16)),
        "card": _required(
            MapOf(
                {
                    "lines": _LINES,
                    "place": Field(Place()),
                    "urgency": Field(Coded("urgencies")),
                    "valid_until": _required(Time()),
                }
            )
        ),
    }
)
_LINK_FACTS = MapOf(
    {
        "relation": _required(Enum(("same", "not_same", "defer"))),
        "far": Field(FAR),
        "basis": Field(Coded("bases")),
    }
)
_NOTE_ONLY = MapOf(_NOTE)
_PROMISE_TEXT = MapOf({**_NOTE, **_RAW, **_PARTIES})
_GOODS_TEXT = MapOf({**_NOTE, **_RAW})

_CLOSING = RefRules(thing="R", link="o", target="o", replaces=True, link_or_target=True)
_CARRYING = RefRules(thing="R", revision="o", first="o", target="R", replaces=True)
_ARRIVING = RefRules(thing="R", revision="o", first="o", target="R", dispatch="o", replaces=True)

_TYPES = (
    RecordType("org/1", Lives.BASE, RefRules(), _ORG_FACTS, _ORG_TEXT, root=True),
    RecordType("incident/1", Lives.BASE, RefRules(), _INCIDENT_FACTS, _INCIDENT_TEXT, root=True),
    RecordType(
        "codelist/1",
        Lives.BASE,
        RefRules(),
        _CODELIST_FACTS,
        MapOf(
            {
                "title": Field(_TITLE),
                **_NOTE,
                "labels": Field(MapBy(Code(), MapBy(Code(), _TITLE, 8), 500)),
            }
        ),
        root=True,
    ),
    RecordType("need/1", Lives.NOT_BASE, RefRules(), _NEED_FACTS, _NEED_TEXT, root=True),
    RecordType("offer/1", Lives.NOT_BASE, RefRules(), _OFFER_FACTS, _NEED_TEXT, root=True),
    RecordType(
        "revise/1",
        Lives.ANY,
        RefRules(thing="R", link="R", replaces=True),
        Revised({name: facts for name, (facts, _) in REVISABLE.items()}),
        MapOf({**_NEED_TEXT.fields, **_ORG_TEXT.fields}),
    ),
    RecordType(
        "close/1",
        Lives.ANY,
        _CLOSING,
        MapOf({"reason": _required(Coded("close reasons")), **_CLOSED_LINES}),
        _NOTE_ONLY,
    ),
    RecordType("reopen/1", Lives.ANY, _CLOSING, MapOf(_CLOSED_LINES), _NOTE_ONLY),
    RecordType(
        "reconfirm/1",
        Lives.ANY,
        RefRules(thing="R", link="R", replaces=True),
        MapOf({"valid_until": _required(Time())}),
        _NOTE_ONLY,
    ),
    RecordType(
        "verify/1",
        Lives.ANY,
        RefRules(thing="R", revision="R", replaces=True),
        _VERIFY_FACTS,
        _NOTE_ONLY,
    ),
    RecordType(
        "commitment/1",
        Lives.NOT_BASE,
        RefRules(thing="R", revision="R", first="o", replaces=True),
        _COMMITMENT_FACTS,
        _PROMISE_TEXT,
    ),
    RecordType(
        "decision/1",
        Lives.NOT_BASE,
        RefRules(thing="R", link="R", revision="R", first="o", target="R", replaces=True),
        _DECISION_FACTS,
        _PROMISE_TEXT,
    ),
    RecordType(
        "request/1",
        Lives.NOT_BASE,
        RefRules(thing="R", revision="o", first="o", replaces=True),
        _REQUEST_FACTS,
        MapOf({**_NOTE, **_RAW, **_PLACE_NAME}),
    ),
    RecordType(
        "allocation/1",
        Lives.NOT_BASE,
        RefRules(thing="R", revision="o", first="o", target="o", replaces=True),
        _ALLOCATION_FACTS,
        _PROMISE_TEXT,
    ),
    RecordType("dispatch/1", Lives.NOT_BASE, _CARRYING, _DISPATCH_FACTS, _PROMISE_TEXT),
    RecordType(
        "receipt/1",
        Lives.NOT_BASE,
        RefRules(thing="R", revision="o", first="o", target="o", dispatch="o", replaces=True),
        _RECEIPT_FACTS,
        MapOf({**_NOTE, **_RAW, **_PLACE_NAME}),
    ),
    RecordType("delivered/1", Lives.NOT_BASE, _ARRIVING, _DELIVERED_FACTS, _GOODS_TEXT),
    RecordType("loss/1", Lives.NOT_BASE, _ARRIVING, _LOSS_FACTS, _GOODS_TEXT),
    RecordType(
        "relay/1",
        Lives.ANY,
        RefRules(thing="o", first="o", replaces=True),
        _RELAY_FACTS,
        MapOf({"title": _NAME, **_NOTE, **_PLACE_NAME, **_LINE_WORDS}),
    ),
    RecordType(
        "handoff/1",
        Lives.NOT_BASE,
        RefRules(thing="R", link="R", replaces=True),
        MapOf({"to": _required(_ORG)}),
        _NOTE_ONLY,
    ),
    RecordType(
        "handoff_accept/1",
        Lives.NOT_BASE,
        RefRules(thing="R", target="R"),
        MapOf({}),
        _NOTE_ONLY,
    ),
    RecordType(
        "handoff_withdraw/1",
        Lives.NOT_BASE,
        RefRules(thing="R", link="R", target="R"),
        MapOf({"reason": Field(Coded("decision reasons"))}),
        _NOTE_ONLY,
    ),
    RecordType(
        "link/1",
        Lives.NOT_BASE,
        RefRules(thing="R", first="o", target="o", replaces=True),
        _LINK_FACTS,
        _NOTE_ONLY,
    ),
    RecordType(
        "post/1",
        Lives.ANY,
        RefRules(thing="o", first="o", target="o", replaces=True),
        MapOf({"kind": Field(Coded("post kinds"))}),
        MapOf({"text": Field(Words(16_384, may_be_empty=False), required=True), **_NOTE}),
    ),
    RecordType(
        "flag/1",
        Lives.ANY,
        RefRules(thing="R", first="o", target="o", replaces=True),
        MapOf({"reason": _required(Coded("flag reasons"))}),
        _NOTE_ONLY,
    ),
)

RECORD_TYPES: Final[Mapping[str, RecordType]] = MappingProxyType(
    {record_type.name: record_type for record_type in _TYPES}
)
"""By the `type` of the header."""
