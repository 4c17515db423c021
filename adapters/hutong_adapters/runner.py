"""Sends a plan to the node, chunk by chunk, and collects what became of each row.

Owns the order of requests. Rows that share a key are numbered first, by asking the node which of
them it knows. If the file is another one than was read last, every row is looked at in a dry run,
and what `comparing` objects to stops the import there. Where another import of the source is under
way, or came since, that one is waited for, and everything is looked at again. Then chunks of one
run follow each other; each may be sent twice, since the node signs a row once. Whatever stops them,
the run is paused, so that another one can begin at once: what was signed stays, and sending the
same file again goes on behind the rows that were taken.

A file is only said to be complete when every row of it could be used: a refused row is not a
vanished one, and must not close anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from hutong_adapters.business_keys import number_shared
from hutong_adapters.comparing import (
    Survey,
    check_files,
    check_rows,
    check_source,
    columns_of,
    run_name,
    state_digest,
)
from hutong_adapters.drafted import Drafted
from hutong_adapters.interface import (
    DraftRow,
    MappingRefused,
    Mark,
    NodeRefused,
    NodeUnavailable,
    Refusal,
)
from hutong_adapters.mapping import Duplicates
from hutong_adapters.planning import Plan
from hutong_adapters.row_ids import in_sending_order
from hutong_adapters.summary import gone_row
from hutong_protocol.schema.jsonform import Json

CHUNK_ROWS_MAX: Final = 100
"""Enough to sign in one go, few enough that progress is seen and an interruption is quick."""
CHUNK_BYTES_MAX: Final = 900_000
"""A request has at most 1 MiB; the rest is for the envelope."""
MARKS_MAX: Final = 64
"""As many as a request may have for a row; more say no more."""
TRIES: Final = 4
FIRST_PAUSE_S: Final = 0.5
UNDER_WAY: Final = "import-under-way"
"""The node's name for another run of the same source that has not ended."""
WAIT_S: Final = 75.0
"""A node takes a run for dead when it was silent for a minute: that of a killed import ends so."""
WAIT_PAUSE_S: Final = 5.0
_PAUSE_S: Final = 5.0
_NO_LIST: Final = (
    "--complete: an export has what its filters let through, so it closes nothing: close a thing"
    " with `hutong close ID --reason ...`, or take its row out of your own sheet"
)


