"""A node: the one place that knows all its parts and puts them together.

Owns the order of starting and stopping. Starting: identity, store (which compares itself with its
restore marker), own events, policy, index; then the peer bind, then the peers. What the local
interface and the command line do with a node is `service`'s business. Spec: 7.1.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from hutong_node.certificate import check_certificate
from hutong_node.clock import Clock, SystemClock
from hutong_node.config import Config, DataFolder, load_config
from hutong_node.founding import OwnIdentity, load_identity
from hutong_node.guard import Gate, GateLimits
from hutong_node.http_peer import SILENT, peer_application
from hutong_node.indexing import FoldIndex
from hutong_node.joining import JoinDesk
from hutong_node.naming import NamedLetIn
from hutong_node.observe import Metrics, logger
from hutong_node.peer_clocks import PeerClocks
from hutong_node.peering import Peering
from hutong_node.publishing import OwnWriter
from hutong_node.restoring import Restoring
from hutong_node.roster import ROSTER_FILE, Roster
from hutong_node.signing_gate import SigningGate
from hutong_node.store.interface import (
    NewErase,
    NewRecord,
    Policy,
    Publication,
    StoreMethods,
)
from hutong_node.store.sqlite.store import SqliteStore
from hutong_node.transport import is_loopback, server_context
from hutong_protocol.exchange import LocalChange, Scope
from hutong_protocol.ids import OrgId

VERSION: Final = "0.1.0"


class NodeRefused(Exception):
    """The node can't be started as it is configured; the message says what to change."""


@dataclass(frozen=True, slots=True)
class NodeParts:
    """What a node on a data folder consists of, before anything listens."""

    folder: DataFolder
    config: Config
    identity: OwnIdentity
    roster: Roster
    store: SqliteStore
    index: FoldIndex
    certificate: bytes | None
    clock: Clock
    clocks: PeerClocks
    signing: SigningGate
    restoring: Restoring


def open_parts(
    folder: DataFolder, clock: Clock | None = None, *, trust_clock: bool = False
) -> NodeParts:
    """Opens a data folder for use by this process alone.

    Args:
        trust_clock: sign whatever the peers' clocks say; the configuration can say so, too.

    Raises:
        ConfigRefused, FoundingRefused, KeyFileRefused, StoreError: it can't be used as it is; the
            message says why.
    """
    config = load_config(folder)
    identity = load_identity(folder)
    clock = clock or SystemClock()
    roster = Roster(folder.root / ROSTER_FILE)
    clocks = PeerClocks(clock, lambda: [peer.org for peer in roster.peers()])
    made: list[Restoring] = []
    signing = SigningGate(
        clocks,
        clock_trusted=trust_clock or config.clock.trusted,
        waits=lambda: made[0].refusal() if made else None,
    )
    store = SqliteStore(
        folder.database,
        folder.marker,
        own=OwnWriter(identity.org, identity.delegation, identity.seed),
        policy=policy_of(roster, identity.org, config),
        clock=clock,
        forbids=signing,
    )
    made.append(restoring := Restoring(store, roster, clock))
    store.run(StoreMethods.store_events, identity.org, identity.events)
    if store.mismatch is not None:
        logger().warning("own-logs-given-up", reason=store.mismatch.value)
    index = FoldIndex(folder.root / "index.db", store.run(StoreMethods.status).generation, clock)
    certificate = None
    if config.peer.tls:
        certificate = check_certificate(folder.certificate, folder.certificate_key)
    elif not is_loopback(config.peer.host):
        raise NodeRefused("`tls = false` under [peer] is for loopback addresses only")
    return NodeParts(
        *(folder, config, identity, roster, store, index, certificate),
        *(clock, clocks, signing, restoring),
    )


def policy_of(roster: Roster, own: OrgId, config: Config) -> Policy:
    """What the store takes, by the operator's decisions and the configuration."""
    return roster.policy(
        own, config.policy.organisation_bytes_max, store_named=config.policy.store_named
    )


