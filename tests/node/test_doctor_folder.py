"""The doctor and a folder in which something was really broken; the command mends it."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from hutong_node.config import DataFolder
from hutong_node.doctor import machine_checks
from hutong_node.doctor.findings import FAILED
from hutong_node.doctor.machine import DiskNumbers, ThisMachine, Versions
from hutong_node.folder_lock import FolderLock
from hutong_node.roster import CERTIFICATE_TOLD, Roster
from hutong_node.running_file import RunningFile
from hutong_node.store.sqlite.connection import StoreLock
from node.doctor_steps import At, Found, Sick, looked, new_folder, paste, told

DAY_MS = 86_400_000
TIB = 2**40
GOOD = Versions((3, 12, 4), (3, 45, 0), "OpenSSL 3.0.19", True)


def seen(found: Found, code: str) -> set[str]:
    return set(found[code])


def alter(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


async def test_new_folder_is_in_order_but_for_keys_that_belong_elsewhere(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in folder.root.rglob("*")}
    found = await looked(folder)
    wrong = {
        (code, case)
        for code, cases in found.items()
        for case, finding in cases.items()
        if told(finding).state in ("bad", "warn")
    }
    assert wrong == {("process", "stopped"), ("offline-keys", "here")}
    for name in ("control.key", "next-control.key", "recovery.key"):
        (folder.keys / name).unlink()
    assert seen(await looked(folder), "offline-keys") == {"elsewhere"}
    changed = {path for path in before if path.exists() and path.stat().st_mtime_ns != before[path]}
    assert changed <= {folder.lock, folder.keys}
    assert not folder.database.exists()


BREAKS: dict[str, tuple[Callable[[DataFolder], None], str, str]] = {
    "folder": (lambda at: at.root.chmod(0o755), "data-folder", "open"),
    "keys": (lambda at: at.keys.chmod(0o750), "private-files", "open-keys"),
    "writer": (lambda at: (at.keys / "writer.key").chmod(0o640), "writer-key", "unsafe"),
    "control": (lambda at: (at.keys / "control.key").chmod(0o604), "private-files", "open-secret"),
    "tls": (lambda at: at.certificate_key.chmod(0o644), "private-files", "open-secret"),
    "token mode": (lambda at: at.token.chmod(0o644), "private-files", "open-secret"),
    "identity": (lambda at: (at.root / "identity.json").chmod(0o644), "private-files", "open"),
    "token short": (lambda at: _write(at.token, "abc\n"), "token", "short"),
    "token gone": (lambda at: at.token.unlink(), "token", "missing"),
}


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", BREAKS)
async def test_what_is_open_or_missing_is_mended_by_the_command(tmp_path: Path, name: str) -> None:
    """Threat 28: each file that only its owner may read; the path has what a shell would act on."""
    folder = new_folder(tmp_path / "a b'c")
    damage, code, case = BREAKS[name]
    assert case not in (await looked(folder))[code]
    damage(folder)
    found = await looked(folder)
    assert case in found[code]
    paste(found[code][case])
    assert case not in (await looked(folder))[code]


async def test_folder_of_somebody_else_and_one_that_cannot_be_written_are_told(
    tmp_path: Path,
) -> None:
    folder = new_folder(tmp_path)
    own = os.geteuid()
    found = await looked(folder, Sick(user=own + 1))
    assert found["data-folder"]["owner"].facts["owner"] == own
    assert "owner" in found["private-files"]
    assert f"chown {own + 1}" in told(found["private-files"]["owner"]).command
    assert seen(found, "writer-key") == {"ok"}
    assert seen(await looked(folder, Sick(writable=False)), "data-folder") == {"read-only"}


async def test_keys_and_founding_events_that_do_not_fit_are_told_apart(tmp_path: Path) -> None:
    folder, other = new_folder(tmp_path, "one"), new_folder(tmp_path, "other")
    key, kept = folder.keys / "writer.key", tmp_path / "kept"
    identity = folder.root / "identity.json"
    shutil.copy(key, kept)
    shutil.copy(other.keys / "writer.key", key)
    assert seen(await looked(folder), "identity-file") == {"other-key"}
    shutil.copy(folder.keys / "control.key", key)
    found = await looked(folder)
    assert seen(found, "writer-key") == {"unusable"}
    assert "identity-file" not in found
    key.unlink()
    assert seen(await looked(folder), "writer-key") == {"missing"}
    shutil.copy(kept, key)
    identity.write_text("{}", encoding="utf-8")
    assert seen(await looked(folder), "identity-file") == {"damaged"}
    identity.unlink()
    assert seen(await looked(folder), "identity-file") == {"damaged"}


async def test_mistyped_configuration_is_told_with_its_line_and_hides_nothing_else(
    tmp_path: Path,
) -> None:
    folder = new_folder(tmp_path)
    alter(folder.config, "tls = true", "tls = true\ntsl = false")
    found = await looked(folder, Sick(disk=DiskNumbers(1, 1)))
    assert "tsl: unknown key" in str(found["config"]["refused"].facts["problem"])
    line = folder.config.read_text(encoding="utf-8").splitlines().index("tsl = false") + 1
    assert f"line {line}" in told(found["config"]["refused"]).found
    assert seen(found, "disk-space") == {"full"}
    assert seen(found, "inodes") == {"none"}
    assert {"peer-bind", "ports", "certificate"}.isdisjoint(found)


async def test_variables_that_go_before_the_file_are_named_without_their_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_folder(tmp_path)
    monkeypatch.setenv("HUTONG_PEER__PUBLIC", "wss://secret.example:1")
    monkeypatch.setenv("HUTONG_HOME", str(folder.root))
    found = await looked(folder)
    assert found["config"]["overridden"].facts == {"names": "HUTONG_PEER__PUBLIC"}


@pytest.mark.parametrize(
    ("change", "code", "case"),
    [
        (('host = "127.0.0.1"\nport = 0\n# The', 'host = "0.0.0.0"\nport = 0\n# The'),
         "peer-bind", "dials-only"),
        (('# public = "wss://host:8640"', 'public = "wss://node.example:1"'),
         "peer-bind", "unreachable"),
        (('# public = "wss://host:8640"', 'public = "wss://127.0.0.1:1"'), "peer-bind", "ok"),
        (('host = "127.0.0.1"\nport = 0\n# The address that invites carry. Leave it out where'
          ' nobody can dial in: this node then dials.\n# public = "wss://host:8640"\n# Without TLS'
          ' only on a loopback address.\ntls = true',
          'host = "0.0.0.0"\nport = 0\ntls = false'), "peer-bind", "plain"),
        (('in api.token.\nhost = "127.0.0.1"', 'in api.token.\nhost = "0.0.0.0"'),
         "local-bind", "open"),
    ],
)  # fmt: skip
async def test_addresses_that_do_not_do_what_they_should_are_told(
    tmp_path: Path, change: tuple[str, str], code: str, case: str
) -> None:
    folder = new_folder(tmp_path)
    alter(folder.config, *change)
    assert seen(await looked(folder), code) == {case}


async def test_port_that_another_program_has_is_told_with_a_way_to_find_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        folder = new_folder(tmp_path, port=port)
        found = await looked(folder)
        assert found["ports"]["taken"].facts["port"] == port
        assert str(port) in told(found["ports"]["taken"]).command
        assert "[peer]" in told(found["ports"]["taken"]).found
    assert seen(await looked(folder), "ports") == {"free"}


@pytest.mark.parametrize(
    ("number", "case"),
    [
        (errno.EACCES, "forbidden"),
        (errno.EADDRNOTAVAIL, "no-address"),
        (errno.ENOBUFS, "refused"),
    ],
)
async def test_address_that_cannot_be_had_is_told_by_its_reason(
    tmp_path: Path, number: int, case: str
) -> None:
    folder = new_folder(tmp_path)
    found = await looked(folder, Sick(listening=errno.errorcode[number]))
    assert seen(found, "ports") == {case}


def test_this_machine_says_why_it_cannot_listen() -> None:
    machine = ThisMachine()
    assert machine.cannot_listen("192.0.2.1", 8_640) == "EADDRNOTAVAIL"
    assert machine.cannot_listen("127.0.0.1", 0) == ""
    assert machine.cannot_listen("a name with spaces", 1) == "gaierror"
    assert machine.has_time_zone("Asia/Shanghai")
    assert not machine.has_time_zone("Asia/Atlantis")
    assert machine.has_module("sqlite3")
    assert not machine.has_module("no_such_module")
    assert machine.versions().python >= machine_checks.PYTHON_MIN


async def test_processes_that_have_the_folder_are_told_apart(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    lock = FolderLock.take(folder.lock, "import")
    found = await looked(folder)
    assert dict(found["process"]["busy"].facts) == {"pid": os.getpid(), "doing": "import"}
    assert "ports" not in found
    # A node that was killed leaves its file; what holds the lock now is another process.
    running = RunningFile.write(folder.running, "http://127.0.0.1:1")
    assert seen(await looked(folder), "process") == {"silent"}
    lock.release()
    assert seen(await looked(folder), "process") == {"stopped"}
    running.remove()
    folder.database.touch()
    second = StoreLock(folder.database)
    assert seen(await looked(folder), "process") == {"second"}
    second.release()
    assert seen(await looked(folder), "process") == {"stopped"}


async def test_clock_is_compared_with_what_this_machine_wrote_itself(tmp_path: Path) -> None:
    """Threat 62."""
    folder = new_folder(tmp_path)
    assert seen(await looked(folder), "clock-files") == {"ok"}
    found = await looked(folder, clock=At(-2 * DAY_MS))
    assert 2 * 86_400 - 60 <= int(found["clock-files"]["ahead"].facts["ahead_s"]) <= 2 * 86_400
    assert seen(await looked(folder, clock=At(-30 * 365 * DAY_MS)), "clock-files") == {"early"}
    later = (folder.root / "identity.json").stat().st_mtime + 3_600
    os.utime(folder.root / "identity.json", (later, later))
    assert seen(await looked(folder), "clock-files") == {"ahead"}


async def test_certificate_is_held_against_its_key_and_what_others_were_told(
    tmp_path: Path,
) -> None:
    folder, other = new_folder(tmp_path, "one"), new_folder(tmp_path, "other")
    found = await looked(folder)
    digest = found["certificate"]["ok"].facts["digest"]
    roster = Roster(folder.root / "node.db")
    roster.set_setting(CERTIFICATE_TOLD, str(digest))
    assert seen(await looked(folder), "certificate") == {"ok"}
    roster.set_setting(CERTIFICATE_TOLD, "00" * 32)
    roster.close()
    changed = (await looked(folder))["certificate"]["changed"]
    assert f"--certificate {digest}" in told(changed).command
    assert str(changed.facts["own"]) in told(changed).command
    assert seen(await looked(folder, clock=At(60 * 365 * DAY_MS)), "certificate") == {"changed"}
    shutil.copy(other.certificate_key, folder.certificate_key)
    assert seen(await looked(folder), "certificate") == {"other-key"}
    folder.certificate_key.write_text("no key", encoding="utf-8")
    assert seen(await looked(folder), "certificate") == {"damaged"}
    folder.certificate.unlink()
    assert seen(await looked(folder), "certificate") == {"missing"}
    late = await looked(other, clock=At(60 * 365 * DAY_MS))
    assert seen(late, "certificate") == {"expired"}
    plain = new_folder(tmp_path, "plain", tls=False)
    assert seen(await looked(plain), "certificate") == {"none"}


@pytest.mark.parametrize(
    ("disk", "space", "inodes"),
    [
        (DiskNumbers(63 * 2**20, 99), "full", "none"),
        (DiskNumbers(65 * 2**20, 100), "low", "low"),
        (DiskNumbers(570 * 2**20, 9_999), "low", "low"),
        (DiskNumbers(TIB, 10_000), "ok", "ok"),
        (DiskNumbers(TIB, None), "ok", None),
    ],
)
async def test_room_that_runs_out_is_told_before_it_is_gone(
    tmp_path: Path, disk: DiskNumbers, space: str, inodes: str | None
) -> None:
    found = await looked(new_folder(tmp_path), Sick(disk=disk))
    assert seen(found, "disk-space") == {space}
    assert seen(found, "inodes") == ({inodes} if inodes else set())


async def test_more_room_is_wanted_for_more_that_is_stored(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    machine = Sick(disk=DiskNumbers(2**30, None))
    assert seen(await looked(folder, machine), "disk-space") == {"ok"}
    with (folder.root / "copy.db").open("wb") as stream:
        stream.truncate(20 * 2**30)
    assert seen(await looked(folder, machine), "disk-space") == {"low"}


async def test_disk_that_cannot_be_asked_takes_no_other_check_away(tmp_path: Path) -> None:
    found = await looked(new_folder(tmp_path), Sick(disk=OSError(errno.EIO, "secret words")))
    assert dict(found["disk-space"][FAILED].facts) == {"error": "OSError"}
    assert "secret" not in told(found["disk-space"][FAILED]).found
    assert seen(found, "python") == {"ok"}


@pytest.mark.parametrize(
    ("versions", "code", "case"),
    [
        (Versions((3, 10, 9), GOOD.sqlite, GOOD.openssl, True), "python", "old"),
        (Versions((3, 14, 0), GOOD.sqlite, GOOD.openssl, True), "python", "untried"),
        (Versions((3, 13, 9), GOOD.sqlite, GOOD.openssl, True), "python", "ok"),
        (Versions(GOOD.python, (3, 36, 9), GOOD.openssl, True), "sqlite", "old"),
        (Versions(GOOD.python, GOOD.sqlite, "LibreSSL 2.8", False), "openssl", "old"),
        (GOOD, "openssl", "ok"),
    ],
)
async def test_programs_below_are_told_when_they_are_too_old_or_too_new(
    tmp_path: Path, versions: Versions, code: str, case: str
) -> None:
    assert seen(await looked(new_folder(tmp_path), Sick(versions=versions)), code) == {case}


def test_versions_that_are_tried_are_those_that_the_project_demands() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    tried = (machine_checks.PYTHON_MIN, machine_checks.PYTHON_NEXT)
    least, following = (".".join(map(str, version)) for version in tried)
    assert project["project"]["requires-python"] == f">={least},<{following}"


async def test_time_zones_and_optional_parts_that_are_missing_are_told(tmp_path: Path) -> None:
    found = await looked(new_folder(tmp_path), Sick(zones=False, modules=False))
    assert seen(found, "time-zones") == {"missing"}
    assert found["extras"]["some"].facts["names"] == "postgres, qr, sheets, zstd"
    assert seen(await looked(new_folder(tmp_path, "m"), Sick()), "extras") == {"all"}
