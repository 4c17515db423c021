"""Whom the stewards of needs name is stored in that scope: who, at whose cost, by whose word."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import hutong_node.__main__ as command_line
from contracts.contract_steps import SOURCE, item_of
from contracts.made_logs import OTHER_SCOPE, SCOPE, MadeLog
from hutong_node import driver
from hutong_node.api_models import AcceptRequest
from hutong_node.commands.terms import short
from hutong_node.config import Config, load_config
from hutong_node.intake import Intake
from hutong_node.node import Node, open_parts, policy_of
from hutong_node.quotas import groups_of
from hutong_node.roster import NAMED_MAX, Naming, Roster
from hutong_node.service import NodeService
from hutong_node.store.interface import Policy, StoreMethods
from hutong_protocol.faults import Fault
from hutong_protocol.ids import IdKind, OrgId, RecordId, format_id, parse_id_as
from node.local_nodes import FAR_FUTURE, Local, need_facts
from node.nodes import BASE, FSC, SPACE, introduce, new_node, until
from node.sqlite_stores import OpenStore, opened
from simulation.parties import Party, found

OWN, A, B, C, D = (OrgId(bytes([number]) * 32) for number in range(1, 6))
HEA = OTHER_SCOPE


@pytest.fixture
def rng() -> random.Random:
    return random.Random(12)


@pytest.fixture
def roster(tmp_path: Path) -> Roster:
    roster = Roster(tmp_path / "node.db")
    roster.subscribe([FSC, HEA])
    roster.let_in(A, "", 1)
    return roster


def takes(roster: Roster, org: OrgId, scope: Any = FSC, **options: bool) -> bool:
    return roster.policy(OWN, 1, **options).accepts(org, scope)


# The operator's side


def test_named_by_an_author_who_is_let_in_counts_in_that_scope_only(roster: Roster) -> None:
    assert roster.add_named([Naming(FSC, B, A)], 5) == 1
    assert roster.add_named([Naming(FSC, B, A)], 6) == 0
    assert takes(roster, B)
    assert not takes(roster, B, HEA)
    assert not takes(roster, B, store_named=False)
    assert [tuple(entry.naming) for entry in roster.named(OWN)] == [(FSC, B, A)]
    assert roster.policy(OWN, 1).payers == {B: A}


def test_own_needs_name_as_well(roster: Roster) -> None:
    roster.add_named([Naming(FSC, B, OWN), Naming(FSC, OWN, A)], 5)
    assert takes(roster, B)
    assert roster.policy(OWN, 1).payers == {B: OWN}


def test_needs_of_those_who_are_only_named_let_in_nobody(roster: Roster) -> None:
    """Named is not trusted: it does not go on from one to the next."""
    roster.add_named([Naming(FSC, B, A), Naming(FSC, C, B)], 5)
    assert takes(roster, B)
    assert not takes(roster, C)
    roster.let_in(B, "", 6)
    assert takes(roster, C)
    assert roster.policy(OWN, 1).payers == {C: B}


def test_who_named_first_pays(roster: Roster) -> None:
    roster.let_in(D, "", 1)
    roster.add_named([Naming(FSC, B, D)], 5)
    roster.add_named([Naming(FSC, B, A), Naming(HEA, B, A)], 6)
    assert roster.policy(OWN, 1).payers == {B: D}
    roster.shut_out(D)
    assert takes(roster, B)
    assert roster.policy(OWN, 1).payers == {B: A}


def test_operator_can_turn_away_who_is_named_and_not_heed_who_names(roster: Roster) -> None:
    roster.add_named([Naming(FSC, B, A), Naming(FSC, C, A)], 5)
    assert roster.shut_out(B)
    assert not roster.shut_out(B)
    assert (takes(roster, B), takes(roster, C)) == (False, True)
    roster.add_named([Naming(HEA, B, A)], 6)
    assert not takes(roster, B, HEA)
    assert roster.heed(A, False)
    assert not roster.heed(A, False)
    assert not takes(roster, C)
    assert takes(roster, A)
    assert [entry.heeded for entry in roster.organisations()] == [False]
    assert roster.heed(A, True)
    assert takes(roster, C)
    roster.let_in(B, "after all", 7)
    assert takes(roster, B, HEA)
    assert B not in roster.policy(OWN, 1).payers


def test_nothing_is_withdrawn_by_a_restart(tmp_path: Path, roster: Roster) -> None:
    roster.add_named([Naming(FSC, B, A)], 5)
    roster.heed(A, False)
    roster.shut_out(C)
    roster.close()
    again = Roster(tmp_path / "node.db")
    assert not takes(again, B)
    again.heed(A, True)
    assert takes(again, B)
    again.add_named([Naming(FSC, C, A)], 6)
    assert not takes(again, C)


def test_needs_of_one_author_let_in_so_many_and_no_more(roster: Roster) -> None:
    many = [
        Naming(FSC, OrgId(number.to_bytes(32, "big")), A) for number in range(2**16, 2**16 + 2_000)
    ]
    assert roster.add_named(many, 5) == NAMED_MAX
    assert roster.add_named([Naming(HEA, many[0].org, A)], 6) == 1
    assert roster.add_named([Naming(FSC, many[-1].org, D)], 6) == 1
    assert len(roster.policy(OWN, 1).orgs_in[FSC]) == NAMED_MAX


# The store's side


def policy_for(author: Party, *named: Party, **more: Any) -> Policy:
    return Policy(
        orgs=frozenset({author.org}),
        scopes=frozenset({SCOPE, OTHER_SCOPE}),
        orgs_in={SCOPE: frozenset(party.org for party in named)},
        payers={party.org: author.org for party in named},
        **more,
    )


def fault_of(store: OpenStore, log: MadeLog, first: int = 0) -> Fault | None:
    [outcome] = store.store_runs(log.scope, [log.run(first)], SOURCE)
    return outcome.fault


def test_records_of_the_named_are_taken_in_that_scope(tmp_path: Path, rng: random.Random) -> None:
    author, named = found(rng), found(rng)
    with opened(tmp_path, policy=policy_for(author, named)) as store:
        store.store_events(named.org, named.values)
        assert fault_of(store, MadeLog(named, rng)) is None
        assert fault_of(store, MadeLog(named, rng, OTHER_SCOPE)) is Fault.NOT_ACCEPTED


def test_their_bytes_and_logs_are_charged_to_the_author(tmp_path: Path, rng: random.Random) -> None:
    """Nobody gets more of a node's disk by naming others; headers arrive all the same."""
    author, named, other, apart = (found(rng) for _ in range(4))
    logs = [MadeLog(party, rng) for party in (author, named, other, apart)]
    for log in logs:
        log.data(4, size=1_000)
    policy = policy_for(author, named, other, part_bytes_max=9_000)
    with opened(tmp_path, policy=policy) as store:
        for party in (author, named, other, apart):
            store.store_events(party.org, party.values)
        assert [fault_of(store, log) for log in logs[:3]] == [None] * 3
        assert store.status().records == 15
        assert store.status().missing_parts == 4  # those of the third: 8,000 bytes are there
        assert store.missing_parts(SCOPE, None, 99) != []
        wanted = logs[2].records[1].id
        assert store.store_parts(SCOPE, []) == 0
        store.set_policy(policy_for(author, named, other, part_bytes_max=8_000))
        assert store.missing_parts(SCOPE, None, 99) == []
        assert store.store_parts(SCOPE, [item_of(logs[2], wanted, 0)]) == 0
        own = Policy(orgs=None, scopes=None, part_bytes_max=8_000)
        store.set_policy(own)
        assert store.store_parts(SCOPE, [item_of(logs[2], wanted, 0)]) == 1
        store.set_policy(policy_for(author, named, other, logs_max=3))
        assert fault_of(store, MadeLog(other, rng)) is Fault.QUOTA
        assert fault_of(store, MadeLog(author, rng)) is Fault.QUOTA
        store.set_policy(Policy(orgs=None, scopes=None, logs_max=3))
        assert fault_of(store, MadeLog(other, rng)) is None


