"""The shapes of imports and of the queue: rows as adapters send them, and what became of each.

Owns these shapes of the local API, as `api_models` owns all others; programs find both in one
OpenAPI document. What rows come to is decided in `importing`, what waits in `screening`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from hutong_node.api_terms import (
    Asked,
    JsonMap,
    NameText,
    ProblemItem,
    RecordText,
    ShortWords,
    Told,
)

ROWS_MAX = 2_000
MARKS_MAX = 64
DECIDED_MAX = 100
"""Most drafts that one request decides about."""

_Number: TypeAlias = Annotated[int, Field(ge=1, le=2**53 - 1)]
_SourceText: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
_Method: TypeAlias = Literal["desk", "one_way", "two_way", "on_site"]
_Groups: TypeAlias = list[Literal["exists", "place", "quantity", "reachable", "urgency"]] | None


class MarkItem(Asked):
    """Something in a row at which a person must look. `words` never quote the cell.

    `what` is a word for programs, like `two-amounts` or `pii:cn_mobile`.
    """

    cell: ShortWords
    field: ShortWords = ""
    what: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_:.-]{0,63}$")]
    words: ShortWords = ""


class ImportRow(Asked):
    """A row as it would be published. `key` is its business key, `row` how people find it.

    `sensitive` are values kept on this node beside the thing, never signed and never sent. A row
    with `marks` waits in the queue even where nothing else does.

    `thing` says which record the row is about, whatever its key: one of this organisation's own,
    and of this source if it is of any. `seen` is the version of it from which the row was made; a
    row that was edited is refused where that is no longer the version in force.
    """

    key: Annotated[str, Field(min_length=1, max_length=300)]
    row: ShortWords = ""
    type: Annotated[str, Field(max_length=32, examples=["need/1"])]
    space: NameText
    topic: NameText
    facts: JsonMap
    text: JsonMap = {}
    sensitive: dict[str, Annotated[str, Field(max_length=8_192)]] = {}
    marks: Annotated[list[MarkItem], Field(max_length=MARKS_MAX)] = []
    thing: RecordText | None = None
    seen: RecordText | None = None


class ImportRequest(Asked):
    """Rows of one source, or a chunk of them.

    A file that is longer than one request is sent in chunks with the same `run`, a name that the
    program makes up for this reading of the file; `last` is true for the last chunk only. With
    `complete` the file says everything: what was imported before and isn't in this run is closed
    (after the last chunk). With `queue` rows wait, unsigned, for somebody to look at them. With
    `platform` needs and offers carry an opaque id of their row (Spec: 13.2). `mapping` names the
    mapping and its version, for people.

    `first` is the place of the chunk's first row in the run, so that an interrupted run can go on
    behind what was taken; `pause` says that it was interrupted: nothing is gone, and another run
    may begin. `state` is a digest of all keys and contents of the file, `columns` are its columns:
    by these the next reading is held against this one. `newest` is what the source told when the
    program looked (`SourceAnswer`): a run doesn't begin where another one came or went on since, so
    that nothing is signed after a look at what was so before. With `any_source` rows that name a
    `thing` may name one of another source; they are compared with the version in force. Such rows
    are of an export, which says nothing about what it leaves out: it can't be `complete`.
    """

    mapping: ShortWords = ""
    run: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    last: bool = True
    complete: bool = False
    queue: bool = False
    dry_run: bool = False
    platform: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")] | None = None
    first: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    pause: bool = False
    state: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    columns: Annotated[list[ShortWords], Field(max_length=200)] = []
    newest: Annotated[str, Field(max_length=64)] | None = None
    any_source: bool = False
    rows: Annotated[list[ImportRow], Field(max_length=ROWS_MAX)]


RowResult: TypeAlias = Literal[
    "new", "revised", "reopened", "unchanged", "queued", "declined", "refused", "question"
]


class ChangeItem(Told):
    """A field that differs from the version that was signed; null where it isn't there."""

    path: str
    before: str | None
    now: str | None


class RowOutcome(Told):
    """What became of a row. `record` is what was signed for it now, `thing` what it is about.

    `declined`: somebody refused it in the queue, and it has not changed since.

    Only a dry run tells the rest. `read` says how the row compares with the reading before: it is
    `new`, the `same`, `changed`, or says again what it said in an `earlier` run, at `read_at`.
    `same_as` is the key of another row that says just what this new one says. `changes` are the
    fields in which a published row differs from what was signed.
    """

    key: str
    row: str
    outcome: RowResult
    thing: str | None = None
    record: str | None = None
    queue: int | None = None
    problems: list[ProblemItem] = []
    read: Literal["new", "same", "changed", "earlier"] | None = None
    read_at: str | None = None
    same_as: str | None = None
    changes: list[ChangeItem] = []


class GoneRow(Told):
    """A row of an earlier run that this one doesn't have.

    `closed`: with reason `source_row_removed`. `gone`: not closed, since the file isn't said to be
    complete. `question`: not closed, for the reason given; a person must decide. `row` is where it
    stood in the reading that had it last, `title` what its record is called.
    """

    key: str
    row: str
    title: str | None = None
    outcome: Literal["closed", "gone", "question"]
    thing: str
    record: str | None = None
    reason: str = ""


