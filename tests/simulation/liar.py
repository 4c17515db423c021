"""A peer that is let in and lies: what it does to the frames that it sends.

Each way is one that a node in the field could meet: heads that do not exist, records withheld,
bytes of runs turned, frames out of nowhere, rounds without end. A liar's own store is of no
interest; what counts is that honest nodes lose nothing by talking to it. Threats 1, 3, 13, 14, 67.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from hutong_protocol.exchange import Head, LogHeads
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.frame_forms import encode_frame, parse_frame
from hutong_protocol.frames import Done, Frame, Heads, Root, Roots, Runs
from hutong_protocol.ids import LogId, RecordId
from hutong_protocol.limits import INT_MAX

Way = Callable[[Frame, bytes, random.Random], list[bytes]]


def wrong_heads(frame: Frame, data: bytes, rng: random.Random) -> list[bytes]:
    """Heads far ahead, and logs that nobody wrote. Threat 14."""
    if not isinstance(frame, Heads):
        return [data]
    logs = [
        replace(log, heads=(Head(INT_MAX, RecordId(rng.randbytes(32))),))
        if rng.random() < 0.5
        else log
        for log in frame.logs
    ]
    if not frame.more:
        invented = LogId(RecordId(b"\xff" * 20 + rng.randbytes(12)))
        logs.append(LogHeads(invented, (Head(3, RecordId(rng.randbytes(32))),)))
    return [encode_frame(replace(frame, logs=tuple(logs)))]


def withheld(frame: Frame, data: bytes, rng: random.Random) -> list[bytes]:
    """Some logs are not listed, some runs not sent. Threat 3."""
    if isinstance(frame, Heads):
        logs = tuple(log for log in frame.logs if rng.random() < 0.5)
        if logs or not frame.more:
            return [encode_frame(replace(frame, logs=logs))]
    if isinstance(frame, Runs):
        runs = tuple(run for run in frame.runs if rng.random() < 0.5)
        # What is left out is named by number later on, which is a fault of its own.
        return [encode_frame(replace(frame, runs=runs))] if runs else [data]
    return [data]


def turned_bytes(frame: Frame, data: bytes, rng: random.Random) -> list[bytes]:
    """A bit of a frame with runs is turned. Threat 1, hard case 68."""
    if not isinstance(frame, Runs):
        return [data]
    at = rng.randrange(len(data))
    return [data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]]


def noise(frame: Frame, data: bytes, rng: random.Random) -> list[bytes]:
    """Frames twice, and bytes that are no frame, now and then. Threat 13."""
    del frame
    if rng.random() < 0.1:
        return [data, data]
    return [rng.randbytes(rng.randrange(60)), data] if rng.random() < 0.05 else [data]


def endless(frame: Frame, data: bytes, rng: random.Random) -> list[bytes]:
    """Never equal, always another round."""
    if isinstance(frame, Done):
        return [encode_frame(replace(frame, root=rng.randbytes(32), again=True))]
    if isinstance(frame, Root):
        return [encode_frame(replace(frame, root=rng.randbytes(32)))]
    if isinstance(frame, Roots):
        return [encode_frame(Roots(tuple(rng.randbytes(32) for _ in frame.roots)))]
    return [data]


def nothing_sent(frame: Frame, data: bytes, rng: random.Random) -> list[bytes]:
    """Runs are asked for and said to be sent, and never are."""
    del rng
    return [data] if not isinstance(frame, Runs) else []


WAYS: dict[str, Way] = {
    way.__name__: way for way in (wrong_heads, withheld, turned_bytes, noise, endless, nothing_sent)
}

__all__ = ["WAYS", "lies"]


def lies(way: Way, data: bytes, rng: random.Random) -> list[bytes]:
    """What a liar sends instead of a frame."""
    try:
        frame = parse_frame(data)
    except ProtocolFault:
        return [data]
    return [data] if frame is None else way(frame, data, rng)
