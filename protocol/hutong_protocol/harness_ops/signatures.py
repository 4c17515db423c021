"""Operations of section 3: validity of keys and signatures, alone and in a context."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from hutong_protocol.harness_ops.request import (
    BadRequest,
    Json,
    Operation,
    Request,
    bytes_field,
    text_field,
)
from hutong_protocol.ids import EventId, OrgId, PublicKey, RecordId, WriterKey
from hutong_protocol.signatures import (
    check_key,
    event_message,
    hello_message,
    invite_message,
    join_message,
    possession_message,
    record_message,
    require_signature,
)

_MESSAGES: Final[Mapping[str, tuple[tuple[int, ...], Callable[[list[bytes]], bytes]]]] = {
    "sign-record": ((32,), lambda f: record_message(RecordId(f[0]))),
    "sign-event": ((32, 32), lambda f: event_message(EventId(f[0]), PublicKey(f[1]))),
    "sign-possession": (
        (32, 32),
        lambda f: possession_message(OrgId(f[0]), WriterKey(PublicKey(f[1]))),
    ),
    "sign-hello": (
        (1, 32, 32),
        lambda f: hello_message(f[0][0], f[1], WriterKey(PublicKey(f[2]))),
    ),
    "sign-invite": (
        (32, 32, 32),
        lambda f: invite_message(OrgId(f[0]), WriterKey(PublicKey(f[1])), f[2]),
    ),
    "sign-join": (
        (32, 32, 32),
        lambda f: join_message(OrgId(f[0]), WriterKey(PublicKey(f[1])), f[2]),
    ),
}
"""The lengths of the fields of each signing context, and the core's function that joins them."""


def _check_key(request: Request) -> Json:
    check_key(bytes_field(request, "key"))
    return True


def _verify(request: Request) -> Json:
    return _verified(request, bytes_field(request, "message"))


def _verify_in_context(request: Request) -> Json:
    context, joined = text_field(request, "context"), bytes_field(request, "fields")
    if context not in _MESSAGES:
        raise BadRequest("context is none that is signed in")
    lengths, message_of = _MESSAGES[context]
    if len(joined) != sum(lengths):
        raise BadRequest(f"fields of {context} are {sum(lengths)} bytes")
    fields = []
    for length in lengths:
        fields.append(joined[:length])
        joined = joined[length:]
    return _verified(request, message_of(fields))


def _verified(request: Request, message: bytes) -> Json:
    require_signature(bytes_field(request, "key"), message, bytes_field(request, "signature"))
    return True


OPS: Final[Mapping[str, Operation]] = {
    "key.check": _check_key,
    "signature.verify": _verify,
    "signature.in-context": _verify_in_context,
}
