"""Talks JSON lines with an implementation under test: one request, one reply.

Owns the subprocess: starts it, writes a request, waits for one line with a time limit, and starts
it again after it died or fell silent. It knows nothing about cases; `report` judges.
The wire is described in spec/vectors/README.md.
"""

from __future__ import annotations

import contextlib
import json
import queue
import shlex
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import IO, Self

from hutong_conformance.cases import Json

STDERR_LINES_KEPT = 20
LINE_BYTES_MAX = 16 * 1024 * 1024
"""A reply longer than this is not read: no vector expects a thousandth of it."""


class SubjectFailed(Exception):
    """The subject gave no usable reply to this request: it died, fell silent or wrote no JSON."""


class CannotStart(Exception):
    """The command doesn't exist or may not be run: the run can't say anything."""


class Subject:
    """A running implementation. Not safe for threads: requests go one after the other."""

    def __init__(self, command: str, *, timeout_s: float = 10.0) -> None:
        self._argv = shlex.split(command)
        if not self._argv:
            raise CannotStart("the command is empty")
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES_KEPT)
        self.starts = 0

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, request: Mapping[str, Json]) -> dict[str, Json]:
        """The reply to `request`.

        Raises:
            SubjectFailed: with what happened; the next call talks to a fresh process.
            CannotStart: the command can't be run (again).
        """
        process = self._ready()
        line = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        reply = self._exchange(process, line)
        if reply is None:
            raise self._failed("died")
        try:
            value = json.loads(reply)
        except (ValueError, RecursionError):
            raise self._failed("wrote a line that is not JSON") from None
        if not isinstance(value, dict):
            raise self._failed("wrote JSON that is no object")
        return value

    def close(self) -> None:
        """Ends the process: first by closing its input, then by force."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it may be gone already, with our last bytes unread
            process.stdin.close()
        try:
            process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise CannotStart(f"{self._argv[0]}: {error.strerror}") from None
        assert process.stdout is not None
        assert process.stderr is not None
        self.starts += 1
        self._process = process
        # A queue of its own for each process: a late line of a killed one must not answer for
        # its successor.
        self._lines = queue.SimpleQueue()
        self._stderr = deque(maxlen=STDERR_LINES_KEPT)
        _in_background(_read_replies, process.stdout, self._lines)
        _in_background(_read_errors, process.stderr, self._stderr)
        return process

    def _ready(self) -> subprocess.Popen[bytes]:
        """A live process with no line waiting: silence between requests is part of the wire."""
        if self._process is not None:
            try:
                waiting = self._lines.get_nowait()
            except queue.Empty:
                return self._process
            if waiting is not None:
                raise self._failed("wrote a line that nobody asked for")
            self.close()
        return self._start()

    def _exchange(self, process: subprocess.Popen[bytes], line: bytes) -> bytes | None:
        assert process.stdin is not None
        # The write has a thread of its own: a subject that doesn't read would block us for ever.
        _in_background(_write, process.stdin, line)
        try:
            return self._lines.get(timeout=self._timeout_s)
        except queue.Empty:
            raise self._failed(f"gave no reply within {self._timeout_s:g} s") from None

    def _failed(self, what: str) -> SubjectFailed:
        process = self._process
        if process is not None:
            if what == "died":
                try:
                    what = f"died with exit status {process.wait(timeout=1.0)}"
                except subprocess.TimeoutExpired:
                    what = "closed its output"
            process.kill()
            process.wait()
            self._process = None
        last = self._stderr[-1] if self._stderr else ""
        return SubjectFailed(f"the subject {what}" + (f": {last}" if last else ""))


def _in_background(work: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()


def _read_replies(stream: IO[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    while line := stream.readline(LINE_BYTES_MAX):
        lines.put(line)
    lines.put(None)
    stream.close()


def _read_errors(stream: IO[bytes], kept: deque[str]) -> None:
    for line in stream:
        kept.append(line.decode("utf-8", "replace").rstrip())
    stream.close()


def _write(stream: IO[bytes], line: bytes) -> None:
    # Whoever waits for the reply reports that the subject is gone.
    with contextlib.suppress(OSError, ValueError):
        stream.write(line)
        stream.flush()
