"""`hutong doctor` and GET /v1/doctor as people and programs use them, beside a node and without."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import hutong_node.__main__ as command_line
from hutong_node.config import DataFolder
from hutong_node.doctor.findings import State
from hutong_node.doctor.words import table
from hutong_node.founding import CONTROL_FILE, NEXT_CONTROL_FILE, RECOVERY_FILE
from hutong_node.intake import Intake
from hutong_node.node import Node
from hutong_node.refusals import Refused
from hutong_node.service import NodeService
from hutong_node.store.interface import NewPart, NewRecord
from hutong_protocol.encoding import encode
from hutong_protocol.ids import OrgId
from node.local_nodes import CANARY, local, row, rows, served
from node.nodes import BASE, FSC, draft, introduce, new_node, until

OFFLINE = (CONTROL_FILE, NEXT_CONTROL_FILE, RECOVERY_FILE)
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def run(root: Path, *args: str, env: dict[str, str] | None = None) -> Result:
    given = [*args, "--data", str(root)]
    result = CliRunner().invoke(command_line.application(), given, env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def made(root: Path) -> DataFolder:
    """A new node that listens on free ports."""
    listen = ("--host", "127.0.0.1", "--port", "0", "--local-port", "0")
    assert run(root, "init", "妇源汇", *listen).exit_code == 0
    return DataFolder(root)


def withdraw(folder: DataFolder) -> None:
    """What `init` tells people to do with the keys that govern the organisation."""
    for name in OFFLINE:
        (folder.keys / name).unlink()


@contextmanager
def running(root: Path) -> Iterator[None]:
    """The node of a folder, running in a process of its own until the context ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hutong_node", "run", "--data", str(root)],
        env=ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        while not process.stdout.readline().startswith(b"local API"):
            assert process.poll() is None
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def wrong(told: Any) -> set[tuple[str, str]]:
    """What isn't in order, by code and case."""
    return {(f["code"], f["case"]) for f in told["findings"] if f["state"] in ("bad", "warn")}


