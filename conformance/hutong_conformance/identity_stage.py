"""Sets scenes with several epochs for vectors: who follows whom in the key chain, and what it says.

Owns `Place`, an event of the key chain together with the labels of the keys that it leaves, from
which later events are built with the right signatures, and the state that is written down for such
a scene. What has effect is not computed here: a family states it. Like `raw` it does not import the
core.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hutong_conformance import raw
from hutong_conformance.cases import Json
from hutong_conformance.raw_identity import (
    RIGHTS,
    TS,
    Body,
    Event,
    Org,
    Signer,
    commitments,
    event,
    keys,
    public,
    sign,
)


@dataclass(frozen=True)
class Place:
    """After a chain event: `control` are its labels, `following` those that it commits to."""

    org: Org
    last: Event
    pos: int
    control: tuple[Signer, ...]
    following: tuple[Signer, ...]
    recovery: tuple[Signer, ...]

    def add(self, kind: str, *after: Event, **fields: Any) -> Event:
        """An epoch event after these, or after the chain event itself."""
        return event(self._body(kind, after, epoch=self.last.id, **fields), self.control)

    def delegate(self, writer: Signer, *after: Event, **changes: Any) -> Event:
        """A delegation of the writer key of this label."""
        proof = sign(writer, "sign-possession", self.org.id + public(writer))
        fields = {"writer": public(writer), "rights": RIGHTS, "label": writer, "pop": proof}
        return self.add("delegate", *after, **{**fields, **changes})

    def affirm(self, *ids: Event, after: Sequence[Event] = ()) -> Event:
        """An affirm of these events."""
        return self.add("affirm", *after, ids=sorted(one.id for one in ids))

    def revoke(
        self, delegation: Event, *after: Event, kind: str = "revoke", lists: Sequence[bytes] = ()
    ) -> Event:
        """A revoke, or a resolve, with the manifest of these cut lists."""
        manifest = b"".join(sorted(raw.digest("cut-list", one) for one in lists))
        named = {"delegation": delegation.id, "manifest": raw.digest("cut-manifest", manifest)}
        return event(self._body(kind, after, epoch=self.last.id, **named), self.control, manifest)

    def rotate(self, *seals: Event, name: str = "", both: bool = False, **changes: Any) -> Place:
        """The keys committed to take over; `name` makes one of several that would be equal."""
        after = f"{name or self.org.label} {self.pos + 1}"
        signers = [*self.following, *(self.recovery if both else ())]
        auth = "both" if both else "control"
        return self._change("rotate", auth, self.following, after, signers, seals, changes)

    def recover(self, *seals: Event, name: str = "", both: bool = False, **changes: Any) -> Place:
        """Recovery keys put others in charge, with `both` those that were committed to."""
        after = f"{name or self.org.label} recovered {self.pos + 1}"
        control = self.following if both else (f"control {after}",)
        signers = [*self.recovery, *(self.following if both else ())]
        auth = "both" if both else "recovery"
        return self._change("recover", auth, control, after, signers, seals, changes)

    def close(self, *seals: Event, both: bool = False, **fields: Any) -> Place:
        """The end of the organisation, by the keys in force."""
        auth = "both" if both else "control"
        body = self._body("close", seals, chain=self.last.id, pos=self.pos + 1, auth=auth, **fields)
        signers = [*self.control, *(self.recovery if both else ())]
        return replace(self, last=event(body, signers), pos=self.pos + 1)

    def unknown(self, *seals: Event) -> Event:
        """A chain event of a later version."""
        return event(self._body("migrate", seals, chain=self.last.id), self.control)

    def _change(
        self,
        kind: str,
        auth: str,
        control: Sequence[Signer],
        after: str,
        signers: Sequence[Signer],
        seals: Sequence[Event],
        changes: dict[str, Any],
    ) -> Place:
        recovery = changes.pop("recovery", None)
        extra: Body = {} if recovery is None else {"recovery": keys(recovery)}
        affirmed = changes.pop("affirm", ())
        if affirmed:
            extra["affirm"] = sorted(one.id for one in affirmed)
        following = (f"next {after}",)
        body = self._body(
            kind,
            seals,
            chain=self.last.id,
            pos=self.pos + 1,
            auth=auth,
            control=keys(control)["keys"],
            threshold=len(control),
            next=commitments(following),
            **extra,
            **changes,
        )
        return Place(
            self.org,
            event(body, signers),
            self.pos + 1,
            tuple(control),
            following,
            tuple(recovery or self.recovery),
        )

    def _body(self, kind: str, after: Sequence[Event], **fields: Any) -> Body:
        return {
            "v": 1,
            "type": kind,
            "ts": TS,
            "org": self.org.id,
            "prev": sorted(one.id for one in after) or [self.last.id],
            **fields,
        }


def founded(org: Org) -> Place:
    """The beginning of an organisation."""
    own = (tuple(org.control), tuple(org.following), tuple(org.recovery))
    return Place(org, org.incept, 0, *own)


def state(
    place: Place,
    *,
    chain: Sequence[Place],
    heads: Sequence[Event],
    events: int,
    granted: Mapping[str, Event] | None = None,
    **others: Json,
) -> dict[str, Json]:
    """A state whose keys in force are those of `place`; `granted` are delegations by their label.

    The rest is empty unless `others` says it.
    """
    sorted_heads = sorted(one.id for one in heads)
    return {
        "org": place.org.id.hex(),
        "frozen": False,
        "heads": [head.hex() for head in sorted_heads],
        "digest": raw.digest("identity-heads", b"".join(sorted_heads)).hex(),
        "waiting": [],
        "events": events,
        "chain": [one.last.hex for one in chain],
        "contenders": [],
        "closed": False,
        "successor": None,
        "control": hexed(keys(place.control, _threshold(place))),
        "next": hexed(commitments(place.following)),
        "recovery": hexed(keys(place.recovery, place.org.recovery_threshold)),
        "delegations": {
            one.hex: {
                "writer": public(label).hex(),
                "rights": RIGHTS,
                "label": label,
                "home_org": None,
            }
            for label, one in (granted or {}).items()
        },
        "revoked": [],
        "alarms": [],
        "endorsements": {},
        "seal_keys": [],
        **others,
    }


def ids(*events: Event) -> Json:
    """Ids as they stand in a state."""
    return [*sorted(one.hex for one in events)]


def hexed(key_set: Mapping[str, Any]) -> Json:
    """A key set as it stands in a state."""
    return {**key_set, "keys": [key.hex() for key in key_set["keys"]]}


def _threshold(place: Place) -> int:
    return place.org.threshold if place.pos == 0 else len(place.control)
