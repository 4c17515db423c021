"""Which known row a row is that names its record itself, in a column `hutong_id`.

Owns the checks on such a name. It must be a thing that this organisation looks after, and belong to
the source that is being imported, or to none. Then the row is that row whatever its key says now:
it goes on under the new key. If that is still the key of another row, as where numbers were filled
anew, the row must say what it said before: ids that were shifted by a row revise nobody. A thing
that was never imported is taken over by its row.

A table made by an export has rows of every source (`any_source`). These are held against the
version in force instead of what their row said last, and against the version from which they were
made, so that an old export undoes nobody's later edit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hutong_node.drafting import FACTS_ROLE, TEXT_ROLE, Draft
from hutong_node.intake import Intake, RowState
from hutong_node.intake_shapes import ImportRow
from hutong_node.node import Node
from hutong_node.showing import body_of, part_of
from hutong_node.store.interface import StoredRecord, StoreMethods
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.fold import ThingView
from hutong_protocol.ids import IdKind, RecordId, parse_id_as
from hutong_protocol.schema import Problem

THING: Final = "thing"
SEEN: Final = "seen"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a thing: the record that says it, and what it says."""

    record: bytes
    draft: Draft


@dataclass(frozen=True, slots=True)
class Identified:
    """A row that names its thing: what is known of it, or why the name can't be.

    `old_key` is the key under which it was known. `version` is the one in force, `seen` the one
    from which the row was made, where it says so. `present` is the key of the row that was named
    all the same, so that it isn't taken for gone.
    """

    state: RowState | None = None
    problems: tuple[Problem, ...] = ()
    old_key: str | None = None
    version: Version | None = None
    seen: Version | None = None
    present: tuple[str, ...] = ()


class RowIdentity:
    """Finds the rows that name their things, at one node."""

    def __init__(self, node: Node, intake: Intake) -> None:
        self._node = node
        self._intake = intake

    async def of_rows(
        self,
        source: str,
        rows: Iterable[ImportRow],
        known: Mapping[str, RowState],
        *,
        run: int,
        any_source: bool,
        digests: Sequence[bytes | None],
    ) -> dict[int, Identified]:
        """By their place, the rows that name a thing.

        Args:
            known: what is known of the keys of these rows.
            digests: what each row says, None where that can't be signed.
            run: the number of the run that is under way, 0 for none.
        """
        found: dict[int, Identified] = {}
        keys: dict[bytes, str] = {}
        for place, row in enumerate(rows):
            if row.thing is None:
                continue
            try:
                thing = parse_id_as(IdKind.RECORD, row.thing)
            except ProtocolFault as fault:
                rule = f"is the id of a record, rec-... ({fault.detail})"
                found[place] = _refused(THING, rule)
                continue
            other = keys.setdefault(thing, row.key)
            if other != row.key:
                rule = "stands in two rows of this file: take it out of the one that was copied"
                found[place] = _refused(THING, rule)
                continue
            found[place] = await self._of_row(
                *(source, row, thing, known, run, digests[place]), any_source=any_source
            )
        return found

    async def version(self, thing: bytes) -> Version | None:
        """The version of a thing that is in force; None if it isn't held, or its facts are gone."""
        view = await self.view(thing)
        return None if view is None else await self._version_of(view.thing.revision, view)

    async def said(self, thing: bytes, record: bytes) -> Version | None:
        """What a record said of its thing; None if that can't be read here any more."""
        view = await self.view(thing)
        return None if view is None else await self._version_of(record, view)

    async def _of_row(
        self,
        source: str,
        row: ImportRow,
        thing: bytes,
        known: Mapping[str, RowState],
        run: int,
        digest: bytes | None,
        *,
        any_source: bool,
    ) -> Identified:
        view = await self.view(thing)
        if view is None:
            return _refused(THING, "is no thing that this node holds")
        if view.thing.steward != self._node.parts.identity.org:
            return _refused(THING, "is looked after by another organisation: only it may revise it")
        owners = await asyncio.to_thread(self._intake.rows_of_thing, thing)
        here = next((owner for owner in owners if owner.source == source), None)
        by_key = known.get(row.key)
        if by_key is not None and by_key.thing is not None and by_key.thing != thing:
            as_before = here is not None and digest in (here.digest, here.run_digest)
            if not as_before or digest is None:
                return _refused(THING, f"is not that of its key, which is {by_key.label}", here)
        if here is None and not any_source:
            for owner in owners:
                # What only exports know is on no list yet: a sheet may take it over.
                if not await asyncio.to_thread(self._intake.is_export, owner.run):
                    return _refused(THING, f"is of the source {owner.source}: import it as that")
        version = await self._version_of(view.thing.revision, view)
        if version is None:
            return _refused(THING, "has a version in force that can't be read here")
        old_key = None
        if here is None:
            here = _taken_over(by_key, source, row, view, version)
        elif here.key != row.key:
            if by_key is not None and by_key.thing is None:
                return _refused(THING, f"is not that of its key, which is {by_key.label}", here)
            if run and here.run == run:
                rule = "stands in two rows of this file: take it out of the one that was copied"
                return _refused(THING, rule)
            old_key, here = here.key, replace(here, key=row.key)
        if any_source:
            revision = None if version.record == thing else version.record
            here = replace(here, digest=version.draft.digest(), revision=revision)
        seen, problem = await self._seen(row, view) if any_source else (None, None)
        if problem is not None:
            return Identified(problems=(problem,), present=(old_key or here.key,))
        return Identified(here, (), old_key, version, seen)

    async def _seen(self, row: ImportRow, view: ThingView) -> tuple[Version | None, Problem | None]:
        """The version from which a row says that it was made."""
        if row.seen is None:
            return None, None
        wrong = Problem(SEEN, "is the id of a version of this thing: export it again")
        try:
            record = parse_id_as(IdKind.RECORD, row.seen)
        except ProtocolFault:
            return None, wrong
        members = await asyncio.to_thread(self._node.parts.index.members, view.key.id)
        if record not in members:
            return None, wrong
        version = await self._version_of(record, view)
        return version, None if version is not None else wrong

    async def _version_of(self, record: bytes, view: ThingView) -> Version | None:
        wanted = RecordId(record)
        held = await self._node.parts.store.call(StoreMethods.records, [wanted])
        found = held.get(wanted)
        return None if found is None else _version(found, view)

    async def view(self, thing: bytes) -> ThingView | None:
        """A thing as it stands now; None if it is not held."""
        now_ms = self._node.clock.now_ms()
        return await asyncio.to_thread(self._node.parts.index.view, thing, now_ms)


def _version(record: StoredRecord, view: ThingView) -> Version | None:
    """What a record says of its thing, as a draft of the thing's type."""
    if part_of(record, FACTS_ROLE)[1] != "present":
        return None
    text = part_of(record, TEXT_ROLE)[0] or {}
    draft = Draft(record.scope, view.thing.type, (), body_of(record), text)
    return Version(record.id, draft)


def _taken_over(
    by_key: RowState | None, source: str, row: ImportRow, view: ThingView, version: Version
) -> RowState:
    """What is known of a row once its thing is, which no row of this source was so far."""
    digest = version.draft.digest()
    state = by_key or RowState(
        *(source, row.key, row.row, view.thing.type, version.draft.scope, 0, digest)
    )
    revision = None if version.record == view.key.id else version.record
    return replace(state, thing=view.key.id, revision=revision, digest=digest)


def _refused(path: str, rule: str, named: RowState | None = None) -> Identified:
    present = () if named is None else (named.key,)
    return Identified(problems=(Problem(path, rule),), present=present)
