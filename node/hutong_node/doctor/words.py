"""The sentences of the doctor, in English and Chinese, and how numbers stand in them.

Owns reading `words.toml` and `faults.toml`, which are written for people who correct a translation
and know no Python. A check has a title and why it matters; each of its cases has a state, what was
found, and, unless all is well, the next step and a command to paste. Both languages are always
there: a test holds the files to that, and to every case that a check can give.
"""

from __future__ import annotations

import shlex
import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from hutong_node.doctor.findings import FAILED, Fact, Finding, State
from hutong_protocol.ids import IdKind, format_id


class Language(StrEnum):
    """A language that the doctor speaks."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class Told:
    """A finding in words. `next` and `command` are empty where nothing needs to be done."""

    state: State
    title: str
    found: str
    why: str
    next: str
    command: str


@dataclass(frozen=True, slots=True)
class FaultWords:
    """A fault in words: what it says, and what to do if this node, or the peer, gave it.

    `command` wants `{peer}` and `{data}` to be filled in.
    """

    meaning: str
    here: str
    there: str
    command: str


@cache
def table() -> Mapping[str, Any]:
    """`words.toml`: the checks by their codes, and what all of them share under `every`."""
    return _read("words.toml")


@cache
def fault_table() -> Mapping[str, Any]:
    """`faults.toml`: under `fault` by its name, under `advice` what to do."""
    return _read("faults.toml")


def tell(finding: Finding, language: Language, data: str = "") -> Told:
    """A finding in a language.

    Args:
        data: what a command needs to be about this node, ` --data DIR`; empty for the usual folder.
    """
    check = table()[finding.code]
    case = table()["every"][FAILED] if finding.case == FAILED else check[finding.case]
    facts = {**finding.facts, "data": data}
    if finding.peer is not None:
        facts["peer"] = format_id(IdKind.ORG, finding.peer)
    words = _Words(language, facts)
    if "fault" in facts:
        known = fault_words(str(facts["fault"]), language)
        facts |= {"meaning": known.meaning, "here": known.here, "there": known.there}
        facts["advised"] = words.fill(known.command)
    return Told(
        state=State(case["state"]),
        title=check["title"][language.value],
        found=words.fill(case["found"][language.value]),
        why=check["why"][language.value],
        next=words.fill(case.get("next", {}).get(language.value, "")),
        command=words.fill(case.get("command", "")),
    )


def fault_words(fault: str, language: Language) -> FaultWords:
    """A fault in a language; what is no name of the protocol is said to be unknown."""
    known = fault_table()["fault"]
    entry = known[fault] if fault in known else known["unknown"]
    advice = fault_table()["advice"][entry["advice"]]
    here, there = advice["here"][language.value], advice["there"][language.value]
    return FaultWords(entry["meaning"][language.value], here, there, advice["command"])


def span_text(seconds: int, language: Language) -> str:
    """A span of time for people, without its sign."""
    rest = abs(seconds)
    for size, english, chinese in (
        (86_400, "day", "天"),
        (3_600, "h", "小时"),
        (60, "min", "分钟"),
    ):
        if rest >= 2 * size or (rest >= size and size < 86_400):
            count = rest // size
            if language is Language.ZH:
                return f"{count} {chinese}"
            return f"{count} {english}{'s' if english == 'day' else ''}"
    return f"{rest} 秒" if language is Language.ZH else f"{rest} s"


def size_text(size_bytes: int) -> str:
    """A number of bytes for people."""
    size, names = float(size_bytes), iter(("bytes", "KiB", "MiB", "GiB", "TiB"))
    name = next(names)
    for larger in names:
        if size < 1_024:
            break
        size, name = size / 1_024, larger
    return f"{size:.0f} {name}" if name == "bytes" or size >= 100 else f"{size:.1f} {name}"


class _Words(string.Formatter):
    """Fills sentences: `{n:span}` s, `{n:size}` bytes, `{n:time}` ms, `{path!q}` for a shell."""

    def __init__(self, language: Language, facts: Mapping[str, Fact]) -> None:
        self._language = language
        self._facts = facts

    def fill(self, text: str) -> str:
        """The sentence with the facts in it."""
        return self.vformat(text, (), self._facts)

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        """Adds the conversion `q`."""
        return shlex.quote(str(value)) if conversion == "q" else super().convert_field(value, None)

    def format_field(self, value: Any, format_spec: str) -> str:
        """Adds the formats of this module; there are no others."""
        match format_spec:
            case "span":
                return span_text(int(value), self._language)
            case "size":
                return size_text(int(value))
            case "time":
                at = datetime.fromtimestamp(int(value) / 1_000, UTC)
                return f"{at:%Y-%m-%d %H:%M:%S} UTC"
            case _:
                return str(value)


def _read(name: str) -> Mapping[str, Any]:
    text = (resources.files("hutong_node.doctor") / name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def placeholders(text: str) -> Sequence[str]:
    """The names that a sentence wants to be filled in, sorted."""
    return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name})
