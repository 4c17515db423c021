"""`hutong backup create`, `verify` and `restore` as people and scripts use them."""

from __future__ import annotations

import os
import pty
import re
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hutong_node.backup import creating
from hutong_node.backup.creating import remove_scratch
from hutong_node.backup.note import BackupNote
from hutong_node.backup.passphrase import VARIABLE, phrase_bytes
from hutong_node.commands.backup import progress_line
from hutong_node.config import DataFolder
from hutong_node.doctor.folder_checks import BACKUP_AGE_MAX_MS
from hutong_node.folder_lock import FolderLock
from hutong_node.founding import load_identity
from hutong_node.marker import Mismatch, read_marker
from hutong_node.node import Node, open_parts
from hutong_node.refusals import Refused
from hutong_node.roster import Roster
from hutong_node.store.interface import StoreMethods
from hutong_protocol.exchange import Scope
from node.backup_steps import (
    ENV,
    PHRASE,
    asked,
    backed_up,
    change,
    clear_files,
    furnished,
    holding,
    hutong,
    restored,
    running,
    started,
)
from node.doctor_steps import At, Sick, looked
from node.local_nodes import CANARY
from node.test_secrets import places, secrets_of

BACKED_UP = [
    "api.token",
    "hutong.db",
    "hutong.toml",
    "identity.json",
    "intake.db",
    "kept-at-home.db",
    "keys/writer.key",
    "node.db",
    "tls/certificate.pem",
    "tls/key.pem",
]
GOVERNING = ["keys/control.key", "keys/next-control.key", "keys/recovery.key"]


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return furnished(tmp_path / "node")


def test_backup_is_made_checked_and_put_back(folder: DataFolder, tmp_path: Path) -> None:
    """All that a node can't have again is in it, and comes back with the modes it must have."""
    file, data = tmp_path / "b", ("--data", str(folder.root))
    told = asked("backup", "create", str(file), *data)
    assert sorted(told["holds"]) == BACKED_UP
    assert (told["verified"], told["records"], told["own_logs"]) == (True, 4, 2)
    assert told["size"] == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert clear_files(tmp_path / "node") == clear_files(folder.root)
    assert not (folder.root / "backup-scratch").exists()
    seen = asked("backup", "verify", str(file))
    same = ("records", "own_logs", "made_at", "organisation", "made_by", "holds")
    assert {name: seen[name] for name in same} == {name: told[name] for name in same}
    assert seen["verified"]
    again = tmp_path / "again"
    put = asked("backup", "restore", str(file), "--data", str(again))
    assert {name: put[name] for name in same} == {name: told[name] for name in same}
    assert len(put["next"]) == 4
    assert clear_files(again) == sorted([*BACKED_UP, "lock", "restore-marker"])
    for path in again.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    for name in BACKED_UP:
        if not name.endswith(".db"):
            assert (again / name).read_bytes() == (folder.root / name).read_bytes()
    (thing,) = asked("list", "need", "--data", str(again))["things"]
    assert thing == asked("list", "need", *data)["things"][0]
    queued = hutong("queue", "show", "1", "--data", str(again)).stdout
    assert CANARY in queued


def test_people_are_told_what_it_holds_what_not_and_what_comes_next(
    folder: DataFolder, tmp_path: Path
) -> None:
    file = tmp_path / "b"
    (folder.root / "mapping.toml").write_text("")
    made = hutong("backup", "create", str(file), "--data", str(folder.root))
    assert made.exit_code == 0
    for words in (
        *GOVERNING,
        "--with-governing-keys",
        "mapping.toml (not of the node)",
        "index.db",
    ):
        assert words in made.stdout
    seen = hutong("backup", "verify", str(file))
    assert "It is whole" in seen.stdout
    put = hutong("backup", "restore", str(file), "--data", str(tmp_path / "again"))
    assert put.exit_code == 0
    for words in ("Stop the old node", "hutong run", "new logs", "asked its peers"):
        assert words in put.stdout
    for said in (made, seen, put):
        assert CANARY not in said.output
        assert "大米" not in said.output


def test_restored_folder_is_never_taken_for_the_node_that_was_backed_up(
    folder: DataFolder, tmp_path: Path
) -> None:
    """Threats 25 and 26, hard case 33: not even when the old marker is put beside it."""
    before = {log.log for log in own_logs(folder)}
    backed_up(folder, tmp_path / "b")
    for number, marker in enumerate(("as restored", "the old one", "none")):
        again = restored(tmp_path / "b", tmp_path / f"again-{number}")
        assert read_marker(again.marker) is Mismatch.PUT_BACK
        if marker == "the old one":
            again.marker.write_bytes(folder.marker.read_bytes())
        elif marker == "none":
            again.marker.unlink()
        node = Node(open_parts(again))
        try:
            assert node.parts.store.mismatch is not None
            assert node.parts.restoring.withholds
            logs = node.parts.store.run(StoreMethods.own_logs)
            assert {log.log for log in logs if log.retired is not None} == before
        finally:
            node.parts.index.close()
            node.parts.store.close()
            node.parts.roster.close()
    assert {log.log for log in own_logs(folder) if log.retired is None} == before


