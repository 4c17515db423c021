"""Nodes whose clocks differ: who signs, what people are told, and the way out. Real sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hutong_node import driver
from hutong_node.api_models import DraftItem, PublishRequest, ReleaseRequest, StatusAnswer
from hutong_node.clock import SystemClock
from hutong_node.commands import running
from hutong_node.commands.looking import _clock_words
from hutong_node.config import Config, load_config
from hutong_node.intake import Intake
from hutong_node.node import Node, open_parts
from hutong_node.publishing import PublishingRefused
from hutong_node.refusals import Code, Refused
from hutong_node.service import NodeService
from hutong_node.store.interface import StoreMethods
from node.local_nodes import Local, need_facts, row, rows
from node.nodes import BASE, FSC, SPACE, draft, introduce, new_node, until

HOUR_MS = 3_600_000


class Shifted(SystemClock):
    """A clock of this machine that is off by `off_ms`."""

    def __init__(self, off_ms: int = 0) -> None:
        self.off_ms = off_ms

    def now_ms(self) -> int:
        return super().now_ms() + self.off_ms


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep-alives come often."""
    monkeypatch.setattr(driver, "TICK_S", 0.05)
    monkeypatch.setattr(driver, "KEEP_ALIVE_S", 0.1)


def of(node: Node) -> Local:
    """What the people of a node use."""
    intake = Intake(node.parts.folder.root / "intake.db")
    return Local(node, intake, NodeService(node, intake, running=True))


async def heard(node: Node, peers: int) -> None:
    await until(lambda: node.parts.clocks.verdict().compared == peers)


async def status(node: Node) -> StatusAnswer:
    local = of(node)
    try:
        return await local.service.status()
    finally:
        local.intake.close()


@pytest.mark.parametrize("off_ms", [HOUR_MS, -HOUR_MS])
async def test_node_with_a_wrong_clock_signs_nothing_until_it_is_set(
    tmp_path: Path, off_ms: int
) -> None:
    """Two nodes; whichever dials, both hear the other's time when the connection opens."""
    clock = Shifted()
    wrong, right = new_node(tmp_path, "wrong", clock=clock), new_node(tmp_path, "right")
    async with wrong, right:
        first = await wrong.publish(FSC, [draft(0)], "kept", b"0")
        clock.off_ms = off_ms
        await introduce(*((wrong, right) if off_ms > 0 else (right, wrong)), [FSC])
        await heard(wrong, 1)
        with pytest.raises(PublishingRefused, match="1 h 0 min") as refused:
            await wrong.publish(FSC, [draft(1)])
        assert refused.value.code is Code.CLOCK_OFF
        assert ("ahead" in str(refused.value)) == (off_ms > 0)
        # What was signed before is told, served and exchanged all the same.
        assert (await wrong.publish(FSC, [draft(0)], "kept", b"0")).records == first.records
        await until(lambda: right.parts.store.run(StoreMethods.status).records == 2)
        clock.off_ms = 0
        await wrong.publish(FSC, [draft(1)])
        await until(lambda: right.parts.store.run(StoreMethods.status).records == 3)


async def test_clock_that_jumps_in_the_middle_of_a_session_is_noticed(tmp_path: Path) -> None:
    """Threat 62: on both sides, without a new connection."""
    clock = Shifted()
    jumping, other = new_node(tmp_path, "jumping", clock=clock), new_node(tmp_path, "other")
    async with jumping, other:
        await introduce(jumping, other, [FSC])
        await heard(jumping, 1)
        await heard(other, 1)
        await jumping.publish(FSC, [draft(0)])
        clock.off_ms = -30 * 365 * 24 * HOUR_MS
        with pytest.raises(PublishingRefused, match="10950 days behind"):
            await jumping.publish(FSC, [draft(1)])
        # The other hears of it by the next keep-alive; it has no second peer to ask.
        await until(lambda: other.parts.clocks.verdict().is_off)
        clock.off_ms = 0
        await until(lambda: not other.parts.clocks.verdict().is_off)
        await other.publish(FSC, [draft(2)])


async def test_one_liar_among_several_peers_stops_nobody(tmp_path: Path) -> None:
    """Neither alone beside an honest one, nor while the honest ones are away."""
    clock = Shifted()
    liar = new_node(tmp_path, "liar", clock=clock)
    honest, node = new_node(tmp_path, "honest"), new_node(tmp_path, "node")
    async with node, liar:
        async with honest:
            await introduce(node, liar, [FSC])
            await introduce(node, honest, [FSC])
            await heard(node, 2)
            clock.off_ms = 9 * HOUR_MS
            await until(lambda: bool(node.parts.clocks.verdict().apart))
            await node.publish(FSC, [draft(0)])
            shown = await status(node)
            assert shown.clock.signs
            assert [author.id for author in shown.clock.apart] == [
                peer.organisation.id for peer in shown.peers if (peer.clock_off_s or 0) < -600
            ]
            assert shown.alarms == [
                "1 of 2 peers have a clock that is more than ten minutes off this one"
                f" ({shown.clock.apart[0].id})"
            ]
        node.parts.clocks.forget(honest.parts.identity.org)
        await node.publish(FSC, [draft(1)])