class ImportNode(Protocol):
    """What an import needs of a node."""

    async def import_rows(self, source: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Does with rows what they need. Raises NodeRefused or NodeUnavailable."""
        ...

    async def source(self, source: str, state: str | None = None) -> dict[str, Any]:
        """What is known of a source. Raises NodeRefused or NodeUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What whoever runs the import said beside the mapping.

    `accepted` are reasons to stop that don't stop it. With `look` nothing is sent but questions.
    `whole` sends every row again, even those that an interrupted run has taken.
    """

    complete: bool = False
    queue: bool = False
    source: str | None = None
    accepted: frozenset[str] = frozenset()
    look: bool = False
    whole: bool = False


@dataclass(slots=True)
class Report:
    """What became of the rows. `counts` are by outcome, refused rows of the plan included.

    `not_complete` says why a file that was said to be complete was not taken so. `taken` rows were
    sent by an interrupted import and not again. `things` are the records of rows, by file and
    number. `survey` is what a look at a changed file found, None where there was none.
    """

    run: str
    complete: bool
    not_complete: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    signed: int = 0
    refused: list[Refusal] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    gone: list[dict[str, Any]] = field(default_factory=list)
    sent: int = 0
    taken: int = 0
    things: dict[tuple[str, int], str] = field(default_factory=dict)
    survey: Survey | None = None


async def send_plan(
    plan: Plan,
    node: ImportNode,
    wish: Wish,
    *,
    on_looked: Callable[[int], None] = lambda rows: None,
    on_sent: Callable[[int], None] = lambda rows: None,
    on_wait: Callable[[str], None] = lambda why: None,
) -> Report:
    """Sends all drafts of a plan, after a look at what the node knows of its source.

    Args:
        on_looked: is told the number of rows that were compared with the last reading so far.
        on_sent: is told the number of rows that the node has dealt with so far.
        on_wait: is told, once, that another import of the source must end first.

    Raises:
        FileRefused: the file can't be meant as it is; nothing was sent.
        NodeRefused, NodeUnavailable: the import ended early; what was signed stays.
    """
    check_files(plan, wish.accepted)
    sending = _Sending(plan, node, wish, on_wait)
    return await sending.run(on_looked, on_sent)


async def ask_about(plan: Plan, drafted: Drafted, node: ImportNode, wish: Wish) -> dict[str, Any]:
    """What the node would do with one row, as a dry run tells it.

    Raises:
        NodeRefused, NodeUnavailable: it didn't tell.
    """
    sending = _Sending(plan, node, wish, lambda why: None)
    return await sending.ask_about(drafted)


class _Sending:
    """One import on its way."""

    def __init__(
        self, plan: Plan, node: ImportNode, wish: Wish, on_wait: Callable[[str], None]
    ) -> None:
        self._plan = plan
        self._on_wait = on_wait
        self._node = node
        self._wish = wish
        self._state = state_digest(plan)
        self._numbers = plan.mapping.key.duplicates is Duplicates.NUMBER
        self._source = wish.source or plan.mapping.source
        self._newest: str | None = None
        self._began = False
        self._queue = wish.queue or plan.mapping.screening
        complete, why_not = _completeness(plan, wish)
        self._report = Report("", complete, why_not)
        self._report.refused += plan.refused
        unused = {
            "refused": len({(each.file, each.row) for each in plan.refused}),
            "copy": len(plan.copies),
        }
        self._report.counts.update({name: count for name, count in unused.items() if count})

    async def run(self, on_looked: Callable[[int], None], on_sent: Callable[[int], None]) -> Report:
        """Looks and sends; if another import must end first, looks again when it may have."""
        waited_s = 0.0
        while True:
            try:
                return await self._look_and_send(on_looked, on_sent)
            except NodeRefused as refused:
                if self._began or refused.code != UNDER_WAY or waited_s >= WAIT_S:
                    raise
                if not waited_s:
                    self._on_wait(str(refused))
            await asyncio.sleep(WAIT_PAUSE_S)
            waited_s += WAIT_PAUSE_S

    async def _look_and_send(
        self, on_looked: Callable[[int], None], on_sent: Callable[[int], None]
    ) -> Report:
        report, wish = self._report, self._wish
        about = await self._tried(lambda: self._node.source(self._source, self._state))
        self._newest = about.get("newest")
        check_source(self._plan, self._source, about, self._state, wish.accepted)
        last = about.get("last")
        changed = wish.look or last is None or last["state"] != self._state
        known = await self._known(about) if changed or self._numbers else []
        drafts = in_sending_order(await self._numbered(known))
        first = self._place(drafts, about)
        if wish.look or (known and changed and not first):
            report.survey = await self._survey(drafts, known, on_looked)
            check_rows(self._plan, report.survey, about, wish.accepted, complete=report.complete)
            if wish.look:
                for drafted, row in report.survey.rows:
                    self._object(drafted, row)
        if drafts and not wish.look:
            await self._send(drafts, first, on_sent)
        return report

    async def ask_about(self, drafted: Drafted) -> dict[str, Any]:
        """The entry of a dry run about one row."""
        request = self._request([row_json(drafted.draft)], dry_run=True) | {"run": "look"}
        answer = await self._ask(request)
        return dict(answer["rows"][0])

    async def _known(self, about: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The open rows that the node has of this source."""
        if not about["open"]:
            return []
        answer = await self._ask(self._request([], dry_run=True))
        return list(answer.get("gone", ()))

    def _place(self, drafts: Sequence[Drafted], about: Mapping[str, Any]) -> int:
        """Where to begin: behind the rows that an interrupted import of just these has taken."""
        wish = (self._source, self._report.complete, self._queue, self._plan.space)
        name = run_name(self._plan, drafts, *wish)
        begun = about.get("begun")
        if begun is not None and begun["run"].startswith(f"{name}.") and not self._wish.whole:
            self._report.run = begun["run"]
            # The last chunk is sent again in any case: it says that the run is at its end.
            self._report.taken = min(int(begun["taken"]), max(len(drafts) - 1, 0))
        else:
            self._report.run = f"{name}.{secrets.token_hex(4)}"
        return self._report.taken

    async def _survey(
        self,
        drafts: Sequence[Drafted],
        known: Sequence[Mapping[str, Any]],
        on_looked: Callable[[int], None],
    ) -> Survey:
        """What the node would do with each row."""
        survey = Survey(self._plan, known)
        for chunk in _chunks(drafts):
            request = self._request([row_json(each.draft) for each in chunk], dry_run=True)
            answer = await self._ask(request | {"run": self._report.run})
            survey.rows += zip(chunk, answer["rows"], strict=True)
            on_looked(len(survey.rows))
        return survey

    async def _send(
        self, drafts: Sequence[Drafted], first: int, on_sent: Callable[[int], None]
    ) -> None:
        chunks = list(_chunks(drafts[first:]))
        ended = False
        try:
            for number, chunk in enumerate(chunks, start=1):
                last = number == len(chunks)
                rows = [row_json(each.draft) for each in chunk]
                request = self._request(rows, last=last) | {"first": first + self._report.sent}
                answer = await self._ask(request)
                self._began, ended = True, last
                self._take(chunk, answer)
                on_sent(first + self._report.sent)
        except NodeRefused:
            ended = not self._began  # what never began needs no end
            raise
        finally:
            if not ended:
                await self._pause()

    async def _numbered(self, known: Sequence[Mapping[str, Any]]) -> Sequence[Drafted]:
        if not self._numbers:
            return self._plan.drafts
        keys = {str(each["key"]): str(each["thing"]) for each in known}
        return await number_shared(self._plan.drafts, keys, self._unchanged)

    async def _unchanged(self, drafts: Sequence[DraftRow]) -> set[str]:
        found: set[str] = set()
        for chunk in _row_chunks([row_json(draft) for draft in drafts]):
            answer = await self._ask(self._request(chunk, dry_run=True))
            found |= {str(row["key"]) for row in answer["rows"] if row["outcome"] == "unchanged"}
        return found

    def _request(
        self, rows: Sequence[Json], *, last: bool = True, dry_run: bool = False
    ) -> dict[str, Any]:
        request: dict[str, Any] = {
            "mapping": self._plan.mapping.version_text,
            "last": last,
            "complete": self._report.complete and not dry_run,
            "queue": self._queue,
            "dry_run": dry_run,
            "rows": list(rows),
        }
        if not dry_run:
            request |= {"run": self._report.run, "state": self._state, "newest": self._newest}
            request["columns"] = columns_of(self._plan)
        if self._plan.any_source:
            request["any_source"] = True
        if self._plan.mapping.platform is not None:
            request["platform"] = self._plan.mapping.platform
        return request

    async def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return await self._tried(lambda: self._node.import_rows(self._source, request))

    async def _tried(self, ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """The answer to a question, which is asked again where the node is not there just now."""
        pause_s = FIRST_PAUSE_S
        for attempt in range(1, TRIES + 1):
            try:
                return await ask()
            except NodeUnavailable:
                if attempt == TRIES:
                    raise
            await asyncio.sleep(pause_s)
            pause_s *= 2
        raise AssertionError("unreachable: the last try returns or raises")

    async def _pause(self) -> None:
        """Lets go of a run that stops early: another may begin, or this one go on."""
        request = self._request([], last=False) | {"complete": False, "pause": True}
        with contextlib.suppress(NodeRefused, NodeUnavailable, TimeoutError):
            async with asyncio.timeout(_PAUSE_S):
                await self._node.import_rows(self._source, request)

    def _take(self, chunk: Sequence[Drafted], answer: Mapping[str, Any]) -> None:
        report = self._report
        report.sent += len(chunk)
        report.signed += int(answer.get("signed", 0))
        for drafted, row in zip(chunk, answer["rows"], strict=True):
            outcome = str(row["outcome"])
            report.counts[outcome] += 1
            if row.get("thing") is not None:
                report.things[drafted.row.file, drafted.row.number] = str(row["thing"])
            self._object(drafted, row)
        for gone in answer.get("gone", ()):
            if self._plan.still_has(str(gone["key"]), str(gone["thing"])):
                continue  # it was refused, and is told as that
            report.counts[str(gone["outcome"])] += 1
            report.gone.append(dict(gone))
            if gone["outcome"] == "question":
                report.questions.append(f"{gone_row(gone)} is gone: {gone.get('reason', '')}")

    def _object(self, drafted: Drafted, row: Mapping[str, Any]) -> None:
        """Notes what the node has against a row: that it is refused, or needs a person."""
        for problem in row.get("problems", ()):
            path = str(problem["path"]).removeprefix("facts.")
            example = str(problem.get("example", ""))
            way_out = f"for example {example}" if example else ""
            refusal = drafted.refusal(path, str(problem["rule"]), way_out)
            if row["outcome"] == "refused":
                self._report.refused.append(refusal)
            else:
                self._report.questions.append(str(refusal))


def _completeness(plan: Plan, wish: Wish) -> tuple[bool, str]:
    if plan.any_source and wish.complete:
        raise MappingRefused([_NO_LIST])
    if not (wish.complete or plan.mapping.complete):
        return False, ""
    if plan.refused:
        return False, "rows were refused, so nothing that is missing is closed"
    if not plan.drafts:
        return False, "there is no row at all, so nothing that is missing is closed"
    return True, ""


def row_json(draft: DraftRow) -> dict[str, Any]:
    """A draft as the node's local API takes it."""
    found: dict[str, Any] = {
        "key": draft.key,
        "row": draft.row_label[:300],
        "type": draft.type,
        "space": draft.space,
        "topic": draft.topic,
        "facts": dict(draft.facts),
        "text": dict(draft.text),
        "sensitive": dict(draft.sensitive),
    }
    if draft.marks:
        found["marks"] = [_mark_json(mark) for mark in draft.marks[:MARKS_MAX]]
    ids = {"thing": draft.thing, "seen": draft.seen}
    return found | {name: value for name, value in ids.items() if value is not None}


def _mark_json(mark: Mark) -> dict[str, str]:
    return {
        "cell": mark.cell[:300],
        "field": mark.field[:300],
        "what": mark.what,
        "words": mark.words[:300],
    }


def _chunks(drafts: Sequence[Drafted]) -> Iterator[Sequence[Drafted]]:
    done = 0
    for rows in _row_chunks([row_json(each.draft) for each in drafts]):
        yield drafts[done : done + len(rows)]
        done += len(rows)


def _row_chunks(rows: Sequence[dict[str, Any]]) -> Iterator[list[Json]]:
    """Rows in pieces that fit one request."""
    chunk: list[Any] = []
    size = 0
    for row in rows:
        row_bytes = len(json.dumps(row).encode("ascii"))
        if chunk and (len(chunk) >= CHUNK_ROWS_MAX or size + row_bytes > CHUNK_BYTES_MAX):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += row_bytes
    if chunk:
        yield chunk
