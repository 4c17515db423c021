"""The vectors catch implementations that are wrong in one way each.

Without this a set of vectors proves nothing.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from conformance import (
    mutants_cuts,
    mutants_encoding,
    mutants_frames,
    mutants_identity,
    mutants_records,
    mutants_signatures,
    mutants_standing,
)
from hutong_conformance import report
from hutong_conformance.cases import Case, Json, load
from hutong_conformance.subject import Subject
from hutong_protocol import harness

MUTANTS = {
    **{name: ("2", *entry) for name, entry in mutants_encoding.MUTANTS.items()},
    **{name: ("3", *entry) for name, entry in mutants_signatures.MUTANTS.items()},
    **{name: ("4", *entry) for name, entry in mutants_identity.MUTANTS.items()},
    **{name: ("4", *entry) for name, entry in mutants_standing.MUTANTS.items()},
    **{name: ("4", *entry) for name, entry in mutants_cuts.MUTANTS.items()},
    **mutants_records.MUTANTS,
    **mutants_frames.MUTANTS,
}
SECTIONS = sorted({section for section, _, _ in MUTANTS.values()})
NAMED = {name for _, _, caught_by in MUTANTS.values() for name in caught_by}
INPUT_CHARS_MAX = 20_000
CASES = {
    section: [
        case
        for case in load(only=section)
        # The few large ones would take most of the time and are for one rule each.
        if case.id in NAMED or len(str(case.input)) <= INPUT_CHARS_MAX
    ]
    for section in SECTIONS
}

LINES = """
import json, sys
from conformance.{module} import MUTANTS
for line in sys.stdin:
    print(json.dumps(MUTANTS[{name!r}][0](json.loads(line))), flush=True)
"""


class InProcess:
    """Answers by a function, without a subprocess."""

    def __init__(self, mutant: mutants_encoding.Mutant) -> None:
        self._mutant = mutant

    def ask(self, request: Mapping[str, Json]) -> dict[str, Json]:
        return self._mutant(dict(request))


def failures(mutant: mutants_encoding.Mutant, cases: list[Case]) -> set[str]:
    outcomes = report.run(cases, InProcess(mutant))
    return {outcome.case.id for outcome in outcomes if outcome.result is not report.Result.PASS}


def is_small(case: Case) -> bool:
    return len(str(case.input)) <= INPUT_CHARS_MAX


@cache
def failures_of(name: str) -> set[str]:
    section, mutant, caught_by = MUTANTS[name]
    asked = [case for case in CASES[section] if case.id in caught_by or is_small(case)]
    return failures(mutant, asked)


@pytest.mark.parametrize("section", SECTIONS)
def test_the_core_itself_fails_no_vector(section: str) -> None:
    assert failures(harness.answer, CASES[section]) == set()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_vector_of_a_name_catches_each_mutant(name: str) -> None:
    """Threats 2, 8, 23, 29, 30: each leaves out one rule that these rows depend on."""
    assert set(MUTANTS[name][2]) - failures_of(name) == set()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_right_but_for_its_one_mistake(name: str) -> None:
    """Otherwise anything would catch it, and the test before this one would say little."""
    assert len(failures_of(name)) < len(CASES[MUTANTS[name][0]]) / 3


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("mutants_encoding", "keeps the last of equal keys"),
        ("mutants_signatures", "accepts small-order R"),
    ],
)
def test_a_mutant_in_a_process_of_its_own_is_caught_by_the_runner(module: str, name: str) -> None:
    tests = Path(__file__).resolve().parents[1]
    program = f"import sys; sys.path.insert(0, {str(tests)!r})" + LINES.format(
        module=module, name=name
    )
    section, _, caught_by = MUTANTS[name]
    with Subject(shlex.join([sys.executable, "-c", program])) as subject:
        outcomes = list(report.run(CASES[section], subject))
    found = report.Report(outcomes, vectors_digest="", command="")
    failed = {outcome.case.id for outcome in outcomes if outcome.result is report.Result.FAIL}
    assert set(caught_by) <= failed
    assert found.exit_code == 1
    assert subject.starts == 1
