"""The giving half of a session: answers to the peer's questions, and records sent unasked.

Owns the queue of the peer's questions (answered in the order asked, a bounded number at a time),
the credit that the peer gives, the numbers under which this side names logs, and the queue of what
became durable here meanwhile. One batch of runs is read for one frame, and only when the peer has
credit for it, so that nothing read waits in memory. Spec: 7.6 to 7.8, 7.10.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, TypeAlias, cast

from hutong_protocol.exchange import (
    EventsBatch,
    Head,
    HeadsPage,
    LocalChange,
    LogRun,
    PartsBatch,
    RunsBatch,
    RunWant,
    Scope,
)
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.frame_bounds import RUNS_ITEMS_MAX, run_items
from hutong_protocol.frame_forms import encode_runs
from hutong_protocol.frames import (
    ENTRIES_MAX,
    Events,
    EventsWanted,
    Have,
    Heads,
    HeadsWanted,
    Parts,
    PartsWanted,
    RunsEnd,
    RunsWanted,
)
from hutong_protocol.ids import LogId, RecordId
from hutong_protocol.limits import RUN_BYTES_MAX
from hutong_protocol.session_events import ReadEvents, ReadHeads, ReadParts, ReadRuns
from hutong_protocol.session_outlet import Outlet

QUESTIONS_MAX: Final = 16
"""Questions that a side may have unanswered at the peer. Spec: 7.6."""
ANSWER_BYTES_MAX: Final = RUN_BYTES_MAX
"""What a store puts into one RUNS, PARTS or EVENTS: half a frame, and any run fits."""
IN_FLIGHT_MAX: Final = 8
"""RUNS frames sent and not given back, however much more credit the peer gives."""
LOGS_NAMED_MAX: Final = 65_536
"""Logs that get a number, so that naming logs without end costs the reader no memory."""
CHANGES_MAX: Final = 4_096
"""Logs with unsent changes. What does not fit is found when roots are compared."""
PUSHED_LOGS_MAX: Final = 256
"""Logs in one batch of unasked runs."""

Question: TypeAlias = EventsWanted | HeadsWanted | RunsWanted | PartsWanted


class LogNumbers:
    """The numbers that one side gives to the logs it names, in order. Spec: 7.7."""

    def __init__(self) -> None:
        self._numbers: dict[LogId, int] = {}
        self._logs: list[LogId] = []

    def name(self, log: LogId) -> object:
        """What to write for a log: its number, or its id (which gives it one)."""
        number = self._numbers.get(log)
        if number is not None:
            return number
        self._give(log)
        return log

    def resolve(self, named: object) -> LogId:
        """The log that the peer named so.

        Raises:
            ProtocolFault: BAD_FRAME for a number not given.
        """
        if isinstance(named, bytes):
            log = LogId(RecordId(named))
            if log not in self._numbers:
                self._give(log)
            return log
        if not isinstance(named, int) or not 0 <= named < len(self._logs):
            raise ProtocolFault(Fault.BAD_FRAME, f"log number {named} was not given")
        return self._logs[named]

    def _give(self, log: LogId) -> None:
        if len(self._logs) < LOGS_NAMED_MAX:
            self._numbers[log] = len(self._logs)
            self._logs.append(log)


class Serving:
    """What this side gives."""

    def __init__(self, outlet: Outlet, peer_credit: int) -> None:
        self._outlet = outlet
        self._scopes: tuple[Scope, ...] = ()
        self._positions: dict[Scope, int] = {}
        self._window = min(peer_credit, IN_FLIGHT_MAX)
        self._in_flight = 0  # frames sent and not given back
        self._reserved = 0  # frames being read
        self._numbers = LogNumbers()
        self._questions: deque[Question] = deque()
        self._wants: tuple[RunWant, ...] = ()
        self._reading = False
        self._changes: dict[tuple[int, LogId], tuple[int, Head]] = {}
        self._pushing: ReadRuns | None = None
        self._push_rest: tuple[int, tuple[RunWant, ...]] = (0, ())
        self._push_next = False
        self.pushes_left = 0
        self.eager = True
        self.live = False

    def share(self, scopes: Sequence[Scope]) -> None:
        """Notes the shared scopes; before this, only identity events are served."""
        self._scopes = tuple(scopes)
        self._positions = {scope: position for position, scope in enumerate(scopes)}

    @property
    def starved(self) -> bool:
        """Whether something is to be sent and the peer gives no credit."""
        asked = bool(self._questions) and isinstance(self._questions[0], RunsWanted)
        return self._in_flight >= self._window and (asked or self._may_push)

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered and nothing waits to be sent."""
        pushing = self._pushing is not None or self._push_rest[1]
        return not self._questions and not self._changes and not pushing

    @property
    def _has_credit(self) -> bool:
        return self._in_flight + self._reserved < self._window

    # Questions of the peer

    def asked(self, question: Question) -> None:
        """Takes a question.

        Raises:
            ProtocolFault: LIMIT_EXCEEDED if the peer has too many unanswered, BAD_FRAME for a scope
                that is not shared.
        """
        if len(self._questions) + self._outlet.answers_untaken >= QUESTIONS_MAX:
            raise ProtocolFault(Fault.LIMIT_EXCEEDED, f"more than {QUESTIONS_MAX} questions")
        if not isinstance(question, EventsWanted) and question.scope >= len(self._scopes):
            raise ProtocolFault(Fault.BAD_FRAME, f"scope {question.scope} is not shared")
        self._questions.append(question)

    def credit_given(self, frames: int) -> None:
        """Takes back credit.

        Raises:
            ProtocolFault: UNEXPECTED_FRAME for more than was used.
        """
        if frames > self._in_flight:
            raise ProtocolFault(Fault.UNEXPECTED_FRAME, f"credit for {frames} frames not sent")
        self._in_flight -= frames

    def pump(self) -> None:
        """Begins whatever can be begun."""
        # Answers and unasked runs take turns when both wait for credit.
        for _ in range(2):
            if self._push_next:
                self._pump_changes()
            else:
                self._pump_questions()
            self._push_next = not self._push_next

    def _pump_questions(self) -> None:
        if self._reading or not self._questions:
            return
        outlet = self._outlet
        question = self._questions[0]
        match question:
            case EventsWanted(org, have):
                key = outlet.key()
                outlet.request(ReadEvents(key, org, have, self._scopes, ANSWER_BYTES_MAX))
            case HeadsWanted(position, since, after):
                scope = self._scopes[position]
                outlet.request(ReadHeads(outlet.key(), scope, since, after, ENTRIES_MAX))
            case PartsWanted(position, part_wants):
                scope = self._scopes[position]
                outlet.request(ReadParts(outlet.key(), scope, part_wants, ANSWER_BYTES_MAX))
            case RunsWanted(position, wants):
                if not self._has_credit:
                    return
                self._reserved += 1
                scope, wants = self._scopes[position], self._wants or wants
                outlet.request(ReadRuns(outlet.key(), scope, wants, ANSWER_BYTES_MAX))
        self._reading = True

    def events_read(self, batch: EventsBatch) -> None:
        """Answers the question at hand."""
        self._answer(Events(batch.org, batch.events, batch.more))

    def heads_read(self, page: HeadsPage) -> None:
        """Answers the question at hand."""
        position = self._positions[page.scope]
        listed = (page.full, page.logs, page.orgs, page.more)
        self._answer(Heads(position, page.cursor, *listed))

    def parts_read(self, request: ReadParts, batch: PartsBatch) -> None:
        """Answers the question at hand."""
        self._answer(Parts(self._positions[request.scope], batch.items, batch.more))

    def runs_read(self, request: ReadRuns, batch: RunsBatch) -> None:
        """Sends a batch, for the question at hand or unasked."""
        position = self._positions[request.scope]
        self._reserved -= 1
        batch = _within_frame(batch)
        if batch.runs:
            name = self._numbers.name
            self._outlet.send_bytes(encode_runs(position, batch.runs, name))
            self._in_flight += 1
        if request is self._pushing:
            self._pushing = None
            self._push_rest = (position, batch.rest)
            return
        self._reading = False
        self._wants = batch.rest
        if not batch.rest:
            self._answer(RunsEnd(position))

    def _answer(self, frame: Events | Heads | Parts | RunsEnd) -> None:
        self._reading = False
        self._questions.popleft()
        self._outlet.send_answer(frame)

    # Records that became durable meanwhile

    def changed(self, change: LocalChange) -> None:
        """Notes records to be sent; a scope that is not shared is no matter of this session."""
        position = self._positions.get(change.scope)
        if position is None:
            return
        first_seq, head = change.first_seq, change.head
        before = self._changes.get((position, change.log))
        if before is not None:
            first_seq, head = min(first_seq, before[0]), max(head, before[1])
        elif len(self._changes) >= CHANGES_MAX:
            return
        self._changes[position, change.log] = (first_seq, head)

    @property
    def flushed(self) -> bool:
        """Whether the changes that may be sent have been sent."""
        return self._pushing is None and not self._may_push

    @property
    def _may_push(self) -> bool:
        waits = bool(self._changes or self._push_rest[1])
        return waits and (self.live or self.pushes_left > 0)

    def _pump_changes(self) -> None:
        if self._pushing is not None or not self._may_push or not self._has_credit:
            return
        position, wants = self._push_rest
        if not wants:
            position = next(iter(self._changes))[0]
            logs = [log for at, log in self._changes if at == position][:PUSHED_LOGS_MAX]
            taken = [(log, *self._changes.pop((position, log))) for log in logs]
            if self.live and not self.eager:
                self._in_flight += 1
                self._outlet.send(Have(position, tuple((log, head) for log, _, head in taken)))
                return
            wants = tuple(RunWant(log, first_seq) for log, first_seq, _ in taken)
        self._reserved += 1
        self.pushes_left -= 1
        scope = self._scopes[position]
        self._pushing = ReadRuns(self._outlet.key(), scope, wants, ANSWER_BYTES_MAX)
        self._outlet.request(self._pushing)


def _within_frame(batch: RunsBatch) -> RunsBatch:
    """As many runs of a batch as a frame may hold, and wants for the others. Spec: 7.2.5.

    The first is always among them. Stores need not count values: only records with hundreds of
    them, or next to none of content, come to this bound before that of bytes.
    """
    items_left = RUNS_ITEMS_MAX
    for at, (_, run) in enumerate(batch.runs):
        items_left -= run_items(run)
        if at and items_left < 0:
            return RunsBatch(batch.runs[:at], (*_wants_of(batch.runs[at:]), *batch.rest))
    return batch


def _wants_of(runs: Sequence[LogRun]) -> list[RunWant]:
    """Wants for these runs and no others, one for those of a log that follow each other."""
    wants: list[RunWant] = []
    next_seq = -1
    for log, run in runs:
        first_seq, records = cast(int, run[1]), cast(list[object], run[3])
        if first_seq == next_seq and wants[-1].log == log:
            wants[-1] = wants[-1]._replace(runs_max=wants[-1].runs_max + 1)
        else:
            wants.append(RunWant(log, first_seq, 1))
        next_seq = first_seq + len(records)
    return wants
