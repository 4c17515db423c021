"""LibreOffice without a window: converts a file, and tells what it took each cell for.

Owns running the program with a profile of its own, and reading the sheet that it writes as flat
ODS, in which formulas, links and kinds of values stand as what they are. Nothing of it is a
dependency: where LibreOffice is not installed the tests are skipped, and counted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAMES: Final = ("soffice", "libreoffice")
CONVERT_S: Final = 120.0
COLUMNS_MAX: Final = 100
"""The empty ones behind the last cell go on to the end of the sheet."""
CSV_IN: Final = "CSV:44,34,76,1,,1033,true"
"""Commas, quotes, UTF-8, and a quoted field is a text: what a person chooses in its dialogue."""
CSV_IN_UNASKED: Final = "CSV:44,34,76,1,,1033,false,true"
"""The same, but values are recognised in quoted fields, too: the worst that a person can choose."""
CSV_OUT: Final = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,false"

_OFFICE: Final = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_LOST: Final = re.compile("[\x01-\x08\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as LibreOffice understood it. `kind` is empty for an empty one."""

    text: str
    kind: str
    formula: bool
    link: bool


def office_path() -> str | None:
    """The program, if there is one: `SOFFICE` in the environment, or one of the usual names."""
    named = os.environ.get("SOFFICE")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


def converted(file: Path, form: str, out: Path, *, read_as: str | None = None) -> Path:
    """The file as LibreOffice writes it in another form, in the folder `out`.

    Args:
        form: an ending, or an ending with a filter and its options.
        read_as: a filter with options for reading.
    """
    program = office_path()
    assert program is not None
    profile = (out / "profile").resolve().as_uri()
    reading = [] if read_as is None else [f"--infilter={read_as}"]
    command = [
        *(program, f"-env:UserInstallation={profile}", "--headless", "--norestore", *reading),
        *("--convert-to", form, "--outdir", os.fspath(out), os.fspath(file)),
    ]
    done = subprocess.run(command, capture_output=True, timeout=CONVERT_S, check=False)
    made = out / f"{file.stem}.{form.partition(':')[0]}"
    assert made.is_file(), done.stderr.decode(errors="replace")
    return made


def cells_of(file: Path, out: Path, *, read_as: str | None = None) -> list[list[Cell]]:
    """The rows of the first sheet of a file, as LibreOffice opens it."""
    flat = converted(file, "fods", out, read_as=read_as)
    table = next(ET.parse(flat).iter(f"{_TABLE}table"))
    rows: list[list[Cell]] = []
    for row in table.iter(f"{_TABLE}table-row"):
        found = list(_cells(row))
        if any(cell.kind for cell in found):
            rows += [found] * int(row.get(f"{_TABLE}number-rows-repeated", "1"))
    return rows


def as_kept(text: str) -> str:
    """What LibreOffice keeps of a text in each of its forms.

    It has one line end, no tab behind that, and no control characters.
    """
    return _LOST.sub("", re.sub("[\r\n]+\t?", "\n", text))


def _cells(row: ET.Element) -> Iterator[Cell]:
    for cell in row:
        if cell.tag not in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            continue
        paragraphs = cell.findall(f"{_TEXT}p")
        made = Cell(
            "\n".join(map(_words, paragraphs)),
            cell.get(f"{_OFFICE}value-type", ""),
            cell.get(f"{_TABLE}formula") is not None,
            any(True for each in paragraphs for _ in each.iter(f"{_TEXT}a")),
        )
        times = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
        yield from [made] * min(times, COLUMNS_MAX)


def _words(paragraph: ET.Element) -> str:
    """The text of a paragraph, in which blanks that would be lost stand as elements."""
    said = paragraph.text or ""
    for each in paragraph:
        if each.tag == f"{_TEXT}s":
            said += " " * int(each.get(f"{_TEXT}c", "1"))
        elif each.tag == f"{_TEXT}tab":
            said += "\t"
        elif each.tag == f"{_TEXT}line-break":
            said += "\n"
        else:
            said += _words(each)
        said += each.tail or ""
    return said
