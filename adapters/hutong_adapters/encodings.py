"""From the bytes of a text file to its text: which encoding it has, said or found out.

Owns the order: a byte order mark is believed before anything else; then strict UTF-8; then, only
where the mapping leaves the choice (`auto`), strict GB18030, which spreadsheets in China save CSV
as; or the encodings that the mapping lists, in its order. Decoding is always strict, and a file
that is partly in one encoding and partly in another is refused, since half of it would be read as
other characters than were written. Nothing here guesses from what words look likely. Threat 41.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final

from hutong_adapters.interface import FileRefused

AUTO: Final = "auto"
ENCODINGS: Final = {
    "utf-8": "utf-8",
    "gb18030": "gb18030",
    "utf-16": "utf-16",
    "latin-1": "latin-1",
    "windows-1252": "cp1252",
}
"""The encodings that a mapping may name, with Python's names for them."""
ANY_BYTES: Final = ("latin-1", "windows-1252")
"""Those that read nearly any bytes, and never say that they were the wrong one."""

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8", "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32", ""),
    (codecs.BOM_UTF32_BE, "utf-32", ""),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)
_MARK: Final = "\ufeff"
_MARK_IN_MIDDLE: Final = re.compile("[\r\n]\ufeff")
_ARCHIVE: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_IDEOGRAPH: Final = re.compile("[\u3400-\u9fff\uff00-\uffef\u3000-\u303f]")
_PRIVATE: Final = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")
_SAVE: Final = 'save it as "CSV UTF-8"'


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text without its byte order mark, and the encoding it was read as."""

    text: str
    encoding: str


def decode(file: str, data: bytes, encoding: str | tuple[str, ...] = AUTO) -> Decoded:
    """The text of a file.

    Args:
        encoding: `AUTO`, one of `ENCODINGS`, or several: the first that the bytes are taken in.

    Raises:
        FileRefused: it is not of this encoding, of several, or no text at all.
    """
    if data.startswith((_ARCHIVE, _OLE)):
        way_out = "give it the ending of its format, .xlsx or .ods; of an .xls save an .xlsx"
        raise FileRefused(file, "is a workbook, not a table of text", way_out, name="not-text")
    for mark, name, codec in _MARKS:
        if data.startswith(mark):
            if not codec:
                raise FileRefused(file, "is UTF-32", _SAVE, name="wrong-encoding")
            text = _strictly(file, data[len(mark) :], codec, name)
            return Decoded(_with_one_mark(file, text), name)
    if isinstance(encoding, tuple):
        return _first_that_fits(file, data, encoding)
    if encoding == "utf-16":
        rule = "has no byte order mark, so it is not known which UTF-16 it is"
        raise FileRefused(file, rule, _SAVE, name="wrong-encoding")
    if encoding == AUTO:
        return _found_out(file, data)
    if encoding != "utf-8":
        _check_not_utf8(file, data, encoding)
    text = _strictly(file, data, ENCODINGS[encoding], encoding)
    return Decoded(_with_one_mark(file, text), encoding)


def _first_that_fits(file: str, data: bytes, encodings: tuple[str, ...]) -> Decoded:
    """The text in the first of several encodings that takes it; never lines of two of them."""
    for encoding in encodings[:-1]:
        try:
            return decode(file, data, encoding)
        except FileRefused as refused:
            if refused.name != "wrong-encoding":
                raise
            if encoding == "utf-8":
                _check_no_line_is_utf8(file, data)
    return decode(file, data, encodings[-1])


def _check_no_line_is_utf8(file: str, data: bytes) -> None:
    """Refuses a file that is no UTF-8 but for a line that is: it was put together of two."""
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            continue
        raise FileRefused(
            file,
            f"has more than one encoding: line {number} is UTF-8, others are not",
            f"open it, correct what is garbled, and {_SAVE}",
            name="mixed-encodings",
        )


def _found_out(file: str, data: bytes) -> Decoded:
    try:
        return Decoded(_with_one_mark(file, data.decode("utf-8")), "utf-8")
    except UnicodeDecodeError as error:
        not_utf8 = _line(data, error.start)
        if error.end == len(data) and error.reason == "unexpected end of data":
            raise FileRefused(
                file,
                f"ends in the middle of a character (line {not_utf8})",
                "it may have been cut off on its way: ask for it once more; if it is whole, name"
                " its encoding: [rows] encoding",
                name="cut-off",
            ) from None
    for number, line in enumerate(data.split(b"\n"), start=1):
        if _is_chinese_utf8(line):
            raise FileRefused(
                file,
                f"has more than one encoding: line {number} is UTF-8, line {not_utf8} is not",
                f"open it, correct what is garbled, and {_SAVE}",
                name="mixed-encodings",
            )
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError as error:
        other = _line(data, error.start)
        rule = f"is neither UTF-8 (line {not_utf8}) nor GB18030 (line {other})"
        way_out = f"{_SAVE}, or name its encoding: [rows] encoding"
        raise FileRefused(file, rule, way_out, name="wrong-encoding") from None
    unnamed = _PRIVATE.search(text)
    if unnamed is not None:
        other = text.count("\n", 0, unnamed.start()) + 1
        rule = (
            f"is not UTF-8 (line {not_utf8}), and as GB18030 has signs that are none (line {other})"
        )
        way_out = f"{_SAVE}, or name its encoding: [rows] encoding"
        raise FileRefused(file, rule, way_out, name="wrong-encoding")
    return Decoded(text, "gb18030")


def _with_one_mark(file: str, text: str) -> str:
    """A text without marks that some programs write twice at its beginning.

    Raises:
        FileRefused: a line has one: two files were put together, and a header stands among rows.
    """
    text = text.lstrip(_MARK)
    found = _MARK_IN_MIDDLE.search(text)
    if found is not None:
        line = text.count("\n", 0, found.end()) + 1
        raise FileRefused(
            file,
            f"has a byte order mark in line {line}, where another file may begin",
            "import the files one by one",
            name="mark-inside",
        )
    return text


def _is_chinese_utf8(line: bytes) -> bool:
    """Whether a line is surely UTF-8: it decodes, and to ideographs.

    A text of GB18030 may be UTF-8 by chance, in Latin or Cyrillic letters of two bytes; ideographs
    have three.
    """
    if line.isascii():
        return False
    try:
        return _IDEOGRAPH.search(line.decode("utf-8")) is not None
    except UnicodeDecodeError:
        return False


def _check_not_utf8(file: str, data: bytes, encoding: str) -> None:
    """Refuses what the mapping takes for another encoding, though it is UTF-8 by every byte.

    Most other encodings read any bytes at all, and never say that they were the wrong one.
    """
    if data.isascii():
        return
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    if encoding != "gb18030" or _IDEOGRAPH.search(text):
        rule = f"is UTF-8, and the mapping says {encoding}"
        way_out = 'say [rows] encoding = "auto", or leave it out'
        raise FileRefused(file, rule, way_out, name="wrong-encoding")


def _strictly(file: str, data: bytes, codec: str, name: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        line = _line(data, error.start) if codec in ("utf-8", "gb18030", "cp1252") else 0
        where = f" (line {line})" if line else ""
        way_out = f"{_SAVE}, or name its encoding: [rows] encoding"
        raise FileRefused(
            file, f"is not {name.upper()}{where}", way_out, name="wrong-encoding"
        ) from None


def _line(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1
