"""`hutong-conformance`: the runner against the core's own harness, its options and exit codes."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from hutong_conformance.__main__ import app
from hutong_conformance.cases import load, set_digest

CORE = shlex.join([sys.executable, "-m", "hutong_protocol.harness"])


def always(reply: str) -> str:
    """The command of an implementation that answers everything alike."""
    program = f"import sys\nfor line in sys.stdin: print({reply!r})"
    return shlex.join([sys.executable, "-u", "-c", program])


CATCHES_NOTHING = always('{"ok": true}')
SUPPORTS_NOTHING = always('{"unsupported": true}')
CALLS_ERRORS = always('{"error": "what?"}')


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_the_core_passes_every_vector_through_its_harness() -> None:
    code, output = run("vectors", "--cmd", CORE, "--json", "--strict")
    content = json.loads(output)
    assert content["outcomes"] == []
    assert content["counts"]["pass"] == len(load())
    assert content["vectors_digest"] == set_digest()
    assert code == 0


def test_one_section_alone_can_be_asked() -> None:
    code, output = run("vectors", "--cmd", CORE, "--only", "3.1", "--json")
    assert code == 0
    assert json.loads(output)["counts"]["pass"] == len(load(only="3.1"))


def test_an_implementation_that_is_wrong_fails_and_is_told_where(tmp_path: Path) -> None:
    junit = tmp_path / "report.xml"
    code, output = run("vectors", "--cmd", CATCHES_NOTHING, "--only", "3", "--junit", str(junit))
    assert code == 1
    assert "3/key-small-order-01" in output
    assert ElementTree.parse(junit).find(".//failure") is not None


def test_what_is_not_supported_counts_when_strict_only() -> None:
    assert run("vectors", "--cmd", SUPPORTS_NOTHING, "--only", "3.1")[0] == 0
    assert run("vectors", "--cmd", SUPPORTS_NOTHING, "--only", "3.1", "--strict")[0] == 1


def test_errors_of_the_run_have_an_exit_code_of_their_own(tmp_path: Path) -> None:
    damaged = tmp_path / "2" / "x.json"
    damaged.parent.mkdir()
    damaged.write_text("{", "utf-8")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("vectors", "--cmd", CALLS_ERRORS, "--only", "3.1")[0] == 2
    assert run("vectors", "--cmd", "./no-such-program-here")[0] == 2
    assert run("vectors", "--cmd", CORE, "--only", "99")[0] == 2
    assert run("vectors", "--cmd", CORE, "--vectors", str(tmp_path))[0] == 2
    assert run("vectors", "--cmd", CORE, "--vectors", str(empty))[0] == 2
    assert run("vectors", "--cmd", CORE, "--known", str(tmp_path / "none.toml"))[0] == 2


def test_known_failures_are_excused_by_name_with_a_reason(tmp_path: Path) -> None:
    known = tmp_path / "known.toml"
    failing = [case.id for case in load(only="3.1") if "fault" in case.expect]
    known.write_text("".join(f'"{name}" = "not yet"\n' for name in failing), "utf-8")
    options = ("vectors", "--cmd", CATCHES_NOTHING, "--only", "3.1", "--known", str(known))
    assert run(*options)[0] == 0
    assert "not yet" in run(*options)[1]
    known.write_text(known.read_text("utf-8") + '"3/key-valid-1" = "passes"\n', "utf-8")
    assert run(*options, "--strict")[0] == 1
    known.write_text('"3/key-valid-1" = ""\n', "utf-8")
    assert run(*options)[0] == 2


def test_a_case_is_explained_with_the_line_sent_and_the_right_reply() -> None:
    code, output = run("explain", "2/map-sorted-by-utf16")
    assert code == 0
    assert '{"op": "encoding.decode", "hex": "82a4f09f988001a3efbd9e02"}' in output
    assert '{"fault": "not-canonical"}' in output


def test_an_unknown_case_is_answered_with_its_neighbours() -> None:
    code, output = run("explain", "2/map-sorted")
    assert code == 2
    assert "2/map-sorted-by-length" in output


@pytest.mark.parametrize("arguments", [["vectors"], ["nonsense"], ["vectors", "--cmd"]])
def test_wrong_usage_is_told_apart_from_a_failure(arguments: list[str]) -> None:
    assert run(*arguments)[0] == 2