def test_restored_store_in_the_very_file_of_the_original_is_known_all_the_same(
    folder: DataFolder, tmp_path: Path
) -> None:
    """By what is in it: marker, machine and file are the original ones, and nothing had left."""
    backed_up(folder, tmp_path / "b")
    again = restored(tmp_path / "b", tmp_path / "again")
    with folder.database.open("r+b") as file:
        file.truncate()
        file.write(again.database.read_bytes())
    assert all(log.retired is not None for log in own_logs(folder))


def own_logs(folder: DataFolder) -> Any:
    """The own logs that a folder has, opened as its node opens it."""
    parts = open_parts(folder)
    try:
        return parts.store.run(StoreMethods.own_logs)
    finally:
        parts.index.close()
        parts.store.close()
        parts.roster.close()


def test_governing_keys_go_in_only_if_somebody_says_so(folder: DataFolder, tmp_path: Path) -> None:
    """By what a key file says it is, whatever it is called."""
    (folder.keys / "control.key").rename(folder.keys / "spare.key")
    left = asked("backup", "create", str(tmp_path / "b"), "--data", str(folder.root))
    assert not any("spare" in name for name in left["holds"])
    (governing,) = [entry for entry in left["left_out"] if "govern" in entry["why"]]
    named = sorted([*GOVERNING[1:], "keys/spare.key"])
    assert sorted(governing["names"]) == named
    options = ("--with-governing-keys", "--data", str(folder.root))
    whole = asked("backup", "create", str(tmp_path / "c"), *options)
    assert set(named) < set(whole["holds"])
    assert whole["governing_keys"]
    again = restored(tmp_path / "c", tmp_path / "again")
    for name in named:
        assert (again.root / name).read_bytes() == (folder.root / name).read_bytes()


def test_no_secret_and_nothing_personal_stands_in_a_backup_or_in_what_is_said(
    folder: DataFolder, tmp_path: Path
) -> None:
    """Threats 28 and 54, over every byte that create, verify and restore wrote and printed."""
    node = Node(open_parts(folder))
    secrets = secrets_of(node)
    for part in (node.parts.index, node.parts.store, node.parts.roster):
        part.close()
    out = tmp_path / "out"
    out.mkdir()
    said = b""
    for number, args in enumerate(
        (
            ("create", str(out / "b"), "--with-governing-keys", "--data", str(folder.root)),
            ("verify", str(out / "b"), "--scratch", str(out)),
            ("restore", str(out / "b"), "--data", str(tmp_path / "again")),
            ("restore", str(out / "b"), "--data", str(tmp_path / "again")),
            ("create", str(out / "b"), "--data", str(folder.root)),
        )
    ):
        process = started("backup", *args, "--json") if number % 2 else started("backup", *args)
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == (0 if number < 3 else 1), stderr
        said += stdout + stderr
    (out / "said").write_bytes(said)
    wrong = subprocess.run(
        [sys.executable, "-m", "hutong_node", "backup", "verify", str(out / "b")],
        env={**ENV, VARIABLE: "quite another pass phrase"},
        capture_output=True,
        check=False,
    )
    assert wrong.returncode == 1
    (out / "wrong").write_bytes(wrong.stdout + wrong.stderr)
    for secret in secrets.values():
        assert places(secret, [path for path in out.rglob("*") if path.is_file()]) == []
    for text in (PHRASE, "quite another", CANARY, "大米", "node.db-wal", "SQLite format 3"):
        assert holding(text.encode(), out) == []
    # In the clear it is only where it belongs: the phrase nowhere, the number in the kept file.
    for root in (folder.root, tmp_path / "again"):
        assert holding(phrase_bytes(PHRASE), root) == []
        assert holding(CANARY.encode(), root) == ["kept-at-home.db"]


