"""The commands `hutong import` and `hutong adapter`, which this package adds to the command line.

Owns their options, what they print and how they end: 0 when every row was used, 1 when rows were
refused or need a person, 2 when nothing was begun. With `--json` one object stands on standard
output and everything for people on standard error; no cell is ever printed but by `explain`, which
shows a row to whoever has the file.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hutong_adapters.interface import (
    FileRefused,
    MappingRefused,
    NodeRefused,
    NodeUnavailable,
    Refusal,
)

if TYPE_CHECKING:
    from hutong_adapters.mapping import RowMapping
    from hutong_adapters.planning import Plan, Target
    from hutong_adapters.runner import Report, Wish

EXIT_ROWS: Final = 1
EXIT_STOPPED: Final = 2
_SHOWN_MAX: Final = 20

Files = Annotated[list[Path], typer.Argument(help="CSV or JSON files, or folders of them.")]
OneFile = Annotated[Path, typer.Argument(help="A CSV or JSON file.")]
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


def register(app: typer.Typer) -> None:
    """Adds the commands to a command line; a second call changes nothing."""
    if not any(command.name == "import" for command in app.registered_commands):
        app.command("import")(import_command)
    if not any(group.name == "adapter" for group in app.registered_groups):
        adapter = typer.Typer(no_args_is_help=True, help="Look at mappings before using them.")
        adapter.command("list")(list_command)
        adapter.command("check")(check_command)
        adapter.command("explain")(explain_command)
        app.add_typer(adapter, name="adapter")


def import_command(
    files: Files,
    mapping: MappingName,
    data: Data = None,
    space: Space = None,
    topic: Topic = None,
    incident: Incident = None,
    given: Given = None,
    source: Annotated[
        str | None, typer.Option(help="Name of the source at the node (default: the mapping's).")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Needs no node, sends nothing.")
    ] = False,
    complete: Annotated[
        bool, typer.Option("--complete", help="The files say everything: close what is missing.")
    ] = False,
    queue: Annotated[
        bool, typer.Option("--queue", help="Let rows wait unsigned until somebody looked.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Turn the rows of files into signed records, each row once.

    Sending the same files again signs nothing; an edited row signs exactly that edit. An import
    that was interrupted is resumed by the same command.
    """
    from hutong_adapters.runner import Wish

    with _stopping(as_json=as_json):
        target = _target(space, topic, given, incident, may_guess=dry_run)
        if dry_run:
            _tell_plan(_plan(mapping, files, target), as_json=as_json)
        wish = Wish(complete, queue, source)
        plan, report = asyncio.run(_import(mapping, files, target, wish, data))
        _tell_report(plan, report, as_json=as_json)


def list_command() -> None:
    """List the built-in mappings."""
    from hutong_adapters.mapping_load import built_in_names, load_mapping

    for name in built_in_names():
        typer.echo(f"{name}: {load_mapping(name).about}")


def check_command(
    mapping: Annotated[str, typer.Argument(help="A mapping (.toml), or a built-in name.")],
    files: Annotated[list[Path] | None, typer.Argument(help="Files to hold it against.")] = None,
) -> None:
    """Check a mapping, and whether it knows the columns of some files."""
    from hutong_adapters.columns import column_text
    from hutong_adapters.mapping_load import load_mapping
    from hutong_adapters.planning import read_sheets

    with _stopping(as_json=False):
        loaded = load_mapping(mapping)
        typer.echo(f"{loaded.version_text}: {loaded.type} in topic {loaded.topic}")
        typer.echo(f"a row is known by: {', '.join(map(column_text, loaded.key.columns))}")
        typer.echo(f"columns read: {', '.join(map(column_text, loaded.used_columns()))}")
        typer.echo(f"rows wait for a person first: {'yes' if loaded.screening else 'no'}")
        for sheet in read_sheets(loaded, files) if files else ():
            typer.echo(f"{sheet.file}: {len(sheet.rows)} rows, every column is mentioned")


def explain_command(
    file: OneFile,
    row: Annotated[int, typer.Option(help="Number of the row, as refusals tell it.")],
    mapping: MappingName,
    space: Space = None,
    topic: Topic = None,
    incident: Incident = None,
    given: Given = None,
) -> None:
    """Show how one row becomes a record: for each field the cell, the steps, the result."""
    from hutong_adapters.mapping_explain import explain_row
    from hutong_adapters.mapping_load import load_mapping
    from hutong_adapters.planning import read_sheets, resolve_parameters

    with _stopping(as_json=False):
        loaded = load_mapping(mapping)
        target = _target(space, topic, given, incident, may_guess=True)
        parameters, _ = resolve_parameters(loaded, target)
        (sheet,) = read_sheets(loaded, [file])
        found = next((each for each in sheet.rows if each.number == row), None)
        if found is None:
            for refusal in sheet.refused:
                if refusal.row == row:
                    raise FileRefused(sheet.file, str(refusal))
            raise FileRefused(sheet.file, f"has no row {row}")
        where = (target.space or loaded.space or "?", target.topic or loaded.topic)
        said = explain_row(loaded, found, parameters, space=where[0], topic=where[1])
        typer.echo("\n".join(said))


