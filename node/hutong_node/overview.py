"""How a node stands, for people, probes and metrics.

Owns the putting together of status: what the store holds, what it comes to, how it is with each
peer, and everything that asks for somebody's attention. Two nodes that hold the same show the same
frontier digest (Spec: 7.5.4) and, for the same instant, the same fold digests (Spec: 12.20.3).

It reads and counts only; nothing here changes anything.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from typing import Final

from prometheus_client import generate_latest

from hutong_node.api_models import (
    ClockItem,
    CoverageItem,
    ForkItem,
    HealthAnswer,
    PeerItem,
    RetiredLog,
    ScopeStatus,
    StatusAnswer,
)
from hutong_node.intake import Intake
from hutong_node.node import VERSION, Node
from hutong_node.peer_status import PeerStatus
from hutong_node.roster import Peer
from hutong_node.showing import Directory, time_text
from hutong_node.signing_gate import clock_sentence
from hutong_node.store.errors import StoreError
from hutong_node.store.interface import ForkProof, StoreMethods, StoreStatus
from hutong_protocol.exchange import Scope, ScopeRoot
from hutong_protocol.fold import Coverage, FoldState
from hutong_protocol.ids import IdKind, OrgId, format_id
from hutong_protocol.tree import shared_root

FOLD_THINGS_MAX: Final = 20_000
"""Above it the digests of everything are made only when they are asked for."""
DISK_FREE_MIN_BYTES: Final = 64 * 1_048_576
CLOCK_EARLIEST_MS: Final = 1_767_225_600_000
"""2026-01-01: a clock before it is that of a machine that lost the time."""
_PROBE_S: Final = 5.0
_NAMED_MAX: Final = 5


class Overview:
    """The state of one node at a glance."""

    def __init__(self, node: Node, intake: Intake, *, running: bool) -> None:
        """`running`: the node listens and exchanges."""
        self._node = node
        self._intake = intake
        self._running = running

    async def status(
        self, names: Directory, *, as_of_ms: int, behind: int, with_fold: bool | None
    ) -> StatusAnswer:
        """Everything about this node.

        Args:
            behind: records held that the index lacks.
            with_fold: whether to fold everything; None for stores small enough.
        """
        parts = self._node.parts
        scopes = await asyncio.to_thread(parts.roster.subscriptions)
        store = await parts.store.call(StoreMethods.status)
        roots = await parts.store.call(StoreMethods.scope_roots, scopes)
        if with_fold is None:
            with_fold = await asyncio.to_thread(parts.index.count) <= FOLD_THINGS_MAX
        state = None
        if with_fold:
            state = await asyncio.to_thread(parts.index.state, as_of_ms)
        peers = await self.peers(names)
        refusals: Counter[str] = Counter()
        for peer in peers:
            refusals.update(peer.refusals)
        forks = [_fork(proof, names) for proof in await parts.store.call(StoreMethods.fork_proofs)]
        reason = parts.store.mismatch or parts.store.restored
        mismatch = None if reason is None else reason.value
        return StatusAnswer(
            organisation=names.author(parts.identity.org),
            version=VERSION,
            running=self._running,
            records=store.records,
            logs=store.logs,
            organisations=store.orgs,
            missing_parts=store.missing_parts,
            disk_bytes=store.disk_bytes,
            behind=behind,
            frontier_digest=shared_root([root.root for root in roots]).hex(),
            as_of=time_text(as_of_ms) or "",
            scopes=_scopes(roots, state),
            coverage=None if state is None else _coverage(state.coverage),
            peers=peers,
            refusals=dict(sorted(refusals.items())),
            queue=await asyncio.to_thread(self._intake.waiting_count),
            clock=self._clock(names),
            marker_mismatch=mismatch,
            frozen=[names.author(org) for org in store.frozen_orgs],
            forks=forks,
            retired_logs=_retired(store),
            alarms=_alarms(store, mismatch, len(forks), parts.identity.org)
            + self._restoring_alarms()
            + self._clock_alarms(names),
        )

    async def peers(self, names: Directory) -> list[PeerItem]:
        """The peers of the roster, and those that dialled us, by organisation id."""
        known = {peer.org: peer for peer in await asyncio.to_thread(self._node.parts.roster.peers)}
        seen = {status.org: status for status in self._node.peering.statuses()}
        offsets = self._node.parts.clocks.offsets_ms()
        return [
            _peer(
                *(org, known.get(org), seen.get(org), offsets.get(org), names),
                running=self._running,
            )
            for org in sorted(known.keys() | seen.keys())
        ]

    async def ready(self) -> HealthAnswer:
        """Whether the node can do its work now: store, index, disk, clock."""
        parts = self._node.parts
        checks: dict[str, str] = {}
        try:
            async with asyncio.timeout(_PROBE_S):
                await parts.store.call(StoreMethods.hint, "ready")
            checks["store"] = "ok"
        except (StoreError, TimeoutError) as broken:
            checks["store"] = type(broken).__name__
        free = (await asyncio.to_thread(shutil.disk_usage, parts.folder.root)).free
        checks["disk"] = "ok" if free >= DISK_FREE_MIN_BYTES else f"{free} bytes left"
        checks["clock"] = self._clock_check()
        return HealthAnswer(ok=set(checks.values()) == {"ok"}, checks=checks)

    async def metrics(self) -> bytes:
        """The metrics in the text format of Prometheus, with the store's numbers as of now."""
        metrics, parts = self._node.metrics, self._node.parts
        store = await parts.store.call(StoreMethods.status)
        metrics.store_records.set(store.records)
        metrics.missing_parts.set(store.missing_parts)
        metrics.forked_logs.set(store.forked_logs)
        metrics.clock_off.set((parts.clocks.verdict().off_ms or 0) / 1_000)
        metrics.index_lag.set(max(0, store.records - parts.index.watermark.row))
        return await asyncio.to_thread(generate_latest, metrics.registry)

    def _clock(self, names: Directory) -> ClockItem:
        parts = self._node.parts
        verdict = parts.clocks.verdict()
        return ClockItem(
            now=time_text(self._node.clock.now_ms()) or "",
            off_s=None if verdict.off_ms is None else round(verdict.off_ms / 1_000),
            compared=verdict.compared,
            apart=[names.author(org) for org in verdict.apart],
            signs=parts.signing() is None,
            trusted=parts.signing.clock_trusted,
        )

    def _restoring_alarms(self) -> list[str]:
        restoring = self._node.parts.restoring
        if restoring.waits:
            return [
                "the store may lack what was erased meanwhile: nothing is signed, shown or served"
                " before it was compared with the peers"
            ]
        if restoring.withholds:
            return [
                "no peer was in reach, so that what was erased meanwhile may be shown: nothing is"
                " served before one was compared with"
            ]
        return []

    def _clock_alarms(self, names: Directory) -> list[str]:
        parts = self._node.parts
        verdict = parts.clocks.verdict()
        if not verdict.apart:
            return []
        named = ", ".join(
            author.name or author.id for author in map(names.author, verdict.apart[:_NAMED_MAX])
        )
        sentence = f"{clock_sentence(verdict)} ({named})"
        if verdict.is_off and not parts.signing.clock_trusted:
            return [f"{sentence}: nothing is signed. Set this clock, or see --trust-clock"]
        return [sentence + (": signed all the same, as you said" if verdict.is_off else "")]

    def _clock_check(self) -> str:
        verdict = self._node.parts.clocks.verdict()
        if verdict.is_off and not self._node.parts.signing.clock_trusted:
            return f"{round((verdict.off_ms or 0) / 1_000)} s off the peers' clocks"
        sane = self._node.clock.now_ms() >= CLOCK_EARLIEST_MS
        return "ok" if sane else "before this software was written"


