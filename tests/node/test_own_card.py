"""The card by which others know an organisation: signed only when somebody says so, and revised."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hutong_node.api_models import (
    CardRequest,
    DraftItem,
    PublishRequest,
    ScopeItem,
    SubscribeRequest,
)
from hutong_node.refusals import Code, Refused
from hutong_node.store.interface import StoreMethods
from node.local_nodes import Local, local
from node.nodes import SPACE
from node.test_cli import Folder, running

OTHER = "henan-2021"


def records(one: Local) -> int:
    return one.node.parts.store.run(StoreMethods.status).records


async def cards(one: Local) -> list[Any]:
    return [(card.space, card.facts, card.text) for card in (await one.service.cards.show()).cards]


async def test_card_is_signed_in_each_space_and_then_revised_and_then_left_alone(
    tmp_path: Path,
) -> None:
    async with local(tmp_path) as one:
        scopes = [ScopeItem(space=OTHER, topic="hea")]
        await one.service.subscribe(SubscribeRequest(scopes=scopes))
        assert await cards(one) == [(OTHER, None, None), (SPACE, None, None)]
        name = one.node.parts.config.organisation
        done = await one.service.cards.sign(CardRequest(kind="ngo", areas=["610113"]))
        assert done.signed == [OTHER, SPACE]
        facts = {"kind": "ngo", "areas": [{"scheme": "CN-GB2260", "code": "610113"}]}
        assert await cards(one) == [
            (OTHER, facts, {"title": name}),
            (SPACE, facts, {"title": name}),
        ]

        desk: Any = {"phone": "029-88880000", "hours": "8:00-20:00"}
        changes = CardRequest(
            name="某协会", names={"en": "Some Society"}, desk=desk, spaces=[SPACE]
        )
        assert (await one.service.cards.sign(changes)).signed == [SPACE]
        text = {"title": "某协会", "names": {"en": "Some Society"}, "desk": desk}
        assert (await cards(one))[1] == (SPACE, facts, text)
        before = records(one)
        assert (await one.service.cards.sign(changes)).signed == []
        assert records(one) == before
        # Both statements are of one card, and the later one replaces the earlier.
        last = CardRequest(desk={"hours": ""}, areas=[], topics=["fsc"], spaces=[SPACE])
        await one.service.cards.sign(last)
        (_, facts, text) = (await cards(one))[1]
        assert facts == {"kind": "ngo", "topics": ["fsc"]}
        assert text["desk"] == {"phone": "029-88880000"}
        card = (await one.service.cards.show()).cards[1].record
        assert card is not None
        shown = await one.service.thing(card)
        assert [entry.type for entry in shown.history] == ["org/1", "revise/1", "revise/1"]
        assert shown.thing.flags == []


async def test_two_at_once_sign_one_card(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        asked = CardRequest(kind="ngo")
        done = await asyncio.gather(*(one.service.cards.sign(asked) for _ in range(3)))
        assert sorted(len(answer.signed) for answer in done) == [0, 0, 1]


async def test_card_that_was_closed_is_none_any_more(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        await one.service.cards.sign(CardRequest(kind="ngo"))
        (card,) = (await one.service.cards.show()).cards
        assert card.record is not None
        closing: dict[str, str | list[str]] = {"thing": card.record, "link": card.record}
        draft = DraftItem(
            type="close/1", space=SPACE, topic="base", refs=closing, facts={"reason": "withdrawn"}
        )
        await one.service.publish(PublishRequest(drafts=[draft]))
        assert (await one.service.cards.show()).cards[0].record is None
        assert (await one.service.cards.sign(CardRequest(kind="gov"))).signed == [SPACE]


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ({}, Code.BAD_REQUEST, "ngo"),
        ({"kind": "club"}, Code.INVALID_RECORD, ""),
        ({"kind": "ngo", "areas": ["61011"]}, Code.BAD_REQUEST, "610113"),
        ({"kind": "ngo", "spaces": ["elsewhere"]}, Code.BAD_REQUEST, "subscribe"),
        ({"kind": "ngo", "note": "请联系 13800138000"}, Code.INVALID_RECORD, ""),
    ],
)
async def test_what_cannot_be_a_card_is_refused_with_a_way_out(
    tmp_path: Path, asked: dict[str, Any], code: Code, said: str
) -> None:
    async with local(tmp_path) as one:
        before = records(one)
        with pytest.raises(Refused) as refused:
            await one.service.cards.sign(CardRequest(**asked))
        assert refused.value.code is code
        assert said in (refused.value.way_out or "")
        assert records(one) == before


def made(root: Path, *options: str) -> Folder:
    folder = Folder(root)
    folder.ask("init", "妇源汇", *options, "--host", "127.0.0.1", "--peer-port", "0",
               "--local-port", "0", "--bulletin-port", "0", "--no-tls")  # fmt: skip
    return folder


def test_commands_say_that_there_is_no_card_and_sign_none_by_themselves(tmp_path: Path) -> None:
    folder = made(tmp_path / "one")
    told = folder.run("subscribe", "xian-2021/fsc")
    assert "No card of this organisation in xian-2021" in told.stderr
    assert "hutong card --kind ngo" in told.stderr
    made_invite = folder.run("invite", "xian-2021/fsc", "--endpoint", "wss://a.example:8640")
    assert made_invite.stdout.startswith("hutong-invite:")
    assert "No card" in made_invite.stderr
    assert "none yet" in folder.run("card").stdout
    unsure = folder.run("card", "--kind", "ngo")
    assert (unsure.exit_code, "--yes" in unsure.stderr) == (2, True)
    assert folder.ask("list", "org")["things"] == []
    assert "Signed in xian-2021." in folder.run("card", "--kind", "ngo", "--yes").stdout
    assert "nothing was signed" in folder.run("card", "--kind", "ngo", "--yes").stdout
    shown = folder.run("card")
    assert all(word in shown.stdout for word in ("妇源汇", "ngo", "rec-"))
    assert shown.stderr == ""
    assert "No card" not in folder.run("subscribe", "xian-2021/hea").stderr


def test_kind_of_the_configuration_is_signed_when_somebody_says_so(tmp_path: Path) -> None:
    folder = made(tmp_path / "one", "--kind", "foundation")
    assert "hutong card --sign" in folder.run("subscribe", "xian-2021/fsc").stderr
    assert folder.ask("list", "org")["things"] == []
    done = folder.ask(
        "card", "--sign", "--yes", "--name-en", "Fuyuanhui", "--desk", "url=a.example"
    )
    assert done["cards"][0]["facts"] == {"kind": "foundation"}
    assert done["cards"][0]["text"]["names"] == {"en": "Fuyuanhui"}
    assert done["cards"][0]["text"]["desk"] == {"url": "a.example"}
    assert folder.run("card", "--desk", "mobile=1", "--yes").exit_code == 2
    assert Folder(tmp_path / "two").run("init", "x", "--kind", "club").exit_code == 2


def test_other_node_sees_the_name_once_the_card_is_signed(tmp_path: Path) -> None:
    """Without it the needs of an organisation stand under an id there."""
    folder, other = made(tmp_path / "one"), made(tmp_path / "two")
    folder.run("subscribe", "xian-2021/fsc")
    folder.ask("card", "--kind", "ngo", "--yes")
    incident = folder.incident()
    folder.ask("publish", "-", stdin=folder.need(incident))
    with running(folder) as node:
        invite = folder.run("invite", "xian-2021/fsc", "--endpoint", node.endpoint).stdout.strip()
        joined = other.run("join", invite)
        assert "No card of this organisation in xian-2021" in joined.stderr
        with running(other):
            names: list[str | None] = []
            for _ in range(200):
                things = other.ask("list", "need")["things"]
                names = [thing["author"]["name"] for thing in things]
                if names == ["妇源汇"]:
                    break
            assert names == ["妇源汇"]
