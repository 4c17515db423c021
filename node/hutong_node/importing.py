"""What becomes of imported rows: new things, revisions, closes, questions, or nothing at all.

Owns the meaning of an import. A row is known by its source and business key; it is signed when it
says something that was not signed for it before, and only then. A row that is gone closes its thing
if the file is said to be complete, and only where nobody counts on it; otherwise a person is asked.
Every objection to a row is told with its path, rule and example, and the other rows go on.

Rows are read and mapped elsewhere, by adapters; here they come as drafts. Spec: 12.2, 12.11, 13.2.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Final

from hutong_node.api_models import (
    GoneRow,
    ImportAnswer,
    ImportRequest,
    ImportRow,
    RowOutcome,
    RowResult,
)
from hutong_node.config import DataFolder
from hutong_node.drafting import Draft, draft_from_json
from hutong_node.intake import Intake, QueuedDraft, RowState, RunRefused
from hutong_node.keys import read_secret, write_secret
from hutong_node.node import Node
from hutong_node.refusals import Code, Refused
from hutong_node.row_plans import RowPlan, plan_change, plan_close, plan_first
from hutong_node.row_signing import RowSigning, SignedRow
from hutong_node.showing import problem_items, record_text
from hutong_protocol.encoding import Value, encode
from hutong_protocol.exchange import Scope
from hutong_protocol.fold import ThingView
from hutong_protocol.schema import Problem
from hutong_protocol.schema.facts import REVISABLE

_SOURCE_KEY_BYTES: Final = 16
_SOURCE_KEY_FILE: Final = "source.key"
_WITH_SOURCE: Final = ("need/1", "offer/1")


@dataclass(slots=True)
class _Verdict:
    """What is to become of one row; filled in as it happens."""

    asked: ImportRow
    outcome: RowResult
    state: RowState | None = None
    plan: RowPlan | None = None
    queued: Draft | None = None
    drop_draft: bool = False
    problems: list[Problem] = field(default_factory=list)
    record: bytes | None = None
    queue: int | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """What was known before the rows of a request were looked at."""

    number: int
    scopes: frozenset[Scope]
    rows: dict[str, RowState]
    drafts: dict[str, QueuedDraft]
    seen: dict[str, bytes] = field(default_factory=dict)


class Importing:
    """The import desk of one node."""

    def __init__(self, node: Node, intake: Intake) -> None:
        self._node = node
        self._intake = intake
        self.signing = RowSigning(node, intake)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def alone(self, source: str) -> AbstractAsyncContextManager[None]:
        """Held while rows of a source are decided about, so that two don't decide at once."""
        return self._locks[source]

    async def take(self, source: str, request: ImportRequest) -> ImportAnswer:
        """Does with rows what they need; see `ImportRequest` and `ImportAnswer`.

        Raises:
            Refused: another run of this source is under way, or came after this one; or nothing may
                be signed now.
            StoreError: the store failed; sending the same again goes on from there.
        """
        if not (request.dry_run or request.queue):
            self._require_signing()
        async with self.alone(source):
            run = request.run or secrets.token_hex(8)
            number = await self._begin(source, run, request)
            await self._node.index_is_current()
            verdicts = await self._judge(source, request, number)
            if request.dry_run:
                gone = await self._gone(source, request, number, rows_seen=len(request.rows))
                return _answer(source, run, request, verdicts, [shown for shown, _ in gone], 0)
            signed = await self._carry_out(source, request, verdicts)
            rows_seen = await asyncio.to_thread(self._intake.add_seen, number, len(request.rows))
            closed: list[GoneRow] = []
            if request.last:
                closed, closes = await self._close_gone(source, request, number, rows_seen)
                signed += closes
                await asyncio.to_thread(self._intake.finish_run, number, self._node.clock.now_ms())
            await asyncio.to_thread(self._intake.remove_leftovers, of_plans=request.last)
            return _answer(source, run, request, verdicts, closed, signed)

    def _require_signing(self) -> None:
        """Refuses the whole request in place of each of its rows."""
        forbidden = self._node.parts.signing()
        if forbidden is not None:
            raise forbidden.told_as("nothing can be signed now; no row was taken")

    async def _begin(self, source: str, run: str, request: ImportRequest) -> int:
        if request.dry_run:
            return 0
        try:
            number = await asyncio.to_thread(
                self._intake.begin_run, source, run, request.mapping, self._node.clock.now_ms()
            )
        except RunRefused as refused:
            raise Refused(
                Code.OTHER_SOURCE_RUN,
                f"{refused}",
                way_out="let the other import finish, or wait a minute if it was interrupted",
            ) from None
        await self.signing.recover(source)
        return number

    # Deciding

    async def _judge(self, source: str, request: ImportRequest, number: int) -> list[_Verdict]:
        keys = [row.key for row in request.rows]
        known = _Known(
            number,
            frozenset(await asyncio.to_thread(self._node.parts.roster.subscriptions)),
            await asyncio.to_thread(self._intake.rows, source, keys),
            await asyncio.to_thread(self._intake.latest_drafts, source, keys),
        )
        secret = None
        if request.platform is not None:
            secret = await asyncio.to_thread(_source_secret, self._node.parts.folder)
        verdicts = []
        for row in request.rows:
            draft = self._draft(row, request.platform, secret)
            verdicts.append(await self._verdict(source, request, row, draft, known))
        return verdicts

    def _draft(self, row: ImportRow, platform: str | None, secret: bytes | None) -> Draft:
        facts: dict[str, object] = dict(row.facts)
        if platform is not None and secret is not None and row.type in _WITH_SOURCE:
            facts.setdefault(
                "source", {"platform": platform, "key": opaque_key(secret, platform, row.key)}
            )
        return draft_from_json(
            row.type,
            Scope(row.space, row.topic),
            refs={},
            facts=facts,
            text=row.text,
            author=self._node.parts.identity.org,
        )

    async def _verdict(
        self, source: str, request: ImportRequest, row: ImportRow, draft: Draft, known: _Known
    ) -> _Verdict:
        state = known.rows.get(row.key)
        problems = _row_problems(draft, state, known.scopes)
        if problems:
            refused = state and replace(state, run=known.number, run_digest=b"", label=row.row)
            return _Verdict(row, "refused", refused, problems=problems)
        digest = draft.digest()
        before = known.seen.get(row.key)
        if before is None and state is not None and state.run == known.number:
            before = state.run_digest or None
        if before is not None and before != digest:
            rule = "has a business key that stood in this run before, with other content"
            return _Verdict(row, "refused", problems=[Problem("key", rule)])
        repeated = row.key in known.seen
        known.seen[row.key] = digest
        if repeated:
            return _Verdict(row, "unchanged")
        told = (row.row, draft.type, draft.scope, known.number, digest)
        if state is None:
            state = RowState(source, row.key, *told)
        else:
            label, type_name, scope, run, run_digest = told
            state = replace(
                state, label=label, type=type_name, scope=scope, run=run, run_digest=run_digest
            )
        latest = known.drafts.get(row.key)
        if latest is not None and latest.state == "refused" and latest.digest == digest:
            rule = "was refused in the queue, and has not changed since"
            return _Verdict(row, "refused", state, problems=[Problem("", rule)])
        return await self._needed(row, draft, state, waits=latest is not None, queue=request.queue)

    async def _needed(
        self, row: ImportRow, draft: Draft, state: RowState, *, waits: bool, queue: bool
    ) -> _Verdict:
        """What a sound row needs, given what was signed for it."""
        changed = state.digest != draft.digest()
        if queue and changed:
            return _Verdict(row, "queued", state, queued=draft)
        if state.thing is None:
            plan = plan_first(state, draft)
            return _Verdict(row, "new", state, plan, drop_draft=waits)
        if not changed and not state.closed:
            return _Verdict(row, "unchanged", state, drop_draft=waits)
        view = await self._view(state.thing)
        if view is not None and view.thing.steward != self._node.parts.identity.org:
            rule = "is looked after by another organisation by now: only that one may revise it"
            return _Verdict(row, "question", state, problems=[Problem("", rule)])
        outcome: RowResult = "reopened" if state.closed else "revised"
        change, problems = await self.change(state, draft)
        if change is None:
            return _Verdict(row, "refused", state, problems=problems)
        return _Verdict(row, outcome, state, change, drop_draft=waits)

    async def change(self, state: RowState, draft: Draft) -> tuple[RowPlan | None, list[Problem]]:
        """The plan that makes a published row say what `draft` says, or what forbids it."""
        revision = None
        if state.digest != draft.digest():
            revision = await self.signing.revision_of(state, draft)
            if revision.problems:
                return None, list(revision.problems)
        return plan_change(state, draft, revision), []

    # Doing

    async def _carry_out(
        self, source: str, request: ImportRequest, verdicts: Sequence[_Verdict]
    ) -> int:
        """Signs, queues and notes; returns how many records were signed now."""
        planned = [
            (verdict.state, verdict.plan)
            for verdict in verdicts
            if verdict.state is not None and verdict.plan is not None
        ]
        signed = await self.signing.sign(planned)
        by_key = {each.row.key: each for each in signed}
        now_ms = self._node.clock.now_ms()
        for verdict in verdicts:
            if verdict.plan is not None:
                _note_signed(verdict, by_key[verdict.asked.key])
            if verdict.queued is not None and verdict.state is not None:
                await asyncio.to_thread(self._intake.put_rows, [verdict.state])
                verdict.queue = await asyncio.to_thread(
                    self._intake.queue_draft,
                    verdict.state,
                    encode(_mapping(verdict.queued.facts)),
                    encode(_mapping(verdict.queued.text)),
                    verdict.queued.digest(),
                    now_ms,
                )
        noted = [v.state for v in verdicts if v.state and v.plan is None and v.queued is None]
        await asyncio.to_thread(self._intake.put_rows, noted)
        dropped = [verdict.asked.key for verdict in verdicts if verdict.drop_draft]
        await asyncio.to_thread(self._intake.drop_drafts, source, dropped, now_ms)
        kept = {
            verdict.asked.key: verdict.asked.sensitive
            for verdict in verdicts
            if verdict.outcome not in ("refused", "question") and verdict.state is not None
        }
        await asyncio.to_thread(self._intake.keep_at_home, source, kept)
        return sum(len(each.records) for each in signed if not each.again)

    # Rows that are gone

    async def _gone(
        self, source: str, request: ImportRequest, number: int, rows_seen: int
    ) -> list[tuple[GoneRow, RowState]]:
        """Published rows that a run didn't have, with what is to become of them."""
        if request.dry_run and request.run is not None:
            return []  # one chunk of several: the others may have them
        present = {row.key for row in request.rows}
        listed = []
        for row in await asyncio.to_thread(self._intake.gone_rows, source, number):
            if request.dry_run and row.key in present:
                continue
            assert row.thing is not None
            shown = GoneRow(
                key=row.key, row=row.label, outcome="gone", thing=record_text(row.thing)
            )
            if not request.complete:
                reason = "the file isn't said to be complete: not closed"
                listed.append((shown.model_copy(update={"reason": reason}), row))
                continue
            doubt = await self._doubt(row.thing, rows_seen)
            outcome = {"outcome": "question" if doubt else "closed", "reason": doubt}
            listed.append((shown.model_copy(update=outcome), row))
        return listed

    async def _doubt(self, thing: bytes, rows_seen: int) -> str:
        """Why a person must decide whether a thing is closed; empty if nothing speaks against."""
        if rows_seen == 0:
            return "the file has no row at all: is it the right one?"
        view = await self._view(thing)
        if view is None:
            return "it can't be seen at the moment: try again"
        if view.thing.steward != self._node.parts.identity.org:
            return "it is looked after by another organisation by now"
        live = live_promises(view)
        return f"{live} promises hang on it: tell their organisations first" if live else ""

    async def _close_gone(
        self, source: str, request: ImportRequest, number: int, rows_seen: int
    ) -> tuple[list[GoneRow], int]:
        listed = await self._gone(source, request, number, rows_seen)
        closing = [(row, plan_close(row)) for shown, row in listed if shown.outcome == "closed"]
        signed = {each.row.key: each for each in await self.signing.sign(closing)}
        answers = []
        for shown, row in listed:
            done = signed.get(row.key)
            if done is None:
                answers.append(shown)
            elif done.refusal is not None:
                doubt = {"outcome": "question", "reason": str(done.refusal)}
                answers.append(shown.model_copy(update=doubt))
            else:
                answers.append(shown.model_copy(update={"record": record_text(done.records[0])}))
        if request.complete and rows_seen > 0:
            now_ms = self._node.clock.now_ms()
            await asyncio.to_thread(self._intake.drop_unseen_drafts, source, number, now_ms)
        # Whoever the row was about is no longer this node's business.
        ended = [row.key for row, _ in closing if signed[row.key].refusal is None]
        await asyncio.to_thread(self._intake.forget_kept, source, ended)
        return answers, sum(not each.again for each in signed.values() if each.records)

    async def _view(self, thing: bytes) -> ThingView | None:
        now_ms = self._node.clock.now_ms()
        return await asyncio.to_thread(self._node.parts.index.view, thing, now_ms)


