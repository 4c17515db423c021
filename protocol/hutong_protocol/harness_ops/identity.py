"""Operations of section 4: identity events, what is held of them, states, decisions, cuts.

States and decisions are those of an implementation that applies cuts to what it stores (4.9.1),
whatever node this core is part of: they are judged by the set of events alone.

An event stands in JSON as it travels, each bin in hex: `[body, [[key, signature], ...], attachment
or null]`. What a request calls an event may be any JSON of lists, hex, numbers and null, since its
form is under test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hutong_protocol.cut_effects import DelegationCuts, cuts_of, effective_cut
from hutong_protocol.cuts import cut_list_hash, parse_cut_list, parse_manifest
from hutong_protocol.encoding import Value
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.harness_ops.request import (
    BadRequest,
    Json,
    Operation,
    Request,
    as_bytes,
    bytes_field,
    field,
    list_field,
    object_field,
    text_field,
)
from hutong_protocol.identity import (
    Endorsement,
    IdentityState,
    admit,
    decide_log,
    decide_session,
    evaluate,
)
from hutong_protocol.identity_contents import Everything, KeySet, Rights
from hutong_protocol.identity_events import Event, parse_event
from hutong_protocol.identity_standing import standing_of
from hutong_protocol.ids import EventId, LogId, OrgId


@dataclass(frozen=True, slots=True)
class _Opened:
    org: bytes
    writer: bytes
    delegation: bytes
    space: str
    topic: str
    space_salt: bytes | None


def _event(request: Request) -> Json:
    event = parse_event(_wire(field(request, "event")))
    return {
        "id": event.id.hex(),
        "org": event.org.hex(),
        "type": event.type,
        "known": event.known,
    }


def _admit(request: Request) -> Json:
    events, positions, refused = _parsed(request)
    found = admit(events)
    waiting = {events[at].id for at in found.waiting}
    refused |= {positions[at]: fault for at, fault in found.refused.items()}
    return {
        "held": [identifier.hex() for identifier in sorted(found.held)],
        "waiting": [identifier.hex() for identifier in sorted(waiting)],
        "refused": [[at, fault.fault.value] for at, fault in sorted(refused.items())],
    }


def _evaluate(request: Request) -> Json:
    events, _, _ = _parsed(request)
    wanted = bytes_field(request, "org") if "org" in request else None
    return {
        org.hex(): state_json(state)
        for org, state in evaluate(events, applies_cuts=True).items()
        if wanted in (None, org)
    }


def _decide(request: Request) -> Json:
    opened = object_field(request, "open")
    salt = opened.get("space_salt")
    info = _Opened(
        org=bytes_field(opened, "org"),
        writer=bytes_field(opened, "writer"),
        delegation=bytes_field(opened, "delegation"),
        space=text_field(opened, "space"),
        topic=text_field(opened, "topic"),
        space_salt=None if salt is None else as_bytes(salt, "space_salt"),
    )
    refusal = decide_log(_state_of(request, info.org), info)
    if refusal is not None:
        raise ProtocolFault(refusal)
    return True


def _decide_session(request: Request) -> Json:
    org, delegation = bytes_field(request, "org"), bytes_field(request, "delegation")
    state = _state_of(request, org)
    refusal = decide_session(state, org, delegation)
    if refusal is not None:
        raise ProtocolFault(refusal)
    assert state is not None
    return {"writer": state.delegations[EventId(delegation)].writer.hex()}


def _state_of(request: Request, org: bytes) -> IdentityState | None:
    events, _, _ = _parsed(request)
    return evaluate(events, applies_cuts=True).get(OrgId(org))


def _parsed(request: Request) -> tuple[list[Event], list[int], dict[int, ProtocolFault]]:
    """The events of the right form, the place of each in the request, and the others' faults."""
    events: list[Event] = []
    positions: list[int] = []
    refused: dict[int, ProtocolFault] = {}
    for at, item in enumerate(list_field(request, "events")):
        try:
            events.append(parse_event(_wire(item)))
        except ProtocolFault as fault:
            refused[at] = fault
        else:
            positions.append(at)
    return events, positions, refused


def _wire(value: Json) -> Value:
    """An event as it travels: hex becomes bins, everything else stays."""
    if isinstance(value, list):
        return [_wire(item) for item in value]
    if isinstance(value, str):
        return as_bytes(value, "a bin of an event")
    if value is None or isinstance(value, int):
        return value
    raise BadRequest("an event is made of lists, hex, numbers and null")


