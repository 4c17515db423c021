"""Which cut of a log is effective, from the text of 4.8: part of an oracle.

Owns a second reading of 4.8.3 to 4.8.6 for one log. Every cut is held against every other, as the
text says it. Shares no code with the core.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hutong_conformance.independent import identity, identity_form
from hutong_conformance.independent.identity_effect import Effect
from hutong_conformance.independent.identity_form import Body, Json

Head = tuple[int, str]


def effective(events: Sequence[Json], asked: Json) -> Json:
    """The reply to cut.effective."""
    held, _, _ = identity.admit(events)
    ours = {one: body for one, body in held.items() if body["org"].hex() == asked["org"]}
    lists = [identity_form.cut_list(bytes.fromhex(one)) for one in asked["lists"]]
    return chosen(Effect(ours), lists, asked) if ours else {"event": None, "heads": []}


def chosen(effect: Effect, lists: Sequence[Json], asked: Json) -> Json:
    """The effective cut by these cut lists."""
    delegation = bytes.fromhex(asked["delegation"])
    if delegation not in effect.granted():
        return {"event": None, "heads": []}
    cuts: dict[bytes, list[Head]] = {}
    for one, body in {**effect.of("revoke"), **effect.of("resolve")}.items():
        if body["delegation"] == delegation:
            heads = cut(body, lists, asked)
            if heads is not None:
                cuts[one] = heads
    left = {one for one in cuts if not any(one in effect.ancestors(other) for other in cuts)}
    if not left:
        return None
    lowest = min(left, key=lambda one: (max((seq for seq, _ in cuts[one]), default=-1), one))
    return {"event": lowest.hex(), "heads": [[seq, head] for seq, head in cuts[lowest]]}


def cut(body: Body, lists: Sequence[Json], asked: Json) -> list[Head] | None:
    """What an event keeps of the log; None if it does not cut it."""
    manifest = body["attachment"]
    named = {manifest[at : at + 32].hex() for at in range(0, len(manifest), 32)}
    wanted = (body["delegation"].hex(), asked["space"], asked["topic"])
    fitting: list[Any] = [
        one
        for one in lists
        if one["hash"] in named and (one["delegation"], one["space"], one["topic"]) == wanted
    ]
    if not fitting:
        return []
    counting = min(fitting, key=lambda one: bytes.fromhex(one["hash"]))
    entries = [heads for log, heads in counting["logs"] if log == asked["log"]]
    if entries:
        return [(seq, head) for seq, head in entries[0]]
    return [] if body["type"] == "revoke" else None
