"""Checks of the data folder: who can read it, its keys and token, the configuration, its process.

Owns what can be said without opening a database. Keys are loaded to see that they can be; nothing
of them goes into a finding.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hutong_node.backup.note import BackupNote
from hutong_node.backup.passphrase import VARIABLE
from hutong_node.config import Config
from hutong_node.doctor.findings import Facts, Finding
from hutong_node.doctor.premises import CLOCK_AHEAD_MAX_MS, Premises
from hutong_node.folder_lock import FolderLock, Holder
from hutong_node.founding import (
    CONTROL_FILE,
    IDENTITY_FILE,
    NEXT_CONTROL_FILE,
    RECOVERY_FILE,
    WRITER_FILE,
    FoundingRefused,
    KeyMismatch,
    load_identity,
)
from hutong_node.keys import KeyFileRefused, KeyKind, load_key
from hutong_node.overview import CLOCK_EARLIEST_MS
from hutong_node.running_file import RunningFile
from hutong_node.transport import is_loopback
from hutong_protocol.ids import IdKind, format_id

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_TOKEN_CHARACTERS_MIN: Final = 32
_DAY_MS: Final = 86_400_000
BACKUP_AGE_MAX_MS: Final = 7 * _DAY_MS
"""What a node kept at home for a week and then lost is more than people remember."""
_OFFLINE: Final = (CONTROL_FILE, NEXT_CONTROL_FILE, RECOVERY_FILE)


def data_folder(at: Premises) -> Iterator[Finding]:
    """The folder itself: its owner, who else gets in, whether it can be written."""
    root = at.folder.root
    found = root.stat()
    user = at.machine.user()
    if found.st_uid != user:
        facts: Facts = {"path": str(root), "owner": found.st_uid, "user": user}
        yield Finding("data-folder", "owner", facts)
    elif found.st_mode & _OTHERS:
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        yield Finding("data-folder", "open", {"path": str(root), "mode": mode})
    elif not at.machine.can_write(root):
        yield Finding("data-folder", "read-only", {"path": str(root)})
    else:
        yield Finding("data-folder", "ok", {"path": str(root)})


def private_files(at: Premises) -> Iterator[Finding]:
    """Every file that only the owner may read, and the folder of the keys."""
    folder, user = at.folder, at.machine.user()
    needed = {folder.keys / WRITER_FILE, folder.certificate_key, folder.token}
    secrets = {*needed, *(folder.keys / name for name in _OFFLINE)}
    checked = 0
    for path in sorted({*secrets, *_private(folder.root), folder.keys}):
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        checked += 1
        facts: Facts = {"path": str(path), "mode": f"{stat.S_IMODE(found.st_mode):04o}"}
        if found.st_uid != user:
            facts |= {"owner": found.st_uid, "user": user}
            yield Finding("private-files", "owner", facts)
        elif found.st_mode & _OTHERS and path == folder.keys:
            yield Finding("private-files", "open-keys", facts)
        elif found.st_mode & _OTHERS:
            yield Finding("private-files", "open-secret" if path in secrets else "open", facts)
    yield Finding("private-files", "checked", {"count": checked})


def keys(at: Premises) -> Iterator[Finding]:
    """The writer key, and that the founding events delegate it; keys that belong elsewhere."""
    folder = at.folder
    path = folder.keys / WRITER_FILE
    try:
        load_key(path, KeyKind.WRITER)
        yield Finding("writer-key", "ok")
    except KeyFileRefused:
        yield Finding("writer-key", _why_not(at, path), {"path": str(path)})
    else:
        identity_file = {"path": str(folder.root / IDENTITY_FILE), "key": str(path)}
        try:
            identity = load_identity(folder)
            org = format_id(IdKind.ORG, identity.org)
            yield Finding("identity-file", "ok", {"org": org})
        except KeyMismatch:
            yield Finding("identity-file", "other-key", identity_file)
        except FoundingRefused:
            yield Finding("identity-file", "damaged", identity_file)
    here = [name for name in _OFFLINE if (folder.keys / name).exists()]
    if here:
        paths = shlex.join(str(folder.keys / name) for name in here)
        facts = {"keys": ", ".join(here), "folder": str(folder.keys), "paths": paths}
        yield Finding("offline-keys", "here", facts)
    else:
        yield Finding("offline-keys", "elsewhere")


def _why_not(at: Premises, path: Path) -> str:
    """Why the file of a key can't be used."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return "missing"
    if found.st_uid != at.machine.user() or found.st_mode & _OTHERS:
        return "unsafe"
    return "unusable"


def token(at: Premises) -> Iterator[Finding]:
    """The token of the local API; its mode is among the private files."""
    path = at.folder.token
    try:
        length = len(path.read_bytes().strip())
    except FileNotFoundError:
        yield Finding("token", "missing", {"path": str(path)})
        return
    case = "ok" if length >= _TOKEN_CHARACTERS_MIN else "short"
    yield Finding("token", case, {"path": str(path), "count": length})


