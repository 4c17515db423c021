"""A node with something of everything that pages show: the radishes, a check, a flag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulletin.world import (
    EARLIER,
    HEA,
    LATER,
    Author,
    World,
    exact,
    need_facts,
    offer_facts,
)
from hutong_protocol.fold import checked_digest
from hutong_protocol.ids import IdKind, RecordId, format_id
from node.nodes import BASE, FSC


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is in it, and what they said."""

    asks: Author
    gives: Author
    looks: Author
    incident: RecordId
    radishes: RecordId
    several: RecordId
    expired: RecordId
    closed: RecordId
    offer: RecordId

    def paths(self) -> list[str]:
        """Every kind of page, with no parameters."""
        needs = [record_path(need) for need in (self.radishes, self.several, self.closed)]
        return [
            *("/", "/needs", "/offers", "/who", "/organisations", "/incidents", "/checks"),
            "/about",
            *needs,
            f"{needs[0]}/card",
            record_path(self.offer, "offers"),
            record_path(self.incident, "incidents"),
            org_path(self.asks),
            org_path(self.gives),
        ]


def record_path(record: bytes, kind: str = "needs") -> str:
    return f"/{kind}/{format_id(IdKind.RECORD, record)}"


def org_path(author: Author) -> str:
    return f"/organisations/{format_id(IdKind.ORG, author.org)}"


def make_scene(world: World) -> Scene:
    """The scene, in the store of the world's node."""
    asks = world.organisation(
        "西安社工协会",
        "association",
        names={"en": "Xi’an Social Work Association"},
        note="行业组织\n负责物资组",
        desk={
            "name": "值班处",
            "phone": "029-88880000",
            "email": "desk@example.org",
            "url": "https://example.org/xa",
            "address": "雁塔区长安中路",
            "hours": "8:00–20:00",
        },
    )
    gives = world.organisation("基金会 Foundation", "foundation")
    looks = world.organisation("民政 Office", "gov")
    incident = asks.say("incident/1", BASE, {"start": EARLIER, "glide": "EP-2021-000001-CHN"}, {
        "title": "西安封控",
        "names": {"en": "Xi’an lockdown"},
    })  # fmt: skip
    asks.say("incident/1", BASE, {"start": LATER}, {"title": "洪水", "language": "zh"})
    radishes = _radishes(asks, gives, looks, incident)
    several = _several(asks, gives, incident)
    facts = need_facts(incident, valid_until=EARLIER)
    expired = asks.say("need/1", FSC, facts, {"title": "过期的大米"})
    closed = asks.say("need/1", HEA, need_facts(incident), {"title": "药品"})
    asks.say("close/1", HEA, {"reason": "done_by_others"}, thing=closed, link=closed)
    offer = gives.say(
        "offer/1",
        FSC,
        offer_facts(
            incident,
            standing=True,
            transport_included=True,
            earmark={"groups": ["elderly"], "areas": [{"scheme": "CN-GB2260", "code": "610100"}]},
            lines=[{"id": "stock", "kind": "goods", "quantity": exact("100", "xiang")}],
        ),
        {"title": "库存物资 / stock in hand", "note": "可送到社区门口"},
    )
    return Scene(asks, gives, looks, incident, radishes, several, expired, closed, offer)


def _radishes(asks: Author, gives: Author, looks: Author, incident: bytes) -> RecordId:
    """5,000,000 jin, of which 1,500 t are accepted, 1,480.5 t sent and 1,480 t received."""
    facts = need_facts(
        incident,
        urgency="immediate",
        needed_by="2026-01-05T00:00:00+08:00",
        people=12_000,
        groups=[{"group": "elderly", "people": 3_000}],
        lines=[{"id": "radish", "kind": "goods", "quantity": exact("5000000", "jin_cn")}],
    )
    text = {
        "title": "急需萝卜",
        "place_name": "雁塔区",
        "language": "zh",
        "note": "封控小区居民\n可送至东门",
        "lines": {"radish": {"item": "萝卜", "raw": "500万斤", "spec": "白萝卜"}},
    }
    need = asks.say("need/1", FSC, facts, text)
    _radishes_promised(asks, gives, need)
    _radishes_checked(looks, need, facts)
    looks.say("close/1", FSC, {"reason": "fulfilled"}, thing=need, link=need)
    looks.say("x-later/1", FSC, {"a": 1}, thing=need)
    return need


