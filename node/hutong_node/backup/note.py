"""When this node was last backed up: a small file in its folder, for `hutong doctor`.

It is a hint. It is written when a backup is whole, and goes into none.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from hutong_node.keys import sync_folder

NOTE_FILE: Final = "last-backup.json"


@dataclass(frozen=True, slots=True)
class BackupNote:
    """The last backup: when it was begun, its size, its records, and whether it was read back."""

    made_ms: int
    size: int
    records: int
    verified: bool

    @classmethod
    def read(cls, root: Path) -> Self | None:
        """What the folder says; None if it says nothing that can be used."""
        try:
            value = json.loads((root / NOTE_FILE).read_text(encoding="utf-8"))
            return cls(
                int(value["made_ms"]),
                int(value["size"]),
                int(value["records"]),
                bool(value["verified"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, root: Path) -> None:
        """Keeps it in the folder.

        Raises:
            OSError: it can't be written.
        """
        path = root / NOTE_FILE
        draft = path.with_name(NOTE_FILE + ".new")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            json.dump(asdict(self), stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
        sync_folder(root)
