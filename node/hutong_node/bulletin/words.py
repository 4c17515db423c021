"""The bulletin's own words in Chinese and English.

Owns reading `words.toml`, which is written for people who correct a translation and know no Python,
and the labels of codes, which are the core's. Both languages are always there; a test holds the
file to that, and to every key that templates and code use. What is filled in stands at `{}`: it is
an argument, never part of a phrase.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from hutong_node.bulletin.filters import LANGUAGES
from hutong_node.bulletin.text_safety import Shown, shown
from hutong_protocol import taxonomy

PACKAGE: Final = "hutong_node.bulletin"
BOUNDS: Final = ("exact", "estimate", "at_least", "up_to", "unbounded", "unknown", "band")


@cache
def catalogue() -> Mapping[str, tuple[str, str]]:
    """All phrases by `section.key`, in the order of `LANGUAGES`."""
    text = (resources.files(PACKAGE) / "words.toml").read_text(encoding="utf-8")
    return {
        f"{section}.{key}": (str(both[0]), str(both[1]))
        for section, entries in tomllib.loads(text).items()
        for key, both in entries.items()
    }


class Words:
    """The phrases of one language."""

    def __init__(self, language: str) -> None:
        """`language` is one of `LANGUAGES`."""
        self.language = language
        self.tag = "zh-CN" if language == "zh" else "en"
        self._at = LANGUAGES.index(language)
        self.bounds = {bound: self(f"bound.{bound}", "{}") for bound in BOUNDS}

    def __call__(self, key: str, *values: object) -> str:
        """A phrase, with values filled in.

        Raises:
            KeyError: there is no such phrase: our own mistake, which a test finds.
        """
        phrase = catalogue()[key][self._at]
        return phrase.format(*values) if values else phrase

    def has(self, key: str) -> bool:
        """Whether there is such a phrase."""
        return key in catalogue()

    def label(self, codes: Mapping[str, taxonomy.Label], code: str) -> Shown:
        """How a code is shown; one that is in no list as it is, without who defined it."""
        label = codes.get(code)
        if label is None:
            return shown(code.partition("#")[2] or code)
        return shown(label.zh if self.language == "zh" else label.en, personal=False)

    def plain(self, text: Shown) -> str:
        """A text as one string, for places without markup: what is hidden is told in words."""
        return "".join(
            f"[{self(f'hidden.{piece.text}')}]" if piece.mark == "hidden" else piece.plain
            for piece in text.pieces
        )

    def topic(self, topic: str) -> str:
        """The name of a topic with its code."""
        label = taxonomy.TOPICS.get(topic)
        if label is None:
            return topic
        return f"{label.zh if self.language == 'zh' else label.en} ({topic})"


@cache
def words_in(language: str) -> Words:
    """The words of a language."""
    return Words(language)
