"""Vectors of identifiers as text: what they look like, and every way of mistyping. Spec: 2.5."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json

PREFIXES = ("org", "writer", "rec", "log", "event", "key")
COUNTED = bytes(range(32))


def spell(prefix: str, content: bytes, *, checksum_of: str | None = None) -> str:
    """The text of an identifier; `checksum_of` computes the checksum for another prefix."""
    covered = (prefix if checksum_of is None else checksum_of).encode() + b"-" + content
    body = base64.b32encode(content + raw.digest("text-id", covered)[:3])
    return f"{prefix}-{body.decode().rstrip('=').lower()}"


def cases() -> Iterator[Case]:
    """Identifiers written, read, and refused."""
    for prefix in PREFIXES:
        text = spell(prefix, COUNTED)
        yield _format(f"id-format-{prefix}", "2.5.2", "The bytes 00 to 1f", prefix, COUNTED)
        yield _parse(f"id-parse-{prefix}", "2.5.2", "The bytes 00 to 1f", text, prefix, COUNTED)
        yield _asked(f"id-asked-{prefix}", "The kind that was asked for", text, prefix, COUNTED)
    for name, content in (("zeros", bytes(32)), ("ones", b"\xff" * 32)):
        yield _format(f"id-format-{name}", "2.5.2", "An extreme identifier", "rec", content)
        text = spell("rec", content)
        yield _parse(f"id-parse-{name}", "2.5.2", "An extreme identifier", text, "rec", content)
    for name, comment, text in _mistyped():
        yield _refused(f"id-{name}", "2.5.3", comment, {"text": text})
    for prefix, asked in (("rec", "log"), ("key", "writer"), ("org", "rec")):
        yield _refused(
            f"id-{prefix}-where-{asked}-asked",
            "2.5.4",
            f"A right text of the kind {prefix} where {asked} is asked for",
            {"text": spell(prefix, COUNTED), "prefix": asked},
        )


def _mistyped() -> Iterator[tuple[str, str, str]]:
    right = spell("org", COUNTED)
    head, body = right.split("-")
    yield "capitals", "All in capitals", right.upper()
    yield "one-capital", "One capital in the body", right[:-1] + right[-1].upper()
    yield "prefix-capital", "A capital in the prefix", "Org-" + body
    yield "first-character", "The first character of the body is wrong", f"org-b{body[1:]}"
    yield "last-character", "The last character of the checksum is wrong", right[:-1] + "b"
    yield "swapped", "Two neighbours are swapped", f"org-{body[:4]}{body[5]}{body[4]}{body[6:]}"
    yield "character-missing", "A character is missing", right[:-1]
    yield "character-added", "A character too many", right + "a"
    yield "no-checksum", "The 32 bytes alone, without checksum", f"org-{_base32(COUNTED)}"
    yield "checksum-of-2", "Only two bytes of checksum", f"org-{_base32(_with_checksum()[:34])}"
    yield "31-bytes", "31 bytes, checksum right", spell("org", COUNTED[:31])
    yield "33-bytes", "33 bytes, checksum right", spell("org", COUNTED + b"\0")
    yield "no-bytes", "Nothing but a prefix and a checksum", spell("org", b"")
    yield "digit-1", "The digit 1 is not in the alphabet", right[:-1] + "1"
    yield "digit-0", "The digit 0 is not in the alphabet", right[:-1] + "0"
    yield "padding", "Padding of RFC 4648 after the body", right + "======"
    yield "blank-before", "A blank before the text", " " + right
    yield "blank-after", "A blank after the text", right + " "
    yield "newline-after", "A line break after the text", right + "\n"
    yield "blank-inside", "A blank inside the body", f"org-{body[:28]} {body[28:]}"
    yield "hyphen-inside", "A hyphen inside the body", f"org-{body[:28]}-{body[28:]}"
    yield "no-hyphen", "No hyphen after the prefix", head + body
    yield "other-hyphen", "U+2011 in place of the hyphen", f"org\u2011{body}"
    yield "full-width", "A full-width letter in the body", f"org-{chr(0xFF41)}{body[1:]}"
    yield "dotless-i", "U+0131, which some libraries turn into i", right.replace("i", "\u0131", 1)
    yield "kelvin", "U+212A, whose lower case is k", f"org-{body.replace('k', chr(0x212A), 1)}"
    yield "no-prefix", "The body alone", body
    yield "empty-prefix", "An empty prefix, checksum right for it", spell("", COUNTED)
    yield "unknown-prefix", "A prefix that is not in the table", spell("user", COUNTED)
    yield "record-for-rec", "A longer name of a known prefix", spell("record", COUNTED)
    yield (
        "other-prefix",
        "The checksum is that of another prefix",
        spell("log", COUNTED, checksum_of="rec"),
    )
    yield "empty", "No text at all", ""
    yield "hex", "The bytes in hexadecimal", f"org-{COUNTED.hex()}"


def _with_checksum() -> bytes:
    return COUNTED + raw.digest("text-id", b"org-" + COUNTED)[:3]


def _base32(content: bytes) -> str:
    return base64.b32encode(content).decode().rstrip("=").lower()


def _format(name: str, section: str, comment: str, prefix: str, content: bytes) -> Case:
    request: dict[str, Json] = {"prefix": prefix, "hex": content.hex()}
    expect: dict[str, Json] = {"ok": spell(prefix, content)}
    return Case(f"2/{name}", section, "MUST", comment, "id.format", request, expect)


def _parse(name: str, section: str, comment: str, text: str, prefix: str, content: bytes) -> Case:
    expect: dict[str, Json] = {"ok": {"prefix": prefix, "hex": content.hex()}}
    return Case(f"2/{name}", section, "MUST", comment, "id.parse", {"text": text}, expect)


def _asked(name: str, comment: str, text: str, prefix: str, content: bytes) -> Case:
    request: dict[str, Json] = {"text": text, "prefix": prefix}
    expect: dict[str, Json] = {"ok": {"prefix": prefix, "hex": content.hex()}}
    return Case(f"2/{name}", "2.5.4", "MUST", comment, "id.parse", request, expect)


def _refused(name: str, section: str, comment: str, request: dict[str, Json]) -> Case:
    return Case(
        f"2/{name}", section, "MUST", comment, "id.parse", request, {"fault": "bad-text-id"}
    )
