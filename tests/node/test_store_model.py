"""The SQLite store against the store of the simulation: any history gives the same answers.

The two share the core and nothing else. Histories are drawn from a seed: logs of several writers
and organisations, cut into runs at random, with gaps, forks, garbage, parts left out, erases in any
order, events that freeze, and restarts. Every few steps both must answer alike.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from contracts.contract_steps import item_of, revocation
from contracts.made_logs import OTHER_SCOPE, SCOPE, MadeLog
from hutong_node.store.sqlite import ledger
from hutong_node.store.sqlite.verify import verify_store
from hutong_protocol.encoding import encode_received
from hutong_protocol.exchange import LogHeads, LogRun, PartItem, RunWant, Scope
from hutong_protocol.identity_contents import EVERYTHING, Rights
from hutong_protocol.ids import OrgId, RecordId
from hutong_protocol.signatures import public_key
from node.sqlite_stores import Direct, open_store
from simulation.parties import delegate, found
from simulation.replica import Replica

SOURCE = OrgId(bytes(32))
STEPS = 150


class History:
    """Two stores and what was written, with random steps."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.folder = folder
        self.own = found(self.rng)
        self.parties = [found(self.rng, erase=number == 0) for number in range(3)]
        self.logs: list[MadeLog] = []
        for party in self.parties:
            other = self.rng.randbytes(32)
            rights = Rights(EVERYTHING, EVERYTHING, True, True, self.rng.random() < 0.5)
            event = delegate(party.org, party.events, party.control, other, rights)
            self.logs += [
                MadeLog(party, self.rng),
                MadeLog(party, self.rng, OTHER_SCOPE),
                MadeLog(
                    *(party, self.rng),
                    seed=other,
                    writer=public_key(other),
                    delegation=event.id,
                ),
            ]
            self.events = [
                *getattr(self, "events", []),
                *((party.org, value) for value in [*party.values, event.to_value()]),
            ]
        self.logs += [log.fork(0) for log in self.logs[:2]]
        self.model = Replica(self.own.org, self.rng)
        self.store = open_store(folder, self.own)
        for org, value in self.events[:-3]:
            self.both("store_events", org, [value], compare=False)
        for log in self.logs:
            log.data(3, 40, 2)

    def step(self) -> None:
        """One random thing that happens."""
        random_step = self.rng.choices(
            [self.write, self.hand_over, self.hand_parts, self.tell, self.restart, self.freeze],
            [4, 14, 2, 1, 0.3, 0.05],
        )[0]
        random_step()

    def write(self) -> None:
        log = self.rng.choice(self.logs)
        if log.records[-1].kind == 3:
            return
        what = self.rng.random()
        if what < 0.6:
            log.data(self.rng.choice([1, 2, 5, 40]), self.rng.choice([1, 40, 5_000]), 2)
        elif what < 0.65:
            log.unknown()
        elif what < 0.98:
            near = [k for k in self.logs if k.party is log.party and k.scope == log.scope]
            known = self.logs if self.rng.random() < 0.2 else near
            named = self.rng.choices([r for one in known for r in one.records], k=4)
            log.erase({record.id: self.rng.randint(1, 15) for record in named})
        else:
            log.close()

    def hand_over(self) -> None:
        log = self.rng.choice(self.logs)
        first = self.rng.randrange(len(log.records))
        if self.rng.random() < 0.8:
            held = self.model.logs.get(log.log)
            first = min(first, held.state.head_seq + 1 if held else 0, len(log.records) - 1)
        last = min(len(log.records) - 1, first + self.rng.choice([0, 1, 10, 255]))
        absent = {
            (record.seq, position)
            for record in log.records[first : last + 1]
            for position in range(len(record.parts))
            if self.rng.random() < 0.1
        }
        run = log.run(first, last, absent)
        scope = log.scope if self.rng.random() < 0.97 else Scope("other", "base")
        if self.rng.random() < 0.05:
            # Which of several reasons is named is free (10.3).
            spoiled = LogRun(run.log, [*run.run[:4], self.rng.randbytes(64)])
            answers = self.both("store_runs", scope, [spoiled], SOURCE, compare=False)
            assert [answer[0].stored for answer in answers] == [0, 0]
        self.both("store_runs", scope, [run], SOURCE)

    def hand_parts(self) -> None:
        items = []
        for _ in range(10):
            log = self.rng.choice(self.logs)
            record = self.rng.choice(log.records)
            if record.parts:
                item = item_of(log, record.id, self.rng.randrange(len(record.parts)))
                items.append(item if self.rng.random() < 0.8 else item._replace(salt=bytes(16)))
        for scope in (SCOPE, OTHER_SCOPE):
            mine: list[PartItem] = items
            self.both("store_parts", scope, mine)

    def tell(self) -> None:
        org, value = self.rng.choice(self.events)
        outcomes = self.both("store_events", org, [value], compare=False)
        assert [o.fault for o in outcomes] == [None, None]
        assert outcomes[0].heads == outcomes[1].heads

    def freeze(self) -> None:
        party = self.parties[-1]
        self.both("store_events", party.org, [revocation(party)], compare=False)

    def restart(self) -> None:
        self.store.close()
        assert verify_store(self.folder / "records.db").problems == []
        self.store = open_store(self.folder, self.own)

    def both(self, method: str, *args: Any, compare: bool = True) -> list[Any]:
        """What both stores answer, the same unless it isn't to be compared."""
        answers = [getattr(self.model, method)(*args), getattr(Direct(self.store), method)(*args)]
        if compare:
            assert _plain(answers[1]) == _plain(answers[0]), method
        return answers

    def agree(self) -> None:
        """Compares everything that can be asked."""
        for scope in (SCOPE, OTHER_SCOPE):
            roots = self.both("scope_roots", [scope], compare=False)
            assert roots[0][0].root == roots[1][0].root
            assert bool(roots[0][0].missing) == bool(roots[1][0].missing)
            self.both("missing_parts", scope, None, 10_000)
            self.both("missing_parts", scope, RecordId(b"\x80" * 32), 3)
            pages = self.both("heads", scope, None, None, 10_000, compare=False)
            assert (pages[0].logs, pages[0].orgs) == (pages[1].logs, pages[1].orgs)
            asked = [LogHeads(log.log, (log.head,)) for log in self.logs if log.scope == scope]
            held = self.both("held", scope, asked, [], compare=False)
            plain = [[(entry.log, entry.head, entry.unknown) for entry in h.logs] for h in held]
            assert plain[0] == plain[1]
            wants = [RunWant(log.log, self.rng.randrange(len(log.records))) for log in self.logs]
            served = [
                {(run.log, record): one for run in batch.runs for record, one in _records(run)}
                for batch in self.both("read_runs", scope, wants, 2**21, compare=False)
            ]
            common = served[0].keys() & served[1].keys()
            assert all(served[0][place] == served[1][place] for place in common)


def _records(run: LogRun) -> list[tuple[int, bytes]]:
    first, records = run.run[1], run.run[3]
    assert isinstance(first, int)
    assert isinstance(records, list)
    return [(seq, encode_received(record)) for seq, record in enumerate(records, first)]


def _plain(answer: Any) -> Any:
    """An answer without what the stores may word or know differently."""
    if isinstance(answer, list) and answer and hasattr(answer[0], "fault"):
        return [(o.log, o.fault, o.stored, o.held, o.needs, o.fork_seq) for o in answer]
    return answer


@pytest.mark.parametrize("seed", range(8))
def test_any_history_gives_the_same_answers_in_both_stores(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % 2:
        # What the writer remembers makes no difference.
        monkeypatch.setattr(ledger, "_LOGS_REMEMBERED", 2)
    history = History(tmp_path, seed)
    try:
        for step in range(STEPS):
            history.step()
            if step % 4 == 0:
                history.agree()
        history.agree()
    finally:
        history.store.close()
    found_out = verify_store(tmp_path / "records.db")
    assert found_out.problems == []
    # Otherwise the history was about nothing.
    assert found_out.records > 20
    assert found_out.erased_parts + found_out.missing_parts > 0