class ImportAnswer(Told):
    """One outcome for each row, in order; after the last chunk also what is gone."""

    source: str
    run: str
    rows: list[RowOutcome]
    gone: list[GoneRow] = []
    counts: dict[str, int]
    signed: int
    dry_run: bool = False


class RunItem(Told):
    """One reading of a source. `taken` rows, from the first on, were dealt with.

    `at` is when it was heard of last: for a finished one its end.
    """

    run: str
    mapping: str
    state: str | None
    columns: list[str]
    rows: int
    taken: int
    finished: bool
    at: str


class SourceRun(Told):
    """A source, and when it was read last."""

    source: str
    at: str


class SourceAnswer(Told):
    """What is known of a source before a file of it is imported.

    `open` rows are published and not closed. `last` is the newest run that ended, `begun` the
    newest one if it did not. `same` is the newest run that ended and had the `state` that was asked
    for; `elsewhere` are other sources that had it. `newest` differs whenever a run of the source
    began, went on or ended; it says nothing else.
    """

    source: str
    open: int
    last: RunItem | None = None
    begun: RunItem | None = None
    same: RunItem | None = None
    elsewhere: list[SourceRun] = []
    newest: str = ""


class DraftLine(Told):
    """A line of a draft in short: its words, or the code or kind of its item, and its quantity."""

    what: str | None
    quantity: JsonMap


class QueueItem(Told):
    """A draft that waits for somebody to look at it. `at_home` never leaves this node.

    `first_line` is the first of its `lines`, for a list.

    One draft that is asked for by its number is told whole: with facts, text, what its row keeps at
    home, and the `changes` against the version that was signed, for a draft that revises.
    """

    id: int
    source: str
    key: str
    row: str
    action: Literal["new", "revise"]
    type: str
    space: str
    topic: str
    title: str | None
    since: str
    urgency: str | None = None
    lines: int = 0
    first_line: DraftLine | None = None
    marks: list[MarkItem] = []
    thing: str | None = None
    changes: list[ChangeItem] = []
    facts: JsonMap | None = None
    text: JsonMap | None = None
    at_home: dict[str, str] | None = None


class QueueSource(Told):
    """How many drafts of a source wait, and how many of these have marks."""

    source: str
    waiting: int
    marked: int


class QueueAnswer(Told):
    """A page of drafts that wait, oldest first; `next` is for `after`.

    `waiting` and `sources` count all that wait, whatever the page is of. `upto` is the highest
    number that waits.
    """

    drafts: list[QueueItem]
    waiting: int
    sources: list[QueueSource] = []
    upto: int = 0
    next: str | None = None


class ReleaseRequest(Asked):
    """Signs a draft as checked. `checker` stays on this node: it is a person's name.

    `groups` are those that were looked at. By default these are `place`, `quantity` and `urgency`,
    as far as the draft has them, and `exists` unless the method is `desk`.
    """

    method: _Method
    checker: ShortWords = ""
    groups: _Groups = None


class ReleaseAnswer(Told):
    """What was signed: the thing's record, and this organisation's own check of it.

    `confirmed` are the groups that the check states in public. Where nothing was left to confirm,
    no check was signed.
    """

    thing: str
    record: str
    verify: str | None = None
    confirmed: list[str] = []


class RefuseRequest(Asked):
    """Why a draft will not be signed. The same row is then refused in later imports."""

    reason: ShortWords
    checker: ShortWords = ""


class DraftsAsked(Asked):
    """Several drafts: by their `numbers`, or those of a `source` up to the number `upto`.

    Of a source those with marks are left out, unless `marked`: each needs a look of its own.
    """

    numbers: Annotated[list[_Number], Field(min_length=1, max_length=DECIDED_MAX)] | None = None
    source: _SourceText | None = None
    upto: _Number | None = None
    marked: bool = False


class ReleaseManyRequest(DraftsAsked):
    """Signs several drafts as checked, each as `ReleaseRequest` does."""

    method: _Method
    checker: ShortWords = ""
    groups: _Groups = None


class RefuseManyRequest(DraftsAsked):
    """Why none of several drafts will be signed, as `RefuseRequest`."""

    reason: ShortWords
    checker: ShortWords = ""


class DecidedItem(Told):
    """What became of one draft: what was signed, or why it was not decided about."""

    id: int
    done: bool
    thing: str | None = None
    record: str | None = None
    verify: str | None = None
    confirmed: list[str] = []
    code: str = ""
    why: str = ""
    problems: list[ProblemItem] = []


class DecidedAnswer(Told):
    """One entry for each draft that was tried; `left` more were asked for and still wait.

    Asking again goes on with these. `marked` ones of the source were left out for their marks.
    """

    drafts: list[DecidedItem]
    left: int = 0
    marked: int = 0
