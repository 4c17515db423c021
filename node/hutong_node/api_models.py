"""The shapes of the local API: what programs send to a node and what it answers. JSON, version 1.

Owns their fields and bounds; the OpenAPI document is made from them. Ids stand in their text form
(`org-...`, `rec-...`), other bytes as hex, times as RFC 3339 in UTC, amounts as decimal text in the
base unit of their dimension.

What facts and text may hold is the schema's business, and is checked when a draft is made
(`drafting`). The shapes of imports and of the queue stand in `intake_shapes`, those of the card in
`card_shapes`; they can be had from here like all others.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hutong_node.api_terms import PAGE_MAX as PAGE_MAX
from hutong_node.api_terms import Asked as Asked
from hutong_node.api_terms import Author as Author
from hutong_node.api_terms import JsonMap as JsonMap
from hutong_node.api_terms import NameText as NameText
from hutong_node.api_terms import OrgText as OrgText
from hutong_node.api_terms import ProblemItem as ProblemItem
from hutong_node.api_terms import RecordText as RecordText
from hutong_node.api_terms import ShortWords as ShortWords
from hutong_node.api_terms import TimeText as TimeText
from hutong_node.api_terms import Told as Told
from hutong_node.card_shapes import CardAnswer as CardAnswer
from hutong_node.card_shapes import CardItem as CardItem
from hutong_node.card_shapes import CardRequest as CardRequest
from hutong_node.intake_shapes import ROWS_MAX as ROWS_MAX
from hutong_node.intake_shapes import ChangeItem as ChangeItem
from hutong_node.intake_shapes import DecidedAnswer as DecidedAnswer
from hutong_node.intake_shapes import DecidedItem as DecidedItem
from hutong_node.intake_shapes import DraftLine as DraftLine
from hutong_node.intake_shapes import DraftsAsked as DraftsAsked
from hutong_node.intake_shapes import GoneRow as GoneRow
from hutong_node.intake_shapes import ImportAnswer as ImportAnswer
from hutong_node.intake_shapes import ImportRequest as ImportRequest
from hutong_node.intake_shapes import ImportRow as ImportRow
from hutong_node.intake_shapes import MarkItem as MarkItem
from hutong_node.intake_shapes import QueueAnswer as QueueAnswer
from hutong_node.intake_shapes import QueueItem as QueueItem
from hutong_node.intake_shapes import QueueSource as QueueSource
from hutong_node.intake_shapes import RefuseManyRequest as RefuseManyRequest
from hutong_node.intake_shapes import RefuseRequest as RefuseRequest
from hutong_node.intake_shapes import ReleaseAnswer as ReleaseAnswer
from hutong_node.intake_shapes import ReleaseManyRequest as ReleaseManyRequest
from hutong_node.intake_shapes import ReleaseRequest as ReleaseRequest
from hutong_node.intake_shapes import RowOutcome as RowOutcome
from hutong_node.intake_shapes import RowResult as RowResult
from hutong_node.intake_shapes import RunItem as RunItem
from hutong_node.intake_shapes import SourceAnswer as SourceAnswer
from hutong_node.intake_shapes import SourceRun as SourceRun

DRAFTS_MAX = 1_000


class ErrorAnswer(Told):
    """Any refusal, as application/problem+json (RFC 9457). Programs go by `code`."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str = ""
    way_out: str = ""
    problems: list[ProblemItem] = []


class ScopeItem(Asked):
    """A pair of space and topic, the unit of exchange."""

    space: NameText
    topic: NameText


# --- Records


class PartExpiry(Asked):
    """When a part is to be forgotten. Facts never expire. Spec: 5.3."""

    text: TimeText


class DraftItem(Asked):
    """A statement that this node is asked to sign.

    `refs` are by name: `thing`, `link`, `revision`, `first`, `target`, `dispatch` hold a record id,
    `replaces` a list of them. A `client_id` makes the draft safe to send again, in any request: it
    is signed once.
    """

    type: Annotated[str, Field(max_length=32, examples=["need/1"])]
    space: NameText
    topic: NameText
    refs: dict[str, str | list[str]] = {}
    facts: JsonMap = {}
    text: JsonMap = {}
    exp: PartExpiry | None = None
    client_id: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class PublishRequest(Asked):
    """Drafts to sign. All are checked before any is signed."""

    drafts: Annotated[list[DraftItem], Field(min_length=1, max_length=DRAFTS_MAX)]


