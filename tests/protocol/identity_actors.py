"""Organisations for tests of identity: keys fixed by a label, events with sensible defaults."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import pytest

from hutong_protocol import identity_authoring as authoring
from hutong_protocol import signatures
from hutong_protocol.encoding import Encodable, decode, encode
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.identity import Accepted, IdentityState, Known, add_event, evaluate
from hutong_protocol.identity_authoring import ChainPlace, EpochPlace, KeySigner
from hutong_protocol.identity_contents import Auth, KeySet, NextKeys
from hutong_protocol.identity_events import Event, Rights
from hutong_protocol.ids import EventId, OrgId, PublicKey, WriterKey
from hutong_protocol.limits import IDENTITY_EVENT_BYTES_MAX

TS = 1_700_000_000_000
ALL = Rights(spaces="*", topics="*", write=True, session=True, erase=False)


def signer(label: str) -> KeySigner:
    """The key that a label fixes."""
    seed = hashlib.sha256(label.encode()).digest()
    return KeySigner(signatures.public_key(seed), partial(signatures.sign, seed))


@dataclass(frozen=True)
class Actor:
    """An organisation: its inception and the keys behind it."""

    event: Event
    control: tuple[KeySigner, ...]
    following: tuple[KeySigner, ...]
    recovery: tuple[KeySigner, ...]

    @property
    def org(self) -> OrgId:
        return self.event.org

    @property
    def place(self) -> EpochPlace:
        """Directly after the inception."""
        return self.after(self.event)

    def after(self, *events: Event) -> EpochPlace:
        """In the first epoch, after these events."""
        return EpochPlace(self.org, self.event.id, tuple(sorted(event.id for event in events)))

    def end(self, *events: Event) -> ChainPlace:
        """The next chain event, sealing these heads of the first epoch."""
        heads = tuple(sorted(event.id for event in events)) or (self.event.id,)
        return ChainPlace(self.org, self.event.id, 1, heads)

    def delegate(
        self,
        label: str,
        *after: Event,
        rights: Rights = ALL,
        signers: Iterable[KeySigner] | None = None,
    ) -> Event:
        """A delegation of the writer key `label`."""
        writer = signer(label)
        return authoring.delegate(
            self.after(*(after or (self.event,))),
            writer=WriterKey(writer.key),
            possession=authoring.prove_possession(self.org, writer),
            rights=rights,
            label=label,
            ts_ms=TS,
            signers=self.control if signers is None else signers,
        )

    def endorse(self, subject: str, *after: Event) -> Event:
        return authoring.endorse(
            self.after(*(after or (self.event,))),
            subject=OrgId(hashlib.sha256(subject.encode()).digest()),
            spaces="*",
            topics="*",
            ts_ms=TS,
            signers=self.control,
        )

    def unendorse(self, endorsement: Event, *after: Event) -> Event:
        return authoring.unendorse(
            self.after(*(after or (self.event,))),
            endorsement=endorsement.id,
            ts_ms=TS,
            signers=self.control,
        )

    def seal_key(self, number: int, key: bytes, *after: Event) -> Event:
        return authoring.publish_seal_key(
            self.after(*(after or (self.event,))),
            number=number,
            key=key,
            ts_ms=TS,
            signers=self.control,
        )

    def rotate(self, *heads: Event, signers: Iterable[KeySigner] | None = None) -> Event:
        return authoring.rotate(
            self.end(*heads),
            auth="control",
            control=keys_of(self.following),
            next_keys=commitment("after " + self.following[0].key.hex()),
            ts_ms=TS,
            signers=self.following if signers is None else signers,
        )

    def signed(
        self, fields: Mapping[str, Encodable], signers: Iterable[KeySigner] | None = None
    ) -> Event:
        """An event of the first epoch with these fields, which need not be known ones."""
        body = {
            "v": 1,
            "ts": TS,
            "org": self.org,
            "epoch": self.event.id,
            "prev": [self.event.id],
            **fields,
        }
        return authoring.sign_body(encode(body), self.control if signers is None else signers)


def rotated(
    owner: Actor,
    place: ChainPlace,
    *,
    auth: Auth = "control",
    kind: Callable[..., Event] = authoring.rotate,
    control: tuple[KeySigner, ...] | None = None,
    threshold: int | None = None,
    signers: tuple[KeySigner, ...] | None = None,
    recovery: tuple[KeySigner, ...] | None = None,
    following: str = "third",
) -> Event:
    control = owner.following if control is None else control
    return kind(
        place,
        auth=auth,
        control=keys_of(control, threshold),
        next_keys=commitment(following),
        recovery=None if recovery is None else keys_of(recovery),
        ts_ms=TS,
        signers=control if signers is None else signers,
    )


def keys_of(signers: Iterable[KeySigner], threshold: int | None = None) -> KeySet:
    keys = [one.key for one in signers]
    return authoring.key_set(keys, len(keys) if threshold is None else threshold)


def commitment(*labels: str) -> NextKeys:
    return authoring.commit_to([signer(label).key for label in labels], len(labels))


def actor(
    name: str = "aid",
    *,
    control: int = 1,
    threshold: int = 1,
    following: int = 1,
    recovery: int = 1,
    recovery_threshold: int = 1,
) -> Actor:
    """An organisation with so many keys, named after it."""
    controls = tuple(signer(f"{name} control {number}") for number in range(control))
    nexts = tuple(signer(f"{name} next {number}") for number in range(following))
    recoveries = tuple(signer(f"{name} recovery {number}") for number in range(recovery))
    event = authoring.incept(
        control=keys_of(controls, threshold),
        next_keys=authoring.commit_to([one.key for one in nexts], following),
        recovery=keys_of(recoveries, recovery_threshold),
        nonce=hashlib.sha256(name.encode()).digest()[:16],
        ts_ms=TS,
        signers=controls[:threshold],
    )
    return Actor(event, controls, nexts, recoveries)


def state_after(*events: Event) -> IdentityState:
    """The state of the one organisation that these events belong to."""
    [state] = evaluate(events).values()
    return state


def held(*events: Event) -> dict[EventId, Event]:
    """The events as known ones, each accepted in the order given."""
    known: dict[EventId, Event] = {}
    for event in events:
        verdict = add_event(known, event)
        assert isinstance(verdict, Accepted)
        known[event.id] = event
    return known


def refusal_of(known: Known, event: Event) -> Fault:
    """The fault with which the event is refused."""
    with pytest.raises(ProtocolFault) as caught:
        add_event(known, event)
    return caught.value.fault


def fields_of(event: Event) -> dict[str, Encodable]:
    """The fields of a body, to be changed and signed again."""
    fields = decode(event.body, bytes_max=IDENTITY_EVENT_BYTES_MAX)
    assert isinstance(fields, dict)
    return {**fields}


def with_signatures(event: Event, *pairs: tuple[PublicKey, bytes]) -> Event:
    """A copy of the event with other signatures."""
    return replace(event, signatures=tuple(sorted(pairs)))


def spoilt(event: Event) -> Event:
    """A copy whose first signature is not valid."""
    (key, signature), *others = event.signatures
    return with_signatures(event, (key, signature[:-1] + bytes([signature[-1] ^ 1])), *others)


def agreed(event: Event, *signers: KeySigner) -> Event:
    """The same body with the signatures of these keys."""
    return authoring.sign_body(event.body, signers, attachment=event.attachment)
