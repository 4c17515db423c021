"""Commands of other packages reach the node as the local API would be reached, running or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from hutong_node.desk_requests import DeskDoor, NodeNotReached
from node.local_nodes import local, row


async def test_folder_answers_as_the_local_api_does(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        folder = one.node.parts.folder.root
    async with DeskDoor().open(folder, "import") as requests:
        body = {"rows": [row("a", incident).model_dump()]}
        status, answer = await requests.ask("POST", "/v1/imports/sheet", body)
        assert (status, answer["counts"]) == (200, {"new": 1})
        status, answer = await requests.ask("GET", "/v1/things?type=need&limit=5")
        assert (status, len(answer["things"])) == (200, 1)
        status, answer = await requests.ask("GET", f"/v1/things/{answer['things'][0]['id']}")
        assert (status, answer["text"]["title"]) == (200, "大米 a")
        for method, target, expected in (
            ("GET", "/v1/queue/7", (404, "not-found")),
            ("GET", "/v1/nothing", (404, "no-such-route")),
            ("DELETE", "/v1/queue", (404, "no-such-route")),
            ("GET", "/v1/things?limit=x", (400, "bad-request")),
            ("POST", "/v1/imports/sheet", (400, "bad-request")),
        ):
            status, answer = await requests.ask(method, target, {"rows": 1})
            assert (status, answer["code"]) == expected
            assert answer["title"]


async def test_folder_without_a_node_is_told_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(NodeNotReached, match="hutong init"):
        async with DeskDoor().open(tmp_path, "export"):
            pass
