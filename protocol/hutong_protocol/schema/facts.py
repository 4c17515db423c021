"""The facts of every record type: which fields, of which shape, which required. Spec: 12.4.

The table of the specification as data, final for `/1`: fields may be added, never changed. Readers,
authors and the JSON form all walk over these shapes; nothing else in the code says which fields a
type has.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    MapOf,
    Pattern,
    Shape,
    Time,
)


def _required(shape: Shape) -> Field:
    return Field(shape, required=True)


_ORG = Id(IdOf.ORG)
_RECORD = Id(IdOf.RECORD)
_DIGEST = Id(IdOf.DIGEST)
_KEY = Pattern(KEY, "rice-kg")
_TOPIC = Pattern(TOPIC, "fsc")
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
REVISABLE: Final = ("need/1", "offer/1", "org/1", "incident/1")
"""The types that a `revise` may be about."""

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

_FIRST: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        "org/1": _ORG_FACTS,
        "incident/1": _INCIDENT_FACTS,
        "codelist/1": _CODELIST_FACTS,
        "need/1": _NEED_FACTS,
        "offer/1": _OFFER_FACTS,
    }
)

FACTS: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        **_FIRST,
        "revise/1": Revised({name: _FIRST[name] for name in REVISABLE}),
        "close/1": MapOf({"reason": _required(Coded("close reasons")), **_CLOSED_LINES}),
        "reopen/1": MapOf(_CLOSED_LINES),
        "reconfirm/1": MapOf({"valid_until": _required(Time())}),
        "verify/1": _VERIFY_FACTS,
        "commitment/1": _COMMITMENT_FACTS,
        "decision/1": _DECISION_FACTS,
        "request/1": _REQUEST_FACTS,
        "allocation/1": _ALLOCATION_FACTS,
        "dispatch/1": _DISPATCH_FACTS,
        "receipt/1": _RECEIPT_FACTS,
        "delivered/1": _DELIVERED_FACTS,
        "loss/1": _LOSS_FACTS,
        "relay/1": _RELAY_FACTS,
        "handoff/1": MapOf({"to": _required(_ORG)}),
        "handoff_accept/1": MapOf({}),
        "handoff_withdraw/1": MapOf({"reason": Field(Coded("decision reasons"))}),
        "link/1": _LINK_FACTS,
        "post/1": MapOf({"kind": Field(Coded("post kinds"))}),
        "flag/1": MapOf({"reason": _required(Coded("flag reasons"))}),
    }
)
"""The shape of the facts by the `type` of the header. Spec: 12.4."""
