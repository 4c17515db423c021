"""`hutong openapi`: the description of the local API, for programs that make clients."""

from __future__ import annotations

import json

import typer


def openapi() -> None:
    """Print the OpenAPI document of the local API."""
    from hutong_node.openapi import document

    typer.echo(json.dumps(document(), ensure_ascii=False, indent=2))


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("openapi")(openapi)
