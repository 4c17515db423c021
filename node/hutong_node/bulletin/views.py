"""The values that templates show, ready made: nothing is looked up or computed in a template.

Owns the shapes between reading and showing. `Shown` are words of others, in pieces; `str` are this
software's own words, numbers, ids and addresses. Addresses are made here in the node, never taken
from a record, but for `Link`s, which `text_safety` has let through.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hutong_node.bulletin.text_safety import NOTHING, Shown
from hutong_node.bulletin.times import TimeShown


@dataclass(frozen=True, slots=True)
class OrgRef:
    """An organisation: the name by which it is known here, and the beginning of its id."""

    href: str
    name: Shown
    short: str


@dataclass(frozen=True, slots=True)
class Link:
    """Something of a record that may be followed out of this bulletin, or only read."""

    text: Shown
    href: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A link of ours; `is_here` where it leads to what is being shown."""

    href: str
    text: str
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a filter."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Axis:
    """Where a thing stands on one axis. `value` is a code that style sheets go by."""

    name: str
    value: str
    text: str
    is_usual: bool = False
    """Whether lists leave it out: it says nothing that one would not expect."""


@dataclass(frozen=True, slots=True)
class PlaceShown:
    """A place: its name in the record, and its codes with where they lead."""

    name: Shown
    codes: tuple[Choice, ...] = ()
    unlinked: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class LineBrief:
    """A line of a thing in a list."""

    name: Shown
    asked: Shown
    open: Shown
    is_closed: bool


@dataclass(frozen=True, slots=True)
class ThingRow:
    """A need or offer in a list."""

    href: str
    title: Shown
    author: OrgRef
    topic: str
    place: PlaceShown
    urgency: Axis | None
    due_name: str
    due: TimeShown | None
    lines: tuple[LineBrief, ...]
    more_lines: int
    axes: tuple[Axis, ...]
    checked: TimeShown | None
    flags: int
    more: MoreOf | None = None


@dataclass(frozen=True, slots=True)
class MoreOf:
    """Things of one organisation that the page leaves out here."""

    text: str
    org: OrgRef
    href: str


@dataclass(frozen=True, slots=True)
class FilterForm:
    """The filters of a list as a form, and those in force with how to drop them."""

    action: str
    hidden: tuple[tuple[str, str], ...]
    selects: tuple[tuple[str, str, tuple[Option, ...]], ...]
    place: str
    in_force: tuple[tuple[str, Shown, str], ...]
    clear: str | None


@dataclass(frozen=True, slots=True)
class ThingList:
    """A page of needs or offers."""

    heading: str
    intro: str
    total: str
    rows: tuple[ThingRow, ...]
    form: FilterForm
    next: str | None
    first: str | None
    empty: tuple[str, ...]
    partly: tuple[OrgRef, ...] = ()
    partly_text: str = ""
    feed: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A number in a table, with where it leads."""

    text: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class RowOf:
    """A row of a table of numbers. Either `name` or `words` heads it."""

    href: str
    cells: tuple[Cell, ...]
    name: str = ""
    words: Shown = NOTHING
    code: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """What heads a column: our own name for it, and what records call it."""

    name: str
    words: Shown = NOTHING


@dataclass(frozen=True, slots=True)
class Table:
    """A table of numbers."""

    caption: str
    corner: str
    columns: tuple[Column, ...]
    rows: tuple[RowOf, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A check of a thing by an organisation."""

    org: OrgRef
    what: Shown
    outcome: Axis
    method: Shown
    when: TimeShown | None
    freshness: str
    party: str
    thing: Shown = NOTHING
    href: str = ""


