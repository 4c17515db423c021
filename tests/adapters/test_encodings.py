"""A table of text is read in the encoding that it has, or not at all. Threat 41."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hutong_adapters.encodings import AUTO, ENCODINGS, Decoded, decode
from hutong_adapters.interface import FileRefused

TEXT = "品名,数量\n医用口罩,20\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16"),
        (TEXT.encode("gb18030"), "gb18030"),
        (TEXT.encode("gbk"), "gb18030"),
        (b"a,b\n", "utf-8"),
        (b"", "utf-8"),
    ],
)
def test_the_encoding_is_found_out(data: bytes, encoding: str) -> None:
    found = decode("a.csv", data)
    assert found.encoding == encoding
    assert found.text in (TEXT, "a,b\n", "")


@given(st.text(st.characters(codec="gb18030", exclude_categories=["Cs", "Co", "Cn"])))
def test_any_chinese_text_comes_back_from_its_bytes_or_is_refused(text: str) -> None:
    refused = ""
    found = Decoded(text, "gb18030")
    try:
        found = decode("a.csv", text.encode("gb18030"))
    except FileRefused as error:
        refused = error.name
    assert refused in (
        "",
        "mixed-encodings",
        "wrong-encoding",
        "not-text",
        "cut-off",
        "mark-inside",
    )
    assert found.text == text or found.encoding != "gb18030"


# A NUL behind the mark of UTF-16 would make it that of UTF-32; a file with NUL is refused anyway.
@given(st.text(st.characters(exclude_characters="\0")), st.sampled_from(["utf-8-sig", "utf-16"]))
def test_any_text_with_a_mark_comes_back(text: str, codec: str) -> None:
    try:
        data = text.encode(codec)
    except UnicodeEncodeError:
        data = "".encode(codec)
        text = ""
    assume(not re.search("[\r\n]\ufeff", text))
    assert decode("a.csv", data).text == text.lstrip("\ufeff")


@given(st.binary(), st.sampled_from([AUTO, *ENCODINGS]))
def test_any_bytes_are_a_text_or_a_refusal(data: bytes, encoding: str) -> None:
    refused = ""
    try:
        text = decode("a.csv", data, encoding).text
    except FileRefused as error:
        refused, text = error.name, ""
    assert refused in (
        "",
        "not-text",
        "wrong-encoding",
        "mixed-encodings",
        "cut-off",
        "mark-inside",
    )
    assert isinstance(text, str)


@pytest.mark.parametrize(
    ("data", "encoding", "name", "rule"),
    [
        (
            "数量\n".encode() + "口罩\n".encode("gb18030"),
            AUTO,
            "mixed-encodings",
            "line 1 is UTF-8",
        ),
        (
            "口罩\n".encode("gb18030") + "数量\n".encode(),
            AUTO,
            "mixed-encodings",
            "line 2 is UTF-8",
        ),
        ("Qué?\n".encode("latin-1"), AUTO, "wrong-encoding", "is neither UTF-8 (line 1)"),
        (b"a\n\xff\n", AUTO, "wrong-encoding", "is neither UTF-8 (line 2) nor GB18030 (line 2)"),
        (codecs.BOM_UTF32_LE + b"a\0\0\0", AUTO, "wrong-encoding", "is UTF-32"),
        (TEXT.encode("utf-16-le"), "utf-16", "wrong-encoding", "has no byte order mark"),
        (TEXT.encode("gb18030"), "utf-8", "wrong-encoding", "is not UTF-8 (line 1)"),
        (TEXT.encode(), "gb18030", "wrong-encoding", "is UTF-8, and the mapping says gb18030"),
        ("é".encode(), "latin-1", "wrong-encoding", "is UTF-8, and the mapping says latin-1"),
        (b"\x81", "windows-1252", "wrong-encoding", "is not WINDOWS-1252 (line 1)"),
        (TEXT.encode("utf-16")[:-1], AUTO, "wrong-encoding", "is not UTF-16"),
        (TEXT.encode("gb18030")[:-1] + b"\x81", AUTO, "wrong-encoding", "is neither"),
        (b"\xaa\xa1a", AUTO, "wrong-encoding", "is not UTF-8 (line 1), and as GB18030"),
        ("a,b\n1,罩".encode()[:-1], AUTO, "cut-off", "ends in the middle of a character (line 2)"),
        ("a\n1\n\ufeffa\n2\n".encode(), AUTO, "mark-inside", "in line 3"),
        (
            codecs.BOM_UTF16_LE + "a\r\n1\r\n\ufeffa\r\n".encode("utf-16-le"),
            AUTO,
            "mark-inside",
            "in line 3",
        ),
        (b"PK\x03\x04x", AUTO, "not-text", "is a workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "latin-1", "not-text", "is a workbook"),
    ],
)
def test_what_is_of_no_or_of_another_encoding_is_refused(
    data: bytes, encoding: str, name: str, rule: str
) -> None:
    """Threat 41."""
    with pytest.raises(FileRefused) as refused:
        decode("a.csv", data, encoding)
    assert refused.value.name == name
    assert rule in refused.value.rule
    assert refused.value.way_out


def test_a_mark_is_believed_before_the_mapping() -> None:
    assert decode("a.csv", codecs.BOM_UTF8 + TEXT.encode(), "gb18030").encoding == "utf-8"


def test_a_mark_that_stands_twice_at_the_beginning_is_no_part_of_the_text() -> None:
    assert decode("a.csv", codecs.BOM_UTF8 * 2 + b'"a",b\n').text == '"a",b\n'


@pytest.mark.parametrize("encoding", ["utf-8", ("utf-8", "latin-1")])
def test_a_mark_at_a_later_line_is_one_whatever_the_mapping_says(
    encoding: str | tuple[str, ...],
) -> None:
    with pytest.raises(FileRefused) as refused:
        decode("a.csv", "a\n1\n\ufeffa\n2\n".encode(), encoding)
    assert refused.value.name == "mark-inside"


def test_short_chinese_words_that_are_utf8_by_chance_are_not_taken_for_a_mixture() -> None:
    """The bytes of 一 in GB18030 are those of a Cyrillic letter in UTF-8."""
    data = "一\n医用口罩\n".encode("gb18030")
    assert decode("a.csv", data).text == "一\n医用口罩\n"


def test_latin_1_is_read_where_the_mapping_says_so(data_folder: Path) -> None:
    data = (data_folder / "hxl" / "input-valid-latin1.csv").read_bytes()
    assert "Organización" in decode("a.csv", data, "latin-1").text
    with pytest.raises(FileRefused, match="is neither UTF-8"):
        decode("a.csv", data)


def test_of_several_encodings_the_first_that_fits_is_taken() -> None:
    listed = ("utf-8", "latin-1")
    assert decode("a.csv", "Salúd".encode(), listed).encoding == "utf-8"
    found = decode("a.csv", "Salúd".encode("latin-1"), listed)
    assert (found.text, found.encoding) == ("Salúd", "latin-1")


def test_a_file_put_together_of_two_encodings_fits_none() -> None:
    mixed = "Salúd\n".encode() + "Educación\n".encode("latin-1")
    with pytest.raises(FileRefused, match="line 1 is UTF-8, others are not"):
        decode("a.csv", mixed, ("utf-8", "latin-1"))
