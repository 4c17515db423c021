"""One event of each type, and ways to spoil its form, for tests of parsing."""

from __future__ import annotations

from typing import Any

import pytest

from hutong_protocol import identity_authoring as authoring
from hutong_protocol.encoding import encode
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.hashing import digest
from hutong_protocol.identity_events import Event, Rights, parse_event
from hutong_protocol.ids import EventId, OrgId, WriterKey
from protocol.identity_actors import TS, actor, commitment, fields_of, keys_of, signer

AID = actor()
ID = EventId(digest("event", b"another event"))
OTHER = EventId(digest("event", b"yet another event"))
FRIEND = OrgId(ID)
HASHES = sorted(digest("space-right", bytes([number])) for number in range(33))
Change = dict[str, Any]
GONE = object()


def examples() -> dict[str, Event]:
    """One event of each type, each with all its optional fields."""
    following = keys_of(AID.following)
    change: dict[str, Any] = {
        "control": following,
        "next_keys": commitment("later"),
        "recovery": keys_of([signer("new recovery")]),
        "affirmed": [ID],
        "ts_ms": TS,
    }
    both = (*AID.following, *AID.recovery)
    one: dict[str, Any] = {"ts_ms": TS, "signers": AID.control}
    writer = signer("node")
    return {
        "incept": AID.event,
        "rotate": authoring.rotate(AID.end(), auth="both", signers=both, **change),
        "recover": authoring.recover(AID.end(), auth="both", signers=both, **change),
        "close": authoring.close(AID.end(), auth="control", successor=FRIEND, **one),
        "delegate": authoring.delegate(
            AID.place,
            writer=WriterKey(writer.key),
            possession=authoring.prove_possession(AID.org, writer),
            rights=Rights(tuple(HASHES[:2]), ("base", "fsc"), True, False, True),
            label="库房 node",
            home_org=FRIEND,
            **one,
        ),
        "affirm": authoring.affirm(AID.place, ids=[OTHER, ID], **one),
        "revoke": authoring.revoke(
            AID.place, delegation=ID, cut_lists=[ID, OTHER], reason="key_lost", **one
        ),
        "resolve": authoring.resolve(AID.place, delegation=ID, cut_lists=[], **one),
        "sealkey": authoring.publish_seal_key(
            AID.place, number=1, key=bytes([9]) * 32, until_ms=TS, **one
        ),
        "endorse": authoring.endorse(
            AID.place, subject=FRIEND, spaces=HASHES[:2], topics=["fsc", "base"], **one
        ),
        "unendorse": authoring.unendorse(AID.place, endorsement=ID, **one),
    }


EVENTS = examples()
ENVELOPE = {"v", "type", "ts"}
OPTIONAL = {
    "rotate": {"recovery", "affirm"},
    "recover": {"recovery", "affirm"},
    "close": {"successor"},
    "delegate": {"home_org"},
    "revoke": {"reason"},
    "sealkey": {"until"},
}


def changed(type_name: str, **changes: Any) -> list[Any]:
    """The wire form of an example whose body has other fields; its signatures don't fit any more,
    which is no matter of form."""
    event = EVENTS[type_name]
    fields: dict[str, Any] = {**fields_of(event), **changes}
    body = encode({name: value for name, value in fields.items() if value is not GONE})
    [_, pairs, attachment] = event.to_value()
    return [body, pairs, attachment]


def fault_of(value: object) -> Fault:
    with pytest.raises(ProtocolFault) as caught:
        parse_event(value)
    return caught.value.fault
