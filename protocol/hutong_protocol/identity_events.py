"""Identity events: from the array on the wire to a typed, formally right event.

Owns the form of every event of section 4: the array of three, the envelope of a body, the fields of
each type, the rule for unknown events, and what an event shows by itself: valid keys, the proof of
possession, a manifest that fits. Spec: 4.2 to 4.4, first step of 4.5.

An `Event` is no accepted event: whether its signatures are those of somebody entitled depends on
events before it (`identity`). Bodies are kept as received and are never encoded again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from hutong_protocol.curve import KEY_BYTES
from hutong_protocol.cuts import parse_manifest
from hutong_protocol.encoding import Value, decode
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.hashing import digest
from hutong_protocol.identity_contents import (
    Affirm,
    Auth,
    Close,
    Content,
    Delegate,
    Endorse,
    Incept,
    KeyChange,
    KeySet,
    Resolve,
    Revoke,
    Rights,
    SealKey,
    Unendorse,
    covers,
    space_right,
)
from hutong_protocol.identity_fields import Fields, ascends
from hutong_protocol.ids import EventId, OrgId, PublicKey, WriterKey
from hutong_protocol.limits import (
    AFFIRM_IDS_MAX,
    EVENT_PREV_MAX,
    EVENT_SIGNATURES_MAX,
    IDENTITY_EVENT_BYTES_MAX,
    LABEL_BYTES_MAX,
    NONCE_BYTES,
    REASON_BYTES_MAX,
)
from hutong_protocol.signatures import (
    SIGNATURE_BYTES,
    check_key,
    possession_message,
    verify,
)

__all__ = [
    "VERSION",
    "Event",
    "Rights",
    "Statement",
    "covers",
    "event_id",
    "parse_body",
    "parse_event",
    "space_right",
]

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Statement:
    """What a body says: the envelope, and the content where this version knows it. Spec: 4.2.

    Exactly one of `chain` and `epoch` stands in every event after the inception: `chain` names the
    chain event before, `epoch` the chain event that opened the epoch. `content` is None for an
    unknown event. `org` of an inception is its own id.
    """

    version: int
    type: str
    ts_ms: int
    org: OrgId
    prev: tuple[EventId, ...]
    chain: EventId | None
    epoch: EventId | None
    pos: int | None
    content: Content | None


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the right form, as received. Spec: 4.2.

    `id` is the hash of `body`; `signatures` are pairs of key and signature, sorted by key, none of
    them judged here; `attachment` is the cut manifest of an event that has one.
    """

    id: EventId
    body: bytes
    signatures: tuple[tuple[PublicKey, bytes], ...]
    attachment: bytes | None
    statement: Statement

    @property
    def type(self) -> str:
        """The type as the body says it; of an unknown event it is a foreign text."""
        return self.statement.type

    @property
    def org(self) -> OrgId:
        """The organisation that the event belongs to."""
        return self.statement.org

    @property
    def prev(self) -> tuple[EventId, ...]:
        """The heads that the event follows; empty for an inception."""
        return self.statement.prev

    @property
    def content(self) -> Content | None:
        """What the event says, or None for an unknown event."""
        return self.statement.content

    @property
    def known(self) -> bool:
        """Whether this version knows the version, the type and every key of the body."""
        return self.statement.content is not None

    @property
    def anchor(self) -> EventId | None:
        """The chain event whose keys decide about this event; None for an inception."""
        return self.statement.chain or self.statement.epoch

    @property
    def is_chain_event(self) -> bool:
        """Whether the event takes a position of the key chain (an unknown one may, too)."""
        return self.statement.epoch is None

    @property
    def context(self) -> frozenset[EventId]:
        """The ids that must be held before the event can be judged. Spec: 4.5.2."""
        anchor = self.anchor
        return frozenset(self.prev) | ({anchor} if anchor is not None else frozenset())

    def to_value(self) -> list[Value]:
        """The array of three that travels. Spec: 4.2.1."""
        return [
            self.body,
            [[key, signature] for key, signature in self.signatures],
            self.attachment,
        ]


def event_id(body: bytes) -> EventId:
    """The id of the event with this body; of an inception also the organisation id. Spec: 4.2.2."""
    return EventId(digest("event", body))


def parse_event(value: object) -> Event:
    """The event in the decoded array `value`.

    Args:
        value: anything that a decoder gave; nothing about it is trusted.

    Raises:
        ProtocolFault: `bad-event`, `too-large`, `not-canonical`, `too-deep`, `bad-cut`, `bad-key`,
            `bad-possession`, or `upgrade-needed` for an inception of an unknown form.

    Curve work (some milliseconds for each key not seen before) comes last. Spec: 4.5.1.
    """
    if not isinstance(value, list) or len(value) != 3:
        raise ProtocolFault(Fault.BAD_EVENT, "event: expected an array of three")
    body, signatures, attachment = value
    if not isinstance(body, bytes):
        raise ProtocolFault(Fault.BAD_EVENT, "event body: expected a bin")
    fields = _fields_of(body)
    statement = _statement(fields, event_id(body))
    event = Event(
        id=event_id(body),
        body=body,
        signatures=_signatures(signatures),
        attachment=_attachment(fields, attachment),
        statement=statement,
    )
    _check_keys(statement)
    return event