def live_promises(view: ThingView) -> int:
    """How many promises somebody still counts on: open ones, and accepted ones not yet settled."""
    live: set[bytes] = set()
    for line in view.lines:
        for entry in line.promises:
            owed = any(row.accepted > row.received + row.lost for row in entry.rows)
            if entry.state in ("undecided", "waiting", "unknown") or (
                entry.state == "accepted" and owed
            ):
                live.add(entry.promise.id)
    return len(live)


def opaque_key(secret: bytes, platform: str, native: str) -> str:
    """The keyed id of a row that leads nobody back to it, 16 bytes as hex. Spec: 13.2.1."""
    message = platform.encode("utf-8") + b"\0" + native.encode("utf-8")
    return hmac.digest(secret, message, "sha256")[:_SOURCE_KEY_BYTES].hex()


def _source_secret(folder: DataFolder) -> bytes:
    """The secret under which native ids are hidden; made when it is first needed."""
    path = folder.keys / _SOURCE_KEY_FILE
    if not path.exists():
        write_secret(path, secrets.token_bytes(32))
    return read_secret(path)


def _row_problems(draft: Draft, state: RowState | None, scopes: frozenset[Scope]) -> list[Problem]:
    """What forbids that a row is signed, as far as the row and its past tell."""
    if draft.type not in REVISABLE:
        known = ", ".join(REVISABLE)
        return [Problem("type", f"is one that rows can be of: {known}", "need/1")]
    problems = list(draft.problems)
    if draft.scope not in scopes:
        named = f"{draft.scope.space}/{draft.scope.topic}"
        problems.append(Problem("topic", f"is one that this node holds: hutong subscribe {named}"))
    if state is not None and state.thing is not None:
        if state.type != draft.type:
            problems.append(Problem("type", "does not change for a key", state.type))
        if state.scope != draft.scope:
            problems.append(
                Problem("topic", "and space do not change for a key", "/".join(state.scope))
            )
    return problems


