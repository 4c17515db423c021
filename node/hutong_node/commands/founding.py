"""`hutong init`: a new organisation with its first node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hutong_node.commands.terms import (
    REFUSED,
    AsJson,
    Data,
    data_folder,
    end_wrong,
    print_facts,
    print_json,
)

if TYPE_CHECKING:
    from hutong_node.config import Config, DataFolder

_WITHDRAW = (
    "What is signed and sent can't be called back: erasing removes words and facts from other"
    " nodes, but type, references, times and lengths of a record stay (spec, 5.12)."
)


def init(
    name: Annotated[
        str | None, typer.Argument(help="By which people know the organisation.")
    ] = None,
    data: Data = None,
    kind: Annotated[
        str | None,
        typer.Option(help="ngo, foundation, gov ...: kept for `hutong card`, signed by it only."),
    ] = None,
    public: Annotated[
        str | None, typer.Option(help="Where other nodes reach this one: wss://host:port.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on for other nodes.")] = "0.0.0.0",
    port: Annotated[
        int, typer.Option("--port", "--peer-port", help="Port for other nodes.", min=0, max=65_535)
    ] = 8640,
    local_port: Annotated[
        int, typer.Option(help="Port of the local API.", min=0, max=65_535)
    ] = 8641,
    bulletin_port: Annotated[
        int, typer.Option(help="Port of the pages for people.", min=0, max=65_535)
    ] = 8642,
    tls: Annotated[bool, typer.Option(help="Without it only for loopback.")] = True,
    as_json: AsJson = False,
) -> None:
    """Make a new organisation: its keys, certificate, configuration and first node."""
    from hutong_node.config import BulletinListen, Config, LocalListen, PeerListen
    from hutong_protocol.invites import check_endpoint
    from hutong_protocol.taxonomy import ORG_KINDS

    if public is not None and not check_endpoint(public):
        end_wrong("--public is wss://host:port")
    named: str = name or typer.prompt("Name of the organisation", err=True)
    if len(named) > 300 or not named.strip():
        end_wrong("the name of an organisation has 1 to 300 characters")
    if kind is not None and kind not in ORG_KINDS and not kind.startswith("x-"):
        end_wrong(f"--kind is one of {', '.join(ORG_KINDS)}, or starts with x-")
    config = Config(
        organisation=named,
        kind=kind,
        peer=PeerListen(host=host, port=port, public=public, tls=tls),
        local=LocalListen(port=local_port),
        bulletin=BulletinListen(port=bulletin_port),
    )
    folder = data_folder(data)
    made = _make(folder, config)
    if as_json:
        print_json(made)
        return
    print_facts({"name": named, **made})
    typer.echo(
        f"\nMove {_offline_keys()} from {folder.keys} to two places off this machine:"
        "\nwhoever has them is this organisation, and without them nobody is.\n\n"
        f"{_WITHDRAW}\n\n"
        "Next: hutong subscribe SPACE/TOPIC, hutong card (others know your name from it only),"
        " hutong run, and hutong invite or hutong join."
    )


def _make(folder: DataFolder, config: Config) -> dict[str, str | None]:
    """Makes the node, and says what others need to know of it."""
    from hutong_node.certificate import certificate_digest
    from hutong_node.clock import SystemClock
    from hutong_node.founding import FoundingRefused, found
    from hutong_node.keys import KeyFileRefused
    from hutong_protocol.ids import IdKind, format_id

    try:
        identity = found(folder, config, SystemClock())
    except (FoundingRefused, KeyFileRefused, OSError) as refused:
        typer.echo(f"refused: {refused}", err=True)
        raise typer.Exit(REFUSED) from None
    return {
        "organisation": format_id(IdKind.ORG, identity.org),
        "writer": format_id(IdKind.WRITER, identity.writer),
        "certificate": certificate_digest(folder.certificate).hex(),
        "data": str(folder.root),
        "public": config.peer.public,
    }


def _offline_keys() -> str:
    from hutong_node.founding import CONTROL_FILE, NEXT_CONTROL_FILE, RECOVERY_FILE

    return ", ".join((CONTROL_FILE, NEXT_CONTROL_FILE, RECOVERY_FILE))


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("init")(init)
