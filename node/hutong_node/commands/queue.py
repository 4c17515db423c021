"""`hutong queue`: drafts that wait for somebody to look at them before they are signed.

Owns these commands' options and words. The values that a row keeps at home are shown here, to the
one who has to call back; they are printed nowhere else.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hutong_node.commands.terms import (
    AsJson,
    Data,
    ask,
    print_facts,
    print_json,
    print_table,
    short,
    with_desk,
)

if TYPE_CHECKING:
    from hutong_node.desk import Desk

_queue = typer.Typer(
    no_args_is_help=True, help="Drafts that somebody looks at before they are signed."
)

Number = Annotated[int, typer.Argument(min=1, help="Number of the draft.")]
Checker = Annotated[str, typer.Option(help="Who looked at it; the name stays here.")]


@_queue.command("list")
def list_queue(
    data: Data = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    as_json: AsJson = False,
) -> None:
    """List drafts that wait, oldest first."""
    told = ask(data, "queue list", "listQueue", query={"limit": str(limit)}, as_json=as_json)
    if as_json:
        print_json(told)
        return
    print_table(
        ("number", "title", "row", "source", "does", "scope", "since"),
        (
            (
                draft["id"],
                draft["title"],
                draft["row"],
                draft["source"],
                draft["action"],
                f"{draft['space']}/{draft['topic']}",
                draft["since"],
            )
            for draft in told["drafts"]
        ),
        empty="Nothing waits.",
    )
    if told["waiting"] > len(told["drafts"]):
        typer.echo(f"{told['waiting']} wait in all.")


@_queue.command("show")
def show_queued(number: Number, data: Data = None, as_json: AsJson = False) -> None:
    """Show a draft whole, with what its row keeps at home."""
    path = {"number": str(number)}
    told = ask(data, "queue show", "getQueued", path=path, as_json=as_json)
    if as_json:
        print_json(told)
        return
    print_facts(
        {
            "title": told["title"],
            "row": told["row"],
            "source": told["source"],
            "type": told["type"],
            "scope": f"{told['space']}/{told['topic']}",
            "waits since": told["since"],
            **{f"at home: {name}": value for name, value in (told["at_home"] or {}).items()},
        }
    )
    for name in ("facts", "text"):
        typer.echo(f"{name}:")
        for line in json.dumps(told[name], ensure_ascii=False, indent=2).splitlines():
            typer.echo(f"  {line}")


@_queue.command("release")
def release(
    numbers: Annotated[list[int], typer.Argument(min=1, help="Numbers of drafts.")],
    method: Annotated[
        str, typer.Option(help="How it was checked: desk, one_way, two_way or on_site.")
    ],
    checker: Checker = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Sign drafts, and this organisation's own check of each."""

    async def each(desk: Desk) -> list[dict[str, Any]]:
        body = {"method": method, "checker": checker}
        return [
            {"id": number, **await desk.call("release", path={"number": str(number)}, body=body)}
            for number in numbers
        ]

    told = with_desk(data, "queue release", each, as_json=as_json)
    if as_json:
        print_json({"released": told})
        return
    print_table(
        ("number", "signed", "check"),
        ((done["id"], short(done["record"]), short(done["verify"])) for done in told),
        empty="Nothing was released.",
    )


@_queue.command("refuse")
def refuse(
    number: Number,
    reason: Annotated[str, typer.Option(help="Shown when the same row comes again.")],
    checker: Checker = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take a draft out of the queue for good."""
    told = ask(
        data,
        "queue refuse",
        "refuse",
        path={"number": str(number)},
        body={"reason": reason, "checker": checker},
        as_json=as_json,
    )
    if as_json:
        print_json(told)
        return
    typer.echo("Refused; the same row is refused in later imports until it changes.")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(_queue, name="queue")