def parse_body(body: bytes) -> Statement:
    """What the bytes of a body say, keys and possession included; faults as `parse_event`."""
    statement = _statement(_fields_of(body), event_id(body))
    _check_keys(statement)
    return statement


def _fields_of(body: bytes) -> Fields:
    decoded = decode(body, bytes_max=IDENTITY_EVENT_BYTES_MAX)
    if not isinstance(decoded, dict):
        raise ProtocolFault(Fault.BAD_EVENT, "event body: expected a map")
    return Fields(decoded, fault=Fault.BAD_EVENT, where="event")


def _signatures(value: object) -> tuple[tuple[PublicKey, bytes], ...]:
    """The pairs of key and signature. A key that stands twice is a breach: a threshold is a number
    of keys, not of signatures."""
    rule = ProtocolFault(
        Fault.BAD_EVENT,
        f"event signatures: expected 1 to {EVENT_SIGNATURES_MAX} pairs of a key and a signature,"
        " sorted by key, no key twice",
    )
    if not isinstance(value, list) or not 1 <= len(value) <= EVENT_SIGNATURES_MAX:
        raise rule
    found: list[tuple[PublicKey, bytes]] = []
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2:
            raise rule
        key, signature = pair
        if not isinstance(key, bytes) or len(key) != KEY_BYTES:
            raise rule
        if not isinstance(signature, bytes) or len(signature) != SIGNATURE_BYTES:
            raise rule
        found.append((PublicKey(key), signature))
    if not ascends([key for key, _ in found]):
        raise rule
    return tuple(found)


def _attachment(fields: Fields, value: object) -> bytes | None:
    """The manifest beside a body that names one, else None. Spec: 4.2.1, 4.8.2."""
    if "manifest" not in fields:
        if value is not None:
            raise ProtocolFault(Fault.BAD_EVENT, "event attachment: the body names none")
        return None
    named = fields.binary("manifest")
    if not isinstance(value, bytes):
        raise ProtocolFault(Fault.BAD_EVENT, "event attachment: expected the manifest as a bin")
    if parse_manifest(value).hash != named:
        raise ProtocolFault(Fault.BAD_CUT, "event attachment: not the manifest that the body names")
    return value


def _statement(fields: Fields, identifier: EventId) -> Statement:
    version = fields.integer("v", 0)
    type_name = fields.text("type")
    ts_ms = fields.integer("ts", 0)
    form = _FORMS.get(type_name)
    unknown = version != VERSION or form is None or not form.allows(fields)
    if unknown and "org" not in fields:
        # Nothing could ever be verified: the keys of this organisation cannot be read.
        raise ProtocolFault(Fault.UPGRADE_NEEDED, "inception of an unknown form")
    if unknown or form is None:
        if ("chain" in fields) == ("epoch" in fields):
            raise fields.breach("chain, epoch", "exactly one of them")
        return _envelope(fields, version, type_name, ts_ms, pos=None, content=None)
    for name in form.required:
        fields.value(name)
    content = form.read(fields)
    if isinstance(content, Incept):
        return Statement(version, type_name, ts_ms, OrgId(identifier), (), None, None, 0, content)
    pos = fields.integer("pos", 1) if "pos" in fields else None
    return _envelope(fields, version, type_name, ts_ms, pos=pos, content=content)


def _envelope(
    fields: Fields,
    version: int,
    type_name: str,
    ts_ms: int,
    *,
    pos: int | None,
    content: Content | None,
) -> Statement:
    return Statement(
        version=version,
        type=type_name,
        ts_ms=ts_ms,
        org=OrgId(fields.binary("org")),
        prev=fields.event_ids("prev", EVENT_PREV_MAX),
        chain=fields.event_id("chain") if "chain" in fields else None,
        epoch=fields.event_id("epoch") if "epoch" in fields else None,
        pos=pos,
        content=content,
    )


def _check_keys(statement: Statement) -> None:
    """Refuses keys that no signature may ever be judged by, at the event that brings them in."""
    match statement.content:
        case Incept(control=control, recovery=recovery):
            keys = control.keys + recovery.keys
        case KeyChange(control=control, recovery=new_recovery):
            keys = control.keys + (new_recovery.keys if new_recovery is not None else ())
        case Delegate(writer=writer):
            keys = (PublicKey(writer),)
        case _:
            return
    for key in keys:
        check_key(key)
    if isinstance(statement.content, Delegate):
        writer = statement.content.writer
        if not verify(
            writer, possession_message(statement.org, writer), statement.content.possession
        ):
            raise ProtocolFault(Fault.BAD_POSSESSION, "delegate pop: not by the writer key")