def test_folder_without_a_node_ends_with_two_and_is_not_made(tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere", "doctor")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "hutong init" in result.stderr
    assert not (tmp_path / "nowhere").exists()
    folder = made(tmp_path / "n")
    for args in (("--lang", "fr"), ("--seconds", "0"), ("org-nobody",)):
        assert run(folder.root, "doctor", *args).exit_code == 2, args


def test_stopped_node_is_told_in_words_with_commands_that_name_its_folder(tmp_path: Path) -> None:
    folder = made(tmp_path / "a b")
    english = run(folder.root, "doctor")
    assert english.exit_code == 1
    assert f"$ hutong run --data '{folder.root}'" in english.stdout
    assert "WARNING: the node's process: no node runs" in english.stdout
    assert "ok: " not in english.stdout
    assert "ok: the writer key" in run(folder.root, "doctor", "--all").stdout
    chinese = run(folder.root, "doctor", "--lang", "zh").stdout
    assert "要注意：节点进程：" in chinese
    assert f"$ hutong run --data '{folder.root}'" in chinese
    assert not re.search(r"why it matters|what to do", chinese)
    told = run(folder.root, "doctor", "--json")
    assert told.exit_code == 1
    answer = json.loads(told.stdout)
    assert (answer["ok"], answer["running"], answer["language"]) == (False, False, "en")
    assert wrong(answer) == {("process", "stopped"), ("offline-keys", "here")}
    states = [State(finding["state"]) for finding in answer["findings"]]
    assert states == sorted(states, key=list(State).index)
    assert answer["counts"] == {state.value: states.count(state) for state in State}
    home = run(folder.root, "doctor", env={"HUTONG_HOME": str(folder.root)}).stdout
    assert "$ hutong run\n" in home


@pytest.mark.parametrize(
    ("names", "language"),
    [
        ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_TW", "LANG": "en_US"}, "zh"),
        ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": ""}, "en"),
    ],
)
def test_language_is_that_of_the_terminal_unless_it_is_said(
    tmp_path: Path, names: dict[str, str], language: str
) -> None:
    folder = made(tmp_path / "n")
    told = json.loads(run(folder.root, "doctor", "--json", env=names).stdout)
    assert told["language"] == language
    said = json.loads(run(folder.root, "doctor", "--json", "--lang", "en", env=names).stdout)
    assert said["language"] == "en"


def test_running_node_is_asked_and_one_that_cannot_be_asked_is_looked_at(tmp_path: Path) -> None:
    folder = made(tmp_path / "n")
    withdraw(folder)
    with running(folder.root):
        told = json.loads(run(folder.root, "doctor", "--json").stdout)
        assert told["running"]
        assert wrong(told) == {("roster", "no-scope")}
        assert run(folder.root, "subscribe", "xian-2021/fsc").exit_code == 0
        assert run(folder.root, "doctor", "org-nobody").exit_code == 2
        chinese = run(folder.root, "doctor", "--lang", "zh")
        assert (chinese.exit_code, "要注意：范围与对等节点：" in chinese.stdout) == (1, True)
        # Others can read the token: the command can't use it, and says why all the same.
        folder.token.chmod(0o644)
        told = json.loads(run(folder.root, "doctor", "--json").stdout)
        assert not told["running"]
        assert {("process", "silent"), ("private-files", "open-secret")} <= wrong(told)
        folder.token.chmod(0o600)
        with running_beside(folder):
            told = json.loads(run(folder.root, "doctor", "--json").stdout)
            assert wrong(told) == {("roster", "no-peer"), ("card", "missing")}
            assert run(folder.root, "card", "--kind", "ngo", "--yes").exit_code == 0
            told = json.loads(run(folder.root, "doctor", "--json").stdout)
            assert wrong(told) == {("roster", "no-peer")}
    told = json.loads(run(folder.root, "doctor", "--json").stdout)
    assert wrong(told) == {("process", "stopped"), ("roster", "no-peer")}


@contextmanager
def running_beside(folder: DataFolder) -> Iterator[None]:
    """A second process that tries to run the same node, and is refused."""
    second = subprocess.run(
        [sys.executable, "-m", "hutong_node", "run", "--data", str(folder.root)],
        env=ENV,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert second.returncode != 0
    assert b"in use" in second.stderr
    yield


def test_node_that_hangs_is_looked_at_from_outside(tmp_path: Path) -> None:
    """Whoever has the lock says where it is reached, but something else answers there."""
    folder = made(tmp_path / "n")
    script = (
        "import sys; from pathlib import Path; from hutong_node.folder_lock import FolderLock;"
        "from hutong_node.running_file import RunningFile; root = Path(sys.argv[1]);"
        "lock = FolderLock.take(root / 'lock', 'run');"
        "RunningFile.write(root / 'running.json', 'http://127.0.0.1:1');"
        "print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder.root)],
        env=ENV,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        told = json.loads(run(folder.root, "doctor", "--json").stdout)
        (finding,) = [f for f in told["findings"] if f["code"] == "process"]
        assert (finding["case"], finding["command"]) == ("silent", f"kill {process.pid}")
        process.communicate()


def service_of(node: Node, *, running: bool = True) -> tuple[NodeService, Intake]:
    intake = Intake(node.parts.folder.root / "intake.db")
    return NodeService(node, intake, running=running), intake


async def test_two_nodes_that_exchange_find_nothing_wrong(tmp_path: Path) -> None:
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    for node in (one, two):
        withdraw(node.parts.folder)
    async with one, two:
        await introduce(one, two, [FSC])
        await two.publish(FSC, [draft(1)])
        for node in (one, two):
            card = NewRecord("org/1", parts=(NewPart(0, encode({"kind": "ngo"})),))
            await node.publish(BASE, [card])
            await until(lambda node=node: node.peering.statuses()[0].state == "settled")  # type: ignore[misc]
            service, intake = service_of(node)
            told = await service.doctor(None, "zh", 20)
            intake.close()
            assert (wrong(told.model_dump()), told.ok) == (set(), True)
            assert {finding.code for finding in told.findings} <= table().keys()


async def test_local_api_tells_the_same_and_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    async with local(tmp_path) as one, served(one) as client:
        status, told, _ = await client.ask("GET", "/v1/doctor?lang=zh&seconds=5")
        assert status == 200
        assert told["language"] == "zh"
        assert ("roster", "no-peer") in wrong(told)
        for query in ("seconds=0", "seconds=31", "lang=fr", "deep=1"):
            status, told, _ = await client.ask("GET", f"/v1/doctor?{query}")
            assert (status, told["code"]) == (400, "bad-request")
        status, told, _ = await client.ask("GET", "/v1/doctor?peer=org-nobody")
        assert (status, told["code"]) == (404, "not-found")
        with pytest.raises(Refused):
            await one.service.doctor("nobody", "en", 5)


async def filled(tmp_path: Path) -> tuple[DataFolder, list[str], list[str]]:
    """A folder with what must not be told, a list of that, and what its node told of itself."""
    name, note, title = "王小明", "met at 雁塔路 12 号", "奶粉和尿布"
    async with local(tmp_path) as one:
        incident = await one.incident()
        given = row("a", incident, sensitive={"contact": f"{name} {CANARY}"}, text={"title": title})
        await one.service.import_rows("sheet", rows(given, queue=True))
        await one.service.import_rows("other", rows(given))
        node = one.node
        node.parts.roster.let_in(OrgId(bytes(31) + b"\x07"), note, 1)
        folder = node.parts.folder
        secrets = [path.read_text("utf-8").splitlines()[1] for path in folder.keys.iterdir()]
        assert len(secrets) == 4
        secrets.append(folder.token.read_text("utf-8").strip())
        secrets += folder.certificate_key.read_text("utf-8").splitlines()[1:-1]
        canaries = [name, CANARY, note, title, *secrets]
        assert all(len(canary) >= 3 for canary in canaries)
        shown = [
            (await one.service.doctor(None, language, 20)).model_dump_json()
            for language in ("en", "zh")
        ]
    return folder, canaries, shown


def test_no_secret_and_nothing_about_a_person_is_ever_told(tmp_path: Path) -> None:
    """Threats 28 and 54: keys, the token, what is kept at home, notes, titles; also when broken."""
    folder, canaries, shown = asyncio.run(filled(tmp_path))
    content = bytearray(folder.database.read_bytes())
    content[-3 * 4_096 : -3 * 4_096 + 200] = bytes(200)
    folder.database.write_bytes(content)
    (folder.root / "kept-at-home.db").write_bytes(CANARY.encode() * 1_000)
    (folder.keys / "writer.key").write_text(f"{canaries[-1]}\n{CANARY}\n", "utf-8")
    (folder.root / "identity.json").write_text(json.dumps({"events": [CANARY]}), "utf-8")
    for options in ((), ("--json",), ("--all",), ("--lang", "zh", "--all")):
        result = run(folder.root, "doctor", *options)
        assert result.exit_code == 1
        shown.append(result.output)
    assert "kept-at-home.db" in shown[-1]
    for text in shown:
        assert [canary for canary in canaries if canary in text] == []
