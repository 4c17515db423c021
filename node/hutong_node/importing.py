"""What becomes of imported rows: new things, revisions, closes, questions, or nothing at all.

Owns the meaning of an import. A row is known by its source and business key; it is signed when it
says something that was not signed for it before, and only then. A row that is gone closes its thing
if the file is said to be complete, and only where nobody counts on it; otherwise a person is asked.
Every objection to a row is told with its path, rule and example, and the other rows go on.

Rows are read and mapped elsewhere, by adapters; here they come as drafts, and `row_judging` says
what each of them needs. Spec: 12.2, 12.11, 13.2.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from hutong_node.api_models import (
    GoneRow,
    ImportAnswer,
    ImportRequest,
    ImportRow,
    RowOutcome,
    SourceAnswer,
)
from hutong_node.import_sources import source_answer
from hutong_node.intake import DraftMark, Intake, RowState, RunRefused
from hutong_node.node import Node
from hutong_node.refusals import Code, Refused
from hutong_node.row_judging import RowJudge, Verdict
from hutong_node.row_plans import plan_close
from hutong_node.row_signing import RowSigning, SignedRow
from hutong_node.showing import problem_items, record_text, time_text, title_of
from hutong_node.store.interface import StoreMethods
from hutong_protocol.encoding import Value, encode
from hutong_protocol.fold import ThingView
from hutong_protocol.ids import RecordId
from hutong_protocol.personal_data import findings
from hutong_protocol.schema import Problem

_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TITLES_AT_ONCE: Final = 500
_HIDDEN: Final = "(hidden: it holds personal data)"


class Importing:
    """The import desk of one node."""

    def __init__(self, node: Node, intake: Intake) -> None:
        self._node = node
        self._intake = intake
        self.signing = RowSigning(node, intake)
        self.judge = RowJudge(node, intake, self.signing)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def alone(self, source: str) -> AbstractAsyncContextManager[None]:
        """Held while rows of a source are decided about, so that two don't decide at once."""
        return self._locks[source]

    async def take(self, source: str, request: ImportRequest) -> ImportAnswer:
        """Does with rows what they need; see `ImportRequest` and `ImportAnswer`.

        Raises:
            Refused: no name of a source; another run of it is under way, or came after this one; or
                nothing may be signed now.
            StoreError: the store failed; sending the same again goes on from there.
        """
        _require_name(source)
        _require_list(request)
        if not (request.dry_run or request.queue or request.pause):
            self._require_signing()
        async with self.alone(source):
            run = request.run or secrets.token_hex(8)
            number = await self._begin(source, run, request)
            if request.pause:
                await asyncio.to_thread(self._intake.pause_run, number)
                return _answer(source, run, request, [], [], 0)
            await self._node.index_is_current()
            verdicts = await self.judge.judge(source, request, number)
            if request.dry_run:
                present = {row.key for row in request.rows} | {v.renamed or "" for v in verdicts}
                gone = await self._gone(source, request, number, len(present), present)
                return _answer(source, run, request, verdicts, [shown for shown, _ in gone], 0)
            signed = await self._carry_out(source, number, verdicts)
            rows_seen = await asyncio.to_thread(
                self._intake.add_seen, number, len(request.rows), request.first
            )
            closed: list[GoneRow] = []
            if request.last:
                closed, closes = await self._close_gone(source, request, number, rows_seen)
                signed += closes
                await asyncio.to_thread(self._intake.finish_run, number, self._node.clock.now_ms())
            await asyncio.to_thread(self._intake.remove_leftovers, of_plans=request.last)
            return _answer(source, run, request, verdicts, closed, signed)

    async def about(self, source: str, state: str | None) -> SourceAnswer:
        """What is known of a source; see `SourceAnswer`."""
        _require_name(source)
        wanted = None if state is None else bytes.fromhex(state)
        return await asyncio.to_thread(source_answer, self._intake, source, wanted)

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
                self._intake.begin_run,
                *(source, run, request.mapping, self._node.clock.now_ms()),
                state=bytes.fromhex(request.state or ""),
                columns=request.columns,
                newest=request.newest,
                export=request.any_source,
            )
        except RunRefused as refused:
            raise Refused(
                Code.OTHER_SOURCE_RUN,
                f"{refused}",
                way_out="let the other import finish, or wait a minute if it was interrupted",
            ) from None
        await self.signing.recover(source)
        return number

    # Doing

    async def _carry_out(self, source: str, number: int, verdicts: Sequence[Verdict]) -> int:
        """Signs, queues and notes; returns how many records were signed now."""
        renamed = [(v.renamed, v.asked.key) for v in verdicts if v.renamed is not None]
        await asyncio.to_thread(self._intake.rename_rows, source, renamed)
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
                    _marks(verdict.asked),
                    await self._base(verdict.state),
                )
        noted = [v.state for v in verdicts if v.state and v.plan is None and v.queued is None]
        await asyncio.to_thread(self._intake.put_rows, noted)
        present = {key for verdict in verdicts for key in verdict.present}
        await asyncio.to_thread(self._intake.touch_rows, source, present, number)
        dropped = [verdict.asked.key for verdict in verdicts if verdict.drop_draft]
        await asyncio.to_thread(self._intake.drop_drafts, source, dropped, now_ms)
        kept = {
            verdict.asked.key: verdict.asked.sensitive
            for verdict in verdicts
            if verdict.outcome not in ("declined", "refused", "question")
            and verdict.state is not None
        }
        await asyncio.to_thread(self._intake.keep_at_home, source, kept)
        return sum(len(each.records) for each in signed if not each.again)

    async def _base(self, row: RowState) -> bytes | None:
        """The version that a draft of a row would replace, as it is shown beside it."""
        view = None if row.thing is None else await self.judge.identity.view(row.thing)
        return None if view is None else view.thing.revision

    # Rows that are gone

    async def _gone(
        self,
        source: str,
        request: ImportRequest,
        number: int,
        rows_seen: int,
        present: Collection[str] = (),
    ) -> list[tuple[GoneRow, RowState]]:
        """Published rows that a run didn't have, with what is to become of them."""
        if request.dry_run and request.run is not None:
            return []  # one chunk of several: the others may have them
        if request.any_source and not request.dry_run:
            return []  # what an export leaves out is not gone
        listed = []
        rows = await asyncio.to_thread(self._intake.gone_rows, source, number)
        rows = [row for row in rows if row.key not in present]
        titles = await self._titles(rows)
        for row in rows:
            assert row.thing is not None
            shown = GoneRow(
                key=row.key,
                row=row.label,
                title=titles.get(row.thing),
                outcome="gone",
                thing=record_text(row.thing),
            )
            if not request.complete:
                reason = "the file isn't said to be complete: not closed"
                listed.append((shown.model_copy(update={"reason": reason}), row))
                continue
            doubt = await self._doubt(row, row.thing, rows_seen)
            outcome = {"outcome": "question" if doubt else "closed", "reason": doubt}
            listed.append((shown.model_copy(update=outcome), row))
        return listed

    async def _doubt(self, row: RowState, thing: bytes, rows_seen: int) -> str:
        """Why a person must decide whether a thing is closed; empty if nothing speaks against."""
        if rows_seen == 0:
            return "the file has no row at all: is it the right one?"
        view = await self.judge.identity.view(thing)
        if view is None:
            return "it can't be seen at the moment: try again"
        if view.thing.steward != self._node.parts.identity.org:
            return "it is looked after by another organisation by now"
        by_hand = f"`hutong close {record_text(thing)} --reason ...`"
        for other in await asyncio.to_thread(self._intake.rows_listing, thing, row.source):
            return (
                f"it is also {other.label} of the source {other.source}, which still has it: take"
                f" it out there too, or close it with {by_hand}"
            )
        live = live_promises(view)
        if live:
            hang = "1 promise hangs" if live == 1 else f"{live} promises hang"
            return (
                f"{hang} on it: tell their organisations first, then close it with {by_hand}, or"
                " put the row back"
            )
        return ""

    async def _titles(self, rows: Sequence[RowState]) -> dict[bytes, str]:
        """The titles of rows as they were signed last, by their things."""
        found: dict[bytes, str] = {}
        for start in range(0, len(rows), _TITLES_AT_ONCE):
            some = rows[start : start + _TITLES_AT_ONCE]
            wanted = {RecordId(row.revision or row.thing or b""): row.thing for row in some}
            held = await self._node.parts.store.call(StoreMethods.records, list(wanted))
            for identifier, record in held.items():
                thing, title = wanted[identifier], title_of(record)
                if thing is not None and title is not None and not findings(title):
                    found[thing] = title
        return found

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


