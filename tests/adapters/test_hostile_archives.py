"""Archives that are no workbook, or would hurt, are refused by name before they do. Threat 37."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable

import pytest

from adapters.hostile_samples import ONE_CELL, refusal
from adapters.sheet_samples import (
    SHEET_PART,
    ods_of,
    parts_of,
    table,
    xlsx,
    zipped,
)
from hutong_adapters.archive_scan import Archive


def patched_sizes(data: bytes, name: str, size: int) -> bytes:
    """An archive whose directory and local header say another unpacked size for a part."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entry = archive.getinfo(name)
        start = archive.start_dir
    out = bytearray(data)
    struct.pack_into("<I", out, entry.header_offset + 22, size)
    place = out.index(name.encode(), start) - 46
    struct.pack_into("<I", out, place + 24, size)
    return bytes(out)


def twice(name: str) -> bytes:
    """A workbook with one more entry, which may be there already."""
    written = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(written, "w") as archive:
        warnings.simplefilter("ignore")
        for part, content in parts_of(xlsx(ONE_CELL)).items():
            archive.writestr(part, content)
        archive.writestr(zipfile.ZipInfo(name), b"<worksheet/>")
    return written.getvalue()


def overlapping() -> bytes:
    """Two entries of the directory with the same bytes: how a small archive has no end."""
    data = bytearray(zipped({"xl/workbook.xml": b"a" * 50, "xl/workbook.xmm": b"a" * 50}))
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 4)
    struct.pack_into("<I", data, second + 42, 0)
    return bytes(data)


ARCHIVES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a ratio of a thousand": (
        "zip-bomb",
        lambda: xlsx(ONE_CELL, {"xl/media/a.bin": b"\0" * 20_000_000}),
    ),
    "200 MB in 200 KB": (
        "zip-bomb",
        lambda: xlsx(ONE_CELL, {f"xl/media/{n}.bin": b"\0" * 20_000_000 for n in range(10)}),
    ),
    "more than 50 MB in all": (
        "zip-bomb",
        lambda: zipped(
            {f"{n}.bin": (b"%07d" % n) * 750_000 for n in range(10)}, zipfile.ZIP_STORED
        ),
    ),
    "a size that is a lie": (
        "size-lie",
        lambda: patched_sizes(xlsx(ONE_CELL + "<row/>" * 500_000), SHEET_PART, 1_000),
    ),
    "a size that is a lie the other way": (
        "size-lie",
        lambda: patched_sizes(xlsx(ONE_CELL), SHEET_PART, 100_000),
    ),
    "201 entries": (
        "too-many-entries",
        lambda: zipped({f"{n}.xml": b"x" for n in range(201)}),
    ),
    "a million entries": (
        "too-many-entries",
        lambda: b"PK\x03\x04" + b"PK\x01\x02" * 1_000_000,
    ),
    "an entry twice": ("duplicate-entry", lambda: twice("xl/Worksheets/sheet1.xml")),
    "an entry twice by the name": ("duplicate-entry", lambda: twice(SHEET_PART)),
    "a name that leads up": ("odd-entry-name", lambda: twice("xl/../../etc/passwd")),
    "no name": ("odd-entry-name", lambda: twice("")),
    "a name from the root": ("odd-entry-name", lambda: twice("/etc/passwd")),
    "a name of another system": ("odd-entry-name", lambda: twice("..\\x.xml")),
    "a name with a drive": ("odd-entry-name", lambda: twice("c:/x.xml")),
    "a workbook in a workbook": (
        "nested-archive",
        lambda: xlsx(ONE_CELL, {"xl/embeddings/a.xlsx": xlsx(ONE_CELL)}),
    ),
    "entries that share bytes": ("overlapping-entries", overlapping),
    "macros": ("macros", lambda: xlsx(ONE_CELL, {"xl/vbaProject.bin": b"x"})),
    "macros of Excel 4": ("macros", lambda: xlsx(ONE_CELL, {"xl/macrosheets/a.xml": b"<x/>"})),
    "macros of ODS": (
        "macros",
        lambda: ods_of("<x/>", {"Basic/Standard/Module1.xml": b"<x/>"}),
    ),
    "an old or encrypted one": (
        "old-excel",
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5_000,
    ),
    "an encrypted one": (
        "encrypted",
        lambda: (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
            + b"\0" * 2_000
            + "EncryptedPackage".encode("utf-16-le")
        ),
    ),
    "an encrypted ODS": (
        "encrypted",
        lambda: ods_of(
            b"\x12\x34",
            {"META-INF/manifest.xml": "<m:manifest xmlns:m='u'><m:encryption-data/></m:manifest>"},
        ),
    ),
    "a table of text": ("not-a-workbook", lambda: b"a,b\n1,2\n"),
    "a web page": ("not-a-workbook", lambda: b"<html><table><tr><td>1"),
    "nothing": ("not-a-workbook", lambda: b""),
    "another archive": ("not-a-workbook", lambda: zipped({"a.txt": b"x"})),
}


