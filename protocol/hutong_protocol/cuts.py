"""Cut lists and cut manifests: what is kept of a delegation's logs after a revoke or a resolve.

Owns their form, their hashes and their limits, both ways. Spec: 4.8.1, 4.8.2. A cut list names one
scope and travels with it; the manifest, which travels with the event, only shows the hashes of the
lists, so that nobody learns of a scope that is hidden from him.

Which cut of a log is effective is for `cut_effects`. Until stores apply cuts an event with a
manifest freezes its organisation (4.9.1, `identity`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from hutong_protocol.encoding import decode, encode
from hutong_protocol.faults import Fault, LocalProtocolError, ProtocolFault
from hutong_protocol.hashing import HASH_BYTES, digest
from hutong_protocol.identity_fields import ascends, is_bin, is_int, is_name
from hutong_protocol.ids import EventId, LogId, RecordId
from hutong_protocol.limits import (
    CUT_HEADS_MAX,
    CUT_LIST_BYTES_MAX,
    CUT_MANIFEST_BYTES_MAX,
    INT_MAX,
    SALT_BYTES,
)

CutHead: TypeAlias = tuple[int, RecordId]
"""The last record kept of a branch: its seq and its id."""


@dataclass(frozen=True, slots=True)
class CutLog:
    """What is kept of one log: 1 to 4 heads, sorted, and all their ancestors."""

    log: LogId
    heads: tuple[CutHead, ...]


@dataclass(frozen=True, slots=True)
class CutList:
    """The logs of one delegation in one scope, sorted by id; none listed is none kept.

    `salt` (16 bytes) keeps others from guessing the scope out of the hash in a manifest.
    """

    delegation: EventId
    space: str
    topic: str
    salt: bytes
    logs: tuple[CutLog, ...]


@dataclass(frozen=True, slots=True)
class CutManifest:
    """The hashes of all cut lists of one event, sorted, and the hash that the event names."""

    lists: tuple[bytes, ...]
    hash: bytes


def cut_list_hash(data: bytes) -> bytes:
    """The 32 bytes by which a manifest names the cut list with this encoding. Spec: 4.8.1."""
    return digest("cut-list", data)


def encode_cut_list(cuts: CutList) -> bytes:
    """The one encoding of a cut list.

    Args:
        cuts: in any order of logs and heads: they are written sorted.

    Raises:
        LocalProtocolError: it breaks the form or the limit of 4.8.1.
    """
    logs = sorted((entry.log, sorted(entry.heads)) for entry in cuts.logs)
    data = encode(
        [
            cuts.delegation,
            [cuts.space, cuts.topic],
            cuts.salt,
            [[log, [[seq, head] for seq, head in heads]] for log, heads in logs],
        ]
    )
    try:
        parse_cut_list(data)
    except ProtocolFault as fault:
        raise LocalProtocolError(f"cut list cannot be written: {fault}") from fault
    return data


def parse_cut_list(data: bytes) -> CutList:
    """The cut list in `data`.

    Raises:
        ProtocolFault: `too-large` over 1,048,576 bytes, `not-canonical`, `too-deep`, or `bad-cut`.

    Spec: 4.8.1.
    """
    value = decode(data, bytes_max=CUT_LIST_BYTES_MAX)
    if not isinstance(value, list) or len(value) != 4:
        raise _breach("an array of four")
    delegation, scope, salt, entries = value
    if not is_bin(delegation, HASH_BYTES):
        raise _breach("a delegation of 32 bytes")
    if not isinstance(scope, list) or len(scope) != 2:
        raise _breach("a scope of two names")
    space, topic = scope
    if not is_name(space) or not is_name(topic):
        raise _breach("names of 1 to 64 bytes of [a-z0-9-]")
    if not is_bin(salt, SALT_BYTES):
        raise _breach("a salt of 16 bytes")
    if not isinstance(entries, list):
        raise _breach("an array of logs")
    logs = tuple(_parse_log(entry) for entry in entries)
    if not ascends([entry.log for entry in logs]):
        raise _breach("logs ascending by id, none twice")
    return CutList(EventId(delegation), space, topic, salt, logs)


def _parse_log(value: object) -> CutLog:
    if not isinstance(value, list) or len(value) != 2:
        raise _breach("for each log an array of two")
    log, pairs = value
    if not is_bin(log, HASH_BYTES):
        raise _breach("log ids of 32 bytes")
    if not isinstance(pairs, list) or not 1 <= len(pairs) <= CUT_HEADS_MAX:
        raise _breach(f"1 to {CUT_HEADS_MAX} heads of each log")
    heads: list[CutHead] = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise _breach("for each head an array of two")
        seq, head = pair
        if not is_int(seq, 0, INT_MAX) or not is_bin(head, HASH_BYTES):
            raise _breach("heads of a seq from 0 and an id of 32 bytes")
        heads.append((seq, RecordId(head)))
    if not ascends(heads):
        raise _breach("heads ascending by (seq, id), none twice")
    return CutLog(LogId(log), tuple(heads))


def encode_manifest(lists: Iterable[bytes]) -> bytes:
    """The bytes of the manifest that names cut lists by their hashes.

    Args:
        lists: hashes of 32 bytes in any order; one that stands twice is written once.

    Raises:
        LocalProtocolError: more than 2,048 hashes, or one of another length.
    """
    found = sorted(set(lists))
    if not all(is_bin(item, HASH_BYTES) for item in found):
        raise LocalProtocolError("cut manifest cannot be written: a hash is not 32 bytes")
    data = b"".join(found)
    try:
        parse_manifest(data)
    except ProtocolFault as fault:
        raise LocalProtocolError(f"cut manifest cannot be written: {fault}") from fault
    return data


def parse_manifest(data: bytes) -> CutManifest:
    """The manifest in `data`; of no bytes, one that keeps nothing.

    Raises:
        ProtocolFault: `too-large` over 65,536 bytes, otherwise `bad-cut`.

    Spec: 4.8.2.
    """
    if len(data) > CUT_MANIFEST_BYTES_MAX:
        raise ProtocolFault(
            Fault.TOO_LARGE, f"cut manifest: {len(data)} bytes, at most {CUT_MANIFEST_BYTES_MAX}"
        )
    if len(data) % HASH_BYTES:
        raise _breach("a manifest of hashes of 32 bytes")
    lists = tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))
    if not ascends(lists):
        raise _breach("a manifest of ascending hashes, none twice")
    return CutManifest(lists, digest("cut-manifest", data))


def _breach(rule: str) -> ProtocolFault:
    return ProtocolFault(Fault.BAD_CUT, f"cut: expected {rule}")
