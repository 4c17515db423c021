"""The commands say what they did, in words or in JSON, and end with the code that fits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from adapters.fake_node import FakeNode
from adapters.local_api import LocalApi, serving
from adapters.mapping_samples import HEADER, ROW, changed, write_csv, write_mapping
from adapters.test_export_reading import NEED
from hutong_adapters.commands import EXIT_ROWS, EXIT_STOPPED, register
from hutong_adapters.export_columns import COLUMNS, safe
from hutong_adapters.interface import NodeRefused
from hutong_adapters.planning import PLACEHOLDER
from hutong_protocol.ids import IdKind, format_id

INCIDENT = format_id(IdKind.RECORD, bytes(range(32)))


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    """A command line with these commands, added twice as two entry points do."""
    made = typer.Typer()
    register(made)
    register(made)
    return made


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    write_mapping(tmp_path)
    return write_csv(tmp_path, [HEADER, ROW, ["A-2", *ROW[1:]]])


def run(app: typer.Typer, *arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def told(result: Result) -> dict[str, Any]:
    (line,) = result.stdout.splitlines()
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def test_the_commands_are_added_once(app: typer.Typer) -> None:
    assert [command.name for command in app.registered_commands] == ["import", "export"]
    assert [group.name for group in app.registered_groups] == ["adapter"]


def test_a_dry_run_needs_no_node_and_says_what_would_be(app: typer.Typer, sheet: Path) -> None:
    result = run(app, "import", sheet, "--mapping", sheet.with_suffix(".toml"), "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "2 rows in 1 file: 2 drafts, 0 copies, 0 refused",
        "2 lines: 2 exact",
        "2 of 2 drafts have a valid_until that is past: they will stand as expired, to be asked "
        "about again",
        "still to be given: incident",
    ]


def test_a_dry_run_as_json_is_one_line_and_the_same_each_time(
    app: typer.Typer, sheet: Path
) -> None:
    arguments = ("import", sheet, "--mapping", sheet.with_suffix(".toml"), "--dry-run", "--json")
    first, second = run(app, *arguments), run(app, *arguments)
    assert first.stdout == second.stdout
    counts = told(first)
    assert (counts["rows"], counts["drafts"], counts["refused"]) == (2, 2, [])
    assert counts["items"][0]["exact"] == "40"


def test_refused_rows_are_told_with_place_rule_and_way_out(app: typer.Typer, sheet: Path) -> None:
    write_csv(sheet.parent, [HEADER, ROW, ["A-2", *ROW[1:3], "两", *ROW[4:]]])
    arguments = ("import", sheet, "--mapping", sheet.with_suffix(".toml"), "--dry-run")
    words = run(app, *arguments)
    assert words.exit_code == EXIT_ROWS
    assert "- sheet.csv row 3, 数量: is no number in plain digits [lines[0].quantity] (" in (
        words.stdout
    )
    (refused,) = told(run(app, *arguments, "--json"))["refused"]
    assert refused["file"] == "sheet.csv"
    assert (refused["row"], refused["cell"]) == (3, "数量")
    assert refused["rule"]
    assert refused["way_out"]


def test_names_in_a_file_reach_no_terminal_as_signs_for_it(app: typer.Typer, sheet: Path) -> None:
    sheet.write_bytes("编号,\x1b]0;x\x07,\x9b2J,\u202e\n1,2,3,4\n".encode())
    found = run(app, "import", sheet, "--mapping", sheet.with_suffix(".toml"), "--dry-run")
    assert found.exit_code == EXIT_STOPPED
    assert not any(each in found.stderr for each in "\x1b\x07\x9b\u202e")


def test_a_mapping_that_is_wrong_stops_with_all_its_problems(app: typer.Typer, sheet: Path) -> None:
    mapping = write_mapping(sheet.parent, changed("urgency", "urgenci"))
    result = run(app, "import", sheet, "--mapping", mapping, "--dry-run", "--json")
    assert result.exit_code == EXIT_STOPPED
    assert [each.partition(":")[0] for each in told(result)["stopped"]] == [
        "facts.urgenci",
        "facts.urgency",
    ]
    assert result.stderr.count("hutong import: ") == 2


def test_a_file_that_is_missing_stops_without_a_trace(app: typer.Typer, sheet: Path) -> None:
    result = run(app, "import", "none.csv", "--mapping", sheet.with_suffix(".toml"), "--dry-run")
    assert result.exit_code == EXIT_STOPPED
    assert "none.csv: can't be opened" in result.stderr
    assert not isinstance(result.exception, OSError)


def test_without_a_node_an_import_stops_and_names_the_way_out(
    app: typer.Typer, sheet: Path
) -> None:
    mapping = sheet.with_suffix(".toml")
    result = run(app, "import", sheet, "--mapping", mapping, "--data", sheet.parent)
    assert result.exit_code == EXIT_STOPPED
    assert "hutong run --data" in result.stderr


def test_an_import_reaches_the_node_and_a_second_one_signs_nothing(
    app: typer.Typer, sheet: Path
) -> None:
    mapping = sheet.with_suffix(".toml")
    arguments = ("import", sheet, "--mapping", mapping, "--data", sheet.parent, "--json")
    api = LocalApi()
    with serving(api, sheet.parent):
        first = told(run(app, *arguments))
        second = told(run(app, *arguments, "--set", f"incident={PLACEHOLDER}"))
    assert (first["counts"], first["signed"]) == ({"new": 2}, 2)
    assert (second["counts"], second["signed"]) == ({"unchanged": 2}, 0)
    assert api.asked == [
        *("type=incident&space=xian-2021&topic=base&life=active", "district-sheet"),
        "district-sheet",
    ]


def test_options_go_to_the_node(app: typer.Typer, sheet: Path) -> None:
    mapping = sheet.with_suffix(".toml")
    where = ("--data", sheet.parent, "--space", "other", "--topic", "hea", "--source", "s1")
    how = ("--complete", "--queue", "--incident", PLACEHOLDER)
    api = LocalApi()
    with serving(api, sheet.parent):
        result = run(app, "import", sheet, "--mapping", mapping, *where, *how)
    assert result.exit_code == 0
    assert "2 queued; 0 records signed" in result.stdout
    assert "hutong queue list --source s1" in result.stdout
    (request,) = api.node.requests
    assert (request["complete"], request["queue"]) == (True, True)
    assert {(row["space"], row["topic"]) for row in request["rows"]} == {("other", "hea")}
    assert api.asked == ["s1"]


@pytest.mark.parametrize(
    ("incidents", "way_out"),
    [([], "publish one first"), ([PLACEHOLDER, PLACEHOLDER], "name one with --incident")],
)
def test_an_incident_is_only_taken_when_there_is_exactly_one(
    app: typer.Typer, sheet: Path, incidents: list[str], way_out: str
) -> None:
    mapping = sheet.with_suffix(".toml")
    with serving(LocalApi(incidents=incidents), sheet.parent):
        result = run(app, "import", sheet, "--mapping", mapping, "--data", sheet.parent)
    assert result.exit_code == EXIT_STOPPED
    assert f"has {len(incidents)} active incidents: {way_out}" in result.stderr
    assert "`hutong list incident`" in result.stderr


def test_a_refusal_of_the_node_is_shown_in_its_words(app: typer.Typer, sheet: Path) -> None:
    mapping = sheet.with_suffix(".toml")
    node = FakeNode(failures=[NodeRefused("another run is under way")])
    with serving(LocalApi(node), sheet.parent):
        result = run(app, "import", sheet, "--mapping", mapping, "--data", sheet.parent)
    assert result.exit_code == EXIT_STOPPED
    assert "another run is under way: here" in result.stderr


def test_explain_shows_each_field_with_its_cell_and_rule(app: typer.Typer, sheet: Path) -> None:
    mapping = sheet.with_suffix(".toml")
    arguments = ("adapter", "explain", sheet, "--mapping", mapping, "--data", sheet.parent, "--row")
    result = run(app, *arguments, "3")
    assert result.exit_code == 0
    lines = mapping.read_text("utf-8").splitlines()
    for field, cell, rule in (
        ("text.title", "物资 (C3)", "title = "),
        ("lines[0].quantity.unit", "单位 (E3)", "quantity = "),
        ("urgency", "no cell", "urgency = "),
    ):
        (line,) = [each for each in result.stdout.splitlines() if f"  {field} <- {cell}" in each]
        number = int(line.rpartition("mapping line ")[2].rstrip(")"))
        assert rule in lines[number - 1]
    assert "known again by: 编号" in result.stdout
    missing = run(app, *arguments, "9")
    assert (missing.exit_code, "has no row 9" in missing.stderr) == (EXIT_STOPPED, True)


def test_explain_says_what_the_node_would_do_and_why(app: typer.Typer, sheet: Path) -> None:
    mapping = sheet.with_suffix(".toml")
    where = ("--mapping", mapping, "--data", sheet.parent, "--incident", PLACEHOLDER)
    with serving(LocalApi(), sheet.parent):
        run(app, "import", sheet, *where)
        same = run(app, "adapter", "explain", sheet, *where, "--row", "3")
        write_csv(
            sheet.parent, [HEADER, ROW, ["A-2", *ROW[1:3], "99", *ROW[4:]], ["A-3", *ROW[1:]]]
        )
        edited = run(app, "import", sheet, *where, "--explain", "3", "--explain", "4")
    assert "the node would sign nothing" in same.stdout
    assert "the node would sign a revision" in edited.stdout
    assert "the node would sign a new record" in edited.stdout
    alone = run(app, "adapter", "explain", sheet, *where, "--row", "3")
    assert (alone.exit_code, "the node was not asked" in alone.stdout) == (0, True)


def test_explain_without_a_node_shows_no_made_up_incident(app: typer.Typer, sheet: Path) -> None:
    mapping = sheet.with_suffix(".toml")
    arguments = ("adapter", "explain", sheet, "--mapping", mapping, "--data", sheet.parent)
    said = run(app, *arguments, "--row", "2").stdout
    assert PLACEHOLDER not in said
    assert "(still to be given)" in said
    with serving(LocalApi(incidents=[INCIDENT]), sheet.parent):
        said = run(app, *arguments, "--row", "2").stdout
    assert INCIDENT in said
    assert "the node would sign a new record" in said


def test_a_dry_run_lists_what_a_person_has_to_look_at(app: typer.Typer, sheet: Path) -> None:
    mapping = write_mapping(
        sheet.parent,
        changed(
            'from = "数量", unit = { from = "单位", lookup',
            'from = "数量", parse = "cn_quantity", unit = { from = "单位", lookup',
        ),
    )
    write_csv(sheet.parent, [HEADER, ROW, ["A-2", *ROW[1:3], "100袋 50只", *ROW[4:]]])
    arguments = ("import", sheet, "--mapping", mapping, "--dry-run")
    words = run(app, *arguments).stdout
    assert "1 row to be looked at: 1 two-amounts" in words
    assert "sheet.csv row 3, 数量: two-amounts: states more than one amount" in words
    marks = told(run(app, *arguments, "--json"))["marks"]
    assert marks == [{"file": "sheet.csv", "row": 3, "cell": "数量", "what": "two-amounts"}]


def test_marks_that_are_alike_stand_in_one_line(app: typer.Typer, sheet: Path) -> None:
    mapping = write_mapping(
        sheet.parent,
        changed(
            'from = "数量", unit = { from = "单位", lookup',
            'from = "数量", parse = "cn_quantity", unit = { from = "单位", lookup',
        ),
    )
    rows = [[f"A-{number}", *ROW[1:3], "100袋 50只", *ROW[4:]] for number in range(30)]
    write_csv(sheet.parent, [HEADER, *rows])
    words = run(app, "import", sheet, "--mapping", mapping, "--dry-run").stdout
    assert "30 rows to be looked at: 30 two-amounts" in words
    assert words.count("two-amounts: ") == 1
    assert "sheet.csv, 30 rows (2-31), 数量: two-amounts: states more than one amount" in words


def test_explain_names_what_stays_at_home_and_does_not_show_it(
    app: typer.Typer, sheet: Path
) -> None:
    text = changed('ignore = ["备注"]', "") + '[sensitive]\ncontact = { from = "备注" }\n'
    text = changed("title = {", 'place_name = { from = "区县", personal = "cut" }\ntitle = {', text)
    text = changed('code = { from = "区县" }', 'code = { const = "610113" }', text)
    mapping = write_mapping(sheet.parent, text)
    write_csv(sheet.parent, [HEADER, ["A-1", "村13900139000", *ROW[2:5], "13800138000"]])
    arguments = ("--mapping", mapping, "--data", sheet.parent, "--row", "2")
    said = run(app, "adapter", "explain", sheet, *arguments).stdout
    assert "sensitive.contact <- 备注 (F2) = (stays at home)" in said
    assert "to be looked at: 区县 (B2): pii:cn_mobile" in said
    assert "waits for a person, whatever the mapping says" in said
    assert "13800138000" not in said
    assert "13900139000" not in said


def test_diff_shows_what_changed_and_sends_nothing(app: typer.Typer, sheet: Path) -> None:
    mapping = sheet.with_suffix(".toml")
    where = ("--mapping", mapping, "--data", sheet.parent, "--incident", PLACEHOLDER)
    api = LocalApi()
    with serving(api, sheet.parent):
        run(app, "import", sheet, *where)
        write_csv(sheet.parent, [HEADER, [*ROW[:3], "99", *ROW[4:]], ["A-3", *ROW[1:]]])
        shown = run(app, "import", sheet, *where, "--diff")
        as_json = told(run(app, "import", sheet, *where, "--diff", "--json"))
    assert "since the last import: 1 new, 1 changed, 1 gone, 0 as they were" in shown.stdout
    assert "+ sheet.csv row 3 (大米)" in shown.stdout
    assert "- sheet.csv row 3 of the last import (大米)" in shown.stdout
    assert as_json["diff"]["new"] == ["sheet.csv row 3"]
    assert api.node.signed == 2


def test_refused_rows_are_counted_once_and_told_with_their_reason(
    app: typer.Typer, sheet: Path
) -> None:
    mapping = sheet.with_suffix(".toml")
    where = ("--mapping", mapping, "--data", sheet.parent, "--incident", PLACEHOLDER)
    api = LocalApi()
    with serving(api, sheet.parent):
        run(app, "import", sheet, *where)
        api.node.refuse = {next(iter(api.node.rows)): ("text.title", "was erased")}
        done = run(app, "import", sheet, *where)
        look = run(app, "import", sheet, *where, "--diff")
        declined = {"outcome": "declined", "read": "changed", "changes": []}
        api.node.refuse = {}
        api.node.override = {next(iter(api.node.rows)): declined}
        quiet = run(app, "import", sheet, *where)
        shown = run(app, "import", sheet, *where, "--diff")
    assert "2 drafts, 0 copies, 1 refused" in done.stdout
    assert "1 refused, 1 unchanged; 0 records signed" in done.stdout
    assert (done.exit_code, "0 refused" in done.stdout) == (EXIT_ROWS, False)
    for said in (done.stdout, look.stdout):
        assert "- sheet.csv row 2, 物资: was erased" in said
    assert "~ " not in look.stdout
    # What a person has refused in the queue asks nobody for anything.
    assert (quiet.exit_code, "1 declined, 1 unchanged" in quiet.stdout) == (0, True)
    assert (shown.exit_code, "~ sheet.csv row 2: declined\n" in shown.stdout) == (0, True)


def test_rows_that_say_what_was_signed_are_no_change(app: typer.Typer, sheet: Path) -> None:
    mapping = sheet.with_suffix(".toml")
    where = ("--mapping", mapping, "--data", sheet.parent, "--incident", PLACEHOLDER)
    api = LocalApi()
    with serving(api, sheet.parent):
        run(app, "import", sheet, *where)
        same = {"outcome": "unchanged", "read": "earlier", "changes": []}
        api.node.override = {next(iter(api.node.rows)): same}
        shown = run(app, "import", sheet, *where, "--diff")
    assert "0 new, 0 changed, 0 gone, 2 as they were" in shown.stdout
    assert "~ " not in shown.stdout


def test_rows_that_are_gone_are_told_by_their_title(app: typer.Typer, sheet: Path) -> None:
    mapping = sheet.with_suffix(".toml")
    where = ("--mapping", mapping, "--data", sheet.parent, "--incident", PLACEHOLDER)
    write_csv(sheet.parent, [HEADER, ROW, ["A-2", ROW[1], "幸福路毛毯" * 10, *ROW[3:]]])
    with serving(LocalApi(), sheet.parent):
        run(app, "import", sheet, *where)
        write_csv(sheet.parent, [HEADER, ROW])
        done = run(app, "import", sheet, *where)
    title = ("幸福路毛毯" * 10)[:39] + "…"
    assert f"- sheet.csv row 3 of the last import ({title}) is gone: not in the file" in done.stdout


def test_units_that_nobody_translated_are_counted(app: typer.Typer, sheet: Path) -> None:
    text = changed('lookup = "units" }', 'lookup = "units", unlisted = "raw_unit" }')
    mapping = write_mapping(sheet.parent, text)
    write_csv(sheet.parent, [HEADER, ROW, ["A-2", *ROW[1:4], "罐", *ROW[5:]]])
    arguments = ("import", sheet, "--mapping", mapping, "--dry-run")
    said = run(app, *arguments).stdout
    assert "1 line with a unit that nobody translated (raw:...): sheet.csv row 3" in said
    assert told(run(app, *arguments, "--json"))["untranslated_units"] == 1


def test_row_of_an_export_is_explained_by_its_cells(app: typer.Typer, tmp_path: Path) -> None:
    rows = [NEED, NEED | {"line": "oil", "line_number": "2"}, NEED | {"title": ""}]
    table = [list(COLUMNS), *([safe(row.get(name, "")) for name in COLUMNS] for row in rows)]
    path = write_csv(tmp_path, table)
    arguments = ("adapter", "explain", path, "--mapping", "hutong-export", "--data", tmp_path)
    said = run(app, *arguments, "--row", "2")
    assert said.exit_code == 0
    assert '  lines[0].quantity.value <- amount = "200"' in said.stdout
    assert '  text.title <- title = "大米"' in said.stdout
    assert "  lines[1].id <- line" in said.stdout
    assert "the node was not asked" in said.stdout
    assert "row above" in run(app, *arguments, "--row", "3").stdout
    assert "refused:" in run(app, *arguments, "--row", "4").stdout


def test_export_is_never_taken_as_complete(app: typer.Typer, tmp_path: Path) -> None:
    table = [list(COLUMNS), [safe(NEED.get(name, "")) for name in COLUMNS]]
    path = write_csv(tmp_path, table)
    api = LocalApi()
    with serving(api, tmp_path):
        where = ("--mapping", "hutong-export", "--data", tmp_path, "--complete")
        stopped = run(app, "import", path, *where)
    assert (stopped.exit_code, "hutong close ID" in stopped.stderr) == (EXIT_STOPPED, True)
    assert api.node.requests == []


def test_what_stops_an_import_is_accepted_by_its_name(app: typer.Typer, sheet: Path) -> None:
    mapping = sheet.with_suffix(".toml")
    copy = write_csv(sheet.parent, [HEADER, ROW, ["A-2", *ROW[1:]]], "copy.csv")
    arguments = ("import", sheet, copy, "--mapping", mapping, "--dry-run")
    stopped = run(app, *arguments)
    assert (stopped.exit_code, "--accept same-file-twice" in stopped.stderr) == (EXIT_STOPPED, True)
    assert run(app, *arguments, "--accept", "same-file-twice").exit_code == 0
    wrong = run(app, *arguments, "--accept", "all")
    assert (wrong.exit_code, "is one of" in wrong.stderr) == (EXIT_STOPPED, True)


def test_progress_is_told_in_lines_where_that_is_asked_for(app: typer.Typer, sheet: Path) -> None:
    mapping = sheet.with_suffix(".toml")
    where = ("--mapping", mapping, "--data", sheet.parent)
    with serving(LocalApi(), sheet.parent):
        quiet = run(app, "import", sheet, *where)
        plain = run(app, "import", sheet, *where, "--progress", "plain")
    assert quiet.stderr == ""
    assert "sending: 2 of 2, " in plain.stderr
    assert "s left" in plain.stderr
    assert run(app, "import", sheet, *where, "--progress", "x").exit_code == EXIT_STOPPED


def test_check_holds_a_mapping_against_files(app: typer.Typer, sheet: Path) -> None:
    mapping = sheet.with_suffix(".toml")
    good = run(app, "adapter", "check", mapping, sheet)
    assert good.exit_code == 0
    assert "sheet.csv: 2 rows, every column is mentioned" in good.stdout
    write_csv(sheet.parent, [[*HEADER, "新"], [*ROW, ""]])
    bad = run(app, "adapter", "check", mapping, sheet)
    assert (bad.exit_code, '"新"' in bad.stderr) == (EXIT_STOPPED, True)


def test_the_built_in_mappings_are_listed(app: typer.Typer) -> None:
    result = run(app, "adapter", "list")
    names = [line.partition(":")[0] for line in result.stdout.splitlines()]
    assert {"hutong-export", "wuhan2020-hospitals"} <= set(names)


def test_help_names_every_option(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    said = run(app, "import", "--help").stdout
    for option in ("--mapping", "--dry-run", "--json", "--complete", "--queue", "--incident"):
        assert option in said


def test_help_does_not_wait_for_the_schema_or_for_the_http_library() -> None:
    """They take longer to import than all that `hutong --help` needs."""
    program = "import sys, hutong_adapters.commands; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    packages = {name.partition(".")[0] for name in done.stdout.split()}
    assert packages & {"hutong_protocol", "aiohttp", "msgpack", "pydantic"} == set()
