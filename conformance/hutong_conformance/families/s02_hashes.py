"""Vectors of tagged hashes: every context of 2.4.5, and that contexts keep apart. Spec: 2.4.

The data are arbitrary bytes: what data a context is used for is the matter of other sections.
Hard case 16.
"""

from __future__ import annotations

from collections.abc import Iterator

from hutong_conformance import raw
from hutong_conformance.cases import Case

CONTEXTS = (
    *("record", "part", "sealed-info", "seal-commit", "event", "next-key", "space-right"),
    *("identity-heads", "cut-list", "cut-manifest", "invite", "join", "transcript", "leaf", "node"),
    *("root", "roots", "text-id", "checked", "fold-thing", "fold", "claims"),
)


def cases() -> Iterator[Case]:
    """One hash of the same bytes in each context, and lengths at the edges of SHA-256's blocks."""
    same = raw.bytes_from("hashed in every context", 48)
    for context in CONTEXTS:
        comment = f"Hard case 16: the same 48 bytes as in every context, here in {context}"
        yield _case(f"hash-{context}", "2.4.5", comment, context, same)
    for context in ("record", "part"):
        yield _case(f"hash-{context}-empty", "2.4.6", "No data: only the tag", context, b"")
    yield _case("hash-record-empty-array", "2.4.6", "The byte 90", "record", b"\x90")
    yield _case(
        "hash-data-starts-with-tag",
        "2.4.3",
        "A tag stands before data that has one",
        "record",
        raw.tagged("record", same),
    )
    tag_count = len(raw.tagged("record", b""))
    for total in (55, 56, 63, 64, 65, 119, 120):
        data = raw.bytes_from(f"block of {total}", total - tag_count)
        comment = f"Tag and data are {total} bytes: padding of SHA-256"
        yield _case(f"hash-of-{total}-bytes", "2.4.1", comment, "record", data)


def _case(name: str, section: str, comment: str, context: str, data: bytes) -> Case:
    return Case(
        f"2/{name}",
        section,
        "MUST",
        comment,
        "hash",
        {"context": context, "hex": data.hex()},
        {"ok": raw.digest(context, data).hex()},
    )
