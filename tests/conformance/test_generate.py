"""The generator writes what families build, finds what differs, and stops at a wrong case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hutong_conformance import checks, families, generate
from hutong_conformance.cases import Case
from hutong_conformance.generate import WrongCase

CASE = Case("2/nil", "2.1.1", "MUST", "Nil", "encoding.decode", {"hex": "c0"}, {"ok": None})


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    """The cases that the only family builds, to be changed by a test."""
    found = [CASE, replace(CASE, id="2/nil-again")]

    def cases_of(_: str) -> Iterator[Case]:
        return iter(found)

    monkeypatch.setattr(families, "names", lambda *, section: ["s02_encoding"])
    monkeypatch.setattr(families, "cases_of", cases_of)
    return found


def run(folder: Path, *options: str) -> int:
    return generate.main(["--into", str(folder), *options])


def test_a_second_run_changes_nothing(built: list[Case], tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    assert run(tmp_path, "--check") == 0
    assert (tmp_path / "2" / "nil.json").read_text("utf-8") == built[0].to_json()


def test_missing_changed_and_stale_files_are_named_and_mended(
    built: list[Case], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path)
    (tmp_path / "2" / "nil.json").write_text("{}", "utf-8")
    (tmp_path / "2" / "nil-again.json").unlink()
    (tmp_path / "2" / "old.json").write_text("{}", "utf-8")
    capsys.readouterr()
    assert run(tmp_path, "--check") == 1
    shown = capsys.readouterr().out.splitlines()
    assert shown[:3] == ["changed 2/nil.json", "missing 2/nil-again.json", "stale 2/old.json"]
    assert run(tmp_path) == 0
    assert sorted(path.name for path in (tmp_path / "2").iterdir()) == [
        "nil-again.json",
        "nil.json",
    ]
    assert len(built) == 2


def test_a_section_alone_leaves_other_folders_as_they_are(
    built: list[Case], tmp_path: Path
) -> None:
    other = tmp_path / "3" / "stays.json"
    other.parent.mkdir()
    other.write_text("{}", "utf-8")
    assert run(tmp_path, "--only", "2") == 0
    assert other.exists()
    assert run(tmp_path, "--check") == 1
    assert len(built) == 2


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (replace(CASE, expect={"fault": "not-canonical"}), "the core says"),
        (replace(CASE, op="no.such.op", expect={"unsupported": True}), "no check judges"),
        (replace(CASE, id="3/nil"), "no id of section 2"),
        (replace(CASE, id="2/Nil_1"), "no id of section 2"),
    ],
)
def test_a_wrong_case_stops_the_generator_before_it_writes(
    built: list[Case],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    wrong: Case,
    reason: str,
) -> None:
    built.append(wrong)
    if wrong.id == "2/nil":
        del built[0]
    assert run(tmp_path) == 2
    assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_two_cases_with_one_id_are_refused(built: list[Case]) -> None:
    built.append(CASE)
    with pytest.raises(WrongCase, match="2/nil is there twice"):
        generate.collect()


def test_a_case_that_only_its_check_contradicts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug that core and family share shows here."""

    def check(_: object) -> None:
        raise AssertionError("the oracle differs")

    monkeypatch.setattr(checks, "check_for", lambda *_: check)
    with pytest.raises(WrongCase, match="the oracle differs"):
        generate.judge(CASE)


def test_families_are_found_by_name_and_each_has_its_own_check() -> None:
    assert {"s02_encoding", "s03_signatures"} <= set(families.names())
    assert families.names(section=3) == ["s03_keys", "s03_signatures"]
    for name in families.names(section=2) + families.names(section=3):
        for case in list(families.cases_of(name))[:3]:
            assert checks.check_for(case.id, case.op) is not None


def test_nobody_judges_an_operation_that_no_check_claims() -> None:
    assert checks.check_for("2/x", "no.such.op") is None
    assert checks.check_for("99/x", "encoding.decode") is None


def test_the_same_cases_come_out_of_every_run() -> None:
    for name in families.names(section=2):
        assert list(families.cases_of(name)) == list(families.cases_of(name))