async def test_liar_that_several_join_is_the_one_that_signs_nothing(tmp_path: Path) -> None:
    clock = Shifted()
    node = new_node(tmp_path, "node", clock=clock)
    others = [new_node(tmp_path, name) for name in ("one", "two")]
    async with node, others[0], others[1]:
        for other in others:
            await introduce(node, other, [FSC])
        await heard(node, 2)
        clock.off_ms = -HOUR_MS
        with pytest.raises(PublishingRefused, match="behind those of 2 of 2 peers"):
            await node.publish(FSC, [draft(0)])


async def test_operator_is_told_everywhere_and_can_vouch_for_the_clock(tmp_path: Path) -> None:
    """In status, at /readyz, in metrics, by the refusal of each way to sign; and the way out."""
    clock = Shifted()
    node, peer = new_node(tmp_path, "node", clock=clock), new_node(tmp_path, "peer")
    local = of(node)
    async with node, peer:
        local.node.parts.roster.subscribe([FSC])
        incident = await local.incident()
        queued = await local.service.import_rows("sheet", rows(row("q", incident), queue=True))
        await introduce(peer, node, [FSC, BASE])
        await heard(node, 1)
        assert _clock_words((await local.service.status()).clock.model_dump()) == (
            "with 1 peers' clocks"
        )
        clock.off_ms = HOUR_MS
        said: dict[str, Any] = {"facts": need_facts(incident), "text": {"title": "大米"}}
        item = DraftItem(type="need/1", space=SPACE, topic="fsc", **said)
        number = queued.rows[0].queue
        assert number is not None
        for attempt in (
            local.service.publish(PublishRequest(drafts=[item])),
            local.service.import_rows("sheet", rows(row("a", incident))),
            local.service.release(number, ReleaseRequest(method="desk")),
        ):
            with pytest.raises(Refused) as refused:
                await attempt
            assert refused.value.code is Code.CLOCK_OFF
            assert "1 h 0 min ahead of its only peer's: org-" in refused.value.detail
            assert "--trust-clock" in refused.value.way_out
        dry = rows(row("a", incident), dry_run=True)
        assert (await local.service.import_rows("sheet", dry)).rows[0].outcome == "new"
        shown = await local.service.status()
        assert abs((shown.clock.off_s or 0) - 3_600) <= 2
        assert (shown.clock.compared, shown.clock.signs, shown.clock.trusted) == (1, False, False)
        assert "nothing is signed" in shown.alarms[0]
        assert "signs nothing" in (_clock_words(shown.clock.model_dump()) or "")
        assert "off the peers' clocks" in (await local.service.ready()).checks["clock"]
        assert b"hutong_clock_off_seconds 3" in await local.service.metrics()
    local.intake.close()


async def test_clock_that_the_operator_vouches_for_signs(tmp_path: Path) -> None:
    clock = Shifted()
    node, peer = new_node(tmp_path, "node", clock=clock), new_node(tmp_path, "peer")
    async with peer:
        async with node:
            await introduce(peer, node, [FSC])
        clock.off_ms = HOUR_MS
        async with Node(open_parts(node.parts.folder, clock, trust_clock=True)) as again:
            await heard(again, 1)
            assert again.parts.clocks.verdict().is_off
            await again.publish(FSC, [draft(0)])
            shown = await status(again)
            assert (shown.clock.signs, shown.clock.trusted) == (True, True)
            assert "signed all the same" in shown.alarms[0]


async def test_clock_vouched_for_in_the_configuration_signs(tmp_path: Path) -> None:
    node = new_node(tmp_path, "node")
    folder = node.parts.folder
    await node.stop()
    assert not load_config(folder).clock.trusted
    text = folder.config.read_text(encoding="utf-8")
    folder.config.write_text(text.replace("trusted = false", "trusted = true"), encoding="utf-8")
    assert load_config(folder).clock.trusted
    parts = open_parts(folder)
    assert parts.signing.clock_trusted
    await Node(parts).stop()
    assert not Config(organisation="x").clock.trusted


def test_flag_of_the_command_reaches_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[bool] = []

    async def note(_: object, *, trust_clock: bool) -> None:
        given.append(trust_clock)

    monkeypatch.setattr(running, "_run", note)
    folder = new_node(tmp_path, "node")
    folder.parts.store.close()
    running.run(tmp_path / "node", trust_clock=True)
    running.run(tmp_path / "node")
    assert given == [True, False]
