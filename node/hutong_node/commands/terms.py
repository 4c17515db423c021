"""What all commands have in common: options, exit codes, and how answers and refusals are shown.

Owns the manners of the command line. Tables are for people and cut ids short; `--json` is for
programs and has everything. Answers go to standard output, refusals to standard error with what,
where and a way out. Exit code 0 is done, 1 refused, 2 a wrong call or a node that can't be used.

Only light modules are imported here, so that `hutong --help` is there at once.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeAlias, TypeVar

import typer

if TYPE_CHECKING:
    from hutong_node.config import DataFolder
    from hutong_node.desk import Desk
    from hutong_node.refusals import Refused

T = TypeVar("T")

Data: TypeAlias = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of the node. [default: $HUTONG_HOME, or ~/.hutong]"),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Everything, for programs.")]

REFUSED: Final = 1
UNUSABLE: Final = 2
_ENVIRONMENT: Final = frozenset({"no-node", "folder-in-use", "not-running", "no-token"})
SHORT_ID: Final = 12
"""Characters of an id after its prefix in tables: enough to tell any thousands apart."""
TITLE_SHOWN: Final = 40


def data_folder(data: Path | None) -> DataFolder:
    """The folder that a command is about."""
    from hutong_node.config import DataFolder, default_folder

    return DataFolder(data or default_folder())


def with_desk(
    data: Path | None, doing: str, work: Callable[[Desk], Awaitable[T]], *, as_json: bool
) -> T:
    """What `work` gives for the node of a folder; a refusal is shown and ends the program."""
    import asyncio

    from hutong_node.desk import open_desk
    from hutong_node.refusals import Refused

    folder = data_folder(data)

    async def run() -> T:
        async with open_desk(folder, doing) as desk:
            return await work(desk)

    quiet_logs()
    try:
        return asyncio.run(run())
    except Refused as refused:
        end_refused(refused, as_json=as_json)


def ask(
    data: Path | None, doing: str, name: str, *, as_json: bool, body: object = None, **given: Any
) -> Any:
    """The JSON answer of one operation. `given`: `path`, `query` and `key` as of `Desk.call`."""
    return with_desk(data, doing, lambda desk: desk.call(name, body=body, **given), as_json=as_json)


def quiet_logs() -> None:
    """Lets a command say only what matters: its own words and warnings."""
    from hutong_node.observe import set_up_logging

    set_up_logging(level="ERROR")


def end_refused(refused: Refused, *, as_json: bool, code: int | None = None) -> NoReturn:
    """Shows why something was not done, and ends the program with `code`, or by the kind of it."""
    if as_json:
        problems = [
            {"path": p.path, "rule": p.rule, "example": p.example} for p in refused.problems
        ]
        print_json(
            {
                "code": refused.code.value,
                "title": refused.title,
                "detail": refused.detail,
                "way_out": refused.way_out,
                "problems": problems,
            }
        )
    else:
        lines = [f"refused: {refused.title}"]
        if refused.detail:
            lines.append(f"  {refused.detail}")
        for problem in refused.problems:
            example = f", for example {problem.example}" if problem.example else ""
            lines.append(f"  {problem.path or 'it'}: {problem.rule}{example}")
        if refused.way_out:
            lines.append(f"way out: {refused.way_out}")
        typer.echo("\n".join(lines), err=True)
    if code is None:
        code = UNUSABLE if refused.code.value in _ENVIRONMENT else REFUSED
    raise typer.Exit(code)


def end_wrong(message: str) -> NoReturn:
    """Says what is wrong with the call of a command, and ends the program."""
    typer.echo(message, err=True)
    raise typer.Exit(UNUSABLE)


def print_json(value: object) -> None:
    """One JSON value on one line."""
    text = json.dumps(value, ensure_ascii=False)
    # A record may hold characters that have no UTF-8; the rest is worth showing all the same.
    sys.stdout.buffer.write(text.encode("utf-8", errors="replace") + b"\n")
    sys.stdout.flush()


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    empty: str,
    words: Sequence[str] = (),
    drop: Sequence[str] = (),
) -> None:
    """A table for people, or `empty` where there is nothing to show. See `commands.tables`.

    Args:
        words: the columns that may be wrapped, the one that gets the room first.
        drop: the columns that a narrow terminal may leave out, the first to go first.
    """
    from hutong_node.commands.tables import laid_out, lines_of

    listed = [[plain(cell) for cell in row] for row in rows]
    if not listed:
        typer.echo(empty)
        return
    # What is piped into a file or a pager must not be cut at eighty characters.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    layout = laid_out(columns, listed, width, words=words, drop=drop)
    typer.echo("\n".join(lines_of(columns, listed, layout)))
    if layout.left_out:
        left_out = ", ".join(layout.left_out)
        typer.echo(f"No room for: {left_out}. A wider window, a pipe or --json has them.", err=True)


def print_facts(facts: Mapping[str, object]) -> None:
    """Names and values below each other, those that are empty left out."""
    shown = {name: plain(value) for name, value in facts.items()}
    width = max((len(name) for name, value in shown.items() if value), default=0)
    for name, value in shown.items():
        if value:
            typer.echo(f"{name.ljust(width)}  {value}")


def plain(value: object) -> str:
    """A value on one line, without characters that a terminal would act on.

    Characters that turn, hide or join others are shown by their codes (threat 22).
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {entry}" for name, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(entry) for entry in value)
    # Text of records comes from strangers; an escape sequence in it must not reach a terminal.
    text = "".join(" " if letter < " " or letter == "\x7f" else letter for letter in str(value))
    if text.isascii():
        return text
    from hutong_node.bulletin.text_safety import shown

    shown_text = shown(text, personal=False).plain
    return "".join(letter if letter.isprintable() else " " for letter in shown_text)


def short(identifier: str | None) -> str:
    """An id for tables."""
    if not identifier:
        return ""
    prefix, hyphen, rest = identifier.partition("-")
    return f"{prefix}{hyphen}{rest[:SHORT_ID]}"


def cut(title: str | None) -> str:
    """A title for tables, as its beginning."""
    text = plain(title)
    return text if len(text) <= TITLE_SHOWN else f"{text[: TITLE_SHOWN - 1]}…"


def who(author: Mapping[str, Any]) -> str:
    """An organisation for tables: the name that it gives itself, if it does, and its short id.

    Names are claims, and anybody may take another's; nobody has another's id.
    """
    name, identifier = author["name"], short(author["id"])
    if not name:
        return identifier
    from hutong_node.bulletin.text_safety import shown

    doubt = ", letters of several alphabets" if shown(name, personal=False).mixed else ""
    return f"{plain(name)} ({identifier}{doubt})"


def scope_items(scopes: Iterable[str]) -> list[dict[str, str]]:
    """Scopes as they are typed, `space/topic`, in their shape."""
    found = []
    for text in scopes:
        space, slash, topic = text.partition("/")
        if not (space and slash and topic):
            end_wrong(f"a scope is SPACE/TOPIC, for example xian-2021/fsc, not {plain(text)}")
        found.append({"space": space, "topic": topic})
    return found
