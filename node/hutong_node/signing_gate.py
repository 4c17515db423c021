"""Whether this node may sign anything now, and in which words it says no.

Asked before every signature, on the writer's thread. A node doesn't sign while its clock is more
than ten minutes off those of its peers, unless its operator said that the clock is right; nor while
its store, put back from an older copy, has not been compared with peers. What is signed already is
told all the same. Spec: 5.1.6, 5.2.6.

How far off a clock is, and how many must say so, is for `peer_clocks`; what a restored node waits
for, for `restoring`.
"""

from __future__ import annotations

from collections.abc import Callable

from hutong_node.peer_clocks import ClockVerdict, PeerClocks, span_text
from hutong_node.publishing import PublishingRefused
from hutong_node.refusals import Code, Refused
from hutong_protocol.ids import IdKind, format_id

_NAMED_MAX = 5


class SigningGate:
    """The gate of one node. Safe to use from any thread."""

    def __init__(
        self,
        clocks: PeerClocks,
        *,
        clock_trusted: bool,
        waits: Callable[[], Refused | None] = lambda: None,
    ) -> None:
        """`clock_trusted`: the operator vouches for this machine's clock, whatever peers say.

        `waits` says what a restored node waits for, if it does.
        """
        self._clocks = clocks
        self._waits = waits
        self.clock_trusted = clock_trusted

    def __call__(self) -> PublishingRefused | None:
        """Why nothing may be signed now; None if something may."""
        waits = self._waits()
        if waits is not None:
            return PublishingRefused(waits.title, code=waits.code, way_out=waits.way_out)
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
