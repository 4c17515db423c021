"""Private keys as files: made once, readable by their owner only, refused otherwise.

One file holds one Ed25519 seed and says which kind of key it is, so that a control key is not taken
for a writer key. A file that others could read or write, or that belongs to somebody else, is not
loaded: the message names the file and the command that mends it (threat 28). A file is never
overwritten, and it is on disk before its key is used: a key that signed something and was lost with
the power could never be used again.

Which key signs what belongs to `publishing` and the identity tools. Seeds are never logged and
stand in no message. Spec: 3.1.
"""

from __future__ import annotations

import os
import secrets
import stat
from enum import StrEnum
from pathlib import Path
from typing import Final

from hutong_protocol import signatures

_FORM: Final = "hutong {kind} key, form 1: keep this file secret\n{seed}\n"
_FILE_BYTES_MAX: Final = 1_024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class KeyKind(StrEnum):
    """What a key is for. A key has one use. Spec: 3.1, 4.1."""

    WRITER = "writer"
    CONTROL = "control"
    RECOVERY = "recovery"


class KeyFileRefused(Exception):
    """A key file can't be used as it is; the message says which, why and how to mend it."""


def make_key(path: Path, kind: KeyKind) -> bytes:
    """A new private key, written to `path` with mode 0600 and synced.

    Args:
        path: must not exist; its folder must.

    Returns:
        The seed, 32 bytes.

    Raises:
        KeyFileRefused: the file exists, or can't be written.
    """
    seed = secrets.token_bytes(signatures.SEED_BYTES)
    write_secret(path, _FORM.format(kind=kind.value, seed=seed.hex()).encode("ascii"))
    return seed


def load_key(path: Path, kind: KeyKind) -> bytes:
    """The seed, 32 bytes, that `make_key` wrote.

    Raises:
        KeyFileRefused: no such file, others may read or write it, it belongs to another user, or
            it holds no key of this kind.
    """
    content = read_secret(path)
    lines = content.decode("ascii", errors="replace").splitlines()
    try:
        seed = bytes.fromhex(lines[1])
    except (IndexError, ValueError):
        seed = b""
    expected = _FORM.format(kind=kind.value, seed=seed.hex())
    if len(seed) != signatures.SEED_BYTES or content != expected.encode("ascii"):
        raise KeyFileRefused(
            f"{path} holds no {kind.value} key of form 1; put back the file that was made with the"
            " node, or make a new key under another name"
        )
    return seed


def write_secret(path: Path, content: bytes) -> None:
    """Creates a file that only this user can read, with `content` safely on disk.

    Raises:
        KeyFileRefused: it exists already, or the system doesn't let us write it.
    """
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise KeyFileRefused(f"{path} exists already and is never overwritten") from None
    except OSError as refused:
        raise KeyFileRefused(f"{path} can't be created: {refused.strerror}") from refused
    try:
        with os.fdopen(file, "wb") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        sync_folder(path.parent)
    except OSError as refused:
        # A half-written key file would look like a damaged key for ever.
        path.unlink(missing_ok=True)
        raise KeyFileRefused(f"{path} can't be written: {refused.strerror}") from refused


def read_secret(path: Path) -> bytes:
    """The content of a file that only this user can read, at most 1,024 bytes of it.

    Raises:
        KeyFileRefused: as `load_key`, whatever the content.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as refused:
        raise KeyFileRefused(f"{path} can't be opened: {refused.strerror}") from refused
    try:
        # The opened file is judged, not the name: the name may come to mean another file.
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise KeyFileRefused(f"{path} is not a regular file")
        if found.st_uid != os.geteuid():
            raise KeyFileRefused(
                f"{path} belongs to user {found.st_uid}, this process runs as {os.geteuid()};"
                f" run: chown {os.geteuid()} '{path}'"
            )
        if found.st_mode & _OTHERS:
            raise KeyFileRefused(
                f"{path} has mode {stat.S_IMODE(found.st_mode):04o}, so that others can use this"
                f" key; run: chmod 600 '{path}'"
            )
        return os.read(file, _FILE_BYTES_MAX)
    finally:
        os.close(file)


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
