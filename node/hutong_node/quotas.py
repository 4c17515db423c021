"""How much of its share of this node an organisation has used, and whose share that is.

Owns what quotas count: bytes of parts, and logs. An organisation that is let in only because the
steward of a need named it is charged to the author of that need, so that nobody gets more of this
disk by naming others. Above a quota headers are kept and parts go missing, so that chains and
erasures still arrive. Spec: 6.5.3, 9.2, 12.22.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from hutong_node.store.interface import Policy
from hutong_node.store.sqlite.held import OrgRow
from hutong_node.store.sqlite.orgs import Orgs
from hutong_protocol.ids import OrgId


def groups_of(payers: Mapping[OrgId, OrgId]) -> dict[OrgId, frozenset[OrgId]]:
    """All that share a quota, by each of them: a payer, and those charged to it."""
    charged: defaultdict[OrgId, set[OrgId]] = defaultdict(set)
    for org, payer in payers.items():
        charged[payer] |= {payer, org}
    return {org: frozenset(group) for group in charged.values() for org in group}


class Quotas:
    """The quotas of one policy, on the writer's thread."""

    def __init__(self, policy: Policy, orgs: Orgs) -> None:
        self._policy = policy
        self._orgs = orgs
        self._groups = groups_of(policy.payers)

    def part_room(self, org: OrgRow) -> int:
        """How many bytes of parts may still be kept of an organisation; 0 or less for none."""
        used = sum(row.part_bytes for row in self._sharing(org))
        return self._policy.part_bytes_max - used

    def may_open_log(self, org: OrgRow) -> bool:
        """Whether one more log of an organisation is kept."""
        return sum(row.logs for row in self._sharing(org)) < self._policy.logs_max

    def _sharing(self, org: OrgRow) -> list[OrgRow]:
        group = self._groups.get(org.id)
        if group is None:
            return [org]
        return [row for other in group if (row := self._orgs.get(other)) is not None]
