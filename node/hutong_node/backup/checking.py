"""Checks what a backup holds as a node would need it: keys, certificate, databases, every record.

Works on files that lie unpacked in a private folder. Sizes and digests were compared before
(`packing`); here it is about what they say: SQLite's own check of every database, the store's check
of every record (ids, chains, signatures, parts), the writer key against the identity, the private
key against the certificate. What is told names counts, ids and files, and quotes no record.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hutong_node.backup.contents import STORE_FILE, is_governing
from hutong_node.backup.packing import PackingList, Report, unpack
from hutong_node.backup.scratch import scratch_folder
from hutong_node.config import Config, ConfigRefused, DataFolder, load_config
from hutong_node.founding import FoundingRefused, load_identity
from hutong_node.keys import KeyFileRefused
from hutong_node.refusals import Code, Refused
from hutong_node.store.errors import StoreError, StoreFull
from hutong_node.store.sqlite.bystander import page_damage
from hutong_node.store.sqlite.connection import sqlite_errors
from hutong_node.store.sqlite.migrations import migrations
from hutong_node.store.sqlite.snapshot import make_current, numbers_of
from hutong_node.store.sqlite.verify import verify_store

_NAMED_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Checked:
    """What a sound backup holds. `records` were all verified."""

    packing: PackingList
    records: int
    logs: int
    missing_parts: int
    erased_parts: int


def check_file(file: Path, phrase: bytes, scratch: Path, report: Report) -> Checked:
    """Reads back every byte of a backup and checks it.

    Args:
        scratch: a folder that doesn't exist; it holds everything in the clear until the end.

    Raises:
        Refused: it is damaged, or can't be read by this version or with this pass phrase.
        OSError: it can't be read, or there is no room.
    """
    with file.open("rb") as stream, scratch_folder(scratch) as folder:
        packing = unpack(stream, phrase, report, into=lambda _: lambda name: folder / name)
        return check_folder(DataFolder(folder), packing, report)


def check_folder(folder: DataFolder, packing: PackingList, report: Report) -> Checked:
    """Checks files that were unpacked; a store of an older schema is brought up to date.

    Raises:
        Refused: as `check_file`.
    """
    _check_identity(folder, packing)
    names = [file.name for file in packing.files]
    databases = [name for name in names if name.endswith(".db")]
    for number, name in enumerate(databases):
        report("checking", number, len(databases))
        if problems := _page_damage(folder.root / name):
            raise _unsound(f"the database {name} is damaged", problems)
    if STORE_FILE not in names:
        return Checked(packing, 0, 0, 0, 0)
    try:
        return _check_store(folder.database, packing)
    except StoreFull as failed:
        raise Refused(
            Code.STORE_FULL,
            "there is no room to check the backup",
            detail=str(failed),
            way_out="make room; of `verify`, --scratch names a folder on a larger disk",
        ) from None
    except StoreError as failed:
        raise _unsound("the store in the backup can't be read", [str(failed)]) from None


def _check_store(path: Path, packing: PackingList) -> Checked:
    numbers = numbers_of(path)
    if numbers.schema > len(migrations()):
        raise Refused(
            Code.NEWER_VERSION,
            "the backup was made by a newer version of hutong",
            detail=f"its store has schema {numbers.schema}, this version knows {len(migrations())}",
            way_out="install that version or a newer one here, then do the same again",
        )
    make_current(path)
    found = verify_store(path)
    if found.problems:
        raise _unsound(
            f"{len(found.problems)} things in the store are not as they were signed",
            [f"{problem.fault}: {problem.place}" for problem in found.problems],
        )
    if (found.records, numbers.own_logs) != (packing.records, packing.own_logs):
        raise _unsound("the store holds not as much as the backup says", [])
    return Checked(packing, found.records, found.logs, found.missing_parts, found.erased_parts)


def _page_damage(path: Path) -> list[str]:
    try:
        with sqlite_errors("reading it"):
            return page_damage(path)
    except StoreError as failed:
        return [str(failed)]


def _check_identity(folder: DataFolder, packing: PackingList) -> None:
    """Configuration, identity and keys can be used, and belong together."""
    try:
        config = load_config(folder)
        identity = load_identity(folder)
        _check_keys(folder, config)
    except (ConfigRefused, FoundingRefused, KeyFileRefused) as refused:
        raise _unsound("what makes it a node can't be used", [str(refused)]) from None
    except ssl.SSLError:
        raise _unsound("the certificate and its private key don't fit", []) from None
    if identity.org.hex() != packing.org:
        raise _unsound("its identity is not that of the organisation that it names", [])


def _check_keys(folder: DataFolder, config: Config) -> None:
    for path in sorted(folder.keys.iterdir()):
        is_governing(path)  # raises for a file that can't be read
    if config.peer.tls or folder.certificate.exists():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(folder.certificate, folder.certificate_key)
        except FileNotFoundError:
            raise KeyFileRefused("tls/ has no certificate, or no key of it") from None


def _unsound(what: str, problems: list[str]) -> Refused:
    more = len(problems) - _NAMED_MAX
    told = "; ".join(problems[:_NAMED_MAX]) + (f"; and {more} more" if more > 0 else "")
    return Refused(
        Code.BACKUP_DAMAGED,
        what,
        detail=told,
        way_out="use an older backup; of a node that still stands, see hutong doctor",
    )
