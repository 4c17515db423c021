"""`hutong backup create`, `verify` and `restore`: a node in one file, and a node from it.

Owns these commands' options and words, where the pass phrase comes from, and how progress is shown.
All three work on the folder itself, whether its node runs or not. Exit codes: 0 done, 1 refused (a
wrong pass phrase, a damaged file), 2 a wrong call, or a node that can't be used.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from hutong_node.commands.terms import (
    AsJson,
    Data,
    data_folder,
    end_refused,
    end_wrong,
    print_facts,
    print_json,
    quiet_logs,
)

if TYPE_CHECKING:
    from hutong_node.backup.checking import Checked
    from hutong_node.backup.contents import Contents
    from hutong_node.backup.packing import PackingList

_backup = typer.Typer(no_args_is_help=True, help="Everything of a node in one encrypted file.")

File: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]
PhraseFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="A file of mode 0600 with the pass phrase. Otherwise $HUTONG_BACKUP_PASSPHRASE is"
        " taken, otherwise it is asked for.",
    ),
]

_AFTER: Final = (
    "Stop the old node for good, if it still runs anywhere: one of the two must never start again.",
    "Start this one: hutong run. It signs, shows and serves nothing before it has asked its peers"
    " what was erased and revoked since the backup; with none in reach it goes on after a minute.",
    "It begins new logs; what it had sent since the backup comes back from its peers.",
    "Enter again what was decided since: peers, organisations let in or turned away, scopes.",
)
_SHOWN_S: Final = 0.5
_SHOWN_IN_LOGS_S: Final = 30.0


@_backup.command("create")
def create(
    file: File,
    data: Data = None,
    passphrase_file: PhraseFile = None,
    with_governing_keys: Annotated[
        bool,
        typer.Option(
            "--with-governing-keys",
            help="Also control and recovery keys that lie in the folder. They belong elsewhere.",
        ),
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Read back and check what was written.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Make a backup of the node, running or not: one encrypted file.

    The pass phrase comes from --passphrase-file, from the environment variable
    HUTONG_BACKUP_PASSPHRASE, or is asked for twice. Nobody can open the file without it.
    """
    from hutong_node.backup.creating import create as make
    from hutong_node.backup.passphrase import phrase_bytes, require_strong
    from hutong_node.clock import SystemClock
    from hutong_node.node import VERSION

    folder = data_folder(data)
    with _refusals(as_json=as_json):
        phrase = _phrase(passphrase_file, twice=True)
        require_strong(phrase)
        with _progress() as report:
            made = make(
                folder,
                file,
                phrase_bytes(phrase),
                made_ms=SystemClock().now_ms(),
                version=VERSION,
                with_governing=with_governing_keys,
                read_back=verify,
                report=report,
            )
    told = {"file": str(file), "size": made.size, "verified": made.checked is not None}
    told |= _packing(made.packing)
    left_out = _left_out(made.contents)
    if as_json:
        print_json({**told, "left_out": left_out})
        return
    print_facts({**told, "size": _size(made.size)})
    for entry in left_out:
        typer.echo(f"left out: {', '.join(entry['names'])} ({entry['why']})")
    typer.echo(
        "Keep it on another disk than the node, and its pass phrase in another place than the file."
    )


