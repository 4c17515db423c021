"""Every hard case and threat of this version has a row in `TRACE.toml`; what it names exists."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from architecture.checkout import ROOT, functions, parsed

TESTS = ROOT / "tests"
TRACE: dict[str, dict[str, dict[str, Any]]] = tomllib.loads(
    (TESTS / "TRACE.toml").read_text(encoding="utf-8")
)
NUMBERS = {
    "hard-case": [*range(1, 30), 33, 34, *range(38, 48), *range(59, 70), 72, 73, 74, 76],
    "threat": [*range(1, 15), 19, 20, *range(22, 27), *range(28, 34), *range(44, 50), 61],
}
ROWS = [(table, number) for table, rows in TRACE.items() for number in rows]
FIELDS = {"says", "vectors", "tests", "missing"}


@cache
def vectors() -> list[str]:
    """The ids of all vectors."""
    folder = ROOT / "spec" / "vectors"
    return sorted(f"{path.parent.name}/{path.stem}" for path in folder.glob("*/*.json"))


@cache
def names_in(path: Path) -> set[str]:
    """The functions of a file, methods too."""
    return {name.rpartition(".")[2] for name, _ in functions(parsed(path))}


def without_match(patterns: list[str]) -> list[str]:
    """The patterns that fit no vector."""
    return [one for one in patterns if not any(fnmatchcase(name, one) for name in vectors())]


def absent(tests: list[str]) -> list[str]:
    """Those of the tests that stand nowhere."""
    found = []
    for named in tests:
        file, _, name = named.partition("::")
        path = TESTS / file
        if not name.startswith("test_") or not path.is_file() or name not in names_in(path):
            found.append(named)
    return found


@pytest.mark.parametrize("table", sorted(NUMBERS))
def test_every_number_has_its_row_and_rows_stand_in_order(table: str) -> None:
    numbers = [int(number) for number in TRACE[table]]
    assert sorted(set(NUMBERS[table]) - set(numbers)) == []
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(("table", "number"), ROWS)
def test_what_a_row_names_exists(table: str, number: str) -> None:
    row = TRACE[table][number]
    assert set(row) <= FIELDS
    assert row["says"].strip()
    assert without_match(row.get("vectors", [])) == []
    assert absent(row.get("tests", [])) == []
    shown = row.get("vectors", []) + row.get("tests", [])
    assert shown or row.get("missing"), "neither shown nor said to be missing"


def test_a_vector_and_a_test_that_are_not_there_are_noticed() -> None:
    assert without_match(["2/nil", "2/int-*", "2/no-such", "13/*"]) == ["2/no-such", "13/*"]
    here = "architecture/test_trace.py::test_what_a_row_names_exists"
    named = [here, here + "_not", "architecture/test_nothing.py::test_x", "conftest.py::settings"]
    assert absent(named) == named[1:]


def test_no_threat_is_without_a_test() -> None:
    """What others may try is shown by tests, whatever else is said to be missing."""
    untested = [number for number, row in TRACE["threat"].items() if not row.get("tests")]
    assert untested == []
