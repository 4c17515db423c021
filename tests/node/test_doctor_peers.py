"""The doctor and peers that are away, wrong, late, refused or refusing. Real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hutong_node.clock import SystemClock
from hutong_node.doctor import examination, peer_checks
from hutong_node.doctor.examination import examine
from hutong_node.doctor.findings import Finding
from hutong_node.doctor.premises import Live, Premises, premises
from hutong_node.node import Node
from hutong_node.peer_status import FAULTS_MAX, PeerStatus
from hutong_node.refusals import Refused
from hutong_node.roster import Peer, Roster
from hutong_node.store.interface import StoreMethods
from hutong_protocol.exchange import Scope
from hutong_protocol.faults import Fault
from hutong_protocol.ids import IdKind, OrgId, format_id
from node.doctor_steps import At, Found, Sick, by_code, listening, silent, told
from node.nodes import BASE, FSC, SPACE, draft, endpoint, introduce, new_node, reopened, until

HEA = Scope(SPACE, "hea")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


def live_of(node: Node) -> Live:
    parts = node.parts
    return Live(
        pid=1,
        peer_port=node.peer_port,
        certificate=parts.certificate,
        mismatch=parts.store.mismatch,
        clock_trusted=parts.signing.clock_trusted,
        clocks=parts.clocks,
        roster=parts.roster,
        statuses=node.peering.statuses,
        dial=node.peering.start,
        names=lambda _: "胡同",
    )


async def looked(node: Node, *, running: bool = True, peer: str | None = None) -> Found:
    """What the doctor finds about a node and its peers."""
    live = live_of(node) if running else None
    report = await examine(node.parts.folder, Sick(), node.clock, live=live, peer=peer)
    return by_code(report)


@asynccontextmanager
async def pair(root: Path) -> AsyncIterator[tuple[Node, Node]]:
    """Two nodes that exchange; the second one dials."""
    one, two = new_node(root, "one"), new_node(root, "two")
    async with one, two:
        await introduce(one, two, [FSC])
        await one.publish(FSC, [draft(1)])
        await settled(two)
        await until(lambda: two.parts.store.run(StoreMethods.status).records == 2)
        yield one, two


async def settled(node: Node) -> None:
    await until(lambda: [s.state for s in node.peering.statuses()] == ["settled"])


def seen(found: Found, code: str) -> set[str]:
    return set(found[code])


async def test_peer_in_order_is_looked_at_step_by_step_from_both_sides(tmp_path: Path) -> None:
    async with pair(tmp_path) as (one, two):
        found = await looked(two)
        for code, case in (
            ("process", "runs"),
            ("ports", "used"),
            ("peer-name", "ok"),
            ("peer-port", "ok"),
            ("peer-tls", "ok"),
            ("peer-certificate", "ok"),
            ("peer-card", "ok"),
            ("peer-versions", "ok"),
            ("peer-session", "settled"),
            ("peer-refusals", "none"),
            ("peer-scopes", "all"),
            ("peer-clock", "ok"),
            ("clock-peers", "ok"),
            ("restore-marker", "ok"),
        ):
            assert seen(found, code) == {case}, code
        found = await looked(one)
        assert seen(found, "peer-name") == {"dials-us"}
        assert seen(found, "peer-session") == {"settled"}
        assert seen(found, "public-address") == set()


async def test_peer_that_is_down_is_told_by_its_port_and_dialled_at_once_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hutong_node.peering.BACK_OFF_FIRST_S", 300.0)
    async with pair(tmp_path) as (one, two):
        port = one.peer_port
        await one.stop()
        await until(lambda: two.peering.statuses()[0].connected_ms is None)
        found = await looked(two)
        assert seen(found, "peer-port") == {"closed"}
        assert {"peer-tls", "peer-certificate"}.isdisjoint(found)
        assert seen(found, "peer-session") == {"lost"}
        assert seen(found, "peer-settled") == {"before"}
        assert seen(await looked(two, running=False), "peer-port") == {"closed"}
        back = reopened(one)
        listen = back.parts.config.peer.model_copy(update={"port": port})
        back.parts = replace(
            back.parts, config=back.parts.config.model_copy(update={"peer": listen})
        )
        async with back:
            # Its next own try is minutes away; the doctor has it try now.
            assert seen(await looked(two), "peer-session") == {"settled"}


async def test_wrong_pin_is_told_with_both_fingerprints_and_a_way_to_pin_anew(
    tmp_path: Path,
) -> None:
    async with pair(tmp_path) as (one, two):
        (peer,) = two.parts.roster.peers()
        two.parts.roster.set_peer(replace(peer, certificate=bytes(32)))
        await two.peering.cut(peer.org)
        for running in (True, False):
            finding = (await looked(two, running=running))["peer-certificate"]["other"]
            assert one.parts.certificate is not None
            assert finding.facts["pinned"] == "00" * 32
            words = told(finding)
            assert f"--certificate {one.parts.certificate.hex()}" in words.command
            assert "telephone" in words.next
        two.parts.roster.set_peer(replace(peer, certificate=None))
        found = await looked(two, running=False)
        assert seen(found, "peer-certificate") == {"not-pinned"}


async def test_peer_that_does_not_let_us_in_is_told_by_what_it_said(tmp_path: Path) -> None:
    async with pair(tmp_path) as (one, two):
        own = two.parts.identity.org
        one.parts.roster.shut_out(own)
        await one.roster_changed()
        await two.peering.cut(one.parts.identity.org)
        await until(lambda: (two.peering.statuses()[0].last_fault or "").startswith("peer:"))
        for running in (True, False):
            if not running:
                await two.stop()
            found = await looked(two, running=running)
            assert found["peer-session"]["refused-there"].facts["fault"] == "not-accepted"
            assert "has not let in" in told(found["peer-session"]["refused-there"]).next
        found = await looked(one)
        assert seen(found, "peer-let-in") == {"no"}
        assert "hutong org accept org-" in told(found["peer-let-in"]["no"]).command


async def test_peer_that_is_not_let_in_here_is_told_so(tmp_path: Path) -> None:
    async with pair(tmp_path) as (one, two):
        two.parts.roster.shut_out(one.parts.identity.org)
        await two.roster_changed()
        await two.peering.cut(one.parts.identity.org)
        await until(lambda: two.peering.statuses()[0].last_fault == "not-accepted")
        for running in (True, False):
            if not running:
                await two.stop()
            found = await looked(two, running=running)
            assert found["peer-session"]["refused-here"].facts["fault"] == "not-accepted"
            assert seen(found, "peer-let-in") == {"no"}


async def test_stopped_node_has_a_session_of_its_own_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    """It compares what both hold; nothing is given, taken or held against anybody."""
    async with pair(tmp_path) as (one, two):
        await two.stop()
        await until(lambda: one.peering.sessions == 0)
        found = await looked(two, running=False)
        assert seen(found, "peer-session") == {"equal"}
        assert seen(found, "peer-scopes") == {"all"}
        assert seen(found, "clock-peers") == {"ok"}
        await one.publish(FSC, [draft(number) for number in range(5)])
        again = reopened(two)
        await again.publish(FSC, [draft(9), draft(10)])
        await again.publish(BASE, [draft(11)])
        await again.stop()
        marker = two.parts.folder.marker.read_bytes()
        found = await looked(two, running=False)
        differs = found["peer-session"]["differs"]
        assert dict(differs.facts) == {
            "theirs": 5, "ours": 5, "scopes": "xian-2021/base, xian-2021/fsc"
        }  # fmt: skip
        assert two.parts.folder.marker.read_bytes() == marker
        assert one.parts.store.run(StoreMethods.status).records == 7
        await until(lambda: one.peering.sessions == 0)
        (status,) = one.peering.statuses()
        assert (status.faults, status.last_fault) == (0, None)
        async with reopened(two) as last:
            assert last.parts.store.mismatch is None
            await until(lambda: one.parts.store.run(StoreMethods.status).records == 12)
            await until(lambda: last.parts.store.run(StoreMethods.status).records == 12)


async def test_no_session_is_tried_for_a_node_that_must_not_have_one(tmp_path: Path) -> None:
    """Its own restore marker doesn't fit, or a process that can't be asked may have sessions."""
    async with pair(tmp_path) as (one, two):
        await two.stop()
        await until(lambda: one.peering.sessions == 0)
        marker = two.parts.folder.marker
        marker.rename(tmp_path / "kept")
        found = await looked(two, running=False)
        assert seen(found, "peer-session") == {"not-tried"}
        assert seen(found, "peer-card") == {"ok"}
        (tmp_path / "kept").rename(marker)
        (two.parts.folder.root / "identity.json").unlink()
        assert seen(await looked(two, running=False), "peer-session") == {"not-tried"}
        assert one.peering.sessions == 0


async def test_scopes_that_a_peer_does_not_share_are_named(tmp_path: Path) -> None:
    async with pair(tmp_path) as (one, two):
        two.parts.roster.subscribe([HEA])
        await two.peering.cut(one.parts.identity.org)
        await until(lambda: two.peering.statuses()[0].scopes is not None)
        finding = (await looked(two))["peer-scopes"]["some"]
        assert finding.facts["lacking"] == "xian-2021/hea"
        two.peering.statuses()[0].scopes = ()
        assert told((await looked(two))["peer-scopes"]["none"]).state == "bad"


async def test_organisation_about_which_nobody_decided_is_named_with_the_way_to_let_it_in(
    tmp_path: Path,
) -> None:
    middle, left, right = (new_node(tmp_path, name) for name in ("middle", "left", "right"))
    async with middle, left, right:
        await introduce(middle, left, [FSC])
        await introduce(middle, right, [FSC])
        await right.publish(FSC, [draft(1)])
        (status,) = left.peering.statuses()
        waiting = right.parts.identity.org
        await until(lambda: waiting in status.listed)
        found = await looked(left)
        finding = found["peer-organisations"]["waiting"]
        assert format_id(IdKind.ORG, waiting) in told(finding).command
        assert finding.peer == middle.parts.identity.org
        await left.stop()
        stopped = await looked(left, running=False)
        assert stopped["peer-organisations"]["waiting"].facts == finding.facts
        for is_let_in in (False, True):
            roster = Roster(left.parts.folder.root / "node.db")
            if is_let_in:
                roster.let_in(waiting, "", 1)
            else:
                roster.shut_out(waiting)
            roster.close()
            assert "peer-organisations" not in await looked(left, running=False)


@pytest.mark.parametrize(("off_ms", "side"), [(3_600_000, "ahead"), (-3_600_000, "behind")])
async def test_clock_that_is_off_is_told_for_this_node_and_for_the_peer(
    tmp_path: Path, off_ms: int, side: str
) -> None:
    clock = At(0)
    wrong, right = new_node(tmp_path, "wrong", clock=clock), new_node(tmp_path, "right")
    async with wrong, right:
        await introduce(right, wrong, [FSC])
        await settled(wrong)
        assert seen(await looked(wrong), "clock-peers") == {"ok"}
        clock.off_ms = off_ms
        found = await looked(wrong)
        assert abs(int(found["clock-peers"][side].facts["off_s"]) - off_ms // 1_000) < 5
        assert seen(found, "peer-clock") == {side}
        wrong.parts.signing.clock_trusted = True
        assert seen(await looked(wrong), "clock-peers") == {"trusted"}
        await wrong.stop()
        report = await examine(wrong.parts.folder, Sick(), clock)
        assert seen(by_code(report), "clock-peers") == {side}


async def test_one_peer_of_several_with_another_clock_is_a_warning(tmp_path: Path) -> None:
    off = new_node(tmp_path, "off", clock=At(3_600_000))
    node, other = new_node(tmp_path, "node"), new_node(tmp_path, "other")
    async with off, node, other:
        await introduce(off, node, [FSC])
        await introduce(other, node, [FSC])
        await until(lambda: node.parts.clocks.verdict().compared == 2)
        assert seen(await looked(node), "clock-peers") == {"some"}


async def test_one_peer_is_meant_by_id_name_or_host(tmp_path: Path) -> None:
    async with pair(tmp_path) as (one, two):
        identifier = format_id(IdKind.ORG, one.parts.identity.org)
        host = endpoint(one).removeprefix("wss://")
        for words in (identifier, identifier[:12], "胡同", host, endpoint(one)):
            assert seen(await looked(two, peer=words), "peer-session") == {"settled"}
        for words in ("org-", "org-zzzz", "", "nobody"):
            with pytest.raises(Refused, match="no peer"):
                await looked(two, peer=words)
        two.parts.roster.set_peer(Peer(OrgId(bytes(32)), None, None, 1))
        with pytest.raises(Refused, match="2 peers"):
            await looked(two, peer="胡同")
        found = await looked(two, peer=identifier)
        assert all(finding.peer in (None, one.parts.identity.org) for cases in found.values()
                   for finding in cases.values())  # fmt: skip


async def test_peers_that_are_not_come_to_in_time_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "PEERS_S", 0.0)
    async with pair(tmp_path) as (_, two):
        found = await looked(two)
        assert seen(found, "peer-name") == {"no-time"}
        assert told(found["peer-name"]["no-time"]).command.startswith("hutong doctor org-")


# States that take long to bring about


@asynccontextmanager
async def standing(root: Path, **fields: Any) -> AsyncIterator[tuple[Premises, PeerStatus]]:
    """A node with a peer of which it knows this."""
    node = new_node(root, "one")
    status = PeerStatus(OrgId(bytes(31) + b"\x01"), "wss://a.example:1")
    for name, value in fields.items():
        setattr(status, name, value)
    try:
        with premises(node.parts.folder, Sick(), SystemClock(), live_of(node)) as at:
            yield at, status
    finally:
        await node.stop()


@pytest.mark.parametrize(
    ("fields", "cases"),
    [
        ({"state": "syncing"}, {("peer-session", "syncing")}),
        ({"state": "unsettled", "leftovers": 3, "settled_ms": 5},
         {("peer-session", "unsettled"), ("peer-settled", "before")}),
        ({"state": "dialling"}, {("peer-session", "apart"), ("peer-settled", "never")}),
        ({"state": "apart", "endpoint": None},
         {("peer-session", "they-dial"), ("peer-settled", "never")}),
        ({"state": "waiting", "last_reason": "x can't be reached"},
         {("peer-session", "lost"), ("peer-settled", "never")}),
        ({"state": "waiting", "last_fault": "bad-run"},
         {("peer-session", "refused-here"), ("peer-settled", "never")}),
        ({"state": "waiting", "last_fault": "peer: unknown"},
         {("peer-session", "refused-there"), ("peer-settled", "never")}),
    ],
)  # fmt: skip
async def test_state_of_a_peer_is_told_as_the_node_knows_it(
    tmp_path: Path, fields: dict[str, Any], cases: set[tuple[str, str]]
) -> None:
    async with standing(tmp_path, **fields) as (at, status):
        found = peer_checks.standing(at, status.org, status)
        told_of = {(f.code, f.case) for f in found if f.code in ("peer-session", "peer-settled")}
        assert told_of == cases
        (nothing,) = [
            f for f in peer_checks.standing(at, status.org, None) if f.code == "peer-session"
        ]
        assert nothing.case == "expected"


async def test_refusals_are_told_with_their_count_for_each_fault_and_side(tmp_path: Path) -> None:
    async with standing(tmp_path) as (at, status):
        for number, fault in enumerate(Fault):
            status.refusals[fault.value] = number + 1
            status.refusals_by_peer[fault.value] = 100 + number
        found = [
            f for f in peer_checks.standing(at, status.org, status) if f.code == "peer-refusals"
        ]
        assert {f.facts["fault"] for f in found} == {fault.value for fault in Fault}
        counts = {(f.case, f.facts["fault"]): f.facts["count"] for f in found}
        assert counts[("here", "not-canonical")] == 1
        assert counts[("there", "not-canonical")] == 100
        assert len(counts) == 2 * len(Fault)


async def test_pause_for_a_peer_at_fault_is_told_with_its_rest(tmp_path: Path) -> None:
    async with standing(tmp_path) as (at, status):
        for _ in range(FAULTS_MAX + 2):
            status.blame(at.clock.monotonic_s())
        (penalty,) = [
            f for f in peer_checks.standing(at, status.org, status) if f.code == "peer-penalty"
        ]
        assert penalty.facts["count"] == FAULTS_MAX + 2
        assert 15 <= int(penalty.facts["seconds"]) <= 20


async def test_address_in_invites_must_lead_here(tmp_path: Path) -> None:
    node, other = new_node(tmp_path, "one"), new_node(tmp_path, "other")
    async with node, other:

        async def at_address(public: str) -> Finding:
            text = node.parts.folder.config.read_text(encoding="utf-8").splitlines()
            lines = [line for line in text if not line.startswith("public =")]
            lines.insert(lines.index("[peer]") + 1, f'public = "{public}"')
            node.parts.folder.config.write_text("\n".join(lines), encoding="utf-8")
            (finding,) = (await looked(node))["public-address"].values()
            return finding

        assert (await at_address(endpoint(node))).case == "ok"
        wrong = await at_address(endpoint(other))
        assert other.parts.certificate is not None
        assert (wrong.case, wrong.facts["shown"]) == ("other", other.parts.certificate.hex())
        assert (await at_address("wss://127.0.0.1:1")).case == "no-connect"
        async with listening(silent) as port:
            assert (await at_address(f"wss://127.0.0.1:{port}")).case == "no-tls"


async def test_certificate_that_was_changed_under_a_running_node_is_told(tmp_path: Path) -> None:
    node, other = new_node(tmp_path, "one"), new_node(tmp_path, "other")
    async with node:
        folder, source = node.parts.folder, other.parts.folder
        for old, new in (
            (folder.certificate, source.certificate),
            (folder.certificate_key, source.certificate_key),
        ):
            old.write_bytes(new.read_bytes())
        assert seen(await looked(node), "certificate") == {"replaced"}
    await other.stop()
