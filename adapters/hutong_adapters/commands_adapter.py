"""`hutong adapter`: mappings, looked at before they are used.

Owns the commands that list the built-in mappings, draft one for a table, hold one against files,
and explain how a row becomes a record. A row is shown to whoever has the file, except what stays at
home; nothing is sent to a node but, for an explanation, the question what it would do.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hutong_adapters.command_terms import (
    Data,
    Given,
    Incident,
    MappingName,
    Space,
    Topic,
    asking_incident,
    door_of,
    draw_table,
    loaded_mapping,
    plan_of,
    stopping,
    target_of,
    visible,
)
from hutong_adapters.interface import (
    FileRefused,
    MappingRefused,
    NodeRefused,
    NodeUnavailable,
    Row,
)

if TYPE_CHECKING:
    from hutong_adapters.client import Door
    from hutong_adapters.explaining import Explanation
    from hutong_adapters.planning import Plan, Target

OneFile = Annotated[Path, typer.Argument(help="A table.")]


def list_command() -> None:
    """List the built-in mappings."""
    from hutong_adapters import export_reading
    from hutong_adapters.mapping_load import built_in_names, load_mapping

    typer.echo(f"{export_reading.NAME}: {export_reading.ABOUT}")
    for name in built_in_names():
        typer.echo(f"{name}: {load_mapping(name).about}")


def check_command(
    mapping: Annotated[str, typer.Argument(help="A mapping (.toml), or a built-in name.")],
    files: Annotated[list[Path] | None, typer.Argument(help="Files to hold it against.")] = None,
) -> None:
    """Check a mapping, and whether it knows the columns of some files."""
    from hutong_adapters.columns import column_text, shown_column
    from hutong_adapters.planning import read_sheets

    with stopping("adapter check", as_json=False):
        loaded = loaded_mapping(mapping)
        typer.echo(f"{loaded.version_text}: {loaded.type} in topic {loaded.topic}")
        typer.echo(f"a row is known by: {', '.join(map(column_text, loaded.key.columns))}")
        typer.echo(f"columns read: {', '.join(map(column_text, loaded.used_columns()))}")
        typer.echo(f"rows wait for a person first: {'yes' if loaded.screening else 'no'}")
        for table in loaded.lookups.values():
            if table.unfilled():
                names = ", ".join(map(shown_column, table.unfilled()))
                typer.echo(visible(f"without a value yet in lookups.{table.name}: {names}"))
        for sheet in read_sheets(loaded, files) if files else ():
            typer.echo(f"{sheet.file}: {len(sheet.rows)} rows, every column is mentioned")


def draft_command(
    file: OneFile,
    sheet: Annotated[str | None, typer.Option(help="Which sheet of a workbook.")] = None,
    of: Annotated[str, typer.Option("--type", help="need/1 or offer/1.")] = "need/1",
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File to write (.toml), by default none.")
    ] = None,
) -> None:
    """Write a first mapping for a table, for you to correct. Shows no cell of it."""
    from hutong_adapters.mapping_draft import TYPES, draft_mapping
    from hutong_adapters.mapping_draft_text import advice, mapping_text

    with stopping("adapter draft", as_json=False):
        if of not in TYPES:
            raise MappingRefused([f"--type {of}: must be one of {', '.join(TYPES)}"])
        if out is not None and out.suffix != ".toml":
            raise MappingRefused([f"-o {out.name}: ends in .toml, by which a mapping is known"])
        draft = draft_mapping(file, sheet, of)
        text = mapping_text(draft)
        if out is None:
            typer.echo(text, nl=False)
        else:
            _write_new(out, text)
        for line in (*draft.table.notes, *advice(draft, str(out or "my.toml"), str(file))):
            typer.echo(visible(line), err=True)


def _write_new(path: Path, text: str) -> None:
    """Writes a file that was not there: a mapping that somebody corrected is not written over."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as written:
            written.write(text)
    except FileExistsError:
        way_out = "name another one with -o, or move it away"
        raise FileRefused(path.name, "is there already", way_out) from None
    except OSError as error:
        raise FileRefused(path.name, f"can't be written: {error.strerror}") from None


def explain_command(
    context: typer.Context,
    file: OneFile,
    row: Annotated[str, typer.Option(help="Number of the row, as refusals tell it.")],
    mapping: MappingName,
    data: Data = None,
    space: Space = None,
    topic: Topic = None,
    incident: Incident = None,
    given: Given = None,
) -> None:
    """Show how one row becomes a record, and what the node would do with it."""
    with stopping("adapter explain", as_json=False):
        loaded = loaded_mapping(mapping)
        target = target_of(space, topic, given, incident, may_guess=True)
        if target.space is None and loaded.space is None:
            # For looking at a row it does not matter where it would go.
            target = replace(target, space="space-not-given")
        target = asking_incident(loaded, target, door_of(context), data)
        plan = plan_of(loaded, [file], target, "off")
        show_rows(plan, [row], mapping, target, door_of(context), data)


def show_rows(
    plan: Plan,
    rows: list[str],
    mapping: str,
    target: Target,
    door: Door | None,
    data: Path | None,
    *,
    ask: bool = True,
) -> None:
    """Explains rows on standard output; with `ask` also what the node would do with them.

    Raises:
        FileRefused: a row is not there.
    """
    from hutong_adapters import export_reading
    from hutong_adapters.explaining import explain, explain_export, find_row
    from hutong_adapters.planning import resolve_parameters
    from hutong_adapters.rule_lines import RuleLines, mapping_text

    told: Callable[[Row], Explanation]
    if plan.mapping.name == export_reading.NAME:
        told = partial(explain_export, plan)
    else:
        parameters, _ = resolve_parameters(plan.mapping, replace(target, may_guess=True))
        rules = RuleLines(mapping_text(mapping))
        told = partial(explain, plan, parameters=parameters, rules=rules)
    for wanted in rows:
        said = told(find_row(plan, wanted))
        _print(said)
        if ask:
            asyncio.run(_tell_node(door, data, plan, said))


def _print(said: Explanation) -> None:
    from hutong_adapters.explaining import plain_words

    if not sys.stdout.isatty():
        typer.echo("\n".join(visible(line) for line in plain_words(said)))
        return
    typer.echo(visible(f"{said.row} -> {said.becomes}"))
    columns = ("field", "cell", "steps", "result", "line of the mapping")
    for title, paths in (("What is signed", said.fields), ("What stays at home", said.at_home)):
        rows = [(path.field, path.cells, path.steps, path.result, path.lines) for path in paths]
        draw_table(title, columns, rows)
    for remark in said.remarks:
        typer.echo(visible(remark))


async def _tell_node(door: Door | None, data: Path | None, plan: Plan, said: Explanation) -> None:
    """What the node would do with the row, if there is one to ask."""
    from hutong_adapters.client import open_node
    from hutong_adapters.explaining import outcome_words
    from hutong_adapters.runner import Wish, ask_about

    if said.draft is None:
        return
    if plan.placeholders:
        typer.echo(f"the node was not asked: still to be given: {', '.join(plan.placeholders)}")
        return
    try:
        async with open_node(data, door, "adapter explain") as node:
            answer: dict[str, Any] = await ask_about(plan, said.draft, node, Wish())
    except (NodeRefused, NodeUnavailable) as refused:
        typer.echo(f"the node was not asked: {visible(str(refused))}")
        return
    for line in outcome_words(answer):
        typer.echo(visible(line))
