"""The file format of vectors, how a set is found, and the digest that names it."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hutong_conformance import cases
from hutong_conformance.cases import BadVector, Case, in_section, load, parse, set_digest

CASE = Case("2/nil", "2.1.1", "MUST", "Nil", "encoding.decode", {"hex": "c0"}, {"ok": None})


def put(root: Path, case: Case) -> Path:
    path = root / f"{case.id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(case.to_json(), "utf-8")
    return path


def test_a_case_survives_its_file() -> None:
    assert parse(CASE.to_json(), where="2/nil") == CASE


def test_a_request_is_the_input_with_the_operation() -> None:
    assert CASE.request == {"op": "encoding.decode", "hex": "c0"}


def test_keys_that_are_not_known_are_ignored() -> None:
    newer = json.dumps({**json.loads(CASE.to_json()), "valid_prefix": 3})
    assert parse(newer, where="2/nil") == CASE


def test_a_file_hides_no_character_and_keeps_readable_text() -> None:
    odd = replace(CASE, comment="西安 e\u0301 \u202e \ufeff \u200d")
    content = odd.to_json()
    assert "西安" in content
    assert "\\u0301 \\u202e \\ufeff \\u200d" in content
    assert parse(content, where="2/nil") == odd


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"level": "OUGHT"}, "level"),
        ({"op": 7}, "texts"),
        ({"comment": ""}, "texts"),
        ({"input": []}, "objects"),
        ({"expect": {}}, "exactly one"),
        ({"expect": {"ok": 1, "fault": "x"}}, "exactly one"),
        ({"expect": {"unsupported": True}}, "exactly one"),
    ],
)
def test_a_file_of_another_form_is_no_vector(change: dict[str, object], reason: str) -> None:
    with pytest.raises(BadVector, match=reason):
        parse(json.dumps({**json.loads(CASE.to_json()), **change}), where="2/nil")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"id": "2/nil"}'])
def test_what_is_not_the_json_of_a_vector_is_refused_by_name(content: str) -> None:
    with pytest.raises(BadVector, match="2/nil"):
        parse(content, where="2/nil")


def test_a_file_that_carries_another_id_is_refused(tmp_path: Path) -> None:
    put(tmp_path, CASE).rename(tmp_path / "2" / "other.json")
    with pytest.raises(BadVector, match="2/other: carries the id 2/nil"):
        load(tmp_path)


def test_cases_come_in_the_order_of_their_sections(tmp_path: Path) -> None:
    for identifier in ("10/a", "2/b", "9/a", "2/a"):
        put(tmp_path, replace(CASE, id=identifier))
    assert [case.id for case in load(tmp_path)] == ["2/a", "2/b", "9/a", "10/a"]


@pytest.mark.parametrize(
    ("only", "selected"),
    [
        *((only, True) for only in (None, "2", "2.1", "2.1.1", "2/nil")),
        *((only, False) for only in ("3", "2.2", "2.1.10", "2/ni", "20")),
    ],
)
def test_a_selection_is_a_section_a_paragraph_or_a_case(only: str | None, selected: bool) -> None:
    assert in_section(CASE, only) is selected


def test_a_number_alone_selects_its_folder_whatever_paragraph_a_case_tests() -> None:
    elsewhere = replace(CASE, id="6/nil", section="5.2")
    assert in_section(elsewhere, "6")
    assert in_section(elsewhere, "5.2")
    assert not in_section(elsewhere, "5")


def test_the_digest_is_the_one_that_the_shell_gives(tmp_path: Path) -> None:
    for identifier in ("2/a", "2/b", "10/a"):
        put(tmp_path, replace(CASE, id=identifier))
    command = "find . -name '*.json' | cut -c3- | LC_ALL=C sort | xargs sha256sum | sha256sum"
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not on this machine")
    shown = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, check=True)
    assert shown.stdout.decode().split()[0] == set_digest(tmp_path)


def test_the_digest_changes_with_any_byte_and_any_name(tmp_path: Path) -> None:
    path = put(tmp_path, CASE)
    first = set_digest(tmp_path)
    renamed = path.rename(path.with_name("other.json"))
    second = set_digest(tmp_path)
    renamed.write_text(CASE.to_json() + " ", "utf-8")
    assert len({first, second, set_digest(tmp_path)}) == 3


def test_an_installed_package_prefers_the_set_inside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "checkout" / "conformance" / "hutong_conformance" / "cases.py"
    monkeypatch.setattr(cases, "__file__", str(module))
    assert cases.vectors_root() == tmp_path / "checkout" / "spec" / "vectors"
    (module.parent / "vectors").mkdir(parents=True)
    assert cases.vectors_root() == module.parent / "vectors"
