"""`hutong status`, `list` and `show`: how a node is and what it holds.

Owns the tables in which people see it. Ids are cut short there, and the beginning of one is enough
to ask for a thing; amounts stand as the node computed them, in the base unit of their dimension.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hutong_node.commands.terms import (
    AsJson,
    Data,
    ask,
    plain,
    print_facts,
    print_json,
    print_table,
    short,
    who,
    with_desk,
)

if TYPE_CHECKING:
    from hutong_node.desk import Desk

_WHOLE_ID: Final = len("rec-") + 56
_PAGE: Final = "500"
_METHODS: Final = {"desk": "desk", "one_way": "one-way", "two_way": "two-way", "on_site": "on site"}
_DOUBTS: Final = {"early": " (too early to be true)", "late": " (ahead of the clock here)"}
_ROUGHLY: Final = {"estimate": "about {}", "at_least": "at least {}", "up_to": "up to {}"}
AsOf = Annotated[str | None, typer.Option(help="An instant, 2022-01-03T18:00:00+08:00.")]


def status(
    data: Data = None,
    as_of: AsOf = None,
    fold: Annotated[
        bool | None, typer.Option("--fold/--no-fold", help="With digests of what it comes to.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how this node is: records, digests, peers, and what asks for attention."""
    query = {} if as_of is None else {"as_of": as_of}
    if fold is not None:
        query["fold"] = "true" if fold else "false"
    told = ask(data, "status", "getStatus", query=query, as_json=as_json)
    if as_json:
        print_json(told)
        return
    print_facts(
        {
            "organisation": told["organisation"]["name"],
            "id": told["organisation"]["id"],
            "node": "running" if told["running"] else "not running",
            "records": told["records"],
            "logs": told["logs"],
            "parts missing": told["missing_parts"] or None,
            "not yet in the picture": told["behind"] or None,
            "drafts that wait": told["queue"] or None,
            "frontier digest": told["frontier_digest"],
            "as of": told["as_of"],
            "clock": _clock_words(told["clock"]),
            "runs refused": told["refusals"],
            "frozen": [who(author) for author in told["frozen"]],
            "not held": [short(org) for org in (told["coverage"] or {}).get("not_held", ())],
        }
    )
    print_table(
        ("scope", "things", "root", "fold digest"),
        (
            (
                f"{scope['space']}/{scope['topic']}",
                scope["things"],
                scope["root"][:16],
                (scope["fold_digest"] or "")[:16],
            )
            for scope in told["scopes"]
        ),
        empty="No scope is held: hutong subscribe SPACE/TOPIC",
        words=("scope",),
        drop=("root",),
    )
    if told["peers"]:
        print_peers(told["peers"])
    for fork in told["forks"]:
        typer.echo(f"fork: log {short(fork['log'])} of {who(fork['organisation'])}")
    for alarm in told["alarms"]:
        typer.echo(f"ALARM: {alarm}")


