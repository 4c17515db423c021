"""What `crit` means to a node: kept, passed on, and without effect on anything shown."""

from __future__ import annotations

from pathlib import Path
from random import Random

from contracts.made_logs import MadeLog
from hutong_node.node import Node
from hutong_node.store.interface import StoreMethods
from hutong_protocol.authoring import OwnLog
from hutong_protocol.encoding import Value, encode
from hutong_protocol.ids import RecordId
from hutong_protocol.records import Kind, encode_elements, record_id
from hutong_protocol.runs import CheckedRecord
from node.nodes import FSC, introduce, new_node, until
from simulation.parties import Party, found

AS_OF_MS = 1_641_096_000_000


class LaterLog(MadeLog):
    """A log of a writer of a later version."""

    def say(self, type_name: str, ext: dict[str, Value]) -> RecordId:
        """Appends a data record without parts, with any `ext`."""
        last = self.records[-1]
        place = (1, int(Kind.DATA), self.log, last.seq + 1, last.id, 5, last.clock + 1)
        header = encode_elements((*place, type_name, (), [], ext))
        content = (Kind.DATA, last.clock + 1, 5, type_name, (), (), (), ext)
        self.records.append(CheckedRecord(record_id(header), header, last.seq + 1, *content))
        self._state = OwnLog(
            *(self.log, last.seq + 1, self.records[-1].id, False, last.clock + 1),
            self._state.identity,
        )
        return self.records[-1].id


def let_in(node: Node, party: Party) -> None:
    node.parts.roster.let_in(party.org, "", 1)
    node.parts.store.run(StoreMethods.store_events, party.org, party.values)


def standings(node: Node) -> dict[str, int]:
    return dict(node.parts.index.state(AS_OF_MS).coverage.standing)


async def test_record_with_unknown_critical_key_is_passed_on_whole_and_acted_on_nowhere(
    tmp_path: Path,
) -> None:
    """Hard case 14: the same record without `crit` is unreadable, with it unknown, on each node."""
    rng = Random(14)
    party = found(rng)
    log = LaterLog(party, rng, FSC)
    log.say("codelist/1", {"later": 1})
    odd = log.say("codelist/1", {"crit": ["later"], "later": [encode({}), None]})
    known = log.say("codelist/1", {"crit": ["crit"]})
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two:
        for node in (one, two):
            let_in(node, party)
            await node.roster_changed()
        await introduce(one, two, [FSC])
        (outcome,) = await one.parts.store.call(
            StoreMethods.store_runs, FSC, [log.run()], party.org
        )
        assert (outcome.stored, outcome.fault) == (4, None)
        await two.peering.cut(one.parts.identity.org)
        await until(lambda: two.parts.store.run(StoreMethods.status).records == 4)
        for node in (one, two):
            stored = node.parts.store.run(StoreMethods.records, [odd, known])
            assert stored[odd].header == log.records[2].header
            await node.index_is_current()
            counted = standings(node)
            assert counted.pop("unknown") == 1
            assert sum(counted.values()) == 2
