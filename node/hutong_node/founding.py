"""Makes a new organisation and its first node: keys, inception, delegation, certificate, folder.

Owns `hutong init`: what lies in a data folder afterwards and in which order it is made. An
interrupted run leaves a folder that a second run refuses to touch, never one that looks finished:
the configuration is written last.

Four private keys are made. `writer` signs records and sessions and stays on the node. `control` and
`next-control` govern the organisation, `recovery` is for when they are lost: they belong off this
machine, and `init` says so. Spec: 4.1, 4.3.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Final

from hutong_node.certificate import make_certificate
from hutong_node.clock import Clock
from hutong_node.config import Config, DataFolder, write_config
from hutong_node.keys import KeyKind, load_key, make_key, write_secret
from hutong_protocol import signatures
from hutong_protocol.encoding import Value, decode, encode
from hutong_protocol.identity import IdentityState, evaluate
from hutong_protocol.identity_authoring import (
    KeySigner,
    commit_to,
    delegate,
    epoch_place,
    incept,
    key_set,
    prove_possession,
)
from hutong_protocol.identity_contents import EVERYTHING, Rights
from hutong_protocol.identity_events import parse_event
from hutong_protocol.ids import EventId, OrgId, WriterKey
from hutong_protocol.limits import NONCE_BYTES

WRITER_FILE: Final = "writer.key"
CONTROL_FILE: Final = "control.key"
NEXT_CONTROL_FILE: Final = "next-control.key"
RECOVERY_FILE: Final = "recovery.key"
IDENTITY_FILE: Final = "identity.json"
_IDENTITY_BYTES_MAX: Final = 1_048_576
_TOKEN_BYTES: Final = 32


class FoundingRefused(Exception):
    """The folder can't become a node; the message says why and what to do."""


class KeyMismatch(FoundingRefused):
    """The writer key is not the one that the founding events delegate."""


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """Who this node speaks for: its organisation, writer key, delegation, and the founding events.

    `events` are values as they travel (4.2.1); later events are in the store.
    """

    org: OrgId
    writer: WriterKey
    delegation: EventId
    events: tuple[list[Value], ...]
    seed: bytes

    def sign(self, message: bytes) -> bytes:
        """The writer key's signature of a message with its tag, 64 bytes."""
        return signatures.sign(self.seed, message)


def found(folder: DataFolder, config: Config, clock: Clock) -> OwnIdentity:
    """Makes everything that a node needs in `folder`, which must be empty or not exist.

    Raises:
        FoundingRefused: something is there already.
        KeyFileRefused, OSError: the folder can't be written.
    """
    if folder.config.exists():
        raise FoundingRefused(f"{folder.root} holds a node already; nothing was changed")
    if folder.root.is_dir() and any(folder.root.iterdir()):
        raise FoundingRefused(
            f"{folder.root} isn't empty and holds no finished node: empty it or name another"
        )
    folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.keys.mkdir(mode=0o700)
    folder.certificate.parent.mkdir(mode=0o700)
    identity = _make_identity(folder, clock.now_ms())
    make_certificate(folder.certificate, folder.certificate_key)
    write_secret(folder.token, secrets.token_urlsafe(_TOKEN_BYTES).encode("ascii") + b"\n")
    write_config(folder, config)
    return identity


def load_identity(folder: DataFolder) -> OwnIdentity:
    """The identity that `found` made.

    Raises:
        FoundingRefused: `identity.json` is missing or damaged, or (KeyMismatch) doesn't fit the
            writer key.
        KeyFileRefused: the key can't be used as it is.
    """
    seed = load_key(folder.keys / WRITER_FILE, KeyKind.WRITER)
    file = folder.root / IDENTITY_FILE
    try:
        listed = json.loads(file.read_bytes())
        events = [
            decode(bytes.fromhex(event), bytes_max=_IDENTITY_BYTES_MAX)
            for event in listed["events"]
        ]
        parsed = [parse_event(event) for event in events]
        delegation = EventId(bytes.fromhex(listed["delegation"]))
    except (OSError, ValueError, KeyError, TypeError) as refused:
        raise FoundingRefused(
            f"{file} is missing or damaged: put it back from a backup"
        ) from refused
    writer = WriterKey(signatures.public_key(seed))
    state = _only(evaluate(parsed))
    granted = state.delegations.get(delegation)
    if granted is None or granted.writer != writer:
        raise KeyMismatch(f"{file} doesn't fit {folder.keys / WRITER_FILE}: one is of another node")
    return OwnIdentity(
        state.org,
        writer,
        delegation,
        tuple(event for event in events if isinstance(event, list)),
        seed,
    )


def _make_identity(folder: DataFolder, now_ms: int) -> OwnIdentity:
    control = _signer(make_key(folder.keys / CONTROL_FILE, KeyKind.CONTROL))
    following = _signer(make_key(folder.keys / NEXT_CONTROL_FILE, KeyKind.CONTROL))
    recovery = _signer(make_key(folder.keys / RECOVERY_FILE, KeyKind.RECOVERY))
    seed = make_key(folder.keys / WRITER_FILE, KeyKind.WRITER)
    writer = _signer(seed)
    inception = incept(
        control=key_set([control.key], 1),
        next_keys=commit_to([following.key], 1),
        recovery=key_set([recovery.key], 1),
        nonce=secrets.token_bytes(NONCE_BYTES),
        ts_ms=now_ms,
        signers=[control],
    )
    state = _only(evaluate([inception]))
    granted = delegate(
        epoch_place(state),
        writer=WriterKey(writer.key),
        possession=prove_possession(state.org, writer),
        rights=Rights(EVERYTHING, EVERYTHING, write=True, session=True, erase=True),
        label="first-node",
        ts_ms=now_ms,
        signers=[control],
    )
    events = (inception.to_value(), granted.to_value())
    write_secret(
        folder.root / IDENTITY_FILE,
        json.dumps(
            {"delegation": granted.id.hex(), "events": [encode(event).hex() for event in events]}
        ).encode("ascii"),
    )
    return OwnIdentity(state.org, WriterKey(writer.key), granted.id, events, seed)


def _signer(seed: bytes) -> KeySigner:
    return KeySigner(signatures.public_key(seed), lambda message: signatures.sign(seed, message))


def _only(states: dict[OrgId, IdentityState]) -> IdentityState:
    if len(states) != 1:
        raise FoundingRefused("the identity file names more than one organisation, or none")
    return next(iter(states.values()))
