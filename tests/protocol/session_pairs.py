"""Pairs of sessions for the tests: two members, with what they hold, and ways to stop half-way."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hutong_protocol.exchange import LocalChange, LogRun, RunWant, Scope
from hutong_protocol.faults import Fault
from hutong_protocol.frame_forms import encode_frame, parse_frame
from hutong_protocol.frames import Bye, Frame, Runs
from hutong_protocol.handshake import SessionLimits
from hutong_protocol.ids import LogId
from hutong_protocol.session import FEATURES
from hutong_protocol.session_events import Failed, Live, Unsettled
from hutong_protocol.session_states import Role, State
from simulation.checkers import check_equal, check_store
from simulation.pair import Endpoint, Member, Pair
from simulation.parties import Party, found
from simulation.replica import Replica
from simulation.scenario import copy_log
from simulation.writing import Writer

SCOPE = Scope("xian-2021", "base")


def member(
    rng: random.Random, scopes: Sequence[Scope] = (SCOPE,), party: Party | None = None
) -> Member:
    """A node with an empty store, but for its own identity."""
    party = party or found(rng)
    store = Replica(party.org, rng)
    store.store_events(party.org, party.values)
    return Member(party, store, tuple(scopes))


def members(rng: random.Random, scopes: Sequence[Scope] = (SCOPE,)) -> tuple[Member, Member]:
    """Two nodes that know each other's organisations already."""
    first, second = member(rng, scopes), member(rng, scopes)
    acquaint(first, second)
    return first, second


def acquaint(first: Member, second: Member) -> None:
    """Each gets the other's identity events."""
    for one, other in ((first, second), (second, first)):
        one.store.store_events(other.party.org, other.party.values)


def writer(of: Member, rng: random.Random) -> Writer:
    """A writer into the store of a member."""
    return Writer(of.party, of.store, rng)


def endpoint(
    of: Member,
    role: Role,
    rng: random.Random,
    *,
    live: bool = False,
    credit: int = 8,
    certificate: bytes | None = b"c" * 32,
) -> Endpoint:
    """A session of a member."""
    return Endpoint(
        of,
        role,
        rng.randbytes(32),
        certificate=certificate,
        limits=SessionLimits(credit=credit),
        features=FEATURES if live else frozenset(),
    )


def pair_of(
    two: tuple[Member, Member], rng: random.Random, *, live: bool = False, credit: int = 8
) -> Pair:
    """A connection between two members, first in, first out."""
    ends = [
        endpoint(one, role, rng, live=live, credit=credit)
        for role, one in zip(Role, two, strict=True)
    ]
    return Pair(ends[0], ends[1])


def run_until(pair: Pair, role: Role, state: State) -> Endpoint:
    """Runs until one side is in a state; returns that side."""
    end = pair.ends[role]
    while end.session.state is not state:
        assert pair.step(), f"came to rest in {end.session.state}"
    return end


def frames_of(pair: Pair, role: Role | None = None) -> list[Frame]:
    """The frames sent so far, by one side or both."""
    found_frames = [parse_frame(data) for sender, data in pair.sent if role in (None, sender)]
    return [frame for frame in found_frames if frame is not None]


def feed(end: Endpoint, *frames: Frame) -> None:
    """Gives frames to a session as if the peer had sent them, and answers what it asks."""
    for frame in frames:
        end.take(end.session.receive(encode_frame(frame)))
    while end.pending:
        end.answer()


def outgoing(end: Endpoint) -> list[Frame]:
    """What a session sends now."""
    frames = [parse_frame(data) for data in end.session.frames_to_send()]
    return [frame for frame in frames if frame is not None]


def failure(end: Endpoint) -> Fault | None:
    """The fault that this side found in the peer."""
    failed = end.of(Failed)
    return failed[0].fault if failed else None


