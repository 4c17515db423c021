"""The shape of the doctor's report in the local API and in `--json`.

Codes of checks and cases don't change within version 1 of the API; new ones may come.
"""

from __future__ import annotations

from typing import Literal

from hutong_node.api_terms import Told


class FindingItem(Told):
    """One finding. `code` names the check and `case` what was met; `command` can be pasted."""

    code: str
    case: str
    state: Literal["bad", "warn", "unknown", "ok"]
    peer: str | None
    peer_name: str | None
    title: str
    found: str
    why: str
    next: str
    command: str
    facts: dict[str, str | int]


class DoctorAnswer(Told):
    """All findings, the worst first. `ok`: none is bad or a warning."""

    ok: bool
    checked_at: str
    language: Literal["en", "zh"]
    running: bool
    counts: dict[str, int]
    findings: list[FindingItem]
