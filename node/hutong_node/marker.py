"""The restore marker: what of this node's own logs has ever left this disk.

A copy of a database put back, or started on a second machine, looks intact. Were its logs
continued, other nodes would see two records at one place: a fork, and the end of that log. So a
small file *outside* the database remembers the store it belongs to, the machine, and per own log
the highest record that was ever sent or exported; it is synced before that record leaves. When the
store opens, the two are compared: a store that lacks what has left, or a marker that is missing or
of another store or machine, means that no log which may have left is ever appended to again.

The file is lines of text, each with a checksum, appended to and now and then rewritten; a line that
a crash tore is one whose record never left. After a backup was put back it says so, and belongs to
no store. Peers detect forks, they never permit appending. What is done after a mismatch is for
`publishing`. Spec: 5.1.5, 5.1.6.
"""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from hutong_node.keys import sync_folder, write_secret
from hutong_protocol.exchange import Scope

_TITLE: Final = "hutong-restore-marker-1"
_PUT_BACK: Final = b"hutong-put-back-1\n"
_REWRITE_BYTES: Final = 1_048_576
_MACHINE_FILES: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


class Mismatch(StrEnum):
    """Why own logs must not be continued."""

    MARKER_MISSING = "the restore marker is missing"
    MARKER_DAMAGED = "the restore marker can't be read"
    OTHER_STORE = "the restore marker belongs to another store"
    OTHER_MACHINE = "the store was last used on another machine"
    STORE_COPIED = "the file of the store is a copy"
    STORE_BEHIND = "the store lacks records that had been sent: it is an older copy"
    PUT_BACK = "the store was put back from a backup"


class Place(NamedTuple):
    """The highest record of an own log known to have left, and the scope of that log."""

    seq: int
    record: bytes
    scope: Scope


@dataclass(frozen=True, slots=True)
class Belonging:
    """What a store and its marker have in common.

    `generation` is random, 16 bytes, and new whenever own logs were given up; `machine` is 32
    bytes; `file` is the inode of the database, which a copy doesn't share, 0 where the file system
    has none.
    """

    generation: bytes
    machine: bytes
    file: int


@dataclass(frozen=True, slots=True)
class Marked:
    """The content of a marker file."""

    belonging: Belonging
    left: Mapping[bytes, Place]


def machine_id() -> bytes:
    """32 bytes that tell this machine from others, as well as the system lets us.

    The system's own id is hashed: it is not to be handed on.
    """
    for file in _MACHINE_FILES:
        try:
            text = file.read_bytes().strip()
        except OSError:
            continue
        if text:
            return hashlib.sha256(b"hutong-node/machine\0" + text).digest()
    return hashlib.sha256(b"hutong-node/address\0%d" % uuid.getnode()).digest()


def belonging_of(store: Path, generation: bytes, machine: bytes) -> Belonging:
    """What a marker for the database file `store` says on this machine."""
    return Belonging(generation, machine, store.stat().st_ino)


def judge(
    marked: Marked | Mismatch | None,
    belonging: Belonging,
    is_new: bool,
    holds: Callable[[bytes, int, bytes], bool],
) -> Mismatch | None:
    """Whether own logs may be continued: None if so, otherwise why not.

    Args:
        marked: what `read_marker` gave.
        belonging: what a marker of this store on this machine would say.
        is_new: whether the store holds nothing, so that nothing of it can have left.
        holds: whether the store holds the record of a log, a seq and an id.
    """
    if marked is None:
        return None if is_new else Mismatch.MARKER_MISSING
    if isinstance(marked, Mismatch):
        return marked
    if marked.belonging.generation != belonging.generation:
        return Mismatch.OTHER_STORE
    if marked.belonging.machine != belonging.machine:
        return Mismatch.OTHER_MACHINE
    if marked.belonging.file != belonging.file:
        return Mismatch.STORE_COPIED
    if not all(holds(log, place.seq, place.record) for log, place in marked.left.items()):
        return Mismatch.STORE_BEHIND
    return None