def _radishes_promised(asks: Author, gives: Author, need: RecordId) -> None:
    """A promise on its way, and one passed on by telephone that nobody has answered."""
    line = {"line": "radish"}
    about: dict[str, Any] = {"thing": need, "revision": need}
    promise = gives.say(
        "commitment/1",
        FSC,
        {**line, "quantity": exact("1500", "t"), "valid_until": LATER, "eta": EARLIER},
        {"note": "两车"},
        **about,
    )
    proxy = {
        **line,
        "quantity": exact("1500", "t"),
        "valid_until": LATER,
        "provider": {"key": "coop", "kind": "company"},
        "basis": "phone",
    }
    gives.say("commitment/1", FSC, proxy, {"parties": {"coop": "蔬菜合作社"}}, **about)
    accept = {
        **line,
        "quantity": exact("1500", "t"),
        "outcome": "accept",
        "commitment_author": gives.org,
    }
    asks.say("decision/1", FSC, accept, link=need, target=promise, **about)
    sent = gives.say(
        "dispatch/1",
        FSC,
        {**line, "quantity": exact("1480.5", "t"), "waybill": "陕A12345", "left_at": EARLIER},
        target=promise,
        **about,
    )
    got = {**line, "quantity": exact("1480", "t"), "condition": "short"}
    asks.say("receipt/1", FSC, got, target=promise, dispatch=sent, **about)


def _radishes_checked(looks: Author, need: RecordId, facts: Mapping[str, Any]) -> None:
    """Somebody was there: the place is as stated, the quantity has changed since."""
    place = checked_digest("place", None, facts)
    quantity = checked_digest("quantity", None, {"lines": []})
    looks.say(
        "verify/1",
        FSC,
        {
            "outcome": "confirmed",
            "method": "on_site",
            "checked": {"exists": True, "place": place, "quantity": quantity},
            "checked_at": "2026-01-01T10:00:00+08:00",
        },
        thing=need,
        revision=need,
    )


def _several(asks: Author, gives: Author, incident: bytes) -> RecordId:
    """Lines of several kinds and bounds, one of them closed, and a revision."""
    lines = [
        {
            "id": "help",
            "kind": "people",
            "quantity": {"bound": "at_least", "min": "4", "unit": "person"},
            "skills": ["nurse"],
            "modality": "on_site",
            "languages": ["zh"],
            "windows": [{"key": "2026-w01"}],
        },
        {"id": "masks", "kind": "goods", "quantity": {"bound": "unbounded", "unit": "zhi"}},
        {"id": "suits", "kind": "goods", "quantity": {"bound": "unknown"}},
        {"id": "talk", "kind": "service", "quantity": exact("360", "min")},
    ]
    facts = need_facts(incident, urgency="high", severity="severe", lines=lines[:3])
    need = asks.say("need/1", HEA, facts, {"title": "护理人手与口罩"})
    body = {**facts, "lines": lines, "receivers": [gives.org], "tags": ["log"]}
    about: dict[str, Any] = {"thing": need, "link": need}
    text = {"title": "护理人手、口罩与心理咨询", "place_name": "碑林区"}
    asks.say("revise/1", HEA, {"of": "need/1", "body": body}, text, **about)
    asks.say("close/1", HEA, {"reason": "fulfilled", "lines": ["suits"]}, **about)
    promise = {"line": "masks", "quantity": {"bound": "up_to", "max": "900", "unit": "zhi"}}
    gives.say("commitment/1", HEA, {**promise, "valid_until": LATER}, thing=need, revision=need)
    boxes = {"line": "talk", "quantity": exact("2", "xiang"), "valid_until": EARLIER}
    gives.say("commitment/1", HEA, boxes, thing=need, revision=need)
    return need
