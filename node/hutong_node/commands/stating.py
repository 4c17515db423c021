"""`hutong publish`, `close` and `subscribe`: what this organisation says, and what it holds.

Owns the drafts that a command writes for people: a `close` of a thing that this organisation looks
after. Whether a draft may be signed is the node's business. Spec: 12.14.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hutong_node.commands.card import ask_and_remind, remind
from hutong_node.commands.terms import (
    AsJson,
    Data,
    ask,
    cut,
    end_refused,
    end_wrong,
    print_json,
    print_table,
    scope_items,
    short,
    with_desk,
)

if TYPE_CHECKING:
    from hutong_node.desk import Desk

_REPLACES_MAX: Final = 4


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
    request = _request_of(value)
    told = ask(data, "publish", "publish", body=request, key=key, as_json=as_json)
    if as_json:
        print_json(told)
        return
    _print_signed(told, [_title(draft) for draft in request["drafts"]])


def close(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Its beginning is enough.")],
    reason: Annotated[
        str, typer.Option(help="fulfilled, withdrawn, duplicate ...: a wrong one lists all.")
    ],
    note: Annotated[str | None, typer.Option(help="Words for others; no personal data.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Close a thing that this organisation looks after; what was promised for it stays promised."""
    from hutong_protocol.taxonomy import CLOSE_REASONS

    if reason not in CLOSE_REASONS:
        end_wrong(f"--reason must be one of: {', '.join(CLOSE_REASONS)}")

    async def work(desk: Desk) -> dict[str, Any]:
        from hutong_node.commands.looking import whole_id

        whole = await desk.call("getThing", path={"id": await whole_id(desk, identifier)})
        own = (await desk.call("listOrganisations"))["own"]["id"]
        draft = _closing(whole, own, reason, note)
        told = dict(await desk.call("publish", body={"drafts": [draft]}))
        return {**told, "title": whole["thing"]["title"], "promises": _promises(whole)}

    told = with_desk(data, "close", work, as_json=as_json)
    if as_json:
        print_json(told)
        return
    _print_signed(told, [told["title"] or ""])
    if told["promises"]:
        typer.echo(f"{told['promises']} promises hang on it: tell their organisations")


def _closing(whole: Mapping[str, Any], own: str, reason: str, note: str | None) -> dict[str, Any]:
    """The draft that closes a thing.

    Raises:
        Refused: it is another organisation's to close, or closed already.
    """
    from hutong_node.refusals import Code, Refused

    thing = whole["thing"]
    if thing["steward"]["id"] != own:
        raise Refused(
            Code.INVALID_RECORD,
            "it is looked after by another organisation",
            way_out="only that one can close it: ask it to",
        )
    if thing["life"] == "closed":
        raise Refused(
            Code.INVALID_RECORD,
            f"it is closed already: {thing['reason']}",
            way_out=f"hutong show {short(thing['id'])}",
        )
    # Own closings and reopenings of the whole thing that no later one has replaced.
    earlier = [
        entry
        for entry in whole["history"]
        if entry["type"] in ("close/1", "reopen/1")
        and entry["author"]["id"] == own
        and "target" not in entry["refs"]
    ]
    replaced = {each for entry in earlier for each in entry["refs"].get("replaces", ())}
    heads = [entry["id"] for entry in earlier if entry["id"] not in replaced]
    refs: dict[str, Any] = {"thing": thing["id"], "link": thing["id"]}
    if heads:
        refs["replaces"] = heads[-_REPLACES_MAX:]
    draft = {
        "type": "close/1",
        "space": thing["space"],
        "topic": thing["topic"],
        "refs": refs,
        "facts": {"reason": reason},
    }
    return draft if note is None else {**draft, "text": {"note": note}}


def _promises(whole: Mapping[str, Any]) -> int:
    """How many promises on a thing somebody may still count on."""
    waiting = ("undecided", "waiting", "unknown", "accepted")
    return sum(
        entry.get("state") in waiting for line in whole["lines"] for entry in line["commitments"]
    )


def _title(draft: Any) -> str:
    """What a draft calls its thing."""
    text = draft.get("text") if isinstance(draft, dict) else None
    title = text.get("title") if isinstance(text, dict) else None
    return cut(title) if isinstance(title, str) else ""


def _print_signed(told: Mapping[str, Any], titles: Sequence[str]) -> None:
    """What was signed, each beside the title or the thing that it is about."""
    print_table(
        ("signed", "type", "scope", "about"),
        (
            (
                short(record["id"]),
                record["type"],
                f"{record['space']}/{record['topic']}",
                title if record["thing"] == record["id"] else f"{short(record['thing'])} {title}",
            )
            for record, title in zip(told["records"], titles, strict=False)
        ),
        empty="Nothing was signed.",
        words=("scope",),
        drop=("type",),
    )


def subscribe(
    scopes: Annotated[
        list[str] | None, typer.Argument(metavar="[SPACE/TOPIC]...", help="Scopes to hold.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Hold more scopes from now on; without any, list those held."""
    own_card: Any = None
    if scopes:
        body = {"scopes": scope_items(scopes)}
        told, own_card = ask_and_remind(data, "subscribe", "subscribe", body, as_json=as_json)
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
    if own_card is not None:
        remind(own_card)


def _request_of(value: Any) -> Any:
    """What was typed as the body of the request."""
    if isinstance(value, list):
        return {"drafts": value}
    return value if isinstance(value, dict) and "drafts" in value else {"drafts": [value]}


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("publish")(publish)
    app.command("close")(close)
    app.command("subscribe")(subscribe)
