"""Puts files that are written for people in their place, whole or not at all.

Owns how a file comes to stand on the disk: written beside its place, flushed, and then moved there,
so that nobody ever sees half of it, and never over a file that is there already unless that is
asked for.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


class ExportRefused(Exception):
    """Nothing was written; the message says why and what to do."""


def write_file(path: Path, content: bytes, *, replace: bool) -> None:
    """Puts a whole file in its place.

    Raises:
        ExportRefused: it is there already, or can't be written.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        if not replace and path.exists():
            raise ExportRefused(f"{path} is there already: name another file, or say --force")
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            beside.replace(path)
        else:
            # Unlike a rename, a link fails where somebody else was quicker.
            os.link(beside, path)
    except FileExistsError:
        raise ExportRefused(f"{path} is there already: name another file") from None
    except OSError as error:
        raise ExportRefused(f"{path} can't be written: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)
