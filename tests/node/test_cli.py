"""The command line as people and scripts use it, on folders and with a running node."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from typer.testing import CliRunner, Result

import hutong_node.__main__ as command_line
from hutong_node.api_models import ImportRequest, MarkItem
from hutong_node.commands.terms import plain, short
from hutong_node.config import DataFolder
from hutong_node.desk import open_desk
from hutong_node.folder_lock import FolderLock, Holder
from hutong_node.refusals import Refused
from node.local_nodes import CANARY, need_facts, row, rows

ENV = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"}
ORG = "org-" + "a" * 56


class Folder:
    """A data folder and the commands on it, run in this process."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *args: str, stdin: str | None = None) -> Result:
        given = [*args, "--data", str(self.root)]
        return CliRunner().invoke(command_line.application(), given, input=stdin)

    def ask(self, *args: str, stdin: str | None = None) -> Any:
        """The JSON of a command that must succeed."""
        result = self.run(*args, "--json", stdin=stdin)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def incident(self) -> str:
        draft = {
            "type": "incident/1",
            "space": "xian-2021",
            "topic": "base",
            "facts": {"start": "2021-12-09T00:00:00+08:00"},
            "text": {"title": "疫情"},
        }
        return str(self.ask("publish", "-", stdin=json.dumps(draft))["records"][0]["id"])

    def need(self, incident: str, title: str = "大米") -> str:
        return json.dumps(
            {
                "type": "need/1",
                "space": "xian-2021",
                "topic": "fsc",
                "facts": need_facts(incident),
                "text": {"title": title},
            }
        )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "node")
    options = ("--host", "127.0.0.1", "--port", "0", "--local-port", "0", "--no-tls")
    made.ask("init", "妇源汇", *options)
    made.run("subscribe", "xian-2021/fsc")
    return made


class Running(NamedTuple):
    """A node as a process of its own; `endpoint` is where others dial it."""

    process: subprocess.Popen[bytes]
    endpoint: str


