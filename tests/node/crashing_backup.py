"""A command of `hutong backup` that kills itself at its Nth touch of the disk, for a test.

Usage: python crashing_backup.py N FOLDER COMMAND... Python tells of each file that is opened, made,
renamed or removed and of each database (PEP 578) before it happens; at the Nth of these that
concerns FOLDER the process ends by SIGKILL, as by a loss of power. With N of 0 it lives, and prints
the name of what was touched each time.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from hutong_node.__main__ import application

TOUCHES = frozenset(
    {
        "open",
        "os.chmod",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.truncate",
        "sqlite3.connect",
    }
)
seen: list[str] = []


def main(last: int, below: str, command: list[str]) -> None:
    """Runs the command and ends at its touch number `last`."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in TOUCHES and isinstance(args[0], str | Path) and below in str(args[0]):
            seen.append(Path(args[0]).name)
            if len(seen) == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    code = application()(command, standalone_mode=False)
    assert not code
    print("touched", *seen)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
