"""A private folder for what must be on a disk for a while in the clear, and be gone afterwards.

Copies of databases hold names and telephone numbers, some of which will have been erased when
somebody looks into the free blocks of this disk. So files are overwritten before they are removed,
as `secure_delete` does it inside of a database. What a killed process leaves is removed by the next
one that makes a backup here, and when the node starts.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

NAME: Final = "backup-scratch"
_ZEROS: Final = bytes(1_048_576)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """A new folder of mode 0700 at `path`, in place of an older one; gone at the end.

    Raises:
        OSError: it can't be made.
    """
    wipe_folder(path)
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        wipe_folder(path)


def wipe_folder(path: Path) -> None:
    """Overwrites and removes all files of a folder, and the folder; nothing if there is none."""
    if path.is_symlink() or not path.is_dir():
        return
    for found in sorted(path.rglob("*")):
        if found.is_file() and not found.is_symlink():
            wipe_file(found)
    shutil.rmtree(path, ignore_errors=True)


def wipe_file(path: Path) -> None:
    """Overwrites a file, as far as the disk lets us, and removes it."""
    with suppress(OSError), path.open("r+b") as stream:
        left = os.fstat(stream.fileno()).st_size
        while left > 0:
            left -= stream.write(_ZEROS[: min(left, len(_ZEROS))])
        stream.flush()
        os.fsync(stream.fileno())
    path.unlink(missing_ok=True)
