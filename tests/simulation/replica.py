"""A store in memory with the methods of `ReplicaStore`, built on the core's pure modules.

What a node's store keeps in tables this one keeps in dicts; every method is one transaction, since
nothing interrupts it. Besides, it can be hurt on purpose: signatures turned to garbage, parts that
rot or go missing, a state put back to an older copy. It judges by the same functions as a node:
`check_run`, `join`, `decide_log`, `admit`, `effective_mask`.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from hutong_protocol import tree
from hutong_protocol.encoding import encode
from hutong_protocol.erasure import Erase, EraseTarget, effective_mask
from hutong_protocol.exchange import (
    Cursor,
    EventsBatch,
    EventsOutcome,
    Head,
    HeadsPage,
    Held,
    HeldLog,
    HeldOrg,
    LogHeads,
    LogRun,
    OrgDigest,
    PartItem,
    PartsBatch,
    PartWant,
    RunOutcome,
    RunsBatch,
    RunWant,
    Scope,
    ScopeRoot,
)
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.identity import IdentityState, decide_log, state_of
from hutong_protocol.identity_admission import admit
from hutong_protocol.identity_events import Event, parse_event
from hutong_protocol.ids import EventId, LogId, OrgId, RecordId
from hutong_protocol.log_state import LogState, Refused, join
from hutong_protocol.records import Kind, OpenInfo
from hutong_protocol.runs import (
    CheckedRecord,
    CheckedRun,
    PartData,
    RunSource,
    check_run,
    encode_run_value,
    fit_run,
)
from hutong_protocol.signatures import record_message, verify
from simulation.replica_state import Kept, Log, ScopeState, ancestors_first, fits, owner_of


class Replica:
    """The store of one simulated node.

    Args:
        accepts: whether records of an organisation are taken.
    """

    def __init__(
        self,
        own: OrgId,
        rng: random.Random,
        accepts: Callable[[OrgId], bool] = lambda org: True,
    ) -> None:
        self.own = own
        self.epoch = rng.randbytes(16)
        self.accepts = accepts
        self.logs: dict[LogId, Log] = {}
        self.records: dict[RecordId, tuple[Log, Kept]] = {}
        self.identities: dict[OrgId, dict[EventId, Event]] = {}
        self.states: dict[OrgId, IdentityState] = {}
        self.waiting: list[Event] = []
        self.scopes: dict[Scope, ScopeState] = {}
        self.erases: dict[bytes, list[Erase]] = {}
        self.verified = 0

    def snapshot(self) -> Replica:
        """A copy, as a backup is."""
        copied = copy.copy(self)
        copied.logs, copied.records = {}, {}
        for key, log in self.logs.items():
            kept = [replace(entry, parts=list(entry.parts)) for entry in log.kept]
            signatures, forks = dict(log.signatures), dict(log.forks)
            copied.logs[key] = replace(log, kept=kept, signatures=signatures, forks=forks)
            copied.records |= {entry.record.id: (copied.logs[key], entry) for entry in kept}
        copied.identities = {org: dict(held) for org, held in self.identities.items()}
        copied.states = dict(self.states)
        copied.waiting = list(self.waiting)
        copied.scopes = {
            scope: replace(
                state,
                changed=dict(state.changed),
                entries=dict(state.entries),
                missing=set(state.missing),
                buckets=list(state.buckets),
                nodes=list(state.nodes),
            )
            for scope, state in self.scopes.items()
        }
        copied.erases = {target: list(named) for target, named in self.erases.items()}
        return copied

    # Roots and heads

    def _scope(self, scope: Scope) -> ScopeState:
        return self.scopes.setdefault(scope, ScopeState())

    def _changed(self, scope: Scope, entry_id: bytes, entry: bytes) -> None:
        state = self._scope(scope)
        if state.entries.get(entry_id) != entry:
            state.change(entry_id, entry)

    def scope_roots(self, scopes: Sequence[Scope]) -> list[ScopeRoot]:
        found = []
        for scope in scopes:
            state = self._scope(scope)
            cursor = Cursor(self.epoch, state.counter)
            found.append(ScopeRoot(scope, state.root(scope), cursor, len(state.missing)))
        return found

    def heads(
        self, scope: Scope, since: Cursor | None, after: bytes | None, entries_max: int
    ) -> HeadsPage:
        state = self._scope(scope)
        known = since is not None and since.epoch == self.epoch and since.counter <= state.counter
        least = since.counter if known and since else 0
        ids = sorted(
            identifier
            for identifier, counter in state.changed.items()
            if counter > least and (after is None or identifier > after)
        )
        logs: list[LogHeads] = []
        orgs: list[OrgDigest] = []
        for identifier in ids[:entries_max]:
            log = self.logs.get(LogId(RecordId(identifier)))
            if log is not None:
                logs.append(LogHeads(log.state.log, (Head(log.state.head_seq, log.state.head_id),)))
            else:
                org = OrgId(EventId(identifier))
                orgs.append(OrgDigest(org, self.states[org].digest))
        cursor = Cursor(self.epoch, state.counter)
        listed = (tuple(logs), tuple(orgs), len(ids) > entries_max)
        return HeadsPage(scope, cursor, not known, *listed)

    def held(self, scope: Scope, logs: Sequence[LogHeads], orgs: Sequence[OrgId]) -> Held:
        found = []
        for entry in logs:
            log = self.logs.get(entry.log)
            if log is None:
                found.append(HeldLog(entry.log, None, entry.heads))
                continue
            unknown = tuple(
                head
                for head in entry.heads
                if head.seq > log.state.head_seq or log.kept[head.seq].record.id != head.record
            )
            refused = None
            if unknown and all(head.record in log.forks for head in unknown):
                refused = Fault.FORK
            if unknown:
                head = Head(log.state.head_seq, log.state.head_id)
                found.append(HeldLog(entry.log, head, unknown, refused))
        heads = tuple(
            HeldOrg(org, self.states[org].heads if org in self.states else ()) for org in orgs
        )
        return Held(tuple(found), heads)

    # Runs

    def read_runs(self, scope: Scope, wants: Sequence[RunWant], bytes_max: int) -> RunsBatch:
        erasing = [want for want in wants if self._erases_in(want.log)]
        ordered = erasing + [want for want in wants if not self._erases_in(want.log)]
        runs: list[LogRun] = []
        size = 0
        for at, want in enumerate(ordered):
            first_seq, left = want.first_seq, want.runs_max
            while True:
                run = self._run(scope, want.log, first_seq)
                if run is None:
                    break
                run_size = len(encode(run))  # type: ignore[arg-type]
                if runs and size + run_size > bytes_max:
                    rest = RunWant(want.log, first_seq, left)
                    return RunsBatch(tuple(runs), (rest, *ordered[at + 1 :]))
                size += run_size
                runs.append(LogRun(want.log, run))
                records = run[3]
                assert isinstance(records, list)
                first_seq += len(records)
                left -= 1
                if left == 0:
                    break
        return RunsBatch(tuple(runs), ())

    def _erases_in(self, log_id: LogId) -> bool:
        log = self.logs.get(log_id)
        return log is not None and any(kept.record.kind == Kind.ERASE for kept in log.kept)

    def _run(self, scope: Scope, log_id: LogId, first_seq: int) -> list[object] | None:
        """The next run by spec 6.6: it ends at a signature that verifies here and now."""
        log = self.logs.get(log_id)
        if log is None or log.scope != scope or first_seq > log.state.head_seq:
            return None
        kept = log.kept[first_seq : first_seq + 256]
        ends = [
            at
            for at, entry in enumerate(kept, start=1)
            if self._verifies(log, entry.record.seq, entry.record.id)
        ]
        if not ends:
            return None
        sources = [RunSource(entry.record.header, tuple(entry.parts)) for entry in kept]
        prev = log.kept[first_seq - 1].record.id if first_seq else b""
        fitted = fit_run(first_seq, prev, sources, ends)
        for index, position in fitted.rotten:
            kept[index].parts[position] = None
            self._scope(scope).missing.add(kept[index].record.id)
        seal = log.signatures[first_seq + len(fitted.records) - 1]
        return encode_run_value(log_id, first_seq, prev, fitted.records, seal)

    def _verifies(self, log: Log, seq: int, record: RecordId) -> bool:
        signature = log.signatures.get(seq)
        return signature is not None and verify(
            log.state.open.writer, record_message(record), signature
        )

    def store_runs(self, scope: Scope, runs: Sequence[LogRun], source: OrgId) -> list[RunOutcome]:
        return [self._store_run(scope, log, run) for log, run in runs]

    def _store_run(self, scope: Scope, log_id: LogId, value: list[object]) -> RunOutcome:
        log = self.logs.get(log_id)
        state = log.state if log else None
        held = Head(state.head_seq, state.head_id) if state else None

        def outcome(fault: Fault, seqs: tuple[int, int], **more: object) -> RunOutcome:
            return RunOutcome(log_id, *seqs, fault, 0, held, **more)  # type: ignore[arg-type]

        first_seq = value[1] if len(value) > 1 and type(value[1]) is int else 0
        if log is None and first_seq > 0:
            return outcome(Fault.GAP, (first_seq, first_seq))
        writer = state.open.writer if state else None
        try:
            self.verified += 1
            run = check_run(value, log_id=log_id, writer=writer)
        except ProtocolFault as fault:
            return outcome(fault.fault, (first_seq, first_seq), detail=fault.detail)
        seqs = (run.first_seq, run.last.seq)
        opened = state.open if state else run.opened
        assert opened is not None
        refusal = self._admitted(scope, opened)
        if refusal is not None:
            needs = opened.org if refusal is Fault.IDENTITY_NEEDED else None
            return outcome(refusal, seqs, needs=needs)
        joined = join(state, run, lambda seq: log.kept[seq].record.id if log else None)
        if isinstance(joined, Refused):
            if joined.fault is not Fault.FORK:
                return outcome(joined.fault, seqs, at_join=True)
            if joined.seq is not None and log is not None:
                log.forks[run.last.id] = joined.seq
            return outcome(Fault.FORK, seqs, fork_seq=joined.seq)
        log = self._append(scope, log, run, joined.new_records, joined.new_state)
        for part in joined.filled:
            self._fill(log.kept[part.seq], part.position, part.part)
        head = Head(log.state.head_seq, log.state.head_id)
        return RunOutcome(log_id, *seqs, None, len(joined.new_records), head)

    def _admitted(self, scope: Scope, opened: OpenInfo) -> Fault | None:
        if Scope(opened.space, opened.topic) != scope or not self.accepts(opened.org):
            return Fault.NOT_ACCEPTED
        return decide_log(self.states.get(opened.org), opened)

    def _append(
        self,
        scope: Scope,
        log: Log | None,
        run: CheckedRun,
        records: Sequence[CheckedRecord],
        state: LogState,
    ) -> Log:
        if log is None:
            log = self.logs[run.log] = Log(state, scope)
        log.signatures[run.last.seq] = run.seal
        for record in records:
            kept = Kept(record, list(record.parts))
            log.kept.append(kept)
            self.records[record.id] = (log, kept)
        log.state = state
        for record in records:
            self._take_effect(log, log.kept[record.seq])
        if records:
            self._changed(scope, log.state.log, tree.log_entry(log.state.log, [state.head_id]))
            self._org_changed(scope, state.open.org)
        return log

    def _org_changed(self, scope: Scope, org: OrgId) -> None:
        self._changed(scope, org, tree.org_entry(org, self.states[org].digest))

    # Erasing and parts

    def _take_effect(self, log: Log, kept: Kept) -> None:
        record = kept.record
        if record.kind == Kind.ERASE:
            masks = record.ext["mask"]
            assert isinstance(masks, list)
            delegation = self.states[log.state.open.org].delegations[log.state.open.delegation]
            names = tuple(
                (RecordId(ref), mask)
                for ref, mask in zip(record.refs, masks, strict=True)
                if isinstance(mask, int)
            )
            erase = Erase(owner_of(log), delegation.rights.erase, names)
            for ref in record.refs:
                self.erases.setdefault(ref, []).append(erase)
                target = self.records.get(RecordId(ref))
                if target is not None:
                    self._erase(*target)
        self._erase(log, kept)

    def _erase(self, log: Log, kept: Kept) -> None:
        """Drops what effective erases name, and puts what is missing on the want-list."""
        target = EraseTarget(kept.record.id, owner_of(log), len(kept.parts))
        for erase in self.erases.get(kept.record.id, ()):
            kept.erased |= effective_mask(erase, target)
        for position in range(len(kept.parts)):
            if kept.erased >> position & 1:
                kept.parts[position] = None
        self._note_missing(log.scope, kept)

    def _note_missing(self, scope: Scope, kept: Kept) -> None:
        wanted = self._scope(scope).missing
        if kept.missing:
            wanted.add(kept.record.id)
        else:
            wanted.discard(kept.record.id)

    def _fill(self, kept: Kept, position: int, part: PartData) -> bool:
        """Keeps a part if it is missing and fits."""
        if not kept.missing >> position & 1:
            return False
        kept.parts[position] = part
        self._note_missing(self.records[kept.record.id][0].scope, kept)
        return True

    def scrub(self) -> None:
        """Finds parts that rotted where they lie; they are missing from now on. Spec: 5.6.3."""
        for log, kept in self.records.values():
            for position, part in enumerate(kept.parts):
                if part is not None and not fits(kept, position, part):
                    kept.parts[position] = None
                    self._note_missing(log.scope, kept)

    def missing_parts(self, scope: Scope, after: RecordId | None, wants_max: int) -> list[PartWant]:
        wanted = sorted(
            record for record in self._scope(scope).missing if after is None or record > after
        )
        return [PartWant(record, self.records[record][1].missing) for record in wanted[:wants_max]]

    def read_parts(self, scope: Scope, wants: Sequence[PartWant], bytes_max: int) -> PartsBatch:
        items: list[PartItem] = []
        size = 0
        for want in wants:
            log, kept = self.records.get(want.record, (None, None))
            if log is None or kept is None or log.scope != scope:
                continue
            for position, part in enumerate(kept.parts):
                if part is None or not want.mask >> position & 1 or not fits(kept, position, part):
                    continue
                size += len(part.data) + 64
                if size > bytes_max:
                    return PartsBatch(tuple(items), more=True)
                items.append(PartItem(want.record, position, part.salt, part.data))
        return PartsBatch(tuple(items), more=False)

    def store_parts(self, scope: Scope, items: Sequence[PartItem]) -> int:
        stored = 0
        for item in items:
            found = self.records.get(item.record)
            if found is None or found[0].scope != scope:
                continue
            kept = found[1]
            if item.position < len(kept.parts):
                role = kept.record.part_refs[item.position].role
                part = PartData(role, item.salt, item.data)
                if fits(kept, item.position, part):
                    stored += self._fill(kept, item.position, part)
        return stored

    # Identity

    def events(
        self, org: OrgId, have: Sequence[EventId], scopes: Sequence[Scope], bytes_max: int
    ) -> EventsBatch:
        held = self.identities.get(org, {})
        if org != self.own and not any(org in self._scope(scope).entries for scope in scopes):
            held = {}
        known: set[EventId] = set()
        queue = [identifier for identifier in have if identifier in held]
        while queue:
            ancestor = queue.pop()
            if ancestor not in known:
                known.add(ancestor)
                queue += held[ancestor].context
        batch: list[object] = []
        size = 0
        for event in ancestors_first(held):
            if event.id in known:
                continue
            value = event.to_value()
            size += len(encode(value))
            if batch and size > bytes_max:
                return EventsBatch(org, tuple(batch), more=True)
            batch.append(value)
        return EventsBatch(org, tuple(batch), more=False)

    def store_events(self, org: OrgId, events: Sequence[object]) -> EventsOutcome:
        fault: ProtocolFault | None = None
        parsed: list[Event] = []
        for value in events:
            try:
                parsed.append(parse_event(value))
            except ProtocolFault as refused:
                fault = fault or refused
        before = dict(self.identities.get(org, {}))
        mine = [event for event in (*self.waiting, *parsed) if event.org == org]
        others = [event for event in self.waiting if event.org != org]
        admission = admit(mine, before)
        fault = next(iter(admission.refused.values()), fault)
        self.waiting = others + [mine[at] for at in admission.waiting]
        held = dict(admission.held)
        if len(held) > len(before):
            self.identities[org] = held
            self.states[org] = state_of(held)
            for scope, state in self.scopes.items():
                if org in state.entries:
                    self._org_changed(scope, org)
        return EventsOutcome(
            org,
            stored=len(held) - len(before),
            waiting=len(admission.waiting),
            heads=self.states[org].heads if org in self.states else (),
            fault=fault.fault if fault else None,
            detail=fault.detail if fault else "",
        )
