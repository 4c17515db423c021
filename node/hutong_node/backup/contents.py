"""What of a data folder belongs into a backup, what doesn't, and why.

Owns the names. Everything that can't be had again goes in: configuration, identity, certificate,
keys, and four databases. The index is left out, since it is made from the records; the restore
marker, since it speaks of the store that stays where it is, and a store that is put back must never
find it. Keys that govern the organisation go in only if somebody says so: who finds the file and
guesses the pass phrase would be the organisation. Whatever else lies there is named, not taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hutong_node.config import FILE_NAME, DataFolder
from hutong_node.founding import IDENTITY_FILE
from hutong_node.intake_file import INTAKE_FILE, KEPT_FILE
from hutong_node.keys import KeyFileRefused, read_secret
from hutong_node.refusals import Code, Refused
from hutong_node.roster import ROSTER_FILE

STORE_FILE: Final = "hutong.db"
DATABASES: Final = (STORE_FILE, INTAKE_FILE, KEPT_FILE, ROSTER_FILE)
"""In the order in which the node locks those that it writes together."""
NEEDED: Final = (FILE_NAME, IDENTITY_FILE)
"""Without these it is no node; the configuration comes first, see `putting_back`."""
FILES: Final = (*NEEDED, "tls/certificate.pem", "tls/key.pem", "api.token")
_KEY: Final = re.compile(r"keys/[a-z0-9][a-z0-9._-]{0,63}")
_GOVERNING: Final = (b"control", b"recovery")
_LOST_AGAIN: Final = re.compile(
    r"lock|backup\.lock|running\.json|last-backup\.json|backup-scratch(/.*)?|restore-marker"
    r"|index\.db|hutong\.db\.(lock|ballast)|.+\.db-(wal|shm|journal)|.+\.new"
)
"""What the running node makes for itself, and what a backup makes for itself."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Names in a folder, with slashes. `governing` are left out, `others` are nobody's business."""

    databases: tuple[str, ...]
    files: tuple[str, ...]
    governing: tuple[str, ...]
    others: tuple[str, ...]


def contents_of(folder: DataFolder, *, with_governing: bool) -> Contents:
    """What a backup of this folder holds.

    Raises:
        Refused: it is no node, or a key in it can't be used as it is.
    """
    if missing := [name for name in NEEDED if not (folder.root / name).is_file()]:
        raise Refused(
            Code.NO_NODE,
            f"there is no node in {folder.root}",
            detail=f"{missing[0]} is missing",
            way_out="name the folder of the node with --data",
        )
    if folder.marker.exists() and not folder.database.exists():
        raise Refused(
            Code.CANNOT_BACK_UP,
            f"the records of this node are gone: there is no {folder.database}",
            way_out="keep the backups that you have; hutong doctor says what to do",
        )
    found = [
        path.relative_to(folder.root).as_posix()
        for path in sorted(folder.root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]
    keys = [name for name in found if _KEY.fullmatch(name)]
    governing = [name for name in keys if _governs(folder.root / name)]
    taken = [name for name in keys if with_governing or name not in governing]
    known = {*DATABASES, *FILES, *keys}
    return Contents(
        databases=tuple(name for name in DATABASES if name in found),
        files=(*(name for name in FILES if name in found), *taken),
        governing=() if with_governing else tuple(governing),
        others=tuple(
            name for name in found if name not in known and not _LOST_AGAIN.fullmatch(name)
        ),
    )


def may_be_packed(name: str) -> bool:
    """Whether a backup may bring a file of this name; no other one is ever written."""
    return name in DATABASES or name in FILES or _KEY.fullmatch(name) is not None


def is_governing(path: Path) -> bool:
    """Whether a key file governs the organisation, by its name or by what it says it is."""
    first = read_secret(path).partition(b"\n")[0]
    return any(word in first or word in path.name.encode() for word in _GOVERNING)


def _governs(path: Path) -> bool:
    try:
        return is_governing(path)
    except KeyFileRefused as refused:
        raise Refused(
            Code.CANNOT_BACK_UP, "a key can't be used as it is", detail=str(refused)
        ) from None