def test_groups_hold_the_payer_and_all_charged_to_it() -> None:
    groups = groups_of({B: A, C: A, D: OWN})
    assert groups[A] == groups[B] == groups[C] == frozenset({A, B, C})
    assert groups[D] == frozenset({D, OWN})
    assert groups_of({}) == {}


# Whole nodes


@asynccontextmanager
async def running(*nodes: Node) -> AsyncIterator[list[Local]]:
    """Nodes that run, with what their people use."""
    async with AsyncExitStack() as stack:
        locals_ = []
        for node in nodes:
            await stack.enter_async_context(node)
            intake = Intake(node.parts.folder.root / "intake.db")
            stack.callback(intake.close)
            locals_.append(Local(node, intake, NodeService(node, intake, running=True)))
        yield locals_


def quantity(value: str) -> dict[str, str]:
    return {"bound": "exact", "value": value, "unit": "kg"}


async def promise(local: Local, need: str, value: str) -> str:
    facts = {"line": "rice", "quantity": quantity(value), "valid_until": FAR_FUTURE}
    return await local.draft(
        "commitment/1", "fsc", refs={"thing": need, "revision": need}, facts=facts
    )


async def accept(steward: Local, need: str, commitment: str, by: Local, **more: Any) -> str:
    return await steward.draft(
        "decision/1",
        "fsc",
        refs={"thing": need, "link": need, "revision": need, "target": commitment},
        facts={
            "line": "rice",
            "outcome": "accept",
            "quantity": quantity("120"),
            "commitment_author": org_of(by),
            **more,
        },
    )


