"""`hutong queue`: drafts that wait for somebody to look at them before they are signed.

Owns these commands' options and words. Whoever releases says how the statement was checked and who
did it: the check becomes a record of this organisation, the name stays on this node. The drafts of
a whole source can be decided about at once, but for those with marks, which need a look each.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hutong_node.commands.terms import (
    REFUSED,
    AsJson,
    Data,
    ask,
    end_wrong,
    plain,
    print_json,
    print_table,
    short,
    with_desk,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hutong_node.desk import Desk

_queue = typer.Typer(
    no_args_is_help=True, help="Drafts that somebody looks at before they are signed."
)

Number = Annotated[int, typer.Argument(min=1, help="Number of the draft.")]
Numbers = Annotated[list[int] | None, typer.Argument(min=1, help="Numbers of drafts.")]
OfSource = Annotated[str | None, typer.Option("--source", help="All that wait of this source.")]
Marked = Annotated[bool, typer.Option("--marked", help="With --source: also those with marks.")]
Yes = Annotated[bool, typer.Option("--yes", help="With --source: don't ask.")]


@_queue.command("list")
def list_queue(
    data: Data = None,
    source: Annotated[str | None, typer.Option(help="Only of this source.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="need, offer, incident, org.")] = None,
    action: Annotated[str | None, typer.Option(help="new or revise.")] = None,
    marked: Annotated[
        bool | None, typer.Option("--marked/--unmarked", help="Only with marks, or without.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Go on behind this number.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    as_json: AsJson = False,
) -> None:
    """List drafts that wait, oldest first, with the first line of each.

    A draft is corrected where it came from: mend the sheet and import it again.
    """
    from hutong_node.commands.draft_words import first_line_words

    given = {"source": source, "type": kind, "action": action, "after": after}
    query = {name: value for name, value in given.items() if value is not None}
    if marked is not None:
        query["marked"] = "true" if marked else "false"
    query["limit"] = str(limit)
    told = ask(data, "queue list", "listQueue", query=query, as_json=as_json)
    if as_json:
        print_json(told)
        return
    print_table(
        ("number", "title", "asks for", "urgency", "look at", "does", "row", "source", "scope",
         "since"),
        (
            (
                draft["id"],
                draft["title"],
                first_line_words(draft),
                draft["urgency"],
                ", ".join(dict.fromkeys(mark["what"] for mark in draft["marks"])),
                draft["action"],
                draft["row"],
                draft["source"],
                f"{draft['space']}/{draft['topic']}",
                draft["since"],
            )
            for draft in told["drafts"]
        ),
        words=("title", "asks for", "look at"),
        drop=("scope", "since", "source", "row", "does"),
        empty="Nothing waits." if not told["waiting"] else "Nothing that waits is like this.",
    )  # fmt: skip
    if told["next"] is not None:
        typer.echo(f"There are more: --after {told['next']}")
    if told["waiting"] > len(told["drafts"]):
        listed = ", ".join(_count_words(count) for count in told["sources"])
        typer.echo(f"{told['waiting']} wait in all: {listed}")


@_queue.command("show")
def show_queued(number: Number, data: Data = None, as_json: AsJson = False) -> None:
    """Show a draft in words: marks, what it changes, and what its row keeps at home."""
    from hutong_node.commands.draft_words import print_draft

    path = {"number": str(number)}
    told = ask(data, "queue show", "getQueued", path=path, as_json=as_json)
    if as_json:
        print_json(told)
    else:
        print_draft(told)


@_queue.command("release")
def release(
    method: Annotated[
        str,
        typer.Option(
            help="How it was checked: desk (only read), one_way, two_way (somebody answered) or"
            " on_site."
        ),
    ],
    checker: Annotated[str, typer.Option(help="Who looked at it; the name stays here.")],
    numbers: Numbers = None,
    source: OfSource = None,
    marked: Marked = False,
    looked_at: Annotated[
        list[str] | None,
        typer.Option(
            help="What was looked at, once for each: exists, place, quantity, reachable, urgency."
            " [default: place, quantity and urgency, as far as the row has them, and exists unless"
            " the method is desk]"
        ),
    ] = None,
    yes: Yes = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Sign drafts, and this organisation's own check of each.

    The check is public and can't be called back: it states the method, and each part of the draft
    that was looked at as confirmed. `--method desk` says that somebody read the row, not that the
    need exists or anybody was reached; say these with --looked-at if they were found out.
    """
    body = {"method": method, "checker": checker, "groups": looked_at or None}
    saying = _public_words(method, looked_at)
    wanted = _wanted(
        data, "Sign", numbers, source, marked=marked, yes=yes, as_json=as_json, saying=saying
    )
    told = _decide(data, "queue release", "releaseMany", wanted | body, as_json=as_json)
    _tell(told, "Nothing was released.", as_json=as_json)


