"""The table of operations of the local API, version 1.

Owns which operation stands at which address with which shapes. The server's routes, the OpenAPI
document and the calls of the command line are all made from this one table, so that none of them
can know an operation that the others don't.

What an operation does is `service`'s business; how it travels, `http_local`'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from hutong_node import api_models as shapes
from hutong_node.doctor.shapes import DoctorAnswer
from hutong_node.refusals import Code, Refused

if TYPE_CHECKING:  # a command that asks a running node needs the table and not the node
    from hutong_node.indexing import ThingFilter
    from hutong_node.intake import DraftFilter
    from hutong_node.service import NodeService


class Query(BaseModel):
    """Parameters after the question mark: text that is read as what it should be."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(Query):
    """No parameters."""


class InstantQuery(Query):
    """At which instant, by default now."""

    as_of: shapes.TimeText | None = None


class StatusQuery(InstantQuery):
    """`fold`: with the digests of what the records come to; by default only in small stores."""

    fold: bool | None = None


class DoctorQuery(Query):
    """`peer`: only this one, by its id, its beginning, name or host. `seconds`: for databases."""

    peer: Annotated[str, Field(max_length=256)] | None = None
    lang: Literal["en", "zh"] = "en"
    seconds: Annotated[int, Field(ge=1, le=30)] = 20


class ThingsQuery(InstantQuery):
    """Which things. `type` is `need`, `offer` and so on, or a whole type like `need/1`."""

    space: shapes.NameText | None = None
    topic: shapes.NameText | None = None
    type: Annotated[str, Field(max_length=32)] | None = None
    life: Literal["active", "expired", "closed"] | None = None
    after: Annotated[str, Field(max_length=64)] | None = None
    limit: Annotated[int, Field(ge=1, le=shapes.PAGE_MAX)] = 100


class SourceQuery(Query):
    """`state`: the digest of a file's keys and contents, to ask whether just this was read."""

    state: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class QueueQuery(Query):
    """A page of the queue. `action`: `new` things, or those that `revise` one."""

    source: Annotated[str, Field(max_length=64)] | None = None
    type: Annotated[str, Field(max_length=32)] | None = None
    action: Literal["new", "revise"] | None = None
    marked: bool | None = None

    after: Annotated[str, Field(max_length=16)] | None = None
    limit: Annotated[int, Field(ge=1, le=shapes.PAGE_MAX)] = 100


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation, its parts checked against their shapes.

    `query` and `body` are instances of the classes that the operation names.
    """

    path: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    query: Any = field(default_factory=NoQuery)
    body: Any = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `name` is its operationId; `keyed` says that it takes an Idempotency-Key."""

    name: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    answer: type[BaseModel]
    run: Callable[[NodeService, Call], Awaitable[BaseModel]]
    query: type[Query] = NoQuery
    body: type[BaseModel] | None = None
    keyed: bool = False


def _filter(query: ThingsQuery) -> ThingFilter:
    from hutong_node.indexing import ThingFilter

    return ThingFilter(query.space, query.topic, _whole_type(query.type), query.life)


def _whole_type(name: str | None) -> str | None:
    """`need` for `need/1`: versions are typed by those who care."""
    return name if name is None or "/" in name else f"{name}/1"


def _waiting(query: QueueQuery) -> DraftFilter:
    from hutong_node.intake import DraftFilter

    revises = None if query.action is None else query.action == "revise"
    return DraftFilter(query.source, _whole_type(query.type), revises, query.marked)


def _number(call: Call) -> int:
    text = call.path["number"]
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Refused(Code.NOT_FOUND, "drafts have numbers", way_out="hutong queue list")
    return int(text)


