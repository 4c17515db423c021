"""Opens the archive that a workbook is, and refuses by name what would hurt whoever reads it.

Owns everything that is known before XML: that the bytes are a zip and no older or encrypted
format, the names, number, sizes and places of its entries, and the inflating itself. Sizes that an
archive declares are only claims, so real bytes are counted while they are inflated, and nothing is
inflated that is not asked for. What was read can be packed again: the reader of values is given an
archive of exactly the parts that were looked at, so that no trick of the format makes it see
another one. Threat 37.

Runs in the limited process (`sheet_child`).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import Final

ENTRIES_MAX: Final = 200
TOTAL_BYTES_MAX: Final = 50 * 1024 * 1024
RATIO_MAX: Final = 100
RATIO_FROM_BYTES: Final = 1024 * 1024
"""Smaller entries can't hurt, and may well be ten thousand times the same cell."""

_ZIP: Final = b"PK\x03\x04"
_ENTRY: Final = b"PK\x01\x02"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM: Final = "EncryptedPackage".encode("utf-16-le")
_LOCAL_BYTES: Final = 30
_SAVE_AS: Final = "save it as .xlsx or .ods and import that"


class SheetRefused(Exception):
    """A workbook can't be read. `name` is the reason in a word; no text quotes a cell."""

    def __init__(
        self, name: str, rule: str, way_out: str = "", *, sheet: str = "", cell: str = ""
    ) -> None:
        super().__init__(rule)
        self.name = name
        self.rule = rule
        self.way_out = way_out
        self.sheet = sheet
        self.cell = cell


class Archive:
    """A zip whose directory was checked. Parts are inflated when they are asked for."""

    def __init__(self, data: bytes) -> None:
        """Checks everything that the directory says.

        Raises:
            SheetRefused: no zip, an old or encrypted format, or a directory that is not sound.
        """
        _check_magic(data)
        self._data = data
        self._entries = _directory(data)
        self._inflated = 0

    @property
    def names(self) -> frozenset[str]:
        """The names of all entries."""
        return frozenset(self._entries)

    def read(self, name: str) -> bytes:
        """The content of an entry.

        Raises:
            SheetRefused: there is none, it is broken, or it is larger than it says.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise SheetRefused("broken-workbook", f"has no part {_shown(name)}", _SAVE_AS)
        content = self._inflate(entry)
        self._inflated += len(content)
        if self._inflated > TOTAL_BYTES_MAX:
            raise _too_large(self._inflated)
        return content

    def _inflate(self, entry: zipfile.ZipInfo) -> bytes:
        start = self._content_start(entry)
        packed = self._data[start : start + entry.compress_size]
        if entry.compress_type == zipfile.ZIP_STORED:
            content = packed
        else:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                content = inflater.decompress(packed, entry.file_size + 1)
            except zlib.error:
                raise _broken(f"its part {_shown(entry.filename)} can't be unpacked") from None
            if len(content) <= entry.file_size and not inflater.eof:
                raise _broken(f"its part {_shown(entry.filename)} ends too early")
        if len(content) != entry.file_size:
            raise SheetRefused(
                "size-lie",
                f"its part {_shown(entry.filename)} has not the size that the archive says",
                "it was damaged, or made to hurt; ask the sender for another copy",
            )
        if zlib.crc32(content) != entry.CRC:
            raise _broken(f"the checksum of its part {_shown(entry.filename)} is wrong")
        return content

    def _content_start(self, entry: zipfile.ZipInfo) -> int:
        header = self._data[entry.header_offset : entry.header_offset + _LOCAL_BYTES]
        if len(header) < _LOCAL_BYTES or not header.startswith(_ZIP):
            raise _broken(f"its part {_shown(entry.filename)} is not where the archive says")
        name_bytes = int.from_bytes(header[26:28], "little")
        extra_bytes = int.from_bytes(header[28:30], "little")
        start = entry.header_offset + _LOCAL_BYTES
        local = self._data[start : start + name_bytes]
        if local not in (entry.orig_filename.encode("utf-8"), _old_encoding(entry)):
            raise _broken(f"its part {_shown(entry.filename)} has two names")
        return start + name_bytes + extra_bytes


def packed(parts: Mapping[str, bytes]) -> bytes:
    """An archive of just these parts, not compressed."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return written.getvalue()


