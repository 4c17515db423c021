"""The taking half of a session: what this side asks of the peer, and what comes of it.

Owns the work on each shared scope: a page of the peer's heads, the identity events behind it, the
runs that are not held, then the next page. One page of wants a scope is all that is remembered, so
that a peer that lists logs without end fills no memory. Refusals of the own store become leftovers,
or one more try once the events have come; a fork is located by halving. Claims of the peer are
hints: nothing but what the store verified lasts. Spec: 7.6, 7.7.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hutong_protocol.exchange import (
    Cursor,
    EventsOutcome,
    Head,
    Held,
    HeldLog,
    HeldOrg,
    Leftover,
    LogHeads,
    LogRun,
    OrgDigest,
    RunOutcome,
    RunWant,
    Scope,
)
from hutong_protocol.faults import REFUSALS, RUN_REFUSALS, Fault, ProtocolFault
from hutong_protocol.frames import (
    ENTRIES_MAX,
    Credit,
    Events,
    EventsWanted,
    FrameType,
    Have,
    Heads,
    HeadsWanted,
    PartsWanted,
    Refused,
    Runs,
    RunsEnd,
    RunsWanted,
)
from hutong_protocol.identity import heads_digest
from hutong_protocol.ids import EventId, LogId, OrgId
from hutong_protocol.limits import EPOCH_EVENTS_MAX
from hutong_protocol.session_events import CompareHeads, StoreEvents, StoreRuns
from hutong_protocol.session_events import Refused as RefusedNews
from hutong_protocol.session_outlet import Outlet
from hutong_protocol.session_serving import QUESTIONS_MAX, LogNumbers

LEFTOVERS_MAX: Final = 4_096
"""Leftovers remembered by name; further ones are counted."""
PROBED_LOGS_MAX: Final = 64
"""Forks of one scope located at a time; more come in later sessions."""
PROBES_MAX: Final = 60
"""Questions spent on one fork: halving 2^53 records takes 53."""
UNASKED_RUNS_MAX: Final = 64
"""RUNS in one round that answer no question: twice what an honest side sends. Threat 7."""
HAVE_GRACE_MS: Final = 500
"""How long records named in HAVE are given to come by another link. Spec: 7.10."""
_MENDABLE: Final = (Fault.GAP, Fault.IDENTITY_NEEDED)  # by asking for something: 7.7.5


class InFlight(NamedTuple):
    """A question that the peer has not answered yet."""

    answer: FrameType
    scope: int | None
    org: OrgId | None


class Questions:
    """What this side has asked; the peer answers in the same order. Spec: 7.6."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._open: deque[InFlight] = deque()

    @property
    def room(self) -> bool:
        """Whether another question may be asked."""
        return len(self._open) < QUESTIONS_MAX

    @property
    def any_open(self) -> bool:
        """Whether the peer owes an answer."""
        return bool(self._open)

    def ask(self, question: EventsWanted | HeadsWanted | RunsWanted | PartsWanted) -> None:
        """Sends a question."""
        match question:
            case EventsWanted(org):
                self._open.append(InFlight(FrameType.EVENTS, None, org))
            case HeadsWanted(scope):
                self._open.append(InFlight(FrameType.HEADS, scope, None))
            case RunsWanted(scope):
                self._open.append(InFlight(FrameType.RUNS_END, scope, None))
            case PartsWanted(scope):
                self._open.append(InFlight(FrameType.PARTS, scope, None))
        self._outlet.send(question)

    def answered(
        self, answer: FrameType, *, scope: int | None = None, org: OrgId | None = None
    ) -> None:
        """Notes an answer.

        Raises:
            ProtocolFault: UNEXPECTED_FRAME unless it answers the oldest open question.
        """
        if not self._open or self._open[0] != (answer, scope, org):
            raise ProtocolFault(Fault.UNEXPECTED_FRAME, f"{answer.name} that answers no question")
        self._open.popleft()

    def expects_runs(self, scope: int) -> bool:
        """Whether runs of this scope have been asked for."""
        return any(item[:2] == (FrameType.RUNS_END, scope) for item in self._open)


@dataclass(slots=True)
class Probe:
    """The search for a fork: the branches agree at `low` and differ at `high`."""

    low: int
    high: int
    left: int = PROBES_MAX


@dataclass(slots=True)
class ScopeWork:
    """What is left to do for one scope; `waiting` counts open questions and store requests."""

    position: int
    scope: Scope
    listing: bool = False
    since: Cursor | None = None
    after: bytes | None = None
    peer_orgs: tuple[OrgDigest, ...] = ()
    waiting: int = 0
    wants: dict[LogId, RunWant] = field(default_factory=dict)
    orgs: dict[OrgId, tuple[EventId, ...]] = field(default_factory=dict)
    retried: set[tuple[LogId, Fault]] = field(default_factory=set)
    probes: dict[LogId, Probe] = field(default_factory=dict)


