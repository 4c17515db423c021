"""Drafts that people and programs ask to be signed: checked all together, then signed once.

Owns what stands between a request and the signature: every problem of every draft is told before
anything is signed, names of requests (idempotency keys and client ids) are bound to what they stand
for, and drafts go to the store scope by scope. What may be said is the schema's business; here it
is also asked whether the scope is held, and whether what a draft refers to is there.

Spec: 12.2.4, 12.6.4.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final

from hutong_node.api_models import DraftItem, PublishAnswer, PublishedItem, PublishRequest
from hutong_node.drafting import Draft, draft_from_json, prefixed
from hutong_node.intake import Intake
from hutong_node.node import Node
from hutong_node.publishing import PublishingRefused
from hutong_node.refusals import Code, Refused
from hutong_node.showing import record_text
from hutong_node.store.interface import NewRecord, Publication, StoreMethods
from hutong_protocol.encoding import encode
from hutong_protocol.exchange import Scope
from hutong_protocol.ids import RecordId
from hutong_protocol.schema import RECORD_TYPES, Problem

_KEY_LENGTH_MAX: Final = 100


class PublishingDesk:
    """Signs the drafts of one node's people and programs."""

    def __init__(self, node: Node, intake: Intake) -> None:
        self._node = node
        self._intake = intake

    async def publish(self, request: PublishRequest, key: str | None = None) -> PublishAnswer:
        """Signs drafts, all or none of those in one scope, after all were found sound.

        Args:
            key: an idempotency key: the same request under it is signed once, another is refused.

        Raises:
            Refused: INVALID_RECORD with every problem, KEY_REUSED, CANNOT_PUBLISH.
        """
        if key is not None and not 0 < len(key) <= _KEY_LENGTH_MAX:
            rule = f"an Idempotency-Key has 1 to {_KEY_LENGTH_MAX} characters"
            raise Refused(Code.BAD_REQUEST, rule)
        drafts = [self._draft(item) for item in request.drafts]
        await self._require_sound(drafts)
        await self._claim(request, drafts, key)
        published: dict[int, tuple[Publication, RecordId]] = {}
        for name, places in _groups(request, key):
            scope = drafts[places[0]].scope
            news = [drafts[place].record() for place in places]
            done = await self._sign(scope, news, name, drafts[places[0]].digest())
            for place, record in zip(places, done.records, strict=True):
                published[place] = (done, record)
        items = [
            PublishedItem(
                id=record_text(record),
                thing=record_text(_thing_of(drafts[place], record)),
                type=drafts[place].type,
                space=drafts[place].scope.space,
                topic=drafts[place].scope.topic,
                client_id=request.drafts[place].client_id,
            )
            for place, (_, record) in sorted(published.items())
        ]
        return PublishAnswer(
            records=items, replayed=sum(done.again for done, _ in published.values())
        )

    def _draft(self, item: DraftItem) -> Draft:
        return draft_from_json(
            item.type,
            Scope(item.space, item.topic),
            refs=item.refs,
            facts=item.facts,
            text=item.text,
            author=self._node.parts.identity.org,
            text_expires=None if item.exp is None else item.exp.text,
            now_ms=self._node.clock.now_ms(),
        )

    async def _require_sound(self, drafts: Sequence[Draft]) -> None:
        """Refuses drafts with problems, in scopes not held, or about records not held there."""
        scopes = set(await asyncio.to_thread(self._node.parts.roster.subscriptions))
        named = {ref for draft in drafts for ref in draft.refs if ref}
        held = await self._node.parts.store.call(
            StoreMethods.records, [RecordId(ref) for ref in sorted(named)]
        )
        problems: list[Problem] = []
        for place, draft in enumerate(drafts):
            found = list(draft.problems)
            if draft.scope not in scopes:
                scope = "/".join(draft.scope)
                rule = f"is one that this node holds: hutong subscribe {scope}"
                found.append(Problem("topic", rule))
            elif not any(problem.path.startswith("refs") for problem in found):
                known = {ref for ref, record in held.items() if record.scope == draft.scope}
                if any(ref and ref not in known for ref in draft.refs):
                    rule = "name records that are held here, in the same space and topic"
                    found.append(Problem("refs", rule))
            problems += prefixed(found, f"drafts[{place}]")
        if problems:
            raise Refused(
                Code.INVALID_RECORD,
                f"{len(problems)} things to mend before this can be signed; nothing was signed",
                problems=problems,
            )

    async def _claim(
        self, request: PublishRequest, drafts: Sequence[Draft], key: str | None
    ) -> None:
        """Binds names to what they stand for, before anything is signed under them."""
        names: dict[str, bytes] = {}
        if key is not None:
            joined = encode([draft.digest() for draft in drafts])
            names[f"key:{key}"] = hashlib.sha256(joined).digest()
        for item, draft in zip(request.drafts, drafts, strict=True):
            name = f"client:{item.client_id}"
            if item.client_id is not None and names.setdefault(name, draft.digest()) != (
                draft.digest()
            ):
                raise _key_reused("client_id")
        conflict = await asyncio.to_thread(self._intake.claim, names, self._node.clock.now_ms())
        if conflict is not None:
            raise _key_reused("client_id" if conflict.startswith("client:") else "Idempotency-Key")

    async def _sign(
        self, scope: Scope, news: Sequence[NewRecord], name: str | None, request: bytes
    ) -> Publication:
        try:
            return await self._node.publish(scope, news, name, request if name else b"")
        except PublishingRefused as refused:
            raise refused.told_as("this node can't sign now") from None


def _groups(request: PublishRequest, key: str | None) -> list[tuple[str | None, list[int]]]:
    """Places of drafts to be signed together, and the name under which that is done.

    A draft with a client id stands alone; the others go together, scope by scope.
    """
    named: list[tuple[str | None, list[int]]] = []
    by_scope: dict[tuple[str, str], list[int]] = {}
    for place, item in enumerate(request.drafts):
        if item.client_id is not None:
            named.append((f"client:{item.client_id}", [place]))
        else:
            by_scope.setdefault((item.space, item.topic), []).append(place)
    for number, places in enumerate(by_scope.values()):
        named.append((None if key is None else f"key:{key}#{number}", places))
    return named


def _thing_of(draft: Draft, record: bytes) -> bytes:
    """What a record is about. Spec: 12.2.4."""
    known = RECORD_TYPES.get(draft.type)
    root = known is not None and known.root
    return record if root or not draft.refs or not draft.refs[0] else draft.refs[0]


def _key_reused(name: str) -> Refused:
    return Refused(
        Code.KEY_REUSED,
        f"this {name} stands for another request",
        way_out="use a new one for each new statement, the same one only to repeat",
    )
