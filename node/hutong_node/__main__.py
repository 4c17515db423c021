"""The command line of a node: `hutong`.

Owns which groups of commands there are. Each is a module with a function `register`; packages
outside the node add theirs through the entry point group `hutong.commands`, with the same function.
Modules of commands import only what parsing needs, so that help is there at once. Commands of
other packages find the node through the object of their context (`desk_requests`).
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import entry_points
from typing import Final

import typer

from hutong_node.commands.terms import UNUSABLE
from hutong_node.desk_requests import DeskDoor

GROUPS: Final = (
    "founding",
    "running",
    "looking",
    "doctor",
    "stating",
    "card",
    "partners",
    "queue",
    "backup",
    "openapi",
    "demo",
)
"""Modules of `hutong_node.commands`, in the order of the help."""
ENTRY_POINTS: Final = "hutong.commands"


def application() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="hutong",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="A node that exchanges signed needs, offers and deliveries with other organisations."
        " Tables leave out what a narrow window has no room for; in a pipe they are whole, and"
        " --json has everything.",
        context_settings={"obj": DeskDoor()},
    )
    for name in GROUPS:
        import_module(f"hutong_node.commands.{name}").register(app)
    _add_others(app)
    return app


def _add_others(app: typer.Typer) -> None:
    """Commands of other packages. One that is broken must not take the node's own away."""
    for value in sorted({point.value for point in entry_points(group=ENTRY_POINTS)}):
        module, _, function = value.partition(":")
        try:
            getattr(import_module(module), function)(app)
        except (ImportError, AttributeError) as broken:
            typer.echo(f"commands of {value} are left out: {broken}", err=True)


def main() -> None:
    """Runs the command line and ends the process: 0 done, 1 refused, 2 a wrong call."""
    try:
        application()()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        sys.exit(UNUSABLE)


if __name__ == "__main__":
    main()
