"""The local write path: this node's own statements, signed into its own logs.

Owns which log a statement goes to (one open log per scope and writer), when that log is given up,
and what a name (an idempotency key) of a request means. Everything happens in one transaction of
the store, so that no seq is used twice and an acknowledged record is on disk with its log's head;
headers and signatures are made by the core (`authoring`).

A log is retired, and never appended to again, when the restore marker doesn't fit the store, when a
peer shows a record of it that this store lacks, and when it is forked (hard cases 33 to 35).
Spec: 5.1.5, 5.4, 6.1.3.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, TypeAlias

from hutong_node.clock import Clock
from hutong_node.refusals import Code, Refused
from hutong_node.store.interface import NewErase, NewRecord, Publication
from hutong_node.store.sqlite.held import LogRow, OrgRow
from hutong_node.store.sqlite.ledger import Ledger
from hutong_node.store.sqlite.own_logs import OwnLogRow
from hutong_protocol import authoring, signatures
from hutong_protocol.encoding import Value
from hutong_protocol.exchange import Head, Scope
from hutong_protocol.faults import LocalProtocolError, ProtocolFault
from hutong_protocol.identity import IdentityState, decide_log
from hutong_protocol.ids import EventId, LogId, OrgId, WriterKey
from hutong_protocol.limits import NONCE_BYTES, SALT_BYTES
from hutong_protocol.log_state import LogState
from hutong_protocol.record_ext import After, OpenInfo
from hutong_protocol.records import open_info, parse_header
from hutong_protocol.runs import PartData

NAME_LENGTH_MAX: Final = 200
NEWS_MAX: Final = 10_000
"""Records of one request: some MB, and a moment's signing."""


