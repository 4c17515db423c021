"""The whole examination: which checks are made, of which peers, and within which time.

Owns the order of things. Local checks come first and one after the other, in a thread; peers are
looked at some at a time, so that many that don't answer hold nobody up. A node that runs is asked
to dial those that it has no session with, and its own sessions are told; of a node that doesn't
run, the doctor has a session itself, if nothing speaks against it.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hutong_node.clock import Clock
from hutong_node.config import DataFolder, default_folder
from hutong_node.doctor import (
    certificate_checks,
    folder_checks,
    machine_checks,
    peer_checks,
    store_checks,
)
from hutong_node.doctor.findings import Finding, collected
from hutong_node.doctor.machine import Machine
from hutong_node.doctor.peer_probe import Probed, probe
from hutong_node.doctor.premises import Live, Premises, premises
from hutong_node.doctor.session_probe import Compared, compare
from hutong_node.node import policy_of
from hutong_node.peer_clocks import ClockVerdict, PeerClocks
from hutong_node.peer_status import PeerStatus
from hutong_node.refusals import Code, Refused
from hutong_node.roster import Peer
from hutong_node.store.errors import StoreError
from hutong_node.store.sqlite.glance import Unfit, glance
from hutong_protocol.ids import IdKind, OrgId, format_id

SECONDS: Final = 20.0
"""How long looking through the databases may take unless somebody wants it otherwise."""
PEERS_S: Final = 60.0
"""How long all peers together may take."""
DIAL_S: Final = 5.0
"""How long the outcome of a fresh dial of the running node is waited for."""
_AT_ONCE: Final = 8
_POLL_S: Final = 0.1
_NO_PROBE: Final = frozenset({"silent", "second"})
"""Cases of the check `process` in which a node may have sessions that a probe would disturb."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. `data` is what commands need to be about this folder."""

    findings: tuple[Finding, ...]
    running: bool
    checked_ms: int
    data: str


async def examine(
    folder: DataFolder,
    machine: Machine,
    clock: Clock,
    *,
    live: Live | None = None,
    peer: str | None = None,
    seconds: float = SECONDS,
) -> Report:
    """Makes all checks, of all peers or of one.

    Args:
        live: what the running node knows, None if none runs or it can't be asked.
        peer: the id of an organisation, its beginning, its name or its host.
        seconds: how long looking through the databases may take.

    Raises:
        Refused: NOT_FOUND if no peer, or more than one, is meant.
    """
    checked_ms = clock.now_ms()
    with premises(folder, machine, clock, live) as at:
        known = _known(at)
        wanted = known if peer is None else [_meant(at, known, peer)]
        findings = await asyncio.to_thread(_local, at, seconds)
        findings += await _gathered("public-address", certificate_checks.public_address(at))
        clocks = at.live.clocks if at.live is not None else PeerClocks(clock, _orgs_of(known))
        may_compare = not any(f.code == "process" and f.case in _NO_PROBE for f in findings)
        may_compare &= not any(
            f.code == "restore-marker" and f.case not in ("ok", "given-up") for f in findings
        )
        findings += await _peers(at, wanted, clocks, may_compare=may_compare)
        findings += _clock(at, clocks.verdict())
    return Report(tuple(findings), live is not None, checked_ms, data_option(folder))


def data_option(folder: DataFolder) -> str:
    """What commands need to be about this folder: nothing, if it is the usual one."""
    root = folder.root.absolute()
    if root == default_folder().absolute():
        return ""
    return f" --data {shlex.quote(str(root))}"


# Local


def _local(at: Premises, seconds: float) -> list[Finding]:
    # Times of files first: to look at a database may change its own.
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("clock-files", lambda: folder_checks.file_times(at)),
        ("data-folder", lambda: folder_checks.data_folder(at)),
        ("private-files", lambda: folder_checks.private_files(at)),
        ("writer-key", lambda: folder_checks.keys(at)),
        ("token", lambda: folder_checks.token(at)),
        ("config", lambda: folder_checks.configuration(at)),
        ("process", lambda: folder_checks.process(at)),
        ("certificate", lambda: certificate_checks.certificate(at)),
        ("backup", lambda: folder_checks.backup(at)),
        ("disk-space", lambda: machine_checks.disk(at)),
        ("python", lambda: machine_checks.programs(at)),
        ("extras", lambda: machine_checks.extras(at)),
        ("roster", lambda: store_checks.roster(at)),
        ("store", lambda: store_checks.store(at)),
        ("database", lambda: store_checks.databases(at, seconds)),
    )
    return [finding for code, check in checks for finding in collected(code, check())]


async def _gathered(code: str, found: AsyncIterator[Finding]) -> list[Finding]:
    return collected(code, [finding async for finding in found])


def _clock(at: Premises, verdict: ClockVerdict) -> Iterator[Finding]:
    """This clock beside all that were heard."""
    trusted = at.config is not None and at.config.clock.trusted
    if at.live is not None:
        trusted = at.live.clock_trusted
    off_s = round((verdict.off_ms or 0) / 1_000)
    facts: dict[str, str | int] = {"off_s": off_s, "count": verdict.compared}
    facts["apart"] = len(verdict.apart)
    if verdict.off_ms is None:
        yield Finding("clock-peers", "nobody")
    elif verdict.is_off:
        side = "ahead" if off_s > 0 else "behind"
        yield Finding("clock-peers", "trusted" if trusted else side, facts)
    else:
        yield Finding("clock-peers", "some" if verdict.apart else "ok", facts)


# Peers


