"""Goes through one XML part of a workbook with expat, and refuses what no sheet has.

Owns the guard: no document type, hence no entities of any kind, UTF-8 only, no nesting beyond what
sheets need, and in their content nothing but elements and text. Elements are told to a handler as
they come, nothing is built in memory. Threat 39.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol
from xml.parsers import expat

from hutong_adapters.archive_scan import SheetRefused

DEPTH_MAX: Final = 64
PLAIN_FROM_DEPTH: Final = 3
"""From this depth on there is content, and only elements and text."""

_UNDEFINED_ENTITY: Final = 11
"""What expat calls `XML_ERROR_UNDEFINED_ENTITY`."""
_MADE_TO_HURT: Final = "no spreadsheet program writes this; ask the sender how it was made"
_DAMAGED: Final = "open it in a spreadsheet program, save it again, and import that"
_CHUNK_BYTES: Final = 1024 * 1024
"""The parser begins anew with every piece of one long tag, so pieces must not be many."""
_ENCODING: Final = re.compile(r"utf-?8|us-ascii", re.IGNORECASE)


class Handler(Protocol):
    """What is told of the elements of a part. Names stand as they are written, with prefixes."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        ...

    def end(self, name: str) -> None:
        """An element ends."""
        ...

    def text(self, text: str) -> None:
        """Text inside of the element that began last."""
        ...


def scan_part(part: str, content: bytes, handler: Handler, *, sheet: str = "") -> None:
    """Tells a handler every element of a part.

    Args:
        part: its name in the archive, for messages.
        sheet: the sheet that it is, if it is one.

    Raises:
        SheetRefused: by the guard, or by the handler.
    """
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        raise SheetRefused(
            "odd-encoding", f"its part {part} is not UTF-8", _DAMAGED, sheet=sheet
        ) from None
    parser = _guarded(part, handler, sheet)
    try:
        # In pieces: a handler that refuses is heard before the whole is read.
        for start in range(0, len(content), _CHUNK_BYTES):
            parser.Parse(content[start : start + _CHUNK_BYTES], False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        if error.code == _UNDEFINED_ENTITY:
            raise SheetRefused(
                "entity", f"its part {part} names an entity", _MADE_TO_HURT, sheet=sheet
            ) from None
        where = f"line {error.lineno}, column {error.offset + 1}"
        raise SheetRefused(
            "broken-xml", f"its part {part} is no XML ({where})", _DAMAGED, sheet=sheet
        ) from None


def _guarded(part: str, handler: Handler, sheet: str) -> expat.XMLParserType:
    depth = 0
    told_start, told_end = handler.start, handler.end

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH_MAX:
            rule = f"its part {part} is nested deeper than {DEPTH_MAX}"
            raise SheetRefused("deep-xml", rule, _MADE_TO_HURT, sheet=sheet)
        told_start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        told_end(name)

    def odd(*told: object) -> None:
        if depth >= PLAIN_FROM_DEPTH:
            rule = f"its part {part} has a comment or CDATA in its content"
            raise SheetRefused("odd-xml", rule, _DAMAGED, sheet=sheet)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = handler.text
    # Readers differ in what they make of these: 1<!-- -->0 is ten to one and one to another.
    parser.CommentHandler = odd
    parser.StartCdataSectionHandler = odd
    parser.ProcessingInstructionHandler = odd
    refuse = _refuser(part, sheet)
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    parser.XmlDeclHandler = _declaration(part, sheet)
    return parser


def _refuser(part: str, sheet: str) -> Callable[..., int]:
    def refuse(*declared: object) -> int:
        rule = f"its part {part} has a document type (DTD), which can name files and entities"
        raise SheetRefused("dtd", rule, _MADE_TO_HURT, sheet=sheet)

    return refuse


def _declaration(part: str, sheet: str) -> Callable[[str, str | None, int], None]:
    def check(version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and _ENCODING.fullmatch(encoding) is None:
            rule = f"its part {part} says that it is not UTF-8"
            raise SheetRefused("odd-encoding", rule, _DAMAGED, sheet=sheet)

    return check
