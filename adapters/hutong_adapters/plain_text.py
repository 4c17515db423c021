"""Text as it is compared, and as it is looked at. Never what is signed.

Owns one rule: two texts that people take for the same are the same key. Blanks at the ends, width,
case and invisible characters differ between copies of one sheet; letters, digits and everything
else that can be seen do not. And where a text is only looked at, characters that turn or hide
others are shown by their codes (threat 22).
"""

from __future__ import annotations

import unicodedata
from typing import Final

_INVISIBLE_ENDS: Final = "\u200b\u2060\ufeff"


def trimmed(text: str) -> str:
    """Without blanks, line ends and characters of no width around it."""
    before = None
    while before != text:
        before, text = text, text.strip().strip(_INVISIBLE_ENDS)
    return text


def comparable(text: str) -> str:
    """The form in which texts are compared: NFKC, no format characters, one case, single blanks."""
    visible = "".join(
        letter for letter in unicodedata.normalize("NFKC", text) if _is_visible(letter)
    )
    return " ".join(unicodedata.normalize("NFKC", visible.casefold()).split())


def with_codes(text: str) -> str:
    """The text with its invisible characters as their codes, like ⟦U+202E⟧."""
    if text.isascii():
        return text
    return "".join(letter if _is_visible(letter) else f"⟦U+{ord(letter):04X}⟧" for letter in text)


def _is_visible(letter: str) -> bool:
    return unicodedata.category(letter) != "Cf"
