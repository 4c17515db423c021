"""N nodes over a lossy network, in one process and one thread, all chance from one seed.

Faults: connections cut at any frame, links down, crashes (with requests unanswered), stores put
back to a backup, clocks that jump, a peer that lies. A step does one thing somewhere; the same seed
does the same things in the same order, and `trace` is a digest of every frame that was sent. After
the faults `heal` lets everybody talk in rounds and counts how many it takes.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hutong_protocol.exchange import LocalChange, Scope
from hutong_protocol.handshake import SessionLimits
from hutong_protocol.session import FEATURES
from hutong_protocol.session_states import Role, State
from simulation.checkers import roots
from simulation.clock import Clock
from simulation.liar import WAYS, lies
from simulation.pair import Endpoint, Member, Pair
from simulation.parties import found
from simulation.replica import Replica
from simulation.writing import Writer

SPACE = "turkey-2023"
SCOPES = (Scope(SPACE, "base"), Scope(SPACE, "hea"))
LOGS_MAX = 40
"""Logs that are begun during a run, so that a long run stays quick."""


@dataclass
class Node:
    """A node: its member, its writer, its clocks, and the backup that it may be put back to."""

    member: Member
    writer: Writer
    clock: Clock
    backup: Replica | None = None

    @property
    def store(self) -> Replica:
        """Its store of the moment."""
        return self.member.store


@dataclass
class Link:
    """A possible connection between two nodes; the first one opens it."""

    ends: tuple[int, int]
    up: bool = True
    pair: Pair | None = None


class Network:
    """A network made from a seed, with at most one liar, which is the last node."""

    def __init__(self, seed: int, *, nodes: int, liar: str | None = None) -> None:
        self.rng = random.Random(seed)
        self._trace = hashlib.sha256()
        self._liar = nodes if liar else None
        self._way = WAYS[liar] if liar else None
        self.authored: set[bytes] = set()
        self.at_risk: set[bytes] = set()
        self.nodes = [self._node() for _ in range(nodes + bool(liar))]
        self.links = self._links(nodes)
        self.counts = dict.fromkeys(("written", "cut", "crashed", "restored", "sessions"), 0)
        self._actions: list[tuple[int, Callable[[], None]]] = [
            (120, self._talk),
            (8, self._connect),
            (8, self._write),
            (3, self._pass_time),
            (2, self._cut),
            (1, self._partition),
            (1, self._crash),
            (1, self._back_up),
            (1, self._jump),
        ]

    @property
    def trace(self) -> str:
        """The digest of every frame sent so far, in order."""
        return self._trace.hexdigest()

    @property
    def honest(self) -> list[Node]:
        """All nodes but the liar."""
        return self.nodes[: self._liar]

    def _node(self) -> Node:
        rng = self.rng
        party = found(rng, spaces=[SPACE] if rng.random() < 0.3 else None)
        store = Replica(party.org, rng)
        store.store_events(party.org, party.values)
        return Node(Member(party, store, SCOPES), Writer(party, store, rng), Clock())

    def _links(self, honest: int) -> list[Link]:
        """A random tree over the honest nodes, some more links, and the liar beside them."""
        rng = self.rng
        pairs = {(rng.randrange(at), at) for at in range(1, honest)}
        for _ in range(rng.randint(0, honest)):
            first, second = sorted(rng.sample(range(honest), 2))
            pairs.add((first, second))
        if self._liar is not None:
            pairs |= {(at, self._liar) for at in rng.sample(range(honest), min(2, honest))}
        return [Link(ends) for ends in sorted(pairs)]

    # Steps

    def run(self, steps: int) -> None:
        """Does `steps` things, faults among them."""
        weights = [weight for weight, _ in self._actions]
        actions = [action for _, action in self._actions]
        for action in self.rng.choices(actions, weights, k=steps):
            action()

    def _talk(self) -> None:
        links = [link for link in self.links if link.pair is not None]
        if links:
            link = self.rng.choice(links)
            assert link.pair is not None
            before = len(link.pair.sent)
            moved = link.pair.step()
            for role, data in link.pair.sent[before:]:
                self._trace.update(bytes([role]) + data)
            link.pair.sent.clear()
            if not moved and all(end.ended for end in link.pair.ends):
                link.pair = None

    def _connect(self) -> None:
        free = [link for link in self.links if link.up and link.pair is None]
        if free:
            link = self.rng.choice(free)
            link.pair = self._pair(link, live=self.rng.random() < 0.6)

    def _pair(self, link: Link, *, live: bool) -> Pair:
        rng = self.rng
        self.counts["sessions"] += 1
        ends = [
            Endpoint(
                self.nodes[at].member,
                Role(role),
                rng.randbytes(32),
                limits=SessionLimits(credit=rng.choice((1, 2, 8))),
                features=FEATURES if live else frozenset(),
            )
            for role, at in enumerate(link.ends)
        ]
        for at, end in zip(link.ends, ends, strict=True):
            end.on_change = self._teller(at, end)
        tamper = self._tamper(link)
        return Pair(ends[0], ends[1], rng, tamper)

    def _tamper(self, link: Link) -> Callable[[Role, bytes], list[bytes]]:
        way = self._way

        def change(sender: Role, data: bytes) -> list[bytes]:
            if way is None or link.ends[sender] != self._liar:
                return [data]
            return lies(way, data, self.rng)

        return change

    def _teller(self, at: int, source: Endpoint) -> Callable[[Sequence[LocalChange]], None]:
        def tell(changes: Sequence[LocalChange]) -> None:
            self._tell(at, changes, source)

        return tell

    def _tell(self, at: int, changes: Sequence[LocalChange], source: Endpoint | None) -> None:
        """Tells the other sessions of a node what became durable there."""
        for link in self.links:
            if link.pair is None or at not in link.ends:
                continue
            end = link.pair.ends[link.ends.index(at)]
            if end is not source and self.rng.random() < 0.9:
                eager = self.rng.random() < 0.7
                end.take(end.session.local_change(changes, eager=eager))

    def _write(self) -> None:
        rng = self.rng
        at = rng.randrange(len(self.honest))
        node = self.nodes[at]
        scope = rng.choice(SCOPES)
        writer = node.writer
        writer.now_ms = node.clock.wall_ms()
        changes = []
        if rng.random() < 0.2 and len(self.authored) < LOGS_MAX * 20:
            changes.append(writer.new_log(scope))
        choice = rng.random()
        if choice < 0.1:
            changes.append(writer.write_unknown(scope))
        elif choice < 0.2:
            own = [
                record
                for record, (log, kept) in node.store.records.items()
                if log.scope == scope and kept.parts and log.state.open.org == node.member.party.org
            ]
            if own:
                changes.append(writer.erase(scope, rng.choice(own), rng.randint(1, 7)))
        else:
            changes.append(writer.write(scope, writer.random_drafts(rng.randint(1, 4))))
        self.counts["written"] += 1
        self.authored.update(
            record
            for record, (log, _) in node.store.records.items()
            if log.state.open.org == node.member.party.org
        )
        self._tell(at, changes, None)

    def _pass_time(self) -> None:
        elapsed_ms = self.rng.choice((100, 1_000, 20_000))
        for node in self.nodes:
            node.clock.pass_time(elapsed_ms)
        for link in self.links:
            if link.pair is not None:
                link.pair.tick(self.nodes[link.ends[0]].clock.monotonic_ms)

    # Faults

    def _break(self, link: Link) -> None:
        if link.pair is not None:
            link.pair.break_connection()
            link.pair = None

    def _cut(self) -> None:
        self.counts["cut"] += 1
        self._break(self.rng.choice(self.links))

    def _partition(self) -> None:
        link = self.rng.choice(self.links)
        link.up = not link.up
        if not link.up:
            self._break(link)

    def _crash(self) -> None:
        """All sessions of a node end, whatever was being stored; sometimes the disk is older."""
        self.counts["crashed"] += 1
        at = self.rng.randrange(len(self.honest))
        for link in self.links:
            if at in link.ends:
                self._break(link)
        node = self.nodes[at]
        if node.backup is not None and self.rng.random() < 0.3:
            self._restore(node)

    def _back_up(self) -> None:
        node = self.rng.choice(self.honest)
        node.backup = node.store.snapshot()

    def _restore(self, node: Node) -> None:
        """An older copy is put back. The marker tells, so no log goes on. Hard cases 33, 34."""
        assert node.backup is not None
        self.counts["restored"] += 1
        # Whether any of these had left is of no matter here: peers may have them, or nobody has.
        self.at_risk |= set(node.store.records) - set(node.backup.records)
        node.member.store = node.backup.snapshot()
        node.member.store.epoch = self.rng.randbytes(16)
        node.writer.store = node.member.store
        node.writer.forget_logs()

    def _jump(self) -> None:
        self.rng.choice(self.nodes).clock.jump(self.rng)

    # Healing

    @property
    def diameter(self) -> int:
        """The longest of the shortest ways between honest nodes."""
        count = len(self.honest)
        far = 0
        for start in range(count):
            seen, edge = {start}, {start}
            steps = 0
            while edge:
                edge = {
                    other
                    for link in self.links
                    for here, other in (link.ends, link.ends[::-1])
                    if here in edge and other < count
                } - seen
                seen |= edge
                steps += bool(edge)
            assert len(seen) == count
            far = max(far, steps)
        return far

    def heal(self) -> int:
        """Everybody talks to everybody beside them until all hold the same.

        Returns:
            the rounds it took.

        Raises:
            AssertionError: more than twice the diameter and two.
        """
        for link in self.links:
            self._break(link)
            link.up = True
        for node in self.nodes:
            node.store.scrub()
        limit = 2 * self.diameter + 2
        for done in range(limit + 1):
            if self._all_equal():
                return done
            for link in self.rng.sample(self.links, len(self.links)):
                link.pair = self._pair(link, live=False)
                link.pair.run()
                for role, data in link.pair.sent:
                    self._trace.update(bytes([role]) + data)
                if self._liar not in link.ends:
                    assert all(end.session.state is State.CLOSED for end in link.pair.ends)
                link.pair = None
        raise AssertionError(f"not equal after {limit} rounds")

    def _all_equal(self) -> bool:
        first, *others = (roots(node.store, SCOPES) for node in self.honest)
        return all(other == first for other in others)

    def talk_once_more(self) -> None:
        """One more session on every honest link, in which only parts can be missing."""
        for _ in range(self.diameter + 1):
            for link in self.links:
                if self._liar not in link.ends:
                    link.pair = self._pair(link, live=False)
                    link.pair.run()
                    link.pair = None
