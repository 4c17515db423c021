"""The command `hutong import`, and all that this package adds to the command line.

Owns its options, what it prints and how it ends. Nothing is signed before the file was held against
what was read last; `--diff` stops there and shows what was found. No cell is ever printed but by
`--diff` and `--explain`, which show rows to whoever has the file, and the title of a row that is
gone, which was published.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hutong_adapters import commands_adapter, commands_export
from hutong_adapters.command_terms import (
    EXIT_ROWS,
    EXIT_STOPPED,
    AsJson,
    Data,
    Files,
    Given,
    Incident,
    MappingName,
    ProgressMode,
    Space,
    Topic,
    asking_incident,
    door_of,
    draw_table,
    loaded_mapping,
    plan_of,
    progressing,
    stopping,
    target_of,
    visible,
    with_incident,
)
from hutong_adapters.commands_adapter import show_rows
from hutong_adapters.interface import FileRefused, MappingRefused, Refusal

if TYPE_CHECKING:
    from hutong_adapters.client import Door
    from hutong_adapters.comparing import Survey
    from hutong_adapters.mapping import RowMapping
    from hutong_adapters.planning import Plan, Target
    from hutong_adapters.runner import Report, Wish

__all__: Final = ["EXIT_ROWS", "EXIT_STOPPED", "register"]

_SHOWN_MAX: Final = 20
_NO_CHANGE: Final = ("unchanged", "refused", "question")

SourceName = Annotated[
    str | None,
    typer.Option("--source", help="Name of the source at the node (default: the mapping's)."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Needs no node, sends nothing.")]
Diff = Annotated[
    bool, typer.Option("--diff", help="Show what changed since the last import, send nothing.")
]
Explain = Annotated[
    list[str] | None,
    typer.Option("--explain", metavar="ROW", help="Explain rows (3, or FILE:3), send nothing."),
]
Complete = Annotated[
    bool, typer.Option("--complete", help="The files say everything: close what is missing.")
]
Queue = Annotated[
    bool, typer.Option("--queue", help="Let rows wait unsigned until somebody looked.")
]
Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", help="What stopped an import and is meant so, as it was told."),
]
WriteBack = Annotated[
    Path | None,
    typer.Option("--write-back", help="Write a copy of the file with a column hutong_id."),
]


def register(app: typer.Typer) -> None:
    """Adds the commands to a command line; a second call changes nothing."""
    if not any(command.name == "import" for command in app.registered_commands):
        app.command("import")(import_command)
        app.command("export")(commands_export.export_command)
    if not any(group.name == "adapter" for group in app.registered_groups):
        adapter = typer.Typer(no_args_is_help=True, help="Look at mappings before using them.")
        adapter.command("list")(commands_adapter.list_command)
        adapter.command("draft")(commands_adapter.draft_command)
        adapter.command("check")(commands_adapter.check_command)
        adapter.command("explain")(commands_adapter.explain_command)
        app.add_typer(adapter, name="adapter")


def import_command(
    context: typer.Context,
    files: Files,
    mapping: MappingName,
    data: Data = None,
    space: Space = None,
    topic: Topic = None,
    incident: Incident = None,
    given: Given = None,
    source: SourceName = None,
    dry_run: DryRun = False,
    diff: Diff = False,
    explain: Explain = None,
    complete: Complete = False,
    queue: Queue = False,
    accept: Accept = None,
    write_back: WriteBack = None,
    progress: ProgressMode = "auto",
    as_json: AsJson = False,
) -> None:
    """Turn the rows of files into signed records, each row once.

    Sending the same files again signs nothing; an edited row signs exactly that edit. An import
    that was interrupted is gone on with by the same command.
    """
    from hutong_adapters.exporting import ExportRefused
    from hutong_adapters.runner import Wish
    from hutong_adapters.write_back import check_out, write_ids

    with stopping("import", as_json=as_json):
        only_look = dry_run or bool(explain)
        wish = Wish(complete, queue, source, _accepted(accept), diff, whole=write_back is not None)
        target = target_of(space, topic, given, incident, may_guess=only_look)
        loaded = loaded_mapping(mapping)
        if write_back is not None:
            check_out(files, write_back)
        if only_look:
            door = None if dry_run else door_of(context)
            if explain and not dry_run:
                target = asking_incident(loaded, target, door, data)
            plan = _checked_plan(loaded, files, target, wish, progress)
            if explain:
                show_rows(plan, explain, mapping, target, door, data, ask=not dry_run)
                return
            _tell_plan(plan, as_json=as_json)
        plan, report = asyncio.run(
            _import(loaded, files, target, wish, door_of(context), data, progress)
        )
        written = None if diff else write_back
        if written is not None:
            try:
                write_ids(plan, files[0], written, report.things)
            except (FileRefused, ExportRefused) as refused:
                # What was signed stays, and is told all the same.
                report.questions.append(str(refused))
                written = None
        _tell_report(plan, report, wish.source or plan.mapping.source, written, as_json=as_json)


def _checked_plan(
    loaded: RowMapping, files: list[Path], target: Target, wish: Wish, progress: str
) -> Plan:
    """The plan of an import that is only looked at."""
    from hutong_adapters.comparing import check_files

    plan = plan_of(loaded, files, target, progress)
    check_files(plan, wish.accepted)
    return plan


def _accepted(given: list[str] | None) -> frozenset[str]:
    from hutong_adapters.comparing import ACCEPTED

    for each in given or []:
        if each.partition("=")[0] not in ACCEPTED:
            raise MappingRefused([f"--accept {each}: is one of {', '.join(ACCEPTED)}"])
    return frozenset(given or [])


async def _import(
    loaded: RowMapping,
    files: list[Path],
    target: Target,
    wish: Wish,
    door: Door | None,
    data: Path | None,
    progress: str,
) -> tuple[Plan, Report]:
    # The HTTP library takes half a second to import: not for --help and --dry-run.
    from hutong_adapters.client import open_node
    from hutong_adapters.runner import send_plan

    async with open_node(data, door, "import") as node:
        target = await with_incident(loaded, target, node)
        plan = await asyncio.to_thread(plan_of, loaded, files, target, progress)
        count = len(plan.drafts)
        with (
            progressing("comparing", count, progress) as looked,
            progressing("sending", count, progress) as sent,
        ):
            report = await send_plan(
                plan, node, wish, on_looked=looked, on_sent=sent, on_wait=_tell_wait
            )
        return plan, report


def _tell_plan(plan: Plan, *, as_json: bool) -> None:
    from hutong_adapters.summary import plan_json, plan_words

    if as_json:
        typer.echo(json.dumps(plan_json(plan, _now_ms()), ensure_ascii=False))
    else:
        typer.echo("\n".join(plan_words(plan, _now_ms())))
        _tell_refused(list(plan.refused))
    raise typer.Exit(EXIT_ROWS if plan.refused else 0)


def _tell_report(
    plan: Plan, report: Report, source: str, written: Path | None, *, as_json: bool
) -> None:
    from hutong_adapters.summary import counted, gone_row, plan_json, plan_words, refusal_json

    if as_json:
        told = plan_json(plan, _now_ms()) | {
            "run": report.run,
            "complete": report.complete,
            "not_complete": report.not_complete,
            "counts": dict(sorted(report.counts.items())),
            "signed": report.signed,
            "taken_before": report.taken,
            "refused": [refusal_json(refusal) for refusal in report.refused],
            "questions": list(report.questions),
            "gone": list(report.gone),
            "written_back": None if written is None else str(written),
        }
        if report.survey is not None:
            told["diff"] = _diff_json(report.survey)
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        typer.echo("\n".join(plan_words(plan, _now_ms(), refused=report.refused)))
        if report.taken:
            typer.echo(f"{report.taken} rows had been taken by the import that was interrupted")
        if report.survey is not None and not report.sent:
            _tell_diff(report.survey)
        else:
            counts = ", ".join(f"{count} {name}" for name, count in sorted(report.counts.items()))
            signed = counted(report.signed, "record")
            typer.echo(f"{counts or 'no rows'}; {signed} signed")
            if report.counts.get("queued"):
                typer.echo(f"what is queued waits unsigned: hutong queue list --source {source}")
        if report.not_complete:
            typer.echo(f"not taken as complete: {report.not_complete}")
        for question in report.questions[:_SHOWN_MAX]:
            typer.echo(f"? {visible(question)}")
        for gone in report.gone[:_SHOWN_MAX]:
            if gone["outcome"] == "gone":
                typer.echo(visible(f"- {gone_row(gone)} is gone: {gone.get('reason', '')}"))
        if plan.standing.unplaced and report.gone:
            rows = counted(plan.standing.unplaced, "refused row")
            typer.echo(f"of these some may be among {rows} whose key can't be read")
        if written is not None:
            typer.echo(f"a copy with hutong_id is in {written}")
        _tell_refused(report.refused)
    raise typer.Exit(EXIT_ROWS if report.refused or report.questions else 0)


def _diff_json(survey: Survey) -> dict[str, Any]:
    """What a file says since the last reading of it; refused rows are told by themselves."""
    read = [*survey.read("changed"), *survey.read("earlier")]
    changed = [(drafted, row) for drafted, row in read if row["outcome"] not in _NO_CHANGE]
    unchanged = sum(row["outcome"] == "unchanged" for _, row in read)
    return {
        "new": [drafted.row.label for drafted, _ in survey.read("new")],
        "changed": [
            {
                "row": drafted.row.label,
                "outcome": row["outcome"],
                "changes": list(row.get("changes", ())),
            }
            for drafted, row in changed
        ],
        "same": len(survey.read("same")) + unchanged,
        "gone": [row["row"] for row in survey.vanished()],
    }


def _tell_diff(survey: Survey) -> None:
    from hutong_adapters.summary import gone_row, titled

    told = _diff_json(survey)
    counts = {name: len(told[name]) for name in ("new", "changed", "gone")}
    listed = ", ".join(f"{count} {name}" for name, count in counts.items())
    typer.echo(f"since the last import: {listed}, {told['same']} as they were")
    rows = [
        (each["row"], change["path"], change["before"] or "", change["now"] or "")
        for each in told["changed"]
        for change in each["changes"] or [{"path": each["outcome"], "before": "", "now": ""}]
    ]
    new = [titled(each.row.label, each.draft.text.get("title")) for each, _ in survey.read("new")]
    gone = [gone_row(row) for row in survey.vanished()]
    if sys.stdout.isatty():
        draw_table("Changed", ("row", "field", "was", "is now"), rows)
    else:
        for row, path, before, now in rows:
            what = f": {before} -> {now}" if before or now else ""
            typer.echo(visible(f"~ {row}: {path}{what}"))
    for sign, labels in (("+", new), ("-", gone)):
        for label in labels:
            typer.echo(visible(f"{sign} {label}"))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _tell_wait(why: str) -> None:
    typer.echo(f"hutong import: waiting: {why}", err=True)


def _tell_refused(refused: list[Refusal]) -> None:
    from hutong_adapters.summary import refused_words

    for words in refused_words(refused, _SHOWN_MAX):
        typer.echo(visible(words if words.startswith("...") else f"- {words}"))
