"""The doctor's report as the local API and `--json` tell it, and how it is made in a running node.

Owns the order of findings, the worst first, and what of a running node the examination is given.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Final

from hutong_node.doctor.examination import Report, examine
from hutong_node.doctor.findings import State
from hutong_node.doctor.machine import ThisMachine
from hutong_node.doctor.premises import Live
from hutong_node.doctor.shapes import DoctorAnswer, FindingItem
from hutong_node.doctor.words import Language, table, tell
from hutong_node.node import Node
from hutong_node.showing import Directory, time_text
from hutong_protocol.ids import IdKind, OrgId, format_id

_RANK: Final = {State.BAD: 0, State.WARN: 1, State.UNKNOWN: 2, State.OK: 3}


def answer_of(
    report: Report, language: Language, name_of: Callable[[OrgId], str | None] = lambda _: None
) -> DoctorAnswer:
    """A report in words. `name_of` gives the name of an organisation, if it has one here."""
    order = {code: place for place, code in enumerate(table())}
    items = []
    for finding in report.findings:
        told = tell(finding, language, report.data)
        peer = finding.peer
        items.append(
            FindingItem(
                code=finding.code,
                case=finding.case,
                state=told.state.value,
                peer=None if peer is None else format_id(IdKind.ORG, peer),
                peer_name=None if peer is None else name_of(peer),
                title=told.title,
                found=told.found,
                why=told.why,
                next=told.next,
                command=told.command,
                facts=dict(finding.facts),
            )
        )
    items.sort(key=lambda item: (_RANK[State(item.state)], order[item.code]))
    counts = Counter(item.state for item in items)
    return DoctorAnswer(
        ok=not counts["bad"] and not counts["warn"],
        checked_at=time_text(report.checked_ms) or "",
        language=language.value,
        running=report.running,
        counts={state.value: counts[state.value] for state in State},
        findings=items,
    )


async def examine_running(
    node: Node, names: Directory, *, peer: str | None, language: str, seconds: float
) -> DoctorAnswer:
    """The answer about the node of this process. `language` is en or zh.

    Raises:
        Refused: NOT_FOUND if there is no such peer.
    """

    def name_of(org: OrgId) -> str | None:
        return names.author(org).name

    parts = node.parts
    live = Live(
        pid=os.getpid(),
        peer_port=node.peer_port,
        certificate=parts.certificate,
        mismatch=parts.store.mismatch,
        clock_trusted=parts.signing.clock_trusted,
        clocks=parts.clocks,
        roster=parts.roster,
        statuses=node.peering.statuses,
        dial=node.peering.start,
        names=name_of,
    )
    report = await examine(
        parts.folder, ThisMachine(), node.clock, live=live, peer=peer, seconds=seconds
    )
    return answer_of(report, Language(language), name_of)
