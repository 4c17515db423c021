"""Operations of section 7.5: the root of a scope, and the root over several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hutong_protocol.harness_ops.request import (
    BadRequest,
    Json,
    Operation,
    Request,
    as_bytes,
    as_list,
    as_text,
    list_field,
)
from hutong_protocol.hashing import digest
from hutong_protocol.tree import log_entry, org_entry, scope_root, shared_root


def _root(request: Request) -> Json:
    space, topic = _pair(list_field(request, "scope"))
    entries = []
    for pair in list_field(request, "logs"):
        log, heads = _pair(pair)
        entries.append(log_entry(as_bytes(log, "log"), _hashes(heads)))
    for pair in list_field(request, "orgs"):
        org, heads = _pair(pair)
        identity = digest("identity-heads", b"".join(sorted(_hashes(heads))))
        entries.append(org_entry(as_bytes(org, "org"), identity))
    return scope_root(as_text(space, "space"), as_text(topic, "topic"), entries).hex()


def _shared(request: Request) -> Json:
    return shared_root(_hashes(list_field(request, "roots"))).hex()


def _pair(value: Json) -> tuple[Json, Json]:
    both = as_list(value, "a pair")
    if len(both) != 2:
        raise BadRequest("a pair has two items")
    return both[0], both[1]


def _hashes(value: Json) -> list[bytes]:
    return [as_bytes(item, "a hash") for item in as_list(value, "hashes")]


OPS: Final[Mapping[str, Operation]] = {"tree.root": _root, "tree.shared": _shared}
