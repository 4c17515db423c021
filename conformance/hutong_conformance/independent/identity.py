"""Admission, state and decisions from the text of section 4: the other half of an oracle.

Owns a second reading of 4.5 and 4.11, and puts together the reply of a state. It looks in rounds
over all events for what can be judged by now, instead of queueing, and has plain dicts for events
and states, so that it shares neither code nor shape with the core. What has effect is said by
`identity_effect`. Slow: for a few dozen events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hutong_conformance.independent.identity_effect import Effect
from hutong_conformance.independent.identity_form import (
    Body,
    Json,
    bad,
    digest,
    read,
    spelled,
    tag,
    verify,
)
from hutong_conformance.independent.mp_decoder import Rejected


def admit(events: Sequence[Json]) -> tuple[dict[bytes, Body], list[Body], dict[int, str]]:
    """What is held by id, what waits, and the fault of each refused position. Spec: 4.5."""
    open_ones: dict[int, Body] = {}
    refused: dict[int, str] = {}
    for at, event in enumerate(events):
        try:
            open_ones[at] = read(event)
        except Rejected as fault:
            refused[at] = fault.fault
    held: dict[bytes, Body] = {}
    moved = True
    while moved:
        moved = False
        for at, body in list(open_ones.items()):
            if body["id"] not in held:
                if not context(body, held):
                    continue
                try:
                    judge(body, held)
                except Rejected as fault:
                    refused[at] = fault.fault
                else:
                    held[body["id"]] = body
            del open_ones[at]
            moved = True
    return held, list(open_ones.values()), refused


def anchor(body: Body) -> bytes | None:
    """The chain event that decides about this one."""
    found = body.get("chain", body.get("epoch"))
    return found if isinstance(found, bytes) else None


def context(body: Body, held: dict[bytes, Body]) -> bool:
    """Whether all that the event names is held and readable."""
    named = [*body.get("prev", ()), anchor(body) or b""] if anchor(body) else []
    if any(one not in held or held[one]["org"] != body["org"] for one in named):
        return False
    chain = held.get(anchor(body) or b"")
    return chain is None or chain["known"] or "epoch" in chain


def sets(chain: Body, held: dict[bytes, Body]) -> tuple[Any, Any, Any, int]:
    """Control, recovery, next (each keys and threshold) and position after a chain event."""
    if chain["type"] == "incept":
        recovery = (chain["recovery"]["keys"], chain["recovery"]["threshold"])
        position = 0
    else:
        control, recovery, following, position = sets(held[chain["chain"]], held)
        position += 1
        if chain["type"] == "close":
            return control, recovery, following, position
        if "recovery" in chain:
            recovery = (chain["recovery"]["keys"], chain["recovery"]["threshold"])
    own = (chain["control"], chain["threshold"])
    return own, recovery, (chain["next"]["keys"], chain["next"]["threshold"]), position


def enough(signers: Iterable[bytes], wanted: tuple[Sequence[bytes], int]) -> bool:
    """Whether a threshold is met."""
    return len(set(signers) & set(wanted[0])) >= wanted[1]


def judge(body: Body, held: dict[bytes, Body]) -> None:
    """Raises `Rejected` unless the event fits and those signed who may. Spec: 4.5.3, 4.5.4."""
    signers = [key for key, _ in body["signatures"]]
    chain = held.get(anchor(body) or b"")
    if chain is None:
        demanded = [(body["control"], body["threshold"])]
    else:
        fits(body, chain, held)
        control, recovery, following, _ = sets(chain, held)
        auth = body.get("auth")
        if not body["known"]:
            able = enough(signers, control)
            if "chain" in body:
                commitments = [digest("next-key", key) for key in signers]
                able = able or enough(signers, recovery) or enough(commitments, following)
            if not able:
                raise bad("threshold", "threshold-not-met")
            demanded = []
        elif body["type"] in ("rotate", "recover"):
            own = (body["control"], body["threshold"])
            revealed = (sorted(digest("next-key", key) for key in own[0]), own[1])
            if auth != "recovery" and revealed != following:
                raise bad("next", "next-key-mismatch")
            demanded = [] if auth == "recovery" else [own]
            demanded += [] if auth == "control" else [recovery]
        else:
            demanded = [control, recovery] if auth == "both" else [control]
    for key, signature in body["signatures"]:
        entitled = not demanded or any(key in keys for keys, _ in demanded)
        if not entitled or not verify(key, tag("sign-event") + body["id"] + key, signature):
            raise bad("signature", "bad-signature")
    if not all(enough(signers, wanted) for wanted in demanded):
        raise bad("threshold", "threshold-not-met")


def fits(body: Body, chain: Body, held: dict[bytes, Body]) -> None:
    """What is named is of the kind that it must be. Spec: 4.5.3."""
    if "epoch" in chain:
        raise bad("no chain event")
    for one in body["prev"]:
        if one != chain["id"] and held[one].get("epoch") != chain["id"]:
            raise bad("prev of another epoch")
    if body["known"] and "pos" in body and body["pos"] != sets(chain, held)[3] + 1:
        raise bad("pos")


# State and decisions


def admission(events: Sequence[Json]) -> Json:
    """The reply to identity.admit."""
    held, waiting, refused = admit(events)
    return {
        "held": sorted(one.hex() for one in held),
        "waiting": sorted({body["id"].hex() for body in waiting}),
        "refused": [[at, refused[at]] for at in sorted(refused)],
    }


def states(events: Sequence[Json]) -> Json:
    """The reply to identity.evaluate."""
    held, waiting, _ = admit(events)
    return {
        one.hex(): state([body for body in held.values() if body["org"] == one], waiting)
        for one, body in held.items()
        if body["type"] == "incept" and body["org"] == one
    }


def state(events: Sequence[Body], waiting: Sequence[Body]) -> Json:
    """The state of one organisation. Spec: 4.6, 4.7."""
    held = {body["id"]: body for body in events}
    found = Effect(held)
    chain = found.in_force()
    last = held[chain[-1]]
    control, recovery, following, _ = sets(last, held)
    closed = last["type"] == "close"
    heads = sorted(found.heads())
    seals = sorted(found.of("sealkey").values(), key=lambda body: (body["number"], body["id"]))
    return {
        "org": found.first.hex(),
        "frozen": found.frozen(),
        "heads": [head.hex() for head in heads],
        "digest": digest("identity-heads", b"".join(heads)).hex(),
        "waiting": sorted({b["id"].hex() for b in waiting if b["org"] == found.first}),
        "events": len(events),
        "chain": [one.hex() for one in chain],
        "contenders": sorted(one.hex() for one in found.contenders()),
        "closed": closed,
        "successor": spelled(last.get("successor")) if closed else None,
        "control": spelled(dict(zip(("keys", "threshold"), control, strict=True))),
        "next": spelled(dict(zip(("keys", "threshold"), following, strict=True))),
        "recovery": spelled(dict(zip(("keys", "threshold"), recovery, strict=True))),
        "delegations": {
            one.hex(): spelled({"home_org": None, **held[one]}, "writer rights label home_org")
            for one in found.granted()
        },
        "revoked": sorted(one.hex() for one in found.revoked()),
        "alarms": sorted(one.hex() for one in found.alarms()),
        "endorsements": {
            one.hex(): spelled(held[one], "subject spaces topics") for one in found.endorsed()
        },
        "seal_keys": [
            spelled({"until": None, **body}, "id number key until") for body in reversed(seals)
        ],
    }


def decide(events: Sequence[Json], opened: Body) -> Json:
    """The reply to identity.decide. Spec: 4.11.1."""
    found = refusal(events, opened["org"], opened["delegation"])
    if "fault" in found:
        return found
    one = found["delegate"]
    salt = opened.get("space_salt")
    given = one["rights"]
    space = (salt and len(salt) == 32) and digest(
        "space-right", bytes.fromhex(salt) + opened["space"].encode()
    )
    covered = (given["spaces"] == "*" or space in given["spaces"]) and (
        given["topics"] == "*" or opened["topic"] in given["topics"]
    )
    if one["writer"].hex() != opened["writer"] or not given["write"] or not covered:
        return {"fault": "not-accepted"}
    return {"ok": True}


def decide_session(events: Sequence[Json], org: str, named: str) -> Json:
    """The reply to identity.decide-session. Spec: 4.11.2."""
    found = refusal(events, org, named)
    if "fault" in found:
        return found
    if not found["delegate"]["rights"]["session"] or found["revoked"]:
        return {"fault": "not-accepted"}
    return {"ok": {"writer": found["delegate"]["writer"].hex()}}


def refusal(events: Sequence[Json], org: str, named: str) -> Json:
    """A granted delegation of this id and whether it is revoked, or a reply with the refusal."""
    held, _, _ = admit(events)
    ours = {one: body for one, body in held.items() if body["org"].hex() == org}
    one = bytes.fromhex(named)
    if one not in ours:
        return {"fault": "identity-needed"}
    found = Effect(ours)
    if found.frozen():
        return {"fault": "upgrade-needed"}
    if one not in found.granted():
        return {"fault": "not-accepted"}
    return {"delegate": ours[one], "revoked": one in found.revoked()}
