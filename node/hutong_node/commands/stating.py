"""`hutong publish` and `subscribe`: what this organisation says, and which scopes it holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hutong_node.commands.terms import (
    AsJson,
    Data,
    ask,
    end_refused,
    end_wrong,
    print_json,
    print_table,
    scope_items,
    short,
)


def publish(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="Drafts as JSON; - is standard input.")
    ],
    data: Data = None,
    key: Annotated[
        str | None, typer.Option(help="The same drafts under the same key are signed once.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign statements: a draft, a list of drafts, or {"drafts": [...]}, as JSON."""
    from hutong_node.json_strict import BadJson, parse
    from hutong_node.refusals import Code, Refused

    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as unreadable:
        end_wrong(f"{file} can't be read: {unreadable.strerror}")
    try:
        value = parse(content)
    except BadJson as wrong:
        refused = Refused(
            Code.BAD_JSON, f"{file} can't be used as JSON", detail=str(wrong),
            way_out="hutong openapi describes drafts: PublishRequest",
        )  # fmt: skip
        end_refused(refused, as_json=as_json)
    told = ask(data, "publish", "publish", body=_request_of(value), key=key, as_json=as_json)
    if as_json:
        print_json(told)
        return
    print_table(
        ("signed", "type", "scope", "about"),
        (
            (
                short(record["id"]),
                record["type"],
                f"{record['space']}/{record['topic']}",
                "" if record["thing"] == record["id"] else short(record["thing"]),
            )
            for record in told["records"]
        ),
        empty="Nothing was signed.",
    )


def subscribe(
    scopes: Annotated[
        list[str] | None, typer.Argument(metavar="[SPACE/TOPIC]...", help="Scopes to hold.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Hold more scopes from now on; without any, list those held."""
    if scopes:
        body = {"scopes": scope_items(scopes)}
        told = ask(data, "subscribe", "subscribe", body=body, as_json=as_json)
    else:
        told = ask(data, "subscribe", "listSubscriptions", as_json=as_json)
    if as_json:
        print_json(told)
        return
    print_table(
        ("scope",),
        ((f"{scope['space']}/{scope['topic']}",) for scope in told["scopes"]),
        empty="No scope is held.",
    )


def _request_of(value: Any) -> Any:
    """What was typed as the body of the request."""
    if isinstance(value, list):
        return {"drafts": value}
    return value if isinstance(value, dict) and "drafts" in value else {"drafts": [value]}


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("publish")(publish)
    app.command("subscribe")(subscribe)