def org_of(local: Local) -> str:
    return format_id(IdKind.ORG, local.node.parts.identity.org)


def scope_root(local: Local) -> bytes:
    return local.node.parts.store.run(StoreMethods.scope_roots, [FSC])[0].root


async def holds(local: Local, record: str) -> None:
    """Waits until a record stands in the picture of a node."""
    identifier = RecordId(parse_id_as(IdKind.RECORD, record))
    await until(lambda: local.node.parts.store.run(StoreMethods.record, identifier) is not None)
    await local.node.index_is_current()


async def digest_of(local: Local, need: str) -> str:
    as_of = "2030-01-01T00:00:00Z"
    return (await local.service.thing(need, as_of)).digest


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "TICK_S", 0.05)


async def test_command_line_lists_them_and_says_by_whose_word(tmp_path: Path) -> None:
    node = new_node(tmp_path, "node")
    node.parts.roster.let_in(A, "met", 1)
    node.parts.roster.add_named([Naming(FSC, B, A)], 1)
    await node.stop()
    org, named = format_id(IdKind.ORG, A), format_id(IdKind.ORG, B)

    def run(*args: str) -> Result:
        given = [*args, "--data", str(tmp_path / "node")]
        return CliRunner().invoke(command_line.application(), given)

    shown = await asyncio.to_thread(run, "org", "list")
    assert short(named) in shown.stdout
    assert "xian-2021/fsc" in shown.stdout
    assert "not stored" not in shown.stdout
    for expected in ("Done.", "It was so already."):
        told = await asyncio.to_thread(run, "org", "accept", org, "--no-named")
        assert expected in told.stdout
    shown = await asyncio.to_thread(run, "org", "list")
    assert "not stored" in shown.stdout
    assert short(named) not in shown.stdout
    assert "met" in shown.stdout


async def test_settled_numbers_are_equal_at_a_third_that_lets_in_the_author_alone(
    tmp_path: Path, quick: None
) -> None:
    """Acceptance scenario A4 in small: platform, foundation, and an office that let in only the
    platform. The promise lowers what the decision accepts, and the goods are on the way: neither is
    to be seen without the foundation's own records."""
    nodes = [new_node(tmp_path, name) for name in ("platform", "foundation", "office")]
    async with running(*nodes) as (platform, foundation, office):
        await introduce(nodes[0], nodes[1], [FSC])
        await introduce(nodes[0], nodes[2], [FSC])
        incident = await platform.incident()
        need = await platform.draft(
            "need/1", "fsc", facts=need_facts(incident), text={"title": "大米"}
        )
        await holds(foundation, need)
        commitment = await promise(foundation, need, "100")
        await holds(platform, commitment)
        await holds(office, need)
        # Nobody has named the foundation yet; the office holds the need without the promise.
        unlisted = await office.service.organisations()
        assert unlisted.named == []
        decision = await accept(platform, need, commitment, foundation)
        await holds(office, decision)
        await holds(office, commitment)
        sent = await foundation.draft(
            "dispatch/1",
            "fsc",
            refs={"thing": need, "target": commitment},
            facts={"line": "rice", "quantity": quantity("60")},
        )
        await holds(office, sent)
        await until(lambda: scope_root(office) == scope_root(platform) == scope_root(foundation))
        line = (await office.service.thing(need)).lines[0]
        assert (line.accepted, line.in_transit, line.open) == ("100", "60", "100")
        digests = {await digest_of(local, need) for local in (platform, foundation, office)}
        assert len(digests) == 1
        listed = await office.service.organisations()
        assert [item.id for item in listed.organisations] == [org_of(platform)]
        assert [
            (item.organisation.id, item.space, item.topic, item.by.id) for item in listed.named
        ] == [(org_of(foundation), SPACE, "fsc", org_of(platform))]
        # In `base` it is as little let in as before, and has no session here.
        policy = nodes[2].parts.roster.policy(nodes[2].parts.identity.org, 1)
        assert not policy.accepts(nodes[1].parts.identity.org, BASE)


