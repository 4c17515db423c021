"""`hutong backup restore`: makes a node's folder from a backup, whole or not at all.

Owns the order. The folder is empty. The configuration is unpacked first, under another name, and
gets its own name last, when everything else is on the disk and was checked: what was interrupted in
between is no node, no command starts it, and the next restore clears it away. Beside the files the
restore marker is written that says what this folder is, so that own logs are given up and peers are
asked before anything is shown or signed (`marker`, `restoring`). Invites that nobody had used when
the backup was made are taken back: since then somebody may have used them. Spec: 5.1.5, 5.1.6.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from hutong_node.backup.checking import Checked, check_folder
from hutong_node.backup.contents import DATABASES, FILES, may_be_packed
from hutong_node.backup.packing import PackingList, Report, unpack
from hutong_node.backup.scratch import wipe_file
from hutong_node.config import FILE_NAME, DataFolder
from hutong_node.folder_lock import FolderLock
from hutong_node.intake import Intake
from hutong_node.intake_file import INTAKE_FILE
from hutong_node.keys import KeyFileRefused, sync_folder
from hutong_node.marker import mark_put_back
from hutong_node.refusals import Code, Refused
from hutong_node.roster import ROSTER_FILE, Roster
from hutong_node.store.errors import StoreError
from hutong_node.store.sqlite.connection import sqlite_errors

DRAFT_NAME: Final = FILE_NAME + ".restoring"
"""The configuration as long as the folder is no node yet."""


class UnfinishedFolder(DataFolder):
    """A folder that is being made: its configuration doesn't bear its name yet."""

    __slots__ = ()

    @property
    def config(self) -> Path:
        """The configuration under its temporary name."""
        return self.root / DRAFT_NAME


def put_back(file: Path, phrase: bytes, folder: DataFolder, report: Report) -> tuple[Checked, int]:
    """Makes a node of a backup; what it holds, and how many invites were taken back.

    Args:
        folder: empty, missing, or what an interrupted restore left.

    Raises:
        Refused: with what is wrong and what to do; the folder is as empty as before.
    """
    _require_empty(folder)
    unfinished = UnfinishedFolder(folder.root)
    with _environment(folder), file.open("rb") as stream, _held(folder):
        _require_empty(folder)
        _clear(folder)
        try:
            packing = unpack(stream, phrase, report, into=lambda _: _placed(folder))
            checked = check_folder(unfinished, packing, report)
            voided = _settle(folder, packing)
        except BaseException:
            _clear(folder)
            raise
        _finish(unfinished)
    return checked, voided


@contextmanager
def _held(folder: DataFolder) -> Iterator[None]:
    """The folder, made if need be, for this process alone; as it was if nothing comes into it."""
    made = not folder.root.exists()
    folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.root.chmod(0o700)
    lock = FolderLock.take(folder.lock, "backup restore", wait_s=0)
    try:
        yield
    finally:
        if not folder.config.exists():
            folder.lock.unlink(missing_ok=True)
            if made:
                with suppress(OSError):
                    folder.root.rmdir()
        lock.release()


def _placed(folder: DataFolder) -> Callable[[str], Path]:
    """Where the files of a backup go; a marker lies there before the first one."""
    mark_put_back(folder.marker)
    return lambda name: folder.root / (DRAFT_NAME if name == FILE_NAME else name)


def _settle(folder: DataFolder, packing: PackingList) -> int:
    """Opens the files that are not the store's once, as the node will; takes back open invites."""
    names = {file.name for file in packing.files}
    with sqlite_errors("opening the databases that were put back"):
        if INTAKE_FILE in names:
            Intake(folder.root / INTAKE_FILE).close()
        if ROSTER_FILE not in names:
            return 0
        with closing(Roster(folder.root / ROSTER_FILE)) as roster:
            return roster.void_invites()


def _finish(unfinished: UnfinishedFolder) -> None:
    """Makes the folder a node, after everything in it is on the disk."""
    for path in sorted(unfinished.root.rglob("*")):
        if path.is_dir():
            sync_folder(path)
        else:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    sync_folder(unfinished.root)
    unfinished.config.rename(DataFolder(unfinished.root).config)
    sync_folder(unfinished.root)
    sync_folder(unfinished.root.absolute().parent)


def _require_empty(folder: DataFolder) -> None:
    if folder.config.exists():
        raise Refused(
            Code.CANNOT_PUT_BACK,
            f"{folder.root} holds a node; nothing was changed",
            way_out="name an empty folder with --data, or move the old one away",
        )
    if not folder.root.exists():
        return
    if not folder.root.is_dir():
        raise Refused(
            Code.CANNOT_PUT_BACK, f"{folder.root} is no folder", way_out="name another with --data"
        )
    found = {path.name for path in folder.root.iterdir()} - {folder.lock.name}
    interrupted = {DRAFT_NAME, folder.marker.name} & found
    if found and not (interrupted and all(map(_is_ours, found))):
        raise Refused(
            Code.CANNOT_PUT_BACK,
            f"{folder.root} is not empty; nothing was changed",
            way_out="name an empty folder with --data",
        )


def _is_ours(name: str) -> bool:
    """Whether a restore could have made what bears this name in a folder."""
    base = name
    for ending in ("-wal", "-shm", "-journal"):
        base = base.removesuffix(ending)
    return name in (DRAFT_NAME, "restore-marker", "keys", "tls") or may_be_packed(base)


def _clear(folder: DataFolder) -> None:
    """Removes what a restore makes, the configuration's other name last."""
    for name in DATABASES:
        for path in folder.root.glob(f"{name}*"):
            wipe_file(path)
    for inner in (folder.keys, folder.certificate.parent):
        for path in inner.glob("*") if inner.is_dir() else ():
            wipe_file(path)
        shutil.rmtree(inner, ignore_errors=True)
    for name in (*FILES, folder.marker.name):
        path = folder.root / name
        if path.is_file():
            wipe_file(path)
    (folder.root / DRAFT_NAME).unlink(missing_ok=True)


@contextmanager
def _environment(folder: DataFolder) -> Iterator[None]:
    try:
        yield
    except (KeyFileRefused, StoreError) as refused:
        raise Refused(
            Code.CANNOT_PUT_BACK,
            f"the backup can't be put back into {folder.root}",
            detail=str(refused),
            way_out="use an older backup, or another folder; nothing was left behind",
        ) from None
    except OSError as failed:
        raise Refused(
            Code.CANNOT_PUT_BACK,
            f"the backup can't be put back into {folder.root}",
            detail=f"{failed.strerror or type(failed).__name__}: {failed.filename or ''}",
            way_out="look at the path and the room on the disk; nothing was left behind",
        ) from None