OPERATIONS: Final = (
    Operation(
        "getStatus", "GET", "/v1/status", "How this node is",
        shapes.StatusAnswer,
        lambda node, call: node.status(as_of=call.query.as_of, fold=call.query.fold),
        query=StatusQuery,
    ),
    Operation(
        "doctor", "GET", "/v1/doctor", "What is wrong, why it matters, and what to do",
        DoctorAnswer,
        lambda node, call: node.doctor(call.query.peer, call.query.lang, call.query.seconds),
        query=DoctorQuery,
    ),
    Operation(
        "listThings", "GET", "/v1/things", "Needs, offers and other things, page by page",
        shapes.ThingsAnswer,
        lambda node, call: node.things(
            _filter(call.query),
            as_of=call.query.as_of, after=call.query.after, limit=call.query.limit,
        ),
        query=ThingsQuery,
    ),
    Operation(
        "getThing", "GET", "/v1/things/{id}", "A thing with its numbers and history",
        shapes.ThingAnswer,
        lambda node, call: node.thing(call.path["id"], call.query.as_of),
        query=InstantQuery,
    ),
    Operation(
        "getAtHome", "GET", "/v1/things/{id}/at-home",
        "What came with a thing's row and stays on this node",
        shapes.AtHomeAnswer,
        lambda node, call: node.at_home(call.path["id"]),
    ),
    Operation(
        "getRecord", "GET", "/v1/records/{id}", "A record as it is held",
        shapes.RecordAnswer,
        lambda node, call: node.record(call.path["id"]),
    ),
    Operation(
        "publish", "POST", "/v1/records", "Sign statements",
        shapes.PublishAnswer,
        lambda node, call: node.publish(call.body, call.key),
        body=shapes.PublishRequest, keyed=True,
    ),
    Operation(
        "getCard", "GET", "/v1/card", "What this organisation says of itself, in each space",
        shapes.CardAnswer,
        lambda node, _: node.cards.show(),
    ),
    Operation(
        "signCard", "POST", "/v1/card", "Sign what this organisation says of itself",
        shapes.CardAnswer,
        lambda node, call: node.cards.sign(call.body),
        body=shapes.CardRequest,
    ),
    Operation(
        "listPeers", "GET", "/v1/peers", "Peers, and how it stands with each",
        shapes.PeersAnswer,
        lambda node, _: node.peers(),
    ),
    Operation(
        "addPeer", "POST", "/v1/peers", "Keep a peer, or pin it anew",
        shapes.ChangeAnswer,
        lambda node, call: node.add_peer(call.body),
        body=shapes.AddPeerRequest,
    ),
    Operation(
        "removePeer", "DELETE", "/v1/peers/{organisation}", "Forget a peer",
        shapes.ChangeAnswer,
        lambda node, call: node.remove_peer(call.path["organisation"]),
    ),
    Operation(
        "listOrganisations", "GET", "/v1/organisations", "Who is let in",
        shapes.OrganisationsAnswer,
        lambda node, _: node.organisations(),
    ),
    Operation(
        "acceptOrganisation", "POST", "/v1/organisations", "Let an organisation in",
        shapes.ChangeAnswer,
        lambda node, call: node.accept(call.body),
        body=shapes.AcceptRequest,
    ),
    Operation(
        "forgetOrganisation", "DELETE", "/v1/organisations/{organisation}",
        "Take no more from an organisation",
        shapes.ChangeAnswer,
        lambda node, call: node.forget_organisation(call.path["organisation"]),
    ),
    Operation(
        "listSubscriptions", "GET", "/v1/subscriptions", "The scopes held",
        shapes.SubscriptionsAnswer,
        lambda node, _: node.subscriptions(),
    ),
    Operation(
        "subscribe", "POST", "/v1/subscriptions", "Hold more scopes",
        shapes.SubscriptionsAnswer,
        lambda node, call: node.subscribe(call.body),
        body=shapes.SubscribeRequest,
    ),
    Operation(
        "makeInvite", "POST", "/v1/invites", "An invite for one other node",
        shapes.InviteAnswer,
        lambda node, call: node.invite(call.body),
        body=shapes.InviteRequest,
    ),
    Operation(
        "join", "POST", "/v1/join", "Use an invite",
        shapes.JoinAnswer,
        lambda node, call: node.join(call.body),
        body=shapes.JoinRequest,
    ),
    Operation(
        "importRows", "POST", "/v1/imports/{source}", "Rows of a source, or a chunk of them",
        shapes.ImportAnswer,
        lambda node, call: node.import_rows(call.path["source"], call.body),
        body=shapes.ImportRequest,
    ),
    Operation(
        "getSource", "GET", "/v1/imports/{source}", "What is known of a source",
        shapes.SourceAnswer,
        lambda node, call: node.source(call.path["source"], call.query.state),
        query=SourceQuery,
    ),
    Operation(
        "listQueue", "GET", "/v1/queue", "Drafts that wait for somebody to look at them",
        shapes.QueueAnswer,
        lambda node, call: node.queue(
            call.query.after, call.query.limit, _waiting(call.query)
        ),
        query=QueueQuery,
    ),
    Operation(
        "getQueued", "GET", "/v1/queue/{number}", "A draft that waits, whole",
        shapes.QueueItem,
        lambda node, call: node.queued(_number(call)),
    ),
    Operation(
        "release", "POST", "/v1/queue/{number}/release", "Sign a draft as checked",
        shapes.ReleaseAnswer,
        lambda node, call: node.release(_number(call), call.body),
        body=shapes.ReleaseRequest,
    ),
    Operation(
        "refuse", "POST", "/v1/queue/{number}/refuse", "Take a draft out of the queue for good",
        shapes.ChangeAnswer,
        lambda node, call: node.refuse(_number(call), call.body),
        body=shapes.RefuseRequest,
    ),
    Operation(
        "releaseMany", "POST", "/v1/queue/release", "Sign several drafts as checked",
        shapes.DecidedAnswer,
        lambda node, call: node.release_many(call.body),
        body=shapes.ReleaseManyRequest,
    ),
    Operation(
        "refuseMany", "POST", "/v1/queue/refuse", "Take several drafts out of the queue for good",
        shapes.DecidedAnswer,
        lambda node, call: node.refuse_many(call.body),
        body=shapes.RefuseManyRequest,
    ),
)  # fmt: skip

BY_NAME: Final[Mapping[str, Operation]] = MappingProxyType(
    {operation.name: operation for operation in OPERATIONS}
)
