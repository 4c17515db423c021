"""The queue: drafts that somebody looks at before they are signed. Spec: 13.1.2.

Owns what happens when a person releases or refuses a draft. Releasing signs what the row needs and,
beside it, this organisation's own check of it: a `verify` bound to what was checked by its digests
(Spec: 12.18). Both have names of their own, so that releasing twice, or again after a crash, signs
each once. Who checked is a person: the name stays on this node, the content of the draft doesn't.

Decisions about a source wait for each other and for its imports, and each looks at the draft again
when its turn has come: of two people who decide about one draft, the second is told so, and what
nobody was shown is not signed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from hutong_node.api_models import (
    DecidedAnswer,
    DecidedItem,
    DraftLine,
    DraftsAsked,
    MarkItem,
    QueueAnswer,
    QueueItem,
    QueueSource,
    RefuseManyRequest,
    ReleaseAnswer,
    ReleaseManyRequest,
)
from hutong_node.drafting import Draft, checked
from hutong_node.importing import Importing
from hutong_node.intake import DraftFilter, DraftMark, Intake, QueuedDraft, RowState
from hutong_node.intake_shapes import DECIDED_MAX
from hutong_node.node import Node
from hutong_node.own_checks import confirmed, groups_of
from hutong_node.publishing import PublishingRefused
from hutong_node.refusals import Code, Refused
from hutong_node.row_plans import plan_first
from hutong_node.showing import as_json, problem_items, record_text, time_text
from hutong_protocol.encoding import Value
from hutong_protocol.fold.versions import coded_text
from hutong_protocol.ids import RecordId
from hutong_protocol.instants import instant_text
from hutong_protocol.schema import Problem, Refs, decode_part, write_refs

_VERIFY: Final = "verify/1"
_OF_ONE_DRAFT: Final = (Code.NOT_FOUND, Code.ALREADY_DECIDED, Code.INVALID_RECORD)
"""Refusals that say nothing about other drafts."""


class Screening:
    """The queue of one node."""

    def __init__(self, node: Node, intake: Intake, importing: Importing) -> None:
        self._node = node
        self._intake = intake
        self._importing = importing

    async def page(
        self, after: int, drafts_max: int, wanted: DraftFilter | None = None
    ) -> QueueAnswer:
        """Drafts that wait and pass, with numbers above `after`, oldest first."""
        drafts = await asyncio.to_thread(self._intake.waiting_drafts, after, drafts_max + 1, wanted)
        shown = []
        for draft in drafts[:drafts_max]:
            rows = await asyncio.to_thread(self._intake.rows, draft.source, [draft.key])
            marks = await asyncio.to_thread(self._intake.marks, draft.id)
            shown.append(_item(draft, rows.get(draft.key), marks))
        counts = await asyncio.to_thread(self._intake.waiting_counts)
        more = len(drafts) > drafts_max
        return QueueAnswer(
            drafts=shown,
            waiting=sum(count.waiting for count in counts),
            sources=[
                QueueSource(source=count.source, waiting=count.waiting, marked=count.marked)
                for count in counts
            ],
            upto=await asyncio.to_thread(self._intake.waiting_upto),
            next=str(shown[-1].id) if more else None,
        )

    async def one(self, number: int) -> QueueItem:
        """A draft that waits, whole: with what its row keeps at home, and with what it changes.

        Raises:
            Refused: there is none with this number, or it was decided.
        """
        draft, row = await self._waiting(number)
        await self._node.index_is_current()
        kept = await asyncio.to_thread(self._intake.kept_at_home, draft.source, draft.key)
        marks = await asyncio.to_thread(self._intake.marks, number)
        changes = []
        if row.thing is not None:
            changes = await self._importing.judge.changes(row.thing, _draft(draft))
        return _item(draft, row, marks).model_copy(
            update={
                "changes": changes,
                "facts": as_json(draft.type, _decoded(draft.facts)),
                "text": as_json("", _decoded(draft.text)),
                "at_home": kept,
            }
        )

    async def release(
        self, number: int, method: str, checker: str, groups: Sequence[str] | None
    ) -> ReleaseAnswer:
        """Signs a draft and this organisation's own check of it.

        Args:
            groups: the field groups that were looked at; by default those of `own_checks`.

        Raises:
            Refused: no such draft waits, or it can't be signed any more.
        """
        async with self._decided(number) as (queued, row):
            await self._node.index_is_current()
            draft = checked(_draft(queued), self._node.parts.identity.org)
            _require_sound(draft.problems)
            if not _signed(row, queued):
                await self._require_as_shown(queued, row)
                row = await self._sign_row(row, draft)
            thing, version = row.thing, row.revision or row.thing
            assert thing is not None
            assert version is not None
            found = confirmed(draft.type, draft.facts, groups_of(method, groups))
            verify = None
            if found:
                verify = await self._sign_check(number, draft, (thing, version), method, found)
            await asyncio.to_thread(
                self._intake.decide_draft,
                *(number, "released", self._node.clock.now_ms()),
                method=method,
                checker=checker,
            )
        await asyncio.to_thread(self._intake.remove_leftovers)
        return ReleaseAnswer(
            thing=record_text(thing),
            record=record_text(version),
            verify=None if verify is None else record_text(verify),
            confirmed=sorted(found),
        )

    async def refuse(self, number: int, reason: str, checker: str) -> None:
        """Takes a draft out of the queue for good; the same row is refused in later imports.

        Raises:
            Refused: no such draft waits.
        """
        async with self._decided(number) as (queued, row):
            if _signed(row, queued):
                raise _decided_otherwise(
                    f"draft {number} was released and signed, and interrupted before its check",
                    "release it, which signs only the check; close the record if it is wrong",
                )
            await asyncio.to_thread(
                self._intake.decide_draft,
                *(number, "refused", self._node.clock.now_ms()),
                reason=reason,
                checker=checker,
            )
            if row.thing is None:
                await asyncio.to_thread(self._intake.forget_kept, queued.source, [queued.key])
        await asyncio.to_thread(self._intake.remove_leftovers)

    async def release_many(self, asked: ReleaseManyRequest) -> DecidedAnswer:
        """Releases several drafts, each by itself; one that can't be signed leaves the others."""

        async def release(number: int) -> DecidedItem:
            done = await self.release(number, asked.method, asked.checker, asked.groups)
            return DecidedItem(id=number, done=True, **done.model_dump())

        return await self._each(asked, release)

    async def refuse_many(self, asked: RefuseManyRequest) -> DecidedAnswer:
        """Refuses several drafts, each by itself."""

        async def refuse(number: int) -> DecidedItem:
            await self.refuse(number, asked.reason, asked.checker)
            return DecidedItem(id=number, done=True)

        return await self._each(asked, refuse)

    async def _each(
        self, asked: DraftsAsked, decide: Callable[[int], Awaitable[DecidedItem]]
    ) -> DecidedAnswer:
        numbers, left, marked = await self._asked(asked)
        decided: list[DecidedItem] = []
        for place, number in enumerate(numbers):
            try:
                decided.append(await decide(number))
            except Refused as refused:
                decided.append(_not_decided(number, refused))
                if refused.code not in _OF_ONE_DRAFT:
                    # Whatever it is, it will be so for the next one too.
                    left += len(numbers) - place - 1
                    break
        return DecidedAnswer(drafts=decided, left=left, marked=marked)

    async def _asked(self, asked: DraftsAsked) -> tuple[list[int], int, int]:
        """The drafts to decide about now, how many more were asked for, how many have marks."""
        if (asked.numbers is None) == (asked.source is None):
            raise Refused(
                Code.BAD_REQUEST,
                "either numbers of drafts or a source",
                way_out="name one of them",
            )
        if asked.numbers is not None:
            return list(dict.fromkeys(asked.numbers)), 0, 0
        wanted = DraftFilter(asked.source, marked=None if asked.marked else False)
        found = await asyncio.to_thread(self._intake.waiting_numbers, wanted, asked.upto)
        marked = 0
        if not asked.marked:
            with_marks = DraftFilter(asked.source, marked=True)
            marked = len(
                await asyncio.to_thread(self._intake.waiting_numbers, with_marks, asked.upto)
            )
        return found[:DECIDED_MAX], max(len(found) - DECIDED_MAX, 0), marked

    @asynccontextmanager
    async def _decided(self, number: int) -> AsyncIterator[tuple[QueuedDraft, RowState]]:
        """A draft that waits, and its row, while nobody else decides about them."""
        source = (await self._waiting(number))[0].source
        async with self._importing.alone(source):
            await self._importing.signing.recover(source)
            yield await self._waiting(number)

    async def _require_as_shown(self, queued: QueuedDraft, row: RowState) -> None:
        """Refuses a draft that would do something else by now than whoever looked at it saw."""
        view = None if row.thing is None else await self._importing.judge.identity.view(row.thing)
        if view is None:
            return
        if view.thing.steward != self._node.parts.identity.org:
            rule = "is looked after by another organisation by now: only that one may revise it"
            _require_sound([Problem("", rule)])
        base = await asyncio.to_thread(self._intake.base, queued.id)
        if base is None or base == view.thing.revision:
            return
        marks = await asyncio.to_thread(self._intake.marks, queued.id)
        number = await asyncio.to_thread(
            self._intake.queue_draft,
            *(row, queued.facts, queued.text, queued.digest, self._node.clock.now_ms(), marks),
            base=view.thing.revision,
        )
        raise _decided_otherwise(
            f"the record of draft {queued.id} was revised meanwhile; it waits on as {number}",
            f"hutong queue show {number} says what it would change now",
        )

    async def _waiting(self, number: int) -> tuple[QueuedDraft, RowState]:
        """A draft that waits, and its row."""
        draft = await asyncio.to_thread(self._intake.draft, number)
        if draft is None:
            raise Refused(
                Code.NOT_FOUND, f"no draft {number} is in the queue", way_out="hutong queue list"
            )
        if draft.state != "waiting":
            raise Refused(
                Code.ALREADY_DECIDED,
                f"draft {number} was {draft.state}",
                way_out="hutong queue list shows those that still wait",
            )
        rows = await asyncio.to_thread(self._intake.rows, draft.source, [draft.key])
        return draft, rows[draft.key]

    async def _sign_row(self, row: RowState, draft: Draft) -> RowState:
        """Signs what a released draft needs; the row as it is then."""
        if row.thing is None:
            plan = plan_first(row, draft)
        else:
            change, problems = await self._importing.judge.change(row, draft)
            if change is None:
                _require_sound(problems)
                raise AssertionError("a plan is missing without a reason")
            plan = change
        (signed,) = await self._importing.signing.sign([(row, plan)])
        if signed.refusal is not None:
            raise signed.refusal.told_as("the draft was not signed")
        return signed.row

    async def _sign_check(
        self,
        number: int,
        draft: Draft,
        about: tuple[bytes, bytes],
        method: str,
        found: dict[str, Value],
    ) -> RecordId:
        """Signs what was `found` of a draft; `about` is the thing and the version signed."""
        thing, version = about
        facts: dict[str, Value] = {
            "outcome": "confirmed",
            "method": method,
            "checked": found,
            "checked_at": instant_text(self._node.clock.now_ms()),
        }
        refs = write_refs(Refs(thing=thing, revision=version))
        own = self._node.parts.identity.org
        verify = checked(Draft(draft.scope, _VERIFY, refs, facts, {}), own)
        _require_sound(verify.problems)
        try:
            # The time of a second attempt differs, and must not make it another request.
            done = await self._node.publish(draft.scope, [verify.record()], f"check:{number}")
        except PublishingRefused as refused:
            raise refused.told_as("the check was not signed") from None
        return done.records[0]


