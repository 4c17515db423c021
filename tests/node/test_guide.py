"""The drafts of the node's guide are signed by two nodes just as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from architecture.checkout import ROOT
from node.test_cli import Folder, running
from node.test_own_card import made

TRIES = 200


def guide_drafts() -> dict[str, str]:
    """The drafts of the guide by the name of their type, as text with names in place of ids."""
    text = (ROOT / "node" / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S)
    found = {json.loads(block)["type"].partition("/")[0]: block for block in blocks}
    assert len(found) == len(blocks)
    return found


def signed(folder: Folder, draft: str, ids: dict[str, str]) -> str:
    """Signs a draft of the guide, with ids where it has names; its record id."""
    for name, identifier in ids.items():
        draft = draft.replace(name, identifier)
    records = folder.ask("publish", "-", stdin=draft)["records"]
    return str(records[0]["id"])


def once(folder: Folder, need: str, record: str) -> dict[str, Any]:
    """The need at a node, once this record has arrived there."""
    for _ in range(TRIES):
        if any(thing["id"] == need for thing in folder.ask("list", "need")["things"]):
            told: dict[str, Any] = folder.ask("show", need)
            if any(entry["id"] == record for entry in told["history"]):
                return told
    raise AssertionError("the record didn't arrive")


def test_every_draft_of_the_guide_is_signed_and_counts_as_the_guide_says(tmp_path: Path) -> None:
    drafts = guide_drafts()
    assert list(drafts) == ["need", "commitment", "decision", "dispatch", "receipt", "close"]
    asks, gives = made(tmp_path / "asks"), made(tmp_path / "gives")
    asks.run("subscribe", "xian-2021/fsc")
    with running(asks) as node:
        invite = asks.run("invite", "xian-2021/fsc", "--endpoint", node.endpoint).stdout.strip()
        gives.run("join", invite)
        with running(gives):
            own = gives.ask("status")["organisation"]["id"]
            ids = {"rec-INCIDENT": asks.incident(), "org-PROVIDER": own}
            ids["rec-NEED"] = need = signed(asks, drafts["need"], ids)
            once(gives, need, need)
            ids["rec-PROMISE"] = signed(gives, drafts["commitment"], ids)
            (line,) = once(asks, need, ids["rec-PROMISE"])["lines"]
            assert (line["pledged"], line["accepted"], line["open"]) == ("150", "0", "200")
            decision = signed(asks, drafts["decision"], ids)
            (line,) = once(gives, need, decision)["lines"]
            assert (line["accepted"], line["open"]) == ("150", "50")
            ids["rec-DISPATCH"] = signed(gives, drafts["dispatch"], ids)
            (line,) = once(asks, need, ids["rec-DISPATCH"])["lines"]
            assert (line["in_transit"], line["received"]) == ("150", "0")
            signed(asks, drafts["receipt"], ids)
            told = asks.ask("show", need)
            assert told["lines"][0]["received"] == "148"
            assert {entry["standing"] for entry in told["history"]} == {"effective"}
            signed(asks, drafts["close"], ids)
            told = asks.ask("show", need)
            assert (told["thing"]["life"], told["thing"]["reason"]) == ("closed", "fulfilled")
