"""The form of identity events and cuts from the text of section 4: half of an oracle.

Owns a second reading of 4.2 to 4.4, 4.8 and 4.10, with the decoder and the curve beside it, on JSON
as in the vectors and plain dicts: for each type a table of rules about single fields. What several
events say together stands in `identity`. Shares no code with the core.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from hutong_conformance.independent import ed25519, mp_decoder
from hutong_conformance.independent.mp_decoder import Rejected

Body: TypeAlias = dict[str, Any]
Rule: TypeAlias = Callable[[Any], bool]
Json: TypeAlias = Any

verify = lru_cache(maxsize=4096)(ed25519.verify)


def tag(context: str) -> bytes:
    """The bytes before everything of a context. Spec: 2.4."""
    return f"hutong/1/{context}".encode() + b"\0"


def digest(context: str, data: bytes) -> bytes:
    """The tagged hash. Spec: 2.4."""
    return hashlib.sha256(tag(context) + data).digest()


def bad(rule: str, fault: str = "bad-event") -> Rejected:
    """The refusal of an event."""
    return Rejected(fault, rule)


# Shapes of single fields


def whole(low: int, high: int = 2**53 - 1) -> Rule:
    """An int in these bounds."""
    return lambda v: type(v) is int and low <= v <= high


def octets(count: int) -> Rule:
    """A bin of so many bytes."""
    return lambda v: type(v) is bytes and len(v) == count


def ordered(items: Sequence[Any]) -> bool:
    """Sorted, no two equal."""
    return list(items) == sorted(set(items))


def hashes(most: int, least: int = 1) -> Rule:
    """A sorted array of bins of 32 bytes."""
    return lambda v: (
        type(v) is list and least <= len(v) <= most and all(map(octets(32), v)) and ordered(v)
    )


def name(v: Any) -> bool:
    """The name of a space or topic."""
    return type(v) is str and re.fullmatch(r"[a-z0-9-]{1,64}", v) is not None and "\n" not in v


def key_set(v: Any) -> bool:
    """A map of keys and their threshold."""
    return (
        type(v) is dict
        and set(v) == {"keys", "threshold"}
        and hashes(5)(v["keys"])
        and whole(1, len(v["keys"]))(v["threshold"])
    )


def spaces(v: Any) -> bool:
    """Everything or hashes."""
    return v == "*" or hashes(32)(v)


def topics(v: Any) -> bool:
    """Everything or names."""
    return v == "*" or (type(v) is list and 1 <= len(v) <= 32 and all(map(name, v)) and ordered(v))


def rights(v: Any) -> bool:
    """Exactly the five fields of 4.4.2."""
    flags = ("write", "session", "erase")
    return (
        type(v) is dict
        and set(v) == {"spaces", "topics", *flags}
        and spaces(v["spaces"])
        and topics(v["topics"])
        and all(type(v[flag]) is bool for flag in flags)
    )


def label(v: Any) -> bool:
    """1 to 64 bytes."""
    return type(v) is str and 1 <= len(v.encode()) <= 64


def reason(v: Any) -> bool:
    """1 to 32 of small letters and low lines."""
    return type(v) is str and 1 <= len(v) <= 32 and set(v) <= set("abcdefghijklmnopqrstuvwxyz_")


def one_of(*words: str) -> Rule:
    """One of these strs."""
    return lambda v: type(v) is str and v in words


HASH = octets(32)
START: dict[str, Rule] = {"v": whole(0), "type": lambda v: type(v) is str, "ts": whole(0)}
PLACE: dict[str, Rule] = {"org": HASH, "prev": hashes(4)}
KEYS: dict[str, Rule] = {"control": hashes(5), "threshold": whole(1, 5), "next": key_set}
CHAIN: dict[str, Rule] = {"chain": HASH, "pos": whole(1)}
CHANGE: dict[str, Rule] = {**START, **PLACE, **CHAIN, **KEYS}
EXTRA: dict[str, Rule] = {"recovery": key_set, "affirm": hashes(64)}
EPOCH: dict[str, Rule] = {**START, **PLACE, "epoch": HASH}

TABLE: dict[str, tuple[dict[str, Rule], dict[str, Rule]]] = {
    "incept": ({**START, **KEYS, "recovery": key_set, "nonce": octets(16)}, {}),
    "rotate": ({**CHANGE, "auth": one_of("control", "both")}, EXTRA),
    "recover": ({**CHANGE, "auth": one_of("recovery", "both")}, EXTRA),
    "close": ({**START, **PLACE, **CHAIN, "auth": one_of("control", "both")}, {"successor": HASH}),
    "delegate": (
        {**EPOCH, "writer": HASH, "rights": rights, "label": label, "pop": octets(64)},
        {"home_org": HASH},
    ),
    "affirm": ({**EPOCH, "ids": hashes(64)}, {}),
    "revoke": ({**EPOCH, "delegation": HASH, "manifest": HASH}, {"reason": reason}),
    "resolve": ({**EPOCH, "delegation": HASH, "manifest": HASH}, {}),
    "sealkey": ({**EPOCH, "number": whole(1), "key": HASH}, {"until": whole(0)}),
    "endorse": ({**EPOCH, "subject": HASH, "spaces": spaces, "topics": topics}, {}),
    "unendorse": ({**EPOCH, "endorsement": HASH}, {}),
}


# One event


def binary(value: Json) -> Any:
    """An event of a vector as it travels: hex as bytes."""
    if isinstance(value, list):
        return [binary(item) for item in value]
    return bytes.fromhex(value) if isinstance(value, str) else value


def read(event: Json) -> Body:
    """The body of an event with its `id`, `signatures`, `known` and `org`; raises `Rejected`."""
    wire = binary(event)
    if type(wire) is not list or len(wire) != 3 or type(wire[0]) is not bytes:
        raise bad("an array of three with a body")
    body = mp_decoder.decode(wire[0], bytes_max=4096)
    if not isinstance(body, dict):
        raise bad("the body is a map")
    known = form(body)
    outer(wire[1])
    attached(body, wire[2])
    found = {**body, "id": digest("event", wire[0]), "signatures": wire[1], "known": known}
    found["attachment"] = wire[2]
    found.setdefault("org", found["id"])
    if known:
        points(found)
    return found


def form(body: Body) -> bool:
    """Whether the body is of a known form; raises `Rejected` for a wrong one. Spec: 4.2."""
    for field, rule in START.items():
        if field not in body or not rule(body[field]):
            raise bad(field)
    required, optional = TABLE.get(body["type"], ({}, {}))
    known = body["v"] == 1 and bool(required) and set(body) <= set(required) | set(optional)
    if not known and "org" not in body:
        raise bad("inception of an unknown form", "upgrade-needed")
    if not known:
        required = {**PLACE, "chain" if "chain" in body else "epoch": HASH}
        if {"chain", "epoch"} <= set(body):
            raise bad("chain and epoch")
    for field, rule in required.items():
        if field not in body or not rule(body[field]):
            raise bad(field)
    for field, rule in optional.items() if known else ():
        if field in body and not rule(body[field]):
            raise bad(field)
    if known and "control" in body:
        if body["threshold"] > len(body["control"]):
            raise bad("threshold")
        if set(body["control"]) & set(body.get("recovery", {"keys": ()})["keys"]):
            raise bad("a key in control and recovery")
    if known and body["type"] == "rotate" and "recovery" in body and body["auth"] != "both":
        raise bad("recovery keys changed by control alone")
    return known


def outer(signatures: Any) -> None:
    """The form of the signatures. Spec: 4.2.1."""
    if type(signatures) is not list or not 1 <= len(signatures) <= 10:
        raise bad("signatures")
    for pair in signatures:
        if type(pair) is not list or list(map(type, pair)) != [bytes, bytes]:
            raise bad("signature")
        if list(map(len, pair)) != [32, 64]:
            raise bad("signature")
    if not ordered([key for key, _ in signatures]):
        raise bad("order of signatures")


def attached(body: Body, attachment: Any) -> None:
    """The attachment belongs to the body. Spec: 4.2.1, 4.8.2."""
    if "manifest" not in body:
        if attachment is not None:
            raise bad("attachment")
        return
    if not HASH(body["manifest"]) or type(attachment) is not bytes:
        raise bad("manifest")
    if manifest(attachment)["hash"] != body["manifest"].hex():
        raise bad("another manifest", "bad-cut")


def points(body: Body) -> None:
    """Keys and possession. Spec: 4.2.5, 4.4.1, 4.10."""
    keys = [*body.get("control", ()), *body.get("recovery", {"keys": ()})["keys"]]
    if body["type"] == "delegate":
        keys.append(body["writer"])
    if any(ed25519.key_point(key) is None for key in keys):
        raise bad("key", "bad-key")
    if body["type"] == "sealkey" and eightfold(body["key"]) == 0:
        raise bad("key", "bad-key")
    if body["type"] == "delegate":
        message = tag("sign-possession") + body["org"] + body["writer"]
        if not verify(body["writer"], message, body["pop"]):
            raise bad("pop", "bad-possession")


def eightfold(key: bytes) -> int:
    """The u of eight times an X25519 point; 0 for those that give no secret. Spec: 4.10.

    By the doubling formula of the curve y^2 = x^3 + 486662 x^2 + x, in projective coordinates.
    """
    p = ed25519.P
    x, z = int.from_bytes(key, "little") % (1 << 255) % p, 1
    for _ in range(3):
        square = (x * x - z * z) ** 2
        x, z = square % p, 4 * x * z * (x * x + 486662 * x * z + z * z) % p
    return x * pow(z, -1, p) % p if z else 0


# Cuts


def spelled(value: Any, fields: str = "") -> Json:
    """A value with its bins as hex; of a map only these fields, if any are named."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [spelled(item) for item in value]
    if isinstance(value, dict):
        return {field: spelled(value[field]) for field in fields.split() or value}
    return value


