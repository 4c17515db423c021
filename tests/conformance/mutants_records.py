"""Implementations of sections 5 to 7.5 that each get one rule wrong, and the vectors that notice.

Each is the core with one of its names replaced while it answers. `MUTANTS` names each with its
section and the ids that catch it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest import mock

import msgpack

from hutong_conformance.cases import Json
from hutong_protocol import erasure, harness, log_state, record_ext, records, runs, tree
from hutong_protocol.faults import Fault
from hutong_protocol.harness_ops import records as record_ops
from hutong_protocol.harness_ops import runs as run_ops
from hutong_protocol.harness_ops import tree as tree_ops
from hutong_protocol.hashing import digest
from hutong_protocol.signatures import require_signature, verify

Request = dict[str, Json]
Mutant = Callable[[Request], dict[str, Json]]


def with_other(*replaced: tuple[Any, str, Any]) -> Mutant:
    """The core in which names of modules stand for something else."""

    def answer(request: Request) -> dict[str, Json]:
        patches = [mock.patch.object(*each, create=True) for each in replaced]
        for patch in patches:
            patch.start()
        try:
            return harness.answer(request)
        finally:
            for patch in patches:
                patch.stop()

    return answer


def saying(instead: dict[str, str]) -> Mutant:
    """The core, with other names for some faults."""

    def answer(request: Request) -> dict[str, Json]:
        reply = harness.answer(request)
        return {key: instead.get(str(value), value) for key, value in reply.items()}

    return answer


def erases(**ignored: Any) -> Mutant:
    """The core that takes fields of an erase's owner for those of every target."""

    def mask(erase: erasure.Erase, target: erasure.EraseTarget) -> int:
        owner = target.owner._replace(**{name: getattr(erase.owner, name) for name in ignored})
        return erasure.effective_mask(erase, replace(target, owner=owner))

    def masks(each: list[erasure.Erase], targets: list[erasure.EraseTarget]) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        for target in targets:
            for erase in each:
                found[target.record] = found.get(target.record, 0) | mask(erase, target)
        return {record: bits for record, bits in found.items() if bits}

    return with_other((record_ops, "erased_masks", masks))


def last_mask_counts(each: list[erasure.Erase], targets: list[erasure.EraseTarget]) -> Any:
    """Lets the mask that came last replace the others."""
    found = {
        target.record: bits
        for target in targets
        for erase in each
        if (bits := erasure.effective_mask(erase, target))
    }
    return found


def any_context(key: bytes, message: bytes, seal: bytes) -> None:
    """Takes a seal of any signing context, and one without."""
    contexts = [b"hutong/1/sign-record\0", b"hutong/1/sign-event\0", b""]
    tagless = message[len(contexts[0]) :]
    if not any(verify(key, context + tagless, seal) for context in contexts):
        require_signature(key, message, seal)


def by_seq_alone(state: Any, run: Any, held_id_at: Any) -> Any:
    """Takes every record at a held seq for a duplicate."""
    known = 0 if state is None else max(0, state.head_seq + 1 - run.first_seq)
    if state is None or run.first_seq > state.head_seq + 1 or known < len(run.records):
        return log_state.join(state, run, held_id_at)
    return log_state.Joined((), len(run.records), state, ())


def without_prev(state: Any, run: Any, held_id_at: Any) -> Any:
    """Doesn't compare `prev` with what is held before the run."""
    prev = run.prev if run.first_seq == 0 else None

    def held(seq: int) -> Any:
        return run.prev if prev is None and seq == run.first_seq - 1 else held_id_at(seq)

    return log_state.join(state, run, held)


def drops_parts(state: Any, run: Any, held_id_at: Any) -> Any:
    """Doesn't look at the parts of records that are held."""
    joined = log_state.join(state, run, held_id_at)
    return replace(joined, filled=()) if isinstance(joined, log_state.Joined) else joined


def closed_first(state: Any, run: Any, held_id_at: Any) -> Any:
    """Looks whether the log is closed before it looks where the run belongs."""
    if state is not None and state.closed and run.last.seq > state.head_seq:
        return log_state.Refused(Fault.LOG_CLOSED, state.head_seq + 1)
    return log_state.join(state, run, held_id_at)


def forks_first(state: Any, run: Any, held_id_at: Any) -> Any:
    """Calls what doesn't follow a fork, though records between are not held."""
    joined = log_state.join(state, run, held_id_at)
    is_gap = isinstance(joined, log_state.Refused) and joined.fault is Fault.GAP
    return log_state.Refused(Fault.FORK, None) if is_gap else joined


class UncheckedGaps(run_ops._Receiver):
    """Says gap without a look at the run."""

    def take(self, data: bytes) -> Json:
        value = msgpack.unpackb(data, strict_map_key=False)
        return "gap" if value[1] > len(self.held) else super().take(data)


