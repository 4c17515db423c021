"""`hutong backup create`: one file of everything that a node can't have again, while it runs.

Owns the order. The databases are copied as they were at one moment, the copy of the store is made
one that was put back, everything is listed and packed under a temporary name, read back from the
disk, and checked as `verify` would; only then the file gets its name and the folder its note. A
process that ends anywhere before leaves a temporary file that opens nowhere, and copies in the
clear that the next one, or the node's next start, overwrites and removes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hutong_node.backup import scratch
from hutong_node.backup.checking import Checked, check_folder
from hutong_node.backup.contents import STORE_FILE, Contents, contents_of
from hutong_node.backup.note import BackupNote
from hutong_node.backup.packing import (
    PackingList,
    Report,
    listed,
    pack,
    packed_bytes_about,
    unpack,
)
from hutong_node.config import DataFolder
from hutong_node.folder_lock import FolderLock, Holder
from hutong_node.founding import FoundingRefused, load_identity
from hutong_node.keys import KeyFileRefused, sync_folder, write_secret
from hutong_node.refusals import Code, Refused
from hutong_node.store.errors import StoreError, StoreFull
from hutong_node.store.sqlite.snapshot import Numbers, copy_databases, make_put_back, numbers_of

_LOCK: Final = "backup.lock"
_PART: Final = ".part"
_SPARE_BYTES: Final = 64 * 2**20
"""What must stay free beside the node, so that a backup is not what stops it."""


@dataclass(frozen=True, slots=True)
class Created:
    """A backup that was made; `checked` is None if nobody wanted it read back."""

    size: int
    packing: PackingList
    contents: Contents
    checked: Checked | None


def create(
    folder: DataFolder,
    file: Path,
    phrase: bytes,
    *,
    made_ms: int,
    version: str,
    with_governing: bool,
    read_back: bool,
    report: Report,
) -> Created:
    """Makes a backup of a node, whether it runs or not.

    Args:
        file: must not exist; its folder must, and be another than the node's.
        version: of this program.
        with_governing: also the keys that govern the organisation, as far as they lie here.

    Raises:
        Refused: with what is wrong and what to do; no file is left behind.
    """
    contents = contents_of(folder, with_governing=with_governing)
    _require_target(folder, file)
    with _only_one(folder), _environment(file):
        # Before the room is counted: a process that was killed may have left a copy here.
        scratch.wipe_folder(folder.root / scratch.NAME)
        _require_room(folder, file, contents)
        with scratch.scratch_folder(folder.root / scratch.NAME) as copies:
            packing = _copied(folder, contents, copies, made_ms, version, with_governing, report)
            part = file.with_name(file.name + _PART)
            try:
                _write(part, phrase, copies, packing, report)
                checked = None
                if read_back:
                    _read_back(part, phrase, packing, report)
                    checked = check_folder(DataFolder(copies), packing, report)
                _require_absent(file)
                part.rename(file)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            sync_folder(file.parent)
        created = Created(file.stat().st_size, packing, contents, checked)
        BackupNote(made_ms, created.size, packing.records, read_back).write(folder.root)
    return created


def remove_scratch(folder: DataFolder) -> None:
    """Overwrites and removes what a killed backup left in the folder, unless one is being made."""
    if not (folder.root / scratch.NAME).exists():
        return
    lock = FolderLock.try_take(folder.root / _LOCK, "backup create")
    if isinstance(lock, FolderLock):
        scratch.wipe_folder(folder.root / scratch.NAME)
        lock.release()


def _copied(
    folder: DataFolder,
    contents: Contents,
    copies: Path,
    made_ms: int,
    version: str,
    with_governing: bool,
    report: Report,
) -> PackingList:
    """Everything that is to be packed, in `copies`, where nothing changes it any more."""
    copy_databases(
        [(folder.root / name, copies / name) for name in contents.databases],
        lambda done, total: report("copying", done, total),
    )
    numbers = Numbers()
    if STORE_FILE in contents.databases:
        make_put_back(copies / STORE_FILE)
        numbers = numbers_of(copies / STORE_FILE)
    for name in contents.files:
        (copies / name).parent.mkdir(mode=0o700, exist_ok=True)
        write_secret(copies / name, (folder.root / name).read_bytes())
    identity = load_identity(DataFolder(copies))
    return PackingList(
        made_ms=made_ms,
        version=version,
        org=identity.org.hex(),
        schema_number=numbers.schema,
        records=numbers.records,
        own_logs=numbers.own_logs,
        governing=with_governing,
        files=tuple(listed(copies, name) for name in (*contents.files, *contents.databases)),
    )


def _write(part: Path, phrase: bytes, copies: Path, packing: PackingList, report: Report) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(part, flags, 0o600), "wb") as stream:
        with suppress(PermissionError):  # a stick's file system may know no modes
            os.fchmod(stream.fileno(), 0o600)
        pack(stream, phrase, copies, packing, report)
        stream.flush()
        os.fsync(stream.fileno())


def _read_back(part: Path, phrase: bytes, packing: PackingList, report: Report) -> None:
    with part.open("rb") as stream:
        if hasattr(os, "posix_fadvise"):
            # What is read is to come from the disk, not from the memory of what was written.
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if unpack(stream, phrase, report) != packing:
            raise Refused(
                Code.BACKUP_DAMAGED,
                "what was read back is not what was written",
                way_out="write to another disk; this one loses bytes",
            )


def _require_target(folder: DataFolder, file: Path) -> None:
    _require_absent(file)
    if not file.parent.is_dir():
        raise Refused(
            Code.CANNOT_BACK_UP,
            f"there is no folder {file.parent}",
            way_out="make it, or name a file in another one; is the disk mounted?",
        )
    if file.resolve().is_relative_to(folder.root.resolve()):
        raise Refused(
            Code.CANNOT_BACK_UP,
            "a backup in the folder of its node is lost with it",
            way_out="name a file on another disk",
        )


def _require_absent(file: Path) -> None:
    if file.exists() or file.is_symlink():
        raise Refused(
            Code.CANNOT_BACK_UP,
            f"{file} exists already and is never overwritten",
            way_out="name another file, for example one with today's date",
        )


def _require_room(folder: DataFolder, file: Path, contents: Contents) -> None:
    """There is room for the copies beside the node, and for the file where it goes."""
    copied = sum(
        path.stat().st_size
        for name in contents.databases
        for path in (folder.root / name, folder.root / f"{name}-wal")
        if path.exists()
    )
    needed = {folder.root: copied + _SPARE_BYTES, file.parent: packed_bytes_about(copied)}
    if folder.root.stat().st_dev == file.parent.stat().st_dev:
        needed = {folder.root: sum(needed.values())}
    for place, wanted in needed.items():
        numbers = os.statvfs(place)
        free = numbers.f_bavail * numbers.f_frsize
        if free < wanted:
            raise Refused(
                Code.CANNOT_BACK_UP,
                f"there is not enough room at {place}",
                detail=f"{wanted // 2**20 + 1} MiB are needed, {free // 2**20} are free",
                way_out="make room, or write to another disk",
            )


@contextmanager
def _only_one(folder: DataFolder) -> Iterator[None]:
    lock = FolderLock.try_take(folder.root / _LOCK, "backup create")
    if isinstance(lock, Holder):
        raise Refused(
            Code.FOLDER_IN_USE,
            f"another backup of {folder.root} is being made, by process {lock.pid}",
            way_out=f"wait for it to end, or end it: kill {lock.pid}",
        )
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _environment(file: Path) -> Iterator[None]:
    """Turns what disk, databases and keys can do into refusals with a way out."""
    try:
        yield
    except (FoundingRefused, KeyFileRefused) as refused:
        raise Refused(
            Code.CANNOT_BACK_UP,
            "this is no whole node: a backup of it could not be used",
            detail=str(refused),
            way_out="hutong doctor says what is wrong with it",
        ) from None
    except StoreFull as failed:
        raise Refused(
            Code.STORE_FULL, "the disk is full", detail=str(failed), way_out="make room"
        ) from None
    except StoreError as failed:
        raise Refused(
            Code.STORE_FAILED,
            "a database can't be copied",
            detail=str(failed),
            way_out="do it again; if it stays so, hutong doctor says what is wrong",
        ) from None
    except OSError as failed:
        raise Refused(
            Code.CANNOT_BACK_UP,
            f"{file} can't be written",
            detail=f"{failed.strerror or type(failed).__name__}: {failed.filename or file}",
            way_out="make room, or name a file on another disk",
        ) from None