@pytest.mark.parametrize(("name", "make"), ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_that_is_no_workbook_or_would_hurt_is_refused_by_name(
    name: str, make: Callable[[], bytes]
) -> None:
    """Threat 37."""
    found = refusal(make())
    assert found.name == name
    assert found.way_out


def test_an_encrypted_entry_is_refused() -> None:
    data = bytearray(xlsx(ONE_CELL))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.index(mark)
        data[start + place] |= 1
    assert refusal(bytes(data)).name == "encrypted"


def test_a_file_cut_off_anywhere_is_refused_in_words() -> None:
    data = table([["品名", "数量"], *[["口罩", number] for number in range(50)]])
    for end in [0, 1, 3, 4, 29, 30, 31, *range(40, len(data), 97), len(data) - 1]:
        found = refusal(data[:end])
        assert found.name in ("broken-workbook", "not-a-workbook")
        assert found.rule
        assert found.way_out


def test_a_broken_checksum_or_stream_is_refused() -> None:
    data = bytearray(table([["a"]]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entry = archive.getinfo(SHEET_PART)
    data[entry.header_offset + 30 + len(SHEET_PART) + 5] ^= 0xFF
    assert refusal(bytes(data)).name in ("broken-workbook", "size-lie")
    stored = bytearray(zipped(parts_of(table([["a"]])), zipfile.ZIP_STORED))
    stored[stored.index(b"<sheetData>") + 1] ^= 0x01
    assert refusal(bytes(stored)).name == "broken-workbook"


def test_a_deflated_part_is_not_inflated_beyond_what_it_says() -> None:
    """A part of 100 bytes by its word, 100 MB in truth: one more than its word is looked at."""
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = bomb.compress(b"\0" * 100_000_000) + bomb.flush()
    honest = zipped({**parts_of(xlsx(ONE_CELL)), SHEET_PART: b"x" * len(content)}, 0)
    data = bytearray(honest)
    start = data.index(b"x" * len(content))
    data[start : start + len(content)] = content
    for mark, method, size in ((b"PK\x03\x04", 8, 22), (b"PK\x01\x02", 10, 24)):
        place = data.rindex(mark, 0, data.rindex(SHEET_PART.encode(), 0, len(data)))
        if mark == b"PK\x03\x04":
            place = data.rindex(mark, 0, start)
        struct.pack_into("<H", data, place + method, 8)
        struct.pack_into("<I", data, place + size, 100)
    assert refusal(bytes(data)).name == "size-lie"


def test_a_version_of_the_format_that_nobody_reads_is_refused() -> None:
    data = bytearray(xlsx(ONE_CELL))
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 6, 99)
    assert refusal(bytes(data)).name == "broken-workbook"


def test_a_part_is_found_by_the_name_that_was_checked() -> None:
    """Newer archive readers take another name from a field that older ones pass over."""
    inside = b"xl/other.xml"
    crc = zlib.crc32(SHEET_PART.encode())
    unicode_name = struct.pack("<HHBI", 0x7075, 5 + len(inside), 1, crc) + inside
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in parts_of(xlsx(ONE_CELL)).items():
            entry = zipfile.ZipInfo(name)
            entry.extra = unicode_name if name == SHEET_PART else b""
            archive.writestr(entry, content)
    assert Archive(written.getvalue()).names == set(parts_of(xlsx(ONE_CELL)))