class Node:
    """A running node. Use as an asynchronous context manager.

    After start `peer_port` is the port that others reach.
    """

    def __init__(
        self, parts: NodeParts, *, clock: Clock | None = None, limits: GateLimits | None = None
    ) -> None:
        """Puts the parts together; nothing listens yet.

        Without a `clock` it is that of the parts, without `limits` they are by the policy.
        """
        self.parts = parts
        self.clock: Clock = clock or parts.clock
        self.metrics = Metrics()
        self.peering = Peering(
            parts.identity,
            parts.store,
            parts.roster,
            clock=self.clock,
            clocks=parts.clocks,
            restoring=parts.restoring,
            metrics=self.metrics,
            credit=parts.config.policy.credit,
            sessions_max=parts.config.policy.sessions_max,
            stored=self._note_received,
        )
        self.desk = JoinDesk(
            parts.identity,
            parts.store,
            parts.roster,
            self.clock,
            certificate=parts.certificate,
            public=parts.config.peer.public,
        )
        self._named = NamedLetIn(parts.index, parts.roster, self.clock)
        policy = parts.config.policy
        self.gate = Gate(
            limits or GateLimits(per_address_max=policy.sessions_per_address_max),
            cut=lambda reason: self.metrics.connections_cut.labels(reason=reason).inc(),
        )
        self.peer_port = 0
        self._policy = policy_of(parts.roster, parts.identity.org, parts.config)
        self.listeners: list[Callable[[Sequence[LocalChange]], None]] = []
        """Called on the event loop with what a peer sent that is new and durable."""
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._follower: asyncio.Task[None] | None = None
        self._restorer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Starts listening and dialling."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops and closes everything."""
        await self.stop()

    async def start(self, *, indexed: bool = True) -> None:
        """Starts listening for peers, dialling them, and following the store with the index.

        Args:
            indexed: False leaves the index alone, for measuring replication by itself.
        """
        self._changed.set()
        if indexed:
            self._follower = asyncio.create_task(
                self.parts.index.keep_following(self.parts.store, self._changed, self._followed),
                name="index",
            )
        restoring = self.parts.restoring.run(caught_up=self.peering.ask_again)
        self._restorer = asyncio.create_task(restoring, name="restoring")
        await self._listen()
        self.peering.start()

    async def stop(self) -> None:
        """Ends sessions, stops listening, closes the store. Idempotent."""
        await self.gate.close()
        await self.peering.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        for task in (self._follower, self._restorer):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._follower = self._restorer = None
        self.parts.index.close()
        await asyncio.to_thread(self.parts.store.close)
        self.parts.roster.close()

    async def publish(
        self,
        scope: Scope,
        news: Sequence[NewRecord | NewErase],
        name: str | None = None,
        request: bytes = b"",
    ) -> Publication:
        """Signs records and passes them on to live peers. See `StoreMethods.publish`."""
        published = await self.parts.store.call(StoreMethods.publish, scope, news, name, request)
        if not published.again:
            self.metrics.records_signed.inc(len(published.records))
            change = LocalChange(scope, published.log, published.first_seq, published.head)
            self.peering.announce([change])
            self._note_change()
        return published

    async def roster_changed(self) -> None:
        """Judges by the roster as it is now.

        A node that runs dials peers that are new in it, and opens its sessions anew when it holds
        other scopes.
        """
        parts = self.parts
        policy = await asyncio.to_thread(policy_of, parts.roster, parts.identity.org, parts.config)
        before, self._policy = self._policy, policy
        await parts.store.call(StoreMethods.set_policy, policy)
        if self._runner is not None:
            if policy.scopes != before.scopes:
                self.peering.renew()
            self.peering.start()
            if policy != before:
                self.peering.ask_again()

    async def index_is_current(self) -> None:
        """Waits until the index has taken in what the store has now."""
        await self.parts.index.follow(self.parts.store)

    async def _followed(self) -> None:
        """After the index has caught up: whoever stewards named may be let in now."""
        if await self._named.take() and self.parts.config.policy.store_named:
            await self.roster_changed()

    def _note_received(self, changes: Sequence[LocalChange]) -> None:
        self._note_change()
        for listener in self.listeners:
            listener(changes)

    def _note_change(self) -> None:
        self._changed.set()

    async def _listen(self) -> None:
        config = self.parts.config
        context: ssl.SSLContext | None = None
        if self.parts.certificate is not None:
            folder = self.parts.folder
            context = server_context(folder.certificate, folder.certificate_key)
        application = peer_application(
            self.peering,
            self.desk,
            self.gate,
            org=self.parts.identity.org,
            certificate=self.parts.certificate,
            clock=self.clock,
            version=VERSION,
            joined=self.roster_changed,
        )
        # What is sent packed is judged as it is: nothing here unpacks for a stranger (threat 9).
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=SILENT,
            shutdown_timeout=2,
            auto_decompress=False,
        )
        await self._runner.setup()
        assert self._runner.server is not None
        try:
            await self.gate.open(self._runner.server, config.peer.host, config.peer.port, context)
        except OSError as refused:
            raise NodeRefused(
                f"can't listen on {config.peer.host}:{config.peer.port} ({refused.strerror}):"
                " is another node running there? Change `port` under [peer] in hutong.toml"
            ) from refused
        self.peer_port = self.gate.port
        logger().info("node-listens", port=self.peer_port)