@_queue.command("refuse")
def refuse(
    reason: Annotated[str, typer.Option(help="Shown when the same row comes again.")],
    numbers: Numbers = None,
    source: OfSource = None,
    marked: Marked = False,
    checker: Annotated[str, typer.Option(help="Who decided; the name stays here.")] = "",
    yes: Yes = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take drafts out of the queue for good; the same row is refused until it changes."""
    body = {"reason": reason, "checker": checker}
    wanted = _wanted(data, "Refuse", numbers, source, marked=marked, yes=yes, as_json=as_json)
    told = _decide(data, "queue refuse", "refuseMany", wanted | body, as_json=as_json)
    _tell(told, "Nothing was refused.", as_json=as_json)


def _wanted(
    data: Path | None,
    doing: str,
    numbers: list[int] | None,
    source: str | None,
    *,
    marked: bool,
    yes: bool,
    as_json: bool,
    saying: str = "",
) -> dict[str, Any]:
    """Which drafts are meant. All of a source are those that wait now, and only after a yes."""
    if bool(numbers) == (source is not None):
        end_wrong("name drafts by their numbers, or all of a source with --source")
    if source is None:
        return {"numbers": numbers}
    told = ask(data, "queue list", "listQueue", query={"limit": "1"}, as_json=as_json)
    counts = {count["source"]: count for count in told["sources"]}
    count = counts.get(source, {"source": source, "waiting": 0, "marked": 0})
    meant = count["waiting"] - (0 if marked else count["marked"])
    if meant and not yes:
        if not sys.stdin.isatty():
            end_wrong(f"this is about {meant} drafts. {saying}To go on: --yes")
        question = f"{_count_words(count)} wait. {saying}{doing} {meant} drafts?"
        typer.confirm(question, abort=True, err=True)
    return {"source": source, "upto": max(told["upto"], 1), "marked": marked}


def _decide(
    data: Path | None, doing: str, operation: str, body: dict[str, Any], *, as_json: bool
) -> dict[str, Any]:
    """Asks until every draft that was meant was tried, or no more can be decided about."""
    numbers = body.get("numbers")

    async def each(desk: Desk) -> dict[str, Any]:
        done: dict[int, dict[str, Any]] = {}
        parts = [body]
        if numbers is not None:
            parts = [
                body | {"numbers": numbers[at : at + 100]} for at in range(0, len(numbers), 100)
            ]
        left = with_marks = 0
        for part in parts:
            while True:
                answer = await desk.call(operation, body=part)
                done |= {draft["id"]: draft for draft in answer["drafts"]}
                left, with_marks = answer["left"], answer["marked"]
                stuck = not any(draft["done"] for draft in answer["drafts"])
                if not left or stuck or numbers is not None:
                    break
        return {"drafts": list(done.values()), "left": left, "marked": with_marks}

    return with_desk(data, doing, each, as_json=as_json)


def _tell(told: Mapping[str, Any], nothing: str, *, as_json: bool) -> None:
    failed = [draft for draft in told["drafts"] if not draft["done"]]
    if as_json:
        print_json(dict(told))
    else:
        print_table(
            ("number", "signed", "check", "stated in public as confirmed"),
            (
                (
                    draft["id"],
                    short(draft["record"]) or "refused",
                    short(draft["verify"]),
                    _claimed(draft),
                )
                for draft in told["drafts"]
                if draft["done"]
            ),
            empty=nothing,
            words=("stated in public as confirmed",),
        )
        for draft in failed:
            typer.echo(f"draft {draft['id']}: {plain(draft['why'])}", err=True)
            for problem in draft["problems"]:
                typer.echo(f"  {problem['path'] or 'it'}: {plain(problem['rule'])}", err=True)
        if told["marked"]:
            typer.echo(f"{told['marked']} with marks still wait: hutong queue list --marked")
        if told["left"]:
            typer.echo(f"{told['left']} more were not tried", err=True)
    if failed or told["left"]:
        raise typer.Exit(REFUSED)


def _public_words(method: str, looked_at: list[str] | None) -> str:
    """What a release will state in public, as a sentence."""
    if looked_at:
        groups = ", ".join(looked_at)
    else:
        groups = "place, quantity and urgency, as far as the row has them"
        if method != "desk":
            groups = f"that it exists, {groups}"
    return (
        f"Each check will state in public, by the method {plain(method)}, as confirmed: {groups}. "
    )


def _claimed(draft: Mapping[str, Any]) -> str:
    """What the check of a draft that was released states."""
    if not draft["record"]:
        return ""
    return ", ".join(draft["confirmed"]) or "nothing: no check was signed"


def _count_words(count: Mapping[str, Any]) -> str:
    marked = f" ({count['marked']} with marks)" if count["marked"] else ""
    return f"{count['waiting']} of {count['source']}{marked}"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(_queue, name="queue")