@contextmanager
def running(folder: Folder) -> Iterator[Running]:
    """The node of a folder, running until the context ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hutong_node", "run", "--data", str(folder.root)],
        env=ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        said: dict[str, str] = {}
        while "local API" not in said:
            name, _, value = process.stdout.readline().decode().strip().partition("  ")
            said[name] = value.strip()
        yield Running(process, said["listens at"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_new_node_says_who_it_is_and_what_to_keep_elsewhere(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "node")
    result = folder.run("init", "妇源汇", "--public", "wss://a.example:8640")
    assert result.exit_code == 0
    assert "妇源汇" in result.stdout
    assert "recovery.key" in result.stdout
    assert "can't be called back" in result.stdout
    again = folder.run("init", "妇源汇")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "nothing was changed" in again.stderr
    assert folder.run("init", "x", "--public", "a.example").exit_code == 2
    assert Folder(tmp_path / "asked").run("init", stdin="胡同\n").exit_code == 0


def test_need_is_published_listed_and_shown(folder: Folder) -> None:
    incident = folder.incident()
    published = folder.run("publish", "-", stdin=folder.need(incident))
    assert published.exit_code == 0
    listed = folder.run("list", "need")
    assert "大米" in listed.stdout
    told = folder.ask("list", "need", "--topic", "fsc")
    (thing,) = told["things"]
    assert thing["id"] not in listed.stdout
    assert short(thing["id"]) in listed.stdout
    for identifier in (thing["id"], thing["id"][:12]):
        shown = folder.run("show", identifier)
        assert shown.exit_code == 0
        assert all(word in shown.stdout for word in ("大米", "200", "CN-GB2260 610113", "妇源汇"))
    assert folder.ask("show", thing["id"])["lines"][0]["open"] == "200"
    assert folder.ask("show", thing["id"], "--at-home")["at_home"] == {}


def test_show_says_how_sure_an_amount_is_and_what_is_overdue(folder: Folder) -> None:
    draft = json.loads(folder.need(folder.incident()))
    draft["facts"]["needed_by"] = "2022-01-01T00:00:00+08:00"
    draft["facts"]["lines"] = [
        {
            "id": "a",
            "kind": "goods",
            "quantity": {"bound": "estimate", "value": "200", "unit": "kg"},
        },
        {"id": "b", "kind": "goods", "quantity": {"bound": "at_least", "min": "7", "unit": "kg"}},
        {"id": "c", "kind": "goods", "quantity": {"bound": "exact", "value": "5", "unit": "kg"}},
        {"id": "d", "kind": "goods", "quantity": {"bound": "unknown"}},
    ]
    made = folder.ask("publish", "-", stdin=json.dumps(draft))["records"][0]["id"]
    shown = folder.run("show", made).stdout
    assert "2022-01-01T00:00:00+08:00 (overdue)" in shown
    for amount in ("about 200 ", "at least 7 ", " 5 ", "unknown"):
        assert amount in shown
    early = folder.run("show", made, "--as-of", "2021-12-30T00:00:00Z").stdout
    assert "overdue" not in early


def test_file_of_drafts_is_signed_once_under_its_key(folder: Folder, tmp_path: Path) -> None:
    incident = folder.incident()
    file = tmp_path / "drafts.json"
    drafts = [json.loads(folder.need(incident, title)) for title in ("一", "二")]
    file.write_text(json.dumps({"drafts": drafts}), encoding="utf-8")
    first = folder.ask("publish", str(file), "--key", "monday")
    assert folder.ask("publish", str(file), "--key", "monday") == first
    assert len(folder.ask("list", "need")["things"]) == 2


def test_refusal_tells_what_where_and_a_way_out(folder: Folder) -> None:
    draft = json.loads(folder.need(folder.incident()))
    draft["facts"]["urgency"] = "soon"
    draft["topic"] = "hea"
    refused = folder.run("publish", "-", stdin=json.dumps(draft))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "drafts[0].facts.urgency" in refused.stderr
    assert "for example immediate" in refused.stderr
    assert "hutong subscribe xian-2021/hea" in refused.stderr
    told = folder.run("publish", "-", "--json", stdin=json.dumps(draft))
    assert told.exit_code == 1
    assert json.loads(told.stdout)["code"] == "invalid-record"
    broken = folder.run("publish", "-", stdin='{"a": 1, "a": 2}')
    assert (broken.exit_code, "twice" in broken.stderr) == (1, True)


def test_wrong_calls_and_missing_nodes_end_with_two(folder: Folder, tmp_path: Path) -> None:
    assert folder.run("list", "--limit", "0").exit_code == 2
    assert folder.run("nothing").exit_code == 2
    assert folder.run("subscribe", "fsc").exit_code == 2
    assert folder.run("publish", str(tmp_path / "missing.json")).exit_code == 2
    nowhere = Folder(tmp_path / "nowhere")
    for command in (("status",), ("run",), ("list",)):
        result = nowhere.run(*command)
        assert result.exit_code == 2
        assert "hutong init" in result.stderr
    assert not nowhere.root.exists()


def test_key_that_others_can_read_stops_every_command(folder: Folder) -> None:
    """Threat 28."""
    (folder.root / "keys" / "writer.key").chmod(0o644)
    result = folder.run("status")
    assert result.exit_code == 2
    assert "chmod 600" in result.stderr


def test_mistyped_configuration_is_told_with_its_line(folder: Folder) -> None:
    config = folder.root / "hutong.toml"
    config.write_text(config.read_text(encoding="utf-8") + "\n[polcy]\n", encoding="utf-8")
    result = folder.run("status")
    assert result.exit_code == 2
    assert "polcy: unknown key" in result.stderr


def test_status_shows_digests_scopes_and_alarms(folder: Folder) -> None:
    folder.incident()
    told = folder.ask("status", "--as-of", "2022-01-01T00:00:00Z")
    shown = folder.run("status", "--as-of", "2022-01-01T00:00:00Z").stdout
    assert told["frontier_digest"] in shown
    assert told["scopes"][0]["fold_digest"][:16] in shown
    assert "not running" in shown
    (folder.root / "restore-marker").unlink()
    assert "ALARM: the restore marker is missing" in folder.run("status").stdout


def test_organisations_and_peers_are_kept_from_the_command_line(folder: Folder) -> None:
    other = Folder(folder.root.parent / "other").ask("init", "x")["organisation"]
    assert "Let in." in folder.run("org", "accept", other, "--note", "met on site").stdout
    assert "let in already" in folder.run("org", "accept", other).stdout
    assert "met on site" in folder.run("org", "list").stdout
    assert folder.run("peer", "add", other, "wss://a.example").exit_code == 1
    added = folder.run("peer", "add", other, "wss://a.example", "--certificate", "00" * 32)
    assert added.exit_code == 0
    assert "wss://a.example" in folder.run("peer", "list").stdout
    assert "Forgotten." in folder.run("peer", "remove", other).stdout
    assert "No more is taken." in folder.run("org", "forget", other).stdout
    assert folder.run("org", "accept", ORG).exit_code == 1


def test_invite_is_made_and_a_damaged_one_refused(folder: Folder) -> None:
    made = folder.run("invite", "xian-2021/fsc", "--endpoint", "wss://a.example:8640")
    assert made.stdout.startswith("hutong-invite:")
    assert folder.run("invite", "xian-2021/fsc").exit_code == 1
    refused = folder.run("join", "-", stdin=made.stdout[:-20])
    assert (refused.exit_code, "invite" in refused.stderr) == (1, True)


def test_queue_is_empty_until_something_waits(folder: Folder) -> None:
    assert "Nothing waits." in folder.run("queue", "list").stdout
    assert folder.run("queue", "show", "1").exit_code == 1
    by = ("--method", "desk", "--checker", "李")
    assert folder.run("queue", "release", "1", *by).exit_code == 1
    assert folder.run("queue", "release", *by).exit_code == 2
    assert folder.run("queue", "release", "1", "--source", "sheet", *by).exit_code == 2
    assert folder.run("queue", "refuse", "1", "--reason", "x").exit_code == 1
    assert folder.run("queue", "release", "1").exit_code == 2


def test_drafts_are_looked_at_released_and_refused(folder: Folder) -> None:
    incident = folder.incident()

    async def queue(*keys: str) -> Any:
        asked = rows(
            *(row(key, incident, sensitive={"contact": CANARY}) for key in keys), queue=True
        )
        async with open_desk(DataFolder(folder.root), "import") as desk:
            path = {"source": "sheet"}
            return await desk.call("importRows", path=path, body=asked.model_dump())

    asyncio.run(queue("a", "b", "c"))
    listed = folder.run("queue", "list", "--limit", "2").stdout
    assert "大米 a" in listed
    assert "goods 200 kg" in listed
    assert "high" in listed
    assert "3 wait in all" in listed
    assert CANARY not in listed
    shown = folder.run("queue", "show", "1").stdout
    assert f"at home: contact  {CANARY}" in shown
    assert "incident" in shown
    done = folder.run("queue", "release", "1", "2", "--method", "two_way", "--checker", "李")
    assert (done.exit_code, done.stdout.count("rec-")) == (0, 4)
    assert folder.run("queue", "refuse", "3", "--reason", "twice").exit_code == 0
    listed_json = folder.ask("queue", "list")
    assert (listed_json["drafts"], listed_json["waiting"], listed_json["next"]) == ([], 0, None)
    (need, _) = folder.ask("list", "need")["things"]
    told = folder.run("show", need["id"], "--at-home").stdout
    assert "confirmed: own desk · two-way · 20" in told
    assert "confirmed: own desk · two-way" in folder.run("list", "need").stdout
    assert CANARY in told


def test_all_of_a_source_are_released_but_those_with_marks(folder: Folder) -> None:
    incident = folder.incident()
    mark = {"cell": "数量 (D7)", "field": "facts.lines[0].quantity", "what": "two-amounts"}
    given = rows(
        row("a", incident),
        row("b", incident).model_copy(update={"marks": [MarkItem(**mark, words="两个数")]}),
        row("c", incident),
        queue=True,
    )

    async def queue(source: str, request: ImportRequest) -> Any:
        async with open_desk(DataFolder(folder.root), "import") as desk:
            path = {"source": source}
            return await desk.call("importRows", path=path, body=request.model_dump())

    asyncio.run(queue("sheet", given))
    asyncio.run(queue("other", rows(row("z", incident), queue=True)))
    assert "two-amounts" in folder.run("queue", "list", "--marked").stdout
    unmarked = folder.ask("queue", "list", "--unmarked", "--source", "sheet", "--type", "need")
    assert [draft["key"] for draft in unmarked["drafts"]] == ["a", "c"]
    shown = folder.run("queue", "show", "2").stdout
    assert all(word in shown for word in ("数量 (D7)", "两个数", "200 kg", "signs a new record"))
    assert "put right in the sheet: import it again" in shown
    asked = ("queue", "release", "--source", "sheet", "--method", "desk", "--checker", "李")
    unsure = folder.run(*asked)
    assert (unsure.exit_code, "about 2 drafts" in unsure.stderr) == (2, True)
    stated = "state in public, by the method desk, as confirmed: place, quantity and urgency"
    assert stated in unsure.stderr
    done = folder.run(*asked, "--yes")
    assert done.stdout.count("place, quantity, urgency") == 2
    assert "exists" not in done.stdout
    assert (done.exit_code, "1 with marks still wait" in done.stdout) == (0, True)
    left = folder.ask("queue", "list")["drafts"]
    assert [(draft["source"], draft["key"]) for draft in left] == [("sheet", "b"), ("other", "z")]
    options = ("--source", "sheet", "--marked", "--reason", "unclear", "--yes")
    assert folder.run("queue", "refuse", *options).exit_code == 0
    assert [draft["key"] for draft in folder.ask("queue", "list")["drafts"]] == ["z"]


def test_invited_node_joins_from_the_command_line_and_both_list_each_other(
    folder: Folder, tmp_path: Path
) -> None:
    other = Folder(tmp_path / "other")
    options = ("--host", "127.0.0.1", "--port", "0", "--local-port", "0", "--no-tls")
    other.ask("init", "民政", *options)
    with running(folder) as node:
        made = folder.run("invite", "xian-2021/fsc", "--endpoint", node.endpoint)
        joined = other.run("join", made.stdout.strip())
        assert joined.exit_code == 0, joined.output
        assert node.endpoint in joined.stdout
        assert "xian-2021/fsc" in other.run("subscribe").stdout
        assert "joined us" in folder.run("org", "list").stdout
        assert node.endpoint in other.run("peer", "list").stdout
        again = other.run("join", "-", stdin=made.stdout)
        assert again.exit_code == 0  # the first answer may have been lost
    gone = other.run("join", made.stdout.strip())
    assert (gone.exit_code, "can't be reached" in gone.stderr) == (1, True)


def test_commands_ask_the_running_node_and_leave_its_folder_alone(folder: Folder) -> None:
    incident = folder.incident()
    with running(folder):
        assert folder.ask("status")["running"]
        folder.ask("publish", "-", stdin=folder.need(incident))
        (thing,) = folder.ask("list", "need")["things"]
        assert folder.run("show", thing["id"][:14]).exit_code == 0
        refused = folder.run("publish", "-", stdin="[{}]")
        assert (refused.exit_code, "drafts[0].type: is required" in refused.stderr) == (1, True)
        second = folder.run("run")
        assert second.exit_code == 2
        assert "in use by `hutong run`" in second.stderr
    assert not (folder.root / "running.json").exists()
    assert not folder.ask("status")["running"]
    assert len(folder.ask("list", "need")["things"]) == 1


def test_file_left_by_a_killed_node_misleads_nobody(folder: Folder) -> None:
    with running(folder) as node:
        node.process.kill()
        node.process.wait()
        assert (folder.root / "running.json").exists()
        assert not folder.ask("status")["running"]


def test_command_waits_for_another_and_then_names_who_has_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    first = FolderLock.try_take(path, "publish")
    assert isinstance(first, FolderLock)
    held = FolderLock.try_take(path, "list")
    assert held == Holder(os.getpid(), "publish")
    with pytest.raises(Refused, match="`hutong publish`") as refused:
        FolderLock.take(path, "list", wait_s=0.1)
    assert f"kill {os.getpid()}" in refused.value.way_out
    monkeypatch.setattr(time, "sleep", lambda _: first.release())
    second = FolderLock.take(path, "list")
    second.release()
    second.release()
    assert isinstance(FolderLock.try_take(path, "x"), FolderLock)


def test_help_is_there_before_the_heavy_libraries_are() -> None:
    """What makes `hutong --help` quick, without a clock that a busy machine disturbs."""
    heavy = ("aiohttp", "pydantic", "sqlite3", "cryptography", "structlog", "prometheus_client")
    script = (
        "import sys; from hutong_node.__main__ import application; application();"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=ENV, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_every_command_that_touches_a_node_takes_a_folder_and_can_tell_json() -> None:
    commands = typer.main.get_command(command_line.application())
    own = {"status", "list", "show", "publish", "subscribe", "invite", "join", "peer", "org",
           "queue", "init"}  # fmt: skip

    def leaves(command: Any, name: str) -> Iterator[tuple[str, set[str]]]:
        if hasattr(command, "commands"):
            for each, inner in command.commands.items():
                yield from leaves(inner, f"{name} {each}".strip())
        else:
            yield name, {option for parameter in command.params for option in parameter.opts}

    found = {name: options for name, options in leaves(commands, "") if name.split()[0] in own}
    assert len(found) >= 17
    assert [name for name, options in found.items() if not {"--data", "--json"} <= options] == []


def test_commands_of_other_packages_are_added_once_and_broken_ones_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Point:
        def __init__(self, value: str) -> None:
            self.value = value

    points = [Point("no_such_package:register"), Point("json:register"), Point("json:register")]
    monkeypatch.setattr(command_line, "entry_points", lambda group: points)
    names = {command.name for command in command_line.application().registered_commands}
    assert {"init", "run", "status"} <= names
    told = capsys.readouterr().err
    assert told.count("json:register") == 1
    assert "no_such_package" in told


def test_words_of_strangers_reach_a_terminal_without_its_commands() -> None:
    assert plain("大米\x1b[2J\x07\nx") == "大米 [2J  x"
    assert plain([True, None, {"refused": 2}]) == "yes, , refused 2"


def test_guide_names_only_commands_and_options_that_there_are() -> None:
    guide = (Path(__file__).parents[2] / "node" / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"hutong ([a-z]+(?: [a-z]+)?[^`\n|]*)", guide)
    commands: Any = typer.main.get_command(command_line.application())
    checked = 0
    for call in named:
        words = call.split("#")[0].split()
        command = commands.commands.get(words[0])
        assert command is not None, call
        if hasattr(command, "commands") and len(words) > 1:
            command = command.commands.get(words[1])
            assert command is not None, call
        options = {word for word in words if word.startswith("--")}
        known = {
            option
            for parameter in command.params
            for option in parameter.opts + parameter.secondary_opts
        }
        assert options <= known, call
        checked += 1
    assert checked > 20


def test_need_is_closed_by_hand_with_a_reason_and_told_by_its_title(folder: Folder) -> None:
    published = folder.run("publish", "-", stdin=folder.need(folder.incident(), "大米" * 30))
    assert "大米" * 19 in published.stdout
    assert "大米" * 20 not in published.stdout
    (need,) = folder.ask("list", "need")["things"]
    wrong = folder.run("close", need["id"], "--reason", "done")
    assert (wrong.exit_code, "must be one of: fulfilled, " in wrong.stderr) == (2, True)
    closed = folder.run("close", need["id"][:14], "--reason", "withdrawn", "--note", "村里已有")
    assert (closed.exit_code, "close/1" in closed.stdout) == (0, True)
    shown = folder.ask("show", need["id"])
    assert (shown["thing"]["life"], shown["thing"]["reason"]) == ("closed", "withdrawn")
    again = folder.run("close", need["id"], "--reason", "withdrawn")
    assert (again.exit_code, "closed already: withdrawn" in again.stderr) == (1, True)
    # Reopened as by any draft, and closed once more: the second close replaces what came before.
    record = next(entry for entry in shown["history"] if entry["type"] == "close/1")
    refs = {"thing": need["id"], "link": need["id"], "replaces": [record["id"]]}
    draft = {"type": "reopen/1", "space": "xian-2021", "topic": "fsc", "refs": refs}
    folder.ask("publish", "-", stdin=json.dumps(draft))
    assert folder.ask("show", need["id"])["thing"]["life"] == "active"
    folder.ask("close", need["id"], "--reason", "fulfilled")
    shown = folder.ask("show", need["id"])
    assert (shown["thing"]["life"], shown["thing"]["reason"]) == ("closed", "fulfilled")
    assert shown["flags"] == []
