"""One full and right example of the facts of every record type. Spec: 12.4.

Owns the values from which vectors and tests make wrong ones by changing one place at a time. Every
field of every type stands in at least one example.
"""

from __future__ import annotations

from typing import Any

from hutong_conformance.fold_scenes.stage import NOON, body, exact, line, org, pack

CODED = {"list": {"by": org("SWA"), "name": "xa2021", "version": 1}, "code": "xa10-4"}
PLACE = {
    "codes": [{"scheme": "CN-GB2260", "code": "610113", "edition": "2021"}],
    "point": {"lat": 34_220_000, "lon": 108_945_000, "crs": "WGS84", "radius_m": 500},
}
FAR = {"id": org("a record elsewhere"), "space": "xian-2021", "topic": "hea"}
LOCAL = {"key": "p1", "kind": "shop"}
ITEM = {"scheme": "hutong", "code": "n95"}
WINDOW = {
    "key": "2022-W01",
    "from": NOON,
    "until": "2022-01-09T12:00:00.125+08:00",
    "zone": "Asia/Shanghai",
    "capacity": exact(40, "h"),
}
LINE = line(
    "a",
    exact("100.5", "xiang", **pack("xiang", 20, "kg")),
    item=ITEM,
    skills=["lawyer"],
    modality="online",
    languages=["zh"],
    windows=[WINDOW],
)
GROUPS = [{"group": CODED, "people": 3}, {"group": "patients", "households": "1-4"}]
SOURCE = {"platform": "sheet", "key": b"12345678"}
SHARED = {
    "people": "20+",
    "households": "5-9",
    "groups": GROUPS,
    "tags": ["hea"],
    "on_behalf_of": LOCAL,
    "source": SOURCE,
    "restrictions": ["cold-chain"],
}
PLAIN = {"codes": [{"scheme": "CN-GB2260", "code": "610113"}]}
NEED = body(
    LINE,
    place=PLAIN,
    needed_by=NOON,
    severity="severe",
    receivers=[org("TEAM"), LOCAL],
    for_commitment=FAR,
    **{**SHARED, "groups": [{"group": CODED, "people": "1-4"}]},
)
OFFER = {
    **{name: value for name, value in body(LINE, **SHARED).items() if name != "urgency"},
    "groups": [{"group": "patients", "people": "1-4"}],
    "from": NOON,
    "until": NOON,
    "earmark": {"areas": PLAIN["codes"], "groups": [CODED, "elderly"], "items": [ITEM]},
    "stock_id": "s-1",
    "standing": True,
    "transport_included": False,
    "funded_until": NOON,
    "funder": org("FOUND"),
}
ORG = {
    "kind": "ngo",
    "ext_ids": [{"scheme": "CN-USCC", "id": "91110000802100433B"}],
    "areas": PLAIN["codes"],
    "topics": ["fsc"],
    "facilitates": ["hea"],
    "has": ["lawyers"],
    "lacks": [CODED],
}
GOODS = {"line": "a", "quantity": exact(5, "t")}
DECISION = {
    "outcome": "accept",
    **GOODS,
    "commitment_author": org("COOP"),
    "provider": LOCAL,
    "funder": org("FOUND"),
    "implementer": org("TEAM"),
    "carrier": LOCAL,
    "receipt_by": [org("TEAM"), LOCAL],
    "via": FAR,
    "reason": "other",
}

FACTS: dict[str, dict[str, Any]] = {
    "org/1": ORG,
    "incident/1": {
        "start": NOON,
        "glide": "EP-2020-000012-CHN",
        "areas": PLAIN["codes"],
        "codelists": [CODED["list"]],
    },
    "codelist/1": {
        "name": "xa2021",
        "version": 1,
        "entries": [{"code": "xa10-4", "sensitive": True, "maps_to": ["elderly"]}],
    },
    "need/1": NEED,
    "offer/1": OFFER,
    "revise/1": {"of": "need/1", "body": NEED},
    "close/1": {"reason": "duplicate", "lines": ["a"]},
    "reopen/1": {"lines": ["a"]},
    "reconfirm/1": {"valid_until": NOON},
    "verify/1": {
        "outcome": "confirmed",
        "method": "on_site",
        "checked": {
            "exists": True,
            "reachable": True,
            "place": org("d"),
            "quantity": org("d"),
            "urgency": org("d"),
        },
        "line": "a",
        "checked_at": NOON,
    },
    "commitment/1": {
        **GOODS,
        "valid_until": NOON,
        "provider": LOCAL,
        "funder": org("FOUND"),
        "implementer": org("TEAM"),
        "eta": NOON,
        "basis": "phone",
        "offer": FAR,
        "via": FAR,
    },
    "decision/1": DECISION,
    "request/1": {
        **GOODS,
        "window": "2022-W01",
        "need": FAR,
        "place": PLACE,
        "groups": [{"group": "elderly", "people": 3}],
    },
    "allocation/1": {
        "outcome": "accept",
        **GOODS,
        "to": LOCAL,
        "window": "2022-W01",
        "areas": PLAIN["codes"],
        "groups": [{"group": "elderly"}],
        "commitment": FAR,
        "reason": "capacity",
    },
    "dispatch/1": {**GOODS, "waybill": "SF-1", "left_at": NOON, "carrier": LOCAL},
    "receipt/1": {
        **GOODS,
        "waybill": "SF-1",
        "condition": "short",
        "received_at": NOON,
        "place": PLACE,
        "people": 12,
        "households": 4,
        "groups": [{"group": "elderly", "people": 3}],
        "people_served": 40,
        "value": {"value": "1.50", "currency": "CNY"},
        "method": "handed_over",
    },
    "delivered/1": {**GOODS, "waybill": "SF-1", "delivered_at": NOON},
    "loss/1": {**GOODS, "waybill": "SF-1", "reason": "stolen"},
    "relay/1": {
        "home": {"space": "xian-2021", "topic": "fsc"},
        "subject": org("need"),
        "of": "need/1",
        "revision": org("revision"),
        "to": [org("COOP")],
        "card": {"lines": [LINE], "place": PLAIN, "urgency": "high", "valid_until": NOON},
    },
    "handoff/1": {"to": org("COOP")},
    "handoff_accept/1": {},
    "handoff_withdraw/1": {"reason": "too_late"},
    "link/1": {"relation": "defer", "far": FAR, "basis": "written"},
    "post/1": {"kind": "notice"},
    "flag/1": {"reason": "unsafe"},
}
"""Every field of every type stands in at least one example."""
