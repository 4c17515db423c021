"""Limits that are part of validity (spec section 9): the same number in every implementation.

All are in raw bytes or counts. A limit that a node may choose for itself (quotas, rates, time-outs)
is configuration of the node and does not stand here.
"""

from __future__ import annotations

INT_MAX = 2**53 - 1
"""Largest integer anywhere: above it JavaScript rounds and SQLite's neighbours overflow."""
DEPTH_MAX = 16
"""Nesting of arrays and maps; decoders' own limits differ, this one is reached first."""

HEADER_BYTES_MAX = 1_024
PART_BYTES_MAX = 65_536
PARTS_BYTES_MAX = 131_072
PARTS_MAX = 4
REFS_MAX = 16
EXT_KEYS_MAX = 16
TYPE_BYTES_MAX = 32
NAME_BYTES_MAX = 64
"""A space or topic: `[a-z0-9-]`, 1 to 64 bytes."""
IDENTITY_EVENT_BYTES_MAX = 4_096
CUT_MANIFEST_BYTES_MAX = 65_536
RUN_RECORDS_MAX = 256
RUN_BYTES_MAX = 1_048_576
FRAME_BYTES_MAX = 2_097_152
SEAL_SPACING_MAX = 255
"""A record is authentic by a signature at most this many records later. Spec: 6.1."""
SALT_BYTES = 16
NONCE_BYTES = 16
