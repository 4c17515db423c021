"""Two nodes with stores that differ in every way that the protocol has to mend.

From one seed: three organisations, 20 and more logs in up to three scopes, logs held by one side,
by both, or by one side only up to some seq; garbage signatures in the middle, missing, rotten and
erased parts, unknown kinds, identity events that one side lacks, cursors that lead astray.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hutong_protocol.exchange import Cursor, LogRun, RunWant, Scope
from hutong_protocol.handshake import SessionLimits
from hutong_protocol.ids import LogId
from hutong_protocol.session import FEATURES
from hutong_protocol.session_states import Role, State
from simulation.pair import Endpoint, Member, Pair
from simulation.parties import Party, found, more_events
from simulation.replica import Replica
from simulation.writing import Writer, lose_parts, spoil_signatures

SPACE = "xian-2021"
SCOPES = (Scope(SPACE, "base"), Scope(SPACE, "fsc"), Scope("zhengzhou-2021", "base"))


def copy_log(source: Replica, target: Replica, scope: Scope, log: LogId, runs_max: int) -> None:
    """Gives a log to another store, with all it needs, as an earlier session would have."""
    org = source.logs[log].state.open.org
    target.store_events(org, [event.to_value() for event in source.identities[org].values()])
    batch = source.read_runs(scope, [RunWant(log, 0, runs_max)], 10_000_000)
    runs = [LogRun(log, run) for _, run in batch.runs]
    for outcome in target.store_runs(scope, runs, org):
        assert outcome.fault is None, outcome


@dataclass
class Scenario:
    """Two members and a stranger whose records they hold; everything follows from the seed."""

    seed: int
    live: bool = False
    rng: random.Random = field(init=False)
    members: list[Member] = field(init=False)
    writers: list[Writer] = field(init=False)
    scopes: tuple[Scope, ...] = field(init=False)
    writes_left: int = field(init=False)

    def __post_init__(self) -> None:
        self.rng = rng = random.Random(self.seed)
        self.scopes = SCOPES[: rng.randint(1, 3)]
        parties = [found(rng, spaces=self._spaces(), erase=rng.random() < 0.5) for _ in range(3)]
        self.members = []
        for party in parties:
            store = Replica(party.org, rng)
            store.store_events(party.org, party.values)
            self.members.append(Member(party, store, self.scopes))
        self.writers = [Writer(one.party, one.store, rng) for one in self.members]
        self._fill()
        stranger = self.members.pop()
        self._spread(stranger)
        self.writers.pop()
        self._hurt(parties)
        self.writes_left = rng.choice((0, 3, 12))

    def _spaces(self) -> list[str] | None:
        return None if self.rng.random() < 0.5 else sorted({scope.space for scope in SCOPES})

    def _fill(self) -> None:
        """Logs of each organisation at home, some of several runs."""
        rng = self.rng
        for writer in self.writers:
            for _ in range(rng.randint(7, 10)):
                scope = rng.choice(self.scopes)
                writer.new_log(scope)
                for _ in range(rng.randint(1, 4)):
                    self._write(writer, scope, rng.randint(1, 6))

    def _write(self, writer: Writer, scope: Scope, count: int) -> None:
        if self.rng.random() < 0.2:
            writer.write_unknown(scope)
        writer.write(scope, writer.random_drafts(count))

    def _spread(self, stranger: Member) -> None:
        """What each side holds of the others' logs before the session."""
        rng = self.rng
        for source in [*self.members, stranger]:
            for log, kept in list(source.store.logs.items()):
                for target in self.members:
                    if target is not source and log not in target.store.logs:
                        runs = rng.choice((0, 0, 1, 2, 99))
                        if runs or source is stranger:
                            part = rng.choice((1, 2, 99)) if source is stranger else runs
                            copy_log(source.store, target.store, kept.scope, log, part)
                            if source is stranger and rng.random() < 0.5:
                                break

    def _hurt(self, parties: list[Party]) -> None:
        rng = self.rng
        for member, writer in zip(self.members, self.writers, strict=True):
            store = member.store
            for log in store.logs.values():
                spoil_signatures(log, rng)
                lose_parts(store, log, rng)
            own = [
                entry
                for entry, kept in store.records.values()
                if entry.state.open.org == member.party.org and kept.parts
            ]
            for log in own[:2]:
                kept = rng.choice([kept for kept in log.kept if kept.parts])
                writer.erase(log.scope, kept.record.id, rng.randint(1, 15))
            if rng.random() < 0.5:
                party = rng.choice(parties)
                added = more_events(party, rng.randint(1, 3), rng)
                if party.org in store.identities:
                    store.store_events(party.org, [event.to_value() for event in added])
        self._mislead()

    def _mislead(self) -> None:
        """Cursors that claim that both were equal when they were not."""
        rng = self.rng
        for member, peer in (self.members, self.members[::-1]):
            for scope in self.scopes:
                if rng.random() < 0.3:
                    [root] = peer.store.scope_roots([scope])
                    counter = rng.randint(0, root.cursor.counter + 2)
                    kept = member.cursors.setdefault(peer.party.org, {})
                    kept[scope] = Cursor(root.cursor.epoch, counter)

    def session(self) -> Pair:
        """A new connection between the two."""
        rng = self.rng
        ends = [
            Endpoint(
                member,
                Role(at),
                rng.randbytes(32),
                limits=SessionLimits(credit=rng.choice((1, 1, 2, 8))),
                features=FEATURES if self.live else frozenset(),
            )
            for at, member in enumerate(self.members)
        ]
        return Pair(ends[0], ends[1], rng)

    def writing(self, pair: Pair) -> Callable[[], None]:
        """Writes now and then, while the first round is under way; some go unannounced."""
        rng = self.rng

        def between() -> None:
            at = rng.randrange(2)
            end = pair.ends[at]
            busy = (State.OPENING, State.COMPARING, State.TRANSFERRING)
            if (
                self.writes_left
                and rng.random() < 0.2
                and end.session.state in busy
                and all(other.session.state is not State.ENDING for other in pair.ends)
                and not any(other.of_rounds for other in pair.ends)
            ):
                self.writes_left -= 1
                writer, scope = self.writers[at], rng.choice(self.scopes)
                if rng.random() < 0.3:
                    writer.new_log(scope)
                    change = writer.write(scope, writer.random_drafts(2))
                    change = change._replace(first_seq=0)
                else:
                    change = writer.write(scope, writer.random_drafts(rng.randint(1, 3)))
                # A shell may drop this when its queue is full.
                if rng.random() < 0.7:
                    end.take(end.session.local_change([change]))

        return between
