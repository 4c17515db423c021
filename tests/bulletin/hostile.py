"""A node full of records by somebody who means harm: every form in every place that takes it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from bulletin.world import LATER, Said, World, need_facts, offer_facts
from hutong_protocol.ids import RecordId
from node.nodes import BASE, FSC


async def hostile_world(world: World, forms: Sequence[str], short: Sequence[str]) -> list[RecordId]:
    """Puts all of it into the world; the ids of the needs."""
    codes = cycle(short or ["x-code"])
    author = world.organisation()
    author.say("org/1", BASE, {"kind": next(codes), "has": [next(codes)]}, _card(forms))
    incidents: list[Said] = [
        ("incident/1", {"start": LATER, "glide": next(codes)}, {"title": form, "note": form}, {})
        for form in forms[:20]
    ]
    incident, *_ = author.say_all(BASE, incidents)
    needs = author.say_all(
        FSC, [("need/1", _need(incident, codes), _words(form), {}) for form in forms]
    )
    offers: list[Said] = [
        ("offer/1", offer_facts(incident, stock_id=next(codes)), _words(form), {})
        for form in forms[:40]
    ]
    author.say_all(FSC, offers)
    about = {"thing": needs[0], "revision": needs[0]}
    for form in forms[:40]:
        other = world.organisation(form, next(codes), names={"en": form, "zh": form}, note=form)
        promise = {
            "line": "a",
            "quantity": {"bound": "exact", "value": "1", "unit": next(codes)},
            "valid_until": LATER,
            "provider": {"key": "k", "kind": next(codes)},
        }
        said: list[Said] = [
            ("commitment/1", promise, {"note": form, "raw": form, "parties": {"k": form}}, about),
            (
                "verify/1",
                {"outcome": "confirmed", "method": next(codes), "checked": {"exists": True}},
                {"note": form},
                about,
            ),
            ("post/1", {"kind": "question"}, {"text": form}, {"thing": needs[0]}),
        ]
        other.say_all(FSC, said)
    await world.settle()
    return needs


def _need(incident: bytes, codes: Any) -> dict[str, Any]:
    code = next(codes)
    line = {
        "id": "a",
        "kind": code,
        "quantity": {"bound": "exact", "value": "1", "unit": f"raw:{code}"[:60]},
        "item": {"scheme": next(codes), "code": code},
        "skills": [code],
    }
    place = {"codes": [{"scheme": next(codes), "code": next(codes)}]}
    return need_facts(
        incident,
        lines=[line],
        place=place,
        urgency=next(codes),
        severity=code,
        restrictions=[code],
        groups=[{"group": code}],
        source={"platform": code, "key": b"12345678"},
    )


def _words(form: str) -> dict[str, Any]:
    return {
        "title": form,
        "note": form,
        "place_name": form,
        "language": form,
        "lines": {"a": {"item": form, "spec": form, "raw": form, "note": form}},
    }


def _card(forms: Sequence[str]) -> dict[str, Any]:
    name = forms[0]
    urls = [form for form in forms if "script:" in form][:1] or [name]
    desk = {"name": name, "phone": urls[0], "email": urls[0], "url": urls[0], "address": name}
    return {"title": name, "note": name, "names": {"en": name}, "desk": desk}
