"""What becomes of records, events and parts that arrive: taken, or refused and why.

Owns the order of decisions about what a peer hands over: what can be told without work first (gap,
duplicate, policy), then the checks of the core (`check_run`), then identity and the place in the
log (`decide_log`, `join`), then quota. It changes the tables through the ledger; one call is one
transaction, and nothing that a peer sent raises. Faults and refusals are in the outcomes.

Own statements go through `publishing`; reading is elsewhere. Spec: 4.5, 6.3 to 6.5.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import replace
from typing import Final

from hutong_node.clock import Clock
from hutong_node.publishing import Forbids, OwnWriter, Publisher, PublishingRefused
from hutong_node.quotas import Quotas
from hutong_node.store.interface import NewErase, NewRecord, Policy, Publication
from hutong_node.store.sqlite.forks import bare_run, has_proof, keep_fork
from hutong_node.store.sqlite.held import LogRow, OrgRow
from hutong_node.store.sqlite.ledger import Ledger
from hutong_node.store.sqlite.opening import forget_restoring
from hutong_node.store.sqlite.orgs import held_heads
from hutong_node.verified_seals import VerifiedSeals
from hutong_protocol.exchange import (
    EventsOutcome,
    Head,
    LogRun,
    PartItem,
    RunOutcome,
    Scope,
)
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.identity import IdentityState, admit, decide_log
from hutong_protocol.identity_events import Event, parse_event
from hutong_protocol.ids import LogId, OrgId, RecordId
from hutong_protocol.limits import RUN_BYTES_MAX, SALT_BYTES
from hutong_protocol.log_state import Joined, Refused, fork_proof, join
from hutong_protocol.records import Kind
from hutong_protocol.runs import CheckedRecord, CheckedRun, check_run

REFUSALS_REMEMBERED: Final = 10_000
"""Logs that this node would refuse again; one forgotten is asked for once more."""
_WAITING_MAX: Final = 64
"""Copies of waiting events kept of one organisation: more than honest peers ever leave waiting."""
_STRANGER_EVENTS_MAX: Final = 64
_PROOFS_MAX: Final = 4
"""Proofs kept of one log: with the branch held they show the five that shatter it. Spec: 5.10.3."""

_REMEMBERED_FAULTS: Final = frozenset({Fault.NOT_ACCEPTED, Fault.QUOTA, Fault.UPGRADE_NEEDED})


class Replica:
    """The writing side of a store: the subject of its writer thread."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        own: OwnWriter | None,
        clock: Clock,
        policy: Policy,
        refusals: MutableMapping[LogId, Fault],
        forbids: Forbids = lambda: None,
    ) -> None:
        """`refusals` is shared with readers: logs that would be refused again, and why."""
        self.ledger = ledger
        self.connection = ledger.connection
        self._own_org = None if own is None else own.org
        self._publisher = Publisher(ledger, own, clock, forbids)
        self._clock = clock
        self._policy = policy
        self._quotas = Quotas(policy, ledger.orgs)
        self._refusals = refusals
        self._verified = VerifiedSeals()

    def forget(self) -> None:
        """Drops what is remembered of the tables."""
        self.ledger.forget()

    def tidy(self) -> bool:
        """A piece of housekeeping; True if there is more."""
        return self.ledger.tidy()

    def after_commit(self) -> None:
        """What is to be done at once: erased bytes disappear from the database's log, too."""
        self.ledger.after_commit()

    def set_policy(self, policy: Policy) -> None:
        """As `StoreMethods.set_policy`."""
        self._policy = policy
        self._quotas = Quotas(policy, self.ledger.orgs)
        self._refusals.clear()

    def identity(self, org: OrgId) -> IdentityState | None:
        """As `StoreMethods.identity`."""
        row = self.ledger.orgs.get(org)
        return None if row is None else row.state

    def publish(
        self,
        scope: Scope,
        news: Sequence[NewRecord | NewErase],
        name: str | None = None,
        request: bytes = b"",
    ) -> Publication:
        """As `StoreMethods.publish`."""
        if not self._policy.holds(scope):
            raise PublishingRefused("this node does not hold the scope: subscribe to it first")
        publication = self._publisher.publish(scope, news, name, request)
        self.ledger.flush()
        return publication

    def close_log(self, scope: Scope) -> Head | None:
        """As `StoreMethods.close_log`."""
        head = self._publisher.close_log(scope)
        self.ledger.flush()
        return head

    def set_hint(self, name: str, value: bytes | None) -> None:
        """As `StoreMethods.set_hint`."""
        self.ledger.set_hint(name, value)

    def caught_up(self) -> None:
        """As `SqliteStore.caught_up`."""
        forget_restoring(self.connection)

    def store_runs(self, scope: Scope, runs: Sequence[LogRun], source: OrgId) -> list[RunOutcome]:
        """As `ReplicaStore.store_runs`."""
        outcomes = [self._store_run(scope, log, run) for log, run in runs]
        self.ledger.flush()
        return outcomes

    def store_events(self, org: OrgId, events: Sequence[object]) -> EventsOutcome:
        """As `ReplicaStore.store_events`."""
        fault: ProtocolFault | None = None
        arrived: list[Event] = []
        for value in events:
            try:
                event = parse_event(value)
                if event.org != org:
                    raise ProtocolFault(Fault.BAD_EVENT, "event: of another organisation")
                arrived.append(event)
            except ProtocolFault as found:
                fault = fault or found
        row = self.ledger.orgs.get(org)
        if self._is_too_strange(org, row, len(arrived)):
            fault = fault or ProtocolFault(Fault.QUOTA, "too many organisations not let in")
            return _events_outcome(org, row, 0, 0, fault)
        admission = admit([*arrived, *(row.waiting if row else ())], row.held if row else None)
        for position in sorted(admission.refused):
            if position < len(arrived):
                fault = fault or admission.refused[position]
        waiting = sum(position < len(arrived) for position in admission.waiting)
        if not admission.held and not (arrived and self._policy.lets_in(org)):
            # Of an organisation that isn't let in nothing waits for its inception.
            return _events_outcome(org, row, 0, waiting, fault)
        row = row or self.ledger.orgs.make(org)
        copies = [*arrived, *row.waiting]
        stored = self._keep_events(
            row,
            [event for key, event in admission.held.items() if key not in row.held],
            _distinct([copies[position] for position in admission.waiting]),
        )
        return _events_outcome(org, row, stored, waiting, fault)

    def store_parts(self, scope: Scope, items: Sequence[PartItem]) -> int:
        """As `ReplicaStore.store_parts`."""
        stored = 0
        for item in items:
            found = self.ledger.wanted_row(scope, item.record)
            if found is None or len(item.salt) != SALT_BYTES:
                continue
            log, row = found
            if len(item.data) > self._quotas.part_room(log.org):
                continue
            content = item.salt + item.data
            stored += self.ledger.parts.fill(log, row, item.position, content) > 0
        self.ledger.flush()
        return stored

    def mark_rotten(self, places: Sequence[tuple[int, int]]) -> int:
        """Makes parts missing, by row and position, that no longer fit; returns how many did not.

        Spec: 6.6.3.
        """
        marked = 0
        for row, position in places:
            found = self.ledger.log_of_row(row)
            if found is not None:
                log, record = found
                marked += self.ledger.parts.mark_rotten(log, record, row, position)
        self.ledger.flush()
        return marked

    def _store_run(self, scope: Scope, log: LogId, value: list[object]) -> RunOutcome:
        held = self.ledger.log(log)
        first, last = _extent(value)
        try:
            outcome = (
                self._open_log(scope, log, value, first, last)
                if held is None
                else self._continue_log(scope, held, value, first, last)
            )
        except ProtocolFault as found:
            return _outcome(log, held, first, last, found.fault, detail=found.detail)
        if held is None and outcome.fault is not None and outcome.fault in _REMEMBERED_FAULTS:
            if len(self._refusals) >= REFUSALS_REMEMBERED:
                self._refusals.clear()
            self._refusals[log] = outcome.fault
        return outcome

    def _open_log(
        self, scope: Scope, log: LogId, value: list[object], first: int, last: int
    ) -> RunOutcome:
        """What becomes of a run of a log of which nothing is held."""
        if first > 0:
            return _outcome(log, None, first, last, Fault.GAP)
        claimed = _claimed_org(value)
        if claimed is not None and not self._policy.accepts(claimed, scope):
            # Before any signature is checked: who isn't let in can't keep this node busy.
            return _outcome(log, None, first, last, Fault.NOT_ACCEPTED)
        run = self._checked(log, value, writer=None, held=None)
        opened = run.opened
        assert opened is not None
        if Scope(opened.space, opened.topic) != scope:
            return _outcome(log, None, first, last, Fault.NOT_ACCEPTED)
        org = self.ledger.orgs.get(opened.org)
        refusal = decide_log(None if org is None else org.state, opened)
        if refusal is not None or org is None:
            needs = opened.org if refusal is Fault.IDENTITY_NEEDED else None
            return _outcome(log, None, first, last, refusal, needs=needs)
        if not self._quotas.may_open_log(org):
            return _outcome(log, None, first, last, Fault.QUOTA)
        joined = join(None, run, _nothing_held)
        assert isinstance(joined, Joined)
        row = self.ledger.add_log(joined.new_state, org)
        return self._append(row, run, joined)

    def _continue_log(
        self, scope: Scope, log: LogRow, value: list[object], first: int, last: int
    ) -> RunOutcome:
        """What becomes of a run of a log that is held."""
        state = log.state
        if log.scope.scope != scope or not self._policy.accepts(log.org.id, scope):
            return _outcome(log.id, log, first, last, Fault.NOT_ACCEPTED)
        if first > state.head_seq + 1:
            return _outcome(log.id, log, first, last, Fault.GAP)
        if last <= state.head_seq and self._is_known(log, value, last):
            return _outcome(log.id, log, first, last, None)
        held = self.ledger.held_ids(log, last, last)[0] if last <= state.head_seq else None
        run = self._checked(log.id, value, writer=state.open.writer, held=held)
        refusal = decide_log(log.org.state, state.open)
        if refusal is not None:
            needs = log.org.id if refusal is Fault.IDENTITY_NEEDED else None
            return _outcome(log.id, log, first, last, refusal, needs=needs)
        below = min(run.first_seq + len(run.records) - 1, state.head_seq)
        ids = (
            self.ledger.held_ids(log, run.first_seq - 1, below)
            if run.first_seq <= state.head_seq
            else [state.head_id]
        )
        start = max(0, run.first_seq - 1)
        joined = join(state, run, lambda seq: ids[seq - start] if seq - start < len(ids) else None)
        if isinstance(joined, Refused):
            if joined.fault is Fault.FORK:
                self._note_fork(log, run, joined)
            refused = _outcome(log.id, log, first, last, joined.fault, fork_seq=joined.seq)
            return replace(refused, at_join=True)
        return self._append(log, run, joined)

    def _checked(
        self, log: LogId, value: list[object], *, writer: bytes | None, held: bytes | None
    ) -> CheckedRun:
        """A run without a fault; a signature is verified once, whoever brings it (hard case 65).

        Args:
            held: the id of the record that is held where the run says that it ends. If it ends with
                that very record, it brings nothing but parts, which their commits vouch for; its
                seal isn't looked at, and never kept. Spec: 6.4.
        """

        def is_authentic(key: bytes, record: RecordId, seal: bytes) -> bool:
            return record == held or (key, record, seal) in self._verified

        run = check_run(value, log_id=log, writer=writer, is_authentic=is_authentic)
        key = writer if run.opened is None else run.opened.writer
        if key is not None and run.last.id != held:
            self._verified.add(key, run.last.id, run.seal)
        return run

    def _append(self, log: LogRow, run: CheckedRun, joined: Joined) -> RunOutcome:
        """Keeps what is new of a run that fits."""
        for offered in joined.filled:
            record = run.records[offered.seq - run.first_seq].id
            found = self.ledger.wanted_row(log.scope.scope, record)
            if found is not None and self._quotas.part_room(log.org) > 0:
                content = offered.part.salt + offered.part.data
                self.ledger.parts.fill(log, found[1], offered.position, content)
        records = joined.new_records
        if records:
            records = self._within_quota(log.org, records)
            self.ledger.append(log, records, ((run.last.seq, run.seal),), joined.new_state)
            if self.ledger.own.find(log.id) is not None:
                self._publisher.noticed(log, "a peer held records of it that this store lacked")
        return _outcome(
            log.id,
            log,
            run.first_seq,
            run.last.seq,
            None,
            stored=len(records),
            needs=log.org.id if _names_unknown_event(records, log.org) else None,
        )

    def _within_quota(
        self, org: OrgRow, records: tuple[CheckedRecord, ...]
    ) -> tuple[CheckedRecord, ...]:
        """The records, without their parts if the organisation has its share. Spec: 6.5.3."""
        room = self._quotas.part_room(org)
        if room > RUN_BYTES_MAX:
            return records
        wanted = sum(len(part.data) for record in records for part in record.parts if part)
        if wanted <= room:
            return records
        return tuple(record._replace(parts=(None,) * len(record.parts)) for record in records)

    def _is_known(self, log: LogRow, value: list[object], last: int) -> bool:
        """Whether a run ends with a signature that is held at that very place.

        Then it is a duplicate, or a bad copy of one, and looking at it would gain nothing but
        missing parts (hard case 65).
        """
        seal = value[4] if len(value) == 5 else None
        return (
            isinstance(seal, bytes)
            and self.ledger.has_seal(log, last, seal)
            and not self.ledger.parts.any_missing(log.scope.number)
        )

    def _note_fork(self, log: LogRow, run: CheckedRun, refused: Refused) -> None:
        """Keeps the proof, and gives up the log if it is an own one. Spec: 5.10."""
        self._publisher.noticed(log, "it was forked")
        if has_proof(self.connection, log, run.last.id):
            return
        at = refused.seq if refused.seq is not None else run.first_seq - 1
        held = bare_run(self.connection, log, at)
        proof = fork_proof(held, run) if held is not None else None
        if proof is not None:
            keep_fork(self.connection, log, proof, self._clock.now_ms(), proofs_max=_PROOFS_MAX)

    def _is_too_strange(self, org: OrgId, row: OrgRow | None, count: int) -> bool:
        """Whether events are those of one organisation too many that is not let in."""
        if org == self._own_org or self._policy.lets_in(org):
            return False
        if row is not None:
            return row.logs == 0 and len(row.held) + count > _STRANGER_EVENTS_MAX
        if count > _STRANGER_EVENTS_MAX:
            return True
        return self.ledger.orgs.strangers(self._policy) >= self._policy.strangers_max

    def _keep_events(self, row: OrgRow, new: list[Event], waiting: list[Event]) -> int:
        kept = waiting[:_WAITING_MAX]
        if new or kept != row.waiting:
            before = row.digest
            self.ledger.orgs.keep(row, new, kept)
            if row.digest != before:
                self.ledger.identity_changed(row)
                self._refusals.clear()
        self.ledger.flush()
        return len(new)


