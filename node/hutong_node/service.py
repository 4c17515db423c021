"""What people and programs of an organisation can do with its node.

Owns the operations behind the local API and the command line; both call these methods and nothing
else, so that it makes no difference which one somebody uses, or whether the node runs. Everything
asked for and told has the shapes of `api_models`; what is not carried out is `Refused`, with a code
and a way out.

Rules of meaning are the core's; imports and the queue have modules of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from hutong_node.api_models import (
    PAGE_MAX,
    AcceptRequest,
    AddPeerRequest,
    AtHomeAnswer,
    ChangeAnswer,
    DecidedAnswer,
    HealthAnswer,
    ImportAnswer,
    ImportRequest,
    InviteAnswer,
    InviteRequest,
    JoinAnswer,
    JoinRequest,
    NamedItem,
    OrganisationItem,
    OrganisationsAnswer,
    PeersAnswer,
    PublishAnswer,
    PublishRequest,
    QueueAnswer,
    QueueItem,
    RecordAnswer,
    RefuseManyRequest,
    RefuseRequest,
    ReleaseAnswer,
    ReleaseManyRequest,
    ReleaseRequest,
    ScopeItem,
    SourceAnswer,
    StatusAnswer,
    SubscribeRequest,
    SubscriptionsAnswer,
    ThingAnswer,
    ThingsAnswer,
)
from hutong_node.asked_ids import bad_cursor, cursor_of, id_of
from hutong_node.doctor.answer import examine_running
from hutong_node.doctor.shapes import DoctorAnswer
from hutong_node.importing import Importing
from hutong_node.indexing import ThingFilter
from hutong_node.intake import DraftFilter, Intake
from hutong_node.joining import JoiningRefused
from hutong_node.node import Node
from hutong_node.overview import Overview
from hutong_node.own_card import OwnCards
from hutong_node.publishing_desk import PublishingDesk
from hutong_node.refusals import Code, Refused
from hutong_node.roster import Peer
from hutong_node.screening import Screening
from hutong_node.showing import (
    Directory,
    record_answer,
    record_text,
    thing_answer,
    thing_item,
    time_text,
    title_of,
)
from hutong_node.store.interface import StoreMethods
from hutong_node.transport import ConnectionLost, is_loopback
from hutong_protocol.exchange import Scope
from hutong_protocol.ids import IdKind, OrgId, RecordId, format_id
from hutong_protocol.instants import instant_ms
from hutong_protocol.invites import check_endpoint

_NAMED_MAX: Final = 1_000
_CATCH_UP_S: Final = 1.0
"""How long a reader waits for the index before it shows what is there, and says so."""
_BEHIND_MAX: Final = 1_000
_KEY_LENGTH_MAX: Final = 100


class NodeService:
    """Everything that can be done with one node, running or not."""

    def __init__(self, node: Node, intake: Intake, *, running: bool) -> None:
        """`running`: the node listens and exchanges; otherwise only its folder is open."""
        self._node = node
        self._intake = intake
        self._publishing = PublishingDesk(node, intake)
        self._importing = Importing(node, intake)
        self._screening = Screening(node, intake, self._importing)
        self._overview = Overview(node, intake, running=running)
        self.cards = OwnCards(node, self._publishing)
        self._directory: tuple[object, Directory] | None = None

    # Records

    async def publish(self, request: PublishRequest, key: str | None = None) -> PublishAnswer:
        """Signs drafts. See `hutong_node.publishing_desk`."""
        return await self._publishing.publish(request, key)

    async def record(self, record: str) -> RecordAnswer:
        """A record that is held."""
        self._require_shown()
        identifier = RecordId(id_of(IdKind.RECORD, record))
        found = await self._node.parts.store.call(StoreMethods.record, identifier)
        if found is None:
            raise Refused(
                Code.NOT_FOUND,
                "no record with this id is held here",
                way_out="it may be in a scope that this node doesn't hold, or not have arrived",
            )
        return record_answer(found, await self._names(), now_ms=self._node.clock.now_ms())

    # Things

    async def things(
        self,
        wanted: ThingFilter,
        *,
        as_of: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> ThingsAnswer:
        """A page of things in the order of their ids.

        Args:
            as_of: an instant as RFC 3339, by default now.
            after: what the page before gave as `next`.
            limit: 1 to `PAGE_MAX`.
        """
        self._require_shown()
        as_of_ms = self._instant(as_of)
        start = cursor_of(after)
        behind = await self._catch_up()
        limit = max(1, min(limit, PAGE_MAX))
        views = await asyncio.to_thread(
            self._node.parts.index.views, wanted, as_of_ms, after=start, views_max=limit + 1
        )
        shown = views[:limit]
        revisions = await self._node.parts.store.call(
            StoreMethods.records, [RecordId(view.thing.revision) for view in shown]
        )
        names = await self._names()
        return ThingsAnswer(
            things=[
                thing_item(view, revisions.get(RecordId(view.thing.revision)), names)
                for view in shown
            ],
            next=record_text(shown[-1].key.id) if len(views) > limit else None,
            as_of=time_text(as_of_ms) or "",
            behind=behind,
        )

    async def thing(self, thing: str, as_of: str | None = None) -> ThingAnswer:
        """A thing with its numbers and every record about it that is held."""
        self._require_shown()
        identifier = RecordId(id_of(IdKind.RECORD, thing))
        as_of_ms = self._instant(as_of)
        behind = await self._catch_up()
        parts = self._node.parts
        view = await asyncio.to_thread(parts.index.view, identifier, as_of_ms)
        if view is None:
            raise await self._no_such_thing(identifier)
        members = await asyncio.to_thread(parts.index.members, identifier)
        records = await parts.store.call(StoreMethods.records, members)
        names = await self._names()
        return thing_answer(view, records, names, behind=behind, now_ms=self._node.clock.now_ms())

    async def at_home(self, thing: str) -> AtHomeAnswer:
        """What came with a thing's row and stays on this node."""
        identifier = id_of(IdKind.RECORD, thing)
        row = await asyncio.to_thread(self._intake.row_of_thing, identifier)
        values: dict[str, str] = {}
        if row is not None:
            values = await asyncio.to_thread(self._intake.kept_at_home, row.source, row.key)
        return AtHomeAnswer(id=thing, values=values)

    # Imports and the queue

    async def import_rows(self, source: str, request: ImportRequest) -> ImportAnswer:
        """Does with the rows of a source what they need. See `hutong_node.importing`."""
        return await self._importing.take(source, request)

    async def source(self, source: str, state: str | None = None) -> SourceAnswer:
        """What is known of a source; `state` is the digest of a file, as hex."""
        return await self._importing.about(source, state)

    async def queue(
        self, after: str | None = None, limit: int = 100, wanted: DraftFilter | None = None
    ) -> QueueAnswer:
        """Drafts that wait for somebody to look at them, oldest first."""
        if after is not None and not (after.isascii() and after.isdigit() and len(after) < 16):
            raise bad_cursor()
        return await self._screening.page(int(after or 0), max(1, min(limit, PAGE_MAX)), wanted)

    async def queued(self, number: int) -> QueueItem:
        """One of them, whole."""
        return await self._screening.one(number)

    async def release(self, number: int, request: ReleaseRequest) -> ReleaseAnswer:
        """Signs a draft, and this organisation's own check of it."""
        return await self._screening.release(
            number, request.method, request.checker, request.groups
        )

    async def refuse(self, number: int, request: RefuseRequest) -> ChangeAnswer:
        """Takes a draft out of the queue for good."""
        await self._screening.refuse(number, request.reason, request.checker)
        return ChangeAnswer(changed=True)

    async def release_many(self, request: ReleaseManyRequest) -> DecidedAnswer:
        """Signs several drafts, each with this organisation's own check."""
        return await self._screening.release_many(request)

    async def refuse_many(self, request: RefuseManyRequest) -> DecidedAnswer:
        """Takes several drafts out of the queue for good."""
        return await self._screening.refuse_many(request)

    # Peers, organisations, scopes

    async def peers(self) -> PeersAnswer:
        """All peers, and how it stands with each."""
        return PeersAnswer(peers=await self._overview.peers(await self._names()))

    async def add_peer(self, request: AddPeerRequest) -> ChangeAnswer:
        """Keeps a peer, and dials it if the node runs. A pin given again replaces the old one."""
        org = self._other(request.organisation)
        endpoint = request.endpoint
        if endpoint is not None and not check_endpoint(endpoint):
            raise Refused(
                Code.CANNOT_ADD_PEER,
                "this is no address of a node",
                way_out="give it as wss://host:port",
            )
        if endpoint is not None:
            plain = endpoint.startswith("ws://")
            host = endpoint.partition("://")[2].rpartition(":")[0] or endpoint.partition("://")[2]
            if plain and not is_loopback(host.strip("[]")):
                raise Refused(
                    Code.CANNOT_ADD_PEER,
                    "without TLS only nodes on this machine are dialled",
                    way_out="give it as wss://host:port",
                )
            if not plain and request.certificate is None:
                raise Refused(
                    Code.CANNOT_ADD_PEER,
                    "the peer's certificate must be pinned",
                    way_out="ask for an invite (`hutong join`), or for the certificate's SHA-256",
                )
        pin = None if request.certificate is None else bytes.fromhex(request.certificate)
        roster = self._node.parts.roster
        peer = Peer(org, endpoint, pin, self._node.clock.now_ms())
        before = {(known.org, known.endpoint, known.certificate) for known in roster.peers()}
        await asyncio.to_thread(roster.set_peer, peer)
        await self._node.roster_changed()
        return ChangeAnswer(changed=(org, endpoint, pin) not in before)

    async def remove_peer(self, organisation: str) -> ChangeAnswer:
        """Forgets a peer and ends its session; what it sent stays."""
        org = OrgId(id_of(IdKind.ORG, organisation))
        changed = await asyncio.to_thread(self._node.parts.roster.drop_peer, org)
        self._node.peering.forget(org)
        return ChangeAnswer(changed=changed)

    async def organisations(self) -> OrganisationsAnswer:
        """Who is let in."""
        names = await self._names()
        parts = self._node.parts
        entries = await asyncio.to_thread(parts.roster.organisations)
        named = await asyncio.to_thread(parts.roster.named, parts.identity.org)
        return OrganisationsAnswer(
            own=names.author(parts.identity.org),
            organisations=[
                OrganisationItem(
                    id=format_id(IdKind.ORG, entry.org),
                    name=names.author(entry.org).name,
                    note=entry.note,
                    since=time_text(entry.since_ms) or "",
                    heeded=entry.heeded,
                )
                for entry in entries
            ],
            named=[
                NamedItem(
                    organisation=names.author(org),
                    space=scope.space,
                    topic=scope.topic,
                    by=names.author(author),
                    since=time_text(since_ms) or "",
                )
                for (scope, org, author), since_ms in named
            ],
            store_named=parts.config.policy.store_named,
        )

    async def accept(self, request: AcceptRequest) -> ChangeAnswer:
        """Lets an organisation in."""
        org = self._other(request.organisation)
        roster = self._node.parts.roster
        notes = {entry.org: entry.note for entry in await asyncio.to_thread(roster.organisations)}
        note = notes.get(org, "") if request.note is None else request.note
        changed = await asyncio.to_thread(roster.let_in, org, note, self._node.clock.now_ms())
        if request.heeded is not None:
            changed |= await asyncio.to_thread(roster.heed, org, request.heeded)
        await self._node.roster_changed()
        return ChangeAnswer(changed=changed)

    async def forget_organisation(self, organisation: str) -> ChangeAnswer:
        """Takes no more from an organisation, whoever names it, and ends its session.

        What is held stays.
        """
        org = self._other(organisation)
        changed = await asyncio.to_thread(self._node.parts.roster.shut_out, org)
        self._node.peering.forget(org)
        await self._node.roster_changed()
        return ChangeAnswer(changed=changed)

    async def subscriptions(self) -> SubscriptionsAnswer:
        """The scopes held."""
        scopes = await asyncio.to_thread(self._node.parts.roster.subscriptions)
        return SubscriptionsAnswer(scopes=_scope_items(scopes))

    async def subscribe(self, request: SubscribeRequest) -> SubscriptionsAnswer:
        """Holds more scopes, and `base` of their spaces."""
        scopes = [Scope(item.space, item.topic) for item in request.scopes]
        await asyncio.to_thread(self._node.parts.roster.subscribe, scopes)
        await self._node.roster_changed()
        return await self.subscriptions()

    async def invite(self, request: InviteRequest) -> InviteAnswer:
        """An invite for one other node."""
        scopes = [Scope(item.space, item.topic) for item in request.scopes]
        expires_ms = self._node.clock.now_ms() + request.hours * 3_600_000
        try:
            text = await asyncio.to_thread(
                self._node.desk.make_invite, scopes, request.endpoint, expires_ms
            )
        except JoiningRefused as refused:
            raise Refused(Code.CANNOT_INVITE, str(refused)) from None
        return InviteAnswer(invite=text, expires_at=time_text(expires_ms) or "")

    async def join(self, request: JoinRequest) -> JoinAnswer:
        """Uses an invite: its organisation is let in, its node dialled, its scopes held."""
        try:
            joined = await self._node.desk.join(request.invite)
        except JoiningRefused as refused:
            raise Refused(Code.CANNOT_JOIN, str(refused)) from None
        except ConnectionLost as lost:
            raise Refused(
                Code.PEER_UNREACHABLE,
                str(lost),
                way_out="check that the other node runs and its address can be reached from here",
            ) from None
        await self._node.roster_changed()
        names = await self._names()
        return JoinAnswer(
            organisation=names.author(joined.org),
            endpoint=joined.endpoint,
            scopes=_scope_items(joined.scopes),
        )

    # How it stands

    async def status(self, *, as_of: str | None = None, fold: bool | None = None) -> StatusAnswer:
        """How this node is. `fold`: with the digests of what the records come to.

        By default those are left out of a large store, where they take more than a moment.
        """
        as_of_ms = self._instant(as_of)
        behind = await self._catch_up()
        return await self._overview.status(
            await self._names(), as_of_ms=as_of_ms, behind=behind, with_fold=fold
        )

    async def doctor(self, peer: str | None, language: str, seconds: int) -> DoctorAnswer:
        """What is wrong with this node or with a peer, in words. See `hutong_node.doctor`."""
        return await examine_running(
            self._node, await self._names(), peer=peer, language=language, seconds=seconds
        )

    async def ready(self) -> HealthAnswer:
        """Whether this node can do its work: store, disk and clock."""
        return await self._overview.ready()

    async def metrics(self) -> bytes:
        """The metrics in the text format of Prometheus."""
        return await self._overview.metrics()

    # Inside

    def _require_shown(self) -> None:
        """Refuses to show records that peers may have seen erased. Spec: 5.1.6."""
        refusal = self._node.parts.restoring.refusal()
        if refusal is not None:
            raise refusal

    async def _catch_up(self) -> int:
        """Waits a moment for the index; how many records the picture lacks all the same."""
        try:
            async with asyncio.timeout(_CATCH_UP_S):
                await self._node.index_is_current()
        except TimeoutError:
            parts = self._node.parts
            changes = await parts.store.call(
                StoreMethods.records_after, parts.index.watermark, _BEHIND_MAX
            )
            return len(changes.new) + len(changes.altered)
        return 0

    async def _names(self) -> Directory:
        """Names from the cards of organisations; this node's own from its configuration."""
        parts = self._node.parts
        watermark = parts.index.watermark
        if self._directory is None or self._directory[0] != watermark:
            cards = await asyncio.to_thread(
                parts.index.views, ThingFilter(type="org/1"), 0, views_max=_NAMED_MAX
            )
            revisions = await parts.store.call(
                StoreMethods.records, [RecordId(card.thing.revision) for card in cards]
            )
            names: dict[bytes, str] = {}
            for card in cards:
                title = title_of(revisions.get(RecordId(card.thing.revision)))
                if title is not None:
                    names[card.thing.author] = title
            names.setdefault(parts.identity.org, parts.config.organisation)
            self._directory = (watermark, Directory(names))
        return self._directory[1]

    async def _no_such_thing(self, identifier: RecordId) -> Refused:
        record = await self._node.parts.store.call(StoreMethods.record, identifier)
        if record is None or not record.refs or not record.refs[0]:
            return Refused(
                Code.NOT_FOUND,
                "no thing with this id is held here",
                way_out="hutong list shows what is; check that its space and topic are held",
            )
        return Refused(
            Code.NOT_FOUND,
            "this is a record about a thing, not a thing",
            way_out=f"hutong show {record_text(record.refs[0])}",
        )

    def _instant(self, text: str | None) -> int:
        if text is None:
            return self._node.clock.now_ms()
        found = instant_ms(text)
        if found is None or found < 0:
            raise Refused(
                Code.BAD_REQUEST,
                "as_of is a time with its offset from UTC",
                way_out="for example 2022-01-03T18:00:00+08:00 (in an address, + is %2B)",
            )
        return found

    def _other(self, organisation: str) -> OrgId:
        org = OrgId(id_of(IdKind.ORG, organisation))
        if org == self._node.parts.identity.org:
            raise Refused(Code.OWN_ORGANISATION, "this is this node's own organisation")
        return org


def _scope_items(scopes: Sequence[Scope]) -> list[ScopeItem]:
    return [ScopeItem(space=scope.space, topic=scope.topic) for scope in scopes]
