"""Checks of the node's certificate, and of the address under which others are told to reach it.

Owns the comparison of the file, of what the running node shows and of what others were told to pin.
Its dates are checked by no node (spec 7.1.2), so that they are told and nothing more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from hutong_node.certificate import certificate_digest
from hutong_node.doctor.findings import Facts, Finding
from hutong_node.doctor.peer_probe import probe
from hutong_node.doctor.premises import Premises
from hutong_node.roster import CERTIFICATE_TOLD
from hutong_protocol.ids import IdKind, format_id


def certificate(at: Premises) -> Iterator[Finding]:
    """The two files, and who was told of them."""
    if at.config is None:
        return
    if not at.config.peer.tls:
        yield Finding("certificate", "none")
        return
    path = at.folder.certificate
    facts: Facts = {"path": str(path), "key": str(at.folder.certificate_key)}
    if not path.exists() or not at.folder.certificate_key.exists():
        yield Finding("certificate", "missing", facts)
        return
    try:
        digest = certificate_digest(path)
        shown = x509.load_pem_x509_certificate(path.read_bytes())
        key = serialization.load_pem_private_key(at.folder.certificate_key.read_bytes(), None)
    except (ValueError, TypeError):
        yield Finding("certificate", "damaged", facts)
        return
    facts |= {"digest": digest.hex(), "until": round(shown.not_valid_after_utc.timestamp() * 1_000)}
    told = None if at.roster is None else at.roster.setting(CERTIFICATE_TOLD)
    if _bytes_of(shown.public_key()) != _bytes_of(key.public_key()):
        yield Finding("certificate", "other-key", facts)
    elif at.live is not None and at.live.certificate != digest:
        yield Finding("certificate", "replaced", facts)
    elif told is not None and told != digest.hex():
        address = at.config.peer.public or "wss://HOST:8640"
        own = _own(at)
        yield Finding("certificate", "changed", {**facts, "told": told, "public": address, **own})
    elif at.clock.now_ms() > int(facts["until"]):
        yield Finding("certificate", "expired", facts)
    else:
        yield Finding("certificate", "ok", facts)


async def public_address(at: Premises) -> AsyncIterator[Finding]:
    """Whether the address in our invites leads to this node, as far as that is seen from here."""
    if at.live is None or at.config is None or at.config.peer.public is None:
        return
    facts: Facts = {"public": at.config.peer.public, "path": str(at.folder.config)}
    seen = await probe(at.config.peer.public, at.clock)
    if seen.failed in ("resolve", "connect", "tls"):
        yield Finding("public-address", f"no-{seen.failed}", {**facts, "reason": seen.reason})
    elif seen.certificate != at.live.certificate:
        shown = "" if seen.certificate is None else seen.certificate.hex()
        yield Finding("public-address", "other", {**facts, "shown": shown})
    else:
        yield Finding("public-address", "ok", facts)


def _own(at: Premises) -> Facts:
    return {"own": "ORG" if at.identity is None else format_id(IdKind.ORG, at.identity.org)}


def _bytes_of(key: PublicKeyTypes) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.DER, form)
