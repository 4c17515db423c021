"""A file that is only there to be deleted: room to start with when the disk is full.

A database with a write-ahead log can't even be opened on a full disk (threat 59). So each store
keeps some MiB back while there is plenty, and gives them up when it can't be opened otherwise.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

BALLAST_BYTES: Final = 8 * 2**20
_FREE_BYTES_MIN: Final = 8 * BALLAST_BYTES
"""No ballast is taken on from a disk that has less than this left."""


def take_ballast(path: Path) -> bool:
    """Makes the file if there is none and the disk has room; whether it is there afterwards."""
    if path.exists():
        return True
    try:
        if shutil.disk_usage(path.parent).free < _FREE_BYTES_MIN:
            return False
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, BALLAST_BYTES)
        finally:
            os.close(file)
    except OSError:
        # It is only a precaution: without room for it the store works as well as it can.
        drop_ballast(path)
        return False
    return True


def drop_ballast(path: Path) -> bool:
    """Deletes the file; whether there was one."""
    try:
        path.unlink()
    except OSError:
        return False
    return True
