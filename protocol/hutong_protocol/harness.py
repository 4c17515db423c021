"""Answers JSON lines about the core for the runner: `python -m hutong_protocol.harness`.

Owns the table of operations and the loop over standard input, one request and one reply a line.
It is the one place of the core that touches input and output. A reply has exactly one of `ok`,
`fault`, `unsupported` and `error`; the last says that the request itself was malformed.

What the operations do stands in `harness_ops`, one module a section. An exception that is none of
ours is a bug of the core and ends the process, so that the runner reports it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import IO, Final

from hutong_protocol.faults import LocalProtocolError, ProtocolFault
from hutong_protocol.harness_ops import (
    encoding,
    fold,
    frames,
    identity,
    records,
    runs,
    signatures,
    tree,
)
from hutong_protocol.harness_ops.request import BadRequest, Json, Operation, Request

OPS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        **encoding.OPS,
        **signatures.OPS,
        **records.OPS,
        **runs.OPS,
        **frames.OPS,
        **tree.OPS,
        **fold.OPS,
        **identity.OPS,
    }
)
"""Every operation by its name on the wire."""


def answer(request: Request) -> dict[str, Json]:
    """The reply to one request. Keys that the operation doesn't know are ignored."""
    name = request.get("op")
    if not isinstance(name, str):
        return {"error": "op is missing or no text"}
    operation = OPS.get(name)
    if operation is None:
        return {"unsupported": True}
    try:
        return {"ok": operation(request)}
    except ProtocolFault as fault:
        return {"fault": fault.fault.value}
    except (BadRequest, LocalProtocolError) as error:
        return {"error": str(error)}


def answer_line(line: bytes) -> bytes:
    """The line that replies to a line of input, be that JSON or not."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        reply: dict[str, Json] = {"error": "the line is not JSON"}
    else:
        is_object = isinstance(request, dict)
        reply = answer(request) if is_object else {"error": "the line is no JSON object"}
    return json.dumps(reply, separators=(",", ":")).encode("ascii") + b"\n"


def serve(requests: IO[bytes], replies: IO[bytes]) -> None:
    """Answers every line of `requests` at once, until they end; blank lines are skipped."""
    for line in requests:
        if line.strip():
            replies.write(answer_line(line))
            replies.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