class PublishingRefused(Exception):
    """A statement can't be signed as it is; the message says why, without quoting it."""

    def __init__(
        self,
        message: str,
        *,
        code: Code = Code.CANNOT_PUBLISH,
        way_out: str = "hutong status shows how this node is",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.way_out = way_out

    def told_as(self, title: str) -> Refused:
        """The refusal that people and programs of this node see."""
        return Refused(self.code, title, detail=str(self), way_out=self.way_out)


Forbids: TypeAlias = Callable[[], PublishingRefused | None]
"""Why nothing may be signed at this moment, whatever it says; None if something may."""


@dataclass(frozen=True, slots=True)
class OwnWriter:
    """The writer key of this node and the delegation that lets it write.

    `space_salts` are those under which the delegation lists spaces by hash, by name of the space.
    """

    org: OrgId
    delegation: EventId
    seed: bytes = field(repr=False)
    space_salts: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def key(self) -> WriterKey:
        """The public writer key."""
        return WriterKey(signatures.public_key(self.seed))


class Publisher:
    """Writes own logs through a ledger, inside the transaction of whoever calls it."""

    def __init__(
        self,
        ledger: Ledger,
        own: OwnWriter | None,
        clock: Clock,
        forbids: Forbids = lambda: None,
    ) -> None:
        """Without `own` nothing can be published, and no log is an own one.

        `forbids` is asked on the thread of the ledger, before anything is signed.
        """
        self._ledger = ledger
        self._own = own
        self._key = None if own is None else own.key
        self._clock = clock
        self._forbids = forbids

    def publish(
        self, scope: Scope, news: Sequence[NewRecord | NewErase], name: str | None, request: bytes
    ) -> Publication:
        """As `StoreMethods.publish`, but for the policy.

        Raises:
            PublishingRefused: no key here, its delegation doesn't allow it, the organisation is
                frozen, a statement breaks a limit, the name stands for another request, or nothing
                may be signed now. What was published under the name before is told all the same.
        """
        if not 0 < len(news) <= NEWS_MAX:
            raise PublishingRefused(f"{len(news)} records in one request: 1 to {NEWS_MAX}")
        if name is not None:
            if not 0 < len(name) <= NAME_LENGTH_MAX:
                raise PublishingRefused(f"an idempotency key has 1 to {NAME_LENGTH_MAX} characters")
            known = self._ledger.own.publication(name)
            if known is not None:
                if known[0] != request:
                    raise PublishingRefused("the idempotency key stands for another request")
                return known[1]
        log, own_log = self._open(scope)
        now_ms = self._clock.now_ms()
        drafts = [_draft(new, now_ms) for new in news]
        publication = self._append(log, own_log, drafts)
        if name is not None:
            self._ledger.own.keep_publication(name, request, publication, now_ms)
        return publication

    def close_log(self, scope: Scope) -> Head | None:
        """As `StoreMethods.close_log`.

        Raises:
            PublishingRefused: as `publish`.
        """
        if self._open_row(self._ledger.scope(scope).number) is None:
            return None
        log, own_log = self._open(scope)
        closing = authoring.close_draft(self._clock.now_ms())
        return self._append(log, own_log, [closing]).head

    def noticed(self, log: LogRow, why: str) -> None:
        """Retires a log if it is an own one: a peer showed that it was continued elsewhere."""
        self._ledger.own.retire(log.id, why, Head(log.state.head_seq, log.state.head_id))

    def _append(
        self, log: LogRow, own_log: OwnLogRow, drafts: Sequence[authoring.Draft]
    ) -> Publication:
        assert self._own is not None
        state = log.state
        before = authoring.OwnLog(
            *(log.id, state.head_seq, state.head_id, state.closed),
            *(self._own_clock(own_log), own_log.identity),
        )
        try:
            appended = authoring.append(
                before,
                drafts,
                identity=self._identity(log.org).heads,
                clock_held=self._ledger.clock_held(log.scope, log.org),
                sign=self._sign,
            )
        except (ProtocolFault, LocalProtocolError) as refused:
            raise PublishingRefused(str(refused)) from refused
        self._keep(log, own_log, appended)
        head = Head(appended.log.head_seq, appended.log.head_id)
        return Publication(
            tuple(authored.record.id for authored in appended.records),
            *(log.id, state.head_seq + 1, head),
            clock_alarm=appended.clock_alarm,
        )

    def _open(self, scope: Scope) -> tuple[LogRow, OwnLogRow]:
        """The open own log of a scope, made if there is none, after asking whether we may."""
        if self._own is None or self._key is None:
            raise PublishingRefused("this node has no writer key")
        forbidden = self._forbids()
        if forbidden is not None:
            raise forbidden
        own = self._own
        org = self._ledger.orgs.get(own.org)
        row = self._open_row(self._ledger.scope(scope).number)
        if row is not None:
            log = self._ledger.log(row.id)
            assert log is not None
            self._require_right(log.org, log.state.open)
            return log, row
        identity = self._identity(org)
        assert org is not None
        number = self._ledger.scope(scope).number
        try:
            appended = authoring.open_log(
                org=own.org,
                writer=self._key,
                delegation=own.delegation,
                space=scope.space,
                topic=scope.topic,
                nonce=secrets.token_bytes(NONCE_BYTES),
                identity=identity.heads,
                ts=self._clock.now_ms(),
                own_clock=self._last_clock(number),
                clock_held=self._ledger.clock_held(self._ledger.scope(scope), org),
                sign=self._sign,
                after=self._predecessor(number),
                space_salt=own.space_salts.get(scope.space),
            )
        except (ProtocolFault, LocalProtocolError) as refused:
            raise PublishingRefused(str(refused)) from refused
        opened = open_info(parse_header(appended.records[0].record.header))
        self._require_right(org, opened)
        row = OwnLogRow(
            *(appended.log.log, number, self._key, Head(0, appended.log.head_id)),
            *(appended.log.clock, appended.log.identity, None),
        )
        state = LogState(appended.log.log, opened, 0, appended.log.head_id, closed=False)
        log = self._ledger.add_log(state, org)
        return log, self._keep(log, row, appended)

    def _keep(self, log: LogRow, row: OwnLogRow, appended: authoring.Appended) -> OwnLogRow:
        """Puts signed records into the log, and what must be known to go on."""
        end = appended.log
        seals = [
            (authored.record.seq, authored.signature)
            for authored in appended.records
            if authored.signature is not None
        ]
        state = replace(log.state, head_seq=end.head_seq, head_id=end.head_id, closed=end.closed)
        self._ledger.append(log, [each.record for each in appended.records], seals, state)
        row = replace(
            row,
            head=Head(end.head_seq, end.head_id),
            clock=end.clock,
            identity=end.identity,
            retired="closed" if end.closed else None,
        )
        self._ledger.own.put(row)
        return row

    def _identity(self, org: OrgRow | None) -> IdentityState:
        if org is None or org.state is None:
            raise PublishingRefused("the identity of this node's organisation is not in the store")
        return org.state

    def _require_right(self, org: OrgRow, opened: OpenInfo) -> None:
        refusal = decide_log(org.state, opened)
        if refusal is not None:
            raise PublishingRefused(
                f"the delegation of this node's writer key does not allow it: {refusal.value}"
            )

    def _open_row(self, scope: int) -> OwnLogRow | None:
        if self._key is None:
            return None
        rows = [row for row in self._ledger.own.in_scope(scope, self._key) if row.retired is None]
        return rows[-1] if rows else None

    def _last_clock(self, scope: int) -> int:
        assert self._key is not None
        rows = self._ledger.own.in_scope(scope, self._key)
        return max((row.clock for row in rows), default=0)

    def _own_clock(self, row: OwnLogRow) -> int:
        return max(row.clock, self._last_clock(row.scope))

    def _predecessor(self, scope: int) -> After | None:
        """The last place of the log that a new one takes over from."""
        assert self._key is not None
        rows = self._ledger.own.in_scope(scope, self._key)
        if not rows:
            return None
        last = max(rows, key=lambda row: (row.clock, row.head))
        return After(LogId(last.id), last.head.seq, last.head.record)

    def _sign(self, message: bytes) -> bytes:
        assert self._own is not None
        return signatures.sign(self._own.seed, message)


def _draft(new: NewRecord | NewErase, now_ms: int) -> authoring.Draft:
    if isinstance(new, NewErase):
        return authoring.erase_draft(now_ms, new.masks)
    ext: dict[str, Value] = {}
    if new.expires_ms:
        ext["exp"] = {str(position): at for position, at in sorted(new.expires_ms.items())}
    parts = tuple(
        PartData(part.role, secrets.token_bytes(SALT_BYTES), part.data) for part in new.parts
    )
    return authoring.Draft(now_ms, type=new.type, refs=new.refs, parts=parts, ext=ext)