class PublishedItem(Told):
    """A draft that was signed; `thing` is what it is about, itself for a thing's first record."""

    id: str
    thing: str
    type: str
    space: str
    topic: str
    client_id: str | None = None


class PublishAnswer(Told):
    """The records in the order of the drafts; the same for the same request again.

    `replayed` counts those that had been signed before under the same key or client id. It is told
    beside the answer, in the header Idempotency-Replayed.
    """

    records: list[PublishedItem]
    replayed: Annotated[int, Field(exclude=True)] = 0


class RecordAnswer(Told):
    """A record as it is held. Facts and text are null where they aren't present; states say why.

    `fits` is false for facts that the schema can't read; they are then shown as `raw`, hex.
    `written_at` is what the writer claims. `written_at_doubt` is `late` where that is more than ten
    minutes ahead of this node's clock, `early` where it is before the protocol had records.
    """

    id: str
    type: str
    space: str
    topic: str
    author: Author
    writer: str
    log: str
    seq: int
    clock: int
    written_at: str
    written_at_doubt: Literal["early", "late"] | None = None
    refs: dict[str, str | list[str]]
    facts: JsonMap | None
    facts_state: Literal["present", "erased", "missing", "absent"]
    text: JsonMap | None
    text_state: Literal["present", "erased", "missing", "absent"]
    standing: str | None = None
    fits: bool = True
    raw: str | None = None


# --- Things


class LineItem(Told):
    """A line with its numbers. Spec: 12.15. Amounts are null where there is no target."""

    id: str
    kind: str | None
    words: str | None = None
    closed: bool
    dimension: str | None
    bound: str | None = None
    raw: str | None = None
    required: str | None
    accepted: str
    in_transit: str
    received: str
    open: str | None
    pledged: str
    proxy: str
    possible: str
    over_promised: str | None
    open_if_all_pledges_hold: str | None
    reported: str
    unquantified: int
    unmeasured: bool
    other: list[JsonMap] = []
    commitments: list[JsonMap] = []


class BackingItem(Told):
    """What one kind of party bases the state `verification` on: every method that was used.

    `at` is when the latest of these checks was made, as its author says.
    """

    third_party: bool
    methods: list[str]
    at: str | None = None


class ThingItem(Told):
    """A thing in a list. `backing` stands behind `verification`, a third party's checks first."""

    id: str
    type: str
    space: str
    topic: str
    title: str | None
    author: Author
    steward: Author
    urgency: str | None
    place: str | None
    life: str
    reason: str | None
    coverage: str | None
    delivery: str | None
    verification: str
    backing: list[BackingItem] = []
    valid_until: str | None
    lines: int
    flags: list[str]
    waiting_on: list[str]


class ThingsAnswer(Told):
    """A page of things in the order of space, topic and id; `next` is for `after`."""

    things: list[ThingItem]
    next: str | None = None
    as_of: str
    behind: int = 0


class ThingAnswer(Told):
    """A thing with its numbers, who is waited for, and every record about it.

    `behind` is the number of records held here that the picture does not contain yet. `digest`
    compares with that of other nodes for the same `as_of`. Spec: 12.20.
    """

    thing: ThingItem
    revision: str
    facts: JsonMap | None
    text: JsonMap | None
    lines: list[LineItem]
    waiting_on: list[JsonMap]
    checks: list[JsonMap]
    flags: list[JsonMap]
    history: list[RecordAnswer]
    as_of: str
    digest: str
    behind: int = 0


class AtHomeAnswer(Told):
    """What came with a row and stays on this node: never signed, never sent."""

    id: str
    values: dict[str, str]


# --- Status


class ScopeStatus(Told):
    """One scope held: its root, and what the records in it come to."""

    space: str
    topic: str
    root: str
    things: int | None
    fold_digest: str | None
    claims_digest: str | None


class PeerItem(Told):
    """A peer and how it stands with it. `certificate` is the pinned SHA-256, hex."""

    organisation: Author
    endpoint: str | None
    certificate: str | None
    state: str
    settled_at: str | None = None
    connected_at: str | None = None
    next_try_s: float | None = None
    tries: int = 0
    last_fault: str | None = None
    last_reason: str | None = None
    records_received: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    leftovers: int = 0
    refusals: dict[str, int] = {}
    refusals_by_peer: dict[str, int] = {}
    clock_off_s: int | None = None


