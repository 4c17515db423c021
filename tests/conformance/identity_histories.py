"""Random histories of one organisation: every type of event, forks of the chain, late events.

Owns bodies of the right form that fit together, so that each could be held; signatures stand there
but nobody made them, since what has effect is judged of held events. Events name what came before
them in the history and anything else at random: rivals at any position, epochs sealed long ago,
affirmed and revoked ids of any kind, types and keys of a later version.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from hutong_conformance import raw
from hutong_conformance.raw_identity import (
    RIGHTS,
    TS,
    commitments,
    keys,
    public,
    sign,
)

SCOPES = (("xian-2021", "fsc"), ("xian-2021", "hea"))
LOGS = tuple(raw.bytes_from(f"log {number}") for number in range(2))
UNSIGNED = [[raw.bytes_from("nobody"), bytes(64)]]
EPOCH_TYPES = {
    "delegate": 6,
    "affirm": 2,
    "revoke": 4,
    "resolve": 3,
    "sealkey": 1,
    "endorse": 2,
    "unendorse": 1,
    "vouch": 0.3,
}
CHAIN_TYPES = {"rotate": 6, "recover": 3, "close": 1.5, "migrate": 0.3}

Body = dict[str, Any]


@dataclass
class History:
    """Bodies by id in the order in which they were made, and the cut lists that manifests name."""

    chance: Random
    bodies: dict[bytes, Body] = field(default_factory=dict)
    wires: dict[bytes, list[Any]] = field(default_factory=dict)
    lists: list[bytes] = field(default_factory=list)

    @property
    def org(self) -> bytes:
        return next(iter(self.bodies))

    def chain_events(self) -> list[bytes]:
        """Those that others may follow."""
        known = ("incept", "rotate", "recover", "close")
        return [one for one, body in self.bodies.items() if body["type"] in known]

    def epoch_of(self, start: bytes) -> list[bytes]:
        return [one for one, body in self.bodies.items() if body.get("epoch") == start]

    def add(self, body: Body, manifest: bytes | None = None) -> None:
        encoded = raw.encode(body)
        identifier = raw.digest("event", encoded)
        self.bodies[identifier] = body
        self.wires[identifier] = [encoded, UNSIGNED, manifest]

    def some(self, ids: list[bytes], most: int) -> list[bytes]:
        count = min(len(ids), self.chance.randint(1, most))
        return sorted(self.chance.sample(ids, count))

    def names(self, ids: list[bytes]) -> list[bytes]:
        """What an affirm names: mostly delegations, whether void or not."""
        delegated = [one for one in ids if self.bodies[one]["type"] in ("delegate", "vouch")]
        return self.some(delegated if delegated and self.chance.random() < 0.8 else ids, 3)

    def prev(self, start: bytes) -> list[bytes]:
        """Some events of an epoch, often the newest, or its beginning."""
        inside = self.epoch_of(start)
        if not inside or self.chance.random() < 0.2:
            return [start]
        return self.some(inside[-4:] if self.chance.random() < 0.6 else inside, 3)

    def start(self) -> bytes:
        """A chain event, mostly one of the newest."""
        found = self.chain_events()
        return self.chance.choice(found[-2:] if self.chance.random() < 0.6 else found)


@cache
def possession(org: bytes, writer: str) -> bytes:
    return sign(writer, "sign-possession", org + public(writer))


def history(chance: Random, events: int) -> History:
    """So many events after an inception."""
    made = History(chance)
    made.add(
        {
            "v": 1,
            "type": "incept",
            "ts": TS,
            **key_fields("first"),
            "recovery": keys(["recovery"]),
            "nonce": bytes(16),
        }
    )
    rivalry = chance.choice([0.1, 0.25, 0.5])
    for number in range(events):
        if chance.random() < rivalry:
            chain_event(made, number)
        else:
            epoch_event(made, number)
    return made


def key_fields(label: str) -> Body:
    control = keys([label])
    return {
        "control": control["keys"],
        "threshold": control["threshold"],
        "next": commitments([f"after {label}"]),
    }


def chain_event(made: History, number: int) -> None:
    chance, start = made.chance, made.start()
    [kind] = chance.choices(list(CHAIN_TYPES), list(CHAIN_TYPES.values()))
    body: Body = {
        "v": 1,
        "type": kind,
        "ts": TS + number,
        "org": made.org,
        "chain": start,
        "prev": made.prev(start),
    }
    if kind == "migrate":
        made.add(body)
        return
    before = made.bodies[start]
    auth = chance.choice(["recovery" if kind == "recover" else "control", "both"])
    body |= {"auth": auth, "pos": before.get("pos", 0) + 1}
    if kind == "close":
        made.add(body | ({"successor": raw.bytes_from("heir")} if chance.random() < 0.5 else {}))
        return
    body |= key_fields(f"control {chance.randrange(6)}")
    if auth != "control" and chance.random() < 0.4:
        body["recovery"] = keys([f"recovery {chance.randrange(3)}"])
    if chance.random() < 0.3:
        body["affirm"] = made.names(list(made.bodies))
    made.add(body)


def epoch_event(made: History, number: int) -> None:
    chance, start = made.chance, made.start()
    [kind] = chance.choices(list(EPOCH_TYPES), list(EPOCH_TYPES.values()))
    body: Body = {
        "v": 1,
        "type": kind,
        "ts": TS + number,
        "org": made.org,
        "epoch": start,
        "prev": made.prev(start),
    }
    ids = list(made.bodies)
    manifest = None
    match kind:
        case "delegate":
            writer = f"writer {chance.randrange(4)}"
            body |= {"writer": public(writer), "rights": RIGHTS, "label": writer}
            body["pop"] = possession(made.org, writer)
        case "affirm":
            body["ids"] = made.names(ids)
        case "revoke" | "resolve":
            [body["delegation"], *_] = made.names(ids)
            manifest = b"".join(sorted({cut_list(made, body["delegation"]) for _ in range(2)}))
            body["manifest"] = raw.digest("cut-manifest", manifest)
        case "sealkey":
            body |= {"number": chance.randint(1, 3), "key": raw.bytes_from(f"seal {number}")}
        case "endorse":
            body |= {"subject": raw.bytes_from("friend"), "spaces": "*", "topics": "*"}
        case "unendorse":
            endorsed = [one for one in ids if made.bodies[one]["type"] == "endorse"]
            body["endorsement"] = chance.choice(endorsed or ids)
    made.add(body, manifest)


def cut_list(made: History, delegation: bytes) -> bytes:
    """The hash of a new cut list, which is held or not."""
    chance = made.chance
    logs = [
        [log, sorted([chance.randrange(4), bytes([chance.randrange(4)]) * 32] for _ in range(1))]
        for log in sorted(LOGS)
        if chance.random() < 0.7
    ]
    whose = delegation if chance.random() < 0.9 else made.org
    salt = bytes([len(made.lists) % 256]) * 16
    listed: list[Any] = [whose, list(chance.choice(SCOPES)), salt, logs]
    data = raw.encode(listed)
    if chance.random() < 0.8:
        made.lists.append(data)
    return raw.digest("cut-list", data)