def _outcome(
    log: LogId,
    row: LogRow | None,
    first: int,
    last: int,
    fault: Fault | None,
    *,
    stored: int = 0,
    needs: OrgId | None = None,
    fork_seq: int | None = None,
    detail: str = "",
) -> RunOutcome:
    held = None if row is None else Head(row.state.head_seq, row.state.head_id)
    return RunOutcome(log, first, last, fault, stored, held, needs, fork_seq, detail)


def _events_outcome(
    org: OrgId, row: OrgRow | None, stored: int, waiting: int, fault: ProtocolFault | None
) -> EventsOutcome:
    return EventsOutcome(
        org,
        stored,
        waiting,
        held_heads(row),
        None if fault is None else fault.fault,
        "" if fault is None else fault.detail,
    )


def _extent(value: list[object]) -> tuple[int, int]:
    """First and last seq that a run claims, 0 where it claims none."""
    if len(value) != 5:
        return 0, 0
    first, records = value[1], value[3]
    if type(first) is not int or first < 0 or not isinstance(records, list):
        return 0, 0
    return first, first + max(0, len(records) - 1)


def _claimed_org(value: list[object]) -> bytes | None:
    """The organisation that the first record of an unchecked run names, if it is one at all."""
    try:
        org = value[3][0][6]["org"]  # type: ignore[index]
    except (IndexError, KeyError, TypeError):
        return None
    return org if isinstance(org, bytes) else None


def _nothing_held(seq: int) -> bytes | None:
    return None


def _names_unknown_event(records: Sequence[CheckedRecord], org: OrgRow) -> bool:
    """Whether a writer knew an identity event that is not held. Spec: 5.3.2."""
    for record in records:
        if record.ext and record.kind <= Kind.CLOSE:
            heads = record.ext.get("identity", ())
            if isinstance(heads, list) and not org.held.keys() >= set(heads):
                return True
    return False


def _distinct(events: Sequence[Event]) -> list[Event]:
    """Each copy once, in order: what was waiting and came again is one."""
    return list({(event.id, event.signatures): event for event in events}.values())