def test_pass_phrase_comes_from_a_file_the_environment_or_a_terminal(
    folder: DataFolder, tmp_path: Path
) -> None:
    data = ("--data", str(folder.root))
    secret = tmp_path / "secret"
    secret.write_text(PHRASE + "\n", encoding="utf-8")
    secret.chmod(0o600)
    by_file = ("--passphrase-file", str(secret))
    assert (
        hutong("backup", "create", str(tmp_path / "b"), *data, *by_file, phrase=None).exit_code == 0
    )
    assert hutong("backup", "verify", str(tmp_path / "b")).exit_code == 0
    secret.chmod(0o644)
    refused = hutong("backup", "verify", str(tmp_path / "b"), *by_file, phrase=None)
    assert (refused.exit_code, "chmod 600" in refused.stderr) == (1, True)
    none = hutong("backup", "verify", str(tmp_path / "b"), phrase=None)
    assert (none.exit_code, "--passphrase-file" in none.stderr) == (2, True)
    assert VARIABLE in none.stderr
    for command in ("create", "verify", "restore"):
        shown = re.sub(r"[\s│]+", "", hutong("backup", command, "--help").stdout)
        assert VARIABLE in shown
    for weak in ("", "short", "aaaaaaaaaaaaaaa"):
        refused = hutong("backup", "create", str(tmp_path / "c"), *data, phrase=weak)
        assert (refused.exit_code, "too weak" in refused.stderr) == (1, True)
    assert not (tmp_path / "c").exists()


def on_terminal(args: list[str], typed: list[str]) -> tuple[int, str]:
    """The exit code and output of a command on a terminal at which something is typed."""
    environment = {name: value for name, value in ENV.items() if name != VARIABLE}
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hutong_node", *args],
        env=environment,
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    said = ""
    waiting = [*typed]
    while True:
        try:
            told = os.read(terminal, 4_096).decode(errors="replace")
        except OSError:  # nobody has the other end any more
            break
        said += told
        if said.endswith(": ") and waiting:  # the blank comes when it listens and shows nothing
            os.write(terminal, waiting.pop(0).encode() + b"\n")
    os.close(terminal)
    return process.wait(60), said


def test_on_a_terminal_it_is_asked_for_twice_and_never_shown(
    folder: DataFolder, tmp_path: Path
) -> None:
    args = ["backup", "create", str(tmp_path / "b"), "--data", str(folder.root)]
    code, said = on_terminal(args, [PHRASE, "something else 123", PHRASE, PHRASE])
    assert code == 0, said
    assert said.count("Pass phrase") == 2
    assert PHRASE not in said
    code, said = on_terminal(["backup", "verify", str(tmp_path / "b")], [PHRASE])
    assert (code, said.count("Pass phrase")) == (0, 1)


def test_node_that_was_never_started_can_be_backed_up(tmp_path: Path) -> None:
    """Its keys and identity are what matters, and `init` makes nothing else."""
    node = DataFolder(tmp_path / "node")
    asked("init", "x", "--data", str(node.root))
    made = backed_up(node, tmp_path / "b")
    assert not any(name.endswith(".db") for name in made.contents.databases)
    again = restored(tmp_path / "b", tmp_path / "again")
    assert load_identity(again).org == load_identity(node).org
    parts = open_parts(again)
    assert parts.store.mismatch is Mismatch.PUT_BACK
    for part in (parts.index, parts.store, parts.roster):
        part.close()


def test_invites_that_nobody_used_before_are_taken_back(folder: DataFolder, tmp_path: Path) -> None:
    """Since the backup they may have been used, and an invite lets in one node, once."""
    roster = Roster(folder.root / "node.db")
    roster.add_invite(b"n" * 16, [Scope("s", "t")], 2**50)
    roster.close()
    backed_up(folder, tmp_path / "b")
    args = ("backup", "restore", str(tmp_path / "b"), "--data", str(tmp_path / "again"))
    result = hutong(*args)
    assert "1 invites that nobody had used are taken back" in result.stdout
    roster = Roster(tmp_path / "again" / "node.db")
    assert not roster.invite_stands(b"n" * 16, 1)
    roster.close()


def test_no_crash_writes_the_pass_phrase_into_a_file(tmp_path: Path) -> None:
    """Threat 28: a process that handles it leaves no core dump."""
    assert hutong("backup", "verify", str(tmp_path / "none")).exit_code == 1
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0


def test_only_one_backup_is_made_at_a_time(folder: DataFolder, tmp_path: Path) -> None:
    lock = FolderLock.try_take(folder.root / "backup.lock", "backup create")
    assert isinstance(lock, FolderLock)
    (folder.root / "backup-scratch").mkdir()
    remove_scratch(folder)
    assert (folder.root / "backup-scratch").exists()
    result = hutong("backup", "create", str(tmp_path / "b"), "--data", str(folder.root))
    assert (result.exit_code, "being made" in result.stderr) == (2, True)
    lock.release()
    remove_scratch(folder)
    assert not (folder.root / "backup-scratch").exists()
    assert asked("backup", "create", str(tmp_path / "b"), "--data", str(folder.root))["verified"]


