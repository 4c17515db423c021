"""`hutong run`: a node that listens, exchanges and serves its local API until it is told to end."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hutong_node.commands.terms import REFUSED, Data, data_folder, end_refused, print_facts

if TYPE_CHECKING:
    from hutong_node.config import DataFolder


def run(
    data: Data = None,
    trust_clock: Annotated[
        bool,
        typer.Option(
            "--trust-clock", help="Sign although this clock is more than 10 min off the peers'."
        ),
    ] = False,
) -> None:
    """Run the node in this window until it is told to end (Ctrl-C, or SIGTERM)."""
    import asyncio

    from hutong_node.backup.creating import remove_scratch
    from hutong_node.folder_lock import FolderLock
    from hutong_node.observe import set_up_logging
    from hutong_node.refusals import Code, Refused

    folder = data_folder(data)
    try:
        if not folder.config.exists():
            raise Refused(
                Code.NO_NODE,
                f"there is no node in {folder.root}",
                way_out=f"make one: hutong init --data '{folder.root}'",
            )
        lock = FolderLock.take(folder.lock, "run")
        set_up_logging()
        remove_scratch(folder)
        # The writer's thread waits for the interpreter's lock once for each call into SQLite or
        # OpenSSL: beside a busy loop it does 22,000 records a second so, 7,600 with the default.
        sys.setswitchinterval(0.0005)
        try:
            asyncio.run(_run(folder, trust_clock=trust_clock))
        finally:
            lock.release()
    except Refused as refused:
        end_refused(refused, as_json=False)


async def _run(folder: DataFolder, *, trust_clock: bool) -> None:
    import asyncio

    from hutong_node.bulletin.server import BulletinRefused, BulletinServer
    from hutong_node.http_local import LocalApi, LocalApiRefused
    from hutong_node.keys import KeyFileRefused
    from hutong_node.local_side import LocalSide, refusals_of_opening
    from hutong_node.node import Node, NodeRefused, open_parts

    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    with refusals_of_opening(folder.root):
        node = Node(await asyncio.to_thread(open_parts, folder, trust_clock=trust_clock))
    side = LocalSide.open(node, running=True)
    api = LocalApi(side.service, folder, node.parts.config.local)
    listen = node.parts.config.bulletin
    bulletin = BulletinServer(node, listen)
    pages = "off"
    try:
        await node.start()
        await api.start(node.metrics)
        if listen.enabled:
            try:
                await bulletin.start()
                pages = bulletin.url if listen.address is None else listen.address
            except BulletinRefused as refused:
                # Exchanging is what a node is for: it goes on without its pages.
                pages = f"off: {refused}"
        scheme = "wss" if node.parts.certificate else "ws"
        peer = node.parts.config.peer
        print_facts(
            {
                "node": node.parts.config.organisation,
                "listens at": f"{scheme}://{peer.host}:{node.peer_port}",
                "peers dial": peer.public or "not told: it dials others (`public` in hutong.toml)",
                "local API": api.url,
                "bulletin": pages,
            }
        )
        await ending.wait()
    except (NodeRefused, LocalApiRefused, KeyFileRefused) as refused:
        typer.echo(f"refused: {refused}", err=True)
        raise typer.Exit(REFUSED) from None
    finally:
        await bulletin.stop()
        await api.stop()
        await node.stop()
        side.close()


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("run")(run)
