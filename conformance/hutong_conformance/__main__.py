"""Command line of the conformance package: `hutong-conformance vectors` and `explain`.

Owns options, files and exit codes; cases, subject and report do the work. Exit codes: 0 everything
passed, 1 the subject failed, 2 the run itself couldn't be done or couldn't judge.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from hutong_conformance import report as reports
from hutong_conformance.cases import BadVector, Case, load, set_digest, vectors_root
from hutong_conformance.subject import CannotStart, Subject

EXIT_CANNOT_JUDGE = 2

app = typer.Typer(
    name="hutong-conformance",
    help="Does an implementation of the Hutong protocol answer as the specification says?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

VectorsFolder = Annotated[
    Path | None, typer.Option("--vectors", help="Another set of vectors than the packaged one.")
]


@app.command()
def vectors(
    cmd: Annotated[str, typer.Option("--cmd", help="The command that starts the implementation.")],
    only: Annotated[
        str | None, typer.Option("--only", help="A folder (2), a paragraph (2.1) or a case id.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Unsupported operations, SHOULD and MAY count too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Write the report as JUnit XML to this file.")
    ] = None,
    known: Annotated[
        Path | None,
        typer.Option("--known", help='TOML file of known failures: "case id" = "reason".'),
    ] = None,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0.01, help="Seconds to wait for each reply.")
    ] = 10.0,
    folder: VectorsFolder = None,
) -> None:
    """Ask an implementation every vector over JSON lines and report what it answers."""
    cases = _cases(folder, only)
    known_failures = _known(known)
    try:
        with Subject(cmd, timeout_s=timeout_s) as subject:
            outcomes = list(reports.run(cases, subject))
    except CannotStart as error:
        raise _stop(f"cannot start the subject: {error}") from None
    report = reports.Report(
        outcomes,
        vectors_digest=set_digest(folder),
        command=cmd,
        strict=strict,
        known=known_failures,
    )
    if junit is not None:
        junit.write_text(report.to_junit(), "utf-8")
    if as_json:
        sys.stdout.write(report.to_json() + "\n")
    else:
        report.print(Console())
    raise typer.Exit(report.exit_code)


@app.command()
def explain(
    identifier: Annotated[str, typer.Argument(metavar="ID")], folder: VectorsFolder = None
) -> None:
    """Show one case: what it tests, the line that is sent, and the reply that is right."""
    for case in _cases(folder, None):
        if case.id == identifier:
            break
    else:
        near = [case.id for case in _cases(folder, None) if identifier in case.id][:10]
        raise _stop(f"no case {identifier}" + (f"; near it: {', '.join(near)}" if near else ""))
    console = Console()
    console.print(f"[bold]{escape(case.id)}[/]  {case.level}, section {escape(case.section)}")
    console.print(escape(case.comment))
    console.print("request")
    console.print(json.dumps(case.request, ensure_ascii=False), markup=False, soft_wrap=True)
    console.print("reply")
    console.print(json.dumps(case.expect, ensure_ascii=False), markup=False, soft_wrap=True)


def _cases(folder: Path | None, only: str | None) -> list[Case]:
    try:
        cases = load(folder, only=only)
    except BadVector as error:
        raise _stop(f"the set of vectors is damaged: {error}") from None
    if not cases:
        where = vectors_root() if folder is None else folder
        raise _stop(f"no case{f' for {only}' if only else ''} in {where}")
    return cases


def _known(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _stop(f"{path}: {error}") from None
    reasons = {name: reason for name, reason in content.items() if isinstance(reason, str)}
    if len(reasons) != len(content) or not all(reasons.values()):
        raise _stop(f'{path}: every line is "case id" = "reason"')
    return reasons


def _stop(message: str) -> typer.Exit:
    typer.echo(f"hutong-conformance: {message}", err=True)
    return typer.Exit(EXIT_CANNOT_JUDGE)


def main() -> None:
    """The entry point of the command line."""
    app()


if __name__ == "__main__":
    main()