def state_json(state: IdentityState) -> Json:
    """A state as the vectors show it."""
    successor = None if state.closed is None else state.closed.successor
    return {
        "org": state.org.hex(),
        "frozen": state.frozen is not None,
        "heads": [identifier.hex() for identifier in state.heads],
        "digest": state.digest.hex(),
        "waiting": [identifier.hex() for identifier in sorted(state.waiting)],
        "events": state.events,
        "chain": [identifier.hex() for identifier in state.chain],
        "contenders": [identifier.hex() for identifier in state.contenders],
        "closed": state.closed is not None,
        "successor": None if successor is None else successor.hex(),
        "control": _key_set(state.control),
        "next": {
            "keys": [item.hex() for item in state.next_keys.digests],
            "threshold": state.next_keys.threshold,
        },
        "recovery": _key_set(state.recovery),
        "delegations": {
            identifier.hex(): {
                "writer": found.writer.hex(),
                "rights": _rights(found.rights),
                "label": found.label,
                "home_org": None if found.home_org is None else found.home_org.hex(),
            }
            for identifier, found in state.delegations.items()
        },
        "revoked": [identifier.hex() for identifier in sorted(state.revoked)],
        "alarms": [identifier.hex() for identifier in state.alarms],
        "endorsements": {
            identifier.hex(): _endorsement(found)
            for identifier, found in state.endorsements.items()
        },
        "seal_keys": [
            {
                "id": found.id.hex(),
                "number": found.number,
                "key": found.key.hex(),
                "until": found.until_ms,
            }
            for found in state.seal_keys
        ],
    }


def _key_set(keys: KeySet) -> Json:
    return {"keys": [key.hex() for key in keys.keys], "threshold": keys.threshold}


def _rights(rights: Rights) -> Json:
    return {
        "spaces": _spaces(rights.spaces),
        "topics": _topics(rights.topics),
        "write": rights.write,
        "session": rights.session,
        "erase": rights.erase,
    }


def _endorsement(found: Endorsement) -> Json:
    return {
        "subject": found.subject.hex(),
        "spaces": _spaces(found.spaces),
        "topics": _topics(found.topics),
    }


def _spaces(spaces: tuple[bytes, ...] | Everything) -> Json:
    return spaces if isinstance(spaces, str) else [space.hex() for space in spaces]


def _topics(topics: tuple[str, ...] | Everything) -> Json:
    return topics if isinstance(topics, str) else list(topics)


def _cut_list(request: Request) -> Json:
    data = bytes_field(request, "hex")
    found = parse_cut_list(data)
    return {
        "hash": cut_list_hash(data).hex(),
        "delegation": found.delegation.hex(),
        "space": found.space,
        "topic": found.topic,
        "salt": found.salt.hex(),
        "logs": [
            [entry.log.hex(), [[seq, head.hex()] for seq, head in entry.heads]]
            for entry in found.logs
        ],
    }


def _cut_manifest(request: Request) -> Json:
    found = parse_manifest(bytes_field(request, "hex"))
    return {"hash": found.hash.hex(), "lists": [item.hex() for item in found.lists]}


def _cut_effective(request: Request) -> Json:
    org, delegation = bytes_field(request, "org"), EventId(bytes_field(request, "delegation"))
    scope = (text_field(request, "space"), text_field(request, "topic"))
    log = LogId(bytes_field(request, "log"))
    given = [as_bytes(item, "a cut list") for item in list_field(request, "lists")]
    lists = {cut_list_hash(data): parse_cut_list(data) for data in given}
    events, _, _ = _parsed(request)
    held = {one.id: one for one in admit(events).held.values() if one.org == org}
    cuts = DelegationCuts(delegation, False, ())
    if held:
        cuts = cuts_of(held, standing_of(held.values()), delegation)
    found = effective_cut(cuts, lists, scope, log)
    if found is None:
        return None
    return {
        "event": None if found.event is None else found.event.hex(),
        "heads": [[seq, head.hex()] for seq, head in found.heads],
    }


OPS: Final[Mapping[str, Operation]] = {
    "identity.event": _event,
    "identity.admit": _admit,
    "identity.evaluate": _evaluate,
    "identity.decide": _decide,
    "identity.decide-session": _decide_session,
    "cut.list": _cut_list,
    "cut.manifest": _cut_manifest,
    "cut.effective": _cut_effective,
}