def test_backup_needs_room_before_it_begins(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat 59: it must not be what fills the disk of the node."""
    monkeypatch.setattr(creating, "_SPARE_BYTES", 2**62)
    with pytest.raises(Refused, match="not enough room") as refused:
        backed_up(folder, tmp_path / "b")
    assert "MiB are needed" in refused.value.detail
    assert clear_files(tmp_path) == [f"node/{name}" for name in clear_files(folder.root)]


def test_command_that_is_told_to_end_leaves_nothing(folder: DataFolder, tmp_path: Path) -> None:
    """SIGTERM while it copies, reads back or checks."""
    change(folder.root / "intake.db", "CREATE TABLE weight (content BLOB)")
    for _ in range(4):
        change(folder.root / "intake.db", "INSERT INTO weight VALUES (zeroblob(50000000))")
    before = clear_files(folder.root)
    process = started("backup", "create", str(tmp_path / "b"), "--data", str(folder.root))
    while not (tmp_path / "b.part").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert [name for name in clear_files(tmp_path) if not name.startswith("node/")] == []
    assert set(clear_files(folder.root)) - set(before) <= {"backup.lock"}


@pytest.mark.parametrize(
    ("done", "total", "seconds", "said"),
    [
        (1, 4, 100.0, "copying: 25 %"),
        (2**20, 2**22, 0.5, "copying: 25 %"),
        (2**20, 2**22, 2.0, "copying: 25 % of 4.0 MiB, 512 KiB/s, 6 s left"),
        (0, 2**22, 2.0, "copying: 0 % of 4.0 MiB, 0 KiB/s"),
    ],
)
def test_progress_tells_rate_and_time_left(
    done: int, total: int, seconds: float, said: str
) -> None:
    assert progress_line("copying", done, total, seconds) == said


async def test_doctor_says_when_the_last_backup_was_made(
    folder: DataFolder, tmp_path: Path
) -> None:
    """A new node needs none yet; later none, an old one and one that nobody read are told."""
    day_ms = 86_400_000
    assert set((await looked(folder))["backup"]) == {"new"}
    assert set((await looked(folder, Sick(), At(2 * day_ms)))["backup"]) == {"none"}
    asked("backup", "create", str(tmp_path / "b"), "--data", str(folder.root))
    assert set((await looked(folder, Sick(), At(2 * day_ms)))["backup"]) == {"ok"}
    found = (await looked(folder, Sick(), At(BACKUP_AGE_MAX_MS + day_ms)))["backup"]
    assert found["old"].facts["days"] == 8
    args = ("--no-verify", "--data", str(folder.root))
    told = asked("backup", "create", str(tmp_path / "c"), *args)
    assert told["verified"] is False
    assert set((await looked(folder))["backup"]) == {"not-read-back"}
    note = BackupNote.read(folder.root)
    assert note is not None
    assert (note.size, note.records) == (told["size"], 4)
    (folder.root / "last-backup.json").write_text("{")
    assert set((await looked(folder))["backup"]) == {"new"}


async def test_doctor_knows_a_folder_that_was_put_back(folder: DataFolder, tmp_path: Path) -> None:
    backed_up(folder, tmp_path / "b")
    again = restored(tmp_path / "b", tmp_path / "again")
    found = await looked(again)
    assert "put-back" in found["restore-marker"]
    assert "waits" in found["restored"]
    assert set(found["database"]) == {"ok"}
    assert set(found["writer-key"]) == {"ok"}


def test_every_file_of_a_running_node_is_backed_up_or_left_out_on_purpose(
    folder: DataFolder, tmp_path: Path
) -> None:
    """A new file of the node has to be decided about in `backup/contents.py`."""
    with running(folder):
        made = backed_up(folder, tmp_path / "b")
        assert made.contents.others == ()
        assert sorted(file.name for file in made.packing.files) == BACKED_UP


def test_what_is_asked_of_progress_goes_from_nothing_to_all(
    folder: DataFolder, tmp_path: Path
) -> None:
    told: dict[str, list[tuple[int, int]]] = {}
    backed_up(
        folder,
        tmp_path / "b",
        report=lambda doing, done, total: told.setdefault(doing, []).append((done, total)),
    )
    assert {"copying", "writing", "reading"} <= set(told)
    for doing in ("copying", "writing", "reading"):
        assert told[doing] == sorted(told[doing])
        assert told[doing][-1][0] == told[doing][-1][1]
