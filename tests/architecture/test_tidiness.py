"""Nothing tracked belongs to one machine, promises unfinished work or says nothing.

Patterns are put together from pieces here, so that this file does not match itself.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from architecture.checkout import (
    Function,
    functions,
    name_of,
    parsed,
    text_of,
    tracked,
    tracked_files,
)

MACHINE_PATH = re.compile(
    r"(?:^|[^A-Za-z0-9_.-])/(?:" + "|".join(("work", "farm", "root", "tmp", "opt")) + ")/"
)
"""A path that names a folder of the machine that somebody happened to work on."""

HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
    )
)
"""Hosts of package registries: where packages come from is the user's configuration."""

UNFINISHED = re.compile(
    r"\b(?:"
    + "|".join(("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error", "x" + "fail"))
    + r")\b|pytest\.mark\."
    + r"skip\b|pragma: no "
    + "cover"
)

EMPTY_NAMES = frozenset(
    {
        "util",
        "utils",
        "helper",
        "helpers",
        "common",
        "base",
        "misc",
        "manager",
        "models",
        "services",
    }
)


def lines_matching(pattern: re.Pattern[str], files: Iterable[Path]) -> list[str]:
    """`file:line` of every line of these files in which the pattern is found."""
    return [
        f"{name_of(path)}:{number}"
        for path in files
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_tracked_file_names_a_path_of_a_machine() -> None:
    assert lines_matching(MACHINE_PATH, tracked_files()) == []


def test_the_pattern_of_machine_paths_finds_one_and_leaves_addresses_alone() -> None:
    assert MACHINE_PATH.search("open('/" + "work/main')")
    assert not MACHINE_PATH.search("https://example.org/" + "work/main")
    assert not MACHINE_PATH.search("../" + "work/main")


def test_no_tracked_file_names_the_host_of_a_package_registry() -> None:
    pattern = re.compile("|".join(re.escape(host) for host in HOSTS))
    assert lines_matching(pattern, tracked_files()) == []


def test_no_tracked_file_promises_unfinished_work() -> None:
    assert lines_matching(UNFINISHED, tracked(".py", ".js", ".mjs", ".md", ".sh")) == []


def test_no_module_or_folder_is_called_after_nothing() -> None:
    code = tracked(".py", ".js", ".mjs", ".sh")
    parts = {part for path in code for part in Path(name_of(path)).with_suffix("").parts}
    assert parts & EMPTY_NAMES == set()


def asserting(module: ast.Module) -> set[str]:
    """The names of the functions of a module that assert something, also through each other."""
    named = {name.rpartition(".")[2]: function for name, function in functions(module)}
    found: set[str] = set()
    while True:
        more = {name for name, function in named.items() if claims(function, found)}
        if more == found:
            return found
        found = more


def claims(function: Function, known: set[str]) -> bool:
    """Whether a function has an assertion, expects an exception, or calls one of `known`.

    Functions from elsewhere count by their name: `assert_`, `check_`, `expect_` and the like.
    """
    for node in ast.walk(function):
        if isinstance(node, ast.Assert | ast.Raise):
            return True
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            called = node.func.id if isinstance(node.func, ast.Name) else called
            if called in known or re.match(
                r"(assert|check|expect|raises|warns|fail|run_state)", called
            ):
                return True
    return False


def named_tests(path: Path) -> dict[str, Function]:
    """The test functions of a file by name."""
    return {
        name: function
        for name, function in functions(parsed(path))
        if name.rpartition(".")[2].startswith("test_")
    }


TEST_FILES = [path for path in tracked(".py") if path.name.startswith("test_")]


def test_every_test_asserts_something() -> None:
    idle = [
        f"{name_of(path)}:{name}"
        for path in TEST_FILES
        for name in named_tests(path)
        if name.rpartition(".")[2] not in asserting(parsed(path))
    ]
    assert idle == []


def test_the_name_of_every_test_is_a_sentence() -> None:
    short = [
        f"{name_of(path)}:{name}"
        for path in TEST_FILES
        for name in named_tests(path)
        if name.rpartition(".")[2].count("_") < 3
    ]
    assert short == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def test_a():\n    f()", set()),
        ("def test_a():\n    assert f()", {"test_a"}),
        ("def test_a():\n    g()\ndef g():\n    h()\ndef h():\n    assert 1", {"test_a", "g", "h"}),
        ("def test_a():\n    with pytest.raises(ValueError):\n        f()", {"test_a"}),
    ],
)
def test_a_test_without_an_assertion_is_noticed(source: str, expected: set[str]) -> None:
    assert asserting(ast.parse(source)) == expected