async def test_operator_can_leave_them_out_and_change_that_while_the_node_runs(
    tmp_path: Path, quick: None
) -> None:
    """`store_named = false`, `org accept --no-named`, `org forget`; each is told by coverage."""
    nodes = [new_node(tmp_path, name) for name in ("platform", "foundation", "office")]
    async with running(*nodes) as (platform, foundation, office):
        await introduce(nodes[0], nodes[1], [FSC])
        await introduce(nodes[0], nodes[2], [FSC])
        unheeded = AcceptRequest(organisation=org_of(platform), heeded=False)
        assert (await office.service.accept(unheeded)).changed
        assert not (await office.service.accept(unheeded)).changed
        incident = await platform.incident()
        need = await platform.draft(
            "need/1", "fsc", facts=need_facts(incident), text={"title": "大米"}
        )
        await holds(foundation, need)
        commitment = await promise(foundation, need, "100")
        await holds(platform, commitment)
        decision = await accept(platform, need, commitment, foundation)
        await holds(office, decision)
        line = (await office.service.thing(need)).lines[0]
        assert line.accepted == "120"  # as decided; that only 100 were promised isn't known here
        assert (await office.service.status()).coverage.not_held == [  # type: ignore[union-attr]
            org_of(foundation)
        ]
        assert await digest_of(office, need) != await digest_of(platform, need)
        heeded = AcceptRequest(organisation=org_of(platform), heeded=True)
        assert (await office.service.accept(heeded)).changed
        await holds(office, commitment)
        assert await digest_of(office, need) == await digest_of(platform, need)
        assert (await office.service.forget_organisation(org_of(foundation))).changed
        assert (await office.service.organisations()).named == []
        await foundation.draft(
            "dispatch/1",
            "fsc",
            refs={"thing": need, "target": commitment},
            facts={"line": "rice", "quantity": quantity("60")},
        )
        await until(lambda: scope_root(foundation) == scope_root(platform))
        await platform.draft("incident/1", "base", facts={"start": FAR_FUTURE}, text={"title": "x"})
        await until(lambda: any(peer.refusals for peer in nodes[2].peering.statuses()))
        assert scope_root(office) != scope_root(platform)
        assert (await office.service.thing(need)).lines[0].accepted == "100"  # what is held stays


async def test_configuration_can_switch_it_off(tmp_path: Path) -> None:
    node = new_node(tmp_path, "node")
    folder = node.parts.folder
    node.parts.roster.let_in(A, "", 1)
    node.parts.roster.add_named([Naming(FSC, B, A)], 1)
    await node.stop()
    text = folder.config.read_text(encoding="utf-8")
    assert "store_named = true" in text
    folder.config.write_text(text.replace("store_named = true", "store_named = false"), "utf-8")
    assert not load_config(folder).policy.store_named
    again = Node(open_parts(folder))
    again.parts.roster.add_named([Naming(FSC, C, A)], 1)
    await again.roster_changed()
    assert not policy_of(again.parts.roster, OWN, again.parts.config).orgs_in
    assert policy_of(again.parts.roster, OWN, Config(organisation="x")).orgs_in
    await again.stop()


async def test_what_names_whom_is_found_again_when_the_index_is_made_anew(tmp_path: Path) -> None:
    node = new_node(tmp_path, "node")
    async with running(node) as (local,):
        incident = await local.incident()
        receiver = format_id(IdKind.ORG, B)
        facts = need_facts(incident, receivers=[receiver])
        await local.draft("need/1", "fsc", facts=facts, text={"title": "大米"})
        await until(lambda: len(node.parts.roster.named(node.parts.identity.org)) == 1)
        (entry,) = node.parts.roster.named(node.parts.identity.org)
        assert entry.naming == Naming(FSC, B, node.parts.identity.org)
    folder = node.parts.folder
    for file in folder.root.glob("index.db*"):
        file.unlink()
    async with running(Node(open_parts(folder))) as (again,):
        await again.node.index_is_current()
        number, namings = again.node.parts.index.namings_after(0)
        assert (number, namings) == (1, [entry.naming])
        assert again.node.parts.index.namings_after(1) == (1, [])
