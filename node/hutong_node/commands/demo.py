"""`hutong demo`: three organisations on this machine exchange records and are compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def demo(
        check: Annotated[
            bool, typer.Option("--check", help="End by itself, with 1 if the nodes differ.")
        ] = False,
        as_json: Annotated[
            bool, typer.Option("--json", help="The verdict as JSON, the last line printed.")
        ] = False,
        data: Annotated[
            Path | None,
            typer.Option(help="Import real data: a folder laid out as shared/data."),
        ] = None,
        keep: Annotated[
            Path | None, typer.Option(help="Keep the three nodes in this folder.")
        ] = None,
        before_compare: Annotated[
            str | None,
            typer.Option(help="A command to run before the comparison; it gets the three folders."),
        ] = None,
    ) -> None:
        """Show it all on this machine: three organisations, one killed on the way, one table."""
        # The demo brings the whole node with it; the help of other commands must not.
        from hutong_node.demo.run import DemoOptions, run_demo

        options = DemoOptions(check, as_json, data, keep, before_compare)
        raise typer.Exit(run_demo(options))
