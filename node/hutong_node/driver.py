"""Runs one session over one connection and the store: where the sans-I/O core meets the world.

Owns the order of things around a `SyncSession`: frames in, answers in, ticks in, frames out. Each
input is given to the session alone and what it wants to send is written before the next one is
taken, so a slow peer holds back what is read from it. Requests are answered by tasks of one group,
which ends with the session: nothing is left running.

Whom to talk to is `peering`'s business, what frames mean the session's. Spec: 7.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar, assert_never

from hutong_node.clock import Clock
from hutong_node.store.errors import StoreError
from hutong_node.store.interface import NodeStore, StoreMethods
from hutong_node.transport import Channel, ConnectionLost
from hutong_protocol.exchange import Cursor, LocalChange, PeerGrant, RunOutcome, Scope
from hutong_protocol.ids import OrgId
from hutong_protocol.session import SyncSession
from hutong_protocol.session_events import (
    CheckPeer,
    CompareHeads,
    Event,
    Failed,
    Finished,
    ListMissing,
    Live,
    News,
    Opened,
    ReadEvents,
    ReadHeads,
    ReadParts,
    ReadRoots,
    ReadRuns,
    Refused,
    Request,
    RoundEnded,
    Settled,
    StoreEvents,
    StoreParts,
    StoreRuns,
    Unsettled,
)
from hutong_protocol.session_states import State

TICK_S: Final = 0.5
"""How often the session learns the time: its shortest time-out is a second."""
KEEP_ALIVE_S: Final = 25.0
"""How often a sign of life is asked for. Spec: 7.1.3."""
SILENT_S: Final = 90.0
"""A peer from which nothing comes for so long is dropped. Spec: 7.1.3."""
LEAVE_S: Final = 5.0
"""How long a peer may take to end a session that this side has ended. Spec: 7.9.4."""
_FRAMES_MAX: Final = 8
"""Frames received and not yet handled; the reader waits when there are so many."""
_CHANGES_MAX: Final = 64
"""Inputs that may wait when one more local change is worth adding."""

T = TypeVar("T")
Input = Callable[[], Sequence[Event]]
GrantOf = Callable[[CheckPeer], Awaitable[PeerGrant]]


class SessionDriver:
    """One session under way."""

    def __init__(
        self,
        session: SyncSession,
        channel: Channel,
        store: NodeStore,
        *,
        clock: Clock,
        grant_of: GrantOf,
        tell: Callable[[News], None],
        stored: Callable[[Sequence[LocalChange]], None],
        keep_cursors: Callable[[Mapping[Scope, Cursor]], Awaitable[None]],
        listed: Callable[[Sequence[OrgId]], None] = lambda _orgs: None,
    ) -> None:
        """`grant_of` decides about the peer; `tell` hears the news in order, `stored` what the peer
        sent that was new; neither may block. `keep_cursors` is called when both sides hold
        the same, `listed` with organisations of which the peer says that it has records.
        """
        self._session = session
        self._channel = channel
        self._store = store
        self._clock = clock
        self._grant_of = grant_of
        self._tell = tell
        self._stored = stored
        self._keep_cursors = keep_cursors
        self._listed = listed
        # Not bounded itself, so that no answer ever waits for room after the session has ended;
        # what can be many is: frames by `_room`, local changes where they are added.
        self._inputs: asyncio.Queue[Input] = asyncio.Queue()
        self._room = asyncio.Semaphore(_FRAMES_MAX)
        self._receiving = False
        self._storing: set[asyncio.Task[Any]] = set()
        self._finished: Finished | None = None

    def local_change(self, changes: Sequence[LocalChange], *, eager: bool) -> None:
        """Tells the session of records that became durable otherwise than through it.

        Called from the event loop. If much waits the change is left out: the session compares
        roots when it is quiet, so that it costs time and nothing else.
        """
        if self._inputs.qsize() < _CHANGES_MAX:
            self._inputs.put_nowait(lambda: self._session.local_change(changes, eager=eager))

    def ask_again(self) -> None:
        """Lets the session compare anew what it left refused: this side may take it by now."""
        self._inputs.put_nowait(self._session.ask_again)

    def stop(self) -> None:
        """Asks the session to say goodbye; `run` returns within `LEAVE_S` of that."""
        self._inputs.put_nowait(self._session.close)

    async def run(self) -> Finished:
        """Runs until the session is over or the connection is lost.

        Raises:
            ConnectionLost: the connection broke before the session had ended.
            StoreError: the store could not do what the session asked.
        """
        try:
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._read())
                ticker = group.create_task(self._tick())
                try:
                    await self._turn(group, self._session.start())
                    while self._finished is None:
                        step = await self._inputs.get()
                        await self._turn(group, step())
                finally:
                    reader.cancel()
                    ticker.cancel()
        except ExceptionGroup as failed:
            # `except*` would wrap what it raises in a group again, which callers do not expect.
            raise _first(failed) from None
        finally:
            await asyncio.gather(*self._storing, return_exceptions=True)
            await self._channel.close()
        assert self._finished is not None
        return self._finished

    async def _turn(self, group: asyncio.TaskGroup, events: Sequence[Event]) -> None:
        """Writes what the session wants to send and acts on what it says."""
        for event in events:
            if isinstance(
                event,
                (Opened, Refused, RoundEnded, Settled, Unsettled, Live, Failed, Finished),
            ):
                self._tell(event)
                if isinstance(event, Finished):
                    self._finished = event
                elif isinstance(event, Settled):
                    group.create_task(self._keep(event.cursors))
            else:
                group.create_task(self._answer(event))
        try:
            for frame in self._session.frames_to_send():
                await self._channel.send(frame)
        except ConnectionLost:
            # A last BYE need not reach a peer that has said its own and gone.
            if self._finished is None:
                raise

    async def _read(self) -> None:
        while True:
            await self._room.acquire()
            self._receiving = True
            frame = await self._channel.receive()
            self._receiving = False
            if frame is None:
                self._inputs.put_nowait(self._session.receive_eof)
                return
            self._inputs.put_nowait(partial(self._handle, frame))

    def _handle(self, frame: bytes) -> Sequence[Event]:
        self._room.release()
        return self._session.receive(frame)

    async def _tick(self) -> None:
        """Tells the session the time, and ends what the session cannot: silence and goodbyes."""
        heard, heard_s = 0, self._clock.monotonic_s()
        asked_s = heard_s
        leaving_s: float | None = None
        while True:
            await asyncio.sleep(TICK_S)
            now_s = self._clock.monotonic_s()
            self._inputs.put_nowait(partial(self._session.tick, int(now_s * 1_000)))
            # While nothing is taken from the connection, its silence says nothing.
            if self._channel.heard != heard or not self._receiving:
                heard, heard_s = self._channel.heard, now_s
            if now_s - heard_s > SILENT_S:
                raise ConnectionLost(f"peer was silent for {SILENT_S:.0f} s")
            if self._session.state is State.LEAVING:
                leaving_s = now_s if leaving_s is None else leaving_s
                if now_s - leaving_s > LEAVE_S:
                    self._inputs.put_nowait(self._session.receive_eof)
            if now_s - asked_s >= KEEP_ALIVE_S:
                asked_s = now_s
                await self._channel.ping()

    async def _keep(self, cursors: Mapping[Scope, Cursor]) -> None:
        await self._keep_cursors(cursors)

    async def _answer(self, request: Request) -> None:
        self._inputs.put_nowait(await self._look_up(request))

    async def _store_runs(self, request: StoreRuns) -> Sequence[RunOutcome]:
        scope = request.scope
        outcomes = await self._store.call(
            StoreMethods.store_runs, scope, request.runs, request.source
        )
        new = [change for outcome in outcomes if (change := _change(scope, outcome))]
        if new:
            self._stored(new)
        return outcomes

    async def _to_its_end(self, storing: Coroutine[None, None, T]) -> T:
        """Lets storing and the news of it go on if the connection breaks meanwhile.

        The store does its part anyway; if nobody heard of it, others would learn of these records
        by their next comparison only, and the index by the next change.
        """
        task = asyncio.create_task(storing, name="store runs")
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)
        return await asyncio.shield(task)

    async def _look_up(self, request: Request) -> Input:
        session, call = self._session, self._store.call
        match request:
            case CheckPeer():
                grant = await self._grant_of(request)
                return lambda: session.peer_checked(request, grant)
            case ReadRoots(scopes=scopes):
                roots = await call(StoreMethods.scope_roots, scopes)
                return lambda: session.roots_read(request, roots)
            case ReadHeads(scope=scope, since=since, after=after, entries_max=entries_max):
                page = await call(StoreMethods.heads, scope, since, after, entries_max)
                return lambda: session.heads_read(request, page)
            case CompareHeads(scope=scope, logs=logs, orgs=orgs):
                self._listed(orgs)
                held = await call(StoreMethods.held, scope, logs, orgs)
                return lambda: session.heads_compared(request, held)
            case ReadRuns(scope=scope, wants=wants, bytes_max=bytes_max):
                batch = await call(StoreMethods.read_runs, scope, wants, bytes_max)
                return lambda: session.runs_read(request, batch)
            case StoreRuns():
                outcomes = await self._to_its_end(self._store_runs(request))
                return lambda: session.runs_stored(request, outcomes)
            case ReadEvents(org=org, have=have, scopes=shared, bytes_max=bytes_max):
                events = await call(StoreMethods.events, org, have, shared, bytes_max)
                return lambda: session.events_read(request, events)
            case StoreEvents(org=org, events=received):
                outcome = await call(StoreMethods.store_events, org, received)
                return lambda: session.events_stored(request, outcome)
            case ListMissing(scope=scope, after=last, wants_max=wants_max):
                wanted = await call(StoreMethods.missing_parts, scope, last, wants_max)
                return lambda: session.missing_listed(request, wanted)
            case ReadParts(scope=scope, wants=part_wants, bytes_max=bytes_max):
                parts = await call(StoreMethods.read_parts, scope, part_wants, bytes_max)
                return lambda: session.parts_read(request, parts)
            case StoreParts(scope=scope, items=items):
                stored = await call(StoreMethods.store_parts, scope, items)
                return lambda: session.parts_stored(request, stored)
            case _:
                assert_never(request)


def _change(scope: Scope, outcome: RunOutcome) -> LocalChange | None:
    """What other sessions are told of a run that was taken; None if it brought nothing."""
    if outcome.stored == 0 or outcome.held is None:
        return None
    first_seq = outcome.held.seq - outcome.stored + 1
    return LocalChange(scope, outcome.log, first_seq, outcome.held)


def _first(failed: ExceptionGroup[Exception]) -> Exception:
    """The one exception that a group of tasks failed by; an unexpected one before the expected."""
    _, unexpected = failed.split((ConnectionLost, StoreError))
    group = unexpected or failed
    first = group.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
