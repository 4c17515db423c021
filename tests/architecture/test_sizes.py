"""Modules and functions stay readable; one that is longer says here why.

Numbers in the lists are not bounds to grow into: they are the length at which the reason was
accepted, and a little more is refused like anything else.
"""

from __future__ import annotations

import ast

from architecture.checkout import functions, name_of, package_modules, parsed, text_of, tracked

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
SHORT_MODULE_LINES = 120

LONG_MODULES: dict[str, tuple[int, str]] = {}
"""Path -> lines and the reason why it is one module."""

LONG_FUNCTIONS: dict[str, tuple[int, str]] = {}
"""`path:dotted name` -> lines and the reason why it is one function."""


def judge(lengths: dict[str, int], limit: int, allowed: dict[str, tuple[int, str]]) -> list[str]:
    """What is too long without a reason, or stands in the list though it need not."""
    too_long = [
        f"{name}: {lines} lines, {max(limit, allowed.get(name, (0, ''))[0])} allowed"
        for name, lines in lengths.items()
        if lines > limit and lines > allowed.get(name, (0, ""))[0]
    ]
    idle = [
        f"{name}: no longer needs a reason" for name in allowed if lengths.get(name, 0) <= limit
    ]
    return too_long + idle


def test_modules_over_the_limit_have_a_reason() -> None:
    lengths = {name_of(path): text_of(path).count("\n") for path in tracked(".py", ".js", ".mjs")}
    assert lengths
    assert judge(lengths, MODULE_LINES_MAX, LONG_MODULES) == []


def test_functions_over_the_limit_have_a_reason() -> None:
    lengths = {
        f"{name_of(path)}:{name}": (function.end_lineno or function.lineno) - function.lineno + 1
        for path in tracked(".py")
        for name, function in functions(parsed(path))
    }
    assert lengths
    assert judge(lengths, FUNCTION_LINES_MAX, LONG_FUNCTIONS) == []


def test_a_long_module_and_an_idle_reason_are_both_noticed() -> None:
    found = judge({"a": 501, "b": 600, "c": 10}, 500, {"b": (590, "x"), "c": (700, "y")})
    assert [line.split(":")[0] for line in found] == ["a", "b", "c"]


def test_every_module_of_a_package_says_in_its_header_what_it_owns() -> None:
    """A header has 3 to 15 lines; a module short enough to be seen at once may say it in one."""
    wrong = {}
    for path in package_modules():
        header = (ast.get_docstring(parsed(path)) or "").count("\n") + 1
        least = 3 if text_of(path).count("\n") > SHORT_MODULE_LINES else 1
        if not least <= header <= 15:
            wrong[name_of(path)] = header
    assert wrong == {}
