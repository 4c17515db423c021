"""Where a running node is reached, for the commands of the same user.

Owns `running.json`. It is a hint: the command line asks the address that stands there, and goes by
the answer, since the file of a node that was killed stays behind.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunningFile:
    """What the file says: the address of the local API, and the process."""

    path: Path
    url: str
    pid: int

    @classmethod
    def write(cls, path: Path, url: str) -> RunningFile:
        """Says that this process serves `url`. The file appears whole or not at all."""
        fresh = path.with_name(f"{path.name}.new")
        content = json.dumps({"url": url, "pid": os.getpid()}) + "\n"
        fresh.touch(mode=0o600)
        fresh.write_text(content, encoding="utf-8")
        fresh.replace(path)
        return cls(path, url, os.getpid())

    @classmethod
    def read(cls, path: Path) -> RunningFile | None:
        """What the file says; None if there is none, or nothing that can be used."""
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            return cls(path, str(value["url"]), int(value["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remove(self) -> None:
        """Takes the file away, if it is still that of this process."""
        found = RunningFile.read(self.path)
        if found is not None and found.pid == self.pid:
            self.path.unlink(missing_ok=True)
