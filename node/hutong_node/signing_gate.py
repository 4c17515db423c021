"""Whether this node may sign anything now, and in which words it says no.

Asked before every signature, on the writer's thread. A node doesn't sign while its clock is more
than ten minutes off those of its peers, unless its operator said that the clock is right. What is
signed already is told, served and synchronised all the same. Spec: 5.2.6.

How far off a clock is, and how many must say so, is for `peer_clocks`.
"""

from __future__ import annotations

from hutong_node.peer_clocks import ClockVerdict, PeerClocks, span_text
from hutong_node.publishing import PublishingRefused
from hutong_node.refusals import Code
from hutong_protocol.ids import IdKind, format_id

_NAMED_MAX = 5


class SigningGate:
    """The gate of one node. Safe to use from any thread."""

    def __init__(self, clocks: PeerClocks, *, clock_trusted: bool) -> None:
        """`clock_trusted`: the operator vouches for this machine's clock, whatever peers say."""
        self._clocks = clocks
        self.clock_trusted = clock_trusted

    def __call__(self) -> PublishingRefused | None:
        """Why nothing may be signed now; None if something may."""
        verdict = self._clocks.verdict()
        if not verdict.is_off or self.clock_trusted:
            return None
        peers = [format_id(IdKind.ORG, org) for org in verdict.apart[:_NAMED_MAX]]
        more = len(verdict.apart) - len(peers)
        named = ", ".join(peers) + (f" and {more} more" if more else "")
        return PublishingRefused(
            f"{clock_sentence(verdict)}: {named}",
            code=Code.CLOCK_OFF,
            way_out="set the clock of this machine, then try again; if it is right and theirs are"
            " wrong, start the node with `hutong run --trust-clock`, or set `trusted = true` under"
            " [clock] in hutong.toml",
        )


def clock_sentence(verdict: ClockVerdict) -> str:
    """How this clock stands beside those of the peers, for people.

    For a verdict with somebody `apart`.
    """
    off_ms = verdict.off_ms or 0
    side = "ahead of" if off_ms > 0 else "behind"
    if not verdict.is_off:
        return (
            f"{len(verdict.apart)} of {verdict.compared} peers have a clock that is more than ten"
            " minutes off this one"
        )
    whose = (
        "its only peer's"
        if verdict.compared == 1
        else (f"those of {len(verdict.apart)} of {verdict.compared} peers")
    )
    return f"this node's clock is {span_text(off_ms)} {side} {whose}"
