"""Checks of one peer: its address step by step, the session with it, and what was refused and why.

Owns how a probe, a session's outcome and the state that a running node keeps become findings. The
steps are told up to the first that fails, since what comes after it follows from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from hutong_node.doctor.findings import Facts, Finding
from hutong_node.doctor.peer_probe import Probed, is_plain
from hutong_node.doctor.premises import Premises
from hutong_node.doctor.session_probe import Compared
from hutong_node.peer_clocks import CLOCK_OFF_MAX_MS
from hutong_node.peer_status import PeerStatus
from hutong_node.roster import Peer
from hutong_protocol.exchange import Scope
from hutong_protocol.handshake import VERSIONS
from hutong_protocol.ids import IdKind, OrgId, format_id

_NAMED_MAX: Final = 8
_PEER_SAID: Final = "peer: "
"""How `peering` marks a fault that the peer gave as its reason."""


def address(peer: Peer, seen: Probed) -> Iterator[Finding]:
    """Name, port, TLS, certificate and card of a peer that has an address."""
    org, endpoint = peer.org, peer.endpoint or ""
    facts: Facts = {"endpoint": endpoint, "reason": seen.reason}
    if seen.failed == "resolve":
        yield Finding("peer-name", "unknown", facts, org)
        return
    yield Finding("peer-name", "ok", {**facts, "count": seen.addresses}, org)
    if seen.failed == "connect":
        cases = {"timed-out": "silent", "ConnectionRefusedError": "closed"}
        yield Finding("peer-port", cases.get(seen.reason, "unreachable"), facts, org)
        return
    yield Finding("peer-port", "ok", facts, org)
    if seen.failed == "tls":
        yield Finding("peer-tls", "none", facts, org)
        return
    if is_plain(endpoint):
        yield Finding("peer-tls", "plain", facts, org)
    elif seen.tls != "TLSv1.3":
        yield Finding("peer-tls", "old", {**facts, "version": seen.tls}, org)
        return
    else:
        yield Finding("peer-tls", "ok", {**facts, "version": seen.tls}, org)
        if (pin := _pin(peer, seen, facts)).case != "ok":
            yield pin
            return
        yield pin
    yield from _card(peer, seen, facts)


def _pin(peer: Peer, seen: Probed, facts: Facts) -> Finding:
    shown = "" if seen.certificate is None else seen.certificate.hex()
    if peer.certificate is None:
        return Finding("peer-certificate", "not-pinned", {**facts, "shown": shown}, peer.org)
    case = "ok" if peer.certificate == seen.certificate else "other"
    known = {**facts, "shown": shown, "pinned": peer.certificate.hex()}
    return Finding("peer-certificate", case, known, peer.org)


def _card(peer: Peer, seen: Probed, facts: Facts) -> Iterator[Finding]:
    card = seen.card
    if card is None:
        case = "status" if seen.reason == "status" else "none"
        yield Finding("peer-card", case, {**facts, "status": seen.status}, peer.org)
        return
    if card.organisation is not None and card.organisation != peer.org:
        other = format_id(IdKind.ORG, card.organisation)
        yield Finding("peer-card", "other", {**facts, "other": other}, peer.org)
        return
    yield Finding("peer-card", "ok", {**facts, "software": card.software or "-"}, peer.org)
    versions: Facts = {
        "theirs": ", ".join(map(str, card.versions)) or "-",
        "ours": ", ".join(map(str, VERSIONS)),
    }
    case = "ok" if set(card.versions) & set(VERSIONS) else "none"
    yield Finding("peer-versions", case, versions, peer.org)


def standing(at: Premises, org: OrgId, status: PeerStatus | None) -> Iterator[Finding]:
    """How it stands with a peer by what the running node knows."""
    assert at.live is not None
    yield from _let_in(at, org)
    if status is None:
        yield Finding("peer-session", "expected", peer=org)
        return
    yield from _session(at, status)
    wait_s = round(status.shut_out_until_s - at.clock.monotonic_s())
    if wait_s > 0:
        facts: Facts = {"seconds": wait_s, "count": status.faults}
        yield Finding("peer-penalty", "shut-out", facts, org)
    yield from _refusals(org, status.refusals, status.refusals_by_peer)
    yield from _scopes(at, org, status.scopes)
    yield from _waiting(at, org, status.listed)


def _session(at: Premises, status: PeerStatus) -> Iterator[Finding]:
    """The session that stands, or why none does; and since when both hold the same."""
    facts: Facts = {"tries": status.tries, "count": status.leftovers}
    if status.settled_ms is not None:
        since_s = max(0, at.clock.now_ms() - status.settled_ms) // 1_000
        facts |= {"at": status.settled_ms, "since_s": since_s}
    match status.state:
        case "settled":
            yield Finding("peer-session", "settled", facts, status.org)
        case "unsettled":
            yield Finding("peer-session", "unsettled", facts, status.org)
        case "syncing":
            yield Finding("peer-session", "syncing", facts, status.org)
        case _:
            yield from _apart(status, facts)
    if status.state != "settled" and status.settled_ms is not None:
        yield Finding("peer-settled", "before", facts, status.org)
    elif status.settled_ms is None and status.state != "syncing":
        yield Finding("peer-settled", "never", facts, status.org)


def _apart(status: PeerStatus, facts: Facts) -> Iterator[Finding]:
    fault = status.last_fault
    if fault is not None and fault.startswith(_PEER_SAID):
        told = {**facts, "fault": fault.removeprefix(_PEER_SAID)}
        yield Finding("peer-session", "refused-there", told, status.org)
    elif fault is not None:
        yield Finding("peer-session", "refused-here", {**facts, "fault": fault}, status.org)
    elif status.last_reason is not None:
        # A sentence of `transport`: it names the address and never what the peer said.
        told = {**facts, "reason": status.last_reason}
        yield Finding("peer-session", "lost", told, status.org)
    elif status.endpoint is None:
        yield Finding("peer-session", "they-dial", facts, status.org)
    else:
        yield Finding("peer-session", "apart", facts, status.org)


def compared(at: Premises, org: OrgId, seen: Compared) -> Iterator[Finding]:
    """What a session came to that the doctor had itself."""
    yield from _let_in(at, org)
    facts: Facts = {"reason": seen.lost, "tries": 1, "count": 0}
    if seen.fault:
        yield Finding("peer-session", "refused-here", {**facts, "fault": seen.fault}, org)
    elif seen.peer_fault:
        yield Finding("peer-session", "refused-there", {**facts, "fault": seen.peer_fault}, org)
    elif seen.theirs is None:
        if seen.scopes != ():
            lost = seen.lost or "the peer went away"
            yield Finding("peer-session", "lost", {**facts, "reason": lost}, org)
    elif not seen.differing:
        yield Finding("peer-session", "equal", facts, org)
    else:
        counts: Facts = {"theirs": seen.theirs, "ours": seen.ours or 0}
        counts["scopes"] = _listed(seen.differing)
        yield Finding("peer-session", "differs", counts, org)
    yield from _scopes(at, org, seen.scopes)
    yield from _waiting(at, org, seen.listed)


def _let_in(at: Premises, org: OrgId) -> Iterator[Finding]:
    if at.roster is not None and not is_let_in(at, org):
        yield Finding("peer-let-in", "no", peer=org)


def is_let_in(at: Premises, org: OrgId) -> bool:
    """Whether sessions of an organisation are taken here."""
    if at.identity is not None and org == at.identity.org:
        return True
    return at.roster is not None and any(entry.org == org for entry in at.roster.organisations())


def _refusals(org: OrgId, here: Mapping[str, int], there: Mapping[str, int]) -> Iterator[Finding]:
    for case, refusals in (("here", here), ("there", there)):
        for fault, count in sorted(refusals.items()):
            yield Finding("peer-refusals", case, {"fault": fault, "count": count}, org)
    if not here and not there:
        yield Finding("peer-refusals", "none", peer=org)


def _scopes(at: Premises, org: OrgId, agreed: tuple[Scope, ...] | None) -> Iterator[Finding]:
    """Those that this node holds beside those that the peer shares with it."""
    if agreed is None or at.roster is None:
        return
    lacking = [scope for scope in at.roster.subscriptions() if scope not in agreed]
    facts: Facts = {"scopes": _listed(agreed), "count": len(agreed), "lacking": _listed(lacking)}
    if not agreed:
        yield Finding("peer-scopes", "none", facts, org)
    else:
        yield Finding("peer-scopes", "some" if lacking else "all", facts, org)


def _waiting(at: Premises, org: OrgId, listed: set[OrgId]) -> Iterator[Finding]:
    """Organisations whose records the peer has, and about which nobody decided here."""
    if at.roster is None or at.config is None or at.identity is None:
        return
    known = {entry.org for entry in at.roster.organisations()} | {at.identity.org}
    if at.config.policy.store_named:
        known |= {entry.naming.org for entry in at.roster.named(at.identity.org)}
    waiting = sorted(listed - known - at.roster.turned_away())
    if waiting:
        named = [format_id(IdKind.ORG, other) for other in waiting[:_NAMED_MAX]]
        facts: Facts = {"count": len(waiting), "orgs": ", ".join(named), "first": named[0]}
        yield Finding("peer-organisations", "waiting", facts, org)


def clock_of(org: OrgId, off_ms: int | None) -> Iterator[Finding]:
    """A peer's clock beside this one; positive when this one is ahead."""
    if off_ms is None:
        return
    off_s = round(off_ms / 1_000)
    if abs(off_ms) <= CLOCK_OFF_MAX_MS:
        yield Finding("peer-clock", "ok", {"off_s": off_s}, org)
    else:
        yield Finding("peer-clock", "ahead" if off_ms > 0 else "behind", {"off_s": off_s}, org)


def _listed(scopes: tuple[Scope, ...] | list[Scope]) -> str:
    shown = ", ".join("/".join(scope) for scope in scopes[:_NAMED_MAX])
    return shown + (f" (+{len(scopes) - _NAMED_MAX})" if len(scopes) > _NAMED_MAX else "")