class Asking:
    """What this side takes. `credit` is what it gave the peer in HELLO."""

    def __init__(
        self,
        outlet: Outlet,
        questions: Questions,
        scopes: Sequence[Scope],
        peer: OrgId,
        credit: int,
    ) -> None:
        self._outlet = outlet
        self._questions = questions
        self._peer = peer
        self._credit = credit
        self._in_use = 0
        self._works = [ScopeWork(position, scope) for position, scope in enumerate(scopes)]
        self._positions = {scope: position for position, scope in enumerate(scopes)}
        self._active: dict[int, ScopeWork] = {}
        self._orgs_asked: dict[OrgId, tuple[ScopeWork, bool]] = {}
        self._numbers = LogNumbers()
        self._leftovers: dict[tuple[int, LogId], Leftover] = {}
        self._unasked = 0
        self._announced: dict[tuple[int, LogId], tuple[Head, int]] = {}
        self._next_cursors: dict[Scope, Cursor] = {}
        self.stored = 0
        self.leftovers_unlisted = 0
        self.used_cursors = False

    @property
    def idle(self) -> bool:
        """Whether nothing is left to be asked or stored."""
        return not self._active

    @property
    def leftovers(self) -> tuple[Leftover, ...]:
        """What stayed refused in this round, by either side."""
        return tuple(self._leftovers.values())

    @property
    def cursors(self) -> Mapping[Scope, Cursor]:
        """The peer's place in each scope listed in this session, before it was listed."""
        return dict(self._next_cursors)

    def begin(self, positions: Sequence[int], cursors: Mapping[Scope, Cursor]) -> None:
        """Begins a round over these scopes; what a round before left unasked is dropped."""
        self._leftovers.clear()
        self.stored = self.leftovers_unlisted = self._unasked = 0
        self.used_cursors = False
        self._active = {work.position: work for work in self._works if work.waiting}
        for work in self._works:
            work.wants.clear()
            work.orgs.clear()
            work.probes.clear()
            work.retried.clear()
            work.listing = False
        for position in positions:
            work = self._works[position]
            work.listing, work.after = True, None
            work.since = cursors.get(work.scope)
            self.used_cursors |= work.since is not None
            self._active[position] = work

    def pump(self) -> None:
        """Asks whatever can be asked."""
        for work in list(self._active.values()):
            if not work.waiting:
                self._step(work)

    def _step(self, work: ScopeWork) -> None:
        if work.orgs:
            self._ask_events(work)
        elif work.wants:
            if self._questions.room:
                batch = tuple(work.wants.values())[:ENTRIES_MAX]
                for want in batch:
                    del work.wants[want.log]
                work.waiting += 1
                self._questions.ask(RunsWanted(work.position, batch))
        elif work.probes:
            # The peer did not show the runs that it was asked for.
            for log, probe in list(work.probes.items()):
                self._leave(work, log, probe.high, Fault.FORK)
            work.probes.clear()
            self._step(work)
        elif work.listing:
            if self._questions.room:
                work.retried.clear()
                work.waiting += 1
                self._questions.ask(HeadsWanted(work.position, work.since, work.after))
        else:
            del self._active[work.position]

    def _ask_events(self, work: ScopeWork) -> None:
        for org in list(work.orgs):
            if org not in self._orgs_asked and self._questions.room:
                have = work.orgs.pop(org)
                work.waiting += 1
                self._orgs_asked[org] = (work, False)
                self._questions.ask(EventsWanted(org, have[:EPOCH_EVENTS_MAX]))

    # Heads

    def heads(self, frame: Heads) -> None:
        """Takes a page of the peer's entries.

        Raises:
            ProtocolFault: UNEXPECTED_FRAME if it answers no question, BAD_FRAME if it does not go
                on from the place asked for.
        """
        self._questions.answered(FrameType.HEADS, scope=frame.scope)
        work = self._works[frame.scope]
        ids: list[bytes] = [entry[0] for entry in frame.orgs]
        ids += [entry.log for entry in frame.logs]
        if work.after is not None and ids and min(ids) <= work.after:
            raise ProtocolFault(Fault.BAD_FRAME, "entries from before the place asked for")
        if frame.more and not ids:
            raise ProtocolFault(Fault.BAD_FRAME, "a page without entries that more follow")
        if work.after is None:
            self._next_cursors[work.scope] = frame.cursor
        work.listing = frame.more
        work.after = max(ids, default=None)
        work.peer_orgs = frame.orgs
        orgs = tuple(entry.org for entry in frame.orgs)
        self._outlet.request(CompareHeads(self._outlet.key(), work.scope, frame.logs, orgs))

    def heads_compared(self, request: CompareHeads, held: Held) -> None:
        """Makes wants of what the store does not hold."""
        work = self._works[self._positions[request.scope]]
        work.waiting -= 1
        self._active[work.position] = work
        if request.orgs:
            told = dict(work.peer_orgs)
            for entry in held.orgs:
                if entry.org in told and told[entry.org] != _digest_of(entry):
                    work.orgs[entry.org] = entry.heads
            work.peer_orgs = ()
        for log in held.logs:
            self._want(work, log)

    def _want(self, work: ScopeWork, held: HeldLog) -> None:
        first_unknown = min(head.seq for head in held.unknown)
        if held.refused is not None:
            self._leave(work, held.log, first_unknown, held.refused, tell=False)
        elif held.head is None:
            work.wants[held.log] = RunWant(held.log, 0)
        elif max(held.unknown).seq > held.head.seq:
            work.wants[held.log] = RunWant(held.log, held.head.seq + 1)
        else:
            self._probe(work, held.log, Probe(0, first_unknown))

    # Identity events

    def events(self, frame: Events) -> None:
        """Takes events that were asked for."""
        self._questions.answered(FrameType.EVENTS, org=frame.org)
        if not frame.events:
            self._events_done(frame.org)
            return
        self._orgs_asked[frame.org] = (self._orgs_asked[frame.org][0], frame.more)
        self._outlet.request(StoreEvents(self._outlet.key(), frame.org, frame.events))

    def events_stored(self, outcome: EventsOutcome) -> None:
        """Goes on after events were stored.

        Raises:
            ProtocolFault: the fault of an event; the peer should not have kept it.
        """
        if outcome.fault is not None and outcome.fault not in REFUSALS:
            raise ProtocolFault(outcome.fault, outcome.detail)
        work, more = self._orgs_asked[outcome.org]
        if more and outcome.stored:
            work.orgs[outcome.org] = outcome.heads
            work.waiting -= 1
            del self._orgs_asked[outcome.org]
        else:
            self._events_done(outcome.org)

    def _events_done(self, org: OrgId) -> None:
        asker, _ = self._orgs_asked.pop(org)
        asker.waiting -= 1
        # Other scopes wanted the same events.
        for work in self._active.values():
            work.orgs.pop(org, None)

    # Runs

    def runs(self, frame: Runs, *, live: bool) -> None:
        """Takes runs, asked for or not.

        Raises:
            ProtocolFault: LIMIT_EXCEEDED for more than the credit, or for more unasked runs than
                can be honest; BAD_FRAME for a log number not given or a scope not shared.
        """
        self._use_credit()
        if frame.scope >= len(self._works):
            raise ProtocolFault(Fault.BAD_FRAME, f"scope {frame.scope} is not shared")
        if not live and not self._questions.expects_runs(frame.scope):
            self._unasked += 1
            if self._unasked > UNASKED_RUNS_MAX:
                raise ProtocolFault(Fault.LIMIT_EXCEEDED, "too many runs that nobody asked for")
        runs = tuple(LogRun(self._numbers.resolve(run[0]), run) for run in frame.runs)
        work = self._works[frame.scope]
        work.waiting += 1
        self._active[work.position] = work
        self._outlet.request(StoreRuns(self._outlet.key(), work.scope, runs, self._peer))

    def runs_end(self, frame: RunsEnd) -> None:
        """Notes that a question for runs has been answered."""
        self._questions.answered(FrameType.RUNS_END, scope=frame.scope)
        self._works[frame.scope].waiting -= 1

    def runs_stored(self, request: StoreRuns, outcomes: Sequence[RunOutcome]) -> None:
        """Gives the credit back and judges what became of the runs.

        Raises:
            ProtocolFault: the fault of a run.
        """
        work = self._works[self._positions[request.scope]]
        work.waiting -= 1
        self._in_use -= 1
        for outcome in outcomes:
            self._judge(work, outcome)
        self._outlet.send(Credit(1))

    def _use_credit(self) -> None:
        if self._in_use + self._outlet.credits_untaken >= self._credit:
            raise ProtocolFault(Fault.LIMIT_EXCEEDED, f"more frames than the credit {self._credit}")
        self._in_use += 1

    def _judge(self, work: ScopeWork, outcome: RunOutcome) -> None:
        log, fault = outcome.log, outcome.fault
        probe = work.probes.get(log)
        left = self._leftovers.get((work.position, log))
        if fault is None:
            self.stored += outcome.stored
            if outcome.stored:
                work.retried -= {(log, mended) for mended in _MENDABLE}
                work.probes.pop(log, None)
                self._leftovers.pop((work.position, log), None)
            elif probe is not None and log not in work.wants:
                probe.low = max(probe.low, outcome.last_seq)
                self._probe(work, log, probe)
        elif outcome.blames:
            raise ProtocolFault(fault, outcome.detail)
        elif (
            fault in _MENDABLE
            and (log, fault) not in work.retried
            and log not in work.probes
            and (left is None or (left.fault in _MENDABLE and not left.by_peer))
            and len(work.retried) < ENTRIES_MAX
        ):
            # Each by itself: what fills a gap may be the first to need its author's events.
            work.retried.add((log, fault))
            work.wants[log] = RunWant(log, outcome.held.seq + 1 if outcome.held else 0)
            if outcome.needs is not None:
                work.orgs[outcome.needs] = ()
        elif log in work.wants or left is not None:
            pass  # the consequence of a refusal that is dealt with already
        elif fault is Fault.FORK:
            self._fork(work, outcome, probe)
        else:
            self._leave(work, log, outcome.first_seq, fault)

    def _fork(self, work: ScopeWork, outcome: RunOutcome, probe: Probe | None) -> None:
        if outcome.fork_seq is not None:
            work.probes.pop(outcome.log, None)
            self._leave(work, outcome.log, outcome.fork_seq, Fault.FORK)
            return
        below = outcome.first_seq - 1
        if probe is None:
            self._probe(work, outcome.log, Probe(0, below))
        else:
            probe.high = min(probe.high, below)
            self._probe(work, outcome.log, probe)

    def _probe(self, work: ScopeWork, log: LogId, probe: Probe) -> None:
        """Asks for the run in the middle of where the branches may part. Hard case 29."""
        full = log not in work.probes and len(work.probes) >= PROBED_LOGS_MAX
        if full or probe.left == 0 or probe.low >= probe.high:
            work.probes.pop(log, None)
            self._leave(work, log, max(probe.high, 0), Fault.FORK)
            return
        probe.left -= 1
        work.probes[log] = probe
        middle = probe.low + 1 + (probe.high - probe.low - 1) // 2
        work.wants[log] = RunWant(log, middle, 1)

    # Refusals

    def _leave(
        self, work: ScopeWork, log: LogId, first_seq: int, fault: Fault, *, tell: bool = True
    ) -> None:
        leftover = Leftover(work.scope, log, first_seq, fault, by_peer=False)
        if self._remember(work.position, leftover):
            self._outlet.report(RefusedNews(leftover))
            if tell:
                self._outlet.send(Refused(work.position, log, first_seq, fault.value))

    def refused_by_peer(self, frame: Refused) -> None:
        """Notes what the peer does not take; a fault that is no refusal is ignored."""
        refusals = {fault.value: fault for fault in RUN_REFUSALS}
        if frame.scope < len(self._works) and frame.fault in refusals:
            scope = self._works[frame.scope].scope
            fault = refusals[frame.fault]
            leftover = Leftover(scope, frame.log, frame.first_seq, fault, by_peer=True)
            if self._remember(frame.scope, leftover):
                self._outlet.report(RefusedNews(leftover))

    def _remember(self, position: int, leftover: Leftover) -> bool:
        """Whether it is news, and is remembered."""
        if (position, leftover.log) in self._leftovers:
            return False
        if len(self._leftovers) >= LEFTOVERS_MAX:
            self.leftovers_unlisted += 1
            return False
        self._leftovers[position, leftover.log] = leftover
        return True

    # Announcements

    def have(self, frame: Have, now_ms: int) -> None:
        """Notes heads that the peer announces; they are asked for after a grace. Spec: 7.10."""
        self._use_credit()
        if frame.scope >= len(self._works):
            raise ProtocolFault(Fault.BAD_FRAME, f"scope {frame.scope} is not shared")
        for log, head in frame.logs:
            _, due_ms = self._announced.get((frame.scope, log), (head, now_ms + HAVE_GRACE_MS))
            if len(self._announced) < ENTRIES_MAX or (frame.scope, log) in self._announced:
                self._announced[frame.scope, log] = (head, due_ms)
        self._in_use -= 1
        self._outlet.send(Credit(1))

    def tick(self, now_ms: int) -> None:
        """Compares what was announced and is due."""
        due: dict[int, list[LogHeads]] = {}
        for (position, log), (head, due_ms) in list(self._announced.items()):
            if due_ms <= now_ms:
                del self._announced[position, log]
                due.setdefault(position, []).append(LogHeads(log, (head,)))
        for position, logs in due.items():
            work = self._works[position]
            work.waiting += 1
            self._active[position] = work
            request = CompareHeads(self._outlet.key(), work.scope, tuple(logs), ())
            self._outlet.request(request)


def _digest_of(held: HeldOrg) -> bytes | None:
    """The identity digest of what is held; None for an organisation that is not. Spec: 4.7.7."""
    return heads_digest(held.heads) if held.heads else None
