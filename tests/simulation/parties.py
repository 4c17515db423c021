"""Organisations of the simulation: real keys and identity events, made from a seeded generator.

A `Party` is one organisation with one delegated writer. Its rights may list spaces by salted hash,
so that handshakes and open records carry salts. Nothing here is random but the generator given.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from hutong_protocol import identity_authoring as authoring
from hutong_protocol.handshake import OwnIdentity
from hutong_protocol.identity import evaluate
from hutong_protocol.identity_contents import EVERYTHING, Rights, space_right
from hutong_protocol.identity_events import Event
from hutong_protocol.ids import EventId, OrgId, WriterKey
from hutong_protocol.signatures import public_key, sign


@dataclass(frozen=True)
class Party:
    """An organisation, its events in order, and one writer with its salts by space."""

    org: OrgId
    events: tuple[Event, ...]
    control: authoring.KeySigner
    seed: bytes
    writer: WriterKey
    delegation: EventId
    rights: Rights
    salts: dict[str, bytes]

    @property
    def own(self) -> OwnIdentity:
        """Who this side of a session is."""
        return OwnIdentity(self.org, self.delegation, self.writer, self.sign)

    def sign(self, message: bytes) -> bytes:
        """Signs with the writer key."""
        return sign(self.seed, message)

    @property
    def values(self) -> list[object]:
        """The events as they travel."""
        return [event.to_value() for event in self.events]


def signer(seed: bytes) -> authoring.KeySigner:
    """A key and the function that signs with it."""
    return authoring.KeySigner(public_key(seed), partial(sign, seed))


def found(
    rng: random.Random,
    *,
    spaces: Sequence[str] | None = None,
    session: bool = True,
    write: bool = True,
    erase: bool = False,
) -> Party:
    """A new organisation with one writer; `spaces` are listed by hash, None is all of them."""
    control, following = signer(rng.randbytes(32)), signer(rng.randbytes(32))
    inception = authoring.incept(
        control=authoring.key_set([control.key], 1),
        next_keys=authoring.commit_to([following.key], 1),
        recovery=authoring.key_set([signer(rng.randbytes(32)).key], 1),
        nonce=rng.randbytes(16),
        ts_ms=1,
        signers=[control],
    )
    salts = {space: rng.randbytes(16) for space in spaces or ()}
    listed = tuple(sorted(space_right(salt, space) for space, salt in salts.items()))
    rights = Rights(EVERYTHING if spaces is None else listed, EVERYTHING, write, session, erase)
    seed = rng.randbytes(32)
    delegation = delegate(inception.org, [inception], control, seed, rights)
    writer = WriterKey(public_key(seed))
    events = (inception, delegation)
    return Party(inception.org, events, control, seed, writer, delegation.id, rights, salts)


def delegate(
    org: OrgId,
    events: Sequence[Event],
    control: authoring.KeySigner,
    seed: bytes,
    rights: Rights,
) -> Event:
    """Another delegation after all of `events`."""
    place = authoring.epoch_place(evaluate(events)[org])
    writer = signer(seed)
    return authoring.delegate(
        place,
        writer=WriterKey(writer.key),
        possession=authoring.prove_possession(org, writer),
        rights=rights,
        label="simulated node",
        ts_ms=2,
        signers=[control],
    )


def more_events(party: Party, count: int, rng: random.Random) -> list[Event]:
    """Further delegations of a party, one after the other; its writer stays the same."""
    events = list(party.events)
    for _ in range(count):
        added = delegate(party.org, events, party.control, rng.randbytes(32), party.rights)
        events.append(added)
    return events[len(party.events) :]