def peer_fault(pair: Pair, role: Role) -> str | None:
    """The fault in the BYE that this side sent, None if it sent none."""
    byes = [frame.fault for frame in frames_of(pair, role) if isinstance(frame, Bye)]
    return byes[0] if byes else None


def seen(pair: Pair, kind: type[Frame], role: Role | None = None) -> int:
    """How many frames of a kind were sent."""
    return sum(isinstance(frame, kind) for frame in frames_of(pair, role))


def unsettled(pair: Pair, role: Role) -> Unsettled:
    """The news of this side that the session stayed unsettled."""
    [news] = pair.ends[role].of(Unsettled)
    assert isinstance(news, Unsettled)
    return news


def write(writing: Writer, count: int = 1) -> LocalChange:
    """Some records in the one scope."""
    return writing.write(SCOPE, writing.random_drafts(count))


def live_pair(rng: random.Random, *, credit: int = 8) -> tuple[Pair, list[Writer]]:
    """A live pair that holds a log of each side, and their writers."""
    two = members(rng)
    writers = [writer(one, rng) for one in two]
    for writing in writers:
        write(writing)
    pair = pair_of(two, rng, live=True, credit=credit)
    pair.run()
    for end in pair.ends:
        assert end.session.state is State.LIVE
        assert end.of(Live)
    pair.sent.clear()
    return pair, writers


def tell(pair: Pair, role: Role, change: LocalChange, *, eager: bool = True) -> None:
    """Tells a session of something durable."""
    end = pair.ends[role]
    end.take(end.session.local_change([change], eager=eager))


def stores_equal(pair: Pair) -> None:
    stores = [end.member.store for end in pair.ends]
    for store in stores:
        check_store(store)
    check_equal(stores, [SCOPE])


def forked(
    rng: random.Random, *, common: int, own: int, other: int
) -> tuple[Member, Member, LogId]:
    """Two members that hold two branches of one log, of a third organisation."""
    first, second = members(rng)
    cloned = member(rng)
    writing = writer(cloned, rng)
    change = write(writing, 1)
    if common > 2:
        write(writing, common - 2)
    clone = cloned.store.snapshot()
    for store, target, count in ((cloned.store, first, own), (clone, second, other)):
        writing.store = store
        write(writing, count)
        copy_log(store, target.store, SCOPE, change.log, 0)
    return first, second, change.log


def session_in(state: State, role: Role) -> tuple[Pair, Endpoint]:
    """A session in this state, and the pair that it belongs to."""
    for seed in range(1_000):
        rng = random.Random(seed)
        two = members(rng)
        for one in two:
            writing = writer(one, rng)
            writing.write(SCOPE, writing.random_drafts(3))
        live = state is State.LIVE
        ends = [endpoint(one, each, rng, live=live) for each, one in zip(Role, two, strict=True)]
        pair = Pair(ends[0], ends[1], rng)
        end = pair.ends[role]
        while True:
            if end.session.state is state:
                return pair, end
            if not pair.step():
                break
    raise AssertionError(f"no interleaving leads to {state}")


def transferring(role: Role = Role.RESPONDER, *, records: int = 3) -> tuple[Pair, Endpoint]:
    """A session in the middle of a round, the peer having records to give."""
    rng = random.Random(3)
    two = members(rng)
    for one in two:
        writing = writer(one, rng)
        writing.write(SCOPE, writing.random_drafts(records))
    pair = pair_of(two, rng)
    end = run_until(pair, role, State.TRANSFERRING)
    end.session.frames_to_send()
    return pair, end


def run_in(store: Replica) -> LogRun:
    """A good run of a log in a store."""
    log = next(iter(store.logs))
    return store.read_runs(SCOPE, [RunWant(log, 0)], 10_000_000).runs[0]


def a_run(pair: Pair) -> LogRun:
    """A good run that the initiator holds."""
    return run_in(pair.ends[Role.INITIATOR].member.store)


def runs_frame(run: LogRun) -> Runs:
    return Runs(0, ([run.log, *run.run[1:]],))