class ForkItem(Told):
    """Two signed branches of one log that cannot both be its history. Spec: 5.10."""

    log: str
    organisation: Author
    space: str
    topic: str
    seq: int
    found_at: str


class RetiredLog(Told):
    """A log of this node that it never continues, and why. Spec: 5.1.5."""

    log: str
    space: str
    topic: str
    reason: str


class CoverageItem(Told):
    """What the picture rests on. Spec: 12.20.1."""

    records: int
    standing: dict[str, int]
    types: dict[str, int]
    facts_erased: int
    facts_missing: int
    organisations: int
    not_held: list[str]


class ClockItem(Told):
    """This clock beside those of `compared` peers; `off_s` is the median, positive when ahead.

    `signs` says whether anything may be signed as it stands. `trusted`: the operator told the node
    to sign whatever the peers' clocks say. Spec: 5.2.6.
    """

    now: str
    off_s: int | None
    compared: int
    apart: list[Author]
    signs: bool
    trusted: bool


class StatusAnswer(Told):
    """How this node is. `frontier_digest` is the shared root over all scopes held. Spec: 7.5.4.

    `as_of` is the instant of the fold digests; two nodes compare at the same one.
    """

    organisation: Author
    version: str
    running: bool
    records: int
    logs: int
    organisations: int
    missing_parts: int
    disk_bytes: int
    behind: int
    frontier_digest: str
    as_of: str
    scopes: list[ScopeStatus]
    coverage: CoverageItem | None
    peers: list[PeerItem]
    refusals: dict[str, int]
    queue: int
    clock: ClockItem
    marker_mismatch: str | None = None
    frozen: list[Author] = []
    forks: list[ForkItem] = []
    retired_logs: list[RetiredLog] = []
    alarms: list[str] = []


# --- Peers, organisations, invites


class PeersAnswer(Told):
    """All peers."""

    peers: list[PeerItem]


class AddPeerRequest(Asked):
    """A node to exchange with; without an `endpoint` it dials us. Adding again re-pins."""

    organisation: OrgText
    endpoint: Annotated[str, Field(max_length=256)] | None = None
    certificate: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class OrganisationItem(Told):
    """An organisation that was let in, with the operator's own note.

    `heeded`: those whom the stewards of its needs name are stored, too, in that scope. Spec: 12.22.
    """

    id: str
    name: str | None
    note: str
    since: str
    heeded: bool


class NamedItem(Told):
    """An organisation stored in one scope only because the steward of a need `by` names it."""

    organisation: Author
    space: str
    topic: str
    by: Author
    since: str


class OrganisationsAnswer(Told):
    """All organisations let in; this node's own is always. `named` are stored if `store_named`."""

    own: Author
    organisations: list[OrganisationItem]
    named: list[NamedItem]
    store_named: bool


class AcceptRequest(Asked):
    """Lets an organisation in: its records are stored in the scopes held.

    Without a `note` an earlier one stays; likewise `heeded`, which is true at first.
    """

    organisation: OrgText
    note: ShortWords | None = None
    heeded: bool | None = None


class ChangeAnswer(Told):
    """Whether something changed; asking twice changes nothing the second time."""

    changed: bool


class SubscriptionsAnswer(Told):
    """The scopes held. `base` of each space is among them."""

    scopes: list[ScopeItem]


class SubscribeRequest(Asked):
    """Scopes to hold from now on."""

    scopes: Annotated[list[ScopeItem], Field(min_length=1, max_length=256)]


class InviteRequest(Asked):
    """For whom an invite opens which scopes, and for how long."""

    scopes: Annotated[list[ScopeItem], Field(min_length=1, max_length=32)]
    endpoint: Annotated[str, Field(max_length=256)] | None = None
    hours: Annotated[int, Field(ge=1, le=720)] = 72


class InviteAnswer(Told):
    """The text to hand over; whoever uses it first is let in."""

    invite: str
    expires_at: str


class JoinRequest(Asked):
    """An invite that another organisation made for us."""

    invite: Annotated[str, Field(max_length=8_192)]


class JoinAnswer(Told):
    """Whom we joined, and which scopes we hold from now on."""

    organisation: Author
    endpoint: str
    scopes: list[ScopeItem]


# --- Health


class HealthAnswer(Told):
    """Whether a probe finds everything in order; `checks` by name, `ok` or what is wrong."""

    ok: bool
    checks: dict[str, str] = {}
