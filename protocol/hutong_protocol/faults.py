"""Every named fault and refusal of the protocol, and the exceptions that carry them.

Owns the one list that the specification (section 10), the vectors, the code, log lines and the
conformance report share, spelled the same everywhere. A *fault* says that bytes are wrong by
themselves; a *refusal* says that these bytes are not taken here and now, without blame.

Nothing here decides anything: modules raise `ProtocolFault` inside the core, and the session turns
it into an event, so that no byte of a peer ever surfaces as an exception in the shell.
"""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """A named fault or refusal. Spec: 10."""

    # Encoding (section 2)
    NOT_CANONICAL = "not-canonical"
    TOO_LARGE = "too-large"
    TOO_DEEP = "too-deep"
    BAD_TEXT_ID = "bad-text-id"
    # Signatures (section 3)
    BAD_KEY = "bad-key"
    BAD_SIGNATURE = "bad-signature"
    # Identity (section 4)
    BAD_EVENT = "bad-event"
    BAD_POSSESSION = "bad-possession"
    THRESHOLD_NOT_MET = "threshold-not-met"
    NEXT_KEY_MISMATCH = "next-key-mismatch"
    BAD_CUT = "bad-cut"
    # Records, parts and logs (section 5)
    BAD_HEADER = "bad-header"
    BAD_REFS = "bad-refs"
    BAD_PARTS = "bad-parts"
    BAD_EXT = "bad-ext"
    BAD_OPEN = "bad-open"
    BAD_COMMIT = "bad-commit"
    LOG_CLOSED = "log-closed"
    # Runs (section 6)
    BAD_RUN = "bad-run"
    CHAIN_BROKEN = "chain-broken"
    # Session (section 7)
    BAD_FRAME = "bad-frame"
    UNEXPECTED_FRAME = "unexpected-frame"
    HANDSHAKE_FAILED = "handshake-failed"
    NO_COMMON_VERSION = "no-common-version"
    LIMIT_EXCEEDED = "limit-exceeded"
    TIMED_OUT = "timed-out"
    BAD_INVITE = "bad-invite"
    # Refusals without blame (section 6.5)
    GAP = "gap"
    FORK = "fork"
    CUT = "cut"
    ERASED = "erased"
    IDENTITY_NEEDED = "identity-needed"
    QUOTA = "quota"
    NOT_ACCEPTED = "not-accepted"
    UPGRADE_NEEDED = "upgrade-needed"


REFUSALS = frozenset(
    {
        Fault.GAP,
        Fault.FORK,
        Fault.CUT,
        Fault.ERASED,
        Fault.IDENTITY_NEEDED,
        Fault.QUOTA,
        Fault.NOT_ACCEPTED,
        Fault.UPGRADE_NEEDED,
    }
)
"""The faults that blame nobody. Spec: 6.5."""

RUN_REFUSALS = REFUSALS | {Fault.LOG_CLOSED}
"""What a run may be refused with. A record after a close record is a fault inside a run, and a
refusal where the close record is held and the run goes beyond it. Spec: 6.3.4, 6.4.4, 10.2."""


class ProtocolFault(Exception):
    """Bytes broke a rule of the protocol.

    `detail` names the place and the rule with expected and found values; it never quotes text or
    part bytes, since it reaches logs.
    """

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault.value}: {detail}" if detail else fault.value)
        self.fault = fault
        self.detail = detail


class LocalProtocolError(Exception):
    """This program misused the core (a wrong call order or argument): a bug, never a peer's act."""
