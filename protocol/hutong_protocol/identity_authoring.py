"""Writes identity events: bodies of every type, proofs of possession, threshold signatures.

Owns the way from what an organisation wants to say to a signed event in its one byte form. Spec:
4.2 to 4.4. Private keys stay outside: a `KeySigner` is a public key and a function that signs, so a
key may lie in a file, on paper typed in again, or in a device.

Whatever is written is read back by the parser before it is returned, so that no rule of form stands
here twice. Rules about the state of the organisation are for `identity`: give the event to
`add_event` before it leaves. Events that freeze an organisation in this release can be written,
since their form is final; whether that should be offered to anybody is for the node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hutong_protocol.cuts import encode_manifest, parse_manifest
from hutong_protocol.encoding import Encodable, encode
from hutong_protocol.faults import LocalProtocolError, ProtocolFault
from hutong_protocol.identity import IdentityState
from hutong_protocol.identity_contents import (
    Auth,
    Everything,
    KeySet,
    NextKeys,
    Rights,
    next_key_digest,
)
from hutong_protocol.identity_events import VERSION, Event, event_id, parse_event
from hutong_protocol.ids import EventId, OrgId, PublicKey, WriterKey
from hutong_protocol.limits import EPOCH_EVENTS_AUTHORED_MAX, EVENT_PREV_MAX
from hutong_protocol.signatures import event_message, possession_message, verify

_Entry = TypeVar("_Entry", bytes, str)


@dataclass(frozen=True, slots=True)
class KeySigner:
    """A public key and the function that signs a message (with its tag) under it: 64 bytes."""

    key: PublicKey
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class EpochPlace:
    """Where an epoch event goes: its organisation, the chain event of its epoch, what it follows.

    `prev` are 1 to 4 ids, sorted. Spec: 4.4.
    """

    org: OrgId
    epoch: EventId
    prev: tuple[EventId, ...]


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """Where a chain event goes: after which chain event, at which position, sealing which heads.

    Spec: 4.3.
    """

    org: OrgId
    chain: EventId
    pos: int
    prev: tuple[EventId, ...]


def epoch_place(state: IdentityState) -> EpochPlace:
    """The place after everything that is known.

    With more than four heads it follows the first four, so that some more events merge them all.

    Raises:
        LocalProtocolError: the organisation is frozen, or its epoch has 1,000 events. Spec: 4.4.4.
    """
    _require_open(state)
    if state.epoch_events >= EPOCH_EVENTS_AUTHORED_MAX:
        raise LocalProtocolError(f"epoch has {state.epoch_events} events: rotate the keys first")
    return EpochPlace(state.org, state.chain[-1], state.open_heads[:EVENT_PREV_MAX])


def chain_place(state: IdentityState) -> ChainPlace:
    """The place of the next chain event, sealing everything that is known.

    Raises:
        LocalProtocolError: the organisation is frozen, or has more than four heads; those left out
            would become void, so they are merged first. Spec: 4.7.2.
    """
    _require_open(state)
    if len(state.open_heads) > EVENT_PREV_MAX:
        raise LocalProtocolError(
            f"{len(state.open_heads)} heads: merge them to {EVENT_PREV_MAX} first"
        )
    return ChainPlace(state.org, state.chain[-1], len(state.chain), state.open_heads)


def _require_open(state: IdentityState) -> None:
    if state.frozen is not None:
        raise LocalProtocolError(f"organisation is frozen: {state.frozen}")


def key_set(keys: Iterable[PublicKey], threshold: int) -> KeySet:
    """The key set of these keys, in any order."""
    return KeySet(tuple(sorted(keys)), threshold)


def commit_to(keys: Iterable[PublicKey], threshold: int) -> NextKeys:
    """The commitment to these keys as the next control set; the keys themselves stay hidden."""
    return NextKeys(tuple(sorted(next_key_digest(key) for key in keys)), threshold)


def prove_possession(org: OrgId, writer: KeySigner) -> bytes:
    """What the holder of a writer key hands to the organisation that delegates it. Spec: 4.4.1."""
    return writer.sign(possession_message(org, WriterKey(writer.key)))


def incept(
    *,
    control: KeySet,
    next_keys: NextKeys,
    recovery: KeySet,
    nonce: bytes,
    ts_ms: int,
    signers: Iterable[KeySigner],
) -> Event:
    """A new organisation; its id is that of the event.

    Args:
        nonce: 16 random bytes.
        signers: enough of the control keys.

    Raises:
        LocalProtocolError: here and in all functions below, if the event breaks a rule of form or a
            signer signs wrongly.
    """
    fields: dict[str, Encodable] = {
        **_control(control, next_keys),
        "recovery": _recovery(recovery),
        "nonce": nonce,
    }
    return _event("incept", fields, ts_ms, signers)


def rotate(
    place: ChainPlace,
    *,
    auth: Auth,
    control: KeySet,
    next_keys: NextKeys,
    recovery: KeySet | None = None,
    affirmed: Sequence[EventId] = (),
    ts_ms: int,
    signers: Iterable[KeySigner],
) -> Event:
    """The control keys committed to take over. `auth` "both" where the recovery keys change."""
    fields = _key_change(auth, control, next_keys, recovery, affirmed)
    return _event("rotate", {**_chain(place), **fields}, ts_ms, signers)


def recover(
    place: ChainPlace,
    *,
    auth: Auth,
    control: KeySet,
    next_keys: NextKeys,
    recovery: KeySet | None = None,
    affirmed: Sequence[EventId] = (),
    ts_ms: int,
    signers: Iterable[KeySigner],
) -> Event:
    """The recovery keys put other control keys in charge."""
    fields = _key_change(auth, control, next_keys, recovery, affirmed)
    return _event("recover", {**_chain(place), **fields}, ts_ms, signers)


def close(
    place: ChainPlace,
    *,
    auth: Auth,
    successor: OrgId | None = None,
    ts_ms: int,
    signers: Iterable[KeySigner],
) -> Event:
    """The organisation ends; `successor` is a claim until others endorse it. Spec: 4.6.6."""
    fields: dict[str, Encodable] = {**_chain(place), "auth": auth, **_given(successor=successor)}
    return _event("close", fields, ts_ms, signers)


def delegate(
    place: EpochPlace,
    *,
    writer: WriterKey,
    possession: bytes,
    rights: Rights,
    label: str,
    home_org: OrgId | None = None,
    ts_ms: int,
    signers: Iterable[KeySigner],
) -> Event:
    """A writer key may act for the organisation.

    Args:
        possession: what `prove_possession` gave where the writer key lies.
        label: 1 to 64 bytes that name a machine or task, never a person.
        home_org: whose staff works there, if not the organisation's own.
    """
    fields: dict[str, Encodable] = {
        "writer": writer,
        "rights": {
            "spaces": _listed(rights.spaces),
            "topics": _listed(rights.topics),
            "write": rights.write,
            "session": rights.session,
            "erase": rights.erase,
        },
        "label": label,
        "pop": possession,
        **_given(home_org=home_org),
    }
    return _event("delegate", {**_epoch(place), **fields}, ts_ms, signers)


def affirm(
    place: EpochPlace, *, ids: Iterable[EventId], ts_ms: int, signers: Iterable[KeySigner]
) -> Event:
    """Restores up to 64 delegations that a key change made void. Spec: 4.7.3."""
    return _event("affirm", {**_epoch(place), "ids": sorted(ids)}, ts_ms, signers)


def revoke(
    place: EpochPlace,
    *,
    delegation: EventId,
    cut_lists: Iterable[bytes],
    reason: str | None = None,
    ts_ms: int,
    signers: Iterable[KeySigner],
) -> Event:
    """Ends a delegation; of its logs only what the cut lists name is kept.

    Args:
        cut_lists: the hashes of the cut lists (`cuts.cut_list_hash`), in any order.
        reason: a code of `[a-z_]`, 1 to 32 characters.
    """
    cut = {"delegation": delegation, **_given(reason=reason)}
    return _cut_event("revoke", place, cut, cut_lists, ts_ms, signers)


def resolve(
    place: EpochPlace,
    *,
    delegation: EventId,
    cut_lists: Iterable[bytes],
    ts_ms: int,
    signers: Iterable[KeySigner],
) -> Event:
    """Settles forks of a delegation's logs; `cut_lists` as for `revoke`."""
    return _cut_event("resolve", place, {"delegation": delegation}, cut_lists, ts_ms, signers)


