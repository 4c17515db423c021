"""What a node remembers of its peers for whoever looks for the cause of something."""

from __future__ import annotations

from pathlib import Path

from hutong_node.peer_status import PeerStatus
from hutong_node.roster import CERTIFICATE_TOLD
from hutong_protocol.exchange import Scope
from hutong_protocol.ids import OrgId
from node.nodes import BASE, FSC, SPACE, draft, endpoint, introduce, new_node, until

HEA = Scope(SPACE, "hea")


async def test_scopes_agreed_and_organisations_listed_are_remembered(tmp_path: Path) -> None:
    """Of three nodes the outer ones don't know each other, so one's records wait at the middle."""
    middle, left, right = (new_node(tmp_path, name) for name in ("middle", "left", "right"))
    async with middle, left, right:
        await introduce(middle, left, [FSC])
        await introduce(middle, right, [FSC])
        right.parts.roster.subscribe([HEA])
        await right.publish(FSC, [draft(1)])
        (status,) = left.peering.statuses()
        await until(lambda: right.parts.identity.org in status.listed)
        assert status.scopes == (BASE, FSC)


def test_organisations_that_a_peer_lists_are_remembered_up_to_a_bound() -> None:
    status = PeerStatus(OrgId(bytes(32)), None)
    status.note_listed(OrgId(number.to_bytes(32, "big")) for number in range(5_000))
    assert len(status.listed) == 1_000


async def test_certificate_that_others_were_told_is_remembered(tmp_path: Path) -> None:
    inviter, joiner = new_node(tmp_path, "inviter"), new_node(tmp_path, "joiner")
    plain = new_node(tmp_path, "plain", tls=False)
    async with inviter, joiner, plain:
        assert inviter.parts.roster.setting(CERTIFICATE_TOLD) is None
        await introduce(inviter, joiner, [FSC])
        assert inviter.parts.certificate is not None
        assert inviter.parts.roster.setting(CERTIFICATE_TOLD) == inviter.parts.certificate.hex()
        # Who can't be dialled tells no certificate, and neither does who has none.
        assert joiner.parts.roster.setting(CERTIFICATE_TOLD) is None
        plain.desk.make_invite([FSC], endpoint(plain), plain.clock.now_ms() + 60_000)
        assert plain.parts.roster.setting(CERTIFICATE_TOLD) is None
