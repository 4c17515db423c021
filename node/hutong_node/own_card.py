"""This organisation's own card: the `org/1` by which others know its name, in each space held.

Owns finding the card in `base` of a space, and bringing it to say what somebody asked for: a first
record where there is none, a `revise` where something differs, nothing where it says so already.
A name in the configuration is known to nobody else. A card is public and stays, so none is signed
unless a person said so: nothing here is called but by an operation of the local API. Spec: 12.4.
"""

from __future__ import annotations

import asyncio
from typing import Final

from hutong_node.api_models import (
    Author,
    CardAnswer,
    CardItem,
    CardRequest,
    DraftItem,
    JsonMap,
    PublishRequest,
)
from hutong_node.drafting import TEXT_ROLE
from hutong_node.indexing import ThingFilter
from hutong_node.node import Node
from hutong_node.publishing_desk import PublishingDesk
from hutong_node.refusals import Code, Refused
from hutong_node.row_signing import own_heads
from hutong_node.showing import as_json, body_of, part_of, record_text
from hutong_node.store.interface import StoreMethods
from hutong_protocol import taxonomy
from hutong_protocol.fold import ThingView
from hutong_protocol.ids import IdKind, RecordId, format_id

_CARD: Final = "org/1"
_BASE: Final = "base"
_PAGE: Final = 500
_SCHEMES: Final = {2: "CN-GB2260", 4: "CN-GB2260", 6: "CN-GB2260", 9: "CN-NBS12", 12: "CN-NBS12"}
"""Of a Chinese division by the number of its digits."""


class OwnCards:
    """The cards of one node's organisation."""

    def __init__(self, node: Node, publishing: PublishingDesk) -> None:
        self._node = node
        self._publishing = publishing
        self._one_at_a_time = asyncio.Lock()

    async def show(self) -> CardAnswer:
        """The card in each space held."""
        await self._node.index_is_current()
        return await self._answer([])

    async def sign(self, asked: CardRequest) -> CardAnswer:
        """Signs what differs from the cards that there are.

        Raises:
            Refused: no space is held, the kind is missing, or a draft can't be signed.
        """
        async with self._one_at_a_time:
            await self._node.index_is_current()
            held = await self._spaces()
            spaces = held if asked.spaces is None else list(dict.fromkeys(asked.spaces))
            if not held or set(spaces) - set(held):
                raise Refused(
                    Code.BAD_REQUEST,
                    "a card stands in `base` of a space that this node holds",
                    way_out="hutong subscribe SPACE/TOPIC",
                )
            drafts = [draft for space in spaces if (draft := await self._draft(space, asked))]
            if drafts:
                await self._publishing.publish(PublishRequest(drafts=drafts))
                await self._node.index_is_current()
            return await self._answer([draft.space for draft in drafts])

    async def _answer(self, signed: list[str]) -> CardAnswer:
        parts = self._node.parts
        refusal = parts.restoring.refusal()
        if refusal is not None:
            raise refusal
        cards = [await self._item(space) for space in await self._spaces()]
        titles = (card.text.get("title") for card in cards if card.text)
        name = next((title for title in titles if isinstance(title, str)), None)
        own = format_id(IdKind.ORG, parts.identity.org)
        return CardAnswer(
            organisation=Author(id=own, name=name or parts.config.organisation),
            kind=parts.config.kind,
            cards=cards,
            signed=signed,
        )

    async def _spaces(self) -> list[str]:
        scopes = await asyncio.to_thread(self._node.parts.roster.subscriptions)
        return sorted({scope.space for scope in scopes})

    async def _held(self, space: str) -> ThingView | None:
        """The card of this organisation in a space; of several, that with the lowest id."""
        own, after = self._node.parts.identity.org, b""
        wanted = ThingFilter(space=space, topic=_BASE, type=_CARD, life="active")
        now_ms, index = self._node.clock.now_ms(), self._node.parts.index
        while True:
            views = await asyncio.to_thread(
                index.views, wanted, now_ms, after=after, views_max=_PAGE
            )
            found = next((view for view in views if view.thing.author == own), None)
            if found is not None or len(views) < _PAGE:
                return found
            after = views[-1].key.id

    async def _said(self, view: ThingView) -> tuple[JsonMap, JsonMap]:
        """Facts and text of a card as they are in force."""
        identifier = RecordId(view.thing.revision)
        held = await self._node.parts.store.call(StoreMethods.records, [identifier])
        record = held.get(identifier)
        text = None if record is None else part_of(record, TEXT_ROLE)[0]
        return as_json(_CARD, body_of(record)), as_json("", text or {})

    async def _item(self, space: str) -> CardItem:
        view = await self._held(space)
        if view is None:
            return CardItem(space=space)
        facts, text = await self._said(view)
        return CardItem(space=space, record=record_text(view.key.id), facts=facts, text=text)

    async def _draft(self, space: str, asked: CardRequest) -> DraftItem | None:
        """What has to be signed in a space; None where the card says all of it."""
        view = await self._held(space)
        before: tuple[JsonMap, JsonMap] = ({}, {}) if view is None else await self._said(view)
        facts, text = self._facts(asked, before[0]), self._text(asked, before[1])
        if view is None:
            return DraftItem(type=_CARD, space=space, topic=_BASE, facts=facts, text=text)
        if (facts, text) == before:
            return None
        thing = record_text(view.key.id)
        heads = sorted(map(record_text, await own_heads(self._node, view.key.id)))
        return DraftItem(
            type="revise/1",
            space=space,
            topic=_BASE,
            refs={"thing": thing, "link": thing, "replaces": heads},
            facts={"of": _CARD, "body": facts},
            text=text,
        )

    def _facts(self, asked: CardRequest, before: JsonMap) -> JsonMap:
        facts = dict(before)
        kind = asked.kind or facts.get("kind") or self._node.parts.config.kind
        if kind is None:
            raise Refused(
                Code.BAD_REQUEST,
                "a card says what kind of organisation it is of",
                way_out=f"name the kind, one of: {', '.join(taxonomy.ORG_KINDS)}",
            )
        facts["kind"] = kind
        if asked.areas is not None:
            facts["areas"] = [_place_code(area) for area in asked.areas]
        if asked.topics is not None:
            facts["topics"] = [*asked.topics]
        return {name: value for name, value in facts.items() if value != []}

    def _text(self, asked: CardRequest, before: JsonMap) -> JsonMap:
        text = dict(before)
        text["title"] = asked.name or text.get("title") or self._node.parts.config.organisation
        for name, given in (("names", asked.names), ("desk", asked.desk)):
            if given is not None:
                known = text.get(name)
                fields = dict(known) if isinstance(known, dict) else {}
                fields.update({str(key): value for key, value in given.items()})
                text[name] = _without_empty(fields)
        if asked.note is not None:
            text["note"] = asked.note
        return _without_empty(text)


def _without_empty(fields: JsonMap) -> JsonMap:
    return {name: value for name, value in fields.items() if value not in ("", {})}


def _place_code(typed: str) -> JsonMap:
    """A place as somebody typed it, with the scheme of its code."""
    scheme, colon, code = typed.partition(":")
    if colon and scheme and code:
        return {"scheme": scheme, "code": code}
    if typed.isascii() and typed.isdigit() and len(typed) in _SCHEMES:
        return {"scheme": _SCHEMES[len(typed)], "code": typed}
    raise Refused(
        Code.BAD_REQUEST,
        "an area is a code of a place",
        way_out="give the digits of a Chinese division, 610113, or scheme:code, ISO3166-2:CN-SN",
    )
