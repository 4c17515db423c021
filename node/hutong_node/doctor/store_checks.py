"""Checks of what is stored: the files as databases, the restore marker, own and other identities.

Owns the questions to a store seen from beside (`glance`), and the soundness of each file as SQLite
sees it. All of it works on a stopped node and beside a running one alike.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hutong_node.doctor.findings import Facts, Finding
from hutong_node.doctor.premises import CLOCK_AHEAD_MAX_MS, Premises
from hutong_node.marker import Mismatch, belonging_of, judge, machine_id, read_marker
from hutong_node.node import policy_of
from hutong_node.roster import ROSTER_FILE
from hutong_node.store.errors import StoreError
from hutong_node.store.interface import OwnLog, Policy, StoreStatus
from hutong_node.store.sqlite.connection import WAL_BYTES_MAX
from hutong_node.store.sqlite.glance import (
    Glance,
    Soundness,
    Unfit,
    glance,
    properties_of,
    soundness,
)
from hutong_protocol.exchange import Scope
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.identity import IdentityState, decide_session, evaluate
from hutong_protocol.identity_contents import Rights, covers
from hutong_protocol.identity_events import Event, parse_event
from hutong_protocol.ids import IdKind, OrgId, format_id

_INDEX_BEHIND_MAX: Final = 10_000
_EVENTS_BYTES_MAX: Final = 2**24
_NAMED_MAX: Final = 5
_BASE: Final = "base"
_CARD_PAGE: Final = 500
_CARD_SOUGHT_MAX: Final = 20_000
"""Own records of a space's `base` among which the card is sought, oldest first."""


def databases(at: Premises, seconds: float) -> Iterator[Finding]:
    """The soundness of every file, within `seconds` together."""
    end_s = time.monotonic() + seconds
    for path in sorted(at.folder.root.glob("*.db")):
        facts: Facts = {"path": str(path), "name": path.name, "seconds": round(seconds)}
        try:
            yield from _soundness(soundness(path, end_s), facts)
        except StoreError as failed:
            yield Finding("database", "unreadable", {**facts, "error": _error_of(failed)})
        log = path.with_name(path.name + "-wal")
        size = log.stat().st_size if log.exists() else 0
        if size > 2 * WAL_BYTES_MAX:
            yield Finding("write-ahead-log", "large", {**facts, "size": size})


def _soundness(seen: Soundness, facts: Facts) -> Iterator[Finding]:
    if seen.mode != "wal":
        yield Finding("database", "not-wal", {**facts, "mode": seen.mode})
    if not seen.finished:
        yield Finding("database", "unfinished", facts)
    elif seen.problem is not None:
        yield Finding("database", "damaged", {**facts, "problem": seen.problem})
    else:
        yield Finding("database", "ok", facts)


def store(at: Premises) -> Iterator[Finding]:
    """Everything that the records held and the restore marker say."""
    path = at.folder.database
    if not path.exists():
        case = "missing" if at.folder.marker.exists() else "new"
        yield Finding("store", case, {"path": str(path)})
        return
    own = None if at.identity is None else at.identity.org
    try:
        with glance(path, own, _policy(at)) as seen:
            status = seen.reading.status()
            facts: Facts = {"records": status.records, "size": status.disk_bytes}
            yield Finding("store", "ok", facts)
            yield from _marker(at, seen, status)
            if at.identity is not None:
                yield from _own_identity(at, seen, at.identity.org)
                yield from _own_times(at, seen, status)
                yield from _own_card(at, seen, status)
            yield from _others(at, seen, status)
            yield from _index(at, seen, status)
    except Unfit as unfit:
        yield Finding("store", unfit.case, {"path": str(path)})
    except StoreError as failed:
        facts = {"path": str(path), "error": _error_of(failed)}
        yield Finding("store", "unreadable", facts)


def _error_of(failed: StoreError) -> str:
    """SQLite's name of what went wrong, else the kind of the error."""
    return getattr(failed.__cause__, "sqlite_errorname", "") or type(failed).__name__


def _policy(at: Premises) -> Policy:
    if at.roster is None or at.config is None or at.identity is None:
        return Policy()
    return policy_of(at.roster, at.identity.org, at.config)


def _marker(at: Premises, seen: Glance, status: StoreStatus) -> Iterator[Finding]:
    """The store beside its restore marker, as the next start would compare them."""
    given_up = sum(log.retired not in (None, "closed") for log in status.own_logs)
    if at.live is not None and at.live.mismatch is not None:
        yield Finding("restore-marker", "given-up", {"reason": at.live.mismatch.value})
    elif at.live is None and (found := _judged(at, seen, status)) is not None:
        facts: Facts = {"path": str(at.folder.marker), "reason": found.value}
        yield Finding("restore-marker", found.name.lower().replace("_", "-"), facts)
    else:
        yield Finding("restore-marker", "ok", {"count": given_up})
    if seen.restored is not None:
        case = "withheld" if at.live is not None else "waits"
        yield Finding("restored", case, {"reason": seen.restored.value})


def _judged(at: Premises, seen: Glance, status: StoreStatus) -> Mismatch | None:
    belonging = belonging_of(at.folder.database, seen.generation, machine_id())
    marked = read_marker(at.folder.marker)
    return judge(marked, belonging, status.records == 0, seen.holds)


def own_state(seen: Glance, own: OrgId) -> IdentityState | None:
    """The state of this node's organisation by the events in the store."""
    batch = seen.reading.events(own, (), (), _EVENTS_BYTES_MAX)
    return evaluate(_events(batch.events)).get(own)