def publish_seal_key(
    place: EpochPlace,
    *,
    number: int,
    key: bytes,
    until_ms: int | None = None,
    ts_ms: int,
    signers: Iterable[KeySigner],
) -> Event:
    """The X25519 key, 32 bytes, under which others seal; the greatest number wins. Spec: 4.7.6."""
    fields = {"number": number, "key": key, **_given(until=until_ms)}
    return _event("sealkey", {**_epoch(place), **fields}, ts_ms, signers)


def endorse(
    place: EpochPlace,
    *,
    subject: OrgId,
    spaces: Iterable[bytes] | Everything,
    topics: Iterable[str] | Everything,
    ts_ms: int,
    signers: Iterable[KeySigner],
) -> Event:
    """Vouches for `subject`; `spaces` are hashes (`space_right`), in any order, or everything."""
    fields: dict[str, Encodable] = {
        "subject": subject,
        "spaces": _listed(spaces),
        "topics": _listed(topics),
    }
    return _event("endorse", {**_epoch(place), **fields}, ts_ms, signers)


def unendorse(
    place: EpochPlace, *, endorsement: EventId, ts_ms: int, signers: Iterable[KeySigner]
) -> Event:
    """Takes back the endorsement with this event id."""
    return _event("unendorse", {**_epoch(place), "endorsement": endorsement}, ts_ms, signers)


