"""What a row needs: to be signed as new, revised, reopened, queued, refused, or nothing at all.

Owns the judgement of one row, given what was signed for it, what its runs said, and the thing that
it may name itself. Every objection is told with its path, rule and example, and the other rows go
on. A row with marks waits for a person whatever else is said about waiting. Nothing is changed
here: what a verdict asks for is done by `importing`.

In a dry run a verdict also tells how the row compares with the reading before, and which fields a
revision would change. Spec: 12.2, 12.11, 13.2.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from hutong_node.config import DataFolder
from hutong_node.drafting import Draft, draft_from_json
from hutong_node.intake import Intake, QueuedDraft, RowState
from hutong_node.intake_shapes import (
    ChangeItem,
    ImportRequest,
    ImportRow,
    MarkItem,
    RowResult,
)
from hutong_node.keys import read_secret, write_secret
from hutong_node.node import Node
from hutong_node.row_changes import changes_between, fields_of, undone_fields
from hutong_node.row_identity import SEEN, Identified, RowIdentity
from hutong_node.row_plans import RowPlan, plan_change, plan_first
from hutong_node.row_signing import RowSigning
from hutong_node.showing import as_json
from hutong_protocol.exchange import Scope
from hutong_protocol.schema import Problem
from hutong_protocol.schema.facts import REVISABLE

_SOURCE_KEY_BYTES: Final = 16
_SOURCE_KEY_FILE: Final = "source.key"
_WITH_SOURCE: Final = ("need/1", "offer/1")

_REVISED_ELSEWHERE: Final = "revised-elsewhere"
_NAMED_MAX: Final = 3
_NAMES_MAX: Final = 200
"""Fields that a mark names, and characters of these; the changes beside the draft have all."""

Reading: TypeAlias = Literal["new", "same", "changed", "earlier"]


@dataclass(slots=True)
class Verdict:
    """What is to become of one row; filled in as it happens.

    `renamed` is the key under which the row was known so far. `present` are keys that the file has
    although nothing else is noted of them: a refused row is no vanished one. The last four are told
    by dry runs.
    """

    asked: ImportRow
    outcome: RowResult
    state: RowState | None = None
    plan: RowPlan | None = None
    queued: Draft | None = None
    drop_draft: bool = False
    problems: list[Problem] = field(default_factory=list)
    record: bytes | None = None
    queue: int | None = None
    renamed: str | None = None
    present: tuple[str, ...] = ()
    read: Reading | None = None
    read_ms: int | None = None
    same_as: str | None = None
    changes: list[ChangeItem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Known:
    """What was known before the rows of a request were looked at."""

    number: int
    scopes: frozenset[Scope]
    rows: dict[str, RowState]
    drafts: dict[str, QueuedDraft]
    named: Mapping[int, Identified]
    seen: dict[str, bytes] = field(default_factory=dict)


class RowJudge:
    """Judges rows for the import desk and the queue of one node."""

    def __init__(self, node: Node, intake: Intake, signing: RowSigning) -> None:
        self._node = node
        self._intake = intake
        self._signing = signing
        self.identity = RowIdentity(node, intake)

    async def judge(self, source: str, request: ImportRequest, number: int) -> list[Verdict]:
        """A verdict on each row of a request, in order; `number` is that of the run, 0 for none."""
        secret = None
        if request.platform is not None:
            secret = await asyncio.to_thread(_source_secret, self._node.parts.folder)
        drafts = [self._draft(row, request.platform, secret) for row in request.rows]
        known = await self._known(source, request, number, drafts)
        verdicts = []
        for place, (row, draft) in enumerate(zip(request.rows, drafts, strict=True)):
            named = known.named.get(place)
            verdict = await self._verdict(source, request, row, draft, known, named)
            verdict.renamed = None if named is None else named.old_key
            if request.dry_run and not draft.problems and not (named and named.problems):
                await self._compare(source, verdict, draft, known.rows.get(row.key), named)
            verdicts.append(verdict)
        return verdicts

    async def change(self, state: RowState, draft: Draft) -> tuple[RowPlan | None, list[Problem]]:
        """The plan that makes a published row say what `draft` says, or what forbids it."""
        revision = None
        if state.digest != draft.digest():
            revision = await self._signing.revision_of(state, draft)
            if revision.problems:
                return None, list(revision.problems)
        return plan_change(state, draft, revision), []

    async def changes(self, thing: bytes, draft: Draft) -> list[ChangeItem]:
        """The fields in which a draft differs from the version of its thing that is in force."""
        version = await self.identity.version(thing)
        if version is None:
            return []
        before, now = version.draft, draft
        return changes_between(
            *(as_json(before.type, before.facts), as_json("", before.text)),
            *(as_json(now.type, now.facts), as_json("", now.text)),
        )

    async def _known(
        self, source: str, request: ImportRequest, number: int, drafts: Sequence[Draft]
    ) -> _Known:
        keys = [row.key for row in request.rows]
        rows = await asyncio.to_thread(self._intake.rows, source, keys)
        named = await self.identity.of_rows(
            *(source, request.rows, rows),
            run=number,
            any_source=request.any_source,
            digests=[None if draft.problems else draft.digest() for draft in drafts],
        )
        for identified in named.values():
            # A row that comes under the key of one that has gone on elsewhere is a new one.
            rows.pop(identified.old_key or "", None)
        return _Known(
            number,
            frozenset(await asyncio.to_thread(self._node.parts.roster.subscriptions)),
            rows,
            await asyncio.to_thread(self._intake.latest_drafts, source, keys),
            named,
        )

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
        self,
        source: str,
        request: ImportRequest,
        row: ImportRow,
        draft: Draft,
        known: _Known,
        named: Identified | None,
    ) -> Verdict:
        if named is not None and named.problems:
            return Verdict(
                row, "refused", problems=list(named.problems), present=(row.key, *named.present)
            )
        state = known.rows.get(row.key) if named is None else named.state
        problems = _row_problems(draft, state, known.scopes)
        if problems:
            refused = state and replace(state, run=known.number, run_digest=b"", label=row.row)
            return Verdict(row, "refused", refused, problems=problems)
        digest = draft.digest()
        before = known.seen.get(row.key)
        # A dry run has no number, and neither has a row that no run has had yet.
        if before is None and state is not None and known.number and state.run == known.number:
            before = state.run_digest or None
        if before is not None and before != digest:
            rule = "has a business key that stood in this run before, with other content"
            return Verdict(row, "refused", problems=[Problem("key", rule)])
        repeated = row.key in known.seen
        known.seen[row.key] = digest
        if repeated:
            return Verdict(row, "unchanged")
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
            return Verdict(row, "declined", state)
        overtaken = None if named is None else _overtaken(named, digest)
        if overtaken is not None:
            problems = [overtaken] if overtaken.rule else []
            outcome: RowResult = "refused" if problems else "unchanged"
            return Verdict(row, outcome, state, problems=problems)
        queue = request.queue or bool(row.marks)
        # What waits although it was signed is an interrupted release, whose check is still to come.
        waits = latest is not None and latest.digest != state.digest
        return await self._needed(row, draft, state, waits=waits, queue=queue)

    async def _needed(
        self, row: ImportRow, draft: Draft, state: RowState, *, waits: bool, queue: bool
    ) -> Verdict:
        """What a sound row needs, given what was signed for it."""
        changed = state.digest != draft.digest()
        if queue and changed:
            return Verdict(row, "queued", state, queued=draft)
        if state.thing is None:
            plan = plan_first(state, draft)
            return Verdict(row, "new", state, plan, drop_draft=waits)
        if not changed and not state.closed:
            return Verdict(row, "unchanged", state, drop_draft=waits)
        view = await self.identity.view(state.thing)
        if view is not None and view.thing.steward != self._node.parts.identity.org:
            rule = "is looked after by another organisation by now: only that one may revise it"
            return Verdict(row, "question", state, problems=[Problem("", rule)])
        outcome: RowResult = "reopened" if state.closed else "revised"
        undone = await self._undone(state, draft) if changed else ""
        if undone:
            mark = MarkItem(cell="", what=_REVISED_ELSEWHERE, words=undone)
            waiting = row.model_copy(update={"marks": [*row.marks, mark]})
            problem = Problem("", f"waits in the queue: {undone}")
            return Verdict(waiting, "queued", state, queued=draft, problems=[problem])
        change, problems = await self.change(state, draft)
        if change is None:
            return Verdict(row, "refused", state, problems=problems)
        return Verdict(row, outcome, state, change, drop_draft=waits)

    async def _undone(self, state: RowState, draft: Draft) -> str:
        """What a row would take back unseen, in words: edits of fields that it did not touch."""
        assert state.thing is not None
        own = state.revision or state.thing
        version = await self.identity.version(state.thing)
        if version is None or version.record == own:
            return ""
        said = await self.identity.said(state.thing, own)
        if said is None:
            return ""
        three = [
            fields_of(as_json(each.type, each.facts), as_json("", each.text))
            for each in (said.draft, version.draft, draft)
        ]
        paths = undone_fields(*three)
        if not paths:
            return ""
        named = ", ".join(paths[:_NAMED_MAX])
        if len(paths) > _NAMED_MAX or len(named) > _NAMES_MAX:
            named = f"{named[:_NAMES_MAX]} ..."
        return f"would take back what was revised since by something else than this row: {named}"

    async def _compare(
        self,
        source: str,
        verdict: Verdict,
        draft: Draft,
        before: RowState | None,
        named: Identified | None,
    ) -> None:
        """Fills in how a row compares with the reading before."""
        before = before if named is None else named.state
        digest = draft.digest()
        if before is None:
            verdict.read = "new"
            same = await asyncio.to_thread(self._intake.row_saying, source, digest)
            verdict.same_as = None if same is None else same.key
            return
        said = before.run_digest or before.digest
        if said == digest:
            verdict.read = "same"
            return
        run = await asyncio.to_thread(self._intake.said_before, source, before.key, digest)
        verdict.read = "changed" if run is None else "earlier"
        if run is not None:
            verdict.read_ms = await asyncio.to_thread(self._intake.run_time, run)
        if before.thing is not None and verdict.outcome in ("revised", "reopened", "queued"):
            verdict.changes = await self.changes(before.thing, draft)


def opaque_key(secret: bytes, platform: str, native: str) -> str:
    """The keyed id of a row that leads nobody back to it, 16 bytes as hex. Spec: 13.2.1."""
    message = platform.encode("utf-8") + b"\0" + native.encode("utf-8")
    return hmac.digest(secret, message, "sha256")[:_SOURCE_KEY_BYTES].hex()


def _overtaken(named: Identified, digest: bytes) -> Problem | None:
    """Whether a version newer than the one seen is in force: no edit is undone unseen.

    A problem without a rule: the row was not edited, so the newer version simply stands.
    """
    seen, version = named.seen, named.version
    if seen is None or version is None or seen.record == version.record:
        return None
    if digest in (seen.draft.digest(), version.draft.digest()):
        return Problem(SEEN, "")
    return Problem(SEEN, "was revised since this table was made: export it again and edit that")


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