def _note_signed(verdict: _Verdict, signed: SignedRow) -> None:
    if signed.refusal is not None:
        verdict.outcome = "refused"
        verdict.problems = [Problem("", str(signed.refusal))]
        return
    verdict.state = signed.row
    verdict.record = signed.records[-1]


def _answer(
    source: str,
    run: str,
    request: ImportRequest,
    verdicts: Sequence[_Verdict],
    gone: list[GoneRow],
    signed: int,
) -> ImportAnswer:
    things = {v.asked.key: v.state.thing for v in verdicts if v.state is not None}
    rows = []
    for verdict in verdicts:
        thing = things.get(verdict.asked.key)
        rows.append(
            RowOutcome(
                key=verdict.asked.key,
                row=verdict.asked.row,
                outcome=verdict.outcome,
                thing=None if thing is None else record_text(thing),
                record=None if verdict.record is None else record_text(verdict.record),
                queue=verdict.queue,
                problems=problem_items(verdict.problems),
            )
        )
    counts = Counter([*(row.outcome for row in rows), *(row.outcome for row in gone)])
    return ImportAnswer(
        source=source,
        run=run,
        rows=rows,
        gone=gone,
        counts=dict(sorted(counts.items())),
        signed=signed,
        dry_run=request.dry_run,
    )


def _mapping(value: object) -> dict[str, Value]:
    assert isinstance(value, dict)
    return value