def _signed(row: RowState, queued: QueuedDraft) -> bool:
    """Whether a release got as far as the row, and was interrupted on the way to the check."""
    return row.digest == queued.digest and not row.closed


def _decided_otherwise(title: str, way_out: str) -> Refused:
    return Refused(Code.ALREADY_DECIDED, title, way_out=way_out)


def _draft(queued: QueuedDraft) -> Draft:
    return Draft(queued.scope, queued.type, (), _decoded(queued.facts), _decoded(queued.text))


def _decoded(data: bytes) -> dict[str, Value]:
    return decode_part(data) or {}


def _item(draft: QueuedDraft, row: RowState | None, marks: Sequence[DraftMark]) -> QueueItem:
    facts, text = _decoded(draft.facts), _decoded(draft.text)
    title, lines = text.get("title"), facts.get("lines")
    listed = [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
    thing = None if row is None else row.thing
    return QueueItem(
        id=draft.id,
        source=draft.source,
        key=draft.key,
        row=draft.label,
        action="new" if thing is None else "revise",
        type=draft.type,
        space=draft.scope.space,
        topic=draft.scope.topic,
        title=title if isinstance(title, str) else None,
        since=time_text(draft.created_ms) or "",
        urgency=coded_text(facts["urgency"]) if "urgency" in facts else None,
        lines=len(listed),
        first_line=_line(listed[0], text) if listed else None,
        marks=[
            MarkItem(cell=mark.cell, field=mark.field, what=mark.what, words=mark.words)
            for mark in marks
        ],
        thing=None if thing is None else record_text(thing),
    )


def _line(line: dict[str, Value], text: dict[str, Value]) -> DraftLine:
    words = text.get("lines")
    own = words.get(str(line.get("id"))) if isinstance(words, dict) else None
    said = own.get("item") if isinstance(own, dict) else None
    item = line.get("item")
    kind = coded_text(line["kind"]) if "kind" in line else None
    code = item.get("code") if isinstance(item, dict) else kind
    quantity = line.get("quantity")
    return DraftLine(
        what=str(said or code) if said or code else None,
        quantity=as_json("", quantity) if isinstance(quantity, dict) else {},
    )


def _not_decided(number: int, refused: Refused) -> DecidedItem:
    return DecidedItem(
        id=number,
        done=False,
        code=refused.code.value,
        why=f"{refused.title}: {refused.detail}" if refused.detail else refused.title,
        problems=problem_items(refused.problems),
    )


def _require_sound(problems: Sequence[Problem]) -> None:
    if problems:
        raise Refused(
            Code.INVALID_RECORD,
            "the draft can't be signed as it is",
            way_out="mend the row and import it again, or refuse the draft",
            problems=problems,
        )
