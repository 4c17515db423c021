"""The pass phrase of a backup: where it may come from, and which ones are refused as too weak.

It is never an argument: those stand in the list of processes and in the shell's memory. It comes
from a file that only its owner reads, from a variable of the environment, or from a prompt, which
is the command's business. It is compared as people type it: NFC, without the end of its line. No
message quotes any of it.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Final

from hutong_node.keys import KeyFileRefused, read_secret
from hutong_node.refusals import Code, Refused

VARIABLE: Final = "HUTONG_BACKUP_PASSPHRASE"
WEIGHT_MIN: Final = 12
DIFFERENT_MIN: Final = 5


def given_phrase(file: Path | None) -> str | None:
    """The pass phrase from `file`, otherwise from the environment, otherwise None.

    Raises:
        Refused: the file can't be used.
    """
    if file is None:
        return os.environ.get(VARIABLE)
    try:
        content = read_secret(file)
    except KeyFileRefused as refused:
        raise _unusable(str(refused)) from None
    try:
        return content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise _unusable(f"{file} is not text in UTF-8") from None


def phrase_bytes(phrase: str) -> bytes:
    """What keys are made of."""
    return unicodedata.normalize("NFC", phrase).encode("utf-8", errors="surrogateescape")


def require_strong(phrase: str) -> None:
    """Refuses what can be guessed: whoever finds the file may try for as long as he likes.

    A letter of a script with thousands of them counts twice.

    Raises:
        Refused: it is too short or too monotonous.
    """
    weight = sum(2 if ord(letter) > 0x2E7F else 1 for letter in phrase)
    if weight < WEIGHT_MIN or len(set(phrase)) < DIFFERENT_MIN:
        raise Refused(
            Code.WRONG_PASS_PHRASE,
            "the pass phrase is too weak",
            detail=f"it needs {WEIGHT_MIN} characters ({WEIGHT_MIN // 2} Chinese ones), of which"
            f" {DIFFERENT_MIN} differ",
            way_out="take five or six words that don't belong together, and write them down",
        )


def _unusable(why: str) -> Refused:
    return Refused(
        Code.WRONG_PASS_PHRASE,
        "the pass phrase can't be read",
        detail=why,
        way_out="name a file of mode 0600 with the pass phrase in it, or leave the option out",
    )