def list_things(
    kind: Annotated[str | None, typer.Argument(help="need, offer, incident, org ...")] = None,
    data: Data = None,
    space: Annotated[str | None, typer.Option()] = None,
    topic: Annotated[str | None, typer.Option()] = None,
    life: Annotated[str | None, typer.Option(help="active, expired or closed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """List needs, offers and other things."""
    given = {"type": kind, "space": space, "topic": topic, "life": life, "as_of": as_of}
    query = {name: value for name, value in given.items() if value is not None}

    async def pages(desk: Desk) -> dict[str, Any]:
        told: dict[str, Any] = {}
        things: list[Any] = []
        while len(things) < limit:
            size = min(int(_PAGE), limit - len(things))
            told = await desk.call("listThings", query={**query, "limit": str(size)})
            things += told["things"]
            if told["next"] is None:
                break
            query["after"] = told["next"]
        return {**told, "things": things}

    told = with_desk(data, "list", pages, as_json=as_json)
    if as_json:
        print_json(told)
        return
    print_table(
        ("id", "type", "title", "by", "place", "urgency", "life", "covered", "delivered", "check"),
        (
            (
                short(thing["id"]),
                thing["type"].partition("/")[0],
                thing["title"],
                who(thing["author"]),
                thing["place"],
                thing["urgency"],
                thing["life"],
                thing["coverage"],
                thing["delivery"],
                check_words(thing),
            )
            for thing in told["things"]
        ),
        empty="Nothing is held that fits.",
        words=("title", "check", "place"),
        drop=("type", "delivered", "covered", "place", "by", "life"),
    )
    if told["next"] is not None:
        typer.echo(f"There are more than {limit}: --limit shows more, --json gives a cursor.")


def show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Its beginning is enough.")],
    data: Data = None,
    as_of: AsOf = None,
    at_home: Annotated[
        bool, typer.Option("--at-home", help="Also what its row brought and stays here.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a thing with its numbers, who is waited for, and every record about it."""

    async def look(desk: Desk) -> dict[str, Any]:
        whole = await whole_id(desk, identifier)
        told = await desk.call(
            "getThing", path={"id": whole}, query={} if as_of is None else {"as_of": as_of}
        )
        if at_home:
            kept = await desk.call("getAtHome", path={"id": whole})
            told["at_home"] = kept["values"]
        return dict(told)

    told = with_desk(data, "show", look, as_json=as_json)
    if as_json:
        print_json(told)
        return
    _print_thing(told)


async def whole_id(desk: Desk, beginning: str) -> str:
    """The id of the one thing whose id begins like this.

    Raises:
        Refused: none does, or several do.
    """
    from hutong_node.refusals import Code, Refused

    if len(beginning) >= _WHOLE_ID:
        return beginning
    found: list[str] = []
    query = {"limit": _PAGE}
    while True:
        told = await desk.call("listThings", query=query)
        found += [thing["id"] for thing in told["things"] if thing["id"].startswith(beginning)]
        if told["next"] is None:
            break
        query["after"] = told["next"]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Refused(Code.NOT_FOUND, "no thing held here begins like this", way_out="hutong list")
    raise Refused(
        Code.BAD_ID,
        f"{len(found)} things begin like this",
        way_out="give more of the id: --json shows ids in full",
    )


def check_words(thing: Mapping[str, Any], *, with_time: bool = False) -> str:
    """Whether a thing was checked, by whom, and how: "confirmed" never stands alone."""
    backing = "; ".join(
        " · ".join(
            part
            for part in (
                "third party" if each["third_party"] else "own desk",
                ", ".join(_METHODS.get(method, plain(method)) for method in each["methods"]),
                each["at"] if with_time else None,
            )
            if part
        )
        for each in thing["backing"]
    )
    state = str(thing["verification"])
    return f"{state}: {backing}" if backing else state


def print_peers(peers: list[dict[str, Any]]) -> None:
    """The table of peers."""
    print_table(
        ("peer", "address", "state", "settled", "received", "refused", "last trouble"),
        (
            (
                who(peer["organisation"]),
                peer["endpoint"] or "dials us",
                peer["state"],
                peer["settled_at"],
                peer["records_received"],
                sum(peer["refusals"].values()) or "",
                peer["last_fault"] or peer["last_reason"],
            )
            for peer in peers
        ),
        empty="No peer: hutong invite or hutong join.",
        words=("peer", "last trouble"),
        drop=("received", "refused", "settled", "address"),
    )


def _clock_words(clock: Mapping[str, Any]) -> str | None:
    """This clock beside those of the peers; None where there is nobody to compare with."""
    off_s = clock["off_s"]
    if off_s is None:
        return None
    side = "ahead of" if off_s > 0 else "behind"
    off = "with" if abs(off_s) < 2 else f"{abs(off_s)} s {side}"
    return f"{off} {clock['compared']} peers' clocks" + (
        "" if clock["signs"] else ": signs nothing"
    )


def _required_words(line: Mapping[str, Any]) -> str:
    """What a line asks for, with how sure that is: about 200 is not 200."""
    required, bound = line["required"], line["bound"]
    if required is None:
        return str(bound or "")
    return _ROUGHLY.get(bound, "{}").format(required)


def _needed_by_words(told: Mapping[str, Any]) -> str | None:
    """By when a thing is needed, and whether that is over while it still stands."""
    from hutong_protocol.instants import instant_ms

    needed_by = (told["facts"] or {}).get("needed_by")
    if not isinstance(needed_by, str):
        return None
    due_ms, as_of_ms = instant_ms(needed_by), instant_ms(told["as_of"])
    over = due_ms is not None and as_of_ms is not None and due_ms < as_of_ms
    return needed_by + (" (overdue)" if over and told["thing"]["life"] == "active" else "")


def _print_thing(told: Mapping[str, Any]) -> None:
    thing = told["thing"]
    steward = thing["steward"]
    print_facts(
        {
            "title": thing["title"],
            "id": thing["id"],
            "type": thing["type"],
            "scope": f"{thing['space']}/{thing['topic']}",
            "by": who(thing["author"]),
            "looked after by": None if steward == thing["author"] else who(steward),
            "place": thing["place"],
            "urgency": thing["urgency"],
            "needed by": _needed_by_words(told),
            "valid until": thing["valid_until"],
            "life": thing["life"] + (f": {thing['reason']}" if thing["reason"] else ""),
            "covered": thing["coverage"],
            "delivered": thing["delivery"],
            "checked": check_words(thing, with_time=True),
            "flags": thing["flags"],
            "as of": told["as_of"],
            "not yet in it": told["behind"] or None,
            **{f"at home: {name}": value for name, value in told.get("at_home", {}).items()},
        }
    )
    print_table(
        ("line", "what", "unit", "required", "accepted", "in transit", "received", "open",
         "pledged", "as typed"),
        (
            (
                line["id"] + (" (closed)" if line["closed"] else ""),
                line["words"],
                line["dimension"],
                _required_words(line),
                *(line[name] for name in ("accepted", "in_transit", "received", "open")),
                line["pledged"],
                line["raw"],
            )
            for line in told["lines"]
        ),
        empty="It has no lines.",
        words=("what", "as typed"),
        drop=("in transit", "pledged", "as typed", "accepted"),
    )  # fmt: skip
    names = {entry["author"]["id"]: who(entry["author"]) for entry in told["history"]}
    for waiting in told["waiting_on"]:
        whom = names.get(waiting["who"]) or short(waiting["who"])
        typer.echo(f"waiting: {whom} to {waiting['what']} {waiting.get('line', '')}".rstrip())
    _print_history(told)


def _print_history(told: Mapping[str, Any]) -> None:
    print_table(
        ("written", "record", "type", "by", "standing"),
        (
            (
                entry["written_at"] + _DOUBTS.get(entry["written_at_doubt"], ""),
                short(entry["id"]),
                entry["type"],
                who(entry["author"]),
                entry["standing"] if entry["facts_state"] == "present" else entry["facts_state"],
            )
            for entry in told["history"]
        ),
        empty="No record is held.",
        words=("by",),
        drop=("standing",),
    )


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("status")(status)
    app.command("list")(list_things)
    app.command("show")(show)
