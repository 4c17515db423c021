"""Nodes, backups and what lies on disks, for the tests of backups."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from hutong_node.__main__ import application
from hutong_node.backup.checking import Checked, check_file
from hutong_node.backup.creating import Created, create
from hutong_node.backup.passphrase import VARIABLE, phrase_bytes
from hutong_node.backup.putting_back import put_back
from hutong_node.config import DataFolder
from hutong_node.desk import open_desk
from hutong_node.node import VERSION
from node.local_nodes import CANARY, need_facts, row, rows
from node.nodes import SPACE

PHRASE = "正确的马 battery staple 电池 93"
"""A pass phrase that must stand nowhere."""
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200", VARIABLE: PHRASE}


def quiet(*_: object) -> None:
    """Is told of progress, and says nothing."""


def backed_up(folder: DataFolder, file: Path, **options: Any) -> Created:
    """A backup of a node under `PHRASE`."""
    given = {"with_governing": False, "read_back": True, "report": quiet, **options}
    return create(folder, file, phrase_bytes(PHRASE), made_ms=1, version=VERSION, **given)


def checked(file: Path, scratch: Path) -> Checked:
    """What a backup holds."""
    return check_file(file, phrase_bytes(PHRASE), scratch / "check", quiet)


def restored(file: Path, root: Path) -> DataFolder:
    """The folder that was made of a backup."""
    folder = DataFolder(root)
    put_back(file, phrase_bytes(PHRASE), folder, quiet)
    return folder


def hutong(*args: str, stdin: str | None = None, phrase: str | None = PHRASE) -> Result:
    """A command, run in this process."""
    return CliRunner().invoke(application(), [*args], input=stdin, env={VARIABLE: phrase})


def asked(*args: str, stdin: str | None = None) -> Any:
    """The JSON of a command that must succeed."""
    result = hutong(*args, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def new_folder(root: Path, *options: str) -> DataFolder:
    """A new organisation whose node would listen on free ports of loopback, and holds `fsc`."""
    ports = ("--port", "0", "--local-port", "0", "--bulletin-port", "0")
    asked("init", root.name, "--data", str(root), "--host", "127.0.0.1", *ports, *options)
    asked("subscribe", f"{SPACE}/fsc", "--data", str(root))
    return DataFolder(root)


def incident(folder: DataFolder) -> str:
    """An incident that the node publishes; its id."""
    draft = {
        "type": "incident/1",
        "space": SPACE,
        "topic": "base",
        "facts": {"start": "2021-12-09T00:00:00+08:00"},
        "text": {"title": "疫情"},
    }
    return published(folder, draft)


def need(folder: DataFolder, about: str, title: str = "大米") -> str:
    """A need that the node publishes; its id."""
    draft = {
        "type": "need/1",
        "space": SPACE,
        "topic": "fsc",
        "facts": need_facts(about),
        "text": {"title": title},
    }
    return published(folder, draft)


def published(folder: DataFolder, draft: dict[str, Any]) -> str:
    """The id of what was published from one draft."""
    told = asked("publish", "-", "--data", str(folder.root), stdin=json.dumps(draft))
    return str(told["records"][0]["id"])


def imported(folder: DataFolder, about: str) -> None:
    """A row that waits, with a telephone number that stays at home."""

    async def work() -> None:
        async with open_desk(folder, "import") as desk:
            request = rows(row("a", about, sensitive={"contact": CANARY}), queue=True)
            await desk.call("importRows", path={"source": "sheet"}, body=request.model_dump())

    asyncio.run(work())


def furnished(root: Path) -> DataFolder:
    """A node with four records, and a row that waits with what stays at home."""
    folder = new_folder(root)
    about = incident(folder)
    need(folder, about)
    imported(folder, about)
    return folder


def change(database: Path, statement: str, *values: object) -> None:
    """Changes a database as no node would."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement, values)


def clear_files(root: Path) -> list[str]:
    """The names of all files below a folder."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def holding(
    secret: bytes, root: Path, apart: Callable[[Path], bool] = lambda _: False
) -> list[str]:
    """The files below a folder in which these bytes stand."""
    return [
        name
        for name in clear_files(root)
        if not apart(root / name) and secret in (root / name).read_bytes()
    ]


@contextmanager
def running(folder: DataFolder) -> Iterator[subprocess.Popen[bytes]]:
    """The node of a folder as a process that serves, until the context ends or it is killed."""
    process = started("run", "--data", str(folder.root), stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        while not process.stdout.readline().startswith(b"local API"):
            assert process.poll() is None
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def started(*args: str, **options: Any) -> subprocess.Popen[bytes]:
    """A command as a process of its own."""
    command = [sys.executable, "-m", "hutong_node", *args]
    given = {"env": ENV, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, **given)
