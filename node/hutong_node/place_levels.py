"""Places by code, and the wider places that they lie in.

Owns the names of places in the index and in addresses of pages: `CN:610113` lies in `CN:6101`, that
in `CN:61`. Codes of CN-GB2260 and CN-NBS12 are one tree, since the second continues the first; the
zeros that fill a code up say nothing. ISO 3166-2 has its country; other schemes have no levels that
a program can know, so their codes stand alone. Spec: 12.3.9.
"""

from __future__ import annotations

from typing import Final

CHINA: Final = "CN"
_CHINESE_SCHEMES: Final = frozenset({"CN-GB2260", "CN-NBS12"})
_CHINESE_DIGITS: Final = (2, 4, 6, 9, 12)
"""Digits of a province, prefecture, county, township, community."""


def levels(scheme: str, code: str) -> tuple[str, ...]:
    """The names of a place and of all that it lies in, the widest first; any strs are allowed."""
    if scheme in _CHINESE_SCHEMES:
        return _chinese(code) or (f"{scheme}:{code}",)
    country, hyphen, _ = code.partition("-")
    if scheme == "ISO3166-2" and hyphen and country:
        return f"{scheme}:{country}", f"{scheme}:{code}"
    return (f"{scheme}:{code}",)


def parent_of(name: str) -> str:
    """The place that a place lies in, by name; empty for one that lies in none."""
    scheme, _, code = name.partition(":")
    if scheme == CHINA:
        wider = [digits for digits in _CHINESE_DIGITS if digits < len(code)]
        return f"{CHINA}:{code[: wider[-1]]}" if wider else ""
    country, hyphen, _ = code.partition("-")
    return f"{scheme}:{country}" if scheme == "ISO3166-2" and hyphen and country else ""


def place_name(text: str) -> str | None:
    """The name that somebody typed: digits of a Chinese code, or scheme and code with a colon.

    None for what can be neither; a name that no record has is no error.
    """
    if text.isascii() and text.isdigit():
        found = _chinese(text)
        return found[-1] if found else None
    scheme, colon, code = text.partition(":")
    if not (scheme and colon and code):
        return None
    if scheme == CHINA:
        return text if code in [name.partition(":")[2] for name in _chinese(code)] else None
    return levels(scheme, code)[-1]


def typed(name: str) -> str:
    """How a place stands in an address of a page; `place_name` reads it again."""
    scheme, _, code = name.partition(":")
    return code if scheme == CHINA else name


def _chinese(code: str) -> tuple[str, ...]:
    """The levels of a code of digits; none for a code of another form."""
    if not (code.isascii() and code.isdigit()) or len(code) not in _CHINESE_DIGITS:
        return ()
    kept = [
        digits
        for before, digits in zip((0, *_CHINESE_DIGITS), _CHINESE_DIGITS, strict=False)
        if digits <= len(code) and code[before:].strip("0")
    ]
    return tuple(f"{CHINA}:{code[:digits]}" for digits in kept)
