"""`hutong invite`, `join`, `peer` and `org`: with whom this node exchanges, and whom it lets in.

Owns these commands' options and words. A peer is a node to talk with, an organisation let in is one
whose records are stored; an invite or a join makes both at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hutong_node.commands.card import ask_and_remind, remind
from hutong_node.commands.looking import print_peers
from hutong_node.commands.terms import (
    AsJson,
    Data,
    ask,
    print_facts,
    print_json,
    print_table,
    scope_items,
    short,
    who,
)

_peer = typer.Typer(no_args_is_help=True, help="Nodes to exchange with.")
_org = typer.Typer(no_args_is_help=True, help="Organisations whose records are taken.")

Organisation = Annotated[str, typer.Argument(metavar="ORG", help="Its id, org-...")]


def invite(
    scopes: Annotated[list[str], typer.Argument(metavar="SPACE/TOPIC...")],
    data: Data = None,
    endpoint: Annotated[
        str | None, typer.Option(help="Where the other reaches us, if not at `public`.")
    ] = None,
    hours: Annotated[int, typer.Option(min=1, max=720, help="How long it holds.")] = 72,
    as_json: AsJson = False,
) -> None:
    """Make an invite for one other node; whoever uses it first is let in."""
    items = scope_items(scopes)
    body = {"scopes": items, "hours": hours, "endpoint": endpoint}
    told, own_card = ask_and_remind(data, "invite", "makeInvite", body, as_json=as_json)
    if as_json:
        print_json(told)
        return
    typer.echo(told["invite"])
    typer.echo(
        f"It holds until {told['expires_at']}, for one node. Send it by a way that only they read.",
        err=True,
    )
    remind(own_card, [scope["space"] for scope in items])


def join(
    text: Annotated[str, typer.Argument(metavar="INVITE|-", help="- reads standard input.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Use an invite: let its organisation in, dial its node, hold its scopes."""
    given = sys.stdin.read(8_192) if text == "-" else text
    body = {"invite": given.strip()}
    told, own_card = ask_and_remind(data, "join", "join", body, as_json=as_json)
    if as_json:
        print_json(told)
        return
    print_facts(
        {
            "joined": who(told["organisation"]),
            "id": told["organisation"]["id"],
            "at": told["endpoint"],
            "scopes": [f"{scope['space']}/{scope['topic']}" for scope in told["scopes"]],
        }
    )
    remind(own_card, [scope["space"] for scope in told["scopes"]])


@_peer.command("list")
def list_peers(data: Data = None, as_json: AsJson = False) -> None:
    """List peers, and how it stands with each."""
    told = ask(data, "peer list", "listPeers", as_json=as_json)
    if as_json:
        print_json(told)
        return
    print_peers(told["peers"])


@_peer.command("add")
def add_peer(
    organisation: Organisation,
    endpoint: Annotated[
        str | None, typer.Argument(help="wss://host:port; without it they dial us.")
    ] = None,
    certificate: Annotated[
        str | None, typer.Option(help="SHA-256 of its certificate, as hex.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Keep a peer without an invite, or pin its certificate anew."""
    body = {"organisation": organisation, "endpoint": endpoint, "certificate": certificate}
    told = ask(data, "peer add", "addPeer", body=body, as_json=as_json)
    if as_json:
        print_json(told)
        return
    typer.echo("Kept." if told["changed"] else "It was kept already.")
    typer.echo("Its records are taken once it is let in: hutong org accept.", err=True)


@_peer.command("remove")
def remove_peer(organisation: Organisation, data: Data = None, as_json: AsJson = False) -> None:
    """Forget a peer and end its session; what it sent stays."""
    path = {"organisation": organisation}
    told = ask(data, "peer remove", "removePeer", path=path, as_json=as_json)
    if as_json:
        print_json(told)
        return
    typer.echo("Forgotten." if told["changed"] else "It was no peer.")


@_org.command("accept")
def accept(
    organisation: Organisation,
    note: Annotated[str | None, typer.Option(help="Your own words for it; they stay here.")] = None,
    named: Annotated[
        bool | None,
        typer.Option(
            "--named/--no-named", help="Store those whom its needs name, too. [default: named]"
        ),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let an organisation in: its records are stored in the scopes held.

    Whom its needs name as provider, receiver and so on is stored, too, in that scope: without them
    accepted and received amounts may be wrong here.
    """
    body = {"organisation": organisation, "note": note, "heeded": named}
    told = ask(data, "org accept", "acceptOrganisation", body=body, as_json=as_json)
    if as_json:
        print_json(told)
        return
    done, before = ("Let in.", "It was let in already.")
    if named is not None:
        done, before = ("Done.", "It was so already.")
    typer.echo(done if told["changed"] else before)


@_org.command("list")
def list_organisations(data: Data = None, as_json: AsJson = False) -> None:
    """List whom this node lets in."""
    told = ask(data, "org list", "listOrganisations", as_json=as_json)
    if as_json:
        print_json(told)
        return
    rows = [(short(told["own"]["id"]), told["own"]["name"], "this node's own", "", "")]
    rows += [
        (
            short(entry["id"]),
            entry["name"],
            entry["note"],
            entry["since"],
            "" if entry["heeded"] else "not stored",
        )
        for entry in told["organisations"]
    ]
    columns = ("id", "name", "note", "since", "whom its needs name")
    print_table(
        columns,
        rows,
        empty="Nobody is let in.",
        words=("name", "note"),
        drop=("whom its needs name", "since"),
    )
    if told["named"]:
        typer.echo()
        print_table(
            ("stored as named", "name", "scope", "by", "since"),
            (
                (
                    short(entry["organisation"]["id"]),
                    entry["organisation"]["name"],
                    f"{entry['space']}/{entry['topic']}",
                    who(entry["by"]),
                    entry["since"],
                )
                for entry in told["named"]
            ),
            empty="",
            words=("name", "by", "scope"),
            drop=("since", "scope"),
        )
        if not told["store_named"]:
            typer.echo("They are not stored: `store_named = false` under [policy].")


@_org.command("forget")
def forget(organisation: Organisation, data: Data = None, as_json: AsJson = False) -> None:
    """Take no more from an organisation, whoever names it; what is held stays."""
    path = {"organisation": organisation}
    told = ask(data, "org forget", "forgetOrganisation", path=path, as_json=as_json)
    if as_json:
        print_json(told)
        return
    typer.echo("No more is taken." if told["changed"] else "It was not let in.")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("invite")(invite)
    app.command("join")(join)
    app.add_typer(_peer, name="peer")
    app.add_typer(_org, name="org")