def sign_body(
    body: bytes, signers: Iterable[KeySigner], *, attachment: bytes | None = None
) -> Event:
    """The event of a body that is encoded already, with the signatures of all signers.

    Signers that are named twice sign once. This is how several holders of control keys sign one
    body: the signatures of their events, joined, are those of the event. Raises as `incept`.
    """
    identifier = event_id(body)
    signatures: list[Encodable] = []
    for key, sign in sorted({signer.key: signer.sign for signer in signers}.items()):
        message = event_message(identifier, key)
        signature = sign(message)
        if not verify(key, message, signature):
            raise LocalProtocolError("a signer gave a signature that is not valid under its key")
        signatures.append([key, signature])
    try:
        return parse_event([body, signatures, attachment])
    except ProtocolFault as fault:
        raise LocalProtocolError(f"event cannot be written: {fault}") from fault


def _event(
    type_name: str,
    fields: Mapping[str, Encodable],
    ts_ms: int,
    signers: Iterable[KeySigner],
    *,
    attachment: bytes | None = None,
) -> Event:
    body = encode({"v": VERSION, "type": type_name, "ts": ts_ms, **fields})
    return sign_body(body, signers, attachment=attachment)


def _cut_event(
    type_name: str,
    place: EpochPlace,
    fields: Mapping[str, Encodable],
    cut_lists: Iterable[bytes],
    ts_ms: int,
    signers: Iterable[KeySigner],
) -> Event:
    attachment = encode_manifest(cut_lists)
    manifest = parse_manifest(attachment).hash
    return _event(
        type_name,
        {**_epoch(place), **fields, "manifest": manifest},
        ts_ms,
        signers,
        attachment=attachment,
    )


def _epoch(place: EpochPlace) -> dict[str, Encodable]:
    return {"org": place.org, "epoch": place.epoch, "prev": list(place.prev)}


def _chain(place: ChainPlace) -> dict[str, Encodable]:
    return {
        "org": place.org,
        "chain": place.chain,
        "pos": place.pos,
        "prev": list(place.prev),
    }


def _control(control: KeySet, next_keys: NextKeys) -> dict[str, Encodable]:
    return {
        "control": list(control.keys),
        "threshold": control.threshold,
        "next": {"keys": list(next_keys.digests), "threshold": next_keys.threshold},
    }


def _recovery(recovery: KeySet) -> dict[str, Encodable]:
    return {"keys": list(recovery.keys), "threshold": recovery.threshold}


def _key_change(
    auth: Auth,
    control: KeySet,
    next_keys: NextKeys,
    recovery: KeySet | None,
    affirmed: Sequence[EventId],
) -> dict[str, Encodable]:
    return {
        "auth": auth,
        **_control(control, next_keys),
        **_given(
            recovery=_recovery(recovery) if recovery is not None else None,
            affirm=sorted(affirmed) or None,
        ),
    }


def _given(**optional: Encodable) -> dict[str, Encodable]:
    """The fields that are not None: an optional field is left out, never nil."""
    return {name: value for name, value in optional.items() if value is not None}


def _listed(entries: Iterable[_Entry] | Everything) -> Encodable:
    return entries if isinstance(entries, str) else sorted(entries)