def manifest(data: bytes) -> Json:
    """The reply to cut.manifest; raises `Rejected`. Spec: 4.8.2."""
    if len(data) > 65536:
        raise bad("manifest", "too-large")
    lists = [data[at : at + 32] for at in range(0, len(data), 32)]
    if not ordered(lists) or any(len(one) < 32 for one in lists):
        raise bad("manifest", "bad-cut")
    return {
        "hash": digest("cut-manifest", data).hex(),
        "lists": [one.hex() for one in lists],
    }


def cut_list(data: bytes) -> Json:
    """The reply to cut.list; raises `Rejected`. Spec: 4.8.1."""
    value: Any = mp_decoder.decode(data, bytes_max=1048576)
    rules = (HASH, lambda v: tuple_of(v, name, name), octets(16), lambda v: type(v) is list)
    if not tuple_of(value, *rules):
        raise bad("cut list", "bad-cut")
    by, scope, salt, logs = value
    if not all(tuple_of(log, HASH, cut_heads) for log in logs) or not ordered(
        [log for log, _ in logs]
    ):
        raise bad("logs of a cut list", "bad-cut")
    return {
        "hash": digest("cut-list", data).hex(),
        "delegation": by.hex(),
        "space": scope[0],
        "topic": scope[1],
        "salt": salt.hex(),
        "logs": spelled(logs),
    }


def cut_heads(v: Any) -> bool:
    """1 to 4 heads, sorted."""
    return (
        type(v) is list
        and 1 <= len(v) <= 4
        and all(tuple_of(head, whole(0), HASH) for head in v)
        and ordered([(seq, head) for seq, head in v])
    )


def tuple_of(v: Any, *rules: Rule) -> bool:
    """An array with one item for each rule, in order."""
    return (
        type(v) is list
        and len(v) == len(rules)
        and all(rule(item) for rule, item in zip(rules, v, strict=True))
    )