class KeepsRefusedParts(run_ops._Receiver):
    """Keeps the parts that a run of another branch carries."""

    def take(self, data: bytes) -> Json:
        step = super().take(data)
        if step == "fork" and self.state is not None:
            run = run_ops._checked(data, self.state.open.writer)
            self.present |= {(record.seq, at) for record in run.records for at in range(4)}
        return step


class KeepsFaultyParts(run_ops._Receiver):
    """Keeps the parts of a run before it looks at the seal."""

    def take(self, data: bytes) -> Json:
        step = super().take(data)
        if step == "bad-signature":
            _, first, _, records, _ = msgpack.unpackb(data)
            self.present |= {(first + i, at) for i in range(len(records)) for at in range(4)}
        return step


def bans(request: Request) -> dict[str, Json]:
    """Takes nothing more of a log after a bad signature."""
    reply = harness.answer(request)
    ok = reply.get("ok")
    if not isinstance(ok, dict) or not isinstance(steps := ok.get("steps"), list):
        return reply
    if "bad-signature" not in steps:
        return reply
    first = steps.index("bad-signature")
    return {"ok": {**ok, "steps": [*steps[:first], *["bad-signature"] * len(steps[first:])]}}


def has_form(pattern: str) -> Callable[[str], bool]:
    return lambda name: re.match(pattern, name) is not None


NO_CLOSE = SimpleNamespace(OPEN=0, DATA=1, ERASE=2, CLOSE=-1)

