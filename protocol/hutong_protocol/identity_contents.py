"""What identity events say: one value for each type of event, and the rights of a delegation.

Owns the typed contents that `identity_events` reads out of bodies and `identity_authoring` writes
into them, and the two pure rules over rights: how a space is hidden, what a delegation covers.
Spec: 4.3, 4.4.

Nothing here parses or judges: a content is built from checked values.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hutong_protocol.hashing import digest
from hutong_protocol.ids import EventId, OrgId, PublicKey, WriterKey
from hutong_protocol.limits import SALT_BYTES

Everything: TypeAlias = Literal["*"]
EVERYTHING: Everything = "*"
"""Stands where a list of spaces or topics would: all of them. Spec: 4.4.2."""

Auth: TypeAlias = Literal["control", "recovery", "both"]
"""Which sets a chain event claims to be signed by; its rank follows from it. Spec: 4.3, 4.6.2."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """1 to 5 public keys, sorted, of which `threshold` must sign together. Spec: 4.2.5."""

    keys: tuple[PublicKey, ...]
    threshold: int

    def met_by(self, signers: AbstractSet[bytes]) -> bool:
        """Whether enough of these keys are among `signers`."""
        return sum(key in signers for key in self.keys) >= self.threshold


@dataclass(frozen=True, slots=True)
class NextKeys:
    """Commitments to the control keys that come next: sorted digests of keys. Spec: 4.3.1."""

    digests: tuple[bytes, ...]
    threshold: int

    def met_by(self, signers: AbstractSet[bytes]) -> bool:
        """Whether enough of the keys committed to are among `signers`."""
        return sum(next_key_digest(key) in self.digests for key in signers) >= self.threshold

    def commits_to(self, control: KeySet) -> bool:
        """Whether exactly this control set, threshold included, was committed to."""
        revealed = tuple(sorted(next_key_digest(key) for key in control.keys))
        return (revealed, control.threshold) == (self.digests, self.threshold)


def next_key_digest(key: bytes) -> bytes:
    """The 32-byte commitment to a control key that is not shown yet. Spec: 4.3.1."""
    return digest("next-key", key)


@dataclass(frozen=True, slots=True)
class Rights:
    """What the writer of a delegation may do, and where. Spec: 4.4.2.

    `spaces` holds hashes (`space_right`), sorted; `topics` names, sorted; either may be everything.
    """

    spaces: tuple[bytes, ...] | Everything
    topics: tuple[str, ...] | Everything
    write: bool
    session: bool
    erase: bool


def space_right(salt: bytes, space: str) -> bytes:
    """The hash under which rights list `space`; `salt` is 16 bytes of its own. Spec: 4.4.2."""
    return digest("space-right", salt + space.encode())


def covers(rights: Rights, space: str, topic: str, salt: bytes | None) -> bool:
    """Whether `rights` reach the scope (`space`, `topic`).

    Args:
        salt: the salt shown with the scope, or None where none is; needed unless the rights are
            for every space. One of another length than 16 bytes covers nothing, since a longer
            one could lend a name of its own choice the hash of another space.

    Spec: 4.4.3.
    """
    if rights.topics != EVERYTHING and topic not in rights.topics:
        return False
    if rights.spaces == EVERYTHING:
        return True
    return (
        salt is not None and len(salt) == SALT_BYTES and space_right(salt, space) in rights.spaces
    )


@dataclass(frozen=True, slots=True)
class Incept:
    """`incept`: the first event of an organisation. Spec: 4.3."""

    control: KeySet
    next_keys: NextKeys
    recovery: KeySet
    nonce: bytes


@dataclass(frozen=True, slots=True)
class KeyChange:
    """`rotate` or `recover`: new control keys, and perhaps new recovery keys. Spec: 4.3."""

    auth: Auth
    control: KeySet
    next_keys: NextKeys
    recovery: KeySet | None
    affirm: tuple[EventId, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """`close`: the organisation ends, perhaps with a successor. Spec: 4.3, 4.6.6."""

    auth: Auth
    successor: OrgId | None


@dataclass(frozen=True, slots=True)
class Delegate:
    """`delegate`: a writer key may act for the organisation. Spec: 4.4."""

    writer: WriterKey
    rights: Rights
    label: str
    home_org: OrgId | None
    possession: bytes


@dataclass(frozen=True, slots=True)
class Affirm:
    """`affirm`: restores delegations that a key change made void. Spec: 4.7.3."""

    ids: tuple[EventId, ...]


@dataclass(frozen=True, slots=True)
class Revoke:
    """`revoke`: a delegation ends; what is kept of its logs stands in a cut manifest. Spec: 4.8."""

    delegation: EventId
    manifest: bytes
    reason: str | None


@dataclass(frozen=True, slots=True)
class Resolve:
    """`resolve`: settles forks of a delegation's logs by the same kind of cut. Spec: 4.8."""

    delegation: EventId
    manifest: bytes


@dataclass(frozen=True, slots=True)
class SealKey:
    """`sealkey`: the X25519 key under which parts are sealed for the organisation. Spec: 4.4."""

    number: int
    key: bytes
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class Endorse:
    """`endorse`: vouches for another organisation in some scopes. Spec: 4.4."""

    subject: OrgId
    spaces: tuple[bytes, ...] | Everything
    topics: tuple[str, ...] | Everything


@dataclass(frozen=True, slots=True)
class Unendorse:
    """`unendorse`: takes an endorsement back. Spec: 4.4."""

    endorsement: EventId


Content: TypeAlias = (
    Incept
    | KeyChange
    | Close
    | Delegate
    | Affirm
    | Revoke
    | Resolve
    | SealKey
    | Endorse
    | Unendorse
)
