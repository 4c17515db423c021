"""Makes nodes with their local side for tests: real folders, stores and sockets on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from hutong_node.api_models import (
    DraftItem,
    ImportRequest,
    ImportRow,
    MarkItem,
    PublishRequest,
    ScopeItem,
    SubscribeRequest,
)
from hutong_node.http_local import LocalApi, read_token
from hutong_node.intake import Intake
from hutong_node.node import Node
from hutong_node.service import NodeService
from node.nodes import SPACE, new_node, reopened

FAR_FUTURE = "2099-12-31T00:00:00+08:00"
CANARY = "13800138000"
"""A telephone number that must stand nowhere but where it is kept."""


@dataclass(slots=True)
class Local:
    """A node that doesn't listen, with everything that its people use."""

    node: Node
    intake: Intake
    service: NodeService

    async def draft(self, type_name: str, topic: str, **fields: Any) -> str:
        """Publishes one draft; its record id."""
        item = DraftItem(type=type_name, space=SPACE, topic=topic, **fields)
        answer = await self.service.publish(PublishRequest(drafts=[item]))
        return answer.records[0].id

    async def incident(self) -> str:
        """An incident to which needs belong."""
        facts = {"start": "2021-12-09T00:00:00+08:00"}
        return await self.draft("incident/1", "base", facts=facts, text={"title": "疫情"})


@asynccontextmanager
async def local(root: Path, name: str = "one") -> AsyncIterator[Local]:
    """A new organisation that holds the scopes `base` and `fsc`."""
    async with opened(new_node(root, name, tls=False)) as found:
        topics = [ScopeItem(space=SPACE, topic="fsc")]
        await found.service.subscribe(SubscribeRequest(scopes=topics))
        yield found


@asynccontextmanager
async def local_again(before: Local) -> AsyncIterator[Local]:
    """The same folder, opened once more after it was closed."""
    async with opened(reopened(before.node)) as found:
        yield found


@asynccontextmanager
async def opened(node: Node, *, running: bool = False) -> AsyncIterator[Local]:
    """The local side of a node, which is stopped at the end."""
    intake = Intake(node.parts.folder.root / "intake.db")
    try:
        yield Local(node, intake, NodeService(node, intake, running=running))
    finally:
        await node.stop()
        intake.close()


@dataclass(slots=True)
class Client:
    """Talks to the local API as any program would."""

    url: str
    token: str
    session: aiohttp.ClientSession

    async def ask(
        self,
        method: str,
        path: str,
        *,
        data: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON of the answer (text where it is none) and headers."""
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self.session.request(
            method, self.url + path, data=data, headers=sent, **options
        ) as answer:
            kind = answer.content_type
            content = (
                await answer.json(content_type=None) if "json" in kind else await answer.text()
            )
            return answer.status, content, answer.headers


@asynccontextmanager
async def served(found: Local) -> AsyncIterator[Client]:
    """The local API of a node, on a free port."""
    folder = found.node.parts.folder
    api = LocalApi(found.service, folder, found.node.parts.config.local)
    await api.start(found.node.metrics)
    try:
        async with aiohttp.ClientSession() as session:
            yield Client(api.url, read_token(folder.token), session)
    finally:
        await api.stop()


def need_facts(incident: str, value: str = "200", **more: Any) -> dict[str, Any]:
    """Facts of a need with one line of rice."""
    return {
        "incident": incident,
        "place": {"codes": [{"scheme": "CN-GB2260", "code": "610113"}]},
        "urgency": "high",
        "valid_until": FAR_FUTURE,
        "lines": [
            {
                "id": "rice",
                "kind": "goods",
                "quantity": {"bound": "exact", "value": value, "unit": "kg"},
            }
        ],
        **more,
    }


def row(key: str, incident: str, value: str = "200", **more: Any) -> ImportRow:
    """A row about rice."""
    fields = {"topic": "fsc", "type": "need/1", "text": {"title": f"大米 {key}"}, **more}
    return ImportRow(
        key=key,
        row=f"needs.csv row {key}",
        space=SPACE,
        facts=need_facts(incident, value),
        **fields,
    )


def marked(given: ImportRow, *marks: tuple[str, str]) -> ImportRow:
    """A row with marks: cell and words of each."""
    found = [MarkItem(cell=cell, what="two-amounts", words=words) for cell, words in marks]
    return given.model_copy(update={"marks": found})


def rows(*given: ImportRow, **options: Any) -> ImportRequest:
    """An import of these rows."""
    return ImportRequest(mapping="rice 1", rows=list(given), **options)