MUTANTS: dict[str, tuple[str, Mutant, tuple[str, ...]]] = {
    "takes headers of 1,025 bytes": (
        "5",
        with_other((records, "HEADER_BYTES_MAX", 1_025)),
        ("5/header-1025",),
    ),
    "takes 17 refs": ("5", with_other((records, "REFS_MAX", 17)), ("5/refs-17",)),
    "takes 5 parts": ("5", with_other((records, "PARTS_MAX", 5)), ("5/parts-5",)),
    "takes parts of 65,537 bytes": (
        "5",
        with_other((records, "PART_BYTES_MAX", 65_537)),
        ("5/parts-65537",),
    ),
    "takes parts of 131,073 bytes together": (
        "5",
        with_other((records, "PARTS_BYTES_MAX", 131_073)),
        ("5/parts-131073",),
    ),
    "takes parts in any order": (
        "5",
        with_other((records, "check_part_refs", lambda _: None)),
        ("5/parts-descending", "5/parts-facts-twice", "5/parts-text-twice"),
    ),
    "takes 17 keys of ext": (
        "5",
        with_other((record_ext, "EXT_KEYS_MAX", 17)),
        ("5/ext-17-keys", "5/open-17-keys"),
    ),
    "takes ext of depth 9": (
        "5",
        with_other((record_ext, "EXT_DEPTH_MAX", 9)),
        ("5/ext-depth-9", "5/ext-depth-9-maps", "5/open-depth-9"),
    ),
    "counts characters of keys": (
        "5",
        with_other((record_ext, "_KEY_BYTES_MAX", 66)),
        ("5/ext-key-of-65", "5/ext-key-of-66-in-22"),
    ),
    "takes unsorted crit": (
        "5",
        with_other((record_ext, "ascends", lambda _: True)),
        ("5/ext-crit-unsorted", "5/ext-crit-twice"),
    ),
    "lets facts expire": (
        "5",
        with_other((record_ext, "ROLE_FACTS", -1)),
        ("5/ext-exp-facts",),
    ),
    "takes a fifth bit of a mask": (
        "5",
        with_other((record_ext, "_MASK_MAX", 31)),
        ("5/erase-mask-16",),
    ),
    "ends types with a dollar": (
        "5",
        with_other((records, "_has_type_form", has_form(r"[a-z][a-z0-9_-]*/[1-9][0-9]{0,3}$"))),
        ("5/type-newline",),
    ),
    "knows every digit of Unicode": (
        "5",
        with_other((records, "_has_type_form", has_form(r"[a-z][a-z0-9_-]*/\d{1,4}\Z"))),
        ("5/type-arabic-digit", "5/type-version-0"),
    ),
    "calls another version a bad header": (
        "5",
        saying({"upgrade-needed": "bad-header"}),
        ("5/v-0", "5/v-2", "5/v-2-shorter"),
    ),
    "calls a bad open record a bad ext": (
        "5",
        saying({"bad-open": "bad-ext"}),
        ("5/open-without-org", "5/open-mask"),
    ),
    "hashes headers as parts": (
        "5",
        with_other((record_ops, "record_id", lambda header: digest("part", header))),
        ("5/id-data", "5/id-open"),
    ),
    "lets any writer erase": ("5", erases(writer=True), ("5/erasure-without-right",)),
    "lets any organisation erase": ("5", erases(org=True), ("5/erasure-other-org",)),
    "erases in other topics": ("5", erases(topic=True), ("5/erasure-other-topic",)),
    "erases in other spaces": ("5", erases(space=True), ("5/erasure-other-space",)),
    "takes the last mask": (
        "5",
        with_other((record_ops, "erased_masks", last_mask_counts)),
        ("5/erasure-masks-joined", "5/erasure-masks-joined-other-order"),
    ),
    "takes 257 records": ("6", with_other((runs, "RUN_RECORDS_MAX", 257)), ("6/257-records",)),
    "takes runs of 1,048,577 bytes": (
        "6",
        with_other(*((module, "RUN_BYTES_MAX", 1_048_577) for module in (runs, run_ops))),
        ("6/bytes-1048577",),
    ),
    "verifies no seal": (
        "6",
        with_other((runs, "require_signature", lambda *_: None)),
        ("6/link-prev", "6/link-seq", "6/link-log", "6/link-left-out", "6/seal-zeros"),
    ),
    "takes seals of any context": (
        "6",
        with_other((runs, "require_signature", any_context)),
        ("6/seal-other-context", "6/seal-without-tag"),
    ),
    "goes on after a close record in a run": (
        "6",
        with_other((runs, "Kind", NO_CLOSE)),
        ("6/record-after-close", "6/closed-in-the-run"),
    ),
    "goes on after a close record that is held": (
        "6",
        with_other((log_state, "Kind", NO_CLOSE)),
        ("6/closed-then-more",),
    ),
    "compares seqs instead of ids": (
        "6",
        with_other((run_ops, "join", by_seq_alone)),
        ("6/fork-equal-heights", "6/fork-at-head", "6/fork-shorter"),
    ),
    "doesn't look at prev": (
        "6",
        with_other((run_ops, "join", without_prev)),
        ("6/fork-next-seq", "6/fork-prev-elsewhere", "6/fork-prev-two-back"),
    ),
    "forgets the parts of duplicates": (
        "6",
        with_other((run_ops, "join", drops_parts)),
        ("6/parts-brought-later", "6/parts-with-more"),
    ),
    "calls a gap a fork": ("6", with_other((run_ops, "join", forks_first)), ("6/join-gap",)),
    "asks first whether a log is closed": (
        "6",
        with_other((run_ops, "join", closed_first)),
        ("6/order-gap-then-closed", "6/order-fork-then-closed"),
    ),
    "says gap of what it hasn't checked": (
        "6",
        with_other((run_ops, "_Receiver", UncheckedGaps)),
        ("6/nothing-held-bad-header", "6/nothing-held-after-close", "6/order-fault-then-gap"),
    ),
    "keeps parts of a run that it refuses": (
        "6",
        with_other((run_ops, "_Receiver", KeepsRefusedParts)),
        ("6/refused-fork-brings-no-parts",),
    ),
    "keeps parts of a run with a bad seal": (
        "6",
        with_other((run_ops, "_Receiver", KeepsFaultyParts)),
        ("6/faulty-brings-no-parts",),
    ),
    "misses erased parts": (
        "6",
        with_other((run_ops, "erased_masks", lambda *_: {})),
        ("6/erased-not-missing", "6/erased-still-to-come", "6/erased-several"),
    ),
    "bans ids after a bad signature": (
        "6",
        bans,
        ("6/join-garbage-in-the-middle", "6/join-garbage-tail", "6/join-poisoned-then-honest"),
    ),
    "never splits a bucket": (
        "7",
        with_other((tree, "LEAF_ENTRIES_MAX", 10**9)),
        ("7/tree-bucket-of-65", "7/tree-sub-leaf-of-65"),
    ),
    "splits a bucket of 64": (
        "7",
        with_other((tree, "LEAF_ENTRIES_MAX", 63)),
        ("7/tree-bucket-of-64",),
    ),
    "sorts neither heads nor entries": (
        "7",
        with_other((tree, "sorted", list)),
        ("7/tree-4-heads-unsorted", "7/tree-bucket-of-64-reversed"),
    ),
    "writes a shattered log without heads": (
        "7",
        with_other((tree, "_SHATTERED", b"\0")),
        ("7/tree-shattered",),
    ),
    "takes identity heads as they come": (
        "7",
        with_other((tree_ops, "sorted", list)),
        ("7/tree-5-identity-heads",),
    ),
    "sorts the roots of scopes": (
        "7",
        with_other((tree_ops, "shared_root", lambda roots: tree.shared_root(sorted(roots)))),
        ("7/tree-shared-3",),
    ),
}
"""What is wrong -> the section, how such an implementation answers, vectors that must catch it."""
