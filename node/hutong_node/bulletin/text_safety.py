"""Words of others made safe to look at: what can't be seen is shown, what can't be shown is hidden.

Owns the way from any text of a record to pieces for a template. The template escapes each piece,
so nothing here makes markup. Characters that turn, hide or join other characters (threat 22) are
shown by their code, and so are controls; piles of accents are cut. What looks like personal data is
hidden from view and its kind said instead (Spec: 13.4.6), wherever it stands but in the fields that
the caller says are an organisation's own desk.

Also owns which links may be followed: http, https, tel and mailto, and nothing else (threat 45).
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from hutong_protocol.personal_data import findings

SHORT_ID: Final = 12
"""Characters of an id after its prefix: nobody makes a key whose id begins like another's."""
_ACCENTS_MAX: Final = 4
_CODES_MAX: Final = 40
"""Codes shown of one text; what can't be seen beyond them is counted."""
_KEPT_LENGTH_MAX: Final = 400
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_LOOKALIKE_ALPHABETS: Final = frozenset({"LATIN", "CYRILLIC", "GREEK"})
_INVISIBLE: Final = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0"
    "\ufff0-\ufffc\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)
"""Characters without a shape of their own. U+FE0E and U+FE0F only choose between two drawings."""
_NONCHARACTER_LOW: Final = 0xFFFE


@dataclass(frozen=True, slots=True)
class Piece:
    """Some characters of a text. `mark` says what they stand for, empty for themselves.

    `code`: characters that can't be seen, by their codes. `hidden`: personal data, by its kind.
    `cut`: a number of accents that were left out. `more`: a number of characters that can't be seen
    either, beyond those shown by their codes.
    """

    text: str
    mark: str = ""

    @property
    def plain(self) -> str:
        """The piece in a place that has no markup."""
        return self.text if not self.mark else f"⟦{self.text}⟧"


@dataclass(frozen=True, slots=True)
class Shown:
    """A text as it may be shown. `language` is a BCP 47 tag, empty where nobody said."""

    pieces: tuple[Piece, ...]
    language: str = ""
    mixed: bool = False
    """Whether one word has letters of several alphabets that look alike."""

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.pieces)

    @property
    def plain(self) -> str:
        """One string for places that have no markup: titles, feeds, messages."""
        return "".join(piece.plain for piece in self.pieces)


NOTHING: Final = Shown(())


def shown(text: str, language: str = "", *, personal: bool = True) -> Shown:
    """A text in pieces.

    Args:
        text: any str, lone surrogates included.
        language: what the record says of its own language; ignored if it is no tag.
        personal: whether to hide what looks like personal data.
    """
    make = _kept if len(text) <= _KEPT_LENGTH_MAX else _shown
    return make(text, language, personal)


def _shown(text: str, language: str, personal: bool) -> Shown:
    pieces: list[Piece] = []
    for part, kind in _without_personal(text) if personal else ((text, ""),):
        pieces += [Piece(kind, "hidden")] if kind else _pieces(part)
    tag = language if _LANGUAGE.fullmatch(language) else ""
    return Shown(tuple(pieces), tag, _mixes_alphabets(text))


_kept = lru_cache(maxsize=4_096)(_shown)
"""Titles and names come again on every page. Long texts, which may be made of nothing but pieces,
are few on a page and many in a log: they would fill the memory."""


def has_personal(text: str) -> bool:
    """Whether something in a text would be hidden: such a text stands in no address either."""
    return bool(findings(text))


def one_line(text: Shown) -> Shown:
    """The same on one line, for places where a line of its own would look like one of ours."""
    return replace(
        text,
        pieces=tuple(
            replace(piece, text=re.sub(r"[\t\n]+", " ", piece.text)) for piece in text.pieces
        ),
    )


def joined(parts: Iterable[Shown], separator: str) -> Shown:
    """Several texts as one, with our own separator between them."""
    pieces: list[Piece] = []
    mixed = False
    for part in parts:
        if part:
            pieces += [Piece(separator), *part.pieces] if pieces else part.pieces
            mixed = mixed or part.mixed
    return Shown(tuple(pieces), mixed=mixed)


def short_id(text_id: str) -> str:
    """The beginning of an id in text form, which tells those of this world apart."""
    prefix, hyphen, rest = text_id.partition("-")
    return f"{prefix}{hyphen}{rest[:SHORT_ID]}"


