"""`hutong export`: what a node holds as a table for people, which can be imported again.

Owns the command's options and words. The node is asked over its local API, or its folder is opened
where it doesn't run.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hutong_adapters.command_terms import (
    AsJson,
    Data,
    ProgressMode,
    door_of,
    progressing,
    stopping,
)

if TYPE_CHECKING:
    from hutong_adapters.client import Door
    from hutong_adapters.exporting import Exported

_STDOUT = Path("-")


def export_command(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to; - is standard output.")],
    kind: Annotated[str | None, typer.Argument(help="need, offer, org or incident.")] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="csv or xlsx; by default by the ending.")
    ] = None,
    data: Data = None,
    space: Annotated[str | None, typer.Option()] = None,
    topic: Annotated[str | None, typer.Option()] = None,
    life: Annotated[str | None, typer.Option(help="active, expired or closed.")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="An instant, 2022-01-03T18:00:00+08:00.")
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="Only what this organisation looks after.")
    ] = False,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Also what was promised, delivered, is open ...")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    progress: ProgressMode = "auto",
    as_json: AsJson = False,
) -> None:
    """Write needs, offers and other things into a CSV or XLSX table, a line a row.

    Nothing that stays at home is in it, and no cell is a formula. After editing,
    `hutong import FILE --mapping hutong-export` signs exactly the edits.
    """
    from hutong_adapters.exporting import FORMATS, ExportRefused, csv_bytes, write_file, xlsx_bytes

    with stopping("export", as_json=as_json):
        chosen = form or out.suffix.lower().removeprefix(".") or "csv"
        if chosen not in FORMATS:
            raise ExportRefused(f"--format: is one of {', '.join(FORMATS)}")
        if out == _STDOUT and as_json:
            raise ExportRefused("--json and a table don't both fit on standard output")
        if out != _STDOUT and out.exists() and not force:
            raise ExportRefused(f"{out} is there already: name another file, or say --force")
        given = {"type": kind, "space": space, "topic": topic, "life": life, "as_of": as_of}
        wanted = {name: value for name, value in given.items() if value is not None}
        found = asyncio.run(
            _collect(door_of(context), data, wanted, own=own, numbers=numbers, progress=progress)
        )
        content = csv_bytes(found) if chosen == "csv" else xlsx_bytes(found)
        if out == _STDOUT:
            sys.stdout.buffer.write(content)
            sys.stdout.flush()
        else:
            write_file(out, content, replace=force)
        _tell(found, out, as_json=as_json)


async def _collect(
    door: Door | None,
    data: Path | None,
    wanted: dict[str, str],
    *,
    own: bool,
    numbers: bool,
    progress: str,
) -> Exported:
    from hutong_adapters.client import open_node
    from hutong_adapters.exporting import collect

    async with open_node(data, door, "export") as node:
        who = await node.own_organisation() if own else None
        with progressing("exporting", None, progress) as advance:
            return await collect(node, wanted, own=who, numbers=numbers, on_things=advance)


def _tell(found: Exported, out: Path, *, as_json: bool) -> None:
    told: dict[str, Any] = {
        "file": str(out),
        "things": found.things,
        "rows": len(found.rows),
        "hidden": found.hidden,
    }
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    typer.echo(f"{found.things} records in {len(found.rows)} rows: {out}", err=out == _STDOUT)
    if found.hidden:
        typer.echo(
            f"in {found.hidden} of them text is left out that looks like personal data:"
            " see the column hidden",
            err=True,
        )
