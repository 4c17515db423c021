"""Vectors of headers: their encoding, every element at its limit and one above, ids. Spec: 5.2-5.5.

Each refused header breaks one rule; the bytes that no encoder would write come from `raw`.
Hard cases 1-4, 6-16; threats 2, 19.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.families.s02_encoding import tagged_value
from hutong_conformance.raw_records import (
    Encoded,
    Item,
    Keyed,
    close_elements,
    elements,
    erase_elements,
    header,
    mp,
    open_elements,
    open_ext,
    record_id,
    without,
)

INT_MAX = 2**53 - 1
HASH = raw.bytes_from("a hash")
HASHES = sorted(raw.bytes_from(f"hash {number}") for number in range(17))


def cases() -> Iterator[Case]:
    """Headers that are right, then each rule of the table of 5.2 broken, in its order."""
