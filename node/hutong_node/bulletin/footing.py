"""What a picture rests on: records, digests, coverage, peers; the foot of every page.

Owns the computing of digests for people. Fold digests are those of one instant for all things of a
scope, so they are made in the background and at most every few minutes, for instants that all nodes
choose alike: the last full ten minutes. Two nodes that show the same digest for the same instant
hold the same (Spec: 12.20). Until they are made, and above `THINGS_MAX`, the page says so.

A public bulletin tells how many peers there are and not who they are.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hutong_node.bulletin.amounts import grouped
from hutong_node.bulletin.filters import topic_text
from hutong_node.bulletin.source import Glance, Source
from hutong_node.bulletin.views import Footing, PeerShown, ScopeDigest
from hutong_node.indexing import IndexFailed
from hutong_node.listing_reading import ListReader
from hutong_node.observe import logger
from hutong_node.store.errors import StoreError
from hutong_node.store.interface import StoreMethods, Watermark
from hutong_protocol import fold
from hutong_protocol.exchange import Scope
from hutong_protocol.fold import Coverage, ThingBasis
from hutong_protocol.tree import shared_root

STEP_MS: Final = 600_000
"""Digests are as of full ten minutes, so that those of two nodes can be compared."""
THINGS_MAX: Final = 50_000
AT_ONCE_MAX: Final = 300
"""Things that are folded while the reader waits; more are folded in the background."""
_REST: Final = 20
"""The background rests this many times as long as the last computation took."""
_BATCH: Final = 200
_NAMED_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Digests:
    """What the visible scopes come to at an instant. `scopes` is None where there is too much."""

    mark: Watermark
    as_of_ms: int
    visible: tuple[Scope, ...]
    scopes: tuple[tuple[Scope, int, bytes], ...] | None
    coverage: Coverage | None


class Folding:
    """Keeps the digests of one bulletin as new as they need to be."""

    def __init__(self, source: Source) -> None:
        self._source = source
        # Not the readers' own: neither waits for the other.
        self._reader = ListReader(source.node.parts.index.path)
        self._lock = threading.Lock()
        self._made: Digests | None = None
        self._thread: threading.Thread | None = None
        self._rest_until_s = 0.0
        self._stopping = threading.Event()

    def close(self) -> None:
        """Ends the background work."""
        self._stopping.set()
        thread = self._thread
        if thread is not None:
            thread.join()
        self._reader.close()

    def mark(self) -> tuple[Watermark, int] | None:
        """Which digests there are: pages made with others come out otherwise."""
        with self._lock:
            return None if self._made is None else (self._made.mark, self._made.as_of_ms)

    def digests(self, visible: Sequence[Scope], things: int) -> Digests | None:
        """The digests for these scopes, perhaps of a moment ago; None if there are none yet."""
        as_of_ms = self._source.node.clock.now_ms() // STEP_MS * STEP_MS
        mark, wanted = self._source.mark(), tuple(visible)
        with self._lock:
            made = self._made
            if made is not None and made.visible != wanted:
                made = None
            if made is not None and (made.mark, made.as_of_ms) == (mark, as_of_ms):
                return made
            if things <= AT_ONCE_MAX:
                self._made = self._fold(mark, as_of_ms, wanted, things)
                return self._made
            self._begin(mark, as_of_ms, wanted, things)
            return made

    def _begin(
        self, mark: Watermark, as_of_ms: int, visible: tuple[Scope, ...], things: int
    ) -> None:
        running = self._thread is not None and self._thread.is_alive()
        if running or self._stopping.is_set() or time.monotonic() < self._rest_until_s:
            return
        self._thread = threading.Thread(
            target=self._work, args=(mark, as_of_ms, visible, things), name="bulletin fold"
        )
        self._thread.start()

    def _work(
        self, mark: Watermark, as_of_ms: int, visible: tuple[Scope, ...], things: int
    ) -> None:
        began = time.monotonic()
        try:
            made = self._fold(mark, as_of_ms, visible, things)
        except (StoreError, IndexFailed) as broken:
            logger().error("bulletin-fold-failed", error=type(broken).__name__)
            made = None
        took_s = time.monotonic() - began
        with self._lock:
            if made is not None:
                self._made = made
            self._rest_until_s = time.monotonic() + took_s * _REST

    def _fold(
        self, mark: Watermark, as_of_ms: int, visible: tuple[Scope, ...], things: int
    ) -> Digests | None:
        if things > THINGS_MAX:
            return Digests(mark, as_of_ms, visible, None, None)
        tallies = []
        scopes = []
        for scope in visible:
            digests = []
            for basis in self._bases(scope):
                tallies.append(basis.tally)
                view = fold.view(basis, as_of_ms)
                if view is not None:
                    digests.append((view.key.id, fold.thing_digest(view)))
            if self._stopping.is_set():
                return None
            digest = fold.fold_digest(scope.space, scope.topic, as_of_ms, digests)
            scopes.append((scope, len(digests), digest))
        return Digests(mark, as_of_ms, visible, tuple(scopes), fold.coverage_of(tallies))

    def _bases(self, scope: Scope) -> Iterator[ThingBasis]:
        """The things of a scope in the order of their ids, read a few at a time."""
        after = b""
        while not self._stopping.is_set():
            with self._reader.state([scope]) as state:
                found = state.bases(scope, after=after, things_max=_BATCH)
            yield from found
            if len(found) < _BATCH:
                return
            after = found[-1].key.id
            # Whoever waits for a page goes first.
            time.sleep(0)


def footing(glance: Glance, folding: Folding) -> Footing:
    """The foot of a page."""
    words, node = glance.words, glance.source.node
    as_of = glance.time(glance.as_of_ms)
    assert as_of is not None
    things = glance.state.count_things()
    made = folding.digests(glance.scopes, things)
    roots = node.parts.store.run(StoreMethods.scope_roots, list(glance.scopes))
    frontier = shared_root([root.root for root in roots]).hex()
    coverage = None if made is None else made.coverage
    note = ""
    if made is None:
        note = words("footing.fold_pending")
    elif made.scopes is None:
        note = words("footing.fold_too_many")
    peers = _peers(glance)
    settled = [status.settled_ms for status in node.peering.statuses() if status.settled_ms]
    not_held = () if coverage is None else coverage.not_held
    return Footing(
        as_of=as_of,
        records=(
            ""
            if coverage is None
            else words(
                "footing.records_n", grouped(coverage.records), grouped(coverage.organisations)
            )
        ),
        frontier=frontier,
        fold_as_of=None if made is None else glance.time(made.as_of_ms),
        fold_note=note,
        scopes=_scopes(glance, made),
        coverage=tuple(_coverage(glance, coverage)),
        not_held=tuple(glance.org(org) for org in not_held[:_NAMED_MAX]),
        not_held_more=max(0, len(not_held) - _NAMED_MAX),
        peers=() if glance.source.listen.public else peers,
        peers_total=grouped(len(peers)),
        last_settled=glance.time(max(settled, default=None)),
        is_behind=made is not None and made.mark != glance.source.mark(),
    )


def _scopes(glance: Glance, made: Digests | None) -> tuple[ScopeDigest, ...]:
    found = {} if made is None or made.scopes is None else {s: (n, d) for s, n, d in made.scopes}
    rows = []
    for scope in glance.scopes:
        number, digest = found.get(scope, (None, None))
        rows.append(
            ScopeDigest(
                name=glance.topic(scope),
                code=topic_text(scope),
                things="–" if number is None else grouped(number),
                fold="" if digest is None else digest.hex(),
            )
        )
    return tuple(rows)


def _coverage(glance: Glance, coverage: Coverage | None) -> Iterator[tuple[str, str]]:
    """What is less than whole, with numbers; nothing where everything counts."""
    if coverage is None:
        return
    words = glance.words
    apart = sum(number for standing, number in coverage.standing if standing != "effective")
    for key, number in (
        ("not_held", len(coverage.not_held)),
        ("facts_erased", coverage.facts_erased),
        ("facts_missing", coverage.facts_missing),
        ("not_counted", apart),
    ):
        if number:
            yield words(f"footing.{key}"), grouped(number)


def _peers(glance: Glance) -> tuple[PeerShown, ...]:
    node = glance.source.node
    known = {peer.org for peer in node.parts.roster.peers()}
    seen = {status.org: status for status in node.peering.statuses()}
    found = []
    for org in sorted(known | seen.keys()):
        status = seen.get(org)
        state = "" if status is None else status.state
        key = f"state_of_peer.{state}"
        found.append(
            PeerShown(
                glance.org(org),
                glance.words(key if glance.words.has(key) else "state_of_peer.away"),
                None if status is None else glance.time(status.settled_ms),
            )
        )
    return tuple(found)
