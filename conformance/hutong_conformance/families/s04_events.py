"""Vectors of the form of identity events: every type, and each way to break it. Spec: 4.2 to 4.4.

One right event of each type is spoilt in one place at a time and signed again, so that nothing but
the form is wrong. Hard cases 18, 19, 42, 57; threat 29.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.independent import ed25519 as curve
from hutong_conformance.independent.mp_decoder import decode
from hutong_conformance.raw_identity import DROP, RIGHTS, TS, Body, Event, Org, event, keys, public
from hutong_conformance.raw_identity import sign as signed

AID = Org("aid")
ONE, TWO = sorted(raw.bytes_from(f"event {number}") for number in range(2))
HASHES = sorted(raw.bytes_from(f"hash {number}") for number in range(65))
TOPICS = [f"t{number:02}" for number in range(33)]
MANIFEST = ONE + TWO

BASES: dict[str, Event] = {
    "incept": AID.incept,
    "rotate": AID.change(
        "rotate", "both", [*AID.following, *AID.recovery], recovery=keys(["r"]), affirm=[ONE]
    ),
    "recover": AID.change(
        "recover", "both", [*AID.following, *AID.recovery], recovery=keys(["r"]), affirm=[ONE]
    ),
    "close": AID.add("close", epoch=DROP, chain=AID.id, pos=1, auth="control", successor=ONE),
    "delegate": AID.delegate("node", home_org=ONE),
    "affirm": AID.add("affirm", ids=[ONE, TWO]),
    "revoke": AID.cut("revoke", [ONE, TWO], delegation=ONE, reason="key_lost"),
    "resolve": AID.cut("resolve", [ONE, TWO], delegation=ONE),
    "sealkey": AID.add("sealkey", number=1, key=raw.bytes_from("seal key"), until=TS),
    "endorse": AID.add("endorse", subject=ONE, spaces=[ONE, TWO], topics=["base", "fsc"]),
    "unendorse": AID.add("unendorse", endorsement=ONE),
}
PARAGRAPH = {"incept": "4.3", "rotate": "4.3", "recover": "4.3", "close": "4.3"}
OPTIONAL = {
    "rotate": ("recovery", "affirm"),
    "recover": ("recovery", "affirm"),
    "close": ("successor",),
    "delegate": ("home_org",),
    "revoke": ("reason",),
    "sealkey": ("until",),
}


def body_of(kind: str) -> Body:
    """The fields of the right event of a type."""
    found = decode(BASES[kind].body)
    assert isinstance(found, dict)
    return dict(found)


def spoilt(kind: str, **changes: Any) -> Event:
    """The right event of a type with other fields, signed again."""
    signers = {
        "rotate": [*AID.following, *AID.recovery],
        "recover": [*AID.following, *AID.recovery],
    }.get(kind, AID.control)
    attachment = None if changes.get("manifest") is DROP else BASES[kind].attachment
    return event({**body_of(kind), **changes}, signers, attachment)


def cases() -> Iterator[Case]:
    """Right events, then each breach."""
    yield from _right()
    yield from _missing()
    yield from _shapes()
    yield from _outside()
    yield from _keys()
    yield from _unknown()


def _right() -> Iterator[Case]:
    for kind in BASES:
        yield _case(f"{kind}", PARAGRAPH.get(kind, "4.4"), f"A right {kind}", BASES[kind], kind)
    for kind, fields in OPTIONAL.items():
        comment = f"A {kind} without its optional fields"
        found = spoilt(kind, **dict.fromkeys(fields, DROP))
        yield _case(f"{kind}-least", PARAGRAPH.get(kind, "4.4"), comment, found, kind)
    recovery = AID.change("recover", "recovery", AID.recovery, control=["anybody"])
    yield _case("recover-by-recovery", "4.3", "A recover by recovery keys", recovery, "recover")
    rotation = AID.change("rotate", "control", AID.following)
    yield _case("rotate-by-control", "4.3", "A rotate by control keys", rotation, "rotate")
    empty = AID.cut("revoke", [], delegation=ONE)
    yield _case("revoke-all", "4.8.2", "A manifest of no list keeps nothing", empty, "revoke")
    same = event({**AID.inception(), "nonce": bytes(16)}, AID.control)
    comment = "The keys of another inception and another nonce: another organisation"
    yield _case("incept-same-keys", "4.3.4", comment, same, "incept")
    yield from _limits()


def _limits() -> Iterator[Case]:
    """The greatest of each kind; one more stands among the wrong shapes."""
    many = [f"many {number}" for number in range(5)]
    five = keys(many, 5)
    big = event(AID.inception(control=five["keys"], threshold=5), many)
    yield _case("limit-5-control-keys", "4.2.5", "Five control keys", big, "incept")
    ten = event(body_of("endorse"), [f"many {number}" for number in range(10)])
    yield _case("limit-10-signatures", "4.2.1", "Ten signatures", ten, "endorse")
    limits: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("4-prev", "4.2.4", "endorse", {"prev": HASHES[:4]}),
        ("64-affirmed", "4.4", "affirm", {"ids": HASHES[:64]}),
        ("32-spaces", "4.4.2", "endorse", {"spaces": HASHES[:32]}),
        ("32-topics", "4.4.2", "endorse", {"topics": TOPICS[:32]}),
        ("label-of-64", "4.4", "delegate", {"label": "库" * 21 + "x"}),
        ("reason-of-32", "4.4", "revoke", {"reason": "a" * 32}),
        ("topic-of-64", "4.4.2", "endorse", {"topics": ["x" * 64]}),
        ("ts", "4.2.4", "endorse", {"ts": 2**53 - 1}),
    )
    for name, section, kind, changes in limits:
        yield _case(f"limit-{name}", section, "At the limit", spoilt(kind, **changes), kind)
    for excess, name in ((0, "4096"), (1, "4097")):
        size = 4096 + excess - len(spoilt("endorse", note="").body) - 2
        found = spoilt("endorse", note="x" * size)
        assert len(found.body) == 4096 + excess
        comment = "A body at its limit; the key that fills it makes the event unknown"
        if excess:
            comment = "A body one byte above its limit"
        expected = None if excess else "endorse"
        yield _case(
            f"body-{name}", "4.2.1", comment, found, expected, known=False, fault="too-large"
        )
    for count in (2048, 2049):
        lists = [number.to_bytes(32, "big") for number in range(count)]
        found = AID.cut("resolve", lists, delegation=ONE)
        yield _case(
            f"manifest-of-{count}-lists",
            "4.8.2",
            f"A manifest of {count * 32} bytes",
            found,
            "resolve" if count == 2048 else None,
            fault="too-large",
        )


def _missing() -> Iterator[Case]:
    for kind in BASES:
        for field in body_of(kind):
            if field in OPTIONAL.get(kind, ()):
                continue
            changes: dict[str, Any] = {field: DROP}
            comment = f"A {kind} without {field}"
            section = "4.2.4" if field in ("v", "type", "ts", "org", "prev") else None
            yield _fault(f"{kind}-no-{_slug(field)}", section, comment, kind, "bad-event", changes)


SHAPES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("v-bool", "4.2.4", "delegate", {"v": True}),
    ("v-negative", "4.2.4", "delegate", {"v": -1}),
    ("type-bin", "4.2.4", "delegate", {"type": b"delegate"}),
    ("ts-negative", "4.2.4", "delegate", {"ts": -1}),
    ("ts-nil", "4.2.4", "delegate", {"ts": None}),
    ("org-31", "4.2.4", "delegate", {"org": AID.id[:31]}),
    ("prev-none", "4.2.4", "endorse", {"prev": []}),
    ("prev-5", "4.2.4", "endorse", {"prev": HASHES[:5]}),
    ("prev-unsorted", "4.2.4", "endorse", {"prev": HASHES[1::-1]}),
    ("prev-twice", "4.2.4", "endorse", {"prev": HASHES[:1] * 2}),
    ("prev-bin", "4.2.4", "endorse", {"prev": HASHES[0]}),
    ("epoch-nil", "4.4", "endorse", {"epoch": None}),
    ("control-none", "4.2.5", "incept", {"control": []}),
    ("control-6", "4.2.5", "incept", {"control": sorted(public(f"k{n}") for n in range(6))}),
    ("control-unsorted", "4.2.5", "incept", {"control": keys(["k0", "k1"])["keys"][::-1]}),
    ("control-twice", "4.2.5", "incept", {"control": [public("k1"), public("k1")]}),
    ("threshold-0", "4.2.5", "incept", {"threshold": 0}),
    ("threshold-2-of-1", "4.2.5", "incept", {"threshold": 2}),
    ("next-extra", "4.3.1", "incept", {"next": {"keys": [ONE], "threshold": 1, "pos": 1}}),
    ("next-no-threshold", "4.3.1", "incept", {"next": {"keys": [ONE]}}),
    ("next-6", "4.3.1", "incept", {"next": {"keys": HASHES[:6], "threshold": 1}}),
    ("next-threshold-2-of-1", "4.3.1", "incept", {"next": {"keys": [ONE], "threshold": 2}}),
    ("next-unsorted", "4.3.1", "incept", {"next": {"keys": [TWO, ONE], "threshold": 1}}),
    ("recovery-array", "4.3", "incept", {"recovery": [public("r")]}),
    ("recovery-threshold-0", "4.2.5", "incept", {"recovery": {**keys(["r"]), "threshold": 0}}),
    ("recovery-is-control", "4.2.5", "incept", {"recovery": keys(AID.control)}),
    ("recovery-is-control", "4.2.5", "rotate", {"recovery": keys(AID.following)}),
    ("nonce-15", "4.3", "incept", {"nonce": bytes(15)}),
    ("pos-0", "4.3", "rotate", {"pos": 0}),
    ("auth-unknown", "4.3", "rotate", {"auth": "all"}),
    ("auth-recovery", "4.3", "rotate", {"auth": "recovery"}),
    ("recovery-by-control", "4.3.2", "rotate", {"auth": "control"}),
    ("auth-control", "4.3", "recover", {"auth": "control"}),
    ("auth-recovery", "4.3", "close", {"auth": "recovery"}),
    ("successor-nil", "4.3", "close", {"successor": None}),
    ("affirm-none", "4.3", "rotate", {"affirm": []}),
    ("ids-none", "4.4", "affirm", {"ids": []}),
    ("ids-65", "4.4", "affirm", {"ids": HASHES}),
    ("label-empty", "4.4", "delegate", {"label": ""}),
    ("label-65", "4.4", "delegate", {"label": "x" * 65}),
    ("label-66-in-22-characters", "4.4", "delegate", {"label": "库" * 22}),
    ("home-org-31", "4.4", "delegate", {"home_org": ONE[:31]}),
    ("writer-33", "4.4", "delegate", {"writer": public("node") + b"\0"}),
    ("pop-63", "4.4", "delegate", {"pop": bytes(63)}),
    ("rights-extra", "4.4.2", "delegate", {"rights": {**RIGHTS, "admin": True}}),
    ("rights-write-1", "4.4.2", "delegate", {"rights": {**RIGHTS, "write": 1}}),
    ("rights-array", "4.4.2", "delegate", {"rights": []}),
    ("rights-no-space", "4.4.2", "delegate", {"rights": {**RIGHTS, "spaces": []}}),
    ("rights-spaces-plus", "4.4.2", "delegate", {"rights": {**RIGHTS, "spaces": "+"}}),
    ("reason-capital", "4.4", "revoke", {"reason": "Lost"}),
    ("reason-empty", "4.4", "revoke", {"reason": ""}),
    ("reason-33", "4.4", "revoke", {"reason": "a" * 33}),
    ("reason-line-break", "4.4", "revoke", {"reason": "lost\n"}),
    ("number-0", "4.4", "sealkey", {"number": 0}),
    ("until-negative", "4.4", "sealkey", {"until": -1}),
    ("key-31", "4.4", "sealkey", {"key": raw.bytes_from("seal key", 31)}),
    ("subject-31", "4.4", "endorse", {"subject": ONE[:31]}),
    ("spaces-33", "4.4.2", "endorse", {"spaces": HASHES[:33]}),
    ("spaces-names", "4.4.2", "endorse", {"spaces": ["xian-2021"]}),
    ("spaces-unsorted", "4.4.2", "endorse", {"spaces": [TWO, ONE]}),
    ("topics-none", "4.4.2", "endorse", {"topics": []}),
    ("topics-33", "4.4.2", "endorse", {"topics": TOPICS}),
    ("topics-unsorted", "4.4.2", "endorse", {"topics": ["fsc", "base"]}),
    ("topics-twice", "4.4.2", "endorse", {"topics": ["fsc", "fsc"]}),
    ("topics-capital", "4.4.2", "endorse", {"topics": ["Fsc"]}),
    ("topics-65", "4.4.2", "endorse", {"topics": ["x" * 65]}),
    ("topics-line-break", "4.4.2", "endorse", {"topics": ["fsc\n"]}),
    ("topics-star-listed", "4.4.2", "endorse", {"topics": ["*"]}),
    ("endorsement-31", "4.4", "unendorse", {"endorsement": ONE[:31]}),
    ("delegation-33", "4.4", "resolve", {"delegation": ONE + b"\0"}),
)


def _shapes() -> Iterator[Case]:
    for name, section, kind, changes in SHAPES:
        comment = f"A {kind} with {', '.join(changes)} of another shape"
        yield _fault(f"{kind}-{name}", section, comment, kind, "bad-event", changes)


def _outside() -> Iterator[Case]:
    right = BASES["endorse"]
    body = right.body.hex()
    key, signature = (part.hex() for part in right.signatures[0])
    other, zeros = public("other").hex(), "00" * 64
    good: Json = [[key, signature]]
    turned: Json = [[max(key, other), zeros], [min(key, other), zeros]]
    eleven = event(body_of("endorse"), [f"many {number}" for number in range(11)])
    wrong: tuple[tuple[str, str, Json, str], ...] = (
        ("two-elements", "An array of two", [body, good], "bad-event"),
        ("four-elements", "An array of four", [body, good, None, None], "bad-event"),
        ("body-nil", "A body that is nil", [None, good, None], "bad-event"),
        ("body-array", "A body that encodes an array", ["90", good, None], "bad-event"),
        ("no-signature", "No signature", [body, [], None], "bad-event"),
        ("signatures-nil", "Signatures that are nil", [body, None, None], "bad-event"),
        ("eleven-signatures", "Eleven signatures", eleven.json(), "bad-event"),
        ("signature-63", "A signature of 63 bytes", [body, [[key, zeros[2:]]], None], "bad-event"),
        ("signer-31", "A signer of 31 bytes", [body, [[key[2:], zeros]], None], "bad-event"),
        ("signature-alone", "A signature without key", [body, [[signature]], None], "bad-event"),
        ("signatures-turned", "Signatures unsorted by key", [body, turned, None], "bad-event"),
        (
            "signature-twice",
            "Hard case 42: two equal signatures of one key",
            [body, [[key, signature], [key, signature]], None],
            "bad-event",
        ),
        (
            "two-signatures-of-one-key",
            "Hard case 42: two signatures of one key",
            [body, [[key, signature], [key, zeros]], None],
            "bad-event",
        ),
        ("attachment-unnamed", "An attachment that no key names", [body, good, ""], "bad-event"),
        (
            "body-trailing-byte",
            "A byte after the map of the body",
            [f"{body}00", good, None],
            "not-canonical",
        ),
    )
    for name, comment, value_, fault in wrong:
        yield _raw(f"event-{name}", "4.2.1", comment, value_, fault)
    revoke = BASES["revoke"].json()
    assert isinstance(revoke, list)
    manifests: tuple[tuple[str, str, Json, str], ...] = (
        ("missing", "A revoke without its manifest", None, "bad-event"),
        ("of-another", "A manifest that is not the one named", ONE.hex(), "bad-cut"),
    )
    for name, comment, value_, fault in manifests:
        yield _raw(f"manifest-{name}", "4.8.2", comment, [*revoke[:2], value_], fault)
    odd: tuple[tuple[str, str, bytes], ...] = (
        ("of-63-bytes", "A manifest of 63 bytes", MANIFEST[:63]),
        ("unsorted", "A manifest of hashes in another order", TWO + ONE),
        ("repeated", "A manifest that lists a hash twice", ONE + ONE),
    )
    for name, comment, manifest in odd:
        body_ = {**body_of("revoke"), "manifest": raw.digest("cut-manifest", manifest)}
        found = event(body_, AID.control, manifest)
        yield _case(f"manifest-{name}", "4.8.2", comment, found, None, fault="bad-cut")


def _keys() -> Iterator[Case]:
    weak = {
        f"small-order-{number:02}": encoding
        for number, encoding in enumerate(sorted(curve.SMALL_ORDER), start=1)
    }
    weak["off-curve"] = (2).to_bytes(32, "little")
    weak["mixed-order"] = raw.bent(raw.key("node"), 1).public
    for name, key in weak.items():
        case = "19" if name == "off-curve" else "18"
        comment = f"Hard case {case}: a writer key that is none is refused where it is delegated"
        changes: dict[str, Any] = {"writer": key}
        yield _fault(f"delegate-writer-{name}", "4.2.5", comment, "delegate", "bad-key", changes)
    bad = weak["off-curve"]
    for kind in ("incept", "rotate", "recover"):
        for field, value in (("control", [bad]), ("recovery", {"keys": [bad], "threshold": 1})):
            comment = f"Threat 29: a key in {field} that is none"
            name = f"{kind}-{field}-off-curve"
            yield _fault(name, "4.2.5", comment, kind, "bad-key", {field: value})
    p = 2**255 - 19
    order_8 = [
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    ]
    for number, u in enumerate([0, 1, p - 1, p, p + 1, *order_8], start=1):
        for top in (0, 1):
            comment = "Hard case 57: a seal key that gives no secret"
            key = (u | top << 255).to_bytes(32, "little")
            name = f"sealkey-low-order-{number}" + ("-top-bit" if top else "")
            yield _fault(name, "4.10", comment, "sealkey", "bad-key", {"key": key})
    proofs = {
        "of-another-key": signed("other", "sign-possession", AID.id + public("node")),
        "for-another-org": signed("node", "sign-possession", ONE + public("node")),
        "in-another-context": signed("node", "sign-event", AID.id + public("node")),
        "of-zeros": bytes(64),
    }
    for name, proof in proofs.items():
        comment = "A proof of possession " + name.replace("-", " ")
        changes = {"pop": proof}
        yield _fault(f"possession-{name}", "4.4.1", comment, "delegate", "bad-possession", changes)


UNKNOWN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("version-2", "endorse", {"v": 2}),
    ("version-0", "endorse", {"v": 0}),
    ("type", "endorse", {"type": "vouch"}),
    ("type-empty", "endorse", {"type": ""}),
    ("key", "endorse", {"weight": 3}),
    ("key-of-another-type", "endorse", {"label": "x"}),
    ("key-beside-one-of-another-shape", "endorse", {"weight": 3, "topics": 7}),
    ("key-and-one-missing", "endorse", {"weight": 3, "topics": DROP}),
    ("chain-event", "rotate", {"quorum": 3}),
    ("with-manifest", "endorse", {"manifest": raw.digest("cut-manifest", MANIFEST)}),
)
ENVELOPE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("no-prev", {"prev": DROP}),
    ("prev-unsorted", {"prev": [TWO, ONE]}),
    ("org-31", {"org": ONE[:31]}),
    ("neither-chain-nor-epoch", {"epoch": DROP}),
    ("chain-and-epoch", {"chain": ONE}),
    ("epoch-nil", {"epoch": None}),
    ("ts-negative", {"ts": -1}),
)


def _unknown() -> Iterator[Case]:
    for name, kind, changes in UNKNOWN:
        found = spoilt(kind, **changes)
        if "manifest" in changes:
            found = Event(found.body, found.signatures, MANIFEST)
        comment = "An event that this version does not know is taken as it is"
        kind = str(changes.get("type", kind))
        yield _case(f"unknown-{name}", "4.2.6", comment, found, kind, known=False)
    for name, changes in ENVELOPE:
        comment = "Of an unknown event the envelope is judged"
        changes = {"weight": 3, **changes}
        yield _fault(f"unknown-{name}", "4.2.6", comment, "endorse", "bad-event", changes)
    for name, changes in (("v", {"v": 2}), ("key", {"quorum": 3}), ("type", {"type": "begin"})):
        comment = "An inception of an unknown form: nobody could verify it"
        yield _fault(
            f"unknown-inception-{name}", "4.2.6", comment, "incept", "upgrade-needed", changes
        )


def _slug(field: str) -> str:
    return field.replace("_", "-")


def _fault(
    name: str, section: str | None, comment: str, kind: str, fault: str, changes: dict[str, Any]
) -> Case:
    section = PARAGRAPH.get(kind, "4.4") if section is None else section
    return _case(name, section, comment, spoilt(kind, **changes), None, fault=fault)


def _case(
    name: str,
    section: str,
    comment: str,
    found: Event,
    kind: str | None,
    *,
    known: bool = True,
    fault: str = "",
) -> Case:
    """A case of an event; with `kind` it is right, otherwise it has the fault."""
    if kind is None:
        return _raw(name, section, comment, found.json(), fault)
    org = found.id if kind == "incept" else AID.id
    ok: Json = {"id": found.hex, "org": org.hex(), "type": kind, "known": known}
    return Case(
        f"4/{name}",
        section,
        "MUST",
        comment,
        "identity.event",
        {"event": found.json()},
        {"ok": ok},
    )


def _raw(name: str, section: str, comment: str, value: Json, fault: str) -> Case:
    return Case(
        f"4/{name}", section, "MUST", comment, "identity.event", {"event": value}, {"fault": fault}
    )
