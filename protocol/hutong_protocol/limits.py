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
EXT_DEPTH_MAX = 8
"""Nesting of `ext`, itself counted: a header of depth 16 would fit neither a run nor a frame."""
TYPE_BYTES_MAX = 32
NAME_BYTES_MAX = 64
"""A space or topic: `[a-z0-9-]`, 1 to 64 bytes."""
IDENTITY_EVENT_BYTES_MAX = 4_096
CUT_MANIFEST_BYTES_MAX = 65_536
RUN_RECORDS_MAX = 256
RUN_BYTES_MAX = 1_048_576
FRAME_BYTES_MAX = 2_097_152
FRAME_ITEMS_MAX = 262_144
"""Values of one frame: elements of its arrays, keys and values of its maps, at any depth.

Any run fits (at most 243,974, that of 256 records full of one-byte values), and no frame takes
more than some 25 MiB of memory once decoded: up to 85 bytes a value. Spec: 7.2.5."""
SEAL_SPACING_MAX = 255
"""A record is authentic by a signature at most this many records later. Spec: 6.1."""
SALT_BYTES = 16
NONCE_BYTES = 16

KEY_SET_MAX = 5
"""Keys of one control or recovery set: enough for a committee, few enough to check each event."""
EVENT_SIGNATURES_MAX = 10
"""Signatures of one identity event: a whole control and a whole recovery set."""
EVENT_PREV_MAX = 4
"""Heads that one identity event follows; more are merged in steps."""
EPOCH_EVENTS_MAX = 1_024
"""Events of one epoch; beyond it the organisation is frozen. Spec: 4.4.4."""
EPOCH_EVENTS_AUTHORED_MAX = 1_000
"""Authoring stops here, so that concurrent authors do not cross `EPOCH_EVENTS_MAX`."""
CONTENDERS_MAX = 64
"""Contenders of a dispute whose common ancestors count. Whoever has a key can make any number."""
RIGHTS_ENTRIES_MAX = 32
"""Spaces, or topics, listed in rights or in an endorsement; 32 hashes are a quarter of a body."""
LABEL_BYTES_MAX = 64
REASON_BYTES_MAX = 32
AFFIRM_IDS_MAX = 64
"""Events restored by one `affirm`: 64 ids fill half of a body."""
CUT_LIST_BYTES_MAX = 1_048_576
"""Some 13,000 logs of one writer in one scope; one always fits a frame."""
CUT_HEADS_MAX = 4

INVITE_BODY_BYTES_MAX = 2_048
"""Body of an invite or of a request to join: it still fits a QR code. Spec: 7.12."""
INVITE_ENDPOINT_BYTES_MAX = 256
INVITE_SCOPES_MAX = 32
JOIN_REQUEST_BYTES_MAX = 262_144
"""A request to join carries all identity events of an organisation. Spec: 7.12.4."""
