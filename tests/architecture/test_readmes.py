"""README.md and README.zh.md say the same: the same commands, sections, tables and links.

What the sentences say is for readers; this only notices when one of the two was changed alone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from architecture.checkout import ROOT, table_rows, text_of
from hutong_node.__main__ import application

ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh.md"
_PROGRAMS = ("make", "hutong", ".")


def blocks(text: str) -> list[str]:
    """The fenced blocks of a text, in order."""
    return re.findall(r"^```[a-z]*\n(.*?)^```$", text, re.M | re.S)


def commands(text: str) -> list[list[str]]:
    """The commands of each fenced block, without comments; blocks of other kinds give none."""
    found = []
    for block in blocks(text):
        lines = [line.split("#")[0].rstrip() for line in block.splitlines()]
        found.append([line for line in lines if line.split(" ")[0] in _PROGRAMS])
    return found


def examples(text: str) -> list[str]:
    """The fenced blocks that are JSON, which must be the same to the letter."""
    return [block for block in blocks(text) if block.startswith("{")]


def named(text: str) -> list[str]:
    """The calls of our own programs that stand inside of sentences and tables, in order."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return re.findall(r"`((?:hutong|make)(?:-[a-z]+)?(?: [^`]+)?)`", prose)


def headings(text: str) -> list[str]:
    """The levels of the headings, in order."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return re.findall(r"^(#+) ", prose, re.M)


def links(text: str) -> list[str]:
    """Where the links lead, in order, but for those from one README to the other."""
    return [to for to in re.findall(r"\]\(([^)]+)\)", text) if not to.startswith("README")]


def differences(english: str, chinese: str) -> list[str]:
    """In what two texts differ that should be the same in both."""
    pairs = {
        "commands": (commands(english), commands(chinese)),
        "examples": (examples(english), examples(chinese)),
        "calls": (named(english), named(chinese)),
        "headings": (headings(english), headings(chinese)),
        "links": (links(english), links(chinese)),
        "rows": ([len(row) for row in table_rows(english)],
                 [len(row) for row in table_rows(chinese)]),
        "terms": (terms(english), terms(chinese)),
    }  # fmt: skip
    return [name for name, (one, other) in pairs.items() if one != other]


def terms(text: str) -> list[list[str]]:
    """The rows of the glossary: the English and the Chinese word."""
    rows = table_rows(text)
    start = next(place for place, row in enumerate(rows) if row[0] == "English")
    return [row[:2] for row in rows[start:]]


def test_both_readmes_have_the_same_commands_sections_tables_and_links() -> None:
    english, chinese = text_of(ENGLISH), text_of(CHINESE)
    assert differences(english, chinese) == []
    assert sum(map(len, commands(english))) > 15
    assert len(headings(english)) > 8


def test_the_readmes_lead_to_each_other_and_to_files_that_there_are() -> None:
    assert "](README.zh.md)" in text_of(ENGLISH)
    assert "](README.md)" in text_of(CHINESE)
    for text in (text_of(ENGLISH), text_of(CHINESE)):
        assert all((ROOT / to).exists() for to in links(text))


def test_the_chinese_readme_uses_the_words_of_its_glossary() -> None:
    text = text_of(CHINESE)
    prose = text[: text.index("| English |")]
    for english, chinese in terms(text)[1:]:
        assert chinese in prose, english
    for other in ("对端", "对等方", "供应", "需要单", "回执", "白名单", "公告页"):
        assert other not in text, other


@pytest.mark.parametrize("readme", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_the_readmes_name_only_commands_and_options_that_there_are(readme: Path) -> None:
    calls = [call for block in commands(text_of(readme)) for call in block]
    calls += named(text_of(readme))
    app: Any = typer.main.get_command(application())
    checked = 0
    for call in calls:
        program, *words = call.split()
        if program != "hutong":
            continue
        command = app.commands.get(words[0])
        assert command is not None, call
        if hasattr(command, "commands"):
            command = command.commands.get(words[1])
            assert command is not None, call
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, call
        checked += 1
    assert checked > 12


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("hutong status", "hutong stats", "commands"),
        ("`make bench`", "`make test`", "calls"),
        ('"title": "西安疫情"', '"title": "疫情"', "examples"),
        ("## 许可", "### 许可", "headings"),
        ("](adapters/README.md)", "](node/README.md)", "links"),
        ("| need | 需求 |", "| need | 需要 |", "terms"),
        ("| 分叉 |", "| 分叉 | |", "rows"),
    ],
)
def test_a_change_of_one_readme_alone_is_noticed(old: str, new: str, what: str) -> None:
    chinese = text_of(CHINESE)
    assert old in chinese
    assert differences(text_of(ENGLISH), chinese.replace(old, new)) == [what]
