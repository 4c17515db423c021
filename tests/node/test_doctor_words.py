"""The doctor's sentences: both languages, every case, every fault, numbers in words."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import hutong_node.doctor
from hutong_node.doctor.findings import FAILED, Finding, State
from hutong_node.doctor.words import (
    Language,
    fault_table,
    fault_words,
    placeholders,
    size_text,
    span_text,
    table,
    tell,
)
from hutong_node.marker import Mismatch
from hutong_protocol.faults import Fault
from hutong_protocol.ids import OrgId

MODULES = sorted(Path(next(iter(hutong_node.doctor.__path__))).glob("*.py"))
COMPUTED = {
    "restore-marker": {mismatch.name.lower().replace("_", "-") for mismatch in Mismatch},
    "public-address": {"no-resolve", "no-connect", "no-tls"},
    "ports": {"taken", "forbidden", "no-address", "refused"},
    "peer-port": {"silent", "closed", "unreachable"},
    "store": {"not-wal", "newer", "other-version", "older", "missing", "new"},
    "writer-key": {"missing", "unsafe", "unusable"},
    "peer-refusals": {"here", "there"},
    "clock-peers": {"ahead", "behind", "trusted"},
    "restored": {"withheld", "waits"},
    "peer-card": {"status", "none"},
    "peer-versions": {"ok", "none"},
    "peer-certificate": {"ok", "other"},
    "token": {"ok", "short"},
}
"""Cases whose names are put together, or stand in a variable, by the code of the check."""


def checks() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for code, check in table().items():
        for case, words in check.items():
            if case not in ("title", "why"):
                yield code, case, words


def constants(node: ast.expr) -> set[str]:
    """The texts that an expression can be, as far as it says so itself."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=body, orelse=other):
            return constants(body) | constants(other)
    return set()


def named() -> dict[str, set[str]]:
    """The codes and cases that stand in the code of the checks."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                (code,) = constants(node.args[0]) or {""}
                found[code] |= constants(node.args[1])
    found.pop("", None)
    return found


def test_every_case_that_a_check_gives_has_words_and_no_words_are_idle() -> None:
    given = {code: cases | COMPUTED.get(code, set()) for code, cases in named().items()}
    given["every"] = {FAILED}
    written: defaultdict[str, set[str]] = defaultdict(set)
    for code, case, _ in checks():
        written[code].add(case)
    assert given == written


def test_every_sentence_is_there_in_both_languages_and_wants_the_same_facts() -> None:
    for code, check in table().items():
        assert check["title"].keys() == check["why"].keys() == {"en", "zh"}, code
    for code, case, words in checks():
        for name in ("found", "next"):
            said = words.get(name)
            if said is None:
                continue
            assert said.keys() == {"en", "zh"}, (code, case)
            assert all(said.values())
            assert placeholders(said["en"]) == placeholders(said["zh"]), (code, case)
            assert re.search(r"[\u4e00-\u9fff{]", said["zh"]), (code, case)
            assert not re.search(r"[\u4e00-\u9fff]", said["en"]), (code, case)


def test_whatever_is_not_in_order_says_what_to_do_and_gives_a_command() -> None:
    for code, case, words in checks():
        state = State(words["state"])
        assert words["found"], (code, case)
        if state is State.OK:
            assert "next" not in words, (code, case)
            assert "command" not in words, (code, case)
        else:
            assert words["next"], (code, case)
            assert words["command"], (code, case)


def test_every_fault_of_the_protocol_is_explained_in_both_languages() -> None:
    table_of = fault_table()
    assert table_of["fault"].keys() == {fault.value for fault in Fault} | {"unknown"}
    used = {entry["advice"] for entry in table_of["fault"].values()}
    assert used == table_of["advice"].keys()
    for name in table_of["fault"]:
        english, chinese = fault_words(name, Language.EN), fault_words(name, Language.ZH)
        for words in (english, chinese):
            assert all((words.meaning, words.here, words.there, words.command)), name
        assert not re.search(r"[\u4e00-\u9fff]", english.meaning + english.here + english.there)
        for sentence in (chinese.meaning, chinese.here, chinese.there):
            assert re.search(r"[\u4e00-\u9fff]", sentence), name
        assert set(placeholders(english.command)) <= {"peer", "data"}
    meanings = [fault_words(name, Language.EN).meaning for name in sorted(table_of["fault"])]
    assert all(one != other for one, other in pairwise(sorted(meanings)))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("case", ["here", "there"])
def test_refusal_is_told_with_its_meaning_and_the_advice_of_its_side(
    language: Language, case: str
) -> None:
    org = OrgId(bytes(32))
    for fault in [*Fault, "words of a stranger"]:
        finding = Finding("peer-refusals", case, {"fault": str(fault), "count": 3}, org)
        told = tell(finding, language, " --data '/a b'")
        words = fault_words(str(fault), language)
        assert words.meaning in told.found
        assert "3" in told.found
        assert told.next == (words.here if case == "here" else words.there)
        assert "{" not in told.command
        assert told.command
    assert "org-" in tell(Finding("peer-let-in", "no", peer=org), language).command


def test_check_that_broke_off_is_told_as_unknown_whatever_it_was() -> None:
    for code in table():
        told = tell(Finding(code, FAILED, {"error": "OSError"}), Language.ZH)
        assert (told.state, "OSError" in told.found) == (State.UNKNOWN, True)


def test_paths_stand_in_commands_so_that_a_shell_takes_them_whole() -> None:
    path = "/a b/it's; rm x"
    told = tell(Finding("data-folder", "open", {"path": path, "mode": "0755"}), Language.EN)
    assert told.command == "chmod 700 '/a b/it'\"'\"'s; rm x'"
    assert path in told.found


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0, "0 s", "0 秒"),
        (-59, "59 s", "59 秒"),
        (60, "1 min", "1 分钟"),
        (3_599, "59 min", "59 分钟"),
        (3_600, "1 h", "1 小时"),
        (47 * 3_600, "47 h", "47 小时"),
        (48 * 3_600, "2 days", "2 天"),
        (-40 * 365 * 86_400, "14600 days", "14600 天"),
    ],
)
def test_spans_are_told_in_the_unit_that_people_would_use(
    seconds: int, english: str, chinese: str
) -> None:
    assert span_text(seconds, Language.EN) == english
    assert span_text(seconds, Language.ZH) == chinese


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1_023, "1023 bytes"), (1_536, "1.5 KiB"), (2**30, "1.0 GiB"),
     (300 * 2**20, "300 MiB"), (5_000 * 2**40, "5000 TiB")],
)  # fmt: skip
def test_sizes_are_told_with_a_unit_that_keeps_them_short(size: int, text: str) -> None:
    assert size_text(size) == text