def read_marker(path: Path) -> Marked | Mismatch | None:
    """The marker at `path`; None if there is no file, a mismatch if it can't be read.

    A last line without its end, or with a wrong checksum, is left out: it was being written when
    the power went, so what it names was not sent.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return Mismatch.MARKER_DAMAGED
    if content == _PUT_BACK:
        return Mismatch.PUT_BACK
    lines = content.split(b"\n")
    torn = lines.pop()  # empty, when the last line is whole
    if not torn and len(lines) > 1 and _content(lines[-1]) is None:
        lines.pop()
    words = [_content(line) for line in lines]
    try:
        return _parse([line for line in words if line is not None], len(lines))
    except (ValueError, IndexError):
        return Mismatch.MARKER_DAMAGED


def mark_put_back(path: Path) -> None:
    """Writes, for a folder that has none, the marker which says that its store was put back.

    Raises:
        KeyFileRefused: there is one, or it can't be written.
    """
    write_secret(path, _PUT_BACK)


class RestoreMarker:
    """The marker of an open store, to be told of what leaves. Safe to use from any thread."""

    def __init__(self, path: Path, belonging: Belonging, left: Mapping[bytes, Place]) -> None:
        """Writes the file anew and syncs it.

        Raises:
            OSError: the file can't be written.
        """
        self._path = path
        self._belonging = belonging
        self._left = dict(left)
        self._lock = threading.Lock()
        self._file = -1
        self._bytes = 0
        self._rewrite()

    def mark_left(self, places: Iterable[tuple[bytes, Place]]) -> None:
        """Remembers, on disk, that these records of own logs are about to leave.

        To be called once a batch, before anything of it is handed to a socket or a file for others.
        What the marker has seen already costs nothing; otherwise one line a log and one sync.

        Raises:
            OSError: the marker could not be synced; nothing of the batch may leave.
        """
        with self._lock:
            news: dict[bytes, Place] = {}
            for log, place in places:
                known = news.get(log) or self._left.get(log)
                if known is None or place.seq > known.seq:
                    news[log] = place
            if not news:
                return
            if self._file < 0:
                raise OSError(f"{self._path} is closed, or could not be written before")
            content = b"".join(_left_line(*item) for item in news.items())
            try:
                if self._bytes + len(content) > _REWRITE_BYTES:
                    self._left.update(news)
                    self._rewrite()
                    return
                _write(self._file, content)
                os.fdatasync(self._file)
            except OSError:
                # How much of it is on disk is unknown: nothing leaves until the store reopens.
                self._close_file()
                raise
            self._bytes += len(content)
            self._left.update(news)

    def close(self) -> None:
        """Closes the file; nothing can be marked afterwards."""
        with self._lock:
            self._close_file()

    def _rewrite(self) -> None:
        belonging = self._belonging
        head = f"{_TITLE} {belonging.generation.hex()} {belonging.machine.hex()} {belonging.file}"
        content = _line(head) + b"".join(_left_line(*item) for item in self._left.items())
        self._close_file()
        draft = self._path.with_name(self._path.name + ".new")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write(file, content)
            os.fsync(file)
            os.rename(draft, self._path)
            sync_folder(self._path.parent)
        except OSError:
            os.close(file)
            raise
        self._file = file
        self._bytes = len(content)

    def _close_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _write(file: int, content: bytes) -> None:
    if os.write(file, content) != len(content):
        raise OSError("the disk took only a part of the restore marker")


def _left_line(log: bytes, place: Place) -> bytes:
    scope = place.scope
    return _line(f"left {log.hex()} {place.seq} {place.record.hex()} {scope.space}/{scope.topic}")


def _line(content: str) -> bytes:
    line = content.encode("ascii")
    return b"%s %08x\n" % (line, zlib.crc32(line))


def _content(line: bytes) -> str | None:
    """What a line says, None if its checksum is wrong."""
    content, _, checksum = line.rpartition(b" ")
    if checksum != b"%08x" % zlib.crc32(content):
        return None
    return content.decode("ascii", errors="replace")


def _parse(lines: list[str], expected: int) -> Marked:
    """Raises ValueError or IndexError for what `RestoreMarker` doesn't write."""
    title, generation, machine, file = lines[0].split(" ")
    if title != _TITLE or len(lines) != expected:
        raise ValueError
    left = {}
    for line in lines[1:]:
        word, log, seq, record, scope = line.split(" ")
        if word != "left":
            raise ValueError
        space, topic = scope.split("/")
        left[bytes.fromhex(log)] = Place(int(seq), bytes.fromhex(record), Scope(space, topic))
    belonging = Belonging(bytes.fromhex(generation), bytes.fromhex(machine), int(file))
    return Marked(belonging, left)