@_backup.command("verify")
def verify_backup(
    file: File,
    passphrase_file: PhraseFile = None,
    scratch: Annotated[
        Path | None,
        typer.Option(help="Where its databases lie in the clear meanwhile. [default: $TMPDIR]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read back every byte of a backup and check it, down to the signature of each record.

    Nothing is put anywhere: what must be on a disk for the check lies in a private folder, and is
    overwritten and removed at the end. The pass phrase comes as with `create`.
    """
    import tempfile

    from hutong_node.backup.checking import check_file
    from hutong_node.backup.passphrase import phrase_bytes

    with _refusals(as_json=as_json), _readable(file):
        phrase = phrase_bytes(_phrase(passphrase_file))
        with (
            tempfile.TemporaryDirectory(prefix="hutong-", dir=scratch) as private,
            _progress() as report,
        ):
            checked = check_file(file, phrase, Path(private) / "backup", report)
    told = {"file": str(file), "size": file.stat().st_size, **_checked(checked)}
    if as_json:
        print_json(told)
        return
    print_facts({**told, "size": _size(told["size"])})
    typer.echo("It is whole: every byte, every database, every record and its signature, the keys.")


@_backup.command("restore")
def restore(
    file: File,
    data: Data = None,
    passphrase_file: PhraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a node of a backup, in an empty folder, after checking it as `verify` does.

    The pass phrase comes as with `create`.
    """
    from hutong_node.backup.passphrase import phrase_bytes
    from hutong_node.backup.putting_back import put_back

    folder = data_folder(data)
    with _refusals(as_json=as_json), _readable(file):
        phrase = phrase_bytes(_phrase(passphrase_file))
        with _progress() as report:
            checked, voided = put_back(file, phrase, folder, report)
    next_steps = list(_AFTER)
    if voided:
        next_steps.append(f"{voided} invites that nobody had used are taken back: make new ones.")
    told = {"data": str(folder.root), **_checked(checked), "invites_taken_back": voided}
    if as_json:
        print_json({**told, "next": next_steps})
        return
    print_facts(told)
    typer.echo("\nThe folder is a node again. What comes next:")
    for number, step in enumerate(next_steps, start=1):
        typer.echo(f"{number}. {step}")


def _packing(packing: PackingList) -> dict[str, Any]:
    from hutong_node.showing import time_text
    from hutong_protocol.ids import IdKind, OrgId, format_id

    return {
        "made_at": time_text(packing.made_ms),
        "organisation": format_id(IdKind.ORG, OrgId(bytes.fromhex(packing.org))),
        "made_by": f"hutong {packing.version}",
        "schema": packing.schema_number,
        "records": packing.records,
        "own_logs": packing.own_logs,
        "governing_keys": packing.governing,
        "holds": [file.name for file in packing.files],
    }


def _checked(checked: Checked) -> dict[str, Any]:
    return {
        **_packing(checked.packing),
        "logs": checked.logs,
        "missing_parts": checked.missing_parts,
        "erased_parts": checked.erased_parts,
        "verified": True,
    }


def _left_out(contents: Contents) -> list[dict[str, Any]]:
    """What is not in the backup though it lies in the folder, and why."""
    found: list[dict[str, Any]] = [
        {"names": ["index.db"], "why": "it is made again from the records"},
        {"names": ["restore-marker"], "why": "it is about the store that stays here"},
    ]
    if contents.governing:
        why = "they govern the organisation and belong off this machine; --with-governing-keys"
        found.append({"names": list(contents.governing), "why": why})
    if contents.others:
        found.append({"names": list(contents.others), "why": "not of the node"})
    return found


def _phrase(file: Path | None, *, twice: bool = False) -> str:
    """The pass phrase, from wherever it comes.

    Raises:
        Refused: the file of it can't be used.
    """
    from hutong_node.backup.passphrase import VARIABLE, given_phrase

    given = given_phrase(file)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        end_wrong(
            f"a pass phrase is needed: --passphrase-file FILE (mode 0600), or ${VARIABLE};"
            " on a terminal it is asked for"
        )
    asked: str = typer.prompt("Pass phrase", hide_input=True, confirmation_prompt=twice, err=True)
    return asked


@contextmanager
def _refusals(*, as_json: bool) -> Iterator[None]:
    """Shows refusals; what is under way is cleaned up when the process is told to end."""
    from hutong_node.refusals import Refused

    quiet_logs()
    _no_core()
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    except Refused as refused:
        end_refused(refused, as_json=as_json)
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Turns what the system says of a file that can't be read into a refusal."""
    from hutong_node.refusals import Code, Refused

    try:
        yield
    except OSError as failed:
        raise Refused(
            Code.CANNOT_PUT_BACK,
            f"{file} can't be read, or there is no room to check it",
            detail=f"{failed.strerror or type(failed).__name__}: {failed.filename or file}",
            way_out="look at its path and mode; --scratch names a folder on a larger disk",
        ) from None


def _no_core() -> None:
    """Keeps pass phrase and keys out of the file that a crash would write (threat 28)."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


@contextmanager
def _progress() -> Iterator[Any]:
    """Tells what is done, how fast, and how long it still takes, on standard error."""
    shown = _Shown()
    try:
        yield shown
    finally:
        shown.end()


class _Shown:
    """Progress on one line of a terminal; elsewhere a line now and then, if it takes long."""

    def __init__(self) -> None:
        self._doing = ""
        self._began_s = self._last_s = time.monotonic()
        self._live = sys.stderr.isatty()
        self._open = False

    def __call__(self, doing: str, done: int, total: int) -> None:
        now_s = time.monotonic()
        if doing != self._doing:
            self._doing, self._began_s = doing, now_s
        pause_s = _SHOWN_S if self._live else _SHOWN_IN_LOGS_S
        if now_s - self._last_s < pause_s or total <= 0:
            return
        self._last_s = now_s
        line = progress_line(doing, done, total, now_s - self._began_s)
        sys.stderr.write(f"\r\x1b[K{line}" if self._live else f"{line}\n")
        sys.stderr.flush()
        self._open = self._live

    def end(self) -> None:
        if self._open:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def progress_line(doing: str, done: int, total: int, seconds: float) -> str:
    """What is being done, how much of it is done, how fast, and for how long still."""
    share = f"{doing}: {100 * done // total} %"
    if total < 2**20 or seconds < 1:  # few things, not bytes; or too early to say
        return share
    rate = done / seconds
    left = f", {(total - done) / rate:.0f} s left" if rate > 0 else ""
    return f"{share} of {_size(total)}, {_size(round(rate))}/s{left}"


def _size(number: int) -> str:
    if number < 2**20:
        return f"{-(-number // 1_024)} KiB"
    return f"{number / 2**20:.1f} MiB"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(_backup, name="backup")
