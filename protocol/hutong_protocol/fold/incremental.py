"""The fold kept up to date record by record, in memory. Spec: 12.9.

Owns the rule that makes a store's index small work: a record touches exactly one thing, named by
its own header, so only that thing is reduced again. This class is the model that stores are tested
against; it keeps counters of what each change cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hutong_protocol.fold.basis import ThingBasis
from hutong_protocol.fold.records import FoldRecord, PartState, ThingKey, merged, thing_of
from hutong_protocol.fold.reduce import reduce_thing
from hutong_protocol.fold.state import FoldState, state_of


def affected_things(record: FoldRecord) -> frozenset[ThingKey]:
    """The things whose basis may change when this record, or its facts, come or go: one."""
    return frozenset({thing_of(record)})


@dataclass(slots=True)
class Cost:
    """What changes have cost so far: bases written, and records read to make them."""

    bases_written: int = 0
    records_read: int = 0


@dataclass(slots=True)
class IncrementalFold:
    """Equal to `fold` of the records held, after any history of additions and removals."""

    cost: Cost = field(default_factory=Cost)
    _records: dict[ThingKey, dict[bytes, FoldRecord]] = field(default_factory=dict)
    _keys: dict[bytes, ThingKey] = field(default_factory=dict)
    _bases: dict[ThingKey, ThingBasis] = field(default_factory=dict)

    def add(self, records: Iterable[FoldRecord]) -> frozenset[ThingKey]:
        """Takes records in; those held already change nothing. Returns the keys reduced."""
        touched: set[ThingKey] = set()
        for record in records:
            key = thing_of(record)
            group = self._records.setdefault(key, {})
            held = group.get(record.id)
            kept = record if held is None else merged((held, record))[record.id]
            if kept is not held:
                group[record.id] = kept
                self._keys[record.id] = key
                touched.add(key)
        return self._reduce(touched)

    def remove(self, ids: Iterable[bytes]) -> frozenset[ThingKey]:
        """Forgets records, as a cut does; unknown ids change nothing."""
        touched: set[ThingKey] = set()
        for identifier in ids:
            key = self._keys.pop(identifier, None)
            if key is not None:
                del self._records[key][identifier]
                touched.add(key)
        return self._reduce(touched)

    def set_facts(
        self, identifier: bytes, state: PartState, facts: bytes | None = None
    ) -> frozenset[ThingKey]:
        """Puts the facts of a held record into another state, as an erase or a late part does."""
        key = self._keys.get(identifier)
        if key is None:
            return frozenset()
        group = self._records[key]
        group[identifier] = replace(group[identifier], facts=facts, facts_state=state)
        return self._reduce({key})

    def basis(self, key: ThingKey) -> ThingBasis | None:
        """What is kept of a thing; None if no record of it is held."""
        return self._bases.get(key)

    def state(self, as_of_ms: int) -> FoldState:
        """Everything at an instant."""
        return state_of(self._bases.values(), as_of_ms)

    def _reduce(self, touched: set[ThingKey]) -> frozenset[ThingKey]:
        for key in touched:
            group = self._records[key]
            if not group:
                del self._records[key]
                del self._bases[key]
                continue
            self._bases[key] = reduce_thing(group.values())
            self.cost.bases_written += 1
            self.cost.records_read += len(group)
        return frozenset(touched)