@dataclass(frozen=True, slots=True)
class _Form:
    """The keys of the body of one type, and how its content is read."""

    required: frozenset[str]
    optional: frozenset[str]
    read: Callable[[Fields], Content]

    def allows(self, fields: Fields) -> bool:
        """Whether no key is beyond those of this type; a missing one is a breach, not unknown."""
        return all(name in self.required or name in self.optional for name in fields.names())


def _read_incept(fields: Fields) -> Incept:
    control = fields.key_set("control")
    recovery = fields.recovery("recovery")
    _check_disjoint(fields, control, recovery)
    return Incept(control, fields.next_keys(), recovery, fields.binary("nonce", NONCE_BYTES))


def _read_rotate(fields: Fields) -> KeyChange:
    change = _read_key_change(fields, ("control", "both"))
    if change.recovery is not None and change.auth != "both":
        # Else a stolen next key could lock out the sheet in the safe.
        raise fields.breach("auth", "both, where the recovery keys change")
    return change


def _read_recover(fields: Fields) -> KeyChange:
    return _read_key_change(fields, ("recovery", "both"))


def _read_key_change(fields: Fields, allowed: tuple[Auth, ...]) -> KeyChange:
    control = fields.key_set("control")
    recovery = fields.recovery("recovery") if "recovery" in fields else None
    if recovery is not None:
        _check_disjoint(fields, control, recovery)
    return KeyChange(
        auth=_auth(fields, allowed),
        control=control,
        next_keys=fields.next_keys(),
        recovery=recovery,
        affirm=fields.event_ids("affirm", AFFIRM_IDS_MAX) if "affirm" in fields else (),
    )


def _read_close(fields: Fields) -> Close:
    return Close(_auth(fields, ("control", "both")), fields.org_id("successor"))


def _auth(fields: Fields, allowed: tuple[Auth, ...]) -> Auth:
    named = fields.value("auth")
    for auth in allowed:
        if named == auth:
            return auth
    raise fields.breach("auth", " or ".join(allowed))


def _check_disjoint(fields: Fields, control: KeySet, recovery: KeySet) -> None:
    if set(control.keys) & set(recovery.keys):
        raise fields.breach("control, recovery", "no key in both")


def _read_delegate(fields: Fields) -> Delegate:
    return Delegate(
        writer=WriterKey(PublicKey(fields.binary("writer"))),
        rights=fields.rights(),
        label=fields.text("label", bytes_max=LABEL_BYTES_MAX),
        home_org=fields.org_id("home_org"),
        possession=fields.binary("pop", SIGNATURE_BYTES),
    )


def _read_affirm(fields: Fields) -> Affirm:
    return Affirm(fields.event_ids("ids", AFFIRM_IDS_MAX))


def _read_revoke(fields: Fields) -> Revoke:
    reason = None
    if "reason" in fields:
        reason = fields.text("reason", bytes_max=REASON_BYTES_MAX, pattern="[a-z_]+")
    return Revoke(fields.event_id("delegation"), fields.binary("manifest"), reason)


def _read_resolve(fields: Fields) -> Resolve:
    return Resolve(fields.event_id("delegation"), fields.binary("manifest"))


def _read_sealkey(fields: Fields) -> SealKey:
    until_ms = fields.integer("until", 0) if "until" in fields else None
    return SealKey(fields.integer("number", 1), fields.seal_key("key"), until_ms)


def _read_endorse(fields: Fields) -> Endorse:
    return Endorse(OrgId(fields.binary("subject")), fields.spaces(), fields.topics())


def _read_unendorse(fields: Fields) -> Unendorse:
    return Unendorse(fields.event_id("endorsement"))


def _forms() -> Mapping[str, _Form]:
    envelope = frozenset({"v", "type", "ts"})
    chain = envelope | {"org", "prev", "chain", "pos", "auth"}
    key_change = chain | {"control", "threshold", "next"}
    epoch = envelope | {"org", "prev", "epoch"}
    incept = envelope | {"control", "threshold", "next", "recovery", "nonce"}
    change_extra = frozenset({"recovery", "affirm"})

    def form(read: Callable[[Fields], Content], required: frozenset[str], *optional: str) -> _Form:
        return _Form(required, frozenset(optional), read)

    return {
        "incept": form(_read_incept, incept),
        "rotate": form(_read_rotate, key_change, *change_extra),
        "recover": form(_read_recover, key_change, *change_extra),
        "close": form(_read_close, chain, "successor"),
        "delegate": form(_read_delegate, epoch | {"writer", "rights", "label", "pop"}, "home_org"),
        "affirm": form(_read_affirm, epoch | {"ids"}),
        "revoke": form(_read_revoke, epoch | {"delegation", "manifest"}, "reason"),
        "resolve": form(_read_resolve, epoch | {"delegation", "manifest"}),
        "sealkey": form(_read_sealkey, epoch | {"number", "key"}, "until"),
        "endorse": form(_read_endorse, epoch | {"subject", "spaces", "topics"}),
        "unendorse": form(_read_unendorse, epoch | {"endorsement"}),
    }


_FORMS: Final = _forms()
