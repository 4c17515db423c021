"""What the commands of the adapters have in common: options, exit codes, progress, stopping.

Owns the manners. Exit code 0 is done, 1 when rows were refused or need a person, 2 when nothing was
begun. With `--json` one object stands on standard output and everything for people on standard
error. A table is drawn where somebody sees it; in a pipe it is lines of text.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hutong_adapters.interface import FileRefused, MappingRefused, NodeRefused, NodeUnavailable
from hutong_adapters.plain_text import with_codes

if TYPE_CHECKING:
    from hutong_adapters.client import Door, NodeApi
    from hutong_adapters.mapping import RowMapping
    from hutong_adapters.planning import Plan, Target

EXIT_ROWS: Final = 1
EXIT_STOPPED: Final = 2
PROGRESS: Final = ("auto", "plain", "off")
_PLAIN_EVERY_S: Final = 2.0

Files = Annotated[list[Path], typer.Argument(help="Tables: CSV, XLSX, ODS, JSON, or folders.")]
MappingName = Annotated[
    str, typer.Option("--mapping", help="A mapping (.toml), or the name of a built-in one.")
]
Data = Annotated[
    Path | None, typer.Option("--data", help="Data folder of the node (default: ~/.hutong).")
]
Space = Annotated[str | None, typer.Option(help="Space of the records, before the mapping's.")]
Topic = Annotated[str | None, typer.Option(help="Topic of the records, before the mapping's.")]
Given = Annotated[
    list[str] | None, typer.Option("--set", help="NAME=VALUE of a parameter; may be repeated.")
]
Incident = Annotated[str | None, typer.Option(help="Record id of the incident: rec-...")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
ProgressMode = Annotated[
    str,
    typer.Option(help="auto: where somebody sees it; plain: lines on standard error; off."),
]


def door_of(context: typer.Context) -> Door | None:
    """The node's own door, where these commands are part of its command line."""
    door: Door | None = context.obj
    return door


def target_of(
    space: str | None,
    topic: str | None,
    given: list[str] | None,
    incident: str | None,
    *,
    may_guess: bool,
) -> Target:
    """Where records go and what was given, from options.

    Raises:
        MappingRefused: one of `given` is no NAME=VALUE.
    """
    from hutong_adapters.planning import Target

    values = {}
    for each in given or []:
        name, equals, value = each.partition("=")
        if not equals:
            raise MappingRefused([f"--set {each}: is NAME=VALUE"])
        values[name] = value
    if incident is not None:
        values["incident"] = incident
    return Target(space, topic, values, may_guess)


async def with_incident(loaded: RowMapping, target: Target, node: NodeApi) -> Target:
    """The target with the one active incident of the space, where the mapping asks for one.

    Raises:
        MappingRefused: the space has none, or several.
    """
    parameter = loaded.parameters.get("incident")
    given = dict(target.given or {})
    space = target.space or loaded.space
    if parameter is None or parameter.default or "incident" in given or space is None:
        return target
    found = await node.active_things("incident", space, "base")
    if len(found) != 1:
        way_out = "name one with --incident (`hutong list incident` shows them)"
        if not found:
            way_out = f"publish one first (`hutong publish`, an incident/1 in base), or {way_out}"
        raise MappingRefused([f"incident: {space} has {len(found)} active incidents: {way_out}"])
    return replace(target, given={**given, "incident": str(found[0]["id"])})


def asking_incident(
    loaded: RowMapping, target: Target, door: Door | None, data: Path | None
) -> Target:
    """As `with_incident`; the target as it was where no node can be asked, or knows no answer."""
    from hutong_adapters.client import open_node

    async def asked() -> Target:
        async with open_node(data, door, "adapter explain") as node:
            return await with_incident(loaded, target, node)

    try:
        return asyncio.run(asked())
    except (MappingRefused, NodeRefused, NodeUnavailable):
        return target


def loaded_mapping(name: str) -> RowMapping:
    """A mapping by its path or name; `hutong-export` is one that has no file.

    Raises:
        MappingRefused: with all that is wrong with it.
    """
    from hutong_adapters import export_reading
    from hutong_adapters.mapping_load import load_mapping

    if name == export_reading.NAME:
        return export_reading.export_mapping()
    return load_mapping(name)


def plan_of(mapping: RowMapping, files: list[Path], target: Target, progress: str) -> Plan:
    """What an import of files would send.

    Raises:
        FileRefused, MappingRefused: as `make_plan`.
    """
    from hutong_adapters import export_reading
    from hutong_adapters.planning import make_plan

    with progressing("mapping", None, progress) as advance:
        if mapping.name == export_reading.NAME:
            return export_reading.make_export_plan(files, on_row=advance)
        return make_plan(mapping, files, target, on_row=advance)


@contextmanager
def stopping(command: str, *, as_json: bool) -> Iterator[None]:
    """Turns what stops a command into words, or JSON, and an exit code."""
    from hutong_adapters.exporting import ExportRefused

    try:
        yield
    except MappingRefused as refused:
        problems = list(refused.problems)
    except (FileRefused, NodeRefused, NodeUnavailable, ExportRefused) as refused:
        problems = [str(refused)]
    except KeyboardInterrupt:
        problems = ["interrupted: what was done stays; the same command goes on from there"]
    else:
        return
    if as_json:
        typer.echo(json.dumps({"stopped": problems}, ensure_ascii=False))
    for problem in problems:
        typer.echo(visible(f"hutong {command}: {problem}"), err=True)
    raise typer.Exit(EXIT_STOPPED)


@contextmanager
def progressing(what: str, total: int | None, mode: str) -> Iterator[Callable[[int], None]]:
    """A display of rows, rate and time left on standard error.

    Raises:
        MappingRefused: there is no such mode.
    """
    if mode not in PROGRESS:
        raise MappingRefused([f"--progress: is one of {', '.join(PROGRESS)}"])
    if mode == "plain":
        yield _plain_progress(what, total)
    elif mode == "auto" and sys.stderr.isatty():
        with _drawn_progress(what, total) as advance:
            yield advance
    else:
        yield lambda rows: None


def _plain_progress(what: str, total: int | None) -> Callable[[int], None]:
    began_s = told_s = time.monotonic()

    def advance(rows: int) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if now_s - told_s < _PLAIN_EVERY_S and rows != total:
            return
        told_s = now_s
        rate = rows / max(now_s - began_s, 0.001)
        of_all = "" if total is None else f" of {total}"
        left = "" if total is None else f", {max(total - rows, 0) / max(rate, 0.001):.0f} s left"
        typer.echo(f"{what}: {rows}{of_all}, {rate:.0f}/s{left}", err=True)

    return advance


@contextmanager
def _drawn_progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    began_s = time.monotonic()
    said = TextColumn("{task.completed:.0f} rows, {task.fields[rate]:.0f} rows/s")
    columns = (TextColumn(what), BarColumn(), said, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=total, rate=0.0)

        def advance(rows: int) -> None:
            rate = rows / max(time.monotonic() - began_s, 0.001)
            shown.update(task, completed=rows, rate=rate)

        yield advance


def draw_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for a terminal; nothing where there are no rows."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    Console(highlight=False, markup=False).print(table)


def visible(text: str) -> str:
    """A text without characters that a terminal would act on; those that hide, by their codes."""
    return "".join(letter if letter.isprintable() else " " for letter in with_codes(text))