async def _import(
    mapping: str, files: list[Path], target: Target, wish: Wish, data: Path | None
) -> tuple[Plan, Report]:
    # The HTTP library takes half a second to import: not for --help and --dry-run.
    from hutong_adapters.client import NodeClient, default_folder, find_node
    from hutong_adapters.mapping_load import load_mapping
    from hutong_adapters.runner import send_plan

    loaded = load_mapping(mapping)
    async with NodeClient(find_node(data or default_folder())) as node:
        target = await _with_incident(loaded, target, node.active_things)
        plan = await asyncio.to_thread(_plan_of, loaded, files, target)
        with _progress("sending", len(plan.drafts)) as advance:
            return plan, await send_plan(plan, node, wish, on_sent=advance, on_wait=_tell_wait)


async def _with_incident(loaded: RowMapping, target: Target, ask: Callable[..., Any]) -> Target:
    """The target with the one active incident of the space, where the mapping asks for one."""
    from dataclasses import replace

    parameter = loaded.parameters.get("incident")
    given = dict(target.given or {})
    space = target.space or loaded.space
    if parameter is None or parameter.default or "incident" in given or space is None:
        return target
    found = await ask("incident", space, "base")
    if len(found) != 1:
        raise MappingRefused(
            [
                f"incident: {space} has {len(found)} active incidents: name one with --incident"
                " (`hutong list incident` shows them)"
            ]
        )
    return replace(target, given={**given, "incident": str(found[0]["id"])})


def _plan(mapping: str, files: list[Path], target: Target) -> Plan:
    from hutong_adapters.mapping_load import load_mapping

    return _plan_of(load_mapping(mapping), files, target)


def _plan_of(loaded: RowMapping, files: list[Path], target: Target) -> Plan:
    from hutong_adapters.planning import make_plan

    with _progress("mapping", None) as advance:
        return make_plan(loaded, files, target, on_row=advance)


def _target(
    space: str | None,
    topic: str | None,
    given: list[str] | None,
    incident: str | None,
    *,
    may_guess: bool,
) -> Target:
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


def _tell_plan(plan: Plan, *, as_json: bool) -> None:
    from hutong_adapters.summary import plan_json, plan_words

    if as_json:
        typer.echo(json.dumps(plan_json(plan), ensure_ascii=False))
    else:
        typer.echo("\n".join(plan_words(plan)))
        _tell_refused(list(plan.refused))
    raise typer.Exit(EXIT_ROWS if plan.refused else 0)


def _tell_report(plan: Plan, report: Report, *, as_json: bool) -> None:
    from hutong_adapters.summary import plan_json, plan_words, refusal_json

    if as_json:
        told = plan_json(plan) | {
            "run": report.run,
            "complete": report.complete,
            "not_complete": report.not_complete,
            "counts": dict(sorted(report.counts.items())),
            "signed": report.signed,
            "refused": [refusal_json(refusal) for refusal in report.refused],
            "questions": list(report.questions),
            "gone": list(report.gone),
        }
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        typer.echo("\n".join(plan_words(plan)))
        counts = ", ".join(f"{count} {name}" for name, count in sorted(report.counts.items()))
        typer.echo(f"{counts or 'no rows'}; {report.signed} records signed")
        if report.not_complete:
            typer.echo(f"not taken as complete: {report.not_complete}")
        for question in report.questions[:_SHOWN_MAX]:
            typer.echo(f"? {question}")
        _tell_refused(report.refused)
    raise typer.Exit(EXIT_ROWS if report.refused or report.questions else 0)


def _tell_wait(why: str) -> None:
    typer.echo(f"hutong import: waiting: {why}", err=True)


def _tell_refused(refused: list[Refusal]) -> None:
    for refusal in refused[:_SHOWN_MAX]:
        typer.echo(f"- {refusal}")
    if len(refused) > _SHOWN_MAX:
        typer.echo(f"... and {len(refused) - _SHOWN_MAX} more; --json lists all")


@contextmanager
def _stopping(*, as_json: bool) -> Iterator[None]:
    """Turns what stops an import into words, or JSON, and an exit code."""
    try:
        yield
    except MappingRefused as refused:
        problems = list(refused.problems)
    except (FileRefused, NodeRefused, NodeUnavailable) as refused:
        problems = [str(refused)]
    except KeyboardInterrupt:
        problems = ["interrupted: what was signed stays; the same command goes on from there"]
    else:
        return
    if as_json:
        typer.echo(json.dumps({"stopped": problems}, ensure_ascii=False))
    for problem in problems:
        typer.echo(f"hutong import: {problem}", err=True)
    raise typer.Exit(EXIT_STOPPED)


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A display of rows, rate and time left on standard error, where somebody can see it."""
    if not sys.stderr.isatty():
        yield lambda rows: None
        return
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