def _check_magic(data: bytes) -> None:
    if data.startswith(_ZIP):
        return
    if data.startswith(_OLE):
        if _ENCRYPTED_STREAM in data:
            raise SheetRefused(
                "encrypted", "is protected with a password", "save it without the password"
            )
        raise SheetRefused("old-excel", "is of the format of Excel before 2007 (.xls)", _SAVE_AS)
    head = data[:1024].lstrip().lower()
    if head.startswith((b"<html", b"<!doctype html", b"<?xml", b"<table")):
        raise SheetRefused("not-a-workbook", "is a web page or XML, no workbook", _SAVE_AS)
    if not data:
        raise SheetRefused("not-a-workbook", "is empty", "ask the sender for another copy")
    raise SheetRefused(
        "not-a-workbook",
        "is no workbook, whatever its name says",
        "if it is a table of text, rename it to .csv; otherwise " + _SAVE_AS,
    )


def _directory(data: bytes) -> dict[str, zipfile.ZipInfo]:
    """The entries by name, each where no other is."""
    # Counted before the directory is built in memory; a packed part has these bytes by chance
    # only, and never so many times.
    if data.count(_ENTRY) > 2 * ENTRIES_MAX:
        raise _too_many()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            directory_start = archive.start_dir
    except (zipfile.BadZipFile, RuntimeError, ValueError, OSError, OverflowError):
        raise _broken("its archive has no sound directory") from None
    if len(entries) > ENTRIES_MAX:
        raise _too_many()
    _check_names(entries)
    for entry in entries:
        _check_entry(entry)
    _check_places(entries, directory_start)
    total = sum(entry.file_size for entry in entries)
    if total > TOTAL_BYTES_MAX:
        raise _too_large(total)
    # By the names that were checked: `filename` is cut at a NUL, and may come from another field.
    return {entry.orig_filename: entry for entry in entries if not entry.is_dir()}


def _check_names(entries: Iterable[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        parts = name.replace("\\", "/").split("/")
        leads_elsewhere = name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]
        if leads_elsewhere or not name or "\0" in name:
            raise SheetRefused(
                "odd-entry-name",
                f"has an entry whose name leads elsewhere: {_shown(name)}",
                "no spreadsheet program writes this; ask the sender how it was made",
            )
        # Readers look for parts without regard to case.
        folded = name.replace("\\", "/").casefold()
        if folded in seen:
            raise SheetRefused(
                "duplicate-entry",
                f"has the entry {_shown(name)} twice",
                "no spreadsheet program writes this; " + _SAVE_AS,
            )
        seen.add(folded)


def _check_entry(entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & 0x1:
        raise SheetRefused(
            "encrypted", "is protected with a password", "save it without the password"
        )
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SheetRefused(
            "odd-compression", f"its part {_shown(entry.filename)} is packed unusually", _SAVE_AS
        )
    ratio = entry.file_size / max(entry.compress_size, 1)
    if entry.file_size > RATIO_FROM_BYTES and ratio > RATIO_MAX:
        raise SheetRefused(
            "zip-bomb",
            f"its part {_shown(entry.filename)} unpacks to {ratio:.0f} times its size, more than"
            f" {RATIO_MAX}",
            "copy the filled cells to a new workbook",
        )
    if entry.filename.casefold().endswith((".zip", ".xlsx", ".xlsm", ".xls", ".ods")):
        raise SheetRefused(
            "nested-archive", f"has a file in it: {_shown(entry.filename)}", "import that by itself"
        )


def _check_places(entries: Iterable[zipfile.ZipInfo], directory_start: int) -> None:
    """No two entries share bytes: that is how a small archive becomes large without limit."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise SheetRefused(
                "overlapping-entries",
                f"its part {_shown(entry.filename)} shares bytes with another",
                "it was made to hurt; ask the sender how it was made",
            )
        end = entry.header_offset + _LOCAL_BYTES + entry.compress_size
    if end > directory_start:
        raise _broken("its parts end behind its directory")


def _old_encoding(entry: zipfile.ZipInfo) -> bytes:
    try:
        return entry.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return b""


def _shown(name: str) -> str:
    """A name from the archive, short and without anything that is not seen."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    return plain if len(plain) <= 60 else plain[:57] + "..."


def _broken(rule: str) -> SheetRefused:
    return SheetRefused(
        "broken-workbook",
        f"is no whole workbook: {rule}",
        "it may have been cut off on its way; ask for it once more",
    )


def _too_many() -> SheetRefused:
    return SheetRefused(
        "too-many-entries", f"has more than {ENTRIES_MAX} parts", "copy the sheet to a new workbook"
    )


def _too_large(size: int) -> SheetRefused:
    return SheetRefused(
        "zip-bomb",
        f"unpacks to {size} bytes, more than {TOTAL_BYTES_MAX}",
        "copy the filled cells to a new workbook without pictures, or split it",
    )