def _scopes(roots: list[ScopeRoot], state: FoldState | None) -> list[ScopeStatus]:
    folded = {} if state is None else {Scope(s.space, s.topic): s for s in state.scopes}
    answers = []
    for root in roots:
        found = folded.get(root.scope)
        answers.append(
            ScopeStatus(
                space=root.scope.space,
                topic=root.scope.topic,
                root=root.root.hex(),
                things=None if state is None else found.things if found else 0,
                fold_digest=found.fold_digest.hex() if found else None,
                claims_digest=found.claims_digest.hex() if found else None,
            )
        )
    return answers


def _coverage(coverage: Coverage) -> CoverageItem:
    return CoverageItem(
        records=coverage.records,
        standing=dict(coverage.standing),
        types=dict(coverage.types),
        facts_erased=coverage.facts_erased,
        facts_missing=coverage.facts_missing,
        organisations=coverage.organisations,
        not_held=[format_id(IdKind.ORG, org) for org in coverage.not_held],
    )


def _peer(
    org: OrgId,
    peer: Peer | None,
    status: PeerStatus | None,
    off_ms: int | None,
    names: Directory,
    *,
    running: bool,
) -> PeerItem:
    pin = None if peer is None or peer.certificate is None else peer.certificate.hex()
    item = PeerItem(
        organisation=names.author(org),
        endpoint=None if peer is None else peer.endpoint,
        certificate=pin,
        state="expected" if running else "not running",
        clock_off_s=None if off_ms is None else round(off_ms / 1_000),
    )
    if status is None:
        return item
    return item.model_copy(
        update={
            "endpoint": item.endpoint or status.endpoint,
            "state": status.state,
            "settled_at": time_text(status.settled_ms),
            "connected_at": time_text(status.connected_ms),
            "next_try_s": status.next_try_s,
            "tries": status.tries,
            "last_fault": status.last_fault,
            "last_reason": status.last_reason,
            "records_received": status.records_received,
            "sent_bytes": status.sent_bytes,
            "received_bytes": status.received_bytes,
            "leftovers": status.leftovers,
            "refusals": dict(sorted(status.refusals.items())),
            "refusals_by_peer": dict(sorted(status.refusals_by_peer.items())),
        }
    )


def _fork(proof: ForkProof, names: Directory) -> ForkItem:
    return ForkItem(
        log=format_id(IdKind.LOG, proof.log),
        organisation=names.author(proof.org),
        space=proof.scope.space,
        topic=proof.scope.topic,
        seq=proof.seq,
        found_at=time_text(proof.found_ms) or "",
    )


def _retired(store: StoreStatus) -> list[RetiredLog]:
    return [
        RetiredLog(
            log=format_id(IdKind.LOG, log.log),
            space=log.scope.space,
            topic=log.scope.topic,
            reason=log.retired,
        )
        for log in store.own_logs
        if log.retired not in (None, "closed")
    ]


def _alarms(store: StoreStatus, mismatch: str | None, forks: int, own: OrgId) -> list[str]:
    """What asks for somebody's attention, in sentences."""
    alarms = []
    if mismatch is not None:
        alarms.append(f"{mismatch}: own logs were given up, new ones are begun")
    if own in store.frozen_orgs:
        alarms.append("this organisation is frozen by an identity event this software doesn't know")
    if forks:
        alarms.append(f"{forks} proofs of forked logs: see `forks`")
    if store.damaged_logs:
        alarms.append(f"{len(store.damaged_logs)} logs can't be read from some record on")
    return alarms
