"""What stands in a container: a list of files with their sizes and digests, then the files.

Owns the list (JSON behind its length in 4 bytes), writing both, and reading both back. The list
comes first, so that whoever reads knows how much is to come and what of it is wanted. Only names of
a node's own files are ever written, and each into a new file of mode 0600.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hutong_node.backup.container import PIECE_BYTES, Opener, Sealer, sealed_bytes
from hutong_node.backup.contents import may_be_packed
from hutong_node.refusals import Code, Refused

Report: TypeAlias = Callable[[str, int, int], None]
"""Is told what is being done, how many bytes of it are done, and how many there are."""

_LENGTH_BYTES: Final = 4
_LIST_BYTES_MAX: Final = 1_048_576


class PackedFile(BaseModel):
    """A file of a node: its name in the folder, its length, its SHA-256 in hex."""

    model_config = ConfigDict(frozen=True)

    name: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class PackingList(BaseModel):
    """What a backup holds. `org` is an id in hex, `version` that of the program which made it.

    `records` and `own_logs` are counts, `governing` whether keys that govern are in it.
    """

    model_config = ConfigDict(frozen=True)

    made_ms: int
    version: str
    org: str
    schema_number: int
    records: int
    own_logs: int
    governing: bool
    files: tuple[PackedFile, ...]

    @property
    def bytes_clear(self) -> int:
        """The length of all files together."""
        return sum(file.size for file in self.files)


def listed(root: Path, name: str) -> PackedFile:
    """The entry of a file that lies at `root` and doesn't change any more."""
    path = root / name
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return PackedFile(name=name, size=path.stat().st_size, sha256=digest)


def pack(out: BinaryIO, phrase: bytes, root: Path, packing: PackingList, report: Report) -> None:
    """Writes a container with the files of a list, which lie at `root`."""
    text = packing.model_dump_json().encode("utf-8")
    sealer = Sealer(out, phrase)
    sealer.write(len(text).to_bytes(_LENGTH_BYTES, "big") + text)
    done = 0
    for file in packing.files:
        with (root / file.name).open("rb") as stream:
            while data := stream.read(PIECE_BYTES):
                sealer.write(data)
                done += len(data)
                report("writing", done, packing.bytes_clear)
    sealer.finish()


def packed_bytes_about(clear: int) -> int:
    """How long the container of files of this length is, a little more rather than less."""
    return sealed_bytes(clear + 65_536)


def unpack(
    stream: BinaryIO,
    phrase: bytes,
    report: Report,
    *,
    into: Callable[[PackingList], Callable[[str], Path]] | None = None,
) -> PackingList:
    """Reads every byte of a container, and compares each file with the list.

    Args:
        into: is given the list before anything is written, and gives where a file is to go, a path
            that doesn't exist; None writes nothing.

    Raises:
        Refused: as `Opener`; BACKUP_DAMAGED if a file is not as the list says.
    """
    opener = Opener(stream, phrase)
    packing = _list_in(opener)
    place = None if into is None else into(packing)
    done = 0
    for file in packing.files:
        digest = hashlib.sha256()
        with _target(None if place is None else place(file.name)) as write:
            left = file.size
            while left > 0:
                data = opener.read(min(left, PIECE_BYTES))
                digest.update(data)
                write(data)
                left -= len(data)
                done += len(data)
                report("reading", done, packing.bytes_clear)
        if digest.hexdigest() != file.sha256:
            raise Refused(
                Code.BACKUP_DAMAGED,
                f"{file.name} in the backup is not as its list says",
                way_out="make a new backup; this one was spoilt while it was made",
            )
    opener.finish()
    return packing


def _list_in(opener: Opener) -> PackingList:
    length = int.from_bytes(opener.read(_LENGTH_BYTES), "big")
    try:
        if length > _LIST_BYTES_MAX:
            raise ValueError
        packing = PackingList.model_validate_json(opener.read(length))
        names = [file.name for file in packing.files]
        if len(set(names)) != len(names) or not all(map(may_be_packed, names)):
            raise ValueError
    except (ValidationError, ValueError):
        raise Refused(
            Code.NEWER_VERSION,
            "this version doesn't understand what the backup says it holds",
            way_out="use the version of hutong that made it, or a newer one",
        ) from None
    return packing


@contextmanager
def _target(path: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Where the bytes of a file go; on the disk at the end."""
    if path is None:
        yield len
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as stream:
        os.fchmod(stream.fileno(), 0o600)
        yield stream.write
        stream.flush()
        os.fsync(stream.fileno())
