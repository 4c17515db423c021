"""The client finds the node, sends its token, and tells refusals from what may be tried again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from adapters.fake_node import FakeNode
from adapters.local_api import TOKEN, LocalApi, serving
from hutong_adapters.client import NodeAddress, NodeClient, default_folder, find_node
from hutong_adapters.interface import NodeRefused, NodeUnavailable

EMPTY = {"rows": [], "last": True, "complete": False, "queue": False, "dry_run": True}


def ask(address: NodeAddress) -> dict[str, Any]:
    async def one() -> dict[str, Any]:
        async with NodeClient(address) as client:
            return await client.import_rows("sheet", EMPTY)

    return asyncio.run(one())


def test_the_node_of_a_data_folder_is_found_and_asked(tmp_path: Path) -> None:
    api = LocalApi()
    with serving(api, tmp_path) as url:
        address = find_node(tmp_path)
        assert address.url == url
        assert TOKEN not in repr(address)
        assert ask(address)["rows"] == []
    assert api.asked == ["sheet"]


def test_a_wrong_token_is_a_refusal_in_the_words_of_the_node(tmp_path: Path) -> None:
    with serving(LocalApi(), tmp_path) as url, pytest.raises(NodeRefused) as refused:
        ask(NodeAddress(url, "wrong"))
    assert str(refused.value) == ("the token is missing or wrong: here; rows: is short (do that)")


def test_a_refusal_is_final_and_a_failure_may_pass(tmp_path: Path) -> None:
    node = FakeNode(failures=[NodeRefused("no"), NodeUnavailable("full")])
    with serving(LocalApi(node), tmp_path):
        address = find_node(tmp_path)
        with pytest.raises(NodeRefused, match=r"^no: here"):
            ask(address)
        with pytest.raises(NodeUnavailable, match=r"^full: here"):
            ask(address)
        assert ask(address)["rows"] == []


@pytest.mark.parametrize("running", ["", "{}", "[]", '{"url": '])
def test_without_a_running_node_the_way_out_is_named(tmp_path: Path, running: str) -> None:
    (tmp_path / "running.json").write_text(running, "utf-8")
    with pytest.raises(NodeUnavailable, match="hutong run --data"):
        find_node(tmp_path)
    (tmp_path / "running.json").write_text(json.dumps({"url": "http://127.0.0.1:1"}), "utf-8")
    with pytest.raises(NodeUnavailable, match="token"):
        find_node(tmp_path)


def test_a_node_that_was_killed_is_unavailable(tmp_path: Path) -> None:
    with serving(LocalApi(), tmp_path):
        address = find_node(tmp_path)
    with pytest.raises(NodeUnavailable, match="did not answer"):
        ask(address)


def test_the_data_folder_is_that_of_the_node(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HUTONG_HOME", str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.delenv("HUTONG_HOME")
    assert default_folder() == Path.home() / ".hutong"