def _require_name(source: str) -> None:
    if _SOURCE.fullmatch(source) is None:
        raise Refused(
            Code.BAD_REQUEST,
            "the name of a source is of a-z, 0-9, dots, hyphens and underscores, at most 64",
        )


def _require_list(request: ImportRequest) -> None:
    """An export has what its filters let through: it says nothing of the rest. Decision 0020."""
    if request.complete and request.any_source:
        raise Refused(
            Code.BAD_REQUEST,
            "an export is not complete: it has what its filters let through",
            way_out="close a thing with `hutong close ID --reason ...`, or in your own sheet",
        )


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


def _note_signed(verdict: Verdict, signed: SignedRow) -> None:
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
    verdicts: Sequence[Verdict],
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
                read=verdict.read,
                read_at=time_text(verdict.read_ms),
                same_as=verdict.same_as,
                changes=verdict.changes,
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


def _marks(row: ImportRow) -> list[DraftMark]:
    """The marks of a row, as they may be kept and shown: an adapter's slip is not repeated."""
    return [
        DraftMark(
            _HIDDEN if findings(mark.cell) else mark.cell,
            mark.field,
            mark.what,
            _HIDDEN if findings(mark.words) else mark.words,
        )
        for mark in row.marks
    ]


def _mapping(value: object) -> dict[str, Value]:
    assert isinstance(value, dict)
    return value
