"""Builds identity events for vectors, right and wrong ones, from `raw` alone.

Owns an organisation whose keys come from labels, bodies as plain dicts that can be spoilt before
they are signed, and the JSON form of events. What is expected of them is said by the families.

Like `raw` it does not import the core.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from hutong_conformance import raw
from hutong_conformance.cases import Json

TS = 1_700_000_000_000
DROP = object()
"""Instead of a value: the field is left out."""

Body = dict[str, Any]
Signer = str
"""The label of a key."""


@cache
def key(label: str) -> raw.Key:
    """The key of a label."""
    return raw.key(label)


@cache
def public(label: str) -> bytes:
    """The public key of a label."""
    return key(label).public


@cache
def sign(label: str, context: str, fields: bytes) -> bytes:
    """A signature in a context."""
    return raw.sign(key(label), raw.tagged(context, fields))


@dataclass(frozen=True)
class Event:
    """An event with its signatures; `identifier` is that of the body."""

    body: bytes
    signatures: tuple[tuple[bytes, bytes], ...]
    attachment: bytes | None = None

    @property
    def id(self) -> bytes:
        """The event id."""
        return raw.digest("event", self.body)

    @property
    def hex(self) -> str:
        """The event id as it stands in a vector."""
        return self.id.hex()

    def json(self) -> Json:
        """The event as it stands in a vector."""
        return [
            self.body.hex(),
            [[signer.hex(), signature.hex()] for signer, signature in self.signatures],
            None if self.attachment is None else self.attachment.hex(),
        ]

    def spoilt(self) -> Event:
        """A copy whose first signature is another one."""
        (signer, signature), *others = self.signatures
        wrong = signature[:-1] + bytes([signature[-1] ^ 1])
        return Event(self.body, ((signer, wrong), *others), self.attachment)


def event(body: Body, signers: Iterable[Signer], attachment: bytes | None = None) -> Event:
    """The event of a body, signed by keys of these labels, each of them valid."""
    encoded = raw.encode({name: value for name, value in body.items() if value is not DROP})
    identifier = raw.digest("event", encoded)
    pairs = sorted(
        (public(signer), sign(signer, "sign-event", identifier + public(signer)))
        for signer in signers
    )
    return Event(encoded, tuple(pairs), attachment)


def keys(labels: Sequence[str], threshold: int | None = None) -> Body:
    """A key set as it stands in a body."""
    return {
        "keys": sorted(map(public, labels)),
        "threshold": len(labels) if threshold is None else threshold,
    }


def commitments(labels: Sequence[str], threshold: int | None = None) -> Body:
    """What stands at `next`."""
    digests = sorted(raw.digest("next-key", public(label)) for label in labels)
    return {"keys": digests, "threshold": len(labels) if threshold is None else threshold}


RIGHTS: Body = {"spaces": "*", "topics": "*", "write": True, "session": True, "erase": False}


@dataclass(frozen=True)
class Org:
    """An organisation named by a label: so many keys of each kind, with their thresholds."""

    label: str
    controls: int = 1
    threshold: int = 1
    nexts: int = 1
    recoveries: int = 1
    recovery_threshold: int = 1

    def names(self, kind: str, count: int) -> list[Signer]:
        """The labels of its keys of a kind."""
        return [f"{self.label} {kind} {number}" for number in range(count)]

    @property
    def control(self) -> list[Signer]:
        """Its control keys."""
        return self.names("control", self.controls)

    @property
    def following(self) -> list[Signer]:
        """The control keys that it is committed to."""
        return self.names("next", self.nexts)

    @property
    def recovery(self) -> list[Signer]:
        """Its recovery keys."""
        return self.names("recovery", self.recoveries)

    def inception(self, **changes: Any) -> Body:
        """The body of its inception."""
        control = keys(self.control, self.threshold)
        return {
            "v": 1,
            "type": "incept",
            "ts": TS,
            "control": control["keys"],
            "threshold": control["threshold"],
            "next": commitments(self.following),
            "recovery": keys(self.recovery, self.recovery_threshold),
            "nonce": raw.bytes_from(f"nonce of {self.label}", 16),
            **changes,
        }

    @property
    def incept(self) -> Event:
        """Its inception."""
        return event(self.inception(), self.control[: self.threshold])

    @property
    def id(self) -> bytes:
        """The organisation id."""
        return self.incept.id

    def body(self, kind: str, after: Sequence[Event] = (), **fields: Any) -> Body:
        """The body of an event of the first epoch."""
        start = self.incept.id
        return {
            "v": 1,
            "type": kind,
            "ts": TS,
            "org": start,
            "epoch": start,
            "prev": sorted(one.id for one in after) or [start],
            **fields,
        }

    def add(self, kind: str, after: Sequence[Event] = (), **fields: Any) -> Event:
        """An event of the first epoch, signed by enough control keys."""
        return event(self.body(kind, after, **fields), self.control[: self.threshold])

    def delegation(self, writer: str, after: Sequence[Event] = (), **changes: Any) -> Body:
        """The body of a delegation of the writer key `writer`, with its proof."""
        proof = sign(writer, "sign-possession", self.id + public(writer))
        fields = {
            "writer": public(writer),
            "rights": RIGHTS,
            "label": writer,
            "pop": proof,
            **changes,
        }
        return self.body("delegate", after, **fields)

    def delegate(self, writer: str, after: Sequence[Event] = (), **changes: Any) -> Event:
        """A delegation, signed by enough control keys."""
        return event(self.delegation(writer, after, **changes), self.control[: self.threshold])

    def cut(self, kind: str, lists: Sequence[bytes], **fields: Any) -> Event:
        """A revoke or resolve with its manifest."""
        manifest = b"".join(sorted(lists))
        body = self.body(kind, manifest=raw.digest("cut-manifest", manifest), **fields)
        return event(body, self.control[: self.threshold], manifest)

    def change(
        self,
        kind: str,
        auth: str,
        signers: Sequence[Signer],
        *,
        after: Event | None = None,
        pos: int = 1,
        control: Sequence[Signer] | None = None,
        following: Sequence[Signer] | None = None,
        **fields: Any,
    ) -> Event:
        """A rotate or recover, after the inception or another chain event."""
        before = self.incept if after is None else after
        own = keys(self.following if control is None else control)
        body = self.body(
            kind,
            [before],
            epoch=DROP,
            chain=before.id,
            pos=pos,
            auth=auth,
            control=own["keys"],
            threshold=own["threshold"],
            next=commitments(following or [f"{self.label} later {pos}"]),
        )
        return event({**body, **fields}, signers)
