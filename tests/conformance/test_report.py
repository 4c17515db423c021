"""How a reply becomes a result, results a report, and a report an exit code."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from hutong_conformance.cases import Case, Json
from hutong_conformance.report import Outcome, Report, Result, judge, same

CASE = Case("2/nil", "2.1.1", "MUST", "Nil", "encoding.decode", {"hex": "c0"}, {"ok": None})
FAILED = Outcome(CASE, Result.FAIL, 'expected {"ok": null}, got [bold]')
PASSED = Outcome(replace(CASE, id="2/passed"), Result.PASS)
MISSING = Outcome(replace(CASE, id="3/missing"), Result.UNSUPPORTED)
ERROR = Outcome(replace(CASE, id="3/error"), Result.ERROR, "\x07 malformed")
SHOULD = Outcome(replace(CASE, id="2/should", level="SHOULD"), Result.FAIL, "no")


def report(*outcomes: Outcome, strict: bool = False, known: dict[str, str] | None = None) -> Report:
    return Report(outcomes, "d1", "./impl", strict=strict, known=known or {})


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        ({"ok": None}, Result.PASS),
        ({"ok": False}, Result.FAIL),
        ({"ok": None, "fault": "x"}, Result.FAIL),
        ({"fault": "not-canonical"}, Result.FAIL),
        ({"unsupported": True}, Result.UNSUPPORTED),
        ({"unsupported": 1}, Result.FAIL),
        ({"error": "hex is missing"}, Result.ERROR),
        ({}, Result.FAIL),
    ],
)
def test_a_reply_is_compared_exactly(reply: dict[str, Json], result: Result) -> None:
    assert judge(CASE, reply).result is result


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        (True, 1, False),
        (1, 1.0, False),
        ([1, 2], [2, 1], False),
        ("é", "e\u0301", False),
    ],
)
def test_equality_is_that_of_json_and_not_of_python(left: Json, right: Json, equal: bool) -> None:
    assert same(left, right) is equal


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (report(PASSED), 0),
        (report(PASSED, MISSING), 0),
        (report(PASSED, MISSING, strict=True), 1),
        (report(PASSED, FAILED), 1),
        (report(PASSED, SHOULD), 0),
        (report(PASSED, SHOULD, strict=True), 1),
        (report(FAILED, known={"2/nil": "slow"}), 0),
        (report(PASSED, known={"2/passed": "old"}), 0),
        (report(PASSED, known={"2/passed": "old"}, strict=True), 1),
        (report(PASSED, ERROR), 2),
        (report(FAILED, ERROR), 2),
        (report(), 2),
    ],
)
def test_the_exit_code_says_pass_fail_or_cannot_judge(made: Report, code: int) -> None:
    assert made.exit_code == code


def test_a_known_failure_that_passes_or_is_gone_is_named() -> None:
    made = report(PASSED, FAILED, known={"2/passed": "a", "2/gone": "b", "2/nil": "c"})
    assert made.stale_known == ["2/gone", "2/passed"]


def test_the_json_report_counts_everything_and_lists_what_is_no_pass() -> None:
    made = report(PASSED, FAILED, MISSING, known={"2/nil": "slow"})
    content = json.loads(made.to_json())
    assert content["counts"] == {"pass": 1, "fail": 1, "unsupported": 1, "error": 0}
    assert content["ok"] is True
    assert content["vectors_digest"] == "d1"
    assert content["spec_version"]
    listed = {entry["id"]: entry for entry in content["outcomes"]}
    assert set(listed) == {"2/nil", "3/missing"}
    assert listed["2/nil"]["known"] == "slow"


def test_the_junit_report_has_a_suite_for_each_section_and_says_what_counts() -> None:
    made = report(PASSED, FAILED, SHOULD, MISSING, ERROR)
    root = ElementTree.fromstring(made.to_junit())
    suites = {suite.get("name"): suite for suite in root}
    two, three = suites["section 2"], suites["section 3"]
    assert (two.get("tests"), two.get("failures"), two.get("skipped")) == ("3", "1", "1")
    assert (three.get("tests"), three.get("errors"), three.get("skipped")) == ("2", "1", "1")
    assert root.find(".//testcase[@name='2/nil']/failure") is not None
    assert root.find(".//testcase[@name='2/passed']/*") is None
    assert root.find(".//property[@name='vectors'][@value='d1']") is not None


def test_the_text_report_names_failures_counts_version_and_digest() -> None:
    shown = io.StringIO()
    made = report(PASSED, FAILED, MISSING, known={"2/gone": "b"})
    made.print(Console(file=shown, width=100))
    content = shown.getvalue()
    assert "fail 2/nil (MUST, 2.1.1)" in content
    assert "got [bold]" in content
    assert "unsupported 3/missing" in content
    assert "2/passed" not in content
    assert "2/gone" in content
    assert "vectors d1" in content


def test_a_long_reply_is_shortened_in_a_report() -> None:
    outcome = judge(CASE, {"ok": "x" * 10_000})
    assert len(outcome.detail) < 400
    assert "characters" in outcome.detail