def configuration(at: Premises) -> Iterator[Finding]:
    """`hutong.toml`, the variables of the environment that go before it, and the two addresses."""
    if at.config is None:
        facts = {"problem": at.config_problem, "path": str(at.folder.config)}
        yield Finding("config", "refused", facts)
        return
    names = sorted(name for name in os.environ if name.startswith("HUTONG_"))
    named = [name for name in names if name not in ("HUTONG_HOME", VARIABLE)]
    if named:
        yield Finding("config", "overridden", {"names": ", ".join(named)})
    else:
        yield Finding("config", "ok")
    yield from _peer_bind(at, at.config)
    local = {"host": at.config.local.host, "path": str(at.folder.config)}
    yield Finding("local-bind", "ok" if is_loopback(local["host"]) else "open", local)


def _peer_bind(at: Premises, config: Config) -> Iterator[Finding]:
    listen = config.peer
    facts: Facts = {
        "host": listen.host,
        "port": listen.port,
        "path": str(at.folder.config),
    }
    if not listen.tls and not is_loopback(listen.host):
        yield Finding("peer-bind", "plain", facts)
    elif listen.public is None:
        yield Finding("peer-bind", "dials-only", facts)
    elif is_loopback(listen.host) and not is_loopback(_host_of(listen.public)):
        yield Finding("peer-bind", "unreachable", {**facts, "public": listen.public})
    else:
        yield Finding("peer-bind", "ok", {**facts, "public": listen.public})


def process(at: Premises) -> Iterator[Finding]:
    """Which process has the folder, and whether its ports can be had if none has."""
    if at.live is not None:
        yield Finding("process", "runs", {"pid": at.live.pid})
        yield Finding("ports", "used", {"port": at.live.peer_port})
        return
    found = FolderLock.try_take(at.folder.lock, "doctor")
    if isinstance(found, Holder):
        running = RunningFile.read(at.folder.running)
        if running is not None and running.pid == found.pid:
            yield Finding("process", "silent", {"pid": found.pid})
        else:
            yield Finding("process", "busy", {"pid": found.pid, "doing": found.doing})
        return
    try:
        if _is_locked(at.folder.database.with_name(at.folder.database.name + ".lock")):
            yield Finding("process", "second", {"path": str(at.folder.database)})
            return
        yield Finding("process", "stopped")
        if at.config is not None:
            yield from _ports(at, at.config)
    finally:
        found.release()


def _ports(at: Premises, config: Config) -> Iterator[Finding]:
    listens = (
        ("peer", config.peer.host, config.peer.port),
        ("local", config.local.host, config.local.port),
    )
    wrong = 0
    for section, host, port in listens:
        facts: Facts = {"host": host, "port": port, "section": section}
        facts |= {"look": _who_listens(port), "path": str(at.folder.config)}
        refused = at.machine.cannot_listen(host, port)
        if refused:
            wrong += 1
            cases = {"EADDRINUSE": "taken", "EACCES": "forbidden", "EADDRNOTAVAIL": "no-address"}
            yield Finding("ports", cases.get(refused, "refused"), {**facts, "error": refused})
    if not wrong:
        ports = " + ".join(str(port) for _, _, port in listens)
        yield Finding("ports", "free", {"ports": ports})


def file_times(at: Premises) -> Iterator[Finding]:
    """This clock beside the times at which this machine wrote its own files."""
    now_ms = at.clock.now_ms()
    root = at.folder.root
    written = {path: path.stat().st_mtime_ns // 1_000_000 for path in _private(root)}
    if now_ms < CLOCK_EARLIEST_MS:
        yield Finding("clock-files", "early", {"now": now_ms})
        return
    late = max(written, key=lambda path: written[path], default=None)
    if late is not None and written[late] > now_ms + CLOCK_AHEAD_MAX_MS:
        ahead_s = (written[late] - now_ms) // 1_000
        yield Finding("clock-files", "ahead", {"path": str(late), "ahead_s": ahead_s})
    else:
        yield Finding("clock-files", "ok", {"now": now_ms})


def backup(at: Premises) -> Iterator[Finding]:
    """When the last backup was made; of a node that is new, none is expected yet."""
    now_ms = at.clock.now_ms()
    note = BackupNote.read(at.folder.root)
    if note is None:
        identity = at.folder.root / IDENTITY_FILE
        is_new = identity.exists() and now_ms - identity.stat().st_mtime_ns // 10**6 < _DAY_MS
        yield Finding("backup", "new" if is_new else "none")
        return
    facts: Facts = {"at": note.made_ms, "days": max(0, now_ms - note.made_ms) // _DAY_MS}
    if now_ms - note.made_ms > BACKUP_AGE_MAX_MS:
        yield Finding("backup", "old", facts)
    else:
        yield Finding("backup", "ok" if note.verified else "not-read-back", facts)


def _private(root: Path) -> list[Path]:
    """The files of the folder that hold what is nobody else's business."""
    named = [root / IDENTITY_FILE, root / "restore-marker"]
    return [*(path for path in named if path.exists()), *sorted(root.glob("*.db"))]


def _is_locked(path: Path) -> bool:
    """Whether another process has the store's own lock, though the folder is free."""
    if not path.exists():
        return False
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _host_of(endpoint: str) -> str:
    host = endpoint.partition("://")[2]
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).strip("[]")


def _who_listens(port: int) -> str:
    """The command that shows which program has a port."""
    if sys.platform == "darwin":
        return f"lsof -nP -iTCP:{port} -sTCP:LISTEN"
    return f"ss -ltnp 'sport = :{port}'"