@dataclass(frozen=True, slots=True)
class PromiseRow:
    """A promise on a line."""

    org: OrgRef | None
    state: Axis
    amounts: tuple[tuple[str, Shown], ...]
    note: Shown
    record: str
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class LineShown:
    """A line of a need or offer with its numbers."""

    id: Shown
    name: Shown
    kind: Shown
    asked: Shown
    written: Shown
    spec: Shown
    note: Shown
    facts: tuple[tuple[str, Shown], ...]
    numbers: tuple[tuple[str, Shown], ...]
    claims: tuple[tuple[str, Shown], ...]
    is_closed: bool
    promises: tuple[PromiseRow, ...]
    more_promises: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """Somebody who is waited for."""

    org: OrgRef
    text: str
    line: Shown


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One record: who said what when, and in whose log it stands."""

    org: OrgRef
    when: TimeShown | None
    what: str
    details: tuple[tuple[str, Shown], ...]
    note: Shown
    standing: str
    words_state: str
    record: str
    log: str
    seq: int
    writer: str


@dataclass(frozen=True, slots=True)
class ThingPage:
    """One need or offer."""

    kind: str
    id: str
    title: Shown
    author: OrgRef
    steward: OrgRef | None
    short: ThingRow
    in_charge: OrgRef
    desk: tuple[tuple[str, Link], ...]
    axes: tuple[Axis, ...]
    facts: tuple[tuple[str, Shown], ...]
    times: tuple[tuple[str, Shown], ...]
    incident: tuple[str, Shown] | None
    topic: Choice
    note: Shown
    reason: Shown
    lines: tuple[LineShown, ...]
    waiting: tuple[WaitingRow, ...]
    more_waiting: int
    checks: tuple[CheckRow, ...]
    more_checks: int
    flags: tuple[Shown, ...]
    history: tuple[HistoryRow, ...]
    history_total: int
    history_from: int
    history_older: str | None
    history_newer: str | None
    card: str
    digest: str


@dataclass(frozen=True, slots=True)
class OrgPage:
    """One organisation."""

    id: str
    ref: OrgRef
    names: tuple[Shown, ...]
    kind: Shown
    is_own: bool
    has_card: bool
    facts: tuple[tuple[str, Shown], ...]
    areas: tuple[Choice, ...]
    more_areas: tuple[Shown, ...]
    desk: tuple[tuple[str, Link], ...]
    note: Shown
    work: Table
    needs: tuple[ThingRow, ...]
    offers: tuple[ThingRow, ...]
    promised: tuple[ThingRow, ...]
    all_needs: str
    all_offers: str


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident in a list."""

    href: str
    title: Shown
    start: TimeShown | None
    life: Axis
    author: OrgRef
    open_needs: str
    offers: str


@dataclass(frozen=True, slots=True)
class IncidentList:
    """Incidents."""

    rows: tuple[IncidentRow, ...]
    next: str | None
    first: str | None
    empty: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """One incident."""

    id: str
    row: IncidentRow
    names: tuple[Shown, ...]
    facts: tuple[tuple[str, Shown], ...]
    note: Shown
    topics: Table
    needs: tuple[ThingRow, ...]
    needs_href: str
    offers_href: str


@dataclass(frozen=True, slots=True)
class Card:
    """What is passed on of one need. `message` is for a chat, `qr` the path of a code or None."""

    kind: str
    title: Shown
    href: str
    message: Shown
    address: str
    is_reachable: bool
    qr: QrPath | None


@dataclass(frozen=True, slots=True)
class QrPath:
    """A QR code as one path in a square of `size` modules, margins included."""

    size: int
    path: str


@dataclass(frozen=True, slots=True)
class ScopeDigest:
    """What the records of a scope come to."""

    name: str
    code: str
    things: str
    fold: str


@dataclass(frozen=True, slots=True)
class PeerShown:
    """A peer and when this node last had the same as it."""

    org: OrgRef
    state: str
    settled: TimeShown | None


@dataclass(frozen=True, slots=True)
class Footing:
    """What a picture rests on. Digests are empty as long as they are being computed."""

    as_of: TimeShown
    records: str
    frontier: str
    fold_as_of: TimeShown | None
    fold_note: str
    scopes: tuple[ScopeDigest, ...]
    coverage: tuple[tuple[str, str], ...]
    not_held: tuple[OrgRef, ...]
    not_held_more: int
    peers: tuple[PeerShown, ...]
    peers_total: str
    last_settled: TimeShown | None
    is_behind: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page has around its content."""

    lang: str
    title: Shown
    own_name: Shown
    home: str
    navigation: tuple[Choice, ...]
    languages: tuple[Choice, ...]
    language_tags: tuple[str, ...]
    style: str
    notices: tuple[Shown, ...] = ()
    footing: Footing | None = None
    about: str = ""
    feed: str | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page."""

    topics: Table
    places: Table
    incidents: tuple[IncidentRow, ...]
    latest: tuple[ThingRow, ...]
    checks: tuple[CheckRow, ...]
    empty: tuple[str, ...] = field(default=())
    feed: str = ""
    checks_href: str = ""
    incidents_href: str = ""


@dataclass(frozen=True, slots=True)
class CheckList:
    """The checks that came last."""

    rows: tuple[CheckRow, ...]
    empty: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WhoPage:
    """Who does what where."""

    by_topic: Table
    by_place: Table
    next: str | None
    first: str | None
    empty: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrgRow:
    """An organisation in a list."""

    ref: OrgRef
    kind: Shown
    is_own: bool
    counts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrgList:
    """Organisations of which something is held."""

    rows: tuple[OrgRow, ...]
    next: str | None
    first: str | None
    empty: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A page that says why there is none: what is wrong, and a way out."""

    heading: str
    text: Shown
    way_out: str
    links: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class About:
    """How to read the bulletin, and everything that it rests on."""

    footing: Footing
    is_public: bool
