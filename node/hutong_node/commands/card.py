"""`hutong card`: what this organisation says of itself, by which others know its name.

Owns this command's options and words, and the reminder that other commands give where there is no
card yet. Without an option it only shows. What a card says is public and can't be called back, so
it is shown and asked about before it is signed; a script says `--yes`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hutong_node.commands.terms import (
    AsJson,
    Data,
    ask,
    end_wrong,
    print_facts,
    print_json,
    with_desk,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hutong_node.desk import Desk


_DESK: Final = ("name", "phone", "email", "address", "url", "hours")


def card(
    kind: Annotated[
        str | None, typer.Option(help="ngo, foundation, volunteer_team, gov, platform ... (12.8)")
    ] = None,
    name: Annotated[str | None, typer.Option(help="[default: that of the configuration]")] = None,
    name_en: Annotated[str | None, typer.Option(help="The name in English.")] = None,
    area: Annotated[
        list[str] | None, typer.Option(help="Code of a place where it works, 610113; repeatable.")
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="What it works on, fsc; repeatable.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="A sentence about it.")] = None,
    desk: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=TEXT",
            help="name, phone, email, address, url or hours of the organisation's desk, never of a"
            " person; repeatable, an empty text takes one away.",
        ),
    ] = None,
    space: Annotated[
        list[str] | None, typer.Option(help="Only in this space. [default: all that are held]")
    ] = None,
    sign: Annotated[
        bool, typer.Option("--sign", help="Sign name and kind as the configuration has them.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show this organisation's card, or sign one, so that others see its name.

    Without options it shows what each space has. With any, what is given is signed in `base` of
    each space held, after a question; what isn't given stays as it is.
    """
    body = _said(
        kind=kind,
        name=name,
        names=None if name_en is None else {"en": name_en},
        areas=area,
        topics=topic,
        note=note,
        desk=None if desk is None else _fields(desk),
    )
    if not (body or sign):
        _show(data, as_json=as_json)
        return
    if space:
        body["spaces"] = space
    if not yes:
        _confirm(data, body, as_json=as_json)
    told = ask(data, "card", "signCard", body=body, as_json=as_json)
    if as_json:
        print_json(told)
        return
    _print(told)
    signed = ", ".join(told["signed"])
    typer.echo(f"Signed in {signed}." if signed else "It said so already; nothing was signed.")


def _show(data: Path | None, *, as_json: bool) -> None:
    told = ask(data, "card", "getCard", as_json=as_json)
    if as_json:
        print_json(told)
        return
    _print(told)
    remind(told)


def _said(**given: Any) -> dict[str, Any]:
    return {field: value for field, value in given.items() if value is not None}


def _fields(desk: Iterable[str]) -> dict[str, str]:
    """The fields of the desk, typed as NAME=TEXT."""
    found = {}
    for typed in desk:
        name, equals, text = typed.partition("=")
        if not equals or name not in _DESK:
            end_wrong(f"--desk is NAME=TEXT, with a name out of {', '.join(_DESK)}")
        found[name] = text.strip()
    return found


def _confirm(data: Path | None, body: Mapping[str, Any], *, as_json: bool) -> None:
    """Asks whether a card may be signed. What is asked about is what will be public."""
    if not sys.stdin.isatty():
        end_wrong("a card is public and can't be called back: say --yes to sign it")
    told = ask(data, "card", "getCard", as_json=as_json)
    spaces = body.get("spaces") or [each["space"] for each in told["cards"]]
    defaults = {"name": told["organisation"]["name"], "kind": told["kind"]}
    shown = {**defaults, **{name: value for name, value in body.items() if name != "spaces"}}
    for field, value in shown.items():
        if value:
            typer.echo(f"{field}: {value}", err=True)
    question = (
        f"Sign this in {', '.join(spaces)}? Everybody can read it, and it can't be called back."
    )
    typer.confirm(question, abort=True, err=True)


def _print(told: Mapping[str, Any]) -> None:
    for each in told["cards"]:
        facts, text = each["facts"] or {}, each["text"] or {}
        print_facts(
            {
                "space": each["space"],
                "card": each["record"] or "none yet",
                "name": text.get("title"),
                "names": text.get("names"),
                "kind": facts.get("kind"),
                "areas": [f"{area['scheme']} {area['code']}" for area in facts.get("areas", [])],
                "topics": facts.get("topics"),
                "desk": text.get("desk"),
                "note": text.get("note"),
            }
        )
    if not told["cards"]:
        typer.echo("No scope is held: hutong subscribe SPACE/TOPIC")


def remind(told: Mapping[str, Any], spaces: Iterable[str] | None = None) -> None:
    """Says where there is no card yet, and how to make one. `spaces`: only of these."""
    lacking = [each["space"] for each in told["cards"] if each["record"] is None]
    if spaces is not None:
        lacking = [space for space in lacking if space in set(spaces)]
    if lacking:
        how = "--sign" if told["kind"] else "--kind ngo (or what kind it is)"
        typer.echo(
            f"No card of this organisation in {', '.join(lacking)}: others see an id there instead"
            f" of its name. hutong card {how}",
            err=True,
        )


def ask_and_remind(
    data: Path | None, doing: str, name: str, body: Mapping[str, Any], *, as_json: bool
) -> tuple[Any, Any]:
    """The answers of an operation and of the card, for `remind`."""

    async def both(desk: Desk) -> tuple[Any, Any]:
        answer = await desk.call(name, body=body)
        return answer, await desk.call("getCard")

    return with_desk(data, doing, both, as_json=as_json)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("card")(card)