def _own_identity(at: Premises, seen: Glance, own: OrgId) -> Iterator[Finding]:
    """What this organisation's own events let this node do."""
    assert at.identity is not None
    state = own_state(seen, own)
    if state is None:
        yield Finding("own-identity", "not-stored")
        return
    if state.frozen is not None:
        yield Finding("own-identity", "frozen", {"reason": state.frozen})
        return
    granted = state.in_force(at.identity.delegation)
    if decide_session(state, own, at.identity.delegation) is Fault.IDENTITY_NEEDED or not granted:
        yield Finding("own-identity", "not-delegated")
        return
    yield from _rights(granted.rights, [] if at.roster is None else at.roster.subscriptions())


def _rights(rights: Rights, scopes: list[Scope]) -> Iterator[Finding]:
    lacking = [
        name for name, given in (("write", rights.write), ("session", rights.session)) if not given
    ]
    if lacking:
        yield Finding("own-identity", "rights-lacking", {"rights": ", ".join(lacking)})
        return
    outside = ["/".join(scope) for scope in scopes if not covers(rights, *scope, None)]
    if outside:
        yield Finding("own-identity", "scopes-outside", {"scopes": ", ".join(outside)})
    else:
        yield Finding("own-identity", "ok")


def _own_times(at: Premises, seen: Glance, status: StoreStatus) -> Iterator[Finding]:
    """Whether this node signed something with a time that has not come yet."""
    now_ms = at.clock.now_ms()
    latest = 0
    for log in status.own_logs:
        for record in seen.reading.log_records(log.log, log.head.seq, 1):
            latest = max(latest, record.ts)
    if latest > now_ms + CLOCK_AHEAD_MAX_MS:
        yield Finding("own-times", "ahead", {"ahead_s": (latest - now_ms) // 1_000})
    elif latest:
        yield Finding("own-times", "ok", {"at": latest})


def _own_card(at: Premises, seen: Glance, status: StoreStatus) -> Iterator[Finding]:
    """Whether others can know this organisation's name in every space that it holds."""
    spaces = {scope.space for scope in ([] if at.roster is None else at.roster.subscriptions())}
    introduced = {
        log.scope.space
        for log in status.own_logs
        if log.scope.topic == _BASE and _has_card(seen, log)
    }
    lacking = sorted(spaces - introduced)
    if lacking:
        named = ", ".join(lacking[:_NAMED_MAX])
        yield Finding("card", "missing", {"count": len(lacking), "spaces": named})
    elif spaces:
        yield Finding("card", "ok", {"count": len(spaces)})


def _has_card(seen: Glance, log: OwnLog) -> bool:
    for first in range(1, min(log.head.seq, _CARD_SOUGHT_MAX) + 1, _CARD_PAGE):
        if any(r.type == "org/1" for r in seen.reading.log_records(log.log, first, _CARD_PAGE)):
            return True
    return False


def _others(at: Premises, seen: Glance, status: StoreStatus) -> Iterator[Finding]:
    """Forks, frozen organisations and parts that nobody had."""
    own = None if at.identity is None else at.identity.org
    frozen = [org for org in status.frozen_orgs if org != own]
    if frozen:
        named = ", ".join(format_id(IdKind.ORG, org) for org in frozen[:_NAMED_MAX])
        yield Finding("other-identities", "frozen", {"count": len(frozen), "orgs": named})
    else:
        yield Finding("other-identities", "ok", {"count": status.orgs})
    proofs = seen.reading.fork_proofs()
    if own is not None and any(proof.org == own for proof in proofs):
        yield Finding("forks", "own", {"count": sum(proof.org == own for proof in proofs)})
    others = {proof.org for proof in proofs} - {own}
    if others:
        named = ", ".join(format_id(IdKind.ORG, org) for org in sorted(others)[:_NAMED_MAX])
        yield Finding("forks", "others", {"count": len(others), "orgs": named})
    if not proofs:
        yield Finding("forks", "none")
    yield Finding(
        "missing-parts", "some" if status.missing_parts else "none", {"count": status.missing_parts}
    )


def _index(at: Premises, seen: Glance, status: StoreStatus) -> Iterator[Finding]:
    """How far the index of things is behind the records."""
    path = at.folder.root / "index.db"
    row = _index_row(path, seen.generation)
    if row is None:
        yield Finding("index", "anew")
        return
    behind = max(0, status.records - row)
    late = behind > _INDEX_BEHIND_MAX and at.live is not None
    facts: Facts = {"count": behind, "path": str(path)}
    yield Finding("index", "behind" if late else "ok", facts)


def _index_row(path: Path, generation: bytes) -> int | None:
    """The last row that the index has; None where the next start makes it anew."""
    if not path.exists():
        return None
    found = properties_of(path)
    if not str(found.get("belongs", "")).endswith(generation.hex()):
        return None
    return int(str(found.get("row", 0)))


def _events(values: tuple[object, ...]) -> list[Event]:
    events = []
    for value in values:
        try:
            events.append(parse_event(value))
        except ProtocolFault:
            continue  # rotten: the node refuses to open a store that has such an event
    return events


def roster(at: Premises) -> Iterator[Finding]:
    """What the operator decided: scopes, peers, and whether the file of it is there."""
    if at.roster is None:
        path = at.folder.root / ROSTER_FILE
        is_new = not path.exists() and not at.folder.database.exists()
        yield Finding("roster", "new" if is_new else "missing", {"path": str(path)})
        return
    scopes, peers = at.roster.subscriptions(), at.roster.peers()
    if not scopes:
        yield Finding("roster", "no-scope")
    elif not peers:
        yield Finding("roster", "no-peer")
    else:
        yield Finding("roster", "ok", {"scopes": len(scopes), "peers": len(peers)})