def web_link(text: str) -> str | None:
    """The address to follow, if `text` is an http or https address of a public host; else None."""
    if not re.fullmatch(r"[!-~]{1,500}", text) or set(text) & set("<>\"'`\\{}|^"):
        return None
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme.lower() not in ("http", "https") or not port_is_right or "@" in parts.netloc:
        return None
    return text if _is_public(host) else None


def phone_link(text: str) -> str | None:
    """`tel:` with the digits, if `text` is a telephone number and nothing else."""
    if not re.fullmatch(r"\+?[0-9][0-9 ()./-]{1,29}", text):
        return None
    digits = re.sub(r"[^0-9]", "", text)
    return f"tel:{'+' if text.startswith('+') else ''}{digits}" if len(digits) > 2 else None


def mail_link(text: str) -> str | None:
    """`mailto:` with the address, if `text` is one and nothing else."""
    right = re.fullmatch(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+", text)
    return f"mailto:{text}" if right else None


def _is_public(host: str) -> bool:
    """Whether a host is a name with a dot, or an address that isn't of this machine or network."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        pass
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", host):
        return False
    last = host.rpartition(".")[2].lower()
    # What ends in a number is an address that programs read in ways of their own.
    return (
        "." in host
        and not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last)
        and last not in ("localhost", "local", "internal", "lan", "home", "test", "invalid")
    )


def _without_personal(text: str) -> Iterator[tuple[str, str]]:
    """Parts of a text: as they are, or empty with the kind of what stood there."""
    at = 0
    for found in sorted(findings(text), key=lambda finding: finding.start):
        if found.start < at:
            at = max(at, found.end)
            continue
        if found.start > at:
            yield text[at : found.start], ""
        yield "", found.kind.value
        at = found.end
    if at < len(text):
        yield text[at:], ""


def _pieces(text: str) -> Iterator[Piece]:
    plain: list[str] = []
    index = codes = more = 0
    while index < len(text):
        letter = text[index]
        if _is_hidden(text, index):
            codes += 1
            if codes > _CODES_MAX:
                more += 1
                index += 1
                continue
            end = index + 1
            while end < len(text) and text[end] == letter:
                end += 1
            if plain:
                yield Piece("".join(plain))
                plain = []
            times = f"×{end - index}" if end - index > 1 else ""
            yield Piece(f"U+{ord(letter):04X}{times}", "code")
            index = end
            continue
        accents = _accents(text, index)
        if accents > _ACCENTS_MAX:
            plain.append(text[index : index + _ACCENTS_MAX])
            yield Piece("".join(plain))
            plain = []
            yield Piece(f"+{accents - _ACCENTS_MAX}", "cut")
            index += accents
            continue
        plain.append(letter)
        index += 1
    if plain:
        yield Piece("".join(plain))
    if more:
        yield Piece(f"+{more}", "more")


def _is_hidden(text: str, index: int) -> bool:
    letter = text[index]
    if letter == "\u200d":
        # It joins the parts of one emoji; anywhere else it hides.
        return not (
            _is_emoji(text[index - 1 : index] or " ")
            and _is_emoji(text[index + 1 : index + 2] or " ")
        )
    if ord(letter) & 0xFFFE == _NONCHARACTER_LOW or 0xFDD0 <= ord(letter) <= 0xFDEF:
        return True
    return _INVISIBLE.match(letter) is not None


def _is_emoji(letter: str) -> bool:
    return letter in "\ufe0f\u2640\u2642" or unicodedata.category(letter) in ("So", "Sk")


def _accents(text: str, index: int) -> int:
    end = index
    while end < len(text) and unicodedata.category(text[end]) in ("Mn", "Me"):
        end += 1
    return end - index


def _mixes_alphabets(text: str) -> bool:
    """Whether a word has letters of two of the alphabets whose letters look alike."""
    if text.isascii():
        return False
    for word in re.findall(r"[^\W\d_]+", text):
        alphabets = {
            name
            for letter in word
            if (name := unicodedata.name(letter, "").partition(" ")[0]) in _LOOKALIKE_ALPHABETS
        }
        if len(alphabets) > 1:
            return True
    return False
