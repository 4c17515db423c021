"""The operator's decisions: kept, applied once, never widened by accident."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hutong_node.roster import Peer, Roster
from hutong_protocol.exchange import Scope
from hutong_protocol.ids import OrgId

ORG = OrgId(bytes([1]) * 32)
OTHER = OrgId(bytes([2]) * 32)
FSC = Scope("xian-2021", "fsc")
BASE = Scope("xian-2021", "base")


@pytest.fixture
def roster(tmp_path: Path) -> Roster:
    return Roster(tmp_path / "node.db")


def test_decisions_survive_a_restart_in_a_private_file(tmp_path: Path) -> None:
    first = Roster(tmp_path / "node.db")
    first.let_in(ORG, "met on site", 5)
    first.subscribe([FSC])
    first.set_peer(Peer(ORG, "wss://a.example", bytes(32), 5))
    first.set_setting("organisation", "SWA")
    first.close()
    again = Roster(tmp_path / "node.db")
    assert [entry.org for entry in again.organisations()] == [ORG]
    assert again.subscriptions() == [BASE, FSC]
    assert again.peers() == [Peer(ORG, "wss://a.example", bytes(32), 5)]
    assert again.setting("organisation") == "SWA"
    assert stat.S_IMODE((tmp_path / "node.db").stat().st_mode) == 0o600


def test_subscribing_to_a_topic_brings_the_base_of_its_space(roster: Roster) -> None:
    """Spec 7.4.2."""
    roster.subscribe([FSC])
    assert roster.policy(ORG, 1).scopes == frozenset({FSC, BASE})


def test_policy_takes_own_and_let_in_organisations_only(roster: Roster) -> None:
    roster.subscribe([FSC])
    assert not roster.policy(ORG, 1).accepts(OTHER, FSC)
    assert roster.let_in(OTHER, "", 1)
    assert not roster.let_in(OTHER, "again", 2)
    assert roster.policy(ORG, 1).accepts(OTHER, FSC)
    assert roster.policy(ORG, 1).accepts(ORG, FSC)
    assert not roster.policy(ORG, 1).accepts(OTHER, Scope("other", "fsc"))
    assert roster.shut_out(OTHER)
    assert not roster.shut_out(OTHER)
    assert not roster.policy(ORG, 1).accepts(OTHER, FSC)


def test_invite_lets_one_organisation_in_and_not_after_its_end(roster: Roster) -> None:
    roster.add_invite(b"n" * 16, [FSC], 1_000)
    assert roster.use_invite(b"n" * 16, ORG, 1_000) is None
    assert roster.use_invite(b"n" * 16, ORG, 999) == [FSC]
    assert roster.use_invite(b"n" * 16, OTHER, 999) is None
    assert roster.use_invite(b"n" * 16, ORG, 999) == [FSC]
    assert roster.use_invite(b"m" * 16, ORG, 1) is None