def _known(at: Premises) -> list[Peer]:
    """The peers of the roster, and those that dialled the running node, by organisation id."""
    found = {} if at.roster is None else {peer.org: peer for peer in at.roster.peers()}
    for status in () if at.live is None else at.live.statuses():
        found.setdefault(status.org, Peer(status.org, status.endpoint, None, 0))
    return [found[org] for org in sorted(found)]


def _orgs_of(peers: Sequence[Peer]) -> Callable[[], list[OrgId]]:
    return lambda: [peer.org for peer in peers]


def _meant(at: Premises, known: Sequence[Peer], words: str) -> Peer:
    """The one peer that somebody means.

    Raises:
        Refused: NOT_FOUND.
    """
    meant = []
    for peer in known:
        name = None if at.live is None else at.live.names(peer.org)
        host = (peer.endpoint or "").partition("://")[2]
        text = format_id(IdKind.ORG, peer.org)
        if words in (text, name, host, peer.endpoint) or (
            len(words) > len("org-") and text.startswith(words)
        ):
            meant.append(peer)
    if len(meant) == 1:
        return meant[0]
    raise Refused(
        Code.NOT_FOUND,
        "no peer is called so" if not meant else f"{len(meant)} peers are called so",
        way_out="give the beginning of its id, as `hutong peer list --json` shows it",
    )


async def _peers(
    at: Premises, peers: Sequence[Peer], clocks: PeerClocks, *, may_compare: bool
) -> list[Finding]:
    """The findings of all these peers, in their order; those not come to in time say so."""
    before = _tries(at)
    room = asyncio.Semaphore(_AT_ONCE)

    async def look(peer: Peer) -> list[Finding]:
        async with room:
            if at.live is not None:
                return await _of_running(at, peer, before, clocks)
            return await _of_stopped(at, peer, clocks, may_compare=may_compare)

    if at.live is not None and any(_is_apart(at, peer.org) for peer in peers):
        at.live.dial()
    tasks = [asyncio.create_task(look(peer), name="doctor looks at a peer") for peer in peers]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=PEERS_S)
        found: list[Finding] = []
        for peer, task in zip(peers, tasks, strict=True):
            found += task.result() if task.done() else [_not_reached(peer)]
        return found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _not_reached(peer: Peer) -> Finding:
    return Finding("peer-name", "no-time", {"endpoint": peer.endpoint or ""}, peer.org)


async def _of_running(
    at: Premises, peer: Peer, before: dict[OrgId, int], clocks: PeerClocks
) -> list[Finding]:
    """A peer as the running node stands with it; its address, if there is one to look at."""
    seen = await _probed(at, peer)
    await _outcome(at, peer, before.get(peer.org, 0))
    status = _status(at, peer.org)
    standing = peer_checks.standing(at, peer.org, status)
    found = await asyncio.to_thread(collected, "peer-session", standing, peer.org)
    off_ms = clocks.offsets_ms().get(peer.org)
    return [*_address(peer, seen), *found, *peer_checks.clock_of(peer.org, off_ms)]


async def _of_stopped(
    at: Premises, peer: Peer, clocks: PeerClocks, *, may_compare: bool
) -> list[Finding]:
    """A peer as it looks from here while the node doesn't run."""
    seen = await _probed(at, peer)
    if seen is None:
        return [Finding("peer-session", "they-dial", {}, peer.org)]
    found = _address(peer, seen)
    is_pinned = seen.certificate == peer.certificate
    if seen.card is not None and is_pinned and seen.told is not None:
        clocks.told(peer.org, seen.told)
    if seen.failed in (None, "card") and is_pinned:
        outcome = await _compared(at, peer) if may_compare else None
        if outcome is None:
            found.append(Finding("peer-session", "not-tried", {}, peer.org))
        else:
            found += collected(
                "peer-session", peer_checks.compared(at, peer.org, outcome), peer.org
            )
    return [*found, *peer_checks.clock_of(peer.org, clocks.offsets_ms().get(peer.org))]


async def _probed(at: Premises, peer: Peer) -> Probed | None:
    return None if peer.endpoint is None else await probe(peer.endpoint, at.clock)


def _address(peer: Peer, seen: Probed | None) -> list[Finding]:
    if seen is None:
        return [Finding("peer-name", "dials-us", {}, peer.org)]
    return collected("peer-name", peer_checks.address(peer, seen), peer.org)


async def _compared(at: Premises, peer: Peer) -> Compared | None:
    """What a session with the peer comes to; None if this node can't have one as it is."""
    if at.identity is None or at.roster is None or at.config is None:
        return None
    policy = policy_of(at.roster, at.identity.org, at.config)
    with (
        suppress(Unfit, StoreError),
        glance(at.folder.database, at.identity.org, policy) as seen,
    ):
        return await compare(
            peer,
            at.identity,
            at.roster.subscriptions(),
            seen,
            at.clock,
            let_in=peer_checks.is_let_in(at, peer.org),
        )
    return None


# What the running node knows


def _status(at: Premises, org: OrgId) -> PeerStatus | None:
    statuses = () if at.live is None else at.live.statuses()
    return next((status for status in statuses if status.org == org), None)


def _is_apart(at: Premises, org: OrgId) -> bool:
    status = _status(at, org)
    return status is not None and status.connected_ms is None


def _tries(at: Premises) -> dict[OrgId, int]:
    return {} if at.live is None else {s.org: s.tries for s in at.live.statuses()}


async def _outcome(at: Premises, peer: Peer, tries: int) -> None:
    """Waits for what a fresh dial comes to: a session that has compared, or its end."""
    if peer.endpoint is None:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(DIAL_S):
            while True:
                status = _status(at, peer.org)
                if status is None or status.state in ("settled", "unsettled"):
                    return
                if status.state == "waiting" and status.tries > tries:
                    return
                await asyncio.sleep(_POLL_S)
