"""Signs what rows come to, so that a crash at any moment signs nothing twice.

Owns the order around a plan: it is noted, carried out, and noted as done; what lies between is
found again by its name. It also knows what a change of a published row looks like as a record: a
`revise` that replaces every version of this organisation's own.

Which rows need what is decided in `importing` and by whoever releases a draft in `screening`.
Spec: 12.11, 12.13.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hutong_node.drafting import Draft, checked
from hutong_node.intake import Intake, RowState
from hutong_node.node import Node
from hutong_node.publishing import PublishingRefused
from hutong_node.row_plans import RowPlan, decode_plan
from hutong_node.store.interface import Publication, StoredRecord, StoreMethods
from hutong_protocol.ids import RecordId
from hutong_protocol.schema import Position, Refs, write_refs
from hutong_protocol.schema.refs import REPLACES_MAX

BATCH_ROWS: Final = 64
"""Rows under way at once: the store commits them together, and little is repeated after a crash."""
_REVISE: Final = "revise/1"


@dataclass(frozen=True, slots=True)
class SignedRow:
    """A row after its plan was carried out, or why it was not. `again`: it had been signed."""

    row: RowState
    records: tuple[bytes, ...] = ()
    again: bool = False
    refusal: PublishingRefused | None = None


class RowSigning:
    """Carries out the plans of rows of one node. Callers see to it that rows don't overlap."""

    def __init__(self, node: Node, intake: Intake) -> None:
        self._node = node
        self._intake = intake

    async def sign(self, planned: Sequence[tuple[RowState, RowPlan]]) -> list[SignedRow]:
        """Signs in batches, in the order given.

        Raises:
            StoreError: the store failed; what was signed until then is noted, or found again.
        """
        signed: list[SignedRow] = []
        for start in range(0, len(planned), BATCH_ROWS):
            signed += await self._sign_batch(planned[start : start + BATCH_ROWS])
        return signed

    async def recover(self, source: str) -> int:
        """Finishes what was interrupted for a source; returns how many rows that concerned."""
        pending = await asyncio.to_thread(self._intake.pending_rows, source)
        await self.sign([(row, decode_plan(row.pending)) for row in pending if row.pending])
        return len(pending)

    async def revision_of(self, row: RowState, draft: Draft) -> Draft:
        """The `revise` that makes a row's thing say what `draft` says, judged like any draft."""
        assert row.thing is not None
        also = (row.revision,) if row.revision else ()
        heads = await own_heads(self._node, row.thing, also)
        refs = Refs(thing=row.thing, link=row.thing, replaces=heads)
        revision = Draft(
            scope=draft.scope,
            type=_REVISE,
            refs=write_refs(refs),
            facts={"of": draft.type, "body": dict(draft.facts)},
            text=draft.text,
        )
        return checked(revision, self._node.parts.identity.org)

    async def _sign_batch(self, planned: Sequence[tuple[RowState, RowPlan]]) -> list[SignedRow]:
        noted = [replace(row, pending=plan.encode()) for row, plan in planned]
        await asyncio.to_thread(self._intake.put_rows, noted)
        results: list[Publication | BaseException] = await asyncio.gather(
            *(
                self._node.publish(plan.scope, plan.records, plan.name, plan.digest or b"")
                for _, plan in planned
            ),
            return_exceptions=True,
        )
        signed: list[SignedRow] = []
        failures: list[BaseException] = []
        for (row, plan), result in zip(planned, results, strict=True):
            if isinstance(result, Publication):
                settled = plan.settled(row, result.records)
                signed.append(SignedRow(settled, result.records, result.again))
            elif isinstance(result, PublishingRefused):
                signed.append(SignedRow(replace(row, pending=None), refusal=result))
            else:
                failures.append(result)
        await asyncio.to_thread(self._intake.put_rows, [each.row for each in signed])
        if failures:
            raise failures[0]
        return signed


async def own_heads(node: Node, thing: bytes, also: Sequence[bytes] = ()) -> frozenset[bytes]:
    """Own versions of a thing that no other own version replaces, at most four.

    Args:
        also: versions that the index may not have yet.
    """
    index, store = node.parts.index, node.parts.store
    members = await asyncio.to_thread(index.members, thing)
    wanted = sorted({*members, *map(RecordId, also)})
    held = await store.call(StoreMethods.records, wanted)
    own = node.parts.identity.org
    versions = [record for record in held.values() if record.type == _REVISE and record.org == own]
    replaced = {entry for record in versions for entry in _replaced_by(record)}
    heads = [record for record in versions if record.id not in replaced]
    heads.sort(key=lambda record: (record.clock, record.id), reverse=True)
    return frozenset(record.id for record in heads[:REPLACES_MAX])


def _replaced_by(record: StoredRecord) -> tuple[bytes, ...]:
    return record.refs[Position.REPLACES : Position.REPLACES + REPLACES_MAX]
